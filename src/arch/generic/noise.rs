//! Loops that the compiler widens well: the scalar ones, with the features of the tier.

use crate::arch::scalar::noise;
use crate::arch::simd::Simd;

#[inline(always)]
pub(crate) fn fill<S: Simd>(_: S, key: u64, first: u64, dst: &mut [u32]) {
    noise::fill(key, first, dst);
}

#[inline(always)]
pub(crate) fn dither<S: Simd>(
    _: S,
    data: &mut [f32],
    noise: &[u32],
    mantissa_bits: u32,
    smallest_exponent: u32,
) {
    noise::dither(data, noise, mantissa_bits, smallest_exponent);
}
