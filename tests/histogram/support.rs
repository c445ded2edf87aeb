//! A histogram as the tests use it, through the C functions.

use crate::rng::Rng;
use ptqk::ffi::{
    self, Ctx, Detail, HistogramParams, HistogramRangeParams, HistogramSummary, Matrix, Status,
};
use std::ffi::CStr;
use std::ptr::{self, null, null_mut};

pub const PARITY: u32 = 0;
pub const MERGEABLE: u32 = 1;
pub const KINDS: [u32; 2] = [PARITY, MERGEABLE];

/// `len` numbers from one of several distributions.
pub fn sample(rng: &mut Rng, style: usize, len: usize) -> Vec<f32> {
    let constant = rng.normal();
    (0..len)
        .map(|_| match style {
            0 => rng.normal(),
            1 => rng.normal().max(0.0) * 3.0,
            2 => 1000.0 + rng.normal() * 0.1,
            3 => (rng.normal() * 8.0).round() * 0.25,
            4 => rng.normal() / (0.01 + rng.uniform().abs()),
            5 => rng.normal() * 1e-41,
            6 => rng.uniform() * 3.4e38,
            _ => constant,
        })
        .collect()
}

pub const STYLES: usize = 8;

pub fn view(x: &[f32]) -> Matrix {
    let (data, cols) = (x.as_ptr().cast(), x.len());
    Matrix { data, rows: 1, cols, row_stride: cols, dtype: 0, reserved: 0 }
}

/// A histogram.
#[derive(Clone)]
pub struct Histogram {
    pub params: HistogramParams,
    pub state: Vec<u64>,
}

pub fn params(kind: u32, num_bins: u32) -> HistogramParams {
    HistogramParams { kind, num_bins, ..HistogramParams::DEFAULT }
}

/// Workspace for a matrix, painted.
pub fn workspace(params: &HistogramParams, rows: usize, cols: usize) -> Vec<u8> {
    let mut bytes = 0;
    // SAFETY: one number is written.
    let status =
        unsafe { ffi::ptqk_histogram_workspace_size(null(), params, rows, cols, &mut bytes) };
    assert_eq!(status, Status::Ok);
    vec![0xA7; bytes]
}

impl Histogram {
    pub fn new(params: HistogramParams) -> Self {
        let mut bytes = 0;
        // SAFETY: one number is written.
        let status = unsafe { ffi::ptqk_histogram_state_size(null(), &params, &mut bytes) };
        assert_eq!((status, bytes % 8), (Status::Ok, 0));
        let mut state = vec![u64::MAX; bytes / 8];
        let to = state.as_mut_ptr().cast();
        // SAFETY: the state has the size of the query.
        let status = unsafe { ffi::ptqk_histogram_init(null(), &params, to, bytes) };
        assert_eq!(status, Status::Ok);
        Self { params, state }
    }

    pub fn of(kind: u32, num_bins: u32, x: &[f32]) -> Self {
        let mut histogram = Self::new(params(kind, num_bins));
        histogram.update(x);
        histogram
    }

    pub fn bytes(&self) -> usize {
        self.state.len() * 8
    }

    pub fn try_update(&mut self, ctx: *const Ctx, src: &Matrix) -> Status {
        let mut workspace = workspace(&self.params, src.rows, src.cols);
        let (state, bytes) = (self.state.as_mut_ptr().cast(), self.bytes());
        let (work, work_bytes) = (workspace.as_mut_ptr().cast(), workspace.len());
        // SAFETY: the matrix is the caller's, the others have the sizes of the queries.
        unsafe { ffi::ptqk_histogram_update(ctx, src, state, bytes, work, work_bytes) }
    }

    pub fn update(&mut self, x: &[f32]) {
        assert_eq!(self.try_update(null(), &view(x)), Status::Ok);
    }

    pub fn merge(&mut self, other: &Self) {
        let mut workspace = workspace(&self.params, 0, 0);
        let (state, bytes) = (self.state.as_mut_ptr().cast(), self.bytes());
        let (work, work_bytes) = (workspace.as_mut_ptr().cast(), workspace.len());
        let (from, from_bytes) = (other.state.as_ptr().cast(), other.bytes());
        // SAFETY: the states are live, the workspace has the size of the query.
        let status = unsafe {
            ffi::ptqk_histogram_merge(null(), from, from_bytes, state, bytes, work, work_bytes)
        };
        assert_eq!(status, Status::Ok);
    }

    pub fn summary(&self) -> HistogramSummary {
        let mut summary = HistogramSummary::default();
        let state = self.state.as_ptr().cast();
        // SAFETY: the state is live, one summary is written.
        let status = unsafe {
            ffi::ptqk_histogram_query(null(), state, self.bytes(), &mut summary, null_mut(), 0)
        };
        assert_eq!(status, Status::Ok);
        summary
    }

    pub fn counts(&self) -> Vec<f64> {
        let mut counts = vec![f64::NAN; self.params.num_bins as usize];
        let (state, to) = (self.state.as_ptr().cast(), counts.as_mut_ptr());
        // SAFETY: the state is live, and there is room for all counts.
        let status = unsafe {
            ffi::ptqk_histogram_query(null(), state, self.bytes(), null_mut(), to, counts.len())
        };
        assert_eq!(status, Status::Ok);
        counts
    }

    pub fn range(&self, params: &HistogramRangeParams) -> (f32, f32) {
        let (mut min, mut max, mut bytes) = (f32::NAN, f32::NAN, 0);
        let bins = self.params.num_bins;
        // SAFETY: one number is written.
        let status =
            unsafe { ffi::ptqk_histogram_range_workspace_size(null(), params, bins, &mut bytes) };
        assert_eq!(status, Status::Ok);
        let mut workspace = vec![0xA7_u8; bytes];
        let (state, work) = (self.state.as_ptr().cast(), workspace.as_mut_ptr().cast());
        let (a, b) = (&raw mut min, &raw mut max);
        // SAFETY: the state is live, the workspace has the size of the query.
        let status = unsafe {
            ffi::ptqk_histogram_range(null(), params, state, self.bytes(), a, b, work, bytes)
        };
        assert_eq!(status, Status::Ok);
        (min, max)
    }

    /// The state without the number of updates and what follows from it.
    pub fn elements(&self) -> (HistogramSummary, Vec<f64>) {
        (HistogramSummary { updates: 0, ..self.summary() }, self.counts())
    }
}

/// Checks a state; the field that is refused.
pub fn load(state: &[u64], bytes: usize) -> Result<HistogramParams, &'static str> {
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx { detail: &mut detail, ..Ctx::DEFAULT };
    let mut params = HistogramParams { num_bins: 7, ..HistogramParams::DEFAULT };
    // SAFETY: `bytes` is at most what `state` holds.
    let status =
        unsafe { ffi::ptqk_histogram_load(&ctx, state.as_ptr().cast(), bytes, &mut params) };
    if status == Status::Ok {
        return Ok(params);
    }
    assert_eq!(status, Status::InvalidParameter);
    assert_eq!(params.num_bins, 7, "nothing is written");
    assert!(!detail.argument.is_null() && !detail.rule.is_null());
    assert_ne!(detail.field, ptr::null());
    // SAFETY: texts of the library live for ever.
    Err(unsafe { CStr::from_ptr(detail.field) }.to_str().unwrap())
}
