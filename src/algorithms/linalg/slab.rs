//! Slabs: panels of 32 lanes that are solved in place. What is solved is at the same time the right
//! operand of the product that comes next.

use crate::algorithms::linalg::pack::{DEPTH, Side, transposed};
use crate::kernels::{TILE_COLS, TILE_ROWS};
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::MatrixViewMut;

/// The workspace of a triangular algorithm on a matrix of `n` rows.
pub(super) struct Slabs<'a> {
    /// Panels of the left operand.
    pub(super) a: &'a mut [f32],
    /// Slabs of all rows or columns.
    pub(super) slabs: &'a mut [f32],
    /// The triangle at the diagonal, rows of `DEPTH`, reciprocals on its diagonal.
    pub(super) l: &'a mut [f32],
}

impl<'a> Slabs<'a> {
    pub(super) fn carve(scratch: &mut Scratch<'a>, n: usize) -> Result<Self> {
        let depth = n.min(DEPTH);
        Ok(Self {
            a: scratch.array(Side::packed::<TILE_ROWS>(n, depth))?,
            slabs: scratch.array(Side::packed::<TILE_COLS>(n, depth))?,
            l: scratch.array(depth.saturating_mul(DEPTH))?,
        })
    }
}

/// Writes the lanes of a slab as rows, as many as there are.
pub(super) fn store_rows(slab: &[f32], to: &mut MatrixViewMut<'_>) {
    let (columns, _) = slab.as_chunks::<TILE_COLS>();
    let (fours, rest) = columns.as_chunks::<4>();
    let rows = to.rows();
    for quad in 0..rows / 4 {
        for (i, four) in fours.iter().enumerate() {
            let part = four
                .each_ref()
                .map(|column| column.as_chunks::<4>().0.get(quad).copied().unwrap_or_default());
            if let Some(to) = to.block_mut::<4, 4>(4 * quad, 4 * i) {
                for (to, from) in to.into_iter().zip(transposed(part)) {
                    *to = from;
                }
            }
        }
    }
    let (done, last) = (4 * fours.len(), rows - rows % 4);
    for row in 0..rows {
        let first = if row < last { done } else { 0 };
        let columns = if row < last { rest } else { columns };
        let to = to.floats_mut(row, first..first + columns.len());
        for (to, column) in to.iter_mut().zip(columns) {
            *to = column.get(row).copied().unwrap_or_default();
        }
    }
}
