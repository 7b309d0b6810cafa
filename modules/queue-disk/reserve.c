/* Room on the disk itself for notices of loss.
 *
 * The custody reserve is a part of the quota (space.c); others who write to the same disk do not keep
 * to it. So a file, `reserve`, holds that much of the disk, and becomes a segment by being renamed
 * where a notice needs one: that takes no room. Responsible for making it when there is room, and
 * for giving it. What stands in it is nothing: what an earlier life of it held has another salt.
 *
 * Thread: the queue's. Failure: without it a notice waits for room, as everything else does. */
#include "disk.h"

#include <fcntl.h>

#define FILE_NAME "reserve"

int yett_disk_reserve_make(struct yett_disk *disk)
{
	const struct yett_files *files = disk->files;
	uint64_t used = yett_disk_used_reserve(disk);
	uint64_t want = disk->custody_bytes > used ? disk->custody_bytes - used : 0;
	int64_t length;
	int file, result;

	want = (want < disk->segment_bytes ? want : disk->segment_bytes) & ~UINT64_C(4095);
	if (disk->reserve_bytes >= want || disk->read_only) {
		return 0;
	}
	file = files->open(files->fs, disk->dir, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC);
	if (file < 0) {
		return file;
	}
	result = files->allocate(files->fs, file, want);
	/* One that is there already is kept, be it shorter; one that is longer gives some back. */
	length = files->length(files->fs, file);
	if (length > (int64_t)want) {
		(void)files->truncate(files->fs, file, want);
	}
	files->close(files->fs, file);
	if (result < 0 && length < (int64_t)want) {
		want = length > 0 ? (uint64_t)length & ~UINT64_C(4095) : 0;
	}
	disk->reserve_bytes = (uint32_t)want;
	if (want == 0) {
		files->remove(files->fs, disk->dir, FILE_NAME);
	}
	return result;
}

int yett_disk_reserve_take(struct yett_disk *disk, const char *name)
{
	const struct yett_files *files = disk->files;
	int file, result = files->rename(files->fs, disk->dir, FILE_NAME, name);

	disk->reserve_bytes = 0;
	if (result < 0) {
		return result;
	}
	file = files->open(files->fs, disk->dir, name, O_RDWR | O_CLOEXEC);
	if (file < 0) {
		files->remove(files->fs, disk->dir, name);
	}
	return file;
}
