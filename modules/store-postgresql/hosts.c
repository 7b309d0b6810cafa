/* Several servers in "connection": which of them is tried first.
 *
 * libpq goes on to the next one when a server refuses, or is none that is wanted; but not when it is silent:
 * without blocking there is nobody but us to look at the clock. So after an attempt that was given up, the lists
 * of hosts, addresses and ports are turned, to begin behind the one that it was at; and later, to begin with
 * the one that worked last. What they are is asked of libpq, since they may come from a service or from the
 * environment. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[YETT_PG_HOST_LISTS] = {"host", "hostaddr", "port"};

static size_t count_of(const char *list)
{
	size_t count = 1;

	for (const char *at = list; (at = strchr(at, ',')) != NULL; at++) {
		count++;
	}
	return count;
}

/* The part with this number; where there is but one it is that of all. */
static const char *part(const char *list, size_t number, size_t *ret_length)
{
	if (number < count_of(list)) {
		for (; number > 0; number--) {
			list = strchr(list, ',') + 1;
		}
	}
	*ret_length = strcspn(list, ",");
	return list;
}

static bool is_part(const char *list, size_t number, const char *text)
{
	size_t length;
	const char *at = list != NULL ? part(list, number, &length) : NULL;

	return at != NULL && text != NULL && strlen(text) == length &&
	       strncmp(at, text, length) == 0;
}

void yett_pg_hosts_learn(struct yett_pg_hosts *hosts, PGconn *connection)
{
	PQconninfoOption *options = hosts->count == 0 ? PQconninfo(connection) : NULL;

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
		option++) {
		for (int i = 0; i < YETT_PG_HOST_LISTS; i++) {
			if (option->val != NULL && option->val[0] != '\0' &&
				strcmp(option->keyword, words[i]) == 0) {
				hosts->lists[i] = strdup(option->val);
			}
		}
	}
	PQconninfoFree(options);
	if (options != NULL) {
		hosts->count = hosts->lists[1] != NULL   ? count_of(hosts->lists[1])
			       : hosts->lists[0] != NULL ? count_of(hosts->lists[0])
							 : 1;
	}
}

void yett_pg_hosts_done(struct yett_pg_hosts *hosts)
{
	for (int i = 0; i < YETT_PG_HOST_LISTS; i++) {
		free(hosts->lists[i]);
	}
	memset(hosts, 0, sizeof(*hosts));
}

/* NULL: as it is, or there is no memory. */
static char *turn(const struct yett_pg_hosts *hosts, const char *list)
{
	size_t length, rest;
	const char *at;
	char *turned;

	if (list == NULL || hosts->first == 0 || count_of(list) != hosts->count) {
		return NULL;
	}
	at = part(list, hosts->first, &length);
	rest = (size_t)(at - list);
	length = strlen(at);
	turned = malloc(length + rest + 1);
	if (turned != NULL) {
		memcpy(turned, at, length);
		turned[length] = ',';
		memcpy(turned + length + 1, list, rest - 1);
		turned[length + rest] = '\0';
	}
	return turned;
}

int yett_pg_hosts_turn(const struct yett_pg_hosts *hosts, const char **ret_words, char **ret_values)
{
	int count = 0;

	for (int i = 0; i < YETT_PG_HOST_LISTS; i++) {
		char *turned = turn(hosts, hosts->lists[i]);

		if (turned != NULL) {
			ret_words[count] = words[i];
			ret_values[count++] = turned;
		}
	}
	return count;
}

void yett_pg_hosts_see(struct yett_pg_hosts *hosts, const PGconn *connection, bool worked)
{
	const char *host = PQhost(connection), *port = PQport(connection);

	for (size_t i = 0; i < hosts->count; i++) {
		bool there = is_part(hosts->lists[0], i, host) || is_part(hosts->lists[1], i, host);

		if (there && (hosts->lists[2] == NULL || is_part(hosts->lists[2], i, port))) {
			hosts->first = worked ? i : (i + 1) % hosts->count;
			return;
		}
	}
	hosts->first = worked ? hosts->first : (hosts->first + 1) % hosts->count;
}
