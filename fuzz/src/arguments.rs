//! Matrices of real memory, and what can be wrong with them. No wrong matrix claims memory that it
//! does not have, unless its size overflows: that must be refused before the memory is touched.

use crate::{Arena, Input, Kind, Values};
use half::{bf16, f16};
use ptqk::ffi::{
    Codes, CodesMut, Matrix, MatrixMut, Status, WeightLayout, WeightParams,
    ptqk_weight_layout_query,
};
use std::ptr;

/// Rows, columns, and elements (or units of code bytes) between two rows.
#[derive(Clone, Copy)]
pub struct Shape {
    pub rows: usize,
    pub cols: usize,
    pub pad: usize,
}

impl Shape {
    /// A small one, now and then without elements.
    pub fn any(input: &mut Input) -> Self {
        let (rows, cols) = match input.below(4) {
            0 => (input.below(40), input.below(6)),
            1 => (1 + input.below(2), input.below(300)),
            _ => (1 + input.below(9), 1 + input.below(80)),
        };
        Self { rows, cols, pad: if input.flag() { 0 } else { input.below(5) } }
    }

    /// Number of scales; 1 if there is no such granularity.
    pub fn count(&self, granularity: u32, group: u32) -> usize {
        if self.rows == 0 || self.cols == 0 {
            return 0;
        }
        match granularity {
            1 => self.rows,
            2 => self.cols,
            3 => self.rows * self.cols.div_ceil(group.max(1) as usize),
            _ => 1,
        }
    }
}

/// Bytes of an element of a float type; of the largest if there is no such type.
pub fn dtype_bytes(dtype: u32) -> usize {
    if matches!(dtype, 1 | 2) { 2 } else { 4 }
}

/// Bytes of a row of codes, written apart from the library.
pub fn code_row_bytes(code_type: u32, cols: usize) -> usize {
    match code_type {
        2 | 3 => 2 * cols,
        4 | 5 | 15 | 16 => cols.div_ceil(2),
        6 => 3 * cols.div_ceil(8),
        7 => cols.div_ceil(4),
        13 | 14 => 3 * cols.div_ceil(4),
        _ => cols,
    }
}

/// Alignment of codes.
pub fn code_align(code_type: u32) -> usize {
    if matches!(code_type, 2 | 3) { 2 } else { 1 }
}

/// Floats as the bytes of a float type.
pub fn float_bytes(dtype: u32, n: usize, values: &mut Values) -> Vec<u8> {
    let floats = (0..n).map(|_| values.float());
    match dtype {
        1 => floats.flat_map(|x| f16::from_f32(x).to_ne_bytes()).collect(),
        2 => floats.flat_map(|x| bf16::from_f32(x).to_ne_bytes()).collect(),
        _ => floats.flat_map(f32::to_ne_bytes).collect(),
    }
}

fn span(shape: Shape, row: usize, stride: usize) -> usize {
    if shape.rows == 0 || row == 0 { 0 } else { (shape.rows - 1) * stride + row }
}

/// A matrix of these values.
pub fn matrix(arena: &mut Arena, shape: Shape, dtype: u32, values: &mut Values) -> Matrix {
    let Shape { rows, cols, pad } = shape;
    let contents = float_bytes(dtype, span(shape, cols, cols + pad), values);
    let data = arena.input(&contents, dtype_bytes(dtype)).cast();
    Matrix { data, rows, cols, row_stride: cols + pad, dtype, reserved: 0 }
}

/// A matrix that is written.
pub fn matrix_mut(arena: &mut Arena, shape: Shape, dtype: u32) -> MatrixMut {
    let Shape { rows, cols, pad } = shape;
    let size = dtype_bytes(dtype);
    let n = if cols == 0 { 0 } else { rows };
    let layout = (n, cols * size, (cols + pad) * size);
    let data = arena.matrix(layout, size, Kind::of(dtype)).cast();
    MatrixMut { data, rows, cols, row_stride: cols + pad, dtype, reserved: 0 }
}

/// Codes of any bits.
pub fn codes(arena: &mut Arena, shape: Shape, code_type: u32, values: &mut Values) -> Codes {
    let Shape { rows, cols, pad } = shape;
    let (row, align) = (code_row_bytes(code_type, cols), code_align(code_type));
    let stride = row + pad * align;
    let contents: Vec<u8> = (0..span(shape, row, stride)).map(|_| values.bits() as u8).collect();
    let data = arena.input(&contents, align).cast();
    Codes { data, rows, cols, row_stride_bytes: stride, code_type, reserved: 0 }
}

/// Codes that are written.
pub fn codes_mut(arena: &mut Arena, shape: Shape, code_type: u32) -> CodesMut {
    let Shape { rows, cols, pad } = shape;
    let (row, align) = (code_row_bytes(code_type, cols), code_align(code_type));
    let stride = row + pad * align;
    let n = if row == 0 { 0 } else { rows };
    let data = arena.matrix((n, row, stride), align, Kind::Bytes).cast();
    CodesMut { data, rows, cols, row_stride_bytes: stride, code_type, reserved: 0 }
}

/// The same codes, to read.
pub fn as_codes(codes: &CodesMut) -> Codes {
    let CodesMut { data, rows, cols, row_stride_bytes, code_type, reserved } = *codes;
    Codes { data, rows, cols, row_stride_bytes, code_type, reserved }
}

/// Something that can be wrong.
pub trait Harm {
    /// Makes one thing wrong.
    fn harm(&mut self, input: &mut Input);

    /// Makes one thing wrong, now and then.
    fn perhaps_harm(&mut self, input: &mut Input) {
        if input.rarely() {
            self.harm(input);
        }
    }
}

macro_rules! harm {
    ($($name:ident: $stride:ident, $kind:ident, $kinds:literal, $null:expr, $wide:expr, $row:expr;)+) => {$(
        impl Harm for $name {
            fn harm(&mut self, input: &mut Input) {
                let huge = usize::MAX - input.below(20);
                let empty = self.rows == 0 || self.cols == 0;
                let wide = $wide(self.$kind);
                match input.below(9) {
                    0 => self.data = $null,
                    1 if wide => self.data = self.data.wrapping_byte_add(1),
                    2 => self.$kind = input.word().max($kinds),
                    3 => self.reserved = input.word(),
                    4 => self.$stride = $row(self).saturating_sub(1 + input.below(3)),
                    5 => self.$stride = huge,
                    // With an element in each row they end beyond the address space.
                    6 if !empty && self.$stride > 1 => self.rows = huge,
                    7 if !empty => self.rows -= 1,
                    // Even codes of 2 bits would fit into the address space, so not those.
                    _ if stringify!($kind) == "dtype" => self.cols = huge,
                    _ => self.cols = self.cols.saturating_sub(1),
                }
            }
        }
    )+};
}

harm! {
    Matrix: row_stride, dtype, 3, ptr::null(), |_| true, |m: &Self| m.cols;
    MatrixMut: row_stride, dtype, 3, ptr::null_mut(), |_| true, |m: &Self| m.cols;
    Codes: row_stride_bytes, code_type, 17, ptr::null(), |t| code_align(t) > 1,
        |c: &Self| code_row_bytes(c.code_type, c.cols);
    CodesMut: row_stride_bytes, code_type, 17, ptr::null_mut(), |t| code_align(t) > 1,
        |c: &Self| code_row_bytes(c.code_type, c.cols);
}

/// The code type of a weight mode.
fn code_type_of(mode: u32, codebook_size: u32) -> u32 {
    const TYPES: [u32; 18] = [0, 1, 4, 5, 6, 7, 16, 15, 15, 15, 8, 9, 8, 9, 13, 14, 0, 5];
    match (mode, codebook_size) {
        (18, ..=16) => 5,
        (18, ..=256) => 1,
        (18, _) => 3,
        _ => *TYPES.get(mode as usize).unwrap_or(&1),
    }
}

/// Parameters of weight compression, now and then wrong ones, and the code type of the mode.
pub fn weight_params(input: &mut Input, arena: &mut Arena) -> (WeightParams, u32) {
    let mode = input.choice(19);
    let group_size = match mode {
        8 | 12..=16 => 32,
        9 => 16,
        _ => input.pick(&[-1, 1, 2, 3, 8, 16, 32]),
    };
    let codebook_size = input.pick(&[2, 3, 16, 17, 40, 256, 300]);
    // Ascending, now and then not.
    let ordered = !input.rarely();
    let mut values = input.any_values();
    let mut codebook: Vec<f32> = (0..codebook_size)
        .map(|i| {
            if ordered {
                i as f32 * 0.25 - 2.0 + values.scale().clamp(0.0, 0.2)
            } else {
                values.float()
            }
        })
        .collect();
    if ordered && input.flag() {
        codebook = (0..codebook_size).map(|_| values.scale()).collect();
        codebook.sort_by(f32::total_cmp);
    }
    let codebook = arena.floats(codebook.into_iter());
    let params = WeightParams {
        size: input.size(WeightParams::DEFAULT.size),
        mode,
        group_size: if input.rarely() { input.word() as i32 } else { group_size },
        reduction_axis: input.choice(2),
        scale_dtype: input.choice(2),
        asymmetric_range: input.choice(2),
        mx_scale: input.choice(3),
        scale_guard: input.choice(2),
        fp8_through_f16: input.choice(2),
        codebook_size,
        codebook: if input.rarely() { ptr::null() } else { codebook },
    };
    (params, code_type_of(mode, codebook_size))
}

/// What the scales of these weights are.
pub fn scale_kind(params: &WeightParams) -> Kind {
    match (params.mode, params.scale_dtype) {
        (8 | 9 | 12..=16, _) => Kind::Bytes,
        (_, 0) => Kind::F32,
        _ => Kind::F16,
    }
}

/// A shape whose input channels are whole groups, but for a few.
pub fn weight_shape(input: &mut Input, params: &WeightParams) -> Shape {
    let shape = Shape::any(input);
    let group = match params.group_size {
        group @ 2..=32 if !input.rarely() => group as usize,
        _ => return shape,
    };
    if params.reduction_axis == 0 {
        Shape { rows: shape.rows.next_multiple_of(group), ..shape }
    } else {
        Shape { cols: shape.cols.next_multiple_of(group), ..shape }
    }
}

/// Output and input channels of weights.
pub fn channels(params: &WeightParams, shape: Shape) -> (usize, usize) {
    let Shape { rows, cols, .. } = shape;
    if params.reduction_axis == 0 { (cols, rows) } else { (rows, cols) }
}

/// Sizes of compressed weights; some room if there is no such layout.
pub fn weight_layout(params: &WeightParams, shape: Shape) -> WeightLayout {
    let mut layout = WeightLayout::default();
    // SAFETY: both structures are here.
    let status = unsafe {
        ptqk_weight_layout_query(ptr::null(), params, shape.rows, shape.cols, &raw mut layout)
    };
    if status != Status::Ok {
        (layout.scale_bytes, layout.zero_point_bytes) = (64, 64);
    }
    layout
}
