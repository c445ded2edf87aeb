//! Adapters at work: `y += scale (x A^T) B^T`, and `W += scale B A`.
//!
//! An element of `x A^T` is made of inner products of the kernel, in pieces that are added in order; what is
//! added to an element of `y` or `W` is one chain over the rank. Neither depends on how many rows there are.

use crate::algorithms::WHOLE;
use crate::algorithms::stage::{STAGE, cuts, modified, narrowed, widen_into, widened};
use crate::kernels::{Affine, Kernels};
use crate::parallel::{Cut, Exec, Tile};
use crate::params::elementwise::Rounding;
use crate::params::matrix::Dtype;
use crate::scratch::{Scratch, needed};
use crate::status::Result;
use crate::views::{CodeRun, CodesView, MatrixView, MatrixViewMut, Run};
use core::ops::Range;

/// Elements of a piece of an inner product.
const PIECE: usize = 1024;

/// Rows of `x` of a task, and rows of `A` that they meet in it.
const ROWS: usize = 16;

/// Rows that a kernel takes at once: of `A` or a transposed `B` for one row of `x`, otherwise of `x`.
const TOGETHER: usize = 4;

/// Most rows of `y` that are better off with rows of `B` as they lie.
const FEW: usize = 4;

/// Columns of a panel: a block of the kernels.
const PANEL: usize = 32;

/// Rows of a panel: a part of the rank.
const DEPTH: usize = 64;

/// Columns of `y` of a task.
const COLUMNS: usize = 32 * PANEL;

/// A thin matrix.
#[derive(Clone, Copy, Debug)]
pub enum Factor<'a> {
    /// Of floats.
    Floats(MatrixView<'a>),
    /// Of 8-bit codes: `(code - zero_point) * scale`.
    Codes {
        /// The codes.
        codes: CodesView<'a>,
        /// A scale per row.
        scale: &'a [f32],
        /// A zero point per row, or none: 0.
        zero_point: &'a [u8],
    },
}

impl<'a> Factor<'a> {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Floats(values) => values.rows(),
            Self::Codes { codes, .. } => codes.rows(),
        }
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        match self {
            Self::Floats(values) => values.cols(),
            Self::Codes { codes, .. } => codes.cols(),
        }
    }

    /// The same elements as one row, if rows follow each other without a gap.
    fn flattened(self) -> Self {
        match self {
            Self::Floats(values) => Self::Floats(values.flattened()),
            Self::Codes { codes, scale, zero_point } => {
                Self::Codes { codes: codes.flattened(), scale, zero_point }
            }
        }
    }

    /// Whether elements are floats of 16 bits.
    fn is_narrow(self) -> bool {
        matches!(self, Self::Floats(values) if values.dtype() != Dtype::F32)
    }

    /// Whether rows follow each other without a gap.
    fn is_dense(self) -> bool {
        self.flattened().rows() == 1
    }

    /// The memory of a part of a row, if there is one.
    fn bytes(self, row: usize, cols: Range<usize>) -> &'a [u8] {
        match self {
            Self::Floats(values) => values.run(row, cols).bytes(),
            Self::Codes { codes, .. } => codes.run(row, cols).bytes(),
        }
    }

    /// Such rows; as many elements, and as many rows, as the buffers hold.
    fn dense<'b>(
        self,
        k: &Kernels,
        rows: Range<usize>,
        (buffer, zero_points): (&'b mut [f32], &'b mut [i32]),
    ) -> Dense<'b>
    where
        'a: 'b,
    {
        let elements = rows.start * self.cols()..rows.end * self.cols();
        match self.flattened() {
            Self::Floats(values) => Dense::Floats(widened(k, values.run(0, elements), buffer)),
            Self::Codes { codes, scale, zero_point } => {
                let from = zero_point.get(rows.clone()).unwrap_or_default();
                let to = zero_points.get_mut(..from.len()).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(to, from)| *to = i32::from(*from));
                let scale = scale.get(rows).unwrap_or_default();
                Dense::Codes { codes: codes.run(0, elements), scale, zero_point: to }
            }
        }
    }

    /// Has such rows brought near, if there are some. For f32 and codes the kernel does it.
    fn request(self, k: &Kernels, rows: Range<usize>) {
        if self.is_narrow()
            && let Self::Floats(values) = self.flattened()
        {
            let elements = rows.start * self.cols()..rows.end * self.cols();
            k.request(values.run(0, elements).bytes());
        }
    }

    /// Has the starts of the parts of the first rows brought near: for those after them the kernels do it. Not of
    /// f32, which leave the CPU time enough to foresee what is read.
    fn request_first_rows(self, k: &Kernels, cols: Range<usize>) {
        const ENOUGH: usize = 1024;
        if !matches!(self, Self::Floats(values) if values.dtype() == Dtype::F32) {
            for row in 0..TOGETHER {
                let bytes = self.bytes(row, cols.clone());
                k.request(bytes.get(..ENOUGH).unwrap_or(bytes));
            }
        }
    }

    /// The scale of a row: 1 where there are none.
    fn scale(self, row: usize) -> f32 {
        match self {
            Self::Floats(_) => 1.0,
            Self::Codes { scale, .. } => scale.get(row).copied().unwrap_or_default(),
        }
    }

    fn zero_point(self, row: usize) -> u8 {
        match self {
            Self::Floats(_) => 0,
            Self::Codes { zero_point, .. } => zero_point.get(row).copied().unwrap_or_default(),
        }
    }

    /// The inner products of parts of at most four rows with `x`, but for the scales of the rows. Those of rows
    /// that are not in the range are anything.
    fn dot_rows(
        self,
        k: &Kernels,
        rows: Range<usize>,
        cols: Range<usize>,
        x: &[f32],
    ) -> [f32; TOGETHER] {
        let rows = together(&rows);
        match self {
            Self::Floats(values) => match rows.map(|row| values.run(row, cols.clone())) {
                [Run::F32(a), Run::F32(b), Run::F32(c), Run::F32(d)] => k.dot_rows([a, b, c, d], x),
                [Run::F16(a), Run::F16(b), Run::F16(c), Run::F16(d)] => {
                    k.dot_rows_f16([a, b, c, d], x)
                }
                [Run::Bf16(a), Run::Bf16(b), Run::Bf16(c), Run::Bf16(d)] => {
                    k.dot_rows_bf16([a, b, c, d], x)
                }
                _ => [0.0; TOGETHER],
            },
            Self::Codes { codes, .. } => {
                let zero_points = rows.map(|row| self.zero_point(row));
                match rows.map(|row| codes.run(row, cols.clone())) {
                    [CodeRun::U8(a), CodeRun::U8(b), CodeRun::U8(c), CodeRun::U8(d)] => {
                        k.dot_rows_u8([a, b, c, d], zero_points, x)
                    }
                    [CodeRun::I8(a), CodeRun::I8(b), CodeRun::I8(c), CodeRun::I8(d)] => {
                        k.dot_rows_i8([a, b, c, d], zero_points, x)
                    }
                    _ => [0.0; TOGETHER],
                }
            }
        }
    }

    /// Adds multiples of parts of at most four rows to `acc`, but for the scales of the rows.
    fn add_scaled_rows(
        self,
        k: &Kernels,
        range: Range<usize>,
        cols: Range<usize>,
        factor: &[f32],
        acc: &mut [f32],
    ) {
        let rows = together(&range);
        match self {
            Self::Floats(values) => match rows.map(|row| values.run(row, cols.clone())) {
                [Run::F32(a), Run::F32(b), Run::F32(c), Run::F32(d)] => {
                    k.add_scaled_rows(factor, first(&[a, b, c, d], range.len()), acc);
                }
                [Run::F16(a), Run::F16(b), Run::F16(c), Run::F16(d)] => {
                    k.add_scaled_rows_f16(factor, first(&[a, b, c, d], range.len()), acc);
                }
                [Run::Bf16(a), Run::Bf16(b), Run::Bf16(c), Run::Bf16(d)] => {
                    k.add_scaled_rows_bf16(factor, first(&[a, b, c, d], range.len()), acc);
                }
                _ => {}
            },
            Self::Codes { codes, .. } => {
                let zero_points = rows.map(|row| self.zero_point(row));
                let zero_points = first(&zero_points, range.len());
                match rows.map(|row| codes.run(row, cols.clone())) {
                    [CodeRun::U8(a), CodeRun::U8(b), CodeRun::U8(c), CodeRun::U8(d)] => {
                        let rows = [a, b, c, d];
                        let rows = first(&rows, range.len());
                        k.add_scaled_rows_u8(factor, rows, zero_points, acc);
                    }
                    [CodeRun::I8(a), CodeRun::I8(b), CodeRun::I8(c), CodeRun::I8(d)] => {
                        let rows = [a, b, c, d];
                        let rows = first(&rows, range.len());
                        k.add_scaled_rows_i8(factor, rows, zero_points, acc);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Elements of a row, no more than the buffer holds; codes times `scale`.
    #[inline]
    fn run<'b>(
        self,
        k: &Kernels,
        row: usize,
        cols: Range<usize>,
        scale: f32,
        buffer: &'b mut [f32],
    ) -> &'b [f32]
    where
        'a: 'b,
    {
        match self {
            Self::Floats(values) => widened(k, values.run(row, cols), buffer),
            Self::Codes { codes, .. } => {
                let to = buffer.get_mut(..cols.len()).unwrap_or_default();
                let from = Affine {
                    group: WHOLE,
                    scale: &[scale],
                    reciprocal: &[],
                    zero_point: &[],
                    zero_point_all: self.zero_point(row).into(),
                    rounding: Rounding::AfterRounding,
                    min: 0,
                    max: 0,
                    bounded: false,
                };
                match codes.run(row, cols) {
                    CodeRun::U8(codes) => k.dequantize_u8(codes, &from, to),
                    CodeRun::I8(codes) => k.dequantize_i8(codes, &from, to),
                    _ => {}
                }
                to
            }
        }
    }
}

/// Four rows of a range; the last one again where there are fewer.
fn together(rows: &Range<usize>) -> [usize; TOGETHER] {
    let last = rows.end.saturating_sub(1);
    [0, 1, 2, 3].map(|i| (rows.start + i).min(last))
}

/// At most `len` items.
fn first<T>(all: &[T], len: usize) -> &[T] {
    all.get(..len).unwrap_or(all)
}

/// Rows that follow each other without a gap.
enum Dense<'a> {
    Floats(&'a [f32]),
    Codes { codes: CodeRun<'a>, scale: &'a [f32], zero_point: &'a [i32] },
}

impl Dense<'_> {
    /// Adds what each row gives with `h` to an element of `acc`.
    fn multiply_vector(&self, k: &Kernels, h: &[f32], acc: &mut [f32]) {
        match self {
            Self::Floats(values) => k.multiply_vector(h, values, acc),
            Self::Codes { codes: CodeRun::U8(codes), scale, zero_point } => {
                k.multiply_vector_u8(h, codes, zero_point, scale, acc);
            }
            Self::Codes { codes: CodeRun::I8(codes), scale, zero_point } => {
                k.multiply_vector_i8(h, codes, zero_point, scale, acc);
            }
            Self::Codes { .. } => {}
        }
    }
}

/// A pair of thin matrices.
#[derive(Clone, Copy, Debug)]
pub struct Adapter<'a> {
    /// `A`, `[rank, in]`.
    pub a: Factor<'a>,
    /// `B`, `[out, rank]`, or its transpose.
    pub b: Factor<'a>,
    /// Whether `b` is `[rank, out]`.
    pub b_is_transposed: bool,
    /// What their product is multiplied by.
    pub scale: f32,
}

impl Adapter<'_> {
    /// The output channels of `B`.
    #[must_use]
    pub fn outputs(&self) -> usize {
        if self.b_is_transposed { self.b.cols() } else { self.b.rows() }
    }

    /// The rank of `B`.
    #[must_use]
    pub fn rank(&self) -> usize {
        if self.b_is_transposed { self.b.rows() } else { self.b.cols() }
    }
}

/// Bytes of workspace for `rows` rows of `x`, or of the weights, and adapters of at most that rank.
pub fn workspace_size(rows: usize, rank: usize) -> Result<usize> {
    needed(|scratch| scratch.array::<f32>(rows.saturating_mul(rank)))
}

/// `y += scale (x A^T) B^T`; the shapes fit.
pub fn apply(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    adapter: &Adapter<'_>,
    x: MatrixView<'_>,
    y: MatrixViewMut<'_>,
) -> Result {
    let Adapter { a, b, b_is_transposed, scale } = adapter;
    let (rows, rank, outputs) = (x.rows(), a.rows(), y.cols());
    let inner = scratch.array(rows.saturating_mul(rank))?;
    let exec = exec.silent();
    let cut = Cut::exact((rows, rank), ROWS, ROWS);
    exec.tiles(cut, MatrixViewMut::dense(inner, rank), |tile, mut to| {
        for rows in cuts(tile.rows.clone(), TOGETHER) {
            let sums = reduce(k, x, a, &Tile { rows: rows.clone(), cols: tile.cols.clone() });
            for (row, sums) in rows.zip(sums) {
                let to = to.floats_mut(row - tile.rows.start, 0..tile.cols.len());
                for ((to, sum), row) in to.iter_mut().zip(sums).zip(tile.cols.clone()) {
                    *to = sum * a.scale(row) * scale;
                }
            }
        }
    })?;
    let inner = &*inner;
    exec.tiles(Cut::exact((rows, outputs), ROWS, COLUMNS), y, |tile, mut y| {
        let are_few = tile.rows.len() <= FEW;
        if are_few && *b_is_transposed {
            stream(k, (inner, rank), tile, b, &mut y);
        } else if are_few && rank <= DEPTH && b.is_dense() {
            turn(k, (inner, rank), tile, b, &mut y);
        } else {
            expand(k, (inner, rank), tile, (b, *b_is_transposed), &mut y);
        }
    })
}

/// Inner products of a few rows of `x` with rows of `a`, which are the columns of the tile, but for the scales of
/// the rows of `a`.
fn reduce(k: &Kernels, x: MatrixView<'_>, a: &Factor<'_>, tile: &Tile) -> [[f32; ROWS]; TOGETHER] {
    let (mut left, mut right) = ([[0.0; PIECE]; TOGETHER], [0.0; PIECE]);
    let mut sums = [[0.0; ROWS]; TOGETHER];
    // Rows are read from end to end, unless that takes more room than there is.
    let span = if x.dtype() == Dtype::F32 { x.cols().max(1) } else { PIECE };
    for span in cuts(0..x.cols(), span) {
        let mut xs: [&[f32]; TOGETHER] = [&[]; TOGETHER];
        // Where there are fewer rows, the last one stands for the others, too.
        for ((row, to), left) in together(&tile.rows).into_iter().zip(&mut xs).zip(&mut left) {
            *to = widened(k, x.run(row, span.clone()), left);
        }
        if tile.rows.len() == 1 {
            let [x, ..] = xs;
            let [sums, ..] = &mut sums;
            if tile.cols.start == 0 {
                a.request_first_rows(k, span.clone());
            }
            for (i, rows) in cuts(tile.cols.clone(), TOGETHER).enumerate() {
                for piece in cuts(span.clone(), PIECE) {
                    let x = x.get(piece.start - span.start..piece.end - span.start);
                    let more = a.dot_rows(k, rows.clone(), piece, x.unwrap_or_default());
                    let to = sums.iter_mut().skip(i * TOGETHER).take(rows.len());
                    to.zip(more).for_each(|(sum, more)| *sum += more);
                }
            }
            continue;
        }
        for (j, row) in tile.cols.clone().enumerate() {
            for piece in cuts(span.clone(), PIECE) {
                let own = piece.start - span.start..piece.end - span.start;
                let row = a.run(k, row, piece, 1.0, &mut right);
                let more = k.dot_rows(xs.map(|x| x.get(own.clone()).unwrap_or_default()), row);
                let sums = sums.iter_mut().filter_map(|sums| sums.get_mut(j));
                sums.zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
    }
    sums
}

/// `W += scale B A`, where `scale` takes the place of the adapter's own; the shapes fit.
pub fn merge(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (adapter, scale): (&Adapter<'_>, f32),
    weights: MatrixViewMut<'_>,
) -> Result {
    let Adapter { a, b, .. } = adapter;
    let (rows, rank, cols) = (adapter.outputs(), adapter.rank(), weights.cols());
    let inner = scratch.array(rows.saturating_mul(rank))?;
    // Where element 0 of a row of `b` goes, and how far its next one.
    let (down, across) = if adapter.b_is_transposed { (1, rank) } else { (rank, 1) };
    let mut buffer = [0.0; PIECE];
    for row in 0..b.rows() {
        for piece in cuts(0..b.cols(), PIECE) {
            let to = inner.iter_mut().skip(row * down + piece.start * across);
            let from = b.run(k, row, piece, b.scale(row), &mut buffer);
            to.step_by(across.max(1)).zip(from).for_each(|(to, from)| *to = from * scale);
        }
    }
    let inner = &*inner;
    exec.tiles(Cut::exact((rows, cols), ROWS, COLUMNS), weights, |tile, mut weights| {
        expand(k, (inner, rank), tile, (a, true), &mut weights);
    })
}

/// A block of the right side: a part of the rank by some columns.
type Panel = [[f32; PANEL]; DEPTH];

/// Adds to a tile of `y` what the rows of `inner`, `rank` elements each, give with a factor: `[out, rank]`, or
/// its transpose. There, scales of its rows go to `inner`.
fn expand(
    k: &Kernels,
    (inner, rank): (&[f32], usize),
    tile: &Tile,
    (factor, is_transposed): (&Factor<'_>, bool),
    y: &mut MatrixViewMut<'_>,
) {
    let count = tile.rows.len();
    let (mut sums, mut panel) = ([[0.0; PANEL]; ROWS], [[0.0; PANEL]; DEPTH]);
    let mut left = [0.0; ROWS * DEPTH];
    for rows in cuts(tile.cols.clone(), PANEL) {
        let own = rows.start - tile.cols.start..rows.end - tile.cols.start;
        for (i, sums) in sums.iter_mut().take(count).enumerate() {
            let to = sums.get_mut(..own.len()).unwrap_or_default();
            widen_into(k, y.as_view().run(i, own.clone()), to);
        }
        for depth in cuts(0..rank, DEPTH) {
            let len = depth.len();
            let block = Tile { rows: rows.clone(), cols: depth.clone() };
            if is_transposed {
                pack_columns(k, factor, &block, &mut panel);
            } else {
                pack_rows(k, factor, &block, &mut panel);
            }
            for (to, row) in left.chunks_mut(len.max(1)).zip(tile.rows.clone()) {
                let start = row * rank + depth.start;
                let from = inner.get(start..start + len).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                if is_transposed {
                    scale_by_row(to, factor, depth.start);
                }
            }
            let left = left.get(..count * len).unwrap_or_default();
            let panel = panel.get(..len).unwrap_or_default().as_flattened();
            let sums = sums.get_mut(..count).unwrap_or_default();
            k.multiply_rows(left, panel, sums.as_flattened_mut());
        }
        for (i, sums) in sums.iter().take(count).enumerate() {
            narrowed(k, y.run_mut(i, own.clone()), |to| {
                to.iter_mut().zip(sums).for_each(|(to, from)| *to = *from);
            });
        }
    }
}

/// Multiplies by the scales of consecutive rows.
fn scale_by_row(values: &mut [f32], factor: &Factor<'_>, first: usize) {
    for (i, value) in values.iter_mut().enumerate() {
        *value *= factor.scale(first + i);
    }
}

/// As `expand`, for few rows of `y`, of a transposed `b`.
fn stream(
    k: &Kernels,
    (inner, rank): (&[f32], usize),
    tile: &Tile,
    b: &Factor<'_>,
    y: &mut MatrixViewMut<'_>,
) {
    let step = if y.dtype() == Dtype::F32 { COLUMNS } else { STAGE };
    for cols in cuts(tile.cols.clone(), step) {
        let own = cols.start - tile.cols.start..cols.end - tile.cols.start;
        for (i, row) in tile.rows.clone().enumerate() {
            let h = inner.get(row * rank..(row + 1) * rank).unwrap_or_default();
            b.request_first_rows(k, cols.clone());
            modified(k, y.run_mut(i, own.clone()), |y| {
                for rows in cuts(0..h.len(), TOGETHER) {
                    let mut factor = [0.0; TOGETHER];
                    let factor = factor.get_mut(..rows.len()).unwrap_or_default();
                    let h = h.get(rows.clone()).unwrap_or_default();
                    factor.iter_mut().zip(h).for_each(|(to, h)| *to = *h);
                    scale_by_row(factor, b, rows.start);
                    b.add_scaled_rows(k, rows, cols.clone(), factor, y);
                }
            });
        }
    }
}

/// As `expand`, for few rows of `y`, which read the rows of a dense `b` as they lie.
fn turn(
    k: &Kernels,
    (inner, rank): (&[f32], usize),
    tile: &Tile,
    b: &Factor<'_>,
    y: &mut MatrixViewMut<'_>,
) {
    let (mut buffer, mut zero_points) = ([0.0; PANEL * DEPTH], [0; STAGE]);
    // Only what is widened takes room.
    let room = if b.is_narrow() { PANEL * DEPTH } else { usize::MAX };
    let together = room.checked_div(rank).unwrap_or(STAGE).min(STAGE);
    for rows in cuts(tile.cols.clone(), together / PANEL * PANEL) {
        b.request(k, rows.end..(rows.end + rows.len()).min(tile.cols.end));
        let values = b.dense(k, rows.clone(), (&mut buffer, &mut zero_points));
        let own = rows.start - tile.cols.start..rows.end - tile.cols.start;
        for (i, row) in tile.rows.clone().enumerate() {
            let h = inner.get(row * rank..(row + 1) * rank).unwrap_or_default();
            modified(k, y.run_mut(i, own.clone()), |y| {
                values.multiply_vector(k, h, y);
            });
        }
    }
}

// The two that follow have large buffers and much code, so callers do not get copies of them.

/// Rows of a factor as columns; what lies beyond them is anything.
#[inline(never)]
fn pack_rows(k: &Kernels, from: &Factor<'_>, block: &Tile, panel: &mut Panel) {
    let mut buffers = [[0.0; DEPTH]; 4];
    for (i, four) in cuts(block.rows.clone(), 4).enumerate() {
        let [b0, b1, b2, b3] = &mut buffers;
        // Columns of rows that there are not are not used.
        let [r0, r1, r2, r3] = together(&four);
        let rows = [
            from.run(k, r0, block.cols.clone(), from.scale(r0), b0),
            from.run(k, r1, block.cols.clone(), from.scale(r1), b1),
            from.run(k, r2, block.cols.clone(), from.scale(r2), b2),
            from.run(k, r3, block.cols.clone(), from.scale(r3), b3),
        ];
        let to = panel.as_flattened_mut().get_mut(4 * i..).unwrap_or_default();
        k.interleave_rows(&rows, false, PANEL, to);
    }
}

/// Columns of a factor, a part of each, but for the scales of its rows; what lies beyond them is anything.
#[inline(never)]
fn pack_columns(k: &Kernels, from: &Factor<'_>, block: &Tile, panel: &mut Panel) {
    let mut buffer = [0.0; PANEL];
    for (row, to) in block.cols.clone().zip(panel) {
        let from = from.run(k, row, block.rows.clone(), 1.0, &mut buffer);
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}
