//! GPTQ and its Hessians: against the definition, on every table, for every number of threads, and what is
//! refused.

#![cfg(feature = "gptq")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;
#[path = "gptq/definition.rs"]
mod definition;
#[path = "ffi/harness.rs"]
mod harness;
#[path = "gptq/hessian.rs"]
mod hessian;
#[path = "gptq/layer.rs"]
mod layer;
#[path = "gptq/properties.rs"]
mod properties;
#[path = "gptq/quality.rs"]
mod quality;
#[path = "gptq/refusals.rs"]
mod refusals;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/stored.rs"]
mod stored;
#[path = "common/tables.rs"]
mod tables;
#[path = "common/threads.rs"]
mod threads;
#[path = "ffi/views.rs"]
mod views;
