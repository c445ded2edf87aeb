//! The functions over whole matrices behind the C border, with parameters of any value, shapes that
//! disagree or overflow, and pointers that are NULL, odd or shared.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ptqk::ffi::{self, *};
use ptqk_fuzz::arguments::{self, Harm, Shape};
use ptqk_fuzz::{Arena, Input, Kind};
use std::ptr;

fuzz_target!(|data: &[u8]| {
    let input = &mut Input::new(data);
    let arena = &mut Arena::new(input);
    match input.below(8) {
        0 => quantize(input, arena),
        1 => dequantize(input, arena),
        2 => fake_quantize(input, arena),
        3 => reduce(input, arena),
        4 => requantize(input, arena),
        5 => pack(input, arena),
        6 => convert(input, arena),
        _ => weights(input, arena),
    }
});

/// The shape of the output: that of the input, now and then another.
fn other_shape(input: &mut Input, shape: Shape) -> Shape {
    let pad = input.below(4);
    if input.rarely() { Shape::any(input) } else { Shape { pad, ..shape } }
}

/// The larger number of scales: it depends on the function which shape counts.
fn count(shapes: [Shape; 2], granularity: u32, group: u32) -> usize {
    let [a, b] = shapes.map(|shape| shape.count(granularity, group));
    a.max(b)
}

fn scales(input: &mut Input, arena: &mut Arena, n: usize) -> *const f32 {
    let hostile = input.rarely();
    let mut values = input.any_values();
    let scale = |_| if hostile { values.float() } else { values.scale() };
    let scale = arena.floats((0..n).map(scale));
    if input.rarely() { ptr::null() } else { scale }
}

fn zero_points(input: &mut Input, arena: &mut Arena, n: usize, code_type: u32) -> *const i32 {
    if input.flag() {
        return ptr::null();
    }
    let any = input.rarely();
    let mut values = input.values(0);
    let signed = matches!(code_type, 0 | 2 | 4);
    let bits = *[8, 8, 16, 16, 4, 4, 3, 2].get(code_type as usize).unwrap_or(&8);
    arena.ints((0..n).map(|_| {
        let word = values.bits() as i32;
        match (any, signed) {
            (true, _) => word,
            (false, true) => word >> (32 - bits),
            (false, false) => (word as u32 >> (32 - bits)) as i32,
        }
    }))
}

fn quantize_params(input: &mut Input) -> QuantizeParams {
    let default = QuantizeParams::DEFAULT;
    let limits = input.rarely();
    QuantizeParams {
        size: input.size(default.size),
        granularity: input.choice(4),
        group_size: input.choice(70),
        zero_point_rounding: input.choice(2),
        code_min: if limits { input.word() as i32 >> 22 } else { default.code_min },
        code_max: if limits { input.word() as i32 >> 22 } else { default.code_max },
    }
}

fn quantize(input: &mut Input, arena: &mut Arena) {
    let params = quantize_params(input);
    let (dtype, code_type) = (input.below(3) as u32, input.below(17) as u32);
    let shape = Shape::any(input);
    let to = other_shape(input, shape);
    let mut src = arguments::matrix(arena, shape, dtype, &mut input.any_values());
    let mut dst = arguments::codes_mut(arena, to, code_type);
    let n = count([shape, to], params.granularity, params.group_size);
    let scale = scales(input, arena, n);
    let zero_point = zero_points(input, arena, n, code_type);
    if input.rarely() && src.cols > 0 && dst.cols > 0 {
        src.data = dst.data;
    }
    src.perhaps_harm(input);
    dst.perhaps_harm(input);
    arena.on_every_tier(|arena| {
        // SAFETY: all memory is there, but for what must be refused unread.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_quantize(ctx, &params, &src, scale, zero_point, &dst)
        });
    });
}

fn dequantize(input: &mut Input, arena: &mut Arena) {
    let params = quantize_params(input);
    let (dtype, code_type) = (input.below(3) as u32, input.below(17) as u32);
    let shape = Shape::any(input);
    let to = other_shape(input, shape);
    let mut src = arguments::codes(arena, shape, code_type, &mut input.any_values());
    let mut dst = arguments::matrix_mut(arena, to, dtype);
    let n = count([shape, to], params.granularity, params.group_size);
    let scale = scales(input, arena, n);
    let zero_point = zero_points(input, arena, n, code_type);
    src.perhaps_harm(input);
    dst.perhaps_harm(input);
    arena.on_every_tier(|arena| {
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_dequantize(ctx, &params, &src, scale, zero_point, &dst)
        });
    });
}

fn fake_quantize(input: &mut Input, arena: &mut Arena) {
    let params = FakeQuantizeParams {
        size: input.size(FakeQuantizeParams::DEFAULT.size),
        granularity: input.choice(4),
        group_size: input.choice(70),
        levels: if input.flag() { input.choice(300) } else { input.choice(65_537) },
    };
    let (from, to) = (input.below(3) as u32, input.below(3) as u32);
    let shape = Shape::any(input);
    let to_shape = other_shape(input, shape);
    let mut src = arguments::matrix(arena, shape, from, &mut input.any_values());
    let mut dst = arguments::matrix_mut(arena, to_shape, to);
    let n = count([shape, to_shape], params.granularity, params.group_size);
    let any = input.rarely();
    let mut values = input.any_values();
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let (a, b) = (values.float(), values.float());
        let sorted = any || a <= b;
        low.push(if sorted { a } else { b });
        high.push(if sorted { b } else { a });
    }
    let (low, high) = (arena.floats(low.into_iter()), arena.floats(high.into_iter()));
    // In place, or an element off, which must be refused; only where the memory is large enough.
    if from == to
        && input.below(4) == 0
        && shape.rows == to_shape.rows
        && shape.cols == to_shape.cols
    {
        let shift = usize::from(input.rarely()) * arguments::dtype_bytes(to);
        src = Matrix { row_stride: dst.row_stride, ..src };
        src.data = dst.data.wrapping_byte_add(shift);
    }
    src.perhaps_harm(input);
    dst.perhaps_harm(input);
    arena.on_every_tier(|arena| {
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_fake_quantize(ctx, &params, &src, low, high, &dst)
        });
    });
}

fn reduce(input: &mut Input, arena: &mut Arena) {
    let params = ReduceParams {
        size: input.size(ReduceParams::DEFAULT.size),
        granularity: input.choice(4),
        group_size: input.choice(70),
        reserved: u32::from(input.rarely()),
    };
    let quantile = QuantileParams {
        size: input.size(QuantileParams::DEFAULT.size),
        granularity: params.granularity,
        group_size: params.group_size,
        magnitude: input.choice(2),
    };
    let dtype = input.below(3) as u32;
    let shape = Shape::any(input);
    let mut src = arguments::matrix(arena, shape, dtype, &mut input.any_values());
    let n = 4 * shape.count(params.granularity, params.group_size);
    let (one, two) = (arena.output(n, 4, Kind::F32).cast(), arena.output(n, 4, Kind::F32).cast());
    let shares: Vec<f64> = (0..input.below(4)).map(|_| input.share()).collect();
    let out = arena.output(n * shares.len(), 4, Kind::F32).cast();
    let room = input.below(2 * shape.rows * shape.cols + 1);
    let scratch = arena.output(4 * room, 4, Kind::Scratch).cast();
    let two = if input.rarely() { one } else { two };
    src.perhaps_harm(input);
    let (params, quantile) = (&raw const params, &raw const quantile);
    let (src, shares, count) = (&raw const src, shares.as_ptr(), shares.len());
    arena.on_every_tier(|arena| {
        // SAFETY: as above, for each.
        arena.call(false, |ctx| unsafe { ffi::ptqk_min_max(ctx, params, src, one, two) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_abs_max(ctx, params, src, one) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_sum(ctx, params, src, one) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_mean(ctx, params, src, one) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_variance(ctx, params, src, one) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_quantile(ctx, quantile, src, shares, count, scratch, room, out)
        });
    });
}

fn requantize(input: &mut Input, arena: &mut Arena) {
    let default = RequantizeParams::DEFAULT;
    let code_type = if input.rarely() { input.below(17) as u32 } else { input.below(2) as u32 };
    let limits = input.rarely();
    let low = if code_type == 0 { -128 } else { 0 };
    let params = RequantizeParams {
        size: input.size(default.size),
        granularity: input.choice(3),
        fixed_point: input.choice(2),
        zero_point: if input.rarely() {
            input.word() as i32
        } else {
            low + i32::from(input.byte())
        },
        code_min: if limits { input.word() as i32 >> 23 } else { default.code_min },
        code_max: if limits { input.word() as i32 >> 23 } else { default.code_max },
    };
    let shape = Shape::any(input);
    let to = other_shape(input, shape);
    let span = if shape.rows == 0 { 0 } else { shape.rows * (shape.cols + shape.pad) - shape.pad };
    let mut values = input.values(0);
    let special = [i32::MIN, i32::MAX, input.word() as i32, input.word() as i32];
    let data = arena.ints((0..if shape.cols == 0 { 0 } else { span }).map(|_| {
        let bits = values.bits();
        if bits.is_multiple_of(8) {
            special[bits as usize / 8 % 4]
        } else {
            bits as i32 >> (bits % 31)
        }
    }));
    let Shape { rows, cols, pad } = shape;
    let mut src = Accumulators { data, rows, cols, row_stride: cols + pad };
    let mut dst = arguments::codes_mut(arena, to, code_type);
    let n = count([shape, to], params.granularity, 0);
    let scale = scales(input, arena, n);
    let any = input.rarely();
    let mut values = input.values(0);
    let multiplier =
        arena.ints((0..n).map(|_| values.bits() as i32 & if any { -1 } else { i32::MAX }));
    let shift = arena.ints((0..n).map(|_| {
        let bits = values.bits();
        if any { bits as i32 >> 26 } else { (bits % 62) as i32 - 31 }
    }));
    if input.rarely() {
        match input.below(4) {
            0 => src.data = ptr::null(),
            1 => src.data = src.data.wrapping_byte_add(1),
            2 => src.row_stride = usize::MAX - input.below(20),
            _ => src.cols = usize::MAX - input.below(20),
        }
    }
    dst.perhaps_harm(input);
    arena.on_every_tier(|arena| {
        // SAFETY: as above, for both.
        arena.call(false, |ctx| unsafe { ffi::ptqk_requantize(ctx, &params, &src, scale, &dst) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_requantize_fixed(ctx, &params, &src, multiplier, shift, &dst)
        });
    });
}

fn pack(input: &mut Input, arena: &mut Arena) {
    let code_type = input.choice(17);
    let n = input.below(400);
    let mut values = input.values(0);
    let contents: Vec<u8> = (0..n).map(|_| values.bits() as u8).collect();
    let codes = arena.input(&contents, 1);
    let packed = arena.output(arguments::code_row_bytes(code_type, n), 1, Kind::Bytes);
    let back = arena.output(n, 1, Kind::Bytes);
    // Codes have a byte each: so many exceed the address space, whatever they are packed to.
    let len = if input.rarely() { usize::MAX - input.below(20) } else { n };
    let codes = if input.rarely() { packed } else { codes };
    // Codes that take the place of the packed ones must be refused for that, not read.
    let len = if codes == packed && n == 0 { 0 } else { len };
    arena.on_every_tier(|arena| {
        // SAFETY: as above, for both.
        arena.call(false, |ctx| unsafe { ffi::ptqk_pack(ctx, code_type, codes, len, packed) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_unpack(ctx, code_type, packed, len, back) });
    });
}

fn convert(input: &mut Input, arena: &mut Arena) {
    let params = ConvertParams {
        size: input.size(ConvertParams::DEFAULT.size),
        overflow: input.choice(2),
        nan_rule: input.choice(2),
        rounding: input.choice(4),
        seed: input.long(),
    };
    let fake = FakeConvertParams {
        size: input.size(FakeConvertParams::DEFAULT.size),
        granularity: input.choice(4),
        group_size: input.choice(70),
        destination_type: if input.rarely() { input.word() } else { 8 + input.below(9) as u32 },
        nan_rule: input.choice(2),
    };
    let (from, to) = (input.below(3) as u32, input.below(3) as u32);
    let code_type = if input.rarely() { input.below(17) } else { 8 + input.below(9) } as u32;
    let shape = Shape::any(input);
    let to_shape = other_shape(input, shape);
    let mut src = arguments::matrix(arena, shape, from, &mut input.any_values());
    let mut codes = arguments::codes_mut(arena, to_shape, code_type);
    let mut dst = arguments::matrix_mut(arena, to_shape, to);
    let n = count([shape, to_shape], fake.granularity, fake.group_size);
    let (scale, shift) = (scales(input, arena, n), scales(input, arena, n));
    src.perhaps_harm(input);
    codes.perhaps_harm(input);
    dst.perhaps_harm(input);
    let read = arguments::as_codes(&codes);
    arena.on_every_tier(|arena| {
        // SAFETY: as above, for each.
        arena.call(false, |ctx| unsafe { ffi::ptqk_encode(ctx, &params, &src, &codes) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_decode(ctx, &read, &dst) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe { ffi::ptqk_convert(ctx, &params, &src, &dst) });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_fake_convert(ctx, &fake, &src, scale, shift, &dst)
        });
    });
}

fn weights(input: &mut Input, arena: &mut Arena) {
    let (params, code_type) = arguments::weight_params(input, arena);
    let dtype = input.below(3) as u32;
    let shape = arguments::weight_shape(input, &params);
    let code_shape = other_shape(input, shape);
    let mut weights = arguments::matrix(arena, shape, dtype, &mut input.any_values());
    let mut codes = arguments::codes_mut(arena, code_shape, code_type);
    let mut dst = arguments::matrix_mut(arena, other_shape(input, shape), input.below(3) as u32);
    // Stored forms are sized for either shape: it depends on the function which one counts.
    let layouts = [shape, code_shape].map(|shape| arguments::weight_layout(&params, shape));
    let most = |f: fn(&WeightLayout) -> usize| layouts.iter().map(f).max().unwrap();
    let mut scale = arena.output(most(|l| l.scale_bytes), 4, arguments::scale_kind(&params));
    let mut zero_point = arena.output(most(|l| l.zero_point_bytes), 1, Kind::Bytes);
    let mut tensor_scale: *mut f32 = arena.output(4, 4, Kind::F32).cast();
    let error = arena.output(8, 4, Kind::F32).cast();
    weights.perhaps_harm(input);
    codes.perhaps_harm(input);
    dst.perhaps_harm(input);
    if input.rarely() {
        match input.below(4) {
            0 => scale = ptr::null_mut(),
            1 => zero_point = ptr::null_mut(),
            2 => tensor_scale = ptr::null_mut(),
            // Shared with the scales: an overlap if both are written.
            _ => {
                zero_point = if layouts.iter().all(|l| l.zero_point_bytes <= l.scale_bytes) {
                    scale
                } else {
                    zero_point
                }
            }
        }
    }
    let read = arguments::as_codes(&codes);
    let scale = scale.cast();
    arena.on_every_tier(|arena| {
        // Groups that hold a NaN are reported, and all is written.
        // SAFETY: as above, for each.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_compress_weights(
                ctx,
                &params,
                &weights,
                &codes,
                scale,
                zero_point,
                tensor_scale,
            )
        });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_decompress_weights(ctx, &params, &read, scale, zero_point, tensor_scale, &dst)
        });
        // SAFETY: as above.
        arena.call(false, |ctx| unsafe {
            ffi::ptqk_weight_error_query(
                ctx,
                &params,
                &weights,
                &read,
                scale,
                zero_point,
                tensor_scale,
                error,
            )
        });
    });
}
