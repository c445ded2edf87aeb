//! Parameters of requantization: from 32-bit accumulators to 8-bit codes.

use crate::params::elementwise::{Granularity, code_range};
use crate::params::matrix::CodeType;
use crate::params::{choice, choose, sized};
use crate::status::{Error, Result};

/// How the fixed-point form rounds.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixedPoint {
    /// Twice: the product to 32 bits, then the shift. The rule of gemmlowp, of the reference
    /// kernels of TensorFlow Lite and of CMSIS-NN by default.
    DoubleRounding = 0,
    /// Once, half up. The rule of `TFLITE_SINGLE_ROUNDING` and `CMSIS_NN_USE_SINGLE_ROUNDING`.
    SingleRounding = 1,
}

choice!(FixedPoint: DoubleRounding, SingleRounding);

/// Settings of `ptqk_requantize` and `ptqk_requantize_fixed`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct RequantizeParams {
    /// `sizeof(ptqk_requantize_params)`, filled by `ptqk_requantize_params_default`.
    pub size: u32,
    /// `PTQK_GRANULARITY_TENSOR` (default), `_ROW` or `_COLUMN`: which accumulators share a scale.
    pub granularity: u32,
    /// `PTQK_FIXED_POINT_DOUBLE_ROUNDING` (default) or `_SINGLE_ROUNDING`. Only
    /// `ptqk_requantize_fixed` looks at it.
    pub fixed_point: u32,
    /// Zero point of the output. Range: that of the code type. Default: 0.
    pub zero_point: i32,
    /// Smallest code, as in `ptqk_quantize_params`; also the place of a fused ReLU. Default:
    /// `INT32_MIN`.
    pub code_min: i32,
    /// Largest code. Default: `INT32_MAX`.
    pub code_max: i32,
}

/// Which accumulators share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalePer {
    /// All.
    Tensor,
    /// Those of a row.
    Row,
    /// Those of a column.
    Column,
}

/// `RequantizeParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requantization {
    /// Which accumulators share a scale.
    pub sharing: ScalePer,
    /// Rounding of the fixed-point form.
    pub fixed_point: FixedPoint,
    /// Zero point of the output.
    pub zero_point: i32,
    /// Smallest code.
    pub min: i32,
    /// Largest code.
    pub max: i32,
}

impl RequantizeParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        granularity: Granularity::Tensor as u32,
        fixed_point: FixedPoint::DoubleRounding as u32,
        zero_point: 0,
        code_min: i32::MIN,
        code_max: i32::MAX,
    };

    /// Checks the documented ranges for codes of `code_type`.
    pub fn validate(&self, code_type: CodeType) -> Result<Requantization> {
        let rule = c"must be PTQK_GRANULARITY_TENSOR, _ROW or _COLUMN";
        let sharing = match choose(self.granularity, c"granularity", rule)? {
            Granularity::Tensor => ScalePer::Tensor,
            Granularity::Row => ScalePer::Row,
            Granularity::Column => ScalePer::Column,
            Granularity::Group => {
                let value = f64::from(self.granularity);
                return Err(Error::field(c"params", c"granularity", rule, value));
            }
        };
        let (low, high) = code_type.range();
        if !(low..=high).contains(&self.zero_point) {
            let rule = c"must be within the code type";
            let value = f64::from(self.zero_point);
            return Err(Error::field(c"params", c"zero_point", rule, value));
        }
        let (min, max) = code_range(self.code_min, self.code_max, code_type)?;
        let rule = c"must be a PTQK_FIXED_POINT constant";
        let fixed_point = choose(self.fixed_point, c"fixed_point", rule)?;
        Ok(Requantization { sharing, fixed_point, zero_point: self.zero_point, min, max })
    }
}

sized!(RequantizeParams);

const _: () = assert!(size_of::<RequantizeParams>() == 24, "ptqk_requantize_params");
