/* SPDX-License-Identifier: MIT */
/*
 * Multipart bodies: the first line is the Content-Type, the rest the body. An object
 * comes out.
 */
#include "fuzz_record.h"
#include "record/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = { (const char *)data, size };
	struct slice type = slice_cut(&body, '\n');
	struct redaction redaction = { 0 };
	struct json_redact *json = calloc(1, sizeof(*json));
	struct form form = { 0 };
	struct buf boundary = { 0 };
	struct buf out = { 0 };

	must(json != NULL && redact_init(NULL) == 0);
	if (body.ptr && multipart_boundary(type, &boundary)) {
		(void)multipart_read(&form, body, buf_slice(&boundary));
	}
	json_redact_init(json, &redaction, NULL, &out);
	form_write(&form, json);
	json_redact_finish(json);
	redaction_seal(&redaction);
	secrets_mask_json(&redaction.secrets, &out);
	must(!out.failed && is_json(buf_slice(&out)));
	form_finish(&form);
	redaction_finish(&redaction);
	buf_finish(&boundary);
	buf_finish(&out);
	free(json);
	return 0;
}
