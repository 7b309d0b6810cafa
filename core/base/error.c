/* Results: names, texts, and the one sentence for people.
 *
 * Responsible for the texts of the SDK's result numbers and for filling a struct yett_error once:
 * the first filling wins, since it is nearest to the cause. Not responsible for logging it. Any
 * thread; the caller owns the struct. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum retry { FINAL, RETRY };

static const struct {
	const char *name;
	const char *text;
	enum retry retry;
	enum yett_fault fault;
} results[] = {[0] = {"OK", "done", FINAL, 0},
#define RESULT_ROW(name, number, retry, fault, text)                                               \
	[-(number)] = {#name, text, retry, YETT_FAULT_##fault},
	YETT_ERRORS(RESULT_ROW)
#undef RESULT_ROW
};
#define RESULT_COUNT (int)(sizeof(results) / sizeof(results[0]))

static bool known(int code)
{
	return code <= 0 && code > -RESULT_COUNT && results[-code].name != NULL;
}

const char *yett_result_name(int code)
{
	return known(code) ? results[-code].name : "E?";
}

const char *yett_result_text(int code)
{
	return known(code) ? results[-code].text : "an unknown result";
}

bool yett_result_retry(int code)
{
	return known(code) && results[-code].retry == RETRY;
}

enum yett_fault yett_result_fault(int code)
{
	return known(code) ? results[-code].fault : YETT_FAULT_LOCAL;
}

int yett_result_from_errno(int number)
{
	static const struct {
		int number, code;
	} map[] = {
		{EINVAL, YETT_EINVAL},
		{ENOMEM, YETT_ENOMEM},
		{EAGAIN, YETT_EAGAIN},
		{ENOSPC, YETT_ENOSPC},
		{EDQUOT, YETT_ENOSPC},
		{EFBIG, YETT_ENOSPC},
		{ENOENT, YETT_ENOTFOUND},
		{EEXIST, YETT_EEXIST},
		{EACCES, YETT_EPERM},
		{EPERM, YETT_EPERM},
		{EROFS, YETT_EPERM},
		{ETIMEDOUT, YETT_ETIMEOUT},
		{ECONNRESET, YETT_ECLOSED},
		{EPIPE, YETT_ECLOSED},
		{ECONNABORTED, YETT_ECLOSED},
		{ECONNREFUSED, YETT_EUNAVAIL},
		{EHOSTUNREACH, YETT_EUNAVAIL},
		{ENETUNREACH, YETT_EUNAVAIL},
		{ENETDOWN, YETT_EUNAVAIL},
		{EHOSTDOWN, YETT_EUNAVAIL},
		{EADDRNOTAVAIL, YETT_EUNAVAIL}, /* or all its ports are taken */
		{ENOTCONN, YETT_ECLOSED},
		{ECANCELED, YETT_ECLOSED},
		{EADDRINUSE, YETT_EEXIST},
		{EMFILE, YETT_EFULL},
		{ENFILE, YETT_EFULL},
		{ENOBUFS, YETT_ENOMEM},
		{EINTR, YETT_EAGAIN},
		{EBUSY, YETT_EAGAIN},
		{ENOTDIR, YETT_EINVAL},
		{EISDIR, YETT_EINVAL},
		{ENAMETOOLONG, YETT_EINVAL},
		{ELOOP, YETT_EPERM}, /* a link where none may be followed */
		{ENOTSUP, YETT_ENOTSUP},
		{ENOSYS, YETT_ENOTSUP},
		{EAFNOSUPPORT, YETT_ENOTSUP},
	};

	if (number < 0) {
		number = -number;
	}
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (map[i].number == number) {
			return map[i].code;
		}
	}
	return YETT_EIO;
}

int yett_fail(struct yett_error *error, int code, const char *mend, const char *format, ...)
{
	va_list args;

	if (error == NULL || error->code != 0) {
		return code;
	}
	error->code = code;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	snprintf(error->mend, sizeof(error->mend), "%s", mend != NULL ? mend : "");
	return code;
}

_Noreturn void yett_require_failed(const char *what, const char *file, int line)
{
	yett_log(YETT_LOG_ERROR, "bug", "%s does not hold at %s:%d; the process ends", what, file,
		line);
	abort();
}

bool yett_bug(const char *what, const char *file, int line)
{
#ifdef YETT_CI
	yett_require_failed(what, file, line);
#else
	yett_log(YETT_LOG_ERROR, "bug", "%s at %s:%d; please report it", what, file, line);
	return true;
#endif
}
