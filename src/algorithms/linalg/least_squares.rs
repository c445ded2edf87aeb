//! Least squares with thin matrices, by the pseudo-inverse of their products with themselves.
//!
//! Matrices are f32 and their products f64, so that what has to count as 0 in f32 can still be told
//! from the rest after squaring.

use crate::algorithms::linalg::jacobi::jacobi;
use crate::algorithms::linalg::{part, part_mut, split_mut};
use crate::kernels::Kernels;
use crate::scratch::{Scratch, needed};
use crate::status::Result;

/// Singular values of the thin matrix that are at most this share of the largest count as 0: what
/// `scipy.linalg.lstsq` takes for f32.
const RCOND: f64 = f32::EPSILON as f64;

/// A pivot of the Cholesky decomposition that is at most this share of its diagonal element makes it
/// too inaccurate.
const PIVOT: f64 = 1e-9;

/// Elements that are widened at a time.
const PIECE: usize = 256;

/// The workspace for `count` rows.
struct Memory<'a> {
    /// Pairs of rows, or a triangle and its inverse.
    work: &'a mut [f64],
    norms: &'a mut [f64],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, count: usize) -> Result<Self> {
        let square = count.saturating_mul(count);
        Ok(Self { work: scratch.array(square)?, norms: scratch.array(count)? })
    }
}

/// Cuts, or counts, the workspace for `count` rows.
pub(in crate::algorithms) fn workspace(scratch: &mut Scratch<'_>, count: usize) -> Result {
    scratch.phase(|scratch| Memory::carve(scratch, count).map(|_| ()))?;
    scratch.phase(|scratch| scratch.array::<f64>(count.saturating_mul(PIECE)).map(|_| ()))
}

/// Bytes of workspace for `count` rows.
pub fn workspace_size(count: usize) -> Result<usize> {
    needed(|scratch| workspace(scratch, count))
}

/// `gram = gram + A A^T`, where the rows of `A` have `n` elements; the whole square. The workspace is
/// that of `workspace`.
pub fn add_gram(
    k: &Kernels,
    scratch: &mut Scratch<'_>,
    (a, n): (&[f32], usize),
    gram: &mut [f64],
) -> Result {
    let count = a.len().checked_div(n).unwrap_or(0);
    let wide = scratch.array::<f64>(count.saturating_mul(PIECE))?;
    for start in (0..n).step_by(PIECE) {
        let cols = start..n.min(start + PIECE);
        let len = cols.len().max(1);
        for (to, row) in wide.chunks_mut(len).zip(a.chunks(n.max(1))) {
            let row = part(row, cols.clone());
            to.iter_mut().zip(row).for_each(|(to, x)| *to = f64::from(*x));
        }
        let rows = part(wide, 0..count * len);
        for (i, x) in rows.chunks(len).enumerate() {
            for (g, y) in gram.iter_mut().skip(i * count).zip(rows.chunks(len)).take(i + 1) {
                *g += k.dot_f64(x, y);
            }
        }
    }
    mirror(gram, count);
    Ok(())
}

/// Copies the lower part of a square to the upper one.
fn mirror(square: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..i {
            let value = at(square, i * n + j);
            put(square, j * n + i, value);
        }
    }
}

fn at(values: &[f64], i: usize) -> f64 {
    values.get(i).copied().unwrap_or_default()
}

fn put(values: &mut [f64], i: usize, value: f64) {
    values.iter_mut().skip(i).take(1).for_each(|to| *to = value);
}

/// Replaces a symmetric matrix that is not negative definite, `A A^T`, by its pseudo-inverse, as if
/// singular values of `A` of at most `2^-23` of the largest were 0.
pub fn pseudo_inverse(
    k: &Kernels,
    scratch: &mut Scratch<'_>,
    gram: &mut [f64],
    count: usize,
) -> Result {
    let Memory { work, norms } = Memory::carve(scratch, count)?;
    work.iter_mut().zip(&*gram).for_each(|(to, from)| *to = *from);
    if factor(k, work, count) {
        invert(k, work, count);
        // The inverse is X X^T, where the rows of X are the columns of the triangle's inverse.
        product(k, work, (gram, count));
        return Ok(());
    }
    // The rows become eigenvectors times eigenvalues.
    jacobi(k, (gram, count, count), norms);
    let most = norms.first().copied().unwrap_or_default();
    for (row, norm) in gram.chunks_mut(count.max(1)).zip(&*norms) {
        let inverse = if *norm <= RCOND * RCOND * most { 0.0 } else { 1.0 / norm };
        let factor = inverse * libm::sqrt(inverse);
        row.iter_mut().for_each(|x| *x *= factor);
    }
    for (i, row) in work.chunks_mut(count.max(1)).enumerate() {
        let column = gram.iter().skip(i).step_by(count.max(1));
        row.iter_mut().zip(column).for_each(|(to, from)| *to = *from);
    }
    product(k, work, (gram, count));
    Ok(())
}

/// `to = rows rows^T`.
fn product(k: &Kernels, rows: &[f64], (to, count): (&mut [f64], usize)) {
    for (i, a) in rows.chunks(count.max(1)).enumerate() {
        for (j, b) in rows.chunks(count.max(1)).enumerate().take(i + 1) {
            put(to, i * count + j, k.dot_f64(a, b));
        }
    }
    mirror(to, count);
}

/// Cholesky decomposition of the lower part; whether it is accurate.
fn factor(k: &Kernels, a: &mut [f64], n: usize) -> bool {
    for j in 0..n {
        let (above, rest) = split_mut(a, j * n);
        let (row, _) = split_mut(rest, n);
        for (i, l) in above.chunks(n.max(1)).enumerate() {
            let sum = k.dot_f64(part(l, 0..i), part(row, 0..i));
            let value = (at(row, i) - sum) / at(l, i);
            put(row, i, value);
        }
        let done = part(row, 0..j);
        let (diagonal, sum) = (at(row, j), k.dot_f64(done, done));
        let pivot = diagonal - sum;
        if !(pivot > PIVOT * diagonal && pivot < f64::INFINITY) {
            return false;
        }
        put(row, j, libm::sqrt(pivot));
    }
    true
}

/// The columns of the inverse of a lower triangle, as rows.
fn invert(k: &Kernels, l: &mut [f64], n: usize) {
    // From the last column of the inverse: column j needs those of L from j on, row by row.
    for j in 0..n {
        // Row j of the result, from its diagonal on, by the rows of L below, which are still there.
        let first = 1.0 / at(l, j * n + j);
        let (above, below) = split_mut(l, (j + 1) * n);
        let x = part_mut(above, j * n..(j + 1) * n);
        x.fill(0.0);
        put(x, j, first);
        for (i, row) in below.chunks(n.max(1)).enumerate() {
            let i = j + 1 + i;
            let sum = k.dot_f64(part(row, j..i), part(x, j..i));
            put(x, i, -sum / at(row, i));
        }
    }
}
