/* The contract of yett/store.h as tests, written against the table of operations alone: every
 * store module that keeps records runs them from an executable of its own. */
#ifndef TEST_STORE_CONTRACT_H
#define TEST_STORE_CONTRACT_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#include <yett/store.h>

#include "base/error.h"

/* What the executable provides: settings that name the store at `folder`, valid until the next
 * call. */
const void *store_settings(const char *folder);
/* What no operation does, in the store's own tables. */
void store_sql(const char *text);
void store_keep(uint64_t keep_ns); /* how long the settings let a record stay; 0: for ever */

extern const struct yett_module yett_module; /* the module under test */

/* A host without an instance; logged lines and metrics are counted, its clock can be turned. */
struct store_world {
	struct yett_host host;
	int64_t wall_shift_ns, monotonic_shift_ns;
	int64_t metrics[16];
	char last_event[64];
	const char *group; /* the management group's id, or NULL */
	char folder[64];   /* the test's own, made by store_world_open */
	size_t buffers;    /* alive when it was opened */
	int descriptors;
};
extern struct store_world store_world;

void store_world_open(void);
/* Proves that nothing is left open, and removes the folder. */
void store_world_close(void);

struct store {
	void *self;
	const struct yett_store_operations *operations;
	struct yett_error error;
};
void store_open(struct store *store, uint32_t mode); /* create, open, start */
int store_try_open(struct store *store, uint32_t mode);
void store_close(struct store *store); /* stop, destroy */
/* A world with one writer in it, and both ends of it. */
void store_begin(struct store *writer);
void store_end(struct store *writer);
/* The same course again after the process has ended and started anew. */
void store_restart(struct store *writer);

/* Batches of `count` records, the `tag` of which makes their content differ. */
struct yett_batch store_batch(unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first,
	uint32_t count, const char *tag);
struct yett_batch store_batch_of(unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first,
	const struct yett_record *records, size_t count);
struct yett_batch store_notices(unsigned origin, uint64_t epoch, uint64_t first,
	const struct yett_notice *notices, size_t count);
/* One whose payload is no CBOR. */
struct yett_batch store_batch_broken(
	unsigned origin, uint64_t epoch, uint32_t lane, uint64_t first, uint32_t count);
void store_batch_free(struct yett_batch *batch);
struct yett_id store_id(unsigned number);
struct yett_epoch store_epoch(uint64_t number);
struct yett_notice store_gap(unsigned identity, unsigned origin, uint64_t epoch, uint32_t lane,
	uint64_t first, uint64_t count);
struct yett_notice store_bounds(unsigned origin, uint64_t epoch, uint32_t lane, uint64_t oldest,
	uint64_t next, bool closed);

/* Puts one batch in a transaction of its own, frees it, and answers its result. */
int store_put(struct store *store, struct yett_batch batch);
/* Three gaps of one cause that become one row: 5 to 8, the last to make it grow received at 5000. */
void store_put_growing_gap(struct store *store);
/* The same of a gateway whose word about others counts; and of what may not be stored. */
int store_put_for_others(struct store *store, struct yett_batch batch);
int store_put_aside(struct store *store, struct yett_batch batch, const char *cause);
/* One of the first origin's first epoch, in the normal lane, as it was received at that time. */
int store_put_at(
	struct store *store, uint64_t first, uint32_t count, int64_t received_ns, const char *tag);
void store_tidy_all(struct store *store); /* until nothing is left to tidy */
/* The account of one lane; all zero if there is none. */
struct yett_account store_account(
	struct store *store, unsigned origin, uint64_t epoch, uint32_t lane);
size_t store_rows(struct store *store, const struct yett_query *query);

extern const CU_TestInfo store_custody_tests[], store_dead_tests[], store_reading_tests[],
	store_together_tests[], store_clock_tests[], store_bounds_tests[], store_limits_tests[],
	store_many_holes_tests[];

/* A test that makes batches as it declares them: the world is there before, in its file's `writer`. */
#define TEST(name)                                                                                 \
	static void name##_course(void);                                                           \
	static void name(void)                                                                     \
	{                                                                                          \
		store_begin(&writer);                                                              \
		name##_course();                                                                   \
		store_end(&writer);                                                                \
	}                                                                                          \
	static void name##_course(void)

#endif
