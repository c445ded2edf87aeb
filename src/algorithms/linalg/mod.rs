//! Dense linear algebra in f32: products, triangular factors and their inverses.

pub mod cholesky;
pub mod gemm;
mod gemv;
pub mod inverse_factor;
mod jacobi;
pub mod least_squares;
pub mod lq;
pub(in crate::algorithms) mod pack;
pub mod packed;
mod slab;
pub mod svd;
pub mod syrk;
pub mod triangle;
pub mod truncated_svd;

use core::ops::Range;

/// The values of a range; none if there are not as many.
fn part<T>(values: &[T], range: Range<usize>) -> &[T] {
    values.get(range).unwrap_or_default()
}

/// As `part`, to write.
fn part_mut<T>(values: &mut [T], range: Range<usize>) -> &mut [T] {
    values.get_mut(range).unwrap_or_default()
}

/// The first values, and the rest; nothing if there are not as many.
fn split_mut<T>(values: &mut [T], len: usize) -> (&mut [T], &mut [T]) {
    values.split_at_mut_checked(len).unwrap_or_default()
}
