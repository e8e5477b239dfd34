/* SPDX-License-Identifier: MIT */
/*
 * link: the header, then W3C baggage, then the route's selectors.
 */
#include "record/link.h"

#include "base/fields.h"
#include "record/form.h"

int link_watch(const struct route *route, struct watch *watch)
{
	const struct entity_selectors *selectors = route->entities;
	int first = WATCH_NONE;

	for (size_t i = 0; selectors && i < selectors->count; i++) {
		const struct entity_selector *selector = &selectors->item[i];
		int number = WATCH_NONE;

		if (selector->source != ENTITY_REQUEST) {
			continue;
		}
		number = watch_add(watch, &selector->at, WATCH_ALL, NULL);
		first = first < 0 ? number : first;
		if (selector->where.count > 0) {
			(void)watch_add(watch, &selector->where, WATCH_ALL, NULL);
		}
	}
	return first < 0 ? 0 : first;
}

/* A type is a short word. */
static bool set_type(struct entity *entity, struct slice type)
{
	if (type.len == 0 || type.len >= sizeof(entity->type)) {
		return false;
	}
	for (size_t i = 0; i < type.len; i++) {
		char c = type.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		        (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.')) {
			return false;
		}
	}
	memcpy(entity->type, type.ptr, type.len);
	entity->type[type.len] = '\0';
	return true;
}

static bool set(struct entity *entity, struct slice type, struct slice id)
{
	struct entity made = { 0 };

	if (!uuid_parse(id, &made.id) || !set_type(&made, type)) {
		return false;
	}
	*entity = made;
	return true;
}

/* lead/UUID */
static bool from_header(struct slice value, struct entity *ret)
{
	struct slice type = slice_trim(slice_cut(&value, '/'));

	return set(ret, type, slice_trim(value));
}

/* A member of W3C baggage: key=value;properties, the value percent-encoded. */
static void baggage_member(
    struct slice member, struct slice name, struct buf *ret, bool *ret_found)
{
	struct slice pair = slice_cut(&member, ';');
	struct slice key = slice_trim(slice_cut(&pair, '='));

	if (!*ret_found && slice_eq(key, name)) {
		percent_decode(ret, slice_trim(pair));
		*ret_found = true;
	}
}

/* Returns whether there is a member of either name: then it decides. */
static bool from_baggage(struct slice block, struct entity *ret, bool *ret_made)
{
	struct buf type = { 0 };
	struct buf id = { 0 };
	struct field field;
	bool has_type = false;
	bool has_id = false;

	while (fields_next(&block, &field)) {
		if (!slice_ieq(field.name, SLICE("baggage"))) {
			continue;
		}
		while (field.value.ptr) {
			struct slice member = slice_cut(&field.value, ',');

			baggage_member(
			    member, SLICE("related_entity_type"), &type, &has_type);
			baggage_member(member, SLICE("related_entity_id"), &id, &has_id);
		}
	}
	*ret_made = has_type && has_id && set(ret, buf_slice(&type), buf_slice(&id));
	buf_finish(&type);
	buf_finish(&id);
	return has_type || has_id;
}

/* The value a selector looks at, as type and id. */
static bool apply(
    const struct entity_selector *selector, struct slice value, struct entity *ret)
{
	struct pattern_match match = { .id = slice_trim(value) };
	struct slice type = slice_of(selector->type);

	if (!value.ptr) {
		return false;
	}
	if (selector->match) {
		if (pattern_find(selector->match, value, 0, &match) != PATTERN_FOUND) {
			return false;
		}
		type = selector->type ? type : match.type;
	}
	return match.id.ptr && type.ptr && set(ret, type, match.id);
}

static bool from_query(
    const struct call *call, const struct entity_selector *selector, struct entity *ret)
{
	struct slice query = buf_slice(&call->target);
	struct buf name = { 0 };
	struct buf value = { 0 };
	bool made = false;

	(void)slice_cut(&query, '?');
	while (query.ptr && !made) {
		struct slice raw = slice_cut(&query, '&');

		buf_truncate(&name, 0);
		buf_truncate(&value, 0);
		form_decode(&name, slice_cut(&raw, '='));
		form_decode(&value, raw);
		made = slice_eq(buf_slice(&name), slice_of(selector->name)) &&
		       apply(selector, buf_slice(&value), ret);
	}
	buf_wipe(&name);
	buf_wipe(&value);
	return made;
}

static bool from_path(
    const struct call *call, const struct entity_selector *selector, struct entity *ret)
{
	for (size_t i = 0; i < call->match.param_count; i++) {
		const struct route_param *param = &call->match.param[i];

		if (strcmp(param->name, selector->name) == 0) {
			return apply(selector, param->value, ret);
		}
	}
	return false;
}

static size_t stars(const struct pointer *pointer)
{
	size_t count = 0;

	for (size_t i = 0; i < pointer->count; i++) {
		count += slice_eq(pointer->tokens[i], SLICE("*"));
	}
	return count < WATCH_STARS ? count : WATCH_STARS;
}

/* Is there a hit of the condition under the same "*" as hit? */
static bool condition_holds(const struct watch *watch,
    const struct entity_selector *selector, const struct watch_hit *hit, int where)
{
	size_t shared = stars(&selector->at);
	size_t others = stars(&selector->where);

	shared = shared < others ? shared : others;
	for (size_t i = 0; i < watch->hit_count; i++) {
		const struct watch_hit *other = &watch->hit[i];

		if (other->watch == where &&
		    memcmp(other->star, hit->star, shared * sizeof(hit->star[0])) == 0 &&
		    slice_eq(watch_slice(watch, &other->text),
		        slice_of(selector->where_value))) {
			return true;
		}
	}
	return false;
}

/* number: that of the selector's first pointer. */
static bool from_request(const struct watch *watch,
    const struct entity_selector *selector, int number, struct entity *ret)
{
	for (size_t i = 0; i < watch->hit_count; i++) {
		const struct watch_hit *hit = &watch->hit[i];

		if (hit->watch == number && !hit->text.secret &&
		    apply(selector, watch_slice(watch, &hit->text), ret) &&
		    (selector->where.count == 0 ||
		        condition_holds(watch, selector, hit, number + 1))) {
			return true;
		}
	}
	*ret = (struct entity){ 0 };
	return false;
}

static bool from_selector(const struct call *call, const struct watch *watch,
    const struct entity_selector *selector, int number, struct entity *ret)
{
	switch (selector->source) {
	case ENTITY_HEADER:
		return apply(selector,
		    fields_find(
		        buf_slice(&call->request_fields), slice_of(selector->name)),
		    ret);
	case ENTITY_QUERY:
		return from_query(call, selector, ret);
	case ENTITY_PATH:
		return from_path(call, selector, ret);
	case ENTITY_REQUEST:
		return from_request(watch, selector, number, ret);
	}
	return false;
}

bool link_entity(const struct call *call, const struct watch *watch, int first,
    struct entity *ret_entity)
{
	struct slice fields = buf_slice(&call->request_fields);
	struct slice header = fields_find(fields, SLICE("X-Waybill-Entity"));
	const struct entity_selectors *selectors =
	    call->match.route ? call->match.route->entities : NULL;
	bool made = false;
	int number = first;

	*ret_entity = (struct entity){ 0 };
	if (header.ptr) {
		return from_header(header, ret_entity);
	}
	if (from_baggage(fields, ret_entity, &made)) {
		return made;
	}
	for (size_t i = 0; selectors && i < selectors->count; i++) {
		const struct entity_selector *selector = &selectors->item[i];

		if (from_selector(call, watch, selector, number, ret_entity)) {
			return true;
		}
		if (selector->source == ENTITY_REQUEST) {
			number += selector->where.count > 0 ? 2 : 1;
		}
	}
	return false;
}
