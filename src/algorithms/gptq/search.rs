//! The scale of a group that loses least.

use crate::algorithms::gptq::groups::{Group, Grouper};
use crate::algorithms::gptq::lanes::Lanes;
use crate::algorithms::weights::{Batch, Rule};
use crate::kernels::{LevelGrid, TILE_COLS};

/// Columns that are rounded in one go, where that takes more than one kernel.
const COLUMNS: usize = 4;

/// Elements of them.
const WIDE: usize = COLUMNS * TILE_COLS;

/// What the scale is multiplied by, the one that stays first.
fn factors(rule: &Rule<'_>) -> impl Iterator<Item = f32> {
    const POWERS: [f32; 3] = [1.0, 0.5, 2.0];
    let is_mx = rule.format.mode.is_mx();
    let count = if is_mx { POWERS.len() } else { 51 };
    (0..count).map(move |i| {
        // 1.00 .. 0.55, then 1.05 .. 1.01.
        let hundredths = (105 - (i + 5) % 51) as f32 / 100.0;
        POWERS.get(i).copied().filter(|_| is_mx).unwrap_or(hundredths)
    })
}

/// The scales that give the least sums of `importance * (w - q)^2`, in the neighbourhood of those of
/// `batch`; the zero points stay.
pub(super) fn search(
    grouper: &Grouper<'_>,
    batch: &Batch<TILE_COLS>,
    group: (&[Lanes], &[f32]),
) -> Lanes {
    let rule = grouper.rule;
    let mode = rule.format.mode;
    let signs: &[f32] =
        if mode.is_integer() && !mode.is_asymmetric() { &[1.0, -1.0] } else { &[1.0] };
    let mut best = grouper.stored(&batch.stored);
    let mut least = [f32::INFINITY; TILE_COLS];
    for factor in factors(rule) {
        for sign in signs {
            let scale = grouper.stored(&batch.stored.map(|scale| scale * (factor * sign)));
            let errors = if mode.is_integer() {
                level_errors(grouper, batch, &scale, group)
            } else {
                errors(grouper, batch, &scale, group)
            };
            for (((best, least), scale), error) in
                best.iter_mut().zip(&mut least).zip(&scale).zip(&errors)
            {
                if error < least {
                    (*best, *least) = (*scale, *error);
                }
            }
        }
    }
    best
}

/// Errors of integers.
fn level_errors(
    grouper: &Grouper<'_>,
    batch: &Batch<TILE_COLS>,
    scale: &Lanes,
    (columns, importance): (&[Lanes], &[f32]),
) -> Lanes {
    let (min, max) = grouper.rule.format.code_type().range();
    let levels = LevelGrid {
        scale: *scale,
        inverse: scale.map(|scale| 1.0 / scale),
        low: batch.zero_point.map(|zero| (min - zero) as f32),
        high: batch.zero_point.map(|zero| (max - zero) as f32),
    };
    let mut sums = [0.0; TILE_COLS];
    grouper.k.sum_level_errors(columns.as_flattened(), importance, &levels, &mut sums);
    sums
}

/// Errors of any codes.
fn errors(
    grouper: &Grouper<'_>,
    batch: &Batch<TILE_COLS>,
    scale: &Lanes,
    (columns, importance): (&[Lanes], &[f32]),
) -> Lanes {
    let mut trial = Group::<WIDE>::new(grouper.rule, batch.bounded);
    trial.load(scale, &batch.zero_point.map(|zero| zero as f32));
    let mut sums = [0.0; TILE_COLS];
    let mut values = [0.0; WIDE];
    for (columns, importance) in columns.chunks(COLUMNS).zip(importance.chunks(COLUMNS)) {
        let x = columns.as_flattened();
        let values = values.get_mut(..x.len()).unwrap_or_default();
        trial.round(grouper.k, x, &mut [], values);
        grouper.k.sum_weighted_squares(x, values, importance, &mut sums);
    }
    sums
}
