//! The same bytes for every number of threads and every order of tasks: whole functions, large
//! enough to be cut into many tiles, on every table.

#![cfg(all(
    feature = "convert",
    feature = "gptq",
    feature = "lora",
    feature = "range",
    feature = "requantize",
    feature = "weights"
))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;
#[path = "common/tables.rs"]
mod tables;
#[path = "common/threads.rs"]
mod threads;

use calls::*;
use ptqk::ffi::{Ctx, Matrix, ReduceParams, Status, Task, ptqk_mean, ptqk_sum};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tables::on_every_table;

/// How a call is spread, and what its callbacks heard.
struct Plan {
    threads: usize,
    seed: AtomicU64,
    tasks: AtomicUsize,
    progress: AtomicUsize,
}

impl Plan {
    fn new(threads: usize) -> Self {
        let seed = AtomicU64::new(threads as u64);
        Self { threads, seed, tasks: AtomicUsize::new(0), progress: AtomicUsize::new(0) }
    }

    fn ctx(&self, progress: bool) -> Ctx {
        Ctx {
            user: (&raw const *self).cast_mut().cast(),
            parallel_for: Some(scattered),
            progress: if progress { Some(go_on) } else { None },
            ..Ctx::DEFAULT
        }
    }
}

/// The tasks in random order, on as many threads as the plan says.
unsafe extern "C" fn scattered(ctx: *const Ctx, n: usize, task: Task, arg: *mut c_void) {
    // SAFETY: the context is the one of `Plan::ctx`, whose plan outlives the call.
    let plan = unsafe { &*(*ctx).user.cast::<Plan>() };
    plan.tasks.fetch_add(n, Ordering::Relaxed);
    let mut rng = Lcg::new(plan.seed.fetch_add(1, Ordering::Relaxed));
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, rng.below(i as u32 + 1) as usize);
    }
    // SAFETY: the order is a permutation of `0..n`.
    unsafe { threads::run(plan.threads, &order, task, arg) };
}

unsafe extern "C" fn go_on(ctx: *const Ctx, _: u64, _: u64) -> i32 {
    // SAFETY: as in `scattered`.
    unsafe { &*(*ctx).user.cast::<Plan>() }.progress.fetch_add(1, Ordering::Relaxed);
    0
}

/// Many tiles of whole rows, one very long row, wide rows with odd tails, one very tall column.
const SHAPES: [Shape; 4] = [
    Shape::padded(521, 517, 3),
    Shape::new(1, 300_000),
    Shape::padded(3, 70_001, 5),
    Shape::new(140_001, 1),
];

/// Whole blocks of 32 on both axes, and a row of many.
const BLOCKS: [Shape; 2] = [Shape::padded(544, 512, 3), Shape::new(32, 8192)];

/// Threads, and whether there is a progress callback. Every call meets two or one of them on each table.
const PLANS: [(usize, bool); 5] = [(1, false), (2, true), (3, false), (7, false), (16, true)];

/// Whether a shape meets two plans at a time, and every call.
fn is_first(shape: Shape) -> bool {
    [SHAPES[0].rows, BLOCKS[0].rows].contains(&shape.rows)
}

/// The plans of the call number `at`, in turn: a call meets others on the next table.
fn plans(shape: Shape, at: usize) -> impl Iterator<Item = (usize, bool)> {
    let n = if is_first(shape) { 2 } else { 1 };
    PLANS.into_iter().cycle().skip(at * n % PLANS.len()).take(n)
}

const SHARINGS: [(u32, u32); 5] = [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 7), (GROUP, 128)];

/// A divisor of `n` that makes many groups, or -1.
fn divisor(n: usize) -> i32 {
    [16, 11, 20, 3, 7].into_iter().find(|d| n.is_multiple_of(*d as usize)).unwrap_or(-1)
}

/// The modes whose groups fit the shape; a third of the float modes where the shape is not the first.
fn compressions(dtype: u32, shape: Shape) -> impl Iterator<Item = Call> {
    let both = MODES.into_iter().flat_map(|mode| [(mode, 0), (mode, 1)]);
    both.filter_map(move |(mode, axis)| {
        let channel = if axis == 0 { shape.rows } else { shape.cols };
        let (number, half) = (mode.number, (mode.number + axis) % 2 == 0);
        let group = match mode.block {
            -1 if number % 2 == 0 => divisor(channel),
            block => block,
        };
        let hostile = matches!(number, 3 | 7 | NVFP4 | 16);
        let rules = if number > 5 { (dtype + axis) % 3 } else { 0 };
        let call = Call::Compress { dtype, mode, axis, group, half, rules, hostile };
        let fits = group == -1 || channel.is_multiple_of(group as usize);
        let taken = number < 6 || is_first(shape) || (number + axis + dtype).is_multiple_of(3);
        (fits && taken).then_some(call)
    })
}

fn calls(shape: Shape) -> Vec<Call> {
    if BLOCKS.iter().any(|block| block.rows == shape.rows) {
        let calls = [F32, F16, BF16].into_iter().flat_map(|dtype| compressions(dtype, shape));
        let blocks = |call: &Call| matches!(call, Call::Compress { mode, .. } if mode.block > 0);
        return calls.filter(blocks).collect();
    }
    let mut calls = Vec::new();
    let mut turn = 0;
    for dtype in [F32, F16, BF16] {
        for sharing in SHARINGS {
            turn += 1;
            let (code_type, zero) = (turn % 8, turn % 3 > 0);
            calls.push(Call::Quantize { dtype, code_type, sharing, before: turn % 2, zero });
            let code_type = (turn * 3 + 1) % 8;
            calls.push(Call::Dequantize { dtype, code_type, sharing, zero });
            let (code_type, zero) = (SCALED[8 + turn as usize % 8], false);
            calls.push(Call::Quantize { dtype, code_type, sharing, before: 0, zero });
            let code_type = SCALED[8 + (turn as usize * 3 + 1) % 8];
            calls.push(Call::Dequantize { dtype, code_type, sharing, zero });
            calls.push(Call::FakeConvert {
                from: dtype,
                to: if turn % 2 == 0 { dtype } else { turn % 3 },
                sharing,
                destination: SIGNED[turn as usize % 7],
                nan_rule: turn / 2 % 2,
                shift: turn % 3 > 0,
                in_place: turn % 2 == 0,
            });
            let (to, in_place) = ((dtype + turn) % 3, false);
            calls.push(Call::FakeQuantize { from: dtype, to, sharing, levels: 255, in_place });
            let (to, in_place) = (dtype, true);
            calls.push(Call::FakeQuantize { from: dtype, to, sharing, levels: 256, in_place });
            for what in REDUCTIONS {
                calls.push(Call::Reduce { what, dtype, sharing, hostile: false });
            }
            calls.push(Call::Reduce { what: Reduce::MinMax, dtype, sharing, hostile: true });
        }
        for code_type in FLOATS {
            let rules = Rules::all(Some(code_type));
            let rules = rules[(dtype as usize + code_type as usize) % rules.len()];
            calls.push(Call::Encode { dtype, code_type, rules });
            calls.push(Call::Decode { code_type, dtype });
        }
        let stochastic = Rules { overflow: 0, nan_rule: 0, rounding: STOCHASTIC };
        calls.push(Call::Encode { dtype, code_type: SIGNED[dtype as usize], rules: stochastic });
        for to in [F32, F16, BF16] {
            let plain = Rules { overflow: 1, nan_rule: 0, rounding: NEAREST };
            calls.push(Call::Convert { from: dtype, to, rules: plain });
            calls.push(Call::Convert { from: dtype, to, rules: stochastic });
        }
        calls.extend(compressions(dtype, shape));
    }
    for code_type in [I8, U8] {
        for granularity in [TENSOR, ROW, COLUMN] {
            calls.push(Call::Requantize { code_type, granularity });
            let single = granularity % 2;
            calls.push(Call::RequantizeFixed { code_type, granularity, single });
        }
    }
    // Rows of one element cost much, so there every fifth call is enough; long rows share the calls.
    let (first, step) = match shape {
        _ if shape.cols == 1 => (0, 5),
        _ if is_first(shape) => (0, 1),
        _ => (shape.rows / 2 % 2, 2),
    };
    calls.into_iter().skip(first).step_by(step).collect()
}

fn same(got: &Outcome, want: &Outcome, what: &str) {
    assert_eq!(got.status, want.status, "{what}");
    for ((name, got), (_, want)) in got.outputs.iter().zip(&want.outputs) {
        let different = got.iter().zip(want).position(|(a, b)| a != b);
        assert_eq!(different, None, "{what}: first different byte of {name}");
    }
}

#[test]
fn threads_and_their_order_change_nothing() {
    let mut expected = Vec::new();
    let (mut tasks, mut heard) = (0, 0);
    on_every_table(|isa| {
        let mut at = 0;
        for shape in SHAPES.into_iter().chain(BLOCKS) {
            for call in calls(shape) {
                let serial = call.run(shape, &Heap::default(), std::ptr::null());
                // The scalar table comes first; its serial bytes are those of all.
                if isa == 0 {
                    expected.push(serial);
                } else {
                    same(&serial, &expected[at], &format!("{call:?} {shape:?} isa {isa}, serial"));
                }
                for (threads, progress) in plans(shape, at + isa as usize) {
                    let plan = Plan::new(threads);
                    let got = call.run(shape, &Heap::default(), &plan.ctx(progress));
                    let what = format!("{call:?} {shape:?} isa {isa}, {threads} threads");
                    same(&got, &expected[at], &what);
                    tasks += plan.tasks.into_inner();
                    heard += plan.progress.into_inner();
                }
                at += 1;
            }
        }
    });
    assert!(tasks > 10_000 && heard > 1000, "the callbacks ran: {tasks} tasks, {heard} reports");
}

/// Sums that cancel show where the pieces of a tensor are put together: each row here is a piece, and
/// f64 loses the small ones next to the large ones.
#[test]
fn threads_do_not_move_the_cuts() {
    let (rows, cols) = (640, 4096);
    let mut x = vec![0.0_f32; rows * cols];
    let large = f32::from_bits((127 + 80) << 23);
    for (i, row) in x.chunks_exact_mut(cols).enumerate() {
        row[0] = [large, 1.0 + i as f32, -large, 3.0 + i as f32][i % 4];
    }
    let data = x.as_ptr().cast();
    let src = Matrix { data, rows, cols, row_stride: cols, dtype: F32, reserved: 0 };
    let sums = |ctx: *const Ctx| {
        let (params, mut sum, mut mean) = (ReduceParams::DEFAULT, 0.0_f32, 0.0_f32);
        // SAFETY: one output each.
        let status = unsafe {
            [ptqk_sum(ctx, &params, &src, &mut sum), ptqk_mean(ctx, &params, &src, &mut mean)]
        };
        assert_eq!(status, [Status::Ok; 2]);
        [sum.to_bits(), mean.to_bits()]
    };
    on_every_table(|isa| {
        let serial = sums(std::ptr::null());
        for (threads, progress) in PLANS {
            let got = sums(&Plan::new(threads).ctx(progress));
            assert_eq!(got, serial, "isa {isa}, {threads} threads");
        }
    });
}

/// The inputs above are good: but for the weights that hold NaN, every call succeeds.
#[test]
fn the_calls_are_right() {
    for shape in SHAPES.into_iter().chain(BLOCKS) {
        for call in calls(shape) {
            let outcome = call.run(shape, &Heap::default(), std::ptr::null());
            let bad = matches!(call, Call::Compress { hostile: true, .. });
            let want = |i| if bad && i == 1 { Status::NotFinite } else { Status::Ok };
            for (i, status) in outcome.status.into_iter().enumerate() {
                assert_eq!(status, want(i), "{call:?} {shape:?}");
            }
        }
    }
}
