/* Reading what the disk may refuse to give.
 *
 * A read that fails (YETT_EIO) says nothing of what is on the disk: the way to it may be gone for a
 * while (a path of several, a controller that starts anew), or a sector is bad and stays so. Responsible
 * for telling the two apart, by pieces of 4 KiB, since one bad sector is not to cost more than what it
 * held. A piece that is given up reads as zeros, and the checksums judge what that has damaged.
 *
 * Where somebody waits for the answer (at recovery, and where a queue is only looked at), a read is tried
 * a few times at once, and what is refused still is given up; at recovery it is asked for once more a
 * moment later, and where only some of it comes, nothing is concluded (judge.c). While the queue runs the
 * caller is told YETT_EIO, loses nothing, and asks again (deliver does, each second). Then a piece is given
 * up only where it was refused again and again for a minute, without a success in between, and the disk has
 * taken and synced a manifest after that: so it is there, and the piece is not. What adjoins a piece that
 * was given up is of the same damage, and not waited for.
 *
 * Not responsible for what the bytes mean. Thread: the queue's. Failure: YETT_EIO; YETT_ENOMEM. */
#include "disk.h"

#include <stdlib.h>

#include "manifest.h"

#define PIECE          4096u
#define TRIES          4
#define PATIENCE_NS    (UINT64_C(60) * 1000000000)
#define PATIENCE_TIMES 12                           /* as few where each takes seconds */
#define APART_NS       (UINT64_C(1) * 1000000000)   /* refusals within it are one */
#define PAUSE_NS       (UINT64_C(120) * 1000000000) /* after it the story begins anew */

static uint64_t now(const struct yett_disk *disk)
{
	const struct yett_host *host = disk->host;

	return YETT_HOST_HAS(host, monotonic_ns) ? host->monotonic_ns(host->instance) : 0;
}

static bool waits(const struct yett_disk *disk)
{
	return disk->recovered && !disk->read_only;
}

static struct yett_disk_refused *find(struct yett_disk *disk, uint64_t serial, uint32_t offset)
{
	for (size_t i = 0; i < disk->refused_count; i++) {
		if (disk->refused[i].serial == serial && disk->refused[i].offset == offset) {
			return &disk->refused[i];
		}
	}
	return NULL;
}

static bool is_given_up(struct yett_disk *disk, uint64_t serial, uint32_t offset)
{
	const struct yett_disk_refused *refused = find(disk, serial, offset);

	return refused != NULL && refused->given_up;
}

static bool overlaps(
	const struct yett_disk_refused *refused, uint64_t serial, uint64_t from, uint64_t to)
{
	return refused->serial == serial && refused->offset < to &&
	       (uint64_t)refused->offset + PIECE > from;
}

bool yett_disk_has_refused(
	const struct yett_disk *disk, uint64_t serial, uint64_t from, uint64_t to, bool given_up)
{
	for (size_t i = 0; i < disk->refused_count; i++) {
		if (disk->refused[i].given_up == given_up &&
			overlaps(&disk->refused[i], serial, from, to)) {
			return true;
		}
	}
	return false;
}

void yett_disk_refused_forget(struct yett_disk *disk, uint64_t serial, uint64_t from, uint64_t to)
{
	size_t kept = 0;

	for (size_t i = 0; i < disk->refused_count; i++) {
		if (!overlaps(&disk->refused[i], serial, from, to)) {
			disk->refused[kept++] = disk->refused[i];
		}
	}
	disk->refused_count = kept;
}

/* Whether a piece that is refused once more has been so for long enough. */
static bool is_over(struct yett_disk *disk, struct yett_disk_refused *refused)
{
	uint64_t now_ns = now(disk);

	if (now_ns - refused->last_ns > PAUSE_NS) {
		refused->since_ns = now_ns;
		refused->times = 0;
	}
	if (refused->times == 0 || now_ns - refused->last_ns >= APART_NS) {
		refused->times++;
		refused->last_ns = now_ns;
	}
	if (refused->times < PATIENCE_TIMES || now_ns - refused->since_ns < PATIENCE_NS) {
		return false;
	}
	disk->proof_wanted = disk->proved_ns < refused->since_ns + PATIENCE_NS;
	return !disk->proof_wanted;
}

int yett_disk_refuse(struct yett_disk *disk, uint64_t serial, uint32_t offset)
{
	struct yett_disk_refused *refused = find(disk, serial, offset);
	uint64_t now_ns = now(disk);

	if (refused == NULL) {
		int result = yett_disk_grow(&disk->refused, disk->refused_count,
			&disk->refused_room, sizeof(*disk->refused));

		if (result < 0) {
			return result;
		}
		refused = &disk->refused[disk->refused_count++];
		*refused = (struct yett_disk_refused){
			.serial = serial, .offset = offset, .since_ns = now_ns, .last_ns = now_ns};
	}
	refused->given_up = refused->given_up || !waits(disk) ||
			    (offset >= PIECE && is_given_up(disk, serial, offset - PIECE)) ||
			    is_over(disk, refused);
	return refused->given_up ? 0 : YETT_EIO;
}

void yett_disk_prove(struct yett_disk *disk)
{
	if (disk->proof_wanted && yett_disk_manifest_write(disk, false) == 0) {
		disk->proof_wanted = false;
		disk->proved_ns = now(disk);
	}
}

int64_t yett_disk_read_again(
	const struct yett_files *files, int file, void *ret_bytes, size_t length, uint64_t offset)
{
	int64_t got = YETT_EIO;

	for (int i = 0; i < TRIES && got == YETT_EIO; i++) {
		got = files->read(files->fs, file, ret_bytes, length, offset);
	}
	return got;
}

int yett_disk_read_given_up(struct yett_disk *disk, const struct yett_disk_segment *segment,
	uint8_t *bytes, size_t length, size_t *ret_came, size_t *ret_left)
{
	const struct yett_files *files = disk->files;
	size_t came = 0, left = 0, i = 0;

	while (i < disk->refused_count) {
		uint32_t offset = disk->refused[i].offset;
		int64_t got = YETT_EIO;

		if (disk->refused[i].serial != segment->serial || offset >= length) {
			i++;
			continue;
		}
		got = files->read(files->fs, segment->file, bytes + offset,
			length - offset < PIECE ? length - offset : PIECE, offset);
		if (got == YETT_EIO) {
			left++;
			i++;
		} else if (got < 0) {
			return (int)got;
		} else {
			came++;
			yett_disk_refused_forget(
				disk, segment->serial, offset, (uint64_t)offset + 1);
		}
	}
	*ret_came = came;
	*ret_left = left;
	return 0;
}

/* One piece, or a part of it: as files->read; zeros where it is given up. */
static int64_t read_piece(struct yett_disk *disk, const struct yett_disk_segment *segment,
	uint8_t *ret_bytes, size_t length, uint64_t offset)
{
	const struct yett_files *files = disk->files;
	uint32_t piece = (uint32_t)(offset / PIECE * PIECE);
	int64_t got = files->read(files->fs, segment->file, ret_bytes, length, offset);
	int result;

	if (got >= 0) { /* also what was given up: it may have been written since */
		yett_disk_refused_forget(disk, segment->serial, piece, piece + 1);
	}
	if (got != YETT_EIO) {
		return got;
	}
	result = yett_disk_refuse(disk, segment->serial, piece);
	if (result < 0) {
		return result;
	}
	memset(ret_bytes, 0, length);
	return (int64_t)length;
}

int64_t yett_disk_segment_read(struct yett_disk *disk, const struct yett_disk_segment *segment,
	void *ret_bytes, size_t length, uint64_t offset)
{
	const struct yett_files *files = disk->files;
	uint8_t *to = ret_bytes;
	size_t done = 0;
	int64_t got = YETT_EIO;

	if (!yett_disk_has_refused(disk, segment->serial, offset, offset + length, true)) {
		got = waits(disk) ? files->read(files->fs, segment->file, to, length, offset)
				  : yett_disk_read_again(files, segment->file, to, length, offset);
	}
	if (got >= 0 && disk->refused_count > 0) {
		yett_disk_refused_forget(disk, segment->serial, offset, offset + (uint64_t)got);
	}
	if (got != YETT_EIO) {
		return got;
	}
	while (done < length) {
		size_t want = PIECE - (offset + done) % PIECE;

		want = want < length - done ? want : length - done;
		got = read_piece(disk, segment, to + done, want, offset + done);
		if (got < 0) {
			return got;
		}
		done += (size_t)got;
		if ((size_t)got < want) {
			break; /* the file ends here */
		}
	}
	return (int64_t)done;
}
