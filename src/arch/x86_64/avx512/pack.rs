#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx512, leaves, ordered_bytes, ordered_words};
use crate::arch::generic::pack::by_blocks;
use core::arch::x86_64::*;

type I = __m512i;

/// A pattern for the bytes of each 128-bit lane. A negative index gives 0.
type Lane = [i8; 16];

/// `n` in each byte of a half lane.
const fn bytes(n: i64) -> i64 {
    n * 0x0101_0101_0101_0101
}

leaves! {
    fn load(x: &[u8; 64]) -> I { _mm512_loadu_si512(x.as_ptr().cast()) }
    fn store(to: &mut [u8; 64], x: I) { _mm512_storeu_si512(to.as_mut_ptr().cast(), x); }
    fn lanes(x: Lane) -> I { _mm512_broadcast_i32x4(_mm_loadu_si128(x.as_ptr().cast())) }
    /// The bits of `a` where `mask` has ones, of `b` elsewhere.
    fn select(mask: I, a: I, b: I) -> I { _mm512_ternarylogic_epi32::<0xCA>(mask, a, b) }

    /// The 12 bytes at the front of each lane.
    fn store_lanes(to: &mut [u8; 48], x: I) {
        let order = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
        let x = _mm512_permutexvar_epi32(order, x);
        _mm512_mask_storeu_epi32(to.as_mut_ptr().cast(), 0xFFF, x);
    }
    fn join_6(x: &[u8; 64], to: &mut [u8; 48]) {
        let codes = _mm512_and_si512(load(x), _mm512_set1_epi8(63));
        let pairs = _mm512_maddubs_epi16(codes, _mm512_set1_epi16(0x4001));
        let units = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x1000_0001));
        let order = lanes([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1]);
        store_lanes(to, _mm512_shuffle_epi8(units, order));
    }
    fn split_6(x: &[u8; 48], to: &mut [u8; 64]) {
        let units = _mm512_maskz_loadu_epi32(0xFFF, x.as_ptr().cast());
        let order = _mm512_setr_epi32(0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11, 0);
        let units = _mm512_permutexvar_epi32(order, units);
        let order = lanes([0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1]);
        let units = _mm512_shuffle_epi8(units, order);
        // Two codes to a word, then one to a byte, with bits of others above them.
        let pairs = select(_mm512_set1_epi32(0xFFF), units, _mm512_slli_epi32::<4>(units));
        let codes = select(_mm512_set1_epi16(63), pairs, _mm512_slli_epi16::<2>(pairs));
        store(to, _mm512_and_si512(codes, _mm512_set1_epi8(63)));
    }

    /// Neighbours of four bits, joined in a word.
    fn pairs_4(x: &[u8; 64]) -> I {
        let codes = _mm512_and_si512(load(x), _mm512_set1_epi8(15));
        _mm512_maddubs_epi16(codes, _mm512_set1_epi16(0x1001))
    }
    fn join_4(x: &[u8; 128], to: &mut [u8; 64]) {
        let [a, b]: &[[u8; 64]; 2] = bytemuck::must_cast_ref(x);
        store(to, ordered_words(_mm512_packus_epi16(pairs_4(a), pairs_4(b))));
    }
    fn nibbles(x: &[u8; 32]) -> I {
        let words = _mm512_cvtepu8_epi16(_mm256_loadu_si256(x.as_ptr().cast()));
        let both = _mm512_or_si512(words, _mm512_slli_epi16::<4>(words));
        _mm512_and_si512(both, _mm512_set1_epi8(15))
    }
    fn split_u4(x: &[u8; 32], to: &mut [u8; 64]) { store(to, nibbles(x)); }
    fn split_i4(x: &[u8; 32], to: &mut [u8; 64]) {
        let signed = lanes([0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]);
        store(to, _mm512_shuffle_epi8(signed, nibbles(x)));
    }

    /// Neighbours of three bits in the lower byte of a word, the first above the second: the low
    /// bits in its high nibble, the third bits at its bottom.
    fn pairs_3(x: &[u8; 64]) -> I {
        // The first one of a pair looks in the upper half of the table.
        let codes = _mm512_and_si512(load(x), _mm512_set1_epi8(7));
        let i = _mm512_or_si512(codes, _mm512_set1_epi16(8));
        let second = [0x00_i8, 0x10, 0x20, 0x30, 0x01, 0x11, 0x21, 0x31];
        let first = [0x00_i8, 0x40, -0x80, -0x40, 0x02, 0x42, -0x7E, -0x3E];
        let parts = lanes(bytemuck::must_cast([second, first]));
        _mm512_maddubs_epi16(_mm512_shuffle_epi8(parts, i), _mm512_set1_epi8(1))
    }
    fn join_3(x: &[u8; 128], to: &mut [u8; 48]) {
        let [a, b]: &[[u8; 64]; 2] = bytemuck::must_cast_ref(x);
        let pairs = ordered_words(_mm512_packus_epi16(pairs_3(a), pairs_3(b)));
        // The low bits of four codes in the lower byte of a word, the upper one 0.
        let low = select(_mm512_set1_epi16(0xF0), pairs, _mm512_srli_epi16::<12>(pairs));
        // The third bits of eight codes in the second byte of a dword, other bits around it.
        let third = _mm512_and_si512(pairs, _mm512_set1_epi8(3));
        let third = _mm512_madd_epi16(third, _mm512_set1_epi32(0x0401_4010));
        let units = select(_mm512_set1_epi32(0xFF00), third, low);
        let order = lanes([0, 2, 1, 4, 6, 5, 8, 10, 9, 12, 14, 13, -1, -1, -1, -1]);
        store_lanes(to, _mm512_shuffle_epi8(units, order));
    }
    /// Bytes of the two units of each lane.
    fn spread(units: I, pattern: Lane) -> I {
        let starts = _mm512_setr_epi64(
            0, 0, bytes(6), bytes(6), bytes(4), bytes(4), bytes(10), bytes(10),
        );
        _mm512_shuffle_epi8(units, _mm512_add_epi8(lanes(pattern), starts))
    }
    fn split_3(x: &[u8; 24], to: &mut [u8; 64]) {
        const NO: i8 = -128;
        // The first 16 bytes in two lanes, the last 16 in the others.
        let (first, last) = (x.as_ptr().cast(), x.as_ptr().add(8).cast());
        let units = _mm512_broadcast_i32x4(_mm_loadu_si128(first));
        let units = _mm512_mask_broadcast_i32x4(units, 0xFF00, _mm_loadu_si128(last));
        // Two codes to a word: a product has two copies of a byte, with a code on top of each.
        let low = spread(units, [0, NO, 0, NO, 1, NO, 1, NO, 3, NO, 3, NO, 4, NO, 4, NO]);
        let low = _mm512_mullo_epi16(low, _mm512_set1_epi32(0x4010_0401));
        let low = _mm512_and_si512(_mm512_srli_epi16::<6>(low), _mm512_set1_epi8(3));
        let third = spread(units, [2, 2, 2, 2, 2, 2, 2, 2, 5, 5, 5, 5, 5, 5, 5, 5]);
        let third = _mm512_test_epi8_mask(third, _mm512_set1_epi64(0x0102_0408_1020_4080));
        store(to, _mm512_or_si512(low, _mm512_maskz_set1_epi8(third, 4)));
    }

    /// Neighbours of two bits, joined in a word.
    fn pairs_2(x: &[u8; 64]) -> I {
        let codes = _mm512_and_si512(load(x), _mm512_set1_epi8(3));
        _mm512_maddubs_epi16(codes, _mm512_set1_epi16(0x0401))
    }
    fn join_2(x: &[u8; 256], to: &mut [u8; 64]) {
        let [a, b, c, d]: &[[u8; 64]; 4] = bytemuck::must_cast_ref(x);
        let nibbles = _mm512_set1_epi16(0x1001);
        let ab = _mm512_maddubs_epi16(_mm512_packus_epi16(pairs_2(a), pairs_2(b)), nibbles);
        let cd = _mm512_maddubs_epi16(_mm512_packus_epi16(pairs_2(c), pairs_2(d)), nibbles);
        store(to, ordered_bytes(_mm512_packus_epi16(ab, cd)));
    }
    fn split_2(x: &[u8; 64], to: &mut [u8; 256]) {
        let [a, b, c, d]: &mut [[u8; 64]; 4] = bytemuck::must_cast_mut(to);
        // Dword `i` of each lane becomes the lane of register `i`.
        let x = ordered_bytes(load(x));
        let high = _mm512_srli_epi16::<4>(x);
        let (ab, cd) = (_mm512_unpacklo_epi8(x, high), _mm512_unpackhi_epi8(x, high));
        let (ab_high, cd_high) = (_mm512_srli_epi16::<2>(ab), _mm512_srli_epi16::<2>(cd));
        let mask = _mm512_set1_epi8(3);
        store(a, _mm512_and_si512(_mm512_unpacklo_epi8(ab, ab_high), mask));
        store(b, _mm512_and_si512(_mm512_unpackhi_epi8(ab, ab_high), mask));
        store(c, _mm512_and_si512(_mm512_unpacklo_epi8(cd, cd_high), mask));
        store(d, _mm512_and_si512(_mm512_unpackhi_epi8(cd, cd_high), mask));
    }
}

by_blocks! { Avx512
    pack_6 = join_6[64 => 48];
    unpack_6 = split_6[48 => 64];
    pack_4 = join_4[128 => 64];
    unpack_u4 = split_u4[32 => 64];
    unpack_i4 = split_i4[32 => 64];
    pack_3 = join_3[128 => 48];
    unpack_3 = split_3[24 => 64];
    pack_2 = join_2[256 => 64];
    unpack_2 = split_2[64 => 256];
}
