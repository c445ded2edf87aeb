//! Coordinate descent over the codes and the scales of a layer that is solved.
//!
//! With the errors `e = w - q` and their gradient `g = H e`, the best value of column `j`, all others
//! given, is `q[j] + g[j] / H[j][j]`; and the best factor of a group with the values `q` is `1 + q g / q H q`,
//! sums over the group. What a column changes by changes the gradients of all.

use crate::algorithms::gptq::blocks::{self, Layout, Slab};
use crate::algorithms::gptq::damping::Damping;
use crate::algorithms::gptq::descent::Descent;
use crate::algorithms::gptq::groups::Grouper;
use crate::algorithms::gptq::lanes::{self, slab_rows};
use crate::algorithms::gptq::order::Order;
use crate::algorithms::linalg::pack::Side;
use crate::kernels::{TILE_COLS, TILE_ROWS};
use crate::parallel::{Exec, Tile};
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{Blocks, MatrixView, Run};
use core::ops::Range;

/// Columns of a block: a group, or a part of a large one.
pub(super) fn block(layout: Layout) -> usize {
    layout.group.min(layout.block)
}

/// The blocks, from the first to the last: whole groups, or parts of large ones.
fn blocks(layout: Layout) -> impl Iterator<Item = Range<usize>> {
    blocks::blocks(layout.columns, layout.group, block(layout))
}

/// Rows of the gradients of a slab.
fn gradient_rows(layout: Layout) -> usize {
    slab_rows(layout.columns)
}

/// Elements of the gradients of so many slabs.
pub(super) fn gradients(layout: Layout, slabs: usize) -> usize {
    slabs.saturating_mul(gradient_rows(layout)).saturating_mul(TILE_COLS)
}

/// Panels of the rows of a block of the damped Hessian.
pub(super) struct Panels<'a> {
    before: &'a mut [f32],
    inner: &'a mut [f32],
    after: &'a mut [f32],
}

impl<'a> Panels<'a> {
    /// Memory for them, or none.
    pub(super) fn carve(
        scratch: &mut Scratch<'a>,
        layout: Layout,
        is_wanted: bool,
    ) -> Result<Self> {
        let block = if is_wanted { block(layout) } else { 0 };
        let outer = Side::packed::<TILE_ROWS>(layout.columns, block);
        Ok(Self {
            before: scratch.array(outer)?,
            inner: scratch.array(Side::packed::<TILE_ROWS>(block, block))?,
            after: scratch.array(outer)?,
        })
    }
}

/// A layer that is solved, and what it came from.
pub(super) struct Layer<'a> {
    pub(super) grouper: Grouper<'a>,
    pub(super) layout: Layout,
    pub(super) weights: MatrixView<'a>,
    pub(super) hessian: MatrixView<'a>,
    /// The diagonal of the Hessian, in natural order.
    pub(super) diagonal: &'a [f32],
    /// What the diagonal is damped with.
    pub(super) damping: Damping,
    /// The order in which the columns lie.
    pub(super) order: &'a Order<'a>,
}

impl Layer<'_> {
    /// Goes over all columns so many times; leaves the losses of the channels. `report` is told how
    /// many columns are done.
    pub(super) fn polish(
        &self,
        exec: Exec<'_>,
        (panels, reciprocal): (Panels<'_>, &mut [f32]),
        (slabs, gradients): (&mut [f32], &mut [f32]),
        report: impl Fn(usize) -> Result,
    ) -> Result {
        let k = self.grouper.k;
        let exec = exec.silent();
        let slab = self.layout.rows() * TILE_COLS;
        let rows = gradient_rows(self.layout) * TILE_COLS;
        let count = slabs.len().checked_div(slab).unwrap_or(0);
        gradients.fill(0.0);
        let Panels { before, inner, after } = panels;
        for pass in 0..=self.grouper.plan.passes as usize {
            for columns in blocks(self.layout) {
                let end = columns.end;
                let before = self.pack(exec, &columns, 0..columns.start, before)?;
                let inner = self.pack(exec, &columns, columns.clone(), inner)?;
                let after = self.pack(exec, &columns, end..self.layout.columns, after)?;
                self.damp(&columns, inner, reciprocal);
                let shared =
                    Descent { layout: self.layout, columns, before, inner, after, reciprocal };
                let parts = (Blocks::new(slabs, slab), Blocks::new(gradients, rows));
                exec.tasks(count, parts, |i, (mut slab, mut gradient)| {
                    let mut slab = self.layout.split(slab.slice_mut());
                    let (gradient, _) = gradient.slice_mut().as_chunks_mut::<TILE_COLS>();
                    if pass == 0 {
                        self.errors(i, &shared.columns, &mut slab);
                        shared.spread_inside(k, slab.errors, gradient);
                    } else {
                        shared.improve(&self.grouper, &mut slab, gradient);
                    }
                    shared.spread_outside(k, slab.errors, gradient);
                })?;
                report(pass * self.layout.columns + end)?;
            }
        }
        let parts = (Blocks::new(slabs, slab), Blocks::new(gradients, rows));
        exec.tasks(count, parts, |i, (mut slab, mut gradient)| {
            let mut slab = self.layout.split(slab.slice_mut());
            slab.loss.fill([0.0; TILE_COLS]);
            let (gradient, _) = gradient.slice_mut().as_chunks::<TILE_COLS>();
            for columns in blocks(self.layout) {
                self.errors(i, &columns, &mut slab);
                let gradient = gradient.get(columns.clone()).unwrap_or_default();
                for (error, gradient) in slab.errors.iter().zip(gradient) {
                    let loss = slab.loss.as_flattened_mut().iter_mut();
                    for ((loss, e), g) in loss.zip(error).zip(gradient) {
                        *loss += e * g;
                    }
                }
            }
        })
    }

    /// Packs the rows `rows` of the Hessian; lanes are its columns `cols`.
    fn pack<'a>(
        &self,
        exec: Exec<'_>,
        rows: &Range<usize>,
        cols: Range<usize>,
        to: &'a mut [f32],
    ) -> Result<&'a mut [f32]> {
        let len = Side::packed::<TILE_ROWS>(cols.len(), rows.len());
        let to = to.get_mut(..len).unwrap_or_default();
        let Some(order) = self.order.columns() else {
            let view = self.hessian.tile(&Tile { rows: rows.clone(), cols });
            let side = Side { view, lanes_are_columns: true, negate: false };
            side.pack::<TILE_ROWS>(self.grouper.k, exec, 0..rows.len(), to)?;
            return Ok(to);
        };
        let panel = TILE_ROWS * rows.len();
        let lanes = order.get(cols).unwrap_or_default();
        exec.tasks(lanes.len().div_ceil(TILE_ROWS), Blocks::new(&mut *to, panel), |i, mut to| {
            let lanes = lanes.chunks(TILE_ROWS).nth(i).unwrap_or_default();
            let (panel, _) = to.slice_mut().as_chunks_mut::<TILE_ROWS>();
            for (row, to) in rows.clone().zip(panel) {
                *to = [0.0; TILE_ROWS];
                let Run::F32(from) = self.hessian.row(self.order.column(row)) else { return };
                for (to, lane) in to.iter_mut().zip(lanes) {
                    *to = from.get(*lane as usize).copied().unwrap_or_default();
                }
            }
        })?;
        Ok(to)
    }

    /// Damps the diagonal of the panels inside a block, and keeps its reciprocals.
    fn damp(&self, columns: &Range<usize>, inner: &mut [f32], reciprocal: &mut [f32]) {
        let depth = columns.len();
        for (i, (place, reciprocal)) in columns.clone().zip(reciprocal).enumerate() {
            let diagonal = self.diagonal.get(self.order.column(place)).copied();
            let damped = self.damping.of(diagonal.unwrap_or_default());
            *reciprocal = 1.0 / damped;
            let at = (i / TILE_ROWS * depth + i) * TILE_ROWS + i % TILE_ROWS;
            inner.iter_mut().skip(at).take(1).for_each(|x| *x = damped);
        }
    }

    /// The errors of the columns of a block.
    fn errors(&self, slab: usize, columns: &Range<usize>, memory: &mut Slab<'_>) {
        let (k, rule) = (self.grouper.k, self.grouper.rule);
        let group = memory.group(rule, columns.start / self.layout.group.max(1));
        let errors = memory.errors.get_mut(..columns.len()).unwrap_or_default();
        let side = lanes::side((self.weights, rule.format.by_column), slab);
        lanes::load_columns(k, &side, (self.order, columns.clone()), errors);
        let codes = memory.weights.get(columns.clone()).unwrap_or_default();
        for ((place, error), codes) in columns.clone().zip(errors).zip(codes) {
            if self.diagonal.get(self.order.column(place)) == Some(&0.0) {
                *error = [0.0; TILE_COLS];
            }
            let mut values = [0.0; TILE_COLS];
            group.values(k, codes, &mut values);
            error.iter_mut().zip(&values).for_each(|(w, q)| *w -= q);
        }
    }
}
