/* SPDX-License-Identifier: MIT */
#include "dashboard/static.h"

const struct asset *static_find(struct slice path)
{
	struct slice wanted = slice_eq(path, SLICE("/")) ? SLICE("/index.html") : path;

	for (const struct asset *asset = assets; asset->path; asset++) {
		if (slice_eq(slice_of(asset->path), wanted)) {
			return asset;
		}
	}
	return NULL;
}

/* If-None-Match: a list of tags, weak ones too, or *. RFC 9110 13.1.2. */
static bool is_known(struct slice tags, const char *etag)
{
	while (tags.len > 0) {
		struct slice tag = slice_trim(slice_cut(&tags, ','));

		if (slice_starts(tag, SLICE("W/"))) {
			tag.ptr += 2;
			tag.len -= 2;
		}
		if (slice_eq(tag, slice_of(etag)) || slice_eq(tag, SLICE("*"))) {
			return true;
		}
	}
	return false;
}

void static_handle(const struct request *request, struct reply *reply)
{
	const struct asset *asset = static_find(request->path);

	if (!asset) {
		reply_error(reply, 404, "NOT_FOUND", "there is nothing at this path");
		return;
	}
	reply_header(reply, "ETag", "%s", asset->etag);
	reply_header(reply, "Cache-Control", "no-cache");
	if (is_known(request_header(request, "If-None-Match"), asset->etag)) {
		reply->status = 304;
		return;
	}
	reply_header(reply, "Content-Type", "%s", asset->type);
	buf_put(&reply->body, asset->data, asset->len);
}
