//! Kernels of every table on any values: the bytes are those of the scalar table, but for what a NaN
//! looks like.

#![no_main]

use half::{bf16, f16};
use libfuzzer_sys::fuzz_target;
use ptqk::dispatch;
use ptqk::formats::{self, FloatFormat};
use ptqk::kernels::{
    Affine, FixedScale, FloatDecoding, FloatEncoding, FloatScale, Kernels, PowerRounding,
    has_reciprocal,
};
use ptqk::params::elementwise::Rounding;
use ptqk_fuzz::{Input, Values};
use std::num::NonZeroUsize;

const FORMATS: [FloatFormat; 7] = [
    formats::E4M3,
    formats::E5M2,
    formats::E4M3_FNUZ,
    formats::E5M2_FNUZ,
    formats::E3M2,
    formats::E2M3,
    formats::E2M1,
];

/// An element of an output.
trait Element: Copy + PartialEq + std::fmt::Debug {
    /// What outputs hold before.
    const PAINT: Self;

    fn is_nan(self) -> bool;

    /// Whether the bits are equal.
    fn same(self, other: Self) -> bool;
}

macro_rules! element {
    ($($ty:ty: $paint:expr, $nan:expr, $bits:expr;)+) => {$(
        impl Element for $ty {
            const PAINT: Self = $paint;

            fn is_nan(self) -> bool {
                $nan(self)
            }

            fn same(self, other: Self) -> bool {
                $bits(self) == $bits(other)
            }
        }
    )+};
}

element! {
    i8: 77, |_| false, |x| x;
    u8: 77, |_| false, |x| x;
    i16: 7777, |_| false, |x| x;
    u16: 7777, |_| false, |x| x;
    f32: 7.5, f32::is_nan, f32::to_bits;
    f16: f16::ONE, f16::is_nan, f16::to_bits;
    bf16: bf16::ONE, bf16::is_nan, bf16::to_bits;
}

/// Elements on either side of an output.
const MARGIN: usize = 33;

/// Runs a kernel on every table, on an output that begins as `start` repeated.
fn compare<T: Element>(name: &str, n: usize, start: &[T], f: impl Fn(&Kernels, &mut [T])) {
    let mut want: Option<Vec<T>> = None;
    for k in dispatch::available() {
        let mut memory = vec![T::PAINT; n + 2 * MARGIN];
        let out = &mut memory[MARGIN..MARGIN + n];
        out.iter_mut().zip(start.iter().cycle()).for_each(|(to, from)| *to = *from);
        f(k, out);
        let margins = memory[..MARGIN].iter().chain(&memory[MARGIN + n..]);
        assert!(margins.copied().all(|x| x.same(T::PAINT)), "{name} {:?}: a margin", k.isa());
        let want = want.get_or_insert_with(|| memory.clone());
        for (i, (got, want)) in memory.iter().zip(want.iter()).enumerate() {
            let same = got.same(*want) || got.is_nan() && want.is_nan();
            let at = i.wrapping_sub(MARGIN);
            assert!(same, "{name} {:?}, n = {n}: [{at}] = {got:?}, not {want:?}", k.isa());
        }
    }
}

/// A case: values, and groups of any size.
struct Case {
    n: usize,
    src: Vec<f32>,
    group: NonZeroUsize,
    /// As many as there are elements, which is enough for groups, too.
    scale: Vec<f32>,
    values: Values,
}

impl Case {
    fn new(input: &mut Input) -> Self {
        let n = if input.flag() { input.below(70) } else { input.below(600) };
        let mut values = input.any_values();
        let src = (0..n).map(|_| values.float()).collect();
        let group = input.pick(&[1, 2, 3, 7, 16, 31, 32, 33, 64, 100, usize::MAX]);
        let mut scales = input.any_values();
        let scale = (0..n).map(|_| scales.scale()).collect();
        Self { n, src, group: NonZeroUsize::new(group).unwrap(), scale, values }
    }

    fn groups(&self) -> &[f32] {
        &self.scale[..self.n.div_ceil(self.group.get())]
    }

    fn codes<T>(&mut self, n: usize, f: fn(u32) -> T) -> Vec<T> {
        (0..n).map(|_| f(self.values.bits())).collect()
    }
}

fuzz_target!(|data: &[u8]| {
    let input = &mut Input::new(data);
    let case = &mut Case::new(input);
    match input.below(9) {
        0 => quantize(input, case),
        1 => dequantize(input, case),
        2 => requantize(input, case),
        3 => formats_of_8_bits(input, case),
        4 => halves(case),
        5 => packed(case),
        6 => ranges_and_sums(input, case),
        7 => rows(input, case),
        _ => in_place(input, case),
    }
});

/// Parameters of codes from `low` to `high`; with a scale for each element if `columns`.
fn affine<'a>(
    input: &mut Input,
    (case, reciprocal, zero_point): (&'a Case, &'a [f32], &'a mut Vec<i32>),
    (low, high): (i32, i32),
    columns: bool,
) -> Affine<'a> {
    let scale = if columns { &case.scale[..] } else { case.groups() };
    let width = high.abs_diff(low) as usize + 1;
    let mut any = || low + input.below(width) as i32;
    let (zero_point_all, a, b) = (any(), any(), any());
    *zero_point = (0..scale.len()).map(|i| if i < 8 { any() } else { zero_point_all }).collect();
    let (min, max) = if input.flag() { (low, high) } else { (a.min(b), a.max(b)) };
    Affine {
        group: case.group,
        scale,
        reciprocal,
        zero_point: if input.flag() { zero_point } else { &[] },
        zero_point_all,
        rounding: input.pick(&[Rounding::AfterRounding, Rounding::BeforeRounding]),
        min,
        max,
        bounded: false,
    }
}

fn quantize(input: &mut Input, case: &Case) {
    let reciprocal: Vec<f32> = if case.scale.iter().all(|x| has_reciprocal(*x)) {
        case.scale.iter().map(|x| 1.0 / x).collect()
    } else {
        Vec::new()
    };
    let (n, src, zeros) = (case.n, &case.src, &mut Vec::new());
    macro_rules! quantize {
        ($ty:ident, $groups:ident, $columns:ident) => {
            let range = (i32::from($ty::MIN), i32::from($ty::MAX));
            let to = affine(input, (case, &[], zeros), range, false);
            compare("groups", n, &[$ty::PAINT], |k, out| k.$groups(src, &to, out));
            let to = affine(input, (case, &reciprocal, zeros), range, true);
            compare("columns", n, &[$ty::PAINT], |k, out| k.$columns(src, &to, out));
        };
    }
    match input.below(4) {
        0 => {
            quantize!(i8, quantize_i8, quantize_columns_i8);
        }
        1 => {
            quantize!(u8, quantize_u8, quantize_columns_u8);
        }
        2 => {
            quantize!(i16, quantize_i16, quantize_columns_i16);
        }
        _ => {
            quantize!(u16, quantize_u16, quantize_columns_u16);
        }
    }
}

fn dequantize(input: &mut Input, case: &mut Case) {
    let n = case.n;
    macro_rules! dequantize {
        ($ty:ident, $groups:ident, $columns:ident) => {
            let range = (i32::from($ty::MIN), i32::from($ty::MAX));
            let (src, zeros) = (case.codes(n, |bits| bits as $ty), &mut Vec::new());
            let from = affine(input, (case, &[], zeros), range, false);
            compare("groups", n, &[f32::PAINT], |k, out| k.$groups(&src, &from, out));
            let from = affine(input, (case, &[], zeros), range, true);
            compare("columns", n, &[f32::PAINT], |k, out| k.$columns(&src, &from, out));
        };
    }
    match input.below(4) {
        0 => {
            dequantize!(i8, dequantize_i8, dequantize_columns_i8);
        }
        1 => {
            dequantize!(u8, dequantize_u8, dequantize_columns_u8);
        }
        2 => {
            dequantize!(i16, dequantize_i16, dequantize_columns_i16);
        }
        _ => {
            dequantize!(u16, dequantize_u16, dequantize_columns_u16);
        }
    }
}

fn requantize(input: &mut Input, case: &mut Case) {
    let n = case.n;
    let shrink = input.below(32) as u32;
    let src: Vec<i32> = case.codes(n, |x| x as i32).into_iter().map(|x| x >> shrink).collect();
    let multiplier = case.codes(n.max(1), |x| (x >> 1) as i32);
    let shift = case.codes(n.max(1), |x| (x % 62) as i32 - 31);
    let scale = if n > 0 { &case.scale[..] } else { &[0.5] };
    // One for all, or one each.
    let count = if input.flag() { 1 } else { scale.len() };
    let (scale, multiplier, shift) = (&scale[..count], &multiplier[..count], &shift[..count]);
    let single_rounding = input.flag();
    let mut run = |low: i32| {
        let zero_point = low + i32::from(input.byte());
        let (a, b) = (low + i32::from(input.byte()), low + i32::from(input.byte()));
        let (min, max) = if input.flag() { (low, low + 255) } else { (a.min(b), a.max(b)) };
        let fixed = FixedScale { multiplier, shift, single_rounding, zero_point, min, max };
        (FloatScale { scale, zero_point, min, max }, fixed)
    };
    let (float, fixed) = run(-128);
    compare("requantize_i8", n, &[7], |k, out| k.requantize_i8(&src, &float, out));
    compare("requantize_fixed_i8", n, &[7], |k, out| k.requantize_fixed_i8(&src, &fixed, out));
    let (float, fixed) = run(0);
    compare("requantize_u8", n, &[7], |k, out| k.requantize_u8(&src, &float, out));
    compare("requantize_fixed_u8", n, &[7], |k, out| k.requantize_fixed_u8(&src, &fixed, out));
}

fn formats_of_8_bits(input: &mut Input, case: &mut Case) {
    let n = case.n;
    let codes = case.codes(n, |x| x as u8);
    let (src, group) = (&case.src, case.group);
    let format = input.pick(&FORMATS);
    let scale = if input.flag() { case.groups() } else { &[] };
    // Only a format with NaN or infinity has a code of overflow.
    let overflow = format.nan().is_some() && input.flag();
    let limit = format.magnitude(format.largest() + u8::from(overflow));
    let nan = format.nan().unwrap_or(format.largest());
    let to = FloatEncoding { format, limit, nan, group, scale, bounded: false };
    compare("encode_float", n, &[7], |k, out| k.encode_float(src, &to, out));
    let from = FloatDecoding { format, group, scale };
    compare("decode_float", n, &[7.0], |k, out| k.decode_float(&codes, &from, out));
    let rounding = input.pick(&[PowerRounding::Nearest, PowerRounding::Up, PowerRounding::Down]);
    let overflow = input.pick(&[254, 255]);
    compare("encode_power", n, &[7], |k, out| k.encode_power(src, rounding, overflow, out));
    compare("decode_power", n, &[7.0], |k, out| k.decode_power(&codes, out));
}

fn halves(case: &mut Case) {
    let n = case.n;
    let halves = case.codes(n, |x| f16::from_bits(x as u16));
    let brains = case.codes(n, |x| bf16::from_bits(x as u16));
    let (src, group) = (&case.src, case.group);
    compare("widen_f16", n, &[7.0], |k, out| k.widen_f16(&halves, out));
    compare("widen_bf16", n, &[7.0], |k, out| k.widen_bf16(&brains, out));
    compare("narrow_f16", n, &[f16::ONE], |k, out| k.narrow_f16(src, out));
    compare("narrow_bf16", n, &[bf16::ONE], |k, out| k.narrow_bf16(src, out));
    compare("sum_f16", 1, &[7.0], |k, out| out[0] = k.sum_f16(&halves));
    compare("sum_bf16", 1, &[7.0], |k, out| out[0] = k.sum_bf16(&brains));
    compare("abs_max_f16", 1, &[7.0], |k, out| out[0] = k.abs_max_f16(&halves));
    compare("abs_max_bf16", 1, &[7.0], |k, out| out[0] = k.abs_max_bf16(&brains));
    let groups = case.groups().len();
    compare("min_max_f16", 2 * groups, &[7.0], |k, out| {
        let (min, max) = out.split_at_mut(groups);
        k.min_max_f16(&halves, group, min, max);
    });
    compare("min_max_bf16", 2 * groups, &[7.0], |k, out| {
        let (min, max) = out.split_at_mut(groups);
        k.min_max_bf16(&brains, group, min, max);
    });
}

fn packed(case: &mut Case) {
    let n = case.n;
    let codes = case.codes(n, |x| x as u8);
    macro_rules! pack {
        ($bytes:expr, $pack:ident, $($unpack:ident),+) => {
            let bytes = $bytes;
            compare(stringify!($pack), bytes, &[7], |k, out| k.$pack(&codes, out));
            let packed = case.codes(bytes, |x| x as u8);
            $(compare(stringify!($unpack), n, &[7], |k, out| k.$unpack(&packed, out));)+
        };
    }
    pack!(n.div_ceil(4), pack_2, unpack_2);
    pack!(3 * n.div_ceil(8), pack_3, unpack_3);
    pack!(n.div_ceil(2), pack_4, unpack_u4, unpack_i4);
    pack!(3 * n.div_ceil(4), pack_6, unpack_6);
}

fn ranges_and_sums(input: &mut Input, case: &Case) {
    let (n, src, group) = (case.n, &case.src, case.group);
    let (groups, center) = (case.groups().len(), input.float());
    compare("min_max", 2 * groups, &[7.0], |k, out| {
        let (min, max) = out.split_at_mut(groups);
        k.min_max(src, group, min, max);
    });
    compare("min_max_columns", 2 * n, &[0.5, f32::NAN, -3.0], |k, out| {
        let (min, max) = out.split_at_mut(n);
        k.min_max_columns(src, n, min, max);
    });
    compare("abs_max_columns", n, &[0.5, 3.0], |k, out| k.abs_max_columns(src, n, out));
    compare("abs_max", 1, &[7.0], |k, out| out[0] = k.abs_max(src));
    compare("sum", 1, &[7.0], |k, out| out[0] = k.sum(src));
    compare("sum_squares", 1, &[7.0], |k, out| out[0] = k.sum_squares(src, center));
    compare("squared_distance", 1, &[7.0], |k, out| out[0] = k.squared_distance(src, &case.scale));
    compare("sum_columns", n, &[center, 1.0], |k, out| k.sum_columns(src, n, out));
    compare("dot", 1, &[7.0], |k, out| out[0] = k.dot(src, &case.scale));
    compare("add_scaled", n, &case.scale, |k, out| k.add_scaled(center, src, out));
}

fn rows(input: &mut Input, case: &mut Case) {
    let (n, count) = (case.n, input.below(6));
    let codes = [0; 5].map(|_| case.codes(n, |x| x as u8));
    let halves = [0; 5].map(|_| case.codes(n, |x| f16::from_bits(x as u16)));
    let (zero_point, factor) = ([0; 5].map(|_| input.byte()), [0; 5].map(|_| input.float()));
    let (factor, zeros, four) =
        (&factor[..count], &zero_point[..count], *zero_point.first_chunk().unwrap());
    let (src, scale) = (&case.src[..], &case.scale[..]);
    let x = [src, scale, scale, src, scale];
    compare("dot_rows", 4, &[7.0], |k, out| {
        out.copy_from_slice(&k.dot_rows(*x.first_chunk().unwrap(), src));
    });
    compare("add_scaled_rows", n, src, |k, out| k.add_scaled_rows(factor, &x[..count], out));
    let x = halves.each_ref().map(Vec::as_slice);
    compare("dot_rows_f16", 4, &[7.0], |k, out| {
        out.copy_from_slice(&k.dot_rows_f16(*x.first_chunk().unwrap(), src));
    });
    compare("add_scaled_rows_f16", n, src, |k, out| {
        k.add_scaled_rows_f16(factor, &x[..count], out)
    });
    let x = codes.each_ref().map(Vec::as_slice);
    compare("dot_rows_u8", 4, &[7.0], |k, out| {
        out.copy_from_slice(&k.dot_rows_u8(*x.first_chunk().unwrap(), four, src));
    });
    compare("add_scaled_rows_u8", n, src, |k, out| {
        k.add_scaled_rows_u8(factor, &x[..count], zeros, out);
    });
}

fn in_place(input: &mut Input, case: &Case) {
    let (n, src, scale) = (case.n, &case.src, &case.scale);
    compare("divide_columns", n, &[7.0], |k, out| k.divide_columns(src, scale, out));
    compare("multiply_columns", n, src, |k, out| k.multiply_columns(out, scale));
    let limit = input.float().abs();
    let limit = if limit.is_nan() { 1.0 } else { limit };
    compare("saturate", n, src, |k, out| k.saturate(out, limit));
    let format = input.pick(&FORMATS);
    let nan = format.nan().unwrap_or(format.sign() | format.largest());
    let group = NonZeroUsize::MAX;
    let to = FloatEncoding { format, limit: format.max(), nan, group, scale: &[], bounded: false };
    let (factor, shift) =
        (scale.first().copied().unwrap_or(1.0), input.pick(&[0.0, -0.0, 0.5, 1e30]));
    compare("fake_convert", n, src, |k, out| k.fake_convert(out, factor, shift, &to));
}
