//! Packed codes.

use crate::algorithms::pack;
use crate::dispatch;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::matrix::CodeType;
use crate::status::{Error, Result, Status};

/// A code type from C.
pub(super) fn code_type(value: u32) -> Result<CodeType> {
    CodeType::try_from(value).map_err(|()| {
        let rule = c"must be a PTQK_CODE_TYPE constant";
        let error = Error::new(Status::InvalidParameter, c"code_type", rule);
        Error { value: f64::from(value), ..error }
    })
}

/// A code type whose codes fit into one byte, and the bytes of `len` codes.
fn packed(value: u32, len: usize) -> Result<(CodeType, usize)> {
    let code_type = code_type(value)?;
    if matches!(code_type, CodeType::I16 | CodeType::U16) {
        let rule = c"must have at most 8 bits";
        let error = Error::new(Status::InvalidParameter, c"code_type", rule);
        return Err(Error { value: f64::from(value), ..error });
    }
    Ok((code_type, check::count(code_type.row_bytes(len), c"len")?))
}

/// Packs codes that occupy one byte each.
///
/// The layouts are those of the `PTQK_CODE_TYPE_` constants. Only the low bits of a byte are used,
/// so an `int8_t` array of 4-bit codes can be passed as it is. Unused bits of the last unit are 0.
///
/// @param ctx       May be NULL.
/// @param code_type A `PTQK_CODE_TYPE_` constant of at most 8 bits.
/// @param codes     `len` codes. May be NULL if `len` is 0.
/// @param len       Number of codes.
/// @param packed    Receives the bytes that `ptqk_codes_row_bytes` gives for `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_pack(
    ctx: *const Ctx,
    code_type: u32,
    codes: *const u8,
    len: usize,
    packed: *mut u8,
) -> Status {
    let body = |_: Exec<'_>| {
        let (code_type, bytes) = self::packed(code_type, len)?;
        // SAFETY: the pointer contract of the header.
        let (codes, input) = unsafe { check::array(codes, len, c"codes") }?;
        let out = check::Output::new(packed, bytes, c"packed")?;
        check::disjoint(&[out.span], &[input])?;
        // SAFETY: the pointer contract of the header; the output is disjoint.
        pack::pack(dispatch::active(), code_type, codes, unsafe { out.slice() });
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Unpacks codes to one byte each; those of `PTQK_CODE_TYPE_I4` are sign-extended, to be read as
/// `int8_t`.
///
/// @param ctx       May be NULL.
/// @param code_type A `PTQK_CODE_TYPE_` constant of at most 8 bits.
/// @param packed    The bytes that `ptqk_codes_row_bytes` gives for `len`. May be NULL if `len` is 0.
/// @param len       Number of codes.
/// @param codes     Receives `len` codes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_unpack(
    ctx: *const Ctx,
    code_type: u32,
    packed: *const u8,
    len: usize,
    codes: *mut u8,
) -> Status {
    let body = |_: Exec<'_>| {
        let (code_type, bytes) = self::packed(code_type, len)?;
        // SAFETY: the pointer contract of the header.
        let (packed, input) = unsafe { check::array(packed, bytes, c"packed") }?;
        let out = check::Output::new(codes, len, c"codes")?;
        check::disjoint(&[out.span], &[input])?;
        // SAFETY: the pointer contract of the header; the output is disjoint.
        pack::unpack(dispatch::active(), code_type, packed, unsafe { out.slice() });
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
