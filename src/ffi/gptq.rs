//! GPTQ.

use crate::algorithms::{gptq, weights};
use crate::dispatch;
use crate::ffi::check;
use crate::ffi::hessian::check_hessian;
use crate::ffi::weights::{Target, TargetNames, TargetPointers, codebook, compressed, in_weights};
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::gptq::{GptqOutputs, GptqParams, GptqPlan, GptqReport};
use crate::params::matrix::Matrix;
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::MatrixView;
use core::ffi::c_void;

const TARGET_NAMES: TargetNames = TargetNames {
    codes: c"outputs.codes",
    scale: c"outputs.scale",
    zero_point: c"outputs.zero_point",
    tensor_scale: c"outputs.tensor_scale",
};

/// Fills the parameters of GPTQ: int4_sym in groups of 128, with the settings of
/// `PTQK_GPTQ_PRESET_BEST`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gptq_params_default(params: *mut GptqParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, GptqParams::DEFAULT) };
}

/// Fills the places for results: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gptq_outputs_default(outputs: *mut GptqOutputs) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(outputs, GptqOutputs::DEFAULT) };
}

/// Fills the parameters of GPTQ with settings that have a name.
///
/// @param ctx    May be NULL.
/// @param preset A PTQK_GPTQ_PRESET constant.
/// @param params Receives the parameters, `weights` as `ptqk_gptq_params_default` has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gptq_params_preset(
    ctx: *const Ctx,
    preset: u32,
    params: *mut GptqParams,
) -> Status {
    let body = |_: Exec<'_>| {
        let out = check::output(params, c"params")?;
        let value = GptqParams::preset(preset)?;
        // SAFETY: the pointer contract of the header.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Bytes of the workspace of `ptqk_gptq`, whatever the types and the CPU: for square weights about
/// those of two f32 Hessians.
///
/// @param ctx    May be NULL.
/// @param params Not NULL. `weights.group_size` must divide the input channels; of `means` the number of
///               rows counts, if scales are estimated.
/// @param rows   Rows of the weights.
/// @param cols   Columns of the weights.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gptq_workspace_size(
    ctx: *const Ctx,
    params: *const GptqParams,
    rows: usize,
    cols: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let plan = params.validate()?;
        let samples = samples(&plan, &params);
        workspace_size(&plan, (rows, cols), samples)
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

fn workspace_size(plan: &GptqPlan, (rows, cols): (usize, usize), samples: usize) -> Result<usize> {
    // The sizes of the outputs fit, too.
    weights::layout(&plan.format, rows, cols)
        .and_then(|_| gptq::workspace_size(plan, rows, cols, samples))
        .map_err(in_weights)
}

/// Samples from which scales are estimated.
fn samples(plan: &GptqPlan, params: &GptqParams) -> usize {
    if plan.estimation.is_some() { params.means.rows } else { 0 }
}

/// What scales are estimated from: means of samples, and the tokens of each if not all are taken.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn seen<'a>(
    plan: &GptqPlan,
    params: &GptqParams,
    columns: usize,
) -> Result<(MatrixView<'a>, &'a [u64], [check::Span; 2])> {
    let Some(estimation) = plan.estimation else {
        return Ok((MatrixView::dense(&[], 0), &[], [check::Span::EMPTY; 2]));
    };
    let names = [c"params.means", c"params.token_counts"];
    let pointers = (&raw const params.means, params.token_counts);
    // SAFETY: the contract of this function.
    let seen = unsafe { check::samples(pointers, names, columns, estimation.subset) }?;
    if seen.0.rows() == 0 {
        return Err(Error::shape(c"params.means", c"rows", c"must be at least 1", 0.0));
    }
    Ok(seen)
}

/// Rounds the weights of a layer so that its outputs change little: one input channel after
/// the other, and what the rounding of a channel changes is made up for, as far as that goes, by the
/// channels that are not rounded yet.
///
/// With the Hessian `H`, whose diagonal elements that are 0 become 1 (the weights of such channels
/// become 0), `d = damp_percent * mean(diagonal)` added to its diagonal, and
/// `H^-1 = U^T U`, `U` upper triangular, for each input channel `j` in their order:
///
/// ```text
/// q[j] = value(code(w[j]))                        rounded with the scale and the zero point of its group
/// e    = (w[j] - q[j]) / U[j][j]                  times 1 / U[j][j], which is rounded
/// w[i] = fma(-U[j][i], e, w[i])                   for all channels i that come after j
/// ```
///
/// Then, `passes` times, group after group in the order of the codes, with the errors `e = w - q` of all
/// channels and their gradient `g = H e`, `H` damped as above:
///
/// ```text
/// scale *= 1 + (q g) / (q H q)                    sums over the group; stored, and only if that is a gain
/// q[j]   = value(code(q[j] + g[j] / H[j][j]))     for each channel of the group, g always up to date
/// ```
///
/// With `PTQK_GPTQ_SCALE_ESTIMATION`, a group of weights `w`, the samples `X` that `ptqk_process_stats` takes
/// of `params->means`, their importance `s`, and the scale `s0` of the extremes, in the group only:
///
/// ```text
/// t(c)   = codes with the scale c, minus the zero point; the values of float codes
/// m      = s where t(s0) is not 0, else 0; divided by its sum plus 2^-23
/// fit(c) = sum of m * |w| / |t(c)|, with the sign of s0; where t is 0, divided by 0.001
/// E(c)   = mean over samples of ((w - c t(c)) X)^2, plus weight_penalty * mean((w - c t(c))^2)
/// initial_steps times:           c = fit(the best so far)
/// for k in 0 .. scale_steps - 1: c = fit((1 - 0.05 k) * s0)
/// ```
///
/// Of `s0` and all `c` that are at least `2^-23` in magnitude, the last with the least `E` is the scale.
///
/// All is f32, and each weight is one chain in the order of `j`: neither blocks nor threads nor the CPU
/// change the result, except that `PTQK_GPTQ_GROUPS_BLOCK_START` asks for blocks and that scales are fitted
/// where a group fits into a block. Codes and scales have the form that `ptqk_compress_weights` gives them
/// in every mode; `ptqk_decompress_weights` reads them.
///
/// If the Hessian with its damping cannot be decomposed, the damping grows, `max_redamps` times at
/// most; then the call returns `PTQK_STATUS_NOT_POSITIVE_DEFINITE` with the input channel at which the
/// decomposition ended, which begins with the channel that is rounded last. Weights or a Hessian with a NaN
/// or an infinity are refused with `PTQK_STATUS_NOT_FINITE` and the row-major index. In all these
/// cases, and if the call is cancelled, nothing is written.
///
/// Source: arXiv 2210.17323; NNCF `GPTQ`, 3.4.0, whose codes `PTQK_GPTQ_PRESET_NNCF` gives.
///
/// @param ctx             May be NULL. Progress counts input channels, a block at a time.
/// @param params          Not NULL.
/// @param weights         The matrix, `[out, in]` or `[in, out]` as `params->weights.reduction_axis`
///                        says, of any float type.
/// @param hessian         `[in, in]` of `PTQK_DTYPE_F32`: what `ptqk_hessian_finish` gives. It is symmetric; of
///                        two elements that should be equal, one is read.
/// @param outputs         Where the results go. Not NULL.
/// @param report          Receives what was done, or NULL.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_gptq_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gptq(
    ctx: *const Ctx,
    params: *const GptqParams,
    weights: *const Matrix,
    hessian: *const Matrix,
    outputs: *const GptqOutputs,
    report: *mut GptqReport,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let plan = params.validate()?;
        let format = &plan.format;
        let name = c"params.weights.codebook";
        // SAFETY: as above.
        let (codebook, codebook_span) = unsafe { codebook(&params.weights, format, name) }?;
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix(weights, c"weights") }?;
        let shape = (weights.rows(), weights.cols());
        let (channels, columns) = if format.by_column { (shape.1, shape.0) } else { shape };
        // SAFETY: as above.
        let (hessian, hessian_span) = unsafe { check::matrix(hessian, c"hessian") }?;
        let rule = c"must be the input channels of the weights";
        check_hessian((hessian.rows(), hessian.cols()), hessian.dtype(), (columns, rule))?;
        // SAFETY: as above.
        let (means, token_counts, means_spans) = unsafe { seen(&plan, &params, columns) }?;
        let needed = workspace_size(&plan, shape, means.rows())?;
        // SAFETY: as above.
        let outputs = unsafe { check::structure(outputs, c"outputs") }?;
        check::zero_reserved(outputs.reserved, c"outputs")?;
        let GptqOutputs { codes, scale, zero_point, tensor_scale, .. } = outputs;
        let pointers = TargetPointers { codes: &raw const codes, scale, zero_point, tensor_scale };
        // SAFETY: as above.
        let target = unsafe { Target::new(format, shape, pointers, &TARGET_NAMES) };
        let target = target.map_err(in_weights)?;
        let name = c"outputs.permutation";
        let permutation = if plan.permutes() {
            check::Output::new(outputs.permutation, columns, name)
        } else {
            check::Output::optional(outputs.permutation, columns, name)
        }?;
        let loss = check::Output::optional(outputs.loss, channels, c"outputs.loss")?;
        let dequantized = if outputs.dequantized.data.is_null() {
            None
        } else {
            let name = c"outputs.dequantized";
            // SAFETY: as above.
            let to = unsafe { check::matrix_mut(&raw const outputs.dequantized, name) }?;
            check::same_shape(shape, (to.0.rows(), to.0.cols()), name)?;
            Some(to)
        };
        let report = check::Output::optional(report, 1, c"report")?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        let [codes_span, floats, halves, bytes, zeros, tensor] = target.spans;
        let spans = [
            codes_span,
            floats,
            halves,
            bytes,
            zeros,
            tensor,
            permutation.span,
            loss.span,
            dequantized.as_ref().map_or(check::Span::EMPTY, |(_, span)| *span),
            report.span,
            workspace.span,
        ];
        let [means_span, counts_span] = means_spans;
        let read = [weights_span, hessian_span, codebook_span, means_span, counts_span];
        check::disjoint(&spans, &read)?;
        // SAFETY: as above; the outputs are disjoint.
        let ((codes_view, scale_view, zero_view), tensor_view) = unsafe { target.views() };
        // SAFETY: as above.
        let (permutation, loss) = unsafe { (permutation.slice(), loss.slice()) };
        let views = gptq::Outputs {
            codes: codes_view,
            scale: scale_view,
            zero_point: zero_view,
            tensor_scale: tensor_view,
            permutation,
            loss,
        };
        // SAFETY: as above.
        let mut scratch = Scratch::new(unsafe { workspace.slice() });
        let k = dispatch::active();
        let settings = (&plan, codebook);
        let layer = gptq::Inputs { weights, hessian, means, token_counts };
        let done = gptq::solve(k, exec, &mut scratch, settings, layer, views)?;
        // SAFETY: as above.
        unsafe { report.slice() }.iter_mut().for_each(|report| *report = done);
        let Some((to, _)) = dequantized else { return Ok(()) };
        let (codes, format) = (codes.as_codes(), &raw const params.weights);
        // SAFETY: as above; what was written above is read only.
        let (src, _) =
            unsafe { compressed(format, &raw const codes, scale, zero_point, tensor_scale) }?;
        weights::decompress(k, exec.silent(), &src, to)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
