//! x -> limited quotient -> integer -> code. The limit is far outside of every code range, so it
//! only keeps infinities and overflow out of the integer conversion; the narrowing store clamps.
//! Where the caller has seen the extremes of a group, there is nothing to limit.

use crate::arch::generic::divide::{Divided, Limited, Quotient, Reciprocal};
use crate::arch::simd::{BLOCK, Code, PAIR, Simd, blocks, padded, unpad};
use crate::kernels::{Affine, QUOTIENT_LIMIT, has_reciprocal};
use crate::params::elementwise::Rounding;

/// Divides, then adds the zero point and rounds, in one of the two orders.
trait Shift<S: Simd>: Copy {
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32;
}

/// No zero point.
#[derive(Clone, Copy)]
struct Unshifted;

impl<S: Simd> Shift<S> for Unshifted {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.round_i32(quotient.of(s, x, true))
    }
}

#[derive(Clone, Copy)]
struct After<S: Simd>(S::I32);

impl<S: Simd> Shift<S> for After<S> {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.add_i32(s.round_i32(quotient.of(s, x, true)), self.0)
    }
}

#[derive(Clone, Copy)]
struct Before<S: Simd>(S::F32);

impl<S: Simd> Shift<S> for Before<S> {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.round_i32(s.add(quotient.of(s, x, false), self.0))
    }
}

/// One group.
#[inline(always)]
fn run<S: Simd, C: Code>(
    s: S,
    quotient: impl Quotient<S>,
    shift: impl Shift<S>,
    (min, max): (C, C),
    src: &[f32],
    dst: &mut [C],
) {
    // A macro and not a closure: see the module.
    macro_rules! code {
        ($x:expr) => {
            shift.code(s, s.load($x), quotient)
        };
    }
    let (pairs, rest) = src.as_chunks::<PAIR>();
    let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
    for (x, q) in pairs.iter().zip(out) {
        let [a, b] = blocks(x);
        C::store_pair(s, code!(a), code!(b), min, max, q);
    }
    let (block, tail) = rest.as_chunks::<BLOCK>();
    let (out, out_tail) = out_rest.as_chunks_mut::<BLOCK>();
    for (x, q) in block.iter().zip(out) {
        C::store(s, code!(x), min, max, q);
    }
    if !tail.is_empty() {
        let mut last = [C::zeroed(); BLOCK];
        C::store(s, code!(&padded(tail, 0.0)), min, max, &mut last);
        unpad(&last, out_tail);
    }
}

#[inline(always)]
fn group<S: Simd, C: Code>(
    s: S,
    (scale, bounded): (f32, bool),
    shift: impl Shift<S>,
    range: (C, C),
    src: &[f32],
    dst: &mut [C],
) {
    if bounded && has_reciprocal(scale) {
        run(s, Reciprocal::new(s, scale), shift, range, src, dst);
    } else if has_reciprocal(scale) {
        let limit = s.splat(scale.abs() * QUOTIENT_LIMIT);
        run(s, Limited { reciprocal: Reciprocal::new(s, scale), limit }, shift, range, src, dst);
    } else {
        let limit = s.splat(QUOTIENT_LIMIT);
        run(s, Divided { divisor: s.splat(scale), limit }, shift, range, src, dst);
    }
}

#[inline(always)]
pub(crate) fn groups<S: Simd, C: Code>(s: S, src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    let range = (C::from_i32(to.min), C::from_i32(to.max));
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, ((src, dst), scale)) in groups.zip(to.scale).enumerate() {
        let zero_point = to.zero_point.get(g).copied().unwrap_or(to.zero_point_all);
        let scale = (*scale, to.bounded);
        match to.rounding {
            _ if zero_point == 0 => group(s, scale, Unshifted, range, src, dst),
            Rounding::AfterRounding => {
                group(s, scale, After::<S>(s.splat_i32(zero_point)), range, src, dst);
            }
            Rounding::BeforeRounding => {
                group(s, scale, Before::<S>(s.splat(zero_point as f32)), range, src, dst);
            }
        }
    }
}

/// The parameters of 32 columns.
#[derive(Clone, Copy)]
struct Lanes<S: Simd> {
    scale: S::F32,
    /// `1 / scale`, where every scale has one.
    reciprocal: Option<S::F32>,
    zero_point: S::I32,
}

#[inline(always)]
fn column_block<S: Simd>(s: S, x: &[f32; BLOCK], lanes: Lanes<S>, to: &Affine<'_>) -> S::I32 {
    let x = s.load(x);
    match to.rounding {
        Rounding::AfterRounding => {
            column_code(s, x, lanes, to.bounded, After::<S>(lanes.zero_point))
        }
        Rounding::BeforeRounding => {
            column_code(s, x, lanes, to.bounded, Before::<S>(s.to_f32(lanes.zero_point)))
        }
    }
}

#[inline(always)]
fn column_code<S: Simd>(
    s: S,
    x: S::F32,
    lanes: Lanes<S>,
    bounded: bool,
    shift: impl Shift<S>,
) -> S::I32 {
    match lanes.reciprocal {
        Some(reciprocal) => {
            let reciprocal = Reciprocal::of_lanes(lanes.scale, reciprocal);
            if bounded {
                shift.code(s, x, reciprocal)
            } else {
                let limit = s.mul(s.abs(lanes.scale), s.splat(QUOTIENT_LIMIT));
                shift.code(s, x, Limited { reciprocal, limit })
            }
        }
        None => {
            let limit = s.splat(QUOTIENT_LIMIT);
            shift.code(s, x, Divided { divisor: lanes.scale, limit })
        }
    }
}

#[inline(always)]
pub(crate) fn columns<S: Simd, C: Code>(s: S, src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    let (min, max) = (C::from_i32(to.min), C::from_i32(to.max));
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
    let (scales, scale_tail) = to.scale.as_chunks::<BLOCK>();
    let (reciprocals, reciprocal_tail) = to.reciprocal.as_chunks::<BLOCK>();
    let (zeros, zero_tail) = to.zero_point.as_chunks::<BLOCK>();
    let shared = s.splat_i32(to.zero_point_all);
    for (i, ((x, q), scale)) in blocks.iter().zip(out).zip(scales).enumerate() {
        let mut lanes = Lanes { scale: s.load(scale), reciprocal: None, zero_point: shared };
        if let Some(reciprocal) = reciprocals.get(i) {
            lanes.reciprocal = Some(s.load(reciprocal));
        }
        if let Some(zero_point) = zeros.get(i) {
            lanes.zero_point = s.load_i32(zero_point);
        }
        C::store(s, column_block(s, x, lanes, to), min, max, q);
    }
    if !tail.is_empty() {
        let mut lanes =
            Lanes { scale: s.load(&padded(scale_tail, 1.0)), reciprocal: None, zero_point: shared };
        if !to.reciprocal.is_empty() {
            lanes.reciprocal = Some(s.load(&padded(reciprocal_tail, 1.0)));
        }
        if !to.zero_point.is_empty() {
            lanes.zero_point = s.load_i32(&padded(zero_tail, 0));
        }
        let mut last = [C::zeroed(); BLOCK];
        C::store(s, column_block(s, &padded(tail, 0.0), lanes, to), min, max, &mut last);
        unpad(&last, out_tail);
    }
}
