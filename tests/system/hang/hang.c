/* A file system that does not answer: a library to preload, for tests.
 *
 * Responsible for making statvfs(3) wait while the named pipe YETT_HANG is there, until somebody opens it to
 * write; that a call waits is said by a file beside it, of its name and `.waits`. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void hang(void)
{
	const char *pipe = getenv("YETT_HANG");
	char waits[4096];
	int fd;

	if (pipe == NULL || access(pipe, F_OK) != 0) {
		return;
	}
	snprintf(waits, sizeof(waits), "%s.waits", pipe);
	fd = open(waits, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
	}
	fd = open(pipe, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
	}
}

__attribute__((visibility("default"))) int statvfs(const char *path, struct statvfs *ret)
{
	static int (*next)(const char *path, struct statvfs *ret);

	if (next == NULL) {
		next = (int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs");
	}
	hang();
	return next(path, ret);
}

__attribute__((visibility("default"))) int statvfs64(const char *path, struct statvfs64 *ret)
{
	static int (*next)(const char *path, struct statvfs64 *ret);

	if (next == NULL) {
		next = (int (*)(const char *, struct statvfs64 *))dlsym(RTLD_NEXT, "statvfs64");
	}
	hang();
	return next(path, ret);
}
