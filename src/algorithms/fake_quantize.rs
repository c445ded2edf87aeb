//! Quantize and dequantize in one: every value moves to the nearest of a few levels.

use crate::algorithms::WHOLE;
use crate::algorithms::quantize::alignment;
use crate::algorithms::stage::{group_runs, modified, narrowed, pieces, widen_into};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec};
use crate::params::elementwise::Sharing;
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// Ranges of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct Ranges<'a> {
    /// Which elements share a range.
    pub sharing: Sharing,
    /// Lower ends, as many as `sharing` asks for.
    pub low: &'a [f32],
    /// Upper ends, as many.
    pub high: &'a [f32],
    /// Number of levels, 2..=65536.
    pub levels: u32,
}

impl Ranges<'_> {
    /// Snaps a run of elements that starts at `(row, col)` of a matrix of `cols` columns.
    fn snap(&self, k: &Kernels, (row, col): (usize, usize), cols: usize, data: &mut [f32]) {
        let (first, group) = match self.sharing {
            Sharing::Tensor => (0, WHOLE),
            Sharing::Row => (row, WHOLE),
            Sharing::Group(group) => (row * cols.div_ceil(group.get()), group),
            Sharing::Column => {
                let columns = col..col + data.len();
                let low = self.low.get(columns.clone()).unwrap_or_default();
                let high = self.high.get(columns).unwrap_or_default();
                k.fake_quantize_columns(data, low, high, self.levels);
                return;
            }
        };
        let ends = |index: usize| Some((*self.low.get(index)?, *self.high.get(index)?));
        group_runs(col..col + data.len(), group, |run, index| {
            let part = data.get_mut(run.start - col..run.end - col).unwrap_or_default();
            let groups = part.chunks_mut(group.get());
            for (g, part) in groups.enumerate() {
                if let Some((low, high)) = ends(first + index + g) {
                    k.fake_quantize(part, low, high, self.levels);
                }
            }
        });
    }
}

/// Fake-quantizes `src` into `dst` of the same shape; without `src`, `dst` in place.
pub fn fake_quantize(
    k: &Kernels,
    exec: Exec<'_>,
    ranges: &Ranges<'_>,
    src: Option<MatrixView<'_>>,
    dst: MatrixViewMut<'_>,
) -> Result {
    let (rows, cols) = (dst.rows(), dst.cols());
    exec.tiles(Cut::new(rows, cols, alignment(ranges.sharing)), dst, |tile, mut dst| {
        for (i, row) in tile.rows.clone().enumerate() {
            for piece in pieces(tile.cols.len()) {
                let col = tile.cols.start + piece.start;
                let columns = col..col + piece.len();
                let run = dst.run_mut(i, piece);
                match src {
                    Some(src) => narrowed(k, run, |y| {
                        widen_into(k, src.run(row, columns), y);
                        ranges.snap(k, (row, col), cols, y);
                    }),
                    None => modified(k, run, |y| ranges.snap(k, (row, col), cols, y)),
                }
            }
        }
    })
}
