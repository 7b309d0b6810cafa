/* The client of the admin API: libcurl over the UNIX socket. Responsible for one GET or POST and for saying,
 * in one line, what was wrong and what would mend it. An answer is bounded at 64 MiB. */
#include <curl/curl.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/name.h"
#include "ctl.h"

#define ANSWER_MAX (64 * 1024 * 1024)
#define TIMEOUT_S  20

struct answer {
	char *bytes;
	size_t length;
};

static size_t receive(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *answer = arg;
	char *larger;

	if (answer->length + size * n > ANSWER_MAX) {
		return 0;
	}
	larger = realloc(answer->bytes, answer->length + size * n + 1);
	if (larger == NULL) {
		return 0;
	}
	answer->bytes = larger;
	memcpy(answer->bytes + answer->length, bytes, size * n);
	answer->length += size * n;
	answer->bytes[answer->length] = '\0';
	return size * n;
}

static enum yett_trouble trouble_of(const struct yett_ctl *ctl, CURLcode code)
{
	struct stat st;

	if (stat(ctl->socket, &st) != 0) {
		return errno == EACCES ? YETT_TROUBLE_DENIED : YETT_TROUBLE_NONE_THERE;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		return YETT_TROUBLE_SILENT;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		return access(ctl->socket, R_OK | W_OK) != 0 ? YETT_TROUBLE_DENIED
							     : YETT_TROUBLE_NOBODY;
	}
	return YETT_TROUBLE_OTHER;
}

static void tell_connection(const struct yett_ctl *ctl, CURLcode code)
{
	struct stat st;

	if (stat(ctl->socket, &st) != 0) {
		fprintf(stderr,
			"yettctl: there is no socket %s: %s: is yettd running, and is this "
			"its admin.socket (--socket PATH)?\n",
			ctl->socket, strerror(errno));
	} else if (code == CURLE_COULDNT_CONNECT) {
		fprintf(stderr,
			"yettctl: nobody answers on %s: %s: start yettd, or become its user "
			"or a member of admin.view-group\n",
			ctl->socket, curl_easy_strerror(code));
	} else {
		fprintf(stderr, "yettctl: %s: %s\n", ctl->socket, curl_easy_strerror(code));
	}
}

/* An answer that is an error becomes a line. */
static json_t *take(json_t *json, long status)
{
	const json_t *error = json_object_get(json, "error");

	if (status == 200 && json != NULL) {
		return json;
	}
	if (error != NULL) {
		const char *text = json_string_value(json_object_get(error, "text"));
		const char *mend = json_string_value(json_object_get(error, "mend"));

		fprintf(stderr, "yettctl: %s%s%s\n", text != NULL ? text : "it fails",
			mend != NULL && mend[0] != '\0' ? ": " : "", mend != NULL ? mend : "");
	} else {
		fprintf(stderr, "yettctl: the node's answer is not understood (HTTP status %ld)\n",
			status);
	}
	json_decref(json);
	return NULL;
}

/* `body` NULL: a GET. `ret_trouble` NULL: tell on stderr what is wrong. */
static json_t *ask(const struct yett_ctl *ctl, const char *path_and_query, const char *body,
	int timeout_s, enum yett_trouble *ret_trouble)
{
	struct answer answer = {NULL, 0};
	CURL *curl = curl_easy_init();
	g_autofree char *url = g_strconcat("http://yett", path_and_query, NULL);
	long status = 0;
	json_t *json = NULL;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)timeout_s);
	if (body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK && ret_trouble != NULL) {
		*ret_trouble = trouble_of(ctl, code);
	} else if (code != CURLE_OK) {
		tell_connection(ctl, code);
	} else {
		if (ret_trouble != NULL) {
			*ret_trouble = YETT_TROUBLE_TOLD;
		}
		json = json_loadb(answer.bytes != NULL ? answer.bytes : "", answer.length,
			JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		json = take(ctl->json && status == 200 ? json : yett_ctl_tamed(json), status);
	}
	free(answer.bytes);
	return json;
}

json_t *yett_ctl_get(const struct yett_ctl *ctl, const char *path_and_query)
{
	return ask(ctl, path_and_query, NULL, TIMEOUT_S, NULL);
}

json_t *yett_ctl_part(const struct yett_ctl *ctl, const char *path, size_t seen)
{
	g_autofree char *rest = g_strdup_printf("%s?skip=%zu", path, seen);

	return yett_ctl_get(ctl, seen > 0 ? rest : path);
}

json_t *yett_ctl_try(const struct yett_ctl *ctl, const char *path_and_query, int timeout_s,
	enum yett_trouble *ret_trouble)
{
	return ask(ctl, path_and_query, NULL, timeout_s, ret_trouble);
}

json_t *yett_ctl_post(const struct yett_ctl *ctl, const char *path, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	json_t *json = ask(ctl, path, text != NULL ? text : "", TIMEOUT_S, NULL);

	free(text);
	json_decref(body);
	return json;
}

char *yett_ctl_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	char *copy = strdup(escaped != NULL ? escaped : "");

	curl_free(escaped);
	return copy;
}

char *yett_ctl_query(const char *path, const struct yett_line *line)
{
	GString *query = g_string_new(path);

	for (size_t i = 0; i < line->given_count; i++) {
		const struct yett_option *option = line->given[i].option;
		char *escaped;

		if (option->value != NULL) {
			escaped = yett_ctl_escape(line->given[i].value);
			g_string_append_printf(query, "%c%s=%s",
				strchr(query->str, '?') != NULL ? '&' : '?', option->name, escaped);
			free(escaped);
		}
	}
	return g_string_free(query, FALSE);
}

int yett_ctl_wrong(const char *what, const char *word, const char *const *candidates)
{
	const char *near = yett_name_nearest(word, candidates);

	if (near != NULL) {
		fprintf(stderr, "yettctl: %s is no %s: did you mean %s?\n", word, what, near);
		return YETT_EXIT_USAGE;
	}
	fprintf(stderr, "yettctl: %s is no %s; there are:", word, what);
	for (; *candidates != NULL; candidates++) {
		fprintf(stderr, " %s", *candidates);
	}
	fputc('\n', stderr);
	return YETT_EXIT_USAGE;
}
