use crate::arch::generic::divide::{Reciprocal, is_safe};
use crate::arch::simd::{BLOCK, Simd, padded, unpad};

/// Replaces every block of `data`, the tail padded.
#[inline(always)]
fn each_block<S: Simd>(s: S, data: &mut [f32], snap: impl Fn(S::F32) -> S::F32) {
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    for x in blocks {
        s.store(snap(s.load(x)), x);
    }
    if !tail.is_empty() {
        let mut last = padded(tail, 0.0);
        s.store(snap(s.load(&last)), &mut last);
        unpad(&last, tail);
    }
}

/// The value on the grid, for `low < x <= high`; the ends outside. `part` is `x - low` divided by
/// the range.
#[inline(always)]
fn snap<S: Simd>(
    s: S,
    x: S::F32,
    part: S::F32,
    (low, high, range): (S::F32, S::F32, S::F32),
    (steps, per_step): (S::F32, Reciprocal<S>),
) -> S::F32 {
    let index = s.round(s.mul(part, steps));
    let y = s.add(s.mul(per_step.divide(s, index), range), low);
    s.select_gt(x, high, high, s.select_gt(x, low, y, low))
}

#[inline(always)]
pub(crate) fn run<S: Simd>(s: S, data: &mut [f32], low: f32, high: f32, levels: u32) {
    let steps = (levels - 1) as f32;
    let range = high - low;
    let ends = (s.splat(low), s.splat(high), s.splat(range));
    let grid = (s.splat(steps), Reciprocal::new(s, steps));
    if is_safe(range) {
        let per_range = Reciprocal::new(s, range);
        each_block(s, data, |x| snap(s, x, per_range.divide(s, s.sub(x, ends.0)), ends, grid));
    } else {
        each_block(s, data, |x| snap(s, x, s.div(s.sub(x, ends.0), ends.2), ends, grid));
    }
}

#[inline(always)]
pub(crate) fn columns<S: Simd>(s: S, data: &mut [f32], low: &[f32], high: &[f32], levels: u32) {
    let steps = (levels - 1) as f32;
    let grid = (s.splat(steps), Reciprocal::new(s, steps));
    let one = |x: &mut [f32; BLOCK], low: &[f32; BLOCK], high: &[f32; BLOCK]| {
        let (low, high) = (s.load(low), s.load(high));
        let range = s.sub(high, low);
        let value = s.load(x);
        let part = s.div(s.sub(value, low), range);
        s.store(snap(s, value, part, (low, high, range), grid), x);
    };
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    let (lows, low_tail) = low.as_chunks::<BLOCK>();
    let (highs, high_tail) = high.as_chunks::<BLOCK>();
    for ((x, low), high) in blocks.iter_mut().zip(lows).zip(highs) {
        one(x, low, high);
    }
    if !tail.is_empty() {
        let mut last = padded(tail, 0.0);
        one(&mut last, &padded(low_tail, 0.0), &padded(high_tail, 1.0));
        unpad(&last, tail);
    }
}
