//! Weight compression: codes of few bits with a scale, and in the asymmetric integer modes a zero
//! point, per group.

mod batch;
mod compress;
mod grouping;
mod rule;
mod stored;

#[cfg(feature = "gptq")]
pub(in crate::algorithms) use batch::{Batch, through_storage};
pub use batch::{Scales, ScalesMut};
pub use compress::compress;
#[cfg(feature = "gptq")]
pub(in crate::algorithms) use compress::nvfp4_scale;
pub use grouping::{Grouping, layout, resolve_group};
#[cfg(feature = "gptq")]
pub(in crate::algorithms) use rule::{Rule, codebook_of, table_of};
pub use stored::{Compressed, decompress, error};
#[cfg(feature = "lora")]
pub(in crate::algorithms) use stored::{residual, scaled_noise};
