//! Elements to codes of one byte, group by group: what float formats and tables share.

use crate::arch::generic::divide::{Divided, Limited, Quotient, Reciprocal};
use crate::arch::simd::{BLOCK, PAIR, Simd, blocks, look_ahead, padded, unpad};
use crate::kernels::{QUOTIENT_LIMIT, has_reciprocal};
use core::num::NonZeroUsize;

/// How quotients become codes.
pub(crate) trait Scheme<S: Simd>: Copy {
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32;
}

/// Nothing is divided.
#[derive(Clone, Copy)]
struct Whole;

impl<S: Simd> Quotient<S> for Whole {
    #[inline(always)]
    fn of(self, s: S, x: S::F32, nan_may_stay: bool) -> S::F32 {
        if nan_may_stay { x } else { s.sanitize(x, s.splat(f32::MAX)) }
    }

    #[inline(always)]
    fn sign(self, _: S, x: S::F32) -> S::F32 {
        x
    }
}

/// The divisors of a run.
#[derive(Clone, Copy)]
pub(crate) struct Divisors<'a> {
    /// Elements of a group; the last may be shorter.
    pub(crate) group: NonZeroUsize,
    /// One per group; empty where nothing is divided.
    pub(crate) scale: &'a [f32],
    /// As `Affine::bounded`.
    pub(crate) bounded: bool,
}

/// Elements that share a divisor.
#[inline(always)]
fn run<S: Simd>(
    s: S,
    scheme: impl Scheme<S>,
    quotient: impl Quotient<S>,
    src: &[f32],
    dst: &mut [u8],
) {
    let (pairs, rest) = src.as_chunks::<PAIR>();
    let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
    for (x, q) in pairs.iter().zip(out) {
        look_ahead(s, x);
        let [a, b] = blocks(x);
        let (a, b) = (scheme.code(s, s.load(a), quotient), scheme.code(s, s.load(b), quotient));
        s.store_u8_pair(a, b, 0, 255, q);
    }
    // Blocks one by one, the last padded: a loop of its own for whole ones would double the code.
    for (x, q) in rest.chunks(BLOCK).zip(out_rest.chunks_mut(BLOCK)) {
        let mut last = [0; BLOCK];
        s.store_u8(scheme.code(s, s.load(&padded(x, 0.0)), quotient), 0, 255, &mut last);
        unpad(&last, q);
    }
}

/// One group.
#[inline(always)]
fn group<S: Simd>(
    s: S,
    scheme: impl Scheme<S>,
    scale: f32,
    bounded: bool,
    src: &[f32],
    dst: &mut [u8],
) {
    if !has_reciprocal(scale) {
        let divided = Divided { divisor: s.splat(scale), limit: s.splat(QUOTIENT_LIMIT) };
        run(s, scheme, divided, src, dst);
        return;
    }
    let reciprocal = Reciprocal::new(s, scale);
    if bounded {
        run(s, scheme, reciprocal, src, dst);
    } else {
        let limit = s.splat(scale.abs() * QUOTIENT_LIMIT);
        run(s, scheme, Limited { reciprocal, limit }, src, dst);
    }
}

/// Pairs of blocks whose divisors are prepared together.
const BATCH: usize = BLOCK;

/// Groups of few blocks: divisors and reciprocals of 32 pairs of blocks come first, so that the
/// loop over them has neither a division nor a branch. Answers how many elements it did.
#[inline(always)]
fn short_groups<S: Simd>(
    s: S,
    scheme: impl Scheme<S>,
    divisors: Divisors<'_>,
    src: &[f32],
    dst: &mut [u8],
) -> usize {
    let per_group = (divisors.group.get() / BLOCK).max(1);
    if !divisors.group.get().is_multiple_of(BLOCK) || per_group > BATCH || !divisors.bounded {
        return 0;
    }
    // Whole groups in whole pairs.
    let step = if per_group.is_multiple_of(2) { per_group } else { 2 * per_group };
    let groups_per_batch = (2 * BATCH / step * step / per_group).max(1);
    let elements = (groups_per_batch * divisors.group.get()).max(1);
    let mut done = 0;
    let batches = src.chunks_exact(elements).zip(dst.chunks_exact_mut(elements));
    for ((src, dst), scale) in batches.zip(divisors.scale.chunks_exact(groups_per_batch)) {
        // Without a way out, so that it is done in vectors.
        if !scale.iter().fold(true, |all, scale| all & has_reciprocal(*scale)) {
            break;
        }
        let mut spread = [1.0_f32; PAIR];
        if per_group == 1 {
            spread.iter_mut().zip(scale).for_each(|(to, scale)| *to = *scale);
        } else {
            for (to, scale) in spread.chunks_mut(per_group).zip(scale) {
                to.fill(*scale);
            }
        }
        let [a, b] = blocks(&spread);
        let mut reciprocals = [0.0_f32; PAIR];
        let [to_a, to_b] = crate::arch::simd::blocks_mut(&mut reciprocals);
        s.store(s.div(s.splat(1.0), s.load(a)), to_a);
        s.store(s.div(s.splat(1.0), s.load(b)), to_b);
        let divisors = spread.as_chunks::<2>().0.iter().zip(reciprocals.as_chunks::<2>().0);
        let pairs = src.as_chunks::<PAIR>().0.iter().zip(dst.as_chunks_mut::<PAIR>().0);
        for ((x, q), ([a, b], [ra, rb])) in pairs.zip(divisors) {
            look_ahead(s, x);
            let [x, y] = blocks(x);
            let a = Reciprocal::of_lanes(s.splat(*a), s.splat(*ra));
            let b = Reciprocal::of_lanes(s.splat(*b), s.splat(*rb));
            let (a, b) = (scheme.code(s, s.load(x), a), scheme.code(s, s.load(y), b));
            s.store_u8_pair(a, b, 0, 255, q);
        }
        done += elements;
    }
    done
}

/// All groups.
#[inline(always)]
pub(crate) fn groups<S: Simd>(
    s: S,
    scheme: impl Scheme<S>,
    divisors: Divisors<'_>,
    src: &[f32],
    dst: &mut [u8],
) {
    if divisors.scale.is_empty() {
        run(s, scheme, Whole, src, dst);
        return;
    }
    let done = short_groups(s, scheme, divisors, src, dst);
    let size = divisors.group.get();
    let (src, dst) = (src.get(done..).unwrap_or_default(), dst.get_mut(done..).unwrap_or_default());
    let scales = divisors.scale.get(done / size..).unwrap_or_default();
    for ((src, dst), scale) in src.chunks(size).zip(dst.chunks_mut(size)).zip(scales) {
        group(s, scheme, *scale, divisors.bounded, src, dst);
    }
}
