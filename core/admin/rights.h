/* What a user of this computer may ask of a node. */
#ifndef YETT_ADMIN_RIGHTS_H
#define YETT_ADMIN_RIGHTS_H

#include <stddef.h>
#include <sys/types.h>

enum yett_right { YETT_MAY_NOTHING, YETT_MAY_READ, YETT_MAY_CHANGE };

/* `own` is the daemon's user; a group "" has no members. `ret_by`: the user's name, or "uid N". Any
 * thread. */
enum yett_right yett_admin_right(uid_t uid, uid_t own, const char *view_group,
	const char *change_group, char *ret_by, size_t size);

#endif
