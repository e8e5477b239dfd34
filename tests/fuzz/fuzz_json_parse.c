/* SPDX-License-Identifier: MIT */
/*
 * The JSON parser against yajl: the same verdict on every text, whole and cut, and the
 * same values from it.
 */
#include "fuzz_record.h"
#include "yajl_parse.h"

/* What one parser makes of a text. */
struct reading {
	enum json_state state;
	struct redaction redaction;
	struct buf out;
};

typedef enum json_state parser(struct json_redact *json, struct slice text, bool whole);

static void read_with(struct reading *r, parser *parse, struct slice text, bool whole)
{
	struct json_redact *json = calloc(1, sizeof(*json));

	must(json != NULL && redact_init(NULL) == 0);
	json_redact_init(json, &r->redaction, NULL, &r->out);
	r->state = parse(json, text, whole);
	json_redact_finish(json);
	free(json);
	must(!r->out.failed);
}

static void reading_finish(struct reading *r)
{
	redaction_finish(&r->redaction);
	buf_finish(&r->out);
}

/* Does the text end within a string that only wants its end? Outside of containers yajl
 * overlooks that. */
static bool ends_in_string(struct slice text)
{
	static const char *const ends[] = { "\"", "n\"", "0\"", "00\"", "000\"",
		"0000\"" };
	bool ends_so = false;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct reading more = { 0 };
		struct buf longer = { 0 };

		buf_put_slice(&longer, text);
		buf_puts(&longer, ends[i]);
		read_with(&more, json_redact_parse, buf_slice(&longer), true);
		ends_so = ends_so || more.state == JSON_WHOLE || more.state == JSON_LINES;
		reading_finish(&more);
		buf_finish(&longer);
	}
	return ends_so;
}

static void compare(struct slice text, bool whole)
{
	struct reading ours = { 0 };
	struct reading theirs = { 0 };

	read_with(&ours, json_redact_parse, text, whole);
	read_with(&theirs, yajl_redact_parse, text, whole);
	must(ours.state == theirs.state ||
	     (whole && ours.state == JSON_BROKEN && ends_in_string(text)));
	must(slice_eq(buf_slice(&ours.out), buf_slice(&theirs.out)));
	must(slice_eq(buf_slice(&ours.redaction.secrets.text),
	    buf_slice(&theirs.redaction.secrets.text)));
	must(ours.state != JSON_WHOLE || is_json(buf_slice(&ours.out)));
	reading_finish(&ours);
	reading_finish(&theirs);
}

/* A text on which the two differ by intent, see yajl_parse.h. Escaped quotes may hide a
 * \ud8 from this, or show one that is none: then it is left out, too. */
static bool differs(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\v' || text.ptr[i] == '\f') {
			return true;
		}
		if (i + 3 < text.len && text.ptr[i] == '\\' && text.ptr[i + 1] == 'u' &&
		    (text.ptr[i + 2] | 0x20) == 'd' &&
		    strchr("89abcdefABCDEF", text.ptr[i + 3])) {
			return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };

	if (!differs(text)) {
		compare(text, true);
		compare(text, false);
	}
	return 0;
}
