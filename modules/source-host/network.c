/* Network interfaces, processes and the time since boot, for source-host.
 *
 * Processes are counted by the numbered entries of /proc, which costs a directory read and no file
 * read per process; so their states are not told apart. Counters are the kernel's, since boot or
 * since the interface came to be. Runs on the source's thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

enum { RX_BYTES, RX_PACKETS, RX_ERRORS, RX_DROPPED, TX_BYTES = 8, NET_FIELDS = 16 };

static int tell_interface(struct host *self, const char *name, const uint64_t fields[NET_FIELDS])
{
	static const struct {
		const char *name, *unit;
		int field;
	} rows[] = {
		{"system.network.io", "By", RX_BYTES},
		{"system.network.packet.count", "{packet}", RX_PACKETS},
		{"system.network.errors", "{error}", RX_ERRORS},
		{"system.network.packet.dropped", "{packet}", RX_DROPPED},
	};
	struct yett_attribute a[] = {
		{yett_text("network.interface.name"), yett_value_text(name)},
		{.key = yett_text("network.io.direction")},
	};

	for (int way = 0; way < 2; way++) {
		a[1].value = yett_value_text(way == 0 ? "receive" : "transmit");
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t value = fields[rows[i].field + way * TX_BYTES];
			int r = yett_tell(self, YETT_LANE_BULK, rows[i].name, rows[i].unit,
				yett_value_int((int64_t)value), a, 2);

			if (r != 0) {
				return r;
			}
		}
	}
	return 0;
}

int yett_gather_network(struct host *self)
{
	struct lines lines;
	char *line;
	int r = yett_lines_open(self, FILE_NET_DEV, &lines);

	while (r == 0 && (line = yett_lines_next(self, &lines)) != NULL) {
		char *colon = strrchr(line, ':'); /* two lines of headings have none */
		uint64_t fields[NET_FIELDS];
		char *name = line + strspn(line, " ");
		int i = 0;

		if (colon == NULL) {
			continue;
		}
		*colon++ = '\0';
		while (i < NET_FIELDS && yett_take_number(&colon, &fields[i])) {
			i++;
		}
		if (i == NET_FIELDS && !yett_is_excluded(&self->settings->network_exclude, name)) {
			r = tell_interface(self, name, fields);
		}
	}
	return r;
}

struct entry { /* what getdents64(2) writes */
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* getdents64 and not readdir(3), which would allocate for each poll. */
static int count_processes(struct host *self, int64_t *ret_count)
{
	int64_t count = 0;
	long got;

	if (self->proc_dir < 0) {
		self->proc_dir = open(self->settings->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (self->proc_dir < 0 || lseek(self->proc_dir, 0, SEEK_SET) < 0) {
		return YETT_EIO;
	}
	while ((got = syscall(SYS_getdents64, self->proc_dir, self->buffer, HOST_LINE_MAX)) > 0) {
		for (long at = 0; at < got;) {
			uint16_t length;
			const char *name = self->buffer + at + offsetof(struct entry, name);

			memcpy(&length, self->buffer + at + offsetof(struct entry, length),
				sizeof(length));
			count += name[0] >= '1' && name[0] <= '9';
			at += length;
		}
	}
	*ret_count = count;
	return got < 0 ? YETT_EIO : 0;
}

int yett_gather_process(struct host *self)
{
	int64_t count = 0;
	struct lines lines;
	char *line;
	int r = count_processes(self, &count);

	if (r == 0) {
		r = yett_tell(self, YETT_LANE_NORMAL, "system.process.count", "{process}",
			yett_value_int(count), NULL, 0);
	}
	if (r == 0) {
		r = yett_lines_open(self, FILE_STAT, &lines);
	}
	while (r == 0 && (line = yett_lines_next(self, &lines)) != NULL) {
		uint64_t created;

		if (strncmp(line, "processes ", 10) != 0) {
			continue;
		}
		line += 10;
		if (yett_take_number(&line, &created)) {
			r = yett_tell(self, YETT_LANE_BULK, "system.process.created", "{process}",
				yett_value_int((int64_t)created), NULL, 0);
		}
		break;
	}
	return r;
}

int yett_gather_uptime(struct host *self)
{
	uint64_t whole, hundredths;
	struct lines lines;
	char *line;
	int r = yett_lines_open(self, FILE_UPTIME, &lines);

	if (r != 0) {
		return r;
	}
	line = yett_lines_next(self, &lines);
	if (line == NULL || !yett_take_number(&line, &whole) || *line++ != '.' ||
		!yett_take_number(&line, &hundredths)) {
		return YETT_EIO;
	}
	return yett_tell(self, YETT_LANE_NORMAL, "system.uptime", "s",
		yett_value_double((double)whole + (double)hundredths / 100), NULL, 0);
}
