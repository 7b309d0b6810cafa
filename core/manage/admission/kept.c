/* Decisions that a gateway keeps, so that it serves whom it knows while it is cut off.
 *
 * Responsible for what counts: the signature (signed.c), the order (an older decision never replaces
 * a newer one, and what a newer one took away cannot be played back while it would still count), the
 * time (an expired decision lets nobody in, a clock that is set back does not bring it back), and for
 * the file's form. Not responsible for when it is written, nor for asking (ask.c).
 *
 * On the loop; pure but for memory, which is bounded: the decision that ends first goes when there are too
 * many. Those that bar, or take an approval away, do not go for others: they have room of their own, and
 * where that is full it is remembered that some are missing, so that whoever nothing is kept of may be one.
 * Each entry of the file is checked by its signature: damage costs an entry, and opens nothing. What took
 * an approval away is kept as long as that would have counted, also in the file. */
#include "kept.h"

#include <string.h>

#include "../../base/bytes.h"
#include "../../base/id.h"
#include "../../base/log.h"

#define MAGIC "yett decisions 1\n"

static void one_free(void *arg)
{
	struct yett_kept_one *one = arg;

	g_byte_array_unref(one->bytes);
	g_free(one);
}

static void bytes_free(void *arg)
{
	g_byte_array_unref(arg);
}

struct yett_kept *yett_kept_new(const struct yett_clock *clock, const struct yett_trust *trust)
{
	struct yett_kept *kept = g_new0(struct yett_kept, 1);

	kept->clock = clock;
	kept->trust = *trust;
	kept->max = YETT_KEPT_MAX;
	kept->decisions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, one_free);
	kept->rollovers = g_ptr_array_new_with_free_func(bytes_free);
	return kept;
}

void yett_kept_free(struct yett_kept *kept)
{
	if (kept != NULL) {
		g_hash_table_unref(kept->decisions);
		g_ptr_array_free(kept->rollovers, TRUE);
		g_free(kept);
	}
}

int64_t yett_kept_now_s(const struct yett_kept *kept)
{
	return MAX(yett_clock_wall(kept->clock) / (int64_t)YETT_SEC, kept->latest_s);
}

const struct yett_kept_one *yett_kept_find(const struct yett_kept *kept, const char *name)
{
	return g_hash_table_lookup(kept->decisions, name);
}

static bool bars(const struct yett_decision *decision)
{
	return decision->verdict == YETT_DECIDED_REJECTED ||
	       decision->verdict == YETT_DECIDED_REVOKED;
}

bool yett_kept_bars(const struct yett_kept_one *one)
{
	return bars(&one->decision);
}

bool yett_kept_counts(const struct yett_kept *kept, const struct yett_kept_one *one)
{
	return bars(&one->decision) || one->decision.expires_s > yett_kept_now_s(kept);
}

bool yett_kept_away(const struct yett_kept *kept, const struct yett_kept_one *one)
{
	return one->away && one->until_s > yett_kept_now_s(kept);
}

/* Whether the old one lets in who does not come in by the new one, or not as that. */
static bool takes_away(const struct yett_decision *old, const struct yett_decision *new)
{
	return old->verdict == YETT_DECIDED_APPROVED &&
	       (new->verdict != YETT_DECIDED_APPROVED || new->as < old->as ||
		       (!yett_id_is_zero(&new->id) && !yett_id_equal(&new->id, &old->id)));
}

static bool is_newer(const struct yett_decision *a, const struct yett_decision *b)
{
	if (a->generation != b->generation) {
		return a->generation > b->generation;
	}
	/* The same revision signed again: it lasts longer. Of what nobody has decided on, too. */
	return a->revision != b->revision ? a->revision > b->revision : a->issued_s > b->issued_s;
}

/* Whether it has to be remembered, or somebody would be let in. */
static bool is_held(const struct yett_kept_one *one)
{
	return bars(&one->decision) || one->away;
}

static void forget(struct yett_kept *kept, const struct yett_kept_one *one)
{
	kept->held -= is_held(one);
	g_hash_table_remove(kept->decisions, one->decision.name);
}

/* What has ended goes. The one of the others that ends first; NULL: there is none. */
static const struct yett_kept_one *forget_ended(struct yett_kept *kept)
{
	int64_t now_s = yett_kept_now_s(kept);
	const struct yett_kept_one *first = NULL;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, kept->decisions);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_kept_one *one = value;

		if (!bars(&one->decision) && MAX(one->decision.expires_s, one->until_s) < now_s) {
			kept->held -= is_held(one);
			g_hash_table_iter_remove(&iter);
		} else if (!is_held(one) && (first == NULL || one->until_s < first->until_s)) {
			first = one;
		}
	}
	return first;
}

/* Room for one more of its kind; false: there is none. */
static bool make_room(struct yett_kept *kept, bool held)
{
	const struct yett_kept_one *first;

	if (held) {
		if (kept->held >= kept->max) {
			(void)forget_ended(kept);
		}
		return kept->held < kept->max;
	}
	if (g_hash_table_size(kept->decisions) - kept->held >= kept->max) {
		first = forget_ended(kept);
		if (first != NULL && g_hash_table_size(kept->decisions) - kept->held >= kept->max) {
			forget(kept, first);
		}
	}
	return true;
}

/* Whether its time may be believed, and is not over. `fresh`: it came now, not from our file. */
static int check_time(const struct yett_kept *kept, const struct yett_decision *decision,
	bool fresh, struct yett_error *error)
{
	const struct yett_signed_times times = {
		decision->issued_s, decision->expires_s, decision->vouched_s};

	return fresh ? yett_signed_judge(
			       &times, yett_kept_now_s(kept), "decision", decision->name, error)
		     : 0;
}

/* In the place of `old`, which may be NULL. */
static struct yett_kept_one *make_one(const struct yett_decision *decision, const uint8_t *bytes,
	size_t length, const struct yett_kept_one *old)
{
	struct yett_kept_one *one = g_new0(struct yett_kept_one, 1);

	one->decision = *decision;
	one->until_s = old != NULL ? MAX(old->until_s, decision->expires_s) : decision->expires_s;
	one->away = old != NULL && (old->away || takes_away(&old->decision, decision));
	one->sudden = old != NULL ? takes_away(&old->decision, decision) ||
					    (bars(decision) && !bars(&old->decision))
				  : bars(decision);
	one->bytes = g_byte_array_new();
	g_byte_array_append(one->bytes, bytes, (guint)length);
	return one;
}

/* `away_s`: until when what it took away could have counted; 0: it is none that takes away, or not of the
 * file. */
static int take_decision(struct yett_kept *kept, const uint8_t *bytes, size_t length, bool fresh,
	int64_t away_s, const char **ret_name, struct yett_error *error)
{
	struct yett_decision decision;
	struct yett_kept_one *one;
	const struct yett_kept_one *old;
	int result = yett_decision_open(&kept->trust, bytes, length, &decision, error);

	if (result == 0) {
		result = check_time(kept, &decision, fresh, error);
	}
	if (result != 0) {
		return result;
	}
	old = g_hash_table_lookup(kept->decisions, decision.name);
	if (old != NULL && !old->stale && !is_newer(&decision, &old->decision)) {
		return 0;
	}
	/* One that is known already is always replaced: nobody is let in for want of room. */
	if (old == NULL && !make_room(kept, bars(&decision) || away_s != 0) && fresh) {
		kept->missed = kept->changed = true;
		kept->missed_ns = yett_clock_monotonic(kept->clock);
		return yett_fail(error, YETT_ELIMIT,
			"whoever only a listener's list lets in is asked for first, until there is "
			"room: take back rejections of nodes that will not come again (yettctl "
			"agent "
			"delete, gateway delete)",
			"%u nodes are barred here, and %s is one more than can be kept",
			(unsigned)kept->held, decision.name);
	}
	one = make_one(&decision, bytes, length, old);
	if (away_s != 0) {
		one->away = true;
		one->until_s = MAX(one->until_s, away_s);
	}
	if (old != NULL) {
		forget(kept, old);
	}
	kept->held += is_held(one);
	g_hash_table_insert(kept->decisions, one->decision.name, one);
	kept->latest_s = MAX(kept->latest_s, decision.issued_s);
	kept->changed = true;
	*ret_name = one->decision.name;
	return 1;
}

/* The key that has gone is in other hands: what it has vouched for ends now. What bars goes on doing so, but
 * any newer word takes its place, whatever revision those hands have written there; the time goes by what is
 * left. */
static void end_distrusted(struct yett_kept *kept)
{
	GHashTableIter iter;
	gpointer value;

	kept->latest_s = 0;
	g_hash_table_iter_init(&iter, kept->decisions);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct yett_kept_one *one = value;
		struct yett_error error = {.code = 0};
		struct yett_decision decision;

		if (yett_decision_open(&kept->trust, one->bytes->data, one->bytes->len, &decision,
			    &error) == 0) {
			kept->latest_s = MAX(kept->latest_s, decision.issued_s);
		} else if (bars(&one->decision)) {
			one->stale = true;
		} else {
			kept->held -= is_held(one);
			kept->ended++;
			g_hash_table_iter_remove(&iter);
		}
	}
}

static int take_keys(
	struct yett_kept *kept, const uint8_t *bytes, size_t length, struct yett_error *error)
{
	bool compromised = false;
	GByteArray *copy;
	int result = yett_trust_follow(&kept->trust, bytes, length, &compromised, error);

	if (result != 0) {
		return result == YETT_EEXIST ? 0 : result;
	}
	kept->ended = 0;
	kept->compromised = compromised;
	if (compromised) {
		end_distrusted(kept);
	}
	copy = g_byte_array_new();
	g_byte_array_append(copy, bytes, (guint)length);
	g_ptr_array_add(kept->rollovers, copy);
	kept->changed = true;
	return 1;
}

static int take(struct yett_kept *kept, const uint8_t *bytes, size_t length, bool fresh,
	const char **ret_name, struct yett_error *error)
{
	*ret_name = NULL;
	if (yett_signed_kind(bytes, length) == YETT_SIGNED_KEYS) {
		return take_keys(kept, bytes, length, error);
	}
	return take_decision(kept, bytes, length, fresh, 0, ret_name, error);
}

int yett_kept_take(struct yett_kept *kept, const uint8_t *bytes, size_t length,
	const char **ret_name, struct yett_error *error)
{
	return take(kept, bytes, length, true, ret_name, error);
}

/* The file: a magic line, then each envelope behind its length (u32). One of a single byte, MISSED, says that
 * there were more which bar. With AWAY in the length, the time until which what it took away could have
 * counted (i64) comes before the envelope: the only thing there that nobody has signed, and it lets nobody
 * in. */
#define AWAY   UINT32_C(0x80000000)
#define MISSED 'm'

struct entry {
	GByteArray *bytes;
	int64_t until_s; /* 0: it is none that takes away */
};

static void entry_free(void *arg)
{
	struct entry *entry = arg;

	g_byte_array_unref(entry->bytes);
	g_free(entry);
}

/* The next one; NULL: what follows cannot be told apart. */
static struct entry *next_entry(const uint8_t *bytes, size_t length, size_t *at)
{
	uint32_t word = yett_get32(bytes + *at), size = word & ~AWAY;
	size_t head = 4 + ((word & AWAY) != 0 ? 8 : 0);
	struct entry *entry;

	if (size == 0 || size > YETT_SIGNED_MAX || length - *at < head ||
		size > length - *at - head) {
		return NULL;
	}
	entry = g_new0(struct entry, 1);
	entry->until_s = head > 4 ? (int64_t)yett_get64(bytes + *at + 4) : 0;
	entry->bytes = g_byte_array_new();
	g_byte_array_append(entry->bytes, bytes + *at + head, size);
	*at += head + size;
	return entry;
}

/* Those that count by the keys as they are now; the others stay in the list. */
static void take_all(struct yett_kept *kept, GPtrArray *decisions)
{
	for (guint i = decisions->len; i > 0; i--) {
		const struct entry *entry = decisions->pdata[i - 1];
		struct yett_error error = {.code = 0};
		const char *name;

		if (take_decision(kept, entry->bytes->data, entry->bytes->len, false,
			    entry->until_s, &name, &error) >= 0) {
			g_ptr_array_remove_index_fast(decisions, i - 1);
		}
	}
}

/* What was signed before a rollover counts by the keys of then: so the way of the keys is gone again. */
uint32_t yett_kept_read(struct yett_kept *kept, const uint8_t *bytes, size_t length)
{
	size_t at = sizeof(MAGIC) - 1;
	GPtrArray *decisions = g_ptr_array_new_with_free_func(entry_free);
	GPtrArray *keys = g_ptr_array_new_with_free_func(entry_free);
	uint32_t bad = 0;

	if (length < at || memcmp(bytes, MAGIC, at) != 0) {
		at = length;
		bad++;
	}
	while (length - at >= 4) {
		struct entry *entry = next_entry(bytes, length, &at);

		if (entry == NULL) {
			break;
		}
		if (entry->bytes->len == 1 && entry->bytes->data[0] == MISSED) {
			kept->missed = true;
			entry_free(entry);
			continue;
		}
		g_ptr_array_add(
			yett_signed_kind(entry->bytes->data, entry->bytes->len) == YETT_SIGNED_KEYS
				? keys
				: decisions,
			entry);
	}
	take_all(kept, decisions);
	for (guint i = 0; i < keys->len; i++) {
		const GByteArray *one = ((const struct entry *)keys->pdata[i])->bytes;
		struct yett_error error = {.code = 0};

		bad += take_keys(kept, one->data, one->len, &error) < 0;
		take_all(kept, decisions);
	}
	bad += decisions->len + (at != length);
	g_ptr_array_free(decisions, TRUE);
	g_ptr_array_free(keys, TRUE);
	kept->changed = false;
	return bad;
}

/* `until_s` 0: it is none that takes away. */
static void put(GByteArray *to, const GByteArray *envelope, int64_t until_s)
{
	uint8_t size[4], until[8];

	yett_put32(size, envelope->len | (until_s != 0 ? AWAY : 0));
	g_byte_array_append(to, size, sizeof(size));
	if (until_s != 0) {
		yett_put64(until, (uint64_t)until_s);
		g_byte_array_append(to, until, sizeof(until));
	}
	g_byte_array_append(to, envelope->data, envelope->len);
}

GByteArray *yett_kept_write(const struct yett_kept *kept)
{
	GByteArray *to = g_byte_array_new();
	int64_t now_s = yett_kept_now_s(kept);
	GHashTableIter iter;
	gpointer value;

	g_byte_array_append(to, (const guint8 *)MAGIC, sizeof(MAGIC) - 1);
	if (kept->missed) {
		uint8_t mark[5] = {[4] = MISSED};

		yett_put32(mark, 1);
		g_byte_array_append(to, mark, sizeof(mark));
	}
	for (guint i = 0; i < kept->rollovers->len; i++) {
		put(to, kept->rollovers->pdata[i], 0);
	}
	g_hash_table_iter_init(&iter, kept->decisions);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct yett_kept_one *one = value;

		if (bars(&one->decision) || one->until_s > now_s) {
			put(to, one->bytes, one->away ? one->until_s : 0);
		}
	}
	return to;
}
