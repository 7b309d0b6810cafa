/* The properties of a node, by the names of the original.
 *
 * Responsible for the table of all of them: which row of the schema each is, where it is changed if it is
 * not set from afar, and what this management server knows of it: what is desired, what is in force, by
 * whose word. Not responsible for setting them (desired-set.c), for asking the node (told.c) nor for layout
 * (ctl/). On the loop; reads only. What only the node knows and has not told is null, by its own file: nothing
 * is guessed. */
#include <inttypes.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/name.h"
#include "../../flow/stages.h"
#include "properties.h"
#include "../views/views.h"

/* What is known of one node. */
struct subject {
	const struct yett_manage *manage;
	const char *name;
	const struct yett_known *known;   /* NULL: it has not come, or is a management server */
	const struct yett_server *server; /* another management server, or NULL */
	bool self;                        /* this very one */
	const struct yett_paper *desired, *answer, *decision; /* NULL: none */
};

/* Given; NULL: it is not known here. */
typedef json_t *value_fn(const struct subject *subject);

static json_t *text(const char *value)
{
	return value != NULL && value[0] != '\0' ? json_string(value) : NULL;
}

static json_t *seconds(uint64_t ns)
{
	g_autofree char *value = g_strdup_printf("%" PRIu64 " s", ns / YETT_SEC);

	return json_string(value);
}

static const struct yett_settings *own(const struct subject *subject)
{
	return subject->self ? subject->manage->node->settings : NULL;
}

static bool is_server(const struct subject *subject)
{
	return subject->self || subject->server != NULL;
}

static json_t *health(const struct subject *subject)
{
	struct yett_diagnosis verdict;

	if (subject->self) {
		yett_manage_judge_self(subject->manage, &verdict);
	} else if (subject->server != NULL) {
		return json_string(yett_share_fresh(subject->manage, subject->server)
					   ? subject->server->state
					   : yett_health_text(YETT_HEALTH_UNREACHABLE));
	} else if (subject->known != NULL) {
		yett_manage_judge(subject->manage, subject->known, &verdict);
	} else {
		return json_string(yett_health_text(YETT_HEALTH_NOT_MONITORED));
	}
	return json_string(yett_health_text(verdict.health));
}

static json_t *short_name(const struct subject *subject)
{
	return json_stringn(subject->name, strcspn(subject->name, "."));
}

static json_t *full_name(const struct subject *subject)
{
	return json_string(subject->name);
}

static json_t *domain(const struct subject *subject)
{
	const char *dot = strchr(subject->name, '.');

	return text(dot != NULL ? dot + 1 : NULL);
}

static json_t *display_name(const struct subject *subject)
{
	const struct yett_settings *settings = own(subject);

	return settings != NULL ? text(settings->node.display_name) : NULL;
}

static const struct yett_peer *session_of(const struct subject *subject)
{
	return subject->known != NULL ? yett_sessions_of(subject->manage->node, &subject->known->id)
				      : NULL;
}

/* As it proved itself here, or at the gateway that asked for a decision. */
static json_t *principal(const struct subject *subject)
{
	const struct yett_peer *peer = session_of(subject);

	return text(
		peer != NULL ? peer->principal : yett_paper_text(subject->decision, "principal"));
}

static json_t *address(const struct subject *subject)
{
	return subject->known != NULL ? text(subject->known->address) : NULL;
}

static json_t *version(const struct subject *subject)
{
	const char *software = subject->known != NULL    ? subject->known->software
			       : subject->server != NULL ? subject->server->software
							 : "";

	if (subject->self) {
		return json_string(PACKAGE_VERSION);
	}
	return text(g_str_has_prefix(software, "yett ") ? software + 5 : software);
}

static json_t *is_gateway(const struct subject *subject)
{
	return json_boolean(subject->known != NULL && subject->known->relay);
}

static json_t *is_root(const struct subject *subject)
{
	return json_boolean(is_server(subject));
}

static json_t *group_name(const struct subject *subject)
{
	const struct yett_paper *paper =
		yett_court_find(subject->manage->court, YETT_TABLE_GROUP, "identity");

	return text(paper != NULL ? yett_paper_text(paper, "name")
				  : subject->manage->node->settings->group.name);
}

static json_t *group_id(const struct subject *subject)
{
	const struct yett_id *id = &subject->manage->court->trust.group;
	char buffer[YETT_ID_TEXT_SIZE];

	return text(yett_id_is_zero(id) ? subject->manage->node->settings->group.id
					: yett_id_text(id, buffer));
}

static json_t *port(const struct subject *subject)
{
	const struct yett_settings *settings = own(subject);
	const struct yett_listener_settings *listener =
		settings != NULL && settings->listeners.count > 0 ? settings->listeners.items
								  : NULL;
	const char *colon = listener != NULL ? strrchr(listener->address, ':') : NULL;

	return colon != NULL ? json_integer(g_ascii_strtoll(colon + 1, NULL, 10)) : NULL;
}

static json_t *listens(const struct subject *subject)
{
	return json_boolean(
		is_server(subject) || (subject->known != NULL && subject->known->relay));
}

static json_t *compresses(const struct subject *subject)
{
	const struct yett_settings *settings = own(subject);

	return settings != NULL ? json_string(settings->node.compress ? "true" : "false") : NULL;
}

static json_t *heartbeat(const struct subject *subject)
{
	const struct yett_settings *settings = own(subject);

	if (settings != NULL) {
		return seconds(settings->node.heartbeat_ns);
	}
	return subject->known != NULL && subject->known->interval_s != 0
		       ? seconds(subject->known->interval_s * YETT_SEC)
		       : NULL;
}

static json_t *missing(const struct subject *subject)
{
	const struct yett_settings *settings = own(subject);
	g_autofree char *value =
		settings != NULL ? g_strdup_printf("%" PRId64, settings->node.missing_heartbeats)
				 : NULL;

	return text(value);
}

static json_t *none_waits(const struct subject *subject)
{
	return is_server(subject) ? json_integer(0) : NULL;
}

static json_t *nothing(const struct subject *subject)
{
	(void)subject;
	return json_integer(0);
}

static json_t *proxies(const struct subject *subject)
{
	const struct yett_peer *peer = session_of(subject);

	return json_boolean((peer != NULL && peer->may_proxy) ||
			    yett_court_proxy(subject->manage->court, subject->name));
}

static const char *manual_agents(const struct subject *subject)
{
	return yett_paper_text(
		yett_court_find(subject->manage->court, YETT_TABLE_GROUP, "settings"),
		"manual_agents");
}

static json_t *approves(const struct subject *subject)
{
	return json_boolean(strcmp(manual_agents(subject), "approve") == 0);
}

static json_t *rejects(const struct subject *subject)
{
	const char *word = manual_agents(subject);

	return json_boolean(word[0] == '\0' || strcmp(word, "reject") == 0);
}

static json_t *by_hand(const struct subject *subject)
{
	(void)subject;
	return json_true(); /* there is no other way yet */
}

static json_t *installed(const struct subject *subject)
{
	char buffer[32];

	return subject->known != NULL && subject->known->first_ns != 0
		       ? text(yett_time_text(subject->known->first_ns, buffer, sizeof(buffer)))
		       : NULL;
}

static json_t *installer(const struct subject *subject)
{
	return text(yett_paper_text(subject->decision, "by"));
}

static json_t *modified(const struct subject *subject)
{
	const char *set = yett_paper_text(subject->desired, "at");
	const char *decided = yett_paper_text(subject->decision, "at");

	return text(strcmp(set, decided) > 0 ? set : decided);
}

static json_t *account(const struct subject *subject)
{
	return subject->self ? text(g_get_user_name()) : NULL;
}

#define NODE  "node"
#define GROUP "group"

static const struct property {
	const char *name, *row; /* row NULL: it is not set from afar */
	value_fn *value;
	const char *source; /* of a value that is known */
	const char *mend;   /* where it is changed, if anywhere */
} properties[] = {
	{"HealthState", NULL, health, NODE, "it is judged, not set: yettctl explain NODE"},
	{"Name", NULL, short_name, NODE, "node.name in its own file, and a certificate of it"},
	{"DisplayName", "node.display-name", display_name, NODE, NULL},
	{"PrincipalName", NULL, principal, NODE, "it is what the node proves"},
	{"AuthenticationName", NULL, full_name, NODE, "it is what the node proves"},
	{"NetworkName", NULL, full_name, NODE,
		"node.name in its own file, and a certificate of it"},
	{"ComputerName", NULL, short_name, NODE,
		"node.name in its own file, and a certificate of it"},
	{"Domain", NULL, domain, NODE, "node.name in its own file, and a certificate of it"},
	{"IPAddress", NULL, address, NODE, "it is where the node comes from"},
	{"Version", NULL, version, NODE, "install another one there"},
	{"IsGateway", NULL, is_gateway, NODE, "listeners and upstreams in its own file"},
	{"IsRootManagementServer", NULL, is_root, NODE, "a store in its own file"},
	{"ManagementGroup", NULL, group_name, GROUP, "group.name in its own file"},
	{"ManagementGroupId", NULL, group_id, GROUP, "group.id in its own file"},
	{"CommunicationPort", NULL, port, NODE, "listeners.address in its own file"},
	{"CreateListener", NULL, listens, NODE, "listeners in its own file"},
	{"RequestCompression", "node.compress", compresses, NODE, NULL},
	{"HeartbeatInterval", "node.heartbeat", heartbeat, NODE, NULL},
	{"MissingHeartbeatThreshold", "node.missing-heartbeats", missing, NODE, NULL},
	{"MaximumQueueSizeBytes", NULL, none_waits, NODE,
		"queue.size in its own file, and a restart: a queue is not made larger or smaller "
		"while it holds data, since its lanes and segments are cut to its size"},
	{"MaximumSizeOfAllTransferredFilesBytes", NULL, nothing, NODE, "no files are transferred"},
	{"ProxyingEnabled", NULL, proxies, GROUP,
		"yettctl gateway approve NODE, gateway delete NODE"},
	{"AutoApproveManuallyInstalledAgents", NULL, approves, GROUP,
		"it is the group's: yettctl group set manual-agents=approve"},
	{"RejectManuallyInstalledAgents", NULL, rejects, GROUP,
		"it is the group's: yettctl group set manual-agents=reject"},
	{"ManuallyInstalled", NULL, by_hand, NODE, "it is how the node was installed"},
	{"InstallTime", NULL, installed, NODE, "it is when the node came first"},
	{"InstalledBy", NULL, installer, GROUP, "it is who let the node in"},
	{"LastModified", NULL, modified, GROUP, "it is when somebody changed something last"},
	{"ActionAccountIdentity", NULL, account, NODE, "node.user in its own file, and a restart"},
};

static const struct property *find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
		if (g_ascii_strcasecmp(properties[i].name, name) == 0) {
			return &properties[i];
		}
	}
	return NULL;
}

const char *yett_property_row(const char *name)
{
	const struct property *property = find(name);

	return property != NULL && property->row != NULL ? property->row : name;
}

const char *yett_property_of(const char *row)
{
	for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
		if (g_strcmp0(properties[i].row, row) == 0) {
			return properties[i].name;
		}
	}
	return NULL;
}

const char *yett_property_elsewhere(const char *name)
{
	const struct property *property = find(name);

	if (property != NULL) {
		return property->row == NULL ? property->mend : NULL;
	}
	return g_str_has_prefix(name, "queue.") ? find("MaximumQueueSizeBytes")->mend : NULL;
}

json_t *yett_property_own(const struct yett_manage *manage, const char *name)
{
	const struct property *property = find(name);
	const struct subject subject = {.manage = manage, .name = manage->node->name, .self = true};

	return property != NULL ? property->value(&subject) : NULL;
}

static bool has_word(const char *words, const char *word)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);

	return g_strv_contains((const char *const *)list, word);
}

static bool is_pinned(const struct yett_paper *answer, const char *row)
{
	return has_word(yett_paper_text(answer, "pinned"), row);
}

const char *yett_property_wished(const struct yett_court *court, const char *name, const char *row)
{
	const struct yett_paper *desired =
		court != NULL ? yett_court_find(court, YETT_TABLE_DESIRED, name) : NULL;
	const json_t *values = desired != NULL ? json_object_get(desired->json, "values") : NULL;
	const char *value = json_string_value(json_object_get(values, row));

	return value != NULL && !is_pinned(yett_desired_answer(court, name, desired->revision), row)
		       ? value
		       : NULL;
}

/* `value`: what is known without it, given; NULL: nothing. */
static json_t *row_of(const struct subject *subject, const struct property *property)
{
	const json_t *values =
		subject->desired != NULL ? json_object_get(subject->desired->json, "values") : NULL;
	json_t *desired = property->row != NULL ? json_object_get(values, property->row) : NULL;
	json_t *value = property->value(subject);
	bool applied = strcmp(yett_paper_text(subject->answer, "state"), "applied") == 0;
	bool pinned = property->row != NULL && is_pinned(subject->answer, property->row);
	bool by_wish = desired != NULL && applied && !pinned;
	const char *since = yett_paper_text(subject->answer, "since");

	if (by_wish) {
		json_decref(value);
		value = json_deep_copy(desired);
	}
	return json_pack("{s:s, s:s?, s:o?, s:o?, s:s, s:I, s:s?, s:b}", "property", property->name,
		"name", property->row, "desired", json_deep_copy(desired), "applied", value,
		"source",
		by_wish                     ? "desired"
		: desired != NULL && pinned ? "pinned"
		: value == NULL             ? "file"
					    : property->source,
		"revision", (json_int_t)(desired != NULL ? subject->desired->revision : 0), "since",
		by_wish && since[0] != '\0' ? since : NULL, "settable", property->row != NULL);
}

const char *yett_property_near(const char *name)
{
	const char *names[G_N_ELEMENTS(properties) + 1] = {NULL};

	for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
		names[i] = properties[i].name;
	}
	return find(name) == NULL ? yett_name_nearest(name, names) : NULL;
}

bool yett_property_is_server(const struct yett_manage *manage, const char *name)
{
	return strcmp(name, manage->node->name) == 0 || yett_share_named(manage, name) != NULL;
}

json_t *yett_view_properties(const struct yett_manage *manage, const char *name)
{
	const struct yett_court *court = manage->court;
	bool gateway;
	struct subject subject = {.manage = manage,
		.name = name,
		.known = yett_known_named(manage, name),
		.server = yett_share_named(manage, name),
		.self = strcmp(name, manage->node->name) == 0,
		.desired = yett_court_find(court, YETT_TABLE_DESIRED, name),
		.decision = yett_court_decision(court, name, &gateway)};
	json_t *array = json_array();

	subject.answer = subject.desired != NULL
				 ? yett_desired_answer(court, name, subject.desired->revision)
				 : NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
		json_array_append_new(array, row_of(&subject, &properties[i]));
	}
	return array;
}
