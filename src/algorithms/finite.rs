//! Elements that are not finite, or too large: where they are, and the refusal of them.

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

/// No two elements below this are further apart than the largest f32: `2^127`.
pub(crate) const TAME: f32 = 1.701_411_8e38;

/// Index and value of the first element of a run that is not finite.
pub(crate) fn first_not_finite(run: Run<'_>) -> Option<(usize, f64)> {
    first_not_below(run, f32::INFINITY)
}

/// Index and value of the first element of a run whose magnitude is not below `limit`.
fn first_not_below(run: Run<'_>, limit: f32) -> Option<(usize, f64)> {
    let bad = |x: f32| (x.is_nan() || x.abs() >= limit).then_some(f64::from(x));
    match run {
        Run::F32(x) => x.iter().enumerate().find_map(|(i, x)| Some((i, bad(*x)?))),
        Run::F16(x) => x.iter().enumerate().find_map(|(i, x)| Some((i, bad(x.to_f32())?))),
        Run::Bf16(x) => x.iter().enumerate().find_map(|(i, x)| Some((i, bad(x.to_f32())?))),
    }
}

/// The rule of a matrix that is refused if it is not finite.
const FINITE: &CStr = c"must be finite";

/// The outcome for a matrix of which some element is not finite: names the first.
pub(crate) fn not_finite(src: MatrixView<'_>, argument: &'static CStr) -> Error {
    not_below(src, f32::INFINITY, (argument, FINITE))
}

/// The outcome for a matrix of which the magnitude of some element is not below `limit`: names the first.
fn not_below(
    src: MatrixView<'_>,
    limit: f32,
    (argument, rule): (&'static CStr, &'static CStr),
) -> Error {
    let found = (0..src.rows()).find_map(|row| {
        let (col, value) = first_not_below(src.row(row), limit)?;
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
    below(k, exec, src, f32::INFINITY, (argument, FINITE))
}

/// Refuses a matrix of which the magnitude of some element is not below `limit`.
pub(crate) fn below(
    k: &Kernels,
    exec: Exec<'_>,
    src: MatrixView<'_>,
    limit: f32,
    (argument, rule): (&'static CStr, &'static CStr),
) -> Result {
    let part = |rows: core::ops::Range<usize>| {
        rows.into_iter().all(|row| run_abs_max(k, src.row(row)) < limit)
    };
    if exec.silent().fold(src.rows(), true, part, |a, b| a && b)? {
        return Ok(());
    }
    Err(not_below(src, limit, (argument, rule)))
}
