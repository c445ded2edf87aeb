use crate::kernels::Codebook;

/// An index type.
pub(crate) trait Index: Copy {
    fn from_usize(i: usize) -> Self;
    fn to_usize(self) -> usize;
}

impl Index for u8 {
    #[inline(always)]
    fn from_usize(i: usize) -> Self {
        i as Self
    }

    #[inline(always)]
    fn to_usize(self) -> usize {
        usize::from(self)
    }
}

impl Index for u16 {
    #[inline(always)]
    fn from_usize(i: usize) -> Self {
        i as Self
    }

    #[inline(always)]
    fn to_usize(self) -> usize {
        usize::from(self)
    }
}

/// The number of midpoints below `x`.
#[inline(always)]
fn nearest(values: &[f32], x: f32) -> usize {
    let x = if x.is_nan() { 0.0 } else { x };
    // The answer lies in `low..low + count`: every step drops half of it, without a branch.
    let (mut low, mut count) = (0, values.len());
    while count > 1 {
        let half = count / 2;
        let at = low + half;
        let pair = (values.get(at - 1), values.get(at));
        let (Some(below), Some(above)) = pair else { return low };
        low = if x > 0.5 * (below + above) { at } else { low };
        count -= half;
    }
    low
}

#[inline(always)]
pub(crate) fn encode<I: Index>(src: &[f32], to: &Codebook<'_>, dst: &mut [I]) {
    let groups = src.chunks(to.group.get()).zip(dst.chunks_mut(to.group.get()));
    for (g, (src, dst)) in groups.enumerate() {
        let scale = to.scale.get(g).copied().unwrap_or(1.0);
        for (q, x) in dst.iter_mut().zip(src) {
            *q = I::from_usize(nearest(to.values, x / scale));
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
