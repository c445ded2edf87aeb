#![allow(unsafe_code, reason = "intrinsics")]

pub(super) use crate::arch::generic::gemm::{interleave, request};

use super::simd::Neon;
use crate::kernels::{TILE_COLS, TILE_ROWS, TileMut};
use core::arch::aarch64::*;

/// The quarter of a tile whose 24 accumulators leave room for the operands: six rows of sixteen
/// elements, from the halves `$up` of the rows and `$side` of the columns.
macro_rules! quarter {
    ($a:ident, $b:ident, $up:literal, $side:literal, $($acc:ident $row:ident $i:literal),+) => {{
        $(
            let half = &mut bytemuck::must_cast_mut::<[f32; 32], [[f32; 16]; 2]>(&mut **$acc)[$side];
            // SAFETY: the caller's features; memory is reached through an array reference.
            let mut $acc = (unsafe { load(half) }, half);
        )+
        for (a, b) in $a.iter().zip($b) {
            let x = &bytemuck::must_cast_ref::<[f32; 12], [[f32; 6]; 2]>(a)[$up];
            let b = &bytemuck::must_cast_ref::<[f32; 32], [[f32; 16]; 2]>(b)[$side];
            // SAFETY: as above.
            unsafe {
                let b = load(b);
                let x = elements(x);
                $($acc.0 = $row::<$i>($acc.0, b, x);)+
            }
        }
        // SAFETY: as above.
        $(unsafe { store($acc.1, $acc.0) };)+
    }};
}

type Row = [float32x4_t; 4];

/// Six elements of a panel: four, and two.
type Elements = (float32x4_t, float32x2_t);

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn elements(x: &[f32; 6]) -> Elements {
    // SAFETY: the contract; both accesses lie within the array.
    unsafe { (vld1q_f32(x.as_ptr()), vld1_f32(x.as_ptr().add(4))) }
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn load(x: &[f32; 16]) -> Row {
    let [a, b, c, d] = bytemuck::must_cast_ref::<_, [[f32; 4]; 4]>(x);
    // SAFETY: the contract; every access has the size of its array.
    unsafe {
        [vld1q_f32(a.as_ptr()), vld1q_f32(b.as_ptr()), vld1q_f32(c.as_ptr()), vld1q_f32(d.as_ptr())]
    }
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn store(to: &mut [f32; 16], x: Row) {
    for (to, x) in bytemuck::must_cast_mut::<_, [[f32; 4]; 4]>(to).iter_mut().zip(x) {
        // SAFETY: the contract; the access has the size of its array.
        unsafe { vst1q_f32(to.as_mut_ptr(), x) };
    }
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn first<const I: i32>(
    [c0, c1, c2, c3]: Row,
    [b0, b1, b2, b3]: Row,
    (x, _): Elements,
) -> Row {
    // SAFETY: the contract.
    unsafe {
        [
            vfmaq_laneq_f32::<I>(c0, b0, x),
            vfmaq_laneq_f32::<I>(c1, b1, x),
            vfmaq_laneq_f32::<I>(c2, b2, x),
            vfmaq_laneq_f32::<I>(c3, b3, x),
        ]
    }
}

/// # Safety
/// The CPU has Advanced SIMD.
#[inline(always)]
unsafe fn last<const I: i32>(
    [c0, c1, c2, c3]: Row,
    [b0, b1, b2, b3]: Row,
    (_, x): Elements,
) -> Row {
    // SAFETY: the contract.
    unsafe {
        [
            vfmaq_lane_f32::<I>(c0, b0, x),
            vfmaq_lane_f32::<I>(c1, b1, x),
            vfmaq_lane_f32::<I>(c2, b2, x),
            vfmaq_lane_f32::<I>(c3, b3, x),
        ]
    }
}

#[inline(always)]
pub(super) fn tile(_: Neon, a: &[f32], b: &[f32], c: &mut TileMut<'_>, _ahead: usize) {
    let (a, _) = a.as_chunks::<TILE_ROWS>();
    let (b, _) = b.as_chunks::<TILE_COLS>();
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11] = c;
    quarter!(a, b, 0, 0, c0 first 0, c1 first 1, c2 first 2, c3 first 3, c4 last 0, c5 last 1);
    quarter!(a, b, 1, 0, c6 first 0, c7 first 1, c8 first 2, c9 first 3, c10 last 0, c11 last 1);
    quarter!(a, b, 0, 1, c0 first 0, c1 first 1, c2 first 2, c3 first 3, c4 last 0, c5 last 1);
    quarter!(a, b, 1, 1, c6 first 0, c7 first 1, c8 first 2, c9 first 3, c10 last 0, c11 last 1);
}
