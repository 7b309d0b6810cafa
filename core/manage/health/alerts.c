/* Alerts: what people have to know of, raised once and closed by themselves.
 *
 * Responsible for finding, every second and on the server that holds the lease, what is not well
 * (nodes that are unreachable in their own right, that are degraded, on which a plugin says so), for
 * raising an alert for each and closing it when it is well again, and for having them told (notify.c).
 * Not responsible for judging (health.c) nor for who acknowledges (admin/). On the loop.
 *
 * An alert is a document of the registry (table `alert`). Its key is made of what it is about and how
 * often that was before, and it is made and changed by compare-and-set only: so two servers that both
 * believe to hold the lease raise it once, and whoever loses reads them all again. It is told that it
 * was before it is marked so: a server that dies in between has the next one tell it again. */
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../internal.h"

#define TICK_NS   (1 * YETT_SEC)
#define SETTLE_NS (5 * YETT_SEC)   /* what others say is heard before anything is raised */
#define RETIRE_NS (600 * YETT_SEC) /* how often old ones are looked for */
#define OPEN_MAX  10000
/* An outage of the store is told by whoever gets the lease within this time of its end; by another server's
 * clock it may have begun so much later. */
#define OUTAGE_TOLD_NS (60 * (int64_t)YETT_SEC)
#define OUTAGE_SKEW_NS (60 * (int64_t)YETT_SEC)
#define ID_SIZE        32

struct alert {
	char id[ID_SIZE];
	char subject[YETT_ID_TEXT_SIZE + YETT_RECORD_MAX_NAME + 32];
	uint64_t revision;
	json_t *json;
	bool closed;
	bool busy;    /* a change of it is under way */
	bool telling; /* its notification is under way */
	bool seen;    /* in this round: its cause is still there */
	bool raised_told, closed_told;
};

/* The store fails, or has, a moment ago. */
struct outage {
	uint64_t since_ns; /* monotonic; 0: it works */
	int64_t wall_ns;   /* the same, Unix time */
	uint64_t ended_ns; /* monotonic; 0: there was none that is still to be told */
	bool ours;         /* this server held the lease when it began */
};

struct yett_alerts {
	GHashTable *all;    /* struct alert by id */
	GHashTable *open;   /* the same by subject, borrowed */
	GHashTable *before; /* how often there was one about a subject's hash */
	bool loaded;
	uint64_t next_ns, settled_ns, retire_ns;
	struct outage outage;
};

/* A change that is under way. */
struct change {
	struct yett_manage *manage;
	char id[ID_SIZE];
	json_t *json; /* as it will be */
};

static void alert_free(gpointer item)
{
	struct alert *alert = item;

	json_decref(alert->json);
	g_free(alert);
}

void yett_alerts_init(struct yett_manage *manage)
{
	struct yett_alerts *alerts = g_new0(struct yett_alerts, 1);

	alerts->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, alert_free);
	alerts->open = g_hash_table_new(g_str_hash, g_str_equal);
	alerts->before = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	manage->alerts = alerts;
}

void yett_alerts_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->alerts->open);
	g_hash_table_unref(manage->alerts->all);
	g_hash_table_unref(manage->alerts->before);
	g_clear_pointer(&manage->alerts, g_free);
}

void yett_alerts_forget(struct yett_manage *manage)
{
	manage->alerts->loaded = false;
}

bool yett_alerts_unread(const struct yett_manage *manage)
{
	return yett_lease_held(manage) && !manage->alerts->loaded;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Whether the store has it, too, who was told. */
static bool is_marked(const struct alert *alert)
{
	return alert->raised_told == json_is_true(json_object_get(alert->json, "raised_told")) &&
	       alert->closed_told == json_is_true(json_object_get(alert->json, "closed_told"));
}

/* "1f2e3d4c-7": the seventh about what hashes so. */
static unsigned number_of(const char *id)
{
	const char *dash = strrchr(id, '-');

	return dash != NULL ? (unsigned)strtoul(dash + 1, NULL, 10) : 0;
}

static void remember_number(struct yett_alerts *alerts, const char *id)
{
	char *hash = g_strndup(id, strcspn(id, "-"));
	unsigned before = GPOINTER_TO_UINT(g_hash_table_lookup(alerts->before, hash));

	if (number_of(id) > before) {
		g_hash_table_replace(alerts->before, hash, GUINT_TO_POINTER(number_of(id)));
	} else {
		g_free(hash);
	}
}

static void forget_open(struct yett_alerts *alerts, const struct alert *alert)
{
	if (g_hash_table_lookup(alerts->open, alert->subject) == alert) {
		g_hash_table_remove(alerts->open, alert->subject);
	}
}

/* Takes the JSON. */
static void keep(struct yett_alerts *alerts, const char *id, json_t *json, uint64_t revision)
{
	struct alert *alert = g_new0(struct alert, 1);
	struct alert *former = g_hash_table_lookup(alerts->all, id);

	g_strlcpy(alert->id, id, sizeof(alert->id));
	g_strlcpy(alert->subject, text_of(json, "subject"), sizeof(alert->subject));
	alert->json = json;
	alert->revision = revision;
	alert->closed = json_is_string(json_object_get(json, "closed"));
	alert->raised_told = json_is_true(json_object_get(json, "raised_told"));
	alert->closed_told = json_is_true(json_object_get(json, "closed_told"));
	if (former != NULL) {
		alert->busy = former->busy;
		alert->telling = former->telling;
		alert->raised_told |= former->raised_told;
		alert->closed_told |= former->closed_told;
		forget_open(alerts, former);
	}
	g_hash_table_replace(alerts->all, alert->id, alert);
	if (!alert->closed) {
		g_hash_table_replace(alerts->open, alert->subject, alert);
	}
	remember_number(alerts, id);
}

/* What is not under way is as the store has it. */
static gboolean is_settled(gpointer key, gpointer value, gpointer arg)
{
	struct yett_alerts *alerts = arg;
	struct alert *alert = value;

	(void)key;
	if (alert->busy || alert->telling || !is_marked(alert)) {
		return FALSE;
	}
	forget_open(alerts, alert);
	return TRUE;
}

void yett_alerts_load(struct yett_manage *manage, const GPtrArray *documents)
{
	struct yett_alerts *alerts = manage->alerts;

	g_hash_table_foreach_remove(alerts->all, is_settled, alerts);
	for (guint i = 0; i < documents->len; i++) {
		const struct yett_document *document = documents->pdata[i];

		if (json_is_object(document->json) && strlen(document->key) < ID_SIZE) {
			keep(alerts, document->key, json_deep_copy(document->json),
				document->revision);
		}
	}
	if (!alerts->loaded) {
		alerts->loaded = true;
		alerts->settled_ns = MAX(alerts->settled_ns, yett_now(manage->node) + SETTLE_NS);
	}
}

static void drop(struct yett_alerts *alerts, struct alert *alert)
{
	forget_open(alerts, alert);
	g_hash_table_remove(alerts->all, alert->id);
}

static void changed(void *arg, int result, uint64_t revision)
{
	struct change *change = arg;
	struct yett_manage *manage = change->manage;
	struct alert *alert = g_hash_table_lookup(manage->alerts->all, change->id);

	if (alert != NULL) {
		alert->busy = false;
	}
	if (result == 0) {
		keep(manage->alerts, change->id, change->json, revision);
	} else {
		json_decref(change->json);
		yett_alerts_forget(manage); /* somebody else has changed it: see how */
		if (alert != NULL && alert->revision == 0) {
			drop(manage->alerts, alert);
		}
	}
	g_free(change);
}

/* Takes the JSON. */
static void change(struct yett_manage *manage, const char *id, json_t *json, uint64_t revision)
{
	struct change *change = g_new0(struct change, 1);
	char *text = json_dumps(json, JSON_COMPACT);

	change->manage = manage;
	change->json = json;
	g_strlcpy(change->id, id, sizeof(change->id));
	yett_store_change(manage->node, "alert", id, text, revision, changed, change);
	free(text);
}

static void change_alert(struct yett_manage *manage, struct alert *alert, json_t *json)
{
	json_object_set_new(json, "raised_told", json_boolean(alert->raised_told));
	json_object_set_new(json, "closed_told", json_boolean(alert->closed_told));
	alert->busy = true;
	change(manage, alert->id, json, alert->revision);
}

/* What is not well. */

struct cause {
	const char *kind, *severity;
	const struct yett_id *id;
	const char *name;  /* of the node */
	const char *check; /* or NULL */
	const char *text;
	unsigned behind;
};

static void raise_alert(struct yett_manage *manage, const char *subject, const struct cause *cause)
{
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, subject, -1);
	char id[ID_SIZE], node[YETT_ID_TEXT_SIZE], time[32];
	unsigned number;
	json_t *json;

	hash[8] = '\0';
	number = GPOINTER_TO_UINT(g_hash_table_lookup(manage->alerts->before, hash)) + 1;
	snprintf(id, sizeof(id), "%s-%u", hash, number);
	yett_time_text(yett_clock_wall(manage->node->clock), time, sizeof(time));
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:i, s:s, s:s, s:n, s:n, s:n, "
			 "s:n, s:b, s:b}",
		"id", id, "subject", subject, "kind", cause->kind, "severity", cause->severity,
		"node", cause->name, "node_id", yett_id_text(cause->id, node), "check",
		cause->check, "text", cause->text, "behind", (int)cause->behind, "raised", time,
		"raised_by", manage->node->name, "closed", "acknowledged", "acknowledged_by",
		"comment", "raised_told", 0, "closed_told", 0);
	if (json == NULL) {
		return; /* a name that is not UTF-8 has not come through the decoder */
	}
	yett_log(YETT_LOG_NOTICE, "alert-raised", "%s: %s node=%s alert=%s", cause->kind,
		cause->text, cause->name, id);
	/* Until the answer is there it stands for itself, so that nobody raises it again. */
	keep(manage->alerts, id, json_deep_copy(json), 0);
	change_alert(manage, g_hash_table_lookup(manage->alerts->all, id), json);
}

static void find_subject(
	struct yett_manage *manage, const char *subject, const struct cause *cause, bool raise)
{
	struct alert *alert = g_hash_table_lookup(manage->alerts->open, subject);

	if (alert != NULL) {
		alert->seen = true;
	} else if (raise && g_hash_table_size(manage->alerts->open) < OPEN_MAX) {
		raise_alert(manage, subject, cause);
	}
}

static void find_cause(struct yett_manage *manage, const struct cause *cause, bool raise)
{
	char id[YETT_ID_TEXT_SIZE];
	g_autofree char *subject =
		g_strdup_printf("%s:%s%s%s", cause->kind, yett_id_text(cause->id, id),
			cause->check != NULL ? ":" : "", cause->check != NULL ? cause->check : "");

	find_subject(manage, subject, cause, raise);
}

/* The plugins' causes of a node. They are there whether it is reachable or not. */
static void find_checks(
	struct yett_manage *manage, const struct yett_id *id, const char *name, bool raise)
{
	const GPtrArray *checks = yett_checks_of(manage, id);

	for (guint i = 0; checks != NULL && i < checks->len; i++) {
		const struct yett_check *check = checks->pdata[i];
		g_autofree char *text = g_strdup_printf(
			"%s is %s: %s", check->name, yett_state_text(check->state), check->output);

		if (check->state != YETT_STATE_OK) {
			find_cause(manage,
				&(struct cause){.kind = "check",
					.severity = check->state == YETT_STATE_CRITICAL ? "Critical"
											: "Warning",
					.id = id,
					.name = name,
					.check = check->name,
					.text = text},
				raise);
		}
	}
}

static unsigned count_behind(const struct yett_manage *manage, const struct yett_id *id)
{
	GHashTableIter iter;
	gpointer value;
	unsigned count = 0;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_diagnosis verdict;

		yett_manage_judge(manage, value, &verdict);
		count += yett_id_equal(&verdict.behind, id) ? 1 : 0;
	}
	return count;
}

static void find_unreachable(struct yett_manage *manage, const struct yett_id *id, const char *name,
	const char *what, const char *why, bool raise)
{
	unsigned behind = raise ? count_behind(manage, id) : 0;
	g_autofree char *text =
		behind > 0 ? g_strdup_printf("%s %s is unreachable: %s; %u nodes are "
					     "behind it",
				     what, name, why, behind)
			   : g_strdup_printf("%s %s is unreachable: %s", what, name, why);

	find_cause(manage,
		&(struct cause){.kind = "unreachable",
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
	find_cause(manage, &(struct cause){.kind = kind, .id = id, .name = name}, false);
}

static void find_of_node(struct yett_manage *manage, const struct yett_known *known)
{
	struct yett_diagnosis verdict;
	bool there = known->live || yett_share_has(manage, known);

	yett_manage_judge(manage, known, &verdict);
	if (verdict.health == YETT_HEALTH_UNREACHABLE && yett_id_is_zero(&verdict.behind)) {
		find_unreachable(manage, &known->id, known->name,
			known->relay ? "gateway" : "agent", verdict.cause, !verdict.maintenance);
	} else if (!there || verdict.health == YETT_HEALTH_UNREACHABLE) {
		keep_open(manage, "unreachable", &known->id, known->name);
	}
	if (known->why[0] != '\0') {
		find_cause(manage,
			&(struct cause){.kind = "degraded",
				.severity = "Warning",
				.id = &known->id,
				.name = known->name,
				.text = known->why},
			there && !verdict.maintenance);
	}
	if (verdict.cloned) {
		find_cause(manage,
			&(struct cause){.kind = "clone",
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

static void find_of_server(struct yett_manage *manage, const struct yett_server *server)
{
	bool works = yett_maintenance_of_id(manage, &server->id) != NULL;

	if (yett_share_unheard(manage, server)) {
		keep_open(manage, "unreachable", &server->id, server->name);
	} else if (!yett_share_fresh(manage, server)) {
		find_unreachable(manage, &server->id, server->name, "management server",
			server->stopped ? "it was stopped" : "it says nothing any more", !works);
	} else if (strcmp(server->state, "Healthy") != 0 && server->cause[0] != '\0') {
		find_cause(manage,
			&(struct cause){.kind = "degraded",
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

	if (node->degraded) {
		find_cause(manage,
			&(struct cause){.kind = "degraded",
				.severity = "Warning",
				.id = &node->id,
				.name = node->name,
				.text = node->degraded_why},
			!works);
	}
	find_checks(manage, &node->id, node->name, !works);
}

/* The store, which all servers of the group share: so it is one alert, whoever sees it. */

static void raise_outage(struct yett_manage *manage, const char *text)
{
	find_subject(manage, "store",
		&(struct cause){.kind = "store",
			.severity = "Critical",
			.id = &manage->node->id,
			.name = manage->node->name,
			.text = text},
		true);
}

/* Whether another server has raised it since it began. */
static bool is_outage_raised(const struct yett_manage *manage)
{
	const struct yett_alerts *alerts = manage->alerts;
	int64_t now_ns = yett_clock_wall(manage->node->clock), raised_ns;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, alerts->all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct alert *alert = value;

		if (strcmp(alert->subject, "store") == 0 &&
			yett_time_parse(text_of(alert->json, "raised"), now_ns, &raised_ns) == 0 &&
			raised_ns >= alerts->outage.wall_ns - OUTAGE_SKEW_NS) {
			return true;
		}
	}
	return false;
}

static void tell(struct yett_manage *manage, struct alert *alert);

/* While it fails the lease cannot be renewed: whoever held it tells people, and writes the alert down
 * as soon as that is possible. */
static void watch_outage(struct yett_manage *manage, uint64_t now_ns)
{
	struct outage *outage = &manage->alerts->outage;
	struct alert *alert;

	if (yett_store_healthy(manage->node)) {
		if (outage->since_ns != 0) {
			outage->ended_ns =
				now_ns - outage->since_ns >
						manage->node->settings->node.gone_grace_ns
					? now_ns
					: 0;
			outage->since_ns = 0;
			/* Nor did the servers hear meanwhile whom each of them has. */
			manage->alerts->settled_ns =
				MAX(manage->alerts->settled_ns, now_ns + SETTLE_NS);
		}
		return;
	}
	if (outage->since_ns == 0) {
		*outage = (struct outage){.since_ns = now_ns,
			.wall_ns = yett_clock_wall(manage->node->clock),
			.ours = manage->lease.until_ns != 0 && manage->alerts->loaded};
	}
	if (!outage->ours ||
		now_ns - outage->since_ns <= manage->node->settings->node.gone_grace_ns) {
		return;
	}
	raise_outage(manage, "the store fails: nothing is acknowledged until it works again");
	alert = g_hash_table_lookup(manage->alerts->open, "store");
	if (alert != NULL) {
		tell(manage, alert);
	}
}

/* By the holder of the lease, once the store works: where nobody could tell while it did not, it is told
 * now, and is closed in the next round. */
static void find_outage(struct yett_manage *manage, uint64_t now_ns)
{
	struct outage *outage = &manage->alerts->outage;

	if (outage->ended_ns == 0) {
		return;
	}
	if (!is_outage_raised(manage) && now_ns - outage->ended_ns < (uint64_t)OUTAGE_TOLD_NS) {
		raise_outage(manage, "the store failed for a while: nothing was acknowledged "
				     "meanwhile");
	}
	outage->ended_ns = 0;
}

static void close_alert(struct yett_manage *manage, struct alert *alert)
{
	json_t *json = json_deep_copy(alert->json);
	char time[32];

	yett_time_text(yett_clock_wall(manage->node->clock), time, sizeof(time));
	json_object_set_new(json, "closed", json_string(time));
	yett_log(YETT_LOG_NOTICE, "alert-closed", "%s node=%s alert=%s", text_of(json, "text"),
		text_of(json, "node"), alert->id);
	change_alert(manage, alert, json);
}

/* Told once each, first that it is raised. */
static void tell(struct yett_manage *manage, struct alert *alert)
{
	bool waits = alert->busy || alert->revision == 0; /* for the store */

	if (alert->telling || (waits && yett_store_healthy(manage->node))) {
		return;
	}
	if (!alert->raised_told) {
		alert->telling = yett_notify_send(manage, "raised", alert->id, alert->json);
	} else if (alert->closed && !alert->closed_told) {
		alert->telling = yett_notify_send(manage, "closed", alert->id, alert->json);
	}
}

void yett_alerts_notified(struct yett_manage *manage, const char *id, const char *what)
{
	struct alert *alert = g_hash_table_lookup(manage->alerts->all, id);

	if (alert == NULL) {
		return;
	}
	alert->telling = false;
	if (strcmp(what, "raised") == 0) {
		alert->raised_told = true;
	} else {
		alert->closed_told = true;
	}
	if (!alert->busy && alert->revision != 0) { /* else the next round writes it down */
		change_alert(manage, alert, json_deep_copy(alert->json));
	}
}

/* Old ones that are closed go. */
static bool is_old(const struct yett_manage *manage, const struct alert *alert)
{
	int64_t now_ns = yett_clock_wall(manage->node->clock), closed_ns;

	return alert->closed && !alert->busy && !alert->telling &&
	       yett_time_parse(text_of(alert->json, "closed"), now_ns, &closed_ns) == 0 &&
	       now_ns - closed_ns > (int64_t)manage->node->settings->alerts.keep_ns;
}

static void walk(struct yett_manage *manage, bool retire)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->alerts->all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct alert *alert = value;

		if (!alert->closed && !alert->busy && !alert->seen && alert->revision != 0) {
			close_alert(manage, alert);
		} else if (!alert->busy && alert->revision != 0 && !is_marked(alert)) {
			change_alert(manage, alert, json_deep_copy(alert->json));
		} else if (retire && is_old(manage, alert)) {
			yett_store_document(manage->node, "alert", alert->id, NULL);
			g_hash_table_iter_remove(&iter);
			continue;
		}
		alert->seen = false;
		tell(manage, alert);
	}
}

void yett_alerts_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_alerts *alerts = manage->alerts;
	GHashTableIter iter;
	gpointer value;
	bool retire;

	if (now_ns < alerts->next_ns || manage->node->draining) {
		return;
	}
	alerts->next_ns = now_ns + TICK_NS;
	watch_outage(manage, now_ns);
	if (!yett_lease_held(manage) || !yett_store_healthy(manage->node) ||
		!yett_look_is_recent(manage)) {
		return;
	}
	yett_checks_save(manage);
	if (!alerts->loaded || now_ns < alerts->settled_ns) {
		return;
	}
	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		find_of_node(manage, value);
	}
	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		find_of_server(manage, value);
	}
	find_of_self(manage);
	find_outage(manage, now_ns);
	retire = now_ns >= alerts->retire_ns;
	if (retire) {
		alerts->retire_ns = now_ns + RETIRE_NS;
	}
	walk(manage, retire);
}
