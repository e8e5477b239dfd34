/* SPDX-License-Identifier: MIT */
/*
 * test_yaml: trees with places, replaced values, typed readings, and errors with a caret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct yaml *parse(const char *text)
{
	struct yaml *yaml = NULL;
	struct err err = { .text = "" };

	if (yaml_parse("t.yaml", slice_of(text), &yaml, &err) != 0) {
		fail_msg("%s", err.text);
	}
	return yaml;
}

/* The text must be refused with a message that begins so and a caret line that is so. */
static void refused(const char *text, const char *begin, const char *caret)
{
	struct yaml *yaml = NULL;
	struct err err = { .text = "" };
	const char *last = NULL;

	assert_int_equal(yaml_parse("t.yaml", slice_of(text), &yaml, &err), -EINVAL);
	assert_null(yaml);
	if (strncmp(err.text, begin, strlen(begin)) != 0) {
		fail_msg("wanted: %s\ngot: %s", begin, err.text);
	}
	last = strrchr(err.text, '\n');
	assert_non_null(last);
	assert_string_equal(last + 1, caret);
}

static void a_tree_knows_kinds_texts_and_places(void **state)
{
	struct yaml *yaml =
	    parse("a: one\nb:\n  - x\n  - \"y z\"\nc: {d: ~, e: \"null\", f: }\n");
	const struct yaml_node *root = yaml_root(yaml);
	const struct yaml_node *node = NULL;

	(void)state;
	assert_int_equal(yaml_kind(root), YAML_MAPPING);
	assert_int_equal(yaml_count(root), 3);
	assert_string_equal(yaml_key(root, 1), "b");
	assert_int_equal(yaml_line(yaml_key_node(root, 1)), 2);
	assert_string_equal(yaml_text(yaml_get(root, "a")), "one");
	node = yaml_get(root, "b");
	assert_int_equal(yaml_kind(node), YAML_SEQUENCE);
	assert_int_equal(yaml_count(node), 2);
	assert_string_equal(yaml_text(yaml_item(node, 1)), "y z");
	assert_int_equal(yaml_line(yaml_item(node, 1)), 4);
	assert_int_equal(yaml_column(yaml_item(node, 1)), 5);
	assert_null(yaml_item(node, 2));
	node = yaml_get(root, "c");
	assert_true(yaml_is_null(yaml_get(node, "d")));
	assert_string_equal(yaml_text(yaml_get(node, "d")), "");
	assert_false(yaml_is_null(yaml_get(node, "e")));
	assert_string_equal(yaml_text(yaml_get(node, "e")), "null");
	assert_true(yaml_is_null(yaml_get(node, "f")));
	assert_null(yaml_get(node, "g"));
	assert_null(yaml_get(yaml_get(root, "a"), "x"));
	yaml_destroy(yaml);
}

static void a_missing_node_reads_as_null(void **state)
{
	bool flag = true;

	(void)state;
	assert_int_equal(yaml_kind(NULL), YAML_SCALAR);
	assert_true(yaml_is_null(NULL));
	assert_int_equal(yaml_count(NULL), 0);
	assert_null(yaml_get(NULL, "a"));
	assert_string_equal(yaml_text(NULL), "");
	assert_int_equal(yaml_bool(NULL, &flag, NULL), 0);
	assert_true(flag);
	yaml_destroy(NULL);
}

static void nothing_at_all_is_an_empty_mapping(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n", "---\n",
		"~", "\xEF\xBB\xBF" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct yaml *yaml = parse(texts[i]);

		assert_int_equal(yaml_kind(yaml_root(yaml)), YAML_MAPPING);
		assert_int_equal(yaml_count(yaml_root(yaml)), 0);
		yaml_destroy(yaml);
	}
}

static void broken_yaml_is_shown_with_a_caret(void **state)
{
	(void)state;
	refused("a: b: c\n", "t.yaml:1:5: ", "    ^");
	refused("a: [1,\n", "t.yaml:1:4: this '[' is never closed\na: [1,\n", "   ^");
	refused("x: {", "t.yaml:1:4: this '{' is never closed", "   ^");
	refused("a: 1\n@b: 2\n", "t.yaml:2:1: ", "^");
	refused("a:\n\t- b\n", "t.yaml:2:1: ", "^");
	refused("a: \"x\n", "t.yaml:1:", "    ^");
}

static void what_has_no_meaning_here_is_refused(void **state)
{
	(void)state;
	refused("a: &x 1\n", "t.yaml:1:4: anchors", "   ^");
	refused("a: *x\n", "t.yaml:1:4: aliases", "   ^");
	refused("a: !!str 1\n", "t.yaml:1:4: tags", "   ^");
	refused("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document", "^");
	refused("? [a]\n: 1\n", "t.yaml:1:3: a key must be plain text", "  ^");
	refused("a: \"\\0\"\n", "t.yaml:1:4: \\0 is not allowed", "   ^");
	refused("a: 1\nb: \xFF\n", "t.yaml:2:4: the text is not valid UTF-8", "   ^");
	refused("a: \x1b[2J\n", "t.yaml:1:4: control character 0x1b", "   ^");
}

static void a_key_that_stands_twice_is_refused_at_the_second(void **state)
{
	(void)state;
	refused("a: 1\nb: 2\n\"a\": 3\n",
	    "t.yaml:3:1: the key 'a' stands here twice (first on line 1)", "^");
	refused("r: [{x: 1, y: 2, x: 3}]\n", "t.yaml:1:18: the key 'x'",
	    "                 ^");
}

static void the_caret_stands_under_tabs_and_wide_text(void **state)
{
	(void)state;
	refused("\xD0\xBA\xD0\xBB: {a:\t*x}\n", "t.yaml:1:9: aliases", "       \t^");
}

static void long_source_lines_are_cut_around_the_place(void **state)
{
	struct buf text = { 0 };
	struct yaml *yaml = NULL;
	struct err err = { .text = "" };

	(void)state;
	buf_puts(&text, "a: [");
	for (int i = 0; i < 500; i++) {
		buf_puts(&text, "word, ");
	}
	buf_puts(&text, "*x, ");
	for (int i = 0; i < 500; i++) {
		buf_puts(&text, "word, ");
	}
	assert_int_equal(yaml_parse("t.yaml", buf_slice(&text), &yaml, &err), -EINVAL);
	assert_true(strlen(err.text) < 300);
	assert_non_null(strstr(err.text, "t.yaml:1:3005: "));
	assert_non_null(strstr(err.text, "*x"));
	buf_finish(&text);
}

static void depth_and_size_are_bounded(void **state)
{
	struct buf text = { 0 };
	struct yaml *yaml = NULL;
	struct err err = { .text = "" };

	(void)state;
	refused(
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	    "t.yaml:1:33: nested deeper than 32", "                                ^");
	while (text.len <= 4 * 1024 * 1024) {
		buf_puts(&text, "# a comment that only takes room\n");
	}
	assert_int_equal(yaml_parse("t.yaml", buf_slice(&text), &yaml, &err), -EINVAL);
	assert_string_equal(err.text, "t.yaml: larger than 4 MiB");
	buf_finish(&text);
}

static void environment_variables_are_replaced_in_values(void **state)
{
	struct yaml *yaml = NULL;
	const struct yaml_node *root = NULL;

	(void)state;
	(void)setenv("WAYBILL_TEST_VALUE", "s3cr${t}", 1);
	(void)setenv("WAYBILL_TEST_EMPTY", "", 1);
	(void)unsetenv("WAYBILL_TEST_UNSET");
	yaml = parse(
	    "a: ${WAYBILL_TEST_VALUE}\nb: '<${WAYBILL_TEST_VALUE}|${WAYBILL_TEST_EMPTY}>'\n"
	    "c: $${HOME}$\nd: ${WAYBILL_TEST_EMPTY}\n${WAYBILL_TEST_UNSET}: key\n");
	root = yaml_root(yaml);
	assert_string_equal(yaml_text(yaml_get(root, "a")), "s3cr${t}");
	assert_string_equal(yaml_text(yaml_get(root, "b")), "<s3cr${t}|>");
	assert_string_equal(yaml_text(yaml_get(root, "c")), "${HOME}$");
	assert_string_equal(yaml_text(yaml_get(root, "d")), "");
	assert_false(yaml_is_null(yaml_get(root, "d")));
	assert_non_null(yaml_get(root, "${WAYBILL_TEST_UNSET}"));
	yaml_destroy(yaml);
	refused("k: ${WAYBILL_TEST_UNSET}\n",
	    "t.yaml:1:4: the environment variable WAYBILL_TEST_UNSET is not set", "   ^");
	refused("k: ${HOME\n", "t.yaml:1:4: '${' has no '}'", "   ^");
	refused("k: ${}\n", "t.yaml:1:4: expected ${NAME}", "   ^");
	refused("k: ${a-b}\n", "t.yaml:1:4: expected ${NAME}", "   ^");
	refused("k: ${file:}\n", "t.yaml:1:4: ${file:} needs a path", "   ^");
}

static void write_file(const char *path, struct slice text)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
}

static void files_are_read_relative_to_the_yaml_file(void **state)
{
	char folder[256];
	char path[512];
	char secret[512];
	struct yaml *yaml = NULL;
	struct err err = { .text = "" };

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/waybill-yaml-XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/c.yaml", folder);
	(void)snprintf(secret, sizeof(secret), "%s/key", folder);
	write_file(path, SLICE("a: ${file:key}\n"));
	assert_int_equal(yaml_load(path, &yaml, &err), -EINVAL);
	assert_non_null(strstr(err.text, "c.yaml:1:4: ${file:key}: cannot read "));
	write_file(secret, SLICE("line\nlast\r\n"));
	assert_int_equal(yaml_load(path, &yaml, &err), 0);
	assert_string_equal(yaml_text(yaml_get(yaml_root(yaml), "a")), "line\nlast");
	yaml_destroy(yaml);
	write_file(secret, SLICE("a\0b"));
	assert_int_equal(yaml_load(path, &yaml, &err), -EINVAL);
	assert_non_null(strstr(err.text, "holds a zero byte"));
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(
	    mkfifo(secret, 0600), 0); /* nobody writes: an open for reading would wait */
	assert_int_equal(yaml_load(path, &yaml, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is not a regular file"));
	assert_int_equal(yaml_load(folder, &yaml, &err), -EISDIR);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(yaml_load(path, &yaml, &err), -ENOENT);
	assert_non_null(strstr(err.text, "c.yaml: cannot read: No such file"));
	assert_int_equal(rmdir(folder), 0);
}

static void sizes_durations_numbers_and_booleans_are_read(void **state)
{
	struct yaml *yaml = parse(
	    "size: [0, 12, 512B, 64KiB, 1MiB, 2GiB]\nfor: [250ms, 10s, 5m, 2h, 90d]\n"
	    "int: [-5, 0, 65535]\nyes: True\nno: false\n");
	static const uint64_t sizes[] = { 0, 12, 512, 65536, 1048576, UINT64_C(2) << 30 };
	static const int64_t seconds_ms[] = { 250, 10000, 300000, 7200000,
		INT64_C(7776000000) };
	const struct yaml_node *root = yaml_root(yaml);
	struct err err = { .text = "" };
	int64_t number = 0;
	uint64_t size = 0;
	bool flag = false;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(
		    yaml_size(yaml_item(yaml_get(root, "size"), i), &size, &err), 0);
		assert_int_equal(size, sizes[i]);
	}
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(
		    yaml_duration(yaml_item(yaml_get(root, "for"), i), &number, &err), 0);
		assert_int_equal(number, seconds_ms[i] * 1000000);
	}
	assert_int_equal(
	    yaml_integer(yaml_item(yaml_get(root, "int"), 0), -5, 0, &number, &err), 0);
	assert_int_equal(number, -5);
	assert_int_equal(
	    yaml_integer(yaml_item(yaml_get(root, "int"), 2), 0, 65534, &number, &err),
	    -EINVAL);
	assert_non_null(
	    strstr(err.text, "t.yaml:3:14: expected a whole number from 0 to 65534"));
	assert_int_equal(yaml_bool(yaml_get(root, "yes"), &flag, &err), 0);
	assert_true(flag);
	assert_int_equal(yaml_bool(yaml_get(root, "no"), &flag, &err), 0);
	assert_false(flag);
	yaml_destroy(yaml);
}

static void wrong_values_are_refused(void **state)
{
	struct yaml *yaml = parse(
	    "[64KB, 1.5MiB, -1, '', ~, x, 99999999999999999999, 9999999TiB, 10, 1w, "
	    "5 s, 106752d, yes, 1, {a: b}, [1], 0x10, +1]");
	const struct yaml_node *root = yaml_root(yaml);
	struct err err = { .text = "" };
	uint64_t size = 7;
	int64_t number = 7;
	bool flag = true;

	(void)state;
	for (size_t i = 0; i < yaml_count(root); i++) {
		const struct yaml_node *node = yaml_item(root, i);
		bool plain = strcmp(yaml_text(node), "10") == 0 ||
		             strcmp(yaml_text(node), "1") == 0;

		assert_int_equal(yaml_duration(node, &number, &err), -EINVAL);
		assert_int_equal(yaml_bool(node, &flag, &err), -EINVAL);
		if (!plain) {
			assert_int_equal(yaml_size(node, &size, &err), -EINVAL);
			assert_int_equal(
			    yaml_integer(node, 0, INT64_MAX, &number, &err), -EINVAL);
		}
	}
	assert_int_equal(size, 7);
	assert_int_equal(number, 7);
	yaml_destroy(yaml);
}

static void an_unknown_key_proposes_the_nearest_name(void **state)
{
	static const char *const names[] = { "listen", "workers", "services", NULL };
	struct yaml *yaml = parse("listen: x\nworkres: 3\n");
	struct yaml *other = parse("listen: x\nbanana: 3\n");
	struct yaml *scalar = parse("just text\n");
	struct err err = { .text = "" };

	(void)state;
	assert_int_equal(yaml_only(yaml_root(yaml), names, &err), -EINVAL);
	assert_string_equal(err.text,
	    "t.yaml:2:1: unknown key 'workres'; did you mean 'workers'?\nworkres: 3\n^");
	assert_int_equal(yaml_only(yaml_root(other), names, &err), -EINVAL);
	assert_string_equal(err.text, "t.yaml:2:1: unknown key 'banana'\nbanana: 3\n^");
	assert_int_equal(yaml_only(yaml_root(scalar), names, &err), -EINVAL);
	assert_int_equal(yaml_only(NULL, names, &err), 0);
	yaml_destroy(yaml);
	yaml_destroy(other);
	yaml_destroy(scalar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_knows_kinds_texts_and_places),
		cmocka_unit_test(a_missing_node_reads_as_null),
		cmocka_unit_test(nothing_at_all_is_an_empty_mapping),
		cmocka_unit_test(broken_yaml_is_shown_with_a_caret),
		cmocka_unit_test(what_has_no_meaning_here_is_refused),
		cmocka_unit_test(a_key_that_stands_twice_is_refused_at_the_second),
		cmocka_unit_test(the_caret_stands_under_tabs_and_wide_text),
		cmocka_unit_test(long_source_lines_are_cut_around_the_place),
		cmocka_unit_test(depth_and_size_are_bounded),
		cmocka_unit_test(environment_variables_are_replaced_in_values),
		cmocka_unit_test(files_are_read_relative_to_the_yaml_file),
		cmocka_unit_test(sizes_durations_numbers_and_booleans_are_read),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(an_unknown_key_proposes_the_nearest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
