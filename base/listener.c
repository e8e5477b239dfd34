/* SPDX-License-Identifier: MIT */
#include "base/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static int listen_on(const struct addrinfo *address, bool shared)
{
	const int on = 1;
	const int off = 0;
	int fd = socket(
	    address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0) {
		return -errno;
	}
	/* a socket without these still works; after a restart the port is free at once */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (shared) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	}
	if (address->ai_family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		int error = errno;

		(void)close(fd);
		return -error;
	}
	return fd;
}

int listener_open(
    const char *key, const char *host, int port, bool shared, struct err *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	struct addrinfo *address = NULL;
	char service[16];
	int fd;

	(void)snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(host, service, &hints, &address) != 0) {
		return err_set(err, EINVAL, "%s: %s is not a numeric address", key, host);
	}
	fd = listen_on(address, shared);
	freeaddrinfo(address);
	if (fd == -EADDRINUSE) {
		return err_set(err, EADDRINUSE,
		    "%s port %d is in use, perhaps by another waybill: stop that, or give this "
		    "one a port of its own (`%s`; port 0 takes any that is free)",
		    host, port, key);
	}
	if (fd < 0) {
		return err_set(err, -fd, "cannot listen on %s port %d: %s; change `%s`",
		    host, port, strerror(-fd), key);
	}
	return fd;
}

int listener_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		return -errno;
	}
	return ntohs(address.ss_family == AF_INET
	                 ? ((struct sockaddr_in *)(void *)&address)->sin_port
	                 : ((struct sockaddr_in6 *)(void *)&address)->sin6_port);
}
