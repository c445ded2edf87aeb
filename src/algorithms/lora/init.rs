//! Adapters to train from.

use super::write::{self, AdapterMut};
use super::{Shape, Sizes, iterations, lose, scale_rows};
use crate::algorithms::finite::finite;
use crate::algorithms::linalg::gemm::Operand;
use crate::algorithms::linalg::packed::Packed;
use crate::algorithms::linalg::svd::Factors;
use crate::algorithms::linalg::truncated_svd::{self, Source, truncated_svd};
use crate::algorithms::weights::{Compressed, scaled_noise};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::lora::{LoraInitKind, LoraInitPlan};
use crate::scratch::{Scratch, needed};
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// The workspace.
struct Memory<'a> {
    /// The matrix that is decomposed, as the weights lie.
    matrix: &'a mut [f32],
    sigma: &'a mut [f32],
    /// `A`, `[rank, in]`.
    u: &'a mut [f32],
    /// The transpose of `B`, `[rank, out]`.
    v: &'a mut [f32],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, sizes: Sizes) -> Result<Self> {
        let Sizes { inputs, outputs, rank, .. } = sizes;
        Ok(Self {
            matrix: scratch.array(inputs.saturating_mul(outputs))?,
            sigma: scratch.array(rank)?,
            u: scratch.array(rank.saturating_mul(inputs))?,
            v: scratch.array(rank.saturating_mul(outputs))?,
        })
    }
}

fn sizes(plan: &LoraInitPlan, (rows, cols): (usize, usize)) -> Result<Sizes> {
    let shape = Shape { rows, cols, samples: 0 };
    Sizes::new(plan.decomposition.rank, plan.format.by_column, shape, 0)
}

/// Bytes of workspace for weights of that shape.
pub fn init_workspace_size(plan: &LoraInitPlan, shape: (usize, usize)) -> Result<usize> {
    let sizes = sizes(plan, shape)?;
    needed(|scratch| {
        Memory::carve(scratch, sizes)?;
        let (shape, oversampling) =
            ((sizes.outputs, sizes.inputs), plan.decomposition.oversampling);
        Packed::workspace(scratch, shape)?;
        scratch.phase(|s| truncated_svd::workspace(s, shape, sizes.rank, oversampling))?;
        scratch.phase(|s| write::workspace(s, sizes))
    })
}

/// Makes adapters `A` and `B`. The weights are read only for what the compression lost.
pub fn init(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    plan: &LoraInitPlan,
    (weights, compressed): (MatrixView<'_>, &Compressed<'_>),
    to: (AdapterMut<'_>, AdapterMut<'_>),
) -> Result {
    let (rows, cols) = (compressed.codes.rows(), compressed.codes.cols());
    let sizes = sizes(plan, (rows, cols))?;
    let Memory { matrix, sigma, u, v } = Memory::carve(scratch, sizes)?;
    let quiet = exec.silent();
    let matrix = match plan.kind {
        LoraInitKind::Residual => lose(k, quiet, weights, compressed, matrix)?,
        LoraInitKind::Random => {
            let seed = plan.decomposition.seed;
            scaled_noise(k, quiet, compressed, seed, MatrixViewMut::dense(matrix, cols))?;
            let view = MatrixView::dense(matrix, cols);
            finite(k, quiet, view, c"scale")?;
            Operand { view, transposed: plan.format.by_column }
        }
    };
    let packed = Packed::new(k, quiet, scratch, matrix)?;
    exec.report(1, 2)?;
    let source = (Source { packed, factors: &[] }, iterations(&plan.decomposition));
    let factors = Factors { sigma: &mut *sigma, left: &mut *v, right: &mut *u };
    scratch.phase(|s| truncated_svd(k, quiet, s, source, factors))?;
    sigma.iter_mut().for_each(|sigma| *sigma = libm::sqrtf(*sigma));
    scale_rows(u, sizes.inputs, sigma);
    scale_rows(v, sizes.outputs, sigma);
    exec.report(2, 2)?;
    scratch.phase(|s| write::write(k, quiet, s, sizes, (u, v), to))
}
