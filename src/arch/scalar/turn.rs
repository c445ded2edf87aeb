use crate::arch::scalar::{dequantize, fma};
use crate::arch::simd::Code;

pub(super) fn floats(h: &[f32], b: &[f32], acc: &mut [f32]) {
    for (row, acc) in b.chunks_exact(h.len().max(1)).zip(acc) {
        for (h, x) in h.iter().zip(row) {
            *acc = fma(*h, *x, *acc);
        }
    }
}

pub(super) fn codes<C: Code>(
    h: &[f32],
    b: &[C],
    zero_point: &[i32],
    scale: &[f32],
    acc: &mut [f32],
) {
    let rows = b.chunks_exact(h.len().max(1)).zip(scale).zip(acc);
    for (i, ((row, scale), acc)) in rows.enumerate() {
        let zero_point = zero_point.get(i).copied().unwrap_or_default();
        for (h, q) in h.iter().zip(row) {
            *acc = fma(*h, dequantize::value(*q, zero_point, *scale), *acc);
        }
    }
}
