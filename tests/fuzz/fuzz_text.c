/* SPDX-License-Identifier: MIT */
/*
 * Running text: what stands beside a secret name is masked, whatever stands before it or
 * after it.
 */
#include "fuzz_record.h"

#define ASSIGNMENT "\n\"api_key\": \"" CANARY "\"\n"

static void read_text(struct slice text, enum text_kind kind)
{
	struct redaction redaction = { 0 };
	struct buf beside = { 0 };
	struct buf out = { 0 };

	must(redact_init(NULL) == 0);
	redact_text(&redaction, text, kind, &beside);
	redaction_seal(&redaction);
	secrets_mask(&redaction.secrets, buf_slice(&beside), &out);
	must(!beside.failed && !out.failed);
	must(!has_canary(buf_slice(&out)));
	redaction_finish(&redaction);
	buf_finish(&beside);
	buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = { 0 };

	buf_puts(&text, ASSIGNMENT);
	buf_put(&text, data, size);
	read_text(buf_slice(&text), TEXT_BODY);
	read_text(buf_slice(&text), TEXT_STRING);
	buf_truncate(&text, 0);
	buf_put(&text, data, size);
	if (!has_canary(buf_slice(&text))) { /* it may be a part of a larger secret */
		buf_puts(&text, ASSIGNMENT);
		read_text(buf_slice(&text), TEXT_BODY);
		read_text(buf_slice(&text), TEXT_STRING);
	}
	buf_finish(&text);
	return 0;
}
