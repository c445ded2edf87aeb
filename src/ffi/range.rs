//! Reductions.

use crate::algorithms::quantile;
use crate::algorithms::range::{self, Moment};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::elementwise::{QuantileParams, ReduceParams, Sharing};
use crate::params::matrix::Matrix;
use crate::status::{Result, Status};
use crate::views::MatrixView;
use core::ffi::CStr;

/// Fills the parameters of the reductions: per tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_reduce_params_default(params: *mut ReduceParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, ReduceParams::DEFAULT) };
}

/// Fills the parameters of `ptqk_quantile`: per tensor, of the elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantile_params_default(params: *mut QuantileParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, QuantileParams::DEFAULT) };
}

/// Exact quantiles of a matrix, its rows, columns or groups.
///
/// With `n` elements in ascending order, the quantile of probability `p` lies at `(n - 1) p`; between
/// two elements it is interpolated linearly, in f64, and rounded to f32 last. NaN where an element
/// is NaN. A result of 0 is +0. If the matrix is empty, nothing is written. Progress of a whole tensor
/// is that of its first pass, most often the only one. Source: `numpy.quantile`, NNCF
/// `StatisticsType.QUANTILE` and `ABS_QUANTILE`.
///
/// @param ctx           May be NULL.
/// @param params        Not NULL.
/// @param src           The matrix.
/// @param probabilities `count` probabilities, each in 0..1. May be NULL if `count` is 0.
/// @param count         Number of probabilities.
/// @param scratch       Room for `scratch_len` floats, which makes quantiles of a whole tensor faster,
///                      the more the better up to a fifth of its elements; or NULL.
/// @param scratch_len   Number of floats.
/// @param quantiles     Receives `count` quantiles for every row, column or group, one after the other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantile(
    ctx: *const Ctx,
    params: *const QuantileParams,
    src: *const Matrix,
    probabilities: *const f64,
    count: usize,
    scratch: *mut f32,
    scratch_len: usize,
    quantiles: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (sharing, magnitude) = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (src, span) = unsafe { check::matrix(src, c"src") }?;
        let name = c"probabilities";
        // SAFETY: as above.
        let (probabilities, probabilities_span) =
            unsafe { check::array(probabilities, count, name) }?;
        check::every(probabilities, name, c"must be in 0..1", |p| (0.0..=1.0).contains(&p))?;
        if src.rows() == 0 || src.cols() == 0 {
            return Ok(());
        }
        let outputs = sharing.count(src.rows(), src.cols()).and_then(|n| n.checked_mul(count));
        let outputs = check::count(outputs, c"quantiles")?;
        let out = check::Output::new(quantiles, outputs, c"quantiles")?;
        let room = if scratch.is_null() { 0 } else { scratch_len };
        let scratch = check::Output::new(scratch, room, c"scratch")?;
        check::disjoint(&[out.span, scratch.span], &[span, probabilities_span])?;
        // SAFETY: as above; the outputs are disjoint.
        let (scratch, out) = unsafe { (scratch.slice(), out.slice()) };
        let k = dispatch::active();
        quantile::quantiles_of(k, exec, sharing, src, magnitude, probabilities, (scratch, out))
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// What a reduction needs: the sharing, the matrix, and `N` outputs.
type Reduction<'a, const N: usize> = (Sharing, MatrixView<'a>, [&'a mut [f32]; N]);

/// Checks the arguments that all reductions share; nothing to do if the matrix is empty.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn arguments<'a, const N: usize>(
    params: *const ReduceParams,
    src: *const Matrix,
    outputs: [(*mut f32, &'static CStr); N],
) -> Result<Option<Reduction<'a, N>>> {
    // SAFETY: the contract of this function.
    let sharing = unsafe { check::params(params) }?.validate()?;
    // SAFETY: as above.
    let (src, span) = unsafe { check::matrix(src, c"src") }?;
    if src.rows() == 0 || src.cols() == 0 {
        return Ok(None);
    }
    let count = check::count(sharing.count(src.rows(), src.cols()), c"src")?;
    let mut checked = [None; N];
    for (checked, (pointer, name)) in checked.iter_mut().zip(outputs) {
        *checked = Some(check::Output::new(pointer, count, name)?);
    }
    let spans = checked.map(|output| output.map(|output| output.span));
    for (i, output) in spans.iter().enumerate() {
        let inputs = spans.iter().skip(i + 1).flatten().copied().chain([span]);
        for input in inputs {
            if let Some(output) = output {
                check::disjoint(&[*output], &[input])?;
            }
        }
    }
    // SAFETY: the contract of this function; the outputs are disjoint.
    let slices = checked.map(|o| o.map_or(&mut [][..], |o| unsafe { o.slice() }));
    Ok(Some((sharing, src, slices)))
}

/// Minimum and maximum of a matrix, its rows, columns or groups.
///
/// NaN where an element is NaN. A result of 0 is +0. If the matrix is empty, nothing is written.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The matrix.
/// @param min    Receives the minima, as many as `params->granularity` says.
/// @param max    Receives the maxima.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_min_max(
    ctx: *const Ctx,
    params: *const ReduceParams,
    src: *const Matrix,
    min: *mut f32,
    max: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        match unsafe { arguments(params, src, [(min, c"min"), (max, c"max")]) }? {
            Some((sharing, src, [min, max])) => {
                range::min_max(dispatch::active(), exec, sharing, src, (min, max))
            }
            None => Ok(()),
        }
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Largest magnitude of a matrix, its rows, columns or groups. NaN where an element is NaN. If the
/// matrix is empty, nothing is written.
///
/// @param ctx     May be NULL.
/// @param params  Not NULL.
/// @param src     The matrix.
/// @param abs_max Receives the magnitudes, as many as `params->granularity` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_abs_max(
    ctx: *const Ctx,
    params: *const ReduceParams,
    src: *const Matrix,
    abs_max: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        match unsafe { arguments(params, src, [(abs_max, c"abs_max")]) }? {
            Some((sharing, src, [out])) => {
                range::abs_max(dispatch::active(), exec, sharing, src, out)
            }
            None => Ok(()),
        }
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// The body of the moments.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn moment(
    ctx: *const Ctx,
    params: *const ReduceParams,
    src: *const Matrix,
    (out, name): (*mut f32, &'static CStr),
    moment: Moment,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the contract of this function.
        match unsafe { arguments(params, src, [(out, name)]) }? {
            Some((sharing, src, [out])) => {
                range::moment(dispatch::active(), exec, moment, sharing, src, out)
            }
            None => Ok(()),
        }
    };
    // SAFETY: the contract of this function.
    unsafe { check::run(ctx, body) }
}

/// Sum of a matrix, its rows, columns or groups, in an order that depends on the shape only:
/// pieces in f32, the pieces in f64. If the matrix is empty, nothing is written.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The matrix.
/// @param sum    Receives the sums, as many as `params->granularity` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_sum(
    ctx: *const Ctx,
    params: *const ReduceParams,
    src: *const Matrix,
    sum: *mut f32,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { moment(ctx, params, src, (sum, c"sum"), Moment::Sum) }
}

/// Arithmetic mean of a matrix, its rows, columns or groups: the sum of `ptqk_sum`, before it is
/// rounded to f32, divided by the number of elements. If the matrix is empty, nothing is written.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The matrix.
/// @param mean   Receives the means, as many as `params->granularity` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_mean(
    ctx: *const Ctx,
    params: *const ReduceParams,
    src: *const Matrix,
    mean: *mut f32,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { moment(ctx, params, src, (mean, c"mean"), Moment::Mean) }
}

/// Population variance of a matrix, its rows, columns or groups: the mean of the squared distances
/// from the mean. If the matrix is empty, nothing is written.
///
/// @param ctx      May be NULL.
/// @param params   Not NULL.
/// @param src      The matrix.
/// @param variance Receives the variances, as many as `params->granularity` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_variance(
    ctx: *const Ctx,
    params: *const ReduceParams,
    src: *const Matrix,
    variance: *mut f32,
) -> Status {
    // SAFETY: the pointer contract of the header.
    unsafe { moment(ctx, params, src, (variance, c"variance"), Moment::Variance) }
}
