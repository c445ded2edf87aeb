//! Adapters of the tests, and the functions that take them.

#![allow(dead_code, reason = "each test uses a part")]

extern crate alloc;

use crate::rng::Rng;
use crate::stored::{Stored, transposed};
use alloc::{vec, vec::Vec};
use core::ffi::c_void;
use core::ptr::null;
use ptqk::ffi::{self, *};

pub const F32: u32 = 0;
const I8: u32 = 0;
pub const U8: u32 = 1;

/// A thin matrix in one of the forms that adapters take.
pub struct Thin {
    pub floats: Stored,
    /// Rows with a gap between them.
    pub codes: Vec<u8>,
    pub gap: usize,
    pub scale: Vec<f32>,
    pub zero_point: Vec<u8>,
    /// The type of the codes; none for floats.
    pub code_type: Option<u32>,
    pub rows: usize,
    pub cols: usize,
}

impl Thin {
    /// Forms 0 to 2 are floats, 3 has unsigned codes, 4 signed ones without zero points.
    pub fn new(rows: usize, cols: usize, form: u32, rng: &mut Rng) -> Self {
        let values = rng.many(rows * cols, Rng::uniform);
        let (codes, scale) =
            (rng.many(rows * cols, |r| r.next() as u8), rng.many(rows, |r| 0.01 * r.uniform()));
        let zero_point = if form == 3 { rng.many(rows, |r| r.next() as u8) } else { Vec::new() };
        let code_type = (form > 2).then_some(if form == 3 { U8 } else { I8 });
        // Every other shape has no gap between its rows.
        let gap = if (rows + cols).is_multiple_of(2) { 0 } else { 3 };
        let floats = Stored::with_gap(&values, (rows, cols), form % 3, gap);
        let spaced = codes.chunks(cols.max(1)).flat_map(|row| [row, &[0x5A; 3][..gap]].concat());
        let codes = spaced.collect();
        Self { floats, codes, gap, scale, zero_point, code_type, rows, cols }
    }

    pub fn factor(&self) -> LoraFactor {
        let none = Matrix { data: null(), rows: 0, cols: 0, row_stride: 0, dtype: 0, reserved: 0 };
        let (rows, cols) = (self.rows, self.cols);
        LoraFactor {
            values: if self.code_type.is_some() { none } else { self.floats.matrix() },
            codes: Codes {
                data: self.codes.as_ptr().cast(),
                rows,
                cols,
                row_stride_bytes: cols + self.gap,
                code_type: self.code_type.unwrap_or(99),
                reserved: 0,
            },
            scale: self.scale.as_ptr(),
            zero_point: if self.zero_point.is_empty() { null() } else { self.zero_point.as_ptr() },
        }
    }

    /// The elements: codes times their scales.
    pub fn values(&self) -> Vec<f32> {
        let level = |(i, level)| level * self.row_scale(i / self.cols);
        self.levels().into_iter().enumerate().map(level).collect()
    }

    /// The scale of a row, 1 for floats.
    pub fn row_scale(&self, row: usize) -> f32 {
        if self.code_type.is_some() { self.scale[row] } else { 1.0 }
    }

    /// The elements, but for the scales of codes.
    pub fn levels(&self) -> Vec<f32> {
        let Some(code_type) = self.code_type else { return self.floats.values() };
        let value = |i: usize| {
            let row = i / self.cols;
            let code = self.codes[i + row * self.gap];
            let zero = self.zero_point.get(row).map_or(0, |zero| i32::from(*zero));
            let code = if code_type == I8 { i32::from(code as i8) } else { i32::from(code) };
            (code - zero) as f32
        };
        (0..self.rows * self.cols).map(value).collect()
    }
}

pub struct Pair {
    pub a: Thin,
    pub b: Thin,
    pub scale: f32,
    pub b_is_transposed: bool,
}

impl Pair {
    pub fn new(inputs: usize, outputs: usize, rank: usize, form: u32, rng: &mut Rng) -> Self {
        let (a, b) =
            (Thin::new(rank, inputs, form, rng), Thin::new(outputs, rank, (form + 2) % 5, rng));
        Self { a, b, scale: rng.uniform(), b_is_transposed: false }
    }

    /// `B` as `[rank, out]`.
    pub fn transposed(
        inputs: usize,
        outputs: usize,
        rank: usize,
        form: u32,
        rng: &mut Rng,
    ) -> Self {
        let b = Thin::new(rank, outputs, (form + 2) % 5, rng);
        Self { b, b_is_transposed: true, ..Self::new(inputs, outputs, rank, form, rng) }
    }

    /// The elements of `B`, `[out, rank]`.
    pub fn b_values(&self) -> Vec<f32> {
        self.upright(self.b.values())
    }

    /// As the chain over the rank takes them: the elements of `B`, `[out, rank]`, and what is multiplied with
    /// each of the rank before. Scales of a transposed `B` are there.
    pub fn b_and_scales(&self) -> (Vec<f32>, Vec<f32>) {
        if self.b_is_transposed {
            let scales = (0..self.b.rows).map(|row| self.b.row_scale(row)).collect();
            return (self.upright(self.b.levels()), scales);
        }
        (self.b.values(), vec![1.0; self.b.cols])
    }

    fn upright(&self, values: Vec<f32>) -> Vec<f32> {
        if self.b_is_transposed { transposed(&values, self.b.rows, self.b.cols) } else { values }
    }

    pub fn adapter(&self) -> LoraAdapter {
        LoraAdapter {
            a: self.a.factor(),
            b: self.b.factor(),
            scale: self.scale,
            b_is_transposed: self.b_is_transposed.into(),
        }
    }
}

pub fn apply(
    ctx: *const Ctx,
    pairs: &[Pair],
    segments: &[LoraSegment],
    x: &Stored,
    y: &mut Stored,
) {
    let adapters: Vec<LoraAdapter> = pairs.iter().map(Pair::adapter).collect();
    let mut bytes = 0;
    let (at, count) = (adapters.as_ptr(), adapters.len());
    // SAFETY: every buffer has the size of its shape or of the query.
    unsafe {
        let status = ffi::ptqk_lora_apply_workspace_size(ctx, at, count, x.rows, &mut bytes);
        assert_eq!(status, Status::Ok);
        let mut workspace = vec![0xA5_u8; bytes + 1];
        let room: *mut c_void = workspace[1..].as_mut_ptr().cast();
        let (x, y) = (x.matrix(), y.matrix_mut());
        let (to, n) = (segments.as_ptr(), segments.len());
        let status = ffi::ptqk_lora_apply(ctx, at, count, to, n, &x, &y, room, bytes);
        assert_eq!(status, Status::Ok);
    }
}

pub fn merge(ctx: *const Ctx, pair: &Pair, subtract: bool, weights: &mut Stored) {
    let (adapter, mut bytes) = (pair.adapter(), 0);
    // SAFETY: every buffer has the size of its shape or of the query.
    unsafe {
        let status = ptqk_lora_merge_workspace_size(ctx, &adapter, weights.rows, &mut bytes);
        assert_eq!(status, Status::Ok);
        let mut workspace = vec![0xA5_u8; bytes + 1];
        let room: *mut c_void = workspace[1..].as_mut_ptr().cast();
        let weights = weights.matrix_mut();
        let status = ffi::ptqk_lora_merge(ctx, &adapter, subtract.into(), &weights, room, bytes);
        assert_eq!(status, Status::Ok);
    }
}
