//! Parameters of scale estimation.

use crate::params::{known_size, sized};
use crate::status::{Error, Result};

/// How the scales of groups are estimated from what the layer sees.
///
/// Source: NNCF `AdvancedScaleEstimationParameters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleEstimationParams {
    /// `sizeof(ptqk_scale_estimation_params)`, filled with the structure that holds it.
    pub size: u32,
    /// Samples that are wanted, as `ptqk_process_stats` takes them; 0 for all. Default: 32.
    pub subset_size: u32,
    /// Candidates that are made of the codes of the best scale so far. Range: `0..1000`. Default: 5.
    pub initial_steps: u32,
    /// Candidates that are made of the codes of smaller scales, `1 - 0.05 k` times the first one. Range:
    /// `0..20`. Default: 10.
    pub scale_steps: u32,
    /// What the mean squared error of the weights counts with, beside that of the outputs; nothing if it is
    /// not above 0. Range: finite. Default: -1.
    pub weight_penalty: f32,
    /// Must be 0.
    pub reserved: u32,
}

/// `ScaleEstimationParams` after the checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimation {
    /// Samples that are wanted, or 0.
    pub subset: usize,
    /// Candidates from the best codes.
    pub initial_steps: u32,
    /// Candidates from smaller scales.
    pub scale_steps: u32,
    /// What the error of the weights counts with, or 0.
    pub weight_penalty: f32,
}

impl ScaleEstimationParams {
    /// What the GPTQ of NNCF always uses.
    pub const GPTQ: Self = Self {
        size: size_of::<Self>() as u32,
        subset_size: 32,
        initial_steps: 5,
        scale_steps: 10,
        weight_penalty: -1.0,
        reserved: 0,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<Estimation> {
        let refuse =
            |field, rule, value: f64| Err(Error::field(c"params.estimation", field, rule, value));
        known_size::<Self>(self.size, c"estimation.size")?;
        if self.initial_steps > 1000 {
            let value = f64::from(self.initial_steps);
            return refuse(c"initial_steps", c"must be in 0..1000", value);
        }
        // The twentieth factor is 0.05.
        if self.scale_steps > 20 {
            return refuse(c"scale_steps", c"must be in 0..20", f64::from(self.scale_steps));
        }
        if !self.weight_penalty.is_finite() {
            let value = f64::from(self.weight_penalty);
            return refuse(c"weight_penalty", c"must be finite", value);
        }
        if self.reserved != 0 {
            return refuse(c"reserved", c"must be 0", f64::from(self.reserved));
        }
        let weight_penalty = if self.weight_penalty > 0.0 { self.weight_penalty } else { 0.0 };
        Ok(Estimation {
            subset: self.subset_size as usize,
            initial_steps: self.initial_steps,
            scale_steps: self.scale_steps,
            weight_penalty,
        })
    }
}

sized!(ScaleEstimationParams);
