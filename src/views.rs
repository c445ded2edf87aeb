//! Matrices as the safe layers see them: checked once, cut into rows, never out of bounds.

#![allow(unsafe_code, reason = "rows are cut out of the caller's memory")]

#[cfg(feature = "range")]
pub mod tensor;

use crate::parallel::{Tile, Tiled};
use crate::params::matrix::{CodeType, Dtype};
use core::marker::PhantomData;
use core::ops::Range;
use half::{bf16, f16};

/// A run of elements in a row.
#[derive(Clone, Copy, Debug)]
pub enum Run<'a> {
    /// Of f32.
    F32(&'a [f32]),
    /// Of f16.
    F16(&'a [f16]),
    /// Of bf16.
    Bf16(&'a [bf16]),
}

impl<'a> Run<'a> {
    /// The memory of the elements.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::F32(x) => bytemuck::must_cast_slice(x),
            Self::F16(x) => bytemuck::must_cast_slice(x),
            Self::Bf16(x) => bytemuck::must_cast_slice(x),
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(x) => x.len(),
            Self::F16(x) => x.len(),
            Self::Bf16(x) => x.len(),
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of `range`, none if they do not exist.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Run<'a> {
        match self {
            Self::F32(x) => Self::F32(x.get(range).unwrap_or_default()),
            Self::F16(x) => Self::F16(x.get(range).unwrap_or_default()),
            Self::Bf16(x) => Self::Bf16(x.get(range).unwrap_or_default()),
        }
    }
}

/// A run of elements in a row, to write.
#[derive(Debug)]
pub enum RunMut<'a> {
    /// Of f32.
    F32(&'a mut [f32]),
    /// Of f16.
    F16(&'a mut [f16]),
    /// Of bf16.
    Bf16(&'a mut [bf16]),
}

/// A run of codes in a row. A run of a packed type starts at a unit.
#[derive(Clone, Copy, Debug)]
pub enum CodeRun<'a> {
    /// Of `int8_t`.
    I8(&'a [i8]),
    /// Of `uint8_t`, or of a float type of 8 bits.
    U8(&'a [u8]),
    /// Of `int16_t`.
    I16(&'a [i16]),
    /// Of `uint16_t`.
    U16(&'a [u16]),
    /// Packed units, of the type of the view.
    Packed(&'a [u8]),
}

impl<'a> CodeRun<'a> {
    /// The memory of the codes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::I8(x) => bytemuck::must_cast_slice(x),
            Self::I16(x) => bytemuck::must_cast_slice(x),
            Self::U16(x) => bytemuck::must_cast_slice(x),
            Self::U8(x) | Self::Packed(x) => x,
        }
    }
}

/// A run of codes in a row, to write.
#[derive(Debug)]
pub enum CodeRunMut<'a> {
    /// Of `int8_t`.
    I8(&'a mut [i8]),
    /// Of `uint8_t`, or of a float type of 8 bits.
    U8(&'a mut [u8]),
    /// Of `int16_t`.
    I16(&'a mut [i16]),
    /// Of `uint16_t`.
    U16(&'a mut [u16]),
    /// Packed units, of the type of the view.
    Packed(&'a mut [u8]),
}

/// Place and shape of a matrix in memory, in bytes.
#[derive(Clone, Copy, Debug)]
struct Place {
    data: *mut u8,
    rows: usize,
    cols: usize,
    stride_bytes: usize,
}

impl Place {
    /// `len` f32 elements in rows of `cols`.
    fn dense(data: *mut u8, len: usize, cols: usize) -> Self {
        // The elements lie in one object, so that their bytes fit; with no row there is no stride.
        let rows = len.checked_div(cols).unwrap_or(0);
        Self { data, rows, cols, stride_bytes: cols.saturating_mul(4) }
    }

    /// The address of `unit_bytes * units` bytes of a row, and how many units there are: fewer than
    /// asked for where the matrix ends.
    fn run(
        &self,
        row: usize,
        units: Range<usize>,
        per_row: usize,
        bytes: usize,
    ) -> (*mut u8, usize) {
        if row >= self.rows || units.start >= per_row || units.start >= units.end {
            return (core::ptr::NonNull::<u64>::dangling().as_ptr().cast(), 0);
        }
        let len = units.end.min(per_row) - units.start;
        // SAFETY: the constructor's caller vouched for `rows` rows of `per_row` units.
        let at = unsafe { self.data.add(row * self.stride_bytes + units.start * bytes) };
        (at, len)
    }

    /// The same elements of `bytes` each as one row, if rows follow each other without a gap.
    fn flattened(self, bytes: usize) -> Self {
        let Self { data, rows, cols, stride_bytes } = self;
        // All elements lie in one object, so their number fits.
        if rows == 0 || cols.checked_mul(bytes) != Some(stride_bytes) {
            return self;
        }
        Self { data, rows: 1, cols: rows * cols, stride_bytes }
    }

    /// Moves the origin and shrinks the shape. Columns are counted in units of `codes` elements
    /// and `bytes` bytes.
    fn tile(&self, tile: &Tile, (codes, bytes): (usize, usize)) -> Self {
        let units = tile.cols.start.checked_div(codes).unwrap_or(0);
        let offset = tile.rows.start * self.stride_bytes + units * bytes;
        let rows = tile.rows.end.min(self.rows).saturating_sub(tile.rows.start);
        let cols = tile.cols.end.min(self.cols).saturating_sub(tile.cols.start);
        if rows == 0 || cols == 0 {
            return Self { rows: 0, cols: 0, ..*self };
        }
        // SAFETY: the first element of the tile lies within the matrix.
        Self { data: unsafe { self.data.add(offset) }, rows, cols, stride_bytes: self.stride_bytes }
    }
}

macro_rules! shape {
    ($view:ident) => {
        impl $view<'_> {
            /// Number of rows.
            #[must_use]
            pub fn rows(&self) -> usize {
                self.place.rows
            }

            /// Number of columns.
            #[must_use]
            pub fn cols(&self) -> usize {
                self.place.cols
            }
        }
    };
}

/// A floating-point matrix that is read.
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a> {
    place: Place,
    dtype: Dtype,
    lifetime: PhantomData<&'a [u8]>,
}

shape!(MatrixView);

// SAFETY: a shared view of memory that nobody writes while it lives.
unsafe impl Sync for MatrixView<'_> {}

impl<'a> MatrixView<'a> {
    /// # Safety
    /// `data` is aligned for `dtype`, and points to `rows` rows of `cols` initialized elements,
    /// `stride >= cols` elements apart, which nobody writes during `'a`; all of it is within one
    /// object whose size is at most `isize::MAX`.
    #[must_use]
    pub unsafe fn new(
        data: *const u8,
        dtype: Dtype,
        (rows, cols, stride): (usize, usize, usize),
    ) -> Self {
        // The stride of a single row is not used, and may be anything.
        let stride_bytes = stride.wrapping_mul(dtype.bytes());
        let place = Place { data: data.cast_mut(), rows, cols, stride_bytes };
        Self { place, dtype, lifetime: PhantomData }
    }

    /// Values as rows of `cols` elements; what does not fill a row is left out.
    #[must_use]
    pub fn dense(values: &'a [f32], cols: usize) -> Self {
        let place = Place::dense(values.as_ptr().cast_mut().cast(), values.len(), cols);
        Self { place, dtype: Dtype::F32, lifetime: PhantomData }
    }

    /// Type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Whether `other` is the same matrix.
    #[must_use]
    pub fn is_same_place(&self, other: &MatrixViewMut<'_>) -> bool {
        self.place.data == other.place.data
            && self.place.stride_bytes == other.place.stride_bytes
            && self.dtype == other.dtype
    }

    /// The same elements as one row, if rows follow each other without a gap.
    #[must_use]
    pub fn flattened(self) -> Self {
        Self { place: self.place.flattened(self.dtype.bytes()), ..self }
    }

    /// The part of a tile.
    #[must_use]
    pub fn tile(&self, tile: &Tile) -> Self {
        Self { place: self.place.tile(tile, (1, self.dtype.bytes())), ..*self }
    }

    /// The elements `cols` of `row`; none where the matrix has none.
    #[must_use]
    pub fn run(&self, row: usize, cols: Range<usize>) -> Run<'a> {
        let (at, n) = self.place.run(row, cols, self.place.cols, self.dtype.bytes());
        // SAFETY: `at` has `n` elements by `Place::run`, initialized and unchanging by `new`.
        unsafe {
            match self.dtype {
                Dtype::F32 => Run::F32(core::slice::from_raw_parts(at.cast(), n)),
                Dtype::F16 => Run::F16(core::slice::from_raw_parts(at.cast(), n)),
                Dtype::Bf16 => Run::Bf16(core::slice::from_raw_parts(at.cast(), n)),
            }
        }
    }

    /// All elements of `row`.
    #[must_use]
    pub fn row(&self, row: usize) -> Run<'a> {
        self.run(row, 0..self.place.cols)
    }
}

/// A floating-point matrix that is written. A copy is the same matrix; [`Tiled`] keeps writers
/// apart.
#[derive(Clone, Copy, Debug)]
pub struct MatrixViewMut<'a> {
    place: Place,
    dtype: Dtype,
    lifetime: PhantomData<&'a mut [u8]>,
}

shape!(MatrixViewMut);

// SAFETY: `part` is the only way to another thread, and its caller keeps parts disjoint.
unsafe impl Sync for MatrixViewMut<'_> {}

impl MatrixViewMut<'_> {
    /// # Safety
    /// As `MatrixView::new`, and nobody else reads or writes the elements while the view lives.
    #[must_use]
    pub unsafe fn new(
        data: *mut u8,
        dtype: Dtype,
        (rows, cols, stride): (usize, usize, usize),
    ) -> Self {
        let place = Place { data, rows, cols, stride_bytes: stride.wrapping_mul(dtype.bytes()) };
        Self { place, dtype, lifetime: PhantomData }
    }

    /// Values as a square matrix of `n` rows; of none if they are not as many.
    #[must_use]
    pub fn square(values: &mut [f32], n: usize) -> MatrixViewMut<'_> {
        let n = if n.checked_mul(n) == Some(values.len()) { n } else { 0 };
        Self::dense(values, n)
    }

    /// Values as rows of `cols` elements; what does not fill a row is left out.
    #[must_use]
    pub fn dense(values: &mut [f32], cols: usize) -> MatrixViewMut<'_> {
        let place = Place::dense(values.as_mut_ptr().cast(), values.len(), cols);
        MatrixViewMut { place, dtype: Dtype::F32, lifetime: PhantomData }
    }

    /// Type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The elements `cols` of `row`; none where the matrix has none.
    pub fn run_mut(&mut self, row: usize, cols: Range<usize>) -> RunMut<'_> {
        let (at, n) = self.place.run(row, cols, self.place.cols, self.dtype.bytes());
        // SAFETY: `at` has `n` elements by `Place::run`, this view alone has them by `new`, and the
        // borrow of `self` keeps other runs away.
        unsafe {
            match self.dtype {
                Dtype::F32 => RunMut::F32(core::slice::from_raw_parts_mut(at.cast(), n)),
                Dtype::F16 => RunMut::F16(core::slice::from_raw_parts_mut(at.cast(), n)),
                Dtype::Bf16 => RunMut::Bf16(core::slice::from_raw_parts_mut(at.cast(), n)),
            }
        }
    }

    /// The f32 elements `cols` of `row`; none where the matrix has none, or others.
    pub fn floats_mut(&mut self, row: usize, cols: Range<usize>) -> &mut [f32] {
        match self.run_mut(row, cols) {
            RunMut::F32(x) => x,
            _ => &mut [],
        }
    }

    /// The rows of a block of `R x C` f32 elements from (`row`, `col`) on, if the matrix has all of
    /// them.
    pub fn block_mut<const R: usize, const C: usize>(
        &mut self,
        row: usize,
        col: usize,
    ) -> Option<[&mut [f32; C]; R]> {
        let Place { data, rows, cols, stride_bytes } = self.place;
        let fits =
            |start: usize, n: usize, end: usize| start.checked_add(n).is_some_and(|e| e <= end);
        if self.dtype != Dtype::F32 || !fits(row, R, rows) || !fits(col, C, cols) {
            return None;
        }
        // SAFETY: the block lies within the matrix, which this view alone has by `new`, and the
        // borrow of `self` keeps other parts away. Rows are disjoint: the stride is at least `cols`.
        Some(core::array::from_fn(|i| unsafe {
            &mut *data.add((row + i) * stride_bytes + 4 * col).cast::<[f32; C]>()
        }))
    }

    /// The part of a tile, for as long as the whole is not used.
    #[must_use]
    pub fn tile_mut(&mut self, tile: &Tile) -> MatrixViewMut<'_> {
        MatrixViewMut {
            place: self.place.tile(tile, (1, self.dtype.bytes())),
            dtype: self.dtype,
            lifetime: PhantomData,
        }
    }

    /// All of it, for as long as this view is not used.
    #[must_use]
    pub fn whole_mut(&mut self) -> MatrixViewMut<'_> {
        MatrixViewMut { place: self.place, dtype: self.dtype, lifetime: PhantomData }
    }

    /// The same elements, to read.
    #[must_use]
    pub fn as_view(&self) -> MatrixView<'_> {
        MatrixView { place: self.place, dtype: self.dtype, lifetime: PhantomData }
    }
}

impl Tiled for MatrixViewMut<'_> {
    unsafe fn part(&self, tile: &Tile) -> Self {
        let place = self.place.tile(tile, (1, self.dtype.bytes()));
        Self { place, ..*self }
    }
}

/// A matrix of 32-bit accumulators that is read.
#[derive(Clone, Copy, Debug)]
pub struct AccumulatorsView<'a> {
    place: Place,
    lifetime: PhantomData<&'a [i32]>,
}

shape!(AccumulatorsView);

// SAFETY: a shared view of memory that nobody writes while it lives.
unsafe impl Sync for AccumulatorsView<'_> {}

impl<'a> AccumulatorsView<'a> {
    /// # Safety
    /// As `MatrixView::new`, with elements of type `i32`.
    #[must_use]
    pub unsafe fn new(data: *const i32, (rows, cols, stride): (usize, usize, usize)) -> Self {
        let place = Place {
            data: data.cast_mut().cast(),
            rows,
            cols,
            stride_bytes: stride.wrapping_mul(4),
        };
        Self { place, lifetime: PhantomData }
    }

    /// The elements `cols` of `row`; none where the matrix has none.
    #[must_use]
    pub fn run(&self, row: usize, cols: Range<usize>) -> &'a [i32] {
        let (at, n) = self.place.run(row, cols, self.place.cols, 4);
        // SAFETY: `at` has `n` elements by `Place::run`, initialized and unchanging by `new`.
        unsafe { core::slice::from_raw_parts(at.cast(), n) }
    }
}

/// A matrix of codes that is read.
#[derive(Clone, Copy, Debug)]
pub struct CodesView<'a> {
    place: Place,
    code_type: CodeType,
    lifetime: PhantomData<&'a [u8]>,
}

shape!(CodesView);

// SAFETY: a shared view of memory that nobody writes while it lives.
unsafe impl Sync for CodesView<'_> {}

/// The units that hold the codes `cols`, and the units of a whole row.
fn units(code_type: CodeType, cols: &Range<usize>, row: usize) -> (Range<usize>, usize, usize) {
    let (codes, bytes) = code_type.unit();
    let start = cols.start.checked_div(codes).unwrap_or(0);
    (start..cols.end.div_ceil(codes.max(1)), row.div_ceil(codes.max(1)), bytes)
}

impl<'a> CodesView<'a> {
    /// # Safety
    /// `data` is aligned for `code_type`, and points to `rows` rows of `cols` codes,
    /// `stride_bytes` apart (a multiple of the alignment, no less than a row), which nobody writes
    /// during `'a`; all of it is within one object whose size is at most `isize::MAX`.
    #[must_use]
    pub unsafe fn new(
        data: *const u8,
        code_type: CodeType,
        (rows, cols, stride_bytes): (usize, usize, usize),
    ) -> Self {
        let place = Place { data: data.cast_mut(), rows, cols, stride_bytes };
        Self { place, code_type, lifetime: PhantomData }
    }

    /// Type of the codes.
    #[must_use]
    pub fn code_type(&self) -> CodeType {
        self.code_type
    }

    /// The part of a tile whose first column starts a unit.
    #[must_use]
    pub fn tile(&self, tile: &Tile) -> Self {
        Self { place: self.place.tile(tile, self.code_type.unit()), ..*self }
    }

    /// The same codes, not packed, as one row, if rows follow each other without a gap.
    #[must_use]
    pub fn flattened(self) -> Self {
        let (codes, bytes) = self.code_type.unit();
        if codes != 1 {
            return self;
        }
        Self { place: self.place.flattened(bytes), ..self }
    }

    /// The codes `cols` of `row`; the first starts a unit.
    #[must_use]
    pub fn run(&self, row: usize, cols: Range<usize>) -> CodeRun<'a> {
        let (units, per_row, bytes) = units(self.code_type, &cols, self.place.cols);
        let (at, n) = self.place.run(row, units, per_row, bytes);
        // SAFETY: `at` has `n` units by `Place::run`, initialized and unchanging by `new`.
        unsafe {
            match self.code_type {
                CodeType::I8 => CodeRun::I8(core::slice::from_raw_parts(at.cast(), n)),
                CodeType::I16 => CodeRun::I16(core::slice::from_raw_parts(at.cast(), n)),
                CodeType::U16 => CodeRun::U16(core::slice::from_raw_parts(at.cast(), n)),
                _ if self.code_type.is_packed() => {
                    CodeRun::Packed(core::slice::from_raw_parts(at, n * bytes))
                }
                _ => CodeRun::U8(core::slice::from_raw_parts(at, n)),
            }
        }
    }
}

/// A matrix of codes that is written. A copy is the same matrix; [`Tiled`] keeps writers apart.
#[derive(Clone, Copy, Debug)]
pub struct CodesViewMut<'a> {
    place: Place,
    code_type: CodeType,
    lifetime: PhantomData<&'a mut [u8]>,
}

shape!(CodesViewMut);

// SAFETY: `part` is the only way to another thread, and its caller keeps parts disjoint.
unsafe impl Sync for CodesViewMut<'_> {}

impl CodesViewMut<'_> {
    /// # Safety
    /// As `CodesView::new`, and nobody else reads or writes the codes while the view lives.
    #[must_use]
    pub unsafe fn new(
        data: *mut u8,
        code_type: CodeType,
        (rows, cols, stride_bytes): (usize, usize, usize),
    ) -> Self {
        let place = Place { data, rows, cols, stride_bytes };
        Self { place, code_type, lifetime: PhantomData }
    }

    /// Type of the codes.
    #[must_use]
    pub fn code_type(&self) -> CodeType {
        self.code_type
    }

    /// The codes `cols` of `row`; the first starts a unit.
    pub fn run_mut(&mut self, row: usize, cols: Range<usize>) -> CodeRunMut<'_> {
        let (units, per_row, bytes) = units(self.code_type, &cols, self.place.cols);
        let (at, n) = self.place.run(row, units, per_row, bytes);
        // SAFETY: `at` has `n` units by `Place::run`, this view alone has them by `new`, and the
        // borrow of `self` keeps other runs away.
        unsafe {
            match self.code_type {
                CodeType::I8 => CodeRunMut::I8(core::slice::from_raw_parts_mut(at.cast(), n)),
                CodeType::I16 => CodeRunMut::I16(core::slice::from_raw_parts_mut(at.cast(), n)),
                CodeType::U16 => CodeRunMut::U16(core::slice::from_raw_parts_mut(at.cast(), n)),
                _ if self.code_type.is_packed() => {
                    CodeRunMut::Packed(core::slice::from_raw_parts_mut(at, n * bytes))
                }
                _ => CodeRunMut::U8(core::slice::from_raw_parts_mut(at, n)),
            }
        }
    }
}

impl Tiled for CodesViewMut<'_> {
    unsafe fn part(&self, tile: &Tile) -> Self {
        Self { place: self.place.tile(tile, self.code_type.unit()), ..*self }
    }
}

/// An output whose tiles have `factor` rows for each row of the tile: the codes of groups that lie
/// in columns.
#[derive(Clone, Copy, Debug)]
pub struct TallRows<O> {
    /// The output.
    pub inner: O,
    /// Rows of the output per row of a tile.
    pub factor: usize,
}

impl<O: Tiled> Tiled for TallRows<O> {
    unsafe fn part(&self, tile: &Tile) -> Self {
        let rows =
            tile.rows.start.saturating_mul(self.factor)..tile.rows.end.saturating_mul(self.factor);
        let tall = Tile { rows, cols: tile.cols.clone() };
        // SAFETY: tall tiles of disjoint tiles are disjoint.
        Self { inner: unsafe { self.inner.part(&tall) }, factor: self.factor }
    }
}

/// An output whose rows are the columns of the tiles.
#[derive(Clone, Copy, Debug)]
pub struct Across<O>(pub O);

impl<O: Tiled> Tiled for Across<O> {
    unsafe fn part(&self, tile: &Tile) -> Self {
        // SAFETY: the tiles of one cut that is one tile high differ in their columns.
        Self(unsafe { self.0.part(&Tile { rows: tile.cols.clone(), cols: 0..1 }) })
    }
}

/// An array of one value per group: a matrix of `rows x per_row` where a tile of the matrix of
/// elements covers whole groups of `group` columns.
#[derive(Clone, Copy, Debug)]
pub struct PerGroup<'a, T> {
    data: *mut T,
    rows: usize,
    per_row: usize,
    stride: usize,
    group: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: `part` is the only way to another thread, and its caller keeps parts disjoint.
unsafe impl<T: Send> Sync for PerGroup<'_, T> {}

impl<'a, T> PerGroup<'a, T> {
    /// Sees `values` as rows of `per_row` values, each for `group` columns. Values that do not fill
    /// a row are left out.
    #[must_use]
    pub fn new(values: &'a mut [T], per_row: usize, group: usize) -> Self {
        let rows = values.len().checked_div(per_row).unwrap_or(0);
        let (data, stride) = (values.as_mut_ptr(), per_row);
        Self { data, rows, per_row, stride, group, lifetime: PhantomData }
    }

    /// No values at all.
    #[must_use]
    pub fn none() -> Self {
        Self::new(&mut [], 0, 1)
    }

    /// The values of `row`; none if it does not exist.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        if row >= self.rows {
            return &mut [];
        }
        // SAFETY: the row lies within the slice of `new`, this view alone has it, and the borrow
        // of `self` keeps other rows away.
        unsafe { core::slice::from_raw_parts_mut(self.data.add(row * self.stride), self.per_row) }
    }
}

impl<T: Copy + Send> Tiled for PerGroup<'_, T> {
    unsafe fn part(&self, tile: &Tile) -> Self {
        let first = tile.cols.start.checked_div(self.group).unwrap_or(0);
        let end = tile.cols.end.div_ceil(self.group.max(1)).min(self.per_row);
        let rows = tile.rows.end.min(self.rows).saturating_sub(tile.rows.start);
        if rows == 0 || first >= end {
            return Self { rows: 0, per_row: 0, ..*self };
        }
        // SAFETY: the first value of the part lies within the slice of `new`.
        let data = unsafe { self.data.add(tile.rows.start * self.stride + first) };
        Self { data, rows, per_row: end - first, ..*self }
    }
}

/// An array in blocks: row `i` of a tile is block `i`.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a, T> {
    data: *mut T,
    len: usize,
    block: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: `part` is the only way to another thread, and its caller keeps parts disjoint.
unsafe impl<T: Send> Sync for Blocks<'_, T> {}

impl<'a, T> Blocks<'a, T> {
    /// Cuts `values` into blocks of `block` values; the last may be shorter.
    #[must_use]
    pub fn new(values: &'a mut [T], block: usize) -> Self {
        Self { data: values.as_mut_ptr(), len: values.len(), block, lifetime: PhantomData }
    }

    /// The values.
    pub fn slice_mut(&mut self) -> &mut [T] {
        // SAFETY: the values lie within the slice of `new`, this view alone has them, and the
        // borrow of `self` keeps other slices away.
        unsafe { core::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl<T: Copy + Send> Tiled for Blocks<'_, T> {
    unsafe fn part(&self, tile: &Tile) -> Self {
        let start = tile.rows.start.saturating_mul(self.block).min(self.len);
        let end = tile.rows.end.saturating_mul(self.block).min(self.len);
        // SAFETY: `start` is at most the length of the slice of `new`.
        let data = unsafe { self.data.add(start) };
        Self { data, len: end.saturating_sub(start), ..*self }
    }
}
