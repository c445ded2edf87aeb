//! What the values of many samples come to. Everything is f64 until the end.

use crate::algorithms::sort::sort;
use crate::params::statistics::{AggregatorType, Branch};

/// The mean in the order of the values.
fn mean(values: &[f32]) -> f64 {
    values.iter().fold(0.0, |sum, x| sum + f64::from(*x)) / values.len() as f64
}

/// The median of sorted values, 0 of none.
fn median(sorted: &[f32]) -> f64 {
    let n = sorted.len();
    let at = |i: usize| sorted.get(i).map_or(0.0, |x| f64::from(*x));
    let (low, high) = (at(n.saturating_sub(1) / 2), at(n / 2));
    // The sum of two equal infinities is one; the middle of two different ones is not a number.
    if low == high { low } else { (low + high) / 2.0 }
}

/// The quantile of sorted values, as numpy interpolates it.
fn quantile(sorted: &[f32], probability: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = last as f64 * probability;
    let rank = (place as usize).min(last);
    let at = |i: usize| sorted.get(i.min(last)).map_or(0.0, |x| f64::from(*x));
    let (low, high, share) = (at(rank), at(rank + 1), place - rank as f64);
    let width = high - low;
    if low == high {
        low
    } else if share < 0.5 {
        low + width * share
    } else {
        high - width * (1.0 - share)
    }
}

/// Moves what is not an outlier to the front and answers how many these are.
fn keep_inliers(sorted: &mut [f32], probability: f64) -> usize {
    let low = quantile(sorted, probability);
    let high = quantile(sorted, 1.0 - probability);
    let mut kept = 0;
    for i in 0..sorted.len() {
        let Some(x) = sorted.get(i).copied() else { break };
        // An end that is not a number leaves everything in.
        let outlier = f64::from(x) < low || f64::from(x) > high;
        if let (false, Some(to)) = (outlier, sorted.get_mut(kept)) {
            *to = x;
            kept += 1;
        }
    }
    kept
}

/// The aggregate of the values of a channel, in the order of their samples; `values` are changed.
/// `other` is as long where the aggregator sorts.
pub(super) fn aggregate(branch: &Branch, values: &mut [f32], other: &mut [f32]) -> f32 {
    if values.iter().any(|x| x.is_nan()) {
        return f32::NAN;
    }
    if branch.aggregator.sorts() {
        sort(values, other);
    }
    let kept = match branch.aggregator {
        AggregatorType::MeanNoOutliers | AggregatorType::MedianNoOutliers => {
            keep_inliers(values, branch.outliers)
        }
        _ => values.len(),
    };
    let values = values.get(..kept).unwrap_or_default();
    if values.is_empty() {
        return 0.0;
    }
    let value = match branch.aggregator {
        AggregatorType::Median | AggregatorType::MedianNoOutliers => median(values),
        _ => mean(values),
    };
    value as f32 + 0.0
}
