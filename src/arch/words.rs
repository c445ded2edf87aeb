//! What the ranges of 16-bit floats need of a block: its bits as integers of 16 bits.

use crate::arch::simd::{BLOCK, Simd};

/// The operations, with the rules of `Simd`.
pub(crate) trait Words: Simd {
    /// 32 integers of 16 bits.
    type Words: Copy;

    fn splat_words(self, x: u16) -> Self::Words;
    fn load_words(self, x: &[u16; BLOCK]) -> Self::Words;
    fn and_words(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn max_u16(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn max_i16(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn min_i16(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn reduce_max_u16(self, x: Self::Words) -> u16;
    fn reduce_max_i16(self, x: Self::Words) -> i16;
    fn reduce_min_i16(self, x: Self::Words) -> i16;
}
