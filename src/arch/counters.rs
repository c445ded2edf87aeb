//! Counts what the lanes of blocks have found, some blocks later: by then it has left for memory, and
//! what is found next is found while the CPU counts.

#![allow(unsafe_code, reason = "bins are made to exist a block at a time, not one by one")]

use crate::arch::bits::Bits;
use crate::arch::scalar::histogram::count;
use crate::arch::simd::BLOCK;
use crate::kernels::Counters;

/// Blocks that wait to be counted.
pub(crate) const WAITING: usize = 4;

/// Twice the bins of a block, in lines of memory of their own: two counters have as many bytes as an address can be
/// scaled by, four have not.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([i32; BLOCK]);

/// Counters, and the bins of blocks that wait to be counted.
pub(crate) struct Waiting<'a> {
    counts: &'a mut [Counters],
    last: i32,
    /// None is above twice `last`, the place of the last one of `counts`.
    bins: [Lanes; WAITING],
}

impl<'a> Waiting<'a> {
    /// `None` if there are no counters, or a billion.
    #[inline(always)]
    pub(crate) fn new(counts: &'a mut [Counters]) -> Option<Self> {
        let last = i32::try_from(counts.len().checked_sub(1)?)
            .ok()
            .filter(|last| *last <= i32::MAX / 2)?;
        Some(Self { counts, last, bins: [Lanes([0; BLOCK]); WAITING] })
    }

    /// Has the bins of a block wait at place `at`. What is no bin becomes the last one.
    #[inline(always)]
    pub(crate) fn put<S: Bits>(&mut self, s: S, at: usize, bins: S::I32) {
        if let Some(Lanes(to)) = self.bins.get_mut(at) {
            let bins = s.min_u32(bins, s.splat_i32(self.last));
            s.store_i32(s.add_i32(bins, bins), to);
        }
    }

    /// Changes the bin of a lane of the block at place `at`.
    #[inline(always)]
    pub(crate) fn correct(&mut self, at: usize, lane: usize, bin: usize) {
        if let Some(to) = self.bins.get_mut(at).and_then(|Lanes(bins)| bins.get_mut(lane)) {
            *to = 2 * bin.min(self.last as usize) as i32;
        }
    }

    /// Counts one more, for every lane `i` of the block at place `at`, in counter `i % 4` of its bin.
    #[inline(always)]
    pub(crate) fn count(&mut self, at: usize) {
        let Some(Lanes(bins)) = self.bins.get(at) else { return };
        let counts = self.counts.as_flattened_mut();
        let mut one = |i: usize, twice: i32| {
            // SAFETY: `twice` is one of `bins`, which `put` and `correct` keep: of twice as many twos of counters,
            // this one and the next are there, and `i` is less than 4.
            let counter = unsafe { counts.get_unchecked_mut(2 * twice as u32 as usize + i) };
            *counter = counter.wrapping_add(1);
        };
        let mut four = |[a, b, c, d]: &[i32; 4]| {
            one(0, *a);
            one(1, *b);
            one(2, *c);
            one(3, *d);
        };
        // One after the other, without a loop, whose end the CPU would not foresee.
        let [a, b, c, d, e, f, g, h]: &[[i32; 4]; BLOCK / 4] = bytemuck::must_cast_ref(bins);
        four(a);
        four(b);
        four(c);
        four(d);
        four(e);
        four(f);
        four(g);
        four(h);
    }

    /// As [`count`](Self::count), the first lanes at the first place.
    #[inline(always)]
    pub(crate) fn count_first(&mut self, lanes: usize) {
        let [Lanes(bins), ..] = &self.bins;
        for (i, twice) in bins.iter().take(lanes).enumerate() {
            count(self.counts, *twice as u32 as usize / 2, i);
        }
    }
}
