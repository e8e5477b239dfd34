/* SPDX-License-Identifier: MIT */
/*
 * json_out: how json_redact writes. What goes out as it came, token after token, is one
 * run of the text that is read: it is copied once, where the run ends. Private to json_*.
 */
#ifndef RECORD_JSON_OUT_H
#define RECORD_JSON_OUT_H

#include "record/json_redact.h"

/* A text is read from here on: [at, end). */
static inline void json_out_begin(
    struct json_redact *json, const char *at, const char *end)
{
	json->run = at;
	json->run_end = at;
	json->text_end = end;
}

/* Writes the run that is held back. Returns the buf, for what is not in the text. */
static inline struct buf *json_out(struct json_redact *json)
{
	if (json->run != json->run_end) {
		buf_put(json->out, json->run, (size_t)(json->run_end - json->run));
		json->run = json->run_end;
	}
	return json->out;
}

/* The same for what is written in place of the scalar that comes. */
static inline struct buf *json_out_instead(struct json_redact *json)
{
	(void)json_out(json);
	if (json->raw.ptr) {
		json->run = json->raw.ptr + json->raw.len;
		json->run_end = json->run;
	}
	return json->out;
}

/* Nothing more of the text is written. */
static inline void json_out_end(struct json_redact *json)
{
	(void)json_out(json);
	json_out_begin(json, NULL, NULL);
	json->raw = (struct slice){ NULL, 0 };
}

/* Writes what stands there in the text. */
static inline void json_out_same(struct json_redact *json, struct slice raw)
{
	if (raw.ptr != json->run_end) {
		(void)json_out(json);
		json->run = raw.ptr;
	}
	json->run_end = raw.ptr + raw.len;
}

/* Writes one byte that is not the next of the text. */
void json_out_other_byte(struct json_redact *json, char c);

/* Writes one byte: mostly it is the one that follows in the text. */
static inline void json_out_byte(struct json_redact *json, char c)
{
	if (json->run_end < json->text_end && *json->run_end == c) {
		json->run_end++;
		return;
	}
	json_out_other_byte(json, c);
}

#endif
