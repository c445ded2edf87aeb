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

/// Elements whose extremes are found before they are counted, while they are near.
const PIECE: usize = 4096;

/// Elements that are widened for a call of a kernel.
const WIDENED: usize = 1024;

/// What a counter counts at most before it is emptied: far less than it could, so that this is not left to
/// tensors of billions of elements.
const FULL: usize = 1 << 16;

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

/// Counters of a part of a matrix, and where their counts go before they are too many for them.
struct Tally<'a> {
    counts: &'a mut [Counters],
    sums: &'a mut [u64],
    /// How many a counter may have counted.
    most: usize,
}

impl<'a> Tally<'a> {
    fn new(counts: &'a mut [Counters], sums: &'a mut [u64]) -> Self {
        counts.fill(Counters::default());
        sums.fill(0);
        Self { counts, sums, most: 0 }
    }

    /// Adds the counts to the sums.
    fn empty(&mut self) {
        for (sum, counters) in self.sums.iter_mut().zip(&mut *self.counts) {
            *sum += counters.iter().map(|n| u64::from(*n)).sum::<u64>();
        }
        self.counts.fill(Counters::default());
        self.most = 0;
    }

    /// Room for `len` more.
    fn reserve(&mut self, len: usize) -> &mut [Counters] {
        let most = len.div_ceil(Counters::default().len());
        if self.most + most > FULL {
            self.empty();
        }
        self.most += most;
        self.counts
    }
}

/// Counts the elements of a run as long as none lies beyond `within`, and joins their extremes to
/// `found`.
fn count_within(
    k: &Kernels,
    run: Run<'_>,
    (target, within): (Target<'_>, (f32, f32)),
    found: &mut (f32, f32),
    tally: &mut Tally<'_>,
) {
    for piece in cuts(0..run.len(), PIECE) {
        let run = run.part(piece);
        *found = wider(*found, run_extremes(k, run));
        if found.0 >= within.0 && found.1 <= within.1 {
            count_run(k, run, target, tally.reserve(run.len()));
        }
    }
}

/// Where a matrix is counted.
#[derive(Debug)]
pub(super) struct Tables<'a> {
    /// As many as there are bins, for every part.
    pub(super) counts: &'a mut [Counters],
    /// As many again.
    pub(super) sums: &'a mut [u64],
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
    tables: &mut Tables<'_>,
    counts: &mut [u64],
) -> Result<(f32, f32)> {
    let num_bins = counts.len().max(1);
    let per_row = src.cols().div_ceil(SEGMENT);
    let segments = src.rows().saturating_mul(per_row);
    let parts = if exec.is_serial() { 1 } else { parts(src.rows(), src.cols()).max(1) };
    let step = segments.div_ceil(parts);
    let mut found = [NONE; PARTS];
    let outputs = (
        (Blocks::new(tables.counts, num_bins), Blocks::new(tables.sums, num_bins)),
        Blocks::new(&mut found, 1),
    );
    exec.tasks(parts, outputs, |part, ((mut table, mut sums), mut found)| {
        let [found] = found.slice_mut() else { return };
        let mut tally = Tally::new(table.slice_mut(), sums.slice_mut());
        let start = segments.min(part.saturating_mul(step));
        for segment in start..segments.min(start.saturating_add(step)) {
            let row = segment.checked_div(per_row).unwrap_or(0);
            let col = segment.checked_rem(per_row).unwrap_or(0) * SEGMENT;
            let run = src.run(row, col..col.saturating_add(SEGMENT));
            count_within(k, run, (target, within), found, &mut tally);
        }
        tally.empty();
    })?;
    counts.fill(0);
    for sums in tables.sums.chunks(num_bins).take(parts) {
        counts.iter_mut().zip(sums).for_each(|(count, sum)| *count += sum);
    }
    Ok(found.into_iter().fold(NONE, wider))
}
