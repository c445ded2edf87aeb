//! Parameters of the estimation of a codebook.

use crate::formats::FloatFormat;
use crate::params::matrix::CodeType;
use crate::params::weights::group_size;
use crate::params::{flag, sized};
use crate::status::{Error, Result};
use core::num::NonZeroUsize;

/// The `value_type` of a codebook whose values stay f32.
pub const CODEBOOK_VALUES_F32: u32 = u32::MAX;

/// Settings of `ptqk_estimate_codebook`.
///
/// Source: NNCF `AdvancedAdaptiveCodebookParameters` and `CodebookEstimation`, Python package
/// version 3.4.0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodebookParams {
    /// `sizeof(ptqk_codebook_params)`, filled by `ptqk_codebook_params_default`.
    pub size: u32,
    /// Values of the codebook. Range: `2..256`, and no more than there are different finite numbers
    /// of `value_type` (253 with E4M3, 15 with E2M1). Default: 16. Source: `num_elements`; NNCF
    /// takes at most 16.
    pub num_elements: u32,
    /// As in `ptqk_weight_params`: weights that share a scale, along the reduction axis. Unit:
    /// elements. Range: -1 (all weights of an output channel), or `>= 1` and a divisor of the input
    /// channels. Default: -1. Source: `group_size`; NNCF takes -1 only with `across_blocks`.
    pub group_size: i32,
    /// As in `ptqk_weight_params`: 1: weights are `[out, in]`; 0: weights are `[in, out]`. The
    /// codebook is the same for a matrix and its transpose. Default: 1.
    pub reduction_axis: u32,
    /// Type whose numbers the values are: a `PTQK_CODE_TYPE_` constant of a float type with a sign,
    /// or `PTQK_CODEBOOK_VALUES_F32`. Default: `PTQK_CODE_TYPE_E4M3`. Source: `value_type`.
    pub value_type: u32,
    /// 1: values are rounded to f16 before they are rounded to `value_type`, as NNCF does; 0
    /// (default): they are rounded once.
    pub fp8_through_f16: u32,
    /// 1: one codebook for several weights, each judged in proportion to the mean magnitude of its
    /// activations. 0: one codebook for one weight. Default: 0. Source: `across_blocks`.
    pub across_blocks: u32,
    /// How weights are scaled before they are clustered. 0: by the largest magnitude of the group,
    /// as `ptqk_compress_weights` scales them. 1: by the element of largest magnitude with its sign
    /// (of two, the negative one), so that every group has it at the upper end: NNCF does so
    /// without `across_blocks`, although its compression does not, and misses the codebooks of
    /// weights whose long tail is negative. Default: 0. Source:
    /// `calculate_float_quantization_params` (`signed`).
    pub signed_scale: u32,
    /// Bins of the histogram that is clustered instead of the weights. Range: 0, `2..1048576`.
    /// Default: 0, which stands for 700, or 100000 with `across_blocks`. Source: `intervals`.
    pub intervals: u32,
    /// Most iterations of the clustering. Range: `1..10000`. Default: 70. Source: `max_iter`.
    pub max_iterations: u32,
    /// The clustering ends once no value moves by as much. Unit: that of the default codebook.
    /// Range: `>= 0`, finite. Default: 1e-5. Source: `KMeansWeighted.fit`.
    pub tolerance: f32,
    /// Number of values of `default_codebook`. Range: `2..256`; not read if that is NULL. Default:
    /// 0.
    pub default_codebook_size: u32,
    /// Finite values in strictly ascending order, not all 0. Weights are scaled to its largest
    /// magnitude before they are clustered, and it is a candidate if it has `num_elements` values.
    /// Default: NULL, which stands for the 16 values of `PTQK_WEIGHT_MODE_CB4`. Source: `codebook`.
    pub default_codebook: *const f32,
}

/// `CodebookParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodebookRules {
    /// Values of the codebook.
    pub elements: usize,
    /// Elements of a group, `None` for a whole channel.
    pub group: Option<NonZeroUsize>,
    /// Whether groups lie in a column.
    pub by_column: bool,
    /// The format of the values, `None` for f32.
    pub values: Option<FloatFormat>,
    /// Whether values go through f16.
    pub through_f16: bool,
    /// Whether weights share the codebook.
    pub across_blocks: bool,
    /// Whether the scale of the clustering has a sign.
    pub signed_scale: bool,
    /// Bins of the histogram.
    pub intervals: usize,
    /// Most iterations.
    pub max_iterations: usize,
    /// Smallest movement that counts.
    pub tolerance: f32,
    /// Values of the default codebook, 0 if it is CB4.
    pub default_size: usize,
}

impl CodebookParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        num_elements: 16,
        group_size: -1,
        reduction_axis: 1,
        value_type: CodeType::E4m3 as u32,
        fp8_through_f16: 0,
        across_blocks: 0,
        signed_scale: 0,
        intervals: 0,
        max_iterations: 70,
        tolerance: 1e-5,
        default_codebook_size: 0,
        default_codebook: core::ptr::null(),
    };

    /// Checks the documented ranges, without the shape and without the values of the default
    /// codebook.
    pub fn validate(&self) -> Result<CodebookRules> {
        let refuse = |field, rule, value| Err(Error::field(c"params", field, rule, value));
        let values = match CodeType::try_from(self.value_type).ok().and_then(CodeType::float_format)
        {
            None if self.value_type != CODEBOOK_VALUES_F32 => {
                let rule = c"must be a PTQK_CODE_TYPE constant of a float type with a sign, or \
                    PTQK_CODEBOOK_VALUES_F32";
                return refuse(c"value_type", rule, f64::from(self.value_type));
            }
            values => values,
        };
        let elements = self.num_elements;
        if !(2..=256).contains(&elements) {
            return refuse(c"num_elements", c"must be in 2..256", f64::from(elements));
        }
        if values.is_some_and(|format| elements > 2 * u32::from(format.largest()) + 1) {
            let rule = c"must not exceed the different numbers of value_type";
            return refuse(c"num_elements", rule, f64::from(elements));
        }
        let group = group_size(self.group_size)?;
        let by_column = !flag(self.reduction_axis, c"reduction_axis")?;
        let through_f16 = flag(self.fp8_through_f16, c"fp8_through_f16")?;
        let across_blocks = flag(self.across_blocks, c"across_blocks")?;
        let signed_scale = flag(self.signed_scale, c"signed_scale")?;
        let intervals = match self.intervals {
            0 if across_blocks => 100_000,
            0 => 700,
            bins @ 2..=1_048_576 => bins as usize,
            bins => return refuse(c"intervals", c"must be 0 or in 2..1048576", f64::from(bins)),
        };
        let max_iterations = self.max_iterations;
        if !(1..=10_000).contains(&max_iterations) {
            let rule = c"must be in 1..10000";
            return refuse(c"max_iterations", rule, f64::from(max_iterations));
        }
        if !(0.0..f32::INFINITY).contains(&self.tolerance) {
            let rule = c"must be finite and not negative";
            return refuse(c"tolerance", rule, f64::from(self.tolerance));
        }
        let default_size = if self.default_codebook.is_null() {
            0
        } else if (2..=256).contains(&self.default_codebook_size) {
            self.default_codebook_size as usize
        } else {
            let value = f64::from(self.default_codebook_size);
            return refuse(c"default_codebook_size", c"must be in 2..256", value);
        };
        Ok(CodebookRules {
            elements: elements as usize,
            group,
            by_column,
            values,
            through_f16,
            across_blocks,
            signed_scale,
            intervals,
            max_iterations: max_iterations as usize,
            tolerance: self.tolerance,
            default_size,
        })
    }
}

sized!(CodebookParams);

const _: () =
    assert!(size_of::<CodebookParams>() == 48 + size_of::<usize>(), "ptqk_codebook_params");
