//! Splits the caller's memory into arrays, or counts what that would take: one function carves for
//! both, so that they cannot disagree.

use crate::status::{Error, Result, Status};
use bytemuck::Pod;

/// Every array starts at a multiple of this: a cache line, so that no wide load crosses two.
const ALIGNMENT: usize = 64;

/// Memory that is cut from the front; without memory, a count.
#[derive(Debug)]
pub struct Scratch<'a> {
    memory: Option<&'a mut [u8]>,
    used: usize,
    most: usize,
}

impl<'a> Scratch<'a> {
    /// Counts; every array is empty.
    #[must_use]
    pub fn counter() -> Self {
        Self { memory: None, used: 0, most: 0 }
    }

    /// Cuts `memory`, which may start at any address.
    #[must_use]
    pub fn new(memory: &'a mut [u8]) -> Self {
        let skip = memory.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        let memory = memory.get_mut(skip..).unwrap_or_default();
        Self { memory: Some(memory), used: 0, most: 0 }
    }

    /// An array of `len` values, whatever they are.
    pub fn array<T: Pod>(&mut self, len: usize) -> Result<&'a mut [T]> {
        let bytes = self.cut(len.checked_mul(size_of::<T>()))?;
        if bytes.is_empty() {
            return Ok(&mut []);
        }
        bytemuck::try_cast_slice_mut(bytes).map_err(|_| overflow())
    }

    /// The next bytes; none without memory.
    #[inline(never)]
    fn cut(&mut self, bytes: Option<usize>) -> Result<&'a mut [u8]> {
        let bytes = bytes.filter(|b| isize::try_from(*b).is_ok()).ok_or(overflow())?;
        let padded = bytes.checked_next_multiple_of(ALIGNMENT).ok_or(overflow())?;
        self.used = self.used.checked_add(padded).ok_or(overflow())?;
        self.most = self.most.max(self.used);
        if bytes == 0 {
            // What is left of the memory may be nothing, at no address.
            return Ok(&mut []);
        }
        let Some(memory) = self.memory.take() else { return Ok(&mut []) };
        let Some((array, rest)) = memory.split_at_mut_checked(padded) else {
            return Err(too_small(self.used));
        };
        self.memory = Some(rest);
        Ok(array.get_mut(..bytes).unwrap_or_default())
    }

    /// Calls `f` with what is left, which is free again afterwards.
    pub fn phase<R>(&mut self, f: impl FnOnce(&mut Scratch<'_>) -> R) -> R {
        let memory = self.memory.as_deref_mut();
        let mut inner = Scratch { memory, used: self.used, most: self.most };
        let result = f(&mut inner);
        self.most = inner.most;
        result
    }

    /// Bytes that all arrays need, wherever the memory starts.
    pub fn bytes(&self) -> Result<usize> {
        let slack = if self.most == 0 { 0 } else { ALIGNMENT - 1 };
        self.most.checked_add(slack).filter(|b| isize::try_from(*b).is_ok()).ok_or(overflow())
    }
}

/// Bytes that `carve` cuts.
pub fn needed<T>(carve: impl FnOnce(&mut Scratch<'static>) -> Result<T>) -> Result<usize> {
    let mut scratch = Scratch::counter();
    carve(&mut scratch)?;
    scratch.bytes()
}

fn overflow() -> Error {
    Error::new(Status::SizeOverflow, c"workspace", c"must fit into the address space")
}

/// The refusal of a workspace of less than `needed` bytes.
#[must_use]
pub fn too_small(needed: usize) -> Error {
    let rule = c"must be at least what the _workspace_size function says";
    let error = Error::new(Status::InvalidParameter, c"workspace_bytes", rule);
    Error { value: needed as f64, ..error }
}
