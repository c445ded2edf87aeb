//! Dense linear algebra in f32: products, triangular factors and their inverses.

pub mod gemm;
mod pack;
pub mod syrk;
