/* What a gateway reads of its group. The first byte chooses:
 *   0  the file of kept decisions, any bytes
 *   1  an installation file
 *   2  a signed item
 *   3  a file of kept decisions that is good, with the rest laid over it: a place (2 bytes,
 *      little-endian), a length, so many bytes, and so on
 *   4  the file of a node's desired state, any bytes
 *   5  such a file that is good, with the rest laid over it
 *   6  the file of who was behind a gateway, any bytes
 * Nothing that the group has not signed lets anybody in: a name that is approved is the one that was. */
#include "fuzz.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/id.h"
#include "conf/kit.h"
#include "manage/desired/aimed.h"
#include "manage/desired/behind.h"
#include "manage/internal.h"
#include "manage/admission/kept.h"

#define NOW INT64_C(1800000000)

static uint64_t no_monotonic(void *arg)
{
	(void)arg;
	return 1;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return NOW * (int64_t)YETT_SEC;
}

static const struct yett_clock test_clock = {.monotonic_ns = no_monotonic, .wall_ns = wall};
static struct yett_trust trust;
static GByteArray *good, *good_desired;

static struct yett_sign_key *make_key(const char *folder)
{
	g_autofree char *path = g_strconcat(folder, "/key", NULL);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;

	FUZZ_REQUIRE(yett_sign_generate(path, &key, &error) == 0);
	g_unlink(path);
	return key;
}

static GByteArray *make_desired(const struct yett_sign_key *server, const GByteArray *by)
{
	struct yett_desired desired = {.group = trust.group,
		.name = "a1.example",
		.issued_s = NOW,
		.expires_s = NOW + 1000,
		.revision = 1,
		.value_count = 1,
		.values = {{"node.heartbeat", "7 s"}},
		.upstream_count = 1,
		.upstreams = {{"gw.example", ""}}};
	GByteArray *bytes = g_byte_array_new(), *file;
	struct yett_aimed *aimed = yett_aimed_new();

	FUZZ_REQUIRE(yett_desired_sign(&desired, server, by, bytes) == 0);
	yett_aimed_set(&aimed->newest, &desired, bytes->data, bytes->len);
	yett_aimed_copy(&aimed->settled, &aimed->newest);
	aimed->state = YETT_APPLIED_DONE;
	file = yett_aimed_write(aimed);
	yett_aimed_free(aimed);
	g_byte_array_unref(bytes);
	return file;
}

/* A group of its own each time: only what is signed matters, not by which key. */
static void setup(void)
{
	char *folder = g_dir_make_tmp("yett-fuzz-XXXXXX", NULL);
	struct yett_sign_key *group = make_key(folder), *server = make_key(folder);
	struct yett_server_certificate certificate = {
		.name = "ms.example", .issued_s = NOW - 10, .expires_s = NOW + 1000};
	struct yett_decision decision = {.name = "a1.example",
		.verdict = YETT_DECIDED_APPROVED,
		.as = YETT_AS_AGENT,
		.issued_s = NOW,
		.expires_s = NOW + 1000,
		.revision = 1};
	GByteArray *by = g_byte_array_new(), *bytes = g_byte_array_new();
	struct yett_error error = {.code = 0};
	struct yett_kept *kept;
	const char *name;

	trust.group.bytes[0] = 7;
	trust.sequence = 1;
	memcpy(trust.current, yett_sign_public(group), sizeof(trust.current));
	memcpy(trust.next, yett_sign_public(group), sizeof(trust.next));
	certificate.group = decision.group = trust.group;
	memcpy(certificate.key, yett_sign_public(server), sizeof(certificate.key));
	FUZZ_REQUIRE(yett_server_certificate_sign(&certificate, group, by) == 0);
	FUZZ_REQUIRE(yett_decision_sign(&decision, server, by, bytes) == 0);
	kept = yett_kept_new(&test_clock, &trust);
	FUZZ_REQUIRE(yett_kept_take(kept, bytes->data, bytes->len, &name, &error) == 1);
	good = yett_kept_write(kept);
	good_desired = make_desired(server, by);
	yett_kept_free(kept);
	g_byte_array_unref(by);
	g_byte_array_unref(bytes);
	yett_sign_free(group);
	yett_sign_free(server);
	g_rmdir(folder);
	g_free(folder);
}

static void read_file(const uint8_t *bytes, size_t length)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	GHashTableIter iter;
	gpointer key;

	yett_kept_read(kept, bytes, length);
	g_hash_table_iter_init(&iter, kept->decisions);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		FUZZ_REQUIRE(strcmp(key, "a1.example") == 0);
	}
	FUZZ_REQUIRE(kept->trust.sequence == 1);
	yett_kept_free(kept);
}

static void read_desired(const uint8_t *bytes, size_t length)
{
	struct yett_aimed *aimed = yett_aimed_new();
	const struct yett_aimed_one *ones[] = {&aimed->newest, &aimed->settled};

	(void)yett_aimed_read(aimed, &trust, NULL, "a1.example", bytes, length);
	for (size_t i = 0; i < G_N_ELEMENTS(ones); i++) {
		FUZZ_REQUIRE(!ones[i]->there || (ones[i]->desired.revision == 1 &&
							ones[i]->desired.upstream_count == 1));
	}
	yett_aimed_free(aimed);
}

/* What is read is written so again, but for what stands there twice. */
static void read_behind(const uint8_t *bytes, size_t length)
{
	GHashTable *ids = yett_behind_new();
	bool good_file = yett_behind_read(ids, bytes, length);
	GByteArray *written = yett_behind_write(ids);

	FUZZ_REQUIRE(good_file || g_hash_table_size(ids) == 0);
	FUZZ_REQUIRE(!good_file || written->len <= length);
	g_byte_array_unref(written);
	g_hash_table_unref(ids);
}

static void lay_over(const GByteArray *what, const uint8_t *bytes, size_t length,
	void (*read)(const uint8_t *bytes, size_t length))
{
	GByteArray *copy = g_byte_array_new();

	g_byte_array_append(copy, what->data, what->len);
	while (length >= 3) {
		size_t at = yett_get16(bytes) % copy->len, count = bytes[2];

		bytes += 3;
		length -= 3;
		for (; count > 0 && length > 0; count--, length--) {
			copy->data[at++ % copy->len] ^= *bytes++;
		}
	}
	read(copy->data, copy->len);
	g_byte_array_unref(copy);
}

/* What a kit stands for in a configuration is always one that parses. */
static void read_settings(const char *bytes, size_t length)
{
	struct yett_problems *problems = yett_problems_new();
	struct yett_error error = {.code = 0};
	GString *text = g_string_new(NULL);
	struct yett_arena arena;
	struct yett_tree tree;

	yett_arena_init(&arena);
	yett_tree_init(&tree);
	if (yett_kit_settings(bytes, length, "/kit", YETT_KIT_AUTHENTICATION | YETT_KIT_UPSTREAMS,
		    text, &error) == 0) {
		FUZZ_REQUIRE(yett_scan_text(&tree.scan, text->str, text->len, "/kit", &arena,
				     problems) == 0);
		FUZZ_REQUIRE(yett_tree_parse(&tree, problems) == 0);
	}
	yett_tree_done(&tree);
	yett_arena_done(&arena);
	g_string_free(text, TRUE);
	yett_problems_free(problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct yett_error error = {.code = 0};
	struct yett_decision decision;
	struct yett_desired desired;
	struct yett_trust read = trust;
	bool compromised = false;

	if (good == NULL) {
		setup();
	}
	if (length < 1) {
		return 0;
	}
	switch (bytes[0] % 7) {
	case 0:
		read_file(bytes + 1, length - 1);
		break;
	case 1:
		yett_kit_parse((const char *)bytes + 1, length - 1, "gw.example", &read, &error);
		read_settings((const char *)bytes + 1, length - 1);
		break;
	case 2:
		FUZZ_REQUIRE(
			yett_decision_open(&trust, bytes + 1, length - 1, &decision, &error) != 0);
		FUZZ_REQUIRE(
			yett_desired_open(&trust, bytes + 1, length - 1, &desired, &error) != 0);
		(void)yett_decision_peek(bytes + 1, length - 1, &decision);
		(void)yett_desired_peek(
			bytes + 1, length - 1, &desired.generation, &desired.revision);
		FUZZ_REQUIRE(
			yett_trust_follow(&read, bytes + 1, length - 1, &compromised, &error) != 0);
		break;
	case 3:
		lay_over(good, bytes + 1, length - 1, read_file);
		break;
	case 4:
		read_desired(bytes + 1, length - 1);
		break;
	case 6:
		read_behind(bytes + 1, length - 1);
		break;
	default:
		lay_over(good_desired, bytes + 1, length - 1, read_desired);
	}
	return 0;
}
