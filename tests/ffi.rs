//! The C border: what is refused and how it is said, what stays untouched, and the outcomes that are
//! not errors.

#![cfg(all(
    feature = "convert",
    feature = "gptq",
    feature = "lora",
    feature = "range",
    feature = "requantize",
    feature = "weights"
))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;
#[path = "ffi/harness.rs"]
mod harness;
#[path = "ffi/outcomes.rs"]
mod outcomes;
#[path = "ffi/refusals.rs"]
mod refusals;
#[path = "common/tables.rs"]
mod tables;
#[path = "ffi/views.rs"]
mod views;
