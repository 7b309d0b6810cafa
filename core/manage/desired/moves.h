/* Moves of nodes to other upstreams: on a management server (moves.c), and whether a node would let another
 * one in (expect.c). */
#ifndef YETT_MANAGE_MOVES_H
#define YETT_MANAGE_MOVES_H

#include "../admission/court.h"

void yett_moves_init(struct yett_court *court);
void yett_moves_done(struct yett_court *court);
void yett_moves_tick(struct yett_court *court, uint64_t now_ns);
/* In the place of one that is open. `upstreams` is given: objects with name and address. */
void yett_moves_begin(struct yett_court *court, const char *name, json_t *upstreams, const char *by,
	yett_changed_fn done, void *arg);
/* An open one goes no further: the node's upstreams are its own file's again. */
void yett_moves_cancel(struct yett_court *court, const char *name);
/* Its document while it is on its way; NULL: it is not. */
const struct yett_paper *yett_moves_open(const struct yett_court *court, const char *name);
/* Whether an answer of an upstream was about a node that moves there; then it is taken. */
bool yett_moves_answer(struct yett_court *court, const struct yett_known *upstream,
	const struct yett_applied *message);
/* The Move of doc/openapi.yaml, or null. */
json_t *yett_moves_view(const struct yett_court *court, const char *name);
/* The name of what a node is connected to now, here or elsewhere in the group; "": it is not. */
const char *yett_moves_via(const struct yett_manage *manage, const struct yett_known *known);

/* expect.c: answers whether this node would let in whom a decision is about. */
void yett_expect(struct yett_manage *manage, struct yett_peer *upstream,
	const struct yett_signed_bytes *bytes);

#endif
