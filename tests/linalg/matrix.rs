//! Matrices of the tests.

use crate::rng::Rng;
use half::{bf16, f16};
use ptqk::params::matrix::Dtype;
use ptqk::views::{MatrixView, MatrixViewMut};

/// A matrix of any float type with a gap between its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub stride: usize,
    pub dtype: Dtype,
    /// Words, so that every type is aligned.
    words: Vec<u32>,
}

/// What lies between two rows.
const GAP: u32 = 0x7FC5_7FC5;

impl Matrix {
    pub fn new(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f32) -> Self {
        Self::of(Dtype::F32, rows, cols, 3, &mut f)
    }

    pub fn of(
        dtype: Dtype,
        rows: usize,
        cols: usize,
        pad: usize,
        f: &mut dyn FnMut(usize, usize) -> f32,
    ) -> Self {
        let stride = cols + pad;
        let mut m = Self { rows, cols, stride, dtype, words: vec![GAP; rows * stride + 1] };
        for i in 0..rows {
            for j in 0..cols {
                m.set(i, j, f(i, j));
            }
        }
        m
    }

    pub fn random(dtype: Dtype, rows: usize, cols: usize, rng: &mut Rng) -> Self {
        let pad = rng.below(5);
        Self::of(dtype, rows, cols, pad, &mut |_, _| rng.uniform())
    }

    pub fn at(&self, i: usize, j: usize) -> f32 {
        let at = i * self.stride + j;
        match self.dtype {
            Dtype::F32 => f32::from_bits(self.words[at]),
            Dtype::F16 => bytemuck::cast_slice::<u32, f16>(&self.words)[at].to_f32(),
            Dtype::Bf16 => bytemuck::cast_slice::<u32, bf16>(&self.words)[at].to_f32(),
        }
    }

    pub fn set(&mut self, i: usize, j: usize, x: f32) {
        let at = i * self.stride + j;
        match self.dtype {
            Dtype::F32 => self.words[at] = x.to_bits(),
            Dtype::F16 => {
                bytemuck::cast_slice_mut::<u32, f16>(&mut self.words)[at] = f16::from_f32(x);
            }
            Dtype::Bf16 => {
                bytemuck::cast_slice_mut::<u32, bf16>(&mut self.words)[at] = bf16::from_f32(x);
            }
        }
    }

    pub fn view(&self) -> MatrixView<'_> {
        // SAFETY: the words hold all rows.
        unsafe {
            let shape = (self.rows, self.cols, self.stride);
            MatrixView::new(self.words.as_ptr().cast(), self.dtype, shape)
        }
    }

    pub fn view_mut(&mut self) -> MatrixViewMut<'_> {
        // SAFETY: as above.
        unsafe {
            let shape = (self.rows, self.cols, self.stride);
            MatrixViewMut::new(self.words.as_mut_ptr().cast(), self.dtype, shape)
        }
    }

    /// Equal bits, or NaN on both sides.
    pub fn assert_same(&self, want: &Self, what: &str) {
        assert_eq!(
            (self.rows, self.cols, self.words.len()),
            (want.rows, want.cols, want.words.len())
        );
        for (i, (got, want)) in self.words.iter().zip(&want.words).enumerate() {
            let nan = f32::from_bits(*got).is_nan() && f32::from_bits(*want).is_nan();
            let (row, col) = (i / self.stride.max(1), i % self.stride.max(1));
            assert!(got == want || nan, "{what}: ({row}, {col}) is {got:#x}, not {want:#x}");
        }
    }
}
