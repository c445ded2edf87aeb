// Checks of ptqk.hpp: texts of errors, exceptions of a progress function, cancelling, views.
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
    strides_are_kept(src);

    ptqk::context serial, threads(0);
    quantize(serial, src, 1.0f, codes);
    quantize(threads, src, 1.0f, threaded);
    REQUIRE(codes == threaded && codes[0] == -127 && codes[254] == 127);
    return 0;
}
