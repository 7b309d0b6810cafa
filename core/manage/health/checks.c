/* What monitoring plugins say of nodes: the state records that arrive in the store.
 *
 * Responsible for the newest state of each check of each node, as long as it is not OK, and for
 * keeping that in the registry (table `check`, ORIGIN/NAME), so that a server that starts knows it
 * without reading the records again. Not responsible for finding the records (look.c) nor for what
 * follows (health.c, alerts.c). On the loop. Each server follows; the holder of the lease writes.
 * A node has 64 such checks at most, and all have 100,000: what is more is not counted, and the log says so.
 *
 * Which of two records is the newer one is told by what its origin has numbered, not by its clock, which
 * may have been wrong and set right since: a later start comes after an earlier one, and within a lane a
 * higher number after a lower one. Only between lanes there is nothing but the time. */
#include <stdio.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../internal.h"

#define CHECKS_OF_NODE 64
#define CHECKS_MAX     100000

const char *yett_state_text(uint32_t state)
{
	static const char *const texts[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	return state < G_N_ELEMENTS(texts) ? texts[state] : "UNKNOWN";
}

void yett_text_trim(char *text)
{
	const char *end;

	if (!g_utf8_validate(text, -1, &end)) {
		text[end - text] = '\0';
	}
}

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

static void free_checks(gpointer checks)
{
	g_ptr_array_free(checks, TRUE);
}

void yett_checks_init(struct yett_manage *manage)
{
	manage->checks = g_hash_table_new_full(yett_id_hash, id_equal, g_free, free_checks);
}

void yett_checks_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->checks);
}

const GPtrArray *yett_checks_of(const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_lookup(manage->checks, id);
}

/* CRITICAL, then UNKNOWN, then WARNING: what nobody knows may be either. */
static int weight(const struct yett_check *check)
{
	static const int weights[] = {0, 1, 3, 2};

	return check->state < G_N_ELEMENTS(weights) ? weights[check->state] : 2;
}

const struct yett_check *yett_checks_worst(
	const struct yett_manage *manage, const struct yett_id *id)
{
	const GPtrArray *checks = yett_checks_of(manage, id);
	const struct yett_check *worst = NULL;

	for (guint i = 0; checks != NULL && i < checks->len; i++) {
		const struct yett_check *check = checks->pdata[i];

		if (check->state != YETT_STATE_OK &&
			(worst == NULL || weight(check) > weight(worst))) {
			worst = check;
		}
	}
	return worst;
}

static struct yett_check *find(GPtrArray *checks, const char *name)
{
	for (guint i = 0; i < checks->len; i++) {
		struct yett_check *check = checks->pdata[i];

		if (strcmp(check->name, name) == 0) {
			return check;
		}
	}
	return NULL;
}

static void drop(struct yett_manage *manage, GPtrArray *checks, guint i)
{
	g_ptr_array_remove_index_fast(checks, i);
	manage->checks_count--;
}

static void save(struct yett_manage *manage, const struct yett_id *id, struct yett_check *check)
{
	char origin[YETT_ID_TEXT_SIZE];
	g_autofree char *key = g_strdup_printf("%s/%s", yett_id_text(id, origin), check->name);
	json_t *json = json_pack("{s:i, s:I, s:s}", "state", (int)check->state, "since_ns",
		(json_int_t)check->since_ns, "output", check->output);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	yett_store_document(
		manage->node, "check", key, check->state == YETT_STATE_OK ? NULL : text);
	check->unsaved = false;
	free(text);
	json_decref(json);
}

/* One that is well again, and that the next round would take away, makes room. */
static bool make_room(struct yett_manage *manage, const struct yett_id *origin, GPtrArray *checks)
{
	for (guint i = 0; checks->len >= CHECKS_OF_NODE && i < checks->len; i++) {
		struct yett_check *check = checks->pdata[i];

		if (check->state == YETT_STATE_OK) {
			if (check->unsaved && yett_lease_held(manage)) {
				save(manage, origin, check);
			}
			drop(manage, checks, i);
		}
	}
	return checks->len < CHECKS_OF_NODE && manage->checks_count < CHECKS_MAX;
}

static void tell_full(const struct yett_id *origin, const char *name)
{
	char id[YETT_ID_TEXT_SIZE];

	yett_log(YETT_LOG_WARNING, "checks-full",
		"what a plugin says is not counted: a node may have %d checks that are not OK, and "
		"all nodes %d; mend what they say, or have fewer node=%s check=\"%s\"",
		CHECKS_OF_NODE, CHECKS_MAX, yett_id_text(origin, id), name);
}

static struct yett_check *ensure(
	struct yett_manage *manage, const struct yett_id *origin, const char *name)
{
	GPtrArray *checks = g_hash_table_lookup(manage->checks, origin);
	struct yett_check *check;

	if (checks == NULL) {
		checks = g_ptr_array_new_with_free_func(g_free);
		g_hash_table_insert(manage->checks, g_memdup2(origin, sizeof(*origin)), checks);
	}
	check = find(checks, name);
	if (check == NULL && make_room(manage, origin, checks)) {
		check = g_new0(struct yett_check, 1);
		g_strlcpy(check->name, name, sizeof(check->name));
		g_ptr_array_add(checks, check);
		manage->checks_count++;
	} else if (check == NULL) {
		tell_full(origin, name);
		if (checks->len == 0) {
			g_hash_table_remove(manage->checks, origin);
		}
	}
	return check;
}

void yett_checks_forget(struct yett_manage *manage, const struct yett_id *id)
{
	const GPtrArray *checks = yett_checks_of(manage, id);

	manage->checks_count -= checks != NULL ? checks->len : 0;
	g_hash_table_remove(manage->checks, id);
}

/* Whether a record was on its way for longer than the one that is known. */
static bool is_older(const struct yett_standing *place, const struct yett_standing *than)
{
	if (place->epoch.ordinal != than->epoch.ordinal) {
		return place->epoch.ordinal < than->epoch.ordinal;
	}
	if (place->epoch.random == than->epoch.random && place->lane == than->lane &&
		place->number != than->number) {
		return place->number < than->number;
	}
	return place->time_ns < than->time_ns;
}

/* The check's name, of which a key of the registry is made: cut to what fits, but not within a character. */
static void name_of(const struct yett_seen_state *state, char ret_name[YETT_RECORD_MAX_NAME + 1])
{
	g_strlcpy(ret_name, g_str_has_prefix(state->name, "check.") ? state->name + 6 : state->name,
		YETT_RECORD_MAX_NAME + 1);
	yett_text_trim(ret_name);
}

void yett_checks_saw(struct yett_manage *manage, const struct yett_seen_state *state)
{
	GPtrArray *checks = g_hash_table_lookup(manage->checks, &state->origin);
	char name[YETT_RECORD_MAX_NAME + 1];
	struct yett_check *check;

	name_of(state, name);
	check = checks != NULL ? find(checks, name) : NULL;
	if (check == NULL && state->state == YETT_STATE_OK) {
		return;
	}
	check = check != NULL ? check : ensure(manage, &state->origin, name);
	if (check == NULL || is_older(&state->place, &check->place)) {
		return;
	}
	if (check->state != state->state || check->since_ns == 0) {
		check->since_ns = state->place.time_ns;
		check->unsaved = true;
	}
	check->state = state->state;
	check->place = state->place;
	g_strlcpy(check->output, state->output, sizeof(check->output));
	g_strdelimit(check->output, "\n\r\t", ' ');
	yett_text_trim(check->output);
}

void yett_checks_load(struct yett_manage *manage, const GPtrArray *documents)
{
	for (guint i = 0; i < documents->len; i++) {
		const struct yett_document *document = documents->pdata[i];
		struct yett_seen_state state = {0};
		char id[YETT_ID_TEXT_SIZE];

		g_strlcpy(id, document->key, sizeof(id));
		if (strlen(document->key) <= YETT_ID_TEXT_SIZE ||
			yett_id_parse(id, &state.origin) != 0) {
			continue;
		}
		state.name = document->key + YETT_ID_TEXT_SIZE;
		state.output = (char *)(uintptr_t)json_string_value(
			json_object_get(document->json, "output"));
		state.output = state.output != NULL ? state.output : (char *)(uintptr_t) "";
		state.state =
			(uint32_t)json_integer_value(json_object_get(document->json, "state"));
		state.place.time_ns =
			json_integer_value(json_object_get(document->json, "since_ns"));
		yett_checks_saw(manage, &state);
	}
}

void yett_checks_save(struct yett_manage *manage)
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, manage->checks);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		GPtrArray *checks = value;

		for (guint i = checks->len; i > 0; i--) {
			struct yett_check *check = checks->pdata[i - 1];

			if (check->unsaved) {
				save(manage, key, check);
			}
			if (check->state == YETT_STATE_OK) {
				drop(manage, checks, i - 1);
			}
		}
		if (checks->len == 0) {
			g_hash_table_iter_remove(&iter);
		}
	}
}
