//! Weight compression.

use crate::algorithms::weights::{self, Compressed, Scales, ScalesMut};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::matrix::{CodeType, Codes, CodesMut, Matrix, MatrixMut};
use crate::params::weights::{
    GroupChoice, GroupFallbackParams, ScaleType, WeightError, WeightFormat, WeightLayout,
    WeightMode, WeightParams,
};
use crate::status::{Error, Result, Status};
use crate::views::{CodesView, CodesViewMut, PerGroup};
use core::ffi::{CStr, c_void};
use half::f16;

/// The codebook of the parameters, for the mode that has one.
///
/// # Safety
/// The pointer contract of the header.
pub(super) unsafe fn codebook<'a>(
    params: &WeightParams,
    format: &WeightFormat,
    name: &'static CStr,
) -> Result<(&'a [f32], check::Span)> {
    // SAFETY: the contract of this function.
    let (values, span) = unsafe { check::array(params.codebook, format.codebook_size, name) }?;
    check::ascending(values, name)?;
    Ok((values, span))
}

/// Functions that hold the parameters of a format within their own name them so.
#[cfg(any(feature = "gptq", feature = "lora"))]
pub(super) fn in_weights(error: Error) -> Error {
    let argument = match error.argument {
        name if name == c"params" => c"params.weights",
        name if name == c"params.codebook" => c"params.weights.codebook",
        name => name,
    };
    Error { argument, ..error }
}

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
        let value = weights::layout(&format, rows, cols)?;
        // SAFETY: as above.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

fn check_code_type(format: &WeightFormat, code_type: CodeType, argument: &'static CStr) -> Result {
    if code_type == format.code_type() {
        return Ok(());
    }
    let value = f64::from(code_type as u32);
    Err(Error::field(argument, c"code_type", c"must be the code type of the mode", value))
}

/// Number of scales of the matrix: 1 with NVFP4, unless there are no weights.
fn tensor_scales(format: &WeightFormat, rows: usize, cols: usize) -> usize {
    usize::from(format.mode == WeightMode::Nvfp4 && rows > 0 && cols > 0)
}

/// Where compressed weights go, as the caller says it.
pub(super) struct TargetPointers {
    pub(super) codes: *const CodesMut,
    pub(super) scale: *mut c_void,
    pub(super) zero_point: *mut u8,
    pub(super) tensor_scale: *mut f32,
}

/// What the header calls the parts.
pub(super) struct TargetNames {
    pub(super) codes: &'static CStr,
    pub(super) scale: &'static CStr,
    pub(super) zero_point: &'static CStr,
    pub(super) tensor_scale: &'static CStr,
}

const TARGET_NAMES: TargetNames = TargetNames {
    codes: c"codes",
    scale: c"scale",
    zero_point: c"zero_point",
    tensor_scale: c"tensor_scale",
};

/// Where compressed weights go: checked first, borrowed once everything is.
pub(super) struct Target<'a> {
    codes: CodesViewMut<'a>,
    scales: ScaleType,
    /// At most one of the three is not empty.
    floats: check::Output<f32>,
    halves: check::Output<f16>,
    bytes: check::Output<u8>,
    zero_point: check::Output<u8>,
    tensor_scale: check::Output<f32>,
    /// Groups of a row, and columns of a group.
    per_row: usize,
    group: usize,
    pub(super) spans: [check::Span; 6],
}

impl<'a> Target<'a> {
    /// Checks the places for weights of that shape.
    ///
    /// # Safety
    /// The pointer contract of the header.
    pub(super) unsafe fn new(
        format: &WeightFormat,
        (rows, cols): (usize, usize),
        pointers: TargetPointers,
        names: &TargetNames,
    ) -> Result<Self> {
        let TargetPointers { codes, scale, zero_point, tensor_scale } = pointers;
        // SAFETY: the contract of this function.
        let (codes, codes_span) = unsafe { check::codes_mut(codes, names.codes) }?;
        check::same_shape((rows, cols), (codes.rows(), codes.cols()), names.codes)?;
        check_code_type(format, codes.code_type(), names.codes)?;
        let groups = weights::layout(format, rows, cols)?.groups;
        let grouping = weights::Grouping::new(format, rows, cols)?;
        let zeros = if format.mode.is_asymmetric() { groups } else { 0 };
        let zero_point = check::Output::new(zero_point, zeros, names.zero_point)?;
        let tensors = tensor_scales(format, rows, cols);
        let tensor_scale = check::Output::new(tensor_scale, tensors, names.tensor_scale)?;
        let count = |scales: ScaleType| if format.scales == scales { groups } else { 0 };
        let byte_count = count(ScaleType::E8m0) + count(ScaleType::E4m3);
        let floats = check::Output::new(scale.cast(), count(ScaleType::F32), names.scale)?;
        let halves = check::Output::new(scale.cast(), count(ScaleType::F16), names.scale)?;
        let bytes = check::Output::new(scale.cast(), byte_count, names.scale)?;
        let spans =
            [codes_span, floats.span, halves.span, bytes.span, zero_point.span, tensor_scale.span];
        Ok(Self {
            codes,
            scales: format.scales,
            floats,
            halves,
            bytes,
            zero_point,
            tensor_scale,
            per_row: grouping.cols,
            group: if format.by_column { 1 } else { grouping.group.get() },
            spans,
        })
    }

    /// Codes, scales and zero points, and the scale of the matrix.
    ///
    /// # Safety
    /// The pointer contract of the header; the spans are disjoint.
    #[allow(clippy::type_complexity, reason = "what the algorithms take")]
    pub(super) unsafe fn views(
        self,
    ) -> ((CodesViewMut<'a>, ScalesMut<'a>, PerGroup<'a, u8>), &'a mut [f32]) {
        let Self { codes, floats, halves, bytes, per_row, group, .. } = self;
        // SAFETY: the contract of this function.
        let (floats, halves, bytes) = unsafe { (floats.slice(), halves.slice(), bytes.slice()) };
        // SAFETY: as above.
        let (zeros, tensor_scale) = unsafe { (self.zero_point.slice(), self.tensor_scale.slice()) };
        let scale = match self.scales {
            ScaleType::F32 => ScalesMut::F32(PerGroup::new(floats, per_row, group)),
            ScaleType::F16 => ScalesMut::F16(PerGroup::new(halves, per_row, group)),
            ScaleType::E8m0 | ScaleType::E4m3 => {
                ScalesMut::Bytes(PerGroup::new(bytes, per_row, group))
            }
        };
        ((codes, scale, PerGroup::new(zeros, per_row, group)), tensor_scale)
    }
}

/// Compresses weights to codes of few bits with a scale per group.
///
/// Symmetric integer modes, of `b` bits: `scale = (|min| >= max ? |min| : -max) / 2^(b-1)`, which can be
/// negative; `code = clamp(round(w / scale), -2^(b-1), 2^(b-1)-1)`, stored with
/// `2^(b-1)` added in the 3- and 2-bit modes. Asymmetric modes: minimum and maximum widened to
/// include 0 (see `asymmetric_range`), `scale = (max - min) / (2^b - 1)`,
/// `zero_point = clamp(-round(min / scale), 0, 2^b-1)`,
/// `code = clamp(round(w / scale + zero_point), 0, 2^b-1)`. A scale below `2^-23` in magnitude
/// becomes `2^-23`. Everything is f32, rounded half to even; the codes follow from the f32 scale,
/// whatever type it is stored in. An f16 scale above 65504 in magnitude is stored as infinity.
///
/// Float and codebook modes: `scale = amax / max`, where `amax` is the largest magnitude of the
/// group and `max` that of the codes: 1 with NF4, 6 with FP4, MXFP4 and NVFP4, 448 with E4M3, 57344
/// with E5M2, 28 with E3M2, 7.5 with E2M3, 127/64 with MXINT8, the largest magnitude of the codebook
/// otherwise. A scale below `2^-23` becomes `2^-23` (see `scale_guard`), one beyond the largest float
/// becomes that; in the MX modes it becomes a power of two (see `mx_scale`), at least `2^-127` and at
/// most `2^127`. The code is that of `w / scale`, nearest with ties to even; in a codebook by the
/// midpoints `0.5 * (c[i] + c[i+1])`, on a midpoint the lower index (NF4: by the thresholds of NNCF).
/// With NVFP4 the codes follow from the f32 scales; these are stored as E4M3 of
/// `scale / tensor_scale`, where `tensor_scale = largest scale / 448`, at least `2^-23`.
///
/// A group that holds a NaN or an infinity, or whose width overflows, gets the scale `2^-23` and the
/// zero point 0, and the call returns `PTQK_STATUS_NOT_FINITE` with the row-major index of the first
/// such element; all other groups are right.
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
/// @param tensor_scale Receives the scale of the matrix with NVFP4; not read otherwise, may be
///                   NULL then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_compress_weights(
    ctx: *const Ctx,
    params: *const WeightParams,
    weights: *const Matrix,
    codes: *const CodesMut,
    scale: *mut c_void,
    zero_point: *mut u8,
    tensor_scale: *mut f32,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let format = params.validate()?;
        // SAFETY: as above.
        let (codebook, codebook_span) = unsafe { codebook(&params, &format, c"params.codebook") }?;
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix(weights, c"weights") }?;
        let shape = (weights.rows(), weights.cols());
        let pointers = TargetPointers { codes, scale, zero_point, tensor_scale };
        // SAFETY: as above.
        let target = unsafe { Target::new(&format, shape, pointers, &TARGET_NAMES) }?;
        check::disjoint(&target.spans, &[weights_span, codebook_span])?;
        // SAFETY: as above; the outputs are disjoint.
        let (outputs, tensor_scale) = unsafe { target.views() };
        let k = dispatch::active();
        weights::compress(k, exec, &format, codebook, weights, outputs, tensor_scale)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Checks the stored form of weights; gives it and the spans of its parts.
///
/// # Safety
/// The pointer contract of the header.
pub(super) unsafe fn compressed<'a>(
    params: *const WeightParams,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    tensor_scale: *const f32,
) -> Result<(Compressed<'a>, [check::Span; 5])> {
    // SAFETY: the contract of this function.
    let params = unsafe { check::params(params) }?;
    let format = params.validate()?;
    // SAFETY: as above.
    let (codebook, codebook_span) = unsafe { codebook(&params, &format, c"params.codebook") }?;
    // SAFETY: as above.
    let (codes, codes_span): (CodesView<'a>, _) = unsafe { check::codes(codes, c"codes") }?;
    check_code_type(&format, codes.code_type(), c"codes")?;
    let groups = weights::layout(&format, codes.rows(), codes.cols())?.groups;
    let tensors = tensor_scales(&format, codes.rows(), codes.cols());
    // SAFETY: as above.
    let (tensor_scale, tensor_span) =
        unsafe { check::array(tensor_scale, tensors, c"tensor_scale") }?;
    let tensor_scale = tensor_scale.first().copied().unwrap_or(1.0);
    // SAFETY: as above.
    let (scale, scale_span) = unsafe {
        match format.scales {
            ScaleType::F32 => {
                let (scale, span) = check::array(scale.cast(), groups, c"scale")?;
                (Scales::F32(scale), span)
            }
            ScaleType::F16 => {
                let (scale, span) = check::array(scale.cast(), groups, c"scale")?;
                (Scales::F16(scale), span)
            }
            ScaleType::E8m0 => {
                let (scale, span) = check::array(scale.cast(), groups, c"scale")?;
                (Scales::E8m0(scale), span)
            }
            ScaleType::E4m3 => {
                let (scale, span) = check::array(scale.cast(), groups, c"scale")?;
                (Scales::E4m3(scale, tensor_scale), span)
            }
        }
    };
    let zeros = if format.mode.is_asymmetric() { groups } else { 0 };
    // SAFETY: as above.
    let (zero_point, zero_span) = unsafe { check::array(zero_point, zeros, c"zero_point") }?;
    let spans = [codes_span, scale_span, zero_span, tensor_span, codebook_span];
    Ok((Compressed { format, codebook, codes, scale, zero_point }, spans))
}

/// Turns compressed weights back into floats: `w = (code - zero_point) * scale`, or
/// `w = value(code) * scale` in the float and codebook modes, rounded to f32 once, then to the type
/// of `dst`. With NVFP4 the scale is `scale * tensor_scale`, rounded to f32. An index beyond the
/// codebook counts as the last.
///
/// @param ctx        May be NULL.
/// @param params     The parameters of the compression.
/// @param codes      The codes.
/// @param scale      The scales, as `ptqk_compress_weights` wrote them.
/// @param zero_point The zero points; not read in the symmetric modes, may be NULL then.
/// @param tensor_scale The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
/// @param dst        Receives the weights; the shape of `codes`. Must not overlap any input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_decompress_weights(
    ctx: *const Ctx,
    params: *const WeightParams,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    tensor_scale: *const f32,
    dst: *const MatrixMut,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, spans) = unsafe { compressed(params, codes, scale, zero_point, tensor_scale) }?;
        // SAFETY: as above.
        let (dst, dst_span) = unsafe { check::matrix_mut(dst, c"dst") }?;
        let shape = (src.codes.rows(), src.codes.cols());
        check::same_shape(shape, (dst.rows(), dst.cols()), c"dst")?;
        check::disjoint(&[dst_span], &spans)?;
        weights::decompress(dispatch::active(), exec, &src, dst)
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
/// @param tensor_scale The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
/// @param error      Receives the distances; 0 if there are no weights.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_weight_error_query(
    ctx: *const Ctx,
    params: *const WeightParams,
    weights: *const Matrix,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    tensor_scale: *const f32,
    error: *mut WeightError,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (src, spans) = unsafe { compressed(params, codes, scale, zero_point, tensor_scale) }?;
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix(weights, c"weights") }?;
        let shape = (src.codes.rows(), src.codes.cols());
        check::same_shape(shape, (weights.rows(), weights.cols()), c"weights")?;
        let out = check::output(error, c"error")?;
        check::disjoint(&[out.span], &spans)?;
        check::disjoint(&[out.span], &[weights_span])?;
        let value = if shape.0 == 0 || shape.1 == 0 {
            WeightError::default()
        } else {
            weights::error(dispatch::active(), exec, weights, &src)?
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
        let value = weights::resolve_group(fallback, group, smallest, channel_size)?;
        // SAFETY: as above.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
