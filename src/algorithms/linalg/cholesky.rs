//! Cholesky decomposition: `H = L L^T`, `L` lower triangular.
//!
//! Every element of `L` is one chain of fused multiply-adds in order of the columns before it, from
//! the element of `H`, then multiplied by the reciprocal of the diagonal; so panels and threads are
//! free here, too.

use crate::algorithms::linalg::gemm::multiply;
use crate::algorithms::linalg::pack::{DEPTH, Side};
use crate::algorithms::linalg::slab::{Slabs, negate_into_panels, store_rows};
use crate::algorithms::stage::cuts;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::{Cut, Exec, Tile};
use crate::scratch::{Scratch, needed};
use crate::status::{Error, Result, Status};
use crate::views::{Blocks, MatrixViewMut};

/// Bytes of workspace for a matrix of `n` rows.
pub fn workspace_size(n: usize) -> Result<usize> {
    needed(|scratch| workspace(scratch, n))
}

/// Cuts, or counts, the workspace for a matrix of `n` rows.
pub(in crate::algorithms) fn workspace(scratch: &mut Scratch<'_>, n: usize) -> Result {
    Slabs::carve(scratch, n).map(|_| ())
}

/// Replaces the lower part of a square f32 matrix by its factor; the upper part is not used and not
/// written. A matrix that is not positive definite is refused with the index of the first pivot that
/// is not positive and finite; its lower part is lost.
pub fn cholesky(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    mut h: MatrixViewMut<'_>,
) -> Result {
    let n = h.rows().min(h.cols());
    let Slabs { a, slabs, l } = Slabs::carve(scratch, n)?;
    for cols in cuts(0..n, DEPTH) {
        let depth = cols.len();
        let mut strip = h.tile_mut(&Tile { rows: cols.start..n, cols: cols.clone() });
        let side = Side { view: strip.as_view(), lanes_are_columns: false, negate: false };
        side.pack::<TILE_COLS>(k, exec, 0..depth, slabs)?;
        let own = depth.next_multiple_of(TILE_COLS).saturating_mul(depth);
        let (own, below) = slabs.split_at_mut_checked(own).unwrap_or_default();
        if let Err(pivot) = diagonal(k, own, depth, l, &mut strip) {
            let rule = c"must be positive definite";
            let index = (cols.start + pivot) as u64;
            return Err(Error::element(Status::NotPositiveDefinite, c"h", rule, index, 0.0));
        }
        let rows = n - cols.end;
        let mut strip = strip.tile_mut(&Tile { rows: depth..depth + rows, cols: 0..depth });
        let below = below.get_mut(..rows.next_multiple_of(TILE_COLS) * depth).unwrap_or_default();
        solve_below(k, exec, depth, (l, below), strip.whole_mut())?;
        let a = a.get_mut(..Side::packed::<TILE_ROWS>(rows, depth)).unwrap_or_default();
        negate_into_panels(exec, below, depth, a)?;
        let rest = h.tile_mut(&Tile { rows: cols.end..n, cols: cols.end..n });
        multiply(k, exec, (a, below), depth, 0, rest)?;
    }
    Ok(())
}

/// Decomposes the `depth` rows at the diagonal, which `slabs` holds, and keeps them in `l`, too. An
/// error is the index of the pivot that was refused.
fn diagonal(
    k: &Kernels,
    slabs: &mut [f32],
    depth: usize,
    l: &mut [f32],
    to: &mut MatrixViewMut<'_>,
) -> core::result::Result<(), usize> {
    for (i, slab) in slabs.chunks_mut((TILE_COLS * depth).max(1)).enumerate() {
        let from = i * TILE_COLS;
        let width = depth.saturating_sub(from).min(TILE_COLS);
        let x = slab.get_mut(..(from + width) * TILE_COLS).unwrap_or_default();
        k.solve_lower(l, DEPTH, x.get_mut(..from * TILE_COLS).unwrap_or_default());
        let done = k.factor_lower(x, from);
        if done < width {
            return Err(from + done);
        }
        let rows = l.get_mut(from * DEPTH..).unwrap_or_default();
        store_rows(k, x, &mut MatrixViewMut::dense(rows, DEPTH));
        for (r, l) in rows.chunks_mut(DEPTH).take(width).enumerate() {
            let row = to.floats_mut(from + r, 0..from + r + 1);
            row.iter_mut().zip(&*l).for_each(|(to, from)| *to = *from);
            if let Some(l) = l.get_mut(from + r) {
                *l = 1.0 / *l;
            }
        }
    }
    Ok(())
}

/// Solves the rows below the diagonal, which `slabs` holds, and writes them.
fn solve_below(
    k: &Kernels,
    exec: Exec<'_>,
    depth: usize,
    (l, slabs): (&[f32], &mut [f32]),
    to: MatrixViewMut<'_>,
) -> Result {
    let rows = to.rows().next_multiple_of(TILE_COLS);
    let cut = Cut::exact((rows, depth), TILE_COLS, depth);
    exec.silent().tiles(cut, (Blocks::new(slabs, depth), to), |_, (mut slab, mut to)| {
        let slab = slab.slice_mut();
        k.solve_lower(l, DEPTH, slab);
        store_rows(k, slab, &mut to);
    })
}
