/* SPDX-License-Identifier: MIT */
/*
 * parameter: reading them, quoted or not.
 */
#include "record/parameter.h"

#include "record/form.h"

/* Cuts one parameter off: its name, and its value as it stands (with quotes). */
static bool next_parameter(
    struct slice *rest, struct slice *ret_name, struct slice *ret_value)
{
	size_t i = 0;
	bool quoted = false;

	while (rest->len > 0 && strchr("; \t", rest->ptr[0])) {
		rest->ptr++;
		rest->len--;
	}
	while (i < rest->len && (quoted || rest->ptr[i] != ';')) {
		if (quoted && rest->ptr[i] == '\\' && i + 1 < rest->len) {
			i++;
		} else if (rest->ptr[i] == '"') {
			quoted = !quoted;
		}
		i++;
	}
	*ret_value = (struct slice){ rest->ptr, i };
	*ret_name = slice_trim(slice_cut(ret_value, '='));
	*ret_value = slice_trim(*ret_value);
	rest->ptr += i;
	rest->len -= i;
	return i > 0;
}

static void put_value(struct slice value, struct buf *out)
{
	if (value.len < 2 || value.ptr[0] != '"') {
		buf_put_slice(out, value);
		return;
	}
	for (size_t i = 1; i + 1 < value.len; i++) {
		/* only what must be escaped: old browsers send paths with \ in file names
		 */
		if (value.ptr[i] == '\\' && i + 2 < value.len &&
		    (value.ptr[i + 1] == '"' || value.ptr[i + 1] == '\\')) {
			i++;
		}
		buf_putc(out, value.ptr[i]);
	}
}

bool parameter_find(struct slice value, struct slice name, struct buf *out)
{
	struct slice plain = { NULL, 0 };
	struct slice extended = { NULL, 0 };
	struct slice this_name;
	struct slice this_value;

	(void)slice_cut(&value, ';'); /* what the parameters belong to */
	while (value.ptr && next_parameter(&value, &this_name, &this_value)) {
		if (!plain.ptr && slice_ieq(this_name, name)) {
			plain = this_value;
		} else if (!extended.ptr && this_name.len == name.len + 1 &&
		           this_name.ptr[name.len] == '*' &&
		           slice_istarts(this_name, name)) {
			extended = this_value;
		}
	}
	if (extended.ptr) {
		(void)slice_cut(&extended, '\''); /* the character set */
		(void)slice_cut(&extended, '\''); /* the language */
		if (extended.ptr) {
			percent_decode(out, extended);
			return true;
		}
	}
	if (plain.ptr) {
		put_value(plain, out);
	}
	return plain.ptr != NULL;
}
