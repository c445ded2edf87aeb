//! What the algorithms for weights take of the means of the activations: the importance of each
//! channel, and some of the samples.

use crate::algorithms::sort::sort_by_key;
use crate::algorithms::stage::STAGE;
use crate::algorithms::stage::{narrowed, pieces, widened};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::{MatrixView, MatrixViewMut};

/// One of so many samples is taken.
fn step(samples: usize, subset: usize) -> usize {
    samples.checked_div(subset).unwrap_or(1).max(1)
}

/// Number of samples that are taken.
#[must_use]
pub fn columns(samples: usize, subset: usize) -> usize {
    samples.div_ceil(step(samples, subset))
}

/// The scratch of `run`: the samples in their order, twice; none if all are taken as they are.
pub fn carve<'a>(
    samples: usize,
    subset: usize,
    scratch: &mut Scratch<'a>,
) -> Result<[&'a mut [u32]; 2]> {
    let sorted = subset > 0 && samples > subset;
    if sorted && u32::try_from(samples).is_err() {
        let rule = c"must have fewer than 2^32 rows";
        return Err(Error::new(Status::SizeOverflow, c"means", rule));
    }
    let n = if sorted { samples } else { 0 };
    Ok([scratch.array(n)?, scratch.array(n)?])
}

/// `importance[h]` is the largest magnitude of column `h` of `means`, `taken` are some of its rows as
/// columns: all, or every `samples / subset`-th in descending order of `counts`.
pub fn run(
    k: &Kernels,
    exec: Exec<'_>,
    means: MatrixView<'_>,
    (counts, subset): (&[u64], usize),
    importance: &mut [f32],
    taken: MatrixViewMut<'_>,
    scratch: &mut Scratch<'_>,
) -> Result {
    let (samples, channels) = (means.rows(), means.cols());
    let [order, other] = carve(samples, subset, scratch)?;
    for (i, place) in (0..).zip(order.iter_mut()) {
        *place = i;
    }
    let sorted = !order.is_empty();
    sort_by_key::<_, 8>(order, other, |i: u32| {
        // Descending, and equal ones in their order.
        !counts.get(i as usize).copied().unwrap_or(0)
    });
    let step = step(samples, subset);
    let sample = |column: usize| {
        let place = column * step;
        if sorted { order.get(place).map_or(0, |i| *i as usize) } else { place }
    };
    crate::algorithms::range::abs_max(
        k,
        exec.silent(),
        crate::params::elementwise::Sharing::Column,
        means,
        importance,
    )?;
    let columns = taken.cols();
    exec.tiles(Cut::new(channels, columns, STAGE), taken, |tile, mut out| {
        for (i, channel) in tile.rows.clone().enumerate() {
            for piece in pieces(tile.cols.len()) {
                let first = tile.cols.start + piece.start;
                narrowed(k, out.run_mut(i, piece), |out| {
                    for (column, out) in (first..).zip(out) {
                        let mut one = [0.0];
                        let row = sample(column);
                        let x = widened(k, means.run(row, channel..channel + 1), &mut one);
                        *out = x.first().copied().unwrap_or(0.0);
                    }
                });
            }
        }
    })
}
