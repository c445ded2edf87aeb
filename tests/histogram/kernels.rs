//! The kernels: every tier against the scalar one, and that against the definition.

use crate::rng::Rng;
use crate::support::{STYLES, sample};
use ptqk::dispatch;
use ptqk::kernels::{Bins, Counters, GridBins};

fn lengths() -> impl Iterator<Item = usize> {
    (0..=257).chain([600])
}

/// The edges of numpy, from `low` to `high`, with the numbers that go with them.
fn bins(edges: &mut Vec<f32>, low: f32, high: f32, n: usize) -> (f32, f32) {
    let (low, high) = (f64::from(low), f64::from(high));
    let step = (high - low) / n as f64;
    *edges = (0..=n).map(|i| (low + step * i as f64) as f32).collect();
    edges[n] = high as f32;
    let slack = (4.0 * n as f64 + 2.0 * low.abs().max(high.abs()) / step) / 16_777_216.0;
    let usual = step > 1e-30 && step < 1e30 && slack <= 0.25;
    (if usual { (n as f64 / (high - low)) as f32 } else { 0.0 }, slack as f32)
}

/// The definition.
fn bin(x: f32, edges: &[f32]) -> usize {
    (1..edges.len() - 1).filter(|i| edges[*i] <= x).count()
}

#[test]
fn tiers_count_by_the_edges() {
    let mut rng = Rng(1);
    for len in lengths() {
        for style in 0..STYLES {
            let mut x = sample(&mut rng, style, len.max(2));
            let low = x.iter().copied().fold(f32::INFINITY, f32::min);
            let high = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let n = [16, 37, 128][len % 3];
            let mut edges = Vec::new();
            let (inverse, slack) = bins(&mut edges, low, high, n);
            // Numbers on edges and next to them, too.
            for x in x.iter_mut().skip(2).step_by(5) {
                let edge = edges[rng.below(n + 1)];
                *x = [edge, edge.next_down(), edge.next_up()][rng.below(3)].clamp(low, high);
            }
            x.truncate(len);
            let mut want = vec![Counters::default(); n];
            for (i, x) in x.iter().enumerate() {
                want[bin(*x, &edges)][i % 4] += 1;
            }
            for k in dispatch::available() {
                for inverse in [inverse, 0.0] {
                    let mut counts = vec![Counters::default(); n];
                    k.histogram(&x, &Bins { edges: &edges, inverse, slack }, &mut counts);
                    assert_eq!(counts, want, "{:?} len {len} style {style}", k.isa());
                }
            }
        }
    }
}

#[test]
fn tiers_count_on_a_grid() {
    let mut rng = Rng(2);
    for len in lengths() {
        for (exponent, first) in [(0, -8), (-20, -3), (40, 5), (-126, -16_777_216), (126, -8)] {
            let width = 2.0_f64.powi(exponent);
            let mut x: Vec<f32> = (0..len)
                .map(|_| {
                    let cell = first + rng.below(16) as i64;
                    let x = (cell as f64 + f64::from(rng.uniform().abs())) * width;
                    (x as f32).clamp((first as f64 * width) as f32, f32::MAX)
                })
                .collect();
            // The smallest numbers, which underflow in units of a coarse grid.
            for (i, x) in x.iter_mut().enumerate() {
                match i % 7 {
                    0 if first < 0 && first > -9 => *x = [-1e-45, 1e-45, -0.0][i % 3],
                    1 => *x = (first as f64 * width) as f32,
                    _ => {}
                }
            }
            let cell = |x: f32| ((f64::from(x) / width).floor() as i64 - first) as usize;
            x.retain(|x| cell(*x) < 16);
            let mut want = vec![Counters::default(); 16];
            for (i, x) in x.iter().enumerate() {
                want[cell(*x)][i % 4] += 1;
            }
            let (width, first) = (width as f32, first as i32);
            let bins = GridBins { width, inverse: 1.0 / width, first };
            for k in dispatch::available() {
                let mut counts = vec![Counters::default(); 16];
                k.histogram_grid(&x, &bins, &mut counts);
                assert_eq!(counts, want, "{:?} len {len} 2^{exponent}", k.isa());
            }
        }
    }
}

#[test]
fn counters_keep_what_they_hold() {
    let edges: Vec<f32> = (0..=16).map(|i| i as f32).collect();
    for k in dispatch::available() {
        let mut counts = vec![[5, 6, 7, 8]; 16];
        k.histogram(&[3.5; 5], &Bins { edges: &edges, inverse: 1.0, slack: 1e-3 }, &mut counts);
        assert_eq!(counts[3], [7, 7, 8, 9]);
        assert_eq!(counts[2], [5, 6, 7, 8]);
    }
}
