/* The undo journal that the shim (shim.c) writes and the undoer (undo.c) reads.
 *
 * In ROOT/.undo, which is on the same file system, stand, named after inode numbers:
 *
 *     f<inode>  a hard link to a file that has been written: it keeps number and bytes
 *     u<inode>  what undoes the writes since the file's last sync, in order
 *     d<inode>  what undoes the changes of names since the directory's last sync, in order
 *
 * An entry is whole in the journal before what it undoes is done, so a kill at any place leaves
 * either nothing to undo or all that is needed; a torn last entry means that nothing was done yet. */
#ifndef YETT_SHIM_UNDO_H
#define YETT_SHIM_UNDO_H

#include <stdint.h>

#define UNDO_FOLDER   ".undo"
#define UNDO_MAGIC    0x4f444e55u
#define UNDO_VOLATILE "-shm" /* SQLite's shared memory, which is no durable state */

enum undo_kind {
	UNDO_BYTES = 1, /* [offset, offset + length) was: `stored` bytes that follow, then zeros */
	UNDO_MADE,      /* the name was not there */
	UNDO_REMOVED,   /* the name was that of `inode` */
	UNDO_RENAMED,   /* the first name was that of `inode`, the second of `other` (0: none) */
};

struct undo_entry {
	uint32_t magic;
	uint32_t kind;
	uint64_t offset, length;
	uint64_t size; /* of the file before */
	uint64_t inode, other;
	uint32_t stored;       /* bytes that follow: of the file, or paths, each with its NUL */
	uint32_t first_length; /* of the first path, with its NUL */
};

#endif
