/*
 * Threads and progress. The library starts no thread, but a context can lend it the caller's: plain
 * pthreads here. The bytes of the result do not depend on how many there are.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ptqk.h"

enum { SIZE = 2048, GROUP = 128, MAX_THREADS = 16, BYTES = SIZE * SIZE / 2, SCALES = SIZE * (SIZE / GROUP) };

static float weights[SIZE * SIZE];
static uint8_t codes[2][BYTES];
static uint16_t scales[2][SCALES]; /* f16, the default */

typedef struct pool { /* what the callbacks find in ctx->user */
    size_t threads; /* 1 to MAX_THREADS */
    uint64_t done, total;
} pool;

typedef struct worker { /* runs the tasks first, first + step, first + 2 step ... below n */
    size_t first, step, n;
    ptqk_task task;
    void *arg;
} worker;

static void *work(void *pointer)
{
    const worker *const w = (const worker *)pointer;
    for (size_t i = w->first; i < w->n; i += w->step) {
        w->task(w->arg, i);
    }
    return NULL;
}

static void parallel_for(const ptqk_ctx *ctx, size_t n, ptqk_task task, void *arg)
{
    const size_t threads = ((const pool *)ctx->user)->threads;
    pthread_t thread[MAX_THREADS];
    int started[MAX_THREADS];
    worker share[MAX_THREADS];
    for (size_t t = 0; t < threads; t++) {
        const worker w = {t, threads, n, task, arg};
        share[t] = w;
        started[t] = t > 0 && pthread_create(&thread[t], NULL, work, &share[t]) == 0;
    }
    for (size_t t = 0; t < threads; t++) {
        if (started[t]) {
            pthread_join(thread[t], NULL);
        } else { /* share 0, and any that no thread could be started for */
            work(&share[t]);
        }
    }
}

/* Runs on the thread that called the library, so it needs no lock. */
static int32_t progress(const ptqk_ctx *ctx, uint64_t done, uint64_t total)
{
    pool *const p = (pool *)ctx->user;
    p->done = done;
    p->total = total;
    return 0; /* anything else cancels the call */
}

static int compress(size_t threads, uint8_t *code, uint16_t *scale)
{
    const ptqk_matrix source = {weights, SIZE, SIZE, SIZE, PTQK_DTYPE_F32, 0};
    const ptqk_codes_mut target = {code, SIZE, SIZE, SIZE / 2, PTQK_CODE_TYPE_I4, 0};
    pool p = {threads, 0, 0};
    ptqk_weight_params params;
    ptqk_ctx ctx;
    ptqk_ctx_default(&ctx);
    ctx.user = &p;
    ctx.parallel_for = parallel_for;
    ctx.progress = progress;
    ptqk_weight_params_default(&params);
    params.mode = PTQK_WEIGHT_MODE_INT4_SYM;
    params.group_size = GROUP;
    const ptqk_status status = ptqk_compress_weights(&ctx, &params, &source, &target, scale, NULL, NULL);
    printf("%lu thread(s): %s, %lu of %lu steps\n", (unsigned long)threads, ptqk_status_name(status),
           (unsigned long)p.done, (unsigned long)p.total);
    return status == PTQK_STATUS_OK && p.done == p.total;
}

int main(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < (size_t)SIZE * SIZE; i++) {
        state = state * 1664525u + 1013904223u;
        weights[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    const int same = compress(1, codes[0], scales[0]) && compress(4, codes[1], scales[1])
                     && memcmp(codes[0], codes[1], sizeof codes[0]) == 0
                     && memcmp(scales[0], scales[1], sizeof scales[0]) == 0;
    printf("%s\n", same ? "the same bytes" : "failed, or the results differ");
    return same ? 0 : 1;
}
