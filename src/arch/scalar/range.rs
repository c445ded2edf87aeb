use crate::arch::scalar::{max, min};
use crate::arch::simd::Element;
use core::num::NonZeroUsize;

pub(super) fn min_max<E: Element>(
    src: &[E],
    group: NonZeroUsize,
    mins: &mut [f32],
    maxs: &mut [f32],
) {
    for ((src, to_min), to_max) in src.chunks(group.get()).zip(mins).zip(maxs) {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        let mut nan = false;
        for x in src {
            let x = x.to_f32();
            nan |= x.is_nan();
            low = min(x, low);
            high = max(x, high);
        }
        // Adding +0 turns a -0 into +0: the result does not depend on which zero came first.
        (*to_min, *to_max) = if nan { (f32::NAN, f32::NAN) } else { (low + 0.0, high + 0.0) };
    }
}

pub(super) fn abs_max<E: Element>(src: &[E]) -> f32 {
    // As integers, magnitudes are ordered as floats are, and a NaN lies above infinity.
    let bits = src.iter().map(|x| x.to_f32().to_bits() & 0x7FFF_FFFF).max().unwrap_or(0);
    f32::from_bits(bits)
}

pub(super) fn min_max_columns(src: &[f32], stride: usize, mins: &mut [f32], maxs: &mut [f32]) {
    for row in src.chunks(stride.max(1)) {
        for ((x, low), high) in row.iter().zip(mins.iter_mut()).zip(maxs.iter_mut()) {
            let x = *x + 0.0;
            (*low, *high) = if x.is_nan() || low.is_nan() {
                (f32::NAN, f32::NAN)
            } else {
                (min(x, *low), max(x, *high))
            };
        }
    }
}

pub(super) fn abs_max_columns(src: &[f32], stride: usize, maxs: &mut [f32]) {
    for row in src.chunks(stride.max(1)) {
        for (x, high) in row.iter().zip(maxs.iter_mut()) {
            let bits = (x.to_bits() & 0x7FFF_FFFF).max(high.to_bits());
            *high = f32::from_bits(bits);
        }
    }
}
