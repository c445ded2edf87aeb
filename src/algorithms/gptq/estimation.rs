//! Scales of groups whose codes change the outputs least, for the mean activations of some samples.

use crate::algorithms::gptq::blocks::panel_of;
use crate::algorithms::gptq::groups::{Group, Grouper};
use crate::algorithms::gptq::lanes::Lanes;
use crate::algorithms::gptq::samples::Samples;
use crate::algorithms::linalg::pack::Side;
use crate::algorithms::weights::Batch;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use core::ops::Range;

/// Columns whose errors are multiplied at once.
const DEPTH: usize = 32;

/// A code below this counts as 0.
const NEARLY_ZERO: f32 = 1e-8;

/// What the magnitude of a code is then taken for.
const INSTEAD_OF_ZERO: f32 = 1e-3;

/// Rows of a slab that the estimation uses for so many samples.
pub(super) fn slab_rows(samples: usize, group: usize) -> usize {
    if samples == 0 {
        return 0;
    }
    let outputs = Side::packed::<TILE_ROWS>(samples, 1);
    group.div_ceil(TILE_COLS).saturating_add(DEPTH.min(group)).saturating_add(outputs)
}

/// A group whose scales are estimated.
struct Trial<'a> {
    grouper: &'a Grouper<'a>,
    samples: Samples<'a>,
    zero_point: Lanes,
    columns: &'a [Lanes],
    /// Where the columns are among those of the samples.
    members: Range<usize>,
    /// Of each column, the lanes whose first codes are 0: their weights say nothing of the scale.
    zeros: &'a mut [u32],
    /// Sums of the magnitudes of all other columns.
    total: Lanes,
    /// What some columns lose.
    errors: &'a mut [Lanes],
    /// The errors of the outputs, a row for each sample.
    outputs: &'a mut [Lanes],
    /// What columns are rounded with.
    group: Group<'a>,
    /// The same codes with scales of 1.
    unit: Group<'a>,
}

/// Calls `f` with each column, its place in the group, and what its codes stand for with scales of 1.
#[inline(always)]
fn each_target(
    k: &Kernels,
    (group, unit): (&Group<'_>, &Group<'_>),
    columns: &[Lanes],
    mut f: impl FnMut(usize, &Lanes, &Lanes),
) {
    let (mut codes, mut targets) = ([0.0; TILE_COLS], [0.0; TILE_COLS]);
    for (place, x) in columns.iter().enumerate() {
        group.round(k, x, &mut codes, &mut targets);
        unit.values(k, &codes, &mut targets);
        f(place, x, &targets);
    }
}

// The stack is small where this may run, so each part has a frame of its own.
impl Trial<'_> {
    /// Finds the zeros of the codes that some scales give.
    #[inline(never)]
    fn begin(&mut self, scale: &Lanes) {
        self.group.load(scale, &self.zero_point);
        self.unit.load(&[1.0; TILE_COLS], &self.zero_point);
        let Self { grouper, samples, members, zeros, total, .. } = self;
        let magnitude = samples.magnitude.get(members.clone()).unwrap_or_default();
        *total = [f32::EPSILON; TILE_COLS];
        let groups = (&self.group, &self.unit);
        each_target(grouper.k, groups, self.columns, |place, _, targets| {
            let (Some(zeros), Some(magnitude)) = (zeros.get_mut(place), magnitude.get(place))
            else {
                return;
            };
            *zeros = 0;
            for (lane, (total, t)) in total.iter_mut().zip(targets).enumerate() {
                if t.abs() <= NEARLY_ZERO {
                    *zeros |= 1 << lane;
                } else {
                    *total += magnitude;
                }
            }
        });
    }

    /// The magnitudes of the scales that the codes of others ask for: means of `|w / t|`, weighted with what
    /// the columns see.
    #[inline(never)]
    fn fitted(&mut self, scale: &Lanes, sums: &mut Lanes) {
        self.group.load(scale, &self.zero_point);
        *sums = [0.0; TILE_COLS];
        let Self { grouper, samples, members, zeros, total, .. } = self;
        let magnitude = samples.magnitude.get(members.clone()).unwrap_or_default();
        let groups = (&self.group, &self.unit);
        each_target(grouper.k, groups, self.columns, |place, x, targets| {
            let (Some(zeros), Some(magnitude)) = (zeros.get(place), magnitude.get(place)) else {
                return;
            };
            let lanes = sums.iter_mut().zip(x).zip(targets.iter().zip(&*total)).enumerate();
            for (lane, ((sum, x), (t, total))) in lanes {
                let t = if t.abs() <= NEARLY_ZERO { INSTEAD_OF_ZERO } else { t.abs() };
                let share = if zeros & (1 << lane) == 0 { magnitude / total } else { 0.0 };
                *sum += x.abs() / t * share;
            }
        });
    }

    /// What the outputs of the group lose with some scales: means of squared errors.
    #[inline(never)]
    fn lost(&mut self, scale: &Lanes, sums: &mut Lanes) {
        self.group.load(scale, &self.zero_point);
        let Self { grouper, samples, errors, outputs, group, .. } = self;
        let k = grouper.k;
        outputs.fill([0.0; TILE_COLS]);
        let mut squares = [0.0; TILE_COLS];
        let depth = samples.magnitude.len();
        let (mut place, mut values) = (self.members.start, [0.0; TILE_COLS]);
        for columns in self.columns.chunks(DEPTH) {
            let errors = errors.get_mut(..columns.len()).unwrap_or_default();
            for (x, to) in columns.iter().zip(&mut *errors) {
                group.round(k, x, &mut [], &mut values);
                for ((to, x), value) in to.iter_mut().zip(x).zip(&values) {
                    *to = x - value;
                }
            }
            for error in &*errors {
                squares.iter_mut().zip(error).for_each(|(sum, e)| *sum += e * e);
            }
            let end = place + columns.len();
            for (i, tile) in outputs.as_chunks_mut::<TILE_ROWS>().0.iter_mut().enumerate() {
                let panel = panel_of(samples.panels, i, depth);
                let panel = panel.get(place * TILE_ROWS..end * TILE_ROWS).unwrap_or_default();
                let stride = TILE_ROWS * TILE_COLS;
                k.multiply_tile(panel, errors.as_flattened(), &mut tile.each_mut(), stride);
            }
            place = end;
        }
        *sums = [0.0; TILE_COLS];
        for output in &**outputs {
            sums.iter_mut().zip(output).for_each(|(sum, y)| *sum += y * y);
        }
        let penalty = grouper.plan.estimation.map_or(0.0, |e| e.weight_penalty);
        let (samples, columns) = (samples.count as f32, self.columns.len() as f32);
        for (sum, squares) in sums.iter_mut().zip(squares) {
            *sum /= samples;
            // Squares of very large weights are infinite.
            if penalty > 0.0 {
                *sum += penalty * (squares / columns);
            }
        }
    }

    /// Takes the scales that the codes of others ask for where they lose no more.
    #[inline(never)]
    fn attempt(
        &mut self,
        codes_of: &Lanes,
        first: &Lanes,
        (best, least): (&mut Lanes, &mut Lanes),
    ) {
        let (mut candidate, mut lost) = ([0.0; TILE_COLS], [0.0; TILE_COLS]);
        self.fitted(codes_of, &mut candidate);
        for (scale, first) in candidate.iter_mut().zip(first) {
            *scale = scale.copysign(*first);
        }
        candidate = self.grouper.stored(&candidate);
        self.lost(&candidate, &mut lost);
        for (((best, least), scale), lost) in best.iter_mut().zip(least).zip(candidate).zip(lost) {
            // The later one of equal ones. A scale that compression would not give is none.
            if lost <= *least && scale.abs() >= f32::EPSILON {
                (*best, *least) = (scale, lost);
            }
        }
    }
}

/// The best of some candidates for the scales of a group, whose columns are `members` of the order that the
/// samples have.
#[inline(never)]
pub(super) fn estimate(
    grouper: &Grouper<'_>,
    samples: Samples<'_>,
    batch: &Batch<TILE_COLS>,
    (columns, members): (&[Lanes], Range<usize>),
    memory: &mut [Lanes],
) -> Lanes {
    let first = grouper.stored(&batch.stored);
    let Some(estimation) = grouper.plan.estimation else { return first };
    let (masks, rest) =
        memory.split_at_mut_checked(columns.len().div_ceil(TILE_COLS)).unwrap_or_default();
    let (errors, outputs) = rest.split_at_mut_checked(DEPTH.min(columns.len())).unwrap_or_default();
    let mut trial = Trial {
        grouper,
        samples,
        zero_point: batch.zero_point.map(|zero| zero as f32),
        columns,
        members,
        zeros: bytemuck::must_cast_slice_mut(masks.as_flattened_mut()),
        total: [0.0; TILE_COLS],
        errors,
        outputs,
        group: Group::new(grouper.rule, false),
        unit: Group::new(grouper.rule, false),
    };
    trial.begin(&first);
    let (mut best, mut least) = (first, [0.0; TILE_COLS]);
    trial.lost(&first, &mut least);
    for _ in 0..estimation.initial_steps {
        let before = best;
        trial.attempt(&before, &first, (&mut best, &mut least));
        if best == before {
            break;
        }
    }
    for i in 0..estimation.scale_steps {
        let factor = (1.0 - 0.05 * f64::from(i)) as f32;
        let codes_of = first.map(|scale| scale * factor);
        trial.attempt(&codes_of, &first, (&mut best, &mut least));
    }
    best
}
