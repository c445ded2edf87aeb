//! Searches in memory: the scalar loops, with the features of the tier.

use crate::arch::scalar::codebook::{self, Index};
use crate::arch::simd::Simd;
use crate::kernels::Codebook;

#[inline(always)]
pub(crate) fn encode<S: Simd, I: Index>(_: S, src: &[f32], to: &Codebook<'_>, dst: &mut [I]) {
    codebook::encode(src, to, dst);
}

#[inline(always)]
pub(crate) fn decode<S: Simd, I: Index>(_: S, src: &[I], from: &Codebook<'_>, dst: &mut [f32]) {
    codebook::decode(src, from, dst);
}
