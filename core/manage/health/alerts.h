/* Alerts: between what is found to be not well (causes.c) and what becomes of it (alerts.c). */
#ifndef YETT_MANAGE_ALERTS_H
#define YETT_MANAGE_ALERTS_H

#include "../internal.h"

struct yett_cause {
	const char *kind, *severity;
	const struct yett_id *id;
	const char *name;  /* of the node */
	const char *check; /* or NULL */
	const char *text;
	unsigned behind;
};

/* It is there: an alert of it stays open. `raise`: where there is none, one is raised. */
void yett_alerts_find(struct yett_manage *manage, const struct yett_cause *cause, bool raise);

/* Finds all that is not well. */
void yett_causes_find(struct yett_manage *manage);

#endif
