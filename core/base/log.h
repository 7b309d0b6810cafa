/* The log: `event-name`, a sentence that says what and what next, then key=value fields, written
 * by convention at the end of the sentence ("… peer=%s code=%s"), and in its format: what looks like one in
 * what others have said is none. One per process; every thread may call. Rate-limited per event name (bursts of
 * 20, then 1 a second, with a count of what was suppressed); errors never are. */
#ifndef YETT_BASE_LOG_H
#define YETT_BASE_LOG_H

#include <stdarg.h>
#include <yett/host.h>

enum yett_log_target {
	YETT_LOG_STDERR,  /* "2026-… notice event-name: sentence" */
	YETT_LOG_JOURNAL, /* sd_journal: MESSAGE, PRIORITY, YETT_EVENT, YETT_KEY of each field; stderr where it is not there */
};

void yett_log_setup(enum yett_log_target target, int max_level);
void yett_log(int level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void yett_log_va(int level, const char *event, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
/* The same with a field `module` behind those of the format; NULL: without. */
void yett_log_module(int level, const char *event, const char *module, const char *format,
	va_list args) __attribute__((format(printf, 4, 0)));
/* Also gets each line that passes level and limit; NULL: none. On the logging thread: must be
 * quick and thread-safe; may log (which is not tapped again), must not set the tap. Once the call that
 * replaces it returns, the former tap is called no more. */
typedef void (*yett_log_tap_fn)(void *arg, int level, const char *event, const char *sentence);
void yett_log_tap(yett_log_tap_fn tap, void *arg);
const char *yett_log_level_name(int level);

#endif
