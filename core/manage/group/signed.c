/* Signed decisions, server certificates and group keys: forms, signing, verifying.
 *
 * Responsible for the envelope and the three payloads (doc/protocol.cddl), and for whose signature
 * counts: a decision is signed by a server's key, which a certificate ties to one of the group's two
 * keys; a certificate by one of these; new keys by the one that was announced as the successor, and by
 * no other; and for the times that may be believed. What is signed begins with a label and the kind, so that no
 * payload counts as another. Not responsible for revisions and what follows from a decision (kept.c, aim.c).
 *
 * Any thread; pure. Nothing is allocated by what a peer's length says. */
#include "signed.h"

#include <string.h>

#include "../../base/id.h"
#include "../../wire/form.h"

#define LABEL       "yett signed 1"
#define PAYLOAD_MAX 1024
#define SLACK_S     INT64_C(86400)         /* by which clocks may differ */
#define LIFE_MAX_S  (INT64_C(365) * 86400) /* as a group's settings allow */

#define DESIRED_PAYLOAD_MAX (YETT_DESIRED_MAX - 1024) /* room for the certificate */

struct envelope {
	uint32_t kind;
	const uint8_t *payload, *signature, *certificate;
	size_t payload_length, signature_length, certificate_length;
};

static const struct yett_form_field envelope_fields[] = {
	YETT_FIELD_U32(1, NEEDED, envelope, kind, 255),
	YETT_FIELD_BYTES(2, NEEDED, envelope, payload, payload_length, DESIRED_PAYLOAD_MAX),
	YETT_FIELD_BYTES(3, NEEDED, envelope, signature, signature_length, YETT_SIGNATURE_SIZE),
	YETT_FIELD_BYTES(4, OPTIONAL, envelope, certificate, certificate_length, PAYLOAD_MAX),
};
YETT_FORM_MAP(envelope, sizeof(struct envelope), NULL);

static const struct yett_form_field decision_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_decision, group),
	YETT_FIELD_TEXT(2, NEEDED, yett_decision, name),
	YETT_FIELD_ID(3, NEEDED, yett_decision, id),
	YETT_FIELD_U32(4, NEEDED, yett_decision, verdict, YETT_DECIDED_REFUSED),
	YETT_FIELD_U32(5, NEEDED, yett_decision, as, YETT_AS_GATEWAY),
	YETT_FIELD_I64(6, NEEDED, yett_decision, issued_s),
	YETT_FIELD_I64(7, NEEDED, yett_decision, expires_s),
	YETT_FIELD_U64(8, NEEDED, yett_decision, generation),
	YETT_FIELD_U64(9, NEEDED, yett_decision, revision),
};

static bool decision_is_sound(const void *message)
{
	const struct yett_decision *decision = message;

	return decision->verdict != 0 && decision->as != 0 && decision->name[0] != '\0' &&
	       decision->issued_s <= decision->expires_s;
}
YETT_FORM_MAP(decision, sizeof(struct yett_decision), decision_is_sound);

struct certificate {
	struct yett_id group;
	char name[YETT_NODE_NAME_SIZE];
	const uint8_t *key;
	size_t key_length;
	int64_t issued_s, expires_s;
};

static const struct yett_form_field certificate_fields[] = {
	YETT_FIELD_ID(1, NEEDED, certificate, group),
	YETT_FIELD_TEXT(2, NEEDED, certificate, name),
	YETT_FIELD_BYTES(3, NEEDED, certificate, key, key_length, YETT_SIGN_PUBLIC_SIZE),
	YETT_FIELD_I64(4, NEEDED, certificate, issued_s),
	YETT_FIELD_I64(5, NEEDED, certificate, expires_s),
};

static bool certificate_is_sound(const void *message)
{
	const struct certificate *certificate = message;

	return certificate->key_length == YETT_SIGN_PUBLIC_SIZE &&
	       certificate->issued_s <= certificate->expires_s;
}
YETT_FORM_MAP(certificate, sizeof(struct certificate), certificate_is_sound);

struct keys {
	struct yett_id group;
	uint64_t sequence;
	const uint8_t *current, *next;
	size_t current_length, next_length;
	uint32_t compromised;
};

static const struct yett_form_field keys_fields[] = {
	YETT_FIELD_ID(1, NEEDED, keys, group),
	YETT_FIELD_U64(2, NEEDED, keys, sequence),
	YETT_FIELD_BYTES(3, NEEDED, keys, current, current_length, YETT_SIGN_PUBLIC_SIZE),
	YETT_FIELD_BYTES(4, NEEDED, keys, next, next_length, YETT_SIGN_PUBLIC_SIZE),
	YETT_FIELD_U32(5, OPTIONAL, keys, compromised, 1),
};

static bool keys_are_sound(const void *message)
{
	const struct keys *keys = message;

	return keys->current_length == YETT_SIGN_PUBLIC_SIZE &&
	       keys->next_length == YETT_SIGN_PUBLIC_SIZE;
}
YETT_FORM_MAP(keys, sizeof(struct keys), keys_are_sound);

static const struct yett_form_field value_fields[] = {
	YETT_FIELD_TEXT(0, NEEDED, yett_desired_value, name),
	YETT_FIELD_TEXT(0, NEEDED, yett_desired_value, value),
};
YETT_FORM_ELEMENT(value, NULL);

static const struct yett_form_field upstream_fields[] = {
	YETT_FIELD_TEXT(0, NEEDED, yett_desired_upstream, name),
	YETT_FIELD_TEXT(0, NEEDED, yett_desired_upstream, address),
};
YETT_FORM_ELEMENT(upstream, NULL);

static const struct yett_form_field desired_fields[] = {
	YETT_FIELD_ID(1, NEEDED, yett_desired, group),
	YETT_FIELD_TEXT(2, NEEDED, yett_desired, name),
	YETT_FIELD_I64(3, NEEDED, yett_desired, issued_s),
	YETT_FIELD_I64(4, NEEDED, yett_desired, expires_s),
	YETT_FIELD_U64(5, NEEDED, yett_desired, generation),
	YETT_FIELD_U64(6, NEEDED, yett_desired, revision),
	YETT_FIELD_LIST(7, OPTIONAL, yett_desired, values, value_count, struct yett_desired_value,
		&value_form, 0),
	YETT_FIELD_LIST(8, OPTIONAL, yett_desired, upstreams, upstream_count,
		struct yett_desired_upstream, &upstream_form, 0),
};

static bool desired_is_sound(const void *message)
{
	const struct yett_desired *desired = message;

	return desired->name[0] != '\0' && desired->issued_s <= desired->expires_s;
}
YETT_FORM_MAP(desired, sizeof(struct yett_desired), desired_is_sound);

const char *yett_verdict_text(uint32_t verdict)
{
	static const char *const texts[] = {
		"none", "approved", "rejected", "revoked", "pending", "refused"};

	return verdict < G_N_ELEMENTS(texts) ? texts[verdict] : "?";
}

/* The bytes that the signature is over. */
static GByteArray *to_sign(uint32_t kind, const uint8_t *payload, size_t length)
{
	GByteArray *bytes = g_byte_array_new();
	uint8_t tag = (uint8_t)kind;

	g_byte_array_append(bytes, (const guint8 *)LABEL, sizeof(LABEL)); /* its NUL too */
	g_byte_array_append(bytes, &tag, 1);
	g_byte_array_append(bytes, payload, (guint)length);
	return bytes;
}

static int sign(uint32_t kind, const struct yett_form *form, const void *message,
	const struct yett_sign_key *key, const GByteArray *certificate, GByteArray *to)
{
	GByteArray *payload = g_byte_array_new(), *bytes;
	uint8_t signature[YETT_SIGNATURE_SIZE];
	struct envelope envelope = {.kind = kind};
	int result;

	yett_form_put(form, message, payload);
	bytes = to_sign(kind, payload->data, payload->len);
	result = yett_sign(key, bytes->data, bytes->len, signature);
	if (result == 0) {
		envelope.payload = payload->data;
		envelope.payload_length = payload->len;
		envelope.signature = signature;
		envelope.signature_length = sizeof(signature);
		envelope.certificate = certificate != NULL ? certificate->data : NULL;
		envelope.certificate_length = certificate != NULL ? certificate->len : 0;
		yett_form_put(&envelope_form, &envelope, to);
	}
	g_byte_array_unref(bytes);
	g_byte_array_unref(payload);
	return result;
}

int yett_decision_sign(const struct yett_decision *decision, const struct yett_sign_key *key,
	const GByteArray *certificate, GByteArray *to)
{
	return sign(YETT_SIGNED_DECISION, &decision_form, decision, key, certificate, to);
}

int yett_desired_sign(const struct yett_desired *desired, const struct yett_sign_key *key,
	const GByteArray *certificate, GByteArray *to)
{
	return sign(YETT_SIGNED_DESIRED, &desired_form, desired, key, certificate, to);
}

int yett_server_certificate_sign(const struct yett_server_certificate *certificate,
	const struct yett_sign_key *group_key, GByteArray *to)
{
	struct certificate message = {
		.group = certificate->group,
		.key = certificate->key,
		.key_length = sizeof(certificate->key),
		.issued_s = certificate->issued_s,
		.expires_s = certificate->expires_s,
	};

	g_strlcpy(message.name, certificate->name, sizeof(message.name));
	return sign(YETT_SIGNED_CERTIFICATE, &certificate_form, &message, group_key, NULL, to);
}

int yett_trust_sign(const struct yett_trust *trust, bool compromised,
	const struct yett_sign_key *key, GByteArray *to)
{
	struct keys message = {
		.group = trust->group,
		.sequence = trust->sequence,
		.current = trust->current,
		.next = trust->next,
		.current_length = sizeof(trust->current),
		.next_length = sizeof(trust->next),
		.compromised = compromised,
	};

	return sign(YETT_SIGNED_KEYS, &keys_form, &message, key, NULL, to);
}

static bool verify(const struct envelope *envelope, const uint8_t public[YETT_SIGN_PUBLIC_SIZE])
{
	GByteArray *bytes = to_sign(envelope->kind, envelope->payload, envelope->payload_length);
	bool good = yett_sign_verify(
		public, bytes->data, bytes->len, envelope->signature, envelope->signature_length);

	g_byte_array_unref(bytes);
	return good;
}

static int read_envelope(const uint8_t *bytes, size_t length, uint32_t kind,
	const struct yett_form *form, struct envelope *ret_envelope, void *ret_message,
	struct yett_error *error)
{
	if (yett_form_read(&envelope_form, bytes, length, ret_envelope) != 0 ||
		ret_envelope->kind != kind ||
		yett_form_read(form, ret_envelope->payload, ret_envelope->payload_length,
			ret_message) != 0) {
		return yett_fail(
			error, YETT_EPROTO, NULL, "something that is signed is not understood");
	}
	return 0;
}

static int of_another(struct yett_error *error)
{
	return yett_fail(error, YETT_EDENIED,
		"give the node the installation file of the group that it belongs to",
		"it is signed for another management group");
}

int yett_server_certificate_open(const struct yett_trust *trust, const uint8_t *bytes,
	size_t length, struct yett_server_certificate *ret_certificate, struct yett_error *error)
{
	struct envelope envelope;
	struct certificate message;
	int result = read_envelope(bytes, length, YETT_SIGNED_CERTIFICATE, &certificate_form,
		&envelope, &message, error);

	if (result != 0) {
		return result;
	}
	if (!yett_id_equal(&message.group, &trust->group)) {
		return of_another(error);
	}
	if (!verify(&envelope, trust->current) && !verify(&envelope, trust->next)) {
		return yett_fail(error, YETT_EDENIED,
			"a server has to be of the group (yettctl group join); where the group's "
			"key was rolled over twice meanwhile, install the node's file anew",
			"the certificate of the server %s is signed by no key of the group",
			message.name);
	}
	ret_certificate->group = message.group;
	g_strlcpy(ret_certificate->name, message.name, sizeof(ret_certificate->name));
	memcpy(ret_certificate->key, message.key, sizeof(ret_certificate->key));
	ret_certificate->issued_s = message.issued_s;
	ret_certificate->expires_s = message.expires_s;
	return 0;
}

/* What a server has signed: whether its signature, at that time, counts, and until when the server was vouched
 * for. `of` is what it is about. */
static int check_server(const struct yett_trust *trust, const struct envelope *envelope,
	int64_t issued_s, const char *what, const char *of, int64_t *ret_vouched_s,
	struct yett_error *error)
{
	struct yett_server_certificate server;
	int result;

	if (envelope->certificate_length == 0) {
		return yett_fail(error, YETT_EDENIED, NULL,
			"a %s about %s comes without a certificate", what, of);
	}
	result = yett_server_certificate_open(
		trust, envelope->certificate, envelope->certificate_length, &server, error);
	if (result != 0) {
		return result;
	}
	if (!verify(envelope, server.key)) {
		return yett_fail(error, YETT_EDENIED, NULL,
			"a %s about %s is not signed by the server that it names, %s", what, of,
			server.name);
	}
	if (issued_s < server.issued_s || issued_s > server.expires_s) {
		return yett_fail(error, YETT_EDENIED,
			"look at that server's clock, and at its certificate (yettctl group)",
			"the %s about %s was signed while the certificate of %s was not valid",
			what, of, server.name);
	}
	*ret_vouched_s = server.expires_s;
	return 0;
}

int yett_signed_judge(const struct yett_signed_times *times, int64_t now_s, const char *what,
	const char *of, struct yett_error *error)
{
	if (times->issued_s > now_s + SLACK_S) {
		return yett_fail(error, YETT_EDENIED, "look at the clocks of both",
			"the %s about %s was signed more than a day from now", what, of);
	}
	if (times->expires_s <= now_s) {
		return yett_fail(error, YETT_EDENIED,
			"look at the clocks; it may be an old one that is played back",
			"the %s about %s has expired", what, of);
	}
	if (times->vouched_s < now_s - SLACK_S) {
		return yett_fail(error, YETT_EDENIED,
			"look at the servers' certificates (yettctl group); where one was retired, "
			"somebody else may have its key: yettctl group rollover --compromised",
			"the %s about %s is signed by a server whose certificate has run out", what,
			of);
	}
	if ((uint64_t)times->expires_s - (uint64_t)times->issued_s > (uint64_t)LIFE_MAX_S) {
		return yett_fail(error, YETT_EDENIED,
			"no server signs such: somebody else may have the key of one (yettctl "
			"group rollover --compromised)",
			"the %s about %s would count for more than a year", what, of);
	}
	return 0;
}

int yett_decision_open(const struct yett_trust *trust, const uint8_t *bytes, size_t length,
	struct yett_decision *ret_decision, struct yett_error *error)
{
	struct envelope envelope;
	struct yett_decision decision;
	int result = read_envelope(
		bytes, length, YETT_SIGNED_DECISION, &decision_form, &envelope, &decision, error);

	if (result == 0 && !yett_id_equal(&decision.group, &trust->group)) {
		return of_another(error);
	}
	if (result == 0) {
		result = check_server(trust, &envelope, decision.issued_s, "decision",
			decision.name, &decision.vouched_s, error);
	}
	if (result == 0) {
		*ret_decision = decision;
	}
	return result;
}

int yett_desired_open(const struct yett_trust *trust, const uint8_t *bytes, size_t length,
	struct yett_desired *ret_desired, struct yett_error *error)
{
	struct envelope envelope;
	struct yett_desired desired;
	int result = read_envelope(
		bytes, length, YETT_SIGNED_DESIRED, &desired_form, &envelope, &desired, error);

	if (result == 0 && !yett_id_equal(&desired.group, &trust->group)) {
		return of_another(error);
	}
	if (result == 0) {
		result = check_server(trust, &envelope, desired.issued_s, "desired state",
			desired.name, &desired.vouched_s, error);
	}
	if (result == 0) {
		*ret_desired = desired;
	}
	return result;
}

int yett_decision_peek(const uint8_t *bytes, size_t length, struct yett_decision *ret_decision)
{
	struct envelope envelope;
	struct yett_decision decision;
	struct yett_error error = {.code = 0};
	int result = read_envelope(
		bytes, length, YETT_SIGNED_DECISION, &decision_form, &envelope, &decision, &error);

	if (result == 0) {
		*ret_decision = decision;
	}
	return result;
}

int yett_desired_peek(
	const uint8_t *bytes, size_t length, uint64_t *ret_generation, uint64_t *ret_revision)
{
	struct envelope envelope;
	struct yett_desired desired;
	struct yett_error error = {.code = 0};
	int result = read_envelope(
		bytes, length, YETT_SIGNED_DESIRED, &desired_form, &envelope, &desired, &error);

	if (result == 0) {
		*ret_generation = desired.generation;
		*ret_revision = desired.revision;
	}
	return result;
}

int yett_trust_follow(struct yett_trust *trust, const uint8_t *bytes, size_t length,
	bool *ret_compromised, struct yett_error *error)
{
	struct envelope envelope;
	struct keys keys;
	int result =
		read_envelope(bytes, length, YETT_SIGNED_KEYS, &keys_form, &envelope, &keys, error);

	if (result != 0) {
		return result;
	}
	if (!yett_id_equal(&keys.group, &trust->group)) {
		return of_another(error);
	}
	if (keys.sequence <= trust->sequence) {
		return YETT_EEXIST;
	}
	if (keys.sequence != trust->sequence + 1 ||
		memcmp(keys.current, trust->next, sizeof(trust->next)) != 0 ||
		!verify(&envelope, trust->next)) {
		return yett_fail(error, YETT_EDENIED,
			"where it is real, install the node's file anew (yettctl node kit)",
			"new keys of the group are not signed by the successor that this node "
			"knows");
	}
	trust->sequence = keys.sequence;
	memcpy(trust->current, keys.current, sizeof(trust->current));
	memcpy(trust->next, keys.next, sizeof(trust->next));
	*ret_compromised = keys.compromised != 0;
	return 0;
}

uint32_t yett_signed_kind(const uint8_t *bytes, size_t length)
{
	struct envelope envelope;

	return yett_form_read(&envelope_form, bytes, length, &envelope) == 0 ? envelope.kind : 0;
}
