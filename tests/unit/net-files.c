/* net: the operating system's files behind the host's table. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/files.h"
#include "net/saved.h"
#include "suite.h"

static const struct yett_files *const f = &yett_files_system;
static char path[] = "/tmp/yett-test-XXXXXX";
static int dir = -1, first_free;

static int begin(void)
{
	char sub[64];

	first_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(first_free);
	if (mkdtemp(path) == NULL) {
		return 1;
	}
	snprintf(sub, sizeof(sub), "%s/queue", path);
	dir = f->dir_open(f->fs, sub);
	return dir < 0;
}

static int names(void *arg, const char *name)
{
	size_t length = strlen(arg);

	snprintf((char *)arg + length, 64 - length, "%s", name);
	return strcmp(name, "stop") == 0 ? 7 : 0;
}

static void test_directory(void)
{
	char text[64] = "", sub[64];
	struct stat st;

	CU_ASSERT_EQUAL(fstat(dir, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	CU_ASSERT_EQUAL(f->dir_list(f->fs, dir, names, text), 0);
	CU_ASSERT_STRING_EQUAL(text, "");
	CU_ASSERT_EQUAL(f->close(f->fs, f->open(f->fs, dir, "stop", O_RDWR | O_CREAT)), 0);
	CU_ASSERT_EQUAL(f->dir_list(f->fs, dir, names, text), 7);
	CU_ASSERT_EQUAL(f->dir_list(f->fs, dir, names, text), 7); /* from the start again */
	CU_ASSERT_STRING_EQUAL(text, "stopstop");
	CU_ASSERT_EQUAL(f->rename(f->fs, dir, "stop", "go"), 0);
	CU_ASSERT_EQUAL(f->rename(f->fs, dir, "stop", "go"), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(f->dir_sync(f->fs, dir), 0);
	snprintf(sub, sizeof(sub), "%s/queue/go", path);
	CU_ASSERT_EQUAL(f->dir_open(f->fs, sub), YETT_EEXIST);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "go"), 0);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "go"), YETT_ENOTFOUND);
}

static void test_open(void)
{
	struct stat st;
	int file = f->open(f->fs, dir, "a", O_RDWR | O_CREAT | O_EXCL);

	CU_ASSERT_FATAL(file >= 0);
	CU_ASSERT_EQUAL(fstat(file, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_NOT_EQUAL(fcntl(file, F_GETFD) & FD_CLOEXEC, 0);
	CU_ASSERT_EQUAL(f->open(f->fs, dir, "a", O_RDWR | O_CREAT | O_EXCL), YETT_EEXIST);
	CU_ASSERT_EQUAL(f->open(f->fs, dir, "b", O_RDWR), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(symlinkat("a", dir, "link"), 0);
	CU_ASSERT_EQUAL(f->open(f->fs, dir, "link", O_RDWR), YETT_EPERM);
	CU_ASSERT_EQUAL(f->close(f->fs, file), 0);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "link"), 0);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "a"), 0);
}

/* More pieces than one call of the system takes, empty ones among them. */
static void test_write(void)
{
	static struct iovec iov[3000];
	static uint8_t byte[3000], back[8000];
	struct iovec nothing[2] = {{byte, 0}, {byte, 0}};
	int file = f->open(f->fs, dir, "a", O_RDWR | O_CREAT);
	bool same = true;

	for (size_t i = 0; i < 3000; i++) {
		byte[i] = (uint8_t)(i * 7);
		iov[i] = (struct iovec){&byte[i], i % 5 != 0};
	}
	CU_ASSERT_EQUAL(f->write(f->fs, file, iov, 3000, 1000), 0);
	CU_ASSERT_EQUAL(f->write(f->fs, file, nothing, 2, 0), 0);
	CU_ASSERT_EQUAL(f->write(f->fs, file, NULL, 0, 0), 0);
	CU_ASSERT_EQUAL(f->length(f->fs, file), 3400);
	CU_ASSERT_EQUAL(f->read(f->fs, file, back, sizeof(back), 1000), 2400);
	for (size_t i = 0, at = 0; i < 3000; i++) {
		same = same && (i % 5 == 0 || back[at++] == byte[i]);
	}
	CU_ASSERT(same);
	CU_ASSERT_EQUAL(f->read(f->fs, file, back, 100, 3350), 50);
	CU_ASSERT_EQUAL(f->read(f->fs, file, back, 100, 5000), 0);
	CU_ASSERT_EQUAL(f->sync(f->fs, file), 0);
	CU_ASSERT_EQUAL(f->truncate(f->fs, file, 10), 0);
	CU_ASSERT_EQUAL(f->length(f->fs, file), 10);
	CU_ASSERT_EQUAL(f->allocate(f->fs, file, 65536), 0);
	CU_ASSERT_EQUAL(f->length(f->fs, file), 65536);
	CU_ASSERT_EQUAL(f->close(f->fs, file), 0);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "a"), 0);
}

static void test_failures(void)
{
	struct iovec iov = {path, 4};
	int dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int full = f->open(f->fs, dev, "full", O_RDWR);
	int file = f->open(f->fs, dir, "a", O_RDONLY | O_CREAT);
	int ends[2];

	CU_ASSERT_FATAL(full >= 0);
	CU_ASSERT_EQUAL(f->write(f->fs, full, &iov, 1, 0), YETT_ENOSPC);
	CU_ASSERT_EQUAL(f->close(f->fs, full), 0);
	CU_ASSERT(f->write(f->fs, file, &iov, 1, 0) < 0); /* opened for reading */
	CU_ASSERT(f->read(f->fs, dir, path, 4, 0) < 0);
	CU_ASSERT(f->allocate(f->fs, file, UINT64_C(1) << 62) < 0);
	CU_ASSERT_EQUAL(f->close(f->fs, file), 0);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "a"), 0);
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	CU_ASSERT_EQUAL(f->sync(f->fs, ends[1]), YETT_ESYNC); /* a pipe cannot be synced */
	CU_ASSERT_EQUAL(f->dir_sync(f->fs, ends[1]), YETT_ESYNC);
	close(ends[0]);
	close(ends[1]);
	close(dev);
}

static void test_lock(void)
{
	int lock = f->lock(f->fs, dir, "lock");

	CU_ASSERT_FATAL(lock >= 0);
	CU_ASSERT_EQUAL(f->lock(f->fs, dir, "lock"), YETT_EPERM);
	CU_ASSERT_EQUAL(f->close(f->fs, lock), 0);
	lock = f->lock(f->fs, dir, "lock");
	CU_ASSERT(lock >= 0);
	CU_ASSERT_EQUAL(f->close(f->fs, lock), 0);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "lock"), 0);
}

static void test_saved(void)
{
	char sub[64], *bytes = NULL;
	size_t length = 0;
	struct stat st;

	snprintf(sub, sizeof(sub), "%s/queue", path);
	CU_ASSERT_EQUAL(yett_saved_read(f, sub, "state", 64, &bytes, &length), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(yett_saved_write(f, sub, "state", "old", 3, NULL), 0);
	CU_ASSERT_EQUAL(yett_saved_write(f, sub, "state", "newer", 5, NULL), 0);
	CU_ASSERT_EQUAL(yett_saved_read(f, sub, "state", 4, &bytes, &length), YETT_ELIMIT);
	CU_ASSERT_EQUAL_FATAL(yett_saved_read(f, sub, "state", 5, &bytes, &length), 0);
	CU_ASSERT_EQUAL(length, 5);
	CU_ASSERT_STRING_EQUAL(bytes, "newer");
	free(bytes);
	snprintf(sub, sizeof(sub), "%s/queue/state", path);
	CU_ASSERT_EQUAL(stat(sub, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "state.new"), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "state"), 0);
}

/* A disk on which nothing can be made any more, as a full one. */
static int no_room(void *fs, int dir_, const char *name, int flags)
{
	return (flags & O_CREAT) != 0 ? YETT_ENOSPC : f->open(fs, dir_, name, flags);
}

static void test_saved_on_a_full_disk(void)
{
	static const struct {
		const char *was, *now;
		int want;
	} rows[] = {
		{"1234", "5678", 0},
		{"1234", "56789", YETT_ENOSPC}, /* needs room */
		{"1234", "567", YETT_ENOSPC},   /* would have an end of the old one in a crash */
		{NULL, "5678", YETT_ENOSPC},
	};
	struct yett_files full = *f;
	char sub[64], *bytes = NULL;
	size_t length = 0;

	full.open = no_room;
	snprintf(sub, sizeof(sub), "%s/queue", path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *have = rows[i].want == 0 ? rows[i].now : rows[i].was;

		if (rows[i].was != NULL) {
			CU_ASSERT_EQUAL(yett_saved_write(f, sub, "state", rows[i].was,
						strlen(rows[i].was), NULL),
				0);
		}
		CU_ASSERT_EQUAL(yett_saved_write(&full, sub, "state", rows[i].now,
					strlen(rows[i].now), NULL),
			rows[i].want);
		if (have != NULL) {
			CU_ASSERT_EQUAL_FATAL(
				yett_saved_read(f, sub, "state", 64, &bytes, &length), 0);
			CU_ASSERT_STRING_EQUAL(bytes, have);
			free(bytes);
			CU_ASSERT_EQUAL(f->remove(f->fs, dir, "state"), 0);
		}
	}
	CU_ASSERT_EQUAL(f->remove(f->fs, dir, "state.new"), YETT_ENOTFOUND);
}

static void test_nothing_left(void)
{
	char sub[64];
	int fd;

	CU_ASSERT_EQUAL(f->dir_close(f->fs, dir), 0);
	snprintf(sub, sizeof(sub), "%s/queue", path);
	CU_ASSERT_EQUAL(rmdir(sub), 0);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(fd, first_free);
	close(fd);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"directories", test_directory},
		{"open", test_open},
		{"write and read", test_write},
		{"failures", test_failures},
		{"lock", test_lock},
		{"saved", test_saved},
		{"saved on a full disk", test_saved_on_a_full_disk},
		{"nothing is left", test_nothing_left},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("net-files", begin, NULL, tests);
	return suite_end(argc, argv);
}
