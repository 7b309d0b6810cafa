/* What the tests of store-postgresql stand on. */
#include "store-postgresql.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct yett_pg_settings asked;
struct store writer;
static struct yett_pg_settings settings;
static char schema[64];

/* Each world has a schema of its own. */
const void *store_settings(const char *folder)
{
	const char *name = strrchr(folder, '/') + 1;

	settings = asked;
	snprintf(schema, sizeof(schema), "%s", name);
	if (settings.connection == NULL) {
		settings.connection = postgres_connection();
	}
	if (settings.schema == NULL) {
		settings.schema = schema;
	}
	if (settings.timeout_ns == 0) {
		settings.timeout_ns = 10 * SECOND;
	}
	if (settings.connect_timeout_ns == 0) {
		settings.connect_timeout_ns = 5 * SECOND;
	}
	return &settings;
}

void store_keep(uint64_t keep_ns)
{
	asked.keep_ns = keep_ns;
}

int pg_begin(void)
{
	return postgres_begin() ? 0 : 1;
}

int pg_end(void)
{
	postgres_end();
	return 0;
}

void pg_forget_error(void)
{
	memset(&writer.error, 0, sizeof(writer.error));
}

int pg_put(uint64_t first, uint32_t count)
{
	return store_put(&writer, store_batch(1, 1, NORMAL, first, count, "a"));
}

int pg_try_put(uint64_t first, uint32_t count)
{
	return pg_try_put_batch(store_batch(1, 1, NORMAL, first, count, "a"));
}

int pg_try_put_batch(struct yett_batch batch)
{
	struct yett_put one = {.size = sizeof(one), .batch = &batch, .received_ns = 1000};
	int result;

	pg_forget_error();
	result = writer.operations->begin(writer.self, &writer.error);
	if (result == 0) {
		result = writer.operations->put(writer.self, &one, 1, &writer.error);
	}
	if (result == 0) {
		result = writer.operations->commit(writer.self, &writer.error);
	}
	writer.operations->rollback(writer.self);
	store_batch_free(&batch);
	return result < 0 ? result : one.ret_result;
}

/* Runs SQL with the schema of the present world in front. */
bool pg_sql(const char *text)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "SET search_path = \"%s\"; %s", schema, text);
	return postgres_sql(whole);
}

void store_sql(const char *text)
{
	CU_ASSERT(pg_sql(text));
}

long long pg_number(const char *text)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "SET search_path = \"%s\"; %s", schema, text);
	return postgres_number(whole);
}

bool pg_says(const char *word)
{
	bool found =
		strstr(writer.error.text, word) != NULL || strstr(writer.error.mend, word) != NULL;

	if (!found) {
		fprintf(stderr, "no \"%s\" in: %s; %s\n", word, writer.error.text,
			writer.error.mend);
	}
	return found;
}

struct holder pg_hold(const char *first, const char *then)
{
	struct holder holder;
	int in[2], out[2];
	char mark = 0;

	CU_ASSERT_EQUAL_FATAL(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	holder.child = fork();
	if (holder.child == 0) {
		PGconn *to = PQconnectdb(postgres_connection());
		char text[256];

		close(in[1]);
		close(out[0]);
		snprintf(text, sizeof(text), "SET search_path = \"%s\"; BEGIN; %s", schema, first);
		PQclear(PQexec(to, text));
		if (write(out[1], &mark, 1) == 1 && read(in[0], &mark, 1) >= 0 && then != NULL) {
			PQclear(PQexec(to, then));
		}
		PQclear(PQexec(to, "COMMIT"));
		PQfinish(to);
		_exit(0);
	}
	holder.tell = in[1];
	holder.hear = out[0];
	CU_ASSERT_EQUAL(read(holder.hear, &mark, 1), 1);
	close(in[0]);
	close(out[1]);
	return holder;
}

void pg_let_go(struct holder *holder)
{
	close(holder->tell);
	close(holder->hear);
	CU_ASSERT_EQUAL(waitpid(holder->child, NULL, 0), holder->child);
}
