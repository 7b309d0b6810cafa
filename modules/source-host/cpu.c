/* The processors, for source-host: times, utilisation, load and how many there are.
 *
 * Times come in the kernel's ticks, cumulative since boot. Utilisation is what the times have
 * grown by since the last poll, as a part of all of them, so the first poll of an instance tells
 * none. What the kernel lets shrink (idle and iowait do, at times) counts as not grown.
 *
 * A guest's time is in user and nice already and is not told apart; hard and soft interrupts are
 * one mode, as the conventions have it. Runs on the source's thread. */
#include <stdlib.h>
#include <string.h>

#include "host.h"

static const char *const modes[CPU_MODES] = {
	"user", "nice", "system", "idle", "iowait", "interrupt", "steal"};

enum { MODE_INTERRUPT = 5, MODE_STEAL = 6 };

/* `number` < 0: the sum of all. */
static int tell_times(struct host *self, int64_t number, const uint64_t now[CPU_MODES])
{
	size_t row = (size_t)(number + 1);
	uint64_t *before = self->cpu_before[row];
	uint64_t grown[CPU_MODES], sum = 0;
	struct yett_attribute attributes[2] = {
		{.key = yett_text("cpu.mode")},
		{.key = yett_text("cpu.logical_number"), .value = yett_value_int(number)},
	};
	size_t count = number < 0 ? 1 : 2;

	for (int i = 0; i < CPU_MODES; i++) {
		grown[i] = now[i] > before[i] ? now[i] - before[i] : 0;
		sum += grown[i];
	}
	for (int i = 0; i < CPU_MODES; i++) {
		double seconds = (double)now[i] / (double)self->ticks_per_second;
		int r;

		attributes[0].value = yett_value_text(modes[i]);
		r = yett_tell(self, YETT_LANE_BULK, "system.cpu.time", "s",
			yett_value_double(seconds), attributes, count);
		if (r == 0 && self->cpu_known[row] && sum > 0) {
			r = yett_tell(self, YETT_LANE_NORMAL, "system.cpu.utilization", "1",
				yett_value_double((double)grown[i] / (double)sum), attributes,
				count);
		}
		if (r != 0) {
			return r;
		}
	}
	memcpy(before, now, sizeof(grown));
	self->cpu_known[row] = true;
	return 0;
}

static bool read_times(char *line, uint64_t ret_now[CPU_MODES])
{
	uint64_t soft = 0;

	memset(ret_now, 0, CPU_MODES * sizeof(*ret_now));
	for (int i = 0; i < CPU_MODES; i++) {
		if (!yett_take_number(&line, &ret_now[i])) {
			return i >= 4; /* kernels of long ago have only these */
		}
		if (i == MODE_INTERRUPT && yett_take_number(&line, &soft)) {
			ret_now[i] += soft;
		}
	}
	return true;
}

int yett_gather_cpu(struct host *self)
{
	struct lines lines;
	int64_t logical = 0;
	char *line;
	int r = yett_lines_open(self, FILE_STAT, &lines);

	if (r != 0) {
		return r;
	}
	/* The processors come first; the long line of interrupts after them is not read. */
	while ((line = yett_lines_next(self, &lines)) != NULL && strncmp(line, "cpu", 3) == 0) {
		uint64_t now[CPU_MODES], number = 0;
		bool sum = line[3] == ' ';

		line += 3;
		if (!sum) {
			logical++;
			if (!self->settings->per_cpu || !yett_take_number(&line, &number) ||
				number >= self->cpus) {
				continue;
			}
		}
		if (read_times(line, now)) {
			r = tell_times(self, sum ? -1 : (int64_t)number, now);
			if (r != 0) {
				return r;
			}
		}
	}
	if (logical == 0) {
		return YETT_ENOTFOUND;
	}
	return yett_tell(self, YETT_LANE_BULK, "system.cpu.logical.count", "{cpu}",
		yett_value_int(logical), NULL, 0);
}

int yett_gather_load(struct host *self)
{
	static const char *const names[3] = {"system.cpu.load_average.1m",
		"system.cpu.load_average.5m", "system.cpu.load_average.15m"};
	struct lines lines;
	char *line;
	int r = yett_lines_open(self, FILE_LOADAVG, &lines);

	if (r != 0) {
		return r;
	}
	line = yett_lines_next(self, &lines);
	if (line == NULL) {
		return YETT_EIO;
	}
	for (int i = 0; i < 3; i++) {
		uint64_t whole, hundredths;

		/* not strtod: its decimal point is the locale's */
		if (!yett_take_number(&line, &whole) || *line++ != '.' ||
			!yett_take_number(&line, &hundredths)) {
			return YETT_EIO;
		}
		r = yett_tell(self, YETT_LANE_NORMAL, names[i], "{thread}",
			yett_value_double((double)whole + (double)hundredths / 100), NULL, 0);
		if (r != 0) {
			return r;
		}
	}
	return 0;
}
