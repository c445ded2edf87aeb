//! Elements that are not finite: where they are, and the refusal of them.

#![cfg_attr(
    not(all(feature = "linalg", feature = "range", feature = "weights")),
    allow(dead_code, reason = "each family uses a part")
)]

use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::status::{Error, Result, Status};
use crate::views::{MatrixView, Run};
use core::ffi::CStr;

/// The largest magnitude of a run; NaN if it holds one.
pub(crate) fn run_abs_max(k: &Kernels, run: Run<'_>) -> f32 {
    match run {
        Run::F32(x) => k.abs_max(x),
        Run::F16(x) => k.abs_max_f16(x),
        Run::Bf16(x) => k.abs_max_bf16(x),
    }
}

/// Index and value of the first element of a run that is not finite.
pub(crate) fn first_not_finite(run: Run<'_>) -> Option<(usize, f64)> {
    let bad = |x: f32| (!x.is_finite()).then_some(f64::from(x));
    match run {
        Run::F32(x) => x.iter().enumerate().find_map(|(i, x)| Some((i, bad(*x)?))),
        Run::F16(x) => x.iter().enumerate().find_map(|(i, x)| Some((i, bad(x.to_f32())?))),
        Run::Bf16(x) => x.iter().enumerate().find_map(|(i, x)| Some((i, bad(x.to_f32())?))),
    }
}

/// The outcome for a matrix of which some element is not finite: names the first.
pub(crate) fn not_finite(src: MatrixView<'_>, argument: &'static CStr) -> Error {
    let rule = c"must be finite";
    let found = (0..src.rows()).find_map(|row| {
        let (col, value) = first_not_finite(src.row(row))?;
        Some((row as u64 * src.cols() as u64 + col as u64, value))
    });
    match found {
        Some((index, value)) => Error::element(Status::NotFinite, argument, rule, index, value),
        None => Error::new(Status::NotFinite, argument, rule),
    }
}

/// Refuses a matrix of which some element is not finite.
pub(crate) fn finite(
    k: &Kernels,
    exec: Exec<'_>,
    src: MatrixView<'_>,
    argument: &'static CStr,
) -> Result {
    let part = |rows: core::ops::Range<usize>| {
        rows.into_iter().all(|row| run_abs_max(k, src.row(row)) < f32::INFINITY)
    };
    if exec.silent().fold(src.rows(), true, part, |a, b| a && b)? {
        return Ok(());
    }
    Err(not_finite(src, argument))
}
