/* Views: servers, agents, sessions, queue, upstreams, modules.
 *
 * Responsible for what is shown of the flow's and management's state, in one place for the API, the
 * command and whatever comes. Not responsible for how it travels (admin/) nor for layout (ctl/).
 * On the loop; reads only. A text that is not UTF-8 shows as null rather than failing a view. */
#include "views.h"

#include <string.h>

#include "../../base/id.h"
#include "../../flow/flight.h"
#include "../../flow/stages.h"
#include "../admission/court.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value != NULL ? value : json_null());
}

static void set_text(json_t *object, const char *key, const char *text)
{
	set(object, key, text != NULL && text[0] != '\0' ? json_string(text) : json_null());
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	set(object, key, json_integer((json_int_t)number));
}

static void set_id(json_t *object, const char *key, const struct yett_id *id)
{
	char text[YETT_ID_TEXT_SIZE];

	set_text(object, key, yett_id_is_zero(id) ? NULL : yett_id_text(id, text));
}

static void set_time(json_t *object, const char *key, int64_t wall_ns)
{
	char text[32];

	set_text(object, key, wall_ns != 0 ? yett_time_text(wall_ns, text, sizeof(text)) : NULL);
}

/* "a.b.example" → "a" and "b.example". */
static void set_name(json_t *object, const char *fqdn)
{
	const char *dot = strchr(fqdn, '.');

	set_text(object, "fqdn", fqdn);
	set(object, "name", json_stringn(fqdn, dot != NULL ? (size_t)(dot - fqdn) : strlen(fqdn)));
	set_text(object, "domain", dot != NULL ? dot + 1 : NULL);
}

json_t *yett_view_node(const struct yett_manage *manage)
{
	const struct yett_node *node = yett_manage_node(manage);
	const struct yett_settings *settings = node->settings;
	struct yett_diagnosis verdict;
	json_t *object = json_object();
	char address[128];

	yett_manage_judge_self(manage, &verdict);

	set_name(object, node->name);
	set_text(object, "display_name", settings->node.display_name);
	set_id(object, "id", &node->id);
	set_text(object, "version", PACKAGE_VERSION);
	set_text(object, "role",
		node->store != NULL             ? "management server"
		: node->relay                   ? "gateway"
		: settings->upstreams.count > 0 ? "agent"
						: "idle");
	set(object, "is_gateway", json_boolean(node->relay));
	set_text(object, "health_state", yett_health_text(verdict.health));
	set_text(object, "health_cause", verdict.cause);
	set(object, "maintenance", json_boolean(verdict.maintenance));
	set_time(object, "started", node->started_ns);
	set_number(object, "epoch", node->epoch.ordinal);
	set_text(object, "management_group", settings->group.name);
	set_text(object, "management_group_id", settings->group.id);
	set_number(object, "heartbeat_interval_s", settings->node.heartbeat_ns / YETT_SEC);
	set_number(
		object, "missing_heartbeat_threshold", (uint64_t)settings->node.missing_heartbeats);
	set(object, "request_compression", json_boolean(settings->node.compress));
	set(object, "create_listener", json_boolean(settings->listeners.count > 0));
	set(object, "path_open", json_boolean(node->path.open));
	set_number(object, "path_hops", node->path.count);
	set(object, "listeners", json_array());
	for (guint i = 0; i < node->gates->len; i++) {
		const struct yett_gate *gate = node->gates->pdata[i];
		const struct yett_transport_operations *transport =
			node->transport->module->operations;

		if (transport->endpoint_address(gate->endpoint, address, sizeof(address)) == 0) {
			json_array_append_new(
				json_object_get(object, "listeners"), json_string(address));
		}
	}
	return object;
}

struct listing {
	const struct yett_manage *manage;
	json_t *array;
};

/* What a known node has, whichever list it is in. */
static json_t *known_object(const struct listing *listing, const struct yett_known *known)
{
	const struct yett_node *node = yett_manage_node(listing->manage);
	const struct yett_known *via = yett_manage_find(listing->manage, &known->via);
	const struct yett_server *server = yett_share_find(listing->manage, &known->via);
	struct yett_diagnosis verdict;
	json_t *object = json_object();

	yett_manage_judge(listing->manage, known, &verdict);

	set_name(object, known->name);
	set_text(object, "health_state", yett_health_text(verdict.health));
	set_text(object, "health_cause", verdict.cause);
	set_time(object, "health_since",
		known->health_ns != 0 ? known->health_ns : known->changed_ns);
	set(object, "maintenance", json_boolean(verdict.maintenance));
	set_id(object, "id", &known->id);
	set_text(object, "primary_management_server",
		yett_id_is_zero(&known->via) || yett_id_equal(&known->via, &node->id) ? node->name
		: via != NULL                                                         ? via->name
		: server != NULL                                                      ? server->name
										      : NULL);
	set_text(object, "authentication", known->method);
	set_text(object, "software", known->software);
	set_text(object, "version",
		g_str_has_prefix(known->software, "yett ") ? known->software + 5 : known->software);
	set_text(object, "address", known->address);
	set(object, "is_gateway", json_boolean(known->relay));
	set(object, "connected", json_boolean(known->live));
	set_time(object, "first_seen", known->first_ns);
	set_time(object, "since", known->changed_ns);
	set_time(object, "heard", known->heard_ns);
	return object;
}

json_t *yett_view_known(const struct yett_manage *manage, const struct yett_known *known)
{
	const struct listing listing = {.manage = manage};

	return known_object(&listing, known);
}

static void add_server(void *arg, const struct yett_known *known)
{
	struct listing *listing = arg;

	if (known->relay) {
		json_array_append_new(listing->array, known_object(listing, known));
	}
}

static void add_agent(void *arg, const struct yett_known *known)
{
	struct listing *listing = arg;

	if (!known->relay) {
		json_array_append_new(listing->array, known_object(listing, known));
	}
}

/* The other management servers of the group, as the store has them. */
static void add_far_servers(struct listing *listing)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, listing->manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_server *server = value;
		bool fresh = yett_share_fresh(listing->manage, server);
		bool unheard = yett_share_unheard(listing->manage, server);
		json_t *object = json_object();

		set_name(object, server->name);
		set_id(object, "id", &server->id);
		set_text(object, "health_state", yett_share_health(listing->manage, server));
		set_time(object, "health_since", server->health_ns);
		set_text(object, "health_cause",
			fresh             ? server->cause
			: unheard         ? "not seen since this server started"
			: server->stopped ? "it was stopped"
					  : "it says nothing any more");
		set(object, "maintenance",
			json_boolean(yett_maintenance_of_id(listing->manage, &server->id) != NULL));
		set_text(object, "software", server->software);
		set_text(object, "version",
			g_str_has_prefix(server->software, "yett ") ? server->software + 5
								    : server->software);
		set(object, "is_gateway", json_false());
		set(object, "is_root_management_server", json_true());
		set(object, "connected", json_boolean(fresh));
		set_time(object, "heard", server->seen_ns);
		json_array_append_new(listing->array, object);
	}
}

static void note_name(void *arg, const struct yett_known *known)
{
	g_hash_table_add(arg, (gpointer)(uintptr_t)known->name);
}

static gint by_text(gconstpointer a, gconstpointer b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

/* Who is approved and has never come: it stands with the others, and is not monitored yet. */
static void add_unseen(struct listing *listing, const char *table)
{
	const struct yett_court *court = listing->manage->court;
	GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *unseen = g_ptr_array_new();
	GHashTableIter iter;
	gpointer key, value;

	yett_manage_walk(listing->manage, note_name, names);
	if (court != NULL) {
		g_hash_table_iter_init(&iter, yett_court_table(court, table));
		while (g_hash_table_iter_next(&iter, &key, &value)) {
			if (yett_paper_verdict(value) == YETT_DECIDED_APPROVED &&
				!g_hash_table_contains(names, key)) {
				g_ptr_array_add(unseen, key);
			}
		}
	}
	g_ptr_array_sort(unseen, by_text);
	for (guint i = 0; i < unseen->len; i++) {
		const struct yett_paper *paper = yett_court_find(court, table, unseen->pdata[i]);
		struct yett_known known = {.relay = strcmp(table, YETT_TABLE_GATEWAYS) == 0};
		json_t *object;

		g_strlcpy(known.name, unseen->pdata[i], sizeof(known.name));
		object = known_object(listing, &known);
		set_text(object, "health_cause", "approved, and has not reported yet");
		set_text(object, "primary_management_server", yett_paper_text(paper, "server"));
		json_array_append_new(listing->array, object);
	}
	g_ptr_array_free(unseen, TRUE);
	g_hash_table_unref(names);
}

json_t *yett_view_servers(const struct yett_manage *manage)
{
	struct listing listing = {.manage = manage, .array = json_array()};
	const struct yett_node *node = yett_manage_node(manage);

	if (node->settings->listeners.count > 0) {
		json_t *self = yett_view_node(manage);

		set(self, "is_root_management_server", json_boolean(node->store != NULL));
		set(self, "connected", json_true());
		set_time(self, "health_since", manage->health_ns);
		set_time(self, "since", node->started_ns);
		json_array_append_new(listing.array, self);
	}
	add_far_servers(&listing);
	yett_manage_walk(manage, add_server, &listing);
	add_unseen(&listing, YETT_TABLE_GATEWAYS);
	return listing.array;
}

json_t *yett_view_agents(const struct yett_manage *manage)
{
	struct listing listing = {.manage = manage, .array = json_array()};

	yett_manage_walk(manage, add_agent, &listing);
	add_unseen(&listing, YETT_TABLE_AGENTS);
	return listing.array;
}

/* What a session is held for; NULL: it is not open yet. */
static const char *role_of(const struct yett_peer *peer)
{
	if (peer->state != YETT_PEER_OPEN) {
		return NULL;
	}
	if (peer->superseded_ns != 0 || (peer->link != NULL && peer->link->retiring == peer)) {
		return "retiring";
	}
	return peer->standby ? "standby" : "active";
}

static json_t *session_object(const struct yett_node *node, const struct yett_peer *peer)
{
	json_t *object = json_object();
	uint64_t now_ns = yett_now(node);

	set_text(object, "direction", peer->role == YETT_ROLE_ACCEPTOR ? "in" : "out");
	set_text(object, "state", yett_peer_state_name(peer->state));
	set_text(object, "role", role_of(peer));
	set_text(object, "name",
		peer->name[0] != '\0' ? peer->name
		: peer->link != NULL  ? peer->link->name
				      : NULL);
	set_text(object, "address", peer->address);
	set_text(object, "mechanism", peer->mechanism);
	set_text(object, "principal", peer->principal);
	set_text(object, "authority", peer->authority);
	set(object, "channel_bound", json_boolean(peer->channel_bound));
	set_text(object, "suite", peer->facts != NULL ? peer->facts->suite : NULL);
	set_time(object, "expires", peer->expires_ns);
	set_number(object, "age_ms", (now_ns - peer->opened_ns) / YETT_MS);
	set_number(object, "round_trip_us", peer->rtt_ns / 1000);
	set(object, "clock_offset_ms", json_integer(peer->clock_offset_ns / (int64_t)YETT_MS));
	set(object, "may_speak_for_others", json_boolean(peer->may_proxy));
	set_text(object, "software", peer->software);
	set_number(object, "batches", peer->batches);
	set_number(object, "records", peer->records);
	set_number(object, "bytes", peer->bytes);
	set_number(object, "unsettled_bytes", yett_deliver_unsettled(peer));
	return object;
}

json_t *yett_view_sessions(const struct yett_manage *manage)
{
	const struct yett_node *node = yett_manage_node(manage);
	json_t *array = json_array();

	for (guint i = 0; i < node->peers->len; i++) {
		json_array_append_new(array, session_object(node, node->peers->pdata[i]));
	}
	return array;
}

static const char *const lane_names[YETT_LANES] = {"urgent", "normal", "bulk"};

json_t *yett_view_queue(const struct yett_manage *manage)
{
	const struct yett_node *node = yett_manage_node(manage);
	json_t *object = json_object(), *lanes = json_array();
	int64_t now_ns = yett_clock_wall(node->clock);
	struct yett_queue_view view;
	char why[256] = "";

	set(object, "lanes", lanes);
	if (node->queue == NULL) {
		set_text(object, "note", "this node has no queue: it stores what it takes");
		return object;
	}
	yett_queue_view(node, &view);
	set(object, "durable", json_boolean(view.durable));
	set(object, "degraded", json_boolean(view.stats.degraded != 0));
	set_number(object, "limit_bytes", view.stats.limit_bytes);
	set_number(object, "disk_bytes", view.stats.disk_bytes);
	set_number(object, "segments", view.stats.segments);
	set_number(object, "quarantined_segments", view.stats.quarantined);
	set_number(object, "waiting_batches", view.waiting);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		const struct yett_queue_lane_stats *stats = &view.stats.lanes[lane];
		json_t *row = json_object();

		set_text(row, "lane", lane_names[lane]);
		set_number(row, "batches", stats->entries);
		set_number(row, "records", stats->records);
		set_number(row, "bytes", stats->bytes);
		set_number(row, "limit_bytes", stats->limit_bytes);
		set_number(row, "oldest_age_ms",
			stats->oldest_ns != 0 && now_ns > stats->oldest_ns
				? (uint64_t)(now_ns - stats->oldest_ns) / YETT_MS
				: 0);
		set_number(row, "next_number", stats->next_number);
		json_array_append_new(lanes, row);
	}
	yett_select_explain(yett_manage_node(manage), why, sizeof(why));
	set_text(object, "policy", why);
	set(object, "upstreams", yett_view_upstreams(manage));
	return object;
}

json_t *yett_view_upstreams(const struct yett_manage *manage)
{
	static const char *const states[] = {"down", "connecting", "up", "no path"};
	const struct yett_node *node = yett_manage_node(manage);
	json_t *array = json_array();

	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];
		json_t *object = json_object();

		set_text(object, "name", link->name);
		set_text(object, "state", states[link->state]);
		set_text(object, "role", link->peer != NULL ? role_of(link->peer) : NULL);
		set_number(object, "since_ms", (yett_now(node) - link->since_ns) / YETT_MS);
		set_text(object, "address", link->peer != NULL ? link->peer->address : NULL);
		set_text(object, "error", link->error);
		set_time(object, "proven", link->proven_ns);
		set_number(object, "hops", link->path.count);
		set_number(object, "latency_us", link->latency_ns / 1000);
		set_number(object, "unsettled_bytes",
			link->peer != NULL ? yett_deliver_unsettled(link->peer) : 0);
		json_array_append_new(array, object);
	}
	return array;
}

static int add_module(void *arg, const struct yett_module *module, const char *file)
{
	json_t *object = json_object();
	char abi[32];

	set_text(object, "name", module->name);
	set_text(object, "kind", yett_kind_name(module->kind));
	set_text(object, "version", module->version);
	set_text(object, "licence", module->licence);
	set_text(object, "summary", module->summary);
	g_snprintf(abi, sizeof(abi), "%u.%u", module->abi_major, module->abi_minor);
	set_text(object, "abi", abi);
	set_text(object, "file", file);
	json_array_append_new(arg, object);
	return 0;
}

json_t *yett_view_modules(const struct yett_loader *loader)
{
	json_t *array = json_array();

	yett_loader_walk(loader, add_module, array);
	return array;
}
