/*
 * The C++ layer: views, threads, progress, exceptions. A matrix becomes 4-bit codes and floats again;
 * the bytes are the same with one thread and with four.
 */
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

#include "ptqk.hpp"

namespace {

constexpr std::size_t rows = 512, cols = 2048, group = 128;

std::vector<float> waves()
{
    std::vector<float> weights(rows * cols);
    for (std::size_t i = 0; i < weights.size(); i++) {
        const double x = static_cast<double>(i);
        weights[i] = static_cast<float>(std::sin(0.01 * x) + 0.3 * std::cos(1.7 * x));
    }
    return weights;
}

ptqk_weight_params four_bits()
{
    auto params = ptqk::weight_params();
    params.mode = PTQK_WEIGHT_MODE_INT4_SYM;
    params.group_size = group;
    params.scale_dtype = PTQK_DTYPE_F32;
    return params;
}

struct compressed {
    std::vector<std::uint8_t> codes;
    std::vector<float> scale;
};

compressed compress(ptqk::context &ctx, const std::vector<float> &weights)
{
    const auto params = four_bits();
    const auto layout = ptqk::weight_layout_query(ctx, params, rows, cols);
    compressed result{std::vector<std::uint8_t>(layout.code_bytes), std::vector<float>(layout.groups)};
    const auto codes = ptqk::mut_codes_view(result.codes.data(), layout.code_type, rows, cols);
    ptqk::compress_weights(ctx, params, ptqk::view(weights.data(), rows, cols), codes, result.scale.data(), nullptr);
    return result;
}

/* In steps of the group. The largest weight may lack a code and be a whole step off. */
double largest_error(ptqk::context &ctx, const std::vector<float> &weights, const compressed &c)
{
    std::vector<float> restored(rows * cols);
    const auto codes = ptqk::codes_view(c.codes.data(), PTQK_CODE_TYPE_I4, rows, cols);
    ptqk::decompress_weights(ctx, four_bits(), codes, c.scale.data(), nullptr,
                             ptqk::mut_view(restored.data(), rows, cols));
    double largest = 0.0;
    for (std::size_t i = 0; i < weights.size(); i++) {
        const double error = static_cast<double>(weights[i]) - static_cast<double>(restored[i]);
        largest = std::fmax(largest, std::fabs(error / static_cast<double>(c.scale[i / group])));
    }
    return largest;
}

void require(bool holds, const char *what)
{
    if (!holds) throw std::logic_error(what);
}

} // namespace

int main()
try {
    const auto weights = waves();
    std::uint64_t steps = 0;
    ptqk::context serial, threaded(4, [&](std::uint64_t done, std::uint64_t) { return steps = done, true; });
    const auto one = compress(serial, weights), four = compress(threaded, weights);
    require(one.codes == four.codes && one.scale == four.scale, "threads change the result");
    require(steps > 0, "nobody heard of the progress");
    const double worst = largest_error(threaded, weights, one);
    std::printf("4 bits: the largest error is %.3f of a step\n", worst);
    require(worst > 0.0 && worst < 1.001, "the error is not what rounding gives");

    try {
        auto wrong = four_bits();
        wrong.group_size = 3;
        ptqk::weight_layout_query(serial, wrong, rows, cols);
        require(false, "a group size that does not divide the columns was taken");
    } catch (const ptqk::error &refusal) {
        std::printf("refused: %s\n", refusal.what());
        require(refusal.status() == PTQK_STATUS_INVALID_PARAMETER, "an unexpected status");
    }
    return 0;
} catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
