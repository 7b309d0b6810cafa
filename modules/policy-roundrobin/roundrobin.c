/* policy-roundrobin: the next usable upstream in turn.
 *
 * Also the example to copy: a whole module in one file, with a setting, a metric and two upstreams
 * or twenty. doc/modules.md builds it outside the tree, step by step.
 *
 * It decides only whose turn it is. It does no I/O, keeps no clock and starts no thread; the core
 * calls it on the loop, so it takes no lock. What it allocates it owns, and frees in destroy().
 * If memory runs out, it picks nothing, and the core keeps the batch for now.
 */
#include <stdio.h>
#include <stdlib.h>

#include <yett/policy.h>

/* What the configuration says, filled by the core through the rows of `schema` below. */
struct settings {
	int64_t batches;
};

struct policy {
	const struct yett_host *host;
	const struct settings *settings;
	bool *open;    /* by upstream: it would take a batch now */
	size_t count;  /* of upstreams */
	size_t turn;   /* whose turn it is */
	int64_t given; /* batches given to it in this turn */
};

enum { METRIC_TURNS };

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct policy *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	*ret_self = self;
	return 0;
}

static void destroy(void *arg)
{
	struct policy *self = arg;

	free(self->open);
	free(self);
}

/* The table is borrowed, so what pick() needs of it is copied. */
static void update(void *arg, const struct yett_upstream *upstreams, size_t count)
{
	struct policy *self = arg;

	if (count != self->count) {
		free(self->open);
		self->open = calloc(count, sizeof(*self->open));
		self->count = self->open != NULL ? count : 0;
	}
	for (size_t i = 0; i < self->count; i++) {
		self->open[i] = upstreams[i].usable != 0;
	}
}

static uint32_t pick(void *arg, uint32_t lane, uint64_t *ret_again_ns)
{
	struct policy *self = arg;

	(void)lane;        /* all lanes share the turn */
	*ret_again_ns = 0; /* only a change of an upstream can change the answer */
	for (size_t step = 0; step <= self->count && self->count > 0; step++) {
		size_t index = (self->turn + step) % self->count;
		if (self->open[index] && (step > 0 || self->given < self->settings->batches)) {
			if (step > 0) {
				self->given = 0;
				self->host->metric(self->host->instance, METRIC_TURNS, 1);
			}
			self->turn = index;
			self->given++;
			return (uint32_t)index;
		}
	}
	return YETT_POLICY_NONE;
}

/* For `yettctl`: why the choice is what it is. */
static int explain(void *arg, char *ret_text, size_t size)
{
	const struct policy *self = arg;
	size_t open = 0;

	for (size_t i = 0; i < self->count; i++) {
		open += self->open[i];
	}
	return snprintf(ret_text, size, "%zu of %zu upstreams take batches, each %lld in turn",
		open, self->count, (long long)self->settings->batches);
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
	.explain = explain,
};

static const struct yett_schema schema[] = {
	YETT_ROW_INT(struct settings, batches, "batches", YETT_SCHEMA_LIVE, "1", 1, 10000,
		"How many batches an upstream takes before it is the next one's turn."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"turns", "{turn}", "Times that the turn passed to the next upstream.",
		YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_POLICY, .name = "policy-roundrobin", .version = "0.1.0",
	.licence = "Apache-2.0", .summary = "The next usable upstream in turn.", .life = &life,
	.operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
