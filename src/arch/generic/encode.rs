//! Elements to codes of one byte, group by group: what float formats and tables share.

use crate::arch::generic::divide::{Divided, Limited, Quotient, Reciprocal};
use crate::arch::generic::pairs::for_pairs;
use crate::arch::simd::{BLOCK, PAIR, Simd, blocks, look_ahead};
use crate::kernels::{QUOTIENT_LIMIT, has_reciprocal};
use core::num::NonZeroUsize;

/// How quotients become codes.
pub(crate) trait Scheme<S: Simd>: Copy {
    /// Writes the codes of two blocks, each with a divisor of its own.
    fn store<Q: Quotient<S>>(self, s: S, x: [S::F32; 2], quotients: [Q; 2], codes: &mut [u8; PAIR]);
}

/// How quotients become codes where each stays in its lane.
pub(crate) trait Lanes<S: Simd>: Copy {
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32;
}

/// The scheme that this makes.
#[derive(Clone, Copy)]
pub(crate) struct ByLanes<L>(pub(crate) L);

impl<S: Simd, L: Lanes<S>> Scheme<S> for ByLanes<L> {
    #[inline(always)]
    fn store<Q: Quotient<S>>(
        self,
        s: S,
        [a, b]: [S::F32; 2],
        [qa, qb]: [Q; 2],
        codes: &mut [u8; PAIR],
    ) {
        s.store_u8_pair(self.0.code(s, a, qa), self.0.code(s, b, qb), 0, 255, codes);
    }
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
    fn signed(self, _: S, x: S::F32) -> S::F32 {
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
    for_pairs!(src, dst, 0.0, |x, q| {
        look_ahead(s, x);
        let [a, b] = blocks(x);
        scheme.store(s, [s.load(a), s.load(b)], [quotient; 2], q);
    });
}

/// Whether a multiplication can do for the division. Negative scales are rare, and would cost the
/// sign of 0.
#[inline(always)]
fn is_fast(scale: f32) -> bool {
    has_reciprocal(scale) & (scale > 0.0)
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
    if !is_fast(scale) {
        let divided = Divided { divisor: s.splat(scale), limit: s.splat(QUOTIENT_LIMIT) };
        run(s, scheme, divided, src, dst);
        return;
    }
    let reciprocal = Reciprocal::new(s, scale);
    if bounded {
        run(s, scheme, reciprocal, src, dst);
    } else {
        let limit = s.splat(scale * QUOTIENT_LIMIT);
        run(s, scheme, Limited { reciprocal, limit }, src, dst);
    }
}

/// Groups of few blocks: the reciprocals of 32 divisors come first, so that the loop over pairs has
/// neither a division nor a branch. Answers how many elements it did.
#[inline(always)]
fn short_groups<S: Simd>(
    s: S,
    scheme: impl Scheme<S>,
    divisors: Divisors<'_>,
    src: &[f32],
    dst: &mut [u8],
) -> usize {
    let size = divisors.group.get();
    let blocks_per_group = size / BLOCK;
    let short = size.is_multiple_of(BLOCK) && (1..=BLOCK).contains(&blocks_per_group);
    if !short || !blocks_per_group.is_power_of_two() || !divisors.bounded {
        return 0;
    }
    let shift = blocks_per_group.trailing_zeros();
    let batches = src.chunks(size * BLOCK).zip(dst.chunks_mut(size * BLOCK));
    let mut done = 0;
    for ((src, dst), scale) in batches.zip(divisors.scale.chunks(BLOCK)) {
        // Without a way out, so that it is done in vectors.
        if !scale.iter().fold(true, |all, scale| all & is_fast(*scale)) {
            break;
        }
        let mut reciprocals = [0.0; BLOCK];
        reciprocals.iter_mut().zip(scale).for_each(|(to, scale)| *to = 1.0 / scale);
        // A macro and not a closure: see the module.
        macro_rules! quotient {
            ($block:expr) => {{
                let group = ($block >> shift) % BLOCK;
                let scale = scale.get(group).copied().unwrap_or_default();
                let reciprocal = reciprocals.get(group).copied().unwrap_or_default();
                Reciprocal::of_lanes(s.splat(scale), s.splat(reciprocal))
            }};
        }
        let ((pairs, rest), out) = (src.as_chunks::<PAIR>(), dst.as_chunks_mut::<PAIR>().0);
        for (i, (x, q)) in pairs.iter().zip(out).enumerate() {
            look_ahead(s, x);
            let [a, b] = blocks(x);
            let quotients = [quotient!(2 * i), quotient!(2 * i + 1)];
            scheme.store(s, [s.load(a), s.load(b)], quotients, q);
        }
        // A block or a group that is no whole pair is the last.
        done += src.len() - rest.len();
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
