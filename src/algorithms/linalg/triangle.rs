//! The inverse of a lower triangular matrix.
//!
//! Every element is one chain of fused multiply-adds in order of the rows above it, from the
//! identity, then multiplied by the reciprocal of the diagonal.

use crate::algorithms::linalg::gemm::multiply;
use crate::algorithms::linalg::pack::{DEPTH, Side};
use crate::algorithms::linalg::slab::Slabs;
use crate::algorithms::stage::cuts;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::{Cut, Exec, Tile};
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{Across, Blocks, MatrixViewMut};

/// Replaces the lower part of a square f32 matrix, whose diagonal has no 0, by the inverse of that
/// triangle; the upper part is not used and not written. The workspace is that of the Cholesky
/// decomposition.
pub fn invert_lower(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    mut m: MatrixViewMut<'_>,
) -> Result {
    let n = m.rows().min(m.cols());
    let Slabs { a, slabs, l } = Slabs::carve(scratch, n)?;
    for rows in cuts(0..n, DEPTH) {
        let depth = rows.len();
        let below = Tile { rows: rows.end..n, cols: rows.clone() };
        let side = Side { view: m.as_view().tile(&below), lanes_are_columns: false, negate: true };
        side.pack::<TILE_ROWS>(k, exec, 0..depth, a)?;
        let mut strip = m.tile_mut(&Tile { rows: rows.clone(), cols: 0..rows.end });
        let left = strip.as_view().tile(&Tile { rows: 0..depth, cols: 0..rows.start });
        let side = Side { view: left, lanes_are_columns: true, negate: false };
        side.pack::<TILE_COLS>(k, exec, 0..depth, slabs)?;
        keep(&mut strip, rows.start, l);
        let columns = rows.end.next_multiple_of(TILE_COLS);
        let slabs = slabs.get_mut(..columns * depth).unwrap_or_default();
        identity(slabs.get_mut(rows.start * depth..).unwrap_or_default(), depth);
        solve(k, exec, (l, slabs), (depth, rows.start), strip)?;
        for row in below.rows.clone() {
            m.floats_mut(row, rows.clone()).fill(0.0);
        }
        let rest = m.tile_mut(&Tile { rows: below.rows, cols: 0..rows.end });
        multiply(k, exec, (a, slabs), depth, isize::MAX, rest)?;
    }
    Ok(())
}

/// Copies the triangle at the diagonal, with reciprocals on it.
fn keep(strip: &mut MatrixViewMut<'_>, start: usize, l: &mut [f32]) {
    for (i, l) in l.chunks_mut(DEPTH).enumerate().take(strip.rows()) {
        let row = strip.floats_mut(i, start..start + i + 1);
        l.iter_mut().zip(&*row).for_each(|(to, from)| *to = *from);
        if let Some(l) = l.get_mut(i) {
            *l = 1.0 / *l;
        }
    }
}

/// Fills slabs with the columns of the identity.
fn identity(slabs: &mut [f32], depth: usize) {
    slabs.fill(0.0);
    for (i, slab) in slabs.chunks_mut((TILE_COLS * depth).max(1)).enumerate() {
        let (rows, _) = slab.as_chunks_mut::<TILE_COLS>();
        for (lane, row) in rows.iter_mut().skip(i * TILE_COLS).take(TILE_COLS).enumerate() {
            row.iter_mut().skip(lane).take(1).for_each(|x| *x = 1.0);
        }
    }
}

/// Solves the rows of a strip and writes what lies on and below the diagonal, which begins at the
/// column `start`.
fn solve(
    k: &Kernels,
    exec: Exec<'_>,
    (l, slabs): (&[f32], &mut [f32]),
    (depth, start): (usize, usize),
    strip: MatrixViewMut<'_>,
) -> Result {
    let columns = strip.cols().next_multiple_of(TILE_COLS);
    let cut = Cut::exact((depth, columns), depth, TILE_COLS);
    let outputs = (strip, Across(Blocks::new(slabs, depth)));
    exec.silent().tiles(cut, outputs, |tile, (mut to, Across(mut slab))| {
        let slab = slab.slice_mut();
        k.solve_lower(l, DEPTH, slab);
        for (i, row) in slab.as_chunks::<TILE_COLS>().0.iter().enumerate() {
            let end = (start + i + 1).saturating_sub(tile.cols.start).min(TILE_COLS);
            let to = to.floats_mut(i, 0..end);
            to.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        }
    })
}
