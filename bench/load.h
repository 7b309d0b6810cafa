/* The load generator: what its parts share. All on one thread. */
#ifndef YETT_BENCH_LOAD_H
#define YETT_BENCH_LOAD_H

#include "flow/node.h"
#include "manage/manage.h"
#include "net/loop.h"
#include "pki/authority.h"
#include "wire/record.h"

struct load_options {
	unsigned agents;
	unsigned first;    /* number of the first agent, for several processes at once */
	uint64_t records;  /* that each agent tells; 0: none, it only stays connected */
	uint64_t rate;     /* records a second and agent; 0: as fast as they are acknowledged */
	unsigned batch;    /* records of a batch */
	unsigned least;    /* the batches of an agent have from so many on, by turns */
	unsigned bytes;    /* of a record's body */
	unsigned window;   /* batches of an agent that may be without acknowledgement */
	unsigned connects; /* new sessions a second */
	unsigned timeout_s;
	uint32_t lane;
	const char *gateway;      /* host:port */
	const char *gateway_name; /* that it must prove */
	const char *domain;       /* of the agents' names */
	const char *ca;           /* the authority's directory; NULL: Kerberos */
	const char *keytab;       /* with the keys of all agents, host/NAME; NULL: certificates */
	const char *state;        /* directory of certificates, keys and the agents' states */
	const char *modules;
	uint32_t source_base; /* first local address, host order; 0: any */
	bool repeat;          /* the same payload again and again, not compressed */
	bool verbose;
};

/* 0; 1: help was printed; 2: wrong, and told. */
int load_options_parse(int argc, char **argv, struct load_options *ret_options);

struct agent;

struct load {
	struct load_options options;
	struct yett_loop *loop;
	struct yett_loader *loader;
	struct yett_authority *authority; /* open while agents are made */
	struct yett_payload *payload;     /* one is enough: a batch is cut as soon as it is told */
	struct yett_batch repeated;       /* with --repeat; its buffer is NULL before the first */
	char *body;
	struct agent **agents;
	unsigned made, started;
	uint64_t *due_ns;                   /* of each agent: its next look at what to tell */
	uint64_t begin_ns, open_ns, end_ns; /* first start, all open, all settled; monotonic */
	uint64_t batches_sent, records_sent, bytes_sent;
	uint64_t batches_settled, records_settled, failed;
	GList *waiting; /* batches that are not settled, the newest first; embedded */
	GArray *latencies; /* uint32_t, microseconds from telling to being settled; once all are open */
};

/* Makes what the agent lacks (id, certificate, key) and the node; nothing is connected yet. */
int agent_new(
	struct load *load, unsigned number, struct agent **ret_agent, struct yett_error *error);
int agent_start(struct agent *agent, struct yett_error *error);
/* Tells what is due by now; returns when there is more to tell. */
uint64_t agent_tell(struct agent *agent, uint64_t now_ns);
/* Cuts its session, as a broken network would. */
void agent_break(struct agent *agent);
bool agent_open(const struct agent *agent);
bool agent_done(const struct agent *agent); /* all is told and settled */
/* What waits yet counts among the latencies with what it has waited: it may be the longest. At the end. */
void agents_waiting(struct load *load, uint64_t now_ns);
void agent_free(struct agent *agent);

#endif
