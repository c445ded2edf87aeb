//! The estimation of a codebook: what NNCF finds, what is refused, the same bytes on every table and
//! any number of threads, and that a codebook is worth its estimation.

#![cfg(feature = "weights")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "common/lcg.rs"]
mod lcg;
#[path = "common/tables.rs"]
mod tables;
#[path = "common/threads.rs"]
mod threads;
#[path = "codebook/vectors.rs"]
mod vectors;

use lcg::Lcg;
use ptqk::ffi::{self, CodebookParams, CodesMut, Ctx, Detail, Matrix, Status, Task, WeightParams};
use ptqk::formats::{CB4, E2M1, E4M3};
use std::ffi::{CStr, c_void};
use std::ptr;
use tables::on_every_table;

/// A codebook that NNCF found.
pub struct Vector {
    seed: u64,
    shapes: &'static [(usize, usize)],
    skew: f32,
    group: i32,
    across: bool,
    samples: usize,
    codebook: &'static [f32],
}

impl Lcg {
    /// As `vectors.py` makes it.
    fn weight(&mut self, skew: f32) -> f32 {
        let u = self.unit();
        let square = u * u;
        square * u + skew * square
    }
}

/// A row-major matrix.
#[derive(Clone)]
struct Floats {
    rows: usize,
    cols: usize,
    data: Vec<f32>,
}

impl Floats {
    fn new(rows: usize, cols: usize, mut f: impl FnMut() -> f32) -> Self {
        Self { rows, cols, data: (0..rows * cols).map(|_| f()).collect() }
    }

    fn view(&self) -> Matrix {
        let Self { rows, cols, ref data } = *self;
        Matrix { data: data.as_ptr().cast(), rows, cols, row_stride: cols, dtype: 0, reserved: 0 }
    }

    fn transposed(&self) -> Self {
        let (mut i, Self { rows, cols, data }) = (0, self);
        Self::new(*cols, *rows, || {
            i += 1;
            data[(i - 1) % rows * cols + (i - 1) / rows]
        })
    }
}

/// Layers, each with activations and the importances that NNCF takes from them.
#[derive(Clone)]
struct Layers {
    weights: Vec<Floats>,
    activations: Vec<Floats>,
    importance: Vec<Vec<f32>>,
}

impl Layers {
    fn new(seed: u64, shapes: &[(usize, usize)], skew: f32, samples: usize) -> Self {
        let mut rng = Lcg::new(seed);
        let mut layers = Self { weights: vec![], activations: vec![], importance: vec![] };
        for (rows, cols) in shapes {
            layers.weights.push(Floats::new(*rows, *cols, || rng.weight(skew)));
            let x = Floats::new(*cols, samples, || rng.unit());
            let largest = |row: &[f32]| row.iter().fold(0.0, |m: f32, x| m.max(x.abs()));
            layers.importance.push(x.data.chunks(samples).map(largest).collect());
            layers.activations.push(x);
        }
        layers
    }
}

/// What a call takes. Fields can be bent before it is made.
struct Call {
    params: CodebookParams,
    weights: Vec<Matrix>,
    importance: Vec<*const f32>,
    activations: Vec<Matrix>,
    count: usize,
    workspace: Vec<u8>,
    offset: usize,
    bytes: Option<usize>,
    codebook: Vec<f32>,
}

const CANARY: f32 = 77.0;

impl Call {
    fn new(params: CodebookParams, layers: &Layers) -> Self {
        Self {
            params,
            weights: layers.weights.iter().map(Floats::view).collect(),
            importance: layers.importance.iter().map(|s| s.as_ptr()).collect(),
            activations: layers.activations.iter().map(Floats::view).collect(),
            count: layers.weights.len(),
            workspace: vec![],
            offset: 0,
            bytes: None,
            codebook: vec![CANARY; params.num_elements as usize + 1],
        }
    }

    fn needed(&self) -> Result<usize, Status> {
        let mut bytes = 0;
        let or_null = |m: &Vec<Matrix>| if m.is_empty() { ptr::null() } else { m.as_ptr() };
        let (weights, x) = (or_null(&self.weights), or_null(&self.activations));
        // SAFETY: the arrays live in `self`.
        match unsafe {
            ffi::ptqk_estimate_codebook_workspace_size(
                ptr::null(),
                &self.params,
                weights,
                x,
                self.count,
                &mut bytes,
            )
        } {
            Status::Ok => Ok(bytes),
            status => Err(status),
        }
    }

    /// Makes the call in painted memory and looks at what surrounds the outputs.
    fn run(&mut self, ctx: &Ctx) -> Status {
        let bytes = self.bytes.unwrap_or(self.needed().unwrap_or(64));
        self.workspace = vec![0xA5; self.offset + bytes + 64];
        let importance =
            if self.importance.is_empty() { ptr::null() } else { self.importance.as_ptr() };
        let x = if self.activations.is_empty() { ptr::null() } else { self.activations.as_ptr() };
        // SAFETY: as above; the workspace has as many bytes as are stated.
        let status = unsafe {
            ffi::ptqk_estimate_codebook(
                ctx,
                &self.params,
                self.weights.as_ptr(),
                importance,
                x,
                self.count,
                self.workspace.as_mut_ptr().add(self.offset).cast(),
                bytes,
                self.codebook.as_mut_ptr(),
            )
        };
        assert_eq!(self.codebook.last(), Some(&CANARY));
        assert!(self.workspace[..self.offset].iter().all(|b| *b == 0xA5));
        assert!(self.workspace[self.offset + bytes..].iter().all(|b| *b == 0xA5));
        if (status as i32) < 0 {
            assert!(self.workspace.iter().all(|b| *b == 0xA5), "a refused call wrote");
        }
        if status != Status::Ok {
            assert!(self.codebook.iter().all(|x| *x == CANARY), "a failed call wrote");
        }
        status
    }

    fn ok(mut self) -> Vec<f32> {
        assert_eq!(self.run(&Ctx::DEFAULT), Status::Ok);
        self.codebook.pop();
        assert!(self.codebook.is_sorted_by(|a, b| a < b), "{:?}", self.codebook);
        self.codebook
    }

    /// The refusal: its status, argument, field and rule.
    fn refusal(mut self) -> (Status, String) {
        let mut detail = Detail::DEFAULT;
        let status = self.run(&Ctx { detail: &mut detail, ..Ctx::DEFAULT });
        assert_eq!(detail.status, status);
        // SAFETY: texts of the library are static.
        let text = |p| if ptr::eq(p, ptr::null()) { "" } else { unsafe { text(p) } };
        let (argument, field, rule) =
            (text(detail.argument), text(detail.field), text(detail.rule));
        (status, format!("{argument}.{field} {rule}"))
    }
}

/// # Safety
/// `p` is a static text.
unsafe fn text(p: *const std::ffi::c_char) -> &'static str {
    // SAFETY: the contract of this function.
    unsafe { CStr::from_ptr(p) }.to_str().unwrap()
}

/// NNCF's way where it is an option.
fn parity(vector: &Vector) -> CodebookParams {
    CodebookParams {
        num_elements: vector.codebook.len() as u32,
        group_size: vector.group,
        fp8_through_f16: 1,
        across_blocks: u32::from(vector.across),
        signed_scale: u32::from(!vector.across),
        ..CodebookParams::DEFAULT
    }
}

/// Mean magnitude of what the outputs of a layer lose, in f64.
fn lost(layers: &Layers, group: i32, codebook: &[f32]) -> f64 {
    let (w, x) = (&layers.weights[0], &layers.activations[0]);
    let largest = codebook.iter().fold(0.0, |m: f32, c| m.max(c.abs()));
    let group = if group < 0 { w.cols } else { group as usize };
    let mut total = 0.0;
    for row in w.data.chunks(w.cols) {
        let mut out = vec![0.0; x.cols];
        for (first, part) in (0..).step_by(group).zip(row.chunks(group)) {
            let scale = part.iter().fold(0.0, |m: f32, w| m.max(w.abs())) / largest;
            for (h, w) in (first..).zip(part) {
                let at = codebook.windows(2).filter(|c| w / scale > 0.5 * (c[0] + c[1])).count();
                let left = f64::from(w - codebook[at] * scale);
                let inputs = &x.data[h * x.cols..][..x.cols];
                out.iter_mut().zip(inputs).for_each(|(out, x)| *out += left * f64::from(*x));
            }
        }
        total += out.iter().map(|x| x.abs()).sum::<f64>();
    }
    total / (w.rows * x.cols) as f64
}

/// NNCF's histogram sorts a few elements into the next bin, which can make another snapshot win
/// where there are few weights. Such a codebook has the same worth.
#[test]
fn nncf_finds_the_same() {
    let mut equal = 0;
    for vector in vectors::VECTORS {
        let layers = Layers::new(vector.seed, vector.shapes, vector.skew, vector.samples);
        let found = Call::new(parity(vector), &layers).ok();
        if found == vector.codebook {
            equal += 1;
            continue;
        }
        assert_eq!(layers.weights.len(), 1, "vector {}: {found:?}", vector.seed);
        let [ours, theirs] =
            [&found, vector.codebook].map(|codebook| lost(&layers, vector.group, codebook));
        assert!(ours < 1.005 * theirs, "vector {}: {ours} {theirs} {found:?}", vector.seed);
    }
    assert!(equal + 1 >= vectors::VECTORS.len(), "{equal} are equal");
}

/// The tasks on three threads, the last first.
unsafe extern "C" fn three_threads(_: *const Ctx, n: usize, task: Task, arg: *mut c_void) {
    let order: Vec<usize> = (0..n).rev().collect();
    // SAFETY: every index is there once.
    unsafe { threads::run(3, &order, task, arg) };
}

#[test]
fn tables_threads_and_layout_change_nothing() {
    let mut expected: Vec<Vec<u32>> = vec![];
    let threads = Ctx { parallel_for: Some(three_threads), ..Ctx::DEFAULT };
    on_every_table(|isa| {
        let mut at = 0;
        for (seed, shape, group) in [(1, (83, 300), -1), (2, (40, 270), 27), (3, (9, 65), 1)] {
            for (value_type, elements, kind) in
                [(ffi::PTQK_CODEBOOK_VALUES_F32, 16, 0), (8, 16, 1), (8, 40, 2), (15, 7, 3)]
            {
                let layers = Layers::new(seed, &[shape, shape], 0.4, 5 + 30 * kind);
                let across_blocks = u32::from(kind > 1);
                let params = CodebookParams {
                    group_size: group,
                    value_type,
                    num_elements: elements,
                    across_blocks,
                    ..CodebookParams::DEFAULT
                };
                let transposed = Layers {
                    weights: layers.weights.iter().map(Floats::transposed).collect(),
                    ..layers.clone()
                };
                for (layers, reduction_axis) in [(&layers, 1), (&transposed, 0)] {
                    for ctx in [Ctx::DEFAULT, threads] {
                        let mut call =
                            Call::new(CodebookParams { reduction_axis, ..params }, layers);
                        call.count = 1 + across_blocks as usize;
                        if kind == 1 {
                            call.activations.clear();
                        }
                        assert_eq!(call.run(&ctx), Status::Ok);
                        let bits = call.codebook.iter().map(|x| x.to_bits()).collect();
                        if at == expected.len() {
                            expected.push(bits);
                        } else {
                            assert_eq!(expected[at], bits, "isa {isa} {shape:?} kind {kind}");
                        }
                    }
                }
                at += 1;
            }
        }
    });
}

/// Error of compression with a mode, a codebook for the mode that has one.
fn frobenius(w: &Floats, mode: u32, codebook: &[f32]) -> f32 {
    let params = WeightParams {
        mode,
        group_size: 64,
        scale_dtype: 0,
        codebook_size: codebook.len() as u32,
        codebook: codebook.as_ptr(),
        ..WeightParams::DEFAULT
    };
    let (rows, cols) = (w.rows, w.cols);
    let mut codes = vec![0_u8; rows * cols / 2];
    let mut scale = vec![0.0_f32; rows * cols / 64];
    let code_type = if mode == 2 { 4 } else { 5 };
    let (data, row_stride_bytes) = (codes.as_mut_ptr().cast(), cols / 2);
    let to = CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved: 0 };
    let from = ffi::Codes { data, rows, cols, row_stride_bytes, code_type, reserved: 0 };
    let (none, mut error) = (ptr::null_mut(), ffi::WeightError::default());
    let s = scale.as_mut_ptr().cast::<c_void>();
    // SAFETY: the buffers have the sizes of the mode.
    let status = unsafe {
        let w = w.view();
        [
            ffi::ptqk_compress_weights(
                ptr::null(),
                &params,
                &w,
                &to,
                s,
                ptr::null_mut(),
                ptr::null_mut(),
            ),
            ffi::ptqk_weight_error_query(
                ptr::null(),
                &params,
                &w,
                &from,
                s,
                none,
                ptr::null(),
                &mut error,
            ),
        ]
    };
    assert_eq!(status, [Status::Ok; 2]);
    error.frobenius
}

const CODEBOOK: u32 = 18;

/// The scale would be infinite, and a weight of 0 would become NaN.
#[test]
fn tiny_codebooks_have_finite_scales() {
    let w = Floats { rows: 1, cols: 64, data: (0..64).map(|i| i as f32).collect() };
    let error = frobenius(&w, CODEBOOK, &[0.0, 1e-45]);
    assert!(error.is_finite() && error > 0.0, "{error}");
}

#[test]
fn an_estimated_codebook_is_better() {
    const INT4_SYM: u32 = 2;
    for skew in [0.3, -0.3, 0.6, -0.6] {
        let mut layers = Layers::new(11, &[(128, 512)], skew, 16);
        layers.importance.clear();
        let params = CodebookParams { group_size: 64, ..CodebookParams::DEFAULT };
        for activations in [true, false] {
            let mut call = Call::new(params, &layers);
            if !activations {
                call.activations.clear();
            }
            let found = frobenius(&layers.weights[0], CODEBOOK, &call.ok());
            let cb4 = frobenius(&layers.weights[0], CODEBOOK, &CB4);
            let int4 = frobenius(&layers.weights[0], INT4_SYM, &CB4);
            let what = format!("skew {skew}: {found}, cb4 {cb4}, int4 {int4}");
            assert!(found < 0.95 * cb4 && found < 0.95 * int4, "{what}");
        }
    }
}

/// Whatever the weights, the codebook is strictly ascending (`ok` looks) and made of numbers of its
/// type, up to as many as there are.
#[test]
fn codebooks_are_ascending_numbers_of_their_type() {
    let numbers = |format: ptqk::formats::FloatFormat| -> Vec<f32> {
        (0..=format.largest()).map(|code| format.magnitude(code)).collect()
    };
    let mut two = Layers::new(5, &[(8, 64)], 0.0, 3);
    two.weights[0].data.iter_mut().for_each(|w| *w = if *w > 0.0 { 1.0 } else { -0.999 });
    let mut sparse = Layers::new(6, &[(8, 64)], 0.0, 3);
    sparse.weights[0]
        .data
        .iter_mut()
        .enumerate()
        .filter(|(i, _)| i % 50 > 0)
        .for_each(|w| *w.1 = 0.0);
    let mut zero = two.clone();
    zero.weights[0].data.fill(0.0);
    let mut constant = two.clone();
    constant.weights[0].data.fill(-3.25);
    let mut unimportant = two.clone();
    unimportant.importance[0].fill(0.0);
    let mut tiny = Layers::new(7, &[(8, 64)], 0.5, 3);
    tiny.weights[0].data.iter_mut().for_each(|w| *w *= 1e-38);
    let ordinary = Layers::new(8, &[(8, 64)], 0.5, 3);
    let empty = Layers::new(9, &[(0, 64)], 0.5, 3);
    let all = [two, sparse, zero, constant, unimportant, tiny, ordinary, empty];
    for (i, layers) in all.iter().enumerate() {
        for (value_type, format, counts) in [
            (8, Some(E4M3), &[2, 3, 15, 16, 17, 253][..]),
            (15, Some(E2M1), &[2, 8, 14, 15]),
            (ffi::PTQK_CODEBOOK_VALUES_F32, None, &[2, 5, 16, 100, 256]),
        ] {
            for n in counts {
                for (signed_scale, max_iterations) in [(0, 70), (1, 1)] {
                    let params = CodebookParams {
                        value_type,
                        num_elements: *n,
                        signed_scale,
                        max_iterations,
                        ..CodebookParams::DEFAULT
                    };
                    let found = Call::new(params, layers).ok();
                    assert!(found.iter().all(|x| x.is_finite()));
                    if let Some(format) = format {
                        let numbers = numbers(format);
                        let foreign = found.iter().find(|x| !numbers.contains(&x.abs()));
                        assert_eq!(foreign, None, "layers {i}, {n} of type {value_type}");
                    }
                    if *n == 16 && [2, 4, 7].contains(&i) && signed_scale == 0 {
                        let fallback = i != 4;
                        assert!(!fallback || found == CB4, "the first of equal candidates");
                    }
                }
            }
        }
    }
}

/// A codebook of its own takes the place of CB4: as a candidate, and as the measure of the scale.
#[test]
fn a_default_codebook_is_a_candidate() {
    let own: Vec<f32> = (0..16).map(|i| (i - 8) as f32 * 0.5 + 0.25).collect();
    let mut layers = Layers::new(12, &[(16, 128)], 0.0, 4);
    // Weights that it hits exactly.
    let mut rng = Lcg::new(3);
    for row in layers.weights[0].data.chunks_mut(128) {
        row.iter_mut().for_each(|w| *w = own[(rng.bits() >> 28) as usize]);
        row[0] = 3.75;
        row[1] = -3.75;
    }
    let params = CodebookParams {
        value_type: ffi::PTQK_CODEBOOK_VALUES_F32,
        default_codebook: own.as_ptr(),
        default_codebook_size: 16,
        ..CodebookParams::DEFAULT
    };
    assert_eq!(Call::new(params, &layers).ok(), own);
}

#[test]
fn the_workspace_is_exact() {
    let layers = Layers::new(13, &[(20, 70)], 0.4, 33);
    let call = || Call::new(CodebookParams::DEFAULT, &layers);
    let needed = call().needed().unwrap();
    let want = call().ok();
    for offset in 0..9 {
        assert_eq!(Call { offset, bytes: Some(needed), ..call() }.ok(), want);
    }
    let (status, why) = Call { bytes: Some(needed - 1), ..call() }.refusal();
    assert_eq!(status, Status::InvalidParameter);
    assert!(why.starts_with("workspace_bytes. must be at least"), "{why}");
    let mut huge = call();
    huge.weights[0].rows = usize::MAX / 2;
    assert_eq!(huge.needed(), Err(Status::SizeOverflow));
}

#[test]
fn wrong_parameters_are_refused() {
    let layers = Layers::new(14, &[(6, 40), (6, 40)], 0.4, 3);
    let unsorted = [0.0_f32, 2.0, 1.0];
    let infinite = [0.0, 1.0, f32::INFINITY];
    let d = CodebookParams::DEFAULT;
    let own = CodebookParams { default_codebook_size: 3, ..d };
    let wrong = [
        (CodebookParams { size: 4, ..d }, Status::InvalidStructSize, "params.size"),
        (CodebookParams { num_elements: 1, ..d }, Status::InvalidParameter, "params.num_elements"),
        (CodebookParams { num_elements: 257, ..d }, Status::InvalidParameter, "params.num_elem"),
        (CodebookParams { num_elements: 254, ..d }, Status::InvalidParameter, "params.num_elem"),
        (CodebookParams { group_size: 0, ..d }, Status::InvalidParameter, "params.group_size"),
        (CodebookParams { group_size: 7, ..d }, Status::InvalidParameter, "params.group_size"),
        (CodebookParams { reduction_axis: 2, ..d }, Status::InvalidParameter, "params.reduction"),
        (CodebookParams { value_type: 0, ..d }, Status::InvalidParameter, "params.value_type"),
        (CodebookParams { value_type: 12, ..d }, Status::InvalidParameter, "params.value_type"),
        (CodebookParams { value_type: 16, ..d }, Status::InvalidParameter, "params.value_type"),
        (CodebookParams { fp8_through_f16: 2, ..d }, Status::InvalidParameter, "params.fp8"),
        (CodebookParams { across_blocks: 2, ..d }, Status::InvalidParameter, "params.across"),
        (CodebookParams { signed_scale: 2, ..d }, Status::InvalidParameter, "params.signed"),
        (CodebookParams { intervals: 1, ..d }, Status::InvalidParameter, "params.intervals"),
        (CodebookParams { intervals: 1 << 21, ..d }, Status::InvalidParameter, "params.intervals"),
        (CodebookParams { max_iterations: 0, ..d }, Status::InvalidParameter, "params.max_iter"),
        (CodebookParams { max_iterations: 10_001, ..d }, Status::InvalidParameter, "params.max_"),
        (CodebookParams { tolerance: -1.0, ..d }, Status::InvalidParameter, "params.tolerance"),
        (CodebookParams { tolerance: f32::NAN, ..d }, Status::InvalidParameter, "params.tolerance"),
        (
            CodebookParams { default_codebook: unsorted.as_ptr(), ..d },
            Status::InvalidParameter,
            "params.default_codebook_size",
        ),
        (
            CodebookParams { default_codebook: unsorted.as_ptr(), ..own },
            Status::InvalidParameter,
            "params.default_codebook. must be in strictly ascending",
        ),
        (
            CodebookParams { default_codebook: infinite.as_ptr(), ..own },
            Status::InvalidParameter,
            "params.default_codebook. must be finite",
        ),
    ];
    for (params, status, start) in wrong {
        let mut call = Call::new(CodebookParams { ..d }, &layers);
        (call.params, call.count) = (params, 1);
        let (got, why) = call.refusal();
        assert_eq!(got, status, "{why}");
        assert!(why.starts_with(start), "{why}");
    }
}

/// A change of a good call, and how it is refused.
type Refused<'a> = (&'a dyn Fn(&mut Call), Status, &'a str);

#[test]
fn wrong_arguments_are_refused() {
    let layers = Layers::new(15, &[(6, 40), (6, 40)], 0.4, 3);
    let d = CodebookParams { across_blocks: 1, ..CodebookParams::DEFAULT };
    let bad = |bend: &dyn Fn(&mut Call)| {
        let mut call = Call::new(d, &layers);
        bend(&mut call);
        call.refusal()
    };
    let negative = [-1.0_f32; 40];
    let nan = [f32::NAN; 40];
    let cases: &[Refused<'_>] = &[
        (&|c| c.count = 0, Status::InvalidShape, "count. must be at least 1"),
        (&|c| c.params.across_blocks = 0, Status::InvalidShape, "count. must be 1 without"),
        (&|c| c.weights[1].data = ptr::null(), Status::NullPointer, "weights."),
        (&|c| c.weights[1].dtype = 9, Status::InvalidParameter, "weights.dtype"),
        (&|c| c.weights[1].row_stride = 3, Status::InvalidShape, "weights.row_stride"),
        (&|c| c.weights[0].rows = usize::MAX / 4, Status::SizeOverflow, "weights."),
        (&|c| c.activations[1].data = ptr::null(), Status::NullPointer, "activations."),
        (&|c| c.activations[0].rows = 39, Status::InvalidShape, "activations.rows"),
        (&|c| c.activations[0].cols = 0, Status::InvalidShape, "activations.cols"),
        (&|c| c.importance[1] = negative.as_ptr(), Status::InvalidParameter, "importance."),
        (&|c| c.importance[0] = nan.as_ptr(), Status::InvalidParameter, "importance."),
        (
            &|c| c.importance[0] = negative.as_ptr().cast::<u8>().wrapping_add(1).cast(),
            Status::Misaligned,
            "importance.",
        ),
    ];
    for (i, (bend, status, start)) in cases.iter().enumerate() {
        let (got, why) = bad(bend);
        assert_eq!(got, *status, "{i}: {why}");
        assert!(why.starts_with(start), "{i}: {why}");
    }
    // SAFETY: what is NULL is refused, and nothing else is read.
    unsafe {
        let (c, none) = (Call::new(d, &layers), ptr::null());
        let (w, x, out) = (c.weights.as_ptr(), c.activations.as_ptr(), ptr::null_mut());
        let mut bytes = 77;
        let size = ffi::ptqk_estimate_codebook_workspace_size;
        assert_eq!(size(ptr::null(), ptr::null(), w, x, 2, &mut bytes), Status::NullPointer);
        assert_eq!(size(ptr::null(), &d, ptr::null(), x, 2, &mut bytes), Status::NullPointer);
        assert_eq!(size(ptr::null(), &d, w, x, 2, ptr::null_mut()), Status::NullPointer);
        assert_eq!(size(ptr::null(), &d, w, x, 0, &mut bytes), Status::InvalidShape);
        assert_eq!(bytes, 77);
        let needed = c.needed().unwrap();
        let mut workspace = vec![0_u8; needed];
        let ws = workspace.as_mut_ptr().cast::<c_void>();
        let mut codebook = vec![CANARY; 16];
        let estimate = ffi::ptqk_estimate_codebook;
        let (to, n) = (codebook.as_mut_ptr(), ptr::null());
        assert_eq!(estimate(n, ptr::null(), w, none, x, 2, ws, needed, to), Status::NullPointer);
        assert_eq!(estimate(n, &d, ptr::null(), none, x, 2, ws, needed, to), Status::NullPointer);
        let ws_null = ptr::null_mut();
        assert_eq!(estimate(n, &d, w, none, x, 2, ws_null, needed, to), Status::NullPointer);
        assert_eq!(estimate(n, &d, w, none, x, 2, ws, needed, out), Status::NullPointer);
        assert_eq!(estimate(n, &d, w, none, x, 2, ws, needed, ws.cast()), Status::Overlap);
        let inside = c.weights[1].data.cast_mut();
        assert_eq!(estimate(n, &d, w, none, x, 2, ws, needed, inside.cast()), Status::Overlap);
        let inside = c.activations[1].data.cast_mut();
        assert_eq!(estimate(n, &d, w, none, x, 2, inside, needed, to), Status::Overlap);
        assert!(codebook.iter().all(|x| *x == CANARY) && workspace.iter().all(|b| *b == 0));
    }
}

/// Indices count through the matrices before.
#[test]
fn what_is_not_finite_is_named() {
    let d = CodebookParams { across_blocks: 1, ..CodebookParams::DEFAULT };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (activations, index) in [(false, 240 + 57), (true, 120 + 57)] {
            let mut layers = Layers::new(16, &[(6, 40), (6, 40)], 0.4, 3);
            let target =
                if activations { &mut layers.activations[1] } else { &mut layers.weights[1] };
            target.data[57] = value;
            target.data[90] = f32::NAN;
            layers.importance.clear();
            let mut detail = Detail::DEFAULT;
            let ctx = Ctx { detail: &mut detail, ..Ctx::DEFAULT };
            assert_eq!(Call::new(d, &layers).run(&ctx), Status::NotFinite);
            assert_eq!((detail.index, detail.value.to_bits()), (index, f64::from(value).to_bits()));
        }
    }
}

#[test]
fn a_call_can_be_cancelled() {
    unsafe extern "C" fn stop(_: *const Ctx, _: u64, _: u64) -> i32 {
        1
    }
    let layers = Layers::new(17, &[(8 * 64, 40)], 0.4, 3);
    let ctx = Ctx { progress: Some(stop), ..Ctx::DEFAULT };
    assert_eq!(Call::new(CodebookParams::DEFAULT, &layers).run(&ctx), Status::Cancelled);
}
