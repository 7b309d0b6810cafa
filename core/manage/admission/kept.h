/* Decisions that a gateway keeps: what the group has signed, as far as it counts here. */
#ifndef YETT_MANAGE_KEPT_H
#define YETT_MANAGE_KEPT_H

#include "../group/signed.h"

#include "../../base/clock.h"

#define YETT_KEPT_MAX      10000 /* decisions that bar or take away, and as many others */
#define YETT_KEPT_FILE_MAX ((size_t)32 * 1024 * 1024)

struct yett_kept_one {
	struct yett_decision decision;
	GByteArray *bytes; /* as signed */
	int64_t until_s;   /* what it has replaced could have counted so long */
	bool away;         /* what it has replaced let somebody in whom this one does not */
	bool stale;        /* it bars, by keys that count no more: any newer word takes its place */
	bool sudden;       /* what it replaced did so until then, or let a list let him in */
};

struct yett_kept {
	const struct yett_clock *clock;
	struct yett_trust trust;
	GHashTable *decisions; /* name → struct yett_kept_one */
	GPtrArray *rollovers; /* GByteArray: how the trust came here from the installation file's */
	int64_t latest_s;     /* the latest time that the group has signed: no clock is before it */
	uint32_t max;         /* YETT_KEPT_MAX, or fewer in a test */
	uint32_t held;        /* decisions that bar or take away: they make no room for others */
	bool missed;          /* there are others that are barred, for which there was no room */
	uint64_t missed_ns;   /* monotonic: since then; 0: since before this start */
	bool changed;         /* since it was written */
	bool compromised;     /* the key before the present one is in other hands */
	uint32_t ended;       /* decisions that ended with it */
	bool unsaved_no;      /* gate.c: the file would let in somebody who is barred since */
	uint64_t saved_ns, renewed_ns; /* gate.c; monotonic */
	uint64_t ask_ns;               /* the same: whoever is here is asked for anew; 0: not */
};

struct yett_kept *yett_kept_new(const struct yett_clock *clock, const struct yett_trust *trust);
void yett_kept_free(struct yett_kept *kept);

/* Takes what is signed: 1 it is news (a decision: *ret_name is its name, borrowed; else NULL), 0 it is
 * known or older, YETT_EPROTO, YETT_EDENIED; YETT_ELIMIT: it bars, and there is no room for it. */
int yett_kept_take(struct yett_kept *kept, const uint8_t *bytes, size_t length,
	const char **ret_name, struct yett_error *error);
/* Newest of a name, whether it still counts or not; NULL: none. */
const struct yett_kept_one *yett_kept_find(const struct yett_kept *kept, const char *name);
/* Whether it counts now. One that bars counts until a newer one comes. */
bool yett_kept_counts(const struct yett_kept *kept, const struct yett_kept_one *one);
bool yett_kept_bars(const struct yett_kept_one *one);
/* Whether who still has what it replaced would let somebody in, and has to hear of it. */
bool yett_kept_away(const struct yett_kept *kept, const struct yett_kept_one *one);
/* Unix time, never before what the group has signed last. */
int64_t yett_kept_now_s(const struct yett_kept *kept);

/* The file: what is not understood or does not count is passed over. Returns how many that were. */
uint32_t yett_kept_read(struct yett_kept *kept, const uint8_t *bytes, size_t length);
GByteArray *yett_kept_write(const struct yett_kept *kept);

#endif
