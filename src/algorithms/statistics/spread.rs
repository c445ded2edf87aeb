//! How far a tensor spreads along an axis: one number for a tensor.

use crate::algorithms::range::{NONE, higher, wider};
use crate::algorithms::statistics::reduce::fold_line;
use crate::algorithms::statistics::walk::{
    NARROW, block_extremes, block_squares, block_totals, extremes_of, squares_of, sum_of,
};
use crate::kernels::Kernels;
use crate::parallel::{Exec, TILE_ELEMENTS};
use crate::status::Result;
use crate::views::tensor::ChannelView;
use core::ops::Range;

/// What is taken along the axis, and how the rest becomes one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The mean of the variances.
    MeanVariance,
    /// The largest variance.
    MaxVariance,
    /// The mean of the largest magnitudes.
    MeanAbsMax,
}

impl Spread {
    fn combine(self, a: f64, b: f64) -> f64 {
        match self {
            Self::MaxVariance if a > b || a.is_nan() => a,
            Self::MaxVariance => b,
            _ => a + b,
        }
    }
}

/// The number, of a view along an axis. NaN where there is one.
pub fn spread(k: &Kernels, exec: Exec<'_>, what: Spread, view: &ChannelView<'_>) -> Result<f32> {
    let (items, channels) = (view.items(), view.channels());
    let rows = items.saturating_mul(channels);
    if rows == 1 {
        return single(k, exec, what, view);
    }
    let width = TILE_ELEMENTS.checked_div(view.depth()).unwrap_or(1).clamp(1, NARROW);
    let width = if view.is_by_column() { NARROW } else { width };
    let per_item = channels.div_ceil(width);
    let part = |range: Range<usize>| {
        range.fold(0.0, |value, block| {
            let item = block.checked_div(per_item).unwrap_or(0);
            let first = block.checked_rem(per_item).unwrap_or(0) * width;
            let n = channels.saturating_sub(first).min(width);
            block_spread(k, what, view, (item, first), n, value)
        })
    };
    let combine = |a: f64, b: f64| what.combine(a, b);
    let all = exec.fold(items.saturating_mul(per_item), 0.0, part, combine)?;
    Ok(match what {
        Spread::MaxVariance => all as f32,
        _ => (all / rows as f64) as f32,
    })
}

/// Adds `n` channels from `first` on, at most `NARROW`, to `value`.
fn block_spread(
    k: &Kernels,
    what: Spread,
    view: &ChannelView<'_>,
    at: (usize, usize),
    n: usize,
    value: f64,
) -> f64 {
    if what == Spread::MeanAbsMax {
        let (mut min, mut max) = ([0.0; NARROW], [0.0; NARROW]);
        let min = min.get_mut(..n).unwrap_or_default();
        let max = max.get_mut(..n).unwrap_or_default();
        block_extremes(k, view, at, 0..view.outer(), min, max);
        let largest = min.iter().zip(max).map(|(min, max)| higher(-*min, *max));
        return largest.fold(value, |sum, x| sum + f64::from(x));
    }
    let depth = view.depth() as f64;
    let (mut sums, mut centers) = ([0.0; NARROW], [0.0; NARROW]);
    let sums = sums.get_mut(..n).unwrap_or_default();
    let centers = centers.get_mut(..n).unwrap_or_default();
    block_totals(k, view, at, sums);
    for (sum, center) in sums.iter_mut().zip(centers.iter_mut()) {
        (*center, *sum) = ((*sum / depth) as f32, 0.0);
    }
    block_squares(k, view, at, centers, sums);
    sums.iter().fold(value, |value, sum| what.combine(value, sum / depth))
}

/// The number of a tensor that is one line.
fn single(k: &Kernels, exec: Exec<'_>, what: Spread, view: &ChannelView<'_>) -> Result<f32> {
    let line = view.line(0, 0, 0);
    let n = line.len();
    if what == Spread::MeanAbsMax {
        let of = |range: Range<usize>| extremes_of(k, &line, range);
        let (min, max) = fold_line(exec, n, NONE, of, wider)?;
        return Ok(higher(-min, max));
    }
    let add = |a: f64, b: f64| a + b;
    let sum = fold_line(exec.silent(), n, 0.0, |range| sum_of(k, &line, range), add)?;
    let center = (sum / n as f64) as f32;
    let squares = fold_line(exec, n, 0.0, |range| squares_of(k, &line, range, center), add)?;
    Ok((squares / n as f64) as f32)
}
