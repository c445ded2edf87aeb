//! Products of matrices.

use crate::algorithms::linalg::gemm::{self, Operand, Part, Update};
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::linalg::GemmParams;
use crate::params::matrix::{Dtype, Matrix, MatrixMut};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use core::ffi::{CStr, c_void};

/// Fills the parameters of `ptqk_gemm`: `c = a b`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gemm_params_default(params: *mut GemmParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, GemmParams::DEFAULT) };
}

/// Bytes of the workspace of `ptqk_gemm`, whatever the types and the CPU; none if `c` is a row or a
/// column.
///
/// @param ctx    May be NULL.
/// @param params Not NULL.
/// @param rows   Rows of `c`.
/// @param cols   Columns of `c`.
/// @param depth  Columns of `a`, of its transpose if that is meant.
/// @param bytes  Receives the size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gemm_workspace_size(
    ctx: *const Ctx,
    params: *const GemmParams,
    rows: usize,
    cols: usize,
    depth: usize,
    bytes: *mut usize,
) -> Status {
    let value = || {
        // SAFETY: the pointer contract of the header.
        unsafe { check::params(params) }?.validate()?;
        gemm::workspace_size((rows, cols, depth))
    };
    // SAFETY: as above.
    unsafe { check::number(ctx, (bytes, c"bytes"), value) }
}

fn fits(got: usize, want: usize, (argument, field): (&'static CStr, &'static CStr)) -> Result {
    if got == want {
        return Ok(());
    }
    let rule = c"must fit the shapes of the other matrices";
    Err(Error::shape(argument, field, rule, got as f64))
}

/// Multiplies two matrices: `c = a b`, `c + a b`, `-a b` or `c - a b`.
///
/// Each element of `c` is one chain of fused multiply-adds in f32,
/// `x = fma(a[i][p], b[p][j], x)` with `p` ascending, from 0 or from its old value; to subtract, the
/// sign of `a` changes. The result does not depend on the CPU or on threads.
///
/// @param ctx             May be NULL. Progress counts the parts of one block of the depth after
///                        another.
/// @param params          Not NULL.
/// @param a               `rows x depth`, or `depth x rows` with `params->transpose_a`.
/// @param b               `depth x cols`, or `cols x depth` with `params->transpose_b`. May be `a`.
/// @param c               Receives `rows x cols` of `PTQK_DTYPE_F32`. A depth of 0 gives zeros, or
///                        leaves `c` as it is with `params->accumulate`.
/// @param workspace       At any address; its contents do not matter before and after.
/// @param workspace_bytes Range: at least what `ptqk_gemm_workspace_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_gemm(
    ctx: *const Ctx,
    params: *const GemmParams,
    a: *const Matrix,
    b: *const Matrix,
    c: *const MatrixMut,
    workspace: *mut c_void,
    workspace_bytes: usize,
) -> Status {
    let body = |exec: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let product = unsafe { check::params(params) }?.validate()?;
        // SAFETY: as above.
        let (a, a_span) = unsafe { check::matrix(a, c"a") }?;
        // SAFETY: as above.
        let (b, b_span) = unsafe { check::matrix(b, c"b") }?;
        // SAFETY: as above.
        let (c, c_span) = unsafe { check::matrix_mut(c, c"c") }?;
        let left = Operand { view: a, transposed: product.transpose_a };
        let right = Operand { view: b, transposed: product.transpose_b };
        let ((rows, depth), (b_depth, cols)) = (left.shape(), right.shape());
        fits(b_depth, depth, (c"b", if product.transpose_b { c"cols" } else { c"rows" }))?;
        fits(c.rows(), rows, (c"c", c"rows"))?;
        fits(c.cols(), cols, (c"c", c"cols"))?;
        if c.dtype() != Dtype::F32 {
            let value = f64::from(c.dtype() as u32);
            return Err(Error::field(c"c", c"dtype", c"must be PTQK_DTYPE_F32", value));
        }
        let needed = gemm::workspace_size((rows, cols, depth))?;
        let workspace = check::workspace(workspace, workspace_bytes, needed)?;
        check::disjoint(&[workspace.span, c_span], &[a_span, b_span])?;
        let update = Update { accumulate: product.accumulate, subtract: product.subtract };
        // SAFETY: as above; the outputs are disjoint.
        let mut scratch = Scratch::new(unsafe { workspace.slice() });
        let sides = (left, right);
        gemm::gemm(dispatch::active(), exec, &mut scratch, (update, Part::Whole), sides, c)
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
