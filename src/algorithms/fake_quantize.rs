//! Quantize and dequantize in one: every value moves to the nearest of a few levels.

use crate::algorithms::elementwise::{Shared, map};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::elementwise::Sharing;
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// Ranges of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct Ranges<'a> {
    /// Which elements share a range.
    pub sharing: Sharing,
    /// Lower ends, as many as `sharing` asks for.
    pub low: &'a [f32],
    /// Upper ends, as many.
    pub high: &'a [f32],
    /// Number of levels, 2..=65536.
    pub levels: u32,
}

/// Fake-quantizes `src` into `dst` of the same shape; without `src`, `dst` in place.
pub fn fake_quantize(
    k: &Kernels,
    exec: Exec<'_>,
    ranges: &Ranges<'_>,
    src: Option<MatrixView<'_>>,
    dst: MatrixViewMut<'_>,
) -> Result {
    let Ranges { sharing, low, high, levels } = *ranges;
    map(k, exec, sharing, src, dst, |shared, data| match shared {
        Shared::One(i) => {
            if let (Some(low), Some(high)) = (low.get(i), high.get(i)) {
                k.fake_quantize(data, *low, *high, levels);
            }
        }
        Shared::Each(columns) => {
            let low = low.get(columns.clone()).unwrap_or_default();
            let high = high.get(columns).unwrap_or_default();
            k.fake_quantize_columns(data, low, high, levels);
        }
    })
}
