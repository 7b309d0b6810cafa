/* The installation file of a node: whose signatures count, whom to trust, where to go first.
 *
 * Responsible for what `yettctl node kit` writes and for reading it again: JSON, public, whose
 * integrity is all that matters: it goes to the node by a way that the administrator trusts. Not
 * responsible for keys (group.c). Main thread and loop. A file that is not understood in full is
 * refused with what is wrong; nothing of it counts. */
#include <stdlib.h>
#include <string.h>

#include "../base/file.h"
#include "../base/id.h"
#include "../flow/stages.h"
#include "court.h"

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

int yett_kit_parse(const char *bytes, size_t length, const char *node, struct yett_trust *ret_trust,
	struct yett_error *error)
{
	json_t *kit = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
	int result = json_is_object(kit) ? parse(kit, node, ret_trust, error)
					 : bad(error, "it is no JSON object");

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

/* What this server's own methods of authentication trust: files that they list as `trust`. */
static json_t *anchors_of(const struct yett_settings *settings)
{
	const struct yett_block *blocks = settings->authentication.items;
	json_t *anchors = json_array();

	for (size_t i = 0; i < settings->authentication.count; i++) {
		const struct yett_schema *row = blocks[i].descriptor->schema;

		for (; row != NULL && row->name != NULL; row++) {
			const struct yett_list *list;

			if (strcmp(row->name, "trust") != 0 || row->type != YETT_TYPE_PATH ||
				(row->flags & YETT_SCHEMA_LIST) == 0) {
				continue;
			}
			list = (const void *)((const char *)blocks[i].settings + row->offset);
			for (size_t j = 0; j < list->count; j++) {
				add_anchor(anchors, ((const char *const *)list->items)[j]);
			}
		}
	}
	return anchors;
}

/* This server, at the ports that it listens on. */
static json_t *upstreams_of(const struct yett_node *node)
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

json_t *yett_group_kit(const struct yett_court *court, const char *name)
{
	const struct yett_paper *paper = yett_court_find(court, YETT_TABLE_GROUP, "identity");
	const struct yett_node *node = court->manage->node;

	if (paper == NULL) {
		return NULL;
	}
	return json_pack("{s:i, s:s, s:{s:s, s:s, s:I, s:s, s:s}, s:o, s:o}", "yett_kit", KIT_FORM,
		"node", name, "group", "name", yett_paper_text(paper, "name"), "id",
		yett_paper_text(paper, "id"), "sequence", (json_int_t)court->trust.sequence,
		"current", yett_paper_text(paper, "current"), "next",
		yett_paper_text(paper, "next"), "anchors", anchors_of(node->settings), "upstreams",
		upstreams_of(node));
}
