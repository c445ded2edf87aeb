/*
 * Data-parallel calibration with MPI: every rank sees its share of the samples and keeps a state of
 * constant size; the states go to rank 0, which merges them in rank order and prints the quantizers.
 * What is printed does not depend on the number of ranks.
 *
 *     mpicc -std=c99 -Iinclude -o calibration c_examples/mpi/calibration.c -lptqk -lm
 *     mpirun -n 4 ./calibration c_examples/data
 */
#include <mpi.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../safetensors.h"
#include "ptqk.h"

/* 64 samples of 4 images each. */
enum { IMAGES = 256, PIXELS = 64, BATCH = 4, SAMPLES = IMAGES / BATCH };

static float images[IMAGES * PIXELS];

/* Ends all ranks. */
static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void check(ptqk_status status, const char *what)
{
    if (status != PTQK_STATUS_OK) {
        fail(what, ptqk_status_message(status));
    }
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        fail("malloc", "out of memory");
    }
    return memory;
}

static void load_images(const char *folder)
{
    static uint8_t pixels[IMAGES * PIXELS];
    const size_t shape[2] = {IMAGES, PIXELS};
    safetensors_file file;
    char path[1056];
    int i;
    snprintf(path, sizeof path, "%.1000s/digits_calibration.safetensors", folder);
    if (safetensors_open(&file, path) != 0
        || safetensors_read(&file, "images", "U8", shape, 2, pixels) != 0) {
        fail("images", file.message);
    }
    safetensors_close(&file);
    for (i = 0; i < IMAGES * PIXELS; i++) {
        images[i] = (float)pixels[i] / 16.0f;
    }
}

static void print_quantizer(const char *name, float min, float max)
{
    ptqk_quantization_params params;
    ptqk_quantizer_grid grid;
    float scale;
    int32_t zero_point;
    ptqk_quantization_params_default(&params);
    params.scheme = PTQK_SCHEME_ASYMMETRIC;
    check(ptqk_quantizer_from_min_max(NULL, &params, &min, &max, 1, NULL, NULL, &scale, &zero_point, &grid),
          "quantizer");
    printf("%-22s %12.8g %12.8g  scale %12.8g  zero point %4d\n", name, (double)min, (double)max, (double)scale,
           (int)zero_point);
}

/* FNV-1a, to compare states by eye. */
static void print_digest(const char *name, const void *state, size_t bytes)
{
    const unsigned char *byte = (const unsigned char *)state;
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    size_t i;
    for (i = 0; i < bytes; i++) {
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001B3);
    }
    printf("%-22s %lu bytes, digest %08lx%08lx\n", name, (unsigned long)bytes, (unsigned long)(hash >> 32),
           (unsigned long)(hash & 0xFFFFFFFFu));
}

/* All states at rank 0, one after the other; NULL elsewhere. */
static unsigned char *gather(const void *state, size_t bytes, int rank, int ranks)
{
    unsigned char *all = rank == 0 ? (unsigned char *)allocate(bytes * (size_t)ranks) : NULL;
    MPI_Gather(state, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
    return all;
}

/* Mean of the minima and maxima of the samples, the default of NNCF for activations. */
static void range_of_means(int rank, int ranks, int first, int end)
{
    ptqk_range_params params;
    size_t bytes;
    void *state;
    unsigned char *all;
    int i;
    ptqk_range_params_default(&params);
    check(ptqk_range_estimator_preset(NULL, PTQK_RANGE_PRESET_MEAN_MIN_MAX, &params.estimator), "preset");
    params.num_samples = SAMPLES;
    check(ptqk_range_state_size(NULL, &params, &bytes), "range state");
    state = allocate(bytes);
    check(ptqk_range_init(NULL, &params, state, bytes), "range init");
    for (i = first; i < end; i++) {
        const ptqk_tensor sample = {images + i * BATCH * PIXELS, PTQK_DTYPE_F32, 2, {BATCH, PIXELS}, {PIXELS, 1}};
        check(ptqk_range_update(NULL, &sample, state, bytes), "range update");
    }
    all = gather(state, bytes, rank, ranks);
    if (rank == 0) {
        float min, max;
        for (i = 1; i < ranks; i++) {
            /* Memory from malloc and a size that is a multiple of 8: every state is aligned. */
            const void *other = all + (size_t)i * bytes;
            check(ptqk_range_load(NULL, other, bytes, NULL, NULL), "range of another rank");
            check(ptqk_range_merge(NULL, other, bytes, state, bytes), "range merge");
        }
        check(ptqk_range_finish(NULL, state, bytes, 1, &min, &max, NULL, 0), "range finish");
        print_quantizer("mean of min and max", min, max);
        print_digest("  its state", state, bytes);
    }
    free(all);
    free(state);
}

/* The 99.9th percentile of all elements, from a histogram whose merges have no order. */
static void range_of_histogram(int rank, int ranks, int first, int end)
{
    const int rows = (end - first) * BATCH;
    const ptqk_matrix share = {images + first * BATCH * PIXELS, (size_t)rows, PIXELS, PIXELS, PTQK_DTYPE_F32, 0};
    ptqk_histogram_params params;
    size_t bytes, room;
    void *state, *workspace;
    unsigned char *all;
    ptqk_histogram_params_default(&params);
    params.kind = PTQK_HISTOGRAM_KIND_MERGEABLE;
    check(ptqk_histogram_state_size(NULL, &params, &bytes), "histogram state");
    check(ptqk_histogram_workspace_size(NULL, &params, IMAGES, PIXELS, &room), "histogram workspace");
    state = allocate(bytes);
    workspace = allocate(room);
    check(ptqk_histogram_init(NULL, &params, state, bytes), "histogram init");
    check(ptqk_histogram_update(NULL, &share, state, bytes, workspace, room), "histogram update");
    all = gather(state, bytes, rank, ranks);
    if (rank == 0) {
        ptqk_histogram_range_params search;
        size_t needed;
        void *scratch;
        float min, max;
        int i;
        for (i = 1; i < ranks; i++) {
            const void *other = all + (size_t)i * bytes;
            check(ptqk_histogram_load(NULL, other, bytes, NULL), "histogram of another rank");
            check(ptqk_histogram_merge(NULL, other, bytes, state, bytes, workspace, room), "histogram merge");
        }
        ptqk_histogram_range_params_default(&search);
        search.method = PTQK_RANGE_METHOD_PERCENTILE;
        search.scheme = PTQK_SCHEME_ASYMMETRIC;
        search.percentile = 99.9;
        check(ptqk_histogram_range_workspace_size(NULL, &search, params.num_bins, &needed), "search workspace");
        scratch = allocate(needed);
        check(ptqk_histogram_range(NULL, &search, state, bytes, &min, &max, scratch, needed), "search");
        print_quantizer("99.9 % of the elements", min, max);
        free(scratch);
    }
    free(all);
    free(workspace);
    free(state);
}

int main(int argc, char **argv)
{
    int rank, ranks, first, end;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    load_images(argc > 1 ? argv[1] : "c_examples/data");
    /* Neighbouring samples, so that rank order is sample order. */
    first = SAMPLES * rank / ranks;
    end = SAMPLES * (rank + 1) / ranks;
    range_of_means(rank, ranks, first, end);
    range_of_histogram(rank, ranks, first, end);
    MPI_Finalize();
    return 0;
}
