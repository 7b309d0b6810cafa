/* net: the loop: posts from several threads, timers, signals, and executors. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/executor.h"
#include "net/loop.h"
#include "suite.h"

static struct yett_loop *loop;

static int begin(void)
{
	return yett_loop_uv_new(&loop, NULL);
}

static int end(void)
{
	yett_loop_uv_free(loop);
	return 0;
}

/* Posts. */
#define POSTERS 3
#define POSTS   2000

struct numbered {
	struct yett_post post;
	int poster, number;
};

static struct numbered numbered[POSTERS][POSTS];
static int next_of[POSTERS], total, disorder;

static void count_post(void *arg)
{
	struct numbered *post = arg;

	disorder += post->number != next_of[post->poster]++;
	if (++total == POSTERS * POSTS) {
		yett_loop_uv_stop(loop);
	}
}

static void *post_many(void *arg)
{
	for (int i = 0; i < POSTS; i++) {
		struct numbered *post = &((struct numbered *)arg)[i];

		post->post.fn = count_post;
		post->post.arg = post;
		post->poster = (int)((struct numbered(*)[POSTS])arg - numbered);
		post->number = i;
		loop->table->post(loop, &post->post);
	}
	return NULL;
}

static void test_posts(void)
{
	pthread_t threads[POSTERS];

	for (int i = 0; i < POSTERS; i++) {
		pthread_create(&threads[i], NULL, post_many, numbered[i]);
	}
	yett_loop_uv_run(loop);
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(threads[i], NULL);
	}
	CU_ASSERT_EQUAL(total, POSTERS * POSTS);
	CU_ASSERT_EQUAL(disorder, 0);
}

/* A post may post itself again; what is posted and not run yet is run by `free`. */
static int again;

static void post_again(void *arg)
{
	if (++again < 5) {
		loop->table->post(loop, arg);
	}
}

static void test_posts_at_the_end(void)
{
	static struct yett_post post = {.fn = post_again, .arg = &post};

	loop->table->post(loop, &post);
	yett_loop_uv_free(loop);
	CU_ASSERT_EQUAL(again, 5);
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&loop, NULL), 0);
}

/* Timers. */
struct ring {
	struct yett_timer *timer;
	uint64_t due_ns;
	char name;
};

static char fired[16];
static bool early;

static void ring(void *arg)
{
	struct ring *what = arg;

	early |= yett_clock_monotonic(&yett_clock_system) < what->due_ns;
	fired[strlen(fired)] = what->name;
	if (what->name == 'z') {
		yett_loop_uv_stop(loop);
	} else if (what->name == 'a') {
		loop->table->timer_free(what->timer); /* from within */
	}
}

static void start(struct ring *what, uint64_t delay_ns)
{
	what->due_ns = yett_clock_monotonic(&yett_clock_system) + delay_ns;
	loop->table->timer_start(what->timer, delay_ns);
}

static void test_timers(void)
{
	struct ring rings[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'},
		{.name = 'e'}, {.name = 'z'}};

	for (size_t i = 0; i < 6; i++) {
		rings[i].timer = loop->table->timer_new(loop, ring, &rings[i]);
	}
	start(&rings[5], 30 * YETT_MS);
	start(&rings[1], 20 * YETT_MS);
	start(&rings[0], 10 * YETT_MS + 1);
	start(&rings[2], 0);
	start(&rings[3], 5 * YETT_MS);
	loop->table->timer_stop(rings[3].timer);
	start(&rings[4], UINT64_MAX); /* never, not at once */
	rings[4].due_ns = 0;
	start(&rings[2], 25 * YETT_MS); /* restarts: once */
	yett_loop_uv_run(loop);
	CU_ASSERT_STRING_EQUAL(fired, "abcz");
	CU_ASSERT_FALSE(early);
	for (size_t i = 1; i < 6; i++) {
		loop->table->timer_free(rings[i].timer);
	}
	loop->table->timer_free(NULL);
}

/* Signals; each loop has its own. */
static int heard;

static void on_signal(void *arg, int signum)
{
	CU_ASSERT_PTR_EQUAL(arg, &heard);
	heard = signum;
	yett_loop_uv_stop(loop);
}

static void other_signal(void *arg, int signum)
{
	(void)arg;
	(void)signum;
	CU_FAIL("the wrong loop");
}

static void test_signals(void)
{
	struct yett_loop *other;

	CU_ASSERT_EQUAL(yett_loop_uv_signal(loop, SIGUSR1, on_signal, &heard), 0);
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&other, NULL), 0);
	CU_ASSERT_EQUAL(yett_loop_uv_signal(other, SIGUSR2, other_signal, NULL), 0);
	raise(SIGUSR1);
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(heard, SIGUSR1);
	yett_loop_uv_free(other);
}

/* Executors. */
#define JOBS 200
static int worked[JOBS], done_count, work_order, order_wrong, done_wrong;
static struct yett_job jobs[JOBS];
static bool one_thread;
static pthread_t loop_thread;

static void work(void *arg)
{
	int n = (int)(intptr_t)arg;

	if (one_thread) {
		order_wrong += n != work_order++;
	}
	worked[n]++;
}

static void done(void *arg)
{
	done_wrong += worked[(intptr_t)arg] != 1 || !pthread_equal(pthread_self(), loop_thread);
	if (++done_count == JOBS) {
		yett_loop_uv_stop(loop);
	}
}

static void run_jobs(struct yett_executor *executor)
{
	memset(worked, 0, sizeof(worked));
	done_count = work_order = order_wrong = done_wrong = 0;
	loop_thread = pthread_self();
	for (intptr_t i = 0; i < JOBS; i++) {
		jobs[i] = (struct yett_job){.work = work, .done = done, .arg = (void *)i};
		yett_executor_submit(executor, &jobs[i]);
	}
	CU_ASSERT(yett_executor_waiting(executor) <= JOBS);
	yett_loop_uv_run(loop);
	CU_ASSERT_EQUAL(done_count, JOBS);
	CU_ASSERT_EQUAL(order_wrong, 0);
	CU_ASSERT_EQUAL(done_wrong, 0);
	CU_ASSERT_EQUAL(yett_executor_waiting(executor), 0);
	CU_ASSERT_FALSE(yett_executor_free(executor, false, 0));
}

static void test_executors(void)
{
	struct yett_executor *executor;

	one_thread = true;
	CU_ASSERT_EQUAL_FATAL(yett_executor_new(loop, "test", 1, &executor, NULL), 0);
	run_jobs(executor);
	one_thread = false;
	CU_ASSERT_EQUAL_FATAL(yett_executor_new(loop, "a-long-name", 3, &executor, NULL), 0);
	run_jobs(executor);
}

static void test_inline(void)
{
	struct yett_executor *executor = yett_executor_inline_new(loop);

	one_thread = true;
	work_order = 0;
	run_jobs(executor);
}

static char thread_name[16];
static sigset_t thread_signals;

static void look(void *arg)
{
	(void)arg;
	pthread_getname_np(pthread_self(), thread_name, sizeof(thread_name));
	pthread_sigmask(SIG_SETMASK, NULL, &thread_signals);
}

static void stop(void *arg)
{
	(void)arg;
	yett_loop_uv_stop(loop);
}

static void test_threads(void)
{
	struct yett_job job = {.work = look, .done = stop};
	struct yett_executor *executor;

	CU_ASSERT_EQUAL_FATAL(yett_executor_new(loop, "kerberos", 1, &executor, NULL), 0);
	yett_executor_submit(executor, &job);
	yett_loop_uv_run(loop);
	CU_ASSERT_FALSE(yett_executor_free(executor, true, YETT_SEC));
	CU_ASSERT_EQUAL(strncmp(thread_name, "kerberos-", 9), 0);
	CU_ASSERT_EQUAL(sigismember(&thread_signals, SIGTERM), 1);
	CU_ASSERT_EQUAL(sigismember(&thread_signals, SIGHUP), 1);
}

/* A job that does not come back in time is left behind; when it does come back, it touches neither
 * the loop nor what had not begun. */
static int gate[2], back[2];
static atomic_int never;

static void block(void *arg)
{
	char byte;

	(void)arg;
	CU_ASSERT_EQUAL(write(back[1], "b", 1), 1);
	CU_ASSERT_EQUAL(read(gate[0], &byte, 1), 1);
	CU_ASSERT_EQUAL(write(back[1], "b", 1), 1);
}

static void count_never(void *arg)
{
	(void)arg;
	atomic_fetch_add(&never, 1);
}

static size_t threads_now(void)
{
	DIR *dir = opendir("/proc/self/task");
	size_t n = 0;

	while (readdir(dir) != NULL) {
		n++;
	}
	closedir(dir);
	return n;
}

static void test_left_behind(void)
{
	static struct yett_job blocked = {.work = block, .done = count_never};
	static struct yett_job behind = {.work = count_never, .done = count_never};
	struct yett_executor *executor;
	struct yett_loop *old = loop;
	size_t before = threads_now();
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(gate), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(back), 0);
	CU_ASSERT_EQUAL_FATAL(yett_executor_new(loop, "test", 1, &executor, NULL), 0);
	yett_executor_submit(executor, &blocked);
	yett_executor_submit(executor, &behind);
	CU_ASSERT_EQUAL(read(back[0], &byte, 1), 1);
	CU_ASSERT_TRUE(yett_executor_free(executor, true, 20 * YETT_MS));
	CU_ASSERT_EQUAL_FATAL(yett_loop_uv_new(&loop, NULL), 0);
	yett_loop_uv_free(old);
	CU_ASSERT_EQUAL(write(gate[1], "x", 1), 1);
	CU_ASSERT_EQUAL(read(back[0], &byte, 1), 1);
	while (threads_now() > before) {
		sched_yield();
	}
	CU_ASSERT_EQUAL(never, 0);
	close(gate[0]);
	close(gate[1]);
	close(back[0]);
	close(back[1]);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"posts from several threads", test_posts},
		{"posts at the end", test_posts_at_the_end},
		{"timers", test_timers},
		{"signals", test_signals},
		{"executors", test_executors},
		{"the inline executor", test_inline},
		{"threads: name and signals", test_threads},
		{"a thread that is left behind", test_left_behind},
		CU_TEST_INFO_NULL,
	};

	suite_add_around("net-loop", begin, end, tests);
	return suite_end(argc, argv);
}
