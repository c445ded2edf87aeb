//! Statistics of tensors that algorithms take.

use crate::algorithms::statistics::process;
use crate::algorithms::statistics::reduce::{Total, totals};
use crate::algorithms::statistics::samples::{Samples, median_mad, percentiles};
use crate::algorithms::statistics::spread::{Spread, spread};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::matrix::{Matrix, MatrixMut};
use crate::params::tensor::Tensor;
use crate::scratch;
use crate::status::{Error, Result, Status};
use crate::views::tensor::{ChannelView, TensorView};
use core::ffi::{CStr, c_void};

/// The body of the functions that see a tensor along an axis.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn along(
    ctx: *const Ctx,
    src: *const Tensor,
    axis: u32,
    (out, name): (*mut f32, &'static CStr),
    what: Spread,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the contract of this function.
        let (src, rank, span) = unsafe { check::tensor(src, c"src") }?;
        let axis = axis as usize;
        if axis >= rank {
            let error = Error::new(Status::InvalidParameter, c"axis", c"must be below src.rank");
            return Err(Error { value: axis as f64, ..error });
        }
        let out = check::output(out, name)?;
        check::disjoint(&[out.span], &[span])?;
        let Some(src) = src else { return Ok(()) };
        let value = spread(dispatch::active(), exec, what, &src.along(axis))?;
        // SAFETY: as above; the output is disjoint.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the contract of this function.
    unsafe { check::run(ctx, body) }
}

/// The mean of the variances along an axis: the variance (the mean of the squared distances from the
/// mean) of the elements along `axis`, for each index of the other axes, and the mean of these. If
/// the tensor is empty, nothing is written. Source: NNCF `MeanVarianceReducer`.
///
/// @param ctx      May be NULL.
/// @param src      The tensor.
/// @param axis     The axis. Range: below `src->rank`.
/// @param variance Receives the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_mean_variance(
    ctx: *const Ctx,
    src: *const Tensor,
    axis: u32,
    variance: *mut f32,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { along(ctx, src, axis, (variance, c"variance"), Spread::MeanVariance) }
}

/// The largest of the variances along an axis, as of `ptqk_mean_variance`. If the tensor is empty,
/// nothing is written. Source: NNCF `MaxVarianceReducer`.
///
/// @param ctx      May be NULL.
/// @param src      The tensor.
/// @param axis     The axis. Range: below `src->rank`.
/// @param variance Receives the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_max_variance(
    ctx: *const Ctx,
    src: *const Tensor,
    axis: u32,
    variance: *mut f32,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { along(ctx, src, axis, (variance, c"variance"), Spread::MaxVariance) }
}

/// The mean of the largest magnitudes along an axis: the largest magnitude of the elements along
/// `axis`, for each index of the other axes, and the mean of these. If the tensor is empty, nothing
/// is written. Source: NNCF `MeanAbsMaxReducer`.
///
/// @param ctx     May be NULL.
/// @param src     The tensor.
/// @param axis    The axis. Range: below `src->rank`.
/// @param abs_max Receives the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_mean_abs_max(
    ctx: *const Ctx,
    src: *const Tensor,
    axis: u32,
    abs_max: *mut f32,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { along(ctx, src, axis, (abs_max, c"abs_max"), Spread::MeanAbsMax) }
}

/// The channel axis as an index, `None` for -1.
fn channel_axis(channel_axis: i32) -> Result<Option<usize>> {
    match channel_axis {
        -1 => Ok(None),
        axis @ 0..=7 => Ok(usize::try_from(axis).ok()),
        axis => {
            let error = Error::new(Status::InvalidParameter, c"channel_axis", c"must be in -1..7");
            Err(Error { value: f64::from(axis), ..error })
        }
    }
}

/// Refuses a number of channels that the tensor does not have.
fn check_channels(
    src: &TensorView<'_>,
    axis: Option<usize>,
    channels: usize,
    argument: &'static CStr,
) -> Result {
    let has = axis.map_or(1, |axis| src.axes().get(axis).map_or(0, |axis| axis.0));
    if has == channels {
        return Ok(());
    }
    let rule = c"must have channels indices in channel_axis, or 1 channel with -1";
    Err(Error::shape(argument, c"shape", rule, has as f64))
}

/// The body of the functions that sum channels.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn sums<T: Copy + Send>(
    ctx: *const Ctx,
    src: *const Tensor,
    (axis, channels): (i32, usize),
    (out, name): (*mut T, &'static CStr),
    total: Total,
    finish: impl Fn(f64, f64) -> T + Sync,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the contract of this function.
        let (src, _, span) = unsafe { check::tensor(src, c"src") }?;
        let axis = channel_axis(axis)?;
        let out = check::Output::new(out, channels, name)?;
        check::disjoint(&[out.span], &[span])?;
        let Some(src) = src else { return Ok(()) };
        check_channels(&src, axis, channels, c"src")?;
        let view = src.by_channel(axis, false);
        let depth = view.depth() as f64;
        // SAFETY: as above; the output is disjoint.
        let out = unsafe { out.slice() };
        totals(dispatch::active(), exec, total, &view, out, |sum| finish(sum, depth))
    };
    // SAFETY: the contract of this function.
    unsafe { check::run(ctx, body) }
}

/// The arithmetic mean of each channel: the sum of `ptqk_channel_sum`, divided by the number of
/// elements and rounded to f32. If the tensor is empty, nothing is written. Source: NNCF
/// `MeanPerChReducer`.
///
/// @param ctx          May be NULL.
/// @param src          The tensor.
/// @param channel_axis The axis whose indices are channels; -1 for one mean of all elements.
/// @param channels     Length of that axis, 1 with -1.
/// @param mean         Receives `channels` means.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_channel_mean(
    ctx: *const Ctx,
    src: *const Tensor,
    channel_axis: i32,
    channels: usize,
    mean: *mut f32,
) -> Status {
    let finish = |sum: f64, depth: f64| (sum / depth) as f32;
    // SAFETY: the pointer contract of the header.
    unsafe { sums(ctx, src, (channel_axis, channels), (mean, c"mean"), Total::Sum, finish) }
}

/// The sum of each channel: pieces of at most 256 elements in f32, these in f64, in an order that
/// depends on the shape only. If the tensor is empty, nothing is written.
///
/// @param ctx          May be NULL.
/// @param src          The tensor.
/// @param channel_axis The axis whose indices are channels; -1 for one sum of all elements.
/// @param channels     Length of that axis, 1 with -1.
/// @param sum          Receives `channels` sums.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_channel_sum(
    ctx: *const Ctx,
    src: *const Tensor,
    channel_axis: i32,
    channels: usize,
    sum: *mut f64,
) -> Status {
    let finish = |sum: f64, _: f64| sum;
    // SAFETY: the pointer contract of the header.
    unsafe { sums(ctx, src, (channel_axis, channels), (sum, c"sum"), Total::Sum, finish) }
}

/// The sum of the squares of each channel, in the order of `ptqk_channel_sum`. If the tensor is
/// empty, nothing is written.
///
/// @param ctx          May be NULL.
/// @param src          The tensor.
/// @param channel_axis The axis whose indices are channels; -1 for one sum of all elements.
/// @param channels     Length of that axis, 1 with -1.
/// @param sum          Receives `channels` sums.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_channel_sum_squares(
    ctx: *const Ctx,
    src: *const Tensor,
    channel_axis: i32,
    channels: usize,
    sum: *mut f64,
) -> Status {
    let finish = |sum: f64, _: f64| sum;
    // SAFETY: the pointer contract of the header.
    unsafe { sums(ctx, src, (channel_axis, channels), (sum, c"sum"), Total::Squares, finish) }
}

/// The mean of the squares of all elements: what a sample contributes to the Hessian's trace of
/// `ptqk_hawq_sensitivity`. If the tensor is empty, nothing is written.
///
/// @param ctx         May be NULL.
/// @param src         The tensor.
/// @param mean_square Receives the mean.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_mean_square(
    ctx: *const Ctx,
    src: *const Tensor,
    mean_square: *mut f64,
) -> Status {
    let finish = |sum: f64, depth: f64| sum / depth;
    // SAFETY: the pointer contract of the header.
    unsafe { sums(ctx, src, (-1, 1), (mean_square, c"mean_square"), Total::Squares, finish) }
}

/// The sensitivity of a layer to its input: `h = 2 / count * sum(mean_squares)`, summed in the order
/// of the samples. Source: NNCF `HAWQAggregator`, 3.4.0.
///
/// @param ctx          May be NULL.
/// @param mean_squares What `ptqk_mean_square` gave for each sample.
/// @param count        Number of samples. If it is 0, nothing is written.
/// @param sensitivity  Receives `h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_hawq_sensitivity(
    ctx: *const Ctx,
    mean_squares: *const f64,
    count: usize,
    sensitivity: *mut f64,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (squares, span) = unsafe { check::array(mean_squares, count, c"mean_squares") }?;
        let out = check::output(sensitivity, c"sensitivity")?;
        check::disjoint(&[out.span], &[span])?;
        if squares.is_empty() {
            return Ok(());
        }
        let sum = squares.iter().fold(0.0, |sum, x| sum + x);
        // SAFETY: as above; the output is disjoint.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = 2.0 * sum / count as f64);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Tensors of an array, checked.
#[derive(Clone, Copy)]
struct Tensors<'a> {
    all: &'a [Tensor],
    axis: Option<usize>,
}

// SAFETY: the tensors are read only.
unsafe impl Sync for Tensors<'_> {}

impl Samples for Tensors<'_> {
    fn count(&self) -> usize {
        self.all.len()
    }

    fn with(&self, index: usize, f: &mut dyn FnMut(&ChannelView<'_>)) {
        let Some(tensor) = self.all.get(index) else { return };
        // SAFETY: the caller of `tensors` vouched for what they point to.
        if let Ok((Some(view), ..)) = unsafe { check::tensor(tensor, c"tensors") } {
            f(&view.by_channel(self.axis, false));
        }
    }
}

/// Checks an array of tensors; answers whether one has an element.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn tensors<'a>(
    pointer: *const Tensor,
    count: usize,
    (axis, channels): (i32, usize),
    outputs: &[check::Span],
) -> Result<(Tensors<'a>, bool)> {
    let name = c"tensors";
    // SAFETY: the contract of this function.
    let (all, span) = unsafe { check::array(pointer, count, name) }?;
    let axis = channel_axis(axis)?;
    check::disjoint(outputs, &[span])?;
    let mut some = false;
    for (i, tensor) in all.iter().enumerate() {
        let at = |error: Error| Error { index: i as u64, ..error };
        // SAFETY: as above.
        let (view, _, span) = unsafe { check::tensor(tensor, name) }.map_err(at)?;
        check::disjoint(outputs, &[span])?;
        if let Some(view) = view {
            check_channels(&view, axis, channels, name).map_err(at)?;
            some = true;
        }
    }
    Ok((Tensors { all, axis }, some))
}

/// Median and median absolute deviation of the elements of all samples, per channel: the median of
/// the elements whose magnitude is at least `2^-23`, and the median of the distances of all elements
/// from it. 0 where there is no such element, NaN where one is NaN. Medians are exact; a distance is
/// rounded to f32. If all samples are empty, nothing is written. Source: NNCF
/// `MedianAbsoluteDeviationAggregator`.
///
/// @param ctx          May be NULL.
/// @param tensors      `count` samples.
/// @param count        Number of samples.
/// @param channel_axis The axis whose indices are channels; -1 for one result for all elements.
/// @param channels     Length of that axis, 1 with -1.
/// @param median       Receives `channels` medians.
/// @param mad          Receives `channels` deviations.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_median_mad(
    ctx: *const Ctx,
    tensors: *const Tensor,
    count: usize,
    channel_axis: i32,
    channels: usize,
    median: *mut f32,
    mad: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        let median = check::Output::new(median, channels, c"median")?;
        let mad = check::Output::new(mad, channels, c"mad")?;
        let spans = [median.span, mad.span];
        let shape = (channel_axis, channels);
        // SAFETY: the pointer contract of the header.
        let (samples, some) = unsafe { self::tensors(tensors, count, shape, &spans) }?;
        if !some {
            return Ok(());
        }
        // SAFETY: as above; the outputs are disjoint.
        let out = unsafe { (median.slice(), mad.slice()) };
        median_mad(dispatch::active(), exec, &samples, out)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Percentiles of the elements of all samples, per channel, interpolated linearly in f64. NaN where
/// an element is. If all samples are empty, nothing is written. Source: NNCF `PercentileAggregator`.
///
/// @param ctx          May be NULL.
/// @param tensors      `count` samples.
/// @param count        Number of samples.
/// @param channel_axis The axis whose indices are channels; -1 for one result for all elements.
/// @param channels     Length of that axis, 1 with -1.
/// @param percentiles  The percentiles. Unit: percent. Range: `0..100`.
/// @param n            Their number.
/// @param values       Receives `n` rows of `channels` values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_percentiles(
    ctx: *const Ctx,
    tensors: *const Tensor,
    count: usize,
    channel_axis: i32,
    channels: usize,
    percentiles: *const f64,
    n: usize,
    values: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (wanted, span) = unsafe { check::array(percentiles, n, c"percentiles") }?;
        check::every(wanted, c"percentiles", c"must be in 0..100", |p: f64| {
            (0.0..=100.0).contains(&p)
        })?;
        let len = check::count(n.checked_mul(channels), c"values")?;
        let values = check::Output::new(values, len, c"values")?;
        check::disjoint(&[values.span], &[span])?;
        let shape = (channel_axis, channels);
        // SAFETY: as above.
        let (samples, some) = unsafe { self::tensors(tensors, count, shape, &[values.span]) }?;
        if !some {
            return Ok(());
        }
        // SAFETY: as above; the output is disjoint.
        let out = unsafe { values.slice() };
        self::percentiles(dispatch::active(), exec, &samples, channels, wanted, out)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Number of columns that `ptqk_process_stats` writes: `samples` if that is at most `subset_size` or
/// `subset_size` is 0, else `ceil(samples / floor(samples / subset_size))`, which can exceed
/// `subset_size`.
///
/// @param ctx         May be NULL.
/// @param samples     Number of samples.
/// @param subset_size Samples that are wanted; 0 for all.
/// @param columns     Receives the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_process_stats_columns(
    ctx: *const Ctx,
    samples: usize,
    subset_size: usize,
    columns: *mut usize,
) -> Status {
    let value = || Ok(process::columns(samples, subset_size));
    // SAFETY: the pointer contract of the header.
    unsafe { check::number(ctx, (columns, c"columns"), value) }
}

/// Bytes of the workspace of `ptqk_process_stats`: 0 unless `samples` exceeds `subset_size`.
///
/// @param ctx         May be NULL.
/// @param samples     Number of samples.
/// @param subset_size As there.
/// @param bytes       Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_process_stats_workspace_size(
    ctx: *const Ctx,
    samples: usize,
    subset_size: usize,
    bytes: *mut usize,
) -> Status {
    let value = || scratch::needed(|scratch| process::carve(samples, subset_size, scratch));
    // SAFETY: the pointer contract of the header.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// What AWQ, scale estimation and LoRA correction take of the activations of a layer.
///
/// `importance[h]` is the largest magnitude of the means of channel `h`, over all samples; NaN where
/// one is. `x` receives samples as columns. If there are more than `subset_size`, these are every
/// `floor(samples / subset_size)`-th in descending order of their token counts, equal ones in the
/// order of the samples; else all in their order. If `means` is empty, nothing is written. Source:
/// NNCF `process_stats`.
///
/// @param ctx             May be NULL.
/// @param means           `[samples, channels]`: the mean of each channel over the tokens of each
///                        sample, see `ptqk_channel_mean`.
/// @param token_counts    `samples` numbers of tokens: products of the axes of the activation but for
///                        the channels. Not read, may be NULL, if all samples are taken.
/// @param subset_size     Samples that are wanted; 0 for all. Default of NNCF: 32 in AWQ, 64 in
///                        scale estimation, 128 in LoRA correction.
/// @param importance      Receives `channels` values.
/// @param x               Receives `[channels, columns]`, as `ptqk_process_stats_columns` says.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_process_stats_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_process_stats(
    ctx: *const Ctx,
    means: *const Matrix,
    token_counts: *const u64,
    subset_size: usize,
    importance: *mut f32,
    x: *const MatrixMut,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (means, span) = unsafe { check::matrix(means, c"means") }?;
        let (samples, channels) = (means.rows(), means.cols());
        let sorted = subset_size > 0 && samples > subset_size;
        let counts = if sorted { samples } else { 0 };
        // SAFETY: as above.
        let (counts, counts_span) = unsafe { check::array(token_counts, counts, c"token_counts") }?;
        // SAFETY: as above.
        let (x, x_span) = unsafe { check::matrix_mut(x, c"x") }?;
        let columns = process::columns(samples, subset_size);
        if x.rows() != channels {
            let rule = c"must be the number of columns of means";
            return Err(Error::shape(c"x", c"rows", rule, x.rows() as f64));
        }
        if x.cols() != columns {
            let rule = c"must be what ptqk_process_stats_columns says";
            return Err(Error::shape(c"x", c"cols", rule, x.cols() as f64));
        }
        let importance = check::Output::new(importance, channels, c"importance")?;
        let needed = scratch::needed(|scratch| process::carve(samples, subset_size, scratch))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[importance.span, x_span, workspace.span], &[span, counts_span])?;
        if samples == 0 || channels == 0 {
            return Ok(());
        }
        // SAFETY: as above; the outputs are disjoint.
        let (importance, workspace) = unsafe { (importance.slice(), workspace.slice()) };
        let k = dispatch::active();
        let scratch = &mut scratch::Scratch::new(workspace);
        process::run(k, exec, means, (counts, subset_size), importance, x, scratch)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
