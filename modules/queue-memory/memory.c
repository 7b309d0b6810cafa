/* queue-memory: keeps batches in memory only.
 *
 * Responsible for the contract of yett/queue.h without its durability: what it holds is gone with
 * the process, so a node that uses it takes no custody; it acknowledges what its own upstream has
 * acknowledged. For relays without a disk, and for tests. Not responsible for the policy when a
 * lane is full.
 *
 * Each lane is a ring of entries whose numbers follow each other, so an entry is found by its
 * number. A batch is not copied: the queue holds a reference to its buffer until it is settled.
 *
 * Thread: the queue's; create and destroy on the main thread. Failure: YETT_EFULL at the limit,
 * YETT_ENOMEM without memory; either leaves no trace. */
#include <yett/queue.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX  1024
#define QUOTA_MIN (INT64_C(4) * 1024 * 1024)
#define LARGEST   (YETT_BATCH_MAX + YETT_QUEUE_META_MAX + sizeof(struct kept))
#define CHUNKS    8 /* dropping the oldest drops about this part of the limit */

struct settings {
	uint64_t size_bytes;
	int64_t reserve_urgent; /* per cent of size */
	int64_t reserve_normal;
	int64_t reserve_bulk;
	int64_t reserve_custody;
};

struct kept {
	struct yett_batch batch; /* buffer NULL: settled */
	int64_t appended_ns;
	uint32_t cost_bytes;
	uint32_t meta_length;
	uint8_t *meta;
};

struct lane {
	struct kept *ring;
	size_t room; /* a power of two, or 0 */
	size_t head;
	size_t count;
	uint64_t first;  /* number of the entry at the head */
	uint64_t synced; /* numbers below it may be read */
	uint64_t reserve_bytes;
	uint64_t used_bytes;
	struct yett_queue_lane_stats stats;
};

struct position {
	char key[YETT_QUEUE_KEY_MAX + 1];
	uint8_t *bytes;
	size_t length;
	uint8_t *next; /* of the open group */
	size_t next_length;
};

struct memory {
	const struct yett_host *host;
	uint64_t size_bytes;
	uint64_t custody_bytes;
	struct lane lanes[YETT_LANES];
	struct position *positions;
	size_t positions_count;
};

static const struct yett_schema schema[] = {
	YETT_ROW_SIZE(struct settings, size_bytes, "size", YETT_SCHEMA_REMOTE, "100 MiB", QUOTA_MIN,
		INT64_C(1) << 40,
		"How much memory the queue may take. Each lane must have room for a batch of 1 "
		"MiB."),
	YETT_ROW_INT(struct settings, reserve_urgent, "reserve-urgent", YETT_SCHEMA_REMOTE, "15", 0,
		90, "Per cent of `size` that only the urgent lane may take."),
	YETT_ROW_INT(struct settings, reserve_normal, "reserve-normal", YETT_SCHEMA_REMOTE, "40", 0,
		90, "Per cent of `size` that only the normal lane may take."),
	YETT_ROW_INT(struct settings, reserve_bulk, "reserve-bulk", YETT_SCHEMA_REMOTE, "15", 0, 90,
		"Per cent of `size` that only the bulk lane may take."),
	YETT_ROW_INT(struct settings, reserve_custody, "reserve-custody", 0, "5", 1, 50,
		"Per cent of `size` kept for notices of loss."),
	YETT_ROW_END,
};

static struct kept *at(struct lane *lane, uint64_t number)
{
	if (number < lane->first || number - lane->first >= lane->count) {
		return NULL;
	}
	return &lane->ring[(lane->head + (number - lane->first)) & (lane->room - 1)];
}

static uint64_t lane_limit(const struct memory *memory, uint32_t lane)
{
	uint64_t others = memory->custody_bytes;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		const struct lane *other = &memory->lanes[l];

		if (l != lane) {
			others += other->used_bytes > other->reserve_bytes ? other->used_bytes
									   : other->reserve_bytes;
		}
	}
	return others < memory->size_bytes ? memory->size_bytes - others : 0;
}

static int ring_grow(struct lane *lane)
{
	size_t room = lane->room == 0 ? 64 : lane->room * 2;
	struct kept *ring;

	if (lane->count < lane->room) {
		return 0;
	}
	ring = calloc(room, sizeof(*ring));
	if (ring == NULL) {
		return YETT_ENOMEM;
	}
	for (size_t i = 0; i < lane->count; i++) {
		ring[i] = lane->ring[(lane->head + i) & (lane->room - 1)];
	}
	free(lane->ring);
	lane->ring = ring;
	lane->room = room;
	lane->head = 0;
	return 0;
}

/* A reference to the batch, or a copy where it has no buffer of its own. */
static int hold(struct memory *memory, const struct yett_batch *batch, struct yett_batch *ret_batch)
{
	const struct yett_host *host = memory->host;

	*ret_batch = *batch;
	if (batch->buffer != NULL) {
		host->buffer_ref(batch->buffer);
		return 0;
	}
	ret_batch->buffer = host->buffer_new(batch->length);
	if (ret_batch->buffer == NULL) {
		return YETT_ENOMEM;
	}
	memcpy(host->buffer_bytes(ret_batch->buffer), batch->bytes, batch->length);
	ret_batch->bytes = host->buffer_bytes(ret_batch->buffer);
	return 0;
}

static int put_position(struct memory *memory, const struct yett_queue_entry *entry)
{
	struct position *position = NULL;
	uint8_t *copy;

	for (size_t i = 0; i < memory->positions_count && position == NULL; i++) {
		if (strcmp(memory->positions[i].key, entry->key) == 0) {
			position = &memory->positions[i];
		}
	}
	if (position == NULL && memory->positions_count == KEYS_MAX) {
		return YETT_ELIMIT;
	}
	if (position == NULL) {
		position = realloc(memory->positions,
			(memory->positions_count + 1) * sizeof(*memory->positions));
		if (position == NULL) {
			return YETT_ENOMEM;
		}
		memory->positions = position;
		position += memory->positions_count;
		memset(position, 0, sizeof(*position));
		memcpy(position->key, entry->key, strlen(entry->key));
		memory->positions_count++;
	}
	copy = malloc((size_t)entry->position_length + 1);
	if (copy == NULL) {
		return YETT_ENOMEM;
	}
	if (entry->position_length > 0) {
		memcpy(copy, entry->position, entry->position_length);
	}
	free(position->next);
	position->next = copy;
	position->next_length = entry->position_length;
	return 0;
}

static int append_one(struct memory *memory, struct yett_queue_entry *entry)
{
	struct kept kept = {.meta_length = entry->meta_length};
	struct lane *lane;
	uint64_t limit;
	int result;

	if (!yett_queue_entry_valid(entry)) {
		return YETT_EINVAL;
	}
	lane = &memory->lanes[entry->batch->info.lane];
	kept.cost_bytes = entry->batch->length + entry->meta_length + (uint32_t)sizeof(struct kept);
	limit = lane_limit(memory, entry->batch->info.lane);
	if (entry->batch->info.lane == YETT_LANE_URGENT &&
		entry->batch->info.content == YETT_CONTENT_CUSTODY) {
		limit += memory->custody_bytes;
	}
	if (lane->used_bytes + kept.cost_bytes > limit) {
		return YETT_EFULL;
	}
	result = ring_grow(lane);
	kept.meta = result == 0 ? malloc((size_t)entry->meta_length + 1) : NULL;
	if (kept.meta == NULL) {
		return YETT_ENOMEM;
	}
	if (entry->meta_length > 0) {
		memcpy(kept.meta, entry->meta, entry->meta_length);
	}
	result = hold(memory, entry->batch, &kept.batch);
	if (result == 0 && entry->key != NULL) {
		result = put_position(memory, entry);
		if (result < 0) {
			memory->host->buffer_unref(kept.batch.buffer);
		}
	}
	if (result < 0) {
		free(kept.meta);
		return result;
	}
	kept.appended_ns = memory->host->wall_ns(memory->host->instance);
	entry->ret_number = lane->first + lane->count;
	lane->ring[(lane->head + lane->count++) & (lane->room - 1)] = kept;
	lane->used_bytes += kept.cost_bytes;
	lane->stats.entries++;
	lane->stats.records += kept.batch.info.count;
	lane->stats.bytes += kept.batch.length;
	return 0;
}

static int op_append(void *self, struct yett_queue_entry *entries, size_t count)
{
	bool full[YETT_LANES] = {false};

	for (size_t i = 0; i < count; i++) {
		uint32_t lane = entries[i].batch->info.lane;
		bool behind = lane < YETT_LANES && full[lane];

		entries[i].ret_number = 0;
		entries[i].ret_result = behind ? YETT_EFULL : append_one(self, &entries[i]);
		if (lane < YETT_LANES && entries[i].ret_result == YETT_EFULL) {
			full[lane] = true;
		}
	}
	return 0;
}

static int op_sync(void *self)
{
	struct memory *memory = self;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		memory->lanes[l].synced = memory->lanes[l].first + memory->lanes[l].count;
	}
	for (size_t i = 0; i < memory->positions_count; i++) {
		struct position *position = &memory->positions[i];

		if (position->next != NULL) {
			free(position->bytes);
			position->bytes = position->next;
			position->length = position->next_length;
			position->next = NULL;
		}
	}
	return 0;
}

static int op_recover(void *self, yett_recovery_fn report, void *arg, struct yett_error *error)
{
	(void)self, (void)report, (void)arg, (void)error;
	return 0;
}

static int op_declared(void *self)
{
	(void)self;
	return 0;
}

static int op_read(void *self, uint32_t lane, uint64_t from, struct yett_queue_item *items,
	size_t count, size_t max_bytes, yett_recovery_fn report, void *arg)
{
	struct memory *memory = self;
	struct lane *in;
	size_t bytes = 0;
	size_t got = 0;

	(void)report, (void)arg;
	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	in = &memory->lanes[lane];
	for (from = from < in->first ? in->first : from; from < in->synced && got < count; from++) {
		const struct kept *kept = at(in, from);

		if (kept->batch.buffer == NULL) {
			continue;
		}
		if (got > 0 && bytes + kept->batch.length > max_bytes) {
			break;
		}
		items[got].size = sizeof(items[got]);
		items[got].number = from;
		items[got].batch = kept->batch;
		items[got].meta_length = kept->meta_length;
		memcpy(items[got].meta, kept->meta, kept->meta_length);
		memory->host->buffer_ref(kept->batch.buffer);
		bytes += kept->batch.length;
		got++;
	}
	return (int)got;
}

static void forget(struct memory *memory, struct lane *lane, uint64_t number)
{
	struct kept *kept = at(lane, number);

	if (kept == NULL || kept->batch.buffer == NULL) {
		return;
	}
	lane->used_bytes -= kept->cost_bytes;
	lane->stats.entries--;
	lane->stats.records -= kept->batch.info.count;
	lane->stats.bytes -= kept->batch.length;
	memory->host->buffer_unref(kept->batch.buffer);
	free(kept->meta);
	memset(kept, 0, sizeof(*kept));
	while (lane->count > 0 && lane->ring[lane->head].batch.buffer == NULL) {
		lane->head = (lane->head + 1) & (lane->room - 1);
		lane->first++;
		lane->count--;
	}
}

static int op_settle(void *self, uint32_t lane, const uint64_t *numbers, size_t count)
{
	struct memory *memory = self;

	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		if (numbers[i] < memory->lanes[lane].synced) {
			forget(memory, &memory->lanes[lane], numbers[i]);
		}
	}
	return 0;
}

static int walk(struct lane *lane, uint64_t below, yett_scan_fn visit, void *arg)
{
	int result = 0;

	for (uint64_t number = lane->first; number < below && result == 0; number++) {
		const struct kept *kept = at(lane, number);
		const struct yett_batch_info *info = &kept->batch.info;
		struct yett_range range = {.origin = info->origin,
			.epoch = info->epoch,
			.first = info->first,
			.count = info->count,
			.lane = info->lane};

		if (kept->batch.buffer != NULL) {
			result = visit(arg, number, &range, kept->meta, kept->meta_length);
		}
	}
	return result;
}

/* The "segment" is the number below which is dropped. */
static int op_oldest(
	void *self, uint32_t lane, uint64_t *ret_segment, yett_scan_fn visit, void *arg)
{
	struct memory *memory = self;
	struct lane *in;
	uint64_t bytes = 0;
	uint64_t below;

	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	in = &memory->lanes[lane];
	for (below = in->first; below < in->synced && bytes < memory->size_bytes / CHUNKS;
		below++) {
		bytes += at(in, below)->cost_bytes;
	}
	if (bytes == 0) {
		return in->count > 0 ? YETT_EAGAIN : YETT_ENOTFOUND;
	}
	*ret_segment = below;
	return walk(in, below, visit, arg);
}

static int op_drop(void *self, uint32_t lane, uint64_t segment)
{
	struct memory *memory = self;
	struct lane *in;

	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	in = &memory->lanes[lane];
	if (segment <= in->first || segment > in->synced) {
		return YETT_ENOTFOUND;
	}
	for (uint64_t number = in->first; number < segment; number++) {
		forget(memory, in, number);
	}
	return 0;
}

static int op_positions(void *self, yett_position_fn visit, void *arg)
{
	struct memory *memory = self;
	int result = 0;

	for (size_t i = 0; i < memory->positions_count && result == 0; i++) {
		const struct position *position = &memory->positions[i];

		if (position->bytes != NULL) {
			result = visit(arg, position->key, position->bytes, position->length);
		}
	}
	return result;
}

static int op_scan(void *self, uint32_t lane, yett_scan_fn visit, void *arg)
{
	struct memory *memory = self;

	if (lane >= YETT_LANES) {
		return YETT_EINVAL;
	}
	return walk(&memory->lanes[lane], memory->lanes[lane].synced, visit, arg);
}

static int op_stats(void *self, struct yett_queue_stats *ret_stats)
{
	struct memory *memory = self;

	*ret_stats = (struct yett_queue_stats){
		.size = sizeof(*ret_stats), .limit_bytes = memory->size_bytes};
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		const struct lane *lane = &memory->lanes[l];

		ret_stats->lanes[l] = lane->stats;
		ret_stats->lanes[l].next_number = lane->first + lane->count;
		ret_stats->lanes[l].limit_bytes = lane_limit(memory, l);
		if (lane->count > 0) {
			ret_stats->lanes[l].oldest_number = lane->first;
			ret_stats->lanes[l].oldest_ns = lane->ring[lane->head].appended_ns;
		}
	}
	return 0;
}

static int check(const struct yett_host *host, const void *settings_, struct yett_error *error)
{
	static const char *const names[YETT_LANES] = {"urgent", "normal", "bulk"};
	const struct settings *settings = settings_;
	const int64_t reserves[YETT_LANES] = {
		settings->reserve_urgent, settings->reserve_normal, settings->reserve_bulk};
	int64_t sum = settings->reserve_urgent + settings->reserve_normal + settings->reserve_bulk +
		      settings->reserve_custody;

	if (sum > 100) {
		return host->fail(error, YETT_ECONFIG,
			"lower reserve-urgent, reserve-normal, reserve-bulk or reserve-custody",
			"the reserves of the queue's lanes add up to %" PRId64 " per cent", sum);
	}
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		int64_t part = 100 - (sum - reserves[l]);

		if (settings->size_bytes / 100 * (uint64_t)part < LARGEST) {
			return host->fail(error, YETT_ECONFIG,
				"raise size, or lower the reserves of the others",
				"the %s lane may take %" PRId64 " per cent of the queue's size at "
				"most, which has no room for a batch of 1 MiB",
				names[l], part);
		}
	}
	return 0;
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	const struct settings *settings = with->settings;
	const int64_t reserves[YETT_LANES] = {
		settings->reserve_urgent, settings->reserve_normal, settings->reserve_bulk};
	struct memory *memory = calloc(1, sizeof(*memory));

	(void)error;
	if (memory == NULL) {
		return YETT_ENOMEM;
	}
	memory->host = host;
	memory->size_bytes = settings->size_bytes;
	memory->custody_bytes = settings->size_bytes / 100 * (uint64_t)settings->reserve_custody;
	for (uint32_t l = 0; l < YETT_LANES; l++) {
		memory->lanes[l].first = 1;
		memory->lanes[l].synced = 1;
		memory->lanes[l].reserve_bytes = settings->size_bytes / 100 * (uint64_t)reserves[l];
	}
	*ret_self = memory;
	return 0;
}

static void destroy(void *self)
{
	struct memory *memory = self;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		struct lane *lane = &memory->lanes[l];

		for (size_t i = 0; i < lane->count; i++) {
			struct kept *kept = &lane->ring[(lane->head + i) & (lane->room - 1)];

			if (kept->batch.buffer != NULL) {
				memory->host->buffer_unref(kept->batch.buffer);
				free(kept->meta);
			}
		}
		free(lane->ring);
	}
	for (size_t i = 0; i < memory->positions_count; i++) {
		free(memory->positions[i].bytes);
		free(memory->positions[i].next);
	}
	free(memory->positions);
	free(memory);
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.destroy = destroy,
};

static const struct yett_queue_operations operations = {
	.size = sizeof(operations),
	.flags = 0,
	.recover = op_recover,
	.declared = op_declared,
	.append = op_append,
	.sync = op_sync,
	.read = op_read,
	.settle = op_settle,
	.oldest = op_oldest,
	.drop = op_drop,
	.positions = op_positions,
	.scan = op_scan,
	.stats = op_stats,
};

YETT_MODULE(.kind = YETT_KIND_QUEUE, .name = "queue-memory", .version = "1.0.0",
	.licence = "Apache-2.0",
	.summary = "Keeps batches in memory only: for relays without a disk.", .life = &life,
	.operations = &operations, .schema = schema, .settings_size = sizeof(struct settings));
