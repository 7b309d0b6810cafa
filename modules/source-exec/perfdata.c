/* Reading performance data: see perfdata.h. What cannot be read is skipped up to the next blank, so
 * that one bad item costs itself only. A threshold that cannot be read costs the threshold and not
 * the value. Numbers are read in the C locale whatever the process has. Used by any thread. */
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "perfdata.h"

/* Units of measurement that plugins use, and UCUM's words for them. Values are not converted, since
 * plugins differ in whether a kilobyte is 1000 or 1024 bytes. */
static const struct {
	const char *uom, *unit;
} units[] = {
	{"", "1"},
	{"c", "1"},
	{"%", "%"},
	{"s", "s"},
	{"ms", "ms"},
	{"us", "us"},
	{"ns", "ns"},
	{"B", "By"},
	{"KB", "kBy"},
	{"kB", "kBy"},
	{"MB", "MBy"},
	{"GB", "GBy"},
	{"TB", "TBy"},
	{"PB", "PBy"},
	{"KiB", "KiBy"},
	{"MiB", "MiBy"},
	{"GiB", "GiBy"},
	{"TiB", "TiBy"},
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void yett_perfdata_start(struct perfdata_reader *reader, const char *text, size_t length)
{
	reader->at = text;
	reader->end = text + length;
}

/* The length of the number that starts here; 0: none does. */
static size_t number_length(const char *at, const char *end, bool *ret_whole)
{
	const char *start = at, *digits;
	bool whole = true;
	size_t count;

	at += at < end && (*at == '-' || *at == '+');
	for (digits = at; at < end && is_digit(*at); at++) {
		continue;
	}
	count = (size_t)(at - digits);
	if (at < end && *at == '.') {
		whole = false;
		for (digits = ++at; at < end && is_digit(*at); at++) {
			continue;
		}
		count += (size_t)(at - digits);
	}
	if (count == 0) {
		return 0;
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		const char *exponent = at + 1;

		exponent += exponent < end && (*exponent == '-' || *exponent == '+');
		if (exponent < end && is_digit(*exponent)) {
			whole = false;
			for (at = exponent; at < end && is_digit(*at); at++) {
				continue;
			}
		}
	}
	*ret_whole = whole;
	return (size_t)(at - start);
}

/* Reads the number at `*at` and goes beyond it. */
static bool take_number(const char **at, const char *end, struct yett_value *ret_value)
{
	bool whole = false;
	size_t length = number_length(*at, end, &whole);
	char text[64];
	double d;

	if (length == 0 || length >= sizeof(text)) {
		return false;
	}
	memcpy(text, *at, length);
	text[length] = '\0';
	if (whole && length < 19) {
		*ret_value = yett_value_int(strtoll(text, NULL, 10));
	} else {
		d = strtod_l(text, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0));
		if (d - d != 0) {
			return false; /* beyond what a double holds */
		}
		*ret_value = yett_value_double(d);
	}
	*at += length;
	return true;
}

static double as_double(struct yett_value value)
{
	return value.type == YETT_VALUE_INT ? (double)value.i : value.d;
}

/* [@][start:][end] */
static bool is_range(const char *at, const char *end)
{
	struct yett_value value;

	at += at < end && *at == '@';
	if (at < end && *at == '~') {
		at++;
		if (at == end || *at != ':') {
			return false;
		}
	} else if (at < end && *at != ':' && !take_number(&at, end, &value)) {
		return false;
	}
	if (at < end && *at == ':') {
		at++;
		return at == end || (take_number(&at, end, &value) && at == end);
	}
	return at == end;
}

/* The field up to the next ';' or `end`. */
static struct yett_text take_field(const char **at, const char *end)
{
	const char *semicolon = memchr(*at, ';', (size_t)(end - *at));
	struct yett_text field = {*at, (size_t)((semicolon != NULL ? semicolon : end) - *at)};

	*at = semicolon != NULL ? semicolon + 1 : end;
	return field;
}

static void take_range(
	const char **at, const char *end, struct perfdata *item, struct yett_text *ret_range)
{
	struct yett_text field = take_field(at, end);

	if (field.length == 0) {
		return;
	}
	if (is_range(field.bytes, field.bytes + field.length)) {
		*ret_range = field;
	} else {
		item->bad_limits = true;
	}
}

static void take_limit(
	const char **at, const char *end, struct perfdata *item, bool *ret_has, double *ret_limit)
{
	struct yett_text field = take_field(at, end);
	const char *number = field.bytes;
	struct yett_value value;

	if (field.length == 0) {
		return;
	}
	if (take_number(&number, field.bytes + field.length, &value) &&
		number == field.bytes + field.length) {
		*ret_has = true;
		*ret_limit = as_double(value);
	} else {
		item->bad_limits = true;
	}
}

/* The label and its '='. Goes beyond them. */
static bool take_label(struct perfdata_reader *reader, struct perfdata *item)
{
	size_t length = 0;
	bool quoted = *reader->at == '\'';

	reader->at += quoted;
	for (;; reader->at++) {
		if (reader->at == reader->end) {
			return false;
		}
		if (quoted && *reader->at == '\'') {
			reader->at++;
			if (reader->at == reader->end || *reader->at != '\'') {
				break;
			}
		} else if (!quoted && (*reader->at == '=' || is_blank(*reader->at))) {
			break;
		}
		if (length == sizeof(reader->label)) {
			return false;
		}
		reader->label[length++] = *reader->at;
	}
	if (length == 0 || reader->at == reader->end || *reader->at != '=') {
		return false;
	}
	reader->at++;
	item->label = (struct yett_text){reader->label, length};
	return true;
}

/* A unit that UCUM does not know is an annotation in braces. */
static bool take_unit(struct perfdata_reader *reader, struct yett_text uom, struct perfdata *item)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (uom.length == strlen(units[i].uom) &&
			memcmp(uom.bytes, units[i].uom, uom.length) == 0) {
			item->unit = yett_text(units[i].unit);
			item->counter = uom.length == 1 && uom.bytes[0] == 'c';
			return true;
		}
	}
	if (uom.length > PERFDATA_UOM_MAX) {
		return false;
	}
	for (size_t i = 0; i < uom.length; i++) {
		char c = uom.bytes[i];

		if (c <= ' ' || c > '~' || c == '{' || c == '}' || c == ',' || c == '.' ||
			is_digit(c)) {
			return false;
		}
	}
	reader->unit[0] = '{';
	memcpy(reader->unit + 1, uom.bytes, uom.length);
	reader->unit[uom.length + 1] = '}';
	item->unit = (struct yett_text){reader->unit, uom.length + 2};
	return true;
}

/* value[UOM];[warn];[crit];[min];[max], all of `at` to `end` */
static bool read_value(
	struct perfdata_reader *reader, const char *at, const char *end, struct perfdata *item)
{
	struct yett_text field = take_field(&at, end);
	const char *uom = field.bytes;

	if (field.length == 1 && field.bytes[0] == 'U') {
		item->unit = yett_text("1");
	} else if (!take_number(&uom, field.bytes + field.length, &item->value) ||
		   !take_unit(reader,
			   (struct yett_text){uom, field.length - (size_t)(uom - field.bytes)},
			   item)) {
		return false;
	}
	take_range(&at, end, item, &item->warn);
	take_range(&at, end, item, &item->crit);
	take_limit(&at, end, item, &item->has_min, &item->min);
	take_limit(&at, end, item, &item->has_max, &item->max);
	item->bad_limits |= at != end;
	return true;
}

int yett_perfdata_next(struct perfdata_reader *reader, struct perfdata *ret_item)
{
	struct perfdata item = {0};
	const char *start, *value;
	bool labelled;

	while (reader->at < reader->end && is_blank(*reader->at)) {
		reader->at++;
	}
	if (reader->at == reader->end) {
		return 0;
	}
	start = reader->at;
	labelled = take_label(reader, &item);
	if (!labelled) {
		reader->at = start + 1;
	}
	value = reader->at;
	while (reader->at < reader->end && !is_blank(*reader->at)) {
		reader->at++;
	}
	if (!labelled || !read_value(reader, value, reader->at, &item)) {
		return -1;
	}
	*ret_item = item;
	return 1;
}
