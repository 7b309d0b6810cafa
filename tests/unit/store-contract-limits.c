/* The contract of a store's limits on what is open of an origin: they hold, and nobody is refused for ever. */
#include <stdio.h>

#include "store-contract.h"

#define NORMAL  YETT_LANE_NORMAL
#define URGENT  YETT_LANE_URGENT
#define SECOND  INT64_C(1000000000)
#define AT_ONCE 500

/* Folded runs of one lane, as both stores have them (YETT_…_RUNS_MAX). */
#define RUNS_MAX 16384
/* Ranges of one lane that are declared lost apart from each other (YETT_…_GAPS_MAX). */
#define GAPS_MAX 16384

static struct store writer;

static void put_all(struct yett_put *puts, size_t count)
{
	CU_ASSERT_EQUAL_FATAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, count, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
}

static int put_after(int64_t seconds, struct yett_batch batch)
{
	struct yett_put put = {
		.size = sizeof(put), .batch = &batch, .received_ns = 1000 + seconds * SECOND};

	put_all(&put, 1);
	store_batch_free(&batch);
	return put.ret_result;
}

/* Numbers 3 and 4 of each of as many starts as may be open, one a second. */
static void open_all(void)
{
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(put_after((int64_t)epoch, store_batch(1, epoch, NORMAL, 3, 2, "a")),
			YETT_PUT_STORED);
	}
}

/* Each of them finds another one that gives way, also in one call; for one too many there is none. */
static void many_starts_at_once(void)
{
	enum { COUNT = YETT_EPOCHS_OPEN_MAX + 1 };
	struct yett_batch batches[COUNT];
	struct yett_put puts[COUNT];

	store_begin(&writer);
	open_all();
	for (unsigned i = 0; i < COUNT; i++) {
		batches[i] = store_batch(1, 65 + i, NORMAL, 1, 2, "a");
		puts[i] = (struct yett_put){.size = sizeof(puts[i]),
			.batch = &batches[i],
			.received_ns = 7200 * SECOND};
	}
	put_all(puts, 4);
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t missing = store_account(&writer, 1, 1 + i, NORMAL).missing;

		CU_ASSERT_EQUAL(missing, i >= 4 && i < YETT_EPOCHS_OPEN_MAX ? 2 : 0);
	}
	put_all(puts, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL(puts[i].ret_result, i < 4           ? YETT_PUT_DUPLICATE
						    : i < COUNT - 1 ? YETT_PUT_STORED
								    : YETT_PUT_LATER);
		store_batch_free(&batches[i]);
	}
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).missing, 0);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).inferred, 2);
	}
	store_end(&writer);
}

/* One whose origin said that it holds more of it, and does not send it, stays given up: it is not the one
 * that gives way again and again. */
static void one_that_is_given_up_stays_so(void)
{
	struct yett_notice held = store_bounds(1, 1, NORMAL, 5, 100, true);

	store_begin(&writer);
	open_all();
	CU_ASSERT_EQUAL(put_after(100, store_notices(1, 64, 1, &held, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 95);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 65, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, 97);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 66, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 1, NORMAL, 5, 10, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 12);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, 87);
	store_end(&writer);
}

static int put_of(uint64_t epoch, uint64_t first)
{
	return store_put(&writer, store_batch(1, epoch, NORMAL, first, 2, "a"));
}

/* One older than all that are open, of which none is quiet, and then a newer one: refused for an hour, then
 * taken for all that there is of it. They are never open, and what comes of them counts, once. */
static void nobody_is_refused_for_ever(void)
{
	struct yett_notice closed = store_bounds(1, 64, NORMAL, 5, 5, true);

	store_begin(&writer);
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(put_of(epoch, 3), YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(put_of(0, 3), YETT_PUT_LATER);
	store_world.monotonic_shift_ns += 1800 * SECOND;
	CU_ASSERT_EQUAL(put_of(0, 3), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 0, NORMAL).size, 0);
	store_world.monotonic_shift_ns += 1801 * SECOND;
	CU_ASSERT_EQUAL(put_of(0, 3), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 0, NORMAL).received, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 0, NORMAL).inferred, 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 0, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(put_of(0, 3), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put_of(0, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(0, 7), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 0, NORMAL).inferred, 2);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 0, URGENT, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(65, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 65, NORMAL).missing, 0);
	/* Another origin has its own time; and this one a new hour, once nothing was refused for so long. */
	for (uint64_t epoch = 1; epoch <= YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(store_put(&writer, store_batch(2, epoch, NORMAL, 1, 2, "a")),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(2, 65, NORMAL, 1, 2, "a")), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 64, 1, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(64, 1), YETT_PUT_STORED);
	store_world.monotonic_shift_ns += 3601 * SECOND;
	CU_ASSERT_EQUAL(put_of(66, 1), YETT_PUT_LATER); /* the notice opened a lane of its own */
	closed = store_bounds(1, 63, NORMAL, 5, 5, true);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 64, 2, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(66, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(67, 1), YETT_PUT_LATER);
	store_end(&writer);
}

/* As many as may be open, and an hour for which one more of them was refused. */
static void refuse_for_an_hour(uint64_t epoch)
{
	for (uint64_t open = 1; open <= YETT_EPOCHS_OPEN_MAX; open++) {
		CU_ASSERT_EQUAL(put_of(open, 3), YETT_PUT_STORED);
	}
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(put_of(epoch, 1), YETT_PUT_LATER);
		store_world.monotonic_shift_ns += 1801 * SECOND;
	}
}

/* Of one that is taken beyond the limit, and goes on, another content is told from the same, as of those that
 * are open: among the newest, until it is over. */
static void forks_beyond_the_limit(void)
{
	struct yett_notice closed = store_bounds(1, 65, NORMAL, 2405, 2405, true);

	store_begin(&writer);
	refuse_for_an_hour(65);
	CU_ASSERT_EQUAL(put_of(65, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(65, 3), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 65, NORMAL, 1, 2, "b")), YETT_PUT_FORK);
	CU_ASSERT_EQUAL(put_of(65, 1), YETT_PUT_DUPLICATE);
	for (uint64_t first = 5; first < 2405; first += 2) {
		CU_ASSERT_EQUAL(put_of(65, first), YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 65, NORMAL, 2001, 2, "b")), YETT_PUT_FORK);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 65, NORMAL, 3, 2, "b")), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 65, NORMAL).received, 2404);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 65, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 64, 1, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch(1, 65, NORMAL, 2401, 2, "b")), YETT_PUT_DUPLICATE);
	store_end(&writer);
}

/* What makes a start complete before anything of it came: the first number is lost, and there is no other. */
static void declare_all_lost(uint64_t epoch)
{
	struct yett_notice notices[] = {store_bounds(1, epoch, NORMAL, 1, 2, true),
		store_gap((unsigned)epoch, 1, epoch, NORMAL, 1, 1)};

	CU_ASSERT_EQUAL(
		store_put(&writer, store_notices(1, 1, 2 * epoch, notices, 2)), YETT_PUT_STORED);
}

/* One that was complete, and of which something lacks again, is open again where one more may be. Else it stays
 * complete, and what lacks is lost, unless it comes after all. */
static void none_opens_again_beyond_the_limit(void)
{
	struct yett_notice further = store_bounds(1, 66, NORMAL, 1, 10, true);
	struct yett_notice closed = store_bounds(1, 2, NORMAL, 5, 5, true);

	store_begin(&writer);
	for (uint64_t epoch = 1; epoch < YETT_EPOCHS_OPEN_MAX; epoch++) {
		CU_ASSERT_EQUAL(put_of(epoch, 3), YETT_PUT_STORED);
	}
	for (uint64_t epoch = 64; epoch <= 66; epoch++) {
		declare_all_lost(epoch);
		CU_ASSERT_EQUAL(put_of(epoch, 3), YETT_PUT_STORED);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).declared, 1);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).received, 2);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).missing, epoch == 64);
		CU_ASSERT_EQUAL(store_account(&writer, 1, epoch, NORMAL).inferred, epoch > 64);
	}
	/* Other lanes of one that is open may be open, too, but not those of one that is not. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 64, URGENT, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 65, URGENT, 1, 2, "a")), YETT_PUT_LATER);
	/* What lacked counts; and whatever their origin says of them, they are not open. */
	CU_ASSERT_EQUAL(store_put(&writer, store_batch(1, 65, NORMAL, 2, 1, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 65, NORMAL).inferred, 0);
	CU_ASSERT_EQUAL(put_of(65, 6), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 65, NORMAL).inferred, 1);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 1, 1, &further, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 66, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 66, NORMAL).inferred, 6);
	CU_ASSERT_EQUAL(put_of(67, 1), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 1, 3, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(67, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_of(68, 1), YETT_PUT_LATER);
	store_end(&writer);
}

/* Many at once that become so: as many are open again as may be. */
static void many_open_again_at_once(void)
{
	enum { COUNT = YETT_EPOCHS_OPEN_MAX + 10 };
	struct yett_batch batches[COUNT];
	struct yett_put puts[COUNT];
	unsigned open = 0;

	store_begin(&writer);
	for (unsigned i = 0; i < COUNT; i++) {
		declare_all_lost(2 + i);
		batches[i] = store_batch(1, 2 + i, NORMAL, 3, 1, "a");
		puts[i] = (struct yett_put){.size = sizeof(puts[i]), .batch = &batches[i]};
	}
	put_all(puts, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		struct yett_account account = store_account(&writer, 1, 2 + i, NORMAL);

		CU_ASSERT_EQUAL(puts[i].ret_result, YETT_PUT_STORED);
		CU_ASSERT_EQUAL(account.missing + account.inferred, 1);
		open += account.missing > 0;
		store_batch_free(&batches[i]);
	}
	CU_ASSERT_EQUAL(open, YETT_EPOCHS_OPEN_MAX - 1); /* the notices' own is the other one */
	store_end(&writer);
}

/* Where more are open than may be, whatever brought that about, each lane of theirs is taken, none but theirs,
 * and a newer one for one that is quiet. */
static void more_are_open_than_may_be(void)
{
	struct yett_notice told[3 * YETT_EPOCHS_OPEN_MAX];
	unsigned count = 0;

	store_begin(&writer);
	for (unsigned epoch = 1; epoch <= 3 * YETT_EPOCHS_OPEN_MAX; epoch++) {
		told[count++] = store_bounds(1, epoch, NORMAL, 1, 10, false);
	}
	CU_ASSERT_EQUAL(put_after(0, store_notices(1, 1, 1, told, count)), YETT_PUT_STORED);
	store_sql("UPDATE epoch SET state = 1");
	CU_ASSERT_EQUAL(put_after(10, store_batch(1, count, URGENT, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(
		put_after(10, store_batch(1, count + 1, URGENT, 1, 2, "a")), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 2, URGENT, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 300, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_after(7200, store_batch(1, 301, NORMAL, 1, 2, "a")), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, 9);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 2, NORMAL).missing, 9);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 3, NORMAL).inferred, 9);
	store_end(&writer);
}

static int put_a(uint64_t first)
{
	return store_put(&writer, store_batch(1, 1, NORMAL, first, 1, "a"));
}

/* Batches of one record each, whose numbers are as far apart as `step` says. How many were stored. */
static unsigned put_row(uint64_t first, unsigned count, unsigned step)
{
	struct yett_batch batches[AT_ONCE];
	struct yett_put puts[AT_ONCE];
	unsigned stored = 0;

	for (unsigned done = 0; done < count;) {
		unsigned n = 0;

		for (; n < AT_ONCE && done + n < count; n++) {
			batches[n] = store_batch(1, 1, NORMAL, first, 1, "a");
			puts[n] = (struct yett_put){.size = sizeof(puts[n]), .batch = &batches[n]};
			first += step;
		}
		put_all(puts, n);
		for (unsigned i = 0; i < n; i++) {
			stored += puts[i].ret_result == YETT_PUT_STORED;
			store_batch_free(&batches[i]);
		}
		done += n;
	}
	return stored;
}

/* Numbers of which every second one never comes, and nobody says why: after an hour the others do not wait
 * for them any more. They still count if they come. */
static void holes_that_nobody_fills(void)
{
	uint64_t first = 2 * YETT_PIECES_MAX + 2;

	store_begin(&writer);
	CU_ASSERT_EQUAL(put_row(2, YETT_PIECES_MAX, 2), YETT_PIECES_MAX);
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_LATER);
	store_world.monotonic_shift_ns += 3000 * SECOND;
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_LATER);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, YETT_PIECES_MAX);
	store_world.monotonic_shift_ns += 601 * SECOND;
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, YETT_PIECES_MAX);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 1);
	CU_ASSERT_EQUAL(put_a(1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_a(first - 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_a(2), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).inferred, YETT_PIECES_MAX - 1);
	/* Whoever goes on like that does not hold up anybody again. */
	CU_ASSERT_EQUAL(put_row(first + 2, 3 * YETT_PIECES_MAX, 2), 3 * YETT_PIECES_MAX);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 4 * YETT_PIECES_MAX + 3);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 4 * YETT_PIECES_MAX + 3);
	store_end(&writer);
}

static int remember_id(void *arg, const struct yett_dead_letter *letter)
{
	*(uint64_t *)arg = letter->id;
	return 0;
}

static int replay_the_letter(void)
{
	uint64_t id = 0, revision;
	char key[32];
	int result;

	CU_ASSERT_EQUAL(
		writer.operations->dead_letters(writer.self, 0, 1, remember_id, &id, &writer.error),
		0);
	snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	result = writer.operations->registry_put(writer.self, YETT_TABLE_REPLAY, key, YETT_REPLAY,
		YETT_REVISION_ANY, &revision, &writer.error);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	return result;
}

/* As many holes as are kept apart, all of them declared, of a start that is over: what comes behind the last
 * of them joins it, however much that is. What leaves more of them is refused for an hour, and then kept as it
 * came; it can be replayed. */
static void as_many_holes_as_there_may_be(void)
{
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 1, 100000);
	struct yett_notice closed = store_bounds(1, 1, NORMAL, 100001, 100001, true);
	uint64_t first = 2 * RUNS_MAX + 1, received;

	store_begin(&writer);
	CU_ASSERT_EQUAL(
		store_put_for_others(&writer, store_notices(2, 1, 1, &gap, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_row(2, RUNS_MAX, 2), RUNS_MAX);
	CU_ASSERT_EQUAL(put_row(first, 2 * YETT_PIECES_MAX, 1), 2 * YETT_PIECES_MAX);
	first += 2 * YETT_PIECES_MAX + 1;
	CU_ASSERT_EQUAL(put_row(first, YETT_PIECES_MAX + 1, 2), YETT_PIECES_MAX);
	first += 2 * YETT_PIECES_MAX;
	store_world.monotonic_shift_ns += 3000 * SECOND;
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_LATER);
	store_world.monotonic_shift_ns += 601 * SECOND;
	received = store_account(&writer, 1, 1, NORMAL).received;
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put_a(first - 2), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(put_a(2), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, received);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 1);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), received);
	CU_ASSERT_EQUAL(replay_the_letter(), 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, received + 1);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), received + 1);
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_DUPLICATE);
	/* One that cannot be decoded takes its numbers, too, and stays a dead letter. */
	CU_ASSERT_EQUAL(
		store_put(&writer, store_batch_broken(1, 1, NORMAL, first + 2, 1)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, received + 1);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(replay_the_letter(), YETT_EINVAL);
		CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, received + 2);
		CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).dead, 1);
	}
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), received + 1);
	CU_ASSERT_EQUAL(put_a(first + 2), YETT_PUT_FORK);
	store_end(&writer);
}

/* As many ranges as are kept apart, of two numbers each with one between them. */
static void declare_all(void)
{
	enum { BATCH = GAPS_MAX / 16 };
	struct yett_notice gaps[BATCH];

	for (unsigned first = 0; first < GAPS_MAX; first += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			gaps[i] = store_gap(first + i, 1, 1, NORMAL, 1 + 3 * (first + i), 2);
		}
		CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1 + first, gaps, BATCH)),
			YETT_PUT_STORED);
	}
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2 * GAPS_MAX);
}

static int put_gap(uint64_t number, unsigned identity, uint64_t epoch, uint64_t first)
{
	struct yett_notice gap = store_gap(identity, 1, epoch, NORMAL, first, 1);

	return store_put(&writer, store_notices(1, 3, number, &gap, 1));
}

/* As many losses as are kept apart of one start: what leaves more of them is kept as it came, with all that
 * stands beside it, and holds up nothing. What joins them is taken, what is told again changes nothing, and the
 * start can end. Once there is room it can be replayed. */
static void as_many_gaps_as_there_may_be(void)
{
	uint64_t top = 3 * GAPS_MAX;
	struct yett_notice beyond[] = {store_gap(20001, 1, 5, NORMAL, 1, 4),
		store_gap(20002, 1, 1, NORMAL, top + 10, 1),
		store_bounds(1, 6, NORMAL, 5, 9, true)};
	struct yett_notice closed = store_bounds(1, 1, NORMAL, top + 20, top + 20, true);

	store_begin(&writer);
	declare_all();
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 3, 1, beyond, 3)), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 3, 1, beyond, 3)), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2 * GAPS_MAX);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).highest, top - 1);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 5, NORMAL).size, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 6, NORMAL).size, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 3, URGENT).dead, 3);
	CU_ASSERT_EQUAL(put_gap(4, 7, 1, 22), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_gap(5, 20005, 7, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2 * GAPS_MAX);
	CU_ASSERT_EQUAL(put_gap(6, 20006, 1, 3), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2 * GAPS_MAX + 1);
	replay_the_letter();
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2 * GAPS_MAX + 2);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 5, NORMAL).declared, 4);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 3, URGENT).dead, 0);
	CU_ASSERT_EQUAL(put_gap(7, 20007, 1, top + 12), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 3, 8, &closed, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).missing, 0);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2 * GAPS_MAX + 2);
	CU_ASSERT_EQUAL(
		store_account(&writer, 1, 1, NORMAL).inferred, top + 19 - (2 * GAPS_MAX + 2));
	store_end(&writer);
}

/* A number between each two of so many is declared lost, from `first` on. */
static void declare_every_second(uint64_t first, unsigned count)
{
	struct yett_notice gaps[AT_ONCE];

	for (unsigned done = 0; done < count; done += AT_ONCE) {
		for (unsigned i = 0; i < AT_ONCE; i++) {
			gaps[i] = store_gap(10 + done + i, 1, 1, NORMAL, first, 1);
			first += 2;
		}
		CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 10 + done, gaps, AT_ONCE)),
			YETT_PUT_STORED);
	}
}

/* As many holes as are kept apart, and then every number is the first that is missing: what ends a wait is
 * taken beyond the limit, but not without end. */
static void holes_in_good_order(void)
{
	struct yett_notice told[] = {store_gap(1, 1, 1, NORMAL, 1, 2 * RUNS_MAX),
		store_bounds(1, 1, NORMAL, 1, UINT64_C(1) << 40, false)};
	uint64_t first = 2 * RUNS_MAX + 1;

	store_begin(&writer);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 2, 1, told, 2)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(put_row(2, RUNS_MAX, 2), RUNS_MAX);
	CU_ASSERT_EQUAL(put_row(first, 2 * YETT_PIECES_MAX, 1), 2 * YETT_PIECES_MAX);
	first += 2 * YETT_PIECES_MAX;
	declare_every_second(first, 6 * AT_ONCE);
	CU_ASSERT_EQUAL(put_row(first + 1, 6 * AT_ONCE, 2), 2 * YETT_PIECES_MAX);
	first += 4 * YETT_PIECES_MAX + 1;
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(put_a(first), YETT_PUT_LATER);
		store_world.monotonic_shift_ns += 1801 * SECOND;
	}
	CU_ASSERT_EQUAL(put_a(first), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(put_a(first - 2), YETT_PUT_DUPLICATE);
	store_end(&writer);
}

/* What makes room comes between two of which the first had none, in one call. */
TEST(room_is_made_between)
{
	uint64_t first = 2 * YETT_PIECES_MAX + 2;
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 1, first);
	struct yett_batch batches[] = {store_batch(1, 1, NORMAL, first, 1, "a"),
		store_batch(1, 1, NORMAL, first + 2, 1, "a"), store_notices(1, 2, 1, &gap, 1),
		store_batch(1, 1, NORMAL, first, 1, "a")};
	struct yett_put puts[4];

	CU_ASSERT_EQUAL(put_row(2, YETT_PIECES_MAX, 2), YETT_PIECES_MAX);
	for (unsigned i = 0; i < 4; i++) {
		puts[i] = (struct yett_put){.size = sizeof(puts[i]), .batch = &batches[i]};
	}
	put_all(puts, 4);
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(puts[i].ret_result, i < 2 ? YETT_PUT_LATER : YETT_PUT_STORED);
		store_batch_free(&batches[i]);
	}
}

const CU_TestInfo store_limits_tests[] = {
	{"many starts at once", many_starts_at_once},
	{"one that is given up stays so", one_that_is_given_up_stays_so},
	{"nobody is refused for ever", nobody_is_refused_for_ever},
	{"forks beyond the limit", forks_beyond_the_limit},
	{"none opens again beyond the limit", none_opens_again_beyond_the_limit},
	{"many open again at once", many_open_again_at_once},
	{"more are open than may be", more_are_open_than_may_be},
	{"holes that nobody fills", holes_that_nobody_fills},
	{"as many holes as there may be", as_many_holes_as_there_may_be},
	{"as many gaps as there may be", as_many_gaps_as_there_may_be},
	{"room is made between", room_is_made_between},
	CU_TEST_INFO_NULL,
};

/* For PostgreSQL it holds as well, and takes a minute there. */
const CU_TestInfo store_many_holes_tests[] = {
	{"holes in good order", holes_in_good_order},
	CU_TEST_INFO_NULL,
};
