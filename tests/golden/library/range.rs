//! Range states and the statistics of tensors.

use super::{check, expect_len};
use ptqk::ffi;
use std::ptr;

/// A dense f32 tensor.
#[derive(Clone, Copy, Debug)]
pub struct TensorRef<'a> {
    data: &'a [f32],
    shape: &'a [usize],
}

impl<'a> TensorRef<'a> {
    /// The elements of `data` in `shape`.
    pub fn new(data: &'a [f32], shape: &'a [usize]) -> Result<TensorRef<'a>, String> {
        expect_len("elements", data.len(), shape.iter().product())?;
        if shape.is_empty() || shape.len() > 8 {
            return Err(format!("{} axes", shape.len()));
        }
        Ok(TensorRef { data, shape })
    }

    /// The shape.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    fn tensor(&self) -> ffi::Tensor {
        let (mut shape, mut strides) = ([0; 8], [0; 8]);
        let mut stride = 1;
        shape.iter_mut().zip(self.shape).for_each(|(to, length)| *to = *length);
        for (to, length) in strides.iter_mut().zip(self.shape).rev() {
            *to = stride;
            stride *= length;
        }
        let rank = self.shape.len() as u32;
        ffi::Tensor {
            data: self.data.as_ptr().cast(),
            dtype: super::DTYPE_F32,
            rank,
            shape,
            strides,
        }
    }

    fn channels(&self, axis: Option<usize>) -> usize {
        axis.map_or(1, |axis| self.shape.get(axis).copied().unwrap_or(0))
    }
}

fn axis_code(axis: Option<usize>) -> i32 {
    axis.map_or(-1, |axis| axis as i32)
}

const STATISTICS: [&str; 6] = ["min", "max", "abs_max", "mean", "quantile", "abs_quantile"];
const AGGREGATORS: [&str; 6] =
    ["min", "max", "mean", "median", "mean_no_outliers", "median_no_outliers"];
const PRESETS: [&str; 5] =
    ["MINMAX", "MEAN_MINMAX", "MEDIAN_MINMAX", "MEAN_NO_OUTLIERS_MINMAX", "MEAN_QUANTILE"];

fn number(names: &[&str], name: &str) -> Result<u32, String> {
    let found = (0..).zip(names).find(|(_, known)| **known == name);
    found.map(|(number, _)| number).ok_or(format!("unknown name {name}"))
}

/// How a range is estimated.
#[derive(Clone, Copy, Debug)]
pub struct Estimator(ffi::RangeEstimatorParams);

impl Estimator {
    /// Both branches with the same statistic and aggregator.
    pub fn new(statistic: &str, aggregator: &str, prob: f64) -> Result<Estimator, String> {
        let branch = ffi::StatisticsParams {
            statistics_type: number(&STATISTICS, statistic)?,
            aggregator_type: number(&AGGREGATORS, aggregator)?,
            quantile_outlier_prob: prob,
            ..ffi::StatisticsParams::DEFAULT
        };
        let params = ffi::RangeEstimatorParams::DEFAULT;
        Ok(Estimator(ffi::RangeEstimatorParams { min: branch, max: branch, ..params }))
    }

    /// A preset for a scheme.
    pub fn preset(name: &str, symmetric: bool) -> Result<Estimator, String> {
        let mut params = ffi::RangeEstimatorParams::DEFAULT;
        let scheme = if symmetric { super::SCHEME_SYMMETRIC } else { super::SCHEME_ASYMMETRIC };
        let preset = number(&PRESETS, name)?;
        // SAFETY: the pointer is to a live value.
        let status = unsafe { ffi::ptqk_range_estimator_preset(ptr::null(), preset, &mut params) };
        check("ptqk_range_estimator_preset", status)?;
        // SAFETY: as above.
        let status =
            unsafe { ffi::ptqk_range_estimator_for_scheme(ptr::null(), scheme, &mut params) };
        check("ptqk_range_estimator_for_scheme", status)?;
        Ok(Estimator(params))
    }
}

/// Which channels have a range of their own, and which samples count.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    pub channel_axis: Option<usize>,
    pub batchwise: bool,
    pub num_samples: u64,
}

/// Minimum and maximum of each channel over the samples.
pub fn estimate(
    estimator: Estimator,
    collection: Collection,
    samples: &[TensorRef],
) -> Result<(Vec<f32>, Vec<f32>), String> {
    let first = samples.first().ok_or("no samples")?;
    let channels = first.channels(collection.channel_axis);
    let batch =
        samples.iter().filter_map(|sample| sample.shape.first()).max().copied().unwrap_or(0);
    let params = ffi::RangeParams {
        channel_axis: axis_code(collection.channel_axis),
        estimator: estimator.0,
        channels: channels as u64,
        num_samples: collection.num_samples,
        batch_items: if collection.batchwise { batch as u64 } else { 0 },
        ..ffi::RangeParams::DEFAULT
    };
    let (mut bytes, mut workspace_bytes) = (0, 0);
    // SAFETY: the pointers are to live values.
    let status = unsafe { ffi::ptqk_range_state_size(ptr::null(), &params, &mut bytes) };
    check("ptqk_range_state_size", status)?;
    // SAFETY: as above.
    let status = unsafe {
        ffi::ptqk_range_finish_workspace_size(ptr::null(), &params, &mut workspace_bytes)
    };
    check("ptqk_range_finish_workspace_size", status)?;
    let mut state = vec![u64::MAX; bytes / 8];
    let state_bytes = state.len() * 8;
    let state = state.as_mut_ptr().cast();
    // SAFETY: the state has the size that the query gave.
    check("ptqk_range_init", unsafe {
        ffi::ptqk_range_init(ptr::null(), &params, state, state_bytes)
    })?;
    for sample in samples {
        let tensor = sample.tensor();
        // SAFETY: the tensor describes a live slice, the state is one.
        check("ptqk_range_update", unsafe {
            ffi::ptqk_range_update(ptr::null(), &tensor, state, state_bytes)
        })?;
    }
    let mut workspace = vec![0xA5_u8; workspace_bytes];
    let (mut min, mut max) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
    // SAFETY: the outputs hold `channels` values, the workspace has the size that the query gave.
    let status = unsafe {
        ffi::ptqk_range_finish(
            ptr::null(),
            state,
            state_bytes,
            channels,
            min.as_mut_ptr(),
            max.as_mut_ptr(),
            workspace.as_mut_ptr().cast(),
            workspace_bytes,
        )
    };
    check("ptqk_range_finish", status)?;
    Ok((min, max))
}

/// What is taken along an axis.
#[derive(Clone, Copy, Debug)]
pub enum Along {
    MeanVariance,
    MaxVariance,
    MeanAbsMax,
}

/// One number of a tensor along an axis.
pub fn along(what: Along, x: TensorRef, axis: usize) -> Result<f32, String> {
    let (tensor, axis, mut out) = (x.tensor(), axis as u32, f32::NAN);
    // SAFETY: the tensor describes a live slice, the output is one float.
    let status = unsafe {
        match what {
            Along::MeanVariance => ffi::ptqk_mean_variance(ptr::null(), &tensor, axis, &mut out),
            Along::MaxVariance => ffi::ptqk_max_variance(ptr::null(), &tensor, axis, &mut out),
            Along::MeanAbsMax => ffi::ptqk_mean_abs_max(ptr::null(), &tensor, axis, &mut out),
        }
    };
    check("ptqk_mean_variance, ptqk_max_variance or ptqk_mean_abs_max", status)?;
    Ok(out)
}

/// The mean of each channel.
pub fn channel_mean(x: TensorRef, axis: usize) -> Result<Vec<f32>, String> {
    let (tensor, channels) = (x.tensor(), x.channels(Some(axis)));
    let mut out = vec![f32::NAN; channels];
    // SAFETY: the tensor describes a live slice, the output holds `channels` values.
    let status = unsafe {
        ffi::ptqk_channel_mean(ptr::null(), &tensor, axis as i32, channels, out.as_mut_ptr())
    };
    check("ptqk_channel_mean", status)?;
    Ok(out)
}

/// The sensitivity of a layer to its inputs.
pub fn hawq(samples: &[TensorRef]) -> Result<f64, String> {
    let (mut squares, mut h) = (vec![f64::NAN; samples.len()], f64::NAN);
    for (sample, square) in samples.iter().zip(&mut squares) {
        let tensor = sample.tensor();
        // SAFETY: the tensor describes a live slice, the output is one float.
        let status = unsafe { ffi::ptqk_mean_square(ptr::null(), &tensor, square) };
        check("ptqk_mean_square", status)?;
    }
    // SAFETY: the slice is live.
    let status =
        unsafe { ffi::ptqk_hawq_sensitivity(ptr::null(), squares.as_ptr(), squares.len(), &mut h) };
    check("ptqk_hawq_sensitivity", status)?;
    Ok(h)
}

/// Median and median absolute deviation of each channel.
pub fn median_mad(
    samples: &[TensorRef],
    axis: Option<usize>,
) -> Result<(Vec<f32>, Vec<f32>), String> {
    let channels = samples.first().ok_or("no samples")?.channels(axis);
    let tensors: Vec<_> = samples.iter().map(TensorRef::tensor).collect();
    let (mut median, mut mad) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
    // SAFETY: the tensors describe live slices, the outputs hold `channels` values.
    let status = unsafe {
        ffi::ptqk_median_mad(
            ptr::null(),
            tensors.as_ptr(),
            tensors.len(),
            axis_code(axis),
            channels,
            median.as_mut_ptr(),
            mad.as_mut_ptr(),
        )
    };
    check("ptqk_median_mad", status)?;
    Ok((median, mad))
}

/// Percentiles of each channel.
pub fn percentiles(
    samples: &[TensorRef],
    axis: Option<usize>,
    percentiles: &[f64],
) -> Result<Vec<f32>, String> {
    let channels = samples.first().ok_or("no samples")?.channels(axis);
    let tensors: Vec<_> = samples.iter().map(TensorRef::tensor).collect();
    let mut values = vec![f32::NAN; channels * percentiles.len()];
    // SAFETY: the tensors describe live slices, the output holds a row per percentile.
    let status = unsafe {
        ffi::ptqk_percentiles(
            ptr::null(),
            tensors.as_ptr(),
            tensors.len(),
            axis_code(axis),
            channels,
            percentiles.as_ptr(),
            percentiles.len(),
            values.as_mut_ptr(),
        )
    };
    check("ptqk_percentiles", status)?;
    Ok(values)
}

/// Importance of each channel, and the samples taken, as columns.
pub fn process_stats(
    means: super::View,
    token_counts: &[u64],
    subset_size: usize,
) -> Result<(Vec<f32>, Vec<f32>), String> {
    let (samples, channels) = (means.rows, means.cols);
    expect_len("token counts", token_counts.len(), samples)?;
    let (mut columns, mut bytes) = (0, 0);
    // SAFETY: the pointer is to a live value.
    let status =
        unsafe { ffi::ptqk_process_stats_columns(ptr::null(), samples, subset_size, &mut columns) };
    check("ptqk_process_stats_columns", status)?;
    // SAFETY: as above.
    let status = unsafe {
        ffi::ptqk_process_stats_workspace_size(ptr::null(), samples, subset_size, &mut bytes)
    };
    check("ptqk_process_stats_workspace_size", status)?;
    let mut workspace = vec![0xA5_u8; bytes];
    let (mut importance, mut x) = (vec![f32::NAN; channels], vec![f32::NAN; channels * columns]);
    let (means, to) = (means.matrix(), super::matrix_mut(&mut x, channels, columns));
    // SAFETY: every buffer has the size that the queries gave.
    let status = unsafe {
        ffi::ptqk_process_stats(
            ptr::null(),
            &means,
            token_counts.as_ptr(),
            subset_size,
            importance.as_mut_ptr(),
            &to,
            workspace.as_mut_ptr().cast(),
            bytes,
        )
    };
    check("ptqk_process_stats", status)?;
    Ok((importance, x))
}
