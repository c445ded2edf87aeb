use crate::arch::bits::Bits;
use crate::arch::generic::divide::{Divided, Limited, Quotient, Reciprocal};
use crate::arch::simd::{BLOCK, PAIR, Simd, blocks, padded, unpad};
use crate::kernels::{QUOTIENT_LIMIT, TableCoding, has_reciprocal};

/// Nothing is divided, but NaN becomes 0.
#[derive(Clone, Copy)]
struct Whole<S: Simd> {
    limit: S::F32,
}

impl<S: Simd> Quotient<S> for Whole<S> {
    #[inline(always)]
    fn of(self, s: S, x: S::F32, _: bool) -> S::F32 {
        s.sanitize(x, self.limit)
    }

    #[inline(always)]
    fn sign(self, _: S, x: S::F32) -> S::F32 {
        x
    }
}

/// Down the four levels of the heap.
#[inline(always)]
fn search<S: Bits>(s: S, thresholds: S::Table, root: S::F32, x: S::F32) -> S::I32 {
    let i = s.descend(s.splat_i32(1), x, root);
    let i = s.descend(i, x, s.look_up_low(thresholds, i));
    let i = s.descend(i, x, s.look_up_low(thresholds, i));
    let i = s.descend(i, x, s.look_up_high(thresholds, i));
    s.sub_i32(i, s.splat_i32(16))
}

#[inline(always)]
fn run<S: Bits>(
    s: S,
    quotient: impl Quotient<S>,
    thresholds: &[f32; 16],
    src: &[f32],
    dst: &mut [u8],
) {
    let root = s.splat(thresholds[1]);
    let table = s.table(thresholds);
    // A macro and not a closure: see the module.
    macro_rules! code {
        ($x:expr) => {
            search(s, table, root, quotient.of(s, s.load($x), false))
        };
    }
    let (pairs, rest) = src.as_chunks::<PAIR>();
    let (out, out_rest) = dst.as_chunks_mut::<PAIR>();
    for (x, q) in pairs.iter().zip(out) {
        let [a, b] = blocks(x);
        s.store_u8_pair(code!(a), code!(b), 0, 255, q);
    }
    let (block, tail) = rest.as_chunks::<BLOCK>();
    let (out, out_tail) = out_rest.as_chunks_mut::<BLOCK>();
    for (x, q) in block.iter().zip(out) {
        s.store_u8(code!(x), 0, 255, q);
    }
    if !tail.is_empty() {
        let mut last = [0; BLOCK];
        s.store_u8(code!(&padded(tail, 0.0)), 0, 255, &mut last);
        unpad(&last, out_tail);
    }
}

#[inline(always)]
pub(crate) fn encode<S: Bits>(s: S, src: &[f32], to: &TableCoding<'_>, dst: &mut [u8]) {
    if to.scale.is_empty() {
        run(s, Whole { limit: s.splat(f32::MAX) }, &to.thresholds, src, dst);
        return;
    }
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for ((src, dst), scale) in groups.zip(to.scale) {
        if !has_reciprocal(*scale) {
            let divided = Divided { divisor: s.splat(*scale), limit: s.splat(QUOTIENT_LIMIT) };
            run(s, divided, &to.thresholds, src, dst);
            continue;
        }
        let reciprocal = Reciprocal::new(s, *scale);
        if to.bounded {
            run(s, reciprocal, &to.thresholds, src, dst);
        } else {
            let limit = s.splat(scale.abs() * QUOTIENT_LIMIT);
            run(s, Limited { reciprocal, limit }, &to.thresholds, src, dst);
        }
    }
}

#[inline(always)]
pub(crate) fn decode<S: Bits>(s: S, src: &[u8], from: &TableCoding<'_>, dst: &mut [f32]) {
    let (table, low) = (s.table(&from.values), s.splat_i32(15));
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = s.splat(from.scale.get(g).copied().unwrap_or(1.0));
        let (blocks, tail) = src.as_chunks::<BLOCK>();
        let (out, out_tail) = dst.as_chunks_mut::<BLOCK>();
        // A macro and not a closure: see the module.
        macro_rules! value {
            ($x:expr) => {{
                let i = s.select_bits(low, s.load_u8($x), s.splat_i32(0));
                s.mul(s.look_up(table, i), scale)
            }};
        }
        for (x, y) in blocks.iter().zip(out) {
            s.store(value!(x), y);
        }
        if !tail.is_empty() {
            let mut last = [0.0; BLOCK];
            s.store(value!(&padded(tail, 0)), &mut last);
            unpad(&last, out_tail);
        }
    }
}
