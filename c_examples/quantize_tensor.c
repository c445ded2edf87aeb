/*
 * The shortest way to 8 bits and back: the range of a tensor, a quantizer for it, the codes, and
 * how far the values that the codes stand for are from the original ones.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "ptqk.h"

enum { ROWS = 30, COLS = 77, COUNT = ROWS * COLS };

static float tensor[COUNT], restored[COUNT];
static int8_t codes[COUNT];

/* A slow wave with a ripple: smooth, and never the same twice. */
static void fill_tensor(void)
{
    int i;
    for (i = 0; i < COUNT; i++) {
        tensor[i] = (float)(sin(0.01 * i) + 0.3 * cos(1.7 * i));
    }
}

static int failed(ptqk_status status, const char *what)
{
    if (status != PTQK_STATUS_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, ptqk_status_name(status), ptqk_status_message(status));
    }
    return status != PTQK_STATUS_OK;
}

static double max_error(void)
{
    double largest = 0.0;
    int i;
    for (i = 0; i < COUNT; i++) {
        largest = fmax(largest, fabs((double)tensor[i] - (double)restored[i]));
    }
    return largest;
}

int main(void)
{
    const ptqk_matrix source = {tensor, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
    const ptqk_matrix_mut target = {restored, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
    const ptqk_codes_mut written = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_I8, 0};
    const ptqk_codes read = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_I8, 0};
    ptqk_reduce_params reduce;
    ptqk_quantization_params quantization;
    ptqk_quantize_params quantize;
    ptqk_quantizer_grid grid;
    float min, max, abs_max, low, high, scale;
    int32_t zero_point;
    double error, bound;

    fill_tensor();
    ptqk_reduce_params_default(&reduce);             /* one range for the whole tensor */
    ptqk_quantization_params_default(&quantization); /* 8 bits, symmetric */
    ptqk_quantize_params_default(&quantize);         /* one scale for the whole tensor */

    /* The symmetric scheme wants the largest magnitude in place of the maximum. */
    if (failed(ptqk_min_max(NULL, &reduce, &source, &min, &max), "ptqk_min_max")
        || failed(ptqk_abs_max(NULL, &reduce, &source, &abs_max), "ptqk_abs_max")
        || failed(ptqk_quantizer_from_min_max(NULL, &quantization, &min, &abs_max, 1, &low, &high, &scale, &zero_point,
                                              &grid),
                  "ptqk_quantizer_from_min_max")) {
        return 1;
    }
    quantize.code_min = grid.code_min;
    quantize.code_max = grid.code_max;
    if (failed(ptqk_quantize(NULL, &quantize, &source, &scale, &zero_point, &written), "ptqk_quantize")
        || failed(ptqk_dequantize(NULL, &quantize, &read, &scale, &zero_point, &target), "ptqk_dequantize")) {
        return 1;
    }

    /* Rounding to the nearest code is wrong by half a step at most; the rest is float rounding. */
    error = max_error();
    bound = 0.5001 * (double)scale;
    printf("range      %g .. %g\n", (double)min, (double)max);
    printf("codes      %d .. %d, scale %g, zero point %d\n", (int)grid.code_min, (int)grid.code_max, (double)scale,
           (int)zero_point);
    printf("max error  %g, half a step is %g\n", error, 0.5 * (double)scale);
    if (!(error > 0.0 && error <= bound)) {
        fprintf(stderr, "the error is not what rounding to the nearest code gives\n");
        return 1;
    }
    return 0;
}
