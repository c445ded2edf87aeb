//! Loops that the compiler widens well: the scalar ones, with the features of the tier.

use crate::arch::scalar;
use crate::arch::simd::Simd;

#[inline(always)]
pub(crate) fn divide_columns<S: Simd>(_: S, src: &[f32], scale: &[f32], dst: &mut [f32]) {
    scalar::scale::divide_columns(src, scale, dst);
}

#[inline(always)]
pub(crate) fn multiply_columns<S: Simd>(_: S, data: &mut [f32], scale: &[f32]) {
    scalar::scale::multiply_columns(data, scale);
}

#[inline(always)]
pub(crate) fn saturate<S: Simd>(_: S, data: &mut [f32], limit: f32) {
    scalar::scale::saturate(data, limit);
}
