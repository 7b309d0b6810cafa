/* queue-disk: the module's face. Settings, life cycle and the table of operations.
 *
 * Responsible for turning settings into limits and for opening nothing before `recover`: `create`
 * touches no file. `stop` writes both copies of the manifest, so that the next start finds
 * everything settled that was; without it nothing is lost.
 *
 * Threads: check, create and destroy on the main thread, everything else on the queue's. The
 * instance owns all memory and handles; destroy frees them whatever state it is in. */
#include "disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "manifest.h"

#define QUOTA_MIN   (INT64_C(4) * 1024 * 1024)
#define QUOTA_MAX   (INT64_C(1) << 42) /* 4 TiB */
#define SEGMENT_MIN 65536
#define S           struct yett_disk_settings

static const struct yett_schema schema[] = {
	YETT_ROW_STRING(S, directory, "directory", 0, "queue",
		"Where the queue is kept: a folder of its own, under the state directory unless it "
		"starts with a slash."),
	YETT_ROW_SIZE(S, size_bytes, "size", YETT_SCHEMA_REMOTE, "100 MiB", QUOTA_MIN, QUOTA_MAX,
		"How much of the disk the queue may take. Each lane must have room for a batch of "
		"1 MiB."),
	YETT_ROW_SIZE(S, segment_bytes, "segment", 0, "16 MiB", SEGMENT_MIN, YETT_DISK_SEGMENT_MAX,
		"How long a segment file is, and at most an eighth of `size`. Space comes back "
		"segment by segment."),
	YETT_ROW_INT(S, reserve_urgent, "reserve-urgent", YETT_SCHEMA_REMOTE, "15", 0, 90,
		"Per cent of `size` that only the urgent lane may take."),
	YETT_ROW_INT(S, reserve_normal, "reserve-normal", YETT_SCHEMA_REMOTE, "40", 0, 90,
		"Per cent of `size` that only the normal lane may take."),
	YETT_ROW_INT(S, reserve_bulk, "reserve-bulk", YETT_SCHEMA_REMOTE, "15", 0, 90,
		"Per cent of `size` that only the bulk lane may take."),
	YETT_ROW_INT(S, reserve_custody, "reserve-custody", 0, "5", 1, 50,
		"Per cent of `size` kept for notices of loss, so that a full queue can still tell "
		"what it had to drop."),
	YETT_ROW_BOOL(S, read_only, "read-only", 0, "false",
		"Look at a queue without changing it: what `yettctl queue` does."),
	YETT_ROW_END,
};
#undef S

static uint64_t per_cent(uint64_t size, int64_t part)
{
	return size / 100 * (uint64_t)part;
}

/* What a lane may take when the others are empty: a batch that is larger would wait for ever, and all
 * that came after it. */
static int check_lanes(const struct yett_host *host, const struct yett_disk_settings *settings,
	struct yett_error *error)
{
	static const char *const names[YETT_LANES] = {"urgent", "normal", "bulk"};
	const int64_t reserves[YETT_LANES] = {
		settings->reserve_urgent, settings->reserve_normal, settings->reserve_bulk};
	int64_t sum = settings->reserve_custody + reserves[0] + reserves[1] + reserves[2];

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		if (per_cent(settings->size_bytes, 100 - (sum - reserves[l])) < YETT_DISK_LARGEST) {
			return host->fail(error, YETT_ECONFIG,
				"raise size, or lower the reserves of the others",
				"the %s lane may take %" PRId64 " per cent of the queue's size at "
				"most, which has no room for a batch of 1 MiB",
				names[l], 100 - (sum - reserves[l]));
		}
	}
	return 0;
}

static int check(const struct yett_host *host, const void *settings_, struct yett_error *error)
{
	const struct yett_disk_settings *settings = settings_;
	int64_t sum = settings->reserve_urgent + settings->reserve_normal + settings->reserve_bulk +
		      settings->reserve_custody;

	if (settings->directory[0] == '\0') {
		return host->fail(error, YETT_ECONFIG, "name a folder, such as \"queue\"",
			"the queue's directory is empty");
	}
	if (sum > 100) {
		return host->fail(error, YETT_ECONFIG,
			"lower reserve-urgent, reserve-normal, reserve-bulk or reserve-custody",
			"the reserves of the queue's lanes add up to %" PRId64 " per cent", sum);
	}
	return check_lanes(host, settings, error);
}

static char *make_path(const struct yett_create *with, const char *directory)
{
	const char *state = directory[0] == '/' ? "" : with->state != NULL ? with->state : ".";
	size_t size = strlen(state) + strlen(directory) + 2;
	char *path = malloc(size);

	if (path != NULL) {
		snprintf(path, size, "%s%s%s", state, state[0] == '\0' ? "" : "/", directory);
	}
	return path;
}

static void limit(struct yett_disk *disk, const struct yett_disk_settings *settings)
{
	uint64_t segment = settings->segment_bytes;

	disk->size_bytes = settings->size_bytes;
	segment = segment > disk->size_bytes / 8 ? disk->size_bytes / 8 : segment;
	segment = segment > YETT_DISK_SEGMENT_MAX ? YETT_DISK_SEGMENT_MAX : segment;
	disk->segment_bytes = segment & ~UINT64_C(4095);
	disk->custody_bytes = per_cent(disk->size_bytes, settings->reserve_custody);
	disk->lanes[YETT_LANE_URGENT].reserve_bytes =
		per_cent(disk->size_bytes, settings->reserve_urgent);
	disk->lanes[YETT_LANE_NORMAL].reserve_bytes =
		per_cent(disk->size_bytes, settings->reserve_normal);
	disk->lanes[YETT_LANE_BULK].reserve_bytes =
		per_cent(disk->size_bytes, settings->reserve_bulk);
}

static void sleep_for(uint64_t ns)
{
	struct timespec time = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	(void)nanosleep(&time, NULL);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	const struct yett_disk_settings *settings = with->settings;
	struct yett_disk *disk;

	if (!YETT_HOST_HAS(host, files) || host->files == NULL) {
		return host->fail(
			error, YETT_EABI, "use a newer core", "this core lends no files to queues");
	}
	disk = calloc(1, sizeof(*disk));
	if (disk == NULL) {
		return YETT_ENOMEM;
	}
	disk->host = host;
	disk->files = host->files;
	disk->dir = -1;
	disk->lock = -1;
	disk->manifests[0] = -1;
	disk->manifests[1] = -1;
	disk->manifest_good = -1;
	disk->group = 1;
	disk->pause = sleep_for;
	disk->read_only = settings->read_only;
	disk->path = make_path(with, settings->directory);
	if (disk->path == NULL) {
		free(disk);
		return YETT_ENOMEM;
	}
	limit(disk, settings);
	*ret_self = disk;
	return 0;
}

static void stop(void *self)
{
	struct yett_disk *disk = self;

	if (!disk->recovered || disk->read_only) {
		return;
	}
	if (yett_disk_manifest_write(disk, true) == 0) {
		(void)yett_disk_manifest_write(disk, true);
	}
}

static void destroy(void *self)
{
	struct yett_disk *disk = self;
	const struct yett_files *files = disk->files;

	for (uint32_t l = 0; l < YETT_LANES; l++) {
		for (size_t i = 0; i < disk->lanes[l].count; i++) {
			yett_disk_segment_free(disk, disk->lanes[l].segments[i]);
		}
		free(disk->lanes[l].segments);
	}
	yett_disk_positions_clear(&disk->positions);
	yett_disk_positions_clear(&disk->pending);
	free(disk->losses);
	free(disk->holes);
	free(disk->missing);
	free(disk->refused);
	yett_disk_manifest_close(disk);
	if (disk->lock >= 0) {
		files->close(files->fs, disk->lock);
	}
	if (disk->dir >= 0) {
		files->dir_close(files->fs, disk->dir);
	}
	free(disk->path);
	free(disk);
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.stop = stop,
	.destroy = destroy,
};

static const struct yett_queue_operations operations = {
	.size = sizeof(operations),
	.flags = YETT_QUEUE_DURABLE,
	.recover = yett_disk_op_recover,
	.declared = yett_disk_op_declared,
	.append = yett_disk_op_append,
	.sync = yett_disk_op_sync,
	.read = yett_disk_op_read,
	.settle = yett_disk_op_settle,
	.oldest = yett_disk_op_oldest,
	.drop = yett_disk_op_drop,
	.positions = yett_disk_op_positions,
	.scan = yett_disk_op_scan,
	.stats = yett_disk_op_stats,
};

YETT_MODULE(.kind = YETT_KIND_QUEUE, .name = "queue-disk", .version = "1.0.0",
	.licence = "Apache-2.0",
	.summary = "Keeps batches on this node's disk, across crashes and loss of power.",
	.life = &life, .operations = &operations, .schema = schema,
	.settings_size = sizeof(struct yett_disk_settings));
