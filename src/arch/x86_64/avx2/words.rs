#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx2, leaves};
use crate::arch::simd::BLOCK;
use crate::arch::words::Words;
use core::arch::x86_64::*;

type I = __m256i;

/// Applies `$f` to both registers of blocks.
macro_rules! both {
    ($f:ident($a:ident, $b:ident)) => {{
        let ([a0, a1], [b0, b1]) = ($a, $b);
        [$f(a0, b0), $f(a1, b1)]
    }};
}

leaves! {
    fn load(x: &[u16; 16]) -> I { _mm256_loadu_si256(x.as_ptr().cast()) }
    /// The smallest of eight unsigned integers.
    fn smallest(x: __m128i) -> u16 { _mm_cvtsi128_si32(_mm_minpos_epu16(x)) as u16 }
    fn reduce_max_u16(x: I) -> u16 {
        let x = _mm_max_epu16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
        !smallest(_mm_xor_si128(x, _mm_set1_epi16(-1)))
    }
    fn reduce_max_i16(x: I) -> i16 {
        let x = _mm_max_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
        smallest(_mm_xor_si128(x, _mm_set1_epi16(i16::MAX))) as i16 ^ i16::MAX
    }
    fn reduce_min_i16(x: I) -> i16 {
        let x = _mm_min_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
        smallest(_mm_xor_si128(x, _mm_set1_epi16(i16::MIN))) as i16 ^ i16::MIN
    }
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Words for Avx2 {
    type Words = [I; 2];

    #[inline(always)]
    fn splat_words(self, x: u16) -> Self::Words {
        // SAFETY: see the impl.
        [unsafe { _mm256_set1_epi16(x as i16) }; 2]
    }

    #[inline(always)]
    fn load_words(self, x: &[u16; BLOCK]) -> Self::Words {
        let [a, b] = bytemuck::must_cast_ref::<_, [[u16; 16]; 2]>(x);
        // SAFETY: see the impl.
        unsafe { [load(a), load(b)] }
    }

    #[inline(always)]
    fn and_words(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_and_si256(a, b)) }
    }

    #[inline(always)]
    fn max_u16(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_max_epu16(a, b)) }
    }

    #[inline(always)]
    fn max_i16(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_max_epi16(a, b)) }
    }

    #[inline(always)]
    fn min_i16(self, a: Self::Words, b: Self::Words) -> Self::Words {
        // SAFETY: see the impl.
        unsafe { both!(_mm256_min_epi16(a, b)) }
    }

    #[inline(always)]
    fn reduce_max_u16(self, [a, b]: Self::Words) -> u16 {
        // SAFETY: see the impl.
        unsafe { reduce_max_u16(_mm256_max_epu16(a, b)) }
    }

    #[inline(always)]
    fn reduce_max_i16(self, [a, b]: Self::Words) -> i16 {
        // SAFETY: see the impl.
        unsafe { reduce_max_i16(_mm256_max_epi16(a, b)) }
    }

    #[inline(always)]
    fn reduce_min_i16(self, [a, b]: Self::Words) -> i16 {
        // SAFETY: see the impl.
        unsafe { reduce_min_i16(_mm256_min_epi16(a, b)) }
    }
}
