//! An orthonormal basis of the rows of a matrix, by Householder reflections: `A = L Q`, `L` lower
//! triangular. Rows are contiguous, so a factor of a tall thin matrix is that of its transpose.
//!
//! A panel of rows is reflected one after the other; what lies below is updated by products, with
//! the panel's reflections as `I - V^T T V` (LAPACK's compact WY form).

use crate::algorithms::linalg::gemm::{self, Operand, Part, Update, gemm};
use crate::algorithms::linalg::{part, part_mut, split_mut};
use crate::algorithms::stage::cuts;
use crate::kernels::Kernels;
use crate::parallel::{Exec, Tile};
use crate::scratch::{Scratch, needed};
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// Rows of a panel.
const PANEL: usize = 32;

struct Memory<'a> {
    /// The reflections, one per row: 0 before the diagonal, 1 on it.
    v: &'a mut [f32],
    /// The triangle `T` of each panel.
    t: &'a mut [f32],
    /// `C V^T` and `C V^T T` of the rows `C` that are updated.
    weights: &'a mut [f32],
    turned: &'a mut [f32],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, (count, n): (usize, usize)) -> Result<Self> {
        let small = count.next_multiple_of(PANEL).saturating_mul(PANEL);
        Ok(Self {
            v: scratch.array(count.saturating_mul(n))?,
            t: scratch.array(small)?,
            weights: scratch.array(small)?,
            turned: scratch.array(small)?,
        })
    }
}

/// Cuts, or counts, the workspace for `count` rows of `n` elements.
pub(in crate::algorithms) fn workspace(
    scratch: &mut Scratch<'_>,
    (count, n): (usize, usize),
) -> Result {
    Memory::carve(scratch, (count, n))?;
    scratch.phase(|scratch| gemm::workspace(scratch, (count, PANEL, n)))?;
    scratch.phase(|scratch| gemm::workspace(scratch, (count, n, PANEL)))
}

/// Bytes of workspace for `count` rows of `n` elements.
pub fn workspace_size((count, n): (usize, usize)) -> Result<usize> {
    needed(|scratch| workspace(scratch, (count, n)))
}

/// Replaces the rows of `a`, `n` elements each and no more than `n` of them, by the orthonormal rows
/// `Q`, and writes `L`, as wide as there are rows. Rows that depend on those before them give some
/// direction that is orthogonal to all others, and a 0 on the diagonal of `L`, but for rounding. No
/// square of an element overflows.
pub fn lq(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (a, n): (&mut [f32], usize),
    l: &mut [f32],
) -> Result {
    let count = a.len().checked_div(n).unwrap_or(0);
    let Memory { v, t, weights, turned } = Memory::carve(scratch, (count, n))?;
    v.fill(0.0);
    t.fill(0.0);
    for panel in cuts(0..count, PANEL) {
        let rest = part_mut(a, panel.start * n..count * n);
        let (now, below) = split_mut(rest, panel.len() * n);
        let v = part_mut(v, panel.start * n..panel.end * n);
        let t = part_mut(t, panel.start * PANEL..(panel.start + PANEL) * PANEL);
        reflect(k, (now, n), panel.start, (v, t));
        let panel = Panel { v, t, n, start: panel.start, is_back: false };
        panel.apply(k, exec, scratch, below, (weights, turned))?;
    }
    for (i, (row, l)) in a.chunks_mut(n.max(1)).zip(l.chunks_mut(count.max(1))).enumerate() {
        l.fill(0.0);
        l.iter_mut().zip(&*row).take(i + 1).for_each(|(to, from)| *to = *from);
        row.fill(0.0);
        row.iter_mut().skip(i).take(1).for_each(|x| *x = 1.0);
    }
    let panels = count.div_ceil(PANEL);
    for start in (0..panels).rev().map(|i| i * PANEL) {
        let end = count.min(start + PANEL);
        let v = part(v, start * n..end * n);
        let t = part(t, start * PANEL..(start + PANEL) * PANEL);
        let panel = Panel { v, t, n, start, is_back: true };
        panel.apply(k, exec, scratch, part_mut(a, start * n..count * n), (weights, turned))?;
    }
    Ok(())
}

/// Reflects the rows of a panel, whose diagonal begins at the column `start`.
fn reflect(
    k: &Kernels,
    (rows, n): (&mut [f32], usize),
    start: usize,
    (v, t): (&mut [f32], &mut [f32]),
) {
    let count = rows.len().checked_div(n).unwrap_or(0);
    for j in 0..count {
        let at = start + j;
        let (row, below) = split_mut(part_mut(rows, j * n..count * n), n);
        let (done, rest) = split_mut(v, j * n);
        let (x, v) = (part_mut(row, at..n), part_mut(rest, at..n));
        let norm = libm::sqrtf(k.dot(x, x));
        let head = x.first().copied().unwrap_or_default();
        let mut tau = 0.0;
        if norm > 0.0 {
            let diagonal = if head > 0.0 { -norm } else { norm };
            let scale = 1.0 / (head - diagonal);
            v.iter_mut().zip(&mut *x).for_each(|(v, x)| *v = core::mem::take(x) * scale);
            x.iter_mut().take(1).for_each(|x| *x = diagonal);
            tau = (diagonal - head) / diagonal;
        }
        v.iter_mut().take(1).for_each(|v| *v = 1.0);
        for row in below.chunks_mut(n.max(1)) {
            let x = part_mut(row, at..n);
            let factor = -tau * k.dot(v, x);
            k.add_scaled(factor, v, x);
        }
        let mut column = [0.0; PANEL];
        for (to, earlier) in column.iter_mut().zip(done.chunks(n.max(1))) {
            *to = k.dot(part(earlier, at..n), v);
        }
        for (i, t) in t.chunks_mut(PANEL).enumerate().take(j + 1) {
            let products = t.iter().zip(&column).take(j).skip(i);
            let sum = products.fold(0.0, |sum: f32, (t, x)| sum + t * x);
            let value = if i == j { tau } else { -tau * sum };
            t.iter_mut().skip(j).take(1).for_each(|t| *t = value);
        }
    }
}

/// The reflections of a panel.
struct Panel<'a> {
    v: &'a [f32],
    t: &'a [f32],
    n: usize,
    /// Column at which they begin.
    start: usize,
    /// Whether they are applied in the other order.
    is_back: bool,
}

impl Panel<'_> {
    /// `C = C - C V^T T V`, or with the transpose of `T`.
    fn apply(
        &self,
        k: &Kernels,
        exec: Exec<'_>,
        scratch: &mut Scratch<'_>,
        c: &mut [f32],
        (weights, turned): (&mut [f32], &mut [f32]),
    ) -> Result {
        let n = self.n;
        let (count, width) = (c.len() / n.max(1), self.v.len() / n.max(1));
        let columns = |rows| Tile { rows: 0..rows, cols: self.start..n };
        let small = |rows| Tile { rows: 0..rows, cols: 0..width };
        let v = MatrixView::dense(self.v, n).tile(&columns(width));
        let t = MatrixView::dense(self.t, PANEL).tile(&small(width));
        let mut weights = MatrixViewMut::dense(weights, PANEL);
        let mut weights = weights.tile_mut(&small(count));
        let mut turned = MatrixViewMut::dense(turned, PANEL);
        let mut turned = turned.tile_mut(&small(count));
        let mut c = MatrixViewMut::dense(c, n);
        let mut c = c.tile_mut(&columns(count));
        let set = (Update::SET, Part::Whole);
        let (rows, directions) = (Operand::plain(c.as_view()), Operand::transposed(v));
        scratch.phase(|s| gemm(k, exec, s, set, (rows, directions), weights.whole_mut()))?;
        let t = Operand { view: t, transposed: self.is_back };
        let rows = Operand::plain(weights.as_view());
        scratch.phase(|s| gemm(k, exec, s, set, (rows, t), turned.whole_mut()))?;
        let subtract = (Update::SUBTRACT, Part::Whole);
        let sides = (Operand::plain(turned.as_view()), Operand::plain(v));
        scratch.phase(|s| gemm(k, exec, s, subtract, sides, c.whole_mut()))
    }
}
