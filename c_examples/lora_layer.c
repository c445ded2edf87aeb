/*
 * Low-rank correction of one layer: weights from one safetensors file, samples of its inputs from another, 3-bit
 * codes, adapters of 8 bits that make up for a part of what was lost, and the adapters at work on inputs from a third.
 *
 *     lora_layer [weights.safetensors tensor samples.safetensors tensor inputs.safetensors tensor]
 *
 * Weights are [out, in], of F32, F16 or BF16; samples and inputs [rows, in], of these or of U8. Without arguments: the
 * first layer of the digits network, with images that it was not trained with.
 */
#include "layer.h"

enum { GROUP = 64, RANK = 8 };

/* y = x W^T, [rows, out]. */
static float *outputs_of(const ptqk_matrix *x, const float *weights, size_t outputs)
{
    float *const y = (float *)allocate(x->rows * outputs * sizeof(float));
    const ptqk_matrix w = {weights, outputs, x->cols, x->cols, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut to = {y, x->rows, outputs, outputs, PTQK_DTYPE_F32, 0};
    ptqk_gemm_params params;
    size_t bytes;
    ptqk_gemm_params_default(&params);
    params.transpose_b = 1;
    CHECK(ptqk_gemm_workspace_size(&ctx, &params, x->rows, outputs, x->cols, &bytes));
    void *const workspace = allocate(bytes);
    CHECK(ptqk_gemm(&ctx, &params, x, &w, &to, workspace, bytes));
    free(workspace);
    return y;
}

/* y += x (B A)^T. */
static void apply(const ptqk_lora_adapter *adapter, const ptqk_matrix *x, float *y, size_t outputs)
{
    const ptqk_lora_segment all = {0, 0, x->rows};
    const ptqk_matrix_mut to = {y, x->rows, outputs, outputs, PTQK_DTYPE_F32, 0};
    size_t bytes;
    CHECK(ptqk_lora_apply_workspace_size(&ctx, adapter, 1, x->rows, &bytes));
    void *const workspace = allocate(bytes);
    CHECK(ptqk_lora_apply(&ctx, adapter, 1, &all, 1, x, &to, workspace, bytes));
    free(workspace);
}

static double mean_error(const float *want, const float *got, size_t n)
{
    double sum = 0.0;
    size_t i;
    for (i = 0; i < n; i++) {
        const double e = (double)want[i] - (double)got[i];
        sum += e < 0 ? -e : e;
    }
    return n > 0 ? sum / (double)n : 0.0;
}

int main(int argc, char **argv)
{
    const int given = argc > 6;
    const char *const weights_file = given ? argv[1] : "c_examples/data/digits_mlp.safetensors";
    const char *const weights_name = given ? argv[2] : "fc1.weight";
    const char *const samples_file = given ? argv[3] : "c_examples/data/digits_calibration.safetensors";
    const char *const samples_name = given ? argv[4] : "images";
    const char *const inputs_file = given ? argv[5] : "c_examples/data/digits_test.safetensors";
    const char *const inputs_name = given ? argv[6] : "images";
    ptqk_lora_params params;
    ptqk_lora_outputs outputs;
    ptqk_lora_report report;
    ptqk_weight_layout layout;
    ptqk_convert_params convert;
    size_t bytes;
    double without, with;

    if (argc > 1 && !given) {
        fprintf(stderr, "usage: lora_layer [weights.safetensors tensor samples.safetensors tensor "
                        "inputs.safetensors tensor]\n");
        return EXIT_FAILURE;
    }
    start();
    const ptqk_matrix weights = read_matrix(weights_file, weights_name);
    const ptqk_matrix samples = read_matrix(samples_file, samples_name);
    const ptqk_matrix inputs = read_matrix(inputs_file, inputs_name);
    const size_t out = weights.rows, in = weights.cols;
    if (samples.cols != in || inputs.cols != in) {
        stop("samples and inputs need as many channels as the weights");
    }

    /* The weights as 3-bit codes. */
    ptqk_lora_params_default(&params);
    params.adapter_rank = RANK;
    params.subset_size = 0; /* all samples */
    params.weights.mode = PTQK_WEIGHT_MODE_INT3_SYM;
    params.weights.group_size = GROUP;
    CHECK(ptqk_weight_layout_query(&ctx, &params.weights, out, in, &layout));
    void *const code_bytes = allocate(layout.code_bytes), *const scale = allocate(layout.scale_bytes);
    const ptqk_codes_mut written = {code_bytes, out, in, layout.code_row_bytes, layout.code_type, 0};
    const ptqk_codes codes = {code_bytes, out, in, layout.code_row_bytes, layout.code_type, 0};
    CHECK(ptqk_compress_weights(&ctx, &params.weights, &weights, &written, scale, NULL, NULL));

    /* The adapters, A [RANK, in] and B [out, RANK], as 8-bit codes. An input of this layer is one row, so that each
       is its own mean; for sequences there is ptqk_channel_mean. */
    void *const a = allocate(RANK * in), *const b = allocate(out * RANK);
    float *const a_scale = (float *)allocate(RANK * sizeof(float)), *const b_scale = (float *)allocate(out * sizeof(float));
    uint8_t *const a_zero = (uint8_t *)allocate(RANK), *const b_zero = (uint8_t *)allocate(out);
    const ptqk_codes_mut a_codes = {a, RANK, in, in, PTQK_CODE_TYPE_U8, 0};
    const ptqk_codes_mut b_codes = {b, out, RANK, RANK, PTQK_CODE_TYPE_U8, 0};
    ptqk_lora_outputs_default(&outputs);
    outputs.a_codes = a_codes;
    outputs.b_codes = b_codes;
    outputs.a_scale = a_scale;
    outputs.b_scale = b_scale;
    outputs.a_zero_point = a_zero;
    outputs.b_zero_point = b_zero;
    CHECK(ptqk_lora_workspace_size(&ctx, &params, out, in, samples.rows, &bytes));
    void *const workspace = allocate(bytes);
    CHECK(ptqk_lora_correction(&ctx, &params, &weights, &codes, scale, NULL, NULL, &samples, NULL, &outputs, &report,
                               workspace, bytes));

    /* The layer at work: with its own weights, with the codes, and with the adapters added to that. */
    float *const original = (float *)allocate(out * in * sizeof(float));
    float *const restored = (float *)allocate(out * in * sizeof(float));
    const ptqk_matrix_mut to_original = {original, out, in, in, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut to_restored = {restored, out, in, in, PTQK_DTYPE_F32, 0};
    ptqk_convert_params_default(&convert);
    CHECK(ptqk_convert(&ctx, &convert, &weights, &to_original));
    CHECK(ptqk_decompress_weights(&ctx, &params.weights, &codes, scale, NULL, NULL, &to_restored));
    float *const want = outputs_of(&inputs, original, out);
    float *const got = outputs_of(&inputs, restored, out);
    without = mean_error(want, got, inputs.rows * out);
    const ptqk_matrix none = {NULL, 0, 0, 0, PTQK_DTYPE_F32, 0};
    const ptqk_codes read_a = {a, RANK, in, in, PTQK_CODE_TYPE_U8, 0};
    const ptqk_codes read_b = {b, out, RANK, RANK, PTQK_CODE_TYPE_U8, 0};
    const ptqk_lora_adapter adapter = {{none, read_a, a_scale, a_zero}, {none, read_b, b_scale, b_zero}, 1.0f, 0};
    apply(&adapter, &inputs, got, out);
    with = mean_error(want, got, inputs.rows * out);

    printf("layer      %lu x %lu; 3-bit codes, groups of %d; adapters of rank %d, 8-bit codes\n", (unsigned long)out,
           (unsigned long)in, GROUP, RANK);
    printf("size       %lu bytes and %lu of adapters, was %lu as f32\n", (unsigned long)layout.total_bytes,
           (unsigned long)((RANK * in + out * RANK) + 5 * (RANK + out)), (unsigned long)(out * in * sizeof(float)));
    printf("samples    %lu, mean error of the outputs %.4g, with adapters %.4g\n", (unsigned long)report.samples,
           (double)report.noise_before, (double)report.noise_after);
    printf("inputs     %lu, mean error of the outputs %.4g, with adapters %.4g: %.1f %% of it\n",
           (unsigned long)inputs.rows, without, with, 100.0 * with / without);

    free(got);
    free(want);
    free(restored);
    free(original);
    free(workspace);
    free(b_zero);
    free(a_zero);
    free(b_scale);
    free(a_scale);
    free(b);
    free(a);
    free(scale);
    free(code_bytes);
    free((void *)inputs.data);
    free((void *)samples.data);
    free((void *)weights.data);
    if (!(with < without)) {
        fprintf(stderr, "the adapters make the error no smaller\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
