//! Tensors of any number of axes, as C passes them.

use core::ffi::c_void;

/// A row-major floating-point tensor that is read.
///
/// Axis 0 is the slowest. An index of an axis spans the elements of all axes after it, so axes do not
/// change places: a channels-last tensor is described with its channel axis last.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// Element (0, 0, ...). May be NULL if an axis has length 0.
    pub data: *const c_void,
    /// `PTQK_DTYPE_F32`, `PTQK_DTYPE_F16` or `PTQK_DTYPE_BF16`.
    pub dtype: u32,
    /// Number of axes. Range: `1..8`.
    pub rank: u32,
    /// Length of each axis; those from `rank` on are not read.
    pub shape: [usize; 8],
    /// Elements from one index of an axis to the next. Range: at least the elements from the first to
    /// the last of one index. Not read from `rank` on, nor where an axis has length 1.
    pub strides: [usize; 8],
}

const _: () = assert!(size_of::<Tensor>() == 17 * size_of::<usize>() + 8, "ptqk_tensor");
