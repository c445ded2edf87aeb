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
