//! Parameters of low-rank correction.

use crate::params::matrix::{Codes, CodesMut, Matrix, MatrixMut};
use crate::params::weights::{WeightFormat, WeightParams};
use crate::params::{choice, flag, known_size, sized};
use crate::status::{Error, Result};

/// Settings of `ptqk_lora_correction`.
///
/// Source: NNCF `AdvancedLoraCorrectionParameters`, but for `oversampling`, `max_steps`, `tolerance` and
/// `seed`, which say how the truncated decomposition goes (NNCF has the whole one).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoraParams {
    /// `sizeof(ptqk_lora_params)`, filled by `ptqk_lora_params_default`.
    pub size: u32,
    /// Rank of the adapters. Range: `1..2^24`, no more than there are input or output channels.
    /// Default: 8 (the code of NNCF; its documentation says 16).
    pub adapter_rank: u32,
    /// How often each adapter is fitted by least squares, given the other. Range: `0..1000`. Default: 3.
    pub num_iterations: u32,
    /// 1 (default): the fits weigh the error of the weights, too. 0: that of the outputs alone. Range: 0
    /// or 1.
    pub apply_regularization: u32,
    /// Samples that are wanted, as `ptqk_process_stats` takes them; 0 for all. Default: 128.
    pub subset_size: u32,
    /// 1 (default): the adapters are compressed to 8 bits, as by `ptqk_compress_weights` with
    /// `PTQK_WEIGHT_MODE_INT8_ASYM`, one f32 scale and zero point per row. 0: they stay floats. Range: 0
    /// or 1.
    pub use_int8_adapters: u32,
    /// Vectors beyond the rank that the decomposition goes on with: more of them need fewer steps. Range:
    /// `0..1024`. Default: 4. Layers with few channels, or of which the adapters have many, are decomposed
    /// as a whole.
    pub oversampling: u32,
    /// Most steps of the decomposition, each a product with the error of the weights and one with its
    /// transpose. 0 (default): 2 where the rank and `oversampling` are more than 48 together and the adapters are
    /// fitted afterwards, which finds what further steps would; 4 otherwise. Range: `0..1000`.
    pub max_steps: u32,
    /// The decomposition ends when some steps add less than this share of the squares that are captured.
    /// Range: `0..1`. Default: 0.01.
    pub tolerance: f32,
    /// Must be 0.
    pub reserved: u32,
    /// Key of the random numbers from which the decomposition starts. Default: 0.
    pub seed: u64,
    /// The parameters of the compression. Default: `PTQK_WEIGHT_MODE_INT4_SYM` with a `group_size` of
    /// 128; all else as `ptqk_weight_params_default` fills it.
    pub weights: WeightParams,
}

/// How the adapters are decomposed from a matrix, after the checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decomposition {
    /// Rank of the adapters.
    pub rank: usize,
    /// Vectors beyond the rank.
    pub oversampling: usize,
    /// Most steps.
    pub steps: usize,
    /// The gain that ends the steps.
    pub tolerance: f32,
    /// Key of the random numbers.
    pub seed: u64,
}

impl Decomposition {
    fn new(
        rank: u32,
        (oversampling, max_steps): (u32, u32),
        tolerance: f32,
        seed: u64,
        is_fitted: bool,
    ) -> Result<Self> {
        let refuse =
            |field, rule, value: u32| Err(Error::field(c"params", field, rule, f64::from(value)));
        if !(1..=1 << 24).contains(&rank) {
            return refuse(c"adapter_rank", c"must be in 1..2^24", rank);
        }
        if oversampling > 1024 {
            return refuse(c"oversampling", c"must be in 0..1024", oversampling);
        }
        if max_steps > 1000 {
            return refuse(c"max_steps", c"must be in 0..1000", max_steps);
        }
        if !(0.0..=1.0).contains(&tolerance) {
            let value = f64::from(tolerance);
            return Err(Error::field(c"params", c"tolerance", c"must be in 0..1", value));
        }
        let steps = match max_steps {
            0 if is_fitted && rank + oversampling > 48 => 2,
            0 => 4,
            steps => steps,
        };
        let (rank, oversampling, steps) = (rank as usize, oversampling as usize, steps as usize);
        Ok(Self { rank, oversampling, steps, tolerance, seed })
    }
}

/// `LoraParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoraPlan {
    /// How the adapters start.
    pub decomposition: Decomposition,
    /// Fits of each adapter.
    pub iterations: usize,
    /// Whether fits weigh the error of the weights.
    pub regularized: bool,
    /// Samples that are wanted, or 0.
    pub subset: usize,
    /// Whether the adapters become codes.
    pub int8: bool,
    /// The format of the weights.
    pub format: WeightFormat,
}

impl LoraParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        adapter_rank: 8,
        num_iterations: 3,
        apply_regularization: 1,
        subset_size: 128,
        use_int8_adapters: 1,
        oversampling: 4,
        max_steps: 0,
        tolerance: 0.01,
        reserved: 0,
        seed: 0,
        weights: WeightParams::INT4,
    };

    /// Checks the documented ranges, without the shape.
    pub fn validate(&self) -> Result<LoraPlan> {
        let refuse =
            |field, rule, value: u32| Err(Error::field(c"params", field, rule, f64::from(value)));
        if self.num_iterations > 1000 {
            return refuse(c"num_iterations", c"must be in 0..1000", self.num_iterations);
        }
        if self.reserved != 0 {
            return refuse(c"reserved", c"must be 0", self.reserved);
        }
        Ok(LoraPlan {
            decomposition: Decomposition::new(
                self.adapter_rank,
                (self.oversampling, self.max_steps),
                self.tolerance,
                self.seed,
                self.num_iterations > 0,
            )?,
            iterations: self.num_iterations as usize,
            regularized: flag(self.apply_regularization, c"apply_regularization")?,
            subset: self.subset_size as usize,
            int8: flag(self.use_int8_adapters, c"use_int8_adapters")?,
            format: format_of(&self.weights)?,
        })
    }
}

/// Checks the format of the weights.
fn format_of(params: &WeightParams) -> Result<WeightFormat> {
    known_size::<WeightParams>(params.size, c"weights.size")?;
    params.validate().map_err(|error| Error { argument: c"params.weights", ..error })
}

sized!(LoraParams);

/// Where `ptqk_lora_correction` writes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LoraOutputs {
    /// `sizeof(ptqk_lora_outputs)`, filled by `ptqk_lora_outputs_default`.
    pub size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Receives `A`, `[rank, in]`, of any float type. With `use_int8_adapters` `data` may be NULL: nothing
    /// is written then.
    pub a: MatrixMut,
    /// Receives `B`, `[out, rank]`, as `a`.
    pub b: MatrixMut,
    /// Receives the codes of `A`, of `PTQK_CODE_TYPE_U8`, with `use_int8_adapters`; not read otherwise.
    pub a_codes: CodesMut,
    /// Receives the codes of `B`, as `a_codes`.
    pub b_codes: CodesMut,
    /// Receives `rank` scales of the rows of `A` with `use_int8_adapters`; not read otherwise.
    pub a_scale: *mut f32,
    /// Receives `out` scales of the rows of `B`, as `a_scale`.
    pub b_scale: *mut f32,
    /// Receives `rank` zero points of the rows of `A`, as `a_scale`.
    pub a_zero_point: *mut u8,
    /// Receives `out` zero points of the rows of `B`, as `a_scale`.
    pub b_zero_point: *mut u8,
    /// Receives `2 + 2 * num_iterations` noises: without adapters, with those of the decomposition, then
    /// after each fit, `B` before `A`. May be NULL.
    pub noises: *mut f32,
}

impl LoraOutputs {
    /// Nothing to write to.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        reserved: 0,
        a: MatrixMut::NONE,
        b: MatrixMut::NONE,
        a_codes: CodesMut::NONE,
        b_codes: CodesMut::NONE,
        a_scale: core::ptr::null_mut(),
        b_scale: core::ptr::null_mut(),
        a_zero_point: core::ptr::null_mut(),
        b_zero_point: core::ptr::null_mut(),
        noises: core::ptr::null_mut(),
    };
}

sized!(LoraOutputs);

/// What `ptqk_lora_correction` achieved, before the adapters are rounded. The noise is the mean magnitude of
/// the error of the outputs over the samples that were taken: 0 without samples.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct LoraReport {
    /// Noise without adapters.
    pub noise_before: f32,
    /// Noise with the adapters of the decomposition.
    pub noise_decomposed: f32,
    /// Noise with the adapters as they are.
    pub noise_after: f32,
    /// Samples that were taken.
    pub samples: u32,
}

/// What adapters are trained from.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraInitKind {
    /// What the compression lost: the compressed weights with the adapters start as near to the weights as the
    /// rank allows (LoftQ, arXiv 2310.08659).
    Residual = 0,
    /// A hundredth of the scale of each weight times a random number from 0 to 1, as NNCF starts.
    Random = 1,
}

choice!(LoraInitKind: Residual, Random);

/// Settings of `ptqk_lora_init`.
///
/// Source: NNCF, `CompressionFormat.FQ_LORA` with `lora_adapter_rank` of
/// `AdvancedCompressionParameters`; `oversampling`, `max_steps`, `tolerance` and `seed` as in
/// `ptqk_lora_params`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoraInitParams {
    /// `sizeof(ptqk_lora_init_params)`, filled by `ptqk_lora_init_params_default`.
    pub size: u32,
    /// Rank of the adapters. Range: `1..2^24`, no more than there are input or output channels.
    /// Default: 256.
    pub adapter_rank: u32,
    /// What the adapters come from, a `ptqk_lora_init_kind`. Default: `PTQK_LORA_INIT_KIND_RESIDUAL` (NNCF has
    /// `PTQK_LORA_INIT_KIND_RANDOM`).
    pub kind: u32,
    /// Vectors beyond the rank that the decomposition goes on with. Range: `0..1024`. Default: 4.
    pub oversampling: u32,
    /// Most steps of the decomposition, as in `ptqk_lora_params`; 0 (default) is 4. Range: `0..1000`.
    pub max_steps: u32,
    /// The decomposition ends when some steps add less than this share of the squares that are captured.
    /// Range: `0..1`. Default: 0.01.
    pub tolerance: f32,
    /// Key of the random numbers. Default: 0.
    pub seed: u64,
    /// The parameters of the compression. Default: `PTQK_WEIGHT_MODE_INT4_SYM` with a `group_size` of
    /// 128; all else as `ptqk_weight_params_default` fills it.
    pub weights: WeightParams,
}

/// `LoraInitParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoraInitPlan {
    /// How the matrix is decomposed.
    pub decomposition: Decomposition,
    /// The matrix.
    pub kind: LoraInitKind,
    /// The format of the weights.
    pub format: WeightFormat,
}

impl LoraInitParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        adapter_rank: 256,
        kind: LoraInitKind::Residual as u32,
        oversampling: 4,
        max_steps: 0,
        tolerance: 0.01,
        seed: 0,
        weights: WeightParams::INT4,
    };

    /// Checks the documented ranges, without the shape.
    pub fn validate(&self) -> Result<LoraInitPlan> {
        let Ok(kind) = LoraInitKind::try_from(self.kind) else {
            let rule = c"must be a ptqk_lora_init_kind";
            return Err(Error::field(c"params", c"kind", rule, f64::from(self.kind)));
        };
        let decomposition = Decomposition::new(
            self.adapter_rank,
            (self.oversampling, self.max_steps),
            self.tolerance,
            self.seed,
            false,
        )?;
        Ok(LoraInitPlan { decomposition, kind, format: format_of(&self.weights)? })
    }
}

sized!(LoraInitParams);

/// One of the two thin matrices of an adapter: floats, or 8-bit codes with a scale and a zero point per row,
/// `(code - zero_point) * scale`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LoraFactor {
    /// The floats, of any type. If its `data` is NULL, codes are meant.
    pub values: Matrix,
    /// The codes, of `PTQK_CODE_TYPE_U8` or `PTQK_CODE_TYPE_I8`. Read only if there are no floats.
    pub codes: Codes,
    /// The scales, one per row, finite. Read only with codes.
    pub scale: *const f32,
    /// The zero points, one per row, or NULL: 0. Read only with codes.
    pub zero_point: *const u8,
}

/// A pair of thin matrices, whose product is added to the weights of a layer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LoraAdapter {
    /// `A`, `[rank, in]`.
    pub a: LoraFactor,
    /// `B`, `[out, rank]`, or its transpose.
    pub b: LoraFactor,
    /// What the product is multiplied by, such as alpha / rank. Range: finite.
    pub scale: f32,
    /// 0: `b` is `[out, rank]`. 1: `b` is `[rank, out]`, whose rows a single vector streams through, where those
    /// of `[out, rank]` are short and have to be turned. Scales and zero points of codes are those of the rows as
    /// they lie. Range: 0 or 1.
    pub b_is_transposed: u32,
}

/// Rows of a batch that go through an adapter.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoraSegment {
    /// Index of the adapter.
    pub adapter: usize,
    /// The first row.
    pub first_row: usize,
    /// Number of rows.
    pub rows: usize,
}

const _: () = assert!(
    size_of::<LoraParams>() == (48 + size_of::<WeightParams>()).next_multiple_of(8),
    "ptqk_lora_params"
);
const _: () = assert!(
    size_of::<LoraInitParams>() == (32 + size_of::<WeightParams>()).next_multiple_of(8),
    "ptqk_lora_init_params"
);
const _: () = assert!(size_of::<LoraReport>() == 16, "ptqk_lora_report");
