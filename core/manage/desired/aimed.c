/* The file of what a node should be like.
 *
 * Responsible for its form and for what of it counts: a magic line, the state and its time, and three
 * pieces behind their lengths (the newest desired state, the settled one, why). Both states are as they
 * were signed, and are verified again, by the keys of the installation file and of the rollovers since.
 * Not responsible for when it is written (aim.c). Pure; damage costs what is damaged, and never makes
 * something count that was not signed. */
#include "aimed.h"

#include <string.h>

#include "../../base/bytes.h"
#include "../../base/error.h"

#define MAGIC "yett desired 1\n"
#define HEAD  (sizeof(MAGIC) - 1 + 4 + 8)

struct yett_aimed *yett_aimed_new(void)
{
	return g_new0(struct yett_aimed, 1);
}

static void one_done(struct yett_aimed_one *one)
{
	g_clear_pointer(&one->bytes, g_byte_array_unref);
	one->there = false;
}

void yett_aimed_free(struct yett_aimed *aimed)
{
	if (aimed != NULL) {
		one_done(&aimed->newest);
		one_done(&aimed->settled);
		g_free(aimed);
	}
}

void yett_aimed_set(struct yett_aimed_one *one, const struct yett_desired *desired,
	const uint8_t *bytes, size_t length)
{
	one_done(one);
	one->desired = *desired;
	one->bytes = g_byte_array_new();
	g_byte_array_append(one->bytes, bytes, (guint)length);
	one->there = true;
	one->stale = false;
}

void yett_aimed_copy(struct yett_aimed_one *to, const struct yett_aimed_one *from)
{
	if (from->there) {
		yett_aimed_set(to, &from->desired, from->bytes->data, from->bytes->len);
		to->stale = from->stale;
	} else {
		one_done(to);
	}
}

int yett_aimed_compare(const struct yett_desired *a, const struct yett_desired *b)
{
	if (a->generation != b->generation) {
		return a->generation > b->generation ? 1 : -1;
	}
	return a->revision == b->revision ? 0 : a->revision > b->revision ? 1 : -1;
}

static bool counts_now(const struct yett_trust *trust, const uint8_t *bytes, size_t length)
{
	struct yett_desired *desired = g_new0(struct yett_desired, 1);
	struct yett_error error = {.code = 0};
	bool counts = yett_desired_open(trust, bytes, length, desired, &error) == 0;

	g_free(desired);
	return counts;
}

void yett_aimed_distrust(struct yett_aimed *aimed, const struct yett_trust *trust)
{
	struct yett_aimed_one *ones[] = {&aimed->newest, &aimed->settled};

	for (size_t i = 0; i < G_N_ELEMENTS(ones); i++) {
		ones[i]->stale = ones[i]->there &&
				 !counts_now(trust, ones[i]->bytes->data, ones[i]->bytes->len);
	}
}

/* By the keys of the installation file, then of each rollover. What was signed by a key that went since it was
 * in other hands stays in force, and any newer word takes its place. */
static bool open_one(struct yett_aimed_one *one, struct yett_trust trust,
	const GPtrArray *rollovers, const char *node, const uint8_t *bytes, size_t length)
{
	struct yett_error error = {.code = 0};
	struct yett_desired *desired;
	guint at = 0;
	bool good = false, stale = false, compromised = false;

	if (length == 0) {
		return true;
	}
	desired = g_new0(struct yett_desired, 1);
	for (;;) {
		good = good || yett_desired_open(&trust, bytes, length, desired, &error) == 0;
		if (rollovers == NULL || at >= rollovers->len) {
			break;
		}
		const GByteArray *next = rollovers->pdata[at++];

		(void)yett_trust_follow(&trust, next->data, next->len, &compromised, &error);
		stale = stale || (good && compromised);
		compromised = false;
	}
	good = good && strcmp(desired->name, node) == 0;
	if (good) {
		yett_aimed_set(one, desired, bytes, length);
		one->stale = stale && !counts_now(&trust, bytes, length);
	}
	g_free(desired);
	return good;
}

/* The next piece; false: the file ends within it. */
static bool take_piece(
	const uint8_t **bytes, size_t *length, const uint8_t **ret_piece, size_t *ret_length)
{
	uint32_t size;

	if (*length < 4) {
		return false;
	}
	size = yett_get32(*bytes);
	if (size > YETT_DESIRED_MAX || size > *length - 4) {
		return false;
	}
	*ret_piece = *bytes + 4;
	*ret_length = size;
	*bytes += 4 + size;
	*length -= 4 + size;
	return true;
}

bool yett_aimed_read(struct yett_aimed *aimed, const struct yett_trust *trust,
	const GPtrArray *rollovers, const char *node, const uint8_t *bytes, size_t length)
{
	const uint8_t *newest, *settled, *why;
	size_t newest_length, settled_length, why_length;
	uint32_t state;
	bool good;

	if (length < HEAD || memcmp(bytes, MAGIC, sizeof(MAGIC) - 1) != 0) {
		return false;
	}
	state = yett_get32(bytes + sizeof(MAGIC) - 1);
	aimed->since_s = (int64_t)yett_get64(bytes + sizeof(MAGIC) - 1 + 4);
	bytes += HEAD;
	length -= HEAD;
	if (!take_piece(&bytes, &length, &newest, &newest_length) ||
		!take_piece(&bytes, &length, &settled, &settled_length) ||
		!take_piece(&bytes, &length, &why, &why_length) || length != 0 ||
		why_length >= sizeof(aimed->why) ||
		!g_utf8_validate((const char *)why, (gssize)why_length, NULL)) {
		return false;
	}
	memcpy(aimed->why, why, why_length);
	aimed->why[why_length] = '\0';
	good = open_one(&aimed->settled, *trust, rollovers, node, settled, settled_length);
	good = open_one(&aimed->newest, *trust, rollovers, node, newest, newest_length) && good;
	if (aimed->newest.there && state >= YETT_APPLIED_TRYING &&
		state <= YETT_APPLIED_ROLLED_BACK) {
		aimed->state = state;
		return good;
	}
	one_done(&aimed->newest);
	return good && state == 0;
}

static void put_piece(GByteArray *to, const void *bytes, size_t length)
{
	uint8_t size[4];

	yett_put32(size, (uint32_t)length);
	g_byte_array_append(to, size, sizeof(size));
	g_byte_array_append(to, bytes, (guint)length);
}

static void put_one(GByteArray *to, const struct yett_aimed_one *one)
{
	put_piece(to, one->there ? (const void *)one->bytes->data : "",
		one->there ? one->bytes->len : 0);
}

GByteArray *yett_aimed_write(const struct yett_aimed *aimed)
{
	GByteArray *to = g_byte_array_new();
	uint8_t head[12];

	g_byte_array_append(to, (const guint8 *)MAGIC, sizeof(MAGIC) - 1);
	yett_put32(head, aimed->state);
	yett_put64(head + 4, (uint64_t)aimed->since_s);
	g_byte_array_append(to, head, sizeof(head));
	put_one(to, &aimed->newest);
	put_one(to, &aimed->settled);
	put_piece(to, aimed->why, strlen(aimed->why));
	return to;
}
