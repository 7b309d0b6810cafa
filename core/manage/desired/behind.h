/* Who was behind a gateway when its emptying began: the file `behind`. */
#ifndef YETT_MANAGE_BEHIND_H
#define YETT_MANAGE_BEHIND_H

#include "../internal.h"

/* At the start, once it is known what this node should be like: reads the file, where it is being emptied. */
void yett_behind_open(struct yett_manage *manage);
void yett_behind_done(struct yett_manage *manage);
/* Before it is in force that the node is emptied: whom it knows now is on disk. */
int yett_behind_keep(struct yett_manage *manage);
/* Whether it is emptied may have changed otherwise: by its own file, or since that is over. */
void yett_behind_tick(struct yett_manage *manage);
/* Whether that node may come back to a gateway that is being emptied. */
bool yett_behind_was_here(const struct yett_manage *manage, const struct yett_id *id);

/* The file's form: pure. False, and nothing is added: it is none. */
bool yett_behind_read(GHashTable *ids, const uint8_t *bytes, size_t length);
GByteArray *yett_behind_write(GHashTable *ids);
GHashTable *yett_behind_new(void); /* a set of struct yett_id */

#endif
