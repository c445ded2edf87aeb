use crate::arch::simd::padded;
use crate::kernels::Codebook;

/// An index type.
pub(crate) trait Index: Copy {
    fn from_usize(i: usize) -> Self;
    fn to_usize(self) -> usize;
}

macro_rules! index {
    ($($ty:ty),+) => {$(
        impl Index for $ty {
            #[inline(always)]
            fn from_usize(i: usize) -> Self {
                i as Self
            }

            #[inline(always)]
            fn to_usize(self) -> usize {
                usize::from(self)
            }
        }
    )+};
}

index!(u8, u16);

/// Elements that are divided together.
const LANES: usize = 32;

/// Slots of equal width into which the range of the midpoints is divided.
pub(crate) const SLOTS: usize = 512;

/// A sum of that size has no fraction: its last bits count.
pub(crate) const WHOLE: f32 = 8_388_608.0;

/// Where searches begin.
pub(crate) struct Slots {
    pub(crate) first: f32,
    pub(crate) per_unit: f32,
    /// How many midpoints the slots below each have.
    pub(crate) starts: [u32; SLOTS],
    /// The most midpoints of a slot.
    pub(crate) most: usize,
}

/// The number between `values[i]` and the next.
#[inline(always)]
pub(crate) fn midpoint(values: &[f32], i: usize) -> f32 {
    let pair = values.get(i..).and_then(<[f32]>::first_chunk::<2>);
    let [below, above] = pair.unwrap_or(&[f32::INFINITY; 2]);
    0.5 * (below + above)
}

impl Slots {
    /// For so many searches: all midpoints in one slot if these are few.
    #[inline(always)]
    pub(crate) fn new(values: &[f32], searches: usize) -> Self {
        let midpoints = values.len().saturating_sub(1);
        if searches < midpoints {
            return Self { first: 0.0, per_unit: 0.0, starts: [0; SLOTS], most: midpoints };
        }
        let (first, last) = (midpoint(values, 0), midpoint(values, midpoints.saturating_sub(1)));
        let per_unit = SLOTS as f32 / (last - first);
        // With 0, everything is in one slot.
        let per_unit = if per_unit < f32::INFINITY { per_unit } else { 0.0 };
        let mut slots = Self { first, per_unit, starts: [0; SLOTS], most: 0 };
        for i in 0..midpoints {
            let slot = slots.of(midpoint(values, i));
            slots.starts.get_mut(slot).into_iter().for_each(|n| *n += 1);
        }
        slots.most = slots.starts.iter().fold(0, |most, n| most.max(*n)) as usize;
        let mut below = 0;
        for n in &mut slots.starts {
            below += core::mem::replace(n, below);
        }
        slots
    }

    /// The slot of a number. It never falls where the number grows: so a midpoint in another slot is
    /// on the side on which that slot is.
    #[inline(always)]
    fn of(&self, x: f32) -> usize {
        let place = (x - self.first) * self.per_unit;
        let place = if place > 0.0 { place } else { 0.0 };
        let last = (SLOTS - 1) as f32;
        let place = if place < last { place } else { last };
        (place + WHOLE).to_bits() as usize % SLOTS
    }

    /// Midpoints below each of `x`, less than `most` too few.
    #[inline(always)]
    fn starts(&self, x: &[f32; LANES]) -> [usize; LANES] {
        x.map(|x| self.of(x)).map(|slot| self.starts.get(slot).map_or(0, |n| *n as usize))
    }
}

/// Raises `low` to the number of midpoints below `x`: less than `count` more. Every step drops half of
/// them, of all lanes at once and without a branch.
#[inline(always)]
fn search(values: &[f32], x: &[f32; LANES], low: &mut [usize; LANES], mut count: usize) {
    while count > 1 {
        let half = count / 2;
        for (low, x) in low.iter_mut().zip(x) {
            // The low end of the upper half, or nothing.
            let above = *x > midpoint(values, *low + half - 1);
            *low += core::hint::select_unpredictable(above, half, 0);
        }
        count -= half;
    }
}

#[inline(always)]
pub(crate) fn encode<I: Index>(src: &[f32], to: &Codebook<'_>, dst: &mut [I]) {
    let values = to.values;
    let slots = Slots::new(values, src.len());
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = to.scale.get(g).copied().unwrap_or(1.0);
        for (src, dst) in src.chunks(LANES).zip(dst.chunks_mut(LANES)) {
            let mut quotients: [f32; LANES] = padded(src, 0.0);
            for x in &mut quotients {
                *x /= scale;
                *x = if x.is_nan() { 0.0 } else { *x };
            }
            let mut low = slots.starts(&quotients);
            search(values, &quotients, &mut low, slots.most + 1);
            for (q, i) in dst.iter_mut().zip(low) {
                *q = I::from_usize(i);
            }
        }
    }
}

pub(super) fn encode_bytes(src: &[f32], to: &Codebook<'_>, dst: &mut [u8]) {
    encode(src, to, dst);
}

#[inline(always)]
pub(crate) fn decode<I: Index>(src: &[I], from: &Codebook<'_>, dst: &mut [f32]) {
    let last = from.values.len().saturating_sub(1);
    let groups = src.chunks(from.group.get()).zip(dst.chunks_mut(from.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = from.scale.get(g).copied().unwrap_or(1.0);
        for (y, q) in dst.iter_mut().zip(src) {
            *y = from.values.get(q.to_usize().min(last)).copied().unwrap_or_default() * scale;
        }
    }
}
