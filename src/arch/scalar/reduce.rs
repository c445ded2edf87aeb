use crate::arch::simd::{BLOCK, Element, fold};

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

pub(super) fn sum_columns(src: &[f32], acc: &mut [f32]) {
    for (acc, x) in acc.iter_mut().zip(src) {
        *acc += *x;
    }
}

pub(super) fn sum_squares_columns(src: &[f32], center: &[f32], acc: &mut [f32]) {
    for ((acc, x), center) in acc.iter_mut().zip(src).zip(center) {
        *acc += (x - center) * (x - center);
    }
}
