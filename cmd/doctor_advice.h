/* SPDX-License-Identifier: MIT */
/*
 * doctor_advice: the one line that fixes it, by the kind of program.
 */
#ifndef CMD_DOCTOR_ADVICE_H
#define CMD_DOCTOR_ADVICE_H

#include "base/buf.h"

/* Where the files for clients are. */
struct advice_place {
	const char *root;
	const char *bundle;
	const char *truststore;
	bool preloaded; /* Node had the preload of `waybill exec` */
};

/* program: the name of the executable, such as python3.11; "?" when not known. */
void advice_bypass(
    const char *program, const struct advice_place *place, struct buf *out);
void advice_reject(
    const char *program, const struct advice_place *place, struct buf *out);

#endif
