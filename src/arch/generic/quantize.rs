//! x -> limited quotient -> integer -> code. The limit is far outside of every code range, so it
//! only keeps infinities and overflow out of the integer conversion; the narrowing store clamps.
//! Where the caller has seen the extremes of a group, there is nothing to limit.
//!
//! How to divide and where to add the zero point is chosen outside of the loops, which are generic
//! over the choice.

use crate::arch::generic::divide::{Divided, Limited, Quotient, Reciprocal};
use crate::arch::generic::pairs::for_pairs;
use crate::arch::simd::{BLOCK, Code, PAIR, Simd, blocks, look_ahead, padded, unpad};
use crate::kernels::{Affine, QUOTIENT_LIMIT, has_reciprocal};
use crate::params::elementwise::Rounding;

/// Divides, then adds the zero point and rounds, in one of the two orders.
trait Shift<S: Simd>: Copy {
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32;
}

/// No zero point.
#[derive(Clone, Copy)]
struct Unshifted;

impl<S: Simd> Shift<S> for Unshifted {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.round_i32(quotient.of(s, x, true))
    }
}

#[derive(Clone, Copy)]
struct After<S: Simd>(S::I32);

impl<S: Simd> Shift<S> for After<S> {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.add_i32(s.round_i32(quotient.of(s, x, true)), self.0)
    }
}

#[derive(Clone, Copy)]
struct Before<S: Simd>(S::F32);

impl<S: Simd> Shift<S> for Before<S> {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.round_i32(s.add(quotient.of(s, x, false), self.0))
    }
}

/// What makes a `Shift` of zero points.
trait Place: Copy {
    /// The same for rare cases, which share their code.
    type Rare: Place;
    type Shift<S: Simd>: Shift<S>;
    fn shift<S: Simd>(s: S, zero_point: S::I32) -> Self::Shift<S>;
}

#[derive(Clone, Copy)]
struct Nowhere;

impl Place for Nowhere {
    // A zero point of 0.
    type Rare = AfterRounding;
    type Shift<S: Simd> = Unshifted;

    #[inline(always)]
    fn shift<S: Simd>(_: S, _: S::I32) -> Unshifted {
        Unshifted
    }
}

#[derive(Clone, Copy)]
struct AfterRounding;

impl Place for AfterRounding {
    type Rare = Self;
    type Shift<S: Simd> = After<S>;

    #[inline(always)]
    fn shift<S: Simd>(_: S, zero_point: S::I32) -> After<S> {
        After(zero_point)
    }
}

#[derive(Clone, Copy)]
struct BeforeRounding;

impl Place for BeforeRounding {
    type Rare = Self;
    type Shift<S: Simd> = Before<S>;

    #[inline(always)]
    fn shift<S: Simd>(s: S, zero_point: S::I32) -> Before<S> {
        Before(s.to_f32(zero_point))
    }
}

/// What makes a `Quotient` of scales.
trait Divide: Copy {
    /// Whether the case is frequent enough for code of its own where groups are blocks.
    const IS_FREQUENT: bool = true;
    type Quotient<S: Simd>: Quotient<S>;
    fn quotient<S: Simd>(s: S, scale: S::F32, reciprocal: S::F32) -> Self::Quotient<S>;
}

/// By the reciprocal, where nothing needs a limit.
#[derive(Clone, Copy)]
struct Bounded;

impl Divide for Bounded {
    type Quotient<S: Simd> = Reciprocal<S>;

    #[inline(always)]
    fn quotient<S: Simd>(_: S, scale: S::F32, reciprocal: S::F32) -> Reciprocal<S> {
        Reciprocal::of_lanes(scale, reciprocal)
    }
}

/// By the reciprocal.
#[derive(Clone, Copy)]
struct Unbounded;

impl Divide for Unbounded {
    type Quotient<S: Simd> = Limited<S>;

    #[inline(always)]
    fn quotient<S: Simd>(s: S, scale: S::F32, reciprocal: S::F32) -> Limited<S> {
        let limit = s.mul(s.abs(scale), s.splat(QUOTIENT_LIMIT));
        Limited { reciprocal: Reciprocal::of_lanes(scale, reciprocal), limit }
    }
}

/// By a real division.
#[derive(Clone, Copy)]
struct Really;

impl Divide for Really {
    const IS_FREQUENT: bool = false;
    type Quotient<S: Simd> = Divided<S>;

    #[inline(always)]
    fn quotient<S: Simd>(s: S, scale: S::F32, _: S::F32) -> Divided<S> {
        Divided { divisor: scale, limit: s.splat(QUOTIENT_LIMIT) }
    }
}

/// One group.
#[inline(always)]
fn run<S: Simd, C: Code>(
    s: S,
    quotient: impl Quotient<S>,
    shift: impl Shift<S>,
    (min, max): (C, C),
    src: &[f32],
    dst: &mut [C],
) {
    // A macro and not a closure: see the module.
    macro_rules! code {
        ($x:expr) => {
            shift.code(s, s.load($x), quotient)
        };
    }
    for_pairs!(src, dst, 0.0, |x, q| {
        look_ahead(s, x);
        let [a, b] = blocks(x);
        C::store_pair(s, code!(a), code!(b), min, max, q);
    });
}

/// The parameters of up to 32 groups.
struct Batch {
    scale: [f32; BLOCK],
    reciprocal: [f32; BLOCK],
    zero_point: [i32; BLOCK],
}

/// Groups of any length.
#[inline(always)]
fn batch<S: Simd, C: Code, P: Place, D: Divide>(
    s: S,
    batch: &Batch,
    src: &[f32],
    to: &Affine<'_>,
    dst: &mut [C],
) {
    let range = (C::from_i32(to.min), C::from_i32(to.max));
    let Batch { scale, reciprocal, zero_point } = batch;
    // Divides by one scale, as it was splat.
    macro_rules! quotient {
        ($scale:expr, $reciprocal:expr) => {
            D::quotient(s, s.splat(*$scale), s.splat(*$reciprocal))
        };
    }
    macro_rules! shift {
        ($zero_point:expr) => {
            P::shift(s, s.splat_i32(*$zero_point))
        };
    }
    let (mut src, mut dst, mut first) = (src, dst, 0);
    if D::IS_FREQUENT && to.group.get() == BLOCK {
        // Two groups to a store.
        let (pairs, rest) = src.as_chunks::<PAIR>();
        let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
        let scales = scale.as_chunks::<2>().0.iter().zip(reciprocal.as_chunks::<2>().0);
        let parameters = scales.zip(zero_point.as_chunks::<2>().0);
        for ((x, q), (([sa, sb], [ra, rb]), [za, zb])) in pairs.iter().zip(out).zip(parameters) {
            look_ahead(s, x);
            let [a, b] = blocks(x);
            let a = shift!(za).code(s, s.load(a), quotient!(sa, ra));
            let b = shift!(zb).code(s, s.load(b), quotient!(sb, rb));
            C::store_pair(s, a, b, range.0, range.1, q);
        }
        (src, dst, first) = (rest, out_rest, 2 * pairs.len());
    }
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    let parameters = scale.iter().zip(reciprocal).zip(zero_point).skip(first);
    for ((src, dst), ((scale, reciprocal), zero_point)) in groups.zip(parameters) {
        run(s, quotient!(scale, reciprocal), shift!(zero_point), range, src, dst);
    }
}

/// A batch, with the place of the zero point.
#[inline(always)]
fn batch_at<S: Simd, C: Code, P: Place>(
    s: S,
    (all, known): (&Batch, bool),
    src: &[f32],
    to: &Affine<'_>,
    dst: &mut [C],
) {
    match (known, to.bounded) {
        (true, true) => batch::<S, C, P, Bounded>(s, all, src, to, dst),
        (true, false) => batch::<S, C, P, Unbounded>(s, all, src, to, dst),
        (false, _) => batch::<S, C, P::Rare, Really>(s, all, src, to, dst),
    }
}

#[inline(always)]
pub(crate) fn groups<S: Simd, C: Code>(s: S, src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    let symmetric = to.zero_point.is_empty() && to.zero_point_all == 0;
    let size = to.group.get().saturating_mul(BLOCK);
    let batches = src.chunks(size).zip(dst.chunks_mut(size)).zip(to.scale.chunks(BLOCK));
    for (i, ((src, dst), scale)) in batches.enumerate() {
        let mut all = Batch {
            scale: padded(scale, 1.0),
            reciprocal: [1.0; BLOCK],
            zero_point: [to.zero_point_all; BLOCK],
        };
        for (to, from) in all.zero_point.iter_mut().zip(to.zero_point.iter().skip(i * BLOCK)) {
            *to = *from;
        }
        let mut known = true;
        for (reciprocal, scale) in all.reciprocal.iter_mut().zip(&all.scale) {
            *reciprocal = 1.0 / scale;
            known &= has_reciprocal(*scale);
        }
        let all = (&all, known);
        match to.rounding {
            _ if symmetric => batch_at::<S, C, Nowhere>(s, all, src, to, dst),
            Rounding::AfterRounding => batch_at::<S, C, AfterRounding>(s, all, src, to, dst),
            Rounding::BeforeRounding => batch_at::<S, C, BeforeRounding>(s, all, src, to, dst),
        }
    }
}

/// Columns and their parameters, two blocks at a time.
#[derive(Clone, Copy)]
struct Columns<'a> {
    src: &'a [[f32; PAIR]],
    scale: &'a [[f32; PAIR]],
    /// Anything where `Really` divides.
    reciprocal: &'a [[f32; PAIR]],
    /// Empty where all are `Affine::zero_point_all`.
    zero_point: &'a [[i32; PAIR]],
}

/// As `columns`, with the choices made.
#[inline(always)]
fn columns_by<S: Simd, C: Code, P: Place, D: Divide>(
    s: S,
    from: Columns<'_>,
    to: &Affine<'_>,
    dst: &mut [[C; PAIR]],
) {
    let (min, max) = (C::from_i32(to.min), C::from_i32(to.max));
    let shared = [to.zero_point_all; PAIR];
    macro_rules! code {
        ($x:expr, $scale:expr, $reciprocal:expr, $zero_point:expr) => {{
            let quotient = D::quotient(s, s.load($scale), s.load($reciprocal));
            P::shift(s, s.load_i32($zero_point)).code(s, s.load($x), quotient)
        }};
    }
    let scales = from.scale.iter().zip(from.reciprocal);
    for (i, ((x, q), (scale, reciprocal))) in from.src.iter().zip(dst).zip(scales).enumerate() {
        look_ahead(s, x);
        let ([xa, xb], [sa, sb], [ra, rb]) = (blocks(x), blocks(scale), blocks(reciprocal));
        let [za, zb] = blocks(from.zero_point.get(i).unwrap_or(&shared));
        C::store_pair(s, code!(xa, sa, ra, za), code!(xb, sb, rb, zb), min, max, q);
    }
}

/// As `columns`, with the place of the zero point.
#[inline(always)]
fn columns_at<S: Simd, C: Code, P: Place>(
    s: S,
    from: Columns<'_>,
    to: &Affine<'_>,
    dst: &mut [[C; PAIR]],
) {
    match (to.reciprocal.is_empty(), to.bounded) {
        (true, _) => columns_by::<S, C, P, Really>(s, from, to, dst),
        (false, true) => columns_by::<S, C, P, Bounded>(s, from, to, dst),
        (false, false) => columns_by::<S, C, P, Unbounded>(s, from, to, dst),
    }
}

#[inline(always)]
pub(crate) fn columns<S: Simd, C: Code>(s: S, src: &[f32], to: &Affine<'_>, dst: &mut [C]) {
    // Real divisions do not look at reciprocals.
    let reciprocal = if to.reciprocal.is_empty() { to.scale } else { to.reciprocal };
    let (src, src_rest) = src.as_chunks::<PAIR>();
    let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
    let (scale, scale_rest) = to.scale.as_chunks::<PAIR>();
    let (reciprocal, reciprocal_rest) = reciprocal.as_chunks::<PAIR>();
    let (zero_point, zero_rest) = to.zero_point.as_chunks::<PAIR>();
    let whole = Columns { src, scale, reciprocal, zero_point };
    // What is left, padded: the loops find it in the same form.
    let (mut last_src, mut last_scale) = ([[0.0; PAIR]], [[1.0; PAIR]]);
    let (mut last_reciprocal, mut last_zero_point) = ([[1.0; PAIR]], [[0; PAIR]]);
    if !src_rest.is_empty() {
        last_src = [padded(src_rest, 0.0)];
        last_scale = [padded(scale_rest, 1.0)];
        last_reciprocal = [padded(reciprocal_rest, 1.0)];
        last_zero_point = [padded(zero_rest, to.zero_point_all)];
    }
    let last = Columns {
        src: &last_src,
        scale: &last_scale,
        reciprocal: &last_reciprocal,
        zero_point: &last_zero_point,
    };
    let mut last_out = [[C::zeroed(); PAIR]];
    let symmetric = to.zero_point.is_empty() && to.zero_point_all == 0;
    let parts = [(whole, out), (last, last_out.as_mut_slice())];
    for (from, dst) in parts.into_iter().take(if src_rest.is_empty() { 1 } else { 2 }) {
        match to.rounding {
            _ if symmetric => columns_at::<S, C, Nowhere>(s, from, to, dst),
            Rounding::AfterRounding => columns_at::<S, C, AfterRounding>(s, from, to, dst),
            Rounding::BeforeRounding => columns_at::<S, C, BeforeRounding>(s, from, to, dst),
        }
    }
    let [last_out] = last_out;
    unpad(&last_out, out_rest);
}
