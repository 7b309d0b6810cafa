/* Why another node is as it is, by what is known of it here.
 *
 * Responsible for looking a name up (nodes, decisions, who waits, who was refused lately, the other
 * management servers), for the steps (identity, admission, session, gateway, heartbeat, backlog,
 * health), and for the one cause: what is decided, then the gateway that is gone itself, then why it was
 * not let in, then how its session ended. Not responsible for what the node would say of itself
 * (ends.c). On the loop; reads only.
 *
 * What a stranger claims in its certificate is told as claimed, and counts only where there is no
 * session. */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "../admission/court.h"
#include "../admission/kept.h"

#define CLOCK_FAR_NS (60 * (int64_t)YETT_SEC)

struct subject {
	struct yett_manage *manage;
	struct yett_explanation *of;
	const char *name;
	const struct yett_known *known;     /* NULL: never seen */
	const struct yett_refusal *refusal; /* NULL: none lately */
	const struct yett_paper *decision, *pending;
	bool decided_gateway;
	struct yett_diagnosis verdict; /* where it is known */
};

static void add_names(GHashTable *names, GHashTable *papers)
{
	GHashTableIter iter;
	gpointer key, value;

	if (papers == NULL) {
		return;
	}
	g_hash_table_iter_init(&iter, papers);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (((const struct yett_paper *)value)->json != NULL) {
			g_hash_table_add(names, key);
		}
	}
}

/* All names that mean somebody here; borrowed from where they stand. */
static GHashTable *all_names(const struct yett_manage *manage)
{
	GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_add(names, manage->node->name);
	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_hash_table_add(names, ((struct yett_known *)value)->name);
	}
	g_hash_table_iter_init(&iter, manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_hash_table_add(names, ((struct yett_server *)value)->name);
	}
	if (manage->court != NULL) {
		add_names(names, yett_court_table(manage->court, YETT_TABLE_GATEWAYS));
		add_names(names, yett_court_table(manage->court, YETT_TABLE_AGENTS));
		add_names(names, yett_court_table(manage->court, YETT_TABLE_PENDING));
	}
	g_hash_table_remove(names, "");
	return names;
}

/* A name as people write it: in full, or its first label where that is one node's only. */
static bool complete(GHashTable *names, const char *text, char ret_name[YETT_NODE_NAME_SIZE])
{
	size_t length;
	GHashTableIter iter;
	gpointer key;
	unsigned found = 0;

	if (yett_name_normalise(text, ret_name, YETT_NODE_NAME_SIZE) != 0) {
		return false;
	}
	if (g_hash_table_contains(names, ret_name) || strchr(ret_name, '.') != NULL) {
		return true;
	}
	length = strlen(text);
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		if (g_ascii_strncasecmp(key, text, length) == 0 && ((char *)key)[length] == '.' &&
			found++ == 0) {
			g_strlcpy(ret_name, key, YETT_NODE_NAME_SIZE);
		}
	}
	return true;
}

static void fail_unknown(GHashTable *names, const char *name, struct yett_error *error)
{
	const char **list = g_new0(const char *, g_hash_table_size(names) + 1);
	GHashTableIter iter;
	gpointer key;
	const char *near;
	char mend[300] = "it has never come here: explain it on the node itself (yettctl explain)";
	size_t n = 0;

	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		list[n++] = key;
	}
	near = yett_name_nearest(name, list);
	if (near != NULL) {
		g_snprintf(mend, sizeof(mend), "did you mean %s?", near);
	}
	g_free(list);
	yett_fail(error, YETT_ENOTFOUND, mend, "no node %.200s has ever been seen here", name);
}

/* How long ago, by the wall clock. */
static const char *ago(const struct subject *s, int64_t wall_ns, char ret_text[32])
{
	int64_t now_ns = yett_clock_wall(s->manage->node->clock);

	return yett_explain_span(now_ns > wall_ns ? (uint64_t)(now_ns - wall_ns) : 0, ret_text);
}

static const char *kind_word(const struct subject *s)
{
	bool gateway = s->known != NULL ? s->known->relay
		       : s->pending != NULL
			       ? strcmp(yett_paper_text(s->pending, "type"), "Gateway") == 0
			       : s->decided_gateway;

	return gateway ? "gateway" : "agent";
}

static void explain_identity(struct subject *s)
{
	char first[32], heard[32];

	if (s->known == NULL) {
		yett_explain_step(s->of, "identity", NULL, YETT_STEP_NOT_REACHED,
			"it has never been in here");
	} else if (s->known->heard_ns == 0) {
		yett_explain_step(s->of, "identity", NULL, YETT_STEP_OK, "known for %s",
			ago(s, s->known->first_ns, first));
	} else {
		yett_explain_step(s->of, "identity", NULL, YETT_STEP_OK,
			"known for %s, heard %s ago, by %s from %s",
			ago(s, s->known->first_ns, first), ago(s, s->known->heard_ns, heard),
			s->known->method[0] != '\0' ? s->known->method : "?",
			s->known->address[0] != '\0' ? s->known->address : "?");
	}
}

/* A refusal counts while nothing has come of a later try. */
static bool refused_since(const struct subject *s)
{
	return s->refusal != NULL && (s->known == NULL || !s->known->live) &&
	       (s->known == NULL || s->refusal->failure.at_ns > s->known->heard_ns);
}

static void explain_admission(struct subject *s)
{
	uint32_t verdict = yett_paper_verdict(s->decision);
	char mend[320], span[32];

	g_snprintf(
		mend, sizeof(mend), "to let it in: yettctl %s approve %s", kind_word(s), s->name);
	if (verdict == YETT_DECIDED_REJECTED || verdict == YETT_DECIDED_REVOKED) {
		yett_explain_step(s->of, "admission", NULL, YETT_STEP_FAILED, "%s by %s",
			yett_verdict_text(verdict), yett_paper_text(s->decision, "by"));
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "admission", mend,
			"%s is %s: so %s has decided", s->name, yett_verdict_text(verdict),
			yett_paper_text(s->decision, "by"));
	} else if (s->pending != NULL && (s->known == NULL || !s->known->live)) {
		yett_explain_step(s->of, "admission", NULL, YETT_STEP_FAILED,
			"it waits for a decision since %s", yett_paper_text(s->pending, "since"));
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "admission", mend,
			"%s waits for a decision, and is kept out until then", s->name);
	} else if (refused_since(s) && s->refusal->name[0] != '\0') {
		bool group = s->manage->court != NULL &&
			     !yett_id_is_zero(&s->manage->court->trust.group);

		yett_explain_step(s->of, "admission", NULL, YETT_STEP_FAILED,
			"refused %" PRIu32 " time%s, last %s ago: %s", s->refusal->count,
			s->refusal->count == 1 ? "" : "s", ago(s, s->refusal->failure.at_ns, span),
			s->refusal->failure.cause);
		if (!group) {
			g_snprintf(mend, sizeof(mend),
				"to let it in, add it to `admit` of the listener %s and reload",
				s->refusal->listener);
		} else if (verdict == YETT_DECIDED_NONE && strcmp(kind_word(s), "agent") == 0) {
			g_strlcat(mend, " --ahead", sizeof(mend));
		}
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "admission", mend,
			"%s has proved its name at %s, and was not let in: %s", s->name,
			s->manage->node->name, s->refusal->failure.cause);
	} else {
		yett_explain_step(s->of, "admission", NULL,
			s->known != NULL ? YETT_STEP_OK : YETT_STEP_NOT_REACHED, "%s%s%s",
			s->decision != NULL ? yett_verdict_text(verdict) : "nothing is decided",
			s->decision != NULL ? " by " : "",
			s->decision != NULL ? yett_paper_text(s->decision, "by") : "");
	}
}

static void explain_authentication(struct subject *s)
{
	const struct yett_failure *failure;
	char span[32];

	if (!refused_since(s) || s->refusal->name[0] != '\0') {
		yett_explain_step(s->of, "authentication", NULL,
			s->known != NULL || refused_since(s) ? YETT_STEP_OK : YETT_STEP_NOT_REACHED,
			"%s",
			s->known != NULL && s->known->method[0] != '\0' ? s->known->method
			: refused_since(s)                              ? "proved"
									: "not reached");
		return;
	}
	failure = &s->refusal->failure;
	yett_explain_step(s->of, "authentication", NULL, YETT_STEP_FAILED,
		"refused %" PRIu32 " time%s, last %s ago, from %s: %s", s->refusal->count,
		s->refusal->count == 1 ? "" : "s", ago(s, failure->at_ns, span), failure->address,
		failure->cause);
	if (failure->clock_known && llabs(failure->clock_offset_ns) > CLOCK_FAR_NS) {
		yett_explain_step(s->of, "clock", NULL, YETT_STEP_WARNING,
			"the clock there is %s %s ours",
			yett_explain_span((uint64_t)llabs(failure->clock_offset_ns), span),
			failure->clock_offset_ns < 0 ? "behind" : "ahead of");
	}
	yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "authentication",
		failure->mend[0] != '\0' ? failure->mend : NULL,
		"who comes from %s and claims to be %s does not prove it: %s", failure->address,
		s->name, failure->cause);
}

/* The gateway, or server, that it is behind and that is gone itself: that is the cause, whoever it is. */
static bool explain_behind(struct subject *s)
{
	const struct yett_known *gateway;
	const struct yett_server *server;
	const char *ended = "";

	if (s->known == NULL || yett_id_is_zero(&s->verdict.behind)) {
		return false;
	}
	gateway = yett_manage_find(s->manage, &s->verdict.behind);
	server = yett_share_find(s->manage, &s->verdict.behind);
	if (gateway != NULL && gateway->ended[0] != '\0') {
		ended = gateway->ended;
	}
	yett_explain_step(s->of, "gateway",
		gateway != NULL  ? gateway->name
		: server != NULL ? server->name
				 : NULL,
		YETT_STEP_FAILED, "unreachable%s%s", ended[0] != '\0' ? ": " : "", ended);
	if (gateway != NULL) {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "gateway",
			"start the gateway, or mend its way: all behind it come back with it",
			"the gateway %s, which %s is behind, is unreachable%s%s", gateway->name,
			s->name, ended[0] != '\0' ? ": " : "", ended);
	} else {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "gateway",
			"start it, or mend its way to the group's store",
			"the management server %s, which %s is connected to, is unreachable",
			server != NULL ? server->name : "?", s->name);
	}
	return true;
}

static void explain_gone(struct subject *s)
{
	const struct yett_known *known = s->known;
	const struct yett_known *via = yett_manage_find(s->manage, &known->via);
	const char *where = via != NULL ? via->name : s->manage->node->name;
	char span[32];

	if (known->heard_at_ns == 0) {
		yett_explain_step(s->of, "session", where, YETT_STEP_FAILED,
			"none since this server started");
		yett_explain_cause(s->of,
			s->verdict.health == YETT_HEALTH_UNREACHABLE ? YETT_EXPLAINED_BLOCKED
								     : YETT_EXPLAINED_UNKNOWN,
			"session", "look there whether it runs: yettctl explain",
			"%s has not come back since this server started", s->name);
		return;
	}
	ago(s, known->changed_ns, span);
	yett_explain_step(s->of, "session", where, YETT_STEP_FAILED, "gone for %s%s%s", span,
		known->ended[0] != '\0' ? ": " : "", known->ended);
	if (strstr(known->ended, "is stopping") != NULL) {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "session",
			"start it there, if it is to run", "%s was stopped, in good order, %s ago",
			s->name, span);
	} else if (strstr(known->ended, "nothing heard for") != NULL) {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "session",
			"look there: yettctl explain says whether it answers",
			"%s has fallen silent %s ago, without a word: it hangs, its computer is "
			"down, or the network to it",
			s->name, span);
	} else {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "session",
			"look there whether it runs: yettctl explain",
			"the session of %s at %s ended %s ago: %s", s->name, where, span,
			known->ended[0] != '\0' ? known->ended : "it does not say why");
	}
}

static void explain_session(struct subject *s)
{
	const struct yett_known *known = s->known, *via;
	bool far;
	char span[32];

	if (known == NULL) {
		yett_explain_step(
			s->of, "session", NULL, YETT_STEP_NOT_REACHED, "it has never had one here");
		return;
	}
	via = yett_manage_find(s->manage, &known->via);
	far = !known->live && yett_share_has(s->manage, known);
	if (!known->live && !far) {
		explain_gone(s);
		return;
	}
	if (far) {
		const struct yett_server *server = yett_share_find(s->manage, &known->far);

		yett_explain_step(s->of, "session", server != NULL ? server->name : NULL,
			YETT_STEP_OK, "at another management server");
		return;
	}
	yett_explain_step(s->of, "session",
		via != NULL && via != known ? via->name : s->manage->node->name, YETT_STEP_OK,
		"open for %s", ago(s, known->changed_ns, span));
}

static void explain_heartbeat(struct subject *s)
{
	const struct yett_known *known = s->known;
	bool missing = strstr(s->verdict.cause, "heartbeats are missing") != NULL;
	char span[32];

	if (known == NULL || (!known->live && !yett_share_has(s->manage, known))) {
		yett_explain_step(s->of, "heartbeat", NULL, YETT_STEP_NOT_REACHED, "not reached");
		return;
	}
	ago(s, known->heard_ns, span);
	yett_explain_step(s->of, "heartbeat", NULL, missing ? YETT_STEP_FAILED : YETT_STEP_OK,
		"the last %s ago", span);
	if (missing) {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "heartbeat",
			"look there: yettctl explain says whether it answers",
			"%s has a session, and its heartbeats are missing for %s: it hangs, or is "
			"overloaded",
			s->name, span);
	}
}

/* The clock by the session, where there is one here. */
static void explain_clock(struct subject *s)
{
	const struct yett_node *node = s->manage->node;

	for (guint i = 0; s->known != NULL && i < node->peers->len; i++) {
		const struct yett_peer *peer = node->peers->pdata[i];
		char span[32];

		if (peer->state != YETT_PEER_OPEN || !yett_id_equal(&peer->id, &s->known->id)) {
			continue;
		}
		yett_explain_step(s->of, "clock", NULL,
			llabs(peer->clock_offset_ns) > CLOCK_FAR_NS ? YETT_STEP_WARNING
								    : YETT_STEP_OK,
			"its clock is %s %s ours",
			yett_explain_span((uint64_t)llabs(peer->clock_offset_ns), span),
			peer->clock_offset_ns < 0 ? "behind" : "ahead of");
		return;
	}
}

static void explain_health(struct subject *s)
{
	const struct yett_known *known = s->known;
	enum yett_health health = s->verdict.health;

	if (known == NULL) {
		return;
	}
	yett_explain_step(s->of, "backlog", NULL,
		known->backlog_s * YETT_SEC > yett_backlog_warning_ns(s->manage, known)
			? YETT_STEP_WARNING
			: YETT_STEP_OK,
		"the oldest waits for %" PRIu32 " s, it says", known->backlog_s);
	yett_explain_step(s->of, "health", NULL,
		health == YETT_HEALTH_HEALTHY         ? YETT_STEP_OK
		: health == YETT_HEALTH_UNREACHABLE   ? YETT_STEP_FAILED
		: health == YETT_HEALTH_NOT_MONITORED ? YETT_STEP_NOT_REACHED
						      : YETT_STEP_WARNING,
		"%s%s%s", yett_health_text(health), s->verdict.cause[0] != '\0' ? ": " : "",
		s->verdict.cause);
	if (health == YETT_HEALTH_WARNING || health == YETT_HEALTH_CRITICAL) {
		yett_explain_cause(s->of, YETT_EXPLAINED_DEGRADED, "health",
			"see yettctl explain on the node itself", "%s is there, and not well: %s",
			s->name, s->verdict.cause);
	} else if (health == YETT_HEALTH_UNREACHABLE) {
		yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "health",
			"look there: yettctl explain", "%s is unreachable: %s", s->name,
			s->verdict.cause);
	}
}

static void explain_subject(struct subject *s)
{
	explain_identity(s);
	if (!explain_behind(s)) {
		explain_authentication(s);
		explain_admission(s);
		explain_session(s);
		explain_clock(s);
		explain_heartbeat(s);
	}
	explain_health(s);
}

/* Another management server is no node that comes here. */
static bool explain_server(struct subject *s)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, s->manage->servers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_server *server = value;
		bool fresh = yett_share_fresh(s->manage, server);

		if (strcmp(server->name, s->name) != 0) {
			continue;
		}
		yett_explain_step(s->of, "server", NULL, fresh ? YETT_STEP_OK : YETT_STEP_FAILED,
			"it says in the store %s", fresh ? "that it is there" : "nothing any more");
		if (!fresh) {
			yett_explain_cause(s->of, YETT_EXPLAINED_BLOCKED, "server",
				"start it, or mend its way to the group's store",
				"the management server %s %s", server->name,
				server->stopped ? "was stopped" : "has fallen silent in the store");
		} else if (server->cause[0] != '\0') {
			yett_explain_cause(s->of, YETT_EXPLAINED_DEGRADED, "server",
				"see yettctl explain there", "%s is there, and not well: %s",
				server->name, server->cause);
		}
		return true;
	}
	return false;
}

bool yett_explain_find(const struct yett_manage *manage, const char *text,
	char ret_name[YETT_NODE_NAME_SIZE], const struct yett_known **ret_known,
	struct yett_error *error)
{
	GHashTable *names = all_names(manage);
	bool found = false;

	if (!complete(names, text, ret_name)) {
		yett_fail(error, YETT_EINVAL, "node=NAME, its fully qualified name",
			"\"%.200s\" is no name of a node", text);
	} else if (!g_hash_table_contains(names, ret_name)) {
		fail_unknown(names, ret_name, error);
	} else {
		*ret_known = yett_known_named(manage, ret_name);
		found = true;
	}
	g_hash_table_unref(names);
	return found;
}

bool yett_explain_other(struct yett_manage *manage, const char *text,
	struct yett_explanation *ret_explanation, char ret_name[YETT_NODE_NAME_SIZE],
	struct yett_error *error)
{
	struct subject s = {.manage = manage, .of = ret_explanation, .name = ret_name};
	GHashTable *names = all_names(manage);
	bool found = true;

	if (!complete(names, text, ret_name)) {
		g_hash_table_unref(names);
		yett_fail(error, YETT_EINVAL, "node=NAME, its fully qualified name",
			"\"%.200s\" is no name of a node", text);
		return false;
	}
	s.known = yett_known_named(manage, ret_name);
	s.refusal = yett_refusal_find(manage->node, ret_name);
	if (manage->court != NULL) {
		s.decision = yett_court_decision(manage->court, ret_name, &s.decided_gateway);
		s.pending = yett_court_find(manage->court, YETT_TABLE_PENDING, ret_name);
	}
	yett_explain_init(ret_explanation);
	if (strcmp(ret_name, manage->node->name) == 0) {
		json_decref(ret_explanation->steps);
		yett_explain_self(manage, ret_explanation);
	} else if (s.known != NULL || s.refusal != NULL || s.decision != NULL ||
		   s.pending != NULL) {
		if (s.known != NULL) {
			yett_manage_judge(manage, s.known, &s.verdict);
		}
		explain_subject(&s);
		if (s.known == NULL) {
			yett_explain_cause(s.of, YETT_EXPLAINED_BLOCKED, "session",
				"start it, and see there: yettctl explain",
				"%s may come, and never has", s.name);
		}
	} else if (!explain_server(&s)) {
		json_decref(ret_explanation->steps);
		ret_explanation->steps = NULL;
		fail_unknown(names, ret_name, error);
		found = false;
	}
	g_hash_table_unref(names);
	return found;
}
