use crate::arch::simd::{BLOCK, Code, Simd, padded, unpad};
use crate::kernels::Affine;

#[inline(always)]
fn value<S: Simd, C: Code>(s: S, q: &[C; BLOCK], zero_point: S::I32, scale: S::F32) -> S::F32 {
    s.mul(s.to_f32(s.sub_i32(C::load(s, q), zero_point)), scale)
}

#[inline(always)]
pub(crate) fn groups<S: Simd, C: Code>(s: S, src: &[C], from: &Affine<'_>, dst: &mut [f32]) {
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, ((src, dst), scale)) in groups.zip(from.scale).enumerate() {
        let zero_point = from.zero_point.get(g).copied().unwrap_or(from.zero_point_all);
        let (zero_point, scale) = (s.splat_i32(zero_point), s.splat(*scale));
        let (blocks, tail) = src.as_chunks::<BLOCK>();
        let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
        for (q, y) in blocks.iter().zip(out) {
            s.store(value(s, q, zero_point, scale), y);
        }
        if !tail.is_empty() {
            let mut last = [0.0; BLOCK];
            s.store(value(s, &padded(tail, C::zeroed()), zero_point, scale), &mut last);
            unpad(&last, out_tail);
        }
    }
}

#[inline(always)]
pub(crate) fn columns<S: Simd, C: Code>(s: S, src: &[C], from: &Affine<'_>, dst: &mut [f32]) {
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    let (scales, scale_tail) = from.scale.as_chunks::<BLOCK>();
    let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
    let shared = s.splat_i32(from.zero_point_all);
    for (i, ((q, scale), y)) in blocks.iter().zip(scales).zip(out).enumerate() {
        let zero_point = from.zero_point.get(i * BLOCK..).and_then(<[i32]>::first_chunk);
        let zero_point = zero_point.map_or(shared, |z| s.load_i32(z));
        s.store(value(s, q, zero_point, s.load(scale)), y);
    }
    if !tail.is_empty() {
        let zero_point = match from.zero_point.get(blocks.len() * BLOCK..) {
            Some(z) if !z.is_empty() => s.load_i32(&padded(z, 0)),
            _ => shared,
        };
        let mut last = [0.0; BLOCK];
        let scale = s.load(&padded(scale_tail, 0.0));
        s.store(value(s, &padded(tail, C::zeroed()), zero_point, scale), &mut last);
        unpad(&last, out_tail);
    }
}
