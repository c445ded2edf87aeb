//! The bytes of a histogram: a header and one 64-bit word per bin, in the byte order of the machine.

use crate::algorithms::envelope::{Envelope, Format, incomplete};
use crate::algorithms::histogram::density::{higher, lower};
use crate::algorithms::histogram::grid::Grid;
use crate::params::histogram::{HistogramKind, HistogramParams, HistogramShape, HistogramSummary};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

/// What a state begins with. `ptqk_histogram_state_size` documents the layout.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
struct Header {
    envelope: Envelope,
    checksum: u64,
    kind: u32,
    num_bins: u32,
    upsample_rate: u32,
    exponent: i32,
    first: i64,
    min: f64,
    max: f64,
    total: u64,
    updates: u64,
}

/// Words of the header.
const HEADER: usize = size_of::<Header>() / 8;

/// Words before the checksum, which covers all others.
const BEFORE_CHECKSUM: usize = core::mem::offset_of!(Header, checksum) / 8;

const FORMAT: Format = Format { magic: *b"PTQKHIST", version: 1 };

const _: () = assert!(size_of::<Header>() == 88, "header of a histogram");

/// Largest difference of the sum of fractional counts from the number of elements, as a share.
const ROUNDING: f64 = 1e-6;

impl Header {
    fn new(shape: HistogramShape) -> Self {
        Self {
            envelope: FORMAT.envelope(words(shape)),
            checksum: 0,
            kind: shape.kind as u32,
            num_bins: shape.num_bins as u32,
            upsample_rate: shape.upsample_rate as u32,
            exponent: 0,
            first: 0,
            min: 0.0,
            max: 0.0,
            total: 0,
            updates: 0,
        }
    }

    fn params(&self) -> HistogramParams {
        let Self { kind, num_bins, upsample_rate, .. } = *self;
        HistogramParams { kind, num_bins, upsample_rate, ..HistogramParams::DEFAULT }
    }

    fn grid(&self) -> Grid {
        Grid { exponent: self.exponent, first: self.first }
    }

    /// Checks everything but the counts, for a state of `words` words.
    fn shape(&self, words_given: usize, argument: &'static CStr) -> Result<HistogramShape> {
        let refuse = |field, rule, value| Err(Error::field(argument, field, rule, value));
        FORMAT.check(&self.envelope, argument)?;
        let named = |error: Error| Error { argument, ..error };
        let shape = self.params().validate().map_err(named)?;
        self.envelope.check_size(words(shape), words_given, argument)?;
        // Elements are floats of 32 bits: this also refuses what is not finite.
        let is_element = |x: f64| f64::from(x as f32) == x && x.is_finite();
        if !is_element(self.min) || !(self.total > 0 || self.min == 0.0) {
            return refuse(c"min", c"must be an element", self.min);
        }
        if !is_element(self.max) || self.max < self.min || !(self.total > 0 || self.max == 0.0) {
            return refuse(c"max", c"must be an element not below min", self.max);
        }
        let empty = Grid { exponent: 0, first: 0 };
        let grid = match shape.kind {
            HistogramKind::Mergeable if self.total > 0 => {
                Grid::new(self.min, self.max, shape.num_bins)
            }
            _ => empty,
        };
        if grid != self.grid() {
            let rule = c"must be that of the range";
            return refuse(c"exponent", rule, f64::from(self.exponent));
        }
        if self.updates > self.total || (self.updates == 0) != (self.total == 0) {
            let rule = c"must be at least 1 and at most the number of elements";
            return refuse(c"updates", rule, self.updates as f64);
        }
        Ok(shape)
    }
}

/// Words of a state.
fn words(shape: HistogramShape) -> usize {
    HEADER + shape.num_bins
}

/// Every word takes part in one of four sums; changing one word changes the result.
fn checksum(header: &Header, counts: &[u64]) -> u64 {
    fn mix(sum: u64, word: u64) -> u64 {
        let sum = (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        sum ^ sum >> 32
    }
    let words = bytemuck::must_cast::<Header, [u64; HEADER]>(*header);
    let others = words.iter().take(BEFORE_CHECKSUM).chain(words.iter().skip(BEFORE_CHECKSUM + 1));
    let mut sums = [1, 2, 3, others.fold(4, |sum, word| mix(sum, *word))];
    let (fours, rest) = counts.as_chunks::<4>();
    for four in fours {
        sums.iter_mut().zip(four).for_each(|(sum, word)| *sum = mix(*sum, *word));
    }
    rest.iter().chain(&sums).fold(5, |sum, word| mix(sum, *word))
}

/// A state that is read.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    header: Header,
    shape: HistogramShape,
    counts: &'a [u64],
}

impl<'a> State<'a> {
    /// Reads the header; `argument` is the C name of the state.
    pub fn open(words: &'a [u64], argument: &'static CStr) -> Result<Self> {
        let Some((header, counts)) = words.split_first_chunk::<HEADER>() else {
            return Err(incomplete(argument, words.len() as u64 * 8));
        };
        let header: Header = bytemuck::must_cast(*header);
        let shape = header.shape(words.len(), argument)?;
        Ok(Self { header, shape, counts })
    }

    /// Reads all of a state that may have been damaged since it was written.
    pub fn load(words: &'a [u64], argument: &'static CStr) -> Result<Self> {
        let state = Self::open(words, argument)?;
        if checksum(&state.header, state.counts) != state.header.checksum {
            let rule = c"must be that of the bytes";
            return Err(Error::field(argument, c"checksum", rule, 0.0));
        }
        // The checksum finds accidents; what was made on purpose shall be consistent at least.
        let total = state.header.total;
        let consistent = match state.shape.kind {
            HistogramKind::Mergeable => {
                let sum = state.counts.iter().try_fold(0_u64, |sum, n| sum.checked_add(*n));
                sum == Some(total)
            }
            HistogramKind::Parity => {
                let all = state.fractions().iter().all(|n| n.is_finite() && *n >= 0.0);
                let sum: f64 = state.fractions().iter().sum();
                all && (sum - total as f64).abs() <= total as f64 * ROUNDING
            }
        };
        if !consistent {
            let rule = c"must be the sum of the counts";
            return Err(Error::field(argument, c"total", rule, total as f64));
        }
        Ok(state)
    }

    /// What the histogram is like.
    #[must_use]
    pub fn shape(&self) -> HistogramShape {
        self.shape
    }

    /// The parameters that make such a histogram.
    #[must_use]
    pub fn params(&self) -> HistogramParams {
        self.header.params()
    }

    /// Number of elements.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.header.total
    }

    /// Number of updates.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.header.updates
    }

    /// The smallest and the largest element, if there is one.
    #[must_use]
    pub fn extremes(&self) -> Option<(f64, f64)> {
        (self.total() > 0).then_some((self.header.min, self.header.max))
    }

    /// The grid of a mergeable histogram.
    pub(super) fn grid(&self) -> Grid {
        self.header.grid()
    }

    /// The counts of a mergeable histogram.
    pub(super) fn integers(&self) -> &'a [u64] {
        self.counts
    }

    /// The counts of a parity histogram.
    pub(super) fn fractions(&self) -> &'a [f64] {
        bytemuck::must_cast_slice(self.counts)
    }

    /// Where bin 0 begins, and the width of a bin.
    #[must_use]
    pub fn scale(&self) -> (f64, f64) {
        match self.shape.kind {
            HistogramKind::Parity => {
                let Header { min, max, .. } = self.header;
                (min, (max - min) / self.shape.num_bins as f64)
            }
            HistogramKind::Mergeable if self.total() == 0 => (0.0, 0.0),
            HistogramKind::Mergeable => {
                let width = self.grid().width();
                (self.header.first as f64 * width, width)
            }
        }
    }

    /// Everything but the counts.
    #[must_use]
    pub fn summary(&self) -> HistogramSummary {
        let Header { min, max, total, updates, kind, num_bins, .. } = self.header;
        let (low, width) = self.scale();
        let high = match self.shape.kind {
            HistogramKind::Parity => max,
            HistogramKind::Mergeable => low + width * self.shape.num_bins as f64,
        };
        HistogramSummary { low, high, min, max, total, updates, kind, num_bins }
    }

    /// Writes the counts.
    pub fn counts_into(&self, to: &mut [f64]) {
        match self.shape.kind {
            HistogramKind::Parity => {
                to.iter_mut().zip(self.fractions()).for_each(|(to, n)| *to = *n);
            }
            HistogramKind::Mergeable => {
                to.iter_mut().zip(self.counts).for_each(|(to, n)| *to = *n as f64);
            }
        }
    }
}

/// A state that is written.
#[derive(Debug)]
pub struct StateMut<'a> {
    header: &'a mut Header,
    shape: HistogramShape,
    counts: &'a mut [u64],
}

impl<'a> StateMut<'a> {
    /// Words of the state of such a histogram.
    #[must_use]
    pub fn words(shape: HistogramShape) -> usize {
        words(shape)
    }

    /// Makes an empty histogram. `words` has the size that it needs.
    pub fn init(shape: HistogramShape, words: &'a mut [u64]) -> Result<Self> {
        let count = words.len();
        let Some((header, counts)) = words.split_first_chunk_mut::<HEADER>() else {
            return Err(incomplete(c"state", count as u64 * 8));
        };
        counts.fill(0);
        let header: &mut Header = bytemuck::must_cast_mut(header);
        *header = Header::new(shape);
        let mut state = Self { header, shape, counts };
        state.seal();
        Ok(state)
    }

    /// As [`State::open`].
    pub fn open(words: &'a mut [u64], argument: &'static CStr) -> Result<Self> {
        let shape = State::open(words, argument)?.shape;
        let count = words.len();
        let Some((header, counts)) = words.split_first_chunk_mut::<HEADER>() else {
            return Err(incomplete(argument, count as u64 * 8));
        };
        Ok(Self { header: bytemuck::must_cast_mut(header), shape, counts })
    }

    /// The same state, to read.
    #[must_use]
    pub fn as_state(&self) -> State<'_> {
        State { header: *self.header, shape: self.shape, counts: self.counts }
    }

    /// The range and the numbers of elements and updates with `other` added; refuses what cannot be
    /// counted.
    pub(super) fn joined(
        &self,
        (min, max): (f64, f64),
        total: u64,
        updates: u64,
    ) -> Result<Contents> {
        let header = &self.header;
        let Some(sum) = header.total.checked_add(total) else {
            let rule = c"must stay below 2^64 elements";
            return Err(Error::new(Status::SizeOverflow, c"state", rule));
        };
        let (min, max) = match header.total {
            0 => (min, max),
            _ => (lower(header.min, min), higher(header.max, max)),
        };
        // Never more than elements.
        let updates = header.updates.saturating_add(updates);
        let grid = match self.shape.kind {
            HistogramKind::Parity => Grid { exponent: 0, first: 0 },
            HistogramKind::Mergeable => Grid::new(min, max, self.shape.num_bins),
        };
        Ok(Contents { min, max, total: sum, updates, grid })
    }

    /// Replaces contents and counts.
    pub(super) fn replace(&mut self, contents: Contents, counts: &[u64]) {
        let Contents { min, max, total, updates, grid } = contents;
        let Grid { exponent, first } = grid;
        *self.header = Header { min, max, total, updates, exponent, first, ..*self.header };
        self.counts.iter_mut().zip(counts).for_each(|(to, from)| *to = *from);
        self.seal();
    }

    fn seal(&mut self) {
        self.header.checksum = checksum(self.header, self.counts);
    }
}

/// What a state says about its elements, apart from the counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contents {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) total: u64,
    pub(super) updates: u64,
    pub(super) grid: Grid,
}
