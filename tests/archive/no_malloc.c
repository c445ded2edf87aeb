/*
 * The library does not allocate: while its functions run, every function of the malloc family aborts.
 * With the argument "control" the program calls malloc in their place, and must not survive it.
 */
#include <stdlib.h>
#include <string.h>

#include "ptqk.h"

enum { ROWS = 96, COLS = 4096, GROUP = 64, ELEMENTS = ROWS * COLS };

/* What the C library itself takes at its start and end. */
static union {
    long double alignment;
    unsigned char bytes[1 << 20];
} heap;
static size_t used;
static volatile int armed;

static void *allocate(size_t size)
{
    if (armed || size > sizeof heap.bytes - used) {
        abort();
    }
    void *const block = heap.bytes + used;
    used += (size + 15) / 16 * 16;
    return block;
}

void *malloc(size_t size) { return allocate(size); }
void *calloc(size_t count, size_t size) { return allocate(count * size); }
void *aligned_alloc(size_t alignment, size_t size) { return alignment <= 16 ? allocate(size) : NULL; }

void *realloc(void *old, size_t size)
{
    void *const block = allocate(size);
    return old == NULL ? block : memmove(block, old, size);
}

void free(void *block)
{
    (void)block;
    if (armed) {
        abort();
    }
}

static float source[ELEMENTS], restored[ELEMENTS], scale[ELEMENTS / GROUP], low[ROWS], high[ROWS], min[ROWS], max[ROWS];
static int32_t accumulators[ELEMENTS], zero_point[ROWS];
static uint8_t codes[ELEMENTS], zero_points[ELEMENTS / GROUP], block_scale[ELEMENTS / 16];
static float tensor_scale;

static int ok = 1;

static void check(ptqk_status status)
{
    ok = ok && status == PTQK_STATUS_OK;
}

/* Every family of functions, with every tier of instructions. */
static void call_the_library(const ptqk_ctx *ctx)
{
    const ptqk_matrix src = {source, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut out = {restored, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
    const ptqk_codes_mut written = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_U8, 0};
    const ptqk_codes read = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_U8, 0};
    const ptqk_accumulators acc = {accumulators, ROWS, COLS, COLS};
    ptqk_reduce_params reduce;
    ptqk_quantization_params quantizer;
    ptqk_quantize_params quantize;
    ptqk_fake_quantize_params fake;
    ptqk_requantize_params requantize;
    const ptqk_codes_mut floats = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_E4M3, 0};
    const ptqk_codes read_floats = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_E4M3, 0};
    const ptqk_codes_mut blocks = {codes, ROWS, COLS, COLS / 2, PTQK_CODE_TYPE_E2M1, 0};
    const ptqk_codes read_blocks = {codes, ROWS, COLS, COLS / 2, PTQK_CODE_TYPE_E2M1, 0};
    ptqk_convert_params convert;
    ptqk_fake_convert_params cast;
    ptqk_fp8_params fp8;
    ptqk_weight_params weights;
    ptqk_weight_error error;

    ptqk_reduce_params_default(&reduce);
    reduce.granularity = PTQK_GRANULARITY_ROW;
    check(ptqk_min_max(ctx, &reduce, &src, min, max));
    check(ptqk_mean(ctx, &reduce, &src, scale));
    check(ptqk_variance(ctx, &reduce, &src, scale));

    ptqk_quantization_params_default(&quantizer);
    quantizer.scheme = PTQK_SCHEME_ASYMMETRIC;
    quantizer.per_channel = 1;
    check(ptqk_quantizer_from_min_max(ctx, &quantizer, min, max, ROWS, low, high, scale, zero_point, NULL));

    ptqk_quantize_params_default(&quantize);
    quantize.granularity = PTQK_GRANULARITY_ROW;
    check(ptqk_quantize(ctx, &quantize, &src, scale, NULL, &written));
    check(ptqk_dequantize(ctx, &quantize, &read, scale, NULL, &out));
    ptqk_fake_quantize_params_default(&fake);
    fake.granularity = PTQK_GRANULARITY_ROW;
    check(ptqk_fake_quantize(ctx, &fake, &src, low, high, &out));

    ptqk_requantize_params_default(&requantize);
    check(ptqk_requantize(ctx, &requantize, &acc, scale, &written));

    ptqk_convert_params_default(&convert);
    convert.rounding = PTQK_FLOAT_ROUNDING_STOCHASTIC;
    check(ptqk_encode(ctx, &convert, &src, &floats));
    check(ptqk_decode(ctx, &read_floats, &out));
    check(ptqk_convert(ctx, &convert, &src, &out));
    ptqk_fp8_params_default(&fp8);
    fp8.per_channel = 1;
    check(ptqk_fp8_scale_from_min_max(ctx, &fp8, min, max, ROWS, scale));
    ptqk_fake_convert_params_default(&cast);
    cast.granularity = PTQK_GRANULARITY_ROW;
    check(ptqk_fake_convert(ctx, &cast, &src, scale, NULL, &out));

    ptqk_weight_params_default(&weights);
    weights.mode = PTQK_WEIGHT_MODE_NVFP4;
    weights.group_size = 16;
    check(ptqk_compress_weights(ctx, &weights, &src, &blocks, block_scale, NULL, &tensor_scale));
    check(ptqk_decompress_weights(ctx, &weights, &read_blocks, block_scale, NULL, &tensor_scale, &out));
    check(ptqk_weight_error_query(ctx, &weights, &src, &read_blocks, block_scale, NULL, &tensor_scale, &error));

    ptqk_weight_params_default(&weights);
    weights.group_size = GROUP;
    weights.scale_dtype = PTQK_DTYPE_F32;
    check(ptqk_compress_weights(ctx, &weights, &src, &written, scale, zero_points, NULL));
    check(ptqk_decompress_weights(ctx, &weights, &read, scale, zero_points, NULL, &out));
    check(ptqk_weight_error_query(ctx, &weights, &src, &read, scale, zero_points, NULL, &error));

    weights.group_size = 3; /* refused, with a detail */
    ok = ok && ptqk_compress_weights(ctx, &weights, &src, &written, scale, zero_points, NULL) != PTQK_STATUS_OK;
}

int main(int argc, char **argv)
{
    ptqk_detail detail;
    ptqk_ctx ctx;
    uint32_t isa;
    int i;
    for (i = 0; i < ELEMENTS; i++) {
        source[i] = (float)(i * 37 % 1001) / 500.0f - 1.0f;
        accumulators[i] = i - ELEMENTS / 2;
    }
    ptqk_detail_default(&detail);
    ptqk_ctx_default(&ctx);
    ctx.detail = &detail;

    armed = 1;
    if (argc > 1 && strcmp(argv[1], "control") == 0) {
        void *(*volatile hidden)(size_t) = malloc;
        ok = hidden(1) != NULL;
    }
    for (isa = PTQK_ISA_SCALAR; isa <= PTQK_ISA_NEON; isa++) {
        check(ptqk_set_max_isa(isa));
        call_the_library(isa % 2 == 0 ? NULL : &ctx);
    }
    armed = 0;
    return !ok;
}
