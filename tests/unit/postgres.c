/* A PostgreSQL of a test's own. The server says itself when it takes connections (NOTIFY_SOCKET, as
 * it would to systemd), so nothing is asked again and again; it is the child of the test and the
 * leader of a process group, so that it can be killed or stopped as a whole. As it refuses to run as
 * root, the test of a root gives the cluster to the user of Debian's package, or to nobody. */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <linux/magic.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 60000

static char folder[64], data[96], connection[160], programs[128];
static pid_t server, standby;

static const char *find_programs(void)
{
	static const char *const versions[] = {"17", "16", "15", "14"};

	for (size_t i = 0; i < 4; i++) {
		snprintf(programs, sizeof(programs), "/usr/lib/postgresql/%s/bin", versions[i]);
		if (access(programs, X_OK) == 0) {
			return programs;
		}
	}
	return NULL;
}

/* In the child: no longer root. */
static void become_user(void)
{
	const struct passwd *user;

	if (geteuid() != 0) {
		return;
	}
	user = getpwnam("postgres");
	user = user != NULL ? user : getpwnam("nobody");
	if (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
		setuid(user->pw_uid) != 0) {
		_exit(126);
	}
}

static bool give_folder(const char *path)
{
	const struct passwd *user = getpwnam("postgres");

	user = user != NULL ? user : getpwnam("nobody");
	return geteuid() != 0 || (user != NULL && chown(path, user->pw_uid, user->pw_gid) == 0);
}

/* arguments[0] is the program's name: it looks there for its companions, so it gets the whole path. */
static pid_t spawn(char **arguments, const char *notify)
{
	char path[256], log[128];
	pid_t child;

	snprintf(path, sizeof(path), "%s/%s", programs, arguments[0]);
	arguments[0] = path;
	snprintf(log, sizeof(log), "%s/log", folder);
	child = fork();
	if (child == 0) {
		int out;

		setpgid(0, 0);
		become_user();
		out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(out, 1);
		dup2(out, 2);
		setenv("LC_ALL", "C.UTF-8", 1);
		if (notify != NULL) {
			setenv("NOTIFY_SOCKET", notify, 1);
		}
		if (chdir(folder) == 0) {
			execv(path, arguments);
		}
		_exit(127);
	}
	return child;
}

static bool run(char **arguments)
{
	pid_t child = spawn(arguments, NULL);
	int status = -1;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool make_cluster(void)
{
	char *arguments[] = {"initdb", "--no-sync", "--auth=trust", "--username=yett",
		"--encoding=UTF8", "--locale=C.UTF-8", "--pgdata", data, NULL};

	return run(arguments);
}

static bool write_settings(void)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/postgresql.auto.conf", data);
	file = fopen(path, "ae");
	if (file == NULL) {
		return false;
	}
	fprintf(file,
		"listen_addresses = ''\nunix_socket_directories = '%s'\nshared_buffers = '32MB'\n"
		"max_connections = 40\nmax_wal_size = '256MB'\nlog_line_prefix = '%%m [%%p] '\n",
		folder);
	return fclose(file) == 0;
}

/* Waits for the server's own word, or its end. */
static bool await_ready(int socket_fd, pid_t of)
{
	struct pollfd poller = {.fd = socket_fd, .events = POLLIN};
	char word[512];

	for (;;) {
		ssize_t length;

		if (poll(&poller, 1, 200) == 0) {
			static int waited_ms;

			waited_ms += 200;
			if (waitpid(of, NULL, WNOHANG) == of || waited_ms > READY_MS) {
				return false;
			}
			continue;
		}
		length = recv(socket_fd, word, sizeof(word) - 1, 0);
		if (length > 0) {
			word[length] = '\0';
			if (strstr(word, "READY=1") != NULL) {
				return true;
			}
		}
	}
}

static bool start(char *where, pid_t *ret_server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *arguments[] = {"postgres", "-D", where, NULL};
	int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ready;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
	unlink(address.sun_path);
	if (notify < 0 || bind(notify, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(address.sun_path, 0666) != 0) {
		return false;
	}
	/* What was killed may still hold its memory for a moment: then the new one ends at once. */
	ready = false;
	for (int tries = 0; tries < 25 && !ready; tries++) {
		char *fresh[] = {arguments[0], arguments[1], arguments[2], NULL};

		if (tries > 0) {
			poll(NULL, 0, 200);
		}
		*ret_server = spawn(fresh, address.sun_path);
		ready = *ret_server > 0 && await_ready(notify, *ret_server);
	}
	close(notify);
	if (!ready) {
		fprintf(stderr, "postgres: not ready; see %s/log\n", folder);
	}
	return ready;
}

bool postgres_start(void)
{
	return start(data, &server);
}

/* In memory, where there is such a place: no test here takes the power away. */
static const char *place(void)
{
	struct statfs at;

	return statfs("/dev/shm", &at) == 0 && at.f_type == TMPFS_MAGIC &&
			       access("/dev/shm", W_OK) == 0
		       ? "/dev/shm"
		       : "/tmp";
}

bool postgres_begin(void)
{
	snprintf(folder, sizeof(folder), "%s/yett-pg-XXXXXX", place());
	if (find_programs() == NULL || mkdtemp(folder) == NULL || chmod(folder, 0755) != 0 ||
		!give_folder(folder)) {
		fprintf(stderr, "postgres: there are no programs of it, or no folder for it\n");
		return false;
	}
	snprintf(data, sizeof(data), "%s/data", folder);
	snprintf(connection, sizeof(connection), "host=%s user=yett dbname=yett", folder);
	if (make_cluster() && write_settings() && postgres_start() &&
		postgres_sql("CREATE DATABASE yett")) {
		return true;
	}
	fprintf(stderr, "postgres: it cannot be made to run; see %s/log\n", folder);
	return false;
}

void postgres_stop(void)
{
	if (server > 0) {
		kill(server, SIGINT); /* fast: sessions are ended */
		waitpid(server, NULL, 0);
		server = 0;
	}
}

const char *postgres_standby_begin(void)
{
	static char place_of_socket[96];
	char where[96], settings[128];
	char *copy[] = {"pg_basebackup", "--no-sync", "--checkpoint=fast", "--write-recovery-conf",
		"--host", folder, "--username=yett", "--pgdata", where, NULL};
	FILE *file;

	snprintf(where, sizeof(where), "%s/standby", folder);
	snprintf(settings, sizeof(settings), "%s/postgresql.auto.conf", where);
	snprintf(place_of_socket, sizeof(place_of_socket), "%s/second", folder);
	if (mkdir(place_of_socket, 0755) != 0 || !give_folder(place_of_socket) || !run(copy) ||
		(file = fopen(settings, "ae")) == NULL) {
		return NULL;
	}
	fprintf(file, "unix_socket_directories = '%s'\n", place_of_socket);
	return fclose(file) == 0 && start(where, &standby) ? place_of_socket : NULL;
}

void postgres_standby_end(void)
{
	if (standby > 0) {
		kill(standby, SIGINT);
		waitpid(standby, NULL, 0);
		standby = 0;
	}
}

/* Its backends lead no group of their own only until they have begun: each by its parent. */
static void signal_all(int number)
{
	DIR *list = opendir("/proc");
	struct dirent *entry;

	while (list != NULL && (entry = readdir(list)) != NULL) {
		char path[300], text[512] = "";
		const char *at;
		int parent = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re")
									  : NULL;
		if (file == NULL) {
			continue;
		}
		if (fgets(text, sizeof(text), file) != NULL && (at = strrchr(text, ')')) != NULL &&
			sscanf(at, ") %*c %d", &parent) == 1 && parent == server) {
			kill(atoi(entry->d_name), number);
		}
		fclose(file);
	}
	if (list != NULL) {
		closedir(list);
	}
}

void postgres_kill(void)
{
	kill(server, SIGSTOP); /* so that it starts no more of them */
	signal_all(SIGKILL);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

void postgres_hang(bool on)
{
	kill(server, on ? SIGSTOP : SIGCONT);
	signal_all(on ? SIGSTOP : SIGCONT);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

void postgres_end(void)
{
	postgres_standby_end();
	postgres_stop();
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *postgres_folder(void)
{
	return folder;
}

const char *postgres_connection(void)
{
	return connection;
}

static PGresult *ask(const char *sql, const char *database)
{
	char where[256];
	PGconn *to;
	PGresult *result;

	snprintf(where, sizeof(where), "host=%s user=yett dbname=%s", folder, database);
	to = PQconnectdb(where);
	PQsetNoticeProcessor(to, NULL, NULL);
	result = PQexec(to, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK &&
		PQresultStatus(result) != PGRES_TUPLES_OK) {
		fprintf(stderr, "postgres: %s: %s", sql, PQerrorMessage(to));
		PQclear(result);
		result = NULL;
	}
	PQfinish(to);
	return result;
}

bool postgres_sql(const char *sql)
{
	bool whole = strncmp(sql, "CREATE DATABASE yett", 20) == 0;
	PGresult *result = ask(sql, whole ? "postgres" : "yett");

	PQclear(result);
	return result != NULL;
}

long long postgres_number(const char *sql)
{
	PGresult *result = ask(sql, "yett");
	long long number = result != NULL && PQntuples(result) > 0
				   ? strtoll(PQgetvalue(result, 0, 0), NULL, 10)
				   : -1;

	PQclear(result);
	return number;
}
