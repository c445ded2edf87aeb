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
    rows: &[&[f32]],
    negate: bool,
    width: usize,
    dst: &mut [f32],
) {
    let flip = if negate { 1 << 31 } else { 0 };
    let (eights, rest) = rows.as_chunks();
    let (fours, rest) = rest.as_chunks();
    let mut dst = dst;
    for rows in eights {
        let done = eight(s, rows, flip, width, dst);
        dst = finish(rows, done, negate, width, dst);
    }
    for rows in fours {
        let done = four(s, rows, flip, width, dst);
        dst = finish(rows, done, negate, width, dst);
    }
    finish(rest, 0, negate, width, dst);
}

/// The columns that are not `done`. What belongs to the rows that come next.
#[inline(always)]
fn finish<'a>(
    rows: &[&[f32]],
    done: usize,
    negate: bool,
    width: usize,
    dst: &'a mut [f32],
) -> &'a mut [f32] {
    if rows.first().is_some_and(|row| done < row.len()) {
        let dst = dst.get_mut(done.saturating_mul(width)..).unwrap_or_default();
        scalar::gemm::interleave_from(rows, done, negate, width, dst);
    }
    dst.get_mut(rows.len()..).unwrap_or_default()
}

/// All whole fours of columns of eight rows. How many columns these are.
#[inline(always)]
fn eight<S: Simd>(s: S, rows: &[&[f32]; 8], flip: u32, width: usize, dst: &mut [f32]) -> usize {
    let ahead = rows_ahead(rows);
    let columns = rows.first().map_or(0, |row| row.len() / 4);
    let [a, b, c, d, e, f, g, h] = rows.map(|row| {
        bytemuck::cast_slice(row).as_chunks::<16>().0.get(..columns).unwrap_or_default()
    });
    let columns = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h);
    let fours = dst.chunks_mut(width.saturating_mul(4).max(1));
    for (i, (columns, to)) in columns.zip(fours).enumerate() {
        let (((((((a, b), c), d), e), f), g), h) = columns;
        request_two(s, rows, i, ahead);
        let Some(to) = lines(to, width) else { return 4 * i };
        s.transpose_eight([a, b, c, d, e, f, g, h], flip, to);
    }
    4 * a.len()
}

/// As `eight`, of four rows.
#[inline(always)]
fn four<S: Simd>(s: S, rows: &[&[f32]; 4], flip: u32, width: usize, dst: &mut [f32]) -> usize {
    let ahead = rows_ahead(rows);
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<4>().0);
    let columns = a.iter().zip(b).zip(c).zip(d);
    let fours = dst.chunks_mut(width.saturating_mul(4).max(1));
    for (i, ((((a, b), c), d), to)) in columns.zip(fours).enumerate() {
        request_two(s, rows, i, ahead);
        let Some(to) = lines(to, width) else { return 4 * i };
        s.transpose([a, b, c, d], flip, to);
    }
    4 * a.len()
}

/// Has the lines of two of the rows that come next brought near, of other rows with each step: a burst
/// of all rows would wait for memory.
#[inline(always)]
fn request_two<S: Simd, const N: usize>(s: S, rows: &[&[f32]; N], step: usize, ahead: usize) {
    for row in rows.iter().skip(2 * step % N).take(2) {
        s.prefetch(row.as_ptr().wrapping_add(4 * step).wrapping_byte_add(ahead));
    }
}

/// Where four columns begin, `width` elements apart.
#[inline(always)]
fn lines<const N: usize>(to: &mut [f32], width: usize) -> Option<[&mut [f32; N]; 4]> {
    let (a, to) = to.split_at_mut_checked(width)?;
    let (b, to) = to.split_at_mut_checked(width)?;
    let (c, d) = to.split_at_mut_checked(width)?;
    Some([a.first_chunk_mut()?, b.first_chunk_mut()?, c.first_chunk_mut()?, d.first_chunk_mut()?])
}
