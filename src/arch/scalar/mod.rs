//! Plain loops: what every kernel computes, the oracle of the tests and the fallback of every CPU.

mod bracket;
pub(crate) mod codebook;
mod convert;
mod dequantize;
pub(crate) mod fake_convert;
mod fake_quantize;
pub(crate) mod gemm;
pub(crate) mod histogram;
pub(crate) mod minifloat;
pub(crate) mod noise;
pub(crate) mod pack;
pub(crate) mod power;
mod product;
mod quantize;
mod range;
mod reduce;
pub(crate) mod requantize;
pub(crate) mod rotation;
pub(crate) mod scale;
mod table;
pub(crate) mod triangle;
mod turn;
mod vector;

use crate::kernels::{
    Affine, Bins, Codebook, Counters, FixedScale, FloatDecoding, FloatEncoding, FloatScale,
    GridBins, Isa, Kernels, LevelGrid, PowerRounding, TableCoding, TileMut, kernel_list,
};
use core::num::NonZeroUsize;
use half::{bf16, f16};

macro_rules! scalar_tier {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $family:ident::$body:ident;)+) => {
        $(fn $name($($arg: $ty),*) $(-> $ret)? {
            $family::$body($($arg),*)
        })+

        /// The table of this tier.
        pub(crate) static KERNELS: Kernels = Kernels { isa: Isa::Scalar, $($name),+ };
    };
}

kernel_list!(scalar_tier);

/// Rounds half to even. Needs `|x| <= 2^22`, which every caller has clamped to: there the sum has
/// no fraction bits left.
#[inline(always)]
pub(crate) fn round(x: f32) -> f32 {
    (x + ROUND_SHIFT) - ROUND_SHIFT
}

/// The same as an integer: the low bits of the sum, without a conversion that must saturate.
#[inline(always)]
pub(crate) fn round_i32(x: f32) -> i32 {
    (x + ROUND_SHIFT).to_bits() as i32 - ROUND_SHIFT.to_bits() as i32
}

const ROUND_SHIFT: f32 = 12_582_912.0; // 1.5 * 2^23

/// `if a < b { a } else { b }`, as the vector instructions have it.
#[inline(always)]
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// `if a > b { a } else { b }`.
#[inline(always)]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `a * b + c`, rounded once, for CPUs whose instructions round twice: in f64 the product is exact
/// and the sum is rounded to odd, from where rounding to f32 is right, subnormals included.
pub(crate) fn fma(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    let other = sum - product;
    let lost = (product - (sum - other)) + (c - other);
    let bits = sum.to_bits();
    let odd = if bits & 1 == 1 || lost == 0.0 || !sum.is_finite() {
        bits
    } else if (lost > 0.0) == (sum > 0.0) {
        bits + 1
    } else {
        bits - 1
    };
    f64::from_bits(odd) as f32
}
