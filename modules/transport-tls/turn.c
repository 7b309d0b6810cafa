/* Whose turn it is: what strangers and the departed cost, a little at a time.
 *
 * Responsible for established sessions not having to wait for a storm. A handshake takes half a
 * millisecond, the end of a session a twentieth; when thousands come back or break at once, all of them
 * are ready in the same moment, and the loop would see to each before it hears of anybody else. So
 * only so many handshakes that peers began, and ends, are seen to in a round; who comes later waits
 * in line, with what was read of it, and is served from a timer, between which the loop hears everybody.
 * Whose handshake has begun goes before those who have just come: a few are finished, one after the
 * other, where all would run out of time together.
 * Not responsible for how many strangers there may be: the core is.
 *
 * On the loop. A channel that waits is not read from: what it holds is one read's worth at most. Where
 * there is no memory to wait, it is served at once. */
#include <stdlib.h>
#include <string.h>

#include "channel.h"

/* A round is over when it has taken this long and done this much: on a busy computer time goes by for
 * others. */
#define ROUND_LENGTH_NS (UINT64_C(4) * 1000000)
#define ROUND_COST      40
#define HANDSHAKE_COST  8
#define END_COST        1
#define PAUSE_NS        UINT64_C(1) /* as soon as others have had their turn */

static uint64_t now_ns(const struct yett_tls *tls)
{
	return tls->host->monotonic_ns(tls->host->instance);
}

static bool is_over(const struct yett_tls *tls)
{
	return tls->turns.spent_ns >= ROUND_LENGTH_NS && tls->turns.spent_cost >= ROUND_COST;
}

static unsigned cost(const struct yett_channel *channel)
{
	return channel->state == YETT_TLS_HANDSHAKE ? HANDSHAKE_COST : END_COST;
}

static bool has_begun(const struct yett_channel *channel)
{
	return channel->session != NULL;
}

static void serve(struct yett_tls *tls)
{
	while (tls->turns.first != NULL && !is_over(tls)) {
		struct yett_channel *channel = tls->turns.first;
		uint64_t began_ns = now_ns(tls);

		tls->turns.spent_cost += cost(channel);
		yett_tls_turn_leave(channel);
		yett_tls_channel_enter(channel);
		yett_tls_put_off_done(channel);
		yett_tls_channel_leave(channel);
		if (tls->host != NULL) {
			tls->turns.spent_ns += now_ns(tls) - began_ns;
		}
	}
}

static void on_round(void *arg)
{
	struct yett_tls *tls = arg;

	tls->references++; /* an owner may end the instance */
	tls->turns.spent_ns = 0;
	tls->turns.spent_cost = 0;
	tls->turns.running = false;
	serve(tls);
	if ((tls->turns.first != NULL || tls->turns.spent_ns > 0) && tls->turns.timer != NULL &&
		!tls->turns.running) {
		tls->turns.running = true;
		tls->host->timer_start(tls->turns.timer, PAUSE_NS);
	}
	yett_tls_unref(tls);
}

static int next_round(struct yett_tls *tls)
{
	if (tls->turns.timer == NULL) {
		tls->turns.timer = tls->host->timer_new(tls->host->instance, on_round, tls);
	}
	if (tls->turns.timer == NULL) {
		return YETT_ENOMEM;
	}
	if (!tls->turns.running) {
		tls->turns.running = true;
		tls->host->timer_start(tls->turns.timer, PAUSE_NS);
	}
	return 0;
}

bool yett_tls_turn_begin(struct yett_channel *channel, uint64_t *ret_began_ns)
{
	struct yett_tls *tls = channel->tls;

	if ((has_begun(channel) ? tls->turns.last_begun : tls->turns.first) != NULL ||
		is_over(tls)) {
		return false;
	}
	tls->turns.spent_cost += cost(channel);
	*ret_began_ns = now_ns(tls);
	return true;
}

void yett_tls_turn_end(struct yett_tls *tls, uint64_t began_ns)
{
	uint64_t spent_ns = tls->host != NULL ? now_ns(tls) - began_ns : 0;

	/* The timer ends the round; where no time goes by, no round has to end. */
	if (spent_ns > 0 && next_round(tls) == 0) {
		tls->turns.spent_ns += spent_ns;
	}
}

/* Where the line says who comes after a channel (NULL: who is first), and before one. */
static struct yett_channel **next_of(struct yett_tls *tls, struct yett_channel *channel)
{
	return channel != NULL ? &channel->turn_next : &tls->turns.first;
}

static struct yett_channel **previous_of(struct yett_tls *tls, struct yett_channel *channel)
{
	return channel != NULL ? &channel->turn_previous : &tls->turns.last;
}

int yett_tls_turn_wait(struct yett_channel *channel)
{
	struct yett_tls *tls = channel->tls;
	int result = next_round(tls);

	if (result < 0) {
		return result;
	}
	channel->waits = true;
	channel->turn_previous = has_begun(channel) ? tls->turns.last_begun : tls->turns.last;
	channel->turn_next = *next_of(tls, channel->turn_previous);
	*next_of(tls, channel->turn_previous) = channel;
	*previous_of(tls, channel->turn_next) = channel;
	if (has_begun(channel)) {
		tls->turns.last_begun = channel;
	}
	return 0;
}

void yett_tls_turn_leave(struct yett_channel *channel)
{
	struct yett_tls *tls = channel->tls;

	if (!channel->waits) {
		return;
	}
	channel->waits = false;
	if (tls->turns.last_begun == channel) {
		tls->turns.last_begun = channel->turn_previous;
	}
	*next_of(tls, channel->turn_previous) = channel->turn_next;
	*previous_of(tls, channel->turn_next) = channel->turn_previous;
}

void yett_tls_turns_done(struct yett_tls *tls)
{
	if (tls->turns.timer != NULL) {
		tls->host->timer_free(tls->turns.timer);
		tls->turns.timer = NULL;
		tls->turns.running = false;
	}
}
