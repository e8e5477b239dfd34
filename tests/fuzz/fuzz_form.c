/* SPDX-License-Identifier: MIT */
/*
 * Urlencoded bodies: an object comes out, without the canary.
 */
#include "fuzz_record.h"
#include "record/form.h"

static void read_form(struct slice text, bool whole)
{
	struct redaction redaction = { 0 };
	struct json_redact *json = calloc(1, sizeof(*json));
	struct form form = { 0 };
	struct buf out = { 0 };

	must(json != NULL && redact_init(NULL) == 0);
	form_read(&form, text, whole);
	json_redact_init(json, &redaction, NULL, &out);
	form_write(&form, json);
	json_redact_finish(json);
	redaction_seal(&redaction);
	secrets_mask_json(&redaction.secrets, &out);
	must(!out.failed && is_json(buf_slice(&out)));
	must(!has_canary(buf_slice(&out)));
	form_finish(&form);
	redaction_finish(&redaction);
	buf_finish(&out);
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = { 0 };

	buf_puts(&text, "api_key=" CANARY "&");
	buf_put(&text, data, size);
	read_form(buf_slice(&text), true);
	read_form(buf_slice(&text), false);
	buf_finish(&text);
	return 0;
}
