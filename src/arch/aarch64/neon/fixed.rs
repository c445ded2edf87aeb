#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::Neon;
use crate::arch::fixed::Fixed;
use core::arch::aarch64::*;

type I = int32x4_t;

/// Applies `$f` to the registers of blocks.
macro_rules! each {
    ($f:ident($a:ident, $b:ident, $c:ident, $d:ident)) => {{
        let ([a0, a1, a2, a3, a4, a5, a6, a7], [b0, b1, b2, b3, b4, b5, b6, b7]) = ($a, $b);
        let ([c0, c1, c2, c3, c4, c5, c6, c7], [d0, d1, d2, d3, d4, d5, d6, d7]) = ($c, $d);
        [
            $f(a0, b0, c0, d0),
            $f(a1, b1, c1, d1),
            $f(a2, b2, c2, d2),
            $f(a3, b3, c3, d3),
            $f(a4, b4, c4, d4),
            $f(a5, b5, c5, d5),
            $f(a6, b6, c6, d6),
            $f(a7, b7, c7, d7),
        ]
    }};
}

// SAFETY of every block below: as in the implementation of `Simd`. Nothing saturates: `b` is not
// negative. The rounding shift is to the left, half up, and cannot overflow.
impl Fixed for Neon {
    #[inline(always)]
    fn scale_once(self, a: Self::I32, b: Self::I32, by: Self::I32, plus: Self::I32) -> Self::I32 {
        let one = |a: I, b: I, by: I, plus: I| {
            // SAFETY: see the impl. The product loses bits that cannot matter: all below a half.
            unsafe { vaddq_s32(vrshlq_s32(vqdmulhq_s32(a, b), vnegq_s32(by)), plus) }
        };
        each!(one(a, b, by, plus))
    }

    #[inline(always)]
    fn scale_twice(self, a: Self::I32, b: Self::I32, by: Self::I32, plus: Self::I32) -> Self::I32 {
        let one = |a: I, b: I, by: I, plus: I| {
            // SAFETY: see the impl. Half up is half away from zero where one is taken from
            // negative numbers.
            unsafe {
                let high = vqrdmulhq_s32(a, b);
                let high = vsraq_n_s32::<31>(high, high);
                vaddq_s32(vrshlq_s32(high, vnegq_s32(by)), plus)
            }
        };
        each!(one(a, b, by, plus))
    }
}
