/* What the tests of store-postgresql stand on: a server, a writer, and short ways to ask both. */
#ifndef TEST_STORE_POSTGRESQL_H
#define TEST_STORE_POSTGRESQL_H

#include <sys/types.h>

#include "../../modules/store-postgresql/internal.h"
#include "postgres.h"
#include "store-contract.h"

#define NORMAL YETT_LANE_NORMAL
#define SECOND UINT64_C(1000000000)

extern struct yett_pg_settings asked; /* what differs from the defaults of these tests */
extern struct store writer;

/* Around a suite. */
int pg_begin(void);
int pg_end(void);
void pg_forget_error(void);
int pg_put(uint64_t first, uint32_t count);
/* Where it may fail; the batch is given. */
int pg_try_put(uint64_t first, uint32_t count);
int pg_try_put_batch(struct yett_batch batch);
/* SQL with the schema of the present world in front. */
bool pg_sql(const char *text);
long long pg_number(const char *text);
bool pg_says(const char *word); /* the writer's error, or its mend */

/* Another process that has begun a transaction with `first`, until it is told to let go; then it
 * runs `then`, or NULL, and commits. */
struct holder {
	pid_t child;
	int tell, hear;
};
struct holder pg_hold(const char *first, const char *then);
void pg_let_go(struct holder *holder);

#endif
