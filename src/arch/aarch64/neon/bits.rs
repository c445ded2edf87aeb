#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{Neon, each, halves_to_f32, parts, unpaired};
use crate::arch::bits::{Bits, Minifloat};
use crate::arch::simd::{BLOCK, PAIR, Simd};
use core::arch::aarch64::*;

type F = float32x4_t;
type I = int32x4_t;

/// Entry `i` of a table of floats in bytes: the bytes of an index are `4 i`, `4 i + 1` and so on.
#[inline(always)]
fn byte_index(i: I) -> uint8x16_t {
    // SAFETY: only reached with the token of the tier.
    unsafe {
        let spread = vmlaq_n_s32(vdupq_n_s32(0x0302_0100), i, 0x0404_0404);
        vreinterpretq_u8_s32(spread)
    }
}

/// For each set of four lanes the bytes that go to the front.
static PACKING: [[u8; 16]; 16] = {
    let mut table = [[0; 16]; 16];
    let mut lanes = 0;
    while lanes < 16 {
        let (mut n, mut byte) = (0, 0);
        while byte < 16 {
            if lanes >> (byte / 4) & 1 != 0 {
                #[allow(clippy::indexing_slicing, reason = "the compiler has checked it")]
                {
                    table[lanes][n] = byte;
                }
                n += 1;
            }
            byte += 1;
        }
        lanes += 1;
    }
    table
};

/// How many lanes each set of four has, four bits each.
const LANES: u64 = 0x4332_3221_3221_2110;

/// One bit per lane of a comparison.
#[inline(always)]
fn lanes(test: uint32x4_t) -> u32 {
    // SAFETY: only reached with the token of the tier. Each lane keeps a bit of its own.
    unsafe { vaddvq_u32(vandq_u32(test, vld1q_u32([1, 2, 4, 8].as_ptr()))) }
}

/// What `store_minifloats` writes: the sum of `scalar::minifloat`, with a mark in the low bits of the
/// power of two that carries the constant which the code needs.
#[inline(always)]
fn minifloat<const FNUZ: bool>(s: Neon, x: [F; 8], to: Minifloat) -> [I; 8] {
    let magnitude = s.magnitude(x, s.splat(to.limit));
    let power = s.max_i32(s.bits(magnitude), s.splat_i32(to.least));
    let power = s.select_bits(s.splat_i32(0x7F80_0000), power, s.splat_i32(to.mark));
    let sum = s.fma(s.with_bits(power), s.splat(to.factor), magnitude);
    let exponent = s.shift_right(power, s.splat_i32((23 - to.mantissa_bits) as i32));
    let code = s.add_i32(s.bits(sum), exponent);
    let sign = s.splat_i32((24 + to.sign.leading_zeros()) as i32);
    let sign = s.shift_right(s.bits(x), sign);
    if !FNUZ {
        return s.select_bits(s.splat_i32(i32::from(to.sign) - 1), code, sign);
    }
    let code = s.select_bits(s.splat_i32(0xFF), code, s.splat_i32(0));
    let sign = s.select_bits(s.splat_i32(0x80), sign, s.splat_i32(0));
    let one = |code: I, sign: I| {
        // SAFETY: only reached with the token of the tier.
        unsafe { vandq_s32(vreinterpretq_s32_u32(vcgtzq_s32(code)), vorrq_s32(code, sign)) }
    };
    each!(one(code, sign))
}

// SAFETY of every block below: as in the implementation of `Simd`.
impl Bits for Neon {
    type Table = uint8x16x4_t;
    type Minifloat = Minifloat;
    type Slots = core::convert::Infallible;

    #[inline(always)]
    fn bits(self, x: Self::F32) -> Self::I32 {
        // SAFETY: see the impl.
        x.map(|x| unsafe { vreinterpretq_s32_f32(x) })
    }

    #[inline(always)]
    fn with_bits(self, x: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        x.map(|x| unsafe { vreinterpretq_f32_s32(x) })
    }

    #[inline(always)]
    fn select_bits(self, mask: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32 {
        let one =
            // SAFETY: see the impl.
            |mask: I, a: I, b: I| unsafe { vbslq_s32(vreinterpretq_u32_s32(mask), a, b) };
        each!(one(mask, a, b))
    }

    #[inline(always)]
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: see the impl.
        unsafe { each!(vmaxq_s32(a, b)) }
    }

    #[inline(always)]
    fn min_u32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        let one = |a: I, b: I| {
            // SAFETY: see the impl.
            unsafe {
                vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)))
            }
        };
        each!(one(a, b))
    }

    #[inline(always)]
    fn shift_right(self, x: Self::I32, by: Self::I32) -> Self::I32 {
        let one = |x: I, by: I| {
            // SAFETY: see the impl. To the right is a negative count.
            unsafe { vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(x), vnegq_s32(by))) }
        };
        each!(one(x, by))
    }

    #[inline(always)]
    fn magnitude(self, x: Self::F32, limit: Self::F32) -> Self::F32 {
        // SAFETY: see the impl. `fminnm` takes the number where the other is NaN.
        let one = |x: F, limit: F| unsafe { vminnmq_f32(vabsq_f32(x), limit) };
        each!(one(x, limit))
    }

    #[inline(always)]
    fn minifloat(self, to: &Minifloat) -> Minifloat {
        *to
    }

    #[inline(always)]
    fn store_minifloats<const FNUZ: bool>(
        self,
        [a, b]: [Self::F32; 2],
        to: Minifloat,
        codes: &mut [u8; PAIR],
    ) {
        let (a, b) = (minifloat::<FNUZ>(self, a, to), minifloat::<FNUZ>(self, b, to));
        self.store_u8_pair(a, b, 0, 255, codes);
    }

    #[inline(always)]
    fn load_minifloat<const LEFT: u32, const RIGHT: u32>(
        self,
        x: &[u8; BLOCK],
        mask: u16,
    ) -> Self::F32 {
        unpaired(parts!(x, u8, 8).each_ref().map(|x| {
            // SAFETY: see the impl. The counts are constants: the compiler makes immediates.
            unsafe {
                let words = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(x.as_ptr())));
                let words = vshlq_s16(words, vdupq_n_s16(LEFT as i16));
                let words = vshlq_s16(words, vdupq_n_s16(-(RIGHT as i16)));
                halves_to_f32(vandq_u16(vreinterpretq_u16_s16(words), vdupq_n_u16(mask)))
            }
        }))
    }

    #[inline(always)]
    fn any_byte(self, x: &[u8; BLOCK], mask: u8, value: u8) -> bool {
        let [a, b] = parts!(x, u8, 16).each_ref().map(|x| {
            // SAFETY: see the impl.
            unsafe {
                let x = vandq_u8(vld1q_u8(x.as_ptr()), vdupq_n_u8(mask));
                vceqq_u8(x, vdupq_n_u8(value))
            }
        });
        // SAFETY: see the impl.
        unsafe { vmaxvq_u8(vorrq_u8(a, b)) != 0 }
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
        let bytes: &[u8; 64] = bytemuck::must_cast_ref(x);
        // SAFETY: see the impl.
        unsafe { vld1q_u8_x4(bytes.as_ptr()) }
    }

    #[inline(always)]
    fn look_up(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        // SAFETY: see the impl.
        i.map(|i| unsafe { vreinterpretq_f32_u8(vqtbl4q_u8(table, byte_index(i))) })
    }

    #[inline(always)]
    fn gather<const N: usize>(self, table: &[f32; N], i: Self::I32) -> Self::F32 {
        let (mut lanes, mut found) = ([0; BLOCK], [0.0; BLOCK]);
        self.store_i32(i, &mut lanes);
        for (to, i) in found.iter_mut().zip(lanes) {
            *to = table.get(i as usize % N).copied().unwrap_or_default();
        }
        self.load(&found)
    }

    #[inline(always)]
    fn look_up_low(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        let half = uint8x16x2_t(table.0, table.1);
        // SAFETY: see the impl.
        i.map(|i| unsafe { vreinterpretq_f32_u8(vqtbl2q_u8(half, byte_index(i))) })
    }

    #[inline(always)]
    fn look_up_high(self, table: Self::Table, i: Self::I32) -> Self::F32 {
        let half = uint8x16x2_t(table.2, table.3);
        // SAFETY: see the impl.
        i.map(|i| unsafe {
            let i = vsubq_s32(i, vdupq_n_s32(8));
            vreinterpretq_f32_u8(vqtbl2q_u8(half, byte_index(i)))
        })
    }

    #[inline(always)]
    fn count_less(self, n: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32 {
        let one = |n: I, a: F, b: F| {
            // SAFETY: see the impl. A comparison gives -1.
            unsafe { vsubq_s32(n, vreinterpretq_s32_u32(vcltq_f32(a, b))) }
        };
        each!(one(n, a, b))
    }

    #[inline(always)]
    fn lanes_between(self, x: Self::F32, low: Self::F32, high: Self::F32) -> u32 {
        let one = |x: F, low: F, high: F| {
            // SAFETY: see the impl.
            lanes(unsafe { vandq_u32(vcgeq_f32(x, low), vcleq_f32(x, high)) })
        };
        let masks = each!(one(x, low, high));
        masks.iter().rev().fold(0, |all, mask| all << 4 | mask)
    }

    #[inline(always)]
    fn bracket(
        self,
        below: Self::I32,
        x: Self::F32,
        low: Self::F32,
        high: Self::F32,
    ) -> (Self::I32, u32) {
        let one = |x: F, low: F, high: F| {
            // SAFETY: see the impl.
            lanes(unsafe { vmvnq_u32(vorrq_u32(vcltq_f32(x, low), vcgtq_f32(x, high))) })
        };
        let between = each!(one(x, low, high));
        let between = between.iter().rev().fold(0, |all, lanes| all << 4 | lanes);
        (self.count_less(below, x, low), between)
    }

    #[inline(always)]
    fn compress(self, x: Self::F32, lanes: u32, to: &mut [f32; BLOCK]) -> usize {
        let (mut left, mut n) = (lanes, 0);
        for x in x {
            let four = left & 15;
            let packing = PACKING.get(four as usize).copied().unwrap_or_default();
            // SAFETY: see the impl. Each of the registers before this one, seven at most, had four
            // lanes at most: these four end within the block.
            unsafe {
                let x = vqtbl1q_u8(vreinterpretq_u8_f32(x), vld1q_u8(packing.as_ptr()));
                vst1q_f32(to.as_mut_ptr().add(n), vreinterpretq_f32_u8(x));
            }
            n += (LANES >> (4 * four) & 15) as usize;
            left >>= 4;
        }
        n
    }

    #[inline(always)]
    fn descend(self, i: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32 {
        let one = |i: I, a: F, b: F| {
            // SAFETY: see the impl. A comparison gives -1.
            unsafe { vsubq_s32(vaddq_s32(i, i), vreinterpretq_s32_u32(vcgtq_f32(a, b))) }
        };
        each!(one(i, a, b))
    }
}
