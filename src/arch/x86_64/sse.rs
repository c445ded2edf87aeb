//! What both tiers do with the instructions that every x86-64 has.

#![allow(unsafe_code, reason = "intrinsics")]

use core::arch::x86_64::*;

/// As `Simd::prefetch`.
#[inline(always)]
pub(super) fn prefetch(x: *const f32) {
    // SAFETY: no address can fault.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(x.cast()) };
}

/// As `Simd::prefetch_soon`.
#[inline(always)]
pub(super) fn prefetch_soon(x: *const f32) {
    // SAFETY: no address can fault.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(x.cast()) };
}

/// As `Simd::transpose`.
#[inline(always)]
pub(super) fn transpose(rows: [&[f32; 4]; 4], flip: u32, to: [&mut [f32; 4]; 4]) {
    let ([a, b, c, d], [ta, tb, tc, td]) = (rows, to);
    // SAFETY: every access has the size of its array.
    unsafe {
        let flip = _mm_set1_ps(f32::from_bits(flip));
        let (mut a, mut b) = (_mm_loadu_ps(a.as_ptr()), _mm_loadu_ps(b.as_ptr()));
        let (mut c, mut d) = (_mm_loadu_ps(c.as_ptr()), _mm_loadu_ps(d.as_ptr()));
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        _mm_storeu_ps(ta.as_mut_ptr(), _mm_xor_ps(a, flip));
        _mm_storeu_ps(tb.as_mut_ptr(), _mm_xor_ps(b, flip));
        _mm_storeu_ps(tc.as_mut_ptr(), _mm_xor_ps(c, flip));
        _mm_storeu_ps(td.as_mut_ptr(), _mm_xor_ps(d, flip));
    }
}
