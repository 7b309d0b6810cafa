/* Why this node's data arrives, or does not: its own way up, step by step.
 *
 * Responsible for walking each upstream (name, connection, TLS, clock, authentication, admission, path,
 * acknowledgements, the last proof), then the queue, the store and the heartbeats, by what the flow has
 * seen; and for the one cause that blocks: the first step that failed on the way that counts. Nothing is
 * tried here, and nothing waits: the flow tries all the time, and remembers why the last try failed. Not
 * responsible for other nodes (explain-node.c), nor for layout (ctl/). On the loop. */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../pki/certificate.h"

#define CLOCK_OFF_NS  (60 * (int64_t)YETT_SEC)  /* what times that do not hold are laid on */
#define CLOCK_FAR_NS  (300 * (int64_t)YETT_SEC) /* Kerberos allows no more */
#define STALLED_NS    (10 * YETT_SEC)
#define CONNECTING_NS (5 * YETT_SEC)

/* The steps of a way, in their order. */
enum way_step { RESOLVE, CONNECT, TLS, CLOCK, AUTHENTICATE, ADMIT, PATH, ACKNOWLEDGE, WAY_STEPS };
static const char *const way_steps[WAY_STEPS] = {"name resolution", "connection", "tls", "clock",
	"authentication", "admission", "path to the store", "acknowledgement"};

void yett_explain_init(struct yett_explanation *explanation)
{
	memset(explanation, 0, sizeof(*explanation));
	explanation->steps = json_array();
}

void yett_explain_step(struct yett_explanation *explanation, const char *step, const char *about,
	enum yett_step_state state, const char *format, ...)
{
	static const char *const states[] = {"ok", "warning", "failed", "not reached"};
	char seen[640];
	va_list args;

	va_start(args, format);
	vsnprintf(seen, sizeof(seen), format, args);
	va_end(args);
	yett_text_trim(seen);
	json_array_append_new(
		explanation->steps, json_pack("{s:s, s:s?, s:s, s:s}", "step", step, "about", about,
					    "state", states[state], "seen", seen));
}

void yett_explain_cause(struct yett_explanation *explanation, enum yett_explained state,
	const char *step, const char *mend, const char *format, ...)
{
	va_list args;

	if (state <= explanation->state) {
		return;
	}
	explanation->state = state;
	explanation->blocked_at = step;
	va_start(args, format);
	vsnprintf(explanation->cause, sizeof(explanation->cause), format, args);
	va_end(args);
	g_strlcpy(explanation->mend, mend != NULL ? mend : "", sizeof(explanation->mend));
	yett_text_trim(explanation->cause);
	yett_text_trim(explanation->mend);
}

json_t *yett_explain_json(
	struct yett_explanation *explanation, const char *node, const char *seen_from)
{
	static const char *const states[] = {"well", "unknown", "degraded", "blocked"};
	char sentence[1024];
	json_t *json;

	if (explanation->state == YETT_EXPLAINED_WELL) {
		g_snprintf(sentence, sizeof(sentence), "nothing stands in the way of %s", node);
	} else {
		g_snprintf(sentence, sizeof(sentence), "%s%s%s", explanation->cause,
			explanation->mend[0] != '\0' ? "; " : "", explanation->mend);
	}
	json = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s, s:o, s:[], s:n, s:n}", "node",
		node, "seen_from", seen_from, "state", states[explanation->state], "blocked_at",
		explanation->blocked_at, "cause",
		explanation->cause[0] != '\0' ? explanation->cause : NULL, "mend",
		explanation->mend[0] != '\0' ? explanation->mend : NULL, "sentence", sentence,
		"steps", explanation->steps, "gateways", "own", "own_why");
	explanation->steps = NULL;
	return json;
}

const char *yett_explain_span(uint64_t span_ns, char ret_text[32])
{
	double seconds = (double)span_ns / (double)YETT_SEC;

	if (seconds < 120) {
		g_snprintf(ret_text, 32, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
	} else if (seconds < 7200) {
		g_snprintf(ret_text, 32, "%.0f min", seconds / 60);
	} else if (seconds < 172800) {
		g_snprintf(ret_text, 32, "%.0f h", seconds / 3600);
	} else {
		g_snprintf(ret_text, 32, "%.0f days", seconds / 86400);
	}
	return ret_text;
}

/* The causes that a clock can have made: what auth-x509 and auth-kerberos say of times. */
static bool is_about_time(const char *cause)
{
	static const char *const phrases[] = {"has expired on", "is not valid before",
		"should have been renewed by", "clocks differ", "ticket has expired"};

	for (size_t i = 0; i < G_N_ELEMENTS(phrases); i++) {
		if (strstr(cause, phrases[i]) != NULL) {
			return true;
		}
	}
	return false;
}

static bool clock_is_off(const struct yett_failure *failure)
{
	return failure->clock_known && llabs(failure->clock_offset_ns) >= CLOCK_OFF_NS;
}

/* Which step a try has failed at. */
static enum way_step failed_at(const struct yett_failure *failure)
{
	switch (failure->state) {
	case YETT_PEER_CONNECTING:
		if (failure->reached) {
			return TLS;
		}
		return failure->result == YETT_ENOTFOUND ? RESOLVE : CONNECT;
	case YETT_PEER_HELLO:
		return failure->code == YETT_REFUSE_BUSY ? ADMIT : TLS;
	case YETT_PEER_AUTH:
		if (is_about_time(failure->cause) && clock_is_off(failure)) {
			return CLOCK;
		}
		return failure->code == YETT_REFUSE_BUSY ? ADMIT : AUTHENTICATE;
	case YETT_PEER_INTRO:
		return failure->code == YETT_REFUSE_UNAVAILABLE ? PATH : ADMIT;
	default:
		return CONNECT; /* a session that has ended: it is gone, whatever it was */
	}
}

/* Without saying once more whose words they are. */
static const char *words_of(const struct yett_failure *failure)
{
	static const char *const prefixes[] = {"the peer says: ", "the peer does not accept us: "};

	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		if (failure->told && g_str_has_prefix(failure->cause, prefixes[i])) {
			return failure->cause + strlen(prefixes[i]);
		}
	}
	return failure->cause;
}

/* What is wrong with our own certificate; false: nothing that can be seen from here. */
static bool own_certificate(const struct yett_node *node, char *ret_what, size_t what_size,
	char *ret_mend, size_t mend_size)
{
	const struct yett_block *transport = &node->settings->transport;
	const struct yett_schema *row =
		transport->descriptor != NULL ? transport->descriptor->schema : NULL;
	struct yett_certificate_against against = {
		.name = node->name, .now = yett_clock_wall(node->clock) / (int64_t)YETT_SEC};
	struct yett_certificate *certificate = NULL;
	const char *path = NULL;
	bool wrong = false;

	for (; row != NULL && row->name != NULL; row++) {
		if (strcmp(row->name, "certificate") == 0 && row->type == YETT_TYPE_PATH &&
			(row->flags & YETT_SCHEMA_LIST) == 0) {
			memcpy(&path, (const char *)transport->settings + row->offset,
				sizeof(path));
		}
	}
	if (path == NULL || path[0] == '\0' ||
		yett_certificate_examine(path, &against, &certificate, NULL) != 0) {
		return false;
	}
	if (certificate->problems->len > 0) {
		const struct yett_certificate_problem *problem = certificate->problems->pdata[0];

		g_strlcpy(ret_what, problem->what, what_size);
		g_strlcpy(ret_mend, problem->mend, mend_size);
		wrong = true;
	}
	yett_certificate_free(&certificate);
	return wrong;
}

static void clock_cause(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_failure *failure = &link->failure;
	char span[32];

	yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[CLOCK],
		"set the clock that is wrong, and let an NTP service keep it right",
		"the clock of this node is %s %s that of %s, so what holds for a time does not "
		"hold here (%.160s)",
		yett_explain_span((uint64_t)llabs(failure->clock_offset_ns), span),
		failure->clock_offset_ns > 0 ? "behind" : "ahead of", link->name, failure->cause);
}

static void denied_cause(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_node *node = link->node;
	const struct yett_failure *failure = &link->failure;
	char what[300], mend[300];

	if (own_certificate(node, what, sizeof(what), mend, sizeof(mend))) {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[AUTHENTICATE], mend,
			"%s does not accept this node's certificate, in which something is wrong: "
			"%s",
			link->name, what);
		return;
	}
	g_snprintf(mend, sizeof(mend), "what is wrong says, there: yettctl explain %s", node->name);
	yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[AUTHENTICATE], mend,
		"%s does not accept this node: %s", link->name, words_of(failure));
}

static void connect_cause(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_failure *failure = &link->failure;

	if (failure->state == YETT_PEER_OPEN) {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[CONNECT],
			failure->mend[0] != '\0' ? failure->mend : "it is connected to again soon",
			"the session with %s at %s has ended: %s", link->name, failure->address,
			failure->cause);
	} else if (failure->result == YETT_ETIMEOUT || failure->result == 0) {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[CONNECT],
			"check the address of the upstream, and the firewalls in between",
			"nothing answers at %s, the address of %s: what is sent there is swallowed",
			failure->address, link->name);
	} else {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[CONNECT],
			"start yettd there, or mend the address of the upstream",
			"nobody listens at %s, the address of %s, or no route leads there",
			failure->address, link->name);
	}
}

static void path_cause(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_peer *peer = link->peer;

	if (link->path.open) {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[PATH],
			"give one of the two another upstream",
			"the way of %s to the store leads back through this node, or is too long",
			link->name);
	} else if (peer != NULL && (peer->flags & YETT_INTRO_STORE) != 0) {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[PATH],
			"mend the store there: what waits here arrives then",
			"the store of %s fails, so it takes nothing", link->name);
	} else {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[PATH],
			"what is in its way says, there: yettctl explain",
			"%s has no way to the store, so what this node sends waits", link->name);
	}
}

static void say_cause(struct yett_explanation *of, const struct yett_link *link, enum way_step step)
{
	const struct yett_failure *failure = &link->failure;
	const char *mend = failure->mend[0] != '\0' ? failure->mend : NULL;

	switch (step) {
	case RESOLVE:
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[RESOLVE], mend,
			"the name in %s, the address of %s, could not be resolved",
			failure->address, link->name);
		return;
	case CONNECT:
		connect_cause(of, link);
		return;
	case CLOCK:
		clock_cause(of, link);
		return;
	case PATH:
		path_cause(of, link);
		return;
	case AUTHENTICATE:
		if (failure->told) {
			denied_cause(of, link);
			return;
		}
		break;
	case ADMIT:
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[ADMIT], mend,
			"%s does not let this node in: %s", link->name, words_of(failure));
		return;
	default:
		break;
	}
	yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[step], mend, "%s%s at %s%s: %s",
		step == TLS ? "" : "authentication with ", link->name, failure->address,
		step == TLS ? "" : " fails here", failure->cause);
}

/* Steps [from, to) are as they are for one and the same reason. */
static void say_steps(struct yett_explanation *of, const struct yett_link *link, int from, int to,
	enum yett_step_state state, const char *seen)
{
	for (int step = from; step < to; step++) {
		yett_explain_step(of, way_steps[step], link->name, state, "%s", seen);
	}
}

/* A literal address needs no name service. */
static bool is_literal(const char *address)
{
	return address[0] == '[' || strspn(address, "0123456789.:") == strlen(address);
}

static void say_offset(
	struct yett_explanation *of, const struct yett_link *link, int64_t offset_ns, bool failed)
{
	char span[32];

	yett_explain_step(of, way_steps[CLOCK], link->name,
		failed                             ? YETT_STEP_FAILED
		: llabs(offset_ns) >= CLOCK_FAR_NS ? YETT_STEP_WARNING
						   : YETT_STEP_OK,
		"its clock is %s %s ours", yett_explain_span((uint64_t)llabs(offset_ns), span),
		offset_ns < 0 ? "behind" : "ahead of");
}

/* What the last try has seen, up to where it failed. */
static void explain_failed(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_failure *failure = &link->failure;
	enum way_step at = failed_at(failure);

	for (int step = RESOLVE; step < (int)at; step++) {
		if (step == RESOLVE) {
			yett_explain_step(of, way_steps[step], link->name, YETT_STEP_OK, "%s%s",
				failure->address,
				is_literal(failure->address) ? " needs none" : " has an address");
		} else if (step == CLOCK && failure->clock_known) {
			say_offset(of, link, failure->clock_offset_ns, false);
		} else {
			yett_explain_step(of, way_steps[step], link->name, YETT_STEP_OK, "%s",
				step == CONNECT ? failure->address : "done");
		}
	}
	if (at == CLOCK) {
		say_offset(of, link, failure->clock_offset_ns, true);
	} else {
		yett_explain_step(
			of, way_steps[at], link->name, YETT_STEP_FAILED, "%s", failure->cause);
	}
	say_cause(of, link, at);
	say_steps(of, link, (int)at + 1, WAY_STEPS, YETT_STEP_NOT_REACHED, "not reached");
}

/* Nothing has failed yet. */
static void explain_coming(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_node *node = link->node;
	const struct yett_peer *peer = link->peer;
	char span[32];

	if (peer == NULL) {
		say_steps(of, link, RESOLVE, WAY_STEPS, YETT_STEP_NOT_REACHED,
			link->parked ? "no session is wanted now" : "not tried yet");
		return;
	}
	say_steps(of, link, RESOLVE, CONNECT + 1,
		peer->reached ? YETT_STEP_OK : YETT_STEP_NOT_REACHED,
		peer->reached ? peer->address : "under way");
	say_steps(of, link, TLS, WAY_STEPS, YETT_STEP_NOT_REACHED, "not reached");
	yett_explain_cause(of, YETT_EXPLAINED_UNKNOWN, NULL, "ask again in a moment",
		"%s is being connected to at %s, for %s now", link->name, peer->address,
		yett_explain_span(yett_now(node) - peer->opened_ns, span));
}

static void explain_acknowledgement(struct yett_explanation *of, const struct yett_link *link)
{
	uint64_t stalled_ns = yett_upstream_stalled(link);
	char span[32];

	if (stalled_ns >= STALLED_NS) {
		yett_explain_step(of, way_steps[ACKNOWLEDGE], link->name, YETT_STEP_FAILED,
			"nothing of %" PRIu64 " bytes, for %s", yett_deliver_unsettled(link->peer),
			yett_explain_span(stalled_ns, span));
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, way_steps[ACKNOWLEDGE],
			"look at its load and at its way to the store: there, yettctl explain",
			"%s has acknowledged nothing for %s of what was sent there", link->name,
			yett_explain_span(stalled_ns, span));
		return;
	}
	yett_explain_step(of, way_steps[ACKNOWLEDGE], link->name, YETT_STEP_OK, "%s",
		link->peer->standby ? "a standby: nothing is sent there" : "as it should");
}

static void explain_open(struct yett_explanation *of, const struct yett_link *link)
{
	const struct yett_peer *peer = link->peer;
	char span[32];

	yett_explain_step(of, way_steps[RESOLVE], link->name, YETT_STEP_OK, "%s%s", peer->address,
		is_literal(peer->address) ? " needs none" : " has an address");
	yett_explain_step(of, way_steps[CONNECT], link->name, YETT_STEP_OK, "%s, for %s",
		peer->address, yett_explain_span(yett_now(link->node) - peer->opened_ns, span));
	yett_explain_step(of, way_steps[TLS], link->name, YETT_STEP_OK, "%s",
		peer->facts != NULL && peer->facts->suite != NULL ? peer->facts->suite : "done");
	say_offset(of, link, peer->clock_offset_ns, false);
	yett_explain_step(of, way_steps[AUTHENTICATE], link->name, YETT_STEP_OK, "by %s, as %s",
		peer->mechanism, peer->principal);
	yett_explain_step(of, way_steps[ADMIT], link->name, YETT_STEP_OK, "it lets this node in%s",
		peer->standby ? ", as a standby" : "");
	if (link->state != YETT_UPSTREAM_UP) {
		yett_explain_step(of, way_steps[PATH], link->name, YETT_STEP_FAILED, "%s",
			link->path.open ? "it leads back through this node" : "it has none");
		path_cause(of, link);
		say_steps(of, link, ACKNOWLEDGE, WAY_STEPS, YETT_STEP_NOT_REACHED, "not reached");
		return;
	}
	yett_explain_step(of, way_steps[PATH], link->name, YETT_STEP_OK, "%u hop%s",
		link->path.count, link->path.count == 1 ? "" : "s");
	explain_acknowledgement(of, link);
}

/* When a new session last had a way to the store, whether or not one is there now. */
static void explain_proof(struct yett_explanation *of, const struct yett_link *link)
{
	int64_t now_ns = yett_clock_wall(link->node->clock);
	char span[32];

	if (link->proven_ns == 0) {
		yett_explain_step(of, "last proven", link->name, YETT_STEP_NOT_REACHED,
			"not since this node started: yettctl drill");
		return;
	}
	yett_explain_span(
		now_ns > link->proven_ns ? (uint64_t)(now_ns - link->proven_ns) : 0, span);
	yett_explain_step(of, "last proven", link->name, YETT_STEP_OK, "%s ago", span);
}

static void explain_link(struct yett_explanation *of, const struct yett_link *link)
{
	if (link->peer != NULL && link->peer->state == YETT_PEER_OPEN) {
		explain_open(of, link);
	} else if (link->failure.at_ns != 0) {
		explain_failed(of, link);
	} else {
		explain_coming(of, link);
	}
	explain_proof(of, link);
}

static gint by_priority(gconstpointer a, gconstpointer b)
{
	const struct yett_link *const *left = a, *const *right = b;
	int64_t first = (*left)->settings->priority, second = (*right)->settings->priority;

	return first < second ? -1 : first > second;
}

/* One way that works is enough; what is wrong with the others is told then, and blocks nothing. Where none
 * does, the first of those that are wanted is the one that counts. */
static void explain_ways(struct yett_manage *manage, struct yett_explanation *of)
{
	struct yett_node *node = manage->node;
	GPtrArray *links = g_ptr_array_new();
	struct yett_explanation worst = {0};
	const char *works = NULL;

	for (guint i = 0; i < node->links->len; i++) {
		g_ptr_array_add(links, node->links->pdata[i]);
	}
	g_ptr_array_sort(links, by_priority);
	for (guint i = 0; i < links->len; i++) {
		const struct yett_link *link = links->pdata[i];
		struct yett_explanation way = {.steps = of->steps};

		explain_link(&way, link);
		if (way.state == YETT_EXPLAINED_WELL && link->peer != NULL) {
			works = works == NULL ? link->name : works;
		} else if (way.state > worst.state) {
			worst = way;
		}
	}
	g_ptr_array_free(links, TRUE);
	if (works == NULL && worst.state != YETT_EXPLAINED_WELL) {
		yett_explain_cause(
			of, worst.state, worst.blocked_at, worst.mend, "%s", worst.cause);
	} else if (works == NULL) {
		yett_explain_cause(of, YETT_EXPLAINED_UNKNOWN, NULL, "ask again in a moment",
			"no upstream has been tried yet");
	} else if (worst.state == YETT_EXPLAINED_BLOCKED) {
		yett_explain_cause(of, YETT_EXPLAINED_DEGRADED, worst.blocked_at, worst.mend,
			"the way by %s works, and another does not: %s", works, worst.cause);
	}
}

static bool is_full(const struct yett_node *node)
{
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		if (yett_queue_is_full(node, lane)) {
			return true;
		}
	}
	return false;
}

/* What waits for a way that is blocked is no cause: `way` says whether there is one. */
static void explain_queue(struct yett_manage *manage, struct yett_explanation *of, bool way)
{
	struct yett_node *node = manage->node;
	uint32_t backlog_s = yett_backlog_s(node);
	struct yett_queue_view view;
	uint64_t bytes = 0;

	yett_queue_view(node, &view);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		bytes += view.stats.lanes[lane].bytes;
	}
	if (view.waiting > 0 && view.refused != YETT_EFULL && view.refused != 0) {
		yett_explain_step(of, "queue", NULL, YETT_STEP_FAILED, "it takes nothing: %s",
			yett_result_text(view.refused));
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, "queue",
			"make room on the disk under node.state, or mend it: it goes on by itself",
			"the queue of this node takes nothing: %s", yett_result_text(view.refused));
	} else if (view.waiting > 0 || is_full(node)) {
		yett_explain_step(of, "queue", NULL, YETT_STEP_FAILED,
			"full: %" PRIu64 " of %" PRIu64 " bytes, the oldest for %" PRIu32 " s",
			bytes, view.stats.limit_bytes, backlog_s);
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, "queue",
			"see that the upstream takes what there is faster, or raise the queue's "
			"`size`",
			"the queue is full (%" PRIu64 " of %" PRIu64 " bytes), and takes nothing "
			"more until its upstream has taken some of it",
			bytes, view.stats.limit_bytes);
	} else if (node->degraded) {
		yett_explain_step(of, "queue", NULL, YETT_STEP_WARNING, "%s", node->degraded_why);
		yett_explain_cause(of, YETT_EXPLAINED_DEGRADED, "queue",
			"look at the disk under node.state, and start the node again once it is "
			"well",
			"%s", node->degraded_why);
	} else if (way && backlog_s * YETT_SEC > node->settings->node.backlog_warning_ns) {
		yett_explain_step(of, "queue", NULL, YETT_STEP_WARNING,
			"%" PRIu64 " bytes, the oldest for %" PRIu32 " s", bytes, backlog_s);
		yett_explain_cause(of, YETT_EXPLAINED_DEGRADED, "queue",
			"look at the load of the upstream and of its store",
			"the upstream takes what there is too slowly: the oldest has waited for "
			"%" PRIu32 " s",
			backlog_s);
	} else {
		yett_explain_step(of, "queue", NULL, YETT_STEP_OK,
			"%" PRIu64 " of %" PRIu64 " bytes, the oldest for %" PRIu32 " s", bytes,
			view.stats.limit_bytes, backlog_s);
	}
}

static void explain_store(struct yett_manage *manage, struct yett_explanation *of)
{
	bool healthy = yett_store_healthy(manage->node);
	char why[YETT_STORE_WHY_SIZE];

	yett_events_store_why(manage, why);
	yett_explain_step(of, "store", NULL, healthy ? YETT_STEP_OK : YETT_STEP_FAILED, "%s",
		healthy ? "it takes what comes" : why);
	if (!healthy) {
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, "store",
			"mend what the log says of it (store-failing): its disk, or its database",
			"the store of this node fails, so nothing is acknowledged");
	}
}

static void explain_heartbeat(struct yett_manage *manage, struct yett_explanation *of, bool blocked)
{
	uint64_t every_ns = manage->node->settings->node.heartbeat_ns,
		 now_ns = yett_now(manage->node);
	uint64_t until_ns =
		manage->next_heartbeat_ns > now_ns ? manage->next_heartbeat_ns - now_ns : 0;
	char every[32], last[32];

	if (blocked) {
		yett_explain_step(of, "heartbeat", NULL, YETT_STEP_NOT_REACHED, "not reached");
		return;
	}
	yett_explain_step(of, "heartbeat", NULL, YETT_STEP_OK, "every %s, the last %s ago",
		yett_explain_span(every_ns, every),
		yett_explain_span(every_ns - MIN(until_ns, every_ns), last));
}

void yett_explain_self(struct yett_manage *manage, struct yett_explanation *ret_explanation)
{
	struct yett_node *node = manage->node;
	struct yett_explanation *of = ret_explanation;
	bool way;

	yett_explain_init(of);
	if (node->store != NULL) {
		explain_store(manage, of);
		return;
	}
	if (node->links->len == 0) {
		yett_explain_step(of, "upstreams", NULL, YETT_STEP_FAILED, "none");
		yett_explain_cause(of, YETT_EXPLAINED_BLOCKED, "upstreams",
			"configure `upstreams`, or a `store`",
			"this node has neither an upstream nor a store, so nothing leaves it");
		return;
	}
	explain_ways(manage, of);
	way = of->state != YETT_EXPLAINED_BLOCKED;
	if (node->queue != NULL) {
		explain_queue(manage, of, way);
	}
	explain_heartbeat(manage, of, !way);
}
