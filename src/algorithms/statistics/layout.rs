//! The bytes of a range state: where everything lies, and whether it can be one.
//!
//! A header, then 32-bit words: the number of items of each kept sample, where there is a batch; the
//! values of the minimum branch; those of the maximum branch. A branch has one value per channel, or
//! a row of channels for each item of each kept sample.

use crate::algorithms::envelope::{Envelope, Format};
use crate::params::statistics::{RangeParams, RangeRules};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

const FORMAT: Format = Format { magic: *b"PTQKRNGE", version: 1 };
/// 64-bit words of the header.
const HEADER: usize = 16;

/// The first bytes of a state.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Header {
    envelope: Envelope,
    pub(super) params: RangeParams,
    pub(super) samples: u64,
}

const _: () = assert!(size_of::<Header>() == 8 * HEADER, "the header of a range state");

/// Where everything lies.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// What the state does.
    pub rules: RangeRules,
    /// Samples that are kept; 0 if no branch needs them.
    pub slots: usize,
    /// Rows of a sample.
    pub items: usize,
    counts: usize,
    values: [usize; 2],
    words: usize,
}

fn overflow() -> Error {
    let rule = c"must give a state that fits into the address space";
    Error::new(Status::SizeOverflow, c"params", rule)
}

impl Layout {
    /// The layout of a state with these rules.
    pub fn new(rules: &RangeRules) -> Result<Self> {
        let [min, max] = rules.branches.map(|branch| branch.aggregator.is_running());
        let slots =
            if min && max { 0 } else { usize::try_from(rules.window).map_err(|_| overflow())? };
        let items = rules.items.map_or(1, |items| items as usize);
        let counts = if rules.items.is_some() { slots } else { 0 };
        let kept = slots.checked_mul(items).and_then(|rows| rows.checked_mul(rules.channels));
        let kept = kept.ok_or(overflow())?;
        let values = [min, max].map(|running| if running { rules.channels } else { kept });
        let all = values.iter().try_fold(counts, |sum, n| sum.checked_add(*n));
        let words = all.map(|words| words.div_ceil(2)).and_then(|words| words.checked_add(HEADER));
        let bytes = words.and_then(|words| words.checked_mul(8));
        match (words, bytes.map(isize::try_from)) {
            (Some(words), Some(Ok(_))) => {
                Ok(Self { rules: *rules, slots, items, counts, values, words })
            }
            _ => Err(overflow()),
        }
    }

    /// Size of the state.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words * 8
    }

    /// Values of all kept samples of a channel.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.slots * self.items
    }

    /// The place of sample `index` among those that are kept.
    pub(super) fn slot(&self, index: u64) -> usize {
        let slot = index.checked_rem(self.slots as u64).unwrap_or(0);
        slot as usize
    }

    /// The samples that are kept when `samples` have counted.
    pub(super) fn kept(&self, samples: u64) -> core::ops::Range<u64> {
        samples.saturating_sub(self.slots as u64)..samples
    }
}

/// A state that is read.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    pub(super) layout: Layout,
    pub(super) header: &'a Header,
    pub(super) counts: &'a [u32],
    pub(super) values: [&'a [f32]; 2],
}

/// A state that is changed.
#[derive(Debug)]
pub struct StateMut<'a> {
    pub(super) layout: Layout,
    pub(super) header: &'a mut Header,
    pub(super) counts: &'a mut [u32],
    pub(super) values: [&'a mut [f32]; 2],
}

/// Refuses bytes that are no state, or not all of one. Nothing but the header is read.
fn check(words: &[u64], argument: &'static CStr) -> Result<Layout> {
    let bad = |field, rule, value: u64| Error::field(argument, field, rule, value as f64);
    let Some(header) = words.first_chunk::<HEADER>() else {
        let rule = c"must hold the header of a state";
        return Err(bad(c"bytes", rule, words.len() as u64 * 8));
    };
    let header: &Header = bytemuck::must_cast_ref(header);
    FORMAT.check(&header.envelope, argument)?;
    let of_state = |error: Error| Error { argument, ..error };
    let rules = header.params.validate().map_err(of_state)?;
    let layout = Layout::new(&rules).map_err(of_state)?;
    let bytes = header.envelope.bytes;
    if bytes != layout.bytes() as u64 {
        return Err(bad(c"bytes", c"must be the size that the parameters give", bytes));
    }
    if words.len() < layout.words {
        return Err(bad(c"state_bytes", c"must be at least the size of the state", bytes));
    }
    if header.samples > rules.samples {
        return Err(bad(c"samples", c"must be at most num_samples", header.samples));
    }
    Ok(layout)
}

impl<'a> State<'a> {
    /// The state in `words`.
    pub fn open(words: &'a [u64], argument: &'static CStr) -> Result<Self> {
        let layout = check(words, argument)?;
        let cut = words.get(..layout.words).and_then(<[u64]>::split_first_chunk::<HEADER>);
        let Some((header, payload)) = cut else { return Err(overflow()) };
        let words: &[u32] = bytemuck::must_cast_slice(payload);
        let [min, max] = layout.values;
        let parts = words.split_at_checked(layout.counts).and_then(|(counts, rest)| {
            let (low, rest) = rest.split_at_checked(min)?;
            Some((counts, low, rest.get(..max)?))
        });
        let Some((counts, low, high)) = parts else { return Err(overflow()) };
        let values = [low, high].map(bytemuck::must_cast_slice);
        Ok(Self { layout, header: bytemuck::must_cast_ref(header), counts, values })
    }

    /// Where everything lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Rows of the sample at `slot`.
    pub(super) fn rows_of(&self, slot: usize) -> usize {
        if self.layout.rules.items.is_none() {
            return 1;
        }
        self.counts.get(slot).map_or(0, |count| (*count as usize).min(self.layout.items))
    }

    /// The values of the sample at `slot` of a branch.
    pub(super) fn sample(&self, which: usize, slot: usize) -> &'a [f32] {
        let len = self.layout.items * self.layout.rules.channels;
        let values = self.values.get(which).copied().unwrap_or_default();
        let from = slot.saturating_mul(len);
        values.get(from..from.saturating_add(len)).unwrap_or_default()
    }

    /// Refuses counts that no sequence of updates gives; answers the settings and the samples.
    pub fn validate(&self, argument: &'static CStr) -> Result<(RangeParams, u64)> {
        let samples = self.header.samples;
        for (slot, count) in self.counts.iter().enumerate() {
            let used = (slot as u64) < samples;
            let fits = if used { 1..=self.layout.items as u64 } else { 0..=0 };
            if !fits.contains(&u64::from(*count)) {
                let rule = c"must count the items of every sample, at most batch_items";
                let error = Error::field(argument, c"items", rule, f64::from(*count));
                return Err(Error { index: slot as u64, ..error });
            }
        }
        Ok((self.header.params, samples))
    }
}

impl<'a> StateMut<'a> {
    /// The state in `words`.
    pub fn open(words: &'a mut [u64], argument: &'static CStr) -> Result<Self> {
        let layout = check(words, argument)?;
        Self::split(words, layout)
    }

    fn split(words: &'a mut [u64], layout: Layout) -> Result<Self> {
        let words = words.get_mut(..layout.words);
        let cut = words.and_then(<[u64]>::split_first_chunk_mut::<HEADER>);
        let Some((header, payload)) = cut else { return Err(overflow()) };
        let words: &mut [u32] = bytemuck::must_cast_slice_mut(payload);
        let [min, max] = layout.values;
        let parts = words.split_at_mut_checked(layout.counts).and_then(|(counts, rest)| {
            let (low, rest) = rest.split_at_mut_checked(min)?;
            Some((counts, low, rest.get_mut(..max)?))
        });
        let Some((counts, low, high)) = parts else { return Err(overflow()) };
        let values = [low, high].map(bytemuck::must_cast_slice_mut);
        Ok(Self { layout, header: bytemuck::must_cast_mut(header), counts, values })
    }

    /// Writes the header of a state without samples in front of zeros.
    pub(super) fn create(
        words: &'a mut [u64],
        params: &RangeParams,
        layout: Layout,
    ) -> Result<Self> {
        words.iter_mut().take(layout.words).for_each(|word| *word = 0);
        let state = Self::split(words, layout)?;
        *state.header =
            Header { envelope: FORMAT.envelope(layout.words), params: *params, samples: 0 };
        Ok(state)
    }

    /// The values of the sample at `slot` of a branch, and the number of its items.
    pub(super) fn sample_mut(&mut self, which: usize, slot: usize) -> &mut [f32] {
        let len = self.layout.items * self.layout.rules.channels;
        let from = slot.saturating_mul(len);
        let values = self.values.get_mut(which);
        values.and_then(|v| v.get_mut(from..from.saturating_add(len))).unwrap_or_default()
    }
}
