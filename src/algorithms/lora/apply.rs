//! Adapters at work: `y += scale (x A^T) B^T`, and `W += scale B A`.
//!
//! A row of `x A^T` is made of inner products of the kernel, in pieces that are added in order; what is
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

/// Rows of `x` that meet a row of `A` while it is at hand.
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

    /// Has such rows brought near, if there are some.
    fn request(self, k: &Kernels, rows: Range<usize>) {
        let elements = rows.start * self.cols()..rows.end * self.cols();
        k.request(self.flattened().bytes(0, elements));
    }

    /// Has the start of a part of a row brought near, if there is one: from there on the CPU foresees what is
    /// read. Not of f32, which leave it time enough.
    fn request_row(self, k: &Kernels, row: usize, cols: Range<usize>) {
        const ENOUGH: usize = 1024;
        if !matches!(self, Self::Floats(values) if values.dtype() == Dtype::F32) {
            let bytes = self.bytes(row, cols);
            k.request(bytes.get(..ENOUGH).unwrap_or(bytes));
        }
    }

    /// The scale and the zero point of a row of codes.
    fn step(self, row: usize) -> (f32, u8) {
        let Self::Codes { scale, zero_point, .. } = self else { return (1.0, 0) };
        let zero_point = zero_point.get(row).copied().unwrap_or_default();
        (scale.get(row).copied().unwrap_or_default(), zero_point)
    }

    /// The inner product of a part of a row with `x`.
    fn dot(self, k: &Kernels, row: usize, cols: Range<usize>, x: &[f32]) -> f32 {
        let (scale, zero_point) = self.step(row);
        match self {
            Self::Floats(values) => match values.run(row, cols) {
                Run::F32(row) => k.dot(row, x),
                Run::F16(row) => k.dot_f16(row, x),
                Run::Bf16(row) => k.dot_bf16(row, x),
            },
            Self::Codes { codes, .. } => match codes.run(row, cols) {
                CodeRun::U8(row) => k.dot_u8(row, zero_point, scale, x),
                CodeRun::I8(row) => k.dot_i8(row, zero_point, scale, x),
                _ => 0.0,
            },
        }
    }

    /// Adds `factor` times a part of a row to `acc`.
    fn add_scaled(self, k: &Kernels, row: usize, cols: Range<usize>, factor: f32, acc: &mut [f32]) {
        let (scale, zero_point) = self.step(row);
        match self {
            Self::Floats(values) => match values.run(row, cols) {
                Run::F32(row) => k.add_scaled(factor, row, acc),
                Run::F16(row) => k.add_scaled_f16(factor, row, acc),
                Run::Bf16(row) => k.add_scaled_bf16(factor, row, acc),
            },
            Self::Codes { codes, .. } => match codes.run(row, cols) {
                CodeRun::U8(row) => k.add_scaled_u8(factor, row, zero_point, scale, acc),
                CodeRun::I8(row) => k.add_scaled_i8(factor, row, zero_point, scale, acc),
                _ => {}
            },
        }
    }

    /// Elements of a row, no more than the buffer holds.
    #[inline]
    fn run<'b>(
        self,
        k: &Kernels,
        row: usize,
        cols: Range<usize>,
        buffer: &'b mut [f32],
    ) -> &'b [f32]
    where
        'a: 'b,
    {
        match self {
            Self::Floats(values) => widened(k, values.run(row, cols), buffer),
            Self::Codes { codes, .. } => {
                let to = buffer.get_mut(..cols.len()).unwrap_or_default();
                let (scale, zero_point) = self.step(row);
                let from = Affine {
                    group: WHOLE,
                    scale: &[scale],
                    reciprocal: &[],
                    zero_point: &[],
                    zero_point_all: zero_point.into(),
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
                to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum * scale);
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
            let pack = if *b_is_transposed { pack_columns } else { pack_rows };
            expand(k, (inner, rank), tile, (b, pack), &mut y);
        }
    })
}

/// Inner products of a few rows of `x` with rows of `a`, which are the columns of the tile.
fn reduce(k: &Kernels, x: MatrixView<'_>, a: &Factor<'_>, tile: &Tile) -> [[f32; ROWS]; TOGETHER] {
    let (mut left, mut right) = ([[0.0; PIECE]; TOGETHER], [0.0; PIECE]);
    let mut sums = [[0.0; ROWS]; TOGETHER];
    // Rows are read from end to end, unless that takes more room than there is.
    let span = if x.dtype() == Dtype::F32 { x.cols().max(1) } else { PIECE };
    for span in cuts(0..x.cols(), span) {
        let mut xs: [&[f32]; TOGETHER] = [&[]; TOGETHER];
        for ((row, to), left) in tile.rows.clone().zip(&mut xs).zip(&mut left) {
            *to = widened(k, x.run(row, span.clone()), left);
        }
        for (j, row) in tile.cols.clone().enumerate() {
            a.request_row(k, row + 1, span.clone());
            for piece in cuts(span.clone(), PIECE) {
                let own = piece.start - span.start..piece.end - span.start;
                let xs = xs.iter().map(|x| x.get(own.clone()).unwrap_or_default());
                let sums = sums.iter_mut().filter_map(|sums| sums.get_mut(j));
                let pairs = sums.zip(xs).take(tile.rows.len());
                if tile.rows.len() == 1 {
                    pairs.for_each(|(sum, x)| *sum += a.dot(k, row, piece.clone(), x));
                } else {
                    let row = a.run(k, row, piece, &mut right);
                    pairs.for_each(|(sum, x)| *sum += k.dot(row, x));
                }
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
            let from = b.run(k, row, piece, &mut buffer);
            to.step_by(across.max(1)).zip(from).for_each(|(to, from)| *to = from * scale);
        }
    }
    let inner = &*inner;
    exec.tiles(Cut::exact((rows, cols), ROWS, COLUMNS), weights, |tile, mut weights| {
        expand(k, (inner, rank), tile, (a, pack_columns), &mut weights);
    })
}

/// A block of the right side: a part of the rank by some columns.
type Panel = [[f32; PANEL]; DEPTH];

/// Writes a block of a factor to a panel: rows of the tile are columns of `y`, its columns are a part of the rank.
type Pack = fn(&Kernels, &Factor<'_>, &Tile, &mut Panel);

/// Adds to a tile of `y` what the rows of `inner`, `rank` elements each, give with the right side.
fn expand(
    k: &Kernels,
    (inner, rank): (&[f32], usize),
    tile: &Tile,
    (factor, pack): (&Factor<'_>, Pack),
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
            pack(k, factor, &Tile { rows: rows.clone(), cols: depth.clone() }, &mut panel);
            for (to, row) in left.chunks_mut(len.max(1)).zip(tile.rows.clone()) {
                let start = row * rank + depth.start;
                let from = inner.get(start..start + len).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
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
            modified(k, y.run_mut(i, own.clone()), |y| {
                for (j, h) in h.iter().enumerate() {
                    b.request_row(k, j + 1, cols.clone());
                    b.add_scaled(k, j, cols.clone(), *h, y);
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
    let together = (PANEL * DEPTH).checked_div(rank).unwrap_or(STAGE).min(STAGE);
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

/// Rows of a factor as columns; what lies beyond them is anything.
fn pack_rows(k: &Kernels, from: &Factor<'_>, block: &Tile, panel: &mut Panel) {
    let mut buffers = [[0.0; DEPTH]; 4];
    for (i, four) in cuts(block.rows.clone(), 4).enumerate() {
        let [b0, b1, b2, b3] = &mut buffers;
        // Rows that there are not repeat the last one: their columns are not used.
        let row = |i: usize| (four.start + i).min(four.end - 1);
        let rows = [
            from.run(k, row(0), block.cols.clone(), b0),
            from.run(k, row(1), block.cols.clone(), b1),
            from.run(k, row(2), block.cols.clone(), b2),
            from.run(k, row(3), block.cols.clone(), b3),
        ];
        let to = panel.as_flattened_mut().get_mut(4 * i..).unwrap_or_default();
        k.interleave_rows(&rows, false, PANEL, to);
    }
}

/// Columns of a factor, a part of each; what lies beyond them is anything.
fn pack_columns(k: &Kernels, from: &Factor<'_>, block: &Tile, panel: &mut Panel) {
    let mut buffer = [0.0; PANEL];
    for (row, to) in block.cols.clone().zip(panel) {
        let from = from.run(k, row, block.rows.clone(), &mut buffer);
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}
