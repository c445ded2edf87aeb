//! Parameters of histograms and of the ranges that are found on them.

use crate::params::quantization::Scheme;
use crate::params::{choice, choose, sized};
use crate::status::{Error, Result};

/// What the bins of a histogram are.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistogramKind {
    /// Those of NNCF: `num_bins` equal parts of the range from the smallest to the largest element
    /// so far, with the edges of `numpy.histogram`. A wider range distributes the counts anew,
    /// which makes them fractions and lets the order of updates and merges show. Source: NNCF
    /// `HistogramAggregator`.
    Parity = 0,
    /// Bins on a grid whose width is a power of two, the finest that holds all elements: a wider
    /// range joins neighbours, so the counts are exact, and the state is the same for every order
    /// of updates and merges. Between `num_bins / 2` and `num_bins` bins are in use.
    Mergeable = 1,
}

choice!(HistogramKind: Parity, Mergeable);

/// What a histogram is like; stays the same while it lives.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HistogramParams {
    /// `sizeof(ptqk_histogram_params)`, filled by `ptqk_histogram_params_default`.
    pub size: u32,
    /// Number of bins. Range: `16..65536`. Default: 2048. Source: NNCF `HistogramAggregator(bins)`.
    pub num_bins: u32,
    /// One of the `PTQK_HISTOGRAM_KIND_` constants. Default: parity.
    pub kind: u32,
    /// Parts into which a bin is cut before its count is distributed over the bins of a wider
    /// range. Range: `1..256`. Default: 16. Read with `PTQK_HISTOGRAM_KIND_PARITY` only. Source:
    /// NNCF `HistogramAggregator.upsample_rate`.
    pub upsample_rate: u32,
}

/// The checked form of [`HistogramParams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistogramShape {
    /// Number of bins.
    pub num_bins: usize,
    /// What the bins are.
    pub kind: HistogramKind,
    /// Parts of a bin that is distributed.
    pub upsample_rate: usize,
}

impl HistogramParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        num_bins: 2048,
        kind: HistogramKind::Parity as u32,
        upsample_rate: 16,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<HistogramShape> {
        num_bins(self.num_bins, c"params")?;
        let kind = choose(self.kind, c"kind", c"must be a PTQK_HISTOGRAM_KIND constant")?;
        if !(1..=256).contains(&self.upsample_rate) {
            let (rule, value) = (c"must be in 1..256", f64::from(self.upsample_rate));
            return Err(Error::field(c"params", c"upsample_rate", rule, value));
        }
        let (num_bins, upsample_rate) = (self.num_bins as usize, self.upsample_rate as usize);
        Ok(HistogramShape { num_bins, kind, upsample_rate })
    }
}

/// Refuses a number of bins that no histogram has, as a field of `argument`.
pub(crate) fn num_bins(num_bins: u32, argument: &'static core::ffi::CStr) -> Result {
    if (16..=65536).contains(&num_bins) {
        return Ok(());
    }
    let rule = c"must be in 16..65536";
    Err(Error::field(argument, c"num_bins", rule, f64::from(num_bins)))
}

/// What a histogram holds, apart from its counts.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HistogramSummary {
    /// Where bin 0 begins. 0 if there is no element.
    pub low: f64,
    /// Where the last bin ends; all bins have the width `(high - low) / num_bins`. `low` if there is
    /// no element, and in the parity kind if all are equal.
    pub high: f64,
    /// The smallest element; 0 if there is none.
    pub min: f64,
    /// The largest element; 0 if there is none.
    pub max: f64,
    /// Number of elements.
    pub total: u64,
    /// Number of updates with at least one element, merged ones included.
    pub updates: u64,
    /// The kind, a `PTQK_HISTOGRAM_KIND_` constant.
    pub kind: u32,
    /// Number of bins.
    pub num_bins: u32,
}

/// How a range is found on a histogram.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeMethod {
    /// Moves the end that loses fewer bins inwards while the squared error of `dst_levels` levels
    /// does not grow. The scheme is not read. Source: NNCF `HistogramAggregator`, after
    /// `norm_minimization.cc` of Caffe2.
    Nncf = 0,
    /// The range whose quantized distribution has the least Kullback-Leibler divergence from the
    /// distribution of the elements, those outside of it moved to its ends. Ranges of fewer bins than
    /// levels are not tried, nor are those without half of the elements. Not meant for few levels.
    /// Source: S. Migacz, "8-bit inference with TensorRT", GTC 2017; ONNX
    /// Runtime `calibrate.py`, `get_entropy_threshold`. Levels are spread evenly over the bins where
    /// ONNX Runtime leaves the rest of a division to the last; a level without elements of its own
    /// that gets some from outside counts as 0.0001 elements, to which ONNX Runtime smooths all.
    Entropy = 1,
    /// The range with the least mean squared error of rounding and saturation, on the grid that
    /// `ptqk_quantizer_from_min_max` makes of the range. Source: R. Banner et al., "Post training
    /// 4-bit quantization of convolutional networks for rapid-deployment", NeurIPS 2019, with the
    /// histogram in place of a model of the distribution.
    Mse = 2,
    /// The range that holds `percentile` percent of the elements. Source: ONNX Runtime
    /// `calibrate.py`, `compute_percentile`.
    Percentile = 3,
}

choice!(RangeMethod: Nncf, Entropy, Mse, Percentile);

/// Settings of `ptqk_histogram_range`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HistogramRangeParams {
    /// `sizeof(ptqk_histogram_range_params)`, filled by `ptqk_histogram_range_params_default`.
    pub size: u32,
    /// One of the `PTQK_RANGE_METHOD_` constants. Default: NNCF.
    pub method: u32,
    /// `PTQK_SCHEME_SYMMETRIC` (default): the range is `-t..t`, or `0..t` if no element is negative.
    /// `PTQK_SCHEME_ASYMMETRIC`: both ends are free. Not read with `PTQK_RANGE_METHOD_NNCF`.
    pub scheme: u32,
    /// Number of levels of the quantizer. Range: `4..65536`. Default: 256. Read with
    /// `PTQK_RANGE_METHOD_ENTROPY` and `PTQK_RANGE_METHOD_MSE`.
    pub levels: u32,
    /// Number of levels in the error of NNCF's search. Range: `4..65536`. Default: 256. Read with
    /// `PTQK_RANGE_METHOD_NNCF`. Source: NNCF `HistogramAggregator(dist_nbits)`, which is 8 for
    /// quantizers of any width.
    pub dst_levels: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Share of the elements that the range holds; with the asymmetric scheme, half of the rest lies
    /// on either side. Unit: percent. Range: `50..100`. Default: 99.999. Read with
    /// `PTQK_RANGE_METHOD_PERCENTILE`. Source: ONNX Runtime `PercentileCalibrater(percentile)`.
    pub percentile: f64,
}

/// The checked form of [`HistogramRangeParams`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RangeRules {
    /// How the range is found.
    pub method: RangeMethod,
    /// Whether the range is symmetric.
    pub scheme: Scheme,
    /// Levels of the quantizer.
    pub levels: usize,
    /// Levels of NNCF's search.
    pub dst_levels: usize,
    /// Share of the elements in the range, 0.5..1.
    pub share: f64,
}

impl HistogramRangeParams {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        method: RangeMethod::Nncf as u32,
        scheme: Scheme::Symmetric as u32,
        levels: 256,
        dst_levels: 256,
        reserved: 0,
        percentile: 99.999,
    };

    /// Checks the documented ranges.
    pub fn validate(&self) -> Result<RangeRules> {
        let refuse = |field, rule, value| Err(Error::field(c"params", field, rule, value));
        let rule = c"must be a PTQK_RANGE_METHOD constant";
        let method = choose(self.method, c"method", rule)?;
        let scheme = choose(self.scheme, c"scheme", c"must be a PTQK_SCHEME constant")?;
        for (levels, field) in [(self.levels, c"levels"), (self.dst_levels, c"dst_levels")] {
            if !(4..=65536).contains(&levels) {
                return refuse(field, c"must be in 4..65536", f64::from(levels));
            }
        }
        if self.reserved != 0 {
            return refuse(c"reserved", c"must be 0", f64::from(self.reserved));
        }
        if !(50.0..=100.0).contains(&self.percentile) {
            return refuse(c"percentile", c"must be in 50..100", self.percentile);
        }
        let (levels, dst_levels) = (self.levels as usize, self.dst_levels as usize);
        Ok(RangeRules { method, scheme, levels, dst_levels, share: self.percentile / 100.0 })
    }
}

sized!(HistogramParams, HistogramRangeParams);

const _: () = assert!(size_of::<HistogramParams>() == 16, "ptqk_histogram_params");
const _: () = assert!(size_of::<HistogramSummary>() == 56, "ptqk_histogram_summary");
const _: () = assert!(size_of::<HistogramRangeParams>() == 32, "ptqk_histogram_range_params");
