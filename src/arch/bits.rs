//! What a block has besides arithmetic: its bits, tables in registers, and which lanes a comparison
//! picks.

use crate::arch::simd::{BLOCK, Simd};

/// The operations, with the rules of `Simd`.
pub(crate) trait Bits: Simd {
    /// 16 floats to look up.
    type Table: Copy;

    fn bits(self, x: Self::F32) -> Self::I32;
    fn with_bits(self, x: Self::I32) -> Self::F32;
    /// The bits of `a` where `mask` has ones, of `b` elsewhere.
    fn select_bits(self, mask: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32;
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// A logical shift, by less than 32.
    fn shift_right(self, x: Self::I32, by: Self::I32) -> Self::I32;
    /// `x` where `test` is greater than 0, else 0.
    fn where_positive(self, test: Self::I32, x: Self::I32) -> Self::I32;
    /// `yes` where `x` is NaN, else `no`.
    fn where_nan(self, x: Self::F32, yes: Self::I32, no: Self::I32) -> Self::I32;
    /// The smaller of `|x|` and `limit`; anything up to `limit` for a NaN.
    fn magnitude(self, x: Self::F32, limit: Self::F32) -> Self::F32;

    /// What f16 is made of `(byte << LEFT)`, shifted back by `RIGHT` with copies of the sign, of
    /// which `mask` keeps bits.
    fn load_minifloat<const LEFT: u32, const RIGHT: u32>(
        self,
        x: &[u8; BLOCK],
        mask: u16,
    ) -> Self::F32;
    /// Whether any byte is `value` under `mask`.
    fn any_byte(self, x: &[u8; BLOCK], mask: u8, value: u8) -> bool;

    fn table(self, x: &[f32; 16]) -> Self::Table;
    /// Entry `i`, 0..16.
    fn look_up(self, table: Self::Table, i: Self::I32) -> Self::F32;
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
