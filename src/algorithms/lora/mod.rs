//! Low-rank correction: two thin matrices `A` and `B` whose product makes up for a part of what
//! compression lost.
//!
//! Thin matrices lie as rows: `U^T` has a row of `in` elements per rank, which is `A`, and `V` has a row
//! of `out` elements per rank, which is the transpose of `B`.

pub mod apply;
mod fit;
mod init;
mod write;

use crate::algorithms::finite::finite;
use crate::algorithms::linalg::gemm::Operand;
use crate::algorithms::linalg::packed::{By, Packed};
use crate::algorithms::linalg::svd::Factors;
use crate::algorithms::linalg::truncated_svd::{self, Iterations, Source, truncated_svd};
use crate::algorithms::statistics::process;
use crate::algorithms::weights::{Compressed, residual};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::lora::{Decomposition, LoraPlan, LoraReport};
use crate::scratch::{Scratch, needed};
use crate::status::{Error, Result};
use crate::views::{MatrixView, MatrixViewMut};
use fit::Fit;
pub use init::{init, init_workspace_size};
pub use write::{AdapterMut, Outputs};

/// Channels, rank and samples of a layer.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    inputs: usize,
    outputs: usize,
    rank: usize,
    /// Samples that are taken.
    samples: usize,
}

/// The shape of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of the weights.
    pub rows: usize,
    /// Columns of the weights.
    pub cols: usize,
    /// Samples of the activations.
    pub samples: usize,
}

impl Sizes {
    fn new(rank: usize, by_column: bool, shape: Shape, subset: usize) -> Result<Self> {
        let Shape { rows, cols, samples } = shape;
        let (outputs, inputs) = if by_column { (cols, rows) } else { (rows, cols) };
        if rank > inputs.min(outputs) {
            let rule = c"must be at most the rows and the columns of the weights";
            return Err(Error::field(c"params", c"adapter_rank", rule, rank as f64));
        }
        let samples = process::columns(samples, subset);
        Ok(Self { inputs, outputs, rank, samples })
    }

    fn of(plan: &LoraPlan, shape: Shape) -> Result<Self> {
        Self::new(plan.decomposition.rank, plan.format.by_column, shape, plan.subset)
    }
}

/// The workspace.
struct Memory<'a> {
    /// What was lost, as the weights lie.
    residual: &'a mut [f32],
    /// The samples, `[in, samples]`.
    x: &'a mut [f32],
    /// The largest magnitude of each input channel.
    importance: &'a mut [f32],
    /// The error of the outputs, `[samples, out]`.
    errors: &'a mut [f32],
    sigma: &'a mut [f32],
    /// `U^T`, `[rank, in]`.
    u: &'a mut [f32],
    /// `V`, `[rank, out]`.
    v: &'a mut [f32],
    noises: &'a mut [f32],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, plan: &LoraPlan, sizes: Sizes) -> Result<Self> {
        let Sizes { inputs, outputs, rank, samples } = sizes;
        Ok(Self {
            residual: scratch.array(inputs.saturating_mul(outputs))?,
            x: scratch.array(inputs.saturating_mul(samples))?,
            importance: scratch.array(inputs)?,
            errors: scratch.array(samples.saturating_mul(outputs))?,
            sigma: scratch.array(rank)?,
            u: scratch.array(rank.saturating_mul(inputs))?,
            v: scratch.array(rank.saturating_mul(outputs))?,
            noises: scratch.array(2 + 2 * plan.iterations)?,
        })
    }
}

/// Bytes of workspace for a layer.
pub fn workspace_size(plan: &LoraPlan, shape: Shape) -> Result<usize> {
    let sizes = Sizes::of(plan, shape)?;
    let Sizes { inputs, outputs, rank, samples } = sizes;
    needed(|scratch| {
        Memory::carve(scratch, plan, sizes)?;
        scratch.phase(|s| process::carve(shape.samples, plan.subset, s).map(|_| ()))?;
        let shape = (outputs, inputs);
        Packed::workspace(scratch, shape)?;
        scratch.phase(|s| Packed::product_workspace(s, samples, inputs).map(|_| ()))?;
        scratch
            .phase(|s| truncated_svd::workspace(s, shape, rank, plan.decomposition.oversampling))?;
        scratch.phase(|s| fit::workspace(s, plan, sizes))?;
        scratch.phase(|s| write::workspace(s, sizes))
    })
}

/// A layer and what is known of its inputs.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The weights.
    pub weights: MatrixView<'a>,
    /// Their compressed form.
    pub compressed: Compressed<'a>,
    /// The mean of each input channel in each sample, `[samples, in]`.
    pub means: MatrixView<'a>,
    /// Tokens of the samples; not read if all samples are taken.
    pub token_counts: &'a [u64],
}

/// Finds the adapters of a layer. Unless all goes well, nothing is written.
pub fn correct(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    plan: &LoraPlan,
    layer: &Layer<'_>,
    outputs: Outputs<'_>,
) -> Result<LoraReport> {
    let Layer { weights, compressed, means, token_counts } = layer;
    let shape = Shape { rows: weights.rows(), cols: weights.cols(), samples: means.rows() };
    let sizes = Sizes::of(plan, shape)?;
    let quiet = exec.silent();
    finite(k, quiet, *means, c"means")?;
    let memory = Memory::carve(scratch, plan, sizes)?;
    let Memory { residual: lost, x, importance, errors, sigma, u, v, noises } = memory;
    let lost = lose(k, quiet, *weights, compressed, lost)?;
    let packed = Packed::new(k, quiet, scratch, lost)?;
    let total = if sizes.samples > 0 { plan.iterations + 2 } else { 2 };
    let mut factors: &[f32] = &[];
    if sizes.samples > 0 {
        let taken = MatrixViewMut::dense(x, sizes.samples);
        let counts = (*token_counts, plan.subset);
        scratch.phase(|s| process::run(k, quiet, *means, counts, importance, taken, s))?;
        let samples = Operand::transposed(MatrixView::dense(x, sizes.samples));
        let to = MatrixViewMut::dense(errors, sizes.outputs);
        let from = (samples, By::Transpose);
        scratch.phase(|s| packed.multiply(k, quiet, s, from, to))?;
        if let Some(group) = plan.format.group {
            importance.chunks_mut(group.get()).for_each(normalize);
            factors = importance;
        }
    }
    exec.report(1, total)?;
    let source = Source { packed, factors };
    let iterations = iterations(&plan.decomposition);
    let to = Factors { sigma: &mut *sigma, left: &mut *v, right: &mut *u };
    scratch.phase(|s| truncated_svd(k, quiet, s, (source, iterations), to))?;
    scale_rows(v, sizes.outputs, sigma);
    exec.report(2, total)?;
    let fit = Fit { k, exec: quiet, plan, sizes, packed, x, errors };
    let report = |done| exec.report(done + 2, total);
    scratch.phase(|s| fit.run(s, (u, v), noises, report))?;
    let report = LoraReport {
        noise_before: noises.first().copied().unwrap_or_default(),
        noise_decomposed: noises.get(1).copied().unwrap_or_default(),
        noise_after: noises.last().copied().unwrap_or_default(),
        samples: sizes.samples as u32,
    };
    let Outputs { a, b, noises: to } = outputs;
    scratch.phase(|s| write::write(k, quiet, s, sizes, (u, v), (a, b)))?;
    to.iter_mut().zip(noises).for_each(|(to, from)| *to = *from);
    Ok(report)
}

/// What the compression lost, as an operand `[out, in]`.
fn lose<'a>(
    k: &Kernels,
    exec: Exec<'_>,
    weights: MatrixView<'_>,
    compressed: &Compressed<'_>,
    to: &'a mut [f32],
) -> Result<Operand<'a>> {
    residual(k, exec, weights, compressed, MatrixViewMut::dense(to, weights.cols()))?;
    let view = MatrixView::dense(to, weights.cols());
    // Weights that are not finite lose something that is not.
    if let Err(error) = finite(k, exec, view, c"scale") {
        return finite(k, exec, weights, c"weights").and(Err(error));
    }
    Ok(Operand { view, transposed: compressed.format.by_column })
}

/// Each row times its factor.
fn scale_rows(rows: &mut [f32], cols: usize, factors: &[f32]) {
    for (row, factor) in rows.chunks_mut(cols.max(1)).zip(factors) {
        row.iter_mut().for_each(|x| *x *= factor);
    }
}

fn iterations(decomposition: &Decomposition) -> Iterations {
    let Decomposition { oversampling, steps, tolerance, seed, .. } = *decomposition;
    Iterations { oversampling, steps, tolerance: f64::from(tolerance), seed }
}

/// Divides the importance of the channels of a group by its sum, then by the largest.
fn normalize(group: &mut [f32]) {
    let sum = group.iter().sum::<f32>();
    let inverse = |x: f32| if x > 0.0 { x } else { 1.0 };
    group.iter_mut().for_each(|x| *x /= inverse(sum));
    let most = group.iter().fold(0.0, |most: f32, x| most.max(*x));
    group.iter_mut().for_each(|x| *x /= inverse(most));
}
