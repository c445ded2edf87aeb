//! The rules of the border: NULL, alignment, sizes that overflow, strides, overlap, structure
//! sizes. Nothing here writes to an output.

#[cfg(any(feature = "gptq", feature = "range"))]
mod state;
#[cfg(feature = "range")]
mod tensor;

#[cfg(any(feature = "gptq", feature = "range"))]
pub(super) use state::{new_state, state, state_mut};
#[cfg(feature = "range")]
pub(super) use tensor::tensor;

use crate::parallel::Exec;
use crate::params::Sized32;
use crate::params::context::{Ctx, Detail};
#[cfg(feature = "requantize")]
use crate::params::matrix::Accumulators;
use crate::params::matrix::{CodeType, Codes, CodesMut, Dtype, Matrix, MatrixMut};
#[cfg(any(feature = "linalg", feature = "range"))]
use crate::scratch;
use crate::status::{Error, Result, Status};
#[cfg(feature = "requantize")]
use crate::views::AccumulatorsView;
use crate::views::{CodesView, CodesViewMut, MatrixView, MatrixViewMut};
use core::ffi::CStr;
#[cfg(any(feature = "linalg", feature = "range"))]
use core::ffi::c_void;
use core::ptr;

/// Runs the body of an entry point and reports why it failed.
///
/// # Safety
/// The pointer contract of the header, for `ctx` and what it points to.
pub(super) unsafe fn run(ctx: *const Ctx, f: impl FnOnce(Exec<'_>) -> Result) -> Status {
    // SAFETY: the contract of this function.
    let ctx = match unsafe { context(ctx) } {
        Ok(ctx) => ctx,
        Err(error) => return error.status,
    };
    let Err(error) = f(Exec::new(ctx.as_ref())) else { return Status::Ok };
    if let Some(ctx) = ctx
        && !ctx.detail.is_null()
    {
        let detail = Detail {
            status: error.status,
            argument: error.argument.as_ptr(),
            field: error.field.map_or(ptr::null(), CStr::as_ptr),
            rule: error.rule.as_ptr(),
            index: error.index,
            value: error.value,
            ..Detail::DEFAULT
        };
        // SAFETY: `context` checked the pointer and its size field.
        unsafe { ctx.detail.write(detail) };
    }
    error.status
}

/// # Safety
/// As `run`.
unsafe fn context(ctx: *const Ctx) -> Result<Option<Ctx>> {
    if ctx.is_null() {
        return Ok(None);
    }
    // SAFETY: the contract of this function.
    let ctx = unsafe { structure(ctx, c"ctx") }?;
    if ctx.flags != 0 {
        return Err(Error::field(c"ctx", c"flags", c"must be 0", f64::from(ctx.flags)));
    }
    if !ctx.detail.is_null() {
        // SAFETY: the contract of this function. Only the size is read: the rest is the caller's.
        unsafe { known_size(ctx.detail.cast_const(), c"detail") }?;
    }
    Ok(Some(ctx))
}

/// Refuses a structure whose first field is not its size.
///
/// # Safety
/// `pointer` is NULL, misaligned, or points to at least four bytes.
unsafe fn known_size<T: Sized32>(pointer: *const T, argument: &'static CStr) -> Result {
    present(pointer, argument)?;
    // SAFETY: not NULL and aligned; the size field comes first.
    let size = unsafe { pointer.cast::<u32>().read() };
    if size == T::SIZE {
        return Ok(());
    }
    let rule = c"must be filled by the _default function of the structure";
    let error = Error::field(argument, c"size", rule, f64::from(size));
    Err(Error { status: Status::InvalidStructSize, ..error })
}

/// Reads a structure that begins with its size.
///
/// # Safety
/// `pointer` is NULL, misaligned, or points to at least the bytes that its size field says.
pub(super) unsafe fn structure<T: Sized32 + Copy>(
    pointer: *const T,
    argument: &'static CStr,
) -> Result<T> {
    // SAFETY: the contract of this function.
    unsafe { known_size(pointer, argument) }?;
    // SAFETY: its size field says that all of it is there.
    Ok(unsafe { pointer.read() })
}

/// Reads a parameter structure.
///
/// # Safety
/// As `structure`.
pub(super) unsafe fn params<T: Sized32 + Copy>(pointer: *const T) -> Result<T> {
    // SAFETY: the contract of this function.
    unsafe { structure(pointer, c"params") }
}

/// Fills a structure with its defaults; NULL is ignored.
///
/// # Safety
/// `pointer` is NULL, misaligned, or points to a `T`.
pub(super) unsafe fn fill<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() && pointer.is_aligned() {
        // SAFETY: the contract of this function.
        unsafe { pointer.write(value) };
    }
}

/// Refuses NULL and misaligned pointers.
fn present<T>(pointer: *const T, argument: &'static CStr) -> Result {
    if pointer.is_null() {
        return Err(Error::new(Status::NullPointer, argument, c"must not be NULL"));
    }
    aligned(pointer.addr(), align_of::<T>(), argument)
}

fn aligned(address: usize, alignment: usize, argument: &'static CStr) -> Result {
    if address.checked_rem(alignment) == Some(0) {
        return Ok(());
    }
    let rule = c"must be a multiple of its element size";
    let error = Error::new(Status::Misaligned, argument, rule);
    Err(Error { value: address as f64, ..error })
}

/// The bytes that an argument covers, from its first to its last element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: usize,
    end: usize,
    argument: &'static CStr,
}

impl Span {
    /// No bytes.
    #[cfg(any(feature = "gptq", feature = "lora"))]
    pub(super) const EMPTY: Self = Self { start: 0, end: 0, argument: c"" };

    /// `bytes` bytes from `pointer`, which is not NULL unless there are none.
    fn new(address: usize, bytes: usize, argument: &'static CStr) -> Result<Self> {
        if bytes == 0 {
            return Ok(Self { start: 0, end: 0, argument });
        }
        if address == 0 {
            return Err(Error::new(Status::NullPointer, argument, c"must not be NULL"));
        }
        match address.checked_add(bytes) {
            Some(end) => Ok(Self { start: address, end, argument }),
            None => Err(overflow(argument)),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

fn overflow(argument: &'static CStr) -> Error {
    Error::new(Status::SizeOverflow, argument, c"must fit into the address space")
}

/// Refuses outputs that meet each other or an input.
pub(super) fn disjoint(outputs: &[Span], inputs: &[Span]) -> Result {
    for (i, output) in outputs.iter().enumerate() {
        let others = outputs.iter().skip(i + 1).chain(inputs);
        if others.filter(|other| other.meets(output)).count() > 0 {
            let rule = c"must not share memory with another argument";
            return Err(Error::new(Status::Overlap, output.argument, rule));
        }
    }
    Ok(())
}

/// Bytes of `len` elements of `size` bytes.
fn bytes(len: usize, size: usize, argument: &'static CStr) -> Result<usize> {
    match len.checked_mul(size) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(bytes),
        _ => Err(overflow(argument)),
    }
}

fn array_span<T>(pointer: *const T, len: usize, argument: &'static CStr) -> Result<Span> {
    let span = Span::new(pointer.addr(), bytes(len, size_of::<T>(), argument)?, argument)?;
    if len > 0 {
        aligned(pointer.addr(), align_of::<T>(), argument)?;
    }
    Ok(span)
}

/// An array that is read.
///
/// # Safety
/// `pointer` has `len` elements that nobody writes during `'a`, unless this function refuses it.
pub(super) unsafe fn array<'a, T>(
    pointer: *const T,
    len: usize,
    argument: &'static CStr,
) -> Result<(&'a [T], Span)> {
    let span = array_span(pointer, len, argument)?;
    if len == 0 {
        return Ok((&[], span));
    }
    // SAFETY: not NULL, aligned, at most `isize::MAX` bytes; the rest is the contract.
    Ok((unsafe { core::slice::from_raw_parts(pointer, len) }, span))
}

/// As `array`; NULL stands for no array.
///
/// # Safety
/// As `array`.
pub(super) unsafe fn optional_array<'a, T>(
    pointer: *const T,
    len: usize,
    argument: &'static CStr,
) -> Result<(&'a [T], Span)> {
    let len = if pointer.is_null() { 0 } else { len };
    // SAFETY: the contract of this function.
    unsafe { array(pointer, len, argument) }
}

/// An array that is written: checked first, borrowed once everything is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output<T> {
    pointer: *mut T,
    len: usize,
    pub(super) span: Span,
}

impl<T> Output<T> {
    pub(super) fn new(pointer: *mut T, len: usize, argument: &'static CStr) -> Result<Self> {
        let span = array_span(pointer.cast_const(), len, argument)?;
        Ok(Self { pointer, len, span })
    }

    /// As `new`; NULL stands for no array.
    pub(super) fn optional(pointer: *mut T, len: usize, argument: &'static CStr) -> Result<Self> {
        Self::new(pointer, if pointer.is_null() { 0 } else { len }, argument)
    }

    /// # Safety
    /// The pointer of `new` has `len` elements that nobody else uses during `'a`.
    pub(super) unsafe fn slice<'a>(self) -> &'a mut [T] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: not NULL, aligned, at most `isize::MAX` bytes; the rest is the contract.
        unsafe { core::slice::from_raw_parts_mut(self.pointer, self.len) }
    }
}

/// The body of a function that answers one number.
///
/// # Safety
/// The pointer contract of the header.
#[cfg(any(feature = "linalg", feature = "range"))]
pub(super) unsafe fn number(
    ctx: *const Ctx,
    (out, name): (*mut usize, &'static CStr),
    value: impl FnOnce() -> Result<usize>,
) -> Status {
    let body = |_: Exec<'_>| {
        let out = output(out, name)?;
        let value = value()?;
        // SAFETY: the contract of this function.
        unsafe { out.slice() }.iter_mut().for_each(|out| *out = value);
        Ok(())
    };
    // SAFETY: the contract of this function.
    unsafe { run(ctx, body) }
}

/// Working memory at any address, of which `needed` bytes are used.
#[cfg(any(feature = "linalg", feature = "range"))]
pub(super) fn workspace(pointer: *mut c_void, bytes: usize, needed: usize) -> Result<Output<u8>> {
    if bytes < needed {
        return Err(scratch::too_small(needed));
    }
    Output::new(pointer.cast(), needed, c"workspace")
}

/// One value that is written.
pub(super) fn output<T>(pointer: *mut T, argument: &'static CStr) -> Result<Output<T>> {
    present(pointer.cast_const(), argument)?;
    Output::new(pointer, 1, argument)
}

/// Reads a view structure, which has no size field.
///
/// # Safety
/// `pointer` is NULL, misaligned, or points to a `T`.
unsafe fn view<T: Copy>(pointer: *const T, argument: &'static CStr) -> Result<T> {
    present(pointer, argument)?;
    // SAFETY: not NULL and aligned; the rest is the contract.
    Ok(unsafe { pointer.read() })
}

/// Shape of a matrix in units of `unit` bytes, `per_row` units to a row.
struct Layout {
    address: usize,
    rows: usize,
    per_row: usize,
    stride: usize,
    unit: usize,
}

impl Layout {
    /// Checks alignment, stride and size.
    fn span(
        &self,
        alignment: usize,
        stride_field: &'static CStr,
        argument: &'static CStr,
    ) -> Result<Span> {
        let Self { address, rows, per_row, stride, unit } = *self;
        if stride < per_row {
            let rule = c"must be at least one row";
            return Err(Error::shape(argument, stride_field, rule, stride as f64));
        }
        if rows == 0 || per_row == 0 {
            return Span::new(0, 0, argument);
        }
        let units = (rows - 1).checked_mul(stride).and_then(|n| n.checked_add(per_row));
        let span =
            Span::new(address, bytes(units.ok_or(overflow(argument))?, unit, argument)?, argument)?;
        aligned(address, alignment, argument)?;
        Ok(span)
    }
}

fn dtype(value: u32, reserved: u32, argument: &'static CStr) -> Result<Dtype> {
    zero_reserved(reserved, argument)?;
    let rule = c"must be a PTQK_DTYPE constant";
    Dtype::try_from(value).map_err(|()| Error::field(argument, c"dtype", rule, f64::from(value)))
}

pub(super) fn zero_reserved(reserved: u32, argument: &'static CStr) -> Result {
    if reserved == 0 {
        return Ok(());
    }
    Err(Error::field(argument, c"reserved", c"must be 0", f64::from(reserved)))
}

/// A matrix that is read.
///
/// # Safety
/// The pointer contract of the header.
pub(super) unsafe fn matrix<'a>(
    pointer: *const Matrix,
    argument: &'static CStr,
) -> Result<(MatrixView<'a>, Span)> {
    // SAFETY: the contract of this function.
    let m = unsafe { view(pointer, argument) }?;
    let dtype = dtype(m.dtype, m.reserved, argument)?;
    let unit = dtype.bytes();
    let Matrix { rows, cols, row_stride: stride, .. } = m;
    let layout = Layout { address: m.data.addr(), rows, per_row: cols, stride, unit };
    let span = layout.span(unit, c"row_stride", argument)?;
    // SAFETY: the span is checked; the rest is the contract.
    Ok((unsafe { MatrixView::new(m.data.cast(), dtype, (rows, cols, stride)) }, span))
}

/// Means of samples, one per row, of that many channels, and numbers of tokens, which are read if a subset of the
/// samples is taken (0: all).
///
/// # Safety
/// As of [`matrix`] and [`array`].
#[cfg(any(feature = "gptq", feature = "lora"))]
pub(super) unsafe fn samples<'a>(
    (means, token_counts): (*const Matrix, *const u64),
    [means_name, counts_name]: [&'static CStr; 2],
    channels: usize,
    subset: usize,
) -> Result<(MatrixView<'a>, &'a [u64], [Span; 2])> {
    // SAFETY: the contract of this function.
    let (means, means_span) = unsafe { matrix(means, means_name) }?;
    if means.cols() != channels && means.rows() > 0 {
        let rule = c"must be the input channels of the weights";
        return Err(Error::shape(means_name, c"cols", rule, means.cols() as f64));
    }
    let counts = if subset > 0 && means.rows() > subset { means.rows() } else { 0 };
    // SAFETY: as above.
    let (token_counts, counts_span) = unsafe { array(token_counts, counts, counts_name) }?;
    Ok((means, token_counts, [means_span, counts_span]))
}

/// A matrix that is written.
///
/// # Safety
/// The pointer contract of the header; the caller looks at the span before it uses the view.
pub(super) unsafe fn matrix_mut<'a>(
    pointer: *const MatrixMut,
    argument: &'static CStr,
) -> Result<(MatrixViewMut<'a>, Span)> {
    // SAFETY: the contract of this function.
    let m = unsafe { view(pointer, argument) }?;
    let dtype = dtype(m.dtype, m.reserved, argument)?;
    let unit = dtype.bytes();
    let MatrixMut { rows, cols, row_stride: stride, .. } = m;
    let layout = Layout { address: m.data.addr(), rows, per_row: cols, stride, unit };
    let span = layout.span(unit, c"row_stride", argument)?;
    // SAFETY: the span is checked; the rest is the contract.
    Ok((unsafe { MatrixViewMut::new(m.data.cast(), dtype, (rows, cols, stride)) }, span))
}

/// Type, alignment and span of a matrix of codes.
fn codes_span(c: &Codes, argument: &'static CStr) -> Result<(CodeType, Span)> {
    zero_reserved(c.reserved, argument)?;
    let rule = c"must be a PTQK_CODE_TYPE constant";
    let code_type = CodeType::try_from(c.code_type)
        .map_err(|()| Error::field(argument, c"code_type", rule, f64::from(c.code_type)))?;
    let (codes, bytes) = code_type.unit();
    let alignment = if codes == 1 { bytes } else { 1 };
    let stride = c.row_stride_bytes;
    if stride.checked_rem(alignment) != Some(0) {
        let rule = c"must be a multiple of the element size";
        return Err(Error::shape(argument, c"row_stride_bytes", rule, stride as f64));
    }
    let per_row = code_type.row_bytes(c.cols).ok_or(overflow(argument))?;
    let layout = Layout { address: c.data.addr(), rows: c.rows, per_row, stride, unit: 1 };
    Ok((code_type, layout.span(alignment, c"row_stride_bytes", argument)?))
}

/// Codes that are read.
///
/// # Safety
/// The pointer contract of the header.
pub(super) unsafe fn codes<'a>(
    pointer: *const Codes,
    argument: &'static CStr,
) -> Result<(CodesView<'a>, Span)> {
    // SAFETY: the contract of this function.
    let c = unsafe { view(pointer, argument) }?;
    let (code_type, span) = codes_span(&c, argument)?;
    let shape = (c.rows, c.cols, c.row_stride_bytes);
    // SAFETY: the span is checked; the rest is the contract.
    Ok((unsafe { CodesView::new(c.data.cast(), code_type, shape) }, span))
}

/// Codes that are written.
///
/// # Safety
/// The pointer contract of the header; the caller looks at the span before it uses the view.
pub(super) unsafe fn codes_mut<'a>(
    pointer: *const CodesMut,
    argument: &'static CStr,
) -> Result<(CodesViewMut<'a>, Span)> {
    // SAFETY: the contract of this function.
    let c = unsafe { view(pointer, argument) }?;
    let (code_type, span) = codes_span(&c.as_codes(), argument)?;
    let shape = (c.rows, c.cols, c.row_stride_bytes);
    // SAFETY: the span is checked; the rest is the contract.
    let view = unsafe { CodesViewMut::new(c.data.cast(), code_type, shape) };
    Ok((view, span))
}

/// Accumulators that are read.
///
/// # Safety
/// The pointer contract of the header.
#[cfg(feature = "requantize")]
pub(super) unsafe fn accumulators<'a>(
    pointer: *const Accumulators,
    argument: &'static CStr,
) -> Result<(AccumulatorsView<'a>, Span)> {
    // SAFETY: the contract of this function.
    let a = unsafe { view(pointer, argument) }?;
    let Accumulators { data, rows, cols, row_stride: stride } = a;
    let layout = Layout { address: data.addr(), rows, per_row: cols, stride, unit: 4 };
    let span = layout.span(4, c"row_stride", argument)?;
    // SAFETY: the span is checked; the rest is the contract.
    Ok((unsafe { AccumulatorsView::new(data, (rows, cols, stride)) }, span))
}

/// Refuses two matrices of different shapes, naming the second.
pub(super) fn same_shape(
    (rows, cols): (usize, usize),
    other: (usize, usize),
    argument: &'static CStr,
) -> Result {
    if other.0 != rows {
        let rule = c"must be the number of rows of the input";
        return Err(Error::shape(argument, c"rows", rule, other.0 as f64));
    }
    if other.1 != cols {
        let rule = c"must be the number of columns of the input";
        return Err(Error::shape(argument, c"cols", rule, other.1 as f64));
    }
    Ok(())
}

/// A count of parameters, or the refusal that it does not exist.
pub(super) fn count(count: Option<usize>, argument: &'static CStr) -> Result<usize> {
    count.ok_or(overflow(argument))
}

/// Refuses the first value that `ok` rejects.
pub(super) fn every<T: Copy + Into<f64>>(
    values: &[T],
    argument: &'static CStr,
    rule: &'static CStr,
    ok: impl Fn(T) -> bool,
) -> Result {
    match values.iter().position(|v| !ok(*v)) {
        None => Ok(()),
        Some(index) => {
            let value = values.get(index).map_or(0.0, |v| (*v).into());
            let status = Status::InvalidParameter;
            Err(Error::element(status, argument, rule, index as u64, value))
        }
    }
}

/// Refuses statistics that are not finite, as a numeric outcome.
pub(super) fn finite(values: &[f32], argument: &'static CStr) -> Result {
    every(values, argument, c"must be finite", f32::is_finite)
        .map_err(|error| Error { status: Status::NotFinite, ..error })
}

/// Refuses values that are not finite and strictly ascending.
#[cfg(feature = "weights")]
pub(super) fn ascending(values: &[f32], argument: &'static CStr) -> Result {
    every(values, argument, c"must be finite", f32::is_finite)?;
    let Some(i) = values.windows(2).position(|pair| !pair.is_sorted_by(|a, b| a < b)) else {
        return Ok(());
    };
    let value = values.get(i + 1).map_or(0.0, |x| f64::from(*x));
    let rule = c"must be in strictly ascending order";
    Err(Error::element(Status::InvalidParameter, argument, rule, i as u64 + 1, value))
}

/// An input array and the memory it covers.
type Input<'a> = (&'a [f32], Span);

/// Two input arrays of `n` finite values, `low <= high`.
///
/// # Safety
/// The pointer contract of the header.
pub(super) unsafe fn ends<'a>(
    (low, low_name): (*const f32, &'static CStr),
    (high, high_name): (*const f32, &'static CStr),
    n: usize,
    rule: &'static CStr,
) -> Result<(Input<'a>, Input<'a>)> {
    // SAFETY: the contract of this function.
    let (low, high) = unsafe { (array(low, n, low_name)?, array(high, n, high_name)?) };
    finite(low.0, low_name)?;
    finite(high.0, high_name)?;
    for (i, (a, b)) in low.0.iter().zip(high.0).enumerate() {
        if a > b {
            let status = Status::InvalidParameter;
            return Err(Error::element(status, low_name, rule, i as u64, f64::from(*a)));
        }
    }
    Ok((low, high))
}
