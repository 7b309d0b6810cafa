/* What the files of source-journal share. All of it is used by the source's thread alone. */
#ifndef YETT_SOURCE_JOURNAL_H
#define YETT_SOURCE_JOURNAL_H

#include <systemd/sd-journal.h>

#include <yett/module.h>
#include <yett/source.h>

#define JOURNAL_CURSOR_MAX 1024
#define JOURNAL_VALUE_MAX  4096  /* of an attribute; what is longer is cut */
#define JOURNAL_VALUES_MAX 65536 /* of all attributes of an entry */
#define JOURNAL_KEY_MAX    96

enum {
	METRIC_ENTRIES,
	METRIC_FILTERED,
	METRIC_TRUNCATED,
	METRIC_LOST_PLACE,
};

struct settings {
	const char *directory; /* NULL: this computer's journal */
	struct yett_list units;
	struct yett_list matches;
	int32_t priority; /* the least urgent that is told, 0 to 7 */
	uint64_t since_ns;
	uint64_t message_max;
};

/* An entry as a record in the making; text lies in `values`. */
struct entry {
	struct yett_attribute attributes[YETT_RECORD_MAX_ATTRIBUTES];
	size_t count;
	struct yett_text body;
	int priority; /* -1: not given */
	bool truncated;
	char keys[YETT_RECORD_MAX_ATTRIBUTES][JOURNAL_KEY_MAX];
	size_t used; /* of values */
	size_t room;
	char *values; /* JOURNAL_VALUES_MAX for attributes, then message_max for the body */
};

struct journal {
	const struct yett_host *host;
	const struct settings *settings;
	const struct yett_sink *sink; /* of the poll that is under way */
	sd_journal *sd;
	/* The place: the last entry that was told, or seen and filtered. Empty: none yet. */
	char cursor[JOURNAL_CURSOR_MAX];
	bool again;  /* the sink closed before it took the entry that libsystemd stands at */
	bool unsaid; /* the sink does not know the place yet */
	struct entry entry;
};

/* Reads the current entry into `self->entry`. Returns 0 or a negative errno of libsystemd. */
int yett_journal_read(struct journal *self);

/* libsystemd's threshold, over which it need not unpack the rest of a field. */
size_t yett_journal_threshold(const struct settings *settings);

/* Opens the journal at the place, or where a first start begins. */
int yett_journal_open(struct journal *self, struct yett_error *error);
/* Goes to the next entry that is new. 1, 0 (none now) or a negative errno. */
int yett_journal_next(struct journal *self);
/* Makes the current entry the place. */
int yett_journal_keep(struct journal *self);
void yett_journal_close(struct journal *self);

#endif
