/* Failures as results and sentences: what happened, why, what would mend it.
 *
 * The server's own sentence is passed on, with its SQLSTATE, which is the same in every language;
 * what it means for the store is decided here, by that code alone. A connection that was lost, or
 * whose server did not answer in time, is condemned: whether a commit that was under way took
 * effect is then unknown, nothing of it is acknowledged, and what comes again is judged as any
 * other batch. Passwords are never in these sentences: libpq names hosts and users only.
 */
#include "internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 320

static const struct cause {
	const char *code; /* a SQLSTATE, or the class that it begins with */
	int result;
	bool lost; /* the connection is of no more use */
	const char *mend;
} causes[] = {
	{"28", YETT_EPERM, true,
		"put the right password into the passfile, or allow the user in pg_hba.conf"},
	{"3D000", YETT_ENOTFOUND, true,
		"make the database (createdb), or correct the setting \"connection\""},
	{"42501", YETT_EPERM, true,
		"give the role the right: CREATE on the database at first, then ownership of the "
		"schema"},
	{"25006", YETT_EUNAVAIL, true,
		"connect to the primary: name all servers in \"connection\", or wait for the "
		"failover"},
	{"57P03", YETT_EUNAVAIL, true, "wait until PostgreSQL has started"},
	{"57P01", YETT_EUNAVAIL, true, "start PostgreSQL again"},
	{"57P", YETT_EUNAVAIL, true, "start PostgreSQL again, and look into its log"},
	{"53300", YETT_EUNAVAIL, true, "raise max_connections in postgresql.conf"},
	{"53100", YETT_ENOSPC, true, "free space on the disk of the PostgreSQL server"},
	{"53200", YETT_ENOMEM, true, "give the PostgreSQL server more memory"},
	{"53", YETT_EFULL, true, "give the PostgreSQL server more room"},
	{"40", YETT_EAGAIN, false, NULL},
	{"55P03", YETT_EAGAIN, false,
		"end what holds the lock (pg_stat_activity shows it), or raise \"timeout\""},
	{"57014", YETT_ETIMEOUT, false,
		"look at what the server waits for (pg_stat_activity), or raise \"timeout\""},
	{"25P03", YETT_ETIMEOUT, true, NULL},
	{"08", YETT_ECLOSED, true, "see whether PostgreSQL and the network are well"},
	{"58", YETT_EIO, true, "check the disk of the PostgreSQL server"},
	{"XX001", YETT_ECORRUPT, true, "restore the database from a backup"},
	{"XX002", YETT_ECORRUPT, true, "rebuild the index that is named: REINDEX"},
	{"42P01", YETT_ECORRUPT, true, "restore the database from a backup: a table is gone"},
	{"42703", YETT_ECORRUPT, true, "restore the database from a backup: a column is gone"},
	{"3F000", YETT_ECORRUPT, true, "restore the database from a backup: the schema is gone"},
	/* What was to be written is to blame, in a way that its judges here have missed. */
	{"22", YETT_EBUG, false, NULL},
	{"54", YETT_ELIMIT, false, NULL},
	/* No conflict of a document, which is its own answer: the whole transaction is lost. */
	{"23505", YETT_ECORRUPT, false,
		"restore the database from a backup: its counters are wrong"},
	{"23", YETT_ELIMIT, false, "drop what somebody has added to the tables: a constraint"},
	{"", YETT_EBUG, true, NULL},
};

static const struct cause *cause_of(const char *code)
{
	const struct cause *cause = causes;

	while (strncmp(cause->code, code, strlen(cause->code)) != 0) {
		cause++;
	}
	return cause;
}

/* The first line, without what libpq puts around it. */
static void one_line(const char *text, char ret_line[TEXT_SIZE])
{
	size_t length = strcspn(text, "\n");

	while (length > 0 && isspace((unsigned char)text[length - 1])) {
		length--;
	}
	length = length < TEXT_SIZE ? length : TEXT_SIZE - 1;
	/* Never within a character: PostgreSQL would not take it back as the cause of a dead letter. */
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
		length--;
	}
	snprintf(ret_line, TEXT_SIZE, "%.*s", (int)length, text);
}

/* Where the code stands in a verbose text: after a severity, whatever its language. */
static const char *find_code(const char *text)
{
	for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at++) {
		size_t length = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (length == 5 && at[8] == ':') {
			return at + 3;
		}
	}
	return NULL;
}

static void remember(struct yett_pg *store, const char *text, const char *mend)
{
	snprintf(store->last_text, sizeof(store->last_text), "%s", text);
	snprintf(store->last_mend, sizeof(store->last_mend), "%s", mend != NULL ? mend : "");
}

int yett_pg_refuse(struct yett_pg *store, struct yett_error *error, int code, const char *mend,
	const char *format, ...)
{
	char text[sizeof(store->last_text)];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	remember(store, text, mend);
	return store->host->fail(error, code, mend, "%s", text);
}

int yett_pg_fail_result(
	struct yett_pg *store, struct yett_error *error, const PGresult *result, const char *doing)
{
	const char *code = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *primary =
		result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const struct cause *cause;
	char line[TEXT_SIZE], text[sizeof(store->last_text)];

	if (code == NULL || PQstatus(store->connection) != CONNECTION_OK) {
		if (code == NULL || strncmp(code, "57P", 3) != 0) {
			return yett_pg_fail_lost(store, error, false, doing);
		}
	}
	snprintf(store->state_code, sizeof(store->state_code), "%s", code);
	cause = cause_of(code);
	store->broken = store->broken || cause->lost;
	one_line(primary != NULL ? primary : "", line);
	snprintf(text, sizeof(text), "PostgreSQL: cannot %s: %s (SQLSTATE %s)", doing, line, code);
	remember(store, text, cause->mend);
	return store->host->fail(error, cause->result, cause->mend, "%s", text);
}

int yett_pg_fail_lost(struct yett_pg *store, struct yett_error *error, bool late, const char *doing)
{
	const char *mend = late ? "see whether the server is well, or raise \"timeout\""
				: "see whether PostgreSQL and the network are well";
	char line[TEXT_SIZE], text[sizeof(store->last_text)];

	store->broken = true;
	one_line(PQerrorMessage(store->connection), line);
	snprintf(text, sizeof(text), "PostgreSQL: cannot %s: %s", doing,
		late              ? "the server has not answered in time"
		: line[0] != '\0' ? line
				  : "the connection is gone");
	remember(store, text, mend);
	return store->host->fail(error, late ? YETT_ETIMEOUT : YETT_ECLOSED, mend, "%s", text);
}

int yett_pg_fail_connect(struct yett_pg *store, struct yett_error *error, const char *why)
{
	const char *mend = "start PostgreSQL, or correct the setting \"connection\"";
	const char *code = why != NULL ? find_code(why) : NULL;
	char line[TEXT_SIZE], text[sizeof(store->last_text)];
	int result = YETT_EUNAVAIL;

	if (why == NULL) {
		result = YETT_ETIMEOUT;
		mend = "see whether the server is well, or raise \"connect-timeout\"";
		snprintf(line, sizeof(line), "the server has not answered in time");
	} else if (code != NULL) {
		const struct cause *cause;

		snprintf(store->state_code, sizeof(store->state_code), "%.5s", code);
		cause = cause_of(store->state_code);
		result = cause->result;
		mend = cause->mend;
		one_line(code + 7, line);
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " (SQLSTATE %s)",
			store->state_code);
	} else {
		one_line(why, line);
		if (strstr(why, "read-only") != NULL || strstr(why, "hot standby") != NULL) {
			mend = cause_of("25006")->mend;
		}
	}
	snprintf(text, sizeof(text), "PostgreSQL: cannot connect: %s", line);
	remember(store, text, mend);
	return store->host->fail(error, result, mend, "%s", text);
}
