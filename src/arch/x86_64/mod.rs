//! x86-64: a tier per register width.

pub(crate) mod avx2;
pub(crate) mod avx512;
mod sse;
