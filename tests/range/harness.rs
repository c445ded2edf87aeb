//! Tensors of every kind, range states as C holds them, and threads.

use crate::rng::Rng;
pub use crate::threads::on_threads;
use half::{bf16, f16};
use ptqk::ffi::{self, *};
use std::ffi::c_void;
use std::ptr;

pub const F32: u32 = 0;
pub const F16: u32 = 1;
pub const BF16: u32 = 2;

/// From -1 to 1, more often near 0.
pub fn value(rng: &mut Rng) -> f32 {
    rng.uniform() * rng.uniform().abs().max(0.05)
}

/// A tensor with its memory. What lies between the elements is NaN.
#[derive(Clone)]
pub struct Data {
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
    pub dtype: u32,
    /// The elements in row-major order, as the type holds them.
    pub values: Vec<f32>,
    words: Vec<u32>,
    halves: Vec<u16>,
}

/// Strides with `gaps[i]` elements left out after each index of axis `i`.
fn strides(shape: &[usize], gaps: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut spanned = 1;
    for i in (0..shape.len()).rev() {
        strides[i] = spanned + gaps.get(i).copied().unwrap_or(0);
        spanned += shape[i].saturating_sub(1) * strides[i];
    }
    strides
}

impl Data {
    pub fn new(values: Vec<f32>, shape: &[usize], dtype: u32, gaps: &[usize]) -> Self {
        assert_eq!(values.len(), shape.iter().product());
        let values: Vec<f32> = values
            .iter()
            .map(|x| match dtype {
                F16 => f16::from_f32(*x).to_f32(),
                BF16 => bf16::from_f32(*x).to_f32(),
                _ => *x,
            })
            .collect();
        let strides = strides(shape, gaps);
        let mut data = Self {
            shape: shape.to_vec(),
            strides,
            dtype,
            values,
            words: Vec::new(),
            halves: Vec::new(),
        };
        data.store();
        data
    }

    pub fn random(rng: &mut Rng, shape: &[usize], dtype: u32, gaps: &[usize]) -> Self {
        let values = (0..shape.iter().product()).map(|_| value(rng) * 8.0).collect();
        Self::new(values, shape, dtype, gaps)
    }

    /// Where each element is.
    fn offsets(&self) -> Vec<usize> {
        (0..self.values.len())
            .map(|i| self.index(i).iter().zip(&self.strides).map(|(i, stride)| i * stride).sum())
            .collect()
    }

    /// The indices of element `i`.
    pub fn index(&self, mut i: usize) -> Vec<usize> {
        let mut index = vec![0; self.shape.len()];
        for (index, length) in index.iter_mut().zip(&self.shape).rev() {
            *index = i % length;
            i /= length;
        }
        index
    }

    /// Other elements in the same places.
    pub fn set(&mut self, values: Vec<f32>) {
        assert_eq!(values.len(), self.values.len());
        self.values = values;
        self.store();
    }

    fn store(&mut self) {
        let offsets = self.offsets();
        let len = offsets.iter().max().map_or(0, |last| last + 1);
        if self.dtype == F32 {
            self.words = vec![f32::NAN.to_bits(); len];
            for (at, x) in offsets.iter().zip(&self.values) {
                self.words[*at] = x.to_bits();
            }
        } else {
            self.halves = vec![0x7FFF; len];
            for (at, x) in offsets.iter().zip(&self.values) {
                self.halves[*at] = match self.dtype {
                    F16 => f16::from_f32(*x).to_bits(),
                    _ => bf16::from_f32(*x).to_bits(),
                };
            }
        }
    }

    pub fn tensor(&self) -> Tensor {
        let (mut shape, mut strides) = ([usize::MAX; 8], [usize::MAX; 8]);
        shape[..self.shape.len()].copy_from_slice(&self.shape);
        strides[..self.shape.len()].copy_from_slice(&self.strides);
        let data: *const c_void = match self.dtype {
            F32 => self.words.as_ptr().cast(),
            _ => self.halves.as_ptr().cast(),
        };
        Tensor { data, dtype: self.dtype, rank: self.shape.len() as u32, shape, strides }
    }

    /// The elements of every item and channel, item by item.
    pub fn channels(&self, axis: Option<usize>, batch: bool) -> Vec<Vec<f32>> {
        let items = if batch { self.shape[0] } else { 1 };
        let channels = axis.map_or(1, |axis| self.shape[axis]);
        let mut all = vec![Vec::new(); items * channels];
        for (i, x) in self.values.iter().enumerate() {
            let index = self.index(i);
            let item = if batch { index[0] } else { 0 };
            all[item * channels + axis.map_or(0, |axis| index[axis])].push(*x);
        }
        all
    }
}

pub fn ok(status: Status) {
    assert_eq!(status, Status::Ok);
}

/// A branch with these settings.
pub fn branch(statistics_type: u32, aggregator_type: u32, prob: f64) -> StatisticsParams {
    StatisticsParams {
        statistics_type,
        aggregator_type,
        quantile_outlier_prob: prob,
        ..StatisticsParams::DEFAULT
    }
}

pub fn estimator(min: StatisticsParams, max: StatisticsParams) -> RangeEstimatorParams {
    RangeEstimatorParams { min, max, ..RangeEstimatorParams::DEFAULT }
}

/// A state in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub params: RangeParams,
    pub words: Vec<u64>,
}

pub fn state_size(params: &RangeParams) -> usize {
    let mut bytes = 0;
    // SAFETY: both point to live values.
    ok(unsafe { ptqk_range_state_size(ptr::null(), params, &mut bytes) });
    bytes
}

impl State {
    pub fn new(params: RangeParams) -> Self {
        let bytes = state_size(&params);
        assert_eq!(bytes % 8, 0);
        let mut words = vec![0xA5A5_A5A5_A5A5_A5A5; bytes / 8];
        // SAFETY: the state has the size of the query.
        ok(unsafe { ptqk_range_init(ptr::null(), &params, words.as_mut_ptr().cast(), bytes) });
        Self { params, words }
    }

    pub fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    pub fn try_update(&mut self, ctx: *const Ctx, data: &Data) -> Status {
        let (tensor, bytes) = (data.tensor(), self.bytes());
        // SAFETY: the tensor describes live memory, the state is one.
        unsafe { ptqk_range_update(ctx, &tensor, self.words.as_mut_ptr().cast(), bytes) }
    }

    pub fn update(&mut self, data: &Data) {
        ok(self.try_update(ptr::null(), data));
    }

    pub fn of(params: RangeParams, samples: &[Data]) -> Self {
        let mut state = Self::new(params);
        samples.iter().for_each(|sample| state.update(sample));
        state
    }

    pub fn try_merge(&mut self, ctx: *const Ctx, from: &Self) -> Status {
        let (bytes, from_bytes) = (self.bytes(), from.bytes());
        let to = self.words.as_mut_ptr().cast();
        // SAFETY: both are states.
        unsafe { ptqk_range_merge(ctx, from.words.as_ptr().cast(), from_bytes, to, bytes) }
    }

    pub fn samples(&self) -> u64 {
        self.words[15]
    }

    pub fn finish_on(&self, ctx: *const Ctx) -> Result<(Vec<f32>, Vec<f32>), Status> {
        let channels = self.params.channels as usize;
        let mut workspace_bytes = 0;
        // SAFETY: both point to live values.
        ok(unsafe {
            ffi::ptqk_range_finish_workspace_size(ptr::null(), &self.params, &mut workspace_bytes)
        });
        let mut workspace = vec![0xA5_u8; workspace_bytes + 1];
        let (mut min, mut max) = (vec![7.0; channels], vec![7.0; channels]);
        // An odd address is as good as any.
        // SAFETY: every buffer has the size that it should have.
        let status = unsafe {
            ptqk_range_finish(
                ctx,
                self.words.as_ptr().cast(),
                self.bytes(),
                channels,
                min.as_mut_ptr(),
                max.as_mut_ptr(),
                workspace.as_mut_ptr().add(1).cast(),
                workspace_bytes,
            )
        };
        if status == Status::Ok { Ok((min, max)) } else { Err(status) }
    }

    pub fn finish(&self) -> (Vec<f32>, Vec<f32>) {
        self.finish_on(ptr::null()).unwrap()
    }
}

/// A context that writes its detail here.
pub struct Heard {
    pub detail: Box<Detail>,
}

impl Heard {
    pub fn new() -> Self {
        Self { detail: Box::new(Detail::DEFAULT) }
    }

    pub fn ctx(&mut self) -> Ctx {
        Ctx { detail: &mut *self.detail, ..Ctx::DEFAULT }
    }

    fn text(pointer: *const std::ffi::c_char) -> String {
        if pointer.is_null() {
            return String::new();
        }
        // SAFETY: the texts of the library are static.
        unsafe { std::ffi::CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
    }

    /// `argument.field`, or the argument.
    pub fn place(&self) -> String {
        let (argument, field) = (Self::text(self.detail.argument), Self::text(self.detail.field));
        assert!(!Self::text(self.detail.rule).is_empty());
        if field.is_empty() { argument } else { format!("{argument}.{field}") }
    }
}
