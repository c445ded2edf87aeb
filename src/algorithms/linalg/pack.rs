//! Panels: a few rows or columns of a matrix, interleaved, so that the kernels read them from one
//! end to the other. Lanes that a last panel lacks are 0.

use crate::algorithms::linalg::part;
use crate::algorithms::stage::{cuts, widen_into, widened};
use crate::kernels::{Kernels, TILE_COLS};
use crate::parallel::Exec;
use crate::params::matrix::Dtype;
use crate::status::Result;
use crate::views::{Blocks, MatrixView, Run};
use core::ops::Range;

/// Most elements of a lane: the depth of a block of a product.
pub(in crate::algorithms) const DEPTH: usize = 384;

/// Elements of a row that are packed at a time.
const PIECE: usize = 64;

/// Panels of a task.
const GROUP: usize = 8;

/// Rows that are asked for ahead of their use.
const SOON: usize = 6;

/// One side of a product, as the panels see it.
#[derive(Clone, Copy, Debug)]
pub(in crate::algorithms) struct Side<'a> {
    /// The matrix.
    pub(in crate::algorithms) view: MatrixView<'a>,
    /// Whether a lane is a column of the matrix, else a row.
    pub(in crate::algorithms) lanes_are_columns: bool,
    /// Whether to change all signs.
    pub(in crate::algorithms) negate: bool,
}

impl Side<'_> {
    fn lanes(&self) -> usize {
        if self.lanes_are_columns { self.view.cols() } else { self.view.rows() }
    }

    /// Elements of all panels of `W` lanes.
    pub(in crate::algorithms) fn packed<const W: usize>(lanes: usize, depth: usize) -> usize {
        lanes.div_ceil(W).saturating_mul(W).saturating_mul(depth)
    }

    /// Packs the elements `depth` of all lanes: panels of `W` lanes, one after the other.
    pub(in crate::algorithms) fn pack<const W: usize>(
        &self,
        k: &Kernels,
        exec: Exec<'_>,
        depth: Range<usize>,
        to: &mut [f32],
    ) -> Result {
        let panel = W.saturating_mul(depth.len());
        let panels = self.lanes().div_ceil(W);
        let to = to.get_mut(..panels.saturating_mul(panel)).unwrap_or_default();
        let group = GROUP.saturating_mul(panel);
        exec.silent().tasks(panels.div_ceil(GROUP), Blocks::new(to, group), |i, mut to| {
            let first = i * GROUP * W;
            if self.lanes_are_columns {
                self.pack_columns::<W>(k, first, depth.clone(), to.slice_mut());
            } else {
                for (i, to) in to.slice_mut().chunks_mut(panel.max(1)).enumerate() {
                    self.pack_rows::<W>(k, first + i * W, depth.clone(), to);
                }
            }
        })
    }

    /// Packs one panel, of the first `W` lanes.
    #[cfg(feature = "gptq")]
    pub(in crate::algorithms) fn pack_panel<const W: usize>(
        &self,
        k: &Kernels,
        depth: Range<usize>,
        to: &mut [f32],
    ) {
        if self.lanes_are_columns {
            self.pack_columns::<W>(k, 0, depth, to);
        } else {
            self.pack_rows::<W>(k, 0, depth, to);
        }
    }

    /// Lanes are columns: each row of the matrix holds neighbours of the panels.
    fn pack_columns<const W: usize>(
        &self,
        k: &Kernels,
        first: usize,
        depth: Range<usize>,
        to: &mut [f32],
    ) {
        let flip = self.flip();
        let mut buffer = [0.0; GROUP * TILE_COLS];
        let panel = depth.len() * W;
        let panels = to.len().checked_div(panel).unwrap_or(0);
        for (p, row) in depth.clone().enumerate() {
            // Rows may be pages apart, and no prefetcher looks into another page.
            if row + SOON < depth.end {
                self.request(k, row + SOON, first..first + panels * W);
            }
            let run = self.view.run(row, first..first + panels * W);
            let mut x = widened(k, run, &mut buffer);
            for panel in to.chunks_mut(panel.max(1)) {
                let (now, rest) = x.split_at_checked(W).unwrap_or((x, &[]));
                x = rest;
                let Some(to) = panel.as_chunks_mut::<W>().0.get_mut(p) else { return };
                match now.first_chunk::<W>() {
                    Some(now) => *to = *now,
                    None => {
                        *to = [0.0; W];
                        to.iter_mut().zip(now).for_each(|(to, x)| *to = *x);
                    }
                }
                if flip != 0 {
                    *to = to.map(|x| f32::from_bits(x.to_bits() ^ flip));
                }
            }
        }
    }

    /// Lanes are rows: the panel is a transpose of them.
    fn pack_rows<const W: usize>(
        &self,
        k: &Kernels,
        first: usize,
        depth: Range<usize>,
        to: &mut [f32],
    ) {
        let mut buffer = [[0.0; PIECE]; 8];
        // A part of the panel after the other: each is written eight lanes at a time, and stays near.
        for (depth, to) in cuts(depth, PIECE).zip(to.chunks_mut(PIECE * W)) {
            for lanes in cuts(0..W, 8) {
                let row = first + lanes.start;
                // Where the kernel reads the matrix itself, it does that.
                if self.view.dtype() != Dtype::F32 {
                    for i in 8..16 {
                        self.request(k, row + i, depth.clone());
                    }
                }
                let mut rows = [&[] as &[f32]; 8];
                for ((i, to), buffer) in rows.iter_mut().enumerate().zip(&mut buffer) {
                    *to = lane(k, self.view.run(row + i, depth.clone()), depth.len(), buffer);
                }
                let to = to.get_mut(lanes.start..).unwrap_or_default();
                k.interleave_rows(part(&rows, 0..lanes.len()), self.negate, W, to);
            }
        }
    }

    /// Has a part of a row brought near, if there is one.
    fn request(&self, k: &Kernels, row: usize, cols: Range<usize>) {
        k.request(self.view.run(row, cols).bytes());
    }

    fn flip(&self) -> u32 {
        if self.negate { 1 << 31 } else { 0 }
    }
}

/// A lane as f32, zeros where the matrix has none. `buffer` may hold anything.
fn lane<'a>(k: &Kernels, run: Run<'a>, depth: usize, buffer: &'a mut [f32; PIECE]) -> &'a [f32] {
    match run {
        Run::F32(x) if x.len() == depth => x,
        _ => {
            let buffer = buffer.get_mut(..depth).unwrap_or_default();
            if run.is_empty() {
                buffer.fill(0.0);
            } else {
                widen_into(k, run, buffer);
            }
            buffer
        }
    }
}
