/* Answers of the API that the store gives: records, the account, losses, the audit.
 *
 * Responsible for reading a request's arguments, for running the query on the store's reader thread,
 * and for the JSON of what it finds. The parts named `find_…` run on that thread and touch only their
 * own context; the rest is on the loop. A node without a store says where to ask instead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/id.h"
#include "../flow/stages.h"
#include "request.h"

#define LIMIT_STANDARD 100
#define LIMIT_MAX      10000
#define BYTES_MAX      (16 * 1024 * 1024) /* of one answer, more or less: records may be large */
#define ROW_BYTES      1024               /* of a row, without its texts */
/* So long a store may look for records: whoever asks waits a little longer (server.c), and hears why. What they
 * do not wait for does not hold up others, nor the end of the node for long. */
#define LOOK_MS      8000
#define EVENT_PREFIX "yett."

#define SEVERITY_WARNING 13 /* as OpenTelemetry numbers them */
#define SEVERITY_ERROR   17

struct context {
	struct yett_admin_request *request;
	uint64_t limit;    /* of rows, the newest */
	uint64_t skip;     /* rows of the account, or of losses, that were seen already */
	GArray *sizes;     /* size_t: what each row of the array takes; NULL: they are small */
	size_t bytes;      /* and all of them */
	const char *name;  /* of events */
	uint32_t severity; /* at least */
	struct yett_query query;
	json_t *array;
	struct yett_error error;
	int result;
};

static void context_free(struct context *context)
{
	if (context->sizes != NULL) {
		g_array_unref(context->sizes);
	}
	g_free(context);
}

static void finish(void *arg)
{
	struct context *context = arg;
	struct yett_admin_request *request = context->request;

	if (context->result < 0) {
		json_t *error = yett_admin_error(yett_result_name(context->result),
			context->error.mend, "%s",
			context->error.text[0] != '\0' ? context->error.text
						       : yett_result_text(context->result));

		json_decref(context->array);
		yett_admin_answer(request, 500, error);
	} else {
		yett_admin_answer(request, 200, context->array);
	}
	context_free(context);
}

static struct context *begin(struct yett_admin_request *request)
{
	struct context *context;

	if (yett_manage_node(request->manage)->store == NULL) {
		yett_admin_answer(request, 409,
			yett_admin_error(
				"ENOTSUP", "ask a management server", "this node has no store"));
		return NULL;
	}
	context = g_new0(struct context, 1);
	context->request = request;
	context->array = json_array();
	return context;
}

static void run(struct context *context, yett_admin_find_fn find)
{
	yett_admin_read(context->request, find, finish, context);
}

/* Records. */

/* As JSON has it, in which a control character takes six bytes. */
static size_t json_size(const struct yett_text *text)
{
	size_t size = text->length;

	for (size_t i = 0; i < text->length; i++) {
		unsigned char c = (unsigned char)text->bytes[i];

		size += c < 0x20 ? 5 : c == '"' || c == '\\' ? 1 : 0;
	}
	return size;
}

static void remove_row(struct context *context, size_t i)
{
	context->bytes -= g_array_index(context->sizes, size_t, i);
	g_array_remove_index(context->sizes, (guint)i);
	json_array_remove(context->array, i);
}

/* Keeps the answer within its limits, of rows and of bytes; one row is always let through. Of the newest, the
 * oldest go; where rows are followed, what does not fit comes with the next question: then 1, and no more of
 * them are wanted. */
static int keep_row(struct context *context, const struct yett_row *row, json_t *object)
{
	const struct yett_record *record = &row->record;
	size_t size = ROW_BYTES + json_size(&record->body) + json_size(&record->unit) +
		      (row->attributes != NULL ? strlen(row->attributes) : 0) +
		      (record->value.type == YETT_VALUE_TEXT ? json_size(&record->value.text) : 0);

	json_array_append_new(context->array, object);
	g_array_append_val(context->sizes, size);
	context->bytes += size;
	while (context->sizes->len > 1 &&
		(context->sizes->len > context->limit || context->bytes > BYTES_MAX)) {
		if (context->query.after_id > 0) {
			remove_row(context, context->sizes->len - 1);
			return 1;
		}
		remove_row(context, 0);
	}
	return 0;
}

static json_t *text_json(const struct yett_text *text)
{
	json_t *json = text->length > 0 ? json_stringn(text->bytes, text->length) : NULL;

	return json != NULL ? json : json_null();
}

static json_t *value_json(const struct yett_value *value)
{
	switch (value->type) {
	case YETT_VALUE_INT:
		return json_integer(value->i);
	case YETT_VALUE_DOUBLE:
		return json_real(value->d);
	case YETT_VALUE_BOOL:
		return json_boolean(value->b);
	case YETT_VALUE_TEXT:
		return text_json(&value->text);
	default:
		return json_null();
	}
}

static const char *const kinds[] = {NULL, "metric", "event", "state"};

static int add_row(void *arg, const struct yett_row *row)
{
	static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	struct context *context = arg;
	const struct yett_record *record = &row->record;
	char id[YETT_ID_TEXT_SIZE], time[32], received[32];
	json_t *object = json_pack("{s:I, s:s, s:s?, s:s, s:s, s:s, s:i, s:I}", "id",
		(json_int_t)row->id, "origin", yett_id_text(&row->origin, id), "origin_name",
		row->origin_name, "time", yett_time_text(record->time_ns, time, sizeof(time)),
		"received", yett_time_text(row->received_ns, received, sizeof(received)), "kind",
		record->kind >= 1 && record->kind <= 3 ? kinds[record->kind] : "?", "lane",
		(int)row->lane, "number", (json_int_t)row->number);

	if (object == NULL) {
		return 0;
	}
	json_object_set_new(object, "name", text_json(&record->name));
	json_object_set_new(object, "value", value_json(&record->value));
	json_object_set_new(object, "unit", text_json(&record->unit));
	json_object_set_new(object, "body", text_json(&record->body));
	json_object_set_new(object, "severity", json_integer(record->severity));
	if (record->kind == YETT_RECORD_STATE && record->state <= YETT_STATE_UNKNOWN) {
		json_object_set_new(object, "state", json_string(states[record->state]));
	}
	if (row->attributes != NULL) {
		json_t *attributes = json_loads(row->attributes, JSON_ALLOW_NUL, NULL);

		json_object_set_new(
			object, "attributes", attributes != NULL ? attributes : json_null());
	}
	return keep_row(context, row, object);
}

static void find_records(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct context *context = arg;

	context->result =
		operations->query(self, &context->query, add_row, context, &context->error);
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *ret_number <= max;
}

static bool parse_kind(const char *text, uint32_t *ret_kind)
{
	for (uint32_t i = 1; i < G_N_ELEMENTS(kinds); i++) {
		if (strcmp(text, kinds[i]) == 0) {
			*ret_kind = i;
			return true;
		}
	}
	return false;
}

/* NULL, or the argument that is wrong. */
static const char *parse_query(struct context *context)
{
	const struct yett_admin_request *request = context->request;
	int64_t now_ns = yett_clock_wall(yett_manage_node(request->manage)->clock);
	struct yett_query *query = &context->query;
	const char *kind = yett_admin_argument(request, "kind");
	const char *from = yett_admin_argument(request, "from");
	const char *to = yett_admin_argument(request, "to");
	const char *after = yett_admin_argument(request, "after");
	const char *limit = yett_admin_argument(request, "limit");
	uint64_t number = LIMIT_STANDARD;

	query->size = sizeof(*query);
	query->within_ms = LOOK_MS;
	query->origin = yett_admin_argument(request, "origin");
	query->name = yett_admin_argument(request, "name");
	if (kind != NULL && !parse_kind(kind, &query->kind)) {
		return "kind: write metric, event or state";
	}
	if (from != NULL && yett_time_parse(from, now_ns, &query->from_ns) != 0) {
		return "from: write 2026-01-31T12:00:00Z, or -15m";
	}
	if (to != NULL && yett_time_parse(to, now_ns, &query->to_ns) != 0) {
		return "to: write 2026-01-31T12:00:00Z, or -15m";
	}
	if (after != NULL && !parse_number(after, INT64_MAX, &query->after_id)) {
		return "after: write the id of a record";
	}
	if (limit != NULL && (!parse_number(limit, LIMIT_MAX, &number) || number == 0)) {
		return "limit: write a number from 1 to 10000";
	}
	query->limit = (uint32_t)number;
	context->limit = number;
	context->sizes = g_array_new(FALSE, FALSE, sizeof(size_t));
	return NULL;
}

static void refuse(struct context *context, const char *wrong)
{
	struct yett_admin_request *request = context->request;

	json_decref(context->array);
	context_free(context);
	yett_admin_answer(
		request, 400, yett_admin_error("EINVAL", wrong, "an argument is not understood"));
}

void yett_admin_records(struct yett_admin_request *request)
{
	struct context *context = begin(request);
	const char *wrong;

	if (context == NULL) {
		return;
	}
	wrong = parse_query(context);
	if (wrong != NULL) {
		refuse(context, wrong);
		return;
	}
	run(context, find_records);
}

/* Events: the records that nodes make of their own log (manage/events.c). */

static const char *level_of(uint32_t severity)
{
	return severity >= SEVERITY_ERROR     ? "error"
	       : severity >= SEVERITY_WARNING ? "warning"
					      : "notice";
}

static int add_event(void *arg, const struct yett_row *row)
{
	struct context *context = arg;
	const struct yett_record *record = &row->record;
	char id[YETT_ID_TEXT_SIZE], time[32];
	json_t *object, *fields;

	if (record->severity < context->severity) {
		return 0;
	}
	fields = row->attributes != NULL ? json_loads(row->attributes, JSON_ALLOW_NUL, NULL) : NULL;
	object = json_pack("{s:I, s:s, s:s?, s:s, s:s, s:o}", "id", (json_int_t)row->id, "time",
		yett_time_text(record->time_ns, time, sizeof(time)), "node", row->origin_name,
		"node_id", yett_id_text(&row->origin, id), "level", level_of(record->severity),
		"fields", fields != NULL ? fields : json_object());
	if (object == NULL) {
		return 0;
	}
	json_object_set_new(object, "event",
		json_stringn(record->name.bytes + strlen(EVENT_PREFIX),
			record->name.length - strlen(EVENT_PREFIX)));
	json_object_set_new(object, "text", text_json(&record->body));
	return keep_row(context, row, object);
}

static void find_events(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct context *context = arg;
	g_autofree char *name = g_strconcat(EVENT_PREFIX, context->name, NULL);

	context->query.name = name;
	context->query.kind = YETT_RECORD_EVENT;
	if (context->severity > 0) {
		context->query.limit = LIMIT_MAX; /* the store does not look at it */
	}
	context->result =
		operations->query(self, &context->query, add_event, context, &context->error);
}

void yett_admin_events(struct yett_admin_request *request)
{
	const char *event = yett_admin_argument(request, "event");
	const char *level = yett_admin_argument(request, "level");
	struct context *context = begin(request);
	const char *wrong;

	if (context == NULL) {
		return;
	}
	wrong = parse_query(context);
	context->name = event != NULL ? event : "*";
	context->severity = level == NULL || strcmp(level, "notice") == 0 ? 0
			    : strcmp(level, "warning") == 0               ? SEVERITY_WARNING
									  : SEVERITY_ERROR;
	if (wrong == NULL && context->severity == SEVERITY_ERROR && strcmp(level, "error") != 0) {
		wrong = "level: write error, warning or notice";
	}
	if (wrong != NULL) {
		refuse(context, wrong);
		return;
	}
	run(context, find_events);
}

/* The account, and losses: in the order of the store, LIMIT_MAX rows at a time. */

/* The next row: true where it is wanted. Else `ret_end` says whether that is the end: nobody waits any more. */
static bool wants(struct context *context, int *ret_end)
{
	*ret_end = !context->request->is_awaited(context->request);
	if (*ret_end == 0 && context->skip > 0) {
		context->skip--;
		return false;
	}
	return *ret_end == 0;
}

/* 1: the answer is full, and no more of them are wanted. */
static int keep_part(struct context *context, json_t *object)
{
	json_array_append_new(context->array, object);
	return json_array_size(context->array) >= LIMIT_MAX;
}

static struct context *begin_part(struct yett_admin_request *request)
{
	const char *skip = yett_admin_argument(request, "skip");
	struct context *context = begin(request);

	if (context != NULL && skip != NULL && !parse_number(skip, INT64_MAX, &context->skip)) {
		refuse(context, "skip: write how many rows you have already");
		return NULL;
	}
	return context;
}

static int add_account(void *arg, const struct yett_account *account)
{
	struct context *context = arg;
	char id[YETT_ID_TEXT_SIZE];
	int end;

	if (!wants(context, &end)) {
		return end;
	}
	return keep_part(context,
		json_pack("{s:s, s:s?, s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			  "s:I, s:b}",
			"origin", yett_id_text(&account->origin, id), "origin_name",
			account->origin_name, "epoch", (json_int_t)account->epoch.ordinal, "lane",
			(int)account->lane, "received", (json_int_t)account->received, "declared",
			(json_int_t)account->declared, "inferred", (json_int_t)account->inferred,
			"missing", (json_int_t)account->missing, "highest",
			(json_int_t)account->highest, "metrics", (json_int_t)account->metrics,
			"events", (json_int_t)account->events, "states",
			(json_int_t)account->states, "forks", (json_int_t)account->forks, "dead",
			(json_int_t)account->dead, "twice", (json_int_t)account->twice, "closed",
			account->closed != 0));
}

static void find_account(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct context *context = arg;

	context->result = operations->account(self, add_account, context, &context->error);
}

void yett_admin_account(struct yett_admin_request *request)
{
	struct context *context = begin_part(request);

	if (context != NULL) {
		run(context, find_account);
	}
}

/* Losses. */

static int add_loss(void *arg, const struct yett_notice *gap)
{
	static const char *const causes[] = {
		"?", "quota", "quarantine", "age", "volatile", "rejected", "inferred"};
	struct context *context = arg;
	char origin[YETT_ID_TEXT_SIZE], holder[YETT_ID_TEXT_SIZE];
	int end;

	if (!wants(context, &end)) {
		return end;
	}
	return keep_part(context,
		json_pack("{s:s, s:I, s:i, s:I, s:I, s:s, s:s}", "origin",
			yett_id_text(&gap->range.origin, origin), "epoch",
			(json_int_t)gap->range.epoch.ordinal, "lane", (int)gap->range.lane, "first",
			(json_int_t)gap->range.first, "count", (json_int_t)gap->range.count,
			"cause", gap->cause < G_N_ELEMENTS(causes) ? causes[gap->cause] : "?",
			"holder", yett_id_text(&gap->holder, holder)));
}

/* Of a node that this server knows of; null: of none. */
static json_t *name_json(const struct yett_manage *manage, const json_t *id_text)
{
	const char *name = NULL;
	struct yett_id id;

	if (yett_id_parse(json_string_value(id_text), &id) == 0) {
		name = yett_manage_name_of(manage, &id);
	}
	return name != NULL ? json_string(name) : json_null();
}

/* The store has ids; who they are is known here, unless the daemon has ended meanwhile: then nobody reads it. */
static void losses_found(void *arg)
{
	struct context *context = arg;
	const struct yett_manage *manage = context->request->manage;

	for (size_t i = 0; manage != NULL && i < json_array_size(context->array); i++) {
		json_t *row = json_array_get(context->array, i);

		json_object_set_new(
			row, "origin_name", name_json(manage, json_object_get(row, "origin")));
		json_object_set_new(
			row, "holder_name", name_json(manage, json_object_get(row, "holder")));
	}
	finish(context);
}

static void find_losses(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct context *context = arg;

	context->result = operations->losses != NULL
				  ? operations->losses(self, add_loss, context, &context->error)
				  : 0;
}

void yett_admin_losses(struct yett_admin_request *request)
{
	struct context *context = begin_part(request);

	if (context != NULL) {
		yett_admin_read(request, find_losses, losses_found, context);
	}
}

/* The audit: keys are in the order of time, so the newest are the last. */

static int add_audit(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct context *context = arg;
	json_t *object = json_loads(json, 0, NULL);

	(void)key;
	(void)revision;
	if (object != NULL) {
		json_array_append_new(context->array, object);
	}
	if (json_array_size(context->array) > context->limit) {
		json_array_remove(context->array, 0);
	}
	return 0;
}

static void find_audit(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct context *context = arg;

	context->result =
		operations->registry_list(self, "audit", NULL, add_audit, context, &context->error);
}

void yett_admin_audit(struct yett_admin_request *request)
{
	const char *limit = yett_admin_argument(request, "limit");
	struct context *context = begin(request);

	if (context == NULL) {
		return;
	}
	context->limit = LIMIT_STANDARD;
	if (limit != NULL &&
		(!parse_number(limit, LIMIT_MAX, &context->limit) || context->limit == 0)) {
		json_decref(context->array);
		g_free(context);
		yett_admin_answer(request, 400,
			yett_admin_error("EINVAL", "limit: write a number from 1 to 10000",
				"an argument is not understood"));
		return;
	}
	run(context, find_audit);
}

/* Dead letters. */

static int add_letter(void *arg, const struct yett_dead_letter *letter)
{
	struct context *context = arg;
	char received[32];
	json_t *object = json_pack("{s:I, s:s, s:s?, s:I, s:i, s:I, s:I, s:s, s:s?, s:s, s:I}",
		"id", (json_int_t)letter->id, "origin", letter->origin, "origin_name",
		letter->origin_name, "epoch", (json_int_t)letter->epoch, "lane", (int)letter->lane,
		"first", (json_int_t)letter->first, "count", (json_int_t)letter->count, "cause",
		letter->cause, "gateway", letter->gateway, "received",
		yett_time_text(letter->received_ns, received, sizeof(received)), "bytes",
		(json_int_t)letter->length);

	if (object == NULL) {
		return 0;
	}
	if (context->query.after_id > 0) { /* one alone: whole */
		g_autofree char *batch = g_base64_encode(letter->batch, letter->length);

		json_object_set_new(object, "batch", json_string(batch));
	}
	json_array_append_new(context->array, object);
	return 0;
}

static void find_letters(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct context *context = arg;

	if (operations->dead_letters == NULL) {
		context->result = yett_fail(&context->error, YETT_ENOTSUP,
			"ask its database: there is a view dead_letters",
			"this store does not show dead letters here");
		return;
	}
	context->result = operations->dead_letters(self, context->query.after_id,
		(uint32_t)context->limit, add_letter, context, &context->error);
}

void yett_admin_dead(struct yett_admin_request *request)
{
	const char *id = yett_admin_argument(request, "id");
	const char *limit = yett_admin_argument(request, "limit");
	struct context *context = begin(request);

	if (context == NULL) {
		return;
	}
	context->limit = LIMIT_STANDARD;
	if (id != NULL && (!parse_number(id, INT64_MAX, &context->query.after_id) ||
				  context->query.after_id == 0)) {
		refuse(context, "id: write the id of a dead letter");
	} else if (limit != NULL &&
		   (!parse_number(limit, LIMIT_MAX, &context->limit) || context->limit == 0)) {
		refuse(context, "limit: write a number from 1 to 10000");
	} else {
		run(context, find_letters);
	}
}
