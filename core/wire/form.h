/* A form: what a CBOR map says, and where each of it stands in a struct. A map is described once,
 * as a table of fields in the order of their keys; one encoder and one decoder walk it (form.c), so
 * that a new message is a new table.
 *
 * Keys that the table does not name are skipped; a field of another type is YETT_EPROTO, beyond its
 * limit YETT_ELIMIT. Every place is in the struct itself, and no length that a peer states makes
 * one: a list has `max` elements there. */
#ifndef YETT_WIRE_FORM_H
#define YETT_WIRE_FORM_H

#include <stddef.h>

#include "cbor.h"

enum yett_form_type {
	YETT_FORM_U32 = 1, /* uint32_t */
	YETT_FORM_U64,     /* uint64_t */
	YETT_FORM_I64,     /* int64_t */
	YETT_FORM_BOOL,    /* bool */
	YETT_FORM_TEXT,    /* char[size], terminated: copied, repaired and cut as cbor.h says */
	YETT_FORM_BYTES, /* const uint8_t * and a size_t, at `count`: borrowed from what is read */
	YETT_FORM_ID,    /* struct yett_id */
	YETT_FORM_LIST, /* `max` elements of `size` bytes, as `of` says, and a uint32_t at `count` */
	YETT_FORM_ARRAY, /* the same, without a count: all of them, always */
};

enum yett_form_rule {
	YETT_FORM_NEEDED = 1, /* always told; a map without it is refused (YETT_EPROTO) */
	YETT_FORM_TOLD,       /* always told; may be missing */
	YETT_FORM_OPTIONAL,   /* told unless it is zero or empty; may be missing */
};

struct yett_form_field {
	uint8_t key; /* rising in the table */
	uint8_t type;
	uint8_t rule;
	uint32_t at, count; /* offsets in the struct */
	uint32_t size;
	uint32_t
		per_frame; /* LIST: elements of one frame; what is more goes in further ones; 0: all */
	uint64_t max;      /* of a number, a length of BYTES, a count of elements */
	const struct yett_form *of;
};

struct yett_form {
	const struct yett_form_field *fields;
	uint32_t field_count; /* 64 at most */
	/* So much of the struct is zeroed before it is read: all that is not written then, but for
	 * what lies beyond the count of a long list. */
	uint32_t blank;
	/* Elements of a list: maps of their own, or else the array has their fields one by one, with
	 * neither keys nor rules. */
	bool is_map;
	bool (*sound)(const void *message); /* what the fields alone do not say; or NULL */
};

/* A field in a table: FIELD_<type>(key, rule, struct, member, limit...). What is in an array without
 * keys has key 0 and the rule NEEDED. A member of another type does not compile. */
#define YETT_FIELD_AT_(s, f, ctype)                                                                \
	(uint32_t)(offsetof(struct s, f) +                                                         \
		   0 * sizeof(char[__builtin_types_compatible_p(                                   \
					   __typeof__(((struct s *)0)->f), ctype)                  \
					   ? 1                                                     \
					   : -1]))
#define YETT_FIELD_(k, r, t, ...)                                                                  \
	{                                                                                          \
		.key = (k), .rule = YETT_FORM_##r, .type = YETT_FORM_##t, __VA_ARGS__              \
	}
#define YETT_FIELD_U32(k, r, s, f, m)                                                              \
	YETT_FIELD_(k, r, U32, .at = YETT_FIELD_AT_(s, f, uint32_t), .size = 4, .max = (m))
#define YETT_FIELD_U64(k, r, s, f)                                                                 \
	YETT_FIELD_(k, r, U64, .at = YETT_FIELD_AT_(s, f, uint64_t), .size = 8, .max = UINT64_MAX)
#define YETT_FIELD_I64(k, r, s, f)                                                                 \
	YETT_FIELD_(k, r, I64, .at = YETT_FIELD_AT_(s, f, int64_t), .size = 8)
#define YETT_FIELD_BOOL(k, r, s, f)                                                                \
	YETT_FIELD_(k, r, BOOL, .at = YETT_FIELD_AT_(s, f, bool), .size = sizeof(bool))
#define YETT_FIELD_TEXT(k, r, s, f)                                                                \
	YETT_FIELD_(k, r, TEXT, .at = YETT_FIELD_AT_(s, f, char[sizeof(((struct s *)0)->f)]),      \
		.size = sizeof(((struct s *)0)->f))
#define YETT_FIELD_BYTES(k, r, s, f, f_length, m)                                                  \
	YETT_FIELD_(k, r, BYTES, .at = YETT_FIELD_AT_(s, f, const uint8_t *),                      \
		.count = YETT_FIELD_AT_(s, f_length, size_t), .max = (m))
#define YETT_FIELD_ID(k, r, s, f)                                                                  \
	YETT_FIELD_(k, r, ID, .at = YETT_FIELD_AT_(s, f, struct yett_id), .size = YETT_ID_SIZE)
/* Elements of ctype, as many as the member holds. */
#define YETT_FIELD_ELEMENTS_(s, f, ctype, form)                                                    \
	.at = YETT_FIELD_AT_(s, f, __typeof__(ctype)[sizeof(((struct s *)0)->f) / sizeof(ctype)]), \
	.size = sizeof(ctype), .max = sizeof(((struct s *)0)->f) / sizeof(ctype), .of = (form)
#define YETT_FIELD_LIST(k, r, s, f, f_count, ctype, form, frame)                                   \
	YETT_FIELD_(k, r, LIST, YETT_FIELD_ELEMENTS_(s, f, ctype, form),                           \
		.count = YETT_FIELD_AT_(s, f_count, uint32_t), .per_frame = (frame))
#define YETT_FIELD_ARRAY(k, r, s, f, ctype, form)                                                  \
	YETT_FIELD_(k, r, ARRAY, YETT_FIELD_ELEMENTS_(s, f, ctype, form))

/* name##_form, of name##_fields: a map, of whose struct `blank` bytes are zeroed first... */
#define YETT_FORM_MAP(name, blank_, sound_)                                                        \
	static const struct yett_form name##_form = {                                              \
		.fields = name##_fields,                                                           \
		.field_count = sizeof(name##_fields) / sizeof(name##_fields[0]),                   \
		.blank = (blank_),                                                                 \
		.is_map = true,                                                                    \
		.sound = (sound_),                                                                 \
	}
/* ... or elements without keys. */
#define YETT_FORM_ELEMENT(name, sound_)                                                            \
	static const struct yett_form name##_form = {                                              \
		.fields = name##_fields,                                                           \
		.field_count = sizeof(name##_fields) / sizeof(name##_fields[0]),                   \
		.sound = (sound_),                                                                 \
	}
extern const struct yett_form yett_form_id; /* an element that is a struct yett_id */

/* What is told of a node, and is one word wherever it is shown (its name, its address) and passed on. */
bool yett_form_is_word(const char *text);

struct _GByteArray;
/* Appends the message's map. */
void yett_form_put(const struct yett_form *form, const void *message, struct _GByteArray *to);
/* Appends its frame, or frames (per_frame). */
void yett_form_put_frames(
	const struct yett_form *form, int type, const void *message, struct _GByteArray *to);
/* The map, and not a byte more. The struct's content means nothing after a failure. */
int yett_form_read(
	const struct yett_form *form, const uint8_t *bytes, size_t length, void *ret_message);

#endif
