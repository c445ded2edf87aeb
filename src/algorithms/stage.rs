//! Rows in pieces that fit into a small buffer: other float types become f32 there, packed codes
//! become bytes.

use crate::kernels::Kernels;
use crate::views::{Run, RunMut};
use core::num::NonZeroUsize;
use core::ops::Range;

/// Elements of a piece. A multiple of the units of all packed codes.
pub(crate) const STAGE: usize = 256;

/// The pieces of `0..len`.
pub(crate) fn pieces(len: usize) -> impl Iterator<Item = Range<usize>> {
    cuts(0..len, STAGE)
}

/// `range` in steps of `step`, which is not 0; the last may be shorter.
pub(crate) fn cuts(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    core::iter::from_fn(move || {
        let start = at;
        at = range.end.min(start.saturating_add(step));
        (start < at).then_some(start..at)
    })
}

/// The elements as f32: borrowed where they are, in `buffer` otherwise, which they must fit.
#[inline]
pub(crate) fn widened<'a>(k: &Kernels, run: Run<'a>, buffer: &'a mut [f32]) -> &'a [f32] {
    let buffer = buffer.get_mut(..run.len()).unwrap_or_default();
    match run {
        Run::F32(x) => return x,
        Run::F16(x) => k.widen_f16(x, buffer),
        Run::Bf16(x) => k.widen_bf16(x, buffer),
    }
    buffer
}

/// Minimum and maximum of every group of a run, of whatever type.
#[cfg(any(feature = "range", feature = "weights"))]
pub(crate) fn group_extremes(
    k: &Kernels,
    run: Run<'_>,
    group: NonZeroUsize,
    min: &mut [f32],
    max: &mut [f32],
) {
    match run {
        Run::F32(x) => k.min_max(x, group, min, max),
        Run::F16(x) => k.min_max_f16(x, group, min, max),
        Run::Bf16(x) => k.min_max_bf16(x, group, min, max),
    }
}

/// Makes the f32 elements of `run` with `fill`: in place where it is f32, through a buffer
/// otherwise. A run is at most one piece long unless it is f32.
#[inline]
pub(crate) fn narrowed(k: &Kernels, run: RunMut<'_>, fill: impl FnOnce(&mut [f32])) {
    let mut buffer = [0.0; STAGE];
    match run {
        RunMut::F32(y) => fill(y),
        RunMut::F16(y) => {
            let part = buffer.get_mut(..y.len()).unwrap_or_default();
            fill(part);
            k.narrow_f16(part, y);
        }
        RunMut::Bf16(y) => {
            let part = buffer.get_mut(..y.len()).unwrap_or_default();
            fill(part);
            k.narrow_bf16(part, y);
        }
    }
}

/// Copies the elements to `to`, as f32.
#[inline]
pub(crate) fn widen_into(k: &Kernels, run: Run<'_>, to: &mut [f32]) {
    match run {
        Run::F32(x) => to.iter_mut().zip(x).for_each(|(to, from)| *to = *from),
        Run::F16(x) => k.widen_f16(x, to),
        Run::Bf16(x) => k.widen_bf16(x, to),
    }
}

/// Changes the elements of `run`, at most one piece, as f32.
#[inline]
pub(crate) fn modified(k: &Kernels, run: RunMut<'_>, change: impl FnOnce(&mut [f32])) {
    let mut buffer = [0.0; STAGE];
    match run {
        RunMut::F32(y) => change(y),
        RunMut::F16(y) => {
            let part = buffer.get_mut(..y.len()).unwrap_or_default();
            k.widen_f16(y, part);
            change(part);
            k.narrow_f16(part, y);
        }
        RunMut::Bf16(y) => {
            let part = buffer.get_mut(..y.len()).unwrap_or_default();
            k.widen_bf16(y, part);
            change(part);
            k.narrow_bf16(part, y);
        }
    }
}

/// Cuts `range` of a row at the borders of its groups: calls `f` with runs of whole groups where
/// there are some, of a part of one group otherwise, and with the index of the first group.
#[inline]
pub(crate) fn group_runs(
    range: Range<usize>,
    group: NonZeroUsize,
    mut f: impl FnMut(Range<usize>, usize),
) {
    let mut at = range.start;
    while at < range.end {
        let (index, inside) = (at / group, at % group);
        let left = range.end - at;
        let whole = left - left % group;
        let step = if inside == 0 && whole > 0 { whole } else { left.min(group.get() - inside) };
        f(at..at + step, index);
        at += step;
    }
}
