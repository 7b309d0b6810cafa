/* Memory that lives as long as one configuration: allocated piece by piece, freed at once. One
 * thread at a time. */
#ifndef YETT_CONF_ARENA_H
#define YETT_CONF_ARENA_H

#include <glib.h>

struct yett_arena {
	GPtrArray *pieces;
};

static inline void yett_arena_init(struct yett_arena *arena)
{
	arena->pieces = g_ptr_array_new_with_free_func(g_free);
}
static inline void yett_arena_done(struct yett_arena *arena)
{
	g_ptr_array_free(arena->pieces, TRUE);
	arena->pieces = NULL;
}
/* Given to the arena. */
static inline void *yett_arena_keep(struct yett_arena *arena, void *piece)
{
	g_ptr_array_add(arena->pieces, piece);
	return piece;
}
/* Zeroed, never NULL. */
static inline void *yett_arena_alloc(struct yett_arena *arena, size_t size)
{
	return yett_arena_keep(arena, g_malloc0(size > 0 ? size : 1));
}
static inline char *yett_arena_text(struct yett_arena *arena, const char *text)
{
	return (char *)yett_arena_keep(arena, g_strdup(text));
}

#endif
