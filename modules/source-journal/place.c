/* Where source-journal is in the journal, and how it comes back there.
 *
 * The place is the cursor of the last entry that is done with. At a start the entry of the place is
 * sought: if it is there, the one after it is next. If it is not (it was rotated away), the nearest
 * after it is, and that is said. If all there is lies before it (the journal is another
 * one, or the clock has gone back), it is read from its beginning, and that is said too: rather
 * twice than never.
 *
 * A first start begins `since` ago, or with what is written from now on. Runs on the source's
 * thread. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

static int add_match(sd_journal *sd, const char *text)
{
	return sd_journal_add_match(sd, text, strlen(text));
}

/* (what the unit logs or what the manager logs about it) or … for each unit, and all `matches` */
static int add_matches(struct journal *self)
{
	const char *const *units = self->settings->units.items;
	const char *const *matches = self->settings->matches.items;
	char text[512];
	int r = 0;

	for (size_t i = 0; i < self->settings->units.count && r >= 0; i++) {
		const char *suffix = strchr(units[i], '.') != NULL ? "" : ".service";

		snprintf(text, sizeof(text), "_SYSTEMD_UNIT=%s%s", units[i], suffix);
		r = add_match(self->sd, text);
		r = r < 0 ? r : sd_journal_add_disjunction(self->sd);
		snprintf(text, sizeof(text), "UNIT=%s%s", units[i], suffix);
		r = r < 0 ? r : add_match(self->sd, "_PID=1");
		r = r < 0 ? r : add_match(self->sd, text);
		r = r < 0 ? r : sd_journal_add_disjunction(self->sd);
	}
	r = r < 0 ? r : sd_journal_add_conjunction(self->sd);
	for (size_t i = 0; i < self->settings->matches.count && r >= 0; i++) {
		r = add_match(self->sd, matches[i]);
	}
	return r;
}

int yett_journal_keep(struct journal *self)
{
	char *cursor;
	int r = sd_journal_get_cursor(self->sd, &cursor);

	if (r < 0) {
		return r;
	}
	if (strlen(cursor) >= sizeof(self->cursor)) {
		free(cursor);
		return -E2BIG;
	}
	memcpy(self->cursor, cursor, strlen(cursor) + 1);
	free(cursor);
	self->unsaid = true;
	return 0;
}

/* Without a place. */
static int begin(struct journal *self)
{
	const struct yett_host *host = self->host;
	int r;

	if (self->settings->since_ns > 0) {
		int64_t from_us =
			(host->wall_ns(host->instance) - (int64_t)self->settings->since_ns) / 1000;

		return sd_journal_seek_realtime_usec(self->sd, from_us > 0 ? (uint64_t)from_us : 0);
	}
	/* the tail is only found by a step back from it */
	r = sd_journal_seek_tail(self->sd);
	r = r < 0 ? r : sd_journal_previous(self->sd);
	if (r > 0) {
		return yett_journal_keep(self);
	}
	return r < 0 ? r : sd_journal_seek_head(self->sd);
}

static void say_lost(struct journal *self, const char *what)
{
	const struct yett_host *host = self->host;

	host->metric(host->instance, METRIC_LOST_PLACE, 1);
	host->log(host->instance, YETT_LOG_NOTICE, "journal-place-lost",
		"the entry of the journal that was told last is not there any more; going "
		"on with %s cursor=%s",
		what, self->cursor);
}

/* To the place, or before the nearest entry after it. */
static int resume(struct journal *self)
{
	uint64_t at_us = 0;
	char what[96];
	int r = sd_journal_seek_cursor(self->sd, self->cursor);

	if (r == -EINVAL) {
		say_lost(self, "what a first start begins with, since that is no cursor at all");
		return begin(self);
	}
	r = r < 0 ? r : sd_journal_next(self->sd);
	if (r < 0) {
		return r;
	}
	if (r == 0) {
		say_lost(self, "the first entry there is, since all of them are older than it");
		return sd_journal_seek_head(self->sd);
	}
	if (sd_journal_test_cursor(self->sd, self->cursor) > 0) {
		return 0;
	}
	sd_journal_get_realtime_usec(self->sd, &at_us);
	snprintf(what, sizeof(what), "the nearest after it, of Unix time %llu.%06llu",
		(unsigned long long)(at_us / 1000000), (unsigned long long)(at_us % 1000000));
	say_lost(self, what);
	r = sd_journal_previous(self->sd);
	return r == 0 ? sd_journal_seek_head(self->sd) : r;
}

int yett_journal_open(struct journal *self, struct yett_error *error)
{
	const struct yett_host *host = self->host;
	const char *directory = self->settings->directory;
	int r;

	self->again = false;
	r = directory != NULL
		    ? sd_journal_open_directory(&self->sd, directory, 0)
		    : sd_journal_open(&self->sd, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (r < 0) {
		self->sd = NULL;
		return host->fail(error, r == -EACCES ? YETT_EPERM : YETT_EUNAVAIL,
			"see that the user that the daemon runs as may read it (group "
			"systemd-journal), and that directory is right",
			"cannot open the journal%s%s: %s", directory != NULL ? " in " : "",
			directory != NULL ? directory : "", strerror(-r));
	}
	if (directory == NULL && sd_journal_has_runtime_files(self->sd) <= 0 &&
		sd_journal_has_persistent_files(self->sd) <= 0) {
		host->log(host->instance, YETT_LOG_WARNING, "journal-empty",
			"there is no journal that can be read; if this computer has one, put the "
			"user that the daemon runs as into the group systemd-journal");
	}
	/* the watch must be there before the first reading: nothing between is missed */
	r = sd_journal_get_fd(self->sd);
	r = r < 0 ? r
		  : sd_journal_set_data_threshold(self->sd, yett_journal_threshold(self->settings));
	if (r >= 0) {
		r = self->cursor[0] != '\0' ? resume(self) : begin(self);
	}
	/* only now: the entry of the place may be one that is filtered */
	r = r < 0 ? r : add_matches(self);
	if (r < 0) {
		yett_journal_close(self);
		return host->fail(
			error, YETT_EIO, NULL, "cannot read the journal: %s", strerror(-r));
	}
	return 0;
}

int yett_journal_next(struct journal *self)
{
	if (self->again) {
		self->again = false;
		return 1;
	}
	return sd_journal_next(self->sd);
}

void yett_journal_close(struct journal *self)
{
	if (self->sd != NULL) {
		sd_journal_close(self->sd);
		self->sd = NULL;
	}
}
