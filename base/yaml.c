/* SPDX-License-Identifier: MIT */
/*
 * yaml: reading a file, and looking at the tree.
 */
#include "base/yaml.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "base/yaml_node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FILE_LIMIT = 4 * 1024 * 1024, /* bytes */
	NODE_LIMIT = 500000,
	READ_STEP = 65536,
};

struct yaml_node *yaml_node_create(
    struct yaml *yaml, enum yaml_kind kind, int line, int column)
{
	struct yaml_node *node =
	    yaml->node_count < NODE_LIMIT ? calloc(1, sizeof(*node)) : NULL;

	if (!node) {
		return NULL;
	}
	*node = (struct yaml_node){ .yaml = yaml,
		.next = yaml->nodes,
		.kind = kind,
		.line = line,
		.column = column };
	yaml->nodes = node;
	yaml->node_count++;
	return node;
}

int yaml_node_add(
    struct yaml_node *parent, struct yaml_node *key, struct yaml_node *value)
{
	if (parent->count == parent->cap) {
		size_t cap = parent->cap ? parent->cap * 2 : 4;
		struct yaml_node **grown =
		    realloc(parent->value, cap * sizeof(struct yaml_node *));

		if (!grown) {
			return -ENOMEM;
		}
		parent->value = grown;
		if (parent->kind == YAML_MAPPING) {
			grown = realloc(parent->key, cap * sizeof(struct yaml_node *));
			if (!grown) {
				return -ENOMEM;
			}
			parent->key = grown;
		}
		parent->cap = cap;
	}
	if (parent->kind == YAML_MAPPING) {
		parent->key[parent->count] = key;
	}
	parent->value[parent->count++] = value;
	return 0;
}

/* Refuses what no text file holds; libfyaml is then only ever given valid UTF-8. */
static int check_text(const struct yaml *yaml, struct err *err)
{
	struct slice rest = { yaml->source, yaml->source_len };
	int line = 1;
	int column = 1;

	while (rest.len > 0) {
		size_t len = utf8_length(rest);
		unsigned char c = (unsigned char)rest.ptr[0];

		if (len == 0) {
			return yaml_place_error(
			    yaml, line, column, err, "the text is not valid UTF-8");
		}
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
			return yaml_place_error(yaml, line, column, err,
			    "control character 0x%02x is not allowed", (unsigned int)c);
		}
		column++;
		if (c == '\n') {
			line++;
			column = 1;
		}
		rest.ptr += len;
		rest.len -= len;
	}
	return 0;
}

int yaml_parse(
    const char *name, struct slice text, struct yaml **ret_yaml, struct err *err)
{
	static const struct slice bom = { "\xEF\xBB\xBF", 3 };
	struct yaml *yaml = NULL;
	int r = 0;

	if (text.len > FILE_LIMIT) {
		return err_set(err, EINVAL, "%s: larger than 4 MiB", name);
	}
	if (slice_starts(text, bom)) {
		text.ptr += bom.len;
		text.len -= bom.len;
	}
	yaml = calloc(1, sizeof(*yaml));
	if (yaml) {
		yaml->name = strdup(name);
		yaml->source = malloc(text.len + 1);
	}
	if (!yaml || !yaml->name || !yaml->source) {
		yaml_destroy(yaml);
		return err_set(err, ENOMEM, "%s: out of memory", name);
	}
	if (text.len > 0) {
		memcpy(yaml->source, text.ptr, text.len);
	}
	yaml->source[text.len] = '\0';
	yaml->source_len = text.len;
	r = check_text(yaml, err);
	if (r == 0) {
		r = yaml_build(yaml, err);
	}
	if (r != 0) {
		yaml_destroy(yaml);
		return r;
	}
	*ret_yaml = yaml;
	return 0;
}

/* Reads the whole of a file, at most one byte more than FILE_LIMIT. 0 or -errno. */
static int read_whole(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0) {
		return -errno;
	}
	while (text->len <= FILE_LIMIT) {
		ssize_t n = 0;

		if (!buf_reserve(text, READ_STEP)) {
			r = -ENOMEM;
			break;
		}
		n = read(fd, text->ptr + text->len, READ_STEP);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			r = n < 0 ? -errno : 0;
			break;
		}
		text->len += (size_t)n;
	}
	(void)close(fd); /* only read from */
	return r;
}

int yaml_load(const char *path, struct yaml **ret_yaml, struct err *err)
{
	struct buf text = { 0 };
	int r = read_whole(path, &text);

	if (r != 0) {
		(void)err_set(err, -r, "%s: cannot read: %s", path, strerror(-r));
	} else {
		r = yaml_parse(path, buf_slice(&text), ret_yaml, err);
	}
	buf_wipe(&text);
	return r;
}

void yaml_destroy(struct yaml *yaml)
{
	if (!yaml) {
		return;
	}
	while (yaml->nodes) {
		struct yaml_node *node = yaml->nodes;

		yaml->nodes = node->next;
		if (node->text) {
			explicit_bzero(
			    node->text, strlen(node->text)); /* it may be a secret */
		}
		free(node->text);
		free(node->key);
		free(node->value);
		free(node);
	}
	free(yaml->name);
	if (yaml->source) {
		explicit_bzero(yaml->source, yaml->source_len);
	}
	free(yaml->source);
	free(yaml);
}

const struct yaml_node *yaml_root(const struct yaml *yaml)
{
	return yaml->root;
}

enum yaml_kind yaml_kind(const struct yaml_node *node)
{
	return node ? node->kind : YAML_SCALAR;
}

bool yaml_is_null(const struct yaml_node *node)
{
	return !node || node->null;
}

size_t yaml_count(const struct yaml_node *node)
{
	return node ? node->count : 0;
}

const struct yaml_node *yaml_item(const struct yaml_node *node, size_t i)
{
	return i < yaml_count(node) ? node->value[i] : NULL;
}

const struct yaml_node *yaml_key_node(const struct yaml_node *mapping, size_t i)
{
	if (yaml_kind(mapping) != YAML_MAPPING || i >= mapping->count) {
		return NULL;
	}
	return mapping->key[i];
}

const char *yaml_key(const struct yaml_node *mapping, size_t i)
{
	return yaml_text(yaml_key_node(mapping, i));
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
	if (yaml_kind(mapping) != YAML_MAPPING) {
		return NULL;
	}
	for (size_t i = 0; i < mapping->count; i++) {
		if (strcmp(mapping->key[i]->text, key) == 0) {
			return mapping->value[i];
		}
	}
	return NULL;
}

const char *yaml_text(const struct yaml_node *node)
{
	return node && node->text && !node->null ? node->text : "";
}

int yaml_line(const struct yaml_node *node)
{
	return node ? node->line : 0;
}

int yaml_column(const struct yaml_node *node)
{
	return node ? node->column : 0;
}
