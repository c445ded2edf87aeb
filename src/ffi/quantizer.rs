//! From statistics to quantizers.

use crate::algorithms::quantizer;
use crate::ffi::check;
use crate::parallel::Exec;
use crate::params::context::Ctx;
use crate::params::quantization::{QuantizationParams, QuantizerGrid, Scheme};
use crate::status::{Error, Result, Status};
use core::ffi::CStr;

/// Fills the parameters of a quantizer: 8 bits, symmetric, per tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantization_params_default(params: *mut QuantizationParams) {
    // SAFETY: the pointer contract of the header.
    unsafe { check::fill(params, QuantizationParams::DEFAULT) };
}

/// Largest statistic: its range and width stay finite.
const LARGEST: f32 = f32::from_bits((127 + 125) << 23); // 2^125

fn store<T>(slice: &mut [T], i: usize, value: T) {
    if let Some(place) = slice.get_mut(i) {
        *place = value;
    }
}

/// Makes a quantizer from the minimum and maximum of each channel: range, scale, zero point and
/// integer grid, with the numbers of NNCF 3.4.0.
///
/// Symmetric: `high = max(max[c], 0.01 * largest max of all channels, 8e-5)`; `low = 0` if the
/// grid is unsigned, else `-high * (levels / (levels - 2))`, or `-high` for a narrow range. Give the
/// largest magnitude (`ptqk_abs_max`) as `max`; `min` only decides whether the grid is signed.
/// Asymmetric: the range is widened to include 0, by 8e-4 on both sides if it is narrower than
/// that, and one end is moved so that 0 is a level. With the overflow fix, the symmetric range is
/// that of one bit less, stretched so that half of the codes are used.
/// Scale and zero point are those of `ptqk_scale_zero_point` on the grid.
///
/// Statistics of 0 and tiny ones give the smallest ranges above. Statistics that are NaN or
/// infinite are refused with `PTQK_STATUS_NOT_FINITE` (NNCF would make a quantizer of NaN), those
/// beyond `2^125` in magnitude with `PTQK_STATUS_INVALID_PARAMETER`: their range would overflow.
///
/// @param ctx        May be NULL.
/// @param params     Not NULL.
/// @param min        `channels` minima. May be NULL if `channels` is 0.
/// @param max        `channels` maxima, `min[c] <= max[c]`; not negative if symmetric.
/// @param channels   Number of channels; at most 1 unless `params->per_channel` is 1.
/// @param low        Receives `channels` lower ends, or NULL.
/// @param high       Receives `channels` upper ends, or NULL.
/// @param scale      Receives `channels` scales, or NULL.
/// @param zero_point Receives `channels` zero points, or NULL.
/// @param grid       Receives the grid of all channels, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_quantizer_from_min_max(
    ctx: *const Ctx,
    params: *const QuantizationParams,
    min: *const f32,
    max: *const f32,
    channels: usize,
    low: *mut f32,
    high: *mut f32,
    scale: *mut f32,
    zero_point: *mut i32,
    grid: *mut QuantizerGrid,
) -> Status {
    let body = |_: Exec<'_>| {
        // SAFETY: the pointer contract of the header.
        let params = unsafe { check::params(params) }?.validate()?;
        if !params.per_channel && channels > 1 {
            let rule = c"must be at most 1 unless params.per_channel is 1";
            let error = Error::new(Status::InvalidShape, c"channels", rule);
            return Err(Error { value: channels as f64, ..error });
        }
        let rule = c"must not exceed max";
        // SAFETY: the pointer contract of the header.
        let ((min, min_span), (max, max_span)) =
            unsafe { check::ends((min, c"min"), (max, c"max"), channels, rule) }?;
        for (values, name) in [(min, c"min"), (max, c"max")] {
            check::every(values, name, c"must be in -2^125..2^125", |x| x.abs() <= LARGEST)?;
        }
        if params.scheme == Scheme::Symmetric {
            let rule = c"must not be negative with the symmetric scheme";
            check::every(max, c"max", rule, |max| max >= 0.0)?;
        }
        let low = check::Output::optional(low, channels, c"low")?;
        let high = check::Output::optional(high, channels, c"high")?;
        let scale = check::Output::optional(scale, channels, c"scale")?;
        let zero_point = check::Output::optional(zero_point, channels, c"zero_point")?;
        let grid = check::Output::optional(grid, 1, c"grid")?;
        let outputs = [low.span, high.span, scale.span, zero_point.span, grid.span];
        check::disjoint(&outputs, &[min_span, max_span])?;
        // SAFETY: the pointer contract of the header; the outputs are disjoint.
        let (low, high, scale, zero_point, grid) =
            unsafe { (low.slice(), high.slice(), scale.slice(), zero_point.slice(), grid.slice()) };
        let levels = quantizer::grid(&params, min);
        quantizer::ranges(&params, min, max, |i, l, h| {
            let bounds = (levels.level_low, levels.level_high);
            let (s, z) = quantizer::scale_zero_point((l, h), bounds, params.narrow_range);
            store(low, i, l);
            store(high, i, h);
            store(scale, i, s);
            store(zero_point, i, z);
        });
        store(grid, 0, levels);
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// Scale and zero point of ranges on an integer grid, for
/// `code = round(x / scale) + zero_point`.
///
/// `scale = (high - low) / (level_high - level_low - narrow_range)`, at least `2^-23`;
/// `zero_point = clamp(level_low + narrow_range - round(low / scale), level_low, level_high)`.
///
/// @param ctx          May be NULL.
/// @param low          `channels` finite lower ends.
/// @param high         `channels` finite upper ends, `low[c] <= high[c]`.
/// @param channels     Number of ranges.
/// @param level_low    Lowest code of the full grid. Range: `-65536..65536`.
/// @param level_high   Highest code. Range: `level_low + 2 .. 65536`.
/// @param narrow_range 1: the lowest code is not used; else 0.
/// @param scale        Receives `channels` scales.
/// @param zero_point   Receives `channels` zero points.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_scale_zero_point(
    ctx: *const Ctx,
    low: *const f32,
    high: *const f32,
    channels: usize,
    level_low: i32,
    level_high: i32,
    narrow_range: u32,
    scale: *mut f32,
    zero_point: *mut i32,
) -> Status {
    let body = |_: Exec<'_>| {
        let levels = -65536..=65536;
        if !levels.contains(&level_low) {
            return Err(refused(c"level_low", c"must be in -65536..65536", f64::from(level_low)));
        }
        if !levels.contains(&level_high) || level_high < level_low + 2 {
            let rule = c"must be in level_low + 2..65536";
            return Err(refused(c"level_high", rule, f64::from(level_high)));
        }
        let narrow = bit(narrow_range, c"narrow_range")?;
        let rule = c"must not exceed high";
        // SAFETY: the pointer contract of the header.
        let ((low, low_span), (high, high_span)) =
            unsafe { check::ends((low, c"low"), (high, c"high"), channels, rule) }?;
        let scale = check::Output::new(scale, channels, c"scale")?;
        let zero_point = check::Output::new(zero_point, channels, c"zero_point")?;
        check::disjoint(&[scale.span, zero_point.span], &[low_span, high_span])?;
        // SAFETY: the pointer contract of the header; the outputs are disjoint.
        let (scale, zero_point) = unsafe { (scale.slice(), zero_point.slice()) };
        let outputs = scale.iter_mut().zip(zero_point);
        for ((low, high), (scale, zero_point)) in low.iter().zip(high).zip(outputs) {
            (*scale, *zero_point) =
                quantizer::scale_zero_point((*low, *high), (level_low, level_high), narrow);
        }
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

fn refused(argument: &'static CStr, rule: &'static CStr, value: f64) -> Error {
    Error { value, ..Error::new(Status::InvalidParameter, argument, rule) }
}

fn bit(value: u32, argument: &'static CStr) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(refused(argument, c"must be 0 or 1", f64::from(value))),
    }
}

/// Moves one end of every range so that 0 is one of `2^num_bits` levels. Of the two ends that could
/// move, the one that gives the wider range does. If 0 is nearest to the first or the last level, the
/// range stays as it is.
///
/// @param ctx               May be NULL.
/// @param low               `channels` finite lower ends, `low[c] <= 0`.
/// @param high              `channels` finite upper ends, `high[c] >= 0`, `low[c] < high[c]`.
/// @param channels          Number of ranges.
/// @param num_bits          Bits of a code. Range: `2..16`.
/// @param unify_zero_points 1: 0 is the same level of all ranges, the mean of the single ones; or 0.
/// @param tuned_low         Receives `channels` lower ends.
/// @param tuned_high        Receives `channels` upper ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_tune_range(
    ctx: *const Ctx,
    low: *const f32,
    high: *const f32,
    channels: usize,
    num_bits: u32,
    unify_zero_points: u32,
    tuned_low: *mut f32,
    tuned_high: *mut f32,
) -> Status {
    let body = |_: Exec<'_>| {
        if !(2..=16).contains(&num_bits) {
            return Err(refused(c"num_bits", c"must be in 2..16", f64::from(num_bits)));
        }
        let unify = bit(unify_zero_points, c"unify_zero_points")?;
        let rule = c"must not exceed high";
        // SAFETY: the pointer contract of the header.
        let ((low, low_span), (high, high_span)) =
            unsafe { check::ends((low, c"low"), (high, c"high"), channels, rule) }?;
        check::every(low, c"low", c"must not be positive", |low| low <= 0.0)?;
        check::every(high, c"high", c"must not be negative", |high| high >= 0.0)?;
        if let Some(i) = low.iter().zip(high).position(|(low, high)| low >= high) {
            let (status, rule) = (Status::InvalidParameter, c"must be below high");
            let value = low.get(i).map_or(0.0, |low| f64::from(*low));
            return Err(Error::element(status, c"low", rule, i as u64, value));
        }
        let out_low = check::Output::new(tuned_low, channels, c"tuned_low")?;
        let out_high = check::Output::new(tuned_high, channels, c"tuned_high")?;
        check::disjoint(&[out_low.span, out_high.span], &[low_span, high_span])?;
        // SAFETY: the pointer contract of the header; the outputs are disjoint.
        let (out_low, out_high) = unsafe { (out_low.slice(), out_high.slice()) };
        quantizer::tune(low, high, num_bits, unify, |i, low, high| {
            store(out_low, i, low);
            store(out_high, i, high);
        });
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}

/// One range for several tensors that must share a quantizer: the smallest minimum and the largest
/// maximum.
///
/// @param ctx         May be NULL.
/// @param min         `count` finite minima.
/// @param max         `count` finite maxima, `min[i] <= max[i]`.
/// @param count       Number of tensors; nothing is written if it is 0.
/// @param unified_min Receives the smallest minimum.
/// @param unified_max Receives the largest maximum.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ptqk_unify_min_max(
    ctx: *const Ctx,
    min: *const f32,
    max: *const f32,
    count: usize,
    unified_min: *mut f32,
    unified_max: *mut f32,
) -> Status {
    let body = |_: Exec<'_>| {
        let rule = c"must not exceed max";
        // SAFETY: the pointer contract of the header.
        let ((min, min_span), (max, max_span)) =
            unsafe { check::ends((min, c"min"), (max, c"max"), count, rule) }?;
        let low = check::output(unified_min, c"unified_min")?;
        let high = check::output(unified_max, c"unified_max")?;
        check::disjoint(&[low.span, high.span], &[min_span, max_span])?;
        let smallest = min.iter().copied().reduce(|a, b| if b < a { b } else { a });
        let largest = max.iter().copied().reduce(|a, b| if b > a { b } else { a });
        if let (Some(smallest), Some(largest)) = (smallest, largest) {
            // SAFETY: the pointer contract of the header; the outputs are disjoint.
            unsafe {
                store(low.slice(), 0, smallest);
                store(high.slice(), 0, largest);
            }
        }
        Ok(())
    };
    // SAFETY: the pointer contract of the header.
    unsafe { check::run(ctx, body) }
}
