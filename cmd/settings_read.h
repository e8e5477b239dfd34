/* SPDX-License-Identifier: MIT */
/*
 * settings_read: what the parts of the configuration loader share.
 */
#ifndef CMD_SETTINGS_READ_H
#define CMD_SETTINGS_READ_H

#include "base/yaml.h"
#include "cmd/settings.h"

/* One run of settings_load. */
struct settings_reader {
	struct settings *settings; /* being filled; holds the defaults at first */
	const char *path;          /* of the file; borrowed */
	struct err *err;           /* borrowed */
	const struct yaml_node
	    *listen;        /* the key's value, for a message that comes later */
	bool clients_given; /* access.clients is in the file */
	const struct yaml_node *admin_listen; /* as listen */
};

/* A key and who reads its value: 0, -EINVAL with the place in reader->err, or -ENOMEM. */
struct settings_key {
	const char *name;
	int (*read)(struct settings_reader *reader, const struct yaml_node *node);
};

/*
 * Reads a mapping (or null: nothing in it) by a table that ends in { NULL, NULL }.
 * A key that is not in it is an error.
 */
MUST_CHECK int settings_read_mapping(struct settings_reader *reader,
    const struct yaml_node *node, const struct settings_key *keys);

/* Zeroed memory that lives as long as the settings. NULL: none, and reader->err says so.
 */
void *settings_allocate(struct settings_reader *reader, size_t count, size_t size);

/* The same holding a copy of text. */
const char *settings_keep(struct settings_reader *reader, struct slice text);

/* A scalar that is neither null nor empty. Returns 0 or -EINVAL. */
MUST_CHECK int settings_read_text(
    struct settings_reader *reader, const struct yaml_node *node, const char **ret_text);

/* settings_keys.c: the table of the whole file. */
extern const struct settings_key settings_top_keys[];

/* settings_access.c: a section's table, and what else holds addresses. */
extern const struct settings_key settings_access_keys[];
MUST_CHECK int settings_read_connect_to(
    struct settings_reader *reader, const struct yaml_node *node);
MUST_CHECK int settings_read_listen(struct settings_reader *reader,
    const struct yaml_node *node, const char **ret_host, int *ret_port);
MUST_CHECK int settings_read_admin(
    struct settings_reader *reader, const struct yaml_node *node);

/* settings_limits.c: the defaults of the section, and its reader. */
extern const struct proxy_limits settings_limits_default;
MUST_CHECK int settings_read_limits(
    struct settings_reader *reader, const struct yaml_node *node);

#endif
