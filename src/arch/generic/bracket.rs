use crate::arch::bits::Bits;
use crate::arch::simd::{BLOCK, Simd, padded};

/// Elements that were counted, and the room that is left.
struct Counts<'a, S: Simd> {
    below: S::I32,
    above: S::I32,
    between: usize,
    room: core::slice::IterMut<'a, f32>,
}

#[inline(always)]
fn block<S: Bits>(s: S, x: S::F32, (low, high): (S::F32, S::F32), counts: &mut Counts<'_, S>) {
    counts.below = s.count_less(counts.below, x, low);
    counts.above = s.count_less(counts.above, high, x);
    let mut between = s.lanes_between(x, low, high);
    if between == 0 {
        return;
    }
    counts.between += between.count_ones() as usize;
    if counts.room.len() == 0 {
        return;
    }
    let mut elements = [0.0; BLOCK];
    s.store(x, &mut elements);
    while between != 0 {
        let lane = between.trailing_zeros() as usize;
        if let (Some(to), Some(x)) = (counts.room.next(), elements.get(lane)) {
            *to = *x;
        }
        between &= between - 1;
    }
}

#[inline(always)]
fn total<S: Simd>(s: S, x: S::I32) -> usize {
    let mut lanes = [0; BLOCK];
    s.store_i32(x, &mut lanes);
    lanes.iter().map(|n| *n as u32 as usize).sum()
}

#[inline(always)]
fn all<S: Bits, const MAGNITUDE: bool>(
    s: S,
    src: &[f32],
    (low, high): (f32, f32),
    room: &mut [f32],
) -> [usize; 3] {
    let limits = (s.splat(low), s.splat(high));
    let none = s.splat_i32(0);
    let mut counts = Counts { below: none, above: none, between: 0, room: room.iter_mut() };
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    for x in blocks {
        let x = if MAGNITUDE { s.abs(s.load(x)) } else { s.load(x) };
        block(s, x, limits, &mut counts);
    }
    if !tail.is_empty() {
        // A NaN is counted nowhere.
        let x = s.load(&padded(tail, f32::NAN));
        let x = if MAGNITUDE { s.abs(x) } else { x };
        block(s, x, limits, &mut counts);
    }
    [total(s, counts.below), counts.between, total(s, counts.above)]
}

#[inline(always)]
pub(crate) fn run<S: Bits>(
    s: S,
    src: &[f32],
    limits: (f32, f32),
    magnitude: bool,
    room: &mut [f32],
) -> [usize; 3] {
    if magnitude {
        all::<S, true>(s, src, limits, room)
    } else {
        all::<S, false>(s, src, limits, room)
    }
}
