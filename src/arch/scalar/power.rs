use crate::kernels::PowerRounding;

/// Bits of `2^-127`, the smallest power, which is a subnormal of f32.
const SMALLEST: u32 = 1 << 22;

/// Negative numbers and NaN have no power; what lies above the largest has the code `overflow`.
#[inline(always)]
fn encode_one(x: f32, rounding: PowerRounding, overflow: u8) -> u8 {
    const NAN: u8 = 255;
    let bits = x.to_bits();
    let mantissa = bits & 0x007F_FFFF;
    let (code, fraction, half) = if bits < 1 << 23 {
        // Up to 2^-126, code 1: the fraction between them counts from 2^-127.
        (0, mantissa.saturating_sub(SMALLEST), SMALLEST / 2)
    } else {
        (bits >> 23, mantissa, SMALLEST)
    };
    let up = match rounding {
        PowerRounding::Nearest => fraction > half || fraction == half && code % 2 == 1,
        PowerRounding::Up => fraction > 0,
        PowerRounding::Down => false,
    };
    let code = code + u32::from(up);
    if x.is_nan() || bits > 0x8000_0000 {
        NAN
    } else if bits == 0x8000_0000 {
        0
    } else if code > 254 {
        overflow
    } else {
        code as u8
    }
}

#[inline(always)]
pub(crate) fn encode(src: &[f32], rounding: PowerRounding, overflow: u8, dst: &mut [u8]) {
    for (q, x) in dst.iter_mut().zip(src) {
        *q = encode_one(*x, rounding, overflow);
    }
}

#[inline(always)]
pub(crate) fn decode(src: &[u8], dst: &mut [f32]) {
    for (y, q) in dst.iter_mut().zip(src) {
        let code = u32::from(*q);
        let bits = if code == 0 { SMALLEST } else { code << 23 };
        *y = f32::from_bits(if code == 255 { f32::NAN.to_bits() } else { bits });
    }
}
