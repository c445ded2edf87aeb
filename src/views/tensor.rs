//! Tensors as the safe layers see them: their elements as runs that lie evenly in memory.
//!
//! A reduction sees a tensor as items, channels, and the elements of a channel in two nested loops:
//! the axes before the channels, `outer`, and those after them, `inner`. Neighbouring axes that lie
//! closely are one axis here, so a dense tensor has long runs.

use crate::params::matrix::Dtype;
use crate::views::Run;
use core::marker::PhantomData;
use core::ops::Range;
use half::{bf16, f16};

/// Most axes of a tensor.
pub const MAX_RANK: usize = 8;

/// An axis: its length, and the elements from one index to the next.
pub type Axis = (usize, usize);

/// Some axes, the slowest first, none of length 1.
#[derive(Clone, Copy, Debug)]
struct Axes {
    axes: [Axis; MAX_RANK],
    used: usize,
    count: usize,
}

impl Axes {
    /// The axes of `all` in their order. None is empty, and their product fits.
    fn new<'a>(all: impl Iterator<Item = &'a Axis>) -> Self {
        let mut new = Self { axes: [(1, 0); MAX_RANK], used: 0, count: 1 };
        for &(length, stride) in all {
            new.count = new.count.saturating_mul(length);
            if length == 1 {
                continue;
            }
            let last = new.used.checked_sub(1).and_then(|last| new.axes.get_mut(last));
            match last {
                // One step of the axis before is a whole of this one: both are one axis.
                Some((outer, step)) if Some(*step) == length.checked_mul(stride) => {
                    (*outer, *step) = (outer.saturating_mul(length), stride);
                }
                _ => {
                    if let Some(next) = new.axes.get_mut(new.used) {
                        *next = (length, stride);
                        new.used += 1;
                    }
                }
            }
        }
        new
    }

    /// Where element `index` is, how many from there on lie evenly, and how far apart.
    fn locate(&self, index: usize) -> (usize, usize, usize) {
        let (mut rest, mut offset) = (index, 0);
        let mut run = None;
        let used = self.axes.get(..self.used).unwrap_or_default();
        for &(length, stride) in used.iter().rev() {
            let here = rest.checked_rem(length).unwrap_or(0);
            rest = rest.checked_div(length).unwrap_or(0);
            offset += here * stride;
            run = run.or(Some((length - here, stride)));
        }
        let (left, stride) = run.unwrap_or((1, 1));
        (offset, left, stride)
    }
}

/// A tensor that is read; it is not empty.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    data: *const u8,
    dtype: Dtype,
    axes: [Axis; MAX_RANK],
    rank: usize,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> TensorView<'a> {
    /// # Safety
    /// `data` is aligned for `dtype`; `axes` are at most `MAX_RANK`, none is empty; every element that
    /// they name is initialized and unchanging during `'a`, within one object whose size is at most
    /// `isize::MAX`, and there are at most `isize::MAX` of them.
    #[must_use]
    pub unsafe fn new(data: *const u8, dtype: Dtype, axes: &[Axis]) -> Self {
        let mut all = [(1, 0); MAX_RANK];
        for (to, from) in all.iter_mut().zip(axes) {
            *to = *from;
        }
        let rank = axes.len().min(MAX_RANK);
        Self { data, dtype, axes: all, rank, lifetime: PhantomData }
    }

    /// The axes.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        self.axes.get(..self.rank).unwrap_or_default()
    }

    /// Number of elements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.axes().iter().fold(1, |count, axis| count.saturating_mul(axis.0))
    }

    fn split(&self, items: Range<usize>, channels: Range<usize>) -> ChannelView<'a> {
        let axes = |range: Range<usize>| self.axes().get(range).unwrap_or_default().iter();
        let (outer, inner) = (items.end..channels.start, channels.end..self.rank);
        let kept = Axes::new(axes(channels.clone()));
        let (channels, outer, inner) = if kept.count == 1 {
            // A single channel is one loop over everything.
            (kept, Axes::new([].iter()), Axes::new(axes(outer).chain(axes(inner))))
        } else {
            (kept, Axes::new(axes(outer)), Axes::new(axes(inner)))
        };
        let items = Axes::new(axes(items));
        ChannelView {
            data: self.data,
            dtype: self.dtype,
            items,
            outer,
            channels,
            inner,
            lifetime: PhantomData,
        }
    }

    /// The channels of `channel_axis`, or one for all elements; with `keep_batch`, for each index of
    /// axis 0, which is another axis.
    #[must_use]
    pub fn by_channel(&self, channel_axis: Option<usize>, keep_batch: bool) -> ChannelView<'a> {
        let first = usize::from(keep_batch).min(self.rank);
        let channel =
            channel_axis.map_or(first..first, |axis| axis.max(first)..axis.max(first) + 1);
        self.split(0..first, channel.start.min(self.rank)..channel.end.min(self.rank))
    }

    /// What is reduced along `axis` and kept along all others.
    #[must_use]
    pub fn along(&self, axis: usize) -> ChannelView<'a> {
        let axis = axis.min(self.rank.saturating_sub(1));
        self.split(0..axis, axis + 1..self.rank)
    }
}

/// Items of channels of elements.
#[derive(Clone, Copy, Debug)]
pub struct ChannelView<'a> {
    data: *const u8,
    dtype: Dtype,
    items: Axes,
    outer: Axes,
    channels: Axes,
    inner: Axes,
    lifetime: PhantomData<&'a [u8]>,
}

// SAFETY: a shared view of memory that nobody writes while it lives.
unsafe impl Sync for ChannelView<'_> {}

impl ChannelView<'_> {
    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items.count
    }

    /// Number of channels of an item.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels.count
    }

    /// Lines of a channel.
    #[must_use]
    pub fn outer(&self) -> usize {
        self.outer.count
    }

    /// Elements of a line.
    #[must_use]
    pub fn inner(&self) -> usize {
        self.inner.count
    }

    /// Elements of a channel.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.outer.count.saturating_mul(self.inner.count)
    }

    /// Whether neighbours are of different channels: rows of channels are longer than lines.
    #[must_use]
    pub fn is_by_column(&self) -> bool {
        self.channels.count > 1 && self.inner.count == 1
    }

    fn at<'v>(&'v self, places: [(&Axes, usize); 3], all: &'v Axes) -> Line<'v> {
        let mut offset = 0;
        for (axes, index) in places {
            if index >= axes.count {
                let Self { data, dtype, .. } = *self;
                return Line { data, dtype, axes: all, len: 0, view: PhantomData };
            }
            offset += axes.locate(index).0;
        }
        // SAFETY: the indices exist, so their first element lies within the tensor.
        let data = unsafe { self.data.add(offset * self.dtype.bytes()) };
        Line { data, dtype: self.dtype, axes: all, len: all.count, view: PhantomData }
    }

    /// The elements of a channel of one index of the outer axes.
    #[must_use]
    pub fn line(&self, item: usize, outer: usize, channel: usize) -> Line<'_> {
        let places = [(&self.items, item), (&self.outer, outer), (&self.channels, channel)];
        self.at(places, &self.inner)
    }

    /// The first elements of all channels of one index of the outer axes.
    #[must_use]
    pub fn row(&self, item: usize, outer: usize) -> Line<'_> {
        let places = [(&self.items, item), (&self.outer, outer), (&self.inner, 0)];
        self.at(places, &self.channels)
    }

    /// The rows from the start of `outers` on that lie one after the other, as one run: at most the
    /// range, none where rows have gaps.
    #[must_use]
    pub fn rows(&self, item: usize, outers: Range<usize>) -> Run<'_> {
        let (width, none) = (self.channels.count, Run::F32(&[]));
        let (_, left, stride) = self.outer.locate(outers.start);
        let most = outers.end.min(self.outer.count).saturating_sub(outers.start);
        let n = if stride == width { left.min(most) } else { most.min(1) };
        let row = self.row(item, outers.start);
        match row.part(0..width) {
            Part::Dense(run) if n > 0 && run.len() == width => {
                // SAFETY: the elements of each row are neighbours, and `n` rows follow each other; they
                // are elements of the tensor, for which `new` vouches.
                unsafe { row.dense(row.data, n.saturating_mul(width)) }
            }
            _ => none,
        }
    }

    /// The first elements of all lines of a channel.
    #[must_use]
    pub fn column(&self, item: usize, channel: usize) -> Line<'_> {
        let places = [(&self.items, item), (&self.channels, channel), (&self.inner, 0)];
        self.at(places, &self.outer)
    }
}

/// Elements in one order.
#[derive(Clone, Copy, Debug)]
pub struct Line<'v> {
    data: *const u8,
    dtype: Dtype,
    axes: &'v Axes,
    len: usize,
    view: PhantomData<&'v [u8]>,
}

// SAFETY: a shared view of memory that nobody writes while it lives.
unsafe impl Sync for Line<'_> {}

/// Elements that lie evenly.
#[derive(Clone, Copy, Debug)]
pub enum Part<'v> {
    /// Neighbours.
    Dense(Run<'v>),
    /// Others.
    Spread(Spread<'v>),
}

/// Elements that are equally far apart.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'v> {
    data: *const u8,
    dtype: Dtype,
    len: usize,
    stride: usize,
    view: PhantomData<&'v [u8]>,
}

impl Part<'_> {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Dense(run) => run.len(),
            Self::Spread(spread) => spread.len,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'v> Line<'v> {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements from the start of `range` on that lie evenly, at most the range.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Part<'v> {
        let most = range.end.min(self.len).saturating_sub(range.start);
        if most == 0 {
            return Part::Dense(Run::F32(&[]));
        }
        let (offset, left, stride) = self.axes.locate(range.start);
        let n = left.min(most);
        // SAFETY: `range.start` is below the number of elements, so it is one of the tensor.
        let at = unsafe { self.data.add(offset * self.dtype.bytes()) };
        if n > 1 && stride != 1 {
            let Self { dtype, view, .. } = *self;
            return Part::Spread(Spread { data: at, dtype, len: n, stride, view });
        }
        // SAFETY: `n` elements from there on are neighbours in the innermost axis; `new` vouches for
        // them.
        Part::Dense(unsafe { self.dense(at, n) })
    }

    /// # Safety
    /// `n` elements of the tensor are neighbours from `at` on.
    unsafe fn dense(&self, at: *const u8, n: usize) -> Run<'v> {
        // SAFETY: the contract of this function.
        unsafe {
            match self.dtype {
                Dtype::F32 => Run::F32(core::slice::from_raw_parts(at.cast(), n)),
                Dtype::F16 => Run::F16(core::slice::from_raw_parts(at.cast(), n)),
                Dtype::Bf16 => Run::Bf16(core::slice::from_raw_parts(at.cast(), n)),
            }
        }
    }
}

impl Spread<'_> {
    /// Copies the elements to as many of `to` as there are, as f32.
    pub fn copy_to(&self, to: &mut [f32]) {
        for (i, to) in to.iter_mut().take(self.len).enumerate() {
            // SAFETY: `i` is below the number of elements, for which `Line::part` vouches.
            let at = unsafe { self.data.add(i * self.stride * self.dtype.bytes()) };
            // SAFETY: as above, aligned by `TensorView::new`.
            *to = unsafe {
                match self.dtype {
                    Dtype::F32 => at.cast::<f32>().read(),
                    Dtype::F16 => at.cast::<f16>().read().to_f32(),
                    Dtype::Bf16 => at.cast::<bf16>().read().to_f32(),
                }
            };
        }
    }
}
