/* What one put is about, decoded before anything is locked: each batch's records as rows for COPY,
 * or its notices, or the reason why it cannot be decoded.
 *
 * A row begins with five fields of fixed width that are known only later (id, epoch, number, origin,
 * name); finish sets them in place. A batch that cannot be decoded to its end leaves no row behind.
 * What a batch takes is bounded by the protocol, how many batches come by the core. Names are
 * gathered in `store->names`, without ids as yet.
 */
#include "internal.h"

#include <stdlib.h>

#define FIELDS    16
#define AT_ID     6 /* behind the count of fields and the length of the first */
#define AT_EPOCH  18
#define AT_NUMBER 30
#define AT_ORIGIN 42
#define AT_NAME   50

static void put_absent(struct yett_pg_bytes *to)
{
	yett_pg_put32(to, -1);
}

static void put_big(struct yett_pg_bytes *to, int64_t number)
{
	yett_pg_put32(to, 8);
	yett_pg_put64(to, number);
}

static void put_small(struct yett_pg_bytes *to, int16_t number)
{
	yett_pg_put32(to, 2);
	yett_pg_put16(to, number);
}

static void put_field(struct yett_pg_bytes *to, const struct yett_text *text)
{
	size_t at = to->length;

	put_absent(to);
	if (text->length > 0) {
		yett_pg_put_text(to, text->bytes, text->length);
		if (!to->failed) {
			yett_pg_set32(to->at + at, (int32_t)(to->length - at - 4));
		}
	}
}

/* Three columns: value, whole, words. */
static void put_value(struct yett_pg_bytes *to, const struct yett_value *value)
{
	static const struct yett_text none = {NULL, 0};
	bool whole = value->type == YETT_VALUE_INT || value->type == YETT_VALUE_BOOL;
	int64_t bits = 0;

	if (value->type == YETT_VALUE_DOUBLE) {
		memcpy(&bits, &value->d, sizeof(bits));
		put_big(to, bits);
	} else {
		put_absent(to);
	}
	if (whole) {
		put_big(to, value->type == YETT_VALUE_INT ? value->i : value->b ? 1 : 0);
	} else {
		put_absent(to);
	}
	put_field(to, value->type == YETT_VALUE_TEXT ? &value->text : &none);
}

static struct yett_pg_name *find_name(struct yett_pg *store, const struct yett_text *text)
{
	struct yett_pg_bytes clean = {0};
	struct yett_pg_name *name;

	/* As the table will have it, so that two that become one are one here too. */
	yett_pg_put_text(&clean, text->bytes, text->length);
	name = clean.failed ? NULL : yett_pg_map_find(&store->names, clean.at, clean.length);
	if (name == NULL && !clean.failed) {
		name = calloc(1, sizeof(*name) + clean.length + 1);
		if (name != NULL) {
			name->length = (uint32_t)clean.length;
			if (clean.length > 0) {
				memcpy(name->text, clean.at, clean.length);
			}
			if (yett_pg_map_put(&store->names, name->text, clean.length, name) != 0) {
				name = NULL;
			}
		}
	}
	yett_pg_bytes_done(&clean);
	return name;
}

static int put_row(struct yett_pg *store, struct yett_pg_group *group, const struct yett_put *put,
	const struct yett_record *record, struct yett_error *error)
{
	struct yett_pg_bytes *to = &group->encoded;
	struct yett_pg_row row = {.at = to->length, .name = find_name(store, &record->name)};

	if (row.name == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for a name");
	}
	yett_pg_put16(to, FIELDS);
	put_big(to, 0); /* id */
	put_big(to, 0); /* epoch */
	put_big(to, 0); /* number */
	yett_pg_put32(to, 4);
	yett_pg_put32(to, 0); /* origin */
	yett_pg_put32(to, 4);
	yett_pg_put32(to, 0); /* name */
	put_big(to, record->time_ns);
	put_big(to, put->received_ns);
	put_small(to, (int16_t)record->kind);
	put_small(to, (int16_t)record->severity);
	if (record->kind == YETT_RECORD_STATE) {
		put_small(to, (int16_t)record->state);
	} else {
		put_absent(to);
	}
	put_value(to, &record->value);
	put_field(to, &record->unit);
	put_field(to, &record->body);
	if (record->attribute_count == 0) {
		put_absent(to);
	} else if (yett_pg_json(store, record)) {
		yett_pg_put32(to, (int32_t)store->json.length);
		yett_pg_bytes_put(to, store->json.at, store->json.length);
	} else {
		to->failed = true;
	}
	row.length = to->length - row.at;
	yett_pg_bytes_put(&group->rows, &row, sizeof(row));
	return to->failed || group->rows.failed
		       ? store->host->fail(error, YETT_ENOMEM, NULL, "no memory for records")
		       : 0;
}

void yett_pg_group_finish(
	const struct yett_pg_group *group, const struct yett_pg_item *item, size_t row, int64_t id)
{
	const struct yett_pg_row *of =
		(const struct yett_pg_row *)(const void *)group->rows.at + item->row + row;
	uint8_t *at = group->encoded.at + of->at;

	yett_pg_set64(at + AT_ID, id);
	yett_pg_set64(at + AT_EPOCH, item->epoch->id);
	yett_pg_set64(at + AT_NUMBER, (int64_t)(item->put->batch->info.first + row));
	yett_pg_set32(at + AT_ORIGIN, item->epoch->origin->id);
	yett_pg_set32(at + AT_NAME, of->name->id);
}

/* Fills the item's `cause` where what is left cannot be decoded. */
static int decode_records(struct yett_pg *store, struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_reader *reader, struct yett_error *error)
{
	struct yett_record record = {.size = sizeof(record)};
	int result, more;

	item->row = group->rows.length / sizeof(struct yett_pg_row);
	while ((more = store->host->reader_next_record(reader, &record)) > 0) {
		if (item->rows == item->put->batch->info.count) {
			item->cause = "it holds more records than numbers";
			return 0;
		}
		if (record.kind < YETT_RECORD_METRIC || record.kind > YETT_RECORD_STATE) {
			item->cause = "it holds a kind of record that is not known";
			return 0;
		}
		if ((result = put_row(store, group, item->put, &record, error)) < 0) {
			return result;
		}
		item->kinds[record.kind]++;
		item->rows++;
	}
	if (more < 0) {
		item->cause = store->host->result_text(more);
	} else if (item->rows != item->put->batch->info.count) {
		item->cause = "it holds fewer records than numbers";
	}
	return more == YETT_ENOMEM ? more : 0;
}

static int decode_notices(struct yett_pg *store, struct yett_pg_group *group,
	struct yett_pg_item *item, struct yett_reader *reader, struct yett_error *error)
{
	const struct yett_batch_info *info = &item->put->batch->info;
	struct yett_notice notice = {.size = sizeof(notice)};
	int more;

	item->notice = group->notices.length / sizeof(notice);
	while ((more = store->host->reader_next_notice(reader, &notice)) > 0) {
		item->cause = store->host->judge_notice(&notice, &info->origin, item->put->flags);
		if (item->cause != NULL) {
			return 0;
		}
		yett_pg_bytes_put(&group->notices, &notice, sizeof(notice));
		item->notices++;
	}
	if (group->notices.failed) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for notices");
	}
	if (more < 0) {
		item->cause = store->host->result_text(more);
	} else if (item->notices != info->count) {
		item->cause = "it holds other than its count of notices";
	}
	return more == YETT_ENOMEM ? more : 0;
}

static int decode(struct yett_pg *store, struct yett_pg_group *group, struct yett_pg_item *item,
	struct yett_error *error)
{
	const struct yett_batch_info *info = &item->put->batch->info;
	size_t encoded = group->encoded.length, rows = group->rows.length;
	size_t notices = group->notices.length;
	struct yett_reader *reader;
	int result;

	if (item->put->aside != NULL) {
		item->cause = item->put->aside;
		return 0;
	}
	if (info->first == 0 || info->count == 0 || info->first > INT64_MAX / 2) {
		item->cause = "it takes numbers that cannot be";
		return 0;
	}
	if (info->content != YETT_CONTENT_RECORDS && info->content != YETT_CONTENT_CUSTODY) {
		item->cause = "a content that is not known";
		return 0;
	}
	if (store->refusal != NULL) {
		item->cause = store->refusal;
		return 0;
	}
	result = store->host->reader_open(item->put->batch, &reader);
	if (result < 0) {
		item->cause = store->host->result_text(result);
		result = result == YETT_ENOMEM ? result : 0;
	} else {
		result = info->content == YETT_CONTENT_RECORDS
				 ? decode_records(store, group, item, reader, error)
				 : decode_notices(store, group, item, reader, error);
		store->host->reader_close(reader);
	}
	if (item->cause != NULL) {
		group->encoded.length = encoded;
		group->rows.length = rows;
		group->notices.length = notices;
		item->rows = item->notices = 0;
	}
	return result == YETT_ENOMEM
		       ? store->host->fail(error, result, NULL, "no memory to decode a batch")
		       : result;
}

int yett_pg_group_decode(struct yett_pg *store, struct yett_pg_group *group, struct yett_put *puts,
	size_t count, struct yett_error *error)
{
	size_t stride = count > 0 && puts->size > 0 ? puts->size : sizeof(*puts);
	char *at = (char *)puts;
	int result;

	memset(group, 0, sizeof(*group));
	group->items = calloc(count > 0 ? count : 1, sizeof(*group->items));
	if (group->items == NULL) {
		return store->host->fail(error, YETT_ENOMEM, NULL, "no memory for batches");
	}
	group->count = count;
	for (size_t i = 0; i < count; i++, at += stride) {
		group->items[i].put = (struct yett_put *)(void *)at;
	}
	for (size_t i = 0; i < count; i++) {
		if ((result = decode(store, group, &group->items[i], error)) < 0) {
			return result;
		}
	}
	return 0;
}

void yett_pg_group_done(struct yett_pg_group *group)
{
	free(group->items);
	yett_pg_bytes_done(&group->encoded);
	yett_pg_bytes_done(&group->rows);
	yett_pg_bytes_done(&group->notices);
	yett_pg_bytes_done(&group->met);
	memset(group, 0, sizeof(*group));
}
