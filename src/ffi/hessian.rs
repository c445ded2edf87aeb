//! Hessians of layers: streaming states.

use crate::algorithms::gptq::hessian::{self, State};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::gptq::{HessianParams, HessianSummary};
use crate::params::matrix::{Dtype, Matrix, MatrixMut};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use core::ffi::{CStr, c_void};

/// Fills the parameters of a Hessian: the mean over items; the channels are 0, to be filled in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_params_default(params: *mut HessianParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, HessianParams::DEFAULT) };
}

/// The parameters, and bytes of the state.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn state_bytes(params: *const HessianParams) -> Result<(HessianParams, usize)> {
    // SAFETY: the contract of this function.
    let params = unsafe { check::params(params) }?;
    Ok((params, hessian::words(params.validate()?.1)? * 8))
}

/// Refuses what is not a Hessian of so many channels.
pub(super) fn check_hessian(
    (rows, cols): (usize, usize),
    dtype: Dtype,
    (channels, rule): (usize, &'static CStr),
) -> Result {
    for (field, got) in [(c"rows", rows), (c"cols", cols)] {
        if got != channels {
            return Err(Error::shape(c"hessian", field, rule, got as f64));
        }
    }
    if dtype == Dtype::F32 {
        return Ok(());
    }
    let value = f64::from(dtype as u32);
    Err(Error::field(c"hessian", c"dtype", c"must be PTQK_DTYPE_F32", value))
}

/// Size of the state of a Hessian, `2 / n * X^T X` over the activations `X` of all tokens that a
/// layer sees, which `ptqk_gptq` takes.
///
/// A state is plain memory: it can be copied, written to a file and sent to another machine as it is,
/// and `ptqk_hessian_load` checks what comes back. The same updates and merges in the same order give
/// the same bytes on every CPU and for every number of threads. Each sum is one chain of fused
/// multiply-adds in f32 in the order of the tokens: how tokens in one order are cut into updates does
/// not show, but another order of tokens, or a merge, gives other roundings.
///
/// Layout, in the byte order of the machine, with `n` channels:
///
/// | offset | type | |
/// |---|---|---|
/// | 0 | `char[8]` | `PTQKHESS` |
/// | 8 | `uint32_t` | `0x01020304`; another value shows another byte order |
/// | 12 | `uint32_t` | version of this layout: 1 |
/// | 16 | `uint64_t` | size of the state in bytes |
/// | 24 | `ptqk_hessian_params` | parameters |
/// | 40 | `ptqk_hessian_summary` | items and tokens |
/// | 56 | `uint64_t` | 0 |
/// | 64 | `float[n][n]` | sums of products: the diagonal and what lies below it; 0 above; padded to a multiple of 8 bytes |
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_state_size(
    ctx: *const Ctx,
    params: *const HessianParams,
    bytes: *mut usize,
) -> Status {
    // SAFETY: the pointer contract of the header.
    let value = || Ok(unsafe { state_bytes(params) }?.1);
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Makes a state that has seen nothing.
///
/// @param ctx         May be NULL.
/// @param params      Not NULL.
/// @param state       Receives the state, at a multiple of 8. No call keeps the pointer: a state may be
///                    copied and moved.
/// @param state_bytes What `ptqk_hessian_state_size` gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_init(
    ctx: *const Ctx,
    params: *const HessianParams,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (params, bytes) = unsafe { self::state_bytes(params) }?;
        let state = check::new_state(state, state_bytes, bytes)?;
        // SAFETY: as above.
        hessian::init(params, unsafe { state.slice() })
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Bytes of the workspace of `ptqk_hessian_update`, whatever the types and the CPU.
///
/// @param ctx    May be NULL.
/// @param params Those of the state. Not NULL.
/// @param tokens Rows of the activations, or more.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_workspace_size(
    ctx: *const Ctx,
    params: *const HessianParams,
    tokens: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let (_, channels) = unsafe { check::params(params) }?.validate()?;
        hessian::workspace_size(channels, tokens)
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Adds activations.
///
/// A NaN or an infinity is refused with `PTQK_STATUS_NOT_FINITE` and its row-major index: the state is
/// as before. Without tokens nothing changes. Uses the threads of `ctx`; progress is not reported, as
/// the activations count as a whole.
///
/// @param ctx             May be NULL.
/// @param activations     `[tokens, channels]`, of any float type: what the layer multiplies its weights
///                        with, one token to a row.
/// @param items           Items of the batch that they stand for: the length of the batch axis of
///                        activations `[batch, tokens, channels]`, 1 without one. Range: `>= 1` if there
///                        are tokens. Counts with `PTQK_HESSIAN_MEAN_ITEMS`.
/// @param state           A state; is changed.
/// @param state_bytes     Its size.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_hessian_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_update(
    ctx: *const Ctx,
    activations: *const Matrix,
    items: usize,
    state: *mut c_void,
    state_bytes: usize,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (activations, span) = unsafe { check::matrix(activations, c"activations") }?;
        // SAFETY: as above.
        let (words, _) = unsafe { check::state(state, state_bytes, c"state") }?;
        let channels = State::open(words, c"state")?.channels();
        let needed = hessian::workspace_size(channels, activations.rows())?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        let state = check::state_mut(state, state_bytes)?;
        check::disjoint(&[state.span, workspace.span], &[span])?;
        if activations.rows() == 0 {
            return Ok(());
        }
        if items == 0 {
            let rule = c"must be at least 1";
            return Err(Error::new(Status::InvalidParameter, c"items", rule));
        }
        // SAFETY: as above; the outputs are disjoint, and `words` is not used any more.
        let (words, workspace) = unsafe { (state.slice(), workspace.slice()) };
        let scratch = &mut Scratch::new(workspace);
        hessian::update(dispatch::active(), exec, scratch, (activations, items), words)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Adds what another state has seen, as if it came later, but for the roundings. States of any
/// number of workers, merged in a fixed order, always give the same bytes.
///
/// @param ctx         May be NULL.
/// @param from        A state with the same parameters.
/// @param from_bytes  Its size.
/// @param state       A state; is changed.
/// @param state_bytes Its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_merge(
    ctx: *const Ctx,
    from: *const c_void,
    from_bytes: usize,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (from, span) = unsafe { check::state(from, from_bytes, c"from") }?;
        let from = State::open(from, c"from")?;
        let words = check::state_mut(state, state_bytes)?;
        check::disjoint(&[words.span], &[span])?;
        // SAFETY: as above; the output is disjoint.
        hessian::merge(unsafe { words.slice() }, &from)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// The Hessian of all activations so far, both halves of it. The state does not change and can take
/// more.
///
/// @param ctx         May be NULL.
/// @param state       A state that has seen at least one token.
/// @param state_bytes Its size.
/// @param hessian     Receives `channels x channels` of `PTQK_DTYPE_F32`. A sum that overflows is
///                    infinite, which `ptqk_gptq` refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_finish(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    hessian: *const MatrixMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::open(words, c"state")?;
        // SAFETY: as above.
        let (to, to_span) = unsafe { check::matrix_mut(hessian, c"hessian") }?;
        let wanted = (state.channels(), c"must be the channels of the state");
        check_hessian((to.rows(), to.cols()), to.dtype(), wanted)?;
        check::disjoint(&[to_span], &[span])?;
        hessian::finish(exec, &state, to)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Checks bytes that come from a file or another machine. They are refused with
/// `PTQK_STATUS_INVALID_PARAMETER` and the field of the layout if they are not those of a Hessian, of
/// another byte order or version, truncated or too many, or if a parameter lies outside its range. The
/// sums are not looked at. A state that was checked needs no conversion.
///
/// @param ctx         May be NULL.
/// @param state       The bytes, at a multiple of 8.
/// @param state_bytes How many there are.
/// @param params      Receives the parameters of the state, or NULL.
/// @param summary     Receives what it has seen, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hessian_load(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    params: *mut HessianParams,
    summary: *mut HessianSummary,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::open(words, c"state")?;
        let params = check::Output::optional(params, 1, c"params")?;
        let summary = check::Output::optional(summary, 1, c"summary")?;
        check::disjoint(&[params.span, summary.span], &[span])?;
        let (found, seen) = state.about();
        // SAFETY: as above; the outputs are disjoint.
        let (params, summary) = unsafe { (params.slice(), summary.slice()) };
        params.iter_mut().for_each(|to| *to = found);
        summary.iter_mut().for_each(|to| *to = seen);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
