//! A block of columns, row by row.

use crate::arch::simd::{BLOCK, Simd, bring};

/// Blocks of the same columns, of rows that begin `stride` elements after each other. A block may reach
/// beyond its row: what is there is of no interest. So that of the last rows may reach beyond the end.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    src: &'a [f32],
    at: usize,
    stride: usize,
    /// From a row to that of the next call.
    ahead: usize,
}

impl<'a> Rows<'a> {
    /// The first block of each row.
    #[inline(always)]
    pub(crate) fn new(src: &'a [f32], stride: usize) -> Self {
        let stride = stride.max(1);
        Self { src, at: 0, stride, ahead: src.len().next_multiple_of(stride) }
    }

    /// The rows a part after the other, each of which is done for all blocks of columns: one by one where
    /// blocks fill them and are few, so that memory is read in its order. For loops that compute little.
    #[inline(always)]
    pub(crate) fn parts(src: &'a [f32], stride: usize, width: usize) -> impl Iterator<Item = Self> {
        const FEW: usize = 8 * BLOCK;
        let all = Self::new(src, stride);
        let one_by_one = width <= FEW && width.is_multiple_of(BLOCK);
        let part = if one_by_one { all.stride } else { src.len().max(1) };
        src.chunks(part).map(move |src| Self { src, ..all })
    }

    /// The next block of each row.
    #[inline(always)]
    pub(crate) fn step(&mut self) {
        self.at += BLOCK;
    }

    /// The block of the next row, if it ends within the rows. Has the same one of the next call brought
    /// near.
    #[inline(always)]
    pub(crate) fn next<S: Simd>(&mut self, s: S) -> Option<&'a [f32; BLOCK]> {
        let block: &[f32; BLOCK] = self.src.get(self.at..)?.first_chunk()?;
        self.at += self.stride;
        let soon = block.as_ptr().wrapping_add(self.ahead);
        bring(s, soon.cast(), size_of::<[f32; BLOCK]>());
        Some(block)
    }

    /// What there is of the blocks of all rows that are left.
    #[inline(always)]
    pub(crate) fn last(self) -> impl Iterator<Item = &'a [f32]> {
        let left = self.src.get(self.at..).unwrap_or_default();
        left.chunks(self.stride)
    }
}

/// The rows of `width` elements that fill blocks, if a block holds some of them: its lanes are then the
/// columns over and over. And the rows that are left.
#[inline(always)]
pub(crate) fn filling(src: &[f32], width: usize, stride: usize) -> (&[f32], &[f32]) {
    let fits = width < BLOCK && BLOCK.is_multiple_of(width) && stride == width;
    let filled = if fits { src.len() - src.len() % BLOCK } else { 0 };
    src.split_at_checked(filled).unwrap_or((&[], src))
}

/// The columns over and over. Once per call: no copy for each tier.
#[inline(never)]
pub(crate) fn repeated(columns: &[f32]) -> [f32; BLOCK] {
    let mut lanes = [0.0; BLOCK];
    lanes.iter_mut().zip(columns.iter().cycle()).for_each(|(lane, x)| *lane = *x);
    lanes
}

/// Joins the lanes of each column to it. As above.
#[inline(never)]
pub(crate) fn join(lanes: &[f32; BLOCK], columns: &mut [f32], join: fn(f32, f32) -> f32) {
    for lanes in lanes.chunks(columns.len().max(1)) {
        columns.iter_mut().zip(lanes).for_each(|(column, lane)| *column = join(*column, *lane));
    }
}
