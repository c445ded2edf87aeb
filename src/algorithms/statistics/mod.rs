//! Statistics of tensors: reductions of one tensor, and what many samples come to.

pub mod aggregate;
pub mod layout;
pub mod process;
pub mod reduce;
pub mod samples;
pub mod spread;
pub mod state;
mod walk;
