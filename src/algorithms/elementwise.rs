//! The walk of functions that change every element of a matrix by parameters that some share.

use crate::algorithms::WHOLE;
use crate::algorithms::quantize::alignment;
use crate::algorithms::stage::{group_runs, modified, narrowed, pieces, widen_into};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec};
use crate::params::elementwise::Sharing;
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};
use core::ops::Range;

/// The parameters of a run of elements.
pub(crate) enum Shared {
    /// All have that one.
    One(usize),
    /// Each has its own.
    Each(Range<usize>),
}

/// Calls `f` with runs of `data`, which starts at `(row, col)` of a matrix of `cols` columns.
fn runs(
    sharing: Sharing,
    (row, col): (usize, usize),
    cols: usize,
    data: &mut [f32],
    f: &impl Fn(Shared, &mut [f32]),
) {
    let (first, group) = match sharing {
        Sharing::Tensor => (0, WHOLE),
        Sharing::Row => (row, WHOLE),
        Sharing::Group(group) => (row * cols.div_ceil(group.get()), group),
        Sharing::Column => return f(Shared::Each(col..col + data.len()), data),
    };
    group_runs(col..col + data.len(), group, |run, index| {
        let part = data.get_mut(run.start - col..run.end - col).unwrap_or_default();
        for (g, part) in part.chunks_mut(group.get()).enumerate() {
            f(Shared::One(first + index + g), part);
        }
    });
}

/// Changes `src` into `dst` of the same shape with `f`; without `src`, `dst` in place. A run is at
/// most one piece long.
pub(crate) fn map(
    k: &Kernels,
    exec: Exec<'_>,
    sharing: Sharing,
    src: Option<MatrixView<'_>>,
    dst: MatrixViewMut<'_>,
    f: impl Fn(Shared, &mut [f32]) + Sync,
) -> Result {
    let (rows, cols) = (dst.rows(), dst.cols());
    exec.tiles(Cut::new(rows, cols, alignment(sharing)), dst, |tile, mut dst| {
        for (i, row) in tile.rows.clone().enumerate() {
            for piece in pieces(tile.cols.len()) {
                let col = tile.cols.start + piece.start;
                let columns = col..col + piece.len();
                let run = dst.run_mut(i, piece);
                match src {
                    Some(src) => narrowed(k, run, |y| {
                        widen_into(k, src.run(row, columns), y);
                        runs(sharing, (row, col), cols, y, &f);
                    }),
                    None => modified(k, run, |y| runs(sharing, (row, col), cols, y, &f)),
                }
            }
        }
    })
}
