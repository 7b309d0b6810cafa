/* A queue module on a file system of the test's choice, with a host made by hand. */
#ifndef YETT_TESTS_QUEUE_FIXTURE_H
#define YETT_TESTS_QUEUE_FIXTURE_H

#include <CUnit/CUnit.h>
#include <yett/queue.h>

#define FIXTURE_ITEM_MAX 4096 /* bytes of payload */

struct fixture {
	struct yett_host host;
	const struct yett_queue_operations *queue;
	const struct yett_life *life;
	void *self;
	/* What the last recovery, and the reads after it, told. */
	unsigned notes;
	unsigned losses;
	uint64_t lost_records;
	struct yett_range lost[256];
	char note[256];
	unsigned errors_logged;
	char error[1024]; /* of a recovery that was refused: the sentence and its mend */
	int64_t wall_ns;
	uint64_t monotonic_ns; /* the test's to turn */
	uint64_t random;
};

/* Makes an instance with `settings` (those of the module that is linked in); does not recover. */
void fixture_create(struct fixture *fixture, const struct yett_files *files, const void *settings);
int fixture_recover(struct fixture *fixture);
void fixture_destroy(struct fixture *fixture, bool stop);
int fixture_report(void *fixture, const struct yett_recovery *what);

/* A batch of one record: number `first` of origin `origin`; `size` bytes that can be told from
 * any other batch's. */
struct yett_batch fixture_batch(uint8_t origin, uint32_t lane, uint64_t first, size_t size);
bool fixture_batch_is(const struct yett_batch *batch, uint8_t origin, uint64_t first, size_t size);
/* Appends one batch, with a position (the number itself) where `key` is given. */
int fixture_append(struct fixture *fixture, uint32_t lane, uint8_t origin, uint64_t first,
	size_t size, const char *key, uint64_t *ret_number);
/* How many entries of the lane can be read, from `from` on; each is checked to be one that
 * fixture_append made with this size. */
unsigned fixture_count(struct fixture *fixture, uint32_t lane, uint64_t from, size_t size);
uint64_t fixture_position(struct fixture *fixture, const char *key); /* 0: none */

/* Suites of the other files. */
/* For `oldest` and `scan`: counts in an unsigned what was put by fixture_append. */
int fixture_count_ranges(void *arg, uint64_t number, const struct yett_range *range,
	const void *meta, size_t meta_length);
/* Behind records that find the urgent lane full a notice is not taken in the same call. */
void fixture_refuse_behind(struct fixture *fixture);
/* A notice of loss finds room where there is none. */
void fixture_append_custody(struct fixture *fixture);
/* Drops a segment of the bulk lane, once; `left` entries are left in it. */
void fixture_drop_bulk(struct fixture *fixture, uint64_t segment, unsigned left);

/* The settings of a queue-disk of 1 MiB. */
#define FIXTURE_DISK_SETTINGS(directory_)                                                          \
	{                                                                                          \
		.directory = (directory_), .size_bytes = 4 * 1024 * 1024, .segment_bytes = 65536,  \
		.reserve_urgent = 15, .reserve_normal = 40, .reserve_bulk = 15,                    \
		.reserve_custody = 5,                                                              \
	}
extern const CU_TestInfo queue_crash_tests[], queue_damage_tests[], queue_refused_tests[],
	queue_rot_tests[];

#endif
