//! The largest singular values of a matrix and their vectors.
//!
//! Block Krylov iterations from a random block (arXiv 1504.05477): each step multiplies by the
//! matrix and its transpose and makes what comes out orthonormal to all before it; after some steps
//! the best vectors within the basis start the next round. Small matrices are decomposed as a whole.

use crate::algorithms::exponent::power_of_two;
use crate::algorithms::finite::run_abs_max;
use crate::algorithms::linalg::gemm::{self, Operand, Part, Update, gemm};
use crate::algorithms::linalg::lq::{self, lq};
use crate::algorithms::linalg::packed::{By, Packed};
use crate::algorithms::linalg::svd::{self, Factors, scale_exponent, svd};
use crate::algorithms::linalg::{part, part_mut, split_mut};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::scratch::{Scratch, needed};
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut, Run};

/// Matrices with no more rows, or no more columns, are decomposed as a whole.
const WHOLE: usize = 128;

/// Most rows of a basis of several steps: its decomposition takes the cube of it.
const BASIS: usize = 96;

/// Most steps of a round.
const STEPS: usize = 4;

/// Random numbers that are made at a time.
const PIECE: usize = 64;

/// How the iterations go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iterations {
    /// Vectors of a block beyond those that are asked for.
    pub oversampling: usize,
    /// Most steps, each of which multiplies by the matrix and by its transpose; at least one.
    pub steps: usize,
    /// The share of the captured squares below which the gain of a round ends the iterations.
    pub tolerance: f64,
    /// Key of the random block.
    pub seed: u64,
}

/// A matrix, each column times a factor.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The matrix.
    pub packed: Packed<'a>,
    /// One factor per column, or none: 1.
    pub factors: &'a [f32],
}

/// The sizes that follow from the shape.
#[derive(Clone, Copy)]
struct Plan {
    m: usize,
    n: usize,
    rank: usize,
    /// Rows of a block.
    block: usize,
    /// Blocks of a round; none if the matrix is decomposed as a whole.
    steps: usize,
}

impl Plan {
    fn new((m, n): (usize, usize), rank: usize, oversampling: usize) -> Self {
        let side = m.min(n);
        let block = rank.saturating_add(oversampling).min(side);
        let steps = if side <= WHOLE.max(block.saturating_mul(2)) {
            0
        } else {
            BASIS.checked_div(block).unwrap_or(0).clamp(1, STEPS)
        };
        Self { m, n, rank, block, steps }
    }

    /// Rows of the basis.
    fn basis(&self) -> usize {
        if self.steps == 0 { self.m.min(self.n) } else { self.block * self.steps }
    }
}

struct Memory<'a> {
    /// The basis: rows of `n` elements. Not used if the matrix is decomposed as a whole.
    basis: &'a mut [f32],
    /// The basis times the matrix: rows of `m` elements, or the matrix itself.
    image: &'a mut [f32],
    /// Both sides of the decomposition of the image.
    sigma: &'a mut [f32],
    left: &'a mut [f32],
    right: &'a mut [f32],
    /// The block of a step: rows of `m` elements.
    block: &'a mut [f32],
    /// Coefficients of a block.
    l: &'a mut [f32],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, plan: &Plan) -> Result<Self> {
        let Plan { m, n, block, steps, .. } = *plan;
        let basis = plan.basis();
        let long = if steps == 0 { m.max(n) } else { m };
        let (basis_rows, block_rows) = if steps == 0 { (0, 0) } else { (basis, block) };
        Ok(Self {
            basis: scratch.array(basis_rows.saturating_mul(n))?,
            image: scratch.array(basis.saturating_mul(long))?,
            sigma: scratch.array(basis)?,
            left: scratch.array(basis.saturating_mul(basis))?,
            right: scratch.array(basis.saturating_mul(long))?,
            block: scratch.array(block_rows.saturating_mul(m.max(n)))?,
            l: scratch.array(block_rows.saturating_mul(basis))?,
        })
    }
}

/// Cuts, or counts, the workspace for a matrix of that shape.
pub(in crate::algorithms) fn workspace(
    scratch: &mut Scratch<'_>,
    (m, n): (usize, usize),
    rank: usize,
    oversampling: usize,
) -> Result {
    let plan = Plan::new((m, n), rank, oversampling);
    Memory::carve(scratch, &plan)?;
    let (basis, block) = (plan.basis(), plan.block);
    if plan.steps == 0 {
        return scratch.phase(|s| svd::workspace(s, (basis, m.max(n))));
    }
    scratch.phase(|s| svd::workspace(s, (basis, m)))?;
    scratch.phase(|s| lq::workspace(s, (block, m.max(n))))?;
    for depth in [m, n] {
        scratch.phase(|s| Packed::product_workspace(s, block, depth).map(|_| ()))?;
    }
    for shape in [(block, basis, n), (block, n, basis)] {
        scratch.phase(|s| gemm::workspace(s, shape))?;
    }
    scratch.phase(|s| gemm::workspace(s, (rank, n, basis)))
}

/// Bytes of workspace for a matrix of that shape, its panels included.
pub fn workspace_size(shape: (usize, usize), rank: usize, oversampling: usize) -> Result<usize> {
    needed(|scratch| {
        Packed::workspace(scratch, shape)?;
        workspace(scratch, shape, rank, oversampling)
    })
}

/// The `rank` largest singular values of an `m x n` matrix, which has no fewer rows and columns, with
/// the left vectors as rows of `m` and the right vectors as rows of `n` elements.
pub fn truncated_svd(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (source, iterations): (Source<'_>, Iterations),
    to: Factors<'_>,
) -> Result {
    let (m, n) = source.packed.matrix.shape();
    let plan = Plan::new((m, n), to.sigma.len(), iterations.oversampling);
    let Memory { basis, image, sigma, left, right, block, l } = Memory::carve(scratch, &plan)?;
    let decomposed = Factors { sigma: &mut *sigma, left: &mut *left, right: &mut *right };
    if plan.steps == 0 {
        copy(source, image);
        scratch.phase(|s| svd(k, exec, s, (image, m.max(n)), decomposed))?;
        let (over_m, over_n) = if m <= n { (left, right) } else { (right, left) };
        fill(to.left, over_m);
        fill(to.right, over_n);
        fill(to.sigma, sigma);
        return Ok(());
    }
    let exponent = scale_exponent(largest(k, source.packed.matrix.view));
    let walk = Walk { k, exec, source, plan, scale: power_of_two(-exponent) };
    random(k, iterations.seed, block);
    let mut rows = 0;
    let (mut last, mut left_over) = (0.0, iterations.steps.max(1));
    while left_over > 0 {
        let steps = plan.steps.min(left_over);
        left_over -= steps;
        for done in 0..steps {
            scratch.phase(|s| lq(k, exec, s, (part_mut(block, 0..plan.block * m), m), l))?;
            walk.step(scratch, (basis, image), (block, l), done)?;
        }
        // A last round may be shorter.
        rows = plan.block * steps;
        let image = part_mut(image, 0..rows * m);
        let captured = squares(k, image, m);
        if captured - last <= iterations.tolerance * captured {
            left_over = 0;
        }
        last = captured;
        if left_over == 0 || plan.steps > 1 {
            let (left, right) = (part_mut(left, 0..rows * rows), part_mut(right, 0..rows * m));
            let to = Factors { sigma: part_mut(sigma, 0..rows), left, right: &mut *right };
            scratch.phase(|s| svd(k, exec, s, (image, m), to))?;
            fill(part_mut(block, 0..plan.block * m), right);
        }
    }
    let back = power_of_two(exponent);
    to.sigma.iter_mut().zip(&*sigma).for_each(|(to, sigma)| *to = sigma * back);
    fill(to.left, right);
    let left = MatrixView::dense(part(left, 0..plan.rank * rows), rows);
    let sides = (left, MatrixView::dense(part(basis, 0..rows * n), n));
    let sides = (Operand::plain(sides.0), Operand::plain(sides.1));
    let set = (Update::SET, Part::Whole);
    scratch.phase(|s| gemm(k, exec, s, set, sides, MatrixViewMut::dense(to.right, n)))
}

/// What all steps share.
struct Walk<'a> {
    k: &'a Kernels,
    exec: Exec<'a>,
    source: Source<'a>,
    plan: Plan,
    /// Brings the elements of the matrix to about 1, so that no square overflows or vanishes.
    scale: f32,
}

impl Walk<'_> {
    /// From a block of rows of `m` elements to the rows `done..` of the basis and of its image, a
    /// copy of which is the next block.
    fn step(
        &self,
        scratch: &mut Scratch<'_>,
        (basis, image): (&mut [f32], &mut [f32]),
        (block, l): (&mut [f32], &mut [f32]),
        done: usize,
    ) -> Result {
        let Self { k, exec, plan: Plan { m, n, block: count, .. }, .. } = *self;
        let (before, rest) = split_mut(basis, done * count * n);
        let rows = part_mut(rest, 0..count * n);
        let from = Operand::plain(MatrixView::dense(part(block, 0..count * m), m));
        self.multiply(scratch, (from, By::Matrix), (rows, n))?;
        self.scale(rows);
        // Rows that nearly depend on those before lose their direction in the first pass.
        let passes = if done == 0 { 1 } else { 2 };
        for _ in 0..passes {
            self.project(scratch, before, rows, l)?;
            scratch.phase(|s| lq(k, exec, s, (rows, n), l))?;
        }
        let scaled = part_mut(block, 0..count * n);
        fill(scaled, rows);
        self.scale(scaled);
        let image = part_mut(image, done * count * m..(done + 1) * count * m);
        let from = Operand::plain(MatrixView::dense(scaled, n));
        self.multiply(scratch, (from, By::Transpose), (image, m))?;
        fill(block, image);
        Ok(())
    }

    /// The block times the matrix or its transpose, of about the size of 1.
    fn multiply(
        &self,
        scratch: &mut Scratch<'_>,
        from: (Operand<'_>, By),
        (to, cols): (&mut [f32], usize),
    ) -> Result {
        let Self { k, exec, source: Source { packed, .. }, scale, .. } = self;
        let c = MatrixViewMut::dense(to, cols);
        scratch.phase(|s| packed.multiply(k, *exec, s, from, c))?;
        to.iter_mut().for_each(|x| *x *= scale);
        Ok(())
    }

    /// Each column times its factor.
    fn scale(&self, rows: &mut [f32]) {
        if !self.source.factors.is_empty() {
            for row in rows.chunks_mut(self.plan.n.max(1)) {
                self.k.multiply_columns(row, self.source.factors);
            }
        }
    }

    /// Takes from rows what lies in the span of those before.
    fn project(
        &self,
        scratch: &mut Scratch<'_>,
        before: &[f32],
        rows: &mut [f32],
        l: &mut [f32],
    ) -> Result {
        let Self { k, exec, plan: Plan { n, .. }, .. } = *self;
        let count = before.len().checked_div(n).unwrap_or(0);
        if count == 0 {
            return Ok(());
        }
        let before = MatrixView::dense(before, n);
        let mut rows = MatrixViewMut::dense(rows, n);
        let l = part_mut(l, 0..rows.rows() * count);
        let mut products = MatrixViewMut::dense(l, count);
        let set = (Update::SET, Part::Whole);
        let sides = (Operand::plain(rows.as_view()), Operand::transposed(before));
        scratch.phase(|s| gemm(k, exec, s, set, sides, products.whole_mut()))?;
        let subtract = (Update::SUBTRACT, Part::Whole);
        let sides = (Operand::plain(products.as_view()), Operand::plain(before));
        scratch.phase(|s| gemm(k, exec, s, subtract, sides, rows.whole_mut()))
    }
}

/// The matrix with its factors, or its transpose, so that rows are no shorter than there are many.
fn copy(source: Source<'_>, to: &mut [f32]) {
    let (m, n) = source.packed.matrix.shape();
    let Operand { view, transposed } = source.packed.matrix;
    let (down, across) = if m <= n { (n, 1) } else { (1, m) };
    for row in 0..view.rows() {
        let Run::F32(x) = view.row(row) else { return };
        let (start, step) = if transposed { (row * across, down) } else { (row * down, across) };
        for (i, (to, x)) in to.iter_mut().skip(start).step_by(step.max(1)).zip(x).enumerate() {
            let column = if transposed { row } else { i };
            *to = source.factors.get(column).map_or(*x, |factor| x * factor);
        }
    }
}

/// The largest magnitude of the elements.
fn largest(k: &Kernels, view: MatrixView<'_>) -> f32 {
    (0..view.rows()).fold(0.0, |most: f32, row| most.max(run_abs_max(k, view.row(row))))
}

/// Copies what fits.
fn fill(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Uniform numbers from -1 to 1.
fn random(k: &Kernels, seed: u64, to: &mut [f32]) {
    let mut words = [0; PIECE];
    for (i, to) in to.chunks_mut(PIECE).enumerate() {
        k.noise(seed, (i * PIECE) as u64, &mut words);
        for (to, word) in to.iter_mut().zip(words) {
            *to = (word as i32) as f32 * (1.0 / 2_147_483_648.0);
        }
    }
}

/// The sum of the squares of all elements.
fn squares(k: &Kernels, rows: &[f32], n: usize) -> f64 {
    rows.chunks(n.max(1)).fold(0.0, |sum, row| sum + f64::from(k.sum_squares(row, 0.0)))
}
