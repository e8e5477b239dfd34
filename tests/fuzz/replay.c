/* SPDX-License-Identifier: MIT */
/*
 * replay: runs a fuzz target over every file of the folders and files named, once each.
 * So crashing inputs found once stay regression tests.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;
	size_t size = 0;

	if (!file || fstat(fileno(file), &st) != 0) {
		perror(path);
		if (file) {
			(void)fclose(file);
		}
		return 1;
	}
	/* an exact allocation, so that a sanitizer sees a read past the end */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (data) {
		size = fread(data, 1, (size_t)st.st_size, file);
		(void)LLVMFuzzerTestOneInput(data, size);
	}
	free(data);
	(void)fclose(file);
	return data ? 0 : 1;
}

static int replay_folder(const char *path, size_t *count)
{
	struct dirent **entry = NULL;
	int n = scandir(path, &entry, NULL, alphasort);
	int bad = 0;

	for (int i = 0; i < n; i++) {
		char name[4096];

		(void)snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.') {
			bad |= replay_file(name);
			(*count)++;
		}
		free(entry[i]);
	}
	free(entry);
	return n < 0 ? 1 : bad;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			bad |= replay_folder(argv[i], &count);
		} else {
			bad |= replay_file(argv[i]);
			count++;
		}
	}
	printf("%zu inputs replayed\n", count);
	return bad || count == 0;
}
