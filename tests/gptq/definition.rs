//! The solver against what the header says, one element after the other.

use crate::calls::{MODES, Mode};
use crate::layer::*;
use half::f16;
use ptqk::algorithms::linalg::cholesky::workspace_size;
use ptqk::algorithms::linalg::inverse_factor::inverse_factor;
use ptqk::dispatch;
use ptqk::ffi::{GptqParams, ScaleEstimationParams};
use ptqk::parallel::Exec;
use ptqk::params::matrix::Dtype;
use ptqk::scratch::Scratch;
use ptqk::views::MatrixViewMut;

/// Scale and zero point of a group, and the codes that they allow.
#[derive(Clone, Copy)]
struct Group {
    scale: f32,
    zero: f32,
    low: f32,
    high: f32,
    asymmetric: bool,
}

impl Group {
    /// From the extremes, as the header of `ptqk_compress_weights` has it.
    fn of(mode: &Mode, x: &[f32]) -> Self {
        let (low, high) =
            x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
        let guarded = |scale: f32| {
            let least = (-23_f32).exp2();
            if scale.abs() >= least { scale } else { least }
        };
        let half = (1 << (mode.bits - 1)) as f32;
        if !mode.is_asymmetric() {
            let largest = if low.abs() >= high { low.abs() } else { -high };
            let scale = guarded(largest / half);
            return Self { scale, zero: 0.0, low: -half, high: half - 1.0, asymmetric: false };
        }
        let (low, high, steps) = (low.min(0.0), high.max(0.0), 2.0 * half - 1.0);
        let scale = guarded((high - low) / steps);
        let zero = (-(low / scale).round_ties_even()).clamp(0.0, steps);
        Self { scale, zero, low: 0.0, high: steps, asymmetric: true }
    }

    fn code(&self, x: f32) -> f32 {
        let code = if self.asymmetric {
            (x / self.scale + self.zero).round_ties_even()
        } else {
            (x / self.scale).round_ties_even()
        };
        code.clamp(self.low, self.high)
    }

    fn value(&self, code: f32) -> f32 {
        (code - self.zero) * self.scale
    }

    /// The estimate that chooses between scales.
    fn loss(&self, x: &[f32], importance: &[f32]) -> f32 {
        let inverse = 1.0 / self.scale;
        x.iter().zip(importance).fold(0.0, |sum, (x, weight)| {
            let (low, high) = (self.low - self.zero, self.high - self.zero);
            let level = (x * inverse).clamp(low, high).round_ties_even();
            let distance = (-level).mul_add(self.scale, *x);
            (weight * distance).mul_add(distance, sum)
        })
    }
}

fn stored(params: &GptqParams, scale: f32) -> f32 {
    if params.stored_scales == 1 && params.weights.scale_dtype == 1 {
        let read = f16::from_f32(scale).to_f32();
        return if read.is_finite() && read != 0.0 { read } else { scale };
    }
    scale
}

/// What scales are chosen by: `1 / U[j][j]^2` of some columns, and the samples there.
struct Seen {
    importance: Vec<f32>,
    samples: Vec<Vec<f32>>,
    magnitude: Vec<f32>,
}

impl Seen {
    /// The columns of an order.
    fn new(params: &GptqParams, layer: &Layer, order: &[usize], importance: Vec<f32>) -> Self {
        let means: Vec<&[f32]> = layer.means.chunks(layer.columns).collect();
        let magnitude = |column: usize| means.iter().fold(0.0, |m, x| x[column].abs().max(m));
        let mut taken: Vec<usize> = (0..SAMPLES).collect();
        let subset = params.estimation.subset_size as usize;
        if subset > 0 && subset < SAMPLES {
            taken.sort_by_key(|i| std::cmp::Reverse(layer.token_counts[*i]));
            taken = taken.into_iter().step_by(SAMPLES / subset).collect();
        }
        let sample = |i: &usize| order.iter().map(|column| means[*i][*column]).collect();
        Self {
            importance,
            samples: taken.iter().map(sample).collect(),
            magnitude: order.iter().map(|column| magnitude(*column)).collect(),
        }
    }

    fn part(&self, of: std::ops::Range<usize>) -> Self {
        Self {
            importance: self.importance[of.clone()].to_vec(),
            samples: self.samples.iter().map(|x| x[of.clone()].to_vec()).collect(),
            magnitude: self.magnitude[of].to_vec(),
        }
    }
}

/// The scale whose codes change the outputs for the samples least.
fn estimate(params: &GptqParams, first: Group, x: &[f32], seen: &Seen) -> Group {
    let with = |scale: f32| Group { scale, ..first };
    let targets = |group: Group| x.iter().map(move |x| group.code(*x) - group.zero);
    let weights: Vec<f32> =
        targets(first).zip(&seen.magnitude).map(|(t, s)| if t == 0.0 { 0.0 } else { *s }).collect();
    let total = weights.iter().fold((-23_f32).exp2(), |sum, s| sum + s);
    let fitted = |group: Group| {
        targets(group).zip(x).zip(&weights).fold(0.0, |sum, ((t, x), weight)| {
            let t = if t == 0.0 { 0.001 } else { t.abs() };
            sum + x.abs() / t * (weight / total)
        })
    };
    let lost = |group: Group| {
        let errors: Vec<f32> = x.iter().map(|x| x - group.value(group.code(*x))).collect();
        let outputs = seen.samples.iter().fold(0.0, |sum, sample| {
            let y = sample.iter().zip(&errors).fold(0.0, |y, (x, e)| x.mul_add(*e, y));
            sum + y * y
        });
        let squares = errors.iter().fold(0.0, |sum, e| sum + e * e);
        let penalty = params.estimation.weight_penalty.max(0.0);
        outputs / seen.samples.len() as f32 + penalty * (squares / x.len() as f32)
    };
    let (mut best, mut least) = (first, lost(first));
    let mut attempt = |best: &mut Group, from: Group| {
        let candidate = with(stored(params, fitted(from).copysign(first.scale)));
        let loss = lost(candidate);
        if loss <= least && candidate.scale.abs() >= (-23_f32).exp2() {
            (*best, least) = (candidate, loss);
        }
    };
    for _ in 0..params.estimation.initial_steps {
        let from = best;
        attempt(&mut best, from);
    }
    for i in 0..params.estimation.scale_steps {
        let factor = (1.0 - 0.05 * f64::from(i)) as f32;
        attempt(&mut best, with(first.scale * factor));
    }
    best
}

fn take(mode: &Mode, params: &GptqParams, x: &[f32], seen: &Seen) -> Group {
    let group = Group::of(mode, x);
    let mut best = Group { scale: stored(params, group.scale), ..group };
    match params.scale {
        EXTREMES => return best,
        ESTIMATION => return estimate(params, best, x, seen),
        _ => (),
    }
    let mut least = f32::INFINITY;
    let hundredths = (55..=100).rev().chain((101..=105).rev());
    for factor in hundredths.map(|i| i as f32 / 100.0) {
        for sign in if group.asymmetric { &[1.0][..] } else { &[1.0, -1.0] } {
            let scale = stored(params, group.scale * (factor * sign));
            let trial = Group { scale, ..group };
            let loss = trial.loss(x, &seen.importance);
            if loss < least {
                (best, least) = (trial, loss);
            }
        }
    }
    best
}

/// What a layer becomes: codes and groups of each channel, and the losses.
struct Expected {
    codes: Vec<Vec<f32>>,
    groups: Vec<Vec<Group>>,
    order: Vec<usize>,
    loss: Vec<f32>,
}

fn expected(mode: &Mode, params: &GptqParams, layer: &Layer) -> Expected {
    let n = layer.columns;
    let size = if params.weights.group_size < 0 { n } else { params.weights.group_size as usize };
    let block = (params.block_size as usize).min(n);
    let mut order: Vec<usize> = (0..n).collect();
    if params.order == DESCENDING {
        order.sort_by(|a, b| layer.diagonal(*b).total_cmp(&layer.diagonal(*a)));
    }
    let alive = |x: f32| if x == 0.0 { 1.0 } else { x };
    let mean = (0..n).map(|i| f64::from(alive(layer.diagonal(i)))).sum::<f64>() / n as f64;
    let added = (f64::from(params.damp_percent) * mean) as f32;
    let damped = |i: usize, j: usize| {
        let h = layer.hessian[i * n + j];
        if i == j { alive(h) + added } else { h }
    };
    let mut u: Vec<f32> = (0..n * n).map(|i| damped(order[i / n], order[i % n])).collect();
    let mut memory = vec![0; workspace_size(n).unwrap()];
    // SAFETY: a square matrix.
    let view = unsafe { MatrixViewMut::new(u.as_mut_ptr().cast(), Dtype::F32, (n, n, n)) };
    let k = dispatch::active();
    inverse_factor(k, Exec::SERIAL, &mut Scratch::new(&mut memory), view).unwrap();

    let place_of = |column: usize| order.iter().position(|c| *c == column).unwrap();
    let is_static = params.groups == STATIC;
    let importance: Vec<f32> =
        (0..n).map(|i| (1.0 / u[i * n + i]) * (1.0 / u[i * n + i])).collect();
    let by_column: Vec<f32> = (0..n).map(|column| importance[place_of(column)]).collect();
    let natural_order: Vec<usize> = (0..n).collect();
    let by_column = Seen::new(params, layer, &natural_order, by_column);
    let by_place = Seen::new(params, layer, &order, importance);
    let diagonal: Vec<f32> = (0..n).map(|i| layer.diagonal(i)).collect();
    let mut all = Expected { codes: vec![], groups: vec![], order: order.clone(), loss: vec![] };
    for w in layer.weights.chunks(n) {
        let weight = |column: usize| if diagonal[column] == 0.0 { 0.0 } else { w[column] };
        let natural: Vec<f32> = (0..n).map(weight).collect();
        let mut w: Vec<f32> = order.iter().map(|column| natural[*column]).collect();
        let mut groups: Vec<Option<Group>> = vec![None; n / size];
        if is_static {
            for (g, group) in groups.iter_mut().enumerate() {
                let of = g * size..(g + 1) * size;
                *group = Some(take(mode, params, &natural[of.clone()], &by_column.part(of)));
            }
        }
        let mut at_start = w.clone();
        let (mut codes, mut loss) = (vec![0.0; n], 0.0);
        for j in 0..n {
            if j % block == 0 {
                at_start = w.clone();
            }
            let g = if is_static { order[j] / size } else { j / size };
            let group = *groups[g].get_or_insert_with(|| {
                let of = j..j + size;
                let from = if params.groups == UPDATED { &w } else { &at_start };
                take(mode, params, &from[of.clone()], &by_place.part(of))
            });
            codes[j] = group.code(w[j]);
            let error = (w[j] - group.value(codes[j])) * (1.0 / u[j * n + j]);
            loss += error * error;
            for i in j + 1..n {
                w[i] = (-u[j * n + i]).mul_add(error, w[i]);
            }
        }
        // From here on in the order in which the codes are stored.
        let lies: Vec<usize> = if is_static { (0..n).collect() } else { order.clone() };
        if is_static {
            codes = (0..n).map(|column| codes[place_of(column)]).collect();
        }
        let mut groups: Vec<Group> = groups.into_iter().map(Option::unwrap).collect();
        if params.passes > 0 {
            let h = |i: usize, j: usize| damped(lies[i], lies[j]);
            let w: Vec<f32> = lies.iter().map(|column| natural[*column]).collect();
            let may_fit = size <= block;
            loss = polish(params, (&w, &h), (&mut codes, &mut groups), (size, may_fit));
        }
        all.codes.push(codes);
        all.groups.push(groups);
        all.loss.push(loss);
    }
    all
}

/// Coordinate descent; gives the loss.
fn polish(
    params: &GptqParams,
    (w, h): (&[f32], &dyn Fn(usize, usize) -> f32),
    (codes, groups): (&mut [f32], &mut [Group]),
    (size, may_fit): (usize, bool),
) -> f32 {
    let n = w.len();
    let mut gradient = vec![0.0_f32; n];
    let follow = |gradient: &mut [f32], of: std::ops::Range<usize>, j: usize, change: f32| {
        for i in of {
            gradient[i] = h(j, i).mul_add(change, gradient[i]);
        }
    };
    let error = |codes: &[f32], groups: &[Group], j: usize| w[j] - groups[j / size].value(codes[j]);
    for j in 0..n {
        let e = error(codes, groups, j);
        follow(&mut gradient, 0..n, j, e);
    }
    for _ in 0..params.passes {
        // Where scales are not fitted, a column is a part of its own.
        let part = if may_fit { size } else { 1 };
        for first in (0..n).step_by(part) {
            let of = first..first + part;
            let group = &mut groups[first / size];
            let old: Vec<f32> = of.clone().map(|j| group.value(codes[j])).collect();
            if may_fit {
                let (mut slope, mut curvature) = (0.0, 0.0);
                for (i, q) in of.clone().zip(&old) {
                    let chain = |x, (j, q): (usize, &f32)| h(j, i).mul_add(*q, x);
                    let product = of.clone().zip(&old).fold(0.0, chain);
                    slope += q * gradient[i];
                    curvature += q * product;
                }
                let scale = stored(params, group.scale * (1.0 + slope / curvature));
                let change = scale / group.scale - 1.0;
                if change * (change * curvature - 2.0 * slope) < 0.0 {
                    group.scale = scale;
                }
                for (j, old) in of.clone().zip(&old) {
                    follow(&mut gradient, of.clone(), j, old - group.value(codes[j]));
                }
            }
            for j in of.clone() {
                let q = group.value(codes[j]);
                codes[j] = group.code(q + gradient[j] * (1.0 / h(j, j)));
                follow(&mut gradient, of.clone(), j, q - group.value(codes[j]));
            }
            for (j, old) in of.clone().zip(&old) {
                let change = old - group.value(codes[j]);
                follow(&mut gradient, 0..of.start, j, change);
                follow(&mut gradient, of.end..n, j, change);
            }
        }
    }
    (0..n).fold(0.0, |sum, j| sum + error(codes, groups, j) * gradient[j])
}

fn check(mode: &Mode, params: &GptqParams, layer: &Layer) {
    let what = format!("{}, {params:?}, {} x {}", mode.name, layer.channels, layer.columns);
    let got = solve(mode, params, layer);
    let want = expected(mode, params, layer);
    let order: Vec<u32> = want.order.iter().map(|column| *column as u32).collect();
    assert_eq!(got.permutation, order, "{what}");
    let losses = got.loss.iter().zip(&want.loss).enumerate();
    losses.for_each(|(i, (got, want))| assert_eq!(got.to_bits(), want.to_bits(), "{i}, {what}"));
    let scales: Vec<f32> = if params.weights.scale_dtype == 0 {
        got.scale.chunks(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect()
    } else {
        got.scale.chunks(2).map(|b| f16::from_ne_bytes(b.try_into().unwrap()).to_f32()).collect()
    };
    let through = |scale: f32| {
        if params.weights.scale_dtype == 0 { scale } else { f16::from_f32(scale).to_f32() }
    };
    let groups: Vec<&Group> = want.groups.iter().flatten().collect();
    assert_eq!(scales, groups.iter().map(|g| through(g.scale)).collect::<Vec<_>>(), "{what}");
    if mode.is_asymmetric() {
        let zeros: Vec<u8> = groups.iter().map(|group| group.zero as u8).collect();
        assert_eq!(got.zero_point, zeros, "{what}");
    }
    // Codes by what they stand for.
    let n = layer.columns;
    let size = n / want.groups[0].len();
    for (i, (codes, groups)) in want.codes.iter().zip(&want.groups).enumerate() {
        for (j, code) in codes.iter().enumerate() {
            let group = &groups[j / size];
            let value = Group { scale: through(group.scale), ..*group }.value(*code);
            assert_eq!(got.dequantized[i * n + j], value, "{i}, {j}, {what}");
        }
    }
}

/// All integer modes, orders, kinds of groups and scales, blocks that fit groups and blocks that do not.
#[test]
fn solver_follows_the_definition() {
    let shapes = [(5, 48, 16), (33, 48, 24), (2, 70, -1), (3, 64, 32), (1, 1, -1), (3, 36, 6)];
    let mut seed = 0;
    for (channels, columns, group_size) in shapes {
        seed += 1;
        let mut layer = Layer::new(channels, columns, seed);
        if columns > 20 {
            layer.kill(7);
            layer.kill(20);
        }
        for (i, order) in [NATURAL, DESCENDING].into_iter().enumerate() {
            for groups in [STATIC, UPDATED, BLOCK_START] {
                let scales =
                    [(EXTREMES, 0), (SEARCH, 0), (SEARCH, 2), (EXTREMES, 1), (ESTIMATION, 0)];
                for (scale, passes) in scales {
                    for (j, block_size) in [1, 20, 32, 128].into_iter().enumerate() {
                        let mode = &MODES[(i + j + groups as usize + passes as usize) % 6];
                        let stored_scales = (j as u32 + groups) % 2;
                        let estimation = ScaleEstimationParams {
                            subset_size: [32, 6, 0, 13][j],
                            initial_steps: 5 - order,
                            scale_steps: 10 + 5 * groups,
                            weight_penalty: [-1.0, 0.5][j / 2],
                            ..ScaleEstimationParams::GPTQ
                        };
                        let params = GptqParams {
                            estimation,
                            order,
                            groups,
                            scale,
                            passes,
                            block_size,
                            stored_scales,
                            ..params(mode, group_size, (j as u32 / 2 + passes) % 2)
                        };
                        check(mode, &params, &layer);
                    }
                }
            }
        }
    }
}
