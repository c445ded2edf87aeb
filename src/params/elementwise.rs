//! Parameters of the functions that walk over a matrix: quantize, fake-quantize, reduce.

use crate::params::matrix::CodeType;
use crate::params::{choice, choose, flag, sized};
use crate::status::{Error, Result};
use core::num::NonZeroUsize;

/// Which elements of a matrix share a parameter.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// All: 1 parameter.
    Tensor = 0,
    /// Those of a row: `rows` parameters.
    Row = 1,
    /// Those of a column: `cols` parameters.
    Column = 2,
    /// `group_size` neighbours in a row, the last group of a row may be shorter:
    /// `rows * ceil(cols / group_size)` parameters, row-major.
    Group = 3,
}

choice!(Granularity: Tensor, Row, Column, Group);

/// A granularity with its group size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One parameter.
    Tensor,
    /// One parameter per row.
    Row,
    /// One parameter per column.
    Column,
    /// One parameter per group of that many neighbours in a row.
    Group(NonZeroUsize),
}

impl Sharing {
    pub(crate) fn new(granularity: u32, group_size: u32) -> Result<Self> {
        let rule = c"must be a PTQK_GRANULARITY constant";
        Ok(match choose(granularity, c"granularity", rule)? {
            Granularity::Tensor => Self::Tensor,
            Granularity::Row => Self::Row,
            Granularity::Column => Self::Column,
            Granularity::Group => {
                Self::Group(NonZeroUsize::new(group_size as usize).ok_or(Error::field(
                    c"params",
                    c"group_size",
                    c"must be at least 1 with PTQK_GRANULARITY_GROUP",
                    0.0,
                ))?)
            }
        })
    }

    /// Number of parameters of a matrix, `None` if that exceeds the address space.
    #[must_use]
    pub fn count(self, rows: usize, cols: usize) -> Option<usize> {
        match self {
            Self::Tensor => Some(1),
            Self::Row => Some(rows),
            Self::Column => Some(cols),
            Self::Group(group) => rows.checked_mul(cols.div_ceil(group.get())),
        }
    }
}

/// Where the zero point is added.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `clamp(round(x / scale) + zero_point)`, as ONNX QuantizeLinear.
    AfterRounding = 0,
    /// `clamp(round(x / scale + zero_point))`, as weight compression.
    BeforeRounding = 1,
}

choice!(Rounding: AfterRounding, BeforeRounding);

/// Settings of `ptqk_quantize` and `ptqk_dequantize`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct QuantizeParams {
    /// `sizeof(ptqk_quantize_params)`, filled by `ptqk_quantize_params_default`.
    pub size: u32,
    /// One of the `PTQK_GRANULARITY_` constants. Default: tensor.
    pub granularity: u32,
    /// Elements of a group. Unit: elements. Range: `>= 1` with `PTQK_GRANULARITY_GROUP`, not read
    /// otherwise. Default: 0.
    pub group_size: u32,
    /// `PTQK_ZERO_POINT_AFTER_ROUNDING` (default) or `PTQK_ZERO_POINT_BEFORE_ROUNDING`: where the zero
    /// point is added. Dequantization does not read it.
    pub zero_point_rounding: u32,
    /// Smallest code. Range: `<= code_max`. Below the range of the code type it means the range of
    /// the type. Default: `INT32_MIN`. Dequantization does not read it.
    pub code_min: i32,
    /// Largest code. As `code_min`. Default: `INT32_MAX`.
    pub code_max: i32,
}

impl QuantizeParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        granularity: Granularity::Tensor as u32,
        group_size: 0,
        zero_point_rounding: Rounding::AfterRounding as u32,
        code_min: i32::MIN,
        code_max: i32::MAX,
    };

    /// Which elements share a parameter.
    pub fn sharing(&self) -> Result<Sharing> {
        Sharing::new(self.granularity, self.group_size)
    }

    /// Where the zero point is added.
    pub fn rounding(&self) -> Result<Rounding> {
        let rule = c"must be a PTQK_ZERO_POINT constant";
        choose(self.zero_point_rounding, c"zero_point_rounding", rule)
    }

    /// The code range within that of `code_type`.
    pub fn code_range(&self, code_type: CodeType) -> Result<(i32, i32)> {
        code_range(self.code_min, self.code_max, code_type)
    }
}

/// `code_min..code_max` within the range of `code_type`.
pub(crate) fn code_range(min: i32, max: i32, code_type: CodeType) -> Result<(i32, i32)> {
    let (low, high) = code_type.range();
    let (low, high) = (min.max(low), max.min(high));
    if low <= high {
        return Ok((low, high));
    }
    let rule = c"must not exceed code_max, both within the code type";
    Err(Error::field(c"params", c"code_min", rule, f64::from(min)))
}

sized!(QuantizeParams);

/// Settings of `ptqk_fake_quantize`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct FakeQuantizeParams {
    /// `sizeof(ptqk_fake_quantize_params)`, filled by `ptqk_fake_quantize_params_default`.
    pub size: u32,
    /// One of the `PTQK_GRANULARITY_` constants. Default: tensor.
    pub granularity: u32,
    /// As in `ptqk_quantize_params`.
    pub group_size: u32,
    /// Number of values that the output can take. Range: `2..65536`. Default: 256.
    pub levels: u32,
}

impl FakeQuantizeParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        granularity: Granularity::Tensor as u32,
        group_size: 0,
        levels: 256,
    };

    /// Checks the documented ranges; gives the sharing and the number of levels.
    pub fn validate(&self) -> Result<(Sharing, u32)> {
        if !(2..=65536).contains(&self.levels) {
            let value = f64::from(self.levels);
            return Err(Error::field(c"params", c"levels", c"must be in 2..65536", value));
        }
        Ok((Sharing::new(self.granularity, self.group_size)?, self.levels))
    }
}

sized!(FakeQuantizeParams);

/// Settings of the reductions: `ptqk_min_max`, `ptqk_abs_max`, `ptqk_sum`, `ptqk_mean`,
/// `ptqk_variance`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct ReduceParams {
    /// `sizeof(ptqk_reduce_params)`, filled by `ptqk_reduce_params_default`.
    pub size: u32,
    /// One of the `PTQK_GRANULARITY_` constants: which elements are reduced to one number.
    /// Default: tensor.
    pub granularity: u32,
    /// As in `ptqk_quantize_params`.
    pub group_size: u32,
    /// Must be 0.
    pub reserved: u32,
}

impl ReduceParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        granularity: Granularity::Tensor as u32,
        group_size: 0,
        reserved: 0,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<Sharing> {
        if self.reserved != 0 {
            let value = f64::from(self.reserved);
            return Err(Error::field(c"params", c"reserved", c"must be 0", value));
        }
        Sharing::new(self.granularity, self.group_size)
    }
}

sized!(ReduceParams);

/// Settings of `ptqk_quantile`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct QuantileParams {
    /// `sizeof(ptqk_quantile_params)`, filled by `ptqk_quantile_params_default`.
    pub size: u32,
    /// One of the `PTQK_GRANULARITY_` constants: which elements the quantiles are of. Default:
    /// tensor.
    pub granularity: u32,
    /// As in `ptqk_quantize_params`.
    pub group_size: u32,
    /// 1: of magnitudes, 0 (default): of the elements. Source: NNCF `StatisticsType.ABS_QUANTILE`
    /// and `QUANTILE`.
    pub magnitude: u32,
}

impl QuantileParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        granularity: Granularity::Tensor as u32,
        group_size: 0,
        magnitude: 0,
    };

    /// Checks the documented ranges; gives the sharing and whether magnitudes are meant.
    pub fn validate(&self) -> Result<(Sharing, bool)> {
        let magnitude = flag(self.magnitude, c"magnitude")?;
        Ok((Sharing::new(self.granularity, self.group_size)?, magnitude))
    }
}

sized!(QuantileParams);

const _: () = assert!(size_of::<QuantileParams>() == 16, "ptqk_quantile_params");
const _: () = assert!(size_of::<QuantizeParams>() == 24, "ptqk_quantize_params");
const _: () = assert!(size_of::<FakeQuantizeParams>() == 16, "ptqk_fake_quantize_params");
const _: () = assert!(size_of::<ReduceParams>() == 16, "ptqk_reduce_params");
