//! The samples from which scales are estimated.

use crate::algorithms::gptq::order::Order;
use crate::algorithms::linalg::pack::Side;
use crate::algorithms::statistics::process;
use crate::kernels::{Kernels, TILE_ROWS};
use crate::parallel::Exec;
use crate::params::gptq::{GptqGroups, GptqPlan};
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// The samples that are taken, as the products want them; none if scales are not estimated.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    /// Panels of `TILE_ROWS` samples, one after the other: rows are columns of the layer.
    pub(super) panels: &'a [f32],
    /// The largest magnitude of each column over all samples.
    pub(super) magnitude: &'a [f32],
    /// How many they are.
    pub(super) count: usize,
}

/// Samples that are wanted, and those that are taken; none if scales are not estimated.
fn counts(plan: &GptqPlan, samples: usize) -> Option<(usize, usize)> {
    plan.estimation
        .map(|estimation| (estimation.subset, process::columns(samples, estimation.subset)))
}

/// How many samples are taken.
pub(super) fn taken(plan: &GptqPlan, samples: usize) -> usize {
    counts(plan, samples).map_or(0, |(_, taken)| taken)
}

/// The workspace.
pub(super) struct Memory<'a> {
    panels: &'a mut [f32],
    magnitude: &'a mut [f32],
}

impl<'a> Memory<'a> {
    pub(super) fn carve(
        scratch: &mut Scratch<'a>,
        plan: &GptqPlan,
        samples: usize,
        columns: usize,
    ) -> Result<Self> {
        let taken = taken(plan, samples);
        Ok(Self {
            panels: scratch.array(Side::packed::<TILE_ROWS>(taken, columns))?,
            magnitude: scratch.array(if taken == 0 { 0 } else { columns })?,
        })
    }

    /// Takes the samples: their columns in natural order if groups are static, else in the order of the
    /// solver.
    pub(super) fn take(
        self,
        k: &Kernels,
        exec: Exec<'_>,
        scratch: &mut Scratch<'_>,
        (plan, order): (&GptqPlan, &Order<'_>),
        (means, token_counts): (MatrixView<'_>, &[u64]),
    ) -> Result<Option<Samples<'a>>> {
        let Self { panels, magnitude } = self;
        let Some((subset, count)) = counts(plan, means.rows()) else { return Ok(None) };
        let columns = magnitude.len();
        let taken = scratch.array(count.saturating_mul(columns))?;
        let to = MatrixViewMut::dense(taken, count);
        process::run(k, exec, means, (token_counts, subset), magnitude, to, scratch)?;
        let is_static = plan.groups == GptqGroups::Static;
        if !is_static {
            order.apply(magnitude);
        }
        let panel = TILE_ROWS * columns;
        for (panel, first) in panels.chunks_mut(panel.max(1)).zip((0..count).step_by(TILE_ROWS)) {
            let (rows, _) = panel.as_chunks_mut::<TILE_ROWS>();
            for (place, to) in rows.iter_mut().enumerate() {
                let column = if is_static { place } else { order.column(place) };
                let from = taken.get(column * count..(column + 1) * count).unwrap_or_default();
                let from = from.get(first..).unwrap_or_default();
                *to = [0.0; TILE_ROWS];
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
        Ok(Some(Samples { panels, magnitude, count }))
    }
}

/// Cuts, or counts, what `Memory::take` needs.
pub(super) fn workspace(
    scratch: &mut Scratch<'_>,
    plan: &GptqPlan,
    samples: usize,
    columns: usize,
) -> Result {
    if let Some((subset, taken)) = counts(plan, samples) {
        scratch.array::<f32>(taken.saturating_mul(columns))?;
        process::carve(samples, subset, scratch)?;
    }
    Ok(())
}
