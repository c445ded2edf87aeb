//! States: the numbers of numpy and NNCF, order, threads, tiers, element types.

use crate::rng::Rng;
use crate::support::{
    Histogram, KINDS, MERGEABLE, PARITY, STYLES, load, params, sample, view, workspace,
};
use crate::threads;
use half::{bf16, f16};
use ptqk::algorithms::histogram::{StateMut, update};
use ptqk::dispatch;
use ptqk::ffi::{Ctx, HistogramRangeParams, Matrix, Status, Task};
use ptqk::kernels::Kernels;
use ptqk::parallel::Exec;
use ptqk::params::matrix::Dtype;
use ptqk::views::MatrixView;
use std::ffi::c_void;
use std::ptr::null;
use std::sync::atomic::{AtomicU64, Ordering};

/// `numpy.histogram` for float32 elements in their range, step by step.
fn numpy(x: &[f32], n: usize) -> Option<Vec<f64>> {
    let mut low = f64::from(x.iter().copied().fold(f32::INFINITY, f32::min));
    let mut high = f64::from(x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    if low == high {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let step = (high - low) / n as f64;
    let mut edges: Vec<f32> = (0..n).map(|i| (i as f64 * step + low) as f32).collect();
    edges.push(high as f32);
    if edges.windows(2).any(|pair| pair[0] >= pair[1]) {
        return None; // "Too many bins for data range"
    }
    let mut counts = vec![0.0; n];
    for x in x {
        let position = f64::from(x - low as f32) / (high - low) * n as f64;
        if position.is_infinite() {
            return None;
        }
        let mut i = position as usize;
        if i == n {
            i -= 1;
        }
        if *x < edges[i] {
            i -= 1;
        }
        if *x >= edges[i + 1] && i != n - 1 {
            i += 1;
        }
        counts[i] += 1.0;
    }
    Some(counts)
}

#[test]
fn counts_of_numpy() {
    let (mut rng, mut compared) = (Rng(3), 0);
    for round in 0..40 {
        for style in 0..STYLES {
            let len = 1 + rng.below(3000);
            let x = sample(&mut rng, style, len);
            let n = [16, 50, 333, 2048][round % 4];
            if let Some(want) = numpy(&x, n) {
                assert_eq!(Histogram::of(PARITY, n as u32, &x).counts(), want, "style {style}");
                compared += 1;
            }
        }
    }
    assert!(compared > 150);
}

/// Numbers that numpy and NNCF gave; vectors.py says how.
#[test]
fn recorded_states_and_ranges() {
    let bits = |text: &str| f32::from_bits(u32::from_str_radix(text, 16).unwrap());
    let mut histogram = Histogram::new(params(PARITY, 16));
    let (mut counts, mut cases) = (Vec::new(), 0);
    for line in include_str!("vectors.txt").lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words[0] {
            "case" => {
                histogram = Histogram::new(params(PARITY, words[1].parse().unwrap()));
                counts = vec![0.0; histogram.params.num_bins as usize];
            }
            "update" => {
                histogram.update(&words[1..].iter().map(|word| bits(word)).collect::<Vec<_>>());
            }
            "count" => {
                let n = f64::from_bits(u64::from_str_radix(words[2], 16).unwrap());
                counts[words[1].parse::<usize>().unwrap()] = n;
            }
            "range" => {
                let range = histogram.range(&HistogramRangeParams::DEFAULT);
                assert_eq!(range, (bits(words[1]), bits(words[2])), "case {cases}");
            }
            _ => {
                assert_eq!(histogram.counts(), counts, "case {cases}");
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 9);
}

/// Where numpy gives up, elements are in the last bin that begins at or below them.
#[test]
fn bins_narrower_than_floats() {
    let x: Vec<f32> = (0..9).map(|i| f32::from_bits(1e6_f32.to_bits() + i)).collect();
    assert_eq!(numpy(&x, 64), None);
    let counts = Histogram::of(PARITY, 64, &x).counts();
    assert_eq!(counts.iter().sum::<f64>(), 9.0);
    // Eight distances of floats in 64 bins; edges are rounded to even.
    let filled: Vec<_> = (0..64).filter(|i| counts[*i] > 0.0).collect();
    assert_eq!(filled, [4, 11, 20, 27, 36, 43, 52, 59, 63]);

    let wide = [f32::MIN, 0.0, f32::MAX];
    let counts = Histogram::of(PARITY, 16, &wide).counts();
    assert_eq!((counts[0], counts[8], counts[15]), (1.0, 1.0, 1.0));
    let tiny = [0.0, f32::from_bits(1), f32::from_bits(3)];
    let counts = Histogram::of(PARITY, 16, &tiny).counts();
    assert_eq!(counts.iter().sum::<f64>(), 3.0);
}

/// Elements are counted in the known range first: all in it, one beyond at any place, both ends beyond.
#[test]
fn an_update_in_and_beyond_the_known_range() {
    let mut rng = Rng(11);
    let x: Vec<f32> = (0..3000).map(|_| rng.uniform()).chain([-1.0, 1.0]).collect();
    let len = 200_000;
    let inside: Vec<f32> = (0..len).map(|_| rng.uniform()).collect();

    for kind in KINDS {
        let first = Histogram::of(kind, 333, &x);
        let mut both = first.clone();
        both.update(&inside);
        let mut with_ends = inside.clone();
        with_ends.extend([-1.0, 1.0]);
        let mut want = Histogram::of(kind, 333, &with_ends).counts();
        let mut ends = Histogram::of(kind, 333, &[-1.0, 1.0]).counts();
        ends.iter_mut().for_each(|n| *n = -*n);
        for more in [first.counts(), ends] {
            want.iter_mut().zip(more).for_each(|(want, n)| *want += n);
        }
        assert_eq!(both.counts(), want, "kind {kind}");

        for beyond in [1.0_f32.next_up(), -40.0] {
            for at in [0, 4095, 4096, 65_535, 131_072, len - 1] {
                let mut y = inside.clone();
                y[at] = beyond;
                y[len - 1 - at] = -beyond;
                let (mut one, mut other) = (first.clone(), Histogram::of(kind, 333, &y));
                one.update(&y);
                other.merge(&first);
                assert_eq!(one.counts(), other.counts(), "kind {kind}, {beyond} at {at}");
                assert_eq!(one.summary().max, f64::from(beyond.abs()));
            }
        }
    }
}

/// More of one bin than the counters of a kernel hold, in one row and in rows of few elements.
#[test]
fn more_than_a_counter_holds() {
    let x = vec![0.25_f32; 600_001];
    for kind in KINDS {
        for cols in [600_001, 5, 1] {
            let rows = x.len() / (cols + 1).min(x.len());
            let src = Matrix { rows, cols, row_stride: cols + 1, ..view(&x) };
            let mut histogram = Histogram::of(kind, 64, &[0.0, 1.0]);
            assert_eq!(histogram.try_update(null(), &src), Status::Ok);
            let most = histogram.counts().into_iter().fold(0.0, f64::max);
            assert_eq!(most, (rows * cols) as f64, "kind {kind}, {rows} rows of {cols}");
        }
    }
}

#[test]
fn a_grid_is_the_finest_that_holds_all() {
    let mut rng = Rng(4);
    for round in 0..400 {
        let x = sample(&mut rng, round % STYLES, 1 + round % 300);
        let n = [16, 100, 2048][round % 3];
        let histogram = Histogram::of(MERGEABLE, n, &x);
        let (summary, counts) = (histogram.summary(), histogram.counts());
        let width = (summary.high - summary.low) / f64::from(n);
        assert_eq!(width.to_bits() << 12, 0, "a power of two");
        assert!(summary.low <= summary.min && summary.min < summary.low + width);
        assert!(summary.max < summary.high);
        let mut want = vec![0.0; n as usize];
        for x in &x {
            want[((f64::from(*x) - summary.low) / width).floor() as usize] += 1.0;
        }
        assert_eq!(counts, want, "round {round}");
        // Half the width is too narrow, or finer than the floats are.
        let cell = |x: f64| (x / (width * 0.5)).floor();
        let largest = summary.min.abs().max(summary.max.abs());
        assert!(
            cell(summary.max) - cell(summary.min) >= f64::from(n)
                || width <= largest * 2.0_f64.powi(-23)
                || width == 2.0_f64.powi(-126)
        );
    }
}

#[test]
fn order_of_updates_and_merges_does_not_show() {
    let mut rng = Rng(5);
    for round in 0..60 {
        let parts: Vec<Vec<f32>> = (0..2 + rng.below(6))
            .map(|_| {
                let (style, len) = (rng.below(STYLES), 1 + rng.below(200));
                let scale = 2.0_f32.powi(rng.below(8) as i32 - 4);
                let x = sample(&mut rng, style, len);
                if style == 6 { x } else { x.iter().map(|x| x * scale).collect() }
            })
            .collect();
        let n = [16, 64, 2048][round % 3];
        let whole = Histogram::of(MERGEABLE, n, &parts.concat());
        assert!(load(&whole.state, whole.bytes()).is_ok());
        // Bytes, if every part is an update of its own.
        let mut serial = Histogram::new(params(MERGEABLE, n));
        parts.iter().for_each(|part| serial.update(part));
        assert_eq!(serial.elements(), whole.elements());
        for _ in 0..4 {
            let mut heap: Vec<_> =
                parts.iter().map(|part| Histogram::of(MERGEABLE, n, part)).collect();
            heap.push(Histogram::new(params(MERGEABLE, n)));
            while heap.len() > 1 {
                let from = heap.swap_remove(rng.below(heap.len()));
                let to = rng.below(heap.len());
                heap[to].merge(&from);
            }
            assert!(heap[0].state == serial.state, "round {round}");
        }
    }
}

#[test]
fn parity_merges_are_symmetric() {
    let mut rng = Rng(6);
    for style in 0..STYLES {
        let (x, y) = (sample(&mut rng, style, 300), sample(&mut rng, 0, 200));
        let (a, b) = (Histogram::of(PARITY, 128, &x), Histogram::of(PARITY, 128, &y));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(&b);
        ba.merge(&a);
        assert!(ab.state == ba.state, "style {style}");
        assert_eq!(ab.summary().total, 500);
        let sum: f64 = ab.counts().iter().sum();
        assert!((sum - 500.0).abs() < 1e-9);
        assert!(load(&ab.state, ab.bytes()).is_ok());
        // Into an empty one, and an empty one into it.
        let mut copy = Histogram::new(params(PARITY, 128));
        copy.merge(&a);
        copy.merge(&Histogram::new(params(PARITY, 128)));
        assert!(copy.state == a.state);
    }
}

/// Tasks in another order, on threads.
struct Plan {
    threads: usize,
    seed: AtomicU64,
}

unsafe extern "C" fn scattered(ctx: *const Ctx, n: usize, task: Task, arg: *mut c_void) {
    // SAFETY: the context is that of the test, whose plan outlives the call.
    let plan = unsafe { &*(*ctx).user.cast::<Plan>() };
    let mut rng = Rng(plan.seed.fetch_add(1, Ordering::Relaxed));
    let mut order: Vec<usize> = (0..n).collect();
    (1..n).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
    // SAFETY: the order is a permutation of `0..n`.
    unsafe { threads::run(plan.threads, &order, task, arg) };
}

/// A state after updates with the parts of a tensor, on one table.
fn bytes_of(k: &Kernels, threads: usize, kind: u32, dtype: Dtype, x: &[u32]) -> Vec<u64> {
    let plan = Plan { threads, seed: AtomicU64::new(threads as u64) };
    let user = (&raw const plan).cast_mut().cast();
    let ctx = Ctx { user, parallel_for: Some(scattered), ..Ctx::DEFAULT };
    let params = params(kind, 512);
    let shape = params.validate().unwrap();
    let mut words = vec![0; StateMut::words(shape)];
    let mut state = StateMut::init(shape, &mut words).unwrap();
    let per_row = if dtype == Dtype::F32 { 1000 } else { 2000 };
    for rows in [1, 3, x.len() / 1000] {
        let (data, cols) = (x.as_ptr().cast(), per_row - 9);
        // SAFETY: `x` holds so many rows.
        let src = unsafe { MatrixView::new(data, dtype, (rows, cols, per_row)) };
        let mut space = workspace(&params, rows, cols);
        let exec = if threads == 0 { Exec::SERIAL } else { Exec::new(Some(&ctx)) };
        update(k, exec, &mut state, src, &mut space).unwrap();
    }
    words
}

/// FNV-1a.
fn digest(words: &[u64]) -> u64 {
    words.iter().flat_map(|word| word.to_le_bytes()).fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[test]
fn tiers_and_threads_give_the_same_bytes() {
    let mut rng = Rng(7);
    let floats: Vec<f32> = (0..600_000).map(|i| rng.normal() * (1.0 + (i / 2000) as f32)).collect();
    let halves = |f: &dyn Fn(f32) -> u16| -> Vec<u32> {
        let bits = |pair: &[f32]| u32::from(f(pair[0])) | u32::from(f(pair[1])) << 16;
        floats.chunks(2).map(bits).collect()
    };
    let inputs = [
        (Dtype::F32, floats.iter().map(|x| x.to_bits()).collect()),
        (Dtype::F16, halves(&|x| f16::from_f32(x).to_bits())),
        (Dtype::Bf16, halves(&|x| bf16::from_f32(x).to_bits())),
    ];
    let mut digests = Vec::new();
    for (dtype, x) in &inputs {
        for kind in KINDS {
            let scalar = dispatch::available().next().unwrap();
            let want = bytes_of(scalar, 0, kind, *dtype, x);
            for k in dispatch::available() {
                for threads in [0, 1, 2, 3, 7] {
                    let got = bytes_of(k, threads, kind, *dtype, x);
                    assert!(got == want, "{:?} {threads} threads {dtype:?} {kind}", k.isa());
                }
            }
            digests.push(digest(&want));
        }
    }
    // On little-endian machines.
    if cfg!(target_endian = "little") {
        assert_eq!(digests, DIGESTS);
    }
}

const DIGESTS: [u64; 6] = [
    0x1BB4_0173_20D0_20EF,
    0xAD18_E941_9BEE_A280,
    0x3824_7E59_AD79_A790,
    0x25A6_8CEE_CE46_E060,
    0xEB8F_FEB2_5CF5_B2F4,
    0x3F62_8735_D31E_825D,
];

#[test]
fn sixteen_bits_count_as_their_values() {
    let mut rng = Rng(8);
    let narrow: Vec<f16> = (0..999).map(|_| f16::from_f32(rng.normal())).collect();
    let wide: Vec<f32> = narrow.iter().map(|x| x.to_f32()).collect();
    for kind in KINDS {
        let mut histogram = Histogram::new(params(kind, 64));
        let data = narrow.as_ptr().cast();
        let src = Matrix { data, rows: 9, cols: 100, row_stride: 111, dtype: 1, reserved: 0 };
        assert_eq!(histogram.try_update(null(), &src), Status::Ok);
        let rows: Vec<f32> = wide.chunks(111).flat_map(|row| &row[..100]).copied().collect();
        assert!(histogram.state == Histogram::of(kind, 64, &rows).state);
    }
}

#[test]
fn summaries() {
    for kind in KINDS {
        let mut histogram = Histogram::new(params(kind, 16));
        let empty = histogram.summary();
        assert_eq!((empty.low, empty.high, empty.total, empty.updates), (0.0, 0.0, 0, 0));
        assert_eq!((empty.kind, empty.num_bins), (kind, 16));
        let before = histogram.state.clone();
        assert_eq!(histogram.try_update(null(), &view(&[])), Status::Ok);
        assert!(histogram.state == before, "no elements, no change");
        histogram.update(&[-1.0, 0.5, 7.0]);
        histogram.update(&[-0.0]);
        let summary = histogram.summary();
        assert_eq!((summary.min, summary.max), (-1.0, 7.0));
        assert_eq!((summary.total, summary.updates), (4, 2));
        let bounds = if kind == PARITY { (-1.0, 7.0) } else { (-1.0, 15.0) };
        assert_eq!((summary.low, summary.high), bounds);
    }
}
