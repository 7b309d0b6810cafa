/* SPDX-License-Identifier: Apache-2.0
 *
 * A record: one metric value, one event or one state. Names and attributes follow the
 * OpenTelemetry semantic conventions (metrics: system.cpu.utilization …; logs: attributes such
 * as log.syslog.facility), severities its SeverityNumber, units UCUM.
 */
#ifndef YETT_RECORD_H
#define YETT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <yett/batch.h>

enum yett_record_kind {
	YETT_RECORD_METRIC = 1, /* a number at a time */
	YETT_RECORD_EVENT = 2,  /* something happened: a log line */
	YETT_RECORD_STATE = 3,  /* the result of a check */
};

/* States as the monitoring plugins' interface has them. */
enum yett_state {
	YETT_STATE_OK = 0,
	YETT_STATE_WARNING = 1,
	YETT_STATE_CRITICAL = 2,
	YETT_STATE_UNKNOWN = 3,
};

/* OpenTelemetry SeverityNumber: the first of each range. 0: not given. */
enum yett_severity {
	YETT_SEVERITY_TRACE = 1,
	YETT_SEVERITY_DEBUG = 5,
	YETT_SEVERITY_INFO = 9,
	YETT_SEVERITY_WARN = 13,
	YETT_SEVERITY_ERROR = 17,
	YETT_SEVERITY_FATAL = 21,
};

/* Text is UTF-8 and not terminated; what is not UTF-8 is made so by the core's encoder (each
 * bad byte becomes U+FFFD), so a source may pass on what it read. */
struct yett_text {
	const char *bytes;
	size_t length;
};

enum yett_value_type {
	YETT_VALUE_NONE = 0,
	YETT_VALUE_INT = 1,
	YETT_VALUE_DOUBLE = 2,
	YETT_VALUE_BOOL = 3,
	YETT_VALUE_TEXT = 4,
};

struct yett_value {
	uint32_t type;
	uint32_t reserved;
	union {
		int64_t i;
		double d;
		bool b;
		struct yett_text text;
	};
};

struct yett_attribute {
	struct yett_text key;
	struct yett_value value;
};

struct yett_record {
	uint32_t size; /* sizeof(struct yett_record) */
	uint32_t kind;
	int64_t time_ns; /* Unix time of the measurement or the event */
	uint32_t severity;
	uint32_t state; /* STATE only */
	struct yett_text name;
	struct yett_value value; /* METRIC: int or double */
	struct yett_text unit;   /* METRIC: UCUM, "By", "s", "1", "{process}" */
	struct yett_text body;   /* EVENT: the line; STATE: the plugin's output */
	const struct yett_attribute *attributes;
	size_t attribute_count;
};

/* The protocol's limits; a record beyond them is refused by the sink with YETT_ELIMIT. */
#define YETT_RECORD_MAX_ATTRIBUTES 64
#define YETT_RECORD_MAX_NAME       255
#define YETT_RECORD_MAX_BODY       (256 * 1024)

static inline struct yett_text yett_text(const char *string)
{
	struct yett_text text = {string, string != NULL ? strlen(string) : 0};
	return text;
}

static inline struct yett_value yett_value_int(int64_t i)
{
	struct yett_value value = {.type = YETT_VALUE_INT, .i = i};
	return value;
}

static inline struct yett_value yett_value_double(double d)
{
	struct yett_value value = {.type = YETT_VALUE_DOUBLE, .d = d};
	return value;
}

static inline struct yett_value yett_value_bool(bool b)
{
	struct yett_value value = {.type = YETT_VALUE_BOOL, .b = b};
	return value;
}

static inline struct yett_value yett_value_text(const char *string)
{
	struct yett_value value = {.type = YETT_VALUE_TEXT, .text = yett_text(string)};
	return value;
}

/* What a custody batch says (doc/custody.cddl). */
enum yett_notice_kind {
	YETT_NOTICE_GAP = 1,    /* `range` is lost, for `cause`, at node `holder` */
	YETT_NOTICE_BOUNDS = 2, /* of the origin that sends it: see below */
};

struct yett_notice {
	uint32_t size;
	uint32_t kind;
	struct yett_id id; /* GAP: an identity of its own, so that twice told counts once */
	struct yett_id holder;
	struct yett_range range; /* GAP: what is lost. BOUNDS: `first` is the oldest number that
				  * the origin may still hold, first + count the next one */
	uint32_t cause;          /* GAP: enum yett_gap_cause */
	uint32_t closed;         /* BOUNDS: 1 if the epoch gives out no more numbers */
};

#endif
