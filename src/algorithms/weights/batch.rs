//! The parameters of a few groups, as the kernels want them and as they are stored.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::RowParams;
use crate::algorithms::coding::{Coding, Float, UNSCALED};
use crate::algorithms::weights::rule::Rule;
use crate::algorithms::weights::stored::Compressed;
use crate::formats;
use crate::kernels::{Affine, FloatDecoding, Kernels, PowerRounding};
use crate::parallel::Tile;
use crate::params::elementwise::Rounding;
use crate::params::weights::{AsymmetricRange, ScaleType, WeightMode};
use crate::views::PerGroup;
use core::num::NonZeroUsize;
use core::ops::Range;
use half::f16;

/// Groups whose parameters are computed together, in a row.
pub(super) const GROUPS: usize = 32;

/// Elements that such groups should not exceed: they are read twice, the second time from L1.
pub(super) const BATCH: usize = 4096;

/// Columns that are compressed together where groups lie in columns.
pub(super) const COLUMNS: usize = 128;

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
    pub(in crate::algorithms) fn write(
        &mut self,
        k: &Kernels,
        rule: &Rule<'_>,
        row: usize,
        first: usize,
        scale: &[f32],
    ) {
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

pub(super) fn copy<A: Copy, B>(from: &[A], to: Option<&mut [B]>, f: impl Fn(A) -> B) {
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
    pub(super) fn read(&self, k: &Kernels, range: Range<usize>, to: &mut [f32]) {
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

/// Replaces scales by what is read of them once they are stored. One that would become 0 or infinite
/// stays.
#[cfg(feature = "gptq")]
pub(in crate::algorithms) fn through_storage<const N: usize>(
    k: &Kernels,
    rule: &Rule<'_>,
    scale: &mut [f32; N],
) {
    let mut read = [0.0; N];
    match rule.format.scales {
        ScaleType::F32 => return,
        ScaleType::F16 => {
            let mut stored = [f16::ZERO; N];
            ScalesMut::F16(PerGroup::new(&mut stored, N, 1)).write(k, rule, 0, 0, scale);
            Scales::F16(&stored).read(k, 0..N, &mut read);
        }
        scales => {
            let mut stored = [0; N];
            ScalesMut::Bytes(PerGroup::new(&mut stored, N, 1)).write(k, rule, 0, 0, scale);
            let stored = if scales == ScaleType::E8m0 {
                Scales::E8m0(&stored)
            } else {
                Scales::E4m3(&stored, rule.tensor_scale)
            };
            stored.read(k, 0..N, &mut read);
        }
    }
    for (scale, read) in scale.iter_mut().zip(read) {
        if read.is_finite() && read != 0.0 {
            *scale = read;
        }
    }
}

/// Parameters of up to `N` groups as the kernels want them.
pub(in crate::algorithms) struct Batch<const N: usize> {
    /// Scales as they are stored, before they are rounded to the type in which they are.
    pub(in crate::algorithms) stored: [f32; N],
    pub(in crate::algorithms) scale: [f32; N],
    pub(in crate::algorithms) zero_point: [i32; N],
    pub(in crate::algorithms) bounded: bool,
}

impl<const N: usize> Batch<N> {
    pub(in crate::algorithms) const EMPTY: Self =
        Self { stored: [0.0; N], scale: [0.0; N], zero_point: [0; N], bounded: false };

    /// Computes the parameters from the extremes of the groups. A group with a NaN or an infinity
    /// is treated as all zero; answers the first such group.
    pub(in crate::algorithms) fn set(
        &mut self,
        rule: &Rule<'_>,
        min: &[f32],
        max: &[f32],
    ) -> Option<usize> {
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
    pub(super) fn stored(&self, n: usize) -> &[f32] {
        self.stored.get(..n).unwrap_or_default()
    }

    /// The parameters of the first `n` groups of a row, or of `n` columns.
    pub(in crate::algorithms) fn params<'a>(
        &'a self,
        rule: &Rule<'a>,
        n: usize,
        group: NonZeroUsize,
    ) -> RowParams<'a> {
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
    pub(super) fn read(
        &mut self,
        k: &Kernels,
        rule: &Rule<'_>,
        src: &Compressed<'_>,
        range: Range<usize>,
    ) {
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

/// Elements of a batch of f16 or bf16 that are read as f32 where they become codes, too, instead of twice as
/// what they are.
pub(super) const WIDENED: usize = 1024;

/// Groups of a row that are taken together: whole units of packed codes, as few as fit into `elements` if
/// that is possible.
pub(super) fn batch_groups(group: NonZeroUsize, elements: usize) -> usize {
    (elements / group / 8 * 8).clamp(8, GROUPS)
}
