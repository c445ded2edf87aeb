//! Float types of few bits.

use super::{DTYPE_F16, DTYPE_F32, View, check, expect_len, matrix_mut, weight_layout};
use ptqk::ffi;
use std::ptr;

const OVERFLOW_SATURATE: u32 = 0;
const OVERFLOW_SPECIAL: u32 = 1;
const SCALE_GUARD_SCALE: u32 = 0;
const SCALE_GUARD_MAGNITUDE: u32 = 1;
const MX_SCALE_CEIL: u32 = 0;
const MX_SCALE_CEIL_LOGARITHM: u32 = 1;
const GRANULARITY_TENSOR: u32 = 0;
const GRANULARITY_ROW: u32 = 1;

/// The float types that have golden cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    E4m3 = 8,
    E5m2 = 9,
    E8m0 = 12,
    E2m1 = 15,
    Nf4 = 16,
}

impl NumberType {
    fn is_packed(self) -> bool {
        matches!(self, Self::E2m1 | Self::Nf4)
    }

    fn bytes(self, len: usize) -> usize {
        if self.is_packed() { len.div_ceil(2) } else { len }
    }
}

fn pack(to: NumberType, codes: &[u8]) -> Result<Vec<u8>, String> {
    let mut packed = vec![0; to.bytes(codes.len())];
    // SAFETY: the buffers have the sizes of `len` codes.
    let status = unsafe {
        ffi::ptqk_pack(ptr::null(), to as u32, codes.as_ptr(), codes.len(), packed.as_mut_ptr())
    };
    check("ptqk_pack", status)?;
    Ok(packed)
}

fn unpack(from: u32, packed: &[u8], len: usize) -> Result<Vec<u8>, String> {
    let mut codes = vec![0xFF; len];
    // SAFETY: the buffers have the sizes of `len` codes.
    let status =
        unsafe { ffi::ptqk_unpack(ptr::null(), from, packed.as_ptr(), len, codes.as_mut_ptr()) };
    check("ptqk_unpack", status)?;
    Ok(codes)
}

/// One byte per code.
pub fn encode(to: NumberType, x: &[f32], saturate: bool) -> Result<Vec<u8>, String> {
    let mut params = ffi::ConvertParams::DEFAULT;
    params.overflow = if saturate { OVERFLOW_SATURATE } else { OVERFLOW_SPECIAL };
    let mut packed = vec![0; to.bytes(x.len())];
    let src = View::new(x, x.len())?.matrix();
    let dst = ffi::CodesMut {
        data: packed.as_mut_ptr().cast(),
        rows: 1,
        cols: x.len(),
        row_stride_bytes: packed.len(),
        code_type: to as u32,
        reserved: 0,
    };
    // SAFETY: both are one row of `x.len()` elements.
    let status = unsafe { ffi::ptqk_encode(ptr::null(), &params, &src, &dst) };
    check("ptqk_encode", status)?;
    if to.is_packed() { unpack(to as u32, &packed, x.len()) } else { Ok(packed) }
}

/// The numbers of codes of one byte.
pub fn decode(from: NumberType, codes: &[u8]) -> Result<Vec<f32>, String> {
    let stored = if from.is_packed() { pack(from, codes)? } else { codes.to_vec() };
    let src = ffi::Codes {
        data: stored.as_ptr().cast(),
        rows: 1,
        cols: codes.len(),
        row_stride_bytes: stored.len(),
        code_type: from as u32,
        reserved: 0,
    };
    let mut result = vec![-1.0; codes.len()];
    let dst = matrix_mut(&mut result, 1, codes.len());
    // SAFETY: both are one row of `codes.len()` elements.
    let status = unsafe { ffi::ptqk_decode(ptr::null(), &src, &dst) };
    check("ptqk_decode", status)?;
    Ok(result)
}

/// Scales of channels, or of tensors with a factor.
pub fn fp8_scale(
    to: NumberType,
    factor: Option<f32>,
    min: &[f32],
    max: &[f32],
) -> Result<Vec<f32>, String> {
    expect_len("max", max.len(), min.len())?;
    let mut params = ffi::Fp8Params::DEFAULT;
    params.destination_type = to as u32;
    params.per_channel = factor.is_none().into();
    params.activation_scale = factor.unwrap_or(params.activation_scale);
    let mut scale = vec![f32::NAN; min.len()];
    // Per tensor, every value is a tensor of its own.
    let calls = if factor.is_some() { 1 } else { min.len() };
    let chunks = min.chunks(calls).zip(max.chunks(calls)).zip(scale.chunks_mut(calls));
    for ((min, max), scale) in chunks {
        // SAFETY: the three arrays have one length.
        let status = unsafe {
            ffi::ptqk_fp8_scale_from_min_max(
                ptr::null(),
                &params,
                min.as_ptr(),
                max.as_ptr(),
                min.len(),
                scale.as_mut_ptr(),
            )
        };
        check("ptqk_fp8_scale_from_min_max", status)?;
    }
    Ok(scale)
}

/// To the type and back, with one scale, or one per row.
pub fn fake_convert(to: NumberType, x: View, scale: &[f32]) -> Result<Vec<f32>, String> {
    let mut params = ffi::FakeConvertParams::DEFAULT;
    params.destination_type = to as u32;
    params.granularity = if scale.len() == 1 { GRANULARITY_TENSOR } else { GRANULARITY_ROW };
    if scale.len() > 1 {
        expect_len("scale", scale.len(), x.rows)?;
    }
    let mut result = vec![f32::NAN; x.rows * x.cols];
    let (src, dst) = (x.matrix(), matrix_mut(&mut result, x.rows, x.cols));
    // SAFETY: the matrices have one shape, and a scale for all or for every row.
    let status = unsafe {
        ffi::ptqk_fake_convert(ptr::null(), &params, &src, scale.as_ptr(), ptr::null(), &dst)
    };
    check("ptqk_fake_convert", status)?;
    Ok(result)
}

/// Weights in a float or codebook mode.
pub struct FloatWeights {
    /// One per weight.
    pub codes: Vec<u32>,
    /// The scales as numbers.
    pub scale: Vec<f32>,
    /// The scales after a way through f16, which the modes with float scales store.
    pub scale_f16: Vec<f32>,
    /// The scale of the matrix.
    pub tensor_scale: f32,
    /// What the codes stand for.
    pub weights: Vec<f32>,
}

pub(super) const MODES: [(&str, u32); 8] = [
    ("nf4", 6),
    ("fp4", 7),
    ("mxfp4", 8),
    ("nvfp4", 9),
    ("fp8_e4m3", 10),
    ("mxfp8_e4m3", 12),
    ("cb4", 17),
    ("codebook", 18),
];

/// What is to become of weights.
#[derive(Clone, Copy, Debug)]
pub struct FloatSpec<'a> {
    pub mode: &'a str,
    pub group_size: i32,
    pub reduction_axis: u32,
    pub codebook: &'a [f32],
    /// Whether scales follow the compiled path of the reference, which differs where groups are all
    /// zero and at some powers of two.
    pub compiled: bool,
}

/// Compresses with f32 scales where the mode has floats, and once more with f16 scales.
pub fn compress_floats(spec: FloatSpec<'_>, weights: View) -> Result<FloatWeights, String> {
    let FloatSpec { mode, group_size, reduction_axis, codebook, compiled } = spec;
    let View { rows, cols, .. } = weights;
    let number = MODES.iter().find(|(name, _)| *name == mode).ok_or("a mode without a number")?.1;
    let mut params = ffi::WeightParams {
        mode: number,
        group_size,
        reduction_axis,
        scale_dtype: DTYPE_F32,
        fp8_through_f16: 1, // as the reference does
        scale_guard: if compiled { SCALE_GUARD_MAGNITUDE } else { SCALE_GUARD_SCALE },
        mx_scale: if compiled { MX_SCALE_CEIL_LOGARITHM } else { MX_SCALE_CEIL },
        codebook: codebook.as_ptr(),
        codebook_size: u32::try_from(codebook.len()).map_err(|error| error.to_string())?,
        ..ffi::WeightParams::DEFAULT
    };
    let layout = weight_layout(&params, rows, cols)?;
    let mut packed = vec![0_u8; layout.code_bytes];
    let mut scale = vec![0_u32; layout.groups];
    let mut halves = vec![0_u16; layout.groups];
    let mut tensor_scale = 1.0;
    let mut result = vec![f32::NAN; rows * cols];
    let (src, dst) = (weights.matrix(), matrix_mut(&mut result, rows, cols));
    let codes_mut = ffi::CodesMut {
        data: packed.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: layout.code_row_bytes,
        code_type: layout.code_type,
        reserved: 0,
    };
    let codes = ffi::Codes {
        data: packed.as_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: layout.code_row_bytes,
        code_type: layout.code_type,
        reserved: 0,
    };
    let float_scales = layout.scale_bytes == 4 * layout.groups;
    let (null, null_mut) = (ptr::null(), ptr::null_mut());
    // SAFETY: the layout gave the sizes; a scale takes at most four bytes, two in the second call.
    unsafe {
        if float_scales {
            params.scale_dtype = DTYPE_F16;
            let to = halves.as_mut_ptr().cast();
            let status = ffi::ptqk_compress_weights(
                null,
                &params,
                &src,
                &codes_mut,
                to,
                null_mut,
                null_mut.cast(),
            );
            check("ptqk_compress_weights", status)?;
            params.scale_dtype = DTYPE_F32;
        }
        let to = scale.as_mut_ptr().cast();
        let status = ffi::ptqk_compress_weights(
            null,
            &params,
            &src,
            &codes_mut,
            to,
            null_mut,
            &mut tensor_scale,
        );
        check("ptqk_compress_weights", status)?;
        let from = scale.as_ptr().cast();
        let status = ffi::ptqk_decompress_weights(
            null,
            &params,
            &codes,
            from,
            ptr::null(),
            &tensor_scale,
            &dst,
        );
        check("ptqk_decompress_weights", status)?;
    }
    let bytes: Vec<u8> = scale.iter().flat_map(|word| word.to_le_bytes()).collect();
    let stored = bytes.get(..layout.groups).unwrap_or_default();
    let scale = match layout.scale_bytes {
        _ if float_scales => scale.iter().map(|bits| f32::from_bits(*bits)).collect(),
        _ if mode == "nvfp4" => decode(NumberType::E4m3, stored)?,
        _ => decode(NumberType::E8m0, stored)?,
    };
    let scale_f16 = if float_scales {
        halves.iter().map(|bits| half::f16::from_bits(*bits).to_f32()).collect()
    } else {
        scale.iter().map(|scale| half::f16::from_f32(*scale).to_f32()).collect()
    };
    let mut codes = Vec::new();
    for row in packed.chunks_exact(layout.code_row_bytes) {
        if layout.bits == 16 {
            let words = row.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
            codes.extend(words.map(u32::from));
        } else {
            codes.extend(unpack(layout.code_type, row, cols)?.into_iter().map(u32::from));
        }
    }
    Ok(FloatWeights { codes, scale, scale_f16, tensor_scale, weights: result })
}
