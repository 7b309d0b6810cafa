/* Performance data as the monitoring plugins write them:
 *
 *     'label'=value[UOM];[warn];[crit];[min];[max] …
 *
 * Pure: text in, items out, no allocation. Labels may be quoted ('' is a quote in them), the value
 * may be U (not known), warn and crit are ranges ([@][start:][end], start may be ~). */
#ifndef YETT_SOURCE_EXEC_PERFDATA_H
#define YETT_SOURCE_EXEC_PERFDATA_H

#include <stdbool.h>
#include <stddef.h>

#include <yett/record.h>

#define PERFDATA_LABEL_MAX 128
#define PERFDATA_UOM_MAX   16

struct perfdata {
	struct yett_text label;      /* points into the reader: valid until the next call */
	struct yett_value value;     /* int or double; NONE: U, not known */
	struct yett_text unit;       /* UCUM; points into the reader or is static */
	struct yett_text warn, crit; /* ranges as they were written; empty: none */
	bool counter;                /* UOM c: it only grows */
	bool has_min, has_max;
	double min, max;
	bool bad_limits; /* a range, min or max could not be read and was left out */
};

struct perfdata_reader {
	const char *at, *end;
	char label[PERFDATA_LABEL_MAX];
	char unit[PERFDATA_UOM_MAX + 3];
};

void yett_perfdata_start(struct perfdata_reader *reader, const char *text, size_t length);
/* 1: one item; 0: the end; -1: an item that cannot be read was skipped. */
int yett_perfdata_next(struct perfdata_reader *reader, struct perfdata *ret_item);

#endif
