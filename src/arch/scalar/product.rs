use crate::arch::scalar::fma;
use crate::arch::simd::BLOCK;

pub(super) fn rows(a: &[f32], x: &[f32], acc: &mut [f32]) {
    let (x, _) = x.as_chunks::<BLOCK>();
    let (acc, _) = acc.as_chunks_mut::<BLOCK>();
    for (a, acc) in a.chunks_exact(x.len().max(1)).zip(acc) {
        for (a, x) in a.iter().zip(x) {
            for (acc, x) in acc.iter_mut().zip(x) {
                *acc = fma(*a, *x, *acc);
            }
        }
    }
}
