/* What came over the network, or from a stranger's file, commands no terminal and fakes no line.
 *
 * Responsible for texts of nodes, peers and certificates as they are shown to people: characters that a
 * terminal obeys (C0, DEL, C1), that end a line elsewhere (U+2028, U+2029), or that turn the direction of
 * what stands around them, become question marks; ends of lines and tabs become blanks. And for JSON, whose
 * strings stay what they are: there such characters are written as \uXXXX. Not responsible for what is shown
 * (table.c, view.c). Pure, but for the output. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static bool commands(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *yett_ctl_tame(const char *text, size_t length)
{
	g_autofree char *valid =
		g_utf8_make_valid(text, (gssize)length); /* NUL, too, is made visible */
	GString *tame = g_string_sized_new(length);
	char *copy;

	for (const char *at = valid; *at != '\0'; at += g_utf8_skip[(guchar)*at]) {
		gunichar c = g_utf8_get_char(at);

		if (c == '\n' || c == '\r' || c == '\t') {
			g_string_append_c(tame, ' ');
		} else if (commands(c)) {
			g_string_append_c(tame, '?');
		} else {
			g_string_append_unichar(tame, c);
		}
	}
	copy = strdup(tame->str);
	g_string_free(tame, TRUE);
	return copy;
}

static json_t *tame_object(const json_t *json)
{
	json_t *tame = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		char *name = yett_ctl_tame(key, strlen(key));

		json_object_set_new(tame, name, yett_ctl_tamed(json_incref(value)));
		free(name);
	}
	return tame;
}

json_t *yett_ctl_tamed(json_t *json)
{
	json_t *tame = NULL;

	if (json_is_string(json)) {
		char *text = yett_ctl_tame(json_string_value(json), json_string_length(json));

		tame = json_string(text);
		free(text);
	} else if (json_is_array(json)) {
		tame = json_array();
		for (size_t i = 0; i < json_array_size(json); i++) {
			json_array_append_new(
				tame, yett_ctl_tamed(json_incref(json_array_get(json, i))));
		}
	} else if (json_is_object(json)) {
		tame = tame_object(json);
	} else {
		return json;
	}
	json_decref(json);
	return tame;
}

void yett_ctl_dump(const json_t *json, size_t flags)
{
	char *text = json_dumps(json, flags);
	const char *from = text;

	for (const char *at = text; at != NULL && *at != '\0'; at += g_utf8_skip[(guchar)*at]) {
		gunichar c = g_utf8_get_char(at);

		/* Within strings alone: nothing else of JSON is beyond ASCII, or DEL. */
		if (c >= 0x7f && commands(c)) {
			fwrite(from, 1, (size_t)(at - from), stdout);
			printf("\\u%04x", c);
			from = at + g_utf8_skip[(guchar)*at];
		}
	}
	fputs(from != NULL ? from : "null", stdout);
	putchar('\n');
	free(text);
}
