//! Lines of a tensor, piece by piece. A sum is cut at multiples of `STAGE` elements of a line, and
//! rows of channels are added `ROWS` at a time, however the elements lie in memory: strides change
//! the speed and no bit.

use crate::algorithms::quantile::Passes;
use crate::algorithms::range::{NONE, TOGETHER, run_extremes, wider};
use crate::algorithms::stage::{STAGE, cuts, widen_into, widened};
use crate::kernels::Kernels;
use crate::views::Run;
use crate::views::tensor::{ChannelView, Line, Part};
use core::ops::Range;

/// Channels that are reduced together at most: what their rows are read in.
pub(super) const BLOCK: usize = 1024;

/// Channels of a task at least, where they lie next to each other, and of rows that are staged: at most
/// [`STAGE`].
pub(super) const NARROW: usize = 128;

/// How many channels are reduced together: more where rows of f32 can be read where they are.
pub(super) fn block_of(view: &ChannelView<'_>) -> usize {
    let channels = view.channels();
    if view.items() > 0
        && view.outer() > 0
        && let Part::Dense(Run::F32(x)) = view.row(0, 0).part(0..channels)
        && x.len() == channels
    {
        return BLOCK;
    }
    NARROW
}

/// Rows of channels that are added in f32 before f64 takes over.
const ROWS: usize = 256;

/// How many rows ahead a part of one is asked for.
const SOON: usize = 8;

/// The elements `range` of a line, at most `STAGE`, as f32: where they are, or in `buffer`.
pub(super) fn staged<'a>(
    k: &Kernels,
    line: &Line<'a>,
    range: Range<usize>,
    buffer: &'a mut [f32; STAGE],
) -> &'a [f32] {
    if let Part::Dense(run) = line.part(range.clone())
        && run.len() == range.len()
    {
        return widened(k, run, buffer);
    }
    let all = buffer.get_mut(..range.len()).unwrap_or_default();
    let (mut room, mut at) = (&mut *all, range.start);
    while at < range.end {
        let part = line.part(at..range.end);
        let Some((to, rest)) = room.split_at_mut_checked(part.len()) else { break };
        match part {
            _ if part.is_empty() => break,
            Part::Dense(run) => widen_into(k, run, to),
            Part::Spread(spread) => spread.copy_to(to),
        }
        at += to.len();
        room = rest;
    }
    all
}

/// Calls `f` with the elements of a line as f32, in pieces of any length.
fn each_piece(k: &Kernels, line: &Line<'_>, f: &mut dyn FnMut(&[f32])) {
    let mut buffer = [0.0; STAGE];
    let mut at = 0;
    while at < line.len() {
        let end = match line.part(at..line.len()) {
            Part::Dense(Run::F32(x)) if x.len() >= STAGE => {
                f(x);
                at + x.len()
            }
            _ => {
                let end = line.len().min(at + STAGE);
                f(staged(k, line, at..end, &mut buffer));
                end
            }
        };
        at = end;
    }
}

/// The elements of a channel of an item.
pub(super) struct Channel<'v> {
    pub view: &'v ChannelView<'v>,
    pub item: usize,
    pub channel: usize,
}

impl Passes for Channel<'_> {
    fn count(&self) -> usize {
        self.view.depth()
    }

    fn visit(&self, k: &Kernels, _: usize, f: &mut dyn FnMut(Run<'_>)) {
        self.each(k, &mut |x| f(Run::F32(x)));
    }
}

impl Channel<'_> {
    /// Calls `f` with all values, in pieces.
    pub(super) fn each(&self, k: &Kernels, f: &mut dyn FnMut(&[f32])) {
        let Self { view, item, channel } = *self;
        if view.is_by_column() {
            each_piece(k, &view.column(item, channel), f);
            return;
        }
        for outer in 0..view.outer() {
            each_piece(k, &view.line(item, outer, channel), f);
        }
    }
}

/// Calls `f` with every part of `range` and its elements, if they lie together: as many whole pieces as
/// do, or one that does not.
#[inline]
fn each_run<'v>(
    line: &Line<'v>,
    range: Range<usize>,
    mut f: impl FnMut(Option<Run<'v>>, Range<usize>),
) {
    let mut at = range.start;
    while at < range.end {
        let left = range.end - at;
        let run = match line.part(at..range.end) {
            Part::Dense(run) => run,
            Part::Spread(_) => Run::F32(&[]),
        };
        let whole = if run.len() == left { left } else { run.len() / STAGE * STAGE };
        let run = (whole > 0).then(|| run.part(0..whole));
        let next = if whole > 0 { at + whole } else { range.end.min(at + STAGE) };
        f(run, at..next);
        at = next;
    }
}

/// Calls `f` with a piece of a line, which is put together. Apart from what needs no buffer, so that
/// short lines do not pay for it.
#[inline(never)]
fn with_staged<T>(
    k: &Kernels,
    line: &Line<'_>,
    piece: Range<usize>,
    f: impl FnOnce(&[f32]) -> T,
) -> T {
    f(staged(k, line, piece, &mut [0.0; STAGE]))
}

/// Minimum and maximum of a part of a line. NaN where there is one; a zero is +0.
pub(super) fn extremes_of(k: &Kernels, line: &Line<'_>, range: Range<usize>) -> (f32, f32) {
    let mut found = NONE;
    each_run(line, range, |run, piece| {
        let extremes = match run {
            Some(run) => run_extremes(k, run),
            None => with_staged(k, line, piece, |x| run_extremes(k, Run::F32(x))),
        };
        found = wider(found, extremes);
    });
    found
}

/// Sum of a part of a line that starts at a multiple of `STAGE`.
pub(super) fn sum_of(k: &Kernels, line: &Line<'_>, range: Range<usize>) -> f64 {
    let mut sum = 0.0;
    each_run(line, range, |run, piece| {
        let mut add = |part: f32| sum += f64::from(part);
        match run {
            Some(Run::F32(x)) => x.chunks(STAGE).for_each(|x| add(k.sum(x))),
            Some(Run::F16(x)) => x.chunks(STAGE).for_each(|x| add(k.sum_f16(x))),
            Some(Run::Bf16(x)) => x.chunks(STAGE).for_each(|x| add(k.sum_bf16(x))),
            None => add(with_staged(k, line, piece, |x| k.sum(x))),
        }
    });
    sum
}

/// Sum of the squared distances from `center` of a part of a line that starts at a multiple of
/// `STAGE`.
pub(super) fn squares_of(k: &Kernels, line: &Line<'_>, range: Range<usize>, center: f32) -> f64 {
    let mut sum = 0.0;
    each_run(line, range, |run, part| {
        let mut add = |part: f32| sum += f64::from(part);
        match run {
            Some(Run::F32(x)) => x.chunks(STAGE).for_each(|x| add(k.sum_squares(x, center))),
            _ => cuts(part, STAGE).for_each(|piece| {
                add(with_staged(k, line, piece, |x| k.sum_squares(x, center)));
            }),
        }
    });
    sum
}

/// Calls `f` with rows of the `len` channels from `first` on, at most `BLOCK`, and with the elements from one
/// to the next: some in a call where rows follow each other.
fn each_rows(
    k: &Kernels,
    view: &ChannelView<'_>,
    (item, first): (usize, usize),
    len: usize,
    outers: Range<usize>,
    f: &mut dyn FnMut(&[f32], usize),
) {
    let mut buffer = [0.0; STAGE];
    let (width, len) = (view.channels(), len.max(1));
    let mut at = outers.start;
    while at < outers.end {
        let run = view.rows(item, at..outers.end);
        let rows = match run {
            Run::F32(x) => x.len().checked_div(width).unwrap_or(0).min(TOGETHER / len),
            _ if len == width => (run.len() / len).min(STAGE / NARROW),
            _ => 0,
        };
        if rows > 1 {
            let run = run.part(first..(rows - 1) * width + first + len);
            f(widened(k, run, &mut buffer), width);
        } else {
            // Rows may be pages apart, and no prefetcher looks into another page.
            if at + SOON < outers.end
                && let Part::Dense(run) = view.row(item, at + SOON).part(first..first + len)
            {
                k.request(run.bytes());
            }
            f(staged(k, &view.row(item, at), first..first + len, &mut buffer), len);
        }
        at += rows.max(1);
    }
}

/// Minima and maxima of the channels from `first` on, at most `BLOCK`, of some indices of the outer axes.
pub(super) fn block_extremes(
    k: &Kernels,
    view: &ChannelView<'_>,
    (item, first): (usize, usize),
    outers: Range<usize>,
    min: &mut [f32],
    max: &mut [f32],
) {
    min.iter_mut().for_each(|min| *min = NONE.0);
    max.iter_mut().for_each(|max| *max = NONE.1);
    if view.is_by_column() {
        each_rows(k, view, (item, first), min.len(), outers, &mut |x, stride| {
            k.min_max_columns(x, stride, min, max);
        });
        return;
    }
    for outer in outers {
        for ((channel, min), max) in (first..).zip(min.iter_mut()).zip(max.iter_mut()) {
            let line = view.line(item, outer, channel);
            (*min, *max) = wider((*min, *max), extremes_of(k, &line, 0..line.len()));
        }
    }
}

/// Adds to `sums` a term of every element of the channels from `first` on, at most `BLOCK`: rows of
/// channels by `add_rows`, or lines of a channel by `of_line`.
fn block_sums(
    k: &Kernels,
    view: &ChannelView<'_>,
    (item, first): (usize, usize),
    sums: &mut [f64],
    add_rows: impl Fn(&[f32], usize, &mut [f32]),
    of_line: impl Fn(&Line<'_>, usize) -> f64,
) {
    if !view.is_by_column() {
        for outer in 0..view.outer() {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += of_line(&view.line(item, outer, first + i), i);
            }
        }
        return;
    }
    let mut acc = [0.0_f32; BLOCK];
    let acc = acc.get_mut(..sums.len()).unwrap_or_default();
    for strip in cuts(0..view.outer(), ROWS) {
        acc.fill(0.0);
        each_rows(k, view, (item, first), acc.len(), strip, &mut |x, stride| {
            add_rows(x, stride, acc);
        });
        sums.iter_mut().zip(&*acc).for_each(|(sum, acc)| *sum += f64::from(*acc));
    }
}

/// Sums of the channels from `first` on, at most `BLOCK`, added to `sums`.
pub(super) fn block_totals(
    k: &Kernels,
    view: &ChannelView<'_>,
    at: (usize, usize),
    sums: &mut [f64],
) {
    let of_line = |line: &Line<'_>, _: usize| sum_of(k, line, 0..line.len());
    block_sums(k, view, at, sums, |x, stride, acc| k.sum_columns(x, stride, acc), of_line);
}

/// Sums of the squared distances from `centers`, added to `sums`.
pub(super) fn block_squares(
    k: &Kernels,
    view: &ChannelView<'_>,
    at: (usize, usize),
    centers: &[f32],
    sums: &mut [f64],
) {
    let of_line = |line: &Line<'_>, i: usize| {
        squares_of(k, line, 0..line.len(), centers.get(i).copied().unwrap_or(0.0))
    };
    let add_rows = |x: &[f32], stride, acc: &mut [f32]| {
        k.sum_squares_columns(x, stride, centers, acc);
    };
    block_sums(k, view, at, sums, add_rows, of_line);
}
