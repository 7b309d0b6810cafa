/* Who was behind a gateway when its emptying began.
 *
 * A gateway that is being emptied lets nobody new in, and whoever was there come back, since that one may
 * have no other way. Responsible for that list, and for keeping it on disk from before the emptying is in
 * force until it is over: so a start in between goes by it from the first moment. Not responsible for
 * whether the node is emptied (aim.c, drain.c) nor for who else may take part (judge.c). On the loop.
 *
 * Where the file is missing or damaged nobody knows who was there: then, and only then, whoever comes
 * within some minutes of the start is let in, if he may take part at all, and an event says so. To send
 * away a node that has no other way would be worse than one that is moved once more.
 *
 * The file: a magic line, then ids of 16 bytes. They say who may come back, not who may take part. */
#include "behind.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/id.h"
#include "../../base/log.h"
#include "../../flow/stages.h"
#include "../../net/saved.h"

#define FILE_NAME    "behind"
#define MAGIC        "yett behind 1\n"
#define FILE_MAX     ((size_t)8 * 1024 * 1024) /* more than a node may know of (known.c) */
#define COME_BACK_NS (300 * YETT_SEC)

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
	return yett_id_equal_key(a, b);
}

GHashTable *yett_behind_new(void)
{
	return g_hash_table_new_full(yett_id_hash, id_equal, g_free, NULL);
}

bool yett_behind_read(GHashTable *ids, const uint8_t *bytes, size_t length)
{
	size_t head = sizeof(MAGIC) - 1;

	if (length < head || memcmp(bytes, MAGIC, head) != 0 ||
		(length - head) % sizeof(struct yett_id) != 0) {
		return false;
	}
	for (size_t at = head; at < length; at += sizeof(struct yett_id)) {
		g_hash_table_add(ids, g_memdup2(bytes + at, sizeof(struct yett_id)));
	}
	return true;
}

GByteArray *yett_behind_write(GHashTable *ids)
{
	GByteArray *to = g_byte_array_new();
	GHashTableIter iter;
	gpointer key;

	g_byte_array_append(to, (const guint8 *)MAGIC, sizeof(MAGIC) - 1);
	g_hash_table_iter_init(&iter, ids);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		g_byte_array_append(to, key, sizeof(struct yett_id));
	}
	return to;
}

int yett_behind_keep(struct yett_manage *manage)
{
	struct yett_node *node = manage->node;
	GHashTable *ids = yett_behind_new();
	struct yett_error error = {.code = 0};
	GByteArray *bytes;
	GHashTableIter iter;
	gpointer key;
	int result;

	g_hash_table_iter_init(&iter, manage->known);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		g_hash_table_add(ids, g_memdup2(key, sizeof(struct yett_id)));
	}
	bytes = yett_behind_write(ids);
	result = yett_saved_write(
		node->world.files, node->world.state, FILE_NAME, bytes->data, bytes->len, &error);
	g_byte_array_unref(bytes);
	if (result != 0) {
		yett_log(YETT_LOG_ERROR, "behind-unsaved",
			"who is behind this gateway could not be kept, which it has to know while "
			"it is being emptied: %s; tried again",
			error.text);
		g_hash_table_unref(ids);
		return result;
	}
	yett_behind_done(manage);
	manage->behind = ids;
	return 0;
}

void yett_behind_open(struct yett_manage *manage)
{
	struct yett_node *node = manage->node;
	GHashTable *ids;
	char *bytes;
	size_t length;
	bool good;

	if (yett_saved_read(node->world.files, node->world.state, FILE_NAME, FILE_MAX, &bytes,
		    &length) != 0) {
		bytes = NULL;
	}
	if (!node->settings->node.drain) {
		manage->behind_over = bytes != NULL; /* it is over: the tick removes it */
		free(bytes);
		return;
	}
	ids = yett_behind_new();
	good = bytes != NULL && yett_behind_read(ids, (const uint8_t *)bytes, length);
	free(bytes);
	if (good) {
		manage->behind = ids;
		return;
	}
	g_hash_table_unref(ids);
	manage->started_drained = true;
	yett_log(YETT_LOG_WARNING, "behind-unknown",
		"this gateway is being emptied, and the file that says who was behind it is "
		"missing or damaged: whoever may take part and comes within 5 minutes is let in, "
		"and moved like the others file=%s/%s",
		node->world.state, FILE_NAME);
}

void yett_behind_done(struct yett_manage *manage)
{
	g_clear_pointer(&manage->behind, g_hash_table_unref);
}

void yett_behind_tick(struct yett_manage *manage)
{
	struct yett_node *node = manage->node;

	if (manage->kept == NULL) {
		return; /* it knows no group, and lets in whom its lists have */
	}
	if (!node->settings->node.drain && (manage->behind != NULL || manage->behind_over)) {
		yett_behind_done(manage);
		manage->started_drained = false;
		manage->behind_over = yett_saved_remove(node->world.files, node->world.state,
					      FILE_NAME) != 0; /* again, then */
	} else if (node->settings->node.drain && manage->behind == NULL &&
		   (!manage->started_drained ||
			   yett_now(node) - manage->opened_ns >= COME_BACK_NS)) {
		(void)yett_behind_keep(manage);
	}
}

bool yett_behind_was_here(const struct yett_manage *manage, const struct yett_id *id)
{
	return g_hash_table_contains(manage->known, id) ||
	       (manage->behind != NULL
			       ? g_hash_table_contains(manage->behind, id)
			       : manage->started_drained &&
					 yett_now(manage->node) - manage->opened_ns < COME_BACK_NS);
}
