//! What holds for every mode: the same bytes everywhere, fits that are fits, noises that are what they are
//! said to be.

use crate::calls::MODES;
use crate::layer::*;
use crate::stored::Stored;
use crate::tables::on_every_table;
use crate::threads::with_threads;
use ptqk::ffi::*;
use std::ffi::c_void;
use std::ptr::null;

/// `|R - B A|^2 + |X (R - B A)|^2`, and the mean magnitude of the errors of the outputs, without a
/// correction and with it.
fn objective(from: &Compressed, c: &Corrected, rank: usize) -> (f64, f64, f64) {
    let (inputs, error, means) = (from.layer.inputs, from.error(), from.means());
    let left: Vec<f64> = error
        .iter()
        .zip(product(&c.a, &c.b, rank))
        .map(|(error, product)| f64::from(*error) - product)
        .collect();
    let (mut sum, mut before, mut after) = (left.iter().map(|x| x * x).sum::<f64>(), 0.0, 0.0);
    for x in means.chunks(inputs) {
        for (row, error) in left.chunks(inputs).zip(error.chunks(inputs)) {
            let output: f64 = row.iter().zip(x).map(|(e, x)| e * f64::from(*x)).sum();
            sum += output * output;
            after += output.abs();
            let output = error.iter().zip(x).map(|(e, x)| f64::from(*e) * f64::from(*x));
            before += output.sum::<f64>().abs();
        }
    }
    let count = (from.layer.samples * from.layer.outputs) as f64;
    (sum, before / count, after / count)
}

fn near(got: f64, want: f64, tolerance: f64) -> bool {
    (got - want).abs() <= tolerance * want.abs()
}

#[test]
fn every_mode_is_corrected() {
    let layer = Layer::new(45, 64, 9, 31);
    for (i, mode) in MODES.iter().enumerate() {
        for axis in [1, 0] {
            let from = Compressed::new(&layer, mode, (16, axis), i as u32 % 3);
            for regularized in [1, 0] {
                let params = LoraParams { apply_regularization: regularized, ..from.settings(5) };
                let c = correct(&params, &from);
                let what = format!("{}, axis {axis}, {params:?}", mode.name);
                let (_, before, after) = objective(&from, &c, 5);
                let LoraReport { noise_before, noise_decomposed, noise_after, samples } = c.report;
                assert_eq!((noise_before, noise_decomposed), (c.noises[0], c.noises[1]), "{what}");
                assert_eq!((noise_after, samples), (c.noises[7], 9), "{what}");
                assert!(near(f64::from(noise_before), before, 1e-4), "{what}: {before}");
                assert!(near(f64::from(noise_after), after, 1e-2), "{what}: {noise_after} {after}");
                assert!(noise_after < 0.7 * noise_before, "{what}: {:?}", c.noises);
            }
        }
    }
}

/// Each half of an iteration finds the best of its adapter, so that the objective never grows, and the last one
/// leaves nothing that its adapter could do.
#[test]
fn fits_are_the_best_ones() {
    let layer = Layer::new(40, 70, 12, 32);
    let from = Compressed::new(&layer, &MODES[2], (14, 1), F32);
    let rank = 6;
    let mut last = f64::INFINITY;
    for num_iterations in 0..6 {
        let c = correct(&LoraParams { num_iterations, ..from.settings(rank as u32) }, &from);
        let (sum, ..) = objective(&from, &c, rank);
        assert!(sum < last * (1.0 + 1e-6), "{num_iterations}: {sum} after {last}");
        last = sum;
        if num_iterations == 0 {
            continue;
        }
        let error = from.error();
        for (row, product) in error.chunks(70).zip(product(&c.a, &c.b, rank).chunks(70)).take(1) {
            assert!(row.iter().zip(product).any(|(e, p)| (f64::from(*e) - p).abs() > 1e-4));
        }
        // (R - B A)^T B = 0.
        for j in 0..rank {
            for input in 0..70 {
                let (mut sum, mut size) = (0.0, 0.0);
                for output in 0..40 {
                    let b = &c.b[output * rank..(output + 1) * rank];
                    let product: f64 =
                        (0..rank).map(|p| f64::from(b[p]) * f64::from(c.a[p * 70 + input])).sum();
                    let left = f64::from(error[output * 70 + input]) - product;
                    sum += left * f64::from(b[j]);
                    size += (left * f64::from(b[j])).abs();
                }
                assert!(sum.abs() < 1e-4 * size + 1e-9, "{num_iterations}: {sum} of {size}");
            }
        }
    }
}

/// The samples alone: no other adapter of that rank and row space comes nearer to the outputs.
#[test]
fn without_regularization_the_samples_are_fitted() {
    for (outputs, inputs, samples) in [(40, 70, 12), (30, 24, 60)] {
        let layer = Layer::new(outputs, inputs, samples, 33);
        let from = Compressed::new(&layer, &MODES[2], (-1, 1), F32);
        let params = LoraParams { apply_regularization: 0, ..from.settings(4) };
        let mut last = f32::INFINITY;
        for num_iterations in [0, 1, 3] {
            let c = correct(&LoraParams { num_iterations, ..params }, &from);
            assert!(c.report.noise_after <= last * 1.001, "{:?}", c.noises);
            last = c.report.noise_after;
        }
        // As many vectors as samples leave nothing.
        if samples < 24 {
            let c = correct(&from.settings(12), &from);
            let exact =
                correct(&LoraParams { apply_regularization: 0, ..from.settings(12) }, &from);
            assert!(
                exact.report.noise_after < 1e-4 * exact.report.noise_before,
                "{:?}",
                exact.noises
            );
            assert!(exact.report.noise_after < c.report.noise_after);
        }
    }
}

#[test]
fn bytes_are_the_same_everywhere() {
    for (outputs, inputs, rank, int8) in [(40, 64, 5, 1), (150, 160, 3, 0), (200, 144, 30, 1)] {
        let layer = Layer::new(outputs, inputs, 20, 34);
        for (i, mode) in [MODES[2], MODES[3], MODES[6]].iter().enumerate() {
            let from = Compressed::new(&layer, mode, (16, i as u32 % 2), F32);
            let params = LoraParams {
                use_int8_adapters: int8,
                subset_size: 8,
                apply_regularization: (i != 1).into(),
                ..from.settings(rank)
            };
            let mut first = None;
            on_every_table(|isa| {
                let c = correct(&params, &from);
                let want = first.get_or_insert_with(|| c.clone());
                assert!(c == *want, "table {isa}, {params:?}");
                with_threads(|threads, ctx| {
                    let c = try_correct(ctx, &params, &from, F32).unwrap();
                    assert!(c == *want, "table {isa}, {threads} threads");
                });
            });
        }
    }
}

#[test]
fn weights_may_lie_either_way() {
    let layer = Layer::new(45, 64, 9, 35);
    for mode in &MODES[..8] {
        let (rows, columns) = (
            Compressed::new(&layer, mode, (16, 1), F32),
            Compressed::new(&layer, mode, (16, 0), F32),
        );
        let (a, b) = (correct(&rows.settings(4), &rows), correct(&columns.settings(4), &columns));
        assert!(a == b, "{}", mode.name);
    }
}

#[test]
fn adapters_come_in_every_type() {
    let layer = Layer::new(30, 48, 7, 36);
    let from = Compressed::new(&layer, &MODES[3], (16, 1), F32);
    let plain = correct(&LoraParams { use_int8_adapters: 0, ..from.settings(3) }, &from);
    assert!(plain.a_codes.iter().all(|code| *code == 0xC5), "codes that nobody wanted");
    for dtype in [1, 2] {
        let narrow = try_correct(null(), &from.settings(3), &from, dtype).unwrap();
        let rounded = |x: &[f32]| Stored::new(x, 1, x.len(), dtype).values();
        assert_eq!((narrow.a, narrow.b), (rounded(&plain.a), rounded(&plain.b)));
    }
    let both = correct(&from.settings(3), &from);
    assert_eq!((&both.a, &both.b, &both.noises), (&plain.a, &plain.b, &plain.noises));
    let (codes, scale, zero) = eight_bits(&plain.a, 48);
    assert_eq!(
        (codes, scale, zero),
        (both.a_codes, both.scale[0].clone(), both.zero_point[0].clone())
    );
    let (codes, scale, zero) = eight_bits(&plain.b, 3);
    assert_eq!(
        (codes, scale, zero),
        (both.b_codes, both.scale[1].clone(), both.zero_point[1].clone())
    );
}

/// With one group per channel the samples that are left out do not matter.
#[test]
fn samples_are_taken_as_the_statistics_take_them() {
    let layer = Layer::new(24, 32, 21, 37);
    let from = Compressed::new(&layer, &MODES[2], (-1, 1), F32);
    let some = correct(&LoraParams { subset_size: 5, ..from.settings(4) }, &from);
    let mut order: Vec<usize> = (0..21).collect();
    order.sort_by_key(|i| std::cmp::Reverse(layer.counts[*i]));
    let taken: Vec<usize> = order.into_iter().step_by(21 / 5).collect();
    assert_eq!(some.report.samples as usize, taken.len());
    let mut fewer = layer.clone();
    fewer.samples = taken.len();
    fewer.means = taken.iter().flat_map(|i| &layer.means[i * 32..(i + 1) * 32]).copied().collect();
    let fewer = Compressed::new(&fewer, &MODES[2], (-1, 1), F32);
    let want = correct(&LoraParams { subset_size: 0, ..fewer.settings(4) }, &fewer);
    assert!(some == want);
}

#[test]
fn without_samples_the_error_is_decomposed() {
    let layer = Layer::new(36, 50, 0, 38);
    for mode in [MODES[2], MODES[6]] {
        let from = Compressed::new(&layer, &mode, (25, 1), F32);
        let all = correct(&from.settings(36), &from);
        let error = from.error();
        let size: f64 = error.iter().map(|x| f64::from(*x).powi(2)).sum();
        let left = |c: &Corrected, rank| {
            let product = product(&c.a, &c.b, rank);
            error.iter().zip(product).map(|(e, p)| (f64::from(*e) - p).powi(2)).sum::<f64>()
        };
        assert!(left(&all, 36) < 1e-10 * size, "the whole rank leaves nothing");
        assert_eq!((all.report.noise_before, all.report.noise_after), (0.0, 0.0));
        let mut last = size;
        for rank in [1, 5, 20] {
            let now = left(&correct(&from.settings(rank), &from), rank as usize);
            assert!(now < last, "rank {rank}: {now} after {last}");
            last = now;
        }
    }
}

#[test]
fn nothing_is_corrected_where_nothing_was_lost() {
    let mut layer = Layer::new(20, 32, 6, 39);
    let values = layer.weights.iter().enumerate();
    layer.weights =
        values.map(|(i, _)| if i % 32 == 0 { -8.0 } else { (i % 15) as f32 - 7.0 }).collect();
    let from = Compressed::new(&layer, &MODES[2], (32, 1), F32);
    assert!(from.error().iter().all(|x| *x == 0.0));
    for regularized in [1, 0] {
        let c =
            correct(&LoraParams { apply_regularization: regularized, ..from.settings(4) }, &from);
        assert!(c.noises.iter().all(|x| *x == 0.0), "{:?}", c.noises);
        assert!(product(&c.a, &c.b, 4).iter().all(|x| *x == 0.0));
        assert!(c.a.iter().chain(&c.b).all(|x| x.is_finite()));
    }
}

/// A few steps against the whole decomposition, which so much oversampling gives.
#[test]
fn a_few_steps_are_enough() {
    let layer = Layer::new(260, 300, 40, 40);
    for (mode, group) in [(MODES[2], 50), (MODES[3], -1), (MODES[4], 100)] {
        let from = Compressed::new(&layer, &mode, (group, 1), F32);
        for rank in [4, 8, 16] {
            let some = correct(&from.settings(rank), &from).report;
            let whole = correct(&LoraParams { oversampling: 1024, ..from.settings(rank) }, &from);
            let (some, whole) = (some.noise_after, whole.report.noise_after);
            assert!(some < 1.01 * whole, "{}, rank {rank}: {some}, {whole}", mode.name);
        }
    }
    let layer = Layer::new(250, 320, 40, 43);
    let from = Compressed::new(&layer, &MODES[2], (64, 1), F32);
    for rank in [50, 100] {
        let some = correct(&from.settings(rank), &from).report.noise_after;
        let whole = correct(&LoraParams { oversampling: 1024, ..from.settings(rank) }, &from);
        assert!(some < 1.01 * whole.report.noise_after, "rank {rank}: {some}, {:?}", whole.report);
    }
}

unsafe extern "C" fn stop(ctx: *const Ctx, done: u64, _: u64) -> i32 {
    // SAFETY: the context is the one below.
    i32::from(done >= unsafe { (*ctx).user.addr() } as u64)
}

#[test]
fn a_call_can_be_cancelled() {
    let layer = Layer::new(20, 32, 6, 41);
    let from = Compressed::new(&layer, &MODES[2], (32, 1), F32);
    for step in 1..5 {
        let user: *mut c_void = std::ptr::without_provenance_mut(step);
        let ctx = Ctx { user, progress: Some(stop), ..Ctx::DEFAULT };
        let result = try_correct(&ctx, &from.settings(4), &from, F32);
        assert_eq!(result.err(), Some(Status::Cancelled), "step {step}");
    }
}

/// A singular value that f32 holds, but not as the scale of codes, and one that it does not hold.
#[test]
fn adapters_that_their_types_cannot_hold_are_refused() {
    let layer = Layer::new(20, 32, 0, 43);
    let (mut one, mut all) =
        [0; 2].map(|_| Compressed::new(&layer, &MODES[2], (16, 1), F32)).into();
    for i in 0..20 * 32 {
        one.weights_mut().set(i, if i == 5 * 32 + 7 { 3e38 } else { 0.0 });
        all.weights_mut().set(i, 3e38);
    }
    one.codes.fill(0);
    for (from, use_int8_adapters, refused) in [(&one, 0, false), (&one, 1, true), (&all, 0, true)] {
        let mut detail = Detail::DEFAULT;
        let ctx = Ctx { detail: &raw mut detail, ..Ctx::DEFAULT };
        let settings = LoraParams { use_int8_adapters, ..from.settings(1) };
        let result = try_correct(&ctx, &settings, from, F32);
        assert_eq!(result.err(), refused.then_some(Status::NotFinite));
        if refused {
            // SAFETY: the library gives static texts.
            let name = unsafe { std::ffi::CStr::from_ptr(detail.argument) };
            assert!([c"outputs.a", c"outputs.b"].contains(&name), "{name:?}");
        }
    }
}

#[test]
fn what_is_not_finite_is_refused() {
    let layer = Layer::new(20, 32, 6, 42);
    let refused = |from: &Compressed, argument: &str, index: u64| {
        let mut detail = Detail::DEFAULT;
        let ctx = Ctx { detail: &raw mut detail, ..Ctx::DEFAULT };
        let result = try_correct(&ctx, &from.settings(4), from, F32);
        assert_eq!(result.err(), Some(Status::NotFinite), "{argument}");
        // SAFETY: the library gives static texts.
        let name = unsafe { std::ffi::CStr::from_ptr(detail.argument) };
        assert_eq!((name.to_str(), detail.index), (Ok(argument), index));
    };
    for bad in [f32::NAN, f32::INFINITY] {
        let mut from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
        from.weights_mut().set(5 * 32 + 7, bad);
        refused(&from, "weights", 5 * 32 + 7);
        let mut from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
        from.means_mut().set(3 * 32 + 1, bad);
        refused(&from, "means", 3 * 32 + 1);
        let mut from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
        from.scale[3] = bad.to_bits();
        refused(&from, "scale", 3 * 16);
    }
}
