/* What the kernel says in /proc, where mount points, disks and interfaces have names that others gave them. The
 * first byte chooses the group of metrics, the rest is what each of its files holds; it is polled twice, as some
 * metrics are what has grown in between. All that is told is a metric whose value is a number. */
#include "fuzz.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../modules/source-host/host.h"

#define CPUS 4

static int (*const gatherers[])(struct host *self) = {yett_gather_cpu, yett_gather_load,
	yett_gather_memory, yett_gather_paging, yett_gather_disk, yett_gather_filesystem,
	yett_gather_network, yett_gather_process, yett_gather_uptime};

static void log_nothing(
	struct yett_instance *instance, int level, const char *event, const char *format, ...)
{
	(void)instance, (void)level, (void)event, (void)format;
}

/* The module's own is in host.c, in front of the sink. */
int yett_tell(struct host *self, uint32_t lane, const char *name, const char *unit,
	struct yett_value value, const struct yett_attribute *attributes, size_t count)
{
	(void)self;
	FUZZ_REQUIRE(lane == YETT_LANE_NORMAL || lane == YETT_LANE_BULK);
	FUZZ_REQUIRE(strncmp(name, "system.", 7) == 0 && unit[0] != '\0');
	FUZZ_REQUIRE(value.type == YETT_VALUE_INT ||
		     (value.type == YETT_VALUE_DOUBLE && isfinite(value.d)));
	for (size_t i = 0; i < count; i++) {
		const struct yett_text *text = &attributes[i].value.text;

		FUZZ_REQUIRE(attributes[i].key.length > 0);
		FUZZ_REQUIRE(attributes[i].value.type != YETT_VALUE_TEXT ||
			     memchr(text->bytes, '\0', text->length) == NULL);
	}
	return 0;
}

static struct host *make(int file)
{
	static const struct yett_host host = {.log = log_nothing};
	static const struct settings settings = {.per_cpu = true, .proc = "/", .sys = "/sys"};
	struct host *self = calloc(1, sizeof(*self));

	FUZZ_REQUIRE(self != NULL);
	self->host = &host;
	self->settings = &settings;
	self->proc_dir = -1;
	self->ticks_per_second = sysconf(_SC_CLK_TCK);
	self->cpus = CPUS;
	self->cpu_before = calloc(CPUS + 1, sizeof(*self->cpu_before));
	self->cpu_known = calloc(CPUS + 1, sizeof(*self->cpu_known));
	FUZZ_REQUIRE(self->cpu_before != NULL && self->cpu_known != NULL);
	for (int i = 0; i < FILES; i++) {
		self->files[i] = file;
	}
	return self;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct host *self;
	int file;

	if (length == 0) {
		return 0;
	}
	file = memfd_create("proc", MFD_CLOEXEC);
	FUZZ_REQUIRE(file >= 0);
	FUZZ_REQUIRE(write(file, bytes + 1, length - 1) == (ssize_t)length - 1);
	self = make(file);
	for (int poll = 0; poll < 2; poll++) {
		(void)gatherers[bytes[0] % (sizeof(gatherers) / sizeof(gatherers[0]))](self);
	}
	if (self->proc_dir >= 0) {
		close(self->proc_dir);
	}
	close(file);
	free(self->cpu_before);
	free(self->cpu_known);
	free(self);
	return 0;
}
