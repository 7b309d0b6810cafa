/* What an initiator gets of a KDC: a ticket for each upstream.
 *
 * Responsible for getting tickets with the node's own key (client keytab), or with what somebody else
 * keeps in the credential cache; for getting them anew when half of their life is over, so that a
 * session that is renewed lives long, or when one was shown in vain; and for nobody being kept waiting by a KDC that does not
 * answer: the library blocks for as long as it likes (a minute), so it is called on a thread of its
 * own, one a target at most, and whoever needs the ticket waits for the configured time. One that is
 * still waited for after that is not waited for again: an older ticket is used if it lives, or the
 * answer is that the KDC does not answer. Not responsible for what is done with a ticket.
 *
 * All is under one lock, never held during a call that may block. The table is counted, by its owner
 * and by each thread, so that it outlives the owner where a KDC keeps a thread. Tickets are kept in
 * memory; with `ccache`, also in that file, from which a start goes on without a KDC. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kerberos.h"

#define TARGETS_MAX 64
#define NANO_PER_S  INT64_C(1000000000)

/* A cache in memory with a ticket in it: one reference is the target's, the others are holders'. */
struct held {
	unsigned references;
	bool doubtful; /* shown in vain */
	struct yett_kerberos_ticket ticket;
};

struct target {
	struct yett_kerberos_tickets *tickets;
	char host[YETT_KERBEROS_NAME_SIZE];
	struct held *held; /* the newest; NULL: none */
	bool fetching;
	bool anew;                        /* this fetch: not what a file holds */
	bool late;                        /* this fetch has been waited for in vain */
	struct yett_kerberos_cause cause; /* why the last one failed; result 0: it did not */
};

struct yett_kerberos_tickets {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned references;
	struct yett_kerberos_source source; /* with copies of its own */
	uint64_t timeout_ns;
	struct target *targets[TARGETS_MAX];
	size_t count;
};

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
	source_done(&tickets->source);
	free(tickets);
}

void yett_kerberos_tickets_free(struct yett_kerberos_tickets *tickets)
{
	if (tickets != NULL) {
		unref(tickets);
	}
}

/* Fetching, on a thread of its own. */

static void *run(void *arg)
{
	struct target *target = arg;
	struct yett_kerberos_tickets *tickets = target->tickets;
	struct held *held = calloc(1, sizeof(*held));
	struct yett_kerberos_cause cause = {0};

	if (held == NULL) {
		yett_kerberos_say(&cause, YETT_ENOMEM, NULL, NULL, "out of memory");
	} else {
		yett_kerberos_fetch(
			&tickets->source, target->host, target->anew, &held->ticket, &cause);
	}
	pthread_mutex_lock(&tickets->lock);
	target->fetching = false;
	target->cause = cause;
	if (cause.result == 0) {
		held->references = 1;
		held_unref(target->held);
		target->held = held;
	} else {
		free(held);
	}
	pthread_cond_broadcast(&tickets->changed);
	pthread_mutex_unlock(&tickets->lock);
	unref(tickets);
	return NULL;
}

/* Under the lock. */
static void start_fetch(struct target *target)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	target->fetching = true;
	target->late = false;
	target->anew = target->held != NULL;
	target->tickets->references++;
	if (pthread_create(&thread, &attributes, run, target) != 0) {
		target->fetching = false;
		target->tickets->references--;
		yett_kerberos_say(
			&target->cause, YETT_EUNAVAIL, NULL, NULL, "no thread to ask the KDC on");
	}
	pthread_attr_destroy(&attributes);
}

/* Under the lock. */
static struct target *target_of(struct yett_kerberos_tickets *tickets, const char *host)
{
	struct target *target;

	for (size_t i = 0; i < tickets->count; i++) {
		if (strcmp(tickets->targets[i]->host, host) == 0) {
			return tickets->targets[i];
		}
	}
	target = tickets->count < TARGETS_MAX ? calloc(1, sizeof(*target)) : NULL;
	if (target != NULL) {
		target->tickets = tickets;
		snprintf(target->host, sizeof(target->host), "%s", host);
		tickets->targets[tickets->count++] = target;
	}
	return target;
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

/* Under the lock: until the fetch that is under way is done, or its time is up. */
static void wait_for(struct target *target)
{
	struct yett_kerberos_tickets *tickets = target->tickets;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(tickets->timeout_ns / (uint64_t)NANO_PER_S);
	until.tv_nsec += (long)(tickets->timeout_ns % (uint64_t)NANO_PER_S);
	if (until.tv_nsec >= NANO_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= NANO_PER_S;
	}
	while (target->fetching && !target->late) {
		if (pthread_cond_timedwait(&tickets->changed, &tickets->lock, &until) ==
			ETIMEDOUT) {
			target->late = target->fetching;
			pthread_cond_broadcast(&tickets->changed);
			return;
		}
	}
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
	if (target->fetching) {
		return no_answer(&target->tickets->source, target->host, ret_cause);
	}
	*ret_cause = target->cause;
	return ret_cause->result;
}

int yett_kerberos_ticket_get(struct yett_kerberos_tickets *tickets, const char *host,
	struct yett_kerberos_ticket *ret_ticket, struct yett_kerberos_cause *ret_cause)
{
	int64_t now = (int64_t)time(NULL);
	struct target *target;
	int result = 0;

	pthread_mutex_lock(&tickets->lock);
	target = target_of(tickets, host);
	if (target == NULL) {
		result = yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL, NULL,
			"no room for tickets of one more upstream");
		goto out;
	}
	if (!is_fresh(target, now)) {
		if (!target->fetching) {
			start_fetch(target);
		}
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
