/* SPDX-License-Identifier: MIT */
#include "cmd/doctor_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/arch.h"

/* In the child: from now on each connect(2) is told. Returns a descriptor or -1. */
static int install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		return -1;
	}
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

/* fd -1: there is none. */
static void send_fd(int to, int fd)
{
	union control control = { .space = { 0 } };
	char byte = 'x';
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *part;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(part), &fd, sizeof(fd));
	}
	(void)sendmsg(to, &message, 0);
}

static int receive_fd(int from)
{
	union control control = { .space = { 0 } };
	char byte;
	struct iovec io = { &byte, 1 };
	struct msghdr message = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *part;
	int fd = -1;

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) <= 0) {
		return -1;
	}
	part = CMSG_FIRSTHDR(&message);
	if (part && part->cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	}
	return fd;
}

static void become(char **argv, int tell, bool quiet)
{
	int fd = install();

	send_fd(tell, fd);
	if (fd >= 0) {
		(void)close(fd);
	}
	(void)close(tell);
	if (quiet) {
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	}
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execvp(argv[0], argv);
	(void)fprintf(stderr, "waybill doctor: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

pid_t watcher_start(struct watcher *watch, char **argv, bool quiet)
{
	int pair[2];
	pid_t pid;

	*watch = (struct watcher){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return -errno;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		become(argv, pair[1], quiet);
	}
	(void)close(pair[1]);
	if (pid > 0) {
		watch->fd = receive_fd(pair[0]);
	}
	(void)close(pair[0]);
	return pid > 0 ? pid : -errno;
}

void watcher_finish(struct watcher *watch)
{
	if (watch->fd >= 0) {
		(void)close(watch->fd);
	}
	watch->fd = -1;
}

/* The process that a thread belongs to. */
static pid_t process_of(pid_t thread)
{
	char path[64];
	char line[128];
	pid_t process = thread;
	FILE *in;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, "Tgid:", 5) == 0) {
			process = (pid_t)strtol(line + 5, NULL, 10);
			break;
		}
	}
	if (in) {
		(void)fclose(in); /* only read from */
	}
	return process;
}

static void name_of(pid_t process, char ret_name[64])
{
	char path[64];
	char exe[4096];
	const char *slash;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)process);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	(void)snprintf(ret_name, 64, "%.63s", slash ? slash + 1 : "?");
}

/* A datagram socket that is "connected" sends nothing: getaddrinfo(3) does it to sort
 * addresses. Not known: it counts. */
static bool is_stream(pid_t process, int fd)
{
	int type = SOCK_STREAM;
	socklen_t len = sizeof(type);
	int handle = (int)syscall(SYS_pidfd_open, process, 0);
	int copy = handle >= 0 ? (int)syscall(SYS_pidfd_getfd, handle, fd, 0) : -1;

	if (copy >= 0) {
		(void)getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &len);
		(void)close(copy);
	}
	if (handle >= 0) {
		(void)close(handle);
	}
	return type == SOCK_STREAM;
}

static bool read_address(
    pid_t thread, uint64_t at, uint64_t len, char ret_text[64], int *ret_port)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	struct iovec local = { &address, len < sizeof(address) ? len : sizeof(address) };
	struct iovec remote = { (void *)(uintptr_t)at, local.iov_len };
	const struct sockaddr_in *v4 = (const void *)&address;
	const struct sockaddr_in6 *v6 = (const void *)&address;

	if (process_vm_readv(thread, &local, 1, &remote, 1, 0) < (ssize_t)sizeof(*v4)) {
		return false;
	}
	if (address.ss_family == AF_INET) {
		*ret_port = ntohs(v4->sin_port);
		return inet_ntop(AF_INET, &v4->sin_addr, ret_text, 64);
	}
	if (address.ss_family == AF_INET6) {
		*ret_port = ntohs(v6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			return inet_ntop(
			    AF_INET, &v6->sin6_addr.s6_addr[12], ret_text, 64);
		}
		return inet_ntop(AF_INET6, &v6->sin6_addr, ret_text, 64);
	}
	return false;
}

static void note(struct watcher *watch, const char *address, int port)
{
	struct watcher_target *target = watch->target;
	size_t i = 0;

	while (i < watch->targets &&
	       (target[i].port != port || strcmp(target[i].address, address) != 0 ||
	           strcmp(target[i].program, watch->last) != 0)) {
		i++;
	}
	if (i == WATCH_TARGETS) {
		return;
	}
	if (i == watch->targets) {
		watch->targets++;
		(void)snprintf(
		    target[i].address, sizeof(target[i].address), "%s", address);
		(void)snprintf(
		    target[i].program, sizeof(target[i].program), "%s", watch->last);
		target[i].port = port;
	}
	target[i].count++;
}

static void look(struct watcher *watch, const struct seccomp_notif *asked,
    const struct watcher_own *own)
{
	pid_t process = process_of((pid_t)asked->pid);
	char address[64];
	int port = 0;

	if (!read_address((pid_t)asked->pid, asked->data.args[1], asked->data.args[2],
	        address, &port) ||
	    !is_stream(process, (int)asked->data.args[0])) {
		return;
	}
	name_of(process, watch->last);
	if (port == own->relay_port && strcmp(address, "127.0.0.1") == 0) {
		return;
	}
	if (port == own->proxy_port && strcmp(address, own->proxy_host) == 0) {
		watch->to_proxy++;
	} else {
		note(watch, address, port);
	}
}

void watcher_serve(struct watcher *watch, const struct watcher_own *own)
{
	struct seccomp_notif asked = { .id = 0 };
	struct seccomp_notif_resp answer = { .id = 0 };

	if (ioctl(watch->fd, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) {
		return; /* it is gone already */
	}
	look(watch, &asked, own);
	answer.id = asked.id;
	answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void)ioctl(watch->fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}
