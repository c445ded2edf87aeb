//! How far the results of a layer move when its weights are taken from a codebook.

use crate::algorithms::codebook::Layer;
use crate::algorithms::codebook::candidates::{Candidate, Candidates, most};
use crate::algorithms::codebook::channels::{BLOCK, Channels, PIECE, Parts, Piece, ROWS, Shape};
use crate::algorithms::codebook::histogram::peak;
use crate::algorithms::coding::UNSCALED;
use crate::algorithms::quantizer::{at_least_smallest, scale_to};
use crate::algorithms::stage::{STAGE, cuts, widened};
use crate::kernels::{Affine, Kernels};
use crate::parallel::{Exec, PARTS};
use crate::params::codebook::CodebookRules;
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::{Blocks, MatrixView};
use core::ops::Range;

/// Columns of a panel of activations, those that the kernel multiplies at once.
const PANEL: usize = 32;

/// Partial sums of a weighted error.
const LANES: usize = 8;

/// Largest magnitude of a codebook whose quotients need no limit.
const BOUNDED: f32 = 65_536.0;

/// Scratch of the judgement.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    /// The activations in panels of 32 columns, filled up with zeros.
    panels: &'a mut [f32],
    /// Errors of every candidate, by part.
    errors: &'a mut [f64],
    /// What every part works in.
    parts: &'a mut [f32],
}

/// A layer on which candidates are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<'a> {
    pub(super) layer: &'a Layer<'a>,
    pub(super) channels: Channels<'a>,
    /// Extremes of its groups.
    pub(super) low: &'a [f32],
    pub(super) high: &'a [f32],
    /// Elements of the activations of the layers before it.
    pub(super) before: usize,
}

/// Floats that one part works in: the weights of a block, what is left of them, divisors, and for
/// every candidate the products.
struct Desk<'a> {
    weights: &'a mut [f32],
    residual: &'a mut [f32],
    scales: &'a mut [f32],
    products: &'a mut [f32],
}

/// Floats of a desk without products.
const DESK: usize = 2 * BLOCK + PIECE;

impl<'a> Desk<'a> {
    fn new(floats: &'a mut [f32]) -> Self {
        let (weights, rest) = floats.split_at_mut_checked(BLOCK).unwrap_or_default();
        let (residual, rest) = rest.split_at_mut_checked(BLOCK).unwrap_or_default();
        let (scales, products) = rest.split_at_mut_checked(PIECE).unwrap_or_default();
        Self { weights, residual, scales, products }
    }
}

/// Panels of so many columns.
fn panels(samples: Option<usize>) -> usize {
    samples.unwrap_or(0).div_ceil(PANEL)
}

impl<'a> Judge<'a> {
    /// Scratch for the largest of the layers.
    pub(super) fn carve(
        scratch: &mut Scratch<'a>,
        rules: &CodebookRules,
        shapes: impl Iterator<Item = Shape>,
    ) -> Result<Self> {
        let (mut floats, mut products) = (0, 0);
        for shape in shapes {
            let panels = panels(shape.samples);
            floats = floats.max(panels.saturating_mul(shape.inputs).saturating_mul(PANEL));
            products = products.max(panels.saturating_mul(ROWS * PANEL));
        }
        let candidates = most(rules);
        let desk = products.saturating_mul(candidates).saturating_add(DESK);
        let errors = scratch.array(PARTS * candidates)?;
        let panels = scratch.array(floats)?;
        Ok(Self { panels, errors, parts: scratch.array(desk.saturating_mul(PARTS))? })
    }

    /// Adds the errors of the candidates on a layer to `total`.
    pub(super) fn layer(
        &mut self,
        k: &Kernels,
        exec: Exec<'_>,
        rules: &CodebookRules,
        candidates: &Candidates<'_>,
        judged: &Judged<'_>,
        total: &mut [f64],
    ) -> Result {
        let shape = judged.channels.shape;
        let magnitude = match judged.layer.activations {
            Some(x) => self.pack(k, x, judged.before)?,
            None => 1.0,
        };
        let panels = panels(shape.samples);
        let floats = self.panels.get(..panels * shape.inputs * PANEL).unwrap_or_default();
        let count = candidates.count();
        let (parts, desk) = (Parts::new(&shape, PARTS), DESK + count * panels * ROWS * PANEL);
        let work = Work { k, candidates, judged, panels: floats, count: panels };
        let outputs = (Blocks::new(&mut *self.parts, desk), Blocks::new(&mut *self.errors, count));
        exec.tasks(parts.count(), outputs, |part, (mut floats, mut errors)| {
            let (errors, mut desk) = (errors.slice_mut(), Desk::new(floats.slice_mut()));
            errors.iter_mut().for_each(|error| *error = 0.0);
            parts.blocks(part).for_each(|rows| work.block(&rows, &mut desk, errors));
        })?;
        let outputs = shape.samples.unwrap_or(shape.inputs).saturating_mul(shape.channels);
        let weight = if rules.across_blocks { magnitude } else { 1.0 } / outputs as f64;
        for part in self.errors.chunks(count.max(1)).take(parts.count()) {
            total.iter_mut().zip(part).for_each(|(total, error)| *total += weight * error);
        }
        Ok(())
    }

    /// Copies activations to panels; answers their mean magnitude.
    fn pack(&mut self, k: &Kernels, x: MatrixView<'_>, before: usize) -> Result<f64> {
        let (inputs, samples) = (x.rows(), x.cols());
        let mut buffer = [0.0; STAGE];
        let mut sum = 0.0;
        let panels = self.panels.chunks_mut((inputs * PANEL).max(1));
        for (panel, cols) in panels.zip(cuts(0..samples, PANEL)) {
            for (input, to) in panel.chunks_mut(PANEL).enumerate() {
                let values = widened(k, x.run(input, cols.clone()), &mut buffer);
                let magnitudes: f64 = values.iter().map(|x| f64::from(x.abs())).sum();
                if !magnitudes.is_finite() {
                    return Err(not_finite(values, before + input * samples + cols.start));
                }
                sum += magnitudes;
                to.iter_mut().for_each(|to| *to = 0.0);
                to.iter_mut().zip(values).for_each(|(to, x)| *to = *x);
            }
        }
        Ok(sum / (inputs as f64 * samples as f64))
    }
}

/// The refusal of the first of the values that is not finite.
fn not_finite(values: &[f32], first: usize) -> Error {
    let at = values.iter().position(|x| !x.is_finite()).unwrap_or(0);
    let value = values.get(at).map_or(f64::NAN, |x| f64::from(*x));
    let index = (first + at) as u64;
    Error::element(Status::NotFinite, c"activations", c"must be finite", index, value)
}

/// What the tasks of a layer share.
struct Work<'a> {
    k: &'a Kernels,
    candidates: &'a Candidates<'a>,
    judged: &'a Judged<'a>,
    panels: &'a [f32],
    count: usize,
}

impl Work<'_> {
    /// Adds the errors of a block of channels.
    fn block(&self, rows: &Range<usize>, desk: &mut Desk<'_>, errors: &mut [f64]) {
        let Desk { weights, residual, scales, products } = desk;
        products.iter_mut().for_each(|x| *x = 0.0);
        let per_candidate = (self.count * ROWS * PANEL).max(1);
        for inputs in cuts(0..self.judged.channels.shape.inputs, PIECE) {
            let x = self.judged.channels.load(self.k, rows, &inputs, weights);
            let left = residual.get_mut(..x.len()).unwrap_or_default();
            let mut products = products.chunks_mut(per_candidate);
            for (candidate, error) in self.candidates.iter().zip(errors.iter_mut()) {
                self.judged.channels.pieces(rows, &inputs, x, |piece| {
                    let at = piece.row * inputs.len() + piece.inside.start;
                    let left = left.get_mut(at..at + piece.x.len()).unwrap_or_default();
                    self.residual(&candidate, &piece, scales, left);
                });
                match products.next() {
                    Some(products) if self.judged.layer.activations.is_some() => {
                        self.multiply(left, &inputs, products);
                    }
                    _ => *error += self.weigh(left, &inputs),
                }
            }
        }
        for (products, error) in products.chunks(per_candidate).zip(errors) {
            *error += products.iter().map(|x| f64::from(x.abs())).sum::<f64>();
        }
    }

    /// What is left of weights when those of a candidate are subtracted, as
    /// `ptqk_compress_weights` chooses them.
    fn residual(
        &self,
        candidate: &Candidate<'_>,
        piece: &Piece<'_>,
        scales: &mut [f32],
        left: &mut [f32],
    ) {
        let group = self.judged.channels.group;
        let scales = scales.get_mut(..piece.x.len().div_ceil(group.get())).unwrap_or_default();
        let low = self.judged.low.get(piece.group..).unwrap_or_default();
        let high = self.judged.high.get(piece.group..).unwrap_or_default();
        for ((scale, low), high) in scales.iter_mut().zip(low).zip(high) {
            *scale = at_least_smallest(scale_to(peak(*low, *high).abs(), candidate.largest));
        }
        let bounded = candidate.largest <= BOUNDED;
        let affine = Affine { group, scale: scales, bounded, ..UNSCALED };
        let mut codes = [0; PIECE];
        let codes = codes.get_mut(..piece.x.len()).unwrap_or_default();
        candidate.coding.encode(self.k, false, piece.x, &affine, codes);
        candidate.coding.decode(self.k, false, codes, &affine, left);
        left.iter_mut().zip(piece.x).for_each(|(left, x)| *left = x - *left);
    }

    /// Adds the products with the activations.
    fn multiply(&self, left: &[f32], inputs: &Range<usize>, products: &mut [f32]) {
        let depth = self.judged.channels.shape.inputs.saturating_mul(PANEL);
        let rows = left.len().checked_div(inputs.len()).unwrap_or(0);
        let panels = self.panels.chunks(depth.max(1)).zip(products.chunks_mut(ROWS * PANEL));
        for (panel, products) in panels {
            let panel = panel.get(inputs.start * PANEL..inputs.end * PANEL).unwrap_or_default();
            self.k.multiply_rows(left, panel, products.get_mut(..rows * PANEL).unwrap_or_default());
        }
    }

    /// The squared errors, each times the importance of its input channel.
    fn weigh(&self, left: &[f32], inputs: &Range<usize>) -> f64 {
        let all = [1.0; PIECE];
        let all = all.get(..inputs.len()).unwrap_or_default();
        let weights = self.judged.layer.importance.get(inputs.clone()).unwrap_or(all);
        let mut lanes = [0.0; LANES];
        for left in left.chunks(inputs.len().max(1)) {
            for (left, weights) in left.chunks(LANES).zip(weights.chunks(LANES)) {
                for ((lane, left), weight) in lanes.iter_mut().zip(left).zip(weights) {
                    let left = f64::from(*left);
                    *lane += left * left * f64::from(*weight);
                }
            }
        }
        lanes.iter().sum()
    }
}
