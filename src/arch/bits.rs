//! What a block has besides arithmetic: its bits, tables in registers, and which lanes a comparison
//! picks.

use crate::arch::simd::{BLOCK, PAIR, Simd};

/// How numbers are rounded to a float format of at most 8 bits: see `generic::minifloat`.
#[derive(Clone, Copy)]
pub(crate) struct Minifloat {
    /// Larger magnitudes become this one.
    #[cfg(target_arch = "aarch64")]
    pub(crate) limit: f32,
    /// The code of what larger magnitudes become.
    #[cfg(target_arch = "x86_64")]
    pub(crate) largest: u8,
    /// The bit of a code that is its sign.
    pub(crate) sign: u8,
    pub(crate) mantissa_bits: u32,
    /// Bits of the smallest normal number.
    pub(crate) least: i32,
    /// 16 bits that the sum carries into the code: minus the exponent of `least`. They are even, so
    /// ties stay what they are.
    pub(crate) mark: i32,
    /// From the power of two to the last bit of a code.
    pub(crate) factor: f32,
}

/// The operations, with the rules of `Simd`.
pub(crate) trait Bits: Simd {
    /// 16 floats to look up.
    type Table: Copy;
    /// A float format, as constants of a loop.
    type Minifloat: Copy;
    /// Thresholds in slots, one at most in each: what a number has below it follows from its slot
    /// and one comparison.
    type Slots: Copy;

    fn bits(self, x: Self::F32) -> Self::I32;
    fn with_bits(self, x: Self::I32) -> Self::F32;
    /// The bits of `a` where `mask` has ones, of `b` elsewhere.
    fn select_bits(self, mask: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32;
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// The smaller one, as numbers without a sign.
    fn min_u32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// A logical shift, by less than 32.
    fn shift_right(self, x: Self::I32, by: Self::I32) -> Self::I32;
    /// The smaller of `|x|` and `limit`; anything up to `limit` for a NaN.
    fn magnitude(self, x: Self::F32, limit: Self::F32) -> Self::F32;

    fn minifloat(self, to: &Minifloat) -> Self::Minifloat;
    /// Writes the codes of a float format, one byte each, with their signs, that of 0 among them; with
    /// `FNUZ` without the signs of 0 and of overflow, the code 128. A NaN gives any.
    fn store_minifloats<const FNUZ: bool>(
        self,
        x: [Self::F32; 2],
        to: Self::Minifloat,
        codes: &mut [u8; PAIR],
    );

    /// What f16 is made of `(byte << LEFT)`, shifted back by `RIGHT` with copies of the sign, of
    /// which `mask` keeps bits.
    fn load_minifloat<const LEFT: u32, const RIGHT: u32>(
        self,
        x: &[u8; BLOCK],
        mask: u16,
    ) -> Self::F32;
    /// Whether any byte is `value` under `mask`.
    fn any_byte(self, x: &[u8; BLOCK], mask: u8, value: u8) -> bool;

    /// Slots for thresholds of which the first is not read, if the implementation has any that suit.
    fn slots(self, thresholds: &[f32; 16]) -> Option<Self::Slots>;
    /// The number of thresholds below `x`, which is no NaN.
    fn count_below(self, x: Self::F32, slots: Self::Slots) -> Self::I32;

    fn table(self, x: &[f32; 16]) -> Self::Table;
    /// Entry `i`, 0..16.
    fn look_up(self, table: Self::Table, i: Self::I32) -> Self::F32;
    /// Entry `i % N` of a table in memory; `N` is a power of two.
    fn gather<const N: usize>(self, table: &[f32; N], i: Self::I32) -> Self::F32;
    /// Entry `i`, 0..8.
    fn look_up_low(self, table: Self::Table, i: Self::I32) -> Self::F32;
    /// Entry `i`, 8..16.
    fn look_up_high(self, table: Self::Table, i: Self::I32) -> Self::F32;
    /// `n`, and one more where `a < b`.
    fn count_less(self, n: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32;
    /// One bit per lane, the first lane in the lowest: whether `low <= x <= high`.
    fn lanes_between(self, x: Self::F32, low: Self::F32, high: Self::F32) -> u32;
    /// `below`, and one more where `x < low`; one bit per lane, whether neither that nor `x > high`.
    fn bracket(
        self,
        below: Self::I32,
        x: Self::F32,
        low: Self::F32,
        high: Self::F32,
    ) -> (Self::I32, u32);
    /// Writes the lanes of `x` for which `lanes` has ones to the front of `to`, in order, and answers
    /// how many these are. What follows them in `to` is anything.
    fn compress(self, x: Self::F32, lanes: u32, to: &mut [f32; BLOCK]) -> usize;
    /// `2 i`, and one more where `a > b`.
    fn descend(self, i: Self::I32, a: Self::F32, b: Self::F32) -> Self::I32;
}
