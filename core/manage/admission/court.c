/* The court: who may take part, on a management server.
 *
 * Responsible for judging whoever knocks here or at a gateway, for who waits for a decision, and for what is
 * said of that, signed. Not responsible for the decisions as the registry has them (papers.c), for how
 * a person changes them (change.c), for the group's keys (group.c), nor for what gateways keep (ask.c).
 * On the loop; what it writes is written by compare-and-set. */
#include "court.h"

#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../base/name.h"
#include "../../flow/stages.h"

#define RETRY_DECIDING_MS 1000
#define RETRY_PENDING_MS  5000
#define RETRY_REFUSED_MS  15000
#define RETRY_EACH_MS     10 /* more for each that waits: a thousand do not come at once */
#define RETRY_MAX_MS      60000
#define PENDING_VALID_S   60 /* what is said of who waits, and of who is refused by a setting */
#define REFUSED_VALID_S   300
#define AGENTS_MAX        200000 /* that rules and the setting approve, at most */
#define DECISION_DAYS     7

/* What a decision, a rule or a setting says. */
struct outcome {
	uint32_t verdict; /* NONE: it is being decided */
	bool gateway;
	bool replaced;     /* another id of its name is approved */
	const char *owner; /* it has that one's id; NULL: it has not */
};

static const char *setting(const struct yett_court *court, const char *key)
{
	return yett_paper_text(yett_court_find(court, YETT_TABLE_GROUP, "settings"), key);
}

static bool rule_matches(
	const struct yett_court *court, const json_t *rule, const struct yett_admission_ask *ask)
{
	const char *site = json_string_value(json_object_get(rule, "site"));
	const char *name = json_string_value(json_object_get(rule, "name"));
	const char *method = json_string_value(json_object_get(rule, "method"));
	const char *authority = json_string_value(json_object_get(rule, "authority"));

	return name != NULL && yett_name_match(name, ask->name) &&
	       (method == NULL || strcmp(method, ask->method) == 0) &&
	       (authority == NULL || strcmp(authority, ask->authority) == 0) &&
	       (site == NULL || yett_manage_at_site(court->manage, ask->via, site));
}

/* The rule that approves an agent, or NULL. */
static const char *rule_for(const struct yett_court *court, const struct yett_admission_ask *ask)
{
	const struct yett_paper *settings = yett_court_find(court, YETT_TABLE_GROUP, "settings");
	const json_t *rules = settings != NULL ? json_object_get(settings->json, "rules") : NULL;

	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i);

		if (rule_matches(court, rule, ask)) {
			return json_string_value(json_object_get(rule, "name"));
		}
	}
	return NULL;
}

/* What is known of who asks, as a document. */
static json_t *describe(const struct yett_court *court, const struct yett_admission_ask *ask)
{
	char id[YETT_ID_TEXT_SIZE], since[32];

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name",
		ask->name, "id", yett_id_text(&ask->id, id), "type",
		ask->as == YETT_AS_GATEWAY ? "Gateway" : "Manual Agent Install", "method",
		ask->method, "authority", ask->authority, "principal", ask->principal,
		"fingerprint", ask->fingerprint, "address", ask->address, "via", ask->via, "server",
		court->manage->node->name, "since",
		yett_time_text(yett_clock_wall(court->manage->node->clock), since, sizeof(since)));
}

struct deciding {
	struct yett_court *court;
	char *name;
};

static void decided(void *arg, int result)
{
	struct deciding *deciding = arg;

	(void)result; /* a conflict: another server was faster, and its document comes by itself */
	if (result != YETT_ECLOSED) {
		g_hash_table_remove(deciding->court->deciding, deciding->name);
	}
	g_free(deciding->name);
	g_free(deciding);
}

/* Writes a document of a name, unless one is on its way. */
static void write_once(struct yett_court *court, const char *table, const char *name, json_t *json,
	const char *by, const char *what)
{
	struct deciding *deciding;

	if (json == NULL || !g_hash_table_add(court->deciding, g_strdup(name))) {
		json_decref(json);
		return;
	}
	deciding = g_new0(struct deciding, 1);
	deciding->court = court;
	deciding->name = g_strdup(name);
	yett_court_change(court, table, name, json, by, what, decided, deciding);
}

void yett_court_hold(struct yett_court *court, const struct yett_admission_ask *ask)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_PENDING, ask->name);
	char id[YETT_ID_TEXT_SIZE];

	if (paper != NULL &&
		strcmp(yett_paper_text(paper, "id"), yett_id_text(&ask->id, id)) == 0) {
		return;
	}
	if (paper != NULL && ask->via[0] != '\0' &&
		strcmp(yett_paper_text(paper, "via"), ask->via) != 0) {
		/* Else a gateway could put an id of its own there, just before somebody approves. */
		yett_log(YETT_LOG_WARNING, "pending-contested",
			"a gateway asks for a name with another node id than the one that waits "
			"for "
			"a decision by another way; that one stands: decide on it name=%s via=%s "
			"waits-via=%s",
			ask->name, ask->via, yett_paper_text(paper, "via"));
		return;
	}
	if (paper == NULL &&
		court->pending + g_hash_table_size(court->deciding) >= YETT_PENDING_MAX) {
		yett_log(YETT_LOG_WARNING, "pending-full",
			"%u nodes wait for a decision already, so one more is refused and not "
			"listed; decide on those (yettctl pending) name=%s",
			court->pending, ask->name);
		return;
	}
	write_once(court, YETT_TABLE_PENDING, ask->name, describe(court, ask), NULL, NULL);
}

static void approve_by(
	struct yett_court *court, const struct yett_admission_ask *ask, const char *why)
{
	json_t *json = describe(court, ask);
	g_autofree char *by = g_strdup_printf("rule %s", why);

	if (json != NULL) {
		json_object_set_new(json, "verdict", json_string("approved"));
		json_object_set_new(json, "by", json_string(by));
		json_object_set(json, "at", json_object_get(json, "since"));
		if (ask->via[0] != '\0') {
			json_object_set_new(json, YETT_HEARSAY, json_string(ask->via));
		}
	}
	write_once(court, YETT_TABLE_AGENTS, ask->name, json, by, "agent approve");
}

enum standing { OTHER, BINDING, STANDS };

/* As the one of its name that was approved. Where a gateway has told of it, that gateway is noted: it may have
 * asked for a name that is approved, or that a rule fits, with an id of its own. */
static void bind_id(struct yett_court *court, const struct yett_paper *paper, bool gateway,
	const struct yett_admission_ask *ask)
{
	const char *bound = yett_paper_text(paper, "id");
	json_t *json = json_copy(paper->json);
	char id[YETT_ID_TEXT_SIZE];

	yett_id_text(&ask->id, id);
	if (bound[0] != '\0' && strcmp(bound, id) != 0) {
		json_object_set_new(json, "replaced", json_string(bound)); /* gateways hear of it */
	}
	json_object_set_new(json, "id", json_string(id));
	json_object_set_new(json, "method", json_string(ask->method));
	json_object_set_new(json, "authority", json_string(ask->authority));
	json_object_del(json, YETT_HEARSAY);
	if (ask->via[0] != '\0') {
		json_object_set_new(json, YETT_HEARSAY, json_string(ask->via));
	}
	write_once(court, gateway ? YETT_TABLE_GATEWAYS : YETT_TABLE_AGENTS, ask->name, json,
		yett_paper_text(paper, "by"), "bind the id");
}

/* The node has proved its name here, and a gateway had told another id of it. */
static void replace_hearsay(struct yett_court *court, const struct yett_paper *paper, bool gateway,
	const struct yett_admission_ask *ask)
{
	char id[YETT_ID_TEXT_SIZE];

	if (!g_hash_table_contains(court->deciding, ask->name)) {
		yett_log(YETT_LOG_WARNING, "binding-replaced",
			"a node that has proved its name here takes the place of another id that "
			"a gateway had told for that name: it was installed anew, or look at that "
			"gateway name=%s id=%s replaced=%s via=%s address=%s",
			ask->name, yett_id_text(&ask->id, id), yett_paper_text(paper, "id"),
			yett_paper_text(paper, YETT_HEARSAY), ask->address);
	}
	bind_id(court, paper, gateway, ask);
}

/* The approved id stands: another one with that name waits for a decision of its own. The first one
 * that comes is bound, where the name was approved before it came: it is let in when that is written,
 * since until then any other would be the first as well. Unless its id is another node's: then somebody
 * decides. What only a gateway has told stands until the node itself comes here. */
static enum standing id_stands(struct yett_court *court, const struct yett_paper *paper,
	bool gateway, const struct yett_admission_ask *ask)
{
	const char *bound = yett_paper_text(paper, "id");
	bool hearsay = yett_paper_text(paper, YETT_HEARSAY)[0] != '\0';
	bool proved = ask->via[0] == '\0';
	char id[YETT_ID_TEXT_SIZE];

	if (strcmp(bound, yett_id_text(&ask->id, id)) == 0) {
		if (hearsay && proved) {
			bind_id(court, paper, gateway, ask); /* from now on it stands */
		}
		return STANDS;
	}
	if ((bound[0] != '\0' && !(hearsay && proved)) ||
		yett_judge_owner(court->manage, &ask->id, ask->name) != NULL) {
		return OTHER;
	}
	if (bound[0] != '\0') {
		replace_hearsay(court, paper, gateway, ask);
	} else {
		bind_id(court, paper, gateway, ask);
	}
	return BINDING;
}

static struct outcome of_unknown_agent(
	struct yett_court *court, const struct yett_admission_ask *ask, bool act)
{
	const char *manual = setting(court, "manual_agents");
	const char *rule = rule_for(court, ask);
	const char *owner = yett_judge_owner(court->manage, &ask->id, ask->name);
	bool by_itself = rule != NULL || strcmp(manual, "approve") == 0;

	/* Without a person nobody fills the registry with names, nor gets another one's id. */
	if (by_itself && owner == NULL &&
		g_hash_table_size(yett_court_table(court, YETT_TABLE_AGENTS)) < AGENTS_MAX &&
		g_hash_table_size(court->deciding) < YETT_PENDING_MAX) {
		if (act) {
			approve_by(court, ask, rule != NULL ? rule : "manual-agents = approve");
		}
		return (struct outcome){.verdict = YETT_DECIDED_NONE};
	}
	if (strcmp(manual, "review") == 0 || (by_itself && owner != NULL)) {
		if (act) {
			yett_court_hold(court, ask);
		}
		return (struct outcome){.verdict = YETT_DECIDED_PENDING, .owner = owner};
	}
	return (struct outcome){.verdict = YETT_DECIDED_REFUSED};
}

/* `act`: whoever asks may be written down, as waiting or as approved by a rule. */
static struct outcome decide(
	struct yett_court *court, const struct yett_admission_ask *ask, bool act)
{
	bool gateway;
	const struct yett_paper *paper = yett_court_decision(court, ask->name, &gateway);
	uint32_t verdict = yett_paper_verdict(paper);
	enum standing standing = OTHER;

	if (verdict == YETT_DECIDED_REJECTED || verdict == YETT_DECIDED_REVOKED) {
		return (struct outcome){.verdict = verdict, .gateway = gateway};
	}
	if (verdict == YETT_DECIDED_APPROVED && (gateway || ask->as != YETT_AS_GATEWAY)) {
		standing = id_stands(court, paper, gateway, ask);
	}
	if (standing != OTHER) {
		return (struct outcome){.verdict = standing == STANDS ? verdict : YETT_DECIDED_NONE,
			.gateway = gateway};
	}
	if (verdict == YETT_DECIDED_APPROVED || ask->as == YETT_AS_GATEWAY) {
		/* Another id, or one that would speak for others: a person decides. */
		if (act) {
			yett_court_hold(court, ask);
		}
		return (struct outcome){.verdict = YETT_DECIDED_PENDING,
			.gateway = ask->as == YETT_AS_GATEWAY,
			.replaced = verdict == YETT_DECIDED_APPROVED,
			.owner = yett_judge_owner(court->manage, &ask->id, ask->name)};
	}
	return of_unknown_agent(court, ask, act);
}

static uint32_t later(const struct yett_court *court, uint32_t base_ms)
{
	return MIN(base_ms + RETRY_EACH_MS * court->pending, RETRY_MAX_MS);
}

static void log_refused(const struct yett_admission_ask *ask, const struct outcome *outcome)
{
	const char *way = ask->via[0] != '\0' ? ask->via : "-";

	if (outcome->verdict == YETT_DECIDED_PENDING && outcome->owner != NULL) {
		yett_log(YETT_LOG_WARNING, "id-taken",
			"a node comes with the id of another one: a copy, or it was renamed; if it "
			"is the latter: yettctl %s approve %s owner=%s address=%s via=%s",
			outcome->gateway ? "gateway" : "agent", ask->name, outcome->owner,
			ask->address, way);
	} else if (outcome->verdict == YETT_DECIDED_PENDING && outcome->replaced) {
		yett_log(YETT_LOG_WARNING, "node-replaced",
			"another node id comes with a name that is approved: a copy, or installed "
			"anew; if it is the latter: yettctl %s approve %s address=%s via=%s",
			outcome->gateway ? "gateway" : "agent", ask->name, ask->address, way);
	} else if (outcome->gateway && outcome->verdict == YETT_DECIDED_PENDING) {
		yett_log(YETT_LOG_WARNING, "gateway-not-approved",
			"a gateway is refused until it is approved: yettctl gateway approve %s "
			"address=%s via=%s method=%s authority=\"%s\"",
			ask->name, ask->address, way, ask->method, ask->authority);
	} else if (outcome->verdict == YETT_DECIDED_PENDING) {
		yett_log(YETT_LOG_NOTICE, "agent-pending",
			"an agent waits for a decision (or reject it): yettctl agent approve %s "
			"address=%s via=%s method=%s authority=\"%s\"",
			ask->name, ask->address, way, ask->method, ask->authority);
	} else if (outcome->verdict == YETT_DECIDED_REFUSED) {
		yett_log(YETT_LOG_WARNING, "agent-refused",
			"an agent that nobody has approved is refused, as the group's setting "
			"manual-agents says; to let it in: yettctl agent approve %s --ahead "
			"address=%s via=%s method=%s authority=\"%s\"",
			ask->name, ask->address, way, ask->method, ask->authority);
	} else if (outcome->verdict != YETT_DECIDED_NONE) {
		yett_log(YETT_LOG_WARNING, "node-barred",
			"a node that was %s is refused; to let it in again: yettctl %s approve %s "
			"address=%s via=%s",
			yett_verdict_text(outcome->verdict), outcome->gateway ? "gateway" : "agent",
			ask->name, ask->address, way);
	}
}

static void refuse(const struct yett_court *court, const char *name, const struct outcome *outcome,
	struct yett_judgement *ret)
{
	if (outcome->verdict == YETT_DECIDED_PENDING && outcome->owner != NULL) {
		yett_judge_say_taken(court->manage, name, outcome->owner, ret);
		return;
	}
	ret->admitted = ret->proxy = false;
	ret->code = YETT_REFUSE_ADMISSION;
	g_snprintf(ret->mend, sizeof(ret->mend),
		"ask an administrator of the management group: yettctl %s approve %s",
		outcome->gateway ? "gateway" : "agent", name);
	switch (outcome->verdict) {
	case YETT_DECIDED_NONE:
		ret->code = YETT_REFUSE_UNAVAILABLE;
		ret->retry_after_ms = RETRY_DECIDING_MS;
		ret->mend[0] = '\0';
		g_snprintf(ret->cause, sizeof(ret->cause), "%s is being approved", name);
		return;
	case YETT_DECIDED_PENDING:
		ret->retry_after_ms = later(court, RETRY_PENDING_MS);
		g_snprintf(ret->cause, sizeof(ret->cause), "%s waits for approval", name);
		return;
	default:
		ret->retry_after_ms = later(court, RETRY_REFUSED_MS);
		g_snprintf(ret->cause, sizeof(ret->cause),
			outcome->verdict == YETT_DECIDED_REFUSED
				? "%s is not approved, and this group refuses agents "
				  "that nobody has approved"
				: "%s is barred from this group",
			name);
	}
}

void yett_court_judge(struct yett_court *court, const struct yett_admission_ask *ask, bool fresh,
	struct yett_judgement *ret)
{
	bool gateway;
	const struct yett_paper *paper = yett_court_decision(court, ask->name, &gateway);
	uint32_t verdict = yett_paper_verdict(paper);
	struct outcome outcome;

	/* A list lets in whom nobody has barred by name. */
	if (ret->admitted && verdict <= YETT_DECIDED_APPROVED) {
		ret->proxy = ret->proxy || (gateway && verdict == YETT_DECIDED_APPROVED &&
						   id_stands(court, paper, true, ask) == STANDS);
		return;
	}
	outcome = decide(court, ask, fresh);
	if (outcome.verdict == YETT_DECIDED_APPROVED) {
		ret->admitted = true;
		ret->proxy = outcome.gateway;
		return;
	}
	log_refused(ask, &outcome);
	refuse(court, ask->name, &outcome, ret);
}

bool yett_court_proxy(const struct yett_court *court, const char *name)
{
	bool gateway;
	const struct yett_paper *paper = yett_court_decision(court, name, &gateway);

	return gateway && yett_paper_verdict(paper) == YETT_DECIDED_APPROVED;
}

bool yett_court_binds(const struct yett_court *court, const struct yett_id *id, const char *name)
{
	bool gateway;
	const struct yett_paper *paper = yett_court_decision(court, name, &gateway);
	char text[YETT_ID_TEXT_SIZE];

	return yett_paper_verdict(paper) == YETT_DECIDED_APPROVED &&
	       yett_paper_text(paper, YETT_HEARSAY)[0] == '\0' &&
	       strcmp(yett_paper_text(paper, "id"), yett_id_text(id, text)) == 0;
}

bool yett_court_contradicts(
	const struct yett_court *court, const struct yett_id *id, const char *name)
{
	const struct yett_known *known = yett_manage_find(court->manage, id);
	const struct yett_paper *paper;
	char text[YETT_ID_TEXT_SIZE];
	bool gateway;

	yett_id_text(id, text);
	paper = name[0] != '\0' ? yett_court_decision(court, name, &gateway) : NULL;
	if (yett_paper_verdict(paper) == YETT_DECIDED_APPROVED &&
		yett_paper_text(paper, "id")[0] != '\0') {
		return strcmp(yett_paper_text(paper, "id"), text) != 0;
	}
	if (known == NULL || known->name[0] == '\0' || strcmp(known->name, name) == 0) {
		return false;
	}
	paper = yett_court_decision(court, known->name, &gateway);
	return yett_paper_verdict(paper) > YETT_DECIDED_APPROVED ||
	       strcmp(yett_paper_text(paper, "id"), text) == 0;
}

bool yett_court_barred(const struct yett_court *court, const char *name)
{
	bool gateway;

	return yett_paper_verdict(yett_court_decision(court, name, &gateway)) >
	       YETT_DECIDED_APPROVED;
}

/* Signed, for gateways. */

static bool sign(
	struct yett_court *court, struct yett_decision *decision, int64_t valid_s, GByteArray *to)
{
	uint64_t generation;

	if (court->server_key == NULL || court->certificate == NULL) {
		return false;
	}
	yett_store_id(court->manage->node, &generation);
	decision->group = court->trust.group;
	decision->generation = generation;
	decision->issued_s = yett_clock_wall(court->manage->node->clock) / (int64_t)YETT_SEC;
	decision->expires_s = decision->issued_s + valid_s;
	return yett_decision_sign(decision, court->server_key, court->certificate, to) == 0 &&
	       to->len <= YETT_SIGNED_MAX;
}

static int64_t valid_s(const struct yett_court *court)
{
	const struct yett_paper *settings = yett_court_find(court, YETT_TABLE_GROUP, "settings");
	json_int_t days =
		settings != NULL
			? json_integer_value(json_object_get(settings->json, "decision_days"))
			: 0;

	return (days > 0 ? days : DECISION_DAYS) * INT64_C(86400);
}

/* Of whatever was written about a name; what is said of it next is newer. */
static uint64_t newest_revision(const struct yett_court *court, const char *name)
{
	static const char *const of[] = {YETT_TABLE_GATEWAYS, YETT_TABLE_AGENTS};
	const struct yett_paper *settings = yett_court_paper(court, YETT_TABLE_GROUP, "settings");
	uint64_t newest = settings != NULL ? settings->revision : 0;

	for (size_t i = 0; i < G_N_ELEMENTS(of); i++) {
		const struct yett_paper *paper = yett_court_paper(court, of[i], name);

		newest = MAX(newest, paper != NULL ? paper->revision : 0);
	}
	return newest;
}

/* Nobody has decided on it: what is said now holds for a short while only. */
static bool sign_undecided(struct yett_court *court, const char *name, const struct yett_id *id,
	uint32_t verdict, GByteArray *to)
{
	const struct yett_known *known = yett_known_named(court->manage, name);
	struct yett_decision decision = {
		.as = known != NULL && known->relay ? YETT_AS_GATEWAY : YETT_AS_AGENT,
		.verdict = verdict,
		.revision = newest_revision(court, name)};

	if (id != NULL) {
		decision.id = *id;
	}
	g_strlcpy(decision.name, name, sizeof(decision.name));
	return sign(court, &decision,
		verdict == YETT_DECIDED_PENDING ? PENDING_VALID_S : REFUSED_VALID_S, to);
}

bool yett_court_sign(struct yett_court *court, const char *name, GByteArray *to)
{
	struct yett_decision decision = {.as = YETT_AS_AGENT};
	bool gateway;
	const struct yett_paper *paper = yett_court_decision(court, name, &gateway);

	if (paper == NULL) {
		return sign_undecided(court, name, NULL, YETT_DECIDED_PENDING, to);
	}
	g_strlcpy(decision.name, name, sizeof(decision.name));
	decision.verdict = yett_paper_verdict(paper);
	decision.as = gateway ? YETT_AS_GATEWAY : YETT_AS_AGENT;
	decision.revision = newest_revision(court, name);
	yett_id_parse(yett_paper_text(paper, "id"), &decision.id);
	return sign(court, &decision, valid_s(court), to);
}

bool yett_court_answer(
	struct yett_court *court, const struct yett_admission_ask *ask, GByteArray *to)
{
	struct outcome outcome = decide(court, ask, true);
	bool gateway;

	if (outcome.verdict != YETT_DECIDED_APPROVED) {
		log_refused(ask, &outcome);
	}
	if (outcome.verdict == YETT_DECIDED_NONE) {
		return false; /* it follows when it is written */
	}
	/* Where another id, or as an agent, is approved: that is what the gateway hears, or whoever asks
	 * with a copy would put the approved one out. */
	if (yett_court_decision(court, ask->name, &gateway) != NULL) {
		return yett_court_sign(court, ask->name, to);
	}
	return sign_undecided(court, ask->name, &ask->id, outcome.verdict, to);
}
