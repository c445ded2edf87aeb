use crate::arch::fixed::Fixed;
use crate::arch::generic::pairs::for_pairs;
use crate::arch::scalar;
use crate::arch::simd::{BLOCK, Code, PAIR, Simd, blocks, look_ahead, padded, unpad};
use crate::kernels::{FixedScale, FloatScale, QUOTIENT_LIMIT};

#[inline(always)]
fn code<S: Simd>(s: S, acc: &[i32; BLOCK], scale: S::F32, zero_point: S::I32) -> S::I32 {
    let scaled = s.mul(s.to_f32(s.load_i32(acc)), scale);
    let (low, high) = (s.splat(-QUOTIENT_LIMIT), s.splat(QUOTIENT_LIMIT));
    s.add_i32(s.round_i32(s.min(s.max(scaled, low), high)), zero_point)
}

#[inline(always)]
pub(crate) fn float<S: Simd, C: Code>(s: S, src: &[i32], to: &FloatScale<'_>, dst: &mut [C]) {
    let (min, max) = (C::from_i32(to.min), C::from_i32(to.max));
    let zero_point = s.splat_i32(to.zero_point);
    if let [scale] = to.scale {
        let scale = s.splat(*scale);
        for_pairs!(src, dst, 0, |acc, q| {
            look_ahead(s, acc);
            let [a, b] = blocks(acc);
            let (a, b) = (code(s, a, scale, zero_point), code(s, b, scale, zero_point));
            C::store_pair(s, a, b, min, max, q);
        });
        return;
    }
    let (accs, acc_tail) = src.as_chunks::<BLOCK>();
    let (scales, scale_tail) = to.scale.as_chunks::<BLOCK>();
    let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
    for ((acc, scale), q) in accs.iter().zip(scales).zip(out) {
        look_ahead(s, acc);
        C::store(s, code(s, acc, s.load(scale), zero_point), min, max, q);
    }
    for ((acc, scale), q) in acc_tail.iter().zip(scale_tail).zip(out_tail) {
        *q = scalar::requantize::float_code(*acc, *scale, to);
    }
}

/// Columns that share a test of their scales.
const PIECE: usize = 64 * BLOCK;

/// Whether the vector form covers these scales: those below a quarter. Others are rare.
#[inline(always)]
fn small(multiplier: &[i32], shift: &[i32]) -> bool {
    let signs = multiplier.iter().zip(shift).fold(0, |or, (m, shift)| or | m | !(shift + 1));
    signs >= 0
}

/// Rounding, chosen outside of the loops.
trait Round: Copy {
    fn code<S: Fixed>(s: S, acc: &[i32; BLOCK], scale: Scale<S>, zero_point: S::I32) -> S::I32;
}

/// As `FixedScale::single_rounding`.
#[derive(Clone, Copy)]
struct Once;

impl Round for Once {
    #[inline(always)]
    fn code<S: Fixed>(s: S, acc: &[i32; BLOCK], scale: Scale<S>, zero_point: S::I32) -> S::I32 {
        s.scale_once(s.load_i32(acc), scale.multiplier, scale.right, zero_point)
    }
}

/// First the product, then the shift.
#[derive(Clone, Copy)]
struct Twice;

impl Round for Twice {
    #[inline(always)]
    fn code<S: Fixed>(s: S, acc: &[i32; BLOCK], scale: Scale<S>, zero_point: S::I32) -> S::I32 {
        s.scale_twice(s.load_i32(acc), scale.multiplier, scale.right, zero_point)
    }
}

/// Scales of a block.
#[derive(Clone, Copy)]
struct Scale<S: Fixed> {
    multiplier: S::I32,
    /// The shift to the right.
    right: S::I32,
}

impl<S: Fixed> Scale<S> {
    #[inline(always)]
    fn splat(s: S, multiplier: i32, shift: i32) -> Self {
        Self { multiplier: s.splat_i32(multiplier), right: s.splat_i32(-shift) }
    }

    #[inline(always)]
    fn load(s: S, multiplier: &[i32; BLOCK], shift: &[i32; BLOCK]) -> Self {
        let right = s.sub_i32(s.splat_i32(0), s.load_i32(shift));
        Self { multiplier: s.load_i32(multiplier), right }
    }
}

/// One scale for all.
#[inline(always)]
fn fixed_tensor<S: Fixed, C: Code, R: Round>(
    s: S,
    src: &[i32],
    scale: Scale<S>,
    to: &FixedScale<'_>,
    dst: &mut [C],
) {
    let (min, max) = (C::from_i32(to.min), C::from_i32(to.max));
    let zero_point = s.splat_i32(to.zero_point);
    for_pairs!(src, dst, 0, |acc, q| {
        look_ahead(s, acc);
        let [a, b] = blocks(acc);
        let (a, b) = (R::code(s, a, scale, zero_point), R::code(s, b, scale, zero_point));
        C::store_pair(s, a, b, min, max, q);
    });
}

/// A scale per column.
#[inline(always)]
fn fixed_columns<S: Fixed, C: Code, R: Round>(
    s: S,
    src: &[i32],
    to: &FixedScale<'_>,
    dst: &mut [C],
) {
    let (min, max) = (C::from_i32(to.min), C::from_i32(to.max));
    let zero_point = s.splat_i32(to.zero_point);
    let (pairs, rest) = src.as_chunks::<PAIR>();
    let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
    let (multipliers, multiplier_rest) = to.multiplier.as_chunks::<PAIR>();
    let (shifts, shift_rest) = to.shift.as_chunks::<PAIR>();
    let scales = multipliers.iter().zip(shifts);
    for ((acc, (multiplier, shift)), q) in pairs.iter().zip(scales).zip(out) {
        look_ahead(s, acc);
        let ([a, b], [ma, mb], [sa, sb]) = (blocks(acc), blocks(multiplier), blocks(shift));
        let a = R::code(s, a, Scale::load(s, ma, sa), zero_point);
        let b = R::code(s, b, Scale::load(s, mb, sb), zero_point);
        C::store_pair(s, a, b, min, max, q);
    }
    let scales = multiplier_rest.chunks(BLOCK).zip(shift_rest.chunks(BLOCK));
    let rest = rest.chunks(BLOCK).zip(scales);
    for ((acc, (multiplier, shift)), q) in rest.zip(out_rest.chunks_mut(BLOCK)) {
        let scale = Scale::load(s, &padded(multiplier, 0), &padded(shift, 0));
        let mut last = [C::zeroed(); BLOCK];
        C::store(s, R::code(s, &padded(acc, 0), scale, zero_point), min, max, &mut last);
        unpad(&last, q);
    }
}

/// Large scales go to the scalar loop, which the compiler widens with the features of the tier.
#[inline(always)]
pub(crate) fn fixed<S: Fixed, C: Code>(s: S, src: &[i32], to: &FixedScale<'_>, dst: &mut [C]) {
    // One scale is read again by every piece.
    let one = to.multiplier.len() == 1;
    let size = if one { src.len().max(1) } else { PIECE };
    let scales = to.multiplier.chunks(size).zip(to.shift.chunks(size));
    for ((src, (multiplier, shift)), dst) in src.chunks(size).zip(scales).zip(dst.chunks_mut(size))
    {
        let to = FixedScale { multiplier, shift, ..*to };
        match (multiplier, shift) {
            _ if !small(multiplier, shift) => scalar::requantize::fixed(src, &to, dst),
            ([multiplier], [shift]) if one => {
                let scale = Scale::splat(s, *multiplier, *shift);
                if to.single_rounding {
                    fixed_tensor::<S, C, Once>(s, src, scale, &to, dst);
                } else {
                    fixed_tensor::<S, C, Twice>(s, src, scale, &to, dst);
                }
            }
            _ if to.single_rounding => fixed_columns::<S, C, Once>(s, src, &to, dst),
            _ => fixed_columns::<S, C, Twice>(s, src, &to, dst),
        }
    }
}
