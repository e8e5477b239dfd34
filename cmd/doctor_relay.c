/* SPDX-License-Identifier: MIT */
#include "cmd/doctor_relay.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/address.h"
#include "cmd/doctor.h"
#include "tls/hello.h"

enum { CHUNK = 16384, HEAD_MAX = 32768 };

/* One direction. */
struct way {
	char data[CHUNK];
	size_t at;
	size_t end;
	bool eof;  /* nothing more comes */
	bool shut; /* and the other side has been told */
};

struct link {
	int fd[2];         /* the command's, waybill's; -1: free */
	struct way way[2]; /* from each to the other */
	struct buf head;   /* the command's first bytes, until they tell the host */
	bool known;
	bool requests; /* neither TLS nor a tunnel: each request names its host */
	char program[64];
};

struct relay {
	const struct doctor *doctor;
	int listen_fd;
	struct link *link[RELAY_LINKS];
	size_t polled[RELAY_LINKS]; /* which link each pair of the poll list is */
	size_t links;
	struct relay_host host[RELAY_HOSTS];
	size_t hosts;
};

int relay_create(const struct doctor *doctor, struct relay **ret_relay, int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	struct relay *relay = calloc(1, sizeof(*relay));
	int error;

	if (!relay) {
		return -ENOMEM;
	}
	relay->doctor = doctor;
	relay->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (relay->listen_fd < 0 ||
	    bind(relay->listen_fd, (struct sockaddr *)&address, len) != 0 ||
	    listen(relay->listen_fd, 128) != 0 ||
	    getsockname(relay->listen_fd, (struct sockaddr *)&address, &len) != 0) {
		error = errno;
		relay_destroy(relay);
		return -error;
	}
	*ret_port = ntohs(address.sin_port);
	*ret_relay = relay;
	return 0;
}

static void drop(struct relay *relay, size_t i)
{
	struct link *link = relay->link[i];

	(void)close(link->fd[0]);
	(void)close(link->fd[1]);
	buf_wipe(&link->head);
	free(link);
	relay->link[i] = NULL;
}

void relay_destroy(struct relay *relay)
{
	if (!relay) {
		return;
	}
	for (size_t i = 0; i < RELAY_LINKS; i++) {
		if (relay->link[i]) {
			drop(relay, i);
		}
	}
	if (relay->listen_fd >= 0) {
		(void)close(relay->listen_fd);
	}
	free(relay);
}

/* host of "host:port" or of "host". */
static bool take_authority(struct slice text, char ret_host[256])
{
	struct address_pair pair;

	if (address_parse(text, &pair) || !pair.host[0]) {
		return false;
	}
	(void)snprintf(ret_host, 256, "%s", pair.host);
	return true;
}

bool relay_read_host(struct slice bytes, char ret_host[256], bool *ret_none)
{
	struct slice line = bytes;
	struct hello hello;
	struct slice method;

	*ret_none = false;
	if (bytes.len == 0) {
		return false;
	}
	if (bytes.ptr[0] == 0x16) {
		enum hello_result result = hello_peek(bytes, &hello);

		*ret_none = result == HELLO_BAD ||
		            (result == HELLO_READ && !hello.server_name[0]);
		if (result != HELLO_READ || *ret_none) {
			return false;
		}
		(void)snprintf(ret_host, 256, "%s", hello.server_name);
		return true;
	}
	if (!memchr(bytes.ptr, '\n', bytes.len)) {
		return false;
	}
	method = slice_cut(&line, ' ');
	line = slice_cut(&line, ' ');
	if (slice_istarts(line, SLICE("https://")) ||
	    slice_istarts(line, SLICE("http://"))) {
		size_t skip = slice_istarts(line, SLICE("https://")) ? 8 : 7;

		line.ptr += skip;
		line.len -= skip;
		line.len = (size_t)(line.len ? strcspn(line.ptr, "/?# \r\n") : 0);
	} else if (!slice_eq(method, SLICE("CONNECT"))) {
		*ret_none = true;
		return false;
	}
	*ret_none = !take_authority(line, ret_host);
	return !*ret_none;
}

static void note_host(struct relay *relay, const char *host, const char *program)
{
	size_t i = 0;

	while (i < relay->hosts && strcmp(relay->host[i].host, host) != 0) {
		i++;
	}
	if (i == RELAY_HOSTS) {
		return;
	}
	if (i == relay->hosts) {
		relay->hosts++;
		(void)snprintf(
		    relay->host[i].host, sizeof(relay->host[i].host), "%s", host);
	}
	relay->host[i].connections++;
	(void)snprintf(
	    relay->host[i].program, sizeof(relay->host[i].program), "%s", program);
}

/* Looks at what the command sends. */
static void look(struct relay *relay, struct link *link, struct slice bytes)
{
	char host[256];
	bool none = false;

	if (link->known && !link->requests) {
		return;
	}
	if (!link->known) {
		buf_put_slice(&link->head, bytes);
		buf_putc(&link->head, '\0'); /* for strcspn(3) */
		buf_truncate(&link->head, link->head.len ? link->head.len - 1 : 0);
		bytes = buf_slice(&link->head);
	}
	if (relay_read_host(bytes, host, &none)) {
		note_host(relay, host, link->program);
		link->requests = bytes.ptr[0] != 0x16 && bytes.ptr[0] != 'C';
		link->known = true;
	}
	if (link->known || none || link->head.len > HEAD_MAX || link->head.failed) {
		link->known = true;
		buf_wipe(&link->head); /* it may hold credentials */
	}
}

static void set_nonblocking(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void accept_one(struct relay *relay, const char *program)
{
	int fd = accept4(relay->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct link *link = fd >= 0 ? calloc(1, sizeof(*link)) : NULL;
	size_t i = 0;

	while (i < RELAY_LINKS && relay->link[i]) {
		i++;
	}
	if (link && i < RELAY_LINKS) {
		link->fd[0] = fd;
		link->fd[1] = doctor_connect(relay->doctor);
		(void)snprintf(link->program, sizeof(link->program), "%s", program);
		if (link->fd[1] >= 0) {
			set_nonblocking(link->fd[1]);
			relay->link[i] = link;
			return;
		}
	}
	free(link);
	if (fd >= 0) {
		(void)close(fd);
	}
}

size_t relay_want(struct relay *relay, struct pollfd *fds)
{
	size_t count = 0;

	fds[count++] = (struct pollfd){ .fd = relay->listen_fd, .events = POLLIN };
	relay->links = 0;
	for (size_t i = 0; i < RELAY_LINKS; i++) {
		struct link *link = relay->link[i];

		if (!link) {
			continue;
		}
		relay->polled[relay->links++] = i;
		for (int side = 0; side < 2; side++) {
			bool full = link->way[side].end > link->way[side].at;
			bool waiting = link->way[!side].end > link->way[!side].at;

			fds[count++] = (struct pollfd){ .fd = link->fd[side],
				.events =
				    (short)((full || link->way[side].eof ? 0 : POLLIN) |
				            (waiting ? POLLOUT : 0)) };
		}
	}
	return count;
}

/* Reads from one side and writes to the other. False: the link is over. */
static bool move(struct relay *relay, struct link *link, int side)
{
	struct way *way = &link->way[side];
	int to = link->fd[!side];
	ssize_t n;

	if (way->at == way->end && !way->eof) {
		n = recv(link->fd[side], way->data, sizeof(way->data), 0);
		if (n < 0) {
			return errno == EAGAIN || errno == EINTR;
		}
		way->at = 0;
		way->end = (size_t)n;
		way->eof = n == 0;
		if (side == 0 && n > 0) {
			look(relay, link, (struct slice){ way->data, way->end });
		}
	}
	if (way->at < way->end) {
		n = send(to, way->data + way->at, way->end - way->at, MSG_NOSIGNAL);
		if (n < 0) {
			return errno == EAGAIN || errno == EINTR;
		}
		way->at += (size_t)n;
	}
	if (way->eof && !way->shut && way->at == way->end) {
		way->shut = true;
		(void)shutdown(to, SHUT_WR);
	}
	return !(link->way[0].shut && link->way[1].shut);
}

void relay_serve(struct relay *relay, const struct pollfd *fds, const char *program)
{
	for (size_t n = 0; n < relay->links; n++) {
		size_t i = relay->polled[n];
		const struct pollfd *pair = &fds[1 + 2 * n];
		struct link *link = relay->link[i];
		bool open = true;

		for (int side = 0; side < 2 && open; side++) {
			if (pair[side].revents || pair[!side].revents & POLLOUT) {
				open = move(relay, link, side);
			}
		}
		/* both ends gone, and nothing left to read on either */
		if (!open ||
		    ((pair[0].revents & POLLERR) && (pair[1].revents & POLLERR))) {
			drop(relay, i);
		}
	}
	if (fds[0].revents) {
		accept_one(relay, program);
	}
}

const struct relay_host *relay_hosts(const struct relay *relay, size_t *ret_count)
{
	*ret_count = relay->hosts;
	return relay->host;
}
