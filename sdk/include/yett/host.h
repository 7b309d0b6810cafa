/* SPDX-License-Identifier: Apache-2.0
 *
 * The host table: all that a module may call of the core. It is given to `create`, stays valid
 * until `destroy` returns, and is the module's only way to reach the core, so a test host can run
 * any module. `size` first; a call beyond the host's size is absent (ask with YETT_HOST_HAS).
 *
 * Threads: a call marked (any) may be made from every thread; the others from the thread that the
 * module's kind runs on (see the kind's header).
 */
#ifndef YETT_HOST_H
#define YETT_HOST_H

#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <yett/batch.h>
#include <yett/error.h>
#include <yett/record.h>

enum yett_log_level {
	YETT_LOG_ERROR = 0,   /* someone must act */
	YETT_LOG_WARNING = 1, /* degraded, and how */
	YETT_LOG_NOTICE = 2,  /* the state changed */
	YETT_LOG_INFO = 3,    /* at most one a batch */
	YETT_LOG_DEBUG = 4,
};

struct yett_instance; /* the core's side of one module instance */
struct yett_stream;   /* one connected byte stream: TCP, or the simulator's memory */
struct yett_listener; /* one listening address */
struct yett_timer;
struct yett_reader; /* reads the records or notices of a batch */

/* All run on the loop. A stream's or listener's callbacks are not called after close's. */
typedef void (*yett_accept_fn)(void *arg, struct yett_stream *stream);
typedef void (*yett_connect_fn)(void *arg, int result, struct yett_stream *stream);
/* `length` bytes, borrowed; 0 with result YETT_ECLOSED at the end, or another error. */
typedef void (*yett_read_fn)(void *arg, int result, const uint8_t *bytes, size_t length);
typedef void (*yett_done_fn)(void *arg, int result);
typedef void (*yett_timer_fn)(void *arg);

/* What the piece list of one (origin, epoch, lane) says about a batch: see judge(). */
enum yett_verdict {
	YETT_VERDICT_NEW = 1,       /* store it, and the new piece list with it */
	YETT_VERDICT_DUPLICATE = 2, /* it is there already: acknowledge, store nothing */
	YETT_VERDICT_FORK = 3,  /* same numbers, other content: keep apart, acknowledge, alert */
	YETT_VERDICT_LIMIT = 4, /* too many pieces: refuse, to be tried later */
};

/* One batch that a store has, by its numbers and its content. */
struct yett_piece {
	uint64_t first;
	uint32_t count;
	uint32_t crc;
};
#define YETT_PIECES_MAX      1024 /* of one lane of one epoch */
#define YETT_EPOCHS_OPEN_MAX 64   /* of one origin */

struct yett_host {
	uint32_t size;
	uint16_t abi_major;
	uint16_t abi_minor;
	struct yett_instance *instance; /* pass it back as the first argument */

	/* Log and errors (any). `event` is a stable name, lower-case-with-dashes; `format` makes
	 * the sentence, and has its fields at the end ("... reason=%s"): what looks like one in a
	 * value is none. A rate limit per event applies. */
	void (*log)(struct yett_instance *instance, int level, const char *event,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
	/* Fills `error` (which may be NULL): what happened and why, as printf does; `mend` is what
	 * would mend it, or NULL. Returns `code`, so that one can `return host->fail(…)`. */
	int (*fail)(struct yett_error *error, int code, const char *mend, const char *format, ...)
		__attribute__((format(printf, 4, 5)));
	const char *(*result_text)(int code);

	/* Clocks and chance (any). */
	uint64_t (*monotonic_ns)(struct yett_instance *instance);
	int64_t (*wall_ns)(struct yett_instance *instance); /* Unix time */
	void (*random_bytes)(struct yett_instance *instance, void *ret_bytes, size_t length);

	/* Metrics (any): `index` into the descriptor's table; adds, or sets a gauge. */
	void (*metric)(struct yett_instance *instance, uint32_t index, int64_t value);

	/* Buffers (any): counted, one allocation, born with one reference; NULL: no memory. */
	struct yett_buffer *(*buffer_new)(size_t length);
	uint8_t *(*buffer_bytes)(struct yett_buffer *buffer);
	size_t (*buffer_length)(const struct yett_buffer *buffer);
	struct yett_buffer *(*buffer_ref)(struct yett_buffer *buffer);
	void (*buffer_unref)(struct yett_buffer *buffer);

	/* CRC32C (Castagnoli) of bytes, continuing `crc` (0 at first) (any). */
	uint32_t (*crc32c)(uint32_t crc, const void *bytes, size_t length);

	/* Parses and checks a batch: magic, version, lengths, both checksums (any). `ret_batch`
	 * borrows `buffer`, at `bytes`. YETT_ECORRUPT, YETT_EVERSION. */
	int (*batch_parse)(struct yett_buffer *buffer, const uint8_t *bytes, size_t length,
		struct yett_batch *ret_batch);

	/* Reads what a batch holds, bounded by its plain length (any). A reader's records and
	 * notices are borrowed until its next call. next: 1 = one more, 0 = the end, negative =
	 * cannot be decoded (and what is left will not be). */
	int (*reader_open)(const struct yett_batch *batch, struct yett_reader **ret_reader);
	int (*reader_next_record)(struct yett_reader *reader, struct yett_record *ret_record);
	int (*reader_next_notice)(struct yett_reader *reader, struct yett_notice *ret_notice);
	void (*reader_close)(struct yett_reader *reader);

	/* The contract of exactly once, the same for every store (any): holds a batch's numbers
	 * against the pieces there are (sorted by `first`, no overlap), and for NEW inserts it,
	 * in order, into `pieces` (which has room for YETT_PIECES_MAX + 1) and counts up
	 * `*count`. `folded_below`: all numbers below it are there (0: none folded). */
	int (*judge)(struct yett_piece *pieces, size_t *count, uint64_t folded_below,
		const struct yett_batch_info *batch);

	/* Byte streams (transport only; the loop). `address` is "host:port", "[v6]:port".
	 * Results come through the callback, always, and never from within the call. */
	int (*listen)(struct yett_instance *instance, const char *address, yett_accept_fn accept,
		void *arg, struct yett_listener **ret_listener, struct yett_error *error);
	void (*listener_close)(struct yett_listener *listener);
	int (*listener_address)(struct yett_listener *listener, char *ret_text, size_t size);
	/* `source`: local address to connect from, or NULL. */
	int (*connect)(struct yett_instance *instance, const char *address, const char *source,
		uint64_t timeout_ns, yett_connect_fn connected, void *arg,
		struct yett_error *error);
	int (*stream_read_start)(struct yett_stream *stream, yett_read_fn read, void *arg);
	int (*stream_read_stop)(struct yett_stream *stream);
	/* Bytes written at once (may be fewer than asked), or YETT_EAGAIN, or an error. */
	ssize_t (*stream_try_write)(struct yett_stream *stream, const struct iovec *iov, int n);
	/* What `iov` points to is lent until `done`. */
	int (*stream_write)(struct yett_stream *stream, const struct iovec *iov, int n,
		yett_done_fn done, void *arg);
	/* Bytes given to stream_write and not yet taken by the kernel. */
	size_t (*stream_unsent)(const struct yett_stream *stream);
	void (*stream_close)(struct yett_stream *stream); /* gone on return; pending writes are
							   * done with YETT_ECLOSED first */
	int (*stream_addresses)(
		struct yett_stream *stream, char *ret_local, char *ret_peer, size_t size);

	/* Timers (transport; the loop). One shot; start restarts. */
	struct yett_timer *(*timer_new)(
		struct yett_instance *instance, yett_timer_fn fire, void *arg);
	void (*timer_start)(struct yett_timer *timer, uint64_t delay_ns);
	void (*timer_stop)(struct yett_timer *timer);
	void (*timer_free)(struct yett_timer *timer);

	/* Files for queues and stores, so that a simulator can fail, tear and forget (their thread).
	 * Directories are opened once; names are relative, without '/'. Results as YETT_E…
	 * (ENOSPC → YETT_ENOSPC, EIO → YETT_EIO). */
	const struct yett_files *files;

	/* The instance's own error, cleared: for callbacks that carry one (a transport's `closed`),
	 * to be filled with `fail`. The host's, until the next call; may be NULL. The loop. */
	struct yett_error *(*error_blank)(struct yett_instance *instance);

	/* What every store holds a notice to before it takes it (any): NULL where it is sound, else
	 * why it is not. `origin`: of the batch that brought it; `flags`: those of its put. */
	const char *(*judge_notice)(
		const struct yett_notice *notice, const struct yett_id *origin, uint32_t flags);
};

/* A small file system: what a segment log needs. `fs` is passed to each call. */
struct yett_files {
	uint32_t size;
	uint32_t reserved;
	void *fs;
	/* Opens a directory, making it (0700) where missing. Handles are >= 0. */
	int (*dir_open)(void *fs, const char *path);
	int (*dir_close)(void *fs, int dir);
	int (*dir_sync)(void *fs, int dir);
	/* Calls `visit` with each name in no order until it returns non-zero, which it returns. */
	int (*dir_list)(void *fs, int dir, int (*visit)(void *arg, const char *name), void *arg);
	/* flags: O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC; mode 0600. */
	int (*open)(void *fs, int dir, const char *name, int flags);
	int (*close)(void *fs, int file);
	/* At an offset, all or an error: a short write is YETT_EIO or YETT_ENOSPC; a read returns
	 * how many bytes there were. */
	int (*write)(void *fs, int file, const struct iovec *iov, int n, uint64_t offset);
	int64_t (*read)(void *fs, int file, void *ret_bytes, size_t length, uint64_t offset);
	int (*allocate)(void *fs, int file, uint64_t length); /* posix_fallocate */
	int (*truncate)(void *fs, int file, uint64_t length);
	int (*sync)(void *fs, int file); /* fdatasync; after a failure: YETT_ESYNC */
	int64_t (*length)(void *fs, int file);
	int (*rename)(void *fs, int dir, const char *from, const char *to);
	int (*remove)(void *fs, int dir, const char *name);
	/* Locks a file (made where missing) against every other process and every other holder;
	 * returns a handle, and `close` of it, or the end of the process, gives the lock back.
	 * YETT_EPERM: somebody else holds it. */
	int (*lock)(void *fs, int dir, const char *name);
};

#define YETT_HOST_HAS(host, call)                                                                  \
	((host)->size >= offsetof(struct yett_host, call) + sizeof((host)->call) &&                \
		(host)->call != NULL)

#endif
