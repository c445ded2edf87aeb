//! What the bytes of every state begin with, and its check when they come back from a file or from
//! another machine.

use crate::params::Sized32;
use crate::status::{Error, Result};
use core::ffi::CStr;

/// As another byte order would not read it.
const BYTE_ORDER: u32 = 0x0102_0304;

/// The first bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Envelope {
    magic: [u8; 8],
    byte_order: u32,
    version: u32,
    /// Size of the state.
    pub(super) bytes: u64,
}

/// What a kind of state is known by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// Its name.
    pub(super) magic: [u8; 8],
    /// The version that this library reads and writes.
    pub(super) version: u32,
}

impl Format {
    /// The envelope of a state of so many 64-bit words.
    pub(super) fn envelope(self, words: usize) -> Envelope {
        let Self { magic, version } = self;
        Envelope { magic, byte_order: BYTE_ORDER, version, bytes: words as u64 * 8 }
    }

    /// Refuses the bytes of something else; `check_size` looks at the size.
    pub(super) fn check(self, found: &Envelope, argument: &'static CStr) -> Result {
        let refuse = |field, rule, value| Err(Error::field(argument, field, rule, value));
        if found.magic != self.magic {
            return refuse(c"magic", c"must be that of such a state", 0.0);
        }
        if found.byte_order != BYTE_ORDER {
            let rule = c"must be that of this machine";
            return refuse(c"byte_order", rule, f64::from(found.byte_order));
        }
        if found.version != self.version {
            let rule = c"must be a format version that this library knows";
            return refuse(c"version", rule, f64::from(found.version));
        }
        Ok(())
    }
}

/// Refuses parameters in a state that are of another size than here: no function would take them.
pub(super) fn check_params_size<T: Sized32>(size: u32, argument: &'static CStr) -> Result {
    if size == T::SIZE {
        return Ok(());
    }
    Err(Error::field(argument, c"size", c"must be that of this version", f64::from(size)))
}

/// The refusal of bytes that are not all of a state.
pub(super) fn incomplete(argument: &'static CStr, bytes: u64) -> Error {
    let rule = c"must be the size of the state, all of which is there";
    Error::field(argument, c"bytes", rule, bytes as f64)
}

impl Envelope {
    /// Refuses a state of another size than the `words` that its parameters give, or of which other
    /// than so many were `given`.
    pub(super) fn check_size(&self, words: usize, given: usize, argument: &'static CStr) -> Result {
        if self.bytes == words as u64 * 8 && given == words {
            return Ok(());
        }
        Err(incomplete(argument, self.bytes))
    }
}
