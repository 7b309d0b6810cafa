/* What a plugin printed, taken apart:
 *
 *     TEXT | PERFDATA
 *     LONG TEXT
 *     LONG TEXT | PERFDATA
 *     PERFDATA …
 */
#ifndef YETT_SOURCE_EXEC_OUTPUT_H
#define YETT_SOURCE_EXEC_OUTPUT_H

#include <yett/record.h>

struct output { /* all point into what was split */
	struct yett_text text, long_text;
	struct yett_text perfdata[2];
};

struct output yett_output_split(const char *bytes, size_t length);

#endif
