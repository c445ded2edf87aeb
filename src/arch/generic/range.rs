use crate::arch::generic::range_16;
use crate::arch::generic::rows::{Rows, filling, join, repeated};
use crate::arch::scalar::{max, min};
use crate::arch::simd::{BLOCK, Element, Simd, look_ahead, padded, split_at_line, unpad};
use crate::arch::words::Words;
use core::num::NonZeroUsize;
use half::{bf16, f16};

/// An element with a way to find the range of a group.
pub(crate) trait Ranged: Element {
    /// Minimum and maximum; NaN if there is one.
    fn extremes<S: Words>(s: S, src: &[Self]) -> (f32, f32);
    fn abs_max<S: Words>(s: S, src: &[Self]) -> f32;
}

impl Ranged for f32 {
    #[inline(always)]
    fn extremes<S: Words>(s: S, src: &[Self]) -> (f32, f32) {
        extremes(s, src)
    }

    #[inline(always)]
    fn abs_max<S: Words>(s: S, src: &[Self]) -> f32 {
        largest_magnitude(s, src)
    }
}

macro_rules! ranged {
    ($($half:ty),+) => {$(
        impl Ranged for $half {
            #[inline(always)]
            fn extremes<S: Words>(s: S, src: &[Self]) -> (f32, f32) {
                range_16::extremes(s, src)
            }

            #[inline(always)]
            fn abs_max<S: Words>(s: S, src: &[Self]) -> f32 {
                range_16::abs_max(s, src)
            }
        }
    )+};
}

ranged!(f16, bf16);

/// Elements with which it does not pay to ask for those of the slices that follow.
const SHORT: usize = 2048;

/// Minimum, maximum, and a poison that is NaN if an input was NaN or infinite: `x * 0` is 0
/// for every finite `x`. Where a NaN stays in the minimum, no poison is needed.
#[derive(Clone, Copy)]
struct Extremes<S: Simd> {
    min: S::F32,
    max: S::F32,
    poison: S::F32,
}

impl<S: Simd> Extremes<S> {
    #[inline(always)]
    fn new(s: S) -> Self {
        let (min, max) = (s.splat(f32::INFINITY), s.splat(f32::NEG_INFINITY));
        Self { min, max, poison: s.splat(0.0) }
    }

    #[inline(always)]
    fn add(&mut self, s: S, x: S::F32) {
        self.min = s.lesser(x, self.min);
        self.max = s.greater(x, self.max);
        if !S::NAN_STAYS {
            self.poison = s.fma(x, s.splat(0.0), self.poison);
        }
    }

    #[inline(always)]
    fn merge(&mut self, s: S, other: Self) {
        self.min = s.lesser(other.min, self.min);
        self.max = s.greater(other.max, self.max);
        self.poison = s.add(self.poison, other.poison);
    }
}

#[inline(always)]
fn extremes<S: Simd>(s: S, src: &[f32]) -> (f32, f32) {
    let mut all = Extremes::new(s);
    let (head, lines) = split_at_line(s, src);
    let (blocks, tail) = lines.as_chunks::<BLOCK>();
    if S::WIDE && blocks.len() > 4 {
        // Two sets of accumulators hide the latency of min and max.
        let mut second = Extremes::new(s);
        let (pairs, last) = blocks.as_chunks::<2>();
        // Within few pages the prefetchers of the CPU do not get far.
        let short = blocks.len() < SHORT / BLOCK;
        for [a, b] in pairs {
            if short {
                look_ahead(s, a);
                look_ahead(s, b);
            }
            all.add(s, s.load(a));
            second.add(s, s.load(b));
        }
        for x in last {
            all.add(s, s.load(x));
        }
        all.merge(s, second);
    } else {
        for x in blocks {
            all.add(s, s.load(x));
        }
    }
    // Elements before and behind the blocks, with some of these: what is seen twice is no matter.
    match (src.first_chunk(), src.last_chunk()) {
        (Some(first), Some(last)) => {
            if !head.is_empty() {
                all.add(s, s.load(first));
            }
            if !tail.is_empty() {
                all.add(s, s.load(last));
            }
        }
        _ => {
            if let Some(first) = tail.first() {
                all.add(s, s.load(&padded(tail, *first)));
            }
        }
    }
    if !S::NAN_STAYS && s.any_nan(all.poison) && src.iter().any(|x| x.is_nan()) {
        return (f32::NAN, f32::NAN);
    }
    // Adding +0 turns a -0 into +0: the result does not depend on which zero came first.
    (s.reduce_min(all.min) + 0.0, s.reduce_max(all.max) + 0.0)
}

#[inline(always)]
pub(crate) fn min_max<S: Words, E: Ranged>(
    s: S,
    src: &[E],
    size: NonZeroUsize,
    mins: &mut [f32],
    maxs: &mut [f32],
) {
    for ((src, min), max) in src.chunks(size.get()).zip(mins).zip(maxs) {
        (*min, *max) = E::extremes(s, src);
    }
}

#[inline(always)]
pub(crate) fn abs_max<S: Words, E: Ranged>(s: S, src: &[E]) -> f32 {
    E::abs_max(s, src)
}

#[inline(always)]
fn largest_magnitude<S: Simd>(s: S, src: &[f32]) -> f32 {
    let (mut acc, mut second) = (s.splat_i32(0), s.splat_i32(0));
    let (head, lines) = split_at_line(s, src);
    let (blocks, tail) = lines.as_chunks::<BLOCK>();
    let (pairs, last) = blocks.as_chunks::<2>();
    for [a, b] in pairs {
        acc = s.max_abs_bits(acc, s.load(a));
        second = s.max_abs_bits(second, s.load(b));
    }
    for x in last {
        acc = s.max_abs_bits(acc, s.load(x));
    }
    for part in [head, tail] {
        if !part.is_empty() {
            acc = s.max_abs_bits(acc, s.load(&padded(part, 0.0)));
        }
    }
    let (mut lanes, mut more) = ([0; BLOCK], [0; BLOCK]);
    s.store_i32(acc, &mut lanes);
    s.store_i32(second, &mut more);
    let bits = lanes.into_iter().chain(more).fold(0, i32::max);
    f32::from_bits(bits as u32)
}

/// `value`, or NaN where `x` is NaN.
#[inline(always)]
fn keep_nan<S: Simd>(s: S, x: S::F32, value: S::F32) -> S::F32 {
    s.select_gt(s.abs(x), s.splat(-1.0), value, s.splat(f32::NAN))
}

#[inline(always)]
fn joined<S: Simd>(s: S, x: &[f32; BLOCK], (a, b): (S::F32, S::F32)) -> (S::F32, S::F32) {
    let x = s.add(s.load(x), s.splat(0.0));
    let (mut min, mut max) = (s.lesser(x, a), s.greater(x, b));
    // The sum is NaN if one of the two is; infinities of both signs make one, too.
    if !S::NAN_STAYS && s.any_nan(s.add(x, a)) {
        min = keep_nan(s, x, keep_nan(s, a, min));
        max = keep_nan(s, x, keep_nan(s, a, max));
    }
    (min, max)
}

/// NaN where `x` or `y` is, else `value`.
fn with_nan(x: f32, y: f32, value: f32) -> f32 {
    if x.is_nan() || y.is_nan() { f32::NAN } else { value }
}

#[inline(always)]
fn min_max_block<S: Simd>(
    s: S,
    mut rows: Rows<'_>,
    low: &mut [f32; BLOCK],
    high: &mut [f32; BLOCK],
) {
    let mut all = (s.load(low), s.load(high));
    while let Some(x) = rows.next(s) {
        all = joined(s, x, all);
    }
    for x in rows.last() {
        all = joined(s, &padded(x, 0.0), all);
    }
    s.store(all.0, low);
    s.store(all.1, high);
}

#[inline(always)]
pub(crate) fn min_max_columns<S: Simd>(
    s: S,
    src: &[f32],
    stride: usize,
    mins: &mut [f32],
    maxs: &mut [f32],
) {
    let (blocks, src) = filling(src, mins.len(), stride);
    if !blocks.is_empty() {
        let (mut low, mut high) = (repeated(mins), repeated(maxs));
        min_max_block(s, Rows::new(blocks, BLOCK), &mut low, &mut high);
        join(&low, mins, |x, y| with_nan(x, y, min(x, y)));
        join(&high, maxs, |x, y| with_nan(x, y, max(x, y)));
    }
    let mut rows = Rows::new(src, stride);
    let (low, low_tail) = mins.as_chunks_mut::<BLOCK>();
    let (high, high_tail) = maxs.as_chunks_mut::<BLOCK>();
    for (low, high) in low.iter_mut().zip(high) {
        min_max_block(s, rows, low, high);
        rows.step();
    }
    if !low_tail.is_empty() {
        let (mut low, mut high) = (padded(low_tail, 0.0), padded(high_tail, 0.0));
        min_max_block(s, rows, &mut low, &mut high);
        unpad(&low, low_tail);
        unpad(&high, high_tail);
    }
}

#[inline(always)]
fn abs_max_block<S: Simd>(s: S, mut rows: Rows<'_>, high: &mut [f32; BLOCK]) {
    let bits = bytemuck::must_cast_mut::<[f32; BLOCK], [i32; BLOCK]>(high);
    let mut all = s.load_i32(bits);
    while let Some(x) = rows.next(s) {
        all = s.max_abs_bits(all, s.load(x));
    }
    for x in rows.last() {
        all = s.max_abs_bits(all, s.load(&padded(x, 0.0)));
    }
    s.store_i32(all, bits);
}

#[inline(always)]
pub(crate) fn abs_max_columns<S: Simd>(s: S, src: &[f32], stride: usize, maxs: &mut [f32]) {
    let (blocks, src) = filling(src, maxs.len(), stride);
    if !blocks.is_empty() {
        let mut high = repeated(maxs);
        abs_max_block(s, Rows::new(blocks, BLOCK), &mut high);
        join(&high, maxs, |x, y| f32::from_bits(x.to_bits().max(y.to_bits())));
    }
    let mut rows = Rows::new(src, stride);
    let (high, high_tail) = maxs.as_chunks_mut::<BLOCK>();
    for high in high {
        abs_max_block(s, rows, high);
        rows.step();
    }
    if !high_tail.is_empty() {
        let mut high = padded(high_tail, 0.0);
        abs_max_block(s, rows, &mut high);
        unpad(&high, high_tail);
    }
}
