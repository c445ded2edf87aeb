//! The table of the hot loops: one line per kernel drives the table, its safe methods and the
//! entry points of every tier.
//!
//! `src/arch/scalar` says what each kernel computes; every other tier gives the same bytes, given
//! slices of matching lengths: as many outputs as inputs, as many scales as groups or columns.
//! With others, what is written is unspecified (but never out of bounds).
//! `min` and `max` mean `if a < b { a } else { b }` and `if a > b { a } else { b }`.

#![allow(unsafe_code, reason = "a table entry is an unsafe fn; see the table's safety argument")]

use crate::formats::FloatFormat;
use crate::params::elementwise::Rounding;
use core::num::NonZeroUsize;
use half::{bf16, f16};

/// Instruction set of a table.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust, on every target.
    Scalar = 0,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2 = 1,
    /// x86-64 with AVX-512 F, BW, VL and DQ, besides the above.
    Avx512 = 2,
    /// AArch64 with Advanced SIMD.
    Neon = 3,
}

crate::params::choice!(Isa: Scalar, Avx2, Avx512, Neon);

/// Scales and zero points of consecutive groups, and the range of the codes.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// Elements of a group; the last may be shorter. Column kernels do not read it.
    pub group: NonZeroUsize,
    /// One scale per group (or per column), finite and not 0.
    pub scale: &'a [f32],
    /// `1 / scale` per column, if all scales are [`has_reciprocal`]; else empty. Only column
    /// kernels that quantize read it: rows share it, so the caller computes it once.
    pub reciprocal: &'a [f32],
    /// One zero point per group (or per column); empty where all are `zero_point_all`.
    pub zero_point: &'a [i32],
    /// The zero point where `zero_point` is empty.
    pub zero_point_all: i32,
    /// Where the zero point is added. Dequantization does not read it.
    pub rounding: Rounding,
    /// Smallest code. Dequantization does not read it.
    pub min: i32,
    /// Largest code. Dequantization does not read it.
    pub max: i32,
    /// Whether the caller knows that all elements are finite and at most [`QUOTIENT_LIMIT`] scales
    /// away from 0. Codes are the same either way; `true` is faster.
    pub bounded: bool,
}

/// Whether multiplying by the reciprocal of this divisor and correcting once gives the bits of a
/// division, for all quotients that matter: see `arch::generic::divide`.
#[inline(always)]
#[must_use]
pub fn has_reciprocal(divisor: f32) -> bool {
    const SMALLEST: f32 = f32::from_bits((127 - 80) << 23); // 2^-80
    const LARGEST: f32 = f32::from_bits((127 + 80) << 23); // 2^80
    (SMALLEST..=LARGEST).contains(&divisor.abs())
}

/// Largest magnitude of a quotient that is rounded: beyond it every code is saturated, whatever
/// the zero point.
pub const QUOTIENT_LIMIT: f32 = 131_072.0;

/// Scales of accumulators: one for all, or one per column.
#[derive(Clone, Copy, Debug)]
pub struct FloatScale<'a> {
    /// One scale, or as many as there are accumulators.
    pub scale: &'a [f32],
    /// Zero point of the output.
    pub zero_point: i32,
    /// Smallest code.
    pub min: i32,
    /// Largest code.
    pub max: i32,
}

/// Fixed-point scales of accumulators: one for all, or one per column.
#[derive(Clone, Copy, Debug)]
pub struct FixedScale<'a> {
    /// Multipliers in Q31, not negative: one, or as many as there are accumulators.
    pub multiplier: &'a [i32],
    /// Power of two per multiplier, -31..=30; positive is to the left.
    pub shift: &'a [i32],
    /// Whether to round once instead of twice.
    pub single_rounding: bool,
    /// Zero point of the output.
    pub zero_point: i32,
    /// Smallest code.
    pub min: i32,
    /// Largest code.
    pub max: i32,
}

/// How a number becomes a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerRounding {
    /// The nearest power; a tie goes to the even code.
    Nearest,
    /// The smallest power that is not below it.
    Up,
    /// The largest power that is not above it.
    Down,
}

/// How numbers become codes of a float format.
#[derive(Clone, Copy, Debug)]
pub struct FloatEncoding<'a> {
    /// The format.
    pub format: FloatFormat,
    /// What larger magnitudes are taken for: the largest number of the format, or the value that
    /// the code after it would have, which is that of overflow.
    pub limit: f32,
    /// The code of a NaN.
    pub nan: u8,
    /// Elements of a group; the last may be shorter.
    pub group: NonZeroUsize,
    /// One divisor per group, finite and not 0; empty where nothing is divided.
    pub scale: &'a [f32],
    /// As `Affine::bounded`.
    pub bounded: bool,
}

/// How codes of a float format become numbers.
#[derive(Clone, Copy, Debug)]
pub struct FloatDecoding<'a> {
    /// The format.
    pub format: FloatFormat,
    /// Elements of a group; the last may be shorter.
    pub group: NonZeroUsize,
    /// One factor per group; empty where nothing is multiplied.
    pub scale: &'a [f32],
}

/// How numbers become indices into 16 ascending values, and back.
#[derive(Clone, Copy, Debug)]
pub struct TableCoding<'a> {
    /// The 15 numbers between which the index changes, after one that is not read, in the order of
    /// a heap: entry 1 is the one in the middle, below entry `i` are `2 i` and `2 i + 1`.
    /// Decoding does not read it.
    pub thresholds: [f32; 16],
    /// The values. Encoding does not read them.
    pub values: [f32; 16],
    /// Elements of a group; the last may be shorter.
    pub group: NonZeroUsize,
    /// One divisor or factor per group, finite and not 0; empty where there is none.
    pub scale: &'a [f32],
    /// As `Affine::bounded`.
    pub bounded: bool,
}

/// How numbers become indices into ascending values of any count, and back.
#[derive(Clone, Copy, Debug)]
pub struct Codebook<'a> {
    /// 2 to 65536 values, as many as the index type counts at most.
    pub values: &'a [f32],
    /// Elements of a group; the last may be shorter.
    pub group: NonZeroUsize,
    /// One divisor or factor per group, finite and not 0; empty where there is none.
    pub scale: &'a [f32],
}

/// Counters of one bin: element `i` of a call is counted by the one at `i % 4`, so that equal
/// neighbours do not wait for each other. Their sum is the count. What a counter cannot hold is lost
/// with the rest: it begins at 0 again.
pub type Counters = [u32; 4];

/// The bins of a histogram: any ascending ones of about one width.
#[derive(Clone, Copy, Debug)]
pub struct Bins<'a> {
    /// Where the bins begin, and where the last one ends: one more than there are bins.
    pub edges: &'a [f32],
    /// Bins per unit, or 0 if that is of no use: then bins are searched.
    pub inverse: f32,
    /// How far an edge or a computed position may be from where it should be, in bins; at most 0.25.
    /// A number as near to an edge is compared with it.
    pub slack: f32,
}

/// The bins of a histogram on a grid: bin `j` begins at `(first + j) * width`.
#[derive(Clone, Copy, Debug)]
pub struct GridBins {
    /// Width of a bin: a power of two, `2^-126..2^126`.
    pub width: f32,
    /// `1 / width`.
    pub inverse: f32,
    /// Bin 0, counted from 0; `-2^25..2^25`, like all bins.
    pub first: i32,
}

/// Integer levels of 32 columns.
#[derive(Clone, Copy, Debug)]
pub struct LevelGrid {
    /// What a level stands for.
    pub scale: [f32; 32],
    /// `1 / scale`.
    pub inverse: [f32; 32],
    /// The smallest level: an integer of at most 16 bits, as is the largest.
    pub low: [f32; 32],
    /// The largest level.
    pub high: [f32; 32],
}

/// Rows of a tile of a matrix product, and of a panel of its left operand.
pub const TILE_ROWS: usize = 12;

/// Columns of a tile of a matrix product, and of a panel of its right operand.
pub const TILE_COLS: usize = 32;

/// The rows of a tile, wherever they lie.
pub type TileMut<'a> = [&'a mut [f32; TILE_COLS]; TILE_ROWS];

/// Calls `$user!` with the list of kernels: `fn name(arguments) -> result = family::body;`.
macro_rules! kernel_list {
    ($user:ident $($context:tt)*) => { $user! { $($context)*
        /// `dst[i] = src[i]`, exactly.
        fn widen_f16(src: &[f16], dst: &mut [f32]) = convert::widen;
        /// `dst[i] = src[i]`, exactly.
        fn widen_bf16(src: &[bf16], dst: &mut [f32]) = convert::widen;
        /// `dst[i] = src[i]`, rounded half to even.
        fn narrow_f16(src: &[f32], dst: &mut [f16]) = convert::narrow_f16;
        /// `dst[i] = src[i]`, rounded half to even.
        fn narrow_bf16(src: &[f32], dst: &mut [bf16]) = convert::narrow_bf16;

        /// `dst[i] = clamp(round(src[i] / scale) + zero_point, min, max)`, or with the zero point
        /// added before rounding. A NaN gives the zero point, clamped.
        fn quantize_i8(src: &[f32], to: &Affine<'_>, dst: &mut [i8]) = quantize::groups;
        /// As `quantize_i8`.
        fn quantize_u8(src: &[f32], to: &Affine<'_>, dst: &mut [u8]) = quantize::groups;
        /// As `quantize_i8`.
        fn quantize_i16(src: &[f32], to: &Affine<'_>, dst: &mut [i16]) = quantize::groups;
        /// As `quantize_i8`.
        fn quantize_u16(src: &[f32], to: &Affine<'_>, dst: &mut [u16]) = quantize::groups;
        /// As `quantize_i8`, with a scale and a zero point per element.
        fn quantize_columns_i8(src: &[f32], to: &Affine<'_>, dst: &mut [i8]) = quantize::columns;
        /// As `quantize_columns_i8`.
        fn quantize_columns_u8(src: &[f32], to: &Affine<'_>, dst: &mut [u8]) = quantize::columns;
        /// As `quantize_columns_i8`.
        fn quantize_columns_i16(src: &[f32], to: &Affine<'_>, dst: &mut [i16]) = quantize::columns;
        /// As `quantize_columns_i8`.
        fn quantize_columns_u16(src: &[f32], to: &Affine<'_>, dst: &mut [u16]) = quantize::columns;

        /// `dst[i] = (src[i] - zero_point) * scale`, rounded once.
        fn dequantize_i8(src: &[i8], from: &Affine<'_>, dst: &mut [f32]) = dequantize::groups;
        /// As `dequantize_i8`.
        fn dequantize_u8(src: &[u8], from: &Affine<'_>, dst: &mut [f32]) = dequantize::groups;
        /// As `dequantize_i8`.
        fn dequantize_i16(src: &[i16], from: &Affine<'_>, dst: &mut [f32]) = dequantize::groups;
        /// As `dequantize_i8`.
        fn dequantize_u16(src: &[u16], from: &Affine<'_>, dst: &mut [f32]) = dequantize::groups;
        /// As `dequantize_i8`, with a scale and a zero point per element.
        fn dequantize_columns_i8(src: &[i8], from: &Affine<'_>, dst: &mut [f32]) = dequantize::columns;
        /// As `dequantize_columns_i8`.
        fn dequantize_columns_u8(src: &[u8], from: &Affine<'_>, dst: &mut [f32]) = dequantize::columns;
        /// As `dequantize_columns_i8`.
        fn dequantize_columns_i16(src: &[i16], from: &Affine<'_>, dst: &mut [f32]) = dequantize::columns;
        /// As `dequantize_columns_i8`.
        fn dequantize_columns_u16(src: &[u16], from: &Affine<'_>, dst: &mut [f32]) = dequantize::columns;

        /// `dst[i]` is the code of `src[i] / scale`, to nearest even, in the format.
        fn encode_float(src: &[f32], to: &FloatEncoding<'_>, dst: &mut [u8]) = minifloat::encode;
        /// `dst[i] = value(src[i]) * scale`; upper bits of a code that the format does not have are
        /// ignored.
        fn decode_float(src: &[u8], from: &FloatDecoding<'_>, dst: &mut [f32]) = minifloat::decode;
        /// `dst[i]` is the number of thresholds below `src[i] / scale`; a NaN counts as 0.
        fn encode_table(src: &[f32], to: &TableCoding<'_>, dst: &mut [u8]) = table::encode;
        /// `dst[i] = values[src[i] % 16] * scale`.
        fn decode_table(src: &[u8], from: &TableCoding<'_>, dst: &mut [f32]) = table::decode;
        /// `dst[i]` is the index of the value nearest to `src[i] / scale`: the number of midpoints
        /// `0.5 * (values[j] + values[j + 1])` below it. A NaN counts as 0.
        fn encode_codebook_u8(src: &[f32], to: &Codebook<'_>, dst: &mut [u8]) = codebook::encode_bytes;
        /// As `encode_codebook_u8`.
        fn encode_codebook_u16(src: &[f32], to: &Codebook<'_>, dst: &mut [u16]) = codebook::encode;
        /// `dst[i] = values[src[i]] * scale`; an index beyond the values counts as the last.
        fn decode_codebook_u8(src: &[u8], from: &Codebook<'_>, dst: &mut [f32]) = codebook::decode;
        /// As `decode_codebook_u8`.
        fn decode_codebook_u16(src: &[u16], from: &Codebook<'_>, dst: &mut [f32]) = codebook::decode;
        /// `dst[i] = src[i] / scale[i]`.
        fn divide_columns(src: &[f32], scale: &[f32], dst: &mut [f32]) = scale::divide_columns;
        /// `data[i] *= scale[i]`.
        fn multiply_columns(data: &mut [f32], scale: &[f32]) = scale::multiply_columns;

        /// `data[i] = (cast(data[i] * scale - shift) + shift) / scale`, every step rounded to f32; the
        /// cast goes to the format of `to` and back.
        fn fake_convert(data: &mut [f32], scale: f32, shift: f32, to: &FloatEncoding<'_>) = fake_convert::run;
        /// As `fake_convert`, with a scale and a shift per element.
        fn fake_convert_columns(data: &mut [f32], scale: &[f32], shift: &[f32], to: &FloatEncoding<'_>) = fake_convert::columns;
        /// `dst[i]` is the exponent of `src[i]` as E8M0, rounded as `rounding` says; see
        /// `PowerRounding`.
        fn encode_power(src: &[f32], rounding: PowerRounding, overflow: u8, dst: &mut [u8]) = power::encode;
        /// `dst[i] = 2^(src[i] - 127)`, NaN for 255.
        fn decode_power(src: &[u8], dst: &mut [f32]) = power::decode;
        /// Words `first..` of the random sequence that `key` names: word `i` is word `i % 4` of
        /// Philox4x32-10 with the counter `i / 4`.
        fn noise(key: u64, first: u64, dst: &mut [u32]) = noise::fill;
        /// Moves `data[i]` to one of the two neighbours with `mantissa_bits` bits and exponents from
        /// `smallest_exponent` (as an f32 has it) on: up in magnitude if `noise[i] / 2^32` is below
        /// the fraction that lies between. NaN and infinity stay.
        fn dither(data: &mut [f32], noise: &[u32], mantissa_bits: u32, smallest_exponent: u32) = noise::dither;
        /// `if data[i] is NaN { data[i] } else { clamp(data[i], -limit, limit) }`.
        fn saturate(data: &mut [f32], limit: f32) = scale::saturate;

        /// Snaps every value to one of `levels` equidistant values from `low` to `high`; a NaN
        /// becomes `low`.
        fn fake_quantize(data: &mut [f32], low: f32, high: f32, levels: u32) = fake_quantize::run;
        /// As `fake_quantize`, with a range per element.
        fn fake_quantize_columns(data: &mut [f32], low: &[f32], high: &[f32], levels: u32) = fake_quantize::columns;

        /// Minimum and maximum of every group of `src`; NaN if the group holds one, never -0.
        fn min_max(src: &[f32], group: NonZeroUsize, min: &mut [f32], max: &mut [f32]) = range::min_max;
        /// As `min_max`.
        fn min_max_f16(src: &[f16], group: NonZeroUsize, min: &mut [f32], max: &mut [f32]) = range::min_max;
        /// As `min_max`.
        fn min_max_bf16(src: &[bf16], group: NonZeroUsize, min: &mut [f32], max: &mut [f32]) = range::min_max;
        /// Largest magnitude; NaN if there is one, 0 if `src` is empty.
        fn abs_max(src: &[f32]) -> f32 = range::abs_max;
        /// As `abs_max`.
        fn abs_max_f16(src: &[f16]) -> f32 = range::abs_max;
        /// As `abs_max`.
        fn abs_max_bf16(src: &[bf16]) -> f32 = range::abs_max;
        /// `min[j] = min(min[j], src[i][j])` and the same for the maximum, for all rows `i`; a NaN
        /// stays. `src` of -0 counts as 0. Rows have the length of `min` and begin `stride` elements, at least as
        /// many, after each other. At best a call has some thousand elements: each block of columns is done for
        /// all rows, and those of the next call are asked for.
        fn min_max_columns(src: &[f32], stride: usize, min: &mut [f32], max: &mut [f32]) = range::min_max_columns;
        /// `max[j] = max(max[j], |src[i][j]|)` for all rows `i`, as `min_max_columns` has them; a NaN stays.
        fn abs_max_columns(src: &[f32], stride: usize, max: &mut [f32]) = range::abs_max_columns;

        /// Counts `src[i]` in the last bin whose beginning is at most `src[i]`; in the first if there
        /// is none, and in the last if it is beyond the end. No element is NaN.
        fn histogram(src: &[f32], bins: &Bins<'_>, counts: &mut [Counters]) = histogram::run;
        /// Counts `src[i]` in bin `floor(src[i] / width) - first`, which `counts` has. No element is
        /// NaN or more than `2^25` bins away from 0.
        fn histogram_grid(src: &[f32], bins: &GridBins, counts: &mut [Counters]) = histogram::grid;

        /// Sum in a fixed order: element `i` joins partial sum `i % 32`, then the partial sums are
        /// folded in halves (`lane[i] += lane[i + 16]`, then 8, 4, 2, 1).
        fn sum(src: &[f32]) -> f32 = reduce::sum;
        /// As `sum`.
        fn sum_f16(src: &[f16]) -> f32 = reduce::sum;
        /// As `sum`.
        fn sum_bf16(src: &[bf16]) -> f32 = reduce::sum;
        /// The sum of `(src[i] - center)^2` in the order of `sum`; square and sum round apart.
        fn sum_squares(src: &[f32], center: f32) -> f32 = reduce::sum_squares;
        /// The sum of `(a[i] - b[i])^2` in the order of `sum`; square and sum round apart.
        fn squared_distance(a: &[f32], b: &[f32]) -> f32 = reduce::squared_distance;
        /// `acc[j] += src[i][j]` for all rows `i` in ascending order, as `min_max_columns` has them.
        fn sum_columns(src: &[f32], stride: usize, acc: &mut [f32]) = reduce::sum_columns;
        /// `acc[j] += (src[i][j] - center[j])^2` for all rows `i` in ascending order, as
        /// `min_max_columns` has them; square and sum round apart.
        fn sum_squares_columns(src: &[f32], stride: usize, center: &[f32], acc: &mut [f32]) = reduce::sum_squares_columns;
        /// `acc[j] = fma(weight[i] * d, d, acc[j])`, where `d = src[i][j] - center[i][j]`, for all `i` in
        /// ascending order: rows of 32 elements.
        fn sum_weighted_squares(src: &[f32], center: &[f32], weight: &[f32], acc: &mut [f32; 32]) = reduce::sum_weighted_squares;
        /// `acc[j] = fma(weight[i] * d, d, acc[j])`, where `d = fma(-level, scale[j], src[i][j])` and
        /// `level = round(min(max(src[i][j] * inverse[j], low[j]), high[j]))`, half to even, for all `i`
        /// in ascending order: rows of 32 elements.
        fn sum_level_errors(src: &[f32], weight: &[f32], levels: &LevelGrid, acc: &mut [f32; 32]) = reduce::sum_level_errors;

        /// `acc[i][j] = fma(a[i][p], x[p][j], acc[i][j])` for all `p` in ascending order: rows of `x`
        /// and `acc` have 32 elements, rows of `a` as many as `x` has rows.
        fn multiply_rows(a: &[f32], x: &[f32], acc: &mut [f32]) = product::rows;
        /// `acc[i] = fma(h[p], b[i][p], acc[i])` for all `p` in ascending order: rows of `b` are as long as
        /// `h`.
        fn multiply_vector(h: &[f32], b: &[f32], acc: &mut [f32]) = turn::floats;
        /// As `multiply_vector`, with `(b[i][p] - zero_point[i]) * scale[i]`, rounded once, in the place of
        /// `b[i][p]`; without zero points, they are 0.
        fn multiply_vector_i8(h: &[f32], b: &[i8], zero_point: &[i32], scale: &[f32], acc: &mut [f32]) = turn::codes;
        /// As `multiply_vector_i8`.
        fn multiply_vector_u8(h: &[f32], b: &[u8], zero_point: &[i32], scale: &[f32], acc: &mut [f32]) = turn::codes;
        /// The inner product in a fixed order: `fma(a[i], b[i], lane)` joins lane `i % 32`, where the
        /// shorter last block is filled up with zeros, then the lanes are folded as in `sum`.
        fn dot(a: &[f32], b: &[f32]) -> f32 = vector::dot;
        /// The inner product of each with `b`, as `dot`.
        fn dot_rows(a: [&[f32]; 4], b: &[f32]) -> [f32; 4] = vector::dot_rows;
        /// As `dot_rows`.
        fn dot_rows_f16(a: [&[f16]; 4], b: &[f32]) -> [f32; 4] = vector::dot_rows;
        /// As `dot_rows`.
        fn dot_rows_bf16(a: [&[bf16]; 4], b: &[f32]) -> [f32; 4] = vector::dot_rows;
        /// As `dot_rows`, with `a[j][i] - zero_point[j]` in the place of `a[j][i]`.
        fn dot_rows_i8(a: [&[i8]; 4], zero_point: [u8; 4], b: &[f32]) -> [f32; 4] = vector::dot_rows_codes;
        /// As `dot_rows_i8`.
        fn dot_rows_u8(a: [&[u8]; 4], zero_point: [u8; 4], b: &[f32]) -> [f32; 4] = vector::dot_rows_codes;
        /// `acc[i] = fma(factor, x[i], acc[i])`.
        fn add_scaled(factor: f32, x: &[f32], acc: &mut [f32]) = vector::add_scaled;
        /// `acc[i] = fma(factor[j], x[j][i], acc[i])` for all `j` in ascending order.
        fn add_scaled_rows(factor: &[f32], x: &[&[f32]], acc: &mut [f32]) = vector::add_scaled_rows;
        /// As `add_scaled_rows`.
        fn add_scaled_rows_f16(factor: &[f32], x: &[&[f16]], acc: &mut [f32]) = vector::add_scaled_rows;
        /// As `add_scaled_rows`.
        fn add_scaled_rows_bf16(factor: &[f32], x: &[&[bf16]], acc: &mut [f32]) = vector::add_scaled_rows;
        /// As `add_scaled_rows`, with `x[j][i] - zero_point[j]` in the place of `x[j][i]`.
        fn add_scaled_rows_i8(factor: &[f32], x: &[&[i8]], zero_point: &[u8], acc: &mut [f32]) = vector::add_scaled_rows_codes;
        /// As `add_scaled_rows_i8`.
        fn add_scaled_rows_u8(factor: &[f32], x: &[&[u8]], zero_point: &[u8], acc: &mut [f32]) = vector::add_scaled_rows_codes;
        /// As `dot`, in f64 over 16 lanes; product and sum round apart.
        fn dot_f64(a: &[f64], b: &[f64]) -> f64 = rotation::dot;
        /// Turns two vectors: `(a[i], b[i])` becomes `(c a[i] - s b[i], s a[i] + c b[i])`; products and sums
        /// round apart.
        fn rotate(c: f64, s: f64, a: &mut [f64], b: &mut [f64]) = rotation::rotate;
        /// `c[i][j] = fma(a[p][i], b[p][j], c[i][j])` for all `p` in ascending order. The next call is for
        /// the tile `ahead` elements further on, or any other: it is a hint.
        fn multiply_tile(a: &[f32], b: &[f32], c: &mut TileMut<'_>, ahead: usize) = gemm::tile;
        /// Has bytes brought near that are read soon: a hint.
        fn request(src: &[u8]) = gemm::request;
        /// `dst[width * p + i] = rows[i][p]`, with the other sign if `negate`; what lies in between stays.
        /// There are at most `width` rows, equally long.
        fn interleave_rows(rows: &[&[f32]], negate: bool, width: usize, dst: &mut [f32]) = gemm::interleave;
        /// Solves a lower triangular system: in ascending order of `j`, `x[j][r]` becomes
        /// `fma(-l[j][p], x[p][r], x[j][r])` for `p` from 0 to `j - 1`, then `x[j][r] * l[j][j]`: the
        /// diagonal holds reciprocals. Rows of `x` have 32 elements, rows of `l` are `stride` apart.
        fn solve_lower(l: &[f32], stride: usize, x: &mut [f32]) = triangle::solve;
        /// Cholesky decomposition of at most 32 columns, which are the rows `from..` of `x`: all `x[from + j][r]`
        /// become `fma(-x[p][j], x[p][r], x[from + j][r])` for `p` from 0 to `from - 1`; then, in ascending
        /// order of `j`, the same for `p` from `from` to `from + j - 1`, all but the pivot,
        /// `x[from + j][j]`, is multiplied by `1 / d` and the pivot becomes `d`, its square root. Ends
        /// before a pivot that is not positive and finite; the result is the number of columns before it.
        fn factor_lower(x: &mut [f32], from: usize) -> usize = triangle::factor;

        /// How many elements are less than `limits.0`, and how many are neither that nor greater than
        /// `limits.1`, as no NaN is. With `magnitude`, of `|src[i]|`. Writes the second kind to `room`,
        /// in order, while there is some; what follows them there is unspecified. `soon` is what later calls
        /// read, or this one does in a while: a hint.
        fn bracket(src: &[f32], soon: &[f32], limits: (f32, f32), magnitude: bool, room: &mut [f32]) -> [usize; 2] = bracket::run;
        /// `bracket` of f16.
        fn bracket_f16(src: &[f16], soon: &[f16], limits: (f32, f32), magnitude: bool, room: &mut [f32]) -> [usize; 2] = bracket::run;
        /// `bracket` of bf16.
        fn bracket_bf16(src: &[bf16], soon: &[bf16], limits: (f32, f32), magnitude: bool, room: &mut [f32]) -> [usize; 2] = bracket::run;
        /// `ranks[i]` is the number of elements of `src` that are less than element `i`. Compares each
        /// with each: for few.
        fn ranks(src: &[f32], ranks: &mut [i32]) = bracket::ranks;

        /// Four codes in three bytes, code 0 in the lowest bits; `dst` holds `3 * ceil(len / 4)`
        /// bytes.
        fn pack_6(src: &[u8], dst: &mut [u8]) = pack::pack_6;
        /// The inverse of `pack_6`.
        fn unpack_6(src: &[u8], dst: &mut [u8]) = pack::unpack_6;
        /// Two codes per byte, code 0 in the low nibble; `dst` holds `ceil(len / 2)` bytes.
        fn pack_4(src: &[u8], dst: &mut [u8]) = pack::pack_4;
        /// The inverse of `pack_4`, unsigned.
        fn unpack_u4(src: &[u8], dst: &mut [u8]) = pack::unpack_u4;
        /// The inverse of `pack_4`, sign-extended.
        fn unpack_i4(src: &[u8], dst: &mut [u8]) = pack::unpack_i4;
        /// Eight codes in three bytes; `dst` holds `3 * ceil(len / 8)` bytes.
        fn pack_3(src: &[u8], dst: &mut [u8]) = pack::pack_3;
        /// The inverse of `pack_3`.
        fn unpack_3(src: &[u8], dst: &mut [u8]) = pack::unpack_3;
        /// Four codes per byte, code 0 in the lowest bits; `dst` holds `ceil(len / 4)` bytes.
        fn pack_2(src: &[u8], dst: &mut [u8]) = pack::pack_2;
        /// The inverse of `pack_2`.
        fn unpack_2(src: &[u8], dst: &mut [u8]) = pack::unpack_2;

        /// `dst[i] = clamp(round(f32(src[i]) * scale) + zero_point, min, max)`.
        fn requantize_i8(src: &[i32], to: &FloatScale<'_>, dst: &mut [i8]) = requantize::float;
        /// As `requantize_i8`.
        fn requantize_u8(src: &[i32], to: &FloatScale<'_>, dst: &mut [u8]) = requantize::float;
        /// `dst[i] = clamp(src[i] * multiplier * 2^(shift - 31) + zero_point, min, max)`, rounded
        /// as `FixedScale` says.
        fn requantize_fixed_i8(src: &[i32], to: &FixedScale<'_>, dst: &mut [i8]) = requantize::fixed;
        /// As `requantize_fixed_i8`.
        fn requantize_fixed_u8(src: &[i32], to: &FixedScale<'_>, dst: &mut [u8]) = requantize::fixed;
    } };
}
pub(crate) use kernel_list;

macro_rules! kernel_table {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $family:ident::$body:ident;)+) => {
        /// One function per kernel, all of one instruction set.
        ///
        /// A table is reached through [`crate::dispatch`] only, which hands out those that the
        /// running CPU can execute: that is what makes the methods safe.
        pub struct Kernels {
            pub(crate) isa: Isa,
            $(pub(crate) $name: unsafe fn($($ty),*) $(-> $ret)?,)+
        }

        impl Kernels {
            /// The instruction set of this table.
            #[must_use]
            pub fn isa(&self) -> Isa {
                self.isa
            }

            $($(#[doc = $doc])+
            #[inline]
            pub fn $name(&self, $($arg: $ty),*) $(-> $ret)? {
                // SAFETY: `dispatch` gives out a table only if the CPU has its features.
                unsafe { (self.$name)($($arg),*) }
            })+
        }
    };
}

kernel_list!(kernel_table);

impl core::fmt::Debug for Kernels {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kernels").field("isa", &self.isa).finish_non_exhaustive()
    }
}
