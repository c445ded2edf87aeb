//! Each argument of each function, wrong in turn.

use crate::calls::*;
use crate::harness::*;
use ptqk::ffi::{self, *};
use std::ffi::c_void;
use std::ptr;

const OUTPUTS: usize = 6;
const INPUTS: usize = 32;
const SAMPLES: usize = 9;
const RANK: usize = 3;

fn matrix(arena: &mut Arena, rows: usize, cols: usize) -> Matrix {
    let data = arena.fill(0.25, rows * (cols + 2)).cast_const().cast();
    Matrix { data, rows, cols, row_stride: cols + 2, dtype: F32, reserved: 0 }
}

fn matrix_mut(arena: &mut Arena, rows: usize, cols: usize) -> MatrixMut {
    let data = arena.space::<f32>(rows * (cols + 2)).cast();
    MatrixMut { data, rows, cols, row_stride: cols + 2, dtype: F32, reserved: 0 }
}

function! { LoraSize = ptqk_lora_workspace_size {
    params: By<LoraParams>, rows: usize, cols: usize, samples: usize, bytes: *mut usize,
} }

fn small() -> LoraParams {
    let weights = WeightParams { mode: 3, group_size: 16, ..WeightParams::DEFAULT };
    LoraParams { adapter_rank: RANK as u32, subset_size: 4, weights, ..LoraParams::DEFAULT }
}

/// A field of a structure, and values that it must not have.
type Field<P> = (&'static str, fn(&mut P) -> &mut u32, &'static [u32]);

/// Values that fields must not have.
fn fields<A: Function>(suite: &mut Suite<A>, of: fn(&mut A) -> &mut LoraParams) {
    let fields: [Field<LoraParams>; 7] = [
        ("adapter_rank", |p| &mut p.adapter_rank, &[0, 7, (1 << 24) + 1, u32::MAX]),
        ("num_iterations", |p| &mut p.num_iterations, &[1001, u32::MAX]),
        ("apply_regularization", |p| &mut p.apply_regularization, &[2, u32::MAX]),
        ("use_int8_adapters", |p| &mut p.use_int8_adapters, &[2, u32::MAX]),
        ("oversampling", |p| &mut p.oversampling, &[1025, u32::MAX]),
        ("max_steps", |p| &mut p.max_steps, &[1001, u32::MAX]),
        ("reserved", |p| &mut p.reserved, &[1]),
    ];
    for (name, field, values) in fields {
        for bad in values {
            suite.refuse(name, |a| *field(of(a)) = *bad, param(name, *bad));
        }
    }
    tolerances(suite, |a| &mut of(a).tolerance);
    formats(suite, |a| &mut of(a).weights);
}

/// Tolerances of the decomposition that there are not.
fn tolerances<A: Function>(suite: &mut Suite<A>, of: impl Fn(&mut A) -> &mut f32) {
    for bad in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        suite.refuse("tolerance", |a| *of(a) = bad, param("tolerance", bad));
    }
}

/// Formats that weights must not have.
fn formats<A: Function>(suite: &mut Suite<A>, of: impl Fn(&mut A) -> &mut WeightParams) {
    let expect = wrong(Status::InvalidStructSize, "params").field("weights.size").value(0);
    suite.refuse("weights.size", |a| of(a).size = 0, expect);
    let weights = |field: &'static str, value: f64| {
        wrong(Status::InvalidParameter, "params.weights").field(field).value(value)
    };
    suite.refuse("mode", |a| of(a).mode = 99, weights("mode", 99.0));
    suite.refuse("no divisor", |a| of(a).group_size = 7, weights("group_size", 7.0));
}

#[test]
fn lora_workspace_size() {
    let mut arena = Arena::new();
    let bytes = arena.space(1);
    let params = By::Value(small());
    let (rows, cols, samples) = (OUTPUTS, INPUTS, SAMPLES);
    let mut suite = Suite::new(arena, LoraSize { params, rows, cols, samples, bytes });
    suite.params(|a| &mut a.params);
    suite.output("bytes", |a| &mut a.bytes);
    fields(&mut suite, |a| a.params.value());
    let huge = wrong(Status::SizeOverflow, "rows");
    suite.refuse("too many rows", |a| a.rows = usize::MAX, huge);
    let huge = wrong(Status::SizeOverflow, "workspace");
    suite.refuse("too many columns", |a| a.cols = 1 << 60, huge);
    let many = |a: &mut LoraSize| {
        a.params.value().subset_size = 0;
        a.samples = usize::MAX;
    };
    suite.refuse("too many samples", many, huge);
    suite.accept("none", |a| a.samples = 0);
}

function! { Lora = ptqk_lora_correction {
    params: By<LoraParams>, weights: By<Matrix>, codes: By<Codes>, scale: *const c_void,
    zero_point: *const u8, tensor_scale: *const f32, means: By<Matrix>, token_counts: *const u64,
    outputs: By<LoraOutputs>, report: *mut LoraReport, workspace: *mut c_void, workspace_bytes: usize,
} }

/// The address of an output, and how to move it.
type Place = (&'static str, fn(&mut LoraOutputs, *mut u8));

fn places() -> [Place; 9] {
    [
        ("outputs.a", |o, p| o.a.data = p.cast()),
        ("outputs.b", |o, p| o.b.data = p.cast()),
        ("outputs.a_codes", |o, p| o.a_codes.data = p.cast()),
        ("outputs.b_codes", |o, p| o.b_codes.data = p.cast()),
        ("outputs.a_scale", |o, p| o.a_scale = p.cast()),
        ("outputs.b_scale", |o, p| o.b_scale = p.cast()),
        ("outputs.a_zero_point", |o, p| o.a_zero_point = p),
        ("outputs.b_zero_point", |o, p| o.b_zero_point = p),
        ("outputs.noises", |o, p| o.noises = p.cast()),
    ]
}

fn good() -> (Arena, Lora) {
    let mut arena = Arena::large(1 << 16);
    let weights = By::Value(matrix(&mut arena, OUTPUTS, INPUTS));
    let means = By::Value(matrix(&mut arena, SAMPLES, INPUTS));
    let groups = OUTPUTS * INPUTS / 16;
    let codes = By::Value(Codes {
        data: arena.space::<u8>(OUTPUTS * 18).cast_const().cast(),
        rows: OUTPUTS,
        cols: INPUTS,
        row_stride_bytes: 18,
        code_type: U4,
        reserved: 0,
    });
    let scale = arena.space::<u16>(groups);
    for i in 0..groups {
        // SAFETY: the arena has the scales.
        unsafe { scale.add(i).write(0x3400) };
    }
    let bytes = |arena: &mut Arena, rows, cols| CodesMut {
        data: arena.space::<u8>(rows * cols).cast(),
        rows,
        cols,
        row_stride_bytes: cols,
        code_type: U8,
        reserved: 0,
    };
    let outputs = LoraOutputs {
        a: matrix_mut(&mut arena, RANK, INPUTS),
        b: matrix_mut(&mut arena, OUTPUTS, RANK),
        a_codes: bytes(&mut arena, RANK, INPUTS),
        b_codes: bytes(&mut arena, OUTPUTS, RANK),
        a_scale: arena.space(RANK),
        b_scale: arena.space(OUTPUTS),
        a_zero_point: arena.space(RANK),
        b_zero_point: arena.space(OUTPUTS),
        noises: arena.space(8),
        ..LoraOutputs::DEFAULT
    };
    let mut bytes = 0;
    let params = small();
    // SAFETY: two structures that are here.
    let status = unsafe {
        ptqk_lora_workspace_size(ptr::null(), &params, OUTPUTS, INPUTS, SAMPLES, &mut bytes)
    };
    assert_eq!(status, Status::Ok);
    let workspace: *mut c_void = arena.space::<u8>(bytes).cast();
    let good = Lora {
        params: By::Value(params),
        weights,
        codes,
        scale: scale.cast_const().cast(),
        zero_point: arena.space::<u8>(groups).cast_const(),
        tensor_scale: ptr::null(),
        means,
        token_counts: arena.space::<u64>(SAMPLES).cast_const(),
        outputs: By::Value(outputs),
        report: arena.space(1),
        workspace,
        workspace_bytes: bytes,
    };
    (arena, good)
}

#[test]
fn lora_correction() {
    let (arena, good) = good();
    let bytes = good.workspace_bytes;
    let (By::Value(w), By::Value(x)) = (good.weights, good.means) else { panic!("views") };
    let at = good.workspace;
    let mut suite = Suite::new(arena, good);
    suite.params(|a| &mut a.params);
    fields(&mut suite, |a| a.params.value());
    suite.view("weights", |a| &mut a.weights, None);
    suite.view("codes", |a| &mut a.codes, None);
    suite.view("means", |a| &mut a.means, None);
    suite.optional("report", |a| &mut a.report);

    let null = |name| wrong(Status::NullPointer, name);
    suite.refuse("scale NULL", |a| a.scale = ptr::null(), null("scale"));
    suite.refuse("zero_point NULL", |a| a.zero_point = ptr::null(), null("zero_point"));
    suite.refuse("token_counts NULL", |a| a.token_counts = ptr::null(), null("token_counts"));
    let all = |a: &mut Lora| {
        (a.params.value().subset_size, a.token_counts) = (9, ptr::null());
        (a.workspace_bytes, a.workspace) = (a.workspace_bytes, a.workspace);
    };
    // More samples need more room.
    let little = wrong(Status::InvalidParameter, "workspace_bytes");
    suite.refuse("no counts are needed for all samples", all, little);
    suite.accept("fewer samples than wanted", |a| {
        (a.params.value().subset_size, a.token_counts) = (4, ptr::null());
        a.means.value().rows = 4;
    });
    suite.accept("no samples", |a| a.means.value().rows = 0);

    let shape = |argument, field, value: usize| {
        wrong(Status::InvalidShape, argument).field(field).value(value as f64)
    };
    suite.refuse("rows of codes", |a| a.codes.value().rows = 5, shape("codes", "rows", 5));
    suite.refuse("cols of codes", |a| a.codes.value().cols = 16, shape("codes", "cols", 16));
    let expect = wrong(Status::InvalidParameter, "codes").field("code_type").value(I4);
    suite.refuse("type of codes", |a| a.codes.value().code_type = I4, expect);
    suite.refuse("cols of means", |a| a.means.value().cols = 31, shape("means", "cols", 31));

    suite.refuse("outputs NULL", |a| a.outputs = By::Null, null("outputs"));
    suite.refuse("outputs odd", |a| a.outputs.make_odd(), wrong(Status::Misaligned, "outputs"));
    let expect = wrong(Status::InvalidStructSize, "outputs").field("size").value(4);
    suite.refuse("outputs.size", |a| a.outputs.value().size = 4, expect);
    let expect = wrong(Status::InvalidParameter, "outputs").field("reserved").value(1);
    suite.refuse("outputs.reserved", |a| a.outputs.value().reserved = 1, expect);
    suite.refuse("rows", |a| a.outputs.value().a.rows = 2, shape("outputs.a", "rows", 2));
    suite.refuse("cols", |a| a.outputs.value().b.cols = 2, shape("outputs.b", "cols", 2));
    let rows = |a: &mut Lora| a.outputs.value().b_codes.rows = 2;
    suite.refuse("rows", rows, shape("outputs.b_codes", "rows", 2));
    let cols = |a: &mut Lora| a.outputs.value().a_codes.cols = 2;
    suite.refuse("cols", cols, shape("outputs.a_codes", "cols", 2));
    let expect = wrong(Status::InvalidParameter, "outputs.a_codes").field("code_type").value(I8);
    suite.refuse("signed", |a| a.outputs.value().a_codes.code_type = I8, expect);

    for (name, set) in places() {
        let missing = |a: &mut Lora| set(a.outputs.value(), ptr::null_mut());
        if ["outputs.a", "outputs.b", "outputs.noises"].contains(&name) {
            suite.accept(name, missing);
        } else {
            suite.refuse(name, missing, null(name));
        }
        // Over an input and over the workspace.
        let over =
            |at: *const c_void| move |a: &mut Lora| set(a.outputs.value(), at.cast_mut().cast());
        let overlap = wrong(Status::Overlap, name);
        suite.refuse(name, over(w.data), overlap);
        suite.refuse(name, over(x.data), overlap);
        suite.refuse(name, over(at), overlap);
        let odd = |a: &mut Lora| set(a.outputs.value(), ptr::without_provenance_mut(0x7001));
        if !name.ends_with("codes") && !name.ends_with("zero_point") {
            suite.refuse(name, odd, wrong(Status::Misaligned, name));
        }
    }
    let floats = |a: &mut Lora| {
        a.params.value().use_int8_adapters = 0;
        a.outputs.value().a.data = ptr::null_mut();
    };
    suite.refuse("floats are needed", floats, null("outputs.a"));
    let report = |a: &mut Lora| a.report = a.workspace.cast();
    suite.refuse("report over the workspace", report, wrong(Status::Overlap, "report"));

    let little = wrong(Status::InvalidParameter, "workspace_bytes").value(bytes as f64);
    suite.refuse("a byte less", |a| a.workspace_bytes -= 1, little);
    suite.refuse("workspace NULL", |a| a.workspace = ptr::null_mut(), null("workspace"));
    let book = |a: &mut Lora| {
        let weights = &mut a.params.value().weights;
        (weights.mode, weights.codebook_size) = (CODEBOOK, 11);
    };
    suite.refuse("no codebook", book, null("params.weights.codebook"));
}

function! { InitSize = ptqk_lora_init_workspace_size {
    params: By<LoraInitParams>, rows: usize, cols: usize, bytes: *mut usize,
} }

function! { Init = ptqk_lora_init {
    params: By<LoraInitParams>, weights: By<Matrix>, codes: By<Codes>, scale: *const c_void,
    zero_point: *const u8, tensor_scale: *const f32, a: By<MatrixMut>, b: By<MatrixMut>,
    workspace: *mut c_void, workspace_bytes: usize,
} }

fn init_fields<A: Function>(suite: &mut Suite<A>, of: fn(&mut A) -> &mut LoraInitParams) {
    let fields: [Field<LoraInitParams>; 4] = [
        ("adapter_rank", |p| &mut p.adapter_rank, &[0, 7, (1 << 24) + 1, u32::MAX]),
        ("kind", |p| &mut p.kind, &[2, u32::MAX]),
        ("oversampling", |p| &mut p.oversampling, &[1025, u32::MAX]),
        ("max_steps", |p| &mut p.max_steps, &[1001, u32::MAX]),
    ];
    for (name, field, values) in fields {
        for bad in values {
            suite.refuse(name, |a| *field(of(a)) = *bad, param(name, *bad));
        }
    }
    tolerances(suite, |a| &mut of(a).tolerance);
    formats(suite, |a| &mut of(a).weights);
}

fn small_init() -> LoraInitParams {
    let LoraParams { adapter_rank, weights, .. } = small();
    LoraInitParams { adapter_rank, weights, ..LoraInitParams::DEFAULT }
}

#[test]
fn lora_init_workspace_size() {
    let mut arena = Arena::new();
    let (bytes, params) = (arena.space(1), By::Value(small_init()));
    let mut suite = Suite::new(arena, InitSize { params, rows: OUTPUTS, cols: INPUTS, bytes });
    suite.params(|a| &mut a.params);
    suite.output("bytes", |a| &mut a.bytes);
    init_fields(&mut suite, |a| a.params.value());
    let huge = wrong(Status::SizeOverflow, "rows");
    suite.refuse("too many rows", |a| a.rows = usize::MAX, huge);
    let huge = wrong(Status::SizeOverflow, "workspace");
    suite.refuse("too many columns", |a| a.cols = 1 << 60, huge);
}

#[test]
fn lora_init() {
    let (mut arena, from) = good();
    let (By::Value(w), By::Value(outputs)) = (from.weights, from.outputs) else { panic!("views") };
    let (params, mut bytes) = (small_init(), 0);
    // SAFETY: two structures that are here.
    let status =
        unsafe { ptqk_lora_init_workspace_size(ptr::null(), &params, OUTPUTS, INPUTS, &mut bytes) };
    assert_eq!(status, Status::Ok);
    let at: *mut c_void = arena.space::<u8>(bytes).cast();
    let Lora { weights, codes, scale, zero_point, tensor_scale, .. } = from;
    let mut suite = Suite::new(
        arena,
        Init {
            params: By::Value(params),
            weights,
            codes,
            scale,
            zero_point,
            tensor_scale,
            a: By::Value(outputs.a),
            b: By::Value(outputs.b),
            workspace: at,
            workspace_bytes: bytes,
        },
    );
    suite.params(|a| &mut a.params);
    init_fields(&mut suite, |a| a.params.value());
    suite.view("weights", |a| &mut a.weights, None);
    suite.view("codes", |a| &mut a.codes, None);
    suite.view("a", |a| &mut a.a, None);
    suite.view("b", |a| &mut a.b, None);
    let random = |a: &mut Init| {
        (a.params.value().kind, a.weights) = (LoraInitKind::Random as u32, By::Null);
    };
    suite.accept("weights are not read", random);

    let null = |name| wrong(Status::NullPointer, name);
    suite.refuse("scale NULL", |a| a.scale = ptr::null(), null("scale"));
    suite.refuse("zero_point NULL", |a| a.zero_point = ptr::null(), null("zero_point"));
    let shape = |argument, field, value: usize| {
        wrong(Status::InvalidShape, argument).field(field).value(value as f64)
    };
    suite.refuse("rows of codes", |a| a.codes.value().rows = 5, shape("codes", "rows", 5));
    suite.refuse("cols of codes", |a| a.codes.value().cols = 16, shape("codes", "cols", 16));
    suite.refuse("rows of a", |a| a.a.value().rows = 2, shape("a", "rows", 2));
    suite.refuse("cols of a", |a| a.a.value().cols = 31, shape("a", "cols", 31));
    suite.refuse("rows of b", |a| a.b.value().rows = 5, shape("b", "rows", 5));
    suite.refuse("cols of b", |a| a.b.value().cols = 2, shape("b", "cols", 2));
    suite.refuse("a over b", |a| a.a.value().data = a.b.value().data, wrong(Status::Overlap, "a"));
    let over = |a: &mut Init| a.b.value().data = w.data.cast_mut();
    suite.refuse("b over the weights", over, wrong(Status::Overlap, "b"));
    let over = |a: &mut Init| a.a.value().data = a.workspace;
    suite.refuse("a over the workspace", over, wrong(Status::Overlap, "a"));

    let little = wrong(Status::InvalidParameter, "workspace_bytes").value(bytes as f64);
    suite.refuse("a byte less", |a| a.workspace_bytes -= 1, little);
    suite.refuse("workspace NULL", |a| a.workspace = ptr::null_mut(), null("workspace"));
}
