//! Loops that the compiler widens well: the scalar ones, with the features of the tier.

use crate::arch::scalar::pack_6;
use crate::arch::simd::Simd;

#[inline(always)]
pub(crate) fn pack<S: Simd>(_: S, src: &[u8], dst: &mut [u8]) {
    pack_6::pack(src, dst);
}

#[inline(always)]
pub(crate) fn unpack<S: Simd>(_: S, src: &[u8], dst: &mut [u8]) {
    pack_6::unpack(src, dst);
}
