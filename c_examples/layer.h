/*
 * What the examples over one layer share, besides the context: C99 and C++17. Memory, and matrices out of
 * safetensors files.
 */
#ifndef LAYER_H
#define LAYER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "safetensors.h"

static void *allocate(size_t bytes)
{
    void *const memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static void stop(const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(EXIT_FAILURE);
}

/* Reads a matrix of any float type, or of bytes, which become floats. The caller frees its data. */
static ptqk_matrix read_matrix(const char *path, const char *name)
{
    static const struct {
        const char *name;
        uint32_t dtype;
        size_t bytes;
    } types[] = {{"F32", PTQK_DTYPE_F32, 4}, {"F16", PTQK_DTYPE_F16, 2}, {"BF16", PTQK_DTYPE_BF16, 2}, {"U8", 0, 1}};
    ptqk_matrix m = {NULL, 0, 0, 0, PTQK_DTYPE_F32, 0};
    safetensors_file file;
    safetensors_entry entry;
    size_t i, type = 0;
    if (safetensors_open(&file, path) != 0 || safetensors_scan(&file, name, &entry) != 0) {
        stop(file.message);
    }
    while (type < 4 && !safetensors_equal(entry.dtype, types[type].name)) {
        type++;
    }
    if (type == 4 || entry.rank != 2) {
        stop("the tensor is not a matrix of F32, F16, BF16 or U8");
    }
    m.rows = (size_t)entry.shape[0];
    m.cols = m.row_stride = (size_t)entry.shape[1];
    m.dtype = types[type].dtype;
    {
        const size_t shape[2] = {m.rows, m.cols};
        const size_t count = m.rows * m.cols; /* the file has them all, so this is no overflow */
        void *const data = allocate(count * types[type].bytes);
        if (safetensors_read(&file, name, types[type].name, shape, 2, data) != 0) {
            stop(file.message);
        }
        m.data = data;
        if (types[type].bytes == 1) {
            float *const floats = (float *)allocate(count * sizeof(float));
            for (i = 0; i < count; i++) {
                floats[i] = (float)((const uint8_t *)data)[i];
            }
            free(data);
            m.data = floats;
        }
    }
    safetensors_close(&file);
    return m;
}

#endif /* LAYER_H */
