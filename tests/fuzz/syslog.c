/* A syslog message, of this computer or of another by the first byte: whatever it is, its text lies
 * within what came, and what is malformed is kept whole. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/source-syslog/message.h"
#include "fuzz.h"

static void within(const char *bytes, size_t length, struct yett_text text)
{
	if (text.length > 0 && (text.bytes < bytes || text.bytes + text.length > bytes + length)) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct syslog_message message;
	char *copy;

	if (length == 0) {
		return 0;
	}
	copy = malloc(length);
	if (copy == NULL) {
		return 0;
	}
	memcpy(copy, bytes + 1, length - 1);
	yett_syslog_parse(
		copy, length - 1, (bytes[0] & 1) != 0, INT64_C(1700000000) * 1000000000, &message);
	within(copy, length - 1, message.hostname);
	within(copy, length - 1, message.appname);
	within(copy, length - 1, message.procid);
	within(copy, length - 1, message.msgid);
	within(copy, length - 1, message.body);
	for (size_t i = 0; i < message.param_count; i++) {
		within(copy, length - 1, message.params[i].id);
		within(copy, length - 1, message.params[i].name);
		within(copy, length - 1, message.params[i].value);
	}
	if (message.malformed &&
		(message.body.length != length - 1 || memcmp(copy, bytes + 1, length - 1) != 0)) {
		abort();
	}
	free(copy);
	return 0;
}
