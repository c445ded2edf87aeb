//! Matrices to codes and back.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::{RowParams, dequantize_row, quantize_row, reciprocals};
use crate::algorithms::coding::Coding;
use crate::algorithms::stage::{STAGE, pieces};
use crate::kernels::{Affine, Kernels};
use crate::parallel::{Cut, Exec, Tile};
use crate::params::elementwise::{Rounding, Sharing};
use crate::status::Result;
use crate::views::{CodesView, CodesViewMut, MatrixView, MatrixViewMut};
use core::ops::Range;

/// Columns at which a row may be cut: packed codes need whole units, groups stay whole.
pub(crate) fn alignment(sharing: Sharing) -> usize {
    match sharing {
        Sharing::Group(group) => group.get().saturating_mul(8),
        _ => 64,
    }
}

/// Scales and zero points of a matrix, and the rule that makes codes.
#[derive(Clone, Copy, Debug)]
pub struct Quantizer<'a> {
    /// Which elements share a scale.
    pub sharing: Sharing,
    /// The scales, as many as `sharing` asks for.
    pub scale: &'a [f32],
    /// The zero points, as many; or none, for 0.
    pub zero_point: &'a [i32],
    /// Where the zero point is added.
    pub rounding: Rounding,
    /// Smallest and largest code.
    pub range: (i32, i32),
    /// What the codes stand for.
    pub coding: Coding<'a>,
}

impl<'a> Quantizer<'a> {
    /// The parameters of the columns of `tile` in `row` of a matrix of `cols` columns.
    fn row(&self, row: usize, tile: &Tile, cols: usize) -> RowParams<'a> {
        let (group, span) = match self.sharing {
            Sharing::Tensor => (WHOLE, 0..1),
            Sharing::Row => (WHOLE, row..row + 1),
            Sharing::Column => (WHOLE, tile.cols.clone()),
            Sharing::Group(group) => {
                let first = row * cols.div_ceil(group.get());
                let (start, end) = (tile.cols.start / group, tile.cols.end.div_ceil(group.get()));
                (group, first + start..first + end)
            }
        };
        let pick = |range: Range<usize>| self.zero_point.get(range).unwrap_or_default();
        let affine = Affine {
            group,
            scale: self.scale.get(span.clone()).unwrap_or_default(),
            reciprocal: &[],
            zero_point: pick(span),
            zero_point_all: 0,
            rounding: self.rounding,
            min: self.range.0,
            max: self.range.1,
            bounded: false,
        };
        RowParams { affine, by_column: self.sharing == Sharing::Column, coding: self.coding }
    }
}

/// Quantizes `src` into `dst`, which has the same shape.
pub fn quantize(
    k: &Kernels,
    exec: Exec<'_>,
    quantizer: &Quantizer<'_>,
    src: MatrixView<'_>,
    dst: CodesViewMut<'_>,
) -> Result {
    let (rows, cols, code_type) = (src.rows(), src.cols(), dst.code_type());
    exec.tiles(Cut::new(rows, cols, alignment(quantizer.sharing)), dst, |tile, mut dst| {
        if quantizer.sharing == Sharing::Column {
            quantize_columns(k, quantizer, src, tile, dst);
            return;
        }
        for (i, row) in tile.rows.clone().enumerate() {
            let params = quantizer.row(row, tile, cols);
            let codes = dst.run_mut(i, 0..tile.cols.len());
            quantize_row(k, src.run(row, tile.cols.clone()), &params, code_type, codes);
        }
    })
}

/// A tile whose columns have scales of their own: a few columns at a time, so that all rows share
/// their reciprocals.
fn quantize_columns(
    k: &Kernels,
    quantizer: &Quantizer<'_>,
    src: MatrixView<'_>,
    tile: &Tile,
    mut dst: CodesViewMut<'_>,
) {
    let code_type = dst.code_type();
    for piece in pieces(tile.cols.len()) {
        let cols = tile.cols.start + piece.start..tile.cols.start + piece.end;
        let part = Tile { rows: tile.rows.clone(), cols: cols.clone() };
        let mut params = quantizer.row(tile.rows.start, &part, src.cols());
        let mut buffer = [0.0; STAGE];
        params.affine.reciprocal = reciprocals(params.affine.scale, &mut buffer);
        for (i, row) in tile.rows.clone().enumerate() {
            let codes = dst.run_mut(i, piece.clone());
            quantize_row(k, src.run(row, cols.clone()), &params, code_type, codes);
        }
    }
}

/// Dequantizes `src` into `dst`, which has the same shape.
pub fn dequantize(
    k: &Kernels,
    exec: Exec<'_>,
    quantizer: &Quantizer<'_>,
    src: CodesView<'_>,
    dst: MatrixViewMut<'_>,
) -> Result {
    let (rows, cols, code_type) = (src.rows(), src.cols(), src.code_type());
    exec.tiles(Cut::new(rows, cols, alignment(quantizer.sharing)), dst, |tile, mut dst| {
        let src = src.tile(tile);
        for (i, row) in tile.rows.clone().enumerate() {
            let params = quantizer.row(row, tile, cols);
            let codes = src.run(i, 0..tile.cols.len());
            let out = dst.run_mut(i, 0..tile.cols.len());
            dequantize_row(k, codes, &params, code_type, out);
        }
    })
}
