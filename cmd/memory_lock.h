/* SPDX-License-Identifier: MIT */
/*
 * memory_lock: keys, credentials and bodies never leave memory for a swap device.
 */
#ifndef CMD_MEMORY_LOCK_H
#define CMD_MEMORY_LOCK_H

/*
 * Locks what the process has and will have, page by page as it is touched, so that it
 * takes no more memory than without. Before any key is read. Where that is not allowed
 * the log says so, and all goes on.
 */
void memory_lock(void);

#endif
