//! Parameters of a quantizer: from statistics to ranges and integer grids.

use crate::params::{choice, choose, flag, sized};
use crate::status::{Error, Result};

/// How a range becomes an integer grid.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The range follows from the largest magnitude; zero is code 0 (or 1 in a half range that is
    /// not narrow, as in the code of the reference).
    Symmetric = 0,
    /// The range follows from minimum and maximum; zero is moved onto a code.
    Asymmetric = 1,
}

choice!(Scheme: Symmetric, Asymmetric);

/// Whether the symmetric scheme has negative codes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signedness {
    /// Signed if any minimum is negative.
    Any = 0,
    /// Always signed.
    Signed = 1,
    /// The same as `Any`: the reference takes it as a filter only, it never forces a grid.
    Unsigned = 2,
}

choice!(Signedness: Any, Signed, Unsigned);

/// Whether weights use half of the code range, so that pair sums of u8 x i8 products fit into 16
/// bits on CPUs without a dot-product instruction.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverflowFix {
    /// Never.
    Disable = 0,
    /// Always.
    Enable = 1,
    /// Where `is_first_layer` is 1.
    FirstLayer = 2,
}

choice!(OverflowFix: Disable, Enable, FirstLayer);

/// Settings of a quantizer.
///
/// Source: NNCF `QuantizationParameters` and `OverflowFix`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct QuantizationParams {
    /// `sizeof(ptqk_quantization_params)`, filled by `ptqk_quantization_params_default`.
    pub size: u32,
    /// Bits of a code. Range: `2..16`. Default: 8. Source: `num_bits`.
    pub num_bits: u32,
    /// `PTQK_SCHEME_SYMMETRIC` or `PTQK_SCHEME_ASYMMETRIC`. Default: symmetric. Source: `mode`.
    pub scheme: u32,
    /// `PTQK_SIGNEDNESS_ANY`, `_SIGNED` or `_UNSIGNED`. Default: any. Only the symmetric scheme
    /// looks at it. `_UNSIGNED` gives the same numbers as `_ANY`, as in the code of the reference
    /// (its documentation says otherwise). Source: `signedness_to_force`.
    pub signedness_to_force: u32,
    /// 1: a range per channel; 0: one range, and `channels` must be 1. Default: 0.
    /// Source: `per_channel`.
    pub per_channel: u32,
    /// 1: one level less, the lowest code is not used. Default: 0. On an unsigned grid the codes
    /// are `1..2^b-1`, as in the code of the reference. Source: `narrow_range`.
    pub narrow_range: u32,
    /// `PTQK_OVERFLOW_FIX_DISABLE`, `_ENABLE` or `_FIRST_LAYER`: use half of the code range. Only
    /// with the symmetric scheme and at least 3 bits. Default: disable. Source: `overflow_fix`.
    pub overflow_fix: u32,
    /// 1: this is the first layer, which `PTQK_OVERFLOW_FIX_FIRST_LAYER` is about. Default: 0.
    pub is_first_layer: u32,
}

/// `QuantizationParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantization {
    /// Bits of a code, 2..16.
    pub num_bits: u32,
    /// The scheme.
    pub scheme: Scheme,
    /// Whether the grid is signed whatever the statistics say.
    pub force_signed: bool,
    /// Whether there is a range per channel.
    pub per_channel: bool,
    /// Whether the lowest code is left out.
    pub narrow_range: bool,
    /// Whether half of the code range is used.
    pub half_range: bool,
}

impl QuantizationParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        num_bits: 8,
        scheme: Scheme::Symmetric as u32,
        signedness_to_force: Signedness::Any as u32,
        per_channel: 0,
        narrow_range: 0,
        overflow_fix: OverflowFix::Disable as u32,
        is_first_layer: 0,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<Quantization> {
        if !(2..=16).contains(&self.num_bits) {
            let value = f64::from(self.num_bits);
            return Err(Error::field(c"params", c"num_bits", c"must be in 2..16", value));
        }
        let scheme: Scheme = choose(self.scheme, c"scheme", c"must be a PTQK_SCHEME constant")?;
        let signedness: Signedness = choose(
            self.signedness_to_force,
            c"signedness_to_force",
            c"must be a PTQK_SIGNEDNESS constant",
        )?;
        let first = flag(self.is_first_layer, c"is_first_layer")?;
        let fix = c"overflow_fix";
        let half_range =
            match choose(self.overflow_fix, fix, c"must be a PTQK_OVERFLOW_FIX constant")? {
                OverflowFix::Disable => false,
                OverflowFix::Enable => true,
                OverflowFix::FirstLayer => first,
            };
        if half_range && (scheme != Scheme::Symmetric || self.num_bits < 3) {
            let rule = c"needs the symmetric scheme and num_bits of at least 3";
            return Err(Error::field(c"params", fix, rule, f64::from(self.overflow_fix)));
        }
        Ok(Quantization {
            num_bits: self.num_bits,
            scheme,
            force_signed: signedness == Signedness::Signed,
            per_channel: flag(self.per_channel, c"per_channel")?,
            narrow_range: flag(self.narrow_range, c"narrow_range")?,
            half_range,
        })
    }
}

sized!(QuantizationParams);

/// The integer grid of a quantizer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct QuantizerGrid {
    /// Lowest code of the full grid: `-2^(b-1)`, or 0 if unsigned.
    pub level_low: i32,
    /// Highest code of the full grid: `2^(b-1)-1`, or `2^b-1` if unsigned.
    pub level_high: i32,
    /// Lowest code in use: `level_low`, one more for a narrow range. The `code_min` of
    /// `ptqk_quantize_params`.
    pub code_min: i32,
    /// Highest code in use: `level_high`. The `code_max` of `ptqk_quantize_params`.
    pub code_max: i32,
    /// Number of codes in use: the `levels` of `ptqk_fake_quantize_params`.
    pub levels: u32,
    /// 1 if the grid has negative codes.
    pub is_signed: u32,
    /// The smallest code type that holds the grid, a `PTQK_CODE_TYPE_` constant.
    pub code_type: u32,
}

const _: () = assert!(size_of::<QuantizationParams>() == 32, "ptqk_quantization_params");
const _: () = assert!(size_of::<QuantizerGrid>() == 28, "ptqk_quantizer_grid");
