/* Finding the entries of a segment in its bytes.
 *
 * An entry is where a header with the segment's salt and a good checksum stands; its length leads
 * to the next. Where that chain breaks, the bytes are searched, in steps of 8, for the next
 * header, trailer or mark: a trailer gives back an entry whose header is damaged. The salt holds
 * a random number, so no payload can look like an entry.
 *
 * Not responsible for what damage means. Pure; any thread; reads nothing beyond `limit`. */
#include "scan.h"

static bool header_at(
	const struct yett_disk_scan *scan, uint32_t at, struct yett_disk_found *ret_found)
{
	return scan->limit - at >= 2 * YETT_DISK_EDGE_SIZE &&
	       yett_disk_edge_decode(scan->host, scan->bytes + at, scan->salt, YETT_DISK_HEADER,
		       &ret_found->edge) &&
	       ret_found->edge.total <= scan->limit - at;
}

/* A trailer at `at`, whose entry starts not before scan->at. */
static bool trailer_at(const struct yett_disk_scan *scan, uint32_t at,
	struct yett_disk_found *ret_found, uint32_t *ret_offset)
{
	if (scan->limit - at < YETT_DISK_EDGE_SIZE ||
		!yett_disk_edge_decode(scan->host, scan->bytes + at, scan->salt, YETT_DISK_TRAILER,
			&ret_found->edge) ||
		ret_found->edge.total > at + YETT_DISK_EDGE_SIZE - scan->at) {
		return false;
	}
	*ret_offset = at + YETT_DISK_EDGE_SIZE - ret_found->edge.total;
	return true;
}

static bool mark_at(struct yett_disk_scan *scan, uint32_t at)
{
	return scan->limit - at >= YETT_DISK_MARK_SIZE &&
	       yett_disk_mark_decode(scan->host, scan->bytes + at, scan->salt, &scan->mark) &&
	       scan->mark.synced == at;
}

static int found(struct yett_disk_scan *scan, uint32_t offset, struct yett_disk_found *ret_found)
{
	ret_found->offset = offset;
	ret_found->bad_from = scan->at;
	ret_found->intact =
		yett_disk_body_intact(scan->host, scan->bytes + offset, &ret_found->edge);
	scan->at = offset + ret_found->edge.total;
	scan->bad_from = scan->at;
	return 1;
}

int yett_disk_scan_next(struct yett_disk_scan *scan, struct yett_disk_found *ret_found)
{
	uint32_t offset;

	scan->bad_from = scan->at;
	for (uint32_t at = scan->at; at < scan->limit && scan->limit - at >= YETT_DISK_MARK_SIZE;
		at += 8) {
		uint64_t word;

		memcpy(&word, scan->bytes + at, sizeof(word));
		if (word == 0) {
			continue;
		}
		if (header_at(scan, at, ret_found)) {
			return found(scan, at, ret_found);
		}
		if (trailer_at(scan, at, ret_found, &offset)) {
			return found(scan, offset, ret_found);
		}
		if (mark_at(scan, at)) {
			scan->marked = true;
			scan->dirty = at > scan->at;
			scan->at = at;
			return 0;
		}
	}
	for (uint32_t at = scan->at; at < scan->limit && !scan->dirty; at++) {
		scan->dirty = scan->bytes[at] != 0;
	}
	return 0;
}
