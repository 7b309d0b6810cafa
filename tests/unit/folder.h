/* A test's own folder ends with all that is in it. */
#ifndef YETT_TEST_FOLDER_H
#define YETT_TEST_FOLDER_H

#include <ftw.h>
#include <stdio.h>

static inline int folder_remove_one(
	const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type, (void)where;
	return remove(path);
}

/* 0: nothing of it is left. */
static inline int folder_remove(const char *path)
{
	return nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
