//! Integer loops that the compiler widens well: the scalar bodies, compiled with the features of
//! the tier.

use crate::arch::scalar;
use crate::arch::simd::{Code, Simd};
use crate::kernels::{FixedScale, FloatScale};

#[inline(always)]
pub(crate) fn float<S: Simd, C: Code>(_: S, src: &[i32], to: &FloatScale<'_>, dst: &mut [C]) {
    scalar::requantize::float(src, to, dst);
}

#[inline(always)]
pub(crate) fn fixed<S: Simd, C: Code>(_: S, src: &[i32], to: &FixedScale<'_>, dst: &mut [C]) {
    scalar::requantize::fixed(src, to, dst);
}
