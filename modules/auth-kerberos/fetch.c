/* One ticket, of the KDC.
 *
 * Responsible for the library's calls: who this node is (the named principal, or the client keytab's
 * first), the first ticket by its key, the service's ticket by that one; each time in a new cache in
 * memory, so that what is old is never handed out as new. Without a client keytab it takes what somebody
 * else keeps in the credential cache. With both, the file is made anew when a ticket has come, and read at
 * a start, and where no KDC answers. The service's realm is what the configuration maps its name to
 * ([domain_realm]), else what the caller says, else the KDC's own word (a referral); no name is asked of
 * the DNS. Not responsible for time limits (tickets.c): any call may block. Any thread; keeps nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kerberos.h"

struct fetch {
	const struct yett_kerberos_source *source;
	krb5_context context;
	krb5_ccache cache, file; /* NULL: not there */
	krb5_keytab keytab;
	krb5_principal client, server;
	krb5_creds *ticket;
	char service[YETT_KERBEROS_PRINCIPAL_SIZE];
	char client_name[YETT_KERBEROS_PRINCIPAL_SIZE];
	char own_realm[YETT_KERBEROS_REALM_SIZE];
	char realm[YETT_KERBEROS_REALM_SIZE]; /* "": the KDC shall say */
	bool hinted;                          /* it is the caller's word */
	struct yett_kerberos_cause *cause;
};

/* Whatever it is: another method may be tried, and the peer learns nothing of it. */
static int in_words(
	struct fetch *fetch, krb5_error_code code, const struct yett_kerberos_about *about)
{
	yett_kerberos_explain(fetch->context, code, about, fetch->cause);
	fetch->cause->result = YETT_EUNAVAIL;
	fetch->cause->for_peer = NULL;
	return YETT_EUNAVAIL;
}

static int failed(struct fetch *fetch, krb5_error_code code, const char *doing)
{
	struct yett_kerberos_about about = {
		.doing = doing,
		.realm = fetch->own_realm,
		.client = fetch->client_name,
		.keytab = fetch->source->keytab,
	};

	return in_words(fetch, code, &about);
}

static int no_service(struct fetch *fetch, krb5_error_code code)
{
	struct yett_kerberos_about about = {
		.doing = "get a ticket for the upstream",
		.realm = fetch->realm[0] != '\0' ? fetch->realm : fetch->own_realm,
		.own_realm = fetch->own_realm,
		.client = fetch->client_name,
		.server = fetch->service,
		.keytab = fetch->source->keytab,
	};

	return in_words(fetch, code, &about);
}

static void realm_text(krb5_const_principal principal, char *ret_text, size_t size)
{
	snprintf(ret_text, size, "%.*s", (int)principal->realm.length, principal->realm.data);
}

static void principal_text(
	krb5_context context, krb5_const_principal principal, char *ret_text, size_t size)
{
	char *text = NULL;

	ret_text[0] = '\0';
	if (krb5_unparse_name(context, principal, &text) == 0) {
		snprintf(ret_text, size, "%s", text);
		krb5_free_unparsed_name(context, text);
	}
}

static krb5_error_code first_of_keytab(struct fetch *fetch)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	krb5_error_code code = krb5_kt_start_seq_get(fetch->context, fetch->keytab, &cursor);

	if (code != 0) {
		return code;
	}
	code = krb5_kt_next_entry(fetch->context, fetch->keytab, &entry, &cursor);
	if (code == 0) {
		code = krb5_copy_principal(fetch->context, entry.principal, &fetch->client);
		krb5_free_keytab_entry_contents(fetch->context, &entry);
	}
	krb5_kt_end_seq_get(fetch->context, fetch->keytab, &cursor);
	return code;
}

/* Who we are. */
static int find_client(struct fetch *fetch)
{
	const struct yett_kerberos_source *source = fetch->source;
	krb5_error_code code = 0;

	if (source->keytab[0] != '\0') {
		code = krb5_kt_resolve(fetch->context, source->keytab, &fetch->keytab);
	}
	if (code == 0 && source->ccache[0] != '\0') {
		code = krb5_cc_resolve(fetch->context, source->ccache, &fetch->file);
	}
	if (code != 0) {
		return failed(fetch, code, "open the keytab or the credential cache");
	}
	if (source->own_realm[0] != '\0') { /* of a principal that is given without one */
		krb5_set_default_realm(fetch->context, source->own_realm);
	}
	if (source->principal[0] != '\0') {
		code = krb5_parse_name(fetch->context, source->principal, &fetch->client);
	} else if (fetch->keytab != NULL) {
		code = first_of_keytab(fetch);
	} else if (fetch->file != NULL) {
		code = krb5_cc_get_principal(fetch->context, fetch->file, &fetch->client);
	} else {
		code = KRB5_KT_NOTFOUND;
	}
	if (code != 0) {
		return failed(fetch, code, "find out who this node is");
	}
	principal_text(
		fetch->context, fetch->client, fetch->client_name, sizeof(fetch->client_name));
	realm_text(fetch->client, fetch->own_realm, sizeof(fetch->own_realm));
	return 0;
}

/* SERVICE/HOST@REALM, where the realm may be left to the KDC. */
static int find_server(struct fetch *fetch, const char *host, const char *realm)
{
	char **realms = NULL;
	krb5_error_code code = krb5_get_host_realm(fetch->context, host, &realms);

	if (code == 0 && realms != NULL && realms[0] != NULL) {
		snprintf(fetch->realm, sizeof(fetch->realm), "%s", realms[0]);
	}
	krb5_free_host_realm(fetch->context, realms);
	if (fetch->realm[0] == '\0') {
		snprintf(fetch->realm, sizeof(fetch->realm), "%s", realm);
		fetch->hinted = realm[0] != '\0';
	}
	snprintf(fetch->service, sizeof(fetch->service), "%s/%s@%s", fetch->source->service, host,
		fetch->realm);
	code = krb5_parse_name(fetch->context, fetch->service, &fetch->server);
	if (code == 0) {
		fetch->server->type = KRB5_NT_SRV_HST; /* a KDC refers none but these */
	}
	return code == 0 ? 0 : failed(fetch, code, "name the upstream's service");
}

static krb5_error_code first_ticket(struct fetch *fetch)
{
	krb5_get_init_creds_opt *options = NULL;
	krb5_creds creds;
	krb5_error_code code;

	memset(&creds, 0, sizeof(creds));
	code = krb5_get_init_creds_opt_alloc(fetch->context, &options);
	if (code == 0) {
		code = krb5_get_init_creds_keytab(
			fetch->context, &creds, fetch->client, fetch->keytab, 0, NULL, options);
	}
	/* After that, since the cache keeps by how much the KDC's clock differs. */
	if (code == 0) {
		code = krb5_cc_initialize(fetch->context, fetch->cache, fetch->client);
	}
	if (code == 0) {
		code = krb5_cc_store_cred(fetch->context, fetch->cache, &creds);
	}
	krb5_get_init_creds_opt_free(fetch->context, options);
	krb5_free_cred_contents(fetch->context, &creds);
	return code;
}

static krb5_error_code service_ticket(struct fetch *fetch, krb5_flags flags, krb5_ccache cache)
{
	krb5_creds want;

	memset(&want, 0, sizeof(want));
	want.client = fetch->client;
	want.server = fetch->server;
	return krb5_get_credentials(fetch->context, flags, cache, &want, &fetch->ticket);
}

/* Where the realm that we were told leads nowhere: perhaps the KDC knows the way. */
static krb5_error_code ask_kdc(struct fetch *fetch)
{
	krb5_error_code code =
		krb5_set_principal_realm(fetch->context, fetch->server, KRB5_REFERRAL_REALM);

	return code == 0 ? service_ticket(fetch, 0, fetch->cache) : code;
}

/* What is in the file goes to the cache in memory, for GSSAPI to find. */
static krb5_error_code from_file(struct fetch *fetch, krb5_flags flags)
{
	krb5_error_code code = service_ticket(fetch, flags, fetch->file);

	if (code == 0) {
		code = krb5_cc_initialize(fetch->context, fetch->cache, fetch->client);
	}
	return code == 0 ? krb5_cc_store_cred(fetch->context, fetch->cache, fetch->ticket) : code;
}

/* It has half of its life before it. */
static bool is_young(const krb5_creds *ticket)
{
	int64_t begin = (uint32_t)(ticket->times.starttime != 0 ? ticket->times.starttime
								: ticket->times.authtime);
	int64_t end = (uint32_t)ticket->times.endtime;

	return end - (int64_t)time(NULL) > (end - begin) / 2;
}

static void forget(struct fetch *fetch)
{
	if (fetch->ticket != NULL) {
		krb5_free_creds(fetch->context, fetch->ticket);
		fetch->ticket = NULL;
	}
}

/* A ticket of the file that the new one is to have too: of another service, while it lives. */
static bool is_others(struct fetch *fetch, krb5_creds *creds, krb5_ccache fresh)
{
	krb5_creds want, found;

	if (krb5_is_config_principal(fetch->context, creds->server) ||
		(int64_t)(uint32_t)creds->times.endtime <= (int64_t)time(NULL) ||
		!krb5_principal_compare(fetch->context, creds->client, fetch->client)) {
		return false;
	}
	memset(&want, 0, sizeof(want));
	want.client = creds->client;
	want.server = creds->server;
	if (krb5_cc_retrieve_cred(fetch->context, fresh, 0, &want, &found) != 0) {
		return true;
	}
	krb5_free_cred_contents(fetch->context, &found);
	return false;
}

static krb5_error_code keep_others(struct fetch *fetch, krb5_ccache fresh)
{
	krb5_cc_cursor cursor;
	krb5_creds creds;
	krb5_error_code code = 0;

	if (krb5_cc_start_seq_get(fetch->context, fetch->file, &cursor) != 0) {
		return 0; /* there is none yet, or none that could be read */
	}
	while (code == 0 && krb5_cc_next_cred(fetch->context, fetch->file, &cursor, &creds) == 0) {
		if (is_others(fetch, &creds, fresh)) {
			code = krb5_cc_store_cred(fetch->context, fresh, &creds);
		}
		krb5_free_cred_contents(fetch->context, &creds);
	}
	krb5_cc_end_seq_get(fetch->context, fetch->file, &cursor);
	return code;
}

/* Puts a new file in the place of the old one, so that there is always a whole one. */
static krb5_error_code replace_file(struct fetch *fetch, const char *path, const char *name)
{
	krb5_ccache fresh = NULL;
	krb5_error_code code = krb5_cc_resolve(fetch->context, name, &fresh);

	if (code == 0) {
		code = krb5_cc_initialize(fetch->context, fresh, fetch->client);
	}
	if (code == 0) {
		code = krb5_cc_copy_creds(fetch->context, fetch->cache, fresh);
	}
	if (code == 0) {
		code = keep_others(fetch, fresh);
	}
	if (fresh != NULL) {
		krb5_cc_close(fetch->context, fresh);
	}
	return code == 0 && rename(path, fetch->source->ccache) != 0 ? KRB5_FCC_PERM : code;
}

/* What was got is kept for a start without a KDC, beside what there is for other upstreams; that it
 * cannot be is no failure. */
static void to_file(struct fetch *fetch)
{
	static const char prefix[] = "FILE:";
	size_t size = strlen(prefix) + strlen(fetch->source->ccache) + sizeof(".XXXXXX");
	char *name = malloc(size), *path;
	int file;

	if (name == NULL) {
		return;
	}
	snprintf(name, size, "%s%s.XXXXXX", prefix, fetch->source->ccache);
	path = name + strlen(prefix);
	file = mkostemp(path, O_CLOEXEC);
	pthread_mutex_lock(fetch->source->file_lock);
	if (file >= 0) {
		close(file);
		if (replace_file(fetch, path, name) != 0) {
			unlink(path);
		}
	} else if (krb5_cc_initialize(fetch->context, fetch->file, fetch->client) == 0) {
		/* No room for a second one beside it. */
		krb5_cc_copy_creds(fetch->context, fetch->cache, fetch->file);
	}
	pthread_mutex_unlock(fetch->source->file_lock);
	free(name);
}

static int get(struct fetch *fetch, bool anew)
{
	krb5_error_code code = krb5_cc_new_unique(fetch->context, "MEMORY", NULL, &fetch->cache);

	if (code != 0) {
		return failed(fetch, code, "make a credential cache");
	}
	if (fetch->keytab == NULL) {
		code = from_file(fetch, 0);
		return code == 0 ? 0 : no_service(fetch, code);
	}
	if (!anew && fetch->file != NULL && from_file(fetch, KRB5_GC_CACHED) == 0 &&
		is_young(fetch->ticket)) {
		return 0;
	}
	forget(fetch);
	code = first_ticket(fetch);
	if (code != 0) {
		if (fetch->file != NULL && from_file(fetch, KRB5_GC_CACHED) == 0) {
			return 0;
		}
		return failed(fetch, code, "get a first ticket");
	}
	code = service_ticket(fetch, 0, fetch->cache);
	if (code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN && fetch->hinted && ask_kdc(fetch) == 0) {
		code = 0;
	}
	if (code != 0) {
		return no_service(fetch, code);
	}
	if (fetch->file != NULL) {
		to_file(fetch);
	}
	return 0;
}

/* The library names a service as it was asked for; where the KDC has found its realm, only the ticket
 * itself says which. It is kept under that name too, for GSSAPI to find. */
static krb5_error_code name_service(struct fetch *fetch)
{
	krb5_creds *creds = fetch->ticket;
	krb5_ticket *ticket = NULL;
	krb5_principal server = NULL;
	krb5_error_code code = krb5_decode_ticket(&creds->ticket, &ticket);

	if (code == 0 && !krb5_principal_compare(fetch->context, creds->server, ticket->server)) {
		code = krb5_copy_principal(fetch->context, ticket->server, &server);
		if (code == 0) {
			krb5_free_principal(fetch->context, creds->server);
			creds->server = server;
			code = krb5_cc_store_cred(fetch->context, fetch->cache, creds);
		}
	}
	krb5_free_ticket(fetch->context, ticket);
	return code;
}

static void describe(const struct fetch *fetch, struct yett_kerberos_ticket *ret_ticket)
{
	const krb5_creds *ticket = fetch->ticket;
	krb5_timestamp ahead = 0;
	krb5_int32 ignored;

	principal_text(
		fetch->context, ticket->server, ret_ticket->server, sizeof(ret_ticket->server));
	realm_text(ticket->server, ret_ticket->realm, sizeof(ret_ticket->realm));
	snprintf(ret_ticket->client, sizeof(ret_ticket->client), "%s", fetch->client_name);
	snprintf(ret_ticket->cache, sizeof(ret_ticket->cache), "MEMORY:%s",
		krb5_cc_get_name(fetch->context, fetch->cache));
	krb5_get_time_offsets(fetch->context, &ahead, &ignored);
	/* Times of a ticket are the KDC's, as unsigned seconds; ours is what counts here. */
	ret_ticket->kdc_ahead_s = ahead;
	ret_ticket->since =
		(int64_t)(uint32_t)(ticket->times.starttime != 0 ? ticket->times.starttime
								 : ticket->times.authtime) -
		ahead;
	ret_ticket->until = (int64_t)(uint32_t)ticket->times.endtime - ahead;
}

static void fetch_done(struct fetch *fetch, bool keep)
{
	krb5_context context = fetch->context;

	if (fetch->ticket != NULL) {
		krb5_free_creds(context, fetch->ticket);
	}
	if (fetch->cache != NULL && keep) {
		krb5_cc_close(context, fetch->cache);
	} else if (fetch->cache != NULL) {
		krb5_cc_destroy(context, fetch->cache);
	}
	if (fetch->file != NULL) {
		krb5_cc_close(context, fetch->file);
	}
	if (fetch->keytab != NULL) {
		krb5_kt_close(context, fetch->keytab);
	}
	krb5_free_principal(context, fetch->client);
	krb5_free_principal(context, fetch->server);
	krb5_free_context(context);
}

int yett_kerberos_fetch(const struct yett_kerberos_source *source, const char *host,
	const char *realm, bool anew, struct yett_kerberos_ticket *ret_ticket,
	struct yett_kerberos_cause *ret_cause)
{
	struct fetch fetch = {.source = source, .cause = ret_cause};
	krb5_error_code code = krb5_init_context(&fetch.context);
	int result;

	if (code != 0) {
		return yett_kerberos_say(ret_cause, YETT_EUNAVAIL, NULL,
			"look at the file of `krb5-config`", "Kerberos cannot be begun: code %d",
			(int)code);
	}
	result = find_client(&fetch);
	if (result == 0) {
		result = find_server(&fetch, host, realm);
	}
	if (result == 0) {
		result = get(&fetch, anew);
	}
	if (result == 0) {
		code = name_service(&fetch);
		result = code == 0 ? 0 : no_service(&fetch, code);
	}
	if (result == 0) {
		describe(&fetch, ret_ticket);
	}
	fetch_done(&fetch, result == 0);
	return result;
}

void yett_kerberos_cache_destroy(const char *name)
{
	krb5_context context;
	krb5_ccache cache;

	if (krb5_init_context(&context) != 0) {
		return;
	}
	if (krb5_cc_resolve(context, name, &cache) == 0) {
		krb5_cc_destroy(context, cache);
	}
	krb5_free_context(context);
}
