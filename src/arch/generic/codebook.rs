//! Searches in memory. Other than of bytes they are the scalar loops, with the features of the tier.

use crate::arch::bits::Bits;
use crate::arch::scalar::codebook::{self, Index, SLOTS, Slots, WHOLE, midpoint};
use crate::arch::simd::{BLOCK, Simd, padded, unpad};
use crate::kernels::Codebook;

#[inline(always)]
pub(crate) fn encode<S: Simd, I: Index>(_: S, src: &[f32], to: &Codebook<'_>, dst: &mut [I]) {
    codebook::encode(src, to, dst);
}

/// What is searched, and where searches begin, as bits of floats.
struct Search<'a> {
    slots: &'a Slots,
    starts: &'a [f32; SLOTS],
    midpoints: &'a [f32; 256],
}

/// The numbers of midpoints below `x`.
#[inline(always)]
fn nearest<S: Bits>(s: S, x: S::F32, search: &Search<'_>) -> S::I32 {
    let Search { slots, starts, midpoints } = *search;
    let place = s.mul(s.sub(x, s.splat(slots.first)), s.splat(slots.per_unit));
    let place = s.min(s.max(place, s.splat(0.0)), s.splat((SLOTS - 1) as f32));
    let slot = s.bits(s.add(place, s.splat(WHOLE)));
    let mut low = s.bits(s.gather(starts, slot));
    let mut count = slots.most + 1;
    while count > 1 {
        let half = count / 2;
        let middle = s.gather(midpoints, s.add_i32(low, s.splat_i32(half as i32 - 1)));
        let step = s.with_bits(s.splat_i32(half as i32));
        low = s.add_i32(low, s.bits(s.select_gt(x, middle, step, s.splat(0.0))));
        count -= half;
    }
    low
}

#[inline(always)]
pub(crate) fn encode_bytes<S: Bits>(s: S, src: &[f32], to: &Codebook<'_>, dst: &mut [u8]) {
    let slots = Slots::new(to.values, src.len());
    let mut midpoints = [f32::INFINITY; 256];
    let count = to.values.len().saturating_sub(1);
    for (i, middle) in midpoints.iter_mut().enumerate().take(count) {
        *middle = midpoint(to.values, i);
    }
    let starts = bytemuck::must_cast_ref(&slots.starts);
    let search = Search { slots: &slots, starts, midpoints: &midpoints };
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = s.splat(to.scale.get(g).copied().unwrap_or(1.0));
        // A macro and not a closure: see the module.
        macro_rules! code {
            ($x:expr) => {{
                let quotient = s.sanitize(s.div(s.load($x), scale), s.splat(f32::INFINITY));
                nearest(s, quotient, &search)
            }};
        }
        let (blocks, tail) = src.as_chunks::<BLOCK>();
        let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
        for (x, q) in blocks.iter().zip(out) {
            s.store_u8(code!(x), 0, 255, q);
        }
        if !tail.is_empty() {
            let mut last = [0; BLOCK];
            s.store_u8(code!(&padded(tail, 0.0)), 0, 255, &mut last);
            unpad(&last, out_tail);
        }
    }
}

#[inline(always)]
pub(crate) fn decode<S: Simd, I: Index>(_: S, src: &[I], from: &Codebook<'_>, dst: &mut [f32]) {
    codebook::decode(src, from, dst);
}
