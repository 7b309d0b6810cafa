/* What is not well in the group: a walk over all nodes and servers.
 *
 * Responsible for finding what alerts are about: nodes and servers that are unreachable in their own right,
 * that are degraded, on which a plugin says so; and for what keeps an alert open although nothing is known.
 * Not responsible for judging a node (health.c) nor for what becomes of it (alerts.c). On the loop, every
 * second: a round takes time in proportion to the nodes, however many of them are gone. */
#include <string.h>

#include "../../base/id.h"
#include "alerts.h"

struct round {
	struct yett_manage *manage;
	GHashTable *behind; /* how many are behind a node, by its id; NULL: not counted yet */
};

/* The plugins' causes of a node. They are there whether it is reachable or not. */
static void find_checks(
	struct yett_manage *manage, const struct yett_id *id, const char *name, bool raise)
{
	const GPtrArray *checks = yett_checks_of(manage, id);

	for (guint i = 0; checks != NULL && i < checks->len; i++) {
		const struct yett_check *check = checks->pdata[i];
		g_autofree char *text = NULL;

		if (check->state == YETT_STATE_OK) {
			continue;
		}
		text = g_strdup_printf(
			"%s is %s: %s", check->name, yett_state_text(check->state), check->output);
		yett_alerts_find(manage,
			&(struct yett_cause){.kind = "check",
				.severity = check->state == YETT_STATE_CRITICAL ? "Critical"
										: "Warning",
				.id = id,
				.name = name,
				.check = check->name,
				.text = text},
			raise);
	}
}

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

/* Counted once in a round, for all that are gone: there may be as many of those as there are nodes. */
static unsigned count_behind(struct round *round, const struct yett_id *id)
{
	struct yett_diagnosis verdict;
	GHashTableIter iter;
	gpointer value;

	if (round->behind == NULL) {
		round->behind = g_hash_table_new_full(yett_id_hash, id_equal, g_free, NULL);
		g_hash_table_iter_init(&iter, round->manage->known);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			yett_manage_judge(round->manage, value, &verdict);
			if (!yett_id_is_zero(&verdict.behind)) {
				value = g_hash_table_lookup(round->behind, &verdict.behind);
				g_hash_table_replace(round->behind,
					g_memdup2(&verdict.behind, sizeof(verdict.behind)),
					GUINT_TO_POINTER(GPOINTER_TO_UINT(value) + 1));
			}
		}
	}
	return GPOINTER_TO_UINT(g_hash_table_lookup(round->behind, id));
}

static void find_unreachable(struct round *round, const struct yett_id *id, const char *name,
	const char *what, const char *why, bool raise)
{
	unsigned behind = raise ? count_behind(round, id) : 0;
	g_autofree char *text =
		behind > 0 ? g_strdup_printf("%s %s is unreachable: %s; %u %s behind it", what,
				     name, why, behind, behind == 1 ? "node is" : "nodes are")
			   : g_strdup_printf("%s %s is unreachable: %s", what, name, why);

	yett_alerts_find(round->manage,
		&(struct yett_cause){.kind = "unreachable",
			.severity = "Critical",
			.id = id,
			.name = name,
			.text = text,
			.behind = behind},
		raise);
}

/* What was raised stays until it is known to be well: not when it was not heard of since a start, nor
 * when it is behind a gateway that is gone, nor while a session has just ended. */
static void keep_open(
	struct yett_manage *manage, const char *kind, const struct yett_id *id, const char *name)
{
	yett_alerts_find(manage, &(struct yett_cause){.kind = kind, .id = id, .name = name}, false);
}

static void find_of_node(struct round *round, const struct yett_known *known)
{
	struct yett_manage *manage = round->manage;
	struct yett_diagnosis verdict;
	bool there = known->live || yett_share_has(manage, known);

	yett_manage_judge(manage, known, &verdict);
	if (verdict.health == YETT_HEALTH_UNREACHABLE && yett_id_is_zero(&verdict.behind)) {
		find_unreachable(round, &known->id, known->name, known->relay ? "gateway" : "agent",
			verdict.cause, !verdict.maintenance);
	} else if (!there || verdict.health == YETT_HEALTH_UNREACHABLE) {
		keep_open(manage, "unreachable", &known->id, known->name);
	}
	if (known->why[0] != '\0') {
		yett_alerts_find(manage,
			&(struct yett_cause){.kind = "degraded",
				.severity = "Warning",
				.id = &known->id,
				.name = known->name,
				.text = known->why},
			there && !verdict.maintenance);
	}
	if (verdict.cloned) {
		yett_alerts_find(manage,
			&(struct yett_cause){.kind = "clone",
				.severity = "Warning",
				.id = &known->id,
				.name = known->name,
				.text = "two copies of it are alive at the same time: stop the "
					"copy, "
					"and give it a certificate and a state directory of its "
					"own"},
			!verdict.maintenance);
	}
	find_checks(manage, &known->id, known->name, !verdict.maintenance);
}

static void find_of_server(struct round *round, const struct yett_server *server)
{
	struct yett_manage *manage = round->manage;
	bool works = yett_maintenance_of_id(manage, &server->id) != NULL;

	if (yett_share_unheard(manage, server)) {
		keep_open(manage, "unreachable", &server->id, server->name);
	} else if (!yett_share_fresh(manage, server)) {
		find_unreachable(round, &server->id, server->name, "management server",
			server->stopped ? "it was stopped" : "it says nothing any more", !works);
	} else if (strcmp(server->state, "Healthy") != 0 && server->cause[0] != '\0') {
		yett_alerts_find(manage,
			&(struct yett_cause){.kind = "degraded",
				.severity = "Warning",
				.id = &server->id,
				.name = server->name,
				.text = server->cause},
			!works);
	}
	find_checks(manage, &server->id, server->name, !works);
}

static void find_of_self(struct yett_manage *manage)
{
	const struct yett_node *node = manage->node;
	bool works = yett_maintenance_of_id(manage, &node->id) != NULL;
	char why[YETT_WHY_SIZE];

	if (yett_node_trouble(node, why, sizeof(why))) {
		yett_alerts_find(manage,
			&(struct yett_cause){.kind = "degraded",
				.severity = "Warning",
				.id = &node->id,
				.name = node->name,
				.text = why},
			!works);
	}
	find_checks(manage, &node->id, node->name, !works);
}

static void find_of_aside(struct yett_manage *manage)
{
	for (guint i = 0; i < manage->aside->len; i++) {
		const struct yett_aside *aside = manage->aside->pdata[i];
		const struct yett_known *known = yett_manage_find(manage, &aside->id);
		bool works = known != NULL ? yett_maintenance_of(manage, known) != NULL
					   : yett_maintenance_of_id(manage, &aside->id) != NULL;

		yett_alerts_find(manage,
			&(struct yett_cause){.kind = aside->kind,
				.severity = "Warning",
				.id = &aside->id,
				.name = aside->name,
				.text = aside->text},
			!works);
	}
}

void yett_causes_find(struct yett_manage *manage)
{
	struct round round = {.manage = manage};
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		find_of_node(&round, value);
	}
	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		find_of_server(&round, value);
	}
	find_of_self(manage);
	find_of_aside(manage);
	g_clear_pointer(&round.behind, g_hash_table_unref);
}
