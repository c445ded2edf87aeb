use crate::kernels::TableCoding;

#[inline(always)]
fn encode_one(x: f32, thresholds: &[f32; 16]) -> u8 {
    let x = if x.is_nan() { 0.0 } else { x };
    let mut at = 1;
    for _ in 0..4 {
        let threshold = thresholds.get(at).copied().unwrap_or_default();
        at = 2 * at + usize::from(x > threshold);
    }
    (at - 16) as u8
}

pub(super) fn encode(src: &[f32], to: &TableCoding<'_>, dst: &mut [u8]) {
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = to.scale.get(g).copied().unwrap_or(1.0);
        for (q, x) in dst.iter_mut().zip(src) {
            *q = encode_one(x / scale, &to.thresholds);
        }
    }
}

pub(super) fn decode(src: &[u8], from: &TableCoding<'_>, dst: &mut [f32]) {
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = from.scale.get(g).copied().unwrap_or(1.0);
        for (y, q) in dst.iter_mut().zip(src) {
            *y = from.values.get(usize::from(q & 15)).copied().unwrap_or_default() * scale;
        }
    }
}
