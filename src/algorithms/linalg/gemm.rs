//! Products of matrices: `C = C + A B`, its relatives, and the half of a symmetric one.
//!
//! Every element of C is one chain of fused multiply-adds in order of the depth, from its old value
//! or 0. Between two blocks of the depth it rests in C, which changes no bit; so tiles, blocks and
//! threads are free.

use crate::algorithms::linalg::gemv::gemv;
use crate::algorithms::linalg::pack::{DEPTH, Side};
use crate::algorithms::stage::cuts;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::{Cut, Exec, Tile};
use crate::scratch::{Scratch, needed};
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};
use core::ops::Range;

/// Rows of a task: with a block of the depth they fill a part of the second cache.
const TASK_ROWS: usize = 16 * TILE_ROWS;

/// Columns of a task: their panels stay in a second cache of 512 KiB.
const TASK_COLS: usize = 8 * TILE_COLS;

/// Most rows and columns whose panels lie in the workspace at the same time.
const SPAN: usize = 4096 / TASK_ROWS * TASK_ROWS;

/// A matrix or its transpose.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// The matrix.
    pub view: MatrixView<'a>,
    /// Whether its transpose is meant.
    pub transposed: bool,
}

impl<'a> Operand<'a> {
    /// A matrix itself.
    #[must_use]
    pub fn plain(view: MatrixView<'a>) -> Self {
        Self { view, transposed: false }
    }

    /// The transpose of a matrix.
    #[must_use]
    pub fn transposed(view: MatrixView<'a>) -> Self {
        Self { view, transposed: true }
    }

    /// The transpose of what is meant.
    #[must_use]
    pub fn other(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows and columns of what is meant.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        let (rows, cols) = (self.view.rows(), self.view.cols());
        if self.transposed { (cols, rows) } else { (rows, cols) }
    }
}

/// What a product does to C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Whether the chains start from the elements of C, else from 0.
    pub accumulate: bool,
    /// Whether the product is subtracted.
    pub subtract: bool,
}

impl Update {
    /// The product replaces C.
    pub const SET: Self = Self { accumulate: false, subtract: false };
    /// It is added to C.
    pub const ADD: Self = Self { accumulate: true, subtract: false };
    /// It is subtracted from C.
    pub const SUBTRACT: Self = Self { accumulate: true, subtract: true };
}

/// The elements of C that are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All.
    Whole,
    /// Those on the diagonal and below it; the others are neither read nor written.
    Lower,
}

/// The workspace: panels of both sides.
struct Panels<'a> {
    a: &'a mut [f32],
    b: &'a mut [f32],
}

impl<'a> Panels<'a> {
    fn carve(scratch: &mut Scratch<'a>, (m, n, depth): (usize, usize, usize)) -> Result<Self> {
        let depth = if is_vector(m, n) { 0 } else { depth.min(DEPTH) };
        Ok(Self {
            a: scratch.array(Side::packed::<TILE_ROWS>(m.min(SPAN), depth))?,
            b: scratch.array(Side::packed::<TILE_COLS>(n.min(SPAN), depth))?,
        })
    }
}

/// Whether C is a row or a column, which takes no panels.
fn is_vector(m: usize, n: usize) -> bool {
    m == 1 || n == 1
}

/// Cuts, or counts, the workspace for a C of `m x n` and a depth.
pub(in crate::algorithms) fn workspace(
    scratch: &mut Scratch<'_>,
    shape: (usize, usize, usize),
) -> Result {
    Panels::carve(scratch, shape).map(|_| ())
}

/// Bytes of workspace for a C of `m x n` and a depth.
pub fn workspace_size(shape: (usize, usize, usize)) -> Result<usize> {
    needed(|scratch| workspace(scratch, shape))
}

/// `C = C + A B`, or as `update` says. Shapes fit; C is f32 and shares no memory with the others.
pub fn gemm(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (update, part): (Update, Part),
    (a, b): (Operand<'_>, Operand<'_>),
    mut c: MatrixViewMut<'_>,
) -> Result {
    let ((m, depth), (_, n)) = (a.shape(), b.shape());
    if m == 0 || n == 0 {
        return Ok(());
    }
    if !update.accumulate {
        clear(exec, part, &mut c)?;
    }
    if is_vector(m, n) {
        let sides = if m == 1 { (a, b) } else { (b.other(), a.other()) };
        // Below the diagonal, a row has one element.
        let cols = if part == Part::Lower { 0..1 } else { 0..n };
        let c = c.tile_mut(&Tile { rows: 0..m, cols });
        return gemv(k, exec, update.subtract, sides, c);
    }
    let Panels { a: a_panels, b: b_panels } = Panels::carve(scratch, (m, n, depth))?;
    for cols in cuts(0..n, SPAN) {
        for p in cuts(0..depth, DEPTH) {
            let b = Side {
                view: b.view.tile(&across(b.transposed, cols.clone(), b.view)),
                lanes_are_columns: !b.transposed,
                negate: false,
            };
            b.pack::<TILE_COLS>(k, exec, p.clone(), b_panels)?;
            for rows in cuts(0..m, SPAN) {
                if part == Part::Lower && rows.end <= cols.start {
                    continue;
                }
                let a = Side {
                    view: a.view.tile(&across(!a.transposed, rows.clone(), a.view)),
                    lanes_are_columns: a.transposed,
                    negate: update.subtract,
                };
                a.pack::<TILE_ROWS>(k, exec, p.clone(), a_panels)?;
                let diagonal = match part {
                    Part::Whole => isize::MAX,
                    Part::Lower => rows.start as isize - cols.start as isize,
                };
                let c = c.tile_mut(&Tile { rows, cols: cols.clone() });
                multiply(k, exec, (a_panels, b_panels), p.len(), diagonal, c)?;
            }
        }
    }
    Ok(())
}

/// The part of an operand that has the lanes `lanes`, which are its rows or its columns.
fn across(rows: bool, lanes: Range<usize>, view: MatrixView<'_>) -> Tile {
    if rows {
        Tile { rows: lanes, cols: 0..view.cols() }
    } else {
        Tile { rows: 0..view.rows(), cols: lanes }
    }
}

/// Sets C, or its lower part, to 0.
pub(super) fn clear(exec: Exec<'_>, part: Part, c: &mut MatrixViewMut<'_>) -> Result {
    let (m, n) = (c.rows(), c.cols());
    exec.silent().tiles(Cut::exact((m, n), TASK_ROWS, n), c.whole_mut(), |tile, mut c| {
        for (i, row) in tile.rows.clone().enumerate() {
            let end = if part == Part::Lower { n.min(row + 1) } else { n };
            c.floats_mut(i, 0..end).fill(0.0);
        }
    })
}

/// `C += A B` from panels of both sides. Element (i, j) takes part if `j <= i + diagonal`.
pub(super) fn multiply(
    k: &Kernels,
    exec: Exec<'_>,
    (a, b): (&[f32], &[f32]),
    depth: usize,
    diagonal: isize,
    c: MatrixViewMut<'_>,
) -> Result {
    let shape = (c.rows(), c.cols());
    // The panels of the columns stay in the second cache from one task to the next.
    exec.tiles(Cut::exact(shape, TASK_ROWS, TASK_COLS).down_first(), c, |task, mut c| {
        // Along the rows of C: the elements of the next tile lie at other offsets within a page than
        // those that were just stored, which would hold up the loads.
        for rows in cuts(task.rows.clone(), TILE_ROWS) {
            let a = panel(a, rows.start / TILE_ROWS, TILE_ROWS * depth);
            for cols in cuts(task.cols.clone(), TILE_COLS) {
                let b = panel(b, cols.start / TILE_COLS, TILE_COLS * depth);
                let (row, col) = (rows.start - task.rows.start, cols.start - task.cols.start);
                // Columns of the first row and of the last that take part.
                let first = (rows.start as isize).saturating_add(diagonal).saturating_add(1);
                let last = (rows.end as isize).saturating_add(diagonal);
                if last <= cols.start as isize {
                    continue;
                }
                if first >= cols.end as isize
                    && let Some(mut rows) = c.block_mut::<TILE_ROWS, TILE_COLS>(row, col)
                {
                    k.multiply_tile(a, b, &mut rows, TILE_COLS);
                } else {
                    let reach = first.saturating_sub(cols.start as isize);
                    multiply_edge(
                        k,
                        (a, b),
                        (row..row + rows.len(), col, cols.len()),
                        reach,
                        &mut c,
                    );
                }
            }
        }
    })
}

fn panel(panels: &[f32], i: usize, len: usize) -> &[f32] {
    panels.get(i * len..(i + 1) * len).unwrap_or_default()
}

/// A tile that is not whole, in a copy: `reach` columns of the first row take part, one more of each
/// row below.
#[inline(never)]
fn multiply_edge(
    k: &Kernels,
    (a, b): (&[f32], &[f32]),
    (rows, col, width): (Range<usize>, usize, usize),
    reach: isize,
    c: &mut MatrixViewMut<'_>,
) {
    let mut tile = [[0.0; TILE_COLS]; TILE_ROWS];
    let width_of =
        |i: usize| usize::try_from(reach.saturating_add(i as isize)).unwrap_or(0).min(width);
    for (i, (row, tile)) in rows.clone().zip(&mut tile).enumerate() {
        let c = c.floats_mut(row, col..col + width_of(i));
        tile.iter_mut().zip(c).for_each(|(to, from)| *to = *from);
    }
    k.multiply_tile(a, b, &mut tile.each_mut(), 0);
    for (i, (row, tile)) in rows.zip(&tile).enumerate() {
        let c = c.floats_mut(row, col..col + width_of(i));
        c.iter_mut().zip(tile).for_each(|(to, from)| *to = *from);
    }
}
