/* `yettctl cert`: what a certificate says, and whether a node could use it (M19).
 *
 * Responsible for what a person types and reads; looking into the certificate is core/pki. Works
 * on files alone. Exit code 0 where nothing is wrong with the certificate, 1 where something is
 * or it cannot be read, 2 where the command was not understood. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/clock.h"
#include "../pki/certificate.h"
#include "ctl.h"
#include "table.h"

#define VALUES_AT 12

static const char *day(int64_t seconds, char *ret_text, size_t size)
{
	return yett_time_text(seconds * (int64_t)YETT_SEC, ret_text, size);
}

/* Whoever made the certificate chose the words, which are tamed as they are wrapped. */
static void print_field(const char *label, const char *value)
{
	printf("%-*s", VALUES_AT, label);
	yett_table_wrapped(value, VALUES_AT);
}

static void print_list(const char *label, const GPtrArray *list, const char *(*word)(const char *))
{
	g_autoptr(GString) line = g_string_new(list->len == 0 ? "none" : "");

	for (guint i = 0; i < list->len; i++) {
		const char *text = g_ptr_array_index(list, i);

		g_string_append_printf(
			line, "%s%s", i > 0 ? ", " : "", word != NULL ? word(text) : text);
	}
	print_field(label, line->str);
}

static void print_text(const struct yett_certificate *certificate)
{
	char text[32];

	print_field("Subject", certificate->subject);
	print_field("Issuer", certificate->issuer);
	print_list("Names", certificate->names, NULL);
	print_list("Usages", certificate->usages, yett_certificate_usage);
	printf("%-12s%s\n", "From", day(certificate->not_before, text, sizeof(text)));
	printf("%-12s%s\n", "Until", day(certificate->not_after, text, sizeof(text)));
	printf("%-12s%s, %u bits\n", "Key", certificate->key_type, certificate->key_bits);
	printf("%-12s%s\n", "Signature", certificate->signature);
	print_field("Serial", certificate->serial);
	print_field("SHA-256", certificate->fingerprint);
	if (certificate->problems->len == 0) {
		puts("No problem found.");
		return;
	}
	printf("%u problem%s:\n", certificate->problems->len,
		certificate->problems->len == 1 ? "" : "s");
	for (guint i = 0; i < certificate->problems->len; i++) {
		const struct yett_certificate_problem *problem =
			g_ptr_array_index(certificate->problems, i);

		yett_ctl_say("  %s%s%s", problem->what, problem->mend[0] != '\0' ? ": " : "",
			problem->mend);
	}
}

/* A name may be any bytes: what is no UTF-8 is shown with replacement characters. */
static json_t *json_text(const char *text)
{
	gchar *valid = g_utf8_make_valid(text, -1);
	json_t *value = json_string(valid);

	g_free(valid);
	return value;
}

static json_t *json_list(const GPtrArray *list)
{
	json_t *array = json_array();

	for (guint i = 0; i < list->len; i++) {
		json_array_append_new(array, json_text(g_ptr_array_index(list, i)));
	}
	return array;
}

static void print_json(const struct yett_certificate *certificate)
{
	char from[32];
	char until[32];
	json_t *problems = json_array();
	json_t *root = json_object();

	for (guint i = 0; i < certificate->problems->len; i++) {
		const struct yett_certificate_problem *problem =
			g_ptr_array_index(certificate->problems, i);
		json_t *item = json_object();

		json_object_set_new(item, "what", json_text(problem->what));
		json_object_set_new(item, "mend", json_text(problem->mend));
		json_array_append_new(problems, item);
	}
	json_object_set_new(root, "subject", json_text(certificate->subject));
	json_object_set_new(root, "issuer", json_text(certificate->issuer));
	json_object_set_new(root, "serial", json_text(certificate->serial));
	json_object_set_new(root, "names", json_list(certificate->names));
	json_object_set_new(root, "usages", json_list(certificate->usages));
	json_object_set_new(
		root, "not_before", json_text(day(certificate->not_before, from, sizeof(from))));
	json_object_set_new(
		root, "not_after", json_text(day(certificate->not_after, until, sizeof(until))));
	json_object_set_new(root, "fingerprint_sha256", json_text(certificate->fingerprint));
	json_object_set_new(root, "key_type", json_text(certificate->key_type));
	json_object_set_new(root, "key_bits", json_integer(certificate->key_bits));
	json_object_set_new(root, "signature", json_text(certificate->signature));
	json_object_set_new(root, "authority", json_boolean(certificate->authority));
	json_object_set_new(root, "certificates_in_file", json_integer(certificate->chain));
	json_object_set_new(root, "problems", problems);
	yett_ctl_dump(root, JSON_INDENT(2));
	json_decref(root);
}

static int show(const char *path, const struct yett_certificate_against *against, bool json)
{
	struct yett_certificate *certificate = NULL;
	struct yett_error error = YETT_ERROR_INIT;
	int code;

	if (yett_certificate_examine(path, against, &certificate, &error) < 0) {
		fprintf(stderr, "yettctl cert: %s%s%s\n", error.text,
			error.mend[0] != '\0' ? ": " : "", error.mend);
		return EXIT_FAILURE;
	}
	if (json) {
		print_json(certificate);
	} else {
		print_text(certificate);
	}
	code = certificate->problems->len == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	yett_certificate_free(&certificate);
	return code;
}

int yett_ctl_cert_show(const struct yett_ctl *ctl, const struct yett_line *line)
{
	const struct yett_certificate_against against = {
		.now = (int64_t)time(NULL),
		.name = yett_line_value(line, "name"),
		.key = yett_line_value(line, "key"),
		.trust = yett_line_value(line, "trust"),
	};

	return show(line->words[0], &against, ctl->json);
}
