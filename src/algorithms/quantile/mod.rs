//! Exact order statistics without sorting.
//!
//! A sample tells between which two values the wanted one probably lies. One pass counts what is
//! below and collects what is between; if there is room for that, the answer is in it, else the next
//! pass works on a narrower bracket. Every pass is exact, so a bad guess costs time and nothing else;
//! after some passes the bracket is halved by the bits of its ends, which ends after 32 more.

mod passes;
mod search;

pub use passes::{PARTS, Passes};

use crate::algorithms::quantile::passes::{Region, TOGETHER, Trials, pass, sample};
use crate::algorithms::quantile::search::{FEW, Search, Step, among, has_nan};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::elementwise::Sharing;
use crate::status::Result;
use crate::views::{Blocks, MatrixView};

/// Values of the scratch that is on the stack.
const SCRATCH: usize = 384;

/// Values of a sample at most: more of them would not narrow the bracket enough to pay.
const SAMPLE: usize = 2048;

/// One of so many values is in the sample.
const SPREAD: usize = 128;

/// The values of a rank and of the next one (or of the last twice) for each of `ranks`; `None` if a
/// value is NaN. There is a value.
fn search<P: Passes + ?Sized>(
    k: &Kernels,
    mut exec: Exec<'_>,
    src: &P,
    magnitude: bool,
    ranks: [Option<usize>; TOGETHER],
    scratch: &mut [f32],
) -> Result<[Option<(f32, f32)>; TOGETHER]> {
    let n = src.count();
    let share = scratch.len() / ranks.iter().flatten().count().max(1);
    let (a, b) = scratch.split_at_mut_checked(share).unwrap_or_default();
    let mut searches = ranks.map(|rank| rank.map(|rank| Search::new(n, rank)));
    let mut results = [None; TOGETHER];
    loop {
        let mut trials: Trials = [None; TOGETHER];
        for ((at, room), trial) in searches.iter_mut().zip([&mut *a, &mut *b]).zip(&mut trials) {
            let Some(at) = at else { continue };
            if at.sampled == 0 {
                let size = (n / SPREAD).clamp(FEW, SAMPLE).min(room.len());
                let room = room.get_mut(..size).unwrap_or_default();
                at.sampled = sample(k, src, at.bracket.limits(), magnitude, room);
            }
            let sampled = at.sampled.min(SAMPLE);
            let (sampled, room) = room.split_at_mut_checked(sampled).unwrap_or_default();
            at.aim(sampled.len(), |rank| among(k, sampled, rank, room).map_or(f32::NAN, |x| x.0));
            *trial = Some(at.trial.limits());
        }
        if trials.iter().all(Option::is_none) {
            return Ok(results);
        }
        let found = pass(k, exec, src, magnitude, &trials, [&mut *a, &mut *b])?;
        // Most often this was the only one.
        exec = exec.silent();
        let rooms = [&mut *a, &mut *b];
        let each = searches.iter_mut().zip(found).zip(rooms).zip(&mut results);
        for (((search, (found, kept)), room), result) in each {
            let Some(at) = search else { continue };
            let (kept, room) = room.split_at_mut_checked(kept).unwrap_or_default();
            let pair = match at.learn(found, kept.len()) {
                // A NaN would be there again in every pass.
                Step::Again if has_nan(k, kept) => None,
                Step::Again => continue,
                Step::Value(x) if kept.len() == at.between => (!has_nan(k, kept)).then_some((x, x)),
                Step::Value(x) => {
                    // Between these limits is NaN alone.
                    let trials = [Some((f32::INFINITY, f32::NEG_INFINITY)), None];
                    let [([_, nan], _), _] =
                        pass(k, exec, src, magnitude, &trials, [&mut [], &mut []])?;
                    (nan == 0).then_some((x, x))
                }
                Step::Kept => among(k, kept, at.rank.saturating_sub(at.below), room),
            };
            *result = pair
                .map(|(first, second)| (first, at.next_above(k, src, magnitude).unwrap_or(second)));
            *search = None;
        }
    }
}

/// Quantiles of all values, or of all magnitudes: with `n` values in ascending order, that of
/// probability `p` lies at `(n - 1) p`; between two values it is interpolated linearly, in f64.
/// All are NaN if a value is NaN or there is none. A zero is never -0. Source: `numpy.quantile`.
///
/// `scratch` makes it faster, the more the better up to a fifth of the values; it may be empty.
pub fn quantiles_with<P: Passes + ?Sized>(
    k: &Kernels,
    values: &P,
    magnitude: bool,
    probabilities: &[f64],
    scratch: &mut [f32],
    out: &mut [f64],
) {
    // Without threads and progress nothing stops it.
    let _ = find(k, Exec::SERIAL, values, magnitude, probabilities, scratch, out);
}

/// As [`quantiles_with`], on the caller's threads.
fn find<P: Passes + ?Sized>(
    k: &Kernels,
    exec: Exec<'_>,
    values: &P,
    magnitude: bool,
    probabilities: &[f64],
    scratch: &mut [f32],
    out: &mut [f64],
) -> Result {
    let mut stack = [0.0; SCRATCH];
    let scratch = if scratch.len() > SCRATCH { scratch } else { &mut stack };
    let last = values.count().checked_sub(1);
    for (out, probabilities) in out.chunks_mut(TOGETHER).zip(probabilities.chunks(TOGETHER)) {
        let place = |p: &f64| last.unwrap_or(0) as f64 * p;
        let mut ranks = [None; TOGETHER];
        for (rank, p) in ranks.iter_mut().zip(probabilities) {
            *rank = last.map(|last| (place(p) as usize).min(last));
        }
        let found = search(k, exec, values, magnitude, ranks, scratch)?;
        for (((out, p), found), rank) in out.iter_mut().zip(probabilities).zip(found).zip(ranks) {
            let share = place(p) - rank.unwrap_or(0) as f64;
            *out = found.map_or(f64::NAN, |(low, high)| {
                interpolated(f64::from(low), f64::from(high), share)
            });
        }
    }
    Ok(())
}

/// As [`quantiles_with`], without scratch.
pub fn quantiles<P: Passes + ?Sized>(
    k: &Kernels,
    values: &P,
    magnitude: bool,
    probabilities: &[f64],
    out: &mut [f64],
) {
    quantiles_with(k, values, magnitude, probabilities, &mut [], out);
}

/// Between two values, as numpy does it: from the nearer end.
pub(crate) fn interpolated(low: f64, high: f64, share: f64) -> f64 {
    let width = high - low;
    let between = if low == high {
        low
    } else if share < 0.5 {
        low + width * share
    } else {
        high - width * (1.0 - share)
    };
    between + 0.0
}

/// Columns or groups of a task.
const TASK: usize = 1024;

/// The quantiles of a matrix, its rows, columns or groups: `probabilities.len()` of each, rounded
/// to f32. `scratch` serves a whole tensor only. Progress of a whole tensor is that of its first pass.
pub fn quantiles_of(
    k: &Kernels,
    exec: Exec<'_>,
    sharing: Sharing,
    src: MatrixView<'_>,
    magnitude: bool,
    probabilities: &[f64],
    (scratch, out): (&mut [f32], &mut [f32]),
) -> Result {
    let (rows, cols) = (src.rows(), src.cols());
    let each = |mut exec: Exec<'_>, region: Region<'_>, scratch: &mut [f32], out: &mut [f32]| {
        let region: &dyn Passes = &region;
        for (out, p) in out.chunks_mut(TOGETHER).zip(probabilities.chunks(TOGETHER)) {
            let mut found = [0.0; TOGETHER];
            find(k, exec, region, magnitude, p, scratch, &mut found)?;
            out.iter_mut().zip(found).for_each(|(out, value)| *out = value as f32);
            exec = exec.silent();
        }
        Ok(())
    };
    let per_row = match sharing {
        Sharing::Tensor => {
            let src = src.flattened();
            let region = Region { src, rows: 0..src.rows(), cols: 0..src.cols() };
            return each(exec, region, scratch, out);
        }
        Sharing::Row => 1,
        Sharing::Column => cols,
        Sharing::Group(group) => cols.div_ceil(group.get()),
    };
    let count = if sharing == Sharing::Column { cols } else { rows.saturating_mul(per_row) };
    // Columns and groups are short: a task takes some of them.
    let step = if sharing == Sharing::Row { 1 } else { TASK };
    let outputs = Blocks::new(out, probabilities.len().saturating_mul(step));
    exec.tasks(count.div_ceil(step), outputs, |task, mut out| {
        let places = out.slice_mut().chunks_mut(probabilities.len().max(1));
        for (i, out) in (task * step..).zip(places) {
            let row = i.checked_div(per_row).unwrap_or(0);
            let part = i.checked_rem(per_row).unwrap_or(0);
            let region = match sharing {
                Sharing::Column => Region { src, rows: 0..rows, cols: i..i + 1 },
                Sharing::Group(group) => {
                    let start = part * group.get();
                    Region { src, rows: row..row + 1, cols: start..cols.min(start + group.get()) }
                }
                _ => Region { src, rows: row..row + 1, cols: 0..cols },
            };
            // As above.
            let _ = each(Exec::SERIAL, region, &mut [], out);
        }
    })
}
