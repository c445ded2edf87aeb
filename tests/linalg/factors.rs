//! Triangular factors: against the definition of the chains on small matrices, by their residuals on
//! larger ones, well and badly conditioned.

use crate::matrix::Matrix;
use crate::rng::Rng;
use crate::threads::with_threads;
use ptqk::algorithms::linalg::cholesky::{cholesky, workspace_size};
use ptqk::algorithms::linalg::inverse_factor::inverse_factor;
use ptqk::algorithms::linalg::triangle::invert_lower;
use ptqk::dispatch;
use ptqk::kernels::Kernels;
use ptqk::parallel::Exec;
use ptqk::params::matrix::Dtype;
use ptqk::scratch::Scratch;
use ptqk::status::{Error, Result, Status};
use ptqk::views::MatrixViewMut;

type Factor = fn(&Kernels, Exec<'_>, &mut Scratch<'_>, MatrixViewMut<'_>) -> Result;

fn run(f: Factor, k: &Kernels, exec: Exec<'_>, m: &Matrix) -> (Matrix, Result) {
    let mut m = m.clone();
    let mut memory = vec![0xA5; workspace_size(m.rows).unwrap()];
    let result = f(k, exec, &mut Scratch::new(&mut memory), m.view_mut());
    (m, result)
}

fn factored(f: Factor, k: &Kernels, m: &Matrix) -> Matrix {
    let (m, result) = run(f, k, Exec::SERIAL, m);
    result.unwrap();
    m
}

/// `X^T X / rows + damp`, where the columns of `X` go from 1 down to `smallest` in size.
fn hessian(n: usize, smallest: f64, damp: f32, rng: &mut Rng) -> Matrix {
    let tokens = 2 * n + 3;
    let size = |j: usize| smallest.powf(j as f64 / n.max(2) as f64) as f32;
    let x: Vec<f32> = (0..tokens * n).map(|i| rng.uniform() * size(i % n.max(1))).collect();
    let mut rows = vec![0.0_f64; n * n];
    for x in x.chunks_exact(n.max(1)) {
        for (i, row) in rows.chunks_exact_mut(n).enumerate() {
            let a = f64::from(x[i]);
            row.iter_mut().zip(x).for_each(|(h, b)| *h += a * f64::from(*b));
        }
    }
    Matrix::new(n, n, |i, j| {
        let damp = if i == j { damp } else { 0.0 };
        (rows[i * n + j] / tokens as f64) as f32 + damp
    })
}

/// The chains, one after the other.
fn cholesky_by_definition(h: &Matrix) -> Matrix {
    let mut l = h.clone();
    for j in 0..h.rows {
        for i in j..h.rows {
            let chain = (0..j).fold(h.at(i, j), |c, p| (-l.at(j, p)).mul_add(l.at(i, p), c));
            let x = if i == j { chain.sqrt() } else { chain * (1.0 / l.at(j, j)) };
            l.set(i, j, x);
        }
    }
    l
}

fn inverse_by_definition(l: &Matrix) -> Matrix {
    let mut x = l.clone();
    for i in 0..l.rows {
        for j in 0..=i {
            let start = if i == j { 1.0 } else { 0.0 };
            let chain = (j..i).fold(start, |c, p| (-l.at(i, p)).mul_add(x.at(p, j), c));
            x.set(i, j, chain * (1.0 / l.at(i, i)));
        }
    }
    x
}

fn inverse_factor_by_definition(h: &Matrix) -> Matrix {
    let n = h.rows;
    let pad = h.stride - n;
    let reversed = Matrix::of(Dtype::F32, n, n, pad, &mut |i, j| h.at(n - 1 - i, n - 1 - j));
    let x = inverse_by_definition(&cholesky_by_definition(&reversed));
    Matrix::of(Dtype::F32, n, n, pad, &mut |i, j| {
        if j < i { 0.0 } else { x.at(n - 1 - i, n - 1 - j) }
    })
}

#[test]
fn factors_are_chains() {
    let mut rng = Rng(1);
    for n in [0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 40, 64, 97, 255, 256, 257, 300, 520] {
        let mut h = hessian(n, 0.1, 0.01, &mut rng);
        let u = inverse_factor_by_definition(&h);
        // The upper part stays as it is.
        for i in 0..n {
            for j in i + 1..n {
                h.set(i, j, f32::NAN);
            }
        }
        let l = cholesky_by_definition(&h);
        let x = inverse_by_definition(&l);
        let mut full = h.clone();
        for i in 0..n {
            for j in 0..i {
                full.set(j, i, h.at(i, j));
            }
        }
        for k in dispatch::available() {
            let what = format!("n = {n}, {:?}", k.isa());
            factored(cholesky, k, &h).assert_same(&l, &format!("cholesky, {what}"));
            factored(invert_lower, k, &l).assert_same(&x, &format!("inverse, {what}"));
            factored(inverse_factor, k, &full).assert_same(&u, &format!("inverse factor, {what}"));
        }
    }
}

#[test]
fn threads_change_nothing() {
    let mut rng = Rng(2);
    let h = hessian(600, 0.1, 0.01, &mut rng);
    for k in dispatch::available().skip(1) {
        let factors: [(&str, Factor); 2] = [("L", cholesky), ("U", inverse_factor)];
        for (name, f) in factors {
            let want = factored(f, k, &h);
            with_threads(|threads, ctx| {
                let (got, result) = run(f, k, Exec::new(Some(ctx)), &h);
                result.unwrap();
                got.assert_same(&want, &format!("{name} {:?} {threads} threads", k.isa()));
            });
        }
    }
}

/// The Frobenius norm of `f`, over `n` rows and columns.
fn norm(n: usize, f: impl Fn(usize, usize) -> f64) -> f64 {
    (0..n)
        .flat_map(|i| (0..n).map(move |j| (i, j)))
        .map(|(i, j)| f(i, j).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// `A B` in f64.
fn product(n: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; n * n];
    for (c, a) in c.chunks_exact_mut(n).zip(a.chunks_exact(n)) {
        for (a, b) in a.iter().zip(b.chunks_exact(n)) {
            if *a != 0.0 {
                c.iter_mut().zip(b).for_each(|(c, b)| *c += a * b);
            }
        }
    }
    c
}

fn wide(n: usize, f: impl Fn(usize, usize) -> f32) -> Vec<f64> {
    (0..n * n).map(|i| f64::from(f(i / n, i % n))).collect()
}

/// Residuals over what rounding explains: `|H - L L^T| / (n eps |H|)`, and
/// `|U H U^T - I| / (n eps |U| |H| |U|)`, which is what an inverse can promise.
fn residuals(h: &Matrix) -> (f64, f64) {
    let n = h.rows;
    let eps = f64::from(f32::EPSILON) * n as f64;
    let k = dispatch::active();
    let (l, u) = (factored(cholesky, k, h), factored(inverse_factor, k, h));
    let lower = |i: usize, j: usize| if j > i { 0.0 } else { l.at(i, j) };
    let (low, up) = (wide(n, lower), wide(n, |i, j| lower(j, i)));
    let llt = product(n, &low, &up);
    let size = norm(n, |i, j| f64::from(h.at(i, j)));
    let first = norm(n, |i, j| llt[i * n + j] - f64::from(h.at(i, j))) / (eps * size);
    let (u, ut) = (wide(n, |i, j| u.at(i, j)), wide(n, |i, j| u.at(j, i)));
    let uhut = product(n, &product(n, &u, &wide(n, |i, j| h.at(i, j))), &ut);
    let of_u = norm(n, |i, j| u[i * n + j]);
    let unit = |i, j| if i == j { 1.0 } else { 0.0 };
    let second = norm(n, |i, j| uhut[i * n + j] - unit(i, j)) / (eps * of_u * of_u * size);
    (first, second)
}

fn check_residuals(sizes: &[usize]) {
    let mut rng = Rng(3);
    for n in sizes {
        // Condition numbers of about 10, 1e4 and 1e6.
        for (smallest, damp) in [(1.0, 0.01), (0.01, 1e-5), (1e-3, 1e-7)] {
            let h = hessian(*n, smallest, damp, &mut rng);
            let (l, u) = residuals(&h);
            assert!(l < 5.0 && u < 5.0, "n = {n}, from 1 to {smallest}: {l}, {u}");
        }
    }
}

#[test]
fn residuals_are_small() {
    check_residuals(&[1, 2, 17, 100, 333, 512]);
}

#[test]
#[ignore = "takes minutes"]
fn residuals_are_small_of_large_matrices() {
    check_residuals(&[2048]);
}

#[test]
fn the_first_bad_pivot_is_named() {
    let mut rng = Rng(4);
    for n in [1, 5, 33, 300, 600] {
        let good = hessian(n, 1.0, 0.1, &mut rng);
        for at in [0, n / 3, n / 2, n - 1] {
            for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
                let mut h = good.clone();
                h.set(at, at, bad);
                for k in dispatch::available().skip(usize::from(n > 100)) {
                    for f in [cholesky as Factor, inverse_factor] {
                        let (_, result) = run(f, k, Exec::SERIAL, &h);
                        let Err(Error { status, index, .. }) = result else {
                            panic!("{bad} at {at}")
                        };
                        assert_eq!(status, Status::NotPositiveDefinite);
                        assert_eq!(index, at as u64, "{bad} at {at} of {n}, {:?}", k.isa());
                    }
                }
            }
        }
    }
}
