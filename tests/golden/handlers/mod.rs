//! What a kind of case computes: the inputs go through the library, the outputs come back by name.

mod floats;
mod gptq;
mod histogram;
mod lora;
mod quantizer;
mod range;
mod weights;

use crate::case::{Case, Data, Tensor, Tensors};

/// Computes the outputs of a case.
pub fn run(case: &Case) -> Result<Tensors, String> {
    match case.kind.as_str() {
        "qparams" => quantizer::qparams(case),
        "tune_range" => quantizer::tune_range(case),
        "unify_stats" => quantizer::unify_stats(case),
        "fakequant" => quantizer::fakequant(case),
        "range_histogram" => histogram::range_histogram(case),
        "reducers" => range::reducers(case),
        "range" => range::range(case),
        "range_presets" => range::range_presets(case),
        "range_extra" => range::range_extra(case),
        "process_stats" => range::process(case),
        "fp8_encode" => floats::fp8_encode(case),
        "fp8_decode" => floats::fp8_decode(case),
        "fp4_encode" => floats::fp4_encode(case),
        "nf4_encode" => floats::nf4_encode(case),
        "fp8_params" => floats::fp8_params(case),
        "fake_convert" => floats::fake_convert(case),
        "e8m0_scale" => floats::e8m0_scale(case),
        "wc" if !case.text("mode")?.starts_with("int") => floats::compress(case),
        "wc" => weights::compress(case),
        "gptq" => gptq::gptq(case),
        "lora" => lora::lora(case),
        "group_size_fallback" => weights::group_size_fallback(case),
        other => Err(format!("no handler for {other}")),
    }
}

/// Collects outputs under their names in the case.
#[derive(Default)]
struct Outputs(Tensors);

impl Outputs {
    fn add(&mut self, name: &str, data: Data) {
        self.0.insert(name.into(), Tensor { shape: vec![data.len()], data });
    }

    fn f32(&mut self, name: &str, data: Vec<f32>) {
        self.add(name, Data::F32(data));
    }

    fn u8(&mut self, name: &str, data: Vec<u8>) {
        self.add(name, Data::U8(data));
    }

    fn i32(&mut self, name: &str, data: Vec<i32>) {
        self.add(name, Data::I32(data));
    }
}
