//! Parameters of conversions between float types.

use crate::formats::FloatFormat;
use crate::params::elementwise::{Granularity, Sharing};
use crate::params::matrix::CodeType;
use crate::params::{choice, choose, sized};
use crate::status::{Error, Result};

/// What becomes of a number beyond the largest of the destination, infinity included.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The largest number, with the sign.
    Saturate = 0,
    /// Infinity where the destination has one, else NaN, else the largest number: as a cast of
    /// IEEE 754 rounds, so a number less than half a step above the largest still becomes it.
    Special = 1,
}

choice!(Overflow: Saturate, Special);

/// What becomes of a NaN.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanRule {
    /// NaN; the largest positive number where the destination has no NaN.
    Keep = 0,
    /// The negative largest number, as the FakeConvert of OpenVINO has it.
    NegativeMax = 1,
}

choice!(NanRule: Keep, NegativeMax);

/// How a number is rounded.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatRounding {
    /// To the nearest, a tie to the even code.
    Nearest = 0,
    /// To one of the two neighbours, to the upper one with the probability that the distance to
    /// the lower one gives. The random number of an element follows from `seed` and the row-major
    /// index of the element alone: the same on every CPU and with any number of threads. Not for
    /// E8M0 and NF4.
    Stochastic = 1,
    /// To the smallest power of two that is not below. E8M0 only.
    Up = 2,
    /// To the largest power of two that is not above. E8M0 only.
    Down = 3,
}

choice!(FloatRounding: Nearest, Stochastic, Up, Down);

/// Settings of `ptqk_encode` and `ptqk_convert`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct ConvertParams {
    /// `sizeof(ptqk_convert_params)`, filled by `ptqk_convert_params_default`.
    pub size: u32,
    /// `PTQK_OVERFLOW_SATURATE` (default) or `PTQK_OVERFLOW_SPECIAL`.
    pub overflow: u32,
    /// `PTQK_NAN_RULE_KEEP` (default) or `PTQK_NAN_RULE_NEGATIVE_MAX`.
    pub nan_rule: u32,
    /// One of the `PTQK_FLOAT_ROUNDING_` constants. Default: nearest.
    pub rounding: u32,
    /// Names the random sequence of `PTQK_FLOAT_ROUNDING_STOCHASTIC`: the key of Philox4x32-10,
    /// whose word `i % 4` at counter `i / 4` belongs to element `i`. Any value. Default: 0.
    pub seed: u64,
}

/// `ConvertParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvertRules {
    /// Beyond the largest number.
    pub overflow: Overflow,
    /// NaN.
    pub nan: NanRule,
    /// Rounding.
    pub rounding: FloatRounding,
    /// Key of the random sequence.
    pub seed: u64,
}

impl ConvertParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        overflow: Overflow::Saturate as u32,
        nan_rule: NanRule::Keep as u32,
        rounding: FloatRounding::Nearest as u32,
        seed: 0,
    };

    fn rules(&self) -> Result<ConvertRules> {
        let rule = c"must be a PTQK_FLOAT_ROUNDING constant";
        Ok(ConvertRules {
            overflow: choose(self.overflow, c"overflow", c"must be a PTQK_OVERFLOW constant")?,
            nan: choose(self.nan_rule, c"nan_rule", c"must be a PTQK_NAN_RULE constant")?,
            rounding: choose(self.rounding, c"rounding", rule)?,
            seed: self.seed,
        })
    }

    fn bad_rounding(&self, rule: &'static core::ffi::CStr) -> Error {
        Error::field(c"params", c"rounding", rule, f64::from(self.rounding))
    }

    /// Checks the documented ranges for a destination of 16 or 32 bits.
    pub fn validate(&self) -> Result<ConvertRules> {
        let rules = self.rules()?;
        if matches!(rules.rounding, FloatRounding::Up | FloatRounding::Down) {
            return Err(self.bad_rounding(c"must be nearest or stochastic"));
        }
        Ok(rules)
    }

    /// Checks the documented ranges for codes of `code_type`.
    pub fn validate_for(&self, code_type: CodeType) -> Result<ConvertRules> {
        let rules = self.rules()?;
        match (code_type, rules.rounding) {
            (CodeType::E8m0, FloatRounding::Stochastic) => {
                Err(self.bad_rounding(c"must be nearest, up or down with E8M0"))
            }
            (CodeType::Nf4, rounding) if rounding != FloatRounding::Nearest => {
                Err(self.bad_rounding(c"must be nearest with NF4"))
            }
            (CodeType::E8m0 | CodeType::Nf4, _) => Ok(rules),
            _ => self.validate(),
        }
    }
}

sized!(ConvertParams);

/// Settings of `ptqk_fake_convert`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct FakeConvertParams {
    /// `sizeof(ptqk_fake_convert_params)`, filled by `ptqk_fake_convert_params_default`.
    pub size: u32,
    /// One of the `PTQK_GRANULARITY_` constants: which elements share a scale and a shift. Default:
    /// tensor.
    pub granularity: u32,
    /// Elements of a group. Unit: elements. Range: `>= 1` with `PTQK_GRANULARITY_GROUP`, not read
    /// otherwise. Default: 0.
    pub group_size: u32,
    /// The float type: a `PTQK_CODE_TYPE_` constant of a float type with a sign. Default:
    /// `PTQK_CODE_TYPE_E4M3`. Source: NNCF `destination_type`.
    pub destination_type: u32,
    /// `PTQK_NAN_RULE_KEEP` or `PTQK_NAN_RULE_NEGATIVE_MAX` (default, as OpenVINO).
    pub nan_rule: u32,
}

impl FakeConvertParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        granularity: Granularity::Tensor as u32,
        group_size: 0,
        destination_type: CodeType::E4m3 as u32,
        nan_rule: NanRule::NegativeMax as u32,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<(Sharing, FloatFormat, NanRule)> {
        let destination = float_format(self.destination_type)?;
        let nan = choose(self.nan_rule, c"nan_rule", c"must be a PTQK_NAN_RULE constant")?;
        Ok((Sharing::new(self.granularity, self.group_size)?, destination, nan))
    }
}

sized!(FakeConvertParams);

/// The format of a float type with a sign.
fn float_format(value: u32) -> Result<FloatFormat> {
    let rule = c"must be a PTQK_CODE_TYPE constant of a float type with a sign";
    let destination: CodeType = choose(value, c"destination_type", rule)?;
    let refused = Error::field(c"params", c"destination_type", rule, f64::from(value));
    destination.float_format().ok_or(refused)
}

/// Settings of `ptqk_fp8_scale_from_min_max`.
///
/// Source: NNCF `FP8QuantizationParameters`, and `calculate_convert_parameters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Fp8Params {
    /// `sizeof(ptqk_fp8_params)`, filled by `ptqk_fp8_params_default`.
    pub size: u32,
    /// The float type, as in `ptqk_fake_convert_params`. Default: `PTQK_CODE_TYPE_E4M3`. Source:
    /// `destination_type`.
    pub destination_type: u32,
    /// 1: one scale per channel, 0 (default): one scale per tensor, which `activation_scale`
    /// multiplies. Source: NNCF quantizes activations per tensor and weights per channel.
    pub per_channel: u32,
    /// Factor of a scale per tensor: below 1 it leaves room above the largest magnitude that
    /// calibration saw. Range: finite, > 0. Default: 0.5, as NNCF has it. 1 is without.
    pub activation_scale: f32,
}

impl Fp8Params {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        destination_type: CodeType::E4m3 as u32,
        per_channel: 0,
        activation_scale: 0.5,
    };

    /// Checks the documented ranges; gives the format, and the factor of one scale for all.
    pub fn validate(&self) -> Result<(FloatFormat, Option<f32>)> {
        let destination = float_format(self.destination_type)?;
        let per_channel = crate::params::flag(self.per_channel, c"per_channel")?;
        if !(self.activation_scale > 0.0 && self.activation_scale < f32::INFINITY) {
            let value = f64::from(self.activation_scale);
            let rule = c"must be finite and above 0";
            return Err(Error::field(c"params", c"activation_scale", rule, value));
        }
        Ok((destination, (!per_channel).then_some(self.activation_scale)))
    }
}

sized!(Fp8Params);

const _: () = assert!(size_of::<ConvertParams>() == 24, "ptqk_convert_params");
const _: () = assert!(size_of::<FakeConvertParams>() == 20, "ptqk_fake_convert_params");
const _: () = assert!(size_of::<Fp8Params>() == 16, "ptqk_fp8_params");
