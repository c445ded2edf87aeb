//! 32-bit accumulators to 8-bit codes.

use crate::kernels::{FixedScale, FloatScale, Kernels};
use crate::parallel::{Cut, Exec};
use crate::params::requantize::{FixedPoint, Requantization, ScalePer};
use crate::status::Result;
use crate::views::{AccumulatorsView, CodeRunMut, CodesViewMut};
use core::ops::Range;

/// The scales of the columns `cols` in `row`.
fn span(sharing: ScalePer, row: usize, cols: Range<usize>) -> Range<usize> {
    match sharing {
        ScalePer::Tensor => 0..1,
        ScalePer::Row => row..row + 1,
        ScalePer::Column => cols,
    }
}

/// Requantizes with float scales. `dst` has the shape of `src` and 8-bit codes.
pub fn float(
    k: &Kernels,
    exec: Exec<'_>,
    to: &Requantization,
    src: AccumulatorsView<'_>,
    scale: &[f32],
    dst: CodesViewMut<'_>,
) -> Result {
    exec.tiles(Cut::new(src.rows(), src.cols(), 64), dst, |tile, mut dst| {
        for (i, row) in tile.rows.clone().enumerate() {
            let acc = src.run(row, tile.cols.clone());
            let scale = scale.get(span(to.sharing, row, tile.cols.clone())).unwrap_or_default();
            let &Requantization { zero_point, min, max, .. } = to;
            let to = FloatScale { scale, zero_point, min, max };
            match dst.run_mut(i, 0..tile.cols.len()) {
                CodeRunMut::I8(q) => k.requantize_i8(acc, &to, q),
                CodeRunMut::U8(q) => k.requantize_u8(acc, &to, q),
                _ => {}
            }
        }
    })
}

/// Requantizes with fixed-point scales. `dst` has the shape of `src` and 8-bit codes.
pub fn fixed(
    k: &Kernels,
    exec: Exec<'_>,
    to: &Requantization,
    src: AccumulatorsView<'_>,
    (multiplier, shift): (&[i32], &[i32]),
    dst: CodesViewMut<'_>,
) -> Result {
    exec.tiles(Cut::new(src.rows(), src.cols(), 64), dst, |tile, mut dst| {
        for (i, row) in tile.rows.clone().enumerate() {
            let acc = src.run(row, tile.cols.clone());
            let span = span(to.sharing, row, tile.cols.clone());
            let to = FixedScale {
                multiplier: multiplier.get(span.clone()).unwrap_or_default(),
                shift: shift.get(span).unwrap_or_default(),
                single_rounding: to.fixed_point == FixedPoint::SingleRounding,
                zero_point: to.zero_point,
                min: to.min,
                max: to.max,
            };
            match dst.run_mut(i, 0..tile.cols.len()) {
                CodeRunMut::I8(q) => k.requantize_fixed_i8(acc, &to, q),
                CodeRunMut::U8(q) => k.requantize_fixed_u8(acc, &to, q),
                _ => {}
            }
        }
    })
}

/// `scale` as `multiplier * 2^(shift - 31)` with the multiplier in `2^30..2^31`, or 0 for scales
/// too small to matter. `None` for scales that are negative, not finite, or at least `2^30`.
#[must_use]
pub fn multiplier(scale: f64) -> Option<(i32, i32)> {
    if !(0.0..1_073_741_824.0).contains(&scale) {
        return None;
    }
    let (fraction, exponent) = libm::frexp(scale);
    let rounded = libm::rint(fraction * 2_147_483_648.0);
    let (multiplier, shift) = if rounded >= 2_147_483_648.0 {
        (1_i64 << 30, exponent + 1)
    } else {
        (rounded as i64, exponent)
    };
    Some(match shift {
        // Nothing is left of any accumulator.
        ..-31 => (0, 0),
        // Rounded up to 2^30, which has no form: the largest that has one.
        31.. => (i32::MAX, 30),
        _ => (multiplier as i32, shift),
    })
}
