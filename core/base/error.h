/* Results and the sentences that go with them. The numbers are the SDK's (yett/error.h). */
#ifndef YETT_BASE_ERROR_H
#define YETT_BASE_ERROR_H

#include <stdbool.h>
#include <yett/error.h>

enum yett_fault {
	YETT_FAULT_CALLER = 1,
	YETT_FAULT_PEER,
	YETT_FAULT_UPSTREAM,
	YETT_FAULT_LOCAL,
};

/* Filled once, where most is known: `text` says what happened and why, `mend` what would mend
 * it ("" where nothing is known). Plain storage: zero it (or YETT_ERROR_INIT) before use. */
struct yett_error {
	int code;
	char text[512];
	char mend[256];
};
#define YETT_ERROR_INIT                                                                            \
	{                                                                                          \
		0, "", ""                                                                          \
	}

/* Fills `error` (may be NULL) and returns `code`. The first filling wins: what is nearest to the
 * cause is kept. */
int yett_fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

const char *yett_result_name(int code); /* "EFULL"; "OK"; "E?" */
const char *yett_result_text(int code);
bool yett_result_retry(int code);
enum yett_fault yett_result_fault(int code);
/* An errno (positive) or a libuv code (negative errno) as a result. */
int yett_result_from_errno(int number);

/* A programmer's mistake. REQUIRE aborts; BUG_IF logs "bug" and goes on in a release, aborts where
 * YETT_CI is defined. Never for input. */
#define YETT_REQUIRE(x) ((x) ? (void)0 : yett_require_failed(#x, __FILE__, __LINE__))
#define YETT_BUG_IF(x)  ((x) ? yett_bug(#x, __FILE__, __LINE__) : false)
_Noreturn void yett_require_failed(const char *what, const char *file, int line);
bool yett_bug(const char *what, const char *file, int line); /* true */

#endif
