/* The control messages as forms (doc/protocol.cddl): a new one is a table here, and a line at the end.
 *
 * Responsible for: their keys, limits and required fields. Not for: how a form is encoded and decoded
 * (form.c), when messages are legal (session.c), nor what they mean (flow).
 * Threads: any; pure. Ownership: decoded structs hold copies, but for AUTH's token, which borrows
 * the body; the large ones belong on the heap. Failure: encoding has none; decoding is YETT_EPROTO
 * or YETT_ELIMIT. */
#include "message.h"

#include "../base/id.h"
#include "form.h"
#include "frame.h"

static const struct yett_form_field method_fields[] = {
	{.type = YETT_FORM_TEXT, .size = YETT_METHOD_NAME_SIZE},
};
YETT_FORM_ELEMENT(method, NULL);

static const struct yett_form_field hello_fields[] = {
	YETT_FIELD_U32(1, NEEDED, yett_hello, version_low, UINT32_MAX),
	YETT_FIELD_U32(2, NEEDED, yett_hello, version_high, UINT32_MAX),
	YETT_FIELD_U64(3, OPTIONAL, yett_hello, capabilities),
	YETT_FIELD_LIST(4, NEEDED, yett_hello, methods, method_count, char[YETT_METHOD_NAME_SIZE],
		&method_form, 0),
	YETT_FIELD_TEXT(5, OPTIONAL, yett_hello, realm),
	YETT_FIELD_I64(6, NEEDED, yett_hello, wall_ns),
};

static bool hello_is_sound(const void *message)
{
	const struct yett_hello *hello = message;

	return hello->version_low <= hello->version_high;
}
YETT_FORM_MAP(hello, sizeof(struct yett_hello), hello_is_sound);

static const struct yett_form_field auth_fields[] = {
	YETT_FIELD_TEXT(1, NEEDED, yett_auth_message, method),
	YETT_FIELD_U32(2, NEEDED, yett_auth_message, status, 3),
	YETT_FIELD_BYTES(3, OPTIONAL, yett_auth_message, token, token_length, YETT_AUTH_CHUNK_MAX),
	YETT_FIELD_BOOL(4, OPTIONAL, yett_auth_message, more),
	YETT_FIELD_TEXT(5, OPTIONAL, yett_auth_message, cause),
};

static bool auth_is_sound(const void *message)
{
	const struct yett_auth_message *auth = message;

	/* A chunk that brings nothing could be sent for ever. */
	return auth->status != 0 && !(auth->more && auth->token_length == 0);
}
YETT_FORM_MAP(auth, sizeof(struct yett_auth_message), auth_is_sound);

static const struct yett_form_field intro_fields[] = {
	YETT_FIELD_TEXT(1, NEEDED, yett_intro, name),
	YETT_FIELD_ID(2, NEEDED, yett_intro, id),
	YETT_FIELD_ID(3, NEEDED, yett_intro, boot),
	YETT_FIELD_U64(4, NEEDED, yett_intro, session),
	YETT_FIELD_U32(5, NEEDED, yett_intro, flags, UINT32_MAX),
	YETT_FIELD_TEXT(6, TOLD, yett_intro, software),
};

/* Zero is no node's id: it stands for none. */
static bool intro_is_sound(const void *message)
{
	const struct yett_intro *intro = message;

	return !yett_id_is_zero(&intro->id) && !yett_id_is_zero(&intro->boot);
}
YETT_FORM_MAP(intro, sizeof(struct yett_intro), intro_is_sound);

static const struct yett_form_field welcome_fields[] = {
	YETT_FIELD_TEXT(1, NEEDED, yett_welcome, group),
	YETT_FIELD_ID(2, NEEDED, yett_welcome, group_id),
	YETT_FIELD_ID(3, NEEDED, yett_welcome, store_id),
	YETT_FIELD_U64(4, NEEDED, yett_welcome, store_generation),
	YETT_FIELD_U32(5, NEEDED, yett_welcome, heartbeat_s, UINT32_MAX),
};
YETT_FORM_MAP(welcome, sizeof(struct yett_welcome), NULL);

static const struct yett_form_field refuse_fields[] = {
	YETT_FIELD_U32(1, NEEDED, yett_refuse, code, UINT32_MAX),
	YETT_FIELD_TEXT(2, OPTIONAL, yett_refuse, cause),
	YETT_FIELD_TEXT(3, OPTIONAL, yett_refuse, mend),
	YETT_FIELD_U32(4, OPTIONAL, yett_refuse, retry_after_ms, UINT32_MAX),
};
YETT_FORM_MAP(refuse, sizeof(struct yett_refuse), NULL);

static const struct yett_form_field range_fields[] = {
	YETT_FIELD_U64(0, NEEDED, yett_ack_range, first),
	YETT_FIELD_U64(0, NEEDED, yett_ack_range, last),
};

static bool range_is_sound(const void *element)
{
	const struct yett_ack_range *range = element;

	return range->first > 0 && range->first <= range->last;
}
YETT_FORM_ELEMENT(range, range_is_sound);

static const struct yett_form_field refusal_fields[] = {
	YETT_FIELD_U64(0, NEEDED, yett_ack_refusal, number),
	YETT_FIELD_U32(0, NEEDED, yett_ack_refusal, code, UINT32_MAX),
	YETT_FIELD_U32(0, NEEDED, yett_ack_refusal, retry_after_ms, UINT32_MAX),
};

static bool refusal_is_sound(const void *element)
{
	return ((const struct yett_ack_refusal *)element)->number > 0;
}
YETT_FORM_ELEMENT(refusal, refusal_is_sound);

static const struct yett_form_field ack_fields[] = {
	YETT_FIELD_LIST(
		1, OPTIONAL, yett_ack, ranges, range_count, struct yett_ack_range, &range_form, 0),
	YETT_FIELD_LIST(2, OPTIONAL, yett_ack, refusals, refusal_count, struct yett_ack_refusal,
		&refusal_form, 0),
};
YETT_FORM_MAP(ack, offsetof(struct yett_ack, ranges), NULL);

static const struct yett_form_field lane_fields[] = {
	{.type = YETT_FORM_U64, .size = sizeof(uint64_t), .max = UINT64_MAX},
};
YETT_FORM_ELEMENT(lane, NULL);

static const struct yett_form_field credit_fields[] = {
	YETT_FIELD_ARRAY(1, OPTIONAL, yett_credit, granted, uint64_t, &lane_form),
	YETT_FIELD_ARRAY(2, OPTIONAL, yett_credit, wanted, uint64_t, &lane_form),
};
YETT_FORM_MAP(credit, sizeof(struct yett_credit), NULL);

static const struct yett_form_field path_fields[] = {
	YETT_FIELD_BOOL(1, NEEDED, yett_path, open),
	YETT_FIELD_LIST(2, NEEDED, yett_path, ids, count, struct yett_id, &yett_form_id, 0),
};

static bool path_is_sound(const void *message)
{
	const struct yett_path *path = message;

	return !path->open || path->count > 0;
}
YETT_FORM_MAP(path, sizeof(struct yett_path), path_is_sound);

/* What a node takes at most: three ids, numbers, four texts, keys and heads. */
#define NODE_BYTES_MAX   (3 * 18 + 10 + 4 + 259 + 19 + 2 * 67 + 6 + 8)
#define ATTACH_PER_FRAME ((YETT_FRAME_BODY_MAX - 8) / NODE_BYTES_MAX)

static const struct yett_form_field node_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_attached, id),
	YETT_FIELD_ID(2, NEEDED, yett_attached, boot),
	YETT_FIELD_ID(3, NEEDED, yett_attached, via),
	YETT_FIELD_U64(4, NEEDED, yett_attached, session),
	YETT_FIELD_BOOL(5, NEEDED, yett_attached, live),
	YETT_FIELD_BOOL(6, TOLD, yett_attached, relay),
	YETT_FIELD_TEXT(7, NEEDED, yett_attached, name),
	YETT_FIELD_TEXT(8, TOLD, yett_attached, method),
	YETT_FIELD_TEXT(9, TOLD, yett_attached, software),
	YETT_FIELD_TEXT(10, TOLD, yett_attached, address),
	YETT_FIELD_U32(11, TOLD, yett_attached, hops, UINT32_MAX),
	YETT_FIELD_U32(12, OPTIONAL, yett_attached, heartbeat_s, UINT32_MAX),
	YETT_FIELD_BOOL(13, OPTIONAL, yett_attached, cloned),
};

static bool node_is_sound(const void *message)
{
	const struct yett_attached *node = message;

	return !yett_id_is_zero(&node->id) && yett_form_is_word(node->name) &&
	       yett_form_is_word(node->method) && yett_form_is_word(node->address);
}
YETT_FORM_MAP(node, sizeof(struct yett_attached), node_is_sound);

static const struct yett_form_field attach_fields[] = {
	YETT_FIELD_LIST(1, NEEDED, yett_attach, nodes, count, struct yett_attached, &node_form,
		ATTACH_PER_FRAME),
};
YETT_FORM_MAP(attach, offsetof(struct yett_attach, nodes), NULL);

static const struct yett_form_field detach_fields[] = {
	YETT_FIELD_LIST(1, NEEDED, yett_detach, ids, count, struct yett_id, &yett_form_id, 0),
};
YETT_FORM_MAP(detach, offsetof(struct yett_detach, ids), NULL);

static const struct yett_form_field heard_fields[] = {
	YETT_FIELD_ID(0, NEEDED, yett_heartbeat_of, id),
	YETT_FIELD_U32(0, NEEDED, yett_heartbeat_of, age_ms, UINT32_MAX),
};
YETT_FORM_ELEMENT(heard, NULL);

static const struct yett_form_field sick_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_sick, id),
	YETT_FIELD_U32(2, OPTIONAL, yett_sick, backlog_s, UINT32_MAX),
	YETT_FIELD_TEXT(3, OPTIONAL, yett_sick, why),
};
YETT_FORM_MAP(sick, sizeof(struct yett_sick), NULL);

static const struct yett_form_field heartbeat_fields[] = {
	YETT_FIELD_I64(1, NEEDED, yett_heartbeat, wall_ns),
	YETT_FIELD_U32(2, NEEDED, yett_heartbeat, interval_s, UINT32_MAX),
	YETT_FIELD_BOOL(3, NEEDED, yett_heartbeat, degraded),
	YETT_FIELD_LIST(4, OPTIONAL, yett_heartbeat, nodes, count, struct yett_heartbeat_of,
		&heard_form, 0),
	YETT_FIELD_U32(5, OPTIONAL, yett_heartbeat, backlog_s, UINT32_MAX),
	YETT_FIELD_TEXT(6, OPTIONAL, yett_heartbeat, why),
	YETT_FIELD_LIST(
		7, OPTIONAL, yett_heartbeat, sick, sick_count, struct yett_sick, &sick_form, 0),
};
YETT_FORM_MAP(heartbeat, offsetof(struct yett_heartbeat, nodes), NULL);

static const struct yett_form_field ask_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_admission_ask, id),
	YETT_FIELD_U32(2, NEEDED, yett_admission_ask, as, YETT_AS_GATEWAY),
	YETT_FIELD_TEXT(3, NEEDED, yett_admission_ask, name),
	YETT_FIELD_TEXT(4, NEEDED, yett_admission_ask, method),
	YETT_FIELD_TEXT(5, NEEDED, yett_admission_ask, authority),
	YETT_FIELD_TEXT(6, TOLD, yett_admission_ask, principal),
	YETT_FIELD_TEXT(7, OPTIONAL, yett_admission_ask, fingerprint),
	YETT_FIELD_TEXT(8, TOLD, yett_admission_ask, address),
	YETT_FIELD_TEXT(9, TOLD, yett_admission_ask, via),
};

static bool ask_is_sound(const void *message)
{
	const struct yett_admission_ask *ask = message;

	return !yett_id_is_zero(&ask->id) && ask->as != 0 && ask->name[0] != '\0' &&
	       yett_form_is_word(ask->name) && yett_form_is_word(ask->method) &&
	       yett_form_is_word(ask->address) && yett_form_is_word(ask->via);
}
YETT_FORM_MAP(ask, sizeof(struct yett_admission_ask), ask_is_sound);

static const struct yett_form_field signed_fields[] = {
	YETT_FIELD_BYTES(0, NEEDED, yett_signed_bytes, bytes, length, YETT_SIGNED_MAX),
};
YETT_FORM_ELEMENT(signed, NULL);

static const struct yett_form_field admission_fields[] = {
	YETT_FIELD_LIST(1, OPTIONAL, yett_admission, asks, ask_count, struct yett_admission_ask,
		&ask_form, 0),
	YETT_FIELD_LIST(2, OPTIONAL, yett_admission, signeds, signed_count,
		struct yett_signed_bytes, &signed_form, 0),
};

static bool admission_is_sound(const void *message)
{
	const struct yett_admission *admission = message;

	return (admission->ask_count > 0) != (admission->signed_count > 0);
}
YETT_FORM_MAP(admission, offsetof(struct yett_admission, asks), admission_is_sound);

static const struct yett_form_field config_signed_fields[] = {
	YETT_FIELD_BYTES(0, NEEDED, yett_signed_bytes, bytes, length, YETT_DESIRED_MAX),
};
YETT_FORM_ELEMENT(config_signed, NULL);

static const struct yett_form_field config_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_config, node),
	YETT_FIELD_LIST(2, NEEDED, yett_config, signeds, signed_count, struct yett_signed_bytes,
		&config_signed_form, 0),
};

static bool config_is_sound(const void *message)
{
	return ((const struct yett_config *)message)->signed_count > 0;
}
YETT_FORM_MAP(config, offsetof(struct yett_config, signeds), config_is_sound);

static const struct yett_form_field applied_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_applied, node),
	YETT_FIELD_U64(2, NEEDED, yett_applied, generation),
	YETT_FIELD_U64(3, NEEDED, yett_applied, revision),
	YETT_FIELD_U32(4, NEEDED, yett_applied, state, YETT_APPLIED_ROLLED_BACK),
	YETT_FIELD_I64(5, TOLD, yett_applied, since_s),
	YETT_FIELD_TEXT(6, OPTIONAL, yett_applied, why),
	YETT_FIELD_TEXT(7, OPTIONAL, yett_applied, pinned),
};

static bool applied_is_sound(const void *message)
{
	return ((const struct yett_applied *)message)->state != 0;
}
YETT_FORM_MAP(applied, sizeof(struct yett_applied), applied_is_sound);

static const struct yett_form_field query_fields[] = {
	YETT_FIELD_U64(1, NEEDED, yett_query_message, number),
	YETT_FIELD_U32(2, NEEDED, yett_query_message, what, UINT32_MAX),
	YETT_FIELD_ID(3, NEEDED, yett_query_message, node),
	YETT_FIELD_U32(4, NEEDED, yett_query_message, limit_ms, UINT32_MAX),
	YETT_FIELD_U32(5, OPTIONAL, yett_query_message, hops, UINT32_MAX),
	YETT_FIELD_TEXT(6, OPTIONAL, yett_query_message, about),
};

static bool query_is_sound(const void *message)
{
	const struct yett_query_message *query = message;

	return query->number != 0 && query->what != 0;
}
YETT_FORM_MAP(query, sizeof(struct yett_query_message), query_is_sound);

static const struct yett_form_field step_fields[] = {
	YETT_FIELD_TEXT(1, NEEDED, yett_report_step, step),
	YETT_FIELD_TEXT(2, OPTIONAL, yett_report_step, about),
	YETT_FIELD_U32(3, NEEDED, yett_report_step, state, 4),
	YETT_FIELD_TEXT(4, NEEDED, yett_report_step, seen),
};

static bool step_is_sound(const void *element)
{
	return ((const struct yett_report_step *)element)->state != 0;
}
YETT_FORM_MAP(step, sizeof(struct yett_report_step), step_is_sound);

static const struct yett_form_field way_fields[] = {
	YETT_FIELD_TEXT(1, NEEDED, yett_report_way, upstream),
	YETT_FIELD_BOOL(2, NEEDED, yett_report_way, proven),
	YETT_FIELD_I64(3, OPTIONAL, yett_report_way, last_ns),
	YETT_FIELD_TEXT(4, OPTIONAL, yett_report_way, why),
	YETT_FIELD_TEXT(5, OPTIONAL, yett_report_way, mend),
};
YETT_FORM_MAP(way, sizeof(struct yett_report_way), NULL);

/* Nothing here is told where it was not: so a relay's is not longer than what came, but for the number. */
static const struct yett_form_field report_fields[] = {
	YETT_FIELD_U64(1, NEEDED, yett_report, number),
	YETT_FIELD_U32(2, NEEDED, yett_report, result, UINT32_MAX),
	YETT_FIELD_TEXT(3, OPTIONAL, yett_report, by),
	YETT_FIELD_U32(4, OPTIONAL, yett_report, state, 4),
	YETT_FIELD_TEXT(5, OPTIONAL, yett_report, blocked_at),
	YETT_FIELD_TEXT(6, OPTIONAL, yett_report, why),
	YETT_FIELD_TEXT(7, OPTIONAL, yett_report, mend),
	YETT_FIELD_BOOL(8, OPTIONAL, yett_report, cut),
	YETT_FIELD_LIST(9, OPTIONAL, yett_report, steps, step_count, struct yett_report_step,
		&step_form, 0),
	YETT_FIELD_LIST(
		10, OPTIONAL, yett_report, ways, way_count, struct yett_report_way, &way_form, 0),
};

static bool report_is_sound(const void *message)
{
	const struct yett_report *report = message;

	return report->number != 0 && report->result != 0;
}
YETT_FORM_MAP(report, offsetof(struct yett_report, steps), report_is_sound);

size_t yett_report_size(const struct yett_report *message)
{
	GByteArray *bytes = g_byte_array_new();
	size_t size;

	yett_form_put(&report_form, message, bytes);
	size = bytes->len;
	g_byte_array_unref(bytes);
	return size;
}

static const struct yett_form_field ping_fields[] = {
	YETT_FIELD_U64(1, NEEDED, yett_ping, token),
};
YETT_FORM_MAP(ping, sizeof(struct yett_ping), NULL);

static const struct yett_form_field standby_fields[] = {
	YETT_FIELD_BOOL(1, NEEDED, yett_standby, on),
	YETT_FIELD_U64(2, NEEDED, yett_standby, session),
};
YETT_FORM_MAP(standby, sizeof(struct yett_standby), NULL);

#define DECODE(name, structure)                                                                    \
	int yett_##name##_decode(                                                                  \
		const uint8_t *bytes, size_t length, struct structure *ret_message)                \
	{                                                                                          \
		return yett_form_read(&name##_form, bytes, length, ret_message);                   \
	}
#define MESSAGE(name, structure, type)                                                             \
	void yett_##name##_encode(const struct structure *message, GByteArray *to)                 \
	{                                                                                          \
		yett_form_put_frames(&name##_form, type, message, to);                             \
	}                                                                                          \
	DECODE(name, structure)
/* What goes as one type or another. */
#define MESSAGE_AS(name, structure)                                                                \
	void yett_##name##_encode(const struct structure *message, int type, GByteArray *to)       \
	{                                                                                          \
		yett_form_put_frames(&name##_form, type, message, to);                             \
	}                                                                                          \
	DECODE(name, structure)

MESSAGE(hello, yett_hello, YETT_FRAME_HELLO)
MESSAGE(auth, yett_auth_message, YETT_FRAME_AUTH)
MESSAGE(intro, yett_intro, YETT_FRAME_INTRO)
MESSAGE(welcome, yett_welcome, YETT_FRAME_WELCOME)
MESSAGE_AS(refuse, yett_refuse)
MESSAGE(ack, yett_ack, YETT_FRAME_ACK)
MESSAGE(credit, yett_credit, YETT_FRAME_CREDIT)
MESSAGE(path, yett_path, YETT_FRAME_PATH)
MESSAGE(attach, yett_attach, YETT_FRAME_ATTACH)
MESSAGE(detach, yett_detach, YETT_FRAME_DETACH)
MESSAGE(heartbeat, yett_heartbeat, YETT_FRAME_HEARTBEAT)
MESSAGE(admission, yett_admission, YETT_FRAME_ADMISSION)
MESSAGE(config, yett_config, YETT_FRAME_CONFIG)
MESSAGE(applied, yett_applied, YETT_FRAME_APPLIED)
MESSAGE(query, yett_query_message, YETT_FRAME_QUERY)
MESSAGE(report, yett_report, YETT_FRAME_REPORT)
MESSAGE_AS(ping, yett_ping)
MESSAGE(standby, yett_standby, YETT_FRAME_STANDBY)
