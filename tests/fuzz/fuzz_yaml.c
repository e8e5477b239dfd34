/* SPDX-License-Identifier: MIT */
/*
 * fuzz_yaml: any bytes as a YAML file; the tree is walked and every reading tried.
 */
#include "base/yaml.h"

#include "fyaml_leaks.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads node in every way. The depth is bounded by the parser, hence the recursion too.
 */
static size_t walk(const struct yaml_node *node)
{
	static const char *const names[] = { "listen", "workers", "services", NULL };
	struct err err;
	uint64_t bytes = 0;
	int64_t number = 0;
	bool flag = false;
	size_t sum =
	    strlen(yaml_text(node)) + (size_t)yaml_line(node) + (size_t)yaml_column(node);

	sum += (size_t)(yaml_bool(node, &flag, &err) == 0);
	sum += (size_t)(yaml_integer(node, INT64_MIN, INT64_MAX, &number, &err) == 0);
	sum += (size_t)(yaml_size(node, &bytes, &err) == 0);
	sum += (size_t)(yaml_duration(node, &number, &err) == 0);
	sum += (size_t)(yaml_only(node, names, &err) == 0);
	for (size_t i = 0; i < yaml_count(node); i++) {
		sum += strlen(yaml_key(node, i)) + walk(yaml_item(node, i));
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	struct yaml *yaml = NULL;
	struct err err = { .text = "" };
	size_t sum = 0;

	/* no file is read while fuzzing, whatever is on this machine */
	if (size == 0 || !memmem(data, size, "${file:", 7)) {
		if (yaml_parse("fuzz.yaml", text, &yaml, &err) == 0) {
			sum = walk(yaml_root(yaml));
		} else if (err.text[0] == '\0') {
			__builtin_trap(); /* a refusal always says why */
		}
	}
	yaml_destroy(yaml);
	return sum == SIZE_MAX ? -1 : 0;
}
