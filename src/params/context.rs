//! What a caller may lend to a call: threads, progress, a place for the detail of a refusal.

use crate::params::sized;
use crate::status::{NO_INDEX, Status};
use core::ffi::{c_char, c_void};
use core::ptr;

/// One piece of work: `task(arg, index)`.
pub type Task = unsafe extern "C" fn(arg: *mut c_void, index: usize);

/// What the caller lends to a call. Every function takes `NULL` instead: serial and silent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Ctx {
    /// `sizeof(ptqk_ctx)`, filled by `ptqk_ctx_default`.
    pub size: u32,
    /// Must be 0.
    pub flags: u32,
    /// For the callbacks; the library does not look at it.
    pub user: *mut c_void,
    /// Runs `task(arg, i)` once for every `i` in `0..n`, in any order, on any threads of the caller,
    /// and returns when all are done. No result depends on how this is done. Default: NULL, serial.
    pub parallel_for:
        Option<unsafe extern "C" fn(ctx: *const Ctx, n: usize, task: Task, arg: *mut c_void)>,
    /// Hears that `done` of `total` steps are finished, after every 16 of them (a step is about
    /// 65536 elements, more where columns of large matrices are reduced). A non-zero answer cancels the
    /// call if work is left. Runs on the thread that made the call, between tasks; the last call of a
    /// complete run has `done == total`. Default: NULL.
    pub progress: Option<unsafe extern "C" fn(ctx: *const Ctx, done: u64, total: u64) -> i32>,
    /// Receives the detail of a refusal or of a numeric outcome. Default: NULL.
    pub detail: *mut Detail,
}

impl Ctx {
    /// Serial and silent.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        flags: 0,
        user: ptr::null_mut(),
        parallel_for: None,
        progress: None,
        detail: ptr::null_mut(),
    };
}

sized!(Ctx);

/// Why a call did not return `PTQK_STATUS_OK`. Every text is static; none is ever freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Detail {
    /// `sizeof(ptqk_detail)`, filled by `ptqk_detail_default`.
    pub size: u32,
    /// The status that the call returned.
    pub status: Status,
    /// The name of the argument, or NULL.
    pub argument: *const c_char,
    /// The field of the argument, or NULL.
    pub field: *const c_char,
    /// The rule that was broken, as the end of a sentence: `must divide cols`; or NULL.
    pub rule: *const c_char,
    /// The element that was refused, or `PTQK_NO_INDEX`.
    pub index: u64,
    /// The value that was refused.
    pub value: f64,
}

impl Detail {
    /// Nothing to report.
    pub const DEFAULT: Self = Self {
        size: size_of::<Self>() as u32,
        status: Status::Ok,
        argument: ptr::null(),
        field: ptr::null(),
        rule: ptr::null(),
        index: NO_INDEX,
        value: 0.0,
    };
}

sized!(Detail);
