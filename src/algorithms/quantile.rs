//! Exact order statistics without sorting.
//!
//! A sample tells between which two values the wanted one probably lies. One pass counts what is
//! below and collects what is between; if that is little enough, the answer is in it, else the next
//! pass works on a narrower bracket. Every pass is exact, so a bad guess costs time and nothing else;
//! after some passes the bracket is halved by the bits of its ends, which ends after 32 more.

use crate::algorithms::stage::{STAGE, cuts, pieces, widen_into, widened};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::elementwise::Sharing;
use crate::status::Result;
use crate::views::{Blocks, MatrixView, Run};
use core::ops::Range;

/// Values that can be visited several times, in the same order.
pub trait Passes {
    /// How many there are.
    fn count(&self) -> usize;
    /// Calls `f` with all values, in pieces.
    fn visit(&self, k: &Kernels, f: &mut dyn FnMut(&[f32]));
}

impl Passes for [f32] {
    fn count(&self) -> usize {
        self.len()
    }

    fn visit(&self, _: &Kernels, f: &mut dyn FnMut(&[f32])) {
        f(self);
    }
}

/// Values that are compared with each other without a further pass.
const FEW: usize = 64;

/// Passes that trust a sample.
const GUESSES: u32 = 8;

/// Values of the scratch that is on the stack.
const SCRATCH: usize = 384;

/// Values of a sample at most: more of them would not narrow the bracket enough to pay.
const SAMPLE: usize = 2048;

/// Bits as integers in the order of the floats.
fn key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

/// The float of a key.
fn value(key: i32) -> f32 {
    f32::from_bits((key ^ ((key >> 31) as u32 >> 1) as i32) as u32)
}

/// The values of a pass: from here to there, both included.
#[derive(Clone, Copy)]
struct Bracket {
    low: i32,
    high: i32,
}

impl Bracket {
    const ALL: Self = Self { low: i32::MIN, high: i32::MAX };

    fn limits(self) -> (f32, f32) {
        // Beyond the infinities there is only NaN.
        let finite = |key: i32| {
            let (low, high) = (self::key(f32::NEG_INFINITY), self::key(f32::INFINITY));
            value(key.clamp(low, high))
        };
        (finite(self.low), finite(self.high))
    }

    /// The lower half.
    fn half(self) -> Self {
        let middle = (i64::from(self.low) + i64::from(self.high)) >> 1;
        Self { low: self.low, high: middle as i32 }
    }
}

/// What is known about a search: the value lies in `bracket`, `below` values are less than all of
/// that, `between` are in it, and the first of these are in the scratch.
struct Search {
    bracket: Bracket,
    below: usize,
    between: usize,
    sampled: usize,
}

/// The values of the ranks `rank` and `rank + 1` (or of `rank` twice, if it is the last) of the `n`
/// values of `src`, none of which is NaN; `None` if one is. `inner` finds them in a few values.
fn search<P: Passes + ?Sized>(
    k: &Kernels,
    src: &P,
    (n, rank): (usize, usize),
    magnitude: bool,
    scratch: &mut [f32],
    inner: impl Fn(&Kernels, &[f32], usize) -> (f32, f32),
) -> Option<(f32, f32)> {
    let mut at = Search { bracket: Bracket::ALL, below: 0, between: n, sampled: 0 };
    let room = scratch.len().min(SAMPLE);
    at.sampled = sample(k, src, n, magnitude, scratch.get_mut(..room).unwrap_or_default());
    for pass in 0.. {
        // The two zeros are one number but two keys, so counts can overlap a little.
        let wanted = rank.saturating_sub(at.below);
        let sampled = scratch.get(..at.sampled.min(SAMPLE)).unwrap_or_default();
        let trial = if pass < GUESSES && !sampled.is_empty() {
            guess(k, sampled, wanted, &at, &inner)
        } else {
            at.bracket.half()
        };
        let [below, between, above] = count(k, src, trial, magnitude, scratch);
        if below + between + above != n {
            return None;
        }
        at.sampled = between.min(scratch.len());
        if rank < below {
            // The scratch holds what is above: no sample of what is left.
            at = Search {
                bracket: Bracket { high: trial.low.saturating_sub(1), ..at.bracket },
                below: at.below,
                between: below.saturating_sub(at.below),
                sampled: 0,
            };
            continue;
        }
        if rank >= below + between {
            at = Search {
                bracket: Bracket { low: trial.high.saturating_add(1), ..at.bracket },
                below: below + between,
                between: (at.below + at.between).saturating_sub(below + between),
                sampled: 0,
            };
            continue;
        }
        at = Search { bracket: trial, below, between, sampled: at.sampled };
        let (first, second) = if between <= scratch.len() {
            inner(k, scratch.get(..between).unwrap_or_default(), rank - below)
        } else if trial.low >= trial.high {
            (trial.limits().0, trial.limits().0)
        } else {
            continue;
        };
        let next = rank + 1;
        let second = if next >= n || next < below + between {
            second
        } else {
            // The next one is the least of what is above.
            let above = Bracket { low: trial.high.saturating_add(1), high: i32::MAX };
            least(k, src, above, magnitude)
        };
        return Some((first, second));
    }
    None
}

/// The bracket around the wanted rank of a sample, wide enough that it is rarely missed.
fn guess(
    k: &Kernels,
    sampled: &[f32],
    wanted: usize,
    at: &Search,
    inner: &impl Fn(&Kernels, &[f32], usize) -> (f32, f32),
) -> Bracket {
    let len = sampled.len();
    let place = wanted as f64 / at.between as f64 * len as f64;
    // Three standard deviations of the rank, which are at most half a root each.
    let margin = 1.5 * libm::sqrt(len as f64) + 1.0;
    let (low, high) = (place - margin, place + margin);
    let low = if low < 0.0 { at.bracket.low } else { key(inner(k, sampled, low as usize).0) };
    let high = if high >= (len - 1) as f64 {
        at.bracket.high
    } else {
        key(inner(k, sampled, high as usize).1)
    };
    Bracket { low: low.max(at.bracket.low), high: high.min(at.bracket.high) }
}

/// A part of the values, evenly spread; answers how many.
fn sample<P: Passes + ?Sized>(
    k: &Kernels,
    src: &P,
    n: usize,
    magnitude: bool,
    scratch: &mut [f32],
) -> usize {
    let step = n.div_ceil(scratch.len().max(1)).max(1);
    let mut room = scratch.iter_mut();
    let (mut next, mut start) = (step / 2, 0);
    src.visit(k, &mut |x| {
        while let Some(found) = next.checked_sub(start).and_then(|i| x.get(i)) {
            let found = if magnitude { found.abs() } else { *found };
            // A NaN is found by the next pass.
            if let (false, Some(to)) = (found.is_nan(), room.next()) {
                *to = found;
            }
            next += step;
        }
        start += x.len();
    });
    let left = room.len();
    scratch.len() - left
}

/// One pass.
fn count<P: Passes + ?Sized>(
    k: &Kernels,
    src: &P,
    bracket: Bracket,
    magnitude: bool,
    scratch: &mut [f32],
) -> [usize; 3] {
    let [mut below, mut between, mut above] = [0; 3];
    src.visit(k, &mut |x| {
        let room = scratch.get_mut(between..).unwrap_or_default();
        let [a, b, c] = k.bracket(x, bracket.limits(), magnitude, room);
        (below, between, above) = (below + a, between + b, above + c);
    });
    [below, between, above]
}

/// The least value of a bracket that holds one.
fn least<P: Passes + ?Sized>(k: &Kernels, src: &P, bracket: Bracket, magnitude: bool) -> f32 {
    let (low, _) = bracket.limits();
    let mut least = f32::INFINITY;
    src.visit(k, &mut |x| {
        for x in x {
            let x = if magnitude { x.abs() } else { *x };
            least = if x >= low && x < least { x } else { least };
        }
    });
    least
}

/// As `search`, in at most [`FEW`] values.
fn among_few(values: &[f32], rank: usize) -> (f32, f32) {
    let of_rank = |rank: usize| {
        let mut found = f32::NEG_INFINITY;
        for x in values {
            let below = values.iter().filter(|y| *y < x).count();
            let equal = values.iter().filter(|y| *y == x).count();
            if (below..below + equal).contains(&rank) {
                found = *x;
            }
        }
        found
    };
    let last = values.len().saturating_sub(1);
    (of_rank(rank.min(last)), of_rank((rank + 1).min(last)))
}

/// As `search`, in a slice without NaN.
fn among(k: &Kernels, values: &[f32], rank: usize) -> (f32, f32) {
    if values.len() <= FEW {
        return among_few(values, rank);
    }
    let mut scratch = [0.0; FEW];
    let few = |_: &Kernels, values: &[f32], rank: usize| among_few(values, rank);
    let found = search(k, values, (values.len(), rank), false, &mut scratch, few);
    found.unwrap_or((f32::NAN, f32::NAN))
}

/// Quantiles of all values, or of all magnitudes: with `n` values in ascending order, that of
/// probability `p` lies at `(n - 1) p`; between two values it is interpolated linearly, in f64.
/// All are NaN if a value is NaN or there is none. A zero is never -0. Source: `numpy.quantile`.
///
/// `scratch` makes it faster, the more the better up to a tenth of the values; it may be empty.
pub fn quantiles_with<P: Passes + ?Sized>(
    k: &Kernels,
    values: &P,
    magnitude: bool,
    probabilities: &[f64],
    scratch: &mut [f32],
    out: &mut [f64],
) {
    let mut stack = [0.0; SCRATCH];
    let scratch = if scratch.len() > SCRATCH { scratch } else { &mut stack };
    let n = values.count();
    for (out, probability) in out.iter_mut().zip(probabilities) {
        let place = n.saturating_sub(1) as f64 * probability;
        let rank = (place as usize).min(n.saturating_sub(1));
        let found =
            if n == 0 { None } else { search(k, values, (n, rank), magnitude, scratch, among) };
        *out = found.map_or(f64::NAN, |(low, high)| {
            interpolated(f64::from(low), f64::from(high), place - rank as f64)
        });
    }
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
const TOGETHER: usize = 1024;

/// A part of a matrix.
struct Region<'a> {
    src: MatrixView<'a>,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl Passes for Region<'_> {
    fn count(&self) -> usize {
        self.rows.len() * self.cols.len()
    }

    fn visit(&self, k: &Kernels, f: &mut dyn FnMut(&[f32])) {
        let mut buffer = [0.0; STAGE];
        if self.cols.len() == 1 {
            // A column: its elements come together from far apart.
            for rows in cuts(self.rows.clone(), STAGE) {
                let part = buffer.get_mut(..rows.len()).unwrap_or_default();
                for (to, row) in part.iter_mut().zip(rows) {
                    widen_into(k, self.src.run(row, self.cols.clone()), core::slice::from_mut(to));
                }
                f(part);
            }
            return;
        }
        for row in self.rows.clone() {
            let run = self.src.run(row, self.cols.clone());
            if let Run::F32(x) = run {
                f(x);
                continue;
            }
            pieces(run.len()).for_each(|piece| f(widened(k, run.part(piece), &mut buffer)));
        }
    }
}

/// The quantiles of a matrix, its rows, columns or groups: `probabilities.len()` of each, rounded
/// to f32. `scratch` serves a whole tensor only.
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
    let each = |region: Region<'_>, scratch: &mut [f32], out: &mut [f32]| {
        for (out, p) in out.iter_mut().zip(probabilities) {
            let mut one = [0.0];
            quantiles_with(k, &region, magnitude, &[*p], scratch, &mut one);
            let [value] = one;
            *out = value as f32;
        }
    };
    let per_row = match sharing {
        Sharing::Tensor => {
            each(Region { src, rows: 0..rows, cols: 0..cols }, scratch, out);
            return Ok(());
        }
        Sharing::Row => 1,
        Sharing::Column => cols,
        Sharing::Group(group) => cols.div_ceil(group.get()),
    };
    let count = if sharing == Sharing::Column { cols } else { rows.saturating_mul(per_row) };
    // Columns and groups are short: a task takes some of them.
    let step = if sharing == Sharing::Row { 1 } else { TOGETHER };
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
            each(region, &mut [], out);
        }
    })
}
