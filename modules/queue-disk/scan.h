/* Walks the entries in the bytes of a segment file, over whatever damage there is. */
#ifndef YETT_DISK_SCAN_H
#define YETT_DISK_SCAN_H

#include "format.h"

struct yett_disk_scan {
	const struct yett_host *host;
	const uint8_t *bytes;
	uint32_t limit; /* nothing is looked for from here on */
	uint64_t salt;
	uint32_t at; /* where the next entry should start */
	bool marked; /* ended at a mark: nothing was ever written after it */
	struct yett_disk_mark mark;
	uint32_t bad_from; /* at the end: damage before the mark or the limit; else == at */
	bool dirty;        /* at the end: something other than zeros follows */
};

struct yett_disk_found {
	struct yett_disk_edge edge;
	uint32_t offset;
	uint32_t bad_from; /* damage starts here and ends at `offset`; equal: there is none */
	bool intact;       /* the body is; the edge always */
};

/* 1: found one; 0: the end. */
int yett_disk_scan_next(struct yett_disk_scan *scan, struct yett_disk_found *ret_found);

#endif
