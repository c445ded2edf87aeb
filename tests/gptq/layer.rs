//! Layers of the tests, and the function as they call it.

#![allow(dead_code, reason = "each test uses a part")]

extern crate alloc;

use crate::calls::Mode;
use crate::rng::Rng;
use crate::stored::{Stored, transposed};
use alloc::{vec, vec::Vec};
use core::ptr::{self, null, null_mut};
use ptqk::ffi::{self, *};

pub const NATURAL: u32 = 0;
pub const DESCENDING: u32 = 1;
pub const STATIC: u32 = 0;
pub const UPDATED: u32 = 1;
pub const BLOCK_START: u32 = 2;
pub const EXTREMES: u32 = 0;
pub const SEARCH: u32 = 1;
pub const ESTIMATION: u32 = 2;
pub const F32: u32 = 0;

/// Samples from which scales are estimated.
pub const SAMPLES: usize = 14;

/// Weights of a layer, `[channels, columns]`, its Hessian, and the means of samples, of some tokens each.
#[derive(Clone)]
pub struct Layer {
    pub channels: usize,
    pub columns: usize,
    pub weights: Vec<f32>,
    pub hessian: Vec<f32>,
    pub means: Vec<f32>,
    pub token_counts: Vec<u64>,
}

impl Layer {
    /// Activations that hang together, of other sizes, some of which are 0.
    pub fn new(channels: usize, columns: usize, seed: u64) -> Self {
        let mut rng = Rng(seed);
        let tokens = 2 * columns + 5;
        let sizes: Vec<f32> = (0..columns).map(|_| 0.1 + rng.uniform().abs()).collect();
        let mut hessian = vec![0.0_f32; columns * columns];
        for _ in 0..tokens {
            let common = rng.uniform();
            let x: Vec<f32> = sizes.iter().map(|size| size * (common + rng.uniform())).collect();
            for (i, row) in hessian.chunks_exact_mut(columns.max(1)).enumerate() {
                row.iter_mut().zip(&x).for_each(|(h, b)| *h += x[i] * b);
            }
        }
        hessian.iter_mut().for_each(|h| *h /= tokens as f32);
        let weights = (0..channels * columns).map(|_| rng.uniform()).collect();
        let means = (0..SAMPLES * columns).map(|_| rng.uniform()).collect();
        let token_counts = (0..SAMPLES).map(|_| (10.0 * rng.uniform().abs()) as u64).collect();
        Self { channels, columns, weights, hessian, means, token_counts }
    }

    /// A column that has seen nothing.
    pub fn kill(&mut self, column: usize) {
        let n = self.columns;
        for i in 0..n {
            self.hessian[i * n + column] = 0.0;
            self.hessian[column * n + i] = 0.0;
        }
    }

    pub fn diagonal(&self, column: usize) -> f32 {
        self.hessian[column * self.columns + column]
    }

    /// The mean of `e H e^T` over the weights, with `e = weights - values`.
    pub fn objective(&self, values: &[f32]) -> f64 {
        let n = self.columns;
        let mut sum = 0.0;
        for (w, q) in self.weights.chunks(n).zip(values.chunks(n)) {
            let error: Vec<f64> =
                w.iter().zip(q).map(|(w, q)| f64::from(*w) - f64::from(*q)).collect();
            for (row, e) in self.hessian.chunks(n).zip(&error) {
                sum += e * row.iter().zip(&error).map(|(h, e)| f64::from(*h) * e).sum::<f64>();
            }
        }
        sum / self.weights.len() as f64
    }
}

/// What a call wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    pub codes: Vec<u8>,
    pub scale: Vec<u8>,
    pub zero_point: Vec<u8>,
    pub tensor_scale: f32,
    pub permutation: Vec<u32>,
    pub loss: Vec<f32>,
    /// In the order of the codes, as f32.
    pub dequantized: Vec<f32>,
    pub report: GptqReport,
}

/// The settings of a test.
pub fn params(mode: &Mode, group_size: i32, scale_dtype: u32) -> GptqParams {
    let group_size = if mode.block > 0 { -1 } else { group_size };
    GptqParams { weights: mode.params(group_size, 1, scale_dtype), ..GptqParams::DEFAULT }
}

/// Solves a layer; what is not written stays painted.
pub fn try_solve(
    ctx: *const Ctx,
    (mode, params): (&Mode, &GptqParams),
    layer: &Layer,
    dtype: u32,
) -> Result<Solution, Status> {
    let (channels, columns) = (layer.channels, layer.columns);
    let by_column = params.weights.reduction_axis == 0;
    let (rows, cols) = if by_column { (columns, channels) } else { (channels, columns) };
    let weights = if by_column {
        transposed(&layer.weights, channels, columns)
    } else {
        layer.weights.clone()
    };
    let weights = Stored::new(&weights, rows, cols, dtype);
    let hessian = Stored::new(&layer.hessian, columns, columns, F32);
    let codebook = mode.values(1.0);
    let mut params = *params;
    params.weights.codebook = codebook.as_ptr();
    let means = Stored::new(&layer.means, layer.token_counts.len(), columns, dtype);
    if params.scale == ESTIMATION {
        (params.means, params.token_counts) = (means.matrix(), layer.token_counts.as_ptr());
    }
    let mut layout = WeightLayout::default();
    let mut bytes = 0;
    // SAFETY: the pointers are to live values.
    unsafe {
        let status = ffi::ptqk_weight_layout_query(ctx, &params.weights, rows, cols, &mut layout);
        assert_eq!(status, Status::Ok);
        let status = ffi::ptqk_gptq_workspace_size(ctx, &params, rows, cols, &mut bytes);
        assert_eq!(status, Status::Ok);
    }
    // At an odd address, and with anything in it.
    let mut workspace = vec![0xA5_u8; bytes + 1];
    let mut codes = vec![0xC5_u8; layout.code_bytes];
    let mut scale = vec![u32::from_ne_bytes([0xC5; 4]); layout.scale_bytes.div_ceil(4)];
    let mut solution = Solution {
        codes: Vec::new(),
        scale: Vec::new(),
        zero_point: vec![0xC5; layout.zero_point_bytes],
        tensor_scale: -1.0,
        permutation: vec![u32::MAX; columns],
        loss: vec![-1.0; channels],
        dequantized: vec![-1.0; rows * cols],
        report: GptqReport { loss: -1.0, ..GptqReport::default() },
    };
    let outputs = GptqOutputs {
        codes: CodesMut {
            data: codes.as_mut_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: layout.code_row_bytes,
            code_type: layout.code_type,
            reserved: 0,
        },
        scale: scale.as_mut_ptr().cast(),
        zero_point: solution.zero_point.as_mut_ptr(),
        tensor_scale: &raw mut solution.tensor_scale,
        permutation: solution.permutation.as_mut_ptr(),
        loss: solution.loss.as_mut_ptr(),
        dequantized: MatrixMut {
            data: solution.dequantized.as_mut_ptr().cast(),
            rows,
            cols,
            row_stride: cols,
            dtype: F32,
            reserved: 0,
        },
        ..GptqOutputs::DEFAULT
    };
    // SAFETY: every buffer has the size of a query.
    let status = unsafe {
        let (at, report) = (workspace.as_mut_ptr().add(1).cast(), &raw mut solution.report);
        let (w, h) = (weights.matrix(), hessian.matrix());
        ffi::ptqk_gptq(ctx, &params, &w, &h, &outputs, report, at, bytes)
    };
    if status != Status::Ok {
        assert!(codes.iter().all(|x| *x == 0xC5), "codes were written");
        assert!(scale.iter().all(|x| *x == u32::from_ne_bytes([0xC5; 4])), "scales were written");
        assert!(solution.zero_point.iter().all(|x| *x == 0xC5), "zero points were written");
        assert!(solution.permutation.iter().all(|x| *x == u32::MAX), "the order was written");
        let floats = solution.loss.iter().chain(&solution.dequantized);
        assert!(floats.chain([&solution.tensor_scale]).all(|x| *x == -1.0), "floats were written");
        assert_eq!(solution.report.loss, -1.0, "a report was written");
        return Err(status);
    }
    solution.codes = codes;
    solution.scale = bytemuck::cast_slice(&scale)[..layout.scale_bytes].to_vec();
    Ok(solution)
}

pub fn solve(mode: &Mode, params: &GptqParams, layer: &Layer) -> Solution {
    try_solve(null(), (mode, params), layer, F32).unwrap()
}

/// The values that codes stand for.
pub fn decompressed(mode: &Mode, params: &GptqParams, layer: &Layer, s: &Solution) -> Vec<f32> {
    let (channels, columns) = (layer.channels, layer.columns);
    let by_column = params.weights.reduction_axis == 0;
    let (rows, cols) = if by_column { (columns, channels) } else { (channels, columns) };
    let codebook = mode.values(1.0);
    let weights = WeightParams { codebook: codebook.as_ptr(), ..params.weights };
    let codes = Codes {
        data: s.codes.as_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: s.codes.len() / rows,
        code_type: mode.code_type,
        reserved: 0,
    };
    let mut values = vec![f32::NAN; rows * cols];
    let to = MatrixMut {
        data: values.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride: cols,
        dtype: F32,
        reserved: 0,
    };
    let scale: Vec<u32> = s
        .scale
        .chunks(4)
        .map(|bytes| {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            u32::from_ne_bytes(word)
        })
        .collect();
    let (scale, zero, tensor) = (scale.as_ptr().cast(), s.zero_point.as_ptr(), &s.tensor_scale);
    // SAFETY: the arrays are those of the call that wrote them.
    let status =
        unsafe { ffi::ptqk_decompress_weights(null(), &weights, &codes, scale, zero, tensor, &to) };
    assert_eq!(status, Status::Ok);
    values
}

/// What compression without GPTQ makes of the weights of a layer.
pub fn nearest(mode: &Mode, params: &GptqParams, layer: &Layer) -> Vec<f32> {
    let (rows, cols) = (layer.channels, layer.columns);
    let mut layout = WeightLayout::default();
    let codebook = mode.values(1.0);
    let weights = WeightParams { codebook: codebook.as_ptr(), ..params.weights };
    // SAFETY: the pointers are to live values.
    let status = unsafe { ptqk_weight_layout_query(null(), &weights, rows, cols, &mut layout) };
    assert_eq!(status, Status::Ok);
    let mut s = Solution {
        codes: vec![0; layout.code_bytes],
        scale: vec![0; layout.scale_bytes],
        zero_point: vec![0; layout.zero_point_bytes],
        tensor_scale: 1.0,
        permutation: Vec::new(),
        loss: Vec::new(),
        dequantized: Vec::new(),
        report: GptqReport::default(),
    };
    let src = Stored::new(&layer.weights, rows, cols, F32);
    let codes = CodesMut {
        data: s.codes.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: layout.code_row_bytes,
        code_type: layout.code_type,
        reserved: 0,
    };
    let mut scale = vec![0_u32; layout.scale_bytes.div_ceil(4)];
    let zero = if s.zero_point.is_empty() { null_mut() } else { s.zero_point.as_mut_ptr() };
    let tensor: *mut f32 = ptr::from_mut(&mut s.tensor_scale);
    let to = scale.as_mut_ptr().cast();
    // SAFETY: every buffer has the size of the query.
    let status =
        unsafe { ptqk_compress_weights(null(), &weights, &src.matrix(), &codes, to, zero, tensor) };
    assert_eq!(status, Status::Ok);
    s.scale = bytemuck::cast_slice(&scale)[..layout.scale_bytes].to_vec();
    decompressed(mode, params, layer, &s)
}
