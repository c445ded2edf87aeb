//! Exact quantiles against sorting, on every tier.

#![cfg(feature = "range")]
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
#![allow(unsafe_code, reason = "the C border")]

#[path = "common/rng.rs"]
mod rng;
#[path = "common/threads.rs"]
mod threads;

use half::{bf16, f16};
use ptqk::algorithms::quantile::{Passes, quantiles, quantiles_with};
use ptqk::dispatch;
use ptqk::ffi::{Ctx, Matrix, QuantileParams, Status, ptqk_quantile};
use ptqk::kernels::Kernels;
use ptqk::views::Run;
use rng::Rng;

/// The definition: sorted, then linear between two neighbours in f64.
fn want(values: &[f32], magnitude: bool, p: f64) -> f64 {
    if values.is_empty() || values.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    let mut sorted: Vec<f64> =
        values.iter().map(|x| f64::from(if magnitude { x.abs() } else { *x })).collect();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() - 1) as f64 * p;
    let rank = place as usize;
    let (low, high) = (sorted[rank], sorted[(rank + 1).min(sorted.len() - 1)]);
    let share = place - rank as f64;
    match share {
        _ if low == high => low + 0.0,
        share if share < 0.5 => low + (high - low) * share + 0.0,
        share => high - (high - low) * (1.0 - share) + 0.0,
    }
}

/// Data of every character that a selection can stumble over.
fn data(rng: &mut Rng, n: usize) -> Vec<(&'static str, Vec<f32>)> {
    let mut make = |f: &mut dyn FnMut(&mut Rng, usize) -> f32| -> Vec<f32> {
        (0..n).map(|i| f(rng, i)).collect()
    };
    vec![
        ("uniform", make(&mut |r, _| r.uniform())),
        ("heavy tails", make(&mut |r, _| 1.0 / r.uniform())),
        ("two values", make(&mut |r, _| (r.next() % 2) as f32)),
        ("mostly zero", make(&mut |r, _| if r.next() % 50 == 0 { r.uniform() } else { 0.0 })),
        ("zeros of both signs", make(&mut |r, _| if r.next() % 2 == 0 { 0.0 } else { -0.0 })),
        ("ascending", make(&mut |_, i| i as f32)),
        ("descending", make(&mut |_, i| -(i as f32))),
        (
            "all exponents",
            make(&mut |r, _| {
                let x = f32::from_bits(r.next());
                if x.is_nan() { 0.0 } else { x }
            }),
        ),
        ("saw", make(&mut |_, i| (i % 384) as f32)),
        (
            "infinities",
            make(&mut |r, _| [1.0, f32::INFINITY, f32::NEG_INFINITY][r.next() as usize % 3]),
        ),
        ("one", make(&mut |_, _| -7.25)),
    ]
}

const PROBABILITIES: [f64; 9] = [0.0, 1e-4, 0.01, 0.25, 0.5, 0.75, 0.9, 0.9999, 1.0];

fn check(k: &Kernels, name: &str, values: &[f32]) {
    for magnitude in [false, true] {
        let mut out = [0.0; PROBABILITIES.len()];
        quantiles(k, values, magnitude, &PROBABILITIES, &mut out);
        let mut with = [0.0; PROBABILITIES.len()];
        let mut scratch = vec![0.0; 5000];
        quantiles_with(k, values, magnitude, &PROBABILITIES, &mut scratch, &mut with);
        for ((p, out), with) in PROBABILITIES.iter().zip(out).zip(with) {
            let want = want(values, magnitude, *p);
            let same = |x: f64| x.to_bits() == want.to_bits() || x.is_nan() && want.is_nan();
            let what = || format!("{name} n {} p {p} {magnitude} {:?}", values.len(), k.isa());
            assert!(same(out), "{}: {out:e}, not {want:e}", what());
            assert!(same(with), "scratch, {}: {with:e}, not {want:e}", what());
        }
    }
}

#[test]
fn quantiles_are_those_of_the_sorted_values() {
    let mut rng = Rng(3);
    for n in [0, 1, 2, 3, 31, 64, 65, 100, 383, 384, 385, 1000, 5001, 40_000] {
        for (name, values) in data(&mut rng, n) {
            for k in dispatch::available() {
                check(k, name, &values);
            }
        }
    }
}

#[test]
fn one_nan_is_enough() {
    for n in [1, 70, 3000] {
        for at in [0, n / 2, n - 1] {
            let mut values: Vec<f32> = (0..n).map(|i| i as f32).collect();
            values[at] = f32::NAN;
            for k in dispatch::available() {
                check(k, "NaN", &values);
            }
        }
    }
}

/// Values in pieces of odd sizes.
struct Pieces<'a>(&'a [f32]);

impl Passes for Pieces<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn visit(&self, _: &Kernels, _: usize, f: &mut dyn FnMut(Run<'_>)) {
        let (mut rest, mut size) = (self.0, 0);
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(size.min(rest.len()));
            f(Run::F32(piece));
            (rest, size) = (more, size + 1);
        }
    }
}

#[test]
fn pieces_are_the_whole() {
    let mut rng = Rng(4);
    for (name, values) in data(&mut rng, 7000) {
        for k in dispatch::available() {
            let (mut whole, mut pieces) = ([0.0; 9], [0.0; 9]);
            quantiles(k, &values[..], false, &PROBABILITIES, &mut whole);
            quantiles(k, &Pieces(&values), false, &PROBABILITIES, &mut pieces);
            assert_eq!(whole.map(f64::to_bits), pieces.map(f64::to_bits), "{name}");
        }
    }
}

#[test]
fn brackets_count_and_collect() {
    let mut rng = Rng(5);
    let scalar = dispatch::available().next().unwrap();
    let limits = [(-0.25, 0.5), (0.0, 0.0), (-0.0, 1.0), (f32::NEG_INFINITY, f32::INFINITY)];
    // The last have nothing but NaN between them.
    let limits = limits.into_iter().chain([(f32::INFINITY, f32::NEG_INFINITY)]);
    for n in 0..200 {
        for (name, mut values) in data(&mut rng, n) {
            if n > 3 {
                values[n / 3] = f32::NAN;
            }
            let halves: Vec<f16> = values.iter().map(|x| f16::from_f32(*x)).collect();
            let brains: Vec<bf16> = values.iter().map(|x| bf16::from_f32(*x)).collect();
            for (at, limits) in limits.clone().enumerate() {
                for (room, magnitude) in [(0, false), (3, true), (40, n % 2 == 0), (500, at == 0)] {
                    let run = |k: &Kernels, dtype: usize| {
                        let mut kept = vec![9.0; room];
                        let found = match dtype {
                            0 => k.bracket(&values, &[], limits, magnitude, &mut kept),
                            1 => k.bracket_f16(&halves, &[], limits, magnitude, &mut kept),
                            _ => k.bracket_bf16(&brains, &[], limits, magnitude, &mut kept),
                        };
                        let bits = kept[..found[1].min(room)].iter().map(|x| x.to_bits());
                        (found, bits.map(|x| if x << 1 > 0xFF00_0000 { 1 } else { x }).collect())
                    };
                    for dtype in 0..3 {
                        let want: ([usize; 2], Vec<u32>) = run(scalar, dtype);
                        for k in dispatch::available() {
                            let what = format!("{name} {n} {limits:?} {dtype} {:?}", k.isa());
                            assert_eq!(run(k, dtype), want, "{what}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn ranks_are_counts_of_less() {
    let mut rng = Rng(6);
    for n in 0..100 {
        for (name, mut values) in data(&mut rng, n) {
            if n % 3 == 2 {
                values[n / 2] = f32::NAN;
            }
            let less = |x: &f32| values.iter().filter(|y| *y < x).count() as i32;
            let want: Vec<i32> = values.iter().map(less).collect();
            for k in dispatch::available() {
                let mut ranks = vec![-1; n];
                k.ranks(&values, &mut ranks);
                assert_eq!(ranks, want, "{name} {n} {:?}", k.isa());
            }
        }
    }
}

/// Through the C border, with room for `scratch` floats.
fn whole(ctx: &Ctx, src: &Matrix, p: &[f64], scratch: usize) -> (Status, Vec<f32>) {
    let (mut scratch, mut out) = (vec![f32::NAN; scratch], vec![7.0; p.len()]);
    let (at, room, to) = (scratch.as_mut_ptr(), scratch.len(), out.as_mut_ptr());
    let params = QuantileParams::DEFAULT;
    // SAFETY: all buffers have the sizes that are given.
    let status = unsafe { ptqk_quantile(ctx, &params, src, p.as_ptr(), p.len(), at, room, to) };
    (status, out)
}

/// A tensor that is cut into parts, in rows that follow each other or do not.
#[test]
fn parts_threads_and_room_change_no_bit() {
    const N: usize = 3 << 18;
    const P: [f64; 3] = [1e-4, 0.5, 0.999];
    let mut rng = Rng(7);
    let kinds = ["uniform", "mostly zero", "ascending", "infinities"];
    for (kind, mut values) in data(&mut rng, N).into_iter().filter(|x| kinds.contains(&x.0)) {
        for nan in [false, true] {
            if nan {
                values[N - 5] = f32::NAN;
            }
            // Of a view with a gap, every row but the last has one element that does not count.
            for (rows, cols, gap) in [(1, N, 0), (3, N / 3 - 1, 1), (N / 512, 511, 1)] {
                let seen: Vec<f32> =
                    values.chunks(cols + gap).flat_map(|row| &row[..cols]).copied().collect();
                let want = P.map(|p| want(&seen, false, p));
                let want = want.map(|x| x as f32).map(f32::to_bits);
                let data = values.as_ptr().cast();
                let src =
                    Matrix { data, rows, cols, row_stride: cols + gap, dtype: 0, reserved: 0 };
                for (threads, scratch) in [(1, 0), (3, 5000), (2, N / 5)] {
                    let ctx = threads::on_threads(threads);
                    let (status, out) = whole(&ctx, &src, &P, scratch);
                    assert_eq!(status, Status::Ok);
                    let same = out.iter().zip(want).all(|(x, want)| {
                        x.to_bits() == want || x.is_nan() && f32::from_bits(want).is_nan()
                    });
                    assert!(same, "{kind} {rows} x {cols}, NaN: {nan}, room {scratch}: {out:?}");
                }
            }
        }
    }
}

/// Counts in `user`, and stops.
unsafe extern "C" fn stop(ctx: *const Ctx, done: u64, all: u64) -> i32 {
    assert!(done <= all);
    // SAFETY: the counter of the test outlives the call.
    unsafe { *(*ctx).user.cast::<u32>() += 1 };
    1
}

#[test]
fn a_whole_tensor_reports_and_stops() {
    let values = vec![0.5_f32; 17 << 18];
    let mut calls = 0_u32;
    let user = (&raw mut calls).cast();
    let ctx = Ctx { user, progress: Some(stop), ..Ctx::DEFAULT };
    let view = |cols| {
        let data = values.as_ptr().cast();
        Matrix { data, rows: 1, cols, row_stride: cols, dtype: 0, reserved: 0 }
    };
    // What is done already is not stopped.
    assert_eq!(whole(&ctx, &view(1000), &[0.5], 0), (Status::Ok, vec![0.5]));
    assert_eq!(calls, 1);
    let (status, out) = whole(&ctx, &view(values.len()), &[0.5], 0);
    assert_eq!((status, out, calls), (Status::Cancelled, vec![7.0], 2));
}
