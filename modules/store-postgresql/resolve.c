/* What the database has of all that a group of batches names: origins, epochs, the pieces that the
 * batches' numbers meet, the names of their records. One statement for each, however many batches
 * there are. Under the lock, so that it stays true until the commit; forgotten at the end of the put.
 *
 * What is not there yet is given its id here and written by flush.c. An epoch is made when a batch
 * or a notice of it is taken, not before: a batch that has to wait leaves no trace.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>

struct epoch_key {
	int64_t origin;
	uint64_t ordinal, random, lane;
};

void yett_pg_forget(struct yett_pg *store)
{
	struct yett_pg_origin *origin;
	struct yett_pg_epoch *epoch;

	for (size_t at = 0; (epoch = yett_pg_map_next(&store->epochs, &at)) != NULL;) {
		free(epoch->fresh);
	}
	for (size_t at = 0; (origin = yett_pg_map_next(&store->origins, &at)) != NULL;) {
		free(origin->open);
	}
	yett_pg_map_clear(&store->epochs);
	yett_pg_map_clear(&store->origins);
	yett_pg_map_clear(&store->names);
}

static int no_memory(struct yett_pg *store, struct yett_error *error)
{
	return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for batches");
}

static int want_origin(struct yett_pg *store, const struct yett_id *uuid, struct yett_error *error)
{
	struct yett_pg_origin *origin;

	if (yett_pg_map_find(&store->origins, uuid, sizeof(*uuid)) != NULL) {
		return 0;
	}
	origin = calloc(1, sizeof(*origin));
	if (origin == NULL) {
		return no_memory(store, error);
	}
	origin->uuid = *uuid;
	return yett_pg_map_put(&store->origins, uuid, sizeof(*uuid), origin) == 0
		       ? 0
		       : no_memory(store, error);
}

static const struct yett_notice *notice_of(const struct yett_pg_group *group, size_t i)
{
	return (const struct yett_notice *)(const void *)group->notices.at + i;
}

static int want_origins(
	struct yett_pg *store, const struct yett_pg_group *group, struct yett_error *error)
{
	size_t notices = group->notices.length / sizeof(struct yett_notice);
	int result = 0;

	for (size_t i = 0; result == 0 && i < group->count; i++) {
		result = want_origin(store, &group->items[i].put->batch->info.origin, error);
	}
	for (size_t i = 0; result == 0 && i < notices; i++) {
		result = want_origin(store, &notice_of(group, i)->range.origin, error);
	}
	return result;
}

static int find_origins(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_origin *origin;
	PGresult *rows = NULL;
	size_t at = 0;
	int result;

	yett_pg_array(&args, YETT_PG_UUID, store->origins.count);
	while ((origin = yett_pg_map_next(&store->origins, &at)) != NULL) {
		yett_pg_item_bytes(&args, &origin->uuid, sizeof(origin->uuid));
	}
	result = yett_pg_run(store, YETT_PG_ORIGIN_FIND_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		struct yett_id uuid = yett_pg_uuid(rows, i, 0);

		origin = yett_pg_map_find(&store->origins, &uuid, sizeof(uuid));
		if (origin != NULL) {
			origin->id = (int32_t)yett_pg_int(rows, i, 1);
		}
	}
	PQclear(rows);
	for (at = 0; result == 0 && (origin = yett_pg_map_next(&store->origins, &at)) != NULL;) {
		if (origin->id == 0) {
			origin->id = (int32_t)++store->head.origin;
			origin->fresh = true;
			store->head_dirty = true;
		}
	}
	return result;
}

struct yett_pg_epoch *yett_pg_epoch_find(struct yett_pg *store, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint32_t lane)
{
	const struct yett_pg_origin *of =
		yett_pg_map_find(&store->origins, origin, sizeof(*origin));
	struct epoch_key key = {
		of != NULL ? of->id : 0, epoch->ordinal, epoch->random, (uint64_t)lane};

	return yett_pg_map_find(&store->epochs, &key, sizeof(key));
}

struct yett_epoch yett_pg_epoch_of(const struct yett_put *put)
{
	return put->aside == NULL ? put->batch->info.epoch : (struct yett_epoch){0, 0};
}

static int want_epoch(struct yett_pg *store, const struct yett_id *origin,
	const struct yett_epoch *epoch, uint32_t lane, struct yett_error *error)
{
	struct yett_pg_origin *of = yett_pg_map_find(&store->origins, origin, sizeof(*origin));
	struct epoch_key key = {of->id, epoch->ordinal, epoch->random, (uint64_t)lane};
	struct yett_pg_epoch *wanted;

	if (yett_pg_map_find(&store->epochs, &key, sizeof(key)) != NULL) {
		return 0;
	}
	wanted = calloc(1, sizeof(*wanted));
	if (wanted == NULL) {
		return no_memory(store, error);
	}
	wanted->origin = of;
	wanted->epoch = *epoch;
	wanted->lane = lane;
	return yett_pg_map_put(&store->epochs, &key, sizeof(key), wanted) == 0
		       ? 0
		       : no_memory(store, error);
}

static int want_epochs(
	struct yett_pg *store, const struct yett_pg_group *group, struct yett_error *error)
{
	size_t notices = group->notices.length / sizeof(struct yett_notice);
	int result = 0;

	for (size_t i = 0; result == 0 && i < group->count; i++) {
		const struct yett_batch_info *info = &group->items[i].put->batch->info;
		struct yett_epoch epoch = yett_pg_epoch_of(group->items[i].put);

		result = want_epoch(store, &info->origin, &epoch, info->lane, error);
	}
	for (size_t i = 0; result == 0 && i < notices; i++) {
		const struct yett_range *range = &notice_of(group, i)->range;

		result = want_epoch(store, &range->origin, &range->epoch, range->lane, error);
	}
	return result;
}

static void read_epoch(struct yett_pg *store, const PGresult *rows, int i)
{
	struct epoch_key key = {yett_pg_int(rows, i, 1), (uint64_t)yett_pg_int(rows, i, 2),
		(uint64_t)yett_pg_int(rows, i, 3), (uint64_t)yett_pg_int(rows, i, 4)};
	struct yett_pg_epoch *epoch = yett_pg_map_find(&store->epochs, &key, sizeof(key));
	const char *gateway = yett_pg_text(rows, i, 21);

	if (epoch == NULL) {
		return;
	}
	epoch->made = epoch->found = true;
	epoch->id = yett_pg_int(rows, i, 0);
	epoch->state = (uint32_t)yett_pg_int(rows, i, 5);
	epoch->oldest = (uint64_t)yett_pg_int(rows, i, 6);
	epoch->next = (uint64_t)yett_pg_int(rows, i, 7);
	epoch->closed = yett_pg_int(rows, i, 8) != 0;
	epoch->received = (uint64_t)yett_pg_int(rows, i, 9);
	epoch->highest = (uint64_t)yett_pg_int(rows, i, 10);
	epoch->pieces = (uint64_t)yett_pg_int(rows, i, 11);
	epoch->runs = (uint64_t)yett_pg_int(rows, i, 12);
	epoch->metrics = (uint64_t)yett_pg_int(rows, i, 13);
	epoch->events = (uint64_t)yett_pg_int(rows, i, 14);
	epoch->states = (uint64_t)yett_pg_int(rows, i, 15);
	epoch->forks = (uint64_t)yett_pg_int(rows, i, 16);
	epoch->dead = (uint64_t)yett_pg_int(rows, i, 17);
	epoch->declared = (uint64_t)yett_pg_int(rows, i, 18);
	epoch->inferred = (uint64_t)yett_pg_int(rows, i, 19);
	epoch->changed_ns = yett_pg_int(rows, i, 20);
	snprintf(epoch->gateway, sizeof(epoch->gateway), "%s", gateway != NULL ? gateway : "");
}

/* All epochs at hand by their first columns: origin, ordinal, random, lane. */
static void name_epochs(const struct yett_pg *store, int columns, struct yett_pg_args *args)
{
	struct yett_pg_epoch *epoch;

	for (int column = 0; column < columns; column++) {
		size_t at = 0;

		yett_pg_array(args, column == 0 || column == 3 ? YETT_PG_INTEGER : YETT_PG_BIGINT,
			store->epochs.count);
		while ((epoch = yett_pg_map_next(&store->epochs, &at)) != NULL) {
			switch (column) {
			case 0:
				yett_pg_item_integer(args, epoch->origin->id);
				break;
			case 1:
				yett_pg_item_int(args, (int64_t)epoch->epoch.ordinal);
				break;
			case 2:
				yett_pg_item_int(args, (int64_t)epoch->epoch.random);
				break;
			case 3:
				yett_pg_item_integer(args, (int32_t)epoch->lane);
				break;
			}
		}
	}
}

static int find_epochs(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result;

	name_epochs(store, 4, &args);
	result = yett_pg_run(store, YETT_PG_EPOCH_FIND_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		read_epoch(store, rows, i);
	}
	PQclear(rows);
	return result;
}

int yett_pg_epoch_at_hand(struct yett_pg *store, const struct yett_id *origin, const PGresult *rows,
	int row, struct yett_pg_epoch **ret_epoch, struct yett_error *error)
{
	struct yett_epoch epoch = {
		(uint64_t)yett_pg_int(rows, row, 2), (uint64_t)yett_pg_int(rows, row, 3)};
	uint32_t lane = (uint32_t)yett_pg_int(rows, row, 4);
	int result;

	*ret_epoch = yett_pg_epoch_find(store, origin, &epoch, lane);
	if (*ret_epoch != NULL) {
		return 0;
	}
	result = want_epoch(store, origin, &epoch, lane, error);
	if (result == 0) {
		read_epoch(store, rows, row);
		*ret_epoch = yett_pg_epoch_find(store, origin, &epoch, lane);
	}
	return result;
}

/* Of the origins that have an epoch here which is not open yet: those that are. */
static int find_open(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_epoch *epoch;
	struct yett_pg_origin **by_order = NULL;
	size_t at = 0, count = 0;
	PGresult *rows = NULL;
	int result;

	by_order = calloc(store->origins.count + 1, sizeof(*by_order));
	if (by_order == NULL) {
		return no_memory(store, error);
	}
	while ((epoch = yett_pg_map_next(&store->epochs, &at)) != NULL) {
		if (epoch->state != YETT_PG_OPEN && !epoch->origin->open_known) {
			epoch->origin->open_known = true;
			if (!epoch->origin->fresh) {
				by_order[count++] = epoch->origin;
			}
		}
	}
	if (count == 0) {
		free(by_order);
		return 0;
	}
	yett_pg_array(&args, YETT_PG_INTEGER, count);
	for (size_t i = 0; i < count; i++) {
		yett_pg_item_integer(&args, by_order[i]->id);
	}
	yett_pg_arg_int(&args, YETT_PG_OPEN_ROWS);
	name_epochs(store, 3, &args);
	result = yett_pg_run(store, YETT_PG_OPEN_EPOCHS_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		const struct yett_epoch open = {
			(uint64_t)yett_pg_int(rows, i, 1), (uint64_t)yett_pg_int(rows, i, 2)};

		result = yett_pg_open_add(
			store, by_order[yett_pg_int(rows, i, 0) - 1], &open, error);
	}
	PQclear(rows);
	free(by_order);
	return result;
}

int yett_pg_epoch_make(struct yett_pg *store, struct yett_pg_epoch *epoch, struct yett_error *error)
{
	bool fresh = !epoch->made;

	if (fresh) {
		epoch->id = ++store->head.epoch;
		epoch->made = true;
		store->head_dirty = true;
	}
	epoch->dirty = true;
	epoch->stuck = false; /* a notice may be about it */
	return fresh ? yett_pg_forgotten_new(store, epoch, error) : 0;
}

static bool is_sound(const struct yett_batch_info *info)
{
	return info->first > 0 && info->count > 0 && info->first <= INT64_MAX / 2;
}

/* The batches whose epochs are in the database, as arrays: n, epoch, first, next. */
static size_t ask_numbers(const struct yett_pg_group *group, struct yett_pg_args *args)
{
	size_t count = 0;

	for (size_t i = 0; i < group->count; i++) {
		count +=
			group->items[i].epoch->found && is_sound(&group->items[i].put->batch->info);
	}
	for (int column = 0; column < 4; column++) {
		yett_pg_array(args, column == 0 ? YETT_PG_INTEGER : YETT_PG_BIGINT, count);
		for (size_t i = 0; i < group->count; i++) {
			const struct yett_pg_item *item = &group->items[i];
			const struct yett_batch_info *info = &item->put->batch->info;

			if (!item->epoch->found || !is_sound(info)) {
				continue;
			}
			switch (column) {
			case 0:
				yett_pg_item_integer(args, (int32_t)i);
				break;
			case 1:
				yett_pg_item_int(args, item->epoch->id);
				break;
			case 2:
				yett_pg_item_int(args, (int64_t)info->first);
				break;
			case 3:
				yett_pg_item_int(args, (int64_t)(info->first + info->count));
				break;
			}
		}
	}
	return count;
}

static int find_pieces(struct yett_pg *store, struct yett_pg_group *group, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = 0;

	if (ask_numbers(group, &args) > 0) {
		result = yett_pg_run(store, YETT_PG_PIECE_MEET_STATEMENT, &args, &rows, error);
	}
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		struct yett_pg_item *item = &group->items[yett_pg_int(rows, i, 0)];
		uint64_t first = (uint64_t)yett_pg_int(rows, i, 2);

		if (yett_pg_int(rows, i, 1) == 1) {
			item->run = first;
			item->run_next = (uint64_t)yett_pg_int(rows, i, 3);
		} else {
			struct yett_piece piece = {first, (uint32_t)yett_pg_int(rows, i, 3),
				(uint32_t)yett_pg_int(rows, i, 4)};

			if (item->mets == 0) {
				item->met = group->met.length / sizeof(piece);
			}
			item->mets++;
			yett_pg_bytes_put(&group->met, &piece, sizeof(piece));
		}
	}
	PQclear(rows);
	return result == 0 && group->met.failed ? no_memory(store, error) : result;
}

static int find_numbers(
	struct yett_pg *store, struct yett_pg_group *group, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	PGresult *rows = NULL;
	int result = 0;

	if (store->wary && ask_numbers(group, &args) > 0) {
		result = yett_pg_run(store, YETT_PG_NUMBERS_THERE_STATEMENT, &args, &rows, error);
	}
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		group->items[yett_pg_int(rows, i, 0)].there = true;
	}
	PQclear(rows);
	return result;
}

static int find_names(struct yett_pg *store, struct yett_error *error)
{
	struct yett_pg_args args = YETT_PG_ARGS_EMPTY;
	struct yett_pg_name *name;
	PGresult *rows = NULL;
	size_t at = 0;
	int result;

	if (store->names.count == 0) {
		return 0;
	}
	yett_pg_array(&args, YETT_PG_TEXT, store->names.count);
	while ((name = yett_pg_map_next(&store->names, &at)) != NULL) {
		yett_pg_item_bytes(&args, name->text, name->length);
	}
	result = yett_pg_run(store, YETT_PG_NAME_FIND_STATEMENT, &args, &rows, error);
	yett_pg_args_done(&args);
	for (int i = 0; result == 0 && i < PQntuples(rows); i++) {
		name = yett_pg_map_find(
			&store->names, PQgetvalue(rows, i, 0), (size_t)PQgetlength(rows, i, 0));
		if (name != NULL) {
			name->id = (int32_t)yett_pg_int(rows, i, 1);
		}
	}
	PQclear(rows);
	for (at = 0; result == 0 && (name = yett_pg_map_next(&store->names, &at)) != NULL;) {
		if (name->id == 0) {
			name->id = (int32_t)++store->head.name;
			name->fresh = true;
			store->head_dirty = true;
		}
	}
	return result;
}

int yett_pg_resolve(struct yett_pg *store, struct yett_pg_group *group, struct yett_error *error)
{
	int result;

	if ((result = want_origins(store, group, error)) < 0 ||
		(result = find_origins(store, error)) < 0 ||
		(result = want_epochs(store, group, error)) < 0 ||
		(result = find_epochs(store, error)) < 0 ||
		(result = find_open(store, error)) < 0) {
		return result;
	}
	for (size_t i = 0; i < group->count; i++) {
		const struct yett_batch_info *info = &group->items[i].put->batch->info;
		struct yett_epoch epoch = yett_pg_epoch_of(group->items[i].put);

		group->items[i].epoch =
			yett_pg_epoch_find(store, &info->origin, &epoch, info->lane);
	}
	if ((result = find_pieces(store, group, error)) < 0 ||
		(result = find_numbers(store, group, error)) < 0) {
		return result;
	}
	return find_names(store, error);
}
