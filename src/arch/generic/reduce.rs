use crate::arch::simd::{BLOCK, Element, Simd, fold, padded, unpad};

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
        let d = s.sub(s.load(x), s.splat(center));
        acc = s.add(acc, s.mul(d, d));
    }
    folded(s, acc, tail.iter().map(|x| (x - center) * (x - center)))
}

#[inline(always)]
pub(crate) fn squared_distance<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let mut acc = s.splat(0.0);
    let (blocks, tail) = a.as_chunks::<BLOCK>();
    let (others, other_tail) = b.as_chunks::<BLOCK>();
    for (a, b) in blocks.iter().zip(others) {
        let d = s.sub(s.load(a), s.load(b));
        acc = s.add(acc, s.mul(d, d));
    }
    folded(s, acc, tail.iter().zip(other_tail).map(|(a, b)| (a - b) * (a - b)))
}

/// `acc = f(acc, x, y)` lane by lane.
#[inline(always)]
fn accumulate<S: Simd>(
    s: S,
    (x, y): (&[f32], &[f32]),
    acc: &mut [f32],
    f: impl Fn(S::F32, S::F32, S::F32) -> S::F32,
) {
    let one = |x: &[f32; BLOCK], y: &[f32; BLOCK], acc: &mut [f32; BLOCK]| {
        s.store(f(s.load(acc), s.load(x), s.load(y)), acc);
    };
    let (xs, x_tail) = x.as_chunks::<BLOCK>();
    let (ys, y_tail) = y.as_chunks::<BLOCK>();
    let (accs, acc_tail) = acc.as_chunks_mut::<BLOCK>();
    for ((x, y), acc) in xs.iter().zip(ys).zip(accs) {
        one(x, y, acc);
    }
    if !acc_tail.is_empty() {
        let mut last = padded(acc_tail, 0.0);
        one(&padded(x_tail, 0.0), &padded(y_tail, 0.0), &mut last);
        unpad(&last, acc_tail);
    }
}

#[inline(always)]
pub(crate) fn sum_columns<S: Simd>(s: S, src: &[f32], acc: &mut [f32]) {
    accumulate(s, (src, src), acc, |acc, x, _| s.add(acc, x));
}

#[inline(always)]
pub(crate) fn sum_squares_columns<S: Simd>(s: S, src: &[f32], center: &[f32], acc: &mut [f32]) {
    accumulate(s, (src, center), acc, |acc, x, center| {
        let d = s.sub(x, center);
        s.add(acc, s.mul(d, d))
    });
}
