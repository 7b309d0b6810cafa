/* What a store has set aside: forks (two nodes that send under one identity) and dead letters (batches that
 * could not be stored as they came).
 *
 * Responsible for what is known of that on the server that holds the lease (look.c reads it from the store
 * every ten seconds, so that each server knows the same; what it could not read stays as it was), and for
 * the words that say what to do. Not responsible for telling a copy from its original, which nobody can by
 * what they send, nor for the alerts themselves (alerts.c); that of a fork is the one of a copy that its
 * sessions show (presence/clones.c). What was set aside is known for an hour after the last of it. On the
 * loop. */
#include <string.h>

#include "../../base/id.h"
#include "../internal.h"

static void aside_free(gpointer item)
{
	struct yett_aside *aside = item;

	g_free(aside->text);
	g_free(aside);
}

void yett_aside_init(struct yett_manage *manage)
{
	manage->aside = g_ptr_array_new_with_free_func(aside_free);
}

void yett_aside_done(struct yett_manage *manage)
{
	g_clear_pointer(&manage->aside, g_ptr_array_unref);
}

static char *text_of_fork(const struct yett_seen_aside *fork, const char *name)
{
	return g_strdup_printf(
		"a live copy of %s runs somewhere: two nodes send under its identity, and what "
		"came with numbers that were taken already is kept apart (batches: "
		"%" G_GUINT64_FORMAT "%s%s); stop the copy, give it a certificate of its own, and "
		"remove node-id and the queue from its state directory",
		name, fork->batches, fork->gateway[0] != '\0' ? ", some of it through " : "",
		fork->gateway);
}

static char *text_of_letter(const struct yett_seen_aside *letter, const char *name)
{
	if (letter->foreign) {
		return g_strdup_printf(
			"a batch that bears the identity of %s came from another node, and is kept "
			"as it came (dead letter %" G_GUINT64_FORMAT "%s%s); nothing can store it: "
			"find the node that has taken that identity, or is a copy of it, and stop "
			"it",
			name, letter->number, letter->gateway[0] != '\0' ? ", through " : "",
			letter->gateway);
	}
	return g_strdup_printf(
		"a batch of %s could not be stored, and is kept as it came: %s (dead letter "
		"%" G_GUINT64_FORMAT "%s%s); yettctl dead list shows what there is, yettctl dead "
		"replay ID stores one once the cause is mended",
		name, letter->reason, letter->number,
		letter->gateway[0] != '\0' ? ", through " : "", letter->gateway);
}

void yett_aside_saw(struct yett_manage *manage, const GPtrArray *seen)
{
	g_ptr_array_set_size(manage->aside, 0);
	manage->aside_known = true;
	for (guint i = 0; i < seen->len; i++) {
		const struct yett_seen_aside *one = seen->pdata[i];
		const char *name = yett_manage_name_of(manage, &one->origin);
		struct yett_aside *aside;
		char id[YETT_ID_TEXT_SIZE];

		if (name == NULL) {
			name = one->name[0] != '\0' ? one->name : yett_id_text(&one->origin, id);
		}
		aside = g_new0(struct yett_aside, 1);
		aside->kind = one->letter ? "dead-letter" : "clone";
		aside->id = one->origin;
		g_strlcpy(aside->name, name, sizeof(aside->name));
		aside->text = one->letter ? text_of_letter(one, name) : text_of_fork(one, name);
		g_ptr_array_add(manage->aside, aside);
	}
}
