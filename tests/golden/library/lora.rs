//! Low-rank correction.

use super::{CODE_U8, Compressed, DTYPE_F32, View, check, expect_len, matrix_mut};
use ptqk::ffi;
use std::ptr;

/// How a layer is corrected.
#[derive(Clone, Copy, Debug)]
pub struct LoraSpec {
    pub rank: usize,
    pub num_iterations: u32,
    pub apply_regularization: bool,
    pub subset_size: u32,
}

/// An adapter as floats and as codes of 8 bits with a scale and a zero point per row.
#[derive(Clone, Debug)]
pub struct Adapter {
    pub values: Vec<f32>,
    pub codes: Vec<u8>,
    pub scale: Vec<f32>,
    pub zero_point: Vec<u8>,
}

impl Adapter {
    fn new(rows: usize, cols: usize) -> Adapter {
        Adapter {
            values: vec![f32::NAN; rows * cols],
            codes: vec![0; rows * cols],
            scale: vec![f32::NAN; rows],
            zero_point: vec![0; rows],
        }
    }

    fn codes(&mut self, rows: usize, cols: usize) -> ffi::CodesMut {
        ffi::CodesMut {
            data: self.codes.as_mut_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: cols,
            code_type: CODE_U8,
            reserved: 0,
        }
    }
}

/// Adapters and the noise at each step.
#[derive(Clone, Debug)]
pub struct Corrected {
    pub a: Adapter,
    pub b: Adapter,
    pub noises: Vec<f32>,
}

/// Corrects a layer.
pub fn lora(
    spec: LoraSpec,
    weights: View,
    compressed: &Compressed,
    means: View,
    token_counts: &[u64],
) -> Result<Corrected, String> {
    let View { rows, cols, .. } = weights;
    let by_column = compressed.spec.reduction_axis == 0;
    let (outputs, inputs) = if by_column { (cols, rows) } else { (rows, cols) };
    expect_len("token counts", token_counts.len(), means.rows)?;
    let params = ffi::LoraParams {
        adapter_rank: spec.rank as u32,
        num_iterations: spec.num_iterations,
        apply_regularization: spec.apply_regularization.into(),
        subset_size: spec.subset_size,
        weights: compressed.spec.params(DTYPE_F32),
        ..ffi::LoraParams::DEFAULT
    };
    let mut bytes = 0;
    // SAFETY: the pointers are to live values.
    let status = unsafe {
        ffi::ptqk_lora_workspace_size(ptr::null(), &params, rows, cols, means.rows, &mut bytes)
    };
    check("ptqk_lora_workspace_size", status)?;
    let mut workspace = vec![0xA5_u8; bytes];
    let (mut a, mut b) = (Adapter::new(spec.rank, inputs), Adapter::new(outputs, spec.rank));
    let mut noises = vec![f32::NAN; 2 + 2 * spec.num_iterations as usize];
    let to = ffi::LoraOutputs {
        a: matrix_mut(&mut a.values, spec.rank, inputs),
        b: matrix_mut(&mut b.values, outputs, spec.rank),
        a_codes: a.codes(spec.rank, inputs),
        b_codes: b.codes(outputs, spec.rank),
        a_scale: a.scale.as_mut_ptr(),
        b_scale: b.scale.as_mut_ptr(),
        a_zero_point: a.zero_point.as_mut_ptr(),
        b_zero_point: b.zero_point.as_mut_ptr(),
        noises: noises.as_mut_ptr(),
        ..ffi::LoraOutputs::DEFAULT
    };
    // SAFETY: every buffer has the size of its shape or of the query.
    let status = unsafe {
        ffi::ptqk_lora_correction(
            ptr::null(),
            &params,
            &weights.matrix(),
            &compressed.codes(),
            compressed.scale.as_ptr().cast(),
            compressed.zero_point.as_ptr(),
            ptr::null(),
            &means.matrix(),
            token_counts.as_ptr(),
            &to,
            ptr::null_mut(),
            workspace.as_mut_ptr().cast(),
            bytes,
        )
    };
    check("ptqk_lora_correction", status)?;
    Ok(Corrected { a, b, noises })
}
