/* SPDX-License-Identifier: MIT */
/*
 * program: would a command take what LD_PRELOAD names? ld.so(8).
 */
#ifndef CMD_PROGRAM_H
#define CMD_PROGRAM_H

enum program_kind {
	PROGRAM_OTHER,  /* it would, or cannot be looked at */
	PROGRAM_STATIC, /* no: nothing is loaded into it */
	PROGRAM_SECURE, /* no: set-user-ID, set-group-ID */
};

/* name: as execvp(3) takes it. A script is what runs it. */
enum program_kind program_kind(const char *name);

#endif
