//! Float types of few bits, and weights in them.

use super::Outputs;
use crate::case::{Case, Tensors};
use crate::library::{self, FloatSpec, NumberType, View};

/// Codes and values of numbers, with both rules of overflow.
pub fn fp8_encode(case: &Case) -> Result<Tensors, String> {
    let x = case.input_f32("x")?;
    let mut outputs = Outputs::default();
    for (name, number_type) in [("e4m3", NumberType::E4m3), ("e5m2", NumberType::E5m2)] {
        let codes = library::encode(number_type, x, false)?;
        outputs.f32(&format!("out.{name}_value"), library::decode(number_type, &codes)?);
        outputs.u8(&format!("out.{name}_code"), codes);
        outputs.u8(&format!("out.{name}_sat_code"), library::encode(number_type, x, true)?);
    }
    Ok(outputs.0)
}

/// What every code stands for.
pub fn fp8_decode(case: &Case) -> Result<Tensors, String> {
    let mut outputs = Outputs::default();
    for (name, input, number_type) in [
        ("out.e4m3", "code", NumberType::E4m3),
        ("out.e5m2", "code", NumberType::E5m2),
        ("out.e8m0", "code", NumberType::E8m0),
        ("out.e2m1", "code4", NumberType::E2m1),
        ("out.nf4", "code4", NumberType::Nf4),
    ] {
        outputs.f32(name, library::decode(number_type, case.input(input)?.u8()?)?);
    }
    Ok(outputs.0)
}

fn encode(case: &Case, number_type: NumberType) -> Result<Tensors, String> {
    let codes = library::encode(number_type, case.input_f32("x")?, true)?;
    let mut outputs = Outputs::default();
    outputs.f32("out.value", library::decode(number_type, &codes)?);
    outputs.u8("out.code", codes);
    Ok(outputs.0)
}

/// Codes and values in E2M1.
pub fn fp4_encode(case: &Case) -> Result<Tensors, String> {
    encode(case, NumberType::E2m1)
}

/// Codes and values in NF4.
pub fn nf4_encode(case: &Case) -> Result<Tensors, String> {
    encode(case, NumberType::Nf4)
}

fn destination(case: &Case) -> Result<NumberType, String> {
    match case.text("destination_type")? {
        "f8e4m3" => Ok(NumberType::E4m3),
        "f8e5m2" => Ok(NumberType::E5m2),
        other => Err(format!("destination type {other}")),
    }
}

/// Scales from statistics.
pub fn fp8_params(case: &Case) -> Result<Tensors, String> {
    let factor = (!case.flag("per_channel")?).then_some(0.5);
    let (min, max) = (case.input_f32("min")?, case.input_f32("max")?);
    let mut outputs = Outputs::default();
    outputs.f32("out.scale", library::fp8_scale(destination(case)?, factor, min, max)?);
    Ok(outputs.0)
}

/// There and back.
pub fn fake_convert(case: &Case) -> Result<Tensors, String> {
    let x = case.input("x")?;
    let view = View::new(x.f32()?, *x.shape.last().ok_or("numbers without dimensions")?)?;
    let y = library::fake_convert(destination(case)?, view, case.input_f32("scale")?)?;
    let mut outputs = Outputs::default();
    outputs.f32("out.y", y);
    Ok(outputs.0)
}

/// Scales of MX blocks.
pub fn e8m0_scale(case: &Case) -> Result<Tensors, String> {
    let weight = case.input("weight")?;
    let cols = *weight.shape.last().ok_or("a weight without dimensions")?;
    let view = View::new(weight.f32()?, cols)?;
    let mode = case.text("mode")?;
    let spec =
        FloatSpec { mode, group_size: 32, reduction_axis: 1, codebook: &[], compiled: false };
    let weights = library::compress_floats(spec, view)?;
    let mut outputs = Outputs::default();
    outputs.f32("out.scale", weights.scale);
    Ok(outputs.0)
}

/// Weights in a float or codebook mode.
pub fn compress(case: &Case) -> Result<Tensors, String> {
    let weight = case.input("weight")?;
    let mode = case.text("mode")?;
    let cols = *weight.shape.last().ok_or("a weight without dimensions")?;
    let view = View::new(weight.f32()?, cols)?;
    let codebook = if mode == "codebook" { case.input_f32("codebook")? } else { &[] };
    let (group_size, axis) = (case.int("group_size")?, case.int("reduction_axis")?);
    let spec = FloatSpec { mode, group_size, reduction_axis: axis, codebook, compiled: false };
    let weights = library::compress_floats(spec, view)?;
    if let Some(expected) = case.tensors.get("out.scale_opt") {
        // The index gives it for information; the options of the library reproduce it exactly.
        let compiled = library::compress_floats(FloatSpec { compiled: true, ..spec }, view)?;
        if compiled.scale != expected.f32()? {
            return Err("scales differ from those of the compiled path".into());
        }
    }
    let mut outputs = Outputs::default();
    let byte = |code: &u32| u8::try_from(*code).map_err(|error| error.to_string());
    let index = |code: &u32| i32::try_from(*code).map_err(|error| error.to_string());
    let number_type = match mode {
        "nf4" => Some(NumberType::Nf4),
        "fp4" | "mxfp4" | "nvfp4" => Some(NumberType::E2m1),
        "fp8_e4m3" | "mxfp8_e4m3" => Some(NumberType::E4m3),
        _ => None,
    };
    if let Some(number_type) = number_type {
        let codes = weights.codes.iter().map(byte).collect::<Result<Vec<u8>, String>>()?;
        outputs.f32("out.value", library::decode(number_type, &codes)?);
        outputs.u8("out.code", codes);
    } else {
        outputs.i32("out.index", weights.codes.iter().map(index).collect::<Result<_, _>>()?);
    }
    outputs.f32("out.scale", weights.scale);
    outputs.f32("out.scale_f16", weights.scale_f16);
    outputs.f32("out.global_scale", vec![weights.tensor_scale]);
    outputs.f32("out.dequant", weights.weights);
    Ok(outputs.0)
}
