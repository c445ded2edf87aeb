//! Entropy calibration: how much the quantized distribution differs from that of the elements.
//!
//! A window of bins is cut into as many groups as there are levels. The reference `p` has the counts
//! of the window, with those outside added to its first and last bin; the candidate `q` has the count
//! of every group, without those outside, spread evenly over its bins that `p` does not have empty.
//! The loss is `sum p ln(p / q)` of the two, each divided by its sum.

use crate::algorithms::histogram::density::{Density, before, prefix};
use crate::algorithms::histogram::search::{best, window};

/// What `q` has where it would be 0 and `p` is not, in elements.
const EMPTY: f64 = 1e-4;

/// Sums over the bins before each edge.
struct Sums<'a> {
    density: Density<'a>,
    /// Of counts.
    counts: &'a [f64],
    /// Of `n ln(n)`.
    logs: &'a [f64],
    /// Of bins that are not empty.
    filled: &'a [f64],
}

fn n_log_n(n: f64) -> f64 {
    if n > 0.0 { n * libm::log(n) } else { 0.0 }
}

impl Sums<'_> {
    /// The divergence of the window.
    fn loss(&self, start: i64, end: i64, levels: i64) -> f64 {
        let total = before(self.counts, i64::MAX);
        let below = before(self.counts, start);
        let above = total - before(self.counts, end);
        let inside = total - below - above;
        // Where most elements lie outside, the ends of both are all that there is, and they are alike.
        if inside + inside < total {
            return f64::INFINITY;
        }
        let (first, last) = (self.density.count(start), self.density.count(end - 1));
        let ends = n_log_n(first + below) - n_log_n(first) + n_log_n(last + above) - n_log_n(last);
        let reference = before(self.logs, end) - before(self.logs, start) + ends;
        let is_new = |n: f64, more: f64| if n == 0.0 && more > 0.0 { 1.0 } else { 0.0 };

        // Only levels that have bins of the histogram say anything.
        let (bins, len) = (end - start, self.density.len() as i64);
        let level_of = |bin: i64| (levels * bin).checked_div(bins).unwrap_or(0);
        let bin_of = |level: i64| start + (level * bins).checked_div(levels).unwrap_or(0);
        let (none, some) = (level_of((-start).max(0)), level_of(bins.min(len - start)) + 1);
        let (mut from, mut candidate) = (bin_of(none), 0.0);
        for level in none + 1..=some.min(levels) {
            let to = bin_of(level);
            let n = before(self.counts, to) - before(self.counts, from);
            let mut filled = before(self.filled, to) - before(self.filled, from);
            let mut p = n;
            if level == 1 {
                p += below;
                filled += is_new(first, below);
            }
            if level == levels {
                p += above;
                filled += is_new(last, above);
            }
            if p > 0.0 {
                candidate += p * libm::log(if n > 0.0 { n / filled } else { EMPTY });
            }
            from = to;
        }
        (reference - candidate) / total - libm::log(total) + libm::log(inside)
    }
}

/// The best limit, in bins from 0. `scratch` has three times as many numbers as there are edges.
pub(super) fn symmetric(density: Density<'_>, levels: usize, scratch: &mut [f64]) -> f64 {
    let (len, levels) = (density.len() as i64, levels as i64);
    let zero = libm::rint(density.zero()) as i64;
    let widest = zero.max(len - zero).max(1);
    let Some(sums) = sums(density, scratch) else { return widest as f64 };
    let window = |limit: i64| (if density.signed { zero - limit } else { zero }, zero + limit);
    // Bins that are left; with fewer of them than levels, the divergence says nothing.
    let left = |limit: i64| {
        let (start, end) = window(limit);
        end.min(len) - start.max(0)
    };
    best(1, widest, |limit| {
        if left(limit) < levels && limit < widest {
            return f64::INFINITY;
        }
        let (start, end) = window(limit);
        sums.loss(start, end, levels)
    }) as f64
}

/// As `symmetric`, with both ends free.
pub(super) fn asymmetric(density: Density<'_>, levels: usize, scratch: &mut [f64]) -> (f64, f64) {
    let (len, levels) = (density.len() as i64, levels as i64);
    let Some(sums) = sums(density, scratch) else { return (0.0, len as f64) };
    if levels >= len {
        return (0.0, len as f64);
    }
    let (start, end) = window(len, levels, |start, end| sums.loss(start, end, levels));
    (start as f64, end as f64)
}

fn sums<'a>(density: Density<'a>, scratch: &'a mut [f64]) -> Option<Sums<'a>> {
    let edges = density.len() + 1;
    let (counts, rest) = scratch.split_at_mut_checked(edges)?;
    let (logs, rest) = rest.split_at_mut_checked(edges)?;
    let filled = rest.get_mut(..edges)?;
    prefix(density.counts, counts, |_, n| n);
    prefix(density.counts, logs, |_, n| n_log_n(n));
    prefix(density.counts, filled, |_, n| if n > 0.0 { 1.0 } else { 0.0 });
    Some(Sums { density, counts, logs, filled })
}
