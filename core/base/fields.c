/* Fields of a log line.
 *
 * Responsible for finding key=value at the end of a sentence, as the convention of the log has it: keys of
 * letters, digits, - _ and ., values without blanks or within quotes; and for keeping what others have said from
 * being taken for any. What peers say may stand in a value, so nothing is trusted: whatever is no field ends the
 * search. Any thread; keeps nothing. */
#include "fields.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define GUARDED_MAX 16   /* fields of a format */
#define FORMAT_MAX  1024 /* of its end, where the fields are */

static bool is_of_key(char c)
{
	return g_ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}

static bool is_key(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!is_of_key(text[i])) {
			return false;
		}
	}
	return length > 0 && g_ascii_isalpha(text[0]);
}

/* Where the word that ends at `end` begins; blanks within quotes are of it. */
static char *word_before(char *sentence, char *end)
{
	char *start = end;

	if (start - sentence >= 2 && start[-1] == '"') {
		for (start -= 2; start > sentence && *start != '"'; start--) {
		}
	}
	while (start > sentence && start[-1] != ' ') {
		start--;
	}
	return start;
}

/* The last word before `*end`, which comes back without the blanks behind it: the field that it is, or NULL. Its
 * '=' is behind its key. */
static char *field_before(char *sentence, char **end, size_t *ret_key_length)
{
	char *start, *equals;

	while (*end > sentence && (*end)[-1] == ' ') {
		(*end)--;
	}
	start = word_before(sentence, *end);
	equals = memchr(start, '=', (size_t)(*end - start));
	if (equals == NULL || !is_key(start, (size_t)(equals - start))) {
		return NULL;
	}
	*ret_key_length = (size_t)(equals - start);
	return start;
}

size_t yett_fields_take(char *sentence, struct yett_field *ret_fields, size_t max)
{
	char *end = sentence + strlen(sentence);
	size_t count = 0;

	while (count < max) {
		size_t key_length = 0;
		char *start = field_before(sentence, &end, &key_length), *value;

		if (start == NULL) {
			break;
		}
		*end = '\0';
		value = start + key_length + 1;
		ret_fields[count].key = start;
		ret_fields[count].key_length = key_length;
		if (*value == '"' && end - value >= 2) {
			value++;
			end[-1] = '\0';
		}
		ret_fields[count++].value = value;
		end = start;
	}
	return count;
}

void yett_fields_guard(char *sentence, const char *format)
{
	struct yett_field meant[GUARDED_MAX];
	char text[FORMAT_MAX], *end = sentence + strlen(sentence), *start;
	size_t length = strlen(format), count, i = 0, key_length = 0;

	g_strlcpy(text, length < sizeof(text) ? format : format + length - (sizeof(text) - 1),
		sizeof(text));
	count = yett_fields_take(text, meant, GUARDED_MAX);
	while ((start = field_before(sentence, &end, &key_length)) != NULL) {
		if (i == count || meant[i].key_length != key_length ||
			memcmp(meant[i].key, start, key_length) != 0) {
			start[key_length] = ':'; /* it is none, and ends them */
			return;
		}
		end = start;
		i++;
	}
}

void yett_fields_tame(char *text)
{
	for (char *c = text; *c != '\0'; c++) {
		if (*c == '"') {
			*c = '\'';
		} else if (*c == '=' && c > text && is_of_key(c[-1])) {
			*c = ':';
		}
	}
}
