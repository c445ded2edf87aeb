//! Codes that are not integers: float formats, and indices into a codebook.

use crate::algorithms::WHOLE;
use crate::algorithms::stage::{STAGE, group_runs, pieces};
use crate::formats::{FloatFormat, NF4, NF4_THRESHOLDS};
use crate::kernels::{Affine, Codebook, FloatDecoding, FloatEncoding, Kernels, TableCoding};
use crate::params::elementwise::Rounding;
use core::ops::Range;
use half::f16;

/// What the codes of a matrix stand for.
#[derive(Clone, Copy, Debug)]
pub enum Coding<'a> {
    /// Integers, with scale and zero point.
    Integer,
    /// Numbers of a float format.
    Float(Float),
    /// Indices into at most 16 values.
    Table(&'a Table),
    /// Indices into more values.
    Codebook(&'a [f32]),
}

/// No scale.
pub(crate) const UNSCALED: Affine<'static> = Affine {
    group: WHOLE,
    scale: &[],
    reciprocal: &[],
    zero_point: &[],
    zero_point_all: 0,
    rounding: Rounding::AfterRounding,
    min: 0,
    max: 0,
    bounded: false,
};

/// A float format and its rules.
#[derive(Clone, Copy, Debug)]
pub struct Float {
    /// The format.
    pub format: FloatFormat,
    /// As `FloatEncoding::limit`.
    pub limit: f32,
    /// As `FloatEncoding::nan`.
    pub nan: u8,
    /// Whether numbers are rounded to f16 first, as NNCF does.
    pub through_f16: bool,
}

impl Float {
    /// Magnitudes beyond the largest number become it; a NaN stays one, or becomes the largest
    /// number where the format has none.
    #[must_use]
    pub fn saturating(format: FloatFormat) -> Self {
        let nan = format.nan().unwrap_or(format.largest());
        Self { format, limit: format.max(), nan, through_f16: false }
    }

    /// What the kernels want, without division.
    #[must_use]
    pub fn encoding(&self) -> FloatEncoding<'static> {
        FloatEncoding {
            format: self.format,
            limit: self.limit,
            nan: self.nan,
            group: WHOLE,
            scale: &[],
            bounded: false,
        }
    }
}

/// At most 16 ascending values and the numbers between which the nearest one changes.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Table {
    thresholds: [f32; 16],
    values: [f32; 16],
}

impl Table {
    /// The table of NF4.
    #[must_use]
    pub fn nf4() -> Self {
        Self { thresholds: heap(&NF4_THRESHOLDS), values: NF4 }
    }

    /// A codebook, if the kernels for 16 values can search it: it has no more, and no threshold is
    /// so near to 0 or so large that a quotient next to it were not exact.
    #[must_use]
    pub fn new(codebook: &[f32]) -> Option<Self> {
        const SMALLEST: f32 = 1.0 / 65_536.0;
        const LARGEST: f32 = 65_536.0;
        if codebook.len() > 16 {
            return None;
        }
        let (mut values, mut thresholds) = ([0.0; 16], [f32::INFINITY; 15]);
        for (to, from) in thresholds.iter_mut().zip(codebook.windows(2)) {
            *to = 0.5 * from.iter().sum::<f32>();
            // 0 is none of them: next to it quotients are subnormal, and not exact.
            if !(SMALLEST..=LARGEST).contains(&to.abs()) {
                return None;
            }
        }
        let last = codebook.last().copied().unwrap_or_default();
        for (i, to) in values.iter_mut().enumerate() {
            *to = codebook.get(i).copied().unwrap_or(last);
        }
        Some(Self { thresholds: heap(&thresholds), values })
    }

    fn coding<'a>(&self, affine: &Affine<'a>) -> TableCoding<'a> {
        let Affine { group, scale, bounded, .. } = *affine;
        TableCoding { thresholds: self.thresholds, values: self.values, group, scale, bounded }
    }
}

/// The order in which a search meets sorted thresholds: entry 1 is the middle, below entry `i` are
/// `2 i` and `2 i + 1`.
fn heap(sorted: &[f32; 15]) -> [f32; 16] {
    let mut heap = [0.0; 16];
    for (i, to) in heap.iter_mut().enumerate().skip(1) {
        let level = i.ilog2();
        let place = i - (1 << level);
        let at = (2 * place + 1) * (8 >> level) - 1;
        *to = sorted.get(at).copied().unwrap_or_default();
    }
    heap
}

/// Whether groups are shorter than what the kernels take in one step: scales per element are
/// faster then.
fn is_small(affine: &Affine<'_>) -> bool {
    affine.group.get() < 32 && !affine.scale.is_empty()
}

/// The scales of the elements `piece` of a run: borrowed where there is one per column, spread into
/// `lanes`, which come as ones, where there is one per group or none.
fn lane_scales<'a>(
    by_column: bool,
    affine: &Affine<'a>,
    piece: Range<usize>,
    lanes: &'a mut [f32; STAGE],
) -> &'a [f32] {
    if by_column {
        return affine.scale.get(piece).unwrap_or_default();
    }
    let (start, len) = (piece.start, piece.len());
    group_runs(piece, affine.group, |run, first| {
        let part = lanes.get_mut(run.start - start..run.end - start).unwrap_or_default();
        let scales = affine.scale.get(first..).unwrap_or_default();
        for (lanes, scale) in part.chunks_mut(affine.group.get()).zip(scales) {
            lanes.fill(*scale);
        }
    });
    lanes.get(..len).unwrap_or_default()
}

impl Coding<'_> {
    /// Calls `f` with runs that cover `x`, their place, and the parameters that are left to the
    /// kernels: all of them, or none where the elements have been divided here.
    fn quotients(
        &self,
        k: &Kernels,
        by_column: bool,
        x: &[f32],
        affine: &Affine<'_>,
        mut f: impl FnMut(Range<usize>, &[f32], &Affine<'_>),
    ) {
        let through_f16 = matches!(self, Self::Float(Float { through_f16: true, .. }));
        if !by_column && !through_f16 && !is_small(affine) {
            f(0..x.len(), x, affine);
            return;
        }
        let mut quotients = [0.0; STAGE];
        for piece in pieces(x.len()) {
            let q = quotients.get_mut(..piece.len()).unwrap_or_default();
            let mut lanes = [1.0; STAGE];
            let scale = lane_scales(by_column, affine, piece.clone(), &mut lanes);
            k.divide_columns(x.get(piece.clone()).unwrap_or_default(), scale, q);
            if through_f16 {
                let mut halves = [f16::ZERO; STAGE];
                let halves = halves.get_mut(..piece.len()).unwrap_or_default();
                k.narrow_f16(q, halves);
                k.widen_f16(halves, q);
            }
            f(piece, q, &UNSCALED);
        }
    }

    /// Encodes a run of elements, one byte per code. Integers have kernels of their own.
    pub(crate) fn encode(
        &self,
        k: &Kernels,
        by_column: bool,
        x: &[f32],
        affine: &Affine<'_>,
        codes: &mut [u8],
    ) {
        self.quotients(k, by_column, x, affine, |place, x, affine| {
            let codes = codes.get_mut(place).unwrap_or_default();
            let Affine { group, scale, bounded, .. } = *affine;
            match self {
                Self::Integer => {}
                Self::Float(float) => {
                    let to = FloatEncoding { group, scale, bounded, ..float.encoding() };
                    k.encode_float(x, &to, codes);
                }
                Self::Table(table) => k.encode_table(x, &table.coding(affine), codes),
                Self::Codebook(values) => {
                    k.encode_codebook_u8(x, &Codebook { values, group, scale }, codes);
                }
            }
        });
    }

    /// Encodes a run of elements as 16-bit indices, which only codebooks have.
    pub(crate) fn encode_u16(
        &self,
        k: &Kernels,
        by_column: bool,
        x: &[f32],
        affine: &Affine<'_>,
        codes: &mut [u16],
    ) {
        let Self::Codebook(values) = *self else { return };
        self.quotients(k, by_column, x, affine, |place, x, affine| {
            let to = Codebook { values, group: affine.group, scale: affine.scale };
            k.encode_codebook_u16(x, &to, codes.get_mut(place).unwrap_or_default());
        });
    }

    /// Decodes a run of codes of one byte.
    pub(crate) fn decode(
        &self,
        k: &Kernels,
        by_column: bool,
        codes: &[u8],
        affine: &Affine<'_>,
        y: &mut [f32],
    ) {
        products(k, by_column, affine, y, |place, affine, y| {
            let codes = codes.get(place).unwrap_or_default();
            let Affine { group, scale, .. } = *affine;
            match self {
                Self::Integer => {}
                Self::Float(float) => {
                    k.decode_float(codes, &FloatDecoding { format: float.format, group, scale }, y);
                }
                Self::Table(table) => k.decode_table(codes, &table.coding(affine), y),
                Self::Codebook(values) => {
                    k.decode_codebook_u8(codes, &Codebook { values, group, scale }, y);
                }
            }
        });
    }

    /// Decodes a run of 16-bit indices.
    pub(crate) fn decode_u16(
        &self,
        k: &Kernels,
        by_column: bool,
        codes: &[u16],
        affine: &Affine<'_>,
        y: &mut [f32],
    ) {
        let Self::Codebook(values) = *self else { return };
        products(k, by_column, affine, y, |place, affine, y| {
            let from = Codebook { values, group: affine.group, scale: affine.scale };
            k.decode_codebook_u16(codes.get(place).unwrap_or_default(), &from, y);
        });
    }
}

/// Calls `f` with runs that cover `y`, their place, and the parameters that are left to the kernels;
/// multiplies here where these are none.
fn products(
    k: &Kernels,
    by_column: bool,
    affine: &Affine<'_>,
    y: &mut [f32],
    mut f: impl FnMut(Range<usize>, &Affine<'_>, &mut [f32]),
) {
    if !by_column && !is_small(affine) {
        f(0..y.len(), affine, y);
        return;
    }
    for piece in pieces(y.len()) {
        let y = y.get_mut(piece.clone()).unwrap_or_default();
        f(piece.clone(), &UNSCALED, y);
        let mut lanes = [1.0; STAGE];
        k.multiply_columns(y, lane_scales(by_column, affine, piece, &mut lanes));
    }
}
