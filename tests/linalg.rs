//! Dense linear algebra: the same bytes on every table, for every number of threads and however the
//! work is cut, against the definition of the chains and against f64.

#![cfg(feature = "linalg")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "linalg/decompositions.rs"]
mod decompositions;
#[path = "linalg/factors.rs"]
mod factors;
#[path = "linalg/matrix.rs"]
mod matrix;
#[path = "linalg/products.rs"]
mod products;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/threads.rs"]
mod threads;
