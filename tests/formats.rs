//! Float formats of at most eight bits against their definitions, on every tier: what a code is
//! worth, and which code is nearest to a number.
//!
//! The reference works on f64 with a sorted list of all values; it shares nothing with the library
//! but the table of parameters (bits, bias, specials), which is stated here once more.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use ptqk::dispatch;
use ptqk::formats::{self, CB4, FloatFormat, NF4, NF4_THRESHOLDS};
use ptqk::kernels::{FloatDecoding, FloatEncoding, Kernels, PowerRounding, TableCoding};
use std::num::NonZeroUsize;
use std::sync::OnceLock;

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
    numbers: OnceLock<Vec<(u8, f64)>>,
}

static DEFINITIONS: [Definition; 7] = [
    Definition {
        name: "e4m3",
        exponent: 4,
        mantissa: 3,
        bias: 7,
        end: End::OneNan,
        largest: 448.0,
        format: formats::E4M3,
        numbers: OnceLock::new(),
    },
    Definition {
        name: "e5m2",
        exponent: 5,
        mantissa: 2,
        bias: 15,
        end: End::InfinityAndNans,
        largest: 57344.0,
        format: formats::E5M2,
        numbers: OnceLock::new(),
    },
    Definition {
        name: "e4m3 fnuz",
        exponent: 4,
        mantissa: 3,
        bias: 8,
        end: End::NoMinusZero,
        largest: 240.0,
        format: formats::E4M3_FNUZ,
        numbers: OnceLock::new(),
    },
    Definition {
        name: "e5m2 fnuz",
        exponent: 5,
        mantissa: 2,
        bias: 16,
        end: End::NoMinusZero,
        largest: 57344.0,
        format: formats::E5M2_FNUZ,
        numbers: OnceLock::new(),
    },
    Definition {
        name: "e3m2",
        exponent: 3,
        mantissa: 2,
        bias: 3,
        end: End::Numbers,
        largest: 28.0,
        format: formats::E3M2,
        numbers: OnceLock::new(),
    },
    Definition {
        name: "e2m3",
        exponent: 2,
        mantissa: 3,
        bias: 1,
        end: End::Numbers,
        largest: 7.5,
        format: formats::E2M3,
        numbers: OnceLock::new(),
    },
    Definition {
        name: "e2m1",
        exponent: 2,
        mantissa: 1,
        bias: 1,
        end: End::Numbers,
        largest: 6.0,
        format: formats::E2M1,
        numbers: OnceLock::new(),
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
        let numbers = self.numbers.get_or_init(|| {
            self.magnitudes().into_iter().map(|code| (code, self.value(code))).collect()
        });
        let [.., (_, last), (largest, value)] = numbers[..] else { panic!("no numbers") };
        // Where the next number would be, rounding goes to it as to any other.
        let beyond = value + (value - last);
        let a = x.abs();
        let mut best = (f64::INFINITY, 0_u8);
        let next = overflow.then_some((largest + 1, beyond));
        for (code, value) in numbers.iter().copied().chain(next) {
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

#[test]
fn short_groups_of_bounded_numbers() {
    for d in DEFINITIONS.iter().step_by(3) {
        for group in [32, 96, 128, 1024, 4096] {
            for len in [31_usize, 2080, 5001] {
                let src: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin() * 9.0).collect();
                let group = NonZeroUsize::new(group).unwrap();
                let odd = len % 2 == 1;
                let scale: Vec<f32> = (0..len.div_ceil(group.get()))
                    // One group is divided by a number without a reciprocal, in some cases.
                    .map(|i| if odd && i == 9 { 1e30 } else { 0.01 * (i % 50 + 1) as f32 })
                    .collect();
                let to = FloatEncoding { group, bounded: true, ..d.encoding(false, 0, &scale) };
                let coding = TableCoding {
                    thresholds: heap(&NF4_THRESHOLDS),
                    values: NF4,
                    group,
                    scale: &scale,
                    bounded: true,
                };
                for k in tables() {
                    let (mut q, mut t) = (vec![0; len], vec![0; len]);
                    k.encode_float(&src, &to, &mut q);
                    k.encode_table(&src, &coding, &mut t);
                    for i in 0..len {
                        let x = src[i] / scale[i / group.get()];
                        let want = d.nearest(f64::from(x), false, 0);
                        assert_eq!(q[i], want, "{} {:?} {group} {len} {i}", d.name, k.isa());
                        let want = NF4_THRESHOLDS.iter().filter(|t| **t < x).count();
                        assert_eq!(usize::from(t[i]), want, "{:?} {group} {len} {i}", k.isa());
                    }
                }
            }
        }
    }
}

#[test]
fn powers_of_two() {
    let sample = sample();
    let around = (1..=254_u32).flat_map(|e| {
        [e << 23, (e << 23) | (1 << 22)].into_iter().flat_map(|bits| bits - 2..=bits + 2)
    });
    let small = (0..40).chain((1 << 22) - 3..(1 << 22) + 4).chain((3 << 21) - 3..(3 << 21) + 4);
    let src: Vec<f32> =
        around.chain(small).map(f32::from_bits).chain(SPECIALS).chain(sample).collect();
    for (rounding, overflow) in [
        (PowerRounding::Nearest, 254),
        (PowerRounding::Nearest, 255),
        (PowerRounding::Up, 254),
        (PowerRounding::Down, 255),
    ] {
        let want: Vec<u8> =
            src.iter().map(|x| power_of(f64::from(*x), rounding, overflow)).collect();
        let mut got = vec![0; src.len()];
        for k in tables() {
            k.encode_power(&src, rounding, overflow, &mut got);
            for ((x, want), got) in src.iter().zip(&want).zip(&got) {
                assert_eq!(got, want, "{x:e} {rounding:?} {:?}", k.isa());
            }
        }
    }
    let codes: Vec<u8> = (0..=255).collect();
    let mut values = vec![0.0; 256];
    for k in tables() {
        k.decode_power(&codes, &mut values);
        for (code, value) in codes.iter().zip(&values).take(255) {
            assert_eq!(f64::from(*value), 2f64.powi(i32::from(*code) - 127));
        }
        assert!(values[255].is_nan());
    }
}

/// The code of a power of two by its definition, in f64, where no power is a subnormal.
fn power_of(x: f64, rounding: PowerRounding, overflow: u8) -> u8 {
    if x.is_nan() || x < 0.0 {
        return 255;
    }
    if x == f64::INFINITY {
        return overflow;
    }
    let smallest = 2f64.powi(-127);
    if x <= smallest {
        return 0;
    }
    let exponent = (x.to_bits() >> 52) as i32 - 1023;
    let (low, code) = (2f64.powi(exponent), exponent + 127);
    let up = match rounding {
        PowerRounding::Nearest => x > 1.5 * low || x == 1.5 * low && code % 2 == 1,
        PowerRounding::Up => x > low,
        PowerRounding::Down => false,
    };
    u8::try_from(code + i32::from(up)).ok().filter(|code| *code < 255).unwrap_or(overflow)
}

#[test]
fn fake_convert_is_encode_and_decode() {
    let places =
        [(1.0, 0.0), (0.037, 0.0), (-3.0, 0.25), (1e20, 1.0), (1e-25, -0.0), (448.0, -7.5)];
    for d in &DEFINITIONS {
        let nan = d.sign() | d.format.largest();
        let to = d.encoding(false, nan, &[]);
        for (scale, shift) in places {
            let near = d.borders().into_iter().map(|x| (x + shift) / scale);
            let src: Vec<f32> = near.chain(SPECIALS).collect();
            let want: Vec<f32> = src
                .iter()
                .map(|x| {
                    let code = d.nearest(f64::from(x * scale - shift), false, nan);
                    (d.value(code) as f32 + (shift + 0.0)) / scale
                })
                .collect();
            for k in tables() {
                let mut got = src.clone();
                k.fake_convert(&mut got, scale, shift, &to);
                let mut columns = src.clone();
                let (scales, shifts) = (vec![scale; src.len()], vec![shift; src.len()]);
                k.fake_convert_columns(&mut columns, &scales, &shifts, &to);
                for (i, want) in want.iter().enumerate() {
                    let what = || format!("{} {:e} {scale} {shift} {:?}", d.name, src[i], k.isa());
                    assert_eq!(got[i].to_bits(), want.to_bits(), "{}", what());
                    assert_eq!(columns[i].to_bits(), want.to_bits(), "columns {}", what());
                }
            }
        }
    }
}

#[test]
fn noise_is_philox() {
    for k in tables() {
        // The first of the known answers of its authors: key and counter 0.
        let mut words = [0; 4];
        k.noise(0, 0, &mut words);
        assert_eq!(words, [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        // Any part is the part of the whole.
        let mut whole = vec![0; 100];
        k.noise(0x0123_4567_89AB_CDEF, 40, &mut whole);
        for start in 0..20 {
            for len in 0..20 {
                let mut part = vec![0; len];
                k.noise(0x0123_4567_89AB_CDEF, 40 + start as u64, &mut part);
                assert_eq!(part, whole[start..start + len]);
            }
        }
    }
}

#[test]
fn dither_goes_to_a_neighbour_as_often_as_it_is_near() {
    let n = 1 << 16;
    let mut noise = vec![0; n];
    dispatch::active().noise(7, 0, &mut noise);
    // Mantissa bits and smallest exponent field of E4M3, E5M2, f16, bf16.
    for (mantissa, exponent) in [(3, 121), (2, 113), (10, 113), (7, 1)] {
        let smallest = 2f64.powi(exponent as i32 - 127);
        for x in [1.1_f32, -3.7, 0.01, 1e-5, 3e-7, -1e-40, 60000.0] {
            let field = (f64::from(x.abs())).max(smallest).log2().floor();
            let step = 2f64.powi(field as i32 - mantissa as i32);
            let (low, rest) = ((f64::from(x) / step).floor() * step, f64::from(x) / step);
            let share = rest - rest.floor();
            for k in tables() {
                let mut data = vec![x; n];
                k.dither(&mut data, &noise, mantissa, exponent);
                let above = data.iter().filter(|y| f64::from(**y) == low + step).count();
                let below = data.iter().filter(|y| f64::from(**y) == low).count();
                assert_eq!(above + below, n, "{x:e} {mantissa} {:?}", k.isa());
                // Five standard deviations of a fair draw.
                let deviation = (above as f64 / n as f64 - share).abs();
                assert!(deviation < 5.0 * (0.25 / n as f64).sqrt(), "{x:e} {mantissa} {deviation}");
            }
        }
        for k in tables() {
            let mut data = vec![0.0, -0.0, 1.0, -1.5, f32::INFINITY, 2.0];
            let start = data.clone();
            k.dither(&mut data, &noise, mantissa, exponent);
            assert_eq!(data, start, "numbers of the format stay");
        }
    }
}

/// The codes of all magnitudes: number `i` of them begins at the f32 with the bits `starts[i]`.
/// The end of the list is NaN.
struct Steps {
    starts: Vec<u32>,
    codes: Vec<u16>,
}

impl Steps {
    /// From ascending values with their codes: halfway to the next the code changes, on the half
    /// for the even one. Beyond the last value it stays; what comes at `nan` is given.
    fn new(values: &[(u16, f64)], nan: u16) -> Self {
        let (mut starts, mut codes) = (vec![0], vec![values[0].0]);
        for pair in values.windows(2) {
            let half = (pair[0].1 + pair[1].1) / 2.0;
            let bits = (half as f32).to_bits();
            assert_eq!(f64::from(half as f32), half, "a midpoint needs more bits than f32 has");
            starts.push(if pair[1].0 % 2 == 0 { bits } else { bits + 1 });
            codes.push(pair[1].0);
        }
        starts.push(0x7F80_0001);
        codes.push(nan);
        Self { starts, codes }
    }

    /// The codes of the magnitudes from `first` on.
    fn fill(&self, first: u32, want: &mut [u16]) {
        let mut at = self.starts.partition_point(|start| *start <= first) - 1;
        let mut done = 0;
        while done < want.len() {
            let next = self.starts.get(at + 1).copied().unwrap_or(u32::MAX);
            let end = want.len().min(next.saturating_sub(first) as usize);
            want[done..end].fill(self.codes[at]);
            (done, at) = (end, at + 1);
        }
    }
}

/// A format of 16 bits by its definition: values of the codes from 0 to infinity, which rounding
/// treats as the next number.
fn sixteen(exponent: u32, mantissa: u32, bias: i32) -> Steps {
    let value = |code: u16| {
        let (e, m) = (i32::from(code >> mantissa), code & ((1 << mantissa) - 1));
        let fraction = f64::from(m) / f64::from(1 << mantissa);
        let lead = if e == 0 { 0.0 } else { 1.0 };
        (lead + fraction) * 2f64.powi(e.max(1) - bias)
    };
    let infinity = ((1 << exponent) - 1) << mantissa;
    let values: Vec<(u16, f64)> = (0..=infinity).map(|code| (code, value(code))).collect();
    Steps::new(&values, infinity + 1)
}

/// Stands for NaN where codes have 8 bits.
const NAN: u16 = 256;

/// Ascending magnitudes of a definition, the overflow last.
fn steps(d: &Definition, overflow: bool) -> Steps {
    let mut values: Vec<(u16, f64)> =
        d.magnitudes().into_iter().map(|c| (u16::from(c), d.value(c))).collect();
    let n = values.len();
    if overflow {
        values.push((values[n - 1].0 + 1, 2.0 * values[n - 1].1 - values[n - 2].1));
    }
    Steps::new(&values, NAN)
}

/// A kernel that makes codes, as 16 bits.
type Encode<'a> = &'a dyn Fn(&Kernels, &[f32], &mut [u16]);

/// Compares all tables on floats whose magnitudes are consecutive. `signed` makes the code of a
/// number from that of its magnitude.
fn check_block(
    name: &str,
    steps: &Steps,
    first: u32,
    (x, want, got): (&mut [f32], &mut [u16], &mut [u16]),
    signed: &dyn Fn(u16, bool) -> u16,
    is_nan: &dyn Fn(u16) -> bool,
    encode: Encode<'_>,
) {
    for sign in [0, 1 << 31] {
        for (i, x) in (0_u32..).zip(x.iter_mut()) {
            *x = f32::from_bits((first + i) | sign);
        }
        steps.fill(first, want);
        want.iter_mut().for_each(|code| *code = signed(*code, sign != 0));
        for k in tables() {
            encode(k, x, got);
            let wrong = (0..x.len())
                .find(|i| want[*i] != got[*i] && !(is_nan(want[*i]) && is_nan(got[*i])));
            if let Some(i) = wrong {
                panic!("{name} {:?}: {:e} gives {}, not {}", k.isa(), x[i], got[i], want[i]);
            }
        }
    }
}

/// Calls `check` with blocks of magnitudes: all of them, or those around every border and a sample.
fn blocks(all: bool, steps: &Steps, mut check: impl FnMut(u32, usize)) {
    if all {
        (0..1_u32 << 11).for_each(|high| check(high << 20, 1 << 20));
        return;
    }
    for start in &steps.starts {
        check(start.saturating_sub(4), 9);
    }
    (0..1_u32 << 11).for_each(|high| check(high << 20 | (high.wrapping_mul(7919) & 0x7_FFFF), 67));
}

/// All kernels that make codes, against the steps of their definitions.
fn check_all(all: bool) {
    let n = if all { 1 << 20 } else { 128 };
    let (mut x, mut want, mut got) = (vec![0.0; n], vec![0; n], vec![0; n]);
    let mut bytes = vec![0_u8; n];
    let bytes = std::cell::RefCell::new(&mut bytes);
    for d in &DEFINITIONS {
        let nan = d.format.nan().unwrap_or(d.format.largest());
        for overflow in [false, true] {
            if overflow && d.end == End::Numbers {
                continue;
            }
            let steps = steps(d, overflow);
            let to = d.encoding(overflow, nan, &[]);
            let signed = |code: u16, negative: bool| match d.end {
                _ if code == NAN => u16::from(nan),
                End::NoMinusZero if code == 0 || code == 0x80 => code,
                _ if negative => code | u16::from(d.sign()),
                _ => code,
            };
            // The code of NaN is also that of overflow, which has a sign where NaN has none.
            let is_nan = |code: u16| d.value(code as u8).is_nan();
            blocks(all, &steps, |first, len| {
                let buffers = (&mut x[..len], &mut want[..len], &mut got[..len]);
                check_block(d.name, &steps, first, buffers, &signed, &is_nan, &|k, x, got| {
                    let mut bytes = bytes.borrow_mut();
                    k.encode_float(x, &to, &mut bytes[..x.len()]);
                    got.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = u16::from(*from));
                });
            });
        }
    }
    for (name, steps, brain) in
        [("f16", sixteen(5, 10, 15), false), ("bf16", sixteen(8, 7, 127), true)]
    {
        let infinity = if brain { 0x7F80 } else { 0x7C00 };
        blocks(all, &steps, |first, len| {
            let buffers = (&mut x[..len], &mut want[..len], &mut got[..len]);
            let is_nan = |code: u16| code & 0x7FFF > infinity;
            let signed = |code: u16, negative: bool| if negative { code | 0x8000 } else { code };
            check_block(name, &steps, first, buffers, &signed, &is_nan, &|k, x, got| {
                if brain {
                    k.narrow_bf16(x, bytemuck::cast_slice_mut(got));
                } else {
                    k.narrow_f16(x, bytemuck::cast_slice_mut(got));
                }
            });
        });
    }
}

#[test]
fn borders_and_a_sample_of_all_floats_encode() {
    check_all(false);
}

#[test]
#[ignore = "2^32 floats per format and rule, on demand"]
fn all_floats_encode() {
    check_all(true);
}

/// NF4 is not symmetric: both signs have their own steps.
#[test]
#[ignore = "2^32 floats, on demand"]
fn all_floats_encode_as_nf4() {
    let coding = TableCoding {
        thresholds: heap(&NF4_THRESHOLDS),
        values: NF4,
        group: WHOLE,
        scale: &[],
        bounded: false,
    };
    let n = 1 << 20;
    let (mut x, mut got) = (vec![0.0; n], vec![0_u8; n]);
    for high in 0..1_u32 << 12 {
        for (low, x) in (0_u32..).zip(&mut x) {
            *x = f32::from_bits(high << 20 | low);
        }
        for k in tables() {
            k.encode_table(&x, &coding, &mut got);
            for (x, q) in x.iter().zip(&got) {
                let x = if x.is_nan() { 0.0 } else { *x };
                let want = NF4_THRESHOLDS.iter().map(|t| u8::from(*t < x)).sum::<u8>();
                assert_eq!(*q, want, "{x:e} {:?}", k.isa());
            }
        }
    }
}
