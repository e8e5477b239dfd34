/* SPDX-License-Identifier: MIT */
/*
 * yaml: one YAML file as a tree whose nodes know where they stand (libfyaml).
 *
 * Every error text is FILE:LINE:COLUMN: message, the source line, and a caret under the
 * place.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"
#include "base/rate.h"
#include "base/slice.h"

#include <stdint.h>

struct yaml;      /* a loaded document */
struct yaml_node; /* a node of it; borrowed until yaml_destroy */

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

/*
 * Reads and parses a file: at most 4 MiB, one document, no aliases or anchors, no
 * duplicate keys. ${NAME} and ${file:PATH} in values are replaced (PATH relative to the
 * file; a missing one is an error; a file's last line end is left off; $${ is a literal
 * ${). An empty file is an empty mapping. Returns 0, -EINVAL with the place, -ENOMEM, or
 * -errno when it cannot be read.
 */
MUST_CHECK int yaml_load(const char *path, struct yaml **ret_yaml, struct err *err);

/* The same from memory; name stands in for the path in messages. Used by fuzz targets. */
MUST_CHECK int yaml_parse(
    const char *name, struct slice text, struct yaml **ret_yaml, struct err *err);

void yaml_destroy(struct yaml *yaml);

const struct yaml_node *yaml_root(const struct yaml *yaml);

/* NULL node: treated as a scalar of null. */
enum yaml_kind yaml_kind(const struct yaml_node *node);

/* A plain (unquoted) null, ~ or nothing at all. */
bool yaml_is_null(const struct yaml_node *node);

/* Number of items or of key/value pairs; 0 for a scalar. */
size_t yaml_count(const struct yaml_node *node);

/* Item i of a sequence, or the value of pair i of a mapping. */
const struct yaml_node *yaml_item(const struct yaml_node *node, size_t i);

/* The key of pair i, and as a node (for messages about the key). */
const char *yaml_key(const struct yaml_node *mapping, size_t i);
const struct yaml_node *yaml_key_node(const struct yaml_node *mapping, size_t i);

/* The value under key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);

/* The text of a scalar (NUL-terminated, replaced), borrowed; "" for null. */
const char *yaml_text(const struct yaml_node *node);

/* Line and column of a node, from 1. */
int yaml_line(const struct yaml_node *node);
int yaml_column(const struct yaml_node *node);

/* Writes FILE:LINE:COLUMN: message, source line and caret. Returns -EINVAL. */
int yaml_error(const struct yaml_node *node, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails at the first key that is not in names (NULL-terminated), proposing the nearest
 * name. */
MUST_CHECK int yaml_only(
    const struct yaml_node *mapping, const char *const *names, struct err *err);

/* Typed readings: 0, or -EINVAL with the place. A NULL node leaves *ret alone and returns
 * 0. */
MUST_CHECK int yaml_bool(const struct yaml_node *node, bool *ret, struct err *err);
MUST_CHECK int yaml_integer(const struct yaml_node *node, int64_t low, int64_t high,
    int64_t *ret, struct err *err);
/* "64KiB", "1MiB", "2GiB", "512B", or plain bytes. */
MUST_CHECK int yaml_size(const struct yaml_node *node, uint64_t *ret, struct err *err);
/* "250ms", "10s", "5m", "2h", "90d" → nanoseconds. */
MUST_CHECK int yaml_duration(
    const struct yaml_node *node, int64_t *ret_ns, struct err *err);

/* "5/s", "20/m", "1000/h"; "none" is no limit. */
MUST_CHECK int yaml_rate(
    const struct yaml_node *node, struct rate_limit *ret_limit, struct err *err);

/* A duration in a text, as for an option of a command. False: it is none. */
bool yaml_duration_text(const char *text, int64_t *ret_ns);

#endif
