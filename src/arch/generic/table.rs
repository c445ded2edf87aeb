use crate::arch::bits::Bits;
use crate::arch::generic::divide::Quotient;
use crate::arch::generic::encode::{self, ByLanes, Divisors, Lanes};
use crate::arch::simd::{BLOCK, padded, unpad};
use crate::kernels::TableCoding;

/// To the number of thresholds below.
#[derive(Clone, Copy)]
struct Search<S: Bits> {
    thresholds: S::Table,
    root: S::F32,
}

impl<S: Bits> Lanes<S> for Search<S> {
    /// Down the four levels of the heap.
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        let x = quotient.of(s, x, false);
        let i = s.descend(s.splat_i32(1), x, self.root);
        let i = s.descend(i, x, s.look_up_low(self.thresholds, i));
        let i = s.descend(i, x, s.look_up_low(self.thresholds, i));
        let i = s.descend(i, x, s.look_up_high(self.thresholds, i));
        s.sub_i32(i, s.splat_i32(16))
    }
}

/// To the number of thresholds below, where they have slots.
#[derive(Clone, Copy)]
struct InSlots<S: Bits>(S::Slots);

impl<S: Bits> Lanes<S> for InSlots<S> {
    #[inline(always)]
    fn code(self, s: S, x: S::F32, quotient: impl Quotient<S>) -> S::I32 {
        s.count_below(quotient.of(s, x, false), self.0)
    }
}

#[inline(always)]
pub(crate) fn encode<S: Bits>(s: S, src: &[f32], to: &TableCoding<'_>, dst: &mut [u8]) {
    let divisors = Divisors { group: to.group, scale: to.scale, bounded: to.bounded };
    if let Some(slots) = s.slots(&to.thresholds) {
        encode::groups(s, ByLanes(InSlots::<S>(slots)), divisors, src, dst);
        return;
    }
    let [_, root, ..] = to.thresholds;
    let search = Search { thresholds: s.table(&to.thresholds), root: s.splat(root) };
    encode::groups(s, ByLanes(search), divisors, src, dst);
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
