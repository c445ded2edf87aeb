#![allow(unsafe_code, reason = "intrinsics")]

use crate::arch::simd::{BLOCK, PAIR, Simd};
use core::arch::aarch64::*;
use core::arch::asm;
use half::{bf16, f16};

/// Proof that the running CPU has Advanced SIMD.
#[derive(Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// Callable without `unsafe` only where the feature is on.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn new() -> Self {
        Self(())
    }
}

type F = float32x4_t;
type I = int32x4_t;

/// Applies `$f` to the registers of blocks.
macro_rules! each {
    ($f:ident($a:ident)) => {
        $a.map(|a| $f(a))
    };
    ($f:ident($a:ident, $b:ident)) => {{
        let ([a0, a1, a2, a3, a4, a5, a6, a7], [b0, b1, b2, b3, b4, b5, b6, b7]) = ($a, $b);
        [
            $f(a0, b0),
            $f(a1, b1),
            $f(a2, b2),
            $f(a3, b3),
            $f(a4, b4),
            $f(a5, b5),
            $f(a6, b6),
            $f(a7, b7),
        ]
    }};
    ($f:ident($a:ident, $b:ident, $c:ident)) => {{
        let ([a0, a1, a2, a3, a4, a5, a6, a7], [b0, b1, b2, b3, b4, b5, b6, b7]) = ($a, $b);
        let [c0, c1, c2, c3, c4, c5, c6, c7] = $c;
        [
            $f(a0, b0, c0),
            $f(a1, b1, c1),
            $f(a2, b2, c2),
            $f(a3, b3, c3),
            $f(a4, b4, c4),
            $f(a5, b5, c5),
            $f(a6, b6, c6),
            $f(a7, b7, c7),
        ]
    }};
}

/// A block in memory, as arrays of the size of a register.
macro_rules! parts {
    ($x:ident, $ty:ty, $lanes:literal) => {
        bytemuck::must_cast_ref::<_, [[$ty; $lanes]; BLOCK / $lanes]>($x)
    };
}

/// As `parts`, to write.
macro_rules! parts_mut {
    ($x:ident, $ty:ty, $lanes:literal) => {
        bytemuck::must_cast_mut::<_, [[$ty; $lanes]; BLOCK / $lanes]>($x)
    };
}

pub(super) use {each, parts};

/// The pairs of neighbouring registers of a block.
#[inline(always)]
fn pairs<T>([a, b, c, d, e, f, g, h]: [T; 8]) -> [(T, T); 4] {
    [(a, b), (c, d), (e, f), (g, h)]
}

/// The registers of a block, from pairs.
#[inline(always)]
pub(super) fn unpaired<T>([(a, b), (c, d), (e, f), (g, h)]: [(T, T); 4]) -> [T; 8] {
    [a, b, c, d, e, f, g, h]
}

// SAFETY of every block below: `self` exists only where Advanced SIMD is on, so the instructions
// are available; memory is reached through one array reference of the size of the access,
// unaligned.
impl Simd for Neon {
    type F32 = [F; 8];
    type I32 = [I; 8];

    const WIDE: bool = false;
    const NAN_STAYS: bool = true;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        // SAFETY: see the impl.
        [unsafe { vdupq_n_f32(x) }; 8]
    }

    #[inline(always)]
    fn load(self, x: &[f32; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        parts!(x, f32, 4).each_ref().map(|x| unsafe { vld1q_f32(x.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32; BLOCK]) {
        for (to, x) in parts_mut!(to, f32, 4).iter_mut().zip(x) {
            // SAFETY: see the impl.
            unsafe { vst1q_f32(to.as_mut_ptr(), x) };
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vaddq_f32(a, b)) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vsubq_f32(a, b)) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vmulq_f32(a, b)) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vdivq_f32(a, b)) }
    }

    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. The addend comes first.
        unsafe { each!(vfmaq_f32(c, a, b)) }
    }

    #[inline(always)]
    fn fnma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. The minuend comes first.
        unsafe { each!(vfmsq_f32(c, a, b)) }
    }

    #[inline(always)]
    fn fms(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. A product minus itself is +0, as it should be.
        let minus = c.map(|c| unsafe { vnegq_f32(c) });
        // SAFETY: see the impl.
        unsafe { each!(vfmaq_f32(minus, a, b)) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // `fmin` would order the zeros and hand on a NaN of either side.
        self.select_gt(b, a, a, b)
    }

    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        self.select_gt(a, b, a, b)
    }

    #[inline(always)]
    fn lesser(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vminq_f32(a, b)) }
    }

    #[inline(always)]
    fn greater(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vmaxq_f32(a, b)) }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vabsq_f32(a)) }
    }

    #[inline(always)]
    fn select_gt(self, a: Self::F32, b: Self::F32, yes: Self::F32, no: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        let greater = unsafe { each!(vcgtq_f32(a, b)) };
        // SAFETY: see the impl.
        unsafe { each!(vbslq_f32(greater, yes, no)) }
    }

    #[inline(always)]
    fn sanitize(self, x: Self::F32, limit: Self::F32) -> Self::F32 {
        let one = |x: F, limit: F| {
            // SAFETY: see the impl. Lanes that differ from themselves become +0; `fmin` and `fmax`
            // see no NaN and no pair of zeros.
            unsafe {
                let number = vandq_u32(vreinterpretq_u32_f32(x), vceqq_f32(x, x));
                let x = vreinterpretq_f32_u32(number);
                vminq_f32(vmaxq_f32(x, vnegq_f32(limit)), limit)
            }
        };
        each!(one(x, limit))
    }

    #[inline(always)]
    fn limit(self, x: Self::F32, limit: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. A NaN stays: `fcvtns` makes it 0.
        let one = |x: F, limit: F| unsafe { vminq_f32(vmaxq_f32(x, vnegq_f32(limit)), limit) };
        each!(one(x, limit))
    }

    #[inline(always)]
    fn round(self, x: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vrndnq_f32(x)) }
    }

    #[inline(always)]
    fn any_nan(self, x: Self::F32) -> bool {
        // SAFETY: see the impl. `fmax` hands on a NaN of either side.
        unsafe { vmaxvq_f32(fold(x, |a, b| vmaxq_f32(a, b))).is_nan() }
    }

    #[inline(always)]
    fn reduce_min(self, x: Self::F32) -> f32 {
        // SAFETY: see the impl.
        unsafe { vminvq_f32(fold(x, |a, b| vminq_f32(a, b))) }
    }

    #[inline(always)]
    fn reduce_max(self, x: Self::F32) -> f32 {
        // SAFETY: see the impl.
        unsafe { vmaxvq_f32(fold(x, |a, b| vmaxq_f32(a, b))) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        // SAFETY: see the impl.
        [unsafe { vdupq_n_s32(x) }; 8]
    }

    #[inline(always)]
    fn load_i32(self, x: &[i32; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        parts!(x, i32, 4).each_ref().map(|x| unsafe { vld1q_s32(x.as_ptr()) })
    }

    #[inline(always)]
    fn store_i32(self, x: Self::I32, to: &mut [i32; BLOCK]) {
        for (to, x) in parts_mut!(to, i32, 4).iter_mut().zip(x) {
            // SAFETY: see the impl.
            unsafe { vst1q_s32(to.as_mut_ptr(), x) };
        }
    }

    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(vaddq_s32(a, b)) }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // Adding the negative lets the instruction that widens `a` add as well. A zero point is
        // never `i32::MIN`, so the negative does not saturate; unlike a plain one, the compiler
        // does not turn this back into a subtraction.
        // SAFETY: see the impl.
        let negative = unsafe { each!(vqnegq_s32(b)) };
        // SAFETY: see the impl.
        unsafe { each!(vaddq_s32(negative, a)) }
    }

    #[inline(always)]
    fn max_abs_bits(self, acc: Self::I32, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        let bits = self.abs(x).map(|x| unsafe { vreinterpretq_s32_f32(x) });
        // SAFETY: see the impl. Without the sign bit, signed order is unsigned order.
        unsafe { each!(vmaxq_s32(acc, bits)) }
    }

    #[inline(always)]
    fn round_i32(self, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(vcvtnq_s32_f32(x)) }
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(vcvtq_f32_s32(x)) }
    }

    #[inline(always)]
    fn load_f16(self, x: &[f16; BLOCK]) -> Self::F32 {
        unpaired(parts!(x, f16, 8).each_ref().map(|x| {
            // SAFETY: see the impl.
            unsafe { halves_to_f32(vld1q_u16(x.as_ptr().cast())) }
        }))
    }

    #[inline(always)]
    fn load_bf16(self, x: &[bf16; BLOCK]) -> Self::F32 {
        // SAFETY: see the impl.
        unpaired(parts!(x, bf16, 8).each_ref().map(|x| unsafe {
            let x = vld1q_u16(x.as_ptr().cast());
            let (low, high) = (vshll_n_u16::<16>(vget_low_u16(x)), vshll_high_n_u16::<16>(x));
            (vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high))
        }))
    }

    #[inline(always)]
    fn store_f16(self, x: Self::F32, to: &mut [f16; BLOCK]) {
        for (to, (a, b)) in parts_mut!(to, f16, 8).iter_mut().zip(pairs(x)) {
            let mut halves: uint16x8_t;
            // SAFETY: see the impl. The intrinsics of these instructions are younger than the
            // oldest compiler. Both round as the environment says: to nearest even.
            unsafe {
                asm!("fcvtn {0:v}.4h, {1:v}.4s", lateout(vreg) halves, in(vreg) a,
                    options(pure, nomem, nostack, preserves_flags));
                asm!("fcvtn2 {0:v}.8h, {1:v}.4s", inlateout(vreg) halves, in(vreg) b,
                    options(pure, nomem, nostack, preserves_flags));
                vst1q_u16(to.as_mut_ptr().cast(), halves);
            }
        }
    }

    #[inline(always)]
    fn store_bf16(self, x: Self::F32, to: &mut [bf16; BLOCK]) {
        // Rounds the upper half as an integer; that of a NaN becomes quiet.
        for (to, (a, b)) in parts_mut!(to, bf16, 8).iter_mut().zip(pairs(x)) {
            // SAFETY: see the impl.
            unsafe {
                let number = vuzp1q_u16(
                    vreinterpretq_u16_u32(vceqq_f32(a, a)),
                    vreinterpretq_u16_u32(vceqq_f32(b, b)),
                );
                let (a, b) = (vreinterpretq_u16_f32(a), vreinterpretq_u16_f32(b));
                let (lower, upper) = (vuzp1q_u16(a, b), vuzp2q_u16(a, b));
                // A tie goes up only where the upper half is odd. The comparison gives -1.
                let odd = vandq_u16(upper, vdupq_n_u16(1));
                let up = vcgtq_u16(lower, vsubq_u16(vdupq_n_u16(0x8000), odd));
                let rounded = vsubq_u16(upper, up);
                let quiet = vorrq_u16(upper, vdupq_n_u16(0x40));
                vst1q_u16(to.as_mut_ptr().cast(), vbslq_u16(number, rounded, quiet));
            }
        }
    }

    #[inline(always)]
    fn load_i8(self, x: &[i8; BLOCK]) -> Self::I32 {
        let [[a, b], [c, d]] = parts!(x, i8, 16).each_ref().map(|x| {
            // SAFETY: see the impl.
            unsafe {
                let x = vld1q_s8(x.as_ptr());
                [vmovl_s8(vget_low_s8(x)), vmovl_high_s8(x)]
            }
        });
        // SAFETY: see the impl.
        unpaired([a, b, c, d].map(|x| unsafe { (vmovl_s16(vget_low_s16(x)), vmovl_high_s16(x)) }))
    }

    #[inline(always)]
    fn load_u8(self, x: &[u8; BLOCK]) -> Self::I32 {
        let [[a, b], [c, d]] = parts!(x, u8, 16).each_ref().map(|x| {
            // SAFETY: see the impl.
            unsafe {
                let x = vld1q_u8(x.as_ptr());
                [vmovl_u8(vget_low_u8(x)), vmovl_high_u8(x)]
            }
        });
        // SAFETY: see the impl.
        unpaired([a, b, c, d].map(|x| unsafe { widened_u16(x) }))
    }

    #[inline(always)]
    fn load_i16(self, x: &[i16; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unpaired(parts!(x, i16, 8).each_ref().map(|x| unsafe {
            let x = vld1q_s16(x.as_ptr());
            (vmovl_s16(vget_low_s16(x)), vmovl_high_s16(x))
        }))
    }

    #[inline(always)]
    fn load_u16(self, x: &[u16; BLOCK]) -> Self::I32 {
        // SAFETY: see the impl.
        unpaired(
            parts!(x, u16, 8).each_ref().map(|x| unsafe { widened_u16(vld1q_u16(x.as_ptr())) }),
        )
    }

    #[inline(always)]
    fn store_i8(self, x: Self::I32, min: i8, max: i8, to: &mut [i8; BLOCK]) {
        let [a, b, c, d] = pairs(x);
        for (to, (low, high)) in parts_mut!(to, i8, 16).iter_mut().zip([(a, b), (c, d)]) {
            // SAFETY: see the impl.
            unsafe {
                let (low, high) = (saturated_i16(low), saturated_i16(high));
                let bytes = vqmovn_high_s16(vqmovn_s16(low), high);
                let bytes = vminq_s8(vmaxq_s8(bytes, vdupq_n_s8(min)), vdupq_n_s8(max));
                vst1q_s8(to.as_mut_ptr(), bytes);
            }
        }
    }

    #[inline(always)]
    fn store_u8(self, x: Self::I32, min: u8, max: u8, to: &mut [u8; BLOCK]) {
        let [a, b, c, d] = pairs(x);
        for (to, (low, high)) in parts_mut!(to, u8, 16).iter_mut().zip([(a, b), (c, d)]) {
            // SAFETY: see the impl.
            unsafe {
                let (low, high) = (saturated_i16(low), saturated_i16(high));
                let bytes = vqmovun_high_s16(vqmovun_s16(low), high);
                let bytes = vminq_u8(vmaxq_u8(bytes, vdupq_n_u8(min)), vdupq_n_u8(max));
                vst1q_u8(to.as_mut_ptr(), bytes);
            }
        }
    }

    #[inline(always)]
    fn store_i16(self, x: Self::I32, min: i16, max: i16, to: &mut [i16; BLOCK]) {
        for (to, pair) in parts_mut!(to, i16, 8).iter_mut().zip(pairs(x)) {
            // SAFETY: see the impl.
            unsafe {
                let words = saturated_i16(pair);
                let words = vminq_s16(vmaxq_s16(words, vdupq_n_s16(min)), vdupq_n_s16(max));
                vst1q_s16(to.as_mut_ptr(), words);
            }
        }
    }

    #[inline(always)]
    fn store_u16(self, x: Self::I32, min: u16, max: u16, to: &mut [u16; BLOCK]) {
        for (to, (a, b)) in parts_mut!(to, u16, 8).iter_mut().zip(pairs(x)) {
            // SAFETY: see the impl.
            unsafe {
                let words = vqmovun_high_s32(vqmovun_s32(a), b);
                let words = vminq_u16(vmaxq_u16(words, vdupq_n_u16(min)), vdupq_n_u16(max));
                vst1q_u16(to.as_mut_ptr(), words);
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

/// Folds the registers of a block in halves.
#[inline(always)]
fn fold([a, b, c, d, e, f, g, h]: [F; 8], op: impl Fn(F, F) -> F) -> F {
    op(op(op(a, e), op(c, g)), op(op(b, f), op(d, h)))
}

/// Eight f16, widened. The intrinsics of these instructions are younger than the oldest compiler.
///
/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
pub(super) unsafe fn halves_to_f32(x: uint16x8_t) -> (F, F) {
    let (low, high): (F, F);
    // SAFETY: the contract of this function.
    unsafe {
        asm!("fcvtl {0:v}.4s, {1:v}.4h", lateout(vreg) low, in(vreg) x,
            options(pure, nomem, nostack, preserves_flags));
        asm!("fcvtl2 {0:v}.4s, {1:v}.8h", lateout(vreg) high, in(vreg) x,
            options(pure, nomem, nostack, preserves_flags));
    }
    (low, high)
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn saturated_i16((a, b): (I, I)) -> int16x8_t {
    // SAFETY: the contract of this function.
    unsafe { vqmovn_high_s32(vqmovn_s32(a), b) }
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn widened_u16(x: uint16x8_t) -> (I, I) {
    // SAFETY: the contract of this function.
    unsafe {
        let (low, high) = (vmovl_u16(vget_low_u16(x)), vmovl_high_u16(x));
        (vreinterpretq_s32_u32(low), vreinterpretq_s32_u32(high))
    }
}
