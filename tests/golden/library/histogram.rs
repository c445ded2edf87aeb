//! Histograms in NNCF's form.

use super::{View, check};
use ptqk::ffi;
use std::ffi::c_void;
use std::ptr;

/// The counts of the histogram of several tensors, one update each, and NNCF's range.
pub fn histogram_range(
    tensors: &[&[f32]],
    num_bins: u32,
    upsample_rate: u32,
    dst_levels: u32,
) -> Result<(Vec<f64>, f32, f32), String> {
    let params = ffi::HistogramParams { num_bins, upsample_rate, ..ffi::HistogramParams::DEFAULT };
    let mut bytes = 0;
    // SAFETY: one number is written.
    let status = unsafe { ffi::ptqk_histogram_state_size(ptr::null(), &params, &mut bytes) };
    check("ptqk_histogram_state_size", status)?;
    let mut state = vec![u64::MAX; bytes.div_ceil(8)];
    let state = state.as_mut_ptr().cast::<c_void>();
    // SAFETY: the state has the size that the query gave.
    let status = unsafe { ffi::ptqk_histogram_init(ptr::null(), &params, state, bytes) };
    check("ptqk_histogram_init", status)?;
    for x in tensors {
        let src = View::new(x, x.len())?.matrix();
        let mut needed = 0;
        // SAFETY: one number is written.
        let status = unsafe {
            ffi::ptqk_histogram_workspace_size(ptr::null(), &params, 1, x.len(), &mut needed)
        };
        check("ptqk_histogram_workspace_size", status)?;
        let mut workspace = vec![0_u8; needed];
        let workspace = workspace.as_mut_ptr().cast::<c_void>();
        // SAFETY: the matrix describes a live buffer, the others have the sizes of the queries.
        let status = unsafe {
            ffi::ptqk_histogram_update(ptr::null(), &src, state, bytes, workspace, needed)
        };
        check("ptqk_histogram_update", status)?;
    }

    let mut counts = vec![f64::NAN; num_bins as usize];
    // SAFETY: the state is live, and there is room for all counts.
    let status = unsafe {
        let to = counts.as_mut_ptr();
        ffi::ptqk_histogram_query(ptr::null(), state, bytes, ptr::null_mut(), to, counts.len())
    };
    check("ptqk_histogram_query", status)?;
    let params = ffi::HistogramRangeParams { dst_levels, ..ffi::HistogramRangeParams::DEFAULT };
    let (mut min, mut max, mut needed) = (f32::NAN, f32::NAN, 0);
    // SAFETY: one number is written.
    let status = unsafe {
        ffi::ptqk_histogram_range_workspace_size(ptr::null(), &params, num_bins, &mut needed)
    };
    check("ptqk_histogram_range_workspace_size", status)?;
    let mut workspace = vec![0_u8; needed];
    let workspace = workspace.as_mut_ptr().cast::<c_void>();
    // SAFETY: as above; each result is one float.
    let status = unsafe {
        let (min, max) = (&raw mut min, &raw mut max);
        ffi::ptqk_histogram_range(ptr::null(), &params, state, bytes, min, max, workspace, needed)
    };
    check("ptqk_histogram_range", status)?;
    Ok((counts, min, max))
}
