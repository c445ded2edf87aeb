//! The range of a quantizer, found on a histogram.

use crate::algorithms::histogram::density::{Density, higher, lower};
use crate::algorithms::histogram::state::State;
use crate::algorithms::histogram::{entropy, mse, nncf, percentile};
use crate::params::histogram::{HistogramKind, RangeMethod, RangeRules};
use crate::params::quantization::Scheme;
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};

/// Scratch of a search.
#[derive(Debug)]
pub struct RangeScratch<'a> {
    /// One per bin.
    counts: &'a mut [f64],
    /// Three sums for every edge.
    sums: &'a mut [f64],
}

impl<'a> RangeScratch<'a> {
    /// For a histogram of so many bins.
    pub fn carve(scratch: &mut Scratch<'a>, num_bins: usize) -> Result<Self> {
        Ok(Self { counts: scratch.array(num_bins)?, sums: scratch.array(3 * (num_bins + 1))? })
    }
}

/// Minimum and maximum.
pub fn range(state: State<'_>, rules: RangeRules, workspace: &mut [u8]) -> Result<(f32, f32)> {
    let Some((min, max)) = state.extremes() else {
        let rule = c"must hold at least one element";
        return Err(Error::new(Status::InvalidParameter, c"state", rule));
    };
    let shape = state.shape();
    let RangeScratch { counts, sums: scratch } =
        RangeScratch::carve(&mut Scratch::new(workspace), shape.num_bins)?;
    let (levels, share) = (rules.levels, rules.share);
    let density = Density::new(state, counts);

    let asymmetric = rules.scheme == Scheme::Asymmetric;
    if rules.method == RangeMethod::Nncf || asymmetric {
        let Some(density) = density else { return Ok((min as f32, max as f32)) };
        let (low, high) = match rules.method {
            RangeMethod::Nncf => nncf::search(density, rules.dst_levels, scratch),
            RangeMethod::Entropy => entropy::asymmetric(density, levels, scratch),
            RangeMethod::Mse => mse::asymmetric(density, levels, scratch),
            RangeMethod::Percentile => percentile::asymmetric(density, share, scratch),
        };
        let (low, high) = (density.value(low), density.value(high));
        if rules.method == RangeMethod::Nncf && shape.kind == HistogramKind::Parity {
            return Ok((low as f32, high as f32));
        }
        return Ok((higher(low, min) as f32, lower(high, max) as f32));
    }

    let largest = higher(min.abs(), max.abs());
    let limit = density.map_or(largest, |density| {
        density.width
            * match rules.method {
                RangeMethod::Entropy => entropy::symmetric(density, levels, scratch),
                RangeMethod::Mse => mse::symmetric(density, levels, scratch),
                RangeMethod::Percentile | RangeMethod::Nncf => {
                    percentile::symmetric(density, share, scratch)
                }
            }
    });
    let limit = lower(limit, largest) as f32;
    Ok((if min < 0.0 { -limit } else { 0.0 }, limit))
}
