//! Compressed layers of the tests, and the function as they call it.

#![allow(dead_code, reason = "each test uses a part")]

extern crate alloc;

use crate::calls::Mode;
use crate::rng::Rng;
use crate::stored::{Stored, transposed};
use alloc::{vec, vec::Vec};
use core::ptr::{null, null_mut};
use ptqk::ffi::{self, *};

pub const F32: u32 = 0;

/// The kind of new adapters that reads no weights.
pub const RANDOM: u32 = LoraInitKind::Random as u32;

/// Weights `[out, in]`, and the means of the inputs of some samples.
#[derive(Clone)]
pub struct Layer {
    pub outputs: usize,
    pub inputs: usize,
    pub samples: usize,
    pub weights: Vec<f32>,
    pub means: Vec<f32>,
    pub counts: Vec<u64>,
}

impl Layer {
    pub fn new(outputs: usize, inputs: usize, samples: usize, seed: u64) -> Self {
        let mut rng = Rng(seed);
        let weights = rng.many(outputs * inputs, Rng::normal);
        let mut means = Vec::new();
        for _ in 0..samples {
            let common = rng.uniform();
            means.extend((0..inputs).map(|i| (0.2 + (i % 7) as f32) * (common + rng.uniform())));
        }
        let counts = rng.many(samples, |r| r.below(5) as u64);
        Self { outputs, inputs, samples, weights, means, counts }
    }
}

/// A layer as the function takes it: compressed, along either axis, its inputs of any type.
pub struct Compressed {
    pub layer: Layer,
    pub params: WeightParams,
    codebook: Vec<f32>,
    weights: Stored,
    means: Stored,
    pub codes: Vec<u8>,
    code_type: u32,
    pub scale: Vec<u32>,
    pub zero_point: Vec<u8>,
    pub tensor_scale: f32,
}

impl Compressed {
    pub fn new(layer: &Layer, mode: &Mode, (group, axis): (i32, u32), dtype: u32) -> Self {
        let group = if mode.block > 0 { -1 } else { group };
        let codebook = mode.values(1.0);
        let params = mode.params(group, axis, F32);
        let params = WeightParams { codebook: codebook.as_ptr(), ..params };
        let Layer { outputs, inputs, samples, .. } = *layer;
        let (rows, cols) = if axis == 0 { (inputs, outputs) } else { (outputs, inputs) };
        let values = if axis == 0 {
            transposed(&layer.weights, outputs, inputs)
        } else {
            layer.weights.clone()
        };
        let weights = Stored::new(&values, rows, cols, dtype);
        let means = Stored::new(&layer.means, samples, inputs, dtype);
        let mut layout = WeightLayout::default();
        // SAFETY: the pointers are to live values.
        let status = unsafe { ptqk_weight_layout_query(null(), &params, rows, cols, &mut layout) };
        assert_eq!(status, Status::Ok);
        let mut to = Self {
            layer: layer.clone(),
            params,
            codebook,
            weights,
            means,
            codes: vec![0; layout.code_bytes],
            code_type: layout.code_type,
            scale: vec![0; layout.scale_bytes.div_ceil(4)],
            zero_point: vec![0; layout.zero_point_bytes],
            tensor_scale: 1.0,
        };
        let codes = CodesMut {
            data: to.codes.as_mut_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: layout.code_row_bytes,
            code_type: layout.code_type,
            reserved: 0,
        };
        let (scale, zero) = (to.scale.as_mut_ptr().cast(), to.zero_point.as_mut_ptr());
        let (w, tensor) = (to.weights.matrix(), &raw mut to.tensor_scale);
        // SAFETY: every buffer has the size of the query.
        let status =
            unsafe { ptqk_compress_weights(null(), &params, &w, &codes, scale, zero, tensor) };
        assert_eq!(status, Status::Ok);
        to
    }

    pub fn codes(&self) -> Codes {
        let (rows, cols) = (self.weights.rows, self.weights.cols);
        let row_stride_bytes = self.codes.len() / rows;
        let data = self.codes.as_ptr().cast();
        Codes { data, rows, cols, row_stride_bytes, code_type: self.code_type, reserved: 0 }
    }

    /// The error of the weights, `[out, in]`.
    pub fn error(&self) -> Vec<f32> {
        let (rows, cols) = (self.weights.rows, self.weights.cols);
        let mut values = Stored::new(&[], rows, cols, F32);
        let to = values.matrix_mut();
        let (scale, zero) = (self.scale.as_ptr().cast(), self.zero_point.as_ptr());
        let (tensor, codes) = (&raw const self.tensor_scale, self.codes());
        // SAFETY: the arrays are those that compression wrote.
        let status = unsafe {
            ptqk_decompress_weights(null(), &self.params, &codes, scale, zero, tensor, &to)
        };
        assert_eq!(status, Status::Ok);
        let (weights, values) = (self.weights.values(), values.values());
        let error: Vec<f32> = weights.iter().zip(&values).map(|(w, q)| w - q).collect();
        if self.params.reduction_axis == 0 { transposed(&error, rows, cols) } else { error }
    }

    pub fn weights_mut(&mut self) -> &mut Stored {
        &mut self.weights
    }

    pub fn means_mut(&mut self) -> &mut Stored {
        &mut self.means
    }

    /// What the means are once they are stored.
    pub fn means(&self) -> Vec<f32> {
        self.means.values()
    }

    /// The settings of a test, for this compression.
    pub fn settings(&self, adapter_rank: u32) -> LoraParams {
        LoraParams { adapter_rank, weights: self.params, ..LoraParams::DEFAULT }
    }
}

/// What a call wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected {
    pub a: Vec<f32>,
    pub b: Vec<f32>,
    pub a_codes: Vec<u8>,
    pub b_codes: Vec<u8>,
    pub scale: [Vec<f32>; 2],
    pub zero_point: [Vec<u8>; 2],
    pub noises: Vec<f32>,
    pub report: LoraReport,
}

/// Corrects a layer; what is not written stays painted.
pub fn try_correct(
    ctx: *const Ctx,
    params: &LoraParams,
    from: &Compressed,
    dtype: u32,
) -> Result<Corrected, Status> {
    let Layer { outputs, inputs, samples, .. } = from.layer;
    let rank = params.adapter_rank as usize;
    let (rows, cols) = (from.weights.rows, from.weights.cols);
    let mut bytes = 0;
    // SAFETY: the pointers are to live values.
    let status =
        unsafe { ffi::ptqk_lora_workspace_size(ctx, params, rows, cols, samples, &mut bytes) };
    assert_eq!(status, Status::Ok);
    // At an odd address, and with anything in it.
    let mut workspace = vec![0xA5_u8; bytes + 1];
    let mut a = Stored::new(&vec![-9.0; rank * inputs], rank, inputs, dtype);
    let mut b = Stored::new(&vec![-9.0; outputs * rank], outputs, rank, dtype);
    let mut to = Corrected {
        a: Vec::new(),
        b: Vec::new(),
        a_codes: vec![0xC5; rank * inputs],
        b_codes: vec![0xC5; outputs * rank],
        scale: [vec![-1.0; rank], vec![-1.0; outputs]],
        zero_point: [vec![0xC5; rank], vec![0xC5; outputs]],
        noises: vec![-1.0; 2 + 2 * params.num_iterations as usize],
        report: LoraReport { noise_before: -1.0, ..LoraReport::default() },
    };
    let codes = |data: &mut Vec<u8>, rows, cols| CodesMut {
        data: data.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: cols,
        code_type: CodeType::U8 as u32,
        reserved: 0,
    };
    let places = LoraOutputs {
        a: a.matrix_mut(),
        b: b.matrix_mut(),
        a_codes: codes(&mut to.a_codes, rank, inputs),
        b_codes: codes(&mut to.b_codes, outputs, rank),
        a_scale: to.scale[0].as_mut_ptr(),
        b_scale: to.scale[1].as_mut_ptr(),
        a_zero_point: to.zero_point[0].as_mut_ptr(),
        b_zero_point: to.zero_point[1].as_mut_ptr(),
        noises: to.noises.as_mut_ptr(),
        ..LoraOutputs::DEFAULT
    };
    let (scale, zero) = (from.scale.as_ptr().cast(), from.zero_point.as_ptr());
    let (at, report) = (workspace[1..].as_mut_ptr().cast(), &raw mut to.report);
    let (w, x, codes) = (from.weights.matrix(), from.means.matrix(), from.codes());
    let (counts, tensor) = (from.layer.counts.as_ptr(), &raw const from.tensor_scale);
    // SAFETY: every buffer has the size of its shape or of a query.
    let status = unsafe {
        ffi::ptqk_lora_correction(
            ctx, params, &w, &codes, scale, zero, tensor, &x, counts, &places, report, at, bytes,
        )
    };
    (to.a, to.b) = (a.values(), b.values());
    if status != Status::Ok {
        let codes = to.a_codes.iter().chain(&to.b_codes).chain(&to.zero_point[0]);
        assert!(codes.chain(&to.zero_point[1]).all(|x| *x == 0xC5), "codes were written");
        assert!(to.a.iter().chain(&to.b).all(|x| *x == -9.0), "adapters were written");
        let floats = to.scale[0].iter().chain(&to.scale[1]).chain(&to.noises);
        assert!(floats.chain([&to.report.noise_before]).all(|x| *x == -1.0), "floats were written");
        return Err(status);
    }
    Ok(to)
}

pub fn correct(params: &LoraParams, from: &Compressed) -> Corrected {
    try_correct(null(), params, from, F32).unwrap()
}

/// `A` and `B`; what is refused writes nothing.
pub fn try_init(
    ctx: *const Ctx,
    params: &LoraInitParams,
    from: &Compressed,
    dtype: u32,
) -> Result<(Vec<f32>, Vec<f32>), Status> {
    let Layer { outputs, inputs, .. } = from.layer;
    let rank = params.adapter_rank as usize;
    let codes = from.codes();
    let mut bytes = 0;
    // SAFETY: the pointers are to live values.
    let status =
        unsafe { ptqk_lora_init_workspace_size(ctx, params, codes.rows, codes.cols, &mut bytes) };
    assert_eq!(status, Status::Ok);
    // At an odd address, and with anything in it.
    let mut workspace = vec![0xA5_u8; bytes + 1];
    let mut a = Stored::new(&vec![-9.0; rank * inputs], rank, inputs, dtype);
    let mut b = Stored::new(&vec![-9.0; outputs * rank], outputs, rank, dtype);
    let weights = from.weights.matrix();
    let w = if params.kind == RANDOM { null() } else { &raw const weights };
    let (scale, zero) = (from.scale.as_ptr().cast(), from.zero_point.as_ptr());
    let (at, tensor) = (workspace[1..].as_mut_ptr().cast(), &raw const from.tensor_scale);
    let (to_a, to_b) = (a.matrix_mut(), b.matrix_mut());
    // SAFETY: every buffer has the size of its shape or of a query.
    let status = unsafe {
        ptqk_lora_init(ctx, params, w, &codes, scale, zero, tensor, &to_a, &to_b, at, bytes)
    };
    if status != Status::Ok {
        assert!(a.values().iter().chain(&b.values()).all(|x| *x == -9.0), "something was written");
        return Err(status);
    }
    Ok((a.values(), b.values()))
}

pub fn init(params: &LoraInitParams, from: &Compressed) -> (Vec<f32>, Vec<f32>) {
    try_init(null(), params, from, F32).unwrap()
}

/// `B A`, `[out, in]`.
pub fn product(a: &[f32], b: &[f32], rank: usize) -> Vec<f64> {
    let inputs = a.len() / rank;
    let mut product = vec![0.0; b.len() / rank * inputs];
    for (row, b) in product.chunks_mut(inputs).zip(b.chunks(rank)) {
        for (b, a) in b.iter().zip(a.chunks(inputs)) {
            row.iter_mut().zip(a).for_each(|(to, a)| *to += f64::from(*b) * f64::from(*a));
        }
    }
    product
}

/// The codes that compression to 8 bits gives, a scale and a zero point per row.
pub fn eight_bits(x: &[f32], cols: usize) -> (Vec<u8>, Vec<f32>, Vec<u8>) {
    let rows = x.len() / cols;
    let params = WeightParams { scale_dtype: F32, ..WeightParams::DEFAULT };
    let src = Stored::new(x, rows, cols, F32);
    let (mut codes, mut scale, mut zero) = (vec![0; x.len()], vec![0.0; rows], vec![0; rows]);
    let to = CodesMut {
        data: codes.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: cols,
        code_type: CodeType::U8 as u32,
        reserved: 0,
    };
    let (at, zero_at) = (scale.as_mut_ptr().cast(), zero.as_mut_ptr());
    // SAFETY: every buffer has the size of its shape.
    let status = unsafe {
        ptqk_compress_weights(null(), &params, &src.matrix(), &to, at, zero_at, null_mut())
    };
    assert_eq!(status, Status::Ok);
    (codes, scale, zero)
}
