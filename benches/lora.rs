//! Adapters of one row, a thousand times, and low-rank correction of square layers through the C border on every tier of this CPU, one thread: int4_sym
//! in groups of 128, 128 samples, 3 iterations. Milliseconds, medians. `PTQK_BENCH_ROWS=4096` picks one size.

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

const SAMPLES: usize = 128;

fn correction(n: usize, rank: usize, turns: usize) {
    let (weights, means) = (floats(n * n), floats(SAMPLES * n));
    let params = LoraParams { adapter_rank: rank as u32, ..LoraParams::DEFAULT };
    let (mut layout, mut room) = (WeightLayout::default(), 0);
    // SAFETY: the pointers are to live values.
    unsafe {
        ok(ptqk_weight_layout_query(null(), &params.weights, n, n, &mut layout));
        ok(ptqk_lora_workspace_size(null(), &params, n, n, SAMPLES, &mut room));
    }
    let bytes = |data: &mut [u8], rows, cols, stride, code_type| CodesMut {
        data: data.as_mut_ptr().cast(),
        rows,
        cols,
        row_stride_bytes: stride,
        code_type,
        reserved: 0,
    };
    let (mut codes, mut scale) = (vec![0_u8; layout.code_bytes], vec![0_u16; layout.groups]);
    let codes = bytes(&mut codes, n, n, layout.code_row_bytes, layout.code_type);
    let (w, x) = (matrix(&weights, n, n), matrix(&means, SAMPLES, n));
    let scale = scale.as_mut_ptr().cast();
    // SAFETY: all buffers have the sizes of the queries.
    ok(unsafe {
        let (none, nothing) = (null_mut(), null_mut());
        ptqk_compress_weights(null(), &params.weights, &w, &codes, scale, none, nothing)
    });
    let (mut a, mut b) = (vec![0_u8; rank * n], vec![0_u8; n * rank]);
    let (mut a_scale, mut b_scale) = (vec![0.0; rank], vec![0.0; n]);
    let (mut a_zero, mut b_zero) = (vec![0; rank], vec![0; n]);
    let outputs = LoraOutputs {
        a_codes: bytes(&mut a, rank, n, n, CodeType::U8 as u32),
        b_codes: bytes(&mut b, n, rank, rank, CodeType::U8 as u32),
        a_scale: a_scale.as_mut_ptr(),
        b_scale: b_scale.as_mut_ptr(),
        a_zero_point: a_zero.as_mut_ptr(),
        b_zero_point: b_zero.as_mut_ptr(),
        ..LoraOutputs::DEFAULT
    };
    let (mut workspace, mut done) = (vec![0_u8; room], LoraReport::default());
    let codes = codes.as_codes();
    report(&format!("lora {n}, rank {rank}"), turns, || {
        let at = workspace.as_mut_ptr().cast();
        // SAFETY: all buffers have the sizes of the queries.
        ok(unsafe {
            ptqk_lora_correction(
                null(),
                &params,
                &w,
                &codes,
                scale,
                null(),
                null(),
                &x,
                null(),
                &outputs,
                &mut done,
                at,
                room,
            )
        });
    });
    let LoraReport { noise_before, noise_decomposed, noise_after, .. } = done;
    println!("    noise {noise_before:.4e}, {noise_decomposed:.4e}, {noise_after:.4e}");
}

/// A thousand times one row, with adapters of floats and of codes; the bytes of the adapter are what has to
/// move.
fn apply(n: usize, rank: usize) {
    let (a, b, x) = (floats(rank * n), floats(n * rank), floats(n));
    let halves = vec![0x3400_u16; rank * n];
    let (codes, scale, zero_point) =
        (vec![7_u8; rank * n], vec![0.01_f32; n.max(rank)], vec![3_u8; n.max(rank)]);
    let mut y = vec![0.0; n];
    let half =
        |rows, cols| Matrix { data: halves.as_ptr().cast(), dtype: 1, ..matrix(&a, rows, cols) };
    let none = Matrix { data: null(), ..matrix(&[], 0, 0) };
    let factor = |values: Matrix, rows, cols| LoraFactor {
        values,
        codes: Codes {
            data: codes.as_ptr().cast(),
            rows,
            cols,
            row_stride_bytes: cols,
            code_type: CodeType::U8 as u32,
            reserved: 0,
        },
        scale: scale.as_ptr(),
        zero_point: zero_point.as_ptr(),
    };
    for (name, va, vb, bytes, b_is_transposed) in [
        ("f32", matrix(&a, rank, n), matrix(&b, n, rank), 4, 0),
        ("f16", half(rank, n), half(n, rank), 2, 0),
        ("u8", none, none, 1, 0),
        ("f32 transposed", matrix(&a, rank, n), matrix(&b, rank, n), 4, 1),
        ("f16 transposed", half(rank, n), half(rank, n), 2, 1),
        ("u8 transposed", none, none, 1, 1),
    ] {
        let (rows, cols) = if b_is_transposed == 1 { (rank, n) } else { (n, rank) };
        let (a, b) = (factor(va, rank, n), factor(vb, rows, cols));
        let adapter = LoraAdapter { a, b, scale: 1e-3, b_is_transposed };
        let segment = LoraSegment { adapter: 0, first_row: 0, rows: 1 };
        let mut room = 0;
        // SAFETY: the pointers are to live values.
        ok(unsafe { ptqk_lora_apply_workspace_size(null(), &adapter, 1, 1, &mut room) });
        let mut workspace = vec![0_u8; room];
        let (x, y) = (matrix(&x, 1, n), matrix_mut(&mut y, 1, n));
        let kilobytes = 2 * rank * n * bytes / 1024;
        report(&format!("apply {n}, rank {rank}, {name}, {kilobytes} KiB"), 7, || {
            for _ in 0..1000 {
                let at = workspace.as_mut_ptr().cast();
                // SAFETY: all buffers have the sizes of the queries.
                ok(unsafe { ptqk_lora_apply(null(), &adapter, 1, &segment, 1, &x, &y, at, room) });
            }
        });
    }
}

fn main() {
    for rank in [8, 64] {
        apply(4096, rank);
    }
    let only = std::env::var("PTQK_BENCH_ROWS").ok().and_then(|n| n.parse().ok());
    for n in only.map_or(vec![1024, 2048, 4096], |n| vec![n]) {
        for rank in [8, 256] {
            correction(n, rank, if n > 2048 { 3 } else { 7 });
        }
    }
}
