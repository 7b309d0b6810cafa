/* The scan.
 *
 * Responsible for: reading the files (regular ones, bounded, not writable by everybody), expanding
 * @include "FILE" (relative to the file that says it; each file's text in place, as libconfig would
 * do it), and a list of tokens with their file and line. Not for the grammar: libconfig decides
 * what is well-formed, and tree.c holds this list against what it made of the text; so a mistake
 * here can refuse a file but never change what one means.
 *
 * Main thread. The arena owns names and texts. Every refusal becomes a problem with a position. */
#include "scan.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX  (4u << 20) /* of all files together */
#define DEPTH_MAX 32         /* brackets within brackets */
#define NEST_MAX  8          /* files within files */
#define FILES_MAX 256

struct scanner {
	struct yett_scan *scan;
	struct yett_arena *arena;
	struct yett_problems *problems;
	const char *at; /* in the file that is read now */
	const char *end;
	const char *file;
	int line;
	bool after_string; /* a string now would continue the one before */
	unsigned nest;
	unsigned files;
	unsigned depth;
	GHashTable *names[DEPTH_MAX + 1]; /* by depth: name → index of its token */
	bool failed;
};

static int scan_path(struct scanner *s, const char *path, const char *from, int from_line);

void yett_scan_init(struct yett_scan *scan)
{
	scan->text = g_string_new("");
	scan->tokens = g_array_new(FALSE, TRUE, sizeof(struct yett_token));
	scan->lines = g_array_new(FALSE, TRUE, sizeof(struct yett_place));
	scan->twice = g_array_new(FALSE, TRUE, sizeof(struct yett_token));
	scan->first = g_array_new(FALSE, TRUE, sizeof(struct yett_place));
}

void yett_scan_done(struct yett_scan *scan)
{
	g_string_free(scan->text, TRUE);
	g_array_free(scan->tokens, TRUE);
	g_array_free(scan->lines, TRUE);
	g_array_free(scan->twice, TRUE);
	g_array_free(scan->first, TRUE);
}

#define SAY(s, line_, mend_, ...)                                                                  \
	do {                                                                                       \
		yett_problems_add((s)->problems, (s)->file, line_, mend_, __VA_ARGS__);            \
		(s)->failed = true;                                                                \
	} while (0)

static void push_line(struct scanner *s)
{
	struct yett_place place = {s->file, s->line};

	g_array_append_val(s->scan->lines, place);
}

/* Moves on by one character that libconfig shall see too. */
static void take(struct scanner *s)
{
	char c = *s->at++;

	g_string_append_c(s->scan->text, c);
	if (c == '\n') {
		s->line++;
		push_line(s);
	}
}

static void push(struct scanner *s, enum yett_token_type type, const char *text, int line)
{
	struct yett_token token = {type, s->file, line, text};

	s->after_string = false;
	g_array_append_val(s->scan->tokens, token);
}

static void take_comment(struct scanner *s)
{
	while (s->at < s->end && *s->at != '\n') {
		take(s);
	}
}

static void take_long_comment(struct scanner *s)
{
	int began = s->line;

	take(s);
	take(s);
	while (s->at < s->end) {
		if (s->at[0] == '*' && s->at + 1 < s->end && s->at[1] == '/') {
			take(s);
			take(s);
			return;
		}
		take(s);
	}
	SAY(s, began, "write */ where it ends", "the comment that begins here has no end");
}

static void take_string(struct scanner *s)
{
	int began = s->line;

	take(s);
	while (s->at < s->end && *s->at != '"') {
		if (s->at[0] == '\\' && s->at + 1 < s->end) {
			if (s->end - s->at >= 4 && strncasecmp(s->at, "\\x00", 4) == 0) {
				SAY(s, s->line, "leave it out", "a string contains a NUL byte");
			}
			if (s->at[1] == '"' || s->at[1] == '\\') {
				take(s);
			}
		}
		take(s);
	}
	if (s->at == s->end) {
		SAY(s, began, "write \" where it ends", "the string that begins here has no end");
		return;
	}
	take(s);
	if (!s->after_string) {
		push(s, YETT_TOKEN_STRING, "", began);
	}
	s->after_string = true;
}

static char *copy(struct scanner *s, const char *from, size_t length)
{
	return (char *)yett_arena_keep(s->arena, g_strndup(from, length));
}

static void see_name(struct scanner *s, const char *name)
{
	GHashTable **names = &s->names[s->depth];
	struct yett_token *tokens;
	guint index = s->scan->tokens->len;
	gpointer known;

	if (*names == NULL) {
		*names = g_hash_table_new(g_str_hash, g_str_equal);
	}
	push(s, YETT_TOKEN_NAME, name, s->line);
	tokens = (struct yett_token *)(void *)s->scan->tokens->data;
	if (g_hash_table_lookup_extended(*names, name, NULL, &known)) {
		const struct yett_token *before = &tokens[GPOINTER_TO_UINT(known)];
		struct yett_place place = {before->file, before->line};

		g_array_append_val(s->scan->twice, tokens[index]);
		g_array_append_val(s->scan->first, place);
	} else {
		g_hash_table_insert(*names, (void *)(uintptr_t)name, GUINT_TO_POINTER(index));
	}
}

static void take_name(struct scanner *s)
{
	const char *from = s->at;
	char *name;

	while (s->at < s->end && (isalnum((unsigned char)*s->at) || strchr("-_*", *s->at))) {
		take(s);
	}
	name = copy(s, from, (size_t)(s->at - from));
	if (strcasecmp(name, "true") == 0 || strcasecmp(name, "false") == 0) {
		push(s, YETT_TOKEN_WORD, name, s->line);
	} else {
		see_name(s, name);
	}
}

static size_t digits(const char *from, const char *end)
{
	const char *at = from;

	while (at < end && isdigit((unsigned char)*at)) {
		at++;
	}
	return (size_t)(at - from);
}

/* How long a number is, as libconfig cuts them: the longest of hexadecimal, whole and broken. */
static size_t number_length(const char *from, const char *end)
{
	const char *at = from;
	size_t whole, broken = 0;

	if (end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X') &&
		isxdigit((unsigned char)at[2])) {
		for (at += 2; at < end && isxdigit((unsigned char)*at); at++) {
		}
	} else {
		if (*at == '-' || *at == '+') {
			at++;
		}
		whole = digits(at, end);
		at += whole;
		if (at < end && *at == '.') {
			broken = 1 + digits(at + 1, end);
			at += broken;
		}
		if (whole + broken > 0 && at < end && (*at == 'e' || *at == 'E')) {
			const char *power = at + 1;

			if (power < end && (*power == '-' || *power == '+')) {
				power++;
			}
			if (digits(power, end) > 0) {
				return (size_t)(power - from) + digits(power, end);
			}
		}
		if (broken > 0 || whole == 0) {
			return (size_t)(at - from);
		}
	}
	for (int i = 0; i < 2 && at < end && *at == 'L'; i++) {
		at++;
	}
	return (size_t)(at - from);
}

static void take_number(struct scanner *s)
{
	size_t length = number_length(s->at, s->end);
	char *text = copy(s, s->at, length > 0 ? length : 1);

	for (size_t i = 0; i < strlen(text); i++) {
		take(s);
	}
	push(s, YETT_TOKEN_WORD, text, s->line);
}

static void take_bracket(struct scanner *s)
{
	char c = *s->at;
	bool open = strchr("{([", c) != NULL;

	if (open) {
		if (s->depth == DEPTH_MAX) {
			SAY(s, s->line, "nothing needs so many levels",
				"brackets are nested more than %d deep", DEPTH_MAX);
			s->at = s->end;
			return;
		}
		s->depth++;
	} else {
		g_clear_pointer(&s->names[s->depth], g_hash_table_destroy);
		s->depth -= s->depth > 0;
	}
	push(s, open ? YETT_TOKEN_OPEN : YETT_TOKEN_CLOSE, copy(s, &c, 1), s->line);
	take(s);
}

/* Only where libconfig would see one: first on its line, blanks aside. */
static void take_include(struct scanner *s)
{
	static const char word[] = "@include";
	GString *text = s->scan->text;
	const char *name, *quote;
	size_t i = text->len;
	char *path, *folder;

	while (i > 0 && (text->str[i - 1] == ' ' || text->str[i - 1] == '\t')) {
		i--;
	}
	name = s->at + strlen(word);
	if ((i > 0 && text->str[i - 1] != '\n') || s->end - s->at <= (ptrdiff_t)strlen(word) ||
		strncmp(s->at, word, strlen(word)) != 0) {
		goto wrong;
	}
	while (name < s->end && (*name == ' ' || *name == '\t')) {
		name++;
	}
	quote = name < s->end && *name == '"' ? memchr(name + 1, '"', (size_t)(s->end - name - 1))
					      : NULL;
	if (quote == NULL || quote == name + 1 || memchr(name, '\n', (size_t)(quote - name))) {
		goto wrong;
	}
	name++;
	path = copy(s, name, (size_t)(quote - name));
	if (path[0] != '/') {
		folder = g_path_get_dirname(s->file);
		path = (char *)yett_arena_keep(s->arena, g_build_filename(folder, path, NULL));
		g_free(folder);
	}
	s->at = quote + 1;
	s->after_string = false;
	(void)scan_path(s, path, s->file, s->line);
	return;
wrong:
	SAY(s, s->line, "write @include \"FILE\" at the beginning of a line",
		"'@' does not begin an include here");
	s->at++;
}

static void scan_run(struct scanner *s)
{
	while (s->at < s->end) {
		char c = *s->at;

		if (c == '#' || (c == '/' && s->at + 1 < s->end && s->at[1] == '/')) {
			take_comment(s);
		} else if (c == '/' && s->at + 1 < s->end && s->at[1] == '*') {
			take_long_comment(s);
		} else if (c == '"') {
			take_string(s);
		} else if (isalpha((unsigned char)c) || c == '*') {
			take_name(s);
		} else if (isdigit((unsigned char)c) || strchr("+-.", c) != NULL) {
			take_number(s);
		} else if (strchr("{}()[]", c) != NULL) {
			take_bracket(s);
		} else if (c == '@') {
			take_include(s);
		} else {
			s->after_string = s->after_string && isspace((unsigned char)c);
			take(s);
		}
	}
}

/* Goes through one file's text, which replaces what the scanner reads until its end. */
static void scan_bytes(struct scanner *s, const char *text, size_t length, const char *file)
{
	struct scanner outer = *s;
	GString *out = s->scan->text;
	struct yett_place *last;

	s->file = file;
	s->line = 1;
	if (memchr(text, 0, length) != NULL) {
		SAY(s, 0, "name a text file", "this is no text: it has a NUL byte");
		goto out;
	}
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	if (out->len + length > TEXT_MAX) {
		SAY(s, 0, "make it smaller", "the configuration is larger than %u MiB",
			TEXT_MAX >> 20);
		goto out;
	}
	s->at = text;
	s->end = text + length;
	if (s->scan->lines->len == 0) {
		push_line(s);
	} else {
		last = &g_array_index(s->scan->lines, struct yett_place, s->scan->lines->len - 1);
		*last = (struct yett_place){file, 1};
	}
	scan_run(s);
	/* libconfig does not understand a comment that the end of the text ends. */
	if (out->len > 0 && out->str[out->len - 1] != '\n') {
		g_string_append_c(out, '\n');
		push_line(s);
	}
	if (outer.file != NULL) {
		last = &g_array_index(s->scan->lines, struct yett_place, s->scan->lines->len - 1);
		*last = (struct yett_place){outer.file, outer.line};
	}
out:
	s->at = outer.at;
	s->end = outer.end;
	s->file = outer.file;
	s->line = outer.line;
}

static int open_text(struct scanner *s, const char *path, const char *from, int line)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (descriptor < 0 || fstat(descriptor, &status) != 0) {
		int number = errno;

		yett_problems_add(s->problems, from, line,
			number == ENOENT   ? "name a file that exists"
			: number == EACCES ? "let this user read it"
					   : "look at the file",
			"%s cannot be read: %s", path, g_strerror(number));
	} else if (!S_ISREG(status.st_mode)) {
		yett_problems_add(s->problems, from, line, "name the file itself",
			"%s is %s, not a file", path,
			S_ISDIR(status.st_mode) ? "a directory" : "a device or a pipe");
	} else if ((status.st_mode & S_IWOTH) != 0) {
		char *mend = g_strdup_printf("run: chmod o-w %s", path);

		yett_problems_add(s->problems, from, line, mend,
			"%s is writable by everybody, so anybody could change it", path);
		g_free(mend);
	} else if (status.st_size > (off_t)TEXT_MAX) {
		yett_problems_add(s->problems, from, line, "make it smaller",
			"%s is larger than %u MiB", path, TEXT_MAX >> 20);
	} else {
		return descriptor;
	}
	if (descriptor >= 0) {
		close(descriptor);
	}
	s->failed = true;
	return -1;
}

static int scan_path(struct scanner *s, const char *path, const char *from, int from_line)
{
	GByteArray *bytes;
	guint8 piece[16384];
	ssize_t n;
	int descriptor;

	if (s->nest == NEST_MAX || s->files == FILES_MAX) {
		yett_problems_add(s->problems, from, from_line,
			"look for a file that includes itself",
			"too many files are included (at most %d, %d within each other)", FILES_MAX,
			NEST_MAX);
		s->failed = true;
		s->at = s->end;
		return YETT_ECONFIG;
	}
	descriptor = open_text(s, path, from, from_line);
	if (descriptor < 0) {
		return YETT_ECONFIG;
	}
	bytes = g_byte_array_new();
	while ((n = read(descriptor, piece, sizeof(piece))) > 0 && bytes->len <= TEXT_MAX) {
		g_byte_array_append(bytes, piece, (guint)n);
	}
	if (n < 0) {
		yett_problems_add(s->problems, from, from_line, "look at the file",
			"%s cannot be read: %s", path, g_strerror(errno));
		s->failed = true;
	} else {
		s->nest++;
		s->files++;
		scan_bytes(s, bytes->len > 0 ? (const char *)bytes->data : "", bytes->len, path);
		s->nest--;
	}
	g_byte_array_free(bytes, TRUE);
	close(descriptor);
	return s->failed ? YETT_ECONFIG : 0;
}

static int scan_end(struct scanner *s)
{
	struct yett_token end = {YETT_TOKEN_END, "", 0, ""};

	g_array_append_val(s->scan->tokens, end);
	for (unsigned i = 0; i <= DEPTH_MAX; i++) {
		g_clear_pointer(&s->names[i], g_hash_table_destroy);
	}
	return s->failed ? YETT_ECONFIG : 0;
}

int yett_scan_file(struct yett_scan *scan, const char *path, struct yett_arena *arena,
	struct yett_problems *problems)
{
	struct scanner s = {.scan = scan, .arena = arena, .problems = problems};

	(void)scan_path(&s, path, path, 0);
	return scan_end(&s);
}

int yett_scan_text(struct yett_scan *scan, const char *text, size_t length, const char *path,
	struct yett_arena *arena, struct yett_problems *problems)
{
	struct scanner s = {.scan = scan, .arena = arena, .problems = problems};

	scan_bytes(&s, text, length, path);
	return scan_end(&s);
}

int yett_scan_more(struct yett_scan *scan, const char *text, size_t length, const char *path,
	struct yett_arena *arena, struct yett_problems *problems)
{
	if (scan->tokens->len > 0) {
		g_array_set_size(scan->tokens, scan->tokens->len - 1); /* END */
	}
	return yett_scan_text(scan, text, length, path, arena, problems);
}
