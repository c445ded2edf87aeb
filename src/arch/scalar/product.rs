use crate::arch::scalar::fma;
use crate::arch::simd::{BLOCK, fold, padded};

pub(super) fn rows(a: &[f32], x: &[f32], acc: &mut [f32]) {
    let (x, _) = x.as_chunks::<BLOCK>();
    let (acc, _) = acc.as_chunks_mut::<BLOCK>();
    for (a, acc) in a.chunks_exact(x.len().max(1)).zip(acc) {
        for (a, x) in a.iter().zip(x) {
            for (acc, x) in acc.iter_mut().zip(x) {
                *acc = fma(*a, *x, *acc);
            }
        }
    }
}

pub(super) fn vector(h: &[f32], b: &[f32], zero: &[f32], scale: &[f32], acc: &mut [f32]) {
    for ((i, row), acc) in b.chunks_exact(h.len().max(1)).enumerate().zip(acc) {
        let (zero, scale) = (zero.get(i), scale.get(i));
        for (h, x) in h.iter().zip(row) {
            let x = match (zero, scale) {
                (Some(zero), Some(scale)) => (*x - zero) * scale,
                _ => *x,
            };
            *acc = fma(*h, x, *acc);
        }
    }
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; BLOCK];
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let (a, b): ([f32; BLOCK], [f32; BLOCK]) = (padded(a, 0.0), padded(b, 0.0));
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = fma(a, b, *lane);
        }
    }
    fold(lanes)
}

pub(super) fn add_scaled(factor: f32, x: &[f32], acc: &mut [f32]) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc = fma(factor, *x, *acc);
    }
}
