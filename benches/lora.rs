//! Low-rank correction through the C border on every tier of this CPU, one thread. Milliseconds, medians.
//! `cargo bench --bench lora -- apply` runs a part.
//!
//! - `apply`: adapters of one row, 1024 calls, with one adapter and with 512 MiB of them in turn; `read` reads the bytes of
//!   these adapters and does nothing else.
//! - `lora`, `init`: square layers, int4_sym in groups of 128, 128 samples, 3 iterations. `PTQK_BENCH_ROWS=4096`
//!   picks one size.

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
use common::{floats, traffic};
use ptqk::ffi::*;
use std::ffi::c_void;
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
    let codes = codes.as_codes();
    init(n, rank, turns, (&w, &codes, scale));
    let (mut workspace, mut done) = (vec![0_u8; room], LoraReport::default());
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

/// Adapters to train from, of the residual of compressed weights.
fn init(n: usize, rank: usize, turns: usize, (w, codes, scale): (&Matrix, &Codes, *mut c_void)) {
    let params = LoraInitParams { adapter_rank: rank as u32, ..LoraInitParams::DEFAULT };
    let mut room = 0;
    // SAFETY: the pointers are to live values.
    ok(unsafe { ptqk_lora_init_workspace_size(null(), &params, n, n, &mut room) });
    let (mut a, mut b) = (vec![0.0; rank * n], vec![0.0; n * rank]);
    let (a, b) = (matrix_mut(&mut a, rank, n), matrix_mut(&mut b, n, rank));
    let mut workspace = vec![0_u8; room];
    report(&format!("init {n}, rank {rank}"), turns, || {
        let at = workspace.as_mut_ptr().cast();
        // SAFETY: all buffers have the sizes of the queries.
        ok(unsafe {
            let none = null();
            ptqk_lora_init(none, &params, w, codes, scale, null(), null(), &a, &b, at, room)
        });
    });
}

/// One row and one adapter, or as many in turn as have `total` bytes, of floats and of codes. The bytes of an adapter
/// are what has to move.
fn apply(n: usize, rank: usize, total: usize) {
    const CALLS: usize = 1024;
    let (x, scale, zero_point) = (floats(n), vec![0.01_f32; n], vec![3_u8; n]);
    let (mut y, none) = (vec![0.0; n], Matrix { data: null(), ..matrix(&[], 0, 0) });
    for (name, bytes) in [("f32", 4), ("f16", 2), ("u8", 1)] {
        let half = rank * n * bytes;
        let count = (total / (2 * half)).clamp(1, CALLS);
        // Small numbers in every type.
        let adapters = vec![0x2C_u8; 2 * half * count];
        let name = format!("{n}, rank {rank}, {name}, {count} of {} KiB", 2 * half / 1024);
        report(&format!("read  {name}"), 7, || {
            (0..CALLS / count).for_each(|_| traffic(std::hint::black_box(&adapters), &mut []));
        });
        let factor = |at: usize, rows, cols| {
            let data = adapters[at..at + half].as_ptr();
            let values = Matrix {
                data: data.cast(),
                dtype: 2 / bytes as u32 % 2,
                ..matrix(&[], rows, cols)
            };
            let codes = Codes {
                data: data.cast(),
                rows,
                cols,
                row_stride_bytes: cols,
                code_type: CodeType::U8 as u32,
                reserved: 0,
            };
            let values = if bytes == 1 { none } else { values };
            LoraFactor { values, codes, scale: scale.as_ptr(), zero_point: zero_point.as_ptr() }
        };
        for b_is_transposed in [0, 1] {
            let (rows, cols) = if b_is_transposed == 1 { (rank, n) } else { (n, rank) };
            let adapters: Vec<LoraAdapter> = (0..count)
                .map(|i| (factor(2 * i * half, rank, n), factor((2 * i + 1) * half, rows, cols)))
                .map(|(a, b)| LoraAdapter { a, b, scale: 1e-3, b_is_transposed })
                .collect();
            let mut room = 0;
            // SAFETY: the pointers are to live values.
            ok(unsafe {
                ptqk_lora_apply_workspace_size(null(), adapters.as_ptr(), count, 1, &mut room)
            });
            let mut workspace = vec![0_u8; room];
            let (x, y) = (matrix(&x, 1, n), matrix_mut(&mut y, 1, n));
            let form = if b_is_transposed == 1 { "transposed" } else { "" };
            report(&format!("apply {name} {form}"), 7, || {
                for call in 0..CALLS {
                    let segment = LoraSegment { adapter: call % count, first_row: 0, rows: 1 };
                    let (at, all) = (workspace.as_mut_ptr().cast(), adapters.as_ptr());
                    // SAFETY: all buffers have the sizes of the queries.
                    ok(unsafe {
                        ptqk_lora_apply(null(), all, count, &segment, 1, &x, &y, at, room)
                    });
                }
            });
        }
    }
}

fn main() {
    for (rank, total) in [(8, 0), (64, 0), (64, 512 << 20)] {
        apply(4096, rank, total);
    }
    let only = std::env::var("PTQK_BENCH_ROWS").ok().and_then(|n| n.parse().ok());
    for n in only.map_or(vec![1024, 2048, 4096], |n| vec![n]) {
        for rank in [8, 256] {
            correction(n, rank, if n > 2048 { 3 } else { 7 });
        }
    }
}
