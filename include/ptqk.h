/*
 * ptqk: post-training quantization kernels.
 *
 * Every function gives the same bytes on every CPU, every instruction set and every thread count.
 * Nothing panics, allocates, locks, prints or touches a byte outside the buffers that it was given.
 *
 * What holds for every function:
 *
 * - Functions that can fail return ptqk_status. 0 is success. A negative status says that the call
 *   was wrong: nothing was written. A positive one is a numeric outcome, described at the function.
 * - ptqk_ctx lends threads, a progress callback and a place for the detail of a refusal. Every
 *   function takes NULL instead: serial and silent. The detail is written only if the status is
 *   not 0.
 * - A pointer may be NULL only where its count is 0 or its description says so. A matrix with no
 *   rows or no columns is fine: nothing is read or written.
 * - Pointers are multiples of their element size; no other alignment is asked for. Outputs do not
 *   overlap inputs or each other, unless the description says so. What counts is the span from the
 *   first to the last element, whatever lies between two rows.
 * - Memory is the caller's: no pointer is kept. Calls on different buffers may run on different
 *   threads at the same time.
 * - A structure with a `size` field is filled by its _default function before fields are changed.
 * - Counts are elements unless a name ends in bytes. Matrices are row-major.
 * - The floating-point environment is the default one: round to nearest, no flush to zero. NaN
 *   payloads and signs are outside of the promise of equal bytes.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#ifndef PTQK_H
#define PTQK_H

#include <stddef.h>
#include <stdint.h>

#if defined(PTQK_SHARED) && defined(_WIN32)
#define PTQK_API __declspec(dllimport)
#else
#define PTQK_API
#endif

/**
 * The `value_type` of a codebook whose values stay f32.
 */
#define PTQK_CODEBOOK_VALUES_F32 4294967295

/**
 * Major part of the version of the library.
 */
#define PTQK_VERSION_MAJOR 0

/**
 * Minor part of the version.
 */
#define PTQK_VERSION_MINOR 1

/**
 * Patch part of the version.
 */
#define PTQK_VERSION_PATCH 0

/**
 * Changes whenever any byte of any result changes.
 */
#define PTQK_NUMERIC_VERSION 1

/**
 * The `index` of a `ptqk_detail` that speaks of no element.
 */
#define PTQK_NO_INDEX 18446744073709551615ull

/**
 * How the values of the samples become one. A NaN gives NaN.
 */
enum ptqk_aggregator_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The smallest. Keeps one value per channel; a window is ignored.
     */
    PTQK_AGGREGATOR_TYPE_MIN = 0,
    /**
     * The largest. Keeps one value per channel; a window is ignored.
     */
    PTQK_AGGREGATOR_TYPE_MAX = 1,
    /**
     * The arithmetic mean.
     */
    PTQK_AGGREGATOR_TYPE_MEAN = 2,
    /**
     * The median; of an even count, the mean of the middle two.
     */
    PTQK_AGGREGATOR_TYPE_MEDIAN = 3,
    /**
     * The mean without outliers: with `p = quantile_outlier_prob`, values below the quantile of `p`
     * or above that of `1 - p` are left out. 0 if nothing is left, as with two values that differ
     * (as NNCF).
     */
    PTQK_AGGREGATOR_TYPE_MEAN_NO_OUTLIERS = 4,
    /**
     * The median without outliers.
     */
    PTQK_AGGREGATOR_TYPE_MEDIAN_NO_OUTLIERS = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_aggregator_type ptqk_aggregator_type;
#else
typedef uint32_t ptqk_aggregator_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Range of a group in the asymmetric modes.
 */
enum ptqk_asymmetric_range
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Minimum and maximum, widened to include 0 (NNCF 3.4.0).
     */
    PTQK_ASYMMETRIC_RANGE_WITH_ZERO = 0,
    /**
     * Minimum and maximum as they are (NNCF before 3.4.0): a group whose weights all have one
     * sign loses its values. For comparison only.
     */
    PTQK_ASYMMETRIC_RANGE_AS_IS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_asymmetric_range ptqk_asymmetric_range;
#else
typedef uint32_t ptqk_asymmetric_range;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Type of the codes of a matrix. The first unit of a packed row starts at a byte, and the unused
 * bits of the last unit are 0.
 *
 * Float types hold, from the top bit down, a sign, an exponent and a mantissa:
 * `(-1)^sign * 2^(exponent - bias) * 1.mantissa`, with exponent 0
 * `(-1)^sign * 2^(1 - bias) * 0.mantissa`.
 */
enum ptqk_code_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * One `int8_t` per code.
     */
    PTQK_CODE_TYPE_I8 = 0,
    /**
     * One `uint8_t` per code.
     */
    PTQK_CODE_TYPE_U8 = 1,
    /**
     * One `int16_t` per code.
     */
    PTQK_CODE_TYPE_I16 = 2,
    /**
     * One `uint16_t` per code.
     */
    PTQK_CODE_TYPE_U16 = 3,
    /**
     * Two's complement, -8..7: two codes per byte, code 0 in the low nibble.
     */
    PTQK_CODE_TYPE_I4 = 4,
    /**
     * 0..15: two codes per byte, code 0 in the low nibble.
     */
    PTQK_CODE_TYPE_U4 = 5,
    /**
     * 0..7: eight codes in three bytes. Byte 0 holds the low two bits of codes 0..3, code 0 in
     * the top pair of bits; byte 1 the same of codes 4..7; byte 2 the third bits, code 0 in the
     * top bit.
     */
    PTQK_CODE_TYPE_U3 = 6,
    /**
     * 0..3: four codes per byte, code 0 in the lowest bits.
     */
    PTQK_CODE_TYPE_U2 = 7,
    /**
     * Float, 4 exponent bits (bias 7), 3 mantissa bits: largest 448 (0x7E), smallest subnormal
     * `2^-9`, NaN 0x7F and 0xFF, no infinity. Source: OCP 8-bit floating point (E4M3),
     * arXiv 2209.05433; also called float8_e4m3fn.
     */
    PTQK_CODE_TYPE_E4M3 = 8,
    /**
     * Float, 5 exponent bits (bias 15), 2 mantissa bits: largest 57344 (0x7B), smallest subnormal
     * `2^-16`, infinity 0x7C, NaN 0x7D..0x7F, and the same with the sign. Source: as E4M3.
     */
    PTQK_CODE_TYPE_E5M2 = 9,
    /**
     * Float, 4 exponent bits (bias 8), 3 mantissa bits: largest 240 (0x7F), smallest subnormal
     * `2^-10`, NaN 0x80, no infinity, no -0. Source: arXiv 2206.02915; float8_e4m3fnuz.
     */
    PTQK_CODE_TYPE_E4M3_FNUZ = 10,
    /**
     * Float, 5 exponent bits (bias 16), 2 mantissa bits: largest 57344 (0x7F), smallest subnormal
     * `2^-17`, NaN 0x80, no infinity, no -0. Source: arXiv 2206.02915; float8_e5m2fnuz.
     */
    PTQK_CODE_TYPE_E5M2_FNUZ = 11,
    /**
     * A power of two, `2^(code - 127)`, without sign: `2^-127` (0) to `2^127` (254), NaN 255. The
     * scales of MX blocks. Source: OCP microscaling (MX).
     */
    PTQK_CODE_TYPE_E8M0 = 12,
    /**
     * Float, 3 exponent bits (bias 3), 2 mantissa bits: largest 28, smallest subnormal `2^-4`,
     * neither NaN nor infinity. Four codes of 6 bits in three bytes, code 0 in the lowest bits of
     * the little-endian 24 bits. Source: OCP microscaling (MX), FP6.
     */
    PTQK_CODE_TYPE_E3M2 = 13,
    /**
     * Float, 2 exponent bits (bias 1), 3 mantissa bits: largest 7.5, smallest subnormal `2^-3`,
     * neither NaN nor infinity. Packed as E3M2. Source: OCP microscaling (MX), FP6.
     */
    PTQK_CODE_TYPE_E2M3 = 14,
    /**
     * Float, 2 exponent bits (bias 1), 1 mantissa bit: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their
     * negatives (8..15), neither NaN nor infinity. Two codes per byte, code 0 in the low nibble.
     * Source: OCP microscaling (MX), FP4.
     */
    PTQK_CODE_TYPE_E2M1 = 15,
    /**
     * Sixteen values from -1 (code 0) to 1 (code 15), 0 is code 7: quantiles of a normal
     * distribution. Packed as E2M1. Source: QLoRA, arXiv 2305.14314.
     */
    PTQK_CODE_TYPE_NF4 = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_code_type ptqk_code_type;
#else
typedef uint32_t ptqk_code_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Element type of a floating-point matrix.
 */
enum ptqk_dtype
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * IEEE binary32.
     */
    PTQK_DTYPE_F32 = 0,
    /**
     * IEEE binary16.
     */
    PTQK_DTYPE_F16 = 1,
    /**
     * bfloat16: the upper half of a binary32.
     */
    PTQK_DTYPE_BF16 = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_dtype ptqk_dtype;
#else
typedef uint32_t ptqk_dtype;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the fixed-point form rounds.
 */
enum ptqk_fixed_point
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Twice: the product to 32 bits, then the shift. The rule of gemmlowp, of the reference
     * kernels of TensorFlow Lite and of CMSIS-NN by default.
     */
    PTQK_FIXED_POINT_DOUBLE_ROUNDING = 0,
    /**
     * Once, half up. The rule of `TFLITE_SINGLE_ROUNDING` and `CMSIS_NN_USE_SINGLE_ROUNDING`.
     */
    PTQK_FIXED_POINT_SINGLE_ROUNDING = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_fixed_point ptqk_fixed_point;
#else
typedef uint32_t ptqk_fixed_point;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a number is rounded.
 */
enum ptqk_float_rounding
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * To the nearest, a tie to the even code.
     */
    PTQK_FLOAT_ROUNDING_NEAREST = 0,
    /**
     * To one of the two neighbours, to the upper one with the probability that the distance to
     * the lower one gives. The random number of an element follows from `seed` and the row-major
     * index of the element alone: the same on every CPU and with any number of threads. Not for
     * E8M0 and NF4.
     */
    PTQK_FLOAT_ROUNDING_STOCHASTIC = 1,
    /**
     * To the smallest power of two that is not below. E8M0 only.
     */
    PTQK_FLOAT_ROUNDING_UP = 2,
    /**
     * To the largest power of two that is not above. E8M0 only.
     */
    PTQK_FLOAT_ROUNDING_DOWN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_float_rounding ptqk_float_rounding;
#else
typedef uint32_t ptqk_float_rounding;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * When the scale and the zero point of a group are taken, and from which weights.
 */
enum ptqk_gptq_groups
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Before the first channel is rounded, from the weights as they come. With the order
     * `PTQK_GPTQ_ORDER_DESCENDING` groups are still neighbours in the weights, so that whatever reads
     * the result need not know of the order. Source: `static_groups` of the authors' code.
     */
    PTQK_GPTQ_GROUPS_STATIC = 0,
    /**
     * When the first channel of the group is rounded, from the weights that have made up for
     * all channels before. With the order `PTQK_GPTQ_ORDER_DESCENDING` groups are neighbours in that
     * order, and so are the codes that are written: see `ptqk_gptq_outputs.permutation`. Source: the
     * paper.
     */
    PTQK_GPTQ_GROUPS_UPDATED = 1,
    /**
     * As `PTQK_GPTQ_GROUPS_UPDATED`, but from the weights as they were when the block of `block_size`
     * channels began. Source: NNCF.
     */
    PTQK_GPTQ_GROUPS_BLOCK_START = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_gptq_groups ptqk_gptq_groups;
#else
typedef uint32_t ptqk_gptq_groups;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The order in which GPTQ rounds the input channels.
 */
enum ptqk_gptq_order
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * From the first to the last.
     */
    PTQK_GPTQ_ORDER_NATURAL = 0,
    /**
     * From the largest diagonal element of the Hessian to the smallest (of equal ones the first
     * comes first): what matters most is rounded while there is most left to make up for it. Source:
     * `act_order` of the authors' code.
     */
    PTQK_GPTQ_ORDER_DESCENDING = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_gptq_order ptqk_gptq_order;
#else
typedef uint32_t ptqk_gptq_order;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Settings of GPTQ that have a name.
 */
enum ptqk_gptq_preset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The least error: what `ptqk_gptq_params_default` gives.
     */
    PTQK_GPTQ_PRESET_BEST = 0,
    /**
     * The codes and scales of NNCF.
     */
    PTQK_GPTQ_PRESET_NNCF = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_gptq_preset ptqk_gptq_preset;
#else
typedef uint32_t ptqk_gptq_preset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the scale of a group follows from its weights.
 */
enum ptqk_gptq_scale
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * From their extremes, as `ptqk_compress_weights` has it.
     */
    PTQK_GPTQ_SCALE_EXTREMES = 0,
    /**
     * That scale times the factor of 1, 0.99 .. 0.55, 1.05 .. 1.01 (with the MX modes: 1, 1/2, 2) that
     * gives the least sum of `(w - q)^2 / U[j][j]^2`, which is what the error of a channel costs once the
     * channels after it make up for it (see `ptqk_gptq` for `U`); in the symmetric integer modes each with
     * both signs. The first of equal ones wins. The zero point stays.
     */
    PTQK_GPTQ_SCALE_SEARCH = 1,
    /**
     * The scale whose codes change the outputs of the group least for the mean activations of some samples,
     * of candidates made of the codes of others: see `ptqk_gptq`. The zero point and the sign of the scale
     * stay. Not in the MX and NVFP4 modes. Source: `scale_estimation` of NNCF, which takes float modes by
     * their extremes.
     */
    PTQK_GPTQ_SCALE_ESTIMATION = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_gptq_scale ptqk_gptq_scale;
#else
typedef uint32_t ptqk_gptq_scale;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which elements of a matrix share a parameter.
 */
enum ptqk_granularity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * All: 1 parameter.
     */
    PTQK_GRANULARITY_TENSOR = 0,
    /**
     * Those of a row: `rows` parameters.
     */
    PTQK_GRANULARITY_ROW = 1,
    /**
     * Those of a column: `cols` parameters.
     */
    PTQK_GRANULARITY_COLUMN = 2,
    /**
     * `group_size` neighbours in a row, the last group of a row may be shorter:
     * `rows * ceil(cols / group_size)` parameters, row-major.
     */
    PTQK_GRANULARITY_GROUP = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_granularity ptqk_granularity;
#else
typedef uint32_t ptqk_granularity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What to do with a weight.
 */
enum ptqk_group_action
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Compress with the group size of the answer.
     */
    PTQK_GROUP_ACTION_COMPRESS = 0,
    /**
     * Use the backup mode: `PTQK_WEIGHT_MODE_INT8_ASYM`, one group per channel.
     */
    PTQK_GROUP_ACTION_BACKUP = 1,
    /**
     * Leave in floating point.
     */
    PTQK_GROUP_ACTION_SKIP = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_group_action ptqk_group_action;
#else
typedef uint32_t ptqk_group_action;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a channel whose size is not a multiple of the group size.
 */
enum ptqk_group_fallback
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Refuse.
     */
    PTQK_GROUP_FALLBACK_ERROR = 0,
    /**
     * Leave the weights in floating point.
     */
    PTQK_GROUP_FALLBACK_IGNORE = 1,
    /**
     * Use the largest power of two that divides the channel size.
     */
    PTQK_GROUP_FALLBACK_ADJUST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_group_fallback ptqk_group_fallback;
#else
typedef uint32_t ptqk_group_fallback;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the sum of products of activations is divided by.
 */
enum ptqk_hessian_mean
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * By half the number of items of the batches: `2 / items * X^T X`, as NNCF.
     */
    PTQK_HESSIAN_MEAN_ITEMS = 0,
    /**
     * By half the number of tokens, the rows of the activations: `2 / tokens * X^T X`.
     */
    PTQK_HESSIAN_MEAN_TOKENS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_hessian_mean ptqk_hessian_mean;
#else
typedef uint32_t ptqk_hessian_mean;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the bins of a histogram are.
 */
enum ptqk_histogram_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Those of NNCF: `num_bins` equal parts of the range from the smallest to the largest element
     * so far, with the edges of `numpy.histogram`. A wider range distributes the counts anew,
     * which makes them fractions and lets the order of updates and merges show. Source: NNCF
     * `HistogramAggregator`.
     */
    PTQK_HISTOGRAM_KIND_PARITY = 0,
    /**
     * Bins on a grid whose width is a power of two, the finest that holds all elements: a wider
     * range joins neighbours, so the counts are exact, and the state is the same for every order
     * of updates and merges. Between `num_bins / 2` and `num_bins` bins are in use.
     */
    PTQK_HISTOGRAM_KIND_MERGEABLE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_histogram_kind ptqk_histogram_kind;
#else
typedef uint32_t ptqk_histogram_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Instruction set of a table.
 */
enum ptqk_isa
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Plain Rust, on every target.
     */
    PTQK_ISA_SCALAR = 0,
    /**
     * x86-64 with AVX2, FMA and F16C.
     */
    PTQK_ISA_AVX2 = 1,
    /**
     * x86-64 with AVX-512 F, BW, VL and DQ, besides the above.
     */
    PTQK_ISA_AVX512 = 2,
    /**
     * AArch64 with Advanced SIMD.
     */
    PTQK_ISA_NEON = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_isa ptqk_isa;
#else
typedef uint32_t ptqk_isa;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What adapters are trained from.
 */
enum ptqk_lora_init_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * What the compression lost: the compressed weights with the adapters start as near to the weights as the
     * rank allows (LoftQ, arXiv 2310.08659).
     */
    PTQK_LORA_INIT_KIND_RESIDUAL = 0,
    /**
     * A hundredth of the scale of each weight times a random number from 0 to 1, as NNCF starts.
     */
    PTQK_LORA_INIT_KIND_RANDOM = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_lora_init_kind ptqk_lora_init_kind;
#else
typedef uint32_t ptqk_lora_init_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the scale of an MX block follows from its largest magnitude.
 */
enum ptqk_mx_scale
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * `2^ceil(log2(amax / max))`, exact: no element is saturated (NNCF's reference).
     */
    PTQK_MX_SCALE_CEIL = 0,
    /**
     * The same with `ln(scale) / ln(2)` in f32, as NNCF's compiled path has it: a few exact powers
     * of two get the next larger scale.
     */
    PTQK_MX_SCALE_CEIL_LOGARITHM = 1,
    /**
     * `2^(floor(log2(amax)) - emax)`, where `2^emax` is the largest power of two of the element
     * type: elements near the largest can saturate. Source: OCP microscaling (MX) 1.0, 6.3.
     */
    PTQK_MX_SCALE_FLOOR = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_mx_scale ptqk_mx_scale;
#else
typedef uint32_t ptqk_mx_scale;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What becomes of a NaN.
 */
enum ptqk_nan_rule
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * NaN; the largest positive number where the destination has no NaN.
     */
    PTQK_NAN_RULE_KEEP = 0,
    /**
     * The negative largest number, as the FakeConvert of OpenVINO has it.
     */
    PTQK_NAN_RULE_NEGATIVE_MAX = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_nan_rule ptqk_nan_rule;
#else
typedef uint32_t ptqk_nan_rule;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What becomes of a number beyond the largest of the destination, infinity included.
 */
enum ptqk_overflow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The largest number, with the sign.
     */
    PTQK_OVERFLOW_SATURATE = 0,
    /**
     * Infinity where the destination has one, else NaN, else the largest number: as a cast of
     * IEEE 754 rounds, so a number less than half a step above the largest still becomes it.
     */
    PTQK_OVERFLOW_SPECIAL = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_overflow ptqk_overflow;
#else
typedef uint32_t ptqk_overflow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether weights use half of the code range, so that pair sums of u8 x i8 products fit into 16
 * bits on CPUs without a dot-product instruction.
 */
enum ptqk_overflow_fix
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Never.
     */
    PTQK_OVERFLOW_FIX_DISABLE = 0,
    /**
     * Always.
     */
    PTQK_OVERFLOW_FIX_ENABLE = 1,
    /**
     * Where `is_first_layer` is 1.
     */
    PTQK_OVERFLOW_FIX_FIRST_LAYER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_overflow_fix ptqk_overflow_fix;
#else
typedef uint32_t ptqk_overflow_fix;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a range is found on a histogram.
 */
enum ptqk_range_method
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Moves the end that loses fewer bins inwards while the squared error of `dst_levels` levels
     * does not grow. The scheme is not read. Source: NNCF `HistogramAggregator`, after
     * `norm_minimization.cc` of Caffe2.
     */
    PTQK_RANGE_METHOD_NNCF = 0,
    /**
     * The range whose quantized distribution has the least Kullback-Leibler divergence from the
     * distribution of the elements, those outside of it moved to its ends. Ranges of fewer bins than
     * levels are not tried, nor are those without half of the elements. Not meant for few levels.
     * Source: S. Migacz, "8-bit inference with TensorRT", GTC 2017; ONNX
     * Runtime `calibrate.py`, `get_entropy_threshold`. Levels are spread evenly over the bins where
     * ONNX Runtime leaves the rest of a division to the last; a level without elements of its own
     * that gets some from outside counts as 0.0001 elements, to which ONNX Runtime smooths all.
     */
    PTQK_RANGE_METHOD_ENTROPY = 1,
    /**
     * The range with the least mean squared error of rounding and saturation, on the grid that
     * `ptqk_quantizer_from_min_max` makes of the range. Source: R. Banner et al., "Post training
     * 4-bit quantization of convolutional networks for rapid-deployment", NeurIPS 2019, with the
     * histogram in place of a model of the distribution.
     */
    PTQK_RANGE_METHOD_MSE = 2,
    /**
     * The range that holds `percentile` percent of the elements. Source: ONNX Runtime
     * `calibrate.py`, `compute_percentile`.
     */
    PTQK_RANGE_METHOD_PERCENTILE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_range_method ptqk_range_method;
#else
typedef uint32_t ptqk_range_method;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The estimators that have a name.
 */
enum ptqk_range_preset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Smallest minimum, largest maximum. The default of weights and of channels of activations.
     */
    PTQK_RANGE_PRESET_MIN_MAX = 0,
    /**
     * Means of minima and maxima. The default of whole activations.
     */
    PTQK_RANGE_PRESET_MEAN_MIN_MAX = 1,
    /**
     * Medians of minima and maxima.
     */
    PTQK_RANGE_PRESET_MEDIAN_MIN_MAX = 2,
    /**
     * Means of minima and maxima without outliers.
     */
    PTQK_RANGE_PRESET_MEAN_NO_OUTLIERS_MIN_MAX = 3,
    /**
     * Means of the quantiles of `1e-4` and `1 - 1e-4`.
     */
    PTQK_RANGE_PRESET_MEAN_QUANTILE = 4,
    /**
     * The range with the least error over a histogram: see the histogram functions.
     */
    PTQK_RANGE_PRESET_HISTOGRAM = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_range_preset ptqk_range_preset;
#else
typedef uint32_t ptqk_range_preset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a scale is kept away from 0 in the float and codebook modes.
 */
enum ptqk_scale_guard
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A scale below `2^-23` becomes `2^-23` (NNCF's reference).
     */
    PTQK_SCALE_GUARD_SCALE = 0,
    /**
     * A largest magnitude below `2^-23` becomes `2^-23` (NNCF's compiled path).
     */
    PTQK_SCALE_GUARD_MAGNITUDE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_scale_guard ptqk_scale_guard;
#else
typedef uint32_t ptqk_scale_guard;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a range becomes an integer grid.
 */
enum ptqk_scheme
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The range follows from the largest magnitude; zero is code 0 (or 1 in a half range that is
     * not narrow, as in the code of the reference).
     */
    PTQK_SCHEME_SYMMETRIC = 0,
    /**
     * The range follows from minimum and maximum; zero is moved onto a code.
     */
    PTQK_SCHEME_ASYMMETRIC = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_scheme ptqk_scheme;
#else
typedef uint32_t ptqk_scheme;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether the symmetric scheme has negative codes.
 */
enum ptqk_signedness
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Signed if any minimum is negative.
     */
    PTQK_SIGNEDNESS_ANY = 0,
    /**
     * Always signed.
     */
    PTQK_SIGNEDNESS_SIGNED = 1,
    /**
     * The same as `Any`: the reference takes it as a filter only, it never forces a grid.
     */
    PTQK_SIGNEDNESS_UNSIGNED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_signedness ptqk_signedness;
#else
typedef uint32_t ptqk_signedness;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is taken of a tensor, per channel. A NaN gives NaN; a zero is never -0. NNCF's `RAW` needs no
 * constant and no state: its samples are the tensors that the caller has.
 */
enum ptqk_statistics_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The smallest element.
     */
    PTQK_STATISTICS_TYPE_MIN = 0,
    /**
     * The largest element.
     */
    PTQK_STATISTICS_TYPE_MAX = 1,
    /**
     * The largest magnitude.
     */
    PTQK_STATISTICS_TYPE_ABS_MAX = 2,
    /**
     * The arithmetic mean.
     */
    PTQK_STATISTICS_TYPE_MEAN = 3,
    /**
     * The quantile of `quantile_outlier_prob` in the minimum branch, of `1 - quantile_outlier_prob`
     * in the maximum branch, interpolated linearly.
     */
    PTQK_STATISTICS_TYPE_QUANTILE = 4,
    /**
     * The same of the magnitudes.
     */
    PTQK_STATISTICS_TYPE_ABS_QUANTILE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_statistics_type ptqk_statistics_type;
#else
typedef uint32_t ptqk_statistics_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Outcome of a call: 0 is success, a negative number says that the call was wrong and nothing
 * was written, a positive one is a numeric outcome. The numbers are permanent.
 */
enum ptqk_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Success.
     */
    PTQK_STATUS_OK = 0,
    /**
     * A pointer that must point to something is NULL.
     */
    PTQK_STATUS_NULL_POINTER = -1,
    /**
     * A pointer is not a multiple of its element size.
     */
    PTQK_STATUS_MISALIGNED = -2,
    /**
     * An output shares memory with another argument.
     */
    PTQK_STATUS_OVERLAP = -3,
    /**
     * A product of sizes exceeds the address space.
     */
    PTQK_STATUS_SIZE_OVERFLOW = -4,
    /**
     * Shapes disagree, or a stride is shorter than a row.
     */
    PTQK_STATUS_INVALID_SHAPE = -5,
    /**
     * A `size` field is not the size of the structure.
     */
    PTQK_STATUS_INVALID_STRUCT_SIZE = -6,
    /**
     * A parameter lies outside its documented range.
     */
    PTQK_STATUS_INVALID_PARAMETER = -7,
    /**
     * The progress callback asked to stop; outputs are partly written.
     */
    PTQK_STATUS_CANCELLED = 1,
    /**
     * The input holds a NaN or an infinity; the function says what it wrote.
     */
    PTQK_STATUS_NOT_FINITE = 2,
    /**
     * A matrix is not positive definite; the function says what it wrote.
     */
    PTQK_STATUS_NOT_POSITIVE_DEFINITE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_status ptqk_status;
#else
typedef int32_t ptqk_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Number format of compressed weights.
 */
enum ptqk_weight_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Signed 8-bit codes, `w = code * scale`. Codes: `PTQK_CODE_TYPE_I8`.
     */
    PTQK_WEIGHT_MODE_INT8_SYM = 0,
    /**
     * Unsigned 8-bit codes, `w = (code - zero_point) * scale`. Codes: `PTQK_CODE_TYPE_U8`.
     */
    PTQK_WEIGHT_MODE_INT8_ASYM = 1,
    /**
     * Signed 4-bit codes. Codes: `PTQK_CODE_TYPE_I4`.
     */
    PTQK_WEIGHT_MODE_INT4_SYM = 2,
    /**
     * Unsigned 4-bit codes with a zero point. Codes: `PTQK_CODE_TYPE_U4`.
     */
    PTQK_WEIGHT_MODE_INT4_ASYM = 3,
    /**
     * Signed 3-bit codes, stored with 4 added: `w = (code - 4) * scale`. Codes:
     * `PTQK_CODE_TYPE_U3`.
     */
    PTQK_WEIGHT_MODE_INT3_SYM = 4,
    /**
     * Signed 2-bit codes, stored with 2 added: `w = (code - 2) * scale`. Codes:
     * `PTQK_CODE_TYPE_U2`.
     */
    PTQK_WEIGHT_MODE_INT2_SYM = 5,
    /**
     * `w = nf4[code] * scale`, scale the largest magnitude. Codes: `PTQK_CODE_TYPE_NF4`.
     */
    PTQK_WEIGHT_MODE_NF4 = 6,
    /**
     * E2M1 numbers with a float scale. Codes: `PTQK_CODE_TYPE_E2M1`.
     */
    PTQK_WEIGHT_MODE_FP4 = 7,
    /**
     * MX block of 32 E2M1 numbers with an E8M0 scale. Codes: `PTQK_CODE_TYPE_E2M1`.
     */
    PTQK_WEIGHT_MODE_MXFP4 = 8,
    /**
     * Blocks of 16 E2M1 numbers with an E4M3 scale, which a scale of the whole matrix (f32)
     * multiplies. Codes: `PTQK_CODE_TYPE_E2M1`.
     */
    PTQK_WEIGHT_MODE_NVFP4 = 9,
    /**
     * E4M3 numbers with a float scale. Codes: `PTQK_CODE_TYPE_E4M3`.
     */
    PTQK_WEIGHT_MODE_FP8_E4M3 = 10,
    /**
     * E5M2 numbers with a float scale, better an f32 one. Codes: `PTQK_CODE_TYPE_E5M2`.
     */
    PTQK_WEIGHT_MODE_FP8_E5M2 = 11,
    /**
     * MX block of 32 E4M3 numbers with an E8M0 scale. Codes: `PTQK_CODE_TYPE_E4M3`.
     */
    PTQK_WEIGHT_MODE_MXFP8_E4M3 = 12,
    /**
     * MX block of 32 E5M2 numbers. Codes: `PTQK_CODE_TYPE_E5M2`.
     */
    PTQK_WEIGHT_MODE_MXFP8_E5M2 = 13,
    /**
     * MX block of 32 E3M2 numbers. Codes: `PTQK_CODE_TYPE_E3M2`.
     */
    PTQK_WEIGHT_MODE_MXFP6_E3M2 = 14,
    /**
     * MX block of 32 E2M3 numbers. Codes: `PTQK_CODE_TYPE_E2M3`.
     */
    PTQK_WEIGHT_MODE_MXFP6_E2M3 = 15,
    /**
     * MX block of 32 fixed-point numbers: `w = code / 64 * scale`, scale E8M0. Codes:
     * `PTQK_CODE_TYPE_I8`.
     */
    PTQK_WEIGHT_MODE_MXINT8 = 16,
    /**
     * `w = cb4[code] * scale`: NNCF's codebook of 16 values from -3.5 to 3.5. Codes:
     * `PTQK_CODE_TYPE_U4`.
     */
    PTQK_WEIGHT_MODE_CB4 = 17,
    /**
     * `w = codebook[code] * scale`, with the codebook of the parameters. Codes:
     * `PTQK_CODE_TYPE_U4` for up to 16 values, `_U8` for up to 256, else `_U16`.
     */
    PTQK_WEIGHT_MODE_CODEBOOK = 18,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_weight_mode ptqk_weight_mode;
#else
typedef uint32_t ptqk_weight_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where the zero point is added.
 */
enum ptqk_zero_point
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * `clamp(round(x / scale) + zero_point)`, as ONNX QuantizeLinear.
     */
    PTQK_ZERO_POINT_AFTER_ROUNDING = 0,
    /**
     * `clamp(round(x / scale + zero_point))`, as weight compression.
     */
    PTQK_ZERO_POINT_BEFORE_ROUNDING = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ptqk_zero_point ptqk_zero_point;
#else
typedef uint32_t ptqk_zero_point;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Settings of `ptqk_estimate_codebook`.
 *
 * Source: NNCF `AdvancedAdaptiveCodebookParameters` and `CodebookEstimation`, Python package
 * version 3.4.0.
 */
typedef struct ptqk_codebook_params {
    /**
     * `sizeof(ptqk_codebook_params)`, filled by `ptqk_codebook_params_default`.
     */
    uint32_t size;
    /**
     * Values of the codebook. Range: `2..256`, and no more than there are different finite numbers
     * of `value_type` (253 with E4M3, 15 with E2M1). Default: 16. Source: `num_elements`; NNCF
     * takes at most 16.
     */
    uint32_t num_elements;
    /**
     * As in `ptqk_weight_params`: weights that share a scale, along the reduction axis. Unit:
     * elements. Range: -1 (all weights of an output channel), or `>= 1` and a divisor of the input
     * channels. Default: -1. Source: `group_size`; NNCF takes -1 only with `across_blocks`.
     */
    int32_t group_size;
    /**
     * As in `ptqk_weight_params`: 1: weights are `[out, in]`; 0: weights are `[in, out]`. The
     * codebook is the same for a matrix and its transpose. Default: 1.
     */
    uint32_t reduction_axis;
    /**
     * Type whose numbers the values are: a `PTQK_CODE_TYPE_` constant of a float type with a sign,
     * or `PTQK_CODEBOOK_VALUES_F32`. Default: `PTQK_CODE_TYPE_E4M3`. Source: `value_type`.
     */
    uint32_t value_type;
    /**
     * 1: values are rounded to f16 before they are rounded to `value_type`, as NNCF does; 0
     * (default): they are rounded once.
     */
    uint32_t fp8_through_f16;
    /**
     * 1: one codebook for several weights, each judged in proportion to the mean magnitude of its
     * activations. 0: one codebook for one weight. Default: 0. Source: `across_blocks`.
     */
    uint32_t across_blocks;
    /**
     * How weights are scaled before they are clustered. 0: by the largest magnitude of the group,
     * as `ptqk_compress_weights` scales them. 1: by the element of largest magnitude with its sign
     * (of two, the negative one), so that every group has it at the upper end: NNCF does so
     * without `across_blocks`, although its compression does not, and misses the codebooks of
     * weights whose long tail is negative. Default: 0. Source:
     * `calculate_float_quantization_params` (`signed`).
     */
    uint32_t signed_scale;
    /**
     * Bins of the histogram that is clustered instead of the weights. Range: 0, `2..1048576`.
     * Default: 0, which stands for 700, or 100000 with `across_blocks`. Source: `intervals`.
     */
    uint32_t intervals;
    /**
     * Most iterations of the clustering. Range: `1..10000`. Default: 70. Source: `max_iter`.
     */
    uint32_t max_iterations;
    /**
     * The clustering ends once no value moves by as much. Unit: that of the default codebook.
     * Range: `>= 0`, finite. Default: 1e-5. Source: `KMeansWeighted.fit`.
     */
    float tolerance;
    /**
     * Number of values of `default_codebook`. Range: `2..256`; not read if that is NULL. Default:
     * 0.
     */
    uint32_t default_codebook_size;
    /**
     * Finite values in strictly ascending order, not all 0. Weights are scaled to its largest
     * magnitude before they are clustered, and it is a candidate if it has `num_elements` values.
     * Default: NULL, which stands for the 16 values of `PTQK_WEIGHT_MODE_CB4`. Source: `codebook`.
     */
    const float *default_codebook;
} ptqk_codebook_params;

/**
 * One piece of work: `task(arg, index)`.
 */
typedef void (*ptqk_task)(void *arg, size_t index);

/**
 * Why a call did not return `PTQK_STATUS_OK`. Every text is static; none is ever freed.
 */
typedef struct ptqk_detail {
    /**
     * `sizeof(ptqk_detail)`, filled by `ptqk_detail_default`.
     */
    uint32_t size;
    /**
     * The status that the call returned.
     */
    ptqk_status status;
    /**
     * The name of the argument, or NULL.
     */
    const char *argument;
    /**
     * The field of the argument, or NULL.
     */
    const char *field;
    /**
     * The rule that was broken, as the end of a sentence: `must divide cols`; or NULL.
     */
    const char *rule;
    /**
     * The element that was refused, or `PTQK_NO_INDEX`.
     */
    uint64_t index;
    /**
     * The value that was refused.
     */
    double value;
} ptqk_detail;

/**
 * What the caller lends to a call. Every function takes `NULL` instead: serial and silent.
 */
typedef struct ptqk_ctx {
    /**
     * `sizeof(ptqk_ctx)`, filled by `ptqk_ctx_default`.
     */
    uint32_t size;
    /**
     * Must be 0.
     */
    uint32_t flags;
    /**
     * For the callbacks; the library does not look at it.
     */
    void *user;
    /**
     * Runs `task(arg, i)` once for every `i` in `0..n`, in any order, on any threads of the caller,
     * and returns when all are done. No result depends on how this is done. Default: NULL, serial.
     */
    void (*parallel_for)(const struct ptqk_ctx *ctx, size_t n, ptqk_task task, void *arg);
    /**
     * Hears that `done` of `total` steps are finished, after every 16 of them (a step is about
     * 65536 elements, more where columns of large matrices are reduced). A non-zero answer cancels the
     * call if work is left. Runs on the thread that made the call, between tasks; the last call of a
     * complete run has `done == total`. Default: NULL.
     */
    int32_t (*progress)(const struct ptqk_ctx *ctx, uint64_t done, uint64_t total);
    /**
     * Receives the detail of a refusal or of a numeric outcome. Default: NULL.
     */
    struct ptqk_detail *detail;
} ptqk_ctx;

/**
 * A row-major floating-point matrix that is read.
 */
typedef struct ptqk_matrix {
    /**
     * Element (0, 0). May be NULL if `rows` or `cols` is 0.
     */
    const void *data;
    /**
     * Number of rows.
     */
    size_t rows;
    /**
     * Number of columns.
     */
    size_t cols;
    /**
     * Elements from one row to the next. Range: `>= cols`.
     */
    size_t row_stride;
    /**
     * `PTQK_DTYPE_F32`, `PTQK_DTYPE_F16` or `PTQK_DTYPE_BF16`.
     */
    uint32_t dtype;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} ptqk_matrix;

/**
 * Settings of `ptqk_encode` and `ptqk_convert`.
 */
typedef struct ptqk_convert_params {
    /**
     * `sizeof(ptqk_convert_params)`, filled by `ptqk_convert_params_default`.
     */
    uint32_t size;
    /**
     * `PTQK_OVERFLOW_SATURATE` (default) or `PTQK_OVERFLOW_SPECIAL`.
     */
    uint32_t overflow;
    /**
     * `PTQK_NAN_RULE_KEEP` (default) or `PTQK_NAN_RULE_NEGATIVE_MAX`.
     */
    uint32_t nan_rule;
    /**
     * One of the `PTQK_FLOAT_ROUNDING_` constants. Default: nearest.
     */
    uint32_t rounding;
    /**
     * Names the random sequence of `PTQK_FLOAT_ROUNDING_STOCHASTIC`: the key of Philox4x32-10,
     * whose word `i % 4` at counter `i / 4` belongs to element `i`. Any value. Default: 0.
     */
    uint64_t seed;
} ptqk_convert_params;

/**
 * Settings of `ptqk_fake_convert`.
 */
typedef struct ptqk_fake_convert_params {
    /**
     * `sizeof(ptqk_fake_convert_params)`, filled by `ptqk_fake_convert_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_GRANULARITY_` constants: which elements share a scale and a shift. Default:
     * tensor.
     */
    uint32_t granularity;
    /**
     * Elements of a group. Unit: elements. Range: `>= 1` with `PTQK_GRANULARITY_GROUP`, not read
     * otherwise. Default: 0.
     */
    uint32_t group_size;
    /**
     * The float type: a `PTQK_CODE_TYPE_` constant of a float type with a sign. Default:
     * `PTQK_CODE_TYPE_E4M3`. Source: NNCF `destination_type`.
     */
    uint32_t destination_type;
    /**
     * `PTQK_NAN_RULE_KEEP` or `PTQK_NAN_RULE_NEGATIVE_MAX` (default, as OpenVINO).
     */
    uint32_t nan_rule;
} ptqk_fake_convert_params;

/**
 * Settings of `ptqk_fp8_scale_from_min_max`.
 *
 * Source: NNCF `FP8QuantizationParameters`, and `calculate_convert_parameters`.
 */
typedef struct ptqk_fp8_params {
    /**
     * `sizeof(ptqk_fp8_params)`, filled by `ptqk_fp8_params_default`.
     */
    uint32_t size;
    /**
     * The float type, as in `ptqk_fake_convert_params`. Default: `PTQK_CODE_TYPE_E4M3`. Source:
     * `destination_type`.
     */
    uint32_t destination_type;
    /**
     * 1: one scale per channel, 0 (default): one scale per tensor, which `activation_scale`
     * multiplies. Source: NNCF quantizes activations per tensor and weights per channel.
     */
    uint32_t per_channel;
    /**
     * Factor of a scale per tensor: below 1 it leaves room above the largest magnitude that
     * calibration saw. Range: finite, > 0. Default: 0.5, as NNCF has it. 1 is without.
     */
    float activation_scale;
} ptqk_fp8_params;

/**
 * A matrix of codes that is written. What lies between the bytes of a row and
 * `row_stride_bytes` is never touched.
 */
typedef struct ptqk_codes_mut {
    /**
     * The first row. May be NULL if `rows` or `cols` is 0.
     */
    void *data;
    /**
     * Number of rows.
     */
    size_t rows;
    /**
     * Number of codes in a row.
     */
    size_t cols;
    /**
     * Bytes from one row to the next. Range: at least the bytes of a row, and a multiple of the
     * element size of the code type.
     */
    size_t row_stride_bytes;
    /**
     * One of the `PTQK_CODE_TYPE_` constants.
     */
    uint32_t code_type;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} ptqk_codes_mut;

/**
 * A matrix of codes that is read.
 */
typedef struct ptqk_codes {
    /**
     * The first row. May be NULL if `rows` or `cols` is 0.
     */
    const void *data;
    /**
     * Number of rows.
     */
    size_t rows;
    /**
     * Number of codes in a row.
     */
    size_t cols;
    /**
     * Bytes from one row to the next. Range: at least the bytes of a row, and a multiple of the
     * element size of the code type.
     */
    size_t row_stride_bytes;
    /**
     * One of the `PTQK_CODE_TYPE_` constants.
     */
    uint32_t code_type;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} ptqk_codes;

/**
 * A row-major floating-point matrix that is written. What lies between `cols` and `row_stride`
 * is never touched.
 */
typedef struct ptqk_matrix_mut {
    /**
     * Element (0, 0). May be NULL if `rows` or `cols` is 0.
     */
    void *data;
    /**
     * Number of rows.
     */
    size_t rows;
    /**
     * Number of columns.
     */
    size_t cols;
    /**
     * Elements from one row to the next. Range: `>= cols`.
     */
    size_t row_stride;
    /**
     * `PTQK_DTYPE_F32`, `PTQK_DTYPE_F16` or `PTQK_DTYPE_BF16`.
     */
    uint32_t dtype;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} ptqk_matrix_mut;

/**
 * How the scales of groups are estimated from what the layer sees.
 *
 * Source: NNCF `AdvancedScaleEstimationParameters`.
 */
typedef struct ptqk_scale_estimation_params {
    /**
     * `sizeof(ptqk_scale_estimation_params)`, filled with the structure that holds it.
     */
    uint32_t size;
    /**
     * Samples that are wanted, as `ptqk_process_stats` takes them; 0 for all. Default: 32.
     */
    uint32_t subset_size;
    /**
     * Candidates that are made of the codes of the best scale so far. Range: `0..1000`. Default: 5.
     */
    uint32_t initial_steps;
    /**
     * Candidates that are made of the codes of smaller scales, `1 - 0.05 k` times the first one. Range:
     * `0..20`. Default: 10.
     */
    uint32_t scale_steps;
    /**
     * What the mean squared error of the weights counts with, beside that of the outputs; nothing if it is
     * not above 0. Range: finite. Default: -1.
     */
    float weight_penalty;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} ptqk_scale_estimation_params;

/**
 * Settings of weight compression. The same structure goes to every function that reads the
 * result.
 *
 * Source: NNCF `compress_weights` (`mode`, `group_size`), Python package version 3.4.0.
 */
typedef struct ptqk_weight_params {
    /**
     * `sizeof(ptqk_weight_params)`, filled by `ptqk_weight_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_WEIGHT_MODE_` constants. Default: `PTQK_WEIGHT_MODE_INT8_ASYM`.
     */
    uint32_t mode;
    /**
     * Weights that share a scale, along the reduction axis. Unit: elements. Range: -1 (all
     * weights of an output channel), or `>= 1` and a divisor of the input channels. The MX modes
     * have blocks of 32 and NVFP4 of 16: -1 means these, too. Default: -1.
     * `ptqk_resolve_group_size` finds a size that fits. Source: `group_size`.
     */
    int32_t group_size;
    /**
     * 1: weights are `[out, in]`, groups lie in a row. 0: weights are `[in, out]`, groups lie in
     * a column. Default: 1.
     */
    uint32_t reduction_axis;
    /**
     * Type in which scales are stored: `PTQK_DTYPE_F32` or `PTQK_DTYPE_F16`. The codes follow
     * from the f32 scale in both cases. Default: `PTQK_DTYPE_F16`, as NNCF stores them. MX modes
     * store E8M0 bytes and NVFP4 E4M3 bytes, whatever this says. The scales of FP8_E5M2 are small,
     * `amax / 57344`: below 3.5 the f16 is a subnormal and loses bits, f32 does not.
     */
    uint32_t scale_dtype;
    /**
     * `PTQK_ASYMMETRIC_RANGE_WITH_ZERO` (default) or `_AS_IS`. Only the asymmetric modes read it.
     */
    uint32_t asymmetric_range;
    /**
     * `PTQK_MX_SCALE_CEIL` (default), `_CEIL_LOGARITHM` or `_FLOOR`. Only the MX modes read it.
     */
    uint32_t mx_scale;
    /**
     * `PTQK_SCALE_GUARD_SCALE` (default) or `_MAGNITUDE`. Integer modes do not read it.
     */
    uint32_t scale_guard;
    /**
     * 1: what becomes FP8, codes and the scales of NVFP4, is rounded to f16 first, as NNCF does; 0
     * (default): it is rounded once.
     */
    uint32_t fp8_through_f16;
    /**
     * Number of values of `codebook`. Range: `2..65536` with `PTQK_WEIGHT_MODE_CODEBOOK`, not read
     * otherwise. Default: 0.
     */
    uint32_t codebook_size;
    /**
     * Finite values in strictly ascending order, not all 0. Not NULL with
     * `PTQK_WEIGHT_MODE_CODEBOOK`, not read otherwise. Default: NULL. Source: NNCF `codebook`.
     */
    const float *codebook;
} ptqk_weight_params;

/**
 * Settings of `ptqk_gptq`.
 *
 * Source: NNCF `AdvancedGPTQParameters` (`damp_percent`, `block_size`); arXiv 2210.17323.
 */
typedef struct ptqk_gptq_params {
    /**
     * `sizeof(ptqk_gptq_params)`, filled by `ptqk_gptq_params_default`.
     */
    uint32_t size;
    /**
     * `PTQK_GPTQ_ORDER_DESCENDING` (default) or `_NATURAL`.
     */
    uint32_t order;
    /**
     * `PTQK_GPTQ_GROUPS_STATIC` (default), `_UPDATED` or `_BLOCK_START`.
     */
    uint32_t groups;
    /**
     * `PTQK_GPTQ_SCALE_SEARCH` (default), `_EXTREMES` or `_ESTIMATION`.
     */
    uint32_t scale;
    /**
     * 1 (default): weights are rounded with the scales as they are stored, so that what f16 loses
     * is made up for, too. 0: with the f32 scales, as `ptqk_compress_weights` does.
     */
    uint32_t stored_scales;
    /**
     * Input channels that are rounded before the rest is updated: of effect on speed, on progress, on the
     * scales that `passes` fits, and with `PTQK_GPTQ_GROUPS_BLOCK_START` on the groups. Unit: channels.
     * Range: `1..65536`. Default: 128. Source: `block_size`.
     */
    uint32_t block_size;
    /**
     * Share of the mean of the Hessian's diagonal that is added to the diagonal. Range: finite, `>=
     * 0`. Default: 0.03 (the authors: 0.01; NNCF: 0.1). With fewer tokens than channels, or not many
     * more, 0.1 fits what was not seen better. Source: `damp_percent`.
     */
    float damp_percent;
    /**
     * How often the damping is made ten times larger (at least 1e-6) when the Hessian cannot be
     * decomposed. Range: `0..16`. Default: 10. NNCF: 0.
     */
    uint32_t max_redamps;
    /**
     * Passes of coordinate descent after all is rounded. In each, group after group, the scale is fitted to
     * the codes by least squares (not in the MX modes, and not of groups of more than `block_size`
     * channels), then each code becomes the best one given all others. Range: `0..64`. Default: 3. NNCF: 0.
     */
    uint32_t passes;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * How `PTQK_GPTQ_SCALE_ESTIMATION` goes; not read otherwise. Default: 32 samples, 5 and 10 steps, no
     * penalty, which is what the GPTQ of NNCF always uses.
     */
    struct ptqk_scale_estimation_params estimation;
    /**
     * Its samples, `[samples, in]` of any float type and at least one: the mean of each input channel over the
     * tokens of each sample, see `ptqk_channel_mean`. Not read otherwise. Default: NULL, no rows.
     */
    struct ptqk_matrix means;
    /**
     * `samples` numbers of tokens, see `ptqk_process_stats`. Not read, may be NULL, if all samples are
     * taken. Default: NULL.
     */
    const uint64_t *token_counts;
    /**
     * The format of the codes, as for `ptqk_compress_weights`. Default: `PTQK_WEIGHT_MODE_INT4_SYM` with a
     * `group_size` of 128; all else as `ptqk_weight_params_default` fills it.
     */
    struct ptqk_weight_params weights;
} ptqk_gptq_params;

/**
 * Where `ptqk_gptq` writes. `ptqk_weight_layout_query` gives the sizes.
 */
typedef struct ptqk_gptq_outputs {
    /**
     * `sizeof(ptqk_gptq_outputs)`, filled by `ptqk_gptq_outputs_default`.
     */
    uint32_t size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * Receives the codes; the shape of the weights, the code type of the mode.
     */
    struct ptqk_codes_mut codes;
    /**
     * Receives the scales: one per group, of `params->weights.scale_dtype`.
     */
    void *scale;
    /**
     * Receives one zero point per group in the asymmetric modes; not read otherwise, may be NULL then.
     */
    uint8_t *zero_point;
    /**
     * Receives the scale of the matrix with NVFP4; not read otherwise, may be NULL then.
     */
    float *tensor_scale;
    /**
     * Receives, for each place in the order of rounding, the input channel that was rounded there. May
     * be NULL, unless the order is `PTQK_GPTQ_ORDER_DESCENDING` and groups are not static: then place `i`
     * of the reduction axis of the codes is input channel `permutation[i]`, groups are neighbours in
     * that order, and what multiplies must take the activations in it.
     */
    uint32_t *permutation;
    /**
     * Receives, for each output channel, `e H e^T` of its error `e = w - q` and the damped
     * Hessian. May be NULL.
     */
    float *loss;
    /**
     * Receives the weights that the codes stand for, in their order; the shape of the weights, any
     * type. `data` may be NULL: nothing is written then.
     */
    struct ptqk_matrix_mut dequantized;
} ptqk_gptq_outputs;

/**
 * What `ptqk_gptq` did.
 */
typedef struct ptqk_gptq_report {
    /**
     * Sum of the losses of all output channels.
     */
    double loss;
    /**
     * What was added to the diagonal of the Hessian.
     */
    float damping;
    /**
     * How often it was made larger.
     */
    uint32_t redamps;
} ptqk_gptq_report;

/**
 * What a Hessian is like; stays the same while its state lives.
 */
typedef struct ptqk_hessian_params {
    /**
     * `sizeof(ptqk_hessian_params)`, filled by `ptqk_hessian_params_default`.
     */
    uint32_t size;
    /**
     * `PTQK_HESSIAN_MEAN_ITEMS` (default) or `_TOKENS`. GPTQ gives the same codes either way, but for
     * rounding.
     */
    uint32_t mean;
    /**
     * Input channels of the layer: columns of the activations. Range: `1..2^24`. Default: 0, to
     * be filled in.
     */
    uint64_t channels;
} ptqk_hessian_params;

/**
 * What a Hessian has seen.
 */
typedef struct ptqk_hessian_summary {
    /**
     * Items of the batches.
     */
    uint64_t items;
    /**
     * Tokens: rows of the activations.
     */
    uint64_t tokens;
} ptqk_hessian_summary;

/**
 * What a histogram is like; stays the same while it lives.
 */
typedef struct ptqk_histogram_params {
    /**
     * `sizeof(ptqk_histogram_params)`, filled by `ptqk_histogram_params_default`.
     */
    uint32_t size;
    /**
     * Number of bins. Range: `16..65536`. Default: 2048. Source: NNCF `HistogramAggregator(bins)`.
     */
    uint32_t num_bins;
    /**
     * One of the `PTQK_HISTOGRAM_KIND_` constants. Default: parity.
     */
    uint32_t kind;
    /**
     * Parts into which a bin is cut before its count is distributed over the bins of a wider
     * range. Range: `1..256`. Default: 16. Read with `PTQK_HISTOGRAM_KIND_PARITY` only. Source:
     * NNCF `HistogramAggregator.upsample_rate`.
     */
    uint32_t upsample_rate;
} ptqk_histogram_params;

/**
 * Settings of `ptqk_histogram_range`.
 */
typedef struct ptqk_histogram_range_params {
    /**
     * `sizeof(ptqk_histogram_range_params)`, filled by `ptqk_histogram_range_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_RANGE_METHOD_` constants. Default: NNCF.
     */
    uint32_t method;
    /**
     * `PTQK_SCHEME_SYMMETRIC` (default): the range is `-t..t`, or `0..t` if no element is negative.
     * `PTQK_SCHEME_ASYMMETRIC`: both ends are free. Not read with `PTQK_RANGE_METHOD_NNCF`.
     */
    uint32_t scheme;
    /**
     * Number of levels of the quantizer. Range: `4..65536`. Default: 256. Read with
     * `PTQK_RANGE_METHOD_ENTROPY` and `PTQK_RANGE_METHOD_MSE`.
     */
    uint32_t levels;
    /**
     * Number of levels in the error of NNCF's search. Range: `4..65536`. Default: 256. Read with
     * `PTQK_RANGE_METHOD_NNCF`. Source: NNCF `HistogramAggregator(dist_nbits)`, which is 8 for
     * quantizers of any width.
     */
    uint32_t dst_levels;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * Share of the elements that the range holds; with the asymmetric scheme, half of the rest lies
     * on either side. Unit: percent. Range: `50..100`. Default: 99.999. Read with
     * `PTQK_RANGE_METHOD_PERCENTILE`. Source: ONNX Runtime `PercentileCalibrater(percentile)`.
     */
    double percentile;
} ptqk_histogram_range_params;

/**
 * What a histogram holds, apart from its counts.
 */
typedef struct ptqk_histogram_summary {
    /**
     * Where bin 0 begins. 0 if there is no element.
     */
    double low;
    /**
     * Where the last bin ends; all bins have the width `(high - low) / num_bins`. `low` if there is
     * no element, and in the parity kind if all are equal.
     */
    double high;
    /**
     * The smallest element; 0 if there is none.
     */
    double min;
    /**
     * The largest element; 0 if there is none.
     */
    double max;
    /**
     * Number of elements.
     */
    uint64_t total;
    /**
     * Number of updates with at least one element, merged ones included.
     */
    uint64_t updates;
    /**
     * The kind, a `PTQK_HISTOGRAM_KIND_` constant.
     */
    uint32_t kind;
    /**
     * Number of bins.
     */
    uint32_t num_bins;
} ptqk_histogram_summary;

/**
 * Settings of `ptqk_gemm`.
 */
typedef struct ptqk_gemm_params {
    /**
     * `sizeof(ptqk_gemm_params)`, filled by `ptqk_gemm_params_default`.
     */
    uint32_t size;
    /**
     * 1: the transpose of `a` is meant. Range: 0 or 1. Default: 0.
     */
    uint32_t transpose_a;
    /**
     * 1: the transpose of `b` is meant. Range: 0 or 1. Default: 0.
     */
    uint32_t transpose_b;
    /**
     * 1: the product is added to `c`; 0: it replaces `c`. Range: 0 or 1. Default: 0.
     */
    uint32_t accumulate;
    /**
     * 1: the product is taken with the other sign. Range: 0 or 1. Default: 0.
     */
    uint32_t subtract;
} ptqk_gemm_params;

/**
 * Settings of `ptqk_lora_correction`.
 *
 * Source: NNCF `AdvancedLoraCorrectionParameters`, but for `oversampling`, `max_steps`, `tolerance` and
 * `seed`, which say how the truncated decomposition goes (NNCF has the whole one).
 */
typedef struct ptqk_lora_params {
    /**
     * `sizeof(ptqk_lora_params)`, filled by `ptqk_lora_params_default`.
     */
    uint32_t size;
    /**
     * Rank of the adapters. Range: `1..2^24`, no more than there are input or output channels.
     * Default: 8 (the code of NNCF; its documentation says 16).
     */
    uint32_t adapter_rank;
    /**
     * How often each adapter is fitted by least squares, given the other. Range: `0..1000`. Default: 3.
     */
    uint32_t num_iterations;
    /**
     * 1 (default): the fits weigh the error of the weights, too. 0: that of the outputs alone. Range: 0
     * or 1.
     */
    uint32_t apply_regularization;
    /**
     * Samples that are wanted, as `ptqk_process_stats` takes them; 0 for all. Default: 128.
     */
    uint32_t subset_size;
    /**
     * 1 (default): the adapters are compressed to 8 bits, as by `ptqk_compress_weights` with
     * `PTQK_WEIGHT_MODE_INT8_ASYM`, one f32 scale and zero point per row. 0: they stay floats. Range: 0
     * or 1.
     */
    uint32_t use_int8_adapters;
    /**
     * Vectors beyond the rank that the decomposition goes on with: more of them need fewer steps. Range:
     * `0..1024`. Default: 4. Layers with few channels, or of which the adapters have many, are decomposed
     * as a whole.
     */
    uint32_t oversampling;
    /**
     * Most steps of the decomposition, each a product with the error of the weights and one with its
     * transpose. 0 (default): 2 where the rank and `oversampling` are more than 48 together and the adapters are
     * fitted afterwards, which finds what further steps would; 4 otherwise. Range: `0..1000`.
     */
    uint32_t max_steps;
    /**
     * The decomposition ends when some steps add less than this share of the squares that are captured.
     * Range: `0..1`. Default: 0.01.
     */
    float tolerance;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * Key of the random numbers from which the decomposition starts. Default: 0.
     */
    uint64_t seed;
    /**
     * The parameters of the compression. Default: `PTQK_WEIGHT_MODE_INT4_SYM` with a `group_size` of
     * 128; all else as `ptqk_weight_params_default` fills it.
     */
    struct ptqk_weight_params weights;
} ptqk_lora_params;

/**
 * Where `ptqk_lora_correction` writes.
 */
typedef struct ptqk_lora_outputs {
    /**
     * `sizeof(ptqk_lora_outputs)`, filled by `ptqk_lora_outputs_default`.
     */
    uint32_t size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * Receives `A`, `[rank, in]`, of any float type. With `use_int8_adapters` `data` may be NULL: nothing
     * is written then.
     */
    struct ptqk_matrix_mut a;
    /**
     * Receives `B`, `[out, rank]`, as `a`.
     */
    struct ptqk_matrix_mut b;
    /**
     * Receives the codes of `A`, of `PTQK_CODE_TYPE_U8`, with `use_int8_adapters`; not read otherwise.
     */
    struct ptqk_codes_mut a_codes;
    /**
     * Receives the codes of `B`, as `a_codes`.
     */
    struct ptqk_codes_mut b_codes;
    /**
     * Receives `rank` scales of the rows of `A` with `use_int8_adapters`; not read otherwise.
     */
    float *a_scale;
    /**
     * Receives `out` scales of the rows of `B`, as `a_scale`.
     */
    float *b_scale;
    /**
     * Receives `rank` zero points of the rows of `A`, as `a_scale`.
     */
    uint8_t *a_zero_point;
    /**
     * Receives `out` zero points of the rows of `B`, as `a_scale`.
     */
    uint8_t *b_zero_point;
    /**
     * Receives `2 + 2 * num_iterations` noises: without adapters, with those of the decomposition, then
     * after each fit, `B` before `A`. May be NULL.
     */
    float *noises;
} ptqk_lora_outputs;

/**
 * What `ptqk_lora_correction` achieved, before the adapters are rounded. The noise is the mean magnitude of
 * the error of the outputs over the samples that were taken: 0 without samples.
 */
typedef struct ptqk_lora_report {
    /**
     * Noise without adapters.
     */
    float noise_before;
    /**
     * Noise with the adapters of the decomposition.
     */
    float noise_decomposed;
    /**
     * Noise with the adapters as they are.
     */
    float noise_after;
    /**
     * Samples that were taken.
     */
    uint32_t samples;
} ptqk_lora_report;

/**
 * One of the two thin matrices of an adapter: floats, or 8-bit codes with a scale and a zero point per row,
 * `(code - zero_point) * scale`.
 */
typedef struct ptqk_lora_factor {
    /**
     * The floats, of any type. If its `data` is NULL, codes are meant.
     */
    struct ptqk_matrix values;
    /**
     * The codes, of `PTQK_CODE_TYPE_U8` or `PTQK_CODE_TYPE_I8`. Read only if there are no floats.
     */
    struct ptqk_codes codes;
    /**
     * The scales, one per row, finite. Read only with codes.
     */
    const float *scale;
    /**
     * The zero points, one per row, or NULL: 0. Read only with codes.
     */
    const uint8_t *zero_point;
} ptqk_lora_factor;

/**
 * A pair of thin matrices, whose product is added to the weights of a layer.
 */
typedef struct ptqk_lora_adapter {
    /**
     * `A`, `[rank, in]`.
     */
    struct ptqk_lora_factor a;
    /**
     * `B`, `[out, rank]`, or its transpose.
     */
    struct ptqk_lora_factor b;
    /**
     * What the product is multiplied by, such as alpha / rank. Range: finite.
     */
    float scale;
    /**
     * 0: `b` is `[out, rank]`. 1: `b` is `[rank, out]`, whose rows a single vector streams through, where those
     * of `[out, rank]` are short and have to be turned. Scales and zero points of codes are those of the rows as
     * they lie. Range: 0 or 1.
     */
    uint32_t b_is_transposed;
} ptqk_lora_adapter;

/**
 * Rows of a batch that go through an adapter.
 */
typedef struct ptqk_lora_segment {
    /**
     * Index of the adapter.
     */
    size_t adapter;
    /**
     * The first row.
     */
    size_t first_row;
    /**
     * Number of rows.
     */
    size_t rows;
} ptqk_lora_segment;

/**
 * Settings of `ptqk_lora_init`.
 *
 * Source: NNCF, `CompressionFormat.FQ_LORA` with `lora_adapter_rank` of
 * `AdvancedCompressionParameters`; `oversampling`, `max_steps`, `tolerance` and `seed` as in
 * `ptqk_lora_params`.
 */
typedef struct ptqk_lora_init_params {
    /**
     * `sizeof(ptqk_lora_init_params)`, filled by `ptqk_lora_init_params_default`.
     */
    uint32_t size;
    /**
     * Rank of the adapters. Range: `1..2^24`, no more than there are input or output channels.
     * Default: 256.
     */
    uint32_t adapter_rank;
    /**
     * What the adapters come from, a `ptqk_lora_init_kind`. Default: `PTQK_LORA_INIT_KIND_RESIDUAL` (NNCF has
     * `PTQK_LORA_INIT_KIND_RANDOM`).
     */
    uint32_t kind;
    /**
     * Vectors beyond the rank that the decomposition goes on with. Range: `0..1024`. Default: 4.
     */
    uint32_t oversampling;
    /**
     * Most steps of the decomposition, as in `ptqk_lora_params`; 0 (default) is 4. Range: `0..1000`.
     */
    uint32_t max_steps;
    /**
     * The decomposition ends when some steps add less than this share of the squares that are captured.
     * Range: `0..1`. Default: 0.01.
     */
    float tolerance;
    /**
     * Key of the random numbers. Default: 0.
     */
    uint64_t seed;
    /**
     * The parameters of the compression. Default: `PTQK_WEIGHT_MODE_INT4_SYM` with a `group_size` of
     * 128; all else as `ptqk_weight_params_default` fills it.
     */
    struct ptqk_weight_params weights;
} ptqk_lora_init_params;

/**
 * Settings of `ptqk_quantize` and `ptqk_dequantize`.
 */
typedef struct ptqk_quantize_params {
    /**
     * `sizeof(ptqk_quantize_params)`, filled by `ptqk_quantize_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_GRANULARITY_` constants. Default: tensor.
     */
    uint32_t granularity;
    /**
     * Elements of a group. Unit: elements. Range: `>= 1` with `PTQK_GRANULARITY_GROUP`, not read
     * otherwise. Default: 0.
     */
    uint32_t group_size;
    /**
     * `PTQK_ZERO_POINT_AFTER_ROUNDING` (default) or `PTQK_ZERO_POINT_BEFORE_ROUNDING`: where the zero
     * point is added. Dequantization does not read it.
     */
    uint32_t zero_point_rounding;
    /**
     * Smallest code. Range: `<= code_max`. Below the range of the code type it means the range of
     * the type. Default: `INT32_MIN`. Dequantization does not read it.
     */
    int32_t code_min;
    /**
     * Largest code. As `code_min`. Default: `INT32_MAX`.
     */
    int32_t code_max;
} ptqk_quantize_params;

/**
 * Settings of `ptqk_fake_quantize`.
 */
typedef struct ptqk_fake_quantize_params {
    /**
     * `sizeof(ptqk_fake_quantize_params)`, filled by `ptqk_fake_quantize_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_GRANULARITY_` constants. Default: tensor.
     */
    uint32_t granularity;
    /**
     * As in `ptqk_quantize_params`.
     */
    uint32_t group_size;
    /**
     * Number of values that the output can take. Range: `2..65536`. Default: 256.
     */
    uint32_t levels;
} ptqk_fake_quantize_params;

/**
 * Settings of a quantizer.
 *
 * Source: NNCF `QuantizationParameters` and `OverflowFix`.
 */
typedef struct ptqk_quantization_params {
    /**
     * `sizeof(ptqk_quantization_params)`, filled by `ptqk_quantization_params_default`.
     */
    uint32_t size;
    /**
     * Bits of a code. Range: `2..16`. Default: 8. Source: `num_bits`.
     */
    uint32_t num_bits;
    /**
     * `PTQK_SCHEME_SYMMETRIC` or `PTQK_SCHEME_ASYMMETRIC`. Default: symmetric. Source: `mode`.
     */
    uint32_t scheme;
    /**
     * `PTQK_SIGNEDNESS_ANY`, `_SIGNED` or `_UNSIGNED`. Default: any. Only the symmetric scheme
     * looks at it. `_UNSIGNED` gives the same numbers as `_ANY`, as in the code of the reference
     * (its documentation says otherwise). Source: `signedness_to_force`.
     */
    uint32_t signedness_to_force;
    /**
     * 1: a range per channel; 0: one range, and `channels` must be 1. Default: 0.
     * Source: `per_channel`.
     */
    uint32_t per_channel;
    /**
     * 1: one level less, the lowest code is not used. Default: 0. On an unsigned grid the codes
     * are `1..2^b-1`, as in the code of the reference. Source: `narrow_range`.
     */
    uint32_t narrow_range;
    /**
     * `PTQK_OVERFLOW_FIX_DISABLE`, `_ENABLE` or `_FIRST_LAYER`: use half of the code range. Only
     * with the symmetric scheme and at least 3 bits. Default: disable. Source: `overflow_fix`.
     */
    uint32_t overflow_fix;
    /**
     * 1: this is the first layer, which `PTQK_OVERFLOW_FIX_FIRST_LAYER` is about. Default: 0.
     */
    uint32_t is_first_layer;
} ptqk_quantization_params;

/**
 * The integer grid of a quantizer.
 */
typedef struct ptqk_quantizer_grid {
    /**
     * Lowest code of the full grid: `-2^(b-1)`, or 0 if unsigned.
     */
    int32_t level_low;
    /**
     * Highest code of the full grid: `2^(b-1)-1`, or `2^b-1` if unsigned.
     */
    int32_t level_high;
    /**
     * Lowest code in use: `level_low`, one more for a narrow range. The `code_min` of
     * `ptqk_quantize_params`.
     */
    int32_t code_min;
    /**
     * Highest code in use: `level_high`. The `code_max` of `ptqk_quantize_params`.
     */
    int32_t code_max;
    /**
     * Number of codes in use: the `levels` of `ptqk_fake_quantize_params`.
     */
    uint32_t levels;
    /**
     * 1 if the grid has negative codes.
     */
    uint32_t is_signed;
    /**
     * The smallest code type that holds the grid, a `PTQK_CODE_TYPE_` constant.
     */
    uint32_t code_type;
} ptqk_quantizer_grid;

/**
 * Settings of the reductions: `ptqk_min_max`, `ptqk_abs_max`, `ptqk_sum`, `ptqk_mean`,
 * `ptqk_variance`.
 */
typedef struct ptqk_reduce_params {
    /**
     * `sizeof(ptqk_reduce_params)`, filled by `ptqk_reduce_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_GRANULARITY_` constants: which elements are reduced to one number.
     * Default: tensor.
     */
    uint32_t granularity;
    /**
     * As in `ptqk_quantize_params`.
     */
    uint32_t group_size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} ptqk_reduce_params;

/**
 * Settings of `ptqk_quantile`.
 */
typedef struct ptqk_quantile_params {
    /**
     * `sizeof(ptqk_quantile_params)`, filled by `ptqk_quantile_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_GRANULARITY_` constants: which elements the quantiles are of. Default:
     * tensor.
     */
    uint32_t granularity;
    /**
     * As in `ptqk_quantize_params`.
     */
    uint32_t group_size;
    /**
     * 1: of magnitudes, 0 (default): of the elements. Source: NNCF `StatisticsType.ABS_QUANTILE`
     * and `QUANTILE`.
     */
    uint32_t magnitude;
} ptqk_quantile_params;

/**
 * A row-major floating-point tensor that is read.
 *
 * Axis 0 is the slowest. An index of an axis spans the elements of all axes after it, so axes do not
 * change places: a channels-last tensor is described with its channel axis last.
 */
typedef struct ptqk_tensor {
    /**
     * Element (0, 0, ...). May be NULL if an axis has length 0.
     */
    const void *data;
    /**
     * `PTQK_DTYPE_F32`, `PTQK_DTYPE_F16` or `PTQK_DTYPE_BF16`.
     */
    uint32_t dtype;
    /**
     * Number of axes. Range: `1..8`.
     */
    uint32_t rank;
    /**
     * Length of each axis; those from `rank` on are not read.
     */
    size_t shape[8];
    /**
     * Elements from one index of an axis to the next. Range: at least the elements from the first to
     * the last of one index. Not read from `rank` on, nor where an axis has length 1.
     */
    size_t strides[8];
} ptqk_tensor;

/**
 * Settings of `ptqk_requantize` and `ptqk_requantize_fixed`.
 */
typedef struct ptqk_requantize_params {
    /**
     * `sizeof(ptqk_requantize_params)`, filled by `ptqk_requantize_params_default`.
     */
    uint32_t size;
    /**
     * `PTQK_GRANULARITY_TENSOR` (default), `_ROW` or `_COLUMN`: which accumulators share a scale.
     */
    uint32_t granularity;
    /**
     * `PTQK_FIXED_POINT_DOUBLE_ROUNDING` (default) or `_SINGLE_ROUNDING`. Only
     * `ptqk_requantize_fixed` looks at it.
     */
    uint32_t fixed_point;
    /**
     * Zero point of the output. Range: that of the code type. Default: 0.
     */
    int32_t zero_point;
    /**
     * Smallest code, as in `ptqk_quantize_params`; also the place of a fused ReLU. Default:
     * `INT32_MIN`.
     */
    int32_t code_min;
    /**
     * Largest code. Default: `INT32_MAX`.
     */
    int32_t code_max;
} ptqk_requantize_params;

/**
 * A row-major matrix of 32-bit accumulators that is read.
 */
typedef struct ptqk_accumulators {
    /**
     * Element (0, 0). May be NULL if `rows` or `cols` is 0.
     */
    const int32_t *data;
    /**
     * Number of rows.
     */
    size_t rows;
    /**
     * Number of columns.
     */
    size_t cols;
    /**
     * Elements from one row to the next. Range: `>= cols`.
     */
    size_t row_stride;
} ptqk_accumulators;

/**
 * What a sketch is like; stays the same while it lives.
 */
typedef struct ptqk_sketch_params {
    /**
     * `sizeof(ptqk_sketch_params)`, filled by `ptqk_sketch_params_default`.
     */
    uint32_t size;
    /**
     * Elements of a level, `k`. As many elements are kept as they are; of `n` more, ranks are off by
     * less than `n * ceil(log2(n / k)) / k` in the worst case. Range: `16..65536`, even. Default:
     * 4096. Source: the buffer size of Manku, Rajagopalan, Lindsay, SIGMOD 1998.
     */
    uint32_t capacity;
} ptqk_sketch_params;

/**
 * What a sketch holds, apart from its elements.
 */
typedef struct ptqk_sketch_summary {
    /**
     * Number of elements.
     */
    uint64_t total;
    /**
     * Ranks are at most so much too high: a bound that holds for certain.
     */
    uint64_t rank_over;
    /**
     * Ranks are at most so much too low.
     */
    uint64_t rank_under;
    /**
     * The smallest element; 0 if there is none.
     */
    float min;
    /**
     * The largest element; 0 if there is none.
     */
    float max;
} ptqk_sketch_summary;

/**
 * One branch of a range estimator: the minimum or the maximum.
 *
 * Source: NNCF `StatisticsCollectorParameters`.
 */
typedef struct ptqk_statistics_params {
    /**
     * `sizeof(ptqk_statistics_params)`, filled by `ptqk_statistics_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_STATISTICS_TYPE_` constants. Default: min. Source: `statistics_type`.
     */
    uint32_t statistics_type;
    /**
     * One of the `PTQK_AGGREGATOR_TYPE_` constants. Default: min. Source: `aggregator_type`.
     */
    uint32_t aggregator_type;
    /**
     * The statistic of every sample is clipped to `-clipping_value..clipping_value`. Unit: that of
     * the tensor. Range: `>= 0`; infinity for none. Default: infinity. Source: `clipping_value`, which
     * NNCF has and never reads.
     */
    float clipping_value;
    /**
     * Probability of the quantiles, and of the outliers at either end. Range: `0..1`. Default:
     * 1e-4. Source: `quantile_outlier_prob`.
     */
    double quantile_outlier_prob;
} ptqk_statistics_params;

/**
 * How the minimum and the maximum of a range are estimated.
 *
 * Source: NNCF `RangeEstimatorParameters`.
 */
typedef struct ptqk_range_estimator_params {
    /**
     * `sizeof(ptqk_range_estimator_params)`, filled by `ptqk_range_estimator_params_default`.
     */
    uint32_t size;
    /**
     * Must be 0.
     */
    uint32_t reserved;
    /**
     * The minimum. Default: `PTQK_STATISTICS_TYPE_MIN` and `PTQK_AGGREGATOR_TYPE_MIN`. Source: `min`.
     */
    struct ptqk_statistics_params min;
    /**
     * The maximum. Default: `PTQK_STATISTICS_TYPE_MAX` and `PTQK_AGGREGATOR_TYPE_MAX`. Source: `max`.
     */
    struct ptqk_statistics_params max;
} ptqk_range_estimator_params;

/**
 * Settings of a range state: the estimator, and which samples it sees.
 */
typedef struct ptqk_range_params {
    /**
     * `sizeof(ptqk_range_params)`, filled by `ptqk_range_params_default`.
     */
    uint32_t size;
    /**
     * The axis of the tensors whose indices are channels; -1 for one range for all. Range:
     * `-1..7`. Default: -1.
     */
    int32_t channel_axis;
    /**
     * The estimator. Default: `PTQK_RANGE_PRESET_MIN_MAX`.
     */
    struct ptqk_range_estimator_params estimator;
    /**
     * Number of channels. Range: `>= 1`, 1 with `channel_axis` -1. Default: 1.
     */
    uint64_t channels;
    /**
     * Samples that count; later ones are ignored. Range: `>= 1`. Default: 300. Source:
     * `subset_size`.
     */
    uint64_t num_samples;
    /**
     * Only the last so many of the samples that count enter a mean or a median; 0 for all. Default:
     * 0. Source: `window_size` of the aggregators.
     */
    uint64_t window_size;
    /**
     * Most items in a batch, where axis 0 of the tensors is a batch whose items are values of their
     * own; 0 where axis 0 is reduced as any other. Range: `0..2^32-1`; with a batch, `channel_axis`
     * is not 0. Default: 0. Source: `batchwise_statistics`.
     */
    uint64_t batch_items;
} ptqk_range_params;

/**
 * Settings of `ptqk_resolve_group_size`.
 *
 * Source: NNCF `AdvancedCompressionParameters`.
 */
typedef struct ptqk_group_fallback_params {
    /**
     * `sizeof(ptqk_group_fallback_params)`, filled by `ptqk_group_fallback_params_default`.
     */
    uint32_t size;
    /**
     * One of the `PTQK_GROUP_FALLBACK_` constants. Default: error. Source:
     * `group_size_fallback_mode`.
     */
    uint32_t fallback_mode;
    /**
     * The group size that is wished for. Range: -1 or `>= 1`. Default: 128. Source:
     * `group_size`.
     */
    int32_t group_size;
    /**
     * Smallest group size that `PTQK_GROUP_FALLBACK_ADJUST` may choose; below it the answer is
     * the backup mode. Range: `>= 1`. Default: 32. Source: `min_adjusted_group_size`.
     */
    uint32_t min_adjusted_group_size;
} ptqk_group_fallback_params;

/**
 * Sizes of the outputs of `ptqk_compress_weights`.
 */
typedef struct ptqk_weight_layout {
    /**
     * Type of the codes, a `PTQK_CODE_TYPE_` constant.
     */
    uint32_t code_type;
    /**
     * Bits of a code.
     */
    uint32_t bits;
    /**
     * Bytes of a row of codes: the smallest `row_stride_bytes`.
     */
    size_t code_row_bytes;
    /**
     * Bytes of all codes with that stride.
     */
    size_t code_bytes;
    /**
     * Number of groups, each with one scale. They are stored row-major as
     * `[rows, cols / group]`, or `[rows / group, cols]` with `reduction_axis` 0.
     */
    size_t groups;
    /**
     * Bytes of the scales.
     */
    size_t scale_bytes;
    /**
     * Bytes of the scale of the whole matrix: 4 with NVFP4, 0 otherwise.
     */
    size_t tensor_scale_bytes;
    /**
     * Bytes of the zero points: one `uint8_t` per group in the asymmetric modes, 0 otherwise.
     */
    size_t zero_point_bytes;
    /**
     * Sum of the four.
     */
    size_t total_bytes;
} ptqk_weight_layout;

/**
 * Distance between weights and their compressed form.
 *
 * Source: NNCF `get_integer_quantization_error`.
 */
typedef struct ptqk_weight_error {
    /**
     * Largest mean squared error of an output channel.
     */
    float max_mean_squared;
    /**
     * Frobenius norm of the error.
     */
    float frobenius;
} ptqk_weight_error;

/**
 * Answer of `ptqk_resolve_group_size`.
 */
typedef struct ptqk_group_choice {
    /**
     * One of the `PTQK_GROUP_ACTION_` constants.
     */
    uint32_t action;
    /**
     * Group size to use; -1 for one group per channel, 0 with `PTQK_GROUP_ACTION_SKIP`.
     */
    int32_t group_size;
} ptqk_group_choice;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Fills the parameters of `ptqk_estimate_codebook`: 16 values of E4M3 for one weight `[out, in]`,
 * per channel.
 */
PTQK_API void ptqk_codebook_params_default(struct ptqk_codebook_params *params);

/**
 * Bytes of the workspace of `ptqk_estimate_codebook` with the same arguments. Of the matrices, only
 * `rows` and `cols` are read.
 *
 * @param ctx         May be NULL.
 * @param params      Not NULL.
 * @param weights     `count` matrices.
 * @param activations `count` matrices, or NULL.
 * @param count       Number of weights. Range: 1, or `>= 1` with `params->across_blocks`.
 * @param bytes       Receives the size.
 */
PTQK_API
ptqk_status ptqk_estimate_codebook_workspace_size(const struct ptqk_ctx *ctx,
                                                  const struct ptqk_codebook_params *params,
                                                  const struct ptqk_matrix *weights,
                                                  const struct ptqk_matrix *activations,
                                                  size_t count,
                                                  size_t *bytes);

/**
 * Finds a codebook for weights, for `PTQK_WEIGHT_MODE_CODEBOOK`: a weighted k-means proposes
 * codebooks, and the one is taken that changes the results of the layers the least.
 *
 * 1. Weights are divided by the scale of their group, `amax / max`, where `amax` is the largest
 *    magnitude of the group and `max` that of the default codebook; a scale below `2^-23` in
 *    magnitude becomes `2^-23`. The quotients go into a histogram of `intervals` bins of equal
 *    width from their minimum to their maximum: each bin sums the importances of its elements, and
 *    importances times elements. Bins without importance do not count.
 * 2. There are `n = num_elements` centroids. The first and the last are the minimum and the
 *    maximum; number `i` between them is the mean of the centers of two bins: of the last one up
 *    to which the share of the importances is at most `i / (n - 1)`, and the same for `i + 1`.
 *    Then, ascending, one that is within 5 % of the next (relative to the larger) becomes the mean
 *    of its neighbours. If the minimum is not positive, the centroid nearest to 0 becomes 0 and
 *    stays there, as the ends stay.
 * 3. In every iteration each bin belongs to the centroid that is nearest to its center (in the
 *    middle: to the lower one), and each centroid becomes the weighted mean of its elements,
 *    unless it has none. This ends after `max_iterations`, or once every centroid moves by less
 *    than `tolerance`.
 * 4. Candidates are, in this order: the default codebook if it has `n` values, else the initial
 *    centroids; the integers from `-n / 2` (rounded towards 0) on; the centroids before every
 *    fifth iteration from the eleventh on; the centroids at the end. Each is rounded to
 *    `value_type`, saturating. Where this makes neighbours equal they move to the next numbers of
 *    the type, upwards, but not beyond the last value: a codebook is always strictly ascending,
 *    and no entry is wasted.
 * 5. Every candidate compresses the weights as `ptqk_compress_weights` does with scales in f32.
 *    The first with the smallest error wins. The error of a layer is the mean of `|(W - W^) X|`
 *    over output channels and samples; with `across_blocks` it is multiplied by the mean of `|X|`
 *    and summed over the layers. Without activations it is the mean of `s (W - W^)^2` over the
 *    elements, with their importances `s`, summed over the layers.
 *
 * If all quotients are equal or no importance is positive, there are no centroids, and the
 * candidates are the default codebook, if it has `n` values, and the integers. The same holds for
 * weights without elements; all errors are 0 then, so the first candidate wins.
 *
 * NNCF differs in corners: its histogram moves the element that is nearest to a border of two
 * bins into the upper one, it keeps equal values, it drops the end of a clustering of at most
 * five iterations, and its last centroid moves where the minimum is 0. `signed_scale` and
 * `fp8_through_f16` are options here.
 *
 * A NaN or an infinity in the weights or activations gives `PTQK_STATUS_NOT_FINITE` with its
 * row-major index, to which the sizes of the matrices before it are added; `codebook` is not
 * written then.
 *
 * Source: NNCF `CodebookEstimation`, 3.4.0.
 *
 * @param ctx             May be NULL. Progress counts the parts of one layer after another.
 * @param params          Not NULL.
 * @param weights         `count` matrices, `[out, in]` or `[in, out]` as `params->reduction_axis`
 *                        says. Shapes may differ.
 * @param importance      `count` pointers to one number per input channel, finite and not
 *                        negative: NNCF takes the largest magnitude of each row of the
 *                        activations. A NULL in it, or in its place, stands for all 1.
 * @param activations     `count` matrices `[in, samples]` with at least one sample, or NULL.
 * @param count           Number of weights. Range: 1, or `>= 1` with `params->across_blocks`.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_estimate_codebook_workspace_size` says.
 * @param codebook        Receives `params->num_elements` values, strictly ascending.
 */
PTQK_API
ptqk_status ptqk_estimate_codebook(const struct ptqk_ctx *ctx,
                                   const struct ptqk_codebook_params *params,
                                   const struct ptqk_matrix *weights,
                                   const float *const *importance,
                                   const struct ptqk_matrix *activations,
                                   size_t count,
                                   void *workspace,
                                   size_t workspace_bytes,
                                   float *codebook);

/**
 * Fills the parameters of `ptqk_encode` and `ptqk_convert`: to nearest, saturating, NaN stays.
 */
PTQK_API void ptqk_convert_params_default(struct ptqk_convert_params *params);

/**
 * Fills the parameters of `ptqk_fake_convert`: E4M3, per tensor, NaN becomes the negative largest
 * number.
 */
PTQK_API void ptqk_fake_convert_params_default(struct ptqk_fake_convert_params *params);

/**
 * Fills the parameters of `ptqk_fp8_scale_from_min_max`: E4M3, per tensor, half of the range.
 */
PTQK_API void ptqk_fp8_params_default(struct ptqk_fp8_params *params);

/**
 * Encodes floats as codes of 8, 6 or 4 bits: each becomes the code of the nearest number of the
 * type, or what `params` says.
 *
 * E8M0 has no sign: 0 becomes the smallest power, negative numbers and NaN become NaN. NF4 has
 * numbers only: what lies beyond -1 and 1 becomes these, NaN becomes 0.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The matrix.
 * @param dst    Receives the codes, of a float type; the shape of `src`. Must not overlap `src`.
 */
PTQK_API
ptqk_status ptqk_encode(const struct ptqk_ctx *ctx,
                        const struct ptqk_convert_params *params,
                        const struct ptqk_matrix *src,
                        const struct ptqk_codes_mut *dst);

/**
 * Turns codes of 8, 6 or 4 bits into the floats that they stand for; exact, but for numbers that
 * an f16 `dst` cannot hold.
 *
 * @param ctx May be NULL.
 * @param src The codes, of a float type.
 * @param dst Receives the floats; the shape of `src`. Must not overlap `src`.
 */
PTQK_API
ptqk_status ptqk_decode(const struct ptqk_ctx *ctx,
                        const struct ptqk_codes *src,
                        const struct ptqk_matrix_mut *dst);

/**
 * Converts a matrix between f32, f16 and bf16.
 *
 * By default a number beyond the largest of `dst`, infinity included, becomes that number;
 * `PTQK_OVERFLOW_SPECIAL` is the cast of IEEE 754, which goes to infinity.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL. Rounding to nearest or stochastic.
 * @param src    The matrix.
 * @param dst    Receives the elements; the shape of `src`. Must not overlap `src`.
 */
PTQK_API
ptqk_status ptqk_convert(const struct ptqk_ctx *ctx,
                         const struct ptqk_convert_params *params,
                         const struct ptqk_matrix *src,
                         const struct ptqk_matrix_mut *dst);

/**
 * Converts every element to a float type of few bits and back: what storing it in that type does
 * to it.
 *
 * `y = (cast(x * scale - shift) + shift) / scale`, every step rounded to f32; the cast goes to the
 * nearest number of the type, ties to even, and saturates. Source: OpenVINO FakeConvert.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The matrix.
 * @param scale  Finite, not 0; as many as `params->granularity` says.
 * @param shift  As many finite shifts, or NULL for 0.
 * @param dst    Receives the elements; the shape of `src`. It may be `src` itself (the same data,
 *               type and stride); no other overlap is allowed.
 */
PTQK_API
ptqk_status ptqk_fake_convert(const struct ptqk_ctx *ctx,
                              const struct ptqk_fake_convert_params *params,
                              const struct ptqk_matrix *src,
                              const float *scale,
                              const float *shift,
                              const struct ptqk_matrix_mut *dst);

/**
 * Makes the scales of `ptqk_fake_convert` from the minimum and maximum of each channel:
 * `scale = largest number of the type / max(max, |min| + 2^-23)`, times `activation_scale` unless
 * `per_channel` is 1. The shift of these scales is 0.
 *
 * Source: NNCF `calculate_convert_parameters`; for quantizers that share a scale, take the ranges
 * of `ptqk_unify_min_max` first. Codes stand for `x * scale`: `ptqk_quantize` takes `1 / scale`.
 * Statistics of 0 give a finite scale: the term `2^-23` keeps the divisor above 0.
 *
 * @param ctx      May be NULL.
 * @param params   Not NULL.
 * @param min      `channels` minima, finite. May be NULL if `channels` is 0.
 * @param max      `channels` maxima, finite, `min[c] <= max[c]`.
 * @param channels Number of channels; at most 1 unless `params->per_channel` is 1.
 * @param scale    Receives `channels` scales.
 */
PTQK_API
ptqk_status ptqk_fp8_scale_from_min_max(const struct ptqk_ctx *ctx,
                                        const struct ptqk_fp8_params *params,
                                        const float *min,
                                        const float *max,
                                        size_t channels,
                                        float *scale);

/**
 * Fills the parameters of GPTQ: int4_sym in groups of 128, with the settings of
 * `PTQK_GPTQ_PRESET_BEST`.
 */
PTQK_API void ptqk_gptq_params_default(struct ptqk_gptq_params *params);

/**
 * Fills the places for results: none.
 */
PTQK_API void ptqk_gptq_outputs_default(struct ptqk_gptq_outputs *outputs);

/**
 * Fills the parameters of GPTQ with settings that have a name.
 *
 * @param ctx    May be NULL.
 * @param preset A PTQK_GPTQ_PRESET constant.
 * @param params Receives the parameters, `weights` as `ptqk_gptq_params_default` has it.
 */
PTQK_API
ptqk_status ptqk_gptq_params_preset(const struct ptqk_ctx *ctx,
                                    uint32_t preset,
                                    struct ptqk_gptq_params *params);

/**
 * Bytes of the workspace of `ptqk_gptq`, whatever the types and the CPU: for square weights about
 * those of two f32 Hessians.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL. `weights.group_size` must divide the input channels; of `means` the number of
 *               rows counts, if scales are estimated.
 * @param rows   Rows of the weights.
 * @param cols   Columns of the weights.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_gptq_workspace_size(const struct ptqk_ctx *ctx,
                                     const struct ptqk_gptq_params *params,
                                     size_t rows,
                                     size_t cols,
                                     size_t *bytes);

/**
 * Rounds the weights of a layer so that its outputs change little: one input channel after
 * the other, and what the rounding of a channel changes is made up for, as far as that goes, by the
 * channels that are not rounded yet.
 *
 * With the Hessian `H`, whose diagonal elements that are 0 become 1 (the weights of such channels
 * become 0), `d = damp_percent * mean(diagonal)` added to its diagonal, and
 * `H^-1 = U^T U`, `U` upper triangular, for each input channel `j` in their order:
 *
 * ```text
 * q[j] = value(code(w[j]))                        rounded with the scale and the zero point of its group
 * e    = (w[j] - q[j]) / U[j][j]                  times 1 / U[j][j], which is rounded
 * w[i] = fma(-U[j][i], e, w[i])                   for all channels i that come after j
 * ```
 *
 * Then, `passes` times, group after group in the order of the codes, with the errors `e = w - q` of all
 * channels and their gradient `g = H e`, `H` damped as above:
 *
 * ```text
 * scale *= 1 + (q g) / (q H q)                    sums over the group; stored, and only if that is a gain
 * q[j]   = value(code(q[j] + g[j] / H[j][j]))     for each channel of the group, g always up to date
 * ```
 *
 * With `PTQK_GPTQ_SCALE_ESTIMATION`, a group of weights `w`, the samples `X` that `ptqk_process_stats` takes
 * of `params->means`, their importance `s`, and the scale `s0` of the extremes, in the group only:
 *
 * ```text
 * t(c)   = codes with the scale c, minus the zero point; the values of float codes
 * m      = s where t(s0) is not 0, else 0; divided by its sum plus 2^-23
 * fit(c) = sum of m * |w| / |t(c)|, with the sign of s0; where t is 0, divided by 0.001
 * E(c)   = mean over samples of ((w - c t(c)) X)^2, plus weight_penalty * mean((w - c t(c))^2)
 * initial_steps times:           c = fit(the best so far)
 * for k in 0 .. scale_steps - 1: c = fit((1 - 0.05 k) * s0)
 * ```
 *
 * Of `s0` and all `c` that are at least `2^-23` in magnitude, the last with the least `E` is the scale.
 *
 * All is f32, and each weight is one chain in the order of `j`: neither blocks nor threads nor the CPU
 * change the result, except that `PTQK_GPTQ_GROUPS_BLOCK_START` asks for blocks and that scales are fitted
 * where a group fits into a block. Codes and scales have the form that `ptqk_compress_weights` gives them
 * in every mode; `ptqk_decompress_weights` reads them.
 *
 * If the Hessian with its damping cannot be decomposed, the damping grows, `max_redamps` times at
 * most; then the call returns `PTQK_STATUS_NOT_POSITIVE_DEFINITE` with the input channel at which the
 * decomposition ended, which begins with the channel that is rounded last. Weights or a Hessian with a NaN
 * or an infinity are refused with `PTQK_STATUS_NOT_FINITE` and the row-major index. In all these
 * cases, and if the call is cancelled, nothing is written.
 *
 * Source: arXiv 2210.17323; NNCF `GPTQ`, 3.4.0, whose codes `PTQK_GPTQ_PRESET_NNCF` gives.
 *
 * @param ctx             May be NULL. Progress counts input channels, a block at a time.
 * @param params          Not NULL.
 * @param weights         The matrix, `[out, in]` or `[in, out]` as `params->weights.reduction_axis`
 *                        says, of any float type.
 * @param hessian         `[in, in]` of `PTQK_DTYPE_F32`: what `ptqk_hessian_finish` gives. It is symmetric; of
 *                        two elements that should be equal, one is read.
 * @param outputs         Where the results go. Not NULL.
 * @param report          Receives what was done, or NULL.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_gptq_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_gptq(const struct ptqk_ctx *ctx,
                      const struct ptqk_gptq_params *params,
                      const struct ptqk_matrix *weights,
                      const struct ptqk_matrix *hessian,
                      const struct ptqk_gptq_outputs *outputs,
                      struct ptqk_gptq_report *report,
                      void *workspace,
                      size_t workspace_bytes);

/**
 * Fills the parameters of a Hessian: the mean over items; the channels are 0, to be filled in.
 */
PTQK_API void ptqk_hessian_params_default(struct ptqk_hessian_params *params);

/**
 * Size of the state of a Hessian, `2 / n * X^T X` over the activations `X` of all tokens that a
 * layer sees, which `ptqk_gptq` takes.
 *
 * A state is plain memory: it can be copied, written to a file and sent to another machine as it is,
 * and `ptqk_hessian_load` checks what comes back. The same updates and merges in the same order give
 * the same bytes on every CPU and for every number of threads. Each sum is one chain of fused
 * multiply-adds in f32 in the order of the tokens: how tokens in one order are cut into updates does
 * not show, but another order of tokens, or a merge, gives other roundings.
 *
 * Layout, in the byte order of the machine, with `n` channels:
 *
 * | offset | type | |
 * |---|---|---|
 * | 0 | `char[8]` | `PTQKHESS` |
 * | 8 | `uint32_t` | `0x01020304`; another value shows another byte order |
 * | 12 | `uint32_t` | version of this layout: 1 |
 * | 16 | `uint64_t` | size of the state in bytes |
 * | 24 | `ptqk_hessian_params` | parameters |
 * | 40 | `ptqk_hessian_summary` | items and tokens |
 * | 56 | `uint64_t` | 0 |
 * | 64 | `float[n][n]` | sums of products: the diagonal and what lies below it; 0 above; padded to a multiple of 8 bytes |
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_hessian_state_size(const struct ptqk_ctx *ctx,
                                    const struct ptqk_hessian_params *params,
                                    size_t *bytes);

/**
 * Makes a state that has seen nothing.
 *
 * @param ctx         May be NULL.
 * @param params      Not NULL.
 * @param state       Receives the state, at a multiple of 8. No call keeps the pointer: a state may be
 *                    copied and moved.
 * @param state_bytes What `ptqk_hessian_state_size` gives.
 */
PTQK_API
ptqk_status ptqk_hessian_init(const struct ptqk_ctx *ctx,
                              const struct ptqk_hessian_params *params,
                              void *state,
                              size_t state_bytes);

/**
 * Bytes of the workspace of `ptqk_hessian_update`, whatever the types and the CPU.
 *
 * @param ctx    May be NULL.
 * @param params Those of the state. Not NULL.
 * @param tokens Rows of the activations, or more.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_hessian_workspace_size(const struct ptqk_ctx *ctx,
                                        const struct ptqk_hessian_params *params,
                                        size_t tokens,
                                        size_t *bytes);

/**
 * Adds activations.
 *
 * A NaN or an infinity is refused with `PTQK_STATUS_NOT_FINITE` and its row-major index: the state is
 * as before. Without tokens nothing changes. Uses the threads of `ctx`; progress is not reported, as
 * the activations count as a whole.
 *
 * @param ctx             May be NULL.
 * @param activations     `[tokens, channels]`, of any float type: what the layer multiplies its weights
 *                        with, one token to a row.
 * @param items           Items of the batch that they stand for: the length of the batch axis of
 *                        activations `[batch, tokens, channels]`, 1 without one. Range: `>= 1` if there
 *                        are tokens. Counts with `PTQK_HESSIAN_MEAN_ITEMS`.
 * @param state           A state; is changed.
 * @param state_bytes     Its size.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_hessian_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_hessian_update(const struct ptqk_ctx *ctx,
                                const struct ptqk_matrix *activations,
                                size_t items,
                                void *state,
                                size_t state_bytes,
                                void *workspace,
                                size_t workspace_bytes);

/**
 * Adds what another state has seen, as if it came later, but for the roundings. States of any
 * number of workers, merged in a fixed order, always give the same bytes.
 *
 * @param ctx         May be NULL.
 * @param from        A state with the same parameters.
 * @param from_bytes  Its size.
 * @param state       A state; is changed.
 * @param state_bytes Its size.
 */
PTQK_API
ptqk_status ptqk_hessian_merge(const struct ptqk_ctx *ctx,
                               const void *from,
                               size_t from_bytes,
                               void *state,
                               size_t state_bytes);

/**
 * The Hessian of all activations so far, both halves of it. The state does not change and can take
 * more.
 *
 * @param ctx         May be NULL.
 * @param state       A state that has seen at least one token.
 * @param state_bytes Its size.
 * @param hessian     Receives `channels x channels` of `PTQK_DTYPE_F32`. A sum that overflows is
 *                    infinite, which `ptqk_gptq` refuses.
 */
PTQK_API
ptqk_status ptqk_hessian_finish(const struct ptqk_ctx *ctx,
                                const void *state,
                                size_t state_bytes,
                                const struct ptqk_matrix_mut *hessian);

/**
 * Checks bytes that come from a file or another machine. They are refused with
 * `PTQK_STATUS_INVALID_PARAMETER` and the field of the layout if they are not those of a Hessian, of
 * another byte order or version, truncated or too many, or if a parameter lies outside its range. The
 * sums are not looked at. A state that was checked needs no conversion.
 *
 * @param ctx         May be NULL.
 * @param state       The bytes, at a multiple of 8.
 * @param state_bytes How many there are.
 * @param params      Receives the parameters of the state, or NULL.
 * @param summary     Receives what it has seen, or NULL.
 */
PTQK_API
ptqk_status ptqk_hessian_load(const struct ptqk_ctx *ctx,
                              const void *state,
                              size_t state_bytes,
                              struct ptqk_hessian_params *params,
                              struct ptqk_hessian_summary *summary);

/**
 * Fills the parameters of a histogram: 2048 bins, those of NNCF.
 */
PTQK_API void ptqk_histogram_params_default(struct ptqk_histogram_params *params);

/**
 * Fills the parameters of `ptqk_histogram_range`: the search of NNCF.
 */
PTQK_API void ptqk_histogram_range_params_default(struct ptqk_histogram_range_params *params);

/**
 * Size of the state of a histogram.
 *
 * The state is also what is written to a file or sent to another process; `ptqk_histogram_load` checks
 * what comes back. Layout, in the byte order of the machine:
 *
 * | offset | type | |
 * |---|---|---|
 * | 0 | `char[8]` | `PTQKHIST` |
 * | 8 | `uint32_t` | `0x01020304`; another value shows another byte order |
 * | 12 | `uint32_t` | version of this layout: 1 |
 * | 16 | `uint64_t` | size of the state in bytes: `88 + 8 * num_bins` |
 * | 24 | `uint64_t` | checksum of all other bytes |
 * | 32 | `uint32_t` | kind |
 * | 36 | `uint32_t` | `num_bins` |
 * | 40 | `uint32_t` | `upsample_rate` |
 * | 44 | `int32_t` | mergeable: the width of a bin is 2 to this power; parity: 0 |
 * | 48 | `int64_t` | mergeable: where bin 0 begins, in bins from 0; parity: 0 |
 * | 56 | `double` | smallest element, 0 if there is none |
 * | 64 | `double` | largest element, 0 if there is none |
 * | 72 | `uint64_t` | number of elements |
 * | 80 | `uint64_t` | number of updates |
 * | 88 | `double` or `uint64_t` | `num_bins` counts: parity `double`, mergeable `uint64_t` |
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param bytes  Receives the size: `88 + 8 * num_bins`.
 */
PTQK_API
ptqk_status ptqk_histogram_state_size(const struct ptqk_ctx *ctx,
                                      const struct ptqk_histogram_params *params,
                                      size_t *bytes);

/**
 * Makes an empty histogram.
 *
 * @param ctx         May be NULL.
 * @param params      Not NULL.
 * @param state       Receives the state, at a multiple of 8. No call keeps the pointer: a state may be
 *                    copied and moved.
 * @param state_bytes What `ptqk_histogram_state_size` gives.
 */
PTQK_API
ptqk_status ptqk_histogram_init(const struct ptqk_ctx *ctx,
                                const struct ptqk_histogram_params *params,
                                void *state,
                                size_t state_bytes);

/**
 * Size of the workspace of `ptqk_histogram_update` for a matrix of this shape, and of
 * `ptqk_histogram_merge` for no rows and columns. More rows or columns never need less.
 *
 * @param ctx    May be NULL.
 * @param params Those of the histogram. Not NULL.
 * @param rows   Rows of the matrix.
 * @param cols   Columns of the matrix.
 * @param bytes  Receives the size, for a workspace at any address.
 */
PTQK_API
ptqk_status ptqk_histogram_workspace_size(const struct ptqk_ctx *ctx,
                                          const struct ptqk_histogram_params *params,
                                          size_t rows,
                                          size_t cols,
                                          size_t *bytes);

/**
 * Adds the elements of a matrix to a histogram.
 *
 * f16 and bf16 are widened to f32 first. An element is in bin `j` if it is not below the bin's lower
 * edge, but below that of the next bin; the last bin holds its upper edge, too. Edges of the parity
 * kind are those of `numpy.histogram`, rounded to f32; a histogram of equal elements has the bins of
 * that number minus and plus 0.5.
 *
 * With the mergeable kind, the state does not depend on the order of updates or on how elements are
 * shared among them, but for the number of updates; with the parity kind it does, as in NNCF.
 *
 * A NaN or an infinity is refused with `PTQK_STATUS_NOT_FINITE` and its row-major index: the state is
 * as before, and after `PTQK_STATUS_CANCELLED`, too. An empty matrix changes nothing.
 *
 * @param ctx             May be NULL.
 * @param src             The matrix.
 * @param state           The histogram.
 * @param state_bytes     Its size.
 * @param workspace       Memory at any address, which holds nothing afterwards.
 * @param workspace_bytes At least what `ptqk_histogram_workspace_size` gives for the matrix.
 */
PTQK_API
ptqk_status ptqk_histogram_update(const struct ptqk_ctx *ctx,
                                  const struct ptqk_matrix *src,
                                  void *state,
                                  size_t state_bytes,
                                  void *workspace,
                                  size_t workspace_bytes);

/**
 * Adds the elements of another histogram of the same parameters.
 *
 * With the mergeable kind, the state is the one that has seen the elements of both, whatever the order
 * of updates and merges. With the parity kind, counts are distributed over the bins of the common
 * range as NNCF does with those of earlier updates: merging `a` into `b` gives the counts of merging
 * `b` into `a`, but the shape of a tree of merges shows.
 *
 * @param ctx             May be NULL.
 * @param other           The histogram that is added.
 * @param other_bytes     Its size.
 * @param state           The histogram that it is added to.
 * @param state_bytes     Its size.
 * @param workspace       Memory at any address, which holds nothing afterwards.
 * @param workspace_bytes At least what `ptqk_histogram_workspace_size` gives for 0 rows and columns.
 */
PTQK_API
ptqk_status ptqk_histogram_merge(const struct ptqk_ctx *ctx,
                                 const void *other,
                                 size_t other_bytes,
                                 void *state,
                                 size_t state_bytes,
                                 void *workspace,
                                 size_t workspace_bytes);

/**
 * What a histogram holds.
 *
 * @param ctx         May be NULL.
 * @param state       The histogram.
 * @param state_bytes Its size.
 * @param summary     Receives everything but the counts, or NULL.
 * @param counts      Receives the number of elements of each bin, or NULL. Fractions with the parity
 *                    kind; rounded to `double` beyond 2^53.
 * @param counts_len  Room in `counts`: at least `num_bins`, unless that is NULL.
 */
PTQK_API
ptqk_status ptqk_histogram_query(const struct ptqk_ctx *ctx,
                                 const void *state,
                                 size_t state_bytes,
                                 struct ptqk_histogram_summary *summary,
                                 double *counts,
                                 size_t counts_len);

/**
 * Checks the bytes of a state that comes from a file, another process or another machine, and then is
 * a state like any other.
 *
 * Refused with `PTQK_STATUS_INVALID_PARAMETER` and the field of the layout: bytes that are not those
 * of a histogram, of another byte order or version, truncated or too many, damaged, or inconsistent.
 * Other functions check the header alone: memory that holds no state is refused by them, too, or
 * gives wrong numbers, but nothing worse.
 *
 * @param ctx         May be NULL.
 * @param state       The bytes, at a multiple of 8.
 * @param state_bytes How many there are.
 * @param params      Receives the parameters of the histogram, or NULL.
 */
PTQK_API
ptqk_status ptqk_histogram_load(const struct ptqk_ctx *ctx,
                                const void *state,
                                size_t state_bytes,
                                struct ptqk_histogram_params *params);

/**
 * Size of the workspace of `ptqk_histogram_range`.
 *
 * @param ctx      May be NULL.
 * @param params   Not NULL.
 * @param num_bins Number of bins of the histogram. Range: `16..65536`.
 * @param bytes    Receives the size, for a workspace at any address.
 */
PTQK_API
ptqk_status ptqk_histogram_range_workspace_size(const struct ptqk_ctx *ctx,
                                                const struct ptqk_histogram_range_params *params,
                                                uint32_t num_bins,
                                                size_t *bytes);

/**
 * The range of a quantizer for the elements of a histogram, in which they are taken to be spread evenly
 * over their bins.
 *
 * The results suit `ptqk_quantizer_from_min_max`. But for NNCF's search, the symmetric scheme gives
 * `-t` and `t`, or 0 and `t` if no element is negative, and no range exceeds that of the elements. If
 * all elements are equal, the range is theirs. A histogram without elements is refused.
 *
 * Of 2048 or fewer possible ranges all are tried, else 2048 and the neighbours of the best; with both
 * ends free, one end is moved at a time, by turns.
 *
 * @param ctx             May be NULL.
 * @param params          Not NULL.
 * @param state           The histogram, of any kind.
 * @param state_bytes     Its size.
 * @param min             Receives the lower end.
 * @param max             Receives the upper end.
 * @param workspace       Memory at any address, which holds nothing afterwards.
 * @param workspace_bytes At least what `ptqk_histogram_range_workspace_size` gives.
 */
PTQK_API
ptqk_status ptqk_histogram_range(const struct ptqk_ctx *ctx,
                                 const struct ptqk_histogram_range_params *params,
                                 const void *state,
                                 size_t state_bytes,
                                 float *min,
                                 float *max,
                                 void *workspace,
                                 size_t workspace_bytes);

/**
 * The version that is linked: `major << 16 | minor << 8 | patch`.
 */
PTQK_API uint32_t ptqk_version(void);

/**
 * The version that is linked, as text: `"0.1.0"`.
 */
PTQK_API const char *ptqk_version_string(void);

/**
 * `PTQK_NUMERIC_VERSION` of the library that is linked. Two builds with the same number give the
 * same bytes for the same input.
 */
PTQK_API uint32_t ptqk_numeric_version(void);

/**
 * The instruction set in use, a `PTQK_ISA_` constant.
 */
PTQK_API uint32_t ptqk_active_isa(void);

/**
 * Allows no instruction set above `isa` from now on, in all threads; for debugging in the field
 * and for tests. No result changes.
 *
 * @param isa A `PTQK_ISA_` constant. A constant of another architecture stands for the one of the
 *            same rank: `PTQK_ISA_AVX2` and `PTQK_ISA_NEON` have rank 1.
 * @return `PTQK_STATUS_INVALID_PARAMETER` if `isa` is no such constant.
 */
PTQK_API ptqk_status ptqk_set_max_isa(uint32_t isa);

/**
 * The name of an instruction set: `"scalar"`, `"avx2"`, `"avx512"`, `"neon"`; `"unknown"` for any
 * other number.
 */
PTQK_API const char *ptqk_isa_name(uint32_t isa);

/**
 * The name of a status: `"PTQK_STATUS_OK"`. `"PTQK_STATUS_UNKNOWN"` for any other number.
 */
PTQK_API const char *ptqk_status_name(int32_t status);

/**
 * A status as a sentence for people.
 */
PTQK_API const char *ptqk_status_message(int32_t status);

/**
 * Fills a context: serial, silent, no detail.
 */
PTQK_API void ptqk_ctx_default(struct ptqk_ctx *ctx);

/**
 * Fills a detail: nothing to report.
 */
PTQK_API void ptqk_detail_default(struct ptqk_detail *detail);

/**
 * Bytes of a row of `cols` codes.
 *
 * @param ctx       May be NULL.
 * @param code_type A `PTQK_CODE_TYPE_` constant.
 * @param cols      Number of codes.
 * @param bytes     Receives the bytes, which is the smallest `row_stride_bytes`.
 */
PTQK_API
ptqk_status ptqk_codes_row_bytes(const struct ptqk_ctx *ctx,
                                 uint32_t code_type,
                                 size_t cols,
                                 size_t *bytes);

/**
 * Fills the parameters of `ptqk_gemm`: `c = a b`.
 */
PTQK_API void ptqk_gemm_params_default(struct ptqk_gemm_params *params);

/**
 * Bytes of the workspace of `ptqk_gemm`, whatever the types and the CPU; none if `c` is a row or a
 * column.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param rows   Rows of `c`.
 * @param cols   Columns of `c`.
 * @param depth  Columns of `a`, of its transpose if that is meant.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_gemm_workspace_size(const struct ptqk_ctx *ctx,
                                     const struct ptqk_gemm_params *params,
                                     size_t rows,
                                     size_t cols,
                                     size_t depth,
                                     size_t *bytes);

/**
 * Multiplies two matrices: `c = a b`, `c + a b`, `-a b` or `c - a b`.
 *
 * Each element of `c` is one chain of fused multiply-adds in f32,
 * `x = fma(a[i][p], b[p][j], x)` with `p` ascending, from 0 or from its old value; to subtract, the
 * sign of `a` changes. The result does not depend on the CPU or on threads.
 *
 * @param ctx             May be NULL. Progress counts the parts of one block of the depth after
 *                        another.
 * @param params          Not NULL.
 * @param a               `rows x depth`, or `depth x rows` with `params->transpose_a`.
 * @param b               `depth x cols`, or `cols x depth` with `params->transpose_b`. May be `a`.
 * @param c               Receives `rows x cols` of `PTQK_DTYPE_F32`. A depth of 0 gives zeros, or
 *                        leaves `c` as it is with `params->accumulate`.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_gemm_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_gemm(const struct ptqk_ctx *ctx,
                      const struct ptqk_gemm_params *params,
                      const struct ptqk_matrix *a,
                      const struct ptqk_matrix *b,
                      const struct ptqk_matrix_mut *c,
                      void *workspace,
                      size_t workspace_bytes);

/**
 * Fills the parameters of low-rank correction: rank 8, three iterations with regularization, adapters
 * of 8 bits, weights of int4_sym in groups of 128.
 */
PTQK_API
void ptqk_lora_params_default(struct ptqk_lora_params *params);

/**
 * Fills the places for results: none.
 */
PTQK_API void ptqk_lora_outputs_default(struct ptqk_lora_outputs *outputs);

/**
 * Bytes of the workspace of `ptqk_lora_correction`, whatever the types and the CPU: about those of the
 * weights as f32, of the adapters and of the errors of the outputs for all samples that are taken.
 *
 * @param ctx     May be NULL.
 * @param params  Not NULL.
 * @param rows    Rows of the weights.
 * @param cols    Columns of the weights.
 * @param samples Rows of `means`.
 * @param bytes   Receives the size.
 */
PTQK_API
ptqk_status ptqk_lora_workspace_size(const struct ptqk_ctx *ctx,
                                     const struct ptqk_lora_params *params,
                                     size_t rows,
                                     size_t cols,
                                     size_t samples,
                                     size_t *bytes);

/**
 * Finds two thin matrices that make up for a part of what the compression of a layer lost:
 * `y = x W^T + (x A^T) B^T` with the compressed `W`.
 *
 * With the error `R = W - compressed(W)`, `[in, out]`, and the samples `X`, which `ptqk_process_stats` would take
 * of `means`:
 *
 * ```text
 * s  = largest magnitude of each input channel over all samples, divided by its sum over the group of
 *      the weights, then by the largest of the group; 1 if there is one group per channel
 * U S V^T = diag(s) R                             the adapter_rank largest singular values
 * V  = S V^T
 * num_iterations times:
 *     V = lstsq([U; X U], [R; X R])               without regularization lstsq(X U, X R)
 *     U = lstsq([I; X], [R V^+; X R V^+])         without regularization lstsq(X, X R V^+)
 * A = U^T, B = V^T
 * ```
 *
 * Least squares solutions are those of least norm, where singular values of at most `2^-23` of the largest
 * count as 0. All weight modes are taken, and codes from any source: those of `ptqk_gptq` leave an error
 * like any other. Without samples the result is the decomposition.
 *
 * All is f32 but for products of adapters with themselves, which are f64; the result depends neither on
 * threads nor on the CPU. NaN and infinity in the weights or the means are refused with
 * `PTQK_STATUS_NOT_FINITE` and the row-major index; one that comes from the stored scales names `scale` and
 * the index of the weight. Adapters that are not finite, or that are to become codes and reach `2^127`, which
 * takes weights near the largest floats, are refused likewise, as `outputs.a` and `outputs.b`. Then, and if the
 * call is cancelled, nothing is written.
 *
 * Source: NNCF `LoraCorrectionAlgorithm`, 3.4.0.
 *
 * @param ctx             May be NULL. Progress counts the errors, the decomposition and each iteration.
 * @param params          Not NULL.
 * @param weights         The weights before compression, `[out, in]` or `[in, out]` as
 *                        `params->weights.reduction_axis` says, of any float type.
 * @param codes           Their codes, as `ptqk_compress_weights` or `ptqk_gptq` wrote them.
 * @param scale           Their scales.
 * @param zero_point      Their zero points; not read in the symmetric modes, may be NULL then.
 * @param tensor_scale    The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
 * @param means           `[samples, in]`, of any float type: the mean of each input channel over the
 *                        tokens of each sample, see `ptqk_channel_mean`. May have 0 rows.
 * @param token_counts    `samples` numbers of tokens, see `ptqk_process_stats`. Not read, may be NULL, if
 *                        all samples are taken.
 * @param outputs         Where the results go. Not NULL.
 * @param report          Receives what was achieved, or NULL.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_lora_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_lora_correction(const struct ptqk_ctx *ctx,
                                 const struct ptqk_lora_params *params,
                                 const struct ptqk_matrix *weights,
                                 const struct ptqk_codes *codes,
                                 const void *scale,
                                 const uint8_t *zero_point,
                                 const float *tensor_scale,
                                 const struct ptqk_matrix *means,
                                 const uint64_t *token_counts,
                                 const struct ptqk_lora_outputs *outputs,
                                 struct ptqk_lora_report *report,
                                 void *workspace,
                                 size_t workspace_bytes);

/**
 * Bytes of the workspace of `ptqk_lora_apply`: 4 for each row and rank.
 *
 * @param ctx      May be NULL.
 * @param adapters `adapter_count` adapters; only their ranks are read.
 * @param adapter_count Number of adapters.
 * @param rows     Rows of `x`.
 * @param bytes    Receives the size.
 */
PTQK_API
ptqk_status ptqk_lora_apply_workspace_size(const struct ptqk_ctx *ctx,
                                           const struct ptqk_lora_adapter *adapters,
                                           size_t adapter_count,
                                           size_t rows,
                                           size_t *bytes);

/**
 * Adds to the outputs of a layer what adapters give: `y += scale (x A^T) B^T`, for each segment with the
 * adapter that it names. Rows that no segment has stay as they are; rows of several segments get all of
 * them, in order.
 *
 * An element of `x A^T` is an inner product of f32, in pieces of 1024 elements that are added in order; it is
 * multiplied by `scale`, and `y` goes on from its old value by a chain of fused multiply-adds in order of
 * the rank, rounded to its type at the end. What a row becomes depends neither on the other rows nor on
 * threads nor on the CPU: a batch gives what its rows give one by one, and a transposed `B` of floats what `B`
 * gives.
 *
 * Of codes, the inner products and the chain take `code - zero_point`. The scale of a row of `A` multiplies its
 * inner product before `scale` does, and after that the scale of a row of a transposed `B` multiplies the
 * element of `x A^T` that meets this row; the scale of a row of another `B` multiplies its codes. Each product is
 * rounded to f32.
 *
 * Source: arXiv 2106.09685 (LoRA), arXiv 2310.18547 (adapters by segment).
 *
 * @param ctx             May be NULL. There is no progress: calls are short.
 * @param adapters        `adapter_count` adapters. An error names the adapter by its index. Of those that
 *                        no segment names only the ranks are read.
 * @param adapter_count   Number of adapters.
 * @param segments        `segment_count` segments. An error names the segment by its index.
 * @param segment_count   Number of segments.
 * @param x               The inputs, `[rows, in]`, of any float type.
 * @param y               The outputs, `[rows, out]`, of any float type. Must not share memory with
 *                        anything else.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_lora_apply_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_lora_apply(const struct ptqk_ctx *ctx,
                            const struct ptqk_lora_adapter *adapters,
                            size_t adapter_count,
                            const struct ptqk_lora_segment *segments,
                            size_t segment_count,
                            const struct ptqk_matrix *x,
                            const struct ptqk_matrix_mut *y,
                            void *workspace,
                            size_t workspace_bytes);

/**
 * Bytes of the workspace of `ptqk_lora_merge`: 4 for each output channel and rank.
 *
 * @param ctx     May be NULL.
 * @param adapter Not NULL; only its shape is read.
 * @param rows    Rows of the weights.
 * @param bytes   Receives the size.
 */
PTQK_API
ptqk_status ptqk_lora_merge_workspace_size(const struct ptqk_ctx *ctx,
                                           const struct ptqk_lora_adapter *adapter,
                                           size_t rows,
                                           size_t *bytes);

/**
 * Adds an adapter to the weights of a layer, `W += scale B A`, or takes it away again, but for rounding.
 *
 * Each weight goes on from its old value by a chain of fused multiply-adds in order of the rank, with
 * `scale * B` rounded to f32 before, and is rounded to its type at the end; so neither threads nor the CPU
 * matter. Of codes of `A`, the chain takes `code - zero_point`, and `scale * B` is multiplied by the scale of the
 * row of `A` and rounded again. Source: arXiv 2106.09685.
 *
 * Weights that lie as `[in, out]` take an adapter whose `b_is_transposed` is 1 with `a` and `b` exchanged: what the
 * chain takes of each is then exchanged, too.
 *
 * @param ctx             May be NULL.
 * @param adapter         Not NULL. Errors name its parts as those of `adapters`.
 * @param subtract        0: added; 1: taken away.
 * @param weights         The weights, `[out, in]`, of any float type.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_lora_merge_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_lora_merge(const struct ptqk_ctx *ctx,
                            const struct ptqk_lora_adapter *adapter,
                            uint32_t subtract,
                            const struct ptqk_matrix_mut *weights,
                            void *workspace,
                            size_t workspace_bytes);

/**
 * Fills the parameters of new adapters: rank 256, from what the compression lost, weights of int4_sym in
 * groups of 128.
 */
PTQK_API
void ptqk_lora_init_params_default(struct ptqk_lora_init_params *params);

/**
 * Bytes of the workspace of `ptqk_lora_init`, whatever the types and the CPU: about three times those of the
 * weights as f32, and of the adapters.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param rows   Rows of the weights.
 * @param cols   Columns of the weights.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_lora_init_workspace_size(const struct ptqk_ctx *ctx,
                                          const struct ptqk_lora_init_params *params,
                                          size_t rows,
                                          size_t cols,
                                          size_t *bytes);

/**
 * Makes the adapters that training starts from: `A`, `[rank, in]`, and `B`, `[out, rank]`, such that `B A`
 * is the best product of that rank for a matrix `T`, `[out, in]`:
 *
 * ```text
 * PTQK_LORA_INIT_KIND_RESIDUAL   T = W - compressed(W)
 * PTQK_LORA_INIT_KIND_RANDOM     T = u * scale / 100, u = (word >> 8) / 2^24
 * U S V^T = T                    the adapter_rank largest singular values
 * A = sqrt(S) V^T
 * B = U sqrt(S)
 * ```
 *
 * The random word of a weight is word `i` of the sequence that `seed` names (see
 * `PTQK_FLOAT_ROUNDING_STOCHASTIC`), with `i` its row-major index as the weights lie; its scale is that of its
 * group, with its sign.
 *
 * The result depends neither on threads nor on the CPU. NaN and infinity in the weights, where they are read,
 * are refused with `PTQK_STATUS_NOT_FINITE` and the row-major index; one that comes from the stored scales names
 * `scale` and the index of the weight. Adapters that are not finite, which takes weights near the largest
 * floats, are refused likewise, by their names and indices. Then, and if the call is cancelled, nothing is
 * written.
 *
 * Source: LoftQ, arXiv 2310.08659, one iteration; NNCF 3.4.0 `torch_backend.py`, `get_fq_insertion_command`,
 * whose adapters are bf16 and whose random numbers are others.
 *
 * @param ctx             May be NULL. Progress counts the matrix and the decomposition.
 * @param params          Not NULL.
 * @param weights         The weights before compression, `[out, in]` or `[in, out]` as
 *                        `params->weights.reduction_axis` says, of any float type. Not read with
 *                        `PTQK_LORA_INIT_KIND_RANDOM`, may be NULL then.
 * @param codes           Their codes, as `ptqk_compress_weights` or `ptqk_gptq` wrote them; with
 *                        `PTQK_LORA_INIT_KIND_RANDOM` only their shape counts.
 * @param scale           Their scales.
 * @param zero_point      Their zero points; not read in the symmetric modes, may be NULL then.
 * @param tensor_scale    The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
 * @param a               Receives `A`, of any float type.
 * @param b               Receives `B`, of any float type.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_lora_init_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_lora_init(const struct ptqk_ctx *ctx,
                           const struct ptqk_lora_init_params *params,
                           const struct ptqk_matrix *weights,
                           const struct ptqk_codes *codes,
                           const void *scale,
                           const uint8_t *zero_point,
                           const float *tensor_scale,
                           const struct ptqk_matrix_mut *a,
                           const struct ptqk_matrix_mut *b,
                           void *workspace,
                           size_t workspace_bytes);

/**
 * Packs codes that occupy one byte each.
 *
 * The layouts are those of the `PTQK_CODE_TYPE_` constants. Only the low bits of a byte are used,
 * so an `int8_t` array of 4-bit codes can be passed as it is. Unused bits of the last unit are 0.
 *
 * @param ctx       May be NULL.
 * @param code_type A `PTQK_CODE_TYPE_` constant of at most 8 bits.
 * @param codes     `len` codes. May be NULL if `len` is 0.
 * @param len       Number of codes.
 * @param packed    Receives the bytes that `ptqk_codes_row_bytes` gives for `len`.
 */
PTQK_API
ptqk_status ptqk_pack(const struct ptqk_ctx *ctx,
                      uint32_t code_type,
                      const uint8_t *codes,
                      size_t len,
                      uint8_t *packed);

/**
 * Unpacks codes to one byte each; those of `PTQK_CODE_TYPE_I4` are sign-extended, to be read as
 * `int8_t`.
 *
 * @param ctx       May be NULL.
 * @param code_type A `PTQK_CODE_TYPE_` constant of at most 8 bits.
 * @param packed    The bytes that `ptqk_codes_row_bytes` gives for `len`. May be NULL if `len` is 0.
 * @param len       Number of codes.
 * @param codes     Receives `len` codes.
 */
PTQK_API
ptqk_status ptqk_unpack(const struct ptqk_ctx *ctx,
                        uint32_t code_type,
                        const uint8_t *packed,
                        size_t len,
                        uint8_t *codes);

/**
 * Fills the parameters of `ptqk_quantize` and `ptqk_dequantize`: per tensor, the whole range of
 * the code type.
 */
PTQK_API void ptqk_quantize_params_default(struct ptqk_quantize_params *params);

/**
 * Fills the parameters of `ptqk_fake_quantize`: per tensor, 256 levels.
 */
PTQK_API void ptqk_fake_quantize_params_default(struct ptqk_fake_quantize_params *params);

/**
 * Quantizes a matrix to codes.
 *
 * `code = clamp(round(x / scale) + zero_point, code_min, code_max)`, or
 * `clamp(round(x / scale + zero_point), code_min, code_max)` with
 * `PTQK_ZERO_POINT_BEFORE_ROUNDING`. The division is a real f32 division, the sum an f32 sum;
 * `round` is half to even. A NaN gives the zero point (clamped), infinities saturate.
 *
 * Float code types: the code of `x / scale`, nearest with ties to even, magnitudes beyond the
 * largest number become it; a NaN stays one, or becomes the largest number where the type has none
 * (with NF4, 0). `code_min`, `code_max` and `zero_point_rounding` are not read.
 *
 * @param ctx        May be NULL.
 * @param params     Not NULL.
 * @param src        The matrix.
 * @param scale      Finite, not 0, may be negative; as many as `params->granularity` says.
 * @param zero_point As many, each within the range of the code type. NULL: all 0; must be NULL
 *                   with a float code type.
 * @param dst        Receives the codes, of any type but E8M0; the shape of `src`. Must not overlap
 *                   any input.
 */
PTQK_API
ptqk_status ptqk_quantize(const struct ptqk_ctx *ctx,
                          const struct ptqk_quantize_params *params,
                          const struct ptqk_matrix *src,
                          const float *scale,
                          const int32_t *zero_point,
                          const struct ptqk_codes_mut *dst);

/**
 * Turns codes back into floats: `x = (code - zero_point) * scale`, or `x = value(code) * scale`
 * with a float code type, rounded to f32 once, then to the type of `dst`.
 *
 * @param ctx        May be NULL.
 * @param params     Not NULL. Only `granularity` and `group_size` are read.
 * @param src        The codes.
 * @param scale      As in `ptqk_quantize`.
 * @param zero_point As in `ptqk_quantize`.
 * @param dst        Receives the floats; the shape of `src`. Must not overlap any input.
 */
PTQK_API
ptqk_status ptqk_dequantize(const struct ptqk_ctx *ctx,
                            const struct ptqk_quantize_params *params,
                            const struct ptqk_codes *src,
                            const float *scale,
                            const int32_t *zero_point,
                            const struct ptqk_matrix_mut *dst);

/**
 * Moves every element to the nearest of `levels` equidistant values from `low` to `high`: what
 * quantization and dequantization do to it.
 *
 * `x <= low` and NaN give `low`; `x > high` gives `high`; otherwise
 * `round((x - low) / (high - low) * (levels - 1)) / (levels - 1) * (high - low) + low`, every
 * operation rounded to f32, `round` half to even. Source: OpenVINO FakeQuantize.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The matrix.
 * @param low    Finite lower ends; as many as `params->granularity` says.
 * @param high   Finite upper ends, `low <= high`, and `high - low` is finite.
 * @param dst    Receives the elements; the shape of `src`. It may be `src` itself (the same data,
 *               type and stride); no other overlap is allowed.
 */
PTQK_API
ptqk_status ptqk_fake_quantize(const struct ptqk_ctx *ctx,
                               const struct ptqk_fake_quantize_params *params,
                               const struct ptqk_matrix *src,
                               const float *low,
                               const float *high,
                               const struct ptqk_matrix_mut *dst);

/**
 * Fills the parameters of a quantizer: 8 bits, symmetric, per tensor.
 */
PTQK_API void ptqk_quantization_params_default(struct ptqk_quantization_params *params);

/**
 * Makes a quantizer from the minimum and maximum of each channel: range, scale, zero point and
 * integer grid, with the numbers of NNCF 3.4.0.
 *
 * Symmetric: `high = max(max[c], 0.01 * largest max of all channels, 8e-5)`; `low = 0` if the
 * grid is unsigned, else `-high * (levels / (levels - 2))`, or `-high` for a narrow range. Give the
 * largest magnitude (`ptqk_abs_max`) as `max`; `min` only decides whether the grid is signed.
 * Asymmetric: the range is widened to include 0, by 8e-4 on both sides if it is narrower than
 * that, and one end is moved so that 0 is a level. With the overflow fix, the symmetric range is
 * that of one bit less, stretched so that half of the codes are used.
 * Scale and zero point are those of `ptqk_scale_zero_point` on the grid.
 *
 * Statistics of 0 and tiny ones give the smallest ranges above. Statistics that are NaN or
 * infinite are refused with `PTQK_STATUS_NOT_FINITE` (NNCF would make a quantizer of NaN), those
 * beyond `2^125` in magnitude with `PTQK_STATUS_INVALID_PARAMETER`: their range would overflow.
 *
 * @param ctx        May be NULL.
 * @param params     Not NULL.
 * @param min        `channels` minima. May be NULL if `channels` is 0.
 * @param max        `channels` maxima, `min[c] <= max[c]`; not negative if symmetric.
 * @param channels   Number of channels; at most 1 unless `params->per_channel` is 1.
 * @param low        Receives `channels` lower ends, or NULL.
 * @param high       Receives `channels` upper ends, or NULL.
 * @param scale      Receives `channels` scales, or NULL.
 * @param zero_point Receives `channels` zero points, or NULL.
 * @param grid       Receives the grid of all channels, or NULL.
 */
PTQK_API
ptqk_status ptqk_quantizer_from_min_max(const struct ptqk_ctx *ctx,
                                        const struct ptqk_quantization_params *params,
                                        const float *min,
                                        const float *max,
                                        size_t channels,
                                        float *low,
                                        float *high,
                                        float *scale,
                                        int32_t *zero_point,
                                        struct ptqk_quantizer_grid *grid);

/**
 * Scale and zero point of ranges on an integer grid, for
 * `code = round(x / scale) + zero_point`.
 *
 * `scale = (high - low) / (level_high - level_low - narrow_range)`, at least `2^-23`;
 * `zero_point = clamp(level_low + narrow_range - round(low / scale), level_low, level_high)`.
 *
 * @param ctx          May be NULL.
 * @param low          `channels` finite lower ends.
 * @param high         `channels` finite upper ends, `low[c] <= high[c]`.
 * @param channels     Number of ranges.
 * @param level_low    Lowest code of the full grid. Range: `-65536..65536`.
 * @param level_high   Highest code. Range: `level_low + 2 .. 65536`.
 * @param narrow_range 1: the lowest code is not used; else 0.
 * @param scale        Receives `channels` scales.
 * @param zero_point   Receives `channels` zero points.
 */
PTQK_API
ptqk_status ptqk_scale_zero_point(const struct ptqk_ctx *ctx,
                                  const float *low,
                                  const float *high,
                                  size_t channels,
                                  int32_t level_low,
                                  int32_t level_high,
                                  uint32_t narrow_range,
                                  float *scale,
                                  int32_t *zero_point);

/**
 * Moves one end of every range so that 0 is one of `2^num_bits` levels. Of the two ends that could
 * move, the one that gives the wider range does. If 0 is nearest to the first or the last level, the
 * range stays as it is.
 *
 * @param ctx               May be NULL.
 * @param low               `channels` finite lower ends, `low[c] <= 0`.
 * @param high              `channels` finite upper ends, `high[c] >= 0`, `low[c] < high[c]`.
 * @param channels          Number of ranges.
 * @param num_bits          Bits of a code. Range: `2..16`.
 * @param unify_zero_points 1: 0 is the same level of all ranges, the mean of the single ones; or 0.
 * @param tuned_low         Receives `channels` lower ends.
 * @param tuned_high        Receives `channels` upper ends.
 */
PTQK_API
ptqk_status ptqk_tune_range(const struct ptqk_ctx *ctx,
                            const float *low,
                            const float *high,
                            size_t channels,
                            uint32_t num_bits,
                            uint32_t unify_zero_points,
                            float *tuned_low,
                            float *tuned_high);

/**
 * One range for several tensors that must share a quantizer: the smallest minimum and the largest
 * maximum.
 *
 * @param ctx         May be NULL.
 * @param min         `count` finite minima.
 * @param max         `count` finite maxima, `min[i] <= max[i]`.
 * @param count       Number of tensors; nothing is written if it is 0.
 * @param unified_min Receives the smallest minimum.
 * @param unified_max Receives the largest maximum.
 */
PTQK_API
ptqk_status ptqk_unify_min_max(const struct ptqk_ctx *ctx,
                               const float *min,
                               const float *max,
                               size_t count,
                               float *unified_min,
                               float *unified_max);

/**
 * Fills the parameters of the reductions: per tensor.
 */
PTQK_API void ptqk_reduce_params_default(struct ptqk_reduce_params *params);

/**
 * Fills the parameters of `ptqk_quantile`: per tensor, of the elements.
 */
PTQK_API void ptqk_quantile_params_default(struct ptqk_quantile_params *params);

/**
 * Exact quantiles of a matrix, its rows, columns or groups.
 *
 * With `n` elements in ascending order, the quantile of probability `p` lies at `(n - 1) p`; between
 * two elements it is interpolated linearly, in f64, and rounded to f32 last. NaN where an element
 * is NaN. A result of 0 is +0. If the matrix is empty, nothing is written. Progress of a whole tensor
 * is that of its first pass, most often the only one. Source: `numpy.quantile`, NNCF
 * `StatisticsType.QUANTILE` and `ABS_QUANTILE`.
 *
 * @param ctx           May be NULL.
 * @param params        Not NULL.
 * @param src           The matrix.
 * @param probabilities `count` probabilities, each in 0..1. May be NULL if `count` is 0.
 * @param count         Number of probabilities.
 * @param scratch       Room for `scratch_len` floats, which makes quantiles of a whole tensor faster,
 *                      the more the better up to a fifth of its elements; or NULL.
 * @param scratch_len   Number of floats.
 * @param quantiles     Receives `count` quantiles for every row, column or group, one after the other.
 */
PTQK_API
ptqk_status ptqk_quantile(const struct ptqk_ctx *ctx,
                          const struct ptqk_quantile_params *params,
                          const struct ptqk_matrix *src,
                          const double *probabilities,
                          size_t count,
                          float *scratch,
                          size_t scratch_len,
                          float *quantiles);

/**
 * Minimum and maximum of a matrix, its rows, columns or groups.
 *
 * NaN where an element is NaN. A result of 0 is +0. If the matrix is empty, nothing is written.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The matrix.
 * @param min    Receives the minima, as many as `params->granularity` says.
 * @param max    Receives the maxima.
 */
PTQK_API
ptqk_status ptqk_min_max(const struct ptqk_ctx *ctx,
                         const struct ptqk_reduce_params *params,
                         const struct ptqk_matrix *src,
                         float *min,
                         float *max);

/**
 * Largest magnitude of a matrix, its rows, columns or groups. NaN where an element is NaN. If the
 * matrix is empty, nothing is written.
 *
 * @param ctx     May be NULL.
 * @param params  Not NULL.
 * @param src     The matrix.
 * @param abs_max Receives the magnitudes, as many as `params->granularity` says.
 */
PTQK_API
ptqk_status ptqk_abs_max(const struct ptqk_ctx *ctx,
                         const struct ptqk_reduce_params *params,
                         const struct ptqk_matrix *src,
                         float *abs_max);

/**
 * Sum of a matrix, its rows, columns or groups, in an order that depends on the shape only:
 * pieces in f32, the pieces in f64. If the matrix is empty, nothing is written.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The matrix.
 * @param sum    Receives the sums, as many as `params->granularity` says.
 */
PTQK_API
ptqk_status ptqk_sum(const struct ptqk_ctx *ctx,
                     const struct ptqk_reduce_params *params,
                     const struct ptqk_matrix *src,
                     float *sum);

/**
 * Arithmetic mean of a matrix, its rows, columns or groups: the sum of `ptqk_sum`, before it is
 * rounded to f32, divided by the number of elements. If the matrix is empty, nothing is written.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The matrix.
 * @param mean   Receives the means, as many as `params->granularity` says.
 */
PTQK_API
ptqk_status ptqk_mean(const struct ptqk_ctx *ctx,
                      const struct ptqk_reduce_params *params,
                      const struct ptqk_matrix *src,
                      float *mean);

/**
 * Population variance of a matrix, its rows, columns or groups: the mean of the squared distances
 * from the mean. If the matrix is empty, nothing is written.
 *
 * @param ctx      May be NULL.
 * @param params   Not NULL.
 * @param src      The matrix.
 * @param variance Receives the variances, as many as `params->granularity` says.
 */
PTQK_API
ptqk_status ptqk_variance(const struct ptqk_ctx *ctx,
                          const struct ptqk_reduce_params *params,
                          const struct ptqk_matrix *src,
                          float *variance);

/**
 * The mean of the variances along an axis: the variance (the mean of the squared distances from the
 * mean) of the elements along `axis`, for each index of the other axes, and the mean of these. If
 * the tensor is empty, nothing is written. Source: NNCF `MeanVarianceReducer`.
 *
 * @param ctx      May be NULL.
 * @param src      The tensor.
 * @param axis     The axis. Range: below `src->rank`.
 * @param variance Receives the number.
 */
PTQK_API
ptqk_status ptqk_mean_variance(const struct ptqk_ctx *ctx,
                               const struct ptqk_tensor *src,
                               uint32_t axis,
                               float *variance);

/**
 * The largest of the variances along an axis, as of `ptqk_mean_variance`. If the tensor is empty,
 * nothing is written. Source: NNCF `MaxVarianceReducer`.
 *
 * @param ctx      May be NULL.
 * @param src      The tensor.
 * @param axis     The axis. Range: below `src->rank`.
 * @param variance Receives the number.
 */
PTQK_API
ptqk_status ptqk_max_variance(const struct ptqk_ctx *ctx,
                              const struct ptqk_tensor *src,
                              uint32_t axis,
                              float *variance);

/**
 * The mean of the largest magnitudes along an axis: the largest magnitude of the elements along
 * `axis`, for each index of the other axes, and the mean of these. If the tensor is empty, nothing
 * is written. Source: NNCF `MeanAbsMaxReducer`.
 *
 * @param ctx     May be NULL.
 * @param src     The tensor.
 * @param axis    The axis. Range: below `src->rank`.
 * @param abs_max Receives the number.
 */
PTQK_API
ptqk_status ptqk_mean_abs_max(const struct ptqk_ctx *ctx,
                              const struct ptqk_tensor *src,
                              uint32_t axis,
                              float *abs_max);

/**
 * The arithmetic mean of each channel: the sum of `ptqk_channel_sum`, divided by the number of
 * elements and rounded to f32. If the tensor is empty, nothing is written. Source: NNCF
 * `MeanPerChReducer`.
 *
 * @param ctx          May be NULL.
 * @param src          The tensor.
 * @param channel_axis The axis whose indices are channels; -1 for one mean of all elements.
 * @param channels     Length of that axis, 1 with -1.
 * @param mean         Receives `channels` means.
 */
PTQK_API
ptqk_status ptqk_channel_mean(const struct ptqk_ctx *ctx,
                              const struct ptqk_tensor *src,
                              int32_t channel_axis,
                              size_t channels,
                              float *mean);

/**
 * The sum of each channel: pieces of at most 256 elements in f32, these in f64, in an order that
 * depends on the shape only. If the tensor is empty, nothing is written.
 *
 * @param ctx          May be NULL.
 * @param src          The tensor.
 * @param channel_axis The axis whose indices are channels; -1 for one sum of all elements.
 * @param channels     Length of that axis, 1 with -1.
 * @param sum          Receives `channels` sums.
 */
PTQK_API
ptqk_status ptqk_channel_sum(const struct ptqk_ctx *ctx,
                             const struct ptqk_tensor *src,
                             int32_t channel_axis,
                             size_t channels,
                             double *sum);

/**
 * The sum of the squares of each channel, in the order of `ptqk_channel_sum`. If the tensor is
 * empty, nothing is written.
 *
 * @param ctx          May be NULL.
 * @param src          The tensor.
 * @param channel_axis The axis whose indices are channels; -1 for one sum of all elements.
 * @param channels     Length of that axis, 1 with -1.
 * @param sum          Receives `channels` sums.
 */
PTQK_API
ptqk_status ptqk_channel_sum_squares(const struct ptqk_ctx *ctx,
                                     const struct ptqk_tensor *src,
                                     int32_t channel_axis,
                                     size_t channels,
                                     double *sum);

/**
 * The mean of the squares of all elements: what a sample contributes to the Hessian's trace of
 * `ptqk_hawq_sensitivity`. If the tensor is empty, nothing is written.
 *
 * @param ctx         May be NULL.
 * @param src         The tensor.
 * @param mean_square Receives the mean.
 */
PTQK_API
ptqk_status ptqk_mean_square(const struct ptqk_ctx *ctx,
                             const struct ptqk_tensor *src,
                             double *mean_square);

/**
 * The sensitivity of a layer to its input: `h = 2 / count * sum(mean_squares)`, summed in the order
 * of the samples. Source: NNCF `HAWQAggregator`, 3.4.0.
 *
 * @param ctx          May be NULL.
 * @param mean_squares What `ptqk_mean_square` gave for each sample.
 * @param count        Number of samples. If it is 0, nothing is written.
 * @param sensitivity  Receives `h`.
 */
PTQK_API
ptqk_status ptqk_hawq_sensitivity(const struct ptqk_ctx *ctx,
                                  const double *mean_squares,
                                  size_t count,
                                  double *sensitivity);

/**
 * Median and median absolute deviation of the elements of all samples, per channel: the median of
 * the elements whose magnitude is at least `2^-23`, and the median of the distances of all elements
 * from it. 0 where there is no such element, NaN where one is NaN. Medians are exact; a distance is
 * rounded to f32. If all samples are empty, nothing is written. Source: NNCF
 * `MedianAbsoluteDeviationAggregator`.
 *
 * @param ctx          May be NULL.
 * @param tensors      `count` samples.
 * @param count        Number of samples.
 * @param channel_axis The axis whose indices are channels; -1 for one result for all elements.
 * @param channels     Length of that axis, 1 with -1.
 * @param median       Receives `channels` medians.
 * @param mad          Receives `channels` deviations.
 */
PTQK_API
ptqk_status ptqk_median_mad(const struct ptqk_ctx *ctx,
                            const struct ptqk_tensor *tensors,
                            size_t count,
                            int32_t channel_axis,
                            size_t channels,
                            float *median,
                            float *mad);

/**
 * Percentiles of the elements of all samples, per channel, interpolated linearly in f64. NaN where
 * an element is. If all samples are empty, nothing is written. Source: NNCF `PercentileAggregator`.
 *
 * @param ctx          May be NULL.
 * @param tensors      `count` samples.
 * @param count        Number of samples.
 * @param channel_axis The axis whose indices are channels; -1 for one result for all elements.
 * @param channels     Length of that axis, 1 with -1.
 * @param percentiles  The percentiles. Unit: percent. Range: `0..100`.
 * @param n            Their number.
 * @param values       Receives `n` rows of `channels` values.
 */
PTQK_API
ptqk_status ptqk_percentiles(const struct ptqk_ctx *ctx,
                             const struct ptqk_tensor *tensors,
                             size_t count,
                             int32_t channel_axis,
                             size_t channels,
                             const double *percentiles,
                             size_t n,
                             float *values);

/**
 * Number of columns that `ptqk_process_stats` writes: `samples` if that is at most `subset_size` or
 * `subset_size` is 0, else `ceil(samples / floor(samples / subset_size))`, which can exceed
 * `subset_size`.
 *
 * @param ctx         May be NULL.
 * @param samples     Number of samples.
 * @param subset_size Samples that are wanted; 0 for all.
 * @param columns     Receives the number.
 */
PTQK_API
ptqk_status ptqk_process_stats_columns(const struct ptqk_ctx *ctx,
                                       size_t samples,
                                       size_t subset_size,
                                       size_t *columns);

/**
 * Bytes of the workspace of `ptqk_process_stats`: 0 unless `samples` exceeds `subset_size`.
 *
 * @param ctx         May be NULL.
 * @param samples     Number of samples.
 * @param subset_size As there.
 * @param bytes       Receives the size.
 */
PTQK_API
ptqk_status ptqk_process_stats_workspace_size(const struct ptqk_ctx *ctx,
                                              size_t samples,
                                              size_t subset_size,
                                              size_t *bytes);

/**
 * What AWQ, scale estimation and LoRA correction take of the activations of a layer.
 *
 * `importance[h]` is the largest magnitude of the means of channel `h`, over all samples; NaN where
 * one is. `x` receives samples as columns. If there are more than `subset_size`, these are every
 * `floor(samples / subset_size)`-th in descending order of their token counts, equal ones in the
 * order of the samples; else all in their order. If `means` is empty, nothing is written. Source:
 * NNCF `process_stats`.
 *
 * @param ctx             May be NULL.
 * @param means           `[samples, channels]`: the mean of each channel over the tokens of each
 *                        sample, see `ptqk_channel_mean`.
 * @param token_counts    `samples` numbers of tokens: products of the axes of the activation but for
 *                        the channels. Not read, may be NULL, if all samples are taken.
 * @param subset_size     Samples that are wanted; 0 for all. Default of NNCF: 32 in AWQ, 64 in
 *                        scale estimation, 128 in LoRA correction.
 * @param importance      Receives `channels` values.
 * @param x               Receives `[channels, columns]`, as `ptqk_process_stats_columns` says.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_process_stats_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_process_stats(const struct ptqk_ctx *ctx,
                               const struct ptqk_matrix *means,
                               const uint64_t *token_counts,
                               size_t subset_size,
                               float *importance,
                               const struct ptqk_matrix_mut *x,
                               void *workspace,
                               size_t workspace_bytes);

/**
 * Fills the parameters of requantization: per tensor, zero point 0.
 */
PTQK_API void ptqk_requantize_params_default(struct ptqk_requantize_params *params);

/**
 * Turns 32-bit accumulators into 8-bit codes with float scales.
 *
 * `code = clamp(round(f32(acc) * scale) + zero_point, code_min, code_max)`: the accumulator is
 * rounded to f32, the product is rounded to f32, `round` is half to even.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param src    The accumulators.
 * @param scale  Finite; as many as `params->granularity` says: 1, `rows` or `cols`.
 * @param dst    Receives codes of type I8 or U8; the shape of `src`. Must not overlap any input.
 */
PTQK_API
ptqk_status ptqk_requantize(const struct ptqk_ctx *ctx,
                            const struct ptqk_requantize_params *params,
                            const struct ptqk_accumulators *src,
                            const float *scale,
                            const struct ptqk_codes_mut *dst);

/**
 * Turns 32-bit accumulators into 8-bit codes with integer arithmetic only, as microcontrollers do.
 *
 * `code = clamp(scaled + zero_point, code_min, code_max)`. With `PTQK_FIXED_POINT_DOUBLE_ROUNDING`,
 * `scaled` is the doubling high product of `acc * 2^max(shift, 0)` (which wraps at 32 bits) and
 * `multiplier`, `(2 * a * b) >> 32` rounded half up, then divided by `2^max(-shift, 0)` and rounded
 * half away from zero. With `PTQK_FIXED_POINT_SINGLE_ROUNDING`, `scaled` is
 * `(acc * multiplier + 2^(30 - shift)) >> (31 - shift)`, saturated to 32 bits.
 *
 * @param ctx        May be NULL.
 * @param params     Not NULL.
 * @param src        The accumulators.
 * @param multiplier Range: `>= 0`; as many as `params->granularity` says: 1, `rows` or `cols`. See
 *                   `ptqk_quantize_multiplier`.
 * @param shift      As many. Range: `-31..30`.
 * @param dst        Receives codes of type I8 or U8; the shape of `src`. Must not overlap any input.
 */
PTQK_API
ptqk_status ptqk_requantize_fixed(const struct ptqk_ctx *ctx,
                                  const struct ptqk_requantize_params *params,
                                  const struct ptqk_accumulators *src,
                                  const int32_t *multiplier,
                                  const int32_t *shift,
                                  const struct ptqk_codes_mut *dst);

/**
 * Writes a scale as `multiplier * 2^(shift - 31)` for `ptqk_requantize_fixed`.
 *
 * @param ctx        May be NULL.
 * @param scale      Range: `0 <= scale < 2^30`.
 * @param multiplier Receives a number in `2^30..2^31`, or 0 if `scale` is below `2^-32`.
 * @param shift      Receives a number in `-31..30`.
 */
PTQK_API
ptqk_status ptqk_quantize_multiplier(const struct ptqk_ctx *ctx,
                                     double scale,
                                     int32_t *multiplier,
                                     int32_t *shift);

/**
 * Fills the parameters of a sketch: 4096 elements a level.
 */
PTQK_API void ptqk_sketch_params_default(struct ptqk_sketch_params *params);

/**
 * Size of the state of a sketch, which answers quantiles of more elements than memory holds.
 *
 * A sketch keeps some of the elements in levels: one of level `h` stands for `2^h` of them. It is
 * exact up to `capacity` elements and then knows how far a rank may be off: `rank_over` and
 * `rank_under` of `ptqk_sketch_query`, bounds that hold for certain and not on average. With 4096
 * elements a level they are below 0.3 % of the ranks for 10^9 elements; of elements in no order,
 * ranks are far nearer.
 *
 * A state is plain memory: it can be copied, written to a file and sent to another machine as it is,
 * and `ptqk_sketch_load` checks what comes back. The same updates and merges in the same order give
 * the same bytes on every CPU, and how the elements are cut into updates does not show; another order
 * of them gives another sketch within its bounds. Source: Manku,
 * Rajagopalan, Lindsay, "Approximate Medians and other Quantiles in One Pass and with Limited
 * Memory", SIGMOD 1998; merging: Agarwal et al., "Mergeable Summaries", PODS 2012.
 *
 * Layout, in the byte order of the machine, with `k` the capacity and `L` levels, the least number
 * with `k * 2^(L - 1) >= 2^40`:
 *
 * | offset | type | |
 * |---|---|---|
 * | 0 | `char[8]` | `PTQKSKCH` |
 * | 8 | `uint32_t` | `0x01020304`; another value shows another byte order |
 * | 12 | `uint32_t` | version of this layout: 1 |
 * | 16 | `uint64_t` | size of the state in bytes |
 * | 24 | `ptqk_sketch_params` | parameters |
 * | 32 | `ptqk_sketch_summary` | what `ptqk_sketch_query` gives |
 * | 64 | `uint64_t` | bit `h` is set if level `h` keeps its odd elements next |
 * | 72 | `uint32_t[]` | number of elements of each of the `L` levels; one 0 more if `L` is odd |
 * | then | `float[L][k]` | the elements of each level |
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_sketch_state_size(const struct ptqk_ctx *ctx,
                                   const struct ptqk_sketch_params *params,
                                   size_t *bytes);

/**
 * Makes an empty sketch.
 *
 * @param ctx         May be NULL.
 * @param params      Not NULL.
 * @param state       Receives the state, at a multiple of 8. No call keeps the pointer: a state may be
 *                    copied and moved.
 * @param state_bytes What `ptqk_sketch_state_size` gives.
 */
PTQK_API
ptqk_status ptqk_sketch_init(const struct ptqk_ctx *ctx,
                             const struct ptqk_sketch_params *params,
                             void *state,
                             size_t state_bytes);

/**
 * Size of the workspace of `ptqk_sketch_update` and `ptqk_sketch_merge`.
 *
 * @param ctx    May be NULL.
 * @param params Those of the sketch. Not NULL.
 * @param bytes  Receives the size, for a workspace at any address.
 */
PTQK_API
ptqk_status ptqk_sketch_workspace_size(const struct ptqk_ctx *ctx,
                                       const struct ptqk_sketch_params *params,
                                       size_t *bytes);

/**
 * Adds the elements of a matrix to a sketch, in row-major order, on the caller's thread.
 *
 * f16 and bf16 are widened to f32 first. A NaN or an infinity is refused with
 * `PTQK_STATUS_NOT_FINITE` and its row-major index, more than 2^40 elements with
 * `PTQK_STATUS_SIZE_OVERFLOW`: the state is as before. An empty matrix changes nothing.
 *
 * @param ctx             May be NULL.
 * @param src             The matrix.
 * @param state           The sketch.
 * @param state_bytes     Its size.
 * @param workspace       Memory at any address, which holds nothing afterwards.
 * @param workspace_bytes At least what `ptqk_sketch_workspace_size` gives.
 */
PTQK_API
ptqk_status ptqk_sketch_update(const struct ptqk_ctx *ctx,
                               const struct ptqk_matrix *src,
                               void *state,
                               size_t state_bytes,
                               void *workspace,
                               size_t workspace_bytes);

/**
 * Adds the elements of another sketch of the same parameters. The bounds of both add up; more than
 * 2^40 elements are refused with `PTQK_STATUS_SIZE_OVERFLOW`.
 *
 * @param ctx             May be NULL.
 * @param other           The sketch that is added.
 * @param other_bytes     Its size.
 * @param state           The sketch that it is added to.
 * @param state_bytes     Its size.
 * @param workspace       Memory at any address, which holds nothing afterwards.
 * @param workspace_bytes At least what `ptqk_sketch_workspace_size` gives.
 */
PTQK_API
ptqk_status ptqk_sketch_merge(const struct ptqk_ctx *ctx,
                              const void *other,
                              size_t other_bytes,
                              void *state,
                              size_t state_bytes,
                              void *workspace,
                              size_t workspace_bytes);

/**
 * Quantiles of the elements of a sketch, and what it holds.
 *
 * A quantile of probability `p` is the number of rank `(n - 1) p` as `ptqk_quantile` defines it,
 * interpolated linearly in f64, but for the ranks that are off. Those of 0 and 1 are exact.
 *
 * @param ctx           May be NULL.
 * @param state         The sketch.
 * @param state_bytes   Its size.
 * @param summary       Receives everything but the elements, or NULL.
 * @param probabilities `count` numbers. Range: `0..1`.
 * @param count         How many; 0 for the summary alone, which an empty sketch has, too.
 * @param quantiles     Receives `count` quantiles.
 */
PTQK_API
ptqk_status ptqk_sketch_query(const struct ptqk_ctx *ctx,
                              const void *state,
                              size_t state_bytes,
                              struct ptqk_sketch_summary *summary,
                              const double *probabilities,
                              size_t count,
                              double *quantiles);

/**
 * Checks the bytes of a sketch that comes from a file, another process or another machine, and then is
 * a state like any other.
 *
 * Refused with `PTQK_STATUS_INVALID_PARAMETER` and the field of the layout: bytes that are not those
 * of a sketch, of another byte order or version, truncated or too many, or inconsistent. Other
 * functions check the header alone: memory that holds no state is refused by them, too, or gives
 * wrong numbers, but nothing worse.
 *
 * @param ctx         May be NULL.
 * @param state       The bytes, at a multiple of 8.
 * @param state_bytes How many there are.
 * @param params      Receives the parameters of the sketch, or NULL.
 */
PTQK_API
ptqk_status ptqk_sketch_load(const struct ptqk_ctx *ctx,
                             const void *state,
                             size_t state_bytes,
                             struct ptqk_sketch_params *params);

/**
 * Fills the parameters of one branch: the smallest of the minima.
 */
PTQK_API void ptqk_statistics_params_default(struct ptqk_statistics_params *params);

/**
 * Fills the parameters of an estimator: `PTQK_RANGE_PRESET_MIN_MAX`.
 */
PTQK_API void ptqk_range_estimator_params_default(struct ptqk_range_estimator_params *params);

/**
 * Fills the parameters of a range state: minimum and maximum of at most 300 tensors, per tensor.
 */
PTQK_API void ptqk_range_params_default(struct ptqk_range_params *params);

/**
 * Fills the parameters of an estimator that has a name.
 *
 * Source: NNCF `RangeEstimatorParametersSet`.
 *
 * @param ctx    May be NULL.
 * @param preset One of the `PTQK_RANGE_PRESET_` constants, but for the histogram.
 * @param params Receives the parameters; nothing of it is read.
 */
PTQK_API
ptqk_status ptqk_range_estimator_preset(const struct ptqk_ctx *ctx,
                                        uint32_t preset,
                                        struct ptqk_range_estimator_params *params);

/**
 * Changes an estimator to what a quantizer of `scheme` needs: with the symmetric scheme, the
 * statistic `PTQK_STATISTICS_TYPE_MAX` of the maximum becomes `PTQK_STATISTICS_TYPE_ABS_MAX`.
 * Nothing else changes; quantiles stay as they are.
 *
 * @param ctx    May be NULL.
 * @param scheme `PTQK_SCHEME_SYMMETRIC` or `PTQK_SCHEME_ASYMMETRIC`.
 * @param params Not NULL; is changed.
 */
PTQK_API
ptqk_status ptqk_range_estimator_for_scheme(const struct ptqk_ctx *ctx,
                                            uint32_t scheme,
                                            struct ptqk_range_estimator_params *params);

/**
 * Bytes of a range state. They depend on the parameters only: an aggregator min or max keeps one
 * value per channel, another one keeps every sample of the window.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_range_state_size(const struct ptqk_ctx *ctx,
                                  const struct ptqk_range_params *params,
                                  size_t *bytes);

/**
 * Makes a state without samples.
 *
 * A range state sees the samples of one activation (or the one tensor of a weight), one after the
 * other, and gives the minimum and the maximum of each channel. A state is plain memory: it can be
 * copied, written to a file and sent to another machine as it is, and `ptqk_range_load` checks what
 * comes back. For the same tensors in the same order, its bytes are the same on every CPU and for
 * every number of threads.
 *
 * Layout, all numbers in the byte order of the machine:
 *
 * | byte | what |
 * |---|---|
 * | 0    | `PTQKRNGE` |
 * | 8    | u32 0x01020304 |
 * | 12   | u32 format version, 1 |
 * | 16   | u64 bytes of the state |
 * | 24   | `ptqk_range_params` |
 * | 120  | u64 samples that counted |
 * | 128  | u32 items of each kept sample, if there is a batch and an aggregator that keeps samples |
 * | then | f32 values of the minimum branch |
 * | then | f32 values of the maximum branch, padded to a multiple of 8 bytes |
 *
 * The values of a branch are one per channel with the aggregators min and max; otherwise
 * `window_size` (or `num_samples`, if that is less or there is no window) samples, of 1 or
 * `batch_items` items, of a value per channel. Sample `i` lies at place `i % window`.
 *
 * @param ctx         May be NULL.
 * @param params      Not NULL.
 * @param state       Receives the state. A multiple of 8.
 * @param state_bytes Range: at least what `ptqk_range_state_size` says.
 */
PTQK_API
ptqk_status ptqk_range_init(const struct ptqk_ctx *ctx,
                            const struct ptqk_range_params *params,
                            void *state,
                            size_t state_bytes);

/**
 * Adds one tensor as a sample: takes the statistics of both branches of each channel (and of each
 * item of the batch, if there is one) and clips them.
 *
 * An empty tensor is skipped, and so is one beyond `num_samples`. A NaN in a channel gives NaN, and
 * stays in the result. Minimum, maximum and largest magnitude are exact; means are summed in pieces
 * of at most 256 in f32 and these in f64, and quantiles are exact with interpolation in f64; both
 * are kept as f32. A zero is never -0. Progress is not reported: a sample counts as a whole.
 *
 * @param ctx         May be NULL.
 * @param tensor      The tensor. Its axis `channel_axis` has `channels` indices; axis 0 has at most
 *                    `batch_items`, if that is not 0.
 * @param state       A state; is changed.
 * @param state_bytes Its size.
 */
PTQK_API
ptqk_status ptqk_range_update(const struct ptqk_ctx *ctx,
                              const struct ptqk_tensor *tensor,
                              void *state,
                              size_t state_bytes);

/**
 * Adds the samples of a state after those of another: the result has the bytes that it would have
 * if the tensors of `from` had come later. So blocks of consecutive samples on any number of
 * workers, merged in order, give the bytes of one worker.
 *
 * The order of the samples matters for means (which are summed in it), for `window_size` (the last
 * ones are kept) and for `num_samples` (the first ones count). It does not matter for minima, maxima,
 * medians and means without outliers, as long as the same samples are kept. If the samples of both
 * are more than `num_samples`, and `from` has kept extremes or a window rather than each of its
 * samples, its first samples are not known apart, and the call is refused.
 *
 * @param ctx         May be NULL.
 * @param from        A state with the same parameters.
 * @param from_bytes  Its size.
 * @param state       A state; is changed.
 * @param state_bytes Its size.
 */
PTQK_API
ptqk_status ptqk_range_merge(const struct ptqk_ctx *ctx,
                             const void *from,
                             size_t from_bytes,
                             void *state,
                             size_t state_bytes);

/**
 * Bytes of the workspace of `ptqk_range_finish`: 0 unless an aggregator is a median or leaves
 * outliers out.
 *
 * @param ctx    May be NULL.
 * @param params The parameters of the state.
 * @param bytes  Receives the size.
 */
PTQK_API
ptqk_status ptqk_range_finish_workspace_size(const struct ptqk_ctx *ctx,
                                             const struct ptqk_range_params *params,
                                             size_t *bytes);

/**
 * The minimum and the maximum of each channel over the samples so far. The state does not change
 * and can take more samples.
 *
 * Means and quantiles are f64, rounded at the end; means add the samples in their order, means
 * without outliers in ascending order. With NaN among the values of a channel its result is NaN. With
 * two samples that differ, an aggregator without outliers leaves nothing and gives 0, as NNCF.
 *
 * @param ctx             May be NULL.
 * @param state           A state with at least one sample.
 * @param state_bytes     Its size.
 * @param channels        Its number of channels.
 * @param min             Receives `channels` minima.
 * @param max             Receives `channels` maxima.
 * @param workspace       At any address; its contents do not matter before and after.
 * @param workspace_bytes Range: at least what `ptqk_range_finish_workspace_size` says.
 */
PTQK_API
ptqk_status ptqk_range_finish(const struct ptqk_ctx *ctx,
                              const void *state,
                              size_t state_bytes,
                              size_t channels,
                              float *min,
                              float *max,
                              void *workspace,
                              size_t workspace_bytes);

/**
 * Checks bytes that come from a file or another machine. The bytes of a state are refused if their
 * magic, format version, byte order or size is another, if some are missing, if a parameter lies
 * outside its range, or if the counts are none that updates give. The values are not looked at. A
 * state that was checked needs no conversion: it can be updated, merged and finished where it is.
 *
 * @param ctx         May be NULL.
 * @param state       The bytes. A multiple of 8.
 * @param state_bytes Their number. Range: at least the size of the state.
 * @param params      Receives the parameters of the state. May be NULL.
 * @param samples     Receives the number of samples that counted. May be NULL.
 */
PTQK_API
ptqk_status ptqk_range_load(const struct ptqk_ctx *ctx,
                            const void *state,
                            size_t state_bytes,
                            struct ptqk_range_params *params,
                            uint64_t *samples);

/**
 * Fills the parameters of weight compression: int8_asym per channel, weights `[out, in]`,
 * scales in f16.
 */
PTQK_API void ptqk_weight_params_default(struct ptqk_weight_params *params);

/**
 * Fills the parameters of `ptqk_resolve_group_size`: group size 128, error.
 */
PTQK_API void ptqk_group_fallback_params_default(struct ptqk_group_fallback_params *params);

/**
 * Sizes of the outputs of `ptqk_compress_weights` for weights of `rows x cols`.
 *
 * @param ctx    May be NULL.
 * @param params Not NULL. `group_size` must divide the input channels.
 * @param rows   Rows of the weights.
 * @param cols   Columns of the weights.
 * @param layout Receives the sizes.
 */
PTQK_API
ptqk_status ptqk_weight_layout_query(const struct ptqk_ctx *ctx,
                                     const struct ptqk_weight_params *params,
                                     size_t rows,
                                     size_t cols,
                                     struct ptqk_weight_layout *layout);

/**
 * Compresses weights to codes of few bits with a scale per group.
 *
 * Symmetric integer modes, of `b` bits: `scale = (|min| >= max ? |min| : -max) / 2^(b-1)`, which can be
 * negative; `code = clamp(round(w / scale), -2^(b-1), 2^(b-1)-1)`, stored with
 * `2^(b-1)` added in the 3- and 2-bit modes. Asymmetric modes: minimum and maximum widened to
 * include 0 (see `asymmetric_range`), `scale = (max - min) / (2^b - 1)`,
 * `zero_point = clamp(-round(min / scale), 0, 2^b-1)`,
 * `code = clamp(round(w / scale + zero_point), 0, 2^b-1)`. A scale below `2^-23` in magnitude
 * becomes `2^-23`. Everything is f32, rounded half to even; the codes follow from the f32 scale,
 * whatever type it is stored in. An f16 scale above 65504 in magnitude is stored as infinity.
 *
 * Float and codebook modes: `scale = amax / max`, where `amax` is the largest magnitude of the
 * group and `max` that of the codes: 1 with NF4, 6 with FP4, MXFP4 and NVFP4, 448 with E4M3, 57344
 * with E5M2, 28 with E3M2, 7.5 with E2M3, 127/64 with MXINT8, the largest magnitude of the codebook
 * otherwise. A scale below `2^-23` becomes `2^-23` (see `scale_guard`), one beyond the largest float
 * becomes that; in the MX modes it becomes a power of two (see `mx_scale`), at least `2^-127` and at
 * most `2^127`. The code is that of `w / scale`, nearest with ties to even; in a codebook by the
 * midpoints `0.5 * (c[i] + c[i+1])`, on a midpoint the lower index (NF4: by the thresholds of NNCF).
 * With NVFP4 the codes follow from the f32 scales; these are stored as E4M3 of
 * `scale / tensor_scale`, where `tensor_scale = largest scale / 448`, at least `2^-23`.
 *
 * A group that holds a NaN or an infinity, or whose width overflows, gets the scale `2^-23` and the
 * zero point 0, and the call returns `PTQK_STATUS_NOT_FINITE` with the row-major index of the first
 * such element; all other groups are right.
 *
 * Source: NNCF `compress_weights`, 3.4.0.
 *
 * @param ctx        May be NULL.
 * @param params     Not NULL.
 * @param weights    The matrix, `[out, in]` or `[in, out]` as `params->reduction_axis` says.
 * @param codes      Receives the codes; the shape of `weights`, the code type of the mode.
 * @param scale      Receives the scales: `groups` values of `params->scale_dtype`, see
 *                   `ptqk_weight_layout`.
 * @param zero_point Receives `groups` zero points in the asymmetric modes; not read otherwise,
 *                   may be NULL then.
 * @param tensor_scale Receives the scale of the matrix with NVFP4; not read otherwise, may be
 *                   NULL then.
 */
PTQK_API
ptqk_status ptqk_compress_weights(const struct ptqk_ctx *ctx,
                                  const struct ptqk_weight_params *params,
                                  const struct ptqk_matrix *weights,
                                  const struct ptqk_codes_mut *codes,
                                  void *scale,
                                  uint8_t *zero_point,
                                  float *tensor_scale);

/**
 * Turns compressed weights back into floats: `w = (code - zero_point) * scale`, or
 * `w = value(code) * scale` in the float and codebook modes, rounded to f32 once, then to the type
 * of `dst`. With NVFP4 the scale is `scale * tensor_scale`, rounded to f32. An index beyond the
 * codebook counts as the last.
 *
 * @param ctx        May be NULL.
 * @param params     The parameters of the compression.
 * @param codes      The codes.
 * @param scale      The scales, as `ptqk_compress_weights` wrote them.
 * @param zero_point The zero points; not read in the symmetric modes, may be NULL then.
 * @param tensor_scale The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
 * @param dst        Receives the weights; the shape of `codes`. Must not overlap any input.
 */
PTQK_API
ptqk_status ptqk_decompress_weights(const struct ptqk_ctx *ctx,
                                    const struct ptqk_weight_params *params,
                                    const struct ptqk_codes *codes,
                                    const void *scale,
                                    const uint8_t *zero_point,
                                    const float *tensor_scale,
                                    const struct ptqk_matrix_mut *dst);

/**
 * Distance between weights and their compressed form, with the scales as they are stored. NNCF
 * takes it with f32 scales: compress with `PTQK_DTYPE_F32` for the same numbers.
 *
 * @param ctx        May be NULL.
 * @param params     The parameters of the compression.
 * @param weights    The weights.
 * @param codes      The codes; the shape of `weights`.
 * @param scale      The scales.
 * @param zero_point The zero points; not read in the symmetric modes, may be NULL then.
 * @param tensor_scale The scale of the matrix with NVFP4; not read otherwise, may be NULL then.
 * @param error      Receives the distances; 0 if there are no weights.
 */
PTQK_API
ptqk_status ptqk_weight_error_query(const struct ptqk_ctx *ctx,
                                    const struct ptqk_weight_params *params,
                                    const struct ptqk_matrix *weights,
                                    const struct ptqk_codes *codes,
                                    const void *scale,
                                    const uint8_t *zero_point,
                                    const float *tensor_scale,
                                    struct ptqk_weight_error *error);

/**
 * What to do with a weight of `channel_size` input channels.
 *
 * If the wished group size divides `channel_size`, or is -1: compress with it. Otherwise
 * `PTQK_GROUP_FALLBACK_ERROR` refuses, `_IGNORE` answers `PTQK_GROUP_ACTION_SKIP`, and `_ADJUST`
 * takes the largest power of two that divides `channel_size`, or answers
 * `PTQK_GROUP_ACTION_BACKUP` if that is below `min_adjusted_group_size`.
 *
 * Source: NNCF `GroupSizeFallbackMode`.
 *
 * @param ctx          May be NULL.
 * @param params       Not NULL.
 * @param channel_size Input channels. Range: `>= 1`.
 * @param choice       Receives the answer.
 */
PTQK_API
ptqk_status ptqk_resolve_group_size(const struct ptqk_ctx *ctx,
                                    const struct ptqk_group_fallback_params *params,
                                    size_t channel_size,
                                    struct ptqk_group_choice *choice);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PTQK_H */
