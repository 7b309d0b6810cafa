/* Answers of the API about alerts and maintenance, and the changes that people make there.
 *
 * Responsible for listing both tables of the registry, for acknowledging an alert, and for starting and
 * stopping maintenance: a document is read on the reader's thread, changed by compare-and-set, and read
 * again where somebody else was faster. Not responsible for raising and closing alerts (manage/alerts.c)
 * nor for heeding maintenance (manage/maintenance.c). The parts named `find_…` run on the reader's
 * thread and touch only their own context; the rest is on the loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/id.h"
#include "../conf/units.h"
#include "../flow/stages.h"
#include "request.h"

#define TRIES      5
#define CLOSED_MAX 500 /* that a list shows */
#define TEXT_MAX   500 /* bytes of a comment, or of a reason */
#define YEAR_NS    (366 * UINT64_C(86400) * YETT_SEC)

struct act {
	struct yett_admin_request *request;
	const char *table;
	char *key;
	bool all;
	unsigned tries;
	/* what was found, and what it becomes */
	json_t *found; /* an array, or one document */
	uint64_t revision;
	json_t *next;
	int result;
	struct yett_error error;
	void (*decide)(struct act *act); /* makes `next` of `found`, or answers */
	const char *action;
};

static void act_free(struct act *act)
{
	json_decref(act->found);
	json_decref(act->next);
	g_free(act->key);
	g_free(act);
}

/* Takes the JSON and the act. */
static void answer(struct act *act, unsigned status, json_t *json)
{
	struct yett_admin_request *request = act->request;

	act_free(act);
	yett_admin_answer(request, status, json);
}

static void answer_failure(struct act *act)
{
	json_t *error = yett_admin_error(yett_result_name(act->result), act->error.mend, "%s",
		act->error.text[0] != '\0' ? act->error.text : yett_result_text(act->result));

	answer(act, 500, error);
}

/* The daemon has ended meanwhile: there is nothing to go on with, and nobody to answer. */
static bool has_ended(struct act *act)
{
	bool ended = act->request->manage == NULL;

	if (ended) {
		answer(act, 503, NULL);
	}
	return ended;
}

static struct act *begin(struct yett_admin_request *request, const char *table)
{
	struct act *act;

	if (yett_manage_node(request->manage)->store == NULL) {
		yett_admin_answer(request, 409,
			yett_admin_error(
				"ENOTSUP", "ask a management server", "this node has no store"));
		return NULL;
	}
	act = g_new0(struct act, 1);
	act->request = request;
	act->table = table;
	return act;
}

/* Lists. */

static int add_all(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct act *act = arg;
	json_t *object = json_loads(json, 0, NULL);

	(void)key;
	(void)revision;
	if (json_is_object(object) &&
		(act->all || !json_is_string(json_object_get(object, "closed")))) {
		json_array_append(act->found, object);
	}
	json_decref(object);
	return 0;
}

static void find_all(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct act *act = arg;

	act->result = operations->registry_list(self, act->table, NULL, add_all, act, &act->error);
}

static int by_time(const void *a, const void *b)
{
	const char *left = json_string_value(json_object_get(*(json_t *const *)a, "raised"));
	const char *right = json_string_value(json_object_get(*(json_t *const *)b, "raised"));

	return strcmp(left != NULL ? left : "", right != NULL ? right : "");
}

/* Open ones in the order of time; the newest of those that are closed. */
static void alerts_found(void *arg)
{
	struct act *act = arg;
	size_t count = json_array_size(act->found), first;
	json_t **sorted, *array;

	if (act->result != 0) {
		answer_failure(act);
		return;
	}
	sorted = g_new0(json_t *, count + 1);
	array = json_array();
	for (size_t i = 0; i < count; i++) {
		sorted[i] = json_array_get(act->found, i);
		json_object_del(sorted[i], "subject");
		json_object_del(sorted[i], "raised_told");
		json_object_del(sorted[i], "closed_told");
	}
	qsort(sorted, count, sizeof(sorted[0]), by_time);
	first = count > CLOSED_MAX ? count - CLOSED_MAX : 0;
	for (size_t i = 0; i < count; i++) {
		if (i >= first || !json_is_string(json_object_get(sorted[i], "closed"))) {
			json_array_append(array, sorted[i]);
		}
	}
	g_free(sorted);
	answer(act, 200, array);
}

static bool parse_switch(const char *text)
{
	return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

void yett_admin_alerts(struct yett_admin_request *request)
{
	struct act *act = begin(request, "alert");

	if (act != NULL) {
		act->found = json_array();
		act->all = parse_switch(yett_admin_argument(request, "all"));
		yett_admin_read(request, find_all, alerts_found, act);
	}
}

/* What has ended by itself is not shown. */
static void maintenance_found(void *arg)
{
	struct act *act = arg;
	const struct yett_node *node;
	json_t *array;

	if (has_ended(act)) {
		return;
	}
	if (act->result != 0) {
		answer_failure(act);
		return;
	}
	node = yett_manage_node(act->request->manage);
	array = json_array();
	for (size_t i = 0; i < json_array_size(act->found); i++) {
		json_t *item = json_array_get(act->found, i);
		json_int_t until_ns = json_integer_value(json_object_get(item, "until_ns"));

		if (until_ns == 0 || until_ns > yett_clock_wall(node->clock)) {
			json_object_del(item, "until_ns");
			json_object_del(item, "since_ns");
			json_array_append(array, item);
		}
	}
	answer(act, 200, array);
}

void yett_admin_maintenance(struct yett_admin_request *request)
{
	struct act *act = begin(request, "maintenance");

	if (act != NULL) {
		act->found = json_array();
		act->all = true;
		yett_admin_read(request, find_all, maintenance_found, act);
	}
}

/* Changes. */

static int take_one(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct act *act = arg;

	(void)key;
	act->found = json_loads(json, 0, NULL);
	act->revision = revision;
	return 0;
}

static void find_one(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct act *act = arg;

	act->result =
		operations->registry_list(self, act->table, act->key, take_one, act, &act->error);
}

static void attempt(struct act *act);

static void written(void *arg, int result, uint64_t revision)
{
	struct act *act = arg;

	(void)revision;
	if (has_ended(act)) {
		return;
	}
	if (result == YETT_ECONFLICT && ++act->tries < TRIES) {
		g_clear_pointer(&act->found, json_decref);
		g_clear_pointer(&act->next, json_decref);
		act->revision = 0;
		attempt(act);
		return;
	}
	if (result != 0) {
		act->result = result;
		if (result == YETT_EUNAVAIL) {
			yett_fail(&act->error, result,
				"see to it (store-failing in the log says what ails it), and say "
				"it "
				"again",
				"the store fails; whether it was changed shows when it works "
				"again");
		}
		answer_failure(act);
		return;
	}
	answer(act, 200, json_pack("{s:s, s:s}", "action", act->action, "key", act->key));
}

static void one_found(void *arg)
{
	struct act *act = arg;

	if (has_ended(act)) {
		return;
	}
	if (act->result != 0) {
		answer_failure(act);
		return;
	}
	act->action = NULL;
	act->decide(act);
}

static void attempt(struct act *act)
{
	yett_admin_read(act->request, find_one, one_found, act);
}

/* Writes what was decided; `next` NULL: deletes it. */
static void write_it(struct act *act, const char *action, json_t *next)
{
	char *text = next != NULL ? json_dumps(next, JSON_COMPACT) : NULL;
	char *before = act->found != NULL ? json_dumps(act->found, JSON_COMPACT) : NULL;
	char place[YETT_AUDIT_PLACE_SIZE];
	char *audit = yett_manage_audit(act->request->manage, act->request->by, action, act->table,
		act->key, before, text, place);
	const struct yett_store_also also = {"audit", place, audit};

	act->action = action;
	act->next = next;
	yett_store_change_also(yett_manage_node(act->request->manage), act->table, act->key, text,
		act->revision, &also, 1, written, act);
	free(audit);
	free(before);
	free(text);
}

static const char *now_text(const struct act *act, char ret_text[32])
{
	return yett_time_text(
		yett_clock_wall(yett_manage_node(act->request->manage)->clock), ret_text, 32);
}

/* Cut where a character ends; null where there is none. */
static json_t *text_json(const char *text)
{
	const char *end;
	size_t length;

	if (text == NULL) {
		return json_null();
	}
	length = strnlen(text, TEXT_MAX);
	g_utf8_validate(text, (gssize)length, &end);
	return json_stringn(text, (size_t)(end - text));
}

static void acknowledge(struct act *act)
{
	const char *comment = yett_admin_field(act->request, "comment");
	json_t *next;
	char time[32];

	if (act->found == NULL) {
		json_t *error = yett_admin_error("ENOTFOUND", "yettctl alerts --all shows them",
			"there is no alert %s", act->key);

		answer(act, 404, error);
		return;
	}
	if (json_is_string(json_object_get(act->found, "acknowledged"))) {
		json_t *error = yett_admin_error("EEXIST", "nothing more is to be done",
			"%s has acknowledged the alert %s already",
			json_string_value(json_object_get(act->found, "acknowledged_by")),
			act->key);

		answer(act, 409, error);
		return;
	}
	next = json_deep_copy(act->found);
	json_object_set_new(next, "acknowledged", json_string(now_text(act, time)));
	json_object_set_new(next, "acknowledged_by", json_string(act->request->by));
	json_object_set_new(next, "comment", text_json(comment));
	write_it(act, "alert ack", next);
}

static void refuse(struct act *act, const char *mend, const char *text)
{
	answer(act, 400, yett_admin_error("EINVAL", mend, "%s", text));
}

void yett_admin_acknowledge(struct yett_admin_request *request)
{
	const char *id = yett_admin_field(request, "id");
	struct act *act = begin(request, "alert");

	if (act == NULL) {
		return;
	}
	if (id == NULL || id[0] == '\0') {
		refuse(act, "give the id that yettctl alerts shows", "no alert is named");
		return;
	}
	act->key = g_strdup(id);
	act->decide = acknowledge;
	attempt(act);
}

/* The key of what is named, or answers and returns false. */
static bool take_subject(struct act *act)
{
	const struct yett_manage *manage = act->request->manage;
	const char *node = yett_admin_field(act->request, "node");
	const char *site = yett_admin_field(act->request, "site");
	char near[YETT_NODE_NAME_SIZE] = "", mend[YETT_NODE_NAME_SIZE + 32];
	char id[YETT_ID_TEXT_SIZE];
	struct yett_id found;
	json_t *error;

	if ((node == NULL) == (site == NULL)) {
		refuse(act, "name a node or a site", "it is not said of what");
		return false;
	}
	if (node != NULL && yett_manage_named(manage, node, &found, near)) {
		act->key = g_strdup(yett_id_text(&found, id));
		return true;
	}
	if (site != NULL && yett_manage_has_site(manage, site, near)) {
		act->key = g_strdup_printf("site/%s", site);
		return true;
	}
	snprintf(mend, sizeof(mend), "did you mean %s?", near);
	error = yett_admin_error("ENOTFOUND",
		near[0] != '\0' ? mend
		: node != NULL  ? "yettctl servers and yettctl agents show who there is"
				: "gateways are given a site by yettctl gateway approve",
		"there is no %s %.200s", node != NULL ? "node" : "site",
		node != NULL ? node : site);
	answer(act, 404, error);
	return false;
}

static void start(struct act *act)
{
	const struct yett_node *node = yett_manage_node(act->request->manage);
	const char *reason = yett_admin_field(act->request, "reason");
	const char *length = yett_admin_field(act->request, "for");
	const char *of_node = yett_admin_field(act->request, "node");
	int64_t now_ns = yett_clock_wall(node->clock), length_ns = 0;
	uint64_t parsed_ns = 0;
	char since[32], until[32] = "";

	if (length != NULL && (yett_duration_parse(length, &parsed_ns, NULL) != 0 ||
				      parsed_ns == 0 || parsed_ns > YEAR_NS)) {
		refuse(act, "write 30 min, 2 h or 3 d, a year at most",
			"how long it lasts is not understood");
		return;
	}
	length_ns = (int64_t)parsed_ns;
	if (length_ns > 0) {
		yett_time_text(now_ns + length_ns, until, sizeof(until));
	}
	write_it(act, "maintenance start",
		json_pack("{s:s?, s:s?, s:s, s:s, s:s?, s:o, s:I, s:I}", "node", of_node, "site",
			yett_admin_field(act->request, "site"), "by", act->request->by, "since",
			yett_time_text(now_ns, since, sizeof(since)), "until",
			length_ns > 0 ? until : NULL, "reason", text_json(reason), "since_ns",
			(json_int_t)now_ns, "until_ns",
			(json_int_t)(length_ns > 0 ? now_ns + length_ns : 0)));
}

static void stop(struct act *act)
{
	if (act->found == NULL) {
		const char *node = yett_admin_field(act->request, "node");
		json_t *error = yett_admin_error("ENOTFOUND", "yettctl maintenance shows who is",
			"%s is not in maintenance",
			node != NULL ? node : yett_admin_field(act->request, "site"));

		answer(act, 404, error);
		return;
	}
	write_it(act, "maintenance stop", NULL);
}

static void change_maintenance(struct yett_admin_request *request, void (*decide)(struct act *act))
{
	struct act *act = begin(request, "maintenance");

	if (act != NULL && take_subject(act)) {
		act->decide = decide;
		attempt(act);
	}
}

void yett_admin_maintenance_start(struct yett_admin_request *request)
{
	change_maintenance(request, start);
}

void yett_admin_maintenance_stop(struct yett_admin_request *request)
{
	change_maintenance(request, stop);
}
