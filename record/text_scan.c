/* SPDX-License-Identifier: MIT */
/*
 * text_scan: where names end and values begin.
 */
#include "record/text_scan.h"

#include <string.h>
#include <strings.h>

enum {
	VALUE_BLANKS = 64, /* between a separator and its name or value, at most */
	KEY_MIN = 8,       /* bytes of a key; less is a word or a number */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ---- where a name ends and a value begins */

/* Behind the name whose separator is at i: in quotes perhaps, perhaps quoted twice. */
size_t text_name_end(const struct text_scan *scan, size_t i, bool *ret_quoted)
{
	struct slice text = scan->text;
	size_t least = i > VALUE_BLANKS ? i - VALUE_BLANKS : 0;
	size_t end = i;

	*ret_quoted = false;
	if (scan->kind == TEXT_BODY) {
		while (end > least && text_space(text.ptr[end - 1])) {
			end--;
		}
		if (end > 0 && text.ptr[i] == ':' && !text_quote(text.ptr[end - 1])) {
			/* it ends a sentence, too: in the same line */
			for (end = i; end > least && is_blank(text.ptr[end - 1]);) {
				end--;
			}
		}
	}
	while (
	    end > least && (text_quote(text.ptr[end - 1]) || text.ptr[end - 1] == '\\')) {
		*ret_quoted = *ret_quoted || text_quote(text.ptr[end - 1]);
		end--;
	}
	return end;
}

/* Is it an encoded ?, &, ; or #, before which other parameters are? */
static bool begins_parameter(const char *percent)
{
	return memcmp(percent, "%26", 3) == 0 || strncasecmp(percent, "%3F", 3) == 0 ||
	       strncasecmp(percent, "%3B", 3) == 0 || memcmp(percent, "%23", 3) == 0;
}

struct slice text_name(const struct text_scan *scan, size_t end)
{
	const char *text = scan->text.ptr;
	size_t begin = end;

	while (begin > 0 && end - begin < NAME_BYTES) {
		char c = text[begin - 1];

		if (c == '%') {
			if (end - begin >= 2 && begins_parameter(text + begin - 1)) {
				begin += 2;
				break;
			}
		} else if (!text_is(c, BYTE_NAME)) {
			break;
		}
		begin--;
	}
	return text_part(scan, begin, end);
}

bool text_is_quoted(struct slice text, size_t i)
{
	return text_is_bracket(text, i) ||
	       (i < text.len && (text_quote(text.ptr[i]) || text.ptr[i] == '\\'));
}

/* Is the word at i a key rather than a word: with letters and digits, and long? */
bool text_is_key(struct slice text, size_t i)
{
	size_t begin = i;
	bool digit = false;
	bool letter = false;

	while (i < text.len && text_is(text.ptr[i], BYTE_NAME)) {
		char lower = (char)(text.ptr[i] | 0x20);

		digit = digit || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
		letter = letter || (lower >= 'a' && lower <= 'z');
		i++;
	}
	return i - begin >= KEY_MIN && digit && letter;
}

/* Where the value of the separator at i begins: in the same line, unless it is no word.
 */
size_t text_value_begin(const struct text_scan *scan, size_t i)
{
	struct slice text = scan->text;
	size_t most = text.len - i > VALUE_BLANKS ? i + VALUE_BLANKS : text.len;
	size_t begin = i + 1;
	size_t next = 0;

	if (scan->kind == TEXT_STRING && text.ptr[i] != ':') {
		return begin;
	}
	while (begin < most && (is_blank(text.ptr[begin]) || text.ptr[begin] == '>')) {
		begin++;
	}
	for (next = begin; next < most && text_space(text.ptr[next]);) {
		next++;
	}
	return text_is_quoted(text, next) || text_is_key(text, next) ? next : begin;
}

/* ---- where a value ends */

/* The end of the {…} or […] at i; the text's where there is none. */
static size_t bracket_end(struct slice text, size_t i)
{
	size_t depth = 0;
	char quote = '\0';

	for (; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\\') {
			i++;
		} else if (quote) {
			quote = c == quote ? '\0' : quote;
		} else if (text_quote(c)) {
			quote = c;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			return i + 1;
		}
	}
	return text.len;
}

/* The end of what is in quotes, or of the line. twice: in \"…\", in which \\\" is
 * escaped. */
size_t text_quote_end(struct slice text, size_t i, char quote, bool twice)
{
	while (i < text.len && text.ptr[i] != '\n') {
		size_t left = text.len - i;

		if (text.ptr[i] == quote && !twice) {
			return i;
		}
		if (text.ptr[i] != '\\' || left < 2) {
			i++;
		} else if (!twice) {
			i += 2;
		} else if (text.ptr[i + 1] == quote) {
			return i;
		} else {
			i += left > 3 && text.ptr[i + 2] == '\\' ? 4 : 2;
		}
	}
	return i < text.len ? i : text.len;
}

/* The value that begins at *begin: in quotes, in brackets, or up to what cannot belong to
 * it. */
size_t text_value_end(const struct text_scan *scan, size_t *begin)
{
	struct slice text = scan->text;
	size_t i = *begin;
	bool twice =
	    i + 1 < text.len && text.ptr[i] == '\\' && text_quote(text.ptr[i + 1]);

	i += twice;
	if (i < text.len && text_quote(text.ptr[i])) {
		*begin = i + 1;
		return text_quote_end(text, i + 1, text.ptr[i], twice);
	}
	i = *begin;
	if (text_is_bracket(text, i)) {
		return bracket_end(text, i);
	}
	while (i < text.len &&
	       !text_is(text.ptr[i],
	           scan->kind == TEXT_BODY ? BYTE_END | BYTE_BODY_END : BYTE_END)) {
		i++;
	}
	return i;
}

size_t text_line_end(struct slice text, size_t i)
{
	const char *feed = i < text.len ? memchr(text.ptr + i, '\n', text.len - i) : NULL;
	size_t end = feed ? (size_t)(feed - text.ptr) : text.len;

	return end > i && text.ptr[end - 1] == '\r' ? end - 1 : end;
}
