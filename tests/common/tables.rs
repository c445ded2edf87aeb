//! Every table of kernels of this CPU in turn.

#![allow(dead_code, reason = "each test uses a part")]

use ptqk::ffi::{self, Status};
use std::sync::{Mutex, PoisonError};

/// The instruction set is one word for the whole process: tests take turns.
static ISA: Mutex<()> = Mutex::new(());

/// Runs `f` with every table of this CPU in use, from the scalar one up; with the last one alone where
/// `PTQK_LAST_TABLE` is set, as on an emulated CPU, whose other tables ran on an older one.
pub fn on_every_table(mut f: impl FnMut(u32)) {
    let _turn = ISA.lock().unwrap_or_else(PoisonError::into_inner);
    let tables: Vec<u32> = ptqk::dispatch::available().map(|k| k.isa() as u32).collect();
    let first = if std::env::var_os("PTQK_LAST_TABLE").is_some() { tables.len() - 1 } else { 0 };
    for &isa in &tables[first..] {
        assert_eq!(ffi::ptqk_set_max_isa(isa), Status::Ok);
        assert_eq!(ffi::ptqk_active_isa(), isa);
        f(isa);
    }
}
