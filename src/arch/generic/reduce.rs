use crate::arch::generic::rows::Rows;
use crate::arch::simd::{BLOCK, Element, Simd, fold, padded, unpad};
use crate::kernels::LevelGrid;

/// Adds the terms of the tail to the lanes of the blocks and folds them. The tail has no padding
/// here: no value is neutral once infinities are about.
#[inline(always)]
fn folded<S: Simd>(s: S, acc: S::F32, tail: impl Iterator<Item = f32>) -> f32 {
    let mut lanes = [0.0; BLOCK];
    s.store(acc, &mut lanes);
    for (lane, term) in lanes.iter_mut().zip(tail) {
        *lane += term;
    }
    fold(lanes)
}

#[inline(always)]
pub(crate) fn sum<S: Simd, E: Element>(s: S, src: &[E]) -> f32 {
    let mut acc = s.splat(0.0);
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    for x in blocks {
        acc = s.add(acc, E::load(s, x));
    }
    folded(s, acc, tail.iter().map(|x| x.to_f32()))
}

#[inline(always)]
pub(crate) fn sum_squares<S: Simd>(s: S, src: &[f32], center: f32) -> f32 {
    let mut acc = s.splat(0.0);
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    for x in blocks {
        acc = s.add(acc, square(s, s.load(x), s.splat(center)));
    }
    folded(s, acc, tail.iter().map(|x| (x - center) * (x - center)))
}

#[inline(always)]
pub(crate) fn squared_distance<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let mut acc = s.splat(0.0);
    let (blocks, tail) = a.as_chunks::<BLOCK>();
    let (others, other_tail) = b.as_chunks::<BLOCK>();
    for (a, b) in blocks.iter().zip(others) {
        acc = s.add(acc, square(s, s.load(a), s.load(b)));
    }
    folded(s, acc, tail.iter().zip(other_tail).map(|(a, b)| (a - b) * (a - b)))
}

/// The square of the distance of two blocks.
#[inline(always)]
fn square<S: Simd>(s: S, a: S::F32, b: S::F32) -> S::F32 {
    let d = s.sub(a, b);
    s.mul(d, d)
}

#[inline(always)]
fn sum_block<S: Simd>(s: S, mut rows: Rows<'_>, acc: &mut [f32; BLOCK]) {
    let mut sum = s.load(acc);
    while let Some(x) = rows.next(s) {
        sum = s.add(sum, s.load(x));
    }
    s.store(sum, acc);
    for x in rows.last() {
        acc.iter_mut().zip(x).for_each(|(acc, x)| *acc += *x);
    }
}

#[inline(always)]
pub(crate) fn sum_columns<S: Simd>(s: S, src: &[f32], stride: usize, acc: &mut [f32]) {
    for mut rows in Rows::parts(src, stride, acc.len()) {
        let (blocks, tail) = acc.as_chunks_mut::<BLOCK>();
        for acc in blocks {
            sum_block(s, rows, acc);
            rows.step();
        }
        if !tail.is_empty() {
            let mut last = padded(tail, 0.0);
            sum_block(s, rows, &mut last);
            unpad(&last, tail);
        }
    }
}

#[inline(always)]
fn sum_squares_block<S: Simd>(
    s: S,
    mut rows: Rows<'_>,
    center: &[f32; BLOCK],
    acc: &mut [f32; BLOCK],
) {
    let (mut sum, centers) = (s.load(acc), s.load(center));
    while let Some(x) = rows.next(s) {
        sum = s.add(sum, square(s, s.load(x), centers));
    }
    s.store(sum, acc);
    for x in rows.last() {
        for ((acc, x), center) in acc.iter_mut().zip(x).zip(center) {
            *acc += (x - center) * (x - center);
        }
    }
}

#[inline(always)]
pub(crate) fn sum_squares_columns<S: Simd>(
    s: S,
    src: &[f32],
    stride: usize,
    center: &[f32],
    acc: &mut [f32],
) {
    let (centers, center_tail) = center.as_chunks::<BLOCK>();
    for mut rows in Rows::parts(src, stride, acc.len()) {
        let (blocks, tail) = acc.as_chunks_mut::<BLOCK>();
        for (acc, center) in blocks.iter_mut().zip(centers) {
            sum_squares_block(s, rows, center, acc);
            rows.step();
        }
        if !tail.is_empty() {
            let mut last = padded(tail, 0.0);
            sum_squares_block(s, rows, &padded(center_tail, 0.0), &mut last);
            unpad(&last, tail);
        }
    }
}

#[inline(always)]
pub(crate) fn sum_weighted_squares<S: Simd>(
    s: S,
    src: &[f32],
    center: &[f32],
    weight: &[f32],
    acc: &mut [f32; BLOCK],
) {
    let rows = src.as_chunks::<BLOCK>().0.iter().zip(center.as_chunks::<BLOCK>().0);
    let mut sum = s.load(acc);
    for ((x, center), weight) in rows.zip(weight) {
        let distance = s.sub(s.load(x), s.load(center));
        sum = s.fma(s.mul(s.splat(*weight), distance), distance, sum);
    }
    s.store(sum, acc);
}

#[inline(always)]
pub(crate) fn sum_level_errors<S: Simd>(
    s: S,
    src: &[f32],
    weight: &[f32],
    levels: &LevelGrid,
    acc: &mut [f32; BLOCK],
) {
    let (scale, inverse) = (s.load(&levels.scale), s.load(&levels.inverse));
    let (low, high) = (s.load(&levels.low), s.load(&levels.high));
    let mut sum = s.load(acc);
    for (x, weight) in src.as_chunks::<BLOCK>().0.iter().zip(weight) {
        let x = s.load(x);
        let level = s.round(s.min(s.max(s.mul(x, inverse), low), high));
        let distance = s.fnma(level, scale, x);
        sum = s.fma(s.mul(s.splat(*weight), distance), distance, sum);
    }
    s.store(sum, acc);
}
