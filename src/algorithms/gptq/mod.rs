//! GPTQ: weights are rounded column by column, and what each rounding loses is made up for by the
//! columns that come after it (arXiv 2210.17323).

mod blocks;
mod damping;
mod descent;
mod estimation;
mod groups;
pub mod hessian;
mod lanes;
mod order;
mod polish;
mod samples;
mod search;
mod solve;
mod write;

pub use solve::{Inputs, solve, workspace_size};
pub use write::Outputs;
