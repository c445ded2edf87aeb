use crate::arch::scalar;
use crate::arch::simd::{Simd, bring, rows_ahead};
use crate::kernels::{TILE_COLS, TILE_ROWS, TileMut};

/// Rows of the right panel that are asked for ahead of their use.
const SOON: usize = 12;

/// Twelve rows of one block, accumulated in registers: for tiers with at least 24 of them and two
/// to a block. An element of `a` is broadcast once for both.
macro_rules! whole {
    ($s:ident, $a:ident, $b:ident, $next:ident, $c:ident, $($x:ident $acc:ident),+) => {
        let [$($acc),+] = $c;
        $(let to = $acc; let mut $acc = ($s.load(to), to);)+
        let step = $a.len().min($b.len()) / TILE_ROWS + 1;
        for next in $next {
            $s.prefetch(next);
            $s.prefetch(next.wrapping_add(TILE_COLS / 2));
            // The row may start within a line.
            $s.prefetch(next.wrapping_add(TILE_COLS - 1));
            let (a, rest) = $a.split_at(step.min($a.len()));
            $a = rest;
            let (b, rest) = $b.split_at(step.min($b.len()));
            $b = rest;
            for (a, b) in a.iter().zip(b) {
                let [$($x),+] = a;
                let soon = b.as_ptr().wrapping_add(SOON * TILE_COLS);
                $s.prefetch_soon(soon);
                $s.prefetch_soon(soon.wrapping_add(TILE_COLS / 2));
                let b = $s.load(b);
                $($acc.0 = $s.fma($s.splat(*$x), b, $acc.0);)+
            }
        }
        $($s.store($acc.0, $acc.1);)+
    };
}

#[cfg_attr(target_arch = "aarch64", allow(dead_code, reason = "its tier has a tile of its own"))]
#[inline(always)]
pub(crate) fn tile<S: Simd>(s: S, a: &[f32], b: &[f32], c: &mut TileMut<'_>, ahead: usize) {
    let (mut a, _) = a.as_chunks::<TILE_ROWS>();
    let (mut b, _) = b.as_chunks::<TILE_COLS>();
    // The first thing that a tile does is to wait for its elements, so the rows of the next one are
    // asked for in the meantime, one after the other. The pointers are never followed.
    let next = c.each_ref().map(
        #[inline(always)]
        |row| row.as_ptr().wrapping_add(ahead),
    );
    whole!(s, a, b, next, c, a0 c0, a1 c1, a2 c2, a3 c3, a4 c4, a5 c5, a6 c6, a7 c7, a8 c8, a9 c9, a10 c10, a11 c11);
}

#[inline(always)]
pub(crate) fn request<S: Simd>(s: S, src: &[u8]) {
    bring(s, src.as_ptr(), src.len());
}

#[inline(always)]
pub(crate) fn interleave<S: Simd>(
    s: S,
    rows: &[&[f32]; 4],
    negate: bool,
    width: usize,
    dst: &mut [f32],
) {
    let (flip, width) = (if negate { 1 << 31 } else { 0 }, width.max(1));
    let [a, b, c, d] = rows;
    let len = a.len().min(b.len()).min(c.len()).min(d.len());
    let whole = len - len % 4;
    let (fours, rest) = dst.split_at_mut(dst.len().min(whole.saturating_mul(width)));
    let ahead = rows_ahead(rows);
    let columns =
        a.as_chunks().0.iter().zip(b.as_chunks().0).zip(c.as_chunks().0).zip(d.as_chunks().0);
    let fours = fours.chunks_mut(width.saturating_mul(4).max(1));
    for (i, ((((a, b), c), d), to)) in columns.zip(fours).enumerate() {
        // One line per step, of the rows in turn: a burst would wait for memory.
        if let Some(row) = rows.get(i % 4) {
            s.prefetch(row.as_ptr().wrapping_add(4 * i).wrapping_byte_add(ahead));
        }
        let (t0, to) = next(to, width);
        let (t1, to) = next(to, width);
        let (t2, to) = next(to, width);
        let (t3, _) = next(to, width);
        let (Some(t0), Some(t1), Some(t2), Some(t3)) = (t0, t1, t2, t3) else { return };
        s.transpose([a, b, c, d], flip, [t0, t1, t2, t3]);
    }
    let last = [
        a.get(whole..len).unwrap_or_default(),
        b.get(whole..len).unwrap_or_default(),
        c.get(whole..len).unwrap_or_default(),
        d.get(whole..len).unwrap_or_default(),
    ];
    scalar::gemm::interleave(&last, negate, width, rest);
}

/// The first four elements, and what begins `width` elements further on.
#[inline(always)]
fn next(to: &mut [f32], width: usize) -> (Option<&mut [f32; 4]>, &mut [f32]) {
    let (now, rest) = to.split_at_mut(width.min(to.len()));
    (now.first_chunk_mut(), rest)
}
