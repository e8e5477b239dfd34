/* SPDX-License-Identifier: MIT */
/*
 * listen: the listening socket of the admin port.
 */
#include "dashboard/admin_private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static int open_on(const struct addrinfo *address)
{
	const int on = 1;
	int fd = socket(
	    address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0) {
		return -errno;
	}
	/* after a restart the port is free again at once; it is never shared */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		int error = errno;

		(void)close(fd);
		return -error;
	}
	return fd;
}

int listen_open(const char *host, int port, struct err *err)
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
		return err_set(
		    err, EINVAL, "admin.listen: %s is no numeric address", host);
	}
	fd = open_on(address);
	freeaddrinfo(address);
	if (fd == -EADDRINUSE) {
		return err_set(err, EADDRINUSE,
		    "the admin port %s port %d is taken, perhaps by another waybill: give "
		    "this one a port of its own (admin.listen: 127.0.0.1:0 takes any that "
		    "is free)",
		    host, port);
	}
	if (fd < 0) {
		return err_set(err, -fd,
		    "the admin port cannot listen on %s port %d: %s; change admin.listen",
		    host, port, strerror(-fd));
	}
	return fd;
}

int listen_port(int fd)
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
