#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Neon, parts};
use crate::arch::simd::BLOCK;
use crate::arch::words::Words;
use core::arch::aarch64::*;

type I = int16x8_t;

/// Applies `$f` to the registers of blocks.
macro_rules! each {
    ($f:ident($a:ident, $b:ident)) => {{
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = ($a, $b);
        [$f(a0, b0), $f(a1, b1), $f(a2, b2), $f(a3, b3)]
    }};
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Words for Neon {
    type Words = [I; 4];

    #[inline(always)]
    fn splat_words(self, x: u16) -> Self::Words {
        // SAFETY: see the impl.
        [unsafe { vdupq_n_s16(x as i16) }; 4]
    }

    #[inline(always)]
    fn load_words(self, x: &[u16; BLOCK]) -> Self::Words {
        // SAFETY: see the impl.
        parts!(x, u16, 8).each_ref().map(|x| unsafe { vld1q_s16(x.as_ptr().cast()) })
    }

    #[inline(always)]
    fn and_words(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { each!(vandq_s16(a, b)) }
    }

    #[inline(always)]
    fn max_u16(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        let one =
            |a: I, b: I| unsafe { vreinterpretq_s16_u16(vmaxq_u16(unsigned(a), unsigned(b))) };
        each!(one(a, b))
    }

    #[inline(always)]
    fn max_i16(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { each!(vmaxq_s16(a, b)) }
    }

    #[inline(always)]
    fn min_i16(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { each!(vminq_s16(a, b)) }
    }

    #[inline(always)]
    fn reduce_max_u16(self, [a, b, c, d]: Self::Words) -> u16 {
        // SAFETY: see the impl.
        unsafe {
            let (ab, cd) =
                (vmaxq_u16(unsigned(a), unsigned(b)), vmaxq_u16(unsigned(c), unsigned(d)));
            vmaxvq_u16(vmaxq_u16(ab, cd))
        }
    }

    #[inline(always)]
    fn reduce_max_i16(self, [a, b, c, d]: Self::Words) -> i16 {
        // SAFETY: see the impl.
        unsafe { vmaxvq_s16(vmaxq_s16(vmaxq_s16(a, b), vmaxq_s16(c, d))) }
    }

    #[inline(always)]
    fn reduce_min_i16(self, [a, b, c, d]: Self::Words) -> i16 {
        // SAFETY: see the impl.
        unsafe { vminvq_s16(vminq_s16(vminq_s16(a, b), vminq_s16(c, d))) }
    }
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn unsigned(x: I) -> uint16x8_t {
    // SAFETY: the contract of this function.
    unsafe { vreinterpretq_u16_s16(x) }
}
