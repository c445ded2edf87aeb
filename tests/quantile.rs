//! Exact quantiles against sorting, on every tier.

#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

#[path = "common/rng.rs"]
mod rng;

use ptqk::algorithms::quantile::{Passes, quantiles, quantiles_with};
use ptqk::dispatch;
use ptqk::kernels::Kernels;
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

    fn visit(&self, _: &Kernels, f: &mut dyn FnMut(&[f32])) {
        let (mut rest, mut size) = (self.0, 0);
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(size.min(rest.len()));
            f(piece);
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
    for n in 0..200 {
        for (name, mut values) in data(&mut rng, n) {
            if n > 3 {
                values[n / 3] = f32::NAN;
            }
            for limits in
                [(-0.25, 0.5), (0.0, 0.0), (f32::NEG_INFINITY, f32::INFINITY), (1.0, -1.0)]
            {
                for room in [0, 3, 500] {
                    for magnitude in [false, true] {
                        let (mut want, mut got) = (vec![9.0; room], vec![9.0; room]);
                        let counts = scalar.bracket(&values, limits, magnitude, &mut want);
                        for k in dispatch::available() {
                            let found = k.bracket(&values, limits, magnitude, &mut got);
                            assert_eq!(found, counts, "{name} {n} {limits:?} {:?}", k.isa());
                            let bits =
                                |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                            assert_eq!(bits(&got), bits(&want), "{name} {n} {:?}", k.isa());
                        }
                    }
                }
            }
        }
    }
}
