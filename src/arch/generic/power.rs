//! Loops that the compiler widens well: the scalar ones, with the features of the tier.

use crate::arch::scalar::power;
use crate::arch::simd::Simd;
use crate::kernels::PowerRounding;

#[inline(always)]
pub(crate) fn encode<S: Simd>(
    _: S,
    src: &[f32],
    rounding: PowerRounding,
    overflow: u8,
    dst: &mut [u8],
) {
    match rounding {
        // One loop per rule, without a test inside.
        PowerRounding::Nearest => power::encode(src, PowerRounding::Nearest, overflow, dst),
        PowerRounding::Up => power::encode(src, PowerRounding::Up, overflow, dst),
        PowerRounding::Down => power::encode(src, PowerRounding::Down, overflow, dst),
    }
}

#[inline(always)]
pub(crate) fn decode<S: Simd>(_: S, src: &[u8], dst: &mut [f32]) {
    power::decode(src, dst);
}
