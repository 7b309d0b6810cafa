/* One syslog message, taken apart. Three forms are understood:
 *
 *     <PRI>1 TIME HOST APP PROCID MSGID SD [MSG]        RFC 5424
 *     <PRI>Mmm dd hh:mm:ss HOST TAG[PID]: MSG           RFC 3164
 *     <PRI>Mmm dd hh:mm:ss TAG[PID]: MSG                the local form, as syslog(3) writes it
 *
 * In the two old forms the time may also be RFC 3339's, or missing, and so may the tag. Pure but
 * for the time zone of the old forms' time, which is this computer's. */
#ifndef YETT_SOURCE_SYSLOG_MESSAGE_H
#define YETT_SOURCE_SYSLOG_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <yett/record.h>

#define SYSLOG_PARAMS_MAX 44

struct syslog_param {
	struct yett_text id, name, value; /* the same name may come again */
};

struct syslog_message {   /* all text points into what was parsed; empty: not given */
	bool malformed;   /* only `body` is set: all of it, as it came */
	bool more_params; /* than SYSLOG_PARAMS_MAX: the rest is left out */
	bool has_time;
	bool has_fraction; /* of a second, in the time */
	int version;       /* 1: RFC 5424; 0: the old forms */
	int facility, severity;
	int64_t time_ns;
	struct yett_text hostname, appname, procid, msgid, body;
	size_t param_count;
	struct syslog_param params[SYSLOG_PARAMS_MAX];
};

/* `bytes` may be changed (escapes are undone where they lie). `local`: it came from this computer,
 * so it names no host. `now_ns`: for the year, which the old forms do not tell. */
void yett_syslog_parse(
	char *bytes, size_t length, bool local, int64_t now_ns, struct syslog_message *ret_message);

/* OpenTelemetry's SeverityNumber of a syslog severity. */
uint32_t yett_syslog_severity(int severity);

#endif
