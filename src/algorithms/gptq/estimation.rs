//! Scales of groups whose codes change the outputs least, for the mean activations of some samples.

use crate::algorithms::gptq::blocks::panel_of;
use crate::algorithms::gptq::groups::{Group, Grouper};
use crate::algorithms::gptq::lanes::Lanes;
use crate::algorithms::gptq::samples::Samples;
use crate::algorithms::weights::Batch;
use crate::kernels::{TILE_COLS, TILE_ROWS};
use core::ops::Range;

/// Columns that are rounded in one go.
const COLUMNS: usize = 4;

/// Elements of them.
const WIDE: usize = COLUMNS * TILE_COLS;

/// Columns whose errors are multiplied at once.
const DEPTH: usize = 8 * COLUMNS;

/// A code below this counts as 0.
const NEARLY_ZERO: f32 = 1e-8;

/// What the magnitude of a code is then taken for.
const INSTEAD_OF_ZERO: f32 = 1e-3;

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
    /// The errors of the outputs, a row for each sample.
    outputs: &'a mut [Lanes],
}

impl<'a> Trial<'a> {
    fn group(&self, scale: &Lanes) -> Group<'a, WIDE> {
        let mut group = Group::new(self.grouper.rule, false);
        group.load(scale, &self.zero_point);
        group
    }

    /// Calls `f` with each column, its place in the group, and what its codes stand for if scales are 1.
    fn each_target(&self, scale: &Lanes, mut f: impl FnMut(usize, &Lanes, &Lanes)) {
        let k = self.grouper.k;
        let (group, unit) = (self.group(scale), self.group(&[1.0; TILE_COLS]));
        let (mut codes, mut targets) = ([0.0; WIDE], [0.0; WIDE]);
        for (i, columns) in self.columns.chunks(COLUMNS).enumerate() {
            let x = columns.as_flattened();
            let codes = codes.get_mut(..x.len()).unwrap_or_default();
            let targets = targets.get_mut(..x.len()).unwrap_or_default();
            group.round(k, x, codes, targets);
            unit.values(k, codes, targets);
            for ((place, x), t) in (i * COLUMNS..).zip(columns).zip(targets.as_chunks().0) {
                f(place, x, t);
            }
        }
    }

    fn magnitude(&self) -> &[f32] {
        self.samples.magnitude.get(self.members.clone()).unwrap_or_default()
    }

    /// Finds the zeros.
    fn begin(&mut self, scale: &Lanes) {
        let zeros = core::mem::take(&mut self.zeros);
        let mut total = [f32::EPSILON; TILE_COLS];
        let magnitude = self.magnitude();
        self.each_target(scale, |place, _, targets| {
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
        (self.zeros, self.total) = (zeros, total);
    }

    /// The magnitudes of the scales that the codes of others ask for: means of `|w / t|`, weighted with what
    /// the columns see.
    fn fitted(&self, scale: &Lanes) -> Lanes {
        let mut sums = [0.0; TILE_COLS];
        let magnitude = self.magnitude();
        self.each_target(scale, |place, x, targets| {
            let (Some(zeros), Some(magnitude)) = (self.zeros.get(place), magnitude.get(place))
            else {
                return;
            };
            let lanes = sums.iter_mut().zip(x).zip(targets.iter().zip(&self.total)).enumerate();
            for (lane, ((sum, x), (t, total))) in lanes {
                let t = if t.abs() <= NEARLY_ZERO { INSTEAD_OF_ZERO } else { t.abs() };
                let share = if zeros & (1 << lane) == 0 { magnitude / total } else { 0.0 };
                *sum += x.abs() / t * share;
            }
        });
        sums
    }

    /// What the outputs of the group lose with some scales: means of squared errors.
    fn errors(&mut self, scale: &Lanes) -> Lanes {
        let k = self.grouper.k;
        let group = self.group(scale);
        let outputs = core::mem::take(&mut self.outputs);
        outputs.fill([0.0; TILE_COLS]);
        let mut squares = [0.0; TILE_COLS];
        let depth = self.samples.magnitude.len();
        let (mut place, mut values) = (self.members.start, [0.0; WIDE]);
        for columns in self.columns.chunks(DEPTH) {
            let mut errors = [[0.0; TILE_COLS]; DEPTH];
            let errors = errors.get_mut(..columns.len()).unwrap_or_default();
            for (x, to) in columns.chunks(COLUMNS).zip(errors.chunks_mut(COLUMNS)) {
                let x = x.as_flattened();
                let values = values.get_mut(..x.len()).unwrap_or_default();
                group.round(k, x, &mut [], values);
                for ((to, x), value) in to.as_flattened_mut().iter_mut().zip(x).zip(values) {
                    *to = x - *value;
                }
            }
            for error in &*errors {
                squares.iter_mut().zip(error).for_each(|(sum, e)| *sum += e * e);
            }
            let end = place + columns.len();
            for (i, tile) in outputs.as_chunks_mut::<TILE_ROWS>().0.iter_mut().enumerate() {
                let panel = panel_of(self.samples.panels, i, depth);
                let panel = panel.get(place * TILE_ROWS..end * TILE_ROWS).unwrap_or_default();
                let stride = TILE_ROWS * TILE_COLS;
                k.multiply_tile(panel, errors.as_flattened(), &mut tile.each_mut(), stride);
            }
            place = end;
        }
        let mut sums = [0.0; TILE_COLS];
        for output in &*outputs {
            sums.iter_mut().zip(output).for_each(|(sum, y)| *sum += y * y);
        }
        self.outputs = outputs;
        let penalty = self.grouper.plan.estimation.map_or(0.0, |e| e.weight_penalty);
        let (samples, columns) = (self.samples.count as f32, self.columns.len() as f32);
        for (sum, squares) in sums.iter_mut().zip(squares) {
            *sum = *sum / samples + penalty * (squares / columns);
        }
        sums
    }
}

/// The best of some candidates for the scales of a group, whose columns are `members` of the order that the
/// samples have.
pub(super) fn estimate(
    grouper: &Grouper<'_>,
    samples: Samples<'_>,
    batch: &Batch<TILE_COLS>,
    (columns, members): (&[Lanes], Range<usize>),
    memory: &mut [Lanes],
) -> Lanes {
    let first = grouper.stored(&batch.stored);
    let Some(estimation) = grouper.plan.estimation else { return first };
    let masks = columns.len().div_ceil(TILE_COLS);
    let (masks, outputs) = memory.split_at_mut_checked(masks).unwrap_or_default();
    let mut trial = Trial {
        grouper,
        samples,
        zero_point: batch.zero_point.map(|zero| zero as f32),
        columns,
        members,
        zeros: bytemuck::must_cast_slice_mut(masks.as_flattened_mut()),
        total: [0.0; TILE_COLS],
        outputs,
    };
    trial.begin(&first);
    let (mut best, mut least) = (first, trial.errors(&first));
    let mut attempt = |codes_of: &Lanes, best: &mut Lanes| {
        let mut candidate = trial.fitted(codes_of);
        for (scale, first) in candidate.iter_mut().zip(&first) {
            *scale = scale.copysign(*first);
        }
        let candidate = grouper.stored(&candidate);
        let errors = trial.errors(&candidate);
        for (((best, least), scale), error) in
            best.iter_mut().zip(&mut least).zip(candidate).zip(errors)
        {
            // The later one of equal ones. A scale that compression would not give is none.
            if error <= *least && scale.abs() >= f32::EPSILON {
                (*best, *least) = (scale, error);
            }
        }
    };
    for _ in 0..estimation.initial_steps {
        let before = best;
        attempt(&before, &mut best);
        if best == before {
            break;
        }
    }
    for i in 0..estimation.scale_steps {
        let factor = (1.0 - 0.05 * f64::from(i)) as f32;
        attempt(&first.map(|scale| scale * factor), &mut best);
    }
    best
}
