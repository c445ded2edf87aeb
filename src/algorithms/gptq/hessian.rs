//! The Hessian of a layer: sums of products of activations, in a state in the caller's memory.

use crate::algorithms::envelope::{Envelope, Format, check_params_size, incomplete};
use crate::algorithms::finite::finite;
use crate::algorithms::linalg::gemm;
use crate::algorithms::linalg::syrk::{mirror, syrk};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec};
use crate::params::gptq::{HessianMean, HessianParams, HessianSummary};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::{MatrixView, MatrixViewMut};
use core::ffi::CStr;

const FORMAT: Format = Format { magic: *b"PTQKHESS", version: 1 };

/// What a state begins with. `ptqk_hessian_state_size` documents the layout.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
struct Header {
    envelope: Envelope,
    params: HessianParams,
    summary: HessianSummary,
    reserved: u64,
}

/// Words of the header.
const HEADER: usize = size_of::<Header>() / 8;

const _: () = assert!(size_of::<Header>() == 64, "header of a Hessian");

/// Words of a state with so many channels.
pub fn words(channels: usize) -> Result<usize> {
    let sums = channels.checked_mul(channels).map(|n| n.div_ceil(2));
    let words = sums.and_then(|n| n.checked_add(HEADER));
    let fits = words.filter(|n| n.checked_mul(8).is_some_and(|n| isize::try_from(n).is_ok()));
    let rule = c"must fit into the address space";
    fits.ok_or(Error::new(Status::SizeOverflow, c"params", rule))
}

/// A state that is read.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    header: Header,
    mean: HessianMean,
    channels: usize,
    sums: &'a [f32],
}

impl<'a> State<'a> {
    /// The state in `words`.
    pub fn open(words: &'a [u64], argument: &'static CStr) -> Result<Self> {
        let Some((header, sums)) = words.split_first_chunk::<HEADER>() else {
            return Err(incomplete(argument, words.len() as u64 * 8));
        };
        let header: Header = bytemuck::must_cast(*header);
        FORMAT.check(&header.envelope, argument)?;
        check_params_size::<HessianParams>(header.params.size, argument)?;
        let checked = header
            .params
            .validate()
            .and_then(|(mean, channels)| Ok((mean, channels, self::words(channels)?)));
        let (mean, channels, needed) = checked.map_err(|error| Error { argument, ..error })?;
        header.envelope.check_size(needed, words.len(), argument)?;
        if header.reserved != 0 {
            let value = header.reserved as f64;
            return Err(Error::field(argument, c"reserved", c"must be 0", value));
        }
        let HessianSummary { items, tokens } = header.summary;
        if (items == 0) != (tokens == 0) {
            let rule = c"must be 0 if and only if there are no tokens";
            return Err(Error::field(argument, c"items", rule, items as f64));
        }
        Ok(Self { header, mean, channels, sums: bytemuck::must_cast_slice(sums) })
    }

    /// Input channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The parameters that make such a state, and what it has seen.
    #[must_use]
    pub fn about(&self) -> (HessianParams, HessianSummary) {
        (self.header.params, self.header.summary)
    }
}

/// Makes a state that has seen nothing; `words` has its size.
pub fn init(params: HessianParams, words: &mut [u64]) -> Result {
    let count = words.len();
    words.fill(0);
    let Some((header, _)) = words.split_first_chunk_mut::<HEADER>() else {
        return Err(incomplete(c"state", count as u64 * 8));
    };
    let envelope = FORMAT.envelope(count);
    let summary = HessianSummary::default();
    *header = bytemuck::must_cast(Header { envelope, params, summary, reserved: 0 });
    State::open(words, c"state").map(|_| ())
}

/// Bytes of workspace to add activations of so many tokens.
pub fn workspace_size(channels: usize, tokens: usize) -> Result<usize> {
    gemm::workspace_size((channels, channels, tokens))
}

/// Header and sums of a state that is written, and its number of channels.
fn open_mut(words: &mut [u64]) -> Result<(&mut Header, &mut [f32], usize)> {
    let channels = State::open(words, c"state")?.channels;
    let count = words.len() as u64 * 8;
    let Some((header, sums)) = words.split_first_chunk_mut::<HEADER>() else {
        return Err(incomplete(c"state", count));
    };
    let sums: &mut [f32] = bytemuck::must_cast_slice_mut(sums);
    let sums = sums.get_mut(..channels * channels).unwrap_or_default();
    Ok((bytemuck::must_cast_mut(header), sums, channels))
}

/// Adds activations, a token to a row, that stand for so many `items`.
pub fn update(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (activations, items): (MatrixView<'_>, usize),
    words: &mut [u64],
) -> Result {
    let (header, sums, channels) = open_mut(words)?;
    let tokens = activations.rows();
    if activations.cols() != channels {
        let (rule, value) = (c"must be the channels of the state", activations.cols() as f64);
        return Err(Error::shape(c"activations", c"cols", rule, value));
    }
    let seen = &header.summary;
    let (Some(items), Some(tokens)) =
        (seen.items.checked_add(items as u64), seen.tokens.checked_add(tokens as u64))
    else {
        return Err(Error::new(Status::SizeOverflow, c"items", c"must fit into 64 bits in all"));
    };
    finite(k, exec, activations, c"activations")?;
    // All of the activations count or none, so the call is not cancelled in between.
    syrk(k, exec.silent(), scratch, true, activations, MatrixViewMut::square(sums, channels))?;
    header.summary = HessianSummary { items, tokens };
    Ok(())
}

/// Adds what another state has seen.
pub fn merge(words: &mut [u64], from: &State<'_>) -> Result {
    let (header, sums, _) = open_mut(words)?;
    if header.params != from.header.params {
        let rule = c"must have the parameters of the state";
        return Err(Error::new(Status::InvalidParameter, c"from", rule));
    }
    let (seen, more) = (header.summary, from.header.summary);
    let (Some(items), Some(tokens)) =
        (seen.items.checked_add(more.items), seen.tokens.checked_add(more.tokens))
    else {
        return Err(Error::new(Status::SizeOverflow, c"from", c"must fit into 64 bits in all"));
    };
    sums.iter_mut().zip(from.sums).for_each(|(sum, x)| *sum += x);
    header.summary = HessianSummary { items, tokens };
    Ok(())
}

/// Writes the Hessian, both halves of it: `to` is f32, square, as wide as there are channels.
pub fn finish(exec: Exec<'_>, state: &State<'_>, mut to: MatrixViewMut<'_>) -> Result {
    let HessianSummary { items, tokens } = state.header.summary;
    let n = match state.mean {
        HessianMean::Items => items,
        HessianMean::Tokens => tokens,
    };
    if n == 0 {
        let rule = c"must have seen at least one token";
        return Err(Error::field(c"state", c"tokens", rule, 0.0));
    }
    let factor = (2.0 / n as f64) as f32;
    let channels = state.channels;
    let cut = Cut::exact((channels, channels), 64, channels);
    exec.silent().tiles(cut, to.whole_mut(), |tile, mut to| {
        for (i, row) in tile.rows.clone().enumerate() {
            let from = state.sums.get(row * channels..row * channels + row + 1);
            let to = to.floats_mut(i, 0..row + 1);
            for (to, sum) in to.iter_mut().zip(from.unwrap_or_default()) {
                *to = sum * factor;
            }
        }
    })?;
    mirror(&mut to);
    Ok(())
}
