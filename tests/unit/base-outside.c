/* base: what leaves the process: the log, and small files of state. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "suite.h"

/* The log's stderr, in a file. */
static int saved = -1, caught = -1;

static void catch_stderr(void)
{
	char path[] = "/tmp/yett-test-XXXXXX";

	caught = mkostemp(path, O_CLOEXEC | O_APPEND);
	unlink(path);
	saved = dup(STDERR_FILENO);
	dup2(caught, STDERR_FILENO);
}

static size_t release_stderr(char *ret_text, size_t size)
{
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(caught, ret_text, size - 1, 0);
	close(caught);
	ret_text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		n += *text == '\n';
	}
	return n;
}

static void tap(void *arg, int level, const char *event, const char *sentence)
{
	(void)level;
	(void)event;
	(void)sentence;
	atomic_fetch_add((atomic_int *)arg, 1);
	yett_log(YETT_LOG_ERROR, "from-the-tap", "is not tapped again");
}

static void test_log_levels(void)
{
	static char text[65536];
	atomic_int tapped = 0;

	catch_stderr();
	yett_log_setup(YETT_LOG_STDERR, YETT_LOG_NOTICE);
	yett_log_tap(tap, &tapped);
	yett_log(YETT_LOG_INFO, "too-low", "not shown");
	yett_log(YETT_LOG_DEBUG + 1, "no-level", "not shown");
	yett_log(-1, "no-level", "not shown");
	yett_log(YETT_LOG_NOTICE, "fine", "says %s peer=%s", "it", "a\nb\x1b[31m\xc2\x9b\xc3\xa9");
	yett_log_tap(NULL, NULL);
	yett_log(YETT_LOG_WARNING, "fine", "untapped");
	release_stderr(text, sizeof(text));
	CU_ASSERT_EQUAL(tapped, 1);
	CU_ASSERT_EQUAL(lines(text), 3);
	CU_ASSERT_PTR_NULL(strstr(text, "not shown"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z notice fine: says it peer=a b [31m  \xc3\xa9\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z warning fine: untapped\n"));
	CU_ASSERT_STRING_EQUAL(yett_log_level_name(YETT_LOG_DEBUG), "debug");
	CU_ASSERT_STRING_EQUAL(yett_log_level_name(9), "?");
}

static void test_log_limit(void)
{
	static char text[262144];
	size_t before;

	catch_stderr();
	for (int i = 0; i < 200; i++) {
		yett_log(YETT_LOG_NOTICE, "storm", "number %d", i);
		yett_log(YETT_LOG_ERROR, "never-limited", "number %d", i);
	}
	yett_log(YETT_LOG_NOTICE, "calm", "has a limit of its own");
	release_stderr(text, sizeof(text));
	before = lines(text);
	CU_ASSERT(before >= 221 && before < 230);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "number 19\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "has a limit of its own"));

	/* An error of the same name passes, and tells what was suppressed. */
	catch_stderr();
	yett_log(YETT_LOG_ERROR, "storm", "over");
	yett_log(YETT_LOG_ERROR, "storm", "again");
	release_stderr(text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "over suppressed="));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "again\n"));
}

static void test_log_long(void)
{
	static char text[16384], sentence[6000];

	memset(sentence, 'x', sizeof(sentence) - 1);
	catch_stderr();
	for (int i = 0; i < 30; i++) {
		yett_log(YETT_LOG_NOTICE, "long", "short");
	}
	yett_log(YETT_LOG_ERROR, "long", "%s", sentence);
	release_stderr(text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "xxx suppressed="));
	CU_ASSERT(strlen(text) < 5000);
}

/* What a peer says is no field, however it comes to stand there; a module's own fields are. */
static void log_module(const char *module, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void log_module(const char *module, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	yett_log_module(YETT_LOG_ERROR, "said", module, format, args);
	va_end(args);
}

static void test_log_fields(void)
{
	static char text[4096];

	catch_stderr();
	yett_log(YETT_LOG_ERROR, "said", "the peer says: %s peer=%s", "x\nname=b\tpeer=b", "a");
	log_module("m", "it says: %s reason=%s", "peer=b", "c");
	release_stderr(text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "says: x name=b peer:b peer=a\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "says: peer:b reason=c module=m\n"));
}

static void *many(void *arg)
{
	char event[32];

	for (int i = 0; i < 200; i++) {
		snprintf(event, sizeof(event), "event-%d", i % 300 + (int)(intptr_t)arg * 100);
		yett_log(YETT_LOG_ERROR, event, "from thread %d", (int)(intptr_t)arg);
	}
	return NULL;
}

/* More names than the table has room for, from several threads: whole lines, all of them. */
static void test_log_threads(void)
{
	static char text[524288];
	pthread_t threads[3];
	atomic_int tapped = 0;
	size_t whole = 0;

	catch_stderr();
	for (size_t i = 0; i < 3; i++) {
		pthread_create(&threads[i], NULL, many, (void *)(intptr_t)i);
	}
	yett_log_tap(tap, &tapped);
	yett_log_tap(NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
	}
	release_stderr(text, sizeof(text));
	for (char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		whole +=
			strstr(at, " error event-") != NULL && strstr(at, ": from thread ") != NULL;
	}
	CU_ASSERT_EQUAL(whole, 600);
}

static char dir[] = "/tmp/yett-test-XXXXXX";

static const char *in(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[0]), "%s/%s", dir, name);
	return path[turn];
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void test_file_whole(void)
{
	struct yett_error error = YETT_ERROR_INIT;
	char *bytes = NULL;
	size_t length = 0;

	CU_ASSERT_EQUAL(yett_file_read(in("none"), 10, &bytes, &length, &error), YETT_ENOTFOUND);
	CU_ASSERT(error.text[0] != '\0' && error.mend[0] != '\0');
	CU_ASSERT_EQUAL_FATAL(yett_file_write(in("state"), "first", 5, &error), 0);
	CU_ASSERT_EQUAL(mode_of(in("state")), 0600);
	/* What a crash left beside it, open to all, is not written into. */
	close(open(in("state.new"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	CU_ASSERT_EQUAL_FATAL(yett_file_write(in("state"), "second", 6, &error), 0);
	CU_ASSERT_EQUAL(mode_of(in("state")), 0600);
	CU_ASSERT_EQUAL(access(in("state.new"), F_OK), -1);
	CU_ASSERT_EQUAL_FATAL(yett_file_read(in("state"), 6, &bytes, &length, NULL), 0);
	CU_ASSERT_EQUAL(length, 6);
	CU_ASSERT_STRING_EQUAL(bytes, "second");
	free(bytes);
	CU_ASSERT_EQUAL(yett_file_read(in("state"), 5, &bytes, &length, NULL), YETT_ELIMIT);
	CU_ASSERT_EQUAL_FATAL(yett_file_write(in("state"), "", 0, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(yett_file_read(in("state"), 0, &bytes, &length, NULL), 0);
	CU_ASSERT_EQUAL(length, 0);
	free(bytes);
	CU_ASSERT_EQUAL(yett_file_read(dir, 5, &bytes, &length, NULL), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_file_write(in("no/state"), "x", 1, NULL), YETT_ENOTFOUND);
	/* In the place of a directory nothing is put, and nothing is left beside it. */
	CU_ASSERT_EQUAL(mkdir(in("taken"), 0700), 0);
	CU_ASSERT_EQUAL(yett_file_write(in("taken"), "x", 1, NULL), YETT_EINVAL);
	CU_ASSERT_EQUAL(access(in("taken.new"), F_OK), -1);
	unlink(in("state"));
	rmdir(in("taken"));
}

static void test_file_mkdir(void)
{
	struct yett_error error = YETT_ERROR_INIT;

	umask(022);
	CU_ASSERT_EQUAL(yett_file_mkdir(in("a/b/c"), &error), 0);
	CU_ASSERT_EQUAL(mode_of(in("a/b")), 0755);
	CU_ASSERT_EQUAL(mode_of(in("a/b/c")), 0700);
	CU_ASSERT_EQUAL(yett_file_mkdir(in("a/d//"), &error), 0);
	CU_ASSERT_EQUAL(mode_of(in("a/d")), 0700);
	CU_ASSERT_EQUAL(yett_file_mkdir(in("a/d"), &error), 0);
	CU_ASSERT_EQUAL(yett_file_mkdir("/", &error), 0);
	CU_ASSERT_EQUAL(yett_file_mkdir("", NULL), YETT_EINVAL);
	CU_ASSERT_EQUAL(yett_file_write(in("a/file"), "", 0, NULL), 0);
	CU_ASSERT_EQUAL(yett_file_mkdir(in("a/file"), &error), YETT_EEXIST);
	CU_ASSERT_EQUAL(yett_file_mkdir(in("a/file/x"), NULL), YETT_EEXIST);
	unlink(in("a/file"));
	rmdir(in("a/b/c"));
	rmdir(in("a/b"));
	rmdir(in("a/d"));
	rmdir(in("a"));
}

/* Nothing is left: not a file, not a descriptor. */
static int first_free;

static void test_nothing_left(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CU_ASSERT_EQUAL(fd, first_free);
	close(fd);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"log: levels, tap, one line", test_log_levels},
		{"log: limit", test_log_limit},
		{"log: long sentences", test_log_long},
		{"log: fields are those of the format", test_log_fields},
		{"log: threads", test_log_threads},
		{"files: whole or not at all", test_file_whole},
		{"files: directories", test_file_mkdir},
		{"nothing is left", test_nothing_left},
		CU_TEST_INFO_NULL,
	};

	if (mkdtemp(dir) == NULL) {
		return 1;
	}
	first_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(first_free);
	return suite_run(argc, argv, "base-outside", tests);
}
