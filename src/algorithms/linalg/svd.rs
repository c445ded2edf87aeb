//! The singular value decomposition of a matrix with no more rows than columns: `B = W^T S Z`, rows
//! of `W` and `Z` orthonormal, the largest singular value first.
//!
//! `B = L Q` in f32, then one-sided Jacobi rotations on the columns of `L`, in f64.

use crate::algorithms::exponent::{floor_log2, power_of_two};
use crate::algorithms::linalg::gemm::{self, Operand, Part, Update, gemm};
use crate::algorithms::linalg::jacobi::jacobi;
use crate::algorithms::linalg::lq;
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::scratch::{Scratch, needed};
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

struct Memory<'a> {
    /// `L`, later the rotations as f32.
    square: &'a mut [f32],
    /// A column of `L` per row, then a row of the identity.
    columns: &'a mut [f64],
    norms: &'a mut [f64],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, count: usize) -> Result<Self> {
        let square = count.saturating_mul(count);
        Ok(Self {
            square: scratch.array(square)?,
            columns: scratch.array(square.saturating_mul(2))?,
            norms: scratch.array(count)?,
        })
    }
}

/// Cuts, or counts, the workspace for `count` rows of `n` elements.
pub(in crate::algorithms) fn workspace(
    scratch: &mut Scratch<'_>,
    (count, n): (usize, usize),
) -> Result {
    Memory::carve(scratch, count)?;
    scratch.phase(|scratch| lq::workspace(scratch, (count, n)))?;
    scratch.phase(|scratch| lq::workspace(scratch, (count, count)))?;
    scratch.phase(|scratch| gemm::workspace(scratch, (count, n, count)))
}

/// Bytes of workspace for `count` rows of `n` elements.
pub fn workspace_size((count, n): (usize, usize)) -> Result<usize> {
    needed(|scratch| workspace(scratch, (count, n)))
}

/// What a decomposition gives.
#[derive(Debug)]
pub struct Factors<'a> {
    /// The singular values.
    pub sigma: &'a mut [f32],
    /// The left vectors as rows.
    pub left: &'a mut [f32],
    /// The right vectors as rows.
    pub right: &'a mut [f32],
}

/// Decomposes the rows of `b`, `n` finite elements each and no more than `n` of them; what is in `b`
/// is lost.
pub fn svd(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (b, n): (&mut [f32], usize),
    to: Factors<'_>,
) -> Result {
    let count = b.len().checked_div(n).unwrap_or(0);
    let Memory { square, columns, norms } = Memory::carve(scratch, count)?;
    let exponent = scale_exponent(k.abs_max(b));
    let scale = power_of_two(-exponent);
    b.iter_mut().for_each(|x| *x *= scale);
    scratch.phase(|scratch| lq::lq(k, exec, scratch, (b, n), square))?;
    columns.fill(0.0);
    for (j, column) in columns.chunks_mut((2 * count).max(1)).enumerate() {
        for (to, row) in column.iter_mut().zip(square.chunks(count.max(1))) {
            *to = row.get(j).copied().map_or(0.0, f64::from);
        }
        column.iter_mut().skip(count + j).take(1).for_each(|x| *x = 1.0);
    }
    jacobi(k, (columns, 2 * count, count), norms);
    let back = f64::from(power_of_two(exponent));
    for (i, (column, norm)) in columns.chunks((2 * count).max(1)).zip(&*norms).enumerate() {
        to.sigma.iter_mut().skip(i).take(1).for_each(|sigma| *sigma = (norm * back) as f32);
        let inverse = if *norm == 0.0 { 0.0 } else { 1.0 / norm };
        let left = to.left.iter_mut().skip(i * count);
        left.zip(column).take(count).for_each(|(to, x)| *to = (*x * inverse) as f32);
        let rotations = square.iter_mut().skip(i * count);
        rotations.zip(column.iter().skip(count)).for_each(|(to, x)| *to = *x as f32);
    }
    let set = (Update::SET, Part::Whole);
    let sides = (MatrixView::dense(square, count), MatrixView::dense(b, n));
    let sides = (Operand::plain(sides.0), Operand::plain(sides.1));
    scratch.phase(|s| gemm(k, exec, s, set, sides, MatrixViewMut::dense(to.right, n)))?;
    if norms.contains(&0.0) {
        scratch.phase(|s| complete(k, exec, s, (to.left, norms), square))?;
    }
    Ok(())
}

/// Finds directions for the left vectors of singular values that are 0: rows of zeros so far.
fn complete(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (left, norms): (&mut [f32], &[f64]),
    l: &mut [f32],
) -> Result {
    let count = norms.len();
    lq::lq(k, exec, scratch, (left, count), l)?;
    // The others keep their place, but perhaps not their sign.
    let diagonal = l.iter().step_by((count + 1).max(1));
    for ((row, norm), l) in left.chunks_mut(count.max(1)).zip(norms).zip(diagonal) {
        if *norm != 0.0 && *l < 0.0 {
            row.iter_mut().for_each(|x| *x = -*x);
        }
    }
    Ok(())
}

/// The power of two by which a magnitude is divided to come to about 1; it and its inverse are normal.
pub(super) fn scale_exponent(x: f32) -> i32 {
    floor_log2(x).clamp(-126, 126)
}
