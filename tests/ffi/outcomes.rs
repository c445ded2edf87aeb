//! Outcomes that are not errors, progress, texts, and whether every function is tested at all.

use crate::calls::*;
use ptqk::ffi::{self, Ctx, Detail, Status, Task, WeightParams};
use std::ffi::{CStr, c_void};
use std::ptr;

/// The compressed form of weights.
struct Compressed {
    /// Words, so that every element type is aligned.
    codes: Vec<u32>,
    scale: Vec<u32>,
    zero_point: Vec<u8>,
    tensor_scale: f32,
}

const ROWS: usize = 64;
const COLS: usize = 224;

/// The groups of a matrix of that size.
#[derive(Clone, Copy)]
struct Groups {
    by_row: bool,
    size: usize,
}

impl Groups {
    fn of(params: &WeightParams) -> Self {
        let by_row = params.reduction_axis == 1;
        let channel = if by_row { COLS } else { ROWS };
        Self { by_row, size: usize::try_from(params.group_size).unwrap_or(channel) }
    }

    fn count(self) -> usize {
        ROWS * COLS / self.size
    }

    /// The group of an element.
    fn at(self, row: usize, col: usize) -> usize {
        if self.by_row {
            row * (COLS / self.size) + col / self.size
        } else {
            row / self.size * COLS + col
        }
    }
}

/// Group sizes for a mode, on both axes.
fn groupings(mode: Mode) -> Vec<(u32, i32)> {
    match mode.block {
        -1 => vec![(1, -1), (1, 8), (1, 56), (0, -1), (0, 16), (0, 1)],
        block => vec![(1, block), (0, block)],
    }
}

/// Compresses a matrix without gaps.
fn compress(
    mode: Mode,
    params: &WeightParams,
    (dtype, weights): (u32, &[u8]),
    detail: &mut Detail,
) -> (Status, Compressed) {
    let stride = code_row_bytes(mode.code_type, COLS);
    let groups = Groups::of(params).count();
    let mut to = Compressed {
        codes: vec![0; (ROWS * stride).div_ceil(4)],
        scale: vec![0; (groups * mode.scale_bytes(params.scale_dtype)).div_ceil(4)],
        zero_point: vec![99; groups],
        tensor_scale: 99.0,
    };
    let (rows, cols, reserved, code_type) = (ROWS, COLS, 0, mode.code_type);
    let data = weights.as_ptr().cast();
    let src = ffi::Matrix { data, rows, cols, row_stride: COLS, dtype, reserved };
    let data = to.codes.as_mut_ptr().cast();
    let codes = ffi::CodesMut { data, rows, cols, row_stride_bytes: stride, code_type, reserved };
    let ctx = Ctx { detail, ..Ctx::DEFAULT };
    let (scale, zero_point) = (to.scale.as_mut_ptr().cast::<c_void>(), to.zero_point.as_mut_ptr());
    let tensor = &mut to.tensor_scale;
    // SAFETY: the arrays have the sizes that the header asks for.
    let status = unsafe {
        ffi::ptqk_compress_weights(&ctx, params, &src, &codes, scale, zero_point, tensor)
    };
    (status, to)
}

/// A weight that is not finite spoils its group and nothing else; the first one is named.
#[test]
fn weights_that_are_not_finite() {
    let spots = [
        vec![(0, 0)],
        vec![(ROWS - 1, COLS - 1)],
        vec![(17, 130), (17, 131)],
        vec![(9, 223), (10, 3)],
        vec![(40, 5), (3, 77)],
        vec![(5, 160), (5, 20), (21, 19)],
    ];
    for (turn, spots) in spots.iter().enumerate() {
        let bad = [f32::NAN, f32::INFINITY][turn % 2];
        let first = spots.iter().map(|(row, col)| row * COLS + col).min().unwrap();
        let spots: Vec<_> = spots.iter().map(|spot| (*spot, bad)).collect();
        for mode in MODES {
            for (axis, group_size) in groupings(mode) {
                for dtype in [F32, F16, BF16] {
                    let values = mode.values(1.0);
                    let params = mode.params(group_size, axis, F32);
                    let params = WeightParams { codebook: values.as_ptr(), ..params };
                    let detail = spoil(mode, &params, dtype, &spots);
                    let what = format!("{params:?} type {dtype} {spots:?}");
                    assert_eq!(detail.index, first as u64, "{what}");
                    assert_eq!(detail.value.is_nan(), bad.is_nan(), "{what}");
                    assert!(!detail.value.is_finite(), "{what}");
                }
            }
        }
    }
}

/// So does a group whose width overflows; its first element is named.
#[test]
fn weights_whose_width_overflows() {
    for mode in MODES {
        for (axis, group_size) in groupings(mode) {
            let values = mode.values(1.0);
            let params = mode.params(group_size, axis, F32);
            let params = WeightParams { codebook: values.as_ptr(), ..params };
            let groups = Groups::of(&params);
            for (row, col) in [(0, 0), (33, 57), (63, 222)] {
                let (second, first) = if groups.by_row {
                    ((row, col ^ 1), (row, col / groups.size * groups.size))
                } else {
                    ((row ^ 1, col), (row / groups.size * groups.size, col))
                };
                if groups.size > 1 {
                    let spots = [((row, col), f32::MAX), (second, f32::MIN)];
                    let detail = spoil(mode, &params, F32, &spots);
                    let index = first.0 * COLS + first.1;
                    assert_eq!(detail.index, index as u64, "{params:?} {spots:?}");
                }
            }
        }
    }
}

/// The scale of the matrix follows from the groups that are finite, from all of their elements and from
/// no others, on both axes.
#[test]
fn tensor_scale_of_spoiled_weights() {
    let mode = MODES[NVFP4 as usize];
    for axis in [0, 1] {
        // Two groups side by side or one above the other, as the groups lie.
        let place =
            |along: usize, across: usize| if axis == 0 { (along, across) } else { (across, along) };
        for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
            let mut weights = vec![1.0_f32; ROWS * COLS];
            let mut set = |(row, col): (usize, usize), x: f32| weights[row * COLS + col] = x;
            set(place(0, 5), bad);
            set(place(1, 5), f32::MIN);
            set(place(3, 5), 1000.0);
            set(place(0, 6), 100.0);
            let params = mode.params(16, axis, F32);
            let mut detail = Detail::DEFAULT;
            let bytes = bytemuck::cast_slice(&weights);
            let (status, got) = compress(mode, &params, (F32, bytes), &mut detail);
            assert_eq!(status, Status::NotFinite);
            let want = 100.0_f32 / 6.0 / 448.0;
            assert_eq!(got.tensor_scale.to_bits(), want.to_bits(), "axis {axis}, {bad}");
        }
    }
}

/// Compresses weights with groups that are spoiled; all that is written must be what zeros in these
/// groups give, but for their codes. Gives the detail.
fn spoil(mode: Mode, params: &WeightParams, dtype: u32, spots: &[((usize, usize), f32)]) -> Detail {
    let mut rng = Lcg::new(5);
    let plain: Vec<f32> = (0..ROWS * COLS).map(|_| rng.value()).collect();
    let groups = Groups::of(params);
    let spoiled: Vec<usize> = spots.iter().map(|((row, col), _)| groups.at(*row, *col)).collect();
    let is_spoiled = |i: usize| spoiled.contains(&groups.at(i / COLS, i % COLS));
    let mut detail = Detail::DEFAULT;
    let zeros = plain.iter().enumerate().map(|(i, x)| if is_spoiled(i) { 0.0 } else { *x });
    let zeros = float_bytes(dtype, zeros);
    let (status, want) = compress(mode, params, (dtype, &zeros), &mut detail);
    assert_eq!((status, detail.status), (Status::Ok, Status::Ok));

    let mut values = plain;
    spots.iter().for_each(|((row, col), bad)| values[row * COLS + col] = *bad);
    let bytes = float_bytes(dtype, values.iter().copied());
    let (status, got) = compress(mode, params, (dtype, &bytes), &mut detail);
    let what = format!("{params:?} type {dtype} {spots:?}");
    assert_eq!((status, detail.status), (Status::NotFinite, status), "{what}");
    // SAFETY: the library's texts are static.
    assert_eq!(unsafe { CStr::from_ptr(detail.argument) }, c"weights", "{what}");

    assert_eq!(got.tensor_scale.to_bits(), want.tensor_scale.to_bits(), "{what}");
    assert_eq!(got.scale, want.scale, "{what}");
    assert_eq!(got.zero_point, want.zero_point, "{what}");
    for group in spoiled.iter().copied() {
        let zero = got.zero_point[group];
        assert_eq!(zero, if mode.is_asymmetric() { 0 } else { 99 }, "{what}");
        if mode.block < 0 {
            assert_eq!(f32::from_bits(got.scale[group]), f32::EPSILON, "{what} group {group}");
        }
        if mode.is_mx() {
            let scale = bytemuck::cast_slice::<u32, u8>(&got.scale)[group];
            assert_eq!(scale, 127 - 23, "{what} group {group}");
        }
    }
    let stride = code_row_bytes(mode.code_type, COLS);
    let row_of = |of: &Compressed, row: usize| {
        bytemuck::cast_slice::<u32, u8>(&of.codes)[row * stride..][..stride].to_vec()
    };
    for row in 0..ROWS {
        let (got, want) = (row_of(&got, row), row_of(&want, row));
        for col in (0..COLS).filter(|col| !is_spoiled(row * COLS + col)) {
            let code = |row: &[u8]| match code_bytes(mode.code_type) {
                2 => [row[2 * col], row[2 * col + 1]],
                _ => [code_at(mode.code_type, row, col), 0],
            };
            assert_eq!(code(&got), code(&want), "{what} at {row}, {col}");
        }
    }
    detail
}

/// Compression loses no more than the bits say, on both axes; the error is what was lost.
#[test]
fn weights_come_back() {
    let mut rng = Lcg::new(6);
    let weights: Vec<f32> = (0..ROWS * COLS).map(|_| rng.unit()).collect();
    let norm = |x: &mut dyn Iterator<Item = f32>| {
        x.map(|x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
    };
    let whole = norm(&mut weights.iter().copied());
    for (mode, axis) in MODES.into_iter().flat_map(|mode| [(mode, 0), (mode, 1)]) {
        let values = mode.values(1.0);
        let params = mode.params(if mode.block > 0 { -1 } else { 32 }, axis, F32);
        let params = WeightParams { codebook: values.as_ptr(), ..params };
        let blocks = WeightParams { group_size: mode.block.max(-1), ..params };
        let laid = if mode.block > 0 { &blocks } else { &params };
        let mut detail = Detail::DEFAULT;
        let bytes = bytemuck::cast_slice(&weights);
        let (status, kept) = compress(mode, laid, (F32, bytes), &mut detail);
        assert_eq!(status, Status::Ok);
        let (rows, cols, reserved, code_type) = (ROWS, COLS, 0, mode.code_type);
        let row_stride_bytes = code_row_bytes(code_type, COLS);
        let data = kept.codes.as_ptr().cast();
        let codes = ffi::Codes { data, rows, cols, row_stride_bytes, code_type, reserved };
        let (dtype, row_stride) = (F32, COLS);
        let data = weights.as_ptr().cast();
        let src = ffi::Matrix { data, rows, cols, row_stride, dtype, reserved };
        let mut back = vec![0.0_f32; ROWS * COLS];
        let data = back.as_mut_ptr().cast();
        let dst = ffi::MatrixMut { data, rows, cols, row_stride, dtype, reserved };
        let (scale, zero) = (kept.scale.as_ptr().cast::<c_void>(), kept.zero_point.as_ptr());
        let (ctx, tensor) = (ptr::null(), &kept.tensor_scale);
        let mut error = ffi::WeightError::default();
        // SAFETY: the arrays have the sizes that the header asks for.
        let status = unsafe {
            [
                ffi::ptqk_decompress_weights(ctx, &params, &codes, scale, zero, tensor, &dst),
                ffi::ptqk_weight_error_query(
                    ctx, &params, &src, &codes, scale, zero, tensor, &mut error,
                ),
            ]
        };
        assert_eq!(status, [Status::Ok; 2]);
        let lost = norm(&mut weights.iter().zip(&back).map(|(a, b)| a - b));
        let seen = f64::from(error.frobenius);
        assert!((seen - lost).abs() < 1e-4 * lost, "{} axis {axis}: {seen}, {lost}", mode.name);
        let most = match mode.bits {
            2 => 0.6,
            3 => 0.25,
            4 => 0.15,
            _ => 0.07,
        };
        let share = lost / whole;
        assert!((1e-4..most).contains(&share), "{} axis {axis}: {share}", mode.name);
    }
}

/// A codebook may change its index at 0: the smallest number is above it, on every tier, even where
/// its quotient by the scale is rounded up to itself.
#[test]
fn a_subnormal_above_a_threshold_of_zero() {
    let values = [-0.375_f32, -0.125, 0.125];
    let mut params = WeightParams { codebook: values.as_ptr(), ..WeightParams::DEFAULT };
    (params.mode, params.codebook_size) = (18, 3);
    for scale in [1.999_999_9_f32, 1.75, 1.5, 1.000_000_1] {
        let mut weights = [1e-45_f32; 64];
        weights[0] = 0.375 * scale;
        let (rows, cols, reserved) = (1, 64, 0);
        let data = weights.as_ptr().cast();
        let src = ffi::Matrix { data, rows, cols, row_stride: 64, dtype: F32, reserved };
        let mut codes = [0_u8; 32];
        let (data, row_stride_bytes) = (codes.as_mut_ptr().cast(), 32);
        let dst = ffi::CodesMut { data, rows, cols, row_stride_bytes, code_type: 5, reserved };
        let mut stored = half::f16::ZERO;
        let (none, tensor) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: one row of 64 weights with one scale; all arrays are as long as the shape says.
        let status = unsafe {
            let stored = (&raw mut stored).cast();
            ffi::ptqk_compress_weights(ptr::null(), &params, &src, &dst, stored, none, tensor)
        };
        assert_eq!(status, Status::Ok);
        assert_eq!(codes, [0x22; 32], "scale {scale}");
    }
}

/// An index beyond the codebook counts as the last.
#[test]
fn indices_beyond_the_codebook() {
    for mode in MODES.into_iter().filter(|mode| mode.codebook > 0) {
        let values = mode.values(1.0);
        let params = mode.params(-1, 1, F32);
        let params = WeightParams { codebook: values.as_ptr(), ..params };
        let last = mode.codebook as usize - 1;
        // The first, the last, one more, and the largest that the type has.
        let most = (1_usize << mode.bits) - 1;
        let indices = [0, last, most.min(last + 1), most];
        let mut codes = [0_u16; 4];
        let bytes = bytemuck::cast_slice_mut::<u16, u8>(&mut codes);
        for (i, index) in indices.into_iter().enumerate() {
            match mode.bits {
                4 => bytes[i / 2] |= (index as u8) << (4 * (i % 2)),
                8 => bytes[i] = index as u8,
                _ => bytes[2 * i..][..2].copy_from_slice(&(index as u16).to_ne_bytes()),
            }
        }
        let (rows, cols, reserved) = (1, 4, 0);
        let src = ffi::Codes {
            data: codes.as_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: code_row_bytes(mode.code_type, 4),
            code_type: mode.code_type,
            reserved,
        };
        let mut out = [0.0_f32; 4];
        let data = out.as_mut_ptr().cast();
        let dst = ffi::MatrixMut { data, rows, cols, row_stride: 4, dtype: F32, reserved };
        let scale = -2.0_f32;
        let (scale, zero, tensor) = ((&raw const scale).cast(), ptr::null(), ptr::null());
        // SAFETY: one row of four codes with one scale.
        let status = unsafe {
            ffi::ptqk_decompress_weights(ptr::null(), &params, &src, scale, zero, tensor, &dst)
        };
        let want = indices.map(|index| -2.0 * values[index.min(last)]);
        assert_eq!((status, out), (Status::Ok, want), "{}", mode.name);
    }
}

/// Encodes a few numbers, one byte per code.
fn encoded<const N: usize>(code_type: u32, rules: Rules, values: [f32; N]) -> [u8; N] {
    let (rows, cols, reserved) = (1, N, 0);
    let data = values.as_ptr().cast();
    let src = ffi::Matrix { data, rows, cols, row_stride: N, dtype: F32, reserved };
    let row_stride_bytes = code_row_bytes(code_type, N);
    let mut bytes = vec![0_u8; row_stride_bytes];
    let data = bytes.as_mut_ptr().cast();
    let dst = ffi::CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved };
    // SAFETY: `N` elements, and the bytes of as many codes.
    let status = unsafe { ffi::ptqk_encode(ptr::null(), &rules.params(0), &src, &dst) };
    assert_eq!(status, Status::Ok);
    std::array::from_fn(|i| code_at(code_type, &bytes, i))
}

/// What the types make of zero, NaN, infinity and numbers that they do not have.
#[test]
fn codes_of_special_values() {
    let values = [0.0, -0.0, 1.0, -1.0, f32::MAX, f32::INFINITY, f32::MIN, f32::NEG_INFINITY];
    // Both zeros, 1 and -1, the largest, overflow upwards and downwards, NaN as it is and as the
    // negative largest number.
    let types = [
        (E4M3, [0x00, 0x80, 0x38, 0xB8], [0x7E, 0xFE], [0x7F, 0xFF], [0x7F, 0xFE]),
        (E5M2, [0x00, 0x80, 0x3C, 0xBC], [0x7B, 0xFB], [0x7C, 0xFC], [0x7F, 0xFB]),
        (E4M3_FNUZ, [0x00, 0x00, 0x40, 0xC0], [0x7F, 0xFF], [0x80, 0x80], [0x80, 0xFF]),
        (E5M2_FNUZ, [0x00, 0x00, 0x40, 0xC0], [0x7F, 0xFF], [0x80, 0x80], [0x80, 0xFF]),
        (E8M0, [0x00, 0x00, 0x7F, 0xFF], [0xFE, 0xFF], [0xFF, 0xFF], [0xFF, 0xFF]),
        (E3M2, [0x00, 0x20, 0x0C, 0x2C], [0x1F, 0x3F], [0x1F, 0x3F], [0x1F, 0x3F]),
        (E2M3, [0x00, 0x20, 0x08, 0x28], [0x1F, 0x3F], [0x1F, 0x3F], [0x1F, 0x3F]),
        (E2M1, [0x0, 0x8, 0x2, 0xA], [0x7, 0xF], [0x7, 0xF], [0x7, 0xF]),
        (NF4, [0x7, 0x7, 0xF, 0x0], [0xF, 0x0], [0xF, 0x0], [0x7, 0x7]),
    ];
    for (code_type, [zero, minus_zero, one, minus_one], largest, beyond, nans) in types {
        for (overflow, [up, down]) in [(0, largest), (1, beyond)] {
            for (nan_rule, nan) in (0..).zip(nans) {
                let rules = Rules { overflow, nan_rule, rounding: NEAREST };
                let seen = encoded(code_type, rules, values);
                let want = [zero, minus_zero, one, minus_one, up, up, down, down];
                assert_eq!(seen, want, "type {code_type} {rules:?}");
                let seen = encoded(code_type, rules, [f32::NAN]);
                assert_eq!(seen, [nan], "type {code_type} {rules:?} NaN");
            }
        }
    }
    // Less than half a step above the largest number.
    let rules = Rules { overflow: 1, nan_rule: 0, rounding: NEAREST };
    assert_eq!(encoded(E4M3, rules, [464.0, 464.1, -464.0]), [0x7E, 0x7F, 0xFE]);
    assert_eq!(encoded(E5M2, rules, [61439.9, 61440.0, -61440.0]), [0x7B, 0x7C, 0xFC]);
    // Powers of two: a tie goes to the even code, and the other rules round one way.
    let values = [1.5, 3.0, 2.9, 3.1, 2.0];
    let power = |rounding| encoded(E8M0, Rules { rounding, ..rules }, values);
    assert_eq!(power(NEAREST), [128, 128, 128, 129, 128]);
    assert_eq!(power(UP), [128, 129, 129, 129, 128]);
    assert_eq!(power(DOWN), [127, 128, 128, 128, 128]);
}

/// Converts numbers from f32 and back.
fn converted<const N: usize>(to: u32, rules: Rules, values: [f32; N]) -> [f32; N] {
    let mut kept = [0_u32; N];
    let mut back = [0.0_f32; N];
    let (rows, cols, row_stride, reserved) = (1, N, N, 0);
    let pairs = [
        (values.as_ptr().cast::<c_void>(), F32, kept.as_mut_ptr().cast::<c_void>(), to, rules),
        (
            kept.as_ptr().cast(),
            to,
            back.as_mut_ptr().cast(),
            F32,
            Rules { overflow: 1, nan_rule: 0, rounding: NEAREST },
        ),
    ];
    for (from, dtype, data, to, rules) in pairs {
        let src = ffi::Matrix { data: from, rows, cols, row_stride, dtype, reserved };
        let dst = ffi::MatrixMut { data, rows, cols, row_stride, dtype: to, reserved };
        // SAFETY: `N` elements of at most four bytes.
        let status = unsafe { ffi::ptqk_convert(ptr::null(), &rules.params(0), &src, &dst) };
        assert_eq!(status, Status::Ok);
    }
    back
}

/// What 16 and 32 bits make of NaN, infinity and numbers that they do not have.
#[test]
fn conversions_of_special_values() {
    let values = [3e38, 3.4e38, f32::INFINITY, f32::MIN, f32::NEG_INFINITY, -0.0];
    let infinite = f32::INFINITY;
    let bf16 = f32::from_bits(0x7F7F_0000);
    let cases = [
        (F32, f32::MAX, [3e38, 3.4e38, infinite, f32::MIN, -infinite, -0.0]),
        (F16, 65504.0, [infinite, infinite, infinite, -infinite, -infinite, -0.0]),
        (BF16, bf16, [f32::from_bits(0x7F62_0000), infinite, infinite, -infinite, -infinite, -0.0]),
    ];
    for (to, largest, beyond) in cases {
        for rounding in [NEAREST, STOCHASTIC] {
            for nan_rule in [0, 1] {
                let rules = |overflow| Rules { overflow, nan_rule, rounding };
                let bits = |values: [f32; 6]| values.map(f32::to_bits);
                if rounding == NEAREST {
                    assert_eq!(bits(converted(to, rules(1), values)), bits(beyond), "to {to}");
                    let limited = beyond.map(|x| x.clamp(-largest, largest));
                    assert_eq!(bits(converted(to, rules(0), values)), bits(limited), "to {to}");
                } else {
                    let seen = converted(to, rules(0), values);
                    assert!(seen.iter().all(|x| x.abs() <= largest), "to {to}: {seen:?}");
                }
                let [nan] = converted(to, rules(0), [f32::NAN]);
                assert!(if nan_rule == 0 { nan.is_nan() } else { nan == -largest }, "{to}: {nan}");
            }
        }
    }
}

/// The random numbers belong to the elements, whatever the shape, the stride and the type of the
/// source; up comes as often as it should.
#[test]
fn stochastic_rounding() {
    const N: usize = 10_000;
    // A quarter of the way to the next number of E4M3, and exact in 16 bits.
    let values = vec![1.03125_f32; N];
    let encode = |dtype: u32, (rows, cols): (usize, usize), pad: usize, seed: u64| {
        let mut bytes = Vec::new();
        for row in values.chunks(cols) {
            bytes.extend(float_bytes(dtype, row.iter().copied()));
            bytes.extend(float_bytes(dtype, vec![9.0; pad].into_iter()));
        }
        let mut words = vec![0_u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..bytes.len()].copy_from_slice(&bytes);
        let (row_stride, reserved, code_type) = (cols + pad, 0, E4M3);
        let data = words.as_ptr().cast();
        let src = ffi::Matrix { data, rows, cols, row_stride, dtype, reserved };
        let mut codes = vec![0_u8; N];
        let data = codes.as_mut_ptr().cast();
        let dst = ffi::CodesMut { data, rows, cols, row_stride_bytes: cols, code_type, reserved };
        let params = Rules { overflow: 0, nan_rule: 0, rounding: STOCHASTIC }.params(seed);
        // SAFETY: `N` elements each.
        let status = unsafe { ffi::ptqk_encode(ptr::null(), &params, &src, &dst) };
        assert_eq!(status, Status::Ok);
        codes
    };
    let want = encode(F32, (1, N), 0, 7);
    for (dtype, shape, pad) in [
        (F32, (100, 100), 3),
        (F32, (N, 1), 1),
        (F16, (4, N / 4), 0),
        (BF16, (1, N), 0),
        (BF16, (16, N / 16), 5),
    ] {
        assert!(encode(dtype, shape, pad, 7) == want, "{dtype} {shape:?}");
    }
    assert!(encode(F32, (1, N), 0, 8) != want, "the seed counts");
    assert!(encode(F32, (1, N), 0, 7 << 40) != want, "so do its upper bits");
    let up = want.iter().filter(|code| **code == 0x39).count();
    assert_eq!(up + want.iter().filter(|code| **code == 0x38).count(), N, "one of the neighbours");
    // Five standard deviations.
    assert!(up.abs_diff(N / 4) < 217, "{up} of {N} went up");
}

/// The numbers of NNCF's quantizer setup: the largest magnitude meets the largest number.
#[test]
fn fp8_scales() {
    let scale_of = |params: &ffi::Fp8Params, min: f32, max: f32| {
        let mut scale = 0.0_f32;
        // SAFETY: one channel.
        let status = unsafe {
            ffi::ptqk_fp8_scale_from_min_max(ptr::null(), params, &min, &max, 1, &mut scale)
        };
        assert_eq!(status, Status::Ok);
        scale
    };
    let channel = ffi::Fp8Params { per_channel: 1, ..ffi::Fp8Params::DEFAULT };
    let tensor = ffi::Fp8Params::DEFAULT;
    let wide = ffi::Fp8Params { destination_type: E5M2, ..channel };
    assert_eq!(scale_of(&channel, -1.0, 7.0), 64.0);
    assert_eq!(scale_of(&tensor, -1.0, 7.0), 32.0);
    assert_eq!(scale_of(&wide, 0.0, 3.5), 16384.0);
    assert_eq!(scale_of(&channel, 0.0, 0.0), 448.0 * 8_388_608.0);
    assert_eq!(scale_of(&channel, -7.0, 1.0), 448.0 / (7.0 + f32::EPSILON));
}

/// What a progress callback heard, and when it says stop.
struct Reports {
    heard: Vec<(u64, u64)>,
    stop_at: usize,
}

unsafe extern "C" fn hear(ctx: *const Ctx, done: u64, total: u64) -> i32 {
    // SAFETY: `listen` put it there, and reports come one after the other on the calling thread.
    let reports = unsafe { &mut *(*ctx).user.cast::<Reports>() };
    reports.heard.push((done, total));
    i32::from(reports.heard.len() > reports.stop_at)
}

/// Runs a call that stops at its report number `stop_at`.
fn listen(call: Call, shape: Shape, stop_at: usize) -> (Outcome, Vec<(u64, u64)>, Detail) {
    let mut reports = Reports { heard: Vec::new(), stop_at };
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx {
        user: (&raw mut reports).cast(),
        progress: Some(hear),
        detail: &raw mut detail,
        ..Ctx::DEFAULT
    };
    let outcome = call.run(shape, &Heap::default(), &ctx);
    (outcome, reports.heard, detail)
}

/// Progress rises to the total, and a stop at any report but the last cancels.
fn cancel_everywhere(call: Call, shape: Shape, at_least: usize) {
    let (outcome, heard, _) = listen(call, shape, usize::MAX);
    assert_eq!(outcome.status, [Status::Ok]);
    assert!(heard.len() >= at_least, "{call:?} {shape:?}: {heard:?}");
    assert!(heard.is_sorted_by(|a, b| a.0 < b.0 && a.1 == b.1), "{call:?}: {heard:?}");
    assert!(heard.last().is_some_and(|(done, total)| done == total), "{call:?}: {heard:?}");
    for stop_at in 0..heard.len() {
        let (outcome, until, detail) = listen(call, shape, stop_at);
        assert_eq!(until, heard[..=stop_at], "{call:?} goes on after a stop");
        let last = stop_at + 1 == heard.len();
        let want = if last { Status::Ok } else { Status::Cancelled };
        assert_eq!((outcome.status[0], detail.status), (want, want), "{call:?} at {stop_at}");
    }
}

#[test]
fn progress_and_cancel() {
    let long = Shape::new(1, 300_000);
    for dtype in [F32, F16] {
        let sharing = (COLUMN, 0);
        for what in REDUCTIONS {
            cancel_everywhere(Call::Reduce { what, dtype, sharing, hostile: false }, long, 3);
        }
    }
    let large = Shape::new(9, 600_001);
    let sharing = (TENSOR, 0);
    let (dtype, code_type, zero) = (BF16, I8, false);
    cancel_everywhere(Call::Quantize { dtype, code_type, sharing, before: 0, zero }, large, 2);
    cancel_everywhere(Call::Dequantize { dtype, code_type, sharing, zero }, large, 2);
    let call = Call::FakeQuantize { from: F32, to: F32, sharing, levels: 256, in_place: true };
    cancel_everywhere(call, large, 2);
    cancel_everywhere(Call::Requantize { code_type, granularity: TENSOR }, large, 2);
    let call = Call::RequantizeFixed { code_type, granularity: TENSOR, single: 1 };
    cancel_everywhere(call, large, 2);
    let rules = Rules { overflow: 0, nan_rule: 0, rounding: STOCHASTIC };
    cancel_everywhere(Call::Encode { dtype, code_type: E4M3, rules }, large, 2);
    cancel_everywhere(Call::Decode { code_type: E2M1, dtype }, large, 2);
    cancel_everywhere(Call::Convert { from: F32, to: F16, rules }, large, 2);
    let (destination, nan_rule, shift, in_place) = (E4M3, 1, true, true);
    let call =
        Call::FakeConvert { from: F32, to: F32, sharing, destination, nan_rule, shift, in_place };
    cancel_everywhere(call, large, 2);
    let call =
        Call::Reduce { what: Reduce::Variance, dtype: F16, sharing: (GROUP, 9), hostile: false };
    cancel_everywhere(call, large, 2);
    for what in [Reduce::MinMax, Reduce::AbsMax, Reduce::Sum, Reduce::Mean] {
        cancel_everywhere(Call::Reduce { what, dtype: F32, sharing, hostile: false }, large, 1);
    }
}

/// A reduction to one number is a long call like any other.
#[test]
fn progress_of_tensor_reductions() {
    // A median of all takes a few passes, which no step can be told from.
    for what in REDUCTIONS.into_iter().filter(|what| *what != Reduce::Median) {
        let call = Call::Reduce { what, dtype: F32, sharing: (TENSOR, 0), hostile: false };
        cancel_everywhere(call, Shape::new(9, 600_001), 2);
    }
}

/// Compression stops at every report, on both axes.
#[test]
fn cancel_compression() {
    let int4_asym = MODES[3];
    let [nvfp4, nf4] = [MODES[NVFP4 as usize], MODES[6]];
    let modes = [
        (int4_asym, 0, 8),
        (int4_asym, 1, 64),
        (int4_asym, 1, -1),
        (nvfp4, 0, 16),
        (nvfp4, 1, 16),
        (nf4, 1, 64),
    ];
    for (mode, axis, group) in modes {
        let (half, rules, hostile) = (true, 0, false);
        let call = Call::Compress { dtype: BF16, mode, axis, group, half, rules, hostile };
        let shape = Shape::new(80, 64 * 1024);
        let (_, heard, _) = listen(call, shape, usize::MAX);
        assert!(heard.len() >= 4, "{heard:?}");
        // Three calls have work to do, and each says once that it is done.
        let ends = heard.iter().filter(|(done, total)| done == total).count();
        assert_eq!(ends, 3, "{} axis {axis}: {heard:?}", mode.name);
        for stop_at in 0..heard.len() {
            let (outcome, until, _) = listen(call, shape, stop_at);
            // The calls go on saying stop from there; the last report of a call comes too late.
            assert_eq!(until[..=stop_at], heard[..=stop_at]);
            let cancelled = outcome.status.contains(&Status::Cancelled);
            let in_time = heard[stop_at..].iter().any(|(done, total)| done < total);
            assert_eq!(cancelled, in_time, "{:?} {stop_at} {heard:?}", outcome.status);
        }
    }
}

unsafe extern "C" fn unexpected(_: *const Ctx, _: usize, _: Task, _: *mut c_void) {
    panic!("there is nothing to do");
}

/// A matrix without elements runs no callback.
#[test]
fn nothing_to_do() {
    let mut reports = Reports { heard: Vec::new(), stop_at: usize::MAX };
    let ctx = Ctx {
        user: (&raw mut reports).cast(),
        parallel_for: Some(unexpected),
        progress: Some(hear),
        ..Ctx::DEFAULT
    };
    for shape in [Shape::new(0, 7), Shape::new(7, 0), Shape::new(0, 0)] {
        for sharing in [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 3)] {
            let (dtype, code_type, zero) = (F16, U4, true);
            let calls = [
                Call::Quantize { dtype, code_type, sharing, before: 1, zero },
                Call::Dequantize { dtype, code_type, sharing, zero },
                Call::FakeQuantize { from: F32, to: F16, sharing, levels: 4, in_place: false },
                Call::Reduce { what: Reduce::MinMax, dtype, sharing, hostile: false },
                Call::Reduce { what: Reduce::Variance, dtype, sharing, hostile: false },
            ];
            for call in calls {
                assert_eq!(call.run(shape, &Heap::default(), &ctx).status, [Status::Ok]);
            }
            let (from, to, destination) = (F16, BF16, E3M2);
            let (nan_rule, shift, in_place) = (0, true, false);
            let call =
                Call::FakeConvert { from, to, sharing, destination, nan_rule, shift, in_place };
            assert_eq!(call.run(shape, &Heap::default(), &ctx).status, [Status::Ok]);
        }
        for code_type in FLOATS {
            let rules = Rules { overflow: 0, nan_rule: 0, rounding: NEAREST };
            let calls = [
                Call::Encode { dtype: F32, code_type, rules },
                Call::Decode { code_type, dtype: BF16 },
                Call::Convert { from: F32, to: F16, rules },
            ];
            for call in calls {
                assert_eq!(call.run(shape, &Heap::default(), &ctx).status, [Status::Ok]);
            }
        }
    }
    for shape in [Shape::new(0, 32), Shape::new(32, 0), Shape::new(0, 0)] {
        for (mode, axis) in MODES.into_iter().flat_map(|mode| [(mode, 0), (mode, 1)]) {
            let (dtype, group, half, rules, hostile) = (F16, mode.block, true, 0, false);
            let call = Call::Compress { dtype, mode, axis, group, half, rules, hostile };
            let outcome = call.run(shape, &Heap::default(), &ctx);
            assert_eq!(outcome.status, [Status::Ok; 4], "{call:?}");
            let written = |name| outcome.outputs.iter().find(|o| o.0 == name).unwrap().1.clone();
            assert!(written("tensor_scale").iter().all(|byte| *byte == 0xA5), "{call:?}");
        }
    }
    assert_eq!(reports.heard, []);
}

/// With one row there is no next one, so the distance to it is free.
#[test]
fn stride_of_a_single_row() {
    for row_stride in [usize::MAX, usize::MAX / 2, usize::MAX / 4 + 2] {
        let values = [1.0_f32, -3.0, 2.0];
        let data = values.as_ptr().cast();
        let (rows, cols, dtype, reserved) = (1, 3, F32, 0);
        let src = ffi::Matrix { data, rows, cols, row_stride, dtype, reserved };
        let mut out = [0.0_f32; 2];
        let [min, max] = &mut out;
        // SAFETY: the matrix has one row of three elements.
        let status =
            unsafe { ffi::ptqk_min_max(ptr::null(), &ffi::ReduceParams::DEFAULT, &src, min, max) };
        assert_eq!((status, out), (Status::Ok, [-3.0, 2.0]));
        let mut back = [0.0_f32; 3];
        let data = back.as_mut_ptr().cast();
        let dst = ffi::MatrixMut { data, rows, cols, row_stride, dtype, reserved };
        // SAFETY: as above.
        let status = unsafe {
            let (params, low, high) = (ffi::FakeQuantizeParams::DEFAULT, &-3.0, &2.0);
            ffi::ptqk_fake_quantize(ptr::null(), &params, &src, low, high, &dst)
        };
        assert_eq!((status, back[1], back[2]), (Status::Ok, -3.0, 2.0));
    }
}

#[test]
fn texts() {
    // SAFETY: the library's texts are static.
    let text = |p| unsafe { CStr::from_ptr(p) }.to_str().unwrap();
    let mut seen = Vec::new();
    for code in -8..=3 {
        let known = Status::from_code(code).is_some();
        let (name, message) =
            (text(ffi::ptqk_status_name(code)), text(ffi::ptqk_status_message(code)));
        assert_eq!(
            name.starts_with("PTQK_STATUS_") && name != "PTQK_STATUS_UNKNOWN",
            known,
            "{code}"
        );
        assert!(message.len() > 5 && !message.ends_with('.'), "{message}");
        assert!(!known || !seen.contains(&name), "{name} stands for two numbers");
        seen.push(name);
    }
    for code in [i32::MIN, i32::MAX] {
        assert_eq!(text(ffi::ptqk_status_name(code)), "PTQK_STATUS_UNKNOWN");
    }
    for (isa, name) in [(0, "scalar"), (1, "avx2"), (2, "avx512"), (3, "neon"), (4, "unknown")] {
        assert_eq!(text(ffi::ptqk_isa_name(isa)), name);
    }
}

/// The functions that the border exports, from its source.
fn exported() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ffi");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.is_file());
    let text: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let names = text.split("extern \"C\" fn ptqk_").skip(1);
    names.map(|rest| rest.split('(').next().unwrap().to_owned()).collect()
}

#[test]
fn every_function_is_tested() {
    let tests = concat!(include_str!("refusals.rs"), include_str!("outcomes.rs"));
    // Their refusals need more than this suite has.
    let elsewhere = concat!(
        include_str!("../codebook.rs"),
        include_str!("../abi.rs"),
        include_str!("../range/refusals.rs"),
        include_str!("../range/reducers.rs"),
        include_str!("../histogram/refusals.rs"),
        include_str!("../histogram/corruption.rs"),
        include_str!("../sketch.rs"),
        include_str!("../gptq/hessian.rs"),
        include_str!("../gptq/refusals.rs"),
        include_str!("../lora/apply.rs"),
        include_str!("../lora/refusals.rs"),
    );
    // These take no pointer and refuse nothing.
    let simple = ["version", "version_string", "numeric_version", "active_isa"];
    let names = exported();
    assert!(names.len() > 45, "{names:?}");
    for name in names {
        let own =
            [format!("fn {name}()"), format!("reduction!({name},"), format!("packing!({name},")];
        let known = own.iter().any(|own| tests.contains(own))
            || tests.contains(&format!("ptqk_{name}: "))
            || tests.contains(&format!("ptqk_{name}(code"))
            || tests.contains(&format!("ptqk_{name}(isa"));
        let known = known || elsewhere.contains(&format!("ptqk_{name}"));
        assert!(known || simple.contains(&name.as_str()), "ptqk_{name} has no test");
    }
}
