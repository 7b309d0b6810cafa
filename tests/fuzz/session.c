/* A session machine and a peer that says anything. The first byte sets the scene: bit 0 the role
 * of the machine (1 acceptor), bits 1 and 2 its state; the second how many bytes come at a time
 * (0: all). The rest is what the peer sends. */
#include "fuzz.h"

#include <glib.h>
#include <yett/auth.h>

#include "base/buffer.h"
#include "wire/batch.h"
#include "wire/session.h"

#define CREDIT 200000

static const struct yett_hello hello = {.version_low = 1, .version_high = 1};
static const struct yett_auth_message done = {.method = "x509", .status = YETT_AUTH_DONE};
static const struct yett_intro intro = {.name = "n"};
static const struct yett_welcome welcome = {.group = "g"};

struct scene {
	struct yett_wire *wire;
	uint64_t batch_bytes;
	int failures;
};

static void on_batch(void *arg, uint64_t number, const struct yett_envelope *envelope,
	const struct yett_batch *batch)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(number > 0 && envelope->hops <= YETT_HOPS_MAX);
	FUZZ_REQUIRE(batch->info.lane < YETT_LANES);
	scene->batch_bytes += batch->length;
	FUZZ_REQUIRE(scene->batch_bytes <= CREDIT * YETT_LANES);
}

static void on_failed(void *arg, int result, const struct yett_error *error)
{
	struct scene *scene = arg;

	FUZZ_REQUIRE(result < 0 && error->text[0] != '\0');
	FUZZ_REQUIRE(++scene->failures == 1);
	FUZZ_REQUIRE(yett_wire_state(scene->wire) == YETT_WIRE_CLOSED);
}

static const struct yett_wire_events events = {.batch = on_batch, .failed = on_failed};
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
	acceptor = (bytes[0] & 1) != 0;
	step = bytes[1] > 0 ? bytes[1] : length;
	scene.wire =
		yett_wire_new(acceptor ? YETT_ROLE_ACCEPTOR : YETT_ROLE_INITIATOR, &events, &scene);
	peer = yett_wire_new(acceptor ? YETT_ROLE_INITIATOR : YETT_ROLE_ACCEPTOR, &no_events, NULL);
	bring_to(acceptor ? peer : scene.wire, acceptor ? scene.wire : peer,
		YETT_WIRE_HELLO + (bytes[0] >> 1 & 3));
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
