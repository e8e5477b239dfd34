/* SPDX-License-Identifier: MIT */
/*
 * yaml_value: scalars read as booleans, numbers, sizes and durations; unknown keys
 * refused.
 *
 * Messages never quote a value: it may have come out of ${…}. The source line shows what
 * the file says.
 */
#include "base/yaml.h"

#include <errno.h>

#define RATE_MAX 1000000 /* events, in whatever time */

/* One unit of a size or duration. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "B", 1 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
	{ "", 1 },
	{ NULL, 0 },
};

static const struct unit duration_units[] = {
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", UINT64_C(60) * 1000000000 },
	{ "h", UINT64_C(3600) * 1000000000 },
	{ "d", UINT64_C(86400) * 1000000000 },
	{ NULL, 0 },
};

/* Reads decimal digits off the front of *text. False: none, or too large. */
static bool cut_number(const char **text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = *text;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (UINT64_MAX - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
	}
	if (p == *text) {
		return false;
	}
	*text = p;
	*ret = value;
	return true;
}

/* Reads a number and its unit. False: not that, or more than max. */
static bool read_quantity(
    const char *text, const struct unit *unit, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;

	if (!cut_number(&text, &number)) {
		return false;
	}
	while (unit->name && strcmp(unit->name, text) != 0) {
		unit++;
	}
	if (!unit->name || number > max / unit->factor) {
		return false;
	}
	*ret = number * unit->factor;
	return true;
}

static bool is_text(const struct yaml_node *node)
{
	return yaml_kind(node) == YAML_SCALAR && !yaml_is_null(node);
}

int yaml_bool(const struct yaml_node *node, bool *ret, struct err *err)
{
	const char *text = yaml_text(node);
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "True") == 0 ||
	           strcmp(text, "TRUE") == 0;
	bool no = strcmp(text, "false") == 0 || strcmp(text, "False") == 0 ||
	          strcmp(text, "FALSE") == 0;

	if (!node) {
		return 0;
	}
	if (!yes && !no) {
		return yaml_error(node, err, "expected true or false");
	}
	*ret = yes;
	return 0;
}

int yaml_integer(const struct yaml_node *node, int64_t low, int64_t high, int64_t *ret,
    struct err *err)
{
	const char *text = yaml_text(node);
	bool minus = *text == '-';
	uint64_t number = 0;
	int64_t value = 0;
	bool good = false;

	if (!node) {
		return 0;
	}
	text += minus;
	good = is_text(node) && cut_number(&text, &number) && *text == '\0' &&
	       number <= INT64_MAX;
	value = minus ? -(int64_t)number : (int64_t)number;
	if (!good || value < low || value > high) {
		return yaml_error(node, err, "expected a whole number from %lld to %lld",
		    (long long)low, (long long)high);
	}
	*ret = value;
	return 0;
}

int yaml_size(const struct yaml_node *node, uint64_t *ret, struct err *err)
{
	uint64_t size = 0;

	if (!node) {
		return 0;
	}
	if (!is_text(node) ||
	    !read_quantity(yaml_text(node), size_units, INT64_MAX, &size)) {
		return yaml_error(node, err,
		    "expected a size such as 512B, 64KiB, 1MiB or 2GiB, or a number of bytes");
	}
	*ret = size;
	return 0;
}

bool yaml_duration_text(const char *text, int64_t *ret_ns)
{
	uint64_t ns = 0;

	if (!read_quantity(text, duration_units, INT64_MAX, &ns)) {
		return false;
	}
	*ret_ns = (int64_t)ns;
	return true;
}

int yaml_duration(const struct yaml_node *node, int64_t *ret_ns, struct err *err)
{
	if (!node) {
		return 0;
	}
	if (!is_text(node) || !yaml_duration_text(yaml_text(node), ret_ns)) {
		return yaml_error(
		    node, err, "expected a duration such as 250ms, 10s, 5m, 2h or 90d");
	}
	return 0;
}

static const struct unit rate_units[] = {
	{ "/s", 1000000000 },
	{ "/m", UINT64_C(60) * 1000000000 },
	{ "/h", UINT64_C(3600) * 1000000000 },
	{ NULL, 0 },
};

int yaml_rate(const struct yaml_node *node, struct rate_limit *ret_limit, struct err *err)
{
	const char *text = yaml_text(node);
	const struct unit *unit = rate_units;
	uint64_t count = 0;

	if (!node) {
		return 0;
	}
	if (is_text(node) && strcmp(text, "none") == 0) {
		*ret_limit = (struct rate_limit){ 0 };
		return 0;
	}
	if (is_text(node) && cut_number(&text, &count)) {
		while (unit->name && strcmp(unit->name, text) != 0) {
			unit++;
		}
	}
	if (count == 0 || count > RATE_MAX || !unit->name) {
		return yaml_error(
		    node, err, "expected none, or a rate such as 5/s, 20/m or 1000/h");
	}
	ret_limit->period_ns = (int64_t)unit->factor;
	ret_limit->interval_ns = (int64_t)(unit->factor / count);
	return 0;
}

enum { NAME_LIMIT = 64 };

/* Levenshtein distance, for names up to NAME_LIMIT bytes. */
static size_t distance(struct slice a, struct slice b)
{
	size_t row[NAME_LIMIT + 1];

	for (size_t j = 0; j <= b.len; j++) {
		row[j] = j;
	}
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.len];
}

/* The name most like key, or NULL when none is. */
static const char *nearest(const char *key, const char *const *names)
{
	struct slice wanted = slice_of(key);
	size_t best = wanted.len / 3 + 1; /* further away is another word, not a slip */
	const char *found = NULL;

	for (; wanted.len <= NAME_LIMIT && *names; names++) {
		struct slice name = slice_of(*names);
		size_t d = name.len <= NAME_LIMIT ? distance(wanted, name) : SIZE_MAX;

		if (d < best || (d == best && !found)) {
			best = d;
			found = *names;
		}
	}
	return found;
}

static bool is_among(const char *key, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(key, *names) == 0) {
			return true;
		}
	}
	return false;
}

int yaml_only(const struct yaml_node *mapping, const char *const *names, struct err *err)
{
	if (yaml_is_null(mapping)) {
		return 0;
	}
	if (yaml_kind(mapping) != YAML_MAPPING) {
		return yaml_error(mapping, err, "expected a mapping (key: value)");
	}
	for (size_t i = 0; i < yaml_count(mapping); i++) {
		const char *key = yaml_key(mapping, i);
		const char *near = NULL;

		if (is_among(key, names)) {
			continue;
		}
		near = nearest(key, names);
		if (near) {
			return yaml_error(yaml_key_node(mapping, i), err,
			    "unknown key '%s'; did you mean '%s'?", key, near);
		}
		return yaml_error(
		    yaml_key_node(mapping, i), err, "unknown key '%s'", key);
	}
	return 0;
}
