//! Golden vectors: the library against recorded results of the reference implementation.
//!
//! Runs every case of a folder (`index.json` beside `.safetensors` files; `golden/README.md` describes
//! it) and compares each expected tensor within the tolerance that the index gives. The folder is
//! `tests/golden/vectors`, or the one that the environment variable `PTQK_GOLDEN_DIR` names.
//!
//! The output is one line per failure, then a line per kind (`KIND: N passed, N failed` or
//! `KIND: N pending`), then `N passed, N failed`. Pending cases belong to kinds that the library does
//! not have yet (`golden/kinds.rs`); they count for neither side. The exit code is zero only if nothing
//! failed, and a set that is missing, unreadable or thinner than promised is a failure too.

#[path = "golden/case.rs"]
mod case;
#[path = "golden/handlers/mod.rs"]
mod handlers;
#[path = "golden/kinds.rs"]
mod kinds;
#[path = "golden/library/mod.rs"]
mod library;
#[path = "golden/runner.rs"]
mod runner;
#[path = "golden/self_check.rs"]
mod self_check;
#[path = "golden/tolerance.rs"]
mod tolerance;

use std::path::PathBuf;
use std::process::ExitCode;

/// The folder with the vectors.
fn folder() -> PathBuf {
    match std::env::var_os("PTQK_GOLDEN_DIR") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vectors"),
    }
}

fn main() -> ExitCode {
    // A checker that cannot fail proves nothing: the comparisons are tried out first.
    let mut report = runner::Report::default();
    let defects = self_check::run();
    if defects.is_empty() {
        report = runner::run(&folder());
    }
    for defect in defects {
        report.fail(format!("self check: {defect}"));
    }
    report.print();
    if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
