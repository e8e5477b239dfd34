/* SPDX-License-Identifier: MIT */
/*
 * path_word: does a segment look like a word that a programmer chose? Rather no than yes:
 * what is taken for a value costs a less exact template, what is taken for a word is
 * written down.
 */
#include "record/path_template.h"

#include <ctype.h>

enum {
	SEGMENT_MAX = 40,
	DIGITS_MAX = 2,     /* oauth2, s3, mp4 */
	UPPER_MAX = 6,      /* SMS, EURUSD */
	CONSONANTS_MAX = 5, /* in a row: lengths */
	LOWER_MAX = 20,     /* in a row */
	HEX_MIN = 6,        /* with a digit in it; without: 8 */
};

static bool is_vowel(char c)
{
	return memchr("aeiouyAEIOUY", c, 12) != NULL;
}

/* v4, v1.1, v2beta1 */
static bool is_version(struct slice text)
{
	static const char *const stages[] = { "", "alpha", "beta", "rc" };
	size_t at = 1;
	size_t digits = 0;

	if (text.len < 2 || (text.ptr[0] != 'v' && text.ptr[0] != 'V') ||
	    !isdigit((unsigned char)text.ptr[1])) {
		return false;
	}
	while (at < text.len &&
	       (isdigit((unsigned char)text.ptr[at]) || text.ptr[at] == '.')) {
		digits += text.ptr[at++] != '.';
	}
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		struct slice stage = slice_of(stages[i]);
		struct slice rest = { text.ptr + at, text.len - at };

		if (digits <= 4 && slice_starts(rest, stage) &&
		    rest.len <= stage.len + 1 &&
		    (rest.len == stage.len ||
		        (i > 0 && isdigit((unsigned char)rest.ptr[stage.len])))) {
			return true;
		}
	}
	return false;
}

static bool is_hex(struct slice text)
{
	size_t digits = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (!isxdigit((unsigned char)text.ptr[i])) {
			return false;
		}
		digits += isdigit((unsigned char)text.ptr[i]) != 0;
	}
	return text.len >= HEX_MIN + 2 || (text.len >= HEX_MIN && digits > 0);
}

/* Letters only: sendMessage, leads, SMS; not kJhGfDsAqWeR, not qxzvbnmt. */
static bool is_word(struct slice letters)
{
	size_t parts = 1;
	size_t vowels = 0;
	size_t upper = 0;
	size_t lower = 0;
	size_t consonants = 0;

	for (size_t i = 0; i < letters.len; i++) {
		char c = letters.ptr[i];
		bool big = isupper((unsigned char)c);

		if (big && lower > 0) {
			parts++;
			consonants = 0;
		}
		upper = big ? upper + 1 : 0;
		lower = big ? 0 : lower + 1;
		vowels += is_vowel(c);
		consonants = is_vowel(c) ? 0 : consonants + 1;
		if (upper > UPPER_MAX || lower > LOWER_MAX ||
		    consonants > CONSONANTS_MAX) {
			return false;
		}
	}
	return (letters.len < 8 || vowels * 6 >= letters.len) &&
	       (parts < 3 || letters.len >= parts * 3);
}

bool path_word(struct slice segment)
{
	struct slice run = { segment.ptr, 0 };
	size_t digits = 0;
	size_t letters = 0;

	if (segment.len == 0 || segment.len > SEGMENT_MAX || is_hex(segment)) {
		return false;
	}
	if (is_version(segment)) {
		return true;
	}
	for (size_t i = 0; i < segment.len; i++) {
		char c = segment.ptr[i];

		if (!isalnum((unsigned char)c) && !(c && strchr("-_.~", c))) {
			return false;
		}
		if (isalpha((unsigned char)c)) {
			run.len++;
			letters++;
			continue;
		}
		digits += isdigit((unsigned char)c) != 0;
		if (!is_word(run)) {
			return false;
		}
		run = (struct slice){ segment.ptr + i + 1, 0 };
	}
	return letters > 0 && digits <= DIGITS_MAX && is_word(run);
}
