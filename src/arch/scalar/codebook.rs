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

/// Elements that are searched for side by side: their steps do not wait for each other.
const LANES: usize = 32;

/// The number of midpoints below each `x`. The answer lies in `low..low + count`; every step drops
/// half of that, of all lanes at once and without a branch.
#[inline(always)]
fn nearest(values: &[f32], x: &[f32; LANES]) -> [usize; LANES] {
    let (mut lows, mut count) = ([0; LANES], values.len());
    while count > 1 {
        let half = count / 2;
        for (low, x) in lows.iter_mut().zip(x) {
            let pair = values.get(*low + half - 1..).and_then(<[f32]>::first_chunk::<2>);
            let [below, above] = pair.unwrap_or(&[0.0; 2]);
            // The low end of the upper half, or nothing.
            let above = usize::from(*x > 0.5 * (below + above));
            *low += half & above.wrapping_neg();
        }
        count -= half;
    }
    lows
}

#[inline(always)]
pub(crate) fn encode<I: Index>(src: &[f32], to: &Codebook<'_>, dst: &mut [I]) {
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = to.scale.get(g).copied().unwrap_or(1.0);
        for (src, dst) in src.chunks(LANES).zip(dst.chunks_mut(LANES)) {
            let mut quotients: [f32; LANES] = padded(src, 0.0);
            for x in &mut quotients {
                *x /= scale;
                *x = if x.is_nan() { 0.0 } else { *x };
            }
            for (q, i) in dst.iter_mut().zip(nearest(to.values, &quotients)) {
                *q = I::from_usize(i);
            }
        }
    }
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
