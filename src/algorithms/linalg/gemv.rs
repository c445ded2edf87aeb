//! Products with a vector: the matrix is read once, where it lies.

use crate::algorithms::linalg::gemm::Operand;
use crate::algorithms::stage::{STAGE, cuts, widen_into};
use crate::kernels::{Kernels, TILE_COLS};
use crate::parallel::{Cut, Exec};
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut, Run};
use core::ops::Range;

/// Elements of a row that a task computes.
const TASK: usize = 16 * STAGE;

/// Rows of the matrix that are added together.
const TOGETHER: usize = 4;

/// Rows that are asked for ahead of their use.
const SOON: usize = 8;

/// Columns of the matrix that are brought together where its rows become lanes.
const DEPTH: usize = 128;

/// `C += x M`, or `C -= x M`, for a vector `x` and a C that is a row or a column: the same chains as
/// those of a product.
pub(super) fn gemv(
    k: &Kernels,
    exec: Exec<'_>,
    subtract: bool,
    (x, matrix): (Operand<'_>, Operand<'_>),
    c: MatrixViewMut<'_>,
) -> Result {
    let shape = (c.rows(), c.cols());
    let is_row = shape.0 == 1;
    let cut = if is_row { Cut::exact(shape, 1, TASK) } else { Cut::exact(shape, STAGE, 1) };
    exec.tiles(cut, c, |tile, mut c| {
        if is_row {
            let acc = c.floats_mut(0, 0..tile.cols.len());
            return part(k, subtract, (x, matrix), tile.cols.clone(), acc);
        }
        let mut column = [0.0; STAGE];
        let acc = column.get_mut(..tile.rows.len()).unwrap_or_default();
        for (row, acc) in acc.iter_mut().enumerate() {
            c.floats_mut(row, 0..1).iter().for_each(|c| *acc = *c);
        }
        part(k, subtract, (x, matrix), tile.rows.clone(), acc);
        for (row, acc) in acc.iter().enumerate() {
            c.floats_mut(row, 0..1).iter_mut().for_each(|c| *c = *acc);
        }
    })
}

/// The elements `lanes` of the result.
fn part(
    k: &Kernels,
    subtract: bool,
    (x, matrix): (Operand<'_>, Operand<'_>),
    lanes: Range<usize>,
    acc: &mut [f32],
) {
    let (_, depth) = x.shape();
    let mut buffer = [0.0; STAGE];
    for range in cuts(0..depth, STAGE) {
        let factors = buffer.get_mut(..range.len()).unwrap_or_default();
        load(k, x, range.clone(), factors);
        if subtract {
            factors.iter_mut().for_each(|x| *x = -*x);
        }
        if matrix.transposed {
            turned(k, factors, matrix.view, (lanes.clone(), range), acc);
        } else {
            added(k, factors, matrix.view, (range, lanes.clone()), acc);
        }
    }
}

/// Elements of a vector that lies as a row or as a column.
fn load(k: &Kernels, x: Operand<'_>, range: Range<usize>, to: &mut [f32]) {
    if !x.transposed {
        return widen_into(k, x.view.run(0, range), to);
    }
    for (row, to) in range.zip(to) {
        widen_into(k, x.view.run(row, 0..1), core::slice::from_mut(to));
    }
}

/// Adds multiples of rows.
fn added(
    k: &Kernels,
    factors: &[f32],
    matrix: MatrixView<'_>,
    (rows, cols): (Range<usize>, Range<usize>),
    acc: &mut [f32],
) {
    for (rows, factors) in cuts(rows, TOGETHER).zip(factors.chunks(TOGETHER)) {
        for soon in rows.start + SOON..rows.end + SOON {
            k.request(matrix.run(soon, cols.clone()).bytes());
        }
        let first = rows.start;
        let n = factors.len();
        macro_rules! add {
            ($run:ident, $kernel:ident) => {{
                let runs = [0, 1, 2, 3].map(|i| match matrix.run(first + i, cols.clone()) {
                    Run::$run(x) => x,
                    _ => &[],
                });
                k.$kernel(factors, runs.get(..n).unwrap_or_default(), acc);
            }};
        }
        match matrix.run(first, 0..0) {
            Run::F32(_) => add!(F32, add_scaled_rows),
            Run::F16(_) => add!(F16, add_scaled_rows_f16),
            Run::Bf16(_) => add!(Bf16, add_scaled_rows_bf16),
        }
    }
}

/// Adds inner products of rows, many at a time: each is one chain.
fn turned(
    k: &Kernels,
    factors: &[f32],
    matrix: MatrixView<'_>,
    (rows, cols): (Range<usize>, Range<usize>),
    acc: &mut [f32],
) {
    let mut buffer = [0.0; TILE_COLS * DEPTH];
    for (rows, acc) in cuts(rows, TILE_COLS).zip(acc.chunks_mut(TILE_COLS)) {
        for (cols, factors) in cuts(cols.clone(), DEPTH).zip(factors.chunks(DEPTH)) {
            for (row, to) in rows.clone().zip(buffer.chunks_mut(cols.len().max(1))) {
                k.request(matrix.run(row, cols.end..cols.end + DEPTH).bytes());
                widen_into(k, matrix.run(row, cols.clone()), to);
            }
            let len = rows.len() * cols.len();
            k.multiply_vector(factors, buffer.get(..len).unwrap_or_default(), acc);
        }
    }
}
