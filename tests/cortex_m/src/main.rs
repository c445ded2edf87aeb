//! The digests of every function, made without an operating system. `cargo run --release` in this folder
//! runs it in QEMU.

#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "the heap starts at an address")]

extern crate alloc;

#[path = "../../ffi/calls.rs"]
mod calls;
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
#[path = "../../digests/table.rs"]
mod table;

use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hprintln;
use embedded_alloc::LlffHeap;
use panic_semihosting as _;
use table::{DIGESTS, NUMERIC_VERSION};

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
    let mut wrong = seen.len().abs_diff(DIGESTS.len());
    for ((name, digest), known) in seen.iter().zip(DIGESTS) {
        if (name.as_str(), *digest) != *known {
            hprintln!("{} differs", name);
            wrong += 1;
        }
    }
    let stack = stack_used();
    hprintln!("{} digests, {} differ; {} bytes of stack", seen.len(), wrong, stack);
    let is_fine = wrong == 0 && stack <= STACK_LIMIT;
    debug::exit(if is_fine { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {}
}
