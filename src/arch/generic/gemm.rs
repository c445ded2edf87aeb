use crate::arch::simd::Simd;
use crate::kernels::{TILE_COLS, TILE_ROWS, TileMut};

/// Twelve rows of one block, accumulated in registers: for tiers with at least 24 of them and two
/// to a block. An element of `a` is broadcast once for both.
macro_rules! whole {
    ($s:ident, $a:ident, $b:ident, $c:ident, $($x:ident $acc:ident),+) => {
        let [$($acc),+] = $c;
        $(let to = $acc; let mut $acc = ($s.load(to), to);)+
        for (a, b) in $a.iter().zip($b) {
            let [$($x),+] = a;
            let b = $s.load(b);
            $($acc.0 = $s.fma($s.splat(*$x), b, $acc.0);)+
        }
        $($s.store($acc.0, $acc.1);)+
    };
}

#[cfg_attr(target_arch = "aarch64", allow(dead_code, reason = "its tier has a tile of its own"))]
#[inline(always)]
pub(crate) fn tile<S: Simd>(s: S, a: &[f32], b: &[f32], c: &mut TileMut<'_>, ahead: usize) {
    let (a, _) = a.as_chunks::<TILE_ROWS>();
    let (b, _) = b.as_chunks::<TILE_COLS>();
    request(s, c, ahead);
    whole!(s, a, b, c, a0 c0, a1 c1, a2 c2, a3 c3, a4 c4, a5 c5, a6 c6, a7 c7, a8 c8, a9 c9, a10 c10, a11 c11);
}

/// Has the tile that comes next brought near: the first thing it does is to wait for its elements.
#[inline(always)]
pub(crate) fn request<S: Simd>(s: S, c: &TileMut<'_>, ahead: usize) {
    for row in c {
        // The pointers are never followed.
        let next = row.as_ptr().wrapping_add(ahead);
        s.prefetch(next);
        s.prefetch(next.wrapping_add(TILE_COLS / 2));
        // The row may start within a line.
        s.prefetch(next.wrapping_add(TILE_COLS - 1));
    }
}
