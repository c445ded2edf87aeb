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
        for (columns, first) in columns.chunks(8).zip((0..).step_by(8)) {
            let mut some = [&[] as &[f32]; 8];
            some.iter_mut().zip(columns).for_each(|(to, column)| *to = column);
            let to = rows.as_flattened_mut().get_mut(first..).unwrap_or_default();
            k.interleave_rows(part(&some, 0..columns.len()), false, PIECE, to);
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
        // Four lanes always lie in one slab. Where there are no more of them, the last ones stand for
        // others, which are not used.
        let quads = [0, 4, 8].map(|four| (i * TILE_ROWS + four).min(lanes.saturating_sub(4)));
        let [a, b, c] = quads.map(|lane| {
            let slab = part(slabs, lane / TILE_COLS * TILE_COLS * depth..slabs.len());
            slab.as_chunks::<TILE_COLS>().0
        });
        let at = quads.map(|lane| lane % TILE_COLS / 4);
        for (((a, b), c), to) in a.iter().zip(b).zip(c).zip(to) {
            let to: &mut [[f32; 4]; TILE_ROWS / 4] = bytemuck::must_cast_mut(to);
            for ((to, from), at) in to.iter_mut().zip([a, b, c]).zip(at) {
                let from: &[[f32; 4]; TILE_COLS / 4] = bytemuck::must_cast_ref(from);
                if let Some(from) = from.get(at) {
                    *to = from.map(|x| -x);
                }
            }
        }
    })
}
