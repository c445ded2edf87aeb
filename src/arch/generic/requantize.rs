use crate::arch::scalar;
use crate::arch::simd::{BLOCK, Code, PAIR, Simd, blocks, padded, unpad};
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
        let (pairs, rest) = src.as_chunks::<PAIR>();
        let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
        for (acc, q) in pairs.iter().zip(out) {
            let [a, b] = blocks(acc);
            let (a, b) = (code(s, a, scale, zero_point), code(s, b, scale, zero_point));
            C::store_pair(s, a, b, min, max, q);
        }
        for (acc, q) in rest.chunks(BLOCK).zip(out_rest.chunks_mut(BLOCK)) {
            let mut last = [C::zeroed(); BLOCK];
            C::store(s, code(s, &padded(acc, 0), scale, zero_point), min, max, &mut last);
            unpad(&last, q);
        }
        return;
    }
    let (accs, acc_tail) = src.as_chunks::<BLOCK>();
    let (scales, scale_tail) = to.scale.as_chunks::<BLOCK>();
    let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
    for ((acc, scale), q) in accs.iter().zip(scales).zip(out) {
        C::store(s, code(s, acc, s.load(scale), zero_point), min, max, q);
    }
    for ((acc, scale), q) in acc_tail.iter().zip(scale_tail).zip(out_tail) {
        *q = scalar::requantize::float_code(*acc, *scale, to);
    }
}

/// The scalar loop, which the compiler widens well with the features of the tier.
#[inline(always)]
pub(crate) fn fixed<S: Simd, C: Code>(_: S, src: &[i32], to: &FixedScale<'_>, dst: &mut [C]) {
    scalar::requantize::fixed(src, to, dst);
}
