#![allow(unsafe_code, reason = "intrinsics")]

pub(super) use crate::arch::generic::gemm::{interleave, request};

use super::simd::{Avx2, leaves};
use crate::arch::simd::Simd;
use crate::kernels::{TILE_COLS, TILE_ROWS, TileMut};
use core::arch::x86_64::*;

type F = __m256;

leaves! {
    fn load(x: &[f32; 8]) -> F { _mm256_loadu_ps(x.as_ptr()) }
    fn store(to: &mut [f32; 8], x: F) { _mm256_storeu_ps(to.as_mut_ptr(), x); }
}

/// The quarter of a tile that sixteen registers can hold: six rows of sixteen elements, from the
/// halves `$up` of the rows and `$side` of the columns.
macro_rules! quarter {
    ($a:ident, $b:ident, $up:literal, $side:literal, $($x:ident $acc:ident),+) => {{
        $(
            let rows: &mut [[[f32; 8]; 2]; 2] = bytemuck::must_cast_mut(&mut **$acc);
            let [low, high] = &mut rows[$side];
            let mut $acc = (load(low), load(high), low, high);
        )+
        for (a, b) in $a.iter().zip($b) {
            let [$($x),+] = &bytemuck::must_cast_ref::<[f32; 12], [[f32; 6]; 2]>(a)[$up];
            let [low, high] = &bytemuck::must_cast_ref::<[f32; 32], [[[f32; 8]; 2]; 2]>(b)[$side];
            let (low, high) = (load(low), load(high));
            $(
                let x = _mm256_set1_ps(*$x);
                $acc.0 = _mm256_fmadd_ps(x, low, $acc.0);
                $acc.1 = _mm256_fmadd_ps(x, high, $acc.1);
            )+
        }
        $(store($acc.2, $acc.0); store($acc.3, $acc.1);)+
    }};
}

/// Has rows of the tile that comes next brought near: the first thing it does is to wait for them.
macro_rules! request {
    ($s:ident, $ahead:ident, $($row:ident),+) => {$(
        // The pointers are never followed.
        let next = $row.as_ptr().wrapping_add($ahead);
        $s.prefetch(next);
        $s.prefetch(next.wrapping_add(TILE_COLS / 2));
        // The row may start within a line.
        $s.prefetch(next.wrapping_add(TILE_COLS - 1));
    )+};
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn quarters(
    s: Avx2,
    a: &[[f32; TILE_ROWS]],
    b: &[[f32; TILE_COLS]],
    c: &mut TileMut<'_>,
    ahead: usize,
) {
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11] = c;
    request!(s, ahead, c0, c1, c2);
    quarter!(a, b, 0, 0, x0 c0, x1 c1, x2 c2, x3 c3, x4 c4, x5 c5);
    request!(s, ahead, c3, c4, c5);
    quarter!(a, b, 1, 0, x0 c6, x1 c7, x2 c8, x3 c9, x4 c10, x5 c11);
    request!(s, ahead, c6, c7, c8);
    quarter!(a, b, 0, 1, x0 c0, x1 c1, x2 c2, x3 c3, x4 c4, x5 c5);
    request!(s, ahead, c9, c10, c11);
    quarter!(a, b, 1, 1, x0 c6, x1 c7, x2 c8, x3 c9, x4 c10, x5 c11);
}

#[inline(always)]
pub(super) fn tile(s: Avx2, a: &[f32], b: &[f32], c: &mut TileMut<'_>, ahead: usize) {
    let (a, _) = a.as_chunks::<TILE_ROWS>();
    let (b, _) = b.as_chunks::<TILE_COLS>();
    // SAFETY: the token says that the CPU has AVX2 and FMA.
    unsafe { quarters(s, a, b, c, ahead) };
}
