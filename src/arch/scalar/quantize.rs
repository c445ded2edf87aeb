use crate::arch::scalar::{max, min, round_i32};
use crate::arch::simd::Code;
use crate::kernels::{Affine, QUOTIENT_LIMIT};
use crate::params::elementwise::Rounding;

/// The code of one value.
#[inline(always)]
fn code<C: Code>(x: f32, scale: f32, zero_point: i32, to: &Affine<'_>) -> C {
    let quotient = x / scale;
    // Only a NaN input gives a NaN quotient: the scale is finite and not 0.
    let quotient = if quotient.is_nan() { 0.0 } else { quotient };
    let quotient = min(max(quotient, -QUOTIENT_LIMIT), QUOTIENT_LIMIT);
    let code = match to.rounding {
        Rounding::AfterRounding => round_i32(quotient) + zero_point,
        Rounding::BeforeRounding => round_i32(quotient + zero_point as f32),
    };
    C::from_i32(code.max(to.min).min(to.max))
}

pub(super) fn groups<C: Code>(src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, ((src, dst), scale)) in groups.zip(to.scale).enumerate() {
        let zero_point = to.zero_point.get(g).copied().unwrap_or(to.zero_point_all);
        for (x, q) in src.iter().zip(dst) {
            *q = code(*x, *scale, zero_point, to);
        }
    }
}

pub(super) fn columns<C: Code>(src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    for (i, ((x, q), scale)) in src.iter().zip(dst).zip(to.scale).enumerate() {
        let zero_point = to.zero_point.get(i).copied().unwrap_or(to.zero_point_all);
        *q = code(*x, *scale, zero_point, to);
    }
}
