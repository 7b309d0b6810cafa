/* The checks of the node and of its listeners and upstreams.
 *
 * Responsible for what rows cannot say of the core's own values: names that must be names, limits
 * that depend on each other, addresses, patterns, methods, things that must not be there twice. Not
 * for which parts a node must have (shape.c), nor for modules' settings (their own `check`).
 *
 * Main thread. It may ask the resolver for this computer's own name, where the file gives none.
 * Looks at settings that may be partly refused already: a NULL or 0 there is somebody else's
 * problem. */
#include "check.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../base/id.h"
#include "../base/name.h"

struct yett_place yett_check_place(
	const struct yett_check *check, const char *key, int index, const char *member)
{
	const config_setting_t *setting = yett_tree_member(check->root, key);
	const config_setting_t *inner;

	if (setting == NULL) {
		return (struct yett_place){check->file, 0};
	}
	if (index >= 0 && (unsigned)index < yett_tree_count(setting)) {
		setting = yett_tree_item(setting, (unsigned)index);
	}
	inner = member != NULL ? yett_tree_member(setting, member) : NULL;
	return yett_tree_place(inner != NULL ? inner : setting);
}

#define SAY(check, place, mend, ...)                                                               \
	yett_problems_add((check)->problems, (place).file, (place).line, mend, __VA_ARGS__)

static bool is_address(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* The name in lower case, or NULL with a problem. */
static const char *check_name(
	const struct yett_check *check, const char *name, const char *what, struct yett_place place)
{
	char lower[256];

	if (is_address(name)) {
		SAY(check, place, "write its fully qualified name, as in \"gateway.example\"",
			"'name' of %s is the address %s, which proves nothing", what, name);
		return NULL;
	}
	if (yett_name_normalise(name, lower, sizeof(lower)) != 0) {
		SAY(check, place, "write a fully qualified name, as in \"gateway.example\"",
			"'name' of %s cannot be \"%.100s\"", what, name);
		return NULL;
	}
	return yett_arena_text(check->arena, lower);
}

/* The computer's own name, where it has a domain. */
static const char *own_name(const struct yett_check *check, struct yett_place place)
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found = NULL;
	char name[256] = "", lower[256];
	const char *best = name;

	if (gethostname(name, sizeof(name) - 1) != 0) {
		name[0] = '\0';
	}
	if (name[0] != '\0' && strchr(name, '.') == NULL &&
		getaddrinfo(name, NULL, &hints, &found) == 0 && found->ai_canonname != NULL) {
		best = found->ai_canonname;
	}
	if (strchr(best, '.') == NULL || is_address(best) ||
		yett_name_normalise(best, lower, sizeof(lower)) != 0) {
		SAY(check, place, "add name = \"COMPUTER.DOMAIN\"; to node",
			"this computer's name, \"%.100s\", is not fully qualified", best);
		lower[0] = '\0';
	}
	if (found != NULL) {
		freeaddrinfo(found);
	}
	return yett_arena_text(check->arena, lower);
}

static void check_group(const struct yett_check *check, struct yett_settings *settings)
{
	struct yett_id id;
	char text[YETT_ID_TEXT_SIZE];

	if (settings->group.id == NULL || settings->group.id[0] == '\0') {
		return;
	}
	if (yett_id_parse(settings->group.id, &id) != 0 || yett_id_is_zero(&id)) {
		SAY(check, yett_check_place(check, "group", -1, "id"),
			"write a UUID; uuidgen makes one for a new group",
			"'id' of group cannot be \"%.100s\"", settings->group.id);
		return;
	}
	settings->group.id = yett_arena_text(check->arena, yett_id_text(&id, text));
}

void yett_check_node(const struct yett_check *check, struct yett_settings *settings)
{
	struct yett_place place = yett_check_place(check, "node", -1, "name");
	const char *name = settings->node.name;

	if (name != NULL) {
		name = check_name(check, name, "node", place);
		settings->node.name = name != NULL ? name : settings->node.name;
	} else if (yett_tree_member(yett_tree_member(check->root, "node"), "name") == NULL) {
		settings->node.name = own_name(check, place);
	}
	for (size_t i = 0; i < settings->node.pinned.count; i++) {
		const char *pinned = ((const char *const *)settings->node.pinned.items)[i];

		if (pinned != NULL) {
			yett_conf_is_remote(pinned, yett_check_place(check, "node", -1, "pinned"),
				check->problems);
		}
	}
	if (settings->node.reconnect_min_ns > settings->node.reconnect_max_ns) {
		bool has_min = yett_tree_member(yett_tree_member(check->root, "node"),
				       "reconnect-min") != NULL;

		SAY(check,
			yett_check_place(
				check, "node", -1, has_min ? "reconnect-min" : "reconnect-max"),
			"make one of them fit the other",
			"'reconnect-min' of node is longer than 'reconnect-max'");
	}
	if (settings->node.ping_limit_ns < 2 * settings->node.ping_ns) {
		SAY(check, yett_check_place(check, "node", -1, "ping-limit"),
			"make it twice as long as 'ping' at least: one sign of life may be late",
			"'ping-limit' of node is too short for its 'ping'");
	}
	if (settings->node.state != NULL && settings->node.state[0] == '\0') {
		SAY(check, yett_check_place(check, "node", -1, "state"), "name a directory",
			"'state' of node is empty");
	}
	check_group(check, settings);
}

static void check_patterns(const struct yett_check *check, const struct yett_list *list,
	const char *key, int index, const char *member)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *pattern = ((const char *const *)list->items)[i];
		size_t length = pattern != NULL ? strlen(pattern) : 0;

		if (pattern == NULL) {
			continue;
		}
		if (length == 0 || length > 253 || pattern[0] == '.' ||
			pattern[length - 1] == '.' || strstr(pattern, "..") != NULL ||
			strspn(pattern, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789-_.*?") != length) {
			SAY(check, yett_check_place(check, key, index, member),
				"write a name or a pattern, as in \"*.example\"",
				"'%s' of %s: \"%.100s\" is no pattern of names", member, key,
				pattern);
		}
	}
}

/* The method that an auth module speaks: what follows "auth-" in its name. */
static const char *method_of(const struct yett_block *block)
{
	const char *name = block->descriptor != NULL ? block->descriptor->name : NULL;

	return name != NULL && strncmp(name, "auth-", 5) == 0 ? name + 5 : name;
}

static void check_methods(const struct yett_check *check, const struct yett_settings *settings,
	const struct yett_list *methods, const char *key, int index)
{
	const struct yett_block *blocks = settings->authentication.items;
	GPtrArray *known = g_ptr_array_new();
	bool all_known = true;

	for (size_t i = 0; i < settings->authentication.count; i++) {
		const char *method = method_of(&blocks[i]);

		all_known = all_known && method != NULL;
		if (method != NULL) {
			g_ptr_array_add(known, (void *)(uintptr_t)method);
		}
	}
	g_ptr_array_add(known, NULL);
	for (size_t i = 0; i < methods->count && all_known; i++) {
		const char *method = ((const char *const *)methods->items)[i];
		char *mend;

		if (method == NULL || g_strv_contains((const char *const *)known->pdata, method)) {
			continue;
		}
		if (known->len > 1) {
			char *list = g_strjoinv(", ", (char **)known->pdata);

			mend = g_strdup_printf("configured are: %s", list);
			g_free(list);
		} else {
			mend = g_strdup_printf(
				"add { module = \"auth-%.40s\"; … } to authentication", method);
		}
		SAY(check, yett_check_place(check, key, index, "methods"), mend,
			"'methods' of %s: \"%.100s\" is not among the modules of authentication",
			key, method);
		g_free(mend);
	}
	g_ptr_array_free(known, TRUE);
}

/* Nodes agree on a method by its name, so each has one module. */
static void check_authentication(
	const struct yett_check *check, const struct yett_settings *settings)
{
	const struct yett_block *blocks = settings->authentication.items;

	for (size_t i = 1; i < settings->authentication.count; i++) {
		const char *method = method_of(&blocks[i]);

		for (size_t j = 0; j < i && method != NULL; j++) {
			/* By one name, it is a mistake that was told already. */
			if (g_strcmp0(method, method_of(&blocks[j])) == 0 &&
				g_strcmp0(blocks[i].name, blocks[j].name) != 0) {
				SAY(check, yett_check_place(check, "authentication", (int)i, NULL),
					"keep one of the two",
					"two modules of authentication speak the method \"%s\"",
					method);
				break;
			}
		}
	}
}

/* "10.0.0.0/8", "fd00::/8", or one address. */
static bool is_range(const char *text)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
	int bits = 0;

	if (length >= sizeof(address)) {
		return false;
	}
	memcpy(address, text, length);
	address[length] = '\0';
	if (slash != NULL) {
		size_t n = strspn(slash + 1, "0123456789");

		if (n == 0 || n > 3 || slash[1 + n] != '\0') {
			return false;
		}
		bits = (int)strtol(slash + 1, NULL, 10);
	}
	return (inet_pton(AF_INET, address, bytes) == 1 && bits <= 32) ||
	       (inet_pton(AF_INET6, address, bytes) == 1 && bits <= 128);
}

static void check_listener(const struct yett_check *check, const struct yett_settings *settings,
	struct yett_listener_settings *listener, int index)
{
	struct yett_error error = YETT_ERROR_INIT;
	char address[300];

	if (listener->address != NULL) {
		if (yett_address_normalise(
			    listener->address, true, address, sizeof(address), &error) != 0) {
			SAY(check, yett_check_place(check, "listeners", index, "address"),
				error.mend, "'address' of listeners: %s", error.text);
		} else {
			listener->address = yett_arena_text(check->arena, address);
		}
	}
	check_patterns(check, &listener->admit, "listeners", index, "admit");
	check_patterns(check, &listener->proxy, "listeners", index, "proxy");
	check_methods(check, settings, &listener->methods, "listeners", index);
	for (size_t i = 0; i < listener->shared_sources.count; i++) {
		const char *range = ((const char *const *)listener->shared_sources.items)[i];

		if (range != NULL && !is_range(range)) {
			SAY(check, yett_check_place(check, "listeners", index, "shared-sources"),
				"write for example \"10.1.0.0/16\"",
				"'shared-sources' of listeners: \"%.100s\" is no range of "
				"addresses",
				range);
		}
	}
}

static void check_upstream(const struct yett_check *check, const struct yett_settings *settings,
	struct yett_upstream_settings *upstream, int index)
{
	const char **addresses = upstream->address.items;
	char address[300];

	if (upstream->name != NULL) {
		const char *name = check_name(check, upstream->name, "upstreams",
			yett_check_place(check, "upstreams", index, "name"));

		upstream->name = name != NULL ? name : upstream->name;
	}
	for (size_t i = 0; i < upstream->address.count; i++) {
		struct yett_error error = YETT_ERROR_INIT;

		if (addresses[i] == NULL) {
			continue;
		}
		if (yett_address_normalise(addresses[i], false, address, sizeof(address), &error) !=
			0) {
			SAY(check, yett_check_place(check, "upstreams", index, "address"),
				error.mend, "'address' of upstreams: %s", error.text);
		} else {
			addresses[i] = yett_arena_text(check->arena, address);
		}
	}
	if (upstream->source != NULL && upstream->source[0] != '\0' &&
		!is_address(upstream->source)) {
		SAY(check, yett_check_place(check, "upstreams", index, "source"),
			"write an IP address of this computer, without a port",
			"'source' of upstreams cannot be \"%.100s\"", upstream->source);
	}
	check_methods(check, settings, &upstream->methods, "upstreams", index);
}

static bool any_port(const char *address)
{
	size_t length = strlen(address);

	return length >= 2 && strcmp(address + length - 2, ":0") == 0;
}

/* Written in full: the port is nobody's by default. */
static void check_metrics(const struct yett_check *check, const struct yett_settings *settings)
{
	const char *given = settings->admin.metrics;
	struct yett_error error = YETT_ERROR_INIT;
	char address[300];

	if (given == NULL || given[0] == '\0') {
		return;
	}
	if (yett_address_normalise(given, true, address, sizeof(address), &error) != 0) {
		SAY(check, yett_check_place(check, "admin", -1, "metrics"),
			"write for example \"127.0.0.1:9723\"", "'metrics' of admin: %s",
			error.text);
	} else if (strcmp(address, given) != 0) {
		SAY(check, yett_check_place(check, "admin", -1, "metrics"),
			"write for example \"127.0.0.1:9723\"",
			"'metrics' of admin: %s has no port", given);
	}
}

void yett_check_net(const struct yett_check *check, struct yett_settings *settings)
{
	struct yett_listener_settings *listeners = settings->listeners.items;

	check_authentication(check, settings);
	for (size_t i = 0; i < settings->listeners.count; i++) {
		check_listener(check, settings, &listeners[i], (int)i);
		for (size_t j = 0; j < i && listeners[i].address != NULL; j++) {
			if (g_strcmp0(listeners[i].address, listeners[j].address) == 0 &&
				!any_port(listeners[i].address)) {
				SAY(check, yett_check_place(check, "listeners", (int)i, "address"),
					"give each listener an address of its own",
					"two listeners have the address %s", listeners[i].address);
				break;
			}
		}
	}
	check_metrics(check, settings);
	yett_check_upstreams(check, settings);
}

void yett_check_upstreams(const struct yett_check *check, struct yett_settings *settings)
{
	struct yett_upstream_settings *upstreams = settings->upstreams.items;

	if (settings->upstreams.count > YETT_UPSTREAMS_MAX) {
		SAY(check, yett_check_place(check, "upstreams", YETT_UPSTREAMS_MAX, NULL),
			"leave out those that are needed least",
			"a node has %d upstreams at most, and here are %zu", YETT_UPSTREAMS_MAX,
			settings->upstreams.count);
	}
	for (size_t i = 0; i < settings->upstreams.count; i++) {
		check_upstream(check, settings, &upstreams[i], (int)i);
		for (size_t j = 0; j < i && upstreams[i].name != NULL; j++) {
			if (g_strcmp0(upstreams[i].name, upstreams[j].name) == 0) {
				SAY(check, yett_check_place(check, "upstreams", (int)i, "name"),
					"put all its addresses into one upstream",
					"two upstreams have the name %s", upstreams[i].name);
				break;
			}
		}
	}
}
