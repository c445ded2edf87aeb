/*
 * GPTQ on one layer: weights from one safetensors file, activations from another, 4-bit codes, and how
 * much less the layer's outputs change than with the nearest codes.
 *
 *     gptq_layer [weights.safetensors tensor activations.safetensors tensor [restored.npy]]
 *
 * Weights are [out, in], of F32, F16 or BF16; activations [tokens, in], of these or of U8. Without
 * arguments: the first layer of the digits network, on images that it was not trained with. The weights that
 * the codes stand for are written as F32 in the format of NumPy, if a file is named.
 */
#include "layer.h"

enum { GROUP = 32 };

/* The Hessian of the activations. They may come in any number of batches: one update for each. */
static float *find_hessian(const ptqk_matrix *activations)
{
    const size_t n = activations->cols;
    float *const hessian = (float *)allocate(n * n * sizeof(float));
    const ptqk_matrix_mut to = {hessian, n, n, n, PTQK_DTYPE_F32, 0};
    ptqk_hessian_params params;
    size_t state_bytes, workspace_bytes;
    ptqk_hessian_params_default(&params);
    params.channels = n;
    CHECK(ptqk_hessian_state_size(&ctx, &params, &state_bytes));
    CHECK(ptqk_hessian_workspace_size(&ctx, &params, activations->rows, &workspace_bytes));
    void *const state = allocate(state_bytes);
    void *const workspace = allocate(workspace_bytes);
    CHECK(ptqk_hessian_init(&ctx, &params, state, state_bytes));
    CHECK(ptqk_hessian_update(&ctx, activations, 1, state, state_bytes, workspace, workspace_bytes));
    CHECK(ptqk_hessian_finish(&ctx, state, state_bytes, &to));
    free(workspace);
    free(state);
    return hessian;
}

/* Sum of e H e^T over the rows e = w - q: how far the outputs move, squared. */
static double output_error(const float *w, const float *q, size_t rows, const float *hessian, size_t n)
{
    double sum = 0.0;
    size_t r, i, j;
    for (r = 0; r < rows; r++) {
        for (i = 0; i < n; i++) {
            const double e = (double)w[r * n + i] - (double)q[r * n + i];
            double product = 0.0;
            for (j = 0; j < n; j++) {
                product += (double)hessian[i * n + j] * ((double)w[r * n + j] - (double)q[r * n + j]);
            }
            sum += e * product;
        }
    }
    return sum;
}

static void write_npy(const char *path, const float *data, size_t rows, size_t cols)
{
    char header[128];
    const int used = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lu, %lu), }",
                              (unsigned long)rows, (unsigned long)cols);
    FILE *const file = fopen(path, "wb");
    memset(header + used, ' ', sizeof header - (size_t)used);
    header[117] = '\n'; /* the header ends at byte 128 of the file */
    if (file == NULL || fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file) != 10 || fwrite(header, 1, 118, file) != 118
        || fwrite(data, sizeof(float), rows * cols, file) != rows * cols || fclose(file) != 0) {
        stop("the restored weights cannot be written");
    }
}

int main(int argc, char **argv)
{
    const char *const weights_file = argc > 4 ? argv[1] : "c_examples/data/digits_mlp.safetensors";
    const char *const weights_name = argc > 4 ? argv[2] : "fc1.weight";
    const char *const activations_file = argc > 4 ? argv[3] : "c_examples/data/digits_calibration.safetensors";
    const char *const activations_name = argc > 4 ? argv[4] : "images";
    ptqk_gptq_params params;
    ptqk_gptq_outputs outputs;
    ptqk_gptq_report report;
    ptqk_weight_layout layout;
    size_t workspace_bytes;
    double solved_error, nearest_error;

    if (argc > 1 && argc < 5) {
        fprintf(stderr, "usage: gptq_layer [weights.safetensors tensor activations.safetensors tensor [restored.npy]]\n");
        return EXIT_FAILURE;
    }
    start();

    const ptqk_matrix weights = read_matrix(weights_file, weights_name);
    const ptqk_matrix activations = read_matrix(activations_file, activations_name);
    const size_t rows = weights.rows, cols = weights.cols;
    if (activations.cols != cols) {
        stop("the activations have another number of channels than the weights");
    }
    float *const hessian = find_hessian(&activations);
    const ptqk_matrix h = {hessian, cols, cols, cols, PTQK_DTYPE_F32, 0};

    /* The library tells the sizes; the caller provides the memory. */
    ptqk_gptq_params_default(&params);
    params.weights.group_size = GROUP;
    CHECK(ptqk_weight_layout_query(&ctx, &params.weights, rows, cols, &layout));
    CHECK(ptqk_gptq_workspace_size(&ctx, &params, rows, cols, &workspace_bytes));
    void *const workspace = allocate(workspace_bytes);
    void *const codes = allocate(layout.code_bytes), *const scale = allocate(layout.scale_bytes);
    float *const restored = (float *)allocate(rows * cols * sizeof(float));
    float *const nearest = (float *)allocate(rows * cols * sizeof(float));
    float *const original = (float *)allocate(rows * cols * sizeof(float));
    const ptqk_codes_mut written = {codes, rows, cols, layout.code_row_bytes, layout.code_type, 0};
    const ptqk_codes read = {codes, rows, cols, layout.code_row_bytes, layout.code_type, 0};
    const ptqk_matrix_mut to_nearest = {nearest, rows, cols, cols, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut to_original = {original, rows, cols, cols, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut to_restored = {restored, rows, cols, cols, PTQK_DTYPE_F32, 0};
    ptqk_convert_params convert;

    /* What the nearest codes make of the weights, to compare with; then the codes of GPTQ. */
    CHECK(ptqk_compress_weights(&ctx, &params.weights, &weights, &written, scale, NULL, NULL));
    CHECK(ptqk_decompress_weights(&ctx, &params.weights, &read, scale, NULL, NULL, &to_nearest));
    ptqk_gptq_outputs_default(&outputs);
    outputs.codes = written;
    outputs.scale = scale;
    outputs.dequantized = to_restored;
    CHECK(ptqk_gptq(&ctx, &params, &weights, &h, &outputs, &report, workspace, workspace_bytes));

    ptqk_convert_params_default(&convert);
    CHECK(ptqk_convert(&ctx, &convert, &weights, &to_original));
    solved_error = output_error(original, restored, rows, hessian, cols);
    nearest_error = output_error(original, nearest, rows, hessian, cols);
    printf("layer      %lu x %lu, %lu tokens; 4-bit codes, groups of %d\n", (unsigned long)rows, (unsigned long)cols,
           (unsigned long)activations.rows, GROUP);
    printf("size       %lu bytes, was %lu as f32\n", (unsigned long)layout.total_bytes,
           (unsigned long)(rows * cols * sizeof(float)));
    printf("error      %.4g of the outputs, squared; %.4g with the nearest codes: %.1f %% of it\n", solved_error,
           nearest_error, 100.0 * solved_error / nearest_error);
    printf("damping    %g, %lu times made larger\n", (double)report.damping, (unsigned long)report.redamps);
    if (argc > 5) {
        write_npy(argv[5], restored, rows, cols);
    }

    free(original);
    free(nearest);
    free(restored);
    free(scale);
    free(codes);
    free(workspace);
    free(hessian);
    free((void *)activations.data);
    free((void *)weights.data);
    if (!(solved_error < nearest_error)) {
        fprintf(stderr, "the codes of GPTQ are worse than the nearest ones\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
