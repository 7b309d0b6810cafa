/* The log of the process.
 *
 * Responsible for one line an event, on stderr or in the journal, for the rate limit of each event
 * name, for fields that are those of the format and of nobody whose words stand in the sentence, and for the tap
 * through which management sees events. Not responsible for what is worth a
 * line. Any thread; a mutex guards the limits, and no lock is held while a line is written. Where the
 * journal cannot be reached the line goes to stderr. */
#ifdef HAVE_CONFIG_H
#	include <config.h>
#endif

#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef WITH_SYSTEMD
#	include <sys/uio.h>
#	include <systemd/sd-journal.h>
#endif

#include "clock.h"
#include "fields.h"

#define EVENTS_MAX   256
#define BURST        20
#define SENTENCE_MAX 2048
#define APPENDED_MAX 128 /* of it: fields that come behind those of the format */
#define FIELDS_MAX   16
#define FIELD_MAX    512

struct limit {
	char event[48];
	double tokens;
	uint64_t refilled_ns;
	unsigned suppressed;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum yett_log_target target = YETT_LOG_STDERR;
static int max_level = YETT_LOG_NOTICE;
static pthread_rwlock_t tap_lock = PTHREAD_RWLOCK_INITIALIZER;
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
	pthread_rwlock_wrlock(&tap_lock); /* on return the former one is called no more */
	tap = new_tap;
	tap_arg = arg;
	pthread_rwlock_unlock(&tap_lock);
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

#ifdef WITH_SYSTEMD
static char identifier[] = "SYSLOG_IDENTIFIER=yettd"; /* not const: so an iovec has it */

/* peer=a → YETT_PEER=a: the journal's names are capitals, digits and _. */
static size_t journal_field(const struct yett_field *field, char ret_text[FIELD_MAX])
{
	size_t n = (size_t)snprintf(ret_text, FIELD_MAX, "YETT_%.*s=%s",
		(int)(field->key_length < 40 ? field->key_length : 40), field->key, field->value);

	for (char *c = ret_text; *c != '='; c++) {
		*c = (char)(*c >= 'a' && *c <= 'z'                                 ? *c - 'a' + 'A'
			    : (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ? *c
										   : '_');
	}
	return n < FIELD_MAX ? n : FIELD_MAX - 1;
}
#endif

/* libsystemd reports success where there is no journal at all: so look first. */
static bool to_journal(int level, const char *event, const char *sentence)
{
#ifdef WITH_SYSTEMD
	static const int priorities[] = {3, 4, 5, 6, 7};
	char head[3][SENTENCE_MAX + 64], copy[SENTENCE_MAX], texts[FIELDS_MAX][FIELD_MAX];
	struct yett_field fields[FIELDS_MAX];
	struct iovec parts[4 + FIELDS_MAX];
	size_t count, n = 0;

	if (access("/run/systemd/journal/socket", W_OK) != 0) {
		return false;
	}
	snprintf(head[0], sizeof(head[0]), "MESSAGE=%s: %s", event, sentence);
	snprintf(head[1], sizeof(head[1]), "PRIORITY=%d", priorities[level]);
	snprintf(head[2], sizeof(head[2]), "YETT_EVENT=%s", event);
	for (; n < 3; n++) {
		parts[n] = (struct iovec){head[n], strlen(head[n])};
	}
	parts[n++] = (struct iovec){identifier, sizeof(identifier) - 1};
	snprintf(copy, sizeof(copy), "%s", sentence);
	count = yett_fields_take(copy, fields, FIELDS_MAX);
	for (size_t i = 0; i < count; i++) {
		parts[n++] = (struct iovec){texts[i], journal_field(&fields[i], texts[i])};
	}
	return sd_journal_sendv(parts, (int)n) == 0;
#else
	(void)level;
	(void)event;
	(void)sentence;
	return false;
#endif
}

static void put(enum yett_log_target to, int level, const char *event, const char *sentence)
{
	char line[SENTENCE_MAX + 128], time[32];
	int length;

	if (to == YETT_LOG_JOURNAL && to_journal(level, event, sentence)) {
		return;
	}
	yett_time_text(yett_clock_wall(&yett_clock_system), time, sizeof(time));
	length = snprintf(line, sizeof(line), "%s %s %.64s: %s\n", time, yett_log_level_name(level),
		event, sentence);
	/* One write, so that lines of several threads do not mix. */
	if (write(STDERR_FILENO, line, (size_t)length) < 0) {
		return; /* there is nobody left to tell */
	}
}

/* A line is one line, whatever a peer put into it; nor does it command a terminal (C0, C1). */
static void one_line(char *sentence)
{
	for (unsigned char *c = (unsigned char *)sentence; *c != '\0'; c++) {
		if (*c < 0x20 || *c == 0x7f) {
			*c = ' ';
		} else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
			c[0] = c[1] = ' ';
		}
	}
}

/* Whether the line is to be written, and where; how many like it were not. */
static bool admit(
	int level, const char *event, enum yett_log_target *ret_target, unsigned *ret_suppressed)
{
	bool yes = false;

	pthread_mutex_lock(&mutex);
	if (level <= max_level && level >= YETT_LOG_ERROR) {
		struct limit *limit = limit_of(event);

		yes = level == YETT_LOG_ERROR || allowed(limit);
		*ret_target = target;
		*ret_suppressed = limit->suppressed;
		if (yes) {
			limit->suppressed = 0;
		}
	}
	pthread_mutex_unlock(&mutex);
	return yes;
}

/* What the tap itself logs is written, but not tapped again. */
static void call_tap(int level, const char *event, const char *sentence)
{
	static __thread bool tapping;

	if (tapping) {
		return;
	}
	tapping = true;
	pthread_rwlock_rdlock(&tap_lock);
	if (tap != NULL) {
		tap(tap_arg, level, event, sentence);
	}
	pthread_rwlock_unlock(&tap_lock);
	tapping = false;
}

static void append(char *sentence, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *sentence, const char *format, ...)
{
	size_t length = strlen(sentence);
	va_list args;

	va_start(args, format);
	vsnprintf(sentence + length, SENTENCE_MAX - length, format, args);
	va_end(args);
}

void yett_log_module(
	int level, const char *event, const char *module, const char *format, va_list args)
{
	char sentence[SENTENCE_MAX];
	enum yett_log_target to;
	unsigned suppressed;

	if (!admit(level, event, &to, &suppressed)) {
		return;
	}
	vsnprintf(sentence, sizeof(sentence) - APPENDED_MAX, format, args);
	one_line(sentence);
	yett_fields_guard(sentence, format);
	if (module != NULL) {
		append(sentence, " module=%.64s", module);
	}
	if (suppressed > 0) {
		append(sentence, " suppressed=%u", suppressed);
	}
	put(to, level, event, sentence);
	call_tap(level, event, sentence);
}

void yett_log_va(int level, const char *event, const char *format, va_list args)
{
	yett_log_module(level, event, NULL, format, args);
}

void yett_log(int level, const char *event, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yett_log_va(level, event, format, args);
	va_end(args);
}
