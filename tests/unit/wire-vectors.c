/* The test vectors of tests/vectors: each is decoded and told as text, and encoded again. They are
 * made from the documents by a program of its own, so what agrees with them agrees with the
 * protocol and not only with itself. */
#include <glib.h>
#include <inttypes.h>
#include <math.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/id.h"
#include "wire/batch.h"
#include "wire/envelope.h"
#include "wire/frame.h"
#include "wire/record.h"
#include "suite.h"

struct vector {
	char *name, *type, *want;
	GByteArray *bytes;
	bool oneway;
};

/* What decoding gave: a result, a text, and the bytes that encoding makes of it again. */
struct outcome {
	int result;
	GString *text;
	GByteArray *again;
};

static GString *add(GString *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static GString *add(GString *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(text, format, args);
	va_end(args);
	return text;
}

static void add_id(GString *text, const char *key, const struct yett_id *id)
{
	char buffer[YETT_ID_TEXT_SIZE];

	add(text, "%s%s", key, yett_id_text(id, buffer));
}

static void add_ids(GString *text, const char *key, const struct yett_id *ids, uint32_t count)
{
	add(text, "%s[", key);
	for (uint32_t i = 0; i < count; i++) {
		add_id(text, i > 0 ? "," : "", &ids[i]);
	}
	add(text, "]");
}

static void tell_hello(GString *text, const struct yett_hello *m)
{
	add(text, "low=%u high=%u capabilities=%" PRIu64 " methods=[", m->version_low,
		m->version_high, m->capabilities);
	for (uint32_t i = 0; i < m->method_count; i++) {
		add(text, "%s%s", i > 0 ? "," : "", m->methods[i]);
	}
	add(text, "] realm=%s wall=%" PRId64, m->realm, m->wall_ns);
}

static void tell_auth(GString *text, const struct yett_auth_message *m)
{
	add(text, "method=%s status=%u token=", m->method, m->status);
	for (size_t i = 0; i < m->token_length; i++) {
		add(text, "%02x", m->token[i]);
	}
	add(text, " more=%d cause=%s", m->more, m->cause);
}

static void tell_intro(GString *text, const struct yett_intro *m)
{
	add(text, "name=%s", m->name);
	add_id(text, " id=", &m->id);
	add_id(text, " boot=", &m->boot);
	add(text, " session=%" PRIu64 " flags=%u software=%s", m->session, m->flags, m->software);
}

static void tell_welcome(GString *text, const struct yett_welcome *m)
{
	add(text, "group=%s", m->group);
	add_id(text, " group_id=", &m->group_id);
	add_id(text, " store_id=", &m->store_id);
	add(text, " generation=%" PRIu64 " heartbeat=%u", m->store_generation, m->heartbeat_s);
}

static void tell_refuse(GString *text, const struct yett_refuse *m)
{
	add(text, "code=%u cause=%s mend=%s retry=%u", m->code, m->cause, m->mend,
		m->retry_after_ms);
}

static void tell_ack(GString *text, const struct yett_ack *m)
{
	add(text, "ranges=[");
	for (uint32_t i = 0; i < m->range_count; i++) {
		add(text, "%s%" PRIu64 "-%" PRIu64, i > 0 ? "," : "", m->ranges[i].first,
			m->ranges[i].last);
	}
	add(text, "] refusals=[");
	for (uint32_t i = 0; i < m->refusal_count; i++) {
		add(text, "%s%" PRIu64 ":%u:%u", i > 0 ? "," : "", m->refusals[i].number,
			m->refusals[i].code, m->refusals[i].retry_after_ms);
	}
	add(text, "]");
}

static void tell_credit(GString *text, const struct yett_credit *m)
{
	add(text, "granted=%" PRIu64 ",%" PRIu64 ",%" PRIu64, m->granted[0], m->granted[1],
		m->granted[2]);
	add(text, " wanted=%" PRIu64 ",%" PRIu64 ",%" PRIu64, m->wanted[0], m->wanted[1],
		m->wanted[2]);
}

static void tell_path(GString *text, const struct yett_path *m)
{
	add(text, "open=%d", m->open);
	add_ids(text, " ids=", m->ids, m->count);
}

static void tell_attach(GString *text, const struct yett_attach *m)
{
	add(text, "nodes=[");
	for (uint32_t i = 0; i < m->count; i++) {
		const struct yett_attached *node = &m->nodes[i];

		add_id(text, i > 0 ? ",{id=" : "{id=", &node->id);
		add_id(text, " boot=", &node->boot);
		add_id(text, " via=", &node->via);
		add(text, " session=%" PRIu64 " live=%d relay=%d name=%s method=%s", node->session,
			node->live, node->relay, node->name, node->method);
		add(text, " software=%s address=%s hops=%u heartbeat=%u}", node->software,
			node->address, node->hops, node->heartbeat_s);
	}
	add(text, "]");
}

static void tell_detach(GString *text, const struct yett_detach *m)
{
	add_ids(text, "ids=", m->ids, m->count);
}

static void tell_heartbeat(GString *text, const struct yett_heartbeat *m)
{
	add(text, "wall=%" PRId64 " interval=%u degraded=%d nodes=[", m->wall_ns, m->interval_s,
		m->degraded);
	for (uint32_t i = 0; i < m->count; i++) {
		add_id(text, i > 0 ? "," : "", &m->nodes[i].id);
		add(text, ":%u", m->nodes[i].age_ms);
	}
	add(text, "]");
	if (m->backlog_s > 0 || m->why[0] != '\0' || m->sick_count > 0) {
		add(text, " backlog=%u why=%s sick=[", m->backlog_s, m->why);
		for (uint32_t i = 0; i < m->sick_count; i++) {
			add_id(text, i > 0 ? "," : "", &m->sick[i].id);
			add(text, ":%u:%s", m->sick[i].backlog_s, m->sick[i].why);
		}
		add(text, "]");
	}
}

static void tell_ping(GString *text, const struct yett_ping *m)
{
	add(text, "token=%" PRIu64, m->token);
}

static void tell_standby(GString *text, const struct yett_standby *m)
{
	add(text, "on=%d session=%" PRIu64, m->on, m->session);
}

static void tell_admission(GString *text, const struct yett_admission *m)
{
	for (uint32_t i = 0; i < m->ask_count; i++) {
		const struct yett_admission_ask *ask = &m->asks[i];

		add(text, "%s{", i > 0 ? "," : "asks=");
		add_id(text, "id=", &ask->id);
		add(text, " as=%u name=%s method=%s authority=%s principal=%s fingerprint=%s ",
			ask->as, ask->name, ask->method, ask->authority, ask->principal,
			ask->fingerprint);
		add(text, "address=%s via=%s}", ask->address, ask->via);
	}
	for (uint32_t i = 0; i < m->signed_count; i++) {
		add(text, "%s", i > 0 ? "," : "signed=");
		for (size_t j = 0; j < m->signeds[i].length; j++) {
			add(text, "%02x", m->signeds[i].bytes[j]);
		}
	}
}

static void tell_config(GString *text, const struct yett_config *m)
{
	add_id(text, "node=", &m->node);
	for (uint32_t i = 0; i < m->signed_count; i++) {
		add(text, "%s", i > 0 ? "," : " signed=");
		for (size_t j = 0; j < m->signeds[i].length; j++) {
			add(text, "%02x", m->signeds[i].bytes[j]);
		}
	}
}

static void tell_applied(GString *text, const struct yett_applied *m)
{
	add_id(text, "node=", &m->node);
	add(text, " generation=%" PRIu64 " revision=%" PRIu64 " state=%u since=%" PRId64,
		m->generation, m->revision, m->state, m->since_s);
	add(text, " why=%s pinned=%s", m->why, m->pinned);
}

static void tell_query(GString *text, const struct yett_query_message *m)
{
	add(text, "number=%" PRIu64 " what=%u", m->number, m->what);
	add_id(text, " node=", &m->node);
	add(text, " limit=%u hops=%u about=%s", m->limit_ms, m->hops, m->about);
}

static void tell_report(GString *text, const struct yett_report *m)
{
	add(text, "number=%" PRIu64 " result=%u by=%s state=%u at=%s why=%s mend=%s cut=%d steps=",
		m->number, m->result, m->by, m->state, m->blocked_at, m->why, m->mend, m->cut);
	for (uint32_t i = 0; i < m->step_count; i++) {
		const struct yett_report_step *step = &m->steps[i];

		add(text, "{%s %s %u %s}", step->step, step->about, step->state, step->seen);
	}
	add(text, " ways=");
	for (uint32_t i = 0; i < m->way_count; i++) {
		const struct yett_report_way *way = &m->ways[i];

		add(text, "{%s %d %" PRId64 " %s %s}", way->upstream, way->proven, way->last_ns,
			way->why, way->mend);
	}
}

static void encode_refuse(const struct yett_refuse *m, GByteArray *to)
{
	yett_refuse_encode(m, YETT_FRAME_REFUSE, to);
}

static void encode_ping(const struct yett_ping *m, GByteArray *to)
{
	yett_ping_encode(m, YETT_FRAME_PING, to);
}

/* Decodes a body, tells it, and encodes it: the frame's header goes, so that bodies compare. */
#define RUN_MESSAGE(name, structure, encode)                                                       \
	static void run_##name(const GByteArray *bytes, struct outcome *outcome)                   \
	{                                                                                          \
		struct structure *m = g_new(struct structure, 1);                                  \
		memset(m, 0xee, sizeof(*m)); /* nothing of what was there may shine through */     \
		outcome->result = yett_##name##_decode(bytes->data, bytes->len, m);                \
		if (outcome->result == 0) {                                                        \
			tell_##name(outcome->text, m);                                             \
			encode(m, outcome->again);                                                 \
			g_byte_array_remove_range(outcome->again, 0, YETT_FRAME_HEADER_SIZE);      \
		}                                                                                  \
		g_free(m);                                                                         \
	}
RUN_MESSAGE(hello, yett_hello, yett_hello_encode)
RUN_MESSAGE(auth, yett_auth_message, yett_auth_encode)
RUN_MESSAGE(intro, yett_intro, yett_intro_encode)
RUN_MESSAGE(welcome, yett_welcome, yett_welcome_encode)
RUN_MESSAGE(refuse, yett_refuse, encode_refuse)
RUN_MESSAGE(ack, yett_ack, yett_ack_encode)
RUN_MESSAGE(credit, yett_credit, yett_credit_encode)
RUN_MESSAGE(path, yett_path, yett_path_encode)
RUN_MESSAGE(attach, yett_attach, yett_attach_encode)
RUN_MESSAGE(detach, yett_detach, yett_detach_encode)
RUN_MESSAGE(heartbeat, yett_heartbeat, yett_heartbeat_encode)
RUN_MESSAGE(ping, yett_ping, encode_ping)
RUN_MESSAGE(standby, yett_standby, yett_standby_encode)
RUN_MESSAGE(admission, yett_admission, yett_admission_encode)
RUN_MESSAGE(config, yett_config, yett_config_encode)
RUN_MESSAGE(applied, yett_applied, yett_applied_encode)
RUN_MESSAGE(query, yett_query_message, yett_query_encode)
RUN_MESSAGE(report, yett_report, yett_report_encode)

static void run_envelope(const GByteArray *bytes, struct outcome *outcome)
{
	struct yett_envelope envelope;

	outcome->result = yett_envelope_decode(bytes->data, bytes->len, &envelope);
	if (outcome->result == 0) {
		add_ids(outcome->text, "path=", envelope.path, envelope.hops);
		add(outcome->text, " method=%s", envelope.method);
		g_byte_array_set_size(outcome->again, YETT_ENVELOPE_MAX);
		g_byte_array_set_size(outcome->again,
			(guint)yett_envelope_encode(&envelope, outcome->again->data));
	}
}

/* A batch around one item. */
static struct yett_batch wrap(const GByteArray *bytes, uint16_t content)
{
	struct yett_batch_info info = {.content = content, .count = 1, .plain_length = bytes->len};
	struct yett_batch batch;

	CU_ASSERT_EQUAL_FATAL(yett_batch_build(&info, bytes->data, bytes->len, &batch), 0);
	return batch;
}

/* Cuts the payload and takes its bytes. */
static void cut(struct yett_payload *payload, GByteArray *again)
{
	struct yett_batch batch;

	CU_ASSERT_EQUAL_FATAL(
		yett_payload_cut(payload, 0, YETT_CONTENT_RECORDS, false, 0, &batch), 0);
	g_byte_array_append(again, batch.bytes + YETT_BATCH_HEADER_SIZE, batch.info.stored_length);
	yett_buffer_unref(batch.buffer);
	yett_payload_free(payload);
}

static void add_text(GString *text, const char *key, struct yett_text what)
{
	add(text, "%s", key);
	for (size_t i = 0; i < what.length; i++) {
		if (what.bytes[i] == '\0') {
			add(text, "\\0");
		} else {
			g_string_append_c(text, what.bytes[i]);
		}
	}
}

static void add_value(GString *text, const struct yett_value *value)
{
	switch (value->type) {
	case YETT_VALUE_NONE:
		add(text, "none");
		break;
	case YETT_VALUE_INT:
		add(text, "int:%" PRId64, value->i);
		break;
	case YETT_VALUE_DOUBLE:
		if (isnan(value->d)) {
			add(text, "double:nan");
		} else {
			add(text, "double:%.17g", value->d);
		}
		break;
	case YETT_VALUE_BOOL:
		add(text, "bool:%d", value->b);
		break;
	default:
		add_text(text, "text:", value->text);
	}
}

static void tell_record(GString *text, const struct yett_record *record)
{
	add(text, "time=%" PRId64 " kind=%u", record->time_ns, record->kind);
	add_text(text, " name=", record->name);
	add(text, " severity=%u value=", record->severity);
	add_value(text, &record->value);
	add_text(text, " unit=", record->unit);
	add_text(text, " body=", record->body);
	add(text, " attributes={");
	for (size_t i = 0; i < record->attribute_count; i++) {
		add_text(text, i > 0 ? "," : "", record->attributes[i].key);
		add(text, "=");
		add_value(text, &record->attributes[i].value);
	}
	add(text, "} state=%u", record->state);
}

static void run_record(const GByteArray *bytes, struct outcome *outcome)
{
	struct yett_batch batch = wrap(bytes, YETT_CONTENT_RECORDS);
	struct yett_reader *reader;
	struct yett_record record;

	CU_ASSERT_EQUAL_FATAL(yett_reader_open(&batch, &reader), 0);
	outcome->result = yett_reader_next_record(reader, &record);
	if (outcome->result == 1) {
		struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);

		outcome->result = 0;
		tell_record(outcome->text, &record);
		CU_ASSERT_EQUAL(yett_payload_record(payload, &record), 0);
		cut(payload, outcome->again);
		CU_ASSERT(yett_reader_next_record(reader, &record) <= 0);
	} else {
		/* The error stays. */
		CU_ASSERT_EQUAL(yett_reader_next_record(reader, &record), outcome->result);
	}
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
}

static void tell_notice(GString *text, const struct yett_notice *notice)
{
	add(text, "kind=%u", notice->kind);
	add_id(text, " origin=", &notice->range.origin);
	add(text,
		" ordinal=%" PRIu64 " random=%" PRIu64 " lane=%u first=%" PRIu64 " count=%" PRIu64,
		notice->range.epoch.ordinal, notice->range.epoch.random, notice->range.lane,
		notice->range.first, notice->range.count);
	add_id(text, " id=", &notice->id);
	add_id(text, " holder=", &notice->holder);
	add(text, " cause=%u closed=%u", notice->cause, notice->closed);
}

static void run_notice(const GByteArray *bytes, struct outcome *outcome)
{
	struct yett_batch batch = wrap(bytes, YETT_CONTENT_CUSTODY);
	struct yett_reader *reader;
	struct yett_notice notice;

	CU_ASSERT_EQUAL_FATAL(yett_reader_open(&batch, &reader), 0);
	outcome->result = yett_reader_next_notice(reader, &notice);
	if (outcome->result == 1) {
		struct yett_payload *payload = yett_payload_new(YETT_BATCH_MAX);

		outcome->result = 0;
		tell_notice(outcome->text, &notice);
		CU_ASSERT_EQUAL(yett_payload_notice(payload, &notice), 0);
		cut(payload, outcome->again);
	}
	yett_reader_close(reader);
	yett_buffer_unref(batch.buffer);
}

/* How many items a batch holds, or the name of what is wrong with them. */
static void tell_items(GString *text, const struct yett_batch *batch)
{
	struct yett_reader *reader;
	struct yett_record record;
	struct yett_notice notice;
	int result = yett_reader_open(batch, &reader);
	int items = 0;

	if (result == 0) {
		bool records = batch->info.content == YETT_CONTENT_RECORDS;

		while ((result = records ? yett_reader_next_record(reader, &record)
					 : yett_reader_next_notice(reader, &notice)) > 0) {
			items++;
		}
		yett_reader_close(reader);
	}
	if (result < 0) {
		add(text, " items=%s", yett_result_name(result));
	} else {
		add(text, " items=%d", items);
	}
}

static void run_batch(const GByteArray *bytes, struct outcome *outcome)
{
	struct yett_batch batch, again;
	const struct yett_batch_info *info = &batch.info;

	outcome->result = yett_batch_parse(NULL, bytes->data, bytes->len, &batch);
	if (outcome->result < 0) {
		return;
	}
	add(outcome->text, "lane=%u codec=%u content=%u flags=%u", info->lane, info->codec,
		info->content, info->flags);
	add_id(outcome->text, " origin=", &info->origin);
	add(outcome->text, " ordinal=%" PRIu64 " random=%" PRIu64 " first=%" PRIu64 " count=%u",
		info->epoch.ordinal, info->epoch.random, info->first, info->count);
	add(outcome->text, " created=%" PRId64 " stored=%u plain=%u tag=%u:%u", info->created_ns,
		info->stored_length, info->plain_length, info->tag_type, info->tag_length);
	tell_items(outcome->text, &batch);
	CU_ASSERT_EQUAL_FATAL(yett_batch_build(info, batch.bytes + info->header_length,
				      info->stored_length, &again),
		0);
	yett_batch_renumber(&again, &info->origin, &info->epoch, info->first);
	g_byte_array_append(outcome->again, again.bytes, again.length);
	yett_buffer_unref(again.buffer);
}

static const struct {
	const char *type;
	void (*run)(const GByteArray *bytes, struct outcome *outcome);
} runners[] = {
	{"hello", run_hello},
	{"auth", run_auth},
	{"intro", run_intro},
	{"welcome", run_welcome},
	{"refuse", run_refuse},
	{"ack", run_ack},
	{"credit", run_credit},
	{"path", run_path},
	{"attach", run_attach},
	{"detach", run_detach},
	{"heartbeat", run_heartbeat},
	{"ping", run_ping},
	{"standby", run_standby},
	{"admission", run_admission},
	{"config", run_config},
	{"applied", run_applied},
	{"query", run_query},
	{"report", run_report},
	{"envelope", run_envelope},
	{"record", run_record},
	{"notice", run_notice},
	{"batch", run_batch},
};

static void run(const char *type, const GByteArray *bytes, struct outcome *outcome)
{
	for (size_t i = 0; i < G_N_ELEMENTS(runners); i++) {
		if (strcmp(runners[i].type, type) == 0) {
			/* A place of its own, exactly as long: no byte beyond is read. */
			GByteArray exact = {g_memdup2(bytes->data, bytes->len), bytes->len};

			runners[i].run(&exact, outcome);
			g_free(exact.data);
			return;
		}
	}
	CU_FAIL("a type that is not known");
}

static void outcome_init(struct outcome *outcome)
{
	*outcome = (struct outcome){0, g_string_new(NULL), g_byte_array_new()};
}

static void outcome_done(struct outcome *outcome)
{
	g_string_free(outcome->text, TRUE);
	g_byte_array_unref(outcome->again);
}

static void check_vector(const struct vector *vector)
{
	struct outcome outcome;

	outcome_init(&outcome);
	run(vector->type, vector->bytes, &outcome);
	if (outcome.result < 0) {
		add(outcome.text, "error %s", yett_result_name(outcome.result));
	}
	if (strcmp(outcome.text->str, vector->want) != 0) {
		printf("  %s: %s\n    want %s\n", vector->name, outcome.text->str, vector->want);
	}
	CU_ASSERT_STRING_EQUAL(outcome.text->str, vector->want);
	if (outcome.result == 0 && !vector->oneway) {
		bool same =
			outcome.again->len == vector->bytes->len &&
			memcmp(outcome.again->data, vector->bytes->data, vector->bytes->len) == 0;

		if (!same) {
			printf("  %s: encoded otherwise\n", vector->name);
		}
		CU_ASSERT(same);
	}
	outcome_done(&outcome);
}

/* Cut at every byte, a vector is never taken for whole; and with any one byte changed it does no
 * harm (the sanitizers tell). */
static void check_damage(const struct vector *vector)
{
	GByteArray part = *vector->bytes;
	bool is_batch = strcmp(vector->type, "batch") == 0;
	bool item = strcmp(vector->type, "record") == 0 || strcmp(vector->type, "notice") == 0;

	if (part.len > 600) {
		return;
	}
	for (guint i = 0; i < vector->bytes->len; i++) {
		struct outcome outcome;
		guint8 kept = vector->bytes->data[i];

		outcome_init(&outcome);
		part.len = i;
		if (i > 0 || !item) { /* a batch of nothing cannot be built */
			run(vector->type, &part, &outcome);
			CU_ASSERT(outcome.result < 0);
		}
		vector->bytes->data[i] ^= (guint8)(1 + i * 37 % 255);
		outcome.result = 0;
		run(vector->type, vector->bytes, &outcome);
		CU_ASSERT(!is_batch || outcome.result < 0);
		vector->bytes->data[i] = kept;
		outcome_done(&outcome);
	}
}

static GByteArray *from_hex(const char *hex)
{
	GByteArray *bytes = g_byte_array_new();

	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		guint8 byte =
			(guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

/* The value of a line `key = value` of a vector's text, or NULL. */
static char *field(char *const *lines, const char *key)
{
	size_t length = strlen(key);

	for (; *lines != NULL; lines++) {
		if (strncmp(*lines, key, length) == 0 && strncmp(*lines + length, " = ", 3) == 0) {
			return *lines + length + 3;
		}
	}
	return NULL;
}

static void check_file(const char *file)
{
	char *path = g_build_filename(YETT_TEST_SRCDIR, "tests", "vectors", file, NULL);
	char *content = NULL, **parts;
	int count = 0;

	CU_ASSERT_FATAL(g_file_get_contents(path, &content, NULL, NULL));
	parts = g_strsplit(content, "\n\n", -1);
	for (char **part = parts + 1; *part != NULL; part++) {
		char **lines = g_strsplit(*part, "\n", -1);
		struct vector vector = {
			.name = lines[0],
			.type = field(lines, "type"),
			.want = field(lines, "want"),
			.bytes = from_hex(field(lines, "hex")),
			.oneway = g_strv_contains((const char *const *)lines, "oneway"),
		};

		check_vector(&vector);
		if (!g_str_has_prefix(vector.want, "error")) {
			check_damage(&vector);
		}
		count++;
		g_byte_array_unref(vector.bytes);
		g_strfreev(lines);
	}
	CU_ASSERT(count >= 10);
	g_strfreev(parts);
	g_free(content);
	g_free(path);
}

static void test_messages(void)
{
	check_file("messages.txt");
}

static void test_records(void)
{
	check_file("records.txt");
}

static void test_custody(void)
{
	check_file("custody.txt");
}

static void test_batches(void)
{
	check_file("batches.txt");
	CU_ASSERT_EQUAL(yett_buffer_alive(), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"messages", test_messages},
		{"records", test_records},
		{"custody", test_custody},
		{"batches", test_batches},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "wire-vectors", tests);
}
