use crate::arch::scalar::{max, min, round};
use crate::arch::simd::Code;
use crate::kernels::{FixedScale, FloatScale, QUOTIENT_LIMIT};

#[inline(always)]
fn float_code<C: Code>(acc: i32, scale: f32, to: &FloatScale<'_>) -> C {
    let scaled = acc as f32 * scale;
    let scaled = min(max(scaled, -QUOTIENT_LIMIT), QUOTIENT_LIMIT);
    C::from_i32((round(scaled) as i32 + to.zero_point).max(to.min).min(to.max))
}

#[inline(always)]
pub(crate) fn float<C: Code>(src: &[i32], to: &FloatScale<'_>, dst: &mut [C]) {
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

/// `round(a * b / 2^31)`, halves away from zero, saturated.
#[inline(always)]
fn doubling_high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32
}

/// `round(x / 2^exponent)`, halves away from zero.
#[inline(always)]
fn divide_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let mask = (1_i64 << exponent) - 1;
    let remainder = i64::from(x) & mask;
    let threshold = (mask >> 1) + i64::from(x < 0);
    (x >> exponent.min(31)) + i32::from(remainder > threshold)
}

#[inline(always)]
fn fixed_code<C: Code>(acc: i32, multiplier: i32, shift: i32, to: &FixedScale<'_>) -> C {
    let scaled = if to.single_rounding {
        let total = (31 - shift).clamp(1, 62) as u32;
        let product = i64::from(acc) * i64::from(multiplier);
        let rounded = (product + (1_i64 << (total - 1))) >> total;
        rounded.max(i64::from(i32::MIN)).min(i64::from(i32::MAX)) as i32
    } else {
        let left = acc.wrapping_shl(shift.max(0) as u32);
        divide_by_power_of_two(doubling_high_mul(left, multiplier), (-shift).max(0) as u32)
    };
    C::from_i32(scaled.saturating_add(to.zero_point).max(to.min).min(to.max))
}

#[inline(always)]
pub(crate) fn fixed<C: Code>(src: &[i32], to: &FixedScale<'_>, dst: &mut [C]) {
    if let ([multiplier], [shift]) = (to.multiplier, to.shift) {
        for (acc, q) in src.iter().zip(dst) {
            *q = fixed_code(*acc, *multiplier, *shift, to);
        }
    } else {
        for (((acc, q), multiplier), shift) in
            src.iter().zip(dst).zip(to.multiplier).zip(to.shift)
        {
            *q = fixed_code(*acc, *multiplier, *shift, to);
        }
    }
}
