//! Parameters of weight compression.

use crate::params::matrix::{CodeType, Dtype};
use crate::params::{choice, choose, sized};
use crate::status::{Error, Result};
use core::num::NonZeroUsize;

/// Number format of compressed weights.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightMode {
    /// Signed 8-bit codes, `w = code * scale`. Codes: `PTQK_CODE_TYPE_I8`.
    Int8Sym = 0,
    /// Unsigned 8-bit codes, `w = (code - zero_point) * scale`. Codes: `PTQK_CODE_TYPE_U8`.
    Int8Asym = 1,
    /// Signed 4-bit codes. Codes: `PTQK_CODE_TYPE_I4`.
    Int4Sym = 2,
    /// Unsigned 4-bit codes with a zero point. Codes: `PTQK_CODE_TYPE_U4`.
    Int4Asym = 3,
    /// Signed 3-bit codes, stored with 4 added: `w = (code - 4) * scale`. Codes:
    /// `PTQK_CODE_TYPE_U3`.
    Int3Sym = 4,
    /// Signed 2-bit codes, stored with 2 added: `w = (code - 2) * scale`. Codes:
    /// `PTQK_CODE_TYPE_U2`.
    Int2Sym = 5,
}

choice!(WeightMode: Int8Sym, Int8Asym, Int4Sym, Int4Asym, Int3Sym, Int2Sym);

impl WeightMode {
    /// Bits of a code.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Int8Sym | Self::Int8Asym => 8,
            Self::Int4Sym | Self::Int4Asym => 4,
            Self::Int3Sym => 3,
            Self::Int2Sym => 2,
        }
    }

    /// Type of the stored codes.
    #[must_use]
    pub const fn code_type(self) -> CodeType {
        match self {
            Self::Int8Sym => CodeType::I8,
            Self::Int8Asym => CodeType::U8,
            Self::Int4Sym => CodeType::I4,
            Self::Int4Asym => CodeType::U4,
            Self::Int3Sym => CodeType::U3,
            Self::Int2Sym => CodeType::U2,
        }
    }

    /// Whether every group has a zero point.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        matches!(self, Self::Int8Asym | Self::Int4Asym)
    }

    /// The stored code of a weight of 0 where all groups share it.
    #[must_use]
    pub const fn fixed_zero_point(self) -> i32 {
        match self {
            Self::Int3Sym => 4,
            Self::Int2Sym => 2,
            _ => 0,
        }
    }
}

/// Range of a group in the asymmetric modes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsymmetricRange {
    /// Minimum and maximum, widened to include 0 (NNCF 3.4.0).
    WithZero = 0,
    /// Minimum and maximum as they are (NNCF before 3.4.0): a group whose weights all have one
    /// sign loses its values. For comparison only.
    AsIs = 1,
}

choice!(AsymmetricRange: WithZero, AsIs);

/// Settings of weight compression. The same structure goes to every function that reads the
/// result.
///
/// Source: NNCF `compress_weights` (`mode`, `group_size`), Python package version 3.4.0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct WeightParams {
    /// `sizeof(ptqk_weight_params)`, filled by `ptqk_weight_params_default`.
    pub size: u32,
    /// One of the `PTQK_WEIGHT_MODE_` constants. Default: `PTQK_WEIGHT_MODE_INT8_ASYM`.
    pub mode: u32,
    /// Weights that share a scale, along the reduction axis. Unit: elements. Range: -1 (all
    /// weights of an output channel), or `>= 1` and a divisor of the input channels. Default: -1.
    /// `ptqk_resolve_group_size` finds a size that fits. Source: `group_size`.
    pub group_size: i32,
    /// 1: weights are `[out, in]`, groups lie in a row. 0: weights are `[in, out]`, groups lie in
    /// a column. Default: 1.
    pub reduction_axis: u32,
    /// Type in which scales are stored: `PTQK_DTYPE_F32` or `PTQK_DTYPE_F16`. The codes follow
    /// from the f32 scale in both cases. Default: `PTQK_DTYPE_F16`, as NNCF stores them.
    pub scale_dtype: u32,
    /// `PTQK_ASYMMETRIC_RANGE_WITH_ZERO` (default) or `_AS_IS`.
    pub asymmetric_range: u32,
}

/// `WeightParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightFormat {
    /// Number format.
    pub mode: WeightMode,
    /// Elements of a group, `None` for a whole channel.
    pub group: Option<NonZeroUsize>,
    /// Whether groups lie in a column.
    pub by_column: bool,
    /// Whether scales are stored as f16.
    pub half_scales: bool,
    /// Range rule of the asymmetric modes.
    pub range: AsymmetricRange,
}

impl WeightParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        mode: WeightMode::Int8Asym as u32,
        group_size: -1,
        reduction_axis: 1,
        scale_dtype: Dtype::F16 as u32,
        asymmetric_range: AsymmetricRange::WithZero as u32,
    };

    /// Checks the documented ranges, without the shape.
    pub fn validate(&self) -> Result<WeightFormat> {
        let mode = choose(self.mode, c"mode", c"must be a PTQK_WEIGHT_MODE constant")?;
        let group = group_size(self.group_size)?;
        if self.reduction_axis > 1 {
            let value = f64::from(self.reduction_axis);
            return Err(Error::field(c"params", c"reduction_axis", c"must be 0 or 1", value));
        }
        let rule = c"must be PTQK_DTYPE_F32 or PTQK_DTYPE_F16";
        let half_scales = match choose(self.scale_dtype, c"scale_dtype", rule)? {
            Dtype::F32 => false,
            Dtype::F16 => true,
            Dtype::Bf16 => {
                let value = f64::from(self.scale_dtype);
                return Err(Error::field(c"params", c"scale_dtype", rule, value));
            }
        };
        let rule = c"must be a PTQK_ASYMMETRIC_RANGE constant";
        let range = choose(self.asymmetric_range, c"asymmetric_range", rule)?;
        Ok(WeightFormat { mode, group, by_column: self.reduction_axis == 0, half_scales, range })
    }
}

fn group_size(value: i32) -> Result<Option<NonZeroUsize>> {
    match usize::try_from(value).map(NonZeroUsize::new) {
        Ok(Some(group)) => Ok(Some(group)),
        _ if value == -1 => Ok(None),
        _ => {
            let rule = c"must be -1 or at least 1";
            Err(Error::field(c"params", c"group_size", rule, f64::from(value)))
        }
    }
}

sized!(WeightParams);

/// Sizes of the outputs of `ptqk_compress_weights`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeightLayout {
    /// Type of the codes, a `PTQK_CODE_TYPE_` constant.
    pub code_type: u32,
    /// Bits of a code.
    pub bits: u32,
    /// Bytes of a row of codes: the smallest `row_stride_bytes`.
    pub code_row_bytes: usize,
    /// Bytes of all codes with that stride.
    pub code_bytes: usize,
    /// Number of groups, each with one scale. They are stored row-major as
    /// `[rows, cols / group]`, or `[rows / group, cols]` with `reduction_axis` 0.
    pub groups: usize,
    /// Bytes of the scales.
    pub scale_bytes: usize,
    /// Bytes of the zero points: one `uint8_t` per group in the asymmetric modes, 0 otherwise.
    pub zero_point_bytes: usize,
    /// Sum of the three.
    pub total_bytes: usize,
}

/// Distance between weights and their compressed form.
///
/// Source: NNCF `get_integer_quantization_error`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct WeightError {
    /// Largest mean squared error of an output channel.
    pub max_mean_squared: f32,
    /// Frobenius norm of the error.
    pub frobenius: f32,
}

/// What happens to a channel whose size is not a multiple of the group size.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupFallback {
    /// Refuse.
    Error = 0,
    /// Leave the weights in floating point.
    Ignore = 1,
    /// Use the largest power of two that divides the channel size.
    Adjust = 2,
}

choice!(GroupFallback: Error, Ignore, Adjust);

/// What to do with a weight.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// Compress with the group size of the answer.
    Compress = 0,
    /// Use the backup mode: `PTQK_WEIGHT_MODE_INT8_ASYM`, one group per channel.
    Backup = 1,
    /// Leave in floating point.
    Skip = 2,
}

/// Settings of `ptqk_resolve_group_size`.
///
/// Source: NNCF `AdvancedCompressionParameters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct GroupFallbackParams {
    /// `sizeof(ptqk_group_fallback_params)`, filled by `ptqk_group_fallback_params_default`.
    pub size: u32,
    /// One of the `PTQK_GROUP_FALLBACK_` constants. Default: error. Source:
    /// `group_size_fallback_mode`.
    pub fallback_mode: u32,
    /// The group size that is wished for. Range: -1 or `>= 1`. Default: 128. Source:
    /// `group_size`.
    pub group_size: i32,
    /// Smallest group size that `PTQK_GROUP_FALLBACK_ADJUST` may choose; below it the answer is
    /// the backup mode. Range: `>= 1`. Default: 32. Source: `min_adjusted_group_size`.
    pub min_adjusted_group_size: u32,
}

impl GroupFallbackParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        fallback_mode: GroupFallback::Error as u32,
        group_size: 128,
        min_adjusted_group_size: 32,
    };

    /// Checks the documented ranges; gives the mode and the wished group.
    pub fn validate(&self) -> Result<(GroupFallback, Option<NonZeroUsize>)> {
        let rule = c"must be a PTQK_GROUP_FALLBACK constant";
        let fallback = choose(self.fallback_mode, c"fallback_mode", rule)?;
        if self.min_adjusted_group_size == 0 {
            let rule = c"must be at least 1";
            return Err(Error::field(c"params", c"min_adjusted_group_size", rule, 0.0));
        }
        Ok((fallback, group_size(self.group_size)?))
    }
}

sized!(GroupFallbackParams);

/// Answer of `ptqk_resolve_group_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct GroupChoice {
    /// One of the `PTQK_GROUP_ACTION_` constants.
    pub action: u32,
    /// Group size to use; -1 for one group per channel, 0 with `PTQK_GROUP_ACTION_SKIP`.
    pub group_size: i32,
}

const _: () = assert!(size_of::<WeightParams>() == 24, "ptqk_weight_params");
const _: () = assert!(size_of::<GroupFallbackParams>() == 16, "ptqk_group_fallback_params");
