/* source-journal: tells what is written to systemd's journal, each entry as an event named
 * journal.message, and goes on after a restart where it was.
 *
 * Its position is a cursor of the journal, given to the sink after each entry, so that whichever
 * entry a batch ends with, the position in it is right. What a filter leaves out moves the position
 * too.
 *
 * This file is the module and the poll; place.c finds the way in the journal, entry.c reads
 * entries. Runs on the source's thread (libsystemd's object belongs to one), which sleeps on the
 * journal's watch and the wake descriptor. An entry that cannot be read is left out and counted. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "journal.h"

#define ENTRIES_AT_ONCE 256 /* then the core has its turn */

static const char *const priorities[] = {
	"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL};

static const uint32_t severities[8] = {YETT_SEVERITY_FATAL, YETT_SEVERITY_ERROR + 2,
	YETT_SEVERITY_ERROR + 1, YETT_SEVERITY_ERROR, YETT_SEVERITY_WARN, YETT_SEVERITY_INFO + 1,
	YETT_SEVERITY_INFO, YETT_SEVERITY_DEBUG};

static int check(const struct yett_host *host, const void *with, struct yett_error *error)
{
	const struct settings *settings = with;
	const char *const *units = settings->units.items;
	const char *const *matches = settings->matches.items;
	struct stat st;

	if (settings->directory != NULL &&
		(stat(settings->directory, &st) != 0 || !S_ISDIR(st.st_mode))) {
		return host->fail(error, YETT_ECONFIG,
			"name a folder with journal files, or leave directory out for this "
			"computer's own journal",
			"%s is no folder", settings->directory);
	}
	for (size_t i = 0; i < settings->units.count; i++) {
		if (units[i][0] == '\0' || strlen(units[i]) > 255) {
			return host->fail(error, YETT_ECONFIG, "write it as \"nginx.service\"",
				"'%s' is no name of a unit", units[i]);
		}
	}
	for (size_t i = 0; i < settings->matches.count; i++) {
		size_t length = strspn(matches[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

		if (length == 0 || length > 64 || matches[i][length] != '=') {
			return host->fail(error, YETT_ECONFIG,
				"write it as \"FIELD=value\", the field in capitals",
				"'%s' is no match for the journal", matches[i]);
		}
	}
	return 0;
}

static void destroy(void *arg)
{
	struct journal *self = arg;

	yett_journal_close(self);
	free(self->entry.values);
	free(self);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct journal *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	self->entry.room = JOURNAL_VALUES_MAX;
	self->entry.values = malloc(JOURNAL_VALUES_MAX + self->settings->message_max);
	if (self->entry.values == NULL) {
		destroy(self);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	if (with->position != NULL && with->position_length > 0) {
		if (with->position_length >= sizeof(self->cursor)) {
			destroy(self);
			return host->fail(error, YETT_ECORRUPT, NULL,
				"the position of %s is longer than a cursor of the journal can be",
				with->name);
		}
		memcpy(self->cursor, with->position, with->position_length);
		self->cursor[with->position_length] = '\0';
	}
	*ret_self = self;
	return 0;
}

static int start(void *arg, struct yett_error *error)
{
	return yett_journal_open(arg, error);
}

static void stop(void *arg)
{
	yett_journal_close(arg);
}

static int tell(struct journal *self)
{
	const struct yett_host *host = self->host;
	struct entry *entry = &self->entry;
	struct yett_record record = {
		.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.name = yett_text("journal.message"),
		.body = entry->body,
		.attributes = entry->attributes,
	};
	uint64_t at_us = 0;
	int r;

	if (sd_journal_get_realtime_usec(self->sd, &at_us) >= 0) {
		record.time_ns = (int64_t)at_us * 1000;
	} else {
		record.time_ns = host->wall_ns(host->instance);
	}
	if (entry->priority >= 0) {
		record.severity = severities[entry->priority];
	}
	if (entry->truncated) {
		entry->attributes[entry->count++] =
			(struct yett_attribute){yett_text("yett.truncated"), yett_value_bool(true)};
		host->metric(host->instance, METRIC_TRUNCATED, 1);
	}
	record.attribute_count = entry->count;
	host->metric(host->instance, METRIC_ENTRIES, 1);
	r = self->sink->record(self->sink->self, YETT_LANE_NORMAL, &record);
	return r == YETT_ELIMIT ? 0 : r;
}

static int say_place(struct journal *self)
{
	int r;

	if (!self->unsaid || self->sink->position == NULL) {
		return 0;
	}
	r = self->sink->position(self->sink->self, self->cursor, strlen(self->cursor));
	self->unsaid = r != 0;
	return r;
}

/* The entry that libsystemd stands at. Returns 1 if it was told, 0 if it was filtered. */
static int take_entry(struct journal *self, struct yett_error *error)
{
	const struct yett_host *host = self->host;
	int r = yett_journal_read(self), priority;
	bool told = false;

	if (r < 0) {
		host->log(host->instance, YETT_LOG_WARNING, "journal-entry-unreadable",
			"an entry of the journal cannot be read whole: %s; what could be read of "
			"it "
			"is told",
			strerror(-r));
		self->entry.truncated = true;
	}
	priority = self->entry.priority >= 0 ? self->entry.priority : 6;
	if (priority <= self->settings->priority) {
		r = tell(self);
		if (r != 0) {
			self->again = true;
			return r;
		}
		told = true;
	} else {
		host->metric(host->instance, METRIC_FILTERED, 1);
	}
	r = yett_journal_keep(self);
	if (r < 0) {
		return host->fail(error, YETT_EIO, NULL,
			"the journal does not say where in it this is: %s", strerror(-r));
	}
	if (told) {
		r = say_place(self);
		return r != 0 ? r : 1;
	}
	return 0;
}

/* Returns how many entries were read, or why not. */
static int take_entries(struct journal *self, struct yett_error *error)
{
	int count = 0, r;

	while (count < ENTRIES_AT_ONCE && (r = yett_journal_next(self)) != 0) {
		if (r < 0) {
			return self->host->fail(error, YETT_EIO,
				"see journalctl --verify; damaged files can be moved away",
				"cannot read the journal: %s", strerror(-r));
		}
		r = take_entry(self, error);
		if (r < 0) {
			return r;
		}
		count++;
	}
	r = say_place(self);
	return r != 0 ? r : count;
}

/* Until the journal changes, the core wants the thread or the time comes. 1: the core does; or a
 * negative errno of libsystemd. */
static int wait_for(struct journal *self, uint64_t until_ns)
{
	struct pollfd fds[2] = {
		{.fd = self->sink->wake_fd, .events = POLLIN}, {.fd = sd_journal_get_fd(self->sd)}};
	uint64_t again_us;
	struct timespec left;
	int events = sd_journal_get_events(self->sd);

	fds[1].events = (short)(events > 0 ? events : POLLIN);
	/* where the watch is not reliable (a network file system), libsystemd wants to look */
	if (sd_journal_get_timeout(self->sd, &again_us) > 0 && again_us < until_ns / 1000) {
		until_ns = again_us * 1000;
	}
	left = yett_time_left(self->host, until_ns);
	if (ppoll(fds, 2, &left, NULL) > 0 && fds[0].revents != 0) {
		return 1;
	}
	events = sd_journal_process(self->sd);
	return events < 0 ? events : 0;
}

static int poll_journal(void *arg, const struct yett_sink *sink, uint64_t deadline_ns,
	uint64_t *ret_next_ns, struct yett_error *error)
{
	struct journal *self = arg;
	const struct yett_host *host = self->host;

	self->sink = sink;
	*ret_next_ns = 0;
	for (;;) {
		int r = take_entries(self, error);

		if (r != 0) {
			return r < 0 ? r : 0;
		}
		if (host->monotonic_ns(host->instance) >= deadline_ns) {
			return 0;
		}
		r = wait_for(self, deadline_ns);
		if (r < 0) {
			return host->fail(error, YETT_EIO, NULL, "cannot watch the journal: %s",
				strerror(-r));
		}
		if (r > 0) {
			return 0;
		}
	}
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};

static const struct yett_source_operations operations = {
	.size = sizeof(operations),
	.poll = poll_journal,
};

#define SECOND INT64_C(1000000000)

static const struct yett_schema schema[] = {
	YETT_ROW_PATH(struct settings, directory, "directory", 0, NULL,
		"A folder with journal files to read instead of this computer's own journal."),
	YETT_ROW_STRINGS(struct settings, units, "units", 0, "[]",
		"Only what these units log, and what systemd logs about them; all if empty."),
	YETT_ROW_STRINGS(struct settings, matches, "matches", 0, "[]",
		"Only entries that match, as \"FIELD=value\": any of those for one field, and all "
		"fields."),
	YETT_ROW_CHOICE(struct settings, priority, "priority", 0, "info", priorities,
		"The least urgent priority that is told. An entry without one counts as info."),
	YETT_ROW_DURATION(struct settings, since_ns, "since", 0, "0 s", 0,
		INT64_C(10) * 366 * 24 * 3600 * SECOND,
		"How far back a first start begins; 0 is with what is written from then on."),
	YETT_ROW_SIZE(struct settings, message_max, "message-max", 0, "64 KiB", 256, 256 * 1024,
		"A message that is longer is cut."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"entries", "{entry}", "Entries that were told.", YETT_METRIC_COUNTER},
	{"filtered", "{entry}", "Entries that were left out by priority.", YETT_METRIC_COUNTER},
	{"truncated", "{entry}", "Entries that were cut.", YETT_METRIC_COUNTER},
	{"place_lost", "{start}", "Starts at which the entry told last was not there any more.",
		YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_SOURCE, .name = "source-journal", .version = "0.1.0",
	.licence = "Apache-2.0", .summary = "Tells what is written to systemd's journal.",
	.life = &life, .operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
