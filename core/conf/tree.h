/* What libconfig made of the text, with our positions: each setting's hook is its token. */
#ifndef YETT_CONF_TREE_H
#define YETT_CONF_TREE_H

#include <libconfig.h>

#include "scan.h"

/* Parses and ties. Owns both: done with yett_tree_done, whatever came of it. */
struct yett_tree {
	config_t config;
	struct yett_scan scan;
};
void yett_tree_init(struct yett_tree *tree);
void yett_tree_done(struct yett_tree *tree);
/* After a scan; 0 or YETT_ECONFIG with problems added. */
int yett_tree_parse(struct yett_tree *tree, struct yett_problems *problems);

/* Adds text, as if it stood behind the rest, and parses anew: settings of before are gone. */
int yett_tree_add(struct yett_tree *tree, const char *text, size_t length, const char *path,
	struct yett_arena *arena, struct yett_problems *problems);

/* The position of a setting (of the first line, for the root and NULL). */
struct yett_place yett_tree_place(const config_setting_t *setting);
/* A number or truth value as written; "" for others. */
const char *yett_tree_literal(const config_setting_t *setting);
/* The member, or NULL; `group` may be NULL or no group. */
config_setting_t *yett_tree_member(const config_setting_t *group, const char *name);
/* How many settings a list stands for: a single value is a list of one, NULL is empty. */
unsigned yett_tree_count(const config_setting_t *list);
config_setting_t *yett_tree_item(const config_setting_t *list, unsigned index);
/* Appends a string as a configuration has it, quotes included. */
void yett_tree_quote(GString *to, const char *text);

#endif
