//! Inner products of vectors of f32 with others that are made of anything, and multiples of such.

use crate::arch::simd::{BLOCK, Code, Element, Simd, fold, padded, rows_ahead, unpad};
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

/// The blocks of a vector, and the rest filled up with zeros.
#[inline(always)]
fn parts<T: bytemuck::Pod>(x: &[T]) -> (&[[T; BLOCK]], [[T; BLOCK]; 1]) {
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    (blocks, [padded(rest, T::zeroed())])
}

/// How many of the two parts of a vector there are: zeros that are added may change the sign of a zero.
#[inline(always)]
fn count<T>(x: &[T]) -> usize {
    if x.len().is_multiple_of(BLOCK) { 1 } else { 2 }
}

/// Has a block of the row that comes next brought near. Rows of f32 are left to the CPU, which has little else to
/// do.
#[inline(always)]
fn look_ahead<S: Simd, T>(s: S, now: &[T; BLOCK], ahead: usize) {
    if size_of::<T>() < 4 {
        s.prefetch(now.as_ptr().cast::<u8>().wrapping_add(ahead).cast());
    }
}

/// Inner products of as many vectors as there are accumulators: each block of `b` is loaded once, and what
/// one multiply-add takes is hidden by the others. The zeros that fill up `b` take what fills up the others out
/// of the sums.
macro_rules! inner {
    ($name:ident, $n:literal: $($a:ident $rest:ident $values:ident $acc:ident),+) => {
        #[inline(always)]
        fn $name<S: Simd, V: Values<S>>(
            s: S,
            [$($values),+]: [V; $n],
            [$($a),+]: [&[V::Item]; $n],
            b: &[f32],
            ahead: usize,
        ) -> [f32; $n] {
            $(let ($a, $rest) = parts($a);)+
            let count = count(b);
            let (b, b_rest) = parts(b);
            $(let mut $acc = s.splat(0.0);)+
            let both = [($($a,)+ b), ($($rest.as_slice(),)+ b_rest.as_slice())];
            for ($($a,)+ b) in both.into_iter().take(count) {
                for inner!(@pattern b, $($a),+) in inner!(@zip b.iter(), $($a),+) {
                    let b = s.load(b);
                    $(look_ahead(s, $a, ahead);)+
                    $($acc = s.fma($values.load(s, $a), b, $acc);)+
                }
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
    let ahead = rows_ahead(&a);
    if S::WIDE {
        return four(s, values, a, b, ahead);
    }
    let mut sums = [0.0; 4];
    let pairs = values.as_chunks::<2>().0.iter().zip(a.as_chunks::<2>().0);
    for (to, (values, a)) in sums.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
        *to = two(s, *values, *a, b, ahead);
    }
    sums
}

/// Adds multiples of vectors, one after the other, to blocks that are loaded and stored once. The block at the end
/// is filled up.
macro_rules! add {
    ($name:ident, $n:literal: $($x:ident $rest:ident $values:ident $factor:ident),+) => {
        #[inline(always)]
        fn $name<S: Simd, V: Values<S>>(
            s: S,
            [$($factor),+]: &[f32; $n],
            [$($values),+]: [V; $n],
            [$($x),+]: &[&[V::Item]; $n],
            acc: &mut [f32],
            ahead: usize,
        ) {
            $(let $factor = s.splat(*$factor);)+
            $(let ($x, $rest) = parts($x);)+
            let count = count(acc);
            let (acc, acc_rest) = acc.as_chunks_mut::<BLOCK>();
            let mut last = [padded(acc_rest, 0.0)];
            let both = [($($x,)+ acc), ($($rest.as_slice(),)+ last.as_mut_slice())];
            for ($($x,)+ acc) in both.into_iter().take(count) {
                for inner!(@pattern acc, $($x),+) in inner!(@zip acc.iter_mut(), $($x),+) {
                    let mut sum = s.load(acc);
                    $(look_ahead(s, $x, ahead);)+
                    $(sum = s.fma($factor, $values.load(s, $x), sum);)+
                    s.store(sum, acc);
                }
            }
            let [last] = last;
            unpad(&last, acc_rest);
        }
    };
}

add!(add, 1: x0 r0 v0 f0);
add!(add_four, 4: x0 r0 v0 f0, x1 r1 v1 f1, x2 r2 v2 f2, x3 r3 v3 f3);

#[inline(always)]
pub(crate) fn dot<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let [sum] = one(s, [Floats(PhantomData)], [a], b, 0);
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
    add(s, &[factor], [Floats(PhantomData)], &[x], acc, 0);
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
        add_four(s, factor, [Floats(PhantomData); 4], x, acc, rows_ahead(x));
    }
    for (x, factor) in row_rest.iter().zip(factor_rest) {
        add(s, &[*factor], [Floats(PhantomData)], &[x], acc, 0);
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
        add_four(s, factor, values, x, acc, rows_ahead(x));
    }
    for ((x, factor), zero_point) in row_rest.iter().zip(factor_rest).zip(rest) {
        add(s, &[*factor], [Codes::new(s, *zero_point)], &[x], acc, 0);
    }
}
