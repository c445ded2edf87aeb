//! Weight compression: codes of few bits with a scale, and in the asymmetric integer modes a zero
//! point, per group.

mod batch;
mod compress;
mod grouping;
mod rule;
mod stored;

pub use batch::{Scales, ScalesMut};
pub use compress::compress;
pub use grouping::{Grouping, layout, resolve_group};
pub use stored::{Compressed, decompress, error};
