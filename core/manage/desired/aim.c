/* The aim: what this node should be like, as its group has signed it, and what it makes of that.
 *
 * Responsible for taking a desired state (the signature, the name, the time, the revision), for holding
 * it against the schema, for keeping it on disk before it is in force, for trying new upstreams beside
 * the old ones and going back to those when none of the new is up in time, and for telling upstreams
 * what came of it. Not responsible for what may be set (conf/overlay.c) nor for the file's form
 * (aimed.c). On the loop; what changes the node is done in the tick, never within a peer's message.
 *
 *   nothing ─► TRYING ─► DONE          a newer desired state begins anew from each of them
 *     │          └─────► ROLLED_BACK
 *     ├─► DONE   (other upstreams are not asked for)
 *     └─► REFUSED
 * A start in TRYING tries again from the beginning; in all others it goes by what is settled. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../conf/load.h"
#include "../../flow/stages.h"
#include "../../net/saved.h"
#include "aimed.h"
#include "behind.h"
#include "../internal.h"
#include "../admission/kept.h"

#define FILE_NAME "desired"

struct yett_aim {
	struct yett_aimed *aimed;
	const struct yett_settings *base; /* as the node's own file says */
	GPtrArray *confs;                 /* what has been in force: instances refer to it */
	GByteArray *waiting;       /* signed, verified and newer: for the next tick; or NULL */
	struct yett_desired *came; /* the same, opened */
	GString *pinned;
	/* TRYING: what it goes back to, what it is to be, and until when; monotonic. */
	const struct yett_settings *old, *new;
	uint64_t deadline_ns;
	bool untold; /* upstreams have to hear what came of it */
};

static void note_pinned(void *arg, const char *name)
{
	struct yett_aim *aim = arg;

	g_string_append_printf(aim->pinned, "%s%s", aim->pinned->len > 0 ? " " : "", name);
}

/* The first problem, as one sentence. */
static void first_problem(void *arg, const char *file, int line, const char *text, const char *mend)
{
	char *why = arg;

	(void)file;
	(void)line;
	if (why[0] == '\0') {
		g_snprintf(why, YETT_CAUSE_SIZE, "%s%s%s", text,
			mend != NULL && mend[0] != '\0' ? ": " : "", mend != NULL ? mend : "");
	}
}

int yett_desired_overlay(const struct yett_settings *base, const struct yett_desired *desired,
	const struct yett_settings *keep, yett_pinned_fn pinned, void *arg,
	struct yett_conf **ret_conf, char ret_why[YETT_CAUSE_SIZE])
{
	struct yett_wish values[YETT_DESIRED_VALUES_MAX];
	struct yett_wish_upstream upstreams[YETT_DESIRED_UPSTREAMS_MAX];
	struct yett_wishes wishes = {.values = values,
		.value_count = desired->value_count,
		.upstreams = upstreams,
		.upstream_count = desired->upstream_count,
		.keep = keep};
	struct yett_problems *problems = yett_problems_new();
	int result;

	for (uint32_t i = 0; i < desired->value_count; i++) {
		values[i] = (struct yett_wish){desired->values[i].name, desired->values[i].value};
	}
	for (uint32_t i = 0; i < desired->upstream_count; i++) {
		upstreams[i] = (struct yett_wish_upstream){
			desired->upstreams[i].name, desired->upstreams[i].address};
	}
	result = yett_conf_overlay(base, &wishes, pinned, arg, ret_conf, problems);
	ret_why[0] = '\0';
	if (result != 0) {
		yett_problems_walk(problems, first_problem, ret_why);
	}
	yett_problems_free(problems);
	return result;
}

/* The settings as they would be with a desired state; NULL as `one`: as the file says. */
static const struct yett_settings *settings_with(struct yett_manage *manage,
	const struct yett_aimed_one *one, const struct yett_settings *keep,
	char ret_why[YETT_CAUSE_SIZE])
{
	struct yett_aim *aim = manage->aim;
	struct yett_conf *conf;

	g_string_truncate(aim->pinned, 0);
	ret_why[0] = '\0';
	if (!one->there) {
		return aim->base;
	}
	if (yett_desired_overlay(
		    aim->base, &one->desired, keep, note_pinned, aim, &conf, ret_why) != 0) {
		return NULL;
	}
	g_ptr_array_add(aim->confs, conf);
	return yett_conf_settings(conf);
}

static void put_in_force(struct yett_manage *manage, const struct yett_settings *settings)
{
	struct yett_error error = {.code = 0};

	(void)yett_node_reload(manage->node, settings, &error); /* of the file, and told there */
}

static int save(struct yett_manage *manage)
{
	struct yett_node *node = manage->node;
	GByteArray *bytes = yett_aimed_write(manage->aim->aimed);
	struct yett_error error = {.code = 0};
	int result = yett_saved_write(
		node->world.files, node->world.state, FILE_NAME, bytes->data, bytes->len, &error);

	if (result != 0) {
		yett_log(YETT_LOG_ERROR, "desired-unsaved",
			"what this node should be like could not be kept: %s; it is not applied, "
			"and the management server sends it again",
			error.text);
	}
	g_byte_array_unref(bytes);
	return result;
}

static void set_state(struct yett_manage *manage, uint32_t state, const char *why)
{
	struct yett_aimed *aimed = manage->aim->aimed;

	aimed->state = state;
	aimed->since_s = yett_clock_wall(manage->node->clock) / (int64_t)YETT_SEC;
	g_strlcpy(aimed->why, why, sizeof(aimed->why));
	manage->aim->untold = true;
}

/* The upstreams that it asks for, against those that the settled one leads to. */

static const struct yett_upstream_settings *upstream_in(
	const struct yett_settings *settings, const char *name)
{
	const struct yett_upstream_settings *items = settings->upstreams.items;

	for (size_t i = 0; i < settings->upstreams.count; i++) {
		if (strcasecmp(items[i].name, name) == 0) {
			return &items[i];
		}
	}
	return NULL;
}

static void address_of(const struct yett_upstream_settings *upstream, char ret_address[320])
{
	if (upstream->address.count > 0) {
		g_strlcpy(ret_address, ((const char *const *)upstream->address.items)[0], 320);
	} else {
		g_snprintf(ret_address, 320, "%s:5723", upstream->name);
	}
}

/* Whether one of `old` leads there as well, by name and address. */
static bool is_old(const struct yett_settings *old, const struct yett_upstream_settings *upstream)
{
	const struct yett_upstream_settings *was = upstream_in(old, upstream->name);
	char address[320], other[320];

	if (was == NULL) {
		return false;
	}
	address_of(upstream, address);
	for (size_t i = 0; i < was->address.count; i++) {
		if (strcmp(((const char *const *)was->address.items)[i], address) == 0) {
			return true;
		}
	}
	address_of(was, other);
	return was->address.count == 0 && strcmp(other, address) == 0;
}

static bool same_upstreams(const struct yett_settings *a, const struct yett_settings *b)
{
	const struct yett_upstream_settings *x = a->upstreams.items, *y = b->upstreams.items;

	if (a->upstreams.count != b->upstreams.count) {
		return false;
	}
	for (size_t i = 0; i < a->upstreams.count; i++) {
		if (strcasecmp(x[i].name, y[i].name) != 0 ||
			x[i].address.count != y[i].address.count ||
			x[i].priority != y[i].priority ||
			(x[i].address.count > 0 && !is_old(b, &x[i]))) {
			return false;
		}
	}
	return true;
}

/* What a node that is tried would go back to. */
static const struct yett_settings *old_settings(struct yett_manage *manage)
{
	char why[YETT_CAUSE_SIZE];
	const struct yett_settings *settings =
		settings_with(manage, &manage->aim->aimed->settled, NULL, why);

	return settings != NULL ? settings : manage->aim->base;
}

/* The settings of a trial: both ways. */
static const struct yett_settings *trial(struct yett_manage *manage)
{
	struct yett_aim *aim = manage->aim;
	const struct yett_settings *both;
	char why[YETT_CAUSE_SIZE];

	aim->old = old_settings(manage);
	aim->new = settings_with(manage, &aim->aimed->newest, NULL, why);
	both = settings_with(manage, &aim->aimed->newest, aim->old, why);
	return both != NULL && aim->new != NULL ? both : aim->old;
}

static void begin_trial(struct yett_aim *aim, uint64_t now_ns)
{
	aim->deadline_ns = now_ns + aim->base->node.trial_ns;
}

static void refuse(struct yett_manage *manage, const char *why)
{
	set_state(manage, YETT_APPLIED_REFUSED, why);
	yett_log(YETT_LOG_WARNING, "desired-refused",
		"what this node should be like is refused, and it stays as it is: %s "
		"revision=%" PRIu64,
		why, manage->aim->aimed->newest.desired.revision);
	(void)save(manage);
}

static void log_done(const struct yett_manage *manage)
{
	const struct yett_desired *desired = &manage->aim->aimed->newest.desired;

	yett_log(YETT_LOG_NOTICE, "desired-applied",
		"this node is as its management server wants it revision=%" PRIu64
		" values=%u upstreams=%u",
		desired->revision, desired->value_count, desired->upstream_count);
}

/* A newer one has come. */
static void begin(struct yett_manage *manage)
{
	struct yett_aim *aim = manage->aim;
	struct yett_aimed *aimed = aim->aimed;
	const struct yett_settings *old = old_settings(manage), *new;
	char why[YETT_CAUSE_SIZE];
	bool move, emptied;

	if (aimed->state == YETT_APPLIED_TRYING) {
		put_in_force(manage, old); /* the trial before it has come to nothing */
	}
	yett_aimed_set(&aimed->newest, aim->came, aim->waiting->data, aim->waiting->len);
	new = settings_with(manage, &aimed->newest, NULL, why);
	if (new == NULL) {
		refuse(manage, why);
		return;
	}
	move = !same_upstreams(old, new);
	if (move && settings_with(manage, &aimed->newest, old, why) == NULL) {
		refuse(manage, why); /* both ways together are too many */
		return;
	}
	emptied = new->node.drain && !manage->node->settings->node.drain;
	set_state(manage, move ? YETT_APPLIED_TRYING : YETT_APPLIED_DONE, "");
	if (!move) {
		yett_aimed_copy(&aimed->settled, &aimed->newest);
	}
	/* On disk first: a node that dies now does it at its next start. */
	if ((emptied && yett_behind_keep(manage) != 0) || save(manage) != 0) {
		aim->untold = false;
		aimed->newest.there = false;
		aimed->state = 0;
		return;
	}
	if (move) {
		yett_log(YETT_LOG_NOTICE, "desired-trying",
			"other upstreams are tried; those of before stay until one of these is up, "
			"and come back if none is revision=%" PRIu64,
			aimed->newest.desired.revision);
		begin_trial(aim, yett_now(manage->node));
		put_in_force(manage, trial(manage));
	} else {
		put_in_force(manage, new);
		log_done(manage);
	}
}

/* A new upstream is up; where all of them were there before, any of them. */
static bool is_up(struct yett_manage *manage, const struct yett_settings *old,
	const struct yett_settings *new, char ret_why[YETT_CAUSE_SIZE])
{
	const struct yett_upstream_settings *items = new->upstreams.items;
	bool any_new = false, up = false;

	for (size_t i = 0; i < new->upstreams.count; i++) {
		any_new = any_new || !is_old(old, &items[i]);
	}
	for (guint i = 0; i < manage->node->links->len && !up; i++) {
		struct yett_link *link = manage->node->links->pdata[i];
		const struct yett_upstream_settings *upstream = upstream_in(new, link->name);
		char address[320];

		if (upstream == NULL || (any_new && is_old(old, upstream))) {
			continue;
		}
		address_of(upstream, address);
		if (link->state != YETT_UPSTREAM_UP || link->peer == NULL) {
			g_snprintf(ret_why, YETT_CAUSE_SIZE, "%s: %s", link->name,
				link->error[0] != '\0' ? link->error
						       : "it has not led to the store");
		} else if (any_new && strcmp(link->peer->address, address) != 0) {
			g_snprintf(ret_why, YETT_CAUSE_SIZE, "%s is not reached at %s", link->name,
				address);
			yett_upstream_move(link, address);
		} else {
			up = true;
		}
	}
	return up;
}

static void tick_trying(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_aim *aim = manage->aim;
	char why[YETT_CAUSE_SIZE], reason[YETT_CAUSE_SIZE] = "none of them was dialled";

	if (aim->new != NULL && is_up(manage, aim->old, aim->new, reason)) {
		yett_aimed_copy(&aim->aimed->settled, &aim->aimed->newest);
		set_state(manage, YETT_APPLIED_DONE, "");
		(void)save(manage);
		yett_aim_tell(manage, NULL); /* by the old way too, while it is there */
		put_in_force(manage, aim->new);
		aim->untold = true;
		log_done(manage);
	} else if (now_ns >= aim->deadline_ns) {
		g_snprintf(why, sizeof(why), "none of the new upstreams was up in time; %.200s",
			reason);
		set_state(manage, YETT_APPLIED_ROLLED_BACK, why);
		yett_log(YETT_LOG_WARNING, "desired-rolled-back",
			"the upstreams of before are in force again: %s revision=%" PRIu64, why,
			aim->aimed->newest.desired.revision);
		(void)save(manage);
		put_in_force(manage, aim->old);
	}
}

void yett_aim_tick(struct yett_manage *manage, uint64_t now_ns)
{
	struct yett_aim *aim = manage->aim;

	if (aim == NULL || manage->node->draining) {
		return;
	}
	if (aim->waiting != NULL) {
		begin(manage);
		g_clear_pointer(&aim->waiting, g_byte_array_unref);
		g_clear_pointer(&aim->came, g_free);
	} else if (aim->aimed->state == YETT_APPLIED_TRYING) {
		tick_trying(manage, now_ns);
	}
	if (aim->untold) {
		yett_aim_tell(manage, NULL);
	}
}

static int check(const struct yett_manage *manage, const struct yett_desired *desired,
	struct yett_error *error)
{
	const struct yett_signed_times times = {
		desired->issued_s, desired->expires_s, desired->vouched_s};

	if (strcmp(desired->name, manage->node->name) != 0) {
		return yett_fail(
			error, YETT_EDENIED, NULL, "it is for another node, %s", desired->name);
	}
	return yett_signed_judge(
		&times, yett_kept_now_s(manage->kept), "desired state", desired->name, error);
}

void yett_aim_take(struct yett_manage *manage, const uint8_t *bytes, size_t length)
{
	struct yett_aim *aim = manage->aim;
	struct yett_error error = {.code = 0};
	struct yett_desired *desired = g_new0(struct yett_desired, 1);
	const struct yett_aimed_one *newest = &aim->aimed->newest;
	int result = yett_desired_open(&manage->kept->trust, bytes, length, desired, &error), order;

	if (result == 0) {
		result = check(manage, desired, &error);
	}
	if (result != 0) {
		yett_log(YETT_LOG_WARNING, "desired-ignored",
			"a desired state counts for nothing here: %s%s%s", error.text,
			error.mend[0] != '\0' ? "; " : "", error.mend);
		g_free(desired);
		return;
	}
	order = newest->there && !newest->stale ? yett_aimed_compare(desired, &newest->desired) : 1;
	if (order > 0 && (aim->came == NULL || yett_aimed_compare(desired, aim->came) > 0)) {
		g_clear_pointer(&aim->waiting, g_byte_array_unref);
		aim->waiting = g_byte_array_new();
		g_byte_array_append(aim->waiting, bytes, (guint)length);
		g_free(aim->came);
		aim->came = desired;
		return;
	}
	aim->untold = aim->untold || order == 0; /* it has not been heard */
	g_free(desired);
}

void yett_aim_distrust(struct yett_manage *manage)
{
	struct yett_aim *aim = manage->aim;

	if (aim != NULL) {
		yett_aimed_distrust(aim->aimed, &manage->kept->trust);
		if (aim->came != NULL) { /* not taken yet: it comes again, if it was real */
			g_clear_pointer(&aim->waiting, g_byte_array_unref);
			g_clear_pointer(&aim->came, g_free);
		}
	}
}

void yett_aim_tell(struct yett_manage *manage, struct yett_peer *upstream)
{
	struct yett_aim *aim = manage->aim;
	struct yett_applied message = {.node = manage->node->id};
	bool told = false;

	if (aim == NULL || aim->aimed->state == 0) {
		return;
	}
	message.generation = aim->aimed->newest.desired.generation;
	message.revision = aim->aimed->newest.desired.revision;
	message.state = aim->aimed->state;
	message.since_s = aim->aimed->since_s;
	g_strlcpy(message.why, aim->aimed->why, sizeof(message.why));
	g_strlcpy(message.pinned, aim->pinned->str, sizeof(message.pinned));
	for (guint i = manage->node->links->len; i > 0; i--) {
		const struct yett_link *link =
			i <= manage->node->links->len ? manage->node->links->pdata[i - 1] : NULL;
		struct yett_peer *peer = link != NULL ? link->peer : NULL;

		if (peer != NULL && (upstream == NULL || upstream == peer) && !peer->standby &&
			peer->state == YETT_PEER_OPEN && link->state == YETT_UPSTREAM_UP) {
			yett_wire_applied(peer->wire, &message);
			yett_peer_flush(peer);
			told = true;
		}
	}
	aim->untold = aim->untold && !told;
}

int yett_aim_reload(
	struct yett_manage *manage, const struct yett_settings *settings, struct yett_error *error)
{
	struct yett_aim *aim = manage->aim;
	const struct yett_settings *new = settings;
	char why[YETT_CAUSE_SIZE];

	if (aim == NULL) {
		return yett_node_reload(manage->node, settings, error);
	}
	aim->base = settings;
	if (aim->aimed->state == YETT_APPLIED_TRYING) {
		new = trial(manage);
	} else {
		new = settings_with(manage, &aim->aimed->settled, NULL, why);
	}
	aim->untold = true; /* other settings may be pinned */
	return yett_node_reload(manage->node, new != NULL ? new : settings, error);
}

static void start(struct yett_manage *manage)
{
	struct yett_aim *aim = manage->aim;
	const struct yett_settings *settings;
	char why[YETT_CAUSE_SIZE];

	if (aim->aimed->state == YETT_APPLIED_TRYING) {
		begin_trial(aim, yett_now(manage->node));
		manage->node->settings = trial(manage);
		return;
	}
	settings = settings_with(manage, &aim->aimed->settled, NULL, why);
	if (settings != NULL) {
		manage->node->settings = settings;
		return;
	}
	yett_log(YETT_LOG_WARNING, "desired-refused",
		"what this node should be like does not count any more, and it goes by its own "
		"file: %s revision=%" PRIu64,
		why, aim->aimed->settled.desired.revision);
}

int yett_aim_open(struct yett_manage *manage, struct yett_error *error)
{
	struct yett_node *node = manage->node;
	struct yett_trust trust;
	struct yett_aim *aim;
	char *bytes;
	size_t length;
	int result = yett_kit_read(node->settings->group.kit, node->name, &trust, error);

	if (result != 0) {
		return result;
	}
	aim = manage->aim = g_new0(struct yett_aim, 1);
	aim->aimed = yett_aimed_new();
	aim->base = node->settings;
	aim->confs = g_ptr_array_new_with_free_func((GDestroyNotify)yett_conf_free);
	aim->pinned = g_string_new(NULL);
	result = yett_saved_read(node->world.files, node->world.state, FILE_NAME,
		YETT_AIMED_FILE_MAX, &bytes, &length);
	if (result == YETT_ENOTFOUND) {
		return 0;
	}
	if (result != 0) {
		return yett_fail(error, result, "look at the state directory",
			"what this node should be like cannot be read: %s",
			yett_result_text(result));
	}
	if (!yett_aimed_read(aim->aimed, &trust, manage->kept->rollovers, node->name,
		    (const uint8_t *)bytes, length)) {
		yett_log(YETT_LOG_WARNING, "desired-damaged",
			"some of what this node should be like does not count any more; it goes by "
			"the rest and by its own file, and the management server sends it again");
	}
	free(bytes);
	start(manage);
	return 0;
}

void yett_aim_done(struct yett_manage *manage)
{
	struct yett_aim *aim = manage->aim;

	if (aim != NULL) {
		yett_aimed_free(aim->aimed);
		g_ptr_array_free(aim->confs, TRUE);
		g_clear_pointer(&aim->waiting, g_byte_array_unref);
		g_free(aim->came);
		g_string_free(aim->pinned, TRUE);
		g_free(aim);
		manage->aim = NULL;
	}
}
