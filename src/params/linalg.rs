//! Parameters of matrix products.

use crate::params::{flag, sized};
use crate::status::Result;

/// Settings of `ptqk_gemm`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct GemmParams {
    /// `sizeof(ptqk_gemm_params)`, filled by `ptqk_gemm_params_default`.
    pub size: u32,
    /// 1: the transpose of `a` is meant. Range: 0 or 1. Default: 0.
    pub transpose_a: u32,
    /// 1: the transpose of `b` is meant. Range: 0 or 1. Default: 0.
    pub transpose_b: u32,
    /// 1: the product is added to `c`; 0: it replaces `c`. Range: 0 or 1. Default: 0.
    pub accumulate: u32,
    /// 1: the product is taken with the other sign. Range: 0 or 1. Default: 0.
    pub subtract: u32,
}

/// `GemmParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Whether the transpose of `a` is meant.
    pub transpose_a: bool,
    /// Whether the transpose of `b` is meant.
    pub transpose_b: bool,
    /// Whether the product is added to `c`.
    pub accumulate: bool,
    /// Whether it is taken with the other sign.
    pub subtract: bool,
}

impl GemmParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        transpose_a: 0,
        transpose_b: 0,
        accumulate: 0,
        subtract: 0,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<Product> {
        Ok(Product {
            transpose_a: flag(self.transpose_a, c"transpose_a")?,
            transpose_b: flag(self.transpose_b, c"transpose_b")?,
            accumulate: flag(self.accumulate, c"accumulate")?,
            subtract: flag(self.subtract, c"subtract")?,
        })
    }
}

sized!(GemmParams);

const _: () = assert!(size_of::<GemmParams>() == 20, "ptqk_gemm_params");
