//! Codes and scales back to floats, and the distance between the two.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::{RowParams, dequantize_f32, dequantize_row};
use crate::algorithms::stage::{STAGE, cuts, pieces, widened};
use crate::algorithms::weights::batch::{BATCH, Batch, COLUMNS, Scales, batch_groups};
use crate::algorithms::weights::grouping::Grouping;
use crate::algorithms::weights::rule::{Rule, codebook_of, table_of};
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec, Tile};
use crate::params::weights::{WeightError, WeightFormat};
use crate::status::Result;
use crate::views::{CodesView, MatrixView, MatrixViewMut, RunMut};
use core::ops::Range;

/// The stored form of compressed weights.
#[derive(Clone, Copy, Debug)]
pub struct Compressed<'a> {
    /// Format of the weights.
    pub format: WeightFormat,
    /// The values of a codebook; not read in other modes.
    pub codebook: &'a [f32],
    /// The codes.
    pub codes: CodesView<'a>,
    /// The scales, one per group.
    pub scale: Scales<'a>,
    /// The zero points, one per group in the asymmetric modes.
    pub zero_point: &'a [u8],
}

impl Compressed<'_> {
    /// Covers a tile with runs of columns: calls `f` with the row, the run and its parameters. A run
    /// starts at a unit of packed codes.
    fn runs(
        &self,
        k: &Kernels,
        rule: &Rule<'_>,
        grouping: &Grouping,
        tile: Tile,
        mut f: impl FnMut(usize, Range<usize>, &RowParams<'_>),
    ) {
        let mut batch = Batch::<COLUMNS>::EMPTY;
        let Tile { rows, cols } = tile;
        if self.format.by_column {
            for run in cuts(cols, COLUMNS) {
                let mut read = None;
                for row in rows.clone() {
                    let first = row / grouping.group * grouping.cols;
                    if read != Some(first) {
                        batch.read(k, rule, self, first + run.start..first + run.end);
                        read = Some(first);
                    }
                    f(row, run.clone(), &batch.params(rule, run.len(), WHOLE));
                }
            }
            return;
        }
        let group = grouping.group;
        let step = batch_groups(group, BATCH).saturating_mul(group.get());
        for row in rows {
            let first = row * grouping.cols;
            for run in cuts(cols.clone(), step) {
                let groups = first + run.start / group..first + run.end.div_ceil(group.get());
                batch.read(k, rule, self, groups.clone());
                f(row, run, &batch.params(rule, groups.len(), group));
            }
        }
    }

    /// Columns at which a row may be cut.
    fn alignment(&self, grouping: &Grouping) -> usize {
        if self.format.by_column { COLUMNS } else { grouping.group.get().saturating_mul(8) }
    }
}

/// Turns compressed weights back into floats. `dst` has the shape of the codes.
pub fn decompress(
    k: &Kernels,
    exec: Exec<'_>,
    src: &Compressed<'_>,
    dst: MatrixViewMut<'_>,
) -> Result {
    decompress_then(k, exec, src, dst, |_, _| ())
}

/// What the compression lost: `weights - src`, rounded once, as f32.
#[cfg(feature = "lora")]
pub(in crate::algorithms) fn residual(
    k: &Kernels,
    exec: Exec<'_>,
    weights: MatrixView<'_>,
    src: &Compressed<'_>,
    dst: MatrixViewMut<'_>,
) -> Result {
    decompress_then(k, exec, src, dst, |tile, dst| {
        let mut floats = [0.0; STAGE];
        for (i, row) in tile.rows.clone().enumerate() {
            for piece in pieces(tile.cols.len()) {
                let (start, end) = (tile.cols.start + piece.start, tile.cols.start + piece.end);
                let x = widened(k, weights.run(row, start..end), &mut floats);
                let to = dst.floats_mut(i, piece);
                to.iter_mut().zip(x).for_each(|(value, x)| *value = *x - *value);
            }
        }
    })
}

/// A hundredth of the scale of each weight times a random number from 0 to 1: those that `seed` names, one per
/// weight in row-major order, of 24 bits.
#[cfg(feature = "lora")]
pub(in crate::algorithms) fn scaled_noise(
    k: &Kernels,
    exec: Exec<'_>,
    src: &Compressed<'_>,
    seed: u64,
    dst: MatrixViewMut<'_>,
) -> Result {
    let cols = dst.cols();
    let each = |row: usize, run: Range<usize>, params: &RowParams<'_>, out: RunMut<'_>| {
        let RunMut::F32(out) = out else { return };
        let (mut words, first) = ([0; STAGE], (row * cols + run.start) as u64);
        for piece in pieces(out.len()) {
            let words = words.get_mut(..piece.len()).unwrap_or_default();
            k.noise(seed, first + piece.start as u64, words);
            let to = out.get_mut(piece.clone()).unwrap_or_default();
            for ((to, word), i) in to.iter_mut().zip(&*words).zip(piece) {
                *to = (*word >> 8) as f32 * (1.0 / 16_777_216.0) * params.scale_of(i) / 100.0;
            }
        }
    };
    fill_by_runs(k, exec, src, dst, (each, |_, _| ()))
}

/// Turns compressed weights back into floats, and calls `then` with each tile of them.
fn decompress_then(
    k: &Kernels,
    exec: Exec<'_>,
    src: &Compressed<'_>,
    dst: MatrixViewMut<'_>,
    then: impl Fn(&Tile, &mut MatrixViewMut<'_>) + Sync,
) -> Result {
    let code_type = src.codes.code_type();
    let each = |row, run, params: &RowParams<'_>, out: RunMut<'_>| {
        dequantize_row(k, src.codes.run(row, run), params, code_type, out);
    };
    fill_by_runs(k, exec, src, dst, (each, then))
}

/// Calls `each` with a row, runs of its columns with their parameters, and where their elements of `dst` go;
/// then `then` with each tile of them.
fn fill_by_runs(
    k: &Kernels,
    exec: Exec<'_>,
    src: &Compressed<'_>,
    dst: MatrixViewMut<'_>,
    (each, then): (
        impl Fn(usize, Range<usize>, &RowParams<'_>, RunMut<'_>) + Sync,
        impl Fn(&Tile, &mut MatrixViewMut<'_>) + Sync,
    ),
) -> Result {
    let (rows, cols) = (dst.rows(), dst.cols());
    let grouping = Grouping::new(&src.format, rows, cols)?;
    let codebook = codebook_of(&src.format, src.codebook);
    let table = table_of(&src.format, codebook);
    let rule = Rule::new(&src.format, codebook, table.as_ref());
    let cut = Cut::new(rows, cols, src.alignment(&grouping));
    exec.tiles(cut, dst, |tile, mut dst| {
        let (top, left) = (tile.rows.start, tile.cols.start);
        src.runs(k, &rule, &grouping, tile.clone(), |row, run, params| {
            let out = dst.run_mut(row - top, run.start - left..run.end - left);
            each(row, run, params, out);
        });
        then(tile, &mut dst);
    })
}

/// Distance between weights and their compressed form. Errors are squared and summed in f32 over
/// pieces of at most 256 neighbours in a row (in a column: element by element), then in f64.
pub fn error(
    k: &Kernels,
    exec: Exec<'_>,
    weights: MatrixView<'_>,
    src: &Compressed<'_>,
) -> Result<WeightError> {
    let (rows, cols) = (weights.rows(), weights.cols());
    let grouping = Grouping::new(&src.format, rows, cols)?;
    let codebook = codebook_of(&src.format, src.codebook);
    let table = table_of(&src.format, codebook);
    let rule = Rule::new(&src.format, codebook, table.as_ref());
    let stored = Stored { weights, src, rule: &rule, grouping: &grouping };
    let worse = |a: (f64, f64), b: (f64, f64)| {
        // A NaN stays.
        (if a.0 > b.0 || a.0.is_nan() { a.0 } else { b.0 }, a.1 + b.1)
    };
    let (channels, per_channel) =
        if src.format.by_column { (cols.div_ceil(COLUMNS), rows) } else { (rows, cols) };
    let part = |range: Range<usize>| {
        range.fold((0.0, 0.0), |total, i| {
            if src.format.by_column {
                let block = i * COLUMNS..cols.min((i + 1) * COLUMNS);
                let sums = column_errors(k, stored, block.clone());
                sums.iter().take(block.len()).fold(total, |total, sum| worse(total, (*sum, *sum)))
            } else {
                let sum = row_error(k, stored, i);
                worse(total, (sum, sum))
            }
        })
    };
    let (largest, total) = exec.fold(channels, (0.0, 0.0), part, worse)?;
    Ok(WeightError {
        max_mean_squared: (largest / per_channel as f64) as f32,
        frobenius: libm::sqrt(total) as f32,
    })
}

/// Weights beside their compressed form.
#[derive(Clone, Copy)]
struct Stored<'a> {
    weights: MatrixView<'a>,
    src: &'a Compressed<'a>,
    rule: &'a Rule<'a>,
    grouping: &'a Grouping,
}

impl Stored<'_> {
    /// Calls `f` with pieces of the rows of `tile`: the column where they start, the weights, and
    /// what the codes stand for.
    fn each_pair(&self, k: &Kernels, tile: Tile, mut f: impl FnMut(usize, &[f32], &[f32])) {
        let (mut floats, mut values) = ([0.0; STAGE], [0.0; STAGE]);
        let codes = self.src.codes;
        self.src.runs(k, self.rule, self.grouping, tile, |row, run, params| {
            let codes_run = codes.run(row, run.clone());
            for piece in pieces(run.len()) {
                let at = run.start + piece.start;
                let x = widened(k, self.weights.run(row, at..at + piece.len()), &mut floats);
                let y = values.get_mut(..piece.len()).unwrap_or_default();
                dequantize_f32(k, codes_run, params, codes.code_type(), piece, y);
                f(at, x, y);
            }
        });
    }
}

fn row_error(k: &Kernels, stored: Stored<'_>, row: usize) -> f64 {
    let mut sum = 0.0;
    let tile = Tile { rows: row..row + 1, cols: 0..stored.weights.cols() };
    stored.each_pair(k, tile, |_, x, y| sum += f64::from(k.squared_distance(x, y)));
    sum
}

/// The sums of squared errors of at most `COLUMNS` columns.
fn column_errors(k: &Kernels, stored: Stored<'_>, cols: Range<usize>) -> [f64; COLUMNS] {
    let mut sums = [0.0; COLUMNS];
    let tile = Tile { rows: 0..stored.weights.rows(), cols: cols.clone() };
    stored.each_pair(k, tile, |at, x, y| {
        let mut squares = [0.0_f32; COLUMNS];
        let squares = squares.get_mut(..x.len()).unwrap_or_default();
        k.sum_squares_columns(x, x.len(), y, squares);
        let sums = sums.get_mut(at - cols.start..).unwrap_or_default();
        sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += f64::from(*square));
    });
    sums
}
