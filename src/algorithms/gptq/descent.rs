//! A block of columns of a slab in a pass of coordinate descent.

use crate::algorithms::gptq::blocks::{Layout, Slab, add, add_product, panel_of};
use crate::algorithms::gptq::groups::{Group, Grouper};
use crate::algorithms::gptq::lanes::Lanes;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use core::ops::Range;

/// What all slabs share while a block is gone over.
pub(super) struct Descent<'a> {
    pub(super) layout: Layout,
    pub(super) columns: Range<usize>,
    /// Panels of the damped Hessian: its rows are the columns of the block, lanes are the columns
    /// before, inside and after the block.
    pub(super) before: &'a [f32],
    pub(super) inner: &'a [f32],
    pub(super) after: &'a [f32],
    /// `1 / H[j][j]`.
    pub(super) reciprocal: &'a [f32],
}

impl Descent<'_> {
    /// Lets the gradients of the block follow changes of all its errors.
    pub(super) fn spread_inside(&self, k: &Kernels, changes: &[Lanes], gradient: &mut [Lanes]) {
        let inside = gradient.get_mut(self.columns.start..).unwrap_or_default();
        self.product(k, changes, inside);
    }

    /// Adds the product of the block of the Hessian and `x`.
    fn product(&self, k: &Kernels, x: &[Lanes], to: &mut [Lanes]) {
        let depth = self.columns.len();
        add_product(k, self.inner, x.get(..depth).unwrap_or_default(), to, depth);
    }

    /// Lets the gradients of all other columns follow.
    pub(super) fn spread_outside(&self, k: &Kernels, changes: &[Lanes], gradient: &mut [Lanes]) {
        let Range { start, end } = self.columns;
        let changes = changes.get(..end - start).unwrap_or_default();
        add_product(k, self.before, changes, gradient, start);
        let after = gradient.get_mut(end..).unwrap_or_default();
        add_product(k, self.after, changes, after, self.layout.columns - end);
    }

    /// Improves scales and codes; leaves what became of the errors in `slab.errors`.
    pub(super) fn improve(
        &self,
        grouper: &Grouper<'_>,
        slab: &mut Slab<'_>,
        gradient: &mut [Lanes],
    ) {
        let k = grouper.k;
        let at = self.columns.start / self.layout.group.max(1);
        let mut group = slab.group(grouper.rule, at);
        let codes = slab.weights.get(self.columns.clone()).unwrap_or_default();
        for (codes, values) in codes.iter().zip(slab.errors.iter_mut()) {
            group.values(k, codes, values);
        }
        let is_whole = self.columns.len() == self.layout.group;
        if is_whole && !grouper.rule.format.mode.is_mx() {
            group = self.fit(grouper, (slab, at), group, gradient);
        }
        self.descend(k, &group, slab, gradient);
    }

    /// Fits the scale of the group to its codes.
    fn fit<'a>(
        &self,
        grouper: &Grouper<'a>,
        (slab, at): (&mut Slab<'_>, usize),
        group: Group<'a>,
        gradient: &mut [Lanes],
    ) -> Group<'a> {
        let k = grouper.k;
        let depth = self.columns.len();
        slab.steps.fill([0.0; TILE_COLS]);
        self.product(k, slab.errors, slab.steps);
        let (mut slope, mut curvature) = ([0.0; TILE_COLS], [0.0; TILE_COLS]);
        let inside = gradient.get_mut(self.columns.start..).unwrap_or_default();
        for ((q, g), product) in slab.errors.iter().zip(&*inside).zip(&*slab.steps).take(depth) {
            sum_products(q, g, &mut slope);
            sum_products(q, product, &mut curvature);
        }
        let Some(scale) = slab.scale.get_mut(at) else { return group };
        let mut wished = *scale;
        for ((wished, slope), curvature) in wished.iter_mut().zip(&slope).zip(&curvature) {
            *wished *= 1.0 + slope / curvature;
        }
        let stored = grouper.stored(&wished);
        for (i, scale) in scale.iter_mut().enumerate() {
            let of = |lanes: &Lanes| lanes.get(i).copied().unwrap_or_default();
            let change = of(&stored) / *scale - 1.0;
            // What rounding the scale leaves must still be a gain.
            if change * (change * of(&curvature) - 2.0 * of(&slope)) < 0.0 {
                *scale = of(&stored);
            }
        }
        let fitted = slab.group(grouper.rule, at);
        let codes = slab.weights.get(self.columns.clone()).unwrap_or_default();
        for ((codes, old), step) in codes.iter().zip(&*slab.errors).zip(slab.steps.iter_mut()) {
            fitted.values(k, codes, step);
            step.iter_mut().zip(old).for_each(|(step, old)| *step = old - *step);
        }
        self.product(k, slab.steps, inside);
        fitted
    }

    /// Rounds each column to the best code, all others given.
    fn descend(&self, k: &Kernels, group: &Group<'_>, slab: &mut Slab<'_>, gradient: &mut [Lanes]) {
        let depth = self.columns.len();
        let Slab { weights, errors, steps, .. } = slab;
        let codes = weights.get_mut(self.columns.clone()).unwrap_or_default();
        let inside = gradient.get_mut(self.columns.start..).unwrap_or_default();
        let columns = codes.iter_mut().zip(errors.iter_mut()).zip(self.reciprocal);
        for (i, ((codes, change), reciprocal)) in columns.enumerate() {
            let panel = panel_of(self.inner, i / TILE_ROWS, depth);
            if i % TILE_ROWS == 0 {
                add(k, (panel, steps), 0..i, inside.get_mut(i..));
            }
            let Some(gradient) = inside.get(i) else { return };
            let (mut values, mut best) = ([0.0; TILE_COLS], [0.0; TILE_COLS]);
            group.values(k, codes, &mut values);
            for ((best, q), g) in best.iter_mut().zip(&values).zip(gradient) {
                *best = q + g * reciprocal;
            }
            let mut rounded = [0.0; TILE_COLS];
            group.round(k, &best, codes, &mut rounded);
            let Some(step) = steps.get_mut(i) else { return };
            for ((step, old), new) in step.iter_mut().zip(&values).zip(&rounded) {
                *step = old - new;
            }
            change.iter_mut().zip(&rounded).for_each(|(change, new)| *change -= new);
            add(k, (panel, steps), i..i + 1, inside.get_mut(i - i % TILE_ROWS..));
        }
        for (panel, first) in (0..depth).step_by(TILE_ROWS).enumerate() {
            let rest = depth.min(first + TILE_ROWS)..depth;
            let panel = panel_of(self.inner, panel, depth);
            add(k, (panel, steps), rest, inside.get_mut(first..));
        }
    }
}

/// `sums[i] += a[i] * b[i]`.
fn sum_products(a: &Lanes, b: &Lanes, sums: &mut Lanes) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}
