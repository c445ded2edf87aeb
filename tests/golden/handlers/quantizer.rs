//! Quantizer ranges, grids and fake quantization.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{self, Granularity, Quantizer, QuantizerSpec, View};

/// The quantizer that the parameters of a case describe.
fn spec(case: &Case, per_channel: bool) -> Result<QuantizerSpec, String> {
    Ok(QuantizerSpec {
        asymmetric: match case.text("mode")? {
            "symmetric" => false,
            "asymmetric" => true,
            other => return Err(format!("unknown scheme {other}")),
        },
        num_bits: case.int("num_bits")?,
        narrow_range: case.flag("narrow_range")?,
        signedness_to_force: case.optional_flag("signedness_to_force")?,
        per_channel,
        half_range: case.flag("half_range")?,
    })
}

/// An error unless the quantizer has as many levels as the case says.
fn check_levels(case: &Case, quantizer: &Quantizer) -> Result<(), String> {
    let levels: u32 = case.int("levels")?;
    if quantizer.levels == levels {
        Ok(())
    } else {
        Err(format!("{} levels, expected {levels}", quantizer.levels))
    }
}

/// Ranges from extreme values, and scale and zero point on a signed and on an unsigned grid.
pub fn qparams(case: &Case) -> Result<Tensors, String> {
    let (min, max) = (case.input_f32("min")?, case.input_f32("max")?);
    // Either one quantizer with many channels, or every element is a quantizer of its own.
    let (per_channel, width) = match case.text("granularity")? {
        "per_channel" => (true, min.len()),
        "per_tensor_batch" => (false, 1),
        other => return Err(format!("unknown granularity {other}")),
    };
    let spec = spec(case, per_channel)?;
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for (min, max) in min.chunks(width).zip(max.chunks(width)) {
        let quantizer = library::quantizer(spec, min, max)?;
        check_levels(case, &quantizer)?;
        low.extend(quantizer.low);
        high.extend(quantizer.high);
    }
    let mut outputs = Outputs::default();
    for (suffix, grid) in [("s", "signed"), ("u", "unsigned")] {
        let grid =
            (case.int(&format!("{grid}_grid_low"))?, case.int(&format!("{grid}_grid_high"))?);
        let (scale, zero_point) = library::scale_zero_point(&low, &high, grid, spec.narrow_range)?;
        outputs.f32(&format!("out.scale_{suffix}"), scale);
        outputs.i32(&format!("out.zp_{suffix}"), zero_point);
    }
    outputs.f32("out.input_low", low);
    outputs.f32("out.input_high", high);
    Ok(outputs.0)
}

/// Ranges moved so that zero is a level.
pub fn tune_range(case: &Case) -> Result<Tensors, String> {
    let (left, right) = library::tune_range(
        case.input_f32("left")?,
        case.input_f32("right")?,
        case.int("num_bits")?,
        case.flag("unify_zp")?,
    )?;
    let mut outputs = Outputs::default();
    outputs.f32("out.left", left);
    outputs.f32("out.right", right);
    Ok(outputs.0)
}

/// One range for several tensors.
pub fn unify_stats(case: &Case) -> Result<Tensors, String> {
    let (min, max) = library::unify_min_max(case.input_f32("min")?, case.input_f32("max")?)?;
    let mut outputs = Outputs::default();
    outputs.f32("out.min", vec![min]);
    outputs.f32("out.max", vec![max]);
    Ok(outputs.0)
}

/// Fake quantization with the recorded range, which must also follow from the recorded statistics.
pub fn fakequant(case: &Case) -> Result<Tensors, String> {
    let (low, high) = (case.input_f32("input_low")?, case.input_f32("input_high")?);
    let x = case.input("x")?;
    // `items` matrices follow one another; within each, the channels are rows.
    let (granularity, items) = match (case.text("layout")?, x.shape.as_slice()) {
        ("per_tensor", _) => (Granularity::Tensor, 1),
        ("weights_ch0", _) => (Granularity::Row, 1),
        ("acts_ch1", [batch, ..]) => (Granularity::Row, *batch),
        (other, _) => return Err(format!("unknown layout {other}")),
    };
    let per_channel = granularity == Granularity::Row;
    let derived = library::quantizer(
        spec(case, per_channel)?,
        case.input_f32("stat_min")?,
        case.input_f32("stat_max")?,
    )?;
    check_levels(case, &derived)?;

    let x = x.f32()?;
    let rows = if per_channel { low.len() } else { 1 };
    let mut y = Vec::new();
    for item in x.chunks(x.len() / items) {
        let view = View::new(item, item.len() / rows)?;
        y.extend(library::fake_quantize(view, granularity, derived.levels, low, high)?);
    }
    let mut outputs = Outputs::default();
    outputs.f32("in.input_low", derived.low);
    outputs.f32("in.input_high", derived.high);
    // The second reference result is that of an approximate kernel; its tolerance is wider.
    outputs.f32("out.y_cpu", y.clone());
    outputs.f32("out.y", y);
    Ok(outputs.0)
}
