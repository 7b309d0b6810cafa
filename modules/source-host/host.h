/* What the files of source-host share: the state of one instance, and a gatherer for each group
 * of metrics. All of it is used by the source's thread alone. */
#ifndef YETT_SOURCE_HOST_H
#define YETT_SOURCE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <yett/module.h>
#include <yett/source.h>

enum { CPU_MODES = 7 };

#define HOST_LINE_MAX    (32 * 1024) /* of a file in /proc; what is longer is skipped */
#define HOST_DEVICES_MAX 1024        /* file systems told of in one poll */
#define HOST_CPUS_MAX    4096

struct settings {
	uint64_t interval_ns;
	struct yett_list groups; /* int32_t: enum host_group */
	bool per_cpu;
	struct yett_list filesystem_exclude;
	struct yett_list filesystem_exclude_types;
	struct yett_list disk_exclude;
	struct yett_list network_exclude;
	const char *proc;
	const char *sys;
};

/* In the order of the choices of the setting `groups`. */
enum host_group {
	GROUP_CPU,
	GROUP_LOAD,
	GROUP_MEMORY,
	GROUP_PAGING,
	GROUP_DISK,
	GROUP_FILESYSTEM,
	GROUP_NETWORK,
	GROUP_PROCESS,
	GROUP_UPTIME,
	GROUPS,
};

enum host_file {
	FILE_STAT,
	FILE_LOADAVG,
	FILE_MEMINFO,
	FILE_VMSTAT,
	FILE_DISKSTATS,
	FILE_MOUNTINFO,
	FILE_NET_DEV,
	FILE_UPTIME,
	FILES,
};

/* A place in a file of /proc, that is read line by line through the instance's buffer. */
struct lines {
	int fd;
	bool end;
	int64_t offset;
	size_t from, until; /* of the buffer, what is not yet given out */
};

struct host {
	const struct yett_host *host;
	const struct settings *settings;
	const struct yett_sink *sink; /* of the poll that is under way */
	int64_t time_ns;              /* of all records of a poll */
	uint64_t next_ns;
	bool wanted[GROUPS];
	bool complained[GROUPS]; /* logged, until it works again */
	bool crowded;            /* more file systems than HOST_DEVICES_MAX: logged */
	int files[FILES];
	int proc_dir; /* for counting processes */
	int64_t ticks_per_second;
	size_t cpus; /* rows of `cpu_before` but the first, which is the sum */
	uint64_t (*cpu_before)[CPU_MODES];
	bool *cpu_known;
	uint64_t devices[HOST_DEVICES_MAX];
	char buffer[HOST_LINE_MAX + 1];
};

/* Opens the file, or goes to its start. Returns 0 or a negative YETT_E…. */
int yett_lines_open(struct host *self, enum host_file file, struct lines *ret_lines);
/* The next line, ended by a NUL and the caller's to write on until the next call; NULL: the end. */
char *yett_lines_next(struct host *self, struct lines *lines);
const char *yett_host_file_name(enum host_file file);

/* Takes the next number off `*text`. */
bool yett_take_number(char **text, uint64_t *ret_number);
/* Takes the next word off `*text` and ends it with a NUL; NULL: there is none. */
char *yett_take_word(char **text);
bool yett_is_excluded(const struct yett_list *patterns, const char *name);

/* Tells one metric. A record that the sink will not have is the sink's to count. Returns 0, or
 * YETT_ECLOSED: stop. */
int yett_tell(struct host *self, uint32_t lane, const char *name, const char *unit,
	struct yett_value value, const struct yett_attribute *attributes, size_t count);

/* Each returns 0, YETT_ECLOSED, or why nothing could be read. */
int yett_gather_cpu(struct host *self);
int yett_gather_load(struct host *self);
int yett_gather_memory(struct host *self);
int yett_gather_paging(struct host *self);
int yett_gather_disk(struct host *self);
int yett_gather_filesystem(struct host *self);
int yett_gather_network(struct host *self);
int yett_gather_process(struct host *self);
int yett_gather_uptime(struct host *self);

#endif
