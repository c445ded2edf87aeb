//! Histograms of activations.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::histogram_range;

/// The histogram of all samples, and the range on it.
pub fn range_histogram(case: &Case) -> Result<Tensors, String> {
    let samples = (0..case.int::<usize>("num_tensors")?)
        .map(|i| case.input_f32(&format!("sample_{i}")))
        .collect::<Result<Vec<_>, _>>()?;
    let (bins, rate) = (case.int("bins")?, case.int("upsample_rate")?);
    let (counts, min, max) = histogram_range(&samples, bins, rate, case.int("dst_nbins")?)?;
    let mut outputs = Outputs::default();
    outputs.f32("out.min", vec![min]);
    outputs.f32("out.max", vec![max]);
    outputs.f32("out.histogram", counts.iter().map(|n| *n as f32).collect());
    Ok(outputs.0)
}
