//! AArch64: Advanced SIMD, which is part of the target.

pub(crate) mod neon;
