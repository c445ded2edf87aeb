//! The binary interface: sizes and offsets of structures, numbers of constants, defaults, versions;
//! in Rust, in the header, and in the documentation of both.

#![cfg(all(
    feature = "convert",
    feature = "gptq",
    feature = "lora",
    feature = "range",
    feature = "requantize",
    feature = "weights"
))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

use ptqk::ffi::{self, *};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr;

const HEADER: &str = include_str!("../include/ptqk.h");

/// `name: Type, bytes { field: offset, ... }`, with 64-bit and 32-bit pointers. Checked when this
/// file is compiled, so compiling for a target is enough to check it.
macro_rules! layouts {
    ($($name:literal: $ty:ty, $wide:literal | $narrow:literal {
        $($field:ident: $at:literal | $narrow_at:literal),+ $(,)?
    })+) => {
        $(
            #[cfg(target_pointer_width = "64")]
            const _: () = {
                assert!(size_of::<$ty>() == $wide, $name);
                $(assert!(offset_of!($ty, $field) == $at, concat!($name, ".", stringify!($field)));)+
            };
            // On 32-bit x86 a 64-bit number is a multiple of 4 only, which is another interface.
            #[cfg(all(target_pointer_width = "32", not(target_arch = "x86")))]
            const _: () = {
                assert!(size_of::<$ty>() == $narrow, $name);
                $(assert!(offset_of!($ty, $field) == $narrow_at, concat!($name, ".", stringify!($field)));)+
            };
        )+

        /// The structures and their fields in order.
        const FIELDS: &[(&str, &[&str])] = &[$(($name, &[$(stringify!($field)),+])),+];
    };
}

layouts! {
    "ptqk_ctx": Ctx, 40 | 24 {
        size: 0 | 0, flags: 4 | 4, user: 8 | 8, parallel_for: 16 | 12, progress: 24 | 16,
        detail: 32 | 20,
    }
    "ptqk_detail": Detail, 48 | 40 {
        size: 0 | 0, status: 4 | 4, argument: 8 | 8, field: 16 | 12, rule: 24 | 16, index: 32 | 24,
        value: 40 | 32,
    }
    "ptqk_matrix": Matrix, 40 | 24 {
        data: 0 | 0, rows: 8 | 4, cols: 16 | 8, row_stride: 24 | 12, dtype: 32 | 16,
        reserved: 36 | 20,
    }
    "ptqk_matrix_mut": MatrixMut, 40 | 24 {
        data: 0 | 0, rows: 8 | 4, cols: 16 | 8, row_stride: 24 | 12, dtype: 32 | 16,
        reserved: 36 | 20,
    }
    "ptqk_codes": Codes, 40 | 24 {
        data: 0 | 0, rows: 8 | 4, cols: 16 | 8, row_stride_bytes: 24 | 12, code_type: 32 | 16,
        reserved: 36 | 20,
    }
    "ptqk_codes_mut": CodesMut, 40 | 24 {
        data: 0 | 0, rows: 8 | 4, cols: 16 | 8, row_stride_bytes: 24 | 12, code_type: 32 | 16,
        reserved: 36 | 20,
    }
    "ptqk_accumulators": Accumulators, 32 | 16 {
        data: 0 | 0, rows: 8 | 4, cols: 16 | 8, row_stride: 24 | 12,
    }
    "ptqk_quantize_params": QuantizeParams, 24 | 24 {
        size: 0 | 0, granularity: 4 | 4, group_size: 8 | 8, zero_point_rounding: 12 | 12,
        code_min: 16 | 16, code_max: 20 | 20,
    }
    "ptqk_fake_quantize_params": FakeQuantizeParams, 16 | 16 {
        size: 0 | 0, granularity: 4 | 4, group_size: 8 | 8, levels: 12 | 12,
    }
    "ptqk_reduce_params": ReduceParams, 16 | 16 {
        size: 0 | 0, granularity: 4 | 4, group_size: 8 | 8, reserved: 12 | 12,
    }
    "ptqk_quantile_params": QuantileParams, 16 | 16 {
        size: 0 | 0, granularity: 4 | 4, group_size: 8 | 8, magnitude: 12 | 12,
    }
    "ptqk_tensor": Tensor, 144 | 76 {
        data: 0 | 0, dtype: 8 | 4, rank: 12 | 8, shape: 16 | 12, strides: 80 | 44,
    }
    "ptqk_statistics_params": StatisticsParams, 24 | 24 {
        size: 0 | 0, statistics_type: 4 | 4, aggregator_type: 8 | 8, clipping_value: 12 | 12,
        quantile_outlier_prob: 16 | 16,
    }
    "ptqk_range_estimator_params": RangeEstimatorParams, 56 | 56 {
        size: 0 | 0, reserved: 4 | 4, min: 8 | 8, max: 32 | 32,
    }
    "ptqk_range_params": RangeParams, 96 | 96 {
        size: 0 | 0, channel_axis: 4 | 4, estimator: 8 | 8, channels: 64 | 64,
        num_samples: 72 | 72, window_size: 80 | 80, batch_items: 88 | 88,
    }
    "ptqk_histogram_params": HistogramParams, 16 | 16 {
        size: 0 | 0, num_bins: 4 | 4, kind: 8 | 8, upsample_rate: 12 | 12,
    }
    "ptqk_histogram_summary": HistogramSummary, 56 | 56 {
        low: 0 | 0, high: 8 | 8, min: 16 | 16, max: 24 | 24, total: 32 | 32, updates: 40 | 40,
        kind: 48 | 48, num_bins: 52 | 52,
    }
    "ptqk_histogram_range_params": HistogramRangeParams, 32 | 32 {
        size: 0 | 0, method: 4 | 4, scheme: 8 | 8, levels: 12 | 12, dst_levels: 16 | 16,
        reserved: 20 | 20, percentile: 24 | 24,
    }
    "ptqk_sketch_params": SketchParams, 8 | 8 {
        size: 0 | 0, capacity: 4 | 4,
    }
    "ptqk_sketch_summary": SketchSummary, 32 | 32 {
        total: 0 | 0, rank_over: 8 | 8, rank_under: 16 | 16, min: 24 | 24, max: 28 | 28,
    }
    "ptqk_requantize_params": RequantizeParams, 24 | 24 {
        size: 0 | 0, granularity: 4 | 4, fixed_point: 8 | 8, zero_point: 12 | 12,
        code_min: 16 | 16, code_max: 20 | 20,
    }
    "ptqk_convert_params": ConvertParams, 24 | 24 {
        size: 0 | 0, overflow: 4 | 4, nan_rule: 8 | 8, rounding: 12 | 12, seed: 16 | 16,
    }
    "ptqk_fake_convert_params": FakeConvertParams, 20 | 20 {
        size: 0 | 0, granularity: 4 | 4, group_size: 8 | 8, destination_type: 12 | 12,
        nan_rule: 16 | 16,
    }
    "ptqk_fp8_params": Fp8Params, 16 | 16 {
        size: 0 | 0, destination_type: 4 | 4, per_channel: 8 | 8, activation_scale: 12 | 12,
    }
    "ptqk_quantization_params": QuantizationParams, 32 | 32 {
        size: 0 | 0, num_bits: 4 | 4, scheme: 8 | 8, signedness_to_force: 12 | 12,
        per_channel: 16 | 16, narrow_range: 20 | 20, overflow_fix: 24 | 24,
        is_first_layer: 28 | 28,
    }
    "ptqk_quantizer_grid": QuantizerGrid, 28 | 28 {
        level_low: 0 | 0, level_high: 4 | 4, code_min: 8 | 8, code_max: 12 | 12, levels: 16 | 16,
        is_signed: 20 | 20, code_type: 24 | 24,
    }
    "ptqk_weight_params": WeightParams, 48 | 44 {
        size: 0 | 0, mode: 4 | 4, group_size: 8 | 8, reduction_axis: 12 | 12,
        scale_dtype: 16 | 16, asymmetric_range: 20 | 20, mx_scale: 24 | 24, scale_guard: 28 | 28,
        fp8_through_f16: 32 | 32, codebook_size: 36 | 36, codebook: 40 | 40,
    }
    "ptqk_codebook_params": CodebookParams, 56 | 52 {
        size: 0 | 0, num_elements: 4 | 4, group_size: 8 | 8, reduction_axis: 12 | 12,
        value_type: 16 | 16, fp8_through_f16: 20 | 20, across_blocks: 24 | 24,
        signed_scale: 28 | 28, intervals: 32 | 32, max_iterations: 36 | 36, tolerance: 40 | 40,
        default_codebook_size: 44 | 44, default_codebook: 48 | 48,
    }
    "ptqk_gemm_params": GemmParams, 20 | 20 {
        size: 0 | 0, transpose_a: 4 | 4, transpose_b: 8 | 8, accumulate: 12 | 12, subtract: 16 | 16,
    }
    "ptqk_gptq_params": GptqParams, 160 | 136 {
        size: 0 | 0, order: 4 | 4, groups: 8 | 8, scale: 12 | 12, stored_scales: 16 | 16,
        block_size: 20 | 20, damp_percent: 24 | 24, max_redamps: 28 | 28, passes: 32 | 32,
        reserved: 36 | 36, estimation: 40 | 40, means: 64 | 64, token_counts: 104 | 88,
        weights: 112 | 92,
    }
    "ptqk_scale_estimation_params": ScaleEstimationParams, 24 | 24 {
        size: 0 | 0, subset_size: 4 | 4, initial_steps: 8 | 8, scale_steps: 12 | 12,
        weight_penalty: 16 | 16, reserved: 20 | 20,
    }
    "ptqk_gptq_outputs": GptqOutputs, 128 | 76 {
        size: 0 | 0, reserved: 4 | 4, codes: 8 | 8, scale: 48 | 32, zero_point: 56 | 36,
        tensor_scale: 64 | 40, permutation: 72 | 44, loss: 80 | 48, dequantized: 88 | 52,
    }
    "ptqk_gptq_report": GptqReport, 16 | 16 { loss: 0 | 0, damping: 8 | 8, redamps: 12 | 12 }
    "ptqk_hessian_params": HessianParams, 16 | 16 { size: 0 | 0, mean: 4 | 4, channels: 8 | 8 }
    "ptqk_hessian_summary": HessianSummary, 16 | 16 { items: 0 | 0, tokens: 8 | 8 }
    "ptqk_lora_params": LoraParams, 96 | 96 {
        size: 0 | 0, adapter_rank: 4 | 4, num_iterations: 8 | 8, apply_regularization: 12 | 12,
        subset_size: 16 | 16, use_int8_adapters: 20 | 20, oversampling: 24 | 24,
        max_steps: 28 | 28, tolerance: 32 | 32, reserved: 36 | 36, seed: 40 | 40, weights: 48 | 48,
    }
    "ptqk_lora_init_params": LoraInitParams, 80 | 80 {
        size: 0 | 0, adapter_rank: 4 | 4, kind: 8 | 8, oversampling: 12 | 12, max_steps: 16 | 16,
        tolerance: 20 | 20, seed: 24 | 24, weights: 32 | 32,
    }
    "ptqk_lora_outputs": LoraOutputs, 208 | 124 {
        size: 0 | 0, reserved: 4 | 4, a: 8 | 8, b: 48 | 32, a_codes: 88 | 56, b_codes: 128 | 80,
        a_scale: 168 | 104, b_scale: 176 | 108, a_zero_point: 184 | 112, b_zero_point: 192 | 116,
        noises: 200 | 120,
    }
    "ptqk_lora_factor": LoraFactor, 96 | 56 {
        values: 0 | 0, codes: 40 | 24, scale: 80 | 48, zero_point: 88 | 52,
    }
    "ptqk_lora_adapter": LoraAdapter, 200 | 120 {
        a: 0 | 0, b: 96 | 56, scale: 192 | 112, b_is_transposed: 196 | 116,
    }
    "ptqk_lora_segment": LoraSegment, 24 | 12 { adapter: 0 | 0, first_row: 8 | 4, rows: 16 | 8 }
    "ptqk_lora_report": LoraReport, 16 | 16 {
        noise_before: 0 | 0, noise_decomposed: 4 | 4, noise_after: 8 | 8, samples: 12 | 12,
    }
    "ptqk_weight_layout": WeightLayout, 64 | 36 {
        code_type: 0 | 0, bits: 4 | 4, code_row_bytes: 8 | 8, code_bytes: 16 | 12,
        groups: 24 | 16, scale_bytes: 32 | 20, tensor_scale_bytes: 40 | 24,
        zero_point_bytes: 48 | 28, total_bytes: 56 | 32,
    }
    "ptqk_weight_error": WeightError, 8 | 8 { max_mean_squared: 0 | 0, frobenius: 4 | 4 }
    "ptqk_group_fallback_params": GroupFallbackParams, 16 | 16 {
        size: 0 | 0, fallback_mode: 4 | 4, group_size: 8 | 8, min_adjusted_group_size: 12 | 12,
    }
    "ptqk_group_choice": GroupChoice, 8 | 8 { action: 0 | 0, group_size: 4 | 4 }
}

/// A field in the header: its name and its comment on one line.
type Field = (String, String);

/// The structures of the header.
fn structures() -> BTreeMap<String, Vec<Field>> {
    let mut all = BTreeMap::new();
    for part in HEADER.split("typedef struct ").skip(1) {
        let Some((name, body)) = part.split_once(" {\n") else { continue };
        if name.contains(';') {
            continue;
        }
        let body = body.split("\n} ").next().unwrap();
        let (mut fields, mut doc) = (Vec::new(), String::new());
        for line in body.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("* ") {
                doc = format!("{doc} {text}");
            } else if let Some(declaration) = line.strip_suffix(';') {
                let name = match declaration.split_once("(*") {
                    Some((_, callback)) => callback.split(')').next().unwrap(),
                    None => declaration.rsplit([' ', '*']).next().unwrap(),
                };
                // An array has its length after its name.
                let name = match name.split_once('[') {
                    Some((name, _)) => name,
                    None => name,
                };
                fields.push((name.to_owned(), std::mem::take(&mut doc).trim().to_owned()));
            }
        }
        all.insert(name.to_owned(), fields);
    }
    all
}

/// The enumerators of the header.
fn enumerators() -> BTreeMap<String, i64> {
    let lines = HEADER.lines().filter_map(|line| line.trim().strip_suffix(','));
    let pairs = lines.filter_map(|line| line.split_once(" = "));
    pairs
        .filter(|(name, _)| name.starts_with("PTQK_"))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[test]
fn structures_of_the_header() {
    let header = structures();
    let known: Vec<_> = FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for name in header.keys() {
        assert!(known.contains(name), "{name} is not tested");
    }
    for (name, fields) in FIELDS {
        let seen: Vec<_> = header[*name].iter().map(|field| field.0.as_str()).collect();
        assert_eq!(seen, *fields, "{name}");
    }
}

#[test]
fn constants() {
    macro_rules! numbers {
        ($($name:ident = $value:literal: $rust:expr),+ $(,)?) => {
            vec![$((stringify!($name), $value, $rust as i64)),+]
        };
    }
    let numbers: Vec<(&str, i64, i64)> = numbers! {
        PTQK_STATUS_OK = 0: Status::Ok,
        PTQK_STATUS_NULL_POINTER = -1: Status::NullPointer,
        PTQK_STATUS_MISALIGNED = -2: Status::Misaligned,
        PTQK_STATUS_OVERLAP = -3: Status::Overlap,
        PTQK_STATUS_SIZE_OVERFLOW = -4: Status::SizeOverflow,
        PTQK_STATUS_INVALID_SHAPE = -5: Status::InvalidShape,
        PTQK_STATUS_INVALID_STRUCT_SIZE = -6: Status::InvalidStructSize,
        PTQK_STATUS_INVALID_PARAMETER = -7: Status::InvalidParameter,
        PTQK_STATUS_CANCELLED = 1: Status::Cancelled,
        PTQK_STATUS_NOT_FINITE = 2: Status::NotFinite,
        PTQK_STATUS_NOT_POSITIVE_DEFINITE = 3: Status::NotPositiveDefinite,
        PTQK_ZERO_POINT_AFTER_ROUNDING = 0: Rounding::AfterRounding,
        PTQK_ZERO_POINT_BEFORE_ROUNDING = 1: Rounding::BeforeRounding,
        PTQK_GRANULARITY_TENSOR = 0: Granularity::Tensor,
        PTQK_GRANULARITY_ROW = 1: Granularity::Row,
        PTQK_GRANULARITY_COLUMN = 2: Granularity::Column,
        PTQK_GRANULARITY_GROUP = 3: Granularity::Group,
        PTQK_OVERFLOW_FIX_DISABLE = 0: OverflowFix::Disable,
        PTQK_OVERFLOW_FIX_ENABLE = 1: OverflowFix::Enable,
        PTQK_OVERFLOW_FIX_FIRST_LAYER = 2: OverflowFix::FirstLayer,
        PTQK_SIGNEDNESS_ANY = 0: Signedness::Any,
        PTQK_SIGNEDNESS_SIGNED = 1: Signedness::Signed,
        PTQK_SIGNEDNESS_UNSIGNED = 2: Signedness::Unsigned,
        PTQK_SCHEME_SYMMETRIC = 0: Scheme::Symmetric,
        PTQK_SCHEME_ASYMMETRIC = 1: Scheme::Asymmetric,
        PTQK_STATISTICS_TYPE_MIN = 0: StatisticsType::Min,
        PTQK_STATISTICS_TYPE_MAX = 1: StatisticsType::Max,
        PTQK_STATISTICS_TYPE_ABS_MAX = 2: StatisticsType::AbsMax,
        PTQK_STATISTICS_TYPE_MEAN = 3: StatisticsType::Mean,
        PTQK_STATISTICS_TYPE_QUANTILE = 4: StatisticsType::Quantile,
        PTQK_STATISTICS_TYPE_ABS_QUANTILE = 5: StatisticsType::AbsQuantile,
        PTQK_AGGREGATOR_TYPE_MIN = 0: AggregatorType::Min,
        PTQK_AGGREGATOR_TYPE_MAX = 1: AggregatorType::Max,
        PTQK_AGGREGATOR_TYPE_MEAN = 2: AggregatorType::Mean,
        PTQK_AGGREGATOR_TYPE_MEDIAN = 3: AggregatorType::Median,
        PTQK_AGGREGATOR_TYPE_MEAN_NO_OUTLIERS = 4: AggregatorType::MeanNoOutliers,
        PTQK_AGGREGATOR_TYPE_MEDIAN_NO_OUTLIERS = 5: AggregatorType::MedianNoOutliers,
        PTQK_HESSIAN_MEAN_ITEMS = 0: HessianMean::Items,
        PTQK_HESSIAN_MEAN_TOKENS = 1: HessianMean::Tokens,
        PTQK_GPTQ_ORDER_NATURAL = 0: GptqOrder::Natural,
        PTQK_GPTQ_ORDER_DESCENDING = 1: GptqOrder::Descending,
        PTQK_GPTQ_GROUPS_STATIC = 0: GptqGroups::Static,
        PTQK_GPTQ_GROUPS_UPDATED = 1: GptqGroups::Updated,
        PTQK_GPTQ_GROUPS_BLOCK_START = 2: GptqGroups::BlockStart,
        PTQK_GPTQ_SCALE_EXTREMES = 0: GptqScale::Extremes,
        PTQK_GPTQ_SCALE_SEARCH = 1: GptqScale::Search,
        PTQK_GPTQ_SCALE_ESTIMATION = 2: GptqScale::Estimation,
        PTQK_LORA_INIT_KIND_RESIDUAL = 0: LoraInitKind::Residual,
        PTQK_LORA_INIT_KIND_RANDOM = 1: LoraInitKind::Random,
        PTQK_GPTQ_PRESET_BEST = 0: GptqPreset::Best,
        PTQK_GPTQ_PRESET_NNCF = 1: GptqPreset::Nncf,
        PTQK_RANGE_PRESET_MIN_MAX = 0: RangePreset::MinMax,
        PTQK_RANGE_PRESET_MEAN_MIN_MAX = 1: RangePreset::MeanMinMax,
        PTQK_RANGE_PRESET_MEDIAN_MIN_MAX = 2: RangePreset::MedianMinMax,
        PTQK_RANGE_PRESET_MEAN_NO_OUTLIERS_MIN_MAX = 3: RangePreset::MeanNoOutliersMinMax,
        PTQK_RANGE_PRESET_MEAN_QUANTILE = 4: RangePreset::MeanQuantile,
        PTQK_RANGE_PRESET_HISTOGRAM = 5: RangePreset::Histogram,
        PTQK_FIXED_POINT_DOUBLE_ROUNDING = 0: FixedPoint::DoubleRounding,
        PTQK_FIXED_POINT_SINGLE_ROUNDING = 1: FixedPoint::SingleRounding,
        PTQK_WEIGHT_MODE_INT8_SYM = 0: WeightMode::Int8Sym,
        PTQK_WEIGHT_MODE_INT8_ASYM = 1: WeightMode::Int8Asym,
        PTQK_WEIGHT_MODE_INT4_SYM = 2: WeightMode::Int4Sym,
        PTQK_WEIGHT_MODE_INT4_ASYM = 3: WeightMode::Int4Asym,
        PTQK_WEIGHT_MODE_INT3_SYM = 4: WeightMode::Int3Sym,
        PTQK_WEIGHT_MODE_INT2_SYM = 5: WeightMode::Int2Sym,
        PTQK_WEIGHT_MODE_NF4 = 6: WeightMode::Nf4,
        PTQK_WEIGHT_MODE_FP4 = 7: WeightMode::Fp4,
        PTQK_WEIGHT_MODE_MXFP4 = 8: WeightMode::Mxfp4,
        PTQK_WEIGHT_MODE_NVFP4 = 9: WeightMode::Nvfp4,
        PTQK_WEIGHT_MODE_FP8_E4M3 = 10: WeightMode::Fp8E4m3,
        PTQK_WEIGHT_MODE_FP8_E5M2 = 11: WeightMode::Fp8E5m2,
        PTQK_WEIGHT_MODE_MXFP8_E4M3 = 12: WeightMode::Mxfp8E4m3,
        PTQK_WEIGHT_MODE_MXFP8_E5M2 = 13: WeightMode::Mxfp8E5m2,
        PTQK_WEIGHT_MODE_MXFP6_E3M2 = 14: WeightMode::Mxfp6E3m2,
        PTQK_WEIGHT_MODE_MXFP6_E2M3 = 15: WeightMode::Mxfp6E2m3,
        PTQK_WEIGHT_MODE_MXINT8 = 16: WeightMode::Mxint8,
        PTQK_WEIGHT_MODE_CB4 = 17: WeightMode::Cb4,
        PTQK_WEIGHT_MODE_CODEBOOK = 18: WeightMode::Codebook,
        PTQK_MX_SCALE_CEIL = 0: MxScale::Ceil,
        PTQK_MX_SCALE_CEIL_LOGARITHM = 1: MxScale::CeilLogarithm,
        PTQK_MX_SCALE_FLOOR = 2: MxScale::Floor,
        PTQK_SCALE_GUARD_SCALE = 0: ScaleGuard::Scale,
        PTQK_SCALE_GUARD_MAGNITUDE = 1: ScaleGuard::Magnitude,
        PTQK_OVERFLOW_SATURATE = 0: Overflow::Saturate,
        PTQK_OVERFLOW_SPECIAL = 1: Overflow::Special,
        PTQK_NAN_RULE_KEEP = 0: NanRule::Keep,
        PTQK_NAN_RULE_NEGATIVE_MAX = 1: NanRule::NegativeMax,
        PTQK_FLOAT_ROUNDING_NEAREST = 0: FloatRounding::Nearest,
        PTQK_FLOAT_ROUNDING_STOCHASTIC = 1: FloatRounding::Stochastic,
        PTQK_FLOAT_ROUNDING_UP = 2: FloatRounding::Up,
        PTQK_FLOAT_ROUNDING_DOWN = 3: FloatRounding::Down,
        PTQK_DTYPE_F32 = 0: Dtype::F32,
        PTQK_DTYPE_F16 = 1: Dtype::F16,
        PTQK_DTYPE_BF16 = 2: Dtype::Bf16,
        PTQK_ASYMMETRIC_RANGE_WITH_ZERO = 0: AsymmetricRange::WithZero,
        PTQK_ASYMMETRIC_RANGE_AS_IS = 1: AsymmetricRange::AsIs,
        PTQK_GROUP_FALLBACK_ERROR = 0: GroupFallback::Error,
        PTQK_GROUP_FALLBACK_IGNORE = 1: GroupFallback::Ignore,
        PTQK_GROUP_FALLBACK_ADJUST = 2: GroupFallback::Adjust,
        PTQK_ISA_SCALAR = 0: Isa::Scalar,
        PTQK_ISA_AVX2 = 1: Isa::Avx2,
        PTQK_ISA_AVX512 = 2: Isa::Avx512,
        PTQK_ISA_NEON = 3: Isa::Neon,
        PTQK_CODE_TYPE_I8 = 0: CodeType::I8,
        PTQK_CODE_TYPE_U8 = 1: CodeType::U8,
        PTQK_CODE_TYPE_I16 = 2: CodeType::I16,
        PTQK_CODE_TYPE_U16 = 3: CodeType::U16,
        PTQK_CODE_TYPE_I4 = 4: CodeType::I4,
        PTQK_CODE_TYPE_U4 = 5: CodeType::U4,
        PTQK_CODE_TYPE_U3 = 6: CodeType::U3,
        PTQK_CODE_TYPE_U2 = 7: CodeType::U2,
        PTQK_CODE_TYPE_E4M3 = 8: CodeType::E4m3,
        PTQK_CODE_TYPE_E5M2 = 9: CodeType::E5m2,
        PTQK_CODE_TYPE_E4M3_FNUZ = 10: CodeType::E4m3Fnuz,
        PTQK_CODE_TYPE_E5M2_FNUZ = 11: CodeType::E5m2Fnuz,
        PTQK_CODE_TYPE_E8M0 = 12: CodeType::E8m0,
        PTQK_CODE_TYPE_E3M2 = 13: CodeType::E3m2,
        PTQK_CODE_TYPE_E2M3 = 14: CodeType::E2m3,
        PTQK_CODE_TYPE_E2M1 = 15: CodeType::E2m1,
        PTQK_CODE_TYPE_NF4 = 16: CodeType::Nf4,
        PTQK_HISTOGRAM_KIND_PARITY = 0: HistogramKind::Parity,
        PTQK_HISTOGRAM_KIND_MERGEABLE = 1: HistogramKind::Mergeable,
        PTQK_RANGE_METHOD_NNCF = 0: RangeMethod::Nncf,
        PTQK_RANGE_METHOD_ENTROPY = 1: RangeMethod::Entropy,
        PTQK_RANGE_METHOD_MSE = 2: RangeMethod::Mse,
        PTQK_RANGE_METHOD_PERCENTILE = 3: RangeMethod::Percentile,
        PTQK_GROUP_ACTION_COMPRESS = 0: GroupAction::Compress,
        PTQK_GROUP_ACTION_BACKUP = 1: GroupAction::Backup,
        PTQK_GROUP_ACTION_SKIP = 2: GroupAction::Skip,
    };
    let header = enumerators();
    assert_eq!(header.len(), numbers.len(), "one of the lists lacks a constant");
    for (name, value, rust) in numbers {
        assert_eq!(header.get(name), Some(&value), "{name} in the header");
        assert_eq!(rust, value, "{name} in Rust");
    }
    for status in Status::ALL {
        let name = status.name().to_str().unwrap();
        assert_eq!(header.get(name), Some(&(status as i64)), "{name}");
    }
}

fn defined(name: &str) -> &'static str {
    let start = format!("#define {name} ");
    HEADER.lines().find_map(|line| line.strip_prefix(&start)).unwrap()
}

#[test]
fn versions() {
    let package = env!("CARGO_PKG_VERSION");
    let parts: Vec<u32> = package.split('.').map(|part| part.parse().unwrap()).collect();
    let macros = ["MAJOR", "MINOR", "PATCH"].map(|part| defined(&format!("PTQK_VERSION_{part}")));
    assert_eq!(macros.join("."), package);
    let rust = [PTQK_VERSION_MAJOR, PTQK_VERSION_MINOR, PTQK_VERSION_PATCH];
    assert_eq!(rust, parts[..]);
    assert_eq!(ptqk_version(), parts[0] << 16 | parts[1] << 8 | parts[2]);
    // SAFETY: the library's texts are static.
    assert_eq!(unsafe { CStr::from_ptr(ptqk_version_string()) }.to_str(), Ok(package));
    assert_eq!(defined("PTQK_NUMERIC_VERSION"), ptqk_numeric_version().to_string());
    assert_eq!(defined("PTQK_NO_INDEX"), format!("{}ull", u64::MAX));
    assert_eq!(PTQK_NO_INDEX, Detail::DEFAULT.index);
}

/// The default that a comment states, if it does.
fn documented(doc: &str) -> Option<&str> {
    if let Some((_, rest)) = doc.split_once("Default: ") {
        return rest.split([' ', ',']).next().map(|word| word.trim_end_matches('.'));
    }
    doc.split_once(" (default").and_then(|(before, _)| before.rsplit(' ').next())
}

/// The number that a default in words stands for.
fn meaning(field: &str, word: &str) -> f64 {
    let word = word.trim_matches('`');
    let prefix = match field {
        "granularity" => "PTQK_GRANULARITY",
        "scheme" => "PTQK_SCHEME",
        "signedness_to_force" => "PTQK_SIGNEDNESS",
        "overflow_fix" => "PTQK_OVERFLOW_FIX",
        "fallback_mode" => "PTQK_GROUP_FALLBACK",
        "rounding" => "PTQK_FLOAT_ROUNDING",
        "kind" => "PTQK_HISTOGRAM_KIND",
        "method" => "PTQK_RANGE_METHOD",
        "statistics_type" => "PTQK_STATISTICS_TYPE",
        "aggregator_type" => "PTQK_AGGREGATOR_TYPE",
        _ => "",
    };
    let whole = prefix.is_empty() || word.starts_with("PTQK_");
    let name = if whole { word.to_owned() } else { format!("{prefix}_{}", word.to_uppercase()) };
    match word {
        "NULL" => 0.0,
        "INT32_MIN" => f64::from(i32::MIN),
        "INT32_MAX" => f64::from(i32::MAX),
        _ => match enumerators().get(&name) {
            Some(value) => *value as f64,
            None => word.parse().unwrap_or_else(|_| panic!("{field} by default is {word}")),
        },
    }
}

/// A field as a number; NULL is 0.
trait Number {
    fn number(self) -> f64;
}

macro_rules! number {
    ($($ty:ty: |$x:ident| $number:expr),+ $(,)?) => {$(impl Number for $ty {
        fn number(self) -> f64 {
            let $x = self;
            $number
        }
    })+};
}

number! {
    u32: |x| f64::from(x),
    i32: |x| f64::from(x),
    // The shortest decimal that means it, as documentation states it.
    f32: |x| x.to_string().parse().unwrap(),
    f64: |x| x,
    u64: |x| x as f64,
    // The name of what it does.
    WeightParams: |x| f64::from(x.mode),
    StatisticsParams: |x| f64::from(x.statistics_type),
    RangeEstimatorParams: |x| f64::from(if x == RangeEstimatorParams::DEFAULT { 0 } else { 1 }),
    *const f32: |x| x.addr() as f64,
    *const u64: |x| x.addr() as f64,
    Matrix: |x| x.data.addr() as f64,
    ScaleEstimationParams: |x| f64::from(x.subset_size),
}

#[test]
fn defaults() {
    macro_rules! defaults {
        ($($name:literal: $ty:ident, $fill:ident { $($field:ident),+ $(,)? })+) => {{
            let mut all = Vec::new();
            $({
                // SAFETY: plain numbers and nullable pointers; any painted bytes are overwritten.
                let mut filled: $ty = unsafe { std::mem::zeroed() };
                // SAFETY: it points to the structure.
                unsafe { ffi::$fill(&mut filled) };
                assert_eq!(filled.size as usize, size_of::<$ty>(), $name);
                $(
                    assert_eq!(filled.$field, $ty::DEFAULT.$field, concat!($name, ".", stringify!($field)));
                    all.push(($name, stringify!($field), $ty::DEFAULT.$field.number()));
                )+
            })+
            all
        }};
    }
    let mut all = defaults! {
        "ptqk_quantize_params": QuantizeParams, ptqk_quantize_params_default {
            granularity, group_size, zero_point_rounding, code_min, code_max,
        }
        "ptqk_fake_quantize_params": FakeQuantizeParams, ptqk_fake_quantize_params_default {
            granularity, group_size, levels,
        }
        "ptqk_reduce_params": ReduceParams, ptqk_reduce_params_default {
            granularity, group_size, reserved,
        }
        "ptqk_quantile_params": QuantileParams, ptqk_quantile_params_default {
            granularity, group_size, magnitude,
        }
        "ptqk_statistics_params": StatisticsParams, ptqk_statistics_params_default {
            statistics_type, aggregator_type, clipping_value, quantile_outlier_prob,
        }
        "ptqk_range_estimator_params": RangeEstimatorParams, ptqk_range_estimator_params_default {
            reserved, min, max,
        }
        "ptqk_range_params": RangeParams, ptqk_range_params_default {
            channel_axis, estimator, channels, num_samples, window_size, batch_items,
        }
        "ptqk_histogram_params": HistogramParams, ptqk_histogram_params_default {
            num_bins, kind, upsample_rate,
        }
        "ptqk_histogram_range_params": HistogramRangeParams, ptqk_histogram_range_params_default {
            method, scheme, levels, dst_levels, reserved, percentile,
        }
        "ptqk_sketch_params": SketchParams, ptqk_sketch_params_default {
            capacity,
        }
        "ptqk_requantize_params": RequantizeParams, ptqk_requantize_params_default {
            granularity, fixed_point, zero_point, code_min, code_max,
        }
        "ptqk_quantization_params": QuantizationParams, ptqk_quantization_params_default {
            num_bits, scheme, signedness_to_force, per_channel, narrow_range, overflow_fix,
            is_first_layer,
        }
        "ptqk_weight_params": WeightParams, ptqk_weight_params_default {
            mode, group_size, reduction_axis, scale_dtype, asymmetric_range, mx_scale, scale_guard,
            fp8_through_f16, codebook_size, codebook,
        }
        "ptqk_codebook_params": CodebookParams, ptqk_codebook_params_default {
            num_elements, group_size, reduction_axis, value_type, fp8_through_f16, across_blocks,
            signed_scale, intervals, max_iterations, tolerance, default_codebook_size,
            default_codebook,
        }
        "ptqk_convert_params": ConvertParams, ptqk_convert_params_default {
            overflow, nan_rule, rounding, seed,
        }
        "ptqk_fake_convert_params": FakeConvertParams, ptqk_fake_convert_params_default {
            granularity, group_size, destination_type, nan_rule,
        }
        "ptqk_fp8_params": Fp8Params, ptqk_fp8_params_default {
            destination_type, per_channel, activation_scale,
        }
        "ptqk_gemm_params": GemmParams, ptqk_gemm_params_default {
            transpose_a, transpose_b, accumulate, subtract,
        }
        "ptqk_gptq_params": GptqParams, ptqk_gptq_params_default {
            order, groups, scale, stored_scales, block_size, damp_percent, max_redamps, passes,
            reserved, estimation, means, token_counts, weights,
        }
        "ptqk_hessian_params": HessianParams, ptqk_hessian_params_default { mean, channels }
        "ptqk_lora_params": LoraParams, ptqk_lora_params_default {
            adapter_rank, num_iterations, apply_regularization, subset_size, use_int8_adapters,
            oversampling, max_steps, tolerance, reserved, seed, weights,
        }
        "ptqk_lora_init_params": LoraInitParams, ptqk_lora_init_params_default {
            adapter_rank, kind, oversampling, max_steps, tolerance, seed, weights,
        }
        "ptqk_group_fallback_params": GroupFallbackParams, ptqk_group_fallback_params_default {
            fallback_mode, group_size, min_adjusted_group_size,
        }
    };
    macro_rules! nested {
        ($name:literal, $value:expr, $($field:ident),+) => {
            $(all.push(($name, stringify!($field), $value.$field.number()));)+
        };
    }
    let estimation = GptqParams::DEFAULT.estimation;
    nested!(
        "ptqk_scale_estimation_params",
        estimation,
        subset_size,
        initial_steps,
        scale_steps,
        weight_penalty,
        reserved
    );
    let header = structures();
    let mut stated = 0;
    for (name, field, value) in &all {
        let doc = &header[*name].iter().find(|f| f.0 == *field).unwrap().1;
        match documented(doc) {
            Some(word) => {
                assert_eq!(meaning(field, word), *value, "{name}.{field}: {doc}");
                stated += 1;
            }
            // The same text as elsewhere, or a field that is nothing yet.
            None => {
                assert!(doc.starts_with("As in ") || doc == "Must be 0.", "{name}.{field}: {doc}")
            }
        }
    }
    assert!(stated > 20, "{stated} defaults were found");
    let known = |name: &str| all.iter().filter(|a| a.0 == name).count() + 1;
    for (name, fields) in FIELDS.iter().filter(|f| f.0.ends_with("_params")) {
        assert_eq!(known(name), fields.len(), "{name} has a field without a test");
    }
}

#[test]
fn context_and_detail_begin_empty() {
    let mut ctx = Ctx { flags: 7, user: ptr::dangling_mut(), ..Ctx::DEFAULT };
    // SAFETY: it points to the structure.
    unsafe { ptqk_ctx_default(&mut ctx) };
    assert_eq!((ctx.size as usize, ctx.flags), (size_of::<Ctx>(), 0));
    assert!(ctx.user.is_null() && ctx.detail.is_null());
    assert!(ctx.parallel_for.is_none() && ctx.progress.is_none());
    let mut detail = Detail { status: Status::Cancelled, value: 7.0, index: 3, ..Detail::DEFAULT };
    // SAFETY: as above.
    unsafe { ptqk_detail_default(&mut detail) };
    assert_eq!((detail.size as usize, detail.status), (size_of::<Detail>(), Status::Ok));
    assert!(detail.argument.is_null() && detail.field.is_null() && detail.rule.is_null());
    assert_eq!((detail.index, detail.value), (PTQK_NO_INDEX, 0.0));
}

/// The names that a C program gets all belong to the library.
#[test]
fn names() {
    for line in HEADER.lines() {
        if let Some(rest) = line.strip_prefix("#define ") {
            assert!(rest.starts_with("PTQK_"), "{line}");
        }
        if let Some(rest) = line.strip_prefix("typedef ") {
            let name = rest.rsplit(' ').next().unwrap();
            let known = rest.contains("ptqk_") && !name.contains("Exec");
            assert!(known, "{line}");
        }
    }
}
