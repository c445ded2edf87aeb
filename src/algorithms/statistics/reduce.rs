//! One tensor to one value per channel, or per channel and item of a batch.

use crate::algorithms::quantile::{Passes, quantiles};
use crate::algorithms::range::{HIGHEST, LOWEST, NONE, higher, lower, wider};
use crate::algorithms::stage::cuts;
use crate::algorithms::statistics::walk::{
    BLOCK, Channel, NARROW, block_extremes, block_of, block_squares, block_totals, extremes_of,
    squares_of, sum_of,
};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec, Join, Joined, TILE_ELEMENTS};
use crate::params::statistics::{AggregatorType, Branch, StatisticsType};
use crate::status::Result;
use crate::views::PerGroup;
use crate::views::tensor::ChannelView;
use core::ops::Range;

/// Elements of a segment of a single channel.
const SEGMENT: usize = 1 << 16;

/// Tasks for channels that lie next to each other, if they are not narrow.
const COLUMN_TASKS: usize = 16;

/// Folds `f` over the segments of the only channel of an item.
pub(super) fn fold_line<T: Copy + Send + Sync>(
    exec: Exec<'_>,
    len: usize,
    start: T,
    f: impl Fn(Range<usize>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> Result<T> {
    let part = |segments: Range<usize>| {
        segments.fold(start, |value, segment| {
            let from = segment * SEGMENT;
            combine(value, f(from..len.min(from.saturating_add(SEGMENT))))
        })
    };
    exec.fold(len.div_ceil(SEGMENT), start, part, &combine)
}

/// How the channels of all items are cut: between channels only, into tasks of about one tile. A
/// single thread goes through all of them in the order of memory, which is faster.
fn cut(exec: Exec<'_>, view: &ChannelView<'_>) -> Cut {
    let (items, channels) = (view.items(), view.channels());
    if exec.is_serial() {
        return Cut::exact((items, channels), items, channels);
    }
    let depth = view.depth().saturating_mul(items).max(1);
    let width = TILE_ELEMENTS.checked_div(depth).unwrap_or(1).max(1);
    let width = if view.is_by_column() {
        // The wider a part of a row, the fewer pages there are for what is read.
        width.max(channels.div_ceil(COLUMN_TASKS)).next_multiple_of(NARROW)
    } else {
        width
    };
    Cut::exact((items, channels), items, width)
}

/// Calls `f` with every item and block of channels, and the outputs of the channels.
fn each_block<T: Copy + Send>(
    exec: Exec<'_>,
    view: &ChannelView<'_>,
    out: &mut [T],
    f: impl Fn((usize, usize), &mut [T]) + Sync,
) -> Result {
    let out = PerGroup::new(out, view.channels(), 1);
    let block = block_of(view);
    exec.tiles(cut(exec, view), out, |tile, mut part| {
        for (i, item) in tile.rows.clone().enumerate() {
            let row = part.row_mut(i);
            for (first, out) in cuts(tile.cols.clone(), block).zip(row.chunks_mut(block.max(1))) {
                f((item, first.start), out);
            }
        }
    })
}

/// What is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// The elements.
    Sum,
    /// Their squares.
    Squares,
}

/// Sums of all channels of a view of one item, in f64: `out[c] = finish(sum)`.
pub fn totals<T: Copy + Send>(
    k: &Kernels,
    exec: Exec<'_>,
    total: Total,
    view: &ChannelView<'_>,
    out: &mut [T],
    finish: impl Fn(f64) -> T + Sync,
) -> Result {
    if view.channels() == 1 {
        let line = view.line(0, 0, 0);
        let of = |range: Range<usize>| match total {
            Total::Sum => sum_of(k, &line, range),
            Total::Squares => squares_of(k, &line, range, 0.0),
        };
        let sum = fold_line(exec, line.len(), 0.0, of, |a, b| a + b)?;
        out.iter_mut().for_each(|out| *out = finish(sum));
        return Ok(());
    }
    each_block(exec, view, out, |at, out| {
        let mut sums = [0.0; BLOCK];
        let sums = sums.get_mut(..out.len()).unwrap_or_default();
        match total {
            Total::Sum => block_totals(k, view, at, sums),
            Total::Squares => {
                let centers = [0.0; BLOCK];
                let centers = centers.get(..sums.len()).unwrap_or_default();
                block_squares(k, view, at, centers, sums);
            }
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = finish(*sum));
    })
}

/// Whether a statistic follows from minimum and maximum.
fn is_extreme(statistic: StatisticsType) -> bool {
    matches!(statistic, StatisticsType::Min | StatisticsType::Max | StatisticsType::AbsMax)
}

/// The statistic that follows from minimum and maximum.
fn pick(statistic: StatisticsType, (min, max): (f32, f32)) -> f32 {
    match statistic {
        StatisticsType::Min => min,
        StatisticsType::AbsMax => higher(-min, max),
        _ => max,
    }
}

/// A value of a branch, as it is kept: clipped, one NaN, one zero.
fn kept(branch: &Branch, value: f32) -> f32 {
    if value.is_nan() {
        return f32::NAN;
    }
    let limit = branch.clipping;
    let clipped = if value > limit {
        limit
    } else if value < -limit {
        -limit
    } else {
        value
    };
    clipped + 0.0
}

/// How what a branch keeps of parts of a tensor becomes what it keeps of all. None where parts do not tell: of all
/// but extremes, and of the largest minimum or the smallest maximum.
fn joining(branch: &Branch) -> Option<Join> {
    match (branch.statistic, branch.aggregator) {
        (StatisticsType::Min, AggregatorType::Max) => None,
        (StatisticsType::Min, _) => Some(LOWEST),
        (StatisticsType::Max | StatisticsType::AbsMax, AggregatorType::Min) => None,
        (StatisticsType::Max | StatisticsType::AbsMax, _) => Some(HIGHEST),
        _ => None,
    }
}

/// The row in which a branch keeps the values of an item.
fn row_of(branch: &Branch, item: usize) -> usize {
    if branch.aggregator.is_running() { 0 } else { item }
}

/// Where a branch keeps the values of a sample: the extreme of all so far, or as they are.
pub(super) fn put(branch: &Branch, value: f32, to: &mut f32) {
    let value = kept(branch, value);
    *to = match branch.aggregator {
        AggregatorType::Min => lower(*to, value),
        AggregatorType::Max => higher(*to, value),
        _ => value,
    };
}

/// The values of both branches of up to `BLOCK` channels of an item: calls `f` with the branch and
/// the place of each.
fn block_values(
    k: &Kernels,
    view: &ChannelView<'_>,
    branches: &[Branch; 2],
    (item, channels): (usize, Range<usize>),
    mut f: impl FnMut(usize, usize, f32),
) {
    let n = channels.len().min(BLOCK);
    let of_kind = |ok: fn(StatisticsType) -> bool| {
        branches.iter().enumerate().filter(move |(_, branch)| ok(branch.statistic))
    };
    if of_kind(is_extreme).count() > 0 {
        let (mut min, mut max) = ([0.0; BLOCK], [0.0; BLOCK]);
        let min = min.get_mut(..n).unwrap_or_default();
        let max = max.get_mut(..n).unwrap_or_default();
        block_extremes(k, view, (item, channels.start), 0..view.outer(), min, max);
        for (which, branch) in of_kind(is_extreme) {
            for (i, (min, max)) in min.iter().zip(max.iter()).enumerate() {
                f(which, i, pick(branch.statistic, (*min, *max)));
            }
        }
    }
    let is_mean = |statistic| statistic == StatisticsType::Mean;
    if of_kind(is_mean).count() > 0 {
        let mut sums = [0.0; BLOCK];
        let sums = sums.get_mut(..n).unwrap_or_default();
        block_totals(k, view, (item, channels.start), sums);
        for (which, _) in of_kind(is_mean) {
            for (i, sum) in sums.iter().enumerate() {
                f(which, i, (sum / view.depth() as f64) as f32);
            }
        }
    }
    for i in 0..n {
        channel_quantiles(k, view, branches, (item, channels.start + i), |which, value| {
            f(which, i, value);
        });
    }
}

/// The quantiles that the branches ask for of one channel.
fn channel_quantiles(
    k: &Kernels,
    view: &ChannelView<'_>,
    branches: &[Branch; 2],
    (item, channel): (usize, usize),
    mut f: impl FnMut(usize, f32),
) {
    // One search for all kinds of passes: it is large.
    let values: &dyn Passes = &Channel { view, item, channel };
    for magnitude in [false, true] {
        let kind = if magnitude { StatisticsType::AbsQuantile } else { StatisticsType::Quantile };
        let [min, max] = branches;
        let probabilities = [min.probability, max.probability];
        let mut found = [f64::NAN; 2];
        match [min.statistic == kind, max.statistic == kind] {
            [false, false] => continue,
            // One pass after the other finds both.
            [true, true] => quantiles(k, values, magnitude, &probabilities, &mut found),
            [is_min, _] => {
                let probability = if is_min { min.probability } else { max.probability };
                let mut one = [f64::NAN];
                quantiles(k, values, magnitude, &[probability], &mut one);
                let [one] = one;
                found = [one; 2];
            }
        }
        let wanted = branches.iter().zip(found).enumerate();
        for (which, (_, value)) in wanted.filter(|(_, (branch, _))| branch.statistic == kind) {
            f(which, value as f32);
        }
    }
}

/// The values of both branches for every channel of every item: `out` holds them in rows of
/// channels, one row per item, or one row for all where the aggregator keeps one value.
pub fn reduce(
    k: &Kernels,
    exec: Exec<'_>,
    view: &ChannelView<'_>,
    branches: &[Branch; 2],
    out: [&mut [f32]; 2],
) -> Result {
    let channels = view.channels();
    if let [Some(min), Some(max)] = branches.each_ref().map(joining)
        && !exec.is_serial()
        && channels > 1
    {
        return reduce_extremes(k, exec, view, branches, [min, max], out);
    }
    let [min, max] = out.map(|out| PerGroup::new(out, channels, 1));
    let put_into = |parts: &mut [PerGroup<'_, f32>; 2], which: usize, item, at, value: f32| {
        if let (Some(branch), Some(part)) = (branches.get(which), parts.get_mut(which))
            && let Some(to) = part.row_mut(row_of(branch, item)).get_mut(at)
        {
            put(branch, value, to);
        }
    };
    if channels == 1 {
        let mut parts = [min, max];
        for item in 0..view.items() {
            single_values(k, exec, view, branches, item, |which, value| {
                put_into(&mut parts, which, item, 0, value);
            })?;
        }
        return Ok(());
    }
    exec.tiles(cut(exec, view), (min, max), |tile, (min, max)| {
        let mut parts = [min, max];
        for item in tile.rows.clone() {
            for block in cuts(tile.cols.clone(), block_of(view)) {
                let skipped = block.start - tile.cols.start;
                block_values(k, view, branches, (item, block), |which, i, value| {
                    put_into(&mut parts, which, item, skipped + i, value);
                });
            }
        }
    })
}

/// As `reduce`, of the extremes of several channels: tasks share rows of channels, too, so that each reads
/// what lies together.
fn reduce_extremes(
    k: &Kernels,
    exec: Exec<'_>,
    view: &ChannelView<'_>,
    branches: &[Branch; 2],
    joins: [Join; 2],
    mut out: [&mut [f32]; 2],
) -> Result {
    let (channels, outer, block) = (view.channels(), view.outer(), block_of(view));
    for ((branch, join), out) in branches.iter().zip(joins).zip(&mut out) {
        if !branch.aggregator.is_running() {
            let sample = out.iter_mut().take(view.items().saturating_mul(channels));
            sample.for_each(|value| *value = join.nothing);
        }
    }
    let ([min, max], [of_min, of_max]) = (out, joins);
    let out = [Joined::new(min, of_min), Joined::new(max, of_max)];
    let rows = view.items().saturating_mul(outer);
    let worth = TILE_ELEMENTS.checked_div(view.inner()).unwrap_or(1);
    let width = if view.is_by_column() { block } else { worth.clamp(1, block) };
    let cut = Cut::joined((rows, channels), width, view.inner());
    exec.tiles(cut, (), |tile, ()| {
        let (mut min, mut max) = ([0.0; BLOCK], [0.0; BLOCK]);
        let min = min.get_mut(..tile.cols.len()).unwrap_or_default();
        let max = max.get_mut(..tile.cols.len()).unwrap_or_default();
        let mut rows = tile.rows.clone();
        while !rows.is_empty() {
            let item = rows.start.checked_div(outer).unwrap_or(0);
            let start = item * outer;
            let end = rows.end.min(start + outer);
            let outers = rows.start - start..end - start;
            block_extremes(k, view, (item, tile.cols.start), outers, min, max);
            for (branch, out) in branches.iter().zip(out) {
                let extremes = min.iter().zip(&*max);
                let values =
                    extremes.map(|(min, max)| kept(branch, pick(branch.statistic, (*min, *max))));
                out.join(row_of(branch, item) * channels + tile.cols.start, values);
            }
            rows.start = end;
        }
    })
}

/// As `block_values`, of the only channel of an item, spread over threads.
fn single_values(
    k: &Kernels,
    exec: Exec<'_>,
    view: &ChannelView<'_>,
    branches: &[Branch; 2],
    item: usize,
    mut f: impl FnMut(usize, f32),
) -> Result {
    let line = view.line(item, 0, 0);
    let n = line.len();
    if branches.iter().any(|branch| is_extreme(branch.statistic)) {
        let of = |range: Range<usize>| extremes_of(k, &line, range);
        let found = fold_line(exec, n, NONE, of, wider)?;
        for (which, branch) in branches.iter().enumerate() {
            if is_extreme(branch.statistic) {
                f(which, pick(branch.statistic, found));
            }
        }
    }
    if branches.iter().any(|branch| branch.statistic == StatisticsType::Mean) {
        let of = |range: Range<usize>| sum_of(k, &line, range);
        let sum = fold_line(exec, n, 0.0, of, |a, b| a + b)?;
        for (which, branch) in branches.iter().enumerate() {
            if branch.statistic == StatisticsType::Mean {
                f(which, (sum / n as f64) as f32);
            }
        }
    }
    channel_quantiles(k, view, branches, (item, 0), f);
    Ok(())
}
