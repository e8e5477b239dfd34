/* SPDX-License-Identifier: MIT */
/*
 * settings_admin: the section admin: where the dashboard listens, and as whom.
 */
#include "cmd/address.h"
#include "cmd/settings_read.h"

#include <errno.h>

static int read_listen(struct settings_reader *reader, const struct yaml_node *node)
{
	reader->admin_listen = node;
	return settings_read_listen(
	    reader, node, &reader->settings->admin_host, &reader->settings->admin_port);
}

static int read_allow_remote(struct settings_reader *reader, const struct yaml_node *node)
{
	return yaml_bool(node, &reader->settings->admin_allow_remote, reader->err);
}

static int read_print_link(struct settings_reader *reader, const struct yaml_node *node)
{
	return yaml_bool(node, &reader->settings->admin_print_link, reader->err);
}

static int read_hosts(struct settings_reader *reader, const struct yaml_node *node)
{
	size_t count = yaml_count(node);
	const char **hosts = NULL;

	if (yaml_kind(node) != YAML_SEQUENCE) {
		return yaml_error(node, reader->err,
		    "expected a list of names, as in [waybill.example.com, localhost:9000]");
	}
	hosts = settings_allocate(reader, count, sizeof(*hosts));
	if (!hosts) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = yaml_item(node, i);
		struct slice text =
		    slice_of(yaml_kind(item) == YAML_SCALAR ? yaml_text(item) : "");
		struct address_pair pair;
		const char *wrong = address_parse(text, &pair);

		if (wrong || pair.host[0] == '\0') {
			return yaml_error(item, reader->err, "%s",
			    wrong ? wrong : "expected NAME or NAME:PORT");
		}
		hosts[i] = settings_keep(reader, text);
		if (!hosts[i]) {
			return -ENOMEM;
		}
	}
	reader->settings->admin_hosts = hosts;
	reader->settings->admin_host_count = count;
	return 0;
}

static const struct settings_key admin_keys[] = {
	{ "allow_remote", read_allow_remote },
	{ "hosts", read_hosts },
	{ "listen", read_listen },
	{ "print_link", read_print_link },
	{ NULL, NULL },
};

int settings_read_admin(struct settings_reader *reader, const struct yaml_node *node)
{
	return settings_read_mapping(reader, node, admin_keys);
}
