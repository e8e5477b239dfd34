/* SPDX-License-Identifier: MIT */
/*
 * doctor_port: is it waybill that answers there, and would it record a call? The test
 * goes as far as the handshake: the API is dialled when a request is known, and none is
 * sent.
 */
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cmd/doctor.h"
#include "routes/routes.h"

#define SECONDS 5

int doctor_connect(const struct doctor *doctor)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct timeval limit = { .tv_sec = SECONDS };
	struct addrinfo *address = NULL;
	char port[16];
	int error = 0;
	int fd;

	(void)snprintf(port, sizeof(port), "%d", doctor->port);
	if (getaddrinfo(doctor->host, port, &hints, &address) != 0) {
		return -EINVAL;
	}
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		/* also how long connect(2) tries */
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	}
	if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		error = errno;
		if (fd >= 0) {
			(void)close(fd);
		}
	}
	freeaddrinfo(address);
	return error ? -error : fd;
}

static bool send_all(int fd, struct slice text)
{
	while (text.len > 0) {
		ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);

		if (n <= 0) {
			return false;
		}
		text.ptr += n;
		text.len -= (size_t)n;
	}
	return true;
}

/* Reads up to the end of a head, or what there is. */
static size_t read_head(int fd, char *text, size_t size, bool byte_by_byte)
{
	size_t len = 0;

	text[0] = '\0';
	while (len + 1 < size && !strstr(text, "\r\n\r\n")) {
		ssize_t n = recv(fd, text + len, byte_by_byte ? 1 : size - len - 1, 0);

		if (n <= 0) {
			break;
		}
		len += (size_t)n;
		text[len] = '\0';
	}
	return len;
}

static bool check_answer(struct doctor *doctor)
{
	char text[2048];
	int fd = doctor_connect(doctor);

	if (fd < 0) {
		report_add(doctor->report, FINDING_FAIL, "port",
		    "start `waybill run` with this configuration",
		    "nobody answers on %s port %d: %s", doctor->host, doctor->port,
		    strerror(-fd));
		return false;
	}
	if (send_all(fd, SLICE("GET / HTTP/1.1\r\nHost: waybill\r\n\r\n"))) {
		(void)read_head(fd, text, sizeof(text), false);
	} else {
		text[0] = '\0';
	}
	(void)close(fd);
	if (!strstr(text, "X-Waybill-Error:")) {
		report_add(doctor->report, FINDING_FAIL, "port",
		    "stop that program, or change `listen`",
		    "another program answers on %s port %d", doctor->host, doctor->port);
		return false;
	}
	report_add(doctor->report, FINDING_OK, "port", NULL,
	    "waybill answers on %s port %d", doctor->host, doctor->port);
	return true;
}

/* A name that the service has: of *.amocrm.ru one below it. */
static void name_of(const struct service *service, char ret_host[256])
{
	const char *host = service->hosts[0];

	(void)snprintf(ret_host, 256, "%s%s", host[0] == '*' ? "waybill-doctor" : "",
	    host[0] == '*' ? host + 1 : host);
}

static void put_connect(const struct doctor *doctor, const char *host, struct buf *out)
{
	const struct settings *settings = doctor->settings;
	char plain[512];
	unsigned char encoded[700];

	buf_printf(out, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n", host, host);
	if (settings->credential_count > 0) {
		int len = snprintf(plain, sizeof(plain), "%s:%s",
		    settings->credentials[0].user, settings->credentials[0].secret);

		if (len > 0 && (size_t)len < sizeof(plain)) {
			(void)EVP_EncodeBlock(encoded, (unsigned char *)plain, len);
			buf_printf(out, "Proxy-Authorization: Basic %s\r\n", encoded);
		}
		OPENSSL_cleanse(plain, sizeof(plain));
		OPENSSL_cleanse(encoded, sizeof(encoded));
	}
	buf_puts(out, "\r\n");
}

/* Opens the tunnel. Returns a descriptor, or -1 with the reason in why. */
static int open_tunnel(
    const struct doctor *doctor, const char *host, char *why, size_t size)
{
	struct buf request = { 0 };
	char answer[2048] = "";
	int fd = doctor_connect(doctor);

	if (fd < 0) {
		(void)snprintf(why, size, "%s", strerror(-fd));
		return -1;
	}
	put_connect(doctor, host, &request);
	if (request.failed || !send_all(fd, buf_slice(&request)) ||
	    read_head(fd, answer, sizeof(answer), true) < 12 ||
	    strncmp(answer + 8, " 200", 4) != 0) {
		answer[strcspn(answer, "\r\n")] = '\0';
		(void)snprintf(why, size, "CONNECT was answered: %.100s",
		    answer[0] ? answer : "nothing");
		(void)close(fd);
		fd = -1;
	}
	buf_wipe(&request);
	return fd;
}

/* Trusts our root and nothing else. */
static SSL_CTX *make_context(const struct doctor *doctor)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	char *path = NULL;

	if (asprintf(&path, "%s/ca/root.pem", doctor->settings->state_dir) < 0) {
		path = NULL;
	}
	if (context && (!path || SSL_CTX_load_verify_file(context, path) != 1)) {
		SSL_CTX_free(context);
		context = NULL;
	}
	if (context) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	}
	free(path);
	return context;
}

/* Returns NULL, or why not. */
static const char *shake(
    SSL_CTX *context, int fd, const char *host, char *why, size_t size)
{
	SSL *ssl = SSL_new(context);
	const char *result = NULL;
	int rc;

	if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_set1_host(ssl, host) != 1 ||
	    SSL_set_tlsext_host_name(ssl, host) != 1) {
		SSL_free(ssl);
		return "out of memory";
	}
	rc = SSL_connect(ssl);
	if (rc != 1) {
		long verdict = SSL_get_verify_result(ssl);
		unsigned long code = ERR_peek_error();

		(void)snprintf(why, size, "%s",
		    verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
		    : code               ? ERR_reason_error_string(code)
		                         : "the connection was closed");
		result = why;
	} else {
		/* in order, so that it is no client that rejects the certificate */
		(void)SSL_shutdown(ssl);
	}
	ERR_clear_error();
	SSL_free(ssl);
	return result;
}

static void check_service(
    struct doctor *doctor, SSL_CTX *context, const struct service *service)
{
	char host[256];
	char why[200] = "";
	const char *fault = why;
	int fd;

	name_of(service, host);
	fd = open_tunnel(doctor, host, why, sizeof(why));
	if (fd >= 0) {
		fault = shake(context, fd, host, why, sizeof(why));
		(void)close(fd);
	}
	if (fault) {
		report_add(doctor->report, FINDING_FAIL, "call",
		    "reload (SIGHUP) or restart waybill, with this configuration",
		    "%s: a client that trusts the root cannot call it through waybill: %s",
		    host, fault);
	} else {
		report_add(doctor->report, FINDING_OK, "call", NULL,
		    "%s: waybill's certificate is good (nothing was sent to the API)",
		    host);
	}
}

void doctor_check_port(struct doctor *doctor)
{
	SSL_CTX *context;

	if (doctor->port == 0) {
		report_add(doctor->report, FINDING_FAIL, "port",
		    "start `waybill run`, or give listen a port",
		    "listen has port 0, and no waybill runs");
		return;
	}
	if (!check_answer(doctor) || !doctor->table) {
		return;
	}
	context = make_context(doctor);
	ERR_clear_error();
	for (size_t i = 0; context && i < route_table_count(doctor->table); i++) {
		check_service(doctor, context, route_table_service(doctor->table, i));
	}
	SSL_CTX_free(context);
}
