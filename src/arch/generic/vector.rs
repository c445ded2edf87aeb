//! Inner products of vectors of f32 with others that are made of anything, and multiples of such.

use crate::arch::simd::{BLOCK, Code, Element, Simd, fold, padded, unpad};
use core::marker::PhantomData;

/// What a block of items stands for.
trait Values<S: Simd>: Copy {
    type Item: bytemuck::Pod;

    fn load(self, s: S, x: &[Self::Item; BLOCK]) -> S::F32;
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
}

/// Codes, less a zero point.
#[derive(Clone, Copy)]
struct Codes<S: Simd, C> {
    zero_point: S::I32,
    code: PhantomData<C>,
}

impl<S: Simd, C: Code> Codes<S, C> {
    #[inline(always)]
    fn new(s: S, zero_point: u8) -> Self {
        Self { zero_point: s.splat_i32(zero_point.into()), code: PhantomData }
    }
}

impl<S: Simd, C: Code> Values<S> for Codes<S, C> {
    type Item = C;

    #[inline(always)]
    fn load(self, s: S, x: &[C; BLOCK]) -> S::F32 {
        s.to_f32(s.sub_i32(C::load(s, x), self.zero_point))
    }
}

/// The sum of the lanes, in the order of the kernels.
#[inline(always)]
fn folded<S: Simd>(s: S, acc: S::F32) -> f32 {
    let mut lanes = [0.0; BLOCK];
    s.store(acc, &mut lanes);
    fold(lanes)
}

/// Inner products of as many vectors as there are accumulators: each block of `b` is loaded once, and what
/// one multiply-add takes is hidden by the others.
macro_rules! inner {
    ($name:ident, $n:literal: $($a:ident $rest:ident $values:ident $acc:ident),+) => {
        #[inline(always)]
        fn $name<S: Simd, V: Values<S>>(
            s: S,
            [$($values),+]: [V; $n],
            [$($a),+]: [&[V::Item]; $n],
            b: &[f32],
        ) -> [f32; $n] {
            $(let ($a, $rest) = $a.as_chunks::<BLOCK>();)+
            let (b, b_rest) = b.as_chunks::<BLOCK>();
            $(let mut $acc = s.splat(0.0);)+
            for inner!(@pattern b, $($a),+) in inner!(@zip b.iter(), $($a),+) {
                let b = s.load(b);
                $($acc = s.fma($values.load(s, $a), b, $acc);)+
            }
            if !b_rest.is_empty() {
                // The zeros that fill up `b` take what fills up the others out of the sum.
                let b = s.load(&padded(b_rest, 0.0));
                $($acc = s.fma($values.load(s, &padded($rest, bytemuck::Zeroable::zeroed())), b, $acc);)+
            }
            [$(folded(s, $acc)),+]
        }
    };
    (@zip $x:expr, $a:ident) => { $x.zip($a) };
    (@zip $x:expr, $a:ident, $($rest:ident),+) => { inner!(@zip $x.zip($a), $($rest),+) };
    (@pattern $x:pat, $a:ident) => { ($x, $a) };
    (@pattern $x:pat, $a:ident, $($rest:ident),+) => { inner!(@pattern ($x, $a), $($rest),+) };
}

inner!(one, 1: a0 r0 v0 c0);
inner!(two, 2: a0 r0 v0 c0, a1 r1 v1 c1);
inner!(four, 4: a0 r0 v0 c0, a1 r1 v1 c1, a2 r2 v2 c2, a3 r3 v3 c3);

/// As many at a time as there are registers for.
#[inline(always)]
fn inner_rows<S: Simd, V: Values<S>>(
    s: S,
    values: [V; 4],
    a: [&[V::Item]; 4],
    b: &[f32],
) -> [f32; 4] {
    if S::WIDE {
        return four(s, values, a, b);
    }
    let ([v0, v1, v2, v3], [a0, a1, a2, a3]) = (values, a);
    let [c0, c1] = two(s, [v0, v1], [a0, a1], b);
    let [c2, c3] = two(s, [v2, v3], [a2, a3], b);
    [c0, c1, c2, c3]
}

/// Adds a multiple of one vector.
#[inline(always)]
fn add<S: Simd, V: Values<S>>(s: S, factor: f32, values: V, x: &[V::Item], acc: &mut [f32]) {
    let ((x, x_rest), (acc, acc_rest)) = (x.as_chunks::<BLOCK>(), acc.as_chunks_mut::<BLOCK>());
    let factor = s.splat(factor);
    for (x, acc) in x.iter().zip(acc) {
        s.store(s.fma(factor, values.load(s, x), s.load(acc)), acc);
    }
    if !x_rest.is_empty() {
        let mut last = padded(acc_rest, 0.0);
        let x = values.load(s, &padded(x_rest, bytemuck::Zeroable::zeroed()));
        s.store(s.fma(factor, x, s.load(&last)), &mut last);
        unpad(&last, acc_rest);
    }
}

/// Adds multiples of four vectors, one after the other.
#[inline(always)]
fn add_four<S: Simd, V: Values<S>>(
    s: S,
    factor: &[f32; 4],
    values: [V; 4],
    x: &[&[V::Item]; 4],
    acc: &mut [f32],
) {
    let ([v0, v1, v2, v3], [x0, x1, x2, x3]) = (values, x);
    let [f0, f1, f2, f3] = factor;
    let (f0, f1, f2, f3) = (s.splat(*f0), s.splat(*f1), s.splat(*f2), s.splat(*f3));
    // A macro and not a closure: see the module.
    macro_rules! sum {
        ($x0:expr, $x1:expr, $x2:expr, $x3:expr, $acc:expr) => {{
            let sum = s.fma(f0, v0.load(s, $x0), s.load($acc));
            let sum = s.fma(f1, v1.load(s, $x1), sum);
            let sum = s.fma(f2, v2.load(s, $x2), sum);
            s.fma(f3, v3.load(s, $x3), sum)
        }};
    }
    let ((x0, rest0), (x1, rest1)) = (x0.as_chunks::<BLOCK>(), x1.as_chunks::<BLOCK>());
    let ((x2, rest2), (x3, rest3)) = (x2.as_chunks::<BLOCK>(), x3.as_chunks::<BLOCK>());
    let (acc, acc_rest) = acc.as_chunks_mut::<BLOCK>();
    for ((((x0, x1), x2), x3), acc) in x0.iter().zip(x1).zip(x2).zip(x3).zip(acc) {
        s.store(sum!(x0, x1, x2, x3, acc), acc);
    }
    if !acc_rest.is_empty() {
        let zero: V::Item = bytemuck::Zeroable::zeroed();
        let (x0, x1) = (&padded(rest0, zero), &padded(rest1, zero));
        let (x2, x3) = (&padded(rest2, zero), &padded(rest3, zero));
        let mut last = padded(acc_rest, 0.0);
        s.store(sum!(x0, x1, x2, x3, &last), &mut last);
        unpad(&last, acc_rest);
    }
}

#[inline(always)]
pub(crate) fn dot<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let [sum] = one(s, [Floats(PhantomData)], [a], b);
    sum
}

#[inline(always)]
pub(crate) fn dot_rows<S: Simd, E: Element>(s: S, a: [&[E]; 4], b: &[f32]) -> [f32; 4] {
    inner_rows(s, [Floats(PhantomData); 4], a, b)
}

#[inline(always)]
pub(crate) fn dot_rows_codes<S: Simd, C: Code>(
    s: S,
    a: [&[C]; 4],
    zero_point: [u8; 4],
    b: &[f32],
) -> [f32; 4] {
    let [z0, z1, z2, z3] = zero_point;
    let values = [Codes::new(s, z0), Codes::new(s, z1), Codes::new(s, z2), Codes::new(s, z3)];
    inner_rows(s, values, a, b)
}

#[inline(always)]
pub(crate) fn add_scaled<S: Simd>(s: S, factor: f32, x: &[f32], acc: &mut [f32]) {
    add(s, factor, Floats(PhantomData), x, acc);
}

#[inline(always)]
pub(crate) fn add_scaled_rows<S: Simd, E: Element>(
    s: S,
    factor: &[f32],
    x: &[&[E]],
    acc: &mut [f32],
) {
    let ((rows, row_rest), (factors, factor_rest)) = (x.as_chunks::<4>(), factor.as_chunks::<4>());
    for (x, factor) in rows.iter().zip(factors) {
        add_four(s, factor, [Floats(PhantomData); 4], x, acc);
    }
    for (x, factor) in row_rest.iter().zip(factor_rest) {
        add(s, *factor, Floats(PhantomData), x, acc);
    }
}

#[inline(always)]
pub(crate) fn add_scaled_rows_codes<S: Simd, C: Code>(
    s: S,
    factor: &[f32],
    x: &[&[C]],
    zero_point: &[u8],
    acc: &mut [f32],
) {
    let (fours, rest) = zero_point.as_chunks::<4>();
    let (rows, row_rest) = x.as_chunks::<4>();
    let (factors, factor_rest) = factor.as_chunks::<4>();
    for ((x, factor), [z0, z1, z2, z3]) in rows.iter().zip(factors).zip(fours) {
        let values =
            [Codes::new(s, *z0), Codes::new(s, *z1), Codes::new(s, *z2), Codes::new(s, *z3)];
        add_four(s, factor, values, x, acc);
    }
    for ((x, factor), zero_point) in row_rest.iter().zip(factor_rest).zip(rest) {
        add(s, *factor, Codes::new(s, *zero_point), x, acc);
    }
}
