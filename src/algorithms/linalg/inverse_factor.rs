//! The upper Cholesky factor of the inverse: `H^-1 = U^T U`, without the inverse.
//!
//! With the order of rows and columns reversed, `H` is `L L^T`; then `U` is `L^-1`, reversed.

use crate::algorithms::linalg::cholesky::cholesky;
use crate::algorithms::linalg::triangle::invert_lower;
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::MatrixViewMut;

/// Elements that are reversed at a time.
const PIECE: usize = 256;

/// Replaces a symmetric f32 matrix, of which the upper part is read, by `U`, with zeros below its
/// diagonal. A matrix that is not positive definite is refused with the index of the row at which
/// the elimination from the last row upwards ends, and is lost. The workspace is that of the
/// Cholesky decomposition.
pub fn inverse_factor(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    mut h: MatrixViewMut<'_>,
) -> Result {
    let n = h.rows().min(h.cols());
    reflect(&mut h, true);
    scratch.phase(|scratch| cholesky(k, exec, scratch, h.whole_mut())).map_err(|error| {
        let refused = error.status == Status::NotPositiveDefinite;
        let index = if refused { (n as u64 - 1).saturating_sub(error.index) } else { error.index };
        Error { index, ..error }
    })?;
    scratch.phase(|scratch| invert_lower(k, exec, scratch, h.whole_mut()))?;
    reflect(&mut h, false);
    for row in 0..n {
        h.floats_mut(row, 0..row).fill(0.0);
    }
    Ok(())
}

/// Reverses the order of rows and columns: writes the lower part from the upper one, or the upper one
/// from the lower one.
fn reflect(h: &mut MatrixViewMut<'_>, to_lower: bool) {
    let n = h.rows().min(h.cols());
    let mut buffer = [0.0; PIECE];
    for row in 0..n {
        let mut cols = if to_lower { 0..row } else { row + 1..n };
        while !cols.is_empty() {
            let end = cols.end.min(cols.start + PIECE);
            let from = h.floats_mut(n - 1 - row, n - end..n - cols.start);
            buffer.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
            let to = h.floats_mut(row, cols.start..end);
            to.iter_mut().zip(&buffer).for_each(|(to, from)| *to = *from);
            cols.start = end;
        }
    }
    for row in 0..n / 2 {
        let other = n - 1 - row;
        let value = h.floats_mut(row, row..row + 1).first().copied().unwrap_or_default();
        if let Some(to) = h.floats_mut(other, other..other + 1).first_mut() {
            let back = core::mem::replace(to, value);
            h.floats_mut(row, row..row + 1).fill(back);
        }
    }
}
