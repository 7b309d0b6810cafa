/* What a node keeps of what it should be like: the file `desired`. */
#ifndef YETT_MANAGE_AIMED_H
#define YETT_MANAGE_AIMED_H

#include "../../conf/load.h"
#include "../group/signed.h"

#define YETT_AIMED_FILE_MAX ((size_t)2 * YETT_DESIRED_MAX + 1024)

/* One desired state, as it was signed. */
struct yett_aimed_one {
	bool there;
	bool stale; /* signed by keys that count no more: any newer word takes its place */
	GByteArray *bytes;
	struct yett_desired desired;
};

struct yett_aimed {
	struct yett_aimed_one newest;  /* whatever came of it: an older one counts no more */
	struct yett_aimed_one settled; /* the one to be in force, or to go back to */
	uint32_t state; /* enum yett_applied_state, of the newest; 0: there is none */
	int64_t since_s;
	char why[YETT_CAUSE_SIZE];
};

struct yett_aimed *yett_aimed_new(void);
void yett_aimed_free(struct yett_aimed *aimed);
void yett_aimed_set(struct yett_aimed_one *one, const struct yett_desired *desired,
	const uint8_t *bytes, size_t length);
void yett_aimed_copy(struct yett_aimed_one *to, const struct yett_aimed_one *from);
/* The group's key was in other hands: what these keys have not signed is stale from now on. */
void yett_aimed_distrust(struct yett_aimed *aimed, const struct yett_trust *trust);
/* By generation and revision: < 0, 0, > 0. */
int yett_aimed_compare(const struct yett_desired *a, const struct yett_desired *b);

/* aim.c: the settings of a node with what is desired of it over them (conf/load.h, yett_conf_overlay);
 * `ret_why`: the first problem. */
int yett_desired_overlay(const struct yett_settings *base, const struct yett_desired *desired,
	const struct yett_settings *keep, yett_pinned_fn pinned, void *arg,
	struct yett_conf **ret_conf, char ret_why[YETT_CAUSE_SIZE]);

/* Reads the file: each part counts if a key of `trust`, or of a rollover that follows it, has signed it
 * for `node`. Returns whether all of it did. */
bool yett_aimed_read(struct yett_aimed *aimed, const struct yett_trust *trust,
	const GPtrArray *rollovers, const char *node, const uint8_t *bytes, size_t length);
GByteArray *yett_aimed_write(const struct yett_aimed *aimed);

#endif
