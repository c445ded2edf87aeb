//! Each argument of each function, wrong in turn.

use crate::calls::*;
use crate::harness::*;
use ptqk::ffi::{self, *};
use std::ffi::c_void;
use std::ptr;

const ROWS: usize = 5;
const COLS: usize = 32;

fn matrix(arena: &mut Arena, rows: usize, cols: usize, x: f32) -> By<Matrix> {
    let data = arena.fill(x, rows * (cols + 2)).cast_const().cast();
    By::Value(Matrix { data, rows, cols, row_stride: cols + 2, dtype: F32, reserved: 0 })
}

fn matrix_mut(arena: &mut Arena, rows: usize, cols: usize) -> By<MatrixMut> {
    let data = arena.space::<f32>(rows * (cols + 2)).cast();
    By::Value(MatrixMut { data, rows, cols, row_stride: cols + 2, dtype: F32, reserved: 0 })
}

function! { GptqSize = ptqk_gptq_workspace_size {
    params: By<GptqParams>, rows: usize, cols: usize, bytes: *mut usize,
} }

/// Values that fields must not have.
fn fields<A: Function>(suite: &mut Suite<A>, of: fn(&mut A) -> &mut GptqParams) {
    type Field = fn(&mut GptqParams) -> &mut u32;
    let fields: [(&str, Field, &[u32]); 8] = [
        ("order", |p| &mut p.order, &[2, u32::MAX]),
        ("groups", |p| &mut p.groups, &[3, u32::MAX]),
        ("scale", |p| &mut p.scale, &[3, u32::MAX]),
        ("stored_scales", |p| &mut p.stored_scales, &[2, u32::MAX]),
        ("block_size", |p| &mut p.block_size, &[0, 65537, u32::MAX]),
        ("max_redamps", |p| &mut p.max_redamps, &[17, u32::MAX]),
        ("passes", |p| &mut p.passes, &[65, u32::MAX]),
        ("reserved", |p| &mut p.reserved, &[1]),
    ];
    for (name, field, values) in fields {
        for bad in values {
            suite.refuse(name, |a| *field(of(a)) = *bad, param(name, *bad));
        }
    }
    for bad in [-0.1, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let expect = param("damp_percent", bad);
        suite.refuse("damp_percent", |a| of(a).damp_percent = bad, expect);
    }
    for bad in [0, 47, 49, u32::MAX] {
        let expect = wrong(Status::InvalidStructSize, "params").field("weights.size").value(bad);
        suite.refuse("weights.size", |a| of(a).weights.size = bad, expect);
    }
    estimation_fields(suite, of);
    let weights = |field: &'static str, value: f64| {
        wrong(Status::InvalidParameter, "params.weights").field(field).value(value)
    };
    suite.refuse("mode", |a| of(a).weights.mode = 99, weights("mode", 99.0));
    suite.refuse("group_size", |a| of(a).weights.group_size = 0, weights("group_size", 0.0));
    suite.refuse("no divisor", |a| of(a).weights.group_size = 7, weights("group_size", 7.0));
    let axis = weights("reduction_axis", 2.0);
    suite.refuse("reduction_axis", |a| of(a).weights.reduction_axis = 2, axis);
}

/// Values that the fields of scale estimation must not have, where scales are estimated.
fn estimation_fields<A: Function>(suite: &mut Suite<A>, of: fn(&mut A) -> &mut GptqParams) {
    type Field = fn(&mut ScaleEstimationParams) -> &mut u32;
    let fields: [(&str, Field, &[u32]); 3] = [
        ("initial_steps", |p| &mut p.initial_steps, &[1001, u32::MAX]),
        ("scale_steps", |p| &mut p.scale_steps, &[21, u32::MAX]),
        ("reserved", |p| &mut p.reserved, &[1]),
    ];
    let estimates = move |a: &mut A, set: &dyn Fn(&mut ScaleEstimationParams)| {
        of(a).scale = 2;
        set(&mut of(a).estimation);
    };
    let wrong_field = |field: &'static str, value: f64| {
        wrong(Status::InvalidParameter, "params.estimation").field(field).value(value)
    };
    for (name, field, values) in fields {
        for bad in values {
            let set = move |a: &mut A| estimates(a, &|p| *field(p) = *bad);
            suite.refuse(name, set, wrong_field(name, f64::from(*bad)));
            suite.accept(name, |a| *field(&mut of(a).estimation) = *bad);
        }
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let set = move |a: &mut A| estimates(a, &|p| p.weight_penalty = bad);
        suite.refuse("weight_penalty", set, wrong_field("weight_penalty", f64::from(bad)));
    }
    for bad in [0, 23, 25, u32::MAX] {
        let expect = wrong(Status::InvalidStructSize, "params").field("estimation.size").value(bad);
        let set = move |a: &mut A| estimates(a, &|p| p.size = bad);
        suite.refuse("estimation.size", set, expect);
    }
    for mode in [8, NVFP4, 12, 16] {
        let set = move |a: &mut A| {
            estimates(a, &|_| ());
            let weights = &mut of(a).weights;
            (weights.mode, weights.group_size) = (mode, -1);
        };
        suite.refuse("no such scales", set, param("scale", 2));
    }
}

fn small() -> GptqParams {
    let weights = WeightParams { group_size: 16, ..GptqParams::DEFAULT.weights };
    GptqParams { weights, ..GptqParams::DEFAULT }
}

#[test]
fn gptq_workspace_size() {
    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let params = By::Value(small());
    let mut suite = Suite::new(arena, GptqSize { params, rows: ROWS, cols: COLS, bytes });
    suite.params(|a| &mut a.params);
    suite.output("bytes", |a| &mut a.bytes);
    fields(&mut suite, |a| a.params.value());
    let huge = wrong(Status::SizeOverflow, "rows");
    suite.refuse("too many rows", |a| a.rows = usize::MAX, huge);
    let huge = wrong(Status::SizeOverflow, "workspace");
    suite.refuse("too many columns", |a| a.cols = 1 << 32, huge);
    let none = |a: &mut GptqSize| {
        a.params.value().weights.group_size = -1;
        (a.rows, a.cols) = (0, usize::MAX);
    };
    suite.refuse("all columns of no rows", none, huge);
}

function! { Preset = ptqk_gptq_params_preset { preset: u32, params: *mut GptqParams } }

#[test]
fn gptq_params_preset() {
    let mut arena = Arena::new();
    let params = arena.space(1);
    let mut suite = Suite::new(arena, Preset { preset: 0, params });
    suite.output("params", |a| &mut a.params);
    suite.accept("NNCF", |a| a.preset = 1);
    for bad in [2, u32::MAX] {
        let expect = wrong(Status::InvalidParameter, "preset").value(bad);
        suite.refuse("preset", |a| a.preset = bad, expect);
    }
}

function! { Gptq = ptqk_gptq {
    params: By<GptqParams>, weights: By<Matrix>, hessian: By<Matrix>, outputs: By<GptqOutputs>,
    report: *mut GptqReport, workspace: *mut c_void, workspace_bytes: usize,
} }

/// The address of an output, and how to move it.
type Place = (&'static str, fn(&mut GptqOutputs, *mut u8));

#[test]
fn gptq() {
    let mut arena = Arena::large(1 << 16);
    let weights = matrix(&mut arena, ROWS, COLS, 0.25);
    let hessian = matrix(&mut arena, COLS, COLS, 0.0);
    let By::Value(h) = hessian else { panic!("a matrix") };
    for i in 0..COLS {
        // SAFETY: the arena has the diagonal.
        unsafe { h.data.cast_mut().cast::<f32>().add(i * (COLS + 2) + i).write(1.0) };
    }
    let mode = WeightParams { mode: 3, group_size: 16, ..WeightParams::DEFAULT };
    let params = By::Value(GptqParams { weights: mode, ..GptqParams::DEFAULT });
    let groups = ROWS * COLS / 16;
    let codes = CodesMut {
        data: arena.space::<u8>(ROWS * 18).cast(),
        rows: ROWS,
        cols: COLS,
        row_stride_bytes: 18,
        code_type: U4,
        reserved: 0,
    };
    let By::Value(dequantized) = matrix_mut(&mut arena, ROWS, COLS) else { panic!("a matrix") };
    let outputs = GptqOutputs {
        codes,
        scale: arena.space::<u16>(groups).cast(),
        zero_point: arena.space(groups),
        permutation: arena.space(COLS),
        loss: arena.space(ROWS),
        dequantized,
        ..GptqOutputs::DEFAULT
    };
    let mut bytes = 0;
    // SAFETY: two structures that are here.
    let status = unsafe {
        let By::Value(params) = &params else { panic!("parameters") };
        ptqk_gptq_workspace_size(ptr::null(), params, ROWS, COLS, &mut bytes)
    };
    assert_eq!(status, Status::Ok);
    let workspace: *mut c_void = arena.space::<u8>(bytes).cast();
    let report = arena.space(1);
    let outputs = By::Value(outputs);
    let good =
        Gptq { params, weights, hessian, outputs, report, workspace, workspace_bytes: bytes };
    let mut suite = Suite::new(arena, good);
    suite.params(|a| &mut a.params);
    fields(&mut suite, |a| a.params.value());
    suite.view("weights", |a| &mut a.weights, None);
    suite.view("hessian", |a| &mut a.hessian, None);
    suite.optional("report", |a| &mut a.report);

    let null = wrong(Status::NullPointer, "outputs");
    suite.refuse("outputs NULL", |a| a.outputs = By::Null, null);
    suite.refuse("outputs odd", |a| a.outputs.make_odd(), wrong(Status::Misaligned, "outputs"));
    for bad in [0, 4, u32::MAX] {
        let expect = wrong(Status::InvalidStructSize, "outputs").field("size").value(bad);
        suite.refuse("outputs.size", |a| a.outputs.value().size = bad, expect);
    }
    let expect = wrong(Status::InvalidParameter, "outputs").field("reserved").value(1);
    suite.refuse("outputs.reserved", |a| a.outputs.value().reserved = 1, expect);

    let shape = |argument, field, value: usize| {
        wrong(Status::InvalidShape, argument).field(field).value(value as f64)
    };
    let codes_name = "outputs.codes";
    suite.refuse(
        "rows of codes",
        |a| a.outputs.value().codes.rows = 4,
        shape(codes_name, "rows", 4),
    );
    suite.refuse(
        "cols of codes",
        |a| a.outputs.value().codes.cols = 8,
        shape(codes_name, "cols", 8),
    );
    let expect = wrong(Status::InvalidParameter, codes_name).field("code_type").value(I4);
    suite.refuse("type of codes", |a| a.outputs.value().codes.code_type = I4, expect);
    let rows = |a: &mut Gptq| a.outputs.value().dequantized.rows = 4;
    suite.refuse("rows of values", rows, shape("outputs.dequantized", "rows", 4));
    suite.refuse("rows of H", |a| a.hessian.value().rows = 31, shape("hessian", "rows", 31));
    suite.refuse("cols of H", |a| a.hessian.value().cols = 31, shape("hessian", "cols", 31));
    let half = |a: &mut Gptq| a.hessian.value().dtype = F16;
    suite.refuse(
        "H of f16",
        half,
        wrong(Status::InvalidParameter, "hessian").field("dtype").value(F16),
    );

    suite.accept("no order", |a| a.outputs.value().permutation = ptr::null_mut());
    suite.accept("no losses", |a| a.outputs.value().loss = ptr::null_mut());
    suite.accept("no values", |a| a.outputs.value().dequantized.data = ptr::null_mut());
    let no_order = |a: &mut Gptq| {
        a.params.value().groups = 1;
        a.outputs.value().permutation = ptr::null_mut();
    };
    suite.refuse("an order is needed", no_order, wrong(Status::NullPointer, "outputs.permutation"));
    for (name, set) in places() {
        let missing = |a: &mut Gptq| set(a.outputs.value(), ptr::null_mut());
        if !["outputs.permutation", "outputs.loss", "outputs.dequantized"].contains(&name) {
            suite.refuse(name, missing, wrong(Status::NullPointer, name));
        }
        // Over an input, over the workspace, and over another output.
        let over =
            |at: *const c_void| move |a: &mut Gptq| set(a.outputs.value(), at.cast_mut().cast());
        let overlap = wrong(Status::Overlap, name);
        let (By::Value(w), By::Value(h)) = (good.weights, good.hessian) else { panic!("views") };
        suite.refuse(name, over(w.data), overlap);
        suite.refuse(name, over(h.data), overlap);
        suite.refuse(name, over(good.workspace), overlap);
        let odd = |a: &mut Gptq| set(a.outputs.value(), ptr::without_provenance_mut(0x7001));
        if !["outputs.codes", "outputs.zero_point"].contains(&name) {
            suite.refuse(name, odd, wrong(Status::Misaligned, name));
        }
    }
    let report = |a: &mut Gptq| a.report = a.workspace.cast();
    suite.refuse("report over the workspace", report, wrong(Status::Overlap, "report"));
    let loss = |a: &mut Gptq| a.outputs.value().loss = a.outputs.value().permutation.cast();
    suite.refuse("losses over the order", loss, wrong(Status::Overlap, "outputs.permutation"));

    let little = wrong(Status::InvalidParameter, "workspace_bytes").value(bytes as f64);
    suite.refuse("a byte less", |a| a.workspace_bytes -= 1, little);
    suite.refuse("none", |a| a.workspace_bytes = 0, little);
    let null = |a: &mut Gptq| a.workspace = ptr::null_mut();
    suite.refuse("workspace NULL", null, wrong(Status::NullPointer, "workspace"));

    // Scales that are estimated from one sample more than all can be taken of.
    let mut arena = Arena::large(1 << 17);
    let By::Value(means) = matrix(&mut arena, 33, COLS, 0.5) else { panic!("a matrix") };
    let counts: *mut u64 = arena.space::<u64>(33);
    let By::Value(mut params) = good.params else { panic!("parameters") };
    (params.scale, params.means, params.token_counts) = (2, means, counts.cast_const());
    let mut bytes = 0;
    // SAFETY: two structures that are here.
    let status = unsafe { ptqk_gptq_workspace_size(ptr::null(), &params, ROWS, COLS, &mut bytes) };
    assert_eq!(status, Status::Ok);
    let workspace = arena.space::<u8>(bytes).cast();
    let params = By::Value(params);
    let mut estimates =
        Suite::new(arena, Gptq { params, workspace, workspace_bytes: bytes, ..good });
    let name = "params.means";
    let expect = |field, value: usize| shape(name, field, value);
    estimates.refuse("no sample", |a| a.params.value().means.rows = 0, expect("rows", 0));
    estimates.refuse("channels", |a| a.params.value().means.cols = 31, expect("cols", 31));
    let set = |a: &mut Gptq| a.params.value().means.data = ptr::null();
    estimates.refuse("no means", set, wrong(Status::NullPointer, name));
    let set = |a: &mut Gptq| a.params.value().means.dtype = 3;
    let expect = wrong(Status::InvalidParameter, name).field("dtype").value(3);
    estimates.refuse("type of means", set, expect);
    let counts_name = "params.token_counts";
    let set = |a: &mut Gptq| a.params.value().token_counts = ptr::null();
    estimates.refuse("no counts", set, wrong(Status::NullPointer, counts_name));
    let all = |a: &mut Gptq| {
        a.params.value().estimation.subset_size = 0;
        a.params.value().token_counts = ptr::null();
    };
    estimates.accept("all samples", all);
    let unread = |a: &mut Gptq| {
        (a.params.value().scale, a.params.value().means.rows) = (1, usize::MAX);
        a.params.value().token_counts = ptr::null();
    };
    estimates.accept("not estimated", unread);
    let over = |a: &mut Gptq| a.params.value().means.data = a.workspace.cast_const();
    estimates.refuse("means in the workspace", over, wrong(Status::Overlap, "workspace"));
    let over = |a: &mut Gptq| a.params.value().token_counts = a.report.cast_const().cast();
    estimates.refuse("counts in the report", over, wrong(Status::Overlap, "report"));

    // A mode with a codebook and one with a scale of the matrix.
    let book = |a: &mut Gptq| {
        let weights = &mut a.params.value().weights;
        (weights.mode, weights.codebook_size) = (CODEBOOK, 11);
    };
    suite.refuse("no codebook", book, wrong(Status::NullPointer, "params.weights.codebook"));
    let tensor = |a: &mut Gptq| {
        let weights = &mut a.params.value().weights;
        (weights.mode, weights.group_size) = (NVFP4, -1);
        a.outputs.value().codes.code_type = E2M1;
    };
    suite.refuse("no scale", tensor, wrong(Status::NullPointer, "outputs.tensor_scale"));
}

fn places() -> [Place; 6] {
    [
        ("outputs.codes", |o, p| o.codes.data = p.cast()),
        ("outputs.scale", |o, p| o.scale = p.cast()),
        ("outputs.zero_point", |o, p| o.zero_point = p),
        ("outputs.permutation", |o, p| o.permutation = p.cast()),
        ("outputs.loss", |o, p| o.loss = p.cast()),
        ("outputs.dequantized", |o, p| o.dequantized.data = p.cast()),
    ]
}

function! { StateSize = ptqk_hessian_state_size { params: By<HessianParams>, bytes: *mut usize } }

function! { Init = ptqk_hessian_init {
    params: By<HessianParams>, state: *mut c_void, state_bytes: usize,
} }

function! { UpdateSize = ptqk_hessian_workspace_size {
    params: By<HessianParams>, tokens: usize, bytes: *mut usize,
} }

const CHANNELS: usize = 6;

fn hessian_params() -> By<HessianParams> {
    By::Value(HessianParams { channels: CHANNELS as u64, ..HessianParams::DEFAULT })
}

fn hessian_fields<A: Function>(suite: &mut Suite<A>, of: Of<A, By<HessianParams>>) {
    suite.params(of);
    for bad in [2, u32::MAX] {
        suite.refuse("mean", |a| of(a).value().mean = bad, param("mean", bad));
    }
    for bad in [0, (1 << 24) + 1, 1 << 40] {
        let expect = param("channels", bad as f64);
        suite.refuse("channels", |a| of(a).value().channels = bad, expect);
    }
}

#[test]
fn hessian_sizes_and_init() {
    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let mut suite = Suite::new(arena, StateSize { params: hessian_params(), bytes });
    hessian_fields(&mut suite, |a| &mut a.params);
    suite.output("bytes", |a| &mut a.bytes);

    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let good = UpdateSize { params: hessian_params(), tokens: 9, bytes };
    let mut suite = Suite::new(arena, good);
    hessian_fields(&mut suite, |a| &mut a.params);
    suite.output("bytes", |a| &mut a.bytes);
    suite.accept("any number", |a| a.tokens = usize::MAX);

    let mut arena = Arena::new();
    let state_bytes = 64 + 4 * CHANNELS * CHANNELS;
    let state: *mut c_void = arena.space::<u8>(state_bytes).cast();
    let mut suite = Suite::new(arena, Init { params: hessian_params(), state, state_bytes });
    hessian_fields(&mut suite, |a| &mut a.params);
    suite.refuse("NULL", |a| a.state = ptr::null_mut(), wrong(Status::NullPointer, "state"));
    let odd = |a: &mut Init| a.state = a.state.wrapping_byte_add(4);
    suite.refuse("odd", odd, wrong(Status::Misaligned, "state"));
    for bad in [0, 8, state_bytes - 8, state_bytes + 8, state_bytes - 1] {
        let expect = wrong(Status::InvalidShape, "state_bytes").value(state_bytes as f64);
        suite.refuse("size", |a| a.state_bytes = bad, expect);
    }
}

function! { Update = ptqk_hessian_update {
    activations: By<Matrix>, items: usize, state: *mut c_void, state_bytes: usize,
    workspace: *mut c_void, workspace_bytes: usize,
} }

function! { Merge = ptqk_hessian_merge {
    from: *const c_void, from_bytes: usize, state: *mut c_void, state_bytes: usize,
} }

function! { Finish = ptqk_hessian_finish {
    state: *const c_void, state_bytes: usize, hessian: By<MatrixMut>,
} }

function! { Load = ptqk_hessian_load {
    state: *const c_void, state_bytes: usize, params: *mut HessianParams,
    summary: *mut HessianSummary,
} }

/// A state that has seen something.
fn state(arena: &mut Arena) -> (*mut c_void, usize) {
    let bytes = 64 + 4 * CHANNELS * CHANNELS;
    let at: *mut c_void = arena.space::<u8>(bytes).cast();
    let x = [0.5_f32; 2 * CHANNELS];
    let data = x.as_ptr().cast();
    let x = Matrix { data, rows: 2, cols: CHANNELS, row_stride: CHANNELS, dtype: F32, reserved: 0 };
    let mut workspace = vec![0_u8; 1 << 16];
    let params = HessianParams { channels: CHANNELS as u64, ..HessianParams::DEFAULT };
    let workspace: *mut c_void = workspace.as_mut_ptr().cast();
    // SAFETY: the state has the size that is given, and the workspace is large enough.
    unsafe {
        assert_eq!(ptqk_hessian_init(ptr::null(), &params, at, bytes), Status::Ok);
        let status = ptqk_hessian_update(ptr::null(), &x, 1, at, bytes, workspace, 1 << 16);
        assert_eq!(status, Status::Ok);
    }
    (at, bytes)
}

#[test]
fn hessian_states() {
    let mut arena = Arena::large(1 << 16);
    let (state, state_bytes) = self::state(&mut arena);
    let activations = matrix(&mut arena, 4, CHANNELS, 0.25);
    let By::Value(params) = hessian_params() else { panic!("parameters") };
    let mut bytes = 0;
    // SAFETY: two structures that are here.
    let status = unsafe { ptqk_hessian_workspace_size(ptr::null(), &params, 4, &mut bytes) };
    assert_eq!(status, Status::Ok);
    let workspace: *mut c_void = arena.space::<u8>(bytes).cast();
    let good =
        Update { activations, items: 1, state, state_bytes, workspace, workspace_bytes: bytes };
    let mut suite = Suite::new(arena, good);
    suite.view("activations", |a| &mut a.activations, None);
    let null = wrong(Status::NullPointer, "state");
    suite.refuse("NULL", |a| a.state = ptr::null_mut(), null);
    let odd = |a: &mut Update| a.state = a.state.wrapping_byte_add(4);
    suite.refuse("odd", odd, wrong(Status::Misaligned, "state"));
    let short = wrong(Status::InvalidParameter, "state").field("bytes");
    suite.refuse("short", |a| a.state_bytes -= 8, short);
    suite.refuse("items", |a| a.items = 0, wrong(Status::InvalidParameter, "items"));
    let cols = wrong(Status::InvalidShape, "activations").field("cols").value(5);
    suite.refuse("cols", |a| a.activations.value().cols = 5, cols);
    let little = wrong(Status::InvalidParameter, "workspace_bytes").value(bytes as f64);
    suite.refuse("a byte less", |a| a.workspace_bytes -= 1, little);
    let over = |a: &mut Update| a.workspace = a.state;
    suite.refuse("workspace over the state", over, wrong(Status::Overlap, "state"));
    let over = |a: &mut Update| a.activations.value().data = a.state;
    suite.refuse("activations over the state", over, wrong(Status::Overlap, "state"));

    let mut arena = Arena::new();
    let (state, state_bytes) = self::state(&mut arena);
    let (from, from_bytes) = self::state(&mut arena);
    let mut suite =
        Suite::new(arena, Merge { from: from.cast_const(), from_bytes, state, state_bytes });
    suite.refuse("NULL", |a| a.state = ptr::null_mut(), wrong(Status::NullPointer, "state"));
    suite.refuse("NULL", |a| a.from = ptr::null(), wrong(Status::NullPointer, "from"));
    let short = wrong(Status::InvalidParameter, "from").field("bytes");
    suite.refuse("short", |a| a.from_bytes -= 8, short);
    let short = wrong(Status::InvalidParameter, "state").field("bytes");
    suite.refuse("short", |a| a.state_bytes -= 8, short);
    suite.refuse("itself", |a| a.from = a.state, wrong(Status::Overlap, "state"));

    let mut arena = Arena::new();
    let (state, state_bytes) = self::state(&mut arena);
    let hessian = matrix_mut(&mut arena, CHANNELS, CHANNELS);
    let mut suite = Suite::new(arena, Finish { state: state.cast_const(), state_bytes, hessian });
    suite.view("hessian", |a| &mut a.hessian, None);
    suite.refuse("NULL", |a| a.state = ptr::null(), wrong(Status::NullPointer, "state"));
    let rows = wrong(Status::InvalidShape, "hessian").field("rows").value(5);
    suite.refuse("rows", |a| a.hessian.value().rows = 5, rows);
    let dtype = wrong(Status::InvalidParameter, "hessian").field("dtype").value(F16);
    suite.refuse("dtype", |a| a.hessian.value().dtype = F16, dtype);
    let over = |a: &mut Finish| a.hessian.value().data = a.state.cast_mut();
    suite.refuse("over the state", over, wrong(Status::Overlap, "hessian"));

    let mut arena = Arena::new();
    let (state, state_bytes) = self::state(&mut arena);
    let (params, summary) = (arena.space(1), arena.space(1));
    let mut suite =
        Suite::new(arena, Load { state: state.cast_const(), state_bytes, params, summary });
    suite.refuse("NULL", |a| a.state = ptr::null(), wrong(Status::NullPointer, "state"));
    suite.optional("params", |a| &mut a.params);
    suite.optional("summary", |a| &mut a.summary);
    let over = |a: &mut Load| a.params = a.state.cast_mut().cast();
    suite.refuse("over the state", over, wrong(Status::Overlap, "params"));
}
