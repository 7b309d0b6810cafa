/* Disks and file systems, for source-host.
 *
 * Disks are whole devices: a partition would be told twice. File systems are told once per device,
 * at the first place where it is mounted, so that bind mounts do not count twice; types and places
 * that are excluded are not even asked, since statvfs() on a network file system whose server is
 * gone hangs the thread for as long as it is gone. That is why the default excludes those types.
 *
 * Runs on the source's thread; nothing is allocated. At most HOST_DEVICES_MAX file systems. */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host.h"

enum {
	READS,
	READS_MERGED,
	SECTORS_READ,
	READ_MS,
	WRITES,
	WRITES_MERGED,
	SECTORS_WRITTEN,
	WRITE_MS,
	UNDER_WAY,
	IO_MS,
	DISK_FIELDS,
};

#define SECTOR_BYTES 512 /* in /proc/diskstats, whatever the device has */

static bool is_whole_disk(const struct host *self, const char *name)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s/block/", self->settings->sys);
	size_t at = (size_t)length;

	if (length < 0 || at + strlen(name) + 1 > sizeof(path)) {
		return false;
	}
	for (; *name != '\0'; name++) {
		path[at++] = *name == '/' ? '!' : *name;
	}
	path[at] = '\0';
	return access(path, F_OK) == 0;
}

static int tell_disk(struct host *self, const char *name, const uint64_t fields[DISK_FIELDS])
{
	static const struct {
		const char *direction;
		int operations, merged, sectors, ms;
	} ways[] = {
		{"read", READS, READS_MERGED, SECTORS_READ, READ_MS},
		{"write", WRITES, WRITES_MERGED, SECTORS_WRITTEN, WRITE_MS},
	};
	struct yett_attribute a[] = {
		{yett_text("system.device"), yett_value_text(name)},
		{.key = yett_text("disk.io.direction")},
	};
	int r = yett_tell(self, YETT_LANE_BULK, "system.disk.io_time", "s",
		yett_value_double((double)fields[IO_MS] / 1000), a, 1);

	for (size_t i = 0; i < 2 && r == 0; i++) {
		uint64_t bytes = fields[ways[i].sectors] * SECTOR_BYTES;

		a[1].value = yett_value_text(ways[i].direction);
		r = yett_tell(self, YETT_LANE_BULK, "system.disk.io", "By",
			yett_value_int((int64_t)bytes), a, 2);
		r = r != 0 ? r
			   : yett_tell(self, YETT_LANE_BULK, "system.disk.operations",
				     "{operation}",
				     yett_value_int((int64_t)fields[ways[i].operations]), a, 2);
		r = r != 0 ? r
			   : yett_tell(self, YETT_LANE_BULK, "system.disk.merged", "{operation}",
				     yett_value_int((int64_t)fields[ways[i].merged]), a, 2);
		r = r != 0 ? r
			   : yett_tell(self, YETT_LANE_BULK, "system.disk.operation_time", "s",
				     yett_value_double((double)fields[ways[i].ms] / 1000), a, 2);
	}
	return r;
}

int yett_gather_disk(struct host *self)
{
	struct lines lines;
	char *line;
	int r = yett_lines_open(self, FILE_DISKSTATS, &lines);

	while (r == 0 && (line = yett_lines_next(self, &lines)) != NULL) {
		uint64_t number, fields[DISK_FIELDS] = {0};
		const char *name;
		int i = 0;

		if (!yett_take_number(&line, &number) || !yett_take_number(&line, &number) ||
			(name = yett_take_word(&line)) == NULL) {
			continue;
		}
		while (i < DISK_FIELDS && yett_take_number(&line, &fields[i])) {
			i++;
		}
		if (i == DISK_FIELDS && !yett_is_excluded(&self->settings->disk_exclude, name) &&
			is_whole_disk(self, name)) {
			r = tell_disk(self, name, fields);
		}
	}
	return r;
}

/* mountinfo writes blanks, backslashes and newlines as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	while (*text != '\0') {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
			text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 +
				       (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

struct mount {
	uint64_t device;
	const char *point, *type, *source;
	bool read_only;
};

/* id parent major:minor root point options [fields] - type source options */
static bool read_mount(char *line, struct mount *ret_mount)
{
	uint64_t ignored, major, minor;
	const char *options, *word, *super;

	if (!yett_take_number(&line, &ignored) || !yett_take_number(&line, &ignored) ||
		!yett_take_number(&line, &major) || *line++ != ':' ||
		!yett_take_number(&line, &minor) || yett_take_word(&line) == NULL) {
		return false;
	}
	char *point = yett_take_word(&line);

	options = yett_take_word(&line);
	do {
		word = yett_take_word(&line);
	} while (word != NULL && strcmp(word, "-") != 0);
	ret_mount->type = yett_take_word(&line);
	char *source = yett_take_word(&line);

	super = yett_take_word(&line);
	if (point == NULL || ret_mount->type == NULL || source == NULL) {
		return false;
	}
	unescape(point);
	unescape(source);
	ret_mount->point = point;
	ret_mount->source = source;
	ret_mount->device = major << 32 | minor;
	ret_mount->read_only =
		strncmp(options, "ro", 2) == 0 || (super != NULL && strncmp(super, "ro", 2) == 0);
	return true;
}

/* Whether the device was not told yet in this poll; remembers it. */
static bool is_first(struct host *self, size_t *count, uint64_t device)
{
	for (size_t i = 0; i < *count; i++) {
		if (self->devices[i] == device) {
			return false;
		}
	}
	if (*count == HOST_DEVICES_MAX) {
		if (!self->crowded) {
			self->crowded = true;
			self->host->log(self->host->instance, YETT_LOG_WARNING,
				"filesystems-too-many",
				"more than %d file systems are mounted: the rest is not told of; "
				"exclude some with filesystem-exclude",
				HOST_DEVICES_MAX);
		}
		return false;
	}
	self->devices[(*count)++] = device;
	return true;
}

static int tell_filesystem(struct host *self, const struct mount *mount)
{
	struct yett_attribute a[] = {
		{yett_text("system.device"), yett_value_text(mount->source)},
		{yett_text("system.filesystem.mountpoint"), yett_value_text(mount->point)},
		{yett_text("system.filesystem.type"), yett_value_text(mount->type)},
		{yett_text("system.filesystem.mode"),
			yett_value_text(mount->read_only ? "ro" : "rw")},
		{.key = yett_text("system.filesystem.state")},
	};
	struct statvfs vfs;
	int r;

	if (statvfs(mount->point, &vfs) != 0 || vfs.f_blocks == 0) {
		return 0; /* gone meanwhile, not ours to see, or a file system without blocks */
	}
	uint64_t unit = vfs.f_frsize != 0 ? vfs.f_frsize : vfs.f_bsize;
	uint64_t free = vfs.f_bavail < vfs.f_bfree ? vfs.f_bavail : vfs.f_bfree;
	const struct {
		const char *state;
		uint64_t blocks, inodes;
	} rows[] = {
		{"used", vfs.f_blocks - vfs.f_bfree, vfs.f_files - vfs.f_ffree},
		{"free", free, vfs.f_ffree},
		{"reserved", vfs.f_bfree - free, 0},
	};

	r = yett_tell(self, YETT_LANE_BULK, "system.filesystem.limit", "By",
		yett_value_int((int64_t)(vfs.f_blocks * unit)), a, 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && r == 0; i++) {
		double part = (double)rows[i].blocks / (double)vfs.f_blocks;

		a[4].value = yett_value_text(rows[i].state);
		r = yett_tell(self, YETT_LANE_NORMAL, "system.filesystem.usage", "By",
			yett_value_int((int64_t)(rows[i].blocks * unit)), a, 5);
		if (r == 0) {
			r = yett_tell(self, YETT_LANE_NORMAL, "system.filesystem.utilization", "1",
				yett_value_double(part), a, 5);
		}
		if (r == 0 && vfs.f_files > 0 && i < 2) {
			r = yett_tell(self, YETT_LANE_BULK, "system.filesystem.inodes.usage",
				"{inode}", yett_value_int((int64_t)rows[i].inodes), a, 5);
		}
	}
	return r;
}

int yett_gather_filesystem(struct host *self)
{
	const struct settings *settings = self->settings;
	size_t count = 0;
	struct lines lines;
	char *line;
	int r = yett_lines_open(self, FILE_MOUNTINFO, &lines);

	while (r == 0 && (line = yett_lines_next(self, &lines)) != NULL) {
		struct mount mount;

		if (read_mount(line, &mount) &&
			!yett_is_excluded(&settings->filesystem_exclude_types, mount.type) &&
			!yett_is_excluded(&settings->filesystem_exclude, mount.point) &&
			is_first(self, &count, mount.device)) {
			r = tell_filesystem(self, &mount);
		}
	}
	return r;
}
