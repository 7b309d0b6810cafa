/* A management server that signs, a gateway that it lists and that reads its installation file, and what an
 * administrator and whoever knocks ask of them; in the simulated world. */
#ifndef YETT_TEST_MANAGE_HOSTILE_H
#define YETT_TEST_MANAGE_HOSTILE_H

#include "group-keys.h"

#define HOSTILE_STEP (10 * YETT_MS)

struct group {
	struct world *world;
	struct world_node *server, *gateway;
};

struct group hostile_group_new(uint64_t seed);
struct world_node *hostile_add_node(
	struct group *group, const char *name, const char *upstream, bool relay);
/* The line between the two. */
void hostile_cut(struct group *group, bool cut);
/* What an administrator asks for: until it is answered, and not a step longer. */
struct group_answer hostile_change(struct group *group, const char *what, const char *body);
void hostile_change_good(struct group *group, const char *what, const char *body);

struct yett_peer *hostile_peer_of(const struct world_node *node, const char *name);
bool hostile_is_in(const struct world_node *node, const char *name);
bool hostile_wait_until_in(
	struct group *group, const struct world_node *node, const char *name, bool in);
/* Documents of a table at the server: how many have the text in their JSON. */
unsigned hostile_documents(const struct group *group, const char *table, const char *text);

/* What the gateway tells the management server of: how many it may not; that this is the newest session of
 * all. What that makes of it. */
uint32_t hostile_attach(struct group *group, struct yett_attached node);
void hostile_tell(struct group *group, const char *name, struct yett_id id);
const char *hostile_name_of(const struct group *group, struct yett_id id);
bool hostile_is_barred(const struct group *group, struct yett_id id);

struct yett_id hostile_id_of(uint8_t number);
struct yett_admission_ask hostile_ask_of(const char *name, struct yett_id id, uint32_t as);
/* Somebody knocks at the management server, and at the gateway. */
bool hostile_knock(struct group *group, const char *name, struct yett_id id);
bool hostile_knock_gate(struct group *group, const char *name, struct yett_id id);

#endif
