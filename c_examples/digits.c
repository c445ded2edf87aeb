/*
 * Real data, end to end: a small network that reads handwritten digits, in floating point and
 * quantized in several ways, with what each way costs and saves.
 *
 *     digits [directory of the data, c_examples/data if not given]
 *
 * "int8" rows compute with integers: activations and weights are 8-bit codes, products are summed
 * in 32 bits, and only the logits are floating point again. The ranges of the activations come from
 * calibration images that are not part of the test. "fp8" rows round activations and weights to 8-bit
 * floats, calibrated in the same way, and sum the products in 32-bit ones. "weights" rows store the
 * weights in few bits and unpack them for a network that computes in floating point; "gptq" rows do, too, and
 * choose the codes by what calibration images make of each layer, behind layers that are solved already. "+ lora" rows
 * add to either a pair of thin 8-bit matrices that makes up for a part of what was lost. "activations" rows leave the weights as they are and round the inputs of every layer to few levels, on ranges that
 * an estimator found over batches of calibration images.
 *
 * To add a row, add a line to `configurations`. To add a method, write one function that fills in
 * the logits of the test images, and name it there.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#endif
#include <time.h>

#include "context.h"
#include "digits_network.h"

enum { TIMED_RUNS = 9 };

typedef struct demo {
    network net;
    activations calibration, test; /* as the floating-point network computes them */
    uint8_t labels[TEST_IMAGES];
} demo;

typedef struct result {
    float *logits;       /* [TEST_IMAGES][CLASSES] */
    size_t weight_bytes; /* codes, scales, zero points and the float biases */
    double microseconds; /* to quantize the weights */
} result;

typedef struct configuration {
    const char *name;
    void (*run)(const struct configuration *c, const demo *d, result *r);
    uint32_t mode; /* PTQK_SCHEME_..., PTQK_WEIGHT_MODE_... or PTQK_RANGE_PRESET_... */
    uint32_t per_channel;   /* or PTQK_GPTQ_PRESET_... */
    int32_t group_size; /* or the bits of the activations */
    double least_agreement; /* percent; the program fails if a row falls below it */
} configuration;

/* ---- Calls into the library ---- */

static ptqk_matrix matrix(const float *data, size_t rows, size_t cols)
{
    const ptqk_matrix m = {data, rows, cols, cols, PTQK_DTYPE_F32, 0};
    return m;
}

/* Codes of 8 bits, so that a row of them has as many bytes as columns. */
static ptqk_codes_mut byte_codes(uint8_t *data, size_t rows, size_t cols, uint32_t type)
{
    const ptqk_codes_mut m = {data, rows, cols, cols, type, 0};
    return m;
}

static double now(void)
{
    struct timespec t;
#ifdef CLOCK_MONOTONIC
    clock_gettime(CLOCK_MONOTONIC, &t);
#else
    timespec_get(&t, TIME_UTC);
#endif
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static double shorter(double a, double b)
{
    return a < b ? a : b;
}

/* ---- Method 1: floating point ---- */

static void run_float(const configuration *c, const demo *d, result *r)
{
    size_t l;
    (void)c;
    memcpy(r->logits, d->test.layer[LAYERS], (size_t)TEST_IMAGES * CLASSES * sizeof(float));
    for (l = 0; l < LAYERS; l++) {
        r->weight_bytes += width[l + 1] * width[l] * sizeof(float);
    }
}

/* ---- Method 2: 8-bit weights and activations, integer arithmetic ---- */

/* code = clamp(round(x / scale) + zero_point, code_min, code_max), one scale or one for each row. */
typedef struct quantizer {
    float scale[HIDDEN];
    int32_t zero_point[HIDDEN];
    int32_t code_min, code_max;
    uint32_t type, granularity;
} quantizer;

typedef struct int8_layer {
    quantizer input, weight;
    uint8_t *codes; /* of the weights */
} int8_layer;

static void find_quantizer(quantizer *q, const ptqk_matrix *m, uint32_t scheme, uint32_t per_row,
                           uint32_t narrow_range)
{
    float min[HIDDEN], max[HIDDEN], low[HIDDEN], high[HIDDEN];
    ptqk_reduce_params reduce;
    ptqk_quantization_params params;
    ptqk_quantizer_grid grid;

    q->granularity = per_row ? PTQK_GRANULARITY_ROW : PTQK_GRANULARITY_TENSOR;
    ptqk_reduce_params_default(&reduce);
    reduce.granularity = q->granularity;
    CHECK(ptqk_min_max(&ctx, &reduce, m, min, max));
    if (scheme == PTQK_SCHEME_SYMMETRIC) {
        /* A symmetric range is as wide as the larger side; the minimum only tells if there is a sign. */
        CHECK(ptqk_abs_max(&ctx, &reduce, m, max));
    }
    ptqk_quantization_params_default(&params);
    params.scheme = scheme;
    params.per_channel = per_row;
    params.narrow_range = narrow_range;
    CHECK(ptqk_quantizer_from_min_max(&ctx, &params, min, max, per_row ? m->rows : 1, low, high, q->scale,
                                      q->zero_point, &grid));
    q->code_min = grid.code_min;
    q->code_max = grid.code_max;
    q->type = grid.level_low < 0 ? PTQK_CODE_TYPE_I8 : PTQK_CODE_TYPE_U8;
}

static void quantize(const quantizer *q, const ptqk_matrix *m, uint8_t *bytes)
{
    const ptqk_codes_mut destination = byte_codes(bytes, m->rows, m->cols, q->type);
    ptqk_quantize_params params;
    ptqk_quantize_params_default(&params);
    params.granularity = q->granularity;
    params.code_min = q->code_min;
    params.code_max = q->code_max;
    CHECK(ptqk_quantize(&ctx, &params, m, q->scale, q->zero_point, &destination));
}

/* Quantizes the weights of layer l; returns the microseconds that it took. */
static double quantize_layer(const configuration *c, const demo *d, size_t l, int8_layer *layer)
{
    const ptqk_matrix weights = matrix(d->net.weight[l], width[l + 1], width[l]);
    const uint32_t narrow_range = c->mode == PTQK_SCHEME_SYMMETRIC; /* -127..127: the same on both sides */
    double fastest = (double)INFINITY;
    int i;
    for (i = 0; i < TIMED_RUNS; i++) {
        const double start = now();
        find_quantizer(&layer->weight, &weights, c->mode, c->per_channel, narrow_range);
        quantize(&layer->weight, &weights, layer->codes);
        fastest = shorter(fastest, now() - start);
    }
    return fastest;
}

/* Bytes that the scales and zero points of a layer take; a symmetric zero point is not stored. */
static size_t quantizer_bytes(const configuration *c, size_t l)
{
    const size_t scales = c->per_channel ? width[l + 1] : 1;
    return scales * (sizeof(float) + (c->mode == PTQK_SCHEME_ASYMMETRIC ? 1 : 0));
}

/* From here on the weights have a scale for each row in any case. */
static void spread_over_rows(quantizer *q, size_t rows)
{
    size_t o;
    for (o = 1; q->granularity == PTQK_GRANULARITY_TENSOR && o < rows; o++) {
        q->scale[o] = q->scale[0];
        q->zero_point[o] = q->zero_point[0];
    }
}

/* acc = product of the codes + bias, and with `relu` no less than 0. Its unit is scale_x * scale_w. */
static void integer_layer(const int8_layer *layer, const uint8_t *x, const float *bias, size_t in, size_t out,
                          int relu, int32_t *acc)
{
    const byte_matrix left = {x, layer->input.type == PTQK_CODE_TYPE_I8, layer->input.zero_point};
    const byte_matrix right = {layer->codes, layer->weight.type == PTQK_CODE_TYPE_I8, layer->weight.zero_point};
    size_t i, o;
    integer_product(&left, &right, TEST_IMAGES, in, out, acc);
    for (o = 0; o < out; o++) {
        const int32_t b = integer_bias(bias[o], layer->input.scale[0] * layer->weight.scale[o]);
        for (i = 0; i < TEST_IMAGES; i++) {
            int32_t *const a = &acc[i * out + o];
            *a += b;
            *a = relu && *a < 0 ? 0 : *a;
        }
    }
}

/* Turns the accumulators of `layer` into the codes that `next` reads. */
static void requantize(const int8_layer *layer, const quantizer *next, const int32_t *acc, size_t out, uint8_t *y)
{
    const ptqk_accumulators source = {acc, TEST_IMAGES, out, out};
    const ptqk_codes_mut destination = byte_codes(y, TEST_IMAGES, out, next->type);
    ptqk_requantize_params params;
    float scale[HIDDEN];
    size_t o;
    for (o = 0; o < out; o++) {
        scale[o] = layer->input.scale[0] * layer->weight.scale[o] / next->scale[0];
    }
    ptqk_requantize_params_default(&params);
    params.granularity = PTQK_GRANULARITY_COLUMN;
    params.zero_point = next->zero_point[0];
    params.code_min = next->code_min;
    params.code_max = next->code_max;
    CHECK(ptqk_requantize(&ctx, &params, &source, scale, &destination));
}

static void infer_int8(const int8_layer *layers, const demo *d, float *logits)
{
    const ptqk_matrix images = matrix(d->test.layer[0], TEST_IMAGES, PIXELS);
    const int8_layer *const last = &layers[LAYERS - 1];
    uint8_t *const x = (uint8_t *)allocate((size_t)TEST_IMAGES * HIDDEN);
    int32_t *const acc = (int32_t *)allocate((size_t)TEST_IMAGES * HIDDEN * sizeof(int32_t));
    size_t l, i;
    quantize(&layers[0].input, &images, x);
    for (l = 0; l < LAYERS; l++) {
        const int hidden = l + 1 < LAYERS;
        integer_layer(&layers[l], x, d->net.bias[l], width[l], width[l + 1], hidden, acc);
        if (hidden) {
            requantize(&layers[l], &layers[l + 1].input, acc, width[l + 1], x);
        }
    }
    for (i = 0; i < (size_t)TEST_IMAGES * CLASSES; i++) {
        logits[i] = (float)acc[i] * (last->input.scale[0] * last->weight.scale[i % CLASSES]);
    }
    free(acc);
    free(x);
}

static void run_int8(const configuration *c, const demo *d, result *r)
{
    int8_layer layers[LAYERS];
    size_t l;
    for (l = 0; l < LAYERS; l++) {
        const ptqk_matrix inputs = matrix(d->calibration.layer[l], d->calibration.count, width[l]);
        layers[l].codes = (uint8_t *)allocate(width[l + 1] * width[l]);
        r->microseconds += quantize_layer(c, d, l, &layers[l]);
        r->weight_bytes += width[l + 1] * width[l] + quantizer_bytes(c, l);
        spread_over_rows(&layers[l].weight, width[l + 1]);
        find_quantizer(&layers[l].input, &inputs, c->mode, 0, 0);
    }
    infer_int8(layers, d, r->logits);
    for (l = 0; l < LAYERS; l++) {
        free(layers[l].codes);
    }
}

/* ---- Method 3: compressed weights, floating-point arithmetic ---- */

/* A layer as it is stored. */
typedef struct stored_layer {
    ptqk_weight_params params;
    ptqk_weight_layout layout;
    void *codes, *scale;
    uint8_t *zero_point;
    float tensor_scale; /* written and read with NVFP4 only */
} stored_layer;

static void allocate_layer(const ptqk_weight_params *params, size_t l, stored_layer *stored)
{
    stored->params = *params;
    CHECK(ptqk_weight_layout_query(&ctx, params, width[l + 1], width[l], &stored->layout));
    stored->codes = allocate(stored->layout.code_bytes);
    stored->scale = allocate(stored->layout.scale_bytes);
    stored->zero_point =
        stored->layout.zero_point_bytes > 0 ? (uint8_t *)allocate(stored->layout.zero_point_bytes) : NULL;
}

static ptqk_codes_mut stored_codes(const stored_layer *stored, size_t l)
{
    const ptqk_codes_mut codes = {
        stored->codes, width[l + 1], width[l], stored->layout.code_row_bytes, stored->layout.code_type, 0};
    return codes;
}

static void free_layer(stored_layer *stored)
{
    free(stored->zero_point);
    free(stored->scale);
    free(stored->codes);
}

/* Compresses layer l and writes what is left of its weights to `restored`. */
static void compress_layer(const configuration *c, const demo *d, size_t l, const activations *batch, float *restored,
                           stored_layer *stored, result *r)
{
    const size_t rows = width[l + 1], cols = width[l];
    const ptqk_matrix weights = matrix(d->net.weight[l], rows, cols);
    const ptqk_matrix_mut destination = {restored, rows, cols, cols, PTQK_DTYPE_F32, 0};
    double fastest = (double)INFINITY;
    ptqk_weight_params params;
    int i;

    (void)batch;
    ptqk_weight_params_default(&params);
    params.mode = c->mode;
    params.group_size = c->group_size;
    params.scale_dtype = PTQK_DTYPE_F16;
    allocate_layer(&params, l, stored);

    const ptqk_codes_mut written = stored_codes(stored, l);
    const ptqk_codes read = {stored->codes, rows, cols, written.row_stride_bytes, written.code_type, 0};
    for (i = 0; i < TIMED_RUNS; i++) {
        const double start = now();
        CHECK(ptqk_compress_weights(&ctx, &params, &weights, &written, stored->scale, stored->zero_point,
                                    &stored->tensor_scale));
        fastest = shorter(fastest, now() - start);
    }
    CHECK(ptqk_decompress_weights(&ctx, &params, &read, stored->scale, stored->zero_point, &stored->tensor_scale,
                                  &destination));
    r->microseconds += fastest;
    r->weight_bytes += stored->layout.total_bytes;
}

/* `restored` becomes the network that is left when the weights are compressed. */
static void compress_network(const configuration *c, const demo *d, network *restored, result *r)
{
    stored_layer stored;
    size_t l;
    for (l = 0; l < LAYERS; l++) {
        restored->bias[l] = copy_floats(d->net.bias[l], width[l + 1]);
        restored->weight[l] = allocate_floats(width[l + 1] * width[l]);
        compress_layer(c, d, l, NULL, restored->weight[l], &stored, r);
        free_layer(&stored);
    }
}

static void copy_test_images(const demo *d, activations *batch)
{
    allocate_activations(batch, d->test.count);
    memcpy(batch->layer[0], d->test.layer[0], batch->count * PIXELS * sizeof(float));
}

static void run_weights(const configuration *c, const demo *d, result *r)
{
    network restored;
    activations batch;
    compress_network(c, d, &restored, r);
    copy_test_images(d, &batch);
    run_network(&restored, &batch);
    memcpy(r->logits, batch.layer[LAYERS], batch.count * CLASSES * sizeof(float));
    free_activations(&batch);
    free_network(&restored);
}

/* ---- Method 4: the same by GPTQ ---- */

/* The Hessian of the inputs of layer l. */
static float *find_hessian(const activations *batch, size_t l)
{
    const size_t n = width[l];
    const ptqk_matrix inputs = matrix(batch->layer[l], batch->count, n);
    float *const hessian = allocate_floats(n * n);
    const ptqk_matrix_mut destination = {hessian, n, n, n, PTQK_DTYPE_F32, 0};
    ptqk_hessian_params params;
    size_t bytes, room;
    ptqk_hessian_params_default(&params);
    params.channels = n;
    CHECK(ptqk_hessian_state_size(&ctx, &params, &bytes));
    CHECK(ptqk_hessian_workspace_size(&ctx, &params, inputs.rows, &room));
    void *const state = allocate(bytes);
    void *const workspace = allocate(room);
    CHECK(ptqk_hessian_init(&ctx, &params, state, bytes));
    CHECK(ptqk_hessian_update(&ctx, &inputs, inputs.rows, state, bytes, workspace, room));
    CHECK(ptqk_hessian_finish(&ctx, state, bytes, &destination));
    free(workspace);
    free(state);
    return hessian;
}

/* Solves layer l for the inputs in `batch` and writes what is left of its weights to `restored`. */
static void solve_layer(const configuration *c, const demo *d, size_t l, const activations *batch, float *restored,
                        stored_layer *stored, result *r)
{
    const size_t rows = width[l + 1], cols = width[l];
    const ptqk_matrix weights = matrix(d->net.weight[l], rows, cols);
    float *const hessian = find_hessian(batch, l);
    const ptqk_matrix h = matrix(hessian, cols, cols);
    double fastest = (double)INFINITY;
    ptqk_gptq_params params;
    ptqk_gptq_outputs outputs;
    size_t room;
    int i;

    CHECK(ptqk_gptq_params_preset(&ctx, c->per_channel, &params));
    params.weights.mode = c->mode;
    params.weights.group_size = c->group_size;
    allocate_layer(&params.weights, l, stored);
    CHECK(ptqk_gptq_workspace_size(&ctx, &params, rows, cols, &room));
    void *const workspace = allocate(room);
    const ptqk_matrix_mut destination = {restored, rows, cols, cols, PTQK_DTYPE_F32, 0};
    ptqk_gptq_outputs_default(&outputs);
    outputs.codes = stored_codes(stored, l);
    outputs.scale = stored->scale;
    outputs.dequantized = destination;
    for (i = 0; i < TIMED_RUNS; i++) {
        const double start = now();
        CHECK(ptqk_gptq(&ctx, &params, &weights, &h, &outputs, NULL, workspace, room));
        fastest = shorter(fastest, now() - start);
    }
    r->microseconds += fastest;
    r->weight_bytes += stored->layout.total_bytes;

    free(workspace);
    free(hessian);
}

/* A way to store a layer, and to write what is left of its weights. */
typedef void layer_function(const configuration *c, const demo *d, size_t l, const activations *batch, float *restored,
                            stored_layer *stored, result *r);

/* Something that is done to a layer once it is stored. */
typedef void after_function(const demo *d, size_t l, const activations *batch, float *restored,
                            const stored_layer *stored, result *r);

/* Stores layer after layer, each for the inputs that it has behind those before it. */
static void run_layers(const configuration *c, const demo *d, result *r, layer_function *store, after_function *after)
{
    network restored;
    activations batch;
    stored_layer stored;
    size_t l;
    allocate_activations(&batch, d->calibration.count);
    memcpy(batch.layer[0], d->calibration.layer[0], batch.count * PIXELS * sizeof(float));
    for (l = 0; l < LAYERS; l++) {
        restored.bias[l] = copy_floats(d->net.bias[l], width[l + 1]);
        restored.weight[l] = allocate_floats(width[l + 1] * width[l]);
        store(c, d, l, &batch, restored.weight[l], &stored, r);
        if (after != NULL) {
            after(d, l, &batch, restored.weight[l], &stored, r);
        }
        free_layer(&stored);
        run_layer(&restored, l, &batch);
    }
    free_activations(&batch);
    copy_test_images(d, &batch);
    run_network(&restored, &batch);
    memcpy(r->logits, batch.layer[LAYERS], batch.count * CLASSES * sizeof(float));
    free_activations(&batch);
    free_network(&restored);
}

static void run_gptq(const configuration *c, const demo *d, result *r)
{
    run_layers(c, d, r, solve_layer, NULL);
}

/* ---- Method 5: either with low-rank correction ---- */

enum { RANK = 8 };

/* One of the two thin matrices as 8-bit codes, and as the floats that they stand for. */
typedef struct adapter {
    size_t rows, cols;
    uint8_t *codes, *zero_point;
    float *scale, *values;
} adapter;

static void allocate_adapter(adapter *a, size_t rows, size_t cols)
{
    a->rows = rows;
    a->cols = cols;
    a->codes = (uint8_t *)allocate(rows * cols);
    a->zero_point = (uint8_t *)allocate(rows);
    a->scale = allocate_floats(rows);
    a->values = allocate_floats(rows * cols);
}

static ptqk_codes_mut adapter_codes(const adapter *a)
{
    const ptqk_codes_mut codes = {a->codes, a->rows, a->cols, a->cols, PTQK_CODE_TYPE_U8, 0};
    return codes;
}

static void restore_adapter(const adapter *a)
{
    const ptqk_codes codes = {a->codes, a->rows, a->cols, a->cols, PTQK_CODE_TYPE_U8, 0};
    const ptqk_matrix_mut values = {a->values, a->rows, a->cols, a->cols, PTQK_DTYPE_F32, 0};
    ptqk_weight_params params;
    ptqk_weight_params_default(&params); /* int8_asym, one group per row */
    params.scale_dtype = PTQK_DTYPE_F32;
    CHECK(ptqk_decompress_weights(&ctx, &params, &codes, a->scale, a->zero_point, NULL, &values));
}

static void free_adapter(adapter *a)
{
    free(a->values);
    free(a->scale);
    free(a->zero_point);
    free(a->codes);
}

/* Adds to the restored weights of layer l what the adapters win back. */
static void correct_layer(const demo *d, size_t l, const activations *batch, float *restored,
                          const stored_layer *stored, result *r)
{
    const size_t rows = width[l + 1], cols = width[l];
    const ptqk_matrix weights = matrix(d->net.weight[l], rows, cols);
    const ptqk_matrix means = matrix(batch->layer[l], batch->count, cols); /* a sample of one token per image */
    const ptqk_codes codes = {stored->codes, rows, cols, stored->layout.code_row_bytes, stored->layout.code_type, 0};
    const ptqk_matrix_mut sum = {restored, rows, cols, cols, PTQK_DTYPE_F32, 0};
    double fastest = (double)INFINITY;
    ptqk_lora_params params;
    ptqk_lora_outputs outputs;
    ptqk_gemm_params product;
    adapter a, b;
    size_t room, product_room;
    int i;

    ptqk_lora_params_default(&params);
    params.adapter_rank = RANK;
    params.subset_size = 0;
    params.weights = stored->params;
    CHECK(ptqk_lora_workspace_size(&ctx, &params, rows, cols, means.rows, &room));
    void *const workspace = allocate(room);
    allocate_adapter(&a, RANK, cols);
    allocate_adapter(&b, rows, RANK);
    ptqk_lora_outputs_default(&outputs);
    outputs.a_codes = adapter_codes(&a);
    outputs.a_scale = a.scale;
    outputs.a_zero_point = a.zero_point;
    outputs.b_codes = adapter_codes(&b);
    outputs.b_scale = b.scale;
    outputs.b_zero_point = b.zero_point;
    for (i = 0; i < TIMED_RUNS; i++) {
        const double start = now();
        CHECK(ptqk_lora_correction(&ctx, &params, &weights, &codes, stored->scale, stored->zero_point,
                                   &stored->tensor_scale, &means, NULL, &outputs, NULL, workspace, room));
        fastest = shorter(fastest, now() - start);
    }
    r->microseconds += fastest;
    r->weight_bytes += RANK * (rows + cols) + (RANK + rows) * (sizeof(float) + 1);

    restore_adapter(&a);
    restore_adapter(&b);
    ptqk_gemm_params_default(&product);
    product.accumulate = 1;
    CHECK(ptqk_gemm_workspace_size(&ctx, &product, rows, cols, RANK, &product_room));
    void *const product_workspace = allocate(product_room);
    const ptqk_matrix left = matrix(b.values, rows, RANK), right = matrix(a.values, RANK, cols);
    CHECK(ptqk_gemm(&ctx, &product, &left, &right, &sum, product_workspace, product_room));

    free(product_workspace);
    free_adapter(&b);
    free_adapter(&a);
    free(workspace);
}

static void run_lora(const configuration *c, const demo *d, result *r)
{
    run_layers(c, d, r, compress_layer, correct_layer);
}

static void run_gptq_lora(const configuration *c, const demo *d, result *r)
{
    run_layers(c, d, r, solve_layer, correct_layer);
}

/* ---- Method 6: 8-bit floats for weights and activations, sums in 32-bit floats ---- */

/* Rounds the inputs of layer l to 8-bit floats, with a scale for the range that calibration saw. */
static void convert_inputs(uint32_t float_type, const demo *d, size_t l, activations *batch)
{
    const ptqk_matrix seen = matrix(d->calibration.layer[l], d->calibration.count, width[l]);
    const ptqk_matrix source = matrix(batch->layer[l], batch->count, width[l]);
    const ptqk_matrix_mut same = {batch->layer[l], batch->count, width[l], width[l], PTQK_DTYPE_F32, 0};
    float min, max, scale;
    ptqk_reduce_params reduce;
    ptqk_fp8_params fp8;
    ptqk_fake_convert_params convert;

    ptqk_reduce_params_default(&reduce);
    CHECK(ptqk_min_max(&ctx, &reduce, &seen, &min, &max));
    ptqk_fp8_params_default(&fp8); /* half of the codes are left for larger numbers than these */
    fp8.destination_type = float_type;
    CHECK(ptqk_fp8_scale_from_min_max(&ctx, &fp8, &min, &max, 1, &scale));
    ptqk_fake_convert_params_default(&convert);
    convert.destination_type = float_type;
    CHECK(ptqk_fake_convert(&ctx, &convert, &source, &scale, NULL, &same));
}

static void run_fp8(const configuration *c, const demo *d, result *r)
{
    const uint32_t float_type = c->mode == PTQK_WEIGHT_MODE_FP8_E5M2 ? PTQK_CODE_TYPE_E5M2 : PTQK_CODE_TYPE_E4M3;
    network restored;
    activations batch;
    size_t l;
    compress_network(c, d, &restored, r);
    copy_test_images(d, &batch);
    for (l = 0; l < LAYERS; l++) {
        convert_inputs(float_type, d, l, &batch);
        run_layer(&restored, l, &batch);
    }
    memcpy(r->logits, batch.layer[LAYERS], batch.count * CLASSES * sizeof(float));
    free_activations(&batch);
    free_network(&restored);
}

/* ---- Method 7: ranges of activations by an estimator ---- */

enum { SAMPLE_IMAGES = 16, SAMPLES = CALIBRATION_IMAGES / SAMPLE_IMAGES };

/* Minimum and maximum of each sample, then of all samples, as the preset says. */
static void estimate_range(uint32_t preset, const float *x, size_t cols, float *min, float *max)
{
    ptqk_range_params params;
    size_t bytes, room, i;
    ptqk_range_params_default(&params);
    CHECK(ptqk_range_estimator_preset(&ctx, preset, &params.estimator));
    params.num_samples = SAMPLES;
    CHECK(ptqk_range_state_size(&ctx, &params, &bytes));
    CHECK(ptqk_range_finish_workspace_size(&ctx, &params, &room));
    void *const state = allocate(bytes);
    void *const workspace = allocate(room + 1);
    CHECK(ptqk_range_init(&ctx, &params, state, bytes));
    for (i = 0; i < SAMPLES; i++) {
        const ptqk_tensor sample = {x + i * SAMPLE_IMAGES * cols, PTQK_DTYPE_F32, 2, {SAMPLE_IMAGES, cols}, {cols, 1}};
        CHECK(ptqk_range_update(&ctx, &sample, state, bytes));
    }
    CHECK(ptqk_range_finish(&ctx, state, bytes, 1, min, max, workspace, room));
    free(workspace);
    free(state);
}

/* A histogram of all samples, and the range with the least squared error at these levels. */
static void histogram_range(uint32_t levels, const float *x, size_t cols, float *min, float *max)
{
    const ptqk_matrix all = matrix(x, CALIBRATION_IMAGES, cols);
    ptqk_histogram_params params;
    ptqk_histogram_range_params search;
    size_t bytes, room, search_room;
    ptqk_histogram_params_default(&params);
    ptqk_histogram_range_params_default(&search);
    search.method = PTQK_RANGE_METHOD_MSE;
    search.scheme = PTQK_SCHEME_ASYMMETRIC;
    search.levels = levels;
    CHECK(ptqk_histogram_state_size(&ctx, &params, &bytes));
    CHECK(ptqk_histogram_workspace_size(&ctx, &params, all.rows, all.cols, &room));
    CHECK(ptqk_histogram_range_workspace_size(&ctx, &search, params.num_bins, &search_room));
    void *const state = allocate(bytes);
    void *const workspace = allocate(room > search_room ? room : search_room);
    CHECK(ptqk_histogram_init(&ctx, &params, state, bytes));
    CHECK(ptqk_histogram_update(&ctx, &all, state, bytes, workspace, room));
    CHECK(ptqk_histogram_range(&ctx, &search, state, bytes, min, max, workspace, search_room));
    free(workspace);
    free(state);
}

/* Rounds the inputs of layer l to 2^bits levels. */
static void round_inputs(const configuration *c, const demo *d, size_t l, activations *batch)
{
    const uint32_t bits = (uint32_t)c->group_size;
    const float *const seen = d->calibration.layer[l];
    const ptqk_matrix source = matrix(batch->layer[l], batch->count, width[l]);
    const ptqk_matrix_mut same = {batch->layer[l], batch->count, width[l], width[l], PTQK_DTYPE_F32, 0};
    float min, max, low, high;
    ptqk_quantization_params params;
    ptqk_quantizer_grid grid;
    ptqk_fake_quantize_params rounding;
    if (c->mode == PTQK_RANGE_PRESET_HISTOGRAM) {
        histogram_range(1u << bits, seen, width[l], &min, &max);
    } else {
        estimate_range(c->mode, seen, width[l], &min, &max);
    }
    ptqk_quantization_params_default(&params);
    params.num_bits = bits;
    params.scheme = PTQK_SCHEME_ASYMMETRIC;
    CHECK(ptqk_quantizer_from_min_max(&ctx, &params, &min, &max, 1, &low, &high, NULL, NULL, &grid));
    ptqk_fake_quantize_params_default(&rounding);
    rounding.levels = grid.levels;
    CHECK(ptqk_fake_quantize(&ctx, &rounding, &source, &low, &high, &same));
}

static void run_ranges(const configuration *c, const demo *d, result *r)
{
    activations batch;
    size_t l;
    copy_test_images(d, &batch);
    for (l = 0; l < LAYERS; l++) {
        round_inputs(c, d, l, &batch);
        run_layer(&d->net, l, &batch);
        r->weight_bytes += width[l + 1] * width[l] * sizeof(float);
    }
    memcpy(r->logits, batch.layer[LAYERS], batch.count * CLASSES * sizeof(float));
    free_activations(&batch);
}

/* ---- The table ---- */

static const configuration configurations[] = {
    {"float32", run_float, 0, 0, 0, 100.0},
    {"int8, per tensor, symmetric", run_int8, PTQK_SCHEME_SYMMETRIC, 0, 0, 98.0},
    {"int8, per tensor, asymmetric", run_int8, PTQK_SCHEME_ASYMMETRIC, 0, 0, 98.0},
    {"int8, per channel, symmetric", run_int8, PTQK_SCHEME_SYMMETRIC, 1, 0, 98.0},
    {"int8, per channel, asymmetric", run_int8, PTQK_SCHEME_ASYMMETRIC, 1, 0, 98.0},
    {"fp8_e4m3, per channel", run_fp8, PTQK_WEIGHT_MODE_FP8_E4M3, 1, -1, 98.0},
    {"fp8_e5m2, per channel", run_fp8, PTQK_WEIGHT_MODE_FP8_E5M2, 1, -1, 98.0},
    {"weights int8_sym, per channel", run_weights, PTQK_WEIGHT_MODE_INT8_SYM, 1, -1, 99.0},
    {"weights int8_asym, per channel", run_weights, PTQK_WEIGHT_MODE_INT8_ASYM, 1, -1, 99.0},
    {"weights mxfp8_e4m3, groups of 32", run_weights, PTQK_WEIGHT_MODE_MXFP8_E4M3, 0, 32, 99.0},
    {"weights mxfp6_e2m3, groups of 32", run_weights, PTQK_WEIGHT_MODE_MXFP6_E2M3, 0, 32, 99.0},
    {"weights int4_sym, groups of 64", run_weights, PTQK_WEIGHT_MODE_INT4_SYM, 0, 64, 97.0},
    {"weights int4_sym, groups of 32", run_weights, PTQK_WEIGHT_MODE_INT4_SYM, 0, 32, 97.0},
    {"weights int4_asym, groups of 64", run_weights, PTQK_WEIGHT_MODE_INT4_ASYM, 0, 64, 97.0},
    {"weights int4_asym, groups of 32", run_weights, PTQK_WEIGHT_MODE_INT4_ASYM, 0, 32, 97.0},
    {"weights nf4, groups of 64", run_weights, PTQK_WEIGHT_MODE_NF4, 0, 64, 97.0},
    {"weights mxfp4, groups of 32", run_weights, PTQK_WEIGHT_MODE_MXFP4, 0, 32, 97.0},
    {"weights nvfp4, groups of 16", run_weights, PTQK_WEIGHT_MODE_NVFP4, 0, 16, 97.0},
    {"weights int3_sym, groups of 64", run_weights, PTQK_WEIGHT_MODE_INT3_SYM, 0, 64, 93.0},
    {"weights int3_sym, groups of 32", run_weights, PTQK_WEIGHT_MODE_INT3_SYM, 0, 32, 93.0},
    {"weights int2_sym, groups of 64", run_weights, PTQK_WEIGHT_MODE_INT2_SYM, 0, 64, 50.0},
    {"weights int2_sym, groups of 32", run_weights, PTQK_WEIGHT_MODE_INT2_SYM, 0, 32, 50.0},
    {"gptq as NNCF, int4_sym, groups of 64", run_gptq, PTQK_WEIGHT_MODE_INT4_SYM, PTQK_GPTQ_PRESET_NNCF, 64, 97.0},
    {"gptq, int4_sym, groups of 64", run_gptq, PTQK_WEIGHT_MODE_INT4_SYM, PTQK_GPTQ_PRESET_BEST, 64, 97.0},
    {"gptq as NNCF, int3_sym, groups of 64", run_gptq, PTQK_WEIGHT_MODE_INT3_SYM, PTQK_GPTQ_PRESET_NNCF, 64, 97.0},
    {"gptq, int3_sym, groups of 64", run_gptq, PTQK_WEIGHT_MODE_INT3_SYM, PTQK_GPTQ_PRESET_BEST, 64, 97.0},
    {"gptq as NNCF, int2_sym, groups of 64", run_gptq, PTQK_WEIGHT_MODE_INT2_SYM, PTQK_GPTQ_PRESET_NNCF, 64, 90.0},
    {"gptq, int2_sym, groups of 64", run_gptq, PTQK_WEIGHT_MODE_INT2_SYM, PTQK_GPTQ_PRESET_BEST, 64, 90.0},
    {"weights int4_sym + lora", run_lora, PTQK_WEIGHT_MODE_INT4_SYM, 0, 64, 97.0},
    {"weights int3_sym + lora", run_lora, PTQK_WEIGHT_MODE_INT3_SYM, 0, 64, 93.0},
    {"weights int2_sym + lora", run_lora, PTQK_WEIGHT_MODE_INT2_SYM, 0, 64, 50.0},
    {"gptq, int4_sym + lora", run_gptq_lora, PTQK_WEIGHT_MODE_INT4_SYM, PTQK_GPTQ_PRESET_BEST, 64, 97.0},
    {"gptq, int3_sym + lora", run_gptq_lora, PTQK_WEIGHT_MODE_INT3_SYM, PTQK_GPTQ_PRESET_BEST, 64, 97.0},
    {"gptq, int2_sym + lora", run_gptq_lora, PTQK_WEIGHT_MODE_INT2_SYM, PTQK_GPTQ_PRESET_BEST, 64, 90.0},
    {"activations 8 bits, min max", run_ranges, PTQK_RANGE_PRESET_MIN_MAX, 0, 8, 98.0},
    {"activations 8 bits, means", run_ranges, PTQK_RANGE_PRESET_MEAN_MIN_MAX, 0, 8, 98.0},
    {"activations 8 bits, quantiles", run_ranges, PTQK_RANGE_PRESET_MEAN_QUANTILE, 0, 8, 98.0},
    {"activations 8 bits, histogram", run_ranges, PTQK_RANGE_PRESET_HISTOGRAM, 0, 8, 98.0},
    {"activations 4 bits, min max", run_ranges, PTQK_RANGE_PRESET_MIN_MAX, 0, 4, 90.0},
    {"activations 4 bits, means", run_ranges, PTQK_RANGE_PRESET_MEAN_MIN_MAX, 0, 4, 90.0},
    {"activations 4 bits, quantiles", run_ranges, PTQK_RANGE_PRESET_MEAN_QUANTILE, 0, 4, 90.0},
    {"activations 4 bits, histogram", run_ranges, PTQK_RANGE_PRESET_HISTOGRAM, 0, 4, 90.0},
};

/* Prints a line of the table; returns 0 if the agreement is too low. */
static int print_row(const configuration *c, const demo *d, float *logits)
{
    result r = {logits, (HIDDEN + HIDDEN + CLASSES) * sizeof(float), 0.0};
    score s;
    c->run(c, d, &r);
    s = score_logits(logits, d->test.layer[LAYERS], d->labels, TEST_IMAGES);
    printf("%-36s %10.2f %12.2f %14lu", c->name, s.accuracy, s.agreement, (unsigned long)r.weight_bytes);
    if (isinf(s.snr)) {
        printf(" %8s %12s\n", "-", "-");
    } else {
        printf(" %8.1f", s.snr);
        if (r.microseconds > 0.0) {
            printf(" %12.0f\n", r.microseconds);
        } else {
            printf(" %12s\n", "-");
        }
    }
    return s.agreement >= c->least_agreement;
}

int main(int argc, char **argv)
{
    const char *const directory = argc > 1 ? argv[1] : "c_examples/data";
    static demo d;
    float *const logits = allocate_floats((size_t)TEST_IMAGES * CLASSES);
    int good = 1;
    size_t i;

    start();
    load_network(&d.net, directory);
    load_images(&d.test, d.labels, directory, "digits_test.safetensors", TEST_IMAGES);
    load_images(&d.calibration, NULL, directory, "digits_calibration.safetensors", CALIBRATION_IMAGES);
    run_network(&d.net, &d.test);
    run_network(&d.net, &d.calibration);

    printf("ptqk %s on %s: %d handwritten digits, perceptron %d-%d-%d-%d\n\n", ptqk_version_string(),
           ptqk_isa_name(ptqk_active_isa()), TEST_IMAGES, PIXELS, HIDDEN, HIDDEN, CLASSES);
    printf("%-36s %10s %12s %14s %8s %12s\n", "configuration", "accuracy %", "agreement %", "weight bytes", "SNR dB",
           "quantize us");
    for (i = 0; i < sizeof configurations / sizeof configurations[0]; i++) {
        if (!print_row(&configurations[i], &d, logits)) {
            fprintf(stderr, "%s: the agreement is below %.0f %%\n", configurations[i].name,
                    configurations[i].least_agreement);
            good = 0;
        }
    }

    printf("\nEvery layer has 64 or 256 inputs: all groups are whole, nothing is padded.\n");

    free_activations(&d.calibration);
    free_activations(&d.test);
    free_network(&d.net);
    free(logits);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
