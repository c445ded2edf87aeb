//! Quantile sketches: exact while small, within the stated bounds beyond, the same bytes everywhere,
//! merges, states as bytes, refusals.

#![cfg(feature = "range")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "common/rng.rs"]
mod rng;
#[path = "common/tables.rs"]
mod tables;

use ptqk::ffi::{self, Ctx, Detail, Dtype, Matrix, SketchParams, SketchSummary, Status};
use rng::Rng;
use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};
use tables::on_every_table;

#[derive(Clone)]
struct Sketch {
    params: SketchParams,
    state: Vec<u64>,
}

fn view(x: &[f32]) -> Matrix {
    let (data, cols) = (x.as_ptr().cast(), x.len());
    Matrix { data, rows: 1, cols, row_stride: cols, dtype: Dtype::F32 as u32, reserved: 0 }
}

impl Sketch {
    fn new(capacity: u32) -> Self {
        let params = SketchParams { capacity, ..SketchParams::DEFAULT };
        let mut bytes = 0;
        // SAFETY: one number is written.
        let status = unsafe { ffi::ptqk_sketch_state_size(null(), &params, &mut bytes) };
        assert_eq!(status, Status::Ok);
        let mut state = vec![0xA7A7_A7A7_A7A7_A7A7; bytes / 8];
        // SAFETY: the state has the size that was asked for.
        let status =
            unsafe { ffi::ptqk_sketch_init(null(), &params, state.as_mut_ptr().cast(), bytes) };
        assert_eq!(status, Status::Ok);
        Self { params, state }
    }

    fn of(capacity: u32, x: &[f32]) -> Self {
        let mut sketch = Self::new(capacity);
        sketch.update(x);
        sketch
    }

    fn bytes(&self) -> usize {
        self.state.len() * 8
    }

    fn workspace(&self) -> Vec<u8> {
        let mut bytes = 0;
        // SAFETY: one number is written.
        let status = unsafe { ffi::ptqk_sketch_workspace_size(null(), &self.params, &mut bytes) };
        assert_eq!(status, Status::Ok);
        vec![0xA7; bytes]
    }

    fn try_update(&mut self, ctx: *const Ctx, src: &Matrix) -> Status {
        let (mut space, bytes) = (self.workspace(), self.bytes());
        let (at, n) = (space.as_mut_ptr().cast(), space.len());
        // SAFETY: state and workspace have the sizes that are given.
        unsafe { ffi::ptqk_sketch_update(ctx, src, self.state.as_mut_ptr().cast(), bytes, at, n) }
    }

    fn update(&mut self, x: &[f32]) {
        assert_eq!(self.try_update(null(), &view(x)), Status::Ok);
    }

    fn try_merge(&mut self, ctx: *const Ctx, other: &Self) -> Status {
        let (mut space, bytes) = (self.workspace(), self.bytes());
        let (at, n) = (space.as_mut_ptr().cast(), space.len());
        let (from, m) = (other.state.as_ptr().cast(), other.bytes());
        let to = self.state.as_mut_ptr().cast();
        // SAFETY: states and workspace have the sizes that are given.
        unsafe { ffi::ptqk_sketch_merge(ctx, from, m, to, bytes, at, n) }
    }

    fn merge(&mut self, other: &Self) {
        assert_eq!(self.try_merge(null(), other), Status::Ok);
    }

    fn query(&self, probabilities: &[f64]) -> (SketchSummary, Vec<f64>) {
        let (mut summary, mut out) = (SketchSummary::default(), vec![0.0; probabilities.len()]);
        let (state, bytes) = (self.state.as_ptr().cast(), self.bytes());
        let (p, n, to) = (probabilities.as_ptr(), out.len(), out.as_mut_ptr());
        // SAFETY: the state and the arrays have the sizes that are given.
        let status =
            unsafe { ffi::ptqk_sketch_query(null(), state, bytes, &mut summary, p, n, to) };
        assert_eq!(status, Status::Ok);
        (summary, out)
    }
}

/// Status, argument and field of a refusal.
fn ask(f: impl FnOnce(*const Ctx) -> Status) -> (Status, String) {
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx { detail: &mut detail, ..Ctx::DEFAULT };
    let status = f(&ctx);
    let text = |p: *const std::ffi::c_char| {
        // SAFETY: NULL or a constant of the library.
        if p.is_null() { "" } else { unsafe { CStr::from_ptr(p) }.to_str().unwrap() }
    };
    let (argument, field) = (text(detail.argument), text(detail.field));
    let dot = if field.is_empty() { "" } else { "." };
    (status, format!("{argument}{dot}{field}"))
}

fn normal(rng: &mut Rng, n: usize) -> Vec<f32> {
    rng.many(n, Rng::normal)
}

const PROBABILITIES: [f64; 11] = [0.0, 1e-4, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999, 1.0];

fn numpy(sorted: &[f32], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let (low, share) = (place.floor() as usize, place - place.floor());
    let (a, b) = (f64::from(sorted[low]), f64::from(sorted[(low + 1).min(sorted.len() - 1)]));
    if share < 0.5 { a + (b - a) * share } else { b - (b - a) * (1.0 - share) }
}

/// How far the rank of `value` is from that of probability `p`.
fn rank_error(sorted: &[f32], p: f64, value: f64) -> (f64, f64) {
    let place = p * (sorted.len() - 1) as f64;
    let below = sorted.partition_point(|x| f64::from(*x) < value) as f64;
    let through = sorted.partition_point(|x| f64::from(*x) <= value) as f64;
    ((place - through).max(0.0), (below - 1.0 - place).max(0.0))
}

#[test]
fn exact_up_to_the_capacity() {
    let mut rng = Rng(1);
    for capacity in [16, 100, 4096] {
        for n in [1, 2, 3, capacity as usize / 2, capacity as usize - 1, capacity as usize] {
            let x = normal(&mut rng, n);
            let mut sorted = x.clone();
            sorted.sort_by(f32::total_cmp);
            let (summary, found) = Sketch::of(capacity, &x).query(&PROBABILITIES);
            assert_eq!((summary.total, summary.rank_over, summary.rank_under), (n as u64, 0, 0));
            assert_eq!((summary.min, summary.max), (sorted[0], sorted[n - 1]));
            for (p, found) in PROBABILITIES.iter().zip(found) {
                assert_eq!(found, numpy(&sorted, *p), "{n} of {capacity}, {p}");
            }
        }
    }
}

/// Data in several orders, with many equal elements and of both signs.
fn orders(rng: &mut Rng, n: usize) -> Vec<Vec<f32>> {
    let random = normal(rng, n);
    let mut up = random.clone();
    up.sort_by(f32::total_cmp);
    let down = up.iter().rev().copied().collect();
    let zigzag = (0..n).map(|i| up[if i % 2 == 0 { i / 2 } else { n - 1 - i / 2 }]).collect();
    let equal = random.iter().map(|x| x.round()).collect();
    vec![random, up, down, zigzag, equal]
}

#[test]
fn within_the_bounds_beyond() {
    let mut rng = Rng(2);
    for (capacity, n) in [(16, 17), (16, 5000), (64, 100_000), (1024, 1 << 19)] {
        for x in orders(&mut rng, n) {
            let sketch = Sketch::of(capacity, &x);
            let mut sorted = x;
            sorted.sort_by(f32::total_cmp);
            let (summary, found) = sketch.query(&PROBABILITIES);
            assert_eq!(summary.total, n as u64);
            // The bound of the header.
            let (levels, k) = ((n as f64 / f64::from(capacity)).log2().ceil(), f64::from(capacity));
            let worst = n as f64 * levels / k;
            assert!((summary.rank_over + summary.rank_under) as f64 <= worst, "{summary:?}");
            // By turns: a level leaves at most one compaction, of `2^level`, on one side.
            let apart = summary.rank_over.abs_diff(summary.rank_under);
            assert!((apart as f64) < levels.exp2(), "{summary:?}");
            for (p, found) in PROBABILITIES.iter().zip(&found) {
                let (high, low) = rank_error(&sorted, *p, *found);
                // Ranks that are too high give elements that are too low, and the other way round;
                // a quantile lies between two ranks.
                assert!(high <= summary.rank_over as f64 + 1.0, "{p}: {high}, {summary:?}");
                assert!(low <= summary.rank_under as f64 + 1.0, "{p}: {low}, {summary:?}");
            }
            assert_eq!((found[0], found[10]), (f64::from(sorted[0]), f64::from(sorted[n - 1])));
            assert!(found.is_sorted());
        }
    }
}

#[test]
fn cuts_do_not_show() {
    let mut rng = Rng(3);
    let x = normal(&mut rng, 10_000);
    let whole = Sketch::of(128, &x);
    for piece in [1, 7, 64, 128, 999] {
        let mut sketch = Sketch::new(128);
        x.chunks(piece).for_each(|x| sketch.update(x));
        assert!(whole.state == sketch.state);
    }
    // Rows with a stride, and 16-bit elements.
    let strided = Matrix { rows: 100, cols: 77, row_stride: 100, ..view(&x) };
    let dense: Vec<f32> = x.chunks(100).flat_map(|row| row[..77].to_vec()).collect();
    let (mut a, mut b) = (Sketch::new(128), Sketch::new(128));
    assert_eq!(a.try_update(null(), &strided), Status::Ok);
    let rows = Matrix { rows: 100, cols: 77, row_stride: 77, ..view(&dense) };
    assert_eq!(b.try_update(null(), &rows), Status::Ok);
    assert!(a.state == b.state);
    let half: Vec<half::f16> = x.iter().map(|x| half::f16::from_f32(*x)).collect();
    let wide: Vec<f32> = half.iter().map(|x| x.to_f32()).collect();
    let half = Matrix { data: half.as_ptr().cast(), dtype: Dtype::F16 as u32, ..view(&x) };
    let mut c = Sketch::new(128);
    assert_eq!(c.try_update(null(), &half), Status::Ok);
    assert!(c.state == Sketch::of(128, &wide).state);
}

#[test]
fn tiers_do_not_show() {
    let mut rng = Rng(4);
    let x = normal(&mut rng, 5000);
    let mut first: Option<Sketch> = None;
    on_every_table(|isa| {
        let sketch = Sketch::of(64, &x);
        let want = first.get_or_insert_with(|| sketch.clone());
        assert!(sketch.state == want.state, "table {isa}");
    });
}

#[test]
fn merges_stay_within_the_bounds() {
    let mut rng = Rng(5);
    for parts in [2, 3, 7] {
        for n in [10, 300, 20_000] {
            for x in orders(&mut rng, n) {
                let size = n.div_ceil(parts);
                let sketches: Vec<_> = x.chunks(size).map(|x| Sketch::of(32, x)).collect();
                let mut all = Sketch::new(32);
                sketches.iter().for_each(|sketch| all.merge(sketch));
                let mut again = Sketch::new(32);
                sketches.iter().for_each(|sketch| again.merge(sketch));
                assert!(all.state == again.state);
                let mut sorted = x;
                sorted.sort_by(f32::total_cmp);
                let (summary, found) = all.query(&PROBABILITIES);
                assert_eq!(summary.total, n as u64);
                for (p, found) in PROBABILITIES.iter().zip(&found) {
                    let (high, low) = rank_error(&sorted, *p, *found);
                    assert!(high <= summary.rank_over as f64 + 1.0, "{p}: {high}, {summary:?}");
                    assert!(low <= summary.rank_under as f64 + 1.0, "{p}: {low}, {summary:?}");
                }
                let status = load(&all.state, all.bytes(), null()).0;
                assert_eq!(status, Status::Ok);
            }
        }
    }
    // Into an empty one, a merge is a copy of the elements, and an empty one adds nothing.
    let sketch = Sketch::of(32, &[3.0, 1.0, 2.0]);
    let mut other = Sketch::new(32);
    other.merge(&sketch);
    assert!(other.state == sketch.state);
    other.merge(&Sketch::new(32));
    assert!(other.state == sketch.state);
}

fn load(state: &[u64], bytes: usize, ctx: *const Ctx) -> (Status, SketchParams) {
    let mut params = SketchParams::DEFAULT;
    // SAFETY: the state has at least so many bytes.
    let status = unsafe { ffi::ptqk_sketch_load(ctx, state.as_ptr().cast(), bytes, &mut params) };
    (status, params)
}

/// What is loaded in spite of a damage is as safe as any sketch; so are the other functions, which do
/// not look.
#[test]
fn flipped_bits_do_no_harm() {
    let good = Sketch::of(16, &normal(&mut Rng(8), 300));
    for bit in 0..good.bytes() * 8 {
        let mut damaged = good.clone();
        damaged.state[bit / 64] ^= 1 << (bit % 64);
        let (status, params) = load(&damaged.state, damaged.bytes(), null());
        if status == Status::Ok {
            assert_eq!(params, good.params, "bit {bit}");
            let (summary, quantiles) = damaged.query(&[0.0, 0.4, 1.0]);
            assert!(summary.min <= summary.max, "bit {bit}");
            assert!(quantiles.iter().all(|x| x.is_finite()), "bit {bit}");
        }
        let _ = good.clone().try_merge(null(), &damaged);
        let _ = damaged.try_update(null(), &view(&[1.0, -2.0]));
    }
}

#[test]
fn bytes_that_come_back() {
    let mut rng = Rng(6);
    let sketch = Sketch::of(32, &normal(&mut rng, 1000));
    let (state, bytes) = (&sketch.state, sketch.bytes());
    assert_eq!(load(state, bytes, null()), (Status::Ok, sketch.params));
    let empty = Sketch::new(32);
    assert_eq!(load(&empty.state, empty.bytes(), null()).0, Status::Ok);
    let cases: [(&str, usize, u64); 11] = [
        ("state.magic", 0, 1),
        ("state.byte_order", 1, 1),
        ("state.version", 1, 1 << 32),
        ("state.bytes", 2, 8),
        ("state.size", 3, 1),
        ("state.capacity", 3, 1 << 32),
        ("state.bytes", 3, 96 << 32),
        ("state.total", 4, 1),
        ("state.total", 4, 1 << 41),
        ("state.count", 9, 64),
        ("state.total", 9, 0x0000_0001_0000_0000),
    ];
    for (field, word, flip) in cases {
        let mut damaged = state.clone();
        damaged[word] ^= flip;
        let (status, at) = ask(|ctx| load(&damaged, bytes, ctx).0);
        assert_eq!((status, at.as_str()), (Status::InvalidParameter, field), "{word} {flip:x}");
    }
    // No range, and elements of level 0, which lie behind the counts of 36 levels.
    let nan = u64::from(f32::NAN.to_bits());
    let swapped = u64::from(1.0_f32.to_bits()) << 32 | u64::from(2.0_f32.to_bits());
    for (field, word, value) in
        [("state.max", 7, nan), ("state.max", 7, swapped), ("state.element", 27, nan)]
    {
        let mut damaged = state.clone();
        damaged[word] = value;
        let (status, at) = ask(|ctx| load(&damaged, bytes, ctx).0);
        assert_eq!((status, at.as_str()), (Status::InvalidParameter, field));
    }
    for short in [0, 7, 8, 71, 72, bytes - 8, bytes - 1] {
        let (status, at) = ask(|ctx| load(state, short, ctx).0);
        assert_eq!((status, at.as_str()), (Status::InvalidParameter, "state.bytes"), "{short}");
    }
    // Whatever the bytes are: refused, or wrong numbers, but no more than that.
    for _ in 0..2000 {
        let mut damaged = sketch.clone();
        let word = rng.below(damaged.state.len());
        damaged.state[word] ^= 1 << rng.below(64);
        let src = [1.0, 2.0, 3.0];
        let _ = damaged.try_update(null(), &view(&src));
        let copy = damaged.clone();
        let _ = damaged.try_merge(null(), &copy);
        let mut out = [0.0; 2];
        // SAFETY: the state and the arrays have the sizes that are given.
        let _ = unsafe {
            let (state, bytes) = (damaged.state.as_ptr().cast(), damaged.bytes());
            let (p, to) = ([0.3, 0.9], out.as_mut_ptr());
            ffi::ptqk_sketch_query(null(), state, bytes, null_mut(), p.as_ptr(), 2, to)
        };
    }
}

#[test]
fn what_is_refused() {
    let bad = |capacity: u32| {
        let params = SketchParams { capacity, ..SketchParams::DEFAULT };
        let mut bytes = 77;
        // SAFETY: one number may be written.
        let answer = ask(|ctx| unsafe { ffi::ptqk_sketch_state_size(ctx, &params, &mut bytes) });
        assert_eq!(bytes, 77);
        answer
    };
    for capacity in [0, 1, 14, 17, 65538, u32::MAX] {
        assert_eq!(bad(capacity), (Status::InvalidParameter, "params.capacity".into()));
    }
    let mut sketch = Sketch::of(16, &[1.0, 2.0]);
    let before = sketch.state.clone();
    for (x, at) in [(f32::NAN, 0), (f32::INFINITY, 5), (f32::NEG_INFINITY, 9)] {
        let mut src = [0.5; 10];
        src[at] = x;
        let mut detail = Detail::DEFAULT;
        let ctx = Ctx { detail: &mut detail, ..Ctx::DEFAULT };
        assert_eq!(sketch.try_update(&ctx, &view(&src)), Status::NotFinite);
        assert_eq!(detail.index, at as u64);
        assert!(sketch.state == before);
    }
    let other = Sketch::of(18, &[1.0]);
    let answer = ask(|ctx| sketch.try_merge(ctx, &other));
    assert_eq!(answer, (Status::InvalidParameter, "other.capacity".into()));

    let mut space = sketch.workspace();
    let (work, m) = (space.as_mut_ptr().cast::<c_void>(), space.len());
    let (n, to) = (sketch.bytes(), sketch.state.as_mut_ptr().cast::<c_void>());
    let src = view(&[4.0, 5.0]);
    let from = other.state.as_ptr().cast::<c_void>();
    let is = |answer: (Status, String), status, at: &str| assert_eq!(answer, (status, at.into()));
    // SAFETY: what is wrong is refused; sizes are at most those of the buffers.
    unsafe {
        let update =
            |src, to, n, work, m| ask(|ctx| ffi::ptqk_sketch_update(ctx, src, to, n, work, m));
        is(update(null(), to, n, work, m), Status::NullPointer, "src");
        is(update(&src, null_mut(), n, work, m), Status::NullPointer, "state");
        is(update(&src, to.byte_add(4), n - 8, work, m), Status::Misaligned, "state");
        is(update(&src, to, n - 8, work, m), Status::InvalidParameter, "state.bytes");
        is(update(&src, to, n, work, m - 1), Status::InvalidParameter, "workspace_bytes");
        is(update(&src, to, n, null_mut(), m), Status::NullPointer, "workspace");
        is(update(&src, to, n, to, n), Status::Overlap, "state");
        let own = Matrix { data: to, rows: 1, cols: 4, row_stride: 4, ..src };
        is(update(&own, to, n, work, m), Status::Overlap, "state");

        let merge = |from, k, to, n, work, m| {
            ask(|ctx| ffi::ptqk_sketch_merge(ctx, from, k, to, n, work, m))
        };
        is(merge(null(), n, to, n, work, m), Status::NullPointer, "other");
        is(merge(from, 16, to, n, work, m), Status::InvalidParameter, "other.bytes");
        is(merge(to.cast_const(), n, to, n, work, m), Status::Overlap, "state");

        let query = |p, count, out| {
            ask(|ctx| ffi::ptqk_sketch_query(ctx, to.cast_const(), n, null_mut(), p, count, out))
        };
        let (p, mut out) = ([0.5, 1.5], [7.0; 2]);
        is(query(null(), 1, out.as_mut_ptr()), Status::NullPointer, "probabilities");
        is(query(p.as_ptr(), 2, out.as_mut_ptr()), Status::InvalidParameter, "probabilities");
        is(query(p.as_ptr(), 1, null_mut()), Status::NullPointer, "quantiles");
        is(query(p.as_ptr(), 1, to.cast()), Status::Overlap, "quantiles");
        assert_eq!(out, [7.0; 2]);
        let empty = Sketch::new(16);
        let (state, bytes) = (empty.state.as_ptr().cast(), empty.bytes());
        let to = out.as_mut_ptr();
        let none =
            ask(|ctx| ffi::ptqk_sketch_query(ctx, state, bytes, null_mut(), p.as_ptr(), 1, to));
        is(none, Status::InvalidParameter, "state.total");
        let init = |n| ask(|ctx| ffi::ptqk_sketch_init(ctx, &sketch.params, work, n));
        is(init(n - 8), Status::InvalidShape, "state_bytes");
    }
    assert!(sketch.state == before);
}

#[test]
fn too_many_elements() {
    // Doubling by merges reaches 2^40 elements, which is the last that fits.
    let mut sketch = Sketch::of(16, &(0..16).map(|x| x as f32).collect::<Vec<_>>());
    for _ in 0..36 {
        let copy = sketch.clone();
        sketch.merge(&copy);
    }
    let (summary, found) = sketch.query(&[0.0, 0.5, 1.0]);
    assert_eq!(summary.total, 1 << 40);
    assert_eq!((found[0], found[2]), (0.0, 15.0));
    assert!((found[1] - 7.5).abs() < 4.0, "{}", found[1]);
    assert_eq!(load(&sketch.state, sketch.bytes(), null()).0, Status::Ok);
    let before = sketch.state.clone();
    let answer = ask(|ctx| sketch.try_update(ctx, &view(&[1.0])));
    assert_eq!(answer, (Status::SizeOverflow, "state".into()));
    assert!(sketch.state == before);
}
