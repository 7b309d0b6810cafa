/* What somebody would set from afar: any names and values, "NAME=VALUE" in lines, upstreams as ">
 * NAME=ADDRESS". They are refused with a problem, or laid over settings; either way nothing changes that
 * may not be set remotely, whatever a value holds: quotes, semicolons, other settings. */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"

#define WISHES_MAX 16

struct wanted {
	struct yett_wish values[WISHES_MAX];
	struct yett_wish_upstream upstreams[WISHES_MAX];
	struct yett_wishes wishes;
};

static void take_line(struct wanted *wanted, char *line)
{
	char *value = strchr(line, '=');
	struct yett_wishes *wishes = &wanted->wishes;

	if (value != NULL) {
		*value++ = '\0';
	}
	if (line[0] == '>' && wishes->upstream_count < WISHES_MAX) {
		wanted->upstreams[wishes->upstream_count++] = (struct yett_wish_upstream){
			line + 1 + strspn(line + 1, " "), value != NULL ? value : ""};
	} else if (line[0] != '>' && wishes->value_count < WISHES_MAX) {
		wanted->values[wishes->value_count++] =
			(struct yett_wish){line, value != NULL ? value : ""};
	}
}

static void ignore(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

/* What is never set from afar. */
static void check_kept(const struct yett_settings *base, const struct yett_settings *made)
{
	FUZZ_REQUIRE(made->node.name == base->node.name && made->node.state == base->node.state);
	FUZZ_REQUIRE(made->node.user == base->node.user);
	FUZZ_REQUIRE(made->node.pinned.items == base->node.pinned.items);
	FUZZ_REQUIRE(memcmp(&made->group, &base->group, sizeof(base->group)) == 0);
	FUZZ_REQUIRE(memcmp(&made->alerts, &base->alerts, sizeof(base->alerts)) == 0);
	FUZZ_REQUIRE(memcmp(&made->admin, &base->admin, sizeof(base->admin)) == 0);
	FUZZ_REQUIRE(made->listeners.items == base->listeners.items);
	FUZZ_REQUIRE(made->transport.settings == base->transport.settings);
	FUZZ_REQUIRE(made->policy.descriptor == base->policy.descriptor);
}

static void lay_over(const struct yett_settings *base, const struct yett_wishes *wishes)
{
	struct yett_problems *problems = yett_problems_new();
	struct yett_conf *conf = NULL;
	int result = yett_conf_overlay(base, wishes, ignore, NULL, &conf, problems);

	FUZZ_REQUIRE((result == 0) == (conf != NULL));
	FUZZ_REQUIRE((result == 0) == (yett_problems_count(problems) == 0));
	if (conf != NULL && base != NULL) {
		check_kept(base, yett_conf_settings(conf));
	}
	yett_conf_free(conf);
	yett_problems_free(problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char *const pinned[] = {"node.session-max", "linger.bulk"};
	static const struct yett_settings base = {
		.node = {.name = "a.example",
			.state = "/state",
			.user = "yett",
			.reconnect_max_ns = 1000000000,
			.pinned = {2, (void *)(uintptr_t)pinned}}};
	char *text = g_strndup((const char *)bytes, MIN(length, 4096)), *rest = text, *line;
	struct wanted *wanted = g_new0(struct wanted, 1);

	wanted->wishes.values = wanted->values;
	wanted->wishes.upstreams = wanted->upstreams;
	while ((line = strsep(&rest, "\n")) != NULL) {
		take_line(wanted, line);
	}
	lay_over(NULL, &wanted->wishes);
	lay_over(&base, &wanted->wishes);
	wanted->wishes.keep = &base;
	lay_over(&base, &wanted->wishes);
	g_free(wanted);
	g_free(text);
	return 0;
}
