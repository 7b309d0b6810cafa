/* The figures of a node as OpenMetrics 1.0 text.
 *
 * Responsible for the families: what modules and stages count (base/metrics.h), and what is measured when
 * it is asked for: lanes of the queue, upstreams, sessions. All of a family stands together, with its head
 * once, whatever number of instances has it. Not responsible for how it travels (admin/). On the loop. */
#include <inttypes.h>
#include <string.h>

#include "../../base/metrics.h"
#include "../../flow/flight.h"
#include "../internal.h"
#include "views.h"

struct families {
	GPtrArray *order; /* GString, as they came */
	GHashTable *by_name;
};

static GString *family(
	struct families *families, const char *name, const char *type, const char *doc)
{
	GString *text = g_hash_table_lookup(families->by_name, name);

	if (text == NULL) {
		text = g_string_new(NULL);
		g_string_append_printf(
			text, "# TYPE yett_%s %s\n# HELP yett_%s ", name, type, name);
		for (; *doc != '\0'; doc++) {
			g_string_append(text, *doc == '\n'   ? "\\n"
					      : *doc == '\\' ? "\\\\"
							     : (char[]){*doc, 0});
		}
		g_string_append_c(text, '\n');
		g_ptr_array_add(families->order, text);
		g_hash_table_insert(families->by_name, g_strdup(name), text);
	}
	return text;
}

static void add_value(GString *text, const char *value)
{
	g_string_append_c(text, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\') {
			g_string_append_c(text, '\\');
		}
		g_string_append_c(text, *value == '\n' ? ' ' : *value);
	}
	g_string_append_c(text, '"');
}

/* `other` NULL: one label only. */
static void sample(GString *text, const char *name, const char *label, const char *value,
	const char *other, const char *other_value, double number)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append_printf(text, "yett_%s{%s=", name, label);
	add_value(text, value);
	if (other != NULL) {
		g_string_append_printf(text, ",%s=", other);
		add_value(text, other_value);
	}
	g_string_append_printf(
		text, "} %s\n", g_ascii_formatd(digits, sizeof(digits), "%.15g", number));
}

/* What an instance counts. A store has two instances of one name, for writing and for reading: their figures
 * are one series. */
struct figure {
	struct yett_metric metric;
	char *instance;
	int64_t value;
};

static void figure_free(gpointer item)
{
	struct figure *figure = item;

	g_free(figure->instance);
	g_free(figure);
}

static int add_figure(
	void *arg, const char *instance, const struct yett_metric *metric, int64_t value)
{
	GPtrArray *figures = arg;
	struct figure *figure;

	for (guint i = 0; i < figures->len; i++) {
		figure = figures->pdata[i];
		if (strcmp(figure->metric.name, metric->name) == 0 &&
			strcmp(figure->instance, instance) == 0) {
			figure->value += value;
			return 0;
		}
	}
	figure = g_new0(struct figure, 1);
	figure->metric = *metric;
	figure->instance = g_strdup(instance);
	figure->value = value;
	g_ptr_array_add(figures, figure);
	return 0;
}

static void add_figures(struct families *families)
{
	GPtrArray *figures = g_ptr_array_new_with_free_func(figure_free);

	yett_metrics_walk(add_figure, figures);
	for (guint i = 0; i < figures->len; i++) {
		const struct figure *figure = figures->pdata[i];
		bool counter = figure->metric.type == YETT_METRIC_COUNTER;
		g_autofree char *name =
			g_strconcat(figure->metric.name, counter ? "_total" : "", NULL);

		sample(family(families, figure->metric.name, counter ? "counter" : "gauge",
			       figure->metric.doc),
			name, "instance", figure->instance, NULL, NULL, (double)figure->value);
	}
	g_ptr_array_free(figures, TRUE);
}

static void add_queue(struct families *families, const struct yett_node *node)
{
	static const char *const lanes[YETT_LANES] = {"urgent", "normal", "bulk"};
	int64_t now_ns = yett_clock_wall(node->clock);
	struct yett_queue_view view;

	yett_queue_view(node, &view);
	for (uint32_t lane = 0; lane < YETT_LANES; lane++) {
		const struct yett_queue_lane_stats *stats = &view.stats.lanes[lane];

		sample(family(families, "queue_batches", "gauge", "batches waiting in a lane"),
			"queue_batches", "lane", lanes[lane], NULL, NULL, (double)stats->entries);
		sample(family(families, "queue_records", "gauge", "records waiting in a lane"),
			"queue_records", "lane", lanes[lane], NULL, NULL, (double)stats->records);
		sample(family(families, "queue_bytes", "gauge", "bytes waiting in a lane"),
			"queue_bytes", "lane", lanes[lane], NULL, NULL, (double)stats->bytes);
		sample(family(families, "queue_limit_bytes", "gauge",
			       "bytes that may wait in a lane"),
			"queue_limit_bytes", "lane", lanes[lane], NULL, NULL,
			(double)stats->limit_bytes);
		sample(family(families, "queue_oldest_seconds", "gauge",
			       "how long the oldest batch of a lane has waited"),
			"queue_oldest_seconds", "lane", lanes[lane], NULL, NULL,
			stats->oldest_ns != 0 && now_ns > stats->oldest_ns
				? (double)(now_ns - stats->oldest_ns) / (double)YETT_SEC
				: 0);
	}
}

static void add_upstreams(struct families *families, const struct yett_node *node)
{
	static const char *const states[] = {"down", "connecting", "up", "no path"};

	for (guint i = 0; i < node->links->len; i++) {
		const struct yett_link *link = node->links->pdata[i];

		for (size_t state = 0; state < G_N_ELEMENTS(states); state++) {
			sample(family(families, "upstream_state", "gauge",
				       "1 for the state that an upstream is in"),
				"upstream_state", "upstream", link->name, "state", states[state],
				link->state == state ? 1 : 0);
		}
		sample(family(families, "upstream_acknowledgement_seconds", "gauge",
			       "from sending a batch to its acknowledgement, smoothed"),
			"upstream_acknowledgement_seconds", "upstream", link->name, NULL, NULL,
			(double)link->latency_ns / (double)YETT_SEC);
		sample(family(families, "upstream_unsettled_bytes", "gauge",
			       "bytes sent to an upstream and not acknowledged"),
			"upstream_unsettled_bytes", "upstream", link->name, NULL, NULL,
			link->peer != NULL ? (double)yett_deliver_unsettled(link->peer) : 0);
	}
}

static void add_sessions(struct families *families, const struct yett_node *node)
{
	GHashTable *methods = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer key, value;

	for (guint i = 0; i < node->peers->len; i++) {
		const struct yett_peer *peer = node->peers->pdata[i];
		const char *method = peer->state == YETT_PEER_OPEN ? peer->mechanism : "none yet";
		guint count = GPOINTER_TO_UINT(g_hash_table_lookup(methods, method));

		g_hash_table_insert(
			methods, (char *)(uintptr_t)method, GUINT_TO_POINTER(count + 1));
	}
	g_hash_table_iter_init(&iter, methods);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		sample(family(families, "sessions_by_method", "gauge",
			       "sessions, by how the peer has proved its name"),
			"sessions_by_method", "method", key, NULL, NULL, GPOINTER_TO_UINT(value));
	}
	g_hash_table_unref(methods);
	g_string_append_printf(family(families, "sessions", "gauge", "sessions, open or coming up"),
		"yett_sessions %u\n", node->peers->len);
}

char *yett_view_metrics(const struct yett_manage *manage)
{
	const struct yett_node *node = yett_manage_node(manage);
	struct families families = {
		g_ptr_array_new(), g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	GString *all = g_string_new(NULL);

	add_figures(&families);
	if (node->queue != NULL) {
		add_queue(&families, node);
	}
	add_upstreams(&families, node);
	add_sessions(&families, node);
	for (guint i = 0; i < families.order->len; i++) {
		GString *text = families.order->pdata[i];

		g_string_append_len(all, text->str, (gssize)text->len);
		g_string_free(text, TRUE);
	}
	g_ptr_array_free(families.order, TRUE);
	g_hash_table_unref(families.by_name);
	g_string_append(all, "# EOF\n");
	return g_string_free(all, FALSE);
}
