/* SPDX-License-Identifier: MIT */
/*
 * load_judge: success, pending, partial and error, of a service or of a route.
 */
#include "routes/load.h"

#include <errno.h>
#include <stdlib.h>

/* DESIGN section 4: without a rule of its own a call succeeded with HTTP 2xx and 3xx. */
static const struct status_range default_status[] = { { 200, 399 } };

static bool read_status(const char **text, int *ret)
{
	char *end = NULL;
	long value = strtol(*text, &end, 10);

	if (end - *text != 3 || value < 100 || value > 599) {
		return false;
	}
	*text = end;
	*ret = (int)value;
	return true;
}

/* "204" or "200-299". */
static int load_range(
    struct loader *load, const struct yaml_node *node, struct status_range *ret_range)
{
	const char *text = yaml_kind(node) == YAML_SCALAR ? yaml_text(node) : "";
	struct status_range range;

	if (read_status(&text, &range.low)) {
		range.high = range.low;
		if (*text == '-') {
			text++;
			if (!read_status(&text, &range.high)) {
				text = "-";
			}
		}
		if (*text == '\0' && range.low <= range.high) {
			*ret_range = range;
			return 0;
		}
	}
	return yaml_error(node, load->err,
	    "an HTTP status or a range of them is wanted here, such as 204 or 200-299");
}

static int load_statuses(
    struct loader *load, const struct yaml_node *node, struct verdict_rule *rule)
{
	size_t count = load_count(node);
	struct status_range *range = arena_array(load->arena, count, sizeof(*range));

	if (!range) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_range(load, load_item(node, i), &range[i]);

		if (r < 0) {
			return r;
		}
	}
	rule->status = range;
	rule->status_count = count;
	return 0;
}

static int load_state(
    struct loader *load, const struct yaml_node *node, enum test_op *ret_op)
{
	static const struct {
		const char *name;
		enum test_op op;
	} states[] = {
		{ "absent", TEST_ABSENT },
		{ "empty", TEST_EMPTY },
		{ "not_empty", TEST_NOT_EMPTY },
		{ "present", TEST_PRESENT },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (strcmp(yaml_text(node), states[i].name) == 0) {
			*ret_op = states[i].op;
			return 0;
		}
	}
	return yaml_error(
	    node, load->err, "one of empty, not_empty, present, absent is wanted here");
}

int load_body_test(
    struct loader *load, const struct yaml_node *node, struct body_test *ret_test)
{
	static const char *const keys[] = { "at", "equals", "not", "is", NULL };
	struct body_test test = { .op = TEST_EQUALS };
	const struct yaml_node *equals;
	const struct yaml_node *unequal;
	const struct yaml_node *is;
	int r = load_mapping(load, node, keys);

	if (r < 0) {
		return r;
	}
	equals = yaml_get(node, "equals");
	unequal = yaml_get(node, "not");
	is = yaml_get(node, "is");
	if (!yaml_get(node, "at") || !!equals + !!unequal + !!is != 1) {
		return yaml_error(node, load->err,
		    "a test has \"at\" and one of \"equals\", \"not\", \"is\"");
	}
	r = load_pointer(load, yaml_get(node, "at"), &test.at);
	if (r == 0 && is) {
		r = load_state(load, is, &test.op);
	} else if (r == 0) {
		test.op = equals ? TEST_EQUALS : TEST_NOT_EQUALS;
		r = load_text(load, equals ? equals : unequal, &test.value);
	}
	if (r == 0) {
		*ret_test = test;
	}
	return r;
}

static int load_tests(
    struct loader *load, const struct yaml_node *node, struct verdict_rule *rule)
{
	size_t count = load_count(node);
	struct body_test *test = arena_array(load->arena, count, sizeof(*test));

	if (!test) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_body_test(load, load_item(node, i), &test[i]);

		if (r < 0) {
			return r;
		}
	}
	rule->test = test;
	rule->test_count = count;
	return 0;
}

/* {status: …, json: required | optional, body: tests}; fills what the mapping has. */
static int load_rule(
    struct loader *load, const struct yaml_node *node, struct verdict_rule *rule)
{
	static const char *const keys[] = { "status", "json", "body", NULL };
	const struct yaml_node *json;
	int r = load_mapping(load, node, keys);

	if (r < 0) {
		return r;
	}
	json = yaml_get(node, "json");
	rule->needs_json = json && strcmp(yaml_text(json), "required") == 0;
	if (json && !rule->needs_json && strcmp(yaml_text(json), "optional") != 0) {
		return yaml_error(json, load->err, "required or optional is wanted here");
	}
	if (yaml_get(node, "status")) {
		r = load_statuses(load, yaml_get(node, "status"), rule);
	}
	return r < 0 ? r : load_tests(load, yaml_get(node, "body"), rule);
}

static int load_pending(
    struct loader *load, const struct yaml_node *node, struct judge *judge)
{
	size_t count = load_count(node);
	struct verdict_rule *rule = arena_array(load->arena, count, sizeof(*rule));

	if (!rule) {
		return load_no_memory(load);
	}
	for (size_t i = 0; i < count; i++) {
		int r = load_rule(load, load_item(node, i), &rule[i]);

		if (r < 0) {
			return r;
		}
		if (rule[i].status_count + rule[i].test_count == 0) {
			return yaml_error(load_item(node, i), load->err,
			    "this would make every call pending: name a status or a test");
		}
	}
	judge->pending = rule;
	judge->pending_count = count;
	return 0;
}

static int load_error_places(
    struct loader *load, const struct yaml_node *node, struct judge *judge)
{
	static const char *const keys[] = { "code", "message", NULL };
	int r = load_mapping(load, node, keys);

	if (r == 0 && yaml_get(node, "code")) {
		r = load_pointers(load, yaml_get(node, "code"), NULL, &judge->code);
	}
	if (r == 0 && yaml_get(node, "message")) {
		r = load_pointers(load, yaml_get(node, "message"), NULL, &judge->message);
	}
	return r;
}

int load_judge(struct loader *load, const struct yaml_node *mapping,
    const struct judge *base, const struct judge **ret_judge)
{
	const struct verdict_rule plain = { .status = default_status, .status_count = 1 };
	const struct yaml_node *success = yaml_get(mapping, "success");
	const struct yaml_node *pending = yaml_get(mapping, "pending");
	const struct yaml_node *partial = yaml_get(mapping, "partial");
	const struct yaml_node *error = yaml_get(mapping, "error");
	struct judge *judge;
	int r = 0;

	if (base && !success && !pending && !partial && !error) {
		*ret_judge = base;
		return 0;
	}
	judge = arena_array(load->arena, 1, sizeof(*judge));
	if (!judge) {
		return load_no_memory(load);
	}
	*judge = base ? *base : (struct judge){ .success = plain };
	if (success) {
		judge->success = plain;
		r = load_rule(load, success, &judge->success);
	}
	if (r == 0 && pending) {
		r = load_pending(load, pending, judge);
	}
	if (r == 0 && partial) {
		r = load_pointers(load, partial, NULL, &judge->partial);
	}
	if (r == 0 && error) {
		r = load_error_places(load, error, judge);
	}
	*ret_judge = judge;
	return r;
}
