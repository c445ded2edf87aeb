//! The same bytes everywhere: digests of what every function writes, equal on every instruction set
//! and every target. The inputs come from integers, so no floating-point library takes part.
//!
//! A changed digest is a change of `PTQK_NUMERIC_VERSION`; the failing test prints the new table.

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
#[path = "digests/expected.rs"]
mod expected;
#[path = "digests/functions.rs"]
mod functions;
#[path = "gptq/layer.rs"]
mod layer;
#[path = "lora/layer.rs"]
mod lora_layer;
#[path = "lora/pair.rs"]
mod lora_pair;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/stored.rs"]
mod stored;
#[path = "common/tables.rs"]
mod tables;

use expected::{NUMERIC_VERSION, are_expected, unexpected};
use functions::digests;
use ptqk::ffi;
use tables::on_every_table;

#[test]
fn the_same_bytes_everywhere() {
    assert_eq!(ffi::ptqk_numeric_version(), NUMERIC_VERSION, "the table is of another version");
    on_every_table(|isa| {
        let seen = digests();
        if !are_expected(&seen) {
            let table = seen.iter().map(|(name, d)| {
                let [a, b, c, d] = [48, 32, 16, 0].map(|shift| d >> shift & 0xFFFF);
                format!("    (\"{name}\", 0x{a:04X}_{b:04X}_{c:04X}_{d:04X}),\n")
            });
            let wrong: Vec<_> = unexpected(&seen).collect();
            panic!("isa {isa} differs in {wrong:?}; it has\n{}", table.collect::<String>());
        }
    });
}
