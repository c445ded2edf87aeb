//! The codebook that suits weights: the weights, scaled, are clustered by a weighted k-means in a
//! histogram, and of its snapshots and two fixed codebooks the one is taken that changes the
//! results of the layer the least.

mod candidates;
mod channels;
mod clusters;
mod histogram;
mod selection;

pub use channels::Shape;

use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::codebook::CodebookRules;
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::MatrixView;
use candidates::{Candidates, default_codebook};
use channels::Channels;
use clusters::{Axis, Bins, Clusters, SNAPSHOT};
use histogram::{Passes, Scaling, groups, refuse_not_finite};
use selection::{Judge, Judged};

/// A weight and what is known of its input.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The weight.
    pub weights: MatrixView<'a>,
    /// One number per input channel, finite and not negative; empty if all are 1.
    pub importance: &'a [f32],
    /// Input channels by samples.
    pub activations: Option<MatrixView<'a>>,
}

impl Layer<'_> {
    /// The shape of the layer.
    #[must_use]
    pub fn shape(&self, rules: &CodebookRules) -> Shape {
        let samples = self.activations.map(|x| x.cols());
        Shape::new(rules, (self.weights.rows(), self.weights.cols()), samples)
    }

    fn channels(&self, rules: &CodebookRules) -> Result<Channels<'_>> {
        let (shape, weights) = (self.shape(rules), self.weights);
        Ok(Channels { weights, by_column: rules.by_column, group: shape.group(rules)?, shape })
    }
}

/// What stays until the end.
struct Kept<'a> {
    candidates: Candidates<'a>,
    errors: &'a mut [f64],
    centroids: &'a mut [f64],
    /// Extremes of the groups of all layers, one layer after the other.
    low: &'a mut [f32],
    high: &'a mut [f32],
}

impl<'a> Kept<'a> {
    fn carve(
        scratch: &mut Scratch<'a>,
        rules: &CodebookRules,
        shapes: impl Iterator<Item = Shape>,
    ) -> Result<Self> {
        let mut all = 0_usize;
        for shape in shapes {
            all = all.saturating_add(groups(rules, &shape)?);
        }
        Ok(Self {
            candidates: Candidates::carve(scratch, rules)?,
            errors: scratch.array(candidates::most(rules))?,
            centroids: scratch.array(rules.elements)?,
            low: scratch.array(all)?,
            high: scratch.array(all)?,
        })
    }
}

/// Bytes of workspace for layers of these shapes.
pub fn workspace_size(
    rules: &CodebookRules,
    shapes: impl Iterator<Item = Shape> + Clone,
) -> Result<usize> {
    let mut scratch = Scratch::counter();
    Kept::carve(&mut scratch, rules, shapes.clone())?;
    scratch.phase(|scratch| -> Result {
        Passes::carve(scratch, rules)?;
        Bins::carve(scratch, rules.intervals)?;
        Ok(())
    })?;
    scratch.phase(|scratch| Judge::carve(scratch, rules, shapes).map(|_| ()))?;
    scratch.bytes()
}

/// Estimates the codebook of layers that share it. `layers` gives the same layers whenever it is
/// cloned; `given` is the default codebook of the parameters.
pub fn estimate<'a>(
    k: &Kernels,
    exec: Exec<'_>,
    rules: &CodebookRules,
    given: &[f32],
    layers: impl Iterator<Item = Layer<'a>> + Clone,
    workspace: &mut [u8],
    codebook: &mut [f32],
) -> Result {
    let mut scratch = Scratch::new(workspace);
    let shapes = layers.clone().map(|layer| layer.shape(rules));
    let mut kept = Kept::carve(&mut scratch, rules, shapes.clone())?;
    let default = default_codebook(rules, given);
    if default.len() == rules.elements {
        kept.candidates.push(k, rules, default.iter().copied());
    }
    scratch.phase(|scratch| {
        let scaling = Scaling::new(rules, given);
        cluster(k, exec.silent(), rules, &scaling, layers.clone(), scratch, &mut kept)
    })?;
    let best = scratch.phase(|scratch| {
        let mut judge = Judge::carve(scratch, rules, shapes)?;
        select(k, exec, rules, layers, &mut judge, &mut kept)
    })?;
    if let Some(best) = kept.candidates.get(best) {
        codebook.iter_mut().zip(best.values).for_each(|(to, from)| *to = *from);
    }
    Ok(())
}

/// Fills the list of candidates.
fn cluster<'a>(
    k: &Kernels,
    exec: Exec<'_>,
    rules: &CodebookRules,
    scaling: &Scaling,
    layers: impl Iterator<Item = Layer<'a>> + Clone,
    scratch: &mut Scratch<'_>,
    kept: &mut Kept<'_>,
) -> Result {
    let Kept { candidates, centroids, low, high, .. } = kept;
    let mut passes = Passes::carve(scratch, rules)?;
    let bins = Bins::carve(scratch, rules.intervals)?;
    let (mut first, mut before) = (0, 0_usize);
    let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
    for layer in layers.clone() {
        let channels = layer.channels(rules)?;
        let n = groups(rules, &channels.shape)?;
        let low = low.get_mut(first..first + n).unwrap_or_default();
        let high = high.get_mut(first..first + n).unwrap_or_default();
        passes.extremes(k, exec, channels, (&mut *low, &mut *high))?;
        let mut finite = true;
        for (low, high) in low.iter().zip(high) {
            finite &= low.is_finite() && high.is_finite();
            let scale = scaling.of(*low, *high);
            for end in [*low / scale, *high / scale] {
                least = if end < least { end } else { least };
                most = if end > most { end } else { most };
            }
        }
        if !finite {
            refuse_not_finite(&channels, before)?;
        }
        first += n;
        let weights = layer.weights;
        before = before.saturating_add(weights.rows().saturating_mul(weights.cols()));
    }
    let mut clustered = false;
    if least < most {
        let axis = Axis::new(least, most, rules.intervals);
        passes.clear();
        let mut first = 0;
        for layer in layers {
            let channels = layer.channels(rules)?;
            let n = groups(rules, &channels.shape)?;
            let scale = |group: usize| {
                let ends = (low.get(first + group), high.get(first + group));
                if let (Some(low), Some(high)) = ends { scaling.of(*low, *high) } else { 1.0 }
            };
            passes.count(k, exec, &layer, channels, &axis, scale)?;
            first += n;
        }
        let bins = bins.fill(&axis, passes.total(rules.intervals));
        if !bins.is_empty() {
            clustered = true;
            let clusters = Clusters::new(&axis, &bins, centroids);
            clusters.run(&bins, (rules.max_iterations, rules.tolerance), |iteration, centroids| {
                let values = centroids.iter().map(|c| *c as f32);
                match iteration {
                    // In place of the first two there are the default codebook, if it has the
                    // right size, and the integers.
                    Some(0) => {
                        if candidates.count() == 0 {
                            candidates.push(k, rules, values);
                        }
                        candidates.push_integers(k, rules);
                    }
                    Some(SNAPSHOT) => {}
                    _ => candidates.push(k, rules, values),
                }
            });
        }
    }
    if !clustered {
        candidates.push_integers(k, rules);
    }
    Ok(())
}

/// The index of the candidate with the smallest error, the first of those.
fn select<'a>(
    k: &Kernels,
    exec: Exec<'_>,
    rules: &CodebookRules,
    layers: impl Iterator<Item = Layer<'a>>,
    judge: &mut Judge<'_>,
    kept: &mut Kept<'_>,
) -> Result<usize> {
    let Kept { candidates, errors, low, high, .. } = kept;
    errors.iter_mut().for_each(|error| *error = 0.0);
    let (mut first, mut before) = (0, 0_usize);
    for layer in layers {
        let channels = layer.channels(rules)?;
        let n = groups(rules, &channels.shape)?;
        let low = low.get(first..first + n).unwrap_or_default();
        let high = high.get(first..first + n).unwrap_or_default();
        if !channels.shape.is_empty() {
            let judged = Judged { layer: &layer, channels, low, high, before };
            judge.layer(k, exec, rules, candidates, &judged, errors)?;
        }
        first += n;
        let samples = channels.shape.samples.unwrap_or(0);
        before = before.saturating_add(channels.shape.inputs.saturating_mul(samples));
    }
    let (mut best, mut least) = (0, f64::INFINITY);
    for (i, error) in errors.iter().take(candidates.count()).enumerate() {
        if *error < least {
            (best, least) = (i, *error);
        }
    }
    Ok(best)
}
