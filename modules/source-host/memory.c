/* Memory and paging, for source-host. `used` is what is not available, as the conventions ask for
 * on Linux, so the states do not add up to the whole: caches that can be given up are partly
 * used and partly available. A kernel that does not tell what is available gets the older sum.
 *
 * Where there is no swap, nothing is told of its use. Runs on the source's thread. */
#include <string.h>

#include "host.h"

struct meminfo {
	uint64_t total, free, available, buffers, cached, reclaimable, swap_total, swap_free;
	bool has_available;
};

static int read_meminfo(struct host *self, struct meminfo *ret_info)
{
	struct meminfo info = {0};
	const struct {
		const char *name;
		uint64_t *field;
	} rows[] = {
		{"MemTotal:", &info.total},
		{"MemFree:", &info.free},
		{"MemAvailable:", &info.available},
		{"Buffers:", &info.buffers},
		{"Cached:", &info.cached},
		{"SReclaimable:", &info.reclaimable},
		{"SwapTotal:", &info.swap_total},
		{"SwapFree:", &info.swap_free},
	};
	struct lines lines;
	char *line;
	int r = yett_lines_open(self, FILE_MEMINFO, &lines);

	if (r != 0) {
		return r;
	}
	while ((line = yett_lines_next(self, &lines)) != NULL) {
		const char *name = yett_take_word(&line);
		uint64_t kibibytes;

		for (size_t i = 0; name != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (strcmp(name, rows[i].name) == 0 &&
				yett_take_number(&line, &kibibytes)) {
				*rows[i].field = kibibytes * 1024;
				info.has_available |= rows[i].field == &info.available;
				break;
			}
		}
	}
	if (info.total == 0) {
		return YETT_EIO;
	}
	*ret_info = info;
	return 0;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

int yett_gather_memory(struct host *self)
{
	struct meminfo info;
	int r = read_meminfo(self, &info);
	uint64_t caches, used;

	if (r != 0) {
		return r;
	}
	caches = info.cached + info.reclaimable;
	used = info.has_available ? less(info.total, info.available)
				  : less(info.total, info.free + info.buffers + caches);
	const struct {
		const char *state;
		uint64_t bytes;
	} rows[] = {
		{"used", used},
		{"free", info.free},
		{"buffers", info.buffers},
		{"cached", caches},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && r == 0; i++) {
		const struct yett_attribute state = {
			yett_text("system.memory.state"), yett_value_text(rows[i].state)};

		r = yett_tell(self, YETT_LANE_NORMAL, "system.memory.usage", "By",
			yett_value_int((int64_t)rows[i].bytes), &state, 1);
		if (r == 0) {
			r = yett_tell(self, YETT_LANE_NORMAL, "system.memory.utilization", "1",
				yett_value_double((double)rows[i].bytes / (double)info.total),
				&state, 1);
		}
	}
	if (r == 0 && info.has_available) {
		r = yett_tell(self, YETT_LANE_NORMAL, "system.memory.linux.available", "By",
			yett_value_int((int64_t)info.available), NULL, 0);
	}
	if (r == 0) {
		r = yett_tell(self, YETT_LANE_BULK, "system.memory.limit", "By",
			yett_value_int((int64_t)info.total), NULL, 0);
	}
	return r;
}

static int tell_swap(struct host *self, const struct meminfo *info)
{
	const struct {
		const char *state;
		uint64_t bytes;
	} rows[] = {
		{"used", less(info->swap_total, info->swap_free)},
		{"free", info->swap_free},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && r == 0; i++) {
		const struct yett_attribute state = {
			yett_text("system.paging.state"), yett_value_text(rows[i].state)};

		r = yett_tell(self, YETT_LANE_NORMAL, "system.paging.usage", "By",
			yett_value_int((int64_t)rows[i].bytes), &state, 1);
		if (r == 0) {
			r = yett_tell(self, YETT_LANE_NORMAL, "system.paging.utilization", "1",
				yett_value_double((double)rows[i].bytes / (double)info->swap_total),
				&state, 1);
		}
	}
	return r;
}

static int tell_faults(struct host *self, const char *type, uint64_t count)
{
	const struct yett_attribute attribute = {
		yett_text("system.paging.fault.type"), yett_value_text(type)};

	return yett_tell(self, YETT_LANE_BULK, "system.paging.faults", "{fault}",
		yett_value_int((int64_t)count), &attribute, 1);
}

/* Pages to and from swap. */
static int tell_operations(struct host *self, const char *direction, uint64_t count)
{
	const struct yett_attribute attributes[] = {
		{yett_text("system.paging.fault.type"), yett_value_text("major")},
		{yett_text("system.paging.direction"), yett_value_text(direction)},
	};

	return yett_tell(self, YETT_LANE_BULK, "system.paging.operations", "{operation}",
		yett_value_int((int64_t)count), attributes, 2);
}

int yett_gather_paging(struct host *self)
{
	uint64_t faults = 0, major = 0, in = 0, out = 0;
	const struct {
		const char *name;
		uint64_t *field;
	} rows[] = {
		{"pgfault", &faults}, {"pgmajfault", &major}, {"pswpin", &in}, {"pswpout", &out}};
	struct meminfo info;
	struct lines lines;
	char *line;
	int r = read_meminfo(self, &info);

	if (r == 0 && info.swap_total > 0) {
		r = tell_swap(self, &info);
	}
	if (r == 0) {
		r = yett_lines_open(self, FILE_VMSTAT, &lines);
	}
	if (r != 0) {
		return r;
	}
	while ((line = yett_lines_next(self, &lines)) != NULL) {
		const char *name = line[0] == 'p' ? yett_take_word(&line) : NULL;

		for (size_t i = 0; name != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (strcmp(name, rows[i].name) == 0) {
				yett_take_number(&line, rows[i].field);
				break;
			}
		}
	}
	r = tell_faults(self, "major", major);
	r = r != 0 ? r : tell_faults(self, "minor", less(faults, major));
	r = r != 0 ? r : tell_operations(self, "in", in);
	r = r != 0 ? r : tell_operations(self, "out", out);
	return r;
}
