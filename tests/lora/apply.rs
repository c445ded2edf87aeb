//! Adapters at work: against the text of the header in scalar steps, for batches and rows of their own, floats and
//! codes, and what is refused.

use crate::harness::*;
use crate::pair::{F32, Pair, Thin, U8, apply, merge};
use crate::rng::Rng;
use crate::stored::Stored;
use crate::tables::on_every_table;
use crate::threads::{on_threads, with_threads};
use ptqk::ffi::{self, *};
use std::ffi::c_void;
use std::ptr::null;

/// The inner product of the header: 32 lanes, folded, in pieces of 1024.
fn inner(a: &[f32], x: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, x) in a.chunks(1024).zip(x.chunks(1024)) {
        let mut lanes = [0.0_f32; 32];
        for (i, (a, x)) in a.iter().zip(x).enumerate() {
            lanes[i % 32] = a.mul_add(*x, lanes[i % 32]);
        }
        let mut half = 16;
        while half > 0 {
            (0..half).for_each(|i| lanes[i] += lanes[i + half]);
            half /= 2;
        }
        sum += lanes[0];
    }
    sum
}

fn by_definition(pairs: &[Pair], segments: &[LoraSegment], x: &Stored, y: &mut Stored) {
    let (xs, mut ys) = (x.values(), y.values());
    for segment in segments {
        let Pair { a, scale, .. } = &pairs[segment.adapter];
        let (av, (bv, scales)) = (a.levels(), pairs[segment.adapter].b_and_scales());
        if a.rows == 0 {
            continue;
        }
        for row in segment.first_row..segment.first_row + segment.rows {
            let x = &xs[row * a.cols..(row + 1) * a.cols];
            let inner = |(j, row)| inner(row, x) * a.row_scale(j) * scale * scales[j];
            let inner: Vec<f32> = av.chunks(a.cols).enumerate().map(inner).collect();
            for (output, b) in bv.chunks(a.rows).enumerate() {
                let to = row * bv.len() / b.len() + output;
                ys[to] = inner.iter().zip(b).fold(ys[to], |y, (h, b)| h.mul_add(*b, y));
            }
        }
        // What a segment leaves is rounded before the next one reads it.
        ys.iter().enumerate().for_each(|(i, value)| y.set(i, *value));
        ys = y.values();
    }
}

fn segment(adapter: usize, first_row: usize, rows: usize) -> LoraSegment {
    LoraSegment { adapter, first_row, rows }
}

#[test]
fn adapters_add_what_the_header_says() {
    let mut rng = Rng(51);
    for (inputs, outputs, rank) in [
        (1, 1, 1),
        (7, 33, 3),
        (64, 64, 8),
        (1500, 70, 5),
        (40, 600, 130),
        (33, 31, 64),
        (20, 1101, 7),
        (5, 9, 0),
    ] {
        for form in 0..5 {
            let mut pairs: Vec<Pair> = (0..3)
                .map(|i| Pair::new(inputs, outputs, rank, (form + i) % 5, &mut rng))
                .collect();
            pairs.push(Pair::transposed(inputs, outputs, rank, form, &mut rng));
            let rows = 21;
            let x = Stored::new(&rng.many(rows * inputs, Rng::uniform), rows, inputs, form % 3);
            let start = rng.many(rows * outputs, Rng::uniform);
            let segments = [
                segment(2, 0, 4),
                segment(0, 4, 17),
                segment(1, 3, 9),
                segment(2, 20, 0),
                segment(3, 1, 3),
                segment(3, 2, 18),
            ];
            let mut want = Stored::new(&start, rows, outputs, (form + 1) % 3);
            by_definition(&pairs, &segments, &x, &mut want);
            let want = want.values();
            on_every_table(|isa| {
                let mut y = Stored::new(&start, rows, outputs, (form + 1) % 3);
                apply(null(), &pairs, &segments, &x, &mut y);
                let same = y.values().iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "table {isa}: {inputs} {outputs} {rank}, form {form}");
                with_threads(|threads, ctx| {
                    let mut y = Stored::new(&start, rows, outputs, (form + 1) % 3);
                    apply(ctx, &pairs, &segments, &x, &mut y);
                    let same =
                        y.values().iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "table {isa}, {threads} threads");
                });
            });
        }
    }
}

#[test]
fn rows_are_their_own() {
    let mut rng = Rng(52);
    let (inputs, outputs, rows) = (100, 90, 40);
    let pairs = [Pair::new(inputs, outputs, 12, 1, &mut rng)];
    let xs = rng.many(rows * inputs, Rng::uniform);
    let x = Stored::new(&xs, rows, inputs, F32);
    let mut batch = Stored::new(&vec![0.5; rows * outputs], rows, outputs, F32);
    apply(&on_threads(3), &pairs, &[segment(0, 0, rows)], &x, &mut batch);
    let mut alone = Stored::new(&vec![0.5; rows * outputs], rows, outputs, F32);
    let one_by_one: Vec<_> = (0..rows).map(|row| segment(0, row, 1)).collect();
    apply(null(), &pairs, &one_by_one, &x, &mut alone);
    assert_eq!(batch.values(), alone.values());
    let mut none = Stored::new(&vec![0.5; rows * outputs], rows, outputs, F32);
    apply(null(), &pairs, &[], &x, &mut none);
    assert!(none.values().iter().all(|y| *y == 0.5));
    let mut none = Stored::new(&[], 0, outputs, F32);
    apply(null(), &pairs, &[segment(0, 0, 0)], &Stored::new(&[], 0, inputs, F32), &mut none);
}

/// A list of adapters costs what its segments take: the others may be of other layers.
#[test]
fn adapters_without_segments_are_not_read() {
    let mut rng = Rng(53);
    let (inputs, outputs, rows) = (40, 30, 3);
    let x = Stored::new(&rng.many(rows * inputs, Rng::uniform), rows, inputs, F32);
    let pair = |inputs, rng: &mut Rng| Pair::new(inputs, outputs, 4, 3, rng);
    let (mut idle, used) = (pair(inputs + 1, &mut rng), pair(inputs, &mut rng));
    idle.a.scale.fill(f32::NAN);
    let run = |pairs: &[Pair], adapter| {
        let mut y = Stored::new(&vec![0.5; rows * outputs], rows, outputs, F32);
        apply(null(), pairs, &[segment(adapter, 0, rows)], &x, &mut y);
        y.values()
    };
    let pairs = [idle, used];
    assert_eq!(run(&pairs, 1), run(&pairs[1..], 0));
}

/// Adapters of a correction give back what compression lost: the same product as the matrices themselves.
#[test]
fn corrections_can_be_applied() {
    use crate::calls::MODES;
    use crate::layer::{Compressed, Layer, correct, product};
    let layer = Layer::new(45, 64, 9, 53);
    let from = Compressed::new(&layer, &MODES[2], (16, 1), F32);
    let c = correct(&from.settings(5), &from);
    let thin = |codes: &[u8], i: usize, rows, cols| Thin {
        floats: Stored::new(&[], 0, 0, F32),
        codes: codes.to_vec(),
        gap: 0,
        scale: c.scale[i].clone(),
        zero_point: c.zero_point[i].clone(),
        code_type: Some(U8),
        rows,
        cols,
    };
    let (a, b) = (thin(&c.a_codes, 0, 5, 64), thin(&c.b_codes, 1, 45, 5));
    let ba = product(&a.values(), &b.values(), 5);
    let pairs = [Pair { a, b, scale: 1.0, b_is_transposed: false }];
    let x = Stored::new(&layer.means, 9, 64, F32);
    let mut y = Stored::new(&[0.0; 9 * 45], 9, 45, F32);
    apply(null(), &pairs, &[segment(0, 0, 9)], &x, &mut y);
    for (row, y) in layer.means.chunks(64).zip(y.values().chunks(45)) {
        for (weights, y) in ba.chunks(64).zip(y) {
            let want: f64 = weights.iter().zip(row).map(|(w, x)| w * f64::from(*x)).sum();
            let size: f64 = weights.iter().zip(row).map(|(w, x)| (w * f64::from(*x)).abs()).sum();
            assert!((want - f64::from(*y)).abs() < 1e-5 * size + 1e-7, "{y}, not {want}");
        }
    }
}

#[test]
fn adapters_are_merged_and_taken_away() {
    let mut rng = Rng(55);
    for (inputs, outputs, rank) in
        [(1, 1, 1), (33, 7, 3), (64, 64, 8), (70, 40, 130), (600, 17, 64), (9, 5, 0)]
    {
        for form in 0..10 {
            let make = if form < 5 { Pair::new } else { Pair::transposed };
            let (pair, form) = (make(inputs, outputs, rank, form % 5, &mut rng), form % 5);
            let (a, b) = (pair.a.levels(), pair.b_values());
            let start = rng.many(outputs * inputs, Rng::uniform);
            let stored = || Stored::new(&start, outputs, inputs, form % 3);
            for (subtract, scale) in [(false, pair.scale), (true, -pair.scale)] {
                let mut want = stored();
                for (i, w) in want.values().into_iter().enumerate() {
                    let (output, input) = (i / inputs, i % inputs);
                    let chain = (0..rank).fold(w, |w, j| {
                        let b = b[output * rank + j] * scale * pair.a.row_scale(j);
                        b.mul_add(a[j * inputs + input], w)
                    });
                    want.set(i, chain);
                }
                let want = want.values();
                on_every_table(|isa| {
                    with_threads(|threads, ctx| {
                        let mut weights = stored();
                        merge(ctx, &pair, subtract, &mut weights);
                        let got = weights.values();
                        let same = got.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(same, "table {isa}, {threads} threads, {inputs} {outputs} {rank}");
                    });
                });
            }
        }
    }
}

/// Weights that lie as `[in, out]` take the adapter with its parts exchanged.
#[test]
fn parts_that_are_exchanged_are_merged_the_other_way() {
    let mut rng = Rng(56);
    for (inputs, outputs, rank) in [(1, 1, 1), (33, 7, 3), (70, 40, 130)] {
        for form in 0..5 {
            let pair = Pair::transposed(inputs, outputs, rank, form, &mut rng);
            let (a, b) = (pair.a.values(), pair.b_values());
            let start = rng.many(inputs * outputs, Rng::uniform);
            let mut weights = Stored::new(&start, inputs, outputs, F32);
            let scale = pair.scale;
            let exchanged = Pair { a: pair.b, b: pair.a, scale, b_is_transposed: true };
            merge(null(), &exchanged, false, &mut weights);
            for (i, (got, start)) in weights.values().into_iter().zip(start).enumerate() {
                let (input, output) = (i / outputs, i % outputs);
                let term = |j: usize| {
                    f64::from(scale * b[output * rank + j]) * f64::from(a[j * inputs + input])
                };
                let want = f64::from(start) + (0..rank).map(term).sum::<f64>();
                let size = f64::from(start).abs() + (0..rank).map(|j| term(j).abs()).sum::<f64>();
                assert!((want - f64::from(got)).abs() <= 1e-5 * size, "{i}: {got}, not {want}");
            }
        }
    }
}

function! { MergeSize = ptqk_lora_merge_workspace_size {
    adapter: *const LoraAdapter, rows: usize, bytes: *mut usize,
} }

function! { Merge = ptqk_lora_merge {
    adapter: *const LoraAdapter, subtract: u32, weights: By<MatrixMut>, workspace: *mut c_void,
    workspace_bytes: usize,
} }

#[test]
fn wrong_merges_are_refused() {
    let mut rng = Rng(56);
    let pair = Pair::new(20, 6, 4, 0, &mut rng);
    let adapter = pair.adapter();
    let no_adapter = wrong(Status::NullPointer, "adapter");

    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let mut suite = Suite::new(arena, MergeSize { adapter: &adapter, rows: 6, bytes });
    suite.output("bytes", |a| &mut a.bytes);
    suite.refuse("no adapter", |a| a.adapter = null(), no_adapter);
    let huge = wrong(Status::SizeOverflow, "workspace");
    suite.refuse("too many rows", |a| a.rows = usize::MAX, huge);

    let mut arena = Arena::large(1 << 16);
    let data = arena.space::<f32>(6 * 22).cast();
    let weights =
        By::Value(MatrixMut { data, rows: 6, cols: 20, row_stride: 22, dtype: F32, reserved: 0 });
    let workspace_bytes = 4 * 6 * 4 + 63 + 32;
    let workspace: *mut c_void = arena.space::<u8>(workspace_bytes).cast();
    let good = Merge { adapter: &adapter, subtract: 0, weights, workspace, workspace_bytes };
    let mut suite = Suite::new(arena, good);
    suite.view("weights", |a| &mut a.weights, None);
    suite.refuse("no adapter", |a| a.adapter = null(), no_adapter);
    let subtract = wrong(Status::InvalidParameter, "subtract").value(2);
    suite.refuse("subtract", |a| a.subtract = 2, subtract);
    let shape = |argument, field, value: u32| {
        wrong(Status::InvalidShape, argument).field(field).value(value)
    };
    suite.refuse("rows", |a| a.weights.value().rows = 5, shape("adapters.b", "rows", 6));
    suite.refuse("cols", |a| a.weights.value().cols = 19, shape("adapters.a", "cols", 20));
    let over = |a: &mut Merge| a.workspace = a.weights.value().data;
    suite.refuse("workspace over the weights", over, wrong(Status::Overlap, "weights"));
    let over = |a: &mut Merge| a.weights.value().data = pair.a.floats.matrix().data.cast_mut();
    suite.refuse("weights over a", over, wrong(Status::Overlap, "weights"));
    let little = wrong(Status::InvalidParameter, "workspace_bytes");
    suite.refuse("no room", |a| a.workspace_bytes = 8, little);
}

function! { ApplySize = ptqk_lora_apply_workspace_size {
    adapters: *const LoraAdapter, adapter_count: usize, rows: usize, bytes: *mut usize,
} }

function! { Apply = ptqk_lora_apply {
    adapters: *const LoraAdapter, adapter_count: usize, segments: *const LoraSegment,
    segment_count: usize, x: By<Matrix>, y: By<MatrixMut>, workspace: *mut c_void,
    workspace_bytes: usize,
} }

const ROWS: usize = 6;

#[test]
fn wrong_arguments_are_refused() {
    let mut rng = Rng(54);
    let pairs = [Pair::new(20, 30, 4, 0, &mut rng), Pair::new(20, 30, 7, 3, &mut rng)];
    let adapters: Vec<LoraAdapter> = pairs.iter().map(Pair::adapter).collect();
    let segments = [segment(0, 0, 2), segment(1, 2, 4)];

    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let at = adapters.as_ptr();
    let good = ApplySize { adapters: at, adapter_count: 2, rows: ROWS, bytes };
    let mut suite = Suite::new(arena, good);
    suite.output("bytes", |a| &mut a.bytes);
    let null_adapters = wrong(Status::NullPointer, "adapters");
    suite.refuse("no adapters", |a| a.adapters = null(), null_adapters);
    let huge = wrong(Status::SizeOverflow, "workspace");
    suite.refuse("too many rows", |a| a.rows = usize::MAX, huge);

    let mut arena = Arena::large(1 << 16);
    let data = arena.fill(0.25, ROWS * 22).cast_const().cast();
    let x = Matrix { data, rows: ROWS, cols: 20, row_stride: 22, dtype: F32, reserved: 0 };
    let data = arena.space::<f32>(ROWS * 32).cast();
    let y = MatrixMut { data, rows: ROWS, cols: 30, row_stride: 32, dtype: F32, reserved: 0 };
    let bytes = 4 * ROWS * 7 + 63 + 24;
    let workspace: *mut c_void = arena.space::<u8>(bytes).cast();
    let good = Apply {
        adapters: at,
        adapter_count: 2,
        segments: segments.as_ptr(),
        segment_count: 2,
        x: By::Value(x),
        y: By::Value(y),
        workspace,
        workspace_bytes: bytes,
    };
    let mut suite = Suite::new(arena, good);
    suite.view("x", |a| &mut a.x, None);
    suite.view("y", |a| &mut a.y, None);
    suite.refuse("no adapters", |a| a.adapters = null(), null_adapters);
    suite.refuse("no segments", |a| a.segments = null(), wrong(Status::NullPointer, "segments"));
    let shape = |argument, field, value: usize| {
        wrong(Status::InvalidShape, argument).field(field).value(value as f64)
    };
    suite.refuse("rows of y", |a| a.y.value().rows = 5, shape("y", "rows", 5));
    suite.refuse("cols of x", |a| a.x.value().cols = 19, shape("adapters.a", "cols", 20).index(0));
    suite.refuse("cols of y", |a| a.y.value().cols = 29, shape("adapters.b", "rows", 30).index(0));
    let over = |a: &mut Apply| a.y.value().data = a.x.value().data.cast_mut();
    suite.refuse("y over x", over, wrong(Status::Overlap, "y"));
    let over = |a: &mut Apply| a.workspace = a.y.value().data;
    suite.refuse("workspace over y", over, wrong(Status::Overlap, "y"));
    let little = wrong(Status::InvalidParameter, "workspace_bytes");
    suite.refuse("no room", |a| a.workspace_bytes = 8, little);

    let bad_segments = [
        ("adapter", segment(2, 0, 1), 2_usize),
        ("first_row", segment(0, 7, 0), 7),
        ("rows", segment(0, 3, 4), 4),
        ("rows", segment(0, 3, usize::MAX), usize::MAX),
    ];
    for (field, bad, value) in bad_segments {
        let segments = [segments[0], bad];
        let expect = wrong(Status::InvalidParameter, "segments").field(field).value(value as f64);
        suite.refuse(field, |a| a.segments = segments.as_ptr(), expect.index(1));
    }

    type Change = fn(&mut LoraAdapter);
    let parts: [(&str, Change, Expect); 11] = [
        ("not transposed", |a| a.b_is_transposed = 1, shape("adapters.b", "cols", 4)),
        (
            "b_is_transposed",
            |a| a.b_is_transposed = 2,
            wrong(Status::InvalidParameter, "adapters").field("b_is_transposed").value(2),
        ),
        (
            "scale",
            |a| a.scale = f32::NAN,
            wrong(Status::InvalidParameter, "adapters").field("scale"),
        ),
        ("rank", |a| a.b.values.cols = 3, shape("adapters.b", "cols", 3)),
        (
            "odd",
            |a| a.a.values.data = a.a.values.data.wrapping_byte_add(1),
            wrong(Status::Misaligned, "adapters.a.values"),
        ),
        (
            "type",
            |a| a.a.values.dtype = 9,
            wrong(Status::InvalidParameter, "adapters.a.values").field("dtype").value(9),
        ),
        (
            "codes",
            |a| a.a.values.data = null(),
            wrong(Status::InvalidParameter, "adapters.a.codes").field("code_type").value(99),
        ),
        (
            "packed",
            |a| {
                a.a.values.data = null();
                a.a.codes.code_type = 4;
            },
            wrong(Status::InvalidParameter, "adapters.a.codes").field("code_type").value(4),
        ),
        (
            "no scales",
            |a| {
                a.a.values.data = null();
                a.a.codes.code_type = U8;
                a.a.scale = null();
            },
            wrong(Status::NullPointer, "adapters.a.scale"),
        ),
        ("rows of b", |a| a.b.values.rows = 29, shape("adapters.b", "rows", 29)),
        (
            "no matrix",
            |a| {
                a.b.values.data = null();
                a.b.codes.data = null();
                a.b.codes.code_type = U8;
            },
            wrong(Status::NullPointer, "adapters.b.codes"),
        ),
    ];
    for (name, change, expect) in parts {
        let mut bad = [adapters[1], adapters[0]];
        change(&mut bad[1]);
        suite.refuse(name, |a| a.adapters = bad.as_ptr(), expect.index(1));
    }
    let infinite = [f32::INFINITY; 4];
    let mut bad = [adapters[0]];
    (bad[0].a.values.data, bad[0].a.codes.code_type, bad[0].a.scale) =
        (null(), U8, infinite.as_ptr());
    let expect = wrong(Status::NotFinite, "adapters.a.scale").index(0);
    suite.refuse("infinite scale", |a| (a.adapters, a.adapter_count) = (bad.as_ptr(), 1), expect);
}
