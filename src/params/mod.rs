//! Parameter structures as C sees them, one file per family.
//!
//! A structure that may grow begins with `size`; an enumerated choice is a `u32` in the structure
//! and an enum with `TryFrom<u32>` here. `DEFAULT` holds the documented defaults and `validate`
//! checks exactly the documented ranges.

#[cfg(feature = "weights")]
pub mod codebook;
pub mod context;
#[cfg(feature = "convert")]
pub mod convert;
pub mod elementwise;
#[cfg(feature = "gptq")]
pub mod estimation;
#[cfg(feature = "gptq")]
pub mod gptq;
#[cfg(feature = "range")]
pub mod histogram;
#[cfg(feature = "linalg")]
pub mod linalg;
#[cfg(feature = "lora")]
pub mod lora;
pub mod matrix;
pub mod quantization;
#[cfg(feature = "requantize")]
pub mod requantize;
#[cfg(feature = "range")]
pub mod sketch;
#[cfg(feature = "range")]
pub mod statistics;
#[cfg(feature = "range")]
pub mod tensor;
#[cfg(feature = "weights")]
pub mod weights;

use crate::status::{Error, Result};
use core::ffi::CStr;

/// Gives an enum of consecutive values from 0 its `TryFrom<u32>`.
macro_rules! choice {
    ($name:ident: $($variant:ident),+) => {
        impl TryFrom<u32> for $name {
            type Error = ();

            fn try_from(value: u32) -> core::result::Result<Self, ()> {
                [$(Self::$variant),+].into_iter().find(|v| *v as u32 == value).ok_or(())
            }
        }
    };
}
pub(crate) use choice;

/// A structure that begins with its own size, so that it can grow without breaking callers.
pub trait Sized32 {
    /// `size`, the first field, as this build of the library knows it.
    const SIZE: u32;
}

macro_rules! sized {
    ($($name:ty),+) => {$(
        impl crate::params::Sized32 for $name {
            const SIZE: u32 = size_of::<$name>() as u32;
        }
    )+};
}
pub(crate) use sized;

/// Converts an enumerated field, or names it.
pub(crate) fn choose<T: TryFrom<u32>>(
    value: u32,
    field: &'static CStr,
    rule: &'static CStr,
) -> Result<T> {
    T::try_from(value).map_err(|_| Error::field(c"params", field, rule, f64::from(value)))
}

/// Refuses a structure within `params` that is not of the size it says.
#[cfg(any(feature = "gptq", feature = "lora", feature = "range"))]
pub(crate) fn known_size<T: Sized32>(size: u32, field: &'static CStr) -> Result {
    if size == T::SIZE {
        return Ok(());
    }
    let rule = c"must be filled by the _default function of the structure";
    let error = Error::field(c"params", field, rule, f64::from(size));
    Err(Error { status: crate::status::Status::InvalidStructSize, ..error })
}

/// Reads a field that is 0 or 1.
pub(crate) fn flag(value: u32, field: &'static CStr) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::field(c"params", field, c"must be 0 or 1", f64::from(value))),
    }
}
