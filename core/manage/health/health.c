/* The health of a node, as views show it and alerts are raised for it.
 *
 * Responsible for judging what is known of a node: its sessions and heartbeats, here (known.c) or at
 * another management server (share.c), what it says of itself, and what monitoring plugins said on it
 * (checks.c); and for telling what is its own fault from what is its gateway's. Not responsible for
 * keeping any of it, nor for what follows (alerts.c). On the loop; `judge` is pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../conf/units.h"
#include "../../flow/stages.h"
#include "../desired/properties.h"
#include "../internal.h"

#define WAYS_DEEP 8 /* gateways behind gateways */

const char *yett_health_text(enum yett_health health)
{
	static const char *const texts[] = {
		"Not monitored", "Healthy", "Warning", "Critical", "Unreachable"};

	return texts[health];
}

static void say(struct yett_diagnosis *verdict, enum yett_health health, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct yett_diagnosis *verdict, enum yett_health health, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verdict->cause, sizeof(verdict->cause), format, args);
	va_end(args);
	yett_text_trim(verdict->cause);
	verdict->health = health;
}

/* What a node is judged by: what was set for it, which the schema has been held against; else what this
 * node's own file says of all of them. */
static uint64_t missing_most(const struct yett_manage *manage, const struct yett_known *known)
{
	const char *wished =
		yett_property_wished(manage->court, known->name, "node.missing-heartbeats");
	uint64_t most = wished != NULL ? g_ascii_strtoull(wished, NULL, 10) : 0;

	return most > 0 ? most : (uint64_t)manage->node->settings->node.missing_heartbeats;
}

uint64_t yett_backlog_warning_ns(const struct yett_manage *manage, const struct yett_known *known)
{
	const char *wished =
		yett_property_wished(manage->court, known->name, "node.backlog-warning");
	uint64_t ns;

	if (wished != NULL) {
		bool bare = wished[strspn(wished, "0123456789")] == '\0';
		g_autofree char *text = g_strconcat(wished, bare ? " s" : "", NULL);

		if (yett_duration_parse(text, &ns, NULL) == 0) {
			return ns;
		}
	}
	return manage->node->settings->node.backlog_warning_ns;
}

/* The heartbeats of a node come as often as it sends them, and as those that pass them on do. */
static uint64_t patience_ns(const struct yett_manage *manage, const struct yett_known *known)
{
	const struct yett_settings *settings = manage->node->settings;
	const struct yett_known *via = yett_manage_find(manage, &known->via);
	uint64_t interval_ns = settings->node.heartbeat_ns;

	interval_ns = MAX(interval_ns, known->interval_s * YETT_SEC);
	interval_ns = MAX(interval_ns, via != NULL ? via->interval_s * YETT_SEC : 0);
	return interval_ns * missing_most(manage, known);
}

static void judge_way(const struct yett_manage *manage, const struct yett_known *known,
	unsigned depth, struct yett_diagnosis *verdict);

/* What it was connected to is gone itself: that is told there, once. What that is may have to be waited
 * for, since it is not missed at the same moment. */
static bool is_behind(const struct yett_manage *manage, const struct yett_known *known,
	unsigned depth, struct yett_diagnosis *verdict)
{
	const struct yett_known *via = yett_manage_find(manage, &known->via);
	const struct yett_server *server = yett_share_find(manage, &known->via);
	struct yett_diagnosis above = {0};

	if (depth >= WAYS_DEEP) {
		return false;
	}
	if (via != NULL && via != known) {
		judge_way(manage, via, depth + 1, &above);
		if (above.health == YETT_HEALTH_UNREACHABLE) {
			verdict->behind = yett_id_is_zero(&above.behind) ? via->id : above.behind;
			say(verdict, YETT_HEALTH_UNREACHABLE,
				"behind gateway %s, which is unreachable", via->name);
			return true;
		}
		if (!via->live && !yett_share_has(manage, via)) {
			say(verdict, YETT_HEALTH_WARNING, "behind gateway %s, which has just gone",
				via->name);
			return true;
		}
		return false;
	}
	if (server != NULL && !yett_share_fresh(manage, server)) {
		verdict->behind = server->id;
		say(verdict, YETT_HEALTH_UNREACHABLE,
			"behind management server %s, which is unreachable", server->name);
		return true;
	}
	return false;
}

/* Since when it could be here and is not: when its gateway has just come back, those behind it take
 * a while to find it again. */
static uint64_t missed_since_ns(
	const struct yett_manage *manage, const struct yett_known *known, uint64_t *ret_grace_ns)
{
	const struct yett_settings *settings = manage->node->settings;
	const struct yett_known *via = yett_manage_find(manage, &known->via);
	const struct yett_server *server = yett_share_find(manage, &known->via);
	uint64_t back_ns = via == NULL || via == known   ? 0
			   : via->live                   ? via->live_at_ns
			   : yett_share_has(manage, via) ? via->far_at_ns
							 : 0;

	*ret_grace_ns = settings->node.gone_grace_ns;
	if (back_ns > known->gone_at_ns) {
		*ret_grace_ns += settings->node.reconnect_max_ns;
		return back_ns;
	}
	if (server != NULL && yett_share_fresh(manage, server) &&
		server->back_at_ns > known->gone_at_ns) {
		*ret_grace_ns += settings->node.reconnect_max_ns;
		return server->back_at_ns;
	}
	return known->gone_at_ns;
}

static void judge_gone(const struct yett_manage *manage, const struct yett_known *known,
	unsigned depth, struct yett_diagnosis *verdict)
{
	uint64_t now_ns = yett_now(manage->node), grace_ns;

	if (known->heard_at_ns == 0) {
		if (known->heard_ns == 0 ||
			now_ns - manage->opened_ns <= patience_ns(manage, known)) {
			say(verdict, YETT_HEALTH_NOT_MONITORED,
				"not seen since this server started");
		} else if (!is_behind(manage, known, depth, verdict)) {
			say(verdict, YETT_HEALTH_UNREACHABLE,
				"it has not come back since this server started");
		}
		return;
	}
	if (now_ns - missed_since_ns(manage, known, &grace_ns) < grace_ns) {
		say(verdict, YETT_HEALTH_WARNING, "its session has just ended");
	} else if (!is_behind(manage, known, depth, verdict)) {
		say(verdict, YETT_HEALTH_UNREACHABLE, "its session is gone");
	}
}

/* Whether there is a way to it, and how it is by what it says itself. */
static void judge_way(const struct yett_manage *manage, const struct yett_known *known,
	unsigned depth, struct yett_diagnosis *verdict)
{
	bool far = !known->live && yett_share_has(manage, known);
	uint64_t now_ns = yett_now(manage->node);

	if (!known->live && !far) {
		judge_gone(manage, known, depth, verdict);
		return;
	}
	if (far ? known->far_silent : now_ns - known->heard_at_ns > patience_ns(manage, known)) {
		if (!is_behind(manage, known, depth, verdict)) {
			say(verdict, YETT_HEALTH_UNREACHABLE, "its heartbeats are missing");
		}
		return;
	}
	verdict->cloned = yett_clones_is(manage, known) || (far && known->far_cloned);
	if (verdict->cloned) {
		say(verdict, YETT_HEALTH_WARNING, "two copies of it are alive at the same time");
	} else if (known->why[0] != '\0') {
		say(verdict, YETT_HEALTH_WARNING, "%s", known->why);
	} else if (known->backlog_s > 0 &&
		   known->backlog_s * YETT_SEC > yett_backlog_warning_ns(manage, known)) {
		say(verdict, YETT_HEALTH_WARNING, "connected, backlog %" PRIu32 " seconds",
			known->backlog_s);
	} else {
		verdict->health = YETT_HEALTH_HEALTHY;
	}
}

/* What plugins say counts unless the node is worse off; of the same weight, it goes first. */
static void judge_checks(
	const struct yett_manage *manage, const struct yett_id *id, struct yett_diagnosis *verdict)
{
	const struct yett_check *check = yett_checks_worst(manage, id);
	enum yett_health health;

	if (check == NULL) {
		return;
	}
	health = check->state == YETT_STATE_CRITICAL ? YETT_HEALTH_CRITICAL : YETT_HEALTH_WARNING;
	if (verdict->health == YETT_HEALTH_UNREACHABLE ||
		verdict->health == YETT_HEALTH_NOT_MONITORED || verdict->health > health) {
		return;
	}
	say(verdict, health, "%s is %s: %.160s", check->name, yett_state_text(check->state),
		check->output);
}

void yett_manage_judge(const struct yett_manage *manage, const struct yett_known *known,
	struct yett_diagnosis *ret_verdict)
{
	memset(ret_verdict, 0, sizeof(*ret_verdict));
	judge_way(manage, known, 0, ret_verdict);
	judge_checks(manage, &known->id, ret_verdict);
	ret_verdict->maintenance = yett_maintenance_of(manage, known) != NULL;
}

void yett_manage_judge_self(const struct yett_manage *manage, struct yett_diagnosis *ret_verdict)
{
	const struct yett_node *node = manage->node;
	char why[YETT_STORE_WHY_SIZE];

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	ret_verdict->health = YETT_HEALTH_HEALTHY;
	if (node->store != NULL && !yett_store_healthy(node)) {
		yett_events_store_why(manage, why);
		say(ret_verdict, YETT_HEALTH_CRITICAL, "its store fails: %s", why);
	} else if (yett_node_trouble(node, why, sizeof(why))) {
		say(ret_verdict, YETT_HEALTH_WARNING, "%s", why);
	} else if (yett_backlog_s(node) * YETT_SEC > node->settings->node.backlog_warning_ns) {
		say(ret_verdict, YETT_HEALTH_WARNING, "connected, backlog %" PRIu32 " seconds",
			yett_backlog_s(node));
	}
	judge_checks(manage, &node->id, ret_verdict);
	ret_verdict->maintenance = yett_maintenance_of_id(manage, &node->id) != NULL;
}

uint32_t yett_backlog_s(const struct yett_node *node)
{
	int64_t now_ns = yett_clock_wall(node->clock), oldest_ns = now_ns;
	struct yett_queue_view view;
	bool waits = false;

	if (node->queue == NULL) {
		return 0;
	}
	yett_queue_view(node, &view);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		int64_t lane_ns = view.stats.lanes[lane].oldest_ns;

		oldest_ns = lane_ns != 0 ? MIN(oldest_ns, lane_ns) : oldest_ns;
		waits = waits || view.stats.lanes[lane].entries > 0;
	}
	if (oldest_ns >= now_ns) {
		return waits ? 1 : 0; /* the clock may have been set back */
	}
	return (uint32_t)MIN((uint64_t)(now_ns - oldest_ns) / YETT_SEC + 1, UINT32_MAX);
}

static void look_at_servers(struct yett_manage *manage)
{
	int64_t wall_ns = yett_clock_wall(manage->node->clock);
	struct yett_diagnosis verdict;
	GHashTableIter iter;
	gpointer value;

	yett_manage_judge_self(manage, &verdict);
	if (verdict.health != manage->health || manage->health_ns == 0) {
		manage->health = verdict.health;
		manage->health_ns = wall_ns;
	}
	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_server *server = value;
		const char *health = yett_share_health(manage, server);

		if (strcmp(server->health, health) != 0) {
			g_strlcpy(server->health, health, sizeof(server->health));
			server->health_ns = wall_ns;
		}
	}
}

void yett_health_tick(struct yett_manage *manage)
{
	GHashTableIter iter;
	gpointer value;

	look_at_servers(manage);
	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_known *known = value;
		struct yett_diagnosis verdict;

		yett_manage_judge(manage, known, &verdict);
		if (verdict.health != known->health || known->health_ns == 0) {
			known->health = verdict.health;
			known->health_ns = yett_clock_wall(manage->node->clock);
			if (known->live) {
				yett_share_node(manage, known);
			}
		}
		if (yett_clones_is(manage, known) != known->cloned) {
			known->cloned = !known->cloned;
			yett_tell_of(manage, known);
			yett_share_node(manage, known);
		}
	}
}
