//! Parameters of quantile sketches.

use crate::params::sized;
use crate::status::{Error, Result};

/// Elements that a sketch can take.
pub const SKETCH_MAX_ELEMENTS: u64 = 1 << 40;

/// What a sketch is like; stays the same while it lives.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct SketchParams {
    /// `sizeof(ptqk_sketch_params)`, filled by `ptqk_sketch_params_default`.
    pub size: u32,
    /// Elements of a level, `k`. As many elements are kept as they are; of `n` more, ranks are off by
    /// less than `n * ceil(log2(n / k)) / k` in the worst case. Range: `16..65536`, even. Default:
    /// 4096. Source: the buffer size of Manku, Rajagopalan, Lindsay, SIGMOD 1998.
    pub capacity: u32,
}

/// The checked form of [`SketchParams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SketchShape {
    /// Elements of a level.
    pub capacity: usize,
    /// Number of levels.
    pub levels: usize,
}

impl SketchParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self { size: size_of::<Self>() as u32, capacity: 4096 };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<SketchShape> {
        if !(16..=65536).contains(&self.capacity) || !self.capacity.is_multiple_of(2) {
            let (rule, value) = (c"must be even and in 16..65536", f64::from(self.capacity));
            return Err(Error::field(c"params", c"capacity", rule, value));
        }
        let capacity = u64::from(self.capacity);
        // An element of the last level stands for so many that it never overflows.
        let levels = (0..).find(|level| capacity << level >= SKETCH_MAX_ELEMENTS).unwrap_or(0) + 1;
        Ok(SketchShape { capacity: self.capacity as usize, levels })
    }
}

/// What a sketch holds, apart from its elements.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct SketchSummary {
    /// Number of elements.
    pub total: u64,
    /// Ranks are at most so much too high: a bound that holds for certain.
    pub rank_over: u64,
    /// Ranks are at most so much too low.
    pub rank_under: u64,
    /// The smallest element; 0 if there is none.
    pub min: f32,
    /// The largest element; 0 if there is none.
    pub max: f32,
}

sized!(SketchParams);
