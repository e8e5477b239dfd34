/* SPDX-License-Identifier: MIT */
/*
 * bind_now: no function of a library is looked up while calls pass.
 */
#ifndef CMD_BIND_NOW_H
#define CMD_BIND_NOW_H

/*
 * Starts this program anew, once, with all functions looked up at the start
 * (LD_BIND_NOW, ld.so(8)). Else the dynamic linker looks one up when it is first called,
 * and meanwhile keeps the vector registers on the stack of the thread: 64 bytes of what
 * was copied last, which nobody wipes. argv: the whole command line. Returns where that
 * has been done, or cannot be.
 */
void bind_now(char **argv);

#endif
