/* What a store has set aside: forks (two nodes that send under one identity) and dead letters (batches that
 * could not be stored as they came).
 *
 * Responsible for what is known of that on the server that holds the lease (look.c reads it from the store
 * every ten seconds, so that each server knows the same), and for the words that say what to do. Not
 * responsible for telling a copy from its original, which nobody can by what they send, nor for the alerts
 * themselves (alerts.c); that of a fork is the one of a copy that its sessions show (presence/clones.c).
 * What was set aside is known for an hour after the last of it. On the loop. */
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
	return g_strdup_printf(
		"a batch of %s could not be stored, and is kept as it came: %s (dead letter "
		"%" G_GUINT64_FORMAT "%s%s); yettctl dead list shows what there is, yettctl dead "
		"replay ID stores one once the cause is mended",
		name, letter->reason, letter->number,
		letter->gateway[0] != '\0' ? ", through " : "", letter->gateway);
}

static bool is_known(const struct yett_manage *manage, const struct yett_id *id, const char *kind)
{
	for (guint i = 0; i < manage->aside->len; i++) {
		const struct yett_aside *aside = manage->aside->pdata[i];

		if (yett_id_equal(&aside->id, id) && strcmp(aside->kind, kind) == 0) {
			return true;
		}
	}
	return false;
}

void yett_aside_saw(struct yett_manage *manage, const GPtrArray *seen)
{
	g_ptr_array_set_size(manage->aside, 0);
	for (guint i = seen->len; i > 0; i--) {
		const struct yett_seen_aside *one = seen->pdata[i - 1];
		const char *kind = one->letter ? "dead-letter" : "clone";
		const char *name = yett_manage_name_of(manage, &one->origin);
		struct yett_aside *aside;
		char id[YETT_ID_TEXT_SIZE];

		if (is_known(manage, &one->origin, kind)) {
			continue; /* by one that is newer */
		}
		if (name == NULL) {
			name = one->name[0] != '\0' ? one->name : yett_id_text(&one->origin, id);
		}
		aside = g_new0(struct yett_aside, 1);
		aside->kind = kind;
		aside->id = one->origin;
		g_strlcpy(aside->name, name, sizeof(aside->name));
		aside->text = one->letter ? text_of_letter(one, name) : text_of_fork(one, name);
		g_ptr_array_add(manage->aside, aside);
	}
}
