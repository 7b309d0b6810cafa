/* The tree.
 *
 * Responsible for having libconfig parse the scanned text, for saying where and why it would not,
 * and for tying every setting to the token that it began with. libconfig decides what the text
 * means; the tokens say where it stands and how a number was written. Should the two ever disagree,
 * the file is refused. Main thread; settings live as long as the tree. */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

void yett_tree_init(struct yett_tree *tree)
{
	config_init(&tree->config);
	yett_scan_init(&tree->scan);
}

void yett_tree_done(struct yett_tree *tree)
{
	config_destroy(&tree->config);
	yett_scan_done(&tree->scan);
}

/* Ties `setting` and what is in it; false where tokens and tree disagree. */
static bool tie(config_setting_t *setting, struct yett_token **at)
{
	config_setting_set_hook(setting, *at);
	if (setting->name != NULL) {
		if ((*at)->type != YETT_TOKEN_NAME || strcmp((*at)->text, setting->name) != 0) {
			return false;
		}
		(*at)++;
	}
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return (*at)++->type == YETT_TOKEN_STRING;
	case CONFIG_TYPE_GROUP:
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		if ((*at)++->type != YETT_TOKEN_OPEN) {
			return false;
		}
		for (int i = 0; i < config_setting_length(setting); i++) {
			if (!tie(config_setting_get_elem(setting, (unsigned)i), at)) {
				return false;
			}
		}
		return (*at)++->type == YETT_TOKEN_CLOSE;
	default:
		return (*at)++->type == YETT_TOKEN_WORD;
	}
}

static bool tie_root(struct yett_tree *tree)
{
	struct yett_token *at = (struct yett_token *)(void *)tree->scan.tokens->data;
	config_setting_t *root = config_root_setting(&tree->config);

	for (int i = 0; i < config_setting_length(root); i++) {
		if (!tie(config_setting_get_elem(root, (unsigned)i), &at)) {
			return false;
		}
	}
	return at->type == YETT_TOKEN_END;
}

static void explain(struct yett_tree *tree, struct yett_problems *problems)
{
	const struct yett_scan *scan = &tree->scan;
	int line = config_error_line(&tree->config);
	const char *text = config_error_text(&tree->config);
	struct yett_place place;

	if (text != NULL && strstr(text, "duplicate") != NULL && scan->twice->len > 0) {
		for (guint i = 0; i < scan->twice->len; i++) {
			const struct yett_token *name =
				&g_array_index(scan->twice, struct yett_token, i);
			const struct yett_place *first =
				&g_array_index(scan->first, struct yett_place, i);

			yett_problems_add(problems, name->file, name->line, "keep one of the two",
				"'%s' is set twice here, first in line %d%s%s", name->text,
				first->line, first->file != name->file ? " of " : "",
				first->file != name->file ? first->file : "");
		}
		return;
	}
	line = line < 1 ? 1 : line > (int)scan->lines->len ? (int)scan->lines->len : line;
	place = g_array_index(scan->lines, struct yett_place, line - 1);
	if (text != NULL && strstr(text, "mismatched") != NULL) {
		yett_problems_add(problems, place.file, place.line,
			"write ( … ) for a list of mixed things, [ … ] for values of one type",
			"an array has elements of different types");
		return;
	}
	yett_problems_add(problems, place.file, place.line,
		"look at this line and the one before for a missing quote, '=' or bracket, or a "
		"comma behind a last element",
		"%s", text != NULL ? text : "syntax error");
}

int yett_tree_parse(struct yett_tree *tree, struct yett_problems *problems)
{
	const struct yett_scan *scan = &tree->scan;

	if (config_read_string(&tree->config, scan->text->str) != CONFIG_TRUE) {
		explain(tree, problems);
		return YETT_ECONFIG;
	}
	if (!tie_root(tree)) {
		struct yett_place place = yett_tree_place(NULL);

		place = scan->lines->len > 0 ? g_array_index(scan->lines, struct yett_place, 0)
					     : place;
		yett_problems_add(problems, place.file, 0, "write it in a plainer way",
			"what this file means is not clear");
		return YETT_ECONFIG;
	}
	return 0;
}

int yett_tree_add(struct yett_tree *tree, const char *text, size_t length, const char *path,
	struct yett_arena *arena, struct yett_problems *problems)
{
	int result = yett_scan_more(&tree->scan, text, length, path, arena, problems);

	config_destroy(&tree->config);
	config_init(&tree->config);
	return result == 0 ? yett_tree_parse(tree, problems) : result;
}

struct yett_place yett_tree_place(const config_setting_t *setting)
{
	const struct yett_token *token = setting != NULL ? config_setting_get_hook(setting) : NULL;

	return token != NULL ? (struct yett_place){token->file, token->line}
			     : (struct yett_place){"", 0};
}

const char *yett_tree_literal(const config_setting_t *setting)
{
	const struct yett_token *token = setting != NULL ? config_setting_get_hook(setting) : NULL;

	if (token != NULL && token->type == YETT_TOKEN_NAME) {
		token++; /* the list ends with END, so there is one */
	}
	return token != NULL && token->type == YETT_TOKEN_WORD ? token->text : "";
}

config_setting_t *yett_tree_member(const config_setting_t *group, const char *name)
{
	return group != NULL && config_setting_is_group(group)
		       ? config_setting_get_member(group, name)
		       : NULL;
}

unsigned yett_tree_count(const config_setting_t *list)
{
	if (list == NULL) {
		return 0;
	}
	return config_setting_is_list(list) || config_setting_is_array(list)
		       ? (unsigned)config_setting_length(list)
		       : 1;
}

config_setting_t *yett_tree_item(const config_setting_t *list, unsigned index)
{
	if (list != NULL && (config_setting_is_list(list) || config_setting_is_array(list))) {
		return config_setting_get_elem(list, index);
	}
	/* A single value stands for a list of one: the caller only reads it. */
	return (config_setting_t *)(uintptr_t)list;
}

void yett_tree_quote(GString *to, const char *text)
{
	g_string_append_c(to, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			g_string_append_printf(to, "\\%c", c);
		} else if (c == '\n' || c == '\t') {
			g_string_append(to, c == '\n' ? "\\n" : "\\t");
		} else if (c < 0x20 || c == 0x7f) {
			g_string_append_printf(to, "\\x%02x", c);
		} else {
			g_string_append_c(to, (char)c);
		}
	}
	g_string_append_c(to, '"');
}
