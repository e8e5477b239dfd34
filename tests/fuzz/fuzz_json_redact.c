/* SPDX-License-Identifier: MIT */
/*
 * The JSON redactor: what comes out is JSON, and the value under "password" is in it
 * nowhere, whatever stands beside it, whole or cut.
 */
#include "fuzz_record.h"

static void redact(struct slice text, bool whole)
{
	struct redaction redaction = { 0 };
	struct json_redact *json = calloc(1, sizeof(*json));
	struct buf out = { 0 };
	enum json_state state = JSON_NOTHING;

	must(json != NULL && redact_init(NULL) == 0);
	json_redact_init(json, &redaction, NULL, &out);
	state = json_redact_parse(json, text, whole);
	json_redact_finish(json);
	redaction_seal(&redaction);
	must(state != JSON_WHOLE || is_json(buf_slice(&out)));
	secrets_mask_json(&redaction.secrets, &out);
	must(!out.failed);
	must(!has_canary(buf_slice(&out)));
	must(state != JSON_WHOLE || is_json(buf_slice(&out)));
	redaction_finish(&redaction);
	buf_finish(&out);
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = { 0 };

	buf_puts(&text, "{\"password\":\"" CANARY "\",\"in\":");
	buf_put(&text, data, size);
	redact(buf_slice(&text), false);
	buf_putc(&text, '}');
	redact(buf_slice(&text), true);
	buf_finish(&text);
	return 0;
}
