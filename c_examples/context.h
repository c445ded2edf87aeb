/*
 * How the longer examples call the library: C99 and C++17. A context that keeps what was wrong, and a check that prints it
 * and stops.
 *
 *     start();
 *     CHECK(ptqk_min_max(&ctx, &reduce, &matrix, &min, &max));
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdio.h>
#include <stdlib.h>

#include "ptqk.h"

static ptqk_detail detail;
static ptqk_ctx ctx; /* serial and silent, but it says what was wrong */

static void check(ptqk_status status, const char *call)
{
    if (status == PTQK_STATUS_OK) {
        return;
    }
    fprintf(stderr, "%s\n    gives %s: %s\n", call, ptqk_status_name(status), ptqk_status_message(status));
    if (detail.argument != NULL) {
        fprintf(stderr, "    argument %s%s%s %s (it is %g)\n", detail.argument, detail.field != NULL ? "." : "",
                detail.field != NULL ? detail.field : "", detail.rule != NULL ? detail.rule : "is wrong", detail.value);
    }
    exit(EXIT_FAILURE);
}

#define CHECK(call) check((call), #call)

static void start(void)
{
    ptqk_detail_default(&detail);
    ptqk_ctx_default(&ctx);
    ctx.detail = &detail;
}

#endif /* CONTEXT_H */
