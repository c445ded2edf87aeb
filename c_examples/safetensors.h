/*
 * A small reader of safetensors files for the examples: C99 and C++17, little-endian hosts.
 *
 *     safetensors_file file;
 *     const size_t shape[2] = {256, 64};
 *     if (safetensors_open(&file, "model.safetensors") != 0
 *         || safetensors_read(&file, "fc1.weight", "F32", shape, 2, weights) != 0) {
 *         fprintf(stderr, "%s\n", file.message);
 *     }
 *     safetensors_close(&file);
 *
 * A file is 8 bytes with the length of a JSON header, the header, and the tensors' bytes:
 *
 *     {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
 *
 * Nothing in a file is trusted. Opening it checks the whole header: its size, its syntax, and for
 * each tensor that shape, type and offsets agree and lie inside the file. Nothing is printed; what
 * is wrong stands in `message`.
 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The limits of this reader. The format itself allows a header of 100 MB. */
#define SAFETENSORS_MAX_HEADER ((uint64_t)16 << 20)
#define SAFETENSORS_MAX_RANK 8

typedef struct safetensors_file {
    FILE *stream;
    const char *path; /* as given to safetensors_open, for messages */
    char *header;
    size_t header_size;
    uint64_t data_start; /* where the tensors' bytes begin */
    uint64_t size;       /* of the whole file */
    char message[320];   /* the last failure, or "" */
} safetensors_file;

/* A piece of the header: not terminated. */
typedef struct safetensors_text {
    const char *start;
    size_t size;
} safetensors_text;

typedef struct safetensors_entry {
    safetensors_text name, dtype;
    uint64_t shape[SAFETENSORS_MAX_RANK];
    size_t rank;
    uint64_t offsets[2]; /* begin and end, counted from data_start */
} safetensors_entry;

typedef struct safetensors_cursor {
    const char *at, *end;
} safetensors_cursor;

/* Writes "path: ..." to `message`; returns -1. */
static inline int safetensors_fail(safetensors_file *file, const char *format, ...)
{
    va_list arguments;
    int used = snprintf(file->message, sizeof file->message, "%.200s: ", file->path);
    if (used < 0) {
        used = 0;
    }
    va_start(arguments, format);
    vsnprintf(file->message + used, sizeof file->message - (size_t)used, format, arguments);
    va_end(arguments);
    return -1;
}

/* The text's length as a precision for "%.*s", short enough for a message. */
static inline int safetensors_width(safetensors_text text)
{
    return text.size < 60 ? (int)text.size : 60;
}

static inline int safetensors_equal(safetensors_text text, const char *expected)
{
    return text.size == strlen(expected) && memcmp(text.start, expected, text.size) == 0;
}

/* ---- The header's JSON. Each function returns 1 if it could read what it is named after. ---- */

static inline void safetensors_skip_space(safetensors_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
}

static inline int safetensors_symbol(safetensors_cursor *c, char symbol)
{
    safetensors_skip_space(c);
    if (c->at == c->end || *c->at != symbol) {
        return 0;
    }
    c->at++;
    return 1;
}

/* The text between the quotes. Escapes are stepped over and kept as they are written. */
static inline int safetensors_string(safetensors_cursor *c, safetensors_text *text)
{
    if (!safetensors_symbol(c, '"')) {
        return 0;
    }
    text->start = c->at;
    while (c->at < c->end && *c->at != '"') {
        if ((unsigned char)*c->at < 0x20) {
            return 0;
        }
        c->at += *c->at == '\\' && c->end - c->at > 1 ? 2 : 1;
    }
    text->size = (size_t)(c->at - text->start);
    return safetensors_symbol(c, '"');
}

static inline int safetensors_number(safetensors_cursor *c, uint64_t *value)
{
    const char *start;
    safetensors_skip_space(c);
    start = c->at;
    *value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        const uint64_t digit = (uint64_t)(*c->at - '0');
        if (*value > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        *value = *value * 10 + digit;
    }
    return c->at != start;
}

static inline int safetensors_numbers(safetensors_cursor *c, uint64_t *values, size_t capacity, size_t *count)
{
    *count = 0;
    if (!safetensors_symbol(c, '[')) {
        return 0;
    }
    if (safetensors_symbol(c, ']')) {
        return 1;
    }
    do {
        if (*count == capacity || !safetensors_number(c, &values[*count])) {
            return 0;
        }
        ++*count;
    } while (safetensors_symbol(c, ','));
    return safetensors_symbol(c, ']');
}

static inline int safetensors_metadata(safetensors_cursor *c)
{
    safetensors_text text;
    if (!safetensors_symbol(c, '{')) {
        return 0;
    }
    if (safetensors_symbol(c, '}')) {
        return 1;
    }
    do {
        if (!safetensors_string(c, &text) || !safetensors_symbol(c, ':') || !safetensors_string(c, &text)) {
            return 0;
        }
    } while (safetensors_symbol(c, ','));
    return safetensors_symbol(c, '}');
}

/* The object that describes one tensor: each of the three keys once, in any order. */
static inline int safetensors_description(safetensors_cursor *c, safetensors_entry *entry)
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    unsigned seen = 0;
    if (!safetensors_symbol(c, '{')) {
        return 0;
    }
    do {
        safetensors_text key;
        unsigned bit = 0;
        size_t count = 0;
        int ok = safetensors_string(c, &key) && safetensors_symbol(c, ':');
        if (ok && safetensors_equal(key, "dtype")) {
            bit = DTYPE;
            ok = safetensors_string(c, &entry->dtype);
        } else if (ok && safetensors_equal(key, "shape")) {
            bit = SHAPE;
            ok = safetensors_numbers(c, entry->shape, SAFETENSORS_MAX_RANK, &entry->rank);
        } else if (ok && safetensors_equal(key, "data_offsets")) {
            bit = OFFSETS;
            ok = safetensors_numbers(c, entry->offsets, 2, &count) && count == 2;
        }
        if (!ok || bit == 0 || (seen & bit) != 0) {
            return 0;
        }
        seen |= bit;
    } while (safetensors_symbol(c, ','));
    return seen == (DTYPE | SHAPE | OFFSETS) && safetensors_symbol(c, '}');
}

/* ---- What the header says, against the file. ---- */

/* Bytes of one element, or 0 for a type that this reader does not know. */
static inline uint64_t safetensors_element_size(safetensors_text dtype)
{
    static const struct {
        const char *name;
        uint64_t size;
    } known[] = {
        {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
        {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},     {"I32", 4},
        {"F32", 4},  {"U64", 8}, {"I64", 8}, {"F64", 8},
    };
    size_t i;
    for (i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (safetensors_equal(dtype, known[i].name)) {
            return known[i].size;
        }
    }
    return 0;
}

/* 0 if type, shape and offsets agree and the tensor lies inside the file. */
static inline int safetensors_check_entry(safetensors_file *file, const safetensors_entry *entry)
{
    const uint64_t begin = entry->offsets[0], end = entry->offsets[1];
    const uint64_t available = file->size - file->data_start;
    const int width = safetensors_width(entry->name);
    const char *const name = entry->name.start;
    uint64_t bytes = safetensors_element_size(entry->dtype);
    size_t i;

    if (bytes == 0) {
        return safetensors_fail(file, "tensor %.*s has the unknown type %.*s", width, name,
                                safetensors_width(entry->dtype), entry->dtype.start);
    }
    for (i = 0; i < entry->rank; i++) {
        if (entry->shape[i] != 0 && bytes > UINT64_MAX / entry->shape[i]) {
            return safetensors_fail(file, "the shape of tensor %.*s overflows", width, name);
        }
        bytes *= entry->shape[i];
    }
    if (begin > end) {
        return safetensors_fail(file, "tensor %.*s ends before it begins", width, name);
    }
    if (end > UINT64_MAX - file->data_start) {
        return safetensors_fail(file, "the offsets of tensor %.*s overflow", width, name);
    }
    if (end > available) {
        return safetensors_fail(file, "tensor %.*s ends at byte %llu but the file has %llu", width, name,
                                (unsigned long long)(file->data_start + end), (unsigned long long)file->size);
    }
    if (end - begin != bytes) {
        return safetensors_fail(file, "tensor %.*s holds %llu bytes but its shape needs %llu", width, name,
                                (unsigned long long)(end - begin), (unsigned long long)bytes);
    }
    return 0;
}

static inline int safetensors_fail_syntax(safetensors_file *file, const safetensors_cursor *c)
{
    return safetensors_fail(file, "the header is malformed at byte %llu",
                            (unsigned long long)(8 + (uint64_t)(c->at - file->header)));
}

/*
 * Checks the whole header, and if `name` is not NULL copies the description of that tensor to
 * `found`. A file without it, or with two of it, is an error.
 */
static inline int safetensors_scan(safetensors_file *file, const char *name, safetensors_entry *found)
{
    safetensors_cursor c;
    int matches = 0;
    c.at = file->header;
    c.end = file->header + file->header_size;
    if (!safetensors_symbol(&c, '{')) {
        return safetensors_fail_syntax(file, &c);
    }
    if (!safetensors_symbol(&c, '}')) {
        do {
            safetensors_entry entry;
            if (!safetensors_string(&c, &entry.name) || !safetensors_symbol(&c, ':')) {
                return safetensors_fail_syntax(file, &c);
            }
            if (safetensors_equal(entry.name, "__metadata__")) {
                if (!safetensors_metadata(&c)) {
                    return safetensors_fail_syntax(file, &c);
                }
                continue;
            }
            if (!safetensors_description(&c, &entry)) {
                return safetensors_fail_syntax(file, &c);
            }
            if (safetensors_check_entry(file, &entry) != 0) {
                return -1;
            }
            if (name != NULL && safetensors_equal(entry.name, name)) {
                *found = entry;
                matches++;
            }
        } while (safetensors_symbol(&c, ','));
        if (!safetensors_symbol(&c, '}')) {
            return safetensors_fail_syntax(file, &c);
        }
    }
    safetensors_skip_space(&c);
    if (c.at != c.end) {
        return safetensors_fail_syntax(file, &c);
    }
    if (name != NULL && matches != 1) {
        return safetensors_fail(file, "%s tensor %.60s", matches == 0 ? "there is no" : "there is more than one", name);
    }
    return 0;
}

/* The part of safetensors_open that may fail with the stream open. */
static inline int safetensors_load_header(safetensors_file *file)
{
    unsigned char prefix[8];
    uint64_t header_size = 0;
    long size;
    int i;

    if (fseek(file->stream, 0, SEEK_END) != 0 || (size = ftell(file->stream)) < 0
        || fseek(file->stream, 0, SEEK_SET) != 0) {
        return safetensors_fail(file, "cannot find out its size");
    }
    file->size = (uint64_t)size;
    if (file->size < sizeof prefix) {
        return safetensors_fail(file, "%ld bytes are too short for a safetensors file", size);
    }
    if (fread(prefix, 1, sizeof prefix, file->stream) != sizeof prefix) {
        return safetensors_fail(file, "cannot be read");
    }
    for (i = 7; i >= 0; i--) {
        header_size = header_size << 8 | prefix[i];
    }
    if (header_size > SAFETENSORS_MAX_HEADER) {
        return safetensors_fail(file, "a header of %llu bytes is over the limit: not a safetensors file?",
                                (unsigned long long)header_size);
    }
    if (header_size > file->size - sizeof prefix) {
        return safetensors_fail(file, "the header ends at byte %llu but the file has %llu",
                                (unsigned long long)(8 + header_size), (unsigned long long)file->size);
    }
    file->header_size = (size_t)header_size;
    file->data_start = 8 + header_size;
    file->header = (char *)malloc(file->header_size == 0 ? 1 : file->header_size);
    if (file->header == NULL) {
        return safetensors_fail(file, "out of memory");
    }
    if (fread(file->header, 1, file->header_size, file->stream) != file->header_size) {
        return safetensors_fail(file, "cannot be read");
    }
    return safetensors_scan(file, NULL, NULL);
}

/* Releases what `file` holds; harmless after a failed open and when called twice. */
static inline void safetensors_close(safetensors_file *file)
{
    if (file->stream != NULL) {
        fclose(file->stream);
    }
    free(file->header);
    file->stream = NULL;
    file->header = NULL;
    file->header_size = 0;
}

/* Opens and checks `path`, which must stay valid until the close. 0, or -1 and a message. */
static inline int safetensors_open(safetensors_file *file, const char *path)
{
    memset(file, 0, sizeof *file);
    file->path = path;
    file->stream = fopen(path, "rb");
    if (file->stream == NULL) {
        return safetensors_fail(file, "cannot be opened");
    }
    if (safetensors_load_header(file) != 0) {
        safetensors_close(file);
        return -1;
    }
    return 0;
}

/*
 * Copies the tensor `name` to `destination`, if it has the type and the shape that the caller made
 * room for. 0, or -1 and a message.
 */
static inline int safetensors_read(safetensors_file *file, const char *name, const char *dtype, const size_t *shape,
                                   size_t rank, void *destination)
{
    safetensors_entry entry;
    const uint16_t one = 1;
    uint64_t bytes;
    size_t i;

    if (file->stream == NULL) {
        return safetensors_fail(file, "is not open");
    }
    if (safetensors_scan(file, name, &entry) != 0) {
        return -1;
    }
    if (!safetensors_equal(entry.dtype, dtype)) {
        return safetensors_fail(file, "tensor %.60s has type %.*s, expected %.16s", name,
                                safetensors_width(entry.dtype), entry.dtype.start, dtype);
    }
    if (safetensors_element_size(entry.dtype) > 1 && *(const unsigned char *)&one != 1) {
        return safetensors_fail(file, "this reader needs a little-endian machine");
    }
    if (entry.rank != rank) {
        return safetensors_fail(file, "tensor %.60s has %zu dimensions, expected %zu", name, entry.rank, rank);
    }
    for (i = 0; i < rank; i++) {
        if (entry.shape[i] != shape[i]) {
            return safetensors_fail(file, "tensor %.60s has size %llu in dimension %zu, expected %zu", name,
                                    (unsigned long long)entry.shape[i], i, shape[i]);
        }
    }
    /* The file's size came from ftell, so every offset inside it fits a long. */
    bytes = entry.offsets[1] - entry.offsets[0];
    if (fseek(file->stream, (long)(file->data_start + entry.offsets[0]), SEEK_SET) != 0
        || fread(destination, 1, (size_t)bytes, file->stream) != (size_t)bytes) {
        return safetensors_fail(file, "tensor %.60s cannot be read", name);
    }
    return 0;
}

#endif
