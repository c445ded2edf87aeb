//! Orthogonal decompositions and least squares: by their residuals, as LAPACK tests its own, and
//! against spectra that are known.

use crate::rng::Rng;
use crate::threads::with_threads;
use ptqk::algorithms::linalg::gemm::Operand;
use ptqk::algorithms::linalg::least_squares::{self, add_gram, pseudo_inverse};
use ptqk::algorithms::linalg::lq::{self, lq};
use ptqk::algorithms::linalg::packed::Packed;
use ptqk::algorithms::linalg::svd::{self, Factors, svd};
use ptqk::algorithms::linalg::truncated_svd::{self, Iterations, Source, truncated_svd};
use ptqk::dispatch;
use ptqk::kernels::Kernels;
use ptqk::parallel::Exec;
use ptqk::scratch::Scratch;
use ptqk::views::MatrixView;

const EPS: f64 = f32::EPSILON as f64;

/// Rows of `n` elements.
#[derive(Clone, Debug, PartialEq)]
struct Rows {
    n: usize,
    values: Vec<f32>,
}

impl Rows {
    fn new(count: usize, n: usize) -> Self {
        Self { n, values: vec![f32::NAN; count * n] }
    }

    fn random(count: usize, n: usize, rng: &mut Rng) -> Self {
        Self { n, values: rng.many(count * n, Rng::normal) }
    }

    fn count(&self) -> usize {
        self.values.len().checked_div(self.n).unwrap_or(0)
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        f64::from(self.values[i * self.n + j])
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.n..(i + 1) * self.n]
    }

    fn view(&self) -> MatrixView<'_> {
        MatrixView::dense(&self.values, self.n)
    }

    fn norm(&self) -> f64 {
        self.values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
    }

    fn bits(&self) -> Vec<u32> {
        self.values.iter().map(|x| x.to_bits()).collect()
    }
}

fn inner(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// `|Q Q^T - I| / (n eps)`.
fn lost_orthogonality(q: &Rows) -> f64 {
    let mut worst = 0.0_f64;
    for i in 0..q.count() {
        for j in 0..=i {
            let want = if i == j { 1.0 } else { 0.0 };
            worst = worst.max((inner(q.row(i), q.row(j)) - want).abs());
        }
    }
    worst / (q.n.max(1) as f64 * EPS)
}

/// A matrix of known singular values.
fn with_spectrum(m: usize, n: usize, sigma: &[f64], rng: &mut Rng) -> Rows {
    let basis = |n: usize, rng: &mut Rng| {
        let rows = Rows::random(sigma.len(), n, rng);
        decompose(dispatch::available().next().unwrap(), Exec::SERIAL, &rows).0
    };
    let (left, right) = (basis(m, rng), basis(n, rng));
    let mut a = Rows::new(m, n);
    for i in 0..m {
        for j in 0..n {
            let terms = sigma.iter().enumerate().map(|(t, s)| s * left.at(t, i) * right.at(t, j));
            a.values[i * n + j] = terms.sum::<f64>() as f32;
        }
    }
    a
}

fn decompose(k: &Kernels, exec: Exec<'_>, a: &Rows) -> (Rows, Rows) {
    let count = a.count();
    let (mut q, mut l) = (a.clone(), Rows::new(count, count));
    let mut memory = vec![0xA5; lq::workspace_size((count, a.n)).unwrap()];
    lq(k, exec, &mut Scratch::new(&mut memory), (&mut q.values, a.n), &mut l.values).unwrap();
    (q, l)
}

const SHAPES: [(usize, usize); 10] =
    [(1, 1), (1, 7), (2, 2), (5, 40), (16, 100), (31, 33), (32, 64), (33, 90), (70, 70), (97, 300)];

#[test]
fn rows_become_a_basis() {
    let mut rng = Rng(71);
    for (count, n) in SHAPES {
        let mut a = Rows::random(count, n, &mut rng);
        for dependent in [false, true] {
            if dependent && count > 3 {
                let first = a.row(0).to_vec();
                a.values[2 * n..3 * n].copy_from_slice(&first);
                a.values[n..2 * n].fill(0.0);
            }
            let (q, l) = decompose(dispatch::active(), Exec::SERIAL, &a);
            let lost = lost_orthogonality(&q);
            assert!(lost < 5.0, "{count} x {n}: orthogonality {lost}");
            let mut error = 0.0;
            for i in 0..count {
                for j in 0..n {
                    let sum: f64 = (0..count).map(|p| l.at(i, p) * q.at(p, j)).sum();
                    error += (sum - a.at(i, j)).powi(2);
                }
                assert!((i + 1..count).all(|j| l.at(i, j) == 0.0), "upper part");
            }
            let residual = error.sqrt() / (n as f64 * EPS * a.norm());
            assert!(residual < 5.0, "{count} x {n}: residual {residual}");
        }
    }
}

struct Decomposed {
    sigma: Vec<f32>,
    left: Rows,
    right: Rows,
}

impl Decomposed {
    fn new(rank: usize, m: usize, n: usize) -> Self {
        Self { sigma: vec![f32::NAN; rank], left: Rows::new(rank, m), right: Rows::new(rank, n) }
    }

    fn factors(&mut self) -> Factors<'_> {
        let Self { sigma, left, right } = self;
        Factors { sigma, left: &mut left.values, right: &mut right.values }
    }

    fn bits(&self) -> [Vec<u32>; 3] {
        let sigma = self.sigma.iter().map(|x| x.to_bits()).collect();
        [sigma, self.left.bits(), self.right.bits()]
    }

    /// `|A - W^T S Z|`.
    fn residual(&self, a: &Rows) -> f64 {
        let mut error = 0.0;
        for i in 0..a.count() {
            for j in 0..a.n {
                let terms = self.sigma.iter().enumerate();
                let sum: f64 = terms
                    .map(|(t, s)| f64::from(*s) * self.left.at(t, i) * self.right.at(t, j))
                    .sum();
                error += (sum - a.at(i, j)).powi(2);
            }
        }
        error.sqrt()
    }
}

fn whole(k: &Kernels, exec: Exec<'_>, a: &Rows) -> Decomposed {
    let mut to = Decomposed::new(a.count(), a.count(), a.n);
    let mut memory = vec![0xA5; svd::workspace_size((a.count(), a.n)).unwrap()];
    let mut b = a.clone();
    svd(k, exec, &mut Scratch::new(&mut memory), (&mut b.values, a.n), to.factors()).unwrap();
    to
}

#[test]
fn singular_values_and_vectors() {
    let mut rng = Rng(72);
    for (count, n) in SHAPES {
        for (size, rank) in [(1.0, count), (1e-30, count), (1e30, count), (1.0, count / 2)] {
            let mut a = Rows::random(count, n, &mut rng);
            a.values.iter_mut().for_each(|x| *x *= size);
            a.values[rank * n..].fill(0.0);
            let got = whole(dispatch::active(), Exec::SERIAL, &a);
            assert!(got.sigma.is_sorted_by(|a, b| a >= b), "{:?}", got.sigma);
            for (name, rows) in [("left", &got.left), ("right", &got.right)] {
                let lost = lost_orthogonality(rows);
                assert!(lost < 5.0, "{count} x {n}, rank {rank}: {name} orthogonality {lost}");
            }
            let residual = got.residual(&a) / (n as f64 * EPS * a.norm()).max(f64::MIN_POSITIVE);
            assert!(residual < 5.0, "{count} x {n}: residual {residual}");
        }
    }
}

/// What the truncated decompositions below are asked for.
const ITERATIONS: Iterations = Iterations { oversampling: 8, steps: 48, tolerance: 1e-9, seed: 5 };

fn truncated(k: &Kernels, exec: Exec<'_>, a: &Rows, factors: &[f32], rank: usize) -> Decomposed {
    let (m, n) = (a.count(), a.n);
    let mut to = Decomposed::new(rank, m, n);
    let size = truncated_svd::workspace_size((m, n), rank, ITERATIONS.oversampling).unwrap();
    let mut memory = vec![0xA5; size];
    let mut scratch = Scratch::new(&mut memory);
    let packed = Packed::new(k, exec, &mut scratch, Operand::plain(a.view())).unwrap();
    let source = Source { packed, factors };
    truncated_svd(k, exec, &mut scratch, (source, ITERATIONS), to.factors()).unwrap();
    to
}

#[test]
fn known_spectra_are_found() {
    let mut rng = Rng(73);
    for (m, n) in [(300, 400), (400, 300), (150, 700), (64, 200), (200, 64), (129, 131)] {
        for ratio in [0.9, 0.5] {
            let sigma: Vec<f64> = (0..40).map(|i| 3.0 * f64::powi(ratio, i)).collect();
            let a = with_spectrum(m, n, &sigma, &mut rng);
            for rank in [1, 8, 13] {
                let got = truncated(dispatch::active(), Exec::SERIAL, &a, &[], rank);
                for (got, want) in got.sigma.iter().zip(&sigma) {
                    // f32 knows a small one next to the largest only to its own accuracy.
                    let limit = 1e-5 * want + 4.0 * EPS * sigma[0];
                    let error = (f64::from(*got) - want).abs();
                    assert!(error < limit, "{m} x {n}, {ratio}: {got}, not {want}");
                }
                for rows in [&got.left, &got.right] {
                    let lost = lost_orthogonality(rows);
                    assert!(lost < 5.0, "{m} x {n}, rank {rank}: orthogonality {lost}");
                }
                let tail: f64 = sigma.iter().skip(rank).map(|s| s * s).sum::<f64>().sqrt();
                let residual = got.residual(&a);
                assert!(residual < tail * 1.0001 + 1e-4, "{residual}, at best {tail}");
            }
        }
    }
}

/// Noise has a flat spectrum: what the iterations capture against the best, by the whole
/// decomposition.
#[test]
fn flat_spectra_are_captured() {
    let mut rng = Rng(74);
    let (m, n) = (200, 280);
    let a = Rows::random(m, n, &mut rng);
    let squares = |sigma: &[f32]| sigma.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let best = whole(dispatch::active(), Exec::SERIAL, &a);
    for rank in [1, 8, 40] {
        let got = truncated(dispatch::active(), Exec::SERIAL, &a, &[], rank);
        let share = squares(&got.sigma) / squares(&best.sigma[..rank]);
        assert!((0.999..1.000_01).contains(&share), "rank {rank}: {share}");
    }
}

/// The size of the elements does not matter, however far it is from 1.
#[test]
fn sizes_do_not_matter() {
    let mut rng = Rng(78);
    for (m, n) in [(40, 60), (200, 220), (220, 200)] {
        let a = Rows::random(m, n, &mut rng);
        let want = truncated(dispatch::active(), Exec::SERIAL, &a, &[], 5);
        for size in [f32::powi(2.0, -80), f32::powi(2.0, 90)] {
            let mut b = a.clone();
            b.values.iter_mut().for_each(|x| *x *= size);
            let mut got = truncated(dispatch::active(), Exec::SERIAL, &b, &[], 5);
            got.sigma.iter_mut().for_each(|sigma| *sigma /= size);
            assert_eq!(got.bits(), want.bits(), "{m} x {n}, {size:e}");
        }
    }
}

#[test]
fn factors_scale_the_columns() {
    let mut rng = Rng(75);
    for (m, n) in [(40, 60), (60, 40), (200, 220)] {
        let a = Rows::random(m, n, &mut rng);
        let factors: Vec<f32> = (0..n).map(|j| if j % 3 == 0 { 4.0 } else { 0.5 }).collect();
        let mut scaled = a.clone();
        for row in scaled.values.chunks_mut(n) {
            row.iter_mut().zip(&factors).for_each(|(x, factor)| *x *= factor);
        }
        let got = truncated(dispatch::active(), Exec::SERIAL, &a, &factors, 6);
        let want = truncated(dispatch::active(), Exec::SERIAL, &scaled, &[], 6);
        assert_eq!(got.bits(), want.bits(), "powers of two are exact");
    }
}

#[test]
fn decompositions_are_the_same_everywhere() {
    let mut rng = Rng(76);
    for (m, n, rank) in [(20, 30, 4), (150, 170, 3), (170, 150, 40)] {
        let a = Rows::random(m, n, &mut rng);
        let want = truncated(dispatch::active(), Exec::SERIAL, &a, &[], rank).bits();
        for k in dispatch::available() {
            with_threads(|threads, ctx| {
                let got = truncated(k, Exec::new(Some(ctx)), &a, &[], rank).bits();
                assert_eq!(got, want, "{:?}, {threads} threads", k.isa());
            });
        }
    }
}

#[test]
fn zeros_have_no_singular_value() {
    for (m, n, rank) in [(10, 20, 4), (200, 200, 4), (200, 180, 60)] {
        let a = Rows { n, values: vec![0.0; m * n] };
        let got = truncated(dispatch::active(), Exec::SERIAL, &a, &[], rank);
        assert!(got.sigma.iter().all(|s| *s == 0.0), "{:?}", got.sigma);
        assert!(got.left.values.iter().chain(&got.right.values).all(|x| x.is_finite()));
    }
}

/// `A A^T`, of rows of `n` elements.
fn gram(a: &Rows) -> Vec<f64> {
    let mut gram = vec![0.0; a.count() * a.count()];
    let mut memory = vec![0xA5; least_squares::workspace_size(a.count()).unwrap()];
    let scratch = &mut Scratch::new(&mut memory);
    add_gram(dispatch::active(), scratch, (&a.values, a.n), &mut gram).unwrap();
    gram
}

fn inverted(k: &Kernels, gram: &[f64], count: usize) -> Vec<f64> {
    let mut inverse = gram.to_vec();
    let mut memory = vec![0xA5; least_squares::workspace_size(count).unwrap()];
    pseudo_inverse(k, &mut Scratch::new(&mut memory), &mut inverse, count).unwrap();
    inverse
}

fn square_product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let at = |i: usize, j: usize| (0..n).map(|p| a[i * n + p] * b[p * n + j]).sum();
    (0..n * n).map(|i| at(i / n, i % n)).collect()
}

#[test]
fn pseudo_inverses_have_their_properties() {
    let mut rng = Rng(77);
    for (count, n) in [(1, 1), (3, 10), (8, 2000), (33, 40), (40, 40), (12, 5), (60, 20)] {
        for repeat in [false, true] {
            let mut a = Rows::random(count, n, &mut rng);
            if repeat && count > 2 {
                let first = a.row(0).to_vec();
                a.values[n..2 * n].copy_from_slice(&first);
            }
            let g = gram(&a);
            let inverse = inverted(dispatch::active(), &g, count);
            let near = |got: &[f64], want: &[f64], what: &str| {
                let size = want.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                let worst = got.iter().zip(want).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
                assert!(worst < 1e-5 * size, "{count} x {n}, {what}: {worst} of {size}");
            };
            let gi = square_product(&g, &inverse, count);
            near(&square_product(&gi, &g, count), &g, "G G+ G = G");
            near(&square_product(&inverse, &gi, count), &inverse, "G+ G G+ = G+");
            let transposed: Vec<f64> =
                (0..count * count).map(|i| gi[i % count * count + i / count]).collect();
            near(&gi, &transposed, "G G+ is symmetric");
            for k in dispatch::available() {
                assert_eq!(inverted(k, &g, count), inverse, "{:?}", k.isa());
            }
        }
    }
    assert_eq!(inverted(dispatch::active(), &[0.0; 9], 3), [0.0; 9]);
}
