//! The range that holds a share of the elements, which are spread evenly over their bins.

use crate::algorithms::histogram::density::{Density, lower, prefix};

/// Halvings of an interval until nothing is left of it.
const HALVINGS: usize = 64;

/// Elements before a position.
fn before(density: &Density<'_>, sums: &[f64], position: f64) -> f64 {
    let (bin, inside) = density.locate(position);
    let n = density.counts.get(bin).copied().unwrap_or(0.0);
    sums.get(bin).copied().unwrap_or(0.0) + n * inside
}

fn total(sums: &[f64]) -> f64 {
    sums.last().copied().unwrap_or(0.0)
}

fn sums<'a>(density: &Density<'_>, scratch: &'a mut [f64]) -> &'a [f64] {
    let sums = scratch.get_mut(..=density.len()).unwrap_or_default();
    prefix(density.counts, sums, |_, n| n);
    sums
}

/// The least distance from 0, in bins, within which `share` of the elements lie.
pub(super) fn symmetric(density: Density<'_>, share: f64, scratch: &mut [f64]) -> f64 {
    let sums = sums(&density, scratch);
    let (zero, wanted) = (density.zero(), share * total(sums));
    let within = |t: f64| before(&density, sums, zero + t) - before(&density, sums, zero - t);
    let (mut low, mut high) = (0.0, density.widest());
    for _ in 0..HALVINGS {
        let middle = low + 0.5 * (high - low);
        if within(middle) < wanted { low = middle } else { high = middle }
    }
    high
}

/// The positions between which `share` of the elements lie, half of the rest on either side.
pub(super) fn asymmetric(density: Density<'_>, share: f64, scratch: &mut [f64]) -> (f64, f64) {
    let sums = sums(&density, scratch);
    let quantile = |wanted: f64| {
        // The first bin at whose end there are enough.
        let ends = sums.get(1..).unwrap_or_default();
        let bin = ends.partition_point(|sum| *sum < wanted).min(density.len().saturating_sub(1));
        let (start, n) = (
            sums.get(bin).copied().unwrap_or(0.0),
            density.counts.get(bin).copied().unwrap_or(0.0),
        );
        let inside = if n > 0.0 { lower((wanted - start) / n, 1.0) } else { 0.0 };
        bin as f64 + inside
    };
    let cut = 0.5 * (1.0 - share);
    (quantile(cut * total(sums)), quantile((1.0 - cut) * total(sums)))
}
