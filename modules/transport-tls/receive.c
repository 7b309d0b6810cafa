/* What comes into a channel.
 *
 * Responsible for feeding GnuTLS from the stream, first the handshake and then records, and for
 * handing the plain bytes to the owner. What is read is decrypted straight out of the borrowed
 * chunk; only what is left when the owner pauses is copied, and the stream is then read no further.
 *
 * On the loop, from the stream's callback or the timer. Whatever the peer sends, it ends in events
 * or in one `closed` with a cause. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

#define DISCARD_MAX ((size_t)256 << 10) /* of what still comes in while it ends */
#define TRIES_MAX   64                  /* messages without meaning in one chunk of a handshake */
#define IDLE_MAX    8                   /* calls in a row that neither take nor give a byte */

ssize_t yett_tls_pull(gnutls_transport_ptr_t arg, void *ret_bytes, size_t length)
{
	struct yett_channel *channel = arg;

	if (channel->in_length == 0) {
		gnutls_transport_set_errno(channel->session, EAGAIN);
		return -1;
	}
	if (length > channel->in_length) {
		length = channel->in_length;
	}
	memcpy(ret_bytes, channel->in, length);
	channel->in += length;
	channel->in_length -= length;
	return (ssize_t)length;
}

/* An alert for the peer, unless it sent one itself. */
static void say_why(struct yett_channel *channel, int gnutls_code)
{
	if (gnutls_code == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		channel->peer_closed = true;
	} else if (gnutls_code == GNUTLS_E_NO_CIPHER_SUITES && channel->broken == 0) {
		/* See cause.c: what it lacks is the version. */
		gnutls_alert_send(channel->session, GNUTLS_AL_FATAL, GNUTLS_A_PROTOCOL_VERSION);
	} else if (channel->broken == 0) {
		gnutls_alert_send_appropriate(channel->session, gnutls_code);
	}
}

static void came_up(struct yett_channel *channel)
{
	const struct yett_host *host = channel->tls->host;
	struct yett_tls_cause cause;

	if (yett_tls_session_facts(channel, &cause) < 0) {
		gnutls_alert_send(channel->session, GNUTLS_AL_FATAL,
			cause.result == YETT_ELIMIT ? GNUTLS_A_BAD_CERTIFICATE
						    : GNUTLS_A_NO_APPLICATION_PROTOCOL);
		yett_tls_channel_fail_for(channel, cause);
		return;
	}
	yett_tls_channel_drop_timer(channel);
	host->metric(host->instance, YETT_TLS_HANDSHAKES, 1);
	channel->state = YETT_TLS_UP;
	channel->events->up(channel->arg, &channel->facts->facts);
}

void yett_tls_shake_hands(struct yett_channel *channel)
{
	unsigned tries = 0;
	size_t before;
	int result;

	do {
		before = channel->in_length;
		result = gnutls_handshake(channel->session);
		/* It also asks to be called again after each record of a longer message. */
		if (result == GNUTLS_E_AGAIN && channel->in_length == 0) {
			break;
		}
		tries += channel->in_length == before ? 1 : 0;
	} while (result < 0 && gnutls_error_is_fatal(result) == 0 && tries < TRIES_MAX);
	if (tries == TRIES_MAX) {
		result = GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS;
	}
	if (result == 0) {
		came_up(channel);
	} else if (gnutls_error_is_fatal(result) != 0) {
		struct yett_tls_cause cause = yett_tls_cause(channel->session, result, true);

		say_why(channel, result);
		yett_tls_channel_fail_for(channel, cause);
	}
}

/* The session is made with the first byte: who connects and says nothing costs little. */
static void first_bytes(struct yett_channel *channel)
{
	struct yett_tls_cause cause;
	int result;

	if (yett_tls_no_tls(channel->in, channel->in_length, &cause)) {
		yett_tls_channel_fail_for(channel, cause);
		return;
	}
	result = yett_tls_session_new(channel);
	if (result < 0) {
		yett_tls_channel_fail_for(channel, yett_tls_cause(channel->session, result, true));
	}
}

/* n <= 0, of gnutls_record_recv_packet. */
static void no_bytes(struct yett_channel *channel, ssize_t n, bool empty)
{
	if (n == 0 && !empty) {
		channel->peer_closed = true;
		gnutls_bye(channel->session, GNUTLS_SHUT_WR);
		yett_tls_channel_fail(channel, YETT_ECLOSED, NULL, "the peer closed the session");
	} else if (n < 0 && gnutls_error_is_fatal((int)n) != 0) {
		say_why(channel, (int)n);
		yett_tls_channel_fail_for(channel, yett_tls_cause(channel->session, (int)n, false));
	}
}

static void receive(struct yett_channel *channel)
{
	unsigned idle = 0;

	while (channel->state == YETT_TLS_UP && !channel->paused) {
		gnutls_packet_t packet = NULL;
		size_t before = channel->in_length;
		ssize_t n = gnutls_record_recv_packet(channel->session, &packet);

		if (n > 0) {
			gnutls_datum_t plain;

			gnutls_packet_get(packet, &plain, NULL);
			channel->events->received(channel->arg, plain.data, plain.size);
			gnutls_packet_deinit(packet);
			idle = 0;
			continue;
		}
		if (packet != NULL) {
			gnutls_packet_deinit(packet);
		}
		if (n == GNUTLS_E_AGAIN && channel->in_length == 0) {
			return;
		}
		idle = channel->in_length == before ? idle + 1 : 0;
		if (idle > IDLE_MAX) {
			n = GNUTLS_E_UNEXPECTED_PACKET;
		}
		no_bytes(channel, n, packet != NULL);
	}
}

/* As far as what is there leads. */
static void drive(struct yett_channel *channel)
{
	if (channel->state == YETT_TLS_HANDSHAKE && channel->session == NULL) {
		first_bytes(channel);
	}
	if (channel->state == YETT_TLS_HANDSHAKE) {
		yett_tls_shake_hands(channel);
	}
	receive(channel);
	if (channel->state == YETT_TLS_ENDING) {
		channel->discarded += channel->in_length;
		channel->in_length = 0;
		if (channel->discarded > DISCARD_MAX) {
			yett_tls_channel_release(channel);
		}
	}
}

/* What is left when the owner has paused is kept, and the stream read no further. */
static void hold_rest(struct yett_channel *channel)
{
	if (channel->state == YETT_TLS_UP && channel->in_length > 0) {
		uint8_t *held = malloc(channel->in_length);

		if (held == NULL) {
			yett_tls_channel_fail(channel, YETT_ENOMEM, NULL, "out of memory");
		} else {
			memcpy(held, channel->in, channel->in_length);
			free(channel->held);
			channel->held = held;
			channel->held_length = channel->in_length;
		}
	}
	channel->in = NULL;
	channel->in_length = 0;
	if (channel->state == YETT_TLS_UP && channel->paused) {
		yett_tls_stop_reading(channel);
	}
}

static void stream_ended(struct yett_channel *channel, int result)
{
	const struct yett_host *host = channel->tls->host;

	channel->broken = result;
	channel->reading = false;
	if (channel->state == YETT_TLS_ENDING) {
		yett_tls_channel_release(channel);
	} else if (result == YETT_ECLOSED) {
		yett_tls_channel_fail(channel, result, NULL, "%s",
			channel->state == YETT_TLS_HANDSHAKE
				? "the peer closed the connection during the handshake"
				: "the connection was cut without a TLS close alert");
	} else {
		yett_tls_channel_fail(channel, result, NULL, "the connection broke: %s",
			host->result_text(result));
	}
}

static void take(struct yett_channel *channel, int result, const uint8_t *bytes, size_t length)
{
	if (result != 0) {
		stream_ended(channel, result);
		return;
	}
	channel->in = bytes;
	channel->in_length = length;
	drive(channel);
	hold_rest(channel);
}

/* A stranger is none of the silent ones, though it may have to wait. */
static void tell_begun(struct yett_channel *channel)
{
	const struct yett_channel_events *events = channel->events;

	if (channel->state == YETT_TLS_HANDSHAKE && channel->session == NULL &&
		events->size >=
			offsetof(struct yett_channel_events, begun) + sizeof(events->begun) &&
		events->begun != NULL) {
		events->begun(channel->arg);
	}
}

/* Whether this is of the kind that waits for its turn: a stranger's handshake, the end of a session. */
static bool waits_for_turn(const struct yett_channel *channel, int result)
{
	return (channel->state == YETT_TLS_HANDSHAKE && channel->role == YETT_ROLE_ACCEPTOR) ||
	       (channel->state == YETT_TLS_UP && result != 0);
}

static bool put_off(struct yett_channel *channel, int result, const uint8_t *bytes, size_t length)
{
	uint8_t *held = NULL;

	if (result == 0 && (held = malloc(length)) == NULL) {
		return false;
	}
	if (yett_tls_turn_wait(channel) < 0) {
		free(held);
		return false;
	}
	channel->ended = result;
	if (held != NULL) {
		memcpy(held, bytes, length);
		channel->held = held;
		channel->held_length = length;
		yett_tls_stop_reading(channel);
	}
	return true;
}

/* A stranger's handshake, or the end of a session: now, or when its turn comes. */
static void take_by_turn(
	struct yett_channel *channel, int result, const uint8_t *bytes, size_t length)
{
	struct yett_tls *tls = channel->tls;
	uint64_t began_ns;

	if (yett_tls_turn_begin(channel, &began_ns)) {
		tls->references++; /* an owner may end the instance */
		take(channel, result, bytes, length);
		yett_tls_turn_end(tls, began_ns);
		yett_tls_unref(tls);
	} else if (!put_off(channel, result, bytes, length)) {
		take(channel, result, bytes, length);
	}
}

void yett_tls_on_read(void *arg, int result, const uint8_t *bytes, size_t length)
{
	struct yett_channel *channel = arg;

	yett_tls_channel_enter(channel);
	if (result == 0) {
		tell_begun(channel);
	}
	if (channel->waits) {
		/* Its end, once more. */
	} else if (waits_for_turn(channel, result)) {
		take_by_turn(channel, result, bytes, length);
	} else {
		take(channel, result, bytes, length);
	}
	yett_tls_channel_leave(channel);
}

void yett_tls_put_off_done(struct yett_channel *channel)
{
	uint8_t *held = channel->held;

	if (channel->ended != 0) {
		stream_ended(channel, channel->ended);
		return;
	}
	channel->held = NULL;
	take(channel, 0, held, channel->held_length);
	free(held);
	if (channel->state == YETT_TLS_HANDSHAKE ||
		(channel->state == YETT_TLS_UP && !channel->paused)) {
		yett_tls_start_reading(channel);
	}
}

/* After a pause: what was held first, then the stream. */
void yett_tls_resume(struct yett_channel *channel)
{
	uint8_t *held = channel->held;

	channel->in = held;
	channel->in_length = channel->held_length;
	channel->held = NULL;
	channel->held_length = 0;
	receive(channel);
	hold_rest(channel);
	free(held);
	if (channel->state == YETT_TLS_UP && !channel->paused) {
		yett_tls_start_reading(channel);
	}
}
