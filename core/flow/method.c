/* Methods: the auth modules that are configured, and which of them a session may use.
 *
 * Responsible for making their instances (a reload makes them anew, and switches), for the threads of
 * initiators, and for the list of methods that a HELLO offers: those that the listener or upstream allows,
 * in its order, and that could be used now; with them the realm that one of them is of. Not responsible for
 * the dialogue (authenticate.c). On the loop. A replaced instance goes with its last authentication. */
#include <string.h>

#include "stages.h"

#define INITIATOR_THREADS 2 /* of each method */

void yett_method_unref(struct yett_auth_slot *slot)
{
	if (--slot->references == 0 && slot->replaced) {
		yett_instance_free(slot->instance);
		g_free(slot);
	}
}

/* Made once for a method, and kept through reloads: jobs may be under way. */
static int find_initiators(
	struct yett_node *node, struct yett_auth_slot *slot, struct yett_error *error)
{
	const char *method = slot->operations->method;
	int result = 0;

	slot->initiators = g_hash_table_lookup(node->initiators, method);
	if (slot->initiators != NULL) {
		return 0;
	}
	if (node->inline_executors) {
		slot->initiators = yett_executor_inline_new(node->loop);
	} else {
		result = yett_executor_new(
			node->loop, "initiator", INITIATOR_THREADS, &slot->initiators, error);
	}
	if (result == 0) {
		g_hash_table_insert(node->initiators, g_strdup(method), slot->initiators);
	}
	return result;
}

int yett_method_setup(struct yett_node *node, struct yett_error *error)
{
	const struct yett_settings *settings = node->settings;
	GPtrArray *slots = g_ptr_array_new();
	int result = 0;

	for (size_t i = 0; i < settings->authentication.count && result == 0; i++) {
		struct yett_auth_slot *slot = g_new0(struct yett_auth_slot, 1);

		slot->block = &((const struct yett_block *)settings->authentication.items)[i];
		slot->operations = slot->block->descriptor->operations;
		result = find_initiators(node, slot, error);
		g_ptr_array_add(slots, slot);
		if (result == 0) {
			result = yett_instance_new(&node->world, slot->block->descriptor,
				slot->block->name, slot->block->settings, NULL, 0, &slot->instance,
				error);
		}
		if (result == 0) {
			result = yett_instance_start(slot->instance, error);
		}
	}
	if (result != 0) {
		for (guint i = 0; i < slots->len; i++) {
			struct yett_auth_slot *slot = slots->pdata[i];

			yett_instance_free(slot->instance);
			g_free(slot);
		}
		g_ptr_array_free(slots, TRUE);
		return result;
	}
	/* The new ones are there: the old ones go with their last authentication. */
	yett_method_done(node);
	node->auths = slots;
	return 0;
}

void yett_method_stop(struct yett_node *node)
{
	for (guint i = 0; node->auths != NULL && i < node->auths->len; i++) {
		yett_instance_stop(((struct yett_auth_slot *)node->auths->pdata[i])->instance);
	}
}

void yett_method_done(struct yett_node *node)
{
	for (guint i = 0; node->auths != NULL && i < node->auths->len; i++) {
		struct yett_auth_slot *slot = node->auths->pdata[i];

		slot->replaced = true;
		slot->references++;
		yett_method_unref(slot);
	}
	if (node->auths != NULL) {
		g_ptr_array_free(node->auths, TRUE);
		node->auths = NULL;
	}
}

static const struct yett_list *allowed_methods(const struct yett_peer *peer)
{
	return peer->gate != NULL ? &peer->gate->settings->methods : &peer->link->settings->methods;
}

static bool list_has(const struct yett_list *list, const char *method)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(((const char **)list->items)[i], method) == 0) {
			return true;
		}
	}
	return list->count == 0;
}

struct yett_auth_slot *yett_method_find(const struct yett_peer *peer, const char *method)
{
	for (guint i = 0; i < peer->node->auths->len; i++) {
		struct yett_auth_slot *slot = peer->node->auths->pdata[i];

		if (strcmp(slot->operations->method, method) == 0 &&
			list_has(allowed_methods(peer), method)) {
			return slot;
		}
	}
	return NULL;
}

bool yett_method_ready(const struct yett_auth_slot *slot, uint32_t role, struct yett_error *error)
{
	return slot->operations->ready == NULL ||
	       slot->operations->ready(slot->instance->self, role, error) == 0;
}

void yett_method_prepare(struct yett_peer *peer)
{
	const struct yett_transport_operations *transport =
		peer->node->transport->module->operations;

	for (guint i = 0; i < peer->node->auths->len; i++) {
		struct yett_auth_slot *slot = peer->node->auths->pdata[i];

		if ((slot->operations->flags & YETT_AUTH_CERTIFICATES) != 0 &&
			list_has(allowed_methods(peer), slot->operations->method)) {
			return;
		}
	}
	if (transport->without_certificates != NULL) {
		transport->without_certificates(peer->channel);
	}
}

static void offer(const struct yett_peer *peer, const char *method, struct yett_hello *hello)
{
	struct yett_auth_slot *slot = yett_method_find(peer, method);

	if (slot != NULL && yett_method_ready(slot, peer->role, NULL) &&
		hello->method_count < YETT_METHODS_MAX) {
		g_strlcpy(hello->methods[hello->method_count++], method, YETT_METHOD_NAME_SIZE);
		if (peer->role == YETT_ROLE_ACCEPTOR && slot->operations->realm != NULL) {
			g_strlcpy(hello->realm, slot->operations->realm(slot->instance->self),
				sizeof(hello->realm));
		}
	}
}

void yett_method_offer(const struct yett_peer *peer, struct yett_hello *hello)
{
	const struct yett_list *allowed = allowed_methods(peer);

	/* In the order of the listener's own list, if it has one. */
	for (size_t i = 0; i < allowed->count; i++) {
		offer(peer, ((const char **)allowed->items)[i], hello);
	}
	for (guint i = 0; allowed->count == 0 && i < peer->node->auths->len; i++) {
		struct yett_auth_slot *slot = peer->node->auths->pdata[i];

		offer(peer, slot->operations->method, hello);
	}
}
