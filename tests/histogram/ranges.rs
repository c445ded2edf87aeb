//! Ranges: what each method promises.

use crate::rng::Rng;
use crate::support::{Histogram, KINDS, STYLES, params, sample};
use ptqk::ffi::HistogramRangeParams;

const NNCF: u32 = 0;
const ENTROPY: u32 = 1;
const MSE: u32 = 2;
const PERCENTILE: u32 = 3;
const SYMMETRIC: u32 = 0;
const ASYMMETRIC: u32 = 1;

fn rules(method: u32, scheme: u32, levels: u32) -> HistogramRangeParams {
    HistogramRangeParams { method, scheme, levels, ..HistogramRangeParams::DEFAULT }
}

/// Mean squared error of the quantizer that `ptqk_quantizer_from_min_max` makes, without the move
/// that makes 0 a level.
fn error(x: &[f32], (low, high): (f32, f32), scheme: u32, levels: u32) -> f64 {
    let (low, high, n) = (f64::from(low), f64::from(high), f64::from(levels));
    let (first, step) = if scheme == SYMMETRIC && low < 0.0 {
        let step = high / ((n / 2.0).ceil() - 1.0);
        (-step * (n / 2.0).floor(), step)
    } else {
        let (low, high) = (low.min(0.0), high.max(0.0));
        (low, (high - low) / (n - 1.0))
    };
    let squares = x.iter().map(|x| {
        let x = f64::from(*x);
        let level = ((x - first) / step).round().clamp(0.0, n - 1.0);
        (first + level * step - x).powi(2)
    });
    squares.sum::<f64>() / x.len() as f64
}

fn largest(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |a, b| a.max(b.abs()))
}

/// Half of the elements in -1..1, the others with a tail that falls slowly.
fn heavy_tailed(len: usize) -> Vec<f32> {
    let mut rng = Rng(11);
    (0..len).map(|_| rng.normal() / rng.uniform().abs().max(2e-3)).collect()
}

#[test]
fn least_squares_beat_the_extremes() {
    let x = heavy_tailed(40_000);
    let ends = (x.iter().copied().fold(0.0, f32::min), x.iter().copied().fold(0.0, f32::max));
    for kind in KINDS {
        let histogram = Histogram::of(kind, 2048, &x);
        for levels in [16, 256] {
            let all = error(&x, (-largest(&x), largest(&x)), SYMMETRIC, levels);
            let best = histogram.range(&rules(MSE, SYMMETRIC, levels));
            let mse = error(&x, best, SYMMETRIC, levels);
            assert!(mse < 0.98 * all, "{levels} levels: {mse} of {all}");
            assert!(best.1 < largest(&x));
            // No other limit is much better.
            for share in 1..=200 {
                let limit = largest(&x) * share as f32 / 200.0;
                let other = error(&x, (-limit, limit), SYMMETRIC, levels);
                assert!(mse <= other * 1.05, "{levels} levels: {best:?}, {limit}");
            }
            let both = histogram.range(&rules(MSE, ASYMMETRIC, levels));
            let all = error(&x, ends, ASYMMETRIC, levels);
            assert!(error(&x, both, ASYMMETRIC, levels) < 0.98 * all);
        }
    }
}

/// Two elements of many are far away: cutting them off costs less than what all others gain.
#[test]
fn outliers_are_cut_off() {
    let mut rng = Rng(12);
    let mut x: Vec<f32> = (0..400_000).map(|_| rng.normal()).collect();
    x[17] = 30.0;
    x[18] = -27.0;
    for kind in KINDS {
        let histogram = Histogram::of(kind, 2048, &x);
        for (method, levels) in [(ENTROPY, 16), (ENTROPY, 256), (MSE, 16), (MSE, 256)] {
            for scheme in [SYMMETRIC, ASYMMETRIC] {
                let (low, high) = histogram.range(&rules(method, scheme, levels));
                assert!(-27.0 < low && high < 30.0, "{method} {levels}: {low}..{high}");
                assert!(low < -1.5 && high > 1.5, "{method} {levels}: {low}..{high}");
                let got = error(&x, (low, high), scheme, levels);
                let all = if scheme == SYMMETRIC { (-30.0, 30.0) } else { (-27.0, 30.0) };
                let all = error(&x, all, scheme, levels);
                assert!(got < all, "{method} {scheme} {levels}: {got} of {all}");
            }
        }
        let (low, high) = histogram.range(&HistogramRangeParams {
            percentile: 99.9,
            ..rules(PERCENTILE, ASYMMETRIC, 256)
        });
        assert!((-3.6..-3.0).contains(&low) && (3.0..3.6).contains(&high));
    }
}

#[test]
fn percentiles_of_a_known_distribution() {
    // 0, 1/n, .. (n - 1)/n: the share of elements below x is x.
    let n = 100_000;
    let x: Vec<f32> = (0..n).map(|i| i as f32 / n as f32).collect();
    let signed: Vec<f32> = x.iter().map(|x| 2.0 * x - 1.0).collect();
    for kind in KINDS {
        let (one, two) = (Histogram::of(kind, 2048, &x), Histogram::of(kind, 2048, &signed));
        for percentile in [50.0, 75.0, 90.0, 99.0, 99.9] {
            let range = |histogram: &Histogram, scheme| {
                let rules = rules(PERCENTILE, scheme, 256);
                histogram.range(&HistogramRangeParams { percentile, ..rules })
            };
            let (share, near) = (percentile / 100.0, |x: f32, want: f64| {
                assert!((f64::from(x) - want).abs() < 5e-5, "{percentile}: {x}, not {want}");
            });
            let (low, high) = range(&one, SYMMETRIC);
            near(low, 0.0);
            near(high, share);
            let (low, high) = range(&one, ASYMMETRIC);
            near(low, 0.5 - share / 2.0);
            near(high, 0.5 + share / 2.0);
            for scheme in [SYMMETRIC, ASYMMETRIC] {
                let (low, high) = range(&two, scheme);
                near(low, -share);
                near(high, share);
            }
        }
        let all = HistogramRangeParams { percentile: 100.0, ..rules(PERCENTILE, ASYMMETRIC, 256) };
        assert_eq!(one.range(&all), (0.0, x[n - 1]));
    }
}

/// Every method, scheme and number of levels on every distribution: no more than the elements.
#[test]
fn ranges_stay_in_the_range() {
    let mut rng = Rng(13);
    for style in 0..STYLES {
        for kind in KINDS {
            for (n, len) in [(16, 1), (16, 400), (500, 20), (2048, 3000)] {
                let x = sample(&mut rng, style, len);
                let low = x.iter().copied().fold(f32::INFINITY, f32::min);
                let high = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let histogram = Histogram::of(kind, n, &x);
                for method in [NNCF, ENTROPY, MSE, PERCENTILE] {
                    for scheme in [SYMMETRIC, ASYMMETRIC] {
                        for levels in [4, 5, 16, 255, 65536] {
                            let rules = rules(method, scheme, levels);
                            let (a, b) = histogram.range(&rules);
                            let name = format!("{style} {kind} {n} {rules:?}: {a}..{b}");
                            assert!(a.is_finite() && b.is_finite() && a <= b, "{name}");
                            if method == NNCF || scheme == ASYMMETRIC {
                                assert!(low <= a && b <= high, "{name}");
                            } else {
                                assert!(a == if low < 0.0 { -b } else { 0.0 }, "{name}");
                                assert!(b <= largest(&x), "{name}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn equal_elements() {
    for kind in KINDS {
        for value in [0.0, 3.5, -3.5, 5e-39, 1e30] {
            let histogram = Histogram::of(kind, 2048, &[value; 9]);
            for method in [NNCF, ENTROPY, MSE, PERCENTILE] {
                assert_eq!(histogram.range(&rules(method, ASYMMETRIC, 256)), (value, value));
                let want = match method {
                    NNCF => (value, value),
                    _ if value < 0.0 => (value, -value),
                    _ => (0.0, value),
                };
                assert_eq!(histogram.range(&rules(method, SYMMETRIC, 256)), want);
            }
        }
    }
}

/// More levels than bins leave nothing to gain for the divergence.
#[test]
fn few_bins_are_not_cut() {
    let mut rng = Rng(14);
    let x = sample(&mut rng, 0, 1000);
    for kind in KINDS {
        let mut histogram = Histogram::new(params(kind, 64));
        histogram.update(&x);
        let (low, high) = histogram.range(&rules(ENTROPY, ASYMMETRIC, 256));
        let summary = histogram.summary();
        assert_eq!((f64::from(low), f64::from(high)), (summary.min, summary.max));
        let (low, high) = histogram.range(&rules(ENTROPY, SYMMETRIC, 256));
        assert_eq!((low, high), (-largest(&x), largest(&x)));
    }
}
