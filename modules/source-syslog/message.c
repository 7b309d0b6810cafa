/* Parsing syslog messages: see message.h. Nothing is allocated and nothing beyond the length is
 * read; what does not hold to a form is malformed and kept whole, never refused, since a log line
 * that is lost is worse than one that is not understood. Used by any thread. */
#include <string.h>
#include <time.h>

#include "message.h"

#define SECOND     INT64_C(1000000000)
#define TAG_MAX    64
#define YEAR_SLACK (30 * 24 * 3600) /* how far ahead of ours a sender's clock may be, in s */

struct cursor {
	char *at, *end;
};

static const uint32_t severities[8] = {YETT_SEVERITY_FATAL, YETT_SEVERITY_ERROR + 2,
	YETT_SEVERITY_ERROR + 1, YETT_SEVERITY_ERROR, YETT_SEVERITY_WARN, YETT_SEVERITY_INFO + 1,
	YETT_SEVERITY_INFO, YETT_SEVERITY_DEBUG};

uint32_t yett_syslog_severity(int severity)
{
	return severities[severity & 7];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static bool take_char(struct cursor *c, char want)
{
	if (c->at == c->end || *c->at != want) {
		return false;
	}
	c->at++;
	return true;
}

/* Exactly `digits` digits, up to `max`. */
static bool take_digits(struct cursor *c, int digits, int max, int *ret_number)
{
	int number = 0;

	if (left(c) < (size_t)digits) {
		return false;
	}
	for (int i = 0; i < digits; i++) {
		if (!is_digit(c->at[i])) {
			return false;
		}
		number = number * 10 + (c->at[i] - '0');
	}
	if (number > max) {
		return false;
	}
	c->at += digits;
	*ret_number = number;
	return true;
}

/* <0> to <191> */
static bool take_priority(struct cursor *c, struct syslog_message *message)
{
	int priority = 0, digits = 0;

	if (!take_char(c, '<')) {
		return false;
	}
	while (c->at < c->end && is_digit(*c->at) && digits < 3) {
		priority = priority * 10 + (*c->at++ - '0');
		digits++;
	}
	if (digits == 0 || priority > 191 || !take_char(c, '>')) {
		return false;
	}
	message->facility = priority >> 3;
	message->severity = priority & 7;
	return true;
}

/* [.digits], of which nine count */
static bool take_fraction(struct cursor *c, struct syslog_message *message, int64_t *ret_ns)
{
	int64_t ns = 0, unit = SECOND / 10;

	*ret_ns = 0;
	if (!take_char(c, '.')) {
		return true;
	}
	if (c->at == c->end || !is_digit(*c->at)) {
		return false;
	}
	for (; c->at < c->end && is_digit(*c->at); c->at++) {
		ns += (*c->at - '0') * unit;
		unit /= 10;
	}
	message->has_fraction = true;
	*ret_ns = ns;
	return true;
}

static bool is_date(int year, int month, int day)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (leap && month == 2);
}

/* Z, +hh:mm or -hh:mm */
static bool take_zone(struct cursor *c, int *ret_seconds)
{
	int hours, minutes, sign = 1;

	*ret_seconds = 0;
	if (take_char(c, 'Z')) {
		return true;
	}
	if (take_char(c, '-')) {
		sign = -1;
	} else if (!take_char(c, '+')) {
		return false;
	}
	if (!take_digits(c, 2, 23, &hours) || !take_char(c, ':') ||
		!take_digits(c, 2, 59, &minutes)) {
		return false;
	}
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* RFC 3339 */
static bool take_time(struct cursor *c, struct syslog_message *message)
{
	struct cursor at = *c;
	struct tm tm = {0};
	int64_t fraction_ns;
	int year, zone;

	if (!take_digits(&at, 4, 9999, &year) || !take_char(&at, '-') ||
		!take_digits(&at, 2, 12, &tm.tm_mon) || !take_char(&at, '-') ||
		!take_digits(&at, 2, 31, &tm.tm_mday) || !take_char(&at, 'T') ||
		!take_digits(&at, 2, 23, &tm.tm_hour) || !take_char(&at, ':') ||
		!take_digits(&at, 2, 59, &tm.tm_min) || !take_char(&at, ':') ||
		!take_digits(&at, 2, 59, &tm.tm_sec) ||
		!take_fraction(&at, message, &fraction_ns) || !take_zone(&at, &zone) ||
		year < 1900 || year > 2200 || !is_date(year, tm.tm_mon, tm.tm_mday)) {
		return false;
	}
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	message->time_ns = ((int64_t)timegm(&tm) - zone) * SECOND + fraction_ns;
	message->has_time = true;
	*c = at;
	return true;
}

/* The year that brings the time nearest to now, by this computer's time zone. */
static bool find_year(struct tm *tm, int64_t now_ns, int64_t *ret_time_ns)
{
	time_t now = (time_t)(now_ns / SECOND), time;
	struct tm today;
	int day = tm->tm_mday;

	if (localtime_r(&now, &today) == NULL) {
		return false;
	}
	for (int year = today.tm_year + 1; year >= today.tm_year - 1; year--) {
		struct tm candidate = *tm;

		candidate.tm_year = year;
		candidate.tm_isdst = -1;
		time = mktime(&candidate);
		/* 29 February is there in some years only */
		if (time != (time_t)-1 && candidate.tm_mday == day && time <= now + YEAR_SLACK) {
			*ret_time_ns = (int64_t)time * SECOND;
			return true;
		}
	}
	return false;
}

/* Mmm dd hh:mm:ss, the day padded with a blank or a zero */
static bool take_old_time(struct cursor *c, int64_t now_ns, struct syslog_message *message)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct cursor at = *c;
	struct tm tm = {0};

	if (left(&at) < 15) {
		return false;
	}
	while (tm.tm_mon < 12 && memcmp(names + 3 * tm.tm_mon, at.at, 3) != 0) {
		tm.tm_mon++;
	}
	at.at += 3;
	if (tm.tm_mon == 12 || !take_char(&at, ' ') ||
		!(take_char(&at, ' ') ? take_digits(&at, 1, 9, &tm.tm_mday)
				      : take_digits(&at, 2, 31, &tm.tm_mday)) ||
		!take_char(&at, ' ') || !take_digits(&at, 2, 23, &tm.tm_hour) ||
		!take_char(&at, ':') || !take_digits(&at, 2, 59, &tm.tm_min) ||
		!take_char(&at, ':') || !take_digits(&at, 2, 60, &tm.tm_sec)) {
		return false;
	}
	if (tm.tm_mday > 0 && find_year(&tm, now_ns, &message->time_ns)) {
		message->has_time = true;
	}
	*c = at;
	return true;
}

/* A word of printable ASCII up to a blank; "-" is an empty one. */
static bool take_field(struct cursor *c, size_t max, struct yett_text *ret_field)
{
	char *start = c->at;
	size_t length;

	while (c->at<c->end && * c->at> ' ' && *c->at < 127) {
		c->at++;
	}
	length = (size_t)(c->at - start);
	if (length == 0 || length > max || !take_char(c, ' ')) {
		return false;
	}
	*ret_field = (struct yett_text){start, length == 1 && *start == '-' ? 0 : length};
	return true;
}

/* SD-NAME */
static bool take_name(struct cursor *c, struct yett_text *ret_name)
{
	char *start = c->at;

	while (c->at<c->end && * c->at> ' ' && *c->at < 127 && *c->at != '=' && *c->at != ']' &&
		*c->at != '"') {
		c->at++;
	}
	*ret_name = (struct yett_text){start, (size_t)(c->at - start)};
	return ret_name->length >= 1 && ret_name->length <= 32;
}

static void add_param(struct syslog_message *message, struct syslog_param param)
{
	if (message->param_count == SYSLOG_PARAMS_MAX) {
		message->more_params = true;
		return;
	}
	message->params[message->param_count++] = param;
}

/* name="value" with \" \\ \] in the value */
static bool take_param(struct cursor *c, struct yett_text id, struct syslog_message *message)
{
	struct syslog_param param = {.id = id};

	if (!take_name(c, &param.name) || !take_char(c, '=') || !take_char(c, '"')) {
		return false;
	}
	param.value.bytes = c->at;
	while (c->at < c->end && *c->at != '"') {
		c->at += *c->at == '\\' && left(c) > 1 ? 2 : 1;
	}
	param.value.length = (size_t)(c->at - param.value.bytes);
	if (!take_char(c, '"')) {
		return false;
	}
	add_param(message, param);
	return true;
}

/* "-" or [id param…][…]… */
static bool take_structured_data(struct cursor *c, struct syslog_message *message)
{
	if (take_char(c, '-')) {
		return true;
	}
	if (c->at == c->end || *c->at != '[') {
		return false;
	}
	while (take_char(c, '[')) {
		struct yett_text id;

		if (!take_name(c, &id)) {
			return false;
		}
		while (take_char(c, ' ')) {
			if (!take_param(c, id, message)) {
				return false;
			}
		}
		if (!take_char(c, ']')) {
			return false;
		}
	}
	return true;
}

/* Where the values lie, once it is sure that the message is well-formed and not needed as it came. */
static void unescape(char *bytes, struct syslog_message *message)
{
	for (size_t i = 0; i < message->param_count; i++) {
		struct yett_text *value = &message->params[i].value;
		char *text = bytes + (value->bytes - bytes), *to = text;
		const char *end = text + value->length;

		for (const char *from = text; from < end; from++) {
			if (*from == '\\' && from + 1 < end &&
				(from[1] == '"' || from[1] == '\\' || from[1] == ']')) {
				from++;
			}
			*to++ = *from;
		}
		value->length = (size_t)(to - text);
	}
}

static void take_body(struct cursor *c, struct syslog_message *message)
{
	while (c->end > c->at && (c->end[-1] == '\n' || c->end[-1] == '\r' || c->end[-1] == '\0')) {
		c->end--;
	}
	message->body = (struct yett_text){c->at, left(c)};
}

static bool parse_new(struct cursor *c, struct syslog_message *message)
{
	struct yett_text nil;

	message->version = 1;
	if (!take_time(c, message) && (!take_field(c, 1, &nil) || nil.length != 0)) {
		return false;
	}
	if (message->has_time && !take_char(c, ' ')) {
		return false;
	}
	if (!take_field(c, 255, &message->hostname) || !take_field(c, 48, &message->appname) ||
		!take_field(c, 128, &message->procid) || !take_field(c, 32, &message->msgid) ||
		!take_structured_data(c, message)) {
		return false;
	}
	if (c->at < c->end && *c->at != ' ' && *c->at != '\n' && *c->at != '\0') {
		return false;
	}
	take_char(c, ' ');
	if (left(c) >= 3 && memcmp(c->at, "\xef\xbb\xbf", 3) == 0) {
		c->at += 3; /* it says that the text is UTF-8, which all text is here */
	}
	take_body(c, message);
	return true;
}

/* TAG: or TAG[PID]: at the start; goes nowhere if there is none. */
static void take_tag(struct cursor *c, struct syslog_message *message)
{
	struct cursor at = *c;
	struct yett_text tag = {at.at, 0}, pid = {at.at, 0};

	while (at.at<at.end && * at.at> ' ' && *at.at < 127 && *at.at != ':' && *at.at != '[') {
		at.at++;
	}
	tag.length = (size_t)(at.at - tag.bytes);
	if (tag.length == 0 || tag.length > TAG_MAX) {
		return;
	}
	if (take_char(&at, '[')) {
		pid.bytes = at.at;
		while (at.at<at.end && * at.at> ' ' && *at.at < 127 && *at.at != ']') {
			at.at++;
		}
		pid.length = (size_t)(at.at - pid.bytes);
		if (pid.length > TAG_MAX || !take_char(&at, ']')) {
			return;
		}
	}
	/* "http://…" is text, not a tag */
	if (!take_char(&at, ':') || (at.at < at.end && *at.at != ' ' && *at.at != '\n')) {
		return;
	}
	take_char(&at, ' ');
	message->appname = tag;
	message->procid = pid;
	*c = at;
}

static void parse_old(struct cursor *c, bool local, int64_t now_ns, struct syslog_message *message)
{
	bool timed = take_old_time(c, now_ns, message) || take_time(c, message);

	if (timed) {
		take_char(c, ' ');
	}
	take_tag(c, message);
	if (timed && !local && message->appname.length == 0) {
		struct cursor at = *c;
		struct yett_text host;

		if (take_field(&at, 255, &host)) {
			message->hostname = host;
			*c = at;
			take_tag(c, message);
		}
	}
	take_body(c, message);
}

void yett_syslog_parse(
	char *bytes, size_t length, bool local, int64_t now_ns, struct syslog_message *ret_message)
{
	struct cursor c = {bytes, bytes + length};

	memset(ret_message, 0, offsetof(struct syslog_message, params));
	ret_message->malformed = !take_priority(&c, ret_message);
	if (!ret_message->malformed && left(&c) >= 2 && c.at[0] == '1' && c.at[1] == ' ') {
		c.at += 2;
		ret_message->malformed = !parse_new(&c, ret_message);
		if (!ret_message->malformed) {
			unescape(bytes, ret_message);
		}
	} else if (!ret_message->malformed) {
		parse_old(&c, local, now_ns, ret_message);
	}
	if (ret_message->malformed) {
		memset(ret_message, 0, offsetof(struct syslog_message, params));
		ret_message->malformed = true;
		ret_message->body = (struct yett_text){bytes, length};
	}
}
