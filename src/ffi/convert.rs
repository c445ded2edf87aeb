//! Between float types, and the scale of FP8.

use crate::algorithms::coding::Float;
use crate::algorithms::convert::{self, Casts};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::convert::{ConvertParams, FakeConvertParams, Fp8Params, Overflow};
use crate::params::matrix::{CodeType, Codes, CodesMut, Matrix, MatrixMut};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

/// Fills the parameters of `ptqk_encode` and `ptqk_convert`: to nearest, saturating, NaN stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_convert_params_default(params: *mut ConvertParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, ConvertParams::DEFAULT) };
}

/// Fills the parameters of `ptqk_fake_convert`: E4M3, per tensor, NaN becomes the negative largest
/// number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_fake_convert_params_default(params: *mut FakeConvertParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, FakeConvertParams::DEFAULT) };
}

/// Fills the parameters of `ptqk_fp8_scale_from_min_max`: E4M3, per tensor, half of the range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_fp8_params_default(params: *mut Fp8Params) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, Fp8Params::DEFAULT) };
}

/// Refuses integer codes.
fn float_codes(code_type: CodeType, argument: &'static CStr) -> Result {
    if !code_type.is_integer() {
        return Ok(());
    }
    let rule = c"must be a PTQK_CODE_TYPE constant of a float type";
    Err(Error::field(argument, c"code_type", rule, f64::from(code_type as u32)))
}

/// Encodes floats as codes of 8, 6 or 4 bits: each becomes the code of the nearest number of the
/// type, or what `params` says.
///
/// E8M0 has no sign: 0 becomes the smallest power, negative numbers and NaN become NaN. NF4 has
/// numbers only: what lies beyond -1 and 1 becomes these, NaN becomes 0.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The matrix.
/// @param dst    Receives the codes, of a float type; the shape of `src`. Must not overlap `src`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_encode(
    ctx: *const Ctx,
    params: *const ConvertParams,
    src: *const Matrix,
    dst: *const CodesMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        // SAFETY: as above.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::codes_mut(dst, c"dst") }?;
        check::same_shape((src.rows(), src.cols()), (dst.rows(), dst.cols()), c"dst")?;
        float_codes(dst.code_type(), c"dst")?;
        let rules = params.validate_for(dst.code_type())?;
        check::disjoint(&[dst_span], &[src_span])?;
        convert::encode(dispatch::active(), exec, &rules, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Turns codes of 8, 6 or 4 bits into the floats that they stand for; exact, but for numbers that
/// an f16 `dst` cannot hold.
///
/// @param ctx May be NULL.
/// @param src The codes, of a float type.
/// @param dst Receives the floats; the shape of `src`. Must not overlap `src`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_decode(
    ctx: *const Ctx,
    src: *const Codes,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, src_span) = unsafe { check::codes(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        check::same_shape((src.rows(), src.cols()), (dst.rows(), dst.cols()), c"dst")?;
        float_codes(src.code_type(), c"src")?;
        check::disjoint(&[dst_span], &[src_span])?;
        convert::decode(dispatch::active(), exec, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Converts a matrix between f32, f16 and bf16.
///
/// By default a number beyond the largest of `dst`, infinity included, becomes that number;
/// `PTQK_OVERFLOW_SPECIAL` is the cast of IEEE 754, which goes to infinity.
///
/// @param ctx    May be NULL.
/// @param params Not NULL. Rounding to nearest or stochastic.
/// @param src    The matrix.
/// @param dst    Receives the elements; the shape of `src`. Must not overlap `src`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_convert(
    ctx: *const Ctx,
    params: *const ConvertParams,
    src: *const Matrix,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let rules = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        check::same_shape((src.rows(), src.cols()), (dst.rows(), dst.cols()), c"dst")?;
        check::disjoint(&[dst_span], &[src_span])?;
        convert::convert(dispatch::active(), exec, &rules, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Converts every element to a float type of few bits and back: what storing it in that type does
/// to it.
///
/// `y = (cast(x * scale - shift) + shift) / scale`, every step rounded to f32; the cast goes to the
/// nearest number of the type, ties to even, and saturates. Source: OpenVINO FakeConvert.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The matrix.
/// @param scale  Finite, not 0; as many as `params->granularity` says.
/// @param shift  As many finite shifts, or NULL for 0.
/// @param dst    Receives the elements; the shape of `src`. It may be `src` itself (the same data,
///               type and stride); no other overlap is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_fake_convert(
    ctx: *const Ctx,
    params: *const FakeConvertParams,
    src: *const Matrix,
    scale: *const f32,
    shift: *const f32,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (sharing, destination, nan) = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        let (rows, cols) = (src.rows(), src.cols());
        check::same_shape((rows, cols), (dst.rows(), dst.cols()), c"dst")?;
        let empty = rows == 0 || cols == 0;
        let count = if empty { Some(0) } else { sharing.count(rows, cols) };
        let count = check::count(count, c"scale")?;
        // SAFETY: as above.
        let (scale, scale_span) = unsafe { check::array(scale, count, c"scale") }?;
        // SAFETY: as above.
        let (shift, shift_span) = unsafe { check::optional_array(shift, count, c"shift") }?;
        let rule = c"must be finite and not 0";
        check::every(scale, c"scale", rule, |s| s.is_finite() && s != 0.0)?;
        check::every(shift, c"shift", c"must be finite", |s| s.is_finite())?;
        let in_place = src.is_same_place(&dst);
        let inputs = [scale_span, shift_span, src_span];
        let inputs = if in_place { &inputs[..2] } else { &inputs[..] };
        check::disjoint(&[dst_span], inputs)?;
        let float = Float::new(destination, Overflow::Saturate, nan);
        let casts = Casts { sharing, scale, shift, float };
        let src = (!in_place).then_some(src);
        convert::fake_convert(dispatch::active(), exec, &casts, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Makes the scales of `ptqk_fake_convert` from the minimum and maximum of each channel:
/// `scale = largest number of the type / max(max, |min| + 2^-23)`, times `activation_scale` unless
/// `per_channel` is 1. The shift of these scales is 0.
///
/// Source: NNCF `calculate_convert_parameters`; for quantizers that share a scale, take the ranges
/// of `ptqk_unify_min_max` first. Codes stand for `x * scale`: `ptqk_quantize` takes `1 / scale`.
/// Statistics of 0 give a finite scale: the term `2^-23` keeps the divisor above 0.
///
/// @param ctx      May be NULL.
/// @param params   Not NULL.
/// @param min      `channels` minima, finite. May be NULL if `channels` is 0.
/// @param max      `channels` maxima, finite, `min[c] <= max[c]`.
/// @param channels Number of channels; at most 1 unless `params->per_channel` is 1.
/// @param scale    Receives `channels` scales.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_fp8_scale_from_min_max(
    ctx: *const Ctx,
    params: *const Fp8Params,
    min: *const f32,
    max: *const f32,
    channels: usize,
    scale: *mut f32,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (destination, factor) = unsafe { check::params(params) }?.validate()?;
        if factor.is_some() && channels > 1 {
            let rule = c"must be at most 1 unless params.per_channel is 1";
            let error = Error::new(Status::InvalidShape, c"channels", rule);
            return Err(Error { value: channels as f64, ..error });
        }
        // SAFETY: as above.
        let ((min, min_span), (max, max_span)) =
            unsafe { check::ends((min, c"min"), (max, c"max"), channels, c"must not exceed max") }?;
        let out = check::Output::new(scale, channels, c"scale")?;
        check::disjoint(&[out.span], &[min_span, max_span])?;
        // SAFETY: as above; the output is disjoint.
        let scale = unsafe { out.slice() };
        for (to, (min, max)) in scale.iter_mut().zip(min.iter().zip(max)) {
            *to = convert::fp8_scale(destination, *min, *max) * factor.unwrap_or(1.0);
        }
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
