//! Adds the elements of a matrix to a histogram.

use crate::algorithms::finite::not_finite;
use crate::algorithms::histogram::bins::{bins, distribute};
use crate::algorithms::histogram::count::{Tables, Target, count, parts};
use crate::algorithms::histogram::grid::Grid;
use crate::algorithms::histogram::merge::regrid;
use crate::algorithms::histogram::state::StateMut;
use crate::algorithms::range::extremes;
use crate::kernels::Kernels;
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
    tables: Tables<'a>,
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
            tables: Tables {
                counts: scratch.array(parts(rows, cols) * n)?,
                sums: scratch.array(parts(rows, cols) * n)?,
            },
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
    let old = state.as_state();
    let shape = old.shape();
    let mut scratch = Scratch::new(workspace);
    let UpdateScratch { counts, edges, mut tables } =
        UpdateScratch::carve(&mut scratch, shape, src.rows(), src.cols())?;
    let mut count_in = |exec: Exec<'_>, (min, max): (f64, f64)| {
        let target = match shape.kind {
            HistogramKind::Parity => Target::Bins(bins((min, max), edges)),
            HistogramKind::Mergeable => Target::Grid(Grid::new(min, max, shape.num_bins).kernel()),
        };
        count(k, exec, src, (target, (min as f32, max as f32)), &mut tables, counts)
    };
    // Few tensors have elements beyond those of all before. So they are counted in the range that is
    // known while their own is found, and once more if that was in vain.
    let known = old.extremes();
    let (found, rest) = match known {
        Some(range) => (count_in(exec, range)?, exec.silent()),
        None => (extremes(k, exec.silent(), src)?, exec),
    };
    if !(found.0.is_finite() && found.1.is_finite()) {
        return Err(not_finite(src, c"src"));
    }
    let elements = src.rows() as u64 * src.cols() as u64;
    let contents = state.joined((f64::from(found.0), f64::from(found.1)), elements, 1)?;
    let range = (contents.min, contents.max);
    if known != Some(range) {
        count_in(rest, range)?;
    }
    match shape.kind {
        HistogramKind::Parity => {
            // Counts of one update are below 2^53.
            counts.iter_mut().for_each(|n| *n = (*n as f64).to_bits());
            if let Some(from) = known {
                let sums = bytemuck::must_cast_slice_mut(counts);
                distribute(old.fractions(), from, range, shape.upsample_rate, sums);
            }
        }
        HistogramKind::Mergeable => regrid(old, contents.grid, counts),
    }
    state.replace(contents, counts);
    Ok(())
}
