//! Loops that the compiler widens well: the scalar ones, with the features of the tier.

use crate::arch::scalar::rotation;
use crate::arch::simd::Simd;

#[inline(always)]
pub(crate) fn dot<S: Simd>(_: S, a: &[f64], b: &[f64]) -> f64 {
    rotation::dot(a, b)
}

#[inline(always)]
pub(crate) fn rotate<S: Simd>(_: S, c: f64, s: f64, a: &mut [f64], b: &mut [f64]) {
    rotation::rotate(c, s, a, b);
}
