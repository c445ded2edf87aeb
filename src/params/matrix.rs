//! Matrices and their element types, as C passes them.

use crate::formats::{self, FloatFormat};
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

/// Type of the codes of a matrix. The first unit of a packed row starts at a byte, and the unused
/// bits of the last unit are 0.
///
/// Float types hold, from the top bit down, a sign, an exponent and a mantissa:
/// `(-1)^sign * 2^(exponent - bias) * 1.mantissa`, with exponent 0
/// `(-1)^sign * 2^(1 - bias) * 0.mantissa`.
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
    /// Float, 4 exponent bits (bias 7), 3 mantissa bits: largest 448 (0x7E), smallest subnormal
    /// `2^-9`, NaN 0x7F and 0xFF, no infinity. Source: OCP 8-bit floating point (E4M3),
    /// arXiv 2209.05433; also called float8_e4m3fn.
    E4m3 = 8,
    /// Float, 5 exponent bits (bias 15), 2 mantissa bits: largest 57344 (0x7B), smallest subnormal
    /// `2^-16`, infinity 0x7C, NaN 0x7D..0x7F, and the same with the sign. Source: as E4M3.
    E5m2 = 9,
    /// Float, 4 exponent bits (bias 8), 3 mantissa bits: largest 240 (0x7F), smallest subnormal
    /// `2^-10`, NaN 0x80, no infinity, no -0. Source: arXiv 2206.02915; float8_e4m3fnuz.
    E4m3Fnuz = 10,
    /// Float, 5 exponent bits (bias 16), 2 mantissa bits: largest 57344 (0x7F), smallest subnormal
    /// `2^-17`, NaN 0x80, no infinity, no -0. Source: arXiv 2206.02915; float8_e5m2fnuz.
    E5m2Fnuz = 11,
    /// A power of two, `2^(code - 127)`, without sign: `2^-127` (0) to `2^127` (254), NaN 255. The
    /// scales of MX blocks. Source: OCP microscaling (MX).
    E8m0 = 12,
    /// Float, 3 exponent bits (bias 3), 2 mantissa bits: largest 28, smallest subnormal `2^-4`,
    /// neither NaN nor infinity. Four codes of 6 bits in three bytes, code 0 in the lowest bits of
    /// the little-endian 24 bits. Source: OCP microscaling (MX), FP6.
    E3m2 = 13,
    /// Float, 2 exponent bits (bias 1), 3 mantissa bits: largest 7.5, smallest subnormal `2^-3`,
    /// neither NaN nor infinity. Packed as E3M2. Source: OCP microscaling (MX), FP6.
    E2m3 = 14,
    /// Float, 2 exponent bits (bias 1), 1 mantissa bit: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their
    /// negatives (8..15), neither NaN nor infinity. Two codes per byte, code 0 in the low nibble.
    /// Source: OCP microscaling (MX), FP4.
    E2m1 = 15,
    /// Sixteen values from -1 (code 0) to 1 (code 15), 0 is code 7: quantiles of a normal
    /// distribution. Packed as E2M1. Source: QLoRA, arXiv 2305.14314.
    Nf4 = 16,
}

choice!(
    CodeType: I8, U8, I16, U16, I4, U4, U3, U2, E4m3, E5m2, E4m3Fnuz, E5m2Fnuz, E8m0, E3m2, E2m3,
    E2m1, Nf4
);

impl CodeType {
    /// Smallest and largest code; that of a float is its bits.
    #[must_use]
    pub const fn range(self) -> (i32, i32) {
        match self {
            Self::I8 => (-128, 127),
            Self::I16 => (-32768, 32767),
            Self::U16 => (0, 65535),
            Self::I4 => (-8, 7),
            Self::U4 | Self::E2m1 | Self::Nf4 => (0, 15),
            Self::U3 => (0, 7),
            Self::U2 => (0, 3),
            Self::E3m2 | Self::E2m3 => (0, 63),
            Self::U8 | Self::E4m3 | Self::E5m2 | Self::E4m3Fnuz | Self::E5m2Fnuz | Self::E8m0 => {
                (0, 255)
            }
        }
    }

    /// Whether codes are integers, with a scale and a zero point.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        (self as u32) <= Self::U2 as u32
    }

    /// Whether a code has less than a byte of its own.
    #[must_use]
    pub const fn is_packed(self) -> bool {
        self.unit().0 > 1
    }

    /// The format of a signed float type.
    #[must_use]
    pub const fn float_format(self) -> Option<FloatFormat> {
        match self {
            Self::E4m3 => Some(formats::E4M3),
            Self::E5m2 => Some(formats::E5M2),
            Self::E4m3Fnuz => Some(formats::E4M3_FNUZ),
            Self::E5m2Fnuz => Some(formats::E5M2_FNUZ),
            Self::E3m2 => Some(formats::E3M2),
            Self::E2m3 => Some(formats::E2M3),
            Self::E2m1 => Some(formats::E2M1),
            _ => None,
        }
    }

    /// Codes and bytes of one unit: the smallest run of codes that fills whole bytes.
    #[must_use]
    pub const fn unit(self) -> (usize, usize) {
        match self {
            Self::I16 | Self::U16 => (1, 2),
            Self::I4 | Self::U4 | Self::E2m1 | Self::Nf4 => (2, 1),
            Self::U3 => (8, 3),
            Self::U2 => (4, 1),
            Self::E3m2 | Self::E2m3 => (4, 3),
            _ => (1, 1),
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
#[derive(Clone, Copy, Debug, PartialEq)]
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

#[cfg(feature = "gptq")]
impl Matrix {
    /// No matrix.
    pub(crate) const NONE: Self =
        Self { data: core::ptr::null(), rows: 0, cols: 0, row_stride: 0, dtype: 0, reserved: 0 };
}

#[cfg(any(feature = "gptq", feature = "lora"))]
impl MatrixMut {
    /// No matrix.
    pub(crate) const NONE: Self = Self {
        data: core::ptr::null_mut(),
        rows: 0,
        cols: 0,
        row_stride: 0,
        dtype: 0,
        reserved: 0,
    };
}

/// A matrix of codes that is read.
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

/// A matrix of codes that is written. What lies between the bytes of a row and
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

impl CodesMut {
    /// No matrix.
    #[cfg(any(feature = "gptq", feature = "lora"))]
    pub(crate) const NONE: Self = Self {
        data: core::ptr::null_mut(),
        rows: 0,
        cols: 0,
        row_stride_bytes: 0,
        code_type: 0,
        reserved: 0,
    };

    /// The same codes, to read.
    #[must_use]
    pub const fn as_codes(&self) -> Codes {
        let Self { data, rows, cols, row_stride_bytes, code_type, reserved } = *self;
        Codes { data: data.cast_const(), rows, cols, row_stride_bytes, code_type, reserved }
    }
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
