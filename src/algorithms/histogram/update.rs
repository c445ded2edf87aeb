//! Adds the elements of a matrix to a histogram.

use crate::algorithms::histogram::bins::{bins, distribute};
use crate::algorithms::histogram::count::{Target, count, parts};
use crate::algorithms::histogram::merge::regrid;
use crate::algorithms::histogram::state::StateMut;
use crate::algorithms::range::finite_extremes;
use crate::kernels::{Counters, Kernels};
use crate::parallel::Exec;
use crate::params::histogram::{HistogramKind, HistogramShape};
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::MatrixView;

/// Scratch of an update with a matrix, or of a merge.
#[derive(Debug)]
pub struct UpdateScratch<'a> {
    /// New counts, one per bin.
    pub(super) counts: &'a mut [u64],
    /// One more than there are bins.
    edges: &'a mut [f32],
    /// As many as there are bins, for every part of the matrix.
    tables: &'a mut [Counters],
}

impl<'a> UpdateScratch<'a> {
    /// For a matrix of this shape; a merge has none.
    pub fn carve(
        scratch: &mut Scratch<'a>,
        shape: HistogramShape,
        rows: usize,
        cols: usize,
    ) -> Result<Self> {
        let n = shape.num_bins;
        Ok(Self {
            counts: scratch.array(n)?,
            edges: scratch.array(n + 1)?,
            tables: scratch.array(parts(rows, cols) * n)?,
        })
    }
}

/// Adds all elements of `src`, which is not empty. Nothing has changed if an element is not finite or
/// the caller cancels.
pub fn update(
    k: &Kernels,
    exec: Exec<'_>,
    state: &mut StateMut<'_>,
    src: MatrixView<'_>,
    workspace: &mut [u8],
) -> Result {
    let src = src.flattened();
    let (min, max) = finite_extremes(k, exec.silent(), src)?;
    let elements = src.rows() as u64 * src.cols() as u64;
    let contents = state.joined((f64::from(min), f64::from(max)), elements, 1)?;
    let old = state.as_state();
    let shape = old.shape();
    let mut scratch = Scratch::new(workspace);
    let UpdateScratch { counts, edges, tables } =
        UpdateScratch::carve(&mut scratch, shape, src.rows(), src.cols())?;
    let range = (contents.min, contents.max);
    match shape.kind {
        HistogramKind::Parity => {
            count(k, exec, src, Target::Bins(bins(range, edges)), tables, counts)?;
            // Counts of one update are below 2^53.
            counts.iter_mut().for_each(|n| *n = (*n as f64).to_bits());
            if let Some(from) = old.extremes() {
                let sums = bytemuck::must_cast_slice_mut(counts);
                distribute(old.fractions(), from, range, shape.upsample_rate, sums);
            }
        }
        HistogramKind::Mergeable => {
            count(k, exec, src, Target::Grid(contents.grid.kernel()), tables, counts)?;
            regrid(old, contents.grid, counts);
        }
    }
    state.replace(contents, counts);
    Ok(())
}
