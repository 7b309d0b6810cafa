/* Taking a plugin's output apart: see output.h. Pure; blanks at the ends are trimmed, nothing else
 * is changed. Used by any thread. */
#include <string.h>

#include "output.h"

static struct yett_text trim(const char *from, const char *to)
{
	while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r' || to[-1] == '\n' ||
				    to[-1] == '\0')) {
		to--;
	}
	while (from < to && (*from == ' ' || *from == '\t' || *from == '\r' || *from == '\n')) {
		from++;
	}
	return (struct yett_text){from, (size_t)(to - from)};
}

struct output yett_output_split(const char *bytes, size_t length)
{
	const char *end = bytes + length;
	const char *newline = memchr(bytes, '\n', length);
	const char *line_end = newline != NULL ? newline : end;
	const char *bar = memchr(bytes, '|', (size_t)(line_end - bytes));
	struct output output = {.text = trim(bytes, bar != NULL ? bar : line_end)};

	if (bar != NULL) {
		output.perfdata[0] = trim(bar + 1, line_end);
	}
	if (newline != NULL) {
		bar = memchr(newline, '|', (size_t)(end - newline));
		output.long_text = trim(newline, bar != NULL ? bar : end);
		if (bar != NULL) {
			output.perfdata[1] = trim(bar + 1, end);
		}
	}
	return output;
}
