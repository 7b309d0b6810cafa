/* The envelope of a batch: the way that it has come, as CBOR (doc/protocol.md, "BATCH").
 *
 * Responsible for: its fields and their limits. Not for: judging the path (flow does).
 * Threads: any; pure. Failure: a result; the output is untouched. */
#include "envelope.h"

#include <glib.h>

#include "../base/error.h"
#include "form.h"

static const struct yett_form_field envelope_fields[] = {
	YETT_FIELD_LIST(1, OPTIONAL, yett_envelope, path, hops, struct yett_id, &yett_form_id, 0),
	YETT_FIELD_TEXT(2, OPTIONAL, yett_envelope, method),
};

/* The method goes on in ATTACH, by whoever keeps the batch meanwhile. */
static bool envelope_is_sound(const void *message)
{
	return yett_form_is_word(((const struct yett_envelope *)message)->method);
}
YETT_FORM_MAP(envelope, sizeof(struct yett_envelope), envelope_is_sound);

size_t yett_envelope_encode(
	const struct yett_envelope *envelope, uint8_t ret_bytes[YETT_ENVELOPE_MAX])
{
	GByteArray *to = g_byte_array_sized_new(YETT_ENVELOPE_MAX);
	size_t length;

	yett_form_put(&envelope_form, envelope, to);
	length = to->len;
	YETT_REQUIRE(length <= YETT_ENVELOPE_MAX);
	memcpy(ret_bytes, to->data, length);
	g_byte_array_unref(to);
	return length;
}

int yett_envelope_decode(const uint8_t *bytes, size_t length, struct yett_envelope *ret_envelope)
{
	struct yett_envelope envelope;
	int result;

	if (length > YETT_ENVELOPE_MAX) {
		return YETT_ELIMIT;
	}
	result = yett_form_read(&envelope_form, bytes, length, &envelope);
	if (result == 0) {
		*ret_envelope = envelope;
	}
	return result;
}
