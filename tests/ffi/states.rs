//! Quantiles, and streaming states: two that are updated, merged into one, and asked.

extern crate alloc;

use super::{Buffers, F32, Kind, Shape};
use alloc::{vec, vec::Vec};
use core::ffi::c_void;
use ptqk::ffi::{
    self, Ctx, HistogramParams, HistogramRangeParams, Matrix, QuantileParams, RangeParams,
    SketchParams, SketchSummary, Status, Tensor,
};

/// What is asked of the quantiles and of a sketch.
const PROBABILITIES: [f64; 5] = [0.0, 0.01, 0.3, 0.9999, 1.0];

/// A size that a query gives.
fn size(query: impl FnOnce(&mut usize) -> Status) -> usize {
    let mut bytes = 0;
    assert_eq!(query(&mut bytes), Status::Ok);
    bytes
}

/// None of these calls is refused.
fn fine(status: Vec<Status>) -> Vec<Status> {
    assert!(status.iter().all(|status| *status == Status::Ok), "{status:?}");
    status
}

/// The axes of a matrix.
fn tensor(src: &Matrix) -> Tensor {
    let (mut shape, mut strides) = ([0; 8], [0; 8]);
    (shape[0], shape[1]) = (src.rows, src.cols);
    (strides[0], strides[1]) = (src.row_stride, 1);
    Tensor { data: src.data, dtype: src.dtype, rank: 2, shape, strides }
}

// SAFETY of every call below: the buffers have the sizes that the queries give, and live as long as
// the memory.
impl Buffers<'_> {
    fn state(&mut self, name: &'static str, bytes: usize) -> *mut c_void {
        self.output(name, Kind::Bytes, bytes).cast()
    }

    fn space(&mut self, bytes: usize) -> *mut c_void {
        self.input(&vec![0xA7; bytes]).cast()
    }

    pub fn quantiles(
        &mut self,
        ctx: *const Ctx,
        shape: Shape,
        (dtype, (granularity, group_size), magnitude): (u32, (u32, u32), bool),
    ) -> Vec<Status> {
        let src = self.matrix(shape, dtype, false);
        let magnitude = u32::from(magnitude);
        let params =
            QuantileParams { granularity, group_size, magnitude, ..QuantileParams::DEFAULT };
        let p = self.input(bytemuck::cast_slice(&PROBABILITIES)).cast_const().cast();
        let room = shape.rows * shape.cols / 5;
        let scratch = self.space(4 * room).cast();
        let n = PROBABILITIES.len();
        let bytes = 4 * n * shape.count((granularity, group_size));
        let out = self.output("quantiles", Kind::Float(F32), bytes).cast();
        // SAFETY: see above.
        fine(vec![unsafe { ffi::ptqk_quantile(ctx, &params, &src, p, n, scratch, room, out) }])
    }

    pub fn ranges(
        &mut self,
        ctx: *const Ctx,
        shape: Shape,
        (dtype, preset, channel_axis): (u32, u32, i32),
    ) -> Vec<Status> {
        let (one, two) = (self.matrix(shape, dtype, false), self.matrix(shape, dtype, false));
        let channels = [1, shape.rows, shape.cols][(channel_axis + 1) as usize];
        let mut params = RangeParams {
            channel_axis,
            channels: channels as u64,
            num_samples: 5,
            ..RangeParams::DEFAULT
        };
        // SAFETY: see above.
        unsafe {
            let mut status =
                vec![ffi::ptqk_range_estimator_preset(ctx, preset, &mut params.estimator)];
            let bytes = size(|n| ffi::ptqk_range_state_size(ctx, &params, n));
            let states = [self.state("state", bytes), self.state("other", bytes)];
            for (state, samples) in states.into_iter().zip([[&one, &two], [&two, &two]]) {
                status.push(ffi::ptqk_range_init(ctx, &params, state, bytes));
                for sample in samples {
                    status.push(ffi::ptqk_range_update(ctx, &tensor(sample), state, bytes));
                }
            }
            let [state, other] = states;
            status.push(ffi::ptqk_range_merge(ctx, other, bytes, state, bytes));
            let room = size(|n| ffi::ptqk_range_finish_workspace_size(ctx, &params, n));
            let space = self.space(room);
            let [min, max] =
                ["min", "max"].map(|name| self.output(name, Kind::Float(F32), 4 * channels).cast());
            status.push(ffi::ptqk_range_finish(ctx, state, bytes, channels, min, max, space, room));
            fine(status)
        }
    }

    pub fn histograms(
        &mut self,
        ctx: *const Ctx,
        shape: Shape,
        (dtype, kind): (u32, u32),
    ) -> Vec<Status> {
        let (one, two) = (self.matrix(shape, dtype, false), self.matrix(shape, dtype, false));
        let params = HistogramParams { kind, num_bins: 100, ..HistogramParams::DEFAULT };
        // SAFETY: see above.
        unsafe {
            let bytes = size(|n| ffi::ptqk_histogram_state_size(ctx, &params, n));
            let (rows, cols) = (shape.rows, shape.cols);
            let room = size(|n| ffi::ptqk_histogram_workspace_size(ctx, &params, rows, cols, n));
            let space = self.space(room);
            let mut status = Vec::new();
            let states = [self.state("state", bytes), self.state("other", bytes)];
            for (state, samples) in states.into_iter().zip([[&one, &two], [&two, &two]]) {
                status.push(ffi::ptqk_histogram_init(ctx, &params, state, bytes));
                for src in samples {
                    status.push(ffi::ptqk_histogram_update(ctx, src, state, bytes, space, room));
                }
            }
            let [state, other] = states;
            status.push(ffi::ptqk_histogram_merge(ctx, other, bytes, state, bytes, space, room));
            for method in 0..4 {
                let params =
                    HistogramRangeParams { method, levels: 16, ..HistogramRangeParams::DEFAULT };
                let room = size(|n| ffi::ptqk_histogram_range_workspace_size(ctx, &params, 100, n));
                let space = self.space(room);
                let [min, max] =
                    ["min", "max"].map(|name| self.output(name, Kind::Float(F32), 4).cast());
                let (p, state) = (&params, state.cast_const());
                status.push(ffi::ptqk_histogram_range(ctx, p, state, bytes, min, max, space, room));
            }
            fine(status)
        }
    }

    pub fn sketches(&mut self, ctx: *const Ctx, shape: Shape, dtype: u32) -> Vec<Status> {
        let (one, two) = (self.matrix(shape, dtype, false), self.matrix(shape, dtype, false));
        let params = SketchParams { capacity: 32, ..SketchParams::DEFAULT };
        // SAFETY: see above.
        unsafe {
            let bytes = size(|n| ffi::ptqk_sketch_state_size(ctx, &params, n));
            let room = size(|n| ffi::ptqk_sketch_workspace_size(ctx, &params, n));
            let space = self.space(room);
            let mut status = Vec::new();
            let states = [self.state("state", bytes), self.state("other", bytes)];
            for (state, samples) in states.into_iter().zip([[&one, &two], [&two, &two]]) {
                status.push(ffi::ptqk_sketch_init(ctx, &params, state, bytes));
                for src in samples {
                    status.push(ffi::ptqk_sketch_update(ctx, src, state, bytes, space, room));
                }
            }
            let [state, other] = states;
            status.push(ffi::ptqk_sketch_merge(ctx, other, bytes, state, bytes, space, room));
            let p = self.input(bytemuck::cast_slice(&PROBABILITIES)).cast_const().cast();
            let n = PROBABILITIES.len();
            let summary = self.output("summary", Kind::Bytes, size_of::<SketchSummary>()).cast();
            let out = self.output("quantiles", Kind::Bytes, 8 * n).cast();
            status.push(ffi::ptqk_sketch_query(ctx, state, bytes, summary, p, n, out));
            fine(status)
        }
    }
}
