/*
 * Weight compression: a matrix becomes 4-bit codes with one 16-bit scale for each group of 128
 * weights of a row, an eighth of its size. What was lost is measured twice, by the library and here.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ptqk.h"

enum { ROWS = 256, COLS = 1024, GROUP = 128 };

static float weights[ROWS * COLS], restored[ROWS * COLS];

/* Sums of four uniform numbers: a bell shape, as trained weights have. */
static void fill_weights(void)
{
    uint32_t state = 1;
    size_t i;
    int term;
    for (i = 0; i < (size_t)ROWS * COLS; i++) {
        for (term = 0; term < 4; term++) {
            state = state * 1664525u + 1013904223u;
            weights[i] += ((float)(state >> 8) / 16777216.0f - 0.5f) * 0.05f;
        }
    }
}

static int failed(ptqk_status status, const char *what)
{
    if (status != PTQK_STATUS_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, ptqk_status_name(status), ptqk_status_message(status));
    }
    return status != PTQK_STATUS_OK;
}

int main(void)
{
    const ptqk_matrix source = {weights, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut target = {restored, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
    ptqk_weight_params params;
    ptqk_weight_layout layout;
    ptqk_weight_error error;
    double signal = 0.0, noise = 0.0, frobenius;
    int bad;
    size_t i;

    fill_weights();
    ptqk_weight_params_default(&params);
    params.mode = PTQK_WEIGHT_MODE_INT4_SYM;
    params.group_size = GROUP;
    params.scale_dtype = PTQK_DTYPE_F16;

    /* The library tells how much memory the result takes; the caller provides it. */
    if (failed(ptqk_weight_layout_query(NULL, &params, ROWS, COLS, &layout), "ptqk_weight_layout_query")) {
        return 1;
    }
    void *const bytes = malloc(layout.code_bytes), *const scale = malloc(layout.scale_bytes);
    if (bytes == NULL || scale == NULL) {
        return 1;
    }
    const ptqk_codes_mut written = {bytes, ROWS, COLS, layout.code_row_bytes, layout.code_type, 0};
    const ptqk_codes read = {bytes, ROWS, COLS, layout.code_row_bytes, layout.code_type, 0};

    /* A symmetric mode has no zero points: NULL. */
    bad = failed(ptqk_compress_weights(NULL, &params, &source, &written, scale, NULL, NULL), "ptqk_compress_weights")
          || failed(ptqk_weight_error_query(NULL, &params, &source, &read, scale, NULL, NULL, &error),
                    "ptqk_weight_error_query")
          || failed(ptqk_decompress_weights(NULL, &params, &read, scale, NULL, NULL, &target), "ptqk_decompress_weights");
    free(scale);
    free(bytes);
    if (bad) {
        return 1;
    }

    for (i = 0; i < (size_t)ROWS * COLS; i++) {
        const double difference = (double)weights[i] - (double)restored[i];
        signal += (double)weights[i] * (double)weights[i];
        noise += difference * difference;
    }
    frobenius = sqrt(noise);
    printf("size       %lu bytes, was %lu\n", (unsigned long)layout.total_bytes, (unsigned long)sizeof weights);
    printf("error      %g (Frobenius norm), worst row %g (mean square)\n", (double)error.frobenius,
           (double)error.max_mean_squared);
    printf("SNR        %.1f dB\n", 10.0 * log10(signal / noise));
    if (!(fabs(frobenius - (double)error.frobenius) <= 1e-3 * frobenius)) {
        fprintf(stderr, "the library reports an error of %g, but it is %g\n", (double)error.frobenius, frobenius);
        return 1;
    }
    return 0;
}
