#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx2, each, leaves};
use crate::arch::fixed::Fixed;
use core::arch::x86_64::*;

type I = __m256i;

leaves! {
    /// The products of the even lanes.
    fn even(a: I, b: I) -> I { _mm256_mul_epi32(a, b) }
    /// The products of the odd lanes.
    fn odd(a: I, b: I) -> I {
        _mm256_mul_epi32(_mm256_shuffle_epi32::<0xF5>(a), _mm256_shuffle_epi32::<0xF5>(b))
    }
    /// `by - step`, a shift. The mask tells the compiler that it is below 32.
    fn less(by: I, step: i32) -> I {
        _mm256_and_si256(_mm256_sub_epi32(by, _mm256_set1_epi32(step)), _mm256_set1_epi32(31))
    }
    /// The upper halves lose bits that cannot matter: all below a half.
    fn scale_once(a: I, b: I, by: I, plus: I) -> I {
        let high = _mm256_blend_epi32::<0b1010_1010>(_mm256_shuffle_epi32::<0xF5>(even(a, b)), odd(a, b));
        let half = _mm256_sllv_epi32(_mm256_set1_epi32(1), less(by, 2));
        let scaled = _mm256_srav_epi32(_mm256_add_epi32(high, half), less(by, 1));
        _mm256_add_epi32(scaled, plus)
    }
    /// Half up is half away from zero where one is taken from negative numbers. Shifting in two
    /// steps keeps the half from overflowing.
    fn scale_twice(a: I, b: I, by: I, plus: I) -> I {
        let half = _mm256_set1_epi64x(1 << 30);
        let (even, odd) = (_mm256_add_epi64(even(a, b), half), _mm256_add_epi64(odd(a, b), half));
        let (even, odd) = (_mm256_srli_epi64::<31>(even), _mm256_add_epi64(odd, odd));
        let high = _mm256_blend_epi32::<0b1010_1010>(even, odd);
        let high = _mm256_add_epi32(high, _mm256_srai_epi32::<31>(high));
        let twice = _mm256_srav_epi32(high, less(by, 1));
        let plus = _mm256_add_epi32(_mm256_add_epi32(plus, plus), _mm256_set1_epi32(1));
        _mm256_srai_epi32::<1>(_mm256_add_epi32(twice, plus))
    }
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Fixed for Avx2 {
    #[inline(always)]
    fn scale_once(self, a: Self::I32, b: Self::I32, by: Self::I32, plus: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(scale_once(a, b, by, plus)) }
    }

    #[inline(always)]
    fn scale_twice(self, a: Self::I32, b: Self::I32, by: Self::I32, plus: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(scale_twice(a, b, by, plus)) }
    }
}
