/* The account of each (origin, epoch, lane), and the list of what is lost. Both are read in one
 * snapshot, so that the sums belong together. The figures of a complete epoch stand in its row;
 * those of the others are counted from its pieces and gaps.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define ACCOUNT_SQL                                                                                \
	"SELECT " YETT_SQLITE_EPOCH_COLUMNS ", origin.uuid, origin.name FROM epoch "               \
	"JOIN origin ON origin.id = epoch.origin ORDER BY epoch.id"

typedef int (*each_fn)(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	const struct yett_id *origin, const char *name, void *arg, struct yett_error *error);

/* A snapshot, unless a transaction gives one already: then `*ret_ours` is false. */
static int snapshot(struct yett_sqlite *store, bool *ret_ours, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int result = yett_sqlite_ready(store, error);

	*ret_ours = false;
	if (result < 0) {
		return result;
	}
	if (store->in_transaction) {
		return yett_sqlite_epoch_flush(store, error);
	}
	if (sqlite3_get_autocommit(store->db) == 0) {
		return 0;
	}
	if ((result = yett_sqlite_prepare(
		     store, YETT_SQLITE_BEGIN_READ_STATEMENT, &statement, error)) < 0 ||
		(result = yett_sqlite_run(store, statement, "begin to read", error)) < 0) {
		return result;
	}
	*ret_ours = true;
	return 0;
}

static void snapshot_end(struct yett_sqlite *store, bool ours)
{
	sqlite3_stmt *statement;

	if (ours &&
		(yett_sqlite_prepare(store, YETT_SQLITE_COMMIT_STATEMENT, &statement, NULL) < 0 ||
			yett_sqlite_run(store, statement, "end a read", NULL) < 0)) {
		store->broken = true;
	}
}

static int each_epoch(struct yett_sqlite *store, each_fn each, void *arg, struct yett_error *error)
{
	sqlite3_stmt *statement = NULL;
	struct yett_sqlite_epoch epoch;
	struct yett_id origin;
	bool ours;
	int code, result = snapshot(store, &ours, error);

	if (result < 0) {
		return result;
	}
	store->visits++;
	if ((result = yett_sqlite_prepare_own(store, ACCOUNT_SQL, &statement, error)) < 0) {
		goto out;
	}
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *uuid = (const char *)sqlite3_column_text(
			statement, YETT_SQLITE_EPOCH_COLUMN_COUNT);

		if (!yett_sqlite_uuid_parse(uuid, &origin)) {
			continue;
		}
		yett_sqlite_epoch_read(statement, 0, &epoch);
		result = each(store, &epoch, &origin,
			(const char *)sqlite3_column_text(
				statement, YETT_SQLITE_EPOCH_COLUMN_COUNT + 1),
			arg, error);
		if (result != 0) {
			goto out;
		}
	}
	if (code != SQLITE_DONE) {
		result = yett_sqlite_fail(store, error, code, "read the account");
	}
out:
	sqlite3_finalize(statement);
	snapshot_end(store, ours);
	store->visits--;
	return result;
}

struct account_visit {
	yett_account_fn visit;
	void *arg;
};

static int account_one(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	const struct yett_id *origin, const char *name, void *arg, struct yett_error *error)
{
	struct account_visit *to = arg;
	struct yett_sqlite_sums sums = {.declared = epoch->declared, .inferred = epoch->inferred};
	struct yett_account account = {.size = sizeof(account)};
	int result;

	if (epoch->state != YETT_SQLITE_COMPLETE &&
		(result = yett_sqlite_sum(store, epoch, &sums, error)) < 0) {
		return result;
	}
	account.lane = epoch->lane;
	account.origin = *origin;
	account.epoch = epoch->epoch;
	account.origin_name = name;
	account.received = epoch->received;
	account.declared = sums.declared;
	account.inferred = sums.inferred;
	account.missing = sums.missing;
	account.highest = epoch->next > epoch->highest + 1 ? epoch->next - 1 : epoch->highest;
	account.metrics = epoch->metrics;
	account.events = epoch->events;
	account.states = epoch->states;
	account.forks = epoch->forks;
	account.dead = epoch->dead;
	account.closed = epoch->closed;
	return to->visit(to->arg, &account);
}

int yett_sqlite_account(void *self, yett_account_fn visit, void *arg, struct yett_error *error)
{
	struct account_visit to = {visit, arg};

	return each_epoch(self, account_one, &to, error);
}

struct loss_visit {
	yett_loss_fn visit;
	void *arg;
	struct yett_notice notice; /* of the present epoch */
	struct yett_id custodian;
};

static int loss_part(void *arg, const struct yett_sqlite_lost *lost)
{
	struct loss_visit *to = arg;

	if (lost->part == YETT_SQLITE_PART_MISSING) {
		return 0;
	}
	to->notice.range.first = lost->first;
	to->notice.range.count = lost->next - lost->first;
	if (lost->part == YETT_SQLITE_PART_INFERRED) {
		memset(&to->notice.id, 0, sizeof(to->notice.id));
		to->notice.cause = YETT_GAP_INFERRED;
		to->notice.holder = to->custodian;
		return to->visit(to->arg, &to->notice);
	}
	to->notice.cause = lost->cause;
	if (!yett_sqlite_uuid_parse(lost->uuid, &to->notice.id)) {
		memset(&to->notice.id, 0, sizeof(to->notice.id));
	}
	if (!yett_sqlite_uuid_parse(lost->holder, &to->notice.holder)) {
		memset(&to->notice.holder, 0, sizeof(to->notice.holder));
	}
	return to->visit(to->arg, &to->notice);
}

/* The last node that is known to have had them: the gateway of the epoch's last batch, if its name
 * is known, or the origin. */
static int find_custodian(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	const struct yett_id *origin, struct yett_id *ret_id, struct yett_error *error)
{
	sqlite3_stmt *statement;
	int code, result;

	*ret_id = *origin;
	if (epoch->gateway[0] == '\0') {
		return 0;
	}
	result =
		yett_sqlite_prepare(store, YETT_SQLITE_ORIGIN_BY_NAME_STATEMENT, &statement, error);
	if (result < 0) {
		return result;
	}
	sqlite3_bind_text(statement, 1, epoch->gateway, -1, SQLITE_STATIC);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW &&
		!yett_sqlite_uuid_parse((const char *)sqlite3_column_text(statement, 0), ret_id)) {
		*ret_id = *origin;
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		result = yett_sqlite_fail(store, error, code, "find a custodian");
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

static int losses_one(struct yett_sqlite *store, const struct yett_sqlite_epoch *epoch,
	const struct yett_id *origin, const char *name, void *arg, struct yett_error *error)
{
	struct loss_visit *to = arg;
	int result;

	(void)name;
	if (epoch->state == YETT_SQLITE_COMPLETE && epoch->declared + epoch->inferred == 0) {
		return 0;
	}
	if ((result = find_custodian(store, epoch, origin, &to->custodian, error)) < 0) {
		return result;
	}
	memset(&to->notice, 0, sizeof(to->notice));
	to->notice.size = sizeof(to->notice);
	to->notice.kind = YETT_NOTICE_GAP;
	to->notice.range.origin = *origin;
	to->notice.range.epoch = epoch->epoch;
	to->notice.range.lane = epoch->lane;
	return yett_sqlite_sweep(store, epoch, loss_part, to, error);
}

int yett_sqlite_losses(void *self, yett_loss_fn visit, void *arg, struct yett_error *error)
{
	struct loss_visit to = {.visit = visit, .arg = arg};

	return each_epoch(self, losses_one, &to, error);
}
