use crate::arch::simd::Code;
use crate::kernels::Affine;

/// What a code stands for.
pub(super) fn value<C: Code>(q: C, zero_point: i32, scale: f32) -> f32 {
    (q.to_i32() - zero_point) as f32 * scale
}

pub(super) fn groups<C: Code>(src: &[C], from: &Affine<'_>, dst: &mut [f32]) {
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, ((src, dst), scale)) in groups.zip(from.scale).enumerate() {
        let zero_point = from.zero_point.get(g).copied().unwrap_or(from.zero_point_all);
        for (q, y) in src.iter().zip(dst) {
            *y = value(*q, zero_point, *scale);
        }
    }
}

pub(super) fn columns<C: Code>(src: &[C], from: &Affine<'_>, dst: &mut [f32]) {
    for (i, ((q, y), scale)) in src.iter().zip(dst).zip(from.scale).enumerate() {
        let zero_point = from.zero_point.get(i).copied().unwrap_or(from.zero_point_all);
        *y = value(*q, zero_point, *scale);
    }
}
