/* Who is known here, by which ways, and who may speak for whom.
 *
 * Responsible for the table of nodes that this one knows of and for that of grants, in memory: a node
 * is there as long as one of its ways is, and shows by its newest one; a later boot ends all ways of
 * the earlier one. Not responsible for whose word is taken and what follows from it (manage.c), nor
 * for what survives this process (registry.c).
 * On the loop. Ownership: the tables own their entries. On a management server they stay until an administrator
 * has them forgotten (forget.c); elsewhere, until they have been gone for a day and nothing waits in the
 * queue. */
#include <string.h>

#include "../../base/id.h"
#include "../../flow/stages.h"
#include "../internal.h"

#define KNOWN_MAX  200000 /* nodes that are known here */
#define GRANTS_MAX 50000  /* origins of one gateway: no single one fills the table of all */
#define GONE_NS    (24 * 3600 * YETT_SEC)

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

static guint pair_hash(gconstpointer key)
{
	const struct yett_grant *grant = key;

	return yett_id_hash(&grant->gateway) * 31 + yett_id_hash(&grant->origin);
}

static gboolean pair_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(struct yett_grant)) == 0;
}

void yett_known_init(struct yett_manage *manage)
{
	manage->known = g_hash_table_new_full(yett_id_hash, id_equal, NULL, g_free);
	manage->named = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
	manage->grants = g_hash_table_new_full(pair_hash, pair_equal, g_free, NULL);
	manage->granted = g_hash_table_new_full(yett_id_hash, id_equal, g_free, NULL);
	manage->known_max = KNOWN_MAX;
	manage->grants_max = GRANTS_MAX;
	manage->gone_ns = GONE_NS;
}

void yett_known_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->named);
	g_hash_table_unref(manage->known);
	g_hash_table_unref(manage->grants);
	g_hash_table_unref(manage->granted);
}

const struct yett_known *yett_manage_find(
	const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_lookup(manage->known, id);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	const struct yett_known *const *left_known = a, *const *right_known = b;

	return strcmp((*left_known)->name, (*right_known)->name);
}

void yett_manage_walk(const struct yett_manage *manage, yett_known_fn visit, void *arg)
{
	GPtrArray *all = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_ptr_array_add(all, value);
	}
	g_ptr_array_sort(all, by_name);
	for (guint i = 0; i < all->len; i++) {
		visit(arg, all->pdata[i]);
	}
	g_ptr_array_free(all, TRUE);
}

struct yett_known *yett_known_ensure(struct yett_manage *manage, const struct yett_id *id)
{
	struct yett_known *known = g_hash_table_lookup(manage->known, id);

	if (known == NULL) {
		known = g_new0(struct yett_known, 1);
		known->id = *id;
		known->first_ns = yett_clock_wall(manage->node->clock);
		g_hash_table_insert(manage->known, &known->id, known);
	}
	return known;
}

bool yett_known_has_room(const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_size(manage->known) < manage->known_max ||
	       g_hash_table_contains(manage->known, id);
}

/* Those of each name: a node that was installed anew has another id, and the same name. */

static void unname(struct yett_manage *manage, struct yett_known *known)
{
	GPtrArray *same = g_hash_table_lookup(manage->named, known->name);

	if (same != NULL) {
		g_ptr_array_remove_fast(same, known);
		if (same->len == 0) {
			g_hash_table_remove(manage->named, known->name);
		}
	}
}

static void set_name(struct yett_manage *manage, struct yett_known *known, const char *name)
{
	GPtrArray *same;

	if (strncmp(known->name, name, sizeof(known->name) - 1) == 0) {
		return;
	}
	unname(manage, known);
	known->proven = false;
	g_strlcpy(known->name, name, sizeof(known->name));
	if (known->name[0] == '\0') {
		return;
	}
	same = g_hash_table_lookup(manage->named, known->name);
	if (same == NULL) {
		same = g_ptr_array_sized_new(1);
		g_hash_table_insert(manage->named, g_strdup(known->name), same);
	}
	g_ptr_array_add(same, known);
}

const struct yett_known *yett_known_named(const struct yett_manage *manage, const char *name)
{
	const GPtrArray *same = g_hash_table_lookup(manage->named, name);
	const struct yett_known *found = NULL;

	for (guint i = 0; same != NULL && i < same->len; i++) {
		const struct yett_known *known = same->pdata[i];

		if (found == NULL || (known->live && !found->live) ||
			(known->live == found->live && known->heard_ns > found->heard_ns)) {
			found = known;
		}
	}
	return found;
}

unsigned yett_known_proven(const struct yett_manage *manage, const char *name)
{
	const GPtrArray *same = g_hash_table_lookup(manage->named, name);
	unsigned count = 0;

	for (guint i = 0; same != NULL && i < same->len; i++) {
		count += ((const struct yett_known *)same->pdata[i])->proven ? 1 : 0;
	}
	return count;
}

void yett_known_describe(struct yett_manage *manage, struct yett_known *known, const char *name,
	const char *method, const char *software, const char *address)
{
	set_name(manage, known, name);
	g_strlcpy(known->method, method, sizeof(known->method));
	g_strlcpy(known->software, software, sizeof(known->software));
	g_strlcpy(known->address, address, sizeof(known->address));
}

void yett_known_set_live(struct yett_manage *manage, struct yett_known *known, bool live)
{
	if (known->live != live || known->changed_ns == 0) {
		known->changed_ns = yett_clock_wall(manage->node->clock);
	}
	if (live && !known->live) {
		known->live_at_ns = yett_now(manage->node);
	}
	known->live = live;
	if (live) {
		known->gone_at_ns = 0;
		known->heard_at_ns = yett_now(manage->node);
		known->heard_ns = yett_clock_wall(manage->node->clock);
	} else if (known->gone_at_ns == 0) {
		known->gone_at_ns = yett_now(manage->node);
	}
}

void yett_known_heard_far(struct yett_manage *manage, struct yett_known *known)
{
	known->heard_at_ns = known->gone_at_ns = yett_now(manage->node);
	known->heard_ns = yett_clock_wall(manage->node->clock);
}

void yett_known_heard(struct yett_manage *manage, struct yett_known *known, uint32_t age_ms)
{
	uint64_t now_ns = yett_now(manage->node), age_ns = age_ms * YETT_MS;

	known->heard_at_ns = now_ns > age_ns ? now_ns - age_ns : 1;
	known->heard_ns = yett_clock_wall(manage->node->clock) - (int64_t)age_ns;
}

struct yett_way *yett_known_way(struct yett_known *known, const struct yett_id *through)
{
	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		if (known->ways[i].used && yett_id_equal(&known->ways[i].through, through)) {
			return &known->ways[i];
		}
	}
	return NULL;
}

bool yett_known_leads(const struct yett_known *known, const struct yett_id *through)
{
	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		if (known->ways[i].used && yett_id_equal(&known->ways[i].through, through)) {
			return true;
		}
	}
	return false;
}

/* A free place, or that of the oldest. */
static struct yett_way *place_for_way(struct yett_known *known)
{
	struct yett_way *oldest = &known->ways[0];

	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		if (!known->ways[i].used) {
			return &known->ways[i];
		}
		if (known->ways[i].session < oldest->session) {
			oldest = &known->ways[i];
		}
	}
	return oldest;
}

const struct yett_way *yett_known_newest_way(
	const struct yett_known *known, const struct yett_id *not_through)
{
	const struct yett_way *newest = NULL;

	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		const struct yett_way *way = &known->ways[i];

		if (!way->used ||
			(not_through != NULL && yett_id_equal(&way->through, not_through))) {
			continue;
		}
		if (newest == NULL || way->session > newest->session ||
			(way->session == newest->session && way->hops < newest->hops)) {
			newest = way;
		}
	}
	return newest;
}

void yett_known_use_newest_way(struct yett_manage *manage, struct yett_known *known)
{
	const struct yett_way *newest = yett_known_newest_way(known, NULL);

	if (newest != NULL) {
		known->via = newest->via;
		known->session = newest->session;
	}
	if (known->live != (newest != NULL)) {
		yett_known_set_live(manage, known, newest != NULL);
	}
}

bool yett_known_set_way(struct yett_known *known, const struct yett_id *through,
	const struct yett_id *via, uint64_t session, uint32_t hops)
{
	struct yett_way *way = yett_known_way(known, through);

	if (way != NULL && way->session == session && way->hops == hops &&
		yett_id_equal(&way->via, via)) {
		return false;
	}
	if (way == NULL) {
		way = place_for_way(known);
	}
	*way = (struct yett_way){
		.used = true, .through = *through, .via = *via, .session = session, .hops = hops};
	return true;
}

bool yett_known_drop_way(struct yett_known *known, const struct yett_id *through)
{
	struct yett_way *way = yett_known_way(known, through);

	if (way == NULL) {
		return false;
	}
	way->used = false;
	return true;
}

void yett_known_set_boot(struct yett_known *known, const struct yett_id *boot)
{
	if (!yett_id_equal(&known->boot, boot)) {
		memset(known->ways, 0, sizeof(known->ways));
		known->boot = *boot;
	}
}

/* Forgetting. */

void yett_known_forget(struct yett_manage *manage, const struct yett_id *id)
{
	struct yett_known *known = g_hash_table_lookup(manage->known, id);

	if (known != NULL && !known->live) {
		unname(manage, known);
		g_hash_table_remove(manage->known, id);
	}
}

static gboolean is_long_gone(gpointer key, gpointer value, gpointer arg)
{
	struct yett_manage *manage = arg;
	struct yett_known *known = value;
	uint64_t since_ns = known->gone_at_ns != 0 ? known->gone_at_ns : manage->opened_ns;

	(void)key;
	if (known->live || yett_now(manage->node) - since_ns < manage->gone_ns) {
		return FALSE;
	}
	unname(manage, known);
	return TRUE;
}

void yett_known_retire(struct yett_manage *manage)
{
	if (manage->node->store == NULL && yett_backlog_s(manage->node) == 0) {
		g_hash_table_foreach_remove(manage->known, is_long_gone, manage);
	}
}

/* Grants. */

bool yett_known_grant(struct yett_manage *manage, const struct yett_grant *grant)
{
	guint before = GPOINTER_TO_UINT(g_hash_table_lookup(manage->granted, &grant->gateway));

	if (yett_known_granted(manage, grant)) {
		return false;
	}
	g_hash_table_replace(manage->granted, g_memdup2(&grant->gateway, sizeof(grant->gateway)),
		GUINT_TO_POINTER(before + 1));
	return g_hash_table_add(manage->grants, g_memdup2(grant, sizeof(*grant)));
}

void yett_known_ungrant(struct yett_manage *manage, const struct yett_grant *grant)
{
	guint before = GPOINTER_TO_UINT(g_hash_table_lookup(manage->granted, &grant->gateway));

	if (g_hash_table_remove(manage->grants, grant)) {
		g_hash_table_replace(manage->granted,
			g_memdup2(&grant->gateway, sizeof(grant->gateway)),
			GUINT_TO_POINTER(before - 1));
	}
}

bool yett_known_may_grant(const struct yett_manage *manage, const struct yett_id *gateway,
	const struct yett_id *origin)
{
	const struct yett_grant grant = {.gateway = *gateway, .origin = *origin};

	return GPOINTER_TO_UINT(g_hash_table_lookup(manage->granted, gateway)) <
		       manage->grants_max ||
	       yett_known_granted(manage, &grant);
}

bool yett_known_granted(const struct yett_manage *manage, const struct yett_grant *grant)
{
	return g_hash_table_contains(manage->grants, grant);
}
