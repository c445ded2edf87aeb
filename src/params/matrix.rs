//! Matrices and their element types, as C passes them.

use crate::params::choice;
use core::ffi::c_void;

/// Element type of a floating-point matrix.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE binary32.
    F32 = 0,
    /// IEEE binary16.
    F16 = 1,
    /// bfloat16: the upper half of a binary32.
    Bf16 = 2,
}

choice!(Dtype: F32, F16, Bf16);

impl Dtype {
    /// Bytes of one element, which is also its alignment.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Type of the integer codes of a matrix. The first unit of a packed row starts at a byte, and
/// the unused bits of the last unit are 0.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeType {
    /// One `int8_t` per code.
    I8 = 0,
    /// One `uint8_t` per code.
    U8 = 1,
    /// One `int16_t` per code.
    I16 = 2,
    /// One `uint16_t` per code.
    U16 = 3,
    /// Two's complement, -8..7: two codes per byte, code 0 in the low nibble.
    I4 = 4,
    /// 0..15: two codes per byte, code 0 in the low nibble.
    U4 = 5,
    /// 0..7: eight codes in three bytes. Byte 0 holds the low two bits of codes 0..3, code 0 in
    /// the top pair of bits; byte 1 the same of codes 4..7; byte 2 the third bits, code 0 in the
    /// top bit.
    U3 = 6,
    /// 0..3: four codes per byte, code 0 in the lowest bits.
    U2 = 7,
}

choice!(CodeType: I8, U8, I16, U16, I4, U4, U3, U2);

impl CodeType {
    /// Smallest and largest code.
    #[must_use]
    pub const fn range(self) -> (i32, i32) {
        match self {
            Self::I8 => (-128, 127),
            Self::U8 => (0, 255),
            Self::I16 => (-32768, 32767),
            Self::U16 => (0, 65535),
            Self::I4 => (-8, 7),
            Self::U4 => (0, 15),
            Self::U3 => (0, 7),
            Self::U2 => (0, 3),
        }
    }

    /// Codes and bytes of one unit: the smallest run of codes that fills whole bytes.
    #[must_use]
    pub const fn unit(self) -> (usize, usize) {
        match self {
            Self::I8 | Self::U8 => (1, 1),
            Self::I16 | Self::U16 => (1, 2),
            Self::I4 | Self::U4 => (2, 1),
            Self::U3 => (8, 3),
            Self::U2 => (4, 1),
        }
    }

    /// Bytes of a row of `cols` codes, `None` if that exceeds the address space.
    #[must_use]
    pub const fn row_bytes(self, cols: usize) -> Option<usize> {
        let (codes, bytes) = self.unit();
        cols.div_ceil(codes).checked_mul(bytes)
    }
}

/// A row-major floating-point matrix that is read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// Element (0, 0). May be NULL if `rows` or `cols` is 0.
    pub data: *const c_void,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from one row to the next. Range: `>= cols`.
    pub row_stride: usize,
    /// `PTQK_DTYPE_F32`, `PTQK_DTYPE_F16` or `PTQK_DTYPE_BF16`.
    pub dtype: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// A row-major floating-point matrix that is written. What lies between `cols` and `row_stride`
/// is never touched.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MatrixMut {
    /// Element (0, 0). May be NULL if `rows` or `cols` is 0.
    pub data: *mut c_void,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from one row to the next. Range: `>= cols`.
    pub row_stride: usize,
    /// `PTQK_DTYPE_F32`, `PTQK_DTYPE_F16` or `PTQK_DTYPE_BF16`.
    pub dtype: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// A matrix of integer codes that is read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// The first row. May be NULL if `rows` or `cols` is 0.
    pub data: *const c_void,
    /// Number of rows.
    pub rows: usize,
    /// Number of codes in a row.
    pub cols: usize,
    /// Bytes from one row to the next. Range: at least the bytes of a row, and a multiple of the
    /// element size of the code type.
    pub row_stride_bytes: usize,
    /// One of the `PTQK_CODE_TYPE_` constants.
    pub code_type: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// A matrix of integer codes that is written. What lies between the bytes of a row and
/// `row_stride_bytes` is never touched.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CodesMut {
    /// The first row. May be NULL if `rows` or `cols` is 0.
    pub data: *mut c_void,
    /// Number of rows.
    pub rows: usize,
    /// Number of codes in a row.
    pub cols: usize,
    /// Bytes from one row to the next. Range: at least the bytes of a row, and a multiple of the
    /// element size of the code type.
    pub row_stride_bytes: usize,
    /// One of the `PTQK_CODE_TYPE_` constants.
    pub code_type: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// A row-major matrix of 32-bit accumulators that is read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Accumulators {
    /// Element (0, 0). May be NULL if `rows` or `cols` is 0.
    pub data: *const i32,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Elements from one row to the next. Range: `>= cols`.
    pub row_stride: usize,
}

const _: () = assert!(size_of::<Matrix>() == 4 * size_of::<usize>() + 8, "ptqk_matrix");
const _: () = assert!(size_of::<Codes>() == 4 * size_of::<usize>() + 8, "ptqk_codes");
