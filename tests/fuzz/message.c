/* A control message: the first byte is the frame's type, the rest its body. What decodes encodes,
 * into frames that decode again. */
#include "fuzz.h"

#include <glib.h>

#include "wire/frame.h"
#include "wire/message.h"

/* Each frame's body in `frames` must decode. */
#define AGAIN(decode, message, frames)                                                             \
	for (guint at = 0; at < (frames)->len;) {                                                  \
		struct yett_frame frame = yett_frame_get((frames)->data + at);                     \
		at += YETT_FRAME_HEADER_SIZE;                                                      \
		FUZZ_REQUIRE(frame.length <= YETT_FRAME_BODY_MAX);                                 \
		FUZZ_REQUIRE(decode((frames)->data + at, frame.length, message) == 0);             \
		at += frame.length;                                                                \
	}

#define TARGET(name, structure, encode)                                                            \
	static void run_##name(const uint8_t *bytes, size_t length)                                \
	{                                                                                          \
		struct structure *message = g_new(struct structure, 1);                            \
		GByteArray *frames = g_byte_array_new();                                           \
		if (yett_##name##_decode(bytes, length, message) == 0) {                           \
			encode(message, frames);                                                   \
			AGAIN(yett_##name##_decode, message, frames)                               \
		}                                                                                  \
		g_byte_array_unref(frames);                                                        \
		g_free(message);                                                                   \
	}

static void encode_refuse(const struct yett_refuse *message, GByteArray *to)
{
	yett_refuse_encode(message, YETT_FRAME_REFUSE, to);
}

static void encode_ping(const struct yett_ping *message, GByteArray *to)
{
	yett_ping_encode(message, YETT_FRAME_PING, to);
}

TARGET(hello, yett_hello, yett_hello_encode)
TARGET(auth, yett_auth_message, yett_auth_encode)
TARGET(intro, yett_intro, yett_intro_encode)
TARGET(welcome, yett_welcome, yett_welcome_encode)
TARGET(refuse, yett_refuse, encode_refuse)
TARGET(ack, yett_ack, yett_ack_encode)
TARGET(credit, yett_credit, yett_credit_encode)
TARGET(path, yett_path, yett_path_encode)
TARGET(attach, yett_attach, yett_attach_encode)
TARGET(detach, yett_detach, yett_detach_encode)
TARGET(heartbeat, yett_heartbeat, yett_heartbeat_encode)
TARGET(ping, yett_ping, encode_ping)
TARGET(standby, yett_standby, yett_standby_encode)
TARGET(admission, yett_admission, yett_admission_encode)
TARGET(config, yett_config, yett_config_encode)
TARGET(applied, yett_applied, yett_applied_encode)
TARGET(query, yett_query_message, yett_query_encode)

/* What came can be told again by a relay, whatever number that gives it. */
static void run_report(const uint8_t *bytes, size_t length)
{
	struct yett_report *message = g_new(struct yett_report, 1);
	GByteArray *frames = g_byte_array_new();

	if (length <= YETT_REPORT_MAX && yett_report_decode(bytes, length, message) == 0) {
		message->number = UINT64_MAX;
		FUZZ_REQUIRE(yett_report_size(message) <= length + 8);
		yett_report_encode(message, frames);
		AGAIN(yett_report_decode, message, frames)
	}
	g_byte_array_unref(frames);
	g_free(message);
}

static void (*const targets[])(const uint8_t *bytes, size_t length) = {
	[YETT_FRAME_HELLO] = run_hello,
	[YETT_FRAME_AUTH] = run_auth,
	[YETT_FRAME_INTRO] = run_intro,
	[YETT_FRAME_WELCOME] = run_welcome,
	[YETT_FRAME_REFUSE] = run_refuse,
	[YETT_FRAME_ACK] = run_ack,
	[YETT_FRAME_CREDIT] = run_credit,
	[YETT_FRAME_PATH] = run_path,
	[YETT_FRAME_ATTACH] = run_attach,
	[YETT_FRAME_DETACH] = run_detach,
	[YETT_FRAME_HEARTBEAT] = run_heartbeat,
	[YETT_FRAME_PING] = run_ping,
	[YETT_FRAME_STANDBY] = run_standby,
	[YETT_FRAME_ADMISSION] = run_admission,
	[YETT_FRAME_CONFIG] = run_config,
	[YETT_FRAME_APPLIED] = run_applied,
	[YETT_FRAME_QUERY] = run_query,
	[YETT_FRAME_REPORT] = run_report,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	/* A session never decodes a longer body. */
	if (length < 1 || length - 1 > YETT_FRAME_BODY_MAX) {
		return 0;
	}
	if (bytes[0] < G_N_ELEMENTS(targets) && targets[bytes[0]] != NULL) {
		targets[bytes[0]](bytes + 1, length - 1);
	}
	return 0;
}
