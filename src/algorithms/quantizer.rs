//! From statistics to ranges, scales and zero points. Every operation is f32 in the order of the
//! reference, so the numbers are those of NNCF 3.4.0, bit for bit.

use crate::params::matrix::CodeType;
use crate::params::quantization::{Quantization, QuantizerGrid, Scheme};

/// Channels weaker than this share of the strongest one are widened to it, so that a filter that
/// is almost zero does not get a scale that is almost zero.
const ZERO_FILTER_SHARE: f32 = 0.01;

/// Smallest upper end of a symmetric range.
const SMALLEST_HIGH: f32 = 8e-5;

/// A narrower asymmetric range is widened by this much on both sides.
const SMALLEST_SPAN: f32 = 8e-4;

/// `2^-23`: the smallest scale.
pub(crate) const SMALLEST_SCALE: f32 = f32::EPSILON;

/// Rounds half to even, for any finite value.
pub(crate) fn round(x: f32) -> f32 {
    libm::rintf(x)
}

/// Keeps scales away from 0.
pub(crate) fn at_least_smallest(scale: f32) -> f32 {
    if scale.abs() < SMALLEST_SCALE { SMALLEST_SCALE } else { scale }
}

/// The scale with which `largest`, a magnitude that codes have, stands for `peak`. Codes that are all
/// tiny would make it infinite.
#[cfg(feature = "weights")]
pub(crate) fn scale_to(peak: f32, largest: f32) -> f32 {
    (peak / largest).clamp(-f32::MAX, f32::MAX)
}

/// Number of codes of a grid.
fn levels(bits: u32, narrow: bool) -> u32 {
    (1 << bits) - u32::from(narrow)
}

/// The integer grid: signed for signed statistics of the symmetric scheme, unsigned otherwise.
#[must_use]
pub fn grid(params: &Quantization, min: &[f32]) -> QuantizerGrid {
    let signed = params.scheme == Scheme::Symmetric && is_signed(params, min);
    let half = 1_i32 << (params.num_bits - 1);
    let (level_low, level_high) = if signed { (-half, half - 1) } else { (0, 2 * half - 1) };
    let code_type = match (params.num_bits, signed) {
        (2, false) => CodeType::U2,
        (3, false) => CodeType::U3,
        (..=4, true) => CodeType::I4,
        (4, false) => CodeType::U4,
        (..=8, true) => CodeType::I8,
        (..=8, false) => CodeType::U8,
        (_, true) => CodeType::I16,
        (_, false) => CodeType::U16,
    };
    QuantizerGrid {
        level_low,
        level_high,
        code_min: level_low + i32::from(params.narrow_range),
        code_max: level_high,
        levels: levels(params.num_bits, params.narrow_range),
        is_signed: u32::from(signed),
        code_type: code_type as u32,
    }
}

/// One decision for all channels.
fn is_signed(params: &Quantization, min: &[f32]) -> bool {
    params.force_signed || min.iter().any(|m| *m < 0.0)
}

/// The range of every channel. The slices have one length.
pub fn ranges(
    params: &Quantization,
    min: &[f32],
    max: &[f32],
    mut set: impl FnMut(usize, f32, f32),
) {
    match params.scheme {
        Scheme::Symmetric => symmetric(params, min, max, set),
        Scheme::Asymmetric => {
            for (i, (min, max)) in min.iter().zip(max).enumerate() {
                let (low, high) = asymmetric(*min, *max, params.num_bits);
                set(i, low, high);
            }
        }
    }
}

fn symmetric(
    params: &Quantization,
    min: &[f32],
    max: &[f32],
    mut set: impl FnMut(usize, f32, f32),
) {
    let strongest = max.iter().fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let share = strongest * ZERO_FILTER_SHARE;
    let least = if share > SMALLEST_HIGH { share } else { SMALLEST_HIGH };
    let signed = is_signed(params, min);
    // Half range: the range of one bit less, stretched so that the weights use half of the codes.
    let base = levels(params.num_bits - u32::from(params.half_range), false);
    let base = if params.half_range { base } else { base - u32::from(params.narrow_range) };
    let below = if params.narrow_range { 1.0 } else { base as f32 / (base - 2) as f32 };
    let stretch = if params.half_range {
        (levels(params.num_bits, params.narrow_range) - 1) as f32 / (base - 1) as f32
    } else {
        1.0
    };
    for (i, max) in max.iter().enumerate() {
        let high = if *max > least { *max } else { least };
        let low = if signed { -(high * below) } else { 0.0 };
        set(i, low * stretch, high * stretch);
    }
}

/// A range that includes 0, with 0 on a level.
fn asymmetric(min: f32, max: f32, bits: u32) -> (f32, f32) {
    let margin = if max - min > SMALLEST_SPAN { 0.0 } else { SMALLEST_SPAN };
    let (low, high) = (min - margin, max + margin);
    let low = if low < 0.0 { low } else { 0.0 };
    let high = if high > 0.0 { high } else { 0.0 };
    let steps = last_level(bits);
    tuned(low, high, round(-low * (steps / (high - low))), steps)
}

/// Highest of `2^bits` levels.
pub(crate) fn last_level(bits: u32) -> f32 {
    (levels(bits, false) - 1) as f32
}

/// Moves one end so that level `zero` is 0: the end whose move gives the wider range.
pub(crate) fn tuned(low: f32, high: f32, zero: f32, steps: f32) -> (f32, f32) {
    let new_low = if zero < steps { zero / (zero - steps) * high } else { low };
    let new_high = if zero > 0.0 { (zero - steps) / zero * low } else { high };
    if high - new_low > new_high - low { (new_low, high) } else { (low, new_high) }
}

/// Puts 0 on a level of every range, or of all ranges on the same level.
pub fn tune(
    low: &[f32],
    high: &[f32],
    bits: u32,
    unify: bool,
    mut set: impl FnMut(usize, f32, f32),
) {
    let steps = last_level(bits);
    let ends = low.iter().zip(high);
    let shared = unify.then(|| {
        let places = ends.clone().map(|(l, h)| -l / ((h - l) / steps));
        let sum = places.fold(0.0_f64, |sum, place| sum + f64::from(place));
        round((sum / low.len() as f64) as f32)
    });
    for (i, (l, h)) in ends.enumerate() {
        let zero = shared.unwrap_or_else(|| round(-l * (steps / (h - l))));
        let (l, h) = tuned(*l, *h, zero, steps);
        set(i, l, h);
    }
}

/// Scale and zero point of the range `low..=high` on the grid `level_low..=level_high`, whose
/// lowest level is left out if `narrow`.
#[must_use]
pub fn scale_zero_point(
    (low, high): (f32, f32),
    (level_low, level_high): (i32, i32),
    narrow: bool,
) -> (f32, i32) {
    let steps = level_high.wrapping_sub(level_low).wrapping_sub(i32::from(narrow));
    let scale = at_least_smallest((high - low) / steps as f32);
    // Clamped before the conversion; the levels are far below 2^24, so this is exact.
    let lowest = (level_low + i32::from(narrow)) as f32;
    let shift = lowest - round(low / scale);
    let shift = if shift > level_low as f32 { shift } else { level_low as f32 };
    let shift = if shift < level_high as f32 { shift } else { level_high as f32 };
    (scale, shift as i32)
}
