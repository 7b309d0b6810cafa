/* What a group signs: what counts, and what does not, whoever brings it. Keys are made in a folder of the
 * test's own; the clock is the test's. */
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/id.h"
#include "folder.h"
#include "manage/internal.h"
#include "manage/admission/kept.h"
#include "suite.h"

#define NOW_S INT64_C(1800000000)
#define DAY_S INT64_C(86400)

static int64_t now_s = NOW_S;

static uint64_t no_monotonic(void *arg)
{
	(void)arg;
	return 1;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return now_s * (int64_t)YETT_SEC;
}

static const struct yett_clock test_clock = {.monotonic_ns = no_monotonic, .wall_ns = wall};
static const struct yett_id group_id = {{7}}, other_group = {{8}}, node_id = {{1}};

/* A group: its keys, and a server of it. */
static char *folder;
static struct yett_sign_key *group_key, *next_key, *third_key, *server_key, *stranger_key;
static GByteArray *certificate, *foreign_certificate;
static struct yett_trust trust;

static struct yett_sign_key *make_key(const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s", folder, name);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;

	if (yett_sign_generate(path, &key, &error) != 0) {
		abort();
	}
	return key;
}

static GByteArray *certify(const struct yett_id *group, const struct yett_sign_key *by,
	const struct yett_sign_key *key, int64_t from_s, int64_t until_s)
{
	struct yett_server_certificate of = {
		.group = *group, .name = "ms.example", .issued_s = from_s, .expires_s = until_s};
	GByteArray *bytes = g_byte_array_new();

	memcpy(of.key, yett_sign_public(key), sizeof(of.key));
	if (yett_server_certificate_sign(&of, by, bytes) != 0) {
		abort();
	}
	return bytes;
}

static int begin(void)
{
	folder = g_dir_make_tmp("yett-signed-XXXXXX", NULL);
	if (folder == NULL) {
		return -1;
	}
	group_key = make_key("group");
	next_key = make_key("next");
	third_key = make_key("third");
	server_key = make_key("server");
	stranger_key = make_key("stranger");
	certificate =
		certify(&group_id, group_key, server_key, NOW_S - 30 * DAY_S, NOW_S + 365 * DAY_S);
	foreign_certificate =
		certify(&group_id, stranger_key, stranger_key, NOW_S - DAY_S, NOW_S + DAY_S);
	trust = (struct yett_trust){.group = group_id, .sequence = 1};
	memcpy(trust.current, yett_sign_public(group_key), sizeof(trust.current));
	memcpy(trust.next, yett_sign_public(next_key), sizeof(trust.next));
	return 0;
}

static int end(void)
{
	int result;

	yett_sign_free(group_key);
	yett_sign_free(next_key);
	yett_sign_free(third_key);
	yett_sign_free(server_key);
	yett_sign_free(stranger_key);
	g_byte_array_unref(certificate);
	g_byte_array_unref(foreign_certificate);
	result = folder_remove(folder);
	g_free(folder);
	return result;
}

static struct yett_decision decision_of(uint32_t verdict, uint64_t revision)
{
	return (struct yett_decision){.group = group_id,
		.name = "a1.example",
		.id = node_id,
		.verdict = verdict,
		.as = YETT_AS_AGENT,
		.issued_s = now_s,
		.expires_s = now_s + 7 * DAY_S,
		.generation = 1,
		.revision = revision};
}

static GByteArray *signed_by(
	const struct yett_decision *decision, const struct yett_sign_key *key, const GByteArray *by)
{
	GByteArray *bytes = g_byte_array_new();

	CU_ASSERT_EQUAL_FATAL(yett_decision_sign(decision, key, by, bytes), 0);
	CU_ASSERT(bytes->len <= YETT_SIGNED_MAX);
	return bytes;
}

/* Takes the bytes, and frees them. */
static int give(struct yett_kept *kept, GByteArray *bytes)
{
	struct yett_error error = {.code = 0};
	const char *name;
	int result = yett_kept_take(kept, bytes->data, bytes->len, &name, &error);

	g_byte_array_unref(bytes);
	return result;
}

static int give_decision(struct yett_kept *kept, uint32_t verdict, uint64_t revision)
{
	struct yett_decision decision = decision_of(verdict, revision);

	return give(kept, signed_by(&decision, server_key, certificate));
}

static uint32_t verdict_now(const struct yett_kept *kept, const char *name)
{
	const struct yett_kept_one *one = yett_kept_find(kept, name);

	return one != NULL && yett_kept_counts(kept, one) ? one->decision.verdict
							  : YETT_DECIDED_NONE;
}

static void counts_what_the_group_has_signed(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision decision = decision_of(YETT_DECIDED_APPROVED, 5), read;
	GByteArray *bytes = signed_by(&decision, server_key, certificate);
	GByteArray *again = signed_by(&decision, server_key, certificate);
	struct yett_error error = {.code = 0};

	/* The same always gives the same bytes. */
	CU_ASSERT_EQUAL(bytes->len, again->len);
	CU_ASSERT_EQUAL(memcmp(bytes->data, again->data, bytes->len), 0);
	g_byte_array_unref(again);
	CU_ASSERT_EQUAL(yett_decision_open(&trust, bytes->data, bytes->len, &read, &error), 0);
	CU_ASSERT_STRING_EQUAL(read.name, "a1.example");
	CU_ASSERT(yett_id_equal(&read.id, &node_id));
	CU_ASSERT_EQUAL(read.revision, 5);
	CU_ASSERT_EQUAL(give(kept, bytes), 1);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_APPROVED);
	CU_ASSERT_EQUAL(verdict_now(kept, "a2.example"), YETT_DECIDED_NONE);
	yett_kept_free(kept);
}

static void nothing_else_counts(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision good = decision_of(YETT_DECIDED_APPROVED, 5), bad = good;
	GByteArray *early =
		certify(&group_id, group_key, server_key, NOW_S + DAY_S, NOW_S + 2 * DAY_S);
	GByteArray *of_other =
		certify(&other_group, group_key, server_key, NOW_S - DAY_S, NOW_S + DAY_S);

	/* A gateway that forges: with a key of its own, and no, a good, or its own certificate. */
	CU_ASSERT_EQUAL(give(kept, signed_by(&good, stranger_key, NULL)), YETT_EDENIED);
	CU_ASSERT_EQUAL(give(kept, signed_by(&good, stranger_key, certificate)), YETT_EDENIED);
	/* One that claims to be a management server. */
	CU_ASSERT_EQUAL(
		give(kept, signed_by(&good, stranger_key, foreign_certificate)), YETT_EDENIED);
	/* A server before its certificate is valid; one of another group. */
	CU_ASSERT_EQUAL(give(kept, signed_by(&good, server_key, early)), YETT_EDENIED);
	CU_ASSERT_EQUAL(give(kept, signed_by(&good, server_key, of_other)), YETT_EDENIED);
	bad.group = other_group;
	CU_ASSERT_EQUAL(give(kept, signed_by(&bad, server_key, certificate)), YETT_EDENIED);
	/* The group's own key signs certificates, and no decisions. */
	CU_ASSERT_EQUAL(give(kept, signed_by(&good, group_key, NULL)), YETT_EDENIED);
	/* Expired, and from far ahead. */
	bad = good;
	bad.issued_s = now_s - 8 * DAY_S;
	bad.expires_s = now_s - DAY_S;
	CU_ASSERT(give(kept, signed_by(&bad, server_key, certificate)) == YETT_EDENIED);
	bad.issued_s = now_s + 2 * DAY_S;
	bad.expires_s = now_s + 9 * DAY_S;
	CU_ASSERT_EQUAL(give(kept, signed_by(&bad, server_key, certificate)), YETT_EDENIED);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_NONE);
	CU_ASSERT_EQUAL(g_hash_table_size(kept->decisions), 0);
	g_byte_array_unref(early);
	g_byte_array_unref(of_other);
	yett_kept_free(kept);
}

/* Every bit of it matters. */
static void a_changed_bit_counts_for_nothing(void)
{
	struct yett_decision decision = decision_of(YETT_DECIDED_APPROVED, 5), read;
	GByteArray *bytes = signed_by(&decision, server_key, certificate);
	struct yett_error error = {.code = 0};

	for (guint i = 0; i < bytes->len; i++) {
		bytes->data[i] ^= (uint8_t)(1u << (i % 8));
		CU_ASSERT(yett_decision_open(&trust, bytes->data, bytes->len, &read, &error) < 0);
		bytes->data[i] ^= (uint8_t)(1u << (i % 8));
	}
	for (guint length = 0; length < bytes->len; length++) {
		CU_ASSERT(yett_decision_open(&trust, bytes->data, length, &read, &error) < 0);
	}
	CU_ASSERT_EQUAL(yett_decision_open(&trust, bytes->data, bytes->len, &read, &error), 0);
	g_byte_array_unref(bytes);
}

static void an_older_one_never_replaces_a_newer_one(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision old = decision_of(YETT_DECIDED_APPROVED, 5), restored;
	GByteArray *bytes = signed_by(&old, server_key, certificate);

	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 1);
	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_REVOKED, 6), 1);
	/* A gateway plays it back. */
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 0);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_REVOKED);
	/* A store that was restored has a higher generation. */
	restored = decision_of(YETT_DECIDED_APPROVED, 2);
	restored.generation = 2;
	CU_ASSERT_EQUAL(give(kept, signed_by(&restored, server_key, certificate)), 1);
	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_REVOKED, 7), 0);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_APPROVED);
	g_byte_array_unref(bytes);
	yett_kept_free(kept);
}

/* Approval is taken away, nothing takes its place; what said so has long expired. */
static void what_was_taken_away_cannot_be_played_back(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust), *again;
	struct yett_decision old = decision_of(YETT_DECIDED_APPROVED, 5);
	struct yett_decision away = decision_of(YETT_DECIDED_PENDING, 6);
	GByteArray *bytes = signed_by(&old, server_key, certificate), *file;

	away.expires_s = now_s + 60;
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 1);
	CU_ASSERT_EQUAL(give(kept, signed_by(&away, server_key, certificate)), 1);
	now_s += DAY_S;
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_NONE);
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 0);
	file = yett_kept_write(kept);
	again = yett_kept_new(&test_clock, &trust);
	CU_ASSERT_EQUAL(yett_kept_read(again, file->data, file->len), 0);
	CU_ASSERT_EQUAL(give(again, g_byte_array_ref(bytes)), 0);
	CU_ASSERT_EQUAL(verdict_now(again, "a1.example"), YETT_DECIDED_NONE);
	/* Nor after the next start. */
	g_byte_array_unref(file);
	yett_kept_free(kept);
	file = yett_kept_write(again);
	kept = yett_kept_new(&test_clock, &trust);
	CU_ASSERT_EQUAL(yett_kept_read(kept, file->data, file->len), 0);
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 0);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_NONE);
	now_s = NOW_S;
	g_byte_array_unref(file);
	g_byte_array_unref(bytes);
	yett_kept_free(kept);
	yett_kept_free(again);
}

static void a_decision_ends_and_a_clock_set_back_does_not_bring_it_back(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision other = decision_of(YETT_DECIDED_APPROVED, 9);

	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_APPROVED, 5), 1);
	now_s += 8 * DAY_S;
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_NONE);
	/* Something that was signed today, then an hour, a month, and all of the time back. */
	g_strlcpy(other.name, "a2.example", sizeof(other.name));
	other.issued_s = now_s;
	other.expires_s = now_s + 7 * DAY_S;
	CU_ASSERT_EQUAL(give(kept, signed_by(&other, server_key, certificate)), 1);
	for (size_t i = 0; i < 3; i++) {
		static const int64_t back_s[] = {3600, 30 * DAY_S, NOW_S};

		now_s = NOW_S + 8 * DAY_S - back_s[i];
		CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_NONE);
		CU_ASSERT_EQUAL(verdict_now(kept, "a2.example"), YETT_DECIDED_APPROVED);
	}
	/* 2070: nobody is let in by what is expired then, and all is as it was afterwards. */
	now_s = INT64_C(3155760000);
	CU_ASSERT_EQUAL(verdict_now(kept, "a2.example"), YETT_DECIDED_NONE);
	now_s = NOW_S + 8 * DAY_S;
	CU_ASSERT_EQUAL(verdict_now(kept, "a2.example"), YETT_DECIDED_APPROVED);
	now_s = NOW_S;
	yett_kept_free(kept);
}

static void who_is_barred_stays_barred(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);

	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_REJECTED, 5), 1);
	now_s += 400 * DAY_S;
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_REJECTED);
	now_s = NOW_S;
	yett_kept_free(kept);
}

static bool compromised; /* by the rollovers that are made */

static GByteArray *rollover(uint64_t sequence, const struct yett_sign_key *current,
	const struct yett_sign_key *next, const struct yett_sign_key *by)
{
	struct yett_trust after = {.group = group_id, .sequence = sequence};
	GByteArray *bytes = g_byte_array_new();

	memcpy(after.current, yett_sign_public(current), sizeof(after.current));
	memcpy(after.next, yett_sign_public(next), sizeof(after.next));
	CU_ASSERT_EQUAL_FATAL(yett_trust_sign(&after, compromised, by, bytes), 0);
	return bytes;
}

static void keys_follow_their_successor_alone(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust), *again;
	struct yett_decision decision = decision_of(YETT_DECIDED_APPROVED, 5);
	GByteArray *by_next, *file;

	/* By a stranger; by the key that goes; a step too far; with another key than the successor. */
	CU_ASSERT_EQUAL(
		give(kept, rollover(2, stranger_key, third_key, stranger_key)), YETT_EDENIED);
	CU_ASSERT_EQUAL(give(kept, rollover(2, next_key, third_key, group_key)), YETT_EDENIED);
	CU_ASSERT_EQUAL(give(kept, rollover(3, next_key, third_key, next_key)), YETT_EDENIED);
	CU_ASSERT_EQUAL(give(kept, rollover(2, third_key, next_key, next_key)), YETT_EDENIED);
	CU_ASSERT_EQUAL(give(kept, rollover(1, next_key, third_key, next_key)), 0);
	CU_ASSERT_EQUAL(kept->trust.sequence, 1);
	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_APPROVED, 4), 1);
	CU_ASSERT_EQUAL(give(kept, rollover(2, next_key, third_key, next_key)), 1);
	CU_ASSERT_EQUAL(give(kept, rollover(2, next_key, third_key, next_key)), 0);
	/* What the old key has certified counts no more, but for what is kept from before. */
	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_REVOKED, 6), YETT_EDENIED);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_APPROVED);
	by_next = certify(&group_id, next_key, server_key, NOW_S, NOW_S + DAY_S);
	g_strlcpy(decision.name, "a2.example", sizeof(decision.name));
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, by_next)), 1);
	/* From the installation file's keys, all of it is found again. */
	file = yett_kept_write(kept);
	again = yett_kept_new(&test_clock, &trust);
	CU_ASSERT_EQUAL(yett_kept_read(again, file->data, file->len), 0);
	CU_ASSERT_EQUAL(again->trust.sequence, 2);
	CU_ASSERT_EQUAL(verdict_now(again, "a1.example"), YETT_DECIDED_APPROVED);
	CU_ASSERT_EQUAL(verdict_now(again, "a2.example"), YETT_DECIDED_APPROVED);
	g_byte_array_unref(by_next);
	g_byte_array_unref(file);
	yett_kept_free(kept);
	yett_kept_free(again);
}

static struct yett_kept *read_again(const struct yett_kept *kept)
{
	GByteArray *file = yett_kept_write(kept);
	struct yett_kept *again = yett_kept_new(&test_clock, &trust);

	CU_ASSERT_EQUAL(yett_kept_read(again, file->data, file->len), 0);
	g_byte_array_unref(file);
	return again;
}

/* Whoever has the key has written approvals, a rejection, and the future. */
static void what_a_key_in_other_hands_has_signed_ends(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust), *again;
	struct yett_decision forged = decision_of(YETT_DECIDED_APPROVED, UINT64_MAX), real;
	GByteArray *by_next, *taken;

	forged.expires_s = now_s + 365 * DAY_S;
	taken = signed_by(&forged, server_key, certificate);
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(taken)), 1);
	g_strlcpy(forged.name, "a2.example", sizeof(forged.name));
	forged.verdict = YETT_DECIDED_REVOKED;
	forged.issued_s = now_s + DAY_S;
	CU_ASSERT_EQUAL(give(kept, signed_by(&forged, server_key, certificate)), 1);
	CU_ASSERT_EQUAL(yett_kept_now_s(kept), now_s + DAY_S);
	compromised = true;
	CU_ASSERT_EQUAL(give(kept, rollover(2, next_key, third_key, next_key)), 1);
	compromised = false;
	for (int i = 0; i < 2; i++) { /* and after a start */
		CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_NONE);
		CU_ASSERT_EQUAL(verdict_now(kept, "a2.example"), YETT_DECIDED_REVOKED);
		CU_ASSERT_EQUAL(yett_kept_now_s(kept), now_s);
		CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(taken)), YETT_EDENIED);
		again = read_again(kept);
		yett_kept_free(kept);
		kept = again;
	}
	/* The group's word, whatever its revision. */
	by_next = certify(&group_id, next_key, server_key, NOW_S, NOW_S + DAY_S);
	real = decision_of(YETT_DECIDED_APPROVED, 5);
	CU_ASSERT_EQUAL(give(kept, signed_by(&real, server_key, by_next)), 1);
	g_strlcpy(real.name, "a2.example", sizeof(real.name));
	CU_ASSERT_EQUAL(give(kept, signed_by(&real, server_key, by_next)), 1);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_APPROVED);
		CU_ASSERT_EQUAL(verdict_now(kept, "a2.example"), YETT_DECIDED_APPROVED);
		again = read_again(kept);
		yett_kept_free(kept);
		kept = again;
	}
	g_byte_array_unref(by_next);
	g_byte_array_unref(taken);
	yett_kept_free(kept);
}

/* Its key, in the hands of whoever has the disk: it writes any time that the certificate allows, and any end. */
static void a_retired_server_signs_no_more(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust), *again;
	struct yett_decision decision = decision_of(YETT_DECIDED_APPROVED, 99);
	GByteArray *ended = certify(
			   &group_id, group_key, server_key, NOW_S - 30 * DAY_S, NOW_S - 2 * DAY_S),
		   *just = certify(
			   &group_id, group_key, server_key, NOW_S - 30 * DAY_S, NOW_S - DAY_S / 2),
		   *soon = certify(
			   &group_id, group_key, server_key, NOW_S - 30 * DAY_S, NOW_S + 2 * DAY_S),
		   *bytes;

	decision.issued_s = NOW_S - 3 * DAY_S;
	decision.expires_s = NOW_S + 300 * DAY_S;
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, ended)), YETT_EDENIED);
	decision.verdict = YETT_DECIDED_REVOKED; /* nor does it bar */
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, ended)), YETT_EDENIED);
	CU_ASSERT_EQUAL(g_hash_table_size(kept->decisions), 0);
	/* Clocks differ. */
	decision.verdict = YETT_DECIDED_APPROVED;
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, just)), 1);
	/* By none for longer than the group's settings allow. */
	decision = decision_of(YETT_DECIDED_APPROVED, 100);
	decision.expires_s = decision.issued_s + 365 * DAY_S + 1;
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, certificate)), YETT_EDENIED);
	decision.expires_s--;
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, certificate)), 1);
	/* What was taken in time stays, also after a start; it is not taken later. */
	decision.revision = 101;
	decision.expires_s = NOW_S + 100 * DAY_S;
	bytes = signed_by(&decision, server_key, soon);
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 1);
	now_s += 10 * DAY_S;
	again = read_again(kept);
	CU_ASSERT_EQUAL(verdict_now(again, "a1.example"), YETT_DECIDED_APPROVED);
	CU_ASSERT_EQUAL(yett_kept_find(again, "a1.example")->decision.revision, 101);
	yett_kept_free(again);
	again = yett_kept_new(&test_clock, &trust);
	CU_ASSERT_EQUAL(give(again, bytes), YETT_EDENIED);
	now_s = NOW_S;
	g_byte_array_unref(ended);
	g_byte_array_unref(just);
	g_byte_array_unref(soon);
	yett_kept_free(kept);
	yett_kept_free(again);
}

/* A file that is damaged anywhere lets in nobody who was not let in. */
static void a_damaged_file_opens_nothing(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision barred = decision_of(YETT_DECIDED_REVOKED, 6);
	GByteArray *file;

	g_strlcpy(barred.name, "a2.example", sizeof(barred.name));
	CU_ASSERT_EQUAL(give_decision(kept, YETT_DECIDED_APPROVED, 5), 1);
	CU_ASSERT_EQUAL(give(kept, signed_by(&barred, server_key, certificate)), 1);
	file = yett_kept_write(kept);
	for (guint i = 0; i < file->len; i += 3) {
		struct yett_kept *again = yett_kept_new(&test_clock, &trust);
		uint32_t bad;

		file->data[i] ^= 0x10;
		bad = yett_kept_read(again, file->data, file->len);
		CU_ASSERT(bad > 0);
		CU_ASSERT(verdict_now(again, "a2.example") != YETT_DECIDED_APPROVED);
		CU_ASSERT(g_hash_table_size(again->decisions) < 2);
		file->data[i] ^= 0x10;
		yett_kept_free(again);
	}
	g_byte_array_unref(file);
	yett_kept_free(kept);
}

static int give_named(
	struct yett_kept *kept, struct yett_decision *decision, const char *kind, int i)
{
	g_snprintf(decision->name, sizeof(decision->name), "%s%d.example", kind, i);
	return give(kept, signed_by(decision, server_key, certificate));
}

static void it_is_bounded(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision decision = decision_of(YETT_DECIDED_APPROVED, 5);

	kept->max = 4;
	for (int i = 0; i < 6; i++) {
		decision.expires_s = now_s + DAY_S + i;
		CU_ASSERT_EQUAL(give_named(kept, &decision, "n", i), 1);
		CU_ASSERT(g_hash_table_size(kept->decisions) <= 4);
	}
	/* Those that end first went. Who is barred stays, and is refused beyond it; neither takes the room of
	 * the others. */
	CU_ASSERT_EQUAL(verdict_now(kept, "n0.example"), YETT_DECIDED_NONE);
	decision.verdict = YETT_DECIDED_REVOKED;
	for (int i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(give_named(kept, &decision, "b", i), i < 4 ? 1 : YETT_ELIMIT);
		CU_ASSERT_EQUAL(kept->missed, i >= 4);
	}
	CU_ASSERT_EQUAL(verdict_now(kept, "b0.example"), YETT_DECIDED_REVOKED);
	CU_ASSERT_EQUAL(verdict_now(kept, "n5.example"), YETT_DECIDED_APPROVED);
	/* One that is known is always barred. */
	decision.revision++;
	CU_ASSERT_EQUAL(give_named(kept, &decision, "n", 5), 1);
	CU_ASSERT_EQUAL(verdict_now(kept, "n5.example"), YETT_DECIDED_REVOKED);
	CU_ASSERT_EQUAL(kept->held, 5);
	/* That some are missing outlives a start; all that were kept, too. */
	for (int i = 0; i < 2; i++) {
		struct yett_kept *again = read_again(kept);

		yett_kept_free(kept);
		kept = again;
		kept->max = 4;
		CU_ASSERT(kept->missed);
		CU_ASSERT_EQUAL(kept->held, 5);
	}
	/* There is room again. */
	decision.verdict = YETT_DECIDED_PENDING;
	decision.revision++;
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(give_named(kept, &decision, "b", i), 1);
	}
	CU_ASSERT_EQUAL(kept->held, 3);
	decision.verdict = YETT_DECIDED_REVOKED;
	CU_ASSERT_EQUAL(give_named(kept, &decision, "b", 4), 1);
	yett_kept_free(kept);
}

/* What was taken away is not forgotten for others, however many come. */
static void who_asks_often_makes_no_room_for_himself(void)
{
	struct yett_kept *kept = yett_kept_new(&test_clock, &trust);
	struct yett_decision decision = decision_of(YETT_DECIDED_APPROVED, 5);
	GByteArray *bytes = signed_by(&decision, server_key, certificate);

	kept->max = 4;
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 1);
	decision.verdict = YETT_DECIDED_PENDING;
	decision.revision = 6;
	decision.expires_s = now_s + 60;
	CU_ASSERT_EQUAL(give(kept, signed_by(&decision, server_key, certificate)), 1);
	decision.revision = 1;
	decision.expires_s = now_s + 30 * DAY_S;
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(give_named(kept, &decision, "p", i), 1);
	}
	CU_ASSERT_EQUAL(g_hash_table_size(kept->decisions), 5);
	CU_ASSERT_EQUAL(give(kept, g_byte_array_ref(bytes)), 0);
	CU_ASSERT_EQUAL(verdict_now(kept, "a1.example"), YETT_DECIDED_PENDING);
	now_s += 40 * DAY_S;
	decision.expires_s = now_s + 30 * DAY_S;
	decision.issued_s = now_s;
	CU_ASSERT_EQUAL(give_named(kept, &decision, "p", 20), 1);
	CU_ASSERT_EQUAL(kept->held, 0); /* it cannot count any more */
	now_s = NOW_S;
	g_byte_array_unref(bytes);
	yett_kept_free(kept);
}

static void keys_are_kept_from_others(void)
{
	g_autofree char *path = g_strdup_printf("%s/group", folder);
	g_autofree char *none = g_strdup_printf("%s/none", folder);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;
	struct stat st;

	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(yett_sign_generate(path, &key, &error), YETT_EEXIST);
	CU_ASSERT_EQUAL(yett_sign_load(none, &key, &error), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(yett_sign_load(path, &key, &error), 0);
	CU_ASSERT_EQUAL(
		memcmp(yett_sign_public(key), yett_sign_public(group_key), YETT_SIGN_PUBLIC_SIZE),
		0);
	yett_sign_free(key);
	CU_ASSERT_EQUAL(g_chmod(path, 0640), 0);
	CU_ASSERT_EQUAL(yett_sign_load(path, &key, &error), YETT_EDENIED);
	CU_ASSERT_EQUAL(g_chmod(path, 0600), 0);
}

static void a_kit_is_read_whole_or_not_at_all(void)
{
#define KEY "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define KIT(form, node, id, sequence, next)                                                        \
	"{\"yett_kit\": " form ", \"node\": " node ", \"group\": {\"id\": " id                     \
	", \"sequence\": " sequence ", \"current\": " KEY ", \"next\": " next "}}"
#define ID "\"07000000-0000-4000-8000-000000000000\""
	static const struct {
		const char *name, *kit;
		int want;
	} table[] = {
		{"good", KIT("1", "\"GW.example\"", ID, "1", KEY), 0},
		{"another form", KIT("2", "\"gw.example\"", ID, "1", KEY), YETT_ECONFIG},
		{"another node", KIT("1", "\"gx.example\"", ID, "1", KEY), YETT_ECONFIG},
		{"no node", KIT("1", "null", ID, "1", KEY), YETT_ECONFIG},
		{"no id", KIT("1", "\"gw.example\"", "\"x\"", "1", KEY), YETT_ECONFIG},
		{"no sequence", KIT("1", "\"gw.example\"", ID, "0", KEY), YETT_ECONFIG},
		{"a short key", KIT("1", "\"gw.example\"", ID, "1", "\"0011\""), YETT_ECONFIG},
		{"no key", KIT("1", "\"gw.example\"", ID, "1", "7"), YETT_ECONFIG},
		{"a list", "[]", YETT_ECONFIG},
		{"nothing", "", YETT_ECONFIG},
		{"certificates behind it",
			KIT("1", "\"gw.example\"", ID, "1",
				KEY) "\n-----BEGIN CERTIFICATE-----\nAA==\n",
			0},
		{"something else behind it", KIT("1", "\"gw.example\"", ID, "1", KEY) "\n{}",
			YETT_ECONFIG},
		{"half", "{\"yett_kit\": 1, \"node\"", YETT_ECONFIG},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct yett_error error = {.code = 0};
		struct yett_trust read = {.sequence = 0};
		int result = yett_kit_parse(
			table[i].kit, strlen(table[i].kit), "gw.example", &read, &error);

		if (result != table[i].want) {
			fprintf(stderr, "%s: %d\n", table[i].name, result);
		}
		CU_ASSERT_EQUAL(result, table[i].want);
		CU_ASSERT_EQUAL(read.sequence, result == 0 ? 1 : 0);
	}
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"counts what the group has signed", counts_what_the_group_has_signed},
		{"nothing else counts", nothing_else_counts},
		{"a changed bit counts for nothing", a_changed_bit_counts_for_nothing},
		{"an older one never replaces a newer one",
			an_older_one_never_replaces_a_newer_one},
		{"what was taken away cannot be played back",
			what_was_taken_away_cannot_be_played_back},
		{"a decision ends, and a clock set back does not bring it back",
			a_decision_ends_and_a_clock_set_back_does_not_bring_it_back},
		{"who is barred stays barred", who_is_barred_stays_barred},
		{"keys follow their successor alone", keys_follow_their_successor_alone},
		{"a damaged file opens nothing", a_damaged_file_opens_nothing},
		{"what a key in other hands has signed ends",
			what_a_key_in_other_hands_has_signed_ends},
		{"a retired server signs no more", a_retired_server_signs_no_more},
		{"it is bounded", it_is_bounded},
		{"who asks often makes no room for himself",
			who_asks_often_makes_no_room_for_himself},
		{"keys are kept from others", keys_are_kept_from_others},
		{"a kit is read whole or not at all", a_kit_is_read_whole_or_not_at_all},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("signed", begin, end, tests);
	return suite_end(argc, argv);
}
