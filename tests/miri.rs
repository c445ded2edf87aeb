//! Every function of the C border on small shapes, for Miri: pointers, tails, strides, packed codes,
//! threads' tiles. Runs in the normal test run, too.
//!
//! Under Miri with `-Ctarget-feature=+avx2,+fma,+f16c` the AVX2 tier runs; its f16 conversions use F16C,
//! which Miri does not know, so 16-bit floats are bf16 there.

#![allow(
    missing_docs,
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test of the C border; every pointer is to a live vector of the right size"
)]

use half::{bf16, f16};
use ptqk::ffi::*;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

const ROWS: usize = 3;
/// Miri is slow: smaller shapes there.
const SHAPES: [(usize, usize); 4] = if cfg!(miri) {
    [(2, 1), (2, 37), (1, 70), (1, 19)]
} else {
    [(ROWS, 1), (ROWS, 33), (ROWS, 70), (1, 130)]
};

/// A matrix with a gap between its rows.
struct Floats {
    /// Words, so that every element type is aligned.
    data: Vec<u32>,
    dtype: Dtype,
    rows: usize,
    cols: usize,
    stride: usize,
}

impl Floats {
    fn new(dtype: Dtype, rows: usize, cols: usize) -> Self {
        let stride = cols + 2;
        let len = ((rows - 1) * stride + cols) * dtype.bytes();
        let mut data = vec![0_u32; len.div_ceil(4)];
        let bytes = bytemuck::cast_slice_mut::<u32, u8>(&mut data);
        for (i, chunk) in bytes.chunks_exact_mut(dtype.bytes()).enumerate() {
            let x = (i * 37 % 101) as f32 * 0.07 - 3.0;
            match dtype {
                Dtype::F32 => chunk.copy_from_slice(&x.to_ne_bytes()),
                Dtype::F16 => chunk.copy_from_slice(&f16::from_f32(x).to_ne_bytes()),
                Dtype::Bf16 => chunk.copy_from_slice(&bf16::from_f32(x).to_ne_bytes()),
            }
        }
        Self { data, dtype, rows, cols, stride }
    }

    fn view(&self) -> Matrix {
        Matrix {
            data: self.data.as_ptr().cast(),
            rows: self.rows,
            cols: self.cols,
            row_stride: self.stride,
            dtype: self.dtype as u32,
            reserved: 0,
        }
    }

    fn view_mut(&mut self) -> MatrixMut {
        let Matrix { rows, cols, row_stride, dtype, reserved, .. } = self.view();
        MatrixMut { data: self.data.as_mut_ptr().cast(), rows, cols, row_stride, dtype, reserved }
    }
}

/// Aligned bytes for a matrix of codes.
struct Bytes(Vec<u32>);

impl Bytes {
    fn new(len: usize) -> Self {
        Self(vec![0x5A5A_5A5A; len.div_ceil(4)])
    }

    fn codes(&mut self, (rows, cols): (usize, usize), code_type: CodeType) -> CodesMut {
        CodesMut {
            data: self.0.as_mut_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: code_type.row_bytes(cols).unwrap(),
            code_type: code_type as u32,
            reserved: 0,
        }
    }
}

fn read(c: &CodesMut) -> Codes {
    let &CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved } = c;
    Codes { data, rows, cols, row_stride_bytes, code_type, reserved }
}

fn dtypes() -> &'static [Dtype] {
    if cfg!(miri) { &[Dtype::F32, Dtype::Bf16] } else { &[Dtype::F32, Dtype::F16, Dtype::Bf16] }
}

/// A type of 16 bits; Miri knows no F16C, which `half` uses, too.
const HALF: Dtype = if cfg!(all(miri, target_feature = "f16c")) { Dtype::Bf16 } else { Dtype::F16 };

const CODE_TYPES: [CodeType; 8] = [
    CodeType::I8,
    CodeType::U8,
    CodeType::I16,
    CodeType::U16,
    CodeType::I4,
    CodeType::U4,
    CodeType::U3,
    CodeType::U2,
];

/// Float types with a scale; E8M0 has none.
const FLOAT_TYPES: [CodeType; 8] = [
    CodeType::E4m3,
    CodeType::E5m2,
    CodeType::E4m3Fnuz,
    CodeType::E5m2Fnuz,
    CodeType::E3m2,
    CodeType::E2m3,
    CodeType::E2m1,
    CodeType::Nf4,
];

#[test]
fn quantize_and_back() {
    for (at, shape) in SHAPES.into_iter().enumerate() {
        for granularity in [0, 1, 2, 3] {
            for code_type in CODE_TYPES.into_iter().chain(FLOAT_TYPES) {
                // Miri is slow: a code type meets one granularity of a shape there.
                let turn = (granularity + code_type as u32 + at as u32).is_multiple_of(4);
                if cfg!(miri) && !turn {
                    continue;
                }
                for dtype in dtypes() {
                    let (rows, cols) = shape;
                    let mut src = Floats::new(*dtype, rows, cols);
                    let scale = vec![0.11_f32; rows * cols];
                    let zero = vec![1_i32; rows * cols];
                    let params =
                        QuantizeParams { granularity, group_size: 7, ..QuantizeParams::DEFAULT };
                    let mut bytes = Bytes::new(rows * code_type.row_bytes(cols).unwrap());
                    let codes = bytes.codes(shape, code_type);
                    let status = unsafe {
                        let zero = if code_type.is_integer() { zero.as_ptr() } else { null() };
                        let scale = scale.as_ptr();
                        ptqk_quantize(null(), &params, &src.view(), scale, zero, &codes)
                    };
                    assert_eq!(status, Status::Ok);
                    let status = unsafe {
                        let dst = src.view_mut();
                        ptqk_dequantize(
                            null(),
                            &params,
                            &read(&codes),
                            scale.as_ptr(),
                            null(),
                            &dst,
                        )
                    };
                    assert_eq!(status, Status::Ok);
                }
            }
        }
    }
}

#[test]
fn fake_quantize_and_reduce() {
    for (rows, cols) in SHAPES {
        for granularity in [0, 1, 2, 3] {
            for dtype in dtypes() {
                let mut src = Floats::new(*dtype, rows, cols);
                let (low, high) = (vec![-1.0_f32; rows * cols], vec![2.0_f32; rows * cols]);
                let params = FakeQuantizeParams {
                    granularity,
                    group_size: 7,
                    ..FakeQuantizeParams::DEFAULT
                };
                let status = unsafe {
                    let dst = src.view_mut();
                    let (low, high) = (low.as_ptr(), high.as_ptr());
                    ptqk_fake_quantize(null(), &params, &src.view(), low, high, &dst)
                };
                assert_eq!(status, Status::Ok);
                let params = ReduceParams { granularity, group_size: 7, ..ReduceParams::DEFAULT };
                let (mut a, mut b) = (vec![0.0; rows * cols], vec![0.0; rows * cols]);
                let view = src.view();
                unsafe {
                    let (a, b) = (a.as_mut_ptr(), b.as_mut_ptr());
                    assert_eq!(ptqk_min_max(null(), &params, &view, a, b), Status::Ok);
                    assert_eq!(ptqk_abs_max(null(), &params, &view, a), Status::Ok);
                    assert_eq!(ptqk_sum(null(), &params, &view, a), Status::Ok);
                    assert_eq!(ptqk_mean(null(), &params, &view, a), Status::Ok);
                    assert_eq!(ptqk_variance(null(), &params, &view, a), Status::Ok);
                }
            }
        }
    }
}

#[test]
fn convert_and_back() {
    for (at, shape) in SHAPES.into_iter().enumerate() {
        let (rows, cols) = shape;
        for (code_type, dtype) in FLOAT_TYPES
            .into_iter()
            .chain([CodeType::E8m0])
            .flat_map(|code_type| dtypes().iter().map(move |dtype| (code_type, *dtype)))
        {
            // Miri is slow: a code type meets every second shape there.
            if cfg!(miri) && !(code_type as usize + at).is_multiple_of(2) {
                continue;
            }
            let mut src = Floats::new(dtype, rows, cols);
            let roundings: &[u32] = match code_type {
                CodeType::E8m0 => &[0, 2, 3],
                CodeType::Nf4 => &[0],
                _ => &[0, 1],
            };
            for rounding in roundings {
                let params = ConvertParams { rounding: *rounding, ..ConvertParams::DEFAULT };
                let mut bytes = Bytes::new(rows * code_type.row_bytes(cols).unwrap());
                let codes = bytes.codes(shape, code_type);
                unsafe {
                    let status = ptqk_encode(null(), &params, &src.view(), &codes);
                    assert_eq!(status, Status::Ok);
                    let status = ptqk_decode(null(), &read(&codes), &src.view_mut());
                    assert_eq!(status, Status::Ok);
                }
            }
        }
        for (from, to) in
            dtypes().iter().flat_map(|from| dtypes().iter().map(move |to| (*from, *to)))
        {
            let (src, mut dst) = (Floats::new(from, rows, cols), Floats::new(to, rows, cols));
            for (overflow, rounding) in [(0, 0), (1, 0), (0, 1)] {
                let params = ConvertParams { overflow, rounding, ..ConvertParams::DEFAULT };
                let status = unsafe { ptqk_convert(null(), &params, &src.view(), &dst.view_mut()) };
                assert_eq!(status, Status::Ok);
            }
            for granularity in [0, 1, 2, 3] {
                let params =
                    FakeConvertParams { granularity, group_size: 7, ..FakeConvertParams::DEFAULT };
                let (scale, shift) = (vec![3.0_f32; rows * cols], vec![0.5_f32; rows * cols]);
                let (scale, shift) = (scale.as_ptr(), shift.as_ptr());
                unsafe {
                    let to = dst.view_mut();
                    let status = ptqk_fake_convert(null(), &params, &src.view(), scale, shift, &to);
                    assert_eq!(status, Status::Ok);
                    let status =
                        ptqk_fake_convert(null(), &params, &dst.view(), scale, null(), &to);
                    assert_eq!(status, Status::Ok);
                }
            }
        }
    }
    let (min, max, mut scale) = ([-1.0_f32, 0.0, -3.0], [1.0_f32, 0.0, 2.0], [0.0_f32; 3]);
    let params = Fp8Params { per_channel: 1, ..Fp8Params::DEFAULT };
    let status = unsafe {
        let (min, max) = (min.as_ptr(), max.as_ptr());
        ptqk_fp8_scale_from_min_max(null(), &params, min, max, 3, scale.as_mut_ptr())
    };
    assert_eq!(status, Status::Ok);
}

#[test]
fn compress_and_back() {
    const SIZES: [(usize, usize, i32, u32); 5] =
        [(3, 70, -1, 1), (3, 66, 33, 1), (2, 128, 32, 1), (6, 35, 3, 0), (4, 130, -1, 0)];
    const BLOCKS: [(usize, usize, i32, u32); 3] = [(3, 96, 32, 1), (1, 352, 32, 1), (32, 5, 32, 0)];
    let mut floats: Vec<f32> = Vec::new();
    floats.extend((0..300).map(|i| (i - 100) as f32 * 0.03));
    for mode in 0..19 {
        let sizes: &[_] = match WeightMode::try_from(mode).unwrap() {
            WeightMode::Nvfp4 => &BLOCKS.map(|(rows, cols, _, axis)| (rows, cols, 16, axis)),
            mode if mode.is_mx() => &BLOCKS,
            _ => &SIZES,
        };
        let codebooks: &[u32] =
            if mode == WeightMode::Codebook as u32 { &[11, 200, 300] } else { &[0] };
        // Miri is slow: a mode meets every third size there.
        let step = if cfg!(miri) { 3 } else { 1 };
        let first = mode as usize % step;
        for (size, codebook_size) in sizes
            .iter()
            .skip(first)
            .step_by(step)
            .flat_map(|size| codebooks.iter().map(move |n| (*size, *n)))
        {
            let (rows, cols, group_size, reduction_axis) = size;
            // Under Miri the scales are f32, and nothing goes through f16: see above.
            let dtype = if cfg!(miri) { Dtype::F32 } else { Dtype::F16 };
            let params = WeightParams {
                mode,
                group_size,
                reduction_axis,
                scale_dtype: dtype as u32,
                fp8_through_f16: u32::from(!cfg!(miri)),
                codebook_size,
                codebook: floats.as_ptr(),
                ..WeightParams::DEFAULT
            };
            let mut layout = WeightLayout::default();
            let status =
                unsafe { ptqk_weight_layout_query(null(), &params, rows, cols, &mut layout) };
            assert_eq!(status, Status::Ok);
            let mut weights = Floats::new(Dtype::F32, rows, cols);
            let code_type = CodeType::try_from(layout.code_type).unwrap();
            let mut bytes = Bytes::new(layout.code_bytes);
            let codes = bytes.codes((rows, cols), code_type);
            let mut scale = vec![0_u32; layout.scale_bytes.div_ceil(4)];
            let mut zero = vec![0_u8; layout.zero_point_bytes];
            let (scale, zero) = (scale.as_mut_ptr().cast::<c_void>(), zero.as_mut_ptr());
            let mut tensor = vec![0.0_f32; layout.tensor_scale_bytes / 4];
            let tensor = tensor.as_mut_ptr();
            let mut error = WeightError::default();
            unsafe {
                let view = weights.view();
                let status =
                    ptqk_compress_weights(null(), &params, &view, &codes, scale, zero, tensor);
                assert_eq!(status, Status::Ok);
                let codes = read(&codes);
                let status = ptqk_weight_error_query(
                    null(),
                    &params,
                    &view,
                    &codes,
                    scale,
                    zero,
                    tensor,
                    &mut error,
                );
                assert_eq!(status, Status::Ok);
                let dst = weights.view_mut();
                let status =
                    ptqk_decompress_weights(null(), &params, &codes, scale, zero, tensor, &dst);
                assert_eq!(status, Status::Ok);
            }
            assert!(error.frobenius.is_finite());
        }
    }
}

#[test]
fn requantize_and_pack() {
    for (rows, cols) in SHAPES {
        let acc: Vec<i32> = (0..rows * cols).map(|i| (i as i32 - 50) * 7919).collect();
        let src = Accumulators { data: acc.as_ptr(), rows, cols, row_stride: cols };
        let mut bytes = Bytes::new(rows * cols);
        let codes = bytes.codes((rows, cols), CodeType::I8);
        let n = rows * cols;
        let (scale, multiplier, shift) = (vec![0.01_f32; n], vec![1 << 30; n], vec![-7; n]);
        for granularity in [0, 1, 2] {
            let params = RequantizeParams { granularity, ..RequantizeParams::DEFAULT };
            unsafe {
                let status = ptqk_requantize(null(), &params, &src, scale.as_ptr(), &codes);
                assert_eq!(status, Status::Ok);
                let (multiplier, shift) = (multiplier.as_ptr(), shift.as_ptr());
                let status =
                    ptqk_requantize_fixed(null(), &params, &src, multiplier, shift, &codes);
                assert_eq!(status, Status::Ok);
            }
        }
        let types = CODE_TYPES.into_iter().chain(FLOAT_TYPES);
        for code_type in types.filter(|t| t.unit().1 != 2) {
            let one: Vec<u8> = (0..cols).map(|i| (i % 4) as u8).collect();
            let mut packed = vec![0; code_type.row_bytes(cols).unwrap()];
            let mut back = vec![9; cols];
            unsafe {
                let code_type = code_type as u32;
                let status = ptqk_pack(null(), code_type, one.as_ptr(), cols, packed.as_mut_ptr());
                assert_eq!(status, Status::Ok);
                let status =
                    ptqk_unpack(null(), code_type, packed.as_ptr(), cols, back.as_mut_ptr());
                assert_eq!(status, Status::Ok);
            }
            assert_eq!(one, back);
        }
    }
}

#[test]
fn multiply() {
    for (at, (rows, cols, depth)) in
        [(1, 1, 1), (13, 33, 5), (25, 3, 2), (3, 70, 0)].into_iter().enumerate()
    {
        // Miri is slow: a shape meets every third case there.
        let (first, step) = if cfg!(miri) { (at as u32 % 3, 3) } else { (0, 1) };
        for case in (first..8_u32).step_by(step) {
            let (transpose_a, transpose_b, subtract) = (case & 1, case >> 1 & 1, case >> 2);
            let params = GemmParams { transpose_a, transpose_b, subtract, ..GemmParams::DEFAULT };
            let dtype = dtypes()[case as usize % dtypes().len()];
            let turned = |turn, a: usize, b: usize| if turn == 1 { (b, a) } else { (a, b) };
            let (a, b) = (turned(transpose_a, rows, depth), turned(transpose_b, depth, cols));
            if a.0 == 0 || b.0 == 0 {
                continue;
            }
            let (a, b) = (Floats::new(dtype, a.0, a.1), Floats::new(Dtype::F32, b.0, b.1));
            let mut c = Floats::new(Dtype::F32, rows, cols);
            let mut bytes = 0;
            unsafe {
                let status =
                    ptqk_gemm_workspace_size(null(), &params, rows, cols, depth, &mut bytes);
                assert_eq!(status, Status::Ok);
                let mut workspace = vec![0_u8; bytes];
                let (memory, c) = (workspace.as_mut_ptr().cast(), c.view_mut());
                let status = ptqk_gemm(null(), &params, &a.view(), &b.view(), &c, memory, bytes);
                assert_eq!(status, Status::Ok);
            }
        }
    }
}

/// The factors, whose matrices are read and written in parts.
#[test]
fn factors() {
    use ptqk::algorithms::linalg::{cholesky, inverse_factor, syrk};
    use ptqk::parallel::Exec;
    use ptqk::scratch::Scratch;
    use ptqk::views::{MatrixView, MatrixViewMut};
    for n in [1_usize, 5, 17] {
        let x = Floats::new(Dtype::F32, n, n);
        let mut h = vec![0_f32; n * (n + 1)];
        (0..n).for_each(|i| h[i * (n + 2)] = 3.0 * n as f32);
        let mut memory = vec![0; cholesky::workspace_size(n).unwrap() + 40_000];
        let k = ptqk::dispatch::active();
        let whole = |h: &mut [f32]| unsafe {
            MatrixViewMut::new(h.as_mut_ptr().cast(), Dtype::F32, (n, n, n + 1))
        };
        let x = unsafe { MatrixView::new(x.data.as_ptr().cast(), Dtype::F32, (n, n, x.stride)) };
        let mut scratch = Scratch::new(&mut memory);
        scratch
            .phase(|scratch| syrk::syrk(k, Exec::SERIAL, scratch, true, x, whole(&mut h)))
            .unwrap();
        syrk::mirror(&mut whole(&mut h));
        inverse_factor::inverse_factor(k, Exec::SERIAL, &mut scratch, whole(&mut h)).unwrap();
        assert!(h.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn null_everywhere_is_refused() {
    unsafe {
        let params = QuantizeParams::DEFAULT;
        let nothing: *const Matrix = null();
        assert_eq!(
            ptqk_quantize(null(), &params, nothing, null(), null(), null()),
            Status::NullPointer
        );
        assert_eq!(
            ptqk_quantize(null(), null(), nothing, null(), null(), null()),
            Status::NullPointer
        );
        let params = ReduceParams::DEFAULT;
        assert_eq!(ptqk_sum(null(), &params, nothing, null_mut()), Status::NullPointer);
        let params = ConvertParams::DEFAULT;
        assert_eq!(ptqk_encode(null(), &params, nothing, null()), Status::NullPointer);
        assert_eq!(ptqk_convert(null(), &params, nothing, null()), Status::NullPointer);
        assert_eq!(ptqk_decode(null(), null(), null()), Status::NullPointer);
        let params = FakeConvertParams::DEFAULT;
        let status = ptqk_fake_convert(null(), &params, nothing, null(), null(), null());
        assert_eq!(status, Status::NullPointer);
        let params = Fp8Params { per_channel: 1, ..Fp8Params::DEFAULT };
        let status = ptqk_fp8_scale_from_min_max(null(), &params, null(), null(), 3, null_mut());
        assert_eq!(status, Status::NullPointer);
        ptqk_quantize_params_default(null_mut());
        ptqk_convert_params_default(null_mut());
        ptqk_fake_convert_params_default(null_mut());
        ptqk_fp8_params_default(null_mut());
    }
}

/// The size that a query writes.
fn size_of_state(query: impl FnOnce(*mut usize) -> Status) -> usize {
    let mut bytes = 0;
    assert_eq!(query(&mut bytes), Status::Ok);
    bytes
}

/// One codebook for two layers.
#[test]
fn codebooks() {
    let [a, b] = [(ROWS, 8), (2, 4)].map(|(rows, cols)| Floats::new(Dtype::F32, rows, cols));
    let (x, importance) = (Floats::new(HALF, 8, 2), [1.0, 0.5, 0.0, 2.0, 1.0, 1.0, 0.25, 1.0]);
    let (y, ok) = (Floats::new(Dtype::F32, 4, 3), Status::Ok);
    let params = CodebookParams {
        num_elements: 5,
        across_blocks: 1,
        group_size: 4,
        intervals: 16,
        max_iterations: 3,
        ..CodebookParams::DEFAULT
    };
    let (weights, activations) = ([a.view(), b.view()], [x.view(), y.view()]);
    let importance = [importance.as_ptr(), null()];
    let (weights, activations) = (weights.as_ptr(), activations.as_ptr());
    unsafe {
        let room = size_of_state(|to| {
            ptqk_estimate_codebook_workspace_size(null(), &params, weights, activations, 2, to)
        });
        let (mut workspace, mut codebook) = (vec![7_u8; room], [0.0; 5]);
        let at = workspace.as_mut_ptr().cast();
        let status = ptqk_estimate_codebook(
            null(),
            &params,
            weights,
            importance.as_ptr(),
            activations,
            2,
            at,
            room,
            codebook.as_mut_ptr(),
        );
        assert_eq!(status, ok);
        assert!(codebook.is_sorted_by(|a, b| a < b));
    }
}

/// A Hessian from activations, and layers that are solved with it.
#[test]
fn solvers() {
    const N: usize = 6;
    let (x, ok) = (Floats::new(HALF, ROWS, N), Status::Ok);
    let params = HessianParams { channels: N as u64, ..HessianParams::DEFAULT };
    let mut hessian = Floats::new(Dtype::F32, N, N);
    unsafe {
        let n = size_of_state(|to| ptqk_hessian_state_size(null(), &params, to));
        let room = size_of_state(|to| ptqk_hessian_workspace_size(null(), &params, ROWS, to));
        let (mut state, mut space) = (vec![7_u64; n / 8], vec![7_u8; room]);
        let (to, at) = (state.as_mut_ptr().cast::<c_void>(), space.as_mut_ptr().cast());
        assert_eq!(ptqk_hessian_init(null(), &params, to, n), ok);
        assert_eq!(ptqk_hessian_update(null(), &x.view(), 1, to, n, at, room), ok);
        let copy = state.clone();
        let (to, from) = (state.as_mut_ptr().cast::<c_void>(), copy.as_ptr().cast());
        assert_eq!(ptqk_hessian_merge(null(), from, n, to, n), ok);
        assert_eq!(ptqk_hessian_load(null(), from, n, null_mut(), null_mut()), ok);
        assert_eq!(ptqk_hessian_finish(null(), to, n, &hessian.view_mut()), ok);
    }
    let weights = Floats::new(Dtype::F32, ROWS, N);
    let means = Floats::new(Dtype::F16, 3, N);
    let modes = [WeightMode::Int4Asym, WeightMode::Int3Sym, WeightMode::Int2Sym];
    for (case, mode) in modes.into_iter().enumerate() {
        let mut params = GptqParams { block_size: 4, passes: 1, ..GptqParams::DEFAULT };
        (params.groups, params.order) = (case as u32, 1);
        (params.weights.mode, params.weights.group_size) = (mode as u32, 3);
        (params.scale, params.weights.scale_dtype) = (case as u32, 0);
        (params.means, params.token_counts) = (means.view(), [5, 0, 9].as_ptr());
        (params.estimation.subset_size, params.estimation.scale_steps) = (2, 1);
        let mut layout = WeightLayout::default();
        unsafe {
            let status = ptqk_weight_layout_query(null(), &params.weights, ROWS, N, &mut layout);
            assert_eq!(status, ok);
            let room = size_of_state(|to| ptqk_gptq_workspace_size(null(), &params, ROWS, N, to));
            let mut workspace = vec![7_u8; room];
            let mut codes = Bytes::new(layout.code_bytes);
            let code_type = CodeType::try_from(layout.code_type).unwrap();
            let (mut scale, mut zero) = (vec![0_f32; layout.groups], vec![0_u8; layout.groups]);
            let (mut order, mut loss) = ([0; N], [0.0; ROWS]);
            let mut values = Floats::new(Dtype::Bf16, ROWS, N);
            let outputs = GptqOutputs {
                codes: codes.codes((ROWS, N), code_type),
                scale: scale.as_mut_ptr().cast(),
                zero_point: zero.as_mut_ptr(),
                permutation: order.as_mut_ptr(),
                loss: loss.as_mut_ptr(),
                dequantized: values.view_mut(),
                ..GptqOutputs::DEFAULT
            };
            let (w, h, at) = (weights.view(), hessian.view(), workspace.as_mut_ptr().cast());
            let mut report = GptqReport::default();
            let status = ptqk_gptq(null(), &params, &w, &h, &outputs, &mut report, at, room);
            assert_eq!(status, ok);
            assert!(report.loss > 0.0 && loss.iter().all(|x| *x > 0.0));
        }
    }
}

/// Corrections without regularization and with it.
#[test]
#[cfg(feature = "lora")]
fn corrections() {
    for (rows, cols, regularized) in [(ROWS, 12, false), (5, 8, true)] {
        let (w, x) = (Floats::new(Dtype::F32, rows, cols), Floats::new(HALF, 3, cols));
        let weights =
            WeightParams { scale_dtype: 0, group_size: cols as i32 / 2, ..WeightParams::DEFAULT };
        let params = LoraParams {
            adapter_rank: 2,
            num_iterations: 1,
            oversampling: 1,
            max_steps: 1,
            subset_size: 2,
            apply_regularization: regularized.into(),
            weights,
            ..LoraParams::DEFAULT
        };
        let (mut layout, ok) = (WeightLayout::default(), Status::Ok);
        unsafe {
            assert_eq!(ptqk_weight_layout_query(null(), &weights, rows, cols, &mut layout), ok);
            let room =
                size_of_state(|to| ptqk_lora_workspace_size(null(), &params, rows, cols, 3, to));
            let mut workspace = vec![7_u8; room];
            let mut codes = Bytes::new(layout.code_bytes);
            let mut scale = vec![0_f32; layout.groups];
            let mut zero = vec![0_u8; layout.groups];
            let codes = codes.codes((rows, cols), CodeType::U8);
            let (w, x) = (w.view(), x.view());
            let (to, zeros) = (scale.as_mut_ptr().cast(), zero.as_mut_ptr());
            let status = ptqk_compress_weights(null(), &weights, &w, &codes, to, zeros, null_mut());
            assert_eq!(status, ok);
            let (mut a, mut b) =
                (Floats::new(Dtype::Bf16, 2, cols), Floats::new(Dtype::F32, rows, 2));
            let (mut a_codes, mut b_codes) = (Bytes::new(2 * cols), Bytes::new(2 * rows));
            let (mut a_scale, mut b_scale) = ([0.0; 2], vec![0.0; rows]);
            let (mut a_zero, mut b_zero) = ([0; 2], vec![0; rows]);
            let (mut noises, mut report) = ([-1.0; 4], LoraReport::default());
            let outputs = LoraOutputs {
                a: a.view_mut(),
                b: b.view_mut(),
                a_codes: a_codes.codes((2, cols), CodeType::U8),
                b_codes: b_codes.codes((rows, 2), CodeType::U8),
                a_scale: a_scale.as_mut_ptr(),
                b_scale: b_scale.as_mut_ptr(),
                a_zero_point: a_zero.as_mut_ptr(),
                b_zero_point: b_zero.as_mut_ptr(),
                noises: noises.as_mut_ptr(),
                ..LoraOutputs::DEFAULT
            };
            let (codes, counts) = (codes.as_codes(), [5_u64, 9, 7]);
            let status = ptqk_lora_correction(
                null(),
                &params,
                &w,
                &codes,
                scale.as_ptr().cast(),
                zero.as_ptr(),
                null(),
                &x,
                counts.as_ptr(),
                &outputs,
                &mut report,
                workspace.as_mut_ptr().cast(),
                room,
            );
            assert_eq!(status, ok);
            assert!(noises.iter().all(|noise| *noise >= 0.0));
            for kind in [LoraInitKind::Residual, LoraInitKind::Random] {
                let kind = kind as u32;
                let params =
                    LoraInitParams { adapter_rank: 2, kind, weights, ..LoraInitParams::DEFAULT };
                let room = size_of_state(|to| {
                    ptqk_lora_init_workspace_size(null(), &params, rows, cols, to)
                });
                let mut workspace = vec![7_u8; room];
                let status = ptqk_lora_init(
                    null(),
                    &params,
                    &w,
                    &codes,
                    scale.as_ptr().cast(),
                    zero.as_ptr(),
                    null(),
                    &a.view_mut(),
                    &b.view_mut(),
                    workspace.as_mut_ptr().cast(),
                    room,
                );
                assert_eq!(status, ok);
            }
        }
    }
}

/// Floats and codes, two segments that share rows.
#[test]
#[cfg(feature = "lora")]
fn adapters() {
    let (x, mut y) = (Floats::new(Dtype::Bf16, ROWS, 37), Floats::new(HALF, ROWS, 35));
    let (a, b) = (Floats::new(Dtype::F32, 3, 37), Floats::new(HALF, 35, 3));
    let (mut a_codes, mut b_codes) = (Bytes::new(3 * 37), Bytes::new(35 * 3));
    let (scale, zero_point) = ([0.25_f32; 35], [3_u8; 35]);
    let a_codes = a_codes.codes((3, 37), CodeType::U8).as_codes();
    let b_codes = b_codes.codes((35, 3), CodeType::I8).as_codes();
    let factor = |values: Matrix, codes: Codes| LoraFactor {
        values,
        codes,
        scale: scale.as_ptr(),
        zero_point: zero_point.as_ptr(),
    };
    let none = |m: Matrix| Matrix { data: null(), ..m };
    let pair = |a, b| LoraAdapter { a, b, scale: 0.5, b_is_transposed: 0 };
    let adapters = [
        pair(factor(a.view(), a_codes), factor(b.view(), b_codes)),
        pair(factor(none(a.view()), a_codes), factor(none(b.view()), b_codes)),
    ];
    let segment = |adapter, first_row, rows| LoraSegment { adapter, first_row, rows };
    let (segments, at) = ([segment(0, 0, ROWS), segment(1, 1, ROWS - 1)], adapters.as_ptr());
    unsafe {
        let room = size_of_state(|to| ptqk_lora_apply_workspace_size(null(), at, 2, ROWS, to));
        let mut workspace = vec![7_u8; room];
        let to = workspace.as_mut_ptr().cast();
        let (x, y) = (x.view(), y.view_mut());
        let status = ptqk_lora_apply(null(), at, 2, segments.as_ptr(), 2, &x, &y, to, room);
        assert_eq!(status, Status::Ok);
        let mut weights = Floats::new(Dtype::F32, 35, 37);
        let room = size_of_state(|to| ptqk_lora_merge_workspace_size(null(), at, 35, to));
        let mut workspace = vec![7_u8; room];
        let to = workspace.as_mut_ptr().cast();
        let status = ptqk_lora_merge(null(), at, 1, &weights.view_mut(), to, room);
        assert_eq!(status, Status::Ok);
    }
}

#[test]
#[cfg(feature = "range")]
fn states_of_ranges() {
    let src = Floats::new(Dtype::F32, ROWS, 37);
    let (x, ok) = (src.view(), Status::Ok);
    let (mut shape, mut strides) = ([0; 8], [0; 8]);
    (shape[0], shape[1], strides[0], strides[1]) = (ROWS, 37, src.stride, 1);
    let tensor = Tensor { data: x.data, dtype: x.dtype, rank: 2, shape, strides };
    let mut params = RangeParams { num_samples: 3, ..RangeParams::DEFAULT };
    unsafe {
        let preset = RangePreset::MedianMinMax as u32;
        assert_eq!(ptqk_range_estimator_preset(null(), preset, &mut params.estimator), ok);
        let n = size_of_state(|to| ptqk_range_state_size(null(), &params, to));
        let room = size_of_state(|to| ptqk_range_finish_workspace_size(null(), &params, to));
        let (mut a, mut b, mut space) = (vec![7_u64; n / 8], vec![7_u64; n / 8], vec![7_u8; room]);
        for state in [&mut a, &mut b] {
            let state = state.as_mut_ptr().cast();
            assert_eq!(ptqk_range_init(null(), &params, state, n), ok);
            assert_eq!(ptqk_range_update(null(), &tensor, state, n), ok);
        }
        let (from, to) = (b.as_ptr().cast(), a.as_mut_ptr().cast());
        assert_eq!(ptqk_range_merge(null(), from, n, to, n), ok);
        assert_eq!(ptqk_range_load(null(), to.cast_const(), n, null_mut(), null_mut()), ok);
        let (mut min, mut max, at) = (0.0, 0.0, space.as_mut_ptr().cast());
        let to = to.cast_const();
        assert_eq!(ptqk_range_finish(null(), to, n, 1, &mut min, &mut max, at, room), ok);
        assert!(min < max);
    }
    // Blocks of which the last are found when the first are counted.
    let src = Floats::new(Dtype::F32, ROWS, 237);
    let x = src.view();
    for kind in [HistogramKind::Parity as u32, HistogramKind::Mergeable as u32] {
        let params = HistogramParams { kind, num_bins: 16, ..HistogramParams::DEFAULT };
        let search = HistogramRangeParams::DEFAULT;
        unsafe {
            let n = size_of_state(|to| ptqk_histogram_state_size(null(), &params, to));
            let room =
                size_of_state(|to| ptqk_histogram_workspace_size(null(), &params, ROWS, 237, to));
            let needed =
                size_of_state(|to| ptqk_histogram_range_workspace_size(null(), &search, 16, to));
            let (mut state, mut space) = (vec![7_u64; n / 8], vec![7_u8; room.max(needed)]);
            let (to, at) = (state.as_mut_ptr().cast::<c_void>(), space.as_mut_ptr().cast());
            assert_eq!(ptqk_histogram_init(null(), &params, to, n), ok);
            assert_eq!(ptqk_histogram_update(null(), &x, to, n, at, room), ok);
            let copy = state.clone();
            let (to, from) = (state.as_mut_ptr().cast::<c_void>(), copy.as_ptr().cast());
            assert_eq!(ptqk_histogram_merge(null(), from, n, to, n, at, room), ok);
            assert_eq!(ptqk_histogram_load(null(), from, n, null_mut()), ok);
            let (mut min, mut max, to) = (0.0, 0.0, to.cast_const());
            let (low, high) = (&mut min, &mut max);
            assert_eq!(ptqk_histogram_range(null(), &search, to, n, low, high, at, needed), ok);
            assert!(min < max);
        }
    }
    let params = SketchParams { capacity: 16, ..SketchParams::DEFAULT };
    unsafe {
        let n = size_of_state(|to| ptqk_sketch_state_size(null(), &params, to));
        let room = size_of_state(|to| ptqk_sketch_workspace_size(null(), &params, to));
        let (mut state, mut space) = (vec![7_u64; n / 8], vec![7_u8; room]);
        let (to, at) = (state.as_mut_ptr().cast::<c_void>(), space.as_mut_ptr().cast());
        assert_eq!(ptqk_sketch_init(null(), &params, to, n), ok);
        assert_eq!(ptqk_sketch_update(null(), &x, to, n, at, room), ok);
        let copy = state.clone();
        let (to, from) = (state.as_mut_ptr().cast::<c_void>(), copy.as_ptr().cast());
        assert_eq!(ptqk_sketch_merge(null(), from, n, to, n, at, room), ok);
        assert_eq!(ptqk_sketch_load(null(), from, n, null_mut()), ok);
        let (p, mut out) = ([0.25, 0.75], [0.0; 2]);
        let (to, result) = (to.cast_const(), out.as_mut_ptr());
        assert_eq!(ptqk_sketch_query(null(), to, n, null_mut(), p.as_ptr(), 2, result), ok);
        assert!(out[0] < out[1]);
    }
}
