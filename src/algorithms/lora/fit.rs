//! Each adapter by least squares, given the other.

use super::Sizes;
use crate::algorithms::linalg::gemm::{self, Operand, Part, Update, gemm};
use crate::algorithms::linalg::least_squares::{self, add_gram, pseudo_inverse};
use crate::algorithms::linalg::packed::{By, Packed};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::lora::LoraPlan;
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{MatrixView, MatrixViewMut};

/// The workspace.
struct Memory<'a> {
    /// `(X U)^T`, `[rank, samples]`.
    y: &'a mut [f32],
    /// As wide as the wider of the adapters, or as the samples.
    sides: &'a mut [f32],
    other: &'a mut [f32],
    /// Products of the rows of an adapter, and their pseudo-inverse as f32.
    gram: &'a mut [f64],
    inverse: &'a mut [f32],
    /// Products of the samples, and their pseudo-inverse, without regularization.
    sample_gram: &'a mut [f64],
    sample_inverse: &'a mut [f32],
    /// The samples as rows, without regularization.
    rows: &'a mut [f32],
    /// What is left of the errors.
    left: &'a mut [f32],
}

impl<'a> Memory<'a> {
    fn carve(scratch: &mut Scratch<'a>, plan: &LoraPlan, sizes: Sizes) -> Result<Self> {
        let Sizes { inputs, outputs, rank, samples } = sizes;
        let wide = rank.saturating_mul(inputs.max(outputs).max(samples));
        let square = rank.saturating_mul(rank);
        let own = if plan.regularized { 0 } else { samples };
        Ok(Self {
            y: scratch.array(rank.saturating_mul(samples))?,
            sides: scratch.array(wide)?,
            other: scratch.array(wide)?,
            gram: scratch.array(square)?,
            inverse: scratch.array(square)?,
            sample_gram: scratch.array(own.saturating_mul(own))?,
            sample_inverse: scratch.array(own.saturating_mul(own))?,
            rows: scratch.array(own.saturating_mul(inputs))?,
            left: scratch.array(samples.saturating_mul(outputs))?,
        })
    }
}

/// Cuts, or counts, the workspace for a layer.
pub(super) fn workspace(scratch: &mut Scratch<'_>, plan: &LoraPlan, sizes: Sizes) -> Result {
    let Sizes { inputs, outputs, rank, samples } = sizes;
    Memory::carve(scratch, plan, sizes)?;
    scratch.phase(|s| least_squares::workspace(s, rank))?;
    if !plan.regularized {
        scratch.phase(|s| least_squares::workspace(s, samples))?;
    }
    for depth in [inputs, outputs] {
        scratch.phase(|s| Packed::product_workspace(s, rank, depth).map(|_| ()))?;
    }
    let shapes = [
        (rank, samples, inputs),
        (rank, outputs, samples),
        (rank, samples, outputs),
        (rank, inputs, samples),
        (rank, inputs.max(outputs).max(samples), rank),
        (rank, samples, samples),
        (samples, outputs, rank),
    ];
    shapes.into_iter().try_for_each(|shape| scratch.phase(|s| gemm::workspace(s, shape)))
}

/// What the fits start from.
pub(super) struct Fit<'a> {
    pub(super) k: &'a Kernels,
    pub(super) exec: Exec<'a>,
    pub(super) plan: &'a LoraPlan,
    pub(super) sizes: Sizes,
    /// What was lost, `[out, in]`.
    pub(super) packed: Packed<'a>,
    /// The samples, `[in, samples]`.
    pub(super) x: &'a [f32],
    /// The errors of the outputs, `[samples, out]`.
    pub(super) errors: &'a [f32],
}

impl Fit<'_> {
    /// Fits both adapters as often as the plan says, and writes the noise at each step. `report` hears how many
    /// times that was done.
    pub(super) fn run(
        &self,
        scratch: &mut Scratch<'_>,
        (u, v): (&mut [f32], &mut [f32]),
        noises: &mut [f32],
        report: impl Fn(usize) -> Result,
    ) -> Result {
        let mut memory = Memory::carve(scratch, self.plan, self.sizes)?;
        let Sizes { samples, .. } = self.sizes;
        if samples == 0 {
            noises.fill(0.0);
            return Ok(());
        }
        if !self.plan.regularized {
            self.decompose_samples(scratch, &mut memory)?;
        }
        let Some(([before, decomposed], rest)) = noises.split_first_chunk_mut() else {
            return Ok(());
        };
        *before = mean_magnitude(self.errors);
        self.project_samples(scratch, u, memory.y)?;
        *decomposed = self.noise(scratch, memory.y, v, memory.left)?;
        for (i, noises) in rest.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let [of_v, of_u] = noises;
            self.fit_v(scratch, u, v, &mut memory)?;
            *of_v = self.noise(scratch, memory.y, v, memory.left)?;
            self.fit_u(scratch, u, v, &mut memory)?;
            self.project_samples(scratch, u, memory.y)?;
            *of_u = self.noise(scratch, memory.y, v, memory.left)?;
            report(i + 1)?;
        }
        Ok(())
    }

    /// `C = A B`, or `C = C - A B`, or `C = C + A B`, of dense rows.
    fn product(
        &self,
        scratch: &mut Scratch<'_>,
        update: Update,
        sides: (Operand<'_>, Operand<'_>),
        (c, cols): (&mut [f32], usize),
    ) -> Result {
        let (rows, _) = sides.0.shape();
        let c = c.get_mut(..rows * cols).unwrap_or_default();
        let to = MatrixViewMut::dense(c, cols);
        let part = (update, Part::Whole);
        scratch.phase(|s| gemm(self.k, self.exec, s, part, sides, to))
    }

    /// An adapter times what was lost, or its transpose.
    fn multiply(
        &self,
        scratch: &mut Scratch<'_>,
        from: (Operand<'_>, By),
        (c, cols): (&mut [f32], usize),
    ) -> Result {
        let c = c.get_mut(..self.sizes.rank * cols).unwrap_or_default();
        let to = MatrixViewMut::dense(c, cols);
        scratch.phase(|s| self.packed.multiply(self.k, self.exec, s, from, to))
    }

    /// `Y^T = U^T X^T`.
    fn project_samples(&self, scratch: &mut Scratch<'_>, u: &[f32], y: &mut [f32]) -> Result {
        let Sizes { inputs, samples, .. } = self.sizes;
        let sides = (dense(u, inputs), dense(self.x, samples));
        self.product(scratch, Update::SET, sides, (y, samples))
    }

    /// The mean magnitude of `errors - Y V`.
    fn noise(
        &self,
        scratch: &mut Scratch<'_>,
        y: &[f32],
        v: &[f32],
        left: &mut [f32],
    ) -> Result<f32> {
        let Sizes { outputs, samples, .. } = self.sizes;
        left.iter_mut().zip(self.errors).for_each(|(to, from)| *to = *from);
        let sides = (dense(y, samples).other(), dense(v, outputs));
        self.product(scratch, Update::SUBTRACT, sides, (left, outputs))?;
        Ok(mean_magnitude(left))
    }

    /// Adds the products of rows with each other.
    fn gram(&self, scratch: &mut Scratch<'_>, rows: (&[f32], usize), gram: &mut [f64]) -> Result {
        scratch.phase(|s| add_gram(self.k, s, rows, gram))
    }

    /// The pseudo-inverse of `memory.gram` as f32.
    fn invert(&self, scratch: &mut Scratch<'_>, memory: &mut Memory<'_>) -> Result {
        let Memory { gram, inverse, .. } = memory;
        scratch.phase(|s| pseudo_inverse(self.k, s, gram, self.sizes.rank))?;
        inverse.iter_mut().zip(&**gram).for_each(|(to, from)| *to = *from as f32);
        Ok(())
    }

    /// `V` is the least squares solution of `[U; X U] V = [R; X R]`, or of the lower half.
    fn fit_v(
        &self,
        scratch: &mut Scratch<'_>,
        u: &[f32],
        v: &mut [f32],
        memory: &mut Memory<'_>,
    ) -> Result {
        let Sizes { inputs, outputs, samples, rank } = self.sizes;
        memory.gram.fill(0.0);
        self.gram(scratch, (memory.y, samples), memory.gram)?;
        let mut update = Update::SET;
        if self.plan.regularized {
            self.gram(scratch, (u, inputs), memory.gram)?;
            let from = (dense(u, inputs), By::Transpose);
            self.multiply(scratch, from, (memory.sides, outputs))?;
            update = Update::ADD;
        }
        let sides = (dense(memory.y, samples), dense(self.errors, outputs));
        self.product(scratch, update, sides, (memory.sides, outputs))?;
        self.invert(scratch, memory)?;
        let sides = (dense(memory.inverse, rank), rows(memory.sides, (rank, outputs)));
        self.product(scratch, Update::SET, sides, (v, outputs))
    }

    /// `U` is the least squares solution of `[I; X] U = [R; X R] V^+`, which is `R V^+`, or of the lower
    /// half.
    fn fit_u(
        &self,
        scratch: &mut Scratch<'_>,
        u: &mut [f32],
        v: &[f32],
        memory: &mut Memory<'_>,
    ) -> Result {
        let Sizes { inputs, outputs, samples, rank } = self.sizes;
        memory.gram.fill(0.0);
        self.gram(scratch, (v, outputs), memory.gram)?;
        self.invert(scratch, memory)?;
        let v = dense(v, outputs);
        if self.plan.regularized {
            self.multiply(scratch, (v, By::Matrix), (memory.sides, inputs))?;
            let sides = (dense(memory.inverse, rank), rows(memory.sides, (rank, inputs)));
            return self.product(scratch, Update::SET, sides, (u, inputs));
        }
        let Memory { sides, other, inverse, sample_inverse, rows: x, .. } = memory;
        let errors = dense(self.errors, outputs).other();
        self.product(scratch, Update::SET, (v, errors), (sides, samples))?;
        let pair = (dense(inverse, rank), rows(sides, (rank, samples)));
        self.product(scratch, Update::SET, pair, (other, samples))?;
        let pair = (rows(other, (rank, samples)), dense(sample_inverse, samples));
        self.product(scratch, Update::SET, pair, (sides, samples))?;
        let pair = (rows(sides, (rank, samples)), dense(x, inputs));
        self.product(scratch, Update::SET, pair, (u, inputs))
    }

    /// `(X X^T)^+` and the samples as rows.
    fn decompose_samples(&self, scratch: &mut Scratch<'_>, memory: &mut Memory<'_>) -> Result {
        let Sizes { inputs, samples, .. } = self.sizes;
        let Memory { sample_gram, sample_inverse, rows, .. } = memory;
        for (channel, x) in self.x.chunks(samples.max(1)).enumerate() {
            let column = rows.iter_mut().skip(channel).step_by(inputs.max(1));
            column.zip(x).for_each(|(to, from)| *to = *from);
        }
        sample_gram.fill(0.0);
        self.gram(scratch, (rows, inputs), sample_gram)?;
        scratch.phase(|s| pseudo_inverse(self.k, s, sample_gram, samples))?;
        sample_inverse.iter_mut().zip(&**sample_gram).for_each(|(to, from)| *to = *from as f32);
        Ok(())
    }
}

/// Dense rows as an operand.
fn dense(values: &[f32], cols: usize) -> Operand<'_> {
    Operand::plain(MatrixView::dense(values, cols))
}

/// The first rows of memory that has room for more.
fn rows(values: &[f32], (count, cols): (usize, usize)) -> Operand<'_> {
    dense(values.get(..count * cols).unwrap_or_default(), cols)
}

fn mean_magnitude(values: &[f32]) -> f32 {
    let sum = values.iter().fold(0.0, |sum, x| sum + f64::from(x.abs()));
    (sum / values.len() as f64) as f32
}
