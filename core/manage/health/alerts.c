/* Alerts: what people have to know of, raised once and closed by themselves.
 *
 * Responsible for having looked, every second and on the server that holds the lease, for what is not
 * well (causes.c, and the store's outages here), for raising an alert for each and closing it when it is
 * well again, and for having them told (notify.c). Not responsible for judging (health.c) nor for who
 * acknowledges (admin/). On the loop.
 *
 * An alert is a document of the registry (table `alert`). Its key is made of what it is about and how
 * often that was before, and it is made and changed by compare-and-set only: so two servers that both
 * believe to hold the lease raise it once, and whoever loses reads them all again. It is told that it
 * was before it is marked so: a server that dies in between has the next one tell it again.
 *
 * What plugins say is not bounded by how many nodes there are, so it has limits of its own: it takes no
 * room from what is raised of nodes themselves, and of those that are closed the oldest go early. */
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../internal.h"
#include "alerts.h"

#define TICK_NS   (1 * YETT_SEC)
#define SETTLE_NS (5 * YETT_SEC)   /* what others say is heard before anything is raised */
#define RETIRE_NS (600 * YETT_SEC) /* how often old ones are looked for */
#define OPEN_MAX  10000
#define OPEN_LEFT 2000  /* of those, for other things than what plugins say */
#define ALL_MAX   20000 /* kept, open or closed */
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
	guint all_max;
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
	alerts->all_max = ALL_MAX;
	manage->alerts = alerts;
}

void yett_alerts_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->alerts->open);
	g_hash_table_unref(manage->alerts->all);
	g_hash_table_unref(manage->alerts->before);
	g_clear_pointer(&manage->alerts, g_free);
}

unsigned yett_alerts_count(const struct yett_manage *manage)
{
	return g_hash_table_size(manage->alerts->all);
}

void yett_alerts_set_most(struct yett_manage *manage, unsigned most)
{
	manage->alerts->all_max = most;
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

static void raise_alert(
	struct yett_manage *manage, const char *subject, const struct yett_cause *cause)
{
	/* A path on a disk, or a sentence that was cut, need not be UTF-8. */
	g_autofree char *text = g_utf8_make_valid(cause->text, -1);
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
		cause->check, "text", text, "behind", (int)cause->behind, "raised", time,
		"raised_by", manage->node->name, "closed", "acknowledged", "acknowledged_by",
		"comment", "raised_told", 0, "closed_told", 0);
	if (json == NULL) {
		return; /* a name that is not UTF-8 has not come through the decoder */
	}
	yett_log(YETT_LOG_NOTICE, "alert-raised", "%s: %s node=%s alert=%s", cause->kind, text,
		cause->name, id);
	/* Until the answer is there it stands for itself, so that nobody raises it again. */
	keep(manage->alerts, id, json_deep_copy(json), 0);
	change_alert(manage, g_hash_table_lookup(manage->alerts->all, id), json);
}

static bool has_room(const struct yett_alerts *alerts, const struct yett_cause *cause)
{
	guint most = cause->check != NULL ? OPEN_MAX - OPEN_LEFT : OPEN_MAX;

	if (g_hash_table_size(alerts->open) < most) {
		return true;
	}
	yett_log(YETT_LOG_WARNING, "alerts-full",
		"an alert is not raised, since so many are open: %u; see what most of them are "
		"about "
		"(yettctl alerts) kind=%s node=%s",
		g_hash_table_size(alerts->open), cause->kind, cause->name);
	return false;
}

static void find_subject(
	struct yett_manage *manage, const char *subject, const struct yett_cause *cause, bool raise)
{
	struct alert *alert = g_hash_table_lookup(manage->alerts->open, subject);

	if (alert != NULL) {
		alert->seen = true;
	} else if (raise && has_room(manage->alerts, cause)) {
		raise_alert(manage, subject, cause);
	}
}

void yett_alerts_find(struct yett_manage *manage, const struct yett_cause *cause, bool raise)
{
	char id[YETT_ID_TEXT_SIZE];
	g_autofree char *subject =
		g_strdup_printf("%s:%s%s%s", cause->kind, yett_id_text(cause->id, id),
			cause->check != NULL ? ":" : "", cause->check != NULL ? cause->check : "");

	find_subject(manage, subject, cause, raise);
}

/* The store, which all servers of the group share: so it is one alert, whoever sees it. */

static void raise_outage(struct yett_manage *manage, const char *what)
{
	char why[YETT_STORE_WHY_SIZE];
	g_autofree char *text = NULL;

	yett_events_store_why(manage, why);
	text = g_strdup_printf("%s: %s", what, why);
	find_subject(manage, "store",
		&(struct yett_cause){.kind = "store",
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
	raise_outage(manage, "the store fails");
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
		raise_outage(manage, "the store failed for a while, and works again");
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

/* When it was closed; those that are not come last. */
static gint by_closing(gconstpointer a, gconstpointer b)
{
	const struct alert *const *left = a, *const *right = b;

	return strcmp(text_of((*left)->json, "closed"), text_of((*right)->json, "closed"));
}

/* Where more are kept than may be, the oldest that are closed go, a tenth of all that may be. */
static void thin_out(struct yett_manage *manage)
{
	struct yett_alerts *alerts = manage->alerts;
	guint most = alerts->all_max, gone = 0;
	GPtrArray *closed;
	GHashTableIter iter;
	gpointer value;

	if (g_hash_table_size(alerts->all) <= most) {
		return;
	}
	closed = g_ptr_array_new();
	g_hash_table_iter_init(&iter, alerts->all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct alert *alert = value;

		if (alert->closed && !alert->busy && !alert->telling) {
			g_ptr_array_add(closed, value);
		}
	}
	g_ptr_array_sort(closed, by_closing);
	for (; gone < closed->len && g_hash_table_size(alerts->all) > most - most / 10; gone++) {
		const struct alert *alert = closed->pdata[gone];

		yett_store_document(manage->node, "alert", alert->id, NULL);
		g_hash_table_remove(alerts->all, alert->id);
	}
	g_ptr_array_free(closed, TRUE);
	if (gone > 0) {
		yett_log(YETT_LOG_WARNING, "alerts-thinned",
			"more alerts are kept than may be: the oldest that are closed are deleted "
			"before their time; see what most of them are about (yettctl alerts --all) "
			"deleted=%u",
			gone);
		/* Numbers are given again at the earliest when so many others have come since. */
		g_hash_table_remove_all(alerts->before);
		g_hash_table_iter_init(&iter, alerts->all);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			remember_number(alerts, ((const struct alert *)value)->id);
		}
	}
}

/* What it would have to be found again by has not been read since alerts were. */
static bool is_unknown(const struct yett_manage *manage, const struct alert *alert)
{
	const char *kind = text_of(alert->json, "kind");

	return !manage->aside_known &&
	       (strcmp(kind, "clone") == 0 || strcmp(kind, "dead-letter") == 0);
}

static void walk(struct yett_manage *manage, bool retire)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->alerts->all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct alert *alert = value;

		if (!alert->closed && !alert->busy && !alert->seen && alert->revision != 0 &&
			!is_unknown(manage, alert)) {
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
	yett_causes_find(manage);
	find_outage(manage, now_ns);
	retire = now_ns >= alerts->retire_ns;
	if (retire) {
		alerts->retire_ns = now_ns + RETIRE_NS;
	}
	walk(manage, retire);
	thin_out(manage);
}
