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

/// As `Simd::transpose_eight`, for tiers with AVX.
#[inline(always)]
pub(super) fn transpose_eight(rows: [&[u8; 16]; 8], flip: u32, to: [&mut [f32; 8]; 4]) {
    let ([a, b, c, d, e, f, g, h], [t0, t1, t2, t3]) = (rows, to);
    // SAFETY: every access has the size of its array, and only tiers with AVX come here.
    unsafe {
        let flip = _mm256_set1_ps(f32::from_bits(flip));
        // Four rows in the low halves, four in the high ones; halves are transposed at once.
        let ae = _mm256_loadu2_m128(e.as_ptr().cast(), a.as_ptr().cast());
        let bf = _mm256_loadu2_m128(f.as_ptr().cast(), b.as_ptr().cast());
        let cg = _mm256_loadu2_m128(g.as_ptr().cast(), c.as_ptr().cast());
        let dh = _mm256_loadu2_m128(h.as_ptr().cast(), d.as_ptr().cast());
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(ae, bf), _mm256_unpackhi_ps(ae, bf));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(cg, dh), _mm256_unpackhi_ps(cg, dh));
        let (low, high) = (_mm256_castps_pd, _mm256_castpd_ps);
        let (ab_low, ab_high, cd_low, cd_high) =
            (low(ab_low), low(ab_high), low(cd_low), low(cd_high));
        let line = high(_mm256_unpacklo_pd(ab_low, cd_low));
        _mm256_storeu_ps(t0.as_mut_ptr(), _mm256_xor_ps(line, flip));
        let line = high(_mm256_unpackhi_pd(ab_low, cd_low));
        _mm256_storeu_ps(t1.as_mut_ptr(), _mm256_xor_ps(line, flip));
        let line = high(_mm256_unpacklo_pd(ab_high, cd_high));
        _mm256_storeu_ps(t2.as_mut_ptr(), _mm256_xor_ps(line, flip));
        let line = high(_mm256_unpackhi_pd(ab_high, cd_high));
        _mm256_storeu_ps(t3.as_mut_ptr(), _mm256_xor_ps(line, flip));
    }
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
