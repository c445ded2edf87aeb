//! Weights by output channel, however they lie in memory, in pieces that fit into L1.

use crate::algorithms::finite::first_not_finite;
use crate::algorithms::stage::{cuts, group_runs, widen_into, widened};
use crate::kernels::Kernels;
use crate::parallel::PARTS;
use crate::params::codebook::CodebookRules;
use crate::status::{Error, Result};
use crate::views::MatrixView;
use core::num::NonZeroUsize;
use core::ops::Range;

/// Output channels that are taken together.
pub(super) const ROWS: usize = 8;

/// Elements of a channel that are taken together.
pub(super) const PIECE: usize = 256;

/// Elements of a block: `ROWS` channels, a piece of each.
pub(super) const BLOCK: usize = ROWS * PIECE;

/// Shape of a weight.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Output channels.
    pub channels: usize,
    /// Input channels.
    pub inputs: usize,
    /// Columns of the activations, if there are any.
    pub samples: Option<usize>,
}

impl Shape {
    /// The shape of weights of `rows x cols`.
    #[must_use]
    pub fn new(
        rules: &CodebookRules,
        (rows, cols): (usize, usize),
        samples: Option<usize>,
    ) -> Self {
        let (channels, inputs) = if rules.by_column { (cols, rows) } else { (rows, cols) };
        Self { channels, inputs, samples }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.channels == 0 || self.inputs == 0
    }

    /// Elements of a group.
    pub(super) fn group(&self, rules: &CodebookRules) -> Result<NonZeroUsize> {
        let group = rules.group.or(NonZeroUsize::new(self.inputs)).unwrap_or(NonZeroUsize::MIN);
        if self.inputs % group == 0 {
            return Ok(group);
        }
        let rule = if rules.by_column { c"must divide rows" } else { c"must divide cols" };
        Err(Error::field(c"params", c"group_size", rule, group.get() as f64))
    }
}

/// How channels are cut into parts, each for one task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    channels: usize,
    /// Channels of a part.
    pub(super) size: usize,
}

impl Parts {
    /// At most `most` parts of whole blocks.
    pub(super) fn new(shape: &Shape, most: usize) -> Self {
        let blocks = shape.channels.div_ceil(ROWS);
        let size = blocks.div_ceil(most.clamp(1, PARTS)).max(1).saturating_mul(ROWS);
        Self { channels: shape.channels, size }
    }

    pub(super) fn count(&self) -> usize {
        self.channels.div_ceil(self.size.max(1))
    }

    /// The blocks of a part.
    pub(super) fn blocks(&self, part: usize) -> impl Iterator<Item = Range<usize>> {
        let start = part.saturating_mul(self.size).min(self.channels);
        cuts(start..self.channels.min(start.saturating_add(self.size)), ROWS)
    }
}

/// Weights, and how their groups lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channels<'a> {
    pub(super) weights: MatrixView<'a>,
    pub(super) by_column: bool,
    pub(super) group: NonZeroUsize,
    pub(super) shape: Shape,
}

/// The part of a block in one group, or in several whole ones.
pub(super) struct Piece<'x> {
    /// Channel within the block.
    pub(super) row: usize,
    /// Index of the first group in the whole matrix.
    pub(super) group: usize,
    /// Input channels.
    pub(super) inputs: Range<usize>,
    /// The same within the block's piece.
    pub(super) inside: Range<usize>,
    /// The weights.
    pub(super) x: &'x [f32],
}

impl Channels<'_> {
    /// Groups of a channel.
    pub(super) fn groups(&self) -> usize {
        self.shape.inputs / self.group
    }

    /// Copies a block: the input channels `inputs` of every channel, one channel after the other.
    pub(super) fn load<'x>(
        &self,
        k: &Kernels,
        channels: &Range<usize>,
        inputs: &Range<usize>,
        to: &'x mut [f32],
    ) -> &'x [f32] {
        let width = inputs.len().max(1);
        let to = to.get_mut(..channels.len() * width).unwrap_or_default();
        if self.by_column {
            let mut buffer = [0.0; ROWS];
            for (at, input) in inputs.clone().enumerate() {
                let run = widened(k, self.weights.run(input, channels.clone()), &mut buffer);
                let column = to.iter_mut().skip(at).step_by(width);
                column.zip(run).for_each(|(to, x)| *to = *x);
            }
        } else {
            for (to, channel) in to.chunks_mut(width).zip(channels.clone()) {
                widen_into(k, self.weights.run(channel, inputs.clone()), to);
            }
        }
        to
    }

    /// Calls `f` with the pieces of a block that `load` gave.
    pub(super) fn pieces(
        &self,
        channels: &Range<usize>,
        inputs: &Range<usize>,
        block: &[f32],
        mut f: impl FnMut(Piece<'_>),
    ) {
        for (row, x) in block.chunks(inputs.len().max(1)).enumerate() {
            group_runs(inputs.clone(), self.group, |run, first| {
                let inside = run.start - inputs.start..run.end - inputs.start;
                let group = (channels.start + row) * self.groups() + first;
                let x = x.get(inside.clone()).unwrap_or_default();
                f(Piece { row, group, inputs: run, inside, x });
            });
        }
    }

    /// Row-major index and value of the first element that is not finite.
    pub(super) fn first_not_finite(&self) -> Option<(usize, f64)> {
        (0..self.weights.rows()).find_map(|row| {
            let (col, value) = first_not_finite(self.weights.row(row))?;
            Some((row * self.weights.cols() + col, value))
        })
    }
}
