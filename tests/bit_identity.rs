//! Bit identity: every table that the CPU can run gives the bytes of the scalar table.
//!
//! Each kernel meets every length around a block, random data, and the values that break kernels:
//! ties, signed zero, NaN, infinities, subnormals, extreme codes and scales. Outputs start with the
//! same content on both sides and lie between guards, so a skipped or a stray write shows. Payload
//! and sign of a NaN are free.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "common/rng.rs"]
mod rng;

use half::{bf16, f16};
use ptqk::dispatch;
use ptqk::formats::{self, FloatFormat};
use ptqk::kernels::{
    Affine, Codebook, FixedScale, FloatEncoding, FloatScale, Isa, Kernels, LevelGrid,
    PowerRounding, QUOTIENT_LIMIT, TILE_COLS, TILE_ROWS, has_reciprocal,
};
use ptqk::params::elementwise::Rounding;
use rng::Rng;
use std::fmt::Debug;
use std::num::NonZeroUsize;

/// The oracle.
fn scalar() -> &'static Kernels {
    let k = dispatch::available().next().unwrap();
    assert_eq!(k.isa(), Isa::Scalar);
    k
}

/// The tables to compare with it.
fn others() -> impl Iterator<Item = &'static Kernels> {
    dispatch::available().skip(1)
}

/// None, a block and its neighbours, some blocks, all tails.
fn lengths() -> impl Iterator<Item = usize> {
    0..=257
}

const GROUPS: [usize; 8] = [1, 3, 7, 32, 33, 64, 100, usize::MAX];

const ROUNDINGS: [Rounding; 2] = [Rounding::AfterRounding, Rounding::BeforeRounding];

/// 2 to the power of `exponent`, for normal results.
const fn pow2(exponent: i32) -> f32 {
    f32::from_bits(((127 + exponent) as u32) << 23)
}

/// Ordinary scales, extreme ones, and the limits between which a reciprocal stands for a division.
const SCALES: [f32; 28] = [
    1.0,
    -1.0,
    0.1,
    -0.037,
    1.0 / 3.0,
    3.0,
    -7.25,
    pow2(-7),
    1e-3,
    255.0,
    1.000_000_1,
    1.999_999_9,
    pow2(-80),
    f32::from_bits(pow2(-80).to_bits() - 1),
    -f32::from_bits(pow2(-80).to_bits() + 1),
    pow2(80),
    -f32::from_bits(pow2(80).to_bits() - 1),
    f32::from_bits(pow2(80).to_bits() + 1),
    pow2(-100),
    -1.37 * pow2(-118),
    pow2(100),
    -1.37 * pow2(126),
    f32::MIN_POSITIVE,
    1e-40,
    -1e-42,
    f32::from_bits(1),
    f32::MAX,
    f32::MIN,
];

/// Values that have a rule of their own somewhere.
const SPECIALS: [f32; 38] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    0.499_999_97,
    -0.499_999_97,
    1.0,
    -1.0,
    127.5,
    -128.5,
    255.5,
    32_767.5,
    -32_768.5,
    65_504.0, // the largest f16
    65_520.0, // rounds to infinity as f16
    -65_519.996,
    5.960_464_5e-8, // the smallest f16
    2.980_232_2e-8, // half of it
    131_071.5,      // around the limit of quotients
    131_072.0,
    -131_072.5,
    8_388_608.0,
    16_777_216.0,
    2_147_483_648.0,
    -2_147_483_904.0,
    f32::MIN_POSITIVE,
    1e-40,
    -1e-45,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::from_bits(0xFF80_0001), // signaling
];

/// Data sets for kernels that take any float.
fn data_sets(rng: &mut Rng, len: usize) -> Vec<(&'static str, Vec<f32>)> {
    let uniform = rng.many(len, |r| r.uniform() * 1e3);
    let mut one_special = uniform.clone();
    if len > 0 {
        one_special[rng.below(len)] = rng.pick(&SPECIALS);
    }
    let mut one_nan = uniform.clone();
    if len > 0 {
        one_nan[rng.below(len)] = f32::NAN;
    }
    let zeros = rng.many(len, |r| r.pick(&[0.0, -0.0]));
    let infinities = rng.many(len, |r| r.pick(&[1.0, -2.0, f32::INFINITY, f32::NEG_INFINITY]));
    vec![
        ("uniform", uniform),
        ("one special", one_special),
        ("one NaN", one_nan),
        ("zeros", zeros),
        ("infinities", infinities),
        ("specials", rng.many(len, |r| r.pick(&SPECIALS))),
        ("bits", rng.many(len, Rng::bits)),
    ]
}

/// An element of an output.
trait Element: bytemuck::Pod + Debug {
    /// Equal bits, or NaN on both sides.
    fn same(self, other: Self) -> bool;
}

macro_rules! elements {
    ($($int:ty),+; $($float:ty),+) => {
        $(impl Element for $int {
            fn same(self, other: Self) -> bool {
                self == other
            }
        })+
        $(impl Element for $float {
            fn same(self, other: Self) -> bool {
                self.to_bits() == other.to_bits() || self.is_nan() && other.is_nan()
            }
        })+
    };
}

elements!(i8, u8, i16, u16, u32; f32, f64, f16, bf16);

/// An output that nobody has written.
fn unwritten<T: Element>(len: usize) -> Vec<T> {
    vec![bytemuck::pod_read_unaligned(&[0xA5; 8][..size_of::<T>()]); len]
}

/// Elements before and after an output. Odd, so that vectors meet addresses that are no multiple
/// of their size.
const GUARD: usize = 71;

/// What `run` makes of an output with the content `start`. The bytes around it must stay.
fn guarded<T: Element>(
    start: &[T],
    what: &impl Fn() -> String,
    run: impl FnOnce(&mut [T]),
) -> Vec<T> {
    let mut all = unwritten(GUARD + start.len() + GUARD);
    let guard: Vec<T> = unwritten(GUARD);
    let end = GUARD + start.len();
    all[GUARD..end].copy_from_slice(start);
    run(&mut all[GUARD..end]);
    let intact = |part: &[T]| bytemuck::cast_slice::<T, u8>(part) == bytemuck::cast_slice(&guard);
    assert!(intact(&all[..GUARD]), "write before the output: {}", what());
    assert!(intact(&all[end..]), "write behind the output: {}", what());
    all[GUARD..end].to_vec()
}

/// Compares all tables on an output with the content `start`.
fn compare<T: Element>(start: &[T], run: impl Fn(&Kernels, &mut [T]), what: impl Fn() -> String) {
    let want = guarded(start, &what, |out| run(scalar(), out));
    for k in others() {
        let got = guarded(start, &what, |out| run(k, out));
        let wrong = want.iter().zip(&got).position(|(want, got)| !want.same(*got));
        if let Some(i) = wrong {
            let (want, got) = (want[i], got[i]);
            assert!(want.same(got), "{:?}[{i}] = {got:?}, not {want:?}: {}", k.isa(), what());
        }
    }
}

/// Compares all tables on a result.
fn compare_value<T: Element>(run: impl Fn(&Kernels) -> T, what: impl Fn() -> String) {
    let want = run(scalar());
    for k in others() {
        let got = run(k);
        assert!(got.same(want), "{:?} = {got:?}, not {want:?}: {}", k.isa(), what());
    }
}

fn size(group: usize) -> NonZeroUsize {
    NonZeroUsize::new(group).unwrap()
}

#[test]
fn widen_matches_scalar() {
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let (halves, brains): (&[f16], &[bf16]) =
        (bytemuck::cast_slice(&all), bytemuck::cast_slice(&all));
    let start = unwritten(all.len());
    compare(&start, |k, out| k.widen_f16(halves, out), || "all f16".into());
    compare(&start, |k, out| k.widen_bf16(brains, out), || "all bf16".into());

    let mut rng = Rng(1);
    for len in lengths() {
        let bits = rng.many(len, |r| r.next() as u16);
        let (halves, brains) = (bytemuck::cast_slice(&bits), bytemuck::cast_slice(&bits));
        let start = unwritten(len);
        compare(&start, |k, out| k.widen_f16(halves, out), || format!("f16, len {len}"));
        compare(&start, |k, out| k.widen_bf16(brains, out), || format!("bf16, len {len}"));
    }
}

#[test]
fn narrow_matches_scalar() {
    let check = |src: &[f32], what: &str| {
        let what = || format!("{what}, len {}", src.len());
        compare(&unwritten(src.len()), |k, out| k.narrow_f16(src, out), what);
        compare(&unwritten(src.len()), |k, out| k.narrow_bf16(src, out), what);
    };

    // Every result, every tie between two of them, and the neighbours of both.
    let around = |x: f32| [-1, 0, 1].map(|d| f32::from_bits(x.to_bits().wrapping_add_signed(d)));
    let mut ties = Vec::new();
    for bits in 0..u16::MAX {
        let (low, high) = (f16::from_bits(bits).to_f32(), f16::from_bits(bits + 1).to_f32());
        ties.extend([low, (low + high) / 2.0].into_iter().flat_map(around));
    }
    check(&ties, "around f16");
    let mut ties = Vec::new();
    for bits in 0..=u16::MAX {
        let bits = u32::from(bits) << 16;
        ties.extend([bits, bits | 0x8000].map(f32::from_bits).into_iter().flat_map(around));
    }
    check(&ties, "around bf16");

    let mut rng = Rng(2);
    for len in lengths() {
        for (name, src) in data_sets(&mut rng, len) {
            check(&src, name);
        }
    }
}

type Quantize<C> = fn(&Kernels, &[f32], &Affine<'_>, &mut [C]);
type Dequantize<C> = fn(&Kernels, &[C], &Affine<'_>, &mut [f32]);

/// The codes of a type.
#[derive(Clone, Copy)]
struct Codes {
    low: i32,
    high: i32,
}

const I8: Codes = Codes { low: -128, high: 127 };
const U8: Codes = Codes { low: 0, high: 255 };
const I16: Codes = Codes { low: -32_768, high: 32_767 };
const U16: Codes = Codes { low: 0, high: 65_535 };

impl Codes {
    /// Ranges within those of the type.
    fn ranges(self) -> [(i32, i32); 6] {
        let Self { low, high } = self;
        let middle = low + (high - low) / 3;
        [
            (low, high),
            (low + 1, high),
            (low, low),
            (high, high),
            (middle, high - 7),
            (low / 16, high / 16),
        ]
    }

    /// Zero points: the ends, the middle, small ones, and any.
    fn zero_point(self, rng: &mut Rng) -> i32 {
        let Self { low, high } = self;
        let any = rng.between(low, high);
        rng.pick(&[low, high, (low + high + 1) / 2, low.max(0), low.max(-1), 3, any, any])
    }
}

/// A value whose code is interesting: mostly a code, a tie or something between, within or just
/// outside of the range, and the floats around it.
fn near_code(rng: &mut Rng, scale: f32, zero_point: i32, (min, max): (i32, i32)) -> f32 {
    match rng.below(16) {
        0 | 1 => rng.pick(&SPECIALS),
        2 => rng.bits(),
        3 => rng.uniform() * scale,
        _ => {
            let part = rng.uniform();
            let code = rng.between(min - 3, max + 3) - zero_point;
            let quotient = f64::from(code) + f64::from(rng.pick(&[0.0, 0.5, 0.5, part]));
            rng.nudge((quotient * f64::from(scale)) as f32)
        }
    }
}

/// Scales and zero points for `count` groups, and a zero point for all where there are none.
fn parameters(rng: &mut Rng, codes: Codes, count: usize) -> (Vec<f32>, Vec<i32>, i32) {
    let usual = rng.below(2) == 0;
    let scale = rng.many(count, |r| match usual {
        true => r.pick(&SCALES[..12]),
        false => r.pick(&SCALES),
    });
    let each = rng.below(2) * count;
    let zero_point = rng.many(each, |r| codes.zero_point(r));
    (scale, zero_point, codes.zero_point(rng))
}

/// Whether `Affine::bounded` may be promised for this element.
fn fits(x: f32, scale: f32) -> bool {
    x.is_finite() && (x / scale).abs() <= QUOTIENT_LIMIT
}

/// `x`, or 0 where it does not fit.
fn fitting(x: f32, scale: f32) -> f32 {
    if fits(x, scale) { x } else { 0.0 }
}

fn check_quantize<C: Element>(kernel: Quantize<C>, codes: Codes, seed: u64) {
    // More groups of whole blocks than share a batch, too.
    let many = [(32 * 64, 32), (32 * 70, 32), (32 * 69 + 5, 32), (64 * 33, 64), (96 * 40 + 7, 96)];
    let all = lengths().flat_map(|len| GROUPS.map(|group| (len, group)));
    let mut rng = Rng(seed);
    for (len, group) in all.chain(many.repeat(4)) {
        for rounding in ROUNDINGS {
            let count = len.div_ceil(group);
            let (scale, zero_point, zero_point_all) = parameters(&mut rng, codes, count);
            let (min, max) = rng.pick(&codes.ranges());
            let mut src = Vec::new();
            for i in 0..len {
                let g = i / group;
                let zero_point = zero_point.get(g).copied().unwrap_or(zero_point_all);
                src.push(near_code(&mut rng, scale[g], zero_point, (min, max)));
            }
            let bounded = rng.below(2) == 0;
            if bounded {
                src.iter_mut().enumerate().for_each(|(i, x)| *x = fitting(*x, scale[i / group]));
            }
            let to = Affine {
                group: size(group),
                scale: &scale,
                reciprocal: &[],
                zero_point: &zero_point,
                zero_point_all,
                rounding,
                min,
                max,
                bounded,
            };
            let run = |k: &Kernels, out: &mut [C]| kernel(k, &src, &to, out);
            compare(&unwritten(len), run, || format!("{to:?}, src {src:?}"));
        }
    }
}

/// One scale per call: the chosen ones, and any.
fn check_quantize_scales<C: Element>(kernel: Quantize<C>, codes: Codes, seed: u64) {
    let mut rng = Rng(seed);
    let mut scales = SCALES.to_vec();
    scales.extend(rng.many(300, Rng::scale));
    for scale in scales {
        for rounding in ROUNDINGS {
            let (min, max) = rng.pick(&codes.ranges());
            let zero_point_all = codes.zero_point(&mut rng);
            let mut src = SPECIALS.to_vec();
            src.extend(SPECIALS.map(|x| x * scale));
            src.extend(rng.many(1000, |r| near_code(r, scale, zero_point_all, (min, max))));
            src.extend(rng.many(1000, Rng::bits));
            let to = Affine {
                group: size(usize::MAX),
                scale: &[scale],
                reciprocal: &[],
                zero_point: &[],
                zero_point_all,
                rounding,
                min,
                max,
                bounded: false,
            };
            let what = || format!("{to:?}, src {src:?}");
            compare(&unwritten(src.len()), |k, out| kernel(k, &src, &to, out), what);

            let src: Vec<f32> = src.iter().map(|x| fitting(*x, scale)).collect();
            let to = Affine { bounded: true, ..to };
            let what = || format!("{to:?}, src {src:?}");
            compare(&unwritten(src.len()), |k, out| kernel(k, &src, &to, out), what);
        }
    }
}

#[test]
fn quantize_matches_scalar() {
    check_quantize(Kernels::quantize_i8, I8, 10);
    check_quantize(Kernels::quantize_u8, U8, 11);
    check_quantize(Kernels::quantize_i16, I16, 12);
    check_quantize(Kernels::quantize_u16, U16, 13);
}

#[test]
fn quantize_matches_scalar_for_every_scale() {
    check_quantize_scales(Kernels::quantize_i8, I8, 14);
    check_quantize_scales(Kernels::quantize_u8, U8, 15);
    check_quantize_scales(Kernels::quantize_i16, I16, 16);
    check_quantize_scales(Kernels::quantize_u16, U16, 17);
}

fn check_quantize_columns<C: Element>(kernel: Quantize<C>, codes: Codes, seed: u64) {
    let mut rng = Rng(seed);
    for len in lengths() {
        for rounding in ROUNDINGS.repeat(3) {
            let (scale, zero_point, zero_point_all) = parameters(&mut rng, codes, len);
            let (min, max) = rng.pick(&codes.ranges());
            let mut src = Vec::new();
            for (i, scale) in scale.iter().enumerate() {
                let zero_point = zero_point.get(i).copied().unwrap_or(zero_point_all);
                src.push(near_code(&mut rng, *scale, zero_point, (min, max)));
            }
            let bounded = rng.below(2) == 0;
            if bounded {
                src.iter_mut().zip(&scale).for_each(|(x, s)| *x = fitting(*x, *s));
            }
            let known = scale.iter().all(|s| has_reciprocal(*s)) && rng.below(4) > 0;
            let reciprocal: Vec<f32> =
                if known { scale.iter().map(|s| 1.0 / s).collect() } else { Vec::new() };
            let to = Affine {
                group: NonZeroUsize::MIN,
                scale: &scale,
                reciprocal: &reciprocal,
                zero_point: &zero_point,
                zero_point_all,
                rounding,
                min,
                max,
                bounded,
            };
            let run = |k: &Kernels, out: &mut [C]| kernel(k, &src, &to, out);
            compare(&unwritten(len), run, || format!("{to:?}, src {src:?}"));
        }
    }
}

#[test]
fn quantize_columns_matches_scalar() {
    check_quantize_columns(Kernels::quantize_columns_i8, I8, 20);
    check_quantize_columns(Kernels::quantize_columns_u8, U8, 21);
    check_quantize_columns(Kernels::quantize_columns_i16, I16, 22);
    check_quantize_columns(Kernels::quantize_columns_u16, U16, 23);
}

fn check_dequantize<C: Element + TryFrom<i32>>(
    (kernel, columns): (Dequantize<C>, Dequantize<C>),
    codes: Codes,
    seed: u64,
) {
    let code = |q: i32| C::try_from(q).ok().unwrap();
    let mut rng = Rng(seed);
    let check = |kernel: Dequantize<C>, src: &[C], from: &Affine<'_>| {
        let run = |k: &Kernels, out: &mut [f32]| kernel(k, src, from, out);
        compare(&unwritten(src.len()), run, || format!("{from:?}, src {src:?}"));
    };
    let from = Affine {
        group: NonZeroUsize::MIN,
        scale: &[],
        reciprocal: &[],
        zero_point: &[],
        zero_point_all: 0,
        rounding: Rounding::AfterRounding,
        min: 0,
        max: 0,
        bounded: false,
    };

    let all: Vec<C> = (codes.low..=codes.high).map(code).collect();
    for scale in SCALES {
        let zero_point_all = codes.zero_point(&mut rng);
        let group = size(usize::MAX);
        check(kernel, &all, &Affine { group, scale: &[scale], zero_point_all, ..from });
    }
    for len in lengths() {
        let src = rng.many(len, |r| {
            let any = r.between(codes.low, codes.high);
            code(r.pick(&[codes.low, codes.high, any, any, any]))
        });
        for group in GROUPS {
            let (scale, zero_point, zero_point_all) =
                parameters(&mut rng, codes, len.div_ceil(group));
            let (scale, zero_point) = (&scale[..], &zero_point[..]);
            check(
                kernel,
                &src,
                &Affine { group: size(group), scale, zero_point, zero_point_all, ..from },
            );
        }
        for _ in 0..4 {
            let (scale, zero_point, zero_point_all) = parameters(&mut rng, codes, len);
            let (scale, zero_point) = (&scale[..], &zero_point[..]);
            check(columns, &src, &Affine { scale, zero_point, zero_point_all, ..from });
        }
    }
}

#[test]
fn dequantize_matches_scalar() {
    check_dequantize((Kernels::dequantize_i8, Kernels::dequantize_columns_i8), I8, 30);
    check_dequantize((Kernels::dequantize_u8, Kernels::dequantize_columns_u8), U8, 31);
    check_dequantize((Kernels::dequantize_i16, Kernels::dequantize_columns_i16), I16, 32);
    check_dequantize((Kernels::dequantize_u16, Kernels::dequantize_columns_u16), U16, 33);
}

const LEVELS: [u32; 10] = [2, 3, 4, 15, 16, 255, 256, 257, 65_535, 65_536];

/// Ordinary, tiny, huge, subnormal, overflowing, empty and reversed.
const RANGES: [(f32, f32); 16] = [
    (-1.0, 1.0),
    (0.0, 6.0),
    (-0.1, 0.3),
    (-128.0, 127.0),
    (0.0, 255.0),
    (-3.7, -0.2),
    (0.0, pow2(-100)),
    (-pow2(100), pow2(100)),
    (0.0, 1e-40),
    (-1e-45, 1e-45),
    (1.0, 1.000_000_1),
    (1e30, 1.000_1e30),
    (f32::MIN / 2.0, f32::MAX / 2.0),
    (f32::MIN, f32::MAX),
    (2.0, 2.0),
    (1.0, -1.0),
];

/// A value on the grid, between two of its values or outside, and the floats around it.
fn near_level(rng: &mut Rng, (low, high): (f32, f32), levels: u32) -> f32 {
    match rng.below(16) {
        0 | 1 => rng.pick(&SPECIALS),
        2 => rng.bits(),
        3 => rng.nudge(low),
        4 => rng.nudge(high),
        _ => {
            let level = rng.below(levels as usize) as f64;
            let part = (level + rng.pick(&[0.0, 0.5, 0.5])) / f64::from(levels - 1);
            let range = f64::from(high) - f64::from(low);
            rng.nudge((f64::from(low) + part * range) as f32)
        }
    }
}

#[test]
fn fake_quantize_matches_scalar() {
    let mut rng = Rng(40);
    let mut check = |len: usize, (low, high): (f32, f32), levels: u32| {
        let data = rng.many(len, |r| near_level(r, (low, high), levels));
        let what = || format!("{low:e}..{high:e}, {levels} levels, {data:?}");
        compare(&data, |k, out| k.fake_quantize(out, low, high, levels), what);
    };
    for range in RANGES {
        for levels in LEVELS {
            check(3000, range, levels);
        }
    }
    let mut choice = Rng(41);
    for len in lengths() {
        for _ in 0..8 {
            check(len, choice.pick(&RANGES), choice.pick(&LEVELS));
        }
    }
}

#[test]
fn fake_quantize_columns_matches_scalar() {
    let mut rng = Rng(42);
    for len in lengths() {
        for levels in LEVELS {
            let ranges = rng.many(len, |r| r.pick(&RANGES));
            let (low, high): (Vec<f32>, Vec<f32>) = ranges.iter().copied().unzip();
            let data: Vec<f32> = ranges.iter().map(|r| near_level(&mut rng, *r, levels)).collect();
            let what = || format!("{levels} levels, ranges {ranges:?}, {data:?}");
            compare(&data, |k, out| k.fake_quantize_columns(out, &low, &high, levels), what);
        }
    }
}

/// The same data in all formats.
fn formats(src: &[f32]) -> (Vec<f16>, Vec<bf16>) {
    let halves = src.iter().map(|x| f16::from_f32(*x)).collect();
    (halves, src.iter().map(|x| bf16::from_f32(*x)).collect())
}

type MinMax<E> = fn(&Kernels, &[E], NonZeroUsize, &mut [f32], &mut [f32]);

fn check_min_max<E: Element>(kernel: MinMax<E>, src: &[E], group: usize, name: &str) {
    let start: Vec<f32> = unwritten(src.len().div_ceil(group));
    let what = || format!("{name}, len {}, group {group}: {src:?}", src.len());
    let minimum = |k: &Kernels, min: &mut [f32]| {
        kernel(k, src, size(group), min, &mut start.clone());
    };
    compare(&start, minimum, what);
    let maximum = |k: &Kernels, max: &mut [f32]| {
        kernel(k, src, size(group), &mut start.clone(), max);
    };
    compare(&start, maximum, what);
}

#[test]
fn min_max_matches_scalar() {
    let mut rng = Rng(50);
    for len in lengths() {
        for (name, src) in data_sets(&mut rng, len) {
            let (halves, brains) = formats(&src);
            for group in GROUPS {
                check_min_max(Kernels::min_max, &src, group, name);
                check_min_max(Kernels::min_max_f16, &halves, group, name);
                check_min_max(Kernels::min_max_bf16, &brains, group, name);
            }
        }
    }
}

#[test]
fn min_max_of_many_groups_matches_scalar() {
    let mut rng = Rng(54);
    for group in [32, 64, 96, 128, 512, 544] {
        for groups in [15, 16, 17, 33, 48] {
            for len in [group * groups, group * groups + 5] {
                for (name, src) in data_sets(&mut rng, len) {
                    let (halves, brains) = formats(&src);
                    check_min_max(Kernels::min_max, &src, group, name);
                    check_min_max(Kernels::min_max_f16, &halves, group, name);
                    check_min_max(Kernels::min_max_bf16, &brains, group, name);
                }
            }
        }
    }
}

/// All bits of 16, and bits of one sign at lengths of many blocks: alone, or with a value of the
/// other sign or a NaN somewhere.
#[test]
fn ranges_of_halves_match_scalar() {
    let mut rng = Rng(55);
    let check = |bits: &[u16], group: usize, name: &str| {
        let (halves, brains) = (bytemuck::cast_slice(bits), bytemuck::cast_slice(bits));
        check_min_max::<f16>(Kernels::min_max_f16, halves, group, name);
        check_min_max::<bf16>(Kernels::min_max_bf16, brains, group, name);
        compare_value(|k| k.abs_max_f16(halves), || format!("{name}, {bits:?}"));
        compare_value(|k| k.abs_max_bf16(brains), || format!("{name}, {bits:?}"));
    };
    let all: Vec<u16> = (0..=u16::MAX).collect();
    check(&all, 1, "all");
    for group in [2, 3, 5] {
        let any = rng.many(100_000, |r| r.next() as u16);
        check(&any, group, "any");
    }
    for len in lengths().skip(1).chain([8191, 8192, 8193, 16_384, 20_001]) {
        for sign in [0, 0x8000] {
            // Below infinity in both formats.
            let bits = rng.many(len, |r| (r.next() as u16 % 0x7C00) | sign);
            check(&bits, usize::MAX, "one sign");
            for stranger in [0, 0x8000, 0x3C00, 0xBC00, 0x7C00, 0xFC00, 0x7FC1, 0xFFC1, 0xFFFF] {
                let mut bits = bits.clone();
                bits[rng.below(len)] = stranger;
                check(&bits, usize::MAX, "one stranger");
            }
        }
    }
}

#[test]
fn min_max_finds_a_value_in_every_place() {
    let uniform = Rng(51).many(257, |r| r.uniform() * 1e3);
    for place in 0..uniform.len() {
        for value in [1e4, -1e4, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let mut src = uniform.clone();
            src[place] = value;
            check_min_max(Kernels::min_max, &src, usize::MAX, "place");
            compare_value(|k| k.abs_max(&src), || format!("{value} in place {place}"));
        }
    }
}

/// Slices from every place of a line of memory on, so long that blocks begin with lines.
#[test]
fn long_slices_wherever_they_begin() {
    let uniform = Rng(56).many(700, |r| r.uniform() * 1e3);
    for start in 0..16 {
        for len in [511, 512, 513, 600, 684] {
            for place in (start..start + len).filter(|i| *i < start + 40 || *i + 40 >= start + len)
            {
                let mut src = uniform.clone();
                src[place] = [1e4, -1e4, f32::NAN, f32::INFINITY][place % 4];
                let src = &src[start..start + len];
                check_min_max(Kernels::min_max, src, usize::MAX, "long");
                compare_value(|k| k.abs_max(src), || format!("{start}, {len}, {place}"));
                let halves: Vec<f16> = uniform.iter().map(|x| f16::from_f32(*x)).collect();
                let what = || format!("{start}, {len}, {place}");
                compare_value(|k| k.sum(src), what);
                compare_value(|k| k.sum_f16(&halves[start..start + len]), what);
                compare_value(|k| k.sum_squares(src, 17.0), what);
                for limits in [(-100.0, 100.0), (-2e4, 0.0)] {
                    let bracket = |k: &Kernels, room: &mut [f32]| {
                        let [below, between] = k.bracket(src, src, limits, false, room);
                        room[len] = (1000 * below + between) as f32;
                        room[between..len].fill(0.0);
                    };
                    compare(&vec![0.0; len + 1], bracket, what);
                }
            }
        }
    }
}

#[test]
fn abs_max_matches_scalar() {
    let mut rng = Rng(52);
    for len in lengths() {
        for (name, src) in data_sets(&mut rng, len) {
            let (halves, brains) = formats(&src);
            let what = || format!("{name}, len {len}: {src:?}");
            compare_value(|k| k.abs_max(&src), what);
            compare_value(|k| k.abs_max_f16(&halves), what);
            compare_value(|k| k.abs_max_bf16(&brains), what);
        }
    }
}

#[test]
fn column_ranges_match_scalar() {
    let mut rng = Rng(53);
    for len in lengths() {
        let first = data_sets(&mut rng, len);
        for (name, second) in data_sets(&mut rng, len) {
            // Rows join one after the other, as they do in a matrix.
            let rows = [&first[rng.below(first.len())].1, &second, &first[0].1];
            let what = || format!("{name}, {rows:?}");
            let infinite = vec![f32::INFINITY; len];
            let minimum = |k: &Kernels, min: &mut [f32]| {
                let mut max = vec![f32::NEG_INFINITY; len];
                rows.iter().for_each(|row| k.min_max_columns(row, len, min, &mut max));
            };
            compare(&infinite, minimum, what);
            let maximum = |k: &Kernels, max: &mut [f32]| {
                let mut min = infinite.clone();
                rows.iter().for_each(|row| k.min_max_columns(row, len, &mut min, max));
            };
            compare(&vec![f32::NEG_INFINITY; len], maximum, what);
            let magnitude = |k: &Kernels, max: &mut [f32]| {
                rows.iter().for_each(|row| k.abs_max_columns(row, len, max));
            };
            compare(&vec![0.0; len], magnitude, what);
            let joined = rows.map(|row| row.as_slice()).concat();
            let minimum = |k: &Kernels, min: &mut [f32]| {
                k.min_max_columns(&joined, len, min, &mut vec![f32::NEG_INFINITY; len]);
            };
            compare(&infinite, minimum, what);
            let magnitude = |k: &Kernels, max: &mut [f32]| k.abs_max_columns(&joined, len, max);
            compare(&vec![0.0; len], magnitude, what);
        }
    }
}

/// Rows of which a block holds several.
#[test]
fn column_ranges_of_narrow_rows_match_scalar() {
    let mut rng = Rng(57);
    for width in 1..=33 {
        for rows in [1, 31, 37, 64] {
            let starts = data_sets(&mut rng, width);
            // Close together, or with gaps that hold anything.
            let stride = width + if rng.below(2) == 0 { 0 } else { rng.below(40) };
            for (name, src) in data_sets(&mut rng, (rows - 1) * stride + width) {
                let what = || format!("{name}, {rows} rows of {width} every {stride}: {src:?}");
                let [mut low, mut high] = [0, 1].map(|_| starts[rng.below(starts.len())].1.clone());
                // What has seen a NaN has it as both, and no zero is -0.
                for (low, high) in low.iter_mut().zip(&mut high) {
                    let nan = low.is_nan() || high.is_nan();
                    (*low, *high) =
                        if nan { (f32::NAN, f32::NAN) } else { (*low + 0.0, *high + 0.0) };
                }
                let minimum = |k: &Kernels, min: &mut [f32]| {
                    k.min_max_columns(&src, stride, min, &mut high.clone());
                };
                compare(&low, minimum, what);
                let maximum = |k: &Kernels, max: &mut [f32]| {
                    k.min_max_columns(&src, stride, &mut low.clone(), max);
                };
                compare(&high, maximum, what);
                let magnitudes: Vec<f32> = high.iter().map(|x| x.abs()).collect();
                compare(
                    &magnitudes,
                    |k, max: &mut [f32]| k.abs_max_columns(&src, stride, max),
                    what,
                );
            }
        }
    }
}

#[test]
fn sums_match_scalar() {
    let mut rng = Rng(60);
    for len in lengths().chain([1000, 4096 + 31]) {
        let others = data_sets(&mut rng, len);
        for (name, src) in data_sets(&mut rng, len) {
            let (halves, brains) = formats(&src);
            let what = || format!("{name}, len {len}: {src:?}");
            compare_value(|k| k.sum(&src), what);
            compare_value(|k| k.sum_f16(&halves), what);
            compare_value(|k| k.sum_bf16(&brains), what);
            for center in [0.0, -0.0, rng.uniform() * 1e3, rng.pick(&SPECIALS)] {
                compare_value(|k| k.sum_squares(&src, center), || format!("{center}, {}", what()));
            }
            for (_, other) in &others {
                let what = || format!("{} and {other:?}", what());
                compare_value(|k| k.squared_distance(&src, other), what);
            }
        }
    }
}

#[test]
fn column_sums_match_scalar() {
    let mut rng = Rng(61);
    for len in lengths() {
        let starts = data_sets(&mut rng, len);
        let centers = data_sets(&mut rng, len);
        for (name, src) in data_sets(&mut rng, len) {
            let start = &starts[rng.below(starts.len())].1;
            let center = &centers[rng.below(centers.len())].1;
            let what = || format!("{name}, {src:?}, center {center:?}, start {start:?}");
            compare(start, |k, acc| k.sum_columns(&src, len, acc), what);
            compare(start, |k, acc| k.sum_squares_columns(&src, len, center, acc), what);
            let rows: Vec<f32> =
                starts.iter().take(rng.below(4)).flat_map(|(_, row)| row.clone()).collect();
            compare(start, |k, acc| k.sum_columns(&rows, len, acc), what);
            compare(start, |k, acc| k.sum_squares_columns(&rows, len, center, acc), what);
            // With gaps that hold anything.
            let stride = len + rng.below(40);
            let more = rng.below(4) * stride;
            let apart = rng.many(more + len, Rng::bits);
            let what = || format!("every {stride}: {apart:?}, center {center:?}, start {start:?}");
            compare(start, |k, acc| k.sum_columns(&apart, stride, acc), what);
            compare(start, |k, acc| k.sum_squares_columns(&apart, stride, center, acc), what);
        }
    }
}

#[test]
fn weighted_errors_match_scalar() {
    let mut rng = Rng(63);
    for rows in 0..20 {
        let weights = data_sets(&mut rng, rows);
        let centers = data_sets(&mut rng, 32 * rows);
        let starts = data_sets(&mut rng, 32);
        for (name, src) in data_sets(&mut rng, 32 * rows) {
            let weight = &weights[rng.below(weights.len())].1;
            let center = &centers[rng.below(centers.len())].1;
            let start = &starts[rng.below(starts.len())].1;
            let what = || format!("{name}, {src:?}, {center:?}, {weight:?}, start {start:?}");
            let squares = |k: &Kernels, acc: &mut [f32]| {
                k.sum_weighted_squares(&src, center, weight, acc.first_chunk_mut().unwrap());
            };
            compare(start, squares, what);
            let scale: Vec<f32> = rng.many(32, |r| r.uniform() * 0.1);
            let mut levels = LevelGrid {
                scale: scale.try_into().unwrap(),
                inverse: [0.0; 32],
                low: [-8.0; 32],
                high: [7.0; 32],
            };
            levels.inverse = levels.scale.map(|x| 1.0 / x);
            for (i, (low, high)) in levels.low.iter_mut().zip(&mut levels.high).enumerate() {
                (*low, *high) = (*low - 100.0 * i as f32, *high + (1 << (i / 3)) as f32);
            }
            let errors = |k: &Kernels, acc: &mut [f32]| {
                k.sum_level_errors(&src, weight, &levels, acc.first_chunk_mut().unwrap());
            };
            compare(start, errors, what);
        }
    }
}

/// All numbers of rows around a tile, and depths that need no multiple of anything.
#[test]
fn multiply_rows_matches_scalar() {
    let mut rng = Rng(62);
    for rows in 0..=19 {
        for depth in [0, 1, 2, 7, 33] {
            let lefts = data_sets(&mut rng, rows * depth);
            let starts = data_sets(&mut rng, 32 * rows);
            for (name, x) in data_sets(&mut rng, 32 * depth) {
                let (a, acc) =
                    (&lefts[rng.below(lefts.len())].1, &starts[rng.below(starts.len())].1);
                let what = || format!("{name}, {rows} rows, depth {depth}");
                compare(acc, |k, acc| k.multiply_rows(a, &x, acc), what);
            }
        }
    }
}

/// Multiples of vectors that are added.
const FACTORS: [f32; 9] = [0.3, -0.7, 1.0, 0.0, -0.0, 1e-30, 3.0, -1e20, 0.1];

/// Nine vectors: `first`, and others in turn.
fn nine<'a, T>(first: &'a [T], others: &'a [Vec<T>]) -> [&'a [T]; 9] {
    std::array::from_fn(|i| if i == 0 { first } else { &others[(i - 1) % others.len()] })
}

fn halves(x: &[f32]) -> Vec<f16> {
    x.iter().map(|x| f16::from_f32(*x)).collect()
}

fn brains(x: &[f32]) -> Vec<bf16> {
    x.iter().map(|x| bf16::from_f32(*x)).collect()
}

#[test]
fn inner_products_match_scalar() {
    let mut rng = Rng(67);
    for len in lengths() {
        let others: Vec<Vec<f32>> = data_sets(&mut rng, len).into_iter().map(|(_, x)| x).collect();
        let (half_others, brain_others): (Vec<_>, Vec<_>) =
            others.iter().map(|x| (halves(x), brains(x))).unzip();
        for (name, x) in data_sets(&mut rng, len) {
            let y = &others[rng.below(others.len())];
            let what = || format!("{name}, {len} elements");
            compare_value(|k| k.dot(&x, y), what);
            compare(y, |k, y| k.add_scaled(x.first().map_or(0.5, |x| x / 3.0), &x, y), what);
            let (half_x, brain_x) = (halves(&x), brains(&x));
            let (floats, halves) = (nine(&x, &others), nine(&half_x, &half_others));
            let brains = nine(&brain_x, &brain_others);
            for i in 0..4 {
                compare_value(|k| k.dot_rows(*floats.first_chunk().unwrap(), y)[i], what);
                compare_value(|k| k.dot_rows_f16(*halves.first_chunk().unwrap(), y)[i], what);
                compare_value(|k| k.dot_rows_bf16(*brains.first_chunk().unwrap(), y)[i], what);
            }
            for rows in 0..10 {
                let factor = &FACTORS[..rows];
                compare(y, |k, y| k.add_scaled_rows(factor, &floats[..rows], y), what);
                compare(y, |k, y| k.add_scaled_rows_f16(factor, &halves[..rows], y), what);
                compare(y, |k, y| k.add_scaled_rows_bf16(factor, &brains[..rows], y), what);
            }
            let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x) / 3.0).collect::<Vec<_>>();
            let (x, y) = (wide(&x), wide(y));
            compare_value(|k| k.dot_f64(&x, &y), what);
            // Both sides in one piece, so that both are compared.
            let both: Vec<f64> = x.iter().chain(&y).copied().collect();
            let run = |k: &Kernels, both: &mut [f64]| {
                let (a, b) = both.split_at_mut(len);
                k.rotate(0.6, 0.8, a, b);
            };
            compare(&both, run, what);
        }
    }
}

#[test]
fn inner_products_of_codes_match_scalar() {
    let mut rng = Rng(71);
    for len in lengths() {
        let codes = [0; 9].map(|_| rng.many(len, |r| r.next() as u8));
        let codes = codes.each_ref().map(Vec::as_slice);
        let signed = codes.map(bytemuck::cast_slice::<u8, i8>);
        for (name, y) in data_sets(&mut rng, len) {
            let zero = [0; 9].map(|_| rng.pick(&[0_u8, 1, 128, 255]));
            let what = || format!("{name}, {len} codes, zero points {zero:?}");
            let zeros = *zero.first_chunk().unwrap();
            for i in 0..4 {
                compare_value(|k| k.dot_rows_u8(*codes.first_chunk().unwrap(), zeros, &y)[i], what);
                compare_value(
                    |k| k.dot_rows_i8(*signed.first_chunk().unwrap(), zeros, &y)[i],
                    what,
                );
            }
            for rows in 0..10 {
                let (factor, zero) = (&FACTORS[..rows], &zero[..rows]);
                compare(&y, |k, y| k.add_scaled_rows_u8(factor, &codes[..rows], zero, y), what);
                compare(&y, |k, y| k.add_scaled_rows_i8(factor, &signed[..rows], zero, y), what);
            }
        }
    }
}

/// Signs of zeros, and products that vanish: what is filled up must not show.
#[test]
fn inner_products_of_tiny_numbers_match_scalar() {
    for len in [1, 31, 32, 33, 64, 70] {
        for (a, b) in [(-1e-30_f32, 1e-30_f32), (-0.0, 1.0), (0.0, -0.0)] {
            let (x, y) = (vec![a; len], vec![b; len]);
            compare_value(|k| k.dot(&x, &y), || format!("{len} times {a} * {b}"));
            let codes = vec![1_u8; len];
            compare_value(
                |k| k.dot_rows_u8([&codes; 4], [2; 4], &y)[0],
                || format!("{len} times -1 * {b}"),
            );
        }
    }
}

/// The fused multiply-add of CPUs without one: random bits, and sums that lose everything but a
/// last bit, subnormal ones among them.
#[test]
fn multiply_vector_matches_scalar() {
    let mut rng = Rng(70);
    for cols in (0..=20).chain([31, 32, 33, 64, 100]) {
        for rows in [0, 1, 2, 7, 8, 31, 32, 33, 64, 100] {
            let sets = data_sets(&mut rng, rows * cols);
            for (name, b) in &sets {
                let (h, start) = (rng.many(cols, Rng::normal), rng.many(rows, Rng::normal));
                let what = || format!("{name}, {rows} rows of {cols}");
                compare(&start, |k, acc| k.multiply_vector(&h, b, acc), what);
            }
            let codes = rng.many(rows * cols, |r| r.next() as u8);
            let signed: &[i8] = bytemuck::cast_slice(&codes);
            let h = rng.many(cols, Rng::normal);
            let (start, scale) = (rng.many(rows, Rng::normal), rng.many(rows, Rng::normal));
            for zero in [Vec::new(), rng.many(rows, |r| i32::from(r.next() as u8))] {
                let what = || format!("{rows} rows of {cols} codes");
                let unsigned =
                    |k: &Kernels, y: &mut [f32]| k.multiply_vector_u8(&h, &codes, &zero, &scale, y);
                compare(&start, unsigned, what);
                let run =
                    |k: &Kernels, y: &mut [f32]| k.multiply_vector_i8(&h, signed, &zero, &scale, y);
                compare(&start, run, what);
            }
        }
    }
}

#[test]
fn multiply_rows_rounds_once() {
    let mut rng = Rng(63);
    for turn in 0..200_000_u32 {
        let any = |rng: &mut Rng| f32::from_bits(rng.next());
        let (a, b, mut c) = (any(&mut rng), any(&mut rng), any(&mut rng));
        if turn % 2 == 0 {
            let near = (a * b).to_bits() ^ (rng.next() & 0x8000_0003);
            let factor = [1.0, 0.5, -1.0, pow2(-24), pow2(24), pow2(-12)][turn as usize / 2 % 6];
            c = f32::from_bits(near) * factor;
        }
        let mut acc = [c; 32];
        scalar().multiply_rows(&[a], &[b; 32], &mut acc);
        let want = a.mul_add(b, c);
        let same = acc[0].to_bits() == want.to_bits() || (acc[0].is_nan() && want.is_nan());
        assert!(same, "{a:e} * {b:e} + {c:e} = {want:e}, not {:e}", acc[0]);
    }
    let known = [0x9700_0800, 0x1CFF_F001, 0x0001_0002].map(f32::from_bits);
    let mut acc = [known[2]; 32];
    scalar().multiply_rows(&known[..1], &[known[1]; 32], &mut acc);
    assert_eq!(acc[0].to_bits(), known[0].mul_add(known[1], known[2]).to_bits());
}

/// All depths around a step of the tiers.
#[test]
fn multiply_tile_matches_scalar() {
    let mut rng = Rng(64);
    for depth in (0..=40).chain([255, 256, 257]) {
        let lefts = data_sets(&mut rng, TILE_ROWS * depth);
        let starts = data_sets(&mut rng, TILE_ROWS * TILE_COLS);
        for (name, b) in data_sets(&mut rng, TILE_COLS * depth) {
            let (a, c) = (&lefts[rng.below(lefts.len())].1, &starts[rng.below(starts.len())].1);
            let ahead = rng.next() as usize;
            let run = |k: &Kernels, c: &mut [f32]| {
                let rows = c.as_chunks_mut::<TILE_COLS>().0.first_chunk_mut::<TILE_ROWS>();
                k.multiply_tile(a, &b, &mut rows.unwrap().each_mut(), ahead);
            };
            compare(c, run, || format!("{name}, depth {depth}"));
        }
    }
}

#[test]
fn interleave_rows_matches_scalar() {
    let mut rng = Rng(67);
    for len in lengths() {
        for (count, width) in
            [(0, 1), (1, 1), (3, 5), (4, 4), (7, 7), (8, 12), (12, 12), (32, 32), (23, 40)]
        {
            let x = rng.many(count * len, Rng::bits);
            let rows: Vec<_> = (0..count).map(|i| &x[i * len..(i + 1) * len]).collect();
            for negate in [false, true] {
                // The last of the columns may end early.
                let start = unwritten((width * len).saturating_sub(rng.below(width + 1)));
                let run =
                    |k: &Kernels, dst: &mut [f32]| k.interleave_rows(&rows, negate, width, dst);
                compare(&start, run, || format!("{count} rows of {len}, width {width}"));
            }
        }
    }
}

#[test]
fn solve_lower_matches_scalar() {
    let mut rng = Rng(65);
    for rows in (0..=35).chain([100]) {
        for stride in [rows, rows + 3] {
            let triangles = data_sets(&mut rng, rows * stride);
            for (name, x) in data_sets(&mut rng, 32 * rows) {
                let l = &triangles[rng.below(triangles.len())].1;
                let what = || format!("{name}, {rows} rows, stride {stride}");
                compare(&x, |k, x| k.solve_lower(l, stride, x), what);
            }
        }
    }
}

/// Columns of matrices that are positive definite, and of any numbers.
#[test]
fn factor_lower_matches_scalar() {
    let mut rng = Rng(66);
    for (from, columns) in
        [(0, 32), (0, 1), (0, 7), (0, 40), (32, 32), (32, 9), (3, 31), (5, 0), (9, 33)]
    {
        let rows = from + columns;
        let mut sets = data_sets(&mut rng, 32 * rows);
        let mut good = rng.many(32 * rows, Rng::uniform);
        for j in 0..columns.min(32) {
            good[32 * (from + j) + j] = 4000.0 + rng.uniform();
        }
        sets.push(("good", good));
        for (name, x) in sets {
            let what = || format!("{name}, {columns} columns from {from}");
            let want = scalar().factor_lower(&mut x.clone(), from);
            assert!(name != "good" || want == columns.min(32), "{}", what());
            let run = |k: &Kernels, x: &mut [f32]| assert_eq!(k.factor_lower(x, from), want);
            compare(&x, run, what);
        }
    }
}

type Pack = fn(&Kernels, &[u8], &mut [u8]);

/// A packer, an unpacker, and the packed bytes of a number of codes.
type Format = (Pack, Pack, fn(usize) -> usize);

#[test]
fn pack_matches_scalar() {
    let formats: [Format; 4] = [
        (Kernels::pack_4, Kernels::unpack_u4, |len| len.div_ceil(2)),
        (Kernels::pack_4, Kernels::unpack_i4, |len| len.div_ceil(2)),
        (Kernels::pack_3, Kernels::unpack_3, |len| 3 * len.div_ceil(8)),
        (Kernels::pack_2, Kernels::unpack_2, |len| len.div_ceil(4)),
    ];
    let mut rng = Rng(70);
    for len in lengths().chain([1000, 1024, 4099]) {
        for (i, (pack, unpack, bytes)) in formats.iter().enumerate() {
            let codes = rng.many(len, |r| r.next() as u8);
            let packed = rng.many(bytes(len), |r| r.next() as u8);
            let what = || format!("format {i}, codes {codes:?}, packed {packed:?}");
            compare(&unwritten(packed.len()), |k, out| pack(k, &codes, out), what);
            compare(&unwritten(len), |k, out| unpack(k, &packed, out), what);
        }
    }
}

/// Sums of products: mostly small, some anywhere, some extreme.
fn accumulators(rng: &mut Rng, len: usize) -> Vec<i32> {
    const EXTREMES: [i32; 10] =
        [i32::MIN, i32::MIN + 1, i32::MAX, 0, 1, -1, 1 << 24, (1 << 24) + 1, 1 << 30, -(1 << 30)];
    rng.many(len, |r| match r.below(4) {
        0 => r.next() as i32,
        1 => r.pick(&EXTREMES),
        2 => r.between(-2000, 2000), // ties of the largest scales, within the codes
        _ => r.between(-100_000, 100_000),
    })
}

fn check_requantize<C: Element>(
    float: fn(&Kernels, &[i32], &FloatScale<'_>, &mut [C]),
    fixed: fn(&Kernels, &[i32], &FixedScale<'_>, &mut [C]),
    codes: Codes,
    seed: u64,
) {
    let mut rng = Rng(seed);
    for len in lengths().chain([2048, 2049, 6000]) {
        let src = accumulators(&mut rng, len);
        for count in [1, 1, 1, len, len] {
            let (min, max) = rng.pick(&codes.ranges());
            let zero_point = codes.zero_point(&mut rng);
            let scale = rng.many(count, |r| match r.below(4) {
                0 => r.pick(&SCALES),
                1 => pow2(r.between(-20, 0)),
                _ => r.uniform() / 500.0,
            });
            let to = FloatScale { scale: &scale, zero_point, min, max };
            let what = || format!("{to:?}, src {src:?}");
            compare(&unwritten(len), |k, out| float(k, &src, &to, out), what);

            // What vectors do, or anything; sometimes one that they do not do.
            let small = rng.below(3);
            let mut multiplier = rng.many(count, |r| match r.below(4) {
                0 if small > 0 => r.pick(&[0, 1, 1 << 30, i32::MAX]),
                0 => r.pick(&[0, 1, -1, 1 << 30, i32::MAX, i32::MIN]),
                1 if small > 0 => r.between(0, i32::MAX - 1),
                1 => r.next() as i32,
                _ => r.between(1 << 30, i32::MAX - 1),
            });
            let mut shift = rng.many(count, |r| match r.below(4) {
                0 if small > 0 => r.between(-31, -2),
                0 => r.between(-31, 30),
                _ if small > 0 => r.between(-14, -2),
                _ => r.between(-14, 0),
            });
            if small == 2 && count > 0 {
                match rng.below(2) {
                    0 => multiplier[rng.below(count)] = rng.pick(&[-1, i32::MIN]),
                    _ => shift[rng.below(count)] = rng.pick(&[-1, 0, 1, 30]),
                }
            }
            for single_rounding in [false, true] {
                let (multiplier, shift) = (&multiplier[..], &shift[..]);
                let to = FixedScale { multiplier, shift, single_rounding, zero_point, min, max };
                let what = || format!("{to:?}, src {src:?}");
                compare(&unwritten(len), |k, out| fixed(k, &src, &to, out), what);
            }
        }
    }
}

#[test]
fn requantize_matches_scalar() {
    check_requantize(Kernels::requantize_i8, Kernels::requantize_fixed_i8, I8, 80);
    check_requantize(Kernels::requantize_u8, Kernels::requantize_fixed_u8, U8, 81);
}

/// Ascending values: evenly spread, of many magnitudes, or next to each other.
fn codebooks(rng: &mut Rng, len: usize) -> [Vec<f32>; 3] {
    let even = (0..len).map(|i| i as f32 * 0.25 - len as f32 / 8.0).collect();
    let mut any = rng.many(4 * len, Rng::scale);
    any.sort_by(f32::total_cmp);
    any.dedup();
    any.truncate(len);
    let near = (0..len as u32).map(|i| f32::from_bits(0x3F80_0000 + i)).collect();
    [even, any, near]
}

/// A value whose index is interesting: a value of the codebook or the middle between two.
fn near_value(rng: &mut Rng, values: &[f32], scale: f32) -> f32 {
    match rng.below(8) {
        0 => rng.pick(&SPECIALS),
        1 => rng.bits(),
        _ => {
            let i = rng.below(values.len());
            let other = values.get(i + rng.below(2)).unwrap_or(&values[i]);
            let middle = 0.5 * (values[i] + other);
            rng.nudge(middle * scale)
        }
    }
}

type Encode<C> = fn(&Kernels, &[f32], &Codebook<'_>, &mut [C]);
type Decode<C> = fn(&Kernels, &[C], &Codebook<'_>, &mut [f32]);

fn check_codebook<C: Element + TryFrom<u32>>(
    (encode, decode): (Encode<C>, Decode<C>),
    sizes: &[usize],
    seed: u64,
) {
    let mut rng = Rng(seed);
    let index = |i: u32| C::try_from(i).ok().unwrap();
    let most = (1_usize << (8 * size_of::<C>())) as u32 - 1;
    for values in sizes {
        for values in codebooks(&mut rng, *values) {
            for len in lengths().step_by(3) {
                let group = rng.pick(&GROUPS);
                // Now and then no scale at all.
                let count = if rng.below(4) == 0 { 0 } else { len.div_ceil(group) };
                let scale = rng.many(count, |r| r.pick(&SCALES));
                let scale_of = |i: usize| scale.get(i / group).copied().unwrap_or(1.0);
                let src: Vec<f32> =
                    (0..len).map(|i| near_value(&mut rng, &values, scale_of(i))).collect();
                let codebook = Codebook { values: &values, group: size(group), scale: &scale };
                let what = || format!("{codebook:?}, src {src:?}");
                compare(&unwritten(len), |k, out| encode(k, &src, &codebook, out), what);
                // Indices within the codebook and beyond.
                let codes = rng.many(len, |r| {
                    let inside = r.below(values.len()) as u32;
                    let beyond = r.below(most as usize + 1) as u32;
                    index(r.pick(&[0, most, inside, inside, beyond]))
                });
                let what = || format!("{codebook:?}, codes {codes:?}");
                compare(&unwritten(len), |k, out| decode(k, &codes, &codebook, out), what);
            }
        }
    }
}

#[test]
fn codebooks_match_scalar() {
    let bytes =
        (Kernels::encode_codebook_u8 as Encode<u8>, Kernels::decode_codebook_u8 as Decode<u8>);
    check_codebook(bytes, &[2, 3, 15, 16, 17, 100, 255, 256], 90);
    let words =
        (Kernels::encode_codebook_u16 as Encode<u16>, Kernels::decode_codebook_u16 as Decode<u16>);
    check_codebook(words, &[2, 7, 256, 257, 1000], 91);
}

#[test]
fn powers_match_scalar() {
    const ROUNDINGS: [PowerRounding; 3] =
        [PowerRounding::Nearest, PowerRounding::Up, PowerRounding::Down];
    let check = |src: &[f32]| {
        for (rounding, overflow) in ROUNDINGS.into_iter().flat_map(|r| [(r, 254), (r, 255)]) {
            let what = || format!("{rounding:?}, overflow {overflow}, src {src:?}");
            let run = |k: &Kernels, out: &mut [u8]| k.encode_power(src, rounding, overflow, out);
            compare(&unwritten(src.len()), run, what);
        }
    };
    // Every power, what lies between it and the next, and the neighbours of both.
    let around = |x: f32| [-1, 0, 1].map(|d| f32::from_bits(x.to_bits().wrapping_add_signed(d)));
    let middles = (0..=254_u32).flat_map(|e| [e << 23, e << 23 | 1 << 22]);
    let all: Vec<f32> =
        middles.chain([1 << 21, 3 << 21]).map(f32::from_bits).flat_map(around).collect();
    check(&all);
    let mut rng = Rng(92);
    for len in lengths() {
        for (_, src) in data_sets(&mut rng, len) {
            check(&src);
        }
        let codes = rng.many(len, |r| {
            let any = r.next() as u8;
            r.pick(&[0, 1, 254, 255, any, any])
        });
        let what = || format!("codes {codes:?}");
        compare(&unwritten(len), |k, out| k.decode_power(&codes, out), what);
    }
    let codes: Vec<u8> = (0..=255).collect();
    compare(&unwritten(256), |k, out| k.decode_power(&codes, out), || "all codes".into());
}

#[test]
fn noise_matches_scalar() {
    let mut rng = Rng(93);
    for len in lengths() {
        let first = u64::from(rng.next()) << 32 | u64::from(rng.next());
        for first in [0, 1, 2, 3, 4, (1 << 34) - 2, u64::MAX - 300, first] {
            for key in [0, u64::MAX, u64::from(rng.next()) << 20] {
                let what = || format!("key {key:x}, first {first}, len {len}");
                compare(&unwritten(len), |k, out| k.noise(key, first, out), what);
            }
        }
    }
}

/// Words of the reference implementation (Random123, `kat_vectors`), and the same word wherever a
/// run begins and ends.
#[test]
fn noise_is_philox() {
    for k in dispatch::available() {
        let mut all = [0; 64];
        k.noise(0, 0, &mut all);
        let known = [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8];
        assert_eq!(all[..4], known, "{:?}", k.isa());
        for (start, end) in (0..all.len()).flat_map(|a| (a..=all.len()).map(move |b| (a, b))) {
            let mut part = vec![0; end - start];
            k.noise(0, start as u64, &mut part);
            assert_eq!(part, all[start..end], "{:?} {start}..{end}", k.isa());
        }
    }
}

/// Mantissa bits and smallest exponents of f16, bf16 and the formats of at most 8 bits.
const GRIDS: [(u32, u32); 9] =
    [(10, 113), (7, 1), (3, 121), (2, 113), (3, 120), (2, 112), (2, 125), (3, 127), (1, 127)];

#[test]
fn dither_matches_scalar() {
    let mut rng = Rng(94);
    for (mantissa_bits, smallest) in GRIDS {
        let check = |data: &[f32], noise: &[u32]| {
            let what = || format!("{mantissa_bits} bits from {smallest}, {noise:x?}, {data:?}");
            let run = |k: &Kernels, out: &mut [f32]| k.dither(out, noise, mantissa_bits, smallest);
            compare(data, run, what);
        };
        for len in lengths() {
            for (_, data) in data_sets(&mut rng, len) {
                let noise = rng.many(len, |r| {
                    let any = r.next();
                    r.pick(&[0, 1, u32::MAX, 1 << 31, any, any])
                });
                check(&data, &noise);
            }
        }
        // All exponents, with the fractions next to a number and in the middle.
        let data: Vec<f32> = (0..=255_u32)
            .flat_map(|e| [0, 1, 0x3F_FFFF, 0x40_0000, 0x7F_FFFF].map(|m| e << 23 | m))
            .flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
            .collect();
        for noise in [0, 1, 1 << 31, u32::MAX] {
            check(&data, &vec![noise; data.len()]);
        }
    }
}

#[test]
fn saturate_matches_scalar() {
    let mut rng = Rng(95);
    for len in lengths() {
        for (name, data) in data_sets(&mut rng, len) {
            for limit in [0.0, 1.0, 448.0, 65_504.0, f32::MAX, f32::INFINITY] {
                let what = || format!("{name}, limit {limit}, {data:?}");
                compare(&data, |k, out| k.saturate(out, limit), what);
            }
        }
    }
}

#[test]
fn columns_of_scales_match_scalar() {
    let mut rng = Rng(96);
    for len in lengths() {
        for (name, src) in data_sets(&mut rng, len) {
            let extreme = rng.below(2) == 0;
            let scale = rng.many(len, |r| if extreme { r.bits() } else { r.pick(&SCALES) });
            let what = || format!("{name}, scale {scale:?}, {src:?}");
            compare(&unwritten(len), |k, out| k.divide_columns(&src, &scale, out), what);
            compare(&src, |k, out| k.multiply_columns(out, &scale), what);
        }
    }
}

const FORMATS: [FloatFormat; 7] = [
    formats::E4M3,
    formats::E5M2,
    formats::E4M3_FNUZ,
    formats::E5M2_FNUZ,
    formats::E3M2,
    formats::E2M3,
    formats::E2M1,
];

/// A cast that saturates, with either rule for NaN.
fn casts(format: FloatFormat) -> [FloatEncoding<'static>; 2] {
    let (limit, group) = (format.max(), size(usize::MAX));
    let largest = format.largest();
    [format.nan().unwrap_or(largest), format.sign() | largest].map(|nan| FloatEncoding {
        format,
        limit,
        nan,
        group,
        scale: &[],
        bounded: false,
    })
}

/// A value that the cast meets as a number of the format, the middle between two, or beyond.
fn near_number(rng: &mut Rng, format: FloatFormat, scale: f32, shift: f32) -> f32 {
    match rng.below(8) {
        0 => rng.pick(&SPECIALS),
        1 => rng.bits(),
        _ => {
            let code = rng.below(usize::from(format.largest()) + 2) as u8;
            let (below, above) = (format.magnitude(code), format.magnitude(code.saturating_add(1)));
            let x = rng.pick(&[below, -below, 0.5 * (below + above), -0.5 * (below + above)]);
            rng.nudge((f64::from(x + shift) / f64::from(scale)) as f32)
        }
    }
}

/// Shifts: none, both zeros, ordinary and extreme ones.
const SHIFTS: [f32; 12] = [
    0.0,
    0.0,
    -0.0,
    1.0,
    -0.37,
    448.0,
    -57_344.0,
    1e-6,
    f32::from_bits(1),
    -1e-40,
    pow2(100),
    f32::MIN,
];

#[test]
fn fake_convert_matches_scalar() {
    let mut rng = Rng(97);
    for to in FORMATS.into_iter().flat_map(casts) {
        let mut check = |len: usize, scale: f32, shift: f32| {
            let data = rng.many(len, |r| near_number(r, to.format, scale, shift));
            let what = || format!("{to:?}, scale {scale:e}, shift {shift:e}, {data:?}");
            compare(&data, |k, out| k.fake_convert(out, scale, shift, &to), what);
        };
        for (scale, shift) in SCALES.into_iter().flat_map(|s| SHIFTS.map(|shift| (s, shift))) {
            check(300, scale, shift);
        }
        for len in lengths() {
            for (scale, shift) in [(0.37, 0.0), (-3.0, 0.5)] {
                check(len, scale, shift);
            }
        }
    }
}

/// Every code of the format, the middles between two and what is beyond, for any scale.
#[test]
fn fake_convert_matches_scalar_for_every_scale() {
    let mut rng = Rng(98);
    let scales = rng.many(300, Rng::scale);
    for to in FORMATS.into_iter().flat_map(casts) {
        for scale in &scales {
            let data: Vec<f32> = (0..=to.format.largest())
                .flat_map(|code| {
                    let value = to.format.magnitude(code);
                    let next = to.format.magnitude(code.saturating_add(1));
                    [value, -value, 0.5 * (value + next)]
                })
                .map(|x| x / scale)
                .chain(SPECIALS)
                .collect();
            for shift in [0.0, -0.0, 1.0] {
                let what = || format!("{to:?}, scale {scale:e}, shift {shift:e}");
                compare(&data, |k, out| k.fake_convert(out, *scale, shift, &to), what);
            }
        }
    }
}

#[test]
fn fake_convert_columns_matches_scalar() {
    let mut rng = Rng(99);
    for to in FORMATS.into_iter().flat_map(casts) {
        for len in lengths() {
            let scale = rng.many(len, |r| r.pick(&SCALES));
            let shift = rng.many(len, |r| r.pick(&SHIFTS));
            let data: Vec<f32> = scale
                .iter()
                .zip(&shift)
                .map(|(scale, shift)| near_number(&mut rng, to.format, *scale, *shift))
                .collect();
            let what = || format!("{to:?}, scale {scale:?}, shift {shift:?}, {data:?}");
            compare(&data, |k, out| k.fake_convert_columns(out, &scale, &shift, &to), what);
        }
    }
}

#[test]
fn pack_6_matches_scalar() {
    let mut rng = Rng(71);
    for len in lengths().chain([1000, 1024, 4099]) {
        let codes = rng.many(len, |r| r.next() as u8);
        let packed = rng.many(3 * len.div_ceil(4), |r| r.next() as u8);
        let what = || format!("codes {codes:?}, packed {packed:?}");
        compare(&unwritten(packed.len()), |k, out| k.pack_6(&codes, out), what);
        compare(&unwritten(len), |k, out| k.unpack_6(&packed, out), what);
        for k in dispatch::available() {
            let (mut bytes, mut back) = (vec![0; packed.len()], vec![0; len]);
            k.pack_6(&codes, &mut bytes);
            k.unpack_6(&bytes, &mut back);
            assert!(back.iter().zip(&codes).all(|(a, b)| *a == b & 63), "{:?} len {len}", k.isa());
        }
    }
}
