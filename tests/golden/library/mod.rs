//! The library as the handlers see it: one safe function per C function.
//!
//! All calls stand in this file. They go through the C API, as a C program would make them; a status
//! other than success becomes an error text.

#![allow(unsafe_code, reason = "the C API takes pointers")]

mod floats;
mod gptq;
mod histogram;
mod lora;
mod range;

pub use floats::{FloatSpec, NumberType, compress_floats, decode, encode, fake_convert, fp8_scale};
pub use gptq::{GptqSpec, gptq, hessian};
pub use histogram::histogram_range;
pub use lora::{LoraSpec, lora};
pub use range::{
    Along, Collection, Estimator, TensorRef, along, channel_mean, estimate, hawq, median_mad,
    percentiles, process_stats,
};

use ptqk::ffi;
use std::ptr;

/// Constants of the C header.
const SCHEME_SYMMETRIC: u32 = 0;
const SCHEME_ASYMMETRIC: u32 = 1;
const SIGNEDNESS_ANY: u32 = 0;
const SIGNEDNESS_SIGNED: u32 = 1;
const SIGNEDNESS_UNSIGNED: u32 = 2;
const OVERFLOW_FIX_DISABLE: u32 = 0;
const OVERFLOW_FIX_ENABLE: u32 = 1;
const DTYPE_F32: u32 = 0;
const DTYPE_F16: u32 = 1;
const GRANULARITY_TENSOR: u32 = 0;
const GRANULARITY_ROW: u32 = 1;
const CODE_I8: u32 = 0;
const CODE_U8: u32 = 1;
const CODE_I4: u32 = 4;
const CODE_U4: u32 = 5;
const CODE_U3: u32 = 6;
const CODE_U2: u32 = 7;
const FALLBACK_ERROR: u32 = 0;
const FALLBACK_IGNORE: u32 = 1;
const FALLBACK_ADJUST: u32 = 2;
const ACTION_COMPRESS: u32 = 0;
const ACTION_BACKUP: u32 = 1;
const ACTION_SKIP: u32 = 2;

/// Turns the status of a call into a result.
fn check(function: &str, status: ffi::Status) -> Result<(), String> {
    if status == ffi::Status::Ok { Ok(()) } else { Err(format!("{function} gave {status:?}")) }
}

/// An error unless a slice has the length that the C function will read or write.
fn expect_len(what: &str, len: usize, want: usize) -> Result<(), String> {
    if len == want { Ok(()) } else { Err(format!("{what}: {len} elements, {want} needed")) }
}

/// What a quantizer is to be.
#[derive(Clone, Copy, Debug)]
pub struct QuantizerSpec {
    pub asymmetric: bool,
    pub num_bits: u32,
    pub narrow_range: bool,
    /// `None`: decided by the data.
    pub signedness_to_force: Option<bool>,
    pub per_channel: bool,
    /// Use half of the code range.
    pub half_range: bool,
}

/// The range of a quantizer.
#[derive(Clone, Debug)]
pub struct Quantizer {
    pub low: Vec<f32>,
    pub high: Vec<f32>,
    pub levels: u32,
}

/// Range and levels of a quantizer from the extreme values of its channels.
pub fn quantizer(spec: QuantizerSpec, min: &[f32], max: &[f32]) -> Result<Quantizer, String> {
    expect_len("max", max.len(), min.len())?;
    let params = ffi::QuantizationParams {
        num_bits: spec.num_bits,
        scheme: if spec.asymmetric { SCHEME_ASYMMETRIC } else { SCHEME_SYMMETRIC },
        signedness_to_force: match spec.signedness_to_force {
            None => SIGNEDNESS_ANY,
            Some(true) => SIGNEDNESS_SIGNED,
            Some(false) => SIGNEDNESS_UNSIGNED,
        },
        per_channel: spec.per_channel.into(),
        narrow_range: spec.narrow_range.into(),
        overflow_fix: if spec.half_range { OVERFLOW_FIX_ENABLE } else { OVERFLOW_FIX_DISABLE },
        ..ffi::QuantizationParams::DEFAULT
    };
    let channels = min.len();
    let (mut low, mut high) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
    let mut grid = ffi::QuantizerGrid::default();
    // SAFETY: all four arrays hold `channels` elements; scale and zero point may be NULL.
    let status = unsafe {
        ffi::ptqk_quantizer_from_min_max(
            ptr::null(),
            &params,
            min.as_ptr(),
            max.as_ptr(),
            channels,
            low.as_mut_ptr(),
            high.as_mut_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            &mut grid,
        )
    };
    check("ptqk_quantizer_from_min_max", status)?;
    Ok(Quantizer { low, high, levels: grid.levels })
}

/// Scales and zero points of ranges on an integer grid.
pub fn scale_zero_point(
    low: &[f32],
    high: &[f32],
    grid: (i32, i32),
    narrow_range: bool,
) -> Result<(Vec<f32>, Vec<i32>), String> {
    expect_len("high", high.len(), low.len())?;
    let channels = low.len();
    let (mut scale, mut zero_point) = (vec![f32::NAN; channels], vec![i32::MIN; channels]);
    // SAFETY: all four arrays hold `channels` elements.
    let status = unsafe {
        ffi::ptqk_scale_zero_point(
            ptr::null(),
            low.as_ptr(),
            high.as_ptr(),
            channels,
            grid.0,
            grid.1,
            narrow_range.into(),
            scale.as_mut_ptr(),
            zero_point.as_mut_ptr(),
        )
    };
    check("ptqk_scale_zero_point", status)?;
    Ok((scale, zero_point))
}

/// Ranges moved so that zero is a level.
pub fn tune_range(
    low: &[f32],
    high: &[f32],
    num_bits: u32,
    unify_zero_points: bool,
) -> Result<(Vec<f32>, Vec<f32>), String> {
    expect_len("high", high.len(), low.len())?;
    let channels = low.len();
    let (mut tuned_low, mut tuned_high) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
    // SAFETY: all four arrays hold `channels` elements.
    let status = unsafe {
        ffi::ptqk_tune_range(
            ptr::null(),
            low.as_ptr(),
            high.as_ptr(),
            channels,
            num_bits,
            unify_zero_points.into(),
            tuned_low.as_mut_ptr(),
            tuned_high.as_mut_ptr(),
        )
    };
    check("ptqk_tune_range", status)?;
    Ok((tuned_low, tuned_high))
}

/// The range that holds all ranges.
pub fn unify_min_max(min: &[f32], max: &[f32]) -> Result<(f32, f32), String> {
    expect_len("max", max.len(), min.len())?;
    let (mut unified_min, mut unified_max) = (f32::NAN, f32::NAN);
    // SAFETY: both arrays hold `min.len()` elements, each result is one float.
    let status = unsafe {
        ffi::ptqk_unify_min_max(
            ptr::null(),
            min.as_ptr(),
            max.as_ptr(),
            min.len(),
            &mut unified_min,
            &mut unified_max,
        )
    };
    check("ptqk_unify_min_max", status)?;
    Ok((unified_min, unified_max))
}

/// A matrix with tight rows.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
}

impl<'a> View<'a> {
    /// The elements of `data` as rows of `cols`.
    pub fn new(data: &'a [f32], cols: usize) -> Result<View<'a>, String> {
        match data.len().checked_div(cols) {
            Some(rows) if rows * cols == data.len() => Ok(View { data, rows, cols }),
            _ => Err(format!("{} elements are no rows of {cols}", data.len())),
        }
    }

    fn matrix(&self) -> ffi::Matrix {
        ffi::Matrix {
            data: self.data.as_ptr().cast(),
            rows: self.rows,
            cols: self.cols,
            row_stride: self.cols,
            dtype: DTYPE_F32,
            reserved: 0,
        }
    }
}

/// A tight f32 matrix to write to.
fn matrix_mut(data: &mut [f32], rows: usize, cols: usize) -> ffi::MatrixMut {
    ffi::MatrixMut {
        data: data.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride: cols,
        dtype: DTYPE_F32,
        reserved: 0,
    }
}

/// Which elements share a parameter or a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    Tensor,
    Row,
}

impl Granularity {
    fn code(self) -> u32 {
        match self {
            Granularity::Tensor => GRANULARITY_TENSOR,
            Granularity::Row => GRANULARITY_ROW,
        }
    }

    fn count(self, view: &View) -> usize {
        match self {
            Granularity::Tensor => 1,
            Granularity::Row => view.rows,
        }
    }
}

/// Quantizes and dequantizes.
pub fn fake_quantize(
    view: View,
    granularity: Granularity,
    levels: u32,
    low: &[f32],
    high: &[f32],
) -> Result<Vec<f32>, String> {
    expect_len("low", low.len(), granularity.count(&view))?;
    expect_len("high", high.len(), granularity.count(&view))?;
    let params = ffi::FakeQuantizeParams {
        granularity: granularity.code(),
        levels,
        ..ffi::FakeQuantizeParams::DEFAULT
    };
    let src = view.matrix();
    let mut result = vec![f32::NAN; view.data.len()];
    let dst = matrix_mut(&mut result, view.rows, view.cols);
    // SAFETY: both matrices describe live buffers, the ranges have one entry per parameter.
    let status = unsafe {
        ffi::ptqk_fake_quantize(ptr::null(), &params, &src, low.as_ptr(), high.as_ptr(), &dst)
    };
    check("ptqk_fake_quantize", status)?;
    Ok(result)
}

/// How weights are compressed.
#[derive(Clone, Copy, Debug)]
pub struct WeightSpec {
    /// Number of the mode in the C header.
    mode: u32,
    /// Minus one for one group per channel.
    pub group_size: i32,
    /// 1 for `[out, in]`, 0 for `[in, out]`.
    pub reduction_axis: u32,
}

/// The integer modes by name, in the order of their numbers.
const WEIGHT_MODES: [&str; 6] =
    ["int8_sym", "int8_asym", "int4_sym", "int4_asym", "int3_sym", "int2_sym"];

impl WeightSpec {
    /// A specification by the name of the mode.
    pub fn new(mode: &str, group_size: i32, reduction_axis: u32) -> Result<WeightSpec, String> {
        let integers = WEIGHT_MODES.into_iter().zip(0..);
        let mode = integers.chain(floats::MODES).find(|(name, _)| *name == mode);
        let (_, mode) = mode.ok_or("unknown weight mode")?;
        Ok(WeightSpec { mode, group_size, reduction_axis })
    }

    fn params(self, scale_dtype: u32) -> ffi::WeightParams {
        ffi::WeightParams {
            mode: self.mode,
            group_size: self.group_size,
            reduction_axis: self.reduction_axis,
            scale_dtype,
            ..ffi::WeightParams::DEFAULT
        }
    }
}

/// Compressed weights with f32 scales, beside what f16 scales give.
#[derive(Clone, Debug)]
pub struct Compressed {
    spec: WeightSpec,
    rows: usize,
    cols: usize,
    layout: ffi::WeightLayout,
    packed: Vec<u8>,
    pub scale: Vec<f32>,
    /// Scales of the second compression, stored as f16.
    pub scale_f16: Vec<f32>,
    /// Empty for symmetric modes.
    pub zero_point: Vec<u8>,
}

/// Scales in either storage type.
enum Scales {
    F32(Vec<f32>),
    F16(Vec<u16>),
}

/// Compresses with f32 and with f16 scales; an error if the codes or zero points depend on that.
pub fn compress(spec: WeightSpec, weights: View) -> Result<Compressed, String> {
    let View { rows, cols, .. } = weights;
    let layout = weight_layout(&spec.params(DTYPE_F32), rows, cols)?;
    let (packed, scale, zero_point) = compress_as(spec, DTYPE_F32, weights)?;
    let (packed_f16, scale_f16, zero_point_f16) = compress_as(spec, DTYPE_F16, weights)?;
    if packed != packed_f16 || zero_point != zero_point_f16 {
        return Err("the codes depend on the type of the scales".into());
    }
    let (Scales::F32(scale), Scales::F16(scale_f16)) = (scale, scale_f16) else {
        return Err("scales of the wrong type".into());
    };
    let scale_f16 = scale_f16.into_iter().map(|bits| half::f16::from_bits(bits).to_f32()).collect();
    Ok(Compressed { spec, rows, cols, layout, packed, scale, scale_f16, zero_point })
}

fn weight_layout(
    params: &ffi::WeightParams,
    rows: usize,
    cols: usize,
) -> Result<ffi::WeightLayout, String> {
    let mut layout = ffi::WeightLayout { code_type: u32::MAX, ..Default::default() };
    // SAFETY: the pointers are to live values.
    let status =
        unsafe { ffi::ptqk_weight_layout_query(ptr::null(), params, rows, cols, &mut layout) };
    check("ptqk_weight_layout_query", status)?;
    expect_len("code_bytes", layout.code_bytes, layout.code_row_bytes * rows)?;
    Ok(layout)
}

/// Codes, scales and zero points of one compression.
fn compress_as(
    spec: WeightSpec,
    scale_dtype: u32,
    weights: View,
) -> Result<(Vec<u8>, Scales, Vec<u8>), String> {
    let params = spec.params(scale_dtype);
    let layout = weight_layout(&params, weights.rows, weights.cols)?;
    let mut packed = vec![0; layout.code_bytes];
    let mut zero_point = vec![0; layout.zero_point_bytes];
    let codes = ffi::CodesMut {
        data: packed.as_mut_ptr().cast(),
        rows: weights.rows,
        cols: weights.cols,
        row_stride_bytes: layout.code_row_bytes,
        code_type: layout.code_type,
        reserved: 0,
    };
    let mut scales = if scale_dtype == DTYPE_F16 {
        expect_len("scale_bytes", layout.scale_bytes, layout.groups * 2)?;
        Scales::F16(vec![0; layout.groups])
    } else {
        expect_len("scale_bytes", layout.scale_bytes, layout.groups * 4)?;
        Scales::F32(vec![f32::NAN; layout.groups])
    };
    let scale = match &mut scales {
        Scales::F32(scale) => scale.as_mut_ptr().cast(),
        Scales::F16(scale) => scale.as_mut_ptr().cast(),
    };
    let matrix = weights.matrix();
    // SAFETY: every buffer has the size that the layout query gave.
    let status = unsafe {
        ffi::ptqk_compress_weights(
            ptr::null(),
            &params,
            &matrix,
            &codes,
            scale,
            zero_point.as_mut_ptr(),
            ptr::null_mut(),
        )
    };
    check("ptqk_compress_weights", status)?;
    Ok((packed, scales, zero_point))
}

impl Compressed {
    fn codes(&self) -> ffi::Codes {
        ffi::Codes {
            data: self.packed.as_ptr().cast(),
            rows: self.rows,
            cols: self.cols,
            row_stride_bytes: self.layout.code_row_bytes,
            code_type: self.layout.code_type,
            reserved: 0,
        }
    }

    /// The codes as signed or unsigned integers; three- and two-bit codes without their offset.
    pub fn unpack(&self) -> Result<Vec<i32>, String> {
        let mut codes = Vec::new();
        for row in self.packed.chunks_exact(self.layout.code_row_bytes) {
            let mut bytes = row.to_vec();
            if !matches!(self.layout.code_type, CODE_I8 | CODE_U8) {
                bytes = unpack(self.layout.code_type, row, self.cols)?;
            }
            expect_len("codes of a row", bytes.len(), self.cols)?;
            let signed =
                |bits: u32| move |byte: &u8| (byte << (8 - bits)).cast_signed() >> (8 - bits);
            match self.layout.code_type {
                CODE_I8 => codes.extend(bytes.iter().map(|b| i32::from(b.cast_signed()))),
                CODE_I4 => codes.extend(bytes.iter().map(signed(4)).map(i32::from)),
                CODE_U8 | CODE_U4 => codes.extend(bytes.iter().map(|b| i32::from(*b))),
                CODE_U3 => codes.extend(bytes.iter().map(|b| i32::from(*b) - 4)),
                CODE_U2 => codes.extend(bytes.iter().map(|b| i32::from(*b) - 2)),
                other => return Err(format!("code type {other}")),
            }
        }
        Ok(codes)
    }

    /// The weights that the codes stand for, as f32.
    pub fn decompress(&self) -> Result<Vec<f32>, String> {
        let (params, codes) = (self.spec.params(DTYPE_F32), self.codes());
        let mut result = vec![f32::NAN; self.rows * self.cols];
        let dst = matrix_mut(&mut result, self.rows, self.cols);
        // SAFETY: every buffer has the size that the layout query gave.
        let status = unsafe {
            ffi::ptqk_decompress_weights(
                ptr::null(),
                &params,
                &codes,
                self.scale.as_ptr().cast(),
                self.zero_point.as_ptr(),
                ptr::null(),
                &dst,
            )
        };
        check("ptqk_decompress_weights", status)?;
        Ok(result)
    }

    /// The largest mean squared error of a channel, and the Frobenius norm of the error.
    pub fn error(&self, weights: View) -> Result<(f32, f32), String> {
        let (params, matrix, codes) = (self.spec.params(DTYPE_F32), weights.matrix(), self.codes());
        let mut error = ffi::WeightError { max_mean_squared: f32::NAN, frobenius: f32::NAN };
        // SAFETY: every buffer has the size that the layout query gave.
        let status = unsafe {
            ffi::ptqk_weight_error_query(
                ptr::null(),
                &params,
                &matrix,
                &codes,
                self.scale.as_ptr().cast(),
                self.zero_point.as_ptr(),
                ptr::null(),
                &mut error,
            )
        };
        check("ptqk_weight_error_query", status)?;
        Ok((error.max_mean_squared, error.frobenius))
    }
}

/// One byte per code.
fn unpack(code_type: u32, packed: &[u8], len: usize) -> Result<Vec<u8>, String> {
    let mut codes = vec![0; len];
    // SAFETY: `packed` is one row of `len` codes, `codes` takes a byte for each.
    let status = unsafe {
        ffi::ptqk_unpack(ptr::null(), code_type, packed.as_ptr(), len, codes.as_mut_ptr())
    };
    check("ptqk_unpack", status)?;
    Ok(codes)
}

/// What becomes of a layer whose channels may not divide into groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// Compressed with this group size.
    Compress(i32),
    /// Compressed to eight bits per channel.
    Backup,
    /// Left as it is.
    Skip,
}

/// Chooses the group size for a channel size; `fallback` is error, ignore or adjust.
pub fn resolve_group_size(
    fallback: &str,
    group_size: i32,
    min_adjusted_group_size: u32,
    channel_size: usize,
) -> Result<GroupAction, String> {
    let params = ffi::GroupFallbackParams {
        fallback_mode: match fallback {
            "error" => FALLBACK_ERROR,
            "ignore" => FALLBACK_IGNORE,
            "adjust" => FALLBACK_ADJUST,
            other => return Err(format!("unknown fallback {other}")),
        },
        group_size,
        min_adjusted_group_size,
        ..ffi::GroupFallbackParams::DEFAULT
    };
    let mut choice = ffi::GroupChoice { action: u32::MAX, group_size: 0 };
    // SAFETY: the pointers are to live values.
    let status =
        unsafe { ffi::ptqk_resolve_group_size(ptr::null(), &params, channel_size, &mut choice) };
    check("ptqk_resolve_group_size", status)?;
    match choice.action {
        ACTION_COMPRESS => Ok(GroupAction::Compress(choice.group_size)),
        ACTION_BACKUP => Ok(GroupAction::Backup),
        ACTION_SKIP => Ok(GroupAction::Skip),
        other => Err(format!("action {other}")),
    }
}
