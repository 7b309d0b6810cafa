/* What every store must do when several management servers share it, by its table of operations
 * alone: processes that write at once, each with an instance of its own. Nothing is stored twice, no
 * range is lost, nobody waits for ever, and who follows the ids or the registry misses nothing. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store-contract.h"

#define NORMAL    YETT_LANE_NORMAL
#define PROCESSES 3
#define GROUP     8

static struct store writer;

/* What a process tells when it has ended. */
struct told {
	uint32_t results[YETT_PUT_LATER + 1];
	uint32_t again; /* transactions that had to be done again */
	uint32_t good;
};

struct worker {
	pid_t child;
	int pipe;
};

/* Commits a group; again where another one's transaction was in its way. */
static bool commit_group(
	struct store *store, struct yett_put *puts, size_t count, struct told *told)
{
	for (int attempt = 0; attempt < 1000; attempt++) {
		struct yett_error error = {0};
		int result = store->operations->begin(store->self, &error);

		if (result == 0) {
			result = store->operations->put(store->self, puts, count, &error);
		}
		if (result == 0) {
			result = store->operations->commit(store->self, &error);
		}
		if (result == 0) {
			for (size_t i = 0; i < count; i++) {
				told->results[puts[i].ret_result]++;
			}
			return true;
		}
		store->operations->rollback(store->self);
		if (result != YETT_EAGAIN) {
			fprintf(stderr, "store: %d %s\n", result, error.text);
			return false;
		}
		told->again++;
	}
	return false;
}

/* Puts the batches `make` gives for 0, 1, … until one has no buffer, in groups of changing size. */
static void put_all(struct store *store, unsigned process,
	struct yett_batch (*make)(unsigned process, unsigned number), struct told *told)
{
	struct yett_batch batches[GROUP];
	struct yett_put puts[GROUP];
	unsigned number = 0;
	bool more = true;

	told->good = 1;
	while (more && told->good) {
		size_t count = 0, want = 1 + (number + process) % GROUP;

		while (more && count < want) {
			batches[count] = make(process, number++);
			more = batches[count].buffer != NULL;
			puts[count] = (struct yett_put){.size = sizeof(puts[count]),
				.batch = &batches[count],
				.received_ns = 1000};
			count += more;
		}
		told->good = commit_group(store, puts, count, told);
		for (size_t i = 0; i < count; i++) {
			store_batch_free(&batches[i]);
		}
	}
}

static struct worker begin_worker(
	unsigned process, struct yett_batch (*make)(unsigned process, unsigned number))
{
	struct worker worker = {0};
	int pipes[2];

	CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
	worker.pipe = pipes[0];
	worker.child = fork();
	if (worker.child == 0) {
		struct told told = {{0}, 0, 0};
		struct store store;

		if (store_try_open(&store, YETT_STORE_WRITER) == 0) {
			put_all(&store, process, make, &told);
			store_close(&store);
		}
		_exit(write(pipes[1], &told, sizeof(told)) == sizeof(told) ? 0 : 1);
	}
	close(pipes[1]);
	return worker;
}

static void end_worker(const struct worker *worker, struct told *told)
{
	struct told one = {{0}, 0, 0};
	int status = 1;

	CU_ASSERT_EQUAL(read(worker->pipe, &one, sizeof(one)), sizeof(one));
	close(worker->pipe);
	CU_ASSERT_EQUAL(waitpid(worker->child, &status, 0), worker->child);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT(one.good);
	for (size_t i = 0; i <= YETT_PUT_LATER; i++) {
		told->results[i] += one.results[i];
	}
	told->again += one.again;
}

static struct told work_together(struct yett_batch (*make)(unsigned process, unsigned number))
{
	struct worker workers[PROCESSES];
	struct told told = {{0}, 0, 0};

	for (unsigned i = 0; i < PROCESSES; i++) {
		workers[i] = begin_worker(i, make);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		end_worker(&workers[i], &told);
	}
	return told;
}

static struct yett_batch none(void)
{
	struct yett_batch batch = {0};

	return batch;
}

#define SAME 150

static struct yett_batch same_batches(unsigned process, unsigned number)
{
	(void)process;
	return number < SAME ? store_batch(1, 1, NORMAL, 1 + 3 * number, 3, "a") : none();
}

static void the_same(void)
{
	struct told told;

	store_begin(&writer);
	told = work_together(same_batches);
	CU_ASSERT_EQUAL(told.results[YETT_PUT_STORED], SAME);
	CU_ASSERT_EQUAL(told.results[YETT_PUT_DUPLICATE], (PROCESSES - 1) * SAME);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 3 * SAME);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 3 * SAME);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).forks, 0);
	store_end(&writer);
}

#define NUMBERS 420

/* The same numbers, cut otherwise by each: what a live copy of a machine does. */
static struct yett_batch other_cuts(unsigned process, unsigned number)
{
	static const uint32_t sizes[PROCESSES] = {3, 5, 7};
	uint32_t size = sizes[process];

	return number < NUMBERS / size
		       ? store_batch(1, 1, NORMAL, 1 + (uint64_t)size * number, size, "a")
		       : none();
}

static void overlapping(void)
{
	struct yett_account account;
	struct told told;

	store_begin(&writer);
	told = work_together(other_cuts);
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), account.received);
	CU_ASSERT_EQUAL(account.received + account.missing, account.highest);
	CU_ASSERT_EQUAL(told.results[YETT_PUT_STORED] + told.results[YETT_PUT_FORK],
		NUMBERS / 3 + NUMBERS / 5 + NUMBERS / 7);
	/* What lacks, lacks because a batch was kept apart, and can be put in its own cut still. */
	for (unsigned i = 0; i < NUMBERS; i++) {
		(void)store_put(&writer, store_batch(1, 1, NORMAL, 1 + i, 1, "a"));
	}
	account = store_account(&writer, 1, 1, NORMAL);
	CU_ASSERT_EQUAL(account.received, NUMBERS);
	CU_ASSERT_EQUAL(account.missing, 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), NUMBERS);
	store_end(&writer);
}

#define SHARE 130

/* Every third batch of one origin each, as when it changes its gateway again and again. */
static struct yett_batch shares(unsigned process, unsigned number)
{
	return number < SHARE
		       ? store_batch(1, 1, NORMAL, 1 + 2 * (PROCESSES * number + process), 2, "a")
		       : none();
}

struct followed {
	uint64_t last;
	size_t count;
	bool in_order;
};

static int follow(void *arg, const struct yett_row *row)
{
	struct followed *followed = arg;

	followed->in_order = followed->in_order && row->id > followed->last;
	followed->last = row->id;
	followed->count++;
	return 0;
}

/* And somebody follows the ids meanwhile: none turns up behind him. */
static void shares_of_one_origin(void)
{
	struct yett_query query = {.size = sizeof(query), .limit = 50};
	struct followed followed = {.in_order = true};
	struct worker workers[PROCESSES];
	struct told told = {{0}, 0, 0};
	struct store reader;

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(2, 1, NORMAL, 1, 1, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		writer.operations->query(writer.self, &query, follow, &followed, &writer.error), 0);
	store_open(&reader, YETT_STORE_READER);
	for (unsigned i = 0; i < PROCESSES; i++) {
		workers[i] = begin_worker(i, shares);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		struct pollfd poller = {.fd = workers[i].pipe, .events = POLLIN};

		while (poll(&poller, 1, 0) == 0) {
			query.after_id = followed.last;
			CU_ASSERT_EQUAL(reader.operations->query(reader.self, &query, follow,
						&followed, &reader.error),
				0);
		}
		end_worker(&workers[i], &told);
	}
	query.after_id = followed.last;
	query.limit = 0;
	CU_ASSERT_EQUAL(
		reader.operations->query(reader.self, &query, follow, &followed, &reader.error), 0);
	CU_ASSERT_EQUAL(told.results[YETT_PUT_STORED], PROCESSES * SHARE);
	CU_ASSERT_EQUAL(followed.count, 1 + 2 * PROCESSES * SHARE);
	CU_ASSERT(followed.in_order);
	CU_ASSERT_EQUAL(store_account(&reader, 1, 1, NORMAL).received, 2 * PROCESSES * SHARE);
	CU_ASSERT_EQUAL(store_account(&reader, 1, 1, NORMAL).missing, 0);
	store_close(&reader);
	store_end(&writer);
}

#define NEWS 100

/* New origins, epochs and names in each, in another order by each. */
static struct yett_batch news(unsigned process, unsigned number)
{
	unsigned which = process % 2 == 0 ? number : NEWS - 1 - number;
	char tag[16];

	if (number >= NEWS) {
		return none();
	}
	snprintf(tag, sizeof(tag), "name.%u", which % 40);
	return store_batch(1 + which % 20, 1 + which / 20, which % 3, 1, 4, tag);
}

static void all_is_new(void)
{
	struct told told;

	store_begin(&writer);
	told = work_together(news);
	CU_ASSERT_EQUAL(told.results[YETT_PUT_STORED], NEWS);
	CU_ASSERT_EQUAL(told.results[YETT_PUT_DUPLICATE], (PROCESSES - 1) * NEWS);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 4 * NEWS);
	store_end(&writer);
}

static int read_number(void *arg, const char *key, const char *json, uint64_t revision)
{
	uint64_t *numbers = arg;

	(void)key;
	numbers[0] = strtoull(json + strlen("{\"n\":"), NULL, 10);
	numbers[1] = revision;
	return 0;
}

#define COUNTS 40

/* Reads, adds one, writes it if nobody else has meanwhile. */
static int count_up(struct store *store)
{
	for (int done = 0; done < COUNTS;) {
		uint64_t numbers[2] = {0, 0}, revision;
		struct yett_error error = {0};
		char json[64];
		int result = store->operations->registry_list(
			store->self, "t", "counter", read_number, numbers, &error);

		snprintf(json, sizeof(json), "{\"n\":%llu}", (unsigned long long)numbers[0] + 1);
		if (result == 0) {
			result = store->operations->begin(store->self, &error);
		}
		if (result == 0) {
			result = store->operations->registry_put(
				store->self, "t", "counter", json, numbers[1], &revision, &error);
		}
		if (result == 0) {
			result = store->operations->commit(store->self, &error);
		}
		if (result == 0) {
			done++;
			continue;
		}
		store->operations->rollback(store->self);
		if (result != YETT_EAGAIN && result != YETT_ECONFLICT) {
			return result;
		}
	}
	return 0;
}

static void compare_and_set(void)
{
	uint64_t numbers[2] = {0, 0};
	pid_t children[PROCESSES];

	store_begin(&writer);
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct store store;
			int result = store_try_open(&store, YETT_STORE_WRITER);

			if (result == 0) {
				result = count_up(&store);
				store_close(&store);
			}
			_exit(result == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = 1;

		CU_ASSERT_EQUAL(waitpid(children[i], &status, 0), children[i]);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_EQUAL(writer.operations->registry_list(
				writer.self, "t", "counter", read_number, numbers, &writer.error),
		0);
	CU_ASSERT_EQUAL(numbers[0], PROCESSES * COUNTS); /* no update was lost */
	store_end(&writer);
}

struct changes {
	size_t count;
	uint64_t last;
	char key[16], json[64];
};

static int see_change(
	void *arg, const char *table, const char *key, const char *json, uint64_t revision)
{
	struct changes *changes = arg;

	CU_ASSERT_STRING_EQUAL(table, "t");
	CU_ASSERT(revision > changes->last);
	changes->last = revision;
	changes->count++;
	snprintf(changes->key, sizeof(changes->key), "%s", key);
	snprintf(changes->json, sizeof(changes->json), "%s", json != NULL ? json : "(none)");
	return 0;
}

static void change(const char *key, const char *json)
{
	uint64_t revision;

	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->registry_put(writer.self, "t", key, json,
				YETT_REVISION_ANY, &revision, &writer.error),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
}

static int watch(struct store *reader, struct changes *changes, uint64_t timeout_ms)
{
	return reader->operations->watch(reader->self, changes->last, timeout_ms * 1000000,
		see_change, changes, &reader->error);
}

static void watching(void)
{
	struct changes changes = {0, 0, "", ""};
	struct store reader;
	pid_t child;
	int status;

	store_begin(&writer);
	if (writer.operations->watch == NULL) {
		store_end(&writer);
		return;
	}
	change("a", "{\"n\":1}");
	change("b", "{\"n\":1}");
	change("a", "{\"n\":2}");
	store_open(&reader, YETT_STORE_READER);
	/* At first all that there is, each document once; then what is new. */
	CU_ASSERT_EQUAL(watch(&reader, &changes, 1000), 0);
	CU_ASSERT_EQUAL(changes.count, 2);
	CU_ASSERT_STRING_EQUAL(changes.json, "{\"n\":2}");
	CU_ASSERT_EQUAL(watch(&reader, &changes, 1), 0);
	CU_ASSERT_EQUAL(changes.count, 2);
	change("b", NULL);
	CU_ASSERT_EQUAL(watch(&reader, &changes, 1000), 0);
	CU_ASSERT_EQUAL(changes.count, 3);
	CU_ASSERT_STRING_EQUAL(changes.key, "b");
	CU_ASSERT_STRING_EQUAL(changes.json, "(none)");
	/* Somebody else changes it while we wait: long before the time is over we know. */
	child = fork();
	if (child == 0) {
		struct store other;
		uint64_t revision;

		_exit(store_try_open(&other, YETT_STORE_WRITER) == 0 &&
					other.operations->begin(other.self, NULL) == 0 &&
					other.operations->registry_put(other.self, "t", "c",
						"{\"n\":3}", 0, &revision, NULL) == 0 &&
					other.operations->commit(other.self, NULL) == 0
				? 0
				: 1);
	}
	CU_ASSERT_EQUAL(watch(&reader, &changes, 30000), 0);
	CU_ASSERT_EQUAL(changes.count, 4);
	CU_ASSERT_STRING_EQUAL(changes.key, "c");
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	/* A registry that is older than what was seen of it. */
	changes.last += 1000;
	CU_ASSERT_EQUAL(watch(&reader, &changes, 1), YETT_ECONFLICT);
	store_close(&reader);
	store_end(&writer);
}

const CU_TestInfo store_together_tests[] = {
	{"the same batches", the_same},
	{"overlapping ranges", overlapping},
	{"shares of one origin", shares_of_one_origin},
	{"all is new", all_is_new},
	{"compare and set", compare_and_set},
	{"watching", watching},
	CU_TEST_INFO_NULL,
};
