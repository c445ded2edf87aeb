/*
 * 8-bit floats: a layer of a trained network becomes FP8 E4M3 with one scale for the tensor, a
 * quarter of its size, and comes back. First every number goes to the nearest code; then, by
 * stochastic rounding, to the code above or below it by chance: a larger error each time, but one
 * that averages to about nothing.
 *
 *     fp8_convert [directory of the data, c_examples/data if not given]
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ptqk.h"
#include "safetensors.h"

enum { ROWS = 256, COLS = 256, COUNT = ROWS * COLS, RUNS = 64, SHOWN = 5 };

static float tensor[COUNT], scaled[COUNT], restored[COUNT];
static double sum[COUNT]; /* of what the runs gave back */
static uint8_t codes[COUNT];

static const ptqk_matrix source = {tensor, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
static const ptqk_matrix scaled_source = {scaled, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
static const ptqk_matrix_mut target = {restored, ROWS, COLS, COLS, PTQK_DTYPE_F32, 0};
static const ptqk_codes_mut written = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_E4M3, 0};
static const ptqk_codes stored = {codes, ROWS, COLS, COLS, PTQK_CODE_TYPE_E4M3, 0};

static void check(ptqk_status status, const char *what)
{
    if (status != PTQK_STATUS_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, ptqk_status_name(status), ptqk_status_message(status));
        exit(EXIT_FAILURE);
    }
}

static void read_tensor(const char *directory)
{
    const size_t shape[2] = {ROWS, COLS};
    char path[1024];
    safetensors_file file;
    const int length = snprintf(path, sizeof path, "%s/digits_mlp.safetensors", directory);
    if (length < 0 || (size_t)length >= sizeof path) {
        fprintf(stderr, "the path is too long\n");
        exit(EXIT_FAILURE);
    }
    if (safetensors_open(&file, path) != 0 || safetensors_read(&file, "fc2.weight", "F32", shape, 2, tensor) != 0) {
        fprintf(stderr, "%s\n", file.message);
        exit(EXIT_FAILURE);
    }
    safetensors_close(&file);
}

/* The scale with which the largest magnitude gets the code of 448, the largest number of E4M3. */
static float find_scale(void)
{
    ptqk_reduce_params reduce;
    ptqk_fp8_params fp8;
    float min, max, scale;
    ptqk_reduce_params_default(&reduce);
    check(ptqk_min_max(NULL, &reduce, &source, &min, &max), "ptqk_min_max");
    ptqk_fp8_params_default(&fp8);
    fp8.activation_scale = 1.0f; /* weights stay what they are: no room above them */
    check(ptqk_fp8_scale_from_min_max(NULL, &fp8, &min, &max, 1, &scale), "ptqk_fp8_scale_from_min_max");
    return 1.0f / scale; /* codes stand for x * scale there, for x / scale in ptqk_quantize */
}

/* To codes and back, adding what comes back to `sum`. The seed names the sequence of chances. */
static void convert(float scale, int stochastic, uint64_t seed)
{
    ptqk_quantize_params quantize;
    ptqk_convert_params encode;
    size_t i;
    ptqk_quantize_params_default(&quantize); /* one scale for the tensor */
    if (stochastic) {
        ptqk_convert_params_default(&encode);
        encode.rounding = PTQK_FLOAT_ROUNDING_STOCHASTIC;
        encode.seed = seed;
        for (i = 0; i < COUNT; i++) {
            scaled[i] = tensor[i] / scale; /* encoding knows no scale */
        }
        check(ptqk_encode(NULL, &encode, &scaled_source, &written), "ptqk_encode");
    } else {
        check(ptqk_quantize(NULL, &quantize, &source, &scale, NULL, &written), "ptqk_quantize");
    }
    check(ptqk_dequantize(NULL, &quantize, &stored, &scale, NULL, &target), "ptqk_dequantize");
    for (i = 0; i < COUNT; i++) {
        sum[i] += (double)restored[i];
    }
}

/*
 * Prints how far the average of the runs is from the numbers, and forgets the runs; returns the
 * largest error relative to the number. Numbers below 2^-6 * scale have codes without an exponent of
 * their own: their error is taken relative to 2^-6 * scale.
 */
static double report(const char *name, int runs, float scale)
{
    double largest = 0.0, mean = 0.0;
    size_t i;
    for (i = 0; i < COUNT; i++) {
        const double x = (double)tensor[i], error = fabs(sum[i] / runs - x);
        largest = fmax(largest, error / fmax(fabs(x), ldexp((double)scale, -6)));
        mean += error / COUNT;
        sum[i] = 0.0;
    }
    printf("%-27s largest error %5.2f %% of a number, mean error %.6f\n", name, 100.0 * largest, mean);
    return largest;
}

int main(int argc, char **argv)
{
    double nearest, once, average;
    float scale;
    int i;

    read_tensor(argc > 1 ? argv[1] : "c_examples/data");
    scale = find_scale();
    printf("%d bytes and one scale (%g), was %d bytes\n", (int)sizeof codes, (double)scale, (int)sizeof tensor);

    convert(scale, 0, 0);
    for (i = 0; i < SHOWN; i++) {
        printf("%10.6f -> 0x%02X -> %10.6f\n", (double)tensor[i], (unsigned)codes[i], (double)restored[i]);
    }
    nearest = report("to nearest", 1, scale);
    convert(scale, 1, 1);
    once = report("stochastic", 1, scale);
    for (i = 0; i < RUNS; i++) {
        convert(scale, 1, (uint64_t)i);
    }
    average = report("stochastic, mean of 64 runs", RUNS, scale);

    /* Three bits of mantissa: half a step is 1/16 of a number, a step 1/8. */
    if (!(nearest <= 1.0001 / 16 && once <= 1.0001 / 8 && average < nearest)) {
        fprintf(stderr, "the errors are not those of 8-bit floats\n");
        return 1;
    }
    return 0;
}
