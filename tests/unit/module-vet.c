/* Which files may be loaded as code: owners, modes, folders, links. What needs another owner runs as
 * root only. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module/vet.h"
#include "suite.h"

#define NOBODY 65534

enum what { MISSING, FILE_, FOLDER, PIPE, LINK, LINK_TO_ITSELF, LINK_TO_NOTHING };

/* BASE/in/m.so is asked for; a link leads to BASE/out/m.so. */
static const struct {
	const char *name;
	enum what what;
	mode_t mode; /* of the file, wherever it is */
	bool foreign;
	mode_t in, out; /* of the folders; 0: 0755 */
	bool in_foreign, out_foreign, link_foreign;
	int want;
	const char *says; /* in text or mend */
} rows[] = {
	{"a good file", FILE_, .mode = 0755, .want = 0},
	{"one that only its owner reads", FILE_, .mode = 0400, .want = 0},
	{"not there", MISSING, .want = YETT_ENOTFOUND, .says = "module-directory"},
	{"written by all", FILE_, .mode = 0646, .want = YETT_EPERM, .says = "mode 0646"},
	{"written by a group", FILE_, .mode = 0664, .want = YETT_EPERM, .says = "chmod go-w"},
	{"somebody else's", FILE_, .mode = 0644, .foreign = true, .want = YETT_EPERM,
		.says = "user 65534"},
	{"a folder", FOLDER, .want = YETT_EPERM, .says = "no regular file"},
	{"a pipe, which would make us wait", PIPE, .want = YETT_EPERM, .says = "no regular file"},
	{"in a folder that all write", FILE_, .mode = 0644, .in = 0757, .want = YETT_EPERM,
		.says = "chmod go-w the folder"},
	{"in a folder that a group writes", FILE_, .mode = 0644, .in = 0775, .want = YETT_EPERM,
		.says = "chmod go-w the folder"},
	{"in somebody else's folder", FILE_, .mode = 0644, .in_foreign = true, .want = YETT_EPERM,
		.says = "could replace the module"},
	{"in root's sticky folder", FILE_, .mode = 0644, .in = 01777, .want = 0},
	{"in somebody else's sticky folder", FILE_, .mode = 0644, .in = 01777, .in_foreign = true,
		.want = YETT_EPERM, .says = "could replace the module"},
	{"somebody else's in root's sticky folder", FILE_, .mode = 0644, .in = 01777,
		.foreign = true, .want = YETT_EPERM, .says = "user 65534"},
	{"a link to a good file", LINK, .mode = 0644, .want = 0},
	{"a link to a file that all write", LINK, .mode = 0666, .want = YETT_EPERM,
		.says = "chmod go-w the file"},
	{"a link into a folder that all write", LINK, .mode = 0644, .out = 0777, .want = YETT_EPERM,
		.says = "/out may be written"},
	{"a good file by a link in a folder that all write", LINK, .mode = 0644, .in = 0777,
		.want = YETT_EPERM, .says = "/in may be written"},
	{"a good file by somebody else's link", LINK, .mode = 0644, .in = 01777,
		.link_foreign = true, .want = YETT_EPERM, .says = "the link "},
	{"a link to itself", LINK_TO_ITSELF, .want = YETT_EPERM, .says = "symbolic links"},
	{"a link to nothing", LINK_TO_NOTHING, .want = YETT_ENOTFOUND, .says = "module-directory"},
};

static void make_file(const char *path, mode_t mode, bool foreign)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, "code", 4), 4);
	CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
	CU_ASSERT(!foreign || fchown(fd, NOBODY, NOBODY) == 0);
	close(fd);
}

static void make_row(size_t row, const char *path, const char *out)
{
	switch (rows[row].what) {
	case MISSING:
		break;
	case FILE_:
		make_file(path, rows[row].mode, rows[row].foreign);
		break;
	case FOLDER:
		CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
		break;
	case PIPE:
		CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
		break;
	case LINK:
		make_file(out, rows[row].mode, rows[row].foreign);
		CU_ASSERT_EQUAL(symlink("../out/m.so", path), 0);
		break;
	case LINK_TO_ITSELF:
		CU_ASSERT_EQUAL(symlink("m.so", path), 0);
		break;
	case LINK_TO_NOTHING:
		CU_ASSERT_EQUAL(symlink(out, path), 0);
		break;
	}
	CU_ASSERT(!rows[row].link_foreign || lchown(path, NOBODY, NOBODY) == 0);
}

static void make_folder(const char *path, mode_t mode, bool foreign)
{
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
	CU_ASSERT(!foreign || chown(path, NOBODY, NOBODY) == 0);
	CU_ASSERT_EQUAL(chmod(path, mode != 0 ? mode : 0755), 0);
}

static unsigned descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++) {
		count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
	}
	return count;
}

static void run_row(size_t row)
{
	char base[] = "/tmp/yett-vet-XXXXXX", in[64], out[64], path[80], target[80], bytes[8];
	struct yett_error error = YETT_ERROR_INIT;
	unsigned before = descriptors();
	int fd = -1, result;

	CU_ASSERT_FATAL(mkdtemp(base) != NULL);
	snprintf(in, sizeof(in), "%s/in", base);
	snprintf(out, sizeof(out), "%s/out", base);
	snprintf(path, sizeof(path), "%s/m.so", in);
	snprintf(target, sizeof(target), "%s/m.so", out);
	make_folder(in, rows[row].in, rows[row].in_foreign);
	make_folder(out, rows[row].out, rows[row].out_foreign);
	make_row(row, path, target);
	result = yett_vet_open(path, &fd, &error);
	if (result != rows[row].want ||
		(result != 0 && strstr(error.text, rows[row].says) == NULL &&
			strstr(error.mend, rows[row].says) == NULL)) {
		fprintf(stderr, "%s: %s: %s; %s\n", rows[row].name, yett_result_name(result),
			error.text, error.mend);
		CU_FAIL("another answer than wanted");
	}
	if (result == 0) {
		CU_ASSERT_EQUAL(read(fd, bytes, sizeof(bytes)), 4);
		CU_ASSERT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		close(fd);
	} else {
		CU_ASSERT_EQUAL(fd, -1);
		CU_ASSERT(error.mend[0] != '\0');
	}
	CU_ASSERT_EQUAL(descriptors(), before);
	if (remove(path) != 0) {
		CU_ASSERT_EQUAL(rows[row].what, MISSING);
	}
	remove(target);
	CU_ASSERT_EQUAL(rmdir(in), 0);
	CU_ASSERT_EQUAL(rmdir(out), 0);
	CU_ASSERT_EQUAL(rmdir(base), 0);
}

static void judges_files_and_folders(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool needs_root = rows[i].foreign || rows[i].in_foreign || rows[i].out_foreign ||
				  rows[i].link_foreign || (rows[i].in & S_ISVTX) != 0;

		if (geteuid() == 0 || !needs_root) {
			run_row(i);
		}
	}
}

static void takes_relative_paths(void)
{
	char base[] = "/tmp/yett-vet-XXXXXX", path[64], here[4096];
	struct yett_error error = YETT_ERROR_INIT;
	int fd = -1;

	CU_ASSERT_FATAL(mkdtemp(base) != NULL && getcwd(here, sizeof(here)) != NULL);
	snprintf(path, sizeof(path), "%s/m.so", base);
	make_file(path, 0644, false);
	CU_ASSERT_EQUAL(chdir(base), 0);
	CU_ASSERT_EQUAL(yett_vet_open(".//../../tmp/./../.././m.so", &fd, &error), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(yett_vet_open("./m.so", &fd, &error), 0);
	close(fd);
	CU_ASSERT_EQUAL(yett_vet_open("./x/../m.so", &fd, &error), YETT_ENOTFOUND);
	CU_ASSERT_EQUAL(yett_vet_open("./m.so/x", &fd, &error), yett_result_from_errno(ENOTDIR));
	CU_ASSERT_EQUAL(yett_vet_open("", &fd, &error), YETT_EPERM);
	CU_ASSERT_EQUAL(yett_vet_open("/", &fd, &error), YETT_EPERM);
	CU_ASSERT_EQUAL(chdir(here), 0);
	unlink(path);
	rmdir(base);
}

static void refuses_paths_that_are_too_long(void)
{
	static char path[3 * 4096];
	struct yett_error error = YETT_ERROR_INIT;
	int fd = -1, want = yett_result_from_errno(ENAMETOOLONG);

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	CU_ASSERT_EQUAL(yett_vet_open(path, &fd, &error), want);
	path[300] = '\0';
	CU_ASSERT_EQUAL(yett_vet_open(path, &fd, &error), want);
	CU_ASSERT_EQUAL(fd, -1);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"judges files and folders", judges_files_and_folders},
		{"takes relative paths", takes_relative_paths},
		{"refuses paths that are too long", refuses_paths_that_are_too_long},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "module-vet", tests);
}
