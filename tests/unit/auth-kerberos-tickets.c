/* The table of tickets over a KDC that answers when the test says so: who waits, who begins another fetch,
 * whose answer counts, and what outlives the owner. */
#include <sched.h>
#include <stdatomic.h>

#define APART_NS (20 * INT64_C(1000000)) /* seconds in truth */

#include "../../modules/auth-kerberos/tickets.c"
#include "suite.h"

#define CALLS_MAX 64
#define LIFE_S    3600

/* The fetches that have begun, in order; each goes on when its answer is there. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t begun, ended;
	bool answered[CALLS_MAX];
	bool good[CALLS_MAX];
	atomic_int destroyed; /* caches */
} kdc = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int yett_kerberos_fetch(const struct yett_kerberos_source *source, const char *host,
	const char *realm, bool anew, struct yett_kerberos_ticket *ret_ticket,
	struct yett_kerberos_cause *ret_cause)
{
	size_t number;
	bool good;

	(void)anew;
	(void)realm;
	pthread_mutex_lock(&kdc.lock);
	number = kdc.begun++;
	pthread_cond_broadcast(&kdc.changed);
	while (!kdc.answered[number]) {
		pthread_cond_wait(&kdc.changed, &kdc.lock);
	}
	good = kdc.good[number];
	kdc.ended++;
	pthread_cond_broadcast(&kdc.changed);
	pthread_mutex_unlock(&kdc.lock);
	if (!good) {
		return yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL, NULL, "fetch %zu of %s",
			number, source->service);
	}
	snprintf(ret_ticket->cache, sizeof(ret_ticket->cache), "%zu", number);
	snprintf(ret_ticket->server, sizeof(ret_ticket->server), "%s", host);
	ret_ticket->since = (int64_t)time(NULL);
	ret_ticket->until = ret_ticket->since + LIFE_S;
	return 0;
}

void yett_kerberos_cache_destroy(const char *name)
{
	(void)name;
	kdc.destroyed++;
}

static void answer(size_t number, bool good)
{
	pthread_mutex_lock(&kdc.lock);
	kdc.good[number] = good;
	kdc.answered[number] = true;
	pthread_cond_broadcast(&kdc.changed);
	pthread_mutex_unlock(&kdc.lock);
}

/* Until all that have been answered have left the KDC. */
static void settle(size_t ended)
{
	pthread_mutex_lock(&kdc.lock);
	while (kdc.ended < ended) {
		pthread_cond_wait(&kdc.changed, &kdc.lock);
	}
	pthread_mutex_unlock(&kdc.lock);
}

/* And what they brought is in the table. */
static void settle_in(struct yett_kerberos_tickets *tickets, size_t ended, unsigned fetches)
{
	settle(ended);
	pthread_mutex_lock(&tickets->lock);
	while (tickets->targets[0]->fetches > fetches) {
		pthread_cond_wait(&tickets->changed, &tickets->lock);
	}
	pthread_mutex_unlock(&tickets->lock);
}

/* Frees it as its last owner: threads let go of it a little after they have answered. */
static void done(struct yett_kerberos_tickets *tickets)
{
	unsigned left;

	do {
		pthread_mutex_lock(&tickets->lock);
		left = tickets->references;
		pthread_mutex_unlock(&tickets->lock);
		sched_yield();
	} while (left > 1);
	yett_kerberos_tickets_free(tickets);
}

static struct yett_kerberos_tickets *make(void)
{
	const struct yett_kerberos_settings settings = {
		.service = "yett", .kdc_timeout_ns = 5 * 1000000};
	struct yett_kerberos_tickets *tickets = yett_kerberos_tickets_new(&settings, "EXAMPLE");

	kdc.begun = kdc.ended = 0;
	kdc.destroyed = 0;
	memset(kdc.answered, 0, sizeof(kdc.answered));
	CU_ASSERT_PTR_NOT_NULL_FATAL(tickets);
	return tickets;
}

/* Tries until another fetch has begun: some of the tries come too early. */
static void try_in_vain(struct yett_kerberos_tickets *tickets, size_t begun)
{
	struct yett_kerberos_ticket ticket;
	struct yett_kerberos_cause cause;

	uint64_t started;

	do {
		CU_ASSERT_EQUAL(yett_kerberos_ticket_get(tickets, "gw", "", &ticket, &cause),
			YETT_EUNAVAIL);
		pthread_mutex_lock(&tickets->lock);
		started = tickets->targets[0]->begun;
		pthread_mutex_unlock(&tickets->lock);
		/* One by one, so that their numbers are the KDC's. */
		pthread_mutex_lock(&kdc.lock);
		while (kdc.begun < started) {
			pthread_cond_wait(&kdc.changed, &kdc.lock);
		}
		pthread_mutex_unlock(&kdc.lock);
	} while (started < begun);
}

static void get(struct yett_kerberos_tickets *tickets, const char *cache)
{
	struct yett_kerberos_ticket ticket = {0};
	struct yett_kerberos_cause cause;

	CU_ASSERT_EQUAL(yett_kerberos_ticket_get(tickets, "gw", "", &ticket, &cause), 0);
	CU_ASSERT_STRING_EQUAL(ticket.cache, cache);
	yett_kerberos_ticket_release(&ticket);
}

/* The KDC is back: the fetch that it lost goes on waiting, the next one brings the ticket. */
static void test_second(void)
{
	struct yett_kerberos_tickets *tickets = make();

	try_in_vain(tickets, 2);
	answer(1, true);
	settle_in(tickets, 1, 1);
	get(tickets, "1");
	answer(0, false);
	settle_in(tickets, 2, 0);
	get(tickets, "1");
	CU_ASSERT_EQUAL(kdc.begun, 2);
	CU_ASSERT_EQUAL(kdc.destroyed, 0);
	done(tickets);
	CU_ASSERT_EQUAL(kdc.destroyed, 1);
}

/* What a late one brings is taken where there is nothing, and dropped where there is better. */
static void test_late(void)
{
	struct yett_kerberos_tickets *tickets = make();

	try_in_vain(tickets, 3);
	answer(0, true);
	settle_in(tickets, 1, 2);
	get(tickets, "0");
	answer(2, true);
	settle_in(tickets, 2, 1);
	get(tickets, "2");
	answer(1, true);
	settle_in(tickets, 3, 0);
	get(tickets, "2");
	CU_ASSERT_EQUAL(kdc.begun, 3);
	CU_ASSERT_EQUAL(kdc.destroyed, 2);
	done(tickets);
	CU_ASSERT_EQUAL(kdc.destroyed, 3);
}

/* A doubtful one is replaced by whatever comes. */
static void test_doubt(void)
{
	struct yett_kerberos_tickets *tickets = make();
	struct yett_kerberos_ticket ticket;
	struct yett_kerberos_cause cause;

	try_in_vain(tickets, 2);
	answer(1, true);
	settle_in(tickets, 1, 1);
	CU_ASSERT_EQUAL(yett_kerberos_ticket_get(tickets, "gw", "", &ticket, &cause), 0);
	yett_kerberos_ticket_doubt(&ticket);
	answer(0, true);
	settle_in(tickets, 2, 0);
	get(tickets, "0");
	CU_ASSERT_EQUAL(kdc.destroyed, 0); /* it is held */
	yett_kerberos_ticket_release(&ticket);
	CU_ASSERT_EQUAL(kdc.destroyed, 1);
	done(tickets);
}

/* The cause is the newest's, not that of one that has waited longer. */
static void test_cause(void)
{
	struct yett_kerberos_tickets *tickets = make();
	struct yett_kerberos_ticket ticket;
	struct yett_kerberos_cause cause;

	CU_ASSERT_EQUAL(
		yett_kerberos_ticket_get(tickets, "gw", "", &ticket, &cause), YETT_EUNAVAIL);
	CU_ASSERT_PTR_NOT_NULL(strstr(cause.text, "has answered in time"));
	try_in_vain(tickets, 2);
	answer(1, false);
	settle_in(tickets, 1, 1);
	answer(0, false);
	settle_in(tickets, 2, 0);
	pthread_mutex_lock(&tickets->lock);
	CU_ASSERT_STRING_EQUAL(tickets->targets[0]->cause.text, "fetch 1 of yett");
	pthread_mutex_unlock(&tickets->lock);
	done(tickets);
}

/* However often it is tried, there are no more than so many; and all of them outlive the owner. */
static void test_most(void)
{
	struct yett_kerberos_tickets *tickets = make();
	struct yett_kerberos_ticket ticket;
	struct yett_kerberos_cause cause;

	try_in_vain(tickets, FETCHES_MAX);
	pthread_mutex_lock(&tickets->lock);
	tickets->targets[0]->begun_ns -= APART_NS;
	pthread_mutex_unlock(&tickets->lock);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(yett_kerberos_ticket_get(tickets, "gw", "", &ticket, &cause),
			YETT_EUNAVAIL);
	}
	CU_ASSERT_EQUAL(kdc.begun, FETCHES_MAX);
	pthread_mutex_lock(&tickets->lock);
	CU_ASSERT_EQUAL(tickets->references, FETCHES_MAX + 1);
	tickets->references++; /* to see the threads go */
	pthread_mutex_unlock(&tickets->lock);
	yett_kerberos_tickets_free(tickets);
	for (size_t i = 0; i < FETCHES_MAX; i++) {
		answer(i, i % 2 == 0);
	}
	settle(FETCHES_MAX);
	done(tickets);
	CU_ASSERT_EQUAL(kdc.destroyed, FETCHES_MAX / 2);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"a second one brings what the first does not", test_second},
		{"what comes late", test_late},
		{"a doubtful one is replaced", test_doubt},
		{"whose cause is told", test_cause},
		{"how many there may be", test_most},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "auth-kerberos-tickets", tests);
}
