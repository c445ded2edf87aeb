//! Version, instruction sets, statuses, contexts.

use crate::dispatch;
use crate::ffi::check;
use crate::kernels::Isa;
use crate::parallel::Exec;
use crate::params::context::{Ctx, Detail};
use crate::status::{Error, Status};
use core::ffi::c_char;

/// Major part of the version of the library.
pub const PTQK_VERSION_MAJOR: u32 = 0;
/// Minor part of the version.
pub const PTQK_VERSION_MINOR: u32 = 1;
/// Patch part of the version.
pub const PTQK_VERSION_PATCH: u32 = 0;
/// Changes whenever any byte of any result changes.
pub const PTQK_NUMERIC_VERSION: u32 = 1;
/// The `index` of a `ptqk_detail` that speaks of no element.
pub const PTQK_NO_INDEX: u64 = 0xFFFF_FFFF_FFFF_FFFF;

/// The version that is linked: `major << 16 | minor << 8 | patch`.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_version() -> u32 {
    PTQK_VERSION_MAJOR << 16 | PTQK_VERSION_MINOR << 8 | PTQK_VERSION_PATCH
}

/// The version that is linked, as text: `"0.1.0"`.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// `PTQK_NUMERIC_VERSION` of the library that is linked. Two builds with the same number give the
/// same bytes for the same input.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_numeric_version() -> u32 {
    PTQK_NUMERIC_VERSION
}

/// The instruction set in use, a `PTQK_ISA_` constant.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_active_isa() -> u32 {
    dispatch::active().isa() as u32
}

/// Allows no instruction set above `isa` from now on, in all threads; for debugging in the field
/// and for tests. No result changes.
///
/// @param isa A `PTQK_ISA_` constant. A constant of another architecture stands for the one of the
///            same rank: `PTQK_ISA_AVX2` and `PTQK_ISA_NEON` have rank 1.
/// @return `PTQK_STATUS_INVALID_PARAMETER` if `isa` is no such constant.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_set_max_isa(isa: u32) -> Status {
    match Isa::try_from(isa) {
        Ok(isa) => {
            dispatch::set_max_isa(isa);
            Status::Ok
        }
        Err(()) => Status::InvalidParameter,
    }
}

/// The name of an instruction set: `"scalar"`, `"avx2"`, `"avx512"`, `"neon"`; `"unknown"` for any
/// other number.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_isa_name(isa: u32) -> *const c_char {
    match Isa::try_from(isa) {
        Ok(Isa::Scalar) => c"scalar",
        Ok(Isa::Avx2) => c"avx2",
        Ok(Isa::Avx512) => c"avx512",
        Ok(Isa::Neon) => c"neon",
        Err(()) => c"unknown",
    }
    .as_ptr()
}

/// The name of a status: `"PTQK_STATUS_OK"`. `"PTQK_STATUS_UNKNOWN"` for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_status_name(status: i32) -> *const c_char {
    Status::from_code(status).map_or(c"PTQK_STATUS_UNKNOWN", Status::name).as_ptr()
}

/// A status as a sentence for people.
#[unsafe(no_mangle)]
pub extern "C" fn ptqk_status_message(status: i32) -> *const c_char {
    let unknown = c"not a status of this library";
    Status::from_code(status).map_or(unknown, Status::message).as_ptr()
}

/// Fills a context: serial, silent, no detail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_ctx_default(ctx: *mut Ctx) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(ctx, Ctx::DEFAULT) };
}

/// Fills a detail: nothing to report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_detail_default(detail: *mut Detail) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(detail, Detail::DEFAULT) };
}

/// Bytes of a row of `cols` codes.
///
/// @param ctx       May be NULL.
/// @param code_type A `PTQK_CODE_TYPE_` constant.
/// @param cols      Number of codes.
/// @param bytes     Receives the bytes, which is the smallest `row_stride_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_codes_row_bytes(
    ctx: *const Ctx,
    code_type: u32,
    cols: usize,
    bytes: *mut usize,
) -> Status {
    let body = |_: Exec<'_>| {
        let code_type = super::pack::code_type(code_type)?;
        let out = check::output(bytes, c"bytes")?;
        let rule = c"must have a row that fits into the address space";
        let overflow = Error::new(Status::SizeOverflow, c"cols", rule);
        let value = code_type.row_bytes(cols).ok_or(overflow)?;
        // SAFETY: the pointer contract of the header.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
