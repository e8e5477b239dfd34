/* SPDX-License-Identifier: MIT */
/*
 * secrets: collecting them.
 */
#include "record/secrets.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/array.h"
#include "record/form.h"
#include "record/names.h"
#include "record/secrets_private.h"

enum {
	SECRETS_MAX = 8192, /* values of one call */
	SEEN_FIRST = 64,    /* slots */
	SEEN_SHIFT = 8,     /* of a hash to its slot */
	SEEN_WHOLE = 1,     /* beside a hash: "Bearer X" has brought its X along */
	BASE64_VALUES = 16, /* so many values are looked for in base64 too */
	BASE64_MIN_BYTES =
	    12, /* of a value; fewer are too little once the ends are cut off */
	BASE64_MAX_BYTES = 510,
	COMMON_MAX = 24,     /* bytes of a common word */
	SCHEME_MAX = 7,      /* bytes of an authentication scheme with its blank */
	TAIL_MIN_BYTES = 16, /* of X in "1234:X" */
};

void secrets_finish(struct secrets *secrets)
{
	buf_wipe(&secrets->text);
	free(secrets->item);
	free(secrets->seen);
	free(secrets->head);
	free(secrets->far);
	finder_destroy(secrets->finder);
	*secrets = (struct secrets){ 0 };
}

#define WORD(literal)                                                                    \
	{                                                                                \
		"" literal, sizeof(literal) - 1                                          \
	}

/* Words that stand under secret names without being secrets. */
static const struct slice common_words[] = {
	WORD(REDACTED),
	WORD("bearer"),
	WORD("basic"),
	WORD("digest"),
	WORD("token"),
	WORD("string"),
	WORD("number"),
	WORD("object"),
	WORD("boolean"),
	WORD("undefined"),
	WORD("unknown"),
	WORD("invalid"),
	WORD("deleted"), /* what PHP sets a cookie to that it takes back */
	WORD("expired"),
	WORD("required"),
	WORD("missing"),
	WORD("disabled"),
	WORD("enabled"),
	WORD("success"),
	WORD("password"),
	WORD("refresh_token"),
	WORD("access_token"),
	WORD("id_token"),
	WORD("authorization_code"),
	WORD("client_credentials"),
	WORD("private"),
	WORD("public"),
	WORD("default"),
	WORD("optional"),
	WORD("https://"),
	WORD("http://"),
};

#undef WORD

bool secret_is_common(struct slice value)
{
	if (value.len > COMMON_MAX) {
		return false;
	}
	for (size_t i = 0; i < sizeof(common_words) / sizeof(common_words[0]); i++) {
		if (slice_ieq(value, common_words[i])) {
			return true;
		}
	}
	return name_listed(value);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9FB21C651E98DF25u;
	return hash ^ hash >> 32;
}

/* Of SECRET_MIN_BYTES bytes or more, by the word; the last may overlap. Never 0, with no
 * bit in SEEN_WHOLE. */
static uint64_t hash_bytes(struct slice s)
{
	uint64_t hash = mix(0xCBF29CE484222325u, s.len);
	uint64_t word = 0;
	size_t i = 0;

	for (; i + sizeof(word) < s.len; i += sizeof(word)) {
		memcpy(&word, s.ptr + i, sizeof(word));
		hash = mix(hash, word);
	}
	if (s.len >= sizeof(word)) {
		memcpy(&word, s.ptr + s.len - sizeof(word), sizeof(word));
	} else {
		uint32_t half[2] = { 0 };

		memcpy(&half[0], s.ptr, sizeof(half[0]));
		memcpy(&half[1], s.ptr + s.len - sizeof(half[1]), sizeof(half[1]));
		word = (uint64_t)half[0] << 32 | half[1];
	}
	hash = mix(mix(hash, word), 0) & ~(uint64_t)SEEN_WHOLE;
	return hash ? hash : 2 * (uint64_t)SEEN_WHOLE;
}

static bool grow_seen(struct secrets *secrets)
{
	size_t slots = secrets->seen ? (secrets->seen_mask + 1) * 2 : SEEN_FIRST;
	uint64_t *table = NULL;

	if (secrets->seen && secrets->count * 2 < secrets->seen_mask) {
		return true;
	}
	table = calloc(slots, sizeof(*table));
	if (!table) {
		return false;
	}
	for (size_t i = 0; secrets->seen && i <= secrets->seen_mask; i++) {
		size_t slot = secrets->seen[i] >> SEEN_SHIFT & (slots - 1);

		while (secrets->seen[i] && table[slot]) {
			slot = (slot + 1) & (slots - 1);
		}
		if (secrets->seen[i]) {
			table[slot] = secrets->seen[i];
		}
	}
	free(secrets->seen);
	secrets->seen = table;
	secrets->seen_mask = slots - 1;
	return true;
}

/* Where the hash is, or the free slot for it. NULL: no memory, and secrets->overflow. */
static uint64_t *seen_slot(struct secrets *secrets, uint64_t hash)
{
	size_t slot = 0;

	if (!grow_seen(secrets)) {
		secrets->overflow = true;
		return NULL;
	}
	slot = hash >> SEEN_SHIFT & secrets->seen_mask;
	while (secrets->seen[slot] &&
	       (secrets->seen[slot] & ~(uint64_t)SEEN_WHOLE) != hash) {
		slot = (slot + 1) & secrets->seen_mask;
	}
	return &secrets->seen[slot];
}

/* True when the value is new; equal hashes are taken for equal values of one call. */
static bool first_time(struct secrets *secrets, struct slice value)
{
	uint64_t hash = hash_bytes(value);
	uint64_t *slot = seen_slot(secrets, hash);

	if (!slot || *slot) {
		return false;
	}
	*slot = hash;
	return true;
}

/* Short words and numbers count only where they stand alone. */
static bool needs_bounds(struct slice value)
{
	bool digits = value.len < 12;
	bool letters = value.len < 10;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		digits = digits && c >= '0' && c <= '9';
		letters = letters && c >= 'a' && c <= 'z';
	}
	return digits || letters;
}

/* Is there a byte that pages write as an entity? */
static bool looks_different_in_html(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if (memchr("&<>\"'+/=`", value.ptr[i], 9)) {
			return true;
		}
	}
	return false;
}

static void add_one(struct secrets *secrets, struct slice value)
{
	struct secret *grown;

	if (value.len < SECRET_MIN_BYTES || secrets->overflow ||
	    !first_time(secrets, value) || secret_is_common(value)) {
		return;
	}
	grown = array_grow(secrets->item, secrets->count, &secrets->cap, sizeof(*grown));
	if (!grown) {
		secrets->overflow = true;
		return;
	}
	secrets->item = grown;
	secrets->item[secrets->count++] = (struct secret){
		.at = secrets->text.len, .len = value.len, .bounded = needs_bounds(value)
	};
	buf_put_slice(&secrets->text, value);
	secrets->marked_up = secrets->marked_up || looks_different_in_html(value);
	if (secrets->text.failed || secrets->count > SECRETS_MAX) {
		secrets->overflow = true;
	}
}

/* The user and the password of HTTP Basic (RFC 7617). */
static void add_basic(struct secrets *secrets, struct slice encoded)
{
	unsigned char plain[768];
	unsigned char padded[1024];
	struct slice rest = { (const char *)plain, 0 };
	int n = 0;

	if (encoded.len == 0 || encoded.len > sizeof(padded) - 4) {
		return;
	}
	memcpy(padded, encoded.ptr, encoded.len);
	while (encoded.len % 4 != 0) {
		padded[encoded.len++] = '=';
	}
	n = EVP_DecodeBlock(plain, padded, (int)encoded.len);
	while (n > 0 && plain[n - 1] == '\0') {
		n--; /* what padding decodes to */
	}
	if (n > 0 && memchr(plain, ':', (size_t)n)) {
		rest.len = (size_t)n;
		add_one(secrets, rest);
		(void)slice_cut(&rest, ':');
		add_one(secrets, rest);
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(padded, sizeof(padded));
}

static void add_after_scheme(struct secrets *secrets, struct slice value)
{
	static const char *const schemes[] = { "bearer ", "basic ", "token ", "apikey ",
		"key ", "oauth ", "bot " };

	if (value.len <= SCHEME_MAX || !memchr(value.ptr, ' ', SCHEME_MAX)) {
		return;
	}
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct slice scheme = slice_of(schemes[i]);

		if (slice_istarts(value, scheme)) {
			struct slice rest = slice_trim((struct slice){
			    value.ptr + scheme.len, value.len - scheme.len });

			add_one(secrets, rest);
			if (scheme.ptr[1] == 'a') {
				add_basic(secrets, rest);
			}
			return;
		}
	}
}

/* The part after the number of a bot token: alone it is no less a secret. */
static void add_after_number(struct secrets *secrets, struct slice value)
{
	size_t i = 0;

	while (i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9') {
		i++;
	}
	if (i >= 4 && i + 1 + TAIL_MIN_BYTES <= value.len && value.ptr[i] == ':') {
		add_one(secrets, (struct slice){ value.ptr + i + 1, value.len - i - 1 });
	} else if (i >= 4 && i + 3 + TAIL_MIN_BYTES <= value.len &&
	           strncasecmp(value.ptr + i, "%3a", 3) == 0) {
		add_one(secrets, (struct slice){ value.ptr + i + 3, value.len - i - 3 });
	}
}

/* A value that came percent-encoded is a secret in its own form too. */
static void add_decoded(struct secrets *secrets, struct slice value)
{
	struct buf plain = { 0 };

	if (value.len == 0 || !memchr(value.ptr, '%', value.len)) {
		return;
	}
	percent_decode(&plain, value);
	add_one(secrets, buf_slice(&plain));
	secrets->overflow = secrets->overflow || plain.failed;
	buf_wipe(&plain);
}

/* True when the value has been here with all that it brings along; from now on it has. */
static bool was_whole(struct secrets *secrets, struct slice value)
{
	uint64_t *slot = seen_slot(secrets, hash_bytes(value));

	if (!slot || (*slot & SEEN_WHOLE)) {
		return true;
	}
	add_one(secrets, value);
	slot = seen_slot(secrets, hash_bytes(value));
	if (slot && *slot) {
		*slot |= SEEN_WHOLE;
	}
	return false;
}

void secrets_add(struct secrets *secrets, struct slice value)
{
	value = slice_trim(value);
	if (value.len < SECRET_MIN_BYTES || secrets->overflow ||
	    was_whole(secrets, value)) {
		return; /* mostly it is one that was met before */
	}
	add_decoded(secrets, value);
	add_after_scheme(secrets, value);
	add_after_number(secrets, value);
}

/*
 * What a value looks like inside base64, for each of the three places it can have there:
 * the characters that depend on its neighbours are cut off.
 */
static void add_base64(struct secrets *secrets, struct slice value)
{
	unsigned char plain[BASE64_MAX_BYTES + 2] = { 0 };
	char encoded[(BASE64_MAX_BYTES + 2) / 3 * 4 + 8];

	for (size_t shift = 0; shift < 3; shift++) {
		size_t skip = shift ? shift + 1 : 0;
		size_t keep = (shift + value.len) / 3 * 4;
		int n = 0;

		memcpy(plain + shift, value.ptr, value.len);
		n = EVP_EncodeBlock(
		    (unsigned char *)encoded, plain, (int)(shift + value.len));
		if (n < 0 || keep <= skip) {
			continue;
		}
		add_one(secrets, (struct slice){ encoded + skip, keep - skip });
		if (memchr(encoded, '+', keep) || memchr(encoded, '/', keep)) {
			for (size_t i = 0; i < keep; i++) {
				encoded[i] = encoded[i] == '+' ? '-' : encoded[i];
				encoded[i] = encoded[i] == '/' ? '_' : encoded[i];
			}
			add_one(secrets, (struct slice){ encoded + skip, keep - skip });
		}
		memset(plain, 0, sizeof(plain));
	}
	OPENSSL_cleanse(encoded, sizeof(encoded));
}

/* The pairs of bytes in the head of one value, see any_head. */
static void note_pairs(struct secrets *secrets, const char *head)
{
	for (size_t i = 0; i < SECRET_MIN_BYTES; i++) {
		unsigned char c = (unsigned char)head[i];

		/* what is not ASCII may be replaced as invalid */
		secrets->escaped =
		    secrets->escaped || c < 0x20 || c >= 0x7F || c == '"' || c == '\\';
	}
	for (size_t i = 0; i + 2 <= SECRET_MIN_BYTES; i++) {
		uint8_t *far = &secrets->far[secret_pair(head + i)];
		uint8_t bytes = (uint8_t)(SECRET_MIN_BYTES - 2 - i);

		*far = bytes < *far ? bytes : *far;
	}
}

static bool make_heads(struct secrets *secrets)
{
	size_t slots = 256;

	while (slots < secrets->count * 4) {
		slots *= 2;
	}
	secrets->head = calloc(slots, sizeof(*secrets->head));
	secrets->head_mask = slots - 1;
	secrets->far = malloc(SECRET_PAIRS);
	if (!secrets->head || !secrets->far) {
		return false;
	}
	memset(secrets->far, SECRET_MIN_BYTES - 1, SECRET_PAIRS);
	for (size_t i = 0; i < secrets->count; i++) {
		uint64_t head = secret_head(secrets->text.ptr + secrets->item[i].at);
		size_t slot = secret_head_slot(head, secrets->head_mask);

		while (secrets->head[slot] && secrets->head[slot] != head) {
			slot = (slot + 1) & secrets->head_mask;
		}
		secrets->head[slot] = head;
		note_pairs(secrets, secrets->text.ptr + secrets->item[i].at);
	}
	return true;
}

void secrets_seal(struct secrets *secrets)
{
	size_t found = secrets->count < BASE64_VALUES ? secrets->count : BASE64_VALUES;

	for (size_t i = 0; i < found; i++) {
		struct secret item = secrets->item[i];
		char copy[BASE64_MAX_BYTES];

		if (item.len >= BASE64_MIN_BYTES && item.len <= sizeof(copy)) {
			/* a copy, since the text moves when it grows */
			memcpy(copy, secrets->text.ptr + item.at, item.len);
			add_base64(secrets, (struct slice){ copy, item.len });
			OPENSSL_cleanse(copy, sizeof(copy));
		}
	}
	if (secrets->count > 0 && !secrets->overflow && !make_heads(secrets)) {
		secrets->overflow = true;
	}
}
