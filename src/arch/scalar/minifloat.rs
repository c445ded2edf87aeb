use crate::arch::scalar::min;
use crate::formats::{FloatFormat, Specials};
use crate::kernels::{FloatDecoding, FloatEncoding};

/// The exponent field of an f32.
pub(crate) const EXPONENT: u32 = 0x7F80_0000;

/// The code of `x`.
///
/// Adding a power of two so large that the last bit of the sum is the last bit of the code rounds
/// to it, half to even. Below the smallest normal number of the format the power stays as it is:
/// the same sum rounds subnormals. What the low bits of the sum count comes on top of the
/// exponent, so that a mantissa that rounds up to 2 carries into it.
#[inline(always)]
pub(crate) fn encode_one(x: f32, to: &FloatEncoding<'_>) -> u8 {
    if x.is_nan() {
        return to.nan;
    }
    let FloatFormat { mantissa_bits, .. } = to.format;
    let magnitude = min(x.abs(), to.limit);
    let least = to.format.smallest_exponent() << 23;
    let power = magnitude.to_bits().max(least) & EXPONENT;
    let sum = f32::from_bits(power + ((23 - mantissa_bits) << 23)) + magnitude;
    let exponent = (power - least) >> (23 - mantissa_bits);
    signed(sum.to_bits().wrapping_add(exponent) as u8, x, to.format)
}

/// The code of magnitude `code` with the sign of `x`.
#[inline(always)]
fn signed(code: u8, x: f32, format: FloatFormat) -> u8 {
    let sign = ((x.to_bits() >> 31) as u8) << format.sign_shift();
    match format.specials {
        Specials::NegativeZeroIsNan if code == 0 => 0,
        _ => code | sign,
    }
}

pub(super) fn encode(src: &[f32], to: &FloatEncoding<'_>, dst: &mut [u8]) {
    let one = |x: f32, scale: f32| encode_one(x / scale, to);
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = to.scale.get(g).copied().unwrap_or(1.0);
        dst.iter_mut().zip(src).for_each(|(q, x)| *q = one(*x, scale));
    }
}

/// The value of a code.
#[inline(always)]
pub(crate) fn decode_one(code: u8, format: FloatFormat) -> f32 {
    let magnitude = code & (format.sign() - 1);
    let special = match format.specials {
        Specials::None => false,
        Specials::LastIsNan | Specials::Ieee => magnitude > format.largest(),
        Specials::NegativeZeroIsNan => code == format.sign(),
    };
    let infinity = format.specials == Specials::Ieee && magnitude == format.largest() + 1;
    let value = match (special, infinity) {
        (_, true) => f32::INFINITY,
        (true, _) => f32::NAN,
        _ => format.magnitude(magnitude),
    };
    if code & format.sign() == 0 { value } else { -value }
}

pub(super) fn decode(src: &[u8], from: &FloatDecoding<'_>, dst: &mut [f32]) {
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = from.scale.get(g).copied().unwrap_or(1.0);
        dst.iter_mut().zip(src).for_each(|(y, q)| *y = decode_one(*q, from.format) * scale);
    }
}
