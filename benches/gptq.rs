//! GPTQ of square layers through the C border on every tier of this CPU, one thread: the Hessian of 16384
//! tokens, and the solver by its presets, int4_sym in groups of 128. Milliseconds, medians.
//! `PTQK_BENCH_ROWS=4096` picks one size; `cargo bench --bench gptq -- best` a part.

#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench may stop on its first surprise"
)]
#![allow(unsafe_code, reason = "the C border takes pointers")]

#[path = "common/calls.rs"]
mod calls;
mod common;

use calls::{matrix, matrix_mut, ok, report};
use common::floats;
use ptqk::ffi::*;
use std::ptr::{null, null_mut};

const TOKENS: usize = 16_384;

/// Samples that scales are estimated from.
const SAMPLES: usize = 32;

/// Activations that hang together a little.
fn activations(n: usize) -> Vec<f32> {
    let mut x = floats(TOKENS * n);
    for row in x.chunks_exact_mut(n) {
        for i in 1..n {
            row[i] += 0.3 * row[i - 1];
        }
    }
    x
}

fn hessian(n: usize, turns: usize) -> Vec<f32> {
    let x = activations(n);
    let params = HessianParams { channels: n as u64, ..HessianParams::DEFAULT };
    let (mut bytes, mut room) = (0, 0);
    // SAFETY: the pointers are to live values.
    unsafe {
        ok(ptqk_hessian_state_size(null(), &params, &mut bytes));
        ok(ptqk_hessian_workspace_size(null(), &params, TOKENS, &mut room));
    }
    let (mut state, mut workspace) = (vec![0_u64; bytes / 8], vec![0_u8; room]);
    let mut h = vec![0.0; n * n];
    let mut run = || {
        let (state, at) = (state.as_mut_ptr().cast(), workspace.as_mut_ptr().cast());
        // SAFETY: all buffers have the sizes of the queries.
        unsafe {
            ok(ptqk_hessian_init(null(), &params, state, bytes));
            let x = matrix(&x, TOKENS, n);
            ok(ptqk_hessian_update(null(), &x, 128, state, bytes, at, room));
            ok(ptqk_hessian_finish(null(), state, bytes, &matrix_mut(&mut h, n, n)));
        }
    };
    run();
    report(&format!("hessian {n}, {TOKENS} tokens"), turns, run);
    h
}

fn solver(n: usize, turns: usize, h: &[f32]) {
    let weights = floats(n * n);
    let means = floats(SAMPLES * n);
    let mut nncf = GptqParams::DEFAULT;
    // SAFETY: the pointer is to a live value.
    ok(unsafe { ptqk_gptq_params_preset(null(), GptqPreset::Nncf as u32, &mut nncf) });
    let estimated = GptqParams {
        scale: GptqScale::Estimation as u32,
        means: matrix(&means, SAMPLES, n),
        ..nncf
    };
    let best = GptqParams::DEFAULT;
    for (name, params) in [
        ("as nncf", nncf),
        ("as nncf, estimated", estimated),
        ("best without passes", GptqParams { passes: 0, ..best }),
        ("best", best),
    ] {
        let (mut layout, mut room) = (WeightLayout::default(), 0);
        // SAFETY: the pointers are to live values.
        unsafe {
            ok(ptqk_weight_layout_query(null(), &params.weights, n, n, &mut layout));
            ok(ptqk_gptq_workspace_size(null(), &params, n, n, &mut room));
        }
        let (mut codes, mut scale) = (vec![0_u8; layout.code_bytes], vec![0_u16; layout.groups]);
        let mut workspace = vec![0_u8; room];
        let outputs = GptqOutputs {
            codes: CodesMut {
                data: codes.as_mut_ptr().cast(),
                rows: n,
                cols: n,
                row_stride_bytes: layout.code_row_bytes,
                code_type: layout.code_type,
                reserved: 0,
            },
            scale: scale.as_mut_ptr().cast(),
            ..GptqOutputs::DEFAULT
        };
        let (w, h) = (matrix(&weights, n, n), matrix(h, n, n));
        report(&format!("gptq {n} {name}"), turns, || {
            let at = workspace.as_mut_ptr().cast();
            // SAFETY: all buffers have the sizes of the queries.
            ok(unsafe { ptqk_gptq(null(), &params, &w, &h, &outputs, null_mut(), at, room) });
        });
    }
}

fn main() {
    let only = std::env::var("PTQK_BENCH_ROWS").ok().and_then(|n| n.parse().ok());
    for n in only.map_or(vec![1024, 2048, 4096], |n| vec![n]) {
        let turns = if n > 2048 { 3 } else { 7 };
        let h = hessian(n, turns);
        solver(n, turns, &h);
    }
}
