//! Adapters at work.

use crate::algorithms::lora::apply::{self, Adapter, Factor};
use crate::dispatch;
use crate::ffi::check;
use crate::ffi::lora::Names;
use crate::parallel::{Exec, Tile};
use crate::params::context::Ctx;
use crate::params::flag;
use crate::params::lora::{LoraAdapter, LoraFactor, LoraSegment};
use crate::params::matrix::{CodeType, Matrix, MatrixMut};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use core::ffi::{CStr, c_void};

const A: Names = Names {
    values: c"adapters.a.values",
    codes: c"adapters.a.codes",
    scale: c"adapters.a.scale",
    zero_point: c"adapters.a.zero_point",
};

const B: Names = Names {
    values: c"adapters.b.values",
    codes: c"adapters.b.codes",
    scale: c"adapters.b.scale",
    zero_point: c"adapters.b.zero_point",
};

/// Checks a thin matrix; gives it and the spans of its parts.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn factor<'a>(from: &LoraFactor, names: &Names) -> Result<(Factor<'a>, [check::Span; 3])> {
    let none = check::Span::EMPTY;
    if !from.values.data.is_null() {
        // SAFETY: the contract of this function.
        let (values, span) = unsafe { check::matrix(&raw const from.values, names.values) }?;
        return Ok((Factor::Floats(values), [span, none, none]));
    }
    // SAFETY: as above.
    let (codes, span) = unsafe { check::codes(&raw const from.codes, names.codes) }?;
    if !matches!(codes.code_type(), CodeType::U8 | CodeType::I8) {
        let rule = c"must be PTQK_CODE_TYPE_U8 or PTQK_CODE_TYPE_I8";
        let value = f64::from(codes.code_type() as u32);
        return Err(Error::field(names.codes, c"code_type", rule, value));
    }
    let rows = codes.rows();
    // SAFETY: as above.
    let (scale, scale_span) = unsafe { check::array(from.scale, rows, names.scale) }?;
    // SAFETY: as above.
    let (zero_point, zero_span) =
        unsafe { check::optional_array(from.zero_point, rows, names.zero_point) }?;
    Ok((Factor::Codes { codes, scale, zero_point }, [span, scale_span, zero_span]))
}

fn shape(argument: &'static CStr, rows: bool, rule: &'static CStr, value: usize) -> Error {
    Error::shape(argument, if rows { c"rows" } else { c"cols" }, rule, value as f64)
}

/// Checks an adapter for inputs and outputs of so many channels; the rules name what these are.
///
/// # Safety
/// The pointer contract of the header.
unsafe fn adapter<'a>(
    from: &LoraAdapter,
    (inputs, outputs): (usize, usize),
    (input_rule, output_rule): (&'static CStr, &'static CStr),
) -> Result<(Adapter<'a>, [check::Span; 6])> {
    let b_is_transposed = flag(from.b_is_transposed, c"b_is_transposed")
        .map_err(|error| Error { argument: c"adapters", ..error })?;
    if !from.scale.is_finite() {
        let value = f64::from(from.scale);
        return Err(Error::field(c"adapters", c"scale", c"must be finite", value));
    }
    // SAFETY: the contract of this function.
    let (a, [a0, a1, a2]) = unsafe { factor(&from.a, &A) }?;
    // SAFETY: as above.
    let (b, [b0, b1, b2]) = unsafe { factor(&from.b, &B) }?;
    if a.cols() != inputs {
        return Err(shape(c"adapters.a", false, input_rule, a.cols()));
    }
    let adapter = Adapter { a, b, b_is_transposed, scale: from.scale };
    if adapter.outputs() != outputs {
        return Err(shape(c"adapters.b", !b_is_transposed, output_rule, adapter.outputs()));
    }
    if adapter.rank() != a.rows() {
        let rule = c"must be the rows of a";
        return Err(shape(c"adapters.b", b_is_transposed, rule, adapter.rank()));
    }
    Ok((adapter, [a0, a1, a2, b0, b1, b2]))
}

/// Refuses scales of codes that are not finite.
fn finite(adapter: &Adapter<'_>) -> Result {
    for (factor, names) in [(&adapter.a, &A), (&adapter.b, &B)] {
        if let Factor::Codes { scale, .. } = factor {
            check::finite(scale, names.scale)?;
        }
    }
    Ok(())
}

/// What the channels of an adapter are when it is applied.
const RULES: (&CStr, &CStr) = (c"must be the columns of x", c"must be the columns of y");

/// Rows of `A`, as the caller says.
fn rank(from: &LoraAdapter) -> usize {
    let LoraFactor { values, codes, .. } = &from.a;
    if values.data.is_null() { codes.rows } else { values.rows }
}

fn workspace_size(adapters: &[LoraAdapter], rows: usize) -> Result<usize> {
    let most = adapters.iter().map(rank).max().unwrap_or(0);
    apply::workspace_size(rows, most)
}

/// Bytes of the workspace of `ptqk_lora_apply`: 4 for each row and rank.
///
/// @param ctx      May be NULL.
/// @param adapters `adapter_count` adapters; only their ranks are read.
/// @param adapter_count Number of adapters.
/// @param rows     Rows of `x`.
/// @param bytes    Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_apply_workspace_size(
    ctx: *const Ctx,
    adapters: *const LoraAdapter,
    adapter_count: usize,
    rows: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let (adapters, _) = unsafe { check::array(adapters, adapter_count, c"adapters") }?;
        workspace_size(adapters, rows)
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Adds to the outputs of a layer what adapters give: `y += scale (x A^T) B^T`, for each segment with the
/// adapter that it names. Rows that no segment has stay as they are; rows of several segments get all of
/// them, in order.
///
/// An element of `x A^T` is an inner product of f32, in pieces of 1024 elements that are added in order; it is
/// multiplied by `scale`, and `y` goes on from its old value by a chain of fused multiply-adds in order of
/// the rank, rounded to its type at the end. What a row becomes depends neither on the other rows nor on
/// threads nor on the CPU: a batch gives what its rows give one by one, and a transposed `B` of floats what `B`
/// gives.
///
/// Of codes, the inner products and the chain take `code - zero_point`. The scale of a row of `A` multiplies its
/// inner product before `scale` does, and after that the scale of a row of a transposed `B` multiplies the
/// element of `x A^T` that meets this row; the scale of a row of another `B` multiplies its codes. Each product is
/// rounded to f32.
///
/// Source: arXiv 2106.09685 (LoRA), arXiv 2310.18547 (adapters by segment).
///
/// @param ctx             May be NULL. There is no progress: calls are short.
/// @param adapters        `adapter_count` adapters. An error names the adapter by its index. Of those that
///                        no segment names only the ranks are read.
/// @param adapter_count   Number of adapters.
/// @param segments        `segment_count` segments. An error names the segment by its index.
/// @param segment_count   Number of segments.
/// @param x               The inputs, `[rows, in]`, of any float type.
/// @param y               The outputs, `[rows, out]`, of any float type. Must not share memory with
///                        anything else.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_lora_apply_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_apply(
    ctx: *const Ctx,
    adapters: *const LoraAdapter,
    adapter_count: usize,
    segments: *const LoraSegment,
    segment_count: usize,
    x: *const Matrix,
    y: *const MatrixMut,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (adapters, adapters_span) =
            unsafe { check::array(adapters, adapter_count, c"adapters") }?;
        // SAFETY: as above.
        let (segments, segments_span) =
            unsafe { check::array(segments, segment_count, c"segments") }?;
        // SAFETY: as above.
        let (x, x_span) = unsafe { check::matrix(x, c"x") }?;
        // SAFETY: as above.
        let (mut y, y_span) = unsafe { check::matrix_mut(y, c"y") }?;
        let rows = x.rows();
        if y.rows() != rows {
            return Err(shape(c"y", true, c"must be the rows of x", y.rows()));
        }
        let needed = workspace_size(adapters, rows)?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[y_span, workspace.span], &[x_span, adapters_span, segments_span])?;
        let channels = (x.cols(), y.cols());
        for (i, segment) in segments.iter().enumerate() {
            let refuse = |field, rule, value: usize| {
                let error = Error::field(c"segments", field, rule, value as f64);
                Err(Error { index: i as u64, ..error })
            };
            let Some(from) = adapters.get(segment.adapter) else {
                return refuse(c"adapter", c"must be one of the adapters", segment.adapter);
            };
            if segment.first_row > rows {
                return refuse(c"first_row", c"must be a row of x", segment.first_row);
            }
            if segment.rows > rows - segment.first_row {
                return refuse(c"rows", c"must end within x", segment.rows);
            }
            // SAFETY: as above.
            let checked = unsafe { adapter(from, channels, RULES) }.and_then(|(adapter, spans)| {
                check::disjoint(&[y_span, workspace.span], &spans)?;
                finite(&adapter)
            });
            checked.map_err(|error| Error { index: segment.adapter as u64, ..error })?;
        }
        let k = dispatch::active();
        // SAFETY: as above; the outputs are disjoint from all that is read.
        let mut scratch = Scratch::new(unsafe { workspace.slice() });
        for segment in segments {
            let Some(from) = adapters.get(segment.adapter) else { continue };
            // SAFETY: as above.
            let (adapter, _) = unsafe { adapter(from, channels, RULES) }?;
            let rows = segment.first_row..segment.first_row + segment.rows;
            let x = x.tile(&Tile { rows: rows.clone(), cols: 0..channels.0 });
            let y = y.tile_mut(&Tile { rows, cols: 0..channels.1 });
            scratch.phase(|s| apply::apply(k, exec, s, &adapter, x, y))?;
        }
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Bytes of the workspace of `ptqk_lora_merge`: 4 for each output channel and rank.
///
/// @param ctx     May be NULL.
/// @param adapter Not NULL; only its shape is read.
/// @param rows    Rows of the weights.
/// @param bytes   Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_merge_workspace_size(
    ctx: *const Ctx,
    adapter: *const LoraAdapter,
    rows: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        let (adapter, _) = unsafe { check::array(adapter, 1, c"adapter") }?;
        workspace_size(adapter, rows)
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

/// Adds an adapter to the weights of a layer, `W += scale B A`, or takes it away again, but for rounding.
///
/// Each weight goes on from its old value by a chain of fused multiply-adds in order of the rank, with
/// `scale * B` rounded to f32 before, and is rounded to its type at the end; so neither threads nor the CPU
/// matter. Of codes of `A`, the chain takes `code - zero_point`, and `scale * B` is multiplied by the scale of the
/// row of `A` and rounded again. Source: arXiv 2106.09685.
///
/// Weights that lie as `[in, out]` take an adapter whose `b_is_transposed` is 1 with `a` and `b` exchanged: what the
/// chain takes of each is then exchanged, too.
///
/// @param ctx             May be NULL.
/// @param adapter         Not NULL. Errors name its parts as those of `adapters`.
/// @param subtract        0: added; 1: taken away.
/// @param weights         The weights, `[out, in]`, of any float type.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_lora_merge_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_lora_merge(
    ctx: *const Ctx,
    adapter: *const LoraAdapter,
    subtract: u32,
    weights: *const MatrixMut,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let (one, adapter_span) = unsafe { check::array(adapter, 1, c"adapter") }?;
        let Some(from) = one.first() else { return Ok(()) };
        if subtract > 1 {
            let error = Error::new(Status::InvalidParameter, c"subtract", c"must be 0 or 1");
            return Err(Error { value: f64::from(subtract), ..error });
        }
        // SAFETY: as above.
        let (weights, weights_span) = unsafe { check::matrix_mut(weights, c"weights") }?;
        let rules = (c"must be the columns of the weights", c"must be the rows of the weights");
        // SAFETY: as above.
        let (adapter, [a0, a1, a2, b0, b1, b2]) =
            unsafe { self::adapter(from, (weights.cols(), weights.rows()), rules) }?;
        let needed = workspace_size(one, weights.rows())?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        let outputs = [weights_span, workspace.span];
        check::disjoint(&outputs, &[adapter_span, a0, a1, a2, b0, b1, b2])?;
        finite(&adapter)?;
        let scale = if subtract == 1 { -adapter.scale } else { adapter.scale };
        // SAFETY: as above; the outputs are disjoint from all that is read.
        let mut scratch = Scratch::new(unsafe { workspace.slice() });
        let k = dispatch::active();
        apply::merge(k, exec, &mut scratch, (&adapter, scale), weights)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
