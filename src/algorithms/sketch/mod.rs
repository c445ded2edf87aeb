//! A sketch of the quantiles of more elements than memory holds.
//!
//! Levels of buffers: an element of level `h` stands for `2^h` elements. A full buffer is sorted, every
//! second element moves up one level, and the others are dropped: the odd ones and the even ones by
//! turns, so that errors of neighbours cancel. Nothing is random. Source: Manku, Rajagopalan, Lindsay,
//! SIGMOD 1998, in the form of the compactors of Karnin, Lang, Liberty, FOCS 2016; merging as in
//! Agarwal et al., Mergeable Summaries, PODS 2012.

mod levels;
mod query;
mod state;

pub use levels::{carve, merge, update};
pub use query::quantiles;
pub use state::{State, StateMut};
