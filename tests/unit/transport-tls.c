/* transport-tls between two instances, in memory: what works. What is refused is in
 * transport-refuse.c. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "pki/authority.h"
#include "transport-ends.h"

#include "../../modules/transport-tls/tls.h"
#include "folder.h"
#include "suite.h"

#define TIMEOUT_NS (10 * YETT_SEC)
#define HANDSHAKES 10000
#define STORM      100

static char folder[] = "/tmp/yett-tls-XXXXXX";

static const char *at(const char *file)
{
	static char paths[16][256];
	static unsigned next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, file);
	return path;
}

/* A world with a gateway that listens and an agent, both with certificates or both without. */
struct pair {
	struct memory_world *world;
	struct transport *gateway, *agent;
	struct end there, here;
};

static void pair_new(struct pair *pair, bool certificates, uint64_t seed)
{
	pair->world = memory_world_new(seed);
	pair->gateway = transport_new(pair->world, certificates ? at("gateway.example.crt") : "",
		certificates ? at("gateway.example.key") : "");
	pair->agent = transport_new(pair->world, certificates ? at("agent.example.crt") : "",
		certificates ? at("agent.example.key") : "");
	transport_listen(pair->gateway, "gateway:1");
	end_init(&pair->there);
	end_init(&pair->here);
	pair->gateway->accepted = &pair->there;
}

static void pair_connect(struct pair *pair)
{
	end_connect(&pair->here, pair->agent, "gateway:1", TIMEOUT_NS);
	memory_run(pair->world);
	CU_ASSERT_EQUAL(pair->here.ups, 1);
	CU_ASSERT_EQUAL(pair->there.ups, 1);
}

/* What lingers is gone within its bound; nothing may be left after that. */
static void pair_free(struct pair *pair)
{
	end_done(&pair->here);
	end_done(&pair->there);
	memory_advance(pair->world, 5 * YETT_SEC);
	CU_ASSERT_EQUAL(memory_host_metric(pair->gateway->host, YETT_TLS_CHANNELS), 0);
	CU_ASSERT_EQUAL(memory_host_metric(pair->agent->host, YETT_TLS_CHANNELS), 0);
	transport_free(pair->gateway);
	transport_free(pair->agent);
	CU_ASSERT_EQUAL(memory_world_free(pair->world), 0);
}

static void test_facts(void)
{
	struct pair pair;
	const struct yett_facts *here = &pair.here.facts;
	const struct yett_facts *there = &pair.there.facts;

	pair_new(&pair, true, 1);
	pair_connect(&pair);
	CU_ASSERT_EQUAL(here->role, YETT_ROLE_INITIATOR);
	CU_ASSERT_EQUAL(there->role, YETT_ROLE_ACCEPTOR);
	CU_ASSERT_EQUAL(here->chain_count, 1);
	CU_ASSERT_EQUAL(there->chain_count, 1);
	CU_ASSERT_EQUAL(here->ephemeral, 0);
	CU_ASSERT_EQUAL(there->ephemeral, 0);
	CU_ASSERT_EQUAL(memcmp(here->binding, there->binding, YETT_EXPORTER_SIZE), 0);
	CU_ASSERT_EQUAL(memcmp(here->exporter, there->exporter, YETT_EXPORTER_SIZE), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(here->exporter, here->binding, YETT_EXPORTER_SIZE), 0);
	CU_ASSERT_STRING_EQUAL(here->suite, "TLS1.3 AES-128-GCM X25519");
	CU_ASSERT_STRING_EQUAL(here->peer_address, "gateway:1");
	CU_ASSERT_STRING_EQUAL(there->local_address, "gateway:1");
	CU_ASSERT_EQUAL(memory_host_metric(pair.gateway->host, YETT_TLS_HANDSHAKES), 1);
	CU_ASSERT_EQUAL(memory_host_metric(pair.gateway->host, YETT_TLS_CHANNELS), 1);
	pair_free(&pair);
}

static void test_ephemeral(void)
{
	struct pair pair;
	char text[128];

	pair_new(&pair, false, 2);
	pair_connect(&pair);
	CU_ASSERT_EQUAL(pair.here.facts.chain_count, 1);
	CU_ASSERT_EQUAL(pair.there.facts.chain_count, 0);
	CU_ASSERT_EQUAL(pair.here.facts.ephemeral, 1);
	CU_ASSERT_EQUAL(pair.there.facts.ephemeral, 1);
	CU_ASSERT_TRUE(transport_operations()->describe(pair.agent->self, text, sizeof(text)) > 0);
	CU_ASSERT_STRING_EQUAL(text, "no certificate of its own");
	pair_free(&pair);
}

static GByteArray *pattern(size_t length)
{
	GByteArray *bytes = g_byte_array_sized_new((guint)length);

	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)(i * 31 + (i >> 8));

		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

static bool same(const GByteArray *a, const GByteArray *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void test_data(void)
{
	static const size_t sizes[] = {1, 100, 16383, 16384, 16385, 40000, 1 << 20};
	static const size_t chunks[] = {0, 1000, 17};
	struct pair pair;

	for (size_t c = 0; c < 3; c++) {
		pair_new(&pair, true, 3 + c);
		memory_world_limits(pair.world, chunks[c], 0);
		pair_connect(&pair);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			GByteArray *bytes = pattern(sizes[i]);

			CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), 0);
			memory_run(pair.world);
			CU_ASSERT_TRUE(same(bytes, pair.there.received));
			CU_ASSERT_EQUAL(end_send(&pair.there, bytes->data, bytes->len), 0);
			memory_run(pair.world);
			CU_ASSERT_TRUE(same(bytes, pair.here.received));
			g_byte_array_set_size(pair.here.received, 0);
			g_byte_array_set_size(pair.there.received, 0);
			g_byte_array_free(bytes, TRUE);
		}
		pair_free(&pair);
	}
}

/* Pieces of every size, as the session machine gives them. */
static void test_pieces(void)
{
	struct pair pair;
	GByteArray *bytes = pattern(60000);
	static const size_t cuts[] = {8, 16376, 8, 0, 16384, 5, 20000, 7219};
	struct iovec iov[8];
	size_t offset = 0;

	for (size_t i = 0; i < 8; i++) {
		iov[i].iov_base = bytes->data + offset;
		iov[i].iov_len = cuts[i];
		offset += cuts[i];
	}
	CU_ASSERT_EQUAL(offset, 60000);
	pair_new(&pair, true, 4);
	pair_connect(&pair);
	CU_ASSERT_EQUAL(transport_operations()->send(pair.here.channel, iov, 8), 0);
	memory_run(pair.world);
	CU_ASSERT_TRUE(same(bytes, pair.there.received));
	g_byte_array_free(bytes, TRUE);
	pair_free(&pair);
}

static void test_back_pressure(void)
{
	struct pair pair;
	GByteArray *bytes = pattern(10000);
	size_t sent = 0;

	pair_new(&pair, true, 5);
	memory_world_limits(pair.world, 0, 4096);
	pair_connect(&pair);
	transport_operations()->pause(pair.there.channel, 1);
	while (sent < 1000 && end_send(&pair.here, bytes->data, bytes->len) == 0) {
		sent++;
	}
	/* 64 KiB may be unsent, and one more is always taken whole. */
	CU_ASSERT_TRUE(sent >= 6 && sent <= 9);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.here.writables, 0);
	CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), YETT_EAGAIN);
	transport_operations()->pause(pair.there.channel, 0);
	CU_ASSERT_EQUAL(pair.there.received->len, 0);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.here.writables, 1);
	CU_ASSERT_EQUAL(pair.there.received->len, sent * 10000);
	CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), 0);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.there.received->len, (sent + 1) * 10000);
	g_byte_array_free(bytes, TRUE);
	pair_free(&pair);
}

/* Paused from within `received`, with more records in the same chunk. */
static void test_pause(void)
{
	struct pair pair;
	GByteArray *bytes = pattern(50000);
	unsigned rounds = 0;

	pair_new(&pair, true, 6);
	pair_connect(&pair);
	pair.there.pause_in_received = true;
	CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), 0);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.there.received->len, 16384);
	while (pair.there.received->len < 50000 && rounds++ < 10) {
		guint before = pair.there.received->len;

		transport_operations()->pause(pair.there.channel, 0);
		CU_ASSERT_EQUAL(pair.there.received->len, before);
		memory_run(pair.world);
	}
	CU_ASSERT_EQUAL(rounds, 3);
	CU_ASSERT_TRUE(same(bytes, pair.there.received));
	/* Closed while something is held. */
	CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), 0);
	transport_operations()->pause(pair.there.channel, 0);
	memory_run(pair.world);
	end_close(&pair.there, 1);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.here.closeds, 1);
	g_byte_array_free(bytes, TRUE);
	pair_free(&pair);
}

static void test_close(void)
{
	for (int orderly = 0; orderly <= 1; orderly++) {
		for (int who = 0; who <= 1; who++) {
			struct pair pair;
			struct end *closer = who == 0 ? &pair.here : &pair.there;
			struct end *other = who == 0 ? &pair.there : &pair.here;

			pair_new(&pair, true, 7);
			pair_connect(&pair);
			CU_ASSERT_EQUAL(end_send(closer, "last words", 10), 0);
			end_close(closer, orderly);
			memory_run(pair.world);
			CU_ASSERT_EQUAL(closer->closeds, 0);
			CU_ASSERT_EQUAL(other->closeds, 1);
			CU_ASSERT_EQUAL(other->result, YETT_ECLOSED);
			CU_ASSERT_EQUAL(other->received->len, 10);
			CU_ASSERT_STRING_EQUAL(other->text,
				orderly ? "the peer closed the session"
					: "the connection was cut without a TLS close alert");
			/* Both streams are gone without waiting: two hosts, each with the timer of
			 * its certificate, and the listener. */
			CU_ASSERT_EQUAL(memory_world_open(pair.world), 5);
			pair_free(&pair);
		}
	}
}

/* Much is unsent when it is closed: it arrives, and then the end. */
static void test_close_unsent(void)
{
	struct pair pair;
	GByteArray *bytes = pattern(60000);

	pair_new(&pair, true, 8);
	memory_world_limits(pair.world, 500, 1000);
	pair_connect(&pair);
	CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), 0);
	end_close(&pair.here, 1);
	memory_run(pair.world);
	CU_ASSERT_TRUE(same(bytes, pair.there.received));
	CU_ASSERT_EQUAL(pair.there.closeds, 1);
	CU_ASSERT_STRING_EQUAL(pair.there.text, "the peer closed the session");
	g_byte_array_free(bytes, TRUE);
	pair_free(&pair);
}

/* A peer that takes nothing does not hold the closer up for ever. */
static void test_close_bound(void)
{
	struct pair pair;
	GByteArray *bytes = pattern(60000);

	pair_new(&pair, true, 9);
	memory_world_limits(pair.world, 0, 4096);
	pair_connect(&pair);
	transport_operations()->pause(pair.there.channel, 1);
	CU_ASSERT_EQUAL(end_send(&pair.here, bytes->data, bytes->len), 0);
	end_close(&pair.here, 1);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(memory_host_metric(pair.agent->host, YETT_TLS_CHANNELS), 1);
	memory_advance(pair.world, 3 * YETT_SEC);
	CU_ASSERT_EQUAL(memory_host_metric(pair.agent->host, YETT_TLS_CHANNELS), 0);
	g_byte_array_free(bytes, TRUE);
	pair_free(&pair);
}

static void test_close_in_events(void)
{
	for (int i = 0; i < 5; i++) {
		struct pair pair;

		pair_new(&pair, true, 10);
		pair.here.close_in_up = i == 0;
		pair.there.close_in_up = i == 1;
		pair.there.close_in_received = i == 2;
		pair.there.close_in_accepted = i == 3;
		pair.there.refuse = i == 4;
		end_connect(&pair.here, pair.agent, "gateway:1", TIMEOUT_NS);
		memory_run(pair.world);
		if (i == 2) {
			CU_ASSERT_EQUAL(end_send(&pair.here, "x", 1), 0);
			memory_run(pair.world);
		}
		CU_ASSERT_EQUAL(pair.here.closeds, i == 0 ? 0 : 1);
		CU_ASSERT_EQUAL(pair.there.closeds, i == 0 ? 1 : 0);
		pair_free(&pair);
	}
}

static void test_close_while_dialling(void)
{
	struct pair pair;

	pair_new(&pair, true, 11);
	end_connect(&pair.here, pair.agent, "gateway:1", TIMEOUT_NS);
	end_close(&pair.here, 1);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.here.closeds, 0);
	CU_ASSERT_EQUAL(pair.there.closeds, 1);
	/* The instance goes first; the dialling comes back to nobody. */
	end_connect(&pair.here, pair.agent, "gateway:1", TIMEOUT_NS);
	pair.here.channel = NULL;
	end_done(&pair.here);
	end_done(&pair.there);
	transport_free(pair.agent);
	memory_advance(pair.world, 5 * YETT_SEC);
	transport_free(pair.gateway);
	CU_ASSERT_EQUAL(memory_world_free(pair.world), 0);
}

static void test_timeouts(void)
{
	struct pair pair;

	pair_new(&pair, true, 12);
	end_connect(&pair.here, pair.agent, "dead:1", TIMEOUT_NS);
	memory_advance(pair.world, 9 * YETT_SEC);
	CU_ASSERT_EQUAL(pair.here.closeds, 0);
	memory_advance(pair.world, 2 * YETT_SEC);
	CU_ASSERT_EQUAL(pair.here.closeds, 1);
	CU_ASSERT_EQUAL(pair.here.result, YETT_ETIMEOUT);
	CU_ASSERT_NOT_EQUAL(pair.here.mend[0], '\0');
	end_connect(&pair.here, pair.agent, "nobody:1", TIMEOUT_NS);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.here.closeds, 2);
	CU_ASSERT_EQUAL(pair.here.result, YETT_ECLOSED);
	pair_free(&pair);
}

static void silent_accept(void *arg, struct yett_stream *stream)
{
	*(struct yett_stream **)arg = stream;
}

/* It accepts and says nothing. */
static void test_silent_peer(void)
{
	struct pair pair;
	struct yett_listener *listener = NULL;
	struct yett_stream *stream = NULL;
	struct yett_host *host;

	pair_new(&pair, true, 13);
	host = memory_host_new(pair.world, NULL);
	CU_ASSERT_EQUAL(
		host->listen(host->instance, "silent:1", silent_accept, &stream, &listener, NULL),
		0);
	end_connect(&pair.here, pair.agent, "silent:1", TIMEOUT_NS);
	memory_advance(pair.world, 11 * YETT_SEC);
	CU_ASSERT_EQUAL(pair.here.closeds, 1);
	CU_ASSERT_EQUAL(pair.here.result, YETT_ETIMEOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(pair.here.text, "handshake"));
	host->stream_close(stream);
	host->listener_close(listener);
	memory_host_free(host);
	pair_free(&pair);
}

static void test_reload(void)
{
	struct pair pair;
	struct end second_here, second_there;
	struct yett_error error = YETT_ERROR_INIT;
	char text[128];

	pair_new(&pair, true, 14);
	pair_connect(&pair);
	/* What cannot be read changes nothing. */
	CU_ASSERT_EQUAL(transport_reload(pair.gateway, at("none.crt"), at("none.key"), &error),
		YETT_ENOTFOUND);
	CU_ASSERT_NOT_EQUAL(error.mend[0], '\0');
	CU_ASSERT_EQUAL(transport_reload(pair.gateway, at("second.example.crt"),
				at("second.example.key"), &error),
		0);
	transport_operations()->describe(pair.gateway->self, text, sizeof(text));
	CU_ASSERT_EQUAL(strncmp(text, "CN=second.example until 2", 25), 0);
	end_init(&second_here);
	end_init(&second_there);
	pair.gateway->accepted = &second_there;
	end_connect(&second_here, pair.agent, "gateway:1", TIMEOUT_NS);
	memory_run(pair.world);
	CU_ASSERT_EQUAL_FATAL(second_here.ups, 1);
	CU_ASSERT_TRUE(second_here.facts.chain[0].length != pair.here.facts.chain[0].length ||
		       memcmp(second_here.facts.chain[0].bytes, pair.here.facts.chain[0].bytes,
			       pair.here.facts.chain[0].length) != 0);
	/* The first goes on. */
	CU_ASSERT_EQUAL(end_send(&pair.there, "still here", 10), 0);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.here.received->len, 10);
	end_done(&second_here);
	end_done(&second_there);
	pair_free(&pair);
}

static int check(const char *certificate, const char *key, struct yett_error *error)
{
	struct memory_world *world = memory_world_new(1);
	struct yett_host *host = memory_host_new(world, NULL);
	const struct yett_tls_settings settings = {certificate, key, 65536};
	int result = yett_module.life->check(host, &settings, error);

	memory_host_free(host);
	CU_ASSERT_EQUAL(memory_world_free(world), 0);
	return result;
}

static void test_check(void)
{
	const char *good = at("agent.example.crt");
	const char *key = at("agent.example.key");
	const char *open_key = at("open.example.key");
	const char *junk = at("junk");
	const struct {
		const char *certificate, *key;
		int want;
		const char *says;
	} table[] = {
		{good, key, 0, ""},
		{NULL, NULL, 0, ""},
		{"", "", 0, ""},
		{good, "", YETT_ECONFIG, "without a key"},
		{"", key, YETT_ECONFIG, "without a certificate"},
		{at("none.crt"), key, YETT_ENOTFOUND, "No such file"},
		{good, at("none.key"), YETT_ENOTFOUND, "No such file"},
		{good, at("gateway.example.key"), YETT_ECONFIG, "does not belong"},
		{at("open.example.crt"), open_key, YETT_EPERM, "mode 0640"},
		{junk, key, YETT_ECONFIG, "holds no certificate"},
		{good, junk, YETT_ECONFIG, "cannot be used"},
		{folder, key, YETT_ECONFIG, "is no file"},
		{"/dev/zero", key, YETT_ECONFIG, "is no file"},
	};
	struct yett_error error = YETT_ERROR_INIT;

	CU_ASSERT_EQUAL(chmod(open_key, 0640), 0);
	CU_ASSERT_EQUAL(yett_file_write(junk, "junk", 4, &error), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		error = (struct yett_error)YETT_ERROR_INIT;
		int result = check(table[i].certificate, table[i].key, &error);

		if (result != table[i].want || strstr(error.text, table[i].says) == NULL) {
			fprintf(stderr, "check %zu: %d %s\n", i, result, error.text);
			CU_FAIL("check");
		}
		if (result < 0) {
			CU_ASSERT_NOT_EQUAL(error.mend[0], '\0');
		}
	}
}

/* Handshakes in pieces of every kind, through streams of every width. */
static void test_many_handshakes(void)
{
	const char *wish = getenv("YETT_TEST_HANDSHAKES");
	unsigned count = wish != NULL ? (unsigned)atoi(wish) : HANDSHAKES;
	struct pair pair;
	unsigned failed = 0;

	pair_new(&pair, true, 15);
	for (unsigned i = 0; i < count; i++) {
		struct end here, there;

		memory_world_limits(pair.world,
			1 + memory_world_chance(pair.world, i % 7 == 0 ? 8 : 800),
			1 + memory_world_chance(pair.world, 3000));
		end_init(&here);
		end_init(&there);
		pair.gateway->accepted = &there;
		end_connect(&here, pair.agent, "gateway:1", TIMEOUT_NS);
		memory_run(pair.world);
		if (here.ups != 1 || there.ups != 1 || here.closeds + there.closeds != 0 ||
			end_send(&here, "ping", 4) != 0 || end_send(&there, "pong", 4) != 0) {
			failed++;
		} else {
			memory_run(pair.world);
			failed += here.received->len != 4 || there.received->len != 4;
		}
		end_close(&here, (int)(i & 1));
		memory_run(pair.world);
		failed += there.closeds != 1;
		end_done(&here);
		end_done(&there);
	}
	CU_ASSERT_EQUAL(failed, 0);
	pair_free(&pair);
}

static uint64_t ticking_ns(struct yett_instance *instance)
{
	static uint64_t now_ns = 1;

	(void)instance;
	return now_ns += YETT_MS;
}

static unsigned count_ups(const struct end *ends)
{
	unsigned ups = 0;

	for (unsigned i = 0; i < STORM; i++) {
		ups += ends[i].ups;
	}
	return ups;
}

static unsigned count_closeds(const struct end *ends)
{
	unsigned closeds = 0;

	for (unsigned i = 0; i < STORM; i++) {
		closeds += ends[i].closeds;
	}
	return closeds;
}

/* Many come, and many go, at once: an established session is served between them, and nobody is
 * forgotten. */
static void test_storm(void)
{
	static struct end here[STORM], there[STORM];
	struct pair pair;

	pair_new(&pair, true, 16);
	pair.gateway->host->monotonic_ns = ticking_ns;
	pair_connect(&pair);
	memory_advance(pair.world, YETT_SEC);
	for (unsigned i = 0; i < STORM; i++) {
		end_init(&here[i]);
		end_init(&there[i]);
		pair.gateway->accepted = &there[i];
		end_connect(&here[i], pair.agent, "gateway:1", TIMEOUT_NS);
		memory_run(pair.world);
	}
	CU_ASSERT_TRUE(count_ups(there) > 0);
	CU_ASSERT_TRUE(count_ups(there) < STORM / 2);
	CU_ASSERT_EQUAL(end_send(&pair.here, "ping", 4), 0);
	memory_run(pair.world);
	CU_ASSERT_EQUAL(pair.there.received->len, 4);
	memory_advance(pair.world, YETT_SEC);
	CU_ASSERT_EQUAL(count_ups(there), STORM);
	for (unsigned i = 0; i < STORM; i++) {
		end_close(&here[i], 0);
	}
	memory_run(pair.world);
	CU_ASSERT_TRUE(count_closeds(there) > 0);
	CU_ASSERT_TRUE(count_closeds(there) < STORM);
	/* One that waits for its end can be closed by its owner, and can be written to. */
	for (unsigned i = STORM - 1; i > STORM - 5; i--) {
		CU_ASSERT_EQUAL_FATAL(there[i].closeds, 0);
		(void)end_send(&there[i], "late", 4);
	}
	end_close(&there[STORM - 1], 0);
	end_close(&there[STORM - 2], 1);
	memory_advance(pair.world, YETT_SEC);
	CU_ASSERT_EQUAL(count_closeds(there), STORM - 2);
	for (unsigned i = 0; i < STORM; i++) {
		end_done(&here[i]);
		end_done(&there[i]);
	}
	pair_free(&pair);
}

static void make_certificates(void)
{
	static const char *const names[] = {
		"gateway.example", "agent.example", "second.example", "open.example"};
	const struct yett_authority_options options = {.name = "Test root",
		.now = yett_clock_wall(&yett_clock_system) / (int64_t)YETT_SEC};
	struct yett_authority *authority = NULL;
	struct yett_error error = YETT_ERROR_INIT;

	YETT_REQUIRE(yett_authority_create(at("ca"), &options, &error) == 0);
	YETT_REQUIRE(yett_authority_open(at("ca"), &authority, &error) == 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct yett_issue issue = {
			.name = names[i], .folder = folder, .not_before = options.now - 60};
		struct yett_issue_result made;

		YETT_REQUIRE(yett_authority_issue(authority, &issue, &made, &error) == 0);
	}
	yett_authority_close(&authority);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"facts", test_facts},
		{"no certificate", test_ephemeral},
		{"data", test_data},
		{"pieces", test_pieces},
		{"back pressure", test_back_pressure},
		{"pause", test_pause},
		{"close", test_close},
		{"close with much unsent", test_close_unsent},
		{"close towards a stuck peer", test_close_bound},
		{"close from within events", test_close_in_events},
		{"close while dialling", test_close_while_dialling},
		{"timeouts", test_timeouts},
		{"a silent peer", test_silent_peer},
		{"reload", test_reload},
		{"check", test_check},
		{"many handshakes", test_many_handshakes},
		{"storm", test_storm},
		CU_TEST_INFO_NULL,
	};
	int result;

	if (mkdtemp(folder) == NULL) {
		return 1;
	}
	make_certificates();
	result = suite_run(argc, argv, "transport-tls", tests);
	folder_remove(folder);
	return result;
}
