/* SPDX-License-Identifier: MIT */
/*
 * The shipper without a server: what it says, and that it lets go. Delivery itself is
 * tested against PostgreSQL in tests/e2e/test_delivery.py.
 */
#include "sql/shipper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

#include "store_help.h"

#define SECOND_NS INT64_C(1000000000)

struct fixture {
	struct scratch scratch;
	struct store *store;
	struct shipper *shipper;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct store_settings settings = { .deliver = true };
	char *quarantined = NULL;
	struct err err;

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	settings.path = fixture->scratch.path;
	assert_int_equal(store_open(&settings, &fixture->store, &quarantined, &err), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	shipper_stop(fixture->shipper, 0);
	scratch_finish(&fixture->scratch);
	free(fixture);
	return 0;
}

static int start(struct fixture *fixture, const char *url, struct err *err)
{
	struct shipper_settings settings = { .store_path = fixture->scratch.path,
		.database = url,
		.connect_timeout_ns = SECOND_NS / 10,
		.batch_timeout_ns = SECOND_NS / 10 };

	return shipper_start(&settings, &fixture->shipper, err);
}

/* Waits for a state; gives up after 20 s. */
static struct shipper_status wait_state(
    struct fixture *fixture, enum shipper_state wanted)
{
	int64_t end_ns = mono_ns() + 20 * SECOND_NS;
	struct shipper_status status;

	do {
		(void)sched_yield();
		shipper_status(fixture->shipper, &status);
	} while (status.state != wanted && mono_ns() < end_ns);
	assert_int_equal(status.state, wanted);
	return status;
}

static void put_one(struct fixture *fixture)
{
	struct row row = make_row(ROW_SUCCESS);
	struct err err;

	assert_int_equal(store_begin(fixture->store, &err), 0);
	put_row(fixture->store, &row);
	assert_int_equal(store_commit(fixture->store, &err), 0);
	shipper_notify(fixture->shipper);
}

/* A port of ours where nobody accepts, or (closed) nobody listens. */
static int listen_port(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void url_that_is_none_is_refused_without_its_password(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	assert_int_equal(
	    start(fixture, "postgresql://u:secret%zz@host:1/db", &err), -EINVAL);
	assert_null(strstr(err.text, "secret"));
	assert_null(fixture->shipper);
}

static void server_that_is_away_is_no_error_at_the_start(void **state)
{
	struct fixture *fixture = *state;
	struct shipper_status status;
	char url[100];
	struct err err;
	int port;

	(void)close(listen_port(&port));
	(void)snprintf(url, sizeof(url), "postgresql://me@127.0.0.1:%d/db", port);
	assert_int_equal(start(fixture, url, &err), 0);
	(void)wait_state(fixture, SHIPPER_IDLE);
	put_one(fixture);
	status = wait_state(fixture, SHIPPER_FAILING);
	assert_non_null(strstr(status.problem, "refused"));
	assert_string_equal(shipper_state_text(status.state), "failing");
}

static void server_that_never_answers_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	char url[100];
	struct err err;
	int port;
	int fd = listen_port(&port);

	(void)snprintf(url, sizeof(url), "postgresql://me@127.0.0.1:%d/db", port);
	assert_int_equal(start(fixture, url, &err), 0);
	put_one(fixture);
	assert_non_null(
	    strstr(wait_state(fixture, SHIPPER_FAILING).problem, "does not answer"));
	(void)close(fd);
}

static void stop_does_not_wait_for_a_server_that_is_away(void **state)
{
	struct fixture *fixture = *state;
	int64_t begin_ns;
	char url[100];
	struct err err;
	int port;

	(void)close(listen_port(&port));
	(void)snprintf(url, sizeof(url), "postgresql://me@127.0.0.1:%d/db", port);
	assert_int_equal(start(fixture, url, &err), 0);
	put_one(fixture);
	(void)wait_state(fixture, SHIPPER_FAILING);
	begin_ns = mono_ns();
	shipper_stop(fixture->shipper, 60 * SECOND_NS);
	fixture->shipper = NULL;
	assert_true(mono_ns() - begin_ns < 20 * SECOND_NS);
}

static void store_that_is_not_there_is_an_error(void **state)
{
	struct shipper_settings settings = { .store_path = "/nowhere/waybill.db",
		.database = "postgresql://localhost/db" };
	struct shipper *shipper = NULL;
	struct err err;

	(void)state;
	assert_int_equal(shipper_start(&settings, &shipper, &err), -ENOENT);
	shipper_stop(NULL, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(url_that_is_none_is_refused_without_its_password),
		TEST(server_that_is_away_is_no_error_at_the_start),
		TEST(server_that_never_answers_is_left_alone),
		TEST(stop_does_not_wait_for_a_server_that_is_away),
		cmocka_unit_test(store_that_is_not_there_is_an_error),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
