//! A block of columns, row by row.

use crate::arch::simd::BLOCK;

/// Blocks from column `at` on, of rows of `width` elements. A block may reach into the next row: what
/// is there is of no interest. So that of the last rows may reach beyond the end.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) src: &'a [f32],
    pub(crate) at: usize,
    pub(crate) width: usize,
}

impl<'a> Rows<'a> {
    /// The block of the next row, if it ends within the rows.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<&'a [f32; BLOCK]> {
        let block = self.src.get(self.at..)?.first_chunk()?;
        self.at += self.width;
        Some(block)
    }

    /// What there is of the blocks of all rows that are left.
    #[inline(always)]
    pub(crate) fn last(self) -> impl Iterator<Item = &'a [f32]> {
        let left = self.src.get(self.at..).unwrap_or_default();
        left.chunks(self.width.max(1))
    }
}

/// The rows of `width` elements that fill blocks, if a block holds some of them: its lanes are then the
/// columns over and over. And the rows that are left.
#[inline(always)]
pub(crate) fn filling(src: &[f32], width: usize) -> (&[f32], &[f32]) {
    let fits = width < BLOCK && BLOCK.is_multiple_of(width);
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
