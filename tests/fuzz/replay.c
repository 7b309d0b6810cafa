/* Runs a fuzz target over its corpus, or the files given: each whole, cut at many places, and with
 * bytes changed. So what a fuzzer once found stays mended, without a fuzzer. Prints how many inputs
 * it ran; crashes where the target does. */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "fuzz.h"

#define CUTS_MAX 200

/* In a place of its own, exactly as long, so that the sanitizers see a byte too many. */
static void run(const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length > 0 ? length : 1);

	for (size_t i = 0; i < length; i++) {
		exact[i] = bytes[i];
	}
	LLVMFuzzerTestOneInput(exact, length);
	free(exact);
}

static unsigned run_variants(uint8_t *bytes, size_t length)
{
	size_t step = 1 + length / CUTS_MAX;
	unsigned runs = 1;

	run(bytes, length);
	for (size_t at = 0; at < length; at += step) {
		uint8_t kept = bytes[at];

		run(bytes, at);
		bytes[at] = (uint8_t)(kept ^ (1 + at * 37 % 255));
		run(bytes, length);
		bytes[at] = 0xff;
		run(bytes, length);
		bytes[at] = kept;
		runs += 3;
	}
	return runs;
}

static bool run_file(const char *path, unsigned *runs)
{
	gchar *content;
	gsize length;

	if (!g_file_get_contents(path, &content, &length, NULL)) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return false;
	}
	*runs += run_variants((uint8_t *)content, length);
	g_free(content);
	return true;
}

/* All files of the target's corpus; how many, or -1. */
static int run_corpus(unsigned *runs)
{
	GDir *folder = g_dir_open(YETT_FUZZ_CORPUS, 0, NULL);
	const char *name;
	int files = 0;

	if (folder == NULL) {
		fprintf(stderr, "%s: cannot be opened\n", YETT_FUZZ_CORPUS);
		return -1;
	}
	while (files >= 0 && (name = g_dir_read_name(folder)) != NULL) {
		char *path = g_build_filename(YETT_FUZZ_CORPUS, name, NULL);

		files = run_file(path, runs) ? files + 1 : -1;
		g_free(path);
	}
	g_dir_close(folder);
	return files;
}

int main(int argc, char **argv)
{
	unsigned runs = 0;
	int files = 0;

	if (argc < 2) {
		files = run_corpus(&runs);
	}
	for (int i = 1; i < argc && files >= 0; i++) {
		files = run_file(argv[i], &runs) ? files + 1 : -1;
	}
	printf("%d files, %u inputs\n", files, runs);
	return files > 0 ? 0 : 1;
}
