//! One-sided Jacobi rotations: the rows of a matrix are turned in pairs until all are orthogonal.

use crate::algorithms::linalg::{part, split_mut};
use crate::kernels::Kernels;

/// Most passes over all pairs; about ten are needed for a thousand rows.
const SWEEPS: usize = 30;

/// Rows whose inner product is this small, against their lengths, are orthogonal: far below what f32
/// can hold, far above what rounding leaves.
const ORTHOGONAL: f64 = 1e-10;

/// Turns the rows of `width` elements, of which the first `len` are to become orthogonal, and the
/// others record the rotations. The longest row comes first; `norms` receives the lengths, of which
/// there are as many as rows.
pub(super) fn jacobi(
    k: &Kernels,
    (rows, width, len): (&mut [f64], usize, usize),
    norms: &mut [f64],
) {
    for _ in 0..SWEEPS {
        measure(k, (rows, width, len), norms);
        let mut is_done = true;
        let (mut rest, mut lengths) = (&mut *rows, &mut *norms);
        while !lengths.is_empty() {
            bring_longest(rest, width, lengths);
            let (a, below) = split_mut(rest, width);
            let (first, others) = split_mut(lengths, 1);
            for a_square in first {
                for (b, b_square) in below.chunks_mut(width.max(1)).zip(&mut *others) {
                    is_done &= !turn(k, (a, a_square), (b, b_square), len);
                }
            }
            (rest, lengths) = (below, others);
        }
        if is_done {
            break;
        }
    }
    measure(k, (rows, width, len), norms);
    norms.iter_mut().for_each(|norm| *norm = libm::sqrt(*norm));
}

/// The squared lengths of all rows.
fn measure(k: &Kernels, (rows, width, len): (&[f64], usize, usize), squares: &mut [f64]) {
    for (square, row) in squares.iter_mut().zip(rows.chunks(width.max(1))) {
        let x = part(row, 0..len);
        *square = k.dot_f64(x, x);
    }
}

/// Makes two rows orthogonal; whether they were not.
fn turn(
    k: &Kernels,
    (a, a_square): (&mut [f64], &mut f64),
    (b, b_square): (&mut [f64], &mut f64),
    len: usize,
) -> bool {
    let inner = k.dot_f64(part(a, 0..len), part(b, 0..len));
    if inner.abs() <= ORTHOGONAL * libm::sqrt(*a_square * *b_square) {
        return false;
    }
    let zeta = (*b_square - *a_square) / (2.0 * inner);
    let sign = if zeta < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (zeta.abs() + libm::sqrt(1.0 + zeta * zeta));
    let cosine = 1.0 / libm::sqrt(1.0 + tangent * tangent);
    k.rotate(cosine, cosine * tangent, a, b);
    *a_square -= tangent * inner;
    *b_square += tangent * inner;
    true
}

/// Exchanges the first row and the longest one: rotations end sooner, and rows are sorted.
fn bring_longest(rows: &mut [f64], width: usize, squares: &mut [f64]) {
    let (mut longest, mut most) = (0, f64::NEG_INFINITY);
    for (i, square) in squares.iter().enumerate() {
        if *square > most {
            (longest, most) = (i, *square);
        }
    }
    if longest == 0 {
        return;
    }
    let (before, rest) = split_mut(rows, longest * width);
    before.iter_mut().zip(rest).take(width).for_each(|(a, b)| core::mem::swap(a, b));
    let (before, rest) = split_mut(squares, longest);
    before.iter_mut().zip(rest).take(1).for_each(|(a, b)| core::mem::swap(a, b));
}
