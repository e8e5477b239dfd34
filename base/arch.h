/* SPDX-License-Identifier: MIT */
/*
 * arch: what seccomp(2) calls the machine this is compiled for.
 */
#ifndef BASE_ARCH_H
#define BASE_ARCH_H

#include <linux/audit.h>

#if defined(__x86_64__)
#define ARCH_AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_AUDIT AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define ARCH_AUDIT AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__)
#define ARCH_AUDIT AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH_AUDIT AUDIT_ARCH_S390X
#else
#define ARCH_AUDIT 0 /* none that is known */
#endif

#endif
