//! Low-rank correction.

use crate::algorithms::lora::{self, AdapterMut, Layer, Outputs, Shape};
use crate::algorithms::weights;
use crate::dispatch;
use crate::ffi::check;
use crate::ffi::weights::{compressed, in_weights};
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::lora::{LoraOutputs, LoraParams, LoraPlan, LoraReport};
use crate::params::matrix::{CodeType, Codes, CodesMut, Matrix, MatrixMut};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::{CodesViewMut, MatrixViewMut};
use core::ffi::{CStr, c_void};

/// Fills the parameters of low-rank correction: rank 8, three iterations with regularization, adapters
/// of 8 bits, weights of int4_sym in groups of 128.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_params_default(params: *mut LoraParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, LoraParams::DEFAULT) };
}

/// Fills the places for results: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_outputs_default(outputs: *mut LoraOutputs) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(outputs, LoraOutputs::DEFAULT) };
}

/// Bytes of the workspace of `ptqk_lora_correction`, whatever the types and the CPU: about those of the
/// weights as f32, of the adapters and of the errors of the outputs for all samples that are taken.
///
/// @param ctx     May be NULL.
/// @param params  Not NULL.
/// @param rows    Rows of the weights.
/// @param cols    Columns of the weights.
/// @param samples Rows of `means`.
/// @param bytes   Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_workspace_size(
    ctx: *const Ctx,
    params: *const LoraParams,
    rows: usize,
    cols: usize,
    samples: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let plan = unsafe { check::params(params) }?.validate()?;
        workspace_size(&plan, Shape { rows, cols, samples })
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

fn workspace_size(plan: &LoraPlan, shape: Shape) -> Result<usize> {
    weights::layout(&plan.format, shape.rows, shape.cols).map_err(in_weights)?;
    lora::workspace_size(plan, shape)
}

/// What the header calls the parts of a thin matrix.
pub(super) struct Names {
    pub(super) values: &'static CStr,
    pub(super) codes: &'static CStr,
    pub(super) scale: &'static CStr,
    pub(super) zero_point: &'static CStr,
}

const A: Names = Names {
    values: c"outputs.a",
    codes: c"outputs.a_codes",
    scale: c"outputs.a_scale",
    zero_point: c"outputs.a_zero_point",
};

const B: Names = Names {
    values: c"outputs.b",
    codes: c"outputs.b_codes",
    scale: c"outputs.b_scale",
    zero_point: c"outputs.b_zero_point",
};

/// Where an adapter goes: checked first, borrowed once everything is.
struct Target<'a> {
    name: &'static CStr,
    values: Option<MatrixViewMut<'a>>,
    codes: Option<(CodesViewMut<'a>, check::Output<f32>, check::Output<u8>)>,
    spans: [check::Span; 4],
}

impl<'a> Target<'a> {
    /// Checks the places for an adapter of that shape.
    ///
    /// # Safety
    /// The pointer contract of the header.
    unsafe fn new(
        int8: bool,
        shape: (usize, usize),
        values: &MatrixMut,
        (codes, scale, zero_point): (&CodesMut, *mut f32, *mut u8),
        names: &Names,
    ) -> Result<Self> {
        let (name, spans) = (names.values, [check::Span::EMPTY; 4]);
        let mut target = Self { name, values: None, codes: None, spans };
        let [values_span, codes_span, scale_span, zero_span] = &mut target.spans;
        if !(int8 && values.data.is_null()) {
            // SAFETY: the contract of this function.
            let (view, span) = unsafe { check::matrix_mut(values, names.values) }?;
            check_shape(shape, (view.rows(), view.cols()), names.values)?;
            (target.values, *values_span) = (Some(view), span);
        }
        if int8 {
            // SAFETY: as above.
            let (view, span) = unsafe { check::codes_mut(codes, names.codes) }?;
            check_shape(shape, (view.rows(), view.cols()), names.codes)?;
            if view.code_type() != CodeType::U8 {
                let value = f64::from(view.code_type() as u32);
                let rule = c"must be PTQK_CODE_TYPE_U8";
                return Err(Error::field(names.codes, c"code_type", rule, value));
            }
            let scale = check::Output::new(scale, shape.0, names.scale)?;
            let zero_point = check::Output::new(zero_point, shape.0, names.zero_point)?;
            (*codes_span, *scale_span, *zero_span) = (span, scale.span, zero_point.span);
            target.codes = Some((view, scale, zero_point));
        }
        Ok(target)
    }

    /// # Safety
    /// The pointer contract of the header; the spans are disjoint.
    unsafe fn adapter(self) -> AdapterMut<'a> {
        let codes = self.codes.map(|(codes, scale, zero_point)| {
            // SAFETY: the contract of this function.
            let (scale, zero_point) = unsafe { (scale.slice(), zero_point.slice()) };
            (codes, scale, zero_point)
        });
        AdapterMut { name: self.name, values: self.values, codes }
    }
}

pub(super) fn check_shape(
    want: (usize, usize),
    got: (usize, usize),
    argument: &'static CStr,
) -> Result {
    if got.0 != want.0 {
        let rule = c"must be the rank in a, and the output channels in b";
        return Err(Error::shape(argument, c"rows", rule, got.0 as f64));
    }
    if got.1 != want.1 {
        let rule = c"must be the input channels in a, and the rank in b";
        return Err(Error::shape(argument, c"cols", rule, got.1 as f64));
    }
    Ok(())
}

/// Finds two thin matrices that make up for a part of what the compression of a layer lost:
/// `y = x W^T + (x A^T) B^T` with the compressed `W`.
///
/// With the error `R = W - compressed(W)`, `[in, out]`, and the samples `X`, which `ptqk_process_stats` would take
/// of `means`:
///
/// ```text
/// s  = largest magnitude of each input channel over all samples, divided by its sum over the group of
///      the weights, then by the largest of the group; 1 if there is one group per channel
/// U S V^T = diag(s) R                             the adapter_rank largest singular values
/// V  = S V^T
/// num_iterations times:
///     V = lstsq([U; X U], [R; X R])               without regularization lstsq(X U, X R)
///     U = lstsq([I; X], [R V^+; X R V^+])         without regularization lstsq(X, X R V^+)
/// A = U^T, B = V^T
/// ```
///
/// Least squares solutions are those of least norm, where singular values of at most `2^-23` of the largest
/// count as 0. All weight modes are taken, and codes from any source: those of `ptqk_gptq` leave an error
/// like any other. Without samples the result is the decomposition.
///
/// All is f32 but for products of adapters with themselves, which are f64; the result depends neither on
/// threads nor on the CPU. NaN and infinity in the weights or the means are refused with
/// `PTQK_STATUS_NOT_FINITE` and the row-major index; one that comes from the stored scales names `scale` and
/// the index of the weight. Adapters that are not finite, or that are to become codes and reach `2^127`, which
/// takes weights near the largest floats, are refused likewise, as `outputs.a` and `outputs.b`. Then, and if the
/// call is cancelled, nothing is written.
///
/// Source: NNCF `LoraCorrectionAlgorithm`, 3.4.0.
///
/// @param ctx             May be NULL. Progress counts the errors, the decomposition and each iteration.
/// @param params          Not NULL.
/// @param weights         The weights before compression, `[out, in]` or `[in, out]` as
///                        `params->weights.reduction_axis` says, of any float type.
/// @param codes           Their codes, as `ptqk_compress_weights` or `ptqk_gptq` wrote them.
/// @param scale           Their scales.
/// @param zero_point      Their zero points; not read in the symmetric modes, may be NULL then.
/// @param tensor_scale    The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
/// @param means           `[samples, in]`, of any float type: the mean of each input channel over the
///                        tokens of each sample, see `ptqk_channel_mean`. May have 0 rows.
/// @param token_counts    `samples` numbers of tokens, see `ptqk_process_stats`. Not read, may be NULL, if
///                        all samples are taken.
/// @param outputs         Where the results go. Not NULL.
/// @param report          Receives what was achieved, or NULL.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_lora_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_correction(
    ctx: *const Ctx,
    params: *const LoraParams,
    weights: *const Matrix,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    tensor_scale: *const f32,
    means: *const Matrix,
    token_counts: *const u64,
    outputs: *const LoraOutputs,
    report: *mut LoraReport,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let plan = params.validate()?;
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix(weights, c"weights") }?;
        let shape = (weights.rows(), weights.cols());
        let format = &raw const params.weights;
        // SAFETY: as above.
        let (compressed, spans) =
            unsafe { compressed(format, codes, scale, zero_point, tensor_scale) }
                .map_err(in_weights)?;
        let codes = (compressed.codes.rows(), compressed.codes.cols());
        check::same_shape(shape, codes, c"codes")?;
        let (outs, ins) = if plan.format.by_column { (shape.1, shape.0) } else { shape };
        let names = [c"means", c"token_counts"];
        // SAFETY: as above.
        let (means, token_counts, [means_span, counts_span]) =
            unsafe { check::samples((means, token_counts), names, ins, plan.subset) }?;
        let samples = means.rows();
        let needed = workspace_size(&plan, Shape { rows: shape.0, cols: shape.1, samples })?;
        // SAFETY: as above.
        let outputs = unsafe { check::structure(outputs, c"outputs") }?;
        check::zero_reserved(outputs.reserved, c"outputs")?;
        let LoraOutputs { a, b, a_codes, b_codes, .. } = &outputs;
        let codes = (a_codes, outputs.a_scale, outputs.a_zero_point);
        // SAFETY: as above.
        let a = unsafe { Target::new(plan.int8, (plan.decomposition.rank, ins), a, codes, &A) }?;
        let codes = (b_codes, outputs.b_scale, outputs.b_zero_point);
        // SAFETY: as above.
        let b = unsafe { Target::new(plan.int8, (outs, plan.decomposition.rank), b, codes, &B) }?;
        let steps = 2 + 2 * plan.iterations;
        let noises = check::Output::optional(outputs.noises, steps, c"outputs.noises")?;
        let report = check::Output::optional(report, 1, c"report")?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        let [a0, a1, a2, a3] = a.spans;
        let [b0, b1, b2, b3] = b.spans;
        let written = [a0, a1, a2, a3, b0, b1, b2, b3, noises.span, report.span, workspace.span];
        let [s0, s1, s2, s3, s4] = spans;
        check::disjoint(&written, &[weights_span, means_span, counts_span, s0, s1, s2, s3, s4])?;
        // SAFETY: as above; the outputs are disjoint.
        let (a, b) = unsafe { (a.adapter(), b.adapter()) };
        // SAFETY: as above.
        let (noises, workspace) = unsafe { (noises.slice(), workspace.slice()) };
        let mut scratch = Scratch::new(workspace);
        let layer = Layer { weights, compressed, means, token_counts };
        let to = Outputs { a, b, noises };
        let done = lora::correct(dispatch::active(), exec, &mut scratch, &plan, &layer, to)?;
        // SAFETY: as above.
        unsafe { report.slice() }.iter_mut().for_each(|report| *report = done);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
