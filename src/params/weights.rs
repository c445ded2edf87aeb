//! Parameters of weight compression.

use crate::params::matrix::{CodeType, Dtype};
use crate::params::{choice, choose, flag, sized};
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
    /// `w = nf4[code] * scale`, scale the largest magnitude. Codes: `PTQK_CODE_TYPE_NF4`.
    Nf4 = 6,
    /// E2M1 numbers with a float scale. Codes: `PTQK_CODE_TYPE_E2M1`.
    Fp4 = 7,
    /// MX block of 32 E2M1 numbers with an E8M0 scale. Codes: `PTQK_CODE_TYPE_E2M1`.
    Mxfp4 = 8,
    /// Blocks of 16 E2M1 numbers with an E4M3 scale, which a scale of the whole matrix (f32)
    /// multiplies. Codes: `PTQK_CODE_TYPE_E2M1`.
    Nvfp4 = 9,
    /// E4M3 numbers with a float scale. Codes: `PTQK_CODE_TYPE_E4M3`.
    Fp8E4m3 = 10,
    /// E5M2 numbers with a float scale, better an f32 one. Codes: `PTQK_CODE_TYPE_E5M2`.
    Fp8E5m2 = 11,
    /// MX block of 32 E4M3 numbers with an E8M0 scale. Codes: `PTQK_CODE_TYPE_E4M3`.
    Mxfp8E4m3 = 12,
    /// MX block of 32 E5M2 numbers. Codes: `PTQK_CODE_TYPE_E5M2`.
    Mxfp8E5m2 = 13,
    /// MX block of 32 E3M2 numbers. Codes: `PTQK_CODE_TYPE_E3M2`.
    Mxfp6E3m2 = 14,
    /// MX block of 32 E2M3 numbers. Codes: `PTQK_CODE_TYPE_E2M3`.
    Mxfp6E2m3 = 15,
    /// MX block of 32 fixed-point numbers: `w = code / 64 * scale`, scale E8M0. Codes:
    /// `PTQK_CODE_TYPE_I8`.
    Mxint8 = 16,
    /// `w = cb4[code] * scale`: NNCF's codebook of 16 values from -3.5 to 3.5. Codes:
    /// `PTQK_CODE_TYPE_U4`.
    Cb4 = 17,
    /// `w = codebook[code] * scale`, with the codebook of the parameters. Codes:
    /// `PTQK_CODE_TYPE_U4` for up to 16 values, `_U8` for up to 256, else `_U16`.
    Codebook = 18,
}

choice!(
    WeightMode: Int8Sym, Int8Asym, Int4Sym, Int4Asym, Int3Sym, Int2Sym, Nf4, Fp4, Mxfp4, Nvfp4,
    Fp8E4m3, Fp8E5m2, Mxfp8E4m3, Mxfp8E5m2, Mxfp6E3m2, Mxfp6E2m3, Mxint8, Cb4, Codebook
);

impl WeightMode {
    /// Type of the stored codes; that of a codebook follows from its size.
    const fn code_type(self, codebook_size: usize) -> CodeType {
        match self {
            Self::Int8Sym | Self::Mxint8 => CodeType::I8,
            Self::Int8Asym => CodeType::U8,
            Self::Int4Sym => CodeType::I4,
            Self::Int4Asym | Self::Cb4 => CodeType::U4,
            Self::Int3Sym => CodeType::U3,
            Self::Int2Sym => CodeType::U2,
            Self::Nf4 => CodeType::Nf4,
            Self::Fp4 | Self::Mxfp4 | Self::Nvfp4 => CodeType::E2m1,
            Self::Fp8E4m3 | Self::Mxfp8E4m3 => CodeType::E4m3,
            Self::Fp8E5m2 | Self::Mxfp8E5m2 => CodeType::E5m2,
            Self::Mxfp6E3m2 => CodeType::E3m2,
            Self::Mxfp6E2m3 => CodeType::E2m3,
            Self::Codebook if codebook_size <= 16 => CodeType::U4,
            Self::Codebook if codebook_size <= 256 => CodeType::U8,
            Self::Codebook => CodeType::U16,
        }
    }

    /// Whether codes are integers with a scale that follows from the extremes of a group.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        (self as u32) <= Self::Int2Sym as u32
    }

    /// Whether scales are powers of two.
    #[must_use]
    pub const fn is_mx(self) -> bool {
        matches!(
            self,
            Self::Mxfp4
                | Self::Mxfp8E4m3
                | Self::Mxfp8E5m2
                | Self::Mxfp6E3m2
                | Self::Mxfp6E2m3
                | Self::Mxint8
        )
    }

    /// The only group size, where there is one.
    const fn block(self) -> Option<usize> {
        match self {
            Self::Nvfp4 => Some(16),
            _ if self.is_mx() => Some(32),
            _ => None,
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

/// How the scale of an MX block follows from its largest magnitude.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MxScale {
    /// `2^ceil(log2(amax / max))`, exact: no element is saturated (NNCF's reference).
    Ceil = 0,
    /// The same with `ln(scale) / ln(2)` in f32, as NNCF's compiled path has it: a few exact powers
    /// of two get the next larger scale.
    CeilLogarithm = 1,
    /// `2^(floor(log2(amax)) - emax)`, where `2^emax` is the largest power of two of the element
    /// type: elements near the largest can saturate. Source: OCP microscaling (MX) 1.0, 6.3.
    Floor = 2,
}

choice!(MxScale: Ceil, CeilLogarithm, Floor);

/// Where a scale is kept away from 0 in the float and codebook modes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleGuard {
    /// A scale below `2^-23` becomes `2^-23` (NNCF's reference).
    Scale = 0,
    /// A largest magnitude below `2^-23` becomes `2^-23` (NNCF's compiled path).
    Magnitude = 1,
}

choice!(ScaleGuard: Scale, Magnitude);

/// Settings of weight compression. The same structure goes to every function that reads the
/// result.
///
/// Source: NNCF `compress_weights` (`mode`, `group_size`), Python package version 3.4.0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightParams {
    /// `sizeof(ptqk_weight_params)`, filled by `ptqk_weight_params_default`.
    pub size: u32,
    /// One of the `PTQK_WEIGHT_MODE_` constants. Default: `PTQK_WEIGHT_MODE_INT8_ASYM`.
    pub mode: u32,
    /// Weights that share a scale, along the reduction axis. Unit: elements. Range: -1 (all
    /// weights of an output channel), or `>= 1` and a divisor of the input channels. The MX modes
    /// have blocks of 32 and NVFP4 of 16: -1 means these, too. Default: -1.
    /// `ptqk_resolve_group_size` finds a size that fits. Source: `group_size`.
    pub group_size: i32,
    /// 1: weights are `[out, in]`, groups lie in a row. 0: weights are `[in, out]`, groups lie in
    /// a column. Default: 1.
    pub reduction_axis: u32,
    /// Type in which scales are stored: `PTQK_DTYPE_F32` or `PTQK_DTYPE_F16`. The codes follow
    /// from the f32 scale in both cases. Default: `PTQK_DTYPE_F16`, as NNCF stores them. MX modes
    /// store E8M0 bytes and NVFP4 E4M3 bytes, whatever this says. The scales of FP8_E5M2 are small,
    /// `amax / 57344`: below 3.5 the f16 is a subnormal and loses bits, f32 does not.
    pub scale_dtype: u32,
    /// `PTQK_ASYMMETRIC_RANGE_WITH_ZERO` (default) or `_AS_IS`. Only the asymmetric modes read it.
    pub asymmetric_range: u32,
    /// `PTQK_MX_SCALE_CEIL` (default), `_CEIL_LOGARITHM` or `_FLOOR`. Only the MX modes read it.
    pub mx_scale: u32,
    /// `PTQK_SCALE_GUARD_SCALE` (default) or `_MAGNITUDE`. Integer modes do not read it.
    pub scale_guard: u32,
    /// 1: what becomes FP8, codes and the scales of NVFP4, is rounded to f16 first, as NNCF does; 0
    /// (default): it is rounded once.
    pub fp8_through_f16: u32,
    /// Number of values of `codebook`. Range: `2..65536` with `PTQK_WEIGHT_MODE_CODEBOOK`, not read
    /// otherwise. Default: 0.
    pub codebook_size: u32,
    /// Finite values in strictly ascending order, not all 0. Not NULL with
    /// `PTQK_WEIGHT_MODE_CODEBOOK`, not read otherwise. Default: NULL. Source: NNCF `codebook`.
    pub codebook: *const f32,
}

/// How scales are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleType {
    /// As f32.
    F32,
    /// As f16.
    F16,
    /// As powers of two, one byte.
    E8m0,
    /// As E4M3, one byte, relative to a scale of the matrix.
    E4m3,
}

impl ScaleType {
    /// Bytes of a scale.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::E8m0 | Self::E4m3 => 1,
        }
    }
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
    /// How scales are stored.
    pub scales: ScaleType,
    /// Range rule of the asymmetric modes.
    pub range: AsymmetricRange,
    /// Scale rule of the MX modes.
    pub mx_scale: MxScale,
    /// Smallest scale of the float modes.
    pub guard: ScaleGuard,
    /// Whether FP8 goes through f16.
    pub through_f16: bool,
    /// Values of the codebook.
    pub codebook_size: usize,
}

impl WeightFormat {
    /// Type of the codes.
    #[must_use]
    pub const fn code_type(&self) -> CodeType {
        self.mode.code_type(self.codebook_size)
    }

    /// Bits of a code.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        let (codes, bytes) = self.code_type().unit();
        (8 * bytes / codes) as u32
    }
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
        mx_scale: MxScale::Ceil as u32,
        scale_guard: ScaleGuard::Scale as u32,
        fp8_through_f16: 0,
        codebook_size: 0,
        codebook: core::ptr::null(),
    };

    /// 4 bits in groups of 128: what correction of the error is meant for.
    #[cfg(any(feature = "gptq", feature = "lora"))]
    pub(crate) const INT4: Self =
        Self { mode: WeightMode::Int4Sym as u32, group_size: 128, ..Self::DEFAULT };

    /// Checks the documented ranges, without the shape.
    pub fn validate(&self) -> Result<WeightFormat> {
        let mode: WeightMode = choose(self.mode, c"mode", c"must be a PTQK_WEIGHT_MODE constant")?;
        let refuse = |field, rule, value| Err(Error::field(c"params", field, rule, value));
        let mut group = group_size(self.group_size)?;
        if let Some(block) = mode.block() {
            if group.is_some_and(|group| group.get() != block) {
                let mx = c"must be 32 or -1 with the MX modes";
                let rule = if block == 32 { mx } else { c"must be 16 or -1 with NVFP4" };
                return refuse(c"group_size", rule, f64::from(self.group_size));
            }
            group = NonZeroUsize::new(block);
        }
        if self.reduction_axis > 1 {
            let value = f64::from(self.reduction_axis);
            return refuse(c"reduction_axis", c"must be 0 or 1", value);
        }
        let rule = c"must be PTQK_DTYPE_F32 or PTQK_DTYPE_F16";
        let floats = match choose(self.scale_dtype, c"scale_dtype", rule)? {
            Dtype::F32 => ScaleType::F32,
            Dtype::F16 => ScaleType::F16,
            Dtype::Bf16 => return refuse(c"scale_dtype", rule, f64::from(self.scale_dtype)),
        };
        let rule = c"must be a PTQK_ASYMMETRIC_RANGE constant";
        let range = choose(self.asymmetric_range, c"asymmetric_range", rule)?;
        let rule = c"must be a PTQK_SCALE_GUARD constant";
        let guard = choose(self.scale_guard, c"scale_guard", rule)?;
        let codebook_size = if mode == WeightMode::Codebook { self.codebook_size } else { 0 };
        if mode == WeightMode::Codebook && !(2..=65536).contains(&codebook_size) {
            return refuse(c"codebook_size", c"must be in 2..65536", f64::from(codebook_size));
        }
        Ok(WeightFormat {
            mode,
            group,
            by_column: self.reduction_axis == 0,
            scales: match mode {
                WeightMode::Nvfp4 => ScaleType::E4m3,
                _ if mode.is_mx() => ScaleType::E8m0,
                _ => floats,
            },
            range,
            mx_scale: choose(self.mx_scale, c"mx_scale", c"must be a PTQK_MX_SCALE constant")?,
            guard,
            through_f16: flag(self.fp8_through_f16, c"fp8_through_f16")?,
            codebook_size: codebook_size as usize,
        })
    }
}

pub(crate) fn group_size(value: i32) -> Result<Option<NonZeroUsize>> {
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
    /// Bytes of the scale of the whole matrix: 4 with NVFP4, 0 otherwise.
    pub tensor_scale_bytes: usize,
    /// Bytes of the zero points: one `uint8_t` per group in the asymmetric modes, 0 otherwise.
    pub zero_point_bytes: usize,
    /// Sum of the four.
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

const _: () = assert!(size_of::<WeightParams>() == 40 + size_of::<usize>(), "ptqk_weight_params");
const _: () = assert!(size_of::<GroupFallbackParams>() == 16, "ptqk_group_fallback_params");
