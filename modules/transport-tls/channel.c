/* One channel, from its stream to its end.
 *
 * Responsible for its states and its one timer, for telling the owner that it is closed and why,
 * and for an orderly end. Not responsible for the bytes (receive.c, send.c), for the session's
 * parameters (session.c) nor for how a channel begins (endpoint.c).
 *
 * On the loop. Events are called from the stream's callbacks or from the timer, never from within
 * a call of the owner's; the owner may call anything from them, also close. A channel whose owner
 * has let go lingers for a bounded time, so that an alert arrives, and is then gone; its memory
 * goes when no call on the stack and no dialling needs it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "channel.h"

#define LINGER_NS  (UINT64_C(2) * 1000000000)
#define ENDING_MAX 256 /* channels at once that linger */

static void on_timer(void *arg);

static void gauge(struct yett_tls *tls)
{
	if (tls->host != NULL) {
		tls->host->metric(
			tls->host->instance, YETT_TLS_CHANNELS, (int64_t)tls->channel_count);
	}
}

struct yett_channel *yett_tls_channel_new(
	struct yett_tls *tls, struct yett_stream *stream, enum yett_role role)
{
	struct yett_channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL) {
		return NULL;
	}
	channel->tls = tls;
	channel->stream = stream;
	channel->role = (uint8_t)role;
	channel->state = YETT_TLS_CONNECTING;
	channel->next = tls->channels;
	if (tls->channels != NULL) {
		tls->channels->previous = channel;
	}
	tls->channels = channel;
	tls->references++;
	tls->channel_count++;
	gauge(tls);
	return channel;
}

static void free_if_done(struct yett_channel *channel)
{
	struct yett_tls *tls = channel->tls;

	if (channel->state != YETT_TLS_GONE || channel->busy > 0 || channel->dialling) {
		return;
	}
	free(channel);
	yett_tls_unref(tls);
}

void yett_tls_channel_enter(struct yett_channel *channel)
{
	channel->busy++;
}

void yett_tls_channel_leave(struct yett_channel *channel)
{
	channel->busy--;
	free_if_done(channel);
}

void yett_tls_channel_drop_timer(struct yett_channel *channel)
{
	if (channel->timer != NULL) {
		channel->tls->host->timer_free(channel->timer);
		channel->timer = NULL;
	}
}

void yett_tls_channel_release(struct yett_channel *channel)
{
	struct yett_tls *tls = channel->tls;

	if (channel->state == YETT_TLS_GONE) {
		return;
	}
	if (channel->state == YETT_TLS_ENDING) {
		tls->ending--;
	}
	channel->state = YETT_TLS_GONE;
	channel->events = NULL;
	yett_tls_turn_leave(channel);
	yett_tls_channel_drop_timer(channel);
	if (channel->stream != NULL) {
		/* What is lent comes back during this. */
		tls->stream_close(channel->stream);
		channel->stream = NULL;
	}
	if (channel->session != NULL) {
		gnutls_deinit(channel->session);
		channel->session = NULL;
	}
	yett_tls_credentials_unref(channel->credentials);
	channel->credentials = NULL;
	free(channel->facts);
	free(channel->name);
	free(channel->held);
	channel->facts = NULL;
	channel->name = NULL;
	channel->held = NULL;
	if (channel->previous != NULL) {
		channel->previous->next = channel->next;
	} else {
		tls->channels = channel->next;
	}
	if (channel->next != NULL) {
		channel->next->previous = channel->previous;
	}
	tls->channel_count--;
	gauge(tls);
	free_if_done(channel);
}

void yett_tls_close_all(struct yett_tls *tls)
{
	while (tls->channels != NULL) {
		yett_tls_channel_release(tls->channels);
	}
	yett_tls_turns_done(tls);
}

int yett_tls_channel_timer(struct yett_channel *channel, uint64_t delay_ns)
{
	const struct yett_host *host = channel->tls->host;

	if (channel->timer == NULL) {
		channel->timer = host->timer_new(host->instance, on_timer, channel);
	}
	if (channel->timer == NULL) {
		return YETT_ENOMEM;
	}
	host->timer_start(channel->timer, delay_ns);
	return 0;
}

void yett_tls_start_reading(struct yett_channel *channel)
{
	if (!channel->reading && channel->broken == 0) {
		int result = channel->tls->host->stream_read_start(
			channel->stream, yett_tls_on_read, channel);

		channel->reading = result == 0;
		if (result < 0) {
			channel->broken = result;
			yett_tls_channel_timer(channel, 0);
		}
	}
}

void yett_tls_stop_reading(struct yett_channel *channel)
{
	if (channel->reading) {
		channel->reading = false;
		channel->tls->host->stream_read_stop(channel->stream);
	}
}

/* The owner has let go. Lingers until what is unsent is gone and the peer has closed too: to close
 * at once, with bytes of the peer's unread, would make the kernel throw our last alert away. */
static void linger(struct yett_channel *channel)
{
	struct yett_tls *tls = channel->tls;

	channel->events = NULL;
	yett_tls_turn_leave(channel);
	if (channel->broken != 0 || channel->stream == NULL || tls->ending >= ENDING_MAX ||
		(channel->peer_closed && channel->unsent == 0)) {
		yett_tls_channel_release(channel);
		return;
	}
	channel->state = YETT_TLS_ENDING;
	tls->ending++;
	channel->discarded = 0;
	yett_tls_start_reading(channel);
	if (channel->broken != 0 || yett_tls_channel_timer(channel, LINGER_NS) < 0) {
		yett_tls_channel_release(channel);
	}
}

void yett_tls_channel_fail(
	struct yett_channel *channel, int result, const char *mend, const char *format, ...)
{
	const struct yett_host *host = channel->tls->host;
	const struct yett_channel_events *events = channel->events;
	void *arg = channel->arg;
	struct yett_error *error =
		YETT_HOST_HAS(host, error_blank) ? host->error_blank(host->instance) : NULL;
	char text[400];
	va_list args;

	if (channel->state == YETT_TLS_HANDSHAKE) {
		host->metric(host->instance, YETT_TLS_FAILURES, 1);
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	host->fail(error, result, mend, "%s", text);
	if (channel->session != NULL) {
		linger(channel);
	} else {
		yett_tls_channel_release(channel);
	}
	if (events != NULL) {
		events->closed(arg, result, error);
	}
}

void yett_tls_channel_fail_for(struct yett_channel *channel, struct yett_tls_cause cause)
{
	yett_tls_channel_fail(channel, cause.result, cause.mend, "%s", cause.text);
}

static void on_timer(void *arg)
{
	struct yett_channel *channel = arg;
	const struct yett_host *host = channel->tls->host;

	yett_tls_channel_enter(channel);
	if (channel->state == YETT_TLS_ENDING) {
		yett_tls_channel_release(channel);
	} else if (channel->broken != 0) {
		yett_tls_channel_fail(channel, channel->broken, NULL, "the connection broke: %s",
			host->result_text(channel->broken));
	} else if (channel->state == YETT_TLS_HANDSHAKE) {
		yett_tls_channel_fail(channel, YETT_ETIMEOUT,
			"check that a yett node listens there, and that nothing in between "
			"swallows packets",
			"the TLS handshake was not done in time");
	} else if (channel->state == YETT_TLS_UP && !channel->paused) {
		yett_tls_resume(channel);
	}
	yett_tls_channel_leave(channel);
}

void yett_tls_pause(struct yett_channel *channel, int paused)
{
	if (channel->paused == (paused != 0)) {
		return;
	}
	channel->paused = paused != 0;
	if (channel->state != YETT_TLS_UP) {
		return;
	}
	if (!channel->paused) {
		yett_tls_channel_timer(channel, 0); /* not from within this call */
	} else if (channel->in == NULL) {
		yett_tls_stop_reading(channel);
	}
}

/* The beginning and the end. */

static uint64_t time_left(const struct yett_channel *channel)
{
	const struct yett_host *host = channel->tls->host;
	uint64_t now_ns = host->monotonic_ns(host->instance);

	return channel->deadline_ns > now_ns ? channel->deadline_ns - now_ns : 0;
}

int yett_tls_channel_begin(struct yett_channel *channel)
{
	channel->state = YETT_TLS_HANDSHAKE;
	yett_tls_start_reading(channel);
	if (channel->broken != 0) {
		return channel->broken;
	}
	if (channel->role == YETT_ROLE_ACCEPTOR) {
		return 0;
	}
	if (yett_tls_channel_timer(channel, time_left(channel)) < 0 ||
		yett_tls_session_new(channel) < 0) {
		return YETT_ENOMEM;
	}
	yett_tls_shake_hands(channel);
	return 0;
}

void yett_tls_close(struct yett_channel *channel, int orderly)
{
	channel->events = NULL;
	if (!orderly || channel->state != YETT_TLS_UP || channel->broken != 0) {
		yett_tls_channel_release(channel);
		return;
	}
	free(channel->held);
	channel->held = NULL;
	yett_tls_channel_enter(channel);
	gnutls_bye(channel->session, GNUTLS_SHUT_WR);
	linger(channel);
	yett_tls_channel_leave(channel);
}
