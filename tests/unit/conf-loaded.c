/* Configurations that load: what is filled in, round trips of the dump, what differs, files and
 * includes. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf-text.h"
#include "suite.h"

static const char whole[] =
	"# a gateway\n"
	"node = { name = \"GW.Example\"; state = \"var\"; user = \"\"; heartbeat = \"30 s\";\n"
	"  log = \"journal\"; log-level = \"debug\"; compress = false; };\n"
	"transport = { module = \"transport-tls\"; };\n"
	"authentication = ( { module = \"auth-kerberos\"; }, { module = \"auth-x509\"; } );\n"
	"listeners = ( { address = \"[::]\"; admit = [ \"*.example\" ]; proxy = \"gw.example\";\n"
	"  methods = [ \"x509\" ]; max-sessions = 0x10; } );\n"
	"upstreams = ( { name = \"MS.example\"; address = [ \"127.0.0.1\", \"Ms:99\", \"[::1]\" "
	"];\n"
	"  priority = 1; }, { name = \"ms2.example\"; } );\n"
	"sources = ( { module = \"source-host\"; name = \"host\"; },\n"
	"  { module = \"source-test\"; path = \"./x/y\"; optional = \"t\\\"\\\\ \\n\\x01ä\" "
	"\"tail\";\n"
	"    size = \"4096\"; count = -5; any = 4294967296L; fast = TRUE; mode = \"fast\";\n"
	"    trust = []; checks = ( { command = \"a\"; },\n"
	"      { command = \"b\"; timeout = \"1500 ms\"; arguments = ( \"x\" ); } );\n"
	"    retry = { who = \"me\"; inner = { deep = 9; }; }; } );\n"
	"linger = { normal = \"0 s\"; };\n"
	"full = { bulk = \"drop-oldest\"; };\n"
	"admin = { socket = \"\"; } // the end";

static void test_filled(void)
{
	struct yett_conf *conf = load_well(whole);
	const struct yett_settings *s;
	const struct yett_listener_settings *listener;
	const struct yett_upstream_settings *upstream;
	const struct yett_block *sources, *methods;
	const struct test_settings *t;
	const struct test_check *checks;

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	s = yett_conf_settings(conf);
	CU_ASSERT_STRING_EQUAL(s->file, FILE_NAME);
	CU_ASSERT_STRING_EQUAL(s->node.name, "gw.example");
	CU_ASSERT_STRING_EQUAL(s->node.state, "/etc/yett/var");
	CU_ASSERT_STRING_EQUAL(s->node.display_name, "");
	CU_ASSERT_EQUAL(s->node.heartbeat_ns, 30000000000);
	CU_ASSERT_EQUAL(s->node.log_target, YETT_LOG_JOURNAL);
	CU_ASSERT_EQUAL(s->node.log_level, YETT_LOG_DEBUG);
	CU_ASSERT_FALSE(s->node.compress);
	CU_ASSERT_EQUAL(s->node.missing_heartbeats, 3);
	CU_ASSERT_EQUAL(s->node.gone_grace_ns, 10000000000);
	CU_ASSERT_EQUAL(s->node.drain_timeout_ns, 10000000000);
	CU_ASSERT_EQUAL(s->node.memory_bytes, 64 << 20);
	CU_ASSERT_EQUAL(s->node.reconnect_min_ns, 200000000);
	CU_ASSERT_EQUAL(s->node.reconnect_max_ns, 30000000000);
	CU_ASSERT_EQUAL(s->node.ping_ns, 2000000000);
	CU_ASSERT_EQUAL(s->node.ping_limit_ns, 6000000000);
	CU_ASSERT_EQUAL(s->node.session_max_ns, 86400000000000);
	CU_ASSERT_STRING_EQUAL(s->admin.socket, "");
	CU_ASSERT_STRING_EQUAL(s->admin.view_group, "yett-view");
	CU_ASSERT_EQUAL(s->linger.normal_ns, 0);
	CU_ASSERT_EQUAL(s->linger.bulk_ns, 10000000000);
	CU_ASSERT_EQUAL(s->linger.batch_bytes, 65536);
	CU_ASSERT_EQUAL(s->full.lane[YETT_LANE_NORMAL], YETT_FULL_PUSH_BACK);
	CU_ASSERT_EQUAL(s->full.lane[YETT_LANE_BULK], YETT_FULL_DROP_OLDEST);

	CU_ASSERT_EQUAL_FATAL(s->listeners.count, 1);
	listener = s->listeners.items;
	CU_ASSERT_STRING_EQUAL(listener->address, "[::]:5723");
	CU_ASSERT_EQUAL(listener->proxy.count, 1);
	CU_ASSERT_STRING_EQUAL(((const char **)listener->proxy.items)[0], "gw.example");
	CU_ASSERT_EQUAL(listener->max_sessions, 16);
	CU_ASSERT_EQUAL(listener->max_unauthenticated, 1024);
	CU_ASSERT_EQUAL(listener->max_unauthenticated_per_source, 64);
	CU_ASSERT_EQUAL(listener->handshakes_per_second, 2000);
	CU_ASSERT_EQUAL(listener->handshake_timeout_ns, 10000000000);

	CU_ASSERT_EQUAL_FATAL(s->upstreams.count, 2);
	upstream = s->upstreams.items;
	CU_ASSERT_STRING_EQUAL(upstream[0].name, "ms.example");
	CU_ASSERT_EQUAL_FATAL(upstream[0].address.count, 3);
	CU_ASSERT_STRING_EQUAL(((const char **)upstream[0].address.items)[0], "127.0.0.1:5723");
	CU_ASSERT_STRING_EQUAL(((const char **)upstream[0].address.items)[1], "ms:99");
	CU_ASSERT_STRING_EQUAL(((const char **)upstream[0].address.items)[2], "[::1]:5723");
	CU_ASSERT_EQUAL(upstream[0].priority, 1);
	CU_ASSERT_EQUAL(upstream[1].address.count, 0);

	CU_ASSERT_STRING_EQUAL(s->queue.module, "queue-disk");
	CU_ASSERT_STRING_EQUAL(s->policy.module, "policy-failover");
	CU_ASSERT_PTR_NULL(s->store.module);
	CU_ASSERT_EQUAL_FATAL(s->authentication.count, 2);
	methods = s->authentication.items;
	CU_ASSERT_STRING_EQUAL(methods[0].name, "auth-kerberos");
	CU_ASSERT_EQUAL(methods[0].line, 5);

	CU_ASSERT_EQUAL_FATAL(s->sources.count, 2);
	sources = s->sources.items;
	CU_ASSERT_STRING_EQUAL(sources[0].name, "host");
	t = sources[0].settings;
	CU_ASSERT_STRING_EQUAL(t->path, "/etc/yett/test.db");
	CU_ASSERT_PTR_NULL(t->optional);
	CU_ASSERT_EQUAL(t->mode, 2);
	CU_ASSERT_EQUAL(t->trust.count, 1);
	CU_ASSERT_STRING_EQUAL(((const char **)t->trust.items)[0], "/etc/yett/ca.pem");
	CU_ASSERT_EQUAL(t->retry.after_ns, 5000000000);
	CU_ASSERT_EQUAL(t->retry.inner.deep, 7);
	t = sources[1].settings;
	CU_ASSERT_STRING_EQUAL(t->path, "/etc/yett/x/y");
	CU_ASSERT_STRING_EQUAL(t->optional, "t\"\\ \n\x01ätail");
	CU_ASSERT_EQUAL(t->size_bytes, 4096);
	CU_ASSERT_EQUAL(t->count, -5);
	CU_ASSERT_EQUAL(t->any, 4294967296);
	CU_ASSERT_TRUE(t->fast);
	CU_ASSERT_EQUAL(t->mode, 1);
	CU_ASSERT_EQUAL(t->trust.count, 0);
	CU_ASSERT_EQUAL_FATAL(t->checks.count, 2);
	checks = t->checks.items;
	CU_ASSERT_STRING_EQUAL(checks[0].command, "a");
	CU_ASSERT_EQUAL_FATAL(checks[0].arguments.count, 2);
	CU_ASSERT_STRING_EQUAL(((const char **)checks[0].arguments.items)[1], "b \"c\"");
	CU_ASSERT_EQUAL(checks[1].timeout_ns, 1500000000);
	CU_ASSERT_STRING_EQUAL(((const char **)checks[1].arguments.items)[0], "x");
	CU_ASSERT_STRING_EQUAL(t->retry.who, "me");
	CU_ASSERT_EQUAL(t->retry.inner.deep, 9);
	yett_conf_free(conf);
}

static char *dumped(const struct yett_conf *conf)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	yett_conf_dump(conf, to);
	fclose(to);
	return text;
}

static void test_round_trip(void)
{
	static const char *const files[] = {whole, AGENT, SERVER};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct yett_conf *first = load_well(files[i]), *second;
		const struct yett_settings *a, *b;
		char *once, *twice;

		CU_ASSERT_PTR_NOT_NULL_FATAL(first);
		once = dumped(first);
		/* The same rows written by hand would have no secret in them. */
		for (char *at = once; (at = strstr(at, "\"********\"")) != NULL;) {
			memcpy(at, "\"\"        ", 10);
		}
		second = load_well(once);
		CU_ASSERT_PTR_NOT_NULL_FATAL(second);
		twice = dumped(second);
		for (char *at = twice; (at = strstr(at, "\"********\"")) != NULL;) {
			memcpy(at, "\"\"        ", 10);
		}
		CU_ASSERT_STRING_EQUAL(once, twice);
		a = yett_conf_settings(first);
		b = yett_conf_settings(second);
		CU_ASSERT_EQUAL(yett_conf_block_differs(&a->queue, &b->queue), 0);
		CU_ASSERT_EQUAL(yett_conf_block_differs(&a->store, &b->store), 0);
		for (size_t j = 0; j < a->sources.count; j++) {
			const struct yett_block *x = a->sources.items, *y = b->sources.items;

			CU_ASSERT_EQUAL(yett_conf_block_differs(&x[j], &y[j]), 0);
		}
		yett_conf_free(first);
		yett_conf_free(second);
		free(once);
		free(twice);
	}
}

static void test_secret(void)
{
	struct yett_conf *conf = load_well(AGENT "queue = { password = \"hunter2\"; };\n");
	char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	text = dumped(conf);
	CU_ASSERT_PTR_NULL(strstr(text, "hunter2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "password = \"********\";"));
	free(text);
	yett_conf_free(conf);
}

static void test_differs(void)
{
	static const struct {
		const char *name, *queue;
		int want;
	} table[] = {
		{"same", "path = \"q\"; checks = ( { command = \"a\"; } );", 0},
		{"live", "path = \"q\"; checks = ( { command = \"a\"; } ); size = \"1 MiB\";", 1},
		{"live, within a group that is not",
			"path = \"q\"; checks = ( { command = \"a\"; } ); retry = { who = \"\"; "
			"after = "
			"\"1 s\"; };",
			2},
		{"path", "path = \"r\"; checks = ( { command = \"a\"; } ); size = \"1 MiB\";", 2},
		{"list", "path = \"q\"; checks = ( { command = \"b\"; } );", 2},
		{"longer list",
			"path = \"q\"; checks = ( { command = \"a\"; }, { command = \"a\"; } );",
			2},
		{"name", "path = \"q\"; checks = ( { command = \"a\"; } ); name = \"other\";", 2},
		{"module", "module = \"queue-memory\";", 2},
	};
	struct yett_conf *base = NULL;
	const struct yett_block nothing = {0};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *text = g_strdup_printf("%squeue = { %s };", AGENT, table[i].queue);
		struct yett_conf *conf = load_well(text);
		int got;

		CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
		base = i == 0 ? conf : base;
		got = yett_conf_block_differs(
			&yett_conf_settings(base)->queue, &yett_conf_settings(conf)->queue);
		if (got != table[i].want) {
			fprintf(stderr, "\n%s: %d", table[i].name, got);
		}
		CU_ASSERT_EQUAL(got, table[i].want);
		CU_ASSERT_EQUAL(
			yett_conf_block_differs(&nothing, &yett_conf_settings(conf)->queue), 2);
		if (conf != base) {
			yett_conf_free(conf);
		}
		g_free(text);
	}
	CU_ASSERT_EQUAL(yett_conf_block_differs(&nothing, &nothing), 0);
	yett_conf_free(base);
}

static void write_file(const char *folder, const char *name, const char *text, mode_t mode)
{
	char *path = g_build_filename(folder, name, NULL);

	CU_ASSERT_TRUE(g_file_set_contents(path, text, -1, NULL));
	CU_ASSERT_EQUAL(chmod(path, mode), 0);
	g_free(path);
}

/* Loads folder/name; the answer has the folder cut out. */
static char *load_file(const char *folder, const char *name, struct yett_conf **ret_conf)
{
	struct yett_problems *problems = yett_problems_new();
	char *path = g_build_filename(folder, name, NULL), *text, **pieces, *answer;

	*ret_conf = NULL;
	(void)yett_conf_load(path, &test_hooks, ret_conf, problems);
	text = printed(problems);
	pieces = g_strsplit(text, folder, -1);
	answer = g_strjoinv("", pieces);
	g_strfreev(pieces);
	free(text);
	g_free(path);
	yett_problems_free(problems);
	return answer;
}

static void test_files(void)
{
	static const struct {
		const char *name, *want;
	} table[] = {
		{"missing", "/missing: /missing cannot be read: No such file or directory: name a "
			    "file that exists\n"},
		{"folder", "/folder: /folder is a directory, not a file: name the file itself\n"},
		{"fifo", "/fifo: /fifo is a device or a pipe, not a file: name the file itself\n"},
		{"open", "/open: /open is writable by everybody, so anybody could change it: run: "
			 "chmod o-w /open\n"},
		{"binary", "/binary: this is no text: it has a NUL byte: name a text file\n"},
		{"loop", "/loop:2: too many files are included (at most 256, 8 within each other): "
			 "look for a file that includes itself\n"},
		{"bad-include",
			"/bad-include:5: 'x' is no setting: there are transport, authentication, "
			"queue, policy, sources, store, node, group, module-directory, listeners, "
			"upstreams, alerts, audit, admin, full, linger\n"
			"/sub/part:2: 'normal' of linger is \"5\": it has no unit: write "
			"\"5 s\"\n"},
		{"good-include", ""},
	};
	char folder[] = "/tmp/yett-conf-XXXXXX";
	char *path;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	path = g_build_filename(folder, "folder", NULL);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	g_free(path);
	path = g_build_filename(folder, "sub", NULL);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	g_free(path);
	path = g_build_filename(folder, "fifo", NULL);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	g_free(path);
	path = g_build_filename(folder, "binary", NULL);
	CU_ASSERT_TRUE(g_file_set_contents(path, "a\0b", 3, NULL));
	g_free(path);
	write_file(folder, "open", AGENT, 0646);
	write_file(folder, "loop", "\n@include \"loop\"\n", 0600);
	write_file(folder, "sub/part", "linger = {\n normal = \"5\"; }", 0600);
	write_file(folder, "sub/good", "linger = {\n @include \"rest\" bulk = \"7 s\"; }", 0600);
	write_file(folder, "sub/rest", "normal = \"5 s\"; # no end of line", 0600);
	write_file(folder, "bad-include", AGENT "@include \"sub/part\"\nx = 1;\n", 0600);
	write_file(folder, "good-include", AGENT "@include \"sub/good\"\n", 0644);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct yett_conf *conf;
		char *got = load_file(folder, table[i].name, &conf);

		if (strcmp(got, table[i].want) != 0) {
			fprintf(stderr, "\n%s:\n  got  %s  want %s\n", table[i].name, got,
				table[i].want);
		}
		CU_ASSERT_STRING_EQUAL(got, table[i].want);
		if (table[i].want[0] == '\0') {
			CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
			CU_ASSERT_EQUAL(yett_conf_settings(conf)->linger.normal_ns, 5000000000);
			CU_ASSERT_EQUAL(yett_conf_settings(conf)->linger.bulk_ns, 7000000000);
		} else {
			CU_ASSERT_PTR_NULL(conf);
		}
		yett_conf_free(conf);
		g_free(got);
	}
	path = g_strdup_printf("rm -r %s", folder);
	CU_ASSERT_EQUAL(system(path), 0);
	g_free(path);
}

/* Without a name in the file, the computer's own, or a mend where that has no domain. */
static void test_own_name(void)
{
	char *problems;
	struct yett_conf *conf = load("store = { module = \"store-sqlite\"; };\n"
				      "group = { name = \"x\"; id = "
				      "\"6f1c1cc4-8b2e-4b8f-9d0e-1f2a3b4c5d6e\"; };\n",
		&problems);

	if (conf != NULL) {
		CU_ASSERT_PTR_NOT_NULL(strchr(yett_conf_settings(conf)->node.name, '.'));
	} else {
		CU_ASSERT_PTR_NOT_NULL(strstr(problems,
			"is not fully qualified: add name = \"COMPUTER.DOMAIN\"; to node\n"));
	}
	free(problems);
	yett_conf_free(conf);
}

int main(int argc, char **argv)
{
	static const CU_TestInfo tests[] = {
		{"what is filled in", test_filled},
		{"the dump loads to the same", test_round_trip},
		{"secrets are masked", test_secret},
		{"blocks that differ", test_differs},
		{"files and includes", test_files},
		{"the computer's own name", test_own_name},
		CU_TEST_INFO_NULL,
	};

	return suite_run(argc, argv, "conf-loaded", tests);
}
