//! The sum that rounds to the format, taken back: the numbers need no codes on their way.

use crate::arch::bits::Bits;
use crate::arch::generic::divide::Reciprocal;
use crate::arch::scalar::fake_convert::convert_one;
use crate::arch::scalar::minifloat::EXPONENT;
use crate::arch::simd::{BLOCK, Simd, look_ahead, padded, unpad};
use crate::kernels::{FloatEncoding, has_reciprocal};

/// The constants of a cast that saturates.
#[derive(Clone, Copy)]
struct Cast<S: Simd> {
    limit: S::F32,
    /// Bits of the smallest normal number.
    least: S::I32,
    exponent: S::I32,
    zero: S::I32,
    sign: S::I32,
    /// From the power of two to the last bit of the format.
    factor: S::F32,
}

impl<S: Bits> Cast<S> {
    #[inline(always)]
    fn new(s: S, to: &FloatEncoding<'_>) -> Self {
        let least = to.format.smallest_exponent() << 23;
        Self {
            limit: s.splat(to.limit),
            least: s.splat_i32(least as i32),
            exponent: s.splat_i32(EXPONENT as i32),
            zero: s.splat_i32(0),
            sign: s.splat_i32(i32::MIN),
            factor: s.splat(f32::from_bits((127 + 23 - to.format.mantissa_bits) << 23)),
        }
    }

    /// The nearest number of the format; `x` is not NaN.
    #[inline(always)]
    fn of(self, s: S, x: S::F32) -> S::F32 {
        let magnitude = s.magnitude(x, self.limit);
        let power = s.max_i32(s.bits(magnitude), self.least);
        let power = s.with_bits(s.select_bits(self.exponent, power, self.zero));
        let large = s.mul(power, self.factor);
        let nearest = s.sub(s.add(large, magnitude), large);
        s.with_bits(s.select_bits(self.sign, s.bits(x), s.bits(nearest)))
    }
}

/// Scale and shift of a block.
#[derive(Clone, Copy)]
struct Place<S: Simd> {
    scale: S::F32,
    shift: S::F32,
    reciprocal: Option<Reciprocal<S>>,
}

/// Writes the result of a block, or answers that it holds a NaN.
#[inline(always)]
fn block<S: Bits>(s: S, x: &mut [f32; BLOCK], place: Place<S>, cast: Cast<S>) -> bool {
    let scaled = s.sub(s.mul(s.load(x), place.scale), place.shift);
    if s.any_nan(scaled) {
        return false;
    }
    // A shift is never -0, so adding it removes the sign of a zero.
    let y = s.add(cast.of(s, scaled), place.shift);
    s.store(
        match place.reciprocal {
            Some(reciprocal) => reciprocal.divide(s, y),
            None => s.div(y, place.scale),
        },
        x,
    );
    true
}

#[inline(always)]
pub(crate) fn run<S: Bits>(s: S, data: &mut [f32], scale: f32, shift: f32, to: &FloatEncoding<'_>) {
    let cast = Cast::new(s, to);
    // The quotient must be far from the subnormals, where the correction is not exact.
    let reciprocal = (has_reciprocal(scale) && shift == 0.0).then(|| Reciprocal::new(s, scale));
    let place = Place { scale: s.splat(scale), shift: s.splat(shift + 0.0), reciprocal };
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    for x in blocks {
        look_ahead(s, x);
        if !block(s, x, place, cast) {
            x.iter_mut().for_each(|x| *x = convert_one(*x, scale, shift, to));
        }
    }
    if !tail.is_empty() {
        let mut last: [f32; BLOCK] = padded(tail, 0.0);
        if block(s, &mut last, place, cast) {
            unpad(&last, tail);
        } else {
            tail.iter_mut().for_each(|x| *x = convert_one(*x, scale, shift, to));
        }
    }
}

#[inline(always)]
pub(crate) fn columns<S: Bits>(
    s: S,
    data: &mut [f32],
    scale: &[f32],
    shift: &[f32],
    to: &FloatEncoding<'_>,
) {
    let cast = Cast::new(s, to);
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    let (scales, scale_tail) = scale.as_chunks::<BLOCK>();
    let (shifts, shift_tail) = shift.as_chunks::<BLOCK>();
    for ((x, scale), shift) in blocks.iter_mut().zip(scales).zip(shifts) {
        let positive = s.add(s.load(shift), s.splat(0.0));
        let place = Place { scale: s.load(scale), shift: positive, reciprocal: None };
        if !block(s, x, place, cast) {
            each(x, scale, shift, to);
        }
    }
    each(tail, scale_tail, shift_tail, to);
}

#[inline(always)]
fn each(data: &mut [f32], scale: &[f32], shift: &[f32], to: &FloatEncoding<'_>) {
    for ((x, scale), shift) in data.iter_mut().zip(scale).zip(shift) {
        *x = convert_one(*x, *scale, *shift, to);
    }
}
