//! GPTQ and its Hessians.

use super::{
    Compressed, DTYPE_F32, View, WeightSpec, check, expect_len, matrix_mut, weight_layout,
};
use ptqk::ffi;
use std::ptr;

const PRESET_NNCF: u32 = 1;
const SCALE_ESTIMATION: u32 = 2;

/// The Hessian of samples, each of which is an item of a batch: rows of activations.
pub fn hessian(samples: &[View]) -> Result<Vec<f32>, String> {
    let channels = samples.first().ok_or("no samples")?.cols;
    let params = ffi::HessianParams { channels: channels as u64, ..ffi::HessianParams::DEFAULT };
    let (mut state_bytes, mut workspace_bytes) = (0, 0);
    let longest = samples.iter().map(|sample| sample.rows).max().unwrap_or(0);
    // SAFETY: the pointers are to live values.
    unsafe {
        let status = ffi::ptqk_hessian_state_size(ptr::null(), &params, &mut state_bytes);
        check("ptqk_hessian_state_size", status)?;
        let bytes = &mut workspace_bytes;
        let status = ffi::ptqk_hessian_workspace_size(ptr::null(), &params, longest, bytes);
        check("ptqk_hessian_workspace_size", status)?;
    }
    let mut state = vec![0_u64; state_bytes / 8];
    let mut workspace = vec![0_u8; workspace_bytes];
    let state_pointer = state.as_mut_ptr().cast();
    // SAFETY: the state has the size of the query.
    let status =
        unsafe { ffi::ptqk_hessian_init(ptr::null(), &params, state_pointer, state_bytes) };
    check("ptqk_hessian_init", status)?;
    for sample in samples {
        // SAFETY: state and workspace have the sizes of the queries, for no shorter sample.
        let status = unsafe {
            ffi::ptqk_hessian_update(
                ptr::null(),
                &sample.matrix(),
                1,
                state_pointer,
                state_bytes,
                workspace.as_mut_ptr().cast(),
                workspace_bytes,
            )
        };
        check("ptqk_hessian_update", status)?;
    }
    let mut result = vec![f32::NAN; channels * channels];
    let to = matrix_mut(&mut result, channels, channels);
    // SAFETY: the state has the size of the query, the matrix that of the channels.
    let status =
        unsafe { ffi::ptqk_hessian_finish(ptr::null(), state.as_ptr().cast(), state_bytes, &to) };
    check("ptqk_hessian_finish", status)?;
    Ok(result)
}

/// How a layer is solved.
#[derive(Clone, Copy, Debug)]
pub struct GptqSpec<'a> {
    pub weights: WeightSpec,
    pub damp_percent: f32,
    pub block_size: u32,
    /// Means of samples, from which scales are estimated, or none.
    pub means: Option<View<'a>>,
}

/// Solves a layer as NNCF does; gives what was written, and the weights that it stands for.
pub fn gptq(
    spec: GptqSpec<'_>,
    weights: View,
    hessian: &[f32],
) -> Result<(Compressed, Vec<f32>), String> {
    let View { rows, cols, .. } = weights;
    expect_len("hessian", hessian.len(), cols * cols)?;
    let mut params = ffi::GptqParams::DEFAULT;
    // SAFETY: the pointer is to a live value.
    let status = unsafe { ffi::ptqk_gptq_params_preset(ptr::null(), PRESET_NNCF, &mut params) };
    check("ptqk_gptq_params_preset", status)?;
    params.weights = spec.weights.params(DTYPE_F32);
    params.damp_percent = spec.damp_percent;
    params.block_size = spec.block_size;
    if let Some(means) = spec.means {
        (params.scale, params.means) = (SCALE_ESTIMATION, means.matrix());
    }
    let layout = weight_layout(&params.weights, rows, cols)?;
    let mut packed = vec![0; layout.code_bytes];
    let mut scale = vec![f32::NAN; layout.groups];
    let mut zero_point = vec![0; layout.zero_point_bytes];
    let mut dequantized = vec![f32::NAN; rows * cols];
    let mut workspace_bytes = 0;
    // SAFETY: the pointers are to live values.
    let status = unsafe {
        ffi::ptqk_gptq_workspace_size(ptr::null(), &params, rows, cols, &mut workspace_bytes)
    };
    check("ptqk_gptq_workspace_size", status)?;
    let mut workspace = vec![0_u8; workspace_bytes];
    let outputs = ffi::GptqOutputs {
        codes: ffi::CodesMut {
            data: packed.as_mut_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: layout.code_row_bytes,
            code_type: layout.code_type,
            reserved: 0,
        },
        scale: scale.as_mut_ptr().cast(),
        zero_point: zero_point.as_mut_ptr(),
        dequantized: matrix_mut(&mut dequantized, rows, cols),
        ..ffi::GptqOutputs::DEFAULT
    };
    // SAFETY: every buffer has the size of a query.
    let status = unsafe {
        ffi::ptqk_gptq(
            ptr::null(),
            &params,
            &weights.matrix(),
            &View::new(hessian, cols)?.matrix(),
            &outputs,
            ptr::null_mut(),
            workspace.as_mut_ptr().cast(),
            workspace_bytes,
        )
    };
    check("ptqk_gptq", status)?;
    let (spec, scale_f16) = (spec.weights, Vec::new());
    let compressed = Compressed { spec, rows, cols, layout, packed, scale, scale_f16, zero_point };
    Ok((compressed, dequantized))
}
