/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind `policy` (stable): which upstream the next batch goes to. Pure: no I/O, no clock of its
 * own; time and chance come through the host. Runs on the loop and must return at once.
 */
#ifndef YETT_POLICY_H
#define YETT_POLICY_H

#include <yett/module.h>

enum yett_upstream_state {
	YETT_UPSTREAM_DOWN = 0,
	YETT_UPSTREAM_CONNECTING = 1,
	YETT_UPSTREAM_UP = 2,      /* a session, and a path to a store, are there */
	YETT_UPSTREAM_NO_PATH = 3, /* a session is up, but its far end has no way to a store */
};

/* What the policy may know of an upstream. In the order of the configuration. */
struct yett_upstream {
	uint32_t size;
	uint32_t state;
	const char *name;
	uint64_t since_ns;   /* monotonic: in this state since */
	uint64_t unsettled;  /* bytes sent to it and not acknowledged */
	uint64_t latency_ns; /* smoothed time from sending to acknowledgement; 0 unknown */
	uint32_t usable;     /* 1: it would take a batch now */
	uint32_t priority;   /* from the configuration: 0 is preferred */
	uint64_t stalled_ns; /* so long it has acknowledged nothing of what is unsettled; or 0 */
};

/* What a session to an upstream is of use for. */
enum yett_wanted {
	YETT_WANTED_NOT = 0,
	YETT_WANTED = 1,         /* to be used */
	YETT_WANTED_STANDBY = 2, /* to be there when it is needed: it carries nothing meanwhile */
};

#define YETT_POLICY_NONE UINT32_MAX

struct yett_policy_operations {
	uint32_t size;
	uint32_t reserved;
	/* What changed. The table is borrowed; its order and length stay until the next update. */
	void (*update)(void *self, const struct yett_upstream *upstreams, size_t count);
	/* The index of the upstream for the next batch, or YETT_POLICY_NONE to keep it for now.
	 * One that is UP and not `usable` is waited for; any other that is not usable is a mistake
	 * of the policy, which is logged, and nothing is sent.
	 * Called again whenever an upstream changes, or the earliest `ret_again_ns` (monotonic; 0:
	 * not) of all lanes comes; it may be called sooner than it asked for.
	 * `update` was called with the same table just before. */
	uint32_t (*pick)(void *self, uint32_t lane, uint64_t *ret_again_ns);
	/* Whether the core should hold a session to this upstream now, and what for: enum
	 * yett_wanted (optional: all of them, to be used). What is picked is used, whatever this
	 * says. Follows an `update` too. */
	int (*wanted)(void *self, uint32_t index);
	/* Why the choice is what it is, in a sentence; returns its length (optional). */
	int (*explain)(void *self, char *ret_text, size_t size);
};

#endif
