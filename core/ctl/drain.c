/* `yettctl gateway drain`: empties a gateway, and shows how far it is.
 *
 * Responsible for its arguments, for looking until nothing more can come of it or the time is over, and for
 * what is printed. Not responsible for emptying anything (manage/drain.c). A management server that is
 * away meanwhile is waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define LOOK_US  500000
#define WAIT_S   900
#define SETTLE_S 15 /* those that go by themselves have gone then */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One line; given. */
static char *progress(const json_t *json)
{
	const char *state = text_of(json, "state"), *why = text_of(json, "why");
	json_int_t waiting_s = json_integer_value(json_object_get(json, "waiting_s"));
	size_t left = json_array_size(json_object_get(json, "left"));
	char *line = NULL;

	if (asprintf(&line, "%s: %s%s%s; nodes left: %zu (%" JSON_INTEGER_FORMAT " on their way)%s",
		    text_of(json, "name"), state, why[0] != '\0' ? ": " : "", why, left,
		    json_integer_value(json_object_get(json, "moving")),
		    waiting_s > 0 ? "; data waits in it" : "; no data waits in it") < 0) {
		abort();
	}
	return line;
}

/* An exit code, or -1: it goes on. */
static int outcome(const json_t *json)
{
	const char *state = text_of(json, "state");

	if (strcmp(state, "drained") == 0) {
		return YETT_EXIT_GOOD;
	}
	return strcmp(state, "refused") == 0 || strcmp(state, "not drained") == 0 ? YETT_EXIT_FAILED
										  : -1;
}

/* Nobody moves, and yet somebody is left, who goes on delivering. */
static bool is_stuck(const json_t *json)
{
	return strcmp(text_of(json, "state"), "draining") == 0 &&
	       json_integer_value(json_object_get(json, "moving")) == 0;
}

struct drain {
	const struct yett_ctl *ctl;
	char *path, *told;
	double until_s, stuck_s; /* stuck since; 0: it is not */
};

static void tell(struct drain *drain, const json_t *json)
{
	char *line = progress(json);

	if (!drain->ctl->json && (drain->told == NULL || strcmp(drain->told, line) != 0)) {
		yett_ctl_say("%s", line);
		fflush(stdout);
	}
	free(drain->told);
	drain->told = line;
}

/* The last that was seen; NULL: it has been told why there is none. */
static json_t *follow(struct drain *drain, json_t *json)
{
	while (json != NULL) {
		enum yett_trouble trouble = 0;
		json_t *newer;

		tell(drain, json);
		if (!is_stuck(json)) {
			drain->stuck_s = 0;
		} else if (drain->stuck_s == 0) {
			drain->stuck_s = now_s();
		}
		if (outcome(json) >= 0 || now_s() >= drain->until_s ||
			(drain->stuck_s != 0 && now_s() - drain->stuck_s > SETTLE_S)) {
			break;
		}
		usleep(LOOK_US);
		newer = yett_ctl_try(drain->ctl, drain->path, 5, &trouble);
		if (newer == NULL && trouble != YETT_TROUBLE_TOLD) {
			continue;
		}
		json_decref(json);
		json = newer;
	}
	return json;
}

static int end(struct drain *drain, json_t *json)
{
	const json_t *left = json_object_get(json, "left");
	int code = outcome(json);

	if (drain->ctl->json) {
		yett_ctl_print_json(drain->ctl, json);
	}
	for (size_t i = 0; !drain->ctl->json && i < json_array_size(left); i++) {
		const json_t *one = json_array_get(left, i);

		yett_ctl_say("  %s: %s", text_of(one, "name"), text_of(one, "why"));
	}
	if (code < 0 && drain->stuck_s == 0) {
		fprintf(stderr,
			"yettctl: %s is not drained yet. It goes on; say it again to look, or end "
			"it: yettctl gateway drain %s --cancel\n",
			text_of(json, "name"), text_of(json, "name"));
		code = YETT_EXIT_UNDECIDED;
	}
	json_decref(json);
	return code < 0 ? YETT_EXIT_FAILED : code;
}

int yett_ctl_gateway_drain(const struct yett_ctl *ctl, const struct yett_line *line)
{
	const char *to = yett_line_value(line, "to");
	bool cancel = yett_line_value(line, "cancel") != NULL;
	struct drain drain = {.ctl = ctl};
	json_t *json, *list;
	char *words, *escaped;
	double wait_s;
	int code;

	if (yett_ctl_wait(line, WAIT_S, WAIT_S, &wait_s) != 0) {
		return YETT_EXIT_USAGE;
	}
	list = json_array();
	words = strdup(to != NULL ? to : "");
	if (words[0] != '\0') {
		yett_ctl_add_upstreams(list, words);
	}
	free(words);
	json = yett_ctl_post(ctl, "/v1/gateways/drain",
		json_pack("{s:s, s:o, s:b}", "name", line->words[0], "to", list, "cancel", cancel));
	if (json == NULL) {
		return YETT_EXIT_FAILED;
	}
	if (cancel) {
		if (ctl->json) {
			yett_ctl_print_json(ctl, json);
		} else {
			yett_ctl_say("%s takes nodes again, once it has heard of it",
				text_of(json, "name"));
		}
		json_decref(json);
		return YETT_EXIT_GOOD;
	}
	escaped = yett_ctl_escape(line->words[0]);
	if (asprintf(&drain.path, "/v1/gateways/drain?name=%s", escaped) < 0) {
		abort();
	}
	drain.until_s = now_s() + wait_s;
	json = follow(&drain, json);
	code = json != NULL ? end(&drain, json) : YETT_EXIT_FAILED;
	free(escaped);
	free(drain.path);
	free(drain.told);
	return code;
}
