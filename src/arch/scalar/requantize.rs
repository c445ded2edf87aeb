use crate::arch::scalar::{max, min, round_i32};
use crate::arch::simd::Code;
use crate::kernels::{FixedScale, FloatScale, QUOTIENT_LIMIT};

#[inline(always)]
pub(crate) fn float_code<C: Code>(acc: i32, scale: f32, to: &FloatScale<'_>) -> C {
    let scaled = acc as f32 * scale;
    let scaled = min(max(scaled, -QUOTIENT_LIMIT), QUOTIENT_LIMIT);
    C::from_i32((round_i32(scaled) + to.zero_point).max(to.min).min(to.max))
}

pub(super) fn float<C: Code>(src: &[i32], to: &FloatScale<'_>, dst: &mut [C]) {
    if let [scale] = to.scale {
        for (acc, q) in src.iter().zip(dst) {
            *q = float_code(*acc, *scale, to);
        }
    } else {
        for ((acc, q), scale) in src.iter().zip(dst).zip(to.scale) {
            *q = float_code(*acc, *scale, to);
        }
    }
}

/// The upper half of `2 * a * b`, rounded half up: gemmlowp's `SaturatingRoundingDoublingHighMul`
/// for `b >= 0`, where nothing saturates.
#[inline(always)]
fn doubling_high_mul(a: i32, b: i32) -> i32 {
    let product = i64::from(a) * i64::from(b) + (1 << 30);
    // A logical shift: the upper bits are cut off anyway, and every vector unit has it.
    (product as u64 >> 31) as i32
}

/// `x / 2^exponent`, rounded half away from zero: gemmlowp's `RoundingDivideByPOT`. The exponent
/// is at most 31.
#[inline(always)]
fn divide_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let mask = (1_u32.wrapping_shl(exponent) - 1) as i32;
    let threshold = (mask >> 1) + i32::from(x < 0);
    x.wrapping_shr(exponent) + i32::from(x & mask > threshold)
}

/// `SINGLE`: whether to round once.
#[inline(always)]
fn fixed_code<C: Code, const SINGLE: bool>(
    acc: i32,
    multiplier: i32,
    shift: i32,
    to: &FixedScale<'_>,
) -> C {
    /// Far outside of every code range, so that the zero point cannot overflow.
    const LIMIT: i32 = 1 << 16;
    let scaled = if SINGLE {
        let total = (31 - shift).clamp(1, 62) as u32;
        let product = i64::from(acc) * i64::from(multiplier);
        let rounded = (product + 1_i64.wrapping_shl(total - 1)).wrapping_shr(total);
        rounded.max(-i64::from(LIMIT)).min(i64::from(LIMIT)) as i32
    } else {
        let left = acc.wrapping_shl(shift.max(0) as u32);
        let high = doubling_high_mul(left, multiplier);
        divide_by_power_of_two(high, (-shift).max(0) as u32).clamp(-LIMIT, LIMIT)
    };
    C::from_i32((scaled + to.zero_point).max(to.min).min(to.max))
}

#[inline(always)]
fn fixed_run<C: Code, const SINGLE: bool>(src: &[i32], to: &FixedScale<'_>, dst: &mut [C]) {
    if let ([multiplier], [shift]) = (to.multiplier, to.shift) {
        for (acc, q) in src.iter().zip(dst) {
            *q = fixed_code::<C, SINGLE>(*acc, *multiplier, *shift, to);
        }
    } else {
        let scales = to.multiplier.iter().zip(to.shift);
        for ((acc, q), (multiplier, shift)) in src.iter().zip(dst).zip(scales) {
            *q = fixed_code::<C, SINGLE>(*acc, *multiplier, *shift, to);
        }
    }
}

#[inline(always)]
pub(crate) fn fixed<C: Code>(src: &[i32], to: &FixedScale<'_>, dst: &mut [C]) {
    // A copy, so that the compiler sees that writing codes does not change it.
    let to = *to;
    if to.single_rounding {
        fixed_run::<C, true>(src, &to, dst);
    } else {
        fixed_run::<C, false>(src, &to, dst);
    }
}
