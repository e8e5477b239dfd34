/* SPDX-License-Identifier: MIT */
/*
 * memory_lock: mlockall(2).
 *
 * All of the memory rather than a heap for keys alone: OpenSSL's secure heap has a fixed
 * size that every handshake draws on, and one that is full fails handshakes; and it would
 * hold neither credentials nor bodies.
 */
#include "cmd/memory_lock.h"

#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Is the limit one that does not count for this process (CAP_IPC_LOCK)? Asked by going
 * beyond it: in a user namespace a capability says little. */
static bool may_go_beyond(rlim_t limit)
{
	size_t size = (size_t)limit + 1024 * 1024;
	void *piece = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool may = false;

	if (piece == MAP_FAILED) {
		return false;
	}
	may = mlock2(piece, size, MLOCK_ONFAULT) == 0;
	(void)munmap(piece, size);
	return may;
}

void memory_lock(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 &&
	    getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	/* under a limit each later allocation could fail: that would be worse than a page
	 * in swap */
	if (limit.rlim_cur != RLIM_INFINITY && !may_go_beyond(limit.rlim_cur)) {
		log_info(
		    "memory is not locked, so keys could be swapped out: RLIMIT_MEMLOCK is "
		    "%llu KiB; \"ulimit -l unlimited\" or LimitMEMLOCK=infinity allows it",
		    (unsigned long long)limit.rlim_cur / 1024);
		return;
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
		log_info("memory is not locked, so keys could be swapped out: %s",
		    strerror(errno));
	}
}
