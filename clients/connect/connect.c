/* SPDX-License-Identifier: MIT */
/*
 * connect: for LD_PRELOAD. A program's TCP connections to port 443 of the internet go to
 * waybill instead, which is told by a line in front (PROXY protocol, version 1) where
 * they were meant to go. The program knows nothing of it, and needs no setting.
 *
 *   WAYBILL_CONNECT=HOST:PORT   the proxy; else WAYBILL_PROXY=http://HOST:PORT
 *   WAYBILL_FAIL_OPEN=1         with the proxy away connect directly; else such calls
 * fail WAYBILL_QUIET=1             say nothing on standard error
 *
 * safety  what is set is set before main() and only read later; no allocation, no lock,
 *         only system calls: so also in a signal handler, between fork and exec, and in
 *         any thread.
 * rule    whatever is not understood here is left to the C library, as it came.
 */
#include "clients/connect/lead.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PORT    443
#define WAIT_MS 1500 /* for the proxy, which is near: a non-blocking caller waits too */

typedef int connect_function(int fd, const struct sockaddr *address, socklen_t len);

/* Under its name for the linker: the C library declares connect with a type of its own.
 */
__attribute__((visibility("default"))) connect_function led_connect __asm__("connect");

static struct {
	connect_function *real; /* NULL: not looked for yet */
	bool active;
	bool fail_open;
	bool quiet;
	struct lead_address proxy;
	char message[512];
	size_t message_len;
	struct stat error_file; /* standard error, as it was at first */
} state;

static atomic_flag told = ATOMIC_FLAG_INIT;

/* ---- before main() */

static bool is_set(const char *name)
{
	static const char *const yes[] = { "1", "true", "yes", "on" };
	const char *value = getenv(name);

	for (size_t i = 0; value && i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(value, yes[i]) == 0) {
			return true;
		}
	}
	return false;
}

static bool find_proxy(const char *text)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	char host[256];
	char port[6];
	struct addrinfo *found = NULL;
	bool ok;

	if (!lead_split(text, host, sizeof(host), port) ||
	    getaddrinfo(host, port, &hints, &found) != 0) {
		return false;
	}
	ok = lead_address_read(found->ai_addr, found->ai_addrlen, &state.proxy) &&
	     state.proxy.port > 0;
	freeaddrinfo(found);
	if (ok) {
		(void)snprintf(state.message, sizeof(state.message),
		    "waybill: cannot reach the proxy at %s%s%s:%s: %s (WAYBILL_QUIET=1 "
		    "silences this)\n",
		    strchr(host, ':') ? "[" : "", host, strchr(host, ':') ? "]" : "",
		    port,
		    state.fail_open
		        ? "calls go direct and are not recorded (WAYBILL_FAIL_OPEN)"
		        : "start `waybill run`, or set WAYBILL_FAIL_OPEN=1 to call "
		          "without it");
		state.message_len = strlen(state.message);
	}
	return ok;
}

__attribute__((constructor)) static void start(void)
{
	const char *text = getenv("WAYBILL_CONNECT");
	int saved = errno;

	*(void **)&state.real = dlsym(RTLD_NEXT, "connect");
	state.fail_open = is_set("WAYBILL_FAIL_OPEN");
	state.quiet =
	    is_set("WAYBILL_QUIET") || fstat(STDERR_FILENO, &state.error_file) != 0;
	text = text && *text ? text : getenv("WAYBILL_PROXY");
	/* waybill's own calls would come back to it for ever */
	if (text && *text && strcmp(program_invocation_short_name, "waybill") != 0) {
		state.active = find_proxy(text);
		if (!state.active && !state.quiet) {
			(void)fprintf(stderr,
			    "waybill: WAYBILL_CONNECT or WAYBILL_PROXY names no HOST:PORT "
			    "that can be found: nothing is recorded\n");
		}
	}
	errno = saved;
}

/* ---- one connection */

static int real_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (state.real) {
		return state.real(fd, address, len);
	}
	/* a library that is loaded earlier connects before it is our turn */
	return (int)syscall(SYS_connect, fd, address, len);
}

static int option_of(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

/* Is this a connection that is to be led? Fills in where it was meant to go. */
static bool is_wanted(
    int fd, const struct sockaddr *address, socklen_t len, struct lead_address *ret_asked)
{
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);
	int protocol;

	if (!state.active || !address || !lead_address_read(address, len, ret_asked) ||
	    ret_asked->port != PORT || !lead_is_global(ret_asked) ||
	    (state.proxy.port == PORT &&
	        memcmp(ret_asked->bytes, state.proxy.bytes, 16) == 0)) {
		return false;
	}
	protocol = option_of(fd, SOL_SOCKET, SO_PROTOCOL);
	return option_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
	       option_of(fd, SOL_SOCKET, SO_DOMAIN) == address->sa_family &&
	       getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0;
}

/* The proxy's address for a socket of this family. Returns its length; 0: there is none.
 */
static socklen_t proxy_address(int family, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret_address;

	memset(ret_address, 0, sizeof(*ret_address));
	if (family == AF_INET6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((in_port_t)state.proxy.port);
		memcpy(&v6->sin6_addr, state.proxy.bytes, 16);
		return sizeof(*v6);
	}
	if (!lead_is_v4(&state.proxy)) {
		return 0;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((in_port_t)state.proxy.port);
	memcpy(&v4->sin_addr, state.proxy.bytes + 12, 4);
	return sizeof(*v4);
}

/* Was it bound to an address? From there the proxy may be out of reach, or let nobody in.
 */
static bool is_bound(int fd)
{
	static const struct lead_address any;
	struct sockaddr_storage own;
	struct lead_address address;
	socklen_t len = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	       lead_address_read((struct sockaddr *)&own, len, &address) &&
	       memcmp(address.bytes, any.bytes, 16) != 0 &&
	       !(lead_is_v4(&address) && memcmp(address.bytes + 12, any.bytes, 4) == 0);
}

static void copy_options(int from, int to)
{
	static const int names[][2] = {
		{ SOL_SOCKET, SO_KEEPALIVE },
		{ SOL_SOCKET, SO_RCVTIMEO },
		{ SOL_SOCKET, SO_SNDTIMEO },
		{ SOL_SOCKET, SO_LINGER },
		{ SOL_SOCKET, SO_PRIORITY },
		{ IPPROTO_TCP, TCP_NODELAY },
		{ IPPROTO_TCP, TCP_KEEPIDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL },
		{ IPPROTO_TCP, TCP_KEEPCNT },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char value[32];
		socklen_t len = sizeof(value);

		if (getsockopt(from, names[i][0], names[i][1], value, &len) == 0) {
			(void)setsockopt(to, names[i][0], names[i][1], value, len);
		}
	}
}

/* Puts a fresh socket in the place of fd, with its flags and options. */
static bool replace(int fd, int family)
{
	static const int off;
	int flags = fcntl(fd, F_GETFL);
	int on_exec = fcntl(fd, F_GETFD);
	int fresh = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	bool ok = false;

	if (fresh >= 0 && flags >= 0 && on_exec >= 0) {
		copy_options(fd, fresh);
		if (family == AF_INET6) { /* by net.ipv6.bindv6only it may be on */
			(void)setsockopt(
			    fresh, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		}
		ok = fcntl(fresh, F_SETFL, flags) == 0 &&
		     dup3(fresh, fd, on_exec & FD_CLOEXEC ? O_CLOEXEC : 0) == fd;
	}
	if (fresh >= 0) {
		(void)close(fresh);
	}
	return ok;
}

/* Makes sure that fd can be connected to the proxy. Returns the family it has now; 0: it
 * cannot be. */
static int prepare(int fd, int family)
{
	static const int off;
	/* an IPv6 socket reaches IPv4 too, and its program expects the longer addresses
	 */
	int wanted = lead_is_v4(&state.proxy) ? family : AF_INET6;

	/* with it connect() would only pretend: tcp(7) */
	if (option_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) == 1) {
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off));
	}
	if (is_bound(fd) || wanted != family) {
		return replace(fd, wanted) ? wanted : 0;
	}
	if (family == AF_INET6 && lead_is_v4(&state.proxy) &&
	    option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) {
		return replace(fd, family) ? family : 0; /* a port is bound already */
	}
	return family;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a connection under way. Returns 0 or what became of it. */
static int await(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int64_t end = now_ms() + WAIT_MS;

	for (;;) {
		int64_t left = end - now_ms();
		int count = poll(&ready, 1, left > 0 ? (int)left : 0);

		if (count > 0) {
			return option_of(fd, SOL_SOCKET, SO_ERROR);
		}
		if (count == 0) {
			return ETIMEDOUT;
		}
		if (errno != EINTR && errno != EAGAIN) {
			return errno;
		}
	}
}

/* connect(2), at most WAIT_MS long whatever the socket's flags are. Returns 0 or errno.
 */
static int connect_soon(int fd, const struct sockaddr_storage *address, socklen_t len)
{
	static const struct timeval most = { .tv_sec = WAIT_MS / 1000,
		.tv_usec = WAIT_MS % 1000 * 1000 };
	struct timeval before = { 0, 0 };
	socklen_t before_len = sizeof(before);
	bool limited =
	    getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &before_len) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) == 0;
	int r = real_connect(fd, (const struct sockaddr *)address, len) == 0 ? 0 : errno;

	/* EINTR: it goes on without us; EINPROGRESS also when the time is over */
	if (r == EINPROGRESS || r == EINTR) {
		r = await(fd);
	}
	if (limited) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, before_len);
	}
	return r;
}

/* MSG_MORE: it leaves with the first bytes of the program, so that none wait for an
 * acknowledgement of it. */
static int send_line(int fd, const struct lead_address *asked)
{
	struct sockaddr_storage own;
	socklen_t own_len = sizeof(own);
	struct lead_address source;
	char line[LEAD_LINE_MAX];
	size_t len;

	if (getsockname(fd, (struct sockaddr *)&own, &own_len) != 0 ||
	    !lead_address_read((struct sockaddr *)&own, own_len, &source)) {
		return ENOTCONN;
	}
	len = lead_line(&source, asked, line);
	/* the buffer of a new connection is empty: all of it fits */
	return send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE) == (ssize_t)len
	           ? 0
	           : ECONNREFUSED;
}

/* Does it say that nobody is at the proxy's address? Else the fault is the socket's. */
static bool is_away(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPIPE:
		return true;
	default:
		return false;
	}
}

/* A daemon may have closed it, and opened something else as that descriptor. */
static bool is_error_file(void)
{
	struct stat now;

	return fstat(STDERR_FILENO, &now) == 0 &&
	       (S_ISCHR(now.st_mode) || S_ISFIFO(now.st_mode) ||
	           (S_ISREG(now.st_mode) &&
	               ((unsigned)fcntl(STDERR_FILENO, F_GETFL) & O_APPEND)) ||
	           (now.st_dev == state.error_file.st_dev &&
	               now.st_ino == state.error_file.st_ino));
}

static void tell(void)
{
	if (!state.quiet && is_error_file() && !atomic_flag_test_and_set(&told)) {
		ssize_t written = write(STDERR_FILENO, state.message, state.message_len);

		(void)written; /* there is nobody else to tell */
	}
}

/*
 * Is nobody at the proxy's address? Asked before a socket is touched that could not go
 * direct afterwards: an IPv6 one that has tried IPv4 stays with it, and one that was
 * replaced has lost where it was bound.
 */
static bool probe_away(int fd, int family)
{
	struct sockaddr_storage proxy;
	int probe_family = lead_is_v4(&state.proxy) ? AF_INET : AF_INET6;
	int probe;
	int error;

	if (family == AF_INET && probe_family == AF_INET && !is_bound(fd)) {
		return false; /* that one can */
	}
	probe =
	    socket(probe_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (probe < 0) {
		return false;
	}
	error = connect_soon(probe, &proxy, proxy_address(probe_family, &proxy));
	(void)close(probe);
	return is_away(error);
}

/* Returns 0 or errno; fd is then as it was before, if it can still be. */
static int lead(int fd, int family, const struct lead_address *asked)
{
	static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage proxy;
	int error;

	error = connect_soon(fd, &proxy, proxy_address(family, &proxy));
	if (error == 0) {
		error = send_line(fd, asked);
	}
	if (is_away(error)) {
		(void)real_connect(
		    fd, &nobody, sizeof(nobody)); /* connect(2), AF_UNSPEC */
	}
	return error;
}

int led_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct lead_address asked;
	int saved = errno;
	int family = 0;
	int error = 0;
	bool direct = true;

	if (is_wanted(fd, address, len, &asked)) {
		if (state.fail_open && probe_away(fd, address->sa_family)) {
			tell();
		} else {
			family = prepare(fd, address->sa_family);
		}
	}
	if (family != 0) {
		error = lead(fd, family, &asked);
		if (is_away(error)) {
			tell();
			error = ECONNREFUSED;
		}
		direct = error == ECONNREFUSED && state.fail_open;
	}
	errno = direct || error == 0 ? saved : error;
	if (direct) {
		return real_connect(fd, address, len);
	}
	return error == 0 ? 0 : -1;
}
