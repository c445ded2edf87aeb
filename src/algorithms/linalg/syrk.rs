//! Products of a matrix with its own transpose, of which one half is enough.

use crate::algorithms::linalg::gemm::{Operand, Part, Update, gemm};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// The lower part of `C = C + A^T A`, or of `C = A^T A`; the upper part is neither read nor written.
/// C is f32, square, as wide as A, and shares no memory with it. The workspace is that of a product
/// with as many rows and columns as C and the rows of A as depth.
pub fn syrk(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    accumulate: bool,
    a: MatrixView<'_>,
    c: MatrixViewMut<'_>,
) -> Result {
    let update = Update { accumulate, subtract: false };
    let (left, right) =
        (Operand { view: a, transposed: true }, Operand { view: a, transposed: false });
    gemm(k, exec, scratch, (update, Part::Lower), (left, right), c)
}

/// Copies the lower part of a square f32 matrix to the upper one, transposed.
pub fn mirror(c: &mut MatrixViewMut<'_>) {
    const SIDE: usize = 16;
    let n = c.rows().min(c.cols());
    let mut block = [[0.0; SIDE]; SIDE];
    for row in (0..n).step_by(SIDE) {
        for col in (0..row + SIDE).step_by(SIDE) {
            for (i, to) in block.iter_mut().enumerate() {
                let end = n.min(col + SIDE).min(row + i + 1);
                let from = c.floats_mut(row + i, col..end);
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
            for j in 0..SIDE {
                // Above the diagonal only.
                let skip = (col + j + 1).saturating_sub(row).min(SIDE);
                let to = c.floats_mut(col + j, row + skip..row + SIDE);
                for (to, from) in to.iter_mut().zip(block.iter().skip(skip)) {
                    *to = from.get(j).copied().unwrap_or_default();
                }
            }
        }
    }
}
