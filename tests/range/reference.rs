//! What the statistics mean, in f64 and without any order but the obvious one.

/// The linear quantile of numpy.
pub fn quantile(values: &[f64], p: f64) -> f64 {
    if values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() - 1) as f64 * p;
    let (low, share) = (place.floor() as usize, place.fract());
    let high = sorted[(low + 1).min(sorted.len() - 1)];
    sorted[low] + share * (high - sorted[low])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    mean(&values.iter().map(|x| (x - center) * (x - center)).collect::<Vec<_>>())
}

/// Smallest, or NaN.
fn least(values: &[f64]) -> f64 {
    let nan = values.iter().any(|x| x.is_nan());
    if nan { f64::NAN } else { values.iter().copied().fold(f64::INFINITY, f64::min) }
}

fn largest(values: &[f64]) -> f64 {
    -least(&values.iter().map(|x| -x).collect::<Vec<_>>())
}

/// The statistic of a type, by its number; `is_max` for the maximum branch.
pub fn statistic(kind: u32, values: &[f32], p: f64, is_max: bool) -> f64 {
    let values: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
    let magnitudes: Vec<f64> = values.iter().map(|x| x.abs()).collect();
    let p = if is_max { 1.0 - p } else { p };
    match kind {
        0 => least(&values),
        1 => largest(&values),
        2 => largest(&magnitudes),
        3 => mean(&values),
        4 => quantile(&values, p),
        5 => quantile(&magnitudes, p),
        _ => panic!("statistic {kind}"),
    }
}

/// The aggregate of a type, by its number.
pub fn aggregate(kind: u32, values: &[f64], p: f64) -> f64 {
    if values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let (low, high) = (quantile(values, p), quantile(values, 1.0 - p));
    let inliers: Vec<f64> = values.iter().copied().filter(|x| (low..=high).contains(x)).collect();
    match kind {
        0 => least(values),
        1 => largest(values),
        2 => mean(values),
        3 => quantile(values, 0.5),
        4 | 5 if inliers.is_empty() => 0.0,
        4 => mean(&inliers),
        5 => quantile(&inliers, 0.5),
        _ => panic!("aggregator {kind}"),
    }
}
