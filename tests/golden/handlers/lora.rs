//! Low-rank correction of a compressed layer.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{self, LoraSpec, View, WeightSpec};

/// Adapters of a layer, their product and the noise at each step.
pub fn lora(case: &Case) -> Result<Tensors, String> {
    let weight = case.input("weight")?;
    let &[_, cols] = weight.shape.as_slice() else { return Err("a weight of 2 axes".into()) };
    let view = View::new(weight.f32()?, cols)?;
    let (mode, group_size) = (case.text("mode")?, case.int("group_size")?);
    let spec = WeightSpec::new(mode, group_size, case.int("reduction_axis")?)?;
    let compressed = library::compress(spec, view)?;
    let means = case.input("mean_values")?;
    let means = View::new(means.f32()?, means.shape.last().copied().unwrap_or(0))?;
    let counts = case.input("token_counts")?.i32()?;
    let counts: Result<Vec<u64>, _> = counts.iter().map(|n| u64::try_from(*n)).collect();
    let counts = counts.map_err(|error| error.to_string())?;
    let rank = case.int("adapter_rank")?;
    let spec = LoraSpec {
        rank,
        num_iterations: case.int("num_iterations")?,
        apply_regularization: case.flag("apply_regularization")?,
        subset_size: case.int("subset_size")?,
    };
    let corrected = library::lora(spec, view, &compressed, means, &counts)?;
    let (a, b) = (corrected.a, corrected.b);
    let inputs = a.values.len() / rank;
    let mut product = Vec::with_capacity(weight.f32()?.len());
    for b in b.values.chunks(rank) {
        for input in 0..inputs {
            let column = a.values.iter().skip(input).step_by(inputs);
            let terms = b.iter().zip(column).map(|(b, a)| f64::from(*b) * f64::from(*a));
            product.push(terms.sum::<f64>() as f32);
        }
    }
    let mut outputs = Outputs::default();
    outputs.f32("out.dequant", compressed.decompress()?);
    outputs.f32("out.BA", product);
    outputs.f32("out.mean_noises", corrected.noises);
    for (name, adapter) in [("A", a), ("B", b)] {
        let zero_point = adapter.zero_point.iter().map(|&zero| i32::from(zero)).collect();
        outputs.f32(&format!("out.{name}"), adapter.values);
        outputs.u8(&format!("out.{name}_int8"), adapter.codes);
        outputs.f32(&format!("out.{name}_int8_scale"), adapter.scale);
        outputs.i32(&format!("out.{name}_int8_zp"), zero_point);
    }
    Ok(outputs.0)
}
