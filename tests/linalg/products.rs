//! Products against the definition: one chain of multiply-adds for every element.

use crate::matrix::Matrix;
use crate::rng::Rng;
use crate::threads::with_threads;
use ptqk::algorithms::linalg::gemm::{Operand, Part, Update, gemm, workspace_size};
use ptqk::algorithms::linalg::syrk::{mirror, syrk};
use ptqk::dispatch;
use ptqk::kernels::Kernels;
use ptqk::parallel::Exec;
use ptqk::params::matrix::Dtype;
use ptqk::scratch::Scratch;

const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

struct Product {
    update: Update,
    part: Part,
    a: Matrix,
    b: Matrix,
    transposed: (bool, bool),
    c: Matrix,
}

impl Product {
    fn new(rng: &mut Rng, (m, n, depth): (usize, usize, usize), case: usize) -> Self {
        let transposed = (case & 1 != 0, case & 2 != 0);
        let update = Update { accumulate: case & 4 == 0, subtract: case & 8 != 0 };
        let (a, b) = (DTYPES[rng.below(3)], DTYPES[rng.below(3)]);
        let a = if transposed.0 { (a, depth, m) } else { (a, m, depth) };
        let b = if transposed.1 { (b, n, depth) } else { (b, depth, n) };
        Self {
            update,
            part: if case & 16 == 0 { Part::Whole } else { Part::Lower },
            a: Matrix::random(a.0, a.1, a.2, rng),
            b: Matrix::random(b.0, b.1, b.2, rng),
            transposed,
            c: Matrix::random(Dtype::F32, m, n, rng),
        }
    }

    fn shape(&self) -> (usize, usize, usize) {
        let depth = if self.transposed.0 { self.a.rows } else { self.a.cols };
        (self.c.rows, self.c.cols, depth)
    }

    fn run(&self, k: &Kernels, exec: Exec<'_>) -> Matrix {
        let mut c = self.c.clone();
        let bytes = workspace_size(self.shape()).unwrap();
        let mut memory = vec![0xA5; bytes];
        let left = Operand { view: self.a.view(), transposed: self.transposed.0 };
        let right = Operand { view: self.b.view(), transposed: self.transposed.1 };
        let mut scratch = Scratch::new(&mut memory);
        let what = (self.update, self.part);
        gemm(k, exec, &mut scratch, what, (left, right), c.view_mut()).unwrap();
        c
    }

    /// The chains, one after the other, and the same in f64 with the sum of magnitudes.
    fn definition(&self) -> (Matrix, f64) {
        let (m, n, depth) = self.shape();
        let mut c = self.c.clone();
        let mut worst = 0.0_f64;
        for i in 0..m {
            for j in 0..n {
                if self.part == Part::Lower && j > i {
                    continue;
                }
                let start = if self.update.accumulate { c.at(i, j) } else { 0.0 };
                let (mut chain, mut exact) = (start, f64::from(start));
                let mut size = exact.abs();
                for p in 0..depth {
                    let a = if self.transposed.0 { self.a.at(p, i) } else { self.a.at(i, p) };
                    let b = if self.transposed.1 { self.b.at(j, p) } else { self.b.at(p, j) };
                    let a = if self.update.subtract { -a } else { a };
                    chain = a.mul_add(b, chain);
                    exact += f64::from(a) * f64::from(b);
                    size += (f64::from(a) * f64::from(b)).abs();
                }
                c.set(i, j, chain);
                let eps = f64::from(f32::EPSILON) * size * (1.0 + depth as f64).sqrt();
                if size > 0.0 {
                    worst = worst.max((f64::from(chain) - exact).abs() / eps);
                }
            }
        }
        (c, worst)
    }
}

const SHAPES: [(usize, usize, usize); 21] = [
    (0, 5, 3),
    (5, 0, 3),
    (5, 7, 0),
    (1, 1, 1),
    (12, 32, 1),
    (11, 31, 2),
    (13, 33, 5),
    (24, 64, 9),
    (3, 100, 17),
    (100, 3, 255),
    (50, 50, 256),
    (37, 41, 257),
    (193, 33, 31),
    (1, 1030, 6),
    (1, 35, 261),
    (1, 33, 0),
    (1030, 1, 5),
    (37, 1, 333),
    (13, 513, 12),
    (200, 530, 40),
    (97, 65, 600),
];

#[test]
fn products_are_chains() {
    let mut rng = Rng(1);
    for shape in SHAPES {
        for case in 0..32 {
            let product = Product::new(&mut rng, shape, case);
            let (want, error) = product.definition();
            assert!(error < 2.0, "{shape:?} case {case}: the chain is {error} off");
            for k in dispatch::available() {
                let got = product.run(k, Exec::SERIAL);
                got.assert_same(&want, &format!("{shape:?} case {case} {:?}", k.isa()));
            }
        }
    }
}

#[test]
fn threads_change_nothing() {
    let mut rng = Rng(2);
    for (shape, case) in [((430, 1100, 300), 0), ((700, 700, 30), 16), ((1000, 10, 20), 7)] {
        let product = Product::new(&mut rng, shape, case);
        for k in dispatch::available().skip(1) {
            let want = product.run(k, Exec::SERIAL);
            with_threads(|threads, ctx| {
                let got = product.run(k, Exec::new(Some(ctx)));
                got.assert_same(&want, &format!("{shape:?} {:?} {threads} threads", k.isa()));
            });
        }
    }
}

/// More rows and columns than the panels of the workspace hold at a time.
#[test]
fn spans_change_nothing() {
    let mut rng = Rng(3);
    for (shape, case) in [((4100, 20, 3), 1), ((20, 4100, 3), 2), ((4100, 4100, 2), 16)] {
        let product = Product::new(&mut rng, shape, case);
        let (want, _) = product.definition();
        let k = dispatch::active();
        product.run(k, Exec::SERIAL).assert_same(&want, &format!("{shape:?}"));
    }
}

/// A NaN and an infinity stay in the rows and columns that they touch.
#[test]
fn padding_does_not_leak() {
    let mut rng = Rng(4);
    let mut product = Product::new(&mut rng, (13, 33, 3), 0);
    product.a.set(12, 1, f32::INFINITY);
    product.b.set(1, 32, f32::NAN);
    let (want, _) = product.definition();
    for k in dispatch::available() {
        product.run(k, Exec::SERIAL).assert_same(&want, "NaN");
    }
}

#[test]
fn halves_are_mirrored() {
    let mut rng = Rng(5);
    for (tokens, n) in [(0, 3), (1, 1), (5, 16), (7, 17), (300, 100)] {
        let a = Matrix::random(Dtype::Bf16, tokens, n, &mut rng);
        let start = Matrix::random(Dtype::F32, n, n, &mut rng);
        for k in dispatch::available() {
            let mut c = start.clone();
            let mut memory = vec![0; workspace_size((n, n, tokens)).unwrap()];
            let mut scratch = Scratch::new(&mut memory);
            syrk(k, Exec::SERIAL, &mut scratch, true, a.view(), c.view_mut()).unwrap();
            for i in 0..n {
                for j in 0..n {
                    let sum = |c: f32, p: usize| a.at(p, i).mul_add(a.at(p, j), c);
                    let lower = (0..tokens).fold(start.at(i, j), sum);
                    let want = if j <= i { lower } else { start.at(i, j) };
                    assert_eq!(c.at(i, j).to_bits(), want.to_bits(), "({i}, {j}) of {n}");
                }
            }
            let half = c.clone();
            mirror(&mut c.view_mut());
            let want =
                Matrix::of(Dtype::F32, n, n, c.stride - n, &mut |i, j| half.at(i.max(j), i.min(j)));
            c.assert_same(&want, &format!("mirror of {n}"));
        }
    }
}
