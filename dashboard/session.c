/* SPDX-License-Identifier: MIT */
#include "dashboard/session.h"

#include "base/clock.h"
#include "dashboard/admin_private.h"
#include "dashboard/keys.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#define COOKIE      "waybill_session"
#define LIFETIME_S  (INT64_C(30) * 86400)
#define SECOND_US   INT64_C(1000000)
#define NONCE_BYTES 16
#define NONCE_TEXT  22 /* of NONCE_BYTES in base64url */
#define ENDED_MAX   256

/* A session that was ended, until it would have ended by itself. */
struct ended {
	char nonce[NONCE_TEXT];
	int64_t expiry_s;
};

struct sessions {
	unsigned char key[EVP_MAX_MD_SIZE];
	unsigned key_len;
	pthread_mutex_t lock; /* for all below */
	struct ended ended[ENDED_MAX];
	size_t next; /* the oldest makes room for the newest */
};

struct sessions *sessions_create(const char *key)
{
	static const char purpose[] = "waybill session cookie 1";
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions &&
	    !HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)purpose,
	        sizeof(purpose) - 1, sessions->key, &sessions->key_len)) {
		free(sessions);
		return NULL;
	}
	if (sessions) {
		(void)pthread_mutex_init(&sessions->lock, NULL);
	}
	return sessions;
}

void sessions_destroy(struct sessions *sessions)
{
	if (sessions) {
		(void)pthread_mutex_destroy(&sessions->lock);
		explicit_bzero(sessions, sizeof(*sessions));
		free(sessions);
	}
}

static bool put_mac(struct sessions *sessions, struct slice text, struct buf *out)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!HMAC(EVP_sha256(), sessions->key, (int)sessions->key_len,
	        (const unsigned char *)text.ptr, text.len, mac, &len)) {
		return false;
	}
	base64url_put(out, mac, len);
	return !out->failed;
}

int sessions_begin(struct sessions *sessions, int64_t now_us, struct buf *out)
{
	unsigned char nonce[NONCE_BYTES];
	struct buf text = { 0 };
	struct buf mac = { 0 };
	bool made = RAND_bytes(nonce, sizeof(nonce)) == 1;

	buf_printf(&text, "1.%lld.", (long long)(now_us / SECOND_US + LIFETIME_S));
	base64url_put(&text, nonce, sizeof(nonce));
	made = made && !text.failed && put_mac(sessions, buf_slice(&text), &mac);
	if (made) {
		buf_put_slice(out, buf_slice(&text));
		buf_putc(out, '.');
		buf_put_slice(out, buf_slice(&mac));
	}
	buf_finish(&text);
	buf_finish(&mac);
	return made && !out->failed ? 0 : -ENOMEM;
}

static bool has_ended(struct sessions *sessions, struct slice nonce)
{
	bool found = false;

	(void)pthread_mutex_lock(&sessions->lock);
	for (size_t i = 0; i < ENDED_MAX; i++) {
		found = found ||
		        slice_eq((struct slice){ sessions->ended[i].nonce, NONCE_TEXT },
		            nonce);
	}
	(void)pthread_mutex_unlock(&sessions->lock);
	return found;
}

static int64_t number(struct slice digits)
{
	int64_t n = 0;

	if (digits.len == 0 || digits.len > 12) {
		return -1;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
			return -1;
		}
		n = n * 10 + (digits.ptr[i] - '0');
	}
	return n;
}

/* Is the cookie one of ours that is still valid? Then *ret_nonce is its name. */
static bool check(struct sessions *sessions, struct slice cookie, int64_t now_us,
    struct ended *ret_ended)
{
	struct slice rest = cookie;
	struct slice version = slice_cut(&rest, '.');
	struct slice expiry = slice_cut(&rest, '.');
	struct slice nonce = slice_cut(&rest, '.');
	int64_t expiry_s = number(expiry);
	struct buf mac = { 0 };
	bool valid;

	if (!slice_eq(version, SLICE("1")) || !rest.ptr || nonce.len != NONCE_TEXT ||
	    expiry_s <= now_us / SECOND_US) {
		return false;
	}
	valid = put_mac(sessions, (struct slice){ cookie.ptr, cookie.len - rest.len - 1 },
	            &mac) &&
	        keys_same(buf_slice(&mac), rest);
	buf_finish(&mac);
	memcpy(ret_ended->nonce, nonce.ptr, NONCE_TEXT);
	ret_ended->expiry_s = expiry_s;
	return valid && !has_ended(sessions, nonce);
}

/* Steps through the cookies of that name; another port of this host may have set one too.
 */
static bool next_cookie(struct slice *rest, struct slice *ret_value)
{
	while (rest->len > 0) {
		struct slice pair = slice_trim(slice_cut(rest, ';'));

		if (slice_eq(slice_cut(&pair, '='), SLICE(COOKIE)) && pair.ptr) {
			*ret_value = pair;
			return true;
		}
	}
	return false;
}

bool sessions_valid(struct sessions *sessions, struct slice cookies, int64_t now_us)
{
	struct ended unused;
	struct slice value;

	while (next_cookie(&cookies, &value)) {
		if (check(sessions, value, now_us, &unused)) {
			return true;
		}
	}
	return false;
}

void sessions_end(struct sessions *sessions, struct slice cookies, int64_t now_us)
{
	struct ended ended;
	struct slice value;

	while (next_cookie(&cookies, &value)) {
		if (check(sessions, value, now_us, &ended)) {
			(void)pthread_mutex_lock(&sessions->lock);
			sessions->ended[sessions->next] = ended;
			sessions->next = (sessions->next + 1) % ENDED_MAX;
			(void)pthread_mutex_unlock(&sessions->lock);
		}
	}
}

static void begin(const struct request *request, struct reply *reply)
{
	struct sessions *sessions = request->admin->sessions;
	struct buf value = { 0 };

	/* a cookie makes no cookie: a session ends when it ends */
	if (request->role == ROLE_ANON || request->by_cookie) {
		reply_header(reply, "WWW-Authenticate", "Bearer");
		reply_error(reply, 401, "KEY_REFUSED",
		    "send the reading key as Authorization: Bearer KEY, or as apikey: KEY");
		return;
	}
	if (sessions_begin(sessions, wall_us(), &value) != 0) {
		reply_error(reply, 500, "OUT_OF_MEMORY", "out of memory");
	} else {
		/* something in front of us speaks TLS with the browser */
		bool tls =
		    slice_istarts(request_header(request, "Origin"), SLICE("https://"));

		reply->status = 204;
		reply_header(reply, "Set-Cookie",
		    COOKIE "=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
		    SLICE_ARG(buf_slice(&value)), (long long)LIFETIME_S,
		    tls ? "; Secure" : "");
	}
	buf_wipe(&value);
}

void session_handle(const struct request *request, struct reply *reply)
{
	if (strcmp(request->method, "POST") == 0) {
		begin(request, reply);
	} else if (strcmp(request->method, "DELETE") == 0) {
		sessions_end(request->admin->sessions, request_header(request, "Cookie"),
		    wall_us());
		reply->status = 204;
		reply_header(reply, "Set-Cookie",
		    COOKIE "=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
	} else if (request->role == ROLE_ANON) {
		reply_error(reply, 401, "NO_SESSION", "there is no session");
	} else {
		buf_printf(&reply->body, "{\"role\":\"%s\"}\n",
		    request->role == ROLE_SERVICE ? "service_role" : "authenticated");
	}
}
