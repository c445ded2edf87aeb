//! GPTQ from activations to codes.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{self, FloatSpec, GptqSpec, View, WeightSpec};

/// Hessian, codes and scales of a layer, and how far its outputs move.
pub fn gptq(case: &Case) -> Result<Tensors, String> {
    let weight = case.input("weight")?;
    let &[_, channels] = weight.shape.as_slice() else { return Err("a weight of 2 axes".into()) };
    let view = View::new(weight.f32()?, channels)?;
    let mut rest = case.input_f32("activations")?;
    let (mut samples, mut means) = (Vec::new(), Vec::new());
    for &tokens in case.input("token_counts")?.i32()? {
        let tokens = usize::try_from(tokens).map_err(|error| error.to_string())?;
        let (sample, after) = rest.split_at_checked(tokens * channels).ok_or("too few tokens")?;
        samples.push(View::new(sample, channels)?);
        means.extend((0..channels).map(|channel| {
            let column = sample.iter().skip(channel).step_by(channels);
            (column.map(|x| f64::from(*x)).sum::<f64>() / tokens as f64) as f32
        }));
        rest = after;
    }
    let hessian = library::hessian(&samples)?;
    let (mode, group_size) = (case.text("mode")?, case.int("group_size")?);
    let spec = GptqSpec {
        weights: WeightSpec::new(mode, group_size, case.int("reduction_axis")?)?,
        damp_percent: case.float("damp_percent")?,
        block_size: case.int("block_size")?,
        means: case.flag("scale_estimation")?.then(|| View::new(&means, channels)).transpose()?,
    };
    let (solved, dequantized) = library::gptq(spec, view, &hessian)?;
    let nearest = if mode.starts_with("int") {
        library::compress(spec.weights, view)?.decompress()?
    } else {
        let reduction_axis = spec.weights.reduction_axis;
        let spec = FloatSpec { mode, group_size, reduction_axis, codebook: &[], compiled: false };
        library::compress_floats(spec, view)?.weights
    };
    let objective = |values: &[f32]| vec![objective(weight.f32().unwrap_or(&[]), values, &hessian)];

    let mut outputs = Outputs::default();
    outputs.f32("out.objective", objective(&dequantized));
    outputs.f32("out.objective_rtn", objective(&nearest));
    if mode.starts_with("int") {
        outputs.i32("out.q", solved.unpack()?);
    }
    if !solved.zero_point.is_empty() {
        let zero_point = solved.zero_point.iter().map(|&zero| i32::from(zero));
        outputs.i32("out.zero_point", zero_point.collect());
    }
    outputs.f32("out.scale", solved.scale);
    outputs.f32("out.quantized_weight", dequantized);
    outputs.f32("out.hessian", hessian);
    Ok(outputs.0)
}

/// `tr((W - Q) H (W - Q)^T)` over the number of weights.
fn objective(weights: &[f32], values: &[f32], hessian: &[f32]) -> f32 {
    let channels = hessian.len().isqrt();
    let mut sum = 0.0;
    for (w, q) in weights.chunks(channels).zip(values.chunks(channels)) {
        let error: Vec<f64> = w.iter().zip(q).map(|(w, q)| f64::from(*w) - f64::from(*q)).collect();
        for (row, e) in hessian.chunks(channels).zip(&error) {
            let product = row.iter().zip(&error).map(|(h, e)| f64::from(*h) * e).sum::<f64>();
            sum += e * product;
        }
    }
    (sum / weights.len() as f64) as f32
}
