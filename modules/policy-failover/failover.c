/* policy-failover: the preferred upstream, or the next one while it is gone.
 *
 * Preferred is the lowest priority number, and among equals the first in the configuration. When
 * the upstream in use is gone, the next one that is up takes over at once. When a better one has
 * come back, it is used again only after it has been good for `failback`, and each node waits a
 * random part of `failback-jitter` more, so that a thousand agents do not return as one. A better
 * one that was never lost (the nodes have just started) is not made to wait.
 *
 * An upstream that is up but full is not gone: it is waited for, up to `patience`. One that takes and
 * acknowledges nothing for `stall` is left too, where another is up; since it may look well again as
 * soon as nothing is asked of it, the way back takes twice as long each time that this happens.
 *
 * It only chooses; sessions are the core's. It is called on the loop and takes no lock. The time
 * comes from the host. If memory runs out, it picks nothing, and the core keeps the batch.
 */
#include <stdio.h>
#include <stdlib.h>

#include <yett/policy.h>

#define NONE       YETT_POLICY_NONE
#define STALLED    (UINT32_C(1) << YETT_LANES)
#define STALLS_MAX 7 /* the way back takes 2^6 times as long at most */

struct settings {
	uint64_t failback_ns;
	uint64_t failback_jitter_ns;
	uint64_t patience_ns;
	uint64_t stall_ns;
	int64_t standby;
};

/* What is remembered of an upstream from one update to the next. Whether it is usable is asked for
 * a lane at a time, since each has room of its own. */
struct upstream {
	char *name;
	uint32_t state;
	uint32_t priority;
	bool usable;                  /* in the lane that is being asked for */
	bool lost;                    /* it was up, or was tried, and went away since */
	uint32_t left;                /* lanes (bits) for whose being full it was left; STALLED */
	uint32_t forgotten;           /* lanes that it was left for, and that had nothing since */
	uint32_t stalls;              /* times in a row that it was left for having stalled */
	uint64_t used_ns;             /* in use since */
	uint64_t good_ns;             /* up, and left for nothing, since; 0: it is not */
	uint64_t jitter_ns;           /* what it waits beyond `failback` this time */
	uint64_t full_ns[YETT_LANES]; /* up and full since; 0: it is not */
};

struct policy {
	const struct yett_host *host;
	const struct settings *settings;
	struct upstream *upstreams; /* in the core's order */
	uint32_t count;
	uint32_t current;               /* the index of the one in use, or NONE */
	bool relay;                     /* the node is a gateway */
	uint64_t again_ns;              /* when a better one may be used; 0: there is none */
	uint64_t picked_ns[YETT_LANES]; /* when one was asked for last */
};

enum { METRIC_FAILOVERS, METRIC_FAILBACKS };

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct policy *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	self->current = NONE;
	self->relay = with->relay != 0;
	*ret_self = self;
	return 0;
}

static void upstreams_free(struct upstream *upstreams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		free(upstreams[i].name);
	}
	free(upstreams);
}

static void destroy(void *arg)
{
	struct policy *self = arg;

	upstreams_free(self->upstreams, self->count);
	free(self);
}

static bool same_table(
	const struct policy *self, const struct yett_upstream *upstreams, size_t count)
{
	if (count != self->count) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(self->upstreams[i].name, upstreams[i].name) != 0) {
			return false;
		}
	}
	return true;
}

/* Another table: what is known of an upstream goes with its name. */
static void adopt(struct policy *self, const struct yett_upstream *upstreams, size_t count)
{
	struct upstream *table = calloc(count, sizeof(*table));
	uint32_t filled = 0, current = NONE;

	while (table != NULL && filled < count) {
		table[filled].name = strdup(upstreams[filled].name);
		if (table[filled].name == NULL) {
			break;
		}
		for (uint32_t i = 0; i < self->count; i++) {
			struct upstream *old = &self->upstreams[i];

			if (strcmp(old->name, table[filled].name) == 0) {
				char *name = table[filled].name;

				table[filled] = *old;
				table[filled].name = name;
				current = i == self->current ? filled : current;
				break;
			}
		}
		filled++;
	}
	upstreams_free(self->upstreams, self->count);
	if (filled < count) {
		upstreams_free(table, filled);
		table = NULL;
		filled = 0;
		current = NONE;
	}
	self->upstreams = table;
	self->count = filled;
	self->current = current;
}

static uint64_t draw_jitter(const struct policy *self)
{
	uint64_t chance = 0;

	self->host->random_bytes(self->host->instance, &chance, sizeof(chance));
	return chance % (self->settings->failback_jitter_ns + 1);
}

static bool went_away(uint32_t was, uint32_t is)
{
	bool had = was == YETT_UPSTREAM_UP || was == YETT_UPSTREAM_NO_PATH;
	bool has = is == YETT_UPSTREAM_UP || is == YETT_UPSTREAM_NO_PATH;

	return (had && !has) || (was == YETT_UPSTREAM_UP && is == YETT_UPSTREAM_NO_PATH) ||
	       (was == YETT_UPSTREAM_CONNECTING && is == YETT_UPSTREAM_DOWN);
}

static void good_from(struct policy *self, struct upstream *upstream, uint64_t now_ns)
{
	upstream->good_ns = now_ns;
	upstream->jitter_ns = upstream->lost ? draw_jitter(self) : 0;
}

/* Keeps the times at which upstreams are full in a lane, which only pick() knows. */
static void watch_room(struct policy *self, uint32_t lane, uint64_t now_ns)
{
	for (uint32_t i = 0; i < self->count; i++) {
		struct upstream *mine = &self->upstreams[i];

		if (mine->state != YETT_UPSTREAM_UP) {
			continue;
		}
		if (!mine->usable && (mine->forgotten & UINT32_C(1) << lane) != 0) {
			mine->left |= UINT32_C(1) << lane;
			mine->good_ns = 0;
		}
		mine->forgotten &= ~(UINT32_C(1) << lane);
		if (!mine->usable) {
			mine->full_ns[lane] =
				mine->full_ns[lane] != 0 ? mine->full_ns[lane] : now_ns;
			continue;
		}
		mine->full_ns[lane] = 0;
		if (mine->left != 0) {
			mine->left &= ~(UINT32_C(1) << lane);
			if (mine->left == 0) {
				good_from(self, mine, now_ns);
			}
		}
	}
}

/* Whether `a` is preferred to `b`. */
static bool before(const struct policy *self, uint32_t a, uint32_t b)
{
	uint32_t pa = self->upstreams[a].priority, pb = self->upstreams[b].priority;

	return pa != pb ? pa < pb : a < b;
}

/* The preferred one of those that are up; `room`: and take a batch in this lane now. One that was
 * left for being full comes after all others. */
static uint32_t best(const struct policy *self, bool room)
{
	uint32_t found = NONE;

	for (uint32_t i = 0; i < self->count; i++) {
		const struct upstream *mine = &self->upstreams[i];
		bool left = mine->left != 0;

		if (mine->state != YETT_UPSTREAM_UP || (room && !mine->usable)) {
			continue;
		}
		if (found == NONE || (self->upstreams[found].left != 0) > left ||
			((self->upstreams[found].left != 0) == left && before(self, i, found))) {
			found = i;
		}
	}
	return found;
}

/* When a better one than the one in use may be used again. */
static uint64_t ripe_at(const struct policy *self, const struct upstream *upstream)
{
	if (!upstream->lost) {
		return upstream->good_ns;
	}
	return upstream->good_ns +
	       (self->settings->failback_ns << (upstream->stalls > 1 ? upstream->stalls - 1 : 0)) +
	       upstream->jitter_ns;
}

static void change(struct policy *self, uint32_t to)
{
	const struct yett_host *host = self->host;
	const char *name = self->upstreams[to].name;
	uint32_t from = self->current;

	self->current = to;
	self->upstreams[to].used_ns = host->monotonic_ns(host->instance);
	if (from == NONE || from == to) {
		return;
	}
	if (before(self, to, from)) {
		host->metric(host->instance, METRIC_FAILBACKS, 1);
		host->log(host->instance, YETT_LOG_NOTICE, "upstream-failback",
			"going back to %s, which is preferred to %s upstream=%s", name,
			self->upstreams[from].name, name);
	} else {
		host->metric(host->instance, METRIC_FAILOVERS, 1);
		host->log(host->instance, YETT_LOG_NOTICE, "upstream-failover",
			"using %s, since %s %s upstream=%s", name, self->upstreams[from].name,
			self->upstreams[from].state != YETT_UPSTREAM_UP ? "is gone"
			: (self->upstreams[from].left & STALLED) != 0   ? "acknowledges nothing"
									: "takes no more",
			name);
	}
}

/* The one in use: the preferred one of those that are up, when its time has come. */
static void choose(struct policy *self, uint64_t now_ns)
{
	uint32_t to = best(self, false);
	uint64_t until_ns;

	self->again_ns = 0;
	if (to == NONE || to == self->current) {
		return;
	}
	if (self->current == NONE || self->upstreams[self->current].state != YETT_UPSTREAM_UP) {
		change(self, to);
	} else if ((self->upstreams[self->current].left & STALLED) != 0 &&
		   self->upstreams[to].left == 0) {
		change(self, to);
	} else if (before(self, to, self->current) && self->upstreams[to].left == 0) {
		until_ns = ripe_at(self, &self->upstreams[to]);
		if (now_ns >= until_ns) {
			change(self, to);
		} else {
			self->again_ns = until_ns;
		}
	}
}

/* Whether any other is up and was not left. */
static bool has_other(const struct policy *self, uint32_t index)
{
	for (uint32_t i = 0; i < self->count; i++) {
		if (i != index && self->upstreams[i].state == YETT_UPSTREAM_UP &&
			self->upstreams[i].left == 0) {
			return true;
		}
	}
	return false;
}

static void watch_stall(struct policy *self, uint32_t index, uint64_t stalled_ns, uint64_t now_ns)
{
	struct upstream *mine = &self->upstreams[index];

	if (stalled_ns < self->settings->stall_ns) {
		mine->left &= ~STALLED;
		if (index == self->current && mine->stalls > 0 && mine->used_ns != 0 &&
			now_ns - mine->used_ns > 2 * self->settings->stall_ns) {
			mine->stalls = 0; /* it has held for long enough */
		}
	} else if ((mine->left & STALLED) == 0 && has_other(self, index)) {
		mine->left |= STALLED;
		mine->lost = true;
		mine->good_ns = 0;
		mine->stalls += mine->stalls < STALLS_MAX ? 1 : 0;
	}
}

/* Of a lane that has nothing to send nobody hears whether there is room again. It is not waited for: should
 * it be full still, that shows as soon as there is something. */
static void forget_idle_lanes(const struct policy *self, struct upstream *mine, uint64_t now_ns)
{
	/* A lane that waits for room is asked for every now and then, and at the end of its patience. */
	uint64_t waits_ns = 2 * (self->settings->patience_ns + UINT64_C(1000000000));
	uint64_t left_ns =
		self->settings->failback_ns > 0 ? 2 * self->settings->failback_ns : waits_ns;

	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		uint64_t idle_ns = now_ns - self->picked_ns[lane];

		if (idle_ns > left_ns) {
			mine->forgotten |= mine->left & UINT32_C(1) << lane;
			mine->left &= ~mine->forgotten;
		}
		if (idle_ns > left_ns && idle_ns > waits_ns) {
			mine->full_ns[lane] = 0;
		}
	}
}

static void update(void *arg, const struct yett_upstream *upstreams, size_t count)
{
	struct policy *self = arg;
	uint64_t now_ns = self->host->monotonic_ns(self->host->instance);

	if (!same_table(self, upstreams, count)) {
		adopt(self, upstreams, count);
	}
	for (uint32_t i = 0; i < self->count; i++) {
		struct upstream *mine = &self->upstreams[i];

		mine->lost |= went_away(mine->state, upstreams[i].state);
		mine->state = upstreams[i].state;
		mine->priority = upstreams[i].priority;
		mine->usable = mine->state == YETT_UPSTREAM_UP && upstreams[i].usable != 0;
	}
	for (uint32_t i = 0; i < self->count; i++) {
		struct upstream *mine = &self->upstreams[i];

		if (mine->state != YETT_UPSTREAM_UP) {
			mine->good_ns = 0;
			mine->left = mine->forgotten = 0;
			memset(mine->full_ns, 0, sizeof(mine->full_ns));
			continue;
		}
		watch_stall(self, i, upstreams[i].stalled_ns, now_ns);
		forget_idle_lanes(self, mine, now_ns);
		if (mine->good_ns == 0 && mine->left == 0) {
			good_from(self, mine, now_ns);
		}
	}
	choose(self, now_ns);
}

static uint32_t pick(void *arg, uint32_t lane, uint64_t *ret_again_ns)
{
	struct policy *self = arg;
	uint64_t now_ns = self->host->monotonic_ns(self->host->instance), until_ns;
	struct upstream *current;
	uint32_t to;

	*ret_again_ns = 0;
	if (lane >= YETT_LANES) {
		return NONE;
	}
	self->picked_ns[lane] = now_ns;
	watch_room(self, lane, now_ns);
	choose(self, now_ns); /* which room that is there again may change */
	if (self->current == NONE || self->upstreams[self->current].state != YETT_UPSTREAM_UP) {
		return NONE;
	}
	*ret_again_ns = self->again_ns;
	current = &self->upstreams[self->current];
	if (current->usable) {
		return self->current;
	}
	/* It is up, and full in this lane. */
	to = best(self, true);
	if (to == NONE) {
		return NONE;
	}
	until_ns = current->full_ns[lane] + self->settings->patience_ns;
	if (now_ns >= until_ns) {
		current->lost = true;
		current->left |= UINT32_C(1) << lane;
		current->good_ns = 0;
		*ret_again_ns = 0;
		change(self, to);
		return to;
	}
	if (*ret_again_ns == 0 || *ret_again_ns > until_ns) {
		*ret_again_ns = until_ns;
	}
	return NONE;
}

static int rank(const struct upstream *upstream)
{
	return upstream->state == YETT_UPSTREAM_UP        ? 3
	       : upstream->state == YETT_UPSTREAM_NO_PATH ? 2
	       : !upstream->lost                          ? 1
							  : 0;
}

/* The one in use, or that would be the first to be. */
static uint32_t foremost(const struct policy *self)
{
	uint32_t found = NONE;

	if (self->current != NONE && self->upstreams[self->current].state == YETT_UPSTREAM_UP) {
		return self->current;
	}
	for (uint32_t i = 0; i < self->count; i++) {
		int mine = rank(&self->upstreams[i]);
		int other = found != NONE ? rank(&self->upstreams[found]) : -1;

		if (mine > other || (mine == other && before(self, i, found))) {
			found = i;
		}
	}
	return found;
}

/* A gateway has others that wait for it, and its own sessions are few. */
static int64_t standbys(const struct policy *self)
{
	return self->settings->standby >= 0 ? self->settings->standby : self->relay ? 1 : 0;
}

/* A session is held to the one in use, to all that are preferred to it, and to `standby` more. One
 * that has not failed yet counts as if it were up, so that a start does not connect to all. */
static int wanted(void *arg, uint32_t index)
{
	const struct policy *self = arg;
	int64_t enough = 1 + standbys(self);
	bool up;

	if (index >= self->count || index == foremost(self)) {
		return YETT_WANTED;
	}
	up = self->upstreams[index].state == YETT_UPSTREAM_UP;
	for (uint32_t i = 0; i < self->count; i++) {
		const struct upstream *other = &self->upstreams[i];

		if (i == index || !before(self, i, index)) {
			continue;
		}
		if (other->state == YETT_UPSTREAM_UP ||
			(!up && !other->lost && other->state != YETT_UPSTREAM_NO_PATH)) {
			enough--;
		}
	}
	return enough > 0 ? YETT_WANTED_STANDBY : YETT_WANTED_NOT;
}

static int explain(void *arg, char *ret_text, size_t size)
{
	const struct policy *self = arg;
	const struct upstream *current;
	uint32_t preferred = NONE;

	if (self->current == NONE) {
		return snprintf(ret_text, size, "no upstream has been up yet");
	}
	current = &self->upstreams[self->current];
	for (uint32_t i = 0; i < self->count; i++) {
		preferred = preferred == NONE || before(self, i, preferred) ? i : preferred;
	}
	if (current->state != YETT_UPSTREAM_UP) {
		return snprintf(ret_text, size, "none is up; %s was used last", current->name);
	}
	if (preferred == self->current) {
		return snprintf(ret_text, size, "%s is preferred, and up", current->name);
	}
	return snprintf(ret_text, size, "%s is used while %s, which is preferred, %s",
		current->name, self->upstreams[preferred].name,
		self->upstreams[preferred].good_ns != 0 ? "is back for too short a time"
							: "is gone, full or stalled");
}

static const struct yett_life life = {
	.size = sizeof(life),
	.create = create,
	.destroy = destroy,
};

static const struct yett_policy_operations operations = {
	.size = sizeof(operations),
	.update = update,
	.pick = pick,
	.wanted = wanted,
	.explain = explain,
};

#define SECOND INT64_C(1000000000)

static const struct yett_schema schema[] = {
	YETT_ROW_DURATION(struct settings, failback_ns, "failback",
		YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE, "30 s", 0, 24 * 3600 * SECOND,
		"How long a preferred upstream that was lost must be up before it is used again."),
	YETT_ROW_DURATION(struct settings, failback_jitter_ns, "failback-jitter",
		YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE, "10 s", 0, 3600 * SECOND,
		"Up to how much longer each node waits, by chance, so that many do not return "
		"as one."),
	YETT_ROW_DURATION(struct settings, patience_ns, "patience",
		YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE, "10 s", 0, 3600 * SECOND,
		"How long an upstream that is up but takes nothing is waited for before the next "
		"one is used."),
	YETT_ROW_DURATION(struct settings, stall_ns, "stall", YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE,
		"30 s", SECOND, 3600 * SECOND,
		"How long an upstream may acknowledge nothing of what was sent to it before the "
		"next one is used. The way back then takes as long as `failback` says, and twice "
		"as long each time that this happens again, up to 64 times."),
	YETT_ROW_INT(struct settings, standby, "standby", YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE,
		"-1", -1, 100,
		"To how many upstreams a session is held beside the one in use, so that they "
		"take over at once; -1: to one where this node is a gateway, else to none."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"failovers", "{change}", "Times that a less preferred upstream took over.",
		YETT_METRIC_COUNTER},
	{"failbacks", "{change}", "Times that a preferred upstream was used again.",
		YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_POLICY, .name = "policy-failover", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary = "The preferred upstream, or the next one while it is gone.", .life = &life,
	.operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
