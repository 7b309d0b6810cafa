/* Forks: two nodes that send under one identity, as what the store keeps apart shows.
 *
 * Responsible for what is known of that on the server that holds the lease (look.c reads it from the store
 * every ten seconds, so that each server knows the same), and for the words that say what to do. Not
 * responsible for telling a copy from its original, which nobody can by what they send, nor for the alert
 * itself (alerts.c), which is the one of a copy that its sessions show (presence/clones.c). A fork is known
 * for an hour after the last batch of it was kept apart. On the loop. */
#include "../../base/id.h"
#include "../internal.h"

static void copy_free(gpointer item)
{
	struct yett_copy *copy = item;

	g_free(copy->text);
	g_free(copy);
}

void yett_forks_init(struct yett_manage *manage)
{
	manage->forks = g_ptr_array_new_with_free_func(copy_free);
}

void yett_forks_done(struct yett_manage *manage)
{
	g_clear_pointer(&manage->forks, g_ptr_array_unref);
}

static char *text_of(const struct yett_seen_fork *fork, const char *name)
{
	return g_strdup_printf(
		"a live copy of %s runs somewhere: two nodes send under its identity, and what "
		"came with numbers that were taken already is kept apart (batches: "
		"%" G_GUINT64_FORMAT "%s%s); stop the copy, give it a certificate of its own, and "
		"remove node-id and the queue from its state directory",
		name, fork->batches, fork->gateway[0] != '\0' ? ", some of it through " : "",
		fork->gateway);
}

void yett_forks_saw(struct yett_manage *manage, const GPtrArray *forks)
{
	g_ptr_array_set_size(manage->forks, 0);
	for (guint i = 0; i < forks->len; i++) {
		const struct yett_seen_fork *fork = forks->pdata[i];
		const char *name = yett_manage_name_of(manage, &fork->origin);
		struct yett_copy *copy = g_new0(struct yett_copy, 1);
		char id[YETT_ID_TEXT_SIZE];

		if (name == NULL) {
			name = fork->name[0] != '\0' ? fork->name : yett_id_text(&fork->origin, id);
		}
		copy->id = fork->origin;
		g_strlcpy(copy->name, name, sizeof(copy->name));
		copy->text = text_of(fork, name);
		g_ptr_array_add(manage->forks, copy);
	}
}
