//! What holds for every mode: the same bytes everywhere, codes that stand for what is said, losses that
//! are what they are said to be.

use crate::calls::{MODES, Mode};
use crate::layer::*;
use crate::stored::transposed;
use crate::tables::on_every_table;
use crate::threads::with_threads;
use ptqk::ffi::*;
use std::ffi::c_void;
use std::ptr::null;

/// Every mode, with its parts in the caller's order.
fn settings() -> Vec<GptqParams> {
    let mut all = Vec::new();
    for order in [NATURAL, DESCENDING] {
        for groups in [STATIC, UPDATED, BLOCK_START] {
            for passes in [0, 2] {
                let scale = if (order + groups + passes) % 3 == 0 { EXTREMES } else { SEARCH };
                let block_size = 40 + 7 * passes + groups;
                let params =
                    GptqParams { order, groups, passes, scale, block_size, ..GptqParams::DEFAULT };
                all.push(params);
            }
        }
    }
    all
}

/// Codes and scales that every table gives for every number of threads.
fn solve_everywhere(mode: &Mode, params: &GptqParams, layer: &Layer) -> Solution {
    let mut first: Option<Solution> = None;
    on_every_table(|isa| {
        let solution = solve(mode, params, layer);
        let want = first.get_or_insert_with(|| solution.clone());
        assert!(solution == *want, "table {isa}, {params:?}");
        with_threads(|threads, ctx| {
            let solution = try_solve(ctx, (mode, params), layer, F32).unwrap();
            assert!(solution == *want, "table {isa}, {threads} threads, {params:?}");
        });
    });
    first.unwrap()
}

#[test]
fn bytes_are_the_same_everywhere() {
    let layer = Layer::new(40, 64, 21);
    for (i, mode) in MODES.iter().enumerate() {
        for (j, setting) in settings().into_iter().enumerate() {
            // Each mode with some of the settings, each setting with some of the modes.
            if (i + j) % 6 == 0 {
                let weights = params(mode, if j % 2 == 0 { 32 } else { -1 }, 1).weights;
                solve_everywhere(mode, &GptqParams { weights, ..setting }, &layer);
            }
        }
    }
}

/// Estimated scales, in every mode whose scales can be any, from means of any type.
#[test]
fn estimated_scales() {
    let layer = Layer::new(37, 64, 31);
    for (i, mode) in MODES.iter().enumerate().filter(|(_, mode)| mode.block < 0) {
        let (order, groups) = (i as u32 % 2, i as u32 % 3);
        let group_size = [16, 32, -1][i % 3];
        let rows = GptqParams { order, groups, scale: ESTIMATION, ..params(mode, group_size, 1) };
        let want = solve_everywhere(mode, &rows, &layer);
        let extremes = solve(mode, &GptqParams { scale: EXTREMES, ..rows }, &layer);
        assert!(want.scale != extremes.scale, "{}", mode.name);
        let axis = WeightParams { reduction_axis: 0, ..rows.weights };
        let columns = solve(mode, &GptqParams { weights: axis, ..rows }, &layer);
        assert_eq!(want.dequantized, transposed(&columns.dequantized, 64, 37), "{}", mode.name);
        for dtype in [1, 2] {
            let through = |x: &Vec<f32>| {
                let round = |x: &f32| match dtype {
                    1 => half::f16::from_f32(*x).to_f32(),
                    _ => half::bf16::from_f32(*x).to_f32(),
                };
                x.iter().map(round).collect::<Vec<f32>>()
            };
            let (weights, means) = (through(&layer.weights), through(&layer.means));
            let rounded = Layer { weights, means, ..layer.clone() };
            let got = try_solve(null(), (mode, &rows), &layer, dtype).unwrap();
            assert!(got == solve(mode, &rows, &rounded), "{}, {dtype}", mode.name);
        }
        for bad in [f32::NAN, f32::NEG_INFINITY] {
            let mut layer = layer.clone();
            layer.means[70] = bad;
            let refused = refusal((mode, &rows), &layer);
            assert_eq!(refused, (Status::NotFinite, 70, "params.means".into()));
        }
    }
}

/// Weights whose errors have no finite square: without a penalty only those of the outputs count.
#[test]
fn estimated_scales_of_huge_weights() {
    let layer = Layer::new(37, 64, 32);
    let times = |weights: i32| {
        let product = |x: &[f32], exponent| x.iter().map(|x| x * 2_f32.powi(exponent)).collect();
        let (weights, means) = (product(&layer.weights, weights), product(&layer.means, -14));
        Layer { weights, means, ..layer.clone() }
    };
    for mode in MODES.iter().filter(|mode| mode.block < 0) {
        let mut rows = GptqParams { scale: ESTIMATION, passes: 0, ..params(mode, 32, 0) };
        rows.estimation.weight_penalty = 0.0;
        let (large, huge) = (solve(mode, &rows, &times(56)), solve(mode, &rows, &times(76)));
        let extremes = solve(mode, &GptqParams { scale: EXTREMES, ..rows }, &times(76));
        assert!(huge.codes == large.codes, "{}", mode.name);
        assert!(huge.codes != extremes.codes, "{}", mode.name);
    }
}

#[test]
fn blocks_do_not_show() {
    let layer = Layer::new(9, 96, 22);
    for mode in &MODES[..8] {
        for (order, groups) in [(NATURAL, STATIC), (DESCENDING, STATIC), (DESCENDING, UPDATED)] {
            // Groups are fitted where they fit into a block.
            for (group_size, passes) in [(24, 0), (24, 1), (-1, 0)] {
                let params = GptqParams { order, groups, passes, ..params(mode, group_size, 1) };
                let want = solve(mode, &GptqParams { block_size: 96, ..params }, &layer);
                for block_size in [1, 5, 12, 24, 50, 65536] {
                    if passes == 0 || block_size >= 24 {
                        let got = solve(mode, &GptqParams { block_size, ..params }, &layer);
                        assert!(got == want, "{}, {block_size}, {params:?}", mode.name);
                    }
                }
            }
        }
    }
}

#[test]
fn weights_may_lie_either_way() {
    let layer = Layer::new(45, 64, 23);
    for mode in &MODES {
        for setting in settings() {
            let weights = params(mode, 16, 0).weights;
            let rows = GptqParams { weights, ..setting };
            let axis = WeightParams { reduction_axis: 0, ..weights };
            let columns = GptqParams { weights: axis, ..setting };
            let (a, b) = (solve(mode, &rows, &layer), solve(mode, &columns, &layer));
            assert_eq!(a.dequantized, transposed(&b.dequantized, 64, 45), "{}", mode.name);
            assert_eq!((&a.loss, a.report), (&b.loss, b.report), "{}", mode.name);
            assert_eq!((&a.permutation, a.tensor_scale), (&b.permutation, b.tensor_scale));
            let values = decompressed(mode, &columns, &layer, &b);
            assert_eq!(values, b.dequantized, "{}", mode.name);
        }
    }
}

/// The values in the order of the weights.
fn in_order(params: &GptqParams, layer: &Layer, s: &Solution) -> Vec<f32> {
    if params.order == NATURAL || params.groups == STATIC {
        return s.dequantized.clone();
    }
    let n = layer.columns;
    let mut values = vec![f32::NAN; s.dequantized.len()];
    for (to, from) in values.chunks_mut(n).zip(s.dequantized.chunks(n)) {
        s.permutation.iter().zip(from).for_each(|(column, x)| to[*column as usize] = *x);
    }
    values
}

#[test]
fn every_mode_loses_less_than_the_nearest_codes() {
    let mut layer = Layer::new(33, 96, 24);
    layer.kill(11);
    for mode in &MODES {
        for setting in settings() {
            // With 4-byte scales, so that what is stored is what was rounded with.
            let weights = params(mode, 48, 0).weights;
            let params = GptqParams { weights, ..setting };
            let what = format!("{}, {params:?}", mode.name);
            let s = solve(mode, &params, &layer);
            assert_eq!(decompressed(mode, &params, &layer, &s), s.dequantized, "{what}");
            let values = in_order(&params, &layer, &s);
            let (got, plain) =
                (layer.objective(&values), layer.objective(&nearest(mode, &params, &layer)));
            assert!(got < plain, "{what}: {got}, {plain}");

            let mut damped = layer.clone();
            for i in 0..96 {
                damped.hessian[i * 97] += s.report.damping + if i == 11 { 1.0 } else { 0.0 };
            }
            damped.weights.iter_mut().skip(11).step_by(96).for_each(|w| *w = 0.0);
            let loss = damped.objective(&values) * values.len() as f64;
            assert!((s.report.loss / loss - 1.0).abs() < 2e-3, "{what}: {loss}, {:?}", s.report);
            let sum: f64 = s.loss.iter().map(|x| f64::from(*x)).sum();
            assert_eq!(sum, s.report.loss, "{what}");
        }
    }
}

#[test]
fn passes_lose_less_and_less() {
    let layer = Layer::new(20, 96, 25);
    for mode in &MODES {
        for (order, groups) in [(DESCENDING, STATIC), (NATURAL, UPDATED), (DESCENDING, UPDATED)] {
            let params = GptqParams { order, groups, ..params(mode, 48, 1) };
            let losses = [0, 1, 2, 4, 64]
                .map(|passes| solve(mode, &GptqParams { passes, ..params }, &layer).report.loss);
            assert!(losses.is_sorted_by(|a, b| b <= &(a * 1.0001)), "{}: {losses:?}", mode.name);
            assert!(losses[1] < losses[0], "{}: {losses:?}", mode.name);
        }
    }
}

#[test]
fn weights_of_16_bits() {
    let layer = Layer::new(37, 64, 26);
    for dtype in [1, 2] {
        let mut rounded = layer.clone();
        rounded.weights.iter_mut().for_each(|w| {
            *w = if dtype == 1 {
                half::f16::from_f32(*w).to_f32()
            } else {
                half::bf16::from_f32(*w).to_f32()
            };
        });
        for (mode, axis) in [(&MODES[2], 0), (&MODES[3], 1), (&MODES[9], 0)] {
            for groups in [STATIC, UPDATED] {
                let mut params = GptqParams { groups, ..params(mode, 16, 1) };
                params.weights.reduction_axis = axis;
                let got = try_solve(null(), (mode, &params), &layer, dtype).unwrap();
                assert!(got == solve(mode, &params, &rounded), "{}, {dtype}", mode.name);
            }
        }
    }
}

#[test]
fn empty_weights() {
    let mode = &MODES[2];
    for (channels, columns) in [(0, 32), (3, 0), (0, 0)] {
        let layer =
            Layer { hessian: vec![1.0; columns * columns], ..Layer::new(channels, columns, 27) };
        let mut layer = layer;
        (0..columns).for_each(|i| layer.hessian[i * columns + i] = 2.0);
        for passes in [0, 2] {
            let params = GptqParams { passes, ..params(mode, -1, 1) };
            let s = solve(mode, &params, &layer);
            assert_eq!(s.report.loss, 0.0);
            assert_eq!(s.loss, vec![0.0; channels]);
        }
    }
}

#[test]
fn damping_grows_until_there_is_a_factor() {
    let mode = &MODES[2];
    // One direction only: without damping there is no factor.
    let mut layer = Layer::new(4, 40, 28);
    for i in 0..40 {
        for j in 0..40 {
            layer.hessian[i * 40 + j] = ((i + 1) * (j + 1)) as f32 * 0.25;
        }
    }
    let params = GptqParams { damp_percent: 0.0, ..params(mode, 8, 1) };
    let s = solve_everywhere(mode, &params, &layer);
    assert!((1..8).contains(&s.report.redamps), "{:?}", s.report);
    let mean = (0..40).map(|i| f64::from(layer.diagonal(i))).sum::<f64>() / 40.0;
    let share = f64::from(s.report.damping) / mean;
    let want = 1e-6 * 10_f64.powi(s.report.redamps as i32 - 1);
    assert!((share / want - 1.0).abs() < 1e-6, "{share}, {want}");
    assert!(s.report.loss.is_finite());
    // The same share at once gives the same bytes.
    let once = GptqParams { damp_percent: share as f32, ..params };
    let again = solve(mode, &once, &layer);
    assert_eq!(again.report.redamps, 0);

    let bounded = GptqParams { max_redamps: s.report.redamps - 1, ..params };
    let refused = try_solve(null(), (mode, &bounded), &layer, F32);
    assert_eq!(refused, Err(Status::NotPositiveDefinite));
}

/// The place and the index of a refusal.
fn refusal((mode, params): (&Mode, &GptqParams), layer: &Layer) -> (Status, u64, String) {
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx { detail: &raw mut detail, ..Ctx::DEFAULT };
    let status = try_solve(&ctx, (mode, params), layer, F32).unwrap_err();
    // SAFETY: a constant of the library.
    let argument = unsafe { std::ffi::CStr::from_ptr(detail.argument) };
    (status, detail.index, argument.to_str().unwrap().to_owned())
}

#[test]
fn a_hessian_that_no_damping_helps_is_refused() {
    let sound = Layer::new(4, 30, 29);
    for (order, column) in [(NATURAL, 0), (NATURAL, 17), (DESCENDING, 0), (DESCENDING, 17)] {
        let mut layer = sound.clone();
        layer.hessian[column * 31] = -1.0;
        let params = GptqParams { order, max_redamps: 2, ..params(&MODES[2], -1, 1) };
        let (status, index, argument) = refusal((&MODES[2], &params), &layer);
        assert_eq!((status, argument.as_str()), (Status::NotPositiveDefinite, "hessian"));
        assert_eq!(index, column as u64, "{order}");
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut layer = sound.clone();
        layer.hessian[7 * 30 + 11] = bad;
        let params = params(&MODES[2], -1, 1);
        let how = (&MODES[2], &params);
        let finite = Status::NotFinite;
        assert_eq!(refusal(how, &layer), (finite, 7 * 30 + 11, "hessian".into()));
        let mut layer = sound.clone();
        layer.weights[2 * 30 + 5] = bad;
        assert_eq!(refusal(how, &layer), (finite, 2 * 30 + 5, "weights".into()));
    }
}

struct Progress {
    heard: Vec<(u64, u64)>,
    stop_at: usize,
}

unsafe extern "C" fn hear(ctx: *const Ctx, done: u64, total: u64) -> i32 {
    // SAFETY: the test made the context.
    let progress = unsafe { &mut *(*ctx).user.cast::<Progress>() };
    progress.heard.push((done, total));
    i32::from(progress.heard.len() == progress.stop_at)
}

#[test]
fn progress_and_cancellation() {
    let layer = Layer::new(40, 100, 30);
    let mode = &MODES[3];
    for passes in [0, 3] {
        let params = GptqParams { block_size: 30, passes, ..params(mode, 25, 1) };
        let run = |stop_at: usize| {
            let mut progress = Progress { heard: Vec::new(), stop_at };
            let user: *mut c_void = (&raw mut progress).cast();
            let ctx = Ctx { user, progress: Some(hear), ..Ctx::DEFAULT };
            let result = try_solve(&ctx, (mode, &params), &layer, F32);
            (result, progress.heard)
        };
        let (result, heard) = run(usize::MAX);
        assert!(result.unwrap() == solve(mode, &params, &layer));
        let walks = if passes == 0 { 1 } else { 5 };
        assert_eq!(*heard.last().unwrap(), (100 * walks, 100 * walks));
        assert!(heard.is_sorted() && heard.len() >= 4 * walks as usize, "{heard:?}");
        for stop_at in 1..heard.len() {
            assert_eq!(run(stop_at).0, Err(Status::Cancelled), "{stop_at}");
        }
        assert!(run(heard.len()).0.is_ok(), "all was done");
    }
}
