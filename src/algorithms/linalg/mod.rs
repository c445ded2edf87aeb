//! Dense linear algebra in f32: products, triangular factors and their inverses.

pub mod cholesky;
pub mod gemm;
pub mod inverse_factor;
pub(in crate::algorithms) mod pack;
mod slab;
pub mod syrk;
pub mod triangle;
