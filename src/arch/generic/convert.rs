use crate::arch::simd::{BLOCK, Element, Simd, look_ahead, padded, unpad};
use half::{bf16, f16};

#[inline(always)]
pub(crate) fn widen<S: Simd, E: Element>(s: S, src: &[E], dst: &mut [f32]) {
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
    for (x, y) in blocks.iter().zip(out) {
        look_ahead(s, x);
        s.store(E::load(s, x), y);
    }
    for (x, y) in tail.iter().zip(out_tail) {
        *y = x.to_f32();
    }
}

/// A float type that a block can be written as.
trait Narrow: bytemuck::Pod {
    fn store<S: Simd>(s: S, x: S::F32, to: &mut [Self; BLOCK]);
}

impl Narrow for f16 {
    #[inline(always)]
    fn store<S: Simd>(s: S, x: S::F32, to: &mut [Self; BLOCK]) {
        s.store_f16(x, to);
    }
}

impl Narrow for bf16 {
    #[inline(always)]
    fn store<S: Simd>(s: S, x: S::F32, to: &mut [Self; BLOCK]) {
        s.store_bf16(x, to);
    }
}

#[inline(always)]
fn narrow<S: Simd, T: Narrow>(s: S, src: &[f32], dst: &mut [T]) {
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
    for (x, y) in blocks.iter().zip(out) {
        T::store(s, s.load(x), y);
    }
    if !tail.is_empty() {
        let mut last = [T::zeroed(); BLOCK];
        T::store(s, s.load(&padded(tail, 0.0)), &mut last);
        unpad(&last, out_tail);
    }
}

#[inline(always)]
pub(crate) fn narrow_f16<S: Simd>(s: S, src: &[f32], dst: &mut [f16]) {
    narrow(s, src, dst);
}

#[inline(always)]
pub(crate) fn narrow_bf16<S: Simd>(s: S, src: &[f32], dst: &mut [bf16]) {
    narrow(s, src, dst);
}
