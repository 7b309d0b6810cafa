/* The door of the API: who gets a connection, of those that there are. */
#ifndef YETT_ADMIN_DOOR_H
#define YETT_ADMIN_DOOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "../base/error.h"

#define YETT_DOOR_ALL     32 /* connections at a time */
#define YETT_DOOR_KEPT    8  /* of those, for who may change the node */
#define YETT_DOOR_OF_ONE  8  /* of one user who is neither root nor the daemon's own */
#define YETT_DOOR_REFUSED 16 /* that are being told so */

struct yett_door;

struct yett_door_calls {
	void *arg;
	/* On the door's thread. Whether a user may change this node. */
	bool (*may_change)(void *arg, uid_t uid);
	/* Takes the connection, and later, on a thread of its own, has it in (yett_door_entered); false: it
	 * could not, and has closed it. */
	bool (*enter)(void *arg, int fd, uid_t uid);
};

/* Accepts on `socket`, which stays the caller's, on a thread of its own. `own` is the daemon's user. */
int yett_door_open(int socket, uid_t own, const struct yett_door_calls *calls,
	struct yett_door **ret_door, struct yett_error *error);
/* A connection that was taken is in. Any thread. */
void yett_door_entered(struct yett_door *door);
/* One that had entered has ended. Any thread. */
void yett_door_left(struct yett_door *door, uid_t uid);
/* Nobody enters any more; those that were taken are in, but for one that could not for want of memory. */
void yett_door_close(struct yett_door *door);
void yett_door_free(struct yett_door *door); /* all that have entered have left */

#endif
