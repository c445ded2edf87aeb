//! Weight compression: codes of few bits with a scale, and in the asymmetric integer modes a zero
//! point, per group.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::{
    RowParams, dequantize_f32, dequantize_row, quantize_row, reciprocals,
};
use crate::algorithms::coding::{Coding, Float, Table, UNSCALED};
use crate::algorithms::quantizer::{at_least_smallest, round};
use crate::algorithms::stage::{STAGE, cuts, group_extremes, pieces, widened};
use crate::formats::{self, FloatFormat};
use crate::kernels::{Affine, FloatDecoding, Kernels, PowerRounding};
use crate::parallel::{Cut, Exec, Tile};
use crate::params::elementwise::Rounding;
use crate::params::weights::{
    AsymmetricRange, GroupAction, GroupChoice, GroupFallback, MxScale, ScaleGuard, ScaleType,
    WeightError, WeightFormat, WeightLayout, WeightMode,
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
        let code_row_bytes = format.code_type().row_bytes(cols)?;
        let code_bytes = code_row_bytes.checked_mul(rows)?;
        let scale_bytes = groups.checked_mul(format.scales.bytes())?;
        let tensor_scale_bytes = if format.mode == WeightMode::Nvfp4 { 4 } else { 0 };
        let zero_point_bytes = if format.mode.is_asymmetric() { groups } else { 0 };
        let total_bytes = code_bytes
            .checked_add(scale_bytes)?
            .checked_add(tensor_scale_bytes)?
            .checked_add(zero_point_bytes)?;
        isize::try_from(total_bytes).ok()?;
        Some(WeightLayout {
            code_type: format.code_type() as u32,
            bits: format.bits(),
            code_row_bytes,
            code_bytes,
            groups,
            scale_bytes,
            tensor_scale_bytes,
            zero_point_bytes,
            total_bytes,
        })
    };
    let rule = c"must have sizes that fit into the address space";
    sizes().ok_or(Error::new(Status::SizeOverflow, c"rows", rule))
}

/// What all groups of a matrix share.
#[derive(Clone, Copy, Debug)]
struct Rule<'a> {
    format: WeightFormat,
    coding: Coding<'a>,
    /// The largest magnitude that codes stand for. Integer modes do not read it.
    largest: f32,
    /// The scale of the matrix, 1 where there is none.
    tensor_scale: f32,
}

impl<'a> Rule<'a> {
    /// `table` holds the table of codebooks of at most 16 values, if they have one.
    fn new(format: &WeightFormat, codebook: &'a [f32], table: Option<&'a Table>) -> Self {
        let float = |format: FloatFormat, through_f16| {
            (Coding::Float(Float { through_f16, ..Float::saturating(format) }), format.max())
        };
        let values = |codebook: &'a [f32]| {
            let largest =
                codebook.iter().fold(0.0, |m: f32, x| if x.abs() > m { x.abs() } else { m });
            (table.map_or(Coding::Codebook(codebook), Coding::Table), largest)
        };
        let (coding, largest) = match (format.mode, format.code_type().float_format()) {
            (_, Some(float_format)) => {
                let fp8 = float_format.sign() == 0x80;
                float(float_format, fp8 && format.through_f16)
            }
            (WeightMode::Nf4 | WeightMode::Cb4 | WeightMode::Codebook, _) => values(codebook),
            // Codes of MXINT8 are 64ths.
            (WeightMode::Mxint8, _) => (Coding::Integer, 127.0 / 64.0),
            _ => (Coding::Integer, 0.0),
        };
        Self { format: *format, coding, largest, tensor_scale: 1.0 }
    }

    /// Scale and zero point of a group with the extremes `min` and `max`.
    fn scale_zero_point(&self, min: f32, max: f32) -> (f32, i32) {
        if self.format.mode.is_integer() {
            integer_scale(&self.format, min, max)
        } else {
            (self.float_scale(if -min > max { -min } else { max }), 0)
        }
    }

    /// The scale of a group with the largest magnitude `amax`.
    fn float_scale(&self, amax: f32) -> f32 {
        let format = &self.format;
        let scale = match format.guard {
            ScaleGuard::Scale => at_least_smallest(amax / self.largest),
            ScaleGuard::Magnitude => at_least_smallest(amax) / self.largest,
        };
        if !format.mode.is_mx() {
            return scale;
        }
        match format.mx_scale {
            MxScale::Ceil => power_above(scale),
            MxScale::CeilLogarithm => {
                let exponent = libm::ceilf(libm::logf(scale) / core::f32::consts::LN_2);
                power_of_two(exponent as i32)
            }
            MxScale::Floor => {
                let emax = floor_log2(self.largest);
                power_of_two(floor_log2(at_least_smallest(amax)) - emax)
            }
        }
    }

    /// Divisors of the elements, from the scales that are stored.
    fn divisor(&self, scale: f32) -> f32 {
        if self.format.mode == WeightMode::Mxint8 { scale / 64.0 } else { scale }
    }
}

/// `floor(log2(x))` of a positive normal number.
fn floor_log2(x: f32) -> i32 {
    (x.to_bits() >> 23) as i32 - 127
}

/// `2^exponent`, within the range of E8M0.
fn power_of_two(exponent: i32) -> f32 {
    let field = (exponent.clamp(-127, 127) + 127) as u32;
    f32::from_bits(if field == 0 { 1 << 22 } else { field << 23 })
}

/// The smallest power of two that is not below `x`, a positive normal number.
fn power_above(x: f32) -> f32 {
    power_of_two(floor_log2(x) + i32::from(x.to_bits() & 0x007F_FFFF != 0))
}

/// Scale and zero point of an integer group.
fn integer_scale(format: &WeightFormat, min: f32, max: f32) -> (f32, i32) {
    let bits = format.bits();
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
    /// As E8M0 or E4M3.
    Bytes(PerGroup<'a, u8>),
}

impl crate::parallel::Tiled for ScalesMut<'_> {
    #[allow(unsafe_code, reason = "forwards to the parts of the arrays")]
    unsafe fn part(&self, tile: &Tile) -> Self {
        // SAFETY: the contract of this function.
        unsafe {
            match self {
                Self::F32(scales) => Self::F32(scales.part(tile)),
                Self::F16(scales) => Self::F16(scales.part(tile)),
                Self::Bytes(scales) => Self::Bytes(scales.part(tile)),
            }
        }
    }
}

impl ScalesMut<'_> {
    fn write(&mut self, k: &Kernels, rule: &Rule<'_>, row: usize, first: usize, scale: &[f32]) {
        match self {
            Self::Bytes(to) => {
                let to = to.row_mut(row).get_mut(first..first + scale.len()).unwrap_or_default();
                if rule.format.scales == ScaleType::E8m0 {
                    k.encode_power(scale, PowerRounding::Nearest, 254, to);
                } else {
                    let through_f16 = rule.format.through_f16;
                    let e4m3 = Float { through_f16, ..Float::saturating(formats::E4M3) };
                    let affine = Affine { scale: &[rule.tensor_scale], ..UNSCALED };
                    Coding::Float(e4m3).encode(k, false, scale, &affine, to);
                }
            }
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
    /// As E8M0.
    E8m0(&'a [u8]),
    /// As E4M3, relative to a scale of the matrix.
    E4m3(&'a [u8], f32),
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
            Self::E8m0(from) => {
                let from = from.get(range).unwrap_or_default();
                k.decode_power(from, to.get_mut(..from.len()).unwrap_or_default());
            }
            Self::E4m3(from, tensor_scale) => {
                let from = from.get(range).unwrap_or_default();
                let scale = core::slice::from_ref(tensor_scale);
                let decoding = FloatDecoding { format: formats::E4M3, group: WHOLE, scale };
                k.decode_float(from, &decoding, to.get_mut(..from.len()).unwrap_or_default());
            }
        }
    }
}

/// Parameters of up to `N` groups as the kernels want them.
struct Batch<const N: usize> {
    /// Scales as they are stored, before they are rounded to the type in which they are.
    stored: [f32; N],
    scale: [f32; N],
    zero_point: [i32; N],
    bounded: bool,
}

impl<const N: usize> Batch<N> {
    const EMPTY: Self =
        Self { stored: [0.0; N], scale: [0.0; N], zero_point: [0; N], bounded: false };

    /// Computes the parameters from the extremes of the groups. A group with a NaN or an infinity
    /// is treated as all zero; answers the first such group.
    fn set(&mut self, rule: &Rule<'_>, min: &[f32], max: &[f32]) -> Option<usize> {
        let mut bad = None;
        let params = self.stored.iter_mut().zip(&mut self.scale).zip(&mut self.zero_point);
        let groups = params.zip(min.iter().zip(max)).enumerate();
        for (g, (((stored, scale), zero_point), (min, max))) in groups {
            // The width must be finite, too: it becomes the scale of the asymmetric modes.
            let finite = (max - min).abs() < f32::INFINITY;
            if !finite && bad.is_none() {
                bad = Some(g);
            }
            let (min, max) = if finite { (*min, *max) } else { (0.0, 0.0) };
            (*stored, *zero_point) = rule.scale_zero_point(min, max);
            *scale = rule.divisor(*stored);
        }
        // The scale follows from the largest magnitude, except for ranges taken as they are.
        self.bounded = bad.is_none() && rule.format.range == AsymmetricRange::WithZero;
        bad
    }

    /// The scales to store of the first `n` groups.
    fn stored(&self, n: usize) -> &[f32] {
        self.stored.get(..n).unwrap_or_default()
    }

    /// The parameters of the first `n` groups of a row, or of `n` columns.
    fn params<'a>(&'a self, rule: &Rule<'a>, n: usize, group: NonZeroUsize) -> RowParams<'a> {
        let asymmetric = rule.format.mode.is_asymmetric();
        let (min, max) = rule.format.code_type().range();
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
            by_column: rule.format.by_column,
            coding: rule.coding,
        }
    }

    /// Reads stored parameters of the groups `range`.
    fn read(&mut self, k: &Kernels, rule: &Rule<'_>, src: &Compressed<'_>, range: Range<usize>) {
        src.scale.read(k, range.clone(), &mut self.scale);
        let mode = src.format.mode;
        if mode == WeightMode::Mxint8 {
            self.scale.iter_mut().for_each(|scale| *scale = rule.divisor(*scale));
        }
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
    if format.mode == WeightMode::Nvfp4 {
        rule.tensor_scale = nvfp4_scale(k, exec, &rule, src)?;
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
        index => Err(not_finite(src, index)),
    }
}

/// The values of the codebook of a format.
fn codebook_of<'a>(format: &WeightFormat, codebook: &'a [f32]) -> &'a [f32] {
    match format.mode {
        WeightMode::Nf4 => &formats::NF4,
        WeightMode::Cb4 => &formats::CB4,
        _ => codebook,
    }
}

/// The table of a format whose codes are indices of at most 4 bits.
fn table_of(format: &WeightFormat, codebook: &[f32]) -> Option<Table> {
    match format.mode {
        WeightMode::Nf4 => Some(Table::nf4()),
        WeightMode::Cb4 | WeightMode::Codebook => Table::new(codebook),
        _ => None,
    }
}

/// The scale of the matrix that maps the largest scale of a group to the largest E4M3 number.
fn nvfp4_scale(k: &Kernels, exec: Exec<'_>, rule: &Rule<'_>, src: MatrixView<'_>) -> Result<f32> {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    // Elements that are not finite do not count: their groups are treated as all zero.
    let part = |rows: Range<usize>| {
        rows.fold(0.0, |largest, row| {
            cuts(0..src.cols(), BATCH).fold(largest, |largest, piece| {
                let found = run_abs_max(k, src.run(row, piece.clone()));
                if found < f32::INFINITY {
                    return greater(largest, found);
                }
                let groups = cuts(piece, 16).map(|group| run_abs_max(k, src.run(row, group)));
                groups.filter(|found| *found < f32::INFINITY).fold(largest, greater)
            })
        })
    };
    let largest = exec.fold(src.rows(), 0.0, part, greater)?;
    Ok(at_least_smallest(rule.float_scale(largest) / formats::E4M3.max()))
}

fn run_abs_max(k: &Kernels, run: Run<'_>) -> f32 {
    match run {
        Run::F32(x) => k.abs_max(x),
        Run::F16(x) => k.abs_max_f16(x),
        Run::Bf16(x) => k.abs_max_bf16(x),
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
    rule: &Rule<'_>,
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
            if let Some(g) = batch.set(rule, min, max) {
                let first = g * group.get();
                let inside = first_not_finite(run.part(first..run.len())).unwrap_or(0);
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
                k.min_max_columns(widened(k, src.run(row, cols.clone()), &mut buffer), min, max);
            }
            if batch.set(rule, min, max).is_some() {
                for row in rows.clone() {
                    if let Some(inside) = first_not_finite(src.run(row, cols.clone())) {
                        bad.see(row * src.cols() + cols.start + inside);
                    }
                }
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
        let step = batch_groups(group).saturating_mul(group.get());
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
    let (rows, cols, code_type) = (dst.rows(), dst.cols(), src.codes.code_type());
    let grouping = Grouping::new(&src.format, rows, cols)?;
    let table = table_of(&src.format, src.codebook);
    let rule = Rule::new(&src.format, codebook_of(&src.format, src.codebook), table.as_ref());
    let cut = Cut::new(rows, cols, src.alignment(&grouping));
    exec.tiles(cut, dst, |tile, mut dst| {
        let (top, left) = (tile.rows.start, tile.cols.start);
        src.runs(k, &rule, &grouping, tile.clone(), |row, run, params| {
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
    let table = table_of(&src.format, src.codebook);
    let rule = Rule::new(&src.format, codebook_of(&src.format, src.codebook), table.as_ref());
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
