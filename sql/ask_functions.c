/* SPDX-License-Identifier: MIT */
/*
 * What SQLite lacks to answer as PostgreSQL does: places in JSON digit for digit, the
 * order of jsonb, LIKE that minds the case and knows more letters than ASCII.
 *
 *   waybill_json(json, as_text, step, …)  -> or ->> along keys (texts) and indexes
 *   waybill_jsonb_text(json)              json::jsonb::text
 *   waybill_contains(json, json)          @>
 *   waybill_like(text, pattern, fold)     LIKE, ILIKE
 *   COLLATE waybill_jsonb                 the order of jsonb, for texts that are JSON
 */
#include <locale.h>
#include <pthread.h>
#include <sqlite3.h>
#include <wchar.h>
#include <wctype.h>

#include "base/utf8.h"
#include "sql/ask_private.h"
#include "sql/jsonb.h"

static struct slice text_of(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	return (struct slice){ text, (size_t)sqlite3_value_bytes(value) };
}

/* Gives what out holds as the function's result, and frees it. */
static void give(sqlite3_context *context, struct buf *out)
{
	if (out->failed) {
		sqlite3_result_error_nomem(context);
	} else {
		sqlite3_result_text64(context, out->ptr ? out->ptr : "", out->len,
		    SQLITE_TRANSIENT, SQLITE_UTF8);
	}
	buf_finish(out);
}

static void on_json(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct slice text = text_of(values[0]);
	struct buf out = { 0 };

	for (int i = 2; i < count && text.ptr; i++) {
		text = sqlite3_value_type(values[i]) == SQLITE_INTEGER
		           ? jsonb_element(text, sqlite3_value_int64(values[i]))
		           : jsonb_member(text, text_of(values[i]));
	}
	if (!text.ptr) {
		return; /* NULL */
	}
	if (!sqlite3_value_int(values[1])) {
		sqlite3_result_text64(
		    context, text.ptr, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
	} else if (jsonb_put_text(&out, text)) {
		give(context, &out);
	}
}

static void on_jsonb_text(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct slice text = text_of(values[0]);
	struct jsonb *value = text.ptr ? jsonb_parse(text) : NULL;
	struct buf out = { 0 };

	(void)count;
	if (value) {
		jsonb_put(&out, value);
		give(context, &out);
	}
	jsonb_free(value);
}

static void on_contains(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct slice texts[] = { text_of(values[0]), text_of(values[1]) };
	struct jsonb *a = texts[0].ptr ? jsonb_parse(texts[0]) : NULL;
	struct jsonb *b = texts[1].ptr ? jsonb_parse(texts[1]) : NULL;

	(void)count;
	if (a && b) {
		sqlite3_result_int(context, jsonb_contains(a, b));
	}
	jsonb_free(a);
	jsonb_free(b);
}

static int on_collate(
    void *arg, int a_len, const void *a_text, int b_len, const void *b_text)
{
	struct slice texts[] = { { a_text, (size_t)a_len }, { b_text, (size_t)b_len } };
	struct jsonb *a = jsonb_parse(texts[0]);
	struct jsonb *b = jsonb_parse(texts[1]);
	int order = a && b ? jsonb_compare(a, b) : (a != NULL) - (b != NULL);

	(void)arg;
	jsonb_free(a);
	jsonb_free(b);
	return order;
}

/* Every glibc has this locale built in; without it only ASCII is folded. */
static locale_t letters;

static void find_letters(void)
{
	letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The character that text begins with; broken UTF-8 goes byte by byte. */
static wint_t take_char(struct slice *text, bool fold)
{
	size_t len = utf8_length(*text);
	const unsigned char *p = (const unsigned char *)text->ptr;
	wint_t c = len == 2   ? (p[0] & 0x1Fu)
	           : len == 3 ? (p[0] & 0x0Fu)
	           : len == 4 ? (p[0] & 0x07u)
	                      : p[0];

	for (size_t i = 1; i < len; i++) {
		c = c << 6 | (p[i] & 0x3Fu);
	}
	len = len == 0 ? 1 : len;
	text->ptr += len;
	text->len -= len;
	if (fold) {
		c = letters ? towlower_l(c, letters) : towlower(c);
	}
	return c;
}

/* Only the last % needs to be tried again: the time is at most length × length. */
static bool is_like(struct slice text, struct slice pattern, bool fold)
{
	struct slice again_text = { NULL, 0 };
	struct slice again_pattern = { NULL, 0 };

	for (;;) {
		bool good = false;

		if (pattern.len > 0 && pattern.ptr[0] == '%') {
			pattern.ptr++;
			pattern.len--;
			again_text = text;
			again_pattern = pattern;
			continue;
		}
		if (text.len == 0 && pattern.len == 0) {
			return true;
		}
		if (text.len > 0 && pattern.len > 0) {
			bool any = pattern.ptr[0] == '_';

			if (pattern.ptr[0] == '\\' && pattern.len > 1) {
				pattern.ptr++;
				pattern.len--;
			}
			good = take_char(&pattern, fold) == take_char(&text, fold) || any;
		}
		if (!good) {
			if (!again_pattern.ptr || again_text.len == 0) {
				return false;
			}
			(void)take_char(&again_text, false);
			text = again_text;
			pattern = again_pattern;
		}
	}
}

static void on_like(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct slice text = text_of(values[0]);
	struct slice pattern = text_of(values[1]);

	(void)count;
	if (text.ptr && pattern.ptr) {
		sqlite3_result_int(
		    context, is_like(text, pattern, sqlite3_value_int(values[2])));
	}
}

int ask_sqlite_functions(struct sqlite3 *db)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	static const struct {
		const char *name;
		int count;
		void (*on_call)(
		    sqlite3_context *context, int count, sqlite3_value **values);
	} functions[] = {
		{ "waybill_json", -1, on_json },
		{ "waybill_jsonb_text", 1, on_jsonb_text },
		{ "waybill_contains", 2, on_contains },
		{ "waybill_like", 3, on_like },
	};

	int code = SQLITE_OK;

	(void)pthread_once(&once, find_letters);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (code == SQLITE_OK) {
			code = sqlite3_create_function_v2(db, functions[i].name,
			    functions[i].count,
			    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
			    functions[i].on_call, NULL, NULL, NULL);
		}
	}
	return code == SQLITE_OK ? sqlite3_create_collation_v2(db, "waybill_jsonb",
	                               SQLITE_UTF8, NULL, on_collate, NULL)
	                         : code;
}
