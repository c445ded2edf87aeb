//! What is refused, and that nothing is written then.

use crate::harness::*;
use crate::rng::Rng;
use ptqk::ffi::*;
use std::ffi::c_void;
use std::ptr;

/// Calls and checks the status and the place of the detail.
fn refused(status: Status, place: &str, call: impl FnOnce(*const Ctx) -> Status) {
    let mut heard = Heard::new();
    let ctx = heard.ctx();
    assert_eq!(call(&ctx), status, "{place}");
    assert_eq!(heard.place(), place, "{status:?}");
    assert_eq!(heard.detail.status, status);
}

fn kept() -> RangeParams {
    let estimator = estimator(branch(0, 2, 1e-4), branch(1, 3, 1e-4));
    let (channel_axis, channels, batch_items) = (1, 3, 4);
    RangeParams {
        estimator,
        channel_axis,
        channels,
        batch_items,
        num_samples: 5,
        ..RangeParams::DEFAULT
    }
}

fn sample() -> Data {
    Data::random(&mut Rng(21), &[4, 3, 2], F32, &[2])
}

#[test]
fn parameters() {
    let size = |params: RangeParams, ctx: *const Ctx| {
        let mut bytes = 7;
        // SAFETY: both point to live values.
        let status = unsafe { ptqk_range_state_size(ctx, &params, &mut bytes) };
        assert_eq!(bytes, 7);
        status
    };
    let bad = Status::InvalidParameter;
    type Change = fn(&mut RangeParams);
    let cases: &[(Status, &str, Change)] = &[
        (Status::InvalidStructSize, "params.size", |p| p.size -= 1),
        (Status::InvalidStructSize, "params.estimator.size", |p| p.estimator.size += 1),
        (Status::InvalidStructSize, "params.min.size", |p| p.estimator.min.size = 0),
        (Status::InvalidStructSize, "params.max.size", |p| p.estimator.max.size = 0),
        (bad, "params.reserved", |p| p.estimator.reserved = 1),
        (bad, "params.min.statistics_type", |p| p.estimator.min.statistics_type = 6),
        (bad, "params.max.statistics_type", |p| p.estimator.max.statistics_type = u32::MAX),
        (bad, "params.min.aggregator_type", |p| p.estimator.min.aggregator_type = 6),
        (bad, "params.max.aggregator_type", |p| p.estimator.max.aggregator_type = 7),
        (bad, "params.min.clipping_value", |p| p.estimator.min.clipping_value = f32::NAN),
        (bad, "params.max.clipping_value", |p| p.estimator.max.clipping_value = -1.0),
        (bad, "params.min.quantile_outlier_prob", |p| p.estimator.min.quantile_outlier_prob = -0.1),
        (bad, "params.max.quantile_outlier_prob", |p| {
            p.estimator.max.quantile_outlier_prob = f64::NAN;
        }),
        (bad, "params.channel_axis", |p| p.channel_axis = -2),
        (bad, "params.channel_axis", |p| p.channel_axis = 8),
        (bad, "params.channel_axis", |p| p.channel_axis = 0),
        (bad, "params.channels", |p| p.channels = 0),
        (bad, "params.channels", |p| p.channel_axis = -1),
        (bad, "params.num_samples", |p| p.num_samples = 0),
        (bad, "params.batch_items", |p| p.batch_items = 1 << 32),
        (Status::SizeOverflow, "params", |p| p.channels = u64::MAX >> 1),
        (Status::SizeOverflow, "params", |p| p.num_samples = u64::MAX),
        (Status::SizeOverflow, "params", |p| p.num_samples = 1 << 59),
    ];
    for (status, place, change) in cases {
        let mut params = kept();
        change(&mut params);
        refused(*status, place, |ctx| size(params, ctx));
        let (mut words, canary) = (vec![7_u64; 99], vec![7_u64; 99]);
        let at = words.as_mut_ptr().cast();
        // SAFETY: it points to a live structure and to memory of that size.
        refused(*status, place, |ctx| unsafe { ptqk_range_init(ctx, &params, at, 99 * 8) });
        assert_eq!(words, canary);
    }
    // SAFETY: what is NULL is refused.
    unsafe {
        let mut bytes = 7_usize;
        let null = Status::NullPointer;
        refused(null, "params", |c| ptqk_range_state_size(c, ptr::null(), &mut bytes));
        refused(null, "bytes", |c| ptqk_range_state_size(c, &kept(), ptr::null_mut()));
        refused(null, "bytes", |c| ptqk_range_finish_workspace_size(c, &kept(), ptr::null_mut()));
        refused(null, "params", |c| ptqk_range_finish_workspace_size(c, ptr::null(), &mut bytes));
        assert_eq!(bytes, 7);
    }
}

#[test]
fn estimators() {
    let mut params = RangeEstimatorParams { size: 3, ..RangeEstimatorParams::DEFAULT };
    let canary = params;
    let at: *mut RangeEstimatorParams = &mut params;
    // SAFETY: it points to a live structure.
    unsafe {
        for preset in [5, 6, u32::MAX] {
            refused(Status::InvalidParameter, "preset", |c| {
                ptqk_range_estimator_preset(c, preset, at)
            });
        }
        refused(Status::NullPointer, "params", |c| {
            ptqk_range_estimator_preset(c, 0, ptr::null_mut())
        });
        refused(Status::InvalidStructSize, "params.size", |c| {
            ptqk_range_estimator_for_scheme(c, 0, at)
        });
        refused(Status::NullPointer, "params", |c| {
            ptqk_range_estimator_for_scheme(c, 0, ptr::null_mut())
        });
        assert_eq!(*at, canary);
        *at = RangeEstimatorParams::DEFAULT;
        refused(Status::InvalidParameter, "scheme", |c| ptqk_range_estimator_for_scheme(c, 2, at));
        (*at).min.aggregator_type = 9;
        refused(Status::InvalidParameter, "params.min.aggregator_type", |c| {
            ptqk_range_estimator_for_scheme(c, 0, at)
        });
    }
}

#[test]
fn tensors() {
    let mut state = State::new(kept());
    let before = state.clone();
    let data = sample();
    let bytes = state.bytes();
    let at: *mut c_void = state.words.as_mut_ptr().cast();
    let update = |tensor: Tensor| {
        // SAFETY: what the tensor says beyond its memory is refused before it is read.
        move |ctx: *const Ctx| unsafe { ptqk_range_update(ctx, &tensor, at, bytes) }
    };
    // Shapes that reach beyond the sample must not reach the state, wherever that lies.
    let room = vec![0_u64; 1 << 12];
    let good = Tensor { data: room.as_ptr().cast(), ..data.tensor() };
    let (shape, bad) = (Status::InvalidShape, Status::InvalidParameter);
    type Change = fn(&mut Tensor);
    let cases: &[(Status, &str, Change)] = &[
        (bad, "tensor.dtype", |t| t.dtype = 3),
        (shape, "tensor.rank", |t| t.rank = 0),
        (shape, "tensor.rank", |t| t.rank = 9),
        (Status::NullPointer, "tensor", |t| t.data = ptr::null()),
        (Status::Misaligned, "tensor", |t| t.data = t.data.wrapping_byte_add(1)),
        (shape, "tensor.strides", |t| t.strides[0] = 5),
        (shape, "tensor.strides", |t| t.strides[2] = 0),
        (shape, "tensor.strides", |t| t.strides[1] = 1),
        (Status::SizeOverflow, "tensor", |t| t.shape[0] = usize::MAX),
        (Status::SizeOverflow, "tensor", |t| t.strides[0] = usize::MAX / 2),
        (Status::SizeOverflow, "tensor", |t| t.strides[0] = usize::MAX / 16),
        (shape, "tensor.shape", |t| t.shape[1] = 2),
        (shape, "tensor.shape", |t| t.rank = 1),
        (shape, "tensor.shape", |t| (t.shape[0], t.shape[1]) = (5, 3)),
    ];
    for (status, place, change) in cases {
        let mut tensor = good;
        change(&mut tensor);
        refused(*status, place, update(tensor));
        assert_eq!(state, before);
    }
    // SAFETY: what is NULL is refused, and so is an overlap.
    unsafe {
        let null = Status::NullPointer;
        refused(null, "tensor", |c| ptqk_range_update(c, ptr::null(), at, bytes));
        refused(null, "state", |c| ptqk_range_update(c, &good, ptr::null_mut(), bytes));
        let odd = at.wrapping_byte_add(4);
        refused(Status::Misaligned, "state", |c| ptqk_range_update(c, &good, odd, bytes - 8));
        let inside = Tensor { data: at.wrapping_byte_add(200), ..good };
        refused(Status::Overlap, "state", |c| ptqk_range_update(c, &inside, at, bytes));
    }
    assert_eq!(state, before);
    state.update(&data);
}

/// Every change of a byte of the header, and more, that makes a state none.
#[test]
fn bytes_that_are_no_state() {
    let data = sample();
    let good = State::of(kept(), &[data.clone(), data.clone()]);
    let words = good.words.clone();
    let load = |words: &[u64], bytes: usize, ctx: *const Ctx| {
        let (mut params, mut samples) = (RangeParams { size: 3, ..RangeParams::DEFAULT }, 7);
        // SAFETY: there are as many bytes as are named.
        let status = unsafe {
            ptqk_range_load(ctx, words.as_ptr().cast(), bytes, &mut params, &mut samples)
        };
        if status == Status::Ok {
            assert_eq!((params, samples), (kept(), 2));
        } else {
            assert_eq!((params.size, samples), (3, 7));
        }
        status
    };
    let bytes = good.bytes();
    ok(load(&words, bytes, ptr::null()));
    // SAFETY: as above; both outputs may be NULL.
    ok(unsafe {
        let none = (ptr::null_mut(), ptr::null_mut());
        ptqk_range_load(ptr::null(), words.as_ptr().cast(), bytes, none.0, none.1)
    });
    // More bytes than needed are fine.
    let more: Vec<u64> = words.iter().copied().chain([7]).collect();
    ok(load(&more, bytes + 8, ptr::null()));

    let bad = Status::InvalidParameter;
    // Counts lie behind the header: five samples of at most four items.
    let cases: &[(Status, &str, usize, u64)] = &[
        (bad, "state.magic", 0, 1),
        (bad, "state.magic", 0, 1 << 63),
        (bad, "state.byte_order", 1, 0x0102_0304),
        (bad, "state.byte_order", 1, 1),
        (bad, "state.version", 1, 1 << 32),
        (bad, "state.version", 1, 2 << 32),
        (bad, "state.bytes", 2, 8),
        (bad, "state.bytes", 2, u64::MAX),
        (Status::InvalidStructSize, "state.size", 3, 4),
        (bad, "state.channel_axis", 3, u64::MAX << 32),
        (Status::InvalidStructSize, "state.estimator.size", 4, 1),
        (bad, "state.reserved", 4, 1 << 32),
        (Status::InvalidStructSize, "state.min.size", 5, 1),
        (bad, "state.min.statistics_type", 5, 1 << 40),
        (bad, "state.min.aggregator_type", 6, 1 << 20),
        (bad, "state.min.clipping_value", 6, 1 << 63),
        (bad, "state.min.quantile_outlier_prob", 7, 1 << 63),
        (Status::InvalidStructSize, "state.max.size", 8, 1),
        (bad, "state.max.quantile_outlier_prob", 10, 0x7FF << 52),
        (bad, "state.bytes", 11, 1),
        (bad, "state.bytes", 12, 2),
        (bad, "state.bytes", 13, 1),
        (bad, "state.bytes", 14, 1),
        (bad, "state.samples", 15, 6 ^ 2),
        (bad, "state.items", 15, 3 ^ 2),
        (bad, "state.items", 15, 1 ^ 2),
        (bad, "state.items", 16, 5 ^ 4),
        (bad, "state.items", 16, 4),
        (bad, "state.items", 18, 1),
    ];
    for (status, place, word, flip) in cases {
        let mut words = words.clone();
        words[*word] ^= flip;
        refused(*status, place, |ctx| load(&words, bytes, ctx));
        // What can be known without the counts is known by every function.
        if *place != "state.items" {
            let mut broken = State { params: kept(), words };
            let copy = broken.clone();
            refused(*status, place, |ctx| broken.try_update(ctx, &data));
            let mut target = good.clone();
            let place = place.replacen("state", "from", 1);
            refused(*status, &place, |ctx| target.try_merge(ctx, &broken));
            assert_eq!((&target, &broken), (&good, &copy));
            assert_eq!(broken.finish_on(ptr::null()), Err(*status));
        }
    }
    for short in [0, 7, 8, 64, 120, 127, bytes - 1] {
        refused(bad, "state.bytes", |ctx| load(&words, short, ctx));
    }
    for short in [128, 136, bytes - 8] {
        refused(bad, "state.state_bytes", |ctx| load(&words, short, ctx));
    }
    // The bytes of a machine with the other byte order.
    let swapped: Vec<u64> =
        words.iter().enumerate().map(|(i, w)| if i == 0 { *w } else { w.swap_bytes() }).collect();
    refused(bad, "state.byte_order", |ctx| load(&swapped, bytes, ctx));
    refused(Status::NullPointer, "state", |ctx| {
        // SAFETY: NULL is refused.
        unsafe { ptqk_range_load(ctx, ptr::null(), bytes, ptr::null_mut(), ptr::null_mut()) }
    });
}

/// No bytes make a function read or write beyond the state, whatever they say.
#[test]
fn flipped_bits_do_no_harm() {
    let data = sample();
    let good = State::of(kept(), &[data.clone(), data.clone()]);
    for bit in 0..good.bytes() * 8 {
        let mut state = good.clone();
        state.words[bit / 64] ^= 1 << (bit % 64);
        state.words.push(0xC0FFEE);
        let broken = State { words: state.words[..good.words.len()].to_vec(), ..state.clone() };
        state.words.truncate(good.words.len());
        let _ = state.try_update(ptr::null(), &data);
        let _ = state.finish_on(ptr::null());
        let mut target = good.clone();
        let _ = target.try_merge(ptr::null(), &broken);
    }
}

#[test]
fn a_saved_state_goes_on() {
    let (a, b) = (sample(), Data::random(&mut Rng(22), &[2, 3, 9], F32, &[]));
    let state = State::of(kept(), std::slice::from_ref(&a));
    let file: Vec<u8> = state.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let words = file.chunks_exact(8).map(|b| u64::from_ne_bytes(b.try_into().unwrap())).collect();
    let mut loaded = State { words, ..state };
    loaded.update(&b);
    assert_eq!(loaded, State::of(kept(), &[a, b]));
}

#[test]
fn states() {
    let data = sample();
    let params = kept();
    let state = State::of(params, std::slice::from_ref(&data));
    let bytes = state.bytes();
    // SAFETY: every wrong argument is refused before it is used.
    unsafe {
        let (mut words, canary) = (vec![7_u64; bytes / 8], vec![7_u64; bytes / 8]);
        let at: *mut c_void = words.as_mut_ptr().cast();
        let bad = Status::InvalidParameter;
        refused(bad, "state_bytes", |c| ptqk_range_init(c, &params, at, bytes - 1));
        refused(bad, "state_bytes", |c| ptqk_range_init(c, &params, at, 0));
        refused(Status::NullPointer, "state", |c| {
            ptqk_range_init(c, &params, ptr::null_mut(), bytes)
        });
        let odd = at.wrapping_byte_add(1);
        refused(Status::Misaligned, "state", |c| ptqk_range_init(c, &params, odd, bytes));
        refused(Status::NullPointer, "params", |c| ptqk_range_init(c, ptr::null(), at, bytes));
        assert_eq!(words, canary);

        let mut target = state.clone();
        let other =
            State::of(RangeParams { num_samples: 6, ..params }, std::slice::from_ref(&data));
        refused(bad, "from", |c| target.try_merge(c, &other));
        let to: *mut c_void = target.words.as_mut_ptr().cast();
        refused(Status::Overlap, "state", |c| ptqk_range_merge(c, to, bytes, to, bytes));
        refused(Status::NullPointer, "from", |c| {
            ptqk_range_merge(c, ptr::null(), bytes, to, bytes)
        });
        refused(Status::NullPointer, "state", |c| {
            ptqk_range_merge(c, state.words.as_ptr().cast(), bytes, ptr::null_mut(), bytes)
        });
        assert_eq!(target, state);

        let mut needed = 0;
        ok(ptqk_range_finish_workspace_size(ptr::null(), &params, &mut needed));
        let (mut min, mut max, mut space) = ([7.0_f32; 3], [7.0_f32; 3], vec![7_u8; needed]);
        let (low, high, work) = (min.as_mut_ptr(), max.as_mut_ptr(), space.as_mut_ptr().cast());
        let from: *const c_void = state.words.as_ptr().cast();
        let finish = |channels, low, high, work, n| {
            move |c: *const Ctx| ptqk_range_finish(c, from, bytes, channels, low, high, work, n)
        };
        refused(Status::InvalidShape, "channels", finish(2, low, high, work, needed));
        refused(Status::InvalidShape, "channels", finish(4, low, high, work, needed));
        refused(Status::NullPointer, "min", finish(3, ptr::null_mut(), high, work, needed));
        refused(Status::NullPointer, "max", finish(3, low, ptr::null_mut(), work, needed));
        refused(Status::NullPointer, "workspace", finish(3, low, high, ptr::null_mut(), needed));
        refused(Status::Overlap, "min", finish(3, low, low.add(1), work, needed));
        refused(Status::Overlap, "min", finish(3, low, high, low.cast(), needed));
        refused(Status::Misaligned, "min", finish(3, low.byte_add(1), high, work, needed));
        let over = from.cast_mut();
        refused(Status::Overlap, "max", finish(3, low, over.byte_add(8).cast(), work, needed));
        refused(Status::Overlap, "workspace", finish(3, low, high, over, needed));
        for short in [0, needed - 1] {
            refused(bad, "workspace_bytes", finish(3, low, high, work, short));
        }
        let empty = State::new(params);
        let words = empty.words.as_ptr().cast();
        refused(bad, "state.samples", |c| {
            ptqk_range_finish(c, words, bytes, 3, low, high, work, needed)
        });
        assert_eq!((min, max), ([7.0; 3], [7.0; 3]));
        assert!(space.iter().all(|byte| *byte == 7));
        ok(ptqk_range_finish(ptr::null(), from, bytes, 3, low, high, work, needed));
    }
}

#[test]
fn statistics_of_tensors() {
    let data = sample();
    let tensor = data.tensor();
    let wrong = Tensor { rank: 9, ..tensor };
    let empty = Tensor { shape: [0; 8], data: ptr::null(), ..tensor };
    let (bad, null, shape) = (Status::InvalidParameter, Status::NullPointer, Status::InvalidShape);
    // SAFETY: every wrong argument is refused before it is used.
    unsafe {
        let mut out = [7.0_f32; 3];
        let at = out.as_mut_ptr();
        for (f, name) in [
            (ptqk_mean_variance as unsafe extern "C" fn(_, _, _, _) -> _, "variance"),
            (ptqk_max_variance, "variance"),
            (ptqk_mean_abs_max, "abs_max"),
        ] {
            refused(bad, "axis", |c| f(c, &raw const tensor, 3, at));
            refused(null, name, |c| f(c, &raw const tensor, 0, ptr::null_mut()));
            refused(null, "src", |c| f(c, ptr::null(), 0, at));
            refused(shape, "src.rank", |c| f(c, &raw const wrong, 0, at));
            refused(Status::Misaligned, name, |c| f(c, &raw const tensor, 0, at.byte_add(2)));
            let over = tensor.data.cast_mut().cast();
            refused(Status::Overlap, name, |c| f(c, &raw const tensor, 0, over));
            ok(f(ptr::null(), &raw const empty, 0, at));
        }
        refused(bad, "channel_axis", |c| ptqk_channel_mean(c, &tensor, -2, 3, at));
        refused(shape, "src.shape", |c| ptqk_channel_mean(c, &tensor, 0, 3, at));
        refused(shape, "src.shape", |c| ptqk_channel_mean(c, &tensor, -1, 3, at));
        refused(shape, "src.shape", |c| ptqk_channel_mean(c, &tensor, 7, 3, at));
        refused(null, "mean", |c| ptqk_channel_mean(c, &tensor, 1, 3, ptr::null_mut()));
        ok(ptqk_channel_mean(ptr::null(), &empty, 1, 3, at));
        let mut sums = [7.0_f64; 3];
        let sum = sums.as_mut_ptr();
        refused(null, "sum", |c| ptqk_channel_sum(c, &tensor, 1, 3, ptr::null_mut()));
        refused(shape, "src.shape", |c| ptqk_channel_sum_squares(c, &tensor, 1, 2, sum));
        refused(null, "mean_square", |c| ptqk_mean_square(c, &tensor, ptr::null_mut()));
        refused(null, "mean_squares", |c| ptqk_hawq_sensitivity(c, ptr::null(), 3, sum));
        refused(null, "sensitivity", |c| ptqk_hawq_sensitivity(c, sum, 3, ptr::null_mut()));
        refused(Status::Overlap, "sensitivity", |c| ptqk_hawq_sensitivity(c, sum, 3, sum));

        let two = [tensor, wrong];
        let one = two.as_ptr();
        let mad = |median, mad| move |c: *const Ctx| ptqk_median_mad(c, one, 1, 1, 3, median, mad);
        let mut other = [7.0_f32; 3];
        let second = other.as_mut_ptr();
        refused(null, "median", mad(ptr::null_mut(), second));
        refused(null, "mad", mad(at, ptr::null_mut()));
        refused(Status::Overlap, "median", mad(at, at));
        refused(Status::Overlap, "mad", mad(at, tensor.data.cast_mut().cast()));
        refused(shape, "tensors.rank", |c| ptqk_median_mad(c, one, 2, 1, 3, at, second));
        refused(shape, "tensors.shape", |c| ptqk_median_mad(c, one, 1, 1, 2, at, second));
        refused(null, "tensors", |c| ptqk_median_mad(c, ptr::null(), 1, 1, 3, at, second));
        ok(ptqk_median_mad(ptr::null(), &empty, 1, 1, 3, at, second));
        let percent = |p: &'static [f64], values| {
            move |c: *const Ctx| ptqk_percentiles(c, one, 1, 1, 3, p.as_ptr(), p.len(), values)
        };
        refused(bad, "percentiles", percent(&[100.5], at));
        refused(bad, "percentiles", percent(&[f64::NAN], at));
        refused(null, "values", percent(&[50.0], ptr::null_mut()));
        refused(null, "percentiles", |c| ptqk_percentiles(c, one, 1, 1, 3, ptr::null(), 1, at));
        refused(Status::SizeOverflow, "percentiles", |c| {
            ptqk_percentiles(c, one, 1, 1, 3, sum, usize::MAX / 2, at)
        });
        assert_eq!((out, other, sums), ([7.0; 3], [7.0; 3], [7.0; 3]));
    }
}

#[test]
fn stats_of_activations() {
    let (means, counts) = ([1.0_f32; 12], [3_u64; 4]);
    let (mut importance, mut x, mut space) = ([7.0_f32; 3], [7.0_f32; 6], [7_u8; 256]);
    let matrix = Matrix {
        data: means.as_ptr().cast(),
        rows: 4,
        cols: 3,
        row_stride: 3,
        dtype: 0,
        reserved: 0,
    };
    let to = MatrixMut {
        data: x.as_mut_ptr().cast(),
        rows: 3,
        cols: 2,
        row_stride: 2,
        dtype: 0,
        reserved: 0,
    };
    let (out, work) = (importance.as_mut_ptr(), space.as_mut_ptr().cast::<c_void>());
    let counts = counts.as_ptr();
    // SAFETY: every wrong argument is refused before it is used.
    unsafe {
        let mut needed = 0;
        ok(ptqk_process_stats_workspace_size(ptr::null(), 4, 2, &mut needed));
        assert!(needed <= 256, "{needed} bytes of workspace");
        let run = |means: Matrix, counts, out, x: MatrixMut, work, n| {
            move |c: *const Ctx| ptqk_process_stats(c, &means, counts, 2, out, &x, work, n)
        };
        let (null, shape) = (Status::NullPointer, Status::InvalidShape);
        refused(null, "token_counts", run(matrix, ptr::null(), out, to, work, needed));
        refused(null, "importance", run(matrix, counts, ptr::null_mut(), to, work, needed));
        refused(null, "workspace", run(matrix, counts, out, to, ptr::null_mut(), needed));
        refused(
            Status::InvalidParameter,
            "workspace_bytes",
            run(matrix, counts, out, to, work, needed - 1),
        );
        refused(
            shape,
            "x.rows",
            run(matrix, counts, out, MatrixMut { rows: 2, ..to }, work, needed),
        );
        refused(
            shape,
            "x.cols",
            run(matrix, counts, out, MatrixMut { cols: 1, ..to }, work, needed),
        );
        refused(
            shape,
            "means.row_stride",
            run(Matrix { row_stride: 2, ..matrix }, counts, out, to, work, needed),
        );
        refused(
            Status::Overlap,
            "importance",
            run(matrix, counts, to.data.cast(), to, work, needed),
        );
        refused(
            Status::Overlap,
            "x",
            run(
                matrix,
                counts,
                out,
                MatrixMut { data: matrix.data.cast_mut(), ..to },
                work,
                needed,
            ),
        );
        refused(null, "columns", |c| ptqk_process_stats_columns(c, 4, 2, ptr::null_mut()));
        refused(null, "bytes", |c| ptqk_process_stats_workspace_size(c, 4, 2, ptr::null_mut()));
        assert_eq!((importance, x, space), ([7.0; 3], [7.0; 6], [7; 256]));
        ok(run(matrix, counts, out, to, work, needed)(ptr::null()));
        assert_eq!((importance, x), ([1.0; 3], [1.0; 6]));
    }
}
