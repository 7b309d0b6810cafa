/* A look at the store: what the other management servers of the group have written since.
 *
 * Responsible for reading, every second and on the reader's thread, the small tables that servers
 * share (lease, servers, maintenance; with other servers around, whom they have; what is asked for
 * once) and the state records that are new, and more rarely what the store has kept apart, and for
 * handing that on, on the loop. Not responsible for what follows from it. Records are followed by their
 * id, from where the holder of the lease was when this server started; a store that was restored begins
 * anew. A look that fails is made again; what is kept apart is no part of that: where it alone cannot be
 * read, all else goes on. */
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../internal.h"

#define LOOK_NS      (1 * YETT_SEC)
#define ASIDE_NS     (10 * YETT_SEC)
#define BLIND_NS     (5 * YETT_SEC) /* the store did not answer for longer than a look takes */
#define STATES_MAX   2000
#define OUTPUT_BYTES 199

enum table { LEASE, SERVER, MAINTENANCE, PRESENCE, CHECK, ALERT, TABLES };
static const char *const names[TABLES] = {
	"lease", "server", "maintenance", "presence", "check", "alert"};

struct yett_look {
	struct yett_manage *manage;
	bool busy;
	bool begun;          /* the first one has been taken in */
	bool wanted[TABLES]; /* by this look */
	bool wants_aside;    /* the same */
	bool complained;     /* that it could not be read */
	uint64_t next_ns, aside_ns;
	uint64_t last_ns; /* of the last one while the store worked; monotonic */
	uint64_t cursor;
	/* by the reader's thread */
	GPtrArray *documents[TABLES];
	GPtrArray *states, *aside;
	struct yett_error aside_error; /* its code is 0 where that was read */
	int64_t aside_since_ns;        /* Unix time */
	uint64_t newest, last;
	bool more;
	int result;
};

static void free_document(gpointer item)
{
	struct yett_document *document = item;

	g_free(document->key);
	json_decref(document->json);
	g_free(document);
}

static void free_state(gpointer item)
{
	struct yett_seen_state *state = item;

	g_free(state->name);
	g_free(state->output);
	g_free(state);
}

static int add_document(void *arg, const char *key, const char *json, uint64_t revision)
{
	struct yett_document *document = g_new0(struct yett_document, 1);

	document->key = g_strdup(key);
	document->json = json_loads(json, 0, NULL);
	document->revision = revision;
	g_ptr_array_add(arg, document);
	return 0;
}

static char *copy_text(const struct yett_text *text, size_t most)
{
	return g_strndup(text->bytes != NULL ? text->bytes : "", MIN(text->length, most));
}

static int add_state(void *arg, const struct yett_row *row)
{
	struct yett_look *look = arg;
	struct yett_seen_state *state = g_new0(struct yett_seen_state, 1);

	state->origin = row->origin;
	state->state = row->record.state;
	state->place = (struct yett_standing){.epoch = row->epoch,
		.lane = row->lane,
		.number = row->number,
		.time_ns = MIN(row->record.time_ns, row->received_ns)};
	state->name = copy_text(&row->record.name, YETT_RECORD_MAX_NAME);
	state->output = copy_text(&row->record.body, OUTPUT_BYTES);
	look->last = row->id;
	g_ptr_array_add(look->states, state);
	return 0;
}

static int find_newest(void *arg, const struct yett_row *row)
{
	*(uint64_t *)arg = row->id;
	return 0;
}

/* Where to go on: after the last state that was read, or after what was the newest before. */
static int read_states(
	struct yett_look *look, const struct yett_store_operations *operations, void *self)
{
	struct yett_query newest = {.size = sizeof(newest), .limit = 1};
	struct yett_query states = {
		.size = sizeof(states), .kind = YETT_RECORD_STATE, .limit = STATES_MAX};
	int result = operations->query(self, &newest, find_newest, &look->newest, NULL);

	if (!look->begun) {
		const GPtrArray *lease = look->documents[LEASE];
		uint64_t held = lease->len > 0 ? yett_lease_cursor(lease->pdata[0]) : 0;

		look->cursor = held > 0 ? held : look->newest;
	}
	look->cursor = MIN(look->cursor, look->newest);
	if (result != 0 || look->newest == look->cursor) {
		return result;
	}
	states.after_id = look->cursor; /* 0 is the newest: of a store that was empty, all */
	return operations->query(self, &states, add_state, look, NULL);
}

static int add_fork(void *arg, const struct yett_fork *fork)
{
	struct yett_look *look = arg;
	struct yett_seen_aside *seen = g_new0(struct yett_seen_aside, 1);

	seen->origin = fork->origin;
	seen->batches = fork->batches;
	g_strlcpy(
		seen->name, fork->origin_name != NULL ? fork->origin_name : "", sizeof(seen->name));
	g_strlcpy(seen->gateway, fork->gateway != NULL ? fork->gateway : "", sizeof(seen->gateway));
	g_ptr_array_add(look->aside, seen);
	return 0;
}

static int add_letter(void *arg, const struct yett_dead_letter *letter)
{
	struct yett_look *look = arg;
	struct yett_seen_aside *seen;
	struct yett_id origin;

	if (letter->origin == NULL || yett_id_parse(letter->origin, &origin) < 0) {
		return 0;
	}
	seen = g_new0(struct yett_seen_aside, 1);
	seen->letter = true;
	seen->foreign = letter->epoch == 0;
	seen->origin = origin;
	seen->number = letter->id;
	g_strlcpy(seen->name, letter->origin_name != NULL ? letter->origin_name : "",
		sizeof(seen->name));
	g_strlcpy(seen->gateway, letter->gateway != NULL ? letter->gateway : "",
		sizeof(seen->gateway));
	g_strlcpy(seen->reason, letter->cause != NULL ? letter->cause : "", sizeof(seen->reason));
	g_ptr_array_add(look->aside, seen);
	return 0;
}

static void read_aside(
	struct yett_look *look, const struct yett_store_operations *operations, void *self)
{
	struct yett_error error = YETT_ERROR_INIT;
	int result = 0;

	if (operations->forks != NULL) {
		result = operations->forks(self, look->aside_since_ns, add_fork, look, &error);
	}
	if (result == 0 && operations->newest_dead != NULL) {
		result = operations->newest_dead(
			self, look->aside_since_ns, add_letter, look, &error);
	}
	if (result != 0) {
		yett_fail(&error, result, NULL, "%s", yett_result_text(result));
	}
	look->aside_error = error;
}

static void read_all(const struct yett_store_operations *operations, void *self, void *arg)
{
	struct yett_look *look = arg;

	look->result = 0;
	for (int table = 0; table < TABLES && look->result == 0; table++) {
		if (look->wanted[table]) {
			look->result = operations->registry_list(self, names[table], NULL,
				add_document, look->documents[table], NULL);
		}
	}
	if (look->result == 0) {
		look->result = read_states(look, operations, self);
	}
	if (look->result == 0 && look->wants_aside) {
		read_aside(look, operations, self);
	}
}

/* What could not be read stays as it was; and where alerts were read just now, none of them ends by it. */
static void hand_on_aside(struct yett_look *look)
{
	const struct yett_error *error = &look->aside_error;

	look->aside_ns = yett_now(look->manage->node) + ASIDE_NS;
	if (error->code == 0) {
		yett_aside_saw(look->manage, look->aside);
	} else if (look->wanted[ALERT]) {
		look->manage->aside_known = false;
	}
	if (error->code != 0 && !look->complained) {
		yett_log(YETT_LOG_WARNING, "aside-unreadable",
			"what the store has kept apart cannot be read, so what is new of it is no "
			"alert, and no such alert ends: %s; %s",
			error->text,
			error->mend[0] != '\0' ? error->mend : "see what is wrong with the store");
	}
	look->complained = error->code != 0;
}

static void hand_on(struct yett_look *look)
{
	struct yett_manage *manage = look->manage;

	if (look->wanted[CHECK]) {
		yett_checks_load(manage, look->documents[CHECK]);
	}
	for (guint i = 0; i < look->states->len; i++) {
		yett_checks_saw(manage, look->states->pdata[i]);
	}
	yett_maintenance_saw(manage, look->documents[MAINTENANCE]);
	yett_share_saw_servers(manage, look->documents[SERVER]);
	if (look->wanted[PRESENCE]) {
		yett_share_saw_presence(manage, look->documents[PRESENCE]);
	}
	if (look->wants_aside) {
		hand_on_aside(look);
	}
	if (look->wanted[ALERT]) {
		yett_alerts_load(manage, look->documents[ALERT]);
	}
	yett_lease_saw(manage, look->documents[LEASE]);
}

static void look_free(struct yett_look *look)
{
	for (int table = 0; table < TABLES; table++) {
		g_ptr_array_free(look->documents[table], TRUE);
	}
	g_ptr_array_free(look->states, TRUE);
	g_ptr_array_free(look->aside, TRUE);
	g_free(look);
}

static void clear(struct yett_look *look)
{
	for (int table = 0; table < TABLES; table++) {
		g_ptr_array_set_size(look->documents[table], 0);
	}
	g_ptr_array_set_size(look->states, 0);
	g_ptr_array_set_size(look->aside, 0);
	look->newest = look->last = 0;
}

bool yett_look_is_recent(const struct yett_manage *manage)
{
	return manage->look->last_ns != 0 &&
	       yett_now(manage->node) - manage->look->last_ns <= BLIND_NS;
}

/* What has not changed since the last look says nothing where nobody could read, or write, for long. */
static void mind_blindness(struct yett_look *look)
{
	uint64_t now_ns = yett_now(look->manage->node), last_ns = look->last_ns;

	if (!yett_store_healthy(look->manage->node)) {
		return;
	}
	look->last_ns = now_ns;
	if (last_ns != 0 && now_ns - last_ns > BLIND_NS) {
		yett_share_blind(look->manage, now_ns - last_ns);
		yett_lease_blind(look->manage, now_ns - last_ns);
	}
}

static void looked(void *arg)
{
	struct yett_look *look = arg;

	look->busy = false;
	if (look->manage == NULL) {
		look_free(look); /* nobody waits any more */
		return;
	}
	if (look->manage->node->readers == NULL) {
		clear(look);
		return; /* the node is being closed */
	}
	if (look->result == 0) {
		mind_blindness(look);
		look->more = look->states->len == STATES_MAX;
		look->cursor = look->more ? look->last : look->newest;
		look->begun = true;
		hand_on(look);
	}
	clear(look);
}

uint64_t yett_look_cursor(const struct yett_manage *manage)
{
	return manage->look != NULL && manage->look->begun ? manage->look->cursor : 0;
}

void yett_look_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_look *look = manage->look;

	if (look->busy || (now_ns < look->next_ns && !look->more) || manage->node->draining) {
		return;
	}
	look->busy = true;
	look->next_ns = now_ns + LOOK_NS;
	look->wanted[LEASE] = look->wanted[SERVER] = look->wanted[MAINTENANCE] = true;
	look->wanted[PRESENCE] = g_hash_table_size(manage->servers) > 0;
	look->wanted[CHECK] = !look->begun;
	look->wanted[ALERT] = yett_alerts_unread(manage);
	/* Before the alerts are walked for the first time: what is not known to be still so is closed. */
	look->wants_aside =
		look->wanted[ALERT] || (yett_lease_held(manage) && now_ns >= look->aside_ns);
	look->aside_since_ns = yett_clock_wall(manage->node->clock) - YETT_ASIDE_NS;
	yett_readers_call(manage->node, YETT_READ_SHORT, read_all, looked, look);
}

void yett_look_open(struct yett_manage *manage)
{
	struct yett_look *look = g_new0(struct yett_look, 1);

	look->manage = manage;
	for (int table = 0; table < TABLES; table++) {
		look->documents[table] = g_ptr_array_new_with_free_func(free_document);
	}
	look->states = g_ptr_array_new_with_free_func(free_state);
	look->aside = g_ptr_array_new_with_free_func(g_free);
	manage->look = look;
}

void yett_look_free(struct yett_manage *manage)
{
	struct yett_look *look = manage->look;

	manage->look = NULL;
	if (look != NULL && look->busy) {
		look->manage = NULL; /* its completion frees it */
	} else if (look != NULL) {
		look_free(look);
	}
}
