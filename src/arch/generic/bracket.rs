use crate::arch::bits::Bits;
use crate::arch::simd::{BLOCK, Element, Simd, bring, padded, split_at_line, unpad};

/// Elements that were counted, and the room for those between.
struct Counts<'a, S: Simd> {
    below: S::I32,
    between: usize,
    room: &'a mut [f32],
}

/// Counts the lanes that `of` has ones for. A lane without must not be below.
#[inline(always)]
fn block<S: Bits>(s: S, x: S::F32, of: u32, limits: (S::F32, S::F32), counts: &mut Counts<'_, S>) {
    let (below, between) = s.bracket(counts.below, x, limits.0, limits.1);
    counts.below = below;
    let between = between & of;
    let room = counts.room.get_mut(counts.between..).unwrap_or_default();
    // Without a branch for blocks that have nothing between: few have.
    counts.between += match room.first_chunk_mut() {
        Some(to) => s.compress(x, between, to),
        None => last(s, x, between, room),
    };
}

/// The same where there may be less room than lanes.
#[inline(always)]
fn last<S: Bits>(s: S, x: S::F32, between: u32, room: &mut [f32]) -> usize {
    if !room.is_empty() {
        let mut elements = [0.0; BLOCK];
        s.compress(x, between, &mut elements);
        unpad(&elements, room);
    }
    between.count_ones() as usize
}

/// Counts fewer elements than a block has.
#[inline(always)]
fn part<S: Bits, T: Element, const MAGNITUDE: bool>(
    s: S,
    src: &[T],
    limits: (S::F32, S::F32),
    counts: &mut Counts<'_, S>,
) {
    if src.is_empty() {
        return;
    }
    let mut elements = [f32::INFINITY; BLOCK];
    for (to, x) in elements.iter_mut().zip(src) {
        *to = x.to_f32();
    }
    let x = if MAGNITUDE { s.abs(s.load(&elements)) } else { s.load(&elements) };
    block(s, x, (1 << src.len()) - 1, limits, counts);
}

#[inline(always)]
fn total<S: Simd>(s: S, x: S::I32) -> usize {
    let mut lanes = [0; BLOCK];
    s.store_i32(x, &mut lanes);
    lanes.iter().map(|n| *n as u32 as usize).sum()
}

#[inline(always)]
fn all<S: Bits, T: Element, const MAGNITUDE: bool>(
    s: S,
    src: &[T],
    soon: &[T],
    (low, high): (f32, f32),
    room: &mut [f32],
) -> [usize; 2] {
    let limits = (s.splat(low), s.splat(high));
    let mut counts = Counts { below: s.splat_i32(0), between: 0, room };
    let (head, src) = split_at_line(s, src);
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    part::<S, T, MAGNITUDE>(s, head, limits, &mut counts);
    let mut soon = soon.as_chunks::<BLOCK>().0.iter();
    for x in blocks {
        if let Some(soon) = soon.next() {
            bring(s, soon.as_ptr().cast(), size_of_val(soon));
        }
        let x = if MAGNITUDE { s.abs(T::load(s, x)) } else { T::load(s, x) };
        block(s, x, u32::MAX, limits, &mut counts);
    }
    part::<S, T, MAGNITUDE>(s, tail, limits, &mut counts);
    [total(s, counts.below), counts.between]
}

#[inline(always)]
pub(crate) fn run<S: Bits, T: Element>(
    s: S,
    src: &[T],
    soon: &[T],
    limits: (f32, f32),
    magnitude: bool,
    room: &mut [f32],
) -> [usize; 2] {
    if magnitude {
        all::<S, T, true>(s, src, soon, limits, room)
    } else {
        all::<S, T, false>(s, src, soon, limits, room)
    }
}

#[inline(always)]
pub(crate) fn ranks<S: Bits>(s: S, src: &[f32], ranks: &mut [i32]) {
    for (x, ranks) in src.chunks(BLOCK).zip(ranks.chunks_mut(BLOCK)) {
        let x = s.load(&padded(x, 0.0));
        let mut less = s.splat_i32(0);
        for y in src {
            less = s.count_less(less, s.splat(*y), x);
        }
        let mut lanes = [0; BLOCK];
        s.store_i32(less, &mut lanes);
        unpad(&lanes, ranks);
    }
}
