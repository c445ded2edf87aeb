//! Post-training quantization kernels: hand-written SIMD behind a plain C ABI.
//!
//! Every function gives the same bytes on every CPU, every instruction set and every thread
//! count; nothing panics, allocates, or touches a byte outside the buffers that it was given.
//! `NUMERICS.md` states the rules that make this hold.
//!
//! C and C++ programs use `include/ptqk.h`. From Rust, the same functions are [`ffi`]; the safe
//! layer below it is [`algorithms`], which takes a table of [`kernels`] from [`dispatch`].
//!
//! Imports point downwards only:
//!
//! ```text
//! ffi ──► algorithms ──► kernels ──► params ──► formats, status
//!   └───► dispatch ────► arch ────────┘
//! ```
#![no_std]

pub mod algorithms;
mod arch;
pub mod dispatch;
pub mod ffi;
pub mod formats;
pub mod kernels;
pub mod parallel;
pub mod params;
pub mod scratch;
pub mod status;
pub mod views;

/// What a `no_std` archive must bring along. Nothing in the library calls it.
#[cfg(feature = "capi")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
