/* SPDX-License-Identifier: MIT */
/*
 * yaml_build: libfyaml's events become nodes.
 *
 * Events rather than its document: they come one at a time, so depth, anchors and a
 * second document are refused before anything is built from them.
 */
#include "base/yaml_node.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>

enum { DEPTH_LIMIT = 32 };

/* A mapping or sequence that has begun and not ended. */
struct level {
	struct yaml_node *node;
	struct yaml_node *key; /* mapping: the key that waits for its value */
	bool flow;             /* written with brackets or braces */
};

struct builder {
	struct yaml *yaml;
	struct err *err;
	struct level level[DEPTH_LIMIT];
	size_t depth;
	int documents;
	int line; /* of the event in hand, or of the last that had a place; from 1 */
	int column;
};

static int out_of_memory(struct builder *b)
{
	return err_set(b->err, ENOMEM,
	    "%s: too large: out of memory, or more than 500,000 values", b->yaml->name);
}

static void note_mark(struct builder *b, const struct fy_mark *mark)
{
	if (mark) {
		b->line = mark->line + 1;
		b->column = mark->column + 1;
	}
}

/* Gives a finished scalar or a fresh collection its place in what is open. */
static int attach(struct builder *b, struct yaml_node *node)
{
	struct level *top = b->depth > 0 ? &b->level[b->depth - 1] : NULL;
	struct yaml_node *key = NULL;

	if (!top) {
		b->yaml->root = node;
		return 0;
	}
	if (top->node->kind == YAML_MAPPING && !top->key) {
		if (node->kind != YAML_SCALAR) {
			return yaml_error(node, b->err, "a key must be plain text");
		}
		if (node->null) {
			return yaml_error(
			    node, b->err, "a key is missing before the ':'");
		}
		top->key = node;
		return 0;
	}
	key = top->key;
	top->key = NULL;
	return yaml_node_add(top->node, key, node) == 0 ? 0 : out_of_memory(b);
}

static bool is_key_next(const struct builder *b)
{
	return b->depth > 0 && b->level[b->depth - 1].node->kind == YAML_MAPPING &&
	       !b->level[b->depth - 1].key;
}

/* Does plain text mean nothing at all? (YAML 1.2.2, 10.3.2) */
static bool is_null_text(struct slice text)
{
	return text.len == 0 || slice_eq(text, SLICE("~")) ||
	       slice_eq(text, SLICE("null")) || slice_eq(text, SLICE("Null")) ||
	       slice_eq(text, SLICE("NULL"));
}

/* The place of a token whose first byte libfyaml leaves out of it: a quote, & or *. */
static void note_sigil(struct builder *b, struct fy_token *token, char sigil)
{
	const struct fy_mark *mark = fy_token_start_mark(token);

	note_mark(b, mark);
	if (mark && mark->column > 0 && mark->input_pos > 0 &&
	    mark->input_pos <= b->yaml->source_len &&
	    b->yaml->source[mark->input_pos - 1] == sigil) {
		b->column--;
	}
}

static void note_scalar(struct builder *b, struct fy_token *token)
{
	enum fy_scalar_style style = fy_token_scalar_style(token);

	if (style == FYSS_SINGLE_QUOTED) {
		note_sigil(b, token, '\'');
	} else if (style == FYSS_DOUBLE_QUOTED) {
		note_sigil(b, token, '"');
	}
}

/* A value that is not there has the place of its key: versions of libfyaml differ. */
static void note_nothing(struct builder *b)
{
	const struct yaml_node *key = b->depth > 0 ? b->level[b->depth - 1].key : NULL;

	if (key) {
		b->line = key->line;
		b->column = key->column;
	}
}

static int add_scalar(struct builder *b, struct fy_token *token)
{
	struct yaml_node *node = NULL;
	struct slice text = { NULL, 0 };
	bool key = is_key_next(b);
	bool plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	int r = 0;

	if (token) {
		text.ptr = fy_token_get_text(token, &text.len);
		note_scalar(b, token);
	}
	if (plain && text.len == 0) {
		note_nothing(b);
	}
	node = yaml_node_create(b->yaml, YAML_SCALAR, b->line, b->column);
	if (!node || (token && !text.ptr)) {
		return out_of_memory(b);
	}
	if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
		return yaml_error(node, b->err, "\\0 is not allowed in a value");
	}
	node->text = slice_dup(text);
	if (!node->text) {
		return out_of_memory(b);
	}
	node->null = plain && is_null_text(text);
	if (!key) {
		r = yaml_expand(b->yaml, node, b->err);
	}
	return r == 0 ? attach(b, node) : r;
}

static int begin_collection(
    struct builder *b, enum yaml_kind kind, struct fy_token *token)
{
	const struct fy_mark *mark = fy_token_start_mark(token);
	struct yaml_node *node = NULL;
	bool flow = false;
	int r = 0;

	if (b->depth == DEPTH_LIMIT) {
		return yaml_place_error(b->yaml, b->line, b->column, b->err,
		    "nested deeper than %d levels", DEPTH_LIMIT);
	}
	node = yaml_node_create(b->yaml, kind, b->line, b->column);
	if (!node) {
		return out_of_memory(b);
	}
	r = attach(b, node);
	if (r == 0) {
		flow = mark && mark->input_pos < b->yaml->source_len &&
		       strchr("[{", b->yaml->source[mark->input_pos]);
		b->level[b->depth++] = (struct level){ .node = node, .flow = flow };
	}
	return r;
}

/* By text, and of equal ones the earlier in the file first. */
static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order == 0) {
		order = (x->line > y->line) - (x->line < y->line);
	}
	return order ? order : (x->column > y->column) - (x->column < y->column);
}

/* Refuses a key that stands twice; in a sorted copy, since files may have 100,000 of
 * them. */
static int check_keys(struct builder *b, const struct yaml_node *mapping)
{
	struct yaml_node **sorted = NULL;
	int r = 0;

	if (mapping->count < 2) {
		return 0;
	}
	sorted = malloc(mapping->count * sizeof(struct yaml_node *));
	if (!sorted) {
		return out_of_memory(b);
	}
	memcpy(sorted, mapping->key, mapping->count * sizeof(struct yaml_node *));
	qsort(sorted, mapping->count, sizeof(struct yaml_node *), compare_keys);
	for (size_t i = 1; i < mapping->count && r == 0; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0) {
			r = yaml_error(sorted[i], b->err,
			    "the key '%s' stands here twice (first on line %d)",
			    sorted[i]->text, sorted[i - 1]->line);
		}
	}
	free(sorted);
	return r;
}

static int end_collection(struct builder *b)
{
	struct yaml_node *node = NULL;

	if (b->depth == 0) {
		return err_set(b->err, EINVAL, "%s: a collection ends that never began",
		    b->yaml->name);
	}
	node = b->level[--b->depth].node;
	return node->kind == YAML_MAPPING ? check_keys(b, node) : 0;
}

/* Refuses anchors and tags, which this program gives no meaning. */
static int check_properties(
    struct builder *b, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor) {
		note_sigil(b, anchor, '&');
		return yaml_place_error(b->yaml, b->line, b->column, b->err,
		    "anchors (&name) are not supported");
	}
	if (tag) {
		note_mark(b, fy_token_start_mark(tag));
		return yaml_place_error(b->yaml, b->line, b->column, b->err,
		    "tags (!name) are not supported");
	}
	return 0;
}

static int take_event(struct builder *b, struct fy_event *event)
{
	int r = 0;

	note_mark(b, fy_event_start_mark(event));
	switch (event->type) {
	case FYET_DOCUMENT_START:
		if (b->documents++ > 0) {
			return yaml_place_error(b->yaml, b->line, b->column, b->err,
			    "a second document begins here");
		}
		return 0;
	case FYET_ALIAS:
		note_sigil(b, event->alias.anchor, '*');
		return yaml_place_error(b->yaml, b->line, b->column, b->err,
		    "aliases (*name) are not supported");
	case FYET_SCALAR:
		r = check_properties(b, event->scalar.anchor, event->scalar.tag);
		return r ? r : add_scalar(b, event->scalar.value);
	case FYET_SEQUENCE_START:
		r = check_properties(
		    b, event->sequence_start.anchor, event->sequence_start.tag);
		return r ? r
		         : begin_collection(
		               b, YAML_SEQUENCE, event->sequence_start.sequence_start);
	case FYET_MAPPING_START:
		r = check_properties(
		    b, event->mapping_start.anchor, event->mapping_start.tag);
		return r ? r
		         : begin_collection(
		               b, YAML_MAPPING, event->mapping_start.mapping_start);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		return end_collection(b);
	default:
		return 0;
	}
}

/* Does the library complain about the end of the text, rather than about a place in it?
 */
static bool is_past_end(const struct yaml *yaml, const struct fy_diag_error *error)
{
	size_t lines = 1;

	for (size_t i = 0; i + 1 < yaml->source_len; i++) {
		lines += yaml->source[i] == '\n';
	}
	return error && error->line > 0 && (size_t)error->line > lines;
}

/* The innermost [ or { that is still open, or NULL. */
static const struct yaml_node *find_unclosed(const struct builder *b)
{
	for (size_t i = b->depth; i > 0; i--) {
		if (b->level[i - 1].flow) {
			return b->level[i - 1].node;
		}
	}
	return NULL;
}

/* What libfyaml has to say; for some faults it says nothing, or gives no place. */
static int parser_error(struct builder *b, struct fy_diag *diag)
{
	const struct fy_diag_error *error = NULL;
	const struct yaml_node *open = NULL;
	void *iterator = NULL;

	do {
		error = fy_diag_errors_iterate(diag, &iterator);
	} while (error && error->type != FYET_ERROR);
	open = is_past_end(b->yaml, error) ? find_unclosed(b) : NULL;
	if (open) {
		return yaml_error(open, b->err, "this %s is never closed",
		    open->kind == YAML_MAPPING ? "'{'" : "'['");
	}
	if (error && error->line > 0) {
		b->line = error->line;
		b->column = error->column > 0 ? error->column : 1;
	}
	return yaml_place_error(b->yaml, b->line, b->column, b->err, "%s",
	    error && error->msg ? error->msg : "this does not end as YAML should");
}

static int read_events(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	bool more = true;
	int r = 0;

	while (more && r == 0) {
		struct fy_event *event = fy_parser_parse(parser);

		if (!event) {
			return parser_error(b, diag);
		}
		more = event->type != FYET_STREAM_END;
		r = take_event(b, event);
		fy_parser_event_free(parser, event);
	}
	return r;
}

/* Nothing in the file, or only null: an empty mapping. */
static int complete(struct builder *b)
{
	if (!b->yaml->root || b->yaml->root->null) {
		b->yaml->root = yaml_node_create(b->yaml, YAML_MAPPING, 1, 1);
	}
	return b->yaml->root ? 0 : out_of_memory(b);
}

/* libfyaml would print to standard error; its words go into struct err instead. */
static void on_output(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)len;
}

int yaml_build(struct yaml *yaml, struct err *err)
{
	struct builder b = { .yaml = yaml, .err = err, .line = 1, .column = 1 };
	struct fy_parse_cfg config = { .flags = FYPCF_QUIET | FYPCF_JSON_NONE };
	struct fy_diag_cfg quiet;
	struct fy_parser *parser = NULL;
	struct fy_diag *diag = NULL;
	int r = 0;

	if (yaml->source_len == 0) {
		return complete(&b);
	}
	fy_diag_cfg_default(&quiet);
	quiet.fp = NULL;
	quiet.output_fn = on_output;
	diag = fy_diag_create(&quiet);
	if (!diag) {
		return out_of_memory(&b);
	}
	fy_diag_set_collect_errors(diag, true);
	config.diag = diag;
	parser = fy_parser_create(&config);
	if (!parser ||
	    fy_parser_set_string(parser, yaml->source, yaml->source_len) != 0) {
		r = out_of_memory(&b);
	} else {
		r = read_events(&b, parser, diag);
	}
	if (r == 0) {
		r = complete(&b);
	}
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return r;
}
