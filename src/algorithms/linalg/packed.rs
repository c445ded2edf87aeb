//! A matrix that many thin ones are multiplied by: its panels are packed once, both ways.

use crate::algorithms::linalg::gemm::{Operand, Part, clear, multiply};
use crate::algorithms::linalg::pack::{DEPTH, Side};
use crate::algorithms::linalg::part;
use crate::algorithms::stage::cuts;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::Exec;
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::MatrixViewMut;

/// A matrix of f32 and its panels.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    /// The matrix itself.
    pub matrix: Operand<'a>,
    /// Panels of its columns, a block of the depth after the other.
    columns: &'a [f32],
    /// Panels of its rows.
    rows: &'a [f32],
}

/// Which product is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By the matrix.
    Matrix,
    /// By its transpose.
    Transpose,
}

/// Elements of the panels of `lanes` rows or columns of `depth` elements.
fn panels(lanes: usize, depth: usize) -> usize {
    Side::packed::<TILE_COLS>(lanes, depth)
}

/// Packs the columns of an operand.
fn pack(k: &Kernels, exec: Exec<'_>, matrix: Operand<'_>, to: &mut [f32]) -> Result {
    let (depth, lanes) = matrix.shape();
    let side = Side { view: matrix.view, lanes_are_columns: !matrix.transposed, negate: false };
    let mut rest = to;
    for block in cuts(0..depth, DEPTH) {
        let len = panels(lanes, block.len());
        let (now, after) = rest.split_at_mut_checked(len).unwrap_or_default();
        side.pack::<TILE_COLS>(k, exec, block, now)?;
        rest = after;
    }
    Ok(())
}

impl<'a> Packed<'a> {
    /// Cuts memory for the panels of an `m x n` matrix and packs them.
    pub fn new(
        k: &Kernels,
        exec: Exec<'_>,
        scratch: &mut Scratch<'a>,
        matrix: Operand<'a>,
    ) -> Result<Self> {
        let [columns, rows] = Self::carve(scratch, matrix.shape())?;
        pack(k, exec, matrix, columns)?;
        pack(k, exec, matrix.other(), rows)?;
        Ok(Self { matrix, columns, rows })
    }

    fn carve(scratch: &mut Scratch<'a>, (m, n): (usize, usize)) -> Result<[&'a mut [f32]; 2]> {
        Ok([scratch.array(panels(n, m))?, scratch.array(panels(m, n))?])
    }

    /// Cuts, or counts, the memory for the panels of an `m x n` matrix.
    pub(in crate::algorithms) fn workspace(
        scratch: &mut Scratch<'a>,
        shape: (usize, usize),
    ) -> Result {
        Self::carve(scratch, shape).map(|_| ())
    }

    /// Cuts, or counts, the workspace of a product with a left side of `m` rows: its panels.
    pub(in crate::algorithms) fn product_workspace<'b>(
        scratch: &mut Scratch<'b>,
        m: usize,
        depth: usize,
    ) -> Result<&'b mut [f32]> {
        scratch.array(Side::packed::<TILE_ROWS>(m, depth.min(DEPTH)))
    }

    /// `C = A B`, where `B` is the matrix or its transpose.
    pub fn multiply(
        &self,
        k: &Kernels,
        exec: Exec<'_>,
        scratch: &mut Scratch<'_>,
        (a, by): (Operand<'_>, By),
        mut c: MatrixViewMut<'_>,
    ) -> Result {
        let (m, n) = self.matrix.shape();
        let (mut panels_left, depth, lanes) = match by {
            By::Matrix => (self.columns, m, n),
            By::Transpose => (self.rows, n, m),
        };
        let side = Side { view: a.view, lanes_are_columns: a.transposed, negate: false };
        let a_panels = Self::product_workspace(scratch, a.shape().0, depth)?;
        clear(exec, Part::Whole, &mut c)?;
        for block in cuts(0..depth, DEPTH) {
            let len = panels(lanes, block.len());
            let b_panels = part(panels_left, 0..len);
            panels_left = panels_left.get(len..).unwrap_or_default();
            side.pack::<TILE_ROWS>(k, exec, block.clone(), a_panels)?;
            let sides = (&*a_panels, b_panels);
            multiply(k, exec, sides, block.len(), isize::MAX, c.whole_mut())?;
        }
        Ok(())
    }
}
