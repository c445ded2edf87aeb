//! A block of columns of a slab.

use crate::algorithms::gptq::estimation;
use crate::algorithms::gptq::groups::{Group, Grouper};
use crate::algorithms::gptq::lanes::{Lanes, slab_rows};
use crate::algorithms::gptq::order::Order;
use crate::algorithms::gptq::samples;
use crate::algorithms::stage::cuts;
use crate::algorithms::weights::Rule;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::params::gptq::{GptqGroups, GptqPlan};
use core::ops::Range;

/// How a slab is laid out, and what a block is.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) columns: usize,
    /// Columns of a group.
    pub(super) group: usize,
    /// Columns of a block.
    pub(super) block: usize,
    /// Rows for what a pass of coordinate descent changes in a block; 0 if there are no passes.
    steps: usize,
    /// Rows for the estimation of scales; 0 if they are not estimated.
    estimation: usize,
}

impl Layout {
    /// `samples`: those from which scales are estimated.
    pub(super) fn new(plan: &GptqPlan, columns: usize, group: usize, samples: usize) -> Self {
        let block = plan.block.min(columns);
        let whole = block.checked_div(group).unwrap_or(0) * group;
        // Groups from updated weights begin and end within a block, or hold whole blocks.
        let block = if plan.groups == GptqGroups::Updated && whole > 0 { whole } else { block };
        let steps = if plan.passes == 0 { 0 } else { slab_rows(group.min(block)) };
        let estimation = estimation::slab_rows(samples::taken(plan, samples), group);
        Self { columns, group, block, steps, estimation }
    }

    pub(super) fn groups(self) -> usize {
        self.columns.checked_div(self.group).unwrap_or(0)
    }

    /// Rows of `TILE_COLS` elements.
    pub(super) fn rows(self) -> usize {
        let parts = [self.block, self.groups(), self.groups(), 1, self.steps, self.estimation];
        parts.into_iter().fold(slab_rows(self.columns), usize::saturating_add)
    }

    pub(super) fn split(self, memory: &mut [f32]) -> Slab<'_> {
        let (rows, _) = memory.as_chunks_mut::<TILE_COLS>();
        let mut rest = rows;
        let mut take = |n: usize| {
            let (part, more) =
                core::mem::take(&mut rest).split_at_mut_checked(n).unwrap_or_default();
            rest = more;
            part
        };
        Slab {
            weights: take(slab_rows(self.columns)),
            errors: take(self.block),
            scale: take(self.groups()),
            zero_point: take(self.groups()),
            loss: take(1),
            steps: take(self.steps),
            estimation: take(self.estimation),
        }
    }

    /// What there is to write of a slab that is solved.
    pub(super) fn solved(self, memory: &[f32]) -> Solved<'_> {
        let (rows, _) = memory.as_chunks::<TILE_COLS>();
        let take = |first: usize, n: usize| rows.get(first..first + n).unwrap_or_default();
        let (groups, after) = (self.groups(), slab_rows(self.columns) + self.block);
        Solved {
            weights: take(0, self.columns),
            scale: take(after, groups),
            zero_point: take(after + groups, groups),
            loss: take(after + 2 * groups, 1).as_flattened(),
        }
    }
}

/// A slab whose columns are codes.
pub(super) struct Solved<'a> {
    pub(super) weights: &'a [Lanes],
    pub(super) scale: &'a [Lanes],
    pub(super) zero_point: &'a [Lanes],
    pub(super) loss: &'a [f32],
}

/// Blocks of `block` columns, from the first to the last; none reaches beyond a multiple of `part`.
pub(super) fn blocks(
    columns: usize,
    part: usize,
    block: usize,
) -> impl Iterator<Item = Range<usize>> {
    cuts(0..columns, part.max(1)).flat_map(move |part| cuts(part, block.max(1)))
}

/// The memory of a slab.
pub(super) struct Slab<'a> {
    /// The weights, which become codes.
    pub(super) weights: &'a mut [Lanes],
    /// The errors of a block.
    pub(super) errors: &'a mut [Lanes],
    /// The parameters of the groups.
    pub(super) scale: &'a mut [Lanes],
    pub(super) zero_point: &'a mut [Lanes],
    pub(super) loss: &'a mut [Lanes],
    /// What coordinate descent changes in a block.
    pub(super) steps: &'a mut [Lanes],
    /// What the estimation of scales uses.
    estimation: &'a mut [Lanes],
}

impl Slab<'_> {
    /// Takes the parameters of the groups that begin in `columns` from the weights as they are.
    pub(super) fn take_groups(
        &mut self,
        grouper: &Grouper<'_>,
        layout: Layout,
        columns: Range<usize>,
        importance: &[f32],
    ) {
        let size = layout.group.max(1);
        for group in columns.start.div_ceil(size)..columns.end.div_ceil(size) {
            let members = group * size..(group + 1) * size;
            let weights = self.weights.get(members.clone()).unwrap_or_default();
            let importance = importance.get(members.clone()).unwrap_or_default();
            let (Some(scale), Some(zero_point)) =
                (self.scale.get_mut(group), self.zero_point.get_mut(group))
            else {
                return;
            };
            let parameters = (scale, zero_point);
            grouper.take((weights, importance), members, parameters, self.estimation);
        }
    }

    /// The parameters of a group, as they were taken.
    pub(super) fn group<'a>(&self, rule: &'a Rule<'a>, at: usize) -> Group<'a> {
        let mut group = Group::new(rule, false);
        if let (Some(scale), Some(zero_point)) = (self.scale.get(at), self.zero_point.get(at)) {
            group.load(scale, zero_point);
        }
        group
    }
}

/// What all slabs share while a block is rounded.
pub(super) struct Block<'a> {
    pub(super) columns: Range<usize>,
    pub(super) layout: Layout,
    /// Panels of `-U` inside the block, lanes are its columns.
    pub(super) inner: &'a [f32],
    /// Panels of `-U` from the rows of the block to the columns after it.
    pub(super) outer: &'a [f32],
    /// `1 / U[j][j]`.
    pub(super) reciprocal: &'a [f32],
    /// What the squared errors of columns count with.
    pub(super) importance: &'a [f32],
    pub(super) order: &'a Order<'a>,
}

impl Block<'_> {
    /// Rounds the columns of the block and lets the columns after it make up for the errors.
    pub(super) fn run(&self, grouper: &Grouper<'_>, mut slab: Slab<'_>) {
        let k = grouper.k;
        let depth = self.columns.len();
        let groups = grouper.plan.groups;
        if groups == GptqGroups::BlockStart {
            slab.take_groups(grouper, self.layout, self.columns.clone(), self.importance);
        }
        let size = self.layout.group.max(1);
        let mut group = Group::new(grouper.rule, false);
        let mut loaded = None;
        // Panels that were not begun have made up for so many errors of the block.
        let mut applied = 0;
        for (i, column) in self.columns.clone().enumerate() {
            if groups == GptqGroups::Updated && column % size == 0 {
                self.apply(k, &mut slab, i.div_ceil(TILE_ROWS), applied..i);
                applied = i;
                slab.take_groups(grouper, self.layout, column..column + 1, self.importance);
            }
            if i % TILE_ROWS == 0 {
                let panel = panel_of(self.inner, i / TILE_ROWS, depth);
                let errors = applied..i;
                add(k, (panel, slab.errors), errors, slab.weights.get_mut(column..));
            }
            let place =
                if groups == GptqGroups::Static { self.order.column(column) } else { column };
            let at = place / size;
            if loaded != Some(at) {
                group = slab.group(grouper.rule, at);
                loaded = Some(at);
            }
            self.round(k, &group, &mut slab, i);
        }
        let end = self.columns.end;
        let after = slab.weights.get_mut(end..).unwrap_or_default();
        let errors = slab.errors.get(..depth).unwrap_or_default();
        add_product(k, self.outer, errors, after, self.layout.columns - end);
    }

    /// Rounds column `i` of the block and lets its own panel make up for the error.
    fn round(&self, k: &Kernels, group: &Group<'_>, slab: &mut Slab<'_>, i: usize) {
        let column = self.columns.start + i;
        let Some(x) = slab.weights.get(column) else { return };
        let (mut codes, mut values) = ([0.0; TILE_COLS], [0.0; TILE_COLS]);
        group.round(k, x, &mut codes, &mut values);
        let reciprocal = self.reciprocal.get(i).copied().unwrap_or_default();
        let Some(error) = slab.errors.get_mut(i) else { return };
        for ((error, x), value) in error.iter_mut().zip(x).zip(&values) {
            *error = (x - value) * reciprocal;
        }
        for (loss, error) in slab.loss.as_flattened_mut().iter_mut().zip(&*error) {
            *loss += error * error;
        }
        let panel = panel_of(self.inner, i / TILE_ROWS, self.columns.len());
        let first = column - i % TILE_ROWS;
        add(k, (panel, slab.errors), i..i + 1, slab.weights.get_mut(first..));
        slab.weights.get_mut(column).into_iter().for_each(|x| *x = codes);
    }

    /// Lets the panels of the block from `first` on make up for the errors `errors`.
    fn apply(&self, k: &Kernels, slab: &mut Slab<'_>, first: usize, errors: Range<usize>) {
        let depth = self.columns.len();
        for panel in first..depth.div_ceil(TILE_ROWS) {
            let columns = slab.weights.get_mut(self.columns.start + panel * TILE_ROWS..);
            let coefficients = panel_of(self.inner, panel, depth);
            add(k, (coefficients, slab.errors), errors.clone(), columns);
        }
    }
}

/// Adds to the first `count` columns the product of their panels and of all errors.
pub(super) fn add_product(
    k: &Kernels,
    panels: &[f32],
    errors: &[Lanes],
    columns: &mut [Lanes],
    count: usize,
) {
    let depth = errors.len();
    for (panel, first) in (0..count).step_by(TILE_ROWS).enumerate() {
        let panel = panel_of(panels, panel, depth);
        add(k, (panel, errors), 0..depth, columns.get_mut(first..));
    }
}

pub(super) fn panel_of(panels: &[f32], i: usize, depth: usize) -> &[f32] {
    let len = TILE_ROWS * depth;
    panels.get(i * len..(i + 1) * len).unwrap_or_default()
}

/// Adds to a tile of columns the product of coefficients and errors, of those that `range` says.
pub(super) fn add(
    k: &Kernels,
    (coefficients, errors): (&[f32], &[Lanes]),
    range: Range<usize>,
    columns: Option<&mut [Lanes]>,
) {
    let a = coefficients.get(range.start * TILE_ROWS..range.end * TILE_ROWS);
    let (Some(a), Some(b)) = (a, errors.get(range)) else { return };
    let Some(tile) = columns.and_then(|c| c.first_chunk_mut::<TILE_ROWS>()) else { return };
    k.multiply_tile(a, b.as_flattened(), &mut tile.each_mut(), TILE_ROWS * TILE_COLS);
}
