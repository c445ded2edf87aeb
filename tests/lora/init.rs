//! Adapters to train from: the best ones of their rank for the matrix that the header names.

use crate::calls::MODES;
use crate::layer::{Compressed, F32, Layer, RANDOM, init, product, try_init};
use crate::stored::{Stored, transposed};
use crate::tables::on_every_table;
use crate::threads::with_threads;
use ptqk::ffi::*;
use std::ffi::{CStr, c_void};
use std::ptr::null;

fn settings(from: &Compressed, adapter_rank: u32, kind: u32) -> LoraInitParams {
    LoraInitParams { adapter_rank, kind, weights: from.params, ..LoraInitParams::DEFAULT }
}

/// The matrix of `PTQK_LORA_INIT_KIND_RANDOM`, `[out, in]`, for scales that are f32.
fn random(from: &Compressed, group: usize, seed: u64) -> Vec<f32> {
    let (rows, cols) = (from.codes().rows, from.codes().cols);
    let mut words = vec![0; rows * cols];
    ptqk::dispatch::active().noise(seed, 0, &mut words);
    let by_column = from.params.reduction_axis == 0;
    let t: Vec<f32> = (0..rows * cols)
        .map(|i| {
            let (row, col) = (i / cols, i % cols);
            let at = if by_column { row / group * cols + col } else { (row * cols + col) / group };
            let scale = f32::from_bits(from.scale[at]);
            (words[i] >> 8) as f32 * (1.0 / 16_777_216.0) * scale / 100.0
        })
        .collect();
    if by_column { transposed(&t, rows, cols) } else { t }
}

fn squares(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().map(|x| x * x).sum()
}

/// What is left of `t` is orthogonal to both adapters, and both have the same products of their vectors: the
/// singular values.
fn check(t: &[f32], (a, b): (&[f32], &[f32]), rank: usize, tolerance: f64) {
    let (inputs, outputs) = (a.len() / rank, b.len() / rank);
    let left: Vec<f64> =
        t.iter().zip(product(a, b, rank)).map(|(t, product)| f64::from(*t) - product).collect();
    let size = squares(t.iter().map(|x| f64::from(*x))).sqrt();
    let column = |j: usize| (0..outputs).map(move |o| f64::from(b[o * rank + j]));
    let row = |j: usize| a[j * inputs..(j + 1) * inputs].iter().map(|x| f64::from(*x));
    let mut last = f64::INFINITY;
    for j in 0..rank {
        let sigma = squares(row(j));
        assert!((squares(column(j)) - sigma).abs() <= tolerance * sigma, "vector {j}");
        assert!(sigma <= last * (1.0 + tolerance), "singular values descend");
        last = sigma;
        for other in 0..j {
            let (size_of, inner) = (
                (squares(row(other)) * sigma).sqrt(),
                [
                    row(j).zip(row(other)).map(|(x, y)| x * y).sum::<f64>(),
                    column(j).zip(column(other)).map(|(x, y)| x * y).sum::<f64>(),
                ],
            );
            assert!(inner.iter().all(|x| x.abs() <= tolerance * size_of), "{j}, {other}");
        }
        let along_a =
            left.chunks(inputs).map(|left| left.iter().zip(row(j)).map(|(l, a)| l * a).sum());
        assert!(squares(along_a).sqrt() <= tolerance * size * sigma.sqrt(), "A, vector {j}");
        let along_b = (0..inputs).map(|i| {
            let left = left.iter().skip(i).step_by(inputs);
            left.zip(column(j)).map(|(l, b)| l * b).sum::<f64>()
        });
        assert!(squares(along_b).sqrt() <= tolerance * size * sigma.sqrt(), "B, vector {j}");
    }
}

#[test]
fn residuals_of_every_mode_are_decomposed() {
    let layer = Layer::new(45, 64, 0, 61);
    for (i, mode) in MODES.iter().enumerate() {
        for axis in [1, 0] {
            let from = Compressed::new(&layer, mode, (16, axis), i as u32 % 3);
            let (a, b) = init(&settings(&from, 6, 0), &from);
            check(&from.error(), (&a, &b), 6, 1e-4);
        }
    }
}

#[test]
fn random_adapters_follow_the_scales() {
    for (outputs, inputs, group, axis) in [(45, 64, 16, 1), (40, 48, 16, 0), (64, 320, 32, 1)] {
        let mut layer = Layer::new(outputs, inputs, 0, 62);
        layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w *= (1 + i % 50) as f32);
        for mode in [MODES[2], MODES[3], MODES[6]] {
            let from = Compressed::new(&layer, &mode, (group as i32, axis), F32);
            let params = LoraInitParams { seed: 1 << 40 | 5, ..settings(&from, 40, RANDOM) };
            let (a, b) = init(&params, &from);
            check(&random(&from, group, params.seed), (&a, &b), 40, 1e-4);
        }
    }
    // The whole rank leaves nothing.
    let layer = Layer::new(30, 32, 0, 63);
    let from = Compressed::new(&layer, &MODES[3], (8, 1), F32);
    let (a, b) = init(&settings(&from, 30, RANDOM), &from);
    let want = random(&from, 8, 0);
    let most = want.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    for (got, want) in product(&a, &b, 30).into_iter().zip(want) {
        assert!((got - f64::from(want)).abs() < 1e-5 * f64::from(most), "{got}, {want}");
    }
}

#[test]
fn scales_of_eight_bits_count() {
    let layer = Layer::new(40, 64, 0, 64);
    for mode in MODES.iter().filter(|mode| mode.block > 0) {
        let from = Compressed::new(&layer, mode, (-1, 1), F32);
        let (a, b) = init(&settings(&from, 40, RANDOM), &from);
        let size = product(&a, &b, 40).into_iter().fold(0.0, f64::max);
        // Weights of about 3, and codes of up to 57344.
        assert!(size > 1e-7 && size < 0.05, "{}: {size}", mode.name);
    }
}

#[test]
fn bytes_are_the_same_everywhere() {
    for (outputs, inputs, rank, mode, group) in
        [(40, 64, 7, &MODES[2], 16), (150, 320, 12, &MODES[3], -1), (160, 150, 70, &MODES[2], 30)]
    {
        let layer = Layer::new(outputs, inputs, 0, 65);
        let from = Compressed::new(&layer, mode, (group, 1), F32);
        for kind in [0, RANDOM] {
            let params = settings(&from, rank, kind);
            let mut first = None;
            on_every_table(|isa| {
                let adapters = init(&params, &from);
                let want = first.get_or_insert_with(|| adapters.clone());
                assert!(adapters == *want, "table {isa}, {params:?}");
                with_threads(|threads, ctx| {
                    let adapters = try_init(ctx, &params, &from, F32).unwrap();
                    assert!(adapters == *want, "table {isa}, {threads} threads");
                });
            });
        }
    }
}

#[test]
fn adapters_come_in_every_type() {
    let layer = Layer::new(30, 48, 0, 66);
    let from = Compressed::new(&layer, &MODES[3], (16, 1), F32);
    let params = settings(&from, 9, 0);
    let (a, b) = init(&params, &from);
    for dtype in [1, 2] {
        let rounded = |x: &[f32]| Stored::new(x, 1, x.len(), dtype).values();
        assert_eq!(try_init(null(), &params, &from, dtype), Ok((rounded(&a), rounded(&b))));
    }
}

unsafe extern "C" fn stop(ctx: *const Ctx, done: u64, _: u64) -> i32 {
    // SAFETY: the context is the one below.
    i32::from(done >= unsafe { (*ctx).user.addr() } as u64)
}

#[test]
fn a_call_can_be_cancelled() {
    let layer = Layer::new(20, 32, 0, 67);
    let from = Compressed::new(&layer, &MODES[2], (32, 1), F32);
    for kind in [0, RANDOM] {
        let user: *mut c_void = std::ptr::without_provenance_mut(1);
        let ctx = Ctx { user, progress: Some(stop), ..Ctx::DEFAULT };
        let result = try_init(&ctx, &settings(&from, 4, kind), &from, F32);
        assert_eq!(result, Err(Status::Cancelled), "kind {kind}");
    }
}

#[test]
fn what_is_not_finite_is_refused() {
    let layer = Layer::new(20, 32, 0, 68);
    let refused = |from: &Compressed, kind: u32, argument: &str, index: u64| {
        let mut detail = Detail::DEFAULT;
        let ctx = Ctx { detail: &raw mut detail, ..Ctx::DEFAULT };
        let result = try_init(&ctx, &settings(from, 4, kind), from, F32);
        assert_eq!(result, Err(Status::NotFinite), "{argument}");
        // SAFETY: the library gives static texts.
        let name = unsafe { CStr::from_ptr(detail.argument) };
        assert_eq!((name.to_str(), detail.index), (Ok(argument), index));
    };
    for bad in [f32::NAN, f32::INFINITY] {
        let mut from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
        from.weights_mut().set(5 * 32 + 7, bad);
        refused(&from, 0, "weights", 5 * 32 + 7);
        let mut from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
        from.scale[3] = bad.to_bits();
        refused(&from, 0, "scale", 3 * 16);
        refused(&from, RANDOM, "scale", 3 * 16);
    }
    // A singular value that f32 cannot hold.
    let mut from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
    (0..20 * 32).for_each(|i| from.weights_mut().set(i, 3e38));
    refused(&from, 0, "a", 0);
}
