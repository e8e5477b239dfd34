/* SPDX-License-Identifier: MIT */
/*
 * names: see the header.
 */
#include "tls/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* Underscores are not host name characters (RFC 1123), but names in use have them. */
static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* 0177.0.0.1, 127.1 and 0x7f000001 are addresses to inet_aton, and so to many resolvers:
 * they all end in a label that is a number (WHATWG URL, "ends in a number"). */
static bool ends_in_number(const char *name)
{
	const char *label = strrchr(name, '.');

	label = label ? label + 1 : name;
	if (label[0] == '0' && label[1] == 'x') {
		return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
	}
	return label[strspn(label, "0123456789")] == '\0';
}

/* Labels of 1 to 63 characters each (RFC 1035 2.3.4). */
static bool has_good_labels(const char *name)
{
	size_t run = 0;

	for (; *name; name++) {
		if (*name == '.') {
			if (run == 0) {
				return false;
			}
			run = 0;
		} else if (!is_name_char(*name) || ++run > 63) {
			return false;
		}
	}
	return run > 0;
}

int name_read(struct slice host, char ret_name[NAME_SIZE])
{
	char name[NAME_SIZE];
	struct in6_addr address;

	if (host.len > 0 && host.ptr[host.len - 1] == '.') {
		host.len--;
	}
	if (host.len == 0 || host.len >= sizeof(name)) {
		return -EINVAL;
	}
	if (host.ptr[0] == '[') {
		return -ENOTSUP;
	}
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];

		name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	name[host.len] = '\0';
	if (strlen(name) != host.len) {
		return -EINVAL;
	}
	if (inet_pton(AF_INET6, name, &address) == 1) {
		return -ENOTSUP;
	}
	if (!has_good_labels(name)) {
		return -EINVAL;
	}
	if (ends_in_number(name)) {
		return -ENOTSUP;
	}
	memcpy(ret_name, name, host.len + 1);
	return 0;
}

int name_list_add(struct name_list *list, const char *name)
{
	char **names = realloc(list->names, (list->count + 1) * sizeof(*names));

	if (!names) {
		return -ENOMEM;
	}
	list->names = names;
	names[list->count] = strdup(name);
	if (!names[list->count]) {
		return -ENOMEM;
	}
	list->count++;
	return 0;
}

static int on_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void name_list_sort(struct name_list *list)
{
	size_t kept = 0;

	if (list->count == 0) {
		return;
	}
	qsort(list->names, list->count, sizeof(*list->names), on_compare);
	for (size_t i = 1; i < list->count; i++) {
		if (strcmp(list->names[kept], list->names[i]) == 0) {
			free(list->names[i]);
		} else {
			list->names[++kept] = list->names[i];
		}
	}
	list->count = kept + 1;
}

int name_list_from_patterns(const char *const *patterns, size_t count,
    struct name_list *ret_list, struct err *err)
{
	struct name_list list = { 0 };
	char name[NAME_SIZE];
	int r;

	for (size_t i = 0; i < count; i++) {
		struct slice host = slice_of(patterns[i]);

		if (slice_starts(host, SLICE("*."))) {
			host.ptr += 2;
			host.len -= 2;
		}
		r = name_read(host, name);
		if (r == -ENOTSUP) {
			continue;
		}
		if (r < 0) {
			err_set(err, EINVAL,
			    "\"%s\" is no host name: write it as api.example.com or *.example.com",
			    patterns[i]);
		} else if (name_list_add(&list, name) < 0) {
			r = err_set(err, ENOMEM, "out of memory for the list of hosts");
		}
		if (r < 0) {
			name_list_finish(&list);
			return r;
		}
	}
	name_list_sort(&list);
	*ret_list = list;
	return 0;
}

int name_list_copy(const struct name_list *list, struct name_list *ret_list)
{
	struct name_list copy = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		if (name_list_add(&copy, list->names[i]) < 0) {
			name_list_finish(&copy);
			return -ENOMEM;
		}
	}
	*ret_list = copy;
	return 0;
}

bool name_list_equal(const struct name_list *a, const struct name_list *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->names[i], b->names[i]) != 0) {
			return false;
		}
	}
	return true;
}

bool name_list_covers(const struct name_list *list, const char *name)
{
	while (name) {
		if (list->count > 0 && bsearch(&name, list->names, list->count,
		                           sizeof(*list->names), on_compare)) {
			return true;
		}
		name = strchr(name, '.');
		name = name ? name + 1 : NULL;
	}
	return false;
}

void name_list_finish(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->names[i]);
	}
	free(list->names);
	*list = (struct name_list){ 0 };
}
