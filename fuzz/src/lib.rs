//! What the targets share: input from the bytes of libFuzzer, memory that shows every stray write,
//! and arguments of the C functions.

pub mod arena;
pub mod arguments;
pub mod input;

pub use arena::{Arena, Kind};
pub use input::{Input, Values};
