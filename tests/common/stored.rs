//! Matrices of the tests as C passes them.

#![allow(dead_code, reason = "each test uses a part")]

extern crate alloc;

use alloc::{vec, vec::Vec};
use half::{bf16, f16};
use ptqk::ffi::{Matrix, MatrixMut};

pub fn transposed(x: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..rows * cols).map(|i| x[i % rows * cols + i / rows]).collect()
}

/// Elements in any type, with or without a gap between rows.
pub struct Stored {
    words: Vec<u32>,
    pub rows: usize,
    pub cols: usize,
    dtype: u32,
    gap: usize,
}

impl Stored {
    pub fn new(x: &[f32], rows: usize, cols: usize, dtype: u32) -> Self {
        Self::with_gap(x, (rows, cols), dtype, 3)
    }

    pub fn with_gap(x: &[f32], (rows, cols): (usize, usize), dtype: u32, gap: usize) -> Self {
        let words = vec![u32::MAX; rows * (cols + gap) + 1];
        let mut to = Self { words, rows, cols, dtype, gap };
        x.iter().enumerate().for_each(|(i, x)| to.set(i, *x));
        to
    }

    fn at(&self, i: usize) -> usize {
        i / self.cols * (self.cols + self.gap) + i % self.cols
    }

    pub fn set(&mut self, i: usize, x: f32) {
        let at = self.at(i);
        let halves: &mut [u16] = bytemuck::cast_slice_mut(&mut self.words);
        match self.dtype {
            1 => halves[at] = f16::from_f32(x).to_bits(),
            2 => halves[at] = bf16::from_f32(x).to_bits(),
            _ => self.words[at] = x.to_bits(),
        }
    }

    pub fn values(&self) -> Vec<f32> {
        let halves: &[u16] = bytemuck::cast_slice(&self.words);
        let value = |i| match self.dtype {
            1 => f16::from_bits(halves[self.at(i)]).to_f32(),
            2 => bf16::from_bits(halves[self.at(i)]).to_f32(),
            _ => f32::from_bits(self.words[self.at(i)]),
        };
        (0..self.rows * self.cols).map(value).collect()
    }

    pub fn matrix(&self) -> Matrix {
        let Self { rows, cols, dtype, .. } = *self;
        let data = self.words.as_ptr().cast();
        Matrix { data, rows, cols, row_stride: cols + self.gap, dtype, reserved: 0 }
    }

    pub fn matrix_mut(&mut self) -> MatrixMut {
        let Self { rows, cols, dtype, .. } = *self;
        let data = self.words.as_mut_ptr().cast();
        MatrixMut { data, rows, cols, row_stride: cols + self.gap, dtype, reserved: 0 }
    }
}
