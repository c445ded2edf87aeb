//! Floats to codes and scales.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::{quantize_row, reciprocals};
use crate::algorithms::finite::{TAME, first_not_finite, run_abs_max};
use crate::algorithms::quantizer::at_least_smallest;
use crate::algorithms::stage::{cuts, group_extremes, widened};
use crate::algorithms::weights::batch::{
    BATCH, Batch, COLUMNS, GROUPS, ScalesMut, WIDENED, batch_groups, copy,
};
use crate::algorithms::weights::grouping::Grouping;
use crate::algorithms::weights::rule::{Rule, codebook_of, table_of};
use crate::formats;
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec, Tile};
use crate::params::matrix::Dtype;
use crate::params::weights::{WeightFormat, WeightMode};
use crate::status::{Error, Result, Status};
use crate::views::{CodesViewMut, MatrixView, PerGroup, Run, TallRows};
use core::num::NonZeroUsize;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The smallest index that any task has seen.
struct First(AtomicUsize);

impl First {
    fn see(&self, index: usize) {
        self.0.fetch_min(index, Ordering::Relaxed);
    }
}

/// Compresses `src` into codes, scales and zero points.
///
/// A group that holds a NaN or an infinity gets the parameters of an all-zero group; the call then
/// answers `Status::NotFinite` with the index of the first such element, all else being complete.
pub fn compress(
    k: &Kernels,
    exec: Exec<'_>,
    format: &WeightFormat,
    codebook: &[f32],
    src: MatrixView<'_>,
    outputs: (CodesViewMut<'_>, ScalesMut<'_>, PerGroup<'_, u8>),
    tensor_scale: &mut [f32],
) -> Result {
    let (codes, scale, zero_point) = outputs;
    let grouping = Grouping::new(format, src.rows(), src.cols())?;
    let codebook = codebook_of(format, codebook);
    let table = table_of(format, codebook);
    let mut rule = Rule::new(format, codebook, table.as_ref());
    if format.mode == WeightMode::Nvfp4 && !tensor_scale.is_empty() {
        rule.tensor_scale = nvfp4_scale(k, exec.silent(), &rule, &grouping, src)?;
        tensor_scale.iter_mut().for_each(|to| *to = rule.tensor_scale);
    }
    let bad = First(AtomicUsize::new(usize::MAX));
    if format.by_column {
        let tall = TallRows { inner: codes, factor: grouping.group.get() };
        let cut = Cut::new(grouping.rows, src.cols(), COLUMNS).depth(grouping.group.get());
        exec.tiles(cut, (tall, scale, zero_point), |tile, outputs| {
            compress_columns(k, &rule, grouping.group.get(), src, tile, outputs, &bad);
        })?;
    } else {
        let align = grouping.group.get().saturating_mul(8);
        exec.tiles(
            Cut::new(src.rows(), src.cols(), align),
            (codes, scale, zero_point),
            |tile, outputs| {
                compress_rows(k, &rule, grouping.group, src, tile, outputs, &bad);
            },
        )?;
    }
    match bad.0.into_inner() {
        usize::MAX => Ok(()),
        index => Err(refusal(src, index)),
    }
}

/// The scale of the matrix that maps the largest scale of a group to the largest E4M3 number.
pub(in crate::algorithms) fn nvfp4_scale(
    k: &Kernels,
    exec: Exec<'_>,
    rule: &Rule<'_>,
    grouping: &Grouping,
    src: MatrixView<'_>,
) -> Result<f32> {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let group = grouping.group.get();
    let height = if rule.format.by_column { group } else { 1 };
    let part = |range: Range<usize>| {
        range.fold(0.0, |largest, i| {
            let rows = i * height..(i + 1) * height;
            cuts(0..src.cols(), BATCH).fold(largest, |largest, piece| {
                let mut most = 0.0;
                let tame = rows.clone().all(|row| {
                    let found = run_abs_max(k, src.run(row, piece.clone()));
                    most = greater(most, found);
                    found < TAME
                });
                if tame {
                    return greater(largest, most);
                }
                let step =
                    if rule.format.by_column { COLUMNS } else { COLUMNS / grouping.group * group };
                cuts(piece, step).fold(largest, |largest, piece| {
                    greater(largest, finite_abs_max(k, grouping, src, &rows, piece))
                })
            })
        })
    };
    let largest = exec.fold(grouping.rows, 0.0, part, greater)?;
    Ok(at_least_smallest(rule.float_scale(largest) / formats::E4M3.max()))
}

/// The largest magnitude of at most `COLUMNS` columns of `rows`, which hold whole groups; groups that
/// are not finite count as all zero.
fn finite_abs_max(
    k: &Kernels,
    grouping: &Grouping,
    src: MatrixView<'_>,
    rows: &Range<usize>,
    cols: Range<usize>,
) -> f32 {
    let (mut min, mut max) = ([f32::INFINITY; COLUMNS], [f32::NEG_INFINITY; COLUMNS]);
    let groups = cols.len() * rows.len() / grouping.group;
    let (min, max) =
        (min.get_mut(..groups).unwrap_or_default(), max.get_mut(..groups).unwrap_or_default());
    if rows.len() == 1 {
        group_extremes(k, src.run(rows.start, cols), grouping.group, min, max);
    } else {
        let mut buffer = [0.0; COLUMNS];
        for row in rows.clone() {
            let row = widened(k, src.run(row, cols.clone()), &mut buffer);
            k.min_max_columns(row, row.len(), min, max);
        }
    }
    min.iter().zip(max.iter()).fold(0.0, |largest, (min, max)| {
        let found = if -min > *max { -min } else { *max };
        if max - min < f32::INFINITY && found > largest { found } else { largest }
    })
}

/// The outcome for the element `index`.
fn refusal(src: MatrixView<'_>, index: usize) -> Error {
    let cols = src.cols();
    let (row, col) = (index.checked_div(cols).unwrap_or(0), index.checked_rem(cols).unwrap_or(0));
    let value = match src.run(row, col..col + 1) {
        Run::F32([x]) => f64::from(*x),
        Run::F16([x]) => x.to_f64(),
        Run::Bf16([x]) => x.to_f64(),
        _ => f64::NAN,
    };
    Error::element(Status::NotFinite, c"weights", c"must be finite", index as u64, value)
}

fn compress_rows(
    k: &Kernels,
    rule: &Rule<'_>,
    group: NonZeroUsize,
    src: MatrixView<'_>,
    tile: &Tile,
    (mut codes, mut scale, mut zero_point): (CodesViewMut<'_>, ScalesMut<'_>, PerGroup<'_, u8>),
    bad: &First,
) {
    let mut batch = Batch::<GROUPS>::EMPTY;
    let elements = if src.dtype() == Dtype::F32 { BATCH } else { WIDENED };
    let step = batch_groups(group, elements).saturating_mul(group.get());
    let mut floats = [0.0; WIDENED];
    for (i, row) in tile.rows.clone().enumerate() {
        for Range { start, end } in cuts(0..tile.cols.len(), step) {
            let mut run = src.run(row, tile.cols.start + start..tile.cols.start + end);
            if step <= WIDENED {
                run = Run::F32(widened(k, run, &mut floats));
            }
            let n = (end - start).div_ceil(group.get());
            let (mut min, mut max) = ([0.0; GROUPS], [0.0; GROUPS]);
            let (min, max) =
                (min.get_mut(..n).unwrap_or_default(), max.get_mut(..n).unwrap_or_default());
            group_extremes(k, run, group, min, max);
            if let Some(g) = batch.set(rule, min, max) {
                let first = g * group.get();
                let found = first_not_finite(run.part(first..run.len()));
                let inside = found.map_or(0, |(i, _)| i);
                bad.see(row * src.cols() + tile.cols.start + start + first + inside);
            }
            let params = batch.params(rule, n, group);
            let out = codes.run_mut(i, start..end);
            quantize_row(k, run, &params, rule.format.code_type(), out);
            let first = start / group;
            scale.write(k, rule, i, first, batch.stored(n));
            let to = zero_point.row_mut(i).get_mut(first..);
            copy(params.affine.zero_point, to, |z| z as u8);
        }
    }
}

/// A tile of the matrix of groups, each `group` rows high.
fn compress_columns(
    k: &Kernels,
    rule: &Rule<'_>,
    group: usize,
    src: MatrixView<'_>,
    tile: &Tile,
    (mut codes, mut scale, mut zero_point): (
        TallRows<CodesViewMut<'_>>,
        ScalesMut<'_>,
        PerGroup<'_, u8>,
    ),
    bad: &First,
) {
    let mut batch = Batch::<COLUMNS>::EMPTY;
    let mut buffer = [0.0; COLUMNS];
    for (i, index) in tile.rows.clone().enumerate() {
        let rows = index * group..(index + 1) * group;
        for Range { start, end } in cuts(0..tile.cols.len(), COLUMNS) {
            let (n, cols) = (end - start, tile.cols.start + start..tile.cols.start + end);
            let (mut min, mut max) = ([f32::INFINITY; COLUMNS], [f32::NEG_INFINITY; COLUMNS]);
            let (min, max) =
                (min.get_mut(..n).unwrap_or_default(), max.get_mut(..n).unwrap_or_default());
            for row in rows.clone() {
                let row = widened(k, src.run(row, cols.clone()), &mut buffer);
                k.min_max_columns(row, row.len(), min, max);
            }
            if let Some(g) = batch.set(rule, min, max) {
                let found = rows.clone().find_map(|row| {
                    let (inside, _) = first_not_finite(src.run(row, cols.clone()))?;
                    Some(row * src.cols() + cols.start + inside)
                });
                // A width that overflows has no such element: the first of its group is named.
                bad.see(found.unwrap_or(rows.start * src.cols() + cols.start + g));
            }
            let mut reciprocal = [0.0; COLUMNS];
            let mut params = batch.params(rule, n, WHOLE);
            params.affine.reciprocal = reciprocals(params.affine.scale, &mut reciprocal);
            for (j, row) in rows.clone().enumerate() {
                let run = src.run(row, cols.clone());
                let out = codes.inner.run_mut(i * group + j, start..end);
                quantize_row(k, run, &params, rule.format.code_type(), out);
            }
            scale.write(k, rule, i, start, batch.stored(n));
            let to = zero_point.row_mut(i).get_mut(start..);
            copy(params.affine.zero_point, to, |z| z as u8);
        }
    }
}
