/*
 * The part of digits.c that needs no quantization library: the files, the network in floating
 * point, the integer matrix product and the scores. Plain loops, made to be read.
 */
#ifndef DIGITS_NETWORK_H
#define DIGITS_NETWORK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "safetensors.h"

enum { LAYERS = 3, PIXELS = 64, HIDDEN = 256, CLASSES = 10, TEST_IMAGES = 600, CALIBRATION_IMAGES = 256 };

/* Layer l maps width[l] inputs to width[l + 1] outputs. */
static const size_t width[LAYERS + 1] = {PIXELS, HIDDEN, HIDDEN, CLASSES};

typedef struct network {
    float *weight[LAYERS]; /* [width[l + 1]][width[l]]: a row for each output */
    float *bias[LAYERS];   /* [width[l + 1]] */
} network;

/* What a batch of images looks like on its way through the network: [count][width[l]] each. */
typedef struct activations {
    size_t count;
    float *layer[LAYERS + 1]; /* 0: the images; LAYERS: the logits */
} activations;

typedef struct score {
    double accuracy, agreement; /* percent of the images: right, and the same as in float */
    double snr;                 /* of the logits, in dB; infinite if they are the same */
} score;

static inline void *allocate(size_t bytes)
{
    void *const memory = malloc(bytes);
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static inline float *allocate_floats(size_t count)
{
    return (float *)allocate(count * sizeof(float));
}

static inline float *copy_floats(const float *source, size_t count)
{
    float *const copy = allocate_floats(count);
    memcpy(copy, source, count * sizeof(float));
    return copy;
}

static inline void allocate_activations(activations *batch, size_t count)
{
    size_t l;
    batch->count = count;
    for (l = 0; l <= LAYERS; l++) {
        batch->layer[l] = allocate_floats(count * width[l]);
    }
}

/* ---- Files ---- */

/* Opens `directory`/`name`. `path` is kept by the file and must outlive it. */
static inline void open_or_exit(safetensors_file *file, char *path, size_t path_size, const char *directory,
                                const char *name)
{
    const int length = snprintf(path, path_size, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= path_size) {
        fprintf(stderr, "the path of %s is too long\n", name);
        exit(EXIT_FAILURE);
    }
    if (safetensors_open(file, path) != 0) {
        fprintf(stderr, "%s\n", file->message);
        exit(EXIT_FAILURE);
    }
}

static inline void read_or_exit(safetensors_file *file, const char *name, const char *dtype, size_t rows, size_t cols,
                                void *destination)
{
    const size_t shape[2] = {rows, cols};
    /* A vector is written with 0 columns here. */
    if (safetensors_read(file, name, dtype, shape, cols == 0 ? 1 : 2, destination) != 0) {
        fprintf(stderr, "%s\n", file->message);
        exit(EXIT_FAILURE);
    }
}

static inline void load_network(network *net, const char *directory)
{
    safetensors_file file;
    char path[1024];
    size_t l;
    open_or_exit(&file, path, sizeof path, directory, "digits_mlp.safetensors");
    for (l = 0; l < LAYERS; l++) {
        char name[32];
        net->weight[l] = allocate_floats(width[l + 1] * width[l]);
        net->bias[l] = allocate_floats(width[l + 1]);
        snprintf(name, sizeof name, "fc%u.weight", (unsigned)l + 1);
        read_or_exit(&file, name, "F32", width[l + 1], width[l], net->weight[l]);
        snprintf(name, sizeof name, "fc%u.bias", (unsigned)l + 1);
        read_or_exit(&file, name, "F32", width[l + 1], 0, net->bias[l]);
    }
    safetensors_close(&file);
}

/* Reads the images of a file into layer 0 of `batch`, scaled from 0..16 to 0..1 as in training. */
static inline void load_images(activations *batch, uint8_t *labels, const char *directory, const char *name,
                               size_t count)
{
    safetensors_file file;
    char path[1024];
    uint8_t *const pixels = (uint8_t *)allocate(count * PIXELS);
    size_t i;
    open_or_exit(&file, path, sizeof path, directory, name);
    read_or_exit(&file, "images", "U8", count, PIXELS, pixels);
    if (labels != NULL) {
        read_or_exit(&file, "labels", "U8", count, 0, labels);
    }
    safetensors_close(&file);

    allocate_activations(batch, count);
    for (i = 0; i < count * PIXELS; i++) {
        batch->layer[0][i] = (float)pixels[i] / 16.0f;
    }
    free(pixels);
}

static inline void free_network(network *net)
{
    size_t l;
    for (l = 0; l < LAYERS; l++) {
        free(net->weight[l]);
        free(net->bias[l]);
    }
}

static inline void free_activations(activations *batch)
{
    size_t l;
    for (l = 0; l <= LAYERS; l++) {
        free(batch->layer[l]);
    }
}

/* ---- The network in floating point ---- */

/* y = x w^T + bias */
static inline void linear(const float *x, size_t count, const float *w, const float *bias, size_t in, size_t out,
                          float *y)
{
    size_t i, o, k;
    for (i = 0; i < count; i++) {
        for (o = 0; o < out; o++) {
            float sum = bias[o];
            for (k = 0; k < in; k++) {
                sum += x[i * in + k] * w[o * in + k];
            }
            y[i * out + o] = sum;
        }
    }
}

/* Fills layer l + 1 of `batch` from layer l. */
static inline void run_layer(const network *net, size_t l, activations *batch)
{
    float *const y = batch->layer[l + 1];
    size_t i;
    linear(batch->layer[l], batch->count, net->weight[l], net->bias[l], width[l], width[l + 1], y);
    for (i = 0; l + 1 < LAYERS && i < batch->count * width[l + 1]; i++) {
        y[i] = y[i] > 0.0f ? y[i] : 0.0f;
    }
}

/* Fills layers 1 to LAYERS of `batch` from layer 0. */
static inline void run_network(const network *net, activations *batch)
{
    size_t l;
    for (l = 0; l < LAYERS; l++) {
        run_layer(net, l, batch);
    }
}

/* ---- The integer product ---- */

/* 8-bit codes are kept as bytes; whether they are signed is the quantizer's business. */
typedef struct byte_matrix {
    const uint8_t *codes;
    int is_signed;
    const int32_t *zero_point; /* of the left matrix: one; of the right one: one a row */
} byte_matrix;

static inline int32_t code_value(const byte_matrix *m, size_t i)
{
    const int32_t value = m->codes[i];
    return m->is_signed && value > 127 ? value - 256 : value;
}

static inline int32_t sum_of_row(const byte_matrix *m, size_t row, size_t cols)
{
    int32_t sum = 0;
    size_t k;
    for (k = 0; k < cols; k++) {
        sum += code_value(m, row * cols + k);
    }
    return sum;
}

/*
 * acc[i][o] = sum over k of (x[i][k] - zx) * (w[o][k] - zw[o]).
 *
 * Engines multiply the codes as they are and take the zero points off afterwards, and so does this:
 *     sum x w  -  zx sum w  -  zw sum x  +  in zx zw
 * Each product is below 2^16 and `in` at most 256, so no sum comes near 2^31.
 */
static inline void integer_product(const byte_matrix *x, const byte_matrix *w, size_t count, size_t in, size_t out,
                                   int32_t *acc)
{
    size_t i, o, k;
    for (o = 0; o < out; o++) {
        const int32_t zx = x->zero_point[0], zw = w->zero_point[o];
        const int32_t constant = (int32_t)in * zx * zw - zx * sum_of_row(w, o, in);
        for (i = 0; i < count; i++) {
            int32_t sum = constant;
            for (k = 0; k < in; k++) {
                sum += code_value(x, i * in + k) * code_value(w, o * in + k);
            }
            acc[i * out + o] = sum - zw * sum_of_row(x, i, in);
        }
    }
}

/* The bias as a number of accumulator steps. The clamp keeps a tiny step from overflowing an int32. */
static inline int32_t integer_bias(float bias, float step)
{
    const double limit = 1073741824.0; /* 2^30 */
    const double value = floor((double)bias / (double)step + 0.5);
    return (int32_t)(value < -limit ? -limit : value > limit ? limit : value);
}

/* ---- Scores ---- */

static inline size_t best_class(const float *logits)
{
    size_t c, best = 0;
    for (c = 1; c < CLASSES; c++) {
        best = logits[c] > logits[best] ? c : best;
    }
    return best;
}

static inline score score_logits(const float *logits, const float *reference, const uint8_t *labels, size_t count)
{
    size_t i, right = 0, same = 0;
    double signal = 0.0, noise = 0.0;
    score s;
    for (i = 0; i < count; i++) {
        const size_t best = best_class(logits + i * CLASSES);
        right += best == labels[i];
        same += best == best_class(reference + i * CLASSES);
    }
    for (i = 0; i < count * CLASSES; i++) {
        const double difference = (double)reference[i] - (double)logits[i];
        signal += (double)reference[i] * (double)reference[i];
        noise += difference * difference;
    }
    s.accuracy = 100.0 * (double)right / (double)count;
    s.agreement = 100.0 * (double)same / (double)count;
    s.snr = noise > 0.0 ? 10.0 * log10(signal / noise) : (double)INFINITY;
    return s;
}

#endif
