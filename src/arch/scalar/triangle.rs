use crate::arch::scalar::fma;
use crate::arch::simd::BLOCK;

pub(super) fn solve(l: &[f32], stride: usize, x: &mut [f32]) {
    let (x, _) = x.as_chunks_mut::<BLOCK>();
    for (j, l) in l.chunks(stride.max(1)).enumerate().take(x.len()) {
        let Some((done, rest)) = x.split_at_mut_checked(j) else { return };
        let Some(acc) = rest.first_mut() else { return };
        for (l, x) in l.iter().zip(done.iter()) {
            subtract(*l, x, acc);
        }
        let factor = l.get(j).copied().unwrap_or_default();
        acc.iter_mut().for_each(|acc| *acc *= factor);
    }
}

pub(super) fn factor(x: &mut [f32], from: usize) -> usize {
    let (x, _) = x.as_chunks_mut::<BLOCK>();
    let Some((done, x)) = x.split_at_mut_checked(from) else { return 0 };
    let count = x.len().min(BLOCK);
    let (x, _) = x.split_at_mut(count);
    for (lane, acc) in x.iter_mut().enumerate() {
        subtract_all(done, lane, acc);
    }
    for lane in 0..count {
        let Some((done, rest)) = x.split_at_mut_checked(lane) else { return lane };
        let Some(acc) = rest.first_mut() else { return lane };
        subtract_all(done, lane, acc);
        let Some(root) = root(acc, lane) else { return lane };
        let factor = 1.0 / root;
        acc.iter_mut().for_each(|acc| *acc *= factor);
        acc.iter_mut().skip(lane).take(1).for_each(|acc| *acc = root);
    }
    count
}

/// Subtracts from a column what those before it contribute.
fn subtract_all(done: &[[f32; BLOCK]], lane: usize, acc: &mut [f32; BLOCK]) {
    for x in done {
        subtract(x.get(lane).copied().unwrap_or_default(), x, acc);
    }
}

/// The square root of a pivot, if there is one.
pub(crate) fn root(column: &[f32; BLOCK], lane: usize) -> Option<f32> {
    let pivot = column.get(lane).copied().unwrap_or_default();
    (pivot > 0.0 && pivot < f32::INFINITY).then(|| libm::sqrtf(pivot))
}

fn subtract(l: f32, x: &[f32; BLOCK], acc: &mut [f32; BLOCK]) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc = fma(-l, *x, *acc);
    }
}
