//! How much less the default setting loses than that of NNCF, on the layers of the golden vectors.

use crate::calls::{MODES, Mode};
use crate::layer::*;
use ptqk::ffi::*;
use safetensors::SafeTensors;
use std::path::PathBuf;
use std::ptr::null;

const PRESET_NNCF: u32 = 1;

/// Names, group sizes and layers.
fn layers() -> Vec<(String, i32, Layer)> {
    let folder = std::env::var_os("PTQK_GOLDEN_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vectors"),
        PathBuf::from,
    );
    let mut layers = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("gptq__") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |name: &str| -> Vec<f32> {
            let words = file.tensor(name).unwrap().data().as_chunks::<4>().0.iter();
            words.map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        let (weights, hessian) = (tensor("in.weight"), tensor("out.hessian"));
        let columns = hessian.len().isqrt();
        let channels = weights.len() / columns;
        // gptq__NN_mode_scheme_gSIZE_..: a number, or `ch`.
        let size = name.split('_').find_map(|part| part.strip_prefix('g')?.parse().ok());
        let token_counts: Vec<u64> = {
            let words = file.tensor("in.token_counts").unwrap().data().as_chunks::<4>().0.iter();
            words.map(|bytes| u32::from_le_bytes(*bytes).into()).collect()
        };
        let mut rest = &tensor("in.activations")[..];
        let mut means = Vec::new();
        for tokens in &token_counts {
            let (sample, after) = rest.split_at(*tokens as usize * columns);
            means.extend((0..columns).map(|column| {
                sample.iter().skip(column).step_by(columns).sum::<f32>() / *tokens as f32
            }));
            rest = after;
        }
        let layer = Layer { channels, columns, weights, hessian, means, token_counts };
        layers.push((name, size.unwrap_or(-1), layer));
    }
    assert!(layers.len() >= 3);
    layers
}

/// The mean of the losses of some settings, as shares of those of NNCF with scales of this kind; no
/// layer has more than `bound`.
fn mean_ratio(
    mode: &Mode,
    (scale, bound): (u32, f64),
    best: impl Fn(GptqParams) -> GptqParams,
) -> f64 {
    let layers = layers();
    let mut sum = 0.0;
    for (name, group_size, layer) in &layers {
        let weights = params(mode, *group_size, 1).weights;
        let mut nncf = GptqParams::DEFAULT;
        // SAFETY: the pointer is to a live value.
        let status = unsafe { ptqk_gptq_params_preset(null(), PRESET_NNCF, &mut nncf) };
        assert_eq!(status, Status::Ok);
        let nncf = GptqParams { weights, scale, ..nncf };
        let best = best(GptqParams { weights, ..GptqParams::DEFAULT });
        let [best, nncf] =
            [best, nncf].map(|params| layer.objective(&solve(mode, &params, layer).dequantized));
        let ratio = best / nncf;
        println!("{} {name}: {best:.3e} of {nncf:.3e}, {ratio:.3}", mode.name);
        assert!(ratio < bound, "{} {name}", mode.name);
        sum += ratio.ln();
    }
    (sum / layers.len() as f64).exp()
}

/// The trial that the defaults come from had 0.76 at 4 bits, 0.72 at 3, 0.69 at 2.
#[test]
fn defaults_lose_less_than_nncf() {
    for (mode, bound) in [(2, 0.5), (3, 0.5), (4, 0.5), (5, 0.5), (6, 0.5), (8, 0.6), (9, 0.5)] {
        let mode = &MODES[mode];
        let all = mean_ratio(mode, (EXTREMES, 0.8), |params| params);
        let without =
            mean_ratio(mode, (EXTREMES, 0.8), |params| GptqParams { passes: 0, ..params });
        println!("{}: {all:.3} of the loss of NNCF; {without:.3} without passes", mode.name);
        assert!(all < bound && all < without, "{}: {all}, {without}", mode.name);
    }
}

#[test]
fn defaults_lose_less_than_nncf_with_estimated_scales() {
    for mode in [2, 3, 4, 5].map(|mode| &MODES[mode]) {
        let ratio = mean_ratio(mode, (ESTIMATION, 0.9), |params| params);
        let gain = mean_ratio(mode, (EXTREMES, 1.3), |params| GptqParams {
            order: NATURAL,
            groups: BLOCK_START,
            scale: ESTIMATION,
            stored_scales: 0,
            damp_percent: 0.1,
            passes: 0,
            ..params
        });
        println!("{}: {ratio:.3} of NNCF with estimation, which has {gain:.3} of NNCF", mode.name);
        assert!(ratio < 0.7 && gain < 1.0, "{}: {ratio}, {gain}", mode.name);
    }
}
