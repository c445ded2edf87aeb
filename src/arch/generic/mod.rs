//! Vector bodies, written once over a block of 32 lanes. No `unsafe` here: memory enters a block
//! as an array, and the token of a tier proves that its instructions exist.
//!
//! Everything here is `#[inline(always)]`: only inside the entry points of a tier are its features
//! on, and what is left outside becomes a call per block. A closure cannot carry that attribute, so
//! bodies share code through functions, small traits and local macros.

pub(crate) mod bracket;
pub(crate) mod codebook;
pub(crate) mod convert;
pub(crate) mod dequantize;
pub(crate) mod divide;
pub(crate) mod encode;
pub(crate) mod fake_convert;
pub(crate) mod fake_quantize;
pub(crate) mod gemm;
pub(crate) mod histogram;
pub(crate) mod minifloat;
pub(crate) mod noise;
pub(crate) mod pack;
pub(crate) mod pairs;
pub(crate) mod power;
pub(crate) mod product;
pub(crate) mod quantize;
pub(crate) mod range;
pub(crate) mod range_16;
pub(crate) mod reduce;
pub(crate) mod requantize;
pub(crate) mod rotation;
pub(crate) mod rows;
pub(crate) mod scale;
pub(crate) mod table;
pub(crate) mod triangle;
pub(crate) mod turn;
pub(crate) mod vector;
