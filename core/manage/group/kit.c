/* The installation file of a node: whose signatures count, whom to trust, where to go first.
 *
 * Responsible for what `yettctl node kit` writes and for reading it again: JSON, public, whose
 * integrity is all that matters: it goes to the node by a way that the administrator trusts. Not
 * responsible for keys (group.c). Main thread and loop. A file that is not understood in full is
 * refused with what is wrong; nothing of it counts. */
#include <stdlib.h>
#include <string.h>

#include "../../base/file.h"
#include "../../base/id.h"
#include "../../conf/load.h"
#include "../../flow/stages.h"
#include "../admission/court.h"

#define KIT_MAX    ((size_t)1024 * 1024)
#define KIT_FORM   1
#define ANCHOR_MAX ((size_t)256 * 1024)

static int bad(struct yett_error *error, const char *what)
{
	return yett_fail(error, YETT_ECONFIG,
		"write it anew, on a management server: yettctl node kit NAME",
		"the installation file is not understood: %s", what);
}

static int parse(
	const json_t *kit, const char *node, struct yett_trust *ret_trust, struct yett_error *error)
{
	const char *of = json_string_value(json_object_get(kit, "node"));
	const json_t *group = json_object_get(kit, "group");
	const char *id = json_string_value(json_object_get(group, "id"));
	json_int_t sequence = json_integer_value(json_object_get(group, "sequence"));
	struct yett_trust trust = {.sequence = (uint64_t)sequence};

	if (json_integer_value(json_object_get(kit, "yett_kit")) != KIT_FORM) {
		return bad(error, "it is of another form than this version reads (yett_kit: 1)");
	}
	if (of == NULL || g_ascii_strcasecmp(of, node) != 0) {
		return yett_fail(error, YETT_ECONFIG, "each node has a file of its own",
			"the installation file is for %.200s, and this is %s",
			of != NULL ? of : "nobody", node);
	}
	if (id == NULL || yett_id_parse(id, &trust.group) != 0 || yett_id_is_zero(&trust.group) ||
		sequence < 1) {
		return bad(error, "the group has no id, or no sequence");
	}
	if (!yett_unhex(json_string_value(json_object_get(group, "current")), trust.current,
		    sizeof(trust.current)) ||
		!yett_unhex(json_string_value(json_object_get(group, "next")), trust.next,
			sizeof(trust.next))) {
		return bad(error, "the group's keys are not 64 hexadecimal digits each");
	}
	*ret_trust = trust;
	return 0;
}

/* Behind the JSON stand the certificates, or nothing. */
static bool is_pem(const char *bytes, size_t length, int from)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	size_t at = from > 0 ? (size_t)from : 0;

	while (at < length && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != '\0') {
		at++;
	}
	return at >= length || (length - at >= sizeof(begin) - 1 &&
				       memcmp(bytes + at, begin, sizeof(begin) - 1) == 0);
}

int yett_kit_parse(const char *bytes, size_t length, const char *node, struct yett_trust *ret_trust,
	struct yett_error *error)
{
	json_error_t end = {.position = 0};
	json_t *kit =
		json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &end);
	int result = !json_is_object(kit) ? bad(error, "it is no JSON object")
		     : !is_pem(bytes, length, end.position)
			     ? bad(error, "what is behind its JSON is "
					  "no certificate")
			     : parse(kit, node, ret_trust, error);

	json_decref(kit);
	return result;
}

int yett_kit_read(
	const char *path, const char *node, struct yett_trust *ret_trust, struct yett_error *error)
{
	char *bytes;
	size_t length;
	int result = yett_file_read(path, KIT_MAX, &bytes, &length, error);

	if (result == 0) {
		result = yett_kit_parse(bytes, length, node, ret_trust, error);
		free(bytes);
	}
	return result;
}

/* Writing. */

static void add_anchor(json_t *anchors, const char *path)
{
	struct yett_error error = {.code = 0};
	char *bytes;
	size_t length;

	if (yett_file_read(path, ANCHOR_MAX, &bytes, &length, &error) == 0) {
		json_t *text = json_stringn(bytes, length);

		if (text != NULL) {
			json_array_append_new(anchors, text);
		}
		free(bytes);
	}
}

static json_t *json_of(const struct yett_schema *row, const void *field);

static json_t *json_of_rows(const struct yett_schema *rows, const void *settings)
{
	json_t *object = json_object();

	for (; rows->name != NULL; rows++) {
		json_object_set_new(
			object, rows->name, json_of(rows, (const char *)settings + rows->offset));
	}
	return object;
}

/* Of texts, and of lists and groups of them. */
static json_t *json_of(const struct yett_schema *row, const void *field)
{
	struct yett_schema one = *row;
	const struct yett_list *list = field;
	json_t *array;

	if ((row->flags & YETT_SCHEMA_LIST) == 0) {
		return row->type == YETT_TYPE_GROUP ? json_of_rows(row->rows, field)
						    : json_string(*(const char *const *)field);
	}
	one.flags &= ~YETT_SCHEMA_LIST;
	array = json_array();
	for (size_t i = 0; i < list->count; i++) {
		json_array_append_new(array,
			json_of(&one,
				(const char *)list->items +
					i * (row->type == YETT_TYPE_GROUP ? row->item_size
									  : sizeof(const char *))));
	}
	return array;
}

/* Whom this server itself believes, by auth-x509: the roots, and the names that each may speak for. */
static void add_trust(json_t *kit, const struct yett_settings *settings)
{
	const struct yett_block *blocks = settings->authentication.items;
	json_t *anchors = json_array();

	json_object_set_new(kit, "anchors", anchors);
	for (size_t i = 0; i < settings->authentication.count; i++) {
		const struct yett_schema *row = blocks[i].descriptor->schema;

		if (strcmp(blocks[i].descriptor->name, "auth-x509") != 0) {
			continue;
		}
		for (; row != NULL && row->name != NULL; row++) {
			const void *field = (const char *)blocks[i].settings + row->offset;

			if (strcmp(row->name, "trust") == 0) {
				const struct yett_list *list = field;

				for (size_t j = 0; j < list->count; j++) {
					add_anchor(anchors, ((const char *const *)list->items)[j]);
				}
			} else if (strcmp(row->name, "suffixes") == 0 ||
				   strcmp(row->name, "authorities") == 0) {
				json_object_set_new(kit, row->name, json_of(row, field));
			}
		}
	}
}

/* This server, at the ports that it listens on. */
static json_t *upstream_here(const struct yett_node *node)
{
	json_t *addresses = json_array();
	char address[128];

	for (guint i = 0; i < node->gates->len; i++) {
		const struct yett_gate *gate = node->gates->pdata[i];
		const struct yett_transport_operations *transport =
			node->transport->module->operations;
		const char *colon;

		if (transport->endpoint_address(gate->endpoint, address, sizeof(address)) != 0) {
			continue;
		}
		colon = strrchr(address, ':');
		if (colon != NULL) {
			g_autofree char *text = g_strconcat(node->name, colon, NULL);

			json_array_append_new(addresses, json_string(text));
		}
	}
	return json_pack("[{s:s, s:o}]", "name", node->name, "address", addresses);
}

static void first_problem(void *arg, const char *file, int line, const char *text, const char *mend)
{
	struct yett_error *error = arg;

	(void)file;
	(void)line;
	if (error->code == 0) {
		yett_fail(error, YETT_EINVAL, mend, "%s", text);
	}
}

/* "gw1.example=10.0.0.2:5723,gw2.example", the preferred one first; held against what a configuration
 * may have. */
static json_t *upstreams_of(const char *text, struct yett_error *error)
{
	g_auto(GStrv) words = g_strsplit(text, ",", -1);
	guint count = g_strv_length(words);
	g_autofree struct yett_wish_upstream *wished = g_new0(struct yett_wish_upstream, count + 1);
	struct yett_wishes wishes = {.upstreams = wished, .upstream_count = count};
	struct yett_problems *problems = yett_problems_new();
	struct yett_conf *conf = NULL;
	json_t *upstreams = NULL;

	for (guint i = 0; i < count; i++) {
		char *equals = strchr(words[i], '=');

		wished[i] = (struct yett_wish_upstream){words[i], equals != NULL ? equals + 1 : ""};
		if (equals != NULL) {
			*equals = '\0';
		}
	}
	error->code = 0;
	if (count == 0 || yett_conf_overlay(NULL, &wishes, NULL, NULL, &conf, problems) != 0) {
		yett_problems_walk(problems, first_problem, error);
		if (error->code == 0) {
			yett_fail(error, YETT_EINVAL,
				"upstream=NAME[=ADDRESS], several with commas",
				"no upstream is named");
		}
	} else {
		upstreams = json_array();
		for (guint i = 0; i < count; i++) {
			json_array_append_new(upstreams,
				wished[i].address[0] != '\0'
					? json_pack("{s:s, s:[s]}", "name", wished[i].name,
						  "address", wished[i].address)
					: json_pack("{s:s, s:[]}", "name", wished[i].name,
						  "address"));
		}
	}
	yett_conf_free(conf);
	yett_problems_free(problems);
	return upstreams;
}

json_t *yett_group_kit(const struct yett_court *court, const char *name, const char *upstreams,
	struct yett_error *error)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "identity");
	const struct yett_node *node = court->manage->node;
	json_t *first, *kit;

	if (paper == NULL) {
		yett_fail(error, YETT_ENOTSUP,
			"make the group, on a management server: yettctl group init NAME",
			"there is no management group here");
		return NULL;
	}
	first = upstreams != NULL ? upstreams_of(upstreams, error) : upstream_here(node);
	if (first == NULL) {
		return NULL;
	}
	kit = json_pack("{s:i, s:s, s:{s:s, s:s, s:I, s:s, s:s}, s:o}", "yett_kit", KIT_FORM,
		"node", name, "group", "name", yett_paper_text(paper, "name"), "id",
		yett_paper_text(paper, "id"), "sequence", (json_int_t)court->trust.sequence,
		"current", yett_paper_text(paper, "current"), "next",
		yett_paper_text(paper, "next"), "upstreams", first);
	if (kit != NULL) {
		add_trust(kit, node->settings);
	}
	return kit;
}
