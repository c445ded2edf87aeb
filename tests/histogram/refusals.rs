//! Refusals: each argument wrong in turn, and nothing is written.

use crate::rng::Rng;
use crate::support::{Histogram, KINDS, MERGEABLE, PARITY, params, sample, view, workspace};
use ptqk::ffi::{
    self, Ctx, Detail, HistogramParams, HistogramRangeParams, HistogramSummary, Matrix, Status,
};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

/// What a call said: status, argument, field, index, value.
#[derive(Debug, PartialEq)]
struct Answer(Status, &'static str, &'static str, u64, f64);

fn text(text: *const c_char) -> &'static str {
    // SAFETY: texts of the library live for ever.
    if text.is_null() { "" } else { unsafe { CStr::from_ptr(text) }.to_str().unwrap() }
}

fn ask(call: impl FnOnce(*const Ctx) -> Status) -> Answer {
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx { detail: &mut detail, ..Ctx::DEFAULT };
    let status = call(&ctx);
    assert_eq!(status, detail.status);
    Answer(status, text(detail.argument), text(detail.field), detail.index, detail.value)
}

fn refused(answer: &Answer, status: Status, argument: &str, field: &str) {
    assert_eq!((answer.0, answer.1, answer.2), (status, argument, field), "{answer:?}");
}

const NONE: *const HistogramParams = null();

#[test]
fn parameters() {
    let default = HistogramParams::DEFAULT;
    let cases = [
        (HistogramParams { size: 12, ..default }, "size"),
        (HistogramParams { num_bins: 15, ..default }, "num_bins"),
        (HistogramParams { num_bins: 65537, ..default }, "num_bins"),
        (HistogramParams { kind: 2, ..default }, "kind"),
        (HistogramParams { upsample_rate: 0, ..default }, "upsample_rate"),
        (HistogramParams { upsample_rate: 257, ..default }, "upsample_rate"),
    ];
    let mut state = vec![0xA7A7_u64; 11 + 2048];
    let to = state.as_mut_ptr().cast::<c_void>();
    for (params, field) in cases {
        let status =
            if field == "size" { Status::InvalidStructSize } else { Status::InvalidParameter };
        let mut bytes = 77;
        // SAFETY: one number, or a state of the largest size in use here, would be written.
        let answers = unsafe {
            [
                ask(|ctx| ffi::ptqk_histogram_state_size(ctx, &params, &mut bytes)),
                ask(|ctx| ffi::ptqk_histogram_workspace_size(ctx, &params, 1, 1, &mut bytes)),
                ask(|ctx| ffi::ptqk_histogram_init(ctx, &params, to, 88 + 8 * 2048)),
            ]
        };
        answers.iter().for_each(|answer| refused(answer, status, "params", field));
        assert_eq!(bytes, 77);
    }
    let (mut bytes, size) = (77, 88 + 8 * 2048);
    // SAFETY: as above; NULL and odd addresses are refused.
    unsafe {
        let null_pointer = Status::NullPointer;
        let answer = ask(|ctx| ffi::ptqk_histogram_state_size(ctx, NONE, &mut bytes));
        refused(&answer, null_pointer, "params", "");
        let answer = ask(|ctx| ffi::ptqk_histogram_state_size(ctx, &default, null_mut()));
        refused(&answer, null_pointer, "bytes", "");
        let answer = ask(|ctx| ffi::ptqk_histogram_init(ctx, &default, null_mut(), size));
        refused(&answer, null_pointer, "state", "");
        let odd = to.byte_add(4);
        let answer = ask(|ctx| ffi::ptqk_histogram_init(ctx, &default, odd, size));
        refused(&answer, Status::Misaligned, "state", "");
        for wrong in [0, size - 1, size - 8, size + 8] {
            let answer = ask(|ctx| ffi::ptqk_histogram_init(ctx, &default, to, wrong));
            refused(&answer, Status::InvalidShape, "state_bytes", "");
            assert_eq!(answer.4, size as f64);
        }
        let huge = usize::MAX;
        let answer =
            ask(|ctx| ffi::ptqk_histogram_workspace_size(ctx, &default, huge, huge, &mut bytes));
        assert_eq!(answer.0, Status::Ok, "shapes are refused where the matrix is");
    }
    assert!(state.iter().all(|word| *word == 0xA7A7));
}

#[test]
fn workspaces_are_exact() {
    let mut rng = Rng(15);
    for (kind, len) in [(PARITY, 100), (MERGEABLE, 100), (PARITY, 200_000), (MERGEABLE, 200_000)] {
        let x = sample(&mut rng, 0, len);
        let (src, want) = (view(&x), Histogram::of(kind, 128, &x));
        let bytes = workspace(&want.params, 1, len).len();
        let mut memory = vec![0xA7_u8; bytes + 64];
        for offset in [0, 1, 3, 8, 13] {
            let mut histogram = Histogram::new(params(kind, 128));
            let (state, state_bytes) = (histogram.state.as_mut_ptr().cast(), histogram.bytes());
            let before = histogram.state.clone();
            let at = memory[offset..].as_mut_ptr().cast();
            // SAFETY: the workspace has the size of the query, or is refused.
            let (short, exact) = unsafe {
                (
                    ask(|ctx| {
                        ffi::ptqk_histogram_update(ctx, &src, state, state_bytes, at, bytes - 1)
                    }),
                    {
                        assert!(histogram.state == before);
                        ffi::ptqk_histogram_update(null(), &src, state, state_bytes, at, bytes)
                    },
                )
            };
            refused(&short, Status::InvalidParameter, "workspace_bytes", "");
            assert_eq!((short.4, exact), (bytes as f64, Status::Ok));
            assert!(histogram.state == want.state);
            assert!(memory[..offset].iter().all(|byte| *byte == 0xA7));
            assert!(memory[offset + bytes..].iter().all(|byte| *byte == 0xA7));
            memory.fill(0xA7);
        }
    }
}

#[test]
fn what_is_not_finite() {
    let mut rng = Rng(16);
    for kind in KINDS {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 31, 32, 99, 100, 299] {
                let mut x = sample(&mut rng, 0, 3 * 128);
                let (row, col) = (at / 100, at % 100);
                x[row * 128 + col] = value;
                x[2 * 128 + 99] = f32::NAN;
                let src = Matrix { rows: 3, cols: 100, row_stride: 128, ..view(&x) };
                let mut histogram = Histogram::of(kind, 64, &[1.0, 2.0]);
                let before = histogram.state.clone();
                let answer = ask(|ctx| histogram.try_update(ctx, &src));
                refused(&answer, Status::NotFinite, "src", "");
                assert_eq!(answer.3, at as u64);
                assert!(if at == 299 { answer.4.is_nan() } else { true });
                assert!(histogram.state == before);
            }
            // Elements between the rows are none.
            let mut x = vec![1.0; 3 * 128];
            (0..3).for_each(|row| x[row * 128 + 100] = value);
            let src = Matrix { rows: 3, cols: 100, row_stride: 128, ..view(&x) };
            let mut histogram = Histogram::new(params(kind, 64));
            assert_eq!(histogram.try_update(null(), &src), Status::Ok);
            assert_eq!(histogram.summary().total, 300);
        }
    }
}

unsafe extern "C" fn stop(_: *const Ctx, _: u64, _: u64) -> i32 {
    1
}

#[test]
fn a_cancelled_update_changes_nothing() {
    let mut rng = Rng(17);
    let x = sample(&mut rng, 0, 2_000_000);
    for kind in KINDS {
        let mut histogram = Histogram::of(kind, 64, &x[..10]);
        let before = histogram.state.clone();
        let src = Matrix { rows: 1000, cols: 1999, row_stride: 2000, ..view(&x) };
        let ctx = Ctx { progress: Some(stop), ..Ctx::DEFAULT };
        let status = histogram.try_update(&ctx, &src);
        // All parts may be one wave, after which there is nothing left to cancel.
        assert!(status == Status::Cancelled || status == Status::Ok);
        assert_eq!(histogram.state == before, status == Status::Cancelled);
    }
}

#[test]
fn arguments_of_updates_and_merges() {
    let x = [1.0, 2.0, 3.0];
    let (src, bins) = (view(&x), params(PARITY, 16));
    let (mut a, b) = (Histogram::of(PARITY, 16, &x), Histogram::of(PARITY, 16, &x));
    let before = a.state.clone();
    let mut space = workspace(&bins, 1, 3);
    let (to, n) = (a.state.as_mut_ptr().cast::<c_void>(), a.bytes());
    let (from, work, m) =
        (b.state.as_ptr().cast::<c_void>(), space.as_mut_ptr().cast(), space.len());
    // SAFETY: what is wrong is refused; sizes are at most those of the buffers.
    unsafe {
        let update =
            |src, to, n, work, m| ask(|ctx| ffi::ptqk_histogram_update(ctx, src, to, n, work, m));
        refused(&update(null(), to, n, work, m), Status::NullPointer, "src", "");
        let wrong = Matrix { dtype: 9, ..src };
        refused(&update(&wrong, to, n, work, m), Status::InvalidParameter, "src", "dtype");
        refused(&update(&src, null_mut(), n, work, m), Status::NullPointer, "state", "");
        refused(&update(&src, to.byte_add(4), n - 8, work, m), Status::Misaligned, "state", "");
        let damaged = Status::InvalidParameter;
        refused(&update(&src, to, n - 8, work, m), damaged, "state", "bytes");
        refused(&update(&src, to, n - 1, work, m), damaged, "state", "bytes");
        refused(&update(&src, to, 0, work, m), damaged, "state", "bytes");
        refused(&update(&src, to, n, null_mut(), m), Status::NullPointer, "workspace", "");
        refused(&update(&src, to, n, to, m.max(n)), Status::Overlap, "state", "");
        let own = Matrix { data: to, rows: 1, cols: 8, row_stride: 8, ..src };
        refused(&update(&own, to, n, work, m), Status::Overlap, "state", "");

        let merge = |from, fn_, to, n, work, m| {
            ask(|ctx| ffi::ptqk_histogram_merge(ctx, from, fn_, to, n, work, m))
        };
        refused(&merge(null(), n, to, n, work, m), Status::NullPointer, "other", "");
        refused(&merge(from, n - 8, to, n, work, m), damaged, "other", "bytes");
        refused(&merge(from, n, to, n - 8, work, m), damaged, "state", "bytes");
        refused(&merge(from, n, null_mut(), n, work, m), Status::NullPointer, "state", "");
        refused(&merge(to, n, to, n, work, m), Status::Overlap, "state", "");
        let short = merge(from, n, to, n, work, 3);
        refused(&short, Status::InvalidParameter, "workspace_bytes", "");
        let different = [
            (HistogramParams { num_bins: 17, ..bins }, "num_bins"),
            (HistogramParams { kind: MERGEABLE, ..bins }, "kind"),
            (HistogramParams { upsample_rate: 15, ..bins }, "upsample_rate"),
        ];
        for (params, field) in different {
            let other = Histogram::new(params);
            let from = other.state.as_ptr().cast();
            let answer = merge(from, other.bytes(), to, n, work, m);
            refused(&answer, Status::InvalidParameter, "other", field);
        }
    }
    assert!(a.state == before);
    // Memory that is no state.
    a.state[0] ^= 1;
    refused(&ask(|ctx| a.try_update(ctx, &src)), Status::InvalidParameter, "state", "magic");
    // A number of elements that does not fit.
    let mut full = Histogram::of(MERGEABLE, 16, &x);
    full.state[9] = u64::MAX;
    let before = full.state.clone();
    refused(&ask(|ctx| full.try_update(ctx, &src)), Status::SizeOverflow, "state", "");
    assert!(full.state == before);
}

#[test]
fn arguments_of_queries() {
    let histogram = Histogram::of(PARITY, 16, &[1.0, 2.0]);
    let (from, n) = (histogram.state.as_ptr().cast::<c_void>(), histogram.bytes());
    let (mut summary, mut counts) = (HistogramSummary::default(), [7.0; 16]);
    // SAFETY: what is wrong is refused; sizes are at most those of the buffers.
    unsafe {
        let s = &raw mut summary;
        let c = counts.as_mut_ptr();
        let query =
            |from, n, s, c, len| ask(|ctx| ffi::ptqk_histogram_query(ctx, from, n, s, c, len));
        refused(&query(null(), n, s, c, 16), Status::NullPointer, "state", "");
        refused(&query(from, n - 8, s, c, 16), Status::InvalidParameter, "state", "bytes");
        let short = query(from, n, s, c, 15);
        refused(&short, Status::InvalidShape, "counts_len", "");
        assert_eq!(short.4, 16.0);
        refused(&query(from, n, s.byte_add(4), c, 16), Status::Misaligned, "summary", "");
        refused(&query(from, n, s, c.byte_add(1), 16), Status::Misaligned, "counts", "");
        let inside = from.cast_mut().cast::<f64>();
        refused(&query(from, n, s, inside, 16), Status::Overlap, "counts", "");
        refused(&query(from, n, inside.cast(), null_mut(), 0), Status::Overlap, "summary", "");
        assert_eq!(query(from, n, null_mut(), null_mut(), 0).0, Status::Ok);
        let load = |from, n, p| ask(|ctx| ffi::ptqk_histogram_load(ctx, from, n, p));
        refused(&load(null(), n, null_mut()), Status::NullPointer, "state", "");
        refused(&load(from.byte_add(4), n - 8, null_mut()), Status::Misaligned, "state", "");
        refused(&load(from, n, inside.cast()), Status::Overlap, "params", "");
        assert_eq!(load(from, n, null_mut()).0, Status::Ok);
    }
    assert_eq!((summary, counts), (HistogramSummary::default(), [7.0; 16]));
}

#[test]
fn arguments_of_ranges() {
    let default = HistogramRangeParams::DEFAULT;
    let cases = [
        (HistogramRangeParams { size: 0, ..default }, "size"),
        (HistogramRangeParams { method: 4, ..default }, "method"),
        (HistogramRangeParams { scheme: 2, ..default }, "scheme"),
        (HistogramRangeParams { levels: 3, ..default }, "levels"),
        (HistogramRangeParams { levels: 65537, ..default }, "levels"),
        (HistogramRangeParams { dst_levels: 3, ..default }, "dst_levels"),
        (HistogramRangeParams { dst_levels: 65537, ..default }, "dst_levels"),
        (HistogramRangeParams { reserved: 1, ..default }, "reserved"),
        (HistogramRangeParams { percentile: 49.9, ..default }, "percentile"),
        (HistogramRangeParams { percentile: 100.1, ..default }, "percentile"),
        (HistogramRangeParams { percentile: f64::NAN, ..default }, "percentile"),
    ];
    let histogram = Histogram::of(PARITY, 16, &[1.0, 2.0]);
    let empty = Histogram::new(params(PARITY, 16));
    let (from, n) = (histogram.state.as_ptr().cast::<c_void>(), histogram.bytes());
    let (mut min, mut max, mut bytes) = (5.0_f32, 6.0_f32, 77);
    let mut space = vec![0xA7_u8; 4096];
    let work = space.as_mut_ptr().cast::<c_void>();
    let (a, b) = (&raw mut min, &raw mut max);
    // SAFETY: what is wrong is refused; sizes are at most those of the buffers.
    unsafe {
        let size =
            |p, bins, to| ask(|ctx| ffi::ptqk_histogram_range_workspace_size(ctx, p, bins, to));
        let range = |p, from, a, b, work, m| {
            ask(|ctx| ffi::ptqk_histogram_range(ctx, p, from, n, a, b, work, m))
        };
        for (params, field) in &cases {
            let status =
                if *field == "size" { Status::InvalidStructSize } else { Status::InvalidParameter };
            refused(&size(params, 16, &mut bytes), status, "params", field);
            refused(&range(params, from, a, b, work, 4096), status, "params", field);
        }
        for bins in [0, 15, 65537] {
            refused(&size(&default, bins, &mut bytes), Status::InvalidParameter, "num_bins", "");
        }
        refused(&size(&default, 16, null_mut()), Status::NullPointer, "bytes", "");
        assert_eq!(bytes, 77);
        assert_eq!(size(&default, 16, &mut bytes).0, Status::Ok);
        refused(&range(null(), from, a, b, work, 4096), Status::NullPointer, "params", "");
        refused(&range(&default, null(), a, b, work, 4096), Status::NullPointer, "state", "");
        refused(&range(&default, from, null_mut(), b, work, 4096), Status::NullPointer, "min", "");
        refused(&range(&default, from, a, null_mut(), work, 4096), Status::NullPointer, "max", "");
        refused(&range(&default, from, a, a, work, 4096), Status::Overlap, "min", "");
        let inside = from.cast_mut().cast::<f32>();
        refused(&range(&default, from, a, inside, work, 4096), Status::Overlap, "max", "");
        refused(&range(&default, from, work.cast(), b, work, 4096), Status::Overlap, "min", "");
        let short = range(&default, from, a, b, work, bytes - 1);
        refused(&short, Status::InvalidParameter, "workspace_bytes", "");
        assert_eq!(short.4, bytes as f64);
        let none = empty.state.as_ptr().cast();
        refused(&range(&default, none, a, b, work, 4096), Status::InvalidParameter, "state", "");
        assert_eq!((min, max), (5.0, 6.0));
        assert_eq!(range(&default, from, a, b, work, bytes).0, Status::Ok);
    }
    assert!(space[bytes..].iter().all(|byte| *byte == 0xA7));
}
