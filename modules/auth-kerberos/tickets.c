/* What an initiator gets of a KDC: a ticket for each upstream.
 *
 * Responsible for getting tickets with the node's own key (client keytab), or with what somebody
 * else keeps in the credential cache; for getting them anew when half of their life is over, so
 * that a session that is renewed lives long, or when one was shown in vain; and for nobody being
 * kept waiting by a KDC that does not answer. The library blocks for as long as it likes (half a
 * minute or a whole one for one KDC, and no setting of krb5 1.20 bounds it), so it is called on
 * threads of its own, and whoever needs the ticket waits for the configured time. One fetch for a
 * target is under way as long as it is in time. One that is late goes on, but it may be lost in a
 * connection that is dead for good: whoever asks next begins another, some seconds after it, and
 * the first good answer serves all. So a KDC that is back is noticed at the next try. They are
 * FETCHES_MAX at most for a target: where the library takes longer than all of them last one
 * after the other (with many KDCs that are all dead), the next one begins when the oldest ends.
 * Meanwhile an older ticket is used if it lives, or the answer is that the KDC does not answer.
 * Not responsible for what is done with a ticket.
 *
 * All is under one lock, never held during a call that may block. The table is counted, by its
 * owner and by each thread, so that it outlives the owner where a KDC keeps a thread. Tickets are
 * kept in memory; with `ccache`, also in that file, from which a start goes on without a KDC. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kerberos.h"

#define TARGETS_MAX 64
#define FETCHES_MAX 16 /* for one target, at a time */
#define NANO_PER_S  INT64_C(1000000000)
/* Between the beginnings of two, while the first is late. */
#ifndef APART_NS /* a test is in a hurry */
#	define APART_NS (4 * NANO_PER_S)
#endif
/* How long one is waited for, after one that was late. */
#define AGAIN_NS NANO_PER_S

/* A cache in memory with a ticket in it: one reference is the target's, the others are holders'. */
struct held {
	unsigned references;
	bool doubtful; /* shown in vain */
	struct yett_kerberos_ticket ticket;
};

struct target {
	struct yett_kerberos_tickets *tickets;
	char host[YETT_KERBEROS_NAME_SIZE];
	char realm[YETT_KERBEROS_REALM_SIZE]; /* the service's; "": the KDC shall say */
	struct held *held;                    /* the newest; NULL: none */
	unsigned fetches;                     /* under way, each on a thread of its own */
	uint64_t begun, ended; /* the newest of those that have; they are numbered from 1 */
	int64_t begun_ns;
	bool late; /* the newest has been waited for in vain */
	/* Why the one that `ended` failed; result 0: it did not. */
	struct yett_kerberos_cause cause;
};

struct fetch {
	struct target *target;
	uint64_t number;
	bool anew; /* not what a file holds */
};

struct yett_kerberos_tickets {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned references;
	struct yett_kerberos_source source; /* with copies of its own */
	pthread_mutex_t file_lock;
	uint64_t timeout_ns;
	struct target *targets[TARGETS_MAX];
	size_t count;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NANO_PER_S + now.tv_nsec;
}

static char *copy(const char *text)
{
	return strdup(text != NULL ? text : "");
}

static void source_done(struct yett_kerberos_source *source)
{
	free(source->keytab);
	free(source->principal);
	free(source->ccache);
	free(source->service);
	free(source->own_realm);
}

struct yett_kerberos_tickets *yett_kerberos_tickets_new(
	const struct yett_kerberos_settings *settings, const char *own_realm)
{
	struct yett_kerberos_tickets *tickets = calloc(1, sizeof(*tickets));
	pthread_condattr_t attributes;

	if (tickets == NULL) {
		return NULL;
	}
	pthread_mutex_init(&tickets->lock, NULL);
	pthread_mutex_init(&tickets->file_lock, NULL);
	tickets->source.file_lock = &tickets->file_lock;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&tickets->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	tickets->references = 1;
	tickets->source.keytab = copy(settings->client_keytab);
	tickets->source.principal = copy(settings->principal);
	tickets->source.ccache = copy(settings->ccache);
	tickets->source.service = copy(settings->service);
	tickets->source.own_realm = copy(own_realm);
	tickets->timeout_ns = settings->kdc_timeout_ns;
	if (tickets->source.keytab == NULL || tickets->source.principal == NULL ||
		tickets->source.ccache == NULL || tickets->source.service == NULL ||
		tickets->source.own_realm == NULL) {
		yett_kerberos_tickets_free(tickets);
		return NULL;
	}
	return tickets;
}

/* Under the lock. */
static void held_unref(struct held *held)
{
	if (held != NULL && --held->references == 0) {
		yett_kerberos_cache_destroy(held->ticket.cache);
		free(held);
	}
}

static void unref(struct yett_kerberos_tickets *tickets)
{
	bool last;

	pthread_mutex_lock(&tickets->lock);
	last = --tickets->references == 0;
	pthread_mutex_unlock(&tickets->lock);
	if (!last) {
		return;
	}
	for (size_t i = 0; i < tickets->count; i++) {
		held_unref(tickets->targets[i]->held);
		free(tickets->targets[i]);
	}
	pthread_cond_destroy(&tickets->changed);
	pthread_mutex_destroy(&tickets->lock);
	pthread_mutex_destroy(&tickets->file_lock);
	source_done(&tickets->source);
	free(tickets);
}

void yett_kerberos_tickets_free(struct yett_kerberos_tickets *tickets)
{
	if (tickets != NULL) {
		unref(tickets);
	}
}

static bool lives(const struct target *target, int64_t now)
{
	return target->held != NULL && target->held->ticket.until > now;
}

static bool is_fresh(const struct target *target, int64_t now)
{
	const struct yett_kerberos_ticket *ticket;

	if (!lives(target, now) || target->held->doubtful) {
		return false;
	}
	ticket = &target->held->ticket;
	return ticket->until - now > (ticket->until - ticket->since) / 2;
}

/* Fetching, on threads of their own. */

/* Under the lock. What an older one brings counts only where there is nothing better. */
static void take(struct target *target, const struct fetch *fetch, struct held *held,
	const struct yett_kerberos_cause *cause)
{
	bool newest = fetch->number > target->ended;

	target->fetches--;
	if (newest) {
		target->ended = fetch->number;
		target->cause = *cause;
	}
	if (cause->result != 0) {
		free(held);
	} else if (newest || !is_fresh(target, (int64_t)time(NULL))) {
		held_unref(target->held);
		target->held = held;
	} else {
		held_unref(held);
	}
	pthread_cond_broadcast(&target->tickets->changed);
}

static void *run(void *arg)
{
	struct fetch *fetch = arg;
	struct target *target = fetch->target;
	struct yett_kerberos_tickets *tickets = target->tickets;
	struct held *held = calloc(1, sizeof(*held));
	struct yett_kerberos_cause cause = {0};

	if (held == NULL) {
		yett_kerberos_say(&cause, YETT_ENOMEM, NULL, NULL, "out of memory");
	} else {
		held->references = 1;
		yett_kerberos_fetch(&tickets->source, target->host, target->realm, fetch->anew,
			&held->ticket, &cause);
	}
	pthread_mutex_lock(&tickets->lock);
	take(target, fetch, held, &cause);
	pthread_mutex_unlock(&tickets->lock);
	free(fetch);
	unref(tickets);
	return NULL;
}

/* Under the lock. */
static void start_fetch(struct target *target)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	pthread_attr_t attributes;
	pthread_t thread;
	bool started;

	target->begun++;
	target->begun_ns = monotonic_ns();
	target->late = false;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (fetch != NULL) {
		fetch->target = target;
		fetch->number = target->begun;
		fetch->anew = target->held != NULL;
	}
	started = fetch != NULL && pthread_create(&thread, &attributes, run, fetch) == 0;
	pthread_attr_destroy(&attributes);
	if (started) {
		target->fetches++;
		target->tickets->references++;
		return;
	}
	free(fetch);
	target->ended = target->begun;
	yett_kerberos_say(&target->cause, YETT_EUNAVAIL, NULL, NULL, "no thread to ask the KDC on");
}

static bool is_pending(const struct target *target)
{
	return target->ended != target->begun;
}

/* Under the lock. */
static void ask(struct target *target)
{
	if (target->fetches < FETCHES_MAX &&
		(!is_pending(target) ||
			(target->late && monotonic_ns() - target->begun_ns >= APART_NS))) {
		start_fetch(target);
	}
}

/* Under the lock: until the newest fetch is done, another has brought what is needed, or time is up. */
static void wait_for(struct target *target)
{
	struct yett_kerberos_tickets *tickets = target->tickets;
	int64_t longest = (int64_t)tickets->timeout_ns, until_ns;
	struct timespec until;

	if (target->fetches > 1 && longest > AGAIN_NS) {
		longest = AGAIN_NS;
	}
	until_ns = monotonic_ns() + longest;
	until.tv_sec = (time_t)(until_ns / NANO_PER_S);
	until.tv_nsec = (long)(until_ns % NANO_PER_S);
	while (is_pending(target) && !target->late && !is_fresh(target, (int64_t)time(NULL))) {
		if (pthread_cond_timedwait(&tickets->changed, &tickets->lock, &until) ==
			ETIMEDOUT) {
			target->late = is_pending(target);
			pthread_cond_broadcast(&tickets->changed);
			return;
		}
	}
}

/* Under the lock. */
static struct target *target_of(
	struct yett_kerberos_tickets *tickets, const char *host, const char *realm)
{
	struct target *target;

	for (size_t i = 0; i < tickets->count; i++) {
		if (strcmp(tickets->targets[i]->host, host) == 0 &&
			strcmp(tickets->targets[i]->realm, realm) == 0) {
			return tickets->targets[i];
		}
	}
	target = tickets->count < TARGETS_MAX ? calloc(1, sizeof(*target)) : NULL;
	if (target != NULL) {
		target->tickets = tickets;
		snprintf(target->host, sizeof(target->host), "%s", host);
		snprintf(target->realm, sizeof(target->realm), "%s", realm);
		tickets->targets[tickets->count++] = target;
	}
	return target;
}

static int no_answer(const struct yett_kerberos_source *source, const char *host,
	struct yett_kerberos_cause *ret_cause)
{
	krb5_context context = NULL;
	char addresses[200];

	krb5_init_context(&context);
	yett_kerberos_kdcs(context, source->own_realm, addresses, sizeof(addresses));
	krb5_free_context(context);
	return yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
		"see that a KDC of the realm runs and answers; its answer is still waited for, and "
		"used when it comes",
		"no ticket for %s/%s: no KDC of the realm %s has answered in time%s",
		source->service, host, source->own_realm[0] != '\0' ? source->own_realm : "?",
		addresses);
}

static int no_ticket(const struct target *target, struct yett_kerberos_cause *ret_cause)
{
	if (is_pending(target)) {
		return no_answer(&target->tickets->source, target->host, ret_cause);
	}
	if (target->cause.result == 0) {
		return yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"see what life the realm gives to tickets, and whether the clocks agree",
			"the ticket for %s had ended when it came", target->host);
	}
	*ret_cause = target->cause;
	return ret_cause->result;
}

int yett_kerberos_ticket_get(struct yett_kerberos_tickets *tickets, const char *host,
	const char *realm, struct yett_kerberos_ticket *ret_ticket,
	struct yett_kerberos_cause *ret_cause)
{
	int64_t now = (int64_t)time(NULL);
	struct target *target;
	int result = 0;

	pthread_mutex_lock(&tickets->lock);
	target = target_of(tickets, host, realm);
	if (target == NULL) {
		result = yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL, NULL,
			"no room for tickets of one more upstream");
		goto out;
	}
	if (!is_fresh(target, now)) {
		ask(target);
		wait_for(target);
	}
	if (!lives(target, now)) {
		result = no_ticket(target, ret_cause);
		goto out;
	}
	*ret_ticket = target->held->ticket;
	ret_ticket->hold = target->held;
	ret_ticket->tickets = tickets;
	target->held->references++;
	tickets->references++;
out:
	pthread_mutex_unlock(&tickets->lock);
	return result;
}

void yett_kerberos_ticket_doubt(const struct yett_kerberos_ticket *ticket)
{
	if (ticket->tickets != NULL) {
		pthread_mutex_lock(&ticket->tickets->lock);
		((struct held *)ticket->hold)->doubtful = true;
		pthread_mutex_unlock(&ticket->tickets->lock);
	}
}

void yett_kerberos_ticket_release(struct yett_kerberos_ticket *ticket)
{
	struct yett_kerberos_tickets *tickets = ticket->tickets;

	if (tickets == NULL) {
		return;
	}
	pthread_mutex_lock(&tickets->lock);
	held_unref(ticket->hold);
	pthread_mutex_unlock(&tickets->lock);
	ticket->tickets = NULL;
	unref(tickets);
}
