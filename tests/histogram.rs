//! Histograms: the rule of numpy and the state of NNCF bit by bit, order and threads that do not show,
//! states as bytes, ranges, refusals.

#![cfg(feature = "range")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "histogram/corruption.rs"]
mod corruption;
#[path = "histogram/kernels.rs"]
mod kernels;
#[path = "histogram/ranges.rs"]
mod ranges;
#[path = "histogram/refusals.rs"]
mod refusals;
#[path = "common/rng.rs"]
mod rng;
#[path = "histogram/states.rs"]
mod states;
#[path = "histogram/support.rs"]
mod support;
#[path = "common/threads.rs"]
mod threads;
