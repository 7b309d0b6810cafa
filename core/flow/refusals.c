/* Refusals: who was not let in lately, and why.
 *
 * Responsible for remembering, in memory, the last of those whom this node refused: for people who ask
 * why a node is not there. Not responsible for refusing anybody, nor for the log, which has all of them.
 * On the loop. Bounded: the same from the same address counts up, one address has so many places among
 * strangers, and strangers never take the place of nodes that have proved their names. */
#include <string.h>

#include "stages.h"

#define REMEMBERED_MAX 128 /* of each kind */
#define ONE_ADDRESS    8   /* of strangers */

enum { STRANGERS, NODES };

/* "127.0.0.1:4711" or "[::1]:4711": without the port, which is another one each time. */
static size_t host_length(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon != NULL ? (size_t)(colon - address) : strlen(address);
}

static bool same_host(const char *a, const char *b)
{
	size_t length = host_length(a);

	return length == host_length(b) && memcmp(a, b, length) == 0;
}

static void forget(GQueue *queue, GList *link)
{
	g_free(link->data);
	g_queue_delete_link(queue, link);
}

/* The same again is the same entry; else a new one, for which the oldest makes room. */
static struct yett_refusal *place_for(
	GQueue *queue, const struct yett_failure *failure, const char *name, bool stranger)
{
	struct yett_refusal *refusal;
	GList *last_of_host = NULL;
	unsigned of_host = 0;

	for (GList *link = queue->head; link != NULL; link = link->next) {
		refusal = link->data;
		if (!same_host(refusal->failure.address, failure->address)) {
			continue;
		}
		if (strcmp(refusal->name, name) == 0 &&
			strcmp(refusal->failure.cause, failure->cause) == 0) {
			g_queue_unlink(queue, link);
			g_queue_push_head_link(queue, link);
			return refusal;
		}
		of_host++;
		last_of_host = link;
	}
	if (stranger && of_host >= ONE_ADDRESS) {
		forget(queue, last_of_host);
	} else if (queue->length >= REMEMBERED_MAX) {
		forget(queue, queue->tail);
	}
	refusal = g_new0(struct yett_refusal, 1);
	refusal->first_ns = failure->at_ns;
	g_strlcpy(refusal->name, name, sizeof(refusal->name));
	g_queue_push_head(queue, refusal);
	return refusal;
}

void yett_refusal_note(const struct yett_peer *peer, enum yett_peer_state was)
{
	bool stranger = peer->name[0] == '\0';
	struct yett_failure failure;
	struct yett_refusal *refusal;

	yett_peer_failure(peer, was, &failure);
	refusal = place_for(&peer->node->refusals[stranger ? STRANGERS : NODES], &failure,
		peer->name, stranger);
	refusal->failure = failure;
	refusal->count++;
	if (peer->gate != NULL) {
		g_strlcpy(refusal->listener, peer->gate->settings->address,
			sizeof(refusal->listener));
	}
}

/* Whether a text has the name in it, as a word of its own. */
static bool names(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
		char before = at > text ? at[-1] : ' ', after = at[length];

		if (!g_ascii_isalnum(before) && before != '.' && before != '-' &&
			!g_ascii_isalnum(after) && after != '-' &&
			(after != '.' || !g_ascii_isalnum(at[length + 1]))) {
			return true;
		}
	}
	return false;
}

const struct yett_refusal *yett_refusal_find(const struct yett_node *node, const char *name)
{
	for (const GList *link = node->refusals[NODES].head; link != NULL; link = link->next) {
		const struct yett_refusal *refusal = link->data;

		if (strcmp(refusal->name, name) == 0) {
			return refusal;
		}
	}
	for (const GList *link = node->refusals[STRANGERS].head; link != NULL; link = link->next) {
		const struct yett_refusal *refusal = link->data;

		if (names(refusal->failure.cause, name)) {
			return refusal;
		}
	}
	return NULL;
}

void yett_refusals_done(struct yett_node *node)
{
	for (size_t i = 0; i < G_N_ELEMENTS(node->refusals); i++) {
		g_queue_clear_full(&node->refusals[i], g_free);
	}
}
