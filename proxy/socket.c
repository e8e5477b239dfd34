/* SPDX-License-Identifier: MIT */
#include "proxy/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static void set_option(int fd, int level, int option, int value)
{
	/* a socket without it still works */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

void socket_tune(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 80000);
}

int socket_connect(const struct sockaddr *address)
{
	socklen_t len = address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
	                                              : sizeof(struct sockaddr_in6);
	int fd =
	    socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return -errno;
	}
	socket_tune(fd);
	if (connect(fd, address, len) != 0 && errno != EINPROGRESS) {
		int error = errno;

		(void)close(fd);
		return -error;
	}
	return fd;
}

const char *socket_address_text(
    const struct sockaddr *address, char *ret_text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 =
		    (const struct sockaddr_in *)(const void *)address;

		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		(void)snprintf(ret_text, size, "%s:%d", host, ntohs(v4->sin_port));
	} else {
		const struct sockaddr_in6 *v6 =
		    (const struct sockaddr_in6 *)(const void *)address;

		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		(void)snprintf(ret_text, size, "[%s]:%d", host, ntohs(v6->sin6_port));
	}
	return ret_text;
}

struct timeval socket_timeval(int64_t ns)
{
	return (struct timeval){ .tv_sec = (time_t)(ns / 1000000000),
		.tv_usec = (suseconds_t)(ns % 1000000000 / 1000) };
}

void socket_timer(struct event *timer, int64_t ns)
{
	struct timeval after = socket_timeval(ns);

	(void)event_add(timer, &after);
}
