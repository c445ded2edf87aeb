//! Inner products of a vector of f32 with one that is made of anything, and multiples of such a one.

use crate::arch::simd::{BLOCK, Code, Element, Simd, fold, padded, unpad};
use core::marker::PhantomData;

/// What a block of items stands for.
trait Values<S: Simd>: Copy {
    type Item: bytemuck::Pod;

    fn load(self, s: S, x: &[Self::Item; BLOCK]) -> S::F32;

    /// A part of a block, followed by zeros.
    fn load_part(self, s: S, x: &[Self::Item]) -> S::F32;
}

/// Floats of any type.
#[derive(Clone, Copy)]
struct Floats<E>(PhantomData<E>);

impl<S: Simd, E: Element> Values<S> for Floats<E> {
    type Item = E;

    #[inline(always)]
    fn load(self, s: S, x: &[E; BLOCK]) -> S::F32 {
        E::load(s, x)
    }

    #[inline(always)]
    fn load_part(self, s: S, x: &[E]) -> S::F32 {
        E::load(s, &padded(x, E::zeroed()))
    }
}

/// Codes of one zero point and one scale.
#[derive(Clone, Copy)]
struct Codes<S: Simd, C> {
    zero_point: S::I32,
    scale: S::F32,
    code: PhantomData<C>,
}

impl<S: Simd, C: Code> Codes<S, C> {
    #[inline(always)]
    fn new(s: S, zero_point: u8, scale: f32) -> Self {
        Self {
            zero_point: s.splat_i32(zero_point.into()),
            scale: s.splat(scale),
            code: PhantomData,
        }
    }
}

impl<S: Simd, C: Code> Values<S> for Codes<S, C> {
    type Item = C;

    #[inline(always)]
    fn load(self, s: S, x: &[C; BLOCK]) -> S::F32 {
        s.mul(s.to_f32(s.sub_i32(C::load(s, x), self.zero_point)), self.scale)
    }

    #[inline(always)]
    fn load_part(self, s: S, x: &[C]) -> S::F32 {
        let mut values = [0.0; BLOCK];
        s.store(self.load(s, &padded(x, C::zeroed())), &mut values);
        // No code is sure to stand for 0.
        values.iter_mut().skip(x.len()).for_each(|x| *x = 0.0);
        s.load(&values)
    }
}

#[inline(always)]
fn inner<S: Simd, V: Values<S>>(s: S, values: V, a: &[V::Item], b: &[f32]) -> f32 {
    let mut acc = s.splat(0.0);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<BLOCK>(), b.as_chunks::<BLOCK>());
    for (a, b) in a.iter().zip(b) {
        acc = s.fma(values.load(s, a), s.load(b), acc);
    }
    if !a_rest.is_empty() && !b_rest.is_empty() {
        acc = s.fma(values.load_part(s, a_rest), s.load(&padded(b_rest, 0.0)), acc);
    }
    let mut lanes = [0.0; BLOCK];
    s.store(acc, &mut lanes);
    fold(lanes)
}

#[inline(always)]
fn add<S: Simd, V: Values<S>>(s: S, factor: f32, values: V, x: &[V::Item], acc: &mut [f32]) {
    let ((x, x_rest), (acc, acc_rest)) = (x.as_chunks::<BLOCK>(), acc.as_chunks_mut::<BLOCK>());
    let factor = s.splat(factor);
    for (x, acc) in x.iter().zip(acc) {
        s.store(s.fma(factor, values.load(s, x), s.load(acc)), acc);
    }
    if !x_rest.is_empty() {
        let mut last = padded(acc_rest, 0.0);
        let sum = s.fma(factor, values.load_part(s, x_rest), s.load(&last));
        s.store(sum, &mut last);
        unpad(&last, acc_rest);
    }
}

#[inline(always)]
pub(crate) fn dot<S: Simd, E: Element>(s: S, a: &[E], b: &[f32]) -> f32 {
    inner(s, Floats(PhantomData), a, b)
}

#[inline(always)]
pub(crate) fn dot_codes<S: Simd, C: Code>(
    s: S,
    a: &[C],
    zero_point: u8,
    scale: f32,
    b: &[f32],
) -> f32 {
    inner(s, Codes::new(s, zero_point, scale), a, b)
}

#[inline(always)]
pub(crate) fn add_scaled<S: Simd, E: Element>(s: S, factor: f32, x: &[E], acc: &mut [f32]) {
    add(s, factor, Floats(PhantomData), x, acc);
}

#[inline(always)]
pub(crate) fn add_scaled_codes<S: Simd, C: Code>(
    s: S,
    factor: f32,
    x: &[C],
    zero_point: u8,
    scale: f32,
    acc: &mut [f32],
) {
    add(s, factor, Codes::new(s, zero_point, scale), x, acc);
}
