use crate::arch::scalar::fma;
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

fn add<T: Copy>(factor: f32, x: &[T], acc: &mut [f32], value: impl Fn(T) -> f32) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc = fma(factor, value(*x), *acc);
    }
}

/// What a code stands for, but for its scale.
fn level<C: Code>(code: C, zero_point: u8) -> f32 {
    (code.to_i32() - i32::from(zero_point)) as f32
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    inner(a, b, |x| x)
}

pub(super) fn dot_rows<E: Element>(a: [&[E]; 4], b: &[f32]) -> [f32; 4] {
    a.map(|a| inner(a, b, E::to_f32))
}

pub(super) fn dot_rows_codes<C: Code>(a: [&[C]; 4], zero_point: [u8; 4], b: &[f32]) -> [f32; 4] {
    let mut sums = [0.0; 4];
    for ((sum, a), zero_point) in sums.iter_mut().zip(a).zip(zero_point) {
        *sum = inner(a, b, |code| level(code, zero_point));
    }
    sums
}

pub(super) fn add_scaled(factor: f32, x: &[f32], acc: &mut [f32]) {
    add(factor, x, acc, |x| x);
}

pub(super) fn add_scaled_rows<E: Element>(factor: &[f32], x: &[&[E]], acc: &mut [f32]) {
    for (x, factor) in x.iter().zip(factor) {
        add(*factor, x, acc, E::to_f32);
    }
}

pub(super) fn add_scaled_rows_codes<C: Code>(
    factor: &[f32],
    x: &[&[C]],
    zero_point: &[u8],
    acc: &mut [f32],
) {
    for ((x, factor), zero_point) in x.iter().zip(factor).zip(zero_point) {
        add(*factor, x, acc, |code| level(code, *zero_point));
    }
}
