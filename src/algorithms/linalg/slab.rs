//! Slabs: panels of 32 lanes that are solved in place. What is solved is at the same time the right
//! operand of the product that comes next.

use crate::algorithms::linalg::pack::{DEPTH, Side};
use crate::algorithms::linalg::part;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::Exec;
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{Blocks, MatrixViewMut};

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

/// Columns that are written at a time.
const PIECE: usize = 64;

/// Writes the lanes of a slab as rows, as many as there are.
pub(super) fn store_rows(k: &Kernels, slab: &[f32], to: &mut MatrixViewMut<'_>) {
    let mut rows = [[0.0; PIECE]; TILE_COLS];
    for (i, columns) in slab.as_chunks::<TILE_COLS>().0.chunks(PIECE).enumerate() {
        let (fours, rest) = columns.as_chunks::<4>();
        for (i, four) in fours.iter().enumerate() {
            let four = four.each_ref().map(|column| column.as_slice());
            let all = rows.as_flattened_mut();
            k.interleave_rows(&four, false, PIECE, all.get_mut(4 * i..).unwrap_or_default());
        }
        for (i, column) in rest.iter().enumerate() {
            for (row, x) in rows.iter_mut().zip(column) {
                row.iter_mut().skip(4 * fours.len() + i).take(1).for_each(|to| *to = *x);
            }
        }
        for (j, row) in rows.iter().enumerate() {
            let to = to.floats_mut(j, i * PIECE..i * PIECE + columns.len());
            to.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        }
    }
}

/// Packs the negative lanes of slabs of `depth` rows as panels of a left operand.
pub(super) fn negate_into_panels(
    exec: Exec<'_>,
    slabs: &[f32],
    depth: usize,
    panels: &mut [f32],
) -> Result {
    let panel = depth.saturating_mul(TILE_ROWS);
    let count = panels.len().checked_div(panel).unwrap_or(0);
    let lanes = slabs.len().checked_div(depth).unwrap_or(0);
    exec.silent().tasks(count, Blocks::new(panels, panel), |i, mut to| {
        let (to, _) = to.slice_mut().as_chunks_mut::<TILE_ROWS>();
        // Four lanes always lie in one slab. Where there are no more of them, the last ones stand for others, which
        // are not used.
        let from = [0, 4, 8].map(|four| {
            let lane = (i * TILE_ROWS + four).min(lanes.saturating_sub(4));
            let slab = part(slabs, lane / TILE_COLS * TILE_COLS * depth..slabs.len());
            (slab.as_chunks::<4>().0.get(lane % TILE_COLS / 4..).unwrap_or_default())
                .chunks(TILE_COLS / 4)
        });
        let [a, b, c] = from;
        for (((a, b), c), to) in a.zip(b).zip(c).zip(to) {
            let to = to.as_chunks_mut::<4>().0.iter_mut();
            for (to, from) in to.zip([a, b, c].into_iter().filter_map(<[_]>::first)) {
                *to = from.map(|x| -x);
            }
        }
    })
}
