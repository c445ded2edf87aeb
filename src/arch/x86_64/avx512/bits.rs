#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx512, each, leaves, ordered_bytes};
use super::slots;
use crate::arch::bits::{Bits, Minifloat};
use crate::arch::simd::{BLOCK, PAIR};
use core::arch::x86_64::*;

type F = __m512;
type I = __m512i;

leaves! {
    /// 0xCA: the second where the first has ones, else the third.
    fn select_bits(mask: I, a: I, b: I) -> I { _mm512_ternarylogic_epi32::<0xCA>(mask, a, b) }
    /// 0b1010: the smaller magnitude, without its sign. A NaN gives the limit.
    fn magnitude(x: F, limit: F) -> F { _mm512_range_ps::<0b1010>(x, limit) }
    fn constants(to: &Minifloat) -> Constants {
        Constants {
            least: _mm512_set1_ps(f32::from_bits(to.least as u32)),
            mark: _mm512_set1_epi32(to.mark),
            factor: _mm512_set1_ps(to.factor),
            weights: _mm512_set1_epi32(0x1_0000 | (0x80 >> to.mantissa_bits)),
            shift: _mm512_set1_epi16(7 - to.mantissa_bits as i16),
            largest: _mm512_set1_epi8(to.largest as i8),
            sign_shift: _mm512_set1_epi16(to.sign.leading_zeros() as i16),
            sign: _mm512_set1_epi8(to.sign as i8),
        }
    }
    /// `x` with the exponent of the larger magnitude, a number whose last bit is that of the code.
    /// 0b0011: the larger magnitude, with the sign of `x`.
    fn power(x: F, least: F, mark: I) -> F {
        let larger = _mm512_castps_si512(_mm512_range_ps::<0b0011>(x, least));
        _mm512_castsi512_ps(select_bits(_mm512_set1_epi32(-0x80_0000), larger, mark))
    }
    /// The lower halves of `a`, the upper ones of `b`.
    fn select_halves(a: F, b: F) -> I {
        let low = _mm512_set1_epi32(0xFFFF);
        select_bits(low, _mm512_castps_si512(a), _mm512_castps_si512(b))
    }
    fn without_sign(x: I) -> I { _mm512_and_si512(x, _mm512_set1_epi16(0x7FFF)) }
    fn gather(i: I, table: &[f32], last: i32) -> F {
        let i = _mm512_and_si512(i, _mm512_set1_epi32(last));
        _mm512_i32gather_ps::<4>(i, table.as_ptr())
    }
    fn look_up(i: I, table: F) -> F { _mm512_permutexvar_ps(i, table) }
    fn descend(i: I, a: F, b: F) -> I {
        let doubled = _mm512_add_epi32(i, i);
        let one = _mm512_set1_epi32(1);
        _mm512_mask_add_epi32(doubled, _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), doubled, one)
    }
    fn count_less(n: I, a: F, b: F) -> I {
        _mm512_mask_add_epi32(n, _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), n, _mm512_set1_epi32(1))
    }
    fn lanes_between(x: F, low: F, high: F) -> u32 {
        let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, low);
        u32::from(_mm512_mask_cmp_ps_mask::<_CMP_LE_OQ>(above, x, high))
    }
    fn bracket(below: I, x: F, low: F, high: F) -> (I, u16) {
        let less = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, low);
        let below = _mm512_mask_add_epi32(below, less, below, _mm512_set1_epi32(1));
        (below, _mm512_mask_cmp_ps_mask::<_CMP_NGT_UQ>(!less, x, high))
    }
    /// In a register: the instruction that writes to memory is slow on some CPUs.
    fn compress(to: &mut [f32; 16], x: F, lanes: u16) {
        _mm512_storeu_ps(to.as_mut_ptr(), _mm512_maskz_compress_ps(lanes, x));
    }
    fn load_words(x: &[u8; 32]) -> I {
        _mm512_cvtepu8_epi16(_mm256_loadu_si256(x.as_ptr().cast()))
    }
    fn any_byte(x: &[u8; 32], mask: u8, value: u8) -> bool {
        let x = _mm256_loadu_si256(x.as_ptr().cast());
        let x = _mm256_and_si256(x, _mm256_set1_epi8(mask as i8));
        _mm256_cmpeq_epi8_mask(x, _mm256_set1_epi8(value as i8)) != 0
    }
    /// 0xEA: the first and the second, or the third.
    fn with_signs(x: I, signs: I, mask: I) -> I {
        _mm512_ternarylogic_epi32::<0xEA>(signs, mask, x)
    }
    fn where_not_0(test: I, x: I) -> I {
        _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(test, test), x)
    }
    fn store_bytes(to: &mut [u8; PAIR], x: I) { _mm512_storeu_si512(to.as_mut_ptr().cast(), x); }
    fn load_table(x: &[f32; 16]) -> F { _mm512_loadu_ps(x.as_ptr()) }
}

/// `Minifloat` in registers.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Constants {
    least: F,
    mark: I,
    factor: F,
    /// Of the halves of a lane: that of the mantissa, and that of the exponent.
    weights: I,
    shift: I,
    largest: I,
    sign_shift: I,
    sign: I,
}

/// Words with the sign in the highest bit and the magnitude of a code from bit `7 - mantissa_bits` on,
/// since there the exponent is in the upper half of a float.
#[inline(always)]
fn minifloat_words(x: [F; 2], to: Constants) -> I {
    // SAFETY: only reached with the token of the tier. The low half of a sum counts in the mantissa;
    // the sign, as that of the other half, weighs -0x8000, which a word holds.
    unsafe {
        let power = each!(power(x, [to.least; 2], [to.mark; 2]));
        let sum = each!(_mm512_fmadd_ps(power, [to.factor; 2], x));
        let halves = each!(select_halves(sum, power));
        let [a, b] = each!(_mm512_madd_epi16(halves, [to.weights; 2]));
        _mm512_packs_epi32(a, b)
    }
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Bits for Avx512 {
    type Table = F;
    type Minifloat = Constants;
    type Slots = slots::Slots;

    #[inline(always)]
    fn bits(self, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_castps_si512(x)) }
    }

    #[inline(always)]
    fn with_bits(self, x: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_castsi512_ps(x)) }
    }

    #[inline(always)]
    fn select_bits(self, mask: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(select_bits(mask, a, b)) }
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_max_epi32(a, b)) }
    }

    #[inline(always)]
    fn min_u32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_min_epu32(a, b)) }
    }

    #[inline(always)]
    fn shift_right(self, x: Self::I32, by: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm512_srlv_epi32(x, by)) }
    }

    #[inline(always)]
    fn magnitude(self, x: Self::F32, limit: Self::F32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(magnitude(x, limit)) }
    }

    #[inline(always)]
    fn minifloat(self, to: &Minifloat) -> Constants {
        // SAFETY: see the impl.
        unsafe { constants(to) }
    }

    #[inline(always)]
    fn store_minifloats<const FNUZ: bool>(
        self,
        [low, high]: [Self::F32; 2],
        to: Constants,
        codes: &mut [u8; PAIR],
    ) {
        let (low, high) = (minifloat_words(low, to), minifloat_words(high, to));
        // SAFETY: see the impl. A magnitude that the format does not have saturates, first as a byte;
        // a word that saturates as a byte keeps its sign at the top.
        unsafe {
            let unsigned = each!(without_sign([low, high]));
            let [a, b] = each!(_mm512_srlv_epi16(unsigned, [to.shift; 2]));
            let bytes = _mm512_min_epu8(_mm512_packus_epi16(a, b), to.largest);
            let signs = _mm512_srlv_epi16(_mm512_packs_epi16(low, high), to.sign_shift);
            let signed = with_signs(bytes, signs, to.sign);
            let signed = if FNUZ { where_not_0(bytes, signed) } else { signed };
            store_bytes(codes, ordered_bytes(signed));
        }
    }

    #[inline(always)]
    fn load_minifloat<const LEFT: u32, const RIGHT: u32>(
        self,
        x: &[u8; BLOCK],
        mask: u16,
    ) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe {
            let words = _mm512_slli_epi16::<LEFT>(load_words(x));
            let words = _mm512_srai_epi16::<RIGHT>(words);
            let words = _mm512_and_si512(words, _mm512_set1_epi16(mask as i16));
            let low = _mm512_castsi512_si256(words);
            let high = _mm512_extracti64x4_epi64::<1>(words);
            [_mm512_cvtph_ps(low), _mm512_cvtph_ps(high)]
        }
    }

    #[inline(always)]
    fn any_byte(self, x: &[u8; BLOCK], mask: u8, value: u8) -> bool {
        // SAFETY: see the impl.
        unsafe { any_byte(x, mask, value) }
    }

    #[inline(always)]
    fn slots(self, thresholds: &[f32; 16]) -> Option<Self::Slots> {
        slots::new(thresholds)
    }

    #[inline(always)]
    fn count_below(self, x: Self::F32, slots: Self::Slots) -> Self::I32 {
        slots::count_below(x, slots)
    }

    #[inline(always)]
    fn table(self, x: &[f32; 16]) -> Self::Table {
        // SAFETY: see the impl.
        unsafe { load_table(x) }
    }

    #[inline(always)]
    fn look_up(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(look_up(i, [table; 2])) }
    }

    #[inline(always)]
    fn gather<const N: usize>(self, table: &[f32; N], i: Self::I32) -> Self::F32 {
        const { assert!(N.is_power_of_two()) };
        // SAFETY: see the impl. The mask keeps the indices within the table.
        unsafe { each!(gather(i, [table.as_slice(); 2], [N as i32 - 1; 2])) }
    }

    #[inline(always)]
    fn look_up_low(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        self.look_up(table, i)
    }

    #[inline(always)]
    fn look_up_high(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        self.look_up(table, i)
    }

    #[inline(always)]
    fn count_less(self, n: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(count_less(n, a, b)) }
    }

    #[inline(always)]
    fn lanes_between(self, x: Self::F32, low: Self::F32, high: Self::F32) -> u32 {
        // SAFETY: see the impl.
        let [a, b] = unsafe { each!(lanes_between(x, low, high)) };
        a | b << 16
    }

    #[inline(always)]
    fn bracket(
        self,
        [a, b]: Self::I32,
        [x, y]: Self::F32,
        [low, _]: Self::F32,
        [high, _]: Self::F32,
    ) -> (Self::I32, u32) {
        // SAFETY: see the impl.
        let ((a, low_lanes), (b, high_lanes)) =
            unsafe { (bracket(a, x, low, high), bracket(b, y, low, high)) };
        ([a, b], u32::from(low_lanes) | u32::from(high_lanes) << 16)
    }

    #[inline(always)]
    fn compress(self, [a, b]: Self::F32, lanes: u32, to: &mut [f32; BLOCK]) -> usize {
        let (low, high) = (lanes as u16, (lanes >> 16) as u16);
        let first = low.count_ones() as usize;
        let to = to.as_mut_ptr();
        // SAFETY: see the impl. A register's lanes are at most 16, so that the second 16 begin within
        // the first half of the block.
        unsafe {
            compress(&mut *to.cast(), a, low);
            compress(&mut *to.add(first).cast(), b, high);
        }
        first + high.count_ones() as usize
    }

    #[inline(always)]
    fn descend(self, i: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(descend(i, a, b)) }
    }
}
