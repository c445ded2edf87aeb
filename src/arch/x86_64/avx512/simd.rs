#![allow(unsafe_code, reason = "intrinsics")]

use crate::arch::simd::{BLOCK, PAIR, Simd};
use crate::arch::x86_64::sse;
use core::arch::x86_64::*;
use half::{bf16, f16};

/// Proof that the running CPU has AVX-512 F, BW, VL and DQ.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// Callable without `unsafe` only where the features are on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
    pub(super) fn new() -> Self {
        Self(())
    }
}

type F = __m512;
type I = __m512i;

/// Applies `$f` to both registers of blocks. No closures: they would not inherit the features.
macro_rules! each {
    ($f:ident $([$imm:literal])? ($a:expr)) => {{
        let [a0, a1] = $a;
        [$f$(::<$imm>)?(a0), $f$(::<$imm>)?(a1)]
    }};
    ($f:ident($a:expr, $b:expr)) => {{
        let ([a0, a1], [b0, b1]) = ($a, $b);
        [$f(a0, b0), $f(a1, b1)]
    }};
    ($f:ident($a:expr, $b:expr, $c:expr)) => {{
        let ([a0, a1], [b0, b1], [c0, c1]) = ($a, $b, $c);
        [$f(a0, b0, c0), $f(a1, b1, c1)]
    }};
    ($f:ident($a:expr, $b:expr, $c:expr, $d:expr)) => {{
        let ([a0, a1], [b0, b1], [c0, c1], [d0, d1]) = ($a, $b, $c, $d);
        [$f(a0, b0, c0, d0), $f(a1, b1, c1, d1)]
    }};
}

pub(super) use each;

/// The two registers of a block in memory, as arrays of their size.
#[inline(always)]
fn halves<T: bytemuck::Pod>(x: &[T; BLOCK]) -> [&[T; 16]; 2] {
    bytemuck::must_cast_ref::<_, [[T; 16]; 2]>(x).each_ref()
}

/// The same, to write.
#[inline(always)]
fn halves_mut<T: bytemuck::Pod>(x: &mut [T; BLOCK]) -> [&mut [T; 16]; 2] {
    bytemuck::must_cast_mut::<_, [[T; 16]; 2]>(x).each_mut()
}

/// Leaf functions: one register each, with the features on.
macro_rules! leaves {
    ($($(#[doc = $doc:literal])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? $body:block)+) => {$(
        $(#[doc = $doc])*
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
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
    fn load_f32(x: &[f32; 16]) -> F { _mm512_loadu_ps(x.as_ptr()) }
    fn store_f32(to: &mut [f32; 16], x: F) { _mm512_storeu_ps(to.as_mut_ptr(), x); }
    fn load_i32(x: &[i32; 16]) -> I { _mm512_loadu_si512(x.as_ptr().cast()) }
    fn store_i32(to: &mut [i32; 16], x: I) { _mm512_storeu_si512(to.as_mut_ptr().cast(), x); }
    fn load_i8(x: &[i8; 16]) -> I { _mm512_cvtepi8_epi32(_mm_loadu_si128(x.as_ptr().cast())) }
    fn load_u8(x: &[u8; 16]) -> I { _mm512_cvtepu8_epi32(_mm_loadu_si128(x.as_ptr().cast())) }
    fn load_i16(x: &[i16; 16]) -> I {
        _mm512_cvtepi16_epi32(_mm256_loadu_si256(x.as_ptr().cast()))
    }
    fn load_u16(x: &[u16; 16]) -> I {
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(x.as_ptr().cast()))
    }
    fn load_f16(x: &[f16; 16]) -> F { _mm512_cvtph_ps(_mm256_loadu_si256(x.as_ptr().cast())) }
    fn load_bf16(x: &[bf16; 16]) -> F {
        let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(x.as_ptr().cast()));
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
    }
    /// To nearest even.
    fn store_f16(to: &mut [f16; 16], x: F) {
        _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_cvtps_ph::<0>(x));
    }
    /// The bits of a bf16 in each lane, rounded as an integer; a NaN keeps its upper half and
    /// becomes quiet. The BF16 instructions would flush subnormals.
    fn round_bf16(x: F) -> I {
        let bits = _mm512_castps_si512(x);
        // 0xAE: not the first and the second, or the third: -0x8000 where the result is odd, else
        // -0x7FFF.
        let (one, base) = (_mm512_set1_epi32(1), _mm512_set1_epi32(-0x8000));
        let upper = _mm512_srli_epi32::<16>(bits);
        let rounded = _mm512_sub_epi32(bits, _mm512_ternarylogic_epi32::<0xAE>(upper, one, base));
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        let rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x40_0000));
        _mm512_srli_epi32::<16>(rounded)
    }
    fn abs_bits(x: F) -> I { _mm512_castps_si512(_mm512_abs_ps(x)) }
    fn select_gt(a: F, b: F, yes: F, no: F) -> F {
        _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes)
    }
    /// 2: the smaller magnitude with the sign of `x`; the mask makes NaN lanes +0.
    fn sanitize(x: F, limit: F) -> F {
        _mm512_maskz_range_ps::<2>(_mm512_cmp_ps_mask::<_CMP_ORD_Q>(x, x), x, limit)
    }
    /// Undoes the interleaving of 128-bit lanes by one pack of 32-bit values.
    pub(super) fn ordered_words(packed: I) -> I {
        _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), packed)
    }
    /// Undoes the interleaving of 128-bit lanes by two packs, from four registers to one.
    pub(super) fn ordered_bytes(packed: I) -> I {
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_permutexvar_epi32(order, packed)
    }
    fn store_i16s(to: &mut [i16; 32], x: I) { _mm512_storeu_si512(to.as_mut_ptr().cast(), x); }
    fn store_i8s(to: &mut [i8; 32], x: __m256i) { _mm256_storeu_si256(to.as_mut_ptr().cast(), x); }
    fn store_i8_pairs(to: &mut [i8; 64], x: I) { _mm512_storeu_si512(to.as_mut_ptr().cast(), x); }
}

// SAFETY of every block below: `self` exists only where AVX-512 F, BW, VL and DQ are on, so the
// instructions are available; memory is reached through one array reference of the size of the
// access, unaligned.
impl Simd for Avx512 {
    type F32 = [F; 2];
    type I32 = [I; 2];

    const WIDE: bool = true;

    #[inline(always)]
    fn prefetch(self, x: *const f32) {
        sse::prefetch(x);
    }

    #[inline(always)]
    fn prefetch_soon(self, x: *const f32) {
        sse::prefetch_soon(x);
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
        [unsafe { _mm512_set1_ps(x) }; 2]
    }

    #[inline(always)]
    fn load(self, x: &[f32; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(load_f32(halves(x))) }
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32; BLOCK]) {
        // SAFETY: see the impl.
        let [(), ()] = unsafe { each!(store_f32(halves_mut(to), x)) };
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_add_ps(a, b)) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_sub_ps(a, b)) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_mul_ps(a, b)) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_div_ps(a, b)) }
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_fmadd_ps(a, b, c)) }
    }

    #[inline(always)]
    fn fnma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_fnmadd_ps(a, b, c)) }
    }

    #[inline(always)]
    fn fms(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_fmsub_ps(a, b, c)) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. `vminps` gives its second operand unless a < b.
        unsafe { each!(_mm512_min_ps(a, b)) }
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. `vmaxps` gives its second operand unless a > b.
        unsafe { each!(_mm512_max_ps(a, b)) }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_abs_ps(a)) }
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
        unsafe { each!(_mm512_roundscale_ps[8](x)) }
    }

    #[inline(always)]
    fn any_nan(self, x: Self::F32) -> bool {
        let [a, b] = x;
        // SAFETY: see the impl. A comparison of two registers catches the NaNs of both.
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, b) != 0 }
    }

    #[inline(always)]
    fn reduce_min(self, x: Self::F32) -> f32 {
        let [a, b] = x;
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_min_ps(_mm512_min_ps(a, b)) }
    }

    #[inline(always)]
    fn reduce_max(self, x: Self::F32) -> f32 {
        let [a, b] = x;
        // SAFETY: see the impl.
        unsafe { _mm512_reduce_max_ps(_mm512_max_ps(a, b)) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        // SAFETY: see the impl.
        [unsafe { _mm512_set1_epi32(x) }; 2]
    }

    #[inline(always)]
    fn load_i32(self, x: &[i32; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_i32(halves(x))) }
    }

    #[inline(always)]
    fn store_i32(self, x: Self::I32, to: &mut [i32; BLOCK]) {
        // SAFETY: see the impl.
        let [(), ()] = unsafe { each!(store_i32(halves_mut(to), x)) };
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_add_epi32(a, b)) }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_sub_epi32(a, b)) }
    }

    #[inline(always)]
    fn max_abs_bits(self, acc: Self::I32, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl. Without the sign bit, signed order is unsigned order.
        unsafe { each!(_mm512_max_epi32(acc, each!(abs_bits(x)))) }
    }

    #[inline(always)]
    fn round_i32(self, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_cvtps_epi32(x)) }
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_cvtepi32_ps(x)) }
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(load_f16(halves(x))) }
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(load_bf16(halves(x))) }
    }

    #[inline(always)]
    fn store_f16(self, x: Self::F32, to: &mut [f16; BLOCK]) {
        // SAFETY: see the impl.
        let [(), ()] = unsafe { each!(store_f16(halves_mut(to), x)) };
    }

    #[inline(always)]
    fn store_bf16(self, x: Self::F32, to: &mut [bf16; BLOCK]) {
        // SAFETY: see the impl. The upper halves are 0, so nothing saturates.
        unsafe {
            let [a, b] = each!(round_bf16(x));
            let words = ordered_words(_mm512_packus_epi32(a, b));
            store_i16s(bytemuck::must_cast_mut(to), words);
        }
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_i8(halves(x))) }
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_u8(halves(x))) }
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_i16(halves(x))) }
    }

    #[inline(always)]
    fn load_u16(self, x: &[u16; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(load_u16(halves(x))) }
    }

    #[inline(always)]
    fn store_i8(self, x: Self::I32, min: i8, max: i8, to: &mut [i8; BLOCK]) {
        let [a, b] = x;
        // SAFETY: see the impl.
        unsafe {
            let bytes = _mm512_cvtsepi16_epi8(ordered_words(_mm512_packs_epi32(a, b)));
            let bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(min));
            store_i8s(to, _mm256_min_epi8(bytes, _mm256_set1_epi8(max)));
        }
    }

    #[inline(always)]
    fn store_u8(self, x: Self::I32, min: u8, max: u8, to: &mut [u8; BLOCK]) {
        let [a, b] = x;
        // SAFETY: see the impl. Negative words become 0 first, the conversion is unsigned.
        unsafe {
            let words = ordered_words(_mm512_packs_epi32(a, b));
            let bytes = _mm512_cvtusepi16_epi8(_mm512_max_epi16(words, _mm512_setzero_si512()));
            let bytes = _mm256_max_epu8(bytes, _mm256_set1_epi8(min as i8));
            let bytes = _mm256_min_epu8(bytes, _mm256_set1_epi8(max as i8));
            store_i8s(bytemuck::must_cast_mut(to), bytes);
        }
    }

    #[inline(always)]
    fn store_i16(self, x: Self::I32, min: i16, max: i16, to: &mut [i16; BLOCK]) {
        let [a, b] = x;
        // SAFETY: see the impl.
        unsafe {
            let words = ordered_words(_mm512_packs_epi32(a, b));
            let words = _mm512_max_epi16(words, _mm512_set1_epi16(min));
            store_i16s(to, _mm512_min_epi16(words, _mm512_set1_epi16(max)));
        }
    }

    #[inline(always)]
    fn store_u16(self, x: Self::I32, min: u16, max: u16, to: &mut [u16; BLOCK]) {
        let [a, b] = x;
        // SAFETY: see the impl.
        unsafe {
            let words = ordered_words(_mm512_packus_epi32(a, b));
            let words = _mm512_max_epu16(words, _mm512_set1_epi16(min as i16));
            let words = _mm512_min_epu16(words, _mm512_set1_epi16(max as i16));
            store_i16s(bytemuck::must_cast_mut(to), words);
        }
    }

    #[inline(always)]
    fn store_i8_pair(self, a: Self::I32, b: Self::I32, min: i8, max: i8, to: &mut [i8; PAIR]) {
        let ([a0, a1], [b0, b1]) = (a, b);
        // SAFETY: see the impl.
        unsafe {
            let words = (_mm512_packs_epi32(a0, a1), _mm512_packs_epi32(b0, b1));
            let bytes = ordered_bytes(_mm512_packs_epi16(words.0, words.1));
            let bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8(min));
            store_i8_pairs(to, _mm512_min_epi8(bytes, _mm512_set1_epi8(max)));
        }
    }

    #[inline(always)]
    fn store_u8_pair(self, a: Self::I32, b: Self::I32, min: u8, max: u8, to: &mut [u8; PAIR]) {
        let ([a0, a1], [b0, b1]) = (a, b);
        // SAFETY: see the impl.
        unsafe {
            let words = (_mm512_packs_epi32(a0, a1), _mm512_packs_epi32(b0, b1));
            let bytes = ordered_bytes(_mm512_packus_epi16(words.0, words.1));
            let bytes = _mm512_max_epu8(bytes, _mm512_set1_epi8(min as i8));
            let bytes = _mm512_min_epu8(bytes, _mm512_set1_epi8(max as i8));
            store_i8_pairs(bytemuck::must_cast_mut(to), bytes);
        }
    }
}
