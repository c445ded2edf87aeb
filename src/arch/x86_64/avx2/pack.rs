#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx2, leaves, ordered_bytes, ordered_words};
use crate::arch::generic::pack::by_blocks;
use core::arch::x86_64::*;

type I = __m256i;

/// A pattern for the bytes of each 128-bit lane. A negative index gives 0.
type Lane = [i8; 16];

leaves! {
    fn load(x: &[u8; 32]) -> I { _mm256_loadu_si256(x.as_ptr().cast()) }
    fn store(to: &mut [u8; 32], x: I) { _mm256_storeu_si256(to.as_mut_ptr().cast(), x); }
    fn lanes(x: Lane) -> I { _mm256_broadcastsi128_si256(_mm_loadu_si128(x.as_ptr().cast())) }
    /// Neighbours under a mask, times the bytes of `factors` and summed to a word.
    fn pairs(x: I, mask: i8, factors: i16) -> I {
        let codes = _mm256_and_si256(x, _mm256_set1_epi8(mask));
        _mm256_maddubs_epi16(codes, _mm256_set1_epi16(factors))
    }

    /// The 12 bytes at the front of each lane. The first of `b` fill up the register of `a`.
    fn store_lanes(to: &mut [u8; 48], a: I, b: I) {
        let a = _mm256_permutevar8x32_epi32(a, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
        let b = _mm256_permutevar8x32_epi32(b, _mm256_setr_epi32(2, 4, 5, 6, 7, 7, 0, 1));
        let to = to.as_mut_ptr();
        _mm256_storeu_si256(to.cast(), _mm256_blend_epi32::<0b1100_0000>(a, b));
        _mm_storeu_si128(to.add(32).cast(), _mm256_castsi256_si128(b));
    }
    /// The bytes of eight units of four codes, 12 to a lane.
    fn units_6(x: &[u8; 32]) -> I {
        let pairs = pairs(load(x), 63, 0x4001);
        let units = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x1000_0001));
        let order = lanes([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1]);
        _mm256_shuffle_epi8(units, order)
    }
    fn join_6(x: &[u8; 64], to: &mut [u8; 48]) {
        let [a, b]: &[[u8; 32]; 2] = bytemuck::must_cast_ref(x);
        store_lanes(to, units_6(a), units_6(b));
    }
    fn split_6(x: &[u8; 24], to: &mut [u8; 32]) {
        // The first 16 bytes, and the last 16, of which the first four are of the other lane.
        let (first, last) = (x.as_ptr().cast(), x.as_ptr().add(8).cast());
        let units = _mm256_setr_m128i(_mm_loadu_si128(first), _mm_loadu_si128(last));
        let low = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
        let high = _mm_setr_epi8(4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1);
        let units = _mm256_shuffle_epi8(units, _mm256_setr_m128i(low, high));
        // Two codes to a word, then one to a byte, with bits of others above them.
        let first = _mm256_and_si256(units, _mm256_set1_epi32(0xFFF));
        let second = _mm256_andnot_si256(_mm256_set1_epi32(0xFFFF), _mm256_slli_epi32::<4>(units));
        let pairs = _mm256_or_si256(first, second);
        let first = _mm256_and_si256(pairs, _mm256_set1_epi16(63));
        let second = _mm256_andnot_si256(_mm256_set1_epi16(0xFF), _mm256_slli_epi16::<2>(pairs));
        store(to, _mm256_or_si256(first, second));
    }

    fn join_4(x: &[u8; 64], to: &mut [u8; 32]) {
        let [a, b]: &[[u8; 32]; 2] = bytemuck::must_cast_ref(x);
        let (a, b) = (pairs(load(a), 15, 0x1001), pairs(load(b), 15, 0x1001));
        store(to, ordered_words(_mm256_packus_epi16(a, b)));
    }
    fn nibbles(x: &[u8; 16]) -> I {
        let words = _mm256_cvtepu8_epi16(_mm_loadu_si128(x.as_ptr().cast()));
        let both = _mm256_or_si256(words, _mm256_slli_epi16::<4>(words));
        _mm256_and_si256(both, _mm256_set1_epi8(15))
    }
    fn split_u4(x: &[u8; 16], to: &mut [u8; 32]) { store(to, nibbles(x)); }
    fn split_i4(x: &[u8; 16], to: &mut [u8; 32]) {
        let signed = lanes([0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]);
        store(to, _mm256_shuffle_epi8(signed, nibbles(x)));
    }

    /// The bytes of eight units of eight codes, 12 to a lane.
    fn units_3(x: &[u8; 64]) -> I {
        let [a, b]: &[[u8; 32]; 2] = bytemuck::must_cast_ref(x);
        let (a, b) = (load(a), load(b));
        // The first of a pair goes above the second.
        let low = _mm256_packus_epi16(pairs(a, 3, 0x0104), pairs(b, 3, 0x0104));
        let low = _mm256_maddubs_epi16(low, _mm256_set1_epi16(0x0110));
        let third = _mm256_packus_epi16(pairs(a, 4, 0x0102), pairs(b, 4, 0x0102));
        let third = _mm256_maddubs_epi16(third, _mm256_set1_epi16(0x0104));
        // Into the second byte of a dword: the low bits of four codes are in each word's first.
        let third = _mm256_madd_epi16(third, _mm256_set1_epi32(0x0040_0400));
        let order = lanes([0, 2, 1, 4, 6, 5, 8, 10, 9, 12, 14, 13, -1, -1, -1, -1]);
        _mm256_shuffle_epi8(ordered_words(_mm256_or_si256(low, third)), order)
    }
    fn join_3(x: &[u8; 128], to: &mut [u8; 48]) {
        let [a, b]: &[[u8; 64]; 2] = bytemuck::must_cast_ref(x);
        store_lanes(to, units_3(a), units_3(b));
    }
    /// Four units, two in each lane: from byte `low` of `x` on, and from byte `high`.
    fn split_units(x: &[u8; 16], low: i8, high: i8, to: &mut [u8; 32]) {
        const NO: i8 = -128;
        let units = _mm256_broadcastsi128_si256(_mm_loadu_si128(x.as_ptr().cast()));
        let starts = _mm256_setr_m128i(_mm_set1_epi8(low), _mm_set1_epi8(high));
        // Two codes to a word: a product has two copies of a byte, with a code on top of each.
        let low = lanes([0, NO, 0, NO, 1, NO, 1, NO, 3, NO, 3, NO, 4, NO, 4, NO]);
        let low = _mm256_shuffle_epi8(units, _mm256_add_epi8(low, starts));
        let low = _mm256_mullo_epi16(low, _mm256_set1_epi32(0x4010_0401));
        let low = _mm256_and_si256(_mm256_srli_epi16::<6>(low), _mm256_set1_epi8(3));
        let third = lanes([2, 2, 2, 2, 2, 2, 2, 2, 5, 5, 5, 5, 5, 5, 5, 5]);
        let third = _mm256_shuffle_epi8(units, _mm256_add_epi8(third, starts));
        let bit = _mm256_set1_epi64x(0x0102_0408_1020_4080);
        let third = _mm256_cmpeq_epi8(_mm256_and_si256(third, bit), bit);
        store(to, _mm256_or_si256(low, _mm256_and_si256(third, _mm256_set1_epi8(4))));
    }
    fn split_3(x: &[u8; 24], to: &mut [u8; 64]) {
        let [x0, x1, x2]: [[u8; 8]; 3] = bytemuck::must_cast(*x);
        let [a, b]: &mut [[u8; 32]; 2] = bytemuck::must_cast_mut(to);
        split_units(&bytemuck::must_cast([x0, x1]), 0, 6, a);
        split_units(&bytemuck::must_cast([x1, x2]), 4, 10, b);
    }

    fn join_2(x: &[u8; 128], to: &mut [u8; 32]) {
        let [a, b, c, d]: &[[u8; 32]; 4] = bytemuck::must_cast_ref(x);
        let (a, b) = (pairs(load(a), 3, 0x0401), pairs(load(b), 3, 0x0401));
        let (c, d) = (pairs(load(c), 3, 0x0401), pairs(load(d), 3, 0x0401));
        let nibbles = _mm256_set1_epi16(0x1001);
        let ab = _mm256_maddubs_epi16(_mm256_packus_epi16(a, b), nibbles);
        let cd = _mm256_maddubs_epi16(_mm256_packus_epi16(c, d), nibbles);
        store(to, ordered_bytes(_mm256_packus_epi16(ab, cd)));
    }
    fn split_2(x: &[u8; 32], to: &mut [u8; 128]) {
        let [a, b, c, d]: &mut [[u8; 32]; 4] = bytemuck::must_cast_mut(to);
        // Dword `i` of each lane becomes the lane of register `i`.
        let order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
        let x = _mm256_permutevar8x32_epi32(load(x), order);
        let high = _mm256_srli_epi16::<4>(x);
        let (ab, cd) = (_mm256_unpacklo_epi8(x, high), _mm256_unpackhi_epi8(x, high));
        let (ab_high, cd_high) = (_mm256_srli_epi16::<2>(ab), _mm256_srli_epi16::<2>(cd));
        let mask = _mm256_set1_epi8(3);
        store(a, _mm256_and_si256(_mm256_unpacklo_epi8(ab, ab_high), mask));
        store(b, _mm256_and_si256(_mm256_unpackhi_epi8(ab, ab_high), mask));
        store(c, _mm256_and_si256(_mm256_unpacklo_epi8(cd, cd_high), mask));
        store(d, _mm256_and_si256(_mm256_unpackhi_epi8(cd, cd_high), mask));
    }
}

by_blocks! { Avx2
    pack_6 = join_6[64 => 48];
    unpack_6 = split_6[24 => 32];
    pack_4 = join_4[64 => 32];
    unpack_u4 = split_u4[16 => 32];
    unpack_i4 = split_i4[16 => 32];
    pack_3 = join_3[128 => 48];
    unpack_3 = split_3[24 => 64];
    pack_2 = join_2[128 => 32];
    unpack_2 = split_2[32 => 128];
}
