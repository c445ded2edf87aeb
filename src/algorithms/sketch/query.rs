//! Quantiles of a sketch, found by counting: no room to sort is needed.

use crate::algorithms::quantile::interpolated;
use crate::algorithms::sketch::state::State;
use crate::algorithms::sort::{key, number};

impl State<'_> {
    /// Elements that are at most `x`, by their weights.
    fn at_most(&self, x: f32) -> u64 {
        let of_level = |level: usize| {
            let count = self.level(level).iter().filter(|item| **item <= x).count();
            (count as u64) << level
        };
        (0..self.shape.levels).map(of_level).sum()
    }

    /// The element of a rank, and the one of the next rank.
    fn pair(&self, rank: u64) -> (f64, f64) {
        let summary = self.summary();
        // The smallest number that has more than `rank` elements at or below it.
        let (mut low, mut high) = (key(summary.min), key(summary.max));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.at_most(number(middle)) > rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        // Both zeros are one number.
        let found = number(low) + 0.0;
        let next = if self.at_most(found) > rank + 1 {
            found
        } else {
            let items = (0..self.shape.levels).flat_map(|level| self.level(level));
            let above = items.filter(|item| **item > found);
            above.fold(summary.max, |least, item| if *item < least { *item } else { least })
        };
        (f64::from(found), f64::from(next))
    }
}

/// Quantiles by linear interpolation between neighbours in f64, as `numpy.quantile`. The sketch has an
/// element.
pub fn quantiles(state: &State<'_>, probabilities: &[f64], out: &mut [f64]) {
    let summary = state.summary();
    let last = summary.total.saturating_sub(1);
    for (probability, out) in probabilities.iter().zip(out) {
        let position = probability * last as f64;
        let rank = (libm::floor(position) as u64).min(last);
        // The ends are known exactly.
        let (low, high) = if rank == 0 && last > 0 {
            (f64::from(summary.min), state.pair(0).1)
        } else if rank == last {
            (f64::from(summary.max), f64::from(summary.max))
        } else {
            state.pair(rank)
        };
        let high = if rank + 1 == last { f64::from(summary.max) } else { high };
        *out = interpolated(low, high, position - rank as f64);
    }
}
