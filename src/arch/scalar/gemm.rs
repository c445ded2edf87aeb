use crate::arch::scalar::fma;
use crate::kernels::{TILE_COLS, TILE_ROWS, TileMut};

pub(super) fn tile(a: &[f32], b: &[f32], c: &mut TileMut<'_>, _ahead: usize) {
    let (a, _) = a.as_chunks::<TILE_ROWS>();
    let (b, _) = b.as_chunks::<TILE_COLS>();
    for (a, b) in a.iter().zip(b) {
        for (a, c) in a.iter().zip(c.iter_mut()) {
            for (b, c) in b.iter().zip(c.iter_mut()) {
                *c = fma(*a, *b, *c);
            }
        }
    }
}

pub(super) fn request(_: &[u8]) {}

pub(super) fn interleave(rows: &[&[f32]], negate: bool, width: usize, dst: &mut [f32]) {
    interleave_from(rows, 0, negate, width, dst);
}

/// The columns of the rows from `start` on.
#[inline(never)]
pub(crate) fn interleave_from(
    rows: &[&[f32]],
    start: usize,
    negate: bool,
    width: usize,
    dst: &mut [f32],
) {
    for (i, row) in rows.iter().enumerate() {
        let to = dst.get_mut(i..).unwrap_or_default().iter_mut().step_by(width.max(1));
        to.zip(row.iter().skip(start)).for_each(|(to, x)| *to = if negate { -x } else { *x });
    }
}
