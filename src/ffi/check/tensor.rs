//! Tensors at the border.

use super::{Span, aligned, bytes, overflow, view};
use crate::params::matrix::Dtype;
use crate::params::tensor::Tensor;
use crate::status::{Error, Result};
use crate::views::tensor::{Axis, MAX_RANK, TensorView};
use core::ffi::CStr;

/// A tensor that is read and the memory it covers; no view if it is empty.
///
/// # Safety
/// The pointer contract of the header.
pub(in crate::ffi) unsafe fn tensor<'a>(
    pointer: *const Tensor,
    argument: &'static CStr,
) -> Result<(Option<TensorView<'a>>, usize, Span)> {
    // SAFETY: the contract of this function.
    let t = unsafe { view(pointer, argument) }?;
    let rule = c"must be a PTQK_DTYPE constant";
    let dtype = Dtype::try_from(t.dtype)
        .map_err(|()| Error::field(argument, c"dtype", rule, f64::from(t.dtype)))?;
    let rank = t.rank as usize;
    if !(1..=MAX_RANK).contains(&rank) {
        return Err(Error::shape(argument, c"rank", c"must be in 1..8", f64::from(t.rank)));
    }
    let mut axes: [Axis; MAX_RANK] = [(1, 0); MAX_RANK];
    for (to, (length, stride)) in axes.iter_mut().zip(t.shape.into_iter().zip(t.strides)).take(rank)
    {
        *to = (length, stride);
    }
    let axes = axes.get(..rank).unwrap_or_default();
    if axes.iter().any(|(length, _)| *length == 0) {
        return Ok((None, rank, Span::new(0, 0, argument)?));
    }
    // Elements from the first to the last of one index of the axis.
    let mut spanned = 1_usize;
    for (i, (length, stride)) in
        axes.iter().enumerate().rev().filter(|(_, (length, _))| *length > 1)
    {
        if *stride < spanned {
            let rule = c"must be at least the elements that an index of the axis spans";
            let error = Error::shape(argument, c"strides", rule, *stride as f64);
            return Err(Error { index: i as u64, ..error });
        }
        let last = (length - 1).checked_mul(*stride).and_then(|last| last.checked_add(spanned));
        spanned = last.ok_or(overflow(argument))?;
    }
    let bytes = bytes(spanned, dtype.bytes(), argument)?;
    let span = Span::new(t.data.addr(), bytes, argument)?;
    aligned(t.data.addr(), dtype.bytes(), argument)?;
    // SAFETY: the span is checked: every stride is at least what it steps over, so there are no more
    // elements than the span is long; the rest is the contract.
    Ok((Some(unsafe { TensorView::new(t.data.cast(), dtype, axes) }), rank, span))
}
