//! Weight compression to integers.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{self, GroupAction, View, WeightSpec};

/// Codes, scales, zero points, restored weights and errors of a compressed tensor.
pub fn compress(case: &Case) -> Result<Tensors, String> {
    let weight = case.input("weight")?;
    let axis: usize = case.int("reduction_axis")?;
    // Weights are one matrix; further leading dimensions are rows too.
    let cols = *weight.shape.last().ok_or("a weight without dimensions")?;
    let reduction_axis = match weight.shape.len() {
        2 if axis == 0 => 0,
        dims if axis + 1 == dims => 1,
        _ => return Err(format!("reduction axis {axis} of {:?}", weight.shape)),
    };
    let view = View::new(weight.f32()?, cols)?;
    let spec = WeightSpec::new(case.text("mode")?, case.int("group_size")?, reduction_axis)?;
    let compressed = library::compress(spec, view)?;
    let (max_mean_squared, frobenius) = compressed.error(view)?;

    let mut outputs = Outputs::default();
    outputs.i32("out.q", compressed.unpack()?);
    outputs.f32("out.scale", compressed.scale.clone());
    outputs.f32("out.scale_f16", compressed.scale_f16.clone());
    if !compressed.zero_point.is_empty() {
        let zero_point = compressed.zero_point.iter().map(|&zero| i32::from(zero));
        outputs.i32("out.zero_point", zero_point.collect());
    }
    outputs.f32("out.dequant", compressed.decompress()?);
    outputs.f32("out.err_max_mean", vec![max_mean_squared]);
    outputs.f32("out.err_frobenius", vec![frobenius]);
    Ok(outputs.0)
}

/// Bits and group size of layers by their channel size: 8 and -1 for the backup, 32 and 0 if skipped.
pub fn group_size_fallback(case: &Case) -> Result<Tensors, String> {
    let (mut bits, mut group_size) = (Vec::new(), Vec::new());
    for &channel_size in case.input("channel_size")?.i32()? {
        let action = library::resolve_group_size(
            case.text("fallback")?,
            case.int("group_size")?,
            case.int("min_adjusted_group_size")?,
            usize::try_from(channel_size).map_err(|error| error.to_string())?,
        )?;
        let (layer_bits, layer_group_size) = match action {
            GroupAction::Compress(group_size) => (4, group_size),
            GroupAction::Backup => (8, -1),
            GroupAction::Skip => (32, 0),
        };
        bits.push(layer_bits);
        group_size.push(layer_group_size);
    }
    let mut outputs = Outputs::default();
    outputs.i32("out.bits", bits);
    outputs.i32("out.group_size", group_size);
    Ok(outputs.0)
}
