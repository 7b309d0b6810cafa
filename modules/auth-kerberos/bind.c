/* What ties an authentication to its channel.
 *
 * Responsible for the channel bindings (tls-exporter, RFC 9266, as GSSAPI carries them: RFC 5929's
 * prefix and the value), for the MICs that both ends exchange over their role and an exporter value
 * of a label of our own, and for the form of a turn: pieces of bytes, each behind four bytes of
 * length, little-endian. Not responsible for what follows from a wrong one. Any thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kerberos.h"

bool yett_kerberos_can_bind(const struct yett_facts *facts)
{
	static const uint8_t nothing[YETT_EXPORTER_SIZE];

	return memcmp(facts->binding, nothing, sizeof(nothing)) != 0 &&
	       memcmp(facts->exporter, nothing, sizeof(nothing)) != 0;
}

void yett_kerberos_bind(const struct yett_facts *facts, struct yett_kerberos_bindings *ret_bindings)
{
	size_t length;

	memset(ret_bindings, 0, sizeof(*ret_bindings));
	length = (size_t)snprintf(
		(char *)ret_bindings->data, sizeof(ret_bindings->data), "tls-exporter:");
	memcpy(ret_bindings->data + length, facts->binding, sizeof(facts->binding));
	ret_bindings->gss.application_data.value = ret_bindings->data;
	ret_bindings->gss.application_data.length = length + sizeof(facts->binding);
}

/* Of whoever says it: the two ends' differ, so that one cannot be sent back as the other. */
static size_t statement(
	const struct yett_kerberos_context *context, bool of_initiator, uint8_t ret_text[96])
{
	static const char label[] = "yett/1 kerberos ";
	const char *role = of_initiator ? "initiator" : "acceptor";
	size_t length = sizeof(label) - 1;

	memcpy(ret_text, label, length);
	memcpy(ret_text + length, role, strlen(role) + 1);
	length += strlen(role) + 1;
	memcpy(ret_text + length, context->facts->exporter, sizeof(context->facts->exporter));
	return length + sizeof(context->facts->exporter);
}

static int failed(struct yett_kerberos_context *context, OM_uint32 major, OM_uint32 minor,
	const char *for_peer, const char *what)
{
	return yett_kerberos_say(&context->cause, YETT_EDENIED, for_peer,
		"somebody may stand between the two nodes: compare what both say of this session",
		"%s (GSSAPI major 0x%08x, minor %d)", what, (unsigned)major, (int)minor);
}

int yett_kerberos_mic(struct yett_kerberos_context *context, gss_buffer_t ret_mic)
{
	uint8_t text[96];
	gss_buffer_desc message = {statement(context, context->initiator, text), text};
	OM_uint32 minor,
		major = gss_get_mic(&minor, context->gss, GSS_C_QOP_DEFAULT, &message, ret_mic);

	return major == GSS_S_COMPLETE ? 0
				       : failed(context, major, minor, "authentication failed",
						 "a MIC over the channel cannot be made");
}

int yett_kerberos_verify(struct yett_kerberos_context *context, const gss_buffer_t mic)
{
	uint8_t text[96];
	gss_buffer_desc message = {statement(context, !context->initiator, text), text};
	OM_uint32 minor, major = gss_verify_mic(&minor, context->gss, &message, mic, NULL);

	return major == GSS_S_COMPLETE
		       ? 0
		       : failed(context, major, minor, "wrong MIC over the channel",
				 "the peer's MIC over this channel is wrong: it has "
				 "authenticated on another channel than this one");
}

static void put_length(uint8_t *to, size_t length)
{
	for (int i = 0; i < 4; i++) {
		to[i] = (uint8_t)(length >> (8 * i));
	}
}

int yett_kerberos_pack(struct yett_kerberos_context *context, const gss_buffer_desc *pieces,
	size_t count, struct yett_auth_token *ret_token)
{
	size_t total = 0, at = 0;

	for (size_t i = 0; i < count; i++) {
		total += 4 + pieces[i].length;
	}
	free(context->out);
	context->out = malloc(total);
	if (context->out == NULL) {
		return yett_kerberos_say(
			&context->cause, YETT_ENOMEM, "no memory", NULL, "out of memory");
	}
	for (size_t i = 0; i < count; i++) {
		put_length(context->out + at, pieces[i].length);
		if (pieces[i].length > 0) {
			memcpy(context->out + at + 4, pieces[i].value, pieces[i].length);
		}
		at += 4 + pieces[i].length;
	}
	ret_token->bytes = context->out;
	ret_token->length = total;
	return 0;
}

bool yett_kerberos_unpack(
	const uint8_t *bytes, size_t length, gss_buffer_desc *ret_pieces, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t size;

		if (length - at < 4) {
			return false;
		}
		size = bytes[at] | (size_t)bytes[at + 1] << 8 | (size_t)bytes[at + 2] << 16 |
		       (size_t)bytes[at + 3] << 24;
		at += 4;
		if (size == 0 || size > length - at) {
			return false;
		}
		ret_pieces[i].length = size;
		ret_pieces[i].value = (void *)(uintptr_t)(bytes + at);
		at += size;
	}
	return at == length;
}
