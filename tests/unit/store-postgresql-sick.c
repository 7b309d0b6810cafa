/* store-postgresql where something is wrong: held up, lost, hanging, refused, not durable, of another
 * group. Each has its cause and its mend, comes in time, and nothing is acknowledged upon it. */
#include "store-postgresql.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct yett_pg *inside(struct store *store)
{
	return store->self;
}

/* Opening is refused like this, and nothing is left open by it. */
static void refused(int want, const char *word)
{
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), want);
	CU_ASSERT(pg_says(word));
}

static void held_up(void)
{
	struct holder holder;

	asked.timeout_ns = SECOND / 2;
	store_begin(&writer);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	holder = pg_hold("SELECT FROM store FOR UPDATE", NULL);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_EAGAIN);
	CU_ASSERT(pg_says("pg_stat_activity"));
	CU_ASSERT_EQUAL(writer.operations->tidy(writer.self, SECOND, NULL), 0);
	pg_let_go(&holder);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_STORED);
	store_end(&writer);
	asked.timeout_ns = 0;
}

/* Lets the holder go on, once somebody waits for it. */
static void go_on_when_waited_for(struct holder *holder, pid_t *ret_judge)
{
	*ret_judge = fork();
	if (*ret_judge == 0) {
		while (postgres_number("SELECT count(*) FROM pg_locks WHERE NOT granted") < 1) {
		}
		close(holder->tell);
		_exit(0);
	}
	close(holder->tell);
	holder->tell = dup(holder->hear);
}

/* Somebody's own statement waits for us, and we for it: ours is done again, and nobody notices. */
static void deadlock(void)
{
	char connection[256];
	struct holder holder;
	pid_t judge;

	/* Ours is the one that looks, and late enough for the circle to be there. */
	snprintf(connection, sizeof(connection), "%s options='-c deadlock_timeout=3000'",
		postgres_connection());
	asked.connection = connection;
	store_begin(&writer);
	asked.connection = NULL;
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	holder = pg_hold("SET LOCAL deadlock_timeout = 100000; "
			 "LOCK TABLE record IN EXCLUSIVE MODE",
		"SELECT FROM store FOR UPDATE");
	go_on_when_waited_for(&holder, &judge);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_STORED);
	CU_ASSERT(store_world.metrics[YETT_PG_RETRIES] > 0);
	CU_ASSERT_EQUAL(waitpid(judge, NULL, 0), judge);
	pg_let_go(&holder);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 10);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 10);
	store_end(&writer);
}

static void change_registry(const char *json)
{
	uint64_t revision;

	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->registry_put(writer.self, "t", "k", json,
				YETT_REVISION_ANY, &revision, &writer.error),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
}

/* Another server writes a document again while we forget that it was deleted: neither waits for the other. */
static void tidied_without_a_circle(void)
{
	char connection[256];
	struct holder holder;
	pid_t judge;

	snprintf(connection, sizeof(connection), "%s options='-c deadlock_timeout=3000'",
		postgres_connection());
	asked.connection = connection;
	asked.keep_ns = 3600 * SECOND;
	store_begin(&writer);
	asked.connection = NULL;
	store_world.monotonic_shift_ns = 3600 * (int64_t)SECOND;
	CU_ASSERT_EQUAL(pg_put(1, 1), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(writer.operations->tidy(writer.self, SECOND, NULL), 0); /* it counts on */
	CU_ASSERT_EQUAL(pg_put(2, 50), YETT_PUT_STORED);
	change_registry("{}");
	change_registry(NULL);
	CU_ASSERT(pg_sql("UPDATE registry SET modified = 0"));
	holder = pg_hold("SET LOCAL deadlock_timeout = 100000; SELECT FROM store FOR UPDATE",
		"UPDATE registry SET modified = 1");
	go_on_when_waited_for(&holder, &judge);
	for (int more = 1; more > 0;) {
		more = writer.operations->tidy(writer.self, SECOND, &writer.error);
		CU_ASSERT_EQUAL(more < 0, 0);
	}
	CU_ASSERT_EQUAL(waitpid(judge, NULL, 0), judge);
	pg_let_go(&holder);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 1);
	CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM registry"), 0);
	store_end(&writer);
	asked.keep_ns = 0;
}

/* Somebody has deleted from the tables of custody: the batch whose numbers are there becomes a dead
 * letter, what came with it is stored. */
static void numbers_that_are_there(void)
{
	struct yett_batch there, new;
	struct yett_put puts[] = {{.size = sizeof(puts[0]), .batch = &there},
		{.size = sizeof(puts[0]), .batch = &new}};

	store_begin(&writer);
	there = store_batch(1, 1, NORMAL, 1, 5, "a");
	new = store_batch(1, 1, NORMAL, 6, 5, "a");
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	CU_ASSERT(pg_sql("DELETE FROM piece; UPDATE epoch SET pieces = 0, received = 0"));
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, 2, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(puts[0].ret_result, YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(puts[1].ret_result, YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 10);
	store_batch_free(&there);
	store_batch_free(&new);
	store_end(&writer);
}

/* PostgreSQL refuses what one batch holds: with others it takes them all with it, as the core must know; alone it
 * is kept as it came, and can be replayed once that is mended. */
static void a_batch_that_is_refused(void)
{
	struct yett_batch batches[2];
	struct yett_put puts[] = {{.size = sizeof(puts[0]), .batch = &batches[0]},
		{.size = sizeof(puts[0]), .batch = &batches[1]}};
	uint64_t revision;

	store_begin(&writer);
	CU_ASSERT(pg_sql("ALTER TABLE record ADD CONSTRAINT strict CHECK (whole <> 7)"));
	batches[0] = store_batch(1, 1, NORMAL, 1, 5, "a");
	batches[1] = store_batch(1, 1, NORMAL, 6, 5, "new.name");
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, puts, 2, &writer.error), YETT_ELIMIT);
	CU_ASSERT(pg_says("constraint"));
	writer.operations->rollback(writer.self);
	CU_ASSERT_EQUAL(pg_try_put(1, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_DEAD);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(pg_try_put(11, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 10);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).received, 15);
	CU_ASSERT_EQUAL(
		pg_number("SELECT count(*) FROM dead_letter WHERE cause LIKE '%23514%'"), 1);
	CU_ASSERT_EQUAL(store_world.metrics[YETT_PG_DEAD], 1);
	CU_ASSERT(pg_sql("ALTER TABLE record DROP CONSTRAINT strict"));
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->registry_put(writer.self, YETT_TABLE_REPLAY, "1", "{}",
				YETT_REVISION_ANY, &revision, &writer.error),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 15);
	store_batch_free(&batches[0]);
	store_batch_free(&batches[1]);
	store_end(&writer);
}

/* One that takes longer than the server is given, each time: not for ever. One that is small never is to blame
 * for it. */
static void a_batch_that_takes_too_long(void)
{
	static char body[70000];
	struct yett_record record = {.size = sizeof(record),
		.kind = YETT_RECORD_EVENT,
		.name = yett_text("large"),
		.body = {body, sizeof(body)}};

	memset(body, 'x', sizeof(body));
	asked.timeout_ns = SECOND / 5;
	store_begin(&writer);
	CU_ASSERT(pg_sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
			 "PERFORM pg_sleep(1); RETURN new; END $$; CREATE TRIGGER slow BEFORE "
			 "INSERT ON record FOR EACH ROW EXECUTE FUNCTION slow()"));
	for (int i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(pg_try_put(1, 1), YETT_ETIMEOUT);
	}
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(pg_try_put_batch(store_batch_of(1, 1, NORMAL, 2, &record, 1)),
			i < 4 ? YETT_ETIMEOUT : YETT_PUT_DEAD);
	}
	CU_ASSERT_EQUAL(
		pg_number("SELECT count(*) FROM dead_letter WHERE cause LIKE '%57014%'"), 1);
	CU_ASSERT(pg_sql("DROP TRIGGER slow ON record; DROP FUNCTION slow"));
	CU_ASSERT_EQUAL(pg_try_put(1, 1), YETT_PUT_STORED);
	store_end(&writer);
	asked.timeout_ns = 0;
}

/* Counters that are behind their tables, as a restore by hand may leave them: a document that cannot be
 * written for it is not in conflict with another one, which would be an answer of its own; and what has failed
 * is not committed, not even in name, whoever goes on with it. */
static void counters_are_behind(void)
{
	struct yett_notice gap = store_gap(1, 1, 1, NORMAL, 5, 2);
	struct yett_batch batch;
	struct yett_put put = {.size = sizeof(put), .batch = &batch};
	uint64_t revision;

	store_begin(&writer);
	CU_ASSERT_EQUAL(pg_put(1, 2), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_put(&writer, store_notices(1, 1, 1, &gap, 1)), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->registry_put(
				writer.self, "t", "one", "{}", 0, &revision, &writer.error),
		0);
	CU_ASSERT_EQUAL(writer.operations->commit(writer.self, &writer.error), 0);
	CU_ASSERT(pg_sql("UPDATE store SET revision = 0"));
	gap = store_gap(2, 1, 1, NORMAL, 7, 2);
	batch = store_notices(1, 1, 2, &gap, 1);
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &put, 1, &writer.error), 0);
	CU_ASSERT_EQUAL(put.ret_result, YETT_PUT_STORED);
	pg_forget_error();
	CU_ASSERT_EQUAL(writer.operations->registry_put(
				writer.self, "t", "other", "{}", 0, &revision, &writer.error),
		YETT_ECORRUPT);
	CU_ASSERT(pg_says("counters"));
	CU_ASSERT(writer.operations->commit(writer.self, &writer.error) < 0);
	writer.operations->rollback(writer.self);
	CU_ASSERT_EQUAL(store_account(&writer, 1, 1, NORMAL).declared, 2);
	store_batch_free(&batch);
	store_end(&writer);
}

static int ignore_account(void *arg, const struct yett_account *account)
{
	(void)arg;
	(void)account;
	return 0;
}

static int try_account(void)
{
	return writer.operations->account(writer.self, ignore_account, NULL, NULL);
}

static void server_killed(void)
{
	struct yett_batch batch;
	struct yett_put one = {.size = sizeof(one), .batch = &batch};
	int result = 0;

	store_begin(&writer);
	batch = store_batch(1, 1, NORMAL, 6, 5, "a");
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	/* In the middle of a transaction. */
	CU_ASSERT_EQUAL(writer.operations->begin(writer.self, &writer.error), 0);
	CU_ASSERT_EQUAL(writer.operations->put(writer.self, &one, 1, &writer.error), 0);
	postgres_kill();
	CU_ASSERT(writer.operations->commit(writer.self, &writer.error) < 0);
	CU_ASSERT(pg_says("PostgreSQL"));
	/* While it is gone: at once, also within the pause between two attempts. */
	for (int i = 0; i < 20; i++) {
		result = pg_try_put(6, 5);
		CU_ASSERT_EQUAL(result, YETT_EUNAVAIL);
		CU_ASSERT(pg_says("start PostgreSQL"));
	}
	CU_ASSERT_EQUAL(try_account(), YETT_EUNAVAIL);
	CU_ASSERT(postgres_start());
	store_world.monotonic_shift_ns += 10 * (int64_t)SECOND; /* the pause is over */
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 10);
	CU_ASSERT_EQUAL(store_world.metrics[YETT_PG_RECONNECTS], 1);
	/* And when it is stopped in order, between two transactions. */
	postgres_stop();
	CU_ASSERT_EQUAL(pg_try_put(11, 5), YETT_EUNAVAIL);
	CU_ASSERT(postgres_start());
	store_world.monotonic_shift_ns += 10 * (int64_t)SECOND;
	CU_ASSERT_EQUAL(pg_try_put(11, 5), YETT_PUT_STORED);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 15);
	store_batch_free(&batch);
	store_end(&writer);
}

/* A server that neither answers nor goes: each call comes back in time, stop too. */
static void server_hangs(void)
{
	uint64_t begun;

	asked.timeout_ns = SECOND / 5;
	store_begin(&writer);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	begun = store_world.host.monotonic_ns(NULL);
	postgres_hang(true);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_ETIMEOUT);
	CU_ASSERT(pg_says("in time"));
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_ETIMEOUT); /* to connect, this time */
	CU_ASSERT(pg_says("connect"));
	store_close(&writer);
	CU_ASSERT(store_world.host.monotonic_ns(NULL) - begun < 20 * SECOND);
	postgres_hang(false);
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT(pg_try_put(6, 5) > 0);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 10);
	store_end(&writer);
	asked.timeout_ns = 0;
}

/* Waits until new sessions have the setting. */
static void await_setting(const char *name, bool on)
{
	char text[128];

	snprintf(text, sizeof(text), "SELECT (current_setting('%s') = 'on')::integer", name);
	while (postgres_number(text) != on) {
	}
}

/* What is not on the disk when the server confirms it is not acknowledged. */
static void not_durable(void)
{
	struct yett_pg *store;
	PGresult *rows = NULL;

	store_begin(&writer);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	CU_ASSERT(postgres_sql("ALTER SYSTEM SET fsync = off") &&
		  postgres_sql("SELECT pg_reload_conf()"));
	await_setting("fsync", false);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_ECONFIG);
	CU_ASSERT(pg_says("fsync = on"));
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_ECONFIG); /* a new connection is no better */
	store_close(&writer);
	pg_forget_error();
	refused(YETT_ECONFIG, "fsync");
	CU_ASSERT(postgres_sql("ALTER SYSTEM RESET fsync") &&
		  postgres_sql("SELECT pg_reload_conf()"));
	await_setting("fsync", true);
	/* Asynchronous commits are the session's own affair: it sets them right. */
	CU_ASSERT(postgres_sql("ALTER ROLE yett SET synchronous_commit = off"));
	store_open(&writer, YETT_STORE_WRITER);
	store = inside(&writer);
	CU_ASSERT_EQUAL(yett_pg_text_run(store, "SHOW synchronous_commit", "ask", &rows, NULL), 0);
	CU_ASSERT_STRING_EQUAL(PQgetvalue(rows, 0, 0), "on");
	PQclear(rows);
	CU_ASSERT_EQUAL(pg_try_put(6, 5), YETT_PUT_STORED);
	/* Unless somebody undoes that under way. */
	CU_ASSERT_EQUAL(
		yett_pg_text_run(store, "SET synchronous_commit = off", "spoil", NULL, NULL), 0);
	CU_ASSERT_EQUAL(pg_try_put(11, 5), YETT_ECONFIG);
	CU_ASSERT(postgres_sql("ALTER ROLE yett RESET synchronous_commit"));
	CU_ASSERT_EQUAL(pg_try_put(11, 5), YETT_PUT_STORED);
	CU_ASSERT(pg_sql("ALTER TABLE record SET UNLOGGED"));
	store_close(&writer);
	pg_forget_error();
	refused(YETT_ECONFIG, "SET LOGGED");
	store_world_close();
}

/* Somebody cancels a commit that waits for its standby: PostgreSQL has it then, warns, and calls it a success.
 * Nothing is acknowledged by that; what comes again is a duplicate, and waits as well. */
static void no_standby(void)
{
	uint64_t first = 6;
	pid_t canceller;
	int result;

	store_begin(&writer);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	CU_ASSERT(postgres_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'") &&
		  postgres_sql("SELECT pg_reload_conf()"));
	for (int i = 0; i < 2; i++) {
		canceller = fork();
		if (canceller == 0) {
			while (postgres_number("SELECT count(pg_cancel_backend(pid)) FROM "
					       "pg_stat_activity WHERE wait_event = 'SyncRep' AND "
					       "application_name = 'yett'") == 0) {
			}
			_exit(0);
		}
		/* It takes the server a moment until commits wait. */
		while ((result = pg_try_put(first, 5)) == YETT_PUT_STORED && first < 100000) {
			first += 5;
		}
		CU_ASSERT_EQUAL(result, YETT_EUNAVAIL);
		CU_ASSERT(pg_says("standby"));
		CU_ASSERT_EQUAL(waitpid(canceller, NULL, 0), canceller);
	}
	CU_ASSERT(postgres_sql("ALTER SYSTEM RESET synchronous_standby_names") &&
		  postgres_sql("SELECT pg_reload_conf()"));
	store_world.monotonic_shift_ns += 10 * (int64_t)SECOND; /* the pause is over */
	CU_ASSERT_EQUAL(pg_try_put(first, 5), YETT_PUT_DUPLICATE);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), first + 4);
	store_end(&writer);
}

static void read_only(void)
{
	store_begin(&writer);
	CU_ASSERT(postgres_sql("ALTER ROLE yett SET default_transaction_read_only = on"));
	CU_ASSERT_EQUAL(pg_try_put(1, 5), YETT_PUT_STORED); /* it was connected before */
	store_close(&writer);
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_WRITER), YETT_EUNAVAIL);
	CU_ASSERT(pg_says("primary"));
	store_open(&writer, YETT_STORE_READER);
	CU_ASSERT_EQUAL(store_rows(&writer, NULL), 5);
	store_close(&writer);
	CU_ASSERT(postgres_sql("SET transaction_read_only = off; "
			       "ALTER ROLE yett RESET default_transaction_read_only"));
	store_open(&writer, YETT_STORE_WRITER);
	store_end(&writer);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", store_world.folder, name);
	file = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	CU_ASSERT_EQUAL(chmod(path, mode), 0);
}

static bool admit_by(const char *line)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/data/pg_hba.conf", postgres_folder());
	file = fopen(path, "we");
	if (file == NULL || fprintf(file, "%slocal all yett trust\n", line) < 0 ||
		fclose(file) != 0) {
		return false;
	}
	return postgres_sql("SELECT pg_reload_conf()");
}

static void passwords(void)
{
	char connection[256], file[128];

	store_world_open();
	CU_ASSERT(postgres_sql("CREATE ROLE guarded LOGIN PASSWORD 'right-word'; "
			       "GRANT CREATE ON DATABASE yett TO guarded"));
	CU_ASSERT(admit_by("local all guarded scram-sha-256\n"));
	while (postgres_number("SELECT count(*) FROM pg_hba_file_rules") != 2) {
	}
	snprintf(file, sizeof(file), "*:*:*:guarded:wrong-word\n");
	write_file("pgpass", file, 0600);
	snprintf(connection, sizeof(connection),
		"host=%s user=guarded dbname=yett passfile=%s/pgpass", postgres_folder(),
		store_world.folder);
	asked.connection = connection;
	refused(YETT_EPERM, "passfile");
	CU_ASSERT(pg_says("28P01"));
	CU_ASSERT_PTR_NULL(strstr(writer.error.text, "wrong-word"));
	write_file("pgpass", "*:*:*:guarded:right-word\n", 0600);
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT_EQUAL(pg_put(1, 5), YETT_PUT_STORED);
	store_close(&writer);
	CU_ASSERT(pg_sql("REASSIGN OWNED BY guarded TO yett; DROP OWNED BY guarded"));
	/* A role that may not make the schema, or use it. */
	pg_forget_error();
	refused(YETT_EPERM, "give the role the right");
	asked.connection = NULL;
	CU_ASSERT(postgres_sql("DROP ROLE guarded"));
	CU_ASSERT(admit_by(""));
	store_world_close();
}

static void wrong_places(void)
{
	char connection[256];

	store_world_open();
	snprintf(connection, sizeof(connection), "host=%s user=yett dbname=nowhere",
		postgres_folder());
	asked.connection = connection;
	refused(YETT_ENOTFOUND, "createdb");
	snprintf(connection, sizeof(connection), "host=%s/nowhere user=yett dbname=yett",
		postgres_folder());
	refused(YETT_EUNAVAIL, "start PostgreSQL");
	CU_ASSERT(postgres_sql("CREATE DATABASE yett_latin ENCODING 'LATIN1' LOCALE 'C' "
			       "TEMPLATE template0"));
	snprintf(connection, sizeof(connection), "host=%s user=yett dbname=yett_latin",
		postgres_folder());
	refused(YETT_ECONFIG, "UTF8");
	asked.connection = NULL;
	asked.schema = "somebody";
	CU_ASSERT(postgres_sql("CREATE SCHEMA somebody; CREATE TABLE somebody.elses ()"));
	refused(YETT_ECONFIG, "another program");
	CU_ASSERT_EQUAL(postgres_number("SELECT count(*) FROM pg_class WHERE relnamespace = "
					"'somebody'::regnamespace"),
		1);
	asked.schema = NULL;
	pg_forget_error();
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_EUNAVAIL);
	CU_ASSERT(pg_says("no tables"));
	store_open(&writer, YETT_STORE_WRITER);
	store_close(&writer);
	CU_ASSERT(pg_sql("UPDATE store SET version = 2"));
	refused(YETT_EVERSION, "newer");
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_EVERSION);
	CU_ASSERT(pg_sql("UPDATE store SET version = 1"));
	store_open(&writer, YETT_STORE_WRITER);
	store_close(&writer);
	store_world_close();
}

static bool has_option(const char *word, const char *want)
{
	PQconninfoOption *options = PQconninfo(inside(&writer)->connection);
	bool found = false;

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
		option++) {
		found = found || (strcmp(option->keyword, word) == 0 && option->val != NULL &&
					 strcmp(option->val, want) == 0);
	}
	PQconninfoFree(options);
	return found;
}

/* What libpq does by itself, waiting for others than the server: not unless it is asked for. */
static void no_kerberos_unasked(void)
{
	char connection[256];

	store_begin(&writer);
	CU_ASSERT(has_option("gssencmode", "disable"));
	store_close(&writer);
	snprintf(connection, sizeof(connection), "%s gssencmode=prefer", postgres_connection());
	asked.connection = connection;
	store_open(&writer, YETT_STORE_WRITER);
	asked.connection = NULL;
	CU_ASSERT(has_option("gssencmode", "prefer"));
	store_end(&writer);
}

static int listen_silently(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(
		address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", store_world.folder);
	CU_ASSERT_EQUAL_FATAL(
		bind(listener, (struct sockaddr *)&address, sizeof(address)) | listen(listener, 20),
		0);
	return listener;
}

static uint64_t since(uint64_t begun_ns)
{
	return store_world.host.monotonic_ns(NULL) - begun_ns;
}

/* A server that takes connections and says nothing is passed over, and the one that worked comes first then. */
static void silent_server(void)
{
	char connection[256];
	uint64_t begun;
	int listener;

	store_world_open();
	listener = listen_silently();
	snprintf(connection, sizeof(connection), "host=%s,%s user=yett dbname=yett",
		store_world.folder, postgres_folder());
	asked.connection = connection;
	asked.connect_timeout_ns = SECOND;
	begun = store_world.host.monotonic_ns(NULL);
	store_open(&writer, YETT_STORE_WRITER);
	CU_ASSERT(since(begun) >= SECOND);
	CU_ASSERT(since(begun) < 2 * SECOND);
	CU_ASSERT_EQUAL(pg_try_put(1, 5), YETT_PUT_STORED);
	for (uint64_t first = 6; first < 16; first += 5) {
		CU_ASSERT(postgres_sql("SELECT pg_terminate_backend(pid, 5000) FROM "
				       "pg_stat_activity WHERE application_name = 'yett'"));
		begun = store_world.host.monotonic_ns(NULL);
		CU_ASSERT_EQUAL(pg_try_put(first, 5), YETT_PUT_STORED);
		CU_ASSERT(since(begun) < SECOND);
	}
	store_close(&writer);
	/* None but silent ones: each has its time, and no more. */
	snprintf(connection, sizeof(connection), "host=%s,%s user=yett dbname=yett",
		store_world.folder, store_world.folder);
	begun = store_world.host.monotonic_ns(NULL);
	pg_forget_error();
	refused(YETT_ETIMEOUT, "connect-timeout");
	CU_ASSERT(since(begun) < 3 * SECOND);
	asked.connect_timeout_ns = 0;
	asked.connection = NULL;
	close(listener);
	store_world_close();
}

/* The first group that comes to it has it. */
static void groups(void)
{
	store_begin(&writer);
	store_close(&writer);
	store_world.group = "4A2F6A3E-9a1c-4b0e-8a55-0d7c6f0f7f11";
	store_open(&writer, YETT_STORE_WRITER);
	store_restart(&writer);
	store_close(&writer);
	store_world.group = "00000000-9a1c-4b0e-8a55-0d7c6f0f7f11";
	refused(YETT_ECONFIG, "4a2f6a3e-9a1c-4b0e-8a55-0d7c6f0f7f11");
	CU_ASSERT(pg_says("of its own"));
	CU_ASSERT_EQUAL(store_try_open(&writer, YETT_STORE_READER), YETT_ECONFIG);
	store_world_close();
}

static void settings_are_checked(void)
{
	static const struct {
		const char *connection, *schema;
		int want;
	} cases[] = {
		{"service=yett", "yett", 0},
		{"host=/run/postgresql dbname=yett", "yett", 0},
		{"postgresql://yett@db.example/yett?sslmode=verify-full", "yett", 0},
		{"host=db.example dbname=yett password=very-secret", "yett", YETT_ECONFIG},
		{"postgresql://yett:very-secret@db.example/yett", "yett", YETT_ECONFIG},
		{"host=db.example sslpassword=very-secret", "yett", YETT_ECONFIG},
		{"dbname=yett password = very-secret secret", "yett", YETT_ECONFIG},
		{"hots=db.example", "yett", YETT_ECONFIG},
		{"dbname=yett", "", YETT_ECONFIG},
		{"dbname=yett", "pg_yett", YETT_ECONFIG},
	};

	store_world_open();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yett_pg_settings one = {
			.connection = cases[i].connection, .schema = cases[i].schema};
		struct yett_error error = {0};

		CU_ASSERT_EQUAL(
			yett_module.life->check(&store_world.host, &one, &error), cases[i].want);
		CU_ASSERT_PTR_NULL(strstr(error.text, "secret"));
		CU_ASSERT_PTR_NULL(strstr(error.mend, "secret"));
	}
	store_world_close();
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"held up", held_up},
		{"deadlock", deadlock},
		{"tidied without a circle", tidied_without_a_circle},
		{"numbers that are there", numbers_that_are_there},
		{"a batch that is refused", a_batch_that_is_refused},
		{"a batch that takes too long", a_batch_that_takes_too_long},
		{"counters are behind", counters_are_behind},
		{"server killed", server_killed},
		{"server hangs", server_hangs},
		{"not durable", not_durable},
		{"no standby", no_standby},
		{"read only", read_only},
		{"passwords", passwords},
		{"wrong places", wrong_places},
		{"no Kerberos unasked", no_kerberos_unasked},
		{"silent server", silent_server},
		{"groups", groups},
		{"settings are checked", settings_are_checked},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("store-postgresql: sick", pg_begin, pg_end, tests);
	return suite_end(argc, argv);
}
