/* Loading.
 *
 * Responsible for the order of things: scan and parse the text, fill the core's rows (what they say of the
 * whole process comes into force), then each module block (its module resolved through the hook, its rows
 * filled, its own `check` called), then what rows cannot say. Goes on after a mistake, so that all are told
 * at once, but never looks at what a refused block would have held. Not for what a row accepts (fill.c).
 *
 * Main thread. A conf owns every byte of its settings (one arena); descriptors are the loader's and
 * outlive it. With a problem there is no conf. */
#include <string.h>
#include <strings.h>

#include "check.h"
#include "conf.h"
#include "fill.h"
#include "kit.h"
#include "schema.h"
#include "sections.h"

#define BLOCKS_MAX 1000

struct load {
	struct yett_conf *conf;
	const struct yett_conf_hooks *hooks;
	struct yett_problems *problems;
	const config_setting_t *root;
	struct yett_fill fill;
	GHashTable *instances; /* name → struct yett_block * */
};

static const char *kind_prefix(uint32_t kind)
{
	static const char *const prefixes[] = {
		"", "transport-", "auth-", "queue-", "policy-", "source-", "store-"};

	return kind < sizeof(prefixes) / sizeof(prefixes[0]) ? prefixes[kind] : "";
}

/* One of the two names that each block has; NULL where it is not there or wrong. */
static const char *block_text(
	struct load *load, const config_setting_t *group, const char *key, bool *ret_wrong)
{
	const config_setting_t *setting = yett_tree_member(group, key);
	struct yett_place place = yett_tree_place(setting);

	if (setting == NULL) {
		return NULL;
	}
	if (config_setting_type(setting) != CONFIG_TYPE_STRING ||
		config_setting_get_string(setting)[0] == '\0') {
		yett_problems_add(load->problems, place.file, place.line, "write it in quotes",
			"'%s' is not the name of %s", key,
			strcmp(key, "module") == 0 ? "a module" : "an instance");
		*ret_wrong = true;
		return NULL;
	}
	return yett_arena_text(&load->conf->arena, config_setting_get_string(setting));
}

static const struct yett_module *resolve(
	struct load *load, const struct yett_block *block, uint32_t kind, struct yett_place place)
{
	struct yett_error error = YETT_ERROR_INIT;
	const struct yett_module *module = NULL;

	if (load->hooks != NULL && load->hooks->resolve != NULL) {
		module = load->hooks->resolve(load->hooks->arg, block->module, kind,
			load->conf->settings.module_directory, &error);
	}
	if (module == NULL) {
		yett_problems_add(load->problems, place.file, place.line, error.mend,
			"module \"%.200s\": %s", block->module,
			error.text[0] != '\0' ? error.text : "it cannot be loaded");
		return NULL;
	}
	if (module->kind != kind) {
		char *mend =
			g_strdup_printf("name a module that begins with \"%s\"", kind_prefix(kind));

		yett_problems_add(load->problems, place.file, place.line, mend,
			"module \"%.200s\" is of another kind than this block", block->module);
		g_free(mend);
		return NULL;
	}
	if (yett_schema_check(module->schema, module->settings_size, yett_block_names, &error) !=
		0) {
		yett_problems_add(load->problems, place.file, place.line,
			"tell the author of the module", "module \"%.200s\": %s", block->module,
			error.text);
		return NULL;
	}
	return module;
}

static void name_instance(struct load *load, struct yett_block *block, struct yett_place place)
{
	const struct yett_block *other;

	/* By it the queue remembers how far a source has read, the daemon's own batches as "core". */
	if (strlen(block->name) > YETT_BLOCK_NAME_MAX || strcmp(block->name, "core") == 0 ||
		strspn(block->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_.") != strlen(block->name)) {
		yett_problems_add(load->problems, place.file, place.line,
			"write up to 40 letters, digits, '-', '_' and '.', and not \"core\"",
			"the instance cannot be called \"%.100s\"", block->name);
		return;
	}
	other = g_hash_table_lookup(load->instances, block->name);
	if (other != NULL) {
		char *text = g_strdup_printf("give one of them another name = \"…\";");

		yett_problems_add(load->problems, place.file, place.line, text,
			"two instances are called \"%s\", the other in line %d", block->name,
			other->line);
		g_free(text);
		return;
	}
	g_hash_table_insert(load->instances, (void *)(uintptr_t)block->name, block);
}

static void check_block(struct load *load, const struct yett_block *block)
{
	struct yett_error error = YETT_ERROR_INIT;

	if (load->hooks->check == NULL) {
		return;
	}
	if (load->hooks->check(load->hooks->arg, block->descriptor, block->settings, &error) != 0) {
		yett_problems_add(load->problems, block->file, block->line, error.mend, "%s: %s",
			block->name, error.text[0] != '\0' ? error.text : "it is refused");
	}
}

/* `group` NULL: the default module with its defaults. */
static void fill_block(struct load *load, const struct yett_section *section,
	const config_setting_t *group, struct yett_place place, struct yett_block *ret_block)
{
	const config_setting_t *named;
	const char *slash;
	char *where;
	bool wrong = false;

	ret_block->file = yett_arena_text(&load->conf->arena, place.file);
	ret_block->line = place.line;
	if (group != NULL && !config_setting_is_group(group)) {
		yett_problems_add(load->problems, place.file, place.line,
			"write { module = \"…\"; … }", "'%s' is not a block", section->row.name);
		return;
	}
	ret_block->module = block_text(load, group, "module", &wrong);
	ret_block->name = block_text(load, group, "name", &wrong);
	if (wrong) {
		return;
	}
	if (ret_block->module == NULL && section->standard == NULL) {
		char *mend = g_strdup_printf("add module = \"%s…\";", kind_prefix(section->kind));

		yett_problems_add(load->problems, place.file, place.line, mend,
			"%s: 'module' is missing", section->row.name);
		g_free(mend);
		return;
	}
	if (ret_block->module == NULL) {
		ret_block->module = yett_arena_text(&load->conf->arena, section->standard);
	}
	slash = strrchr(ret_block->module, '/');
	if (slash != NULL && ret_block->module[0] != '/') {
		ret_block->module = (const char *)yett_arena_keep(&load->conf->arena,
			g_build_filename(load->fill.directory, ret_block->module, NULL));
	}
	named = yett_tree_member(group, "module");
	ret_block->descriptor =
		resolve(load, ret_block, section->kind, named ? yett_tree_place(named) : place);
	if (ret_block->descriptor == NULL) {
		return;
	}
	named = yett_tree_member(group, "name");
	if (ret_block->name == NULL) {
		ret_block->name = yett_arena_text(&load->conf->arena, ret_block->descriptor->name);
	}
	name_instance(load, ret_block, named ? yett_tree_place(named) : place);
	ret_block->settings =
		yett_arena_alloc(&load->conf->arena, ret_block->descriptor->settings_size);
	where = g_strdup_printf("%s (%s)", section->row.name, ret_block->descriptor->name);
	if (yett_fill_rows(&load->fill, ret_block->descriptor->schema, group, where, place,
		    yett_block_names, ret_block->settings)) {
		check_block(load, ret_block);
	}
	g_free(where);
}

/* Whether a block that is not written is there nonetheless, by its default. */
static bool by_default(const struct load *load, const struct yett_section *section)
{
	bool upstreams = yett_tree_count(yett_tree_member(load->root, "upstreams")) > 0;
	bool listeners = yett_tree_count(yett_tree_member(load->root, "listeners")) > 0;

	if (section->standard == NULL) {
		return false;
	}
	return upstreams || (section->kind == YETT_KIND_TRANSPORT && listeners);
}

static void fill_section(struct load *load, const struct yett_section *section)
{
	const config_setting_t *setting = yett_tree_member(load->root, section->row.name);
	char *field = (char *)&load->conf->settings + section->row.offset;
	struct yett_list *list = (void *)field;
	struct yett_block *blocks;

	if ((section->row.flags & YETT_SCHEMA_LIST) != 0) {
		unsigned count = yett_tree_count(setting);

		if (count > BLOCKS_MAX) {
			struct yett_place place = yett_tree_place(setting);

			yett_problems_add(load->problems, place.file, place.line, "write fewer",
				"'%s' has more than %d blocks", section->row.name, BLOCKS_MAX);
			return;
		}
		blocks = yett_arena_alloc(&load->conf->arena, count * sizeof(*blocks));
		for (unsigned i = 0; i < count; i++) {
			const config_setting_t *item = yett_tree_item(setting, i);

			fill_block(load, section, item, yett_tree_place(item), &blocks[i]);
		}
		list->items = blocks;
		list->count = count;
	} else if (setting != NULL) {
		fill_block(load, section, setting, yett_tree_place(setting), (void *)field);
	} else if (by_default(load, section)) {
		/* What it lacks is missing where it is needed. */
		const config_setting_t *needs = yett_tree_member(load->root, "upstreams");

		needs = needs != NULL ? needs : yett_tree_member(load->root, "listeners");
		fill_block(load, section, NULL, yett_tree_place(needs), (void *)field);
	}
}

static void put_in_force(struct load *load, const struct yett_check *check)
{
	struct yett_place place = yett_check_place(check, "node", -1, "krb5-config");
	struct yett_error error = YETT_ERROR_INIT;

	if (load->hooks->environment != NULL && load->conf->settings.node.krb5_config != NULL &&
		load->hooks->environment(&load->conf->settings, &error) != 0) {
		yett_problems_add(
			load->problems, place.file, place.line, error.mend, "%s", error.text);
	}
}

static void fill_all(struct load *load, const struct yett_check *check)
{
	GArray *rows = g_array_new(TRUE, TRUE, sizeof(struct yett_schema));
	GPtrArray *others = g_ptr_array_new();
	struct yett_place top = {check->file, 0};

	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		if (s->kind == 0) {
			g_array_append_val(rows, s->row);
		} else {
			g_ptr_array_add(others, (void *)(uintptr_t)s->row.name);
		}
	}
	g_ptr_array_add(others, NULL);
	(void)yett_fill_rows(&load->fill, (void *)rows->data, load->root, "", top,
		(void *)others->pdata, &load->conf->settings);
	g_array_free(rows, TRUE);
	g_ptr_array_free(others, TRUE);
	put_in_force(load, check);
	for (const struct yett_section *s = yett_sections; s->row.name != NULL; s++) {
		if (s->kind != 0) {
			fill_section(load, s);
		}
	}
}

static int build(struct yett_tree *tree, const char *path, struct yett_conf *conf,
	const struct yett_conf_hooks *hooks, struct yett_problems *problems)
{
	char *directory = g_path_get_dirname(conf->settings.file);
	struct load load = {.conf = conf,
		.hooks = hooks,
		.problems = problems,
		.root = config_root_setting(&tree->config),
		.fill = {&conf->arena, directory, problems},
		.instances = g_hash_table_new(g_str_hash, g_str_equal)};
	struct yett_check check = {&conf->arena, load.root, path, problems};
	size_t before = yett_problems_count(problems);

	fill_all(&load, &check);
	yett_check_node(&check, &conf->settings);
	yett_check_net(&check, &conf->settings);
	yett_check_shape(&check, &conf->settings);
	g_hash_table_destroy(load.instances);
	g_free(directory);
	return yett_problems_count(problems) == before ? 0 : YETT_ECONFIG;
}

static int load_any(const char *text, size_t length, const char *path,
	const struct yett_conf_hooks *hooks, struct yett_conf **ret_conf,
	struct yett_problems *problems)
{
	static const struct yett_conf_hooks none;
	struct yett_conf *conf = g_new0(struct yett_conf, 1);
	struct yett_tree tree;
	int result;

	yett_arena_init(&conf->arena);
	conf->settings.file =
		(const char *)yett_arena_keep(&conf->arena, g_canonicalize_filename(path, NULL));
	yett_tree_init(&tree);
	/* Problems name the file as the caller did; paths go by the absolute one. */
	result = text != NULL
			 ? yett_scan_text(&tree.scan, text, length, path, &conf->arena, problems)
			 : yett_scan_file(&tree.scan, path, &conf->arena, problems);
	if (result == 0) {
		result = yett_tree_parse(&tree, problems);
	}
	if (result == 0) {
		g_autofree char *directory = g_path_get_dirname(conf->settings.file);

		result = yett_kit_add(&tree, directory, &conf->arena, problems);
	}
	if (result == 0) {
		result = build(&tree, path, conf, hooks != NULL ? hooks : &none, problems);
	}
	yett_tree_done(&tree);
	if (result != 0) {
		yett_conf_free(conf);
		return result;
	}
	*ret_conf = conf;
	return 0;
}

int yett_conf_load(const char *path, const struct yett_conf_hooks *hooks,
	struct yett_conf **ret_conf, struct yett_problems *problems)
{
	return load_any(NULL, 0, path, hooks, ret_conf, problems);
}

int yett_conf_load_string(const char *text, size_t length, const char *path,
	const struct yett_conf_hooks *hooks, struct yett_conf **ret_conf,
	struct yett_problems *problems)
{
	return load_any(text, length, path, hooks, ret_conf, problems);
}

void yett_conf_free(struct yett_conf *conf)
{
	if (conf != NULL) {
		yett_arena_done(&conf->arena);
		g_free(conf);
	}
}

const struct yett_settings *yett_conf_settings(const struct yett_conf *conf)
{
	return &conf->settings;
}
