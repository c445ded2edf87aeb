//! Calls of the C border on square layers: their views, and how long they take.

#![allow(dead_code, missing_docs, reason = "each bench uses a part")]

use ptqk::dispatch;
use ptqk::ffi::*;
use ptqk::kernels::Isa;
use std::time::Instant;

pub fn ok(status: Status) {
    assert_eq!(status, Status::Ok);
}

/// The median of some turns in milliseconds, on every tier but the scalar one, in turn.
pub fn report(name: &str, turns: usize, mut f: impl FnMut()) {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
        return;
    }
    let tiers: Vec<Isa> =
        dispatch::available().map(|k| k.isa()).filter(|isa| *isa != Isa::Scalar).collect();
    let mut times = vec![Vec::new(); tiers.len()];
    for turn in 0..=turns {
        for (isa, times) in tiers.iter().zip(&mut times) {
            ok(ptqk_set_max_isa(*isa as u32));
            let start = Instant::now();
            f();
            // The first turn warms up.
            if turn > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let mut line = format!("{name:32}");
    for (isa, times) in tiers.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        line += &format!(" {isa:?} {:9.1}", times[times.len() / 2]);
    }
    println!("{line}");
}

pub fn matrix(data: &[f32], rows: usize, cols: usize) -> Matrix {
    let data = data.as_ptr().cast();
    Matrix { data, rows, cols, row_stride: cols, dtype: 0, reserved: 0 }
}

pub fn matrix_mut(data: &mut [f32], rows: usize, cols: usize) -> MatrixMut {
    let data = data.as_mut_ptr().cast();
    MatrixMut { data, rows, cols, row_stride: cols, dtype: 0, reserved: 0 }
}
