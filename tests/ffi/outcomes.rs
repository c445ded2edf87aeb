//! Outcomes that are not errors, progress, texts, and whether every function is tested at all.

use crate::calls::*;
use ptqk::ffi::{self, Ctx, Detail, Status, Task, WeightParams};
use std::ffi::{CStr, c_void};
use std::ptr;

/// Weights, their compressed form, and how they lie.
struct Compressed {
    codes: Vec<u8>,
    scale: Vec<f32>,
    zero_point: Vec<u8>,
}

const ROWS: usize = 48;
const COLS: usize = 200;

/// Compresses a matrix without gaps.
fn compress(
    (params, dtype): (&WeightParams, u32),
    weights: &[u8],
    detail: &mut Detail,
) -> (Status, Compressed) {
    let code_type = MODE_CODES[params.mode as usize];
    let stride = code_row_bytes(code_type, COLS);
    let channel = if params.reduction_axis == 1 { COLS } else { ROWS };
    let groups = ROWS * COLS / usize::try_from(params.group_size).unwrap_or(channel);
    let mut to = Compressed {
        codes: vec![0; ROWS * stride],
        scale: vec![0.0; groups],
        zero_point: vec![99; groups],
    };
    let (rows, cols, reserved) = (ROWS, COLS, 0);
    let data = weights.as_ptr().cast();
    let src = ffi::Matrix { data, rows, cols, row_stride: COLS, dtype, reserved };
    let data = to.codes.as_mut_ptr().cast();
    let codes = ffi::CodesMut { data, rows, cols, row_stride_bytes: stride, code_type, reserved };
    let ctx = Ctx { detail, ..Ctx::DEFAULT };
    let (scale, zero_point) = (to.scale.as_mut_ptr().cast::<c_void>(), to.zero_point.as_mut_ptr());
    // SAFETY: the arrays have the sizes that the header asks for.
    let status = unsafe {
        ffi::ptqk_compress_weights(
            &ctx,
            params,
            &src,
            &codes,
            scale,
            zero_point,
            std::ptr::null_mut(),
        )
    };
    (status, to)
}

/// A weight that is not finite spoils its group and nothing else; the first one is named.
#[test]
fn weights_that_are_not_finite() {
    let spots = [
        vec![(0, 0)],
        vec![(ROWS - 1, COLS - 1)],
        vec![(17, 130), (17, 131)],
        vec![(9, 199), (10, 3)],
        vec![(40, 5), (3, 77)],
        vec![(5, 160), (5, 20), (21, 19)],
    ];
    for (turn, spots) in spots.iter().enumerate() {
        for mode in 0..6 {
            for (axis, group_size) in [(1, -1), (1, 8), (1, 40), (0, -1), (0, 16), (0, 1)] {
                for dtype in [F32, F16, BF16] {
                    let params = WeightParams {
                        mode,
                        group_size,
                        reduction_axis: axis,
                        scale_dtype: F32,
                        ..WeightParams::DEFAULT
                    };
                    one_case(&params, dtype, spots, [f32::NAN, f32::INFINITY][turn % 2]);
                }
            }
        }
    }
}

fn one_case(params: &WeightParams, dtype: u32, spots: &[(usize, usize)], bad: f32) {
    let mut rng = Lcg::new(5);
    let mut values: Vec<f32> = (0..ROWS * COLS).map(|_| rng.value()).collect();
    let mut detail = Detail::DEFAULT;
    let plain = float_bytes(dtype, values.iter().copied());
    let (status, want) = compress((params, dtype), &plain, &mut detail);
    assert_eq!((status, detail.status), (Status::Ok, Status::Ok));

    let flat = |&(row, col): &(usize, usize)| row * COLS + col;
    spots.iter().for_each(|spot| values[flat(spot)] = bad);
    let spoiled = float_bytes(dtype, values.iter().copied());
    let (status, got) = compress((params, dtype), &spoiled, &mut detail);
    let what = format!("{params:?} type {dtype} {spots:?}");
    let first = spots.iter().map(flat).min().unwrap();
    assert_eq!((status, detail.status), (Status::NotFinite, status), "{what}");
    assert_eq!(detail.index, first as u64, "{what}");
    assert!(detail.value.is_nan() == bad.is_nan() && !detail.value.is_finite(), "{what}");
    // SAFETY: the library's texts are static.
    assert_eq!(unsafe { CStr::from_ptr(detail.argument) }, c"weights", "{what}");

    let code_type = MODE_CODES[params.mode as usize];
    let asymmetric = matches!(params.mode, 1 | 3);
    let by_row = params.reduction_axis == 1;
    let channel = if by_row { COLS } else { ROWS };
    let group = usize::try_from(params.group_size).unwrap_or(channel);
    let group_of = |row: usize, col: usize| {
        if by_row { row * (COLS / group) + col / group } else { row / group * COLS + col }
    };
    let spoiled: Vec<usize> = spots.iter().map(|s| group_of(s.0, s.1)).collect();
    for g in 0..want.scale.len() {
        let zero = |of: &Compressed| of.zero_point[g];
        if spoiled.contains(&g) {
            assert_eq!(got.scale[g], f32::EPSILON, "{what} group {g}");
            assert_eq!(zero(&got), if asymmetric { 0 } else { 99 }, "{what} group {g}");
        } else {
            assert_eq!(got.scale[g].to_bits(), want.scale[g].to_bits(), "{what} group {g}");
            assert_eq!(zero(&got), zero(&want), "{what} group {g}");
        }
    }
    let stride = code_row_bytes(code_type, COLS);
    for row in 0..ROWS {
        let (got, want) = (&got.codes[row * stride..], &want.codes[row * stride..]);
        for col in (0..COLS).filter(|col| !spoiled.contains(&group_of(row, *col))) {
            let codes = (code_at(code_type, got, col), code_at(code_type, want, col));
            assert_eq!(codes.0, codes.1, "{what} at {row}, {col}");
        }
    }
}

/// What a progress callback heard, and when it says stop.
struct Reports {
    heard: Vec<(u64, u64)>,
    stop_at: usize,
}

unsafe extern "C" fn hear(ctx: *const Ctx, done: u64, total: u64) -> i32 {
    // SAFETY: `listen` put it there, and reports come one after the other on the calling thread.
    let reports = unsafe { &mut *(*ctx).user.cast::<Reports>() };
    reports.heard.push((done, total));
    i32::from(reports.heard.len() > reports.stop_at)
}

/// Runs a call that stops at its report number `stop_at`.
fn listen(call: Call, shape: Shape, stop_at: usize) -> (Outcome, Vec<(u64, u64)>, Detail) {
    let mut reports = Reports { heard: Vec::new(), stop_at };
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx {
        user: (&raw mut reports).cast(),
        progress: Some(hear),
        detail: &raw mut detail,
        ..Ctx::DEFAULT
    };
    let outcome = call.run(shape, &Heap::default(), &ctx);
    (outcome, reports.heard, detail)
}

/// Progress rises to the total, and a stop at any report but the last cancels.
fn cancel_everywhere(call: Call, shape: Shape, at_least: usize) {
    let (outcome, heard, _) = listen(call, shape, usize::MAX);
    assert_eq!(outcome.status, [Status::Ok]);
    assert!(heard.len() >= at_least, "{call:?} {shape:?}: {heard:?}");
    assert!(heard.is_sorted_by(|a, b| a.0 < b.0 && a.1 == b.1), "{call:?}: {heard:?}");
    assert!(heard.last().is_some_and(|(done, total)| done == total), "{call:?}: {heard:?}");
    for stop_at in 0..heard.len() {
        let (outcome, until, detail) = listen(call, shape, stop_at);
        assert_eq!(until, heard[..=stop_at], "{call:?} goes on after a stop");
        let last = stop_at + 1 == heard.len();
        let want = if last { Status::Ok } else { Status::Cancelled };
        assert_eq!((outcome.status[0], detail.status), (want, want), "{call:?} at {stop_at}");
    }
}

#[test]
fn progress_and_cancel() {
    let long = Shape::new(1, 300_000);
    for dtype in [F32, F16] {
        let sharing = (COLUMN, 0);
        for what in REDUCTIONS {
            cancel_everywhere(Call::Reduce { what, dtype, sharing, hostile: false }, long, 3);
        }
    }
    let large = Shape::new(9, 600_001);
    let sharing = (TENSOR, 0);
    let (dtype, code_type, zero) = (BF16, I8, false);
    cancel_everywhere(Call::Quantize { dtype, code_type, sharing, before: 0, zero }, large, 2);
    cancel_everywhere(Call::Dequantize { dtype, code_type, sharing, zero }, large, 2);
    let call = Call::FakeQuantize { from: F32, to: F32, sharing, levels: 256, in_place: true };
    cancel_everywhere(call, large, 2);
    cancel_everywhere(Call::Requantize { code_type, granularity: TENSOR }, large, 2);
    let call = Call::RequantizeFixed { code_type, granularity: TENSOR, single: 1 };
    cancel_everywhere(call, large, 2);
    let call =
        Call::Reduce { what: Reduce::Variance, dtype: F16, sharing: (GROUP, 9), hostile: false };
    cancel_everywhere(call, large, 2);
    for what in [Reduce::MinMax, Reduce::AbsMax, Reduce::Sum, Reduce::Mean] {
        cancel_everywhere(Call::Reduce { what, dtype: F32, sharing, hostile: false }, large, 1);
    }
}

/// A reduction to one number is a long call like any other.
#[test]
fn progress_of_tensor_reductions() {
    for what in REDUCTIONS {
        let call = Call::Reduce { what, dtype: F32, sharing: (TENSOR, 0), hostile: false };
        cancel_everywhere(call, Shape::new(9, 600_001), 2);
    }
}

/// Compression stops at every report, on both axes.
#[test]
fn cancel_compression() {
    for (axis, group) in [(0, 8), (1, 64), (1, -1)] {
        let (mode, half, hostile) = (3, true, false);
        let call = Call::Compress { dtype: BF16, mode, axis, group, half, hostile };
        let shape = Shape::new(72, 64 * 1024);
        let (_, heard, _) = listen(call, shape, usize::MAX);
        assert!(heard.len() >= 4, "{heard:?}");
        for stop_at in 0..heard.len() {
            let (outcome, until, _) = listen(call, shape, stop_at);
            // The calls go on saying stop from there; the last report of a call comes too late.
            assert_eq!(until[..=stop_at], heard[..=stop_at]);
            let cancelled = outcome.status.contains(&Status::Cancelled);
            let in_time = heard[stop_at..].iter().any(|(done, total)| done < total);
            assert_eq!(cancelled, in_time, "{:?} {stop_at} {heard:?}", outcome.status);
        }
    }
}

unsafe extern "C" fn unexpected(_: *const Ctx, _: usize, _: Task, _: *mut c_void) {
    panic!("there is nothing to do");
}

/// A matrix without elements runs no callback.
#[test]
fn nothing_to_do() {
    let mut reports = Reports { heard: Vec::new(), stop_at: usize::MAX };
    let ctx = Ctx {
        user: (&raw mut reports).cast(),
        parallel_for: Some(unexpected),
        progress: Some(hear),
        ..Ctx::DEFAULT
    };
    for shape in [Shape::new(0, 7), Shape::new(7, 0), Shape::new(0, 0)] {
        for sharing in [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 3)] {
            let (dtype, code_type, zero) = (F16, U4, true);
            let calls = [
                Call::Quantize { dtype, code_type, sharing, before: 1, zero },
                Call::Dequantize { dtype, code_type, sharing, zero },
                Call::FakeQuantize { from: F32, to: F16, sharing, levels: 4, in_place: false },
                Call::Reduce { what: Reduce::MinMax, dtype, sharing, hostile: false },
                Call::Reduce { what: Reduce::Variance, dtype, sharing, hostile: false },
            ];
            for call in calls {
                assert_eq!(call.run(shape, &Heap::default(), &ctx).status, [Status::Ok]);
            }
        }
    }
    assert_eq!(reports.heard, []);
}

/// With one row there is no next one, so the distance to it is free.
#[test]
fn stride_of_a_single_row() {
    for row_stride in [usize::MAX, usize::MAX / 2, usize::MAX / 4 + 2] {
        let values = [1.0_f32, -3.0, 2.0];
        let data = values.as_ptr().cast();
        let (rows, cols, dtype, reserved) = (1, 3, F32, 0);
        let src = ffi::Matrix { data, rows, cols, row_stride, dtype, reserved };
        let mut out = [0.0_f32; 2];
        let [min, max] = &mut out;
        // SAFETY: the matrix has one row of three elements.
        let status =
            unsafe { ffi::ptqk_min_max(ptr::null(), &ffi::ReduceParams::DEFAULT, &src, min, max) };
        assert_eq!((status, out), (Status::Ok, [-3.0, 2.0]));
        let mut back = [0.0_f32; 3];
        let data = back.as_mut_ptr().cast();
        let dst = ffi::MatrixMut { data, rows, cols, row_stride, dtype, reserved };
        // SAFETY: as above.
        let status = unsafe {
            let (params, low, high) = (ffi::FakeQuantizeParams::DEFAULT, &-3.0, &2.0);
            ffi::ptqk_fake_quantize(ptr::null(), &params, &src, low, high, &dst)
        };
        assert_eq!((status, back[1], back[2]), (Status::Ok, -3.0, 2.0));
    }
}

#[test]
fn texts() {
    // SAFETY: the library's texts are static.
    let text = |p| unsafe { CStr::from_ptr(p) }.to_str().unwrap();
    let mut seen = Vec::new();
    for code in -8..=3 {
        let known = Status::from_code(code).is_some();
        let (name, message) =
            (text(ffi::ptqk_status_name(code)), text(ffi::ptqk_status_message(code)));
        assert_eq!(
            name.starts_with("PTQK_STATUS_") && name != "PTQK_STATUS_UNKNOWN",
            known,
            "{code}"
        );
        assert!(message.len() > 5 && !message.ends_with('.'), "{message}");
        assert!(!known || !seen.contains(&name), "{name} stands for two numbers");
        seen.push(name);
    }
    for code in [i32::MIN, i32::MAX] {
        assert_eq!(text(ffi::ptqk_status_name(code)), "PTQK_STATUS_UNKNOWN");
    }
    for (isa, name) in [(0, "scalar"), (1, "avx2"), (2, "avx512"), (3, "neon"), (4, "unknown")] {
        assert_eq!(text(ffi::ptqk_isa_name(isa)), name);
    }
}

/// The functions that the border exports, from its source.
fn exported() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ffi");
    let files = std::fs::read_dir(folder).unwrap();
    let text: String = files.map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap()).collect();
    let names = text.split("extern \"C\" fn ptqk_").skip(1);
    names.map(|rest| rest.split('(').next().unwrap().to_owned()).collect()
}

#[test]
fn every_function_is_tested() {
    let tests = concat!(include_str!("refusals.rs"), include_str!("outcomes.rs"));
    // These take no pointer and refuse nothing.
    let simple = ["version", "version_string", "numeric_version", "active_isa"];
    let names = exported();
    assert!(names.len() > 35, "{names:?}");
    for name in names {
        let own =
            [format!("fn {name}()"), format!("reduction!({name},"), format!("packing!({name},")];
        let known = own.iter().any(|own| tests.contains(own))
            || tests.contains(&format!("ptqk_{name}: "))
            || tests.contains(&format!("ptqk_{name}(code"))
            || tests.contains(&format!("ptqk_{name}(isa"));
        assert!(known || simple.contains(&name.as_str()), "ptqk_{name} has no test");
    }
}
