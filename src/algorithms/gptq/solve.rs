//! The solver: blocks of columns, from the first to the last.

use crate::algorithms::finite::finite;
use crate::algorithms::gptq::blocks::{Block, Layout, blocks};
use crate::algorithms::gptq::damping::factor;
use crate::algorithms::gptq::groups::Grouper;
use crate::algorithms::gptq::lanes;
use crate::algorithms::gptq::order::Order;
use crate::algorithms::gptq::polish::{self, Layer, Panels};
use crate::algorithms::gptq::samples;
use crate::algorithms::gptq::write::{Outputs, write};
use crate::algorithms::linalg::cholesky;
use crate::algorithms::linalg::pack::Side;
use crate::algorithms::weights::{Grouping, Rule, codebook_of, nvfp4_scale, table_of};
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::{Exec, Tile};
use crate::params::gptq::{GptqGroups, GptqOrder, GptqPlan, GptqReport};
use crate::params::weights::WeightMode;
use crate::scratch::{self, Scratch};
use crate::status::Result;
use crate::views::{Blocks, MatrixView, MatrixViewMut, Run};
use core::ops::Range;

/// The workspace.
struct Memory<'a> {
    /// The factor of the inverse, then the gradients.
    region: &'a mut [f32],
    slabs: &'a mut [f32],
    inner: &'a mut [f32],
    outer: &'a mut [f32],
    /// `1 / U[j][j]`; in a pass of coordinate descent those of the Hessian's diagonal.
    reciprocal: &'a mut [f32],
    /// The diagonal of the Hessian.
    diagonal: &'a mut [f32],
    /// `1 / U[j][j]^2`: what an error costs that all later columns make up for. In natural order if
    /// groups are static, else in that of the solver.
    importance: &'a mut [f32],
    order: Order<'a>,
    panels: Panels<'a>,
    samples: samples::Memory<'a>,
}

impl<'a> Memory<'a> {
    fn carve(
        scratch: &mut Scratch<'a>,
        plan: &GptqPlan,
        channels: usize,
        (layout, samples): (Layout, usize),
    ) -> Result<Self> {
        let Layout { columns, block, .. } = layout;
        let slab = layout.rows().saturating_mul(TILE_COLS);
        let slabs = channels.div_ceil(TILE_COLS);
        let gradients = if plan.passes > 0 { polish::gradients(layout, slabs) } else { 0 };
        let region = columns.saturating_mul(columns).max(gradients);
        Ok(Self {
            region: scratch.array(region)?,
            slabs: scratch.array(slabs.saturating_mul(slab))?,
            inner: scratch.array(Side::packed::<TILE_ROWS>(block, block))?,
            outer: scratch.array(Side::packed::<TILE_ROWS>(columns, block))?,
            reciprocal: scratch.array(columns)?,
            diagonal: scratch.array(columns)?,
            importance: scratch.array(columns)?,
            order: Order::carve(scratch, columns, plan.order == GptqOrder::Natural)?,
            panels: Panels::carve(scratch, layout, plan.passes > 0)?,
            samples: samples::Memory::carve(scratch, plan, samples, columns)?,
        })
    }
}

/// Channels and columns of weights, and how the columns fall into groups.
fn shape(
    plan: &GptqPlan,
    (rows, cols): (usize, usize),
    samples: usize,
) -> Result<(usize, Layout, Grouping)> {
    let (channels, columns) = if plan.format.by_column { (cols, rows) } else { (rows, cols) };
    let grouping = Grouping::new(&plan.format, rows, cols)?;
    Ok((channels, Layout::new(plan, columns, grouping.group.get(), samples), grouping))
}

/// Bytes of workspace for weights of `rows x cols` and that many samples to estimate scales from.
pub fn workspace_size(plan: &GptqPlan, rows: usize, cols: usize, samples: usize) -> Result<usize> {
    let (channels, layout, _) = shape(plan, (rows, cols), samples)?;
    scratch::needed(|scratch| {
        Memory::carve(scratch, plan, channels, (layout, samples))?;
        scratch.phase(|scratch| cholesky::workspace(scratch, layout.columns))?;
        scratch.phase(|scratch| samples::workspace(scratch, plan, samples, layout.columns))
    })
}

/// What a layer is like.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The weights.
    pub weights: MatrixView<'a>,
    /// Square, f32, as wide as the channels are long.
    pub hessian: MatrixView<'a>,
    /// Means of the activations of samples, as wide; none unless scales are estimated.
    pub means: MatrixView<'a>,
    /// Tokens of each sample; none if all are taken.
    pub token_counts: &'a [u64],
}

/// Rounds the weights of a layer. Unless all goes well, nothing is written.
pub fn solve(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (plan, codebook): (&GptqPlan, &[f32]),
    inputs: Inputs<'_>,
    outputs: Outputs<'_>,
) -> Result<GptqReport> {
    let Inputs { weights, hessian, means, token_counts } = inputs;
    finite(k, exec, weights, c"weights")?;
    finite(k, exec, hessian, c"hessian")?;
    finite(k, exec, means, c"params.means")?;
    let format = &plan.format;
    let (channels, layout, grouping) = shape(plan, (weights.rows(), weights.cols()), means.rows())?;
    let codebook = codebook_of(format, codebook);
    let table = table_of(format, codebook);
    let mut rule = Rule::new(format, codebook, table.as_ref());
    if format.mode == WeightMode::Nvfp4 {
        rule.tensor_scale = nvfp4_scale(k, exec.silent(), &rule, &grouping, weights)?;
    }
    let memory = Memory::carve(scratch, plan, channels, (layout, means.rows()))?;
    let Memory {
        region,
        slabs,
        inner,
        outer,
        reciprocal,
        diagonal,
        importance,
        mut order,
        panels,
        samples,
    } = memory;
    for (i, to) in diagonal.iter_mut().enumerate() {
        let Run::F32([x]) = hessian.run(i, i..i + 1) else { continue };
        *to = *x;
    }
    order.descend(diagonal);
    let square = layout.columns * layout.columns;
    let mut u = MatrixViewMut::square(region.get_mut(..square).unwrap_or_default(), layout.columns);
    let damping = factor(k, exec, scratch, (plan, &order), (hessian, diagonal), u.whole_mut())?;
    for (place, to) in reciprocal.iter_mut().enumerate() {
        let Run::F32([x]) = u.as_view().run(place, place..place + 1) else { continue };
        *to = 1.0 / x;
        let at = if plan.groups == GptqGroups::Static { order.column(place) } else { place };
        importance.iter_mut().skip(at).take(1).for_each(|square| *square = *to * *to);
    }
    let seen = (means, token_counts);
    let samples =
        scratch.phase(|scratch| samples.take(k, exec.silent(), scratch, (plan, &order), seen))?;
    let grouper = Grouper { k, rule: &rule, plan, samples };
    let natural = Order::natural();
    let count = channels.div_ceil(TILE_COLS);
    let slab = layout.rows() * TILE_COLS;
    exec.silent().tasks(count, Blocks::new(slabs, slab), |i, mut memory| {
        let mut slab = layout.split(memory.slice_mut());
        let side = lanes::side((weights, format.by_column), i);
        let columns = slab.weights.get_mut(..layout.columns).unwrap_or_default();
        lanes::load_columns(k, &side, (&natural, 0..layout.columns), columns);
        slab.weights.get_mut(layout.columns..).unwrap_or_default().fill([0.0; TILE_COLS]);
        slab.loss.fill([0.0; TILE_COLS]);
        for (column, x) in slab.weights.iter_mut().zip(&*diagonal) {
            if *x == 0.0 {
                *column = [0.0; TILE_COLS];
            }
        }
        if plan.groups == GptqGroups::Static {
            slab.take_groups(&grouper, layout, 0..layout.columns, importance);
        }
        order.apply(slab.weights);
    })?;
    // All columns are gone over once, and once more to begin with the passes.
    let walks = if plan.passes == 0 { 1 } else { plan.passes as usize + 2 };
    let total = layout.columns.saturating_mul(walks);
    // Groups from updated weights that are larger than a block hold whole blocks.
    let is_parted = plan.groups == GptqGroups::Updated && layout.group > layout.block;
    let part = if is_parted { layout.group } else { layout.columns };
    for block in blocks(layout.columns, part, layout.block) {
        let depth = block.len();
        let side = |cols: Range<usize>| Side {
            view: u.as_view().tile(&Tile { rows: block.clone(), cols }),
            lanes_are_columns: true,
            negate: true,
        };
        side(block.clone()).pack::<TILE_ROWS>(k, exec, 0..depth, inner)?;
        side(block.end..layout.columns).pack::<TILE_ROWS>(k, exec, 0..depth, outer)?;
        let reciprocal = reciprocal.get(block.clone()).unwrap_or_default();
        let lanes = (layout.columns - block.end).div_ceil(TILE_ROWS) * TILE_ROWS;
        let outer = outer.get(..lanes * depth).unwrap_or_default();
        let end = block.end;
        let block =
            Block { columns: block, layout, inner, outer, reciprocal, importance, order: &order };
        exec.silent().tasks(count, Blocks::new(slabs, slab), |_, mut memory| {
            block.run(&grouper, layout.split(memory.slice_mut()));
        })?;
        exec.report(end, total)?;
    }
    if !plan.permutes() {
        exec.silent().tasks(count, Blocks::new(slabs, slab), |_, mut memory| {
            order.undo(layout.split(memory.slice_mut()).weights);
        })?;
    }
    if plan.passes > 0 {
        let order = if plan.permutes() { &order } else { &natural };
        let layer = Layer { grouper, layout, weights, hessian, diagonal, damping, order };
        let gradients = region.get_mut(..polish::gradients(layout, count)).unwrap_or_default();
        let report = |done| exec.report(layout.columns + done, total);
        layer.polish(exec, (panels, reciprocal), (slabs, gradients), report)?;
    }
    let loss = write(&grouper, exec, (layout, &grouping), slabs, &order, outputs)?;
    Ok(GptqReport { loss, damping: damping.added, redamps: damping.redamps })
}
