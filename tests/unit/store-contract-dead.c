/* What every store that keeps records must do: batches that cannot be stored are kept as they came,
 * shown, and stored once somebody has mended what was in the way. Here a batch that says of itself
 * what nobody knows is put, the bytes of which are sound: so it can be decoded when it is read anew. */
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store-contract.h"

#define NORMAL  YETT_LANE_NORMAL
#define UNKNOWN 77

static struct store writer;

struct letters {
	int count;
	uint64_t first, last_id, length;
};

static int see_letter(void *arg, const struct yett_dead_letter *letter)
{
	struct letters *letters = arg;

	CU_ASSERT_PTR_NOT_NULL(letter->origin);
	CU_ASSERT(letter->cause != NULL && letter->cause[0] != '\0');
	CU_ASSERT_EQUAL(letter->lane, NORMAL);
	CU_ASSERT(letter->id > letters->last_id);
	letters->count++;
	letters->first = letter->first;
	letters->last_id = letter->id;
	letters->length = letter->length;
	return 0;
}

/* What a store shows of them, where it does. */
static void expect_letters(uint64_t broken_length)
{
	struct letters all = {0}, newest = {0}, one = {0}, none = {0};

	CU_ASSERT_EQUAL(writer.operations->dead_letters(
				writer.self, 0, 10, see_letter, &all, &writer.error),
		0);
	CU_ASSERT_EQUAL(all.count, 2);
	CU_ASSERT_EQUAL(all.first, 5);
	CU_ASSERT_EQUAL(writer.operations->dead_letters(
				writer.self, 0, 1, see_letter, &newest, &writer.error),
		0);
	CU_ASSERT_EQUAL(newest.count, 1);
	CU_ASSERT_EQUAL(newest.first, 5);
	CU_ASSERT_EQUAL(writer.operations->dead_letters(
				writer.self, all.last_id, 1, see_letter, &one, &writer.error),
		0);
	CU_ASSERT_EQUAL(one.count, 1);
	CU_ASSERT_EQUAL(one.length, broken_length);
	CU_ASSERT_EQUAL(writer.operations->dead_letters(
				writer.self, 999999, 1, see_letter, &none, &writer.error),
		0);
	CU_ASSERT_EQUAL(none.count, 0);
}

TEST(dead_letters)
{
	struct yett_batch cut = store_batch(1, 1, NORMAL, 5, 4, "a");
	struct yett_store_stats stats = {0};

	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 1, NORMAL, 1, 4)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch_broken(1, 1, NORMAL, 1, 4)), YETT_PUT_DUPLICATE);
	/* One that breaks midway: none of its records stays. */
	cut.info.first = 5;
	cut.info.count = 5;
	CU_ASSERT_EQUAL(store_put(&writer, cut), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 10, 3, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 3);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 9);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 12);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT_EQUAL(stats.dead, 2);
	expect_letters(cut.length);
}

TEST(content_that_is_not_known)
{
	struct yett_batch batch = store_batch(1, 1, NORMAL, 1, 4, "a");
	struct yett_batch codec = store_batch(1, 1, NORMAL, 5, 4, "a");

	batch.info.content = 77;
	codec.info.codec = 77;
	CU_ASSERT_EQUAL(store_put(&writer, batch), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put(&writer, codec), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 8);
}

struct found {
	uint64_t first, id;
	char cause[200];
};

static int find_letter(void *arg, const struct yett_dead_letter *letter)
{
	struct found *found = arg;

	if (letter->first == found->first) {
		found->id = letter->id;
		snprintf(found->cause, sizeof(found->cause), "%s", letter->cause);
	}
	return 0;
}

/* The letter whose numbers begin there; its id is 0 where there is none. */
static struct found letter_at(uint64_t first)
{
	struct found found = {.first = first};

	CU_ASSERT_EQUAL(writer.operations->dead_letters(
				writer.self, 0, 100, find_letter, &found, &writer.error),
		0);
	return found;
}

static int replay_as(uint64_t id, const char *document)
{
	char key[24];

	memset(&writer.error, 0, sizeof(writer.error));
	snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
	return writer.operations->registry_put(
		writer.self, YETT_TABLE_REPLAY, key, document, 0, NULL, &writer.error);
}

static int replay_within(uint64_t id)
{
	return replay_as(id, YETT_REPLAY);
}

/* In a transaction of its own, which is committed whatever becomes of the letter. */
static int replay_alone(uint64_t id, const char *document)
{
	int result;

	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	result = replay_as(id, document);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	return result;
}

static int replay(uint64_t id)
{
	return replay_alone(id, YETT_REPLAY);
}

/* Sound, but for what it says of itself. */
static void put_unknown(unsigned epoch, uint64_t first, uint32_t count)
{
	struct yett_batch batch = store_batch(1, epoch, NORMAL, first, count, "a");

	batch.info.content = UNKNOWN;
	CU_ASSERT_EQUAL(store_put(&writer, batch), YETT_PUT_DEAD);
}

TEST(replayed_once)
{
	struct yett_store_stats stats = {0};
	struct found letter;

	put_unknown(1, 1, 4);
	put_unknown(1, 5, 3);
	letter = letter_at(1);
	CU_ASSERT_NOT_EQUAL(letter.id, 0);
	CU_ASSERT_EQUAL(replay(letter.id), 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 4);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 3);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 7);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).twice, 0);
	CU_ASSERT_EQUAL(letter_at(1).id, 0);
	CU_ASSERT_NOT_EQUAL(letter_at(5).id, 0);
	/* Once; and whoever sends it again hears that it is here. */
	CU_ASSERT_EQUAL(replay(letter.id), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 1, NORMAL, 1, 4, "a")), YETT_PUT_DUPLICATE);
	store_restart(&writer);
	CU_ASSERT_EQUAL(replay(letter.id), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 4);
	CU_ASSERT_EQUAL(replay(letter_at(5).id), 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 7);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 0);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT_EQUAL(stats.dead, 0);
}

TEST(replayed_with_its_transaction)
{
	struct found letter;

	put_unknown(1, 1, 4);
	letter = letter_at(1);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(replay_within(letter.id), 0);
	writer.operations->rollback(writer.self);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 4);
	CU_ASSERT_EQUAL(letter_at(1).id, letter.id);
	/* Beside others, and twice in one transaction. */
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(replay_within(letter.id), 0);
	CU_ASSERT_EQUAL(replay_within(letter.id), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 4);
}

/* It stays as it is, with the cause that it has now, and what stands beside it is stored. */
TEST(not_decoded_yet)
{
	struct yett_batch more = store_batch(1, 1, NORMAL, 10, 3, "a");
	struct yett_put put = {.size = sizeof(put), .batch = &more, .received_ns = 1000};
	struct yett_batch cut = store_batch(1, 1, NORMAL, 5, 4, "a");

	cut.info.count = 5; /* of which its bytes say something else */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch_broken(1, 1, NORMAL, 1, 4)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put(&writer, cut), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(replay_within(letter_at(1).id), YETT_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(writer.error.text, "cannot be stored"));
	CU_ASSERT_EQUAL(replay_within(letter_at(5).id), YETT_EINVAL);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	store_batch_free(&more);
	CU_ASSERT_PTR_NOT_NULL(strstr(letter_at(5).cause, "numbers that cannot be"));
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 9);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 3);
	CU_ASSERT_EQUAL(replay(999999), YETT_ENOTFOUND);
}

/* Notices, too; and an epoch that is complete and folded meanwhile. */
TEST(replayed_notices)
{
	struct yett_notice gap = store_gap(9, 1, 1, NORMAL, 4, 2);
	struct yett_notice closed = store_bounds(1, 2, NORMAL, 1, 9, true);
	struct yett_batch notices = store_notices(1, 1, 1, &gap, 1);
	struct yett_account account;

	notices.info.content = UNKNOWN;
	notices.info.lane = NORMAL;
	CU_ASSERT_EQUAL(store_put(&writer, notices), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(replay(letter_at(1).id), YETT_EINVAL); /* another lane than its own */
	notices = store_notices(1, 1, 1, &gap, 1);
	notices.info.content = UNKNOWN;
	CU_ASSERT_EQUAL(store_put(&writer, notices), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 0);
	CU_ASSERT_EQUAL(replay(letter_at(1).id), 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2);

	put_unknown(2, 1, 4);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 2, NORMAL, 5, 4, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(replay(letter_at(1).id), 0);
	account = store_account(&writer, 1, 2, NORMAL);
	CU_ASSERT_EQUAL(account.received, 8);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(account.dead, 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 8);
}

/* What declares losses of another node is decoded again for one whose word counts by now, and for nobody else:
 * not by the way of a replay. */
TEST(replayed_for_others)
{
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 1, 10);
	struct found letter;

	CU_ASSERT_EQUAL(store_put(&writer, store_notices(2, 9, 7, &gap, 1)), YETT_PUT_DEAD);
	letter = letter_at(7);
	CU_ASSERT_PTR_NOT_NULL(strstr(letter.cause, "what another node has lost"));
	CU_ASSERT_EQUAL(replay(letter.id), YETT_EINVAL);
	CU_ASSERT_EQUAL(replay_alone(letter.id, "{\"for_others\":false}"), YETT_EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(letter_at(7).cause, "what another node has lost"));
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).size, 0);
	CU_ASSERT_EQUAL(replay_alone(letter.id, YETT_REPLAY_FOR_OTHERS), 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 10);
	CU_ASSERT_EQUAL(store_account(&writer, 2, 9, YETT_LANE_URGENT).dead, 0);
	CU_ASSERT_EQUAL(letter_at(7).id, 0);
	CU_ASSERT_EQUAL(replay_alone(letter.id, YETT_REPLAY_FOR_OTHERS), YETT_ENOTFOUND);
}

/* What is put aside takes none of the numbers that it bears, whoever has them, and opens none of the epochs,
 * however many it names. It stays aside, with its cause, whatever it holds. */
TEST(put_aside)
{
	static const char cause[] = "it bears the origin of this server";
	struct yett_store_stats stats = {0};
	struct found letter;

	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 1, 4, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put_aside(&writer, store_batch(1, 1, NORMAL, 5, 4, "b"), cause),
		YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put_aside(&writer, store_batch(1, 1, NORMAL, 5, 4, "b"), cause),
		YETT_PUT_DUPLICATE);
	for (uint64_t epoch = 2; epoch < 4 + YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(store_put_aside(&writer,
					store_batch(1, epoch, NORMAL, 100 * epoch, 1, "b"), cause),
			YETT_PUT_DEAD);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).size, 0);
	}
	/* Nor does one of them stand in another one's way. */
	CU_ASSERT_EQUAL(store_put_aside(&writer, store_batch(1, 800, NORMAL, 6, 1, "c"), cause),
		YETT_PUT_DEAD);
	letter = letter_at(5);
	CU_ASSERT_STRING_EQUAL(letter.cause, cause);
	CU_ASSERT_EQUAL(replay(letter.id), YETT_EINVAL);
	CU_ASSERT_EQUAL(replay_alone(letter.id, YETT_REPLAY_FOR_OTHERS), YETT_EINVAL);
	CU_ASSERT_STRING_EQUAL(letter_at(5).cause, cause);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 0);
	/* The true numbers are still to be had, and so are epochs. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 1, NORMAL, 5, 4, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 900, NORMAL, 1, 4, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 8);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).forks, 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 12);
	CU_ASSERT_EQUAL(writer.operations->stats(writer.self, &stats, &writer.error), 0);
	CU_ASSERT_EQUAL(stats.dead, 4 + YETT_EPOCHS_OPEN_MAX);
}

static int note_newest(void *arg, const struct yett_dead_letter *letter)
{
	CU_ASSERT_PTR_NULL(letter->batch);
	CU_ASSERT_EQUAL(letter->length, 0);
	CU_ASSERT(letter->cause != NULL && letter->cause[0] != '\0');
	CU_ASSERT_STRING_EQUAL(letter->gateway, "gw.example");
	g_string_append_printf(arg, "%c%lu@%ld ", letter->origin[strlen(letter->origin) - 1],
		(unsigned long)letter->first, (long)letter->received_ns);
	return 0;
}

static void put_unknown_at(int64_t received_ns, unsigned origin, uint64_t first)
{
	struct yett_batch batch = store_batch(origin, 1, NORMAL, first, 1, "a");
	struct yett_put put = {.size = sizeof(put),
		.batch = &batch,
		.received_ns = received_ns,
		.gateway = "gw.example"};

	batch.info.content = UNKNOWN;
	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(put.ret_result, YETT_PUT_DEAD);
	store_batch_free(&batch);
}

static void expect_newest(int64_t since_ns, const char *want)
{
	GString *found = g_string_new(NULL);

	CU_ASSERT_EQUAL(writer.operations->newest_dead(
				writer.self, since_ns, note_newest, found, &writer.error),
		0);
	CU_ASSERT_STRING_EQUAL(found->str, want);
	g_string_free(found, TRUE);
}

/* Of each origin its newest, in the order in which they came, however many others have. */
TEST(newest_of_each)
{
	struct found letter;

	expect_newest(0, "");
	put_unknown_at(100, 2, 1);
	put_unknown_at(150, 2, 7);
	for (uint64_t number = 1; number <= 40; number++) {
		put_unknown_at(200 + (int64_t)number, 1, number);
	}
	put_unknown_at(300, 3, 9);
	expect_newest(0, "27@150 140@240 39@300 ");
	expect_newest(150, "27@150 140@240 39@300 ");
	expect_newest(151, "140@240 39@300 ");
	expect_newest(301, "");
	/* What is stored at last is none any more. */
	letter = letter_at(40);
	CU_ASSERT_EQUAL(replay(letter.id), 0);
	expect_newest(151, "139@239 39@300 ");
}

/* The steps of a replay, at each of which a process may be killed. */
enum step { BEGUN, FOUND, STORED, ENDED, COMMITTED, STEPS };

static enum step kill_at;
static int (*parse)(struct yett_buffer *buffer, const uint8_t *bytes, size_t length,
	struct yett_batch *ret_batch);
static void (*unref)(struct yett_buffer *buffer);
static bool parsed;

static void reach(enum step step)
{
	if (step == kill_at) {
		kill(getpid(), SIGKILL);
	}
}

/* What a store asks its host for: the letter's batch, once it has found it, and what it gives back, once it
 * has stored it. */
static int watched_parse(struct yett_buffer *buffer, const uint8_t *bytes, size_t length,
	struct yett_batch *ret_batch)
{
	parsed = true;
	reach(FOUND);
	return parse(buffer, bytes, length, ret_batch);
}

static void watched_unref(struct yett_buffer *buffer)
{
	if (parsed) {
		reach(STORED);
	}
	unref(buffer);
}

/* In a process of its own; `told` is closed when it begins. */
static void replay_and_die(uint64_t id, enum step at, int told)
{
	kill_at = at;
	parse = store_world.host.batch_parse;
	unref = store_world.host.buffer_unref;
	store_world.host.batch_parse = watched_parse;
	store_world.host.buffer_unref = watched_unref;
	store_open(&writer, YETT_STORE_WRITER);
	close(told);
	if (writer.operations->begin(writer.self, &writer.error) == 0) {
		reach(BEGUN);
		if (replay_within(id) == 0) {
			reach(ENDED);
			if (writer.operations->commit(writer.self, &writer.error) == 0) {
				reach(COMMITTED);
			}
		}
	}
	_exit(1); /* at no step, or it failed */
}

/* Kills it at a step, or (STEPS) after so long. */
static void run_and_kill(uint64_t id, enum step at, useconds_t after_us)
{
	int pipes[2], status = 0;
	char none;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		close(pipes[0]);
		replay_and_die(id, at, pipes[1]);
	}
	close(pipes[1]);
	CU_ASSERT_EQUAL(read(pipes[0], &none, 1), 0);
	if (at == STEPS) {
		usleep(after_us);
		kill(child, SIGKILL);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(at == STEPS || WIFSIGNALED(status));
	close(pipes[0]);
}

static void expect_stored(void)
{
	CU_ASSERT_EQUAL(letter_at(1).id, 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 4);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 4);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).twice, 0);
}

/* Killed at any step: the letter is as it was, with nothing of it stored, or all of it is stored and the letter
 * gone. What is still there is replayed by the next process, once. */
static void killed_while_it_is_replayed(void)
{
	for (int round = 0; round < STEPS + 20; round++) {
		enum step at = round < STEPS ? (enum step)round : STEPS;
		struct found letter;
		int result;

		store_begin(&writer);
		put_unknown(1, 1, 4);
		letter = letter_at(1);
		store_close(&writer);
		run_and_kill(letter.id, at, (useconds_t)(round - STEPS) * 150);
		store_open(&writer, YETT_STORE_WRITER);
		if (at < COMMITTED) {
			CU_ASSERT_EQUAL(letter_at(1).id, letter.id);
			CU_ASSERT_EQUAL(store_rows(&writer, NULL), 0);
			CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 4);
		} else if (at == COMMITTED) {
			expect_stored();
		}
		/* A database may still be at it: this waits for what the other one has begun. */
		result = replay(letter.id);
		CU_ASSERT(result == YETT_ENOTFOUND || (result == 0 && at != COMMITTED));
		expect_stored();
		store_end(&writer);
	}
}

const CU_TestInfo store_dead_tests[] = {
	{"dead letters", dead_letters},
	{"content that is not known", content_that_is_not_known},
	{"replayed once", replayed_once},
	{"replayed with its transaction", replayed_with_its_transaction},
	{"not decoded yet", not_decoded_yet},
	{"replayed notices", replayed_notices},
	{"replayed for others", replayed_for_others},
	{"put aside", put_aside},
	{"newest of each", newest_of_each},
	{"killed while it is replayed", killed_while_it_is_replayed},
	CU_TEST_INFO_NULL,
};
