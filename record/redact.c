/* SPDX-License-Identifier: MIT */
/*
 * redact: secrets by place (header fields, path, query) and by form.
 */
#include "record/redact.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/fields.h"
#include "record/form.h"
#include "record/names.h"
#include "record/path_place.h"
#include "record/redaction_table.h"

/* Stands between two texts that are looked through together. */
#define BORDER "\0\x1e\0\x1e"

enum {
	BORDER_BYTES = 4,
	LONG_TEXT = 4096,  /* bytes; worth a look of its own */
	PLAIN_MAX = 65536, /* bytes of short texts that are looked through together */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct pattern **forms; /* by row of redaction_values; NULL: not made */
static struct err init_error;
static size_t form_bytes = SIZE_MAX; /* a text as long as this may have some form … */
static int form_byte = -1;           /* … and a shorter one, if it has this byte */

/* The forms whose matches may be short need a byte that few texts have: ':' it is, for
 * user:password@host. */
static void measure_forms(struct pattern **made)
{
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < redaction_value_count; i++) {
		if (pattern_shortest(made[i]) < least) {
			least = pattern_shortest(made[i]);
			form_byte = pattern_needs(made[i]);
		}
	}
	for (size_t i = 0; i < redaction_value_count; i++) {
		size_t bytes = pattern_shortest(made[i]);

		if ((form_byte < 0 || pattern_needs(made[i]) != form_byte) &&
		    bytes < form_bytes) {
			form_bytes = bytes;
		}
	}
}

static void make_forms(void)
{
	struct pattern **made = calloc(redaction_value_count, sizeof(struct pattern *));

	for (size_t i = 0; made && i < redaction_value_count; i++) {
		if (pattern_compile(redaction_values[i].regex, &made[i], &init_error) !=
		    0) {
			while (i-- > 0) {
				pattern_destroy(made[i]);
			}
			free(made);
			made = NULL;
		}
	}
	if (made) {
		measure_forms(made);
	}
	forms = made;
}

int redact_init(struct err *err)
{
	int r = names_init();

	(void)pthread_once(&once, make_forms); /* cannot fail with a static control */
	if (r == 0 && forms) {
		return 0;
	}
	return err_set(err, r ? ENOMEM : EINVAL, "cannot prepare redaction: %s",
	    r || !init_error.text[0] ? "out of memory" : init_error.text);
}

/* Each cookie of a Cookie field, or the one of a Set-Cookie field (RFC 6265). */
static void add_cookies(struct redaction *redaction, struct slice value, bool all)
{
	do {
		struct slice cookie = slice_cut(&value, ';');

		(void)slice_cut(&cookie, '=');
		secrets_add(&redaction->secrets, cookie);
	} while (all && value.ptr);
}

static bool in_names(const struct names *names, struct slice name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (name_same(slice_of(names->item[i]), name)) {
			return true;
		}
	}
	return false;
}

bool redact_field(struct redaction *redaction, struct slice name, struct slice value)
{
	bool set = slice_ieq(name, SLICE("Set-Cookie"));

	if (set || slice_ieq(name, SLICE("Cookie"))) {
		add_cookies(redaction, value, !set);
		return true;
	}
	if (name_kind(name, false) == NAME_SECRET ||
	    (redaction->places && in_names(&redaction->places->headers, name))) {
		secrets_add(&redaction->secrets, value);
		return true;
	}
	return false;
}

static void add_fields(struct redaction *redaction, struct slice block)
{
	struct field field;

	while (fields_next(&block, &field)) {
		if (!redact_field(redaction, field.name, field.value)) {
			redaction_note(redaction, field.value);
		}
	}
}

static void add_path(struct redaction *redaction, const struct route_match *match)
{
	const struct names *names = &redaction->places->path;

	for (size_t i = 0; i < match->param_count; i++) {
		for (size_t k = 0; k < names->count; k++) {
			if (strcmp(match->param[i].name, names->item[k]) == 0) {
				secrets_add(&redaction->secrets, match->param[i].value);
			}
		}
	}
}

/* No route matched, so nobody knows its {names}: what similar paths have there. */
static void add_unrouted_path(
    struct redaction *redaction, const struct route_match *match)
{
	struct slice path = slice_of(match->path);
	struct path_place place;
	struct slice segment;

	for (size_t at = 0; (segment = path_segment_at(path, at)).ptr; at++) {
		if (path_place_find(match->service, path, at, &place)) {
			segment.ptr += place.prefix.len;
			segment.len -= place.prefix.len + place.suffix.len;
			secrets_add(&redaction->secrets, segment);
		}
	}
}

bool redact_query_name(const struct redaction *redaction, struct slice name)
{
	return name_kind(name, true) == NAME_SECRET ||
	       (redaction->places && in_names(&redaction->places->query, name));
}

static void add_query(struct redaction *redaction, struct slice query)
{
	struct buf text = { 0 };
	struct spans spans = { 0 };

	while (query.ptr) {
		struct slice value = slice_cut(&query, '&');
		struct slice name = slice_cut(&value, '=');
		bool secret = false;

		buf_truncate(&text, 0);
		form_decode(&text, name);
		secret = redact_query_name(redaction, buf_slice(&text));
		buf_truncate(&text, 0);
		form_decode(&text, value);
		if (secret) {
			secrets_add(&redaction->secrets, buf_slice(&text));
			secrets_add(&redaction->secrets, value);
		} else {
			redaction_note(redaction, buf_slice(&text));
			spans_clear(&spans);
			(void)redact_text_find(
			    redaction, buf_slice(&text), TEXT_STRING, &spans);
		}
	}
	spans_finish(&spans);
	redaction->secrets.overflow = redaction->secrets.overflow || text.failed;
	buf_wipe(&text);
}

static bool contains_ignoring_case(struct slice text, struct slice word)
{
	for (size_t i = 0; i + word.len <= text.len; i++) {
		if (slice_istarts((struct slice){ text.ptr + i, text.len - i }, word)) {
			return true;
		}
	}
	return false;
}

void redaction_begin(struct redaction *redaction, const struct call *call)
{
	struct slice query = buf_slice(&call->target);
	struct slice path = slice_cut(&query, '?');

	*redaction =
	    (struct redaction){ .places = call->match.route ? call->match.route->secrets
		                                            : NULL };
	redaction->oauth = contains_ignoring_case(path, SLICE("oauth"));
	add_fields(redaction, buf_slice(&call->request_fields));
	add_fields(redaction, buf_slice(&call->response_fields));
	if (redaction->places) {
		add_path(redaction, &call->match);
	}
	if (call->match.path && call->match.route == &call->match.service->other) {
		add_unrouted_path(redaction, &call->match);
	}
	redaction_note(redaction, path);
	if (call->match.path) {
		redaction_note(redaction, slice_of(call->match.path));
	}
	add_query(redaction, query);
}

void redaction_finish(struct redaction *redaction)
{
	secrets_finish(&redaction->secrets);
	buf_wipe(&redaction->plain);
}

/* Cuts what was found at the end of its own text. */
static void cut_at_border(struct slice *found)
{
	const char *border = NULL;

	if (memchr(found->ptr, BORDER[0], found->len)) { /* mostly not */
		border = memmem(found->ptr, found->len, BORDER, BORDER_BYTES);
	}
	if (border) {
		found->len = (size_t)(border - found->ptr);
	}
}

/* Adds what one form finds; a match never goes past its own text. */
static void scan_form(
    struct redaction *redaction, struct slice text, const struct pattern *form, bool luhn)
{
	struct pattern_room *room = pattern_room_create(form);
	struct pattern_match match;
	size_t from = 0;

	while (from < text.len) {
		enum pattern_result result =
		    pattern_find_in(form, text, from, room, &match);

		if (result == PATTERN_LIMIT) {
			redaction->secrets.overflow = true;
		}
		if (result != PATTERN_FOUND) {
			break;
		}
		from = (size_t)(match.all.ptr - text.ptr);
		cut_at_border(&match.all);
		if (!luhn || (match.all.len > 0 && card_number(match.all))) {
			secrets_add(&redaction->secrets, match.all);
		}
		from += match.all.len ? match.all.len : 1;
	}
	pattern_room_destroy(room);
}

/* Could text hold a form at all? By the bytes that it needs. */
static bool has_needed(struct slice text, size_t form)
{
	const char *needs = redaction_values[form].needs;
	int byte = pattern_needs(forms[form]);

	if (byte >= 0 && !memchr(text.ptr, byte, text.len)) {
		return false;
	}
	while (*needs && !memchr(text.ptr, *needs, text.len)) {
		needs++;
	}
	return *needs || !*redaction_values[form].needs;
}

static void scan_text(struct redaction *redaction, struct slice text)
{
	const struct patterns *own =
	    redaction->places ? &redaction->places->patterns : NULL;

	for (size_t i = 0; i < redaction_value_count; i++) {
		if (has_needed(text, i)) {
			scan_form(redaction, text, forms[i], redaction_values[i].luhn);
		}
	}
	for (size_t i = 0; own && i < own->count; i++) {
		scan_form(redaction, text, own->item[i], false);
	}
}

bool redaction_has_patterns(const struct redaction *redaction)
{
	return redaction->places && redaction->places->patterns.count > 0;
}

/* Texts too short, or without the one byte that what is short and a secret has, are not
 * even kept: most names and values. */
static bool may_have_form(const struct redaction *redaction, struct slice text)
{
	if (text.len < SECRET_MIN_BYTES) {
		return false;
	}
	if (text.len >= form_bytes || redaction_has_patterns(redaction)) {
		return true;
	}
	return form_byte >= 0 && memchr(text.ptr, form_byte, text.len);
}

void redaction_note(struct redaction *redaction, struct slice text)
{
	if (!may_have_form(redaction, text)) {
		return;
	}
	if (text.len >= LONG_TEXT) {
		scan_text(redaction, text);
		return;
	}
	if (!buf_reserve(&redaction->plain, text.len + BORDER_BYTES)) {
		return; /* redaction_scan tells of it */
	}
	memcpy(redaction->plain.ptr + redaction->plain.len, text.ptr, text.len);
	redaction->plain.len += text.len;
	memcpy(redaction->plain.ptr + redaction->plain.len, BORDER, BORDER_BYTES);
	redaction->plain.len += BORDER_BYTES;
	if (redaction->plain.len >= PLAIN_MAX) {
		redaction_scan(redaction);
	}
}

void redaction_scan(struct redaction *redaction)
{
	if (redaction->plain.failed) {
		redaction->secrets.overflow = true;
	}
	if (redaction->plain.len == 0) {
		return;
	}
	scan_text(redaction, buf_slice(&redaction->plain));
	OPENSSL_cleanse(redaction->plain.ptr, redaction->plain.len);
	buf_truncate(&redaction->plain, 0);
}

void redaction_seal(struct redaction *redaction)
{
	redaction_scan(redaction);
	secrets_seal(&redaction->secrets);
}
