//! Quantile sketches: streaming states, and the quantiles that they give.

use crate::algorithms::sketch::{self, State, StateMut};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::matrix::Matrix;
use crate::params::sketch::{SketchParams, SketchShape, SketchSummary};
use crate::scratch;
use crate::status::{Error, Result, Status};
use core::ffi::c_void;

/// Fills the parameters of a sketch: 4096 elements a level.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_params_default(params: *mut SketchParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, SketchParams::DEFAULT) };
}

/// What a sketch of these parameters is like.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn shape(params: *const SketchParams) -> Result<(SketchParams, SketchShape)> {
    // SAFETY: the contract of this function.
    let params = unsafe { check::params(params) }?;
    Ok((params, params.validate()?))
}

/// Size of the state of a sketch, which answers quantiles of more elements than memory holds.
///
/// A sketch keeps some of the elements in levels: one of level `h` stands for `2^h` of them. It is
/// exact up to `capacity` elements and then knows how far a rank may be off: `rank_over` and
/// `rank_under` of `ptqk_sketch_query`, bounds that hold for certain and not on average. With 4096
/// elements a level they are below 0.3 % of the ranks for 10^9 elements; of elements in no order,
/// ranks are far nearer.
///
/// A state is plain memory: it can be copied, written to a file and sent to another machine as it is,
/// and `ptqk_sketch_load` checks what comes back. The same updates and merges in the same order give
/// the same bytes on every CPU, and how the elements are cut into updates does not show; another order
/// of them gives another sketch within its bounds. Source: Manku,
/// Rajagopalan, Lindsay, "Approximate Medians and other Quantiles in One Pass and with Limited
/// Memory", SIGMOD 1998; merging: Agarwal et al., "Mergeable Summaries", PODS 2012.
///
/// Layout, in the byte order of the machine, with `k` the capacity and `L` levels, the least number
/// with `k * 2^(L - 1) >= 2^40`:
///
/// | offset | type | |
/// |---|---|---|
/// | 0 | `char[8]` | `PTQKSKCH` |
/// | 8 | `uint32_t` | `0x01020304`; another value shows another byte order |
/// | 12 | `uint32_t` | version of this layout: 1 |
/// | 16 | `uint64_t` | size of the state in bytes |
/// | 24 | `ptqk_sketch_params` | parameters |
/// | 32 | `ptqk_sketch_summary` | what `ptqk_sketch_query` gives |
/// | 64 | `uint64_t` | bit `h` is set if level `h` keeps its odd elements next |
/// | 72 | `uint32_t[]` | number of elements of each of the `L` levels; one 0 more if `L` is odd |
/// | then | `float[L][k]` | the elements of each level |
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_state_size(
    ctx: *const Ctx,
    params: *const SketchParams,
    bytes: *mut usize,
) -> Status {
    // SAFETY: the pointer contract of the header.
    let value = || Ok(StateMut::words(unsafe { shape(params) }?.1) * 8);
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Makes an empty sketch.
///
/// @param ctx         May be NULL.
/// @param params      Not NULL.
/// @param state       Receives the state, at a multiple of 8. No call keeps the pointer: a state may be
///                    copied and moved.
/// @param state_bytes What `ptqk_sketch_state_size` gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_init(
    ctx: *const Ctx,
    params: *const SketchParams,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (params, shape) = unsafe { shape(params) }?;
        let bytes = StateMut::words(shape) * 8;
        let state = check::new_state(state, state_bytes, bytes)?;
        // SAFETY: the pointer contract of the header.
        StateMut::init(params, shape, unsafe { state.slice() }).map(|_| ())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Size of the workspace of `ptqk_sketch_update` and `ptqk_sketch_merge`.
///
/// @param ctx    May be NULL.
/// @param params Those of the sketch. Not NULL.
/// @param bytes  Receives the size, for a workspace at any address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_workspace_size(
    ctx: *const Ctx,
    params: *const SketchParams,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let (_, shape) = unsafe { shape(params) }?;
        scratch::needed(|scratch| sketch::carve(scratch, shape))
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Adds the elements of a matrix to a sketch, in row-major order, on the caller's thread.
///
/// f16 and bf16 are widened to f32 first. A NaN or an infinity is refused with
/// `PTQK_STATUS_NOT_FINITE` and its row-major index, more than 2^40 elements with
/// `PTQK_STATUS_SIZE_OVERFLOW`: the state is as before. An empty matrix changes nothing.
///
/// @param ctx             May be NULL.
/// @param src             The matrix.
/// @param state           The sketch.
/// @param state_bytes     Its size.
/// @param workspace       Memory at any address, which holds nothing afterwards.
/// @param workspace_bytes At least what `ptqk_sketch_workspace_size` gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_update(
    ctx: *const Ctx,
    src: *const Matrix,
    state: *mut c_void,
    state_bytes: usize,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let shape = State::open(words, c"state")?.shape();
        let needed = scratch::needed(|scratch| sketch::carve(scratch, shape))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[span, workspace.span], &[src_span])?;
        if src.rows() == 0 || src.cols() == 0 {
            return Ok(());
        }
        let state = check::state_mut(state, state_bytes)?;
        // SAFETY: as above; the outputs are disjoint, and `words` is not used any more.
        let (words, workspace) = unsafe { (state.slice(), workspace.slice()) };
        let mut state = StateMut::open(words, c"state")?;
        sketch::update(dispatch::active(), exec.silent(), &mut state, src, workspace)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Adds the elements of another sketch of the same parameters. The bounds of both add up; more than
/// 2^40 elements are refused with `PTQK_STATUS_SIZE_OVERFLOW`.
///
/// @param ctx             May be NULL.
/// @param other           The sketch that is added.
/// @param other_bytes     Its size.
/// @param state           The sketch that it is added to.
/// @param state_bytes     Its size.
/// @param workspace       Memory at any address, which holds nothing afterwards.
/// @param workspace_bytes At least what `ptqk_sketch_workspace_size` gives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_merge(
    ctx: *const Ctx,
    other: *const c_void,
    other_bytes: usize,
    state: *mut c_void,
    state_bytes: usize,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (other, other_span) = unsafe { check::state(other, other_bytes, c"other") }?;
        let other = State::open(other, c"other")?;
        // SAFETY: as above.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let shape = State::open(words, c"state")?.shape();
        let needed = scratch::needed(|scratch| sketch::carve(scratch, shape))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[span, workspace.span], &[other_span])?;
        let state = check::state_mut(state, state_bytes)?;
        // SAFETY: as above; the outputs are disjoint, and `words` is not used any more.
        let (words, workspace) = unsafe { (state.slice(), workspace.slice()) };
        let mut state = StateMut::open(words, c"state")?;
        sketch::merge(&mut state, other, workspace)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Quantiles of the elements of a sketch, and what it holds.
///
/// A quantile of probability `p` is the number of rank `(n - 1) p` as `ptqk_quantile` defines it,
/// interpolated linearly in f64, but for the ranks that are off. Those of 0 and 1 are exact.
///
/// @param ctx           May be NULL.
/// @param state         The sketch.
/// @param state_bytes   Its size.
/// @param summary       Receives everything but the elements, or NULL.
/// @param probabilities `count` numbers. Range: `0..1`.
/// @param count         How many; 0 for the summary alone, which an empty sketch has, too.
/// @param quantiles     Receives `count` quantiles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_query(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    summary: *mut SketchSummary,
    probabilities: *const f64,
    count: usize,
    quantiles: *mut f64,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::open(words, c"state")?;
        // SAFETY: as above.
        let (probabilities, given) =
            unsafe { check::array(probabilities, count, c"probabilities") }?;
        let summary = check::Output::optional(summary, 1, c"summary")?;
        let quantiles = check::Output::new(quantiles, count, c"quantiles")?;
        check::disjoint(&[summary.span, quantiles.span], &[span, given])?;
        let rule = c"must be in 0..1";
        check::every(probabilities, c"probabilities", rule, |p| (0.0..=1.0).contains(&p))?;
        if count > 0 && state.summary().total == 0 {
            let rule = c"must hold at least one element";
            return Err(Error::field(c"state", c"total", rule, 0.0));
        }
        // SAFETY: as above; the outputs are disjoint.
        let (summary, quantiles) = unsafe { (summary.slice(), quantiles.slice()) };
        summary.iter_mut().for_each(|to| *to = state.summary());
        sketch::quantiles(&state, probabilities, quantiles);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Checks the bytes of a sketch that comes from a file, another process or another machine, and then is
/// a state like any other.
///
/// Refused with `PTQK_STATUS_INVALID_PARAMETER` and the field of the layout: bytes that are not those
/// of a sketch, of another byte order or version, truncated or too many, or inconsistent. Other
/// functions check the header alone: memory that holds no state is refused by them, too, or gives
/// wrong numbers, but nothing worse.
///
/// @param ctx         May be NULL.
/// @param state       The bytes, at a multiple of 8.
/// @param state_bytes How many there are.
/// @param params      Receives the parameters of the sketch, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sketch_load(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    params: *mut SketchParams,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (words, span) = unsafe { check::state(state, state_bytes, c"state") }?;
        let state = State::load(words, c"state")?;
        let params = check::Output::optional(params, 1, c"params")?;
        check::disjoint(&[params.span], &[span])?;
        // SAFETY: as above.
        unsafe { params.slice() }.iter_mut().for_each(|params| *params = state.params());
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
