//! Counts the elements of a matrix, on the caller's threads.

use crate::algorithms::range::{NONE, run_extremes, wider};
use crate::algorithms::stage::{cuts, widened};
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

/// Elements whose extremes are found before they are counted, while they are near.
const PIECE: usize = 4096;

/// Elements that are widened for a call of a kernel.
const WIDENED: usize = 1024;

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
    let mut buffer = [0.0; WIDENED];
    for piece in cuts(0..run.len(), WIDENED) {
        count(widened(k, run.part(piece), &mut buffer));
    }
}

/// Counts the elements of a run as long as none lies beyond `within`, and joins their extremes to
/// `found`.
fn count_within(
    k: &Kernels,
    run: Run<'_>,
    (target, within): (Target<'_>, (f32, f32)),
    found: &mut (f32, f32),
    counts: &mut [Counters],
) {
    for piece in cuts(0..run.len(), PIECE) {
        let run = run.part(piece);
        *found = wider(*found, run_extremes(k, run));
        if found.0 >= within.0 && found.1 <= within.1 {
            count_run(k, run, target, counts);
        }
    }
}

/// Writes the number of elements of each bin to `counts`. `tables` has as many counters as `counts`,
/// [`parts`] times.
///
/// `target` has bins for what lies in `within`. The outcome is the smallest and the largest element,
/// NaN where there is one: if they do not lie in it, the counts mean nothing.
pub(super) fn count(
    k: &Kernels,
    exec: Exec<'_>,
    src: MatrixView<'_>,
    (target, within): (Target<'_>, (f32, f32)),
    tables: &mut [Counters],
    counts: &mut [u64],
) -> Result<(f32, f32)> {
    let num_bins = counts.len().max(1);
    let per_row = src.cols().div_ceil(SEGMENT);
    let parts = parts(src.rows(), src.cols()).max(1);
    let mut found = [NONE; PARTS];
    counts.fill(0);
    for wave in cuts(0..src.rows().saturating_mul(per_row), WAVE) {
        let step = wave.len().div_ceil(parts);
        let outputs = (Blocks::new(tables, num_bins), Blocks::new(&mut found, 1));
        exec.tasks(parts, outputs, |part, (mut table, mut found)| {
            let (table, found) = (table.slice_mut(), found.slice_mut());
            table.fill([0; 4]);
            let start = wave.end.min(wave.start.saturating_add(part * step));
            for segment in start..wave.end.min(start.saturating_add(step)) {
                let row = segment.checked_div(per_row).unwrap_or(0);
                let col = segment.checked_rem(per_row).unwrap_or(0) * SEGMENT;
                let run = src.run(row, col..col.saturating_add(SEGMENT));
                if let [found] = found {
                    count_within(k, run, (target, within), found, table);
                }
            }
        })?;
        for table in tables.chunks(num_bins).take(parts) {
            for (count, [a, b, c, d]) in counts.iter_mut().zip(table) {
                *count += u64::from(*a) + u64::from(*b) + u64::from(*c) + u64::from(*d);
            }
        }
    }
    Ok(found.into_iter().fold(NONE, wider))
}
