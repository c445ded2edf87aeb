//! Requantization.

use crate::algorithms::requantize;
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::matrix::{Accumulators, CodeType, CodesMut};
use crate::params::requantize::{Requantization, RequantizeParams, ScalePer};
use crate::status::{Error, Result, Status};
use crate::views::{AccumulatorsView, CodesViewMut};

/// Fills the parameters of requantization: per tensor, zero point 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_requantize_params_default(params: *mut RequantizeParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, RequantizeParams::DEFAULT) };
}

/// What the two forms share: parameters, input, output, number of scales, and the two spans.
type Arguments<'a> =
    (Requantization, AccumulatorsView<'a>, CodesViewMut<'a>, usize, [check::Span; 2]);

/// # Safety
/// The pointer contract of the header.
unsafe fn arguments<'a>(
    params: *const RequantizeParams,
    src: *const Accumulators,
    dst: *const CodesMut,
) -> Result<Arguments<'a>> {
    // SAFETY: the contract of this function.
    let params = unsafe { check::params(params) }?;
    // SAFETY: as above.
    let (src, src_span) = unsafe { check::accumulators(src, c"src") }?;
    // SAFETY: as above.
    let (dst, dst_span) = unsafe { check::codes_mut(dst, c"dst") }?;
    let (rows, cols) = (src.rows(), src.cols());
    check::same_shape((rows, cols), (dst.rows(), dst.cols()), c"dst")?;
    let code_type = dst.code_type();
    if !matches!(code_type, CodeType::I8 | CodeType::U8) {
        let rule = c"must be PTQK_CODE_TYPE_I8 or PTQK_CODE_TYPE_U8";
        let value = f64::from(code_type as u32);
        return Err(Error::field(c"dst", c"code_type", rule, value));
    }
    let to = params.validate(code_type)?;
    let count = match to.sharing {
        _ if rows == 0 || cols == 0 => 0,
        ScalePer::Tensor => 1,
        ScalePer::Row => rows,
        ScalePer::Column => cols,
    };
    Ok((to, src, dst, count, [src_span, dst_span]))
}

/// Turns 32-bit accumulators into 8-bit codes with float scales.
///
/// `code = clamp(round(f32(acc) * scale) + zero_point, code_min, code_max)`: the accumulator is
/// rounded to f32, the product is rounded to f32, `round` is half to even.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The accumulators.
/// @param scale  Finite; as many as `params->granularity` says: 1, `rows` or `cols`.
/// @param dst    Receives codes of type I8 or U8; the shape of `src`. Must not overlap any input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_requantize(
    ctx: *const Ctx,
    params: *const RequantizeParams,
    src: *const Accumulators,
    scale: *const f32,
    dst: *const CodesMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (to, src, dst, count, [src_span, dst_span]) = unsafe { arguments(params, src, dst) }?;
        // SAFETY: as above.
        let (scale, scale_span) = unsafe { check::array(scale, count, c"scale") }?;
        check::every(scale, c"scale", c"must be finite", f32::is_finite)?;
        check::disjoint(&[dst_span], &[src_span, scale_span])?;
        requantize::float(dispatch::active(), exec, &to, src, scale, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Turns 32-bit accumulators into 8-bit codes with integer arithmetic only, as microcontrollers do.
///
/// `code = clamp(scaled + zero_point, code_min, code_max)`. With `PTQK_FIXED_POINT_DOUBLE_ROUNDING`,
/// `scaled` is the doubling high product of `acc * 2^max(shift, 0)` (which wraps at 32 bits) and
/// `multiplier`, `(2 * a * b) >> 32` rounded half up, then divided by `2^max(-shift, 0)` and rounded
/// half away from zero. With `PTQK_FIXED_POINT_SINGLE_ROUNDING`, `scaled` is
/// `(acc * multiplier + 2^(30 - shift)) >> (31 - shift)`, saturated to 32 bits.
///
/// @param ctx        May be NULL.
/// @param params     Not NULL.
/// @param src        The accumulators.
/// @param multiplier Range: `>= 0`; as many as `params->granularity` says: 1, `rows` or `cols`. See
///                   `ptqk_quantize_multiplier`.
/// @param shift      As many. Range: `-31..30`.
/// @param dst        Receives codes of type I8 or U8; the shape of `src`. Must not overlap any input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_requantize_fixed(
    ctx: *const Ctx,
    params: *const RequantizeParams,
    src: *const Accumulators,
    multiplier: *const i32,
    shift: *const i32,
    dst: *const CodesMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (to, src, dst, count, [src_span, dst_span]) = unsafe { arguments(params, src, dst) }?;
        // SAFETY: as above.
        let (multiplier, span) = unsafe { check::array(multiplier, count, c"multiplier") }?;
        // SAFETY: as above.
        let (shift, shift_span) = unsafe { check::array(shift, count, c"shift") }?;
        check::every(multiplier, c"multiplier", c"must not be negative", |m| m >= 0)?;
        check::every(shift, c"shift", c"must be in -31..30", |s| (-31..=30).contains(&s))?;
        check::disjoint(&[dst_span], &[src_span, span, shift_span])?;
        requantize::fixed(dispatch::active(), exec, &to, src, (multiplier, shift), dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Writes a scale as `multiplier * 2^(shift - 31)` for `ptqk_requantize_fixed`.
///
/// @param ctx        May be NULL.
/// @param scale      Range: `0 <= scale < 2^30`.
/// @param multiplier Receives a number in `2^30..2^31`, or 0 if `scale` is below `2^-32`.
/// @param shift      Receives a number in `-31..30`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantize_multiplier(
    ctx: *const Ctx,
    scale: f64,
    multiplier: *mut i32,
    shift: *mut i32,
) -> Status {
    let body = |_: Exec<'_>| {
        let multiplier = check::output(multiplier, c"multiplier")?;
        let shift = check::output(shift, c"shift")?;
        check::disjoint(&[multiplier.span, shift.span], &[])?;
        let (m, s) = requantize::multiplier(scale).ok_or(Error {
            value: scale,
            ..Error::new(Status::InvalidParameter, c"scale", c"must be in 0..2^30")
        })?;
        // SAFETY: the pointer contract of the header; the outputs are disjoint.
        unsafe {
            multiplier.slice().iter_mut().for_each(|to| *to = m);
            shift.slice().iter_mut().for_each(|to| *to = s);
        }
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
