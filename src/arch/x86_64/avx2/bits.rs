#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Avx2, abs, each, leaves, ordered_bytes};
use crate::arch::bits::{Bits, Minifloat};
use crate::arch::simd::{BLOCK, PAIR, blocks_mut};
use core::arch::x86_64::*;

type F = __m256;
type I = __m256i;

/// For each set of eight lanes where they go: byte `i` is the lane that becomes lane `i`. Above its
/// three bits, byte 0 has the number of lanes.
static PACKING: [u64; 256] = {
    let mut table = [0; 256];
    let mut lanes = 0;
    while lanes < 256 {
        let (mut entry, mut n, mut lane) = (0_u64, 0, 0);
        while lane < 8 {
            if lanes >> lane & 1 != 0 {
                entry |= lane << (8 * n);
                n += 1;
            }
            lane += 1;
        }
        #[allow(clippy::indexing_slicing, reason = "the compiler has checked it")]
        {
            table[lanes] = entry | n << 3;
        }
        lanes += 1;
    }
    table
};

leaves! {
    fn select_bits(mask: I, a: I, b: I) -> I {
        _mm256_or_si256(_mm256_and_si256(mask, a), _mm256_andnot_si256(mask, b))
    }
    /// A NaN gives the limit: it is the second operand.
    fn magnitude(x: F, limit: F) -> F { _mm256_min_ps(abs(x), limit) }
    fn constants(to: &Minifloat) -> Constants {
        Constants {
            least: _mm256_set1_epi32(to.least),
            mark: _mm256_set1_epi32(to.mark),
            factor: _mm256_set1_ps(to.factor),
            weights: _mm256_set1_epi32(0x1_0000 | (0x80 >> to.mantissa_bits)),
            inverse: _mm256_set1_epi16(0x200 << to.mantissa_bits),
            largest: _mm256_set1_epi8(to.largest as i8),
            sign_shift: _mm_cvtsi32_si128(to.sign.leading_zeros() as i32),
            sign: _mm256_set1_epi8(to.sign as i8),
        }
    }
    /// The exponent of `x`, at least that of `least`, in a number whose last bit is that of the code.
    fn power(x: F, least: I, mark: I) -> F {
        let field = _mm256_set1_epi32(0x7F80_0000);
        let power = _mm256_max_epi32(_mm256_and_si256(_mm256_castps_si256(x), field), least);
        _mm256_castsi256_ps(_mm256_or_si256(power, mark))
    }
    /// The lower halves of `a`, the upper ones of `b`.
    fn select_halves(a: F, b: F) -> I {
        _mm256_blend_epi16::<0b1010_1010>(_mm256_castps_si256(a), _mm256_castps_si256(b))
    }
    fn where_not_0(test: I, x: I) -> I {
        _mm256_andnot_si256(_mm256_cmpeq_epi8(test, _mm256_setzero_si256()), x)
    }
    fn store_bytes(to: &mut [u8; BLOCK], x: I) {
        _mm256_storeu_si256(to.as_mut_ptr().cast(), x);
    }
    fn gather(i: I, table: &[f32], last: i32) -> F {
        let i = _mm256_and_si256(i, _mm256_set1_epi32(last));
        _mm256_i32gather_ps::<4>(table.as_ptr(), i)
    }
    fn look_up_half(table: F, i: I) -> F { _mm256_permutevar8x32_ps(table, i) }
    /// Bit 3 of the index, moved to the sign, chooses the half.
    fn look_up(low: F, high: F, i: I) -> F {
        let upper = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(i));
        let (low, high) = (_mm256_permutevar8x32_ps(low, i), _mm256_permutevar8x32_ps(high, i));
        _mm256_blendv_ps(low, high, upper)
    }
    /// A comparison gives -1.
    fn descend(i: I, a: F, b: F) -> I {
        let greater = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b));
        _mm256_sub_epi32(_mm256_add_epi32(i, i), greater)
    }
    /// A comparison gives -1.
    fn count_less(n: I, a: F, b: F) -> I {
        _mm256_sub_epi32(n, _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)))
    }
    fn lanes_between(x: F, low: F, high: F) -> u32 {
        let above = _mm256_cmp_ps::<_CMP_GE_OQ>(x, low);
        let below = _mm256_cmp_ps::<_CMP_LE_OQ>(x, high);
        _mm256_movemask_ps(_mm256_and_ps(above, below)) as u32
    }
    /// A comparison gives -1.
    fn bracket(below: I, x: F, low: F, high: F) -> (I, u32) {
        let less = _mm256_cmp_ps::<_CMP_LT_OQ>(x, low);
        let between = _mm256_andnot_ps(less, _mm256_cmp_ps::<_CMP_NGT_UQ>(x, high));
        let below = _mm256_sub_epi32(below, _mm256_castps_si256(less));
        (below, _mm256_movemask_ps(between) as u32)
    }
    /// The instruction reads three bits of an index.
    fn compress(to: &mut [f32; 8], x: F, packing: u64) {
        let lanes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(packing as i64));
        _mm256_storeu_ps(to.as_mut_ptr(), _mm256_permutevar8x32_ps(x, lanes));
    }
    fn load_words(x: &[u8; 16]) -> I { _mm256_cvtepu8_epi16(_mm_loadu_si128(x.as_ptr().cast())) }
    fn any_byte(x: &[u8; 32], mask: u8, value: u8) -> bool {
        let x = _mm256_loadu_si256(x.as_ptr().cast());
        let x = _mm256_and_si256(x, _mm256_set1_epi8(mask as i8));
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8(value as i8))) != 0
    }
    fn load_half(x: &[f32; 8]) -> F { _mm256_loadu_ps(x.as_ptr()) }
}

/// `Minifloat` in registers.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Constants {
    least: I,
    mark: I,
    factor: F,
    /// Of the halves of a lane: that of the mantissa, and that of the exponent.
    weights: I,
    /// `2^16` over the weight of the exponent.
    inverse: I,
    largest: I,
    sign_shift: __m128i,
    sign: I,
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Bits for Avx2 {
    type Table = [F; 2];
    type Minifloat = Constants;
    type Slots = core::convert::Infallible;

    #[inline(always)]
    fn bits(self, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_castps_si256(x)) }
    }

    #[inline(always)]
    fn with_bits(self, x: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_castsi256_ps(x)) }
    }

    #[inline(always)]
    fn select_bits(self, mask: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(select_bits(mask, a, b)) }
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_max_epi32(a, b)) }
    }

    #[inline(always)]
    fn min_u32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_min_epu32(a, b)) }
    }

    #[inline(always)]
    fn shift_right(self, x: Self::I32, by: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(_mm256_srlv_epi32(x, by)) }
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

    /// A word gets the magnitude of the code from bit `7 - mantissa_bits` on, since there the exponent
    /// is in the upper half of a float.
    #[inline(always)]
    fn store_minifloats<const FNUZ: bool>(
        self,
        x: [Self::F32; 2],
        to: Constants,
        codes: &mut [u8; PAIR],
    ) {
        for (x, codes) in x.into_iter().zip(blocks_mut(codes)) {
            // SAFETY: see the impl. The low half of a sum counts in the mantissa. A magnitude that the
            // format does not have saturates, first as a byte; floats that saturate twice keep their
            // sign at the top.
            unsafe {
                let power = each!(power(x, [to.least; 4], [to.mark; 4]));
                let sum = each!(_mm256_fmadd_ps(power, [to.factor; 4], each!(abs(x))));
                let halves = each!(select_halves(sum, power));
                let [a, b, c, d] = each!(_mm256_madd_epi16(halves, [to.weights; 4]));
                // The upper half of a product: a shift to the right.
                let low = _mm256_mulhi_epu16(_mm256_packs_epi32(a, b), to.inverse);
                let high = _mm256_mulhi_epu16(_mm256_packs_epi32(c, d), to.inverse);
                let bytes = _mm256_min_epu8(_mm256_packus_epi16(low, high), to.largest);
                let [a, b, c, d] = each!(_mm256_castps_si256(x));
                let signs = (_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
                let signs = _mm256_packs_epi16(signs.0, signs.1);
                let signs = _mm256_and_si256(_mm256_srl_epi16(signs, to.sign_shift), to.sign);
                let signed = _mm256_or_si256(bytes, signs);
                let signed = if FNUZ { where_not_0(bytes, signed) } else { signed };
                store_bytes(codes, ordered_bytes(signed));
            }
        }
    }

    #[inline(always)]
    fn load_minifloat<const LEFT: u32, const RIGHT: u32>(
        self,
        x: &[u8; BLOCK],
        mask: u16,
    ) -> Self::F32 {
        // The intrinsics take their immediates as i32, which a const parameter cannot be made of:
        // `LEFT` and `RIGHT` are constants all the same, so these counts are immediates.
        let [low, high] = bytemuck::must_cast_ref::<_, [[u8; 16]; 2]>(x);
        // SAFETY: see the impl.
        unsafe {
            let (left, right) = (_mm_cvtsi32_si128(LEFT as i32), _mm_cvtsi32_si128(RIGHT as i32));
            let mask = _mm256_set1_epi16(mask as i16);
            let (low, high) = (load_words(low), load_words(high));
            let (low, high) = (_mm256_sll_epi16(low, left), _mm256_sll_epi16(high, left));
            let (low, high) = (_mm256_sra_epi16(low, right), _mm256_sra_epi16(high, right));
            let (low, high) = (_mm256_and_si256(low, mask), _mm256_and_si256(high, mask));
            [
                _mm256_cvtph_ps(_mm256_castsi256_si128(low)),
                _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(low)),
                _mm256_cvtph_ps(_mm256_castsi256_si128(high)),
                _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(high)),
            ]
        }
    }

    #[inline(always)]
    fn any_byte(self, x: &[u8; BLOCK], mask: u8, value: u8) -> bool {
        // SAFETY: see the impl.
        unsafe { any_byte(x, mask, value) }
    }

    #[inline(always)]
    fn slots(self, _: &[f32; 16]) -> Option<Self::Slots> {
        None
    }

    #[inline(always)]
    fn count_below(self, _: Self::F32, slots: Self::Slots) -> Self::I32 {
        match slots {}
    }

    #[inline(always)]
    fn table(self, x: &[f32; 16]) -> Self::Table {
        let [low, high] = bytemuck::must_cast_ref::<_, [[f32; 8]; 2]>(x);
        // SAFETY: see the impl.
        unsafe { [load_half(low), load_half(high)] }
    }

    #[inline(always)]
    fn look_up(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        let [low, high] = table;
        // SAFETY: see the impl.
        unsafe { each!(look_up([low; 4], [high; 4], i)) }
    }

    #[inline(always)]
    fn gather<const N: usize>(self, table: &[f32; N], i: Self::I32) -> Self::F32 {
        const { assert!(N.is_power_of_two()) };
        // SAFETY: see the impl. The mask keeps the indices within the table.
        unsafe { each!(gather(i, [table.as_slice(); 4], [N as i32 - 1; 4])) }
    }

    #[inline(always)]
    fn look_up_low(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        let [low, _] = table;
        // SAFETY: see the impl.
        unsafe { each!(look_up_half([low; 4], i)) }
    }

    #[inline(always)]
    fn look_up_high(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        let [_, high] = table;
        // SAFETY: see the impl. The instruction reads three bits of an index.
        unsafe { each!(look_up_half([high; 4], i)) }
    }

    #[inline(always)]
    fn count_less(self, n: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(count_less(n, a, b)) }
    }

    #[inline(always)]
    fn lanes_between(self, x: Self::F32, low: Self::F32, high: Self::F32) -> u32 {
        // SAFETY: see the impl.
        let [a, b, c, d] = unsafe { each!(lanes_between(x, low, high)) };
        a | b << 8 | c << 16 | d << 24
    }

    #[inline(always)]
    fn bracket(
        self,
        below: Self::I32,
        x: Self::F32,
        low: Self::F32,
        high: Self::F32,
    ) -> (Self::I32, u32) {
        // SAFETY: see the impl.
        let [(n0, a), (n1, b), (n2, c), (n3, d)] = unsafe { each!(bracket(below, x, low, high)) };
        ([n0, n1, n2, n3], a | b << 8 | c << 16 | d << 24)
    }

    #[inline(always)]
    fn compress(self, x: Self::F32, lanes: u32, to: &mut [f32; BLOCK]) -> usize {
        let mut n = 0;
        for (x, lanes) in x.into_iter().zip(lanes.to_le_bytes()) {
            let packing = PACKING.get(usize::from(lanes)).copied().unwrap_or_default();
            // SAFETY: see the impl. Each of the registers before this one, three at most, had eight
            // lanes at most: these eight end within the block.
            unsafe { compress(&mut *to.as_mut_ptr().add(n).cast(), x, packing) };
            n += (packing >> 3 & 15) as usize;
        }
        n
    }

    #[inline(always)]
    fn descend(self, i: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(descend(i, a, b)) }
    }
}
