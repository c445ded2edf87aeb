//! Parameters of GPTQ and of the Hessians that it takes.

use crate::params::estimation::{Estimation, ScaleEstimationParams};
use crate::params::matrix::{CodesMut, Matrix, MatrixMut};
use crate::params::weights::{WeightFormat, WeightMode, WeightParams};
use crate::params::{choice, choose, flag, known_size, sized};
use crate::status::{Error, Result};
use core::ffi::c_void;

/// What the sum of products of activations is divided by.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HessianMean {
    /// By half the number of items of the batches: `2 / items * X^T X`, as NNCF.
    Items = 0,
    /// By half the number of tokens, the rows of the activations: `2 / tokens * X^T X`.
    Tokens = 1,
}

choice!(HessianMean: Items, Tokens);

/// What a Hessian is like; stays the same while its state lives.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HessianParams {
    /// `sizeof(ptqk_hessian_params)`, filled by `ptqk_hessian_params_default`.
    pub size: u32,
    /// `PTQK_HESSIAN_MEAN_ITEMS` (default) or `_TOKENS`. GPTQ gives the same codes either way, but for
    /// rounding.
    pub mean: u32,
    /// Input channels of the layer: columns of the activations. Range: `1..2^24`. Default: 0, to
    /// be filled in.
    pub channels: u64,
}

impl HessianParams {
    /// The documented defaults.
    pub const DEFAULT: Self =
        Self { size: size_of::<Self>() as u32, mean: HessianMean::Items as u32, channels: 0 };

    /// Checks the documented ranges; gives the mean and the number of channels.
    pub fn validate(&self) -> Result<(HessianMean, usize)> {
        let mean = choose(self.mean, c"mean", c"must be a PTQK_HESSIAN_MEAN constant")?;
        if !(1..=1 << 24).contains(&self.channels) {
            let rule = c"must be in 1..2^24";
            return Err(Error::field(c"params", c"channels", rule, self.channels as f64));
        }
        Ok((mean, self.channels as usize))
    }
}

sized!(HessianParams);

/// What a Hessian has seen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HessianSummary {
    /// Items of the batches.
    pub items: u64,
    /// Tokens: rows of the activations.
    pub tokens: u64,
}

/// The order in which GPTQ rounds the input channels.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GptqOrder {
    /// From the first to the last.
    Natural = 0,
    /// From the largest diagonal element of the Hessian to the smallest (of equal ones the first
    /// comes first): what matters most is rounded while there is most left to make up for it. Source:
    /// `act_order` of the authors' code.
    Descending = 1,
}

choice!(GptqOrder: Natural, Descending);

/// When the scale and the zero point of a group are taken, and from which weights.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GptqGroups {
    /// Before the first channel is rounded, from the weights as they come. With the order
    /// `PTQK_GPTQ_ORDER_DESCENDING` groups are still neighbours in the weights, so that whatever reads
    /// the result need not know of the order. Source: `static_groups` of the authors' code.
    Static = 0,
    /// When the first channel of the group is rounded, from the weights that have made up for
    /// all channels before. With the order `PTQK_GPTQ_ORDER_DESCENDING` groups are neighbours in that
    /// order, and so are the codes that are written: see `ptqk_gptq_outputs.permutation`. Source: the
    /// paper.
    Updated = 1,
    /// As `PTQK_GPTQ_GROUPS_UPDATED`, but from the weights as they were when the block of `block_size`
    /// channels began. Source: NNCF.
    BlockStart = 2,
}

choice!(GptqGroups: Static, Updated, BlockStart);

/// How the scale of a group follows from its weights.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GptqScale {
    /// From their extremes, as `ptqk_compress_weights` has it.
    Extremes = 0,
    /// That scale times the factor of 1, 0.99 .. 0.55, 1.05 .. 1.01 (with the MX modes: 1, 1/2, 2) that
    /// gives the least sum of `(w - q)^2 / U[j][j]^2`, which is what the error of a channel costs once the
    /// channels after it make up for it (see `ptqk_gptq` for `U`); in the symmetric integer modes each with
    /// both signs. The first of equal ones wins. The zero point stays.
    Search = 1,
    /// The scale whose codes change the outputs of the group least for the mean activations of some samples,
    /// of candidates made of the codes of others: see `ptqk_gptq`. The zero point and the sign of the scale
    /// stay. Not in the MX and NVFP4 modes. Source: `scale_estimation` of NNCF, which takes float modes by
    /// their extremes.
    Estimation = 2,
}

choice!(GptqScale: Extremes, Search, Estimation);

/// Settings of GPTQ that have a name.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GptqPreset {
    /// The least error: what `ptqk_gptq_params_default` gives.
    Best = 0,
    /// The codes and scales of NNCF.
    Nncf = 1,
}

choice!(GptqPreset: Best, Nncf);

/// Settings of `ptqk_gptq`.
///
/// Source: NNCF `AdvancedGPTQParameters` (`damp_percent`, `block_size`); arXiv 2210.17323.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GptqParams {
    /// `sizeof(ptqk_gptq_params)`, filled by `ptqk_gptq_params_default`.
    pub size: u32,
    /// `PTQK_GPTQ_ORDER_DESCENDING` (default) or `_NATURAL`.
    pub order: u32,
    /// `PTQK_GPTQ_GROUPS_STATIC` (default), `_UPDATED` or `_BLOCK_START`.
    pub groups: u32,
    /// `PTQK_GPTQ_SCALE_SEARCH` (default), `_EXTREMES` or `_ESTIMATION`.
    pub scale: u32,
    /// 1 (default): weights are rounded with the scales as they are stored, so that what f16 loses
    /// is made up for, too. 0: with the f32 scales, as `ptqk_compress_weights` does.
    pub stored_scales: u32,
    /// Input channels that are rounded before the rest is updated: of effect on speed, on progress, on the
    /// scales that `passes` fits, and with `PTQK_GPTQ_GROUPS_BLOCK_START` on the groups. Unit: channels.
    /// Range: `1..65536`. Default: 128. Source: `block_size`.
    pub block_size: u32,
    /// Share of the mean of the Hessian's diagonal that is added to the diagonal. Range: finite, `>=
    /// 0`. Default: 0.03 (the authors: 0.01; NNCF: 0.1). With fewer tokens than channels, or not many
    /// more, 0.1 fits what was not seen better. Source: `damp_percent`.
    pub damp_percent: f32,
    /// How often the damping is made ten times larger (at least 1e-6) when the Hessian cannot be
    /// decomposed. Range: `0..16`. Default: 10. NNCF: 0.
    pub max_redamps: u32,
    /// Passes of coordinate descent after all is rounded. In each, group after group, the scale is fitted to
    /// the codes by least squares (not in the MX modes, and not of groups of more than `block_size`
    /// channels), then each code becomes the best one given all others. Range: `0..64`. Default: 3. NNCF: 0.
    pub passes: u32,
    /// Must be 0.
    pub reserved: u32,
    /// How `PTQK_GPTQ_SCALE_ESTIMATION` goes; not read otherwise. Default: 32 samples, 5 and 10 steps, no
    /// penalty, which is what the GPTQ of NNCF always uses.
    pub estimation: ScaleEstimationParams,
    /// Its samples, `[samples, in]` of any float type and at least one: the mean of each input channel over the
    /// tokens of each sample, see `ptqk_channel_mean`. Not read otherwise. Default: NULL, no rows.
    pub means: Matrix,
    /// `samples` numbers of tokens, see `ptqk_process_stats`. Not read, may be NULL, if all samples are
    /// taken. Default: NULL.
    pub token_counts: *const u64,
    /// The format of the codes, as for `ptqk_compress_weights`. Default: `PTQK_WEIGHT_MODE_INT4_SYM` with a
    /// `group_size` of 128; all else as `ptqk_weight_params_default` fills it.
    pub weights: WeightParams,
}

/// `GptqParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GptqPlan {
    /// Order of the channels.
    pub order: GptqOrder,
    /// When groups are taken.
    pub groups: GptqGroups,
    /// How scales are found.
    pub scale: GptqScale,
    /// How they are estimated, if they are.
    pub estimation: Option<Estimation>,
    /// Whether weights are rounded with the scales as they are stored.
    pub stored_scales: bool,
    /// Channels of a block.
    pub block: usize,
    /// Share of the mean that is added to the diagonal.
    pub damping: f32,
    /// How often more may be added.
    pub redamps: u32,
    /// Passes of coordinate descent.
    pub passes: u32,
    /// The format of the codes.
    pub format: WeightFormat,
}

impl GptqPlan {
    /// Whether the codes lie in the order in which they were made.
    #[must_use]
    pub fn permutes(&self) -> bool {
        self.order == GptqOrder::Descending && self.groups != GptqGroups::Static
    }
}

impl GptqParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        order: GptqOrder::Descending as u32,
        groups: GptqGroups::Static as u32,
        scale: GptqScale::Search as u32,
        stored_scales: 1,
        block_size: 128,
        damp_percent: 0.03,
        max_redamps: 10,
        passes: 3,
        reserved: 0,
        estimation: ScaleEstimationParams::GPTQ,
        means: Matrix::NONE,
        token_counts: core::ptr::null(),
        weights: WeightParams::INT4,
    };

    /// The settings with this name.
    pub fn preset(preset: u32) -> Result<Self> {
        let rule = c"must be a PTQK_GPTQ_PRESET constant";
        let preset = GptqPreset::try_from(preset).map_err(|()| {
            let status = crate::status::Status::InvalidParameter;
            Error { value: f64::from(preset), ..Error::new(status, c"preset", rule) }
        })?;
        Ok(match preset {
            GptqPreset::Best => Self::DEFAULT,
            GptqPreset::Nncf => Self {
                order: GptqOrder::Natural as u32,
                groups: GptqGroups::BlockStart as u32,
                scale: GptqScale::Extremes as u32,
                stored_scales: 0,
                damp_percent: 0.1,
                max_redamps: 0,
                passes: 0,
                ..Self::DEFAULT
            },
        })
    }

    /// Checks the documented ranges, without the shape.
    pub fn validate(&self) -> Result<GptqPlan> {
        let refuse = |field, rule, value| Err(Error::field(c"params", field, rule, value));
        let order = choose(self.order, c"order", c"must be a PTQK_GPTQ_ORDER constant")?;
        let groups = choose(self.groups, c"groups", c"must be a PTQK_GPTQ_GROUPS constant")?;
        let scale = choose(self.scale, c"scale", c"must be a PTQK_GPTQ_SCALE constant")?;
        if !(1..=65536).contains(&self.block_size) {
            let value = f64::from(self.block_size);
            return refuse(c"block_size", c"must be in 1..65536", value);
        }
        if !(self.damp_percent >= 0.0 && self.damp_percent.is_finite()) {
            let value = f64::from(self.damp_percent);
            return refuse(c"damp_percent", c"must be finite and at least 0", value);
        }
        if self.max_redamps > 16 {
            let value = f64::from(self.max_redamps);
            return refuse(c"max_redamps", c"must be in 0..16", value);
        }
        if self.passes > 64 {
            return refuse(c"passes", c"must be in 0..64", f64::from(self.passes));
        }
        if self.reserved != 0 {
            return refuse(c"reserved", c"must be 0", f64::from(self.reserved));
        }
        known_size::<WeightParams>(self.weights.size, c"weights.size")?;
        let format = self.weights.validate();
        let format = format.map_err(|error| Error { argument: c"params.weights", ..error })?;
        let estimates = scale == GptqScale::Estimation;
        if estimates && (format.mode.is_mx() || format.mode == WeightMode::Nvfp4) {
            let rule = c"must not be PTQK_GPTQ_SCALE_ESTIMATION in the MX and NVFP4 modes";
            return refuse(c"scale", rule, f64::from(self.scale));
        }
        let estimation = estimates.then(|| self.estimation.validate()).transpose()?;
        Ok(GptqPlan {
            order,
            groups,
            scale,
            estimation,
            stored_scales: flag(self.stored_scales, c"stored_scales")?,
            block: self.block_size as usize,
            damping: self.damp_percent,
            redamps: self.max_redamps,
            passes: self.passes,
            format,
        })
    }
}

sized!(GptqParams);

/// Where `ptqk_gptq` writes. `ptqk_weight_layout_query` gives the sizes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GptqOutputs {
    /// `sizeof(ptqk_gptq_outputs)`, filled by `ptqk_gptq_outputs_default`.
    pub size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Receives the codes; the shape of the weights, the code type of the mode.
    pub codes: CodesMut,
    /// Receives the scales: one per group, of `params->weights.scale_dtype`.
    pub scale: *mut c_void,
    /// Receives one zero point per group in the asymmetric modes; not read otherwise, may be NULL then.
    pub zero_point: *mut u8,
    /// Receives the scale of the matrix with NVFP4; not read otherwise, may be NULL then.
    pub tensor_scale: *mut f32,
    /// Receives, for each place in the order of rounding, the input channel that was rounded there. May
    /// be NULL, unless the order is `PTQK_GPTQ_ORDER_DESCENDING` and groups are not static: then place `i`
    /// of the reduction axis of the codes is input channel `permutation[i]`, groups are neighbours in
    /// that order, and what multiplies must take the activations in it.
    pub permutation: *mut u32,
    /// Receives, for each output channel, `e H e^T` of its error `e = w - q` and the damped
    /// Hessian. May be NULL.
    pub loss: *mut f32,
    /// Receives the weights that the codes stand for, in their order; the shape of the weights, any
    /// type. `data` may be NULL: nothing is written then.
    pub dequantized: MatrixMut,
}

impl GptqOutputs {
    /// Nothing to write to.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        reserved: 0,
        codes: CodesMut::NONE,
        scale: core::ptr::null_mut(),
        zero_point: core::ptr::null_mut(),
        tensor_scale: core::ptr::null_mut(),
        permutation: core::ptr::null_mut(),
        loss: core::ptr::null_mut(),
        dequantized: MatrixMut::NONE,
    };
}

sized!(GptqOutputs);

/// What `ptqk_gptq` did.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct GptqReport {
    /// Sum of the losses of all output channels.
    pub loss: f64,
    /// What was added to the diagonal of the Hessian.
    pub damping: f32,
    /// How often it was made larger.
    pub redamps: u32,
}
