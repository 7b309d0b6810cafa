/* Counters and gauges, process-wide, by (instance, name). Adding is an atomic add and may be done
 * on every thread; defining and walking take a lock. */
#ifndef YETT_BASE_METRICS_H
#define YETT_BASE_METRICS_H

#include <stdint.h>
#include <yett/module.h>

struct yett_metrics; /* the values of one instance of one table */

/* `table` ends with a NULL name and must outlive the process (descriptors do). */
struct yett_metrics *yett_metrics_new(const char *instance, const struct yett_metric *table);
void yett_metrics_free(struct yett_metrics *metrics);
void yett_metrics_add(struct yett_metrics *metrics, uint32_t index, int64_t value);
void yett_metrics_set(struct yett_metrics *metrics, uint32_t index, int64_t value);
int64_t yett_metrics_get(const struct yett_metrics *metrics, uint32_t index);
/* Walks all instances; return non-zero to stop. */
typedef int (*yett_metrics_fn)(
	void *arg, const char *instance, const struct yett_metric *metric, int64_t value);
int yett_metrics_walk(yett_metrics_fn visit, void *arg);

#endif
