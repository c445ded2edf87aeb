//! From weights to the histogram of what remains when they are scaled.

use crate::algorithms::WHOLE;
use crate::algorithms::codebook::Layer;
use crate::algorithms::codebook::candidates::{default_codebook, largest};
use crate::algorithms::codebook::channels::{BLOCK, Channels, PIECE, Parts, Shape};
use crate::algorithms::codebook::clusters::Axis;
use crate::algorithms::quantizer::{at_least_smallest, scale_to};
use crate::algorithms::stage::cuts;
use crate::kernels::Kernels;
use crate::parallel::{Exec, PARTS};
use crate::params::codebook::CodebookRules;
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::Blocks;

/// Bins of all histograms together: fewer tasks share the work of wider ones.
const CELLS: usize = 1 << 19;

/// Most parts that have a histogram of their own.
pub(super) fn most_parts(rules: &CodebookRules) -> usize {
    CELLS.checked_div(rules.intervals).unwrap_or(1).clamp(1, PARTS)
}

/// Scratch of the passes over the weights.
#[derive(Debug)]
pub(super) struct Passes<'a> {
    blocks: &'a mut [f32],
    histograms: &'a mut [[f64; 2]],
}

impl<'a> Passes<'a> {
    pub(super) fn carve(scratch: &mut Scratch<'a>, rules: &CodebookRules) -> Result<Self> {
        let histograms = scratch.array(most_parts(rules).saturating_mul(rules.intervals))?;
        Ok(Self { blocks: scratch.array(PARTS * BLOCK)?, histograms })
    }

    /// Minimum and maximum of every group, which must be finite.
    pub(super) fn extremes(
        &mut self,
        k: &Kernels,
        exec: Exec<'_>,
        channels: Channels<'_>,
        (low, high): (&mut [f32], &mut [f32]),
    ) -> Result {
        let parts = Parts::new(&channels.shape, PARTS);
        let per_part = parts.size.saturating_mul(channels.groups());
        let outputs = (
            Blocks::new(&mut *self.blocks, BLOCK),
            Blocks::new(&mut *low, per_part),
            Blocks::new(&mut *high, per_part),
        );
        exec.tasks(parts.count(), outputs, |part, (mut block, mut low, mut high)| {
            let (low, high) = (low.slice_mut(), high.slice_mut());
            low.iter_mut().for_each(|low| *low = f32::INFINITY);
            high.iter_mut().for_each(|high| *high = f32::NEG_INFINITY);
            let first = part * per_part;
            for rows in parts.blocks(part) {
                for inputs in cuts(0..channels.shape.inputs, PIECE) {
                    let x = channels.load(k, &rows, &inputs, block.slice_mut());
                    channels.pieces(&rows, &inputs, x, |piece| {
                        let at = piece.group - first..;
                        let low = low.get_mut(at.clone()).unwrap_or_default();
                        let high = high.get_mut(at).unwrap_or_default();
                        let groups = piece.x.chunks(channels.group.get());
                        for ((x, low), high) in groups.zip(low).zip(high) {
                            widen_range(k, x, low, high);
                        }
                    });
                }
            }
        })
    }

    /// Empties the histograms.
    pub(super) fn clear(&mut self) {
        self.histograms.iter_mut().for_each(|bin| *bin = [0.0; 2]);
    }

    /// Adds the weights of a layer to the histograms.
    pub(super) fn count(
        &mut self,
        k: &Kernels,
        exec: Exec<'_>,
        layer: &Layer<'_>,
        channels: Channels<'_>,
        axis: &Axis,
        scale: impl Fn(usize) -> f32 + Sync,
    ) -> Result {
        let most = self.histograms.len().checked_div(axis.bins()).unwrap_or(1);
        let parts = Parts::new(&channels.shape, most);
        let blocks = Blocks::new(&mut *self.blocks, BLOCK);
        let outputs = (blocks, Blocks::new(&mut *self.histograms, axis.bins()));
        exec.tasks(parts.count(), outputs, |part, (mut block, mut histogram)| {
            let histogram = histogram.slice_mut();
            let mut scaled = [0.0; PIECE];
            for rows in parts.blocks(part) {
                for inputs in cuts(0..channels.shape.inputs, PIECE) {
                    let x = channels.load(k, &rows, &inputs, block.slice_mut());
                    channels.pieces(&rows, &inputs, x, |piece| {
                        let to = scaled.get_mut(..piece.x.len()).unwrap_or_default();
                        let group = channels.group.get();
                        for (g, (to, x)) in
                            to.chunks_mut(group).zip(piece.x.chunks(group)).enumerate()
                        {
                            let scale = scale(piece.group + g);
                            to.iter_mut().zip(x).for_each(|(to, x)| *to = x / scale);
                        }
                        match layer.importance.get(piece.inputs) {
                            Some(weights) => axis.count(to, weights.iter().copied(), histogram),
                            None => axis.count(to, core::iter::repeat(1.0), histogram),
                        }
                    });
                }
            }
        })
    }

    /// The sum of all histograms, in order.
    pub(super) fn total(&mut self, bins: usize) -> &[[f64; 2]] {
        let (total, others) = self.histograms.split_at_mut(bins.min(self.histograms.len()));
        for other in others.chunks(bins.max(1)) {
            for ([moment, mass], [more, weight]) in total.iter_mut().zip(other) {
                *moment += more;
                *mass += weight;
            }
        }
        total
    }
}

/// Takes elements into a range; a NaN stays.
fn widen_range(k: &Kernels, x: &[f32], low: &mut f32, high: &mut f32) {
    let (mut min, mut max) = ([0.0], [0.0]);
    k.min_max(x, WHOLE, &mut min, &mut max);
    let ([min], [max]) = (min, max);
    *low = if *low < min || low.is_nan() { *low } else { min };
    *high = if *high > max || high.is_nan() { *high } else { max };
}

/// Divisors of the weights before they are clustered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scaling {
    signed: bool,
    largest: f32,
}

impl Scaling {
    pub(super) fn new(rules: &CodebookRules, codebook: &[f32]) -> Self {
        let largest = largest(default_codebook(rules, codebook));
        Self { signed: rules.signed_scale, largest }
    }

    /// The divisor of a group.
    pub(super) fn of(&self, low: f32, high: f32) -> f32 {
        let peak = peak(low, high);
        let peak = if self.signed { peak } else { peak.abs() };
        at_least_smallest(scale_to(peak, self.largest))
    }
}

/// The extreme of larger magnitude; of two, the negative one.
pub(super) fn peak(low: f32, high: f32) -> f32 {
    if low.abs() >= high.abs() { low } else { high }
}

/// The refusal of the first element that is not finite, if there is one. Its index counts through
/// the weights that came before.
pub(super) fn refuse_not_finite(channels: &Channels<'_>, before: usize) -> Result {
    let Some((index, value)) = channels.first_not_finite() else { return Ok(()) };
    let index = before.saturating_add(index) as u64;
    let rule = c"must be finite";
    Err(Error::element(Status::NotFinite, c"weights", rule, index, value))
}

/// Groups of all weights.
pub(super) fn groups(rules: &CodebookRules, shape: &Shape) -> Result<usize> {
    Ok(shape.channels.saturating_mul(shape.inputs / shape.group(rules)?))
}
