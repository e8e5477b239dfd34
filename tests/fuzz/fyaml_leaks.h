/* SPDX-License-Identifier: MIT */
/*
 * fyaml_leaks: for fuzz targets that parse YAML. libfyaml 0.7 loses a buffer when a
 * quoted scalar is broken; that is its own affair, so LeakSanitizer is told to look past
 * its frames. Include it once per program.
 */
#ifndef FUZZ_FYAML_LEAKS_H
#define FUZZ_FYAML_LEAKS_H

const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so\n";
}

#endif
