//! From the extremes of a group to its scale.

use crate::algorithms::coding::{Coding, Float, Table};
use crate::algorithms::exponent::{floor_log2, power_of_two};
use crate::algorithms::quantizer::{at_least_smallest, round, scale_to};
use crate::formats::{self, FloatFormat};
use crate::params::weights::{AsymmetricRange, MxScale, ScaleGuard, WeightFormat, WeightMode};

/// What all groups of a matrix share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule<'a> {
    pub(in crate::algorithms) format: WeightFormat,
    pub(super) coding: Coding<'a>,
    /// The largest magnitude that codes stand for. Integer modes do not read it.
    pub(super) largest: f32,
    /// The scale of the matrix, 1 where there is none.
    pub(in crate::algorithms) tensor_scale: f32,
}

impl<'a> Rule<'a> {
    /// `table` holds the table of codebooks of at most 16 values, if they have one.
    pub(in crate::algorithms) fn new(
        format: &WeightFormat,
        codebook: &'a [f32],
        table: Option<&'a Table>,
    ) -> Self {
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
    pub(super) fn scale_zero_point(&self, min: f32, max: f32) -> (f32, i32) {
        if self.format.mode.is_integer() {
            integer_scale(&self.format, min, max)
        } else {
            (self.float_scale(if -min > max { -min } else { max }), 0)
        }
    }

    /// The scale of a group with the largest magnitude `amax`.
    pub(super) fn float_scale(&self, amax: f32) -> f32 {
        let format = &self.format;
        let scale = match format.guard {
            ScaleGuard::Scale => at_least_smallest(scale_to(amax, self.largest)),
            ScaleGuard::Magnitude => scale_to(at_least_smallest(amax), self.largest),
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
    pub(in crate::algorithms) fn divisor(&self, scale: f32) -> f32 {
        if self.format.mode == WeightMode::Mxint8 { scale / 64.0 } else { scale }
    }
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

/// The values of the codebook of a format.
pub(in crate::algorithms) fn codebook_of<'a>(
    format: &WeightFormat,
    codebook: &'a [f32],
) -> &'a [f32] {
    match format.mode {
        WeightMode::Nf4 => &formats::NF4,
        WeightMode::Cb4 => &formats::CB4,
        _ => codebook,
    }
}

/// The table of a format whose codes are indices of at most 4 bits.
pub(in crate::algorithms) fn table_of(format: &WeightFormat, codebook: &[f32]) -> Option<Table> {
    match format.mode {
        WeightMode::Nf4 => Some(Table::nf4()),
        WeightMode::Cb4 | WeightMode::Codebook => Table::new(codebook),
        _ => None,
    }
}
