//! The digests of every function, made without an operating system. `cargo run --release` in this folder
//! runs it in QEMU.

#![no_std]
#![no_main]

extern crate alloc;

#[path = "../../ffi/calls.rs"]
mod calls;
#[path = "../../digests/expected.rs"]
mod expected;
#[path = "../../digests/functions.rs"]
mod functions;
#[path = "../../gptq/layer.rs"]
mod layer;
#[path = "../../lora/layer.rs"]
mod lora_layer;
#[path = "../../lora/pair.rs"]
mod lora_pair;
#[path = "../../common/rng.rs"]
mod rng;
#[path = "../../common/stored.rs"]
mod stored;

use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use embedded_alloc::LlffHeap;
use expected::{NUMERIC_VERSION, are_expected, unexpected};
use panic_semihosting as _;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

/// What README.md says of the stack.
const STACK_LIMIT: usize = 28 << 10;

/// What the start-up code fills the stack with.
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    /// The lowest word of the stack, and the word behind it.
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The most that the stack has held, in bytes.
fn stack_used() -> usize {
    let (mut word, top) = (&raw const _stack_end, &raw const _stack_start);
    // SAFETY: the words lie between the two.
    while word < top && unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    top.addr() - word.addr()
}

#[entry]
fn main() -> ! {
    // SAFETY: the board has this memory, nothing else uses it, and this is done once.
    unsafe { HEAP.init(0x6000_0000, 16 << 20) };
    assert_eq!(ptqk::ffi::ptqk_numeric_version(), NUMERIC_VERSION);
    let seen = functions::digests();
    unexpected(&seen).for_each(|name| hprintln!("{} differs", name));
    let (wrong, stack) = (unexpected(&seen).count(), stack_used());
    hprintln!("{} digests, {} differ; {} bytes of stack", seen.len(), wrong, stack);
    let is_fine = are_expected(&seen) && stack <= STACK_LIMIT;
    debug::exit(if is_fine { EXIT_SUCCESS } else { EXIT_FAILURE });
    unreachable!("QEMU has stopped");
}

/// A fault ends the run, which would hang otherwise.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("{frame:?}");
}
