use crate::arch::bits::Bits;
use crate::arch::counters::{WAITING, Waiting};
use crate::arch::scalar::histogram::{bin, count};
use crate::arch::simd::{BLOCK, Simd, look_ahead, padded};
use crate::kernels::{Bins, Counters, GridBins};

/// Finds the bins of a block.
trait Finder<S: Bits>: Copy {
    /// What a block is filled up with.
    fn pad(self) -> f32;
    /// The bins, and one bit per lane, whether its bin is that of `exactly` instead.
    fn find(self, s: S, x: &[f32; BLOCK]) -> (S::I32, u32);
    fn exactly(self, x: f32) -> usize;
}

/// Finds the bins of a block, which wait at place `at`.
#[inline(always)]
fn find<S: Bits>(
    s: S,
    x: &[f32; BLOCK],
    finder: impl Finder<S>,
    waiting: &mut Waiting<'_>,
    at: usize,
) {
    let (bins, mut rest) = finder.find(s, x);
    waiting.put(s, at, bins);
    while rest != 0 {
        let lane = rest.trailing_zeros() as usize;
        if let Some(x) = x.get(lane) {
            waiting.correct(at, lane, finder.exactly(*x));
        }
        rest &= rest - 1;
    }
}

#[inline(always)]
fn all<S: Bits>(s: S, src: &[f32], finder: impl Finder<S>, counts: &mut [Counters]) {
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    let (first, later) = blocks.split_at_checked(WAITING).unwrap_or((blocks, &[]));
    let Some(mut waiting) = Waiting::new(counts) else { return };
    for (at, x) in first.iter().enumerate() {
        find(s, x, finder, &mut waiting, at);
    }
    for batch in later.chunks(WAITING) {
        for (at, x) in batch.iter().enumerate() {
            look_ahead(s, x);
            waiting.count(at);
            find(s, x, finder, &mut waiting, at);
        }
    }
    for at in 0..first.len() {
        waiting.count(at);
    }
    if !tail.is_empty() {
        find(s, &padded(tail, finder.pad()), finder, &mut waiting, 0);
        waiting.count_first(tail.len());
    }
}

/// Bins of about one width. The position of an element in units of bins tells its bin, unless it is
/// next to an integer: there the edges, which are rounded to f32, decide.
struct Nearly<'a, S: Simd> {
    bins: &'a Bins<'a>,
    first: f32,
    low: S::F32,
    inverse: S::F32,
    slack: (S::F32, S::F32),
}

impl<S: Simd> Clone for Nearly<'_, S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Simd> Copy for Nearly<'_, S> {}

impl<S: Bits> Finder<S> for Nearly<'_, S> {
    #[inline(always)]
    fn pad(self) -> f32 {
        self.first
    }

    #[inline(always)]
    fn find(self, s: S, x: &[f32; BLOCK]) -> (S::I32, u32) {
        let position = s.mul(s.sub(s.load(x), self.low), self.inverse);
        let offset = s.sub(position, s.round(position));
        let mut near = s.lanes_between(offset, self.slack.0, self.slack.1);
        if near != 0 {
            // What lies on the first edge is in the first bin, whatever its neighbour: zeros after ReLU.
            near &= s.lanes_between(position, s.splat(f32::MIN_POSITIVE), s.splat(f32::INFINITY));
        }
        (s.round_i32(s.sub(position, s.splat(0.5))), near)
    }

    /// The bin of a number that lies next to an edge.
    #[inline(always)]
    fn exactly(self, x: f32) -> usize {
        let edge = ((x - self.first) * self.bins.inverse + 0.5) as usize;
        let below = self.bins.edges.get(edge).is_none_or(|edge| x < *edge);
        edge.saturating_sub(below.into())
    }
}

#[inline(always)]
pub(crate) fn run<S: Bits>(s: S, src: &[f32], bins: &Bins<'_>, counts: &mut [Counters]) {
    if bins.inverse == 0.0 {
        for (i, x) in src.iter().enumerate() {
            count(counts, bin(*x, bins), i);
        }
        return;
    }
    let first = bins.edges.first().copied().unwrap_or(0.0);
    let slack = (s.splat(-bins.slack), s.splat(bins.slack));
    let (low, inverse) = (s.splat(first), s.splat(bins.inverse));
    all(s, src, Nearly { bins, first, low, inverse, slack }, counts);
}

/// Bins on a grid: the integer below the position, which is exact. What underflows to 0 from below
/// belongs to the cell below, so the element itself is compared.
#[derive(Clone, Copy)]
struct Grid<'a>(&'a GridBins);

impl<S: Bits> Finder<S> for Grid<'_> {
    #[inline(always)]
    fn pad(self) -> f32 {
        0.0
    }

    #[inline(always)]
    fn find(self, s: S, x: &[f32; BLOCK]) -> (S::I32, u32) {
        let Self(bins) = self;
        let x = s.load(x);
        let nearest = s.round(s.mul(x, s.splat(bins.inverse)));
        let start = s.mul(nearest, s.splat(bins.width));
        let cell = s.select_gt(start, x, s.sub(nearest, s.splat(1.0)), nearest);
        (s.sub_i32(s.round_i32(cell), s.splat_i32(bins.first)), 0)
    }

    #[inline(always)]
    fn exactly(self, _: f32) -> usize {
        0
    }
}

#[inline(always)]
pub(crate) fn grid<S: Bits>(s: S, src: &[f32], bins: &GridBins, counts: &mut [Counters]) {
    all(s, src, Grid(bins), counts);
}
