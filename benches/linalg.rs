//! Dense linear algebra on every tier of this CPU, one thread, in GFLOP/s and as shares of what a loop
//! of independent fused multiply-adds reaches in the same run. `cargo bench --bench linalg -- gemm`
//! runs a part. The crate `gemm` is the peer of the products.

#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench may stop on its first surprise"
)]
#![allow(unsafe_code, reason = "the loop of multiply-adds and the peer take what they take")]

mod common;

use common::floats;
use ptqk::algorithms::linalg::cholesky::{self, cholesky};
use ptqk::algorithms::linalg::gemm::{Operand, Part, Update, gemm, workspace_size};
use ptqk::algorithms::linalg::inverse_factor::inverse_factor;
use ptqk::algorithms::linalg::syrk::syrk;
use ptqk::dispatch;
use ptqk::kernels::{Isa, Kernels};
use ptqk::parallel::Exec;
use ptqk::params::matrix::Dtype;
use ptqk::scratch::Scratch;
use ptqk::views::{MatrixView, MatrixViewMut};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Independent chains, enough for every latency, in registers of `$n` floats.
macro_rules! peak {
    ($name:ident, $features:literal, $n:literal, $set:ident, $fma:ident) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $name(turns: usize) -> f64 {
            use std::arch::x86_64::*;
            let (a, b) = ($set(black_box(0.999)), $set(black_box(0.001)));
            let mut acc = [$set(1.0); 12];
            for _ in 0..turns {
                acc = acc.map(
                    #[inline(always)]
                    |acc| $fma(acc, a, b),
                );
            }
            black_box(acc);
            (2 * 12 * $n * turns) as f64
        }
    };
}

peak!(peak_avx2, "avx2,fma", 8, _mm256_set1_ps, _mm256_fmadd_ps);
peak!(peak_avx512, "avx512f,avx2,fma", 16, _mm512_set1_ps, _mm512_fmadd_ps);

/// GFLOP/s of the multiply-adds alone, in the registers of a tier.
fn peak(isa: Isa) -> f64 {
    (0..5).map(|_| rate(|| multiply_adds(isa))).fold(0.0, f64::max)
}

/// GFLOP/s of one call that says how many operations it does.
fn rate(mut f: impl FnMut() -> f64) -> f64 {
    let start = Instant::now();
    let operations = f();
    operations / start.elapsed().as_secs_f64() / 1e9
}

/// GFLOP/s of one call of a variant.
type Variant<'a> = Box<dyn FnMut() -> f64 + 'a>;

/// The best of some turns, in which the variants alternate.
fn race(turns: usize, variants: &mut [Variant<'_>]) -> Vec<f64> {
    let mut best = vec![0.0_f64; variants.len()];
    for _ in 0..turns {
        for (best, f) in best.iter_mut().zip(variants.iter_mut()) {
            *best = best.max(f());
        }
    }
    best
}

/// Whether the command line asks for this one, or for none.
fn is_wanted(name: &str) -> bool {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str()))
}

/// Alternates the peaks, the tiers and the peers, and prints a line each.
fn report<'a>(
    name: &str,
    turns: usize,
    operations: f64,
    run: impl Fn(&'static Kernels) -> Box<dyn FnMut() -> Duration + 'a>,
    peer: Option<Box<dyn FnMut() -> Duration + 'a>>,
) {
    if !is_wanted(name) {
        return;
    }
    let tiers: Vec<_> = dispatch::available().filter(|k| k.isa() != Isa::Scalar).collect();
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for k in &tiers {
        let isa = k.isa();
        variants.push(Box::new(move || rate(|| multiply_adds(isa))));
        let mut f = run(k);
        let count = move || operations / f().as_secs_f64() / 1e9;
        variants.push(Box::new(count));
    }
    if let Some(mut peer) = peer {
        let count = move || operations / peer().as_secs_f64() / 1e9;
        variants.push(Box::new(count));
    }
    let best = race(turns, &mut variants);
    let mut line = format!("{name:24}");
    for (i, k) in tiers.iter().enumerate() {
        let (peak, ours) = (best[2 * i], best[2 * i + 1]);
        line += &format!(" {:?} {ours:7.1} of {peak:6.1}, {:.3} ", k.isa(), ours / peak);
    }
    if let Some(peer) = best.get(2 * tiers.len()) {
        line += &format!(" peer {peer:7.1}");
    }
    println!("{line}  ms: {:.2}", operations / best[2 * tiers.len() - 1] / 1e6);
}

/// Runs them; says how many operations they are.
fn multiply_adds(isa: Isa) -> f64 {
    const TURNS: usize = 500_000;
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the table of the tier is available, so the CPU has the features.
        Isa::Avx2 => unsafe { peak_avx2(TURNS) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512 => unsafe { peak_avx512(TURNS) },
        _ => f64::NAN,
    }
}

fn view(x: &[f32], rows: usize, cols: usize) -> MatrixView<'_> {
    assert!(x.len() >= rows * cols);
    // SAFETY: the slice has all elements.
    unsafe { MatrixView::new(x.as_ptr().cast(), Dtype::F32, (rows, cols, cols)) }
}

fn view_mut(x: &mut [f32], rows: usize, cols: usize) -> MatrixViewMut<'_> {
    assert!(x.len() >= rows * cols);
    // SAFETY: the slice has all elements.
    unsafe { MatrixViewMut::new(x.as_mut_ptr().cast(), Dtype::F32, (rows, cols, cols)) }
}

fn products() {
    for n in [512, 1024, 2048] {
        let (a, b) = (floats(n * n), floats(n * n));
        let turns = if n == 2048 { 7 } else { 25 };
        let update = Update { accumulate: true, subtract: false };
        let plain = |x| Operand { view: view(x, n, n), transposed: false };
        let run = |k: &'static Kernels| -> Box<dyn FnMut() -> Duration> {
            let (mut c, mut memory) =
                (vec![0.0; n * n], vec![0; workspace_size((n, n, n)).unwrap()]);
            let (a, b) = (&a, &b);
            Box::new(move || {
                let sides = (plain(a), plain(b));
                let mut scratch = Scratch::new(&mut memory);
                let c = view_mut(&mut c, n, n);
                let start = Instant::now();
                gemm(k, Exec::SERIAL, &mut scratch, (update, Part::Whole), sides, c).unwrap();
                start.elapsed()
            })
        };
        let mut c = vec![0.0_f32; n * n];
        let (x, y) = (&a, &b);
        let s = n as isize;
        let peer = move || {
            let start = Instant::now();
            // SAFETY: three matrices of `n` rows and columns.
            unsafe {
                gemm::gemm(
                    n,
                    n,
                    n,
                    c.as_mut_ptr(),
                    1,
                    s,
                    true,
                    x.as_ptr(),
                    1,
                    s,
                    y.as_ptr(),
                    1,
                    s,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
            start.elapsed()
        };
        report(&format!("gemm {n}"), turns, 2.0 * (n as f64).powi(3), run, Some(Box::new(peer)));
        let run = |k: &'static Kernels| -> Box<dyn FnMut() -> Duration> {
            let (mut c, mut memory) =
                (vec![0.0; n * n], vec![0; workspace_size((n, n, n)).unwrap()]);
            let a = &a;
            Box::new(move || {
                let mut scratch = Scratch::new(&mut memory);
                let c = view_mut(&mut c, n, n);
                let start = Instant::now();
                syrk(k, Exec::SERIAL, &mut scratch, true, view(a, n, n), c).unwrap();
                start.elapsed()
            })
        };
        let n64 = n as f64;
        report(&format!("syrk {n}"), turns, n64 * n64 * (n64 + 1.0), run, None);
    }
}

/// Products with a vector, in GB/s and as shares of what a loop that reads the matrix reaches.
fn vectors() {
    let n = 4096;
    let (matrix, x) = (floats(n * n), floats(n));
    let update = Update { accumulate: false, subtract: false };
    for (name, transposed) in [("row times matrix", false), ("matrix times column", true)] {
        if !is_wanted(name) {
            continue;
        }
        let read = || {
            rate(|| {
                common::traffic(bytemuck::cast_slice(&matrix), &mut []);
                (4 * n * n) as f64
            })
        };
        let tiers: Vec<_> = dispatch::available().filter(|k| k.isa() != Isa::Scalar).collect();
        let mut variants: Vec<Variant<'_>> = vec![Box::new(read)];
        for k in &tiers {
            let (mut y, mut memory) = (vec![0.0; n], vec![0; workspace_size((1, n, n)).unwrap()]);
            let (matrix, x) = (&matrix, &x);
            variants.push(Box::new(move || {
                let m = Operand { view: view(matrix, n, n), transposed: false };
                let mut scratch = Scratch::new(&mut memory);
                // As a column of the result, the vector is a column, too.
                let (a, b, y) = if transposed {
                    (m, Operand::plain(view(x, n, 1)), view_mut(&mut y, n, 1))
                } else {
                    (Operand::plain(view(x, 1, n)), m, view_mut(&mut y, 1, n))
                };
                rate(|| {
                    let how = (update, Part::Whole);
                    gemm(k, Exec::SERIAL, &mut scratch, how, (a, b), y).unwrap();
                    (4 * n * n) as f64
                })
            }));
        }
        let best = race(25, &mut variants);
        let mut line = format!("{name:24} read {:.1} GB/s", best[0]);
        for (k, ours) in tiers.iter().zip(&best[1..]) {
            line += &format!(", {:?} {ours:.1}, {:.2}", k.isa(), ours / best[0]);
        }
        println!("{line}");
    }
}

/// A symmetric matrix with a dominant diagonal.
fn symmetric(n: usize) -> Vec<f32> {
    let mut h = floats(n * n);
    for i in 0..n {
        for j in 0..i {
            h[i * n + j] = h[j * n + i];
        }
        h[i * n + i] = n as f32;
    }
    h
}

fn factors() {
    for n in [1024, 2048] {
        let h = symmetric(n);
        let turns = if n == 2048 { 7 } else { 25 };
        let run = |inverse: bool| {
            let h = &h;
            move |k: &'static Kernels| -> Box<dyn FnMut() -> Duration + '_> {
                let bytes = cholesky::workspace_size(n).unwrap();
                let (mut c, mut memory) = (h.clone(), vec![0; bytes]);
                Box::new(move || {
                    c.copy_from_slice(h);
                    let start = Instant::now();
                    let mut scratch = Scratch::new(&mut memory);
                    let c = view_mut(&mut c, n, n);
                    let f = if inverse { inverse_factor } else { cholesky };
                    f(k, Exec::SERIAL, &mut scratch, c).unwrap();
                    start.elapsed()
                })
            }
        };
        let third = (n as f64).powi(3) / 3.0;
        report(&format!("cholesky {n}"), turns, third, run(false), None);
        report(&format!("inverse factor {n}"), turns, 2.0 * third, run(true), None);
    }
}

fn main() {
    for k in dispatch::available() {
        println!("{:?}: peak {:.1} GFLOP/s", k.isa(), peak(k.isa()));
    }
    products();
    vectors();
    factors();
}
