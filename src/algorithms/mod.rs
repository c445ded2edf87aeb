//! What is done, not how: safe Rust over views, a table of kernels and the caller's threads.

#[cfg(feature = "weights")]
pub mod codebook;
pub mod codes;
pub mod coding;
#[cfg(feature = "convert")]
pub mod convert;
mod elementwise;
#[cfg(any(feature = "gptq", feature = "range"))]
mod envelope;
#[cfg(any(feature = "linalg", feature = "weights"))]
mod exponent;
pub mod fake_quantize;
#[cfg(any(feature = "linalg", feature = "range", feature = "weights"))]
mod finite;
#[cfg(feature = "gptq")]
pub mod gptq;
#[cfg(feature = "range")]
pub mod histogram;
#[cfg(feature = "linalg")]
pub mod linalg;
#[cfg(feature = "lora")]
pub mod lora;
pub mod pack;
#[cfg(feature = "range")]
pub mod quantile;
pub mod quantize;
pub mod quantizer;
#[cfg(feature = "range")]
pub mod range;
#[cfg(feature = "requantize")]
pub mod requantize;
#[cfg(feature = "range")]
pub mod sketch;
#[cfg(any(feature = "gptq", feature = "lora", feature = "range"))]
mod sort;
mod stage;
#[cfg(feature = "range")]
pub mod statistics;
#[cfg(feature = "weights")]
pub mod weights;

use core::num::NonZeroUsize;

/// A group as long as any row.
pub(crate) const WHOLE: NonZeroUsize = NonZeroUsize::MAX;
