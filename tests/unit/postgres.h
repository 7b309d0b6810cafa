/* A PostgreSQL of a test's own: a cluster in a temporary folder, reached by a UNIX socket alone. */
#ifndef TEST_POSTGRES_H
#define TEST_POSTGRES_H

#include <stdbool.h>

/* Makes it and starts it, as a user that is not root; false, with a line on stderr, if that fails.
 * With stop, all of it is gone. */
bool postgres_begin(void);
void postgres_end(void);
/* Its folder, which is also the one of its socket. */
const char *postgres_folder(void);
/* As libpq takes it: superuser "yett". */
const char *postgres_connection(void);
bool postgres_start(void);   /* returns once it takes connections */
void postgres_stop(void);    /* in order */
void postgres_kill(void);    /* all of it by SIGKILL, at once */
void postgres_hang(bool on); /* stops its processes, or lets them go on */
/* A second server that follows it: the folder of its socket, or NULL. Ends with it at the latest. */
const char *postgres_standby_begin(void);
void postgres_standby_end(void);
/* Runs SQL as superuser, on the database "yett"; false if that fails. */
bool postgres_sql(const char *sql);
/* The first column of the first row as a number. */
long long postgres_number(const char *sql);

#endif
