/* The messages that open a session, and those that end it: HELLO, AUTH, INTRO, WELCOME, REFUSE and
 * GOODBYE (doc/protocol.cddl).
 *
 * Responsible for: their keys, limits and required fields. Not for: when they are legal
 * (session.c), nor what they mean (flow).
 * Threads: any; pure. Ownership: decoded structs hold copies, but for AUTH's token, which borrows
 * the body. Failure: encoding has none; decoding is YETT_EPROTO or YETT_ELIMIT. */
#include "message.h"

#include "cbor.h"
#include "frame.h"

#define K YETT_CBOR_KEY

enum {
	HELLO_LOW = 1,
	HELLO_HIGH = 2,
	HELLO_CAPABILITIES = 3,
	HELLO_METHODS = 4,
	HELLO_REALM = 5,
	HELLO_WALL = 6,
};

void yett_hello_encode(const struct yett_hello *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	YETT_REQUIRE(message->method_count <= YETT_METHODS_MAX);
	yett_cbor_put_map(to, 4 + (message->capabilities != 0) + (message->realm[0] != '\0'));
	yett_cbor_put_uint(to, HELLO_LOW);
	yett_cbor_put_uint(to, message->version_low);
	yett_cbor_put_uint(to, HELLO_HIGH);
	yett_cbor_put_uint(to, message->version_high);
	if (message->capabilities != 0) {
		yett_cbor_put_uint(to, HELLO_CAPABILITIES);
		yett_cbor_put_uint(to, message->capabilities);
	}
	yett_cbor_put_uint(to, HELLO_METHODS);
	yett_cbor_put_array(to, message->method_count);
	for (uint32_t i = 0; i < message->method_count; i++) {
		yett_cbor_put_string(to, message->methods[i], sizeof(message->methods[i]));
	}
	if (message->realm[0] != '\0') {
		yett_cbor_put_uint(to, HELLO_REALM);
		yett_cbor_put_string(to, message->realm, sizeof(message->realm));
	}
	yett_cbor_put_uint(to, HELLO_WALL);
	yett_cbor_put_int(to, message->wall_ns);
	yett_frame_end(to, start, YETT_FRAME_HELLO);
}

int yett_hello_decode(const uint8_t *bytes, size_t length, struct yett_hello *ret_message)
{
	struct yett_hello *message = ret_message;
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	memset(message, 0, sizeof(*message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case HELLO_LOW:
			message->version_low = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		case HELLO_HIGH:
			message->version_high = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		case HELLO_CAPABILITIES:
			message->capabilities = yett_cbor_uint(&cbor, UINT64_MAX);
			break;
		case HELLO_METHODS:
			message->method_count = yett_cbor_array(&cbor, YETT_METHODS_MAX);
			for (uint32_t i = 0; i < message->method_count; i++) {
				yett_cbor_string(
					&cbor, message->methods[i], sizeof(message->methods[i]));
			}
			break;
		case HELLO_REALM:
			yett_cbor_string(&cbor, message->realm, sizeof(message->realm));
			break;
		case HELLO_WALL:
			message->wall_ns = yett_cbor_int(&cbor);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(
		&cbor, &map, K(HELLO_LOW) | K(HELLO_HIGH) | K(HELLO_METHODS) | K(HELLO_WALL));
	if (message->version_low > message->version_high) {
		yett_cbor_fail(&cbor, YETT_EPROTO);
	}
	return yett_cbor_finish(&cbor);
}

enum {
	AUTH_METHOD = 1,
	AUTH_STATUS = 2,
	AUTH_TOKEN = 3,
	AUTH_MORE = 4,
	AUTH_CAUSE = 5,
};

void yett_auth_encode(const struct yett_auth_message *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);
	bool has_cause = message->cause[0] != '\0';

	YETT_REQUIRE(message->token_length <= YETT_AUTH_CHUNK_MAX);
	yett_cbor_put_map(to, 2 + (message->token_length > 0) + message->more + has_cause);
	yett_cbor_put_uint(to, AUTH_METHOD);
	yett_cbor_put_string(to, message->method, sizeof(message->method));
	yett_cbor_put_uint(to, AUTH_STATUS);
	yett_cbor_put_uint(to, message->status);
	if (message->token_length > 0) {
		yett_cbor_put_uint(to, AUTH_TOKEN);
		yett_cbor_put_bytes(to, message->token, message->token_length);
	}
	if (message->more) {
		yett_cbor_put_uint(to, AUTH_MORE);
		yett_cbor_put_bool(to, true);
	}
	if (has_cause) {
		yett_cbor_put_uint(to, AUTH_CAUSE);
		yett_cbor_put_string(to, message->cause, sizeof(message->cause));
	}
	yett_frame_end(to, start, YETT_FRAME_AUTH);
}

int yett_auth_decode(const uint8_t *bytes, size_t length, struct yett_auth_message *ret_message)
{
	struct yett_auth_message *message = ret_message;
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	struct yett_text token;
	uint64_t key;

	memset(message, 0, sizeof(*message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case AUTH_METHOD:
			yett_cbor_string(&cbor, message->method, sizeof(message->method));
			break;
		case AUTH_STATUS:
			message->status = (uint32_t)yett_cbor_uint(&cbor, 3);
			break;
		case AUTH_TOKEN:
			token = yett_cbor_bytes(&cbor, YETT_AUTH_CHUNK_MAX);
			message->token = (const uint8_t *)token.bytes;
			message->token_length = token.length;
			break;
		case AUTH_MORE:
			message->more = yett_cbor_bool(&cbor);
			break;
		case AUTH_CAUSE:
			yett_cbor_string(&cbor, message->cause, sizeof(message->cause));
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map, K(AUTH_METHOD) | K(AUTH_STATUS));
	/* A chunk that brings nothing could be sent for ever. */
	if (message->status == 0 || (message->more && message->token_length == 0)) {
		yett_cbor_fail(&cbor, YETT_EPROTO);
	}
	return yett_cbor_finish(&cbor);
}

enum {
	INTRO_NAME = 1,
	INTRO_ID = 2,
	INTRO_BOOT = 3,
	INTRO_SESSION = 4,
	INTRO_FLAGS = 5,
	INTRO_SOFTWARE = 6,
};

void yett_intro_encode(const struct yett_intro *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	yett_cbor_put_map(to, 6);
	yett_cbor_put_uint(to, INTRO_NAME);
	yett_cbor_put_string(to, message->name, sizeof(message->name));
	yett_cbor_put_uint(to, INTRO_ID);
	yett_cbor_put_id(to, &message->id);
	yett_cbor_put_uint(to, INTRO_BOOT);
	yett_cbor_put_id(to, &message->boot);
	yett_cbor_put_uint(to, INTRO_SESSION);
	yett_cbor_put_uint(to, message->session);
	yett_cbor_put_uint(to, INTRO_FLAGS);
	yett_cbor_put_uint(to, message->flags);
	yett_cbor_put_uint(to, INTRO_SOFTWARE);
	yett_cbor_put_string(to, message->software, sizeof(message->software));
	yett_frame_end(to, start, YETT_FRAME_INTRO);
}

int yett_intro_decode(const uint8_t *bytes, size_t length, struct yett_intro *ret_message)
{
	struct yett_intro *message = ret_message;
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	memset(message, 0, sizeof(*message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case INTRO_NAME:
			yett_cbor_string(&cbor, message->name, sizeof(message->name));
			break;
		case INTRO_ID:
			yett_cbor_id(&cbor, &message->id);
			break;
		case INTRO_BOOT:
			yett_cbor_id(&cbor, &message->boot);
			break;
		case INTRO_SESSION:
			message->session = yett_cbor_uint(&cbor, UINT64_MAX);
			break;
		case INTRO_FLAGS:
			message->flags = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		case INTRO_SOFTWARE:
			yett_cbor_string(&cbor, message->software, sizeof(message->software));
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map,
		K(INTRO_NAME) | K(INTRO_ID) | K(INTRO_BOOT) | K(INTRO_SESSION) | K(INTRO_FLAGS));
	return yett_cbor_finish(&cbor);
}

enum {
	WELCOME_GROUP = 1,
	WELCOME_GROUP_ID = 2,
	WELCOME_STORE_ID = 3,
	WELCOME_GENERATION = 4,
	WELCOME_HEARTBEAT = 5,
};

void yett_welcome_encode(const struct yett_welcome *message, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	yett_cbor_put_map(to, 5);
	yett_cbor_put_uint(to, WELCOME_GROUP);
	yett_cbor_put_string(to, message->group, sizeof(message->group));
	yett_cbor_put_uint(to, WELCOME_GROUP_ID);
	yett_cbor_put_id(to, &message->group_id);
	yett_cbor_put_uint(to, WELCOME_STORE_ID);
	yett_cbor_put_id(to, &message->store_id);
	yett_cbor_put_uint(to, WELCOME_GENERATION);
	yett_cbor_put_uint(to, message->store_generation);
	yett_cbor_put_uint(to, WELCOME_HEARTBEAT);
	yett_cbor_put_uint(to, message->heartbeat_s);
	yett_frame_end(to, start, YETT_FRAME_WELCOME);
}

int yett_welcome_decode(const uint8_t *bytes, size_t length, struct yett_welcome *ret_message)
{
	struct yett_welcome *message = ret_message;
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	memset(message, 0, sizeof(*message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case WELCOME_GROUP:
			yett_cbor_string(&cbor, message->group, sizeof(message->group));
			break;
		case WELCOME_GROUP_ID:
			yett_cbor_id(&cbor, &message->group_id);
			break;
		case WELCOME_STORE_ID:
			yett_cbor_id(&cbor, &message->store_id);
			break;
		case WELCOME_GENERATION:
			message->store_generation = yett_cbor_uint(&cbor, UINT64_MAX);
			break;
		case WELCOME_HEARTBEAT:
			message->heartbeat_s = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map,
		K(WELCOME_GROUP) | K(WELCOME_GROUP_ID) | K(WELCOME_STORE_ID) |
			K(WELCOME_GENERATION) | K(WELCOME_HEARTBEAT));
	return yett_cbor_finish(&cbor);
}

enum {
	REFUSE_CODE = 1,
	REFUSE_CAUSE = 2,
	REFUSE_MEND = 3,
	REFUSE_RETRY = 4,
};

void yett_refuse_encode(const struct yett_refuse *message, int type, GByteArray *to)
{
	guint start = yett_frame_begin(to);

	yett_cbor_put_map(to, 1 + (message->cause[0] != '\0') + (message->mend[0] != '\0') +
				      (message->retry_after_ms > 0));
	yett_cbor_put_uint(to, REFUSE_CODE);
	yett_cbor_put_uint(to, message->code);
	if (message->cause[0] != '\0') {
		yett_cbor_put_uint(to, REFUSE_CAUSE);
		yett_cbor_put_string(to, message->cause, sizeof(message->cause));
	}
	if (message->mend[0] != '\0') {
		yett_cbor_put_uint(to, REFUSE_MEND);
		yett_cbor_put_string(to, message->mend, sizeof(message->mend));
	}
	if (message->retry_after_ms > 0) {
		yett_cbor_put_uint(to, REFUSE_RETRY);
		yett_cbor_put_uint(to, message->retry_after_ms);
	}
	yett_frame_end(to, start, type);
}

int yett_refuse_decode(const uint8_t *bytes, size_t length, struct yett_refuse *ret_message)
{
	struct yett_refuse *message = ret_message;
	struct yett_cbor_map map;
	struct yett_cbor cbor;
	uint64_t key;

	memset(message, 0, sizeof(*message));
	yett_cbor_init(&cbor, bytes, length);
	yett_cbor_map(&cbor, &map);
	while (yett_cbor_key(&cbor, &map, &key)) {
		switch (key) {
		case REFUSE_CODE:
			message->code = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		case REFUSE_CAUSE:
			yett_cbor_string(&cbor, message->cause, sizeof(message->cause));
			break;
		case REFUSE_MEND:
			yett_cbor_string(&cbor, message->mend, sizeof(message->mend));
			break;
		case REFUSE_RETRY:
			message->retry_after_ms = (uint32_t)yett_cbor_uint(&cbor, UINT32_MAX);
			break;
		default:
			yett_cbor_skip(&cbor);
		}
	}
	yett_cbor_required(&cbor, &map, K(REFUSE_CODE));
	return yett_cbor_finish(&cbor);
}
