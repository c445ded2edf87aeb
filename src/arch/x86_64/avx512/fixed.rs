#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx512, each, leaves};
use crate::arch::fixed::Fixed;
use core::arch::x86_64::*;

type I = __m512i;

leaves! {
    /// The products of the even lanes.
    fn even(a: I, b: I) -> I { _mm512_mul_epi32(a, b) }
    /// The products of the odd lanes.
    fn odd(a: I, b: I) -> I {
        _mm512_mul_epi32(_mm512_shuffle_epi32::<0xF5>(a), _mm512_shuffle_epi32::<0xF5>(b))
    }
    /// The upper halves of the products.
    fn upper(even: I, odd: I) -> I { _mm512_mask_shuffle_epi32::<0xF5>(odd, 0x5555, even) }
    /// `by - step`, a shift. The mask tells the compiler that it is below 32.
    fn less(by: I, step: i32) -> I {
        _mm512_and_si512(_mm512_sub_epi32(by, _mm512_set1_epi32(step)), _mm512_set1_epi32(31))
    }
    /// The upper halves lose bits that cannot matter: all below a half.
    fn scale_once(a: I, b: I, by: I, plus: I) -> I {
        let high = upper(even(a, b), odd(a, b));
        let half = _mm512_sllv_epi32(_mm512_set1_epi32(1), less(by, 2));
        let scaled = _mm512_srav_epi32(_mm512_add_epi32(high, half), less(by, 1));
        _mm512_add_epi32(scaled, plus)
    }
    /// Half up is half away from zero where one is taken from negative numbers. Shifting in two
    /// steps keeps the half from overflowing.
    fn scale_twice(a: I, b: I, by: I, plus: I) -> I {
        let half = _mm512_set1_epi64(1 << 30);
        let (even, odd) = (_mm512_add_epi64(even(a, b), half), _mm512_add_epi64(odd(a, b), half));
        let (even, odd) = (_mm512_add_epi64(even, even), _mm512_add_epi64(odd, odd));
        let high = upper(even, odd);
        let high = _mm512_add_epi32(high, _mm512_srai_epi32::<31>(high));
        let twice = _mm512_srav_epi32(high, less(by, 1));
        let plus = _mm512_add_epi32(_mm512_add_epi32(plus, plus), _mm512_set1_epi32(1));
        _mm512_srai_epi32::<1>(_mm512_add_epi32(twice, plus))
    }
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Fixed for Avx512 {
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
