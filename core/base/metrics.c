/* Metrics: counters and gauges of instances.
 *
 * Responsible for the values behind each table, added to without a lock, and for walking all of them.
 * Not responsible for how they are shown (admin/). Any thread; the list of instances has a mutex. */
#include "metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct yett_metrics {
	struct yett_metrics *next;
	char instance[64];
	const struct yett_metric *table;
	size_t count;
	atomic_llong values[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct yett_metrics *all;

struct yett_metrics *yett_metrics_new(const char *instance, const struct yett_metric *table)
{
	struct yett_metrics *metrics;
	size_t count = 0;

	while (table[count].name != NULL) {
		count++;
	}
	metrics = calloc(1, sizeof(*metrics) + count * sizeof(metrics->values[0]));
	if (metrics == NULL) {
		return NULL;
	}
	snprintf(metrics->instance, sizeof(metrics->instance), "%s", instance);
	metrics->table = table;
	metrics->count = count;
	pthread_mutex_lock(&mutex);
	metrics->next = all;
	all = metrics;
	pthread_mutex_unlock(&mutex);
	return metrics;
}

void yett_metrics_free(struct yett_metrics *metrics)
{
	struct yett_metrics **at;

	if (metrics == NULL) {
		return;
	}
	pthread_mutex_lock(&mutex);
	for (at = &all; *at != NULL; at = &(*at)->next) {
		if (*at == metrics) {
			*at = metrics->next;
			break;
		}
	}
	pthread_mutex_unlock(&mutex);
	free(metrics);
}

void yett_metrics_add(struct yett_metrics *metrics, uint32_t index, int64_t value)
{
	if (metrics != NULL && index < metrics->count) {
		atomic_fetch_add_explicit(&metrics->values[index], value, memory_order_relaxed);
	}
}

void yett_metrics_set(struct yett_metrics *metrics, uint32_t index, int64_t value)
{
	if (metrics != NULL && index < metrics->count) {
		atomic_store_explicit(&metrics->values[index], value, memory_order_relaxed);
	}
}

int64_t yett_metrics_get(const struct yett_metrics *metrics, uint32_t index)
{
	return metrics != NULL && index < metrics->count
		       ? atomic_load_explicit(&metrics->values[index], memory_order_relaxed)
		       : 0;
}

int yett_metrics_walk(yett_metrics_fn visit, void *arg)
{
	int result = 0;

	pthread_mutex_lock(&mutex);
	for (struct yett_metrics *m = all; m != NULL && result == 0; m = m->next) {
		for (size_t i = 0; i < m->count && result == 0; i++) {
			result = visit(
				arg, m->instance, &m->table[i], yett_metrics_get(m, (uint32_t)i));
		}
	}
	pthread_mutex_unlock(&mutex);
	return result;
}
