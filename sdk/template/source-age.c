/* source-age: how old a file is; for example the last backup.
 *
 * A whole source, to start from. At each interval it tells the file's age as a metric, and a
 * state when that is more than it may be, or no longer is, or the file cannot be looked at.
 *
 * Not responsible for timing, queueing or retries: the core calls poll() on a thread that is this
 * source's own, when it asked to be called. What it allocates it owns, and frees in destroy().
 * A file that is missing is not a failure of the source: it is what the source has to tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <yett/source.h>

#define SECOND INT64_C(1000000000)

/* Filled by the core through the rows of `schema` below, and held against them first. */
struct settings {
	const char *file;
	uint64_t interval_ns;
	uint64_t too_old_ns;
};

struct source {
	const struct yett_host *host;
	const struct settings *settings;
	uint32_t state; /* told last; UINT32_MAX: none yet */
};

enum { METRIC_LOOKS };

/* What the rows cannot say. `yettd --check` calls it: no side effects. */
static int check(const struct yett_host *host, const void *with, struct yett_error *error)
{
	const struct settings *settings = with;

	if (settings->too_old_ns < settings->interval_ns) {
		return host->fail(error, YETT_ECONFIG, "make `too-old` the longer one",
			"`too-old` is shorter than `interval`: it would be noticed too late");
	}
	return 0;
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct source *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	self->state = UINT32_MAX;
	*ret_self = self;
	return 0;
}

static void destroy(void *self)
{
	free(self);
}

/* A sink copies what it is given, so all of this may stand on the stack. */
static int tell_age(struct source *self, const struct yett_sink *sink, int64_t now_ns, double age_s)
{
	struct yett_attribute attributes[] = {
		{yett_text("file.path"), yett_value_text(self->settings->file)},
	};
	struct yett_record record = {
		.size = sizeof(record),
		.kind = YETT_RECORD_METRIC,
		.time_ns = now_ns,
		.name = yett_text("file.age"),
		.value = yett_value_double(age_s),
		.unit = yett_text("s"),
		.attributes = attributes,
		.attribute_count = 1,
	};

	return sink->record(sink->self, YETT_LANE_NORMAL, &record);
}

/* A state is told when it changes, at once and before all else. */
static int tell_state(struct source *self, const struct yett_sink *sink, int64_t now_ns,
	uint32_t state, const char *why)
{
	struct yett_attribute attributes[] = {
		{yett_text("file.path"), yett_value_text(self->settings->file)},
	};
	struct yett_record record = {
		.size = sizeof(record),
		.kind = YETT_RECORD_STATE,
		.time_ns = now_ns,
		.severity = state == YETT_STATE_OK ? YETT_SEVERITY_INFO : YETT_SEVERITY_ERROR,
		.state = state,
		.name = yett_text("file.age"),
		.body = yett_text(why),
		.attributes = attributes,
		.attribute_count = 1,
	};
	int result;

	if (state == self->state) {
		return 0;
	}
	result = sink->record(sink->self, YETT_LANE_URGENT, &record);
	if (result == 0) {
		self->state = state;
		result = sink->flush(sink->self);
	}
	return result;
}

static int poll(void *arg, const struct yett_sink *sink, uint64_t deadline_ns,
	uint64_t *ret_next_ns, struct yett_error *error)
{
	struct source *self = arg;
	const struct yett_host *host = self->host;
	int64_t now_ns = host->wall_ns(host->instance), age_ns;
	struct stat status;
	char why[512];
	int result;

	(void)deadline_ns; /* one stat(2): there is nothing to wait for */
	(void)error;
	*ret_next_ns = host->monotonic_ns(host->instance) + self->settings->interval_ns;
	host->metric(host->instance, METRIC_LOOKS, 1);
	if (stat(self->settings->file, &status) != 0) {
		snprintf(why, sizeof(why), "cannot look at it: %s", strerror(errno));
		return tell_state(self, sink, now_ns, YETT_STATE_CRITICAL, why);
	}
	age_ns = now_ns - (status.st_mtim.tv_sec * SECOND + status.st_mtim.tv_nsec);
	result = tell_age(self, sink, now_ns, (double)age_ns / (double)SECOND);
	if (result != 0) {
		return result; /* YETT_ECLOSED: the node stops */
	}
	snprintf(why, sizeof(why), "changed %lld s ago", (long long)(age_ns / SECOND));
	return tell_state(self, sink, now_ns,
		age_ns > (int64_t)self->settings->too_old_ns ? YETT_STATE_CRITICAL : YETT_STATE_OK,
		why);
}

static const struct yett_life life = {
	.size = sizeof(life),
	.check = check,
	.create = create,
	.destroy = destroy,
};

static const struct yett_source_operations operations = {
	.size = sizeof(operations),
	.poll = poll,
};

static const struct yett_schema schema[] = {
	YETT_ROW_PATH(
		struct settings, file, "file", YETT_SCHEMA_REQUIRED, NULL, "The file to look at."),
	YETT_ROW_DURATION(struct settings, interval_ns, "interval", 0, "60 s", SECOND,
		24 * 3600 * SECOND, "How often."),
	YETT_ROW_DURATION(struct settings, too_old_ns, "too-old", 0, "25 h", SECOND,
		365 * 24 * 3600 * SECOND, "The age from which the state is critical."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"looks", "{look}", "Times that the file was looked at.", YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_SOURCE, .name = "source-age", .version = "1.0",
	.licence = "Apache-2.0", .summary = "How old a file is.", .life = &life,
	.operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
