use crate::arch::scalar::{fma, round};
use crate::arch::simd::{BLOCK, Element, fold};
use crate::kernels::LevelGrid;

/// Sum of the terms in the fixed 32-lane order.
#[inline(always)]
fn sum_of(terms: impl Iterator<Item = f32>) -> f32 {
    let mut lane = [0.0_f32; BLOCK];
    for (i, term) in terms.enumerate() {
        if let Some(partial) = lane.get_mut(i % BLOCK) {
            *partial += term;
        }
    }
    fold(lane)
}

pub(super) fn sum<E: Element>(src: &[E]) -> f32 {
    sum_of(src.iter().map(|x| x.to_f32()))
}

pub(super) fn sum_squares(src: &[f32], center: f32) -> f32 {
    sum_of(src.iter().map(|x| (x - center) * (x - center)))
}

pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    sum_of(a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)))
}

pub(super) fn sum_columns(src: &[f32], stride: usize, acc: &mut [f32]) {
    for row in src.chunks(stride.max(1)) {
        for (acc, x) in acc.iter_mut().zip(row) {
            *acc += *x;
        }
    }
}

pub(super) fn sum_squares_columns(src: &[f32], stride: usize, center: &[f32], acc: &mut [f32]) {
    for row in src.chunks(stride.max(1)) {
        for ((acc, x), center) in acc.iter_mut().zip(row).zip(center) {
            *acc += (x - center) * (x - center);
        }
    }
}

pub(super) fn sum_weighted_squares(
    src: &[f32],
    center: &[f32],
    weight: &[f32],
    acc: &mut [f32; BLOCK],
) {
    let rows = src.as_chunks::<BLOCK>().0.iter().zip(center.as_chunks::<BLOCK>().0);
    for ((x, center), weight) in rows.zip(weight) {
        for ((acc, x), center) in acc.iter_mut().zip(x).zip(center) {
            let distance = x - center;
            *acc = fma(weight * distance, distance, *acc);
        }
    }
}

pub(super) fn sum_level_errors(
    src: &[f32],
    weight: &[f32],
    levels: &LevelGrid,
    acc: &mut [f32; BLOCK],
) {
    for (x, weight) in src.as_chunks::<BLOCK>().0.iter().zip(weight) {
        let ends = levels.low.iter().zip(&levels.high);
        let grid = levels.scale.iter().zip(&levels.inverse).zip(ends);
        for ((acc, x), ((scale, inverse), (low, high))) in acc.iter_mut().zip(x).zip(grid) {
            let level = x * inverse;
            let level = if level > *low { level } else { *low };
            let level = round(if level < *high { level } else { *high });
            let distance = fma(-level, *scale, *x);
            *acc = fma(weight * distance, distance, *acc);
        }
    }
}
