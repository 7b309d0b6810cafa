/* The manifest: what must be known beyond any one segment. */
#ifndef YETT_DISK_MANIFEST_H
#define YETT_DISK_MANIFEST_H

#include "disk.h"

/* What was read; the caller frees `listed` and `holes` (plain arrays). */
struct yett_disk_manifest {
	bool there;     /* one at least could be read */
	bool clean;     /* written at a stop: nothing came after it */
	bool other_bad; /* the other copy is there, and damaged */
	uint64_t group; /* all groups up to it are synced */
	uint64_t next_serial;
	uint64_t next[YETT_LANES];
	struct yett_disk_listed *listed;
	size_t listed_count;
};

/* Fills the queue's incarnation, generation, positions and holes; YETT_EVERSION: a newer one. */
int yett_disk_manifest_read(struct yett_disk *disk, struct yett_disk_manifest *ret_manifest);
/* Writes it durably, over the older of the two copies. */
int yett_disk_manifest_write(struct yett_disk *disk, bool clean);
void yett_disk_manifest_close(struct yett_disk *disk);

#endif
