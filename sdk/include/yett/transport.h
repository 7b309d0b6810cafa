/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind `transport` (provisional): a confidential, intact channel between two nodes over the
 * host's byte streams. It does not decide whom to trust: it proves possession of keys and hands
 * the facts to the auth module. Runs on the loop; must not block.
 */
#ifndef YETT_TRANSPORT_H
#define YETT_TRANSPORT_H

#include <yett/module.h>

struct yett_channel;  /* the transport's; one connection */
struct yett_endpoint; /* the transport's; one listening address */

enum yett_role {
	YETT_ROLE_INITIATOR = 1,
	YETT_ROLE_ACCEPTOR = 2,
};

#define YETT_FACTS_CHAIN_MAX 10
#define YETT_EXPORTER_SIZE   32

/* What is known of the far end once the channel is up. Borrowed until the channel closes. */
struct yett_facts {
	uint32_t size;
	uint32_t role; /* ours */
	/* The peer's certificates as DER, leaf first; the peer has proved that it has the leaf's
	 * key. 0: it showed none. */
	uint32_t chain_count;
	uint32_t ephemeral; /* 1: our own certificate is one made at start, which claims nothing */
	struct {
		const uint8_t *bytes;
		size_t length;
	} chain[YETT_FACTS_CHAIN_MAX];
	uint8_t binding[YETT_EXPORTER_SIZE];  /* tls-exporter, RFC 9266 */
	uint8_t exporter[YETT_EXPORTER_SIZE]; /* label EXPORTER-yett-auth, no context */
	const char *local_address;
	const char *peer_address;
	const char *suite; /* for views: "TLS1.3 AES-128-GCM X25519" */
};

/* All on the loop; none is called from within a call into the transport, except that `received`
 * may be called several times in a row. After `closed`, nothing is called. */
struct yett_channel_events {
	uint32_t size;
	uint32_t reserved;
	void (*up)(void *arg, const struct yett_facts *facts);
	/* Decrypted bytes, borrowed. */
	void (*received)(void *arg, const uint8_t *bytes, size_t length);
	/* More may be sent after `send` returned YETT_EAGAIN. */
	void (*writable)(void *arg);
	/* The channel is gone, and with it `channel`; `error` (may be NULL) says why. */
	void (*closed)(void *arg, int result, const struct yett_error *error);
	/* An accepted connection: its first bytes have come. When strangers are too many, those
	 * that say nothing go first. An outgoing one: the connection is there, and nothing is said
	 * yet. */
	void (*begun)(void *arg);
};

struct yett_transport_operations {
	uint32_t size;
	uint32_t reserved;
	/* For each connection `accepted` is called at once, before any handshake; it sets the
	 * events, or returns non-zero to have the connection dropped. */
	int (*listen)(void *self, const char *address,
		int (*accepted)(void *arg, struct yett_channel *channel, const char *peer_address,
			const struct yett_channel_events **ret_events, void **ret_events_arg),
		void *arg, struct yett_endpoint **ret_endpoint, struct yett_error *error);
	int (*endpoint_address)(struct yett_endpoint *endpoint, char *ret_text, size_t size);
	void (*endpoint_close)(struct yett_endpoint *endpoint);
	/* `name`: the fully qualified name that the far end must have, for SNI. `source` may be
	 * NULL. The channel exists at once; `up` or `closed` follows. */
	int (*connect)(void *self, const char *address, const char *source, const char *name,
		uint64_t timeout_ns, const struct yett_channel_events *events, void *arg,
		struct yett_channel **ret_channel, struct yett_error *error);
	/* Takes all of the bytes (encrypts them at once: they are borrowed) and returns 0;
	 * YETT_EAGAIN with 0 bytes taken while too much is unsent: wait for `writable`. */
	int (*send)(struct yett_channel *channel, const struct iovec *iov, int n);
	/* Stops and restarts `received`: back-pressure. */
	void (*pause)(struct yett_channel *channel, int paused);
	/* Sends what is unsent and a close alert within a bound, if `orderly`; then it is gone.
	 * `closed` is NOT called. */
	void (*close)(struct yett_channel *channel, int orderly);
	/* What our own end shows, for views: "CN=… until 2027-…"; returns the length. Optional. */
	int (*describe)(void *self, char *ret_text, size_t size);
	/* From within `accepted`, or right after `connect`: no method of authentication that is
	 * allowed here goes by certificates, so an acceptor asks for none, and an initiator shows
	 * none. Optional. */
	void (*without_certificates)(struct yett_channel *channel);
};

#endif
