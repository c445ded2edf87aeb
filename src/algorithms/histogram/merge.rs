//! Adds a histogram to another one.

use crate::algorithms::histogram::bins::distribute;
use crate::algorithms::histogram::grid::Grid;
use crate::algorithms::histogram::state::{State, StateMut};
use crate::algorithms::histogram::update::UpdateScratch;
use crate::params::histogram::HistogramKind;
use crate::scratch::Scratch;
use crate::status::{Error, Result};

/// Adds the counts of a mergeable histogram to those on a grid that is not finer.
pub(super) fn regrid(from: State<'_>, to: Grid, counts: &mut [u64]) {
    if from.total() == 0 {
        return;
    }
    let grid = from.grid();
    if grid == to {
        counts.iter_mut().zip(from.integers()).for_each(|(to, n)| *to = to.wrapping_add(*n));
        return;
    }
    for (bin, n) in from.integers().iter().enumerate() {
        // Bins beyond the largest element are empty, and need not exist on the other grid.
        if *n > 0
            && let Some(count) = counts.get_mut(to.place(grid, bin))
        {
            *count = count.wrapping_add(*n);
        }
    }
}

/// Adds the elements of `other` to `state`. The workspace is that of an update without rows.
pub fn merge(state: &mut StateMut<'_>, other: State<'_>, workspace: &mut [u8]) -> Result {
    let own = state.as_state();
    let shape = own.shape();
    let different = [
        (own.params().num_bins, other.params().num_bins, c"num_bins"),
        (own.params().kind, other.params().kind, c"kind"),
        (own.params().upsample_rate, other.params().upsample_rate, c"upsample_rate"),
    ];
    for (own, other, field) in different {
        if own != other {
            let rule = c"must be that of state";
            return Err(Error::field(c"other", field, rule, f64::from(other)));
        }
    }
    let Some(extremes) = other.extremes() else { return Ok(()) };
    let contents = state.joined(extremes, other.total(), other.updates())?;
    let UpdateScratch { counts, .. } =
        UpdateScratch::carve(&mut Scratch::new(workspace), shape, 0, 0)?;
    counts.fill(0);
    for part in [own, other] {
        match shape.kind {
            HistogramKind::Mergeable => regrid(part, contents.grid, counts),
            HistogramKind::Parity => {
                if let Some(from) = part.extremes() {
                    let (to, sums) = (
                        (contents.min, contents.max),
                        bytemuck::must_cast_slice_mut::<u64, f64>(counts),
                    );
                    distribute(part.fractions(), from, to, shape.upsample_rate, sums);
                }
            }
        }
    }
    state.replace(contents, counts);
    Ok(())
}
