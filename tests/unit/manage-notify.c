/* The notification command: what it is given, what it cannot keep, and how it ends with the node. Real
 * programs on a real loop, which runs in a thread; what they do is heard by way of pipes with names. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "manage/internal.h"
#include "suite.h"

#define STRAY 57 /* a descriptor that is nobody else's business */

struct bench {
	struct yett_settings settings;
	struct yett_node node;
	struct yett_manage manage;
	const char *command[4];
	pthread_t thread;
	struct yett_post post;
	char folder[40], said[64],
		held[64]; /* pipes: what is told; what is open while somebody lives */
	char here[256], script[1024];
	int holds; /* the reading end of `held`: open from the beginning, so that nobody waits to open it */
};

static void *run(void *arg)
{
	yett_loop_uv_run(((struct bench *)arg)->node.loop);
	return NULL;
}

static void stop(void *arg)
{
	yett_loop_uv_stop(((struct bench *)arg)->node.loop);
}

/* The script runs where the two pipes are. */
static void begin(struct bench *bench, const char *script, uint64_t deadline_ns)
{
	memset(bench, 0, sizeof(*bench));
	g_strlcpy(bench->folder, "notify-XXXXXX", sizeof(bench->folder));
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(bench->folder));
	snprintf(bench->said, sizeof(bench->said), "%s/said", bench->folder);
	snprintf(bench->held, sizeof(bench->held), "%s/held", bench->folder);
	CU_ASSERT_EQUAL_FATAL(mkfifo(bench->said, 0600), 0);
	CU_ASSERT_EQUAL_FATAL(mkfifo(bench->held, 0600), 0);
	bench->holds = open(bench->held, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT_FATAL(bench->holds >= 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(bench->here, sizeof(bench->here)));
	snprintf(bench->script, sizeof(bench->script), "cd '%s/%s'; %s", bench->here, bench->folder,
		script);
	bench->command[0] = "/bin/sh";
	bench->command[1] = "-c";
	bench->command[2] = bench->script;
	bench->settings.alerts.command.items = bench->command;
	bench->settings.alerts.command.count = 3;
	bench->settings.alerts.deadline_ns = deadline_ns;
	bench->node.settings = &bench->settings;
	bench->node.clock = &yett_clock_system;
	bench->manage.node = &bench->node;
	yett_alerts_init(&bench->manage);
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&bench->node.loop, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(yett_notify_open(&bench->manage, NULL), 0);
}

static void tell(struct bench *bench, const char *text)
{
	json_t *alert = json_pack("{s:s, s:s, s:s, s:s}", "node", "a1.example", "severity",
		"Critical", "kind", "check", "text", text);

	CU_ASSERT(yett_notify_send(&bench->manage, "raised", "1f2e3d4c-1", alert));
	json_decref(alert);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&bench->thread, NULL, run, bench), 0);
}

/* As the daemon ends: the loop first, management, then what is left on the loop. */
static void end(struct bench *bench)
{
	struct yett_loop *loop = bench->node.loop;

	bench->post = (struct yett_post){.fn = stop, .arg = bench};
	loop->table->post(loop, &bench->post);
	pthread_join(bench->thread, NULL);
	yett_notify_close(&bench->manage);
	yett_alerts_done(&bench->manage);
	memset(&bench->manage, 0xa5, sizeof(bench->manage));
	memset(&bench->node, 0xa5, sizeof(bench->node));
	yett_loop_uv_free(loop);
	close(bench->holds);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	CU_ASSERT_EQUAL(errno, ECHILD);
	CU_ASSERT_EQUAL(folder_remove(bench->folder), 0);
}

/* All that comes until nobody has the pipe open any more; given. */
static char *hear(const char *path)
{
	GString *text = g_string_new(NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[512];
	ssize_t n;

	CU_ASSERT_FATAL(fd >= 0);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		g_string_append_len(text, bytes, n);
	}
	close(fd);
	return g_string_free(text, FALSE);
}

static void expect(const char *path, const char *want)
{
	char *text = hear(path);

	CU_ASSERT_STRING_EQUAL(text, want);
	if (strcmp(text, want) != 0) {
		fprintf(stderr, "it says:\n%s", text);
	}
	g_free(text);
}

/* Who has said that it runs has `held` open, and so has all that it has begun: it ends with the last of
 * them. */
static void expect_end(const struct bench *bench)
{
	char byte;

	CU_ASSERT_EQUAL(fcntl(bench->holds, F_SETFL, 0), 0);
	CU_ASSERT_EQUAL(read(bench->holds, &byte, 1), 0);
}

/* Whatever a text holds, it is one value on a line of JSON, and one of the environment. */
static void hostile_text_is_only_text(void)
{
	struct bench bench;

	CU_ASSERT_EQUAL(dup2(STDERR_FILENO, STRAY), STRAY); /* stays open at exec */
	begin(&bench,
		"exec >said; cat; printf '%s|' \"$YETT_ALERT_EVENT\" \"$YETT_ALERT_ID\" "
		"\"$YETT_ALERT_NODE\" \"$YETT_ALERT_SEVERITY\" \"$YETT_ALERT_KIND\" "
		"\"$YETT_ALERT_TEXT\"; "
		"for i in 3 4 5 6 7 8 9 57; do [ ! -e /proc/$$/fd/$i ] || echo $i is open; done",
		10 * YETT_SEC);
	tell(&bench, "'; touch x\n\"$(touch y)\" \\ \x1b[2J");
	expect(bench.said,
		"{\"event\":\"raised\",\"alert\":{\"node\":\"a1.example\",\"severity\":"
		"\"Critical\","
		"\"kind\":\"check\",\"text\":\"'; touch x\\n\\\"$(touch y)\\\" \\\\ "
		"\\u001B[2J\"}}\nraised|1f2e3d4c-1|a1.example|Critical|check|'; touch x\n\"$(touch "
		"y)\" \\ \x1b[2J|");
	end(&bench);
	close(STRAY);
}

/* What it leaves in the background ends with it. */
static void nothing_of_it_stays(void)
{
	struct bench bench;

	begin(&bench, "exec 3>held; sleep 1000 & echo runs >said; cat >/dev/null", 60 * YETT_SEC);
	tell(&bench, "x");
	expect(bench.said, "runs\n");
	expect_end(&bench);
	end(&bench);
}

/* One that hangs, and does not even read, is ended with all that it has begun. */
static void it_has_a_deadline(void)
{
	struct bench bench;
	char *text = g_strnfill(100000, 'x'); /* more than a pipe holds */

	begin(&bench, "exec 3>held; trap '' TERM INT; echo runs >said; sleep 1000; sleep 1000",
		5 * YETT_SEC);
	tell(&bench, text);
	expect(bench.said, "runs\n");
	expect_end(&bench);
	end(&bench);
	g_free(text);
}

/* The node ends while it runs: it is ended as well, and nobody is told of it who is not there any more. */
static void it_ends_with_the_node(void)
{
	struct bench bench;

	mallopt(M_PERTURB, 0x5a); /* what is freed is not what it was */
	begin(&bench, "exec 3>held; echo runs >said; sleep 1000", 60 * YETT_SEC);
	tell(&bench, "x");
	expect(bench.said, "runs\n");
	end(&bench);
	mallopt(M_PERTURB, 0);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"hostile text is only text", hostile_text_is_only_text},
		{"nothing of it stays", nothing_of_it_stays},
		{"it has a deadline", it_has_a_deadline},
		{"it ends with the node", it_ends_with_the_node},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "manage-notify", tests);
}
