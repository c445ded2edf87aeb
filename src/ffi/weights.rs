//! Weight compression.

use crate::algorithms::compress::{self, Compressed, Scales, ScalesMut};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::matrix::{CodeType, Codes, CodesMut, Matrix, MatrixMut};
use crate::params::weights::{
    GroupChoice, GroupFallbackParams, WeightError, WeightFormat, WeightLayout, WeightParams,
};
use crate::status::{Error, Result, Status};
use crate::views::{CodesView, PerGroup};
use core::ffi::{CStr, c_void};

/// Fills the parameters of weight compression: int8_asym per channel, weights `[out, in]`,
/// scales in f16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_weight_params_default(params: *mut WeightParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, WeightParams::DEFAULT) };
}

/// Fills the parameters of `ptqk_resolve_group_size`: group size 128, error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_group_fallback_params_default(params: *mut GroupFallbackParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, GroupFallbackParams::DEFAULT) };
}

/// Sizes of the outputs of `ptqk_compress_weights` for weights of `rows x cols`.
///
/// @param ctx    May be NULL.
/// @param params Not NULL. `group_size` must divide the input channels.
/// @param rows   Rows of the weights.
/// @param cols   Columns of the weights.
/// @param layout Receives the sizes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_weight_layout_query(
    ctx: *const Ctx,
    params: *const WeightParams,
    rows: usize,
    cols: usize,
    layout: *mut WeightLayout,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let format = unsafe { check::params(params) }?.validate()?;
        let out = check::output(layout, c"layout")?;
        let value = compress::layout(&format, rows, cols)?;
        // SAFETY: as above.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

fn check_code_type(format: &WeightFormat, code_type: CodeType, argument: &'static CStr) -> Result {
    if code_type == format.mode.code_type() {
        return Ok(());
    }
    let value = f64::from(code_type as u32);
    Err(Error::field(argument, c"code_type", c"must be the code type of params.mode", value))
}

/// Compresses weights to integer codes with a scale per group.
///
/// Symmetric modes, of `b` bits: `scale = (|min| >= max ? |min| : -max) / 2^(b-1)`, which can be
/// negative; `code = clamp(round(w / scale), -2^(b-1), 2^(b-1)-1)`, stored with
/// `2^(b-1)` added in the 3- and 2-bit modes. Asymmetric modes: minimum and maximum widened to
/// include 0 (see `asymmetric_range`), `scale = (max - min) / (2^b - 1)`,
/// `zero_point = clamp(-round(min / scale), 0, 2^b-1)`,
/// `code = clamp(round(w / scale + zero_point), 0, 2^b-1)`. A scale below `2^-23` in magnitude
/// becomes `2^-23`. Everything is f32, rounded half to even; the codes follow from the f32 scale,
/// whatever type it is stored in. An f16 scale above 65504 in magnitude is stored as infinity.
///
/// A group that holds a NaN or an infinity, or whose width overflows, gets the scale `2^-23` and the zero point 0, and the
/// call returns `PTQK_STATUS_NOT_FINITE` with the row-major index of the first such element; all
/// other groups are right.
///
/// Source: NNCF `compress_weights`, 3.4.0.
///
/// @param ctx        May be NULL.
/// @param params     Not NULL.
/// @param weights    The matrix, `[out, in]` or `[in, out]` as `params->reduction_axis` says.
/// @param codes      Receives the codes; the shape of `weights`, the code type of the mode.
/// @param scale      Receives the scales: `groups` values of `params->scale_dtype`, see
///                   `ptqk_weight_layout`.
/// @param zero_point Receives `groups` zero points in the asymmetric modes; not read otherwise,
///                   may be NULL then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_compress_weights(
    ctx: *const Ctx,
    params: *const WeightParams,
    weights: *const Matrix,
    codes: *const CodesMut,
    scale: *mut c_void,
    zero_point: *mut u8,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let format = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix(weights, c"weights") }?;
        // SAFETY: as above.
        let (codes, codes_span) = unsafe { check::codes_mut(codes, c"codes") }?;
        let (rows, cols) = (weights.rows(), weights.cols());
        check::same_shape((rows, cols), (codes.rows(), codes.cols()), c"codes")?;
        check_code_type(&format, codes.code_type(), c"codes")?;
        let groups = compress::layout(&format, rows, cols)?.groups;
        let grouping = compress::Grouping::new(&format, rows, cols)?;
        let zeros = if format.mode.is_asymmetric() { groups } else { 0 };
        let zeros = check::Output::new(zero_point, zeros, c"zero_point")?;
        let per_row = grouping.cols;
        let group = if format.by_column { 1 } else { grouping.group.get() };
        // One of the two is empty.
        let (halves, floats) = if format.half_scales { (groups, 0) } else { (0, groups) };
        let halves = check::Output::new(scale.cast(), halves, c"scale")?;
        let floats = check::Output::new(scale.cast(), floats, c"scale")?;
        let outputs = [codes_span, halves.span, floats.span, zeros.span];
        check::disjoint(&outputs, &[weights_span])?;
        // SAFETY: the pointer contract of the header; the outputs are disjoint.
        let (halves, floats, zeros) = unsafe { (halves.slice(), floats.slice(), zeros.slice()) };
        let scale = if format.half_scales {
            ScalesMut::F16(PerGroup::new(halves, per_row, group))
        } else {
            ScalesMut::F32(PerGroup::new(floats, per_row, group))
        };
        let zeros = PerGroup::new(zeros, per_row, group);
        compress::compress(dispatch::active(), exec, &format, weights, codes, scale, zeros)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Checks the stored form of weights; gives it and the spans of its three parts.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn compressed<'a>(
    params: *const WeightParams,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
) -> Result<(Compressed<'a>, [check::Span; 3])> {
    // SAFETY: the contract of this function.
    let format = unsafe { check::params(params) }?.validate()?;
    // SAFETY: as above.
    let (codes, codes_span): (CodesView<'a>, _) = unsafe { check::codes(codes, c"codes") }?;
    check_code_type(&format, codes.code_type(), c"codes")?;
    let groups = compress::layout(&format, codes.rows(), codes.cols())?.groups;
    // SAFETY: as above.
    let (scale, scale_span) = unsafe {
        if format.half_scales {
            let (scale, span) = check::array(scale.cast(), groups, c"scale")?;
            (Scales::F16(scale), span)
        } else {
            let (scale, span) = check::array(scale.cast(), groups, c"scale")?;
            (Scales::F32(scale), span)
        }
    };
    let zeros = if format.mode.is_asymmetric() { groups } else { 0 };
    // SAFETY: as above.
    let (zero_point, zero_span) = unsafe { check::array(zero_point, zeros, c"zero_point") }?;
    Ok((Compressed { format, codes, scale, zero_point }, [codes_span, scale_span, zero_span]))
}

/// Turns compressed weights back into floats: `w = (code - zero_point) * scale`, rounded to f32
/// once, then to the type of `dst`.
///
/// @param ctx        May be NULL.
/// @param params     The parameters of the compression.
/// @param codes      The codes.
/// @param scale      The scales, of type `params->scale_dtype`.
/// @param zero_point The zero points; not read in the symmetric modes, may be NULL then.
/// @param dst        Receives the weights; the shape of `codes`. Must not overlap any input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_decompress_weights(
    ctx: *const Ctx,
    params: *const WeightParams,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, spans) = unsafe { compressed(params, codes, scale, zero_point) }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        let shape = (src.codes.rows(), src.codes.cols());
        check::same_shape(shape, (dst.rows(), dst.cols()), c"dst")?;
        check::disjoint(&[dst_span], &spans)?;
        compress::decompress(dispatch::active(), exec, &src, dst)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Distance between weights and their compressed form, with the scales as they are stored. NNCF
/// takes it with f32 scales: compress with `PTQK_DTYPE_F32` for the same numbers.
///
/// @param ctx        May be NULL.
/// @param params     The parameters of the compression.
/// @param weights    The weights.
/// @param codes      The codes; the shape of `weights`.
/// @param scale      The scales.
/// @param zero_point The zero points; not read in the symmetric modes, may be NULL then.
/// @param error      Receives the distances; 0 if there are no weights.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_weight_error_query(
    ctx: *const Ctx,
    params: *const WeightParams,
    weights: *const Matrix,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    error: *mut WeightError,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, [codes, scale, zeros]) = unsafe { compressed(params, codes, scale, zero_point) }?;
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix(weights, c"weights") }?;
        let shape = (src.codes.rows(), src.codes.cols());
        check::same_shape(shape, (weights.rows(), weights.cols()), c"weights")?;
        let out = check::output(error, c"error")?;
        check::disjoint(&[out.span], &[weights_span, codes, scale, zeros])?;
        let value = if shape.0 == 0 || shape.1 == 0 {
            WeightError::default()
        } else {
            compress::error(dispatch::active(), exec, weights, &src)?
        };
        // SAFETY: as above; the output is disjoint.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// What to do with a weight of `channel_size` input channels.
///
/// If the wished group size divides `channel_size`, or is -1: compress with it. Otherwise
/// `PTQK_GROUP_FALLBACK_ERROR` refuses, `_IGNORE` answers `PTQK_GROUP_ACTION_SKIP`, and `_ADJUST`
/// takes the largest power of two that divides `channel_size`, or answers
/// `PTQK_GROUP_ACTION_BACKUP` if that is below `min_adjusted_group_size`.
///
/// Source: NNCF `GroupSizeFallbackMode`.
///
/// @param ctx          May be NULL.
/// @param params       Not NULL.
/// @param channel_size Input channels. Range: `>= 1`.
/// @param choice       Receives the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_resolve_group_size(
    ctx: *const Ctx,
    params: *const GroupFallbackParams,
    channel_size: usize,
    choice: *mut GroupChoice,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let (fallback, group) = params.validate()?;
        let out = check::output(choice, c"choice")?;
        if channel_size == 0 {
            let rule = c"must be at least 1";
            return Err(Error::new(Status::InvalidShape, c"channel_size", rule));
        }
        let smallest = params.min_adjusted_group_size as usize;
        let value = compress::resolve_group(fallback, group, smallest, channel_size)?;
        // SAFETY: as above.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
