/* Reload: new settings in a running node.
 *
 * Responsible for changing what has changed and nothing else: listeners and upstreams come and go by
 * address and name, and keep their sessions where they stay; the transport reads its certificate
 * again (new sessions use it); auth modules and a changed policy are made anew beside the old and
 * switched; open sessions are judged again. Not responsible for reading the file (conf/). On the
 * loop. A queue or a store with other settings, another name or another state directory need a
 * restart; the answer says so and the node goes on with what it has. */
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

/* `old` is what the node was started with: a change that waits for the restart is told at every reload,
 * and not any more once it is taken back. */
static void tell_restart(
	const struct yett_settings *old, const struct yett_settings *new, struct yett_error *error)
{
	const char *what = NULL;

	if (strcmp(old->node.name, new->node.name) != 0) {
		what = "node.name";
	} else if (strcmp(old->node.state, new->node.state) != 0) {
		what = "node.state";
	} else if (strcmp(old->node.krb5_config, new->node.krb5_config) != 0) {
		what = "node.krb5-config";
	} else if (yett_conf_block_differs(&old->queue, &new->queue) != 0) {
		what = "queue";
	} else if (yett_conf_block_differs(&old->store, &new->store) != 0) {
		what = "store";
	} else if (strcmp(old->admin.socket, new->admin.socket) != 0) {
		what = "admin.socket";
	}
	if (what != NULL) {
		yett_fail(error, YETT_EAGAIN, "restart the daemon to apply it",
			"a change of `%s` is not applied in a running node", what);
	}
}

int yett_node_reload(
	struct yett_node *node, const struct yett_settings *settings, struct yett_error *error)
{
	const struct yett_settings *old = node->settings;
	const struct yett_life *life;
	bool was_relay = node->relay;

	tell_restart(node->started_with, settings, error);
	if ((settings->store.module != NULL) != (node->store != NULL) ||
		(settings->queue.module != NULL) != (node->queue != NULL)) {
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
	return error->code;
}
