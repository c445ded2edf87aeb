//! The bytes of a sketch: a header, the number of elements of each level, and the levels.

use crate::algorithms::envelope::{Envelope, Format, check_params_size, incomplete};
use crate::params::sketch::{SKETCH_MAX_ELEMENTS, SketchParams, SketchShape, SketchSummary};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

const FORMAT: Format = Format { magic: *b"PTQKSKCH", version: 1 };

/// What a state begins with. `ptqk_sketch_state_size` documents the layout.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Header {
    envelope: Envelope,
    params: SketchParams,
    pub(super) summary: SketchSummary,
    /// Bit `h` is set if level `h` keeps the odd elements next.
    pub(super) odd: u64,
}

/// Words of the header.
const HEADER: usize = size_of::<Header>() / 8;

const _: () = assert!(size_of::<Header>() == 72, "header of a sketch");

/// Words of the numbers of elements.
fn count_words(shape: SketchShape) -> usize {
    shape.levels.div_ceil(2)
}

/// Words of a state.
fn words(shape: SketchShape) -> usize {
    // The capacity is even.
    HEADER + count_words(shape) + shape.capacity / 2 * shape.levels
}

/// A state that is read.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    pub(super) header: Header,
    pub(super) shape: SketchShape,
    counts: &'a [u32],
    items: &'a [f32],
}

/// Refuses what is no header of a sketch of `given` words.
fn check(header: &Header, given: usize, argument: &'static CStr) -> Result<SketchShape> {
    FORMAT.check(&header.envelope, argument)?;
    check_params_size::<SketchParams>(header.params.size, argument)?;
    let shape = header.params.validate().map_err(|error| Error { argument, ..error })?;
    header.envelope.check_size(words(shape), given, argument)?;
    Ok(shape)
}

impl<'a> State<'a> {
    /// The state in `words`; the levels are not looked at.
    pub fn open(words: &'a [u64], argument: &'static CStr) -> Result<Self> {
        let Some((header, rest)) = words.split_first_chunk::<HEADER>() else {
            return Err(incomplete(argument, words.len() as u64 * 8));
        };
        let header: Header = bytemuck::must_cast(*header);
        let shape = check(&header, words.len(), argument)?;
        let (counts, items) = rest.split_at_checked(count_words(shape)).unwrap_or_default();
        let counts = bytemuck::must_cast_slice(counts);
        Ok(Self { header, shape, counts, items: bytemuck::must_cast_slice(items) })
    }

    /// Reads all of a state that may have been damaged since it was written.
    pub fn load(words: &'a [u64], argument: &'static CStr) -> Result<Self> {
        let state = Self::open(words, argument)?;
        let SketchSummary { total, min, max, .. } = state.summary();
        let refuse = |field, rule, value| Err(Error::field(argument, field, rule, value));
        if !(min.is_finite() && max.is_finite() && min <= max) {
            return refuse(c"max", c"must be an element not below min", f64::from(max));
        }
        let mut sum = 0_u64;
        for (level, count) in (0..state.shape.levels).zip(state.counts) {
            if *count as usize > state.shape.capacity {
                let rule = c"must be at most the capacity";
                return refuse(c"count", rule, f64::from(*count));
            }
            sum = sum.saturating_add(u64::from(*count) << level);
            let items = state.level(level);
            let fits = |x: &f32| (min..=max).contains(x);
            if let Some(index) = items.iter().position(|x| !fits(x)) {
                let value = items.get(index).map_or(0.0, |x| f64::from(*x));
                let rule = c"must be in min..max";
                return refuse(c"element", rule, value);
            }
        }
        if sum != total || total > SKETCH_MAX_ELEMENTS {
            return refuse(c"total", c"must be what the elements stand for", total as f64);
        }
        Ok(state)
    }

    /// What the sketch is like.
    #[must_use]
    pub fn shape(&self) -> SketchShape {
        self.shape
    }

    /// The parameters that make such a sketch.
    #[must_use]
    pub fn params(&self) -> SketchParams {
        self.header.params
    }

    /// Everything but the levels.
    #[must_use]
    pub fn summary(&self) -> SketchSummary {
        self.header.summary
    }

    /// The elements of a level.
    pub(super) fn level(&self, level: usize) -> &'a [f32] {
        let capacity = self.shape.capacity;
        let from = level.saturating_mul(capacity);
        let items = self.items.get(from..from.saturating_add(capacity)).unwrap_or_default();
        let count = self.counts.get(level).map_or(0, |count| *count as usize);
        items.get(..count).unwrap_or(items)
    }
}

/// A state that is written.
#[derive(Debug)]
pub struct StateMut<'a> {
    pub(super) header: &'a mut Header,
    pub(super) shape: SketchShape,
    pub(super) counts: &'a mut [u32],
    pub(super) items: &'a mut [f32],
}

impl<'a> StateMut<'a> {
    /// Words of the state of such a sketch.
    #[must_use]
    pub fn words(shape: SketchShape) -> usize {
        words(shape)
    }

    /// Makes an empty sketch. `words` has the size that it needs.
    pub fn init(params: SketchParams, shape: SketchShape, words: &'a mut [u64]) -> Result<Self> {
        let count = words.len();
        words.fill(0);
        let Some((header, _)) = words.split_first_chunk_mut::<HEADER>() else {
            return Err(incomplete(c"state", count as u64 * 8));
        };
        let header: &mut Header = bytemuck::must_cast_mut(header);
        *header = Header {
            envelope: FORMAT.envelope(self::words(shape)),
            params,
            summary: SketchSummary::default(),
            odd: 0,
        };
        Self::open(words, c"state")
    }

    /// As [`State::open`].
    pub fn open(words: &'a mut [u64], argument: &'static CStr) -> Result<Self> {
        let shape = State::open(words, argument)?.shape;
        let count = words.len();
        let Some((header, rest)) = words.split_first_chunk_mut::<HEADER>() else {
            return Err(incomplete(argument, count as u64 * 8));
        };
        let (counts, items) = rest.split_at_mut_checked(count_words(shape)).unwrap_or_default();
        Ok(Self {
            header: bytemuck::must_cast_mut(header),
            shape,
            counts: bytemuck::must_cast_slice_mut(counts),
            items: bytemuck::must_cast_slice_mut(items),
        })
    }

    /// Counts elements and widens the range; refuses more than a sketch can take.
    pub(super) fn join(&mut self, (min, max): (f32, f32), elements: u64) -> Result {
        let summary = &mut self.header.summary;
        let total = summary.total.saturating_add(elements);
        if total > SKETCH_MAX_ELEMENTS {
            let rule = c"must stay at most 2^40 elements";
            let error = Error::new(Status::SizeOverflow, c"state", rule);
            return Err(Error { value: total as f64, ..error });
        }
        if summary.total == 0 {
            (summary.min, summary.max) = (min, max);
        } else {
            (summary.min, summary.max) = (summary.min.min(min), summary.max.max(max));
        }
        summary.total = total;
        Ok(())
    }
}
