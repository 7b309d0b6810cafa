/* Custody under fire: agents, gateways and management servers of production code, in virtual time, on
 * simulated disks, under every fault that the design knows; and the invariant of custody after each run.
 * Everything in a run is decided by its seed.
 *
 *   custody                    2,000 seeds, on both cores, within 115 s; some of them twice
 *   custody --seed N           one, which says what went on
 *   custody --from N --seeds N
 *   custody --seconds N        as many as come in that time
 *   custody --jobs N --stop    so many processes; ends at the first seed that breaks what must hold
 *
 * Prints one line for each seed that fails, which is also how to run it again. Exit code 1: one did, or not
 * as many were run as were asked for. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "custody.h"

#define JOBS_MAX     64
#define FAILURES_MAX 20 /* what comes after that says no more */
#define SEED_S       60 /* what one seed may take */
#define SEEDS        2000
#define PATIENCE_S   115 /* of the run without options: ./check gives it 120 s */
#define TWICE        250 /* one seed in so many is run twice: all of a run is decided by its seed */

/* What a process tells its parent, in shared memory. */
struct progress {
	uint64_t seed; /* that it is at; 0: none */
	uint64_t done, failed, records;
	uint64_t ended; /* of those that failed: the process did not survive them */
	uint64_t deaths, powers, flips;
	uint64_t disks_restored, stores_restored;
};

static struct progress *shared;
static const char *program;

static void run_init(struct run *run, uint64_t seed, bool loud)
{
	memset(run, 0, sizeof(*run));
	run->seed = seed;
	run->loud = loud;
	run->world = world_new(seed);
	run->sim = run->world->sim;
	run->ledger = g_ptr_array_new_with_free_func(g_free);
	run->captured = g_ptr_array_new();
	if (!loud) {
		yett_log_setup(YETT_LOG_STDERR, YETT_LOG_ERROR - 1);
	}
	world_on_death(run->world, fault_died, run);
}

static void run_done(struct run *run)
{
	fault_look_away(run);
	for (unsigned i = 0; i < run->count; i++) {
		world_kill(run->all[i].at); /* completes what the ledger waits for */
	}
	for (unsigned i = 0; i < run->count; i++) {
		if (run->all[i].snapshot != NULL) {
			yett_faulty_free(run->all[i].snapshot);
		}
	}
	if (run->store_snapshot != NULL) {
		yett_faulty_free(run->store_snapshot);
	}
	world_free(run->world);
	hostile_done(run);
	undone_done(run);
	g_ptr_array_free(run->ledger, TRUE);
	if (yett_buffer_alive() != 0) {
		run_fail(run, "%zu buffers are left", yett_buffer_alive());
	}
}

static void show(const struct run *run)
{
	for (unsigned i = 0; i < run->count; i++) {
		const struct member *member = &run->all[i];

		printf("  %s:", member->at->name);
		for (unsigned j = 0; j < member->upstream_count; j++) {
			printf(" %s", run->all[member->upstreams[j]].at->name);
		}
		printf("%s%s%s%s\n", member->hostile ? " (hostile)" : "",
			member->tainted ? " (tainted)" : "",
			member->memory_queue ? " (memory)" : "",
			member->drops_oldest ? " (drops the oldest)" : "");
	}
}

static void run_steps(struct run *run)
{
	unsigned steps;

	group_make(run);
	if (run->loud) {
		show(run);
	}
	steps = 10 + (unsigned)draw(run, 50);
	for (unsigned i = 0; i < steps && invariant_bounded(run); i++) {
		fault_step(run);
	}
	fault_heal(run);
	if (!run->failed) {
		invariant_settle(run);
	}
	if (!run->failed) {
		invariant_check(run);
	}
}

static void fail_line(uint64_t seed, const char *why)
{
	printf("FAIL %s --seed %" PRIu64 ": %s\n", program, seed, why);
	fflush(stdout);
}

/* Whether the seed holds. */
static bool run_seed(uint64_t seed, bool loud, uint64_t *ret_trace)
{
	static struct run run;
	uint64_t trace;
	size_t told;

	run_init(&run, seed, loud);
	run_steps(&run);
	*ret_trace = trace = sim_trace(run.sim);
	told = run.ledger->len;
	run_done(&run);
	if (run.failed) {
		fail_line(seed, run.why);
	}
	if (loud) {
		printf("seed %" PRIu64
		       ": %s; %u servers, %u gateways, %u agents, %zu batches, %u deaths, "
		       "%u losses of power, %u disks and %u stores put back, %u flips%s%s; "
		       "trace %016" PRIx64 "\n",
			seed, run.failed ? "fails" : "holds", run.servers, run.gateways, run.agents,
			told, run.deaths, run.powers, run.disks_restored, run.stores_restored,
			run.flips, run.lossy ? ", may lose" : "",
			run.hostile ? ", a hostile relay" : "", trace);
	}
	if (shared != NULL) {
		shared->records += told;
		shared->deaths += run.deaths;
		shared->powers += run.powers;
		shared->disks_restored += run.disks_restored;
		shared->stores_restored += run.stores_restored;
		shared->flips += run.flips;
	}
	return !run.failed;
}

/* Once more: what differs is what no seed can bring back. */
static bool run_again(uint64_t seed, uint64_t trace)
{
	uint64_t other;
	char why[80];

	alarm(SEED_S);
	if (!run_seed(seed, false, &other)) {
		return false;
	}
	if (other != trace) {
		snprintf(why, sizeof(why),
			"two runs of it differ: trace %016" PRIx64 " and %016" PRIx64, trace,
			other);
		fail_line(seed, why);
	}
	return other == trace;
}

struct plan {
	uint64_t from, seeds, seconds; /* seeds 0, seconds 0: no limit */
	unsigned jobs;
	bool stop, twice;
};

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* Whether enough have failed. A bug that is looked for is found by what must hold, not by a crash. */
static bool is_enough(const struct plan *plan, const struct progress *all)
{
	uint64_t failed = 0, ended = 0;

	for (unsigned job = 0; job < plan->jobs; job++) {
		failed += all[job].failed;
		ended += all[job].ended;
	}
	return failed >= FAILURES_MAX || (plan->stop && failed > ended);
}

static int child(const struct plan *plan, struct progress *all, unsigned job, uint64_t until_s)
{
	bool good = true;
	uint64_t trace;

	shared = &all[job];
	for (uint64_t i = shared->done * plan->jobs + job; plan->seeds == 0 || i < plan->seeds;
		i += plan->jobs) {
		if (plan->seconds > 0 && now_s() >= until_s) {
			break;
		}
		shared->seed = plan->from + i;
		alarm(SEED_S); /* one that does not end is one that fails */
		if (!run_seed(plan->from + i, false, &trace) ||
			(plan->twice && i % TWICE == 0 && !run_again(plan->from + i, trace))) {
			shared->failed++;
			good = false;
		}
		shared->done++;
		if (is_enough(plan, all)) {
			return 1;
		}
	}
	shared->seed = 0;
	return good ? 0 : 1;
}

static pid_t begin(const struct plan *plan, struct progress *all, unsigned job, uint64_t until_s)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		_exit(child(plan, all, job, until_s));
	}
	return pid;
}

/* A process that dies of a seed is begun again after it. */
static int supervise(const struct plan *plan, struct progress *all)
{
	uint64_t until_s = now_s() + plan->seconds;
	pid_t pids[JOBS_MAX];
	unsigned running = plan->jobs;
	char why[32];
	int wrong = 0;

	for (unsigned job = 0; job < plan->jobs; job++) {
		pids[job] = begin(plan, all, job, until_s);
	}
	while (running > 0) {
		int status;
		pid_t pid = wait(&status);
		unsigned job = 0;

		while (job < plan->jobs && pids[job] != pid) {
			job++;
		}
		if (pid < 0 || job == plan->jobs) {
			return 2;
		}
		running--;
		if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) {
			wrong |= WEXITSTATUS(status);
			continue;
		}
		snprintf(why, sizeof(why), "ended by %s %d",
			WIFSIGNALED(status) ? "signal" : "code",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		fail_line(all[job].seed, why);
		all[job].done++;
		all[job].failed++;
		all[job].ended++;
		wrong = 1;
		if (!is_enough(plan, all)) {
			pids[job] = begin(plan, all, job, until_s);
			running++;
		}
	}
	return wrong;
}

static int run_plan(const struct plan *plan)
{
	struct progress *all = mmap(NULL, JOBS_MAX * sizeof(*all), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct progress sum = {0};
	uint64_t begun_s = now_s();
	int wrong;

	YETT_REQUIRE(all != MAP_FAILED);
	wrong = supervise(plan, all);
	for (unsigned job = 0; job < plan->jobs; job++) {
		sum.done += all[job].done;
		sum.failed += all[job].failed;
		sum.records += all[job].records;
		sum.deaths += all[job].deaths;
		sum.powers += all[job].powers;
		sum.disks_restored += all[job].disks_restored;
		sum.stores_restored += all[job].stores_restored;
		sum.flips += all[job].flips;
	}
	printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " failed, in %" PRIu64 " s: %" PRIu64
	       " batches, %" PRIu64 " deaths in the middle of something, %" PRIu64
	       " losses of power, %" PRIu64 " disks and %" PRIu64 " stores put back, %" PRIu64
	       " flipped bits\n",
		sum.done, plan->from, sum.failed, now_s() - begun_s, sum.records, sum.deaths,
		sum.powers, sum.disks_restored, sum.stores_restored, sum.flips);
	if (wrong == 0 && sum.done < plan->seeds) {
		printf("FAIL only %" PRIu64 " of %" PRIu64 " seeds were run in %" PRIu64 " s\n",
			sum.done, plan->seeds, plan->seconds);
		wrong = 1;
	}
	return wrong;
}

/* Sanitizers make all of it slower; ./check gives them so much more time. */
static uint64_t slower(void)
{
	const char *text = getenv("YETT_SLOWER");
	uint64_t factor = text != NULL ? strtoull(text, NULL, 10) : 1;

	return factor > 1 ? factor : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
		{"from", required_argument, NULL, 'f'}, {"seeds", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 't'}, {"jobs", required_argument, NULL, 'j'},
		{"stop", no_argument, NULL, 'x'}, {NULL, 0, NULL, 0}};
	/* There are other runs without sanitizers. */
	struct plan plan = {.from = 1,
		.seeds = slower() > 1 ? SEEDS / (5 * slower()) : SEEDS,
		.seconds = PATIENCE_S * slower(),
		.jobs = 2,
		.twice = true};
	uint64_t trace;
	int option;

	program = argv[0];
	/* Disks in memory come and go by the thousand: their pages stay ours. */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t number = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;

		switch (option) {
		case 's':
			return run_seed(number, true, &trace) ? 0 : 1;
		case 'f':
			plan.from = number;
			break;
		case 'n':
			plan.seeds = number;
			plan.seconds = 0;
			break;
		case 't':
			plan.seconds = number;
			plan.seeds = 0;
			break;
		case 'j':
			plan.jobs = number >= 1 && number <= JOBS_MAX ? (unsigned)number : 2;
			break;
		case 'x':
			plan.stop = true;
			plan.twice = false; /* what was planted may remember */
			break;
		default:
			return 2;
		}
	}
	return run_plan(&plan);
}
