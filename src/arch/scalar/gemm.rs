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
