/* Clones: two copies of one node that are alive at the same time.
 *
 * Responsible for telling a copy from a restart (a process that was replaced by a later one cannot come
 * back: where it does, three times in ten minutes, or goes on being heard, there are two), for saying so once,
 * and for who is kept out then at this node's own door: the one that was seen here later. Not
 * responsible for the door (flow/admit.c), for which of two sessions stays meanwhile (the newer one, there as
 * well), nor for the alert (alerts.c).
 *
 * On the loop. What gateways tell is a sign, and keeps nobody out: one that lies could shut the door on
 * a node that it does not like. Bounded: what nothing was heard of for ten minutes is forgotten. */
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../internal.h"

#define WINDOW_NS   (600 * YETT_SEC)
#define SIGNS       3               /* in a window: that many are proof */
#define LINGERS_NS  (15 * YETT_SEC) /* so long the end of a session may take to be told */
#define APART_NS    (5 * YETT_SEC)  /* signs of life of the other one, to be two */
#define BOOTS       4
#define ENTRIES_MAX 10000

struct boot {
	struct yett_id id;
	bool here; /* it came to this node's own door */
};

/* When it happened, monotonic; the oldest is overwritten. */
struct signs {
	uint64_t at_ns[SIGNS];
	unsigned next;
};

struct clone {
	struct yett_id id;
	struct boot boots[BOOTS]; /* as they were first seen */
	unsigned count;
	struct signs here, anywhere;
	uint64_t changed_ns; /* when it was written to last */
	uint64_t proven_ns;  /* there were two, by then; 0: not proven */
	struct yett_id held; /* zero: nobody is */
	/* The one that was replaced last, and by whom it was known: zero: by a session here. */
	struct yett_id rival;
	uint64_t rival_ns, rival_heard_ns;
	bool has_rival;
};

void yett_clones_init(struct yett_manage *manage)
{
	manage->clones = g_hash_table_new_full(yett_id_hash, yett_id_equal_key, NULL, g_free);
}

void yett_clones_done(struct yett_manage *manage)
{
	g_hash_table_unref(manage->clones);
}

static bool is_recent(const struct yett_manage *manage, uint64_t then_ns)
{
	return then_ns != 0 && yett_now(manage->node) - then_ns < WINDOW_NS;
}

static struct clone *ensure(struct yett_manage *manage, const struct yett_id *id)
{
	struct clone *clone = g_hash_table_lookup(manage->clones, id);

	if (clone == NULL && g_hash_table_size(manage->clones) < ENTRIES_MAX) {
		clone = g_new0(struct clone, 1);
		clone->id = *id;
		g_hash_table_insert(manage->clones, &clone->id, clone);
	}
	return clone;
}

/* The place of a boot; -1: it is new. */
static int find(const struct clone *clone, const struct yett_id *boot)
{
	for (unsigned i = 0; i < clone->count; i++) {
		if (yett_id_equal(&clone->boots[i].id, boot)) {
			return (int)i;
		}
	}
	return -1;
}

/* Seen again, or for the first time, which makes it the last in order. */
static void note(struct clone *clone, const struct yett_id *boot, bool here)
{
	int at = find(clone, boot);

	if (at < 0) {
		if (clone->count == BOOTS) {
			/* The first stays: whoever was here first is not forgotten for restarts of the
			 * other. */
			memmove(&clone->boots[1], &clone->boots[2],
				(BOOTS - 2) * sizeof(clone->boots[0]));
			clone->count--;
		}
		at = (int)clone->count++;
		clone->boots[at] = (struct boot){.id = *boot};
	}
	clone->boots[at].here = clone->boots[at].here || here;
}

static bool add_sign(const struct yett_manage *manage, struct signs *signs)
{
	signs->at_ns[signs->next] = yett_now(manage->node);
	signs->next = (signs->next + 1) % SIGNS;
	return is_recent(manage, signs->at_ns[signs->next]); /* the oldest of them */
}

static void prove(struct yett_manage *manage, struct clone *clone, struct yett_known *known)
{
	bool news = !is_recent(manage, clone->proven_ns);

	clone->proven_ns = yett_now(manage->node);
	if (news) {
		yett_log(YETT_LOG_WARNING, "node-cloned",
			"two copies of a node are alive at the same time; stop the copy, give it a "
			"certificate of its own, and remove node-id and the queue from its state "
			"directory node=%s address=%s held=%s",
			known->name, known->address, yett_id_is_zero(&clone->held) ? "no" : "yes");
		yett_tell_of(manage, known);
		yett_share_node(manage, known);
	}
}

/* Which of the two that take turns here was seen later. */
static void hold_later(struct clone *clone, const struct yett_id *one, const struct yett_id *other)
{
	int first = find(clone, one), second = find(clone, other);

	if (first >= 0 && second >= 0 && clone->boots[first].here && clone->boots[second].here) {
		clone->held = clone->boots[MAX(first, second)].id;
	}
}

void yett_clones_came(struct yett_manage *manage, struct yett_known *known,
	const struct yett_id *boot, const struct yett_id *by)
{
	bool here = yett_id_is_zero(by);
	struct clone *clone;
	bool back;

	if (yett_id_is_zero(&known->boot) || yett_id_equal(&known->boot, boot) ||
		(clone = ensure(manage, &known->id)) == NULL) {
		return;
	}
	clone->changed_ns = yett_now(manage->node);
	back = find(clone, boot) >= 0;
	note(clone, &known->boot, known->boot_here);
	note(clone, boot, here);
	clone->has_rival = false;
	for (size_t i = 0; i < YETT_WAYS_MAX; i++) {
		const struct yett_way *way = &known->ways[i];

		if (way->used && !yett_id_equal(&way->through, by)) {
			clone->has_rival = true;
			clone->rival = way->through;
			clone->rival_ns = clone->rival_heard_ns = clone->changed_ns;
		}
	}
	/* Both by sessions here, which have proved who they are. */
	if (back && here && known->boot_here && add_sign(manage, &clone->here)) {
		hold_later(clone, &known->boot, boot);
	}
	if (back && add_sign(manage, &clone->anywhere)) {
		prove(manage, clone, known);
	}
}

void yett_clones_heard(struct yett_manage *manage, struct yett_known *known,
	const struct yett_id *through, uint32_t age_ms)
{
	struct clone *clone = g_hash_table_lookup(manage->clones, &known->id);
	uint64_t now_ns = yett_now(manage->node);

	if (clone == NULL || !clone->has_rival || !yett_id_equal(&clone->rival, through) ||
		now_ns < clone->rival_ns + LINGERS_NS + age_ms * YETT_MS ||
		now_ns - clone->rival_heard_ns < APART_NS) {
		return;
	}
	clone->changed_ns = clone->rival_heard_ns = now_ns;
	if (add_sign(manage, &clone->anywhere)) {
		prove(manage, clone, known);
	}
}

void yett_clones_seen_far(struct yett_manage *manage, struct yett_known *known,
	const struct yett_id *server, const struct yett_id *boot)
{
	struct clone *clone;

	if (yett_id_is_zero(boot) || yett_id_is_zero(&known->boot) ||
		yett_id_equal(boot, &known->boot) || (clone = ensure(manage, &known->id)) == NULL) {
		return;
	}
	if (!clone->has_rival || !yett_id_equal(&clone->rival, server)) {
		clone->has_rival = true;
		clone->rival = *server;
		clone->changed_ns = clone->rival_ns = clone->rival_heard_ns =
			yett_now(manage->node);
	}
	yett_clones_heard(manage, known, server, 0);
}

bool yett_clones_held(
	struct yett_manage *manage, const struct yett_id *id, const struct yett_id *boot)
{
	struct clone *clone = g_hash_table_lookup(manage->clones, id);
	const struct yett_known *known = g_hash_table_lookup(manage->known, id);

	if (clone == NULL || !is_recent(manage, clone->proven_ns) ||
		yett_id_is_zero(&clone->held) || !yett_id_equal(&clone->held, boot)) {
		return false;
	}
	if (known != NULL && known->live && !yett_id_equal(&known->boot, boot)) {
		clone->changed_ns = clone->proven_ns =
			yett_now(manage->node); /* there still are two */
	}
	return true;
}

bool yett_clones_is(const struct yett_manage *manage, const struct yett_known *known)
{
	const struct clone *clone = g_hash_table_lookup(manage->clones, &known->id);

	return known->cloned_below || (clone != NULL && is_recent(manage, clone->proven_ns));
}

static gboolean is_over(gpointer key, gpointer value, gpointer arg)
{
	const struct clone *clone = value;

	(void)key;
	return !is_recent(arg, clone->changed_ns);
}

void yett_clones_tick(struct yett_manage *manage)
{
	g_hash_table_foreach_remove(manage->clones, is_over, manage);
}
