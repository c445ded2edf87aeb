// Checks of ptqk.hpp: texts of errors, exceptions of a progress function, cancelling, views.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "ptqk.hpp"

namespace {

#define REQUIRE(condition)                                               \
    do {                                                                 \
        if (!(condition)) {                                              \
            std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            std::exit(1);                                                \
        }                                                                \
    } while (0)

// Large enough that a call reports its progress more than once.
constexpr std::size_t rows = 2048, cols = 4096;

/// The error that `call` throws.
template <class Call>
ptqk::error failure(Call call)
{
    try {
        call();
    } catch (const ptqk::error &error) {
        return error;
    }
    return ptqk::error(PTQK_STATUS_OK);
}

void quantize(ptqk::context &ctx, const std::vector<float> &src, float scale, std::vector<std::int8_t> &codes)
{
    ptqk::quantize(ctx, ptqk::quantize_params(), ptqk::view(src.data(), rows, cols), &scale, nullptr,
                   ptqk::mut_codes_view(codes.data(), PTQK_CODE_TYPE_I8, rows, cols));
}

void errors_have_a_text(std::vector<float> src, std::vector<std::int8_t> codes)
{
    ptqk::context ctx;
    auto error = failure([&] { quantize(ctx, src, 0.0f, codes); });
    REQUIRE(error.status() == PTQK_STATUS_INVALID_PARAMETER);
    REQUIRE(std::strcmp(error.detail().argument, "scale") == 0 && error.detail().index == 0);
    REQUIRE(std::string(error.what()) == "scale must be finite and not 0 (index 0, value 0)");

    error = failure([&] { ptqk::codes_row_bytes(77, 1); });
    REQUIRE(std::string(error.what()).find("code_type must be a PTQK_CODE_TYPE constant") == 0);

    error = failure([] { ptqk::set_max_isa(77); });
    REQUIRE(std::string(error.what()) == ptqk::status_message(PTQK_STATUS_INVALID_PARAMETER));

    // A positive status throws too; the other groups are written.
    src[5] = std::numeric_limits<float>::quiet_NaN();
    std::vector<std::uint8_t> weights(rows * cols), zero_points(rows);
    std::vector<std::uint16_t> scale(rows);
    error = failure([&] {
        ptqk::compress_weights(ctx, ptqk::weight_params(), ptqk::view(src.data(), rows, cols),
                               ptqk::mut_codes_view(weights.data(), PTQK_CODE_TYPE_U8, rows, cols), scale.data(),
                               zero_points.data());
    });
    REQUIRE(error.status() == PTQK_STATUS_NOT_FINITE && error.detail().index == 5);

    // The failure is forgotten by the next call.
    quantize(ctx, src, 1.0f, codes);
}

void progress_can_stop_a_call(const std::vector<float> &src, std::vector<std::int8_t> codes)
{
    ptqk::context cancelling(3, [](std::uint64_t, std::uint64_t) { return false; });
    REQUIRE(failure([&] { quantize(cancelling, src, 1.0f, codes); }).status() == PTQK_STATUS_CANCELLED);

    ptqk::context throwing(3, [](std::uint64_t, std::uint64_t) -> bool { throw std::string("mine"); });
    std::string caught;
    try {
        quantize(throwing, src, 1.0f, codes);
    } catch (const std::string &thrown) {
        caught = thrown;
    }
    REQUIRE(caught == "mine");
}

// The scale of the matrix is an argument that only NVFP4 has; a codebook is refused by its name.
void float_modes_have_their_arguments(const std::vector<float> &src)
{
    ptqk::context ctx;
    auto params = ptqk::weight_params();
    params.mode = PTQK_WEIGHT_MODE_NVFP4;
    params.group_size = 16;
    const auto layout = ptqk::weight_layout_query(ctx, params, rows, cols);
    REQUIRE(layout.tensor_scale_bytes == sizeof(float));
    std::vector<std::uint8_t> codes(layout.code_bytes), scale(layout.scale_bytes);
    float tensor_scale = 0.0f;
    const auto weights = ptqk::view(src.data(), rows, cols);
    const auto written = ptqk::mut_codes_view(codes.data(), layout.code_type, rows, cols);
    const auto read = ptqk::codes_view(codes.data(), layout.code_type, rows, cols);
    ptqk::compress_weights(ctx, params, weights, written, scale.data(), nullptr, &tensor_scale);
    REQUIRE(tensor_scale > 0.0f);
    const auto lost = ptqk::weight_error_query(ctx, params, weights, read, scale.data(), nullptr, &tensor_scale);
    REQUIRE(lost.frobenius > 0.0f);
    std::vector<float> restored(rows * cols);
    const auto out = ptqk::mut_view(restored.data(), rows, cols);
    ptqk::decompress_weights(ctx, params, read, scale.data(), nullptr, out, &tensor_scale);
    REQUIRE(restored[0] < -100.0f && restored[127] == 0.0f);
    auto error = failure([&] { ptqk::compress_weights(ctx, params, weights, written, scale.data()); });
    REQUIRE(std::strcmp(error.detail().argument, "tensor_scale") == 0);

    params.mode = PTQK_WEIGHT_MODE_CODEBOOK;
    const float values[] = {-1.0f, 0.0f, 0.0f};
    params.codebook = values;
    params.codebook_size = 3;
    std::vector<float> scales(rows * cols / 16);
    params.scale_dtype = PTQK_DTYPE_F32;
    const auto indices = ptqk::mut_codes_view(codes.data(), PTQK_CODE_TYPE_U4, rows, cols);
    error = failure([&] { ptqk::compress_weights(ctx, params, weights, indices, scales.data()); });
    REQUIRE(std::string(error.what()) ==
            "params.codebook must be in strictly ascending order (index 2, value 0)");
}

void a_codebook_is_estimated(const std::vector<float> &src)
{
    ptqk::context ctx;
    const auto params = ptqk::codebook_params();
    const auto weights = ptqk::view(src.data(), rows, cols);
    std::vector<std::uint8_t> workspace(ptqk::estimate_codebook_workspace_size(ctx, params, &weights, nullptr, 1));
    std::vector<float> codebook(params.num_elements);
    ptqk::estimate_codebook(ctx, params, &weights, nullptr, nullptr, 1, workspace.data(), workspace.size(),
                            codebook.data());
    REQUIRE(codebook[0] < 0.0f && std::is_sorted(codebook.begin(), codebook.end()));
    const auto error = failure([&] {
        ptqk::estimate_codebook(ctx, params, &weights, nullptr, nullptr, 1, workspace.data(), 1, codebook.data());
    });
    REQUIRE(std::strcmp(error.detail().argument, "workspace_bytes") == 0);
}

void floats_become_codes(const std::vector<float> &src)
{
    ptqk::context ctx;
    std::vector<std::uint8_t> codes(rows * cols);
    std::vector<std::uint16_t> halves(rows * cols);
    std::vector<float> restored(rows * cols), cast(rows * cols);
    const auto weights = ptqk::view(src.data(), rows, cols);
    ptqk::encode(ctx, ptqk::convert_params(), weights, ptqk::mut_codes_view(codes.data(), PTQK_CODE_TYPE_E4M3, rows, cols));
    ptqk::decode(ctx, ptqk::codes_view(codes.data(), PTQK_CODE_TYPE_E4M3, rows, cols),
                 ptqk::mut_view(restored.data(), rows, cols));
    REQUIRE(restored[0] == -128.0f && restored[127] == 0.0f && restored[128] == 1.0f);
    const float scale = 1.0f, low = -127.0f, high = 127.0f;
    ptqk::fake_convert(ctx, ptqk::fake_convert_params(), weights, &scale, nullptr, ptqk::mut_view(cast.data(), rows, cols));
    REQUIRE(cast == restored);
    ptqk::convert(ctx, ptqk::convert_params(), weights, ptqk::mut_view_f16(halves.data(), rows, cols));
    REQUIRE(halves[128] == 0x3C00);
    float best = 0.0f;
    auto params = ptqk::fp8_params();
    params.per_channel = 1;
    ptqk::fp8_scale_from_min_max(ctx, params, &low, &high, 1, &best);
    REQUIRE(best > 3.5f && best < 3.6f);
    const auto error = failure([&] {
        ptqk::encode(ctx, ptqk::convert_params(), weights, ptqk::mut_codes_view(codes.data(), PTQK_CODE_TYPE_I8, rows, cols));
    });
    REQUIRE(std::string(error.what()).find("dst.code_type must be ") == 0);
}

void matrices_are_multiplied()
{
    ptqk::context ctx;
    const float a[6] = {1, 2, 3, 4, 5, 6};
    float c[4] = {0, 0, 0, 0};
    auto params = ptqk::gemm_params();
    params.transpose_b = 1;
    std::vector<std::uint8_t> workspace(ptqk::gemm_workspace_size(ctx, params, 2, 2, 3));
    const auto view = ptqk::view(a, 2, 3);
    ptqk::gemm(ctx, params, view, view, ptqk::mut_view(c, 2, 2), workspace.data(), workspace.size());
    REQUIRE(c[0] == 14 && c[1] == 32 && c[2] == 32 && c[3] == 77);
    const auto error = failure([&] {
        ptqk::gemm(ctx, params, view, view, ptqk::mut_view(c, 2, 2), workspace.data(), 1);
    });
    REQUIRE(std::string(error.what()).find("workspace_bytes must be at least") == 0);
}

void weights_are_solved()
{
    ptqk::context ctx;
    const std::vector<float> x = {1, 0, 0, 0, 0, 1, 1, 1, 0, 2, 0, 1};
    const auto hessian_params = ptqk::hessian_params(4);
    std::vector<std::uint64_t> state(ptqk::hessian_state_size(ctx, hessian_params) / 8);
    const std::size_t state_bytes = state.size() * 8;
    ptqk::hessian_init(ctx, hessian_params, state.data(), state_bytes);
    std::vector<std::uint8_t> room(ptqk::hessian_workspace_size(ctx, hessian_params, 3));
    ptqk::hessian_update(ctx, ptqk::view(x.data(), 3, 4), 1, state.data(), state_bytes, room.data(), room.size());
    auto both = state;
    ptqk::hessian_merge(ctx, state.data(), state_bytes, both.data(), state_bytes);
    ptqk_hessian_params found{};
    ptqk_hessian_summary seen{};
    ptqk::hessian_load(ctx, both.data(), state_bytes, &found, &seen);
    REQUIRE(found.channels == 4 && seen.items == 2 && seen.tokens == 6);
    std::vector<float> hessian(16);
    ptqk::hessian_finish(ctx, both.data(), state_bytes, ptqk::mut_view(hessian.data(), 4, 4));
    REQUIRE(hessian[0] == 2 && hessian[5] == 10 && hessian[6] == 2 && hessian[9] == 2);

    auto params = ptqk::gptq_params();
    REQUIRE(ptqk::gptq_params(ctx, PTQK_GPTQ_PRESET_NNCF).passes == 0);
    params.weights.group_size = 4;
    const float weights[8] = {0.3f, -0.8f, 0.5f, 0.1f, 1, -1, 0.25f, 0};
    std::uint8_t codes[4];
    std::uint16_t scale[2];
    float values[8];
    auto outputs = ptqk::gptq_outputs();
    outputs.codes = ptqk::mut_codes_view(codes, PTQK_CODE_TYPE_I4, 2, 4);
    outputs.scale = scale;
    outputs.dequantized = ptqk::mut_view(values, 2, 4);
    std::vector<std::uint8_t> workspace(ptqk::gptq_workspace_size(ctx, params, 2, 4));
    const auto view = ptqk::view(weights, 2, 4), square = ptqk::view(hessian.data(), 4, 4);
    const auto report = ptqk::gptq(ctx, params, view, square, outputs, workspace.data(), workspace.size());
    REQUIRE(report.loss >= 0 && report.redamps == 0 && report.damping > 0);
    float restored[8];
    ptqk::decompress_weights(ctx, params.weights, ptqk::codes_view(codes, PTQK_CODE_TYPE_I4, 2, 4), scale, nullptr,
                             ptqk::mut_view(restored, 2, 4));
    for (int i = 0; i < 8; i++) REQUIRE(restored[i] == values[i] && std::fabs(values[i] - weights[i]) < 0.2f);

    auto correction = ptqk::lora_params();
    correction.weights = params.weights;
    correction.adapter_rank = 1;
    correction.use_int8_adapters = 0;
    const float means[8] = {1, 0.5f, 2, -1, 0.25f, 1, -1, 0};
    float a[4], b[2];
    auto adapters = ptqk::lora_outputs();
    adapters.a = ptqk::mut_view(a, 1, 4);
    adapters.b = ptqk::mut_view(b, 2, 1);
    std::vector<std::uint8_t> memory(ptqk::lora_workspace_size(ctx, correction, 2, 4, 2));
    const auto corrected = ptqk::lora_correction(ctx, correction, view, ptqk::codes_view(codes, PTQK_CODE_TYPE_I4, 2, 4),
                                                 scale, nullptr, nullptr, ptqk::view(means, 2, 4), nullptr, adapters,
                                                 memory.data(), memory.size());
    REQUIRE(corrected.samples == 2 && corrected.noise_after <= corrected.noise_before);
    ptqk_lora_adapter pair{};
    pair.a.values = ptqk::view(a, 1, 4);
    pair.b.values = ptqk::view(b, 2, 1);
    pair.scale = 0.5f;
    const ptqk_lora_segment all{0, 0, 2};
    float y[4] = {1, 1, 1, 1};
    std::vector<std::uint8_t> inner(ptqk::lora_apply_workspace_size(ctx, &pair, 1, 2));
    ptqk::lora_apply(ctx, &pair, 1, &all, 1, ptqk::view(means, 2, 4), ptqk::mut_view(y, 2, 2), inner.data(), inner.size());
    const float first = a[0] * means[0] + a[1] * means[1] + a[2] * means[2] + a[3] * means[3];
    REQUIRE(std::fabs(y[0] - (1 + 0.5f * first * b[0])) < 1e-4f);
    float dense[8] = {};
    std::vector<std::uint8_t> scaled(ptqk::lora_merge_workspace_size(ctx, pair, 2));
    ptqk::lora_merge(ctx, pair, false, ptqk::mut_view(dense, 2, 4), scaled.data(), scaled.size());
    REQUIRE(std::fabs(dense[5] - 0.5f * b[1] * a[1]) < 1e-6f);
    ptqk::lora_merge(ctx, pair, true, ptqk::mut_view(dense, 2, 4), scaled.data(), scaled.size());
    REQUIRE(std::fabs(dense[5]) < 1e-6f);

    auto start = ptqk::lora_init_params();
    start.weights = params.weights;
    start.adapter_rank = 2;
    float first_a[8], first_b[4];
    std::vector<std::uint8_t> space(ptqk::lora_init_workspace_size(ctx, start, 2, 4));
    const auto stored = ptqk::codes_view(codes, PTQK_CODE_TYPE_I4, 2, 4);
    ptqk::lora_init(ctx, start, &view, stored, scale, nullptr, nullptr, ptqk::mut_view(first_a, 2, 4),
                    ptqk::mut_view(first_b, 2, 2), space.data(), space.size());
    for (int i = 0; i < 8; i++) {
        const float got = first_b[i / 4 * 2] * first_a[i % 4] + first_b[i / 4 * 2 + 1] * first_a[4 + i % 4];
        REQUIRE(std::fabs(got - (weights[i] - restored[i])) < 1e-5f);
    }

    hessian[1] = std::nanf("");
    const auto error = failure([&] { ptqk::gptq(ctx, params, view, square, outputs, workspace.data(), 1 << 20); });
    REQUIRE(std::string(error.what()).find("hessian") == 0);
}

void strides_are_kept(const std::vector<float> &src)
{
    REQUIRE(ptqk::view(src.data(), 2, 3).row_stride == 3);
    REQUIRE(ptqk::view(src.data(), 2, 3, 9).row_stride == 9);
    REQUIRE(ptqk::view_bf16(nullptr, 0, 3).dtype == PTQK_DTYPE_BF16);
    REQUIRE(ptqk::codes_view(src.data(), PTQK_CODE_TYPE_I4, 2, 7).row_stride_bytes == 4);
    REQUIRE(ptqk::codes_view(src.data(), PTQK_CODE_TYPE_I4, 2, 7, 8).row_stride_bytes == 8);
}

} // namespace

int main()
{
    std::vector<float> src(rows * cols);
    for (std::size_t i = 0; i < src.size(); i++) {
        src[i] = static_cast<float>(i % 255) - 127.0f;
    }
    std::vector<std::int8_t> codes(src.size()), threaded(src.size());
    errors_have_a_text(src, codes);
    progress_can_stop_a_call(src, codes);
    float_modes_have_their_arguments(src);
    a_codebook_is_estimated(src);
    floats_become_codes(src);
    matrices_are_multiplied();
    weights_are_solved();
    strides_are_kept(src);

    ptqk::context serial, threads(0);
    quantize(serial, src, 1.0f, codes);
    quantize(threads, src, 1.0f, threaded);
    REQUIRE(codes == threaded && codes[0] == -127 && codes[254] == 127);
    return 0;
}
