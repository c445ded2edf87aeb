//! The C border: entry points check, build views and call one function below. This is what
//! becomes `include/ptqk.h`; its preamble states the contract of pointers.

#![allow(unsafe_code, reason = "the C border: exported names, and the caller's pointers")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the preamble of the header states the pointer contract of every function once"
)]

mod check;
#[cfg(feature = "weights")]
mod codebook;
#[cfg(feature = "convert")]
mod convert;
#[cfg(feature = "gptq")]
mod gptq;
#[cfg(feature = "gptq")]
mod hessian;
#[cfg(feature = "range")]
mod histogram;
mod library;
#[cfg(feature = "linalg")]
mod linalg;
#[cfg(feature = "lora")]
mod lora;
#[cfg(feature = "lora")]
mod lora_apply;
#[cfg(feature = "lora")]
mod lora_init;
mod pack;
mod quantize;
mod quantizer;
#[cfg(feature = "range")]
mod range;
#[cfg(feature = "range")]
mod reducers;
#[cfg(feature = "requantize")]
mod requantize;
#[cfg(feature = "range")]
mod sketch;
#[cfg(feature = "range")]
mod statistics;
#[cfg(feature = "weights")]
mod weights;

#[cfg(feature = "weights")]
pub use codebook::*;
#[cfg(feature = "convert")]
pub use convert::*;
#[cfg(feature = "gptq")]
pub use gptq::*;
#[cfg(feature = "gptq")]
pub use hessian::*;
#[cfg(feature = "range")]
pub use histogram::*;
pub use library::*;
#[cfg(feature = "linalg")]
pub use linalg::*;
#[cfg(feature = "lora")]
pub use lora::*;
#[cfg(feature = "lora")]
pub use lora_apply::*;
#[cfg(feature = "lora")]
pub use lora_init::*;
pub use pack::*;
pub use quantize::*;
pub use quantizer::*;
#[cfg(feature = "range")]
pub use range::*;
#[cfg(feature = "range")]
pub use reducers::*;
#[cfg(feature = "requantize")]
pub use requantize::*;
#[cfg(feature = "range")]
pub use sketch::*;
#[cfg(feature = "range")]
pub use statistics::*;
#[cfg(feature = "weights")]
pub use weights::*;

pub use crate::kernels::Isa;
#[cfg(feature = "weights")]
pub use crate::params::codebook::CodebookParams;
pub use crate::params::context::{Ctx, Detail, Task};
#[cfg(feature = "convert")]
pub use crate::params::convert::{
    ConvertParams, FakeConvertParams, FloatRounding, Fp8Params, NanRule, Overflow,
};
pub use crate::params::elementwise::{
    FakeQuantizeParams, Granularity, QuantileParams, QuantizeParams, ReduceParams, Rounding,
};
#[cfg(feature = "gptq")]
pub use crate::params::estimation::ScaleEstimationParams;
#[cfg(feature = "gptq")]
pub use crate::params::gptq::{
    GptqGroups, GptqOrder, GptqOutputs, GptqParams, GptqPreset, GptqReport, GptqScale, HessianMean,
    HessianParams, HessianSummary,
};
#[cfg(feature = "range")]
pub use crate::params::histogram::{
    HistogramKind, HistogramParams, HistogramRangeParams, HistogramSummary, RangeMethod,
};
#[cfg(feature = "linalg")]
pub use crate::params::linalg::GemmParams;
#[cfg(feature = "lora")]
pub use crate::params::lora::{
    LoraAdapter, LoraFactor, LoraInitKind, LoraInitParams, LoraOutputs, LoraParams, LoraReport,
    LoraSegment,
};
pub use crate::params::matrix::{
    Accumulators, CodeType, Codes, CodesMut, Dtype, Matrix, MatrixMut,
};
pub use crate::params::quantization::{
    OverflowFix, QuantizationParams, QuantizerGrid, Scheme, Signedness,
};
#[cfg(feature = "requantize")]
pub use crate::params::requantize::{FixedPoint, RequantizeParams};
#[cfg(feature = "range")]
pub use crate::params::sketch::{SketchParams, SketchSummary};
#[cfg(feature = "range")]
pub use crate::params::statistics::{
    AggregatorType, RangeEstimatorParams, RangeParams, RangePreset, StatisticsParams,
    StatisticsType,
};
#[cfg(feature = "range")]
pub use crate::params::tensor::Tensor;
#[cfg(feature = "weights")]
pub use crate::params::weights::{
    AsymmetricRange, GroupAction, GroupChoice, GroupFallback, GroupFallbackParams, MxScale,
    ScaleGuard, WeightError, WeightLayout, WeightMode, WeightParams,
};
pub use crate::status::Status;
