//! States.

use crate::ffi::check::{Output, Span, array};
use crate::status::{Error, Result, Status};
use core::ffi::{CStr, c_void};

/// The words of a state that is read, and the memory they cover.
///
/// # Safety
/// As `array`.
pub(in crate::ffi) unsafe fn state<'a>(
    state: *const c_void,
    bytes: usize,
    argument: &'static CStr,
) -> Result<(&'a [u64], Span)> {
    // SAFETY: the contract of this function.
    unsafe { array(state.cast(), state_words(bytes, argument)?, argument) }
}

/// The words of a state that is written.
pub(in crate::ffi) fn state_mut(state: *mut c_void, bytes: usize) -> Result<Output<u64>> {
    Output::new(state.cast(), state_words(bytes, c"state")?, c"state")
}

/// The words of a state that is made, `needed` bytes.
pub(in crate::ffi) fn new_state(
    state: *mut c_void,
    bytes: usize,
    needed: usize,
) -> Result<Output<u64>> {
    if bytes != needed {
        let rule = c"must be the size of the state";
        let error = Error::new(Status::InvalidShape, c"state_bytes", rule);
        return Err(Error { value: needed as f64, ..error });
    }
    state_mut(state, bytes)
}

fn state_words(bytes: usize, argument: &'static CStr) -> Result<usize> {
    if bytes.is_multiple_of(size_of::<u64>()) {
        return Ok(bytes / size_of::<u64>());
    }
    let rule = c"must be the size of the state, all of which is there";
    Err(Error::field(argument, c"bytes", rule, bytes as f64))
}
