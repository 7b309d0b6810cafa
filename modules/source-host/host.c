/* source-host: what the kernel tells of this computer, each `interval`, as OpenTelemetry's system
 * metrics. It reads /proc, /sys and statvfs(2) and starts no process.
 *
 * This file is the module: settings, life, and the poll that calls a gatherer per group (cpu.c,
 * memory.c, disk.c, network.c). Gauges go in the normal lane, counters, which bear a delay, in
 * the bulk lane. It has no position: what was not measured cannot be measured later.
 *
 * It runs on the source's thread and sleeps only on the wake descriptor. Nothing is allocated after
 * `create`. A group that cannot be read is logged once, until it works again; the others go on. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum { METRIC_POLLS, METRIC_FAILED };

static const struct {
	const char *name;
	int (*gather)(struct host *self);
} groups[GROUPS] = {
	[GROUP_CPU] = {"cpu", yett_gather_cpu},
	[GROUP_LOAD] = {"load", yett_gather_load},
	[GROUP_MEMORY] = {"memory", yett_gather_memory},
	[GROUP_PAGING] = {"paging", yett_gather_paging},
	[GROUP_DISK] = {"disk", yett_gather_disk},
	[GROUP_FILESYSTEM] = {"filesystem", yett_gather_filesystem},
	[GROUP_NETWORK] = {"network", yett_gather_network},
	[GROUP_PROCESS] = {"process", yett_gather_process},
	[GROUP_UPTIME] = {"uptime", yett_gather_uptime},
};

static const char *const group_names[] = {"cpu", "load", "memory", "paging", "disk", "filesystem",
	"network", "process", "uptime", NULL};

int yett_tell(struct host *self, uint32_t lane, const char *name, const char *unit,
	struct yett_value value, const struct yett_attribute *attributes, size_t count)
{
	const struct yett_record record = {
		.size = sizeof(record),
		.kind = YETT_RECORD_METRIC,
		.time_ns = self->time_ns,
		.name = yett_text(name),
		.value = value,
		.unit = yett_text(unit),
		.attributes = attributes,
		.attribute_count = count,
	};
	int r = self->sink->record(self->sink->self, lane, &record);

	return r == YETT_ELIMIT ? 0 : r;
}

static void choose_groups(struct host *self)
{
	const int32_t *chosen = self->settings->groups.items;

	memset(self->wanted, 0, sizeof(self->wanted));
	for (size_t i = 0; i < self->settings->groups.count; i++) {
		if (chosen[i] >= 0 && chosen[i] < GROUPS) {
			self->wanted[chosen[i]] = true;
		}
	}
}

static void close_files(struct host *self)
{
	for (int i = 0; i < FILES; i++) {
		if (self->files[i] >= 0) {
			close(self->files[i]);
			self->files[i] = -1;
		}
	}
	if (self->proc_dir >= 0) {
		close(self->proc_dir);
		self->proc_dir = -1;
	}
}

static void destroy(void *arg)
{
	struct host *self = arg;

	close_files(self);
	free(self->cpu_before);
	free(self->cpu_known);
	free(self);
}

static int create(const struct yett_host *host, const struct yett_create *with, void **ret_self,
	struct yett_error *error)
{
	struct host *self = calloc(1, sizeof(*self));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (self == NULL) {
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	self->host = host;
	self->settings = with->settings;
	self->proc_dir = -1;
	memset(self->files, -1, sizeof(self->files));
	self->ticks_per_second = sysconf(_SC_CLK_TCK);
	if (self->ticks_per_second <= 0) {
		self->ticks_per_second = 100;
	}
	self->cpus = cpus < 1 ? 1 : cpus > HOST_CPUS_MAX ? HOST_CPUS_MAX : (size_t)cpus;
	self->cpu_before = calloc(self->cpus + 1, sizeof(*self->cpu_before));
	self->cpu_known = calloc(self->cpus + 1, sizeof(*self->cpu_known));
	if (self->cpu_before == NULL || self->cpu_known == NULL) {
		destroy(self);
		return host->fail(error, YETT_ENOMEM, NULL, "no memory for %s", with->name);
	}
	choose_groups(self);
	*ret_self = self;
	return 0;
}

static int start(void *arg, struct yett_error *error)
{
	struct host *self = arg;

	(void)error;
	/* what grew while it stood still is no utilisation of now */
	memset(self->cpu_known, 0, (self->cpus + 1) * sizeof(*self->cpu_known));
	self->next_ns = 0;
	return 0;
}

static void stop(void *arg)
{
	close_files(arg);
}

static int gather(struct host *self, enum host_group group)
{
	const struct yett_host *host = self->host;
	int r = groups[group].gather(self);

	if (r == YETT_ECLOSED) {
		return r;
	}
	if (r != 0) {
		host->metric(host->instance, METRIC_FAILED, 1);
		if (!self->complained[group]) {
			host->log(host->instance, YETT_LOG_WARNING, "host-group-unreadable",
				"the %s metrics cannot be read from %s and are left out: %s; take "
				"them out of groups if this computer does not have them group=%s",
				groups[group].name, self->settings->proc, host->result_text(r),
				groups[group].name);
		}
	} else if (self->complained[group]) {
		host->log(host->instance, YETT_LOG_NOTICE, "host-group-readable",
			"the %s metrics can be read again group=%s", groups[group].name,
			groups[group].name);
	}
	self->complained[group] = r != 0;
	return 0;
}

/* Until `until_ns` or until the core wants the thread: true, then. */
static bool wait_for(struct host *self, uint64_t until_ns)
{
	struct pollfd wake = {.fd = self->sink->wake_fd, .events = POLLIN};

	for (;;) {
		struct timespec left = yett_time_left(self->host, until_ns);
		int n = ppoll(&wake, 1, &left, NULL);

		if (n > 0) {
			return true;
		}
		if ((left.tv_sec == 0 && left.tv_nsec == 0) || (n < 0 && errno != EINTR)) {
			return false;
		}
	}
}

static int poll_host(void *arg, const struct yett_sink *sink, uint64_t deadline_ns,
	uint64_t *ret_next_ns, struct yett_error *error)
{
	struct host *self = arg;
	const struct yett_host *host = self->host;
	uint64_t interval_ns = self->settings->interval_ns;
	uint64_t due_ns = self->next_ns;

	(void)error;
	self->sink = sink;
	if (wait_for(self, due_ns < deadline_ns ? due_ns : deadline_ns) ||
		host->monotonic_ns(host->instance) < due_ns) {
		*ret_next_ns = due_ns;
		return 0;
	}
	self->time_ns = host->wall_ns(host->instance);
	for (int group = 0; group < GROUPS; group++) {
		int r = self->wanted[group] ? gather(self, (enum host_group)group) : 0;

		if (r != 0) {
			*ret_next_ns = 0;
			return r;
		}
	}
	host->metric(host->instance, METRIC_POLLS, 1);
	uint64_t now_ns = host->monotonic_ns(host->instance);

	/* in step with the last time, unless that is missed already */
	self->next_ns = due_ns + interval_ns > now_ns && due_ns != 0 ? due_ns + interval_ns
								     : now_ns + interval_ns;
	*ret_next_ns = self->next_ns;
	return 0;
}

static const struct yett_life life = {
	.size = sizeof(life),
	.create = create,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};

static const struct yett_source_operations operations = {
	.size = sizeof(operations),
	.poll = poll_host,
};

#define SECOND INT64_C(1000000000)
#define LIVE   (YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE)

static const struct yett_schema schema[] = {
	YETT_ROW_DURATION(struct settings, interval_ns, "interval", LIVE, "10 s", SECOND / 10,
		24 * 3600 * SECOND, "How often this computer is measured."),
	{
		.name = "groups",
		.type = YETT_TYPE_CHOICE,
		.flags = LIVE | YETT_SCHEMA_LIST,
		.offset = YETT_FIELD_(struct settings, groups, struct yett_list),
		.standard = "[\"cpu\", \"load\", \"memory\", \"paging\", \"disk\", \"filesystem\", "
			    "\"network\", \"process\", \"uptime\"]",
		.choices = group_names,
		.doc = "Which groups of metrics are told.",
	},
	YETT_ROW_BOOL(struct settings, per_cpu, "per-cpu", LIVE, "false",
		"Whether each logical processor is told of beside their sum."),
	YETT_ROW_STRINGS(struct settings, filesystem_exclude, "filesystem-exclude", LIVE,
		"[\"/dev\", \"/dev/*\", \"/proc/*\", \"/sys/*\", \"/run/user/*\", "
		"\"/run/credentials/*\", \"/snap/*\", \"/var/lib/docker/*\", "
		"\"/var/lib/containers/*\", \"/var/lib/kubelet/*\"]",
		"Mount points that are left out, as patterns with * and ?."),
	YETT_ROW_STRINGS(struct settings, filesystem_exclude_types, "filesystem-exclude-types",
		LIVE,
		"[\"autofs\", \"nfs*\", \"cifs\", \"smb3\", \"ceph\", \"9p\", \"afs\", "
		"\"glusterfs\", \"lustre\", \"fuse.*\", \"squashfs\", \"iso9660\", \"nsfs\", "
		"\"devtmpfs\", \"ramfs\"]",
		"Types of file systems that are left out, as patterns. The default leaves out "
		"network file systems, since asking one whose server is gone can hang for as long "
		"as it is gone."),
	YETT_ROW_STRINGS(struct settings, disk_exclude, "disk-exclude", LIVE,
		"[\"loop*\", \"ram*\", \"sr*\", \"fd*\"]",
		"Disks that are left out, as patterns. Partitions are always left out."),
	YETT_ROW_STRINGS(struct settings, network_exclude, "network-exclude", LIVE,
		"[\"lo\", \"veth*\"]", "Network interfaces that are left out, as patterns."),
	YETT_ROW_PATH(struct settings, proc, "proc", 0, "/proc",
		"Where the proc file system of the computer is mounted, for a node in a container "
		"that watches its host."),
	YETT_ROW_PATH(struct settings, sys, "sys", 0, "/sys",
		"Where the sysfs file system of the computer is mounted."),
	YETT_ROW_END,
};

static const struct yett_metric metrics[] = {
	{"polls", "{poll}", "Times that this computer was measured.", YETT_METRIC_COUNTER},
	{"failed", "{group}", "Groups of metrics that could not be read.", YETT_METRIC_COUNTER},
	{NULL, NULL, NULL, 0},
};

YETT_MODULE(.kind = YETT_KIND_SOURCE, .name = "source-host", .version = "0.1.0",
	.licence = "Apache-2.0",
	.summary = "What the kernel tells of this computer, as OpenTelemetry's system metrics.",
	.life = &life, .operations = &operations, .schema = schema, .metrics = metrics,
	.settings_size = sizeof(struct settings));
