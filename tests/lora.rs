//! Low-rank correction: what the header says of the adapters, on every table, for every number of threads, and
//! what is refused.

#![cfg(feature = "lora")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "lora/apply.rs"]
mod apply;
#[path = "ffi/calls.rs"]
mod calls;
#[path = "ffi/harness.rs"]
mod harness;
#[path = "lora/init.rs"]
mod init;
#[path = "lora/layer.rs"]
mod layer;
#[path = "lora/pair.rs"]
mod pair;
#[path = "lora/properties.rs"]
mod properties;
#[path = "lora/refusals.rs"]
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
