/* Reload: new settings in a running node.
 *
 * Responsible for changing what has changed and nothing else: listeners and upstreams come and go by
 * address and name, and keep their sessions where they stay; the transport reads its certificate
 * again (new sessions use it); auth modules and a changed policy are made anew beside the old and
 * switched; open sessions are judged again. Not responsible for reading the file (conf/). On the
 * loop. A queue or a store with other settings, another name or another state directory, and what else
 * tell_restart() knows, need a restart; the answer names all of it, and the node goes on with what it
 * has. */
#include <string.h>

#include "../base/log.h"
#include "../conf/load.h"
#include "stages.h"

static void reload_listeners(
	struct yett_node *node, const struct yett_settings *settings, struct yett_error *error)
{
	const struct yett_listener_settings *items = settings->listeners.items;

	for (guint i = node->gates->len; i > 0; i--) {
		struct yett_gate *gate = node->gates->pdata[i - 1];
		bool stays = false;

		for (size_t j = 0; j < settings->listeners.count; j++) {
			if (strcmp(gate->settings->address, items[j].address) == 0) {
				gate->settings = &items[j];
				stays = true;
				break;
			}
		}
		if (!stays) {
			yett_accept_close(node, gate);
		}
	}
	for (size_t j = 0; j < settings->listeners.count; j++) {
		bool there = false;

		for (guint i = 0; i < node->gates->len; i++) {
			const struct yett_gate *gate = node->gates->pdata[i];

			there = there || gate->settings == &items[j];
		}
		if (!there) {
			yett_accept_open(node, &items[j], error);
		}
	}
}

static void reload_upstreams(
	struct yett_node *node, const struct yett_settings *settings, struct yett_error *error)
{
	const struct yett_upstream_settings *items = settings->upstreams.items;

	for (guint i = node->links->len; i > 0; i--) {
		struct yett_link *link = node->links->pdata[i - 1];
		bool stays = false;

		for (size_t j = 0; j < settings->upstreams.count; j++) {
			if (strcasecmp(link->name, items[j].name) == 0) {
				link->settings = &items[j];
				stays = true;
				break;
			}
		}
		if (!stays) {
			yett_upstream_close(link);
		}
	}
	for (size_t j = 0; j < settings->upstreams.count; j++) {
		bool there = false;

		for (guint i = 0; i < node->links->len; i++) {
			const struct yett_link *link = node->links->pdata[i];

			there = there || link->settings == &items[j];
		}
		if (!there) {
			yett_upstream_open(node, &items[j], error);
		}
	}
}

static bool same_module(const struct yett_block *a, const struct yett_block *b)
{
	return a->descriptor == b->descriptor && (a->module == NULL) == (b->module == NULL);
}

/* `old` is what the node was started with: a change that waits for the restart is told at every reload,
 * and not any more once it is taken back. */
static void tell_restart(
	const struct yett_settings *old, const struct yett_settings *new, struct yett_error *error)
{
	const struct {
		const char *name;
		bool changed;
	} waiting[] = {
		{"node.name", strcmp(old->node.name, new->node.name) != 0},
		{"node.state", strcmp(old->node.state, new->node.state) != 0},
		{"node.user", strcmp(old->node.user, new->node.user) != 0},
		{"node.krb5-config", strcmp(old->node.krb5_config, new->node.krb5_config) != 0},
		{"group.id", strcmp(old->group.id, new->group.id) != 0},
		{"group.kit", strcmp(old->group.kit, new->group.kit) != 0},
		{"transport", !same_module(&old->transport, &new->transport)},
		{"queue", yett_conf_block_differs(&old->queue, &new->queue) != 0},
		{"store", yett_conf_block_differs(&old->store, &new->store) != 0},
		{"admin.socket", strcmp(old->admin.socket, new->admin.socket) != 0},
		{"admin.metrics", strcmp(old->admin.metrics, new->admin.metrics) != 0},
	};
	char list[sizeof(error->text) / 2] = "";
	unsigned count = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(waiting); i++) {
		if (waiting[i].changed) {
			g_strlcat(list, count > 0 ? ", `" : "`", sizeof(list));
			g_strlcat(list, waiting[i].name, sizeof(list));
			g_strlcat(list, "`", sizeof(list));
			count++;
		}
	}
	if (count > 0) {
		yett_fail(error, YETT_EAGAIN, "restart the daemon to apply it",
			"a change of %s is not applied in a running node", list);
	}
}

/* Its role, or a transport that knows nothing of the other one's settings: nothing of it is applied. */
static bool is_another_node(const struct yett_node *node, const struct yett_settings *settings)
{
	return (settings->store.module != NULL) != (node->store != NULL) ||
	       (settings->queue.module != NULL) != (node->queue != NULL) ||
	       !same_module(&node->started_with->transport, &settings->transport);
}

int yett_node_reload(
	struct yett_node *node, const struct yett_settings *settings, struct yett_error *error)
{
	const struct yett_settings *old = node->settings;
	const struct yett_life *life;
	bool was_relay = node->relay;

	if (is_another_node(node, settings)) {
		tell_restart(node->started_with, settings, error);
		return yett_fail(error, YETT_EAGAIN, "restart the daemon",
			"the role of the node changes, which a running node cannot");
	}
	node->settings = settings;
	node->relay = node->world.relay =
		settings->listeners.count > 0 && settings->upstreams.count > 0;
	if (node->transport != NULL) {
		life = node->transport->module->life;
		if (life->reload != NULL) {
			life->reload(node->transport->self, settings->transport.settings, error);
		}
	}
	yett_method_setup(node, error);
	if (node->policy != NULL &&
		(yett_conf_block_differs(&old->policy, &settings->policy) != 0 ||
			node->relay != was_relay)) {
		yett_select_setup(node, error);
	}
	reload_listeners(node, settings, error);
	reload_upstreams(node, settings, error);
	yett_source_reload(node, error);
	yett_admit_judge(node);
	yett_authenticate_judge(node);
	yett_path_update(node);
	if (old->node.drain != settings->node.drain) {
		yett_path_tell_all(node);
	}
	yett_deliver(node);
	tell_restart(node->started_with, settings, error); /* after what went wrong just now */
	return error->code;
}
