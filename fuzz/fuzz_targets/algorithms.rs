//! GPTQ, low-rank correction, histograms and ranges behind the C border, on small shapes with any
//! values. A numeric outcome leaves outputs and states as they were.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ptqk::ffi::{self, *};
use ptqk_fuzz::arguments::{self, Harm, Shape};
use ptqk_fuzz::{Arena, Input, Kind};
use std::ffi::c_void;
use std::ptr;

/// The largest workspace or state that a case gets. Whatever asks for more gets less, which must be
/// refused.
const MOST: usize = 1 << 18;

fuzz_target!(|data: &[u8]| {
    let input = &mut Input::new(data);
    let arena = &mut Arena::new(input);
    match input.below(4) {
        0 => gptq(input, arena),
        1 => lora(input, arena),
        2 => histogram(input, arena),
        _ => range(input, arena),
    }
});

/// The size that a query says; some size if it says none. Now and then a little less.
fn size(input: &mut Input, query: impl FnOnce(*mut usize) -> Status) -> usize {
    let mut bytes = 0;
    let status = query(&raw mut bytes);
    assert!(status == Status::Ok || bytes == 0, "{status:?}, but a size");
    let bytes = if status == Status::Ok { bytes.min(MOST) } else { 64 };
    if input.rarely() { bytes.saturating_sub(1 + input.below(8)) } else { bytes }
}

fn workspace(
    input: &mut Input,
    arena: &mut Arena,
    query: impl FnOnce(*mut usize) -> Status,
) -> (*mut c_void, usize) {
    let bytes = size(input, query);
    // At any address.
    (arena.output(bytes, 1, Kind::Scratch).cast(), bytes)
}

/// A square matrix that is positive definite, unless the input makes it another.
fn hessian(input: &mut Input, arena: &mut Arena, n: usize) -> Matrix {
    let mut values = input.values(0);
    let x: Vec<f32> = (0..n * n).map(|_| values.float()).collect();
    let mut h: Vec<f32> =
        (0..n * n).map(|at| (0..n).map(|p| x[at / n * n + p] * x[at % n * n + p]).sum()).collect();
    for _ in 0..input.below(4) {
        if n > 0 {
            h[input.below(n * n)] = input.float();
        }
    }
    let data = arena.floats(h.into_iter()).cast();
    Matrix { data, rows: n, cols: n, row_stride: n, dtype: 0, reserved: 0 }
}

/// Means of a few samples, and the tokens of each.
fn means(input: &mut Input, arena: &mut Arena, ins: usize) -> (Matrix, Vec<u64>) {
    let shape = Shape { rows: input.below(6), cols: ins, pad: input.below(3) };
    let mut means = arguments::matrix(arena, shape, input.below(3) as u32, &mut input.any_values());
    let tokens = (0..shape.rows).map(|_| u64::from(input.byte())).collect();
    means.perhaps_harm(input);
    (means, tokens)
}

fn gptq(input: &mut Input, arena: &mut Arena) {
    let (weights_params, code_type) = arguments::weight_params(input, arena);
    let shape = arguments::weight_shape(input, &weights_params);
    let (outs, ins) = arguments::channels(&weights_params, shape);
    let damp = input.pick(&[0.1, 0.01, 0.0, 1.0, 100.0]);
    let channels = ins + usize::from(input.rarely());
    let (means, tokens) = means(input, arena, channels);
    let params = GptqParams {
        size: input.size(GptqParams::DEFAULT.size),
        order: input.choice(3),
        groups: input.choice(3),
        scale: input.choice(4),
        stored_scales: input.choice(2),
        block_size: input.pick(&[1, 2, 7, 16, 32, 128, 0, 65_537]),
        damp_percent: if input.rarely() { input.float() } else { damp },
        max_redamps: input.choice(11),
        passes: input.choice(4),
        reserved: u32::from(input.rarely()),
        estimation: ScaleEstimationParams {
            size: input.size(ScaleEstimationParams::GPTQ.size),
            subset_size: input.pick(&[32, 0, 1, 3, 5]),
            initial_steps: input.pick(&[1, 0, 2, 1001]),
            scale_steps: input.pick(&[1, 0, 3, 20, 21]),
            weight_penalty: if input.rarely() { input.float() } else { 0.5 },
            reserved: u32::from(input.rarely()),
        },
        means,
        token_counts: tokens.as_ptr(),
        weights: weights_params,
    };
    let dtype = input.below(3) as u32;
    let mut weights = arguments::matrix(arena, shape, dtype, &mut input.any_values());
    let channels = ins + usize::from(input.rarely());
    let mut hessian = hessian(input, arena, channels);
    let mut codes = arguments::codes_mut(arena, shape, code_type);
    let layout = arguments::weight_layout(&weights_params, shape);
    let kind = arguments::scale_kind(&weights_params);
    let scale: *mut f32 = arena.output(layout.scale_bytes, 4, kind).cast();
    let zero_point = arena.output(layout.zero_point_bytes, 1, Kind::Bytes);
    let tensor_scale = arena.output(4, 4, Kind::F32).cast();
    // As many as there are channels on either side: a wrong axis counts the others.
    let most = ins.max(outs);
    let mut permutation = arena.output(4 * most, 4, Kind::Bytes).cast();
    let mut loss: *mut f32 = arena.output(4 * most, 4, Kind::F32).cast();
    let mut dequantized = arguments::matrix_mut(arena, shape, input.below(3) as u32);
    let report: *mut GptqReport = arena.output(size_of::<GptqReport>(), 8, Kind::Bytes).cast();
    let (space, room) = workspace(input, arena, |bytes| {
        // SAFETY: the structures are here.
        unsafe {
            ffi::ptqk_gptq_workspace_size(ptr::null(), &params, shape.rows, shape.cols, bytes)
        }
    });
    weights.perhaps_harm(input);
    hessian.perhaps_harm(input);
    codes.perhaps_harm(input);
    dequantized.perhaps_harm(input);
    if input.rarely() {
        permutation = ptr::null_mut();
    }
    if input.rarely() {
        loss = scale;
    }
    // The scales may be fewer than the losses: then they do not lie in the same place.
    if loss == scale && layout.scale_bytes < 4 * most {
        loss = ptr::null_mut();
    }
    let outputs = GptqOutputs {
        size: input.size(GptqOutputs::DEFAULT.size),
        reserved: u32::from(input.rarely()),
        codes,
        scale: scale.cast(),
        zero_point,
        tensor_scale,
        permutation,
        loss,
        dequantized,
    };
    arena.on_every_tier(|arena| {
        // SAFETY: all memory is there, but for what must be refused unread.
        arena.call(true, |ctx| unsafe {
            ffi::ptqk_gptq(ctx, &params, &weights, &hessian, &outputs, report, space, room)
        });
    });
}

fn lora(input: &mut Input, arena: &mut Arena) {
    let (weights_params, code_type) = arguments::weight_params(input, arena);
    let rank = 1 + input.below(4) as u32;
    let params = LoraParams {
        size: input.size(LoraParams::DEFAULT.size),
        adapter_rank: if input.rarely() { input.word() } else { rank },
        num_iterations: input.below(4) as u32 + 1000 * u32::from(input.rarely()),
        apply_regularization: input.choice(2),
        subset_size: input.choice(4),
        use_int8_adapters: input.choice(2),
        oversampling: input.choice(6),
        max_steps: input.below(5) as u32,
        tolerance: if input.rarely() { input.float() } else { 0.01 },
        reserved: u32::from(input.rarely()),
        seed: input.long(),
        weights: weights_params,
    };
    let shape = arguments::weight_shape(input, &weights_params);
    let (outs, ins) = arguments::channels(&weights_params, shape);
    // A rank of any size is refused before its memory is looked at: there are not as many channels.
    let rank = params.adapter_rank.min(400) as usize;
    let dtype = input.below(3) as u32;
    let mut weights = arguments::matrix(arena, shape, dtype, &mut input.any_values());
    let mut codes = arguments::codes(arena, shape, code_type, &mut input.values(0));
    let layout = arguments::weight_layout(&weights_params, shape);
    let mut stored = input.any_values();
    let scale = match arguments::scale_kind(&weights_params) {
        Kind::Bytes => (0..layout.scale_bytes).map(|_| stored.bits() as u8).collect(),
        Kind::F16 => arguments::float_bytes(1, layout.scale_bytes / 2, &mut stored),
        _ => arguments::float_bytes(0, layout.scale_bytes / 4, &mut stored),
    };
    let scale = arena.input(&scale, 4).cast_const().cast();
    let zeros: Vec<u8> = (0..layout.zero_point_bytes).map(|_| stored.bits() as u8).collect();
    let zero_point = arena.input(&zeros, 1);
    let tensor_scale = arena.floats([stored.scale()].into_iter());
    let (means, tokens) = means(input, arena, ins);
    let tall = Shape { rows: rank, cols: ins, pad: input.below(3) };
    let wide = Shape { rows: outs, cols: rank, pad: input.below(3) };
    let mut a = arguments::matrix_mut(arena, tall, input.below(3) as u32);
    let mut b = arguments::matrix_mut(arena, wide, input.below(3) as u32);
    a.perhaps_harm(input);
    b.perhaps_harm(input);
    let outputs = LoraOutputs {
        size: input.size(LoraOutputs::DEFAULT.size),
        reserved: u32::from(input.rarely()),
        a,
        b,
        a_codes: arguments::codes_mut(arena, tall, 1),
        b_codes: arguments::codes_mut(arena, wide, 1),
        a_scale: arena.output(4 * rank, 4, Kind::F32).cast(),
        b_scale: arena.output(4 * outs, 4, Kind::F32).cast(),
        a_zero_point: arena.output(rank, 1, Kind::Bytes),
        b_zero_point: arena.output(outs, 1, Kind::Bytes),
        noises: arena.output(4 * (2 + 2 * params.num_iterations as usize), 4, Kind::F32).cast(),
    };
    let report = arena.output(size_of::<LoraReport>(), 4, Kind::F32).cast();
    let Shape { rows, cols, .. } = shape;
    let (space, room) = workspace(input, arena, |bytes| {
        // SAFETY: the structures are here.
        unsafe {
            ffi::ptqk_lora_workspace_size(ptr::null(), &params, rows, cols, means.rows, bytes)
        }
    });
    weights.perhaps_harm(input);
    codes.perhaps_harm(input);
    arena.on_every_tier(|arena| {
        // SAFETY: as above.
        arena.call(true, |ctx| unsafe {
            ffi::ptqk_lora_correction(
                ctx,
                &params,
                &weights,
                &codes,
                scale,
                zero_point,
                tensor_scale,
                &means,
                tokens.as_ptr(),
                &outputs,
                report,
                space,
                room,
            )
        });
    });
}

/// Up to three matrices for a state to see.
fn samples(input: &mut Input, arena: &mut Arena, cols: Option<usize>) -> Vec<Matrix> {
    let one = |input: &mut Input, arena: &mut Arena| {
        let shape = Shape::any(input);
        let shape = Shape { cols: cols.unwrap_or(shape.cols), ..shape };
        let dtype = input.below(3) as u32;
        let mut src = arguments::matrix(arena, shape, dtype, &mut input.any_values());
        src.perhaps_harm(input);
        src
    };
    (0..input.below(4)).map(|_| one(input, arena)).collect()
}

/// A byte of a state that is changed, and how; `None` for a good state.
fn damage(input: &mut Input, bytes: usize) -> Option<(usize, u8)> {
    (bytes > 0 && input.rarely()).then(|| (input.below(bytes), input.byte()))
}

fn histogram(input: &mut Input, arena: &mut Arena) {
    let params = HistogramParams {
        size: input.size(HistogramParams::DEFAULT.size),
        num_bins: if input.rarely() { input.word() } else { 16 + input.below(100) as u32 },
        kind: input.choice(2),
        upsample_rate: input.choice(20),
    };
    let ranges = HistogramRangeParams {
        size: input.size(HistogramRangeParams::DEFAULT.size),
        method: input.choice(4),
        scheme: input.choice(2),
        levels: input.choice(300).saturating_add(4),
        dst_levels: input.choice(300).saturating_add(4),
        reserved: u32::from(input.rarely()),
        percentile: if input.rarely() { input.share() } else { 50.0 + 50.0 * input.share() },
    };
    let bytes = size(input, |bytes| {
        // SAFETY: the structures are here.
        unsafe { ffi::ptqk_histogram_state_size(ptr::null(), &params, bytes) }
    });
    let states = [0; 2].map(|_| arena.output(bytes, 8, Kind::Bytes).cast::<c_void>());
    let seen = [samples(input, arena, None), samples(input, arena, None)];
    // More rows or columns never need less.
    let (space, room) = workspace(input, arena, |bytes| {
        // SAFETY: as above.
        unsafe { ffi::ptqk_histogram_workspace_size(ptr::null(), &params, 40, 300, bytes) }
    });
    let (range_space, range_room) = workspace(input, arena, |bytes| {
        let bins = params.num_bins;
        // SAFETY: as above.
        unsafe { ffi::ptqk_histogram_range_workspace_size(ptr::null(), &ranges, bins, bytes) }
    });
    let [min, max] = [0; 2].map(|_| arena.output(4, 4, Kind::F32).cast());
    let bins = if params.num_bins <= 65_536 { params.num_bins as usize } else { 0 };
    let counts = arena.output(8 * bins, 8, Kind::Bytes).cast();
    let summary = arena.output(size_of::<HistogramSummary>(), 8, Kind::Bytes).cast();
    let [state, other] = states;
    arena.on_every_tier(|arena| {
        for (state, seen) in states.into_iter().zip(&seen) {
            // SAFETY: as above, for each.
            let made = arena
                .call(true, |ctx| unsafe { ffi::ptqk_histogram_init(ctx, &params, state, bytes) });
            if made != Status::Ok {
                return;
            }
            for src in seen {
                // SAFETY: as above.
                arena.call(true, |ctx| unsafe {
                    ffi::ptqk_histogram_update(ctx, src, state, bytes, space, room)
                });
            }
        }
        // SAFETY: as above.
        arena.call(true, |ctx| unsafe {
            ffi::ptqk_histogram_merge(ctx, other, bytes, state, bytes, space, room)
        });
        // SAFETY: as above.
        arena.call(true, |ctx| unsafe {
            ffi::ptqk_histogram_query(ctx, state, bytes, summary, counts, bins)
        });
        // SAFETY: as above.
        arena.call(true, |ctx| unsafe {
            ffi::ptqk_histogram_range(ctx, &ranges, state, bytes, min, max, range_space, range_room)
        });
    });
}

/// The estimator of a preset, or one branch after the other.
fn estimator(input: &mut Input) -> RangeEstimatorParams {
    let mut params = RangeParams::DEFAULT.estimator;
    params.size = input.size(params.size);
    for branch in [&mut params.min, &mut params.max] {
        branch.size = input.size(branch.size);
        branch.statistics_type = input.choice(6);
        branch.aggregator_type = input.choice(6);
        if input.rarely() {
            branch.clipping_value = input.float();
        }
        branch.quantile_outlier_prob = if input.rarely() { input.share() } else { 0.01 };
    }
    params
}

fn range(input: &mut Input, arena: &mut Arena) {
    let axis = input.below(3) as i32 - 1;
    let cols = 1 + input.below(60);
    let channels = if axis == 1 { cols } else { 1 };
    let params = RangeParams {
        size: input.size(RangeParams::DEFAULT.size),
        channel_axis: if input.rarely() { input.word() as i32 } else { axis },
        estimator: estimator(input),
        channels: if input.rarely() { input.long() } else { channels as u64 },
        num_samples: if input.rarely() { input.long() } else { 1 + input.below(6) as u64 },
        window_size: input.below(4) as u64,
        batch_items: input.below(3) as u64 * 20,
    };
    let bytes = size(input, |bytes| {
        // SAFETY: the structures are here.
        unsafe { ffi::ptqk_range_state_size(ptr::null(), &params, bytes) }
    });
    // A NaN stays in a state.
    let states = [0; 2].map(|_| arena.output(bytes, 8, Kind::F32).cast::<c_void>());
    let seen = [samples(input, arena, Some(cols)), samples(input, arena, Some(cols))];
    let (space, room) = workspace(input, arena, |bytes| {
        // SAFETY: as above.
        unsafe { ffi::ptqk_range_finish_workspace_size(ptr::null(), &params, bytes) }
    });
    let [min, max] = [0; 2].map(|_| arena.output(4 * channels, 4, Kind::F32).cast());
    let damage = damage(input, bytes);
    let [state, other] = states;
    arena.on_every_tier(|arena| {
        for (state, seen) in states.into_iter().zip(&seen) {
            // SAFETY: as above, for each.
            let made =
                arena.call(true, |ctx| unsafe { ffi::ptqk_range_init(ctx, &params, state, bytes) });
            if made != Status::Ok {
                return;
            }
            for src in seen {
                let (mut shape, mut strides) = ([0; 8], [0; 8]);
                (shape[0], shape[1]) = (src.rows, src.cols);
                (strides[0], strides[1]) = (src.row_stride, 1);
                let tensor = Tensor { data: src.data, dtype: src.dtype, rank: 2, shape, strides };
                // SAFETY: as above.
                arena.call(true, |ctx| unsafe {
                    ffi::ptqk_range_update(ctx, &tensor, state, bytes)
                });
            }
        }
        if let Some((at, change)) = damage {
            // SAFETY: a byte of the state.
            unsafe { *other.cast::<u8>().add(at) ^= change };
        }
        // SAFETY: as above.
        arena.call(true, |ctx| unsafe { ffi::ptqk_range_merge(ctx, other, bytes, state, bytes) });
        // SAFETY: as above.
        arena.call(true, |ctx| unsafe {
            ffi::ptqk_range_finish(ctx, state, bytes, channels, min, max, space, room)
        });
    });
}
