//! What the numbers mean: references in f64, i128 or by hand, written apart from the library.

#![cfg(all(feature = "convert", feature = "range", feature = "requantize", feature = "weights"))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;

use calls::*;
use half::{bf16, f16};
use ptqk::ffi::{self, *};
use std::ptr;

fn ok(status: Status) {
    assert_eq!(status, Status::Ok);
}

fn close(got: f32, want: f64, tolerance: f64) -> bool {
    (f64::from(got) - want).abs() <= tolerance * want.abs()
}

/// A matrix of whole rows without gaps.
fn matrix(values: &[f32], rows: usize) -> Matrix {
    let cols = values.len() / rows;
    let data = values.as_ptr().cast();
    Matrix { data, rows, cols, row_stride: cols, dtype: F32, reserved: 0 }
}

fn matrix_mut(values: &mut [f32], rows: usize) -> MatrixMut {
    let cols = values.len() / rows;
    let data = values.as_mut_ptr().cast();
    MatrixMut { data, rows, cols, row_stride: cols, dtype: F32, reserved: 0 }
}

fn codes_mut<T>(codes: &mut [T], code_type: u32, (rows, cols): (usize, usize)) -> CodesMut {
    let data = codes.as_mut_ptr().cast();
    let row_stride_bytes = code_row_bytes(code_type, cols);
    CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved: 0 }
}

/// What a quantizer is.
struct Quantizer {
    low: Vec<f32>,
    high: Vec<f32>,
    scale: Vec<f32>,
    zero_point: Vec<i32>,
    grid: QuantizerGrid,
}

fn try_quantizer(params: &QuantizationParams, min: &[f32], max: &[f32]) -> (Status, Quantizer) {
    let n = min.len();
    let mut q = Quantizer {
        low: vec![0.0; n],
        high: vec![0.0; n],
        scale: vec![0.0; n],
        zero_point: vec![0; n],
        grid: QuantizerGrid::default(),
    };
    let params = QuantizationParams { per_channel: 1, ..*params };
    // SAFETY: all arrays hold `n` elements.
    let status = unsafe {
        ptqk_quantizer_from_min_max(
            ptr::null(),
            &params,
            min.as_ptr(),
            max.as_ptr(),
            n,
            q.low.as_mut_ptr(),
            q.high.as_mut_ptr(),
            q.scale.as_mut_ptr(),
            q.zero_point.as_mut_ptr(),
            &mut q.grid,
        )
    };
    (status, q)
}

fn quantizer(params: &QuantizationParams, min: &[f32], max: &[f32]) -> Quantizer {
    let (status, quantizer) = try_quantizer(params, min, max);
    ok(status);
    quantizer
}

const SYMMETRIC: QuantizationParams =
    QuantizationParams { scheme: 0, ..QuantizationParams::DEFAULT };
const ASYMMETRIC: QuantizationParams =
    QuantizationParams { scheme: 1, ..QuantizationParams::DEFAULT };

/// Statistics that leave no range of their own: `(min, max)` per channel and the `(low, high)` that
/// the rules of the header give.
#[test]
fn degenerate_statistics() {
    type Ends = &'static [(f32, f32)];
    const LEAST: f32 = 8e-5;
    const BELOW: f32 = -(LEAST * 256.0 / 254.0);
    let symmetric: &[(Ends, Ends)] = &[
        (&[(0.0, 0.0)], &[(0.0, LEAST)]),
        (&[(-0.0, 0.0)], &[(0.0, LEAST)]),
        (&[(1e-45, 1e-45)], &[(0.0, LEAST)]),
        (&[(-1e-45, 1e-45)], &[(BELOW, LEAST)]),
        (&[(-1e-30, 2e-30)], &[(BELOW, LEAST)]),
        (&[(0.0, 7.0)], &[(0.0, 7.0)]),
        (&[(-5.0, 5.0)], &[(-5.0 * 256.0 / 254.0, 5.0)]),
        // A weak channel is widened to a hundredth of the strongest; one sign for all channels.
        (&[(0.0, 100.0), (0.0, 1e-3), (0.0, 0.0)], &[(0.0, 100.0), (0.0, 1.0), (0.0, 1.0)]),
        (&[(-1.0, 254.0), (0.0, 0.0)], &[(-256.0, 254.0), (-2.56, 2.54)]),
        (&[(-1e37, 1e37)], &[(-1e37 * 256.0 / 254.0, 1e37)]),
    ];
    for (stats, ends) in symmetric {
        check_ends(&SYMMETRIC, stats, ends);
    }
    let asymmetric: &[(Ends, Ends)] = &[
        (&[(0.0, 0.0)], &[(-8e-4 * 128.0 / 127.5, 8e-4)]),
        (&[(3.0, 3.0)], &[(0.0, 3.0008)]),
        (&[(-3.0, -3.0)], &[(-3.0008, 0.0)]),
        (&[(5.0, 9.0)], &[(0.0, 9.0)]),
        (&[(-9.0, -5.0)], &[(-9.0, 0.0)]),
        (&[(0.0, 1e-4)], &[(0.0, 0.0)]),
        (&[(-255.0, 255.0)], &[(-256.0, 255.0)]),
        (&[(0.0, 1e37)], &[(0.0, 1e37)]),
    ];
    for (stats, ends) in asymmetric {
        check_ends(&ASYMMETRIC, stats, ends);
    }
}

fn check_ends(params: &QuantizationParams, stats: &[(f32, f32)], ends: &[(f32, f32)]) {
    let (min, max): (Vec<_>, Vec<_>) = stats.iter().copied().unzip();
    let q = quantizer(params, &min, &max);
    for (c, (low, high)) in ends.iter().enumerate() {
        let what = format!("{stats:?} channel {c}: {} .. {}", q.low[c], q.high[c]);
        assert!(q.low[c] <= 0.0 && q.high[c] >= 0.0 && q.low[c] < q.high[c], "{what}");
        assert!(q.scale[c] >= f32::EPSILON && q.scale[c].is_finite(), "{what}");
        if (*low, *high) != (0.0, 0.0) && params.scheme == 0 {
            assert!(close(q.low[c], f64::from(*low), 1e-6), "{what}");
            assert!(close(q.high[c], f64::from(*high), 1e-6), "{what}");
        } else if (*low, *high) != (0.0, 0.0) {
            // One end may move by a part of a level, so that 0 is one.
            let step = f64::from(q.scale[c]);
            assert!((f64::from(q.low[c]) - f64::from(*low)).abs() <= 0.51 * step, "{what}");
            assert!((f64::from(q.high[c]) - f64::from(*high)).abs() <= 0.51 * step, "{what}");
        }
    }
}

#[test]
fn statistics_that_are_not_finite() {
    for params in [SYMMETRIC, ASYMMETRIC] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for (min, max) in [(bad, 1.0), (-1.0, bad), (bad, bad)] {
                assert_eq!(try_quantizer(&params, &[0.0, min], &[1.0, max]).0, Status::NotFinite);
            }
        }
    }
}

/// The largest statistics either give a usable quantizer or are refused.
#[test]
fn huge_statistics() {
    for (params, min, max) in [
        (SYMMETRIC, -f32::MAX, f32::MAX),
        (ASYMMETRIC, -f32::MAX, f32::MAX),
        (ASYMMETRIC, -2e38, 3e38),
    ] {
        let (status, q) = try_quantizer(&params, &[min], &[max]);
        let usable = [q.low[0], q.high[0], q.scale[0]].iter().all(|x| x.is_finite());
        assert!(status != Status::Ok || usable, "{} {} {}", q.low[0], q.high[0], q.scale[0]);
    }
}

/// Grids of all widths; the ends of the range are the ends of the codes.
#[test]
fn grids_and_ranges() {
    let mut rng = Lcg::new(3);
    for num_bits in 2..=16_u32 {
        for turn in 0..24 {
            let (scheme, narrow_range, signedness_to_force) = (turn & 1, turn >> 1 & 1, turn % 3);
            let params = QuantizationParams {
                num_bits,
                scheme,
                narrow_range,
                signedness_to_force,
                ..QuantizationParams::DEFAULT
            };
            let positive = turn >= 12;
            let a: Vec<f32> = (0..6).map(|_| rng.value()).collect();
            let min: Vec<f32> = a.iter().map(|x| if positive { 0.0 } else { -x.abs() }).collect();
            let max: Vec<f32> = a.iter().map(|x| x.abs() * 1.5).collect();
            let q = quantizer(&params, &min, &max);

            let signed = scheme == 0 && (signedness_to_force == 1 || min.iter().any(|m| *m < 0.0));
            let half = 1_i32 << (num_bits - 1);
            let (low, high) = if signed { (-half, half - 1) } else { (0, 2 * half - 1) };
            let narrow = narrow_range as i32;
            assert_eq!((q.grid.level_low, q.grid.level_high), (low, high), "{params:?}");
            assert_eq!((q.grid.code_min, q.grid.code_max), (low + narrow, high), "{params:?}");
            assert_eq!(q.grid.levels, (1 << num_bits) - narrow_range, "{params:?}");
            assert_eq!(q.grid.is_signed, u32::from(signed), "{params:?}");
            let (least, most) = code_range(q.grid.code_type);
            assert!(least <= low && high <= most, "{params:?} {:?}", q.grid);
            for (c, max) in max.iter().enumerate() {
                let (scale, zero) = (f64::from(q.scale[c]), f64::from(q.zero_point[c]));
                let value = |code: i32| scale * (f64::from(code) - zero);
                let ends = (value(q.grid.code_min), value(q.grid.code_max));
                // A level is a part in `2^bits` of the range, so rounding to f32 shows less than that.
                let slack = scale * (0.001 + f64::from(1 << num_bits) * 1e-6);
                let what = format!("{params:?} {ends:?} {} {}", q.low[c], q.high[c]);
                // The smallest scale is wider than a very small range needs.
                let wide = q.scale[c] > f32::EPSILON;
                if wide && (narrow_range == 0 || scheme == 0) {
                    assert!((ends.0 - f64::from(q.low[c])).abs() <= slack, "{what}");
                    assert!((ends.1 - f64::from(q.high[c])).abs() <= slack, "{what}");
                }
                assert!((low..=high).contains(&q.zero_point[c]), "{what}");
                if signed {
                    assert_eq!(q.zero_point[c], 0, "{what}");
                }
                assert!(f64::from(q.high[c]) >= f64::from(*max) - 1.01 * scale, "{what}");
            }
        }
    }
}

/// The smallest code type that holds the grid.
#[test]
fn smallest_code_type() {
    for num_bits in 2..=16 {
        for signedness_to_force in [0, 1] {
            let params = QuantizationParams { num_bits, signedness_to_force, ..SYMMETRIC };
            let grid = quantizer(&params, &[0.0], &[1.0]).grid;
            let smallest = [U2, U3, I4, U4, I8, U8, I16, U16].into_iter().find(|code_type| {
                let (low, high) = code_range(*code_type);
                low <= grid.level_low
                    && grid.level_high <= high
                    && (low < 0) == (signedness_to_force == 1)
            });
            assert_eq!(Some(grid.code_type), smallest, "{params:?}");
        }
    }
}

/// With an unsigned narrow grid code 0 is not used, and 0.0 has code 1.
#[test]
fn narrow_unsigned_codes_begin_at_1() {
    for num_bits in 2..=16 {
        let params = QuantizationParams { num_bits, narrow_range: 1, ..SYMMETRIC };
        let q = quantizer(&params, &[0.0], &[6.0]);
        let top = (1 << num_bits) - 1;
        assert_eq!((q.grid.code_min, q.grid.code_max, q.zero_point[0]), (1, top, 1));
        assert!(close(q.scale[0], 6.0 / f64::from(top - 1), 1e-6));
    }
}

/// Half of the range: the largest weight gets about half of the largest code.
#[test]
fn half_of_the_range() {
    for num_bits in 3..=16 {
        for (overflow_fix, is_first_layer) in [(1, 0), (2, 1)] {
            let params = QuantizationParams { num_bits, overflow_fix, is_first_layer, ..SYMMETRIC };
            let quarter = f64::from(1 << (num_bits - 2));
            let q = quantizer(&params, &[-3.0], &[3.0]);
            assert!(close(q.scale[0], 3.0 / (quarter - 1.0), 1e-5), "{params:?} {}", q.scale[0]);
            assert_eq!(q.grid.level_high, (1 << (num_bits - 1)) - 1, "the grid keeps its width");
            let q = quantizer(&params, &[0.0], &[3.0]);
            assert!(
                close(q.scale[0], 3.0 / (2.0 * quarter - 1.0), 1e-5),
                "{params:?} {}",
                q.scale[0]
            );
            let narrow = QuantizationParams { narrow_range: 1, ..params };
            let q = quantizer(&narrow, &[-3.0], &[3.0]);
            assert!(close(q.scale[0], 3.0 / (quarter - 0.5), 1e-5), "{narrow:?} {}", q.scale[0]);
            assert_eq!(q.zero_point[0], 0, "{narrow:?}");
            let other = QuantizationParams { overflow_fix: 2, is_first_layer: 0, ..params };
            let plain = QuantizationParams { overflow_fix: 0, ..params };
            let scale = |p| quantizer(p, &[-3.0], &[3.0]).scale[0];
            assert_eq!(scale(&other), scale(&plain));
        }
    }
}

/// After tuning 0 is a level, and one end is where it was. A range whose 0 is nearest to its first
/// or last level stays as it is.
#[test]
fn tuned_ranges() {
    let mut rng = Lcg::new(8);
    let n = 200;
    let low: Vec<f32> = (0..n).map(|_| -rng.value().abs()).collect();
    let high: Vec<f32> = (0..n).map(|_| rng.value().abs() + 0.001).collect();
    for num_bits in 2..=16 {
        for unify in [0, 1] {
            let (mut a, mut b) = (vec![0.0_f32; n], vec![0.0_f32; n]);
            let (from, to) = ((low.as_ptr(), high.as_ptr()), (a.as_mut_ptr(), b.as_mut_ptr()));
            // SAFETY: all arrays hold `n` elements.
            ok(unsafe {
                ptqk_tune_range(ptr::null(), from.0, from.1, n, num_bits, unify, to.0, to.1)
            });
            let mut places = Vec::new();
            for i in 0..n {
                let steps = f64::from((1 << num_bits) - 1);
                let step = (f64::from(b[i]) - f64::from(a[i])) / steps;
                let place = -f64::from(a[i]) / step;
                assert!(a[i] <= low[i] && b[i] >= high[i], "{i}");
                let same = (a[i] == low[i], b[i] == high[i]);
                assert!(same.0 || same.1, "{i}");
                if same == (true, true) && unify == 0 && !(0.51..steps - 0.51).contains(&place) {
                    continue;
                }
                assert!((place - place.round()).abs() < 0.02, "{place} {num_bits} {unify}");
                places.push(place.round());
            }
            if unify == 1 {
                assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
            } else {
                assert!(places.len() > n / 4, "{} ranges were moved", places.len());
            }
        }
    }
    let (mut a, mut b) = (0.0, 0.0);
    // SAFETY: the arrays hold `n` elements.
    ok(unsafe { ptqk_unify_min_max(ptr::null(), low.as_ptr(), high.as_ptr(), n, &mut a, &mut b) });
    assert_eq!(a, low.iter().copied().fold(f32::INFINITY, f32::min));
    assert_eq!(b, high.iter().copied().fold(f32::NEG_INFINITY, f32::max));
}

/// The code of one value. A quotient of f32 is a quotient of f64 rounded once more: f64 has more
/// than twice the bits.
fn code_of(x: f32, scale: f32, zero_point: i32, before: bool, (low, high): (i32, i32)) -> i64 {
    let quotient = (f64::from(x) / f64::from(scale)) as f32;
    let (low, high) = (i64::from(low), i64::from(high));
    if quotient.is_nan() {
        return i64::from(zero_point).clamp(low, high);
    }
    let code = if before {
        f64::from((quotient + zero_point as f32).round_ties_even())
    } else {
        f64::from(quotient.round_ties_even()) + f64::from(zero_point)
    };
    // A conversion to an integer saturates.
    (code as i64).clamp(low, high)
}

fn native_code(code_type: u32, codes: &[u16], i: usize) -> i64 {
    let bytes: &[u8] = bytemuck::cast_slice(codes);
    match code_type {
        I8 => i64::from(bytes[i] as i8),
        I16 => i64::from(codes[i] as i16),
        U16 => i64::from(codes[i]),
        I4 => i64::from((code_at(I4, bytes, i) << 4) as i8 >> 4),
        _ => i64::from(code_at(code_type, bytes, i)),
    }
}

#[test]
fn quantize_and_back() {
    let mut rng = Lcg::new(21);
    for code_type in [I8, U8, I16, U16, I4, U4, U3, U2] {
        for turn in 0..60 {
            let n = 301;
            let scale = rng.scale() * if turn % 5 == 0 { -4.0 } else { 1.0 };
            let (low, high) = code_range(code_type);
            let zero_point = low + rng.below((high - low + 1) as u32) as i32;
            let before = turn % 2 == 1;
            let (mut code_min, mut code_max) = (low, high);
            if turn % 3 == 0 {
                code_min += (high - low) / 4;
                code_max -= 1;
            }
            let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, -1e-45];
            let mut x: Vec<f32> = (0..n - 7)
                .map(|i| match i % 3 {
                    // Ties, exactly where the scale is a power of two.
                    0 => (rng.below(64) as f32 - 31.5) * scale,
                    1 => rng.unit() * scale * (high - low) as f32,
                    _ => rng.hostile(),
                })
                .collect();
            x.extend(special);
            let params = QuantizeParams {
                zero_point_rounding: u32::from(before),
                code_min,
                code_max,
                ..QuantizeParams::DEFAULT
            };
            let mut codes = vec![0_u16; n];
            let dst = codes_mut(&mut codes, code_type, (1, n));
            // SAFETY: one scale, one zero point, `n` elements on both sides.
            ok(unsafe {
                ptqk_quantize(ptr::null(), &params, &matrix(&x, 1), &scale, &zero_point, &dst)
            });
            let CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved } = dst;
            let src = Codes { data, rows, cols, row_stride_bytes, code_type, reserved };
            let mut back = vec![0.0_f32; n];
            let to = matrix_mut(&mut back, 1);
            // SAFETY: as above.
            ok(unsafe { ptqk_dequantize(ptr::null(), &params, &src, &scale, &zero_point, &to) });
            for (i, x) in x.iter().enumerate() {
                let code = native_code(code_type, &codes, i);
                let range = (code_min, code_max);
                let want = code_of(*x, scale, zero_point, before, range);
                let what = format!("{x} / {scale} + {zero_point} in {range:?} type {code_type}");
                assert_eq!(code, want, "{what}");
                let value = (code - i64::from(zero_point)) as f32 * scale;
                assert_eq!(back[i].to_bits(), value.to_bits(), "{what}");
                let inside = code > i64::from(code_min) && code < i64::from(code_max);
                if inside && !x.is_nan() {
                    let error = (f64::from(*x) - f64::from(back[i])).abs();
                    let slack = f64::from(x.abs().max(scale.abs())) * 1e-3;
                    assert!(error <= f64::from(scale.abs()) / 2.0 + slack, "{what}: {error}");
                }
            }
        }
    }
}

/// The other float types: what goes in is exact, what comes out is rounded once.
#[test]
fn half_types() {
    let n = 1000;
    let codes: Vec<i16> = (0..n).map(|i| (i * 37 - 16_000) as i16).collect();
    let scale = 0.013_7_f32;
    for dtype in [F16, BF16] {
        let (rows, cols, reserved) = (1, n as usize, 0);
        let (data, row_stride_bytes) = (codes.as_ptr().cast(), 2 * cols);
        let src = Codes { data, rows, cols, row_stride_bytes, code_type: I16, reserved };
        let mut out = vec![0_u16; cols];
        let data = out.as_mut_ptr().cast();
        let dst = MatrixMut { data, rows, cols, row_stride: cols, dtype, reserved };
        // SAFETY: one scale, `n` elements on both sides.
        ok(unsafe {
            ptqk_dequantize(ptr::null(), &QuantizeParams::DEFAULT, &src, &scale, ptr::null(), &dst)
        });
        for (bits, code) in out.iter().zip(&codes) {
            let exact = f32::from(*code) * scale;
            let want = if dtype == F16 {
                f16::from_f32(exact).to_bits()
            } else {
                bf16::from_f32(exact).to_bits()
            };
            assert_eq!(*bits, want, "{code} type {dtype}");
        }
    }
}

#[test]
fn fake_quantize_is_the_formula() {
    let mut rng = Lcg::new(4);
    for levels in [2, 3, 16, 255, 256, 65536] {
        for (low, high) in [(-1.0, 1.0), (0.0, 3.7), (-2.5, 0.0), (1.5, 1.5), (-1e-20, 1e-20)] {
            let x: Vec<f32> = (0..777).map(|_| rng.hostile()).collect();
            let mut y = vec![9.0_f32; x.len()];
            let params = FakeQuantizeParams { levels, ..FakeQuantizeParams::DEFAULT };
            let (src, dst) = (matrix(&x, 1), matrix_mut(&mut y, 1));
            // SAFETY: one range, as many elements on both sides.
            ok(unsafe { ptqk_fake_quantize(ptr::null(), &params, &src, &low, &high, &dst) });
            let steps = (levels - 1) as f32;
            for (x, y) in x.iter().zip(&y) {
                let want = if x.is_nan() || *x <= low {
                    low
                } else if *x > high {
                    high
                } else {
                    let range = high - low;
                    ((x - low) / range * steps).round_ties_even() / steps * range + low
                };
                assert_eq!(y.to_bits(), want.to_bits(), "{x} in {low}..{high}, {levels} levels");
            }
        }
    }
}

const ACCUMULATORS: [i32; 17] = [
    i32::MIN,
    i32::MIN + 1,
    -(1 << 30),
    -16_777_217,
    -65_537,
    -1000,
    -3,
    -1,
    0,
    1,
    2,
    7,
    999,
    16_777_217,
    1 << 30,
    i32::MAX - 1,
    i32::MAX,
];

fn accumulators(rng: &mut Lcg, n: usize) -> Vec<i32> {
    let random = (ACCUMULATORS.len()..n).map(|_| rng.bits() as i32 >> rng.below(31));
    ACCUMULATORS.into_iter().chain(random).collect()
}

fn accumulators_of(values: &[i32]) -> Accumulators {
    let (data, n) = (values.as_ptr(), values.len());
    Accumulators { data, rows: 1, cols: n, row_stride: n }
}

#[test]
fn requantize_is_the_formula() {
    let mut rng = Lcg::new(31);
    for code_type in [I8, U8] {
        for turn in 0..200 {
            let acc = accumulators(&mut rng, 150);
            let scale = match turn {
                0..5 => [0.0, -0.5, f32::MAX, 1e-45, -1e30][turn],
                _ => f32::from_bits((97 + rng.below(40)) << 23 | rng.bits() >> 9),
            };
            let (low, high) = code_range(code_type);
            let zero_point = low + rng.below(256) as i32;
            let params = RequantizeParams { zero_point, ..RequantizeParams::DEFAULT };
            let mut codes = vec![0_u16; acc.len()];
            let dst = codes_mut(&mut codes, code_type, (1, acc.len()));
            // SAFETY: one scale, as many codes as accumulators.
            ok(unsafe {
                ptqk_requantize(ptr::null(), &params, &accumulators_of(&acc), &scale, &dst)
            });
            for (i, acc) in acc.iter().enumerate() {
                // A product of two f32 is exact in f64.
                let scaled = (f64::from(*acc as f32) * f64::from(scale)) as f32;
                let code = f64::from(scaled.round_ties_even()) + f64::from(zero_point);
                let want = (code as i64).clamp(i64::from(low), i64::from(high));
                assert_eq!(
                    native_code(code_type, &codes, i),
                    want,
                    "{acc} * {scale} + {zero_point}"
                );
            }
        }
    }
}

/// The rule of gemmlowp: the doubling high product of 32-bit numbers, half up, then a shift to the
/// right, half away from zero. What is shifted to the left wraps.
fn twice_rounded(acc: i32, multiplier: i32, shift: i32) -> i128 {
    let left = acc.wrapping_mul(1_i32.wrapping_shl(shift.max(0) as u32));
    let double = 2 * i128::from(left) * i128::from(multiplier);
    let high = (double + (1 << 31)).div_euclid(1 << 32);
    let divisor = 1_i128 << (-shift).max(0);
    let magnitude = (2 * high.abs() + divisor) / (2 * divisor);
    if high < 0 { -magnitude } else { magnitude }
}

/// The rule of TensorFlow Lite with one rounding: half up.
fn once_rounded(acc: i32, multiplier: i32, shift: i32) -> i128 {
    let divisor = 1_i128 << (31 - shift);
    let exact = i128::from(acc) * i128::from(multiplier);
    let scaled = (2 * exact + divisor).div_euclid(2 * divisor);
    scaled.clamp(i128::from(i32::MIN), i128::from(i32::MAX))
}

#[test]
fn requantize_fixed_is_the_rule() {
    let mut rng = Lcg::new(41);
    for code_type in [I8, U8] {
        for shift in -31..=30 {
            for turn in 0..8 {
                let acc = accumulators(&mut rng, 130);
                let multiplier = match turn {
                    0..5 => [0, 1, 1 << 30, i32::MAX, i32::MAX - 1][turn],
                    _ => (rng.bits() >> 1) as i32,
                };
                let (low, high) = code_range(code_type);
                let zero_point = low + rng.below(256) as i32;
                for single in [0, 1] {
                    let params = RequantizeParams {
                        fixed_point: single,
                        zero_point,
                        ..RequantizeParams::DEFAULT
                    };
                    let mut codes = vec![0_u16; acc.len()];
                    let dst = codes_mut(&mut codes, code_type, (1, acc.len()));
                    let src = accumulators_of(&acc);
                    // SAFETY: one multiplier and shift, as many codes as accumulators.
                    ok(unsafe {
                        ptqk_requantize_fixed(ptr::null(), &params, &src, &multiplier, &shift, &dst)
                    });
                    for (i, acc) in acc.iter().enumerate() {
                        let rule = if single == 1 { once_rounded } else { twice_rounded };
                        let scaled = rule(*acc, multiplier, shift) + i128::from(zero_point);
                        let want = scaled.clamp(i128::from(low), i128::from(high)) as i64;
                        let got = native_code(code_type, &codes, i);
                        assert_eq!(
                            got, want,
                            "{acc} * {multiplier}, shift {shift}, single {single}"
                        );
                    }
                }
            }
        }
    }
}

fn multiplier(scale: f64) -> (i32, i32) {
    let (mut m, mut s) = (-1, -99);
    // SAFETY: both outputs are here.
    ok(unsafe { ptqk_quantize_multiplier(ptr::null(), scale, &mut m, &mut s) });
    (m, s)
}

#[test]
fn multipliers() {
    let value = |(m, s): (i32, i32)| f64::from(m) * 2_f64.powi(s - 31);
    let mut rng = Lcg::new(51);
    for exponent in -32..30 {
        for turn in 0..50 {
            let fraction = f64::from(rng.bits()) / 4_294_967_296.0;
            let scale = 2_f64.powi(exponent) * if turn == 0 { 1.0 } else { 1.0 + fraction };
            if scale >= 1_073_741_823.75 {
                continue;
            }
            let (m, s) = multiplier(scale);
            assert!(m >= 1 << 30 && (-31..=30).contains(&s), "{scale}: {m} {s}");
            assert!((value((m, s)) - scale).abs() <= scale * 2_f64.powi(-31), "{scale}: {m} {s}");
        }
    }
    assert_eq!(multiplier(1.0), (1 << 30, 1));
    assert_eq!(multiplier(0.5), (1 << 30, 0));
    assert_eq!(multiplier(0.75), (3 << 29, 0));
    // Rounds up to the next power of two.
    assert_eq!(multiplier(1.0 - 2_f64.powi(-40)), (1 << 30, 1));
    for tiny in [0.0, 5e-324, 1e-300, 2_f64.powi(-33), 2_f64.powi(-32) * 0.999] {
        assert_eq!(multiplier(tiny), (0, 0), "{tiny}");
    }
}

/// The multiplier of every scale that is allowed can be used.
#[test]
fn the_largest_multiplier() {
    for scale in [1_073_741_823.75, 1_073_741_823.999, f64::from_bits(0x41CF_FFFF_FFFF_FFFF)] {
        let (m, s) = multiplier(scale);
        assert!(m >= 1 << 30 && (-31..=30).contains(&s), "{scale}: {m} {s}");
    }
}

fn packed(code_type: u32, codes: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xA5; code_row_bytes(code_type, codes.len())];
    // SAFETY: the arrays have the lengths that the header asks for.
    ok(unsafe {
        ptqk_pack(ptr::null(), code_type, codes.as_ptr(), codes.len(), bytes.as_mut_ptr())
    });
    bytes
}

#[test]
fn packing_by_hand() {
    assert_eq!(packed(I4, &[1, 0xFE, 3, 0xFC]), [0xE1, 0xC3]);
    assert_eq!(packed(U4, &[1, 2, 15]), [0x21, 0x0F]);
    assert_eq!(packed(U2, &[1, 2, 3, 0]), [0x39]);
    assert_eq!(packed(U3, &[0, 1, 2, 3, 4, 5, 6, 7]), [0x1B, 0x1B, 0x0F]);
    assert_eq!(packed(U3, &[4]), [0x00, 0x00, 0x80]);
    assert_eq!(packed(U2, &[3]), [0x03]);
    let mut rng = Lcg::new(61);
    for len in 0..=67_usize {
        for code_type in [I8, U8, I4, U4, U3, U2] {
            let bits = [8, 8, 0, 0, 4, 4, 3, 2][code_type as usize];
            let mask = ((1_u32 << bits) - 1) as u8;
            // Bits above the code are ignored.
            let codes: Vec<u8> = (0..len).map(|_| rng.bits() as u8).collect();
            let bytes = packed(code_type, &codes);
            for (i, code) in codes.iter().enumerate() {
                assert_eq!(code_at(code_type, &bytes, i), code & mask, "{len} {code_type} {i}");
            }
            // The unused bits are those of codes that are 0.
            let unit = [1, 1, 1, 1, 2, 2, 8, 4][code_type as usize];
            for i in len..len.next_multiple_of(unit) {
                assert_eq!(code_at(code_type, &bytes, i), 0, "{len} {code_type} {i}");
            }
            let mut back = vec![0x77_u8; len];
            let (from, to) = (bytes.as_ptr(), back.as_mut_ptr());
            // SAFETY: as above.
            ok(unsafe { ptqk_unpack(ptr::null(), code_type, from, len, to) });
            for (code, back) in codes.iter().zip(back) {
                let code = code & mask;
                let want = if code_type == I4 && code > 7 { code | 0xF0 } else { code };
                assert_eq!(back, want, "{len} {code_type}");
            }
            let mut row = usize::MAX;
            // SAFETY: the output is here.
            ok(unsafe { ptqk_codes_row_bytes(ptr::null(), code_type, len, &mut row) });
            assert_eq!(row, bytes.len());
        }
    }
}

/// One reduction per granularity.
fn reduced(what: Reduce, x: &[f32], rows: usize, sharing: (u32, u32)) -> Vec<f32> {
    reduced_matrix(what, &matrix(x, rows), sharing)
}

fn reduced_matrix(what: Reduce, src: &Matrix, (granularity, group_size): (u32, u32)) -> Vec<f32> {
    let count = Shape::new(src.rows, src.cols).count((granularity, group_size));
    let (mut out, mut more) = (vec![7.0_f32; count], vec![7.0_f32; count]);
    let params = ReduceParams { granularity, group_size, ..ReduceParams::DEFAULT };
    let to = out.as_mut_ptr();
    // SAFETY: the outputs have as many elements as the granularity says.
    ok(unsafe {
        match what {
            Reduce::MinMax => ptqk_min_max(ptr::null(), &params, src, to, more.as_mut_ptr()),
            Reduce::AbsMax => ptqk_abs_max(ptr::null(), &params, src, to),
            Reduce::Sum => ptqk_sum(ptr::null(), &params, src, to),
            Reduce::Mean => ptqk_mean(ptr::null(), &params, src, to),
            Reduce::Variance => ptqk_variance(ptr::null(), &params, src, to),
            Reduce::Median => {
                let params =
                    ffi::QuantileParams { granularity, group_size, ..ffi::QuantileParams::DEFAULT };
                let (half, none) = ([0.5], ptr::null_mut());
                ffi::ptqk_quantile(ptr::null(), &params, src, half.as_ptr(), 1, none, 0, to)
            }
        }
    });
    if what == Reduce::MinMax {
        out.extend(more);
    }
    out
}

/// The elements that share a parameter, as the header says.
fn shared(x: &[f32], rows: usize, (granularity, group): (u32, u32)) -> Vec<Vec<f32>> {
    let cols = x.len() / rows;
    match granularity {
        TENSOR => vec![x.to_vec()],
        ROW => x.chunks(cols).map(<[f32]>::to_vec).collect(),
        COLUMN => (0..cols).map(|c| x.iter().skip(c).step_by(cols).copied().collect()).collect(),
        _ => {
            x.chunks(cols).flat_map(|row| row.chunks(group as usize).map(<[f32]>::to_vec)).collect()
        }
    }
}

#[test]
fn reductions_in_f64() {
    let mut rng = Lcg::new(71);
    let shapes = [(1, 1_000_003), (2000, 513), (70_000, 3), (7, 11)];
    for (rows, cols) in shapes {
        for center in [0.0, 1000.0] {
            let x: Vec<f32> = (0..rows * cols).map(|_| rng.value() + center).collect();
            for sharing in [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 100)] {
                let parts = shared(&x, rows, sharing);
                let [sum, mean, variance] = [Reduce::Sum, Reduce::Mean, Reduce::Variance]
                    .map(|w| reduced(w, &x, rows, sharing));
                let median = reduced(Reduce::Median, &x, rows, sharing);
                let extremes = reduced(Reduce::MinMax, &x, rows, sharing);
                let largest = reduced(Reduce::AbsMax, &x, rows, sharing);
                assert_eq!((parts.len(), 2 * parts.len()), (sum.len(), extremes.len()));
                for (i, part) in parts.iter().enumerate() {
                    let mut sorted = part.clone();
                    sorted.sort_by(f32::total_cmp);
                    let [low, high] = [(part.len() - 1) / 2, part.len() / 2].map(|i| sorted[i]);
                    let middle = (f64::from(low) + f64::from(high)) / 2.0;
                    assert_eq!(median[i], middle as f32, "{rows} x {cols} {sharing:?} {i}");
                    let n = part.len() as f64;
                    let wide = || part.iter().map(|x| f64::from(*x));
                    let total: f64 = wide().sum();
                    let magnitude: f64 = wide().map(f64::abs).sum();
                    let squares: f64 = wide().map(|x| (x - total / n).powi(2)).sum();
                    let what = format!("{rows} x {cols} {sharing:?} {i} around {center}");
                    // At most 256 f32 additions follow each other, each off by half a unit.
                    let slack = magnitude * 256.0 * f64::from(f32::EPSILON) / 2.0 + 1e-30;
                    assert!(
                        (f64::from(sum[i]) - total).abs() <= slack,
                        "{what}: {} {total}",
                        sum[i]
                    );
                    assert!(
                        (f64::from(mean[i]) - total / n).abs() <= slack / n,
                        "{what}: {}",
                        mean[i]
                    );
                    let off = (f64::from(variance[i]) - squares / n).abs();
                    // The center is the mean rounded to f32.
                    let shift = (total / n * f64::from(f32::EPSILON)).powi(2);
                    assert!(
                        off <= squares / n * 1e-4 + shift,
                        "{what}: {} {}",
                        variance[i],
                        squares / n
                    );
                    let min = part.iter().copied().fold(f32::INFINITY, f32::min);
                    let max = part.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    assert_eq!((extremes[i], extremes[parts.len() + i]), (min, max), "{what}");
                    assert_eq!(largest[i], min.abs().max(max.abs()), "{what}");
                }
            }
        }
    }
}

/// Columns of every type, whether rows lie together or not, are those of the same numbers in f32.
#[test]
fn reductions_of_columns() {
    let mut rng = Lcg::new(72);
    for (rows, cols) in [(700, 1), (700, 3), (300, 31), (90, 128), (40, 200), (9, 257), (5, 1025)] {
        let halves: Vec<f16> = (0..rows * cols).map(|_| f16::from_f32(rng.value())).collect();
        let brains: Vec<bf16> = halves.iter().map(|x| bf16::from_f32(x.to_f32())).collect();
        for dtype in [1, 2] {
            let floats: Vec<f32> = match dtype {
                1 => halves.iter().map(|x| x.to_f32()).collect(),
                _ => brains.iter().map(|x| x.to_f32()).collect(),
            };
            let narrow = if dtype == 1 { halves.as_ptr().cast() } else { brains.as_ptr().cast() };
            let stride = cols + 5;
            let mut apart = vec![f32::NAN; rows * stride];
            for (to, from) in apart.chunks_mut(stride).zip(floats.chunks(cols)) {
                to[..cols].copy_from_slice(from);
            }
            let dense = matrix(&floats, rows);
            let apart = Matrix { data: apart.as_ptr().cast(), row_stride: stride, ..dense };
            let narrow = Matrix { data: narrow, dtype, ..dense };
            for what in REDUCTIONS {
                let want = reduced_matrix(what, &dense, (COLUMN, 0));
                for other in [&apart, &narrow] {
                    let got = reduced_matrix(what, other, (COLUMN, 0));
                    assert_eq!(got, want, "{what:?}, {rows} x {cols}, type {dtype}");
                }
            }
        }
    }
}

/// One NaN spoils the parameter it belongs to and no other; a zero has no sign.
#[test]
fn reductions_of_special_values() {
    let (rows, cols) = (5, 77);
    for what in REDUCTIONS {
        for sharing in [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 9)] {
            for spot in [0, 76, 200, rows * cols - 1] {
                let mut x = vec![-0.0_f32; rows * cols];
                let zero = reduced(what, &x, rows, sharing);
                assert!(zero.iter().all(|z| z.to_bits() == 0), "{what:?} {sharing:?} {zero:?}");
                x[spot] = f32::NAN;
                let parts = shared(&x, rows, sharing);
                let got = reduced(what, &x, rows, sharing);
                for (i, y) in got.iter().enumerate() {
                    let spoiled = parts[i % parts.len()].iter().any(|x| x.is_nan());
                    assert_eq!(y.is_nan(), spoiled, "{what:?} {sharing:?} {spot} {i}");
                }
                x[spot] = f32::NEG_INFINITY;
                let got = reduced(what, &x, rows, sharing);
                let finite = got.iter().filter(|y| y.is_finite()).count();
                // One infinity does not move a median.
                let moved = finite < got.len() || what == Reduce::Median;
                assert!(moved, "{what:?} {sharing:?} {spot}: {got:?}");
            }
        }
    }
}

#[test]
fn group_sizes() {
    let resolve = |fallback_mode, group_size, min_adjusted_group_size, channel| {
        let params = GroupFallbackParams {
            fallback_mode,
            group_size,
            min_adjusted_group_size,
            ..GroupFallbackParams::DEFAULT
        };
        let mut choice = GroupChoice::default();
        // SAFETY: both structures are here.
        ok(unsafe { ptqk_resolve_group_size(ptr::null(), &params, channel, &mut choice) });
        (choice.action, choice.group_size)
    };
    let (error, ignore, adjust, compress, backup, skip) = (0, 1, 2, 0, 1, 2);
    for mode in [error, ignore, adjust] {
        assert_eq!(resolve(mode, 128, 32, 256), (compress, 128));
        assert_eq!(resolve(mode, -1, 32, 77), (compress, -1));
        assert_eq!(resolve(mode, 1, 32, 77), (compress, 1));
    }
    assert_eq!(resolve(ignore, 128, 32, 100), (skip, 0));
    assert_eq!(resolve(adjust, 128, 32, 96), (compress, 32));
    assert_eq!(resolve(adjust, 128, 32, 192), (compress, 64));
    assert_eq!(resolve(adjust, 128, 32, 100), (backup, -1));
    assert_eq!(resolve(adjust, 128, 4, 100), (compress, 4));
    assert_eq!(resolve(adjust, 128, 1, 77), (compress, 1));
}

#[test]
fn weight_layouts() {
    for mode in MODES {
        let (rows, cols) = if mode.block > 0 { (64, 96) } else { (35, 51) };
        let cases = match mode.block {
            -1 => [(1, -1, F32), (1, 3, F16), (0, -1, F16), (0, 5, F32)],
            block => [(1, block, F32), (1, -1, F16), (0, block, F16), (0, -1, F32)],
        };
        for (axis, group, scale_dtype) in cases {
            let params = mode.params(group, axis, scale_dtype);
            let mut layout = WeightLayout::default();
            // SAFETY: both structures are here.
            ok(unsafe {
                ffi::ptqk_weight_layout_query(ptr::null(), &params, rows, cols, &mut layout)
            });
            let channel = if axis == 1 { cols } else { rows };
            let group = if mode.block > 0 { mode.block } else { group };
            let groups = rows * cols / usize::try_from(group).unwrap_or(channel);
            let row = code_row_bytes(mode.code_type, cols);
            let zeros = if mode.is_asymmetric() { groups } else { 0 };
            let scales = groups * mode.scale_bytes(scale_dtype);
            let tensor = if mode.number == NVFP4 { 4 } else { 0 };
            let want = WeightLayout {
                code_type: mode.code_type,
                bits: mode.bits,
                code_row_bytes: row,
                code_bytes: rows * row,
                groups,
                scale_bytes: scales,
                tensor_scale_bytes: tensor,
                zero_point_bytes: zeros,
                total_bytes: rows * row + scales + tensor + zeros,
            };
            assert_eq!(layout, want, "{params:?}");
        }
    }
}
