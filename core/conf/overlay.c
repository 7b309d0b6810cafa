/* The overlay: what a management server would have a node be like, over what its file says.
 *
 * Responsible for which settings may be set from afar (their row is marked remote), for holding each
 * value against its row as if it stood in the file, and for leaving what the file pins. Not responsible
 * for where a wish comes from and whether it counts (manage/).
 *
 * Main thread. The result owns what it has changed and borrows the rest. Each value is written as one
 * quoted text or one plain word before it is parsed, so that nothing in it can be more than a value. */
#include <string.h>
#include <strings.h>

#include "../base/name.h"
#include "check.h"
#include "conf.h"
#include "fill.h"
#include "sections.h"

#define UPSTREAMS "upstreams"
#define POLICY    "policy."
#define AFAR      (YETT_SCHEMA_LIVE | YETT_SCHEMA_REMOTE)

struct overlay {
	struct yett_conf *conf;
	const struct yett_settings *base; /* NULL: none */
	struct yett_problems *problems;
};

/* The row of "section.row" where it may be set remotely. */
static const struct yett_schema *find_row(const char *name, const struct yett_section **ret_section)
{
	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		size_t length = strlen(s->row.name);

		if (s->kind != 0 || s->row.type != YETT_TYPE_GROUP ||
			(s->row.flags & YETT_SCHEMA_LIST) != 0 ||
			strncmp(name, s->row.name, length) != 0 || name[length] != '.') {
			continue;
		}
		for (const struct yett_schema *row = s->row.rows; row->name != NULL; row++) {
			if ((row->flags & YETT_SCHEMA_REMOTE) != 0 &&
				strcmp(row->name, name + length + 1) == 0) {
				*ret_section = s;
				return row;
			}
		}
	}
	return NULL;
}

/* "policy.failback": which rows there are, the module says. */
static bool is_policy(const char *name)
{
	const char *row = g_str_has_prefix(name, POLICY) ? name + strlen(POLICY) : "";

	return row[0] != '\0' &&
	       strspn(row, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(row);
}

static GPtrArray *remote_names(void)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		if (s->kind != 0 || s->row.type != YETT_TYPE_GROUP ||
			(s->row.flags & YETT_SCHEMA_LIST) != 0) {
			continue;
		}
		for (const struct yett_schema *row = s->row.rows; row->name != NULL; row++) {
			if ((row->flags & YETT_SCHEMA_REMOTE) != 0) {
				g_ptr_array_add(
					names, g_strdup_printf("%s.%s", s->row.name, row->name));
			}
		}
	}
	g_ptr_array_add(names, g_strdup(UPSTREAMS));
	g_ptr_array_add(names, NULL);
	return names;
}

bool yett_conf_is_remote(const char *name, struct yett_place place, struct yett_problems *problems)
{
	const struct yett_section *section;
	GPtrArray *names;
	const char *near;
	g_autofree char *all = NULL, *mend = NULL;

	if (strcmp(name, UPSTREAMS) == 0 || is_policy(name) || find_row(name, &section) != NULL) {
		return true;
	}
	names = remote_names();
	near = yett_name_nearest(name, (const char *const *)names->pdata);
	all = g_strjoinv(", ", (char **)names->pdata);
	mend = near != NULL ? g_strdup_printf("did you mean %s?", near)
			    : g_strdup_printf("there are %s", all);
	yett_problems_add(problems, place.file, place.line, mend,
		"%.100s is no setting that may be set remotely", name);
	g_ptr_array_free(names, TRUE);
	return false;
}

static bool is_pinned(const struct overlay *overlay, const char *name)
{
	const struct yett_list *pinned = overlay->base != NULL ? &overlay->base->node.pinned : NULL;

	for (size_t i = 0; pinned != NULL && i < pinned->count; i++) {
		if (strcmp(((const char *const *)pinned->items)[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* A number or a truth value; all else is a text. */
static bool is_word(const char *text)
{
	const char *digits = text[0] == '-' ? text + 1 : text;

	return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
	       (digits[0] != '\0' && strlen(digits) <= 18 &&
		       strspn(digits, "0123456789") == strlen(digits));
}

static void write_value(GString *to, const struct yett_schema *row, const char *value)
{
	bool word = is_word(value);

	if (word && (row->type == YETT_TYPE_INT || row->type == YETT_TYPE_BOOL)) {
		g_string_append(to, value);
	} else if (word && row->type == YETT_TYPE_DURATION) {
		g_autofree char *seconds = g_strconcat(value, " s", NULL);

		yett_tree_quote(to, seconds);
	} else {
		yett_tree_quote(to, value);
	}
}

/* One value, as if it stood in the file, into the struct that the row is of. */
static bool fill_one(struct overlay *overlay, const struct yett_schema *row, const char *where,
	const char *value, void *ret_settings)
{
	struct yett_place place = {"", 0};
	struct yett_fill fill = {&overlay->conf->arena, "/", overlay->problems};
	GString *text = g_string_new(row->name);
	struct yett_tree tree;
	bool good;

	g_string_append(text, " = ");
	write_value(text, row, value);
	g_string_append_c(text, ';');
	yett_tree_init(&tree);
	good = yett_scan_text(&tree.scan, text->str, text->len, "", &overlay->conf->arena,
		       overlay->problems) == 0 &&
	       yett_tree_parse(&tree, overlay->problems) == 0;
	if (good) {
		struct yett_schema rows[2] = {*row};

		good = yett_fill_rows(&fill, rows, config_root_setting(&tree.config), where, place,
			NULL, ret_settings);
	}
	yett_tree_done(&tree);
	g_string_free(text, TRUE);
	return good;
}

/* A row of the policy's module, by that module's own schema; whoever has none (a management server)
 * leaves it to the node. */
static bool set_policy(struct overlay *overlay, const struct yett_wish *wish)
{
	struct yett_block *block = &overlay->conf->settings.policy;
	const struct yett_module *module = block->descriptor;
	const struct yett_schema *row = module != NULL ? module->schema : NULL;
	void *settings;

	if (overlay->base == NULL) {
		return true;
	}
	while (row != NULL && row->name != NULL &&
		(strcmp(row->name, wish->name + strlen(POLICY)) != 0 ||
			(row->flags & AFAR) != AFAR)) {
		row++;
	}
	if (row == NULL || row->name == NULL) {
		yett_problems_add(overlay->problems, "", 0, NULL,
			"%s is no setting of the policy of this node (%s) that may be set "
			"remotely",
			wish->name, module != NULL ? module->name : "none");
		return false;
	}
	if (block->settings == overlay->base->policy.settings) {
		settings = yett_arena_alloc(&overlay->conf->arena, module->settings_size);
		memcpy(settings, block->settings, module->settings_size);
		block->settings = settings;
	}
	return fill_one(overlay, row, "policy", wish->value, block->settings);
}

static bool set_value(struct overlay *overlay, const struct yett_wish *wish)
{
	struct yett_place place = {"", 0};
	const struct yett_section *section;
	const struct yett_schema *row;

	if (!yett_conf_is_remote(wish->name, place, overlay->problems)) {
		return false;
	}
	if (is_policy(wish->name) && g_utf8_validate(wish->value, -1, NULL)) {
		return set_policy(overlay, wish);
	}
	row = find_row(wish->name, &section);
	if (row == NULL || !g_utf8_validate(wish->value, -1, NULL)) {
		yett_problems_add(
			overlay->problems, "", 0, NULL, "%s cannot be set to that", wish->name);
		return false;
	}
	return fill_one(overlay, row, section->row.name, wish->value,
		(char *)&overlay->conf->settings + section->row.offset);
}

/* What depends on each other, once all values are in. */
static bool fits(struct overlay *overlay)
{
	const struct yett_settings *settings = &overlay->conf->settings;

	if (overlay->base == NULL ||
		settings->node.reconnect_min_ns <= settings->node.reconnect_max_ns) {
		return true;
	}
	yett_problems_add(overlay->problems, "", 0, "make it longer",
		"node.reconnect-max is shorter than the node's own 'reconnect-min'");
	return false;
}

static const struct yett_upstream_settings *find_upstream(
	const struct yett_settings *settings, const char *name)
{
	const struct yett_upstream_settings *items;

	for (size_t i = 0; settings != NULL && i < settings->upstreams.count; i++) {
		items = settings->upstreams.items;
		if (items[i].name != NULL && strcasecmp(items[i].name, name) == 0) {
			return &items[i];
		}
	}
	return NULL;
}

/* What it had before may still be reached at its old addresses, behind the new one. */
static void set_addresses(struct overlay *overlay, struct yett_upstream_settings *upstream,
	const char *address, const struct yett_upstream_settings *kept)
{
	size_t old = kept != NULL ? kept->address.count : 0;
	const char **items = yett_arena_alloc(&overlay->conf->arena, (old + 2) * sizeof(*items));
	size_t count = 0;

	if (address[0] != '\0') {
		items[count++] = yett_arena_text(&overlay->conf->arena, address);
	} else if (kept != NULL && old > 0) {
		items[count++] = (const char *)yett_arena_keep(
			&overlay->conf->arena, g_strconcat(upstream->name, ":5723", NULL));
	}
	for (size_t i = 0; i < old; i++) {
		items[count++] = ((const char *const *)kept->address.items)[i];
	}
	upstream->address.items = items;
	upstream->address.count = count;
}

static bool set_upstreams(struct overlay *overlay, const struct yett_wishes *wishes)
{
	struct yett_settings *settings = &overlay->conf->settings;
	const struct yett_settings *keep = wishes->keep;
	size_t kept = keep != NULL ? keep->upstreams.count : 0, count = wishes->upstream_count;
	struct yett_upstream_settings *items =
		yett_arena_alloc(&overlay->conf->arena, (count + kept) * sizeof(*items));
	struct yett_check check = {&overlay->conf->arena, NULL, "", overlay->problems};
	size_t before = yett_problems_count(overlay->problems);

	for (size_t i = 0; i < count; i++) {
		const struct yett_wish_upstream *wish = &wishes->upstreams[i];
		const struct yett_upstream_settings *was = find_upstream(overlay->base, wish->name);

		if (was != NULL) {
			items[i] = *was; /* where it connects from, and by which methods */
		} else {
			items[i].source = "";
		}
		items[i].name = yett_arena_text(&overlay->conf->arena, wish->name);
		items[i].priority = (int64_t)i;
		set_addresses(overlay, &items[i], wish->address, find_upstream(keep, wish->name));
	}
	settings->upstreams.items = items;
	settings->upstreams.count = count;
	yett_check_upstreams(&check, settings);
	for (size_t i = 0; i < kept; i++) {
		const struct yett_upstream_settings *old = keep->upstreams.items;

		if (find_upstream(settings, old[i].name) == NULL) {
			items[settings->upstreams.count] = old[i];
			items[settings->upstreams.count].priority =
				(int64_t)settings->upstreams.count;
			settings->upstreams.count++;
		}
	}
	if (settings->upstreams.count > YETT_UPSTREAMS_MAX) {
		yett_problems_add(overlay->problems, "", 0, "set fewer",
			"with those that it has until the new ones are up, the node would have "
			"%zu upstreams; %d is the most",
			settings->upstreams.count, YETT_UPSTREAMS_MAX);
	}
	return yett_problems_count(overlay->problems) == before;
}

int yett_conf_overlay(const struct yett_settings *base, const struct yett_wishes *wishes,
	yett_pinned_fn pinned, void *arg, struct yett_conf **ret_conf,
	struct yett_problems *problems)
{
	struct overlay overlay = {g_new0(struct yett_conf, 1), base, problems};
	bool good = true;

	yett_arena_init(&overlay.conf->arena);
	if (base != NULL) {
		overlay.conf->settings = *base;
	}
	for (size_t i = 0; i < wishes->value_count; i++) {
		const struct yett_wish *wish = &wishes->values[i];

		if (is_pinned(&overlay, wish->name)) {
			pinned(arg, wish->name);
		} else {
			good = set_value(&overlay, wish) && good;
		}
	}
	if (wishes->upstream_count > 0 && is_pinned(&overlay, UPSTREAMS)) {
		pinned(arg, UPSTREAMS);
	} else if (wishes->upstream_count > 0) {
		good = set_upstreams(&overlay, wishes) && good;
	}
	if (!good || !fits(&overlay)) {
		yett_conf_free(overlay.conf);
		return YETT_ECONFIG;
	}
	*ret_conf = overlay.conf;
	return 0;
}
