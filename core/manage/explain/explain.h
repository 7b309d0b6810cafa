/* Explanations: why a node's data arrives, or does not. One struct collects what was seen, step by step;
 * shared by explain.c (this node's own way), explain-node.c (another node, from here) and ends.c (the
 * other ends). On the loop. */
#ifndef YETT_MANAGE_EXPLAIN_H
#define YETT_MANAGE_EXPLAIN_H

#include "../internal.h"

enum yett_explained {
	YETT_EXPLAINED_WELL = 0,
	YETT_EXPLAINED_UNKNOWN,  /* it is too early to say */
	YETT_EXPLAINED_DEGRADED, /* it works, and something is wrong */
	YETT_EXPLAINED_BLOCKED,
};

enum yett_step_state {
	YETT_STEP_OK = 0,
	YETT_STEP_WARNING,
	YETT_STEP_FAILED,
	YETT_STEP_NOT_REACHED,
};

struct yett_explanation {
	json_t *steps;
	enum yett_explained state;
	const char *blocked_at; /* the step; NULL: none */
	char cause[640], mend[320];
};

void yett_explain_init(struct yett_explanation *explanation);
/* `about`: the upstream or the gateway that it is about, or NULL. */
void yett_explain_step(struct yett_explanation *explanation, const char *step, const char *about,
	enum yett_step_state state, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What weighs most counts; of the same weight, what was said first. `mend` may be NULL. */
void yett_explain_cause(struct yett_explanation *explanation, enum yett_explained state,
	const char *step, const char *mend, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The answer (doc/openapi.yaml: Explanation); the steps are given away. */
json_t *yett_explain_json(
	struct yett_explanation *explanation, const char *node, const char *seen_from);

/* explain.c: this node's own way. */
void yett_explain_self(struct yett_manage *manage, struct yett_explanation *ret_explanation);
/* explain-node.c: what is known here of another one. False: nothing is, and `error` says so. */
bool yett_explain_other(struct yett_manage *manage, const char *name,
	struct yett_explanation *ret_explanation, char ret_name[YETT_NODE_NAME_SIZE],
	struct yett_error *error);

/* A name as people write it, in full; the node, or NULL where it has never been in here. False: nobody is
 * called so, and `error` says so. */
bool yett_explain_find(const struct yett_manage *manage, const char *text,
	char ret_name[YETT_NODE_NAME_SIZE], const struct yett_known **ret_known,
	struct yett_error *error);

/* "3.2 s", "4 min": for sentences. */
const char *yett_explain_span(uint64_t span_ns, char ret_text[32]);

#endif
