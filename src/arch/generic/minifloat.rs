//! The sum of `scalar::minifloat`, with two operations less: a mark in the low bits of the power
//! of two carries the constant that the code needs.

use crate::arch::bits::{Bits, Minifloat};
use crate::arch::generic::divide::Quotient;
use crate::arch::generic::encode::{self, Divisors, Scheme};
use crate::arch::scalar::minifloat::decode_one;
use crate::arch::simd::{BLOCK, PAIR, blocks_mut};
use crate::formats::{FloatFormat, Specials};
use crate::kernels::{FloatDecoding, FloatEncoding};

impl Minifloat {
    #[inline(always)]
    fn new(to: &FloatEncoding<'_>) -> Self {
        let FloatFormat { mantissa_bits, .. } = to.format;
        let least = to.format.smallest_exponent();
        Self {
            #[cfg(target_arch = "aarch64")]
            limit: to.limit,
            #[cfg(target_arch = "x86_64")]
            largest: crate::arch::scalar::minifloat::encode_one(to.limit, to),
            sign: to.format.sign(),
            mantissa_bits,
            least: (least << 23) as i32,
            mark: ((least << mantissa_bits).wrapping_neg() & 0xFFFF) as i32,
            factor: f32::from_bits((127 + 23 - mantissa_bits) << 23),
        }
    }
}

/// To a float format. `FNUZ`: there is no -0.
#[derive(Clone, Copy)]
struct Codes<S: Bits, const FNUZ: bool> {
    to: S::Minifloat,
    nan: u8,
}

impl<S: Bits, const FNUZ: bool> Scheme<S> for Codes<S, FNUZ> {
    #[inline(always)]
    fn store<Q: Quotient<S>>(
        self,
        s: S,
        [a, b]: [S::F32; 2],
        [qa, qb]: [Q; 2],
        codes: &mut [u8; PAIR],
    ) {
        s.store_minifloats::<FNUZ>([qa.signed(s, a), qb.signed(s, b)], self.to, codes);
        // A NaN is rare: it costs one test per pair.
        if s.any_nan(a) | s.any_nan(b) {
            let mut x = [0.0; PAIR];
            let [to_a, to_b] = blocks_mut(&mut x);
            s.store(a, to_a);
            s.store(b, to_b);
            mark_nans(&x, self.nan, codes);
        }
    }
}

/// Sets the code of each NaN.
#[cold]
#[inline(never)]
fn mark_nans(x: &[f32; PAIR], nan: u8, codes: &mut [u8; PAIR]) {
    for (code, x) in codes.iter_mut().zip(x) {
        *code = if x.is_nan() { nan } else { *code };
    }
}

#[inline(always)]
pub(crate) fn encode<S: Bits>(s: S, src: &[f32], to: &FloatEncoding<'_>, dst: &mut [u8]) {
    let divisors = Divisors { group: to.group, scale: to.scale, bounded: to.bounded };
    let (nan, constants) = (to.nan, s.minifloat(&Minifloat::new(to)));
    if to.format.specials == Specials::NegativeZeroIsNan {
        let codes = Codes::<S, true> { to: constants, nan };
        encode::groups(s, codes, divisors, src, dst);
    } else {
        let codes = Codes::<S, false> { to: constants, nan };
        encode::groups(s, codes, divisors, src, dst);
    }
}

/// How the bytes of a format become numbers.
trait Load<S: Bits>: Copy {
    fn load(self, s: S, x: &[u8; BLOCK]) -> S::F32;
}

/// Through f16, whose exponent has a larger bias: `factor` makes up for that.
#[derive(Clone, Copy)]
struct ThroughF16<S: Bits, const LEFT: u32, const RIGHT: u32> {
    factor: S::F32,
}

impl<S: Bits, const LEFT: u32, const RIGHT: u32> ThroughF16<S, LEFT, RIGHT> {
    #[inline(always)]
    fn new(s: S, format: FloatFormat) -> Self {
        Self { factor: s.splat(f32::from_bits((127 + 15 - format.bias) << 23)) }
    }
}

impl<S: Bits, const LEFT: u32, const RIGHT: u32> Load<S> for ThroughF16<S, LEFT, RIGHT> {
    #[inline(always)]
    fn load(self, s: S, x: &[u8; BLOCK]) -> S::F32 {
        // The sign, and what is right of its copies.
        let mask = 0x8000 | (0x7FFF >> RIGHT);
        s.mul(s.load_minifloat::<LEFT, RIGHT>(x, mask), self.factor)
    }
}

/// E5M2 fnuz has one exponent more than f16: the bits become those of an f32 whose exponent is too
/// small. Only the three codes of subnormals meet slow arithmetic.
#[derive(Clone, Copy)]
struct ThroughF32<S: Bits> {
    factor: S::F32,
}

impl<S: Bits> Load<S> for ThroughF32<S> {
    #[inline(always)]
    fn load(self, s: S, x: &[u8; BLOCK]) -> S::F32 {
        let mut wide = [0_i32; BLOCK];
        for (to, code) in wide.iter_mut().zip(x) {
            *to = (u32::from(code & 0x80) << 24 | u32::from(code & 0x7F) << 21) as i32;
        }
        s.mul(s.with_bits(s.load_i32(&wide)), self.factor)
    }
}

#[inline(always)]
fn decode_groups<S: Bits>(
    s: S,
    load: impl Load<S>,
    // The byte of a NaN under a mask, where arithmetic does not give it.
    nan: Option<(u8, u8)>,
    src: &[u8],
    from: &FloatDecoding<'_>,
    dst: &mut [f32],
) {
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = from.scale.get(g).copied().unwrap_or(1.0);
        let factor = s.splat(scale);
        let (blocks, tail) = src.as_chunks::<BLOCK>();
        let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
        for (x, y) in blocks.iter().zip(out) {
            s.store(s.mul(load.load(s, x), factor), y);
            if let Some((mask, code)) = nan
                && s.any_byte(x, mask, code)
            {
                decode_each(x, from.format, scale, y);
            }
        }
        decode_each(tail, from.format, scale, out_tail);
    }
}

#[inline(always)]
fn decode_each(src: &[u8], format: FloatFormat, scale: f32, dst: &mut [f32]) {
    for (y, code) in dst.iter_mut().zip(src) {
        *y = decode_one(*code, format) * scale;
    }
}

#[inline(always)]
pub(crate) fn decode<S: Bits>(s: S, src: &[u8], from: &FloatDecoding<'_>, dst: &mut [f32]) {
    let format = from.format;
    let nan = match format.specials {
        Specials::LastIsNan => Some((0x7F, 0x7F)),
        Specials::NegativeZeroIsNan => Some((0xFF, 0x80)),
        Specials::None | Specials::Ieee => None,
    };
    macro_rules! through_f16 {
        ($left:literal, $right:literal) => {
            decode_groups(s, ThroughF16::<S, $left, $right>::new(s, format), nan, src, from, dst)
        };
    }
    // To the left: the sign to the top; to the right: the exponent to the end of that of f16.
    match (format.exponent_bits, format.mantissa_bits) {
        (5, 2) if nan.is_some() => {
            let factor = s.splat(format.unbias());
            decode_groups(s, ThroughF32 { factor }, nan, src, from, dst);
        }
        (5, 2) => through_f16!(8, 0),
        (4, 3) => through_f16!(8, 1),
        (3, 2) => through_f16!(10, 2),
        (2, 3) => through_f16!(10, 3),
        _ => through_f16!(12, 3),
    }
}
