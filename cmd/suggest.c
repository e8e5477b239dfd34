/* SPDX-License-Identifier: MIT */
#include "cmd/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "record/path_place.h"
#include "routes/routes.h"

enum {
	ACTION_MAX = 100,
	INDENT_DEFAULT = 2,
	FILE_MAX = 1 << 20,
};

/* How a segment of a pattern ranks: what takes less goes first. */
static int rank_of(struct slice segment)
{
	if (segment.len == 1 && segment.ptr[0] == '*') {
		return 3;
	}
	if (!memchr(segment.ptr, '{', segment.len)) {
		return 0;
	}
	return segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}' ? 2 : 1;
}

/* Without the name in it: {id} and {token} take the same paths. */
static int compare_segments(struct slice a, struct slice b, bool fold)
{
	int rank = rank_of(a) - rank_of(b);
	size_t least = a.len < b.len ? a.len : b.len;
	int order;

	if (rank != 0 || rank_of(a) > 1) {
		return rank;
	}
	order = fold ? strncasecmp(a.ptr, b.ptr, least) : strncmp(a.ptr, b.ptr, least);
	if (order != 0) {
		return order;
	}
	/* the longer beginning is the more special: botx{id} before bot{id} */
	return a.len == b.len ? 0 : a.len > b.len ? -1 : 1;
}

static int compare_paths(const char *a, const char *b, bool fold)
{
	for (size_t at = 0;; at++) {
		struct slice left = path_segment_at(slice_of(a), at);
		struct slice right = path_segment_at(slice_of(b), at);
		int order;

		if (left.len == 0 || right.len == 0) {
			return (left.len > 0) - (right.len > 0);
		}
		order = compare_segments(left, right, fold);
		if (order != 0) {
			return order;
		}
	}
}

static int compare(const void *a, const void *b)
{
	const struct unrouted_path *left = a;
	const struct unrouted_path *right = b;
	int order = compare_paths(left->path, right->path, left->service->ignore_case);

	return order ? order : strcmp(left->method, right->method);
}

/* The methods that a service file can name without end; others are left to the reader. */
static bool is_usual(const char *method)
{
	static const char *const usual[] = { "GET", "HEAD", "POST", "PUT", "PATCH",
		"DELETE", "OPTIONS" };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strcmp(method, usual[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* /api and /v4 tell nothing. */
static bool is_noise(struct slice segment)
{
	size_t i = 1;

	if (slice_ieq(segment, SLICE("api")) || slice_ieq(segment, SLICE("rest"))) {
		return true;
	}
	while (i < segment.len &&
	       (isdigit((unsigned char)segment.ptr[i]) || segment.ptr[i] == '.')) {
		i++;
	}
	return segment.len > 1 && i == segment.len && tolower(segment.ptr[0]) == 'v';
}

static void put_word(struct buf *out, struct slice word)
{
	for (size_t i = 0; i < word.len; i++) {
		unsigned char c = (unsigned char)word.ptr[i];

		buf_putc(out, (char)(isalnum(c) ? tolower(c) : '_'));
	}
}

void suggest_action(struct slice method, struct slice path, struct buf *out)
{
	size_t begin = out->len;
	struct slice segment;
	struct slice last = { NULL, 0 };

	put_word(out, method);
	for (size_t at = 0; (segment = path_segment_at(path, at)).len > 0; at++) {
		last = segment;
		if (rank_of(segment) == 0 && !is_noise(segment)) {
			buf_putc(out, '_');
			put_word(out, segment);
		}
	}
	if (last.len > 2 && rank_of(last) > 0 && rank_of(last) < 3) {
		(void)slice_cut(&last, '{');
		buf_puts(out, "_by_");
		put_word(out, slice_cut(&last, '}'));
	}
	if (out->len == begin + method.len) {
		buf_puts(out, last.ptr && rank_of(last) == 3 ? "_any" : "_root");
	}
	if (out->len - begin > ACTION_MAX) {
		buf_truncate(out, begin + ACTION_MAX);
	}
}

static bool action_taken(
    const struct service *service, struct buf *actions, struct slice action)
{
	struct slice rest = buf_slice(actions);

	for (size_t i = 0; i < service->route_count; i++) {
		if (slice_eq(slice_of(service->routes[i].action), action)) {
			return true;
		}
	}
	while (rest.ptr && rest.len > 0) {
		if (slice_eq(slice_cut(&rest, '\n'), action)) {
			return true;
		}
	}
	return false;
}

/* An action that neither the service nor the routes before have. */
static void put_action(const struct service *service, const struct unrouted_path *path,
    struct buf *actions, struct buf *out)
{
	struct buf action = { 0 };
	size_t len;

	suggest_action(slice_of(path->method), slice_of(path->path), &action);
	len = action.len;
	for (int n = 2; action_taken(service, actions, buf_slice(&action)); n++) {
		buf_truncate(&action, len);
		buf_printf(&action, "_%d", n);
	}
	buf_put_slice(out, buf_slice(&action));
	buf_put_slice(actions, buf_slice(&action));
	buf_putc(actions, '\n');
	out->failed = out->failed || action.failed || actions->failed;
	buf_finish(&action);
}

/* The {names} that stand for secrets, and that the service does not know as such. */
static void put_secrets(const struct service *service, struct slice path, struct buf *out)
{
	const struct names *known =
	    service->other.secrets ? &service->other.secrets->path : NULL;
	const char *between = "";
	struct slice rest = path;

	while ((void)slice_cut(&rest, '{'), rest.ptr) {
		struct slice name = slice_cut(&rest, '}');
		bool secret = slice_starts(name, SLICE("token"));

		for (size_t i = 0; secret && known && i < known->count; i++) {
			secret = !slice_eq(slice_of(known->item[i]), name);
		}
		if (secret) {
			buf_puts(out, *between ? between : ", secrets: {path: [");
			buf_put_slice(out, name);
			between = ", ";
		}
		if (!rest.ptr) {
			break;
		}
	}
	buf_puts(out, *between ? "]}" : "");
}

static void put_route(const struct service *service, const struct unrouted_path *path,
    int indent, struct buf *actions, struct buf *out)
{
	buf_printf(out, "%*s- {methods: %s, path: ", indent, "", path->method);
	json_put_string(out, slice_of(path->path));
	buf_puts(out, ", action: ");
	put_action(service, path, actions, out);
	put_secrets(service, slice_of(path->path), out);
	buf_printf(out, "}  # %lld %s\n", (long long)path->count,
	    path->count == 1 ? "call" : "calls");
}

/* How far the items of the file's routes stand to the right; -1: it has no such list. */
static int indent_of(const char *file)
{
	FILE *in = fopen(file, "re");
	char line[1024];
	bool inside = false;
	int indent = -1;
	long left = FILE_MAX;

	while (in && indent < 0 && left > 0 && fgets(line, sizeof(line), in)) {
		size_t blank = strspn(line, " ");

		left -= (long)strlen(line);
		if (inside && line[blank] == '-') {
			indent = (int)blank;
		} else if (strncmp(line, "routes:", 7) == 0) {
			inside = true;
		} else if (inside && blank == 0 && line[0] != '#' && line[0] != '\n') {
			inside = false;
		}
	}
	if (in) {
		(void)fclose(in);
	}
	return indent;
}

void suggest_routes(const struct service *service, struct unrouted_path *paths,
    size_t count, struct buf *out)
{
	int indent = indent_of(service->file);
	struct buf actions = { 0 };
	size_t left_out = 0;

	qsort(paths, count, sizeof(*paths), compare);
	if (indent >= 0) {
		buf_printf(out, "# %s: at the end of its routes\n", service->file);
	} else if (service->route_count == 0) {
		buf_printf(out,
		    "# %s: it has no routes yet (if there is a line \"routes: []\", this replaces "
		    "it)\nroutes:\n",
		    service->file);
		indent = INDENT_DEFAULT;
	} else {
		buf_printf(out,
		    "# %s: at the end of its routes (write them as a list with one \"- \" per line "
		    "first)\n",
		    service->file);
		indent = INDENT_DEFAULT;
	}
	for (size_t i = 0; i < count; i++) {
		if (i + 1 < count && compare(&paths[i], &paths[i + 1]) == 0) {
			paths[i + 1].count += paths[i].count;
		} else if (is_usual(paths[i].method)) {
			put_route(service, &paths[i], indent, &actions, out);
		} else {
			left_out++;
		}
	}
	if (left_out > 0) {
		buf_printf(out,
		    "# %zu more with unusual methods: `waybill coverage` has them\n",
		    left_out);
	}
	buf_finish(&actions);
}
