/* A session machine and a peer that says anything. The first byte sets the scene: bit 0 the role
 * of the machine (1 acceptor), bits 1 and 2 its state; bit 3 how the rest is meant:
 *   0: the second byte says how many bytes come at a time (0: all); the rest is what the peer sends;
 *   1: the second byte is not used; the rest is a play, step by step: what the peer says, in frames
 *      whose lengths and checksums are right where a fuzzer would not guess them, and what the
 *      machine's owner does meanwhile. */
#include "fuzz.h"

#include <glib.h>
#include <yett/auth.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "wire/batch.h"
#include "wire/frame.h"
#include "wire/session.h"

#define CREDIT 200000

static const struct yett_hello hello = {.version_low = 1, .version_high = 1};
static const struct yett_auth_message done = {.method = "x509", .status = YETT_AUTH_DONE};
static const struct yett_intro intro = {.name = "n", .id = {{1}}, .boot = {{2}}};
static const struct yett_welcome welcome = {.group = "g"};

struct scene {
	struct yett_wire *wire;
	bool acceptor;
	uint64_t batch_bytes, granted;
	uint32_t checksum;
	uint64_t sent;                      /* batches, by the machine */
	uint64_t asked, answered, question; /* numbers */
	int failures;
	bool ended; /* nothing may be told any more */
};

static void on_batch(void *arg, uint64_t number, const struct yett_envelope *envelope,
	const struct yett_batch *batch)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(scene->acceptor && !scene->ended);
	FUZZ_REQUIRE(number > 0 && envelope->hops <= YETT_HOPS_MAX);
	FUZZ_REQUIRE(batch->info.lane < YETT_LANES);
	scene->batch_bytes += batch->length;
	FUZZ_REQUIRE(scene->batch_bytes <= scene->granted);
}

static void on_failed(void *arg, int result, const struct yett_error *error)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(result < 0 && error->text[0] != '\0');
	FUZZ_REQUIRE(++scene->failures == 1);
	FUZZ_REQUIRE(yett_wire_state(scene->wire) == YETT_WIRE_CLOSED);
	scene->ended = true;
}

static void on_ack(void *arg, const struct yett_ack *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(!scene->acceptor && !scene->ended);
	FUZZ_REQUIRE(message->range_count <= YETT_ACK_RANGES_MAX);
	for (uint32_t i = 0; i < message->range_count; i++) {
		FUZZ_REQUIRE(message->ranges[i].first >= 1);
		FUZZ_REQUIRE(message->ranges[i].first <= message->ranges[i].last);
		FUZZ_REQUIRE(message->ranges[i].last <= scene->sent);
	}
}

static void on_credit(void *arg, const struct yett_credit *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(!scene->ended);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		FUZZ_REQUIRE(message->wanted[lane] <= YETT_BATCH_MAX);
		FUZZ_REQUIRE(yett_wire_credit_left(scene->wire, lane) <= YETT_WIRE_CREDIT_MAX);
	}
}

static void on_attach(void *arg, const struct yett_attach *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(scene->acceptor && !scene->ended && message->count <= YETT_ATTACH_MAX);
	for (uint32_t i = 0; i < message->count; i++) {
		FUZZ_REQUIRE(memchr(message->nodes[i].name, '\0', YETT_NODE_NAME_SIZE) != NULL);
	}
}

static void on_auth(void *arg, const struct yett_auth_message *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(!scene->ended && !message->more);
	FUZZ_REQUIRE(message->token_length <= YETT_AUTH_TOKEN_MAX);
	/* All of it can be read. */
	scene->checksum = yett_crc32c(scene->checksum, message->token, message->token_length);
}

static void on_leave(void *arg, const struct yett_refuse *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(!scene->ended && memchr(message->cause, '\0', YETT_CAUSE_SIZE) != NULL);
	FUZZ_REQUIRE(yett_wire_state(scene->wire) == YETT_WIRE_CLOSED);
	scene->ended = true;
}

static void on_query(void *arg, const struct yett_query_message *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(!scene->acceptor && !scene->ended && message->number != 0);
	FUZZ_REQUIRE(yett_wire_questions(scene->wire) <= YETT_QUESTIONS_MAX);
	FUZZ_REQUIRE(memchr(message->about, '\0', YETT_NODE_NAME_SIZE) != NULL);
	scene->question = message->number;
}

static void on_report(void *arg, const struct yett_report *message)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(scene->acceptor && !scene->ended);
	FUZZ_REQUIRE(message->number <= scene->asked && ++scene->answered <= scene->asked);
}

static const struct yett_wire_events events = {
	.auth = on_auth,
	.refused = on_leave,
	.goodbye = on_leave,
	.batch = on_batch,
	.ack = on_ack,
	.credit = on_credit,
	.attach = on_attach,
	.query = on_query,
	.report = on_report,
	.failed = on_failed,
};
static const struct yett_wire_events no_events = {.hello = NULL};

/* Takes out what `from` has to send and, if `to` is there, gives it to it. */
static void pass(struct yett_wire *from, struct yett_wire *to)
{
	struct iovec iov[8];
	int n;

	while ((n = yett_wire_output(from, iov, 8)) > 0) {
		size_t length = 0;

		for (int i = 0; i < n; i++) {
			if (to != NULL) {
				yett_wire_receive(to, iov[i].iov_base, iov[i].iov_len);
			}
			length += iov[i].iov_len;
		}
		yett_wire_sent(from, length);
	}
	FUZZ_REQUIRE(yett_wire_unsent(from) == 0);
}

/* Brings the machine to a state by a peer that does right. */
static void bring_to(struct yett_wire *initiator, struct yett_wire *acceptor, int state)
{
	const struct yett_credit credit = {.granted = {CREDIT, CREDIT, CREDIT}};

	if (state >= YETT_WIRE_AUTH) {
		yett_wire_hello(initiator, &hello);
		yett_wire_hello(acceptor, &hello);
	}
	pass(initiator, acceptor);
	pass(acceptor, initiator);
	if (state >= YETT_WIRE_INTRO) {
		yett_wire_auth(initiator, &done);
		yett_wire_auth(acceptor, &done);
	}
	pass(initiator, acceptor);
	pass(acceptor, initiator);
	if (state >= YETT_WIRE_OPEN) {
		yett_wire_intro(initiator, &intro);
		pass(initiator, acceptor);
		yett_wire_intro(acceptor, &intro);
		yett_wire_welcome(acceptor, &welcome);
		yett_wire_credit(acceptor, &credit);
		pass(acceptor, initiator);
	}
	FUZZ_REQUIRE((int)yett_wire_state(initiator) == state);
	FUZZ_REQUIRE((int)yett_wire_state(acceptor) == state);
}

/* The bytes of a play that are not used yet. */
struct script {
	const uint8_t *at;
	size_t left;
};

static uint8_t next_byte(struct script *script)
{
	if (script->left == 0) {
		return 0;
	}
	script->left--;
	return *script->at++;
}

/* Up to `most` bytes; how many there were. */
static size_t next_bytes(struct script *script, size_t most, const uint8_t **ret_bytes)
{
	size_t length = MIN(most, script->left);

	*ret_bytes = script->at;
	script->at += length;
	script->left -= length;
	return length;
}

/* A frame with a right length; a batch's header begins after `prefix` bytes and is sealed. */
static void say(struct scene *scene, struct script *script, bool is_batch)
{
	uint8_t type = is_batch ? YETT_FRAME_BATCH : next_byte(script);
	uint8_t flags = next_byte(script), lane = next_byte(script) % 4;
	size_t most = (size_t)next_byte(script) * (is_batch ? 8 : 2);
	GByteArray *frame = g_byte_array_new();
	const uint8_t *bytes;
	size_t length = next_bytes(script, most, &bytes);
	struct yett_frame header = {.type = type,
		.flags = flags & (YETT_FRAME_MORE | (is_batch ? 0 : 0xff)),
		.lane = is_batch ? lane : 0};
	uint8_t head[YETT_FRAME_HEADER_SIZE];

	g_byte_array_append(frame, head, sizeof(head));
	g_byte_array_append(frame, bytes, (guint)length);
	/* number, an envelope of no more than there is, a batch that fills the frame. */
	if (is_batch && length >= 10 + YETT_BATCH_HEADER_SIZE) {
		uint8_t *body = frame->data + sizeof(head);
		size_t envelope = yett_get16(body + 8) % 64;
		size_t at = 10 + envelope;

		if (at + YETT_BATCH_HEADER_SIZE < length) {
			uint8_t *batch = body + at;
			size_t payload = length - at - YETT_BATCH_HEADER_SIZE;

			yett_put16(body + 8, (uint16_t)envelope);
			if (envelope > 0 && (flags & 4) != 0) {
				memset(body + 10, 0x40, envelope); /* keys and values: not it */
				body[10] = 0xa0;
			}
			yett_put32(batch, YETT_BATCH_MAGIC);
			yett_put16(batch + 4, YETT_BATCH_VERSION);
			yett_put16(batch + 6, YETT_BATCH_HEADER_SIZE);
			batch[8] = 0;
			batch[10] = lane;
			batch[16] |= (flags & 16) == 0 ? 1 : 0; /* of the origin: it is somebody */
			yett_put16(batch + 14, 0);
			if ((flags & 8) == 0) {
				batch[11] = YETT_CODEC_PLAIN;
				yett_put32(batch + 68, (uint32_t)payload);
				yett_put32(batch + 72, (uint32_t)payload);
			}
			yett_put16(batch + 82, 0);
			yett_put32(batch + 76, yett_crc32c(0, batch + 88, payload));
			yett_put32(batch + 84, yett_crc32c(0, batch, 84));
		}
	}
	header.length = (uint32_t)length;
	yett_frame_put(&header, frame->data);
	yett_wire_receive(scene->wire, frame->data, frame->len);
	g_byte_array_unref(frame);
}

/* What the machine's owner may do at any time: refused where the state forbids it. */
static void act(struct scene *scene, struct script *script)
{
	const struct yett_credit granted = {.granted = {0, 100, 0}}, wanted = {.wanted = {0, 1, 0}};
	const struct yett_refuse leave = {.code = 6, .cause = "enough"};
	const struct yett_path path = {.open = true, .count = 1};
	const struct yett_heartbeat heartbeat = {.interval_s = 1};
	const struct yett_ack ack = {.range_count = 1, .ranges = {{1, 1}}};
	struct yett_wire *wire = scene->wire;

	const struct yett_query_message query = {.what = YETT_QUERY_EXPLAIN};
	uint64_t number;

	switch (next_byte(script) % 12) {
	case 0:
		yett_wire_hello(wire, &hello);
		break;
	case 1:
		yett_wire_auth(wire, &done);
		break;
	case 2:
		yett_wire_intro(wire, &intro);
		break;
	case 3:
		yett_wire_welcome(wire, &welcome);
		break;
	case 4:
		yett_wire_ping(wire, 7);
		break;
	case 5:
		if (yett_wire_credit(wire, scene->acceptor ? &granted : &wanted) == 0) {
			scene->granted += granted.granted[1];
		}
		break;
	case 6:
		yett_wire_path(wire, &path);
		break;
	case 7:
		yett_wire_heartbeat(wire, &heartbeat);
		break;
	case 8:
		yett_wire_ack(wire, &ack);
		break;
	case 11: /* asks, or answers the oldest question */
		if (yett_wire_query(wire, &query, &number) == 0) {
			FUZZ_REQUIRE(number == ++scene->asked);
		} else if (scene->question != 0) {
			const struct yett_report report = {
				.number = scene->question, .result = YETT_REPORT_REFUSED};

			yett_wire_report(wire, &report);
			scene->question = 0;
		}
		break;
	case 9:
		scene->ended = yett_wire_goodbye(wire, &leave) == 0 || scene->ended;
		break;
	default:
		yett_wire_close(wire);
		scene->ended = true;
	}
}

static void send_batch(struct scene *scene, struct script *script)
{
	static const struct yett_id origin = {{1}};
	static const struct yett_epoch epoch = {1, 2};
	static const uint8_t payload[20000];
	struct yett_envelope envelope = {.hops = next_byte(script) % (YETT_HOPS_MAX + 1)};
	size_t length = 1 + (size_t)next_byte(script) * 78;
	struct yett_batch_info info = {.lane = next_byte(script) % YETT_LANES,
		.content = YETT_CONTENT_RECORDS,
		.count = 1,
		.plain_length = (uint32_t)length};
	struct yett_batch batch;
	uint64_t number, before;

	FUZZ_REQUIRE(yett_batch_build(&info, payload, length, &batch) == 0);
	yett_batch_renumber(&batch, &origin, &epoch, 1);
	before = yett_wire_credit_left(scene->wire, info.lane);
	if (yett_wire_batch(scene->wire, &envelope, &batch, &number) == 0) {
		FUZZ_REQUIRE(number == ++scene->sent);
		FUZZ_REQUIRE(
			yett_wire_credit_left(scene->wire, info.lane) == before - batch.length);
	}
	yett_buffer_unref(batch.buffer);
}

/* Takes some of what is to be sent. */
static void take(struct scene *scene, size_t most)
{
	struct iovec iov[4];
	int n = yett_wire_output(scene->wire, iov, 4);
	size_t length = 0;

	for (int i = 0; i < n; i++) {
		length += iov[i].iov_len;
	}
	FUZZ_REQUIRE(length <= yett_wire_unsent(scene->wire) + 4 * YETT_FRAME_HEADER_SIZE);
	if (n > 0) {
		yett_wire_sent(scene->wire, MIN(length, most));
	}
}

static void play(struct scene *scene, const uint8_t *bytes, size_t length)
{
	struct script script = {bytes, length};

	while (script.left > 0) {
		const uint8_t *raw;
		size_t count;

		switch (next_byte(&script) % 8) {
		case 0: /* anything */
			count = next_bytes(&script, next_byte(&script), &raw);
			yett_wire_receive(scene->wire, raw, count);
			break;
		case 1:
		case 2:
		case 3:
			say(scene, &script, false);
			break;
		case 4:
		case 5:
			say(scene, &script, true);
			break;
		case 6:
			act(scene, &script);
			break;
		default:
			if ((next_byte(&script) & 1) != 0) {
				send_batch(scene, &script);
			} else {
				take(scene, 1 + (size_t)next_byte(&script) * 100);
			}
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct scene scene = {.failures = 0};
	struct yett_wire *peer;
	size_t alive = yett_buffer_alive();
	size_t step;
	bool acceptor;

	if (length < 2) {
		return 0;
	}
	acceptor = scene.acceptor = (bytes[0] & 1) != 0;
	step = bytes[1] > 0 ? bytes[1] : length;
	scene.wire =
		yett_wire_new(acceptor ? YETT_ROLE_ACCEPTOR : YETT_ROLE_INITIATOR, &events, &scene);
	peer = yett_wire_new(acceptor ? YETT_ROLE_INITIATOR : YETT_ROLE_ACCEPTOR, &no_events, NULL);
	bring_to(acceptor ? peer : scene.wire, acceptor ? scene.wire : peer,
		YETT_WIRE_HELLO + (bytes[0] >> 1 & 3));
	scene.granted = (bytes[0] >> 1 & 3) == 3 ? CREDIT * YETT_LANES : 0;
	if ((bytes[0] & 8) != 0) {
		play(&scene, bytes + 2, length - 2);
		length = 0;
	}
	for (size_t at = 2; at < length; at += step) {
		yett_wire_receive(scene.wire, bytes + at, MIN(step, length - at));
	}
	FUZZ_REQUIRE(scene.failures == 0 || yett_wire_state(scene.wire) == YETT_WIRE_CLOSED);
	pass(scene.wire, NULL);
	yett_wire_free(scene.wire);
	yett_wire_free(peer);
	FUZZ_REQUIRE(yett_buffer_alive() == alive);
	return 0;
}
