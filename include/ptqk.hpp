/*
 * ptqk: a thin C++17 layer over ptqk.h.
 *
 *     ptqk::context ctx(0);                       // all threads of the machine
 *     auto params = ptqk::weight_params();        // the defaults
 *     params.mode = PTQK_WEIGHT_MODE_INT4_SYM;
 *     ptqk::compress_weights(ctx, params, ptqk::view(w, rows, cols), codes, scale, nullptr);
 *
 * Every function of ptqk.h is here without its prefix: the context first, structures by reference,
 * single results returned. ptqk.h says what the functions do. Any status but PTQK_STATUS_OK becomes a
 * ptqk::error; after a positive one, the outputs are as ptqk.h says.
 *
 * A context with more than one thread needs the thread library of the platform (-pthread).
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PTQK_HPP
#define PTQK_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ptqk.h"

namespace ptqk {

/* ---- Library ---- */

inline std::uint32_t version() noexcept { return ptqk_version(); }
inline const char *version_string() noexcept { return ptqk_version_string(); }
inline std::uint32_t numeric_version() noexcept { return ptqk_numeric_version(); }
inline std::uint32_t active_isa() noexcept { return ptqk_active_isa(); }
inline const char *isa_name(std::uint32_t isa) noexcept { return ptqk_isa_name(isa); }
inline const char *status_name(std::int32_t status) noexcept { return ptqk_status_name(status); }
inline const char *status_message(std::int32_t status) noexcept { return ptqk_status_message(status); }

/* ---- Failures ---- */

/** Nothing to report; what a context starts with. */
inline ptqk_detail no_detail() noexcept
{
    ptqk_detail detail;
    ptqk_detail_default(&detail);
    return detail;
}

/**
 * A status that is not PTQK_STATUS_OK. what() reads "params.group_size must divide cols (value 3)", or is
 * the message of the status if the library gave no detail.
 */
class error : public std::runtime_error {
public:
    explicit error(ptqk_status status, const ptqk_detail &detail = no_detail())
        : std::runtime_error(format(status, detail)), status_(status), detail_(detail)
    {
    }

    ptqk_status status() const noexcept { return status_; }

    /** A copy of what the library wrote; its texts are never freed. */
    const ptqk_detail &detail() const noexcept { return detail_; }

private:
    static std::string format(ptqk_status status, const ptqk_detail &detail)
    {
        if (detail.argument == nullptr) {
            return status_message(status);
        }
        std::ostringstream text;
        text << detail.argument;
        if (detail.field != nullptr) {
            text << '.' << detail.field;
        }
        text << ' ' << (detail.rule != nullptr ? detail.rule : status_message(status));
        const bool element = detail.index != PTQK_NO_INDEX;
        if (element) {
            text << " (index " << detail.index << ", value " << detail.value << ')';
        } else if (detail.field != nullptr) {
            text << " (value " << detail.value << ')';
        }
        return text.str();
    }

    ptqk_status status_;
    ptqk_detail detail_;
};

/** Allows no instruction set above `isa`, a PTQK_ISA_ constant, in all threads. */
inline void set_max_isa(std::uint32_t isa)
{
    if (const ptqk_status status = ptqk_set_max_isa(isa); status != PTQK_STATUS_OK) {
        throw error(status);
    }
}

/* ---- Context ---- */

/**
 * Threads, progress and the detail of the last failure. Cheap to make: threads are started by a call
 * that has work for them and end with it. One call at a time; threads that call the library each take a
 * context of their own.
 */
class context {
public:
    /** Hears that `done` of `total` steps are finished; the answer false cancels the call. */
    using progress_function = std::function<bool(std::uint64_t done, std::uint64_t total)>;

    /**
     * @param threads  1: serial; 0: as many as the machine has.
     * @param progress May throw: the call is cancelled, and its wrapper throws the same exception.
     */
    explicit context(unsigned threads = 1, progress_function progress = {})
        : detail_(no_detail()), progress_(std::move(progress))
    {
        if (threads == 0) {
            threads = std::max(1u, std::thread::hardware_concurrency());
        }
        ptqk_ctx_default(&ctx_);
        ctx_.user = this;
        ctx_.detail = &detail_;
        if (threads > 1) {
            threads_.reserve(threads - 1); // the caller's thread works too
            ctx_.parallel_for = parallel_for;
        }
        if (progress_) {
            ctx_.progress = report;
        }
    }

    /* The C structure points into this object. */
    context(const context &) = delete;
    context &operator=(const context &) = delete;

    /** For calls of the C functions; give their status to check(). */
    const ptqk_ctx *get() const noexcept { return &ctx_; }

    /** Throws if the last call failed. */
    void check(ptqk_status status)
    {
        const ptqk_detail detail = std::exchange(detail_, no_detail());
        const std::exception_ptr thrown = std::exchange(thrown_, nullptr);
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        if (status != PTQK_STATUS_OK) {
            throw error(status, detail);
        }
    }

private:
    static context &self(const ptqk_ctx *ctx) noexcept { return *static_cast<context *>(ctx->user); }

    static void parallel_for(const ptqk_ctx *ctx, std::size_t n, ptqk_task task, void *arg) noexcept
    {
        std::vector<std::thread> &threads = self(ctx).threads_;
        std::atomic<std::size_t> next{0};
        const auto work = [&]() noexcept {
            for (std::size_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) {
                task(arg, i);
            }
        };
        try {
            while (threads.size() < threads.capacity() && threads.size() + 1 < n) {
                threads.emplace_back(work);
            }
        } catch (const std::exception &) {
            // The system has no more threads: those that run do the work.
        }
        work();
        for (std::thread &thread : threads) {
            thread.join();
        }
        threads.clear();
    }

    /* Runs on the thread that made the call, so it needs no lock. */
    static std::int32_t report(const ptqk_ctx *ctx, std::uint64_t done, std::uint64_t total) noexcept
    {
        context &c = self(ctx);
        try {
            return c.progress_(done, total) ? 0 : 1;
        } catch (...) {
            c.thrown_ = std::current_exception();
            return 1;
        }
    }

    ptqk_ctx ctx_;
    ptqk_detail detail_;
    progress_function progress_;
    std::exception_ptr thrown_;
    std::vector<std::thread> threads_; /* its capacity is the number of helpers */
};

/* ---- Parameters, with their defaults ---- */

inline ptqk_quantize_params quantize_params() noexcept
{
    ptqk_quantize_params params;
    ptqk_quantize_params_default(&params);
    return params;
}

inline ptqk_fake_quantize_params fake_quantize_params() noexcept
{
    ptqk_fake_quantize_params params;
    ptqk_fake_quantize_params_default(&params);
    return params;
}

inline ptqk_convert_params convert_params() noexcept
{
    ptqk_convert_params params;
    ptqk_convert_params_default(&params);
    return params;
}

inline ptqk_fake_convert_params fake_convert_params() noexcept
{
    ptqk_fake_convert_params params;
    ptqk_fake_convert_params_default(&params);
    return params;
}

inline ptqk_fp8_params fp8_params() noexcept
{
    ptqk_fp8_params params;
    ptqk_fp8_params_default(&params);
    return params;
}

inline ptqk_quantization_params quantization_params() noexcept
{
    ptqk_quantization_params params;
    ptqk_quantization_params_default(&params);
    return params;
}

inline ptqk_reduce_params reduce_params() noexcept
{
    ptqk_reduce_params params;
    ptqk_reduce_params_default(&params);
    return params;
}

inline ptqk_quantile_params quantile_params() noexcept
{
    ptqk_quantile_params params;
    ptqk_quantile_params_default(&params);
    return params;
}

inline ptqk_statistics_params statistics_params() noexcept
{
    ptqk_statistics_params params;
    ptqk_statistics_params_default(&params);
    return params;
}

inline ptqk_range_estimator_params range_estimator_params() noexcept
{
    ptqk_range_estimator_params params;
    ptqk_range_estimator_params_default(&params);
    return params;
}

inline ptqk_range_params range_params() noexcept
{
    ptqk_range_params params;
    ptqk_range_params_default(&params);
    return params;
}

inline ptqk_histogram_params histogram_params() noexcept
{
    ptqk_histogram_params params;
    ptqk_histogram_params_default(&params);
    return params;
}

inline ptqk_histogram_range_params histogram_range_params() noexcept
{
    ptqk_histogram_range_params params;
    ptqk_histogram_range_params_default(&params);
    return params;
}

inline ptqk_sketch_params sketch_params() noexcept
{
    ptqk_sketch_params params;
    ptqk_sketch_params_default(&params);
    return params;
}

inline ptqk_requantize_params requantize_params() noexcept
{
    ptqk_requantize_params params;
    ptqk_requantize_params_default(&params);
    return params;
}

inline ptqk_weight_params weight_params() noexcept
{
    ptqk_weight_params params;
    ptqk_weight_params_default(&params);
    return params;
}

inline ptqk_codebook_params codebook_params() noexcept
{
    ptqk_codebook_params params;
    ptqk_codebook_params_default(&params);
    return params;
}

inline ptqk_gemm_params gemm_params() noexcept
{
    ptqk_gemm_params params;
    ptqk_gemm_params_default(&params);
    return params;
}

inline ptqk_hessian_params hessian_params(std::size_t channels) noexcept
{
    ptqk_hessian_params params;
    ptqk_hessian_params_default(&params);
    params.channels = channels;
    return params;
}

inline ptqk_gptq_params gptq_params() noexcept
{
    ptqk_gptq_params params;
    ptqk_gptq_params_default(&params);
    return params;
}

inline ptqk_gptq_outputs gptq_outputs() noexcept
{
    ptqk_gptq_outputs outputs;
    ptqk_gptq_outputs_default(&outputs);
    return outputs;
}

inline ptqk_lora_params lora_params() noexcept
{
    ptqk_lora_params params;
    ptqk_lora_params_default(&params);
    return params;
}

inline ptqk_lora_init_params lora_init_params() noexcept
{
    ptqk_lora_init_params params;
    ptqk_lora_init_params_default(&params);
    return params;
}

inline ptqk_lora_outputs lora_outputs() noexcept
{
    ptqk_lora_outputs outputs;
    ptqk_lora_outputs_default(&outputs);
    return outputs;
}

inline ptqk_group_fallback_params group_fallback_params() noexcept
{
    ptqk_group_fallback_params params;
    ptqk_group_fallback_params_default(&params);
    return params;
}

/* ---- Views ---- */

/** The stride of rows that follow each other without a gap. */
inline constexpr std::size_t dense = static_cast<std::size_t>(-1);

/** A matrix of any element type, a PTQK_DTYPE_ constant. `row_stride` counts elements. */
inline ptqk_matrix view(const void *data, std::uint32_t dtype, std::size_t rows, std::size_t cols,
                        std::size_t row_stride) noexcept
{
    return {data, rows, cols, row_stride == dense ? cols : row_stride, dtype, 0};
}

inline ptqk_matrix view(const float *data, std::size_t rows, std::size_t cols, std::size_t row_stride = dense) noexcept
{
    return view(data, PTQK_DTYPE_F32, rows, cols, row_stride);
}

/** Elements are the bits of IEEE binary16. */
inline ptqk_matrix view_f16(const std::uint16_t *data, std::size_t rows, std::size_t cols,
                            std::size_t row_stride = dense) noexcept
{
    return view(data, PTQK_DTYPE_F16, rows, cols, row_stride);
}

/** Elements are the bits of bfloat16. */
inline ptqk_matrix view_bf16(const std::uint16_t *data, std::size_t rows, std::size_t cols,
                             std::size_t row_stride = dense) noexcept
{
    return view(data, PTQK_DTYPE_BF16, rows, cols, row_stride);
}

/** A dense tensor of at most 8 axes, with elements of a PTQK_DTYPE_ constant. */
inline ptqk_tensor tensor(const void *data, std::uint32_t dtype, std::initializer_list<std::size_t> shape) noexcept
{
    ptqk_tensor result{data, dtype, static_cast<std::uint32_t>(shape.size()), {}, {}};
    std::size_t stride = 1, axis = std::min<std::size_t>(shape.size(), 8);
    std::copy_n(shape.begin(), axis, result.shape);
    while (axis-- > 0) {
        result.strides[axis] = stride;
        stride *= result.shape[axis];
    }
    return result;
}

inline ptqk_tensor tensor(const float *data, std::initializer_list<std::size_t> shape) noexcept
{
    return tensor(data, PTQK_DTYPE_F32, shape);
}

/** As view, of a matrix that is written. */
inline ptqk_matrix_mut mut_view(void *data, std::uint32_t dtype, std::size_t rows, std::size_t cols,
                                std::size_t row_stride) noexcept
{
    return {data, rows, cols, row_stride == dense ? cols : row_stride, dtype, 0};
}

inline ptqk_matrix_mut mut_view(float *data, std::size_t rows, std::size_t cols,
                                std::size_t row_stride = dense) noexcept
{
    return mut_view(data, PTQK_DTYPE_F32, rows, cols, row_stride);
}

inline ptqk_matrix_mut mut_view_f16(std::uint16_t *data, std::size_t rows, std::size_t cols,
                                    std::size_t row_stride = dense) noexcept
{
    return mut_view(data, PTQK_DTYPE_F16, rows, cols, row_stride);
}

inline ptqk_matrix_mut mut_view_bf16(std::uint16_t *data, std::size_t rows, std::size_t cols,
                                     std::size_t row_stride = dense) noexcept
{
    return mut_view(data, PTQK_DTYPE_BF16, rows, cols, row_stride);
}

/** 32-bit accumulators. */
inline ptqk_accumulators accumulators_view(const std::int32_t *data, std::size_t rows, std::size_t cols,
                                           std::size_t row_stride = dense) noexcept
{
    return {data, rows, cols, row_stride == dense ? cols : row_stride};
}

/** Bytes of a row of `cols` codes. */
inline std::size_t codes_row_bytes(std::uint32_t code_type, std::size_t cols)
{
    context ctx;
    std::size_t bytes = 0;
    ctx.check(ptqk_codes_row_bytes(ctx.get(), code_type, cols, &bytes));
    return bytes;
}

/** Codes of a PTQK_CODE_TYPE_ constant. */
inline ptqk_codes codes_view(const void *data, std::uint32_t code_type, std::size_t rows, std::size_t cols,
                             std::size_t row_stride_bytes = dense)
{
    const std::size_t stride = row_stride_bytes == dense ? codes_row_bytes(code_type, cols) : row_stride_bytes;
    return {data, rows, cols, stride, code_type, 0};
}

/** As codes_view, of codes that are written. */
inline ptqk_codes_mut mut_codes_view(void *data, std::uint32_t code_type, std::size_t rows, std::size_t cols,
                                     std::size_t row_stride_bytes = dense)
{
    const std::size_t stride = row_stride_bytes == dense ? codes_row_bytes(code_type, cols) : row_stride_bytes;
    return {data, rows, cols, stride, code_type, 0};
}

/* ---- Codes ---- */

inline void pack(context &ctx, std::uint32_t code_type, const std::uint8_t *codes, std::size_t len,
                 std::uint8_t *packed)
{
    ctx.check(ptqk_pack(ctx.get(), code_type, codes, len, packed));
}

inline void unpack(context &ctx, std::uint32_t code_type, const std::uint8_t *packed, std::size_t len,
                   std::uint8_t *codes)
{
    ctx.check(ptqk_unpack(ctx.get(), code_type, packed, len, codes));
}

/* ---- Quantization ---- */

inline void quantize(context &ctx, const ptqk_quantize_params &params, const ptqk_matrix &src, const float *scale,
                     const std::int32_t *zero_point, const ptqk_codes_mut &dst)
{
    ctx.check(ptqk_quantize(ctx.get(), &params, &src, scale, zero_point, &dst));
}

inline void dequantize(context &ctx, const ptqk_quantize_params &params, const ptqk_codes &src, const float *scale,
                       const std::int32_t *zero_point, const ptqk_matrix_mut &dst)
{
    ctx.check(ptqk_dequantize(ctx.get(), &params, &src, scale, zero_point, &dst));
}

inline void fake_quantize(context &ctx, const ptqk_fake_quantize_params &params, const ptqk_matrix &src,
                          const float *low, const float *high, const ptqk_matrix_mut &dst)
{
    ctx.check(ptqk_fake_quantize(ctx.get(), &params, &src, low, high, &dst));
}

/* ---- Between float types ---- */

inline void encode(context &ctx, const ptqk_convert_params &params, const ptqk_matrix &src, const ptqk_codes_mut &dst)
{
    ctx.check(ptqk_encode(ctx.get(), &params, &src, &dst));
}

inline void decode(context &ctx, const ptqk_codes &src, const ptqk_matrix_mut &dst)
{
    ctx.check(ptqk_decode(ctx.get(), &src, &dst));
}

inline void convert(context &ctx, const ptqk_convert_params &params, const ptqk_matrix &src, const ptqk_matrix_mut &dst)
{
    ctx.check(ptqk_convert(ctx.get(), &params, &src, &dst));
}

/** `shift` may be NULL, for 0. */
inline void fake_convert(context &ctx, const ptqk_fake_convert_params &params, const ptqk_matrix &src,
                         const float *scale, const float *shift, const ptqk_matrix_mut &dst)
{
    ctx.check(ptqk_fake_convert(ctx.get(), &params, &src, scale, shift, &dst));
}

inline void fp8_scale_from_min_max(context &ctx, const ptqk_fp8_params &params, const float *min, const float *max,
                                   std::size_t channels, float *scale)
{
    ctx.check(ptqk_fp8_scale_from_min_max(ctx.get(), &params, min, max, channels, scale));
}

/* ---- Quantizers ---- */

/** Any output may be NULL; the grid is returned. */
inline ptqk_quantizer_grid quantizer_from_min_max(context &ctx, const ptqk_quantization_params &params,
                                                  const float *min, const float *max, std::size_t channels, float *low,
                                                  float *high, float *scale, std::int32_t *zero_point)
{
    ptqk_quantizer_grid grid{};
    ctx.check(ptqk_quantizer_from_min_max(ctx.get(), &params, min, max, channels, low, high, scale, zero_point, &grid));
    return grid;
}

inline void scale_zero_point(context &ctx, const float *low, const float *high, std::size_t channels,
                             std::int32_t level_low, std::int32_t level_high, bool narrow_range, float *scale,
                             std::int32_t *zero_point)
{
    ctx.check(ptqk_scale_zero_point(ctx.get(), low, high, channels, level_low, level_high, narrow_range ? 1 : 0, scale,
                                    zero_point));
}

inline void tune_range(context &ctx, const float *low, const float *high, std::size_t channels, std::uint32_t num_bits,
                       bool unify_zero_points, float *tuned_low, float *tuned_high)
{
    ctx.check(ptqk_tune_range(ctx.get(), low, high, channels, num_bits, unify_zero_points ? 1 : 0, tuned_low,
                              tuned_high));
}

/** The ends of a range. */
struct range {
    float min, max;
};

/** {0, 0} if `count` is 0. */
inline range unify_min_max(context &ctx, const float *min, const float *max, std::size_t count)
{
    range unified{0.0f, 0.0f};
    ctx.check(ptqk_unify_min_max(ctx.get(), min, max, count, &unified.min, &unified.max));
    return unified;
}

/* ---- Reductions ---- */

inline void min_max(context &ctx, const ptqk_reduce_params &params, const ptqk_matrix &src, float *min, float *max)
{
    ctx.check(ptqk_min_max(ctx.get(), &params, &src, min, max));
}

inline void abs_max(context &ctx, const ptqk_reduce_params &params, const ptqk_matrix &src, float *result)
{
    ctx.check(ptqk_abs_max(ctx.get(), &params, &src, result));
}

inline void sum(context &ctx, const ptqk_reduce_params &params, const ptqk_matrix &src, float *result)
{
    ctx.check(ptqk_sum(ctx.get(), &params, &src, result));
}

inline void mean(context &ctx, const ptqk_reduce_params &params, const ptqk_matrix &src, float *result)
{
    ctx.check(ptqk_mean(ctx.get(), &params, &src, result));
}

inline void quantile(context &ctx, const ptqk_quantile_params &params, const ptqk_matrix &src,
                     const double *probabilities, std::size_t count, float *scratch, std::size_t scratch_len,
                     float *quantiles)
{
    ctx.check(ptqk_quantile(ctx.get(), &params, &src, probabilities, count, scratch, scratch_len, quantiles));
}

inline void variance(context &ctx, const ptqk_reduce_params &params, const ptqk_matrix &src, float *result)
{
    ctx.check(ptqk_variance(ctx.get(), &params, &src, result));
}

/* ---- Statistics of tensors ---- */

inline float mean_variance(context &ctx, const ptqk_tensor &src, std::uint32_t axis)
{
    float result = 0.0f;
    ctx.check(ptqk_mean_variance(ctx.get(), &src, axis, &result));
    return result;
}

inline float max_variance(context &ctx, const ptqk_tensor &src, std::uint32_t axis)
{
    float result = 0.0f;
    ctx.check(ptqk_max_variance(ctx.get(), &src, axis, &result));
    return result;
}

inline float mean_abs_max(context &ctx, const ptqk_tensor &src, std::uint32_t axis)
{
    float result = 0.0f;
    ctx.check(ptqk_mean_abs_max(ctx.get(), &src, axis, &result));
    return result;
}

inline void channel_mean(context &ctx, const ptqk_tensor &src, std::int32_t channel_axis, std::size_t channels, float *mean)
{
    ctx.check(ptqk_channel_mean(ctx.get(), &src, channel_axis, channels, mean));
}

inline void channel_sum(context &ctx, const ptqk_tensor &src, std::int32_t channel_axis, std::size_t channels, double *sum)
{
    ctx.check(ptqk_channel_sum(ctx.get(), &src, channel_axis, channels, sum));
}

inline void channel_sum_squares(context &ctx, const ptqk_tensor &src, std::int32_t channel_axis, std::size_t channels, double *sum)
{
    ctx.check(ptqk_channel_sum_squares(ctx.get(), &src, channel_axis, channels, sum));
}

inline double mean_square(context &ctx, const ptqk_tensor &src)
{
    double result = 0.0;
    ctx.check(ptqk_mean_square(ctx.get(), &src, &result));
    return result;
}

inline double hawq_sensitivity(context &ctx, const double *mean_squares, std::size_t count)
{
    double result = 0.0;
    ctx.check(ptqk_hawq_sensitivity(ctx.get(), mean_squares, count, &result));
    return result;
}

inline void median_mad(context &ctx, const ptqk_tensor *tensors, std::size_t count, std::int32_t channel_axis,
                       std::size_t channels, float *median, float *mad)
{
    ctx.check(ptqk_median_mad(ctx.get(), tensors, count, channel_axis, channels, median, mad));
}

inline void percentiles(context &ctx, const ptqk_tensor *tensors, std::size_t count, std::int32_t channel_axis,
                        std::size_t channels, const double *percentiles, std::size_t n, float *values)
{
    ctx.check(ptqk_percentiles(ctx.get(), tensors, count, channel_axis, channels, percentiles, n, values));
}

inline std::size_t process_stats_columns(context &ctx, std::size_t samples, std::size_t subset_size)
{
    std::size_t result = 0;
    ctx.check(ptqk_process_stats_columns(ctx.get(), samples, subset_size, &result));
    return result;
}

inline std::size_t process_stats_workspace_size(context &ctx, std::size_t samples, std::size_t subset_size)
{
    std::size_t result = 0;
    ctx.check(ptqk_process_stats_workspace_size(ctx.get(), samples, subset_size, &result));
    return result;
}

inline void process_stats(context &ctx, const ptqk_matrix &means, const std::uint64_t *token_counts,
                          std::size_t subset_size, float *importance, const ptqk_matrix_mut &x, void *workspace,
                          std::size_t workspace_bytes)
{
    ctx.check(ptqk_process_stats(ctx.get(), &means, token_counts, subset_size, importance, &x, workspace,
                                 workspace_bytes));
}

/* ---- Ranges of many tensors ---- */

inline ptqk_range_estimator_params range_estimator_preset(context &ctx, std::uint32_t preset)
{
    auto params = range_estimator_params();
    ctx.check(ptqk_range_estimator_preset(ctx.get(), preset, &params));
    return params;
}

inline ptqk_range_estimator_params range_estimator_for_scheme(context &ctx, std::uint32_t scheme,
                                                              ptqk_range_estimator_params params)
{
    ctx.check(ptqk_range_estimator_for_scheme(ctx.get(), scheme, &params));
    return params;
}

inline std::size_t range_state_size(context &ctx, const ptqk_range_params &params)
{
    std::size_t result = 0;
    ctx.check(ptqk_range_state_size(ctx.get(), &params, &result));
    return result;
}

/** States are multiples of 8: a std::vector<std::uint64_t> holds one. */
inline void range_init(context &ctx, const ptqk_range_params &params, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_range_init(ctx.get(), &params, state, state_bytes));
}

inline void range_update(context &ctx, const ptqk_tensor &tensor, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_range_update(ctx.get(), &tensor, state, state_bytes));
}

inline void range_merge(context &ctx, const void *from, std::size_t from_bytes, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_range_merge(ctx.get(), from, from_bytes, state, state_bytes));
}

inline std::size_t range_finish_workspace_size(context &ctx, const ptqk_range_params &params)
{
    std::size_t result = 0;
    ctx.check(ptqk_range_finish_workspace_size(ctx.get(), &params, &result));
    return result;
}

inline void range_finish(context &ctx, const void *state, std::size_t state_bytes, std::size_t channels, float *min,
                         float *max, void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_range_finish(ctx.get(), state, state_bytes, channels, min, max, workspace, workspace_bytes));
}

/** `params` and `samples` may be nullptr. */
inline void range_load(context &ctx, const void *state, std::size_t state_bytes, ptqk_range_params *params,
                       std::uint64_t *samples)
{
    ctx.check(ptqk_range_load(ctx.get(), state, state_bytes, params, samples));
}

/* ---- Histograms: a std::vector<std::uint64_t> holds a state ---- */

inline std::size_t histogram_state_size(context &ctx, const ptqk_histogram_params &params)
{
    std::size_t result = 0;
    ctx.check(ptqk_histogram_state_size(ctx.get(), &params, &result));
    return result;
}

inline void histogram_init(context &ctx, const ptqk_histogram_params &params, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_histogram_init(ctx.get(), &params, state, state_bytes));
}

inline std::size_t histogram_workspace_size(context &ctx, const ptqk_histogram_params &params, std::size_t rows,
                                            std::size_t cols)
{
    std::size_t result = 0;
    ctx.check(ptqk_histogram_workspace_size(ctx.get(), &params, rows, cols, &result));
    return result;
}

inline void histogram_update(context &ctx, const ptqk_matrix &src, void *state, std::size_t state_bytes,
                             void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_histogram_update(ctx.get(), &src, state, state_bytes, workspace, workspace_bytes));
}

inline void histogram_merge(context &ctx, const void *other, std::size_t other_bytes, void *state,
                            std::size_t state_bytes, void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_histogram_merge(ctx.get(), other, other_bytes, state, state_bytes, workspace, workspace_bytes));
}

/** `summary` and `counts` may be nullptr. */
inline void histogram_query(context &ctx, const void *state, std::size_t state_bytes, ptqk_histogram_summary *summary,
                            double *counts, std::size_t counts_len)
{
    ctx.check(ptqk_histogram_query(ctx.get(), state, state_bytes, summary, counts, counts_len));
}

/** `params` may be nullptr. */
inline void histogram_load(context &ctx, const void *state, std::size_t state_bytes, ptqk_histogram_params *params)
{
    ctx.check(ptqk_histogram_load(ctx.get(), state, state_bytes, params));
}

inline std::size_t histogram_range_workspace_size(context &ctx, const ptqk_histogram_range_params &params,
                                                  std::uint32_t num_bins)
{
    std::size_t result = 0;
    ctx.check(ptqk_histogram_range_workspace_size(ctx.get(), &params, num_bins, &result));
    return result;
}

inline range histogram_range(context &ctx, const ptqk_histogram_range_params &params, const void *state,
                             std::size_t state_bytes, void *workspace, std::size_t workspace_bytes)
{
    range result{};
    ctx.check(ptqk_histogram_range(ctx.get(), &params, state, state_bytes, &result.min, &result.max, workspace,
                                   workspace_bytes));
    return result;
}

/* ---- Quantile sketches: a std::vector<std::uint64_t> holds a state ---- */

inline std::size_t sketch_state_size(context &ctx, const ptqk_sketch_params &params)
{
    std::size_t result = 0;
    ctx.check(ptqk_sketch_state_size(ctx.get(), &params, &result));
    return result;
}

inline void sketch_init(context &ctx, const ptqk_sketch_params &params, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_sketch_init(ctx.get(), &params, state, state_bytes));
}

inline std::size_t sketch_workspace_size(context &ctx, const ptqk_sketch_params &params)
{
    std::size_t result = 0;
    ctx.check(ptqk_sketch_workspace_size(ctx.get(), &params, &result));
    return result;
}

inline void sketch_update(context &ctx, const ptqk_matrix &src, void *state, std::size_t state_bytes, void *workspace,
                          std::size_t workspace_bytes)
{
    ctx.check(ptqk_sketch_update(ctx.get(), &src, state, state_bytes, workspace, workspace_bytes));
}

inline void sketch_merge(context &ctx, const void *other, std::size_t other_bytes, void *state, std::size_t state_bytes,
                         void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_sketch_merge(ctx.get(), other, other_bytes, state, state_bytes, workspace, workspace_bytes));
}

/** `summary` may be nullptr. */
inline void sketch_query(context &ctx, const void *state, std::size_t state_bytes, ptqk_sketch_summary *summary,
                         const double *probabilities, std::size_t count, double *quantiles)
{
    ctx.check(ptqk_sketch_query(ctx.get(), state, state_bytes, summary, probabilities, count, quantiles));
}

/** `params` may be nullptr. */
inline void sketch_load(context &ctx, const void *state, std::size_t state_bytes, ptqk_sketch_params *params)
{
    ctx.check(ptqk_sketch_load(ctx.get(), state, state_bytes, params));
}

/* ---- Requantization ---- */

inline void requantize(context &ctx, const ptqk_requantize_params &params, const ptqk_accumulators &src,
                       const float *scale, const ptqk_codes_mut &dst)
{
    ctx.check(ptqk_requantize(ctx.get(), &params, &src, scale, &dst));
}

inline void requantize_fixed(context &ctx, const ptqk_requantize_params &params, const ptqk_accumulators &src,
                             const std::int32_t *multiplier, const std::int32_t *shift, const ptqk_codes_mut &dst)
{
    ctx.check(ptqk_requantize_fixed(ctx.get(), &params, &src, multiplier, shift, &dst));
}

/** A scale as `multiplier * 2^(shift - 31)`. */
struct fixed_scale {
    std::int32_t multiplier, shift;
};

inline fixed_scale quantize_multiplier(context &ctx, double scale)
{
    fixed_scale fixed{0, 0};
    ctx.check(ptqk_quantize_multiplier(ctx.get(), scale, &fixed.multiplier, &fixed.shift));
    return fixed;
}

/* ---- Weight compression ---- */

inline ptqk_weight_layout weight_layout_query(context &ctx, const ptqk_weight_params &params, std::size_t rows,
                                              std::size_t cols)
{
    ptqk_weight_layout layout{};
    ctx.check(ptqk_weight_layout_query(ctx.get(), &params, rows, cols, &layout));
    return layout;
}

/**
 * Throws also if a weight is not finite: PTQK_STATUS_NOT_FINITE, all other groups are written.
 *
 * Asymmetric modes have zero points; the scale of the matrix, which belongs to NVFP4, comes last here.
 */
inline void compress_weights(context &ctx, const ptqk_weight_params &params, const ptqk_matrix &weights,
                             const ptqk_codes_mut &codes, void *scale, std::uint8_t *zero_point = nullptr,
                             float *tensor_scale = nullptr)
{
    ctx.check(ptqk_compress_weights(ctx.get(), &params, &weights, &codes, scale, zero_point, tensor_scale));
}

inline void decompress_weights(context &ctx, const ptqk_weight_params &params, const ptqk_codes &codes,
                               const void *scale, const std::uint8_t *zero_point, const ptqk_matrix_mut &dst,
                               const float *tensor_scale = nullptr)
{
    ctx.check(ptqk_decompress_weights(ctx.get(), &params, &codes, scale, zero_point, tensor_scale, &dst));
}

inline ptqk_weight_error weight_error_query(context &ctx, const ptqk_weight_params &params, const ptqk_matrix &weights,
                                            const ptqk_codes &codes, const void *scale,
                                            const std::uint8_t *zero_point = nullptr,
                                            const float *tensor_scale = nullptr)
{
    ptqk_weight_error result{};
    ctx.check(ptqk_weight_error_query(ctx.get(), &params, &weights, &codes, scale, zero_point, tensor_scale, &result));
    return result;
}

/** `activations` may be nullptr, as in ptqk.h. */
inline std::size_t estimate_codebook_workspace_size(context &ctx, const ptqk_codebook_params &params,
                                                    const ptqk_matrix *weights, const ptqk_matrix *activations,
                                                    std::size_t count)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_estimate_codebook_workspace_size(ctx.get(), &params, weights, activations, count, &bytes));
    return bytes;
}

/** `importance` and `activations` may be nullptr. Throws also if an element is not finite. */
inline void estimate_codebook(context &ctx, const ptqk_codebook_params &params, const ptqk_matrix *weights,
                              const float *const *importance, const ptqk_matrix *activations, std::size_t count,
                              void *workspace, std::size_t workspace_bytes, float *codebook)
{
    ctx.check(ptqk_estimate_codebook(ctx.get(), &params, weights, importance, activations, count, workspace,
                                     workspace_bytes, codebook));
}

inline ptqk_group_choice resolve_group_size(context &ctx, const ptqk_group_fallback_params &params,
                                            std::size_t channel_size)
{
    ptqk_group_choice choice{};
    ctx.check(ptqk_resolve_group_size(ctx.get(), &params, channel_size, &choice));
    return choice;
}

/* ---- Products ---- */

inline std::size_t gemm_workspace_size(context &ctx, const ptqk_gemm_params &params, std::size_t rows,
                                       std::size_t cols, std::size_t depth)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_gemm_workspace_size(ctx.get(), &params, rows, cols, depth, &bytes));
    return bytes;
}

inline void gemm(context &ctx, const ptqk_gemm_params &params, const ptqk_matrix &a, const ptqk_matrix &b,
                 const ptqk_matrix_mut &c, void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_gemm(ctx.get(), &params, &a, &b, &c, workspace, workspace_bytes));
}

/* ---- GPTQ: a std::vector<std::uint64_t> holds a Hessian's state ---- */

inline std::size_t hessian_state_size(context &ctx, const ptqk_hessian_params &params)
{
    std::size_t result = 0;
    ctx.check(ptqk_hessian_state_size(ctx.get(), &params, &result));
    return result;
}

inline void hessian_init(context &ctx, const ptqk_hessian_params &params, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_hessian_init(ctx.get(), &params, state, state_bytes));
}

inline std::size_t hessian_workspace_size(context &ctx, const ptqk_hessian_params &params, std::size_t tokens)
{
    std::size_t result = 0;
    ctx.check(ptqk_hessian_workspace_size(ctx.get(), &params, tokens, &result));
    return result;
}

inline void hessian_update(context &ctx, const ptqk_matrix &activations, std::size_t items, void *state,
                           std::size_t state_bytes, void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_hessian_update(ctx.get(), &activations, items, state, state_bytes, workspace, workspace_bytes));
}

inline void hessian_merge(context &ctx, const void *from, std::size_t from_bytes, void *state, std::size_t state_bytes)
{
    ctx.check(ptqk_hessian_merge(ctx.get(), from, from_bytes, state, state_bytes));
}

inline void hessian_finish(context &ctx, const void *state, std::size_t state_bytes, const ptqk_matrix_mut &hessian)
{
    ctx.check(ptqk_hessian_finish(ctx.get(), state, state_bytes, &hessian));
}

/** `params` and `summary` may be nullptr. */
inline void hessian_load(context &ctx, const void *state, std::size_t state_bytes, ptqk_hessian_params *params,
                         ptqk_hessian_summary *summary = nullptr)
{
    ctx.check(ptqk_hessian_load(ctx.get(), state, state_bytes, params, summary));
}

inline ptqk_gptq_params gptq_params(context &ctx, std::uint32_t preset)
{
    ptqk_gptq_params params;
    ctx.check(ptqk_gptq_params_preset(ctx.get(), preset, &params));
    return params;
}

inline std::size_t gptq_workspace_size(context &ctx, const ptqk_gptq_params &params, std::size_t rows,
                                       std::size_t cols)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_gptq_workspace_size(ctx.get(), &params, rows, cols, &bytes));
    return bytes;
}

/** Throws also if the weights or the Hessian are not finite, and if no damping helps. */
inline ptqk_gptq_report gptq(context &ctx, const ptqk_gptq_params &params, const ptqk_matrix &weights,
                             const ptqk_matrix &hessian, const ptqk_gptq_outputs &outputs, void *workspace,
                             std::size_t workspace_bytes)
{
    ptqk_gptq_report report{};
    ctx.check(ptqk_gptq(ctx.get(), &params, &weights, &hessian, &outputs, &report, workspace, workspace_bytes));
    return report;
}

/* ---- Low-rank correction ---- */

inline std::size_t lora_workspace_size(context &ctx, const ptqk_lora_params &params, std::size_t rows,
                                       std::size_t cols, std::size_t samples)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_lora_workspace_size(ctx.get(), &params, rows, cols, samples, &bytes));
    return bytes;
}

/** What the compressed weights lack may be nullptr, and so may `token_counts` if all samples are taken. Throws also
    if the weights, the means or the scales are not finite. */
inline ptqk_lora_report lora_correction(context &ctx, const ptqk_lora_params &params, const ptqk_matrix &weights,
                                        const ptqk_codes &codes, const void *scale, const std::uint8_t *zero_point,
                                        const float *tensor_scale, const ptqk_matrix &means,
                                        const std::uint64_t *token_counts, const ptqk_lora_outputs &outputs,
                                        void *workspace, std::size_t workspace_bytes)
{
    ptqk_lora_report report{};
    ctx.check(ptqk_lora_correction(ctx.get(), &params, &weights, &codes, scale, zero_point, tensor_scale, &means,
                                   token_counts, &outputs, &report, workspace, workspace_bytes));
    return report;
}

inline std::size_t lora_init_workspace_size(context &ctx, const ptqk_lora_init_params &params, std::size_t rows,
                                            std::size_t cols)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_lora_init_workspace_size(ctx.get(), &params, rows, cols, &bytes));
    return bytes;
}

/** What the compressed weights lack may be nullptr, and `weights` with PTQK_LORA_INIT_KIND_RANDOM. Throws also if
    the weights or the scales are not finite. */
inline void lora_init(context &ctx, const ptqk_lora_init_params &params, const ptqk_matrix *weights,
                      const ptqk_codes &codes, const void *scale, const std::uint8_t *zero_point,
                      const float *tensor_scale, const ptqk_matrix_mut &a, const ptqk_matrix_mut &b, void *workspace,
                      std::size_t workspace_bytes)
{
    ctx.check(ptqk_lora_init(ctx.get(), &params, weights, &codes, scale, zero_point, tensor_scale, &a, &b, workspace,
                             workspace_bytes));
}

inline std::size_t lora_apply_workspace_size(context &ctx, const ptqk_lora_adapter *adapters,
                                             std::size_t adapter_count, std::size_t rows)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_lora_apply_workspace_size(ctx.get(), adapters, adapter_count, rows, &bytes));
    return bytes;
}

inline void lora_apply(context &ctx, const ptqk_lora_adapter *adapters, std::size_t adapter_count,
                       const ptqk_lora_segment *segments, std::size_t segment_count, const ptqk_matrix &x,
                       const ptqk_matrix_mut &y, void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_lora_apply(ctx.get(), adapters, adapter_count, segments, segment_count, &x, &y, workspace,
                              workspace_bytes));
}

inline std::size_t lora_merge_workspace_size(context &ctx, const ptqk_lora_adapter &adapter, std::size_t rows)
{
    std::size_t bytes = 0;
    ctx.check(ptqk_lora_merge_workspace_size(ctx.get(), &adapter, rows, &bytes));
    return bytes;
}

inline void lora_merge(context &ctx, const ptqk_lora_adapter &adapter, bool subtract, const ptqk_matrix_mut &weights,
                       void *workspace, std::size_t workspace_bytes)
{
    ctx.check(ptqk_lora_merge(ctx.get(), &adapter, subtract ? 1 : 0, &weights, workspace, workspace_bytes));
}

} // namespace ptqk

#endif /* PTQK_HPP */
