/* What a user may ask of a node, by the groups of this computer.
 *
 * Responsible for the right of a user id: root and the daemon's own user change, and so do members of
 * the change group; members of the view group look. Not responsible for how the id is known (server.c).
 * Any thread, several at once: so only the calls that write where they are told to, since the others
 * share one place, and would judge one user by the name of another who asks at the same moment.
 * Whoever cannot be looked up may do nothing. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#include "rights.h"

#define GROUPS_MAX 1024
#define ROOM_FIRST 1024
#define ROOM_MAX   (1024 * 1024) /* what an entry of the user database may take */

/* An entry of the user or the group database, by whichever call finds it. Gives the room that the entry
 * lies in, which the caller frees; NULL: there is none. */
static char *find(
	int (*ask)(const void *key, void *ret_entry, char *room, size_t size, bool *ret_found),
	const void *key, void *ret_entry)
{
	for (size_t size = ROOM_FIRST; size <= ROOM_MAX; size *= 2) {
		char *room = g_malloc(size);
		bool found = false;
		int result = ask(key, ret_entry, room, size, &found);

		if (result == 0 && found) {
			return room;
		}
		g_free(room);
		if (result != ERANGE) {
			break;
		}
	}
	return NULL;
}

static int ask_user(const void *key, void *ret_entry, char *room, size_t size, bool *ret_found)
{
	struct passwd *found = NULL;
	int result = getpwuid_r(*(const uid_t *)key, ret_entry, room, size, &found);

	*ret_found = found != NULL;
	return result;
}

static int ask_group(const void *key, void *ret_entry, char *room, size_t size, bool *ret_found)
{
	struct group *found = NULL;
	int result = getgrnam_r(key, ret_entry, room, size, &found);

	*ret_found = found != NULL;
	return result;
}

static bool in_group(const struct passwd *user, const char *name)
{
	struct group group;
	char *room = name[0] != '\0' ? find(ask_group, name, &group) : NULL;
	int count = GROUPS_MAX;
	gid_t *groups;
	bool in = false;

	if (room == NULL) {
		return false;
	}
	groups = g_new(gid_t, GROUPS_MAX);
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) >= 0) {
		for (int i = 0; i < count && !in; i++) {
			in = groups[i] == group.gr_gid;
		}
	}
	g_free(groups);
	g_free(room);
	return in;
}

enum yett_right yett_admin_right(uid_t uid, uid_t own, const char *view_group,
	const char *change_group, char *ret_by, size_t size)
{
	struct passwd user;
	char *room = find(ask_user, &uid, &user);
	enum yett_right right = YETT_MAY_NOTHING;

	if (room != NULL) {
		snprintf(ret_by, size, "%s", user.pw_name);
	} else {
		snprintf(ret_by, size, "uid %u", (unsigned)uid);
	}
	if (uid == 0 || uid == own || (room != NULL && in_group(&user, change_group))) {
		right = YETT_MAY_CHANGE;
	} else if (room != NULL && in_group(&user, view_group)) {
		right = YETT_MAY_READ;
	}
	g_free(room);
	return right;
}
