/* What goes out of a channel.
 *
 * Responsible for encrypting what the owner sends, for handing it to the stream, and for telling
 * the owner when to wait. What the kernel does not take at once is copied and lent to the stream;
 * beyond `max-unsent` of that, the owner is told to wait until half of it is gone.
 *
 * On the loop. A failure is remembered and told by the timer, since `closed` is not called from
 * within a call of the owner's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"

#define PUSH_PIECES 16
/* Alerts and key updates are sent whatever is unsent; nobody may make them grow without end. */
#define UNSENT_LIMIT ((size_t)128 << 20)

/* What is lent to the stream. */
struct unsent {
	struct yett_channel *channel;
	struct iovec iov;
	uint8_t bytes[];
};

static void on_written(void *arg, int result)
{
	struct unsent *unsent = arg;
	struct yett_channel *channel = unsent->channel;

	channel->unsent -= unsent->iov.iov_len;
	free(unsent);
	if (channel->state == YETT_TLS_GONE) {
		return; /* within its release */
	}
	yett_tls_channel_enter(channel);
	if (result < 0) {
		channel->broken = result;
		if (channel->state == YETT_TLS_ENDING) {
			yett_tls_channel_release(channel);
		} else {
			yett_tls_channel_timer(channel, 0);
		}
	} else if (channel->state == YETT_TLS_ENDING) {
		if (channel->peer_closed && channel->unsent == 0) {
			yett_tls_channel_release(channel);
		}
	} else if (channel->want_writable && channel->state == YETT_TLS_UP &&
		   channel->unsent <= channel->tls->max_unsent_bytes / 2) {
		channel->want_writable = false;
		channel->events->writable(channel->arg);
	}
	yett_tls_channel_leave(channel);
}

/* Copies what is left of `iov` behind the first `skip` bytes, and lends it to the stream. */
static int lend(struct yett_channel *channel, const giovec_t *iov, int n, size_t skip, size_t rest)
{
	struct unsent *unsent = malloc(sizeof(*unsent) + rest);
	size_t at = 0;
	int result;

	if (unsent == NULL) {
		return YETT_ENOMEM;
	}
	for (int i = 0; i < n; i++) {
		size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		memcpy(unsent->bytes + at, (const uint8_t *)iov[i].iov_base + from,
			iov[i].iov_len - from);
		at += iov[i].iov_len - from;
		skip -= from;
	}
	unsent->channel = channel;
	unsent->iov.iov_base = unsent->bytes;
	unsent->iov.iov_len = rest;
	result = channel->tls->host->stream_write(
		channel->stream, &unsent->iov, 1, on_written, unsent);
	if (result < 0) {
		free(unsent);
		return result;
	}
	channel->unsent += rest;
	return 0;
}

static int push_error(struct yett_channel *channel, int result)
{
	if (channel->broken == 0) {
		channel->broken = result;
	}
	gnutls_transport_set_errno(channel->session, EPIPE);
	return -1;
}

/* Hands bytes to the stream: what it takes now, and the rest lent. */
static int hand_over(struct yett_channel *channel, const giovec_t *iov, int n, size_t total)
{
	ssize_t taken = 0;

	if (channel->unsent == 0) {
		taken = channel->tls->host->stream_try_write(
			channel->stream, iov, n < PUSH_PIECES ? n : PUSH_PIECES);
		if (taken == YETT_EAGAIN) {
			taken = 0;
		}
	}
	if (taken < 0) {
		return (int)taken;
	}
	return (size_t)taken < total ? lend(channel, iov, n, (size_t)taken, total - (size_t)taken)
				     : 0;
}

/* The records of one call go with one write: a system call, and what it wakes up, cost more than the
 * copy. */
static int flush_records(struct yett_channel *channel)
{
	struct yett_tls *tls = channel->tls;
	giovec_t iov = {tls->records, tls->records_length};
	int result = 0;

	if (tls->records_length > 0) {
		result = hand_over(channel, &iov, 1, tls->records_length);
		tls->records_length = 0;
	}
	return result;
}

static int gather_records(struct yett_channel *channel, const giovec_t *iov, int n, size_t total)
{
	struct yett_tls *tls = channel->tls;
	int result = 0;

	if (total > YETT_TLS_RECORDS - tls->records_length) {
		result = flush_records(channel);
	}
	if (result < 0 || total > YETT_TLS_RECORDS) {
		return result < 0 ? result : hand_over(channel, iov, n, total);
	}
	for (int i = 0; i < n; i++) {
		memcpy(tls->records + tls->records_length, iov[i].iov_base, iov[i].iov_len);
		tls->records_length += iov[i].iov_len;
	}
	return 0;
}

/* Takes everything: what GnuTLS has encrypted cannot be given back. */
ssize_t yett_tls_push(gnutls_transport_ptr_t arg, const giovec_t *iov, int n)
{
	struct yett_channel *channel = arg;
	size_t total = 0;
	int result;

	for (int i = 0; i < n; i++) {
		total += iov[i].iov_len;
	}
	if (channel->broken != 0 || channel->stream == NULL || channel->unsent > UNSENT_LIMIT) {
		return push_error(channel, YETT_ECLOSED);
	}
	result = channel->tls->gathers == channel ? gather_records(channel, iov, n, total)
						  : hand_over(channel, iov, n, total);
	return result < 0 ? push_error(channel, result) : (ssize_t)total;
}

static int send_record(struct yett_channel *channel, const uint8_t *bytes, size_t length)
{
	/* Never GNUTLS_E_AGAIN: push takes everything. */
	ssize_t sent = gnutls_record_send(channel->session, bytes, length);

	if (sent == (ssize_t)length) {
		return 0;
	}
	if (channel->broken == 0) {
		channel->broken = YETT_ECLOSED;
	}
	return YETT_ECLOSED;
}

/* Pieces become whole records, in the instance's scratch; a piece that fills a record, or is the
 * last and alone in it, is encrypted from where it is. */
static int send_pieces(struct yett_channel *channel, const struct iovec *iov, int n)
{
	uint8_t *scratch = channel->tls->scratch;
	size_t used = 0;
	int result = 0;

	for (int i = 0; i < n && result == 0; i++) {
		const uint8_t *bytes = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left > 0 && result == 0) {
			size_t take = YETT_TLS_RECORD - used;

			take = left < take ? left : take;
			if (used == 0 && (take == YETT_TLS_RECORD || i == n - 1)) {
				result = send_record(channel, bytes, take);
			} else {
				memcpy(scratch + used, bytes, take);
				used += take;
				if (used == YETT_TLS_RECORD) {
					result = send_record(channel, scratch, used);
					used = 0;
				}
			}
			bytes += take;
			left -= take;
		}
	}
	return result == 0 && used > 0 ? send_record(channel, scratch, used) : result;
}

/* Whether it makes more than one record. */
static bool is_long(const struct iovec *iov, int n)
{
	size_t total = 0;

	for (int i = 0; i < n; i++) {
		total += iov[i].iov_len;
	}
	return total > YETT_TLS_RECORD;
}

/* Made when it is first needed: most nodes send little. */
static bool has_records(struct yett_tls *tls)
{
	if (tls->records == NULL) {
		tls->records = malloc(YETT_TLS_RECORDS);
	}
	return tls->records != NULL;
}

int yett_tls_send(struct yett_channel *channel, const struct iovec *iov, int n)
{
	int result;

	if (channel->state != YETT_TLS_UP || channel->broken != 0) {
		return YETT_ECLOSED;
	}
	if (channel->unsent >= channel->tls->max_unsent_bytes) {
		channel->want_writable = true;
		return YETT_EAGAIN;
	}
	if (is_long(iov, n) && has_records(channel->tls)) {
		channel->tls->gathers = channel;
	}
	result = send_pieces(channel, iov, n);
	if (result == 0 && (result = flush_records(channel)) < 0) {
		(void)push_error(channel, result);
		result = YETT_ECLOSED;
	}
	channel->tls->gathers = NULL;
	channel->tls->records_length =
		0; /* of one that failed: none of it goes by another channel */
	if (result < 0) {
		/* `closed` follows, unless its owner closes it first. */
		yett_tls_channel_timer(channel, 0);
	}
	return result;
}
