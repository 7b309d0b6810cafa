/* What is kept as it came: dead letters, forks; and the positions of the server's own sources. Each is
 * rare, so each has a statement of its own. Under the lock.
 */
#include "internal.h"

static int keep(struct yett_pg *store, enum yett_pg_statement which,
	const struct yett_pg_epoch *epoch, const struct yett_put *put, const char *cause,
	struct yett_error *error)
{
	const struct yett_batch_info *info = &put->batch->info;
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	int64_t made = 0;
	int result;

	yett_pg_arg_int(&args, epoch->id);
	yett_pg_arg_int(&args, (int64_t)info->first);
	yett_pg_arg_int(&args, info->count);
	yett_pg_arg_int(&args, info->payload_crc);
	yett_pg_arg_int(&args, put->received_ns);
	yett_pg_arg_text(&args, put->gateway);
	if (put->meta_length > 0) {
		yett_pg_arg_bytes(&args, put->meta, put->meta_length);
	} else {
		yett_pg_arg_null(&args);
	}
	yett_pg_arg_bytes(&args, put->batch->bytes, put->batch->length);
	if (cause != NULL) {
		yett_pg_arg_text(&args, cause);
	}
	result = yett_pg_do(store, which, &args, &made, error);
	return result < 0 ? result : made > 0;
}

int yett_pg_keep_dead(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_put *put, const char *cause, struct yett_error *error)
{
	int result = keep(store, YETT_PG_DEAD_MAKE_STATEMENT, epoch, put, cause, error);

	if (result <= 0) {
		return result < 0 ? result : YETT_PUT_DUPLICATE;
	}
	epoch->dead += put->batch->info.count;
	epoch->dirty = true;
	store->counts[YETT_PG_DEAD]++;
	return YETT_PUT_DEAD;
}

int yett_pg_keep_fork(struct yett_pg *store, struct yett_pg_epoch *epoch,
	const struct yett_put *put, struct yett_error *error)
{
	int result = keep(store, YETT_PG_FORK_MAKE_STATEMENT, epoch, put, NULL, error);

	if (result < 0) {
		return result;
	}
	if (result == 0) {
		store->counts[YETT_PG_DUPLICATES]++;
		return YETT_PUT_DUPLICATE; /* it is kept apart already */
	}
	epoch->forks += put->batch->info.count;
	epoch->dirty = true;
	store->counts[YETT_PG_FORKS]++;
	return YETT_PUT_FORK;
}

int yett_pg_keep_position(
	struct yett_pg *store, const struct yett_put *put, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;

	yett_pg_arg_text(&args, put->key);
	yett_pg_arg_bytes(&args, put->position, put->position_length);
	return yett_pg_do(store, YETT_PG_POSITION_SET_STATEMENT, &args, NULL, error);
}
