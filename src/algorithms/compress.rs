//! Weight compression to integers: a scale, and in the asymmetric modes a zero point, per group.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::{
    RowParams, dequantize_f32, dequantize_row, quantize_row, reciprocals,
};
use crate::algorithms::quantizer::{at_least_smallest, round};
use crate::algorithms::stage::{STAGE, cuts, group_extremes, pieces, widened};
use crate::kernels::{Affine, Kernels};
use crate::parallel::{Cut, Exec, Tile};
use crate::params::elementwise::Rounding;
use crate::params::weights::{
    AsymmetricRange, GroupAction, GroupChoice, GroupFallback, WeightError, WeightFormat,
    WeightLayout,
};
use crate::status::{Error, Result, Status};
use crate::views::{CodesView, CodesViewMut, MatrixView, MatrixViewMut, PerGroup, Run, TallRows};
use core::num::NonZeroUsize;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use half::f16;

/// Groups whose parameters are computed together, in a row.
const GROUPS: usize = 32;

/// Elements that such groups should not exceed: they are read twice, the second time from L1.
const BATCH: usize = 4096;

/// Columns that are compressed together where groups lie in columns.
const COLUMNS: usize = 128;

/// How groups lie in a matrix: `rows x cols` of them, each `group` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// Rows of the matrix of groups.
    pub rows: usize,
    /// Columns of the matrix of groups.
    pub cols: usize,
    /// Elements of a group.
    pub group: NonZeroUsize,
}

impl Grouping {
    /// The groups of a matrix of `rows x cols`.
    pub fn new(format: &WeightFormat, rows: usize, cols: usize) -> Result<Self> {
        let channel = if format.by_column { rows } else { cols };
        let group = format.group.or(NonZeroUsize::new(channel)).unwrap_or(NonZeroUsize::MIN);
        if channel % group != 0 {
            let rule = if format.by_column { c"must divide rows" } else { c"must divide cols" };
            return Err(Error::field(c"params", c"group_size", rule, group.get() as f64));
        }
        Ok(if format.by_column {
            Self { rows: rows / group, cols, group }
        } else {
            Self { rows, cols: cols / group, group }
        })
    }

    /// Number of groups, `None` if that exceeds the address space.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.rows.checked_mul(self.cols)
    }
}

/// Sizes of the outputs for weights of `rows x cols`.
pub fn layout(format: &WeightFormat, rows: usize, cols: usize) -> Result<WeightLayout> {
    let groups = Grouping::new(format, rows, cols)?.count();
    let sizes = || {
        let groups = groups?;
        let code_row_bytes = format.mode.code_type().row_bytes(cols)?;
        let code_bytes = code_row_bytes.checked_mul(rows)?;
        let scale_bytes = groups.checked_mul(if format.half_scales { 2 } else { 4 })?;
        let zero_point_bytes = if format.mode.is_asymmetric() { groups } else { 0 };
        let total_bytes = code_bytes.checked_add(scale_bytes)?.checked_add(zero_point_bytes)?;
        isize::try_from(total_bytes).ok()?;
        Some(WeightLayout {
            code_type: format.mode.code_type() as u32,
            bits: format.mode.bits(),
            code_row_bytes,
            code_bytes,
            groups,
            scale_bytes,
            zero_point_bytes,
            total_bytes,
        })
    };
    let rule = c"must have sizes that fit into the address space";
    sizes().ok_or(Error::new(Status::SizeOverflow, c"rows", rule))
}

/// Scale and zero point of a group with the extremes `min` and `max`.
fn scale_zero_point(format: &WeightFormat, min: f32, max: f32) -> (f32, i32) {
    let bits = format.mode.bits();
    if !format.mode.is_asymmetric() {
        // The largest magnitude gets the lowest code, whatever its sign: scales can be negative.
        let low = min.abs();
        let largest = if low >= max { low } else { -max };
        let half = (1_u32 << (bits - 1)) as f32;
        return (at_least_smallest(largest / half), format.mode.fixed_zero_point());
    }
    let (low, high) = match format.range {
        AsymmetricRange::WithZero => {
            (if min < 0.0 { min } else { 0.0 }, if max > 0.0 { max } else { 0.0 })
        }
        AsymmetricRange::AsIs => (min, max),
    };
    let steps = ((1_u32 << bits) - 1) as f32;
    let scale = at_least_smallest((high - low) / steps);
    let zero_point = -round(low / scale);
    let zero_point = if zero_point > 0.0 { zero_point } else { 0.0 };
    let zero_point = if zero_point < steps { zero_point } else { steps };
    (scale, zero_point as i32)
}

/// Where the scales go.
#[derive(Clone, Copy, Debug)]
pub enum ScalesMut<'a> {
    /// As f32.
    F32(PerGroup<'a, f32>),
    /// Rounded to f16.
    F16(PerGroup<'a, f16>),
}

impl crate::parallel::Tiled for ScalesMut<'_> {
    #[allow(unsafe_code, reason = "forwards to the parts of the arrays")]
    unsafe fn part(&self, tile: &Tile) -> Self {
        // SAFETY: the contract of this function.
        unsafe {
            match self {
                Self::F32(scales) => Self::F32(scales.part(tile)),
                Self::F16(scales) => Self::F16(scales.part(tile)),
            }
        }
    }
}

impl ScalesMut<'_> {
    fn write(&mut self, k: &Kernels, row: usize, first: usize, scale: &[f32]) {
        match self {
            Self::F32(to) => copy(scale, to.row_mut(row).get_mut(first..), |s| s),
            Self::F16(to) => {
                let to = to.row_mut(row).get_mut(first..first + scale.len());
                k.narrow_f16(scale, to.unwrap_or_default());
            }
        }
    }
}

fn copy<A: Copy, B>(from: &[A], to: Option<&mut [B]>, f: impl Fn(A) -> B) {
    to.unwrap_or_default().iter_mut().zip(from).for_each(|(to, from)| *to = f(*from));
}

/// The scales of compressed weights.
#[derive(Clone, Copy, Debug)]
pub enum Scales<'a> {
    /// As f32.
    F32(&'a [f32]),
    /// As f16.
    F16(&'a [f16]),
}

impl Scales<'_> {
    /// The scales `range` as f32.
    fn read(&self, k: &Kernels, range: Range<usize>, to: &mut [f32]) {
        match self {
            Self::F32(from) => copy(from.get(range).unwrap_or_default(), Some(to), |s| s),
            Self::F16(from) => {
                let from = from.get(range).unwrap_or_default();
                k.widen_f16(from, to.get_mut(..from.len()).unwrap_or_default());
            }
        }
    }
}

/// Parameters of up to `N` groups as the kernels want them.
struct Batch<const N: usize> {
    scale: [f32; N],
    zero_point: [i32; N],
    bounded: bool,
}

impl<const N: usize> Batch<N> {
    const EMPTY: Self = Self { scale: [0.0; N], zero_point: [0; N], bounded: false };

    /// Computes the parameters from the extremes of the groups. A group with a NaN or an infinity
    /// is treated as all zero; answers the first such group.
    fn set(&mut self, format: &WeightFormat, min: &[f32], max: &[f32]) -> Option<usize> {
        let mut bad = None;
        let params = self.scale.iter_mut().zip(&mut self.zero_point);
        for (g, ((scale, zero_point), (min, max))) in params.zip(min.iter().zip(max)).enumerate() {
            // The width must be finite, too: it becomes the scale of the asymmetric modes.
            let finite = (max - min).abs() < f32::INFINITY;
            if !finite && bad.is_none() {
                bad = Some(g);
            }
            let (min, max) = if finite { (*min, *max) } else { (0.0, 0.0) };
            (*scale, *zero_point) = scale_zero_point(format, min, max);
        }
        // The scale follows from the largest magnitude, except for ranges taken as they are.
        self.bounded = bad.is_none() && format.range == AsymmetricRange::WithZero;
        bad
    }

    /// The parameters of the first `n` groups of a row, or of `n` columns.
    fn params(&self, format: &WeightFormat, n: usize, group: NonZeroUsize) -> RowParams<'_> {
        let asymmetric = format.mode.is_asymmetric();
        let (min, max) = format.mode.code_type().range();
        RowParams {
            affine: Affine {
                group,
                scale: self.scale.get(..n).unwrap_or_default(),
                reciprocal: &[],
                zero_point: self.zero_point.get(..n).unwrap_or_default(),
                zero_point_all: 0,
                rounding: if asymmetric {
                    Rounding::BeforeRounding
                } else {
                    Rounding::AfterRounding
                },
                min,
                max,
                bounded: self.bounded,
            },
            by_column: format.by_column,
        }
    }

    /// Reads stored parameters of the groups `range`.
    fn read(&mut self, k: &Kernels, src: &Compressed<'_>, range: Range<usize>) {
        src.scale.read(k, range.clone(), &mut self.scale);
        let mode = src.format.mode;
        if mode.is_asymmetric() {
            let zero = src.zero_point.get(range).unwrap_or_default();
            copy(zero, Some(self.zero_point.as_mut_slice()), i32::from);
        } else {
            self.zero_point.iter_mut().for_each(|z| *z = mode.fixed_zero_point());
        }
    }
}

/// The smallest index that any task has seen.
struct First(AtomicUsize);

impl First {
    fn see(&self, index: usize) {
        self.0.fetch_min(index, Ordering::Relaxed);
    }
}

/// Groups of a row that are taken together: whole units of packed codes, little enough for L1.
fn batch_groups(group: NonZeroUsize) -> usize {
    (BATCH / group / 8 * 8).clamp(8, GROUPS)
}

/// Compresses `src` into codes, scales and zero points.
///
/// A group that holds a NaN or an infinity gets the parameters of an all-zero group; the call then
/// answers `Status::NotFinite` with the index of the first such element, all else being complete.
pub fn compress(
    k: &Kernels,
    exec: Exec<'_>,
    format: &WeightFormat,
    src: MatrixView<'_>,
    codes: CodesViewMut<'_>,
    scale: ScalesMut<'_>,
    zero_point: PerGroup<'_, u8>,
) -> Result {
    let grouping = Grouping::new(format, src.rows(), src.cols())?;
    let bad = First(AtomicUsize::new(usize::MAX));
    if format.by_column {
        let tall = TallRows { inner: codes, factor: grouping.group.get() };
        let cut = Cut::new(grouping.rows, src.cols(), COLUMNS).depth(grouping.group.get());
        exec.tiles(cut, (tall, scale, zero_point), |tile, outputs| {
            compress_columns(k, format, grouping.group.get(), src, tile, outputs, &bad);
        })?;
    } else {
        let align = grouping.group.get().saturating_mul(8);
        exec.tiles(
            Cut::new(src.rows(), src.cols(), align),
            (codes, scale, zero_point),
            |tile, outputs| {
                compress_rows(k, format, grouping.group, src, tile, outputs, &bad);
            },
        )?;
    }
    match bad.0.into_inner() {
        usize::MAX => Ok(()),
        index => Err(not_finite(src, index)),
    }
}

/// The outcome for an element that is not finite.
fn not_finite(src: MatrixView<'_>, index: usize) -> Error {
    let cols = src.cols();
    let (row, col) = (index.checked_div(cols).unwrap_or(0), index.checked_rem(cols).unwrap_or(0));
    let value = match src.run(row, col..col + 1) {
        Run::F32([x]) => f64::from(*x),
        Run::F16([x]) => x.to_f64(),
        Run::Bf16([x]) => x.to_f64(),
        _ => f64::NAN,
    };
    let rule = c"must be finite";
    Error::element(Status::NotFinite, c"weights", rule, index as u64, value)
}

/// Index of the first element of a run that is not finite.
fn first_not_finite(run: Run<'_>) -> Option<usize> {
    match run {
        Run::F32(x) => x.iter().position(|x| !x.is_finite()),
        Run::F16(x) => x.iter().position(|x| !x.is_finite()),
        Run::Bf16(x) => x.iter().position(|x| !x.is_finite()),
    }
}

fn compress_rows(
    k: &Kernels,
    format: &WeightFormat,
    group: NonZeroUsize,
    src: MatrixView<'_>,
    tile: &Tile,
    (mut codes, mut scale, mut zero_point): (CodesViewMut<'_>, ScalesMut<'_>, PerGroup<'_, u8>),
    bad: &First,
) {
    let mut batch = Batch::<GROUPS>::EMPTY;
    let step = batch_groups(group).saturating_mul(group.get());
    for (i, row) in tile.rows.clone().enumerate() {
        for Range { start, end } in cuts(0..tile.cols.len(), step) {
            let run = src.run(row, tile.cols.start + start..tile.cols.start + end);
            let n = (end - start).div_ceil(group.get());
            let (mut min, mut max) = ([0.0; GROUPS], [0.0; GROUPS]);
            let (min, max) =
                (min.get_mut(..n).unwrap_or_default(), max.get_mut(..n).unwrap_or_default());
            group_extremes(k, run, group, min, max);
            if let Some(g) = batch.set(format, min, max) {
                let first = g * group.get();
                let inside = first_not_finite(run.part(first..run.len())).unwrap_or(0);
                bad.see(row * src.cols() + tile.cols.start + start + first + inside);
            }
            let params = batch.params(format, n, group);
            let out = codes.run_mut(i, start..end);
            quantize_row(k, run, &params, format.mode.code_type(), out);
            let first = start / group;
            scale.write(k, i, first, params.affine.scale);
            let to = zero_point.row_mut(i).get_mut(first..);
            copy(params.affine.zero_point, to, |z| z as u8);
        }
    }
}

/// A tile of the matrix of groups, each `group` rows high.
fn compress_columns(
    k: &Kernels,
    format: &WeightFormat,
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
                k.min_max_columns(widened(k, src.run(row, cols.clone()), &mut buffer), min, max);
            }
            if batch.set(format, min, max).is_some() {
                for row in rows.clone() {
                    if let Some(inside) = first_not_finite(src.run(row, cols.clone())) {
                        bad.see(row * src.cols() + cols.start + inside);
                    }
                }
            }
            let mut reciprocal = [0.0; COLUMNS];
            let mut params = batch.params(format, n, WHOLE);
            params.affine.reciprocal = reciprocals(params.affine.scale, &mut reciprocal);
            for (j, row) in rows.clone().enumerate() {
                let run = src.run(row, cols.clone());
                let out = codes.inner.run_mut(i * group + j, start..end);
                quantize_row(k, run, &params, format.mode.code_type(), out);
            }
            scale.write(k, i, start, params.affine.scale);
            let to = zero_point.row_mut(i).get_mut(start..);
            copy(params.affine.zero_point, to, |z| z as u8);
        }
    }
}

/// The stored form of compressed weights.
#[derive(Clone, Copy, Debug)]
pub struct Compressed<'a> {
    /// Format of the weights.
    pub format: WeightFormat,
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
                        batch.read(k, self, first + run.start..first + run.end);
                        read = Some(first);
                    }
                    f(row, run.clone(), &batch.params(&self.format, run.len(), WHOLE));
                }
            }
            return;
        }
        let group = grouping.group;
        let step = batch_groups(group).saturating_mul(group.get());
        for row in rows {
            let first = row * grouping.cols;
            for run in cuts(cols.clone(), step) {
                let groups = first + run.start / group..first + run.end.div_ceil(group.get());
                batch.read(k, self, groups.clone());
                f(row, run, &batch.params(&self.format, groups.len(), group));
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
    let (rows, cols, code_type) = (dst.rows(), dst.cols(), src.codes.code_type());
    let grouping = Grouping::new(&src.format, rows, cols)?;
    let cut = Cut::new(rows, cols, src.alignment(&grouping));
    exec.tiles(cut, dst, |tile, mut dst| {
        let (top, left) = (tile.rows.start, tile.cols.start);
        src.runs(k, &grouping, tile.clone(), |row, run, params| {
            let codes = src.codes.run(row, run.clone());
            let out = dst.run_mut(row - top, run.start - left..run.end - left);
            dequantize_row(k, codes, params, code_type, out);
        });
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
                let sums = column_errors(k, weights, src, &grouping, block.clone());
                sums.iter().take(block.len()).fold(total, |total, sum| worse(total, (*sum, *sum)))
            } else {
                let sum = row_error(k, weights, src, &grouping, i);
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

/// Calls `f` with pieces of the rows of `tile`: the column where they start, the weights, and what
/// the codes stand for.
fn each_pair(
    k: &Kernels,
    (weights, src, grouping): (MatrixView<'_>, &Compressed<'_>, &Grouping),
    tile: Tile,
    mut f: impl FnMut(usize, &[f32], &[f32]),
) {
    let (mut floats, mut values) = ([0.0; STAGE], [0.0; STAGE]);
    src.runs(k, grouping, tile, |row, run, params| {
        let codes = src.codes.run(row, run.clone());
        for piece in pieces(run.len()) {
            let at = run.start + piece.start;
            let x = widened(k, weights.run(row, at..at + piece.len()), &mut floats);
            let y = values.get_mut(..piece.len()).unwrap_or_default();
            dequantize_f32(k, codes, params, src.codes.code_type(), piece, y);
            f(at, x, y);
        }
    });
}

fn row_error(
    k: &Kernels,
    weights: MatrixView<'_>,
    src: &Compressed<'_>,
    grouping: &Grouping,
    row: usize,
) -> f64 {
    let mut sum = 0.0;
    let tile = Tile { rows: row..row + 1, cols: 0..weights.cols() };
    each_pair(k, (weights, src, grouping), tile, |_, x, y| {
        sum += f64::from(k.squared_distance(x, y));
    });
    sum
}

/// The sums of squared errors of at most `COLUMNS` columns.
fn column_errors(
    k: &Kernels,
    weights: MatrixView<'_>,
    src: &Compressed<'_>,
    grouping: &Grouping,
    cols: Range<usize>,
) -> [f64; COLUMNS] {
    let mut sums = [0.0; COLUMNS];
    let tile = Tile { rows: 0..weights.rows(), cols: cols.clone() };
    each_pair(k, (weights, src, grouping), tile, |at, x, y| {
        let mut squares = [0.0_f32; COLUMNS];
        let squares = squares.get_mut(..x.len()).unwrap_or_default();
        k.sum_squares_columns(x, y, squares);
        let sums = sums.get_mut(at - cols.start..).unwrap_or_default();
        sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += f64::from(*square));
    });
    sums
}

/// What to do with a weight of `channel` input channels when `group` is wished for.
pub fn resolve_group(
    fallback: GroupFallback,
    group: Option<NonZeroUsize>,
    smallest: usize,
    channel: usize,
) -> Result<GroupChoice> {
    let choice = |action: GroupAction, group_size: usize| {
        // Sizes come from an `i32` or are at most the channel size, whose excess is refused.
        i32::try_from(group_size)
            .map(|group_size| GroupChoice { action: action as u32, group_size })
            .map_err(|_| {
                let rule = c"must have a power of two of at most 30 bits";
                let error = Error::new(Status::InvalidShape, c"channel_size", rule);
                Error { value: channel as f64, ..error }
            })
    };
    let per_channel = |action: GroupAction| GroupChoice { action: action as u32, group_size: -1 };
    let Some(group) = group else { return Ok(per_channel(GroupAction::Compress)) };
    if channel % group == 0 {
        return choice(GroupAction::Compress, group.get());
    }
    match fallback {
        GroupFallback::Error => {
            let rule = c"must divide channel_size";
            Err(Error::field(c"params", c"group_size", rule, group.get() as f64))
        }
        GroupFallback::Ignore => choice(GroupAction::Skip, 0),
        GroupFallback::Adjust => {
            let largest = channel & channel.wrapping_neg();
            if largest >= smallest {
                choice(GroupAction::Compress, largest)
            } else {
                Ok(per_channel(GroupAction::Backup))
            }
        }
    }
}
