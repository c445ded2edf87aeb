//! Streaming histograms in the caller's memory, and the ranges that are found on them.

mod bins;
mod count;
mod density;
mod entropy;
mod grid;
mod merge;
mod mse;
mod nncf;
mod percentile;
mod range;
mod search;
mod state;
mod update;

pub use merge::merge;
pub use range::{RangeScratch, range};
pub use state::{State, StateMut};
pub use update::{UpdateScratch, update};
