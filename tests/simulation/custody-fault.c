/* What goes wrong, and when, by the seed.
 *
 * Responsible for one step of a run: agents tell something, a fault begins or ends, some time passes;
 * and for the end of all faults. Not responsible for what a fault does (sim.c, network.c, disk.c).
 *
 * Faults that may lose what was acknowledged (bits that flip, snapshots that are put back) are rare, and
 * a run in which one was met is `lossy`. What each of them may have lost is noted with it. */
#include "custody.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "flow/stages.h"

static struct member *any(struct run *run)
{
	return &run->all[draw(run, run->count)];
}

static struct member *any_relay(struct run *run)
{
	return &run->all[draw(run, run->servers + run->gateways)];
}

static struct member *any_agent(struct run *run)
{
	return &run->all[run->servers + run->gateways + draw(run, run->agents)];
}

static struct member *any_disk_gateway(struct run *run)
{
	struct member *gateway = &run->all[run->servers + draw(run, run->gateways)];

	return gateway->memory_queue ? NULL : gateway;
}

/* Somebody who reads the store, as it is now, for a long time: a copy that is made, a query. What is written
 * meanwhile cannot leave the log. */

void fault_look_away(struct run *run)
{
	if (run->looker != NULL) {
		sqlite3_close(run->look);
		sim_process_free(run->looker);
		run->looker = NULL;
	}
}

static void look(struct run *run)
{
	size_t length;

	if (run->looker != NULL) {
		fault_look_away(run);
		return;
	}
	if (yett_faulty_bytes(sim_disk_faulty(run->all[0].at->disk), "yett.db", &length) == NULL) {
		return;
	}
	run->looker = sim_process_new(run->all[0].at->disk, "looker");
	if (sqlite3_open_v2("/looker/shared/yett.db", &run->look, SQLITE_OPEN_READONLY, NULL) !=
			SQLITE_OK ||
		sqlite3_exec(run->look, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL,
			NULL) != SQLITE_OK) {
		fault_look_away(run); /* it is not made yet */
	}
}

/* Processes and power. */

static void power_off(struct run *run, struct member *member)
{
	enum yett_faulty_crash how = (enum yett_faulty_crash)draw(run, YETT_FAULTY_CRASHES);

	if (member->role == ROLE_SERVER) {
		fault_look_away(run);
	}
	world_power(member->at, how);
	run->powers++;
}

void fault_died(void *arg, struct world_node *node)
{
	struct run *run = arg;
	struct member *member = group_find(run, node);

	run->deaths++;
	if (member != NULL && member->power) {
		power_off(run, member);
	}
}

static void plan_death(struct run *run, struct member *member)
{
	struct sim_process *process = member->at->process;

	if (process != NULL) {
		process->faults.kill_at =
			process->operations + 1 + draw(run, one_in(run, 2) ? 8 : 60);
		member->power = one_in(run, 2);
	}
}

/* Asked to end: it may die in the middle of that, and what it wrote at its end has to outlast the power. */
static void stop(struct run *run, struct member *member)
{
	if (one_in(run, 2)) {
		plan_death(run, member);
	}
	world_stop(member->at, 5 * YETT_SEC);
	if (one_in(run, 3)) {
		power_off(run, member);
	}
}

static void end_now(struct run *run, struct member *member)
{
	if (member->at->node == NULL) {
		if (one_in(run, 3)) {
			power_off(run, member);
		}
		group_start(run, member);
	} else if (one_in(run, 3)) {
		power_off(run, member);
	} else if (one_in(run, 2)) {
		stop(run, member);
	} else {
		world_kill(member->at);
	}
}

/* Links. */

struct flap {
	struct run *run;
	const char *from, *to;
	bool cut;
};

static void flap_now(void *arg)
{
	struct flap *flap = arg;

	sim_cut(flap->run->sim, flap->from, flap->to, flap->cut);
	g_free(flap);
}

static void flap_at(struct run *run, uint64_t at_ns, const struct member *from,
	const struct member *to, bool cut)
{
	struct flap *next = g_new0(struct flap, 1);

	*next = (struct flap){run, from->at->name, to->at->name, cut};
	sim_at(run->sim, at_ns, flap_now, next);
}

/* What a says, what b says, or both. */
static void flap(struct run *run, const struct member *a, const struct member *b)
{
	uint64_t at_ns = sim_now(run->sim);
	uint64_t ways = draw(run, 3);

	for (int i = 0; i < 6; i++) {
		at_ns += 1 + draw(run, 400 * YETT_MS);
		if (ways != 1) {
			flap_at(run, at_ns, a, b, i % 2 == 0);
		}
		if (ways != 0) {
			flap_at(run, at_ns, b, a, i % 2 == 0);
		}
	}
}

static void fault_of_link(struct run *run)
{
	const struct member *a = any(run), *b = any_relay(run);

	switch (draw(run, 7)) {
	case 0:
		sim_cut(run->sim, a->at->name, b->at->name, true);
		break;
	case 1: /* what b says no longer reaches a: acknowledgements are lost */
		sim_cut(run->sim, b->at->name, a->at->name, true);
		break;
	case 2:
		sim_cut(run->sim, a->at->name, b->at->name, true);
		sim_cut(run->sim, b->at->name, a->at->name, true);
		break;
	case 3:
		sim_break(run->sim, a->at->name, b->at->name);
		break;
	case 4:
		sim_delay(run->sim, 100000, 100000 + draw(run, 400 * YETT_MS));
		break;
	case 5:
		flap(run, a, b);
		break;
	default:
		if (a->at->node != NULL) {
			sim_loop_stall(a->at->loop, draw(run, 30 * YETT_SEC));
		}
		break;
	}
}

static void end_cuts(struct run *run)
{
	for (unsigned i = 0; i < run->count; i++) {
		for (unsigned j = 0; j < run->servers + run->gateways; j++) {
			sim_cut(run->sim, run->all[i].at->name, run->all[j].at->name, false);
			sim_cut(run->sim, run->all[j].at->name, run->all[i].at->name, false);
		}
	}
}

/* Disks and clocks. */

static void set_faults(struct member *member, struct sim_faults faults)
{
	member->at->faults = faults;
	member->disk_failed = member->disk_failed || faults.full || faults.sync_fails > 0 ||
			      faults.write_fails > 0 || faults.write_is_full > 0;
	if (member->at->process != NULL) {
		faults.kill_at = member->at->process->faults.kill_at;
		member->at->process->faults = faults;
	}
}

static void fault_of_disk(struct run *run)
{
	struct member *member = any(run);
	struct sim_faults faults = {0};

	if (member->at->node != NULL && one_in(run, 3)) {
		sim_loop_slow(member->at->loop, draw(run, 3 * YETT_SEC)); /* and works */
		return;
	}
	switch (draw(run, 6)) {
	case 0:
		faults.sync_fails = 1 + draw(run, 20);
		break;
	case 4:
		faults.read_fails = 2 + draw(run, 20);
		break;
	case 1:
		faults.write_fails = 2 + draw(run, 40);
		break;
	case 2:
		faults.write_is_full = 2 + draw(run, 20);
		break;
	case 3:
		faults.full = true;
		break;
	default:
		break; /* it is well again */
	}
	set_faults(member, faults);
	run->store_disk_fails = run->store_disk_fails || member->role == ROLE_SERVER;
}

static void step_clock(struct run *run)
{
	struct member *member = any(run);
	int64_t step_ns = (int64_t)draw(run, 2 * 86400 * YETT_SEC) - 86400 * (int64_t)YETT_SEC;

	member->at->wall_offset_ns = one_in(run, 3) ? 0 : step_ns;
	if (member->at->loop != NULL && member->at->node != NULL) {
		sim_loop_wall_offset(member->at->loop, member->at->wall_offset_ns);
	}
}

/* What may lose. */

/* A segment, mostly; now and then what says what was let go of, or which epochs there are. */
static const char *any_file(struct run *run, struct yett_faulty *faulty)
{
	const char *names[64];
	size_t count = 0;
	const char *name;
	bool others = one_in(run, 8);

	for (size_t i = 0; count < 64 && (name = yett_faulty_name(faulty, i)) != NULL; i++) {
		if (g_str_has_suffix(name, ".seg") ||
			(others && (g_str_has_suffix(name, ".rng") ||
					   g_str_has_prefix(name, "manifest-")))) {
			names[count++] = name;
		}
	}
	return count > 0 ? names[draw(run, count)] : NULL;
}

static void flip_bit(struct run *run)
{
	struct member *member = one_in(run, 2) ? any_agent(run) : any_disk_gateway(run);
	struct yett_faulty *faulty;
	const char *name;
	size_t length;
	size_t offset;

	if (member == NULL) {
		return;
	}
	faulty = sim_disk_faulty(member->at->disk);
	name = any_file(run, faulty);
	if (name == NULL || yett_faulty_bytes(faulty, name, &length) == NULL || length == 0) {
		return;
	}
	/* Most of a segment is still empty. */
	offset = draw(run, one_in(run, 2) || length < 4096 ? length : 4096);
	yett_faulty_flip(faulty, name, offset, (unsigned)draw(run, 8));
	member->damaged = true;
	run->lossy = true;
	run->flips++;
}

static void take_snapshot(struct run *run)
{
	struct member *member = one_in(run, 2) ? any_agent(run) : any_disk_gateway(run);

	if (member == NULL) {
		return;
	}
	if (member->snapshot != NULL) {
		yett_faulty_free(member->snapshot);
	}
	member->snapshot = sim_disk_snapshot(member->at->disk);
	member->snapshot_at = run->durable;
	member->snapshot_told = run->ledger->len;
}

static struct member *any_with_snapshot(struct run *run)
{
	unsigned first = (unsigned)draw(run, run->count);

	for (unsigned i = 0; i < run->count; i++) {
		struct member *member = &run->all[(first + i) % run->count];

		if (member->snapshot != NULL) {
			return member;
		}
	}
	return NULL;
}

static void restore_snapshot(struct run *run)
{
	struct member *member = any_with_snapshot(run);

	if (member == NULL) {
		return;
	}
	world_kill(member->at);
	sim_disk_restore(member->at->disk, member->snapshot);
	if (member->role == ROLE_AGENT) {
		feed_restored(run, member);
	}
	run->lossy = true;
	member->restored_at = run->ledger->len + 1;
	run->disks_restored++;
	group_start(run, member);
}

static void take_store_snapshot(struct run *run)
{
	if (run->store_snapshot != NULL) {
		yett_faulty_free(run->store_snapshot);
	}
	run->store_snapshot = sim_disk_snapshot(run->all[0].at->disk);
	run->store_opens = 0;
}

/* The database alone; the file that counts its openings stays, as the manual says. */
static void restore_store(struct run *run)
{
	static const char *const names[] = {"yett.db", "yett.db-wal"};
	struct yett_faulty *faulty = sim_disk_faulty(run->all[0].at->disk), *before;
	size_t length;

	if (run->store_snapshot == NULL ||
		yett_faulty_bytes(run->store_snapshot, names[0], &length) == NULL ||
		yett_faulty_bytes(faulty, "yett.db.generation", &length) == NULL) {
		return;
	}
	run->store_generation = 0;
	fault_look_away(run);
	for (unsigned i = 0; i < run->servers; i++) {
		/* Openings are what a restore is known by. */
		if (run->all[i].at->node != NULL && run->store_opens > 0) {
			yett_store_id(run->all[i].at->node, &run->store_generation);
		}
		world_kill(run->all[i].at);
	}
	before = sim_disk_snapshot(run->all[0].at->disk);
	undone_note(run, before, run->store_snapshot);
	yett_faulty_free(before);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const uint8_t *bytes = yett_faulty_bytes(run->store_snapshot, names[i], &length);

		yett_faulty_take(faulty, names[i]);
		if (bytes != NULL) {
			yett_faulty_put(faulty, "/shared", names[i], bytes, length);
		}
	}
	run->lossy = true;
	run->stores_restored++;
}

static void lose_something(struct run *run)
{
	switch (draw(run, 5)) {
	case 0:
		flip_bit(run);
		break;
	case 1:
	case 2:
		if (one_in(run, 2)) {
			take_snapshot(run);
		} else {
			restore_snapshot(run);
		}
		break;
	case 3:
		take_store_snapshot(run);
		break;
	default:
		restore_store(run);
		break;
	}
}

/* A step. */

static void tell_some(struct run *run, struct member *agent)
{
	unsigned batches = (unsigned)draw(run, 6);
	unsigned size = one_in(run, 12) ? 12000 : (unsigned)draw(run, 100);

	if (run->flood && one_in(run, 2)) {
		size = 90000; /* so much that queues fill */
	}
	for (unsigned i = 0; agent->at->node != NULL && i < batches; i++) {
		struct feed *feed = &agent->feeds[draw(run, YETT_LANES)];

		feed_tell(run, agent, feed, 1 + (unsigned)draw(run, 5), size, one_in(run, 60));
	}
}

static void tell_all(struct run *run)
{
	for (unsigned i = 0; i < run->agents; i++) {
		tell_some(run, &run->all[run->servers + run->gateways + i]);
	}
}

/* A relay's disk is slow, its sessions break while batches are on their way to it, they come again, and
 * then it dies in the middle of something: what was said on one session must not count on the next. */
static void storm(struct run *run)
{
	struct member *relay = any_relay(run);

	if (relay->at->node == NULL) {
		group_start(run, relay);
		return;
	}
	sim_loop_slow(relay->at->loop, 3 * YETT_SEC);
	tell_all(run);
	world_run(run->world, 1 + draw(run, 20 * YETT_MS));
	for (unsigned i = 0; i < run->count; i++) {
		sim_break(run->sim, run->all[i].at->name, relay->at->name);
	}
	world_run(run->world, draw(run, 800 * YETT_MS));
	tell_all(run);
	world_run(run->world, draw(run, 800 * YETT_MS));
	plan_death(run, relay);
}

static void move_agent(struct run *run)
{
	struct member *agent = any_agent(run);

	if (agent->at->node != NULL && one_in(run, 2)) {
		stop(run, agent);
	}
	world_kill(agent->at);
	group_move(run, agent);
	group_start(run, agent);
}

void fault_step(struct run *run)
{
	bool may_lose = run->seed % 4 == 0;

	switch (draw(run, 19)) {
	case 17:
		look(run);
		break;
	case 16:
		storm(run);
		break;
	case 0:
		end_now(run, any(run));
		break;
	case 1:
	case 2:
		plan_death(run, any(run));
		break;
	case 3:
	case 4:
		fault_of_link(run);
		break;
	case 5:
		end_cuts(run);
		break;
	case 6:
		fault_of_disk(run);
		break;
	case 7:
		step_clock(run);
		break;
	case 8:
		group_start(run, any(run));
		group_start(run, any(run));
		break;
	case 9:
		move_agent(run);
		break;
	case 10:
		if (may_lose) {
			lose_something(run);
		}
		break;
	case 11:
		tell_all(run);
		break;
	default:
		tell_some(run, any_agent(run));
		break;
	}
	hostile_step(run);
	world_run(run->world, draw(run, one_in(run, 3) ? 8 * YETT_SEC : 50 * YETT_MS));
}

void fault_heal(struct run *run)
{
	end_cuts(run);
	fault_look_away(run);
	sim_delay(run->sim, 100000, 300000);
	for (unsigned i = 0; i < run->count; i++) {
		struct member *member = &run->all[i];

		set_faults(member, (struct sim_faults){0});
		if (member->at->node != NULL) {
			sim_loop_slow(member->at->loop, YETT_MS);
		}
		if (member->at->process != NULL) {
			member->at->process->faults.kill_at = 0;
		}
	}
	world_run(run->world, 5 * YETT_SEC); /* what flaps has come to its end */
	end_cuts(run);
	for (unsigned i = 0; i < run->count; i++) {
		group_start(run, &run->all[i]);
		if (run->all[i].at->node == NULL) {
			run_fail(run, "%s does not start though nothing is wrong any more",
				run->all[i].at->name);
		}
	}
}
