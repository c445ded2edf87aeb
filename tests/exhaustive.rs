//! Every input where the domain is small: all codes and all 16-bit floats always, all 2^32 floats
//! on demand (`cargo test --release --test exhaustive -- --ignored`, seconds per kernel and tier).

#![allow(missing_docs, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use half::{bf16, f16};
use ptqk::dispatch;
use ptqk::kernels::{Affine, Isa, Kernels};
use ptqk::params::elementwise::Rounding;
use std::num::NonZeroUsize;

fn scalar() -> &'static Kernels {
    dispatch::available().find(|k| k.isa() == Isa::Scalar).expect("every CPU has it")
}

fn others() -> impl Iterator<Item = &'static Kernels> {
    dispatch::available().filter(|k| k.isa() != Isa::Scalar)
}

fn affine<'a>(scale: &'a [f32], zero_point: &'a [i32], min: i32, max: i32) -> Affine<'a> {
    Affine {
        group: NonZeroUsize::MAX,
        scale,
        reciprocal: &[],
        zero_point,
        zero_point_all: 0,
        rounding: Rounding::AfterRounding,
        min,
        max,
        bounded: false,
    }
}

/// Bits to compare: one NaN is like another.
fn bits(x: f32) -> u32 {
    if x.is_nan() { 0x7FC0_0000 } else { x.to_bits() }
}

/// Half-precision floats by their definition: sign, exponent, fraction.
fn half_value(code: u16) -> f64 {
    let (sign, exponent) = (if code >> 15 == 1 { -1.0 } else { 1.0 }, code >> 10 & 31);
    let fraction = f64::from(code & 1023);
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        e => (1024.0 + fraction) * 2f64.powi(i32::from(e) - 25),
    }
}

#[test]
fn all_16_bit_floats_widen() {
    let codes: Vec<u16> = (0..=u16::MAX).collect();
    let halves: Vec<f16> = codes.iter().map(|c| f16::from_bits(*c)).collect();
    let brains: Vec<bf16> = codes.iter().map(|c| bf16::from_bits(*c)).collect();
    let mut out = vec![0.0; codes.len()];
    for k in dispatch::available() {
        k.widen_f16(&halves, &mut out);
        for (code, x) in codes.iter().zip(&out) {
            assert_eq!(bits(*x), bits(half_value(*code) as f32), "{:?} {code:#06x}", k.isa());
        }
        k.widen_bf16(&brains, &mut out);
        for (code, x) in codes.iter().zip(&out) {
            let want = f32::from_bits(u32::from(*code) << 16);
            assert_eq!(bits(*x), bits(want), "{:?} {code:#06x}", k.isa());
        }
    }
}

#[test]
fn all_16_bit_floats_survive_a_round_trip() {
    let codes: Vec<u16> = (0..=u16::MAX).collect();
    let halves: Vec<f16> = codes.iter().map(|c| f16::from_bits(*c)).collect();
    let brains: Vec<bf16> = codes.iter().map(|c| bf16::from_bits(*c)).collect();
    let mut floats = vec![0.0; codes.len()];
    for k in dispatch::available() {
        let mut back = vec![f16::ZERO; codes.len()];
        k.widen_f16(&halves, &mut floats);
        k.narrow_f16(&floats, &mut back);
        assert!(halves.iter().zip(&back).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
        let mut back = vec![bf16::ZERO; codes.len()];
        k.widen_bf16(&brains, &mut floats);
        k.narrow_bf16(&floats, &mut back);
        assert!(brains.iter().zip(&back).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
    }
}

#[test]
fn all_codes_dequantize() {
    let codes: Vec<u16> = (0..=u16::MAX).collect();
    let signed: Vec<i16> = codes.iter().map(|c| *c as i16).collect();
    let mut out = vec![0.0; codes.len()];
    for scale in [0.1_f32, -3.7e-5, 1e30] {
        for zero in [0, 1, -77, 32767] {
            for k in dispatch::available() {
                let zeros = [zero];
                let scales = [scale];
                let from = affine(&scales, &zeros, 0, 0);
                k.dequantize_i16(&signed, &from, &mut out);
                for (q, y) in signed.iter().zip(&out) {
                    let want = (i32::from(*q) - zero) as f32 * scale;
                    assert_eq!(y.to_bits(), want.to_bits(), "{:?} {q}", k.isa());
                }
                k.dequantize_u16(&codes, &from, &mut out);
                for (q, y) in codes.iter().zip(&out) {
                    let want = (i32::from(*q) - zero) as f32 * scale;
                    assert_eq!(y.to_bits(), want.to_bits(), "{:?} {q}", k.isa());
                }
            }
        }
    }
}

/// Calls `f` with all 2^32 floats, 2^20 at a time.
fn all_floats(mut f: impl FnMut(&[f32])) {
    let mut x = vec![0.0; 1 << 20];
    for high in 0..1_u32 << 12 {
        for (low, x) in (0_u32..).zip(&mut x) {
            *x = f32::from_bits(high << 20 | low);
        }
        f(&x);
    }
}

#[test]
#[ignore = "2^32 floats, on demand"]
fn all_floats_quantize() {
    let n = 1 << 20;
    for (scale, zero) in [([0.0371_f32], [0]), ([-1.7e-12], [-9]), ([6.1e19], [100])] {
        let to = affine(&scale, &zero, -128, 127);
        let wide = affine(&scale, &zero, -32768, 32767);
        let (mut want, mut got) = (vec![0_i8; n], vec![0_i8; n]);
        let (mut want16, mut got16) = (vec![0_i16; n], vec![0_i16; n]);
        all_floats(|x| {
            scalar().quantize_i8(x, &to, &mut want);
            scalar().quantize_i16(x, &wide, &mut want16);
            for k in others() {
                k.quantize_i8(x, &to, &mut got);
                assert!(want == got, "{:?} from {:e} scale {}", k.isa(), x[0], scale[0]);
                k.quantize_i16(x, &wide, &mut got16);
                assert!(want16 == got16, "{:?} from {:e} scale {}", k.isa(), x[0], scale[0]);
            }
        });
    }
}

#[test]
#[ignore = "2^32 floats, on demand"]
fn all_floats_narrow() {
    let n = 1 << 20;
    let (mut want, mut got) = (vec![f16::ZERO; n], vec![f16::ZERO; n]);
    let (mut want_b, mut got_b) = (vec![bf16::ZERO; n], vec![bf16::ZERO; n]);
    all_floats(|x| {
        scalar().narrow_f16(x, &mut want);
        scalar().narrow_bf16(x, &mut want_b);
        for k in others() {
            k.narrow_f16(x, &mut got);
            let same =
                |(a, b): (&f16, &f16)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            assert!(want.iter().zip(&got).all(same), "{:?} from {:e}", k.isa(), x[0]);
            k.narrow_bf16(x, &mut got_b);
            let same =
                |(a, b): (&bf16, &bf16)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            assert!(want_b.iter().zip(&got_b).all(same), "{:?} from {:e}", k.isa(), x[0]);
        }
    });
}

#[test]
#[ignore = "2^32 floats, on demand"]
fn all_floats_fake_quantize() {
    let n = 1 << 20;
    let (mut want, mut got) = (vec![0.0; n], vec![0.0; n]);
    for (low, high, levels) in
        [(-1.007874_f32, 1.0_f32, 256), (-3e-9, 7e-9, 65536), (0.0, 5e20, 16)]
    {
        all_floats(|x| {
            want.copy_from_slice(x);
            scalar().fake_quantize(&mut want, low, high, levels);
            for k in others() {
                got.copy_from_slice(x);
                k.fake_quantize(&mut got, low, high, levels);
                let same = want.iter().zip(&got).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{:?} from {:e} to {high}", k.isa(), x[0]);
            }
        });
    }
}
