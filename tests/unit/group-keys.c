/* The keys of a management group in the simulated world (group-keys.h). */
#include "group-keys.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "folder.h"
#include "manage/admission/court.h"
#include "suite.h"

static char *folder;
static unsigned made;
struct yett_sign_key *group_own_key, *group_stranger_key;
struct yett_trust group_trust;

static struct yett_sign_key *make_key(void)
{
	g_autofree char *path = g_strdup_printf("%s/key%u", folder, made++);
	struct yett_error error = {.code = 0};
	struct yett_sign_key *key = NULL;

	if (yett_sign_generate(path, &key, &error) != 0) {
		abort();
	}
	return key;
}

int group_keys_begin(void)
{
	folder = g_dir_make_tmp("yett-group-XXXXXX", NULL);
	if (folder == NULL) {
		return -1;
	}
	group_own_key = make_key();
	group_stranger_key = make_key();
	yett_id_parse("7f3c2d1e-0000-4000-8000-000000000001", &group_trust.group);
	group_trust.sequence = 1;
	memcpy(group_trust.current, yett_sign_public(group_own_key), sizeof(group_trust.current));
	memcpy(group_trust.next, yett_sign_public(group_own_key), sizeof(group_trust.next));
	return 0;
}

int group_keys_end(void)
{
	int result;

	yett_sign_free(group_own_key);
	yett_sign_free(group_stranger_key);
	result = folder_remove(folder);
	g_free(folder);
	return result;
}

int64_t group_now_s(const struct world_node *node)
{
	YETT_REQUIRE(node->node != NULL);
	return yett_clock_wall(node->node->clock) / (int64_t)YETT_SEC;
}

GByteArray *group_certify(
	int64_t now_s, const struct yett_sign_key *key, const struct yett_sign_key *by)
{
	struct yett_server_certificate of = {.group = group_trust.group,
		.name = "ms.example",
		.issued_s = now_s - DAY_S,
		.expires_s = now_s + 365 * DAY_S};
	GByteArray *bytes = g_byte_array_new();

	memcpy(of.key, yett_sign_public(key), sizeof(of.key));
	if (yett_server_certificate_sign(&of, by, bytes) != 0) {
		abort();
	}
	return bytes;
}

void group_sign(struct world_node *server)
{
	struct yett_court *court = server->manage->court;

	court->trust = group_trust;
	court->server_key = make_key();
	court->certificate = group_certify(group_now_s(server), court->server_key, group_own_key);
}

char *group_kit(const char *name)
{
	char *path = g_strdup_printf("%s/kit%u", folder, made++), id[YETT_ID_TEXT_SIZE];
	g_autofree char *current = yett_hex(group_trust.current, sizeof(group_trust.current));
	g_autofree char *next = yett_hex(group_trust.next, sizeof(group_trust.next));
	g_autofree char *text = g_strdup_printf(
		"{\"yett_kit\": 1, \"node\": \"%s\", \"group\": {\"name\": \"HOME\", "
		"\"id\": \"%s\", \"sequence\": 1, \"current\": \"%s\", \"next\": \"%s\"}}",
		name, yett_id_text(&group_trust.group, id), current, next);

	if (!g_file_set_contents(path, text, -1, NULL)) {
		abort();
	}
	return path;
}

static void answered(void *arg, int result, json_t *json, const struct yett_error *error)
{
	struct group_answer *answer = arg;

	answer->came = true;
	answer->result = result;
	json_decref(json);
	if (error != NULL) {
		g_strlcpy(answer->text, error->text, sizeof(answer->text));
		g_strlcpy(answer->mend, error->mend, sizeof(answer->mend));
	}
}

void group_ask_at(struct world_node *server, const char *what, const char *body,
	struct group_answer *ret_answer)
{
	json_t *json = json_loads(body, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	memset(ret_answer, 0, sizeof(*ret_answer));
	yett_manage_change(server->manage, what, json, "somebody", answered, ret_answer);
	json_decref(json);
}
