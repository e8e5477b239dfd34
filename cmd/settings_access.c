/* SPDX-License-Identifier: MIT */
/*
 * settings_access: addresses: where to listen, who may come, where calls may go.
 */
#include "cmd/address.h"
#include "cmd/settings_read.h"

#include <errno.h>

/* Reads host:port, both needed. */
static int read_pair(struct settings_reader *reader, const struct yaml_node *node,
    const char *example, struct address_pair *ret_pair)
{
	const char *wrong = NULL;

	if (yaml_kind(node) != YAML_SCALAR) {
		return yaml_error(
		    node, reader->err, "expected HOST:PORT, as in %s", example);
	}
	wrong = address_parse(slice_of(yaml_text(node)), ret_pair);
	if (wrong) {
		return yaml_error(node, reader->err, "%s", wrong);
	}
	if (ret_pair->host[0] == '\0' || ret_pair->port < 0) {
		return yaml_error(
		    node, reader->err, "expected HOST:PORT, as in %s", example);
	}
	return 0;
}

/* Reads an address of this machine; gives its bytes too. */
static int read_local(struct settings_reader *reader, const struct yaml_node *node,
    struct address_pair *ret_pair, uint8_t ret_address[16])
{
	int r = read_pair(reader, node, "127.0.0.1:8080", ret_pair);

	if (r == 0 && strcmp(ret_pair->host, "localhost") == 0) {
		(void)strcpy(ret_pair->host, "127.0.0.1");
	}
	if (r == 0 && !address_is_numeric(ret_pair->host, ret_address)) {
		return yaml_error(node, reader->err,
		    "expected a numeric address and a port, as in 127.0.0.1:8080 or [::1]:8080");
	}
	return r;
}

static int keep_pair(struct settings_reader *reader, const struct address_pair *pair,
    const char **ret_host, int *ret_port)
{
	const char *host = settings_keep(reader, slice_of(pair->host));

	if (!host) {
		return -ENOMEM;
	}
	*ret_host = host;
	*ret_port = pair->port;
	return 0;
}

int settings_read_listen(struct settings_reader *reader, const struct yaml_node *node,
    const char **ret_host, int *ret_port)
{
	struct address_pair pair;
	uint8_t address[16];
	int r = read_local(reader, node, &pair, address);

	return r ? r : keep_pair(reader, &pair, ret_host, ret_port);
}

/* Reads one pair of upstream.connect_to into entry. */
static int read_connect_entry(struct settings_reader *reader, const struct yaml_node *key,
    const struct yaml_node *value, struct connect_to *entry)
{
	struct address_pair from;
	struct address_pair to;
	const char *wrong = address_parse(slice_of(yaml_text(key)), &from);
	int r = 0;

	if (wrong) {
		return yaml_error(key, reader->err, "%s", wrong);
	}
	r = read_pair(reader, value, "127.0.0.1:9443", &to);
	if (r == 0 && to.port == 0) {
		r = yaml_error(
		    value, reader->err, "the port is no number from 1 to 65535");
	}
	if (r != 0) {
		return r;
	}
	entry->host = settings_keep(reader, slice_of(from.host));
	entry->port = from.port > 0 ? from.port : 0;
	entry->target_host = settings_keep(reader, slice_of(to.host));
	entry->target_port = to.port;
	return entry->host && entry->target_host ? 0 : -ENOMEM;
}

int settings_read_connect_to(struct settings_reader *reader, const struct yaml_node *node)
{
	size_t count = yaml_count(node);
	struct connect_to *entry = NULL;

	if (yaml_is_null(node)) {
		return 0;
	}
	if (yaml_kind(node) != YAML_MAPPING) {
		return yaml_error(node, reader->err,
		    "expected a mapping, as in {api.resend.com:443: 127.0.0.1:9443}");
	}
	entry = settings_allocate(reader, count, sizeof(*entry));
	if (!entry) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *key = yaml_key_node(node, i);
		int r = read_connect_entry(reader, key, yaml_item(node, i), &entry[i]);

		if (r != 0) {
			return r;
		}
		for (size_t j = 0; j < i; j++) {
			if (entry[j].port == entry[i].port &&
			    strcmp(entry[j].host, entry[i].host) == 0) {
				return yaml_error(key, reader->err,
				    "the same host and port as on line %d",
				    yaml_line(yaml_key_node(node, j)));
			}
		}
	}
	reader->settings->connect_to = entry;
	reader->settings->connect_to_count = count;
	return 0;
}

static int read_clients(struct settings_reader *reader, const struct yaml_node *node)
{
	size_t count = yaml_count(node);
	struct address_range *range = NULL;

	if (yaml_kind(node) != YAML_SEQUENCE || count == 0) {
		return yaml_error(node, reader->err,
		    "expected a list of addresses and blocks, as in [127.0.0.0/8, \"::1\"]");
	}
	range = settings_allocate(reader, count, sizeof(*range));
	if (!range) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text =
		    yaml_text(yaml_item(node, i)); /* "" when it is no scalar */
		const char *wrong = address_parse_range(slice_of(text), &range[i]);

		if (wrong) {
			return yaml_error(yaml_item(node, i), reader->err, "%s", wrong);
		}
	}
	reader->settings->clients = range;
	reader->settings->client_count = count;
	reader->clients_given = true;
	return 0;
}

/* RFC 7617 2: no colon in a user name, no control characters anywhere. */
static bool has_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7F) {
			return true;
		}
	}
	return false;
}

static int read_credential(struct settings_reader *reader, const struct yaml_node *key,
    const struct yaml_node *value, struct credential *ret_credential)
{
	const char *user = yaml_text(key);
	const char *secret = yaml_text(value);

	if (user[0] == '\0' || strchr(user, ':') || has_control(user)) {
		return yaml_error(key, reader->err,
		    "a user name has no ':' and no control characters, and is not empty");
	}
	if (yaml_kind(value) != YAML_SCALAR || secret[0] == '\0' || has_control(secret)) {
		return yaml_error(value, reader->err,
		    "the secret must be one line of text that is not empty; ${NAME} and ${file:PATH} "
		    "keep it out of this file");
	}
	ret_credential->user = settings_keep(reader, slice_of(user));
	ret_credential->secret = settings_keep(reader, slice_of(secret));
	return ret_credential->user && ret_credential->secret ? 0 : -ENOMEM;
}

static int read_credentials(struct settings_reader *reader, const struct yaml_node *node)
{
	size_t count = yaml_count(node);
	struct credential *credential = NULL;

	if (yaml_is_null(node)) {
		return 0;
	}
	if (yaml_kind(node) != YAML_MAPPING) {
		return yaml_error(
		    node, reader->err, "expected a mapping of user names to secrets");
	}
	credential = settings_allocate(reader, count, sizeof(*credential));
	if (!credential) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		int r = read_credential(
		    reader, yaml_key_node(node, i), yaml_item(node, i), &credential[i]);

		if (r != 0) {
			return r;
		}
	}
	reader->settings->credentials = credential;
	reader->settings->credential_count = count;
	return 0;
}

static int read_connect_ports(
    struct settings_reader *reader, const struct yaml_node *node)
{
	size_t count = yaml_count(node);
	int *port = NULL;

	if (yaml_kind(node) != YAML_SEQUENCE) {
		return yaml_error(
		    node, reader->err, "expected a list of ports, as in [443]");
	}
	port = settings_allocate(reader, count, sizeof(*port));
	if (!port) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		int64_t number = 0;
		int r = yaml_integer(yaml_item(node, i), 1, 65535, &number, reader->err);

		if (r != 0) {
			return r;
		}
		port[i] = (int)number;
	}
	reader->settings->connect_ports = port;
	reader->settings->connect_port_count = count;
	return 0;
}

static int read_private_upstreams(
    struct settings_reader *reader, const struct yaml_node *node)
{
	return yaml_bool(node, &reader->settings->private_upstreams, reader->err);
}

static int read_on_tls_reject(
    struct settings_reader *reader, const struct yaml_node *node)
{
	const char *word = yaml_kind(node) == YAML_SCALAR ? yaml_text(node) : "";

	if (strcmp(word, "record") != 0 && strcmp(word, "tunnel") != 0) {
		return yaml_error(node, reader->err, "expected record or tunnel");
	}
	reader->settings->on_tls_reject =
	    word[0] == 't' ? TLS_REJECT_TUNNEL : TLS_REJECT_RECORD;
	return 0;
}

const struct settings_key settings_access_keys[] = {
	{ "clients", read_clients },
	{ "connect_ports", read_connect_ports },
	{ "credentials", read_credentials },
	{ "on_tls_reject", read_on_tls_reject },
	{ "private_upstreams", read_private_upstreams },
	{ NULL, NULL },
};
