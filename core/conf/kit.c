/* What an installation file stands for where the node's own file is silent.
 *
 * Responsible for `authentication` and `upstreams` of a node whose file names one (group.kit) and says
 * nothing of these itself: they are read as if they stood in its file. Not responsible for the group's
 * keys in it (manage/kit.c), nor for making it. Main thread. Nothing else is taken from there: a kit names
 * no module but auth-x509, no command, no other file; the certificates stand in it, behind the JSON, as
 * PEM. A kit that is not understood is a mistake of the configuration. */
#include <jansson.h>
#include <stdlib.h>

#include "../base/file.h"
#include "kit.h"

#define KIT_MAX ((size_t)1024 * 1024)

static void add_texts(GString *to, const json_t *texts)
{
	const char *text;
	size_t i;
	json_t *item;

	g_string_append(to, "[ ");
	json_array_foreach((json_t *)(uintptr_t)texts, i, item)
	{
		text = json_string_value(item);
		g_string_append(to, i > 0 ? ", " : "");
		yett_tree_quote(to, text != NULL ? text : "");
	}
	g_string_append(to, " ]");
}

static void add_text(GString *to, const char *key, const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, key));

	g_string_append_printf(to, "%s = ", key);
	yett_tree_quote(to, text != NULL ? text : "");
	g_string_append(to, "; ");
}

static void add_authentication(GString *to, const json_t *kit, const char *path)
{
	size_t i;
	json_t *item;

	g_string_append(to, "authentication = ( { module = \"auth-x509\"; trust = [ ");
	yett_tree_quote(to, path);
	g_string_append(to, " ]; suffixes = ");
	add_texts(to, json_object_get(kit, "suffixes"));
	g_string_append(to, "; authorities = ( ");
	json_array_foreach(json_object_get(kit, "authorities"), i, item)
	{
		g_string_append(to, i > 0 ? ", { " : "{ ");
		add_text(to, "subject", item);
		g_string_append(to, "suffixes = ");
		add_texts(to, json_object_get(item, "suffixes"));
		g_string_append(to, "; }");
	}
	g_string_append(to, " ); } ); ");
}

static void add_upstreams(GString *to, const json_t *kit)
{
	size_t i;
	json_t *item;

	g_string_append(to, "upstreams = ( ");
	json_array_foreach(json_object_get(kit, "upstreams"), i, item)
	{
		g_string_append(to, i > 0 ? ", { " : "{ ");
		add_text(to, "name", item);
		g_string_append(to, "address = ");
		add_texts(to, json_object_get(item, "address"));
		g_string_append_printf(to, "; priority = %zu; }", i);
	}
	g_string_append(to, " ); ");
}

int yett_kit_settings(const char *bytes, size_t length, const char *path, unsigned wanted,
	GString *to, struct yett_error *error)
{
	json_t *kit =
		json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);

	if (!json_is_object(kit)) {
		json_decref(kit);
		return yett_fail(error, YETT_ECONFIG,
			"write it anew, on a management server: yettctl node kit NAME",
			"the installation file %s is not understood", path);
	}
	if ((wanted & YETT_KIT_AUTHENTICATION) != 0 && json_object_get(kit, "suffixes") != NULL) {
		add_authentication(to, kit, path);
	}
	if ((wanted & YETT_KIT_UPSTREAMS) != 0 &&
		json_array_size(json_object_get(kit, "upstreams")) > 0) {
		add_upstreams(to, kit);
	}
	json_decref(kit);
	return 0;
}

int yett_kit_add(struct yett_tree *tree, const char *directory, struct yett_arena *arena,
	struct yett_problems *problems)
{
	const config_setting_t *root = config_root_setting(&tree->config);
	const config_setting_t *named = yett_tree_member(yett_tree_member(root, "group"), "kit");
	const char *text = named != NULL ? config_setting_get_string(named) : NULL;
	struct yett_place place = yett_tree_place(named);
	struct yett_error error = YETT_ERROR_INIT;
	g_autoptr(GString) more = NULL;
	unsigned wanted = 0;
	char *bytes, *path;
	size_t length;
	int result;

	wanted |= yett_tree_member(root, "authentication") == NULL ? YETT_KIT_AUTHENTICATION : 0;
	wanted |= yett_tree_member(root, "upstreams") == NULL ? YETT_KIT_UPSTREAMS : 0;
	if (text == NULL || text[0] == '\0' || wanted == 0 ||
		yett_tree_member(root, "store") != NULL) {
		return 0;
	}
	path = text[0] == '/' ? g_strdup(text) : g_build_filename(directory, text, NULL);
	more = g_string_new(NULL);
	result = yett_file_read(path, KIT_MAX, &bytes, &length, &error);
	if (result == 0) {
		result = yett_kit_settings(bytes, length, path, wanted, more, &error);
		free(bytes);
	}
	if (result != 0) {
		yett_problems_add(problems, place.file, place.line, error.mend,
			"'kit' of group: %s", error.text);
	} else {
		result = yett_tree_add(
			tree, more->str, more->len, yett_arena_text(arena, path), arena, problems);
	}
	g_free(path);
	return result != 0 ? YETT_ECONFIG : 0;
}
