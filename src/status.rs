//! Status codes and details: the only error type of the crate.

use core::ffi::CStr;

/// Outcome of a call: 0 is success, a negative number says that the call was wrong and nothing
/// was written, a positive one is a numeric outcome. The numbers are permanent.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// A pointer that must point to something is NULL.
    NullPointer = -1,
    /// A pointer is not a multiple of its element size.
    Misaligned = -2,
    /// An output shares memory with another argument.
    Overlap = -3,
    /// A product of sizes exceeds the address space.
    SizeOverflow = -4,
    /// Shapes disagree, or a stride is shorter than a row.
    InvalidShape = -5,
    /// A `size` field is not the size of the structure.
    InvalidStructSize = -6,
    /// A parameter lies outside its documented range.
    InvalidParameter = -7,
    /// The progress callback asked to stop; outputs are partly written.
    Cancelled = 1,
    /// The input holds a NaN or an infinity; the function says what it wrote.
    NotFinite = 2,
    /// A matrix is not positive definite; the function says what it wrote.
    NotPositiveDefinite = 3,
}

impl Status {
    /// Every status, to walk over them.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::NullPointer,
        Self::Misaligned,
        Self::Overlap,
        Self::SizeOverflow,
        Self::InvalidShape,
        Self::InvalidStructSize,
        Self::InvalidParameter,
        Self::Cancelled,
        Self::NotFinite,
        Self::NotPositiveDefinite,
    ];

    /// The status with this number, if there is one.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as i32 == code)
    }

    /// The name of the constant in the header.
    #[must_use]
    pub const fn name(self) -> &'static CStr {
        match self {
            Self::Ok => c"PTQK_STATUS_OK",
            Self::NullPointer => c"PTQK_STATUS_NULL_POINTER",
            Self::Misaligned => c"PTQK_STATUS_MISALIGNED",
            Self::Overlap => c"PTQK_STATUS_OVERLAP",
            Self::SizeOverflow => c"PTQK_STATUS_SIZE_OVERFLOW",
            Self::InvalidShape => c"PTQK_STATUS_INVALID_SHAPE",
            Self::InvalidStructSize => c"PTQK_STATUS_INVALID_STRUCT_SIZE",
            Self::InvalidParameter => c"PTQK_STATUS_INVALID_PARAMETER",
            Self::Cancelled => c"PTQK_STATUS_CANCELLED",
            Self::NotFinite => c"PTQK_STATUS_NOT_FINITE",
            Self::NotPositiveDefinite => c"PTQK_STATUS_NOT_POSITIVE_DEFINITE",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static CStr {
        match self {
            Self::Ok => c"success",
            Self::NullPointer => c"a pointer that must point to something is NULL",
            Self::Misaligned => c"a pointer is not a multiple of its element size",
            Self::Overlap => c"an output shares memory with another argument",
            Self::SizeOverflow => c"a product of sizes exceeds the address space",
            Self::InvalidShape => c"shapes disagree, or a stride is shorter than a row",
            Self::InvalidStructSize => c"a size field is not the size of the structure",
            Self::InvalidParameter => c"a parameter lies outside its documented range",
            Self::Cancelled => c"the progress callback asked to stop",
            Self::NotFinite => c"the input holds a NaN or an infinity",
            Self::NotPositiveDefinite => c"a matrix is not positive definite",
        }
    }
}

/// Index of an [`Error`] that speaks of no element.
pub const NO_INDEX: u64 = u64::MAX;

/// Why a call was refused: which argument, which field of it, which rule, which value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Error {
    /// The status to return. Never `Status::Ok`.
    pub status: Status,
    /// The C name of the argument.
    pub argument: &'static CStr,
    /// The field of the argument, where one is meant.
    pub field: Option<&'static CStr>,
    /// The rule that was broken, as the end of a sentence: `must divide cols`.
    pub rule: &'static CStr,
    /// The element that was refused, or [`NO_INDEX`].
    pub index: u64,
    /// The value that was refused.
    pub value: f64,
}

impl Error {
    /// An error of a whole argument.
    #[must_use]
    pub const fn new(status: Status, argument: &'static CStr, rule: &'static CStr) -> Self {
        Self { status, argument, field: None, rule, index: NO_INDEX, value: 0.0 }
    }

    /// A parameter `argument.field` outside its range.
    #[must_use]
    pub const fn field(
        argument: &'static CStr,
        field: &'static CStr,
        rule: &'static CStr,
        value: f64,
    ) -> Self {
        Self {
            status: Status::InvalidParameter,
            argument,
            field: Some(field),
            rule,
            index: NO_INDEX,
            value,
        }
    }

    /// A shape that does not fit: `argument.field` breaks `rule`.
    #[must_use]
    pub const fn shape(
        argument: &'static CStr,
        field: &'static CStr,
        rule: &'static CStr,
        value: f64,
    ) -> Self {
        Self { status: Status::InvalidShape, ..Self::field(argument, field, rule, value) }
    }

    /// The element `index` of an array has a value that breaks `rule`.
    #[must_use]
    pub const fn element(
        status: Status,
        argument: &'static CStr,
        rule: &'static CStr,
        index: u64,
        value: f64,
    ) -> Self {
        Self { status, argument, field: None, rule, index, value }
    }
}

/// Result of everything that can be refused.
pub type Result<T = ()> = core::result::Result<T, Error>;
