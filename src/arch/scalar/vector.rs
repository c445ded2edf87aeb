use crate::arch::scalar::{dequantize, fma};
use crate::arch::simd::{BLOCK, Code, Element, fold};

fn inner<T: Copy>(a: &[T], b: &[f32], value: impl Fn(T) -> f32) -> f32 {
    let mut lanes = [0.0; BLOCK];
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let (mut x, mut y) = ([0.0; BLOCK], [0.0; BLOCK]);
        x.iter_mut().zip(a).for_each(|(to, from)| *to = value(*from));
        y.iter_mut().zip(b).for_each(|(to, from)| *to = *from);
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane = fma(x, y, *lane);
        }
    }
    fold(lanes)
}

pub(super) fn dot<E: Element>(a: &[E], b: &[f32]) -> f32 {
    inner(a, b, E::to_f32)
}

pub(super) fn dot_codes<C: Code>(a: &[C], zero_point: u8, scale: f32, b: &[f32]) -> f32 {
    inner(a, b, |q| dequantize::value(q, zero_point.into(), scale))
}

pub(super) fn add_scaled<E: Element>(factor: f32, x: &[E], acc: &mut [f32]) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc = fma(factor, x.to_f32(), *acc);
    }
}

pub(super) fn add_scaled_codes<C: Code>(
    factor: f32,
    x: &[C],
    zero_point: u8,
    scale: f32,
    acc: &mut [f32],
) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc = fma(factor, dequantize::value(*x, zero_point.into(), scale), *acc);
    }
}
