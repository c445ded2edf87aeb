//! The bins of a parity histogram: the edges of `numpy.histogram` for f32, and NNCF's way to
//! distribute counts over the bins of a wider range.

use crate::algorithms::histogram::density::higher;
use crate::kernels::Bins;

/// Element `i` of `numpy.linspace(low, high, parts + 1)`.
#[derive(Clone, Copy, Debug)]
struct Linspace {
    low: f64,
    high: f64,
    step: f64,
    parts: usize,
}

impl Linspace {
    fn new((low, high): (f64, f64), parts: usize) -> Self {
        Self { low, high, step: (high - low) / parts as f64, parts }
    }

    fn at(&self, i: usize) -> f64 {
        if i >= self.parts { self.high } else { i as f64 * self.step + self.low }
    }
}

/// The range that numpy cuts: one without width is widened by 0.5 on both sides.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    if low == high { (low - 0.5, high + 0.5) } else { (low, high) }
}

/// Writes the edges of bins from `range.0` to `range.1`, two finite floats of 32 bits, to `edges`,
/// one more than there are bins.
///
/// Numpy takes `(x - low) / (high - low) * num_bins`, mostly in f64, for the bin and corrects it by one
/// where the edges, rounded to f32, say so. That is the last bin whose edge is at most `x`: where
/// numpy's edges differ from each other, which it asks for, neither they nor the position are more
/// than half a bin off. Where they do not, numpy gives up, and the same words define the bin.
pub(super) fn bins<'a>(range: (f64, f64), edges: &'a mut [f32]) -> Bins<'a> {
    let num_bins = edges.len().saturating_sub(1);
    let (low, high) = widened(range);
    let line = Linspace::new((low, high), num_bins);
    for (i, edge) in edges.iter_mut().enumerate() {
        *edge = line.at(i) as f32;
    }
    let (width, n) = (line.step, num_bins as f64);
    // A position is rounded three times, an edge once: see `Bins::slack`. 2^-24 is half a unit in
    // the last place of 1.
    let slack = (3.125 * n + 1.0625 * higher(low.abs(), high.abs()) / width) / 16_777_216.0;
    // Within these limits nothing over- or underflows; outside, and where all elements are equal,
    // bins are searched.
    let usual = range.0 < range.1 && slack <= 0.25 && (1e-30..1e30).contains(&width);
    let inverse = if usual { (n / (high - low)) as f32 } else { 0.0 };
    Bins { edges, inverse, slack: slack as f32 }
}

/// Adds the counts of the bins of `from` to those of the bins of `to`, a range that holds it. Every
/// bin is cut into `rate` parts, of which each joins the bin that holds its middle.
pub(super) fn distribute(
    counts: &[f64],
    from: (f64, f64),
    to: (f64, f64),
    rate: usize,
    sums: &mut [f64],
) {
    if from == to {
        sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        return;
    }
    let num_bins = sums.len();
    if from.0 == from.1 {
        let line = Linspace::new(to, num_bins);
        let x = from.0 as f32;
        let bin = (1..num_bins).take_while(|i| line.at(*i) as f32 <= x).count();
        if let Some(sum) = sums.get_mut(bin) {
            *sum += counts.iter().sum::<f64>();
        }
        return;
    }
    let parts = Linspace::new(from, counts.len().saturating_mul(rate));
    let edges = Linspace::new(to, num_bins);
    let last = num_bins.saturating_sub(1);
    // Parts of one bin are added up before they join it.
    let (mut bin, mut sum) = (0, 0.0);
    for (i, n) in counts.iter().enumerate() {
        let part = n / rate as f64;
        for j in 0..rate {
            let middle = parts.at(i * rate + j) + 0.5 * parts.step;
            while bin < last && edges.at(bin + 1) <= middle {
                if let Some(to) = sums.get_mut(bin) {
                    *to += sum;
                }
                (bin, sum) = (bin + 1, 0.0);
            }
            sum += part;
        }
    }
    if let Some(to) = sums.get_mut(bin) {
        *to += sum;
    }
}
