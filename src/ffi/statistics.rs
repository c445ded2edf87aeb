//! Range estimation over many tensors.

use crate::algorithms::statistics::layout::{Layout, State, StateMut};
use crate::algorithms::statistics::state;
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::quantization::Scheme;
use crate::params::statistics::{RangeEstimatorParams, RangeParams, StatisticsParams};
use crate::params::tensor::Tensor;
use crate::scratch;
use crate::status::{Error, Result, Status};
use core::ffi::{CStr, c_void};

/// Fills the parameters of one branch: the smallest of the minima.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_statistics_params_default(params: *mut StatisticsParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, StatisticsParams::DEFAULT) };
}

/// Fills the parameters of an estimator: `PTQK_RANGE_PRESET_MIN_MAX`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_estimator_params_default(params: *mut RangeEstimatorParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, RangeEstimatorParams::DEFAULT) };
}

/// Fills the parameters of a range state: minimum and maximum of at most 300 tensors, per tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_params_default(params: *mut RangeParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, RangeParams::DEFAULT) };
}

/// Fills the parameters of an estimator that has a name.
///
/// Source: NNCF `RangeEstimatorParametersSet`.
///
/// @param ctx    May be NULL.
/// @param preset One of the `PTQK_RANGE_PRESET_` constants, but for the histogram.
/// @param params Receives the parameters; nothing of it is read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_estimator_preset(
    ctx: *const Ctx,
    preset: u32,
    params: *mut RangeEstimatorParams,
) -> Status {
    let body = |_: Exec<'_>| {
        let out = check::output(params, c"params")?;
        let value = RangeEstimatorParams::preset(preset)?;
        // SAFETY: the pointer contract of the header.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Changes an estimator to what a quantizer of `scheme` needs: with the symmetric scheme, the
/// statistic `PTQK_STATISTICS_TYPE_MAX` of the maximum becomes `PTQK_STATISTICS_TYPE_ABS_MAX`.
/// Nothing else changes; quantiles stay as they are.
///
/// @param ctx    May be NULL.
/// @param scheme `PTQK_SCHEME_SYMMETRIC` or `PTQK_SCHEME_ASYMMETRIC`.
/// @param params Not NULL; is changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_estimator_for_scheme(
    ctx: *const Ctx,
    scheme: u32,
    params: *mut RangeEstimatorParams,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let given = unsafe { check::params(params.cast_const()) }?;
        let scheme = Scheme::try_from(scheme).map_err(|()| {
            let rule = c"must be a PTQK_SCHEME constant";
            let error = Error::new(Status::InvalidParameter, c"scheme", rule);
            Error { value: f64::from(scheme), ..error }
        })?;
        let value = given.for_scheme(scheme)?;
        let out = check::output(params, c"params")?;
        // SAFETY: as above.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// The layout of a state with these parameters.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn layout(params: *const RangeParams) -> Result<(RangeParams, Layout)> {
    // SAFETY: the contract of this function.
    let params = unsafe { check::params(params) }?;
    Ok((params, Layout::new(&params.validate()?)?))
}

/// Bytes of a range state. They depend on the parameters only: an aggregator min or max keeps one
/// value per channel, another one keeps every sample of the window.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_state_size(
    ctx: *const Ctx,
    params: *const RangeParams,
    bytes: *mut usize,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { check::number(ctx, (bytes, c"bytes"), || Ok(layout(params)?.1.bytes())) }
}

/// A state that is read and the memory it covers.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn state<'a>(
    state: *const c_void,
    bytes: usize,
    argument: &'static CStr,
) -> Result<(State<'a>, check::Span)> {
    // SAFETY: the contract of this function.
    let (words, span) = unsafe { check::state(state, bytes, argument) }?;
    Ok((State::open(words, argument)?, span))
}

/// Makes a state without samples.
///
/// A range state sees the samples of one activation (or the one tensor of a weight), one after the
/// other, and gives the minimum and the maximum of each channel. A state is plain memory: it can be
/// copied, written to a file and sent to another machine as it is, and `ptqk_range_load` checks what
/// comes back. For the same tensors in the same order, its bytes are the same on every CPU and for
/// every number of threads.
///
/// Layout, all numbers in the byte order of the machine:
///
/// | byte | what |
/// |---|---|
/// | 0    | `PTQKRNGE` |
/// | 8    | u32 0x01020304 |
/// | 12   | u32 format version, 1 |
/// | 16   | u64 bytes of the state |
/// | 24   | `ptqk_range_params` |
/// | 120  | u64 samples that counted |
/// | 128  | u32 items of each kept sample, if there is a batch and an aggregator that keeps samples |
/// | then | f32 values of the minimum branch |
/// | then | f32 values of the maximum branch, padded to a multiple of 8 bytes |
///
/// The values of a branch are one per channel with the aggregators min and max; otherwise
/// `window_size` (or `num_samples`, if that is less or there is no window) samples, of 1 or
/// `batch_items` items, of a value per channel. Sample `i` lies at place `i % window`.
///
/// @param ctx         May be NULL.
/// @param params      Not NULL.
/// @param state       Receives the state. A multiple of 8.
/// @param state_bytes Range: at least what `ptqk_range_state_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_init(
    ctx: *const Ctx,
    params: *const RangeParams,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (params, layout) = unsafe { layout(params) }?;
        if state_bytes < layout.bytes() {
            let rule = c"must be at least what ptqk_range_state_size says";
            let error = Error::new(Status::InvalidParameter, c"state_bytes", rule);
            return Err(Error { value: layout.bytes() as f64, ..error });
        }
        let words = check::state_mut(state, state_bytes)?;
        // SAFETY: as above.
        state::init(unsafe { words.slice() }, &params, layout)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Adds one tensor as a sample: takes the statistics of both branches of each channel (and of each
/// item of the batch, if there is one) and clips them.
///
/// An empty tensor is skipped, and so is one beyond `num_samples`. A NaN in a channel gives NaN, and
/// stays in the result. Minimum, maximum and largest magnitude are exact; means are summed in pieces
/// of at most 256 in f32 and these in f64, and quantiles are exact with interpolation in f64; both
/// are kept as f32. A zero is never -0. Progress is not reported: a sample counts as a whole.
///
/// @param ctx         May be NULL.
/// @param tensor      The tensor. Its axis `channel_axis` has `channels` indices; axis 0 has at most
///                    `batch_items`, if that is not 0.
/// @param state       A state; is changed.
/// @param state_bytes Its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_update(
    ctx: *const Ctx,
    tensor: *const Tensor,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (tensor, _, span) = unsafe { check::tensor(tensor, c"tensor") }?;
        let words = check::state_mut(state, state_bytes)?;
        check::disjoint(&[words.span], &[span])?;
        // SAFETY: as above; the output is disjoint.
        let mut state = StateMut::open(unsafe { words.slice() }, c"state")?;
        match tensor {
            Some(tensor) => state::update(dispatch::active(), exec, &mut state, &tensor),
            None => Ok(()),
        }
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Adds the samples of a state after those of another: the result has the bytes that it would have
/// if the tensors of `from` had come later. So blocks of consecutive samples on any number of
/// workers, merged in order, give the bytes of one worker.
///
/// The order of the samples matters for means (which are summed in it), for `window_size` (the last
/// ones are kept) and for `num_samples` (the first ones count). It does not matter for minima, maxima,
/// medians and means without outliers, as long as the same samples are kept. If the samples of both
/// are more than `num_samples`, and `from` has kept extremes or a window rather than each of its
/// samples, its first samples are not known apart, and the call is refused.
///
/// @param ctx         May be NULL.
/// @param from        A state with the same parameters.
/// @param from_bytes  Its size.
/// @param state       A state; is changed.
/// @param state_bytes Its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_merge(
    ctx: *const Ctx,
    from: *const c_void,
    from_bytes: usize,
    state: *mut c_void,
    state_bytes: usize,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (from, span) = unsafe { self::state(from, from_bytes, c"from") }?;
        let words = check::state_mut(state, state_bytes)?;
        check::disjoint(&[words.span], &[span])?;
        // SAFETY: as above; the output is disjoint.
        let mut state = StateMut::open(unsafe { words.slice() }, c"state")?;
        state::merge(&mut state, &from)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Bytes of the workspace of `ptqk_range_finish`: 0 unless an aggregator is a median or leaves
/// outliers out.
///
/// @param ctx    May be NULL.
/// @param params The parameters of the state.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_finish_workspace_size(
    ctx: *const Ctx,
    params: *const RangeParams,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let (_, layout) = unsafe { layout(params) }?;
        scratch::needed(|scratch| state::carve(&layout, scratch))
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// The minimum and the maximum of each channel over the samples so far. The state does not change
/// and can take more samples.
///
/// Means and quantiles are f64, rounded at the end; means add the samples in their order, means
/// without outliers in ascending order. With NaN among the values of a channel its result is NaN. With
/// two samples that differ, an aggregator without outliers leaves nothing and gives 0, as NNCF.
///
/// @param ctx             May be NULL.
/// @param state           A state with at least one sample.
/// @param state_bytes     Its size.
/// @param channels        Its number of channels.
/// @param min             Receives `channels` minima.
/// @param max             Receives `channels` maxima.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_range_finish_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_finish(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    channels: usize,
    min: *mut f32,
    max: *mut f32,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (state, span) = unsafe { self::state(state, state_bytes, c"state") }?;
        let rules = state.layout().rules;
        if channels != rules.channels {
            let rule = c"must be the number of channels of the state";
            let error = Error::new(Status::InvalidShape, c"channels", rule);
            return Err(Error { value: channels as f64, ..error });
        }
        let min = check::Output::new(min, channels, c"min")?;
        let max = check::Output::new(max, channels, c"max")?;
        let needed = scratch::needed(|scratch| state::carve(state.layout(), scratch))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[min.span, max.span, workspace.span], &[span])?;
        // SAFETY: as above; the outputs are disjoint.
        let (min, max, workspace) = unsafe { (min.slice(), max.slice(), workspace.slice()) };
        state::finish(exec, &state, (min, max), workspace)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Checks bytes that come from a file or another machine. The bytes of a state are refused if their
/// magic, format version, byte order or size is another, if some are missing, if a parameter lies
/// outside its range, or if the counts are none that updates give. The values are not looked at. A
/// state that was checked needs no conversion: it can be updated, merged and finished where it is.
///
/// @param ctx         May be NULL.
/// @param state       The bytes. A multiple of 8.
/// @param state_bytes Their number. Range: at least the size of the state.
/// @param params      Receives the parameters of the state. May be NULL.
/// @param samples     Receives the number of samples that counted. May be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_range_load(
    ctx: *const Ctx,
    state: *const c_void,
    state_bytes: usize,
    params: *mut RangeParams,
    samples: *mut u64,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (state, span) = unsafe { self::state(state, state_bytes, c"state") }?;
        let params = check::Output::optional(params, 1, c"params")?;
        let samples = check::Output::optional(samples, 1, c"samples")?;
        check::disjoint(&[params.span, samples.span], &[span])?;
        let (found, count) = state.validate(c"state")?;
        // SAFETY: as above; the outputs are disjoint.
        let (params, samples) = unsafe { (params.slice(), samples.slice()) };
        params.iter_mut().for_each(|params| *params = found);
        samples.iter_mut().for_each(|samples| *samples = count);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
