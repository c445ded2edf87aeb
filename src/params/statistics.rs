//! Parameters of range estimation: what is taken of a tensor, how samples are combined, and which
//! samples are kept.

use crate::params::quantization::Scheme;
use crate::params::{choice, known_size, sized};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

/// What is taken of a tensor, per channel. A NaN gives NaN; a zero is never -0. NNCF's `RAW` needs no
/// constant and no state: its samples are the tensors that the caller has.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticsType {
    /// The smallest element.
    Min = 0,
    /// The largest element.
    Max = 1,
    /// The largest magnitude.
    AbsMax = 2,
    /// The arithmetic mean.
    Mean = 3,
    /// The quantile of `quantile_outlier_prob` in the minimum branch, of `1 - quantile_outlier_prob`
    /// in the maximum branch, interpolated linearly.
    Quantile = 4,
    /// The same of the magnitudes.
    AbsQuantile = 5,
}

choice!(StatisticsType: Min, Max, AbsMax, Mean, Quantile, AbsQuantile);

/// How the values of the samples become one. A NaN gives NaN.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregatorType {
    /// The smallest. Keeps one value per channel; a window is ignored.
    Min = 0,
    /// The largest. Keeps one value per channel; a window is ignored.
    Max = 1,
    /// The arithmetic mean.
    Mean = 2,
    /// The median; of an even count, the mean of the middle two.
    Median = 3,
    /// The mean without outliers: with `p = quantile_outlier_prob`, values below the quantile of `p`
    /// or above that of `1 - p` are left out. 0 if nothing is left, as with two values that differ
    /// (as NNCF).
    MeanNoOutliers = 4,
    /// The median without outliers.
    MedianNoOutliers = 5,
}

choice!(AggregatorType: Min, Max, Mean, Median, MeanNoOutliers, MedianNoOutliers);

impl AggregatorType {
    /// Whether one value per channel is enough.
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Min | Self::Max)
    }

    /// Whether the values are sorted for it.
    #[must_use]
    pub const fn sorts(self) -> bool {
        matches!(self, Self::Median | Self::MeanNoOutliers | Self::MedianNoOutliers)
    }
}

/// The estimators that have a name.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangePreset {
    /// Smallest minimum, largest maximum. The default of weights and of channels of activations.
    MinMax = 0,
    /// Means of minima and maxima. The default of whole activations.
    MeanMinMax = 1,
    /// Medians of minima and maxima.
    MedianMinMax = 2,
    /// Means of minima and maxima without outliers.
    MeanNoOutliersMinMax = 3,
    /// Means of the quantiles of `1e-4` and `1 - 1e-4`.
    MeanQuantile = 4,
    /// The range with the least error over a histogram: see the histogram functions.
    Histogram = 5,
}

choice!(RangePreset: MinMax, MeanMinMax, MedianMinMax, MeanNoOutliersMinMax, MeanQuantile, Histogram);

/// One branch of a range estimator: the minimum or the maximum.
///
/// Source: NNCF `StatisticsCollectorParameters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct StatisticsParams {
    /// `sizeof(ptqk_statistics_params)`, filled by `ptqk_statistics_params_default`.
    pub size: u32,
    /// One of the `PTQK_STATISTICS_TYPE_` constants. Default: min. Source: `statistics_type`.
    pub statistics_type: u32,
    /// One of the `PTQK_AGGREGATOR_TYPE_` constants. Default: min. Source: `aggregator_type`.
    pub aggregator_type: u32,
    /// The statistic of every sample is clipped to `-clipping_value..clipping_value`. Unit: that of
    /// the tensor. Range: `>= 0`; infinity for none. Default: infinity. Source: `clipping_value`, which
    /// NNCF has and never reads.
    pub clipping_value: f32,
    /// Probability of the quantiles, and of the outliers at either end. Range: `0..1`. Default:
    /// 1e-4. Source: `quantile_outlier_prob`.
    pub quantile_outlier_prob: f64,
}

/// What a branch does, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Branch {
    /// What is taken of a tensor.
    pub statistic: StatisticsType,
    /// How samples become one value.
    pub aggregator: AggregatorType,
    /// Limit of the magnitude of the statistic.
    pub clipping: f32,
    /// Probability of outliers at either end.
    pub outliers: f64,
    /// Probability of a quantile.
    pub probability: f64,
}

impl StatisticsParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self::new(StatisticsType::Min, AggregatorType::Min);

    const fn new(statistic: StatisticsType, aggregator: AggregatorType) -> Self {
        Self {
            size: size_of::<Self>() as u32,
            statistics_type: statistic as u32,
            aggregator_type: aggregator as u32,
            clipping_value: f32::INFINITY,
            quantile_outlier_prob: 1e-4,
        }
    }

    fn validate(&self, names: &Names, is_max: bool) -> Result<Branch> {
        known_size::<Self>(self.size, names.size)?;
        let bad = |field, rule, value| Error::field(c"params", field, rule, value);
        let rule = c"must be a PTQK_STATISTICS_TYPE constant";
        let statistic = StatisticsType::try_from(self.statistics_type)
            .map_err(|()| bad(names.statistic, rule, f64::from(self.statistics_type)))?;
        let rule = c"must be a PTQK_AGGREGATOR_TYPE constant";
        let aggregator = AggregatorType::try_from(self.aggregator_type)
            .map_err(|()| bad(names.aggregator, rule, f64::from(self.aggregator_type)))?;
        let clipping = self.clipping_value;
        if clipping.is_nan() || clipping < 0.0 {
            let rule = c"must be at least 0, infinity for no clipping";
            return Err(bad(names.clipping, rule, f64::from(clipping)));
        }
        let outliers = self.quantile_outlier_prob;
        if !(0.0..=1.0).contains(&outliers) {
            return Err(bad(names.probability, c"must be in 0..1", outliers));
        }
        let probability = if is_max { 1.0 - outliers } else { outliers };
        Ok(Branch { statistic, aggregator, clipping, outliers, probability })
    }
}

sized!(StatisticsParams);

/// The names of the fields of a branch.
struct Names {
    size: &'static CStr,
    statistic: &'static CStr,
    aggregator: &'static CStr,
    clipping: &'static CStr,
    probability: &'static CStr,
}

const MIN_NAMES: Names = Names {
    size: c"min.size",
    statistic: c"min.statistics_type",
    aggregator: c"min.aggregator_type",
    clipping: c"min.clipping_value",
    probability: c"min.quantile_outlier_prob",
};

const MAX_NAMES: Names = Names {
    size: c"max.size",
    statistic: c"max.statistics_type",
    aggregator: c"max.aggregator_type",
    clipping: c"max.clipping_value",
    probability: c"max.quantile_outlier_prob",
};

/// How the minimum and the maximum of a range are estimated.
///
/// Source: NNCF `RangeEstimatorParameters`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct RangeEstimatorParams {
    /// `sizeof(ptqk_range_estimator_params)`, filled by `ptqk_range_estimator_params_default`.
    pub size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The minimum. Default: `PTQK_STATISTICS_TYPE_MIN` and `PTQK_AGGREGATOR_TYPE_MIN`. Source: `min`.
    pub min: StatisticsParams,
    /// The maximum. Default: `PTQK_STATISTICS_TYPE_MAX` and `PTQK_AGGREGATOR_TYPE_MAX`. Source: `max`.
    pub max: StatisticsParams,
}

impl RangeEstimatorParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self::min_max(AggregatorType::Min, AggregatorType::Max);

    const fn min_max(of_minima: AggregatorType, of_maxima: AggregatorType) -> Self {
        let (min, max) = (StatisticsType::Min, StatisticsType::Max);
        Self {
            size: size_of::<Self>() as u32,
            reserved: 0,
            min: StatisticsParams::new(min, of_minima),
            max: StatisticsParams::new(max, of_maxima),
        }
    }

    /// A preset. That of the histogram has no such parameters.
    pub fn preset(preset: u32) -> Result<Self> {
        let bad = |rule| Error {
            value: f64::from(preset),
            ..Error::new(Status::InvalidParameter, c"preset", rule)
        };
        let preset = RangePreset::try_from(preset)
            .map_err(|()| bad(c"must be a PTQK_RANGE_PRESET constant"))?;
        let both = |aggregator| Self::min_max(aggregator, aggregator);
        Ok(match preset {
            RangePreset::MinMax => Self::DEFAULT,
            RangePreset::MeanMinMax => both(AggregatorType::Mean),
            RangePreset::MedianMinMax => both(AggregatorType::Median),
            RangePreset::MeanNoOutliersMinMax => both(AggregatorType::MeanNoOutliers),
            RangePreset::MeanQuantile => {
                let branch = StatisticsParams::new(StatisticsType::Quantile, AggregatorType::Mean);
                Self { min: branch, max: branch, ..Self::DEFAULT }
            }
            RangePreset::Histogram => {
                return Err(bad(c"must not be the histogram, which has functions of its own"));
            }
        })
    }

    /// What `scheme` changes: the symmetric one needs the largest magnitude where the maximum was
    /// asked for.
    pub fn for_scheme(&self, scheme: Scheme) -> Result<Self> {
        self.validate()?;
        let mut new = *self;
        if scheme == Scheme::Symmetric && self.max.statistics_type == StatisticsType::Max as u32 {
            new.max.statistics_type = StatisticsType::AbsMax as u32;
        }
        Ok(new)
    }

    /// Checks the documented ranges; gives both branches.
    pub fn validate(&self) -> Result<[Branch; 2]> {
        if self.reserved != 0 {
            let value = f64::from(self.reserved);
            return Err(Error::field(c"params", c"reserved", c"must be 0", value));
        }
        Ok([self.min.validate(&MIN_NAMES, false)?, self.max.validate(&MAX_NAMES, true)?])
    }
}

sized!(RangeEstimatorParams);

/// Settings of a range state: the estimator, and which samples it sees.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct RangeParams {
    /// `sizeof(ptqk_range_params)`, filled by `ptqk_range_params_default`.
    pub size: u32,
    /// The axis of the tensors whose indices are channels; -1 for one range for all. Range:
    /// `-1..7`. Default: -1.
    pub channel_axis: i32,
    /// The estimator. Default: `PTQK_RANGE_PRESET_MIN_MAX`.
    pub estimator: RangeEstimatorParams,
    /// Number of channels. Range: `>= 1`, 1 with `channel_axis` -1. Default: 1.
    pub channels: u64,
    /// Samples that count; later ones are ignored. Range: `>= 1`. Default: 300. Source:
    /// `subset_size`.
    pub num_samples: u64,
    /// Only the last so many of the samples that count enter a mean or a median; 0 for all. Default:
    /// 0. Source: `window_size` of the aggregators.
    pub window_size: u64,
    /// Most items in a batch, where axis 0 of the tensors is a batch whose items are values of their
    /// own; 0 where axis 0 is reduced as any other. Range: `0..2^32-1`; with a batch, `channel_axis`
    /// is not 0. Default: 0. Source: `batchwise_statistics`.
    pub batch_items: u64,
}

/// What a state does, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RangeRules {
    /// The minimum and the maximum.
    pub branches: [Branch; 2],
    /// The channel axis, if there is one.
    pub channel_axis: Option<usize>,
    /// Number of channels.
    pub channels: usize,
    /// Samples that count.
    pub samples: u64,
    /// Samples that are kept for aggregators that need all: the window.
    pub window: u64,
    /// Most items of a batch that is kept.
    pub items: Option<u32>,
}

impl RangeParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        channel_axis: -1,
        estimator: RangeEstimatorParams::DEFAULT,
        channels: 1,
        num_samples: 300,
        window_size: 0,
        batch_items: 0,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<RangeRules> {
        let bad = |field, rule, value| Error::field(c"params", field, rule, value);
        known_size::<Self>(self.size, c"size")?;
        known_size::<RangeEstimatorParams>(self.estimator.size, c"estimator.size")?;
        let branches = self.estimator.validate()?;
        let channel_axis = match self.channel_axis {
            -1 => None,
            axis @ 0..=7 => usize::try_from(axis).ok(),
            axis => return Err(bad(c"channel_axis", c"must be in -1..7", f64::from(axis))),
        };
        if self.channels == 0 || (channel_axis.is_none() && self.channels != 1) {
            let rule = c"must be at least 1, and 1 with channel_axis -1";
            return Err(bad(c"channels", rule, self.channels as f64));
        }
        let channels = usize::try_from(self.channels);
        let channels = channels.map_err(|_| Error {
            status: Status::SizeOverflow,
            ..bad(c"channels", c"must fit into the address space", self.channels as f64)
        })?;
        if self.num_samples == 0 {
            return Err(bad(c"num_samples", c"must be at least 1", 0.0));
        }
        let Ok(items) = u32::try_from(self.batch_items) else {
            let rule = c"must be in 0..4294967295";
            return Err(bad(c"batch_items", rule, self.batch_items as f64));
        };
        if items > 0 && channel_axis == Some(0) {
            return Err(bad(c"channel_axis", c"must not be 0 with batch_items", 0.0));
        }
        let samples = self.num_samples;
        let window = if self.window_size == 0 { samples } else { samples.min(self.window_size) };
        let items = (items > 0).then_some(items);
        Ok(RangeRules { branches, channel_axis, channels, samples, window, items })
    }
}

sized!(RangeParams);

const _: () = assert!(size_of::<StatisticsParams>() == 24, "ptqk_statistics_params");
const _: () = assert!(size_of::<RangeEstimatorParams>() == 56, "ptqk_range_estimator_params");
const _: () = assert!(size_of::<RangeParams>() == 96, "ptqk_range_params");
