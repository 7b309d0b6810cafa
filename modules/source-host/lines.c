/* Reading /proc for source-host: files stay open and are read again from their start, so that a
 * poll costs a read and no look-up of a path; lines are parsed where they lie in the instance's one
 * buffer, so that nothing is allocated.
 *
 * A line that is longer than the buffer is skipped (the kernel's long ones, the interrupt counts,
 * are of no use here). A file that cannot be opened is tried again at the next poll. It runs on
 * the source's thread and says nothing itself: results go to the caller. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static const char *const names[FILES] = {
	[FILE_STAT] = "stat",
	[FILE_LOADAVG] = "loadavg",
	[FILE_MEMINFO] = "meminfo",
	[FILE_VMSTAT] = "vmstat",
	[FILE_DISKSTATS] = "diskstats",
	[FILE_MOUNTINFO] = "self/mountinfo",
	[FILE_NET_DEV] = "net/dev",
	[FILE_UPTIME] = "uptime",
};

const char *yett_host_file_name(enum host_file file)
{
	return names[file];
}

int yett_lines_open(struct host *self, enum host_file file, struct lines *ret_lines)
{
	if (self->files[file] < 0) {
		char path[4096];
		int length =
			snprintf(path, sizeof(path), "%s/%s", self->settings->proc, names[file]);

		if (length < 0 || (size_t)length >= sizeof(path)) {
			return YETT_EINVAL;
		}
		self->files[file] = open(path, O_RDONLY | O_CLOEXEC);
		if (self->files[file] < 0) {
			return errno == ENOENT                     ? YETT_ENOTFOUND
			       : errno == EACCES || errno == EPERM ? YETT_EPERM
								   : YETT_EIO;
		}
	}
	*ret_lines = (struct lines){.fd = self->files[file]};
	return 0;
}

/* Moves what is left to the start of the buffer and reads behind it. */
static void fill(struct host *self, struct lines *lines)
{
	size_t left = lines->until - lines->from;
	ssize_t got;

	memmove(self->buffer, self->buffer + lines->from, left);
	lines->from = 0;
	lines->until = left;
	do {
		got = pread(lines->fd, self->buffer + left, HOST_LINE_MAX - left, lines->offset);
	} while (got < 0 && errno == EINTR);
	if (got <= 0) {
		lines->end = true;
		return;
	}
	lines->offset += got;
	lines->until += (size_t)got;
}

char *yett_lines_next(struct host *self, struct lines *lines)
{
	bool skipping = false;

	for (;;) {
		char *line = self->buffer + lines->from;
		char *newline = memchr(line, '\n', lines->until - lines->from);

		if (newline != NULL) {
			lines->from = (size_t)(newline + 1 - self->buffer);
			*newline = '\0';
			if (!skipping) {
				return line;
			}
			skipping = false;
			continue;
		}
		if (lines->end) {
			/* the last line may lack its newline */
			size_t length = lines->until - lines->from;

			lines->from = lines->until;
			line[length] = '\0';
			return length > 0 && !skipping ? line : NULL;
		}
		if (lines->until - lines->from == HOST_LINE_MAX) {
			skipping = true;
			lines->from = lines->until;
		}
		fill(self, lines);
	}
}

bool yett_take_number(char **text, uint64_t *ret_number)
{
	char *at = *text;
	uint64_t number = 0;

	while (*at == ' ' || *at == '\t') {
		at++;
	}
	if (*at < '0' || *at > '9') {
		return false;
	}
	while (*at >= '0' && *at <= '9') {
		number = number * 10 + (uint64_t)(*at - '0');
		at++;
	}
	*text = at;
	*ret_number = number;
	return true;
}

char *yett_take_word(char **text)
{
	char *word = *text + strspn(*text, " \t");
	size_t length = strcspn(word, " \t");

	if (length == 0) {
		return NULL;
	}
	*text = word + length;
	if (word[length] != '\0') {
		word[length] = '\0';
		(*text)++;
	}
	return word;
}

bool yett_is_excluded(const struct yett_list *patterns, const char *name)
{
	const char *const *items = patterns->items;

	for (size_t i = 0; i < patterns->count; i++) {
		if (fnmatch(items[i], name, 0) == 0) {
			return true;
		}
	}
	return false;
}
