//! Minimum, maximum, abs-max, sum, mean and variance of a matrix, its rows, columns or groups.
//!
//! Sums have one order on every machine: pieces of 4096 neighbours in the 32-lane order of
//! [`Kernels::sum`], pieces in f64 from left to right; rows of a tensor in at most
//! [`PARTS`](crate::parallel::PARTS) parts whose sums are added in order.

use crate::algorithms::WHOLE;
use crate::algorithms::finite::not_finite;
use crate::algorithms::stage::{STAGE, cuts, group_extremes, pieces, widened};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec, Join, Joined, Tiled};
use crate::params::elementwise::Sharing;
use crate::params::matrix::Dtype;
use crate::status::Result;
use crate::views::{Blocks, MatrixView, PerGroup, Run};
use core::num::NonZeroUsize;
use core::ops::Range;

/// Elements that are summed in f32 before f64 takes over.
const SUM_PIECE: usize = 4096;

/// Elements of a segment when a whole tensor is reduced: rows are cut here.
const SEGMENT: usize = 1 << 16;

/// Columns that a task of a column sum keeps on its stack.
const COLUMNS: usize = 128;

/// Columns of a task whose results are joined.
const WIDE: usize = 1024;

/// Elements of rows that are handed to a kernel together: it goes through a block of columns of all of them, and
/// then through the next block.
pub(super) const TOGETHER: usize = 4096;

/// Rows that a column sum adds in f32 before f64 takes over.
const ROWS: usize = 256;

/// One number for all elements: folds `f` over the segments of all rows.
fn reduce_tensor<T: Copy + Send + Sync>(
    exec: Exec<'_>,
    src: MatrixView<'_>,
    start: T,
    f: impl Fn(Run<'_>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> Result<T> {
    let per_row = src.cols().div_ceil(SEGMENT);
    let part = |range: Range<usize>| {
        range.fold(start, |value, segment| {
            let row = segment.checked_div(per_row).unwrap_or(0);
            let col = segment.checked_rem(per_row).unwrap_or(0) * SEGMENT;
            combine(value, f(src.run(row, col..col.saturating_add(SEGMENT))))
        })
    };
    exec.fold(src.rows().saturating_mul(per_row), start, part, &combine)
}

/// One or two numbers per row or group: calls `f` with the row, its group size and its outputs.
fn reduce_rows<O: Tiled>(
    exec: Exec<'_>,
    src: MatrixView<'_>,
    group: NonZeroUsize,
    outputs: O,
    f: impl Fn(Run<'_>, NonZeroUsize, usize, &mut O) + Sync,
) -> Result {
    // A row is cut between groups only, and a group that is a row is not cut.
    let align = group.get().min(src.cols());
    exec.tiles(Cut::new(src.rows(), src.cols(), align), outputs, |tile, mut part| {
        for (i, row) in tile.rows.clone().enumerate() {
            f(src.run(row, tile.cols.clone()), group, i, &mut part);
        }
    })
}

/// The outputs of rows or groups as parts of tiles.
fn per_group<'a>(
    values: &'a mut [f32],
    src: &MatrixView<'_>,
    group: NonZeroUsize,
) -> PerGroup<'a, f32> {
    let group = group.get().min(src.cols()).max(1);
    PerGroup::new(values, src.cols().div_ceil(group), group)
}

fn group_of(sharing: Sharing) -> NonZeroUsize {
    match sharing {
        Sharing::Group(group) => group,
        _ => WHOLE,
    }
}

/// Calls `f` with the columns `cols` of rows as f32, with their place in `cols`, and with the elements from one row to
/// the next: with pieces of a row, or with some rows of a matrix without gaps.
fn each_row(
    k: &Kernels,
    src: MatrixView<'_>,
    cols: Range<usize>,
    rows: Range<usize>,
    mut f: impl FnMut(Range<usize>, &[f32], usize),
) {
    let mut buffer = [0.0; STAGE];
    let (flat, width) = (src.flattened(), src.cols());
    let whole = cols.len() == width;
    let floats = src.dtype() == Dtype::F32;
    let step = if floats { TOGETHER } else { STAGE }.checked_div(cols.len()).unwrap_or(0);
    if step > 1 && flat.rows() == 1 && (whole || floats) {
        for rows in cuts(rows, step) {
            // From the first of the columns to the last, of all these rows.
            let last = rows.end.saturating_sub(1) * width;
            let run = flat.run(0, rows.start * width + cols.start..last + cols.end);
            f(0..cols.len(), widened(k, run, &mut buffer), width);
        }
        return;
    }
    for row in rows {
        let run = src.run(row, cols.clone());
        if let Run::F32(x) = run {
            f(0..x.len(), x, x.len());
            continue;
        }
        for piece in pieces(run.len()) {
            f(piece.clone(), widened(k, run.part(piece.clone()), &mut buffer), piece.len());
        }
    }
}

/// Makes of each output what `add` finds in the rows, of any columns and in any order: tasks share rows,
/// too, so that each reads what lies together.
fn join_columns<const N: usize>(
    k: &Kernels,
    exec: Exec<'_>,
    src: MatrixView<'_>,
    out: [(&mut [f32], Join); N],
    add: impl Fn(&[f32], usize, [&mut [f32]; N]) + Sync,
) -> Result {
    let nothing = out.each_ref().map(|(_, join)| join.nothing);
    let out = out.map(|(out, join)| {
        out.fill(join.nothing);
        Joined::new(out, join)
    });
    let (rows, cols) = (src.rows(), src.cols());
    let shared = Cut::joined((rows, cols), WIDE, 1);
    let cut = if exec.is_serial() { Cut::exact((rows, cols), rows, WIDE) } else { shared };
    exec.tiles(cut, (), |tile, ()| {
        let mut found = nothing.map(|nothing| [nothing; WIDE]);
        each_row(k, src, tile.cols.clone(), tile.rows.clone(), |piece, x, stride| {
            add(
                x,
                stride,
                found.each_mut().map(|all| all.get_mut(piece.clone()).unwrap_or_default()),
            );
        });
        for (out, found) in out.iter().zip(found) {
            out.join(tile.cols.start, found.into_iter().take(tile.cols.len()));
        }
    })
}

/// The lower of two, or NaN.
pub(super) fn lower(a: f32, b: f32) -> f32 {
    if a < b || a.is_nan() { a } else { b }
}

/// The higher of two, or NaN.
pub(super) fn higher(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The lowest of many.
pub(super) const LOWEST: Join = Join { nothing: f32::INFINITY, of: lower };

/// The highest of many.
pub(super) const HIGHEST: Join = Join { nothing: f32::NEG_INFINITY, of: higher };

/// What the extremes of nothing are.
pub(super) const NONE: (f32, f32) = (LOWEST.nothing, HIGHEST.nothing);

/// Both extremes of two ranges.
pub(super) fn wider(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (lower(a.0, b.0), higher(a.1, b.1))
}

/// Minimum and maximum of a run. NaN where there is one; a zero is +0.
pub(super) fn run_extremes(k: &Kernels, run: Run<'_>) -> (f32, f32) {
    let (mut min, mut max) = ([NONE.0], [NONE.1]);
    group_extremes(k, run, WHOLE, &mut min, &mut max);
    let ([min], [max]) = (min, max);
    (min, max)
}

/// Minimum and maximum. NaN where there is one; a zero is +0. The slices hold what `sharing` asks
/// for, and `src` is not empty.
pub fn min_max(
    k: &Kernels,
    exec: Exec<'_>,
    sharing: Sharing,
    src: MatrixView<'_>,
    (min, max): (&mut [f32], &mut [f32]),
) -> Result {
    match sharing {
        Sharing::Tensor => {
            let of = |run: Run<'_>| run_extremes(k, run);
            let (low, high) = reduce_tensor(exec, src, NONE, of, wider)?;
            min.iter_mut().for_each(|min| *min = low);
            max.iter_mut().for_each(|max| *max = high);
            Ok(())
        }
        Sharing::Column => {
            let add = |x: &[f32], stride, [min, max]: [&mut [f32]; 2]| {
                k.min_max_columns(x, stride, min, max);
            };
            join_columns(k, exec, src, [(min, LOWEST), (max, HIGHEST)], add)
        }
        Sharing::Row | Sharing::Group(_) => {
            let group = group_of(sharing);
            let outputs = (per_group(min, &src, group), per_group(max, &src, group));
            reduce_rows(exec, src, group, outputs, |run, group, i, (min, max)| {
                group_extremes(k, run, group, min.row_mut(i), max.row_mut(i));
            })
        }
    }
}

/// Largest magnitude. NaN where there is one.
pub fn abs_max(
    k: &Kernels,
    exec: Exec<'_>,
    sharing: Sharing,
    src: MatrixView<'_>,
    out: &mut [f32],
) -> Result {
    let of = |run: Run<'_>| match run {
        Run::F32(x) => k.abs_max(x),
        Run::F16(x) => k.abs_max_f16(x),
        Run::Bf16(x) => k.abs_max_bf16(x),
    };
    match sharing {
        Sharing::Tensor => {
            let value = reduce_tensor(exec, src, 0.0, of, higher)?;
            out.iter_mut().for_each(|out| *out = value);
            Ok(())
        }
        Sharing::Column => {
            let largest = Join { nothing: 0.0, ..HIGHEST };
            join_columns(k, exec, src, [(out, largest)], |x, stride, [out]| {
                k.abs_max_columns(x, stride, out);
            })
        }
        Sharing::Row | Sharing::Group(_) => {
            let group = group_of(sharing);
            let outputs = per_group(out, &src, group);
            reduce_rows(exec, src, group, outputs, |run, group, i, out| {
                for (out, part) in out.row_mut(i).iter_mut().zip(groups(run, group)) {
                    *out = of(part);
                }
            })
        }
    }
}

/// The groups of a run.
fn groups(run: Run<'_>, group: NonZeroUsize) -> impl Iterator<Item = Run<'_>> {
    cuts(0..run.len(), group.get()).map(move |range| run.part(range))
}

/// Sum of a run in the fixed order.
fn sum_of(k: &Kernels, run: Run<'_>) -> f64 {
    cuts(0..run.len(), SUM_PIECE).fold(0.0, |sum, range| {
        sum + f64::from(match run.part(range) {
            Run::F32(x) => k.sum(x),
            Run::F16(x) => k.sum_f16(x),
            Run::Bf16(x) => k.sum_bf16(x),
        })
    })
}

/// Sum of the squared distances of a run from `center`, in pieces of `STAGE`.
fn sum_squares_of(k: &Kernels, run: Run<'_>, center: f32) -> f64 {
    let mut buffer = [0.0; STAGE];
    pieces(run.len()).fold(0.0, |sum, piece| {
        let x = widened(k, run.part(piece), &mut buffer);
        sum + f64::from(k.sum_squares(x, center))
    })
}

/// What a sum becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The sum itself.
    Sum,
    /// The sum divided by the number of elements.
    Mean,
    /// The mean of the squared distances from the mean, rounded to f32.
    Variance,
}

impl Moment {
    /// The result, from the sum of `n` elements and a function that gives the sum of squared
    /// distances from a center.
    fn finish(self, sum: f64, n: usize, squares: impl FnOnce(f32) -> f64) -> f32 {
        let mean = (sum / n as f64) as f32;
        match self {
            Self::Sum => sum as f32,
            Self::Mean => mean,
            Self::Variance => (squares(mean) / n as f64) as f32,
        }
    }
}

/// Sum, mean or variance. The slice holds what `sharing` asks for, and `src` is not empty.
pub fn moment(
    k: &Kernels,
    exec: Exec<'_>,
    moment: Moment,
    sharing: Sharing,
    src: MatrixView<'_>,
    out: &mut [f32],
) -> Result {
    match sharing {
        Sharing::Tensor => {
            let add = |a: f64, b: f64| a + b;
            let two_passes = moment == Moment::Variance;
            let first = if two_passes { exec.silent() } else { exec };
            let sum = reduce_tensor(first, src, 0.0, |run| sum_of(k, run), add)?;
            let n = src.rows().saturating_mul(src.cols());
            let value = if two_passes {
                let center = Moment::Mean.finish(sum, n, |_| 0.0);
                let squares = |run: Run<'_>| sum_squares_of(k, run, center);
                (reduce_tensor(exec, src, 0.0, squares, add)? / n as f64) as f32
            } else {
                moment.finish(sum, n, |_| 0.0)
            };
            out.iter_mut().for_each(|out| *out = value);
            Ok(())
        }
        Sharing::Column => {
            let cols = src.cols();
            exec.tasks(cols.div_ceil(COLUMNS), Blocks::new(out, COLUMNS), |i, mut out| {
                let start = i * COLUMNS;
                let cols = start..cols.min(start + COLUMNS);
                column_moments(k, moment, src, cols, out.slice_mut());
            })
        }
        Sharing::Row | Sharing::Group(_) => {
            let group = group_of(sharing);
            let outputs = per_group(out, &src, group);
            reduce_rows(exec, src, group, outputs, |run, group, i, out| {
                for (out, part) in out.row_mut(i).iter_mut().zip(groups(run, group)) {
                    let squares = |center: f32| sum_squares_of(k, part, center);
                    *out = moment.finish(sum_of(k, part), part.len(), squares);
                }
            })
        }
    }
}

/// Moments of at most `COLUMNS` columns.
fn column_moments(
    k: &Kernels,
    moment: Moment,
    src: MatrixView<'_>,
    cols: Range<usize>,
    out: &mut [f32],
) {
    let mut sums = [0.0_f64; COLUMNS];
    column_sums(k, src, cols.clone(), &mut sums, |x, stride, acc| k.sum_columns(x, stride, acc));
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = match moment {
            Moment::Variance => Moment::Mean,
            other => other,
        }
        .finish(sum, src.rows(), |_| 0.0);
    }
    if moment == Moment::Variance {
        let mut squares = [0.0_f64; COLUMNS];
        column_sums(k, src, cols, &mut squares, |x, stride, acc| {
            k.sum_squares_columns(x, stride, out, acc);
        });
        for (out, sum) in out.iter_mut().zip(squares) {
            *out = (sum / src.rows() as f64) as f32;
        }
    }
}

/// Adds rows in f32, `ROWS` at a time, and those in f64.
fn column_sums(
    k: &Kernels,
    src: MatrixView<'_>,
    cols: Range<usize>,
    sums: &mut [f64; COLUMNS],
    add: impl Fn(&[f32], usize, &mut [f32]),
) {
    for strip in cuts(0..src.rows(), ROWS) {
        let mut acc = [0.0_f32; COLUMNS];
        let acc = acc.get_mut(..cols.len()).unwrap_or_default();
        // A piece is longer than `COLUMNS`, so every row is in one.
        each_row(k, src, cols.clone(), strip, |_, x, stride| add(x, stride, acc));
        sums.iter_mut().zip(acc).for_each(|(sum, acc)| *sum += f64::from(*acc));
    }
}

/// Minimum and maximum of a matrix that is not empty. NaN where there is one.
pub(crate) fn extremes(k: &Kernels, exec: Exec<'_>, src: MatrixView<'_>) -> Result<(f32, f32)> {
    let (mut min, mut max) = ([0.0], [0.0]);
    min_max(k, exec, Sharing::Tensor, src, (&mut min, &mut max))?;
    let ([min], [max]) = (min, max);
    Ok((min, max))
}

/// As [`extremes`]; refuses what is not finite.
pub(crate) fn finite_extremes(
    k: &Kernels,
    exec: Exec<'_>,
    src: MatrixView<'_>,
) -> Result<(f32, f32)> {
    let (min, max) = extremes(k, exec, src.flattened())?;
    if min.is_finite() && max.is_finite() { Ok((min, max)) } else { Err(not_finite(src, c"src")) }
}
