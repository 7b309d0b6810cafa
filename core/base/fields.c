/* Fields of a log line.
 *
 * Responsible for finding key=value at the end of a sentence, as the convention of the log has it: keys of
 * letters, digits, - _ and ., values without blanks or within quotes. What peers say may stand in a value, so
 * nothing is trusted: whatever is no field ends the search. Any thread; keeps nothing. */
#include "fields.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static bool is_key(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!g_ascii_isalnum(text[i]) && strchr("-_.", text[i]) == NULL) {
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

size_t yett_fields_take(char *sentence, struct yett_field *ret_fields, size_t max)
{
	char *end = sentence + strlen(sentence);
	size_t count = 0;

	while (count < max) {
		char *start, *equals;

		while (end > sentence && end[-1] == ' ') {
			end--;
		}
		start = word_before(sentence, end);
		equals = memchr(start, '=', (size_t)(end - start));
		if (equals == NULL || !is_key(start, (size_t)(equals - start))) {
			break;
		}
		*end = '\0';
		ret_fields[count].key = start;
		ret_fields[count].key_length = (size_t)(equals - start);
		equals++;
		if (*equals == '"' && end - equals >= 2) {
			equals++;
			end[-1] = '\0';
		}
		ret_fields[count++].value = equals;
		end = start;
	}
	return count;
}
