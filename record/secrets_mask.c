/* SPDX-License-Identifier: MIT */
/*
 * secrets_mask: looking for the values in a text.
 *
 * First a cheap look whether any value begins anywhere at all: mostly none does. Only
 * then the automaton, over the first bytes of each value; what follows is compared.
 */
#include <stdlib.h>

#include "base/percent.h"
#include "record/secrets_private.h"

enum {
	PREFIX_BYTES = 32, /* of a value in the automaton */
	COMPARE_BYTES =
	    128, /* of a value must agree; then it is masked as far as it agrees */
	LANES = 4,
	REFERENCE_BYTES = 10, /* of &#x27; with zeros before */
	PAIR_BYTES = 256,     /* that are looked at together for two backslashes */
	COMPARE_VALUES =
	    8, /* with the same prefix; where there are more the prefix decides */
};

/* A text read another way: each byte and where it began in the text. */
struct view {
	struct buf text;
	uint32_t *at; /* text.len + 1 of them */
};

static bool is_head(const struct secrets *secrets, const char *text)
{
	uint64_t head = secret_head(text);
	size_t slot = secret_head_slot(head, secrets->head_mask);

	while (secrets->head[slot]) {
		if (secrets->head[slot] == head) {
			return true;
		}
		slot = (slot + 1) & secrets->head_mask;
	}
	return false;
}

/* The bytes from *at on. Returns whether a value begins there; else *at moves on to the
 * next place where one could. */
static inline bool head_at(const struct secrets *secrets, const char **at)
{
	size_t far = secrets->far[secret_pair(*at + SECRET_MIN_BYTES - 2)];

	if (far == 0 && is_head(secrets, *at)) {
		return true;
	}
	*at += far ? far : 1;
	return false;
}

/*
 * Does any value begin anywhere? The last two of SECRET_MIN_BYTES bytes say how far it is
 * to the next place where one could (Wu and Manber, TR-94-17): mostly five bytes on. Each
 * step waits for the one before: so a long text is gone through in four places at once.
 */
static bool any_head(const struct secrets *secrets, struct slice text)
{
	size_t places = text.len < SECRET_MIN_BYTES ? 0 : text.len - SECRET_MIN_BYTES + 1;
	const char *at[LANES] = { text.ptr, text.ptr + places / 4,
		text.ptr + places / 4 * 2, text.ptr + places / 4 * 3 };
	const char *end[LANES] = { at[1], at[2], at[3], text.ptr + places };

	while (at[0] < end[0] && at[1] < end[1] && at[2] < end[2] && at[3] < end[3]) {
		if (head_at(secrets, &at[0]) || head_at(secrets, &at[1]) ||
		    head_at(secrets, &at[2]) || head_at(secrets, &at[3])) {
			return true;
		}
	}
	for (size_t i = 0; i < LANES; i++) {
		while (at[i] < end[i]) {
			if (head_at(secrets, &at[i])) {
				return true;
			}
		}
	}
	return false;
}

static bool make_finder(struct secrets *secrets)
{
	struct slice *prefix = NULL;

	if (secrets->finder) {
		return true;
	}
	prefix = calloc(secrets->count, sizeof(*prefix));
	for (size_t i = 0; prefix && i < secrets->count; i++) {
		size_t len = secrets->item[i].len;

		prefix[i] = (struct slice){ secrets->text.ptr + secrets->item[i].at,
			len < PREFIX_BYTES ? len : PREFIX_BYTES };
	}
	if (prefix) {
		secrets->finder = finder_create(prefix, secrets->count);
	}
	free(prefix);
	return secrets->finder != NULL;
}

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * Does the value stand at begin? Returns its end, or 0. Past COMPARE_BYTES it is followed
 * as far as it agrees, but not again inside what a value already covers: so time stays
 * linear.
 */
static size_t match_at(const struct secrets *secrets, const struct secret *item,
    struct slice text, size_t begin, size_t covered)
{
	const char *value = secrets->text.ptr + item->at;
	size_t len = item->len < COMPARE_BYTES ? item->len : COMPARE_BYTES;
	size_t end = begin + len;

	if (end > text.len || memcmp(text.ptr + begin, value, len) != 0) {
		return 0;
	}
	if (item->bounded && ((begin > 0 && word_byte(text.ptr[begin - 1])) ||
	                         (end < text.len && word_byte(text.ptr[end])))) {
		return 0;
	}
	if (begin < covered) {
		return end;
	}
	while (len < item->len && end < text.len && text.ptr[end] == value[len]) {
		end++;
		len++;
	}
	return end;
}

/* The longest of the values that share a prefix which begins at begin; 0: none. */
static size_t match_any(const struct secrets *secrets, uint32_t pattern,
    struct slice text, size_t begin, size_t covered)
{
	size_t best = 0;
	size_t tried = 0;

	for (uint32_t p = pattern; p != FINDER_NONE;
	     p = finder_same(secrets->finder, p)) {
		size_t end = match_at(secrets, &secrets->item[p], text, begin, covered);

		best = end > best ? end : best;
		if (++tried > COMPARE_VALUES) {
			end = begin + PREFIX_BYTES;
			return end > best ? end : best;
		}
	}
	return best;
}

static void find_plain(struct secrets *secrets, struct slice text, struct spans *spans)
{
	uint32_t state = 0;
	size_t covered = 0;
	size_t i = 0;

	if (!make_finder(secrets)) {
		spans->failed = true;
		return;
	}
	while (i < text.len) {
		uint32_t p = FINDER_NONE;

		i = finder_run(secrets->finder, &state, text, i, &p);
		for (; p != FINDER_NONE; p = finder_shorter(secrets->finder, p)) {
			size_t len = secrets->item[p].len;
			size_t begin = i - (len < PREFIX_BYTES ? len : PREFIX_BYTES);
			size_t end = match_any(secrets, p, text, begin, covered);

			if (end > 0) {
				spans_add(spans, begin, end);
				covered = end > covered ? end : covered;
				break;
			}
		}
	}
}

/* \" → ", \u0041 → A. */
static size_t read_backslash(struct slice rest, char *ret)
{
	*ret = rest.ptr[0];
	if (rest.len < 2 || rest.ptr[0] != '\\') {
		return 1;
	}
	if (rest.ptr[1] == 'u' && rest.len >= 6 && rest.ptr[2] == '0' &&
	    rest.ptr[3] == '0' && hex_digit(rest.ptr[4]) >= 0 &&
	    hex_digit(rest.ptr[5]) >= 0) {
		*ret = (char)(hex_digit(rest.ptr[4]) * 16 + hex_digit(rest.ptr[5]));
		return 6;
	}
	switch (rest.ptr[1]) {
	case 'n':
		*ret = '\n';
		return 2;
	case 't':
		*ret = '\t';
		return 2;
	case 'r':
		*ret = '\r';
		return 2;
	default:
		*ret = rest.ptr[1];
		return 2;
	}
}

/* &#39; &#x27; → '. Returns bytes read; 0: it is none. */
static size_t read_reference(struct slice rest, char *ret)
{
	bool hex = rest.len > 2 && (rest.ptr[2] | 0x20) == 'x';
	unsigned int value = 0;
	size_t i = 2 + hex;

	for (; i < rest.len && i < REFERENCE_BYTES; i++) {
		int digit = hex_digit(rest.ptr[i]);

		if (digit < 0 || (!hex && digit > 9)) {
			break;
		}
		value = value * (hex ? 16 : 10) + (unsigned int)digit;
	}
	if (i >= rest.len || rest.ptr[i] != ';' || value == 0 || value > 0x7E) {
		return 0;
	}
	*ret = (char)value;
	return i + 1;
}

/* &amp; → &, as pages write it. Returns bytes read. */
static size_t read_entity(struct slice rest, char *ret)
{
	static const struct {
		struct slice name;
		char c;
	} named[] = { { { "&amp;", 5 }, '&' }, { { "&lt;", 4 }, '<' },
		{ { "&gt;", 4 }, '>' }, { { "&quot;", 6 }, '"' },
		{ { "&apos;", 6 }, '\'' } };

	size_t read = 0;

	*ret = rest.ptr[0];
	if (rest.ptr[0] != '&' || rest.len < 4) {
		return 1;
	}
	if (rest.ptr[1] == '#') {
		read = read_reference(rest, ret);
		return read > 0 ? read : 1;
	}
	if (!memchr("aAlLgGqQ", rest.ptr[1], 8)) {
		return 1; /* at a glance: mostly '&' stands between the parameters of a
		             URL */
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (slice_istarts(rest, named[i].name)) {
			*ret = named[i].c;
			return named[i].name.len;
		}
	}
	return 1;
}

/* Is there an entity, and a value that has any? */
static bool any_entity(const struct secrets *secrets, struct slice text)
{
	const char *end = text.ptr + text.len;
	const char *at = secrets->marked_up && text.len > 0 ? text.ptr : end;
	char c = 0;

	while (at < end && (at = memchr(at, '&', (size_t)(end - at))) != NULL) {
		if (read_entity((struct slice){ at, (size_t)(end - at) }, &c) > 1) {
			return true;
		}
		at++;
	}
	return false;
}

/* The same search in the text as it reads once decoded. */
static void find_decoded(struct secrets *secrets, struct slice text,
    size_t (*read)(struct slice rest, char *ret), struct spans *spans)
{
	struct view view = { .at = malloc((text.len + 1) * sizeof(*view.at)) };
	struct spans found = { 0 };
	size_t n = 0;

	if (!view.at || !buf_reserve(&view.text, text.len + 1)) {
		spans->failed = true;
		goto out;
	}
	for (size_t i = 0; i < text.len; n++) {
		char c = 0;

		view.at[n] = (uint32_t)i;
		i += read((struct slice){ text.ptr + i, text.len - i }, &c);
		view.text.ptr[n] = c;
	}
	view.at[n] = (uint32_t)text.len;
	view.text.len = n;
	if (n < text.len && any_head(secrets, buf_slice(&view.text))) {
		find_plain(secrets, buf_slice(&view.text), &found);
	}
	for (size_t i = 0; i < found.count; i++) {
		spans_add(
		    spans, view.at[found.item[i].begin], view.at[found.item[i].end]);
	}
	spans->failed = spans->failed || found.failed;
out:
	spans_finish(&found);
	buf_wipe(&view.text);
	free(view.at);
}

/* Are there two backslashes side by side? By the piece, without a branch for each byte.
 */
static bool any_double_slash(struct slice text)
{
	for (size_t i = 0; i + 1 < text.len;) {
		size_t left = text.len - 1 - i;
		size_t end = i + (left < PAIR_BYTES ? left : PAIR_BYTES);
		unsigned char found = 0;

		for (; i < end; i++) {
			found |= (unsigned char)((text.ptr[i] == '\\') &
			                         (text.ptr[i + 1] == '\\'));
		}
		if (found) {
			return true;
		}
	}
	return false;
}

/* A string with a percent sign, an entity, or a backslash of its own, is read twice. */
static bool read_twice(const struct secrets *secrets, struct slice json)
{
	return memchr(json.ptr, '%', json.len) || any_entity(secrets, json) ||
	       any_double_slash(json);
}

bool secrets_may_be_in_json(const struct secrets *secrets, struct slice json)
{
	if (secrets->overflow || json.len < SECRET_MIN_BYTES) {
		return secrets->overflow;
	}
	return secrets->count > 0 &&
	       (secrets->escaped || any_head(secrets, json) || read_twice(secrets, json));
}

bool secrets_find(struct secrets *secrets, struct slice text, struct spans *spans)
{
	if (secrets->overflow) {
		spans->failed = true;
		return true;
	}
	if (secrets->count == 0 || text.len < SECRET_MIN_BYTES) {
		return false;
	}
	if (any_head(secrets, text)) {
		find_plain(secrets, text, spans);
	}
	if (memchr(text.ptr, '%', text.len)) {
		/* + stays: a value with a blank in it is no credential */
		find_decoded(secrets, text, percent_byte, spans);
	}
	if (any_entity(secrets, text)) {
		find_decoded(secrets, text, read_entity, spans);
	}
	if (memchr(text.ptr, '\\', text.len)) {
		find_decoded(secrets, text, read_backslash, spans);
	}
	spans_join(spans);
	return spans->count > 0 || spans->failed;
}

void secrets_mask(struct secrets *secrets, struct slice text, struct buf *out)
{
	struct spans spans = { 0 };

	if (secrets_find(secrets, text, &spans)) {
		spans_put(&spans, text, out);
	} else {
		buf_put_slice(out, text);
	}
	spans_finish(&spans);
}
