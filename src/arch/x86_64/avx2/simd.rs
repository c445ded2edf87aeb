#![allow(unsafe_code, reason = "intrinsics")]

use crate::arch::simd::{BLOCK, PAIR, Simd};
use crate::arch::x86_64::sse;
use core::arch::x86_64::*;
use half::{bf16, f16};

/// Proof that the running CPU has AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Callable without `unsafe` only where the features are on.
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn new() -> Self {
        Self(())
    }
}

type F = __m256;
type I = __m256i;

/// Applies `$f` to each register of blocks. No closures: they would not inherit the features.
macro_rules! each {
    ($f:ident $([$imm:literal])? ($a:expr)) => {{
        let [a0, a1, a2, a3] = $a;
        [$f$(::<$imm>)?(a0), $f$(::<$imm>)?(a1), $f$(::<$imm>)?(a2), $f$(::<$imm>)?(a3)]
    }};
    ($f:ident($a:expr, $b:expr)) => {{
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = ($a, $b);
        [$f(a0, b0), $f(a1, b1), $f(a2, b2), $f(a3, b3)]
    }};
    ($f:ident($a:expr, $b:expr, $c:expr)) => {{
        let ([a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]) = ($a, $b, $c);
        [$f(a0, b0, c0), $f(a1, b1, c1), $f(a2, b2, c2), $f(a3, b3, c3)]
    }};
    ($f:ident($a:expr, $b:expr, $c:expr, $d:expr)) => {{
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = ($a, $b);
        let ([c0, c1, c2, c3], [d0, d1, d2, d3]) = ($c, $d);
        [$f(a0, b0, c0, d0), $f(a1, b1, c1, d1), $f(a2, b2, c2, d2), $f(a3, b3, c3, d3)]
    }};
}

pub(super) use each;

/// The four registers of a block in memory, as arrays of their size.
#[inline(always)]
fn quarters<T: bytemuck::Pod>(x: &[T; BLOCK]) -> [&[T; 8]; 4] {
    bytemuck::must_cast_ref::<_, [[T; 8]; 4]>(x).each_ref()
}

/// The same, to write.
#[inline(always)]
fn quarters_mut<T: bytemuck::Pod>(x: &mut [T; BLOCK]) -> [&mut [T; 8]; 4] {
    bytemuck::must_cast_mut::<_, [[T; 8]; 4]>(x).each_mut()
}

/// Two registers of 16-bit lanes in memory.
#[inline(always)]
fn halves_mut<T: bytemuck::Pod>(x: &mut [T; BLOCK]) -> [&mut [T; 16]; 2] {
    bytemuck::must_cast_mut::<_, [[T; 16]; 2]>(x).each_mut()
}

/// Leaf functions: one register each, with the features on.
macro_rules! leaves {
    ($($(#[doc = $doc:literal])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? $body:block)+) => {$(
        $(#[doc = $doc])*
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: memory is reached through an array reference of the size of the access,
            // unaligned.
            #[allow(unused_unsafe, reason = "some leaves touch no memory")]
            unsafe { $body }
        }
    )+};
}
pub(super) use leaves;

leaves! {
    fn load_f32(x: &[f32; 8]) -> F { _mm256_loadu_ps(x.as_ptr()) }
    fn store_f32(to: &mut [f32; 8], x: F) { _mm256_storeu_ps(to.as_mut_ptr(), x); }
    fn load_i32(x: &[i32; 8]) -> I { _mm256_loadu_si256(x.as_ptr().cast()) }
    fn store_i32(to: &mut [i32; 8], x: I) { _mm256_storeu_si256(to.as_mut_ptr().cast(), x); }
    fn load_i8(x: &[i8; 8]) -> I { _mm256_cvtepi8_epi32(_mm_loadl_epi64(x.as_ptr().cast())) }
    fn load_u8(x: &[u8; 8]) -> I { _mm256_cvtepu8_epi32(_mm_loadl_epi64(x.as_ptr().cast())) }
    fn load_i16(x: &[i16; 8]) -> I { _mm256_cvtepi16_epi32(_mm_loadu_si128(x.as_ptr().cast())) }
    fn load_u16(x: &[u16; 8]) -> I { _mm256_cvtepu16_epi32(_mm_loadu_si128(x.as_ptr().cast())) }
    fn load_f16(x: &[f16; 8]) -> F { _mm256_cvtph_ps(_mm_loadu_si128(x.as_ptr().cast())) }
    fn load_bf16(x: &[bf16; 8]) -> F {
        let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(x.as_ptr().cast()));
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
    }
    /// To nearest even.
    fn store_f16(to: &mut [f16; 8], x: F) {
        _mm_storeu_si128(to.as_mut_ptr().cast(), _mm256_cvtps_ph::<0>(x));
    }
    /// The bits of a bf16 in each lane, rounded as an integer, in the upper half. No NaN.
    fn rounded_bf16(x: F) -> I {
        let bits = _mm256_castps_si256(x);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)))
    }
    /// As `rounded_bf16`, but a NaN keeps its upper half and becomes quiet.
    fn rounded_bf16_or_nan(x: F) -> I {
        let quiet = _mm256_or_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x40_0000));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
        _mm256_blendv_epi8(rounded_bf16(x), quiet, nan)
    }
    pub(super) fn abs(x: F) -> F { _mm256_andnot_ps(_mm256_set1_ps(-0.0), x) }
    fn abs_bits(x: F) -> I { _mm256_castps_si256(abs(x)) }
    fn select_gt(a: F, b: F, yes: F, no: F) -> F {
        _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b))
    }
    /// Lanes that are not ordered with themselves become +0.
    fn sanitize(x: F, limit: F) -> F {
        let x = _mm256_and_ps(x, _mm256_cmp_ps::<_CMP_ORD_Q>(x, x));
        let low = _mm256_xor_ps(limit, _mm256_set1_ps(-0.0));
        _mm256_min_ps(_mm256_max_ps(x, low), limit)
    }
    /// The packs work within 128-bit lanes; two packs leave the groups of four in this order.
    pub(super) fn ordered_bytes(x: I) -> I {
        _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))
    }
    /// As `ordered_bytes`, after one pack.
    pub(super) fn ordered_words(x: I) -> I { _mm256_permute4x64_epi64::<0b11_01_10_00>(x) }
    fn store_i16s(to: &mut [i16; 16], x: I) { _mm256_storeu_si256(to.as_mut_ptr().cast(), x); }
    fn store_i8s(to: &mut [i8; 32], x: I) { _mm256_storeu_si256(to.as_mut_ptr().cast(), x); }
}

// SAFETY of every block below: `self` exists only where AVX2, FMA and F16C are on, so the
// instructions are available; memory is reached through one array reference of the size of the
// access, unaligned.
impl Simd for Avx2 {
    type F32 = [F; 4];
    type I32 = [I; 4];

    const WIDE: bool = false;

    #[inline(always)]
    fn prefetch(self, x: *const f32) {
        sse::prefetch(x);
    }

    #[inline(always)]
    fn transpose(self, rows: [&[f32; 4]; 4], flip: u32, to: [&mut [f32; 4]; 4]) {
        sse::transpose(rows, flip, to);
    }

    #[inline(always)]
    fn transpose_eight(self, rows: [&[u8; 16]; 8], flip: u32, to: [&mut [f32; 8]; 4]) {
        sse::transpose_eight(rows, flip, to);
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        // SAFETY: see the impl.
        [unsafe { _mm256_set1_ps(x) }; 4]
    }

    #[inline(always)]
    fn load(self, x: &[f32; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(load_f32(quarters(x))) }
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32; BLOCK]) {
        // SAFETY: see the impl.
        let [(), (), (), ()] = unsafe { each!(store_f32(quarters_mut(to), x)) };
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_add_ps(a, b)) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_sub_ps(a, b)) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_mul_ps(a, b)) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_div_ps(a, b)) }
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_fmadd_ps(a, b, c)) }
    }

    #[inline(always)]
    fn fnma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_fnmadd_ps(a, b, c)) }
    }

    #[inline(always)]
    fn fms(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_fmsub_ps(a, b, c)) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. `vminps` gives its second operand unless a < b.
        unsafe { each!(_mm256_min_ps(a, b)) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. `vmaxps` gives its second operand unless a > b.
        unsafe { each!(_mm256_max_ps(a, b)) }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(abs(a)) }
    }

    #[inline(always)]
    fn select_gt(self, a: Self::F32, b: Self::F32, yes: Self::F32, no: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(select_gt(a, b, yes, no)) }
    }

    #[inline(always)]
    fn sanitize(self, x: Self::F32, limit: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(sanitize(x, limit)) }
    }

    #[inline(always)]
    fn round(self, x: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. 8: to nearest even, no exceptions.
        unsafe { each!(_mm256_round_ps[8](x)) }
    }

    #[inline(always)]
    fn any_nan(self, x: Self::F32) -> bool {
        let [a, b, c, d] = x;
        // SAFETY: see the impl. A comparison of two registers catches the NaNs of both.
        unsafe {
            let ab = _mm256_cmp_ps::<_CMP_UNORD_Q>(a, b);
            let cd = _mm256_cmp_ps::<_CMP_UNORD_Q>(c, d);
            _mm256_movemask_ps(_mm256_or_ps(ab, cd)) != 0
        }
    }

    #[inline(always)]
    fn reduce_min(self, x: Self::F32) -> f32 {
        let [a, b, c, d] = x;
        // SAFETY: see the impl.
        unsafe {
            let x = _mm256_min_ps(_mm256_min_ps(a, b), _mm256_min_ps(c, d));
            let x = _mm_min_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_min_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_min_ss(x, _mm_movehdup_ps(x)))
        }
    }

    #[inline(always)]
    fn reduce_max(self, x: Self::F32) -> f32 {
        let [a, b, c, d] = x;
        // SAFETY: see the impl.
        unsafe {
            let x = _mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d));
            let x = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)))
        }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        // SAFETY: see the impl.
        [unsafe { _mm256_set1_epi32(x) }; 4]
    }

    #[inline(always)]
    fn load_i32(self, x: &[i32; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_i32(quarters(x))) }
    }

    #[inline(always)]
    fn store_i32(self, x: Self::I32, to: &mut [i32; BLOCK]) {
        // SAFETY: see the impl.
        let [(), (), (), ()] = unsafe { each!(store_i32(quarters_mut(to), x)) };
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_add_epi32(a, b)) }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_sub_epi32(a, b)) }
    }

    #[inline(always)]
    fn max_abs_bits(self, acc: Self::I32, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl. Without the sign bit, signed order is unsigned order.
        unsafe { each!(_mm256_max_epi32(acc, each!(abs_bits(x)))) }
    }

    #[inline(always)]
    fn round_i32(self, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_cvtps_epi32(x)) }
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_cvtepi32_ps(x)) }
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(load_f16(quarters(x))) }
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(load_bf16(quarters(x))) }
    }

    #[inline(always)]
    fn store_f16(self, x: Self::F32, to: &mut [f16; BLOCK]) {
        // SAFETY: see the impl.
        let [(), (), (), ()] = unsafe { each!(store_f16(quarters_mut(to), x)) };
    }

    #[inline(always)]
    fn store_bf16(self, x: Self::F32, to: &mut [bf16; BLOCK]) {
        let [low, high] = halves_mut(to);
        // SAFETY: see the impl.
        unsafe {
            // One test of all lanes is cheaper than a choice in each.
            let rounded = if self.any_nan(x) {
                each!(rounded_bf16_or_nan(x))
            } else {
                each!(rounded_bf16(x))
            };
            let [a, b, c, d] = each!(_mm256_srli_epi32[16](rounded));
            store_i16s(bytemuck::must_cast_mut(low), ordered_words(_mm256_packus_epi32(a, b)));
            store_i16s(bytemuck::must_cast_mut(high), ordered_words(_mm256_packus_epi32(c, d)));
        }
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_i8(quarters(x))) }
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_u8(quarters(x))) }
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_i16(quarters(x))) }
    }

    #[inline(always)]
    fn load_u16(self, x: &[u16; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_u16(quarters(x))) }
    }

    #[inline(always)]
    fn store_i8(self, x: Self::I32, min: i8, max: i8, to: &mut [i8; BLOCK]) {
        let [a, b, c, d] = x;
        // SAFETY: see the impl.
        unsafe {
            let words = (_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
            let bytes = ordered_bytes(_mm256_packs_epi16(words.0, words.1));
            let bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(min));
            store_i8s(to, _mm256_min_epi8(bytes, _mm256_set1_epi8(max)));
        }
    }

    #[inline(always)]
    fn store_u8(self, x: Self::I32, min: u8, max: u8, to: &mut [u8; BLOCK]) {
        let [a, b, c, d] = x;
        // SAFETY: see the impl.
        unsafe {
            let words = (_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
            let bytes = ordered_bytes(_mm256_packus_epi16(words.0, words.1));
            let bytes = _mm256_max_epu8(bytes, _mm256_set1_epi8(min as i8));
            let bytes = _mm256_min_epu8(bytes, _mm256_set1_epi8(max as i8));
            store_i8s(bytemuck::must_cast_mut(to), bytes);
        }
    }

    #[inline(always)]
    fn store_i16(self, x: Self::I32, min: i16, max: i16, to: &mut [i16; BLOCK]) {
        let ([low, high], [a, b, c, d]) = (halves_mut(to), x);
        // SAFETY: see the impl.
        unsafe {
            for (to, packed) in [(low, _mm256_packs_epi32(a, b)), (high, _mm256_packs_epi32(c, d))]
            {
                let words = _mm256_max_epi16(ordered_words(packed), _mm256_set1_epi16(min));
                store_i16s(to, _mm256_min_epi16(words, _mm256_set1_epi16(max)));
            }
        }
    }

    #[inline(always)]
    fn store_u16(self, x: Self::I32, min: u16, max: u16, to: &mut [u16; BLOCK]) {
        let ([low, high], [a, b, c, d]) = (halves_mut(to), x);
        // SAFETY: see the impl.
        unsafe {
            for (to, packed) in
                [(low, _mm256_packus_epi32(a, b)), (high, _mm256_packus_epi32(c, d))]
            {
                let words = _mm256_max_epu16(ordered_words(packed), _mm256_set1_epi16(min as i16));
                let words = _mm256_min_epu16(words, _mm256_set1_epi16(max as i16));
                store_i16s(bytemuck::must_cast_mut(to), words);
            }
        }
    }

    #[inline(always)]
    fn store_i8_pair(self, a: Self::I32, b: Self::I32, min: i8, max: i8, to: &mut [i8; PAIR]) {
        let [low, high] = crate::arch::simd::blocks_mut(to);
        self.store_i8(a, min, max, low);
        self.store_i8(b, min, max, high);
    }

    #[inline(always)]
    fn store_u8_pair(self, a: Self::I32, b: Self::I32, min: u8, max: u8, to: &mut [u8; PAIR]) {
        let [low, high] = crate::arch::simd::blocks_mut(to);
        self.store_u8(a, min, max, low);
        self.store_u8(b, min, max, high);
    }
}
