//! Ranges of many samples, and other statistics of activations.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{
    Along, Collection, Estimator, TensorRef, View, along, channel_mean, estimate, hawq, median_mad,
    percentiles, process_stats,
};

/// The inputs `sample_0` and so on.
fn samples(case: &Case) -> Result<Vec<TensorRef<'_>>, String> {
    let count: usize = case.int("num_tensors")?;
    let sample = |i| {
        let tensor = case.input(&format!("sample_{i}"))?;
        TensorRef::new(tensor.f32()?, &tensor.shape)
    };
    (0..count).map(sample).collect()
}

/// A list of texts.
fn names(case: &Case, name: &str) -> Result<Vec<String>, String> {
    let list = case.params.get(name).and_then(|list| list.as_array());
    let list = list.ok_or(format!("no list {name}"))?;
    list.iter().map(|x| x.as_str().map(str::to_owned).ok_or(format!("{name}: no text"))).collect()
}

/// A list of numbers.
fn numbers(case: &Case, name: &str) -> Result<Vec<f64>, String> {
    let list = case.params.get(name).and_then(|list| list.as_array());
    let list = list.ok_or(format!("no list {name}"))?;
    list.iter().map(|x| x.as_f64().ok_or(format!("{name}: no number"))).collect()
}

fn float(case: &Case, name: &str) -> Result<f64, String> {
    case.params.get(name).and_then(|x| x.as_f64()).ok_or(format!("no number {name}"))
}

/// Every reducer with every aggregator.
pub fn range(case: &Case) -> Result<Tensors, String> {
    let samples = samples(case)?;
    let channel_axis = match numbers(case, "channel_axes")?.as_slice() {
        [] => None,
        [axis] => Some(*axis as usize),
        _ => return Err("one channel axis at most".into()),
    };
    let collection = Collection {
        channel_axis,
        batchwise: case.flag("batchwise_statistics")?,
        num_samples: case.int("num_samples")?,
    };
    let prob = float(case, "quantile_outlier_prob")?;
    let mut outputs = Outputs::default();
    for statistic in names(case, "statistics")? {
        for aggregator in names(case, "aggregators")? {
            let estimator = Estimator::new(&statistic, &aggregator, prob)?;
            let (min, max) = estimate(estimator, collection, &samples)?;
            outputs.f32(&format!("out.{statistic}.{aggregator}.min"), min);
            outputs.f32(&format!("out.{statistic}.{aggregator}.max"), max);
        }
    }
    Ok(outputs.0)
}

/// The estimators with a name.
pub fn range_presets(case: &Case) -> Result<Tensors, String> {
    let samples = samples(case)?;
    let symmetric = case.text("scheme")? == "symmetric";
    if symmetric != case.flag("use_abs_max")? {
        return Err("the symmetric scheme takes the largest magnitude".into());
    }
    let collection = Collection { channel_axis: None, batchwise: false, num_samples: 300 };
    let mut outputs = Outputs::default();
    for preset in
        ["MINMAX", "MEAN_MINMAX", "MEDIAN_MINMAX", "MEAN_NO_OUTLIERS_MINMAX", "MEAN_QUANTILE"]
    {
        let estimator = Estimator::preset(preset, symmetric)?;
        let (min, max) = estimate(estimator, collection, &samples)?;
        outputs.f32(&format!("out.{preset}.min"), min);
        outputs.f32(&format!("out.{preset}.max"), max);
    }
    Ok(outputs.0)
}

/// Medians of deviations, percentiles, and the sensitivity of HAWQ.
pub fn range_extra(case: &Case) -> Result<Tensors, String> {
    let samples = samples(case)?;
    let wanted = numbers(case, "percentiles")?;
    let mut outputs = Outputs::default();
    for (name, axis) in [("pt", None), ("pc", Some(1))] {
        let (median, mad) = median_mad(&samples, axis)?;
        outputs.f32(&format!("out.mad.{name}.median"), median);
        outputs.f32(&format!("out.mad.{name}.mad"), mad);
        let values = percentiles(&samples, axis, &wanted)?;
        outputs.f32(&format!("out.percentile.{name}"), values);
    }
    outputs.f32("out.hawq", vec![hawq(&samples)? as f32]);
    Ok(outputs.0)
}

/// Importance and columns of a layer's activations.
pub fn process(case: &Case) -> Result<Tensors, String> {
    let means = case.input("mean_values")?;
    let channels = means.shape.last().copied().unwrap_or(0);
    let counts = case.input("token_counts")?.i32()?;
    let counts: Result<Vec<u64>, _> = counts.iter().map(|n| u64::try_from(*n)).collect();
    let counts = counts.map_err(|e| e.to_string())?;
    let means = View::new(means.f32()?, channels)?;
    let (importance, x) = process_stats(means, &counts, case.int("subset_size")?)?;
    let mut outputs = Outputs::default();
    outputs.f32("out.s", importance);
    outputs.f32("out.X", x);
    Ok(outputs.0)
}

/// Statistics of `[batch, tokens, channels]` or `[tokens, channels]`, reduced over the tokens.
pub fn reducers(case: &Case) -> Result<Tensors, String> {
    let tensor = case.input("x")?;
    let x = TensorRef::new(tensor.f32()?, &tensor.shape)?;
    if numbers(case, "axes")? != [-2.0] {
        return Err("only the axis -2 is in use".into());
    }
    let rank = x.shape().len();
    let axis = rank.checked_sub(2).ok_or("a tensor of two or more axes is needed")?;
    let mut outputs = Outputs::default();
    outputs.f32("out.mean_variance", vec![along(Along::MeanVariance, x, axis)?]);
    outputs.f32("out.max_variance", vec![along(Along::MaxVariance, x, axis)?]);
    outputs.f32("out.mean_abs_max", vec![along(Along::MeanAbsMax, x, axis)?]);
    // A tensor of two axes has its channels last.
    outputs.f32("out.mean_per_channel_ax1", channel_mean(x, 1)?);
    if rank > 2 {
        outputs.f32("out.mean_per_channel_ax2", channel_mean(x, 2)?);
    }
    Ok(outputs.0)
}
