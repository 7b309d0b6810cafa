/* The drill: proves each way of this node to the store, without an outage.
 *
 * Responsible for having the flow make a new session with each upstream (address, connection, TLS,
 * authentication, admission, its way to the store), for waiting until each is proven or has failed, within
 * a bound, and for the answer. Not responsible for the sessions: the flow makes them beside those that
 * carry data, whose place they take, and ends those that are not needed (upstream.c). On the loop. */
#include <string.h>

#include "explain.h"

#define DRILL_NS   (8 * YETT_SEC) /* at most: less than the interface waits */
#define PATH_NS    (2 * YETT_SEC) /* from a session to its way to the store */
#define DRILLS_MAX 8              /* at a time */

struct drilled { /* one upstream */
	char name[YETT_NODE_NAME_SIZE];
	int64_t proven_ns, failed_ns; /* as it was before */
	bool done;
};

struct drill {
	uint64_t begun_ns, limit_ns;
	GArray *ways; /* struct drilled */
	json_t *rows;
	yett_answer_fn answer;
	void *arg;
};

static struct yett_link *find_link(const struct yett_manage *manage, const char *name)
{
	for (guint i = 0; i < manage->node->links->len; i++) {
		struct yett_link *link = manage->node->links->pdata[i];

		if (strcmp(link->name, name) == 0) {
			return link;
		}
	}
	return NULL;
}

static void drill_free(struct drill *drill)
{
	json_decref(drill->rows);
	g_array_unref(drill->ways);
	g_free(drill);
}

static void add_row(struct drill *drill, struct drilled *way, const struct yett_link *link,
	bool proven, const char *why, const char *mend)
{
	char time[32];
	int64_t last_ns = link != NULL ? link->proven_ns : way->proven_ns;

	way->done = true;
	json_array_append_new(drill->rows,
		json_pack("{s:s, s:b, s:s?, s:s?, s:s?}", "upstream", way->name, "proven", proven,
			"last_proven",
			last_ns != 0 ? yett_time_text(last_ns, time, sizeof(time)) : NULL, "why",
			why, "mend", mend != NULL && mend[0] != '\0' ? mend : NULL));
}

/* All addresses of it have been tried. */
static bool is_round_over(const struct yett_link *link)
{
	size_t count = link->settings->address.count;

	return count < 2 || link->tried % count == 0;
}

static void look_at(struct yett_manage *manage, struct drill *drill, struct drilled *way)
{
	const struct yett_link *link = find_link(manage, way->name);
	uint64_t now_ns = yett_now(manage->node);
	bool over = now_ns - drill->begun_ns >= drill->limit_ns;

	if (link == NULL) {
		add_row(drill, way, NULL, false, "it is no upstream any more", NULL);
	} else if (link->proven_ns != way->proven_ns) {
		add_row(drill, way, link, true, NULL, NULL);
	} else if (link->failure.at_ns != 0 && link->failure.at_ns != way->failed_ns &&
		   (is_round_over(link) || over)) {
		add_row(drill, way, link, false, link->failure.cause, link->failure.mend);
	} else if (link->state == YETT_UPSTREAM_NO_PATH && link->renewal == NULL &&
		   link->peer != NULL && link->peer->opened_ns >= drill->begun_ns &&
		   (over || now_ns - link->peer->opened_ns > PATH_NS)) {
		add_row(drill, way, link, false,
			"it lets this node in, and has no way to the store",
			"there: yettctl explain");
	} else if (over) {
		add_row(drill, way, link, false, "no session came up in time",
			"yettctl explain says how far it came");
	}
}

static bool is_over(struct yett_manage *manage, struct drill *drill)
{
	bool over = true;

	for (guint i = 0; i < drill->ways->len; i++) {
		struct drilled *way = &g_array_index(drill->ways, struct drilled, i);

		if (!way->done) {
			look_at(manage, drill, way);
		}
		over = over && way->done;
	}
	return over;
}

void yett_drill_tick(struct yett_manage *manage)
{
	for (GList *link = manage->drills.head, *next; link != NULL; link = next) {
		struct drill *drill = link->data;

		next = link->next;
		if (is_over(manage, drill)) {
			g_queue_delete_link(&manage->drills, link);
			/* Given away whole: whoever asked is another thread. */
			drill->answer(drill->arg, 0, g_steal_pointer(&drill->rows), NULL);
			drill_free(drill);
		}
	}
}

void yett_drill_done(struct yett_manage *manage)
{
	struct drill *drill;

	while ((drill = g_queue_pop_head(&manage->drills)) != NULL) {
		struct yett_error error = YETT_ERROR_INIT;
		int result = yett_fail(&error, YETT_ECLOSED, NULL, "this node is stopping");

		drill->answer(drill->arg, result, NULL, &error);
		drill_free(drill);
	}
}

void yett_drill_begin(
	struct yett_manage *manage, uint64_t limit_ns, yett_answer_fn answer, void *arg)
{
	struct yett_node *node = manage->node;
	struct yett_error error = YETT_ERROR_INIT;
	struct drill *drill;

	if (node->links->len == 0) {
		yett_fail(&error, YETT_ENOTSUP, "ask a node that has upstreams",
			"this node has no upstream whose way could be proved");
	} else if (node->draining || manage->drills.length >= DRILLS_MAX) {
		yett_fail(&error, YETT_ECONFLICT, "try again in a moment",
			node->draining ? "this node is stopping" : "others are drilling now");
	}
	if (error.code != 0) {
		answer(arg, error.code, NULL, &error);
		return;
	}
	drill = g_new0(struct drill, 1);
	drill->begun_ns = yett_now(node);
	drill->limit_ns = MIN(limit_ns, DRILL_NS);
	drill->ways = g_array_new(FALSE, TRUE, sizeof(struct drilled));
	drill->rows = json_array();
	drill->answer = answer;
	drill->arg = arg;
	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];
		struct drilled way = {
			.proven_ns = link->proven_ns, .failed_ns = link->failure.at_ns};

		g_strlcpy(way.name, link->name, sizeof(way.name));
		g_array_append_val(drill->ways, way);
	}
	g_queue_push_tail(&manage->drills, drill);
	for (guint i = 0; i < drill->ways->len; i++) {
		struct yett_link *link =
			find_link(manage, g_array_index(drill->ways, struct drilled, i).name);

		if (link != NULL) {
			yett_upstream_prove(link);
		}
	}
}
