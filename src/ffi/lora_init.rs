//! Adapters to train from.

use crate::algorithms::lora::{self, AdapterMut};
use crate::algorithms::weights;
use crate::dispatch;
use crate::ffi::check;
use crate::ffi::lora::check_shape;
use crate::ffi::weights::{compressed, in_weights};
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::lora::{LoraInitKind, LoraInitParams, LoraInitPlan};
use crate::params::matrix::{Codes, Matrix, MatrixMut};
use crate::scratch::Scratch;
use crate::status::{Result, Status};
use crate::views::MatrixView;
use core::ffi::c_void;

/// Fills the parameters of new adapters: rank 256, from what the compression lost, weights of int4_sym in
/// groups of 128.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_init_params_default(params: *mut LoraInitParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, LoraInitParams::DEFAULT) };
}

/// Bytes of the workspace of `ptqk_lora_init`, whatever the types and the CPU: about three times those of the
/// weights as f32, and of the adapters.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param rows   Rows of the weights.
/// @param cols   Columns of the weights.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_init_workspace_size(
    ctx: *const Ctx,
    params: *const LoraInitParams,
    rows: usize,
    cols: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        workspace_size(&unsafe { check::params(params) }?.validate()?, (rows, cols))
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

fn workspace_size(plan: &LoraInitPlan, (rows, cols): (usize, usize)) -> Result<usize> {
    weights::layout(&plan.format, rows, cols).map_err(in_weights)?;
    lora::init_workspace_size(plan, (rows, cols))
}

/// Makes the adapters that training starts from: `A`, `[rank, in]`, and `B`, `[out, rank]`, such that `B A`
/// is the best product of that rank for a matrix `T`, `[out, in]`:
///
/// ```text
/// PTQK_LORA_INIT_KIND_RESIDUAL   T = W - compressed(W)
/// PTQK_LORA_INIT_KIND_RANDOM     T = u * scale / 100, u = (word >> 8) / 2^24
/// U S V^T = T                    the adapter_rank largest singular values
/// A = sqrt(S) V^T
/// B = U sqrt(S)
/// ```
///
/// The random word of a weight is word `i` of the sequence that `seed` names (see
/// `PTQK_FLOAT_ROUNDING_STOCHASTIC`), with `i` its row-major index as the weights lie; its scale is that of its
/// group, with its sign.
///
/// The result depends neither on threads nor on the CPU. NaN and infinity in the weights, where they are read,
/// are refused with `PTQK_STATUS_NOT_FINITE` and the row-major index; one that comes from the stored scales names
/// `scale` and the index of the weight. Adapters that are not finite, which takes weights near the largest
/// floats, are refused likewise, by their names and indices. Then, and if the call is cancelled, nothing is
/// written.
///
/// Source: LoftQ, arXiv 2310.08659, one iteration; NNCF 3.4.0 `torch_backend.py`, `get_fq_insertion_command`,
/// whose adapters are bf16 and whose random numbers are others.
///
/// @param ctx             May be NULL. Progress counts the matrix and the decomposition.
/// @param params          Not NULL.
/// @param weights         The weights before compression, `[out, in]` or `[in, out]` as
///                        `params->weights.reduction_axis` says, of any float type. Not read with
///                        `PTQK_LORA_INIT_KIND_RANDOM`, may be NULL then.
/// @param codes           Their codes, as `ptqk_compress_weights` or `ptqk_gptq` wrote them; with
///                        `PTQK_LORA_INIT_KIND_RANDOM` only their shape counts.
/// @param scale           Their scales.
/// @param zero_point      Their zero points; not read in the symmetric modes, may be NULL then.
/// @param tensor_scale    The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
/// @param a               Receives `A`, of any float type.
/// @param b               Receives `B`, of any float type.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_lora_init_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_init(
    ctx: *const Ctx,
    params: *const LoraInitParams,
    weights: *const Matrix,
    codes: *const Codes,
    scale: *const c_void,
    zero_point: *const u8,
    tensor_scale: *const f32,
    a: *const MatrixMut,
    b: *const MatrixMut,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?;
        let plan = params.validate()?;
        let format = &raw const params.weights;
        // SAFETY: as above.
        let (compressed, spans) =
            unsafe { compressed(format, codes, scale, zero_point, tensor_scale) }
                .map_err(in_weights)?;
        let shape = (compressed.codes.rows(), compressed.codes.cols());
        let (weights, weights_span) = match plan.kind {
            LoraInitKind::Residual => {
                // SAFETY: as above.
                let (weights, span) = unsafe { check::matrix(weights, c"weights") }?;
                check::same_shape((weights.rows(), weights.cols()), shape, c"codes")?;
                (weights, span)
            }
            LoraInitKind::Random => (MatrixView::dense(&[], 0), check::Span::EMPTY),
        };
        let needed = workspace_size(&plan, shape)?;
        let (outs, ins) = if plan.format.by_column { (shape.1, shape.0) } else { shape };
        let rank = plan.decomposition.rank;
        // SAFETY: as above.
        let (a, a_span) = unsafe { check::matrix_mut(a, c"a") }?;
        check_shape((rank, ins), (a.rows(), a.cols()), c"a")?;
        // SAFETY: as above.
        let (b, b_span) = unsafe { check::matrix_mut(b, c"b") }?;
        check_shape((outs, rank), (b.rows(), b.cols()), c"b")?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        let [s0, s1, s2, s3, s4] = spans;
        let read = [weights_span, s0, s1, s2, s3, s4];
        check::disjoint(&[a_span, b_span, workspace.span], &read)?;
        // SAFETY: as above; the outputs are disjoint.
        let mut scratch = Scratch::new(unsafe { workspace.slice() });
        let floats = |name, values| AdapterMut { name, values: Some(values), codes: None };
        let to = (floats(c"a", a), floats(c"b", b));
        let from = (weights, &compressed);
        lora::init(dispatch::active(), exec, &mut scratch, &plan, from, to)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
