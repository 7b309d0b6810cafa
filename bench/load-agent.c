/* One agent of the load generator.
 *
 * Responsible for a node as an agent has it (own id, certificate, state directory; production code
 * with the modules that were built), and for telling its records: batches of a fixed number of
 * records, so many without acknowledgement, at a rate. Not responsible for how many agents there are
 * nor for what is printed (load.c). The queue is queue-memory: a batch counts as settled when the
 * upstream has acknowledged it, and nothing is written but the epoch. On the loop's thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "conf/load.h"
#include "flow/stages.h"
#include "load.h"
#include "net/files.h"

struct agent {
	struct load *load;
	char name[YETT_NODE_NAME_SIZE];
	struct yett_conf *conf;
	struct yett_manage *manage;
	struct yett_node *node;
	uint64_t started_ns;
	uint64_t told, settled; /* records */
	unsigned waiting;       /* batches */
	unsigned batches;       /* told */
	uint64_t chance;
};

/* When a batch was told; the keep's owner. */
struct flight {
	struct agent *agent;
	GList place; /* in load->waiting */
	uint64_t told_ns;
	uint32_t count;
};

static const struct yett_module *resolve(void *arg, const char *module, uint32_t kind,
	const char *directory, struct yett_error *error)
{
	const struct yett_module *found = NULL;

	yett_loader_load(arg, module, kind, directory, &found, error);
	return found;
}

/* The certificate of an earlier run is used again: making thousands takes a while. */
static int issue(struct agent *agent, const char *folder, struct yett_error *error)
{
	struct load *load = agent->load;
	char *path = g_strdup_printf("%s/%s.key", folder, agent->name);
	struct yett_issue_result made;
	const struct yett_issue issue = {
		.name = agent->name,
		.folder = folder,
		.not_before = yett_clock_wall(&yett_clock_system) / (int64_t)YETT_SEC,
	};
	int result = 0;

	if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
		if (load->authority == NULL) {
			result = yett_authority_open(load->options.ca, &load->authority, error);
		}
		if (result == 0) {
			result = yett_authority_issue(load->authority, &issue, &made, error);
		}
	}
	g_free(path);
	return result;
}

static char *source_line(const struct load_options *options, unsigned number)
{
	uint32_t address = options->source_base + number;

	if (options->source_base == 0) {
		return g_strdup("");
	}
	return g_strdup_printf("source = \"%u.%u.%u.%u\"; ", address >> 24, (address >> 16) & 0xff,
		(address >> 8) & 0xff, address & 0xff);
}

/* What it shows, and whom it believes. */
static char *identity(const struct agent *agent, const char *folder)
{
	const struct load_options *options = &agent->load->options;

	if (options->keytab != NULL) {
		return g_strdup_printf("transport = { module = \"transport-tls\"; };\n"
				       "authentication = ( { module = \"auth-kerberos\"; "
				       "client-keytab = \"%s\"; principal = \"host/%s\"; } );\n",
			options->keytab, agent->name);
	}
	return g_strdup_printf(
		"transport = { module = \"transport-tls\"; certificate = \"%s/%s.crt\"; "
		"key = \"%s/%s.key\"; };\n"
		"authentication = ( { module = \"auth-x509\"; trust = [ \"%s/ca.crt\" ]; suffixes "
		"= [ \"*\" ]; } );\n",
		folder, agent->name, folder, agent->name, options->ca);
}

static char *configuration(const struct agent *agent, const char *folder, unsigned number)
{
	const struct load_options *options = &agent->load->options;
	char *source = source_line(options, number), *who = identity(agent, folder);
	char *text =
		g_strdup_printf("node = { name = \"%s\"; state = \"%s/state\"; user = \"\"; };\n"
				"module-directory = \"%s\";\n"
				"admin = { socket = \"\"; };\n"
				"%s"
				"upstreams = ( { name = \"%s\"; address = [ \"%s\" ]; %s} );\n"
				"policy = { module = \"policy-failover\"; };\n"
				"queue = { module = \"queue-memory\"; size = \"16 MiB\"; };\n",
			agent->name, folder, options->modules, who, options->gateway_name,
			options->gateway, source);

	g_free(source);
	g_free(who);
	return text;
}

static int configure(
	struct agent *agent, const char *folder, unsigned number, struct yett_error *error)
{
	const struct yett_conf_hooks hooks = {.resolve = resolve, .arg = agent->load->loader};
	struct yett_problems *problems = yett_problems_new();
	char *path = g_strdup_printf("%s/yettd.conf", folder);
	char *text = configuration(agent, folder, number);
	int result =
		yett_conf_load_string(text, strlen(text), path, &hooks, &agent->conf, problems);

	if (result != 0) {
		yett_problems_print(problems, stderr);
		yett_fail(error, result, "mend what is said above", "%s has no good configuration",
			agent->name);
	}
	yett_problems_free(problems);
	g_free(path);
	g_free(text);
	return result;
}

static int make_node(struct agent *agent, struct yett_error *error)
{
	const struct yett_node_make make = {
		.loop = agent->load->loop,
		.clock = &yett_clock_system,
		.files = &yett_files_system,
		.settings = yett_conf_settings(agent->conf),
		.inline_executors = true,
	};
	struct yett_management calls;
	int result;

	agent->manage = yett_manage_new();
	calls = yett_manage_calls(agent->manage);
	result = yett_node_new(&make, &calls, &agent->node, error);
	return result != 0 ? result : yett_manage_open(agent->manage, agent->node, error);
}

int agent_new(
	struct load *load, unsigned number, struct agent **ret_agent, struct yett_error *error)
{
	struct agent *agent = g_new0(struct agent, 1);
	char *folder;
	int result;

	agent->load = load;
	agent->chance = load->options.first + number;
	snprintf(agent->name, sizeof(agent->name), "agent-%04u.%s", load->options.first + number,
		load->options.domain);
	folder = g_strdup_printf("%s/%s", load->options.state, agent->name);
	result = g_mkdir_with_parents(folder, 0700) != 0
			 ? yett_fail(error, YETT_EIO, "make --state a folder that can be written",
				   "%s cannot be made", folder)
		 : load->options.keytab != NULL ? 0
						: issue(agent, folder, error);
	if (result == 0) {
		result = configure(agent, folder, number, error);
	}
	if (result == 0) {
		result = make_node(agent, error);
	}
	g_free(folder);
	if (result != 0) {
		agent_free(agent);
		return result;
	}
	*ret_agent = agent;
	return 0;
}

int agent_start(struct agent *agent, struct yett_error *error)
{
	agent->started_ns = yett_clock_monotonic(&yett_clock_system);
	return yett_node_start(agent->node, error);
}

static void note_latency(struct load *load, const struct flight *flight, uint64_t now_ns)
{
	uint32_t took_us = (uint32_t)((now_ns - flight->told_ns) / 1000);

	if (load->open_ns != 0 && flight->told_ns >= load->open_ns) {
		g_array_append_val(load->latencies, took_us); /* not the wait for a session */
	}
}

void agents_waiting(struct load *load, uint64_t now_ns)
{
	for (const GList *place = load->waiting; place != NULL; place = place->next) {
		note_latency(load, place->data, now_ns);
	}
}

static void settled(struct yett_keep *keep, int result)
{
	struct flight *flight = keep->owner;
	struct agent *agent = flight->agent;
	struct load *load = agent->load;
	uint64_t now_ns = yett_clock_monotonic(&yett_clock_system);

	agent->waiting--;
	load->waiting = g_list_remove_link(load->waiting, &flight->place);
	if (result == 0) {
		agent->settled += flight->count;
		load->batches_settled++;
		load->records_settled += flight->count;
		note_latency(load, flight, now_ns);
	} else {
		load->failed++;
	}
	g_free(flight);
	if (!agent->node->draining) {
		agent_tell(agent, now_ns);
	}
}

/* Who says it and the how manieth it is, then characters that a seed decides (32 of them, all of
 * ASCII: it is text): they compress as poorly as log lines compress well. */
static struct yett_text write_body(struct agent *agent)
{
	unsigned bytes = agent->load->options.bytes;
	char *body = agent->load->body;
	int length =
		snprintf(body, bytes + 1, "%s %llu ", agent->name, (unsigned long long)agent->told);

	for (unsigned i = (unsigned)length; i < bytes; i++) {
		agent->chance = agent->chance * UINT64_C(6364136223846793005) + 1442695040888963407;
		body[i] = (char)('@' + (agent->chance >> 59));
	}
	return (struct yett_text){body, bytes};
}

static void make_batch(struct agent *agent, uint32_t count, struct yett_batch *ret_batch)
{
	struct load *load = agent->load;

	for (uint32_t i = 0; i < count; i++) {
		const struct yett_record record = {
			.size = sizeof(record),
			.kind = YETT_RECORD_EVENT,
			.severity = YETT_SEVERITY_INFO,
			.time_ns = yett_clock_wall(&yett_clock_system),
			.name = yett_text("bench.load"),
			.body = write_body(agent),
		};

		YETT_REQUIRE(yett_payload_record(load->payload, &record) == 0);
		agent->told++;
	}
	YETT_REQUIRE(yett_payload_cut(load->payload, load->options.lane, YETT_CONTENT_RECORDS,
			     !load->options.repeat, yett_clock_wall(&yett_clock_system),
			     ret_batch) == 0);
}

/* The payload that was made once, in a buffer of its own, since the header is numbered in place. */
static void repeat_batch(struct agent *agent, uint32_t count, struct yett_batch *ret_batch)
{
	struct yett_batch *batch = &agent->load->repeated;

	if (batch->buffer == NULL || batch->info.count != count) {
		yett_buffer_unref(batch->buffer);
		make_batch(agent, count, batch);
	} else {
		agent->told += count;
	}
	*ret_batch = *batch;
	ret_batch->buffer = yett_buffer_new(batch->length);
	YETT_REQUIRE(ret_batch->buffer != NULL);
	ret_batch->bytes = yett_buffer_bytes(ret_batch->buffer);
	memcpy(yett_buffer_bytes(ret_batch->buffer), batch->bytes, batch->length);
	ret_batch->info.created_ns = yett_clock_wall(&yett_clock_system);
}

static void tell_batch(struct agent *agent, uint32_t count)
{
	struct load *load = agent->load;
	struct flight *flight = g_new0(struct flight, 1);
	struct yett_batch batch;

	if (load->options.repeat) {
		repeat_batch(agent, count, &batch);
	} else {
		make_batch(agent, count, &batch);
	}
	flight->agent = agent;
	flight->told_ns = yett_clock_monotonic(&yett_clock_system);
	flight->count = count;
	flight->place.data = flight;
	load->waiting = g_list_concat(&flight->place, load->waiting);
	agent->waiting++;
	agent->batches++;
	load->batches_sent++;
	load->records_sent += count;
	load->bytes_sent += batch.info.stored_length;
	yett_origin_submit(agent->node, &batch, NULL, NULL, 0, settled, flight);
}

/* Of the next batch; the last one may be smaller. */
static uint64_t next_count(const struct agent *agent)
{
	const struct load_options *options = &agent->load->options;
	uint64_t count = options->least + agent->batches % (options->batch - options->least + 1);

	return MIN(options->records - agent->told, count);
}

uint64_t agent_tell(struct agent *agent, uint64_t now_ns)
{
	const struct load_options *options = &agent->load->options;

	if (agent->started_ns == 0 || agent->told == options->records) {
		return UINT64_MAX;
	}
	while (agent->told < options->records && agent->waiting < options->window) {
		uint64_t count = next_count(agent);

		if (options->rate > 0) {
			uint64_t due_ns = agent->started_ns +
					  (agent->told + count) * YETT_SEC / options->rate;

			if (now_ns < due_ns) {
				return due_ns;
			}
		}
		tell_batch(agent, (uint32_t)count);
	}
	return now_ns;
}

void agent_break(struct agent *agent)
{
	struct yett_link *link = agent->node->links->pdata[0];

	if (link->peer != NULL) {
		yett_peer_close(link->peer, 0, NULL, "the load generator cut it");
	}
}

bool agent_open(const struct agent *agent)
{
	const struct yett_link *link =
		agent->node->links->len > 0 ? agent->node->links->pdata[0] : NULL;

	return link != NULL && link->peer != NULL && link->peer->state == YETT_PEER_OPEN;
}

bool agent_done(const struct agent *agent)
{
	return agent->settled == agent->load->options.records;
}

void agent_free(struct agent *agent)
{
	if (agent->node != NULL) {
		yett_node_free(agent->node);
	}
	if (agent->manage != NULL) {
		yett_manage_free(agent->manage);
	}
	yett_conf_free(agent->conf);
	g_free(agent);
}
