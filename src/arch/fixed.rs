//! What fixed-point scales need of a block: products of 64 bits.

use crate::arch::simd::Simd;

/// The operations, with the rules of `Simd`. `b` is not negative, `by` is 2..=31 and `plus` at most
/// 2^16 away from 0.
pub(crate) trait Fixed: Simd {
    /// `a * b / 2^(31 + by) + plus`, rounded half up.
    fn scale_once(self, a: Self::I32, b: Self::I32, by: Self::I32, plus: Self::I32) -> Self::I32;
    /// `a * b / 2^31`, rounded half up, then `/ 2^by + plus`, rounded half away from zero.
    fn scale_twice(self, a: Self::I32, b: Self::I32, by: Self::I32, plus: Self::I32) -> Self::I32;
}
