//! The functions that walk over whole matrices, each as a value: its inputs are made from a seed,
//! and all that it wrote comes back as bytes. Several tests run the same calls.

#![allow(dead_code, reason = "every test uses a part of this file")]
#![allow(unsafe_code, reason = "the C API takes pointers")]

extern crate alloc;

#[path = "../common/lcg.rs"]
mod lcg;
#[path = "states.rs"]
mod states;

use alloc::{vec, vec::Vec};
use core::cell::RefCell;
use core::ffi::c_void;
use core::ptr;
pub use lcg::Lcg;
use ptqk::ffi::{self, Ctx, Status};

pub const F32: u32 = 0;
pub const F16: u32 = 1;
pub const BF16: u32 = 2;
pub const I8: u32 = 0;
pub const U8: u32 = 1;
pub const I16: u32 = 2;
pub const U16: u32 = 3;
pub const I4: u32 = 4;
pub const U4: u32 = 5;
pub const U3: u32 = 6;
pub const U2: u32 = 7;
pub const E4M3: u32 = 8;
pub const E5M2: u32 = 9;
pub const E4M3_FNUZ: u32 = 10;
pub const E5M2_FNUZ: u32 = 11;
pub const E8M0: u32 = 12;
pub const E3M2: u32 = 13;
pub const E2M3: u32 = 14;
pub const E2M1: u32 = 15;
pub const NF4: u32 = 16;
pub const TENSOR: u32 = 0;
pub const ROW: u32 = 1;
pub const COLUMN: u32 = 2;
pub const GROUP: u32 = 3;

pub const NEAREST: u32 = 0;
pub const STOCHASTIC: u32 = 1;
pub const UP: u32 = 2;
pub const DOWN: u32 = 3;

pub const INTEGERS: [u32; 8] = [I8, U8, I16, U16, I4, U4, U3, U2];
pub const FLOATS: [u32; 9] = [E4M3, E5M2, E4M3_FNUZ, E5M2_FNUZ, E8M0, E3M2, E2M3, E2M1, NF4];
/// Float types with a sign, an exponent and a mantissa.
pub const SIGNED: [u32; 7] = [E4M3, E5M2, E4M3_FNUZ, E5M2_FNUZ, E3M2, E2M3, E2M1];
/// Types whose codes have a scale: all but E8M0.
pub const SCALED: [u32; 16] =
    [I8, U8, I16, U16, I4, U4, U3, U2, E4M3, E5M2, E4M3_FNUZ, E5M2_FNUZ, E3M2, E2M3, E2M1, NF4];

/// A weight mode and what the header says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    pub name: &'static str,
    /// The `PTQK_WEIGHT_MODE_` constant.
    pub number: u32,
    pub code_type: u32,
    pub bits: u32,
    /// The only group size, which -1 stands for, too; -1 where any will do.
    pub block: i32,
    /// Values of the codebook of the parameters.
    pub codebook: u32,
}

const fn mode(name: &'static str, number: u32, code_type: u32, bits: u32, block: i32) -> Mode {
    Mode { name, number, code_type, bits, block, codebook: 0 }
}

const fn codebook(name: &'static str, code_type: u32, bits: u32, codebook: u32) -> Mode {
    Mode { codebook, ..mode(name, CODEBOOK, code_type, bits, -1) }
}

pub const NVFP4: u32 = 9;
pub const CODEBOOK: u32 = 18;

/// All modes; that of the codebook with every type of index.
pub const MODES: [Mode; 22] = [
    mode("int8_sym", 0, I8, 8, -1),
    mode("int8_asym", 1, U8, 8, -1),
    mode("int4_sym", 2, I4, 4, -1),
    mode("int4_asym", 3, U4, 4, -1),
    mode("int3_sym", 4, U3, 3, -1),
    mode("int2_sym", 5, U2, 2, -1),
    mode("nf4", 6, NF4, 4, -1),
    mode("fp4", 7, E2M1, 4, -1),
    mode("mxfp4", 8, E2M1, 4, 32),
    mode("nvfp4", NVFP4, E2M1, 4, 16),
    mode("fp8_e4m3", 10, E4M3, 8, -1),
    mode("fp8_e5m2", 11, E5M2, 8, -1),
    mode("mxfp8_e4m3", 12, E4M3, 8, 32),
    mode("mxfp8_e5m2", 13, E5M2, 8, 32),
    mode("mxfp6_e3m2", 14, E3M2, 6, 32),
    mode("mxfp6_e2m3", 15, E2M3, 6, 32),
    mode("mxint8", 16, I8, 8, 32),
    mode("cb4", 17, U4, 4, -1),
    codebook("codebook of 11", U4, 4, 11),
    codebook("codebook of 16", U4, 4, 16),
    codebook("codebook of 200", U8, 8, 200),
    codebook("codebook of 300", U16, 16, 300),
];

impl Mode {
    pub fn is_asymmetric(&self) -> bool {
        matches!(self.number, 1 | 3)
    }

    /// Whether the scales are powers of two.
    pub fn is_mx(&self) -> bool {
        self.block == 32
    }

    /// The default rules.
    pub fn params(&self, group_size: i32, axis: u32, scale_dtype: u32) -> ffi::WeightParams {
        ffi::WeightParams {
            mode: self.number,
            group_size,
            reduction_axis: axis,
            scale_dtype,
            codebook_size: self.codebook,
            ..ffi::WeightParams::DEFAULT
        }
    }

    /// Bytes of a scale.
    pub fn scale_bytes(&self, scale_dtype: u32) -> usize {
        if self.block > 0 { 1 } else { dtype_bytes(scale_dtype) }
    }

    /// The codebook: strictly ascending multiples of `2^-8`, times `factor`, a power of two.
    pub fn values(&self, factor: f32) -> Vec<f32> {
        let mut rng = Lcg::new(u64::from(self.codebook));
        let middle = 8 * self.codebook as i32;
        (0..self.codebook as i32)
            .map(|i| (16 * i + rng.below(15) as i32 - middle) as f32 / 256.0 * factor)
            .collect()
    }
}

impl Lcg {
    /// In `-16..16`, of many magnitudes; a quarter are multiples of `2^-8`, so that ties occur.
    pub fn value(&mut self) -> f32 {
        let unit = self.unit();
        match self.below(16) {
            0..4 => (unit * 2048.0) as i32 as f32 / 256.0,
            4..8 => unit / 16.0,
            8..15 => unit * 2.0,
            _ => unit * 16.0,
        }
    }

    /// As `value`, but now and then a NaN, an infinity, a zero, a subnormal or a huge number.
    pub fn hostile(&mut self) -> f32 {
        const SPECIAL: [f32; 10] = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.0,
            -0.0,
            1e-45,
            -1e-39,
            f32::MAX,
            f32::MIN,
            6e4,
        ];
        match self.below(8) {
            0 => SPECIAL[self.below(10) as usize],
            _ => self.value(),
        }
    }

    /// In `2^-8..2^-5`; one in four is a power of two.
    pub fn scale(&mut self) -> f32 {
        let exponent = (119 + self.below(3)) << 23;
        let fraction = self.bits() & 0x7F_FFFF;
        f32::from_bits(if self.below(4) == 0 { exponent } else { exponent | fraction })
    }
}

/// Bytes of an element of a float type.
pub fn dtype_bytes(dtype: u32) -> usize {
    if dtype == F32 { 4 } else { 2 }
}

/// Bytes of a row of codes, written apart from the library.
pub fn code_row_bytes(code_type: u32, cols: usize) -> usize {
    match code_type {
        I8 | U8 => cols,
        I16 | U16 => 2 * cols,
        I4 | U4 => cols.div_ceil(2),
        U3 => 3 * cols.div_ceil(8),
        U2 => cols.div_ceil(4),
        E3M2 | E2M3 => 3 * cols.div_ceil(4),
        E2M1 | NF4 => cols.div_ceil(2),
        _ => cols,
    }
}

/// Whether a code has less than a byte of its own.
pub fn is_packed(code_type: u32) -> bool {
    code_row_bytes(code_type, 8) < 8
}

/// Bytes of an element that must be aligned.
pub fn code_bytes(code_type: u32) -> usize {
    if matches!(code_type, I16 | U16) { 2 } else { 1 }
}

/// Lowest and highest code of an integer type.
pub fn code_range(code_type: u32) -> (i32, i32) {
    [(-128, 127), (0, 255), (-32768, 32767), (0, 65535), (-8, 7), (0, 15), (0, 7), (0, 3)]
        [code_type as usize]
}

/// The bits of `x` in a 16-bit type, cut off instead of rounded; the tests need some value only.
fn half_bits(dtype: u32, x: f32) -> u16 {
    let bits = x.to_bits();
    if dtype == BF16 {
        // A NaN keeps its top bit.
        return (bits >> 16) as u16;
    }
    let sign = (bits >> 16 & 0x8000) as u16;
    let exponent = (bits >> 23 & 0xFF) as i32 - 112;
    let fraction = (bits >> 13 & 0x3FF) as u16;
    sign | match exponent {
        143 => 0x7C00 | fraction,
        31.. => 0x7BFF,
        ..1 => fraction,
        _ => (exponent as u16) << 10 | fraction,
    }
}

/// Floats as the bytes of a float type.
pub fn float_bytes(dtype: u32, values: impl Iterator<Item = f32>) -> Vec<u8> {
    if dtype == F32 {
        bytemuck::cast_slice(&values.collect::<Vec<_>>()).to_vec()
    } else {
        let bits: Vec<_> = values.map(|x| half_bits(dtype, x)).collect();
        bytemuck::cast_slice(&bits).to_vec()
    }
}

/// Values after which large inputs repeat: a prime, so that no tile or block fits into it.
const PERIOD: usize = 4093;

/// `n` elements of `bytes`, which are repeated as often as needed.
fn repeated(bytes: &[u8], size: usize, n: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(n * size);
    while all.len() < n * size {
        all.extend_from_slice(&bytes[..bytes.len().min(n * size - all.len())]);
    }
    all
}

/// Where a call finds its buffers.
pub trait Memory {
    /// Memory for `bytes`, aligned for any element; NULL if there are none.
    fn place(&self, bytes: usize) -> *mut u8;
}

/// Ordinary memory.
#[derive(Default)]
pub struct Heap(RefCell<Vec<Vec<u64>>>);

impl Memory for Heap {
    fn place(&self, bytes: usize) -> *mut u8 {
        let mut buffer = vec![0_u64; bytes.div_ceil(8)];
        let pointer = if bytes == 0 { ptr::null_mut() } else { buffer.as_mut_ptr().cast() };
        self.0.borrow_mut().push(buffer);
        pointer
    }
}

/// A matrix shape, and what lies between two rows (elements, or units of code bytes).
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub rows: usize,
    pub cols: usize,
    pub pad: usize,
}

impl Shape {
    pub const fn new(rows: usize, cols: usize) -> Self {
        Self { rows, cols, pad: 0 }
    }

    pub const fn padded(rows: usize, cols: usize, pad: usize) -> Self {
        Self { rows, cols, pad }
    }

    /// Bytes from the first to the last element.
    fn span(&self, row: usize, stride: usize) -> usize {
        if self.rows == 0 || row == 0 { 0 } else { (self.rows - 1) * stride + row }
    }

    /// Number of parameters.
    pub fn count(&self, (granularity, group): (u32, u32)) -> usize {
        match granularity {
            TENSOR => 1,
            ROW => self.rows,
            COLUMN => self.cols,
            _ => self.rows * self.cols.div_ceil(group as usize),
        }
    }
}

/// Element type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bytes,
    Words,
    Float(u32),
}

/// One output of a call, from its first to its last byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub name: &'static str,
    kind: Kind,
    bytes: Vec<u8>,
}

impl Output {
    /// The bytes in little-endian order, every NaN with the same bits: payloads and signs of NaN are
    /// outside of the promise.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        match self.kind {
            Kind::Bytes => {}
            Kind::Float(F32) => {
                for word in bytes.chunks_exact_mut(4) {
                    let x = f32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
                    let bits = if x.is_nan() { 0x7FC0_0000 } else { x.to_bits() };
                    word.copy_from_slice(&bits.to_le_bytes());
                }
            }
            Kind::Words | Kind::Float(_) => {
                let infinity = match self.kind {
                    Kind::Float(F16) => 0x7C00,
                    Kind::Float(_) => 0x7F80,
                    _ => 0xFFFF,
                };
                for word in bytes.chunks_exact_mut(2) {
                    let x = u16::from_ne_bytes([word[0], word[1]]);
                    let x = if x & 0x7FFF > infinity { infinity | infinity >> 1 } else { x };
                    word.copy_from_slice(&x.to_le_bytes());
                }
            }
        }
        bytes
    }
}

/// What a call answered and wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: Vec<Status>,
    pub outputs: Vec<(&'static str, Vec<u8>)>,
}

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    MinMax,
    AbsMax,
    Sum,
    Mean,
    Variance,
    Median,
}

pub const REDUCTIONS: [Reduce; 6] =
    [Reduce::MinMax, Reduce::AbsMax, Reduce::Sum, Reduce::Mean, Reduce::Variance, Reduce::Median];

/// Rules of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub overflow: u32,
    pub nan_rule: u32,
    pub rounding: u32,
}

impl Rules {
    /// All combinations for a destination: a code type, or `None` for 32 and 16 bits.
    pub fn all(code_type: Option<u32>) -> Vec<Self> {
        let roundings: &[u32] = match code_type {
            Some(E8M0) => &[NEAREST, UP, DOWN],
            Some(NF4) => &[NEAREST],
            _ => &[NEAREST, STOCHASTIC],
        };
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
        let rules = |rounding: &u32| {
            let rounding = *rounding;
            pairs.map(|(overflow, nan_rule)| Self { overflow, nan_rule, rounding })
        };
        roundings.iter().flat_map(rules).collect()
    }

    pub fn params(self, seed: u64) -> ffi::ConvertParams {
        let Self { overflow, nan_rule, rounding } = self;
        ffi::ConvertParams { overflow, nan_rule, rounding, seed, ..ffi::ConvertParams::DEFAULT }
    }
}

/// A call with its parameters.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Quantize {
        dtype: u32,
        code_type: u32,
        sharing: (u32, u32),
        before: u32,
        zero: bool,
    },
    Dequantize {
        dtype: u32,
        code_type: u32,
        sharing: (u32, u32),
        zero: bool,
    },
    FakeQuantize {
        from: u32,
        to: u32,
        sharing: (u32, u32),
        levels: u32,
        in_place: bool,
    },
    Reduce {
        what: Reduce,
        dtype: u32,
        sharing: (u32, u32),
        hostile: bool,
    },
    Requantize {
        code_type: u32,
        granularity: u32,
    },
    RequantizeFixed {
        code_type: u32,
        granularity: u32,
        single: u32,
    },
    /// Compression, decompression and error, with all outputs.
    Compress {
        dtype: u32,
        mode: Mode,
        axis: u32,
        group: i32,
        half: bool,
        /// 0: the default rules for scales, FP8 and ranges; 1, 2: others.
        rules: u32,
        hostile: bool,
    },
    Encode {
        dtype: u32,
        code_type: u32,
        rules: Rules,
    },
    Decode {
        code_type: u32,
        dtype: u32,
    },
    Convert {
        from: u32,
        to: u32,
        rules: Rules,
    },
    FakeConvert {
        from: u32,
        to: u32,
        sharing: (u32, u32),
        destination: u32,
        nan_rule: u32,
        shift: bool,
        in_place: bool,
    },
    /// Packing and unpacking `cols` codes.
    Pack {
        code_type: u32,
    },
    Quantile {
        dtype: u32,
        sharing: (u32, u32),
        magnitude: bool,
    },
    Ranges {
        dtype: u32,
        preset: u32,
        axis: i32,
    },
    Histograms {
        dtype: u32,
        kind: u32,
    },
    Sketches {
        dtype: u32,
    },
}

/// The buffers of one call.
struct Buffers<'m> {
    memory: &'m dyn Memory,
    rng: Lcg,
    outputs: Vec<(&'static str, Kind, *mut u8, usize)>,
}

impl Buffers<'_> {
    fn input(&self, bytes: &[u8]) -> *mut u8 {
        let to = self.memory.place(bytes.len());
        if !to.is_null() {
            // SAFETY: `place` gave that many bytes.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        }
        to
    }

    fn output(&mut self, name: &'static str, kind: Kind, bytes: usize) -> *mut u8 {
        let to = self.input(&vec![0xA5; bytes]);
        self.outputs.push((name, kind, to, bytes));
        to
    }

    fn collect(self, status: Vec<Status>) -> Outcome {
        let outputs = self.outputs.iter().map(|&(name, kind, at, len)| {
            let mut bytes = vec![0; len];
            if len > 0 {
                // SAFETY: `output` placed that many bytes.
                unsafe { ptr::copy_nonoverlapping(at, bytes.as_mut_ptr(), len) };
            }
            (name, Output { name, kind, bytes }.canonical())
        });
        Outcome { status, outputs: outputs.collect() }
    }

    fn floats(&mut self, n: usize, mut f: impl FnMut(&mut Lcg) -> f32) -> *mut f32 {
        let rng = &mut self.rng;
        let bytes = float_bytes(F32, (0..n.min(PERIOD)).map(|_| f(rng)));
        self.input(&repeated(&bytes, 4, n)).cast()
    }

    fn ints(&mut self, n: usize, mut f: impl FnMut(&mut Lcg) -> i32) -> *mut i32 {
        let rng = &mut self.rng;
        let values: Vec<i32> = (0..n.min(PERIOD)).map(|_| f(rng)).collect();
        self.input(&repeated(bytemuck::cast_slice(&values), 4, n)).cast()
    }

    fn matrix(&mut self, shape: Shape, dtype: u32, hostile: bool) -> ffi::Matrix {
        let Shape { rows, cols, pad } = shape;
        let n = shape.span(cols, cols + pad);
        let rng = &mut self.rng;
        let values = (0..n.min(PERIOD)).map(|_| if hostile { rng.hostile() } else { rng.value() });
        let bytes = repeated(&float_bytes(dtype, values), dtype_bytes(dtype), n);
        let data = self.input(&bytes).cast_const().cast();
        ffi::Matrix { data, rows, cols, row_stride: cols + pad, dtype, reserved: 0 }
    }

    fn matrix_mut(&mut self, name: &'static str, shape: Shape, dtype: u32) -> ffi::MatrixMut {
        let Shape { rows, cols, pad } = shape;
        let bytes = shape.span(cols, cols + pad) * dtype_bytes(dtype);
        let data = self.output(name, Kind::Float(dtype), bytes).cast();
        ffi::MatrixMut { data, rows, cols, row_stride: cols + pad, dtype, reserved: 0 }
    }

    fn codes(&mut self, shape: Shape, code_type: u32) -> ffi::Codes {
        let Shape { rows, cols, pad } = shape;
        let (row, stride) = code_stride(shape, code_type, pad);
        let rng = &mut self.rng;
        let size = code_bytes(code_type);
        let n = shape.span(row, stride) / size;
        let words: Vec<u16> = (0..n.min(PERIOD)).map(|_| rng.bits() as u16).collect();
        let bytes = if size == 2 {
            repeated(bytemuck::cast_slice(&words), 2, n)
        } else {
            repeated(&words.iter().map(|w| *w as u8).collect::<Vec<_>>(), 1, n)
        };
        let data = self.input(&bytes).cast_const().cast();
        ffi::Codes { data, rows, cols, row_stride_bytes: stride, code_type, reserved: 0 }
    }

    fn codes_mut(&mut self, name: &'static str, shape: Shape, code_type: u32) -> ffi::CodesMut {
        let Shape { rows, cols, pad } = shape;
        let (row, stride) = code_stride(shape, code_type, pad);
        let kind = if code_bytes(code_type) == 2 { Kind::Words } else { Kind::Bytes };
        let data = self.output(name, kind, shape.span(row, stride)).cast();
        ffi::CodesMut { data, rows, cols, row_stride_bytes: stride, code_type, reserved: 0 }
    }

    fn accumulators(&mut self, shape: Shape) -> ffi::Accumulators {
        let Shape { rows, cols, pad } = shape;
        let data = self.ints(shape.span(cols, cols + pad), |rng| match rng.below(16) {
            0 => [i32::MIN, i32::MAX, 0, -1, 1, 1 << 30][rng.below(6) as usize],
            1..8 => rng.bits() as i32 >> 16,
            _ => rng.bits() as i32 >> rng.below(16),
        });
        ffi::Accumulators { data, rows, cols, row_stride: cols + pad }
    }
}

fn code_stride(shape: Shape, code_type: u32, pad: usize) -> (usize, usize) {
    let row = code_row_bytes(code_type, shape.cols);
    (row, row + pad * code_bytes(code_type))
}

impl Call {
    /// Makes the inputs, calls, and gives all outputs.
    pub fn run(&self, shape: Shape, memory: &dyn Memory, ctx: *const Ctx) -> Outcome {
        let seed = (shape.rows * 8191 + shape.cols) as u64;
        let mut b = Buffers { memory, rng: Lcg::new(seed), outputs: Vec::new() };
        let empty = shape.rows == 0 || shape.cols == 0;
        let count = |sharing| if empty { 0 } else { shape.count(sharing) };
        // SAFETY of every call below: the buffers have the sizes that the header asks for, and live
        // as long as `memory`.
        let status = match *self {
            Call::Quantize { dtype, code_type, sharing, before, zero } => {
                let src = b.matrix(shape, dtype, true);
                let scale = b.floats(count(sharing), |rng| rng.scale());
                let zero_point = b.zero_points(count(sharing), code_type, zero);
                let dst = b.codes_mut("codes", shape, code_type);
                let params = quantize_params(sharing, before);
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_quantize(ctx, &params, &src, scale, zero_point, &dst) }]
            }
            Call::Dequantize { dtype, code_type, sharing, zero } => {
                let src = b.codes(shape, code_type);
                let scale = b.floats(count(sharing), |rng| -rng.scale());
                let zero_point = b.zero_points(count(sharing), code_type, zero);
                let dst = b.matrix_mut("dst", shape, dtype);
                let params = quantize_params(sharing, 0);
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_dequantize(ctx, &params, &src, scale, zero_point, &dst) }]
            }
            Call::FakeQuantize { from, to, sharing, levels, in_place } => {
                let src = b.matrix(shape, from, true);
                let low = b.floats(count(sharing), |rng| -2.0 * rng.unit().abs());
                let high = b.floats(count(sharing), |rng| 2.0 * rng.unit().abs());
                let dst = b.matrix_mut("dst", shape, to);
                let (granularity, group_size) = sharing;
                let params = ffi::FakeQuantizeParams {
                    granularity,
                    group_size,
                    levels,
                    ..ffi::FakeQuantizeParams::DEFAULT
                };
                let src = if in_place { moved(shape, src, &dst) } else { src };
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_fake_quantize(ctx, &params, &src, low, high, &dst) }]
            }
            Call::Reduce { what, dtype, sharing, hostile } => {
                let src = b.matrix(shape, dtype, hostile);
                let (granularity, group_size) = sharing;
                let params =
                    ffi::ReduceParams { granularity, group_size, ..ffi::ReduceParams::DEFAULT };
                let n = 4 * count(sharing);
                let out: *mut f32 = b.output("out", Kind::Float(F32), n).cast();
                let p = &params;
                // SAFETY: see above.
                vec![unsafe {
                    match what {
                        Reduce::MinMax => {
                            let max = b.output("max", Kind::Float(F32), n).cast();
                            ffi::ptqk_min_max(ctx, p, &src, out, max)
                        }
                        Reduce::AbsMax => ffi::ptqk_abs_max(ctx, p, &src, out),
                        Reduce::Sum => ffi::ptqk_sum(ctx, p, &src, out),
                        Reduce::Mean => ffi::ptqk_mean(ctx, p, &src, out),
                        Reduce::Variance => ffi::ptqk_variance(ctx, p, &src, out),
                        Reduce::Median => {
                            let params = ffi::QuantileParams {
                                granularity,
                                group_size,
                                ..ffi::QuantileParams::DEFAULT
                            };
                            let (half, none) = ([0.5], ptr::null_mut());
                            ffi::ptqk_quantile(ctx, &params, &src, half.as_ptr(), 1, none, 0, out)
                        }
                    }
                }]
            }
            Call::Requantize { code_type, granularity } => {
                let src = b.accumulators(shape);
                let scale = b.floats(count((granularity, 0)), |rng| rng.scale() / 64.0);
                let dst = b.codes_mut("codes", shape, code_type);
                let params = requantize_params(code_type, granularity, 0);
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_requantize(ctx, &params, &src, scale, &dst) }]
            }
            Call::RequantizeFixed { code_type, granularity, single } => {
                let src = b.accumulators(shape);
                let n = count((granularity, 0));
                let multiplier = b.ints(n, |rng| (1 << 30) | (rng.bits() >> 2) as i32);
                let shift = b.ints(n, |rng| match rng.below(4) {
                    0 => rng.below(62) as i32 - 31,
                    _ => -(rng.below(12) as i32),
                });
                let dst = b.codes_mut("codes", shape, code_type);
                let params = requantize_params(code_type, granularity, single);
                // SAFETY: see above.
                vec![unsafe {
                    ffi::ptqk_requantize_fixed(ctx, &params, &src, multiplier, shift, &dst)
                }]
            }
            Call::Compress { dtype, mode, axis, group, half, rules, hostile } => {
                let scale_dtype = if half { F16 } else { F32 };
                let params = mode.params(group, axis, scale_dtype);
                let params = if rules == 0 { params } else { other_rules(params, rules) };
                b.compress(ctx, shape, (dtype, mode, params, hostile))
            }
            Call::Encode { dtype, code_type, rules } => {
                let src = b.matrix(shape, dtype, true);
                let dst = b.codes_mut("codes", shape, code_type);
                let params = rules.params(seed);
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_encode(ctx, &params, &src, &dst) }]
            }
            Call::Decode { code_type, dtype } => {
                let src = b.codes(shape, code_type);
                let dst = b.matrix_mut("dst", shape, dtype);
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_decode(ctx, &src, &dst) }]
            }
            Call::Convert { from, to, rules } => {
                let src = b.matrix(shape, from, true);
                let dst = b.matrix_mut("dst", shape, to);
                let params = rules.params(seed);
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_convert(ctx, &params, &src, &dst) }]
            }
            Call::FakeConvert { from, to, sharing, destination, nan_rule, shift, in_place } => {
                let src = b.matrix(shape, from, true);
                let scale =
                    b.floats(count(sharing), |rng| 1024.0 * rng.unit().signum() * rng.scale());
                let shift =
                    if shift { b.floats(count(sharing), Lcg::unit) } else { ptr::null_mut() };
                let dst = b.matrix_mut("dst", shape, to);
                let (granularity, group_size) = sharing;
                let params = ffi::FakeConvertParams {
                    granularity,
                    group_size,
                    destination_type: destination,
                    nan_rule,
                    ..ffi::FakeConvertParams::DEFAULT
                };
                let src = if in_place { moved(shape, src, &dst) } else { src };
                // SAFETY: see above.
                vec![unsafe { ffi::ptqk_fake_convert(ctx, &params, &src, scale, shift, &dst) }]
            }
            Call::Quantile { dtype, sharing, magnitude } => {
                b.quantiles(ctx, shape, (dtype, sharing, magnitude))
            }
            Call::Ranges { dtype, preset, axis } => b.ranges(ctx, shape, (dtype, preset, axis)),
            Call::Histograms { dtype, kind } => b.histograms(ctx, shape, (dtype, kind)),
            Call::Sketches { dtype } => b.sketches(ctx, shape, dtype),
            Call::Pack { code_type } => {
                let n = shape.cols;
                let codes = b.codes(Shape::new(1, n), U8);
                let bytes = code_row_bytes(code_type, n);
                let packed = b.output("packed", Kind::Bytes, bytes);
                let back = b.output("codes", Kind::Bytes, n);
                let codes = codes.data.cast();
                // SAFETY: see above.
                unsafe {
                    vec![
                        ffi::ptqk_pack(ctx, code_type, codes, n, packed),
                        ffi::ptqk_unpack(ctx, code_type, packed, n, back),
                    ]
                }
            }
        };
        b.collect(status)
    }
}

impl Buffers<'_> {
    fn zero_points(&mut self, n: usize, code_type: u32, some: bool) -> *const i32 {
        if !some {
            return ptr::null();
        }
        let (low, high) = code_range(code_type);
        self.ints(n, |rng| low + rng.below((high - low + 1) as u32) as i32)
    }

    fn compress(
        &mut self,
        ctx: *const Ctx,
        shape: Shape,
        (dtype, mode, params, hostile): (u32, Mode, ffi::WeightParams, bool),
    ) -> Vec<Status> {
        let weights = self.matrix(shape, dtype, hostile);
        // Codebooks of other rules have values for which there is another search.
        let factor = [1.0, 1.0 / 1_048_576.0, 1_048_576.0][params.mx_scale as usize];
        let values = self.input(&float_bytes(F32, mode.values(factor).into_iter()));
        let params = &ffi::WeightParams { codebook: values.cast_const().cast(), ..params };
        let mut layout = ffi::WeightLayout::default();
        // SAFETY: both structures are here.
        let laid = unsafe {
            ffi::ptqk_weight_layout_query(ctx, params, shape.rows, shape.cols, &mut layout)
        };
        let codes = self.codes_mut("codes", shape, mode.code_type);
        let bytes = mode.scale_bytes(params.scale_dtype) == 1;
        let kind = if bytes { Kind::Bytes } else { Kind::Float(params.scale_dtype) };
        let scale: *mut c_void = self.output("scale", kind, layout.scale_bytes).cast();
        let zero_point = self.output("zero_point", Kind::Bytes, layout.zero_point_bytes);
        let float = Kind::Float(F32);
        let tensor: *mut f32 = self.output("tensor_scale", float, layout.tensor_scale_bytes).cast();
        let error: *mut ffi::WeightError = self.output("error", float, 8).cast();
        let dst = self.matrix_mut("weights", shape, dtype);
        let ffi::CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved } = codes;
        let read = ffi::Codes { data, rows, cols, row_stride_bytes, code_type, reserved };
        // SAFETY: the layout gave the sizes; the buffers live as long as the memory.
        unsafe {
            vec![
                laid,
                ffi::ptqk_compress_weights(
                    ctx, params, &weights, &codes, scale, zero_point, tensor,
                ),
                ffi::ptqk_decompress_weights(ctx, params, &read, scale, zero_point, tensor, &dst),
                ffi::ptqk_weight_error_query(
                    ctx, params, &weights, &read, scale, zero_point, tensor, error,
                ),
            ]
        }
    }
}

/// Rules that are not the default; 1 and 2 differ in each but one.
fn other_rules(params: ffi::WeightParams, rules: u32) -> ffi::WeightParams {
    ffi::WeightParams {
        mx_scale: rules,
        scale_guard: rules % 2,
        fp8_through_f16: 1,
        asymmetric_range: rules - 1,
        ..params
    }
}

/// Copies a matrix to where another of the same type lies, and gives it there.
fn moved(shape: Shape, src: ffi::Matrix, dst: &ffi::MatrixMut) -> ffi::Matrix {
    if dst.data.is_null() {
        return src;
    }
    let bytes = shape.span(shape.cols, shape.cols + shape.pad) * dtype_bytes(dst.dtype);
    // SAFETY: both matrices have that many bytes.
    unsafe { ptr::copy_nonoverlapping(src.data.cast::<u8>(), dst.data.cast(), bytes) };
    ffi::Matrix { data: dst.data, ..src }
}

fn quantize_params((granularity, group_size): (u32, u32), before: u32) -> ffi::QuantizeParams {
    ffi::QuantizeParams {
        granularity,
        group_size,
        zero_point_rounding: before,
        ..ffi::QuantizeParams::DEFAULT
    }
}

fn requantize_params(code_type: u32, granularity: u32, fixed_point: u32) -> ffi::RequantizeParams {
    let zero_point = if code_type == U8 { 131 } else { -7 };
    ffi::RequantizeParams { granularity, fixed_point, zero_point, ..ffi::RequantizeParams::DEFAULT }
}

/// Code `i` of a packed row of at most 8 bits, as its unsigned bits, from the text of the header.
pub fn code_at(code_type: u32, row: &[u8], i: usize) -> u8 {
    match code_type {
        I4 | U4 | E2M1 | NF4 => row[i / 2] >> (4 * (i % 2)) & 15,
        U2 => row[i / 4] >> (2 * (i % 4)) & 3,
        E3M2 | E2M3 => {
            let unit = &row[i / 4 * 3..];
            let word = u32::from_le_bytes([unit[0], unit[1], unit[2], 0]);
            (word >> (6 * (i % 4))) as u8 & 63
        }
        U3 => {
            let unit = &row[i / 8 * 3..];
            let low = unit[i % 8 / 4] >> (6 - 2 * (i % 4)) & 3;
            low | (unit[2] >> (7 - i % 8) & 1) << 2
        }
        _ => row[i],
    }
}
