//! A histogram as the searches see it: counts in f64, and positions in units of bins.

use crate::algorithms::histogram::state::State;
use crate::params::histogram::HistogramKind;

/// Bins that lie in the range of the elements, at least two of which differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Density<'a> {
    /// Elements of each bin.
    pub(super) counts: &'a [f64],
    /// Where bin 0 begins.
    pub(super) low: f64,
    /// Width of a bin; greater than 0.
    pub(super) width: f64,
    /// Whether an element is negative.
    pub(super) signed: bool,
}

impl<'a> Density<'a> {
    /// Writes the counts to `counts`, one for each bin. `None` if all elements are equal.
    pub(super) fn new(state: State<'_>, counts: &'a mut [f64]) -> Option<Self> {
        let (min, max) = state.extremes()?;
        let (low, width) = state.scale();
        if min >= max || width <= 0.0 {
            return None;
        }
        state.counts_into(counts);
        // Bins beyond the largest element are of no interest.
        let used = match state.shape().kind {
            HistogramKind::Parity => counts.len(),
            HistogramKind::Mergeable => counts.len().min(state.grid().bin(max) + 1),
        };
        Some(Self { counts: counts.get(..used)?, low, width, signed: min < 0.0 })
    }

    /// Number of bins.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Where 0 lies, in bins from the beginning of bin 0; negative if all bins are beyond.
    pub(super) fn zero(&self) -> f64 {
        -self.low / self.width
    }

    /// Bins between 0 and the nearest bin that is in use.
    pub(super) fn distance(&self) -> i64 {
        let zero = self.zero();
        higher(0.0, higher(-zero, zero - self.len() as f64)) as i64
    }

    /// The largest distance of an edge from 0, in bins.
    pub(super) fn widest(&self) -> f64 {
        higher(self.zero(), self.len() as f64 - self.zero())
    }

    /// The bin of a position and how far it is from there on, for positions in the histogram; others
    /// count as its ends.
    pub(super) fn locate(&self, position: f64) -> (usize, f64) {
        let position = lower(higher(position, 0.0), self.len() as f64);
        let bin = position as usize;
        (bin, position - bin as f64)
    }

    /// The number at a position.
    pub(super) fn value(&self, position: f64) -> f64 {
        self.low + self.width * position
    }

    /// Elements of bin `i`; none where there is no bin.
    pub(super) fn count(&self, i: i64) -> f64 {
        usize::try_from(i).ok().and_then(|i| self.counts.get(i)).copied().unwrap_or(0.0)
    }
}

/// Writes the sums of `f(i, count)` over the bins before each edge: one more than there are bins.
pub(super) fn prefix(counts: &[f64], sums: &mut [f64], f: impl Fn(usize, f64) -> f64) {
    let mut sum = 0.0;
    let mut sums = sums.iter_mut();
    for (i, n) in counts.iter().enumerate() {
        if let Some(to) = sums.next() {
            *to = sum;
        }
        sum += f(i, *n);
    }
    if let Some(to) = sums.next() {
        *to = sum;
    }
}

/// Sums before an edge; before all or behind all of them where there is none.
pub(super) fn before(sums: &[f64], edge: i64) -> f64 {
    // Cut before it gets the width of an address.
    let edge = edge.clamp(0, sums.len().saturating_sub(1) as i64);
    sums.get(edge as usize).copied().unwrap_or(0.0)
}

/// The smaller one.
pub(super) fn lower(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// The larger one.
pub(super) fn higher(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}
