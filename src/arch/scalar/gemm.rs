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

pub(crate) fn interleave(rows: &[&[f32]; 4], negate: bool, width: usize, dst: &mut [f32]) {
    let [a, b, c, d] = rows;
    let columns = a.iter().zip(*b).zip(*c).zip(*d);
    for ((((a, b), c), d), to) in columns.zip(dst.chunks_mut(width.max(1))) {
        let column = [*a, *b, *c, *d].map(|x| if negate { -x } else { x });
        to.iter_mut().zip(column).for_each(|(to, x)| *to = x);
    }
}
