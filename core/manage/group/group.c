/* The group's identity and keys, on a management server.
 *
 * Responsible for `group init`, `join` and `rollover`: the group's key and its successor (Ed25519, files of
 * the state directory named after their public half, 0600), a key of each server's own with a
 * certificate by the group's key, and what the registry says of them. Not responsible for what is
 * signed with them (court.c).
 *
 * Servers of a group share its store, and trust what stands there: whoever may write to the store may
 * approve nodes already. So the server that holds the group's key certifies whichever server asks for
 * it there, by itself, with an event and an audit record. On the loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../base/file.h"
#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../admission/court.h"

#define SERVER_PREFIX "server/"
#define CERTIFIED_S   (INT64_C(365) * 86400)
#define RENEW_S       (INT64_C(30) * 86400) /* before a certificate ends, it is made anew */
#define CHECK_NS      (60 * YETT_SEC)
#define ROLLOVERS_MAX 64
#define NAMED_BY      8 /* bytes of a key, in the name of its file */

char *yett_hex(const uint8_t *bytes, size_t length)
{
	GString *text = g_string_sized_new(2 * length);

	for (size_t i = 0; i < length; i++) {
		g_string_append_printf(text, "%02x", bytes[i]);
	}
	return g_string_free(text, FALSE);
}

GByteArray *yett_unhex_all(const char *text, size_t max)
{
	size_t length = text != NULL ? strlen(text) : 0;
	GByteArray *bytes;

	if (length == 0 || length % 2 != 0 || length / 2 > max ||
		strspn(text, "0123456789abcdef") != length) {
		return NULL;
	}
	bytes = g_byte_array_sized_new((guint)(length / 2));
	for (size_t i = 0; i < length; i += 2) {
		uint8_t byte = (uint8_t)(g_ascii_xdigit_value(text[i]) * 16 +
					 g_ascii_xdigit_value(text[i + 1]));

		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

bool yett_unhex(const char *text, uint8_t *ret_bytes, size_t size)
{
	GByteArray *bytes = yett_unhex_all(text, size);
	bool good = bytes != NULL && bytes->len == size;

	if (good) {
		memcpy(ret_bytes, bytes->data, size);
	}
	if (bytes != NULL) {
		g_byte_array_unref(bytes);
	}
	return good;
}

static const char *now_text(const struct yett_court *court, char text[32])
{
	return yett_time_text(yett_clock_wall(court->manage->node->clock), text, 32);
}

static int64_t now_s(const struct yett_court *court)
{
	return yett_clock_wall(court->manage->node->clock) / (int64_t)YETT_SEC;
}

/* Files of keys. */

static char *state_path(const struct yett_court *court, const char *name)
{
	return g_strdup_printf("%s/%s", court->manage->node->settings->node.state, name);
}

static char *group_key_path(const struct yett_court *court, const uint8_t *public)
{
	g_autofree char *hex = yett_hex(public, NAMED_BY);
	g_autofree char *name = g_strdup_printf("group-%s.key", hex);

	return state_path(court, name);
}

static struct yett_sign_key *load_group_key(const struct yett_court *court, const uint8_t *public)
{
	g_autofree char *path = group_key_path(court, public);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key;
	int result = yett_sign_load(path, &key, &error);

	if (result == YETT_ENOTFOUND) {
		return NULL;
	}
	if (result != 0) {
		yett_log(YETT_LOG_ERROR, "group-key-unreadable", "%s; %s", error.text, error.mend);
		return NULL;
	}
	if (memcmp(yett_sign_public(key), public, YETT_SIGN_PUBLIC_SIZE) != 0) {
		yett_sign_free(key);
		return NULL;
	}
	return key;
}

/* Made under another name first, since its own is the key's. */
static struct yett_sign_key *make_group_key(
	const struct yett_court *court, struct yett_error *error)
{
	g_autofree char *fresh = state_path(court, "group-new.key");
	g_autofree char *path = NULL;
	struct yett_sign_key *key;

	unlink(fresh); /* an earlier try that was not finished: nothing refers to it */
	if (yett_sign_generate(fresh, &key, error) != 0) {
		return NULL;
	}
	path = group_key_path(court, yett_sign_public(key));
	/* Before the registry speaks of it: a group whose key a loss of power took away is none any more. */
	if (yett_file_rename(fresh, path, error) != 0) {
		yett_sign_free(key);
		return NULL;
	}
	return key;
}

static struct yett_sign_key *own_key(
	const struct yett_court *court, bool make, struct yett_error *error)
{
	g_autofree char *path = state_path(court, "server.key");
	struct yett_sign_key *key = NULL;
	int result = yett_sign_load(path, &key, error);

	if (result == YETT_ENOTFOUND && make) {
		memset(error, 0, sizeof(*error));
		result = yett_sign_generate(path, &key, error);
	}
	return result == 0 ? key : NULL;
}

/* Of keys that have gone by a rollover: a server that died just then has left the file. What the registry does
 * not name as gone stays: of a store that was put back from an older copy, it may be the successor. */
static void remove_gone(const struct yett_court *court, const struct yett_paper *identity)
{
	const json_t *gone = json_object_get(identity->json, "gone");

	for (size_t i = 0; i < json_array_size(gone); i++) {
		g_autofree char *path = NULL;
		uint8_t key[YETT_SIGN_PUBLIC_SIZE];

		if (!yett_unhex(json_string_value(json_array_get(gone, i)), key, sizeof(key)) ||
			memcmp(key, court->trust.current, NAMED_BY) == 0 ||
			memcmp(key, court->trust.next, NAMED_BY) == 0) {
			continue;
		}
		path = group_key_path(court, key);
		if (unlink(path) == 0) {
			yett_log(YETT_LOG_NOTICE, "group-key-removed",
				"a key of the group that a rollover has replaced was still there, "
				"and is removed file=%s",
				path);
		} else if (errno != ENOENT) {
			yett_log(YETT_LOG_ERROR, "group-key-left",
				"a key of the group that a rollover has replaced cannot be "
				"removed: "
				"%s; as root: rm %s",
				strerror(errno), path);
		}
	}
}

/* What the registry says. */

static void load_identity(struct yett_court *court)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "identity");
	struct yett_trust trust = {.sequence = 0};

	if (paper == NULL) {
		return;
	}
	trust.sequence = (uint64_t)json_integer_value(json_object_get(paper->json, "sequence"));
	if (yett_id_parse(yett_paper_text(paper, "id"), &trust.group) != 0 ||
		!yett_unhex(
			yett_paper_text(paper, "current"), trust.current, sizeof(trust.current)) ||
		!yett_unhex(yett_paper_text(paper, "next"), trust.next, sizeof(trust.next))) {
		yett_log(YETT_LOG_ERROR, "registry-unreadable",
			"what the registry says of the group's keys is not understood; nothing is "
			"signed table=group key=identity");
		return;
	}
	court->trust = trust;
	yett_sign_free(court->group_key);
	court->group_key = load_group_key(court, trust.current);
	if (court->group_key != NULL) {
		remove_gone(court, paper);
	}
}

static void load_certificate(struct yett_court *court)
{
	g_autofree char *key = g_strconcat(SERVER_PREFIX, court->manage->node->name, NULL);
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, key);
	struct yett_server_certificate certificate;
	struct yett_error error = {.code = 0};
	GByteArray *bytes = yett_unhex_all(yett_paper_text(paper, "certificate"), YETT_SIGNED_MAX);

	if (bytes == NULL) {
		return;
	}
	if (court->server_key == NULL) {
		court->server_key = own_key(court, false, &error);
	}
	if (court->server_key != NULL &&
		yett_server_certificate_open(
			&court->trust, bytes->data, bytes->len, &certificate, &error) == 0 &&
		memcmp(certificate.key, yett_sign_public(court->server_key),
			sizeof(certificate.key)) == 0) {
		if (court->certificate != NULL) {
			g_byte_array_unref(court->certificate);
		}
		court->certificate = g_byte_array_ref(bytes);
		yett_log(YETT_LOG_NOTICE, "server-certified",
			"this server signs decisions for the group sequence=%" G_GUINT64_FORMAT,
			court->trust.sequence);
	}
	g_byte_array_unref(bytes);
}

/* Certifying. */

static void certified(void *arg, int result)
{
	struct yett_court *court = arg;

	if (result != YETT_ECLOSED) {
		court->certifying = false;
	}
}

static bool certify(struct yett_court *court, const char *key, const struct yett_paper *paper)
{
	struct yett_server_certificate certificate = {.group = court->trust.group,
		.issued_s = now_s(court),
		.expires_s = now_s(court) + CERTIFIED_S};
	GByteArray *bytes = g_byte_array_new();
	json_t *json = json_copy(paper->json);
	g_autofree char *hex = NULL;
	bool good;

	g_strlcpy(certificate.name, key + strlen(SERVER_PREFIX), sizeof(certificate.name));
	good = yett_unhex(
		       yett_paper_text(paper, "key"), certificate.key, sizeof(certificate.key)) &&
	       yett_server_certificate_sign(&certificate, court->group_key, bytes) == 0;
	if (good) {
		hex = yett_hex(bytes->data, bytes->len);
		json_object_set_new(json, "certificate", json_string(hex));
		json_object_set_new(
			json, "sequence", json_integer((json_int_t)court->trust.sequence));
		json_object_set_new(json, "expires_s", json_integer(certificate.expires_s));
		yett_log(YETT_LOG_NOTICE, "server-certifying",
			"a management server of this store gets a certificate of the group's key "
			"server=%s",
			certificate.name);
		court->certifying = true;
		yett_court_change(court, YETT_TABLE_GROUP, key, json, "the group's key", "certify",
			certified, court);
	} else {
		json_decref(json);
	}
	g_byte_array_unref(bytes);
	return good;
}

/* The next server that lacks one, or whose ends soon, or is of an older key. One at a time. */
static void certify_next(struct yett_court *court)
{
	GHashTableIter iter;
	gpointer key, value;

	if (court->group_key == NULL || court->certifying) {
		return;
	}
	g_hash_table_iter_init(&iter, yett_court_table(court, YETT_TABLE_GROUP));
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const struct yett_paper *paper = value;

		if (paper->json == NULL || !g_str_has_prefix(key, SERVER_PREFIX)) {
			continue;
		}
		if ((yett_paper_text(paper, "certificate")[0] == '\0' ||
			    json_integer_value(json_object_get(paper->json, "expires_s")) <
				    now_s(court) + RENEW_S ||
			    (uint64_t)json_integer_value(json_object_get(paper->json, "sequence")) <
				    court->trust.sequence) &&
			certify(court, key, paper)) {
			return;
		}
	}
}

void yett_group_load(struct yett_court *court)
{
	load_identity(court);
	load_certificate(court);
}

void yett_group_applied(struct yett_court *court, const char *key)
{
	if (strcmp(key, "identity") == 0) {
		load_identity(court);
		yett_ask_keys(court->manage);
	} else if (g_str_has_prefix(key, SERVER_PREFIX)) {
		if (strcmp(key + strlen(SERVER_PREFIX), court->manage->node->name) == 0) {
			load_certificate(court);
		}
		court->checked_ns = 0;
	}
}

void yett_group_tick(struct yett_court *court, uint64_t now_ns)
{
	if (court->checked_ns == 0 || now_ns - court->checked_ns > CHECK_NS) {
		court->checked_ns = now_ns;
		certify_next(court);
	}
}

void yett_group_done(struct yett_court *court)
{
	yett_sign_free(court->group_key);
	yett_sign_free(court->server_key);
	if (court->certificate != NULL) {
		g_byte_array_unref(court->certificate);
	}
}

/* What an administrator asks for. */

struct wish {
	struct yett_court *court;
	yett_answer_fn answer;
	void *arg;
	char *by;
	uint8_t old[YETT_SIGN_PUBLIC_SIZE]; /* rollover: the key that goes */
};

static void wish_free(struct wish *wish)
{
	g_free(wish->by);
	g_free(wish);
}

static void refuse(yett_answer_fn answer, void *arg, int result, const char *mend, const char *text)
{
	struct yett_error error = {.code = 0};

	yett_fail(&error, result, mend, "%s", text);
	answer(arg, result, NULL, &error);
}

static struct wish *wish_new(
	struct yett_court *court, const char *by, yett_answer_fn answer, void *arg)
{
	struct wish *wish = g_new0(struct wish, 1);

	wish->court = court;
	wish->by = g_strdup(by);
	wish->answer = answer;
	wish->arg = arg;
	return wish;
}

static void told(void *arg, int result)
{
	struct wish *wish = arg;

	if (result == 0) {
		wish->court->checked_ns = 0; /* certificates, at the next tick */
		wish->answer(wish->arg, 0, yett_group_view(wish->court), NULL);
	} else {
		refuse(wish->answer, wish->arg, result, "look again: yettctl group",
			result == YETT_ECONFLICT ? "somebody else has changed the group meanwhile"
						 : yett_court_conflict(result));
	}
	wish_free(wish);
}

/* This server asks for a certificate. */
static void enrol(struct wish *wish)
{
	struct yett_court *court = wish->court;
	g_autofree char *key = g_strconcat(SERVER_PREFIX, court->manage->node->name, NULL);
	g_autofree char *hex = NULL;
	struct yett_error error = {.code = 0};
	char at[32];

	if (court->server_key == NULL) {
		court->server_key = own_key(court, true, &error);
	}
	if (court->server_key == NULL) {
		wish->answer(wish->arg, error.code, NULL, &error);
		wish_free(wish);
		return;
	}
	hex = yett_hex(yett_sign_public(court->server_key), YETT_SIGN_PUBLIC_SIZE);
	yett_court_change(court, YETT_TABLE_GROUP, key,
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", court->manage->node->name, "key",
			hex, "certificate", "", "by", wish->by, "at", now_text(court, at)),
		wish->by, "group join", told, wish);
}

static void initialised(void *arg, int result)
{
	struct wish *wish = arg;

	if (result != 0) {
		told(wish, result);
		return;
	}
	enrol(wish);
}

static json_t *identity(const struct yett_court *court, const char *name, const char *id,
	const struct yett_sign_key *current, const struct yett_sign_key *next, const char *by)
{
	g_autofree char *current_hex = yett_hex(yett_sign_public(current), YETT_SIGN_PUBLIC_SIZE);
	g_autofree char *next_hex = yett_hex(yett_sign_public(next), YETT_SIGN_PUBLIC_SIZE);
	char at[32];

	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:[], s:s, s:s}", "name", name, "id", id,
		"sequence", 1, "current", current_hex, "next", next_hex, "rollovers", "by", by,
		"at", now_text(court, at));
}

void yett_group_init(struct yett_court *court, const char *name, const char *by,
	yett_answer_fn answer, void *arg)
{
	const struct yett_settings *settings = court->manage->node->settings;
	struct yett_sign_key *current, *next = NULL;
	struct yett_error error = {.code = 0};
	char id_text[YETT_ID_TEXT_SIZE];
	struct yett_id id;

	if (name == NULL || name[0] == '\0' || strlen(name) > 200) {
		refuse(answer, arg, YETT_EINVAL, "yettctl group init NAME",
			"a group has a name of up to 200 bytes");
		return;
	}
	if (yett_court_find(court, YETT_TABLE_GROUP, "identity") != NULL) {
		refuse(answer, arg, YETT_EEXIST,
			"on another server of it: yettctl group join; for new keys: yettctl group "
			"rollover",
			"this store has a group already");
		return;
	}
	if (settings->group.name[0] != '\0' && strcmp(settings->group.name, name) != 0) {
		refuse(answer, arg, YETT_EINVAL, "say the same in both, or leave group.name out",
			"the configuration of this server has another group.name");
		return;
	}
	if (yett_id_parse(settings->group.id, &id) != 0) {
		id = yett_id_new(court->manage->node->clock);
	}
	current = make_group_key(court, &error);
	next = current != NULL ? make_group_key(court, &error) : NULL;
	if (next == NULL) {
		yett_sign_free(current);
		answer(arg, error.code, NULL, &error);
		return;
	}
	yett_court_change(court, YETT_TABLE_GROUP, "identity",
		identity(court, name, yett_id_text(&id, id_text), current, next, by), by,
		"group init", initialised, wish_new(court, by, answer, arg));
	yett_sign_free(current);
	yett_sign_free(next);
}

void yett_group_join(struct yett_court *court, const char *by, yett_answer_fn answer, void *arg)
{
	if (yett_court_find(court, YETT_TABLE_GROUP, "identity") == NULL) {
		refuse(answer, arg, YETT_ENOTFOUND,
			"on the first management server: yettctl group init NAME; then here, with "
			"the same store",
			"there is no group in this store");
		return;
	}
	if (court->certificate != NULL) {
		answer(arg, 0, yett_group_view(court), NULL);
		return;
	}
	enrol(wish_new(court, by, answer, arg));
}

static void rolled_over(void *arg, int result)
{
	struct wish *wish = arg;

	if (result == 0) {
		g_autofree char *path = group_key_path(wish->court, wish->old);

		unlink(path); /* what is left of it is in backups */
	}
	told(wish, result);
}

/* `key` is kept in mind as one that has gone, so that its file can be looked for later. */
static void note_gone(json_t *identity, const uint8_t *key)
{
	g_autofree char *hex = yett_hex(key, YETT_SIGN_PUBLIC_SIZE);
	json_t *gone = json_object_get(identity, "gone");

	if (!json_is_array(gone)) {
		gone = json_array();
		json_object_set_new(identity, "gone", gone);
	}
	json_array_append_new(gone, json_string(hex));
}

void yett_group_rollover(struct yett_court *court, bool compromised, const char *by,
	yett_answer_fn answer, void *arg)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "identity");
	struct yett_trust after = court->trust;
	struct yett_sign_key *next, *fresh = NULL;
	struct yett_error error = {.code = 0};
	GByteArray *bytes = NULL;
	struct wish *wish;
	json_t *json;

	if (paper != NULL &&
		json_array_size(json_object_get(paper->json, "rollovers")) >= ROLLOVERS_MAX) {
		refuse(answer, arg, YETT_ENOTSUP,
			"make the group anew, in a new store, and give every node a new "
			"installation file (yettctl node kit)",
			"the keys were rolled over " G_STRINGIFY(
				ROLLOVERS_MAX) " times, which is as often as they can be");
		return;
	}
	next = paper != NULL ? load_group_key(court, court->trust.next) : NULL;
	if (next == NULL) {
		refuse(answer, arg, YETT_ENOTFOUND,
			"do it on the server that made the group; where the successor's file was "
			"moved away, bring it back first",
			"this server has not got the key that succeeds the group's");
		return;
	}
	fresh = make_group_key(court, &error);
	if (fresh == NULL) {
		yett_sign_free(next);
		answer(arg, error.code, NULL, &error);
		return;
	}
	after.sequence++;
	memcpy(after.current, yett_sign_public(next), sizeof(after.current));
	memcpy(after.next, yett_sign_public(fresh), sizeof(after.next));
	bytes = g_byte_array_new();
	if (yett_trust_sign(&after, compromised, next, bytes) != 0) {
		g_autofree char *path = group_key_path(court, yett_sign_public(fresh));

		unlink(path); /* nothing refers to it */
		refuse(answer, arg, YETT_EIO,
			"look at the file of the successor's key, and try again",
			"the new keys could not be signed, and nothing has changed");
		g_byte_array_unref(bytes);
		yett_sign_free(next);
		yett_sign_free(fresh);
		return;
	}
	json = json_deep_copy(paper->json);
	{
		g_autofree char *current_hex = yett_hex(after.current, sizeof(after.current));
		g_autofree char *next_hex = yett_hex(after.next, sizeof(after.next));
		g_autofree char *hex = yett_hex(bytes->data, bytes->len);

		json_object_set_new(json, "sequence", json_integer((json_int_t)after.sequence));
		json_object_set_new(json, "current", json_string(current_hex));
		json_object_set_new(json, "next", json_string(next_hex));
		json_array_append_new(json_object_get(json, "rollovers"), json_string(hex));
	}
	if (compromised) {
		json_object_set_new(json, "compromised", json_integer((json_int_t)after.sequence));
	}
	note_gone(json, court->trust.current);
	wish = wish_new(court, by, answer, arg);
	memcpy(wish->old, court->trust.current, sizeof(wish->old));
	yett_court_change(court, YETT_TABLE_GROUP, "identity", json, by,
		compromised ? "group rollover --compromised" : "group rollover", rolled_over, wish);
	g_byte_array_unref(bytes);
	yett_sign_free(next);
	yett_sign_free(fresh);
}

json_t *yett_group_rollovers(const struct yett_court *court)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "identity");

	return paper != NULL ? json_object_get(paper->json, "rollovers") : NULL;
}
