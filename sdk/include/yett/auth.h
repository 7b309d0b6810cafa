/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind `auth` (provisional): makes a stranger a principal, inside the channel. Authentication is
 * always mutual: both ends run the module, each for the other. Runs on the authentication threads
 * (initiators and acceptors apart, two of each); may block. One context is used by one thread at a
 * time, but several of one instance at once: what they share in `self` needs a lock.
 */
#ifndef YETT_AUTH_H
#define YETT_AUTH_H

#include <yett/transport.h>

enum yett_auth_status {
	YETT_AUTH_CONTINUE = 1, /* send the token, wait for the peer's */
	YETT_AUTH_DONE = 2, /* the peer is who identity() says; send the token if there is one */
	YETT_AUTH_DENY = 3, /* it is not, or may not: `error` says why, in full */
};

struct yett_identity;

struct yett_auth_request {
	uint32_t size;
	uint32_t role;
	const struct yett_facts *facts; /* borrowed until `end` */
	/* Initiator: the configured name of the upstream, which the peer must prove to have.
	 * Acceptor: NULL. */
	const char *expected_name;
	int64_t wall_ns; /* now, by our clock */
	/* The peer's clock less ours, as far as its HELLO tells. */
	int64_t peer_ahead_ns;
	/* `judge` only: whom the session was opened for; borrowed during the call. */
	const struct yett_identity *identity;
	/* Initiator: the realm that the acceptor says it is of, or ""; acceptor: "". Proved by
	 * nothing: good for knowing which realm to ask about, never for whom to believe. */
	const char *peer_realm;
};

struct yett_auth_token {
	uint32_t size;
	uint32_t status;      /* enum yett_auth_status */
	const uint8_t *bytes; /* to send; the module's until the next call */
	size_t length;
	/* What the peer may be told when DENY: a short cause that gives nothing away. */
	const char *peer_cause;
};

/* Who the peer is: (mechanism, authority, name). Strings are the module's until `end`. */
struct yett_identity {
	uint32_t size;
	uint32_t channel_bound; /* 1: the authentication is bound to this channel */
	const char *mechanism;  /* "x509", "kerberos" */
	const char *authority;  /* the CA's subject (RFC 4514), the realm */
	const char *name;       /* the node's fully qualified name, lower case */
	const char *principal;  /* as proved: the certificate's subject, the Kerberos principal */
	int64_t expires_ns;     /* Unix time at which the session must have ended; 0: none */
};

enum yett_auth_flag {
	YETT_AUTH_CERTIFICATES = 1 << 0, /* it goes by the certificates of the channel */
};

struct yett_auth_operations {
	uint32_t size;
	uint32_t flags;     /* enum yett_auth_flag */
	const char *method; /* as it goes over the wire: "x509", "kerberos" */
	/* Whether it could be used now in that role; YETT_EUNAVAIL and the cause if not. An acceptor
	 * offers only what it could. On the loop: must not block. Optional. */
	int (*ready)(void *self, uint32_t role, struct yett_error *error);
	int (*begin)(void *self, const struct yett_auth_request *request, void **ret_context,
		struct yett_error *error);
	/* `token` is what the peer sent, NULL at the first call of the initiator. That call may
	 * answer YETT_EUNAVAIL, for want of a credential, a service or whoever gives them out:
	 * nothing has been sent, and another method that both ends allow is tried. */
	int (*step)(void *context, const uint8_t *token, size_t length,
		struct yett_auth_token *ret_token, struct yett_error *error);
	int (*identity)(void *context, struct yett_identity *ret_identity);
	void (*end)(void *context);
	/* Judges a live session again (new roots, CRLs): 0 or YETT_EDENIED. `facts` as they were.
	 * Optional. */
	int (*judge)(void *self, const struct yett_auth_request *request, struct yett_error *error);
	/* The realm that an acceptor of this method is of, for its HELLO. On the loop: must not block.
	 * Optional. */
	const char *(*realm)(void *self);
};

#endif
