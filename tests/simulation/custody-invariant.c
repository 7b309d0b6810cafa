/* What must hold in the end (custody-memory.c: what must hold at any time).
 *
 * Once faults have stopped: all are well, queues are empty, each node's bounds have been told. Then, for
 * every origin and each record that its agent said was durable: it is stored, once and as it was told; or it
 * is lost by name; never both. A loss is believed only where it can be: of a holder who drops in that lane,
 * or whose disk was damaged; inferred only where something went without a name, since a disk that had it was damaged or put
 * back, or since the store knew of it and was put back to a time before. For each lane of each epoch:
 * received and lost are all that was sent, and what is counted as stored is there. Dead letters are what
 * nobody could have read, all of it and nothing else.
 *
 * Excused is what nobody can know any more: what an agent told after the snapshot that it was put back
 * to, and what a store had accounted for before it was put back, and no longer after; and what concerns
 * nodes that a hostile relay may speak for. All others it may slander; they have to hold. */
#include "custody.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "flow/stages.h"

#define ROWS_MAX 1000000

struct key {
	struct yett_id origin;
	struct yett_epoch epoch;
	uint64_t lane, number;
};

struct books {
	struct run *run;
	GHashTable *rows;  /* struct key → body */
	GHashTable *items; /* body up to its noise */
	GArray *lost;      /* struct loss */
	GArray *accounts;  /* struct yett_account */
	GHashTable *dead;  /* struct key, its epoch by the ordinal alone */
};

void run_fail(struct run *run, const char *format, ...)
{
	va_list args;

	if (run->failed) {
		return;
	}
	run->failed = true;
	va_start(args, format);
	vsnprintf(run->why, sizeof(run->why), format, args);
	va_end(args);
}

static guint key_hash(gconstpointer data)
{
	const struct key *key = data;

	return (guint)(key->number * 31 + key->lane * 7 + key->epoch.random +
		       key->origin.bytes[0] * 1009u + key->origin.bytes[1]);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(struct key)) == 0;
}

/* All becomes well. */

/* What a queue still holds, lane by lane. */
static void describe_queue(const struct member *member)
{
	struct yett_queue_view view;

	yett_queue_view(member->at->node, &view);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		printf("  %s lane %u: %" PRIu64 " entries from %" PRIu64 ", next %" PRIu64
		       ", %" PRIu64 " wait\n",
			member->at->name, lane, view.stats.lanes[lane].entries,
			view.stats.lanes[lane].oldest_number, view.stats.lanes[lane].next_number,
			view.waiting);
	}
	for (guint i = 0; i < member->at->node->links->len; i++) {
		const struct yett_link *link = member->at->node->links->pdata[i];
		bool open = link->peer != NULL && link->peer->state == YETT_PEER_OPEN;

		printf("  to %s: state %u, %" PRIu64 " bytes in flight, credit", link->name,
			link->state, open ? yett_deliver_unsettled(link->peer) : 0);
		for (uint32_t lane = 0; lane < YETT_LANES && open; lane++) {
			printf(" %" PRIu64,
				(uint64_t)yett_wire_credit_left(link->peer->wire, lane));
		}
		printf("\n");
	}
}

/* NULL, or who is not well, and what is the matter. */
static const struct member *unwell(struct run *run, const char **ret_what)
{
	for (unsigned i = 0; i < run->count; i++) {
		const struct member *member = &run->all[i];
		const struct yett_node *node = member->at->node;
		struct yett_queue_view view;
		bool up = false;

		*ret_what = "it is not running";
		if (node == NULL) {
			return member;
		}
		*ret_what = "its store is not well";
		if (member->role == ROLE_SERVER) {
			if (!yett_store_healthy(node) || !yett_store_idle(node)) {
				return member;
			}
			continue;
		}
		for (guint j = 0; j < node->links->len; j++) {
			const struct yett_link *link = node->links->pdata[j];

			up = up || link->state == YETT_UPSTREAM_UP;
		}
		*ret_what = "no upstream is up";
		if (!up) {
			return member;
		}
		yett_queue_view(node, &view);
		*ret_what = "its queue is not empty";
		if ((world_queued(member->at) > 0 || view.waiting > 0) && !member->tainted) {
			return member;
		}
	}
	return NULL;
}

static void wait_until_well(struct run *run, const char *when)
{
	const struct member *who = NULL;
	const char *what = NULL;

	for (unsigned i = 0; i < 1250 && !run->failed; i++) {
		who = unwell(run, &what);
		if (who == NULL) {
			return;
		}
		/* Not in step with what a node does every second, such as reading its store. */
		world_run(run->world, YETT_SEC - 37 * YETT_MS);
		invariant_bounded(run);
	}
	if (!run->failed && who != NULL) {
		if (run->loud && who->at->node != NULL && who->role != ROLE_SERVER) {
			describe_queue(who);
		}
		run_fail(run, "%s: 20 minutes after the last fault %s is not well: %s", when,
			who->at->name, what);
	}
}

/* Each origin reports again: its older epochs are closed. */
static void begin_anew(struct run *run)
{
	for (unsigned i = run->servers; i < run->count; i++) {
		struct member *member = &run->all[i];

		if (one_in(run, 2)) {
			world_stop(member->at, 10 * YETT_SEC);
		}
		world_kill(member->at);
		if (one_in(run, 4)) {
			world_power(member->at, YETT_FAULTY_NOTHING);
		}
		group_start(run, member);
		if (member->at->node == NULL) {
			run_fail(run, "%s does not start again", member->at->name);
		}
	}
}

static int sum_missing(void *arg, const struct yett_account *account)
{
	*(uint64_t *)arg += account->missing;
	return 0;
}

static uint64_t missing(struct run *run)
{
	struct yett_error error = YETT_ERROR_INIT;
	uint64_t sum = 0;
	void *self;
	const struct yett_store_operations *store =
		yett_store_operations(run->all[0].at->node, &self);

	if (store->account(self, sum_missing, &sum, &error) < 0) {
		run_fail(run, "no account: %s", error.text);
	}
	return sum;
}

void invariant_settle(struct run *run)
{
	wait_until_well(run, "after the faults");
	if (run->failed) {
		return;
	}
	begin_anew(run);
	if (run->failed) {
		return;
	}
	wait_until_well(run, "after a new start");
	for (unsigned i = 0; i < 30 && !run->failed && missing(run) > 0; i++) {
		world_run(run->world, 2 * YETT_SEC);
	}
	world_run(run->world, 10 * YETT_SEC);
}

/* The books. */

/* What a node is said to have told is its own, and was told once. */
static void add_item(struct books *books, const struct member *origin, const char *body)
{
	size_t length = origin != NULL ? strlen(origin->at->name) : 0;

	if (origin == NULL || origin->tainted) {
		return;
	}
	if (strncmp(body, origin->at->name, length) != 0 || body[length] != ' ') {
		run_fail(books->run, "stored for %s: %s", origin->at->name, body);
	}
	if (!g_hash_table_add(books->items, g_strdup(body)) && !origin->damaged &&
		!feed_in_snapshot(books->run, body)) {
		run_fail(books->run, "told twice and stored twice: %s", body);
	}
}

static int add_row(void *arg, const struct yett_row *row)
{
	struct books *books = arg;
	struct key *key = g_new0(struct key, 1);
	char *body = g_strndup(row->record.body.bytes, row->record.body.length);
	char *noise = strrchr(body, ' ');

	*key = (struct key){row->origin, row->epoch, row->lane, row->number};
	if (noise != NULL) {
		noise[1] = '\0';
	}
	if (!g_hash_table_insert(books->rows, key, body)) {
		run_fail(books->run, "stored twice: %s (number %" PRIu64 ")", body, row->number);
	}
	add_item(books, group_of(books->run, &row->origin), body);
	return 0;
}

static int add_loss(void *arg, const struct yett_notice *notice)
{
	struct books *books = arg;
	struct loss loss = {
		.numbers = {notice->range.origin, notice->range.epoch, notice->range.lane,
			notice->range.first, notice->range.first + notice->range.count},
		.holder = notice->holder,
		.cause = notice->cause,
	};

	if (yett_id_is_zero(&loss.holder)) {
		run_fail(books->run, "a loss without a holder");
	}
	g_array_append_val(books->lost, loss);
	return 0;
}

static int add_account(void *arg, const struct yett_account *account)
{
	struct books *books = arg;

	g_array_append_val(books->accounts, *account);
	return 0;
}

static bool was_spoiled(
	const struct run *run, const struct member *agent, const struct yett_dead_letter *letter)
{
	for (guint i = 0; i < run->ledger->len; i++) {
		const struct telling *telling = run->ledger->pdata[i];

		if (telling->poison && telling->agent == agent &&
			telling->epoch.ordinal == letter->epoch && telling->lane == letter->lane &&
			telling->first == letter->first && telling->count == letter->count) {
			return true;
		}
	}
	return false;
}

/* What a hostile relay has sent in the name of those that it may speak for, and, put aside in no epoch, in
 * that of the server itself. */
static bool is_forged(
	const struct run *run, const struct member *origin, const struct yett_dead_letter *letter)
{
	return origin->tainted ||
	       (run->hostile && origin->role == ROLE_SERVER && letter->epoch == 0);
}

static int add_dead(void *arg, const struct yett_dead_letter *letter)
{
	struct books *books = arg;
	struct run *run = books->run;
	const struct member *origin;
	struct yett_id id;

	YETT_REQUIRE(yett_id_parse(letter->origin, &id) == 0);
	origin = group_of(run, &id);
	if (origin == NULL ||
		(!is_forged(run, origin, letter) && !was_spoiled(run, origin, letter))) {
		run_fail(run, "a dead letter of %s that nobody has spoiled: %s",
			origin != NULL ? origin->at->name : "a stranger", letter->cause);
	}
	for (uint64_t i = 0; i < letter->count; i++) {
		struct key key = {id, {letter->epoch, 0}, letter->lane, letter->first + i};

		g_hash_table_add(books->dead, g_memdup2(&key, sizeof(key)));
	}
	return 0;
}

static void read_books(struct books *books)
{
	struct run *run = books->run;
	struct yett_error error = YETT_ERROR_INIT;
	struct yett_query query = {.size = sizeof(query), .limit = ROWS_MAX};
	void *self;
	const struct yett_store_operations *store =
		yett_store_operations(run->all[run->servers - 1].at->node, &self);
	int result = store->account(self, add_account, books, &error);

	if (result == 0) {
		result = store->losses(self, add_loss, books, &error);
	}
	if (result == 0) {
		result = store->dead_letters(self, 0, ROWS_MAX, add_dead, books, &error);
	}
	query.name = "custody.event";
	if (result == 0) {
		result = store->query(self, &query, add_row, books, &error);
	}
	if (result != 0) {
		run_fail(run, "the store cannot be read: %s", error.text);
	}
}

static const struct loss *loss_of(const struct books *books, const struct numbers *number)
{
	for (guint i = 0; i < books->lost->len; i++) {
		const struct loss *loss = &g_array_index(books->lost, struct loss, i);

		if (numbers_are_among(number, &loss->numbers)) {
			return loss;
		}
	}
	return NULL;
}

static const struct yett_account *account_of(const struct books *books, const struct key *key)
{
	for (guint i = 0; i < books->accounts->len; i++) {
		const struct yett_account *account =
			&g_array_index(books->accounts, struct yett_account, i);

		if (account->lane == key->lane &&
			memcmp(&key->epoch, &account->epoch, sizeof(key->epoch)) == 0 &&
			memcmp(&key->origin, &account->origin, sizeof(key->origin)) == 0) {
			return account;
		}
	}
	return NULL;
}

/* Nobody knows any more that an agent told it, or that it was lost. */
static bool is_forgotten(const struct run *run, const struct telling *telling,
	const struct yett_account *account, const struct numbers *number)
{
	if ((telling->excused || telling->agent->damaged) &&
		(account == NULL || number->first > account->highest ||
			start_is_forgotten(run, telling->agent, &telling->epoch))) {
		return true;
	}
	if ((account == NULL || number->first > account->highest) &&
		loss_may_vanish(run, telling->agent, telling) &&
		end_is_unwritten(telling->agent, &telling->epoch)) {
		return true;
	}
	return undone_among(run->undone, number) > 0 ||
	       (undone_among(run->undone_all, number) > 0 &&
		       loss_may_vanish(run, telling->agent, telling));
}

/* What the store forgot is lost; who says so first is the store, or a relay that lies and is right for once. */
static bool is_undone_loss(
	const struct run *run, const struct loss *lost, const struct numbers *number)
{
	const struct member *holder = group_of(run, &lost->holder);

	return (lost->cause == YETT_GAP_INFERRED || (holder != NULL && holder->hostile)) &&
	       undone_among(run->undone, number) > 0;
}

static void check_number(struct books *books, const struct telling *telling, uint32_t at)
{
	struct run *run = books->run;
	struct key key = {telling->agent->id, telling->epoch, telling->lane, telling->first + at};
	struct key letter = {key.origin, {key.epoch.ordinal, 0}, key.lane, key.number};
	struct numbers number = {key.origin, key.epoch, key.lane, key.number, key.number + 1};
	const char *found = g_hash_table_lookup(books->rows, &key), *why = NULL;
	bool dead = telling->poison && g_hash_table_contains(books->dead, &letter);
	const struct yett_account *account = account_of(books, &key);
	const struct loss *lost = loss_of(books, &number);
	char body[128];

	feed_body(telling, at, body, sizeof(body));
	if (found != NULL && strcmp(found, body) != 0) {
		run_fail(run, "stored under the number of \"%s\": \"%s\"", body, found);
	} else if ((found != NULL || dead) && lost != NULL) {
		run_fail(run, "stored, and said to be lost: %s", body);
	}
	if (!telling->durable || found != NULL || dead) {
		return;
	}
	if (lost != NULL && !is_undone_loss(run, lost, &number)) {
		why = loss_doubt(run, lost, telling->agent, telling);
	}
	if (lost != NULL ? why == NULL : is_forgotten(run, telling, account, &number)) {
		return;
	}
	run_fail(run,
		"%s%s, and it was durable: %s (epoch %" PRIu64 " lane %u number %" PRIu64
		", of %" PRIu64 " known)",
		lost != NULL ? "lost " : "neither stored nor lost", lost != NULL ? why : "", body,
		telling->epoch.ordinal, telling->lane, key.number,
		account != NULL ? account->highest : 0);
}

static uint64_t rows_of(const struct books *books, const struct yett_account *account)
{
	GHashTableIter iter;
	gpointer at;
	uint64_t rows = 0;

	g_hash_table_iter_init(&iter, books->rows);
	while (g_hash_table_iter_next(&iter, &at, NULL)) {
		const struct key *key = at;

		rows += key->lane == account->lane &&
			memcmp(&key->epoch, &account->epoch, sizeof(key->epoch)) == 0 &&
			memcmp(&key->origin, &account->origin, sizeof(key->origin)) == 0;
	}
	return rows;
}

/* Numbers that were given, and whose batch a failing disk never took: they may be said to be lost. What
 * they stood for is told again, under others. */
static uint64_t never_durable(const struct run *run, const struct yett_account *account)
{
	uint64_t count = 0;

	for (guint i = 0; i < run->ledger->len; i++) {
		const struct telling *telling = run->ledger->pdata[i];

		if (!telling->durable && telling->lane == account->lane &&
			memcmp(&telling->epoch, &account->epoch, sizeof(account->epoch)) == 0 &&
			memcmp(&telling->agent->id, &account->origin, sizeof(account->origin)) ==
				0) {
			count += telling->count;
		}
	}
	return count;
}

/* How many of an account's numbers are lost, and cannot be; why one of them cannot. */
static uint64_t doubted(const struct books *books, const struct numbers *all,
	const struct member *origin, uint64_t *ret_lost, const char **ret_why)
{
	uint64_t sum = 0;

	*ret_lost = 0;
	for (guint i = 0; i < books->lost->len; i++) {
		const struct loss *loss = &g_array_index(books->lost, struct loss, i);
		const struct member *holder = group_of(books->run, &loss->holder);
		uint64_t count = loss->numbers.next - loss->numbers.first;
		const char *why;

		if (!numbers_are_among(&loss->numbers, all)) {
			continue;
		}
		*ret_lost += count;
		/* What was told is looked at number by number. */
		why = holder != NULL && holder->hostile
			      ? NULL
			      : loss_doubt(books->run, loss, origin, NULL);
		if (why != NULL && loss->cause == YETT_GAP_INFERRED) {
			count -= undone_among(books->run->undone, &loss->numbers);
		}
		if (why != NULL && count > 0) {
			sum += count;
			*ret_why = why;
		}
	}
	return sum;
}

static void check_losses(
	struct books *books, const struct yett_account *account, const struct member *member)
{
	struct run *run = books->run;
	struct numbers all = {
		account->origin, account->epoch, account->lane, 1, account->highest + 1};
	const char *why = "";
	uint64_t listed, wrong = doubted(books, &all, member, &listed, &why);
	uint64_t forgotten =
		start_is_forgotten(run, member, &account->epoch) ? account->missing : 0;

	if (listed != account->declared + account->inferred) {
		run_fail(run,
			"%s epoch %" PRIu64 " lane %u: %" PRIu64 " lost, and %" PRIu64
			" by the list",
			member->at->name, account->epoch.ordinal, account->lane,
			account->declared + account->inferred, listed);
	}
	if (wrong > never_durable(run, account)) {
		run_fail(run, "%s epoch %" PRIu64 " lane %u: %" PRIu64 " lost %s", member->at->name,
			account->epoch.ordinal, account->lane, wrong, why);
	}
	if (account->missing > undone_among(run->undone_all, &all) + forgotten) {
		run_fail(run, "%s epoch %" PRIu64 " lane %u: %" PRIu64 " are still missing",
			member->at->name, account->epoch.ordinal, account->lane, account->missing);
	}
}

static void check_account(struct books *books, const struct yett_account *account)
{
	struct run *run = books->run;
	const struct member *member = group_of(run, &account->origin);
	uint64_t lost = account->declared + account->inferred;

	if (member == NULL) {
		run_fail(run, "an account of nobody who is here");
		return;
	}
	if (member->tainted) {
		return;
	}
	if (account->received + lost + account->missing != account->highest) {
		run_fail(run,
			"%s epoch %" PRIu64 " lane %u: received %" PRIu64 ", lost %" PRIu64
			", missing %" PRIu64 ", of %" PRIu64,
			member->at->name, account->epoch.ordinal, account->lane, account->received,
			lost, account->missing, account->highest);
	}
	if (account->twice > 0 || account->forks > 0) {
		run_fail(run, "%s: %" PRIu64 " stored twice, %" PRIu64 " forks", member->at->name,
			account->twice, account->forks);
	}
	check_losses(books, account, member);
	if (member->role == ROLE_AGENT && rows_of(books, account) != account->events) {
		run_fail(run,
			"%s epoch %" PRIu64 " lane %u: %" PRIu64 " records are counted, %" PRIu64
			" are there",
			member->at->name, account->epoch.ordinal, account->lane, account->events,
			rows_of(books, account));
	}
}

static void check_generation(struct run *run)
{
	uint64_t generation;

	yett_store_id(run->all[0].at->node, &generation);
	if (run->stores_restored > 0 && run->store_generation > 0 && !run->store_disk_fails &&
		generation <= run->store_generation) {
		run_fail(run, "the store was put back, and its generation is still %" PRIu64,
			generation);
	}
}

void invariant_check(struct run *run)
{
	struct books books = {
		.run = run,
		.rows = g_hash_table_new_full(key_hash, key_equal, g_free, g_free),
		.items = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.lost = g_array_new(FALSE, FALSE, sizeof(struct loss)),
		.accounts = g_array_new(FALSE, FALSE, sizeof(struct yett_account)),
		.dead = g_hash_table_new_full(key_hash, key_equal, g_free, NULL),
	};

	read_books(&books);
	for (guint i = 0; i < run->ledger->len && !run->failed; i++) {
		const struct telling *telling = run->ledger->pdata[i];

		for (uint32_t at = 0; at < telling->count && !telling->agent->tainted; at++) {
			check_number(&books, telling, at);
		}
	}
	for (guint i = 0; i < books.accounts->len && !run->failed; i++) {
		check_account(&books, &g_array_index(books.accounts, struct yett_account, i));
	}
	check_generation(run);
	g_hash_table_unref(books.rows);
	g_hash_table_unref(books.items);
	g_hash_table_unref(books.dead);
	g_array_free(books.lost, TRUE);
	g_array_free(books.accounts, TRUE);
}
