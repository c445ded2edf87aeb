//! x -> limited quotient -> integer -> code. The limit is far outside of every code range, so it
//! only keeps infinities and overflow out of the integer conversion; the narrowing store clamps.
//! Where the caller has seen the extremes of a group, there is nothing to limit.

use crate::arch::generic::divide::{Divided, Limited, Quotient, Reciprocal, is_safe};
use crate::arch::simd::{BLOCK, Code, PAIR, Simd, blocks, padded, unpad};
use crate::kernels::{Affine, QUOTIENT_LIMIT};
use crate::params::elementwise::Rounding;

/// Adds the zero point to a quotient and rounds, in one of the two orders.
trait Shift<S: Simd>: Copy {
    fn code(self, s: S, quotient: S::F32) -> S::I32;
}

/// No zero point.
#[derive(Clone, Copy)]
struct Unshifted;

impl<S: Simd> Shift<S> for Unshifted {
    #[inline(always)]
    fn code(self, s: S, quotient: S::F32) -> S::I32 {
        s.round_i32(quotient)
    }
}

#[derive(Clone, Copy)]
struct After<S: Simd>(S::I32);

impl<S: Simd> Shift<S> for After<S> {
    #[inline(always)]
    fn code(self, s: S, quotient: S::F32) -> S::I32 {
        s.add_i32(s.round_i32(quotient), self.0)
    }
}

#[derive(Clone, Copy)]
struct Before<S: Simd>(S::F32);

impl<S: Simd> Shift<S> for Before<S> {
    #[inline(always)]
    fn code(self, s: S, quotient: S::F32) -> S::I32 {
        s.round_i32(s.add(quotient, self.0))
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
            shift.code(s, quotient.of(s, s.load($x)))
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
    if bounded && is_safe(scale) {
        run(s, Reciprocal::new(s, scale), shift, range, src, dst);
    } else if is_safe(scale) {
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

/// A block whose lanes have scales of their own.
#[inline(always)]
fn column_block<S: Simd>(
    s: S,
    x: &[f32; BLOCK],
    scale: &[f32; BLOCK],
    zero_point: &[i32; BLOCK],
    rounding: Rounding,
) -> S::I32 {
    let x = s.load(x);
    let divisor = s.load(scale);
    let quotient = match Reciprocal::of_lanes(s, scale) {
        Some(reciprocal) => {
            let limit = s.mul(s.abs(divisor), s.splat(QUOTIENT_LIMIT));
            Limited { reciprocal, limit }.of(s, x)
        }
        None => Divided { divisor, limit: s.splat(QUOTIENT_LIMIT) }.of(s, x),
    };
    let zero_point = s.load_i32(zero_point);
    match rounding {
        Rounding::AfterRounding => After::<S>(zero_point).code(s, quotient),
        Rounding::BeforeRounding => Before::<S>(s.to_f32(zero_point)).code(s, quotient),
    }
}

#[inline(always)]
pub(crate) fn columns<S: Simd, C: Code>(s: S, src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    let (min, max) = (C::from_i32(to.min), C::from_i32(to.max));
    let len = src.len().min(dst.len()).min(to.scale.len());
    let shared = [to.zero_point_all; BLOCK];
    let parts = src.chunks(BLOCK).zip(to.scale.chunks(BLOCK)).zip(dst.chunks_mut(BLOCK));
    for (i, ((x, scale), q)) in parts.take(len.div_ceil(BLOCK)).enumerate() {
        let zero_point = to.zero_point.get(i * BLOCK..).unwrap_or_default();
        let zero_point = match zero_point.first_chunk::<BLOCK>() {
            Some(whole) => *whole,
            None if to.zero_point.is_empty() => shared,
            None => padded(zero_point, 0),
        };
        match (x.first_chunk::<BLOCK>(), scale.first_chunk::<BLOCK>(), q.first_chunk_mut()) {
            (Some(x), Some(scale), Some(q)) => {
                C::store(s, column_block(s, x, scale, &zero_point, to.rounding), min, max, q);
            }
            _ => {
                let (x, scale) = (padded(x, 0.0), padded(scale, 1.0));
                let mut last = [C::zeroed(); BLOCK];
                let code = column_block(s, &x, &scale, &zero_point, to.rounding);
                C::store(s, code, min, max, &mut last);
                unpad(&last, q);
            }
        }
    }
}
