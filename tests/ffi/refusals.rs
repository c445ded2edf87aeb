//! Each argument of each function, wrong in turn. A test has the name of its function.

use crate::calls::*;
use crate::harness::*;
use crate::tables::on_every_table;
use crate::views::{resize, span};
use ptqk::ffi::{self, *};
use std::ffi::c_void;
use std::ptr;

const ROWS: usize = 5;
/// Whole blocks of every weight mode.
const COLS: usize = 32;

fn matrix(arena: &mut Arena, dtype: u32) -> By<Matrix> {
    let bytes = arena.fill(0x3C_u8, (ROWS * (COLS + 2)) * dtype_bytes(dtype));
    let data = bytes.cast_const().cast();
    By::Value(Matrix { data, rows: ROWS, cols: COLS, row_stride: COLS + 2, dtype, reserved: 0 })
}

fn matrix_mut(arena: &mut Arena, dtype: u32) -> By<MatrixMut> {
    let data = arena.space::<u8>(ROWS * (COLS + 2) * dtype_bytes(dtype)).cast();
    By::Value(MatrixMut { data, rows: ROWS, cols: COLS, row_stride: COLS + 2, dtype, reserved: 0 })
}

fn codes(arena: &mut Arena, code_type: u32) -> By<Codes> {
    let row_stride_bytes = code_row_bytes(code_type, COLS) + 2;
    let data = arena.fill(0x21_u8, ROWS * row_stride_bytes).cast_const().cast();
    By::Value(Codes { data, rows: ROWS, cols: COLS, row_stride_bytes, code_type, reserved: 0 })
}

fn codes_mut(arena: &mut Arena, code_type: u32) -> By<CodesMut> {
    let row_stride_bytes = code_row_bytes(code_type, COLS) + 2;
    let data = arena.space::<u8>(ROWS * row_stride_bytes).cast();
    By::Value(CodesMut { data, rows: ROWS, cols: COLS, row_stride_bytes, code_type, reserved: 0 })
}

fn accumulators(arena: &mut Arena) -> By<Accumulators> {
    let data = arena.fill(77_i32, ROWS * (COLS + 2)).cast_const();
    By::Value(Accumulators { data, rows: ROWS, cols: COLS, row_stride: COLS + 2 })
}

fn place<V: crate::views::View>(view: &By<V>) -> (*const u8, usize) {
    let By::Value(view) = view else { panic!("a view") };
    (ptr::with_exposed_provenance(view.data()), span(*view))
}

const NOT_FINITE: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
const BAD_SCALES: [f32; 5] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0];

function! { Quantize = ptqk_quantize {
    params: By<QuantizeParams>, src: By<Matrix>, scale: *const f32, zero_point: *const i32,
    dst: By<CodesMut>,
} }

#[test]
fn quantize() {
    for (dtype, code_type) in [(F32, I8), (F16, I16), (BF16, U3)] {
        let mut arena = Arena::new();
        let params = QuantizeParams { granularity: COLUMN, ..QuantizeParams::DEFAULT };
        let scale = arena.fill(0.5_f32, COLS);
        let zero_point = arena.fill(1_i32, COLS);
        let src = matrix(&mut arena, dtype);
        let dst = codes_mut(&mut arena, code_type);
        let good = Quantize { params: By::Value(params), src, scale, zero_point, dst };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.input("scale", |a| &mut a.scale);
        suite.accept("no zero points", |a| a.zero_point = ptr::null());
        let odd = |a: &mut Quantize| a.zero_point = a.zero_point.wrapping_byte_add(2);
        suite.refuse("zero points odd", odd, wrong(Status::Misaligned, "zero_point"));

        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        suite.field(
            "zero_point_rounding",
            |a| &mut a.params.value().zero_point_rounding,
            &[2, u32::MAX],
        );
        let grouped = |a: &mut Quantize, group: u32| {
            (a.params.value().granularity, a.params.value().group_size) = (GROUP, group);
        };
        suite.refuse("no group", |a| grouped(a, 0), param("group_size", 0));
        suite.accept("a huge group", |a| grouped(a, u32::MAX));
        let (low, high) = code_range(code_type);
        for (min, max) in [(3, 2), (high + 1, i32::MAX), (i32::MIN, low - 1), (i32::MAX, i32::MIN)]
        {
            let change = |a: &mut Quantize| {
                (a.params.value().code_min, a.params.value().code_max) = (min, max);
            };
            suite.refuse("no codes", change, param("code_min", min));
        }
        let invalid = Status::InvalidParameter;
        suite.refuse_element("scale", invalid, (scale, 6), &BAD_SCALES);
        let bad = [low - 1, high + 1, i32::MIN, i32::MAX];
        suite.refuse_element("zero_point", invalid, (zero_point, 3), &bad);

        let (src, bytes) = (place(&good.src), place(&good.dst).1);
        for other in [src, (scale.cast(), 4 * COLS), (zero_point.cast(), 4 * COLS)] {
            if code_type == I16 {
                suite.overlap::<u16>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
            } else {
                suite.overlap::<u8>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
            }
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            (a.scale, a.zero_point) = (ptr::null(), ptr::null());
        });
    }
}

/// Codes that are not integers: no zero point, no code range, no E8M0.
macro_rules! scaled_floats {
    ($suite:ident, $name:ident, $codes:ident, $zero_point:expr) => {
        for place in [$zero_point, $zero_point.wrapping_byte_add(1)] {
            let expect = wrong(Status::InvalidParameter, "zero_point");
            $suite.refuse("zero points of floats", |a| a.zero_point = place, expect);
        }
        $suite.accept("fields that are not read", |a| {
            let params = a.params.value();
            (params.code_min, params.code_max, params.zero_point_rounding) = (9, -9, 77);
        });
        let change = |a: &mut $name| {
            let codes = a.$codes.value();
            (codes.code_type, codes.row_stride_bytes) = (E8M0, COLS);
        };
        let name = stringify!($codes);
        let expect = wrong(Status::InvalidParameter, name).field("code_type").value(E8M0);
        $suite.refuse("powers of two", change, expect);
    };
}

#[test]
fn quantize_to_floats() {
    for (dtype, code_type) in SIGNED.into_iter().chain([NF4]).enumerate() {
        let mut arena = Arena::new();
        let params = QuantizeParams { granularity: COLUMN, ..QuantizeParams::DEFAULT };
        let scale = arena.fill(0.5_f32, COLS);
        let zero_point = arena.fill(0_i32, COLS).cast_const();
        let src = matrix(&mut arena, dtype as u32 % 3);
        let dst = codes_mut(&mut arena, code_type);
        let null = ptr::null();
        let good = Quantize { params: By::Value(params), src, scale, zero_point: null, dst };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.input("scale", |a| &mut a.scale);
        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        let grouped = |a: &mut Quantize| a.params.value().granularity = GROUP;
        suite.refuse("no group", grouped, param("group_size", 0));
        suite.refuse_element("scale", Status::InvalidParameter, (scale, 6), &BAD_SCALES);
        scaled_floats!(suite, Quantize, dst, zero_point);
        let bytes = place(&good.dst).1;
        for other in [place(&good.src), (scale.cast_const().cast(), 4 * COLS)] {
            suite.overlap::<u8>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            a.scale = ptr::null();
        });
    }
}

function! { Dequantize = ptqk_dequantize {
    params: By<QuantizeParams>, src: By<Codes>, scale: *const f32, zero_point: *const i32,
    dst: By<MatrixMut>,
} }

#[test]
fn dequantize() {
    for (dtype, code_type) in [(F32, U8), (F16, U16), (BF16, I4), (F32, U2)] {
        let mut arena = Arena::new();
        let params = QuantizeParams { granularity: ROW, ..QuantizeParams::DEFAULT };
        let scale = arena.fill(0.5_f32, ROWS);
        let zero_point = arena.fill(1_i32, ROWS);
        let src = codes(&mut arena, code_type);
        let dst = matrix_mut(&mut arena, dtype);
        let good = Dequantize { params: By::Value(params), src, scale, zero_point, dst };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.input("scale", |a| &mut a.scale);
        suite.accept("no zero points", |a| a.zero_point = ptr::null());
        let odd = |a: &mut Dequantize| a.zero_point = a.zero_point.wrapping_byte_add(1);
        suite.refuse("zero points odd", odd, wrong(Status::Misaligned, "zero_point"));

        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        let grouped = |a: &mut Dequantize| a.params.value().granularity = GROUP;
        suite.refuse("no group", grouped, param("group_size", 0));
        suite.accept("fields that are not read", |a| {
            let params = a.params.value();
            (params.code_min, params.code_max, params.zero_point_rounding) = (9, -9, 77);
        });
        let (low, high) = code_range(code_type);
        let invalid = Status::InvalidParameter;
        suite.refuse_element("scale", invalid, (scale, 4), &BAD_SCALES);
        suite.refuse_element("zero_point", invalid, (zero_point, 0), &[low - 1, high + 1]);

        let (src, bytes) = (place(&good.src), place(&good.dst).1);
        for other in [src, (scale.cast(), 4 * ROWS), (zero_point.cast(), 4 * ROWS)] {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            (a.scale, a.zero_point) = (ptr::null(), ptr::null());
        });
    }
}

#[test]
fn dequantize_from_floats() {
    for (dtype, code_type) in SIGNED.into_iter().chain([NF4]).enumerate() {
        let mut arena = Arena::new();
        let params = QuantizeParams { granularity: ROW, ..QuantizeParams::DEFAULT };
        let scale = arena.fill(0.5_f32, ROWS);
        let zero_point = arena.fill(0_i32, ROWS).cast_const();
        let src = codes(&mut arena, code_type);
        let dst = matrix_mut(&mut arena, dtype as u32 % 3);
        let null = ptr::null();
        let good = Dequantize { params: By::Value(params), src, scale, zero_point: null, dst };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.input("scale", |a| &mut a.scale);
        suite.refuse_element("scale", Status::InvalidParameter, (scale, 4), &BAD_SCALES);
        scaled_floats!(suite, Dequantize, src, zero_point);
        let bytes = place(&good.dst).1;
        for other in [place(&good.src), (scale.cast_const().cast(), 4 * ROWS)] {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            a.scale = ptr::null();
        });
    }
}

function! { Encode = ptqk_encode {
    params: By<ConvertParams>, src: By<Matrix>, dst: By<CodesMut>,
} }

/// Codes of a type that the function does not take.
macro_rules! no_codes {
    ($suite:ident, $name:ident, $codes:ident, $types:expr) => {
        for bad in $types {
            let change = |a: &mut $name| {
                let codes = a.$codes.value();
                (codes.code_type, codes.row_stride_bytes) = (bad, 2 * COLS);
            };
            let name = stringify!($codes);
            let expect = wrong(Status::InvalidParameter, name).field("code_type").value(bad);
            $suite.refuse("a code type", change, expect);
        }
    };
}

/// The fields that all destinations have.
macro_rules! convert_params {
    ($suite:ident) => {
        $suite.params(|a| &mut a.params);
        $suite.field("overflow", |a| &mut a.params.value().overflow, &[2, u32::MAX]);
        $suite.field("nan_rule", |a| &mut a.params.value().nan_rule, &[2, u32::MAX]);
        $suite.field("rounding", |a| &mut a.params.value().rounding, &[4, u32::MAX]);
        $suite.accept("any seed", |a| a.params.value().seed = u64::MAX);
    };
}

#[test]
fn encode() {
    for (dtype, code_type) in FLOATS.into_iter().enumerate() {
        let mut arena = Arena::new();
        let src = matrix(&mut arena, dtype as u32 % 3);
        let dst = codes_mut(&mut arena, code_type);
        let good = Encode { params: By::Value(ConvertParams::DEFAULT), src, dst };
        let mut suite = Suite::new(arena, good);
        convert_params!(suite);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        no_codes!(suite, Encode, dst, INTEGERS);
        let allowed = Rules::all(Some(code_type));
        for rounding in [NEAREST, STOCHASTIC, UP, DOWN] {
            let change = |a: &mut Encode| a.params.value().rounding = rounding;
            if allowed.iter().any(|rules| rules.rounding == rounding) {
                suite.accept("rounding", change);
            } else {
                suite.refuse("rounding", change, param("rounding", rounding));
            }
        }
        let bytes = place(&good.dst).1;
        let set = |a: &mut Encode, p: *mut u8| a.dst.value().data = p.cast();
        suite.overlap("dst", set, bytes, place(&good.src));
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
        });
    }
}

function! { Decode = ptqk_decode { src: By<Codes>, dst: By<MatrixMut> } }

#[test]
fn decode() {
    for (dtype, code_type) in FLOATS.into_iter().enumerate() {
        let mut arena = Arena::new();
        let src = codes(&mut arena, code_type);
        let good = Decode { src, dst: matrix_mut(&mut arena, dtype as u32 % 3) };
        let mut suite = Suite::new(arena, good);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        no_codes!(suite, Decode, src, INTEGERS);
        let bytes = place(&good.dst).1;
        let set = |a: &mut Decode, p: *mut f32| a.dst.value().data = p.cast();
        suite.overlap("dst", set, bytes, place(&good.src));
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
        });
    }
}

function! { Convert = ptqk_convert {
    params: By<ConvertParams>, src: By<Matrix>, dst: By<MatrixMut>,
} }

#[test]
fn convert() {
    for (from, to) in
        [F32, F16, BF16].into_iter().flat_map(|from| [F32, F16, BF16].map(|to| (from, to)))
    {
        let mut arena = Arena::new();
        let (src, dst) = (matrix(&mut arena, from), matrix_mut(&mut arena, to));
        let good = Convert { params: By::Value(ConvertParams::DEFAULT), src, dst };
        let mut suite = Suite::new(arena, good);
        convert_params!(suite);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.field("rounding", |a| &mut a.params.value().rounding, &[UP, DOWN]);
        suite.accept("stochastic", |a| a.params.value().rounding = STOCHASTIC);
        let bytes = place(&good.dst).1;
        let set = |a: &mut Convert, p: *mut f32| a.dst.value().data = p.cast();
        suite.overlap("dst", set, bytes, place(&good.src));
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
        });
    }
}

function! { FakeConvert = ptqk_fake_convert {
    params: By<FakeConvertParams>, src: By<Matrix>, scale: *const f32, shift: *const f32,
    dst: By<MatrixMut>,
} }

#[test]
fn fake_convert() {
    for (from, to, destination_type) in
        [(F32, F32, E4M3), (F16, F16, E5M2), (BF16, F32, E4M3_FNUZ), (BF16, BF16, E2M1)]
    {
        let mut arena = Arena::new();
        let granularity = COLUMN;
        let params =
            FakeConvertParams { granularity, destination_type, ..FakeConvertParams::DEFAULT };
        let scale = arena.fill(2.0_f32, COLS).cast_const();
        let shift = arena.fill(0.5_f32, COLS).cast_const();
        let src = matrix(&mut arena, from);
        let dst = matrix_mut(&mut arena, to);
        let good = FakeConvert { params: By::Value(params), src, scale, shift, dst };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.input("scale", |a| &mut a.scale);
        suite.accept("no shifts", |a| a.shift = ptr::null());
        let odd = |a: &mut FakeConvert| a.shift = a.shift.wrapping_byte_add(1);
        suite.refuse("shifts odd", odd, wrong(Status::Misaligned, "shift"));
        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        suite.field("nan_rule", |a| &mut a.params.value().nan_rule, &[2, u32::MAX]);
        let bad = [&INTEGERS[..], &[E8M0, NF4, 17, u32::MAX]].concat();
        suite.field("destination_type", |a| &mut a.params.value().destination_type, &bad);
        for destination in SIGNED {
            suite.accept("a float type", |a| a.params.value().destination_type = destination);
        }
        let grouped = |a: &mut FakeConvert| a.params.value().granularity = GROUP;
        suite.refuse("no group", grouped, param("group_size", 0));
        let invalid = Status::InvalidParameter;
        suite.refuse_element("scale", invalid, (scale, 2), &BAD_SCALES);
        suite.refuse_element("shift", invalid, (shift, 7), &NOT_FINITE);

        let (src, bytes) = (place(&good.src), place(&good.dst).1);
        for other in [(scale.cast(), 4 * COLS), (shift.cast(), 4 * COLS)] {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        if from == to {
            let here = |a: &mut FakeConvert| a.dst.value().data = a.src.value().data.cast_mut();
            suite.accept("in place", here);
            let strided = |a: &mut FakeConvert| {
                here(a);
                a.dst.value().row_stride -= 1;
            };
            suite.refuse("in place, another stride", strided, wrong(Status::Overlap, "dst"));
            let other = |a: &mut FakeConvert| {
                here(a);
                a.dst.value().dtype = if a.src.value().dtype == BF16 { F16 } else { BF16 };
            };
            suite.refuse("in place, another type", other, wrong(Status::Overlap, "dst"));
            for at in [-4_isize, 4, src.1 as isize - 4] {
                let change = |a: &mut FakeConvert| {
                    let data = a.src.value().data.cast_mut();
                    a.dst.value().data = data.wrapping_byte_offset(at);
                };
                suite.refuse("half in place", change, wrong(Status::Overlap, "dst"));
            }
        } else {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, src);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            (a.scale, a.shift) = (ptr::null(), ptr::null());
        });
    }
}

function! { Fp8ScaleFromMinMax = ptqk_fp8_scale_from_min_max {
    params: By<Fp8Params>, min: *const f32, max: *const f32, channels: usize, scale: *mut f32,
} }

#[test]
fn fp8_scale_from_min_max() {
    const N: usize = 4;
    let mut arena = Arena::new();
    let params = Fp8Params { per_channel: 1, ..Fp8Params::DEFAULT };
    let (min, max) = (arena.fill(-1.0_f32, N).cast_const(), arena.fill(1.0_f32, N).cast_const());
    let scale = arena.space(N);
    let good = Fp8ScaleFromMinMax { params: By::Value(params), min, max, channels: N, scale };
    let mut suite = Suite::new(arena, good);
    suite.params(|a| &mut a.params);
    let bad = [&INTEGERS[..], &[E8M0, NF4, 17, u32::MAX]].concat();
    suite.field("destination_type", |a| &mut a.params.value().destination_type, &bad);
    suite.field("per_channel", |a| &mut a.params.value().per_channel, &[2, u32::MAX]);
    for bad in [0.0, -0.0, -0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let change = |a: &mut Fp8ScaleFromMinMax| a.params.value().activation_scale = bad;
        suite.refuse("activation_scale", change, param("activation_scale", bad));
    }
    let tensor = |a: &mut Fp8ScaleFromMinMax| a.params.value().per_channel = 0;
    let expect = wrong(Status::InvalidShape, "channels").value(N as f64);
    suite.refuse("channels of a tensor", tensor, expect);
    suite.accept("a tensor", |a| {
        tensor(a);
        a.channels = 1;
    });
    suite.input("min", |a| &mut a.min);
    suite.input("max", |a| &mut a.max);
    suite.output("scale", |a| &mut a.scale);
    suite.length("min", |a| &mut a.channels, 4);
    suite.refuse_element("min", Status::NotFinite, (min, 3), &NOT_FINITE);
    suite.refuse_element("max", Status::NotFinite, (max, 2), &NOT_FINITE);
    suite.refuse_element("min", Status::InvalidParameter, (min, 1), &[1.5]);
    for other in [(min.cast(), 4 * N), (max.cast(), 4 * N)] {
        suite.overlap("scale", |a, p| a.scale = p, 4 * N, other);
    }
    suite.nothing("no channels", |a| {
        (a.channels, a.min, a.max, a.scale) = (0, ptr::null(), ptr::null(), ptr::null_mut());
    });
}

function! { FakeQuantize = ptqk_fake_quantize {
    params: By<FakeQuantizeParams>, src: By<Matrix>, low: *const f32, high: *const f32,
    dst: By<MatrixMut>,
} }

#[test]
fn fake_quantize() {
    for (from, to) in [(F32, F32), (F16, F16), (BF16, F32)] {
        let mut arena = Arena::new();
        let params = FakeQuantizeParams { granularity: COLUMN, ..FakeQuantizeParams::DEFAULT };
        let low = arena.fill(-1.0_f32, COLS);
        let high = arena.fill(1.0_f32, COLS);
        let src = matrix(&mut arena, from);
        let dst = matrix_mut(&mut arena, to);
        let good = FakeQuantize { params: By::Value(params), src, low, high, dst };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, Some("dst"));
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        suite.input("low", |a| &mut a.low);
        suite.input("high", |a| &mut a.high);
        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        suite.field("levels", |a| &mut a.params.value().levels, &[0, 1, 65537, u32::MAX]);
        let grouped = |a: &mut FakeQuantize| a.params.value().granularity = GROUP;
        suite.refuse("no group", grouped, param("group_size", 0));
        let invalid = Status::InvalidParameter;
        suite.refuse_element("low", invalid, (low, 2), &NOT_FINITE);
        suite.refuse_element("high", invalid, (high, 7), &NOT_FINITE);
        suite.refuse_element("low", invalid, (low, 5), &[1.5]);

        let (src, bytes) = (place(&good.src), place(&good.dst).1);
        for other in [(low.cast_const().cast(), 4 * COLS), (high.cast_const().cast(), 4 * COLS)] {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        if from == to {
            let here = |a: &mut FakeQuantize| a.dst.value().data = a.src.value().data.cast_mut();
            suite.accept("in place", here);
            let strided = |a: &mut FakeQuantize| {
                here(a);
                a.dst.value().row_stride -= 1;
            };
            suite.refuse("in place, another stride", strided, wrong(Status::Overlap, "dst"));
            let other = |a: &mut FakeQuantize| {
                here(a);
                a.dst.value().dtype = if a.src.value().dtype == BF16 { F16 } else { BF16 };
            };
            suite.refuse("in place, another type", other, wrong(Status::Overlap, "dst"));
            for at in [-4_isize, 4, src.1 as isize - 4] {
                let change = |a: &mut FakeQuantize| {
                    let data = a.src.value().data.cast_mut();
                    a.dst.value().data = data.wrapping_byte_offset(at);
                };
                suite.refuse("half in place", change, wrong(Status::Overlap, "dst"));
            }
        } else {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, src);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            (a.low, a.high) = (ptr::null(), ptr::null());
        });
    }
}

function! { MinMax = ptqk_min_max {
    params: By<ReduceParams>, src: By<Matrix>, min: *mut f32, max: *mut f32,
} }

#[test]
fn min_max() {
    for (dtype, granularity) in [(F32, ROW), (F16, TENSOR), (BF16, COLUMN)] {
        let mut arena = Arena::new();
        let params = ReduceParams { granularity, ..ReduceParams::DEFAULT };
        let (min, max) = (arena.space(COLS), arena.space(COLS));
        let good = MinMax { params: By::Value(params), src: matrix(&mut arena, dtype), min, max };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, None);
        suite.output("min", |a| &mut a.min);
        suite.output("max", |a| &mut a.max);
        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        suite.field("reserved", |a| &mut a.params.value().reserved, &[1, u32::MAX]);
        let grouped = |a: &mut MinMax| a.params.value().granularity = GROUP;
        suite.refuse("no group", grouped, param("group_size", 0));
        let bytes = 4 * Shape::new(ROWS, COLS).count((granularity, 0));
        let src = place(&good.src);
        suite.overlap("min", |a, p| a.min = p, bytes, src);
        suite.overlap("max", |a, p| a.max = p, bytes, src);
        suite.overlap("min", |a, p| a.min = p, bytes, (max.cast(), bytes));
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            (a.min, a.max) = (ptr::null_mut(), ptr::null_mut());
        });
    }
}

macro_rules! reduction {
    ($test:ident, $name:ident = $ffi:ident) => {
        function! { $name = $ffi { params: By<ReduceParams>, src: By<Matrix>, $test: *mut f32 } }

        #[test]
        fn $test() {
            let argument = stringify!($test);
            for (dtype, granularity) in [(F32, COLUMN), (F16, TENSOR), (BF16, ROW)] {
                let mut arena = Arena::new();
                let params = ReduceParams { granularity, ..ReduceParams::DEFAULT };
                let src = matrix(&mut arena, dtype);
                let good = $name { params: By::Value(params), src, $test: arena.space(COLS) };
                let mut suite = Suite::new(arena, good);
                suite.params(|a| &mut a.params);
                suite.view("src", |a| &mut a.src, None);
                suite.output(argument, |a| &mut a.$test);
                suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
                suite.field("reserved", |a| &mut a.params.value().reserved, &[1, u32::MAX]);
                let grouped = |a: &mut $name| a.params.value().granularity = GROUP;
                suite.refuse("no group", grouped, param("group_size", 0));
                let bytes = 4 * Shape::new(ROWS, COLS).count((granularity, 0));
                suite.overlap(argument, |a, p| a.$test = p, bytes, place(&good.src));
                suite.empty(|a, rows, cols| {
                    resize(&mut a.src, rows, cols);
                    a.$test = ptr::null_mut();
                });
            }
        }
    };
}

reduction!(abs_max, AbsMax = ptqk_abs_max);
reduction!(sum, Sum = ptqk_sum);
reduction!(mean, Mean = ptqk_mean);
reduction!(variance, Variance = ptqk_variance);

function! { Quantile = ptqk_quantile {
    params: By<QuantileParams>, src: By<Matrix>, probabilities: *const f64, count: usize,
    scratch: *mut f32, scratch_len: usize, quantiles: *mut f32,
} }

#[test]
fn quantile() {
    for (dtype, granularity) in [(F32, COLUMN), (F16, TENSOR), (BF16, ROW)] {
        let mut arena = Arena::new();
        let params = QuantileParams { granularity, ..QuantileParams::DEFAULT };
        let src = matrix(&mut arena, dtype);
        let (count, scratch_len) = (2, 500);
        let good = Quantile {
            params: By::Value(params),
            src,
            probabilities: arena.fill(0.5_f64, count),
            count,
            scratch: arena.space(scratch_len),
            scratch_len,
            quantiles: arena.space(COLS * count),
        };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("src", |a| &mut a.src, None);
        suite.output("quantiles", |a| &mut a.quantiles);
        suite.field("granularity", |a| &mut a.params.value().granularity, &[4, u32::MAX]);
        suite.field("magnitude", |a| &mut a.params.value().magnitude, &[2, u32::MAX]);
        let grouped = |a: &mut Quantile| a.params.value().granularity = GROUP;
        suite.refuse("no group", grouped, param("group_size", 0));
        for bad in [-1e-9, 1.000_000_1, f64::NAN, f64::INFINITY] {
            let one = [0.5, bad];
            let change = |a: &mut Quantile| a.probabilities = one.as_ptr();
            let expect = wrong(Status::InvalidParameter, "probabilities").index(1);
            suite.refuse("a probability", change, expect);
        }
        let null = |a: &mut Quantile| a.probabilities = ptr::null();
        suite.refuse("none", null, wrong(Status::NullPointer, "probabilities"));
        let odd = |a: &mut Quantile| a.scratch = a.scratch.wrapping_byte_add(1);
        suite.refuse("scratch odd", odd, wrong(Status::Misaligned, "scratch"));
        suite.accept("no scratch", |a| a.scratch = ptr::null_mut());
        let bytes = 4 * count * Shape::new(ROWS, COLS).count((granularity, 0));
        for other in [place(&good.src), (good.probabilities.cast(), 8 * count)] {
            suite.overlap("quantiles", |a, p| a.quantiles = p, bytes, other);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            a.quantiles = ptr::null_mut();
        });
    }
}

function! { Requantize = ptqk_requantize {
    params: By<RequantizeParams>, src: By<Accumulators>, scale: *const f32, dst: By<CodesMut>,
} }

function! { RequantizeFixed = ptqk_requantize_fixed {
    params: By<RequantizeParams>, src: By<Accumulators>, multiplier: *const i32,
    shift: *const i32, dst: By<CodesMut>,
} }

macro_rules! requantization {
    ($suite:ident, $name:ident, $code_type:ident) => {
        $suite.params(|a| &mut a.params);
        $suite.view("src", |a| &mut a.src, Some("dst"));
        $suite.view("dst", |a| &mut a.dst, Some("dst"));
        $suite.field("granularity", |a| &mut a.params.value().granularity, &[3, 4, u32::MAX]);
        $suite.field("fixed_point", |a| &mut a.params.value().fixed_point, &[2, u32::MAX]);
        let (low, high) = code_range($code_type);
        for bad in [low - 1, high + 1, i32::MIN, i32::MAX] {
            let change = |a: &mut $name| a.params.value().zero_point = bad;
            $suite.refuse("zero_point", change, param("zero_point", bad));
        }
        for (min, max) in [(3, 2), (high + 1, i32::MAX), (i32::MIN, low - 1)] {
            let change = |a: &mut $name| {
                (a.params.value().code_min, a.params.value().code_max) = (min, max);
            };
            $suite.refuse("no codes", change, param("code_min", min));
        }
        no_codes!($suite, $name, dst, SCALED.into_iter().skip(2).chain([E8M0]));
    };
}

#[test]
fn requantize() {
    for code_type in [I8, U8] {
        let mut arena = Arena::new();
        let params = RequantizeParams { granularity: COLUMN, ..RequantizeParams::DEFAULT };
        let scale = arena.fill(0.5_f32, COLS).cast_const();
        let src = accumulators(&mut arena);
        let dst = codes_mut(&mut arena, code_type);
        let good = Requantize { params: By::Value(params), src, scale, dst };
        let mut suite = Suite::new(arena, good);
        requantization!(suite, Requantize, code_type);
        suite.input("scale", |a| &mut a.scale);
        suite.refuse_element("scale", Status::InvalidParameter, (scale, 7), &NOT_FINITE);
        let bytes = place(&good.dst).1;
        for other in [place(&good.src), (scale.cast(), 4 * COLS)] {
            suite.overlap::<u8>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            a.scale = ptr::null();
        });
    }
}

#[test]
fn requantize_fixed() {
    for code_type in [I8, U8] {
        let mut arena = Arena::new();
        let params = RequantizeParams { granularity: ROW, ..RequantizeParams::DEFAULT };
        let multiplier = arena.fill(1_i32 << 30, ROWS).cast_const();
        let shift = arena.fill(-3_i32, ROWS).cast_const();
        let src = accumulators(&mut arena);
        let dst = codes_mut(&mut arena, code_type);
        let good = RequantizeFixed { params: By::Value(params), src, multiplier, shift, dst };
        let mut suite = Suite::new(arena, good);
        requantization!(suite, RequantizeFixed, code_type);
        suite.input("multiplier", |a| &mut a.multiplier);
        suite.input("shift", |a| &mut a.shift);
        let invalid = Status::InvalidParameter;
        suite.refuse_element("multiplier", invalid, (multiplier, 1), &[-1, i32::MIN]);
        suite.refuse_element("shift", invalid, (shift, 4), &[-32, 31, i32::MIN, i32::MAX]);
        let bytes = place(&good.dst).1;
        for other in [place(&good.src), (multiplier.cast(), 4 * ROWS), (shift.cast(), 4 * ROWS)] {
            suite.overlap::<u8>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        suite.empty(|a, rows, cols| {
            resize(&mut a.src, rows, cols);
            resize(&mut a.dst, rows, cols);
            (a.multiplier, a.shift) = (ptr::null(), ptr::null());
        });
    }
}

function! { QuantizeMultiplier = ptqk_quantize_multiplier {
    scale: f64, multiplier: *mut i32, shift: *mut i32,
} }

#[test]
fn quantize_multiplier() {
    let mut arena = Arena::new();
    let (multiplier, shift) = (arena.space(1), arena.space(1));
    let mut suite = Suite::new(arena, QuantizeMultiplier { scale: 0.3, multiplier, shift });
    suite.output("multiplier", |a| &mut a.multiplier);
    suite.output("shift", |a| &mut a.shift);
    suite.overlap("multiplier", |a, p| a.multiplier = p, 4, (shift.cast(), 4));
    let two_to_30 = 1_073_741_824.0;
    for bad in [-1.0, -1e-300, two_to_30, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let expect = wrong(Status::InvalidParameter, "scale").value(bad);
        suite.refuse("scale", |a| a.scale = bad, expect);
    }
}

function! { CodesRowBytes = ptqk_codes_row_bytes { code_type: u32, cols: usize, bytes: *mut usize } }

#[test]
fn codes_row_bytes() {
    let mut arena = Arena::new();
    let good = CodesRowBytes { code_type: U3, cols: 9, bytes: arena.space(1) };
    let mut suite = Suite::new(arena, good);
    suite.output("bytes", |a| &mut a.bytes);
    for bad in [17, 18, u32::MAX] {
        let expect = wrong(Status::InvalidParameter, "code_type").value(bad);
        suite.refuse("code_type", |a| a.code_type = bad, expect);
    }
    for code_type in INTEGERS.into_iter().chain(FLOATS) {
        let change = |a: &mut CodesRowBytes| a.code_type = code_type;
        suite.accept("a code type", change);
        let mut bytes = 0;
        // SAFETY: `bytes` is a place for the answer.
        let status = unsafe { ffi::ptqk_codes_row_bytes(ptr::null(), code_type, 9, &mut bytes) };
        assert_eq!((status, bytes), (Status::Ok, code_row_bytes(code_type, 9)));
    }
    for code_type in [I16, U16] {
        let change = |a: &mut CodesRowBytes| (a.code_type, a.cols) = (code_type, usize::MAX);
        suite.refuse("overflow", change, wrong(Status::SizeOverflow, "cols"));
    }
    suite.accept("no codes", |a| a.cols = 0);
}

function! { Pack = ptqk_pack { code_type: u32, codes: *const u8, len: usize, packed: *mut u8 } }
function! { Unpack = ptqk_unpack { code_type: u32, packed: *const u8, len: usize, codes: *mut u8 } }

macro_rules! packing {
    ($test:ident, $name:ident, $from:ident, $to:ident) => {
        #[test]
        fn $test() {
            let types = INTEGERS.into_iter().chain(FLOATS);
            for code_type in types.filter(|code_type| code_bytes(*code_type) == 1) {
                let mut arena = Arena::new();
                let len = 13;
                let bytes = [("codes", len), ("packed", code_row_bytes(code_type, len))];
                let size = |name| bytes.into_iter().find(|b| b.0 == name).unwrap().1;
                let (from, to) = (stringify!($from), stringify!($to));
                let $from = arena.fill(0x59_u8, size(from)).cast_const();
                let $to = arena.space(size(to));
                let good = $name { code_type, $from, len, $to };
                let mut suite = Suite::new(arena, good);
                suite.input(from, |a| &mut a.$from);
                suite.output(to, |a| &mut a.$to);
                for bad in [I16, U16, 17, u32::MAX] {
                    let expect = wrong(Status::InvalidParameter, "code_type").value(bad);
                    suite.refuse("code_type", |a| a.code_type = bad, expect);
                }
                if !is_packed(code_type) {
                    suite.length(from, |a| &mut a.len, 1);
                } else {
                    // Whichever of the two arrays is looked at first.
                    let args = $name { len: usize::MAX, ..good };
                    assert_eq!(args.call(ptr::null()), Status::SizeOverflow);
                }
                suite.overlap(to, |a, p| a.$to = p, size(to), ($from, size(from)));
                suite.nothing("no codes", |a| {
                    (a.len, a.$from, a.$to) = (0, ptr::null(), ptr::null_mut());
                });
            }
        }
    };
}

packing!(pack, Pack, codes, packed);
packing!(unpack, Unpack, packed, codes);

function! { QuantizerFromMinMax = ptqk_quantizer_from_min_max {
    params: By<QuantizationParams>, min: *const f32, max: *const f32, channels: usize,
    low: *mut f32, high: *mut f32, scale: *mut f32, zero_point: *mut i32, grid: *mut QuantizerGrid,
} }

#[test]
fn quantizer_from_min_max() {
    const N: usize = 4;
    for scheme in [0, 1] {
        let mut arena = Arena::new();
        let params = QuantizationParams { scheme, per_channel: 1, ..QuantizationParams::DEFAULT };
        let (min, max) =
            (arena.fill(-1.0_f32, N).cast_const(), arena.fill(1.0_f32, N).cast_const());
        let good = QuantizerFromMinMax {
            params: By::Value(params),
            min,
            max,
            channels: N,
            low: arena.space(N),
            high: arena.space(N),
            scale: arena.space(N),
            zero_point: arena.space(N),
            grid: arena.space(1),
        };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.field("num_bits", |a| &mut a.params.value().num_bits, &[0, 1, 17, u32::MAX]);
        suite.field("scheme", |a| &mut a.params.value().scheme, &[2, u32::MAX]);
        suite.field(
            "signedness_to_force",
            |a| &mut a.params.value().signedness_to_force,
            &[3, u32::MAX],
        );
        suite.field("per_channel", |a| &mut a.params.value().per_channel, &[2, u32::MAX]);
        suite.field("narrow_range", |a| &mut a.params.value().narrow_range, &[2, u32::MAX]);
        suite.field("overflow_fix", |a| &mut a.params.value().overflow_fix, &[3, u32::MAX]);
        suite.field("is_first_layer", |a| &mut a.params.value().is_first_layer, &[2, u32::MAX]);
        for (fix, first) in [(1, 0), (2, 1)] {
            let fixed = |a: &mut QuantizerFromMinMax| {
                (a.params.value().overflow_fix, a.params.value().is_first_layer) = (fix, first);
            };
            if scheme == 1 {
                suite.refuse("a fix of unsigned codes", fixed, param("overflow_fix", fix));
            } else {
                suite.accept("half of the range", fixed);
                let two = |a: &mut QuantizerFromMinMax| {
                    fixed(a);
                    a.params.value().num_bits = 2;
                };
                suite.refuse("half of 2 bits", two, param("overflow_fix", fix));
            }
        }
        let tensor = |a: &mut QuantizerFromMinMax| a.params.value().per_channel = 0;
        let expect = wrong(Status::InvalidShape, "channels").value(N as f64);
        suite.refuse("channels of a tensor", tensor, expect);

        suite.input("min", |a| &mut a.min);
        suite.input("max", |a| &mut a.max);
        suite.length("min", |a| &mut a.channels, 4);
        suite.refuse_element("min", Status::NotFinite, (min, 3), &NOT_FINITE);
        suite.refuse_element("max", Status::NotFinite, (max, 2), &NOT_FINITE);
        suite.refuse_element("min", Status::InvalidParameter, (min, 1), &[1.5]);
        if scheme == 0 {
            let negative = |_: &mut QuantizerFromMinMax| ();
            // SAFETY: the arena has these elements.
            unsafe {
                min.cast_mut().write(-2.0);
                max.cast_mut().write(-1.5);
            }
            let expect = wrong(Status::InvalidParameter, "max").index(0).value(-1.5);
            suite.refuse("a negative magnitude", negative, expect);
            // SAFETY: as above.
            unsafe {
                min.cast_mut().write(-1.0);
                max.cast_mut().write(1.0);
            }
        }
        suite.optional("low", |a| &mut a.low);
        suite.optional("high", |a| &mut a.high);
        suite.optional("scale", |a| &mut a.scale);
        suite.optional("zero_point", |a| &mut a.zero_point);
        suite.optional("grid", |a| &mut a.grid);
        suite.nothing("no outputs", |a| {
            (a.low, a.high, a.scale) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            (a.zero_point, a.grid) = (ptr::null_mut(), ptr::null_mut());
        });
        let outputs =
            [good.low.cast(), good.high.cast(), good.scale.cast(), good.zero_point.cast()];
        let grid = good.grid.cast_const().cast::<u8>();
        let others = |first: usize| {
            let outputs = outputs.into_iter().skip(first).map(|p: *mut u8| (p.cast_const(), 4 * N));
            let ends = [(min.cast(), 4 * N), (max.cast(), 4 * N)];
            outputs.chain(ends).chain([(grid, 28)]).collect::<Vec<_>>()
        };
        for other in others(1) {
            suite.overlap("low", |a, p| a.low = p, 4 * N, other);
        }
        for other in others(2) {
            suite.overlap("high", |a, p| a.high = p, 4 * N, other);
        }
        for other in others(3) {
            suite.overlap("scale", |a, p| a.scale = p, 4 * N, other);
        }
        for other in others(4) {
            suite.overlap("zero_point", |a, p| a.zero_point = p, 4 * N, other);
        }
        for other in [(min.cast(), 4 * N), (max.cast(), 4 * N)] {
            suite.overlap("grid", |a, p| a.grid = p, 28, other);
        }
        suite.nothing("no channels", |a| {
            (a.channels, a.min, a.max) = (0, ptr::null(), ptr::null());
            (a.low, a.high, a.scale) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            (a.zero_point, a.grid) = (ptr::null_mut(), ptr::null_mut());
        });
    }
}

function! { ScaleZeroPoint = ptqk_scale_zero_point {
    low: *const f32, high: *const f32, channels: usize, level_low: i32, level_high: i32,
    narrow_range: u32, scale: *mut f32, zero_point: *mut i32,
} }

/// What the functions over ranges have in common.
macro_rules! ranges {
    ($suite:ident, $bytes:expr, ($low:ident, $high:ident, $count:ident), ($first:ident, $second:ident)) => {
        let (low, high) = ($suite.good.$low, $suite.good.$high);
        let (name, other) = (stringify!($low), stringify!($high));
        $suite.input(name, |a| &mut a.$low);
        $suite.input(other, |a| &mut a.$high);
        $suite.length(name, |a| &mut a.$count, 4);
        $suite.refuse_element(name, Status::NotFinite, (low, 2), &NOT_FINITE);
        $suite.refuse_element(other, Status::NotFinite, (high, 0), &NOT_FINITE);
        $suite.refuse_element(name, Status::InvalidParameter, (low, 1), &[2.0]);
        $suite.output(stringify!($first), |a| &mut a.$first);
        $suite.output(stringify!($second), |a| &mut a.$second);
        let second = $suite.good.$second.cast_const().cast();
        let inputs = [(low.cast(), 12), (high.cast(), 12)];
        for other in inputs.into_iter().chain([(second, $bytes)]) {
            $suite.overlap(stringify!($first), |a, p| a.$first = p, $bytes, other);
        }
        for other in inputs {
            $suite.overlap(stringify!($second), |a, p| a.$second = p, $bytes, other);
        }
    };
}

#[test]
fn scale_zero_point() {
    let mut arena = Arena::new();
    let good = ScaleZeroPoint {
        low: arena.fill(-1.0, 3),
        high: arena.fill(1.0, 3),
        channels: 3,
        level_low: -128,
        level_high: 127,
        narrow_range: 0,
        scale: arena.space(3),
        zero_point: arena.space(3),
    };
    let mut suite = Suite::new(arena, good);
    ranges!(suite, 12, (low, high, channels), (scale, zero_point));
    for bad in [-65537, 65537, i32::MIN, i32::MAX] {
        let expect = wrong(Status::InvalidParameter, "level_low").value(bad);
        suite.refuse("level_low", |a| a.level_low = bad, expect);
    }
    for bad in [-127, -128, 65537, i32::MIN, i32::MAX] {
        let expect = wrong(Status::InvalidParameter, "level_high").value(bad);
        suite.refuse("level_high", |a| a.level_high = bad, expect);
    }
    for bad in [2, u32::MAX] {
        let expect = wrong(Status::InvalidParameter, "narrow_range").value(bad);
        suite.refuse("narrow_range", |a| a.narrow_range = bad, expect);
    }
    suite.nothing("no channels", |a| {
        (a.channels, a.low, a.high) = (0, ptr::null(), ptr::null());
        (a.scale, a.zero_point) = (ptr::null_mut(), ptr::null_mut());
    });
}

function! { TuneRange = ptqk_tune_range {
    low: *const f32, high: *const f32, channels: usize, num_bits: u32, unify_zero_points: u32,
    tuned_low: *mut f32, tuned_high: *mut f32,
} }

#[test]
fn tune_range() {
    let mut arena = Arena::new();
    let good = TuneRange {
        low: arena.fill(-1.0, 3),
        high: arena.fill(1.0, 3),
        channels: 3,
        num_bits: 8,
        unify_zero_points: 0,
        tuned_low: arena.space(3),
        tuned_high: arena.space(3),
    };
    let mut suite = Suite::new(arena, good);
    ranges!(suite, 12, (low, high, channels), (tuned_low, tuned_high));
    let invalid = Status::InvalidParameter;
    suite.refuse_element("low", invalid, (good.low, 2), &[0.5]);
    suite.refuse_element("high", invalid, (good.high, 2), &[-0.5]);
    for bad in [0, 1, 17, u32::MAX] {
        suite.refuse("num_bits", |a| a.num_bits = bad, wrong(invalid, "num_bits").value(bad));
    }
    for bad in [2, u32::MAX] {
        let expect = wrong(invalid, "unify_zero_points").value(bad);
        suite.refuse("unify_zero_points", |a| a.unify_zero_points = bad, expect);
    }
    // SAFETY: the arena has these elements.
    unsafe {
        good.low.cast_mut().add(1).write(0.0);
        good.high.cast_mut().add(1).write(0.0);
    }
    suite.refuse("an empty range", |_| (), wrong(invalid, "low").index(1).value(0.0));
    suite.nothing("no channels", |a| {
        (a.channels, a.low, a.high) = (0, ptr::null(), ptr::null());
        (a.tuned_low, a.tuned_high) = (ptr::null_mut(), ptr::null_mut());
    });
}

function! { UnifyMinMax = ptqk_unify_min_max {
    min: *const f32, max: *const f32, count: usize, unified_min: *mut f32, unified_max: *mut f32,
} }

#[test]
fn unify_min_max() {
    let mut arena = Arena::new();
    let good = UnifyMinMax {
        min: arena.fill(-1.0, 3),
        max: arena.fill(1.0, 3),
        count: 3,
        unified_min: arena.space(1),
        unified_max: arena.space(1),
    };
    let mut suite = Suite::new(arena, good);
    ranges!(suite, 4, (min, max, count), (unified_min, unified_max));
    suite.nothing("no tensors", |a| (a.count, a.min, a.max) = (0, ptr::null(), ptr::null()));
}

function! { WeightLayoutQuery = ptqk_weight_layout_query {
    params: By<WeightParams>, rows: usize, cols: usize, layout: *mut WeightLayout,
} }

/// What is wrong with the fields of weight parameters.
macro_rules! weight_params {
    ($suite:ident, $name:ident, $mode:expr) => {
        $suite.params(|a| &mut a.params);
        $suite.field("mode", |a| &mut a.params.value().mode, &[19, 20, u32::MAX]);
        $suite.field("reduction_axis", |a| &mut a.params.value().reduction_axis, &[2, u32::MAX]);
        $suite.field("scale_dtype", |a| &mut a.params.value().scale_dtype, &[BF16, 3, u32::MAX]);
        $suite.field(
            "asymmetric_range",
            |a| &mut a.params.value().asymmetric_range,
            &[2, u32::MAX],
        );
        $suite.field("mx_scale", |a| &mut a.params.value().mx_scale, &[3, u32::MAX]);
        $suite.field("scale_guard", |a| &mut a.params.value().scale_guard, &[2, u32::MAX]);
        $suite.field("fp8_through_f16", |a| &mut a.params.value().fp8_through_f16, &[2, u32::MAX]);
        for bad in [0, -2, i32::MIN, 3, COLS as i32 + 1, i32::MAX] {
            let change = |a: &mut $name| a.params.value().group_size = bad;
            $suite.refuse("group_size", change, param("group_size", bad));
        }
        if $mode.block > 0 {
            $suite.accept("the block", |a| a.params.value().group_size = -1);
            for bad in [1, 8, 16, 32, 64].into_iter().filter(|size| *size != $mode.block) {
                let change = |a: &mut $name| a.params.value().group_size = bad;
                $suite.refuse("another block", change, param("group_size", bad));
            }
        }
        if $mode.codebook > 0 {
            let sizes = [0, 1, 65537, u32::MAX];
            $suite.field("codebook_size", |a| &mut a.params.value().codebook_size, &sizes);
        } else {
            $suite.accept("a codebook that is not read", |a| {
                let params = a.params.value();
                (params.codebook_size, params.codebook) = (77, ptr::without_provenance(3));
            });
        }
    };
}

/// What is wrong with a codebook.
macro_rules! codebook {
    ($suite:ident, $name:ident, $mode:expr) => {
        if $mode.codebook > 0 {
            let (name, invalid) = ("params.codebook", Status::InvalidParameter);
            let null = |a: &mut $name| a.params.value().codebook = ptr::null();
            $suite.refuse("no codebook", null, wrong(Status::NullPointer, name));
            let odd = |a: &mut $name| {
                let codebook = &mut a.params.value().codebook;
                *codebook = codebook.wrapping_byte_add(1);
            };
            $suite.refuse("codebook odd", odd, wrong(Status::Misaligned, name));
            let values = $suite.good.params.value().codebook;
            let last = $mode.codebook as usize - 1;
            for at in [0, 4, last] {
                $suite.refuse_element(name, invalid, (values, at), &NOT_FINITE);
            }
            // SAFETY: the arena has these elements.
            let before = |at: usize| unsafe { values.add(at - 1).read() };
            for at in [1, 4, last] {
                let falling = [before(at), before(at) - 1.0, f32::MIN];
                $suite.refuse_element(name, invalid, (values, at), &falling);
            }
            if $mode.code_type != U4 {
                // Fewer values have shorter indices.
                let change = |a: &mut $name| a.params.value().codebook_size = 16;
                let expect = wrong(invalid, "codes").field("code_type").value($mode.code_type);
                $suite.refuse("a short codebook", change, expect);
            }
        }
    };
}

#[test]
fn weight_layout_query() {
    for mode in MODES {
        let mut arena = Arena::new();
        let params = By::Value(mode.params(mode.block, 1, F16));
        let good = WeightLayoutQuery { params, rows: ROWS, cols: COLS, layout: arena.space(1) };
        let mut suite = Suite::new(arena, good);
        weight_params!(suite, WeightLayoutQuery, mode);
        suite.output("layout", |a| &mut a.layout);
        for big in [usize::MAX / 32 * 32, usize::MAX / 64 * 32] {
            for (rows, cols) in [(big, COLS), (ROWS, big), (big, big)] {
                let change = |a: &mut WeightLayoutQuery| (a.rows, a.cols) = (rows, cols);
                suite.refuse("overflow", change, wrong(Status::SizeOverflow, "rows"));
            }
        }
        for (rows, cols) in [(0, COLS), (ROWS, 0), (0, 0)] {
            suite.accept("no weights", |a| (a.rows, a.cols) = (rows, cols));
        }
    }
}

function! { CompressWeights = ptqk_compress_weights {
    params: By<WeightParams>, weights: By<Matrix>, codes: By<CodesMut>, scale: *mut c_void,
    zero_point: *mut u8, tensor_scale: *mut f32,
} }

/// Parameters of a mode, groups in a row, f16 scales for every other mode.
fn weights_of(arena: &mut Arena, mode: Mode, group_size: i32) -> WeightParams {
    let values = mode.values(1.0);
    let codebook = arena.fill(0.0_f32, values.len());
    for (i, value) in values.iter().enumerate() {
        // SAFETY: the arena gave that many elements.
        unsafe { codebook.add(i).write(*value) };
    }
    let group_size = if mode.block > 0 { mode.block } else { group_size };
    WeightParams { codebook, ..mode.params(group_size, 1, 1 - mode.number % 2) }
}

/// Groups of the matrix of the tests.
fn groups_of(params: &WeightParams) -> usize {
    ROWS * COLS / usize::try_from(params.group_size).unwrap_or(COLS)
}

/// The shape with whole blocks.
fn whole(rows: usize, cols: usize) -> (usize, usize) {
    (rows, cols / 32 * 32)
}

/// Weights that are read: the codes and the shape, which must have whole blocks.
macro_rules! stored {
    ($suite:ident, $name:ident, $mode:ident, $second:literal) => {
        weight_params!($suite, $name, $mode);
        codebook!($suite, $name, $mode);
        no_codes!(
            $suite,
            $name,
            codes,
            INTEGERS.into_iter().chain(FLOATS).filter(|bad| *bad != $mode.code_type)
        );
        if $mode.block > 0 {
            $suite.view("codes", |a| &mut a.codes, None);
            let change = |a: &mut $name| a.codes.value().rows -= 1;
            let expect = wrong(Status::InvalidShape, $second).field("rows");
            $suite.refuse("another shape", change, expect);
            let change = |a: &mut $name| a.codes.value().cols -= 1;
            $suite.refuse("half a block", change, param("group_size", $mode.block));
        } else {
            $suite.view("codes", |a| &mut a.codes, Some($second));
        }
        let null = |a: &mut $name| a.scale = ptr::null();
        $suite.refuse("no scales", null, wrong(Status::NullPointer, "scale"));
        if $mode.block < 0 {
            let odd = |a: &mut $name| a.scale = a.scale.wrapping_byte_add(1);
            $suite.refuse("scales odd", odd, wrong(Status::Misaligned, "scale"));
        }
        if $mode.number == NVFP4 {
            $suite.input("tensor_scale", |a| &mut a.tensor_scale);
        } else {
            $suite.accept("no tensor scale", |a| a.tensor_scale = ptr::null());
            let nowhere = |a: &mut $name| a.tensor_scale = ptr::without_provenance(3);
            $suite.accept("a tensor scale that is not read", nowhere);
        }
        let null = |a: &mut $name| a.zero_point = ptr::null();
        if $mode.is_asymmetric() {
            $suite.refuse("no zero points", null, wrong(Status::NullPointer, "zero_point"));
        } else {
            $suite.accept("no zero points", null);
        }
    };
}

#[test]
fn compress_weights() {
    for mode in MODES {
        let mut arena = Arena::new();
        let params = weights_of(&mut arena, mode, 4);
        let groups = groups_of(&params);
        let scale_bytes = groups * mode.scale_bytes(params.scale_dtype);
        let weights = matrix(&mut arena, [F32, F16, BF16][mode.number as usize % 3]);
        let codes = codes_mut(&mut arena, mode.code_type);
        let scale = arena.space::<u8>(scale_bytes).cast();
        let (zero_point, tensor_scale) = (arena.space(groups), arena.space(1));
        let params = By::Value(params);
        let good = CompressWeights { params, weights, codes, scale, zero_point, tensor_scale };
        let mut suite = Suite::new(arena, good);
        weight_params!(suite, CompressWeights, mode);
        codebook!(suite, CompressWeights, mode);
        suite.view("weights", |a| &mut a.weights, Some("codes"));
        suite.view("codes", |a| &mut a.codes, Some("codes"));
        no_codes!(
            suite,
            CompressWeights,
            codes,
            INTEGERS.into_iter().chain(FLOATS).filter(|bad| *bad != mode.code_type)
        );
        let null = |a: &mut CompressWeights| a.scale = ptr::null_mut();
        suite.refuse("no scales", null, wrong(Status::NullPointer, "scale"));
        if mode.block < 0 {
            let odd = |a: &mut CompressWeights| a.scale = a.scale.wrapping_byte_add(1);
            suite.refuse("scales odd", odd, wrong(Status::Misaligned, "scale"));
        }

        let (weights, codes_place) = (place(&good.weights), place(&good.codes));
        let codebook = suite.good.params.value().codebook;
        let codebook = (codebook.cast::<u8>(), 4 * mode.codebook as usize);
        let inputs: Vec<_> = [weights, codebook].into_iter().filter(|i| i.1 > 0).collect();
        let set_scale = |a: &mut CompressWeights, p: *mut f32| a.scale = p.cast();
        // The element size of the codes decides where they can lie.
        let mut codes_over = |other| {
            let bytes = codes_place.1;
            if code_bytes(mode.code_type) == 2 {
                suite.overlap::<u16>("codes", |a, p| a.codes.value().data = p.cast(), bytes, other);
            } else {
                suite.overlap::<u8>("codes", |a, p| a.codes.value().data = p.cast(), bytes, other);
            }
        };
        codes_over((scale.cast_const().cast(), scale_bytes));
        inputs.iter().for_each(|other| codes_over(*other));
        if mode.is_asymmetric() {
            codes_over((zero_point.cast_const(), groups));
        }
        let tensor: (*const u8, usize) = (tensor_scale.cast_const().cast(), 4);
        if mode.number == NVFP4 {
            codes_over(tensor);
            suite.overlap("scale", set_scale, scale_bytes, tensor);
            suite.output("tensor_scale", |a| &mut a.tensor_scale);
            suite.overlap("tensor_scale", |a, p| a.tensor_scale = p, 4, weights);
        } else {
            suite.accept("no tensor scale", |a| a.tensor_scale = ptr::null_mut());
            let nowhere = |a: &mut CompressWeights| {
                a.tensor_scale = ptr::without_provenance_mut(3);
            };
            suite.accept("a tensor scale that is not written", nowhere);
        }
        for other in &inputs {
            suite.overlap("scale", set_scale, scale_bytes, *other);
        }
        let null = |a: &mut CompressWeights| a.zero_point = ptr::null_mut();
        if mode.is_asymmetric() {
            suite.overlap("scale", set_scale, scale_bytes, (zero_point.cast_const(), groups));
            suite.overlap("zero_point", |a, p| a.zero_point = p, groups, weights);
            suite.refuse("no zero points", null, wrong(Status::NullPointer, "zero_point"));
        } else {
            suite.accept("no zero points", null);
        }
        suite.empty(|a, rows, cols| {
            let (rows, cols) = whole(rows, cols);
            if a.params.value().group_size == 4 {
                a.params.value().group_size = -1;
            }
            resize(&mut a.weights, rows, cols);
            resize(&mut a.codes, rows, cols);
            // Rows without columns have a group each; it has no scale to speak of.
            (a.scale, a.zero_point) = (ptr::null_mut(), ptr::null_mut());
            a.tensor_scale = ptr::null_mut();
        });
    }
}

function! { DecompressWeights = ptqk_decompress_weights {
    params: By<WeightParams>, codes: By<Codes>, scale: *const c_void, zero_point: *const u8,
    tensor_scale: *const f32, dst: By<MatrixMut>,
} }

#[test]
fn decompress_weights() {
    for mode in MODES {
        let mut arena = Arena::new();
        let params = weights_of(&mut arena, mode, -1);
        let groups = groups_of(&params);
        let scale_bytes = groups * mode.scale_bytes(params.scale_dtype);
        let good = DecompressWeights {
            params: By::Value(params),
            codes: codes(&mut arena, mode.code_type),
            scale: arena.fill(0x3C_u8, scale_bytes).cast(),
            zero_point: arena.fill(3_u8, groups),
            tensor_scale: arena.fill(0.5_f32, 1),
            dst: matrix_mut(&mut arena, [BF16, F32, F16][mode.number as usize % 3]),
        };
        let mut suite = Suite::new(arena, good);
        suite.view("dst", |a| &mut a.dst, Some("dst"));
        stored!(suite, DecompressWeights, mode, "dst");
        let (codes, bytes) = (place(&good.codes), place(&good.dst).1);
        let inputs = [
            codes,
            (good.scale.cast(), scale_bytes),
            (good.zero_point, if mode.is_asymmetric() { groups } else { 0 }),
            (good.tensor_scale.cast(), if mode.number == NVFP4 { 4 } else { 0 }),
            (params.codebook.cast(), 4 * mode.codebook as usize),
        ];
        for other in inputs.into_iter().filter(|input| input.1 > 0) {
            suite.overlap::<f32>("dst", |a, p| a.dst.value().data = p.cast(), bytes, other);
        }
        suite.empty(|a, rows, cols| {
            let (rows, cols) = whole(rows, cols);
            resize(&mut a.codes, rows, cols);
            resize(&mut a.dst, rows, cols);
            (a.scale, a.zero_point, a.tensor_scale) = (ptr::null(), ptr::null(), ptr::null());
        });
    }
}

function! { WeightErrorQuery = ptqk_weight_error_query {
    params: By<WeightParams>, weights: By<Matrix>, codes: By<Codes>, scale: *const c_void,
    zero_point: *const u8, tensor_scale: *const f32, error: *mut WeightError,
} }

#[test]
fn weight_error_query() {
    for mode in MODES {
        let mut arena = Arena::new();
        let params = weights_of(&mut arena, mode, -1);
        let groups = groups_of(&params);
        let scale_bytes = groups * mode.scale_bytes(params.scale_dtype);
        let good = WeightErrorQuery {
            params: By::Value(params),
            weights: matrix(&mut arena, [F16, BF16, F32][mode.number as usize % 3]),
            codes: codes(&mut arena, mode.code_type),
            scale: arena.fill(0x3C_u8, scale_bytes).cast(),
            zero_point: arena.fill(3_u8, groups),
            tensor_scale: arena.fill(0.5_f32, 1),
            error: arena.space(1),
        };
        let mut suite = Suite::new(arena, good);
        suite.view("weights", |a| &mut a.weights, Some("weights"));
        stored!(suite, WeightErrorQuery, mode, "weights");
        suite.output("error", |a| &mut a.error);
        let inputs = [
            place(&good.codes),
            place(&good.weights),
            (good.scale.cast(), scale_bytes),
            (good.zero_point, if mode.is_asymmetric() { groups } else { 0 }),
            (good.tensor_scale.cast(), if mode.number == NVFP4 { 4 } else { 0 }),
            (params.codebook.cast(), 4 * mode.codebook as usize),
        ];
        for other in inputs.into_iter().filter(|input| input.1 > 0) {
            suite.overlap("error", |a, p| a.error = p, 8, other);
        }
        suite.accept("no weights", |a| {
            resize(&mut a.codes, 0, COLS);
            resize(&mut a.weights, 0, COLS);
            (a.scale, a.zero_point, a.tensor_scale) = (ptr::null(), ptr::null(), ptr::null());
        });
    }
}

function! { ResolveGroupSize = ptqk_resolve_group_size {
    params: By<GroupFallbackParams>, channel_size: usize, choice: *mut GroupChoice,
} }

#[test]
fn resolve_group_size() {
    let mut arena = Arena::new();
    let params = By::Value(GroupFallbackParams::DEFAULT);
    let good = ResolveGroupSize { params, channel_size: 256, choice: arena.space(1) };
    let mut suite = Suite::new(arena, good);
    suite.params(|a| &mut a.params);
    suite.output("choice", |a| &mut a.choice);
    suite.field("fallback_mode", |a| &mut a.params.value().fallback_mode, &[3, u32::MAX]);
    suite.field("min_adjusted_group_size", |a| &mut a.params.value().min_adjusted_group_size, &[0]);
    // The last two do not divide the channel.
    for bad in [0, -2, i32::MIN, 100, i32::MAX] {
        let change = |a: &mut ResolveGroupSize| a.params.value().group_size = bad;
        suite.refuse("group_size", change, param("group_size", bad));
    }
    let none = |a: &mut ResolveGroupSize| a.channel_size = 0;
    suite.refuse("no channel", none, wrong(Status::InvalidShape, "channel_size"));
    for fallback in [1, 2] {
        suite.accept("another size", |a| {
            (a.params.value().fallback_mode, a.params.value().group_size) = (fallback, 100);
        });
    }
}

/// The functions that cannot fail ignore pointers that they cannot use.
#[test]
fn defaults() {
    macro_rules! defaults {
        ($($function:ident: $ty:ty),+ $(,)?) => {$({
            let mut painted = [0xC5_u8; 2 * size_of::<$ty>()];
            let before = painted;
            // SAFETY: NULL and a misaligned pointer are refused.
            unsafe {
                ffi::$function(ptr::null_mut());
                let at = painted.as_mut_ptr().cast::<$ty>();
                let odd = at.wrapping_byte_add(if at.is_aligned() { 1 } else { 0 });
                ffi::$function(odd);
            }
            assert_eq!(painted, before, stringify!($function));
        })+};
    }
    defaults! {
        ptqk_ctx_default: Ctx, ptqk_detail_default: Detail,
        ptqk_quantize_params_default: QuantizeParams,
        ptqk_fake_quantize_params_default: FakeQuantizeParams,
        ptqk_quantization_params_default: QuantizationParams,
        ptqk_quantile_params_default: QuantileParams,
        ptqk_reduce_params_default: ReduceParams,
        ptqk_requantize_params_default: RequantizeParams,
        ptqk_gemm_params_default: GemmParams,
        ptqk_gptq_params_default: GptqParams,
        ptqk_gptq_outputs_default: GptqOutputs,
        ptqk_hessian_params_default: HessianParams,
        ptqk_lora_params_default: LoraParams,
        ptqk_lora_outputs_default: LoraOutputs,
        ptqk_weight_params_default: WeightParams,
        ptqk_group_fallback_params_default: GroupFallbackParams,
        ptqk_convert_params_default: ConvertParams,
        ptqk_fake_convert_params_default: FakeConvertParams,
        ptqk_fp8_params_default: Fp8Params,
    }
}

#[test]
fn set_max_isa() {
    on_every_table(|isa| {
        for bad in [4, 5, u32::MAX] {
            assert_eq!(ptqk_set_max_isa(bad), Status::InvalidParameter);
            assert_eq!(ptqk_active_isa(), isa, "a refused call changes nothing");
        }
    });
}

function! { GemmSize = ptqk_gemm_workspace_size {
    params: By<GemmParams>, rows: usize, cols: usize, depth: usize, bytes: *mut usize,
} }

#[test]
fn gemm_workspace_size() {
    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let params = By::Value(GemmParams::DEFAULT);
    let good = GemmSize { params, rows: 5, cols: 7, depth: 3, bytes };
    let mut suite = Suite::new(arena, good);
    suite.params(|a| &mut a.params);
    suite.output("bytes", |a| &mut a.bytes);
    suite.field("transpose_a", |a| &mut a.params.value().transpose_a, &[2, u32::MAX]);
    suite.accept("any shape", |a| (a.rows, a.cols, a.depth) = (usize::MAX, usize::MAX, usize::MAX));
}

function! { Gemm = ptqk_gemm {
    params: By<GemmParams>, a: By<Matrix>, b: By<Matrix>, c: By<MatrixMut>,
    workspace: *mut c_void, workspace_bytes: usize,
} }

#[test]
fn gemm() {
    for (a, b) in [(F32, F32), (F16, BF16), (BF16, F32)] {
        let mut arena = Arena::new();
        let (rows, cols, depth) = (ROWS, 7, COLS);
        let mut right = matrix(&mut arena, b);
        right.value().rows = cols;
        right.value().data = arena.fill(0x3C_u8, cols * (COLS + 2) * 4).cast_const().cast();
        let mut out = matrix_mut(&mut arena, F32);
        (out.value().rows, out.value().cols) = (rows, cols);
        let mut bytes = 0;
        let params = GemmParams { transpose_b: 1, ..GemmParams::DEFAULT };
        // SAFETY: two structures that are here.
        let status = unsafe {
            ptqk_gemm_workspace_size(ptr::null(), &params, rows, cols, depth, &mut bytes)
        };
        assert_eq!(status, Status::Ok);
        let workspace = arena.space::<u8>(bytes).cast();
        let params = By::Value(params);
        let left = matrix(&mut arena, a);
        let good = Gemm { params, a: left, b: right, c: out, workspace, workspace_bytes: bytes };
        let mut suite = Suite::new(arena, good);
        suite.params(|a| &mut a.params);
        suite.view("a", |a| &mut a.a, None);
        suite.view("b", |a| &mut a.b, None);
        suite.view("c", |a| &mut a.c, None);
        suite.field("transpose_a", |a| &mut a.params.value().transpose_a, &[2, u32::MAX]);
        suite.field("transpose_b", |a| &mut a.params.value().transpose_b, &[2, u32::MAX]);
        suite.field("accumulate", |a| &mut a.params.value().accumulate, &[2, u32::MAX]);
        suite.field("subtract", |a| &mut a.params.value().subtract, &[2, u32::MAX]);
        let shape = |argument, field, value: usize| {
            wrong(Status::InvalidShape, argument).field(field).value(value as f64)
        };
        let flat = |a: &mut Gemm| a.params.value().transpose_b = 0;
        suite.refuse("another depth", flat, shape("b", "rows", cols));
        suite.refuse("no depth", |a| a.b.value().cols = 0, shape("b", "cols", 0));
        suite.refuse("rows of c", |a| a.c.value().rows = 4, shape("c", "rows", 4));
        suite.refuse("cols of c", |a| a.c.value().cols = 8, shape("c", "cols", 8));
        let half = |a: &mut Gemm| a.c.value().dtype = F16;
        suite.refuse(
            "c of f16",
            half,
            wrong(Status::InvalidParameter, "c").field("dtype").value(F16),
        );
        let little = wrong(Status::InvalidParameter, "workspace_bytes").value(bytes as f64);
        suite.refuse("a byte less", |a| a.workspace_bytes -= 1, little);
        suite.refuse("none", |a| a.workspace_bytes = 0, little);
        let null = |a: &mut Gemm| a.workspace = ptr::null_mut();
        suite.refuse("workspace NULL", null, wrong(Status::NullPointer, "workspace"));
        for other in [place(&good.a), place(&good.b)] {
            suite.overlap::<f32>("c", |a, p| a.c.value().data = p.cast(), place(&good.c).1, other);
        }
        for at in [place(&good.a).0, place(&good.b).0] {
            let set = |a: &mut Gemm| a.workspace = at.cast_mut().cast();
            suite.refuse("workspace over an input", set, wrong(Status::Overlap, "workspace"));
        }
        let set = |a: &mut Gemm| a.workspace = a.c.value().data;
        suite.refuse("workspace over c", set, wrong(Status::Overlap, "workspace"));
        suite.nothing("no rows", |a| (a.a.value().rows, a.c.value().rows) = (0, 0));
        suite.nothing("no columns", |a| (a.b.value().rows, a.c.value().cols) = (0, 0));
    }
}
