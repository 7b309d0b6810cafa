/* The log of the process.
 *
 * Responsible for one line an event, on stderr or in the journal, for the rate limit of each event
 * name, and for the tap through which management sees events. Not responsible for what is worth a
 * line. Any thread; one mutex. Where the journal cannot be reached the line goes to stderr. */
#ifdef HAVE_CONFIG_H
#	include <config.h>
#endif

#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef WITH_SYSTEMD
#	include <systemd/sd-journal.h>
#endif

#include "clock.h"

#define EVENTS_MAX   256
#define BURST        20
#define SENTENCE_MAX 2048

struct limit {
	char event[48];
	double tokens;
	uint64_t refilled_ns;
	unsigned suppressed;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum yett_log_target target = YETT_LOG_STDERR;
static int max_level = YETT_LOG_NOTICE;
static yett_log_tap_fn tap;
static void *tap_arg;
static struct limit limits[EVENTS_MAX];

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug"};

const char *yett_log_level_name(int level)
{
	return level >= YETT_LOG_ERROR && level <= YETT_LOG_DEBUG ? level_names[level] : "?";
}

void yett_log_setup(enum yett_log_target new_target, int new_max_level)
{
	pthread_mutex_lock(&mutex);
	target = new_target;
	max_level = new_max_level;
	pthread_mutex_unlock(&mutex);
}

void yett_log_tap(yett_log_tap_fn new_tap, void *arg)
{
	pthread_mutex_lock(&mutex);
	tap = new_tap;
	tap_arg = arg;
	pthread_mutex_unlock(&mutex);
}

/* The limit of an event; the table is as large as there are names, the last slot is shared. */
static struct limit *limit_of(const char *event)
{
	for (int i = 0; i < EVENTS_MAX; i++) {
		if (limits[i].event[0] == '\0') {
			snprintf(limits[i].event, sizeof(limits[i].event), "%s", event);
			limits[i].tokens = BURST;
			limits[i].refilled_ns = yett_clock_monotonic(&yett_clock_system);
			return &limits[i];
		}
		if (strncmp(limits[i].event, event, sizeof(limits[i].event) - 1) == 0) {
			return &limits[i];
		}
	}
	return &limits[EVENTS_MAX - 1];
}

static bool allowed(struct limit *limit)
{
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);

	limit->tokens += (double)(now_ns - limit->refilled_ns) / (double)YETT_SEC;
	limit->refilled_ns = now_ns;
	if (limit->tokens > BURST) {
		limit->tokens = BURST;
	}
	if (limit->tokens < 1) {
		limit->suppressed++;
		return false;
	}
	limit->tokens -= 1;
	return true;
}

static bool to_journal(int level, const char *event, const char *sentence)
{
#ifdef WITH_SYSTEMD
	static const int priorities[] = {3, 4, 5, 6, 7};

	return sd_journal_send("MESSAGE=%s: %s", event, sentence, "PRIORITY=%i", priorities[level],
		       "YETT_EVENT=%s", event, "SYSLOG_IDENTIFIER=yettd", NULL) == 0;
#else
	(void)level;
	(void)event;
	(void)sentence;
	return false;
#endif
}

static void put(int level, const char *event, const char *sentence)
{
	char time[32];

	if (target == YETT_LOG_JOURNAL && to_journal(level, event, sentence)) {
		return;
	}
	yett_time_text(yett_clock_wall(&yett_clock_system), time, sizeof(time));
	dprintf(STDERR_FILENO, "%s %s %s: %s\n", time, yett_log_level_name(level), event, sentence);
}

/* A line is one line, whatever a peer put into it. */
static void one_line(char *sentence)
{
	for (char *c = sentence; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			*c = ' ';
		}
	}
}

void yett_log_va(int level, const char *event, const char *format, va_list args)
{
	char sentence[SENTENCE_MAX];
	struct limit *limit;
	yett_log_tap_fn call = NULL;
	void *arg = NULL;

	pthread_mutex_lock(&mutex);
	if (level > max_level || level < YETT_LOG_ERROR) {
		pthread_mutex_unlock(&mutex);
		return;
	}
	limit = limit_of(event);
	if (level == YETT_LOG_ERROR || allowed(limit)) {
		size_t length;

		vsnprintf(sentence, sizeof(sentence), format, args);
		one_line(sentence);
		length = strlen(sentence);
		if (limit->suppressed > 0) {
			snprintf(sentence + length, sizeof(sentence) - length, " suppressed=%u",
				limit->suppressed);
			limit->suppressed = 0;
		}
		put(level, event, sentence);
		call = tap;
		arg = tap_arg;
	}
	pthread_mutex_unlock(&mutex);
	if (call != NULL) {
		call(arg, level, event, sentence);
	}
}

void yett_log(int level, const char *event, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yett_log_va(level, event, format, args);
	va_end(args);
}
