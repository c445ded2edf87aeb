//! Float formats of at most eight bits against their definitions, on every tier: what a code is
//! worth, and which code is nearest to a number.
//!
//! The reference works on f64 with a sorted list of all values; it shares nothing with the library
//! but the table of parameters (bits, bias, specials), which is stated here once more.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests"
)]

use ptqk::dispatch;
use ptqk::formats::{self, CB4, FloatFormat, NF4, NF4_THRESHOLDS};
use ptqk::kernels::{FloatDecoding, FloatEncoding, Kernels, TableCoding};
use std::num::NonZeroUsize;

const WHOLE: NonZeroUsize = NonZeroUsize::MAX;

/// What the last codes of a format mean.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Numbers,
    OneNan,
    InfinityAndNans,
    NoMinusZero,
}

/// A format as its specification states it.
struct Definition {
    name: &'static str,
    exponent: u32,
    mantissa: u32,
    bias: i32,
    end: End,
    largest: f64,
    format: FloatFormat,
}

const DEFINITIONS: [Definition; 7] = [
    Definition {
        name: "e4m3",
        exponent: 4,
        mantissa: 3,
        bias: 7,
        end: End::OneNan,
        largest: 448.0,
        format: formats::E4M3,
    },
    Definition {
        name: "e5m2",
        exponent: 5,
        mantissa: 2,
        bias: 15,
        end: End::InfinityAndNans,
        largest: 57344.0,
        format: formats::E5M2,
    },
    Definition {
        name: "e4m3 fnuz",
        exponent: 4,
        mantissa: 3,
        bias: 8,
        end: End::NoMinusZero,
        largest: 240.0,
        format: formats::E4M3_FNUZ,
    },
    Definition {
        name: "e5m2 fnuz",
        exponent: 5,
        mantissa: 2,
        bias: 16,
        end: End::NoMinusZero,
        largest: 57344.0,
        format: formats::E5M2_FNUZ,
    },
    Definition {
        name: "e3m2",
        exponent: 3,
        mantissa: 2,
        bias: 3,
        end: End::Numbers,
        largest: 28.0,
        format: formats::E3M2,
    },
    Definition {
        name: "e2m3",
        exponent: 2,
        mantissa: 3,
        bias: 1,
        end: End::Numbers,
        largest: 7.5,
        format: formats::E2M3,
    },
    Definition {
        name: "e2m1",
        exponent: 2,
        mantissa: 1,
        bias: 1,
        end: End::Numbers,
        largest: 6.0,
        format: formats::E2M1,
    },
];

impl Definition {
    fn sign(&self) -> u8 {
        1 << (self.exponent + self.mantissa)
    }

    /// The value of a code, by the definition.
    fn value(&self, code: u8) -> f64 {
        let magnitude = code & (self.sign() - 1);
        let negative = code & self.sign() != 0;
        let (e, m) = (magnitude >> self.mantissa, magnitude & ((1 << self.mantissa) - 1));
        let top = (1 << self.exponent) - 1;
        let fraction = f64::from(m) / f64::from(1 << self.mantissa);
        let number = if e == 0 {
            fraction * 2f64.powi(1 - self.bias)
        } else {
            (1.0 + fraction) * 2f64.powi(i32::from(e) - self.bias)
        };
        let value = match self.end {
            End::OneNan if magnitude == self.sign() - 1 => f64::NAN,
            End::InfinityAndNans if e == top && m == 0 => f64::INFINITY,
            End::InfinityAndNans if e == top => f64::NAN,
            End::NoMinusZero if negative && magnitude == 0 => f64::NAN,
            _ => number,
        };
        if negative { -value } else { value }
    }

    /// Codes of the numbers from 0 up.
    fn magnitudes(&self) -> Vec<u8> {
        (0..self.sign()).filter(|c| self.value(*c).is_finite()).collect()
    }

    /// The code nearest to `x`, ties to the even code; `nan` for a NaN. Beyond the largest number:
    /// that number, or what the format has for an overflow if `overflow`.
    fn nearest(&self, x: f64, overflow: bool, nan: u8) -> u8 {
        if x.is_nan() {
            return nan;
        }
        let magnitudes = self.magnitudes();
        let largest = *magnitudes.last().unwrap();
        // Where the next number would be, rounding goes to it as to any other.
        let step = self.value(largest) - self.value(largest - 1);
        let beyond = self.value(largest) + step;
        let a = x.abs();
        let mut best = (f64::INFINITY, 0_u8);
        let next = overflow.then_some((largest + 1, beyond));
        for (code, value) in magnitudes.iter().map(|c| (*c, self.value(*c))).chain(next) {
            let distance = (a.min(beyond) - value).abs();
            if distance < best.0 || distance == best.0 && code % 2 == 0 {
                best = (distance, code);
            }
        }
        let sign = if x.is_sign_negative() { self.sign() } else { 0 };
        match (self.end, best.1) {
            (End::NoMinusZero, 0) => 0,
            (End::NoMinusZero, 0x80) => 0x80,
            (_, code) => code | sign,
        }
    }

    /// What the library is asked to do.
    fn encoding<'a>(&self, overflow: bool, nan: u8, scale: &'a [f32]) -> FloatEncoding<'a> {
        let last = self.format.largest();
        let limit = self.format.magnitude(if overflow { last + 1 } else { last });
        let format = self.format;
        FloatEncoding { format, limit, nan, group: WHOLE, scale, bounded: false }
    }

    /// Every number, every midpoint, what is beyond, and the neighbours of all of them.
    fn borders(&self) -> Vec<f32> {
        let mut magnitudes: Vec<f64> = self.magnitudes().iter().map(|c| self.value(*c)).collect();
        let n = magnitudes.len();
        magnitudes.push(2.0 * magnitudes[n - 1] - magnitudes[n - 2]);
        magnitudes.push(3.0 * magnitudes[n - 1] - 2.0 * magnitudes[n - 2]);
        let midpoints: Vec<f64> = magnitudes.windows(2).map(|w| (w[0] + w[1]) / 2.0).collect();
        let quarter = magnitudes[1] / 4.0;
        let mut all = Vec::new();
        for x in magnitudes.iter().chain(&midpoints).chain(&[quarter]) {
            for d in -3..=3 {
                let x = f32::from_bits((*x as f32).to_bits().saturating_add_signed(d));
                all.extend([x, -x]);
            }
        }
        all
    }
}

const SPECIALS: [f32; 12] = [
    0.0,
    -0.0,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    -f32::NAN,
];

/// Floats of all exponents, a few per octave, and more around 1.
fn sample() -> Vec<f32> {
    let all = (0..1 << 16).map(|i: u32| f32::from_bits(i.wrapping_mul(65_537)));
    let near = (0..1 << 16).map(|i: u32| f32::from_bits(0x3A00_0000 + i * 4099));
    all.chain(near).chain(near_negative()).collect()
}

fn near_negative() -> impl Iterator<Item = f32> {
    (0..1 << 14).map(|i: u32| -f32::from_bits(0x3A00_0000 + i * 16411))
}

fn tables() -> impl Iterator<Item = &'static Kernels> {
    dispatch::available()
}

#[test]
fn largest_numbers() {
    for d in &DEFINITIONS {
        assert_eq!(f64::from(d.format.max()), d.largest, "{}", d.name);
        assert_eq!(d.value(d.format.largest()), d.largest, "{}", d.name);
    }
}

#[test]
fn every_code_decodes_to_its_definition() {
    let codes: Vec<u8> = (0..=255).collect();
    for d in &DEFINITIONS {
        for scale in [&[][..], &[1.0], &[-0.037], &[3e38], &[1e-44]] {
            let from = FloatDecoding { format: d.format, group: WHOLE, scale };
            // Whole blocks, tails of all lengths.
            for len in (0..=96).chain([256]) {
                let mut out = vec![f32::NAN; len];
                for k in tables() {
                    k.decode_float(&codes[..len], &from, &mut out);
                    for (code, y) in codes.iter().zip(&out) {
                        let value = d.value(code & (2 * (d.sign() - 1) + 1)) as f32;
                        let want = value * scale.first().copied().unwrap_or(1.0);
                        let same = want.to_bits() == y.to_bits() || want.is_nan() && y.is_nan();
                        assert!(same, "{} {code} {:?}: {y}, not {want}", d.name, k.isa());
                    }
                }
            }
        }
    }
}

#[test]
fn numbers_encode_to_the_nearest_code() {
    let sample = sample();
    for d in &DEFINITIONS {
        let nan = d.format.nan().unwrap_or(d.format.largest());
        for (overflow, nan) in [(false, nan), (true, nan), (false, d.sign() | d.format.largest())] {
            if overflow && d.end == End::Numbers {
                continue;
            }
            let src: Vec<f32> =
                d.borders().into_iter().chain(SPECIALS).chain(sample.iter().copied()).collect();
            let want: Vec<u8> =
                src.iter().map(|x| d.nearest(f64::from(*x), overflow, nan)).collect();
            let mut out = vec![0; src.len()];
            for k in tables() {
                k.encode_float(&src, &d.encoding(overflow, nan, &[]), &mut out);
                for ((x, want), q) in src.iter().zip(&want).zip(&out) {
                    assert_eq!(q, want, "{} {x:e} {:?} overflow {overflow}", d.name, k.isa());
                }
            }
        }
    }
}

#[test]
fn scaled_numbers_encode_as_their_quotient() {
    let scales = [1.0, -0.1, 3.0, 1.000_000_1, 1e-3, 1e30, 1e-30, -1.37e-42, f32::MAX, 1e-45];
    for d in &DEFINITIONS {
        let nan = d.format.nan().unwrap_or(d.format.largest());
        for scale in &scales {
            let near = d.borders().into_iter().map(|x| x * scale);
            let src: Vec<f32> = near.chain(SPECIALS).collect();
            let want: Vec<u8> =
                src.iter().map(|x| d.nearest(f64::from(x / scale), false, nan)).collect();
            let mut out = vec![0; src.len()];
            for k in tables() {
                let to = d.encoding(false, nan, std::slice::from_ref(scale));
                k.encode_float(&src, &to, &mut out);
                for ((x, want), q) in src.iter().zip(&want).zip(&out) {
                    assert_eq!(q, want, "{} {x:e} / {scale:e} {:?}", d.name, k.isa());
                }
            }
        }
    }
}

#[test]
fn groups_have_their_own_scale() {
    let scales: Vec<f32> =
        (0..300).map(|i| if i % 3 == 0 { -1.5 } else { 0.01 * i as f32 }).collect();
    for d in &DEFINITIONS {
        for group in [1, 3, 16, 32, 33, 64, 100] {
            for len in [0_usize, 1, 31, 32, 65, 128, 200] {
                let src: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin() * 9.0).collect();
                let group = NonZeroUsize::new(group).unwrap();
                let scale = &scales[..len.div_ceil(group.get())];
                let scale: Vec<f32> =
                    scale.iter().map(|s| if *s == 0.0 { 1.0 } else { *s }).collect();
                let to = FloatEncoding { group, ..d.encoding(false, 0, &scale) };
                let from = FloatDecoding { format: d.format, group, scale: &scale };
                for k in tables() {
                    let (mut q, mut y) = (vec![0; len], vec![0.0; len]);
                    k.encode_float(&src, &to, &mut q);
                    k.decode_float(&q, &from, &mut y);
                    for i in 0..len {
                        let s = scale[i / group.get()];
                        let want = d.nearest(f64::from(src[i] / s), false, 0);
                        assert_eq!(q[i], want, "{} {:?} {group} {len} {i}", d.name, k.isa());
                        assert_eq!(y[i].to_bits(), (d.value(want) as f32 * s).to_bits());
                    }
                }
            }
        }
    }
}

/// The heap of sorted thresholds, by its definition.
fn heap(sorted: &[f32; 15]) -> [f32; 16] {
    let mut out = [0.0; 16];
    let mut fill = vec![(1, 0, 15)];
    while let Some((at, low, high)) = fill.pop() {
        let middle = (low + high) / 2;
        out[at] = sorted[middle];
        if high - low > 1 {
            fill.push((2 * at, low, middle));
            fill.push((2 * at + 1, middle + 1, high));
        }
    }
    out
}

#[test]
fn tables_of_sixteen() {
    let midpoints: Vec<f32> = CB4.windows(2).map(|w| (w[0] + w[1]) / 2.0).collect();
    let sample = sample();
    for (values, thresholds) in [(NF4, NF4_THRESHOLDS), (CB4, midpoints.try_into().unwrap())] {
        let near = thresholds
            .iter()
            .chain(&values)
            .flat_map(|x| [-1, 0, 1].map(|d| f32::from_bits(x.to_bits().wrapping_add_signed(d))));
        let src: Vec<f32> = near.chain(SPECIALS).chain(sample.iter().copied()).collect();
        for scale in [None, Some(1.0), Some(-0.3), Some(1e-30), Some(f32::MAX)] {
            let scales: Vec<f32> = scale.into_iter().collect();
            let coding = TableCoding {
                thresholds: heap(&thresholds),
                values,
                group: WHOLE,
                scale: &scales,
                bounded: false,
            };
            for k in tables() {
                let (mut q, mut y) = (vec![0; src.len()], vec![0.0; src.len()]);
                k.encode_table(&src, &coding, &mut q);
                k.decode_table(&q, &coding, &mut y);
                for ((x, q), y) in src.iter().zip(&q).zip(&y) {
                    let x = x / scale.unwrap_or(1.0);
                    let x = if x.is_nan() { 0.0 } else { x };
                    let want = thresholds.iter().filter(|t| **t < x).count();
                    assert_eq!(usize::from(*q), want, "{x:e} {:?}", k.isa());
                    assert_eq!(*y, values[want] * scale.unwrap_or(1.0));
                }
            }
        }
    }
}
