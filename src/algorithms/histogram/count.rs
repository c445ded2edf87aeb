//! Counts the elements of a matrix, on the caller's threads.

use crate::algorithms::stage::{STAGE, cuts, pieces, widened};
use crate::kernels::{Bins, Counters, GridBins, Kernels};
use crate::parallel::Exec;
use crate::status::Result;
use crate::views::{Blocks, MatrixView, Run};

/// Elements of a segment: rows are cut here.
const SEGMENT: usize = 1 << 16;

/// Most parts of a matrix, each with counters of its own.
const PARTS: usize = 8;

/// Segments that are counted before the counters, which have 32 bits, are emptied.
const WAVE: usize = 1 << 15;

/// Where elements are counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// In bins of a parity histogram.
    Bins(Bins<'a>),
    /// On a grid.
    Grid(GridBins),
}

/// Parts into which a matrix is cut.
pub(super) fn parts(rows: usize, cols: usize) -> usize {
    rows.saturating_mul(cols).div_ceil(SEGMENT).min(PARTS)
}

fn count_run(k: &Kernels, run: Run<'_>, target: Target<'_>, counts: &mut [Counters]) {
    let mut count = |x: &[f32]| match target {
        Target::Bins(bins) => k.histogram(x, &bins, counts),
        Target::Grid(grid) => k.histogram_grid(x, &grid, counts),
    };
    if let Run::F32(x) = run {
        return count(x);
    }
    let mut buffer = [0.0; STAGE];
    for piece in pieces(run.len()) {
        count(widened(k, run.part(piece), &mut buffer));
    }
}

/// Writes the number of elements of each bin to `counts`. `tables` has as many counters as `counts`,
/// [`parts`] times.
pub(super) fn count(
    k: &Kernels,
    exec: Exec<'_>,
    src: MatrixView<'_>,
    target: Target<'_>,
    tables: &mut [Counters],
    counts: &mut [u64],
) -> Result {
    let num_bins = counts.len().max(1);
    let per_row = src.cols().div_ceil(SEGMENT);
    let parts = parts(src.rows(), src.cols()).max(1);
    counts.fill(0);
    for wave in cuts(0..src.rows().saturating_mul(per_row), WAVE) {
        let step = wave.len().div_ceil(parts);
        exec.tasks(parts, Blocks::new(tables, num_bins), |part, mut table| {
            let table = table.slice_mut();
            table.fill([0; 4]);
            let start = wave.end.min(wave.start.saturating_add(part * step));
            for segment in start..wave.end.min(start.saturating_add(step)) {
                let row = segment.checked_div(per_row).unwrap_or(0);
                let col = segment.checked_rem(per_row).unwrap_or(0) * SEGMENT;
                count_run(k, src.run(row, col..col.saturating_add(SEGMENT)), target, table);
            }
        })?;
        for table in tables.chunks(num_bins).take(parts) {
            for (count, [a, b, c, d]) in counts.iter_mut().zip(table) {
                *count += u64::from(*a) + u64::from(*b) + u64::from(*c) + u64::from(*d);
            }
        }
    }
    Ok(())
}
