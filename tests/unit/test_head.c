/* SPDX-License-Identifier: MIT */
#include "proxy/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *text_of(struct evbuffer *buffer)
{
	(void)evbuffer_add(buffer, "", 1);
	return (char *)evbuffer_pullup(buffer, -1);
}

static void check_request(
    const struct head *head, const struct head_out *how, const char *expected)
{
	struct evbuffer *out = evbuffer_new();

	head_put_request(out, head, SLICE("/p?q"), how);
	assert_string_equal(text_of(out), expected);
	evbuffer_free(out);
}

static void order_and_spelling_are_kept(void **state)
{
	struct head head = { .method = SLICE("PoST"),
		.minor = 1,
		.fields =
		    SLICE("x-B: 1\r\nHOST: h\r\nX-a:  2 \r\ncontent-LENGTH: 003\r\n") };
	struct head_out how = { .framing = FRAMING_LENGTH, .length = 3 };

	(void)state;
	check_request(&head, &how,
	    "PoST /p?q HTTP/1.1\r\nx-B: 1\r\nHOST: h\r\nX-a:  2 \r\ncontent-LENGTH: 3\r\n\r\n");
}

static void hop_by_hop_fields_stay_here(void **state)
{
	struct head head = { .method = SLICE("GET"),
		.minor = 1,
		.fields = SLICE(
		    "Host: h\r\nConnection: X-Own, host, close\r\nX-Own: 1\r\n"
		    "Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n"
		    "Proxy-Authorization: Basic x\r\nUpgrade: h2c\r\nX-Waybill-Entity: "
		    "lead/1\r\nAccept: */*\r\n") };
	struct head_out how = { .framing = FRAMING_NONE };

	(void)state;
	check_request(&head, &how, "GET /p?q HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
}

static void the_host_of_an_absolute_target_replaces_the_field(void **state)
{
	struct head head = { .method = SLICE("GET"),
		.minor = 1,
		.fields = SLICE("A: 1\r\nhost: other\r\n") };
	struct head without = {
		.method = SLICE("GET"), .minor = 0, .fields = SLICE("A: 1\r\n")
	};
	struct head_out how = { .host = SLICE("api:81") };

	(void)state;
	check_request(&head, &how, "GET /p?q HTTP/1.1\r\nA: 1\r\nhost: api:81\r\n\r\n");
	check_request(
	    &without, &how, "GET /p?q HTTP/1.1\r\nHost: api:81\r\nA: 1\r\n\r\n");
}

static void a_chunked_message_says_so_once(void **state)
{
	struct head head = { .method = SLICE("PUT"),
		.minor = 1,
		.fields = SLICE("Host: h\r\ntransfer-encoding: Chunked\r\n") };
	struct head bare = { .status = 200,
		.reason = SLICE("OK"),
		.minor = 1,
		.fields = SLICE("A: b\r\n") };
	struct head_out how = { .framing = FRAMING_CHUNKED };
	struct evbuffer *out = evbuffer_new();

	(void)state;
	check_request(&head, &how,
	    "PUT /p?q HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n");
	head_put_response(out, &bare, &how);
	assert_string_equal(text_of(out),
	    "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
	evbuffer_free(out);
}

static void only_a_plain_websocket_request_is_an_upgrade(void **state)
{
	struct head head = { .method = SLICE("GET"),
		.minor = 1,
		.framing = FRAMING_NONE,
		.fields =
		    SLICE("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n") };

	(void)state;
	assert_true(head_asks_websocket(&head));
	head.fields = SLICE("Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n");
	assert_false(head_asks_websocket(&head));
	head.fields = SLICE("Upgrade: websocket\r\n");
	assert_false(head_asks_websocket(&head));
	head.fields = SLICE("Connection: Upgrade\r\nUpgrade: websocket\r\n");
	head.framing = FRAMING_LENGTH;
	assert_false(head_asks_websocket(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_spelling_are_kept),
		cmocka_unit_test(hop_by_hop_fields_stay_here),
		cmocka_unit_test(the_host_of_an_absolute_target_replaces_the_field),
		cmocka_unit_test(a_chunked_message_says_so_once),
		cmocka_unit_test(only_a_plain_websocket_request_is_an_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
