/* What the files of auth-kerberos share. */
#ifndef YETT_AUTH_KERBEROS_H
#define YETT_AUTH_KERBEROS_H

#include <gssapi/gssapi.h>
#include <krb5.h>
#include <pthread.h>
#include <yett/auth.h>

#define YETT_KERBEROS_NAME_SIZE      256
#define YETT_KERBEROS_PRINCIPAL_SIZE 512
#define YETT_KERBEROS_REALM_SIZE     256

struct yett_kerberos_realm_settings {
	const char *name;
	struct yett_list suffixes;
};

struct yett_kerberos_settings {
	const char *keytab;
	const char *client_keytab;
	const char *principal;
	const char *ccache;
	const char *service;
	struct yett_list services;
	struct yett_list realms; /* struct yett_kerberos_realm_settings */
	bool machine_accounts;
	uint64_t kdc_timeout_ns;
};

/* Why something failed, in words; made at the place that knows most. */
struct yett_kerberos_cause {
	int result;           /* YETT_EUNAVAIL: it may be had later, or by another method */
	char text[512];       /* in full, for our own log */
	char mend[256];       /* "" if nothing is known */
	char peer_text[128];  /* what `for_peer` points at, where it is made */
	const char *for_peer; /* what the peer may be told */
};

/* Fills the cause and returns its result. */
int yett_kerberos_say(struct yett_kerberos_cause *ret_cause, int result, const char *for_peer,
	const char *mend, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* principal.c: the rule by which a principal names a node. */
struct yett_kerberos_rule {
	const struct yett_kerberos_settings *settings;
	const char *own_realm;
};
/* The node's name, lower case, and the realm; YETT_EDENIED with the cause. Any thread. */
int yett_kerberos_name_of(const struct yett_kerberos_rule *rule, const char *principal,
	char ret_name[YETT_KERBEROS_NAME_SIZE], char ret_realm[YETT_KERBEROS_REALM_SIZE],
	struct yett_kerberos_cause *ret_cause);
/* Whether the realm is one that is accepted, and may speak for this name. */
int yett_kerberos_realm_ok(const struct yett_kerberos_rule *rule, const char *realm,
	const char *name, struct yett_kerberos_cause *ret_cause);

/* tickets.c: what an initiator has of a KDC, for each upstream. */
struct yett_kerberos_tickets;
struct yett_kerberos_ticket {
	char cache[64]; /* a MEMORY credential cache that holds it, while it is held */
	char server[YETT_KERBEROS_PRINCIPAL_SIZE];
	char realm[YETT_KERBEROS_REALM_SIZE]; /* of the server */
	char client[YETT_KERBEROS_PRINCIPAL_SIZE];
	int64_t since, until;                  /* Unix seconds */
	int64_t kdc_ahead_s;                   /* the KDC's clock less ours, where it told */
	struct yett_kerberos_tickets *tickets; /* NULL: it is not held */
	void *hold;
};
/* Copies what it needs of the settings. */
struct yett_kerberos_tickets *yett_kerberos_tickets_new(
	const struct yett_kerberos_settings *settings, const char *own_realm);
/* A thread that a KDC keeps waiting may live on, and keeps what it needs. */
void yett_kerberos_tickets_free(struct yett_kerberos_tickets *tickets);
/* `realm`: the service's, where krb5's file does not say; "": the KDC shall say.
 * Waits for a KDC as long as the settings say; for one that has not answered by then a second at most,
 * or not at all, until it does. On success to be given back. Any thread, several at once. */
int yett_kerberos_ticket_get(struct yett_kerberos_tickets *tickets, const char *host,
	const char *realm, struct yett_kerberos_ticket *ret_ticket,
	struct yett_kerberos_cause *ret_cause);
/* It was shown in vain: the next one that asks waits for a new one, and has this if none can be had. */
void yett_kerberos_ticket_doubt(const struct yett_kerberos_ticket *ticket);
void yett_kerberos_ticket_release(struct yett_kerberos_ticket *ticket);

/* fetch.c: the library's calls that may block for long. `ret_ticket`: all but how it is held. `anew`:
 * what the file holds will not do, unless no KDC answers. */
struct yett_kerberos_source {
	char *keytab, *principal, *ccache, *service;
	char *own_realm;            /* "": not known yet */
	pthread_mutex_t *file_lock; /* who writes the file of `ccache` */
};
int yett_kerberos_fetch(const struct yett_kerberos_source *source, const char *host,
	const char *realm, bool anew, struct yett_kerberos_ticket *ret_ticket,
	struct yett_kerberos_cause *ret_cause);
void yett_kerberos_cache_destroy(const char *name);

/* cause.c: the words for what the library says. */
struct yett_kerberos_about {
	const char *doing; /* "get a ticket for yett/gw.example" */
	const char *realm; /* whose KDC was asked; the server's for no trust */
	const char *client, *server, *keytab, *own_realm; /* NULL: not known */
	double peer_ahead_s; /* the peer's clock less ours, by the hellos */
};
/* " (HOST:PORT, …)", the KDCs that the configuration names for a realm; "" where DNS would be asked. */
void yett_kerberos_kdcs(krb5_context context, const char *realm, char *ret_text, size_t size);
void yett_kerberos_explain(krb5_context context, krb5_error_code code,
	const struct yett_kerberos_about *about, struct yett_kerberos_cause *ret_cause);
void yett_kerberos_explain_gss(OM_uint32 major, OM_uint32 minor,
	const struct yett_kerberos_about *about, struct yett_kerberos_cause *ret_cause);

/* auth-kerberos.c: one instance. */
struct yett_kerberos {
	const struct yett_host *host;
	const struct yett_kerberos_settings *settings;
	/* What is accepted where nothing is listed: of upstreams the realm of our own principal, of peers
	 * that of our service's key. */
	char own_realm[YETT_KERBEROS_REALM_SIZE], service_realm[YETT_KERBEROS_REALM_SIZE];
	gss_cred_id_t acceptor; /* GSS_C_NO_CREDENTIAL: it has no keytab, and accepts nobody */
	struct yett_kerberos_tickets *tickets; /* NULL: nothing to get tickets with */
};

/* One authentication. */
struct yett_kerberos_context {
	struct yett_kerberos *self;
	const struct yett_auth_request *request; /* borrowed during a call */
	const struct yett_facts *facts;
	bool initiator;
	int turn;
	bool shown; /* initiator: its token has been made */
	bool done;
	double peer_ahead_s;
	gss_ctx_id_t gss;
	gss_cred_id_t credential;
	gss_name_t target;
	struct yett_kerberos_ticket ticket;
	char expected[YETT_KERBEROS_NAME_SIZE];
	char peer_realm[YETT_KERBEROS_REALM_SIZE]; /* as the acceptor says it is; "": it does not */
	char name[YETT_KERBEROS_NAME_SIZE];
	char realm[YETT_KERBEROS_REALM_SIZE];
	char principal[YETT_KERBEROS_PRINCIPAL_SIZE];
	int64_t expires_ns;
	uint8_t *out; /* what was last sent */
	struct yett_kerberos_cause cause;
};

/* initiate.c, accept.c: one turn each; the answer is in `token`. A negative result is the cause's:
 * YETT_EUNAVAIL, before anything was sent, lets another method try. */
int yett_kerberos_initiate(struct yett_kerberos_context *context, const uint8_t *bytes,
	size_t length, struct yett_auth_token *ret_token);
int yett_kerberos_accept(struct yett_kerberos_context *context, const uint8_t *bytes, size_t length,
	struct yett_auth_token *ret_token);

/* bind.c: what ties an authentication to its channel, and the form of a turn. */
struct yett_kerberos_bindings {
	struct gss_channel_bindings_struct gss;
	uint8_t data[64];
};
/* Whether the transport gives what a channel is known by. */
bool yett_kerberos_can_bind(const struct yett_facts *facts);
void yett_kerberos_bind(
	const struct yett_facts *facts, struct yett_kerberos_bindings *ret_bindings);
/* A MIC of ours over our role and the channel; appended with its length. */
int yett_kerberos_mic(struct yett_kerberos_context *context, gss_buffer_t ret_mic);
int yett_kerberos_verify(struct yett_kerberos_context *context, const gss_buffer_t mic);
/* Pieces, each behind its length, none empty. `pack` replaces context->out. */
int yett_kerberos_pack(struct yett_kerberos_context *context, const gss_buffer_desc *pieces,
	size_t count, struct yett_auth_token *ret_token);
bool yett_kerberos_unpack(
	const uint8_t *bytes, size_t length, gss_buffer_desc *ret_pieces, size_t count);

#endif
