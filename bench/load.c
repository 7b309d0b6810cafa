/* A load generator that speaks the real protocol.
 *
 * Responsible for many agents in one process on one loop: made first, then started so many a second,
 * then asked every few milliseconds for what is due; and for the report. Not responsible for what one
 * agent does (load-agent.c). One thread. What cannot be made stops the run with what and why; a
 * session that breaks is the node's own to dial again. Exit codes: 0 all that was told is
 * acknowledged; 1 it is not; 2 the command line is wrong. */
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/buffer.h"
#include "base/log.h"

#define STEP_NS     (1 * YETT_MS)
#define COUNT_STEPS 10 /* how often it is counted who is open and who is done */

struct run {
	struct load load;
	struct yett_timer *timer;
	unsigned steps;
	uint64_t broken_ns; /* all sessions were cut; 0: they are open again */
	bool failed;
};

static void stop(struct run *run)
{
	run->load.end_ns = yett_clock_monotonic(&yett_clock_system);
	yett_loop_uv_stop(run->load.loop);
}

static void start_due(struct run *run, uint64_t now_ns)
{
	struct load *load = &run->load;
	uint64_t due = 1 + (now_ns - load->begin_ns) / YETT_MS * load->options.connects / 1000;
	struct yett_error error = YETT_ERROR_INIT;

	for (; load->started < due && load->started < load->made; load->started++) {
		if (agent_start(load->agents[load->started], &error) != 0) {
			fprintf(stderr, "load: an agent does not start: %s; %s\n", error.text,
				error.mend);
			run->failed = true;
			return;
		}
	}
}

/* Who is open and who is done; the end of it. */
static bool look(struct run *run, uint64_t now_ns)
{
	struct load *load = &run->load;
	unsigned open = 0, done = 0;

	for (unsigned i = 0; i < load->started; i++) {
		open += agent_open(load->agents[i]) ? 1 : 0;
		done += agent_done(load->agents[i]) ? 1 : 0;
	}
	if (open == load->made && (load->open_ns == 0 || run->broken_ns != 0)) {
		uint64_t since_ns = load->open_ns == 0 ? load->begin_ns : run->broken_ns;

		printf("%-13s %.3f s\n", load->open_ns == 0 ? "all open" : "open again",
			(double)(now_ns - since_ns) / 1e9);
		fflush(stdout); /* whoever breaks them waits for this */
		load->open_ns = now_ns;
		run->broken_ns = 0;
	}
	return (done == load->made && load->options.records > 0) || run->failed ||
	       now_ns - load->begin_ns > load->options.timeout_s * YETT_SEC;
}

static void step(void *arg)
{
	struct run *run = arg;
	struct load *load = &run->load;
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);

	start_due(run, now_ns);
	for (unsigned i = 0; i < load->started; i++) {
		if (load->due_ns[i] <= now_ns) {
			load->due_ns[i] = agent_tell(load->agents[i], now_ns);
		}
	}
	if (run->steps++ % COUNT_STEPS == 0 && look(run, now_ns)) {
		stop(run);
		return;
	}
	load->loop->table->timer_start(run->timer, STEP_NS);
}

static void on_break(void *arg, int signum)
{
	struct run *run = arg;

	(void)signum;
	run->broken_ns = yett_clock_monotonic(&yett_clock_system);
	for (unsigned i = 0; i < run->load.started; i++) {
		agent_break(run->load.agents[i]);
	}
}

static void on_signal(void *arg, int signum)
{
	(void)signum;
	stop(arg);
}

static int make_agents(struct load *load)
{
	struct yett_error error = YETT_ERROR_INIT;

	load->agents = g_new0(struct agent *, load->options.agents);
	load->due_ns = g_new0(uint64_t, load->options.agents);
	while (load->made < load->options.agents) {
		if (agent_new(load, load->made, &load->agents[load->made], &error) != 0) {
			fprintf(stderr, "load: an agent cannot be made: %s; %s\n", error.text,
				error.mend);
			return 1;
		}
		load->made++;
	}
	if (load->authority != NULL) {
		yett_authority_close(&load->authority);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double part_ms(const GArray *sorted, unsigned per_mille)
{
	if (sorted->len == 0) {
		return 0;
	}
	return g_array_index(sorted, uint32_t, (uint64_t)(sorted->len - 1) * per_mille / 1000) /
	       1e3;
}

static void report(struct load *load)
{
	double seconds = (double)(load->end_ns - load->begin_ns) / 1e9;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	agents_waiting(load, yett_clock_monotonic(&yett_clock_system));
	g_array_sort(load->latencies, compare);
	printf("agents        %u\n", load->made);
	printf("told          %llu records, %llu batches, %llu bytes\n",
		(unsigned long long)load->records_sent, (unsigned long long)load->batches_sent,
		(unsigned long long)load->bytes_sent);
	printf("acknowledged  %llu records, %llu batches\n",
		(unsigned long long)load->records_settled,
		(unsigned long long)load->batches_settled);
	printf("time          %.3f s, %.0f records/s\n", seconds,
		(double)load->records_settled / seconds);
	printf("latency       %.1f ms median, %.1f ms 99 %%, %.1f ms most\n",
		part_ms(load->latencies, 500), part_ms(load->latencies, 990),
		part_ms(load->latencies, 1000));
	printf("memory        %ld KiB resident at most\n", usage.ru_maxrss);
}

static void finish(struct run *run)
{
	struct load *load = &run->load;

	for (unsigned i = 0; i < load->made; i++) {
		agent_free(load->agents[i]);
	}
	g_free(load->agents);
	g_free(load->due_ns);
	if (load->authority != NULL) {
		yett_authority_close(&load->authority);
	}
	if (run->timer != NULL) {
		load->loop->table->timer_free(run->timer);
	}
	yett_loop_uv_free(load->loop);
	yett_loader_free(load->loader);
	yett_payload_free(load->payload);
	yett_buffer_unref(load->repeated.buffer);
	g_free(load->body);
	g_array_free(load->latencies, TRUE);
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	struct run run = {0};
	struct load *load = &run.load;
	struct yett_error error = YETT_ERROR_INIT;
	int code = load_options_parse(argc, argv, &load->options);

	if (code != 0) {
		return code == 1 ? 0 : code;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	yett_log_setup(YETT_LOG_STDERR, load->options.verbose ? YETT_LOG_INFO : YETT_LOG_ERROR);
	if (yett_loop_uv_new(&load->loop, &error) != 0) {
		fprintf(stderr, "load: %s\n", error.text);
		return 1;
	}
	load->loader = yett_loader_new();
	load->payload = yett_payload_new(YETT_BATCH_MAX / 2);
	load->body = g_malloc(load->options.bytes + 1);
	load->latencies = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	code = make_agents(load);
	if (code == 0) {
		yett_loop_uv_signal(load->loop, SIGTERM, on_signal, &run);
		yett_loop_uv_signal(load->loop, SIGINT, on_signal, &run);
		yett_loop_uv_signal(load->loop, SIGUSR1, on_break, &run);
		run.timer = load->loop->table->timer_new(load->loop, step, &run);
		load->begin_ns = yett_clock_monotonic(&yett_clock_system);
		load->loop->table->timer_start(run.timer, STEP_NS);
		yett_loop_uv_run(load->loop);
		report(load);
		code = load->records_settled == load->made * load->options.records ? 0 : 1;
	}
	finish(&run);
	return code;
}
