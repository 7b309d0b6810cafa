/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a module (and of the core) as data. The core reads the configuration file,
 * holds every value against its row, reports all mistakes at once with file and line, fills the
 * module's settings struct through `offset`, and prints the manual, the sample and
 * `yettd --dump-config` from the same rows.
 *
 * The settings struct is the core's: it is valid, and unchanged, from `check` or `create` until
 * `destroy` (or until `reload` returns, for the one that it replaces). Strings in it are never
 * NULL unless the row is optional and has no default.
 *
 * Sizes and durations are written as strings with a unit ("100 MiB", "60 s"), since the parser
 * of the configuration truncates large integers silently.
 */
#ifndef YETT_SCHEMA_H
#define YETT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yett_type {
	YETT_TYPE_STRING = 1,   /* const char * */
	YETT_TYPE_PATH = 2,     /* const char *, made absolute against the configuration's folder */
	YETT_TYPE_BOOL = 3,     /* bool */
	YETT_TYPE_INT = 4,      /* int64_t, within min..max */
	YETT_TYPE_SIZE = 5,     /* uint64_t bytes; "4096", "64 KiB", "100 MiB", "2 GiB" */
	YETT_TYPE_DURATION = 6, /* uint64_t nanoseconds; "250 ms", "60 s", "5 min", "24 h", "7 d" */
	YETT_TYPE_CHOICE = 7,   /* int32_t, the index into `choices` */
	YETT_TYPE_GROUP = 8,    /* an embedded struct, described by `rows` */
};

/* Of modules, only rows of a policy are set by a management server: those that are REMOTE and LIVE. */
enum yett_schema_flag {
	YETT_SCHEMA_REQUIRED = 1 << 0, /* a configuration without it is refused */
	YETT_SCHEMA_LIST = 1 << 1,     /* a struct yett_list of the type */
	YETT_SCHEMA_SECRET = 1 << 2,   /* masked wherever it would be shown */
	YETT_SCHEMA_LIVE = 1 << 3,     /* in force after a reload of the daemon */
	YETT_SCHEMA_REMOTE = 1 << 4,   /* a management server may set it */
};

/* `items` are `count` elements of: const char * (STRING, PATH), int64_t, uint64_t, int32_t, bool,
 * or the group's struct, of `item_size` bytes each. */
struct yett_list {
	size_t count;
	void *items;
};

struct yett_schema {
	const char *name; /* as in the file: lower-case-with-dashes; NULL ends the table */
	uint16_t type;
	uint16_t flags;
	uint32_t offset;                /* of the field in the settings struct */
	uint32_t item_size;             /* GROUP: sizeof the group's struct */
	uint32_t reserved;              /* 0 */
	int64_t min, max;               /* INT, SIZE (bytes), DURATION (ns); both 0: no limits */
	const char *standard;           /* the default as one would write it; NULL: none */
	const char *doc;                /* one or two sentences, for the manual */
	const char *const *choices;     /* CHOICE: NULL-terminated */
	const struct yett_schema *rows; /* GROUP */
};

/* Binds a row to a field and fails to compile where the field's C type is not the row's. */
#define YETT_FIELD_(s, f, ctype)                                                                   \
	(uint32_t)(offsetof(s, f) +                                                                \
		   0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((s *)0)->f), ctype)    \
					   ? 1                                                     \
					   : -1]))

#define YETT_ROW_STRING(s, f, n, fl, def, d)                                                       \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_STRING, .flags = (fl),                              \
		.offset = YETT_FIELD_(s, f, const char *), .standard = (def), .doc = (d)           \
	}
#define YETT_ROW_PATH(s, f, n, fl, def, d)                                                         \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_PATH, .flags = (fl),                                \
		.offset = YETT_FIELD_(s, f, const char *), .standard = (def), .doc = (d)           \
	}
#define YETT_ROW_BOOL(s, f, n, fl, def, d)                                                         \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_BOOL, .flags = (fl),                                \
		.offset = YETT_FIELD_(s, f, bool), .standard = (def), .doc = (d)                   \
	}
#define YETT_ROW_INT(s, f, n, fl, def, lo, hi, d)                                                  \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_INT, .flags = (fl),                                 \
		.offset = YETT_FIELD_(s, f, int64_t), .min = (lo), .max = (hi), .standard = (def), \
		.doc = (d)                                                                         \
	}
#define YETT_ROW_SIZE(s, f, n, fl, def, lo, hi, d)                                                 \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_SIZE, .flags = (fl),                                \
		.offset = YETT_FIELD_(s, f, uint64_t), .min = (lo), .max = (hi),                   \
		.standard = (def), .doc = (d)                                                      \
	}
#define YETT_ROW_DURATION(s, f, n, fl, def, lo, hi, d)                                             \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_DURATION, .flags = (fl),                            \
		.offset = YETT_FIELD_(s, f, uint64_t), .min = (lo), .max = (hi),                   \
		.standard = (def), .doc = (d)                                                      \
	}
#define YETT_ROW_CHOICE(s, f, n, fl, def, c, d)                                                    \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_CHOICE, .flags = (fl),                              \
		.offset = YETT_FIELD_(s, f, int32_t), .standard = (def), .choices = (c),           \
		.doc = (d)                                                                         \
	}
#define YETT_ROW_STRINGS(s, f, n, fl, def, d)                                                      \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_STRING, .flags = (fl) | YETT_SCHEMA_LIST,           \
		.offset = YETT_FIELD_(s, f, struct yett_list), .standard = (def), .doc = (d)       \
	}
#define YETT_ROW_PATHS(s, f, n, fl, def, d)                                                        \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_PATH, .flags = (fl) | YETT_SCHEMA_LIST,             \
		.offset = YETT_FIELD_(s, f, struct yett_list), .standard = (def), .doc = (d)       \
	}
#define YETT_ROW_GROUP(s, f, n, fl, r, d)                                                          \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_GROUP, .flags = (fl), .offset = offsetof(s, f),     \
		.item_size = sizeof(((s *)0)->f), .rows = (r), .doc = (d)                          \
	}
#define YETT_ROW_GROUPS(s, f, n, fl, item, r, d)                                                   \
	{                                                                                          \
		.name = (n), .type = YETT_TYPE_GROUP, .flags = (fl) | YETT_SCHEMA_LIST,            \
		.offset = YETT_FIELD_(s, f, struct yett_list), .item_size = sizeof(item),          \
		.rows = (r), .doc = (d)                                                            \
	}
#define YETT_ROW_END                                                                               \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* A list's default is written as the list would be: "[\"a\", \"b\"]"; "[]" is the empty list. */

#endif
