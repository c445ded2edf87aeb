use crate::arch::bits::Bits;
use crate::arch::scalar::histogram::{bin, count};
use crate::arch::simd::{BLOCK, Simd, look_ahead, padded};
use crate::kernels::{Bins, Counters, GridBins};

/// Blocks whose bins are found before they are counted: the end of a loop over them, which the CPU does
/// not foresee, is felt with fewer.
const BATCH: usize = 32;

/// The bins of some blocks.
type Found = [[i32; BLOCK]; BATCH];

/// Counts one more in every counter of four bins, each in another one. `None` if a bin does not
/// exist.
#[inline(always)]
fn count_four(counts: &mut [Counters], [a, b, c, d]: &[i32; 4]) -> Option<()> {
    let [counter, ..] = counts.get_mut(*a as u32 as usize)?;
    *counter = counter.wrapping_add(1);
    let [_, counter, ..] = counts.get_mut(*b as u32 as usize)?;
    *counter = counter.wrapping_add(1);
    let [_, _, counter, _] = counts.get_mut(*c as u32 as usize)?;
    *counter = counter.wrapping_add(1);
    let [.., counter] = counts.get_mut(*d as u32 as usize)?;
    *counter = counter.wrapping_add(1);
    Some(())
}

/// Counts the bins of a block, of which all exist.
#[inline(always)]
fn count_block(counts: &mut [Counters], found: &[i32; BLOCK]) -> Option<()> {
    let [a, b, c, d, e, f, g, h] = found.as_chunks::<4>().0 else { return None };
    // One after the other, without a loop, whose end the CPU would not foresee.
    count_four(counts, a)?;
    count_four(counts, b)?;
    count_four(counts, c)?;
    count_four(counts, d)?;
    count_four(counts, e)?;
    count_four(counts, f)?;
    count_four(counts, g)?;
    count_four(counts, h)
}

/// Finds the bins of a block.
trait Finder<S: Bits>: Copy {
    /// What a block is filled up with.
    fn pad(self) -> f32;
    fn find(self, s: S, x: &[f32; BLOCK], found: &mut [i32; BLOCK]);
}

#[inline(always)]
fn all<S: Bits>(s: S, src: &[f32], finder: impl Finder<S>, counts: &mut [Counters]) {
    let mut found: Found = [[0; BLOCK]; BATCH];
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    for batch in blocks.chunks(BATCH) {
        for (x, found) in batch.iter().zip(&mut found) {
            look_ahead(s, x);
            finder.find(s, x, found);
        }
        for (found, _) in found.iter().zip(batch) {
            if count_block(counts, found).is_none() {
                return;
            }
        }
    }
    if !tail.is_empty() {
        let [found, ..] = &mut found;
        finder.find(s, &padded(tail, finder.pad()), found);
        for (i, bin) in found.iter().take(tail.len()).enumerate() {
            count(counts, *bin as u32 as usize, i);
        }
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

impl<S: Simd> Nearly<'_, S> {
    /// The bin of a number that lies next to an edge.
    #[inline(always)]
    fn beside(&self, x: f32) -> usize {
        let edge = ((x - self.first) * self.bins.inverse + 0.5) as usize;
        let below = self.bins.edges.get(edge).is_none_or(|edge| x < *edge);
        // No bin begins at the last edge.
        edge.saturating_sub(below.into()).min(self.bins.edges.len().saturating_sub(2))
    }
}

impl<S: Bits> Finder<S> for Nearly<'_, S> {
    #[inline(always)]
    fn pad(self) -> f32 {
        self.first
    }

    #[inline(always)]
    fn find(self, s: S, x: &[f32; BLOCK], found: &mut [i32; BLOCK]) {
        let position = s.mul(s.sub(s.load(x), self.low), self.inverse);
        let offset = s.sub(position, s.round(position));
        s.store_i32(s.round_i32(s.sub(position, s.splat(0.5))), found);
        // What lies on the first edge is in the first bin, whatever its neighbour: zeros after ReLU.
        let mut near = s.lanes_between(offset, self.slack.0, self.slack.1)
            & s.lanes_between(position, s.splat(f32::MIN_POSITIVE), s.splat(f32::INFINITY));
        while near != 0 {
            let lane = near.trailing_zeros() as usize;
            if let (Some(found), Some(x)) = (found.get_mut(lane), x.get(lane)) {
                *found = self.beside(*x) as i32;
            }
            near &= near - 1;
        }
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
    fn find(self, s: S, x: &[f32; BLOCK], found: &mut [i32; BLOCK]) {
        let Self(bins) = self;
        let x = s.load(x);
        let nearest = s.round(s.mul(x, s.splat(bins.inverse)));
        let start = s.mul(nearest, s.splat(bins.width));
        let cell = s.select_gt(start, x, s.sub(nearest, s.splat(1.0)), nearest);
        s.store_i32(s.sub_i32(s.round_i32(cell), s.splat_i32(bins.first)), found);
    }
}

#[inline(always)]
pub(crate) fn grid<S: Bits>(s: S, src: &[f32], bins: &GridBins, counts: &mut [Counters]) {
    all(s, src, Grid(bins), counts);
}
