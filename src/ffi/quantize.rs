//! Quantize, dequantize, fake-quantize.

use crate::algorithms::coding::{Coding, Float, Table};
use crate::algorithms::fake_quantize::{self, Ranges};
use crate::algorithms::quantize::{self, Quantizer};
use crate::dispatch;
use crate::ffi::check;
use crate::params::context::Ctx;
use crate::params::elementwise::{FakeQuantizeParams, QuantizeParams, Rounding};
use crate::params::matrix::{CodeType, Codes, CodesMut, Matrix, MatrixMut};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

/// Fills the parameters of `ptqk_quantize` and `ptqk_dequantize`: per tensor, the whole range of
/// the code type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantize_params_default(params: *mut QuantizeParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, QuantizeParams::DEFAULT) };
}

/// Fills the parameters of `ptqk_fake_quantize`: per tensor, 256 levels.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_fake_quantize_params_default(params: *mut FakeQuantizeParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, FakeQuantizeParams::DEFAULT) };
}

/// The quantizer of a matrix of `rows x cols` and the spans of its arrays.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn quantizer<'a>(
    params: &QuantizeParams,
    (rows, cols): (usize, usize),
    (code_type, argument): (CodeType, &'static CStr),
    scale: *const f32,
    zero_point: *const i32,
    nf4: &'a Table,
) -> Result<(Quantizer<'a>, [check::Span; 2])> {
    let coding = match code_type.float_format() {
        Some(format) => Coding::Float(Float::saturating(format)),
        None if code_type == CodeType::Nf4 => Coding::Table(nf4),
        None if code_type.is_integer() => Coding::Integer,
        None => {
            let rule = c"must not be PTQK_CODE_TYPE_E8M0, which has no sign";
            let value = f64::from(code_type as u32);
            return Err(Error::field(argument, c"code_type", rule, value));
        }
    };
    if !zero_point.is_null() && !code_type.is_integer() {
        let rule = c"must be NULL with a float code type";
        return Err(Error::new(Status::InvalidParameter, c"zero_point", rule));
    }
    let sharing = params.sharing()?;
    let zero = code_type.range();
    let count = if rows == 0 || cols == 0 { Some(0) } else { sharing.count(rows, cols) };
    let count = check::count(count, c"scale")?;
    // SAFETY: the contract of this function.
    let (scale, scale_span) = unsafe { check::array(scale, count, c"scale") }?;
    // SAFETY: as above.
    let (zero_point, zero_span) =
        unsafe { check::optional_array(zero_point, count, c"zero_point") }?;
    let rule = c"must be finite and not 0";
    check::every(scale, c"scale", rule, |s| s.is_finite() && s != 0.0)?;
    let rule = c"must be within the code type";
    check::every(zero_point, c"zero_point", rule, |z| (zero.0..=zero.1).contains(&z))?;
    let (range, rounding) = if code_type.is_integer() {
        (params.code_range(code_type)?, params.rounding()?)
    } else {
        (zero, Rounding::AfterRounding)
    };
    Ok((Quantizer { sharing, scale, zero_point, rounding, range, coding }, [scale_span, zero_span]))
}

/// Quantizes a matrix to codes.
///
/// `code = clamp(round(x / scale) + zero_point, code_min, code_max)`, or
/// `clamp(round(x / scale + zero_point), code_min, code_max)` with
/// `PTQK_ZERO_POINT_BEFORE_ROUNDING`. The division is a real f32 division, the sum an f32 sum;
/// `round` is half to even. A NaN gives the zero point (clamped), infinities saturate.
///
/// Float code types: the code of `x / scale`, nearest with ties to even, magnitudes beyond the
/// largest number become it; a NaN stays one, or becomes the largest number where the type has none
/// (with NF4, 0). `code_min`, `code_max` and `zero_point_rounding` are not read.
///
/// @param ctx        May be NULL.
/// @param params     Not NULL.
/// @param src        The matrix.
/// @param scale      Finite, not 0, may be negative; as many as `params->granularity` says.
/// @param zero_point As many, each within the range of the code type. NULL: all 0; must be NULL
///                   with a float code type.
/// @param dst        Receives the codes, of any type but E8M0; the shape of `src`. Must not overlap
///                   any input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantize(
    ctx: *const Ctx,
    params: *const QuantizeParams,
    src: *const Matrix,
    scale: *const f32,
    zero_point: *const i32,
    dst: *const CodesMut,
) -> Status {
    let body = |exec: crate::parallel::Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        // SAFETY: as above.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::codes_mut(dst, c"dst") }?;
        let shape = (src.rows(), src.cols());
        check::same_shape(shape, (dst.rows(), dst.cols()), c"dst")?;
        let nf4 = Table::nf4();
        // SAFETY: as above.
        let (quantizer, [scale, zero]) = unsafe {
            quantizer(&params, shape, (dst.code_type(), c"dst"), scale, zero_point, &nf4)
        }?;
        check::disjoint(&[dst_span], &[src_span, scale, zero])?;
        quantize::quantize(dispatch::active(), exec, &quantizer, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Turns codes back into floats: `x = (code - zero_point) * scale`, or `x = value(code) * scale`
/// with a float code type, rounded to f32 once, then to the type of `dst`.
///
/// @param ctx        May be NULL.
/// @param params     Not NULL. Only `granularity` and `group_size` are read.
/// @param src        The codes.
/// @param scale      As in `ptqk_quantize`.
/// @param zero_point As in `ptqk_quantize`.
/// @param dst        Receives the floats; the shape of `src`. Must not overlap any input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_dequantize(
    ctx: *const Ctx,
    params: *const QuantizeParams,
    src: *const Codes,
    scale: *const f32,
    zero_point: *const i32,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: crate::parallel::Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let QuantizeParams { code_min, code_max, zero_point_rounding, .. } =
            QuantizeParams::DEFAULT;
        let params = QuantizeParams { code_min, code_max, zero_point_rounding, ..params };
        // SAFETY: as above.
        let (src, src_span) = unsafe { check::codes(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        let shape = (src.rows(), src.cols());
        check::same_shape(shape, (dst.rows(), dst.cols()), c"dst")?;
        let nf4 = Table::nf4();
        // SAFETY: as above.
        let (quantizer, [scale, zero]) = unsafe {
            quantizer(&params, shape, (src.code_type(), c"src"), scale, zero_point, &nf4)
        }?;
        check::disjoint(&[dst_span], &[src_span, scale, zero])?;
        quantize::dequantize(dispatch::active(), exec, &quantizer, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Moves every element to the nearest of `levels` equidistant values from `low` to `high`: what
/// quantization and dequantization do to it.
///
/// `x <= low` and NaN give `low`; `x > high` gives `high`; otherwise
/// `round((x - low) / (high - low) * (levels - 1)) / (levels - 1) * (high - low) + low`, every
/// operation rounded to f32, `round` half to even. Source: OpenVINO FakeQuantize.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param src    The matrix.
/// @param low    Finite lower ends; as many as `params->granularity` says.
/// @param high   Finite upper ends, `low <= high`, and `high - low` is finite.
/// @param dst    Receives the elements; the shape of `src`. It may be `src` itself (the same data,
///               type and stride); no other overlap is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_fake_quantize(
    ctx: *const Ctx,
    params: *const FakeQuantizeParams,
    src: *const Matrix,
    low: *const f32,
    high: *const f32,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: crate::parallel::Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (sharing, levels) = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (src, src_span) = unsafe { check::matrix(src, c"src") }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        let shape = (src.rows(), src.cols());
        check::same_shape(shape, (dst.rows(), dst.cols()), c"dst")?;
        let empty = shape.0 == 0 || shape.1 == 0;
        let count = if empty { Some(0) } else { sharing.count(shape.0, shape.1) };
        let count = check::count(count, c"low")?;
        // SAFETY: as above.
        let (low, low_span) = unsafe { check::array(low, count, c"low") }?;
        // SAFETY: as above.
        let (high, high_span) = unsafe { check::array(high, count, c"high") }?;
        check::every(low, c"low", c"must be finite", f32::is_finite)?;
        check::every(high, c"high", c"must be finite", f32::is_finite)?;
        if let Some(i) = low.iter().zip(high).position(|(low, high)| low > high) {
            let value = low.get(i).map_or(0.0, |low| f64::from(*low));
            let (status, rule) = (Status::InvalidParameter, c"must not exceed high");
            return Err(Error::element(status, c"low", rule, i as u64, value));
        }
        if let Some(i) = low.iter().zip(high).position(|(low, high)| !(high - low).is_finite()) {
            let value = high.get(i).map_or(0.0, |high| f64::from(*high));
            let (status, rule) = (Status::InvalidParameter, c"must make a finite range with low");
            return Err(Error::element(status, c"high", rule, i as u64, value));
        }
        let in_place = src.is_same_place(&dst);
        let inputs = [low_span, high_span, src_span];
        let inputs = if in_place { &inputs[..2] } else { &inputs[..] };
        check::disjoint(&[dst_span], inputs)?;
        let ranges = Ranges { sharing, low, high, levels };
        let src = (!in_place).then_some(src);
        fake_quantize::fake_quantize(dispatch::active(), exec, &ranges, src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
