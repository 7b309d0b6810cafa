/* The keys of a management group, and what they sign, for tests in the simulated world: the group's own
 * key, one that it does not know, servers' keys with their certificates, installation files. All in a
 * folder of the test's own. */
#ifndef YETT_TEST_GROUP_KEYS_H
#define YETT_TEST_GROUP_KEYS_H

#include <jansson.h>

#include "../simulation/world.h"
#include "manage/internal.h"

/* The group's block in a management server's configuration. */
#define GROUP_CONF "group = { name = \"HOME\"; id = \"7f3c2d1e-0000-4000-8000-000000000001\"; };\n"
#define DAY_S      INT64_C(86400)

extern struct yett_sign_key *group_own_key, *group_stranger_key;
extern struct yett_trust group_trust;

/* Of a suite. */
int group_keys_begin(void);
int group_keys_end(void);

/* Of a node that runs. */
int64_t group_now_s(const struct world_node *node);
/* A server's certificate, issued a day ago, signed `by`. Given. */
GByteArray *group_certify(
	int64_t now_s, const struct yett_sign_key *key, const struct yett_sign_key *by);
/* A server that has just started signs from now on, with a key of its own. */
void group_sign(struct world_node *server);
/* The installation file of a node: its path. Given. */
char *group_kit(const char *name);

/* What an administrator asks for, and what came of it. */
struct group_answer {
	bool came;
	int result;
	char text[512], mend[512];
};
/* Asks; `ret_answer` is to live until it is answered. */
void group_ask_at(struct world_node *server, const char *what, const char *body,
	struct group_answer *ret_answer);

#endif
