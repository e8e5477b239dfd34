/* SPDX-License-Identifier: MIT */
#include "routes/action.h"

#include <errno.h>

static bool is_action_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool has_name(const struct names *names, struct slice name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (slice_eq(slice_of(names->item[i]), name)) {
			return true;
		}
	}
	return false;
}

/* Cuts {name} from the front of *rest. False: there is no "}". */
static bool cut_name(struct slice *rest, struct slice *ret_name)
{
	const char *close = memchr(rest->ptr, '}', rest->len);

	if (!close) {
		return false;
	}
	*ret_name = (struct slice){ rest->ptr + 1, (size_t)(close - rest->ptr) - 1 };
	rest->len -= ret_name->len + 2;
	rest->ptr = close + 1;
	return true;
}

int action_check(struct slice template, const struct names *names, const char **ret_why)
{
	struct slice rest = template;
	struct slice name;

	*ret_why = "an action is made of a to z, 0 to 9, _ and {names} of its path";
	if (template.len == 0) {
		return -EINVAL;
	}
	if (template.len >= ROUTE_ACTION_SIZE) {
		*ret_why = "an action has at most 127 characters";
		return -EINVAL;
	}
	while (rest.len > 0) {
		if (rest.ptr[0] == '{' && cut_name(&rest, &name)) {
			if (!has_name(names, name)) {
				*ret_why = "the path has no {name} of that name";
				return -EINVAL;
			}
		} else if (is_action_byte(rest.ptr[0])) {
			rest.ptr++;
			rest.len--;
		} else {
			return -EINVAL;
		}
	}
	return 0;
}

static struct slice find_value(
    const struct route_param *param, size_t param_count, struct slice name)
{
	for (size_t i = 0; i < param_count; i++) {
		if (slice_eq(slice_of(param[i].name), name)) {
			return param[i].value;
		}
	}
	return (struct slice){ "", 0 };
}

void action_fill(const char *template, const struct route_param *param,
    size_t param_count, char ret_action[ROUTE_ACTION_SIZE])
{
	struct slice rest = slice_of(template);
	struct slice name;
	size_t len = 0;

	while (rest.len > 0 && len < ROUTE_ACTION_SIZE - 1) {
		struct slice value;

		if (rest.ptr[0] != '{' || !cut_name(&rest, &name)) {
			ret_action[len++] = rest.ptr[0];
			rest.ptr++;
			rest.len--;
			continue;
		}
		value = find_value(param, param_count, name);
		for (size_t i = 0; i < value.len && len < ROUTE_ACTION_SIZE - 1; i++) {
			char c = value.ptr[i];

			c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
			ret_action[len++] = is_action_byte(c) ? c : '_';
		}
	}
	ret_action[len] = '\0';
}
