/* What source-exec tells: a state for each result of a check, a metric for each item of its
 * performance data.
 *
 * The state is named check.<check>; a metric check.<check>.<label>, with what is not a letter, a
 * digit or one of ._/- made '_' (the label as it was is an attribute). A state that is another
 * than the last, or that is not OK as the first, goes in the urgent lane and is flushed; one that
 * stays as it was goes in the normal lane, and metrics do always.
 *
 * Runs on the source's thread. What the sink does not take because it is too large is the sink's
 * to count; when the sink closes, telling stops at once. */
#include <stdio.h>
#include <string.h>

#include "exec.h"
#include "perfdata.h"

static const uint32_t severities[] = {
	[YETT_STATE_OK] = YETT_SEVERITY_INFO,
	[YETT_STATE_WARNING] = YETT_SEVERITY_WARN,
	[YETT_STATE_CRITICAL] = YETT_SEVERITY_ERROR,
	[YETT_STATE_UNKNOWN] = YETT_SEVERITY_WARN,
};

static void put(struct exec *self, size_t *at, struct yett_text text)
{
	size_t room = sizeof(self->body) - *at;
	size_t length = text.length < room ? text.length : room;

	if (length > 0) {
		memcpy(self->body + *at, text.bytes, length);
	}
	*at += length;
}

static struct yett_text make_body(struct exec *self, const struct result *result)
{
	const struct output *output = &result->output;
	char cut[128];
	size_t at = 0;

	put(self, &at, yett_text(result->why));
	if (output->text.length == 0 && output->long_text.length == 0) {
		if (result->errors.length > 0) {
			put(self, &at, yett_text(at > 0 ? ": " : "(no output) "));
			put(self, &at, result->errors);
		} else if (at == 0) {
			put(self, &at, yett_text("(no output)"));
		}
	} else {
		put(self, &at, yett_text(at > 0 ? ": " : ""));
		put(self, &at, output->text);
		put(self, &at, yett_text(output->long_text.length > 0 ? "\n" : ""));
		put(self, &at, output->long_text);
	}
	if (result->discarded > 0) {
		snprintf(cut, sizeof(cut), "\n(output cut at %d KiB, %llu bytes are left out)",
			RUN_OUTPUT_MAX / 1024, (unsigned long long)result->discarded);
		put(self, &at, yett_text(cut));
	}
	return (struct yett_text){self->body, at};
}

static int record(struct exec *self, uint32_t lane, const struct yett_record *record)
{
	int r = self->sink->record(self->sink->self, lane, record);

	return r == YETT_ELIMIT ? 0 : r;
}

/* Returns the length; what does not fit the protocol is cut. */
static size_t make_metric_name(
	const struct check *check, struct yett_text label, char ret_name[YETT_RECORD_MAX_NAME + 1])
{
	int length =
		snprintf(ret_name, YETT_RECORD_MAX_NAME + 1, "check.%s.", check->settings->name);
	size_t at = (size_t)length;

	for (size_t i = 0; i < label.length && at < YETT_RECORD_MAX_NAME; i++) {
		char c = label.bytes[i];
		bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			   (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '/' || c == '-';

		ret_name[at++] = fit ? c : '_';
	}
	return at;
}

static int tell_metric(
	struct exec *self, const struct check *check, int64_t time_ns, const struct perfdata *item)
{
	char name[YETT_RECORD_MAX_NAME + 1];
	struct yett_attribute attributes[8] = {
		{yett_text("yett.check.name"), yett_value_text(check->settings->name)},
		{yett_text("yett.check.label"), {.type = YETT_VALUE_TEXT, .text = item->label}},
	};
	struct yett_record metric = {
		.size = sizeof(metric),
		.kind = YETT_RECORD_METRIC,
		.time_ns = time_ns,
		.name = {name, make_metric_name(check, item->label, name)},
		.value = item->value,
		.unit = item->unit,
		.attributes = attributes,
		.attribute_count = 2,
	};
	size_t *n = &metric.attribute_count;

	if (item->warn.length > 0) {
		attributes[*n].key = yett_text("yett.check.warn");
		attributes[(*n)++].value =
			(struct yett_value){.type = YETT_VALUE_TEXT, .text = item->warn};
	}
	if (item->crit.length > 0) {
		attributes[*n].key = yett_text("yett.check.crit");
		attributes[(*n)++].value =
			(struct yett_value){.type = YETT_VALUE_TEXT, .text = item->crit};
	}
	if (item->has_min) {
		attributes[*n].key = yett_text("yett.check.min");
		attributes[(*n)++].value = yett_value_double(item->min);
	}
	if (item->has_max) {
		attributes[*n].key = yett_text("yett.check.max");
		attributes[(*n)++].value = yett_value_double(item->max);
	}
	if (item->counter) {
		attributes[*n].key = yett_text("yett.check.counter");
		attributes[(*n)++].value = yett_value_bool(true);
	}
	return record(self, YETT_LANE_NORMAL, &metric);
}

static int tell_perfdata(
	struct exec *self, struct check *check, int64_t time_ns, const struct output *output)
{
	const struct yett_host *host = self->host;
	unsigned told = 0, bad = 0;

	for (int part = 0; part < 2; part++) {
		struct perfdata_reader reader;
		struct perfdata item;
		int r;

		yett_perfdata_start(
			&reader, output->perfdata[part].bytes, output->perfdata[part].length);
		while ((r = yett_perfdata_next(&reader, &item)) != 0) {
			bad += r < 0 || item.bad_limits || told == EXEC_PERFDATA_MAX;
			if (r < 0 || item.value.type == YETT_VALUE_NONE ||
				told == EXEC_PERFDATA_MAX) {
				continue;
			}
			told++;
			r = tell_metric(self, check, time_ns, &item);
			if (r != 0) {
				return r;
			}
		}
	}
	if (bad > 0) {
		host->metric(host->instance, METRIC_PERFDATA_BAD, bad);
	}
	if (bad > 0 && !check->perfdata_complained) {
		check->perfdata_complained = true;
		host->log(host->instance, YETT_LOG_WARNING, "perfdata-bad",
			"%u items of the performance data of %s cannot be read, or are beyond the "
			"limit of %d, and are left out; see what the plugin prints after '|'; this "
			"is not said again for this check check=%s",
			bad, check->settings->name, EXEC_PERFDATA_MAX, check->settings->name);
	}
	return 0;
}

int yett_exec_tell(struct exec *self, struct check *check, const struct result *result)
{
	const struct yett_host *host = self->host;
	bool changed =
		check->known ? check->state != result->state : result->state != YETT_STATE_OK;
	char name[EXEC_NAME_MAX + 8];
	struct yett_attribute attributes[5] = {
		{yett_text("yett.check.name"), yett_value_text(check->settings->name)},
		{yett_text("process.command"), yett_value_text(check->argv[0])},
		{yett_text("yett.check.duration"),
			yett_value_double((double)result->duration_ns / 1e9)},
	};
	struct yett_record state = {
		.size = sizeof(state),
		.kind = YETT_RECORD_STATE,
		.time_ns = host->wall_ns(host->instance),
		.severity = severities[result->state],
		.state = result->state,
		.body = make_body(self, result),
		.attributes = attributes,
		.attribute_count = 3,
	};
	int r;

	snprintf(name, sizeof(name), "check.%s", check->settings->name);
	state.name = yett_text(name);
	if (result->exit_code >= 0) {
		attributes[state.attribute_count].key = yett_text("process.exit.code");
		attributes[state.attribute_count++].value = yett_value_int(result->exit_code);
	}
	if (result->discarded > 0) {
		attributes[state.attribute_count].key = yett_text("yett.truncated");
		attributes[state.attribute_count++].value = yett_value_bool(true);
	}
	r = record(self, changed ? YETT_LANE_URGENT : YETT_LANE_NORMAL, &state);
	if (r != 0) {
		return r;
	}
	check->known = true;
	check->state = result->state;
	if (result->perfdata) {
		r = tell_perfdata(self, check, state.time_ns, &result->output);
	}
	if (r == 0 && changed && self->sink->flush != NULL) {
		r = self->sink->flush(self->sink->self);
	}
	return r;
}
