//! Weighted clusters of numbers on a line, found in a histogram of them.

use crate::scratch::Scratch;
use crate::status::Result;

/// Iterations from one snapshot of the centroids to the next.
pub(super) const SNAPSHOT: usize = 5;

/// Neighbouring initial centroids whose relative distance is smaller are moved apart.
const CLOSE: f64 = 0.05;

/// Where the bins of a histogram lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    bins: usize,
    per_unit: f64,
}

impl Axis {
    pub(super) fn new(low: f32, high: f32, bins: usize) -> Self {
        let (low, high) = (f64::from(low), f64::from(high));
        Self { low, high, bins, per_unit: bins as f64 / (high - low) }
    }

    /// Adds numbers and their weights to the bins; a bin holds the sum of `x * weight` and that of
    /// the weights.
    pub(super) fn count(&self, x: &[f32], weight: impl Iterator<Item = f32>, to: &mut [[f64; 2]]) {
        let last = self.bins.saturating_sub(1);
        for (x, weight) in x.iter().zip(weight) {
            let (x, weight) = (f64::from(*x), f64::from(weight));
            let bin = ((x - self.low) * self.per_unit) as usize;
            if let Some([moment, mass]) = to.get_mut(bin.min(last)) {
                *moment += x * weight;
                *mass += weight;
            }
        }
    }

    pub(super) fn bins(&self) -> usize {
        self.bins
    }

    fn center(&self, bin: usize) -> f64 {
        self.low + (bin as f64 + 0.5) / self.per_unit
    }
}

/// The bins that hold something, ascending.
#[derive(Debug)]
pub(super) struct Bins<'a> {
    center: &'a mut [f64],
    /// Sums over all bins up to each one.
    moment: &'a mut [f64],
    mass: &'a mut [f64],
}

impl<'a> Bins<'a> {
    pub(super) fn carve(scratch: &mut Scratch<'a>, bins: usize) -> Result<Self> {
        let (center, moment) = (scratch.array(bins)?, scratch.array(bins)?);
        Ok(Self { center, moment, mass: scratch.array(bins)? })
    }

    /// Sums up the bins that have a weight.
    pub(super) fn fill(self, axis: &Axis, histogram: &[[f64; 2]]) -> Self {
        let (mut used, mut moments, mut masses) = (0, 0.0, 0.0);
        let full = histogram.iter().enumerate().filter(|(_, [_, mass])| *mass > 0.0);
        let places = self.center.iter_mut().zip(&mut *self.moment).zip(&mut *self.mass);
        for (((center, to_moment), to_mass), (bin, [moment, mass])) in places.zip(full) {
            moments += moment;
            masses += mass;
            (*center, *to_moment, *to_mass) = (axis.center(bin), moments, masses);
            used += 1;
        }
        Self {
            center: self.center.get_mut(..used).unwrap_or_default(),
            moment: self.moment.get_mut(..used).unwrap_or_default(),
            mass: self.mass.get_mut(..used).unwrap_or_default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.center.is_empty()
    }

    /// Sums over the first `n` bins.
    fn sums(&self, n: usize) -> (f64, f64) {
        let at = n.wrapping_sub(1);
        let read = |sums: &[f64]| sums.get(at).copied().unwrap_or_default();
        (read(self.moment), read(self.mass))
    }

    /// Center of the last bin up to which the share of the weights is at most `i / n`; of the first
    /// bin if that has more already.
    fn quantile(&self, i: usize, n: usize) -> f64 {
        let total = self.mass.last().copied().unwrap_or_default();
        let at = self.mass.partition_point(|mass| mass * n as f64 <= total * i as f64);
        self.center.get(at.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Centroids, and those that stay where they are.
#[derive(Debug)]
pub(super) struct Clusters<'a> {
    centroids: &'a mut [f64],
    /// Index of the pinned zero; the ends are pinned, too.
    zero: Option<usize>,
}

impl<'a> Clusters<'a> {
    /// Initial centroids: between quantiles, the ends at the ends of the axis, the one nearest to 0
    /// at 0 if the axis begins at or below.
    pub(super) fn new(axis: &Axis, bins: &Bins<'_>, centroids: &'a mut [f64]) -> Self {
        let last = centroids.len().saturating_sub(1);
        let bin = |at: Option<&f64>| at.copied().unwrap_or_default();
        for (i, c) in centroids.iter_mut().enumerate() {
            *c = if i == 0 {
                bin(bins.center.first())
            } else if i == last {
                bin(bins.center.last())
            } else {
                0.5 * (bins.quantile(i, last) + bins.quantile(i + 1, last))
            };
        }
        for i in 1..last {
            if let Some([before, c, after]) = centroids.get_mut(i - 1..i + 2) {
                let larger = if c.abs() > after.abs() { c.abs() } else { after.abs() };
                if (*c - *after).abs() < CLOSE * larger {
                    *c = 0.5 * (*before + *after);
                }
            }
        }
        if let [first, .., last] = centroids {
            (*first, *last) = (axis.low, axis.high);
        }
        let mut zero = None;
        if axis.low <= 0.0 {
            let mut nearest = f64::INFINITY;
            for (i, c) in centroids.iter().enumerate() {
                if c.abs() < nearest {
                    (nearest, zero) = (c.abs(), Some(i));
                }
            }
            if let Some(c) = zero.and_then(|i| centroids.get_mut(i)) {
                *c = 0.0;
            }
        }
        Self { centroids, zero }
    }

    /// Moves every centroid to the mean of the bins that are nearer to it than to the others; a bin
    /// in the middle counts as one of the lower one's. Answers the longest way.
    fn step(&mut self, bins: &Bins<'_>) -> f64 {
        let last = self.centroids.len().saturating_sub(1);
        let (mut below, mut longest) = ((0.0, 0.0), 0.0);
        for i in 0..=last {
            let (c, next) = (self.centroids.get(i).copied(), self.centroids.get(i + 1));
            let Some(c) = c else { break };
            let middle = next.map_or(f64::INFINITY, |next| 0.5 * (c + next));
            let above = bins.sums(bins.center.partition_point(|center| *center <= middle));
            let (moment, mass) = (above.0 - below.0, above.1 - below.1);
            below = above;
            if i == 0 || i == last || self.zero == Some(i) || mass <= 0.0 {
                continue;
            }
            let mean = moment / mass;
            let way = (mean - c).abs();
            longest = if way > longest { way } else { longest };
            if let Some(c) = self.centroids.get_mut(i) {
                *c = mean;
            }
        }
        longest
    }

    /// Iterates until nothing moves by `tolerance` or more. Calls `keep` with the iteration and the
    /// centroids before every fifth one, and with those of the end.
    pub(super) fn run(
        mut self,
        bins: &Bins<'_>,
        (most, tolerance): (usize, f32),
        mut keep: impl FnMut(Option<usize>, &[f64]),
    ) {
        for iteration in 0..most {
            if iteration % SNAPSHOT == 0 {
                keep(Some(iteration), self.centroids);
            }
            if self.step(bins) < f64::from(tolerance) {
                break;
            }
        }
        keep(None, self.centroids);
    }
}
