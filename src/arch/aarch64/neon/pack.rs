#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::Neon;
use crate::arch::generic::pack::by_blocks;
use core::arch::aarch64::*;

type B = uint8x16_t;

/// Leaf functions. Structure loads and stores deal the codes of a byte out to registers and back;
/// an insertion to the left keeps the bits below it, one to the right those above.
macro_rules! leaves {
    ($($(#[doc = $doc:literal])* fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? $body:block)+) => {$(
        $(#[doc = $doc])*
        ///
        /// # Safety
        /// The CPU has Advanced SIMD.
        #[inline(always)]
        unsafe fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the contract of this function; memory is reached through an array reference
            // of the size of the access, unaligned.
            unsafe { $body }
        }
    )+};
}

leaves! {
    fn join_6(x: &[u8; 64], to: &mut [u8; 48]) {
        let uint8x16x4_t(a, b, c, d) = vld4q_u8(x.as_ptr());
        let (first, second) = (vsliq_n_u8::<6>(a, b), vsliq_n_u8::<4>(vshrq_n_u8::<2>(b), c));
        let third = vsliq_n_u8::<2>(vshrq_n_u8::<4>(c), d);
        vst3q_u8(to.as_mut_ptr(), uint8x16x3_t(first, second, third));
    }
    fn split_6(x: &[u8; 48], to: &mut [u8; 64]) {
        let (uint8x16x3_t(x, y, z), mask) = (vld3q_u8(x.as_ptr()), vdupq_n_u8(63));
        let (a, d) = (vandq_u8(x, mask), vshrq_n_u8::<2>(z));
        let b = vandq_u8(vsliq_n_u8::<2>(vshrq_n_u8::<6>(x), y), mask);
        let c = vandq_u8(vsliq_n_u8::<4>(vshrq_n_u8::<4>(y), z), mask);
        vst4q_u8(to.as_mut_ptr(), uint8x16x4_t(a, b, c, d));
    }

    fn join_4(x: &[u8; 32], to: &mut [u8; 16]) {
        let uint8x16x2_t(a, b) = vld2q_u8(x.as_ptr());
        vst1q_u8(to.as_mut_ptr(), vsliq_n_u8::<4>(a, b));
    }
    fn split_u4(x: &[u8; 16], to: &mut [u8; 32]) {
        let x = vld1q_u8(x.as_ptr());
        let (a, b) = (vandq_u8(x, vdupq_n_u8(15)), vshrq_n_u8::<4>(x));
        vst2q_u8(to.as_mut_ptr(), uint8x16x2_t(a, b));
    }
    fn split_i4(x: &[u8; 16], to: &mut [u8; 32]) {
        let x = vld1q_s8(x.as_ptr().cast());
        let (a, b) = (vshrq_n_s8::<4>(vshlq_n_s8::<4>(x)), vshrq_n_s8::<4>(x));
        vst2q_s8(to.as_mut_ptr().cast(), int8x16x2_t(a, b));
    }

    /// The low bits of four codes in a byte, and the third bits in the high nibble of another; in
    /// both the first code has the top.
    fn quads(x: &[u8; 64]) -> (B, B) {
        let uint8x16x4_t(a, b, c, d) = vld4q_u8(x.as_ptr());
        let low = vsliq_n_u8::<6>(vsliq_n_u8::<4>(vsliq_n_u8::<2>(d, c), b), a);
        let third = vsriq_n_u8::<1>(vshlq_n_u8::<5>(a), vshlq_n_u8::<5>(b));
        let third = vsriq_n_u8::<2>(third, vshlq_n_u8::<5>(c));
        (low, vsriq_n_u8::<3>(third, vshlq_n_u8::<5>(d)))
    }
    fn join_3(x: &[u8; 128], to: &mut [u8; 48]) {
        let [x, y]: &[[u8; 64]; 2] = bytemuck::must_cast_ref(x);
        let ((x, x_third), (y, y_third)) = (quads(x), quads(y));
        let third = (vuzp1q_u8(x_third, y_third), vuzp2q_u8(x_third, y_third));
        let third = vsriq_n_u8::<4>(third.0, third.1);
        vst3q_u8(to.as_mut_ptr(), uint8x16x3_t(vuzp1q_u8(x, y), vuzp2q_u8(x, y), third));
    }
    /// The code on top of what `quads` makes.
    fn top(low: B, third: B) -> B { vsriq_n_u8::<6>(vshrq_n_u8::<5>(third), low) }
    /// Undoes `quads`.
    fn split_quads(low: B, third: B, to: &mut [u8; 64]) {
        let a = top(low, third);
        let b = top(vshlq_n_u8::<2>(low), vshlq_n_u8::<1>(third));
        let c = top(vshlq_n_u8::<4>(low), vshlq_n_u8::<2>(third));
        let d = top(vshlq_n_u8::<6>(low), vshlq_n_u8::<3>(third));
        vst4q_u8(to.as_mut_ptr(), uint8x16x4_t(a, b, c, d));
    }
    fn split_3(x: &[u8; 48], to: &mut [u8; 128]) {
        let [x_to, y_to]: &mut [[u8; 64]; 2] = bytemuck::must_cast_mut(to);
        let uint8x16x3_t(a, b, third) = vld3q_u8(x.as_ptr());
        let rest = vshlq_n_u8::<4>(third);
        split_quads(vzip1q_u8(a, b), vzip1q_u8(third, rest), x_to);
        split_quads(vzip2q_u8(a, b), vzip2q_u8(third, rest), y_to);
    }

    fn join_2(x: &[u8; 64], to: &mut [u8; 16]) {
        let uint8x16x4_t(a, b, c, d) = vld4q_u8(x.as_ptr());
        let codes = vsliq_n_u8::<4>(vsliq_n_u8::<2>(a, b), c);
        vst1q_u8(to.as_mut_ptr(), vsliq_n_u8::<6>(codes, d));
    }
    fn split_2(x: &[u8; 16], to: &mut [u8; 64]) {
        let (x, mask) = (vld1q_u8(x.as_ptr()), vdupq_n_u8(3));
        let (a, d) = (vandq_u8(x, mask), vshrq_n_u8::<6>(x));
        let (b, c) = (vandq_u8(vshrq_n_u8::<2>(x), mask), vandq_u8(vshrq_n_u8::<4>(x), mask));
        vst4q_u8(to.as_mut_ptr(), uint8x16x4_t(a, b, c, d));
    }
}

by_blocks! { Neon
    pack_6 = join_6[64 => 48];
    unpack_6 = split_6[48 => 64];
    pack_4 = join_4[32 => 16];
    unpack_u4 = split_u4[16 => 32];
    unpack_i4 = split_i4[16 => 32];
    pack_3 = join_3[128 => 48];
    unpack_3 = split_3[48 => 128];
    pack_2 = join_2[64 => 16];
    unpack_2 = split_2[16 => 64];
}
